"""The synthetic register has a known truth; the hierarchical model finds it."""

import json

import numpy as np
import pytest
import xarray as xr

from costeff.batch.country import data_for, fit_chain, open_checked, synthetic_register


@pytest.fixture(scope="module")
def folder(catalogue, fits_cache):
    return synthetic_register(catalogue, catalogue.conventions.seed, fits_cache)


@pytest.fixture(scope="module")
def truth(folder):
    return json.loads((folder / "truth.json").read_text())


@pytest.fixture(scope="module")
def fitted(catalogue, fits_cache, folder):
    chain = catalogue.chains["intensive_family_work"]
    with open_checked(folder, catalogue) as register:
        data = data_for(chain, catalogue, register)
    return fit_chain(chain, catalogue, data, catalogue.conventions.seed, fits_cache)


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
