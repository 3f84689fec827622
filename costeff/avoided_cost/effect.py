"""The course of an effect: the rate of the event while clients are followed, and after that."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import xarray as xr

from costeff.cohort import CellProblems, Value, check_range, rate_from_probability
from costeff.draws import USUAL

Persistence = Literal["stops", "wanes", "lasts"]
PERSISTENCES: tuple[Persistence, ...] = get_args(Persistence)
Leg = tuple[xr.DataArray, int]  # a yearly rate of the event, and for how many cycles it holds

_CERTAIN = np.nextafter(1.0, 0.0)  # the largest probability below one


def rate_within(p: xr.DataArray, years: float) -> xr.DataArray:
    """Yearly rate at which an event has probability `p` within `years`, finite also where `p` is 1.

    A probability of 1 says that the event happens in that time, not that it happens at once: the rate
    is then that of the largest number below 1, about 37 in `years`.
    """
    return rate_from_probability(p.clip(max=_CERTAIN), years)


def course(
    first: xr.DataArray,
    later: xr.DataArray,
    cycles: Sequence[int],
    cycles_per_year: int,
    persistence: Persistence = "stops",
    half_life_years: Value | None = None,
) -> list[Leg]:
    """Rates of the event one after the other, each with its number of cycles.

    After the follow-up the usual service keeps its rate for as long as the baseline was followed, and meets the
    rate `later` after that. The new one meets the same x HR ** w(t), where HR is the ratio of the rates in the
    follow-up and t the time since its end: w is 0 when the effect stops with the follow-up, 1 when it lasts, and
    0.5 ** (t / half-life) when it wanes, taken at its mean over each year. Where the usual service has no events
    in the follow-up there is no ratio, and both meet the usual rate.

    Parameters
    ----------
    first
        (option, ...) rate per year in the follow-up.
    later
        Rate per year of the usual service after the baseline.
    cycles
        Of the follow-up, of the baseline (no more than the follow-up where it is shorter), and of all.
    half_life_years
        Of the logarithm of the ratio; needed where the effect wanes, above 0.
    """
    followed, known, total = cycles[0], max(cycles[0], cycles[1]), cycles[2]
    legs: list[Leg] = [(first, min(followed, total))]
    after = [(first, followed, min(known, total)), (later, known, total)]
    spans = [(rate, start, end) for rate, start, end in after if end > start]
    if not spans:
        return legs
    held = first.sel(option=USUAL, drop=True) if "option" in first.dims else first
    ratio = (first / held.where(held > 0, 1.0)).where(held > 0, 1.0).transpose(*first.dims)
    for rate, start, end in spans:
        base = held if rate is first else rate
        if persistence != "wanes":
            legs.append((base * ratio if persistence == "lasts" else base, end - start))
            continue
        assert half_life_years is not None  # checked before anything runs
        for at in range(start, end, cycles_per_year):
            stop = min(at + cycles_per_year, end)
            ends = ((at - followed) / cycles_per_year, (stop - followed) / cycles_per_year)
            legs.append((base * ratio ** _mean_weight(*ends, half_life_years), stop - at))
    return legs


def _mean_weight(start: float, end: float, half_life: Value) -> xr.DataArray:
    """Mean of 0.5 ** (t / half-life) from `start` to `end`."""
    decay = math.log(2) / (half_life if isinstance(half_life, xr.DataArray) else xr.DataArray(half_life))
    length = decay * (end - start)
    mean: xr.DataArray = xr.apply_ufunc(lambda a, b: np.exp(-a) * -np.expm1(-b) / b, decay * start, length)
    return mean


def check_course(
    problems: CellProblems, risk: xr.DataArray, later: xr.DataArray, persistence: str, half_life: Value | None
) -> None:
    """Note what stands in the way of an effect that goes on."""
    if persistence not in PERSISTENCES:
        problems.add("persistence", f"{persistence!r} is unknown", f"use {', '.join(PERSISTENCES)}")
        return
    if persistence == "wanes":
        if half_life is None:
            problems.add("half_life_years", "is missing", "an effect that wanes has a half-life, such as 2 years")
        else:
            check_range(problems, "half_life_years", half_life, 0, np.finfo(float).max, above=True)
    if persistence == "stops":
        return
    if "option" not in risk.indexes or USUAL not in risk.indexes["option"]:
        problems.add("risk option", f"lacks {USUAL}", "an effect that goes on is relative to the usual service")
    if "option" in later.dims:
        problems.add("later_risk", "has the dim `option`", "give that of the usual service; the effect makes the other")
