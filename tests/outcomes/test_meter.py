"""A meter before and after: sums against rows, scipy and least squares, whatever the unit of the meter."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from likelihoods import KEYS, PLACES, clients, predictor
from scipy.stats import norm

from costeff.disclosure import THRESHOLD
from costeff.draws import rng
from costeff.errors import ModelError
from costeff.outcomes import MODELS, Context, Sampling, fit
from costeff.outcomes.calibration import calibrate, uniformity
from costeff.outcomes.meter import _before, _errors, _scale
from costeff.outcomes.standardise import share_of_groups
from costeff.records import Cells, meter_cells, nsw_register

MODEL = MODELS["meter"]
QUICK = Sampling(seed=5, draws=500, tune=600)


def table(rows, by=KEYS):
    """Cells of clients, given as rows with before and after."""
    sums = rows.assign(
        n=1,
        sum=rows["after"],
        sum_squares=rows["after"] ** 2,
        sum_before=rows["before"],
        sum_before_squares=rows["before"] ** 2,
        sum_products=rows["before"] * rows["after"],
    )
    columns = ["n", "sum", "sum_squares", "sum_before", "sum_before_squares", "sum_products"]
    return sums.groupby(by, as_index=False)[columns].sum()


def context(catalogue, rows, by=KEYS, counties=PLACES, **priors):
    changed = {**catalogue.priors["meter"], **priors}
    return Context(Cells("meter", tuple(by), table(rows, by), "functioning", None, True, "test"), changed, counties)


def measured(rows, seed=1, effect=0.8, slope=0.6, sd=1.5):
    """Functioning on a scale from 0 to 10, lower in the group `high` before."""
    pick = rng(seed, "meter")
    before = 5 - 1.5 * (rows["group"] == "high") + 2 * pick.standard_normal(len(rows))
    after = 2 + slope * before + effect * (rows["option"] == "new") + sd * pick.standard_normal(len(rows))
    return rows.assign(before=before, after=after)


def weak(catalogue):
    """Priors that say next to nothing, and no differences of the effect between groups."""
    priors = catalogue.priors["meter"]
    wide = {name: priors[name].override(sd=50.0) for name in ("intercept", "effect", "group", "slope", "log_sd")}
    return {**wide, "effect_group": priors["effect_group"].override(sd=1e-3)}


@pytest.fixture(scope="module")
def rows():
    return measured(clients(600))


@pytest.mark.parametrize("seed", range(3))
def test_the_likelihood_of_sums_is_that_of_rows_and_of_scipy(likelihood, cells, rows, seed):
    truth, sd = likelihood.parameters(seed), rows["after"].std(ddof=0)
    by_client = table(rows.reset_index(), [*KEYS, "index"]).drop(columns="index")
    as_rows = replace(cells, cells=replace(cells.cells, table=by_client))
    y, x = (rows["after"] - rows["after"].mean()) / sd, (rows["before"] - rows["before"].mean()) / sd
    mean = predictor(truth, rows) + float(truth["slope"]) * x
    by_hand = norm(mean, np.exp(float(truth["log_sd"]))).logpdf(y).sum() + len(rows) * np.log(2 * np.pi) / 2
    assert likelihood(cells, truth) == pytest.approx(by_hand, rel=1e-10)
    assert len(by_client) == len(rows)
    assert likelihood(as_rows, truth) == pytest.approx(by_hand, rel=1e-10)


def test_another_unit_and_zero_of_the_meter_change_nothing_but_the_unit(likelihood, cells, catalogue, rows):
    truth = likelihood.parameters(0)
    other = context(catalogue, rows.assign(before=rows["before"] * 1e4 - 7, after=rows["after"] * 1e4 - 7))
    posterior = truth.expand_dims("draw")
    was, now = MODEL.effect(posterior, cells), MODEL.effect(posterior, other)
    assert likelihood(other, truth) == pytest.approx(likelihood(cells, truth), rel=1e-9)
    for name, shift in (("mean", 7), ("change", 0), ("difference", 0), ("difference_local", 0)):
        np.testing.assert_allclose(now[name], was[name] * 1e4 - shift, rtol=1e-8)
    assert (MODEL.observed(other) / (MODEL.observed(cells) * 1e4 - 7)).to_numpy() == pytest.approx(1.0)


def test_the_mean_is_that_of_clients_who_start_where_their_municipality_starts(likelihood, cells, rows):
    truth = likelihood.parameters(1)
    effect = MODEL.effect(truth.expand_dims("draw"), cells).isel(draw=0)
    mix, sd = share_of_groups(cells), rows["after"].std(ddof=0)
    country = rows.groupby("group")["before"].mean()
    own = rows.groupby(["municipality", "group"])["before"].agg(["sum", "size"])
    for option in ("usual", "new"):
        for place in PLACES:
            who = pd.DataFrame({"municipality": place, "option": option, "group": mix["group"].values})
            there = own.loc[place].loc[who["group"]]
            before = (there["sum"] + THRESHOLD * country) / (there["size"] + THRESHOLD)
            eta = predictor(truth, who) + float(truth["slope"]) * (before - rows["before"].mean()).to_numpy() / sd
            mean, weight = rows["after"].mean() + sd * eta, mix.sel(municipality=place).to_numpy()
            found = effect.sel(option=option, municipality=place)
            assert float(found["mean"]) == pytest.approx(weight @ mean)
            assert float(found["change"]) == pytest.approx(weight @ (mean - before.to_numpy()))
    assert float(effect["difference"]) == pytest.approx(sd * float(truth["effect"]))


def test_where_a_handful_started_is_not_told(catalogue, rows):
    few = pd.concat([rows[rows["municipality"] != "165"], rows[rows["municipality"] == "165"].head(THRESHOLD - 1)])
    before = _before(context(catalogue, few, counties={**PLACES, "407": "01"}))
    country = few.groupby("group")["before"].mean()
    np.testing.assert_allclose(before.sel(municipality="165"), country)
    np.testing.assert_allclose(before.sel(municipality="407"), country)
    assert abs(float(before.sel(municipality="091", group="high")) - country["high"]) > 1e-3


def test_sums_of_errors_have_the_moments_of_those_of_clients():
    x = np.array([-1.0, 0.5, 0.7, 2.0, -0.3])
    many, sd = 40_000, 1.7
    each = [np.full(many, value) for value in (5.0, x.sum(), (x**2).sum())]
    e, ex, ee = _errors(*each, sd, rng(1, "errors"))
    expected = sd**2 * np.array([[5, x.sum()], [x.sum(), (x**2).sum()]])
    np.testing.assert_allclose(np.cov(e, ex), expected, atol=0.03 * expected.max())
    assert [ee.mean(), ee.var()] == pytest.approx([5 * sd**2, 10 * sd**4], rel=0.03)
    assert (ee >= e**2 / 5 - 1e-9).all()
    assert np.cov(e**2, ee)[0, 1] == pytest.approx(2 * 5 * sd**4, rel=0.05)


@pytest.mark.parametrize("x", [[0.4], [0.4, 0.4], [1.0, 3.0]], ids=["one", "two alike", "two"])
def test_the_errors_of_one_or_two_clients_leave_nothing_over(x):
    x = np.array(x)
    each = [np.full(2000, float(value)) for value in (x.size, x.sum(), (x**2).sum())]
    e, ex, ee = _errors(*each, 0.5, rng(2, "errors"))
    if len(set(x)) == 1:
        np.testing.assert_allclose(ex, x[0] * e)
        assert ee.mean() == pytest.approx(0.25 * x.size, rel=0.1)
    else:
        second = (ex - x[0] * e) / (x[1] - x[0])  # the two errors that have these sums
        np.testing.assert_allclose(ee, second**2 + (e - second) ** 2)


def test_simulated_cells_give_their_parameters_back_in_the_scale_of_the_original(likelihood, catalogue):
    many = context(catalogue, measured(clients(60_000, seed=3)))
    truth = likelihood.parameters(2)
    simulated = replace(many, cells=replace(many.cells, table=MODEL.simulate(truth, many, rng(3, "simulate"))))
    assert _scale(simulated) == _scale(many)
    rows, slope, sd = MODEL.rows(simulated), float(truth["slope"]), np.exp(float(truth["log_sd"]))
    mean = predictor(truth, rows) + slope * rows["x"] / rows["n"]
    assert (np.abs(rows["y"] / rows["n"] - mean) < 4 * sd / np.sqrt(rows["n"])).all()
    within = {name: rows[name] - rows[one] * rows[two] / rows["n"]
              for name, one, two in (("xx", "x", "x"), ("xy", "x", "y"), ("yy", "y", "y"))}  # fmt: skip
    assert (within["xy"].sum() / within["xx"].sum()) == pytest.approx(slope, abs=0.02)
    left = within["yy"].sum() - within["xy"].sum() ** 2 / within["xx"].sum()
    assert np.sqrt(left / 60_000) == pytest.approx(sd, rel=0.02)


def test_replicated_means_have_the_moments_of_their_clients(likelihood, cells, rows):
    truth, sd = likelihood.parameters(2), rows["after"].std(ddof=0)
    found = MODEL.replicate(truth.expand_dims(draw=4000), cells, rng(6, "replicate"))
    x = (rows["before"] - rows["before"].mean()) / sd
    mean = rows["after"].mean() + sd * (predictor(truth, rows) + float(truth["slope"]) * x)
    for option, its in mean.groupby(rows["option"]):
        error = sd * np.exp(float(truth["log_sd"])) / np.sqrt(len(its))
        assert found[option].mean() == pytest.approx(its.mean(), abs=4 * error / np.sqrt(4000))
        assert found[option].std() == pytest.approx(error, rel=0.06)
    pd.testing.assert_series_equal(
        MODEL.observed(cells), rows.groupby("option")["after"].mean(), check_names=False, check_exact=False
    )


def test_a_meter_that_does_not_differ_is_refused(catalogue, rows):
    with pytest.raises(ModelError, match="all clients have the same after"):
        MODEL.data(context(catalogue, rows.assign(after=3.3)))


# --- fits ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def nsw():
    with nsw_register() as register:
        yield register


def least_squares(rows):
    """Analysis of covariance with the same terms: option, group and before."""
    new, before = (rows["option"] == "new").astype(float), rows["before"] - rows["before"].mean()
    group = np.where(rows["group"] == rows["group"].max(), 1.0, -1.0)
    design = pd.DataFrame({"one": 1.0, "new": new, "group": group, "before": before})
    return sm.OLS(rows["after"], design).fit()


@pytest.mark.slow
def test_earnings_in_the_supported_work_experiment_agree_with_least_squares(catalogue, nsw):
    from causaldata import nsw_mixtape

    men = nsw_mixtape.load_pandas().data
    option, group = np.where(men["treat"] == 1, "new", "usual"), np.where(men["nodegree"] == 1, "a", "b")
    oracle = least_squares(
        pd.DataFrame({"option": option, "group": group, "before": men["re75"], "after": men["re78"]})
    )
    cells = meter_cells(nsw, "earnings", ["option", "group"])
    found = fit(MODEL, Context(cells, {**catalogue.priors["meter"], **weak(catalogue)}), QUICK)
    difference, error = found.effect["difference"], oracle.bse["new"]
    assert found.passed, found.failed_checks
    assert float(difference.mean()) == pytest.approx(oracle.params["new"], abs=0.1 * error)
    assert float(difference.std()) == pytest.approx(error, rel=0.06)
    slope = found.posterior["slope"]
    assert float(slope.mean()) == pytest.approx(oracle.params["before"], abs=0.1 * oracle.bse["before"])
    sd = np.exp(found.posterior["log_sd"]) * men["re78"].std(ddof=0)
    assert float(sd.mean()) == pytest.approx(np.sqrt(oracle.scale), rel=0.01)


@pytest.mark.slow
def test_rows_and_sums_give_the_same_posterior(catalogue, rows):
    by_client = table(rows.reset_index(), [*KEYS, "index"]).drop(columns="index")
    cells = context(catalogue, rows, ["option", "group"], {})
    as_rows = replace(cells, cells=replace(cells.cells, table=by_client))
    one, other = (fit(MODEL, each, QUICK) for each in (cells, as_rows))
    assert float(one.effect["difference"].mean()) == pytest.approx(
        float(other.effect["difference"].mean()), abs=0.15 * float(one.effect["difference"].std())
    )
    xr_means = one.effect["mean"].mean("draw") - other.effect["mean"].mean("draw")
    assert float(np.abs(xr_means).max()) < 0.15 * float(one.effect["mean"].std("draw").max())


class Forgets(type(MODEL)):
    """The scale of simulated cells is made anew, from what was simulated."""

    def simulate(self, values, context, rng):
        return super().simulate(values, context, rng).drop(columns=["scale_after", "scale_sd"])


@pytest.mark.slow
def test_ranks_are_uniform_while_the_scale_is_kept_and_not_when_it_is_made_anew(catalogue):
    cells = context(catalogue, measured(clients(200)), ["option", "group"], {})
    kept = uniformity(calibrate(MODEL, cells, 60, 7), bins=10)
    anew = uniformity(calibrate(Forgets(), cells, 60, 7, fitted=MODEL), bins=10).set_index("parameter")
    assert (kept["p_adjusted"] > 0.01).all()
    assert anew.loc["log_likelihood", "p_adjusted"] < 1e-6
    assert anew.loc["log_sd", "p_adjusted"] < 1e-6


@pytest.mark.slow
def test_a_truth_is_recovered_over_many_municipalities(catalogue):
    """24 municipalities in 6 counties, levels that differ, one without clients."""
    pick = rng(11, "places")
    codes = [f"{n:03d}" for n in range(1, 25)]
    counties = {code: f"{int(code) % 6:02d}" for code in codes}
    who = clients(6000, seed=11).assign(municipality=pick.choice(codes[:-1], 6000))
    rows = measured(who, seed=11)
    rows["after"] += who["municipality"].map(dict(zip(codes, 0.4 * pick.standard_normal(24), strict=True)))
    found = fit(MODEL, context(catalogue, rows, counties=counties), Sampling(seed=5, draws=700, tune=700))
    assert found.passed, found.failed_checks
    low, high = found.effect["difference"].quantile([0.01, 0.99])
    assert low < 0.8 < high
    assert high - low < 0.4
    spread = found.effect["mean"].sel(option="usual").std("draw")
    assert float(spread.sel(municipality="024")) > 2 * float(spread.drop_sel(municipality="024").max())
