"""Rates and probabilities: a probability belongs to a length of time, a rate is per year."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import overload

import numpy as np
import xarray as xr

from costeff.cohort.labels import CellProblems, Value, check_labels, check_range
from costeff.errors import ModelError


@overload
def probability_from_rate(rate: float, years: float) -> float: ...
@overload
def probability_from_rate(rate: xr.DataArray, years: float) -> xr.DataArray: ...
def probability_from_rate(rate: Value, years: float) -> Value:
    """Probability that an event with a constant yearly `rate` happens within `years`.

    Raises
    ------
    ModelError
        For a rate below 0 or missing, or a time that is not above 0.
    """
    _refuse(("rate", rate, 0, np.inf, False), ("years", years, 0, np.inf, True))
    return _apply(lambda r: -np.expm1(-r * years), rate, "probability")


@overload
def rate_from_probability(p: float, years: float) -> float: ...
@overload
def rate_from_probability(p: xr.DataArray, years: float) -> xr.DataArray: ...
def rate_from_probability(p: Value, years: float) -> Value:
    """Constant yearly rate at which an event has probability `p` within `years`; infinite where `p` is 1.

    Raises
    ------
    ModelError
        For a probability outside 0 to 1 or missing, or a time that is not above 0.
    """
    _refuse(("p", p, 0, 1, False), ("years", years, 0, np.inf, True))
    with np.errstate(divide="ignore"):
        return _apply(lambda share: -np.log1p(-share) / years, p, "events/year")


@overload
def rate_from_mean_years(years: float) -> float: ...
@overload
def rate_from_mean_years(years: xr.DataArray) -> xr.DataArray: ...
def rate_from_mean_years(years: Value) -> Value:
    """Constant yearly rate of leaving a state in which the mean stay is `years`.

    Raises
    ------
    ModelError
        For a stay that is not above 0, or is missing.
    """
    _refuse(("mean stay", years, 0, np.inf, True))
    return _apply(lambda stay: 1.0 / stay, years, "events/year")


@overload
def apply_hazard_ratio(p: float, hr: float) -> float: ...
@overload
def apply_hazard_ratio(p: xr.DataArray, hr: Value) -> xr.DataArray: ...
@overload
def apply_hazard_ratio(p: Value, hr: xr.DataArray) -> xr.DataArray: ...
def apply_hazard_ratio(p: Value, hr: Value) -> Value:
    """Probability in the same time when the hazard is `hr` times as high: 1 - (1 - p)**hr.

    A ratio of exactly 1 returns `p` itself, and a ratio of 0 returns 0.

    Raises
    ------
    ModelError
        For a probability outside 0 to 1, a ratio below 0 or infinite, or labels that differ.
    """
    return _changed(_powered, p, "hr", hr, "hazard ratio")


@overload
def apply_odds_ratio(p: float, odds_ratio: float) -> float: ...
@overload
def apply_odds_ratio(p: xr.DataArray, odds_ratio: Value) -> xr.DataArray: ...
@overload
def apply_odds_ratio(p: Value, odds_ratio: xr.DataArray) -> xr.DataArray: ...
def apply_odds_ratio(p: Value, odds_ratio: Value) -> Value:
    """Probability in the same time when the odds p / (1 - p) are `odds_ratio` times as high.

    p x OR / (1 - p + p x OR). It never passes 1, unlike a risk ratio. A ratio of exactly 1 returns `p`
    itself, and a ratio of 0 returns 0. The odds belong to the time of `p`: apply the ratio in the time
    in which it was estimated, and change the cycle length after that.

    Raises
    ------
    ModelError
        For a probability outside 0 to 1, a ratio below 0 or infinite, or labels that differ.
    """
    return _changed(_with_odds, p, "odds_ratio", odds_ratio, "odds ratio")


def competing_probabilities(rates: Mapping[str, Value], years: float) -> dict[str, Value]:
    """Probability that each of several competing events is the first to happen, within `years`.

    rate / total x (1 - exp(-total x years)), for constant cause-specific rates (Putter, Fiocco & Geskus
    2007, doi:10.1002/sim.2712). They sum to the probability that anything happens; each is less than
    `probability_from_rate` gives for its rate alone.

    Parameters
    ----------
    rates
        Events per person-year by cause; scalars or labelled arrays.
    years
        Length of a cycle, such as 0.25.

    Returns
    -------
    By cause, a probability with the dims of all rates together, or a float if all are

    Raises
    ------
    ModelError
        For no cause, a rate below 0, missing or infinite, a time not above 0, labels that differ.
    """
    if not rates:
        raise ModelError("No rates are given: name each cause and its rate")
    _refuse(
        *((f"rate of {cause}", rate, 0, np.finfo(float).max, False) for cause, rate in rates.items()),
        ("years", years, 0, np.finfo(float).max, True),
    )
    problems = CellProblems()
    check_labels(problems, {f"rate of {c}": rate for c, rate in rates.items() if isinstance(rate, xr.DataArray)})
    problems.raise_if_any(ModelError, "The competing rates do not fit each other")
    total = functools.reduce(lambda a, b: a + b, rates.values())
    anything = probability_from_rate(total, years)
    return {cause: _shared(rate, total, anything) for cause, rate in rates.items()}


def _shared(rate: Value, total: Value, anything: Value) -> Value:
    def share(part: np.ndarray, whole: np.ndarray, p: np.ndarray) -> np.ndarray:
        return np.asarray(p * (part / np.where(whole == 0, 1.0, whole)))

    if not isinstance(total, xr.DataArray):
        return float(share(*(np.asarray(each, dtype=float) for each in (rate, total, anything))))
    shared: xr.DataArray = xr.apply_ufunc(share, rate, total, anything, join="exact")
    shared.attrs = {"unit": "probability"}
    return shared.transpose(*total.dims)


def _changed(
    function: Callable[[np.ndarray, np.ndarray], np.ndarray], p: Value, name: str, ratio: Value, word: str
) -> Value:
    """`function` of a baseline probability and a relative effect, which have to fit each other."""
    _refuse(("p", p, 0, 1, False), (name, ratio, 0, np.finfo(float).max, False))
    problems = CellProblems()
    labelled = {key: each for key, each in (("p", p), (name, ratio)) if isinstance(each, xr.DataArray)}
    check_labels(problems, labelled)
    problems.raise_if_any(ModelError, f"The {word} does not fit the probability")
    if not labelled:
        return float(function(np.asarray(p, dtype=float), np.asarray(ratio, dtype=float)))
    changed: xr.DataArray = xr.apply_ufunc(function, p, ratio, join="exact")
    changed.attrs = {"unit": "probability"}
    return changed


def _powered(p: np.ndarray, hr: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        changed = -np.expm1(hr * np.log1p(-p))
    return np.where(hr == 1, p, np.where(hr == 0, 0.0, changed))


def _with_odds(p: np.ndarray, odds_ratio: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        changed = p / (p + (1 - p) / odds_ratio)  # not p * ratio, which may be too large for a number
    none = (odds_ratio == 0) | (p == 0)
    return np.where(odds_ratio == 1, p, np.where(none, 0.0, changed))


def _apply(function: Callable[[np.ndarray], np.ndarray], value: Value, unit: str) -> Value:
    # Adding 0.0 turns the -0.0 of an impossible event into 0.
    if isinstance(value, xr.DataArray):
        changed = value.copy(data=function(value.values.astype(float)) + 0.0)
        changed.attrs = {"unit": unit}
        return changed
    return float(function(np.asarray(value, dtype=float)) + 0.0)


def _refuse(*ranges: tuple[str, Value, float, float, bool]) -> None:
    problems = CellProblems()
    for name, value, low, high, above in ranges:
        check_range(problems, name, value, low, high, above)
    problems.raise_if_any(ModelError, "A value is out of range")
