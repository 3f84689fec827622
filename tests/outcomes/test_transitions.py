"""How the service ended: counts against rows, scipy and maximum likelihood."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from likelihoods import KEYS, PLACES, Likelihood, clients, predictor
from scipy.special import softmax

from costeff.draws import rng
from costeff.errors import ModelError
from costeff.outcomes import MODELS, Context, Sampling, fit
from costeff.outcomes.standardise import share_of_groups
from costeff.outcomes.transitions import reference
from costeff.records import Cells

MODEL = MODELS["transitions"]
QUICK = Sampling(seed=5, draws=500, tune=600)
ENDS = ["dropped_out", "other_service", "study", "work"]  # the reference first, as it happens


def context(catalogue, rows, by=KEYS, counties=PLACES, **priors):
    """Clients by end, given as rows."""
    table = rows.groupby([*by, "end"]).size().rename("n").reset_index()
    changed = {**catalogue.priors["transitions"], **priors}
    return Context(Cells("end", tuple(by), table, None, None, True, "test"), changed, counties)


def ended(rows, seed=1):
    """More work and less of other services under the new option; more dropping out in the group `high`."""
    new, high = (rows["option"] == "new").to_numpy(), (rows["group"] == "high").to_numpy()
    eta = np.stack([0.7 * high, 0.3 - 0.4 * new, -0.5 + 0 * new, 0.1 + 0.5 * new], axis=1)
    at = (softmax(eta, axis=1).cumsum(axis=1) < rng(seed, "ends").random((len(rows), 1))).sum(axis=1)
    return rows.assign(end=np.array(ENDS)[at])


def shares(truth, rows):
    """Probability of each end: an array over (row, end)."""
    eta = predictor(truth, rows)
    return softmax(np.vstack([np.zeros(eta.shape[1]), eta]), axis=0).T


@pytest.fixture(scope="module")
def rows():
    return ended(clients(600))


def test_the_reference_is_dropping_out_or_the_first_id_and_never_a_count():
    assert reference(["work", "study", "dropped_out"]) == "dropped_out"
    assert reference(["work", "ongoing", "study"]) == "ongoing"


@pytest.mark.parametrize("seed", range(3))
def test_the_likelihood_of_counts_is_that_of_rows(likelihood, cells, rows, seed):
    truth = likelihood.parameters(seed)
    each = shares(truth, rows)[np.arange(len(rows)), rows["end"].map(ENDS.index)]
    assert likelihood(cells, truth) == pytest.approx(np.log(each).sum(), rel=1e-10)


def test_shares_are_those_of_the_mix_of_clients_and_sum_to_one(likelihood, cells):
    truth = likelihood.parameters(1)
    effect = MODEL.effect(truth.expand_dims("draw"), cells).isel(draw=0)
    mix = share_of_groups(cells)
    for option in ("usual", "new"):
        for place in PLACES:
            who = pd.DataFrame({"municipality": place, "option": option, "group": mix["group"].values})
            expected = mix.sel(municipality=place).to_numpy() @ shares(truth, who)
            np.testing.assert_allclose(effect["share"].sel(option=option, municipality=place), expected)
    np.testing.assert_allclose(effect["share"].sum("end"), 1.0)
    np.testing.assert_allclose(effect["share_by_group"].sum("end"), 1.0)


def test_the_relative_effect_is_by_end_against_the_reference(likelihood, cells):
    truth = likelihood.parameters(1)
    effect = MODEL.effect(truth.expand_dims(draw=3), cells)
    assert effect["ratio"].dims == ("draw", "end")
    assert effect.attrs["reference"] == "dropped_out"
    np.testing.assert_allclose(effect["ratio"].sel(end="dropped_out"), 1.0)
    np.testing.assert_allclose(effect["ratio"].isel(draw=0).sel(end=ENDS[1:]), np.exp(truth["effect"]))
    assert set(effect["ratio_local"].dims) == {"draw", "end", "municipality"}
    assert set(effect["pooling"].dims) == {"end", "municipality"}


def test_an_odds_that_runs_away_leaves_shares_that_sum_to_one(likelihood, cells):
    far = likelihood.parameters(0)
    far = far.assign(effect=far["effect"] * 0 + [900.0, -900.0, 0.0])
    shares = MODEL.effect(far.expand_dims("draw"), cells)["share"]
    assert np.isfinite(shares).all()
    np.testing.assert_allclose(shares.sum("end"), 1.0)
    assert float(shares.sel(option="new", end="other_service").min()) == pytest.approx(1.0)


def test_the_order_of_ends_is_nothing_to_the_model(catalogue, rows):
    """With other ids another end comes first in the alphabet, and the reference stays."""
    other = rows.replace({"end": {"other_service": "a_service"}})
    one, two = (Likelihood(MODEL, context(catalogue, each)) for each in (rows, other))
    truth = one.parameters(0)
    renamed = truth.assign_coords(other_end=["a_service", "study", "work"])
    assert two(context(catalogue, other), renamed) == pytest.approx(one(context(catalogue, rows), truth))


def test_simulated_and_replicated_clients_have_the_shares_of_the_model(likelihood, catalogue):
    many = context(catalogue, ended(clients(40_000)))
    truth = likelihood.parameters(2)
    table = MODEL.simulate(truth, many, rng(5, "simulate"))
    wide = table.pivot_table(index=KEYS, columns="end", values="n", aggfunc="sum").reset_index()
    n = wide[ENDS].sum(axis=1)
    assert (n == MODEL.rows(many)[ENDS].sum(axis=1)).all()
    expected = shares(truth, wide)
    error = np.sqrt(expected * (1 - expected) / n.to_numpy()[:, None])
    assert (np.abs(wide[ENDS].div(n, axis=0) - expected) < 4 * error + 1e-12).all().all()
    replicated = MODEL.replicate(truth.expand_dims(draw=500), many, rng(6, "replicate"))
    weights = (n / n.groupby(wide["option"]).transform("sum")).to_numpy()[:, None]
    by_option = pd.DataFrame(expected * weights).groupby(wide["option"]).sum()
    for option in ("usual", "new"):
        np.testing.assert_allclose(replicated[option].mean(), by_option.loc[option], atol=5e-4)
        np.testing.assert_allclose(replicated[option].sum(axis=1), 1.0)


def test_one_group_has_effects_of_zero_for_every_end(catalogue, rows):
    alone = Likelihood(MODEL, context(catalogue, rows.assign(group="all")))
    truth = alone.parameters(0)
    assert truth["group_effect"].dims == ("other_end", "group")
    assert not truth["group_effect"].any()


def test_one_end_for_all_is_refused(catalogue, rows):
    with pytest.raises(ModelError, match="every client has the same end"):
        MODEL.data(context(catalogue, rows.assign(end="work")))


# --- fits ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_it_agrees_with_maximum_likelihood_on_rows(catalogue):
    rows = ended(clients(4000, seed=2), seed=2)
    priors = catalogue.priors["transitions"]
    wide = {name: priors[name].override(sd=20.0) for name in ("intercept", "effect", "group")}
    wide["effect_group"] = priors["effect_group"].override(sd=1e-3)
    found = fit(MODEL, context(catalogue, rows, ["option", "group"], {}, **wide), QUICK)
    new, high = (rows["option"] == "new").astype(float), np.where(rows["group"] == "high", 1.0, -1.0)
    design = pd.DataFrame({"one": 1.0, "new": new, "high": high})
    oracle = sm.MNLogit(rows["end"].map(ENDS.index), design).fit(disp=0)  # the first end is its reference
    assert found.passed, found.failed_checks
    effect = found.posterior["effect"]
    for at, end in enumerate(ENDS[1:]):
        error = oracle.bse.loc["new"].iloc[at]
        assert float(effect.sel(other_end=end).mean()) == pytest.approx(
            oracle.params.loc["new"].iloc[at], abs=0.1 * error
        )
        assert float(effect.sel(other_end=end).std()) == pytest.approx(error, rel=0.06)
        high = found.posterior["group_effect"].sel(other_end=end, group="high")
        assert float(high.mean()) == pytest.approx(oracle.params.loc["high"].iloc[at], abs=0.1 * error)


@pytest.mark.slow
@pytest.mark.parametrize("edge", ["the option separates", "two clients an arm"])
def test_extremes_give_finite_wide_answers(catalogue, edge):
    rows = ended(clients(60, seed=3), seed=3)
    separated = rows.assign(end=np.where(rows["option"] == "new", "work", "dropped_out"))
    rows = separated if edge == "the option separates" else rows.groupby("option").head(2)
    found = fit(MODEL, context(catalogue, rows), QUICK)
    assert np.isfinite(found.effect["share"]).all()
    np.testing.assert_allclose(found.effect["share"].sum("end"), 1.0)
    spread = np.log(found.effect["ratio"]).std("draw")
    assert (spread.where(spread["end"] != found.effect.attrs["reference"], drop=True) > 0.2).all()


@pytest.mark.slow
def test_a_cached_fit_keeps_its_reference(catalogue, rows, tmp_path):
    cells = context(catalogue, rows, ["option", "group"], {})
    first, again = (fit(MODEL, cells, QUICK, tmp_path) for _ in range(2))
    assert again.cached
    assert again.effect.attrs["reference"] == first.effect.attrs["reference"] == "dropped_out"
    np.testing.assert_array_equal(again.effect["end"], ENDS)
