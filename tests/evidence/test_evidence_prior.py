"""The robust mixture prior: exact updating, prior-data conflict, and calibration."""

from __future__ import annotations

import numpy as np
import pytest
from published_data import programmes
from scipy import integrate, stats

from costeff.errors import ModelError
from costeff.evidence import HeterogeneityPrior, RobustPrior, bayesian_pool

PRIOR = RobustPrior(mean=0.4, sd=0.15, weight=0.8, weak_mean=0, weak_sd=1.5)
GRID = np.linspace(-16, 16, 200_001)


def mean_and_sd(prior: RobustPrior) -> tuple[float, float]:
    density = np.exp(prior.logpdf(GRID))
    mean = integrate.simpson(GRID * density, x=GRID)
    return float(mean), float(integrate.simpson((GRID - mean) ** 2 * density, x=GRID) ** 0.5)


def test_the_density_is_one() -> None:
    assert integrate.simpson(np.exp(PRIOR.logpdf(GRID)), x=GRID) == pytest.approx(1)
    expected = 0.8 * stats.norm.pdf(0.1, 0.4, 0.15) + 0.2 * stats.norm.pdf(0.1, 0, 1.5)
    assert np.exp(PRIOR.logpdf(0.1)) == pytest.approx(expected)


@pytest.mark.parametrize(("estimate", "error"), [(0.4, 0.2), (-1.0, 0.2), (3.0, 0.5), (0.0, 5.0), (0.45, 0.01)])
def test_the_posterior_is_prior_times_likelihood(estimate: float, error: float) -> None:
    grid = np.unique(np.concatenate([GRID, estimate + error * np.linspace(-9, 9, 20_001)]))
    product = np.exp(PRIOR.logpdf(grid)) * stats.norm.pdf(estimate, grid, error)
    product /= integrate.simpson(product, x=grid)
    np.testing.assert_allclose(np.exp(PRIOR.update(estimate, error).logpdf(grid)), product, atol=1e-6, rtol=1e-6)


def test_conflict_moves_the_weight_to_the_weak_component() -> None:
    weights = [PRIOR.update(estimate, 0.1).weight for estimate in (0.4, 0.0, -0.4, -0.8)]
    assert weights[0] > PRIOR.weight
    assert weights == sorted(weights, reverse=True)
    assert weights[-1] < 1e-6
    after = PRIOR.update(-0.8, 0.1)
    assert mean_and_sd(after)[0] == pytest.approx(-0.8, abs=0.01)


def test_a_single_normal_would_not_have_yielded() -> None:
    stubborn = RobustPrior(0.4, 0.15, 1.0, 0, 1.5).update(-0.8, 0.1)
    assert stubborn.mean == pytest.approx((0.4 / 0.15**2 - 0.8 / 0.1**2) / (1 / 0.15**2 + 1 / 0.1**2))
    assert stubborn.weight == 1


def test_no_data_gives_the_prior_back() -> None:
    assert PRIOR.update(5.0, np.inf) == PRIOR
    nearly = PRIOR.update(0.0, 1e6)
    assert (nearly.mean, nearly.sd, nearly.weight) == pytest.approx((0.4, 0.15, 0.8), rel=1e-6)


def test_much_data_gives_the_data_back() -> None:
    for estimate in (0.4, -2.0, 30.0):
        after = PRIOR.update(estimate, 1e-4)
        assert (after.mean, after.weak_mean) == pytest.approx((estimate, estimate), abs=1e-3)
        assert (after.sd, after.weak_sd) == pytest.approx((1e-4, 1e-4), rel=1e-3)


def test_two_estimates_are_one_after_the_other() -> None:
    both = PRIOR.update((0.1 / 0.04 + 0.5 / 0.09) / (1 / 0.04 + 1 / 0.09), (1 / 0.04 + 1 / 0.09) ** -0.5)
    steps = PRIOR.update(0.1, 0.2).update(0.5, 0.3)
    assert (steps.mean, steps.sd, steps.weight) == pytest.approx((both.mean, both.sd, both.weight))


