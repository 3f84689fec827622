"""From occupancy to money or effect: rewards by stay, by entry and by transition, by payer and year."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Literal

import numpy as np
import xarray as xr

from costeff.cohort.flows import check_flows, moved
from costeff.cohort.labels import CellProblems, broadcast, check_labels, check_range, spread
from costeff.errors import ModelError

By = Literal["stay", "entry", "transition"]
Method = Literal["trapezoid", "simpson", "start", "end"]

BIG = np.finfo(float).max


def cycle_weights(method: Method, cycles_per_year: int) -> np.ndarray:
    """Weights, in years, of the cycle ends 0 .. n of one year: they sum to 1 and give person-years.

    trapezoid: (1/2, 1, ..., 1, 1/2) / n, that is, the half-cycle correction. simpson: (1/3, 4/3, 2/3, ...,
    4/3, 1/3) / n, the composite rule, exact for a cubic (Elbasha & Chhatwal 2016, doi:10.1007/s40273-015-0337-0).
    start, end: the occupancy at the start or the end of each cycle, without correction.

    Raises
    ------
    ModelError
        For an unknown method, no whole number of cycles a year, and an odd number of them for Simpson's rule.
    """
    problems = CellProblems()
    _check_method(problems, method, cycles_per_year)
    problems.raise_if_any(ModelError, "Person-time cannot be counted")
    weights = np.ones(cycles_per_year + 1)
    if method == "trapezoid":
        weights[[0, -1]] = 1 / 2
    elif method == "simpson":
        weights[1::2], weights[2:-1:2], weights[[0, -1]] = 4 / 3, 2 / 3, 1 / 3
    else:
        weights[-1 if method == "start" else 0] = 0
    return weights / cycles_per_year


def accrue(
    occupancy: xr.DataArray,
    reward: xr.DataArray,
    cycles_per_year: int,
    *,
    by: By = "stay",
    method: Method = "trapezoid",
    transitions: xr.DataArray | None = None,
    discount: xr.DataArray | None = None,
    first_year: int = 0,
) -> xr.DataArray:
    """Money or effect of each year, by payer if the reward has payers.

    Parameters
    ----------
    occupancy
        (..., cycle, state) from `trace`; cycle 0 is the start of the first year.
    reward
        By `state`, each of them: per person-year there (`by="stay"`) or per move into it from another state
        (`by="entry"`); or by `state` and `to_state`: per move between them (`by="transition"`; the diagonal
        is not used). It may have `payer`, `year` and any other dims. Negative is allowed: a benefit.
    cycles_per_year
        Such as 4 for quarters; the cycles have to make up whole years.
    by
        What is rewarded. Who is there from the start, or comes by inflow, has not entered by a move.
    method
        How stay is counted: see `cycle_weights`. Moves are counted in the year of their cycle, at its end.
    transitions
        Those of the trace; needed by entry and by transition.
    discount
        Factors by `year`, from `discount_factors`; without them nothing is discounted.
    first_year
        Label of the first year, 0 or such as 2026.

    Returns
    -------
    DataArray (..., [payer], year); its unit is that of the reward (EUR for EUR/year), its attr `discounted`
    tells the formula and rate, or "no". Equal arms give exactly equal results.

    Raises
    ------
    ModelError
        For cycles that are not whole years, states without a reward, values missing, labels that differ.
    """
    problems = CellProblems()
    years = _check_time(problems, occupancy, cycles_per_year)
    _check_method(problems, method, cycles_per_year)
    _check_reward(problems, reward, by)
    _check_source(problems, occupancy, transitions, by)
    problems.raise_if_any(ModelError, "Nothing can be accrued")
    labels = first_year + np.arange(years)
    _check_fit(problems, occupancy, reward, discount, labels)
    problems.raise_if_any(ModelError, "Nothing can be accrued")
    dims, sizes, coords = broadcast([occupancy, reward])
    dims = [dim for dim in dims if dim not in ("cycle", "state", "to_state", "payer", "year")]
    points = np.moveaxis(spread(occupancy, dims, ["cycle", "state"]), (-2, -1), (0, 1))
    # Payers and years lead and draws trail in memory, so that every sum runs along the long axis.
    out = np.zeros((sizes.get("payer", 1), years, *(sizes[dim] for dim in dims)))
    if transitions is None:
        parts = _stays(points, reward, cycle_weights(method, cycles_per_year), years)
    else:
        parts = _moves(points, reward, moved(transitions, dims), years)
    for amount, price in parts:
        # Sums of products, not einsum: equal arms have to give exactly equal results.
        out += amount * spread(price, ["payer", "year", *dims])
    last = ["payer", "year"] if "payer" in reward.dims else ["year"]
    values = np.moveaxis(out if "payer" in reward.dims else out[0], range(len(last)), range(-len(last), 0))
    kept = {dim: coords[dim] for dim in [*dims, "payer"] if dim in coords} | {"year": labels}
    attrs = {"unit": _unit(reward), "by": by, "discounted": "no"} | ({"method": method} if by == "stay" else {})
    total = xr.DataArray(values, dims=[*dims, *last], coords=kept, name="accrued", attrs=attrs)
    return total if discount is None else _discounted(total, discount)


def _stays(
    points: np.ndarray, reward: xr.DataArray, weights: np.ndarray, years: int
) -> Iterator[tuple[np.ndarray, xr.DataArray]]:
    """Person-years in each state (year, ...), with what a year there is worth."""
    cycles = len(weights) - 1
    last = cycles * (years - 1) + 1
    for state, price in _rewarded(reward, ["state"]):
        total = np.zeros((years, *points.shape[2:]))
        for cycle, weight in enumerate(weights):
            if weight:
                total += weight * points[cycle : cycle + last : cycles, state[0]]
        yield total, price


def _moves(
    points: np.ndarray, reward: xr.DataArray, cells: np.ndarray, years: int
) -> Iterator[tuple[np.ndarray, xr.DataArray]]:
    """Persons who move (year, ...), with what a move is worth."""
    single = "to_state" in reward.dims
    for place, price in _rewarded(reward, ["state", "to_state"] if single else ["state"]):
        origins = [place[0]] if single else range(points.shape[1])
        flow = np.zeros((len(points) - 1, *points.shape[2:]))
        for origin in origins:
            if origin != place[-1]:
                flow += points[:-1, origin] * cells[:, origin, place[-1]]
        yield flow.reshape(years, -1, *flow.shape[1:]).sum(axis=1), price


def _rewarded(reward: xr.DataArray, over: Sequence[str]) -> Iterator[tuple[tuple[int, ...], xr.DataArray]]:
    """Places along `over` whose reward is not zero throughout, and the reward there."""
    for place in np.ndindex(*(reward.sizes[dim] for dim in over)):
        price = reward.isel(dict(zip(over, place, strict=True)), drop=True)
        if price.values.any():
            yield place, price


def _discounted(total: xr.DataArray, discount: xr.DataArray) -> xr.DataArray:
    rate = discount.attrs.get("rate", "not told")
    told = f"{discount.attrs.get('formula', 'formula not told')}, rate {rate}"
    present: xr.DataArray = total * discount
    last: list[Hashable] = [dim for dim in ("payer", "year") if dim in present.dims]
    return present.transpose(..., *last).assign_attrs({**total.attrs, "discounted": told}).rename("accrued")


def _unit(reward: xr.DataArray) -> str:
    return str(reward.attrs.get("unit", "not told")).removesuffix("/year")


def _check_time(problems: CellProblems, occupancy: xr.DataArray, cycles_per_year: int) -> int:
    """The number of whole years."""
    if "state" not in occupancy.indexes or "cycle" not in occupancy.dims:
        problems.add("occupancy", "lacks the dim `cycle` or labelled `state`", "make it with trace")
        return 0
    cycles = occupancy.sizes["cycle"] - 1
    if isinstance(cycles_per_year, int | np.integer) and cycles_per_year >= 1:
        if cycles < 1 or cycles % cycles_per_year:
            cure = f"run a multiple of {cycles_per_year} cycles"
            problems.add("occupancy", f"{cycles} cycles are not whole years of {cycles_per_year}", cure)
        return cycles // int(cycles_per_year)
    return 0


def _check_method(problems: CellProblems, method: str, cycles_per_year: int) -> None:
    known = ("trapezoid", "simpson", "start", "end")
    if method not in known:
        problems.add("method", f"{method!r} is unknown", f"use {', '.join(known)}")
    if not isinstance(cycles_per_year, int | np.integer) or cycles_per_year < 1:
        problems.add("cycles_per_year", f"{cycles_per_year!r} is not 1, 2, 3, ...", "give 4 for quarters")
    elif method == "simpson" and cycles_per_year % 2:
        cure = "use 2, 4, ... cycles a year, or the trapezoid"
        problems.add("cycles_per_year", f"{cycles_per_year} is odd; Simpson's rule takes cycles in pairs", cure)


def _check_reward(problems: CellProblems, reward: xr.DataArray, by: str) -> None:
    if by not in ("stay", "entry", "transition"):
        problems.add("by", f"{by!r} is unknown", "use stay, entry, transition")
        return
    for dim in ("state", "to_state") if by == "transition" else ("state",):
        if dim not in reward.indexes:
            problems.add("reward", f"has no labelled dim `{dim}`", f"a reward by {by} needs it")
    if by != "transition" and "to_state" in reward.dims:
        problems.add("reward", f"has the dim `to_state`, and is by {by}", 'select one, or say by="transition"')
    if "cycle" in reward.dims:
        problems.add("reward", "has the dim `cycle`", "rewards change by year: give the dim `year`")
    check_range(problems, "reward", reward, -BIG, BIG)


def _check_source(problems: CellProblems, occupancy: xr.DataArray, transitions: xr.DataArray | None, by: str) -> None:
    check_range(problems, "occupancy", occupancy, -BIG, BIG)
    if by == "stay" and transitions is not None:
        problems.add("transitions", "are given, and a reward by stay does not use them", "leave them out")
    elif by != "stay" and transitions is None:
        problems.add("transitions", f"are missing, and a reward by {by} needs them", "give those of the trace")
    elif transitions is not None:
        check_flows(problems, occupancy, transitions)


def _check_fit(
    problems: CellProblems,
    occupancy: xr.DataArray,
    reward: xr.DataArray,
    discount: xr.DataArray | None,
    labels: np.ndarray,
) -> None:
    wanted = xr.DataArray(np.zeros(len(labels)), dims="year", coords={"year": labels})
    arrays = {"years": wanted, "occupancy": occupancy, "reward": reward}
    if discount is not None:
        arrays["discount"] = discount
        check_range(problems, "discount", discount, 0, BIG)
        if "year" not in discount.dims:
            problems.add("discount", "has no dim `year`", "make it with discount_factors")
        if "payer" in discount.dims and "payer" not in reward.dims:
            problems.add("discount", "has the dim `payer`, the reward has not", "give an effect a rate of its own")
    check_labels(problems, arrays, skip=("cycle",))
    if "to_state" in reward.indexes and not reward.indexes["to_state"].equals(occupancy.indexes["state"]):
        problems.add("reward to_state", "are not the states of the occupancy", "give all states, in the same order")
