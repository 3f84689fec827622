"""Interrupted series: closed forms, statsmodels, a known truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from costeff.comparison import Draws, interrupted_series, read_series
from costeff.errors import DataError, ModelError

QUICK = Draws(seed=4, size=1000)


def made(seed: int = 1, periods: int = 48, start: int = 24, level: float = -0.5, slope: float = 0.0) -> pd.DataFrame:
    rng, t = np.random.default_rng(seed), np.arange(periods)
    season = 0.2 * np.cos(2 * np.pi * t / 12)
    logit = -1 + 0.01 * t + season + (t >= start) * (level + slope * (t - start))
    n = rng.integers(300, 500, periods)
    events = rng.binomial(n, 1 / (1 + np.exp(-logit)))
    return pd.DataFrame({"period": t, "n": n, "events": events})


def test_coefficients_and_errors_are_those_of_statsmodels() -> None:
    table = made()
    t = table["period"].to_numpy(float)
    x = np.column_stack([np.ones(48), t - 24, t >= 24, (t >= 24) * (t - 24)])
    model = sm.GLM(np.column_stack([table["events"], table["n"] - table["events"]]), x, family=sm.families.Binomial())
    wanted = model.fit(cov_type="HAC", cov_kwds={"maxlags": 3}, tol=1e-12)
    found = interrupted_series(read_series(table, 24), QUICK, lags=3).coefficients
    np.testing.assert_allclose(found["estimate"], wanted.params, rtol=1e-6)
    np.testing.assert_allclose(found["error"], wanted.bse, rtol=1e-6)


def test_rates_are_poisson_with_time_at_risk() -> None:
    table = made().rename(columns={"n": "exposure"})
    t = table["period"].to_numpy(float)
    x = np.column_stack([np.ones(48), t - 24, t >= 24, (t >= 24) * (t - 24)])
    model = sm.GLM(table["events"], x, family=sm.families.Poisson(), exposure=table["exposure"])
    wanted = model.fit(cov_type="HAC", cov_kwds={"maxlags": 0}, tol=1e-12)
    found = interrupted_series(read_series(table, 24), QUICK, lags=0)
    np.testing.assert_allclose(found.coefficients, np.column_stack([wanted.params, wanted.bse]), rtol=1e-6)
    assert found.comparison.effect.attrs["measure"] == "rate_difference"


def test_the_counterfactual_leaves_the_changes_out() -> None:
    found = interrupted_series(read_series(made(), 24), QUICK)
    b = found.coefficients["estimate"]
    path = found.path
    assert path["counterfactual"].isna().sum() == 24
    at = 30
    logit = b["level"] + b["slope"] * (at - 24)
    assert path.loc[at, "counterfactual"] == pytest.approx(1 / (1 + np.exp(-logit)))
    changed = logit + b["change of level"] + b["change of slope"] * (at - 24)
    assert path.loc[at, "fitted"] == pytest.approx(1 / (1 + np.exp(-changed)))
    after = path["period"] >= 24
    assert (path["low"] < path["counterfactual"])[after].all()
    assert (path["high"] > path["counterfactual"])[after].all()


def test_a_known_change_is_found_and_no_change_is_not() -> None:
    found = interrupted_series(read_series(made(level=-0.6), 24), QUICK, season=12)
    estimate, error = found.coefficients.loc["change of level"]
    assert abs(estimate + 0.6) < 3 * error
    assert found.comparison.table.loc["difference", "high"] < 0
    none = interrupted_series(read_series(made(seed=3, level=0.0), 24), QUICK, season=12)
    assert (
        abs(none.coefficients.loc["change of level", "estimate"])
        < 3 * none.coefficients.loc["change of level", "error"]
    )


def test_a_season_is_not_taken_for_a_change() -> None:
    """Half a year after a start in midwinter holds more of the summer: without a season that is an effect."""
    table = made(periods=30, start=24, level=0.0)
    plain, with_season = (interrupted_series(read_series(table, 24), QUICK, season=s) for s in (None, 12))
    size = lambda result: abs(result.comparison.table.loc["difference", "estimate"])  # noqa: E731
    assert size(with_season) < size(plain)


def test_relabelled_periods_and_the_order_of_rows_change_nothing() -> None:
    table = made()
    names = {t: f"{2020 + t // 12}-{t % 12 + 1:02d}" for t in table["period"]}
    other = table.assign(period=table["period"].map(names)).sample(frac=1, random_state=1)
    one, two = (
        interrupted_series(read_series(table, 24), QUICK),
        interrupted_series(read_series(other, "2022-01"), QUICK),
    )
    pd.testing.assert_frame_equal(one.coefficients, two.coefficients)
    pd.testing.assert_frame_equal(one.path.drop(columns="period"), two.path.drop(columns="period"))


def test_the_effect_is_told_as_every_estimator_tells_it() -> None:
    found = interrupted_series(read_series(made(), 24, "made", True), QUICK)
    effect = found.comparison.effect
    assert effect["risk"].dims == ("draw", "option")
    assert effect.attrs["synthetic"] == 1
    draws = effect["difference"]
    assert float(draws.mean()) == pytest.approx(found.comparison.table.loc["difference", "estimate"], abs=0.01)


@pytest.mark.parametrize(
    ("change", "start", "words"),
    [
        (lambda t: t.iloc[:1], 0, "at least three on each side"),
        (lambda t: t, 2, "at least three on each side"),
        (lambda t: t, 99, "no period of the series"),
        (lambda t: t.assign(events=np.nan), 24, "missing"),
        (lambda t: t.assign(n=0), 24, "nobody"),
        (lambda t: pd.concat([t, t]), 24, "twice"),
        (lambda t: t.drop(columns="events"), 24, "no column events"),
    ],
)
def test_a_series_that_does_not_hold_together_is_told(change: object, start: int, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read_series(change(made()), start)  # type: ignore[operator]


def test_a_series_that_says_too_little_is_told() -> None:
    short = made(periods=6, start=3)
    with pytest.raises(ModelError, match="6 coefficients for 6 periods"):
        interrupted_series(read_series(short, 3), QUICK, season=12)
    silent = made().assign(events=lambda t: t["events"] * (t["period"] < 24))
    with pytest.raises(ModelError, match="after the start there is none"):
        interrupted_series(read_series(silent, 24), QUICK)
    with pytest.raises(ModelError, match="season"):
        interrupted_series(read_series(made(), 24), QUICK, season=1)
