"""Covariates of counties: a slope that was put in is found, and without them nothing changes."""

import numpy as np
import pandas as pd
import pytest

from costeff.draws import rng
from costeff.errors import ModelError, Problems
from costeff.outcomes import MODELS, Context, Sampling, fit
from costeff.outcomes.base import content_hash
from costeff.outcomes.priors import check_priors
from costeff.records import Cells

MODEL = MODELS["binary"]
COUNTIES = {f"{county:02d}{place}": f"{county:02d}" for county in range(1, 23) for place in range(3)}
KNOWN = sorted(set(COUNTIES.values()))


def cells(slope=0.0, seed=3, size=150):
    """Clients of 66 municipalities, whose log odds rise by `slope` for each standard deviation of the covariate."""
    pick, x = rng(seed, "covariate"), covariate()["staff"]
    own = dict(zip(KNOWN, pick.normal(0, 0.15, len(KNOWN)), strict=True))
    rows = []
    for place, county in COUNTIES.items():
        for option in ("usual", "new"):
            eta = -1.0 + slope * x[county] + own[county] - 0.3 * (option == "new")
            rows.append((place, option, "all", size, pick.binomial(size, 1 / (1 + np.exp(-eta)))))
    table = pd.DataFrame(rows, columns=["municipality", "option", "group", "n", "events"])
    return Cells("binary", ("municipality", "option", "group"), table, "placement", 365.0, True, "test")


def covariate(seed=5):
    values = rng(seed, "x").normal(size=len(KNOWN))
    return pd.DataFrame({"staff": (values - values.mean()) / values.std()}, index=KNOWN)


def context(catalogue, covariates=None, **known):
    return Context(cells(**known), catalogue.priors["binary"], COUNTIES, covariates)


def test_without_covariates_the_graph_and_the_hash_are_what_they_were(catalogue):
    plain, empty = context(catalogue), context(catalogue, pd.DataFrame(index=KNOWN))
    assert not any("slope" in rv.name for rv in MODEL.build(plain).free_RVs)
    assert [rv.name for rv in MODEL.build(plain).free_RVs] == [rv.name for rv in MODEL.build(empty).free_RVs]
    sampling = Sampling(seed=1)
    assert content_hash(MODEL, plain, sampling) == content_hash(MODEL, empty, sampling)
    assert content_hash(MODEL, plain, sampling) != content_hash(MODEL, context(catalogue, covariate()), sampling)


def test_other_values_are_another_fit_and_another_compilation(catalogue):
    from costeff.outcomes.sampling import _shape

    one, other = context(catalogue, covariate(5)), context(catalogue, covariate(6))
    assert content_hash(MODEL, one, Sampling(seed=1)) != content_hash(MODEL, other, Sampling(seed=1))
    assert _shape(MODEL, one) != _shape(MODEL, other)


def test_a_slope_moves_the_counties_by_their_covariate(catalogue):
    """The predictor by hand: county effect = spread x raw + slope x covariate."""
    asked = context(catalogue, covariate())
    built = MODEL.build(asked)
    from pymc import compile as compiled

    wanted = [built[name] for name in ("county_effect", "county_sd_raw", "county_raw", "county_slope")]
    county, spread, raw, slope = compiled([], wanted, mode="FAST_COMPILE")()
    np.testing.assert_allclose(county, spread * raw + asked.covariate_of_county @ slope, atol=1e-10)


def test_a_county_that_did_not_tell_stands_at_the_mean(catalogue):
    gaps = covariate()
    gaps.loc[["03", "09"], "staff"] = np.nan
    found = context(catalogue, gaps).covariate_of_county[:, 0]
    assert found.mean() == pytest.approx(0)
    assert found[KNOWN.index("03")] == found[KNOWN.index("09")] == pytest.approx(-gaps["staff"].fillna(0).mean())


@pytest.mark.parametrize(("change", "rule"), [("place", "does not know"), ("prior", "no prior")])
def test_covariates_that_cannot_be_used_are_told(catalogue, change, rule):
    priors = dict(catalogue.priors["binary"])
    covariates = covariate()
    if change == "prior":
        del priors["county_slope"]
    else:
        covariates = covariates.rename({"22": "77"})
    with pytest.raises(ModelError, match=rule):
        Context(cells(), priors, COUNTIES, covariates)


def test_a_prior_of_the_slope_is_known_and_not_needed(catalogue):
    problems = Problems()
    check_priors(problems, catalogue.priors, MODELS)
    without = {model: {k: v for k, v in p.items() if k != "county_slope"} for model, p in catalogue.priors.items()}
    check_priors(problems, without, MODELS)
    assert not problems.found


@pytest.mark.slow
def test_a_known_slope_is_found_and_an_absent_one_is_not(catalogue):
    sampling = Sampling(seed=4, draws=500, tune=600)
    found = fit(MODEL, context(catalogue, covariate(), slope=0.4), sampling).believed()
    slope = found.posterior["county_slope"].sel(covariate="staff")
    assert slope.quantile(0.005) < 0.4 < slope.quantile(0.995)
    assert float(slope.quantile(0.01)) > 0
    none = fit(MODEL, context(catalogue, covariate(), slope=0.0, seed=8), sampling).believed()
    still = none.posterior["county_slope"].sel(covariate="staff")
    assert still.quantile(0.005) < 0 < still.quantile(0.995)
