"""Regressions on cells: the coefficients and errors of the same regressions on rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import xarray as xr
from comparison_builders import (
    BY,
    QUICK,
    binary_cells,
    clients,
    cost_cells,
    count_cells,
    dummies,
    meter_cells,
    two_by_two,
)

from costeff.comparison import Comparison, check, doubly_robust, propensity
from costeff.errors import DataError, ModelError, UsageError
from costeff.records import Cells, exposure_cells, rossi_register
from costeff.records.research import ROSSI_BREAKS

GAMMA = sm.families.Gamma(sm.families.links.Log())


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return clients()


def on_rows(rows: pd.DataFrame, outcome: pd.Series, x: pd.DataFrame, family: object, cluster: bool) -> np.ndarray:
    """Coefficients and errors from rows; statsmodels' factor for small samples taken off, but G / (G - 1)."""
    how = {"cov_type": "HC0"}
    if cluster:
        how = {"cov_type": "cluster", "cov_kwds": {"groups": pd.factorize(rows["municipality"])[0]}}
    fitted = sm.GLM(outcome, x, family=family).fit(tol=1e-12, maxiter=200, **how)
    n, k = x.shape
    return np.column_stack([fitted.params, fitted.bse * (np.sqrt((n - k) / (n - 1)) if cluster else 1)])


def found(result: Comparison, part: str = "") -> np.ndarray:
    return result.coefficients[result.coefficients.index.str.startswith(part)].to_numpy()


both = pytest.mark.parametrize("cluster", [None, "municipality"])


@both
def test_logistic_is_that_of_rows(rows: pd.DataFrame, cluster: str | None) -> None:
    wanted = on_rows(rows, rows["event"], dummies(rows, "new"), sm.families.Binomial(), bool(cluster))
    np.testing.assert_allclose(found(check(binary_cells(rows), QUICK, cluster=cluster)), wanted, rtol=1e-6)


@both
def test_gamma_and_whether_there_is_a_cost_are_those_of_rows(rows: pd.DataFrame, cluster: str | None) -> None:
    result = check(cost_cells(rows), QUICK, cluster=cluster)
    x, some = dummies(rows, "new"), rows["cost"] > 0
    amount = on_rows(rows[some], rows["cost"][some], x[some], GAMMA, bool(cluster))
    np.testing.assert_allclose(found(result, "amount"), amount, rtol=1e-5)
    whether = on_rows(rows, some.astype(float), x, sm.families.Binomial(), bool(cluster))
    np.testing.assert_allclose(found(result, "any"), whether, rtol=1e-6)
    assert result.notes == (f"{1 - some.mean():.1%} of clients had no cost",)


def test_one_part_is_enough_where_all_have_a_cost(rows: pd.DataFrame) -> None:
    some = rows[rows["cost"] > 0]
    with_count, without = cost_cells(some), cost_cells(some)
    without = replace(without, table=without.table.drop(columns="positive"))
    one, other = (check(cells, QUICK) for cells in (with_count, without))
    np.testing.assert_allclose(found(one), found(other))
    assert one.table.loc["ratio", "estimate"] == pytest.approx(np.exp(found(one)[-1, 0]))


def test_negative_binomial_is_that_of_rows(rows: pd.DataFrame) -> None:
    x = dummies(rows, "new")
    by_rows = sm.NegativeBinomial(rows["count"], x).fit(disp=0, maxiter=200)
    result = check(count_cells(rows), QUICK)
    np.testing.assert_allclose(found(result)[:, 0], by_rows.params[:-1], rtol=1e-3)
    assert result.notes == (f"variance = mean + {by_rows.params['alpha']:.3g} x mean^2",)
    family = sm.families.NegativeBinomial(alpha=by_rows.params["alpha"])
    np.testing.assert_allclose(found(result), on_rows(rows, rows["count"], x, family, True), rtol=2e-3)


@both
def test_least_squares_on_before_is_that_of_rows(rows: pd.DataFrame, cluster: str | None) -> None:
    x = dummies(rows, "before", "new")
    x["before"] -= x["before"].mean()
    wanted = sm.OLS(rows["after"], x).fit()
    errors = wanted.bse
    if cluster:
        groups = pd.factorize(rows["municipality"])[0]
        errors = wanted.get_robustcov_results("cluster", groups=groups, use_correction=False).bse * np.sqrt(25 / 24)
    result = check(meter_cells(rows), QUICK, cluster=cluster)
    np.testing.assert_allclose(found(result), np.column_stack([wanted.params, errors]), rtol=1e-6)
    assert result.effect["difference"].std().item() == pytest.approx(found(result)[-1, 1], rel=0.15)


