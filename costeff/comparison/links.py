"""Canonical links: what a mean may be, and the scale on which its estimate is close to normal."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


def expit(values: np.ndarray) -> np.ndarray:
    """The inverse of the logit."""
    from scipy.special import expit as inverse

    return np.asarray(inverse(values))


class Link(NamedTuple):
    """A link and its inverse; `variance` is the derivative of the mean by the linear predictor."""

    name: str
    forward: Callable[[np.ndarray], np.ndarray]
    inverse: Callable[[np.ndarray], np.ndarray]
    variance: Callable[[np.ndarray], np.ndarray]
    inside: Callable[[np.ndarray], np.ndarray]


LOGIT = Link(
    "logit", lambda m: np.log(m / (1 - m)), expit, lambda m: m * (1 - m), lambda m: np.asarray((m > 0) & (m < 1))
)
LOG = Link("log", np.log, np.exp, lambda m: m, lambda m: np.asarray(m > 0))
IDENTITY = Link("identity", lambda m: m, lambda e: e, np.ones_like, np.isfinite)


class Scale(NamedTuple):
    """What is told of an outcome: the variable of an effect, how options are compared, the unit, the link."""

    quantity: str  # risk or mean
    measure: str
    unit: str
    link: Link

    @property
    def is_difference(self) -> bool:
        """Whether options are compared by a difference, not by a ratio."""
        return self.measure.endswith("difference")


PROBABILITY = "probability within the follow-up"
HAZARD = Scale("risk", "hazard_ratio", PROBABILITY, LOGIT)
SCALES = {  # of cells with a mean by client
    "binary": Scale("risk", "odds_ratio", PROBABILITY, LOGIT),
    "count": Scale("mean", "rate_ratio", "count per client", LOG),
    "cost": Scale("mean", "cost_ratio", "EUR", LOG),
    "meter": Scale("mean", "mean_difference", "points of the meter", IDENTITY),
}
