"""Weibull: cells against rows, scipy and lifelines; closed forms against numbers; edges."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from likelihoods import KEYS, PLACES, clients, predictor
from scipy.integrate import quad
from scipy.stats import kstest, weibull_min

from costeff.draws import rng
from costeff.errors import ModelError
from costeff.outcomes import MODELS, Context, Sampling, fit
from costeff.outcomes.standardise import over_groups
from costeff.records import Cells, rossi_register, time_cells

MODEL = MODELS["weibull"]
QUICK = Sampling(seed=5, draws=500, tune=500)
FOLLOW_UP = 365.0


def context(catalogue, rows, by=KEYS, counties=PLACES, follow_up=FOLLOW_UP):
    table = rows.groupby([*by, "time"], as_index=False)[["events", "censored"]].sum()
    cells = Cells("time", tuple(by), table, "placement", follow_up, True, "test")
    return Context(cells, catalogue.priors["weibull"], counties)


def one_by_one(cells, rows):
    """Each client a cell of their own."""
    table = rows.assign(client=rows.index)
    return replace(cells, cells=replace(cells.cells, table=table, by=(*cells.cells.by, "client")))


def law(eta, shape):
    """The distribution of the time in days, from the cumulative hazard of the follow-up."""
    return weibull_min(shape, scale=FOLLOW_UP * np.exp(-eta / shape))


def followed(who, eta, shape, seed=2):
    """Whole days to the event, to leaving, or to the end."""
    pick = rng(seed, "times")
    time = law(eta, shape).rvs(len(who), random_state=pick)
    leaves = np.minimum(FOLLOW_UP, pick.uniform(50, 600, len(who)))
    event = time <= leaves
    return who.assign(time=np.ceil(np.minimum(time, leaves)), events=event * 1, censored=~event * 1)


@pytest.fixture(scope="module")
def rows():
    return followed(clients(600), -1.0, 1.3)


@pytest.mark.parametrize("seed", range(3))
def test_the_likelihood_of_cells_is_that_of_rows_and_of_scipy(likelihood, cells, rows, seed):
    truth = likelihood.parameters(seed)
    as_rows = one_by_one(cells, rows)
    own = law(predictor(truth, rows), np.exp(float(truth["log_shape"])))
    by_hand = np.where(rows["events"] == 1, own.logpdf(rows["time"]) + np.log(rows["time"]), own.logsf(rows["time"]))
    assert likelihood(cells, truth) == pytest.approx(by_hand.sum(), rel=1e-10)
    assert likelihood(as_rows, truth) == pytest.approx(likelihood(cells, truth), rel=1e-12)


def test_curves_are_those_of_the_distribution(likelihood, cells):
    truth = likelihood.parameters(1)
    effect = MODEL.effect(truth.expand_dims("draw"), cells).isel(draw=0)
    size = cells.size.reset_index(name="clients")
    for option in ("usual", "new"):
        who = size.groupby(["municipality", "group"], as_index=False)["clients"].sum().assign(option=option)
        laws = law(predictor(truth, who), np.exp(float(truth["log_shape"])))
        weight = who["clients"] / who["clients"].sum()
        told = effect.sel(option=option)
        for day in (told["day"][0], told["day"][6], told["day"][-1]):
            assert float(told["survival"].sel(day=day)) == pytest.approx(weight @ laws.sf(float(day)))
        area, _ = quad(lambda day, laws=laws, weight=weight: weight @ laws.sf(day), 0, FOLLOW_UP)
        assert float(told["restricted_mean"]) == pytest.approx(area, rel=1e-6)
    country = over_groups(effect["risk_by_group"], cells)
    xr.testing.assert_allclose(1 - country, effect["survival"].isel(day=-1, drop=True))


def test_a_hazard_that_is_next_to_nothing_leaves_the_whole_follow_up(likelihood, cells):
    truth = likelihood.parameters(1)
    truth["intercept"] = truth["intercept"] * 0 - 40.0
    effect = MODEL.effect(truth.expand_dims("draw"), cells)
    assert effect["restricted_mean"].values == pytest.approx(FOLLOW_UP, rel=1e-9)
    assert (effect["risk"] > 0).all()


def test_simulated_times_follow_the_distribution_and_leave_as_the_clients_did(likelihood, catalogue):
    who = clients(4000).assign(time=FOLLOW_UP, events=0, censored=1)
    left = who.index % 4 == 0
    who.loc[left, "time"] = 100.0
    who.loc[left, ["events", "censored"]] = [0, 1]
    truth = likelihood.parameters(2)
    table = MODEL.simulate(truth, context(catalogue, who), rng(5, "simulate"))
    assert len(table) == 4000
    assert (table["events"] + table["censored"] == 1).all()
    assert set(table.loc[table["censored"] == 1, "time"]) == {100.0, FOLLOW_UP}
    own = law(predictor(truth, table), np.exp(float(truth["log_shape"])))
    whole = (table["censored"] == 1) & (table["time"] == 100.0)
    early = table["time"] < 100.0  # nobody has left before
    ranks = own.cdf(table["time"])[early] / own.cdf(100.0)[early]
    assert whole.sum() < left.sum()
    assert kstest(ranks, "uniform").pvalue > 0.001


def test_replicated_events_are_those_of_the_hazard_the_clients_came_through(likelihood, cells, rows):
    truth = likelihood.parameters(0)
    posterior = truth.expand_dims(draw=3000)
    events = MODEL.replicate(posterior, cells, rng(6, "replicate"))
    own = law(predictor(truth, rows), np.exp(float(truth["log_shape"])))
    expected = pd.Series(-own.logsf(rows["time"])).groupby(rows["option"]).sum()
    for option in ("usual", "new"):
        assert events[option].mean() == pytest.approx(expected[option], abs=4 * np.sqrt(expected[option] / 3000))
    assert MODEL.observed(cells).to_dict() == rows.groupby("option")["events"].sum().to_dict()


def test_a_time_of_zero_is_refused(catalogue, rows):
    with pytest.raises(ModelError, match="a time is not above 0"):
        MODEL.data(context(catalogue, rows.assign(time=rows["time"].where(rows.index > 0, 0.0))))


# --- fits ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_arrests_after_release_agree_with_lifelines(catalogue):
    """Rossi's 432 men: a Weibull regression of the rows on the same terms, by maximum likelihood."""
    from lifelines import WeibullAFTFitter
    from lifelines.datasets import load_rossi

    register = rossi_register()
    cells = time_cells(register, "arrest")
    found = fit(MODEL, Context(cells, catalogue.priors["weibull"]), QUICK)
    men = load_rossi()
    groups = (men["age"] >= 25).astype(int).astype(str) + pd.cut(
        men["prio"], [-1, 1, 4, 99], labels=list("abc")
    ).astype(str)
    design = pd.get_dummies(groups, drop_first=True).astype(float)
    design = design.assign(fin=men["fin"], week=men["week"], arrest=men["arrest"])
    oracle = WeibullAFTFitter().fit(design, "week", "arrest")
    shape = float(np.exp(oracle.params_["rho_", "Intercept"]))
    log_ratio = -shape * oracle.params_["lambda_", "fin"]
    error = shape * oracle.standard_errors_["lambda_", "fin"]
    drawn = np.log(found.effect["ratio"])
    assert found.passed, found.failed_checks
    assert float(np.exp(found.posterior["log_shape"]).mean()) == pytest.approx(shape, abs=0.05)
    assert float(drawn.mean()) == pytest.approx(log_ratio, abs=0.3 * error)  # the effect may differ between groups here
    assert float(drawn.std()) == pytest.approx(error, rel=0.15)
    risk = found.effect["risk"].mean("draw")
    assert float(risk.sel(option="usual")) == pytest.approx(66 / 216, abs=0.03)
    assert float(risk.sel(option="new")) == pytest.approx(48 / 216, abs=0.03)