def survival(rows: pd.DataFrame, seed: int = 3) -> pd.DataFrame:
    """Time to an event with a proportional hazard, censored at a year."""
    rng = np.random.default_rng(seed)
    risk = rows["group"].map({"low": 0.0, "middle": 0.5, "high": 1.0})
    days = rng.exponential(900 * np.exp(-risk - 0.4 * (rows["new"] == 1)))
    return rows.assign(time=np.ceil(days).clip(max=365), happened=(days <= 365).astype(float))


def to_exposure(rows: pd.DataFrame, by: tuple[str, ...], breaks: tuple[float, ...]) -> Cells:
    parts = []
    for k, (start, end) in enumerate(pairwise(breaks)):
        there = rows[rows["time"] > start]
        part = there.assign(
            exposure=there["time"].clip(upper=end) - start, events=there["happened"] * (there["time"] <= end)
        )
        sums = part.groupby([*by])[["events", "exposure"]].sum().reset_index()
        parts.append(sums.assign(interval=k, start=start, end=end))
    return Cells("exposure", by, pd.concat(parts, ignore_index=True), "arrest", breaks[-1], True, "made by hand")


def test_hazard_ratio_is_near_that_of_a_cox_model_of_rows(rows: pd.DataFrame) -> None:
    timed = survival(rows)
    cells = to_exposure(timed, BY, tuple(np.linspace(0, 365, 13)))
    cox = sm.PHReg(timed["time"], dummies(timed, "new").drop(columns="constant"), status=timed["happened"])
    for cluster in (None, "municipality"):
        groups = pd.factorize(timed["municipality"])[0] if cluster else None
        wanted = cox.fit(groups=groups) if cluster else cox.fit()
        result = check(cells, QUICK, cluster=cluster)
        estimate, error = found(result)[-1]
        assert estimate == pytest.approx(wanted.params[-1], abs=0.02)
        assert error == pytest.approx(wanted.bse[-1], rel=0.05)


def test_poisson_on_cells_is_that_of_split_rows(rows: pd.DataFrame) -> None:
    timed, breaks = survival(rows.iloc[:600]), (0.0, 120.0, 365.0)
    split = to_exposure(timed.assign(client=range(len(timed))), ("client", *BY), breaks).table
    x = dummies(split).join((split["interval"] == 1).rename("later").astype(float).to_frame())
    x["new"] = (split["option"] == "new").astype(float)
    fitted = sm.GLM(split["events"], x, family=sm.families.Poisson(), exposure=split["exposure"])
    groups = pd.factorize(split["municipality"])[0]
    wanted = fitted.fit(cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False}, tol=1e-12)
    result = check(to_exposure(timed, BY, breaks), QUICK)
    np.testing.assert_allclose(found(result)[:, 0], wanted.params, rtol=1e-6)
    np.testing.assert_allclose(found(result)[:, 1], wanted.bse * np.sqrt(25 / 24), rtol=1e-6)


def test_the_maryland_trial_gives_the_ratio_it_is_known_to_give() -> None:
    cells = exposure_cells(rossi_register(), "arrest", ROSSI_BREAKS)
    result = check(cells, QUICK)
    assert result.table.loc["ratio", "estimate"] == pytest.approx(0.693, abs=5e-4)
    np.testing.assert_allclose(result.table.loc["ratio", ["low", "high"]], [0.477, 1.007], atol=2e-3)
    assert "the cells have no municipality: clients are taken as independent" in result.notes
    shares = np.array([66 / 216, 48 / 216])  # arrested within the year, without and with aid
    np.testing.assert_allclose(result.table.loc[["usual", "new"], "estimate"], shares, atol=0.02)


# --- what a check tells ---------------------------------------------------------------------------

MAKERS = [
    binary_cells,
    count_cells,
    cost_cells,
    meter_cells,
    lambda rows: to_exposure(survival(rows), BY, (0, 180, 365)),
]


