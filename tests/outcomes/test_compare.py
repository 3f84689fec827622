"""A fit beside what it was made from: raw figures, predictions, counties, leaning, sensitivity to the prior."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from likelihoods import KEYS, PLACES, Likelihood, clients
from scipy.stats import norm

from costeff.draws import rng, summarise
from costeff.errors import UsageError
from costeff.evidence import RobustPrior
from costeff.outcomes import (
    MODELS,
    Context,
    Fit,
    Sampling,
    by_county,
    fit,
    leaning,
    posterior_predictive,
    prior_beside_posterior,
    prior_predictive,
    prior_sensitivity,
    raw_beside_estimate,
)
from costeff.params.entries import Prior
from costeff.records import Cells

COUNTIES = {"091": "90", "165": "07", "837": "08", "407": "07", "049": "90", "005": "01"}  # 005 alone in 01


def cells_of(statistic, rows):
    """Cells of clients in a county where some have none, given as rows of an outcome."""
    if statistic == "binary":
        table = rows.assign(n=1, events=rows["value"] > 2).groupby(KEYS, as_index=False)[["n", "events"]].sum()
    elif statistic in ("count", "level", "end"):
        table = rows.rename(columns={"value": statistic}).groupby([*KEYS, statistic]).size().rename("n").reset_index()
    else:
        value = rows["value"].astype(float)
        each = rows.assign(
            n=1, positive=1, sum=value, sum_squares=value**2,
            sum_logs=np.log(value), sum_log_squares=np.log(value) ** 2,
            sum_before=5.0 * value, sum_before_squares=25 * value**2, sum_products=5 * value**2,
        )  # fmt: skip
        table = each.groupby(KEYS, as_index=False).sum().drop(columns="value")
    return Cells(statistic, tuple(KEYS), table, "outcome", 365.0, True, "test")


@pytest.fixture(scope="module")
def rows():
    """400 clients, of whom 6 in one municipality: their values are 1 to 5."""
    who = clients(400)
    few = who["municipality"] == "165"
    who = pd.concat([who[~few], who[few].head(6)])
    return who.assign(value=rng(1, "values").integers(1, 6, len(who)))


def fitted(model, context, draws=40, seed=1):
    """A fit with parameters by lot in the place of a posterior."""
    likelihood = Likelihood(model, context)
    posterior = xr.concat([likelihood.parameters(n) for n in range(draws)], "draw").assign_coords(draw=np.arange(draws))
    posterior = posterior.drop_vars([name for name in posterior.data_vars if "_raw" in str(name)])
    effect = model.effect(posterior, context).assign_attrs(quantity=model.quantity, seed=seed)
    return Fit(model.id, effect, posterior, (), "hash", cached=False)


@pytest.fixture(scope="module")
def made(catalogue, rows):
    """Model -> its context and fit, made once."""
    kept = {}

    def make(model):
        if model not in kept:
            cells = cells_of(MODELS[model].statistic, rows)
            context = Context(cells, catalogue.priors[model], COUNTIES)
            kept[model] = context, fitted(MODELS[model], context)
        return kept[model]

    return make


# --- raw beside estimate ------------------------------------------------------------------------

RAW_OF = {
    "binary": ("risk", lambda value: (value > 2).mean()),
    "count": ("mean", lambda value: value.mean()),
    "cost_gamma": ("mean", lambda value: value.mean()),
    "meter": ("mean", lambda value: value.mean()),
    "experience": ("mean", lambda value: value.mean()),
}


@pytest.mark.parametrize("model", RAW_OF)
def test_raw_is_what_was_counted_and_estimate_what_the_fit_says(made, rows, model):
    context, found = made(model)
    quantity, mean = RAW_OF[model]
    table = raw_beside_estimate(found, context.cells).set_index(["municipality", "option"])
    assert len(table) == 2 * len(COUNTIES)
    own = rows.groupby(["municipality", "option"])["value"]
    many = own.size()[own.size() >= 10].index
    np.testing.assert_allclose(table.loc[many, "raw"], own.apply(mean).loc[many])
    assert table["raw"].drop(many).isna().all()
    assert table["clients"].drop(many).isna().all()
    assert (abs(table.loc[many, "clients"].astype(float) - own.size().loc[many]) < 5).all()
    told = summarise(found.effect[quantity].sel(municipality="837", option="new"), 0.9)
    assert table.loc[("837", "new"), ["estimate", "low", "high"]].to_list() == pytest.approx(
        [float(told[name]) for name in ("mean", "low", "high")]
    )


def test_raw_shares_of_ends_sum_to_one_where_they_are_shown(catalogue, rows):
    ends = np.array(["", "dropped_out", "other_service", "study", "work", "work"])
    cells = cells_of("end", rows.assign(value=ends[rows["value"]]))
    context = Context(cells, catalogue.priors["transitions"], COUNTIES)
    table = raw_beside_estimate(fitted(MODELS["transitions"], context), cells)
    shown = table.dropna(subset="raw").groupby(["municipality", "option"])["raw"].agg(["sum", "size"])
    assert len(shown) == 4
    np.testing.assert_allclose(shown["sum"], 1.0)
    assert (shown["size"] == 4).all()
    assert len(table) == 2 * 4 * len(COUNTIES)


def test_what_cannot_be_counted_raw_is_refused(made, rows):
    context, found = made("binary")
    at_risk = Cells("exposure", context.cells.by, context.cells.table, "outcome", 365.0, True, "test")
    for cells in (at_risk, cells_of("count", rows)):
        with pytest.raises(UsageError, match="share or a mean for each municipality"):
            raw_beside_estimate(found, cells)


# --- predictions --------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["binary", "experience"])
def test_a_posterior_prediction_is_the_statistic_beside_the_observed(made, model):
    context, found = made(model)
    told = posterior_predictive(MODELS[model], context, found, 30)
    more = [] if model == "binary" else ["level"]
    assert told["replicated"].dims == ("draw", "option", *more)
    assert told["replicated"].sizes["draw"] == 30
    assert told["option"].values.tolist() == ["usual", "new"]
    observed = MODELS[model].observed(context)
    for option in ("usual", "new"):
        np.testing.assert_allclose(told["observed"].sel(option=option), observed[option])
    again = posterior_predictive(MODELS[model], context, found, 30)
    xr.testing.assert_identical(told, again)
    if more:
        np.testing.assert_allclose(told["replicated"].sum("level"), 1.0)


def test_a_posterior_prediction_follows_the_parameters(made):
    """With a baseline of almost 0 or almost 1, nobody or everybody has the event."""
    context, found = made("binary")
    for intercept, share in ((-60.0, 0.0), (60.0, 1.0)):
        sure = found.posterior.assign(intercept=found.posterior["intercept"] * 0 + intercept)
        told = posterior_predictive(MODELS["binary"], context, Fit("binary", found.effect, sure, (), "", cached=False))
        clients_of = context.cells.table.groupby("option")["n"].sum()
        for option in ("usual", "new"):
            assert (told["replicated"].sel(option=option) == share * clients_of[option]).all()


@pytest.mark.slow
def test_a_prior_prediction_is_wide_and_knows_nothing_of_the_outcome(catalogue, made):
    context, _ = made("binary")
    told = prior_predictive(MODELS["binary"], context, 400, 1)
    table = context.cells.table
    all_events = Context(
        Cells("binary", context.cells.by, table.assign(events=table["n"]), "outcome", 365.0, True, "test"),
        context.priors, COUNTIES,
    )  # fmt: skip
    other = prior_predictive(MODELS["binary"], all_events, 400, 1)
    np.testing.assert_array_equal(told["replicated"], other["replicated"])
    assert (other["observed"] > told["observed"]).all()
    clients_of = xr.DataArray(table.groupby("option")["n"].sum())
    share = told["replicated"] / clients_of
    assert float(share.quantile(0.9)) - float(share.quantile(0.1)) > 0.3


@pytest.mark.slow
def test_prior_and_posterior_have_the_same_parameters_and_shape(made):
    context, found = made("binary")
    both = prior_beside_posterior(MODELS["binary"], context, found, 30)
    prior, posterior = (both[name].to_dataset() for name in ("prior", "posterior"))
    assert dict(prior.sizes) == dict(posterior.sizes)
    assert {"chain", "draw", "risk_group"} <= set(prior.sizes)
    assert set(prior.data_vars) == set(posterior.data_vars) >= {"intercept", "effect", "county_sd"}


# --- places -------------------------------------------------------------------------------------


def test_a_county_is_the_mean_over_the_clients_of_its_municipalities(made):
    context, found = made("binary")
    told = by_county(found, context)
    assert told["risk"].dims == ("draw", "option", "county")
    risk, n = found.effect["risk"], context.clients()
    expected = (risk * n).sel(municipality=["091", "049"]).sum("municipality") / n.sel(
        municipality=["091", "049"]
    ).sum()
    np.testing.assert_allclose(told["risk"].sel(county="90"), expected)
    np.testing.assert_allclose(told["risk"].sel(county="01"), risk.sel(municipality="005"))  # without clients
    np.testing.assert_allclose(told["difference"], told["risk"].sel(option="new") - told["risk"].sel(option="usual"))
    assert told["clients"].sum() == n.sum()


def test_a_county_keeps_the_ends_apart(catalogue, rows):
    cells = cells_of("end", rows.assign(value=np.where(rows["value"] > 2, "work", "study")))
    context = Context(cells, catalogue.priors["transitions"], COUNTIES)
    told = by_county(fitted(MODELS["transitions"], context), context)
    np.testing.assert_allclose(told["share"].sum("end"), 1.0)
    assert told["difference"].dims == ("draw", "county", "end")


def test_leaning_is_told_in_words_by_its_limits(made):
    _, found = made("binary")
    pooling = found.effect["pooling"]
    chosen = found.effect.assign(pooling=pooling.copy(data=[0.0, 0.49, 0.5, 0.89, 0.9, 1.0]))
    table = leaning(Fit("binary", chosen, found.posterior, (), "", cached=False)).set_index("municipality")
    assert table["leaning"].to_list() == [0.0, 0.49, 0.5, 0.89, 0.9, 1.0]
    assert table["decides"].to_list() == ["own", "own", "shared", "shared", "others", "others"]
    assert leaning(found)["leaning"].between(0, 1).all()


def test_leaning_by_end_leaves_the_reference_out(catalogue, rows):
    cells = cells_of("end", rows.assign(value=np.where(rows["value"] > 2, "work", "study")))
    found = fitted(MODELS["transitions"], Context(cells, catalogue.priors["transitions"], COUNTIES))
    assert set(leaning(found)["end"]) == {"work"}


def test_without_places_there_are_no_counties_and_no_leaning(catalogue, rows):
    table = cells_of("binary", rows).table.groupby(["option", "group"], as_index=False)[["n", "events"]].sum()
    cells = Cells("binary", ("option", "group"), table, "outcome", 365.0, True, "test")
    context = Context(cells, catalogue.priors["binary"])
    found = fitted(MODELS["binary"], context)
    with pytest.raises(UsageError, match="has no risk by municipality"):
        by_county(found, context)
    with pytest.raises(UsageError, match="has no pooling by municipality"):
        leaning(found)


# --- sensitivity to the prior -------------------------------------------------------------------


def exact(prior, mean, error, draws=8000):
    """A fit whose posterior is known: one effect, seen once with a normal error, and an intercept known well."""
    grid = np.linspace(-12, 12, 200_001)
    density = np.exp(prior_density(prior, grid) + norm.logpdf(mean, grid, error))
    cumulated = density.cumsum() / density.sum()
    effect = np.interp((np.arange(draws) + 0.5) / draws, cumulated, grid)
    effect = rng(1, "order").permutation(effect)
    dims = {"dims": "draw", "coords": {"draw": np.arange(draws)}}
    noise = rng(1, "intercept").standard_normal(draws)
    posterior = xr.Dataset(
        {
            "effect": xr.DataArray(effect, **dims),
            "intercept": xr.DataArray(0.01 * noise, **dims),
            "group_effect": xr.DataArray(np.zeros((draws, 1)), dims=("draw", "group")),
            "log_likelihood": xr.DataArray(norm.logpdf(mean, effect, error) - noise**2 / 2, **dims),
        }
    )
    cells = Cells("binary", KEYS, pd.DataFrame({"option": ["new"], "group": ["all"]}), None, None, True, "test")
    flat = Prior(family="normal", sd=10.0, reason="test")
    context = Context(cells, {"effect": prior, "intercept": flat, "group": flat})
    return context, Fit("test", xr.Dataset(), posterior, (), "", cached=False)


def prior_density(prior, effect):
    return prior.logpdf(effect) if isinstance(prior, RobustPrior) else norm.logpdf(effect, prior.mean, prior.sd)


def headline(found):
    return (1 / (1 + np.exp(-found.posterior["effect"]))).rename("risk")


CLOSE = Prior(family="normal", mean=0.0, sd=0.3, reason="test")
WIDE = Prior(family="normal", mean=0.0, sd=3.0, reason="test")
ROBUST = RobustPrior(mean=0.0, sd=0.3, weight=0.5, weak_mean=0.0, weak_sd=3.0)


@pytest.mark.parametrize(
    ("prior", "mean", "error", "diagnosis"),
    [
        (CLOSE, 2.0, 0.3, "conflict"),
        (WIDE, 2.0, 0.05, "none"),
        (CLOSE, 0.1, 3.0, "prior decides"),
        (ROBUST, 4.0, 0.1, "none"),
    ],
    ids=["conflict", "strong data", "weak data", "overruled"],
)
def test_the_diagnosis_of_a_posterior_that_is_known(prior, mean, error, diagnosis):
    context, found = exact(prior, mean, error)
    table = prior_sensitivity(context, found, headline(found)).set_index("quantity")
    assert list(table.index) == ["effect", "risk"]
    assert (table["diagnosis"] == diagnosis).all()


def test_sensitivity_grows_with_the_conflict():
    at = []
    for mean in (0.5, 1.5, 3.0):
        context, found = exact(CLOSE, mean, 0.3)
        at.append(prior_sensitivity(context, found, headline(found)).set_index("quantity").loc["effect", "prior"])
    assert at == sorted(at)


def test_only_the_priors_that_were_chosen_are_counted_more():
    context, found = exact(CLOSE, 2.0, 0.3)
    table = prior_sensitivity(context, found, headline(found), ["intercept"]).set_index("quantity")
    assert table.loc["effect", "prior"] < 0.01
    assert table.loc["effect", "diagnosis"] == "none"


def test_what_is_unknown_is_told_at_once():
    context, found = exact(CLOSE, 2.0, 0.3, 100)
    with pytest.raises(UsageError) as error:
        prior_sensitivity(context, found, headline(found).isel(draw=slice(50)), ["efect"])
    assert "100 draws" in str(error.value)
    assert "efect" in str(error.value)
    with pytest.raises(UsageError, match="none was chosen"):
        prior_sensitivity(context, found, headline(found), [])


def test_every_part_of_a_model_has_its_priors(made):
    from costeff.outcomes.compare import _top_level

    context, found = made("cost_gamma")
    top = _top_level(context, found.posterior)
    assert {"effect", "positive_effect", "intercept", "positive_intercept", "county_sd", "positive_county_sd",
            "group_effect", "positive_group_effect", "group_effect_new", "log_shape"} <= set(top)  # fmt: skip
    assert not any(name.endswith(("municipality_effect_new", "county_effect", "place")) for name in top)
    assert top["positive_group_effect_new"] is context.priors["effect_group"]
    assert top["positive_effect"] is context.priors["positive_effect"]
    assert top["positive_county_sd"] is context.priors["county_sd"]


@pytest.mark.slow
def test_a_fit_against_its_prior_is_found_out(catalogue, rows):
    """Odds ten times higher under the new option, and a prior that was sure of no effect."""
    table = cells_of("binary", clients(4000).assign(value=1)).table
    share = np.where(table["option"] == "new", 0.6, 0.13)
    cells = Cells("binary", tuple(KEYS), table.assign(events=(share * table["n"]).round()), "x", 365.0, True, "test")
    for sd, found_out in ((0.1, True), (2.0, False)):
        priors = catalogue.priors["binary"]
        context = Context(cells, {**priors, "effect": priors["effect"].override(sd=sd)}, PLACES)
        found = fit(MODELS["binary"], context, Sampling(seed=1, draws=1000))
        risk = found.effect["risk"].sel(municipality="091", option="new", drop=True)
        table = prior_sensitivity(context, found, risk, ["effect"]).set_index("quantity")
        assert (table.loc["effect", "diagnosis"] != "none") == found_out
