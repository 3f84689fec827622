"""Pooling: published results, independent slow versions, and the small cases."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from published_data import bcg, made, programmes, schools
from scipy import integrate, optimize, stats

from costeff.errors import ModelError
from costeff.evidence import HeterogeneityPrior, Studies, Study, bayesian_pool, pool, taken_apart

HALF = HeterogeneityPrior("half_normal", 0.5, "for a test")


def numbers(pooled: xr.Dataset, *names: str) -> list[float]:
    return [float(pooled[name]) for name in names]


# --- published results ------------------------------------------------------------------------------


def test_the_vaccine_trials_as_metafor_prints_them() -> None:
    """metafor, dat.bcg, measure OR, method DL: tau2 0.3663, I2 92.65 %, Q(12) 163.1649."""
    found = pool(bcg("odds ratio"), "dl")
    np.testing.assert_allclose(
        numbers(found, "mean", "error", "low", "high", "tau2", "i2", "q"),
        [-0.7474, 0.1923, -1.1242, -0.3706, 0.3663, 0.9265, 163.1649],
        atol=6e-5,
    )


def test_the_vaccine_trials_as_risk_ratios() -> None:
    """metafor, measure RR: Q(12) 152.2330 whatever tau2; with REML and Knapp-Hartung 0.49 (0.33 to 0.73)."""
    found = pool(bcg(), "paule-mandel")
    assert float(found["q"]) == pytest.approx(152.2330, abs=6e-5)
    np.testing.assert_allclose(np.exp(numbers(found, "mean", "low_hk", "high_hk")), [0.49, 0.33, 0.73], atol=0.006)


def test_the_interlaboratory_example_as_metafor_prints_it() -> None:
    """PCB28, method DL: tau2 2.9289, I2 92.67 %, Q(5) 68.2154, mean 33.6004 (32.1403 to 35.0606)."""
    errors = [1.03, 0.69, 0.83, 0.29, 0.4, 0.38]
    found = pool(made(list(zip([34.3, 32.9, 34.53, 32.42, 31.9, 35.8], errors, strict=True))), "dl")
    np.testing.assert_allclose(
        numbers(found, "tau2", "i2", "q", "mean", "error", "low", "high"),
        [2.9289, 0.9267, 68.2154, 33.6004, 0.7450, 32.1403, 35.0606],
        atol=6e-5,
    )


def test_eight_schools_completely_pooled() -> None:
    """Bayesian Data Analysis, section 5.5: 7.7 with standard error 4.1. Q is below its degrees of freedom."""
    for method in ("dl", "paule-mandel"):
        found = pool(schools(), method)
        assert [round(x, 1) for x in numbers(found, "mean", "error")] == [7.7, 4.1]
        assert numbers(found, "tau2", "i2") == [0, 0]


def test_eight_schools_as_the_reference_posterior() -> None:
    """posteriordb, eight_schools: mu ~ normal(0, 5), tau ~ half-Cauchy(5); ten means with their Monte Carlo errors."""
    prior = HeterogeneityPrior("half_cauchy", 5, "that of posteriordb")
    found = bayesian_pool(schools(), prior, 100_000, seed=1, mu_prior=(0, 5))
    means = np.append(found["effect"].mean("draw"), numbers(found[["mu", "tau"]].mean(), "mu", "tau"))
    published = [6.1505, 4.9396, 3.9059, 4.7960, 3.6144, 4.0511, 6.3172, 4.8840, 4.4105, 3.6021]
    errors = np.array([0.0557, 0.0462, 0.0542, 0.0475, 0.0461, 0.0485, 0.0499, 0.0543, 0.0330, 0.0319])
    assert (np.abs(means - published) < 3 * np.hypot(errors, 0.02)).all()


def test_with_many_studies_the_bayesian_mean_is_near_the_other_one() -> None:
    studies = programmes()
    found, other = bayesian_pool(studies, HALF, 4000, seed=1), pool(studies)
    ends = numbers(other, "low", "mean", "high")
    np.testing.assert_allclose(found["mu"].quantile([0.025, 0.5, 0.975]), ends, atol=0.03)


@pytest.mark.slow
def test_the_quadrature_agrees_with_pymc() -> None:
    import pymc as pm

    with pm.Model():
        mu = pm.Normal("mu", 0, 10)
        tau = pm.HalfNormal("tau", 0.5)
        pm.Normal("y", mu, pm.math.sqrt(tau**2 + bcg().errors ** 2), observed=bcg().estimates)
        drawn = pm.sample(4000, tune=1000, chains=2, cores=1, random_seed=1, progressbar=False)
    ours = bayesian_pool(bcg(), HALF, 20_000, seed=1, mu_prior=(0, 10))
    for name in ("mu", "tau"):
        theirs = drawn.posterior[name].values.ravel()
        levels = [0.025, 0.25, 0.5, 0.75, 0.975]
        np.testing.assert_allclose(np.quantile(ours[name], levels), np.quantile(theirs, levels), atol=0.03)


# --- against independent versions ---------------------------------------------------------------------


def slow_tau2(studies: Studies, method: str) -> float:
    """Both estimators of tau2, from their definitions."""
    y, v = studies.estimates, studies.errors**2

    def excess(tau2: float) -> float:
        w = 1 / (v + tau2)
        return float((w * (y - (w * y).sum() / w.sum()) ** 2).sum() - (len(y) - 1))

    if excess(0) <= 0:
        return 0.0
    if method == "dl":
        return excess(0) / float((1 / v).sum() - (1 / v**2).sum() / (1 / v).sum())
    return float(optimize.brentq(excess, 0, 1e6 * v.max(), xtol=1e-12 * v.min(), maxiter=1000))


@pytest.mark.parametrize("method", ["dl", "paule-mandel"])
@pytest.mark.parametrize("seed", range(20))
def test_tau2_and_all_that_follows_from_it(method: str, seed: int) -> None:
    generator = np.random.default_rng(seed)
    count, size = int(generator.integers(2, 30)), 10.0 ** generator.integers(-3, 4)
    errors = generator.uniform(0.01, 1, count) * size
    spread = generator.choice([0, 0.3, 2]) * size
    studies = made(list(zip(generator.normal(0, np.hypot(errors, spread)), errors, strict=True)))
    found, tau2 = pool(studies, method), slow_tau2(studies, method)
    assert float(found["tau2"]) == pytest.approx(tau2, rel=1e-5, abs=1e-9 * size**2)
    weights = 1 / (errors**2 + tau2)
    mean = np.average(studies.estimates, weights=weights)
    scale = max(1, (weights * (studies.estimates - mean) ** 2).sum() / (count - 1))
    error_hk = (scale / weights.sum()) ** 0.5
    assert float(found["mean"]) == pytest.approx(mean, rel=1e-5)
    assert float(found["error_hk"]) == pytest.approx(error_hk, rel=1e-5)
    assert float(found["high_hk"]) == pytest.approx(mean + stats.t.ppf(0.975, count - 1) * error_hk, rel=1e-5)
    np.testing.assert_allclose(found["weight"], weights / weights.sum(), rtol=1e-5)
    q = (errors**-2 * (studies.estimates - np.average(studies.estimates, weights=errors**-2)) ** 2).sum()
    expected = [q, stats.chi2.sf(q, count - 1), max(0, (q - count + 1) / q)]
    assert numbers(found, "q", "q_p", "i2") == pytest.approx(expected, rel=1e-9)
    if count > 2:
        reach = stats.t.ppf(0.975, count - 2) * np.sqrt(tau2 + 1 / weights.sum())
        assert numbers(found, "prediction_low", "prediction_high") == pytest.approx([mean - reach, mean + reach], 1e-5)


PRIORS = [
    HeterogeneityPrior("half_normal", 0.5, "t"),
    HeterogeneityPrior("half_cauchy", 25, "t"),
    HeterogeneityPrior("half_cauchy", 0.05, "t"),
    HeterogeneityPrior("uniform", 4, "t"),
]
SETS = {
    "bcg": bcg(),
    "two": made([(-0.4, 0.2), (0.3, 0.1)]),
    "one": made([(0.5, 0.2)]),
    "identical": made([(0.3, 0.1)] * 5),
    "far apart": made([(-30, 0.01), (0, 0.02), (40, 0.01)]),
    "many": made([(0.1 * (n % 7), 0.05) for n in range(120)]),
}


def log_marginal(studies: Studies, prior: HeterogeneityPrior, tau: float) -> float:
    """Of tau, mu integrated by the trapezoid rule over the joint density: another way to the same posterior."""
    spread = np.hypot(tau, studies.errors)
    centre, sd = np.average(studies.estimates, weights=spread**-2), (spread**-2).sum() ** -0.5
    mu = centre + sd * np.linspace(-8, 8, 65)
    joint = -(np.log(spread) + ((studies.estimates - mu[:, None]) / spread) ** 2 / 2).sum(axis=1)
    integral = np.log(np.trapezoid(np.exp(joint - joint.max()), mu))
    return float(joint.max() + integral + prior.distribution.logpdf(tau))


@pytest.mark.parametrize("prior", PRIORS, ids=lambda p: f"{p.family} {p.scale}")
@pytest.mark.parametrize("name", list(SETS))
def test_draws_of_tau_have_the_posterior_distribution(name: str, prior: HeterogeneityPrior) -> None:
    """At the quantiles of the draws, a distribution function made another way has their levels."""
    levels = [0.01, 0.1, 0.5, 0.9, 0.99]
    tau = bayesian_pool(SETS[name], prior, 20_000, seed=3)["tau"].values
    end = prior.scale if prior.family == "uniform" else np.inf
    grid = np.geomspace(max(0.9 * tau.min(), 1e-6), min(1.5 * tau.max(), end), 300)
    logs = np.array([log_marginal(SETS[name], prior, t) for t in grid])
    mass = integrate.cumulative_simpson(np.exp(logs - logs.max()) * grid, x=np.log(grid), initial=0)
    at = np.interp(np.log(np.quantile(tau, levels)), np.log(grid), mass / mass[-1])
    np.testing.assert_allclose(at, levels, atol=0.012)


def test_the_mean_and_the_new_place_given_tau() -> None:
    found = bayesian_pool(bcg(), HALF, 20_000, seed=2)
    assert float(found["effect_new"].var()) == pytest.approx(
        float(found["mu"].var() + (found["tau"] ** 2).mean()), rel=0.05
    )
    assert float(found["mu"].mean()) == pytest.approx(float(pool(bcg())["mean"]), abs=0.02)


@pytest.mark.parametrize("places", [100, pytest.param(2000, marks=pytest.mark.slow)])
def test_calibrated_under_its_own_prior(places: int) -> None:
    """SBC: the rank of the truth among draws is uniform, for mu, tau and a new place."""
    generator = np.random.default_rng(5)
    ranks: dict[str, list[int]] = {"mu": [], "tau": [], "effect_new": []}
    for seed in range(places):
        mu, tau = generator.normal(0, 1), abs(generator.normal(0, 0.5))
        errors = generator.uniform(0.1, 0.5, 5)
        estimates = generator.normal(mu, np.hypot(tau, errors))
        true = {"mu": mu, "tau": tau, "effect_new": generator.normal(mu, tau)}
        found = bayesian_pool(made(list(zip(estimates, errors, strict=True))), HALF, 99, seed, mu_prior=(0, 1))
        for name, rank in ranks.items():
            rank.append(int((found[name] < true[name]).sum()))
    for name, rank in ranks.items():
        counts = np.histogram(rank, bins=10, range=(0, 100))[0]
        assert stats.chisquare(counts).pvalue > 0.001, name


# --- small cases and refusals -------------------------------------------------------------------------


def test_one_study_is_for_the_bayesian_model() -> None:
    one = made([(0.5, 0.2)])
    with pytest.raises(ModelError, match="use bayesian_pool"):
        pool(one)
    found = bayesian_pool(one, HALF, 40_000, seed=1)
    expected = stats.halfnorm(scale=0.5).ppf([0.25, 0.5, 0.75])
    np.testing.assert_allclose(found["tau"].quantile([0.25, 0.5, 0.75]), expected, rtol=0.03)
    assert float(found["mu"].mean()) == pytest.approx(0.5, abs=0.02)


def test_two_studies_have_no_prediction_interval() -> None:
    found = pool(made([(-0.4, 0.2), (0.3, 0.1)]))
    assert np.isnan(numbers(found, "prediction_low", "prediction_high")).all()
    assert "three studies" in found.attrs["prediction"]
    assert np.isfinite(numbers(found, "mean", "low_hk", "high_hk")).all()


def test_a_prior_that_the_studies_make_absurd_still_ends() -> None:
    """All mass within rounding of the bound: the panels are not halved for ever."""
    found = bayesian_pool(made([(-1e9, 1.0), (1e9, 1.0)]), HeterogeneityPrior("uniform", 4, "t"), 100, seed=1)
    np.testing.assert_allclose(found["tau"], 4)


@pytest.mark.parametrize("size", [1e-6, 1e6])
def test_the_unit_does_not_matter(size: float) -> None:
    plain = bayesian_pool(schools(), HeterogeneityPrior("half_cauchy", 5, "t"), 500, seed=1)
    scaled = made([(size * row.estimate, size * row.error) for row in schools().rows])
    found = bayesian_pool(scaled, HeterogeneityPrior("half_cauchy", 5 * size, "t"), 500, seed=1)
    for name in ("mu", "tau", "effect_new"):
        np.testing.assert_allclose(found[name] / size, plain[name], rtol=1e-6, atol=1e-6)


def test_results_can_be_kept(tmp_path: Path) -> None:
    for result in (pool(schools()), bayesian_pool(schools(), HALF, 5, seed=1), schools().table):
        result.to_netcdf(tmp_path / "kept.nc")
        with xr.open_dataset(tmp_path / "kept.nc") as kept:
            assert kept.attrs["scale"] == result.attrs["scale"]


@pytest.mark.parametrize("method", ["dl", "paule-mandel"])
def test_identical_studies_keep_an_interval(method: str) -> None:
    found = pool(made([(0.3, 0.1)] * 4), method)
    assert numbers(found, "mean", "error", "tau2", "i2") == pytest.approx([0.3, 0.05, 0, 0])
    assert float(found["high_hk"]) == pytest.approx(0.3 + stats.t.ppf(0.975, 3) * 0.05)


def test_all_that_is_wrong_with_studies_is_told_at_once() -> None:
    rows = (
        Study("a", np.nan, 0.1, "x"),
        Study("b", 0.1, 0.0, "x"),
        Study("b", 0.1, np.inf, "x"),
        Study("c", 0.1, 0.1, ""),
    )
    with pytest.raises(ModelError) as caught:
        Studies("odds ratio", rows)
    for words in ("study a: the estimate is missing", "error is 0; it has", "stands 2 times", "infinite", "no source"):
        assert words in str(caught.value)
    with pytest.raises(ModelError, match="there is none"):
        Studies("odds ratio", ())
    with pytest.raises(ModelError, match="not known"):
        Studies("odds", rows)


def test_arguments_are_checked() -> None:
    studies = schools()
    with pytest.raises(ModelError, match="use dl or paule-mandel"):
        pool(studies, "reml")  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="coverage"):
        pool(studies, mass=95)
    with pytest.raises(ModelError, match="at least one"):
        bayesian_pool(studies, HALF, 0, 1)
    with pytest.raises(ModelError, match="above 0, or None"):
        bayesian_pool(studies, HALF, 10, 1, mu_prior=(0, 0))
    with pytest.raises(ModelError) as caught:
        HeterogeneityPrior("gamma", -1, "")  # type: ignore[arg-type]
    assert all(word in str(caught.value) for word in ("family", "scale", "reason"))


def test_results_explain_themselves() -> None:
    studies = programmes()
    found, drawn = pool(studies), bayesian_pool(studies, HALF, 50, seed=7)
    for result in (found, drawn):
        assert result.attrs["scale"] == "log odds ratio"
        assert result.attrs["sources"] == ["made up"]
        assert "doi" in str(result.attrs)
    assert (drawn.attrs["seed"], drawn.attrs["mu_prior"]) == (7, "flat")
    assert drawn["effect_new"].dims == ("draw",)
    assert list(studies.table["design"].values[:2]) == ["rct", "match"]
    xr.testing.assert_identical(drawn, bayesian_pool(studies, HALF, 50, seed=7))
    assert not drawn["mu"].equals(bayesian_pool(studies, HALF, 50, seed=8)["mu"])


def test_a_study_from_its_interval() -> None:
    study = Study.from_interval("a", 1.53, 1.35, 1.73, "odds ratio", "x", "rct")
    assert study.estimate == pytest.approx(np.log(1.53))
    assert study.error == pytest.approx(np.log(1.73 / 1.35) / 3.92, rel=1e-4)


# --- a pooled row without its studies ---------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 5, 58])
def test_a_row_taken_apart_pools_to_itself(count: int) -> None:
    row = Study("review", -0.16, 0.08, "made up", "review")
    studies = taken_apart("odds ratio", row, count)
    found = pool(studies, "dl")
    assert numbers(found, "mean", "error") == pytest.approx([-0.16, 0.08])
    assert float(found["tau2"]) == pytest.approx(count * 0.08**2, rel=1e-5)  # all of the spread
    assert {study.design for study in studies.rows} == {"review"}
    assert "taken apart" in str(found.attrs["notes"])


def test_of_a_row_taken_apart_tau_has_the_posterior_of_a_sample_variance() -> None:
    """With no errors of their own, (k - 1) k error^2 / tau^2 is chi-squared with k - 1 degrees of freedom."""
    prior = HeterogeneityPrior.of_log_variance(-1.9, 1.68, "for a test")
    grid = np.geomspace(1e-3, 50, 40_001)
    likelihood = stats.chi2.pdf(4 * 5 * 0.08**2 / grid**2, 4) / grid**2
    density = likelihood * prior.distribution.pdf(grid)
    below = integrate.cumulative_trapezoid(density, grid, initial=0)
    expected = np.interp([0.05, 0.5, 0.95], below / below[-1], grid)
    found = bayesian_pool(taken_apart("odds ratio", Study("r", 0.3, 0.08, "made up"), 5), prior, 100_000, seed=1)
    np.testing.assert_allclose(found["tau"].quantile([0.05, 0.5, 0.95]), expected, rtol=0.01)


def test_a_new_place_is_wider_than_the_published_mean() -> None:
    row = Study("review", -0.16, 0.08, "made up")
    found = bayesian_pool(taken_apart("odds ratio", row, 5), HALF, 20_000, seed=1)
    assert float(found["effect_new"].std()) > 2 * row.error
    assert float(found["effect_new"].median()) == pytest.approx(row.estimate, abs=0.01)


def test_a_single_study_is_not_taken_apart() -> None:
    with pytest.raises(ModelError, match="pooled as it is"):
        taken_apart("odds ratio", Study("alone", 0.1, 0.2, "made up"), 1)


def test_a_prior_told_of_the_variance_has_its_quantiles() -> None:
    prior = HeterogeneityPrior.of_log_variance(-2.56, 1.74, "Turner et al. 2012, general")
    variance = stats.norm.ppf([0.025, 0.5, 0.975], -2.56, 1.74)
    np.testing.assert_allclose(prior.distribution.ppf([0.025, 0.5, 0.975]) ** 2, np.exp(variance))


@pytest.mark.parametrize(
    ("family", "log_sd"), [("log_normal", None), ("half_normal", 0.8), ("log_normal", 0.0), ("log_normal", np.inf)]
)
def test_a_log_normal_has_a_log_sd_and_no_other(family: str, log_sd: float | None) -> None:
    with pytest.raises(ModelError, match="log_sd"):
        HeterogeneityPrior(family, 0.3, "for a test", log_sd)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "prior",
    [
        HeterogeneityPrior("half_normal", 0.3, "a test"),
        HeterogeneityPrior("half_cauchy", 0.5, "a test"),
        HeterogeneityPrior("uniform", 2.0, "a test"),
        HeterogeneityPrior("log_normal", 0.2, "a test", 0.7),
    ],
    ids=lambda prior: prior.family,
)
def test_a_prior_of_tau_is_to_the_last_bit_the_distribution_of_scipy(prior):
    known, tau = prior.distribution, np.geomspace(1e-6, 50, 2000)
    np.testing.assert_array_equal(prior.logpdf(tau), known.logpdf(tau))
    assert [prior.quantile(p) for p in (0.1, 0.5, 1 - 1e-12)] == known.ppf([0.1, 0.5, 1 - 1e-12]).tolist()
    assert prior.most == known.support()[1]
