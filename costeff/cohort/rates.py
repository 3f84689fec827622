"""Rates and probabilities: a probability belongs to a length of time, a rate is per year."""

from __future__ import annotations

from collections.abc import Callable
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
    _refuse(("p", p, 0, 1, False), ("hr", hr, 0, np.finfo(float).max, False))
    problems = CellProblems()
    labelled = {name: each for name, each in (("p", p), ("hr", hr)) if isinstance(each, xr.DataArray)}
    check_labels(problems, labelled)
    problems.raise_if_any(ModelError, "The hazard ratio does not fit the probability")
    if not labelled:
        return float(_powered(np.asarray(p, dtype=float), np.asarray(hr, dtype=float)))
    changed: xr.DataArray = xr.apply_ufunc(_powered, p, hr, join="exact")
    changed.attrs = {"unit": "probability"}
    return changed


def _powered(p: np.ndarray, hr: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        changed = -np.expm1(hr * np.log1p(-p))
    return np.where(hr == 1, p, np.where(hr == 0, 0.0, changed))


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