@pytest.mark.parametrize("make", MAKERS)
def test_the_effect_has_the_dims_every_model_returns(rows: pd.DataFrame, make: Callable[..., Cells]) -> None:
    effect = check(make(rows), QUICK).effect
    quantity = effect.attrs["quantity"]
    assert effect[quantity].dims == ("draw", "option")
    assert effect[f"{quantity}_by_group"].dims == ("draw", "option", "group")
    assert ("ratio" in effect) != ("difference" in effect)
    assert np.isfinite(effect.to_array()).all()


@pytest.mark.parametrize("make", MAKERS)
def test_the_order_of_rows_does_not_matter(rows: pd.DataFrame, make: Callable[..., Cells]) -> None:
    cells = make(rows)
    mixed = replace(cells, table=cells.table.sample(frac=1, random_state=2).reset_index(drop=True))
    one, other = check(cells, QUICK), check(mixed, QUICK)
    np.testing.assert_allclose(one.table["estimate"], other.table["estimate"], rtol=1e-6)
    np.testing.assert_allclose(one.coefficients, other.coefficients, rtol=1e-5, atol=1e-9)


def test_a_regression_and_a_doubly_robust_estimate_agree_where_the_model_holds() -> None:
    cells = binary_cells(clients(40_000, seed=4, places=1), ("group", "age", "option"))
    regression = check(cells, QUICK, ("group", "age")).table.loc["difference", "estimate"]
    robust = doubly_robust(propensity(cells, ["group", "age"]), QUICK).table.loc["difference", "estimate"]
    assert regression == pytest.approx(robust, abs=0.004)


# --- what cannot be had ---------------------------------------------------------------------------


def test_clients_of_one_place_who_are_alike_make_errors_wider(rows: pd.DataFrame) -> None:
    """Every client ten times over is no more knowledge once errors are of places."""
    cells = binary_cells(rows)
    copies = cells.table.assign(n=10 * cells.table["n"], events=10 * cells.table["events"])
    one, ten = (check(replace(cells, table=table), QUICK).coefficients["error"] for table in (cells.table, copies))
    np.testing.assert_allclose(one, ten, rtol=1e-6)


def test_an_option_without_events_is_an_error() -> None:
    with pytest.raises(ModelError, match="option new: nothing was ever counted"):
        check(two_by_two((100, 20), (80, 0)), QUICK)
    with pytest.raises(ModelError, match="option usual: every client had the event"):
        check(two_by_two((100, 100), (80, 4)), QUICK)


def test_covariates_that_say_the_option_are_an_error(rows: pd.DataFrame) -> None:
    cells = binary_cells(rows.assign(group=rows["option"]), ("group", "option"))
    with pytest.raises(ModelError, match="all who are alike had the same"):
        check(cells, QUICK)


def test_a_group_without_events_stays_finite(rows: pd.DataFrame) -> None:
    quiet = rows.assign(event=rows["event"].where(rows["group"] != "low", 0.0))
    result = check(binary_cells(quiet), QUICK)
    assert np.isfinite(result.table.to_numpy()).all()
    assert result.effect["risk_by_group"].sel(group="low").max() < 1e-4
    busy = check(binary_cells(rows[rows["group"] != "low"]), QUICK)
    np.testing.assert_allclose(found(result)[-1], found(busy)[-1], rtol=1e-3)


def test_a_missing_arm_or_number_is_an_error(rows: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="option new: has no client"):
        check(binary_cells(rows[rows["new"] == 0]), QUICK)
    cells = to_exposure(survival(rows), BY, (0, 365))
    with pytest.raises(DataError, match="option usual: has no client"):
        check(replace(cells, table=cells.table[cells.table["option"] == "new"]), QUICK)
    with pytest.raises(DataError, match="missing"):
        check(replace(cells, table=cells.table.assign(events=np.nan)), QUICK)


def test_cells_no_regression_reads_are_refused(rows: pd.DataFrame) -> None:
    with pytest.raises(ModelError, match="no regression here reads end cells"):
        check(replace(two_by_two(), statistic="end"), QUICK)
    with pytest.raises(UsageError, match="school is no column"):
        check(two_by_two(), QUICK, cluster="school")


def test_the_same_seed_gives_the_same_draws(rows: pd.DataFrame) -> None:
    cells = binary_cells(rows)
    xr.testing.assert_identical(check(cells, QUICK).effect, check(cells, QUICK).effect)
