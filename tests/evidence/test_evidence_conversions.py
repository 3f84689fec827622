"""Conversions between measures: exact in a two by two table, back again unchanged, refused where impossible."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import xarray as xr

from costeff.cohort import apply_hazard_ratio, apply_odds_ratio
from costeff.draws import as_draws
from costeff.errors import ModelError
from costeff.evidence import MEASURES, convert, error_from_interval, risk_ratio_without_baseline

OF_RISKS = [name for name, measure in MEASURES.items() if measure.link]
CONVERTIBLE = [*OF_RISKS, "standardised effect size"]
PAIRS = list(itertools.permutations(CONVERTIBLE, 2))


def truth(measure: str, baseline: float, risk: float) -> float:
    """A measure of two risks, written out."""
    return {
        "odds ratio": np.log(risk / (1 - risk) / (baseline / (1 - baseline))),
        "risk ratio": np.log(risk / baseline),
        "hazard ratio": np.log(np.log(1 - risk) / np.log(1 - baseline)),
        "risk difference": risk - baseline,
    }[measure]


@pytest.mark.parametrize(("start", "end"), list(itertools.permutations(OF_RISKS, 2)))
@pytest.mark.parametrize(("baseline", "risk"), [(0.45, 0.36), (0.02, 0.05), (0.9, 0.97), (0.3, 0.3)])
def test_measures_of_two_risks_become_each_other_exactly(start: str, end: str, baseline: float, risk: float) -> None:
    found = convert(truth(start, baseline, risk), 0.1, start, end, baseline)
    assert float(found["estimate"]) == pytest.approx(truth(end, baseline, risk), abs=1e-12)
    assert found.attrs["scale"] == MEASURES[end].scale


@pytest.mark.parametrize(("start", "end"), PAIRS)
def test_there_and_back_is_where_one_was(start: str, end: str) -> None:
    there = convert(-0.11, 0.05, start, end, 0.4)
    back = convert(there["estimate"], there["error"], end, start, 0.4)
    assert float(back["estimate"]) == pytest.approx(-0.11, abs=1e-12)
    assert float(back["error"]) == pytest.approx(0.05, abs=1e-12)


@pytest.mark.parametrize(("start", "end"), PAIRS)
def test_the_standard_error_is_that_of_the_slope(start: str, end: str) -> None:
    step = 1e-6
    up, down = (float(convert(-0.2 + s, 0, start, end, 0.4)["estimate"]) for s in (step, -step))
    assert float(convert(-0.2, 0.03, start, end, 0.4)["error"]) == pytest.approx(
        0.03 * abs(up - down) / (2 * step), rel=1e-6
    )


def test_the_standard_error_is_the_spread_of_converted_draws() -> None:
    draws = as_draws(np.random.default_rng(1).normal(-0.3, 0.05, 40_000))
    whole = convert(draws, 0, "odds ratio", "risk difference", 0.45)
    assert whole["estimate"].dims == ("draw",)
    assert float(whole["estimate"].std()) == pytest.approx(
        float(convert(-0.3, 0.05, "odds ratio", "risk difference", 0.45)["error"]), rel=0.02
    )


@pytest.mark.parametrize(("odds_ratio", "baseline"), [(2.0, 0.5), (0.6, 0.1), (5.0, 0.01)])
def test_the_formula_of_zhang_and_yu(odds_ratio: float, baseline: float) -> None:
    found = convert(np.log(odds_ratio), 0, "odds ratio", "risk ratio", baseline)
    assert np.exp(float(found["estimate"])) == pytest.approx(odds_ratio / (1 - baseline + baseline * odds_ratio))


def test_the_cohort_engine_agrees() -> None:
    for measure, apply in (("odds ratio", apply_odds_ratio), ("hazard ratio", apply_hazard_ratio)):
        found = convert(np.log(0.684), 0, measure, "risk difference", 0.31)
        assert float(found["estimate"]) + 0.31 == pytest.approx(apply(0.31, 0.684))


def test_a_standard_deviation_is_1_81_log_odds() -> None:
    """Chinn 2000: the factor printed is 1.81. No baseline is needed."""
    found = convert(0.5, 0.1, "standardised effect size", "odds ratio")
    assert float(found["estimate"]) == pytest.approx(0.5 * 1.81, abs=0.002)
    assert float(found["error"]) == pytest.approx(0.1 * 1.81, abs=0.002)
    assert found.attrs["baseline"] == "not needed"


def test_a_small_risk_makes_all_ratios_one() -> None:
    for start, end in itertools.permutations(("odds ratio", "risk ratio", "hazard ratio"), 2):
        assert float(convert(0.4, 0.1, start, end, 1e-6)["estimate"]) == pytest.approx(0.4, abs=1e-6)


def test_the_same_measure_is_left_alone() -> None:
    found = convert(0.4, 0.1, "mean difference", "mean difference")
    assert (float(found["estimate"]), float(found["error"])) == (0.4, 0.1)


def test_an_uncertain_baseline_runs_over_draws() -> None:
    baseline = as_draws(np.array([0.2, 0.5]))
    found = convert(-0.5, 0.1, "odds ratio", "risk difference", baseline)
    single = [float(convert(-0.5, 0.1, "odds ratio", "risk difference", p)["estimate"]) for p in (0.2, 0.5)]
    np.testing.assert_allclose(found["estimate"], single)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((0.3, 0.1, "odds ratio", "risk ratio", None), "baseline: is needed"),
        ((np.log(3), 0.1, "risk ratio", "odds ratio", 0.4), "1.2: a risk ratio this large cannot hold"),
        ((0.7, 0.1, "risk difference", "odds ratio", 0.4), "1.1: a risk difference this large"),
        ((-0.5, 0.1, "risk difference", "odds ratio", 0.4), "-0.1: a risk difference this large"),
        ((0.3, 0.1, "odds ratio", "risk ratio", 0), "above 0"),
        ((0.3, 0.1, "odds ratio", "risk ratio", 1), "below 1"),
        ((0.3, -0.1, "odds ratio", "risk ratio", 0.5), "at least 0"),
        ((np.nan, 0.1, "odds ratio", "risk ratio", 0.5), "missing"),
        ((0.3, 0.1, "mean difference", "odds ratio", 0.5), "needs the sd of the outcome"),
        ((0.3, 0.1, "log odds", "odds ratio", 0.5), "is not known"),
        ((50.0, 0.1, "hazard ratio", "odds ratio", 0.5), "too large to be told apart from certainty"),
    ],
)
def test_what_cannot_be_converted_says_why(arguments: tuple, says: str) -> None:
    with pytest.raises(ModelError) as caught:
        convert(*arguments)
    assert says in str(caught.value)


def test_other_draws_are_not_joined() -> None:
    with pytest.raises(ModelError, match="draw"):
        convert(as_draws(np.zeros(3)), 0, "odds ratio", "risk ratio", as_draws(np.full(2, 0.4)))


def test_approximations_without_a_baseline() -> None:
    """VanderWeele 2017 prints 2 -> 1.41; a hazard ratio by the formula of VanderWeele & Ding 2017."""
    odds = risk_ratio_without_baseline(np.log(2), 0.2, "odds ratio")
    assert np.exp(float(odds["estimate"])) == pytest.approx(1.41, abs=0.005)
    assert float(odds["error"]) == 0.1
    for hr in (0.3, 1.0, 2.5):
        found = risk_ratio_without_baseline(np.log(hr), 0.2, "hazard ratio")
        assert np.exp(float(found["estimate"])) == pytest.approx((1 - 0.5**hr**0.5) / (1 - 0.5 ** (1 / hr) ** 0.5))
        up, down = (
            float(risk_ratio_without_baseline(np.log(hr) + s, 0, "hazard ratio")["estimate"]) for s in (1e-6, -1e-6)
        )
        assert float(found["error"]) == pytest.approx(0.2 * (up - down) / 2e-6, rel=1e-6)
    assert "approximation" in odds.attrs["baseline"]


@pytest.mark.parametrize(
    ("value", "error", "measure", "says"),
    [(0.1, 0.1, "risk difference", "no such approximation"), (np.nan, 0.1, "odds ratio", "missing")],
)
def test_no_approximation_of_what_has_none(value: float, error: float, measure: str, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        risk_ratio_without_baseline(value, error, measure)


def test_the_approximation_is_better_than_the_ratio_itself_where_risks_are_about_a_half() -> None:
    for baseline, odds_ratio in itertools.product((0.3, 0.4, 0.5), (1.5, 2.0, 3.0)):
        exact = float(convert(np.log(odds_ratio), 0, "odds ratio", "risk ratio", baseline)["estimate"])
        near = float(risk_ratio_without_baseline(np.log(odds_ratio), 0, "odds ratio")["estimate"])
        assert abs(near - exact) < abs(np.log(odds_ratio) - exact)


def test_the_error_of_a_published_interval() -> None:
    """Rossi: hazard ratio 0.684 (0.470 to 0.996); the Cox model prints -0.379 with error 0.191."""
    estimate, error = error_from_interval(0.684, 0.470, 0.996, "hazard ratio")
    assert (round(estimate, 2), round(error, 3)) == (-0.38, 0.192)
    _, narrow = error_from_interval(0.684, 0.470, 0.996, "hazard ratio", mass=0.99)
    assert narrow < error


@pytest.mark.parametrize(
    ("value", "low", "high", "mass", "says"),
    [
        (0.684, -0.755, -0.004, 0.95, "not its logarithm"),
        (0.684, 0.7, 0.996, 0.95, "does not enclose"),
        (0.684, 0.470, np.nan, 0.95, "missing"),
        (1.1, 1.0, 9.0, 0.95, "far from the middle"),
        (0.684, 0.470, 0.996, 95, "coverage"),
    ],
)
def test_an_interval_that_does_not_fit_says_why(value: float, low: float, high: float, mass: float, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        error_from_interval(value, low, high, "hazard ratio", mass)


def test_labels_stay() -> None:
    effects = xr.DataArray([-0.3, 0.2], dims="study", coords={"study": ["a", "b"]})
    assert list(convert(effects, 0.1, "odds ratio", "risk ratio", 0.3)["estimate"]["study"]) == ["a", "b"]
