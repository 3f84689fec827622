"""The synthetic register has a known truth; the hierarchical model finds it."""

import json
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from costeff.batch.country import data_for, fit_chain, fit_costs, open_checked, synthetic_register
from costeff.outcomes import Sampling


@pytest.fixture(scope="module")
def folder(catalogue, fits_cache):
    return synthetic_register(catalogue, catalogue.conventions.seed, fits_cache)


@pytest.fixture(scope="module")
def truth(folder):
    return json.loads((folder / "truth.json").read_text())


@pytest.fixture(scope="module")
def data(catalogue, folder):
    with open_checked(folder, catalogue) as register:
        return data_for(catalogue.chains["intensive_family_work"], catalogue, register)


@pytest.fixture(scope="module")
def fitted(catalogue, fits_cache, data):
    chain = catalogue.chains["intensive_family_work"]
    return fit_chain(chain, catalogue, data, catalogue.conventions.seed, fits_cache)


@pytest.fixture(scope="module")
def costs(catalogue, fits_cache, data):
    chain = catalogue.chains["intensive_family_work"]
    return fit_costs(chain, catalogue, data, catalogue.conventions.seed, fits_cache)


def covers(draws, value, mass=0.94):
    low, high = np.quantile(draws, [(1 - mass) / 2, (1 + mass) / 2])
    return low <= value <= high


def test_the_fit_passes_its_gate(fitted):
    assert fitted.passed, fitted.failed_checks


def test_the_94_per_cent_interval_covers_the_true_odds_ratio(fitted, truth):
    assert covers(np.log(fitted.effect["ratio"]), truth["truth"]["log_odds_ratio"])


def test_the_interval_is_narrow_enough_to_say_something(fitted):
    assert float(np.log(fitted.effect["ratio"]).std()) < 0.1


def test_national_risks_are_recovered(fitted, truth):
    """Weighted by clients, as the sample truth is."""
    weights = fitted.effect["clients"]
    national = (fitted.effect["risk"] * weights).sum("municipality") / weights.sum()
    for option in ("usual", "new"):
        assert covers(national.sel(option=option), truth["sample"][f"risk_{option}"])


def test_municipal_intervals_cover_their_truths_as_often_as_they_say(fitted, truth):
    """Over 308 municipalities a 94 % interval misses about 18; far more would be false certainty.

    The truth is told for the true mix of risk groups, so the posterior is standardised to that mix too.
    """
    posterior, true = fitted.posterior, truth["municipalities"]
    shares = truth["truth"]["group_share"]
    mix = xr.DataArray([shares[g] for g in posterior["group"].values.tolist()], coords={"group": posterior["group"]})
    logit = posterior["intercept"] + posterior["group_effect"] + posterior["place"]
    risk = (mix / (1 + np.exp(-logit))).sum("group")
    hits = [covers(risk.sel(municipality=code), true[code]["risk_usual"]) for code in true]
    assert 0.90 <= np.mean(hits) <= 0.98


def test_a_small_municipality_leans_on_the_others_more_than_a_large_one(fitted):
    pooling = fitted.effect["pooling"]
    assert float(pooling.sel(municipality="091")) < float(pooling.sel(municipality="407"))
    spread = fitted.effect["risk"].sel(option="usual").std("draw")
    assert float(spread.sel(municipality="091")) < float(spread.sel(municipality="407"))


def test_a_posterior_holds_no_observed_data(fitted):
    assert {"n", "events"}.isdisjoint(fitted.posterior.variables)


# --- what the service costs -------------------------------------------------------------------------


def test_the_fit_of_costs_passes_its_gate_and_finds_the_mean_of_each_option(costs, data):
    """As counted over the country's clients, within what 12 000 clients tell."""
    assert costs.passed, costs.failed_checks
    weights = costs.effect["clients"]
    national = (costs.effect["mean"] * weights).sum("municipality") / weights.sum()
    counted = data.costs.table.groupby("option")[["n", "sum"]].sum()
    for option, mean in (counted["sum"] / counted["n"]).items():
        assert covers(national.sel(option=option), mean)
        assert float(national.sel(option=option).std()) < 0.02 * mean


def test_a_municipality_without_clients_costs_what_the_country_does_and_is_less_sure(costs):
    mean = costs.effect["mean"].sel(option="new")
    none = mean.sel(municipality=costs.effect["clients"] == 0)
    assert none.sizes["municipality"] >= 1
    everywhere = float(mean.mean())
    assert np.abs(none.mean("draw") / everywhere - 1).max() < 0.03
    assert (none.std("draw") > mean.sel(municipality="091").std("draw")).all()


def test_a_chain_with_a_price_needs_no_fit_of_costs(catalogue, fits_cache):
    chain = catalogue.chains["post_release_support"]
    data = data_for(chain, catalogue, None)
    assert data.costs is None
    assert fit_costs(chain, catalogue, data, 1, fits_cache) is None


@pytest.mark.slow
def test_a_dear_municipality_pays_more_than_a_cheap_one_with_the_same_clients(catalogue, data, tmp_path):
    """All costs of one county doubled, in another halved: the estimates follow, and the rest stays."""
    chain, table = catalogue.chains["intensive_family_work"], data.costs.table
    county = table["municipality"].map(data.counties)
    times = county.map({"08": 2.0, "07": 0.5}).fillna(1.0)
    moved = table.assign(
        sum=table["sum"] * times,
        sum_squares=table["sum_squares"] * times**2,
        sum_logs=table["sum_logs"] + table["positive"] * np.log(times),
        sum_log_squares=table["sum_log_squares"]
        + 2 * table["sum_logs"] * np.log(times)
        + table["positive"] * np.log(times) ** 2,
    )
    other = replace(data, costs=replace(data.costs, table=moved))
    quick = Sampling(1, draws=400, tune=600, chains=2)
    effect = fit_costs(chain, catalogue, other, 1, tmp_path, sampling=quick).effect
    mean = effect["mean"].mean("draw").sel(municipality=["837", "165", "091"])
    for option in ("usual", "new"):
        tampere, janakkala, helsinki = mean.sel(option=option).values
        assert tampere == pytest.approx(2 * helsinki, rel=0.1)
        assert janakkala == pytest.approx(0.5 * helsinki, rel=0.15)


@pytest.mark.slow
def test_a_register_in_which_the_usual_care_costs_nothing(catalogue, data, tmp_path):
    chain, table = catalogue.chains["intensive_family_work"], data.costs.table
    sums = ["positive", "sum", "sum_squares", "sum_logs", "sum_log_squares"]
    free = table.assign(**{name: table[name].where(table["option"] == "new", 0) for name in sums})
    other = replace(data, costs=replace(data.costs, table=free))
    found = fit_costs(chain, catalogue, other, 1, tmp_path, sampling=Sampling(1, draws=500, tune=600))
    assert found.passed, found.failed_checks
    assert (found.effect["mean"].sel(option="usual") == 0).all()
    counted = table[table["option"] == "new"][["n", "sum"]].sum()
    assert float(found.effect["mean"].sel(option="new").mean()) == pytest.approx(
        counted["sum"] / counted["n"], rel=0.02
    )
