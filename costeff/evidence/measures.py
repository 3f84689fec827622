"""Measures of effect: the scale each is pooled on, and what it says about risk where it is one of risks.

The names are those of the column `measure` in params/evidence. A ratio is worked with as its
logarithm, a difference as it is: there the normal distribution is a fair likelihood. A standard
error is always on that scale.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from costeff.errors import ModelError, Problem, Problems

Risk = Callable[[Any], Any]

ASYMMETRY = 0.25  # how far a published value may lie from the middle of its interval, in half widths: rounding


@dataclass(frozen=True)
class Link:
    """What a measure of two risks is made of: `scale(risk) - scale(baseline)`.

    Parameters
    ----------
    scale
        Risk -> the scale on which the measure is a difference.
    risk
        Its inverse; outside 0 to 1 where the measure cannot hold.
    slope
        Derivative of `scale`.
    """

    scale: Risk
    risk: Risk
    slope: Risk


@dataclass(frozen=True)
class Measure:
    """A measure of effect.

    Parameters
    ----------
    id
        Its name, as in params/evidence.
    ratio
        Whether it is worked with as its natural logarithm.
    link
        How it ties two risks together; None where it is not about risks.
    """

    id: str
    ratio: bool
    link: Link | None = None

    @property
    def scale(self) -> str:
        """The scale that estimates and standard errors are on."""
        return f"log {self.id}" if self.ratio else self.id

    def to_scale(self, value: Any) -> Any:
        """A published value on the scale it is pooled on."""
        return np.log(value) if self.ratio else value


_ODDS = Link(lambda p: np.log(p) - np.log1p(-p), lambda x: 1 / (1 + np.exp(-x)), lambda p: 1 / (p * (1 - p)))
_RISK = Link(np.log, np.exp, lambda p: 1 / p)
_HAZARD = Link(
    lambda p: np.log(-np.log1p(-p)), lambda x: -np.expm1(-np.exp(x)), lambda p: -1 / ((1 - p) * np.log1p(-p))
)
_IDENTITY = Link(lambda p: p, lambda x: x, lambda p: 1 + 0 * p)

ODDS_RATIO, RISK_RATIO, HAZARD_RATIO = "odds ratio", "risk ratio", "hazard ratio"
RISK_DIFFERENCE, STANDARDISED = "risk difference", "standardised effect size"

MEASURES: dict[str, Measure] = {
    measure.id: measure
    for measure in (
        Measure(ODDS_RATIO, True, _ODDS),
        Measure(RISK_RATIO, True, _RISK),
        Measure(HAZARD_RATIO, True, _HAZARD),
        Measure(RISK_DIFFERENCE, False, _IDENTITY),
        Measure(STANDARDISED, False),
        Measure("mean difference", False),
    )
}


def named(measure: str) -> Measure:
    """The measure of that name.

    Raises
    ------
    ModelError
        For a name that is not in `MEASURES`.
    """
    if measure not in MEASURES:
        known = ", ".join(MEASURES)
        raise ModelError("There is no such measure of effect", [Problem(repr(measure), "is not known", f"use {known}")])
    return MEASURES[measure]


def error_from_interval(value: float, low: float, high: float, measure: str, mass: float = 0.95) -> tuple[float, float]:
    """Estimate and standard error from a published value and its interval, on the scale of the measure.

    The error is the width of the interval over twice the normal quantile (Cochrane Handbook, 6.3.2).

    Parameters
    ----------
    value, low, high
        As published: a ratio, not its logarithm.
    mass
        Coverage of the interval.

    Raises
    ------
    ModelError
        For a bound that is missing, a ratio that is not above 0, bounds that do not enclose the
        value, or a value far from the middle on the scale of the measure, which no rounding
        explains: the interval is then of another measure or mistyped.
    """
    from scipy.special import ndtri

    kind, problems = named(measure), Problems()
    if not 0 < mass < 1:
        problems.add("mass", f"is {mass:g}", "give the coverage of the interval, such as 0.95")
    published = {"value": value, "low": low, "high": high}
    for name, number in published.items():
        if not np.isfinite(number):
            problems.add(name, "is missing or infinite", "give the published figure")
        elif kind.ratio and number <= 0:
            problems.add(name, f"is {number:g}; a ratio is above 0", "give the ratio, not its logarithm")
    if not problems and not low < value < high:
        problems.add("interval", f"{low:g} to {high:g} does not enclose {value:g}", "check the figures")
    problems.raise_if_any(ModelError, f"An interval of a {measure} cannot be read")
    centre, left, right = (float(kind.to_scale(number)) for number in published.values())
    half = (right - left) / 2
    if abs(centre - (left + right) / 2) > ASYMMETRY * half:
        rule = f"{value:g} is far from the middle of {low:g} to {high:g} as {kind.scale}"
        problems.add("interval", rule, "check the figures and the measure, or give the standard error itself")
    problems.raise_if_any(ModelError, f"An interval of a {measure} cannot be read")
    return centre, half / float(ndtri((1 + mass) / 2))