def test_calibrated_when_places_come_from_the_prior() -> None:
    """SBC: the posterior distribution function at the truth is uniform, and nine in ten intervals cover."""
    generator = np.random.default_rng(11)
    truth = PRIOR.sample(3000, seed=4).values
    estimates = generator.normal(truth, 0.3)
    levels = np.array([float(PRIOR.update(y, 0.3).cdf(x)) for x, y in zip(truth, estimates, strict=True)])
    assert stats.kstest(levels, "uniform").pvalue > 0.001
    assert np.mean((levels > 0.05) & (levels < 0.95)) == pytest.approx(0.9, abs=0.02)


def test_robust_where_the_place_is_unlike_the_studies() -> None:
    """Three true prior sds away from the evidence: the mixture still covers, the single normal does not."""
    generator = np.random.default_rng(12)
    estimates = generator.normal(-0.6, 0.15, 500)
    single = RobustPrior(0.4, 0.15, 1.0, 0, 1.5)
    covered = {
        name: np.mean([0.05 < float(prior.update(y, 0.15).cdf(-0.6)) < 0.95 for y in estimates])
        for name, prior in (("robust", PRIOR), ("single", single))
    }
    assert covered["robust"] > 0.8
    assert covered["single"] < 0.05


def test_samples_and_quantiles_are_those_of_the_density() -> None:
    drawn = PRIOR.sample(50_000, seed=1)
    assert drawn.dims == ("draw",)
    assert stats.kstest(drawn.values, PRIOR.cdf).pvalue > 0.001
    assert float(PRIOR.cdf(PRIOR.quantile(0.9))) == pytest.approx(0.9)
    assert "RobustPrior" in drawn.attrs["prior"]
    for weight, middle in ((1, 0.4), (0, 0.0)):
        assert RobustPrior(0.4, 0.15, weight, 0, 1.5).quantile(0.5) == pytest.approx(middle, abs=1e-8)


def test_the_size_of_a_normal_prior_is_that_of_its_variance() -> None:
    assert RobustPrior(0.4, 0.15, 1, 0, 1.5).effective_sample_size(2) == pytest.approx((2 / 0.15) ** 2, rel=1e-5)
    assert RobustPrior(0.4, 0.15, 0, 0, 2).effective_sample_size(2) == pytest.approx(1, rel=1e-5)
    sizes = [RobustPrior(0.4, 0.15, w, 0, 2).effective_sample_size(2) for w in (1, 0.8, 0.5, 0.2, 0)]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("clients", [5, 40])
def test_the_size_of_the_prior_is_predictively_consistent(clients: int) -> None:
    """Neuenschwander et al. 2020: over what n clients may say, the posterior is worth n more on average."""
    unit_sd, error = 2.0, 2.0 / clients**0.5
    before = RobustPrior(0.4, 0.3, 0.7, 0.0, 2.0)
    spread = max(np.hypot(before.weak_sd, error), 1.0)
    estimates = np.linspace(-7 * spread, 7 * spread, 201)
    after = np.array([before.update(y, error).effective_sample_size(unit_sd) for y in estimates])
    foreseen = RobustPrior(0.4, np.hypot(0.3, error), 0.7, 0.0, np.hypot(2.0, error))
    expected = integrate.simpson(after * np.exp(foreseen.logpdf(estimates)), x=estimates)
    assert expected - clients == pytest.approx(before.effective_sample_size(unit_sd), rel=0.01)


def test_fitted_to_the_effect_of_a_new_place() -> None:
    drawn = bayesian_pool(programmes(), HeterogeneityPrior("half_normal", 0.5, "t"), 20_000, seed=1)["effect_new"]
    prior = RobustPrior.from_draws(drawn, weight=0.8, weak_mean=0, weak_sd=1.81)
    single = RobustPrior(prior.mean, prior.sd, 1, 0, 1.81)
    np.testing.assert_allclose([single.quantile(p) for p in (0.025, 0.5, 0.975)], drawn.quantile([0.025, 0.5, 0.975]),
                               atol=0.01)  # fmt: skip
    assert prior.sd == pytest.approx(float(drawn.std()), rel=0.05)  # many studies: nearly normal


