"""Client experience on an ordered scale: counts against rows, scipy and maximum likelihood."""

import numpy as np
import pandas as pd
import pytest
from likelihoods import KEYS, PLACES, clients, predictor
from scipy.stats import logistic
from statsmodels.miscmodels.ordinal_model import OrderedModel

from costeff.draws import rng
from costeff.errors import ModelError
from costeff.outcomes import MODELS, Context, Sampling, fit
from costeff.outcomes.calibration import prior_draws
from costeff.outcomes.standardise import share_of_groups
from costeff.records import Cells

MODEL = MODELS["experience"]
QUICK = Sampling(seed=5, draws=500, tune=600)
CUTS = np.array([-2.0, -0.7, 0.4, 1.6])


def context(catalogue, rows, by=KEYS, counties=PLACES, **priors):
    """Clients by level, given as rows."""
    table = rows.groupby([*by, "level"]).size().rename("n").reset_index()
    changed = {**catalogue.priors["experience"], **priors}
    return Context(Cells("level", tuple(by), table, "was_heard", None, True, "test"), changed, counties)


def answered(rows, cuts=CUTS, seed=1):
    """Answers on a scale of five; better under the new option, worse in the group `high`."""
    eta = 0.5 * (rows["option"] == "new") - 0.8 * (rows["group"] == "high")
    heard = eta + rng(seed, "answers").logistic(size=len(rows))
    return rows.assign(level=1 + (heard.to_numpy()[:, None] > cuts).sum(axis=1))


def shares(eta, cuts):
    """Probability of each level: an array over (row, level)."""
    up_to = logistic.cdf(cuts - np.asarray(eta)[:, None])
    return np.diff(up_to, axis=1, prepend=0.0, append=1.0)


@pytest.fixture(scope="module")
def rows():
    return answered(clients(600))


@pytest.mark.parametrize("seed", range(3))
def test_the_likelihood_of_counts_is_that_of_rows(likelihood, cells, rows, seed):
    truth = likelihood.parameters(seed)
    each = shares(predictor(truth, rows), truth["cutpoint"].to_numpy())[np.arange(len(rows)), rows["level"] - 1]
    assert likelihood(cells, truth) == pytest.approx(np.log(each).sum(), rel=1e-10)


def test_answers_far_out_keep_a_finite_likelihood(likelihood, cells):
    far = likelihood.parameters(0).assign(effect=800.0)
    assert np.isfinite(likelihood(cells, far))


def test_shares_and_mean_are_those_of_the_mix_of_clients(likelihood, cells):
    truth = likelihood.parameters(1)
    effect = MODEL.effect(truth.expand_dims("draw"), cells).isel(draw=0)
    mix = share_of_groups(cells)
    for option in ("usual", "new"):
        for place in PLACES:
            who = pd.DataFrame({"municipality": place, "option": option, "group": mix["group"].values})
            expected = mix.sel(municipality=place).to_numpy() @ shares(predictor(truth, who), truth["cutpoint"].values)
            found = effect.sel(option=option, municipality=place)
            np.testing.assert_allclose(found["share"], expected)
            assert float(found["mean"]) == pytest.approx(expected @ np.arange(1, 6))
    np.testing.assert_allclose(effect["share_by_group"].sum("level"), 1.0)
    assert float(effect["ratio"]) == pytest.approx(np.exp(float(truth["effect"])))


def test_an_effect_above_one_moves_answers_up(likelihood, cells):
    truth = likelihood.parameters(1)
    better = truth.assign(
        effect=1.0, group_effect_new=0 * truth["group_effect"], municipality_effect_new=0 * truth["place"]
    )
    effect = MODEL.effect(better.expand_dims("draw"), cells).isel(draw=0)
    below = effect["share"].cumsum("level").isel(level=slice(0, -1))
    assert (below.sel(option="new") < below.sel(option="usual")).all()
    assert (effect["mean"].sel(option="new") > effect["mean"].sel(option="usual")).all()


@pytest.mark.slow
def test_cutpoints_drawn_from_the_prior_are_in_order_and_favour_no_level(cells):
    drawn = prior_draws(MODEL, cells, 4000, 1)["cutpoint"]
    assert (drawn.diff("cut") > 0).all()
    up_to = logistic.cdf(drawn.to_numpy())
    baseline = np.diff(up_to, axis=1, prepend=0.0, append=1.0).mean(axis=0)
    assert baseline == pytest.approx(np.full(5, 0.2), abs=0.02)