@pytest.mark.slow
def test_the_truth_is_found_and_rows_give_the_same_posterior(catalogue):
    who = clients(2500)
    eta = -1.0 + 0.6 * (who["group"] == "high") - 0.5 * (who["option"] == "new")
    rows = followed(who, eta.to_numpy(), 1.5)
    cells = context(catalogue, rows)
    as_rows = one_by_one(cells, rows)
    found, other = (fit(MODEL, each, QUICK) for each in (cells, as_rows))
    log_ratio = np.log(found.effect["ratio"])
    low, high = log_ratio.quantile([0.01, 0.99])
    assert low < -0.5 < high
    assert float(np.exp(found.posterior["log_shape"]).mean()) == pytest.approx(1.5, abs=0.12)
    assert abs(float(np.log(other.effect["ratio"]).mean() - log_ratio.mean())) < 0.15 * float(log_ratio.std())


def all_at(time, events):
    return clients(60).assign(time=time, events=events, censored=1 - events)


EDGES = {
    "all censored": all_at(FOLLOW_UP, 0),
    "all on the first day": all_at(1.0, 1),
    "one group has them all": clients(60).assign(time=200.0, events=[0] * 60, censored=1).assign(
        events=lambda t: (t["group"] == "high") * 1, censored=lambda t: (t["group"] != "high") * 1
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", EDGES)
def test_at_the_edge_the_answer_is_finite(catalogue, name):
    found = fit(MODEL, context(catalogue, EDGES[name]), QUICK).effect
    assert np.isfinite(found[["risk", "restricted_mean"]].to_array()).all()
    assert np.isfinite(found["survival"]).all()
    assert ((found["restricted_mean"] >= 0) & (found["restricted_mean"] <= FOLLOW_UP * (1 + 1e-9))).all()
    assert float(np.log(found["ratio"]).std()) > 0.1