def test_fitted_where_the_variance_does_not_exist() -> None:
    drawn = stats.cauchy.rvs(size=20_000, random_state=1)
    assert RobustPrior.from_draws(drawn, 0.5, 0, 100).sd == pytest.approx(12.7062 / 1.96, rel=0.1)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"sd": 0}, "sd: is 0"),
        ({"weight": 1.2}, "weight: is 1.2"),
        ({"weak_sd": 0.1}, "narrower than the informative"),
        ({"mean": np.nan}, "mean: is missing"),
        ({"weak_sd": np.inf}, "weak_sd: is missing or infinite"),
    ],
)
def test_a_prior_that_does_not_hold_says_why(changed: dict[str, float], says: str) -> None:
    values = {"mean": 0.4, "sd": 0.15, "weight": 0.8, "weak_mean": 0, "weak_sd": 1.5} | changed
    with pytest.raises(ModelError, match=says):
        RobustPrior(**values)


def test_data_that_are_no_data_say_why() -> None:
    with pytest.raises(ModelError, match="has to be above 0"):
        PRIOR.update(0.1, 0)
    with pytest.raises(ModelError, match="missing"):
        PRIOR.update(np.nan, 0.1)
    with pytest.raises(ModelError, match="sd of one client"):
        PRIOR.effective_sample_size(0)
    with pytest.raises(ModelError, match="some are missing"):
        RobustPrior.from_draws(np.array([0.1, np.nan]), 0.5, 0, 1)
    with pytest.raises(ModelError, match="sd: is 0"):
        RobustPrior.from_draws(np.full(10, 0.3), 0.5, 0, 1)


# --- the data alone, out of a posterior under both ------------------------------------------------------


@pytest.mark.parametrize(("estimate", "error"), [(0.4, 0.1), (0.0, 0.15), (-0.3, 0.2), (1.2, 0.5)])
def test_weighted_draws_are_the_posterior_without_the_evidence(estimate: float, error: float) -> None:
    """With a normal likelihood the posterior under the weak component is known."""
    draws = PRIOR.update(estimate, error).sample(200_000, seed=3)
    weights = PRIOR.weights_without_evidence(draws)
    spread = 1 / (1 / error**2 + 1 / PRIOR.weak_sd**2)
    mean, sd = spread * estimate / error**2, spread**0.5
    assert float(weights.mean()) == pytest.approx(1)
    assert weights.attrs["effective_draws"] <= draws.size
    found = np.quantile(draws, [0.05, 0.5, 0.95], weights=weights.to_numpy(), method="inverted_cdf")
    near = 6 * sd / weights.attrs["effective_draws"] ** 0.5
    np.testing.assert_allclose(found, stats.norm.ppf([0.05, 0.5, 0.95], mean, sd), atol=near)


@pytest.mark.parametrize(("estimate", "error"), [(0.4, 0.1), (-0.3, 0.2), (1.2, 0.5), (0.0, 3.0)])
def test_belief_after_the_data_is_the_weight_of_the_exact_posterior(estimate: float, error: float) -> None:
    after = PRIOR.update(estimate, error)
    assert PRIOR.believed_after(after.sample(200_000, seed=4)) == pytest.approx(after.weight, abs=0.005)


def test_where_the_evidence_decides_few_draws_speak_for_the_data() -> None:
    """Evidence and data agree, and the data are weak: nearly all draws are of the informative component."""
    sure = RobustPrior(0.4, 0.05, 0.95, 0, 5)
    agreeing = sure.update(0.4, 1.0).sample(6000, seed=5)
    assert sure.weights_without_evidence(agreeing).attrs["effective_draws"] < 100
    plenty = sure.update(0.4, 0.01).sample(6000, seed=5)
    assert sure.weights_without_evidence(plenty).attrs["effective_draws"] > 5000


def test_without_a_weak_component_the_data_cannot_be_told_apart() -> None:
    certain = RobustPrior(0.4, 0.15, 1.0, 0, 1.5)
    with pytest.raises(ModelError, match="fit the data without the evidence"):
        certain.weights_without_evidence(certain.sample(10, seed=1))