def test_simulated_and_replicated_clients_have_the_shares_of_the_model(likelihood, catalogue):
    many = context(catalogue, answered(clients(40_000)))
    truth = likelihood.parameters(2)
    table = MODEL.simulate(truth, many, rng(5, "simulate"))
    wide = table.pivot_table(index=KEYS, columns="level", values="n", aggfunc="sum").reset_index()
    n = wide[range(1, 6)].sum(axis=1)
    assert (n == MODEL.rows(many)[[1, 2, 3, 4, 5]].sum(axis=1)).all()
    expected = shares(predictor(truth, wide), truth["cutpoint"].to_numpy())
    error = np.sqrt(expected * (1 - expected) / n.to_numpy()[:, None])
    assert (np.abs(wide[range(1, 6)].div(n, axis=0) - expected) < 4 * error + 1e-12).all().all()
    replicated = MODEL.replicate(truth.expand_dims(draw=500), many, rng(6, "replicate"))
    weights = n.groupby(wide["option"]).transform("sum")
    by_option = pd.DataFrame(expected * (n / weights).to_numpy()[:, None]).groupby(wide["option"]).sum()
    for option in ("usual", "new"):
        np.testing.assert_allclose(replicated[option].mean(), by_option.loc[option], atol=5e-4)
    assert list(replicated.columns) == list(MODEL.observed(many).loc[["new", "usual"]].index)


def test_a_level_without_clients_in_simulated_cells_stays_a_level(likelihood, cells):
    best = likelihood.parameters(0).assign(cutpoint=("cut", np.array([-40.0, -39.0, -38.0, -37.0])))
    table = MODEL.simulate(best, cells, rng(1, "simulate"))
    assert sorted(table["level"].unique()) == [1, 2, 3, 4, 5]
    assert table.loc[table["level"] < 5, "n"].sum() == 0


def test_one_answer_for_all_is_refused(catalogue, rows):
    with pytest.raises(ModelError, match="every client has the same level"):
        MODEL.data(context(catalogue, rows.assign(level=4)))


# --- fits ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_it_agrees_with_maximum_likelihood_on_rows(catalogue):
    rows = answered(clients(4000, seed=2), seed=2)
    priors = catalogue.priors["experience"]
    wide = {name: priors[name].override(sd=20.0) for name in ("cutpoint", "effect", "group")}
    wide["effect_group"] = priors["effect_group"].override(sd=1e-3)
    found = fit(MODEL, context(catalogue, rows, ["option", "group"], {}, **wide), QUICK)
    design = pd.DataFrame(
        {"new": (rows["option"] == "new").astype(float), "high": np.where(rows["group"] == "high", 1.0, -1.0)}
    )
    oracle = OrderedModel(rows["level"], design, distr="logit").fit(method="bfgs", disp=0)
    error = oracle.bse["new"]
    effect = found.posterior["effect"]
    assert found.passed, found.failed_checks
    assert float(effect.mean()) == pytest.approx(oracle.params["new"], abs=0.1 * error)
    assert float(effect.std()) == pytest.approx(error, rel=0.06)
    cuts = OrderedModel(rows["level"], design, distr="logit").transform_threshold_params(oracle.params.to_numpy())
    np.testing.assert_allclose(found.posterior["cutpoint"].mean("draw"), cuts[1:-1], atol=0.1 * error)
    high = found.posterior["group_effect"].sel(group="high")
    assert float(high.mean()) == pytest.approx(oracle.params["high"], abs=0.1 * oracle.bse["high"])


@pytest.mark.slow
def test_a_rule_that_the_options_do_not_follow_fails_the_gate(catalogue):
    """The new option makes answers extreme both ways: no shift of the odds, and the shares by level tell."""
    rows = answered(clients(8000, seed=4), seed=4)
    new = rows["option"] == "new"
    rows.loc[new, "level"] = rng(4, "extremes").choice([1, 5], int(new.sum()))
    found = fit(MODEL, context(catalogue, rows, ["option", "group"], {}), QUICK)
    assert {check["check"] for check in found.failed_checks} == {"predictive"}


@pytest.mark.slow
@pytest.mark.parametrize("edge", ["the option separates", "two clients an arm"])
def test_extremes_give_finite_wide_answers(catalogue, edge):
    rows = answered(clients(60, seed=3), seed=3)
    separated = rows.assign(level=np.where(rows["option"] == "new", 5, 4))
    rows = separated if edge == "the option separates" else rows.groupby("option").head(2)
    found = fit(MODEL, context(catalogue, rows), QUICK)
    assert np.isfinite(found.effect["share"]).all()
    np.testing.assert_allclose(found.effect["share"].sum("level"), 1.0)
    assert float(np.log(found.effect["ratio"]).std()) > 0.2
