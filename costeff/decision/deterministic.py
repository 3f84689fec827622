"""What moves a result, one or two values at a time: one-way, two-way, scenarios, and where the answer turns.

`evaluate` is any model: it takes a value by name and gives a result, such as the expected net saving by payer. Every
function starts from a base and changes what it is told to; nothing else moves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NoReturn

import numpy as np
import xarray as xr

from costeff.checks import is_number, is_whole, reals
from costeff.errors import Problem, Problems, UsageError

Evaluate = Callable[[Mapping[str, float]], xr.DataArray]
TITLE = "The values cannot be varied"
ENDS = ("low", "high")
BASE = "base"


def one_way(
    evaluate: Evaluate, base: Mapping[str, float], ranges: Mapping[str, tuple[float, float]], stacked: str = "payer"
) -> xr.Dataset:
    """The result with each value at its low and at its high end, the others at the base.

    Parameters
    ----------
    evaluate
        From values to a result: a DataArray of any dims but draw, the same at each call.
    base
        Every value the model takes.
    ranges
        Low and high end of each value to vary; the base lies between them.
    stacked
        The dim whose parts add up to the whole, if the result has it: the bars are as wide as its sum moves.

    Returns
    -------
    Dataset over `parameter`, widest first (see `bars`).

    Raises
    ------
    UsageError
        A name that the base does not have, ends out of order or on one side of the base, a result that is not finite.
    """
    _check_model(evaluate, base)
    _check_mapping("ranges", ranges)
    problems = Problems()
    for name, ends in ranges.items():
        _check_known(problems, name, base)
        numbers = reals(ends)
        if numbers is None or numbers.shape != (2,) or not np.isfinite(numbers).all() or not ends[0] < ends[1]:
            problems.add(f"ranges {name}", f"is {ends!r}", "give a low end below a high end, such as (0.2, 0.4)")
        elif name in base and not ends[0] <= base[name] <= ends[1]:
            rule = f"from {ends[0]:g} to {ends[1]:g} does not hold the base {base[name]:g}"
            problems.add(f"ranges {name}", rule, "the base lies within its range")
    if not ranges:
        problems.add("ranges", "are empty", "give the ends of at least one value")
    problems.raise_if_any(UsageError, TITLE)
    start = _at(evaluate, base, {})
    found = [_joined([start, *(_at(evaluate, base, {n: end}) for end in ends)], "end") for n, ends in ranges.items()]
    values = xr.DataArray([list(ends) for ends in ranges.values()], dims=("parameter", "end"))
    return bars(_joined(found, "parameter").isel(end=[1, 2]), start, values, list(ranges), stacked)


def bars(
    result: xr.DataArray, base: xr.DataArray, values: xr.DataArray, names: Sequence[str], stacked: str = "payer"
) -> xr.Dataset:
    """The one form of a tornado, whether a model or draws made it.

    Parameters
    ----------
    result
        Dims (parameter, end, ...).
    base
        The result at the base, dims (...).
    values
        What each parameter is at its ends, dims (parameter, end).

    Returns
    -------
    Dataset over `parameter`, widest first, of equals by name:

        value (parameter, end)
            The parameter at its `low` and `high` end.
        result (parameter, end, ...), base (...), change (parameter, end, ...)
            The result, that of the base, and the difference.
        width (parameter, ...)
            From the lowest to the highest of both ends and the base, summed over `stacked`.
    """
    coords = {"parameter": [str(name) for name in names], "end": list(ENDS)}
    result, values = (each.assign_coords(coords) for each in (result, values))
    change = (result - base).assign_attrs(result.attrs)
    total = change.sum(stacked) if stacked in change.dims else change
    width = total.max("end").clip(min=0.0) - total.min("end").clip(max=0.0)
    told = {"result": result, "base": base, "change": change, "width": width.assign_attrs(result.attrs)}
    out = xr.Dataset({"value": values, **{k: v.drop_attrs().assign_attrs(v.attrs) for k, v in told.items()}})
    out = out.transpose("parameter", "end", ...).assign_attrs(result.attrs)
    widest = width.max([dim for dim in width.dims if dim != "parameter"]).to_numpy()
    return out.isel(parameter=np.lexsort((out["parameter"].to_numpy(), -widest)))


def along(evaluate: Evaluate, base: Mapping[str, float], name: str, values: Sequence[float]) -> xr.DataArray:
    """The result over a grid of one value.

    Returns
    -------
    DataArray with the value's own name as its first dim.
    """
    return _grid(evaluate, base, {name: values})


def two_way(evaluate: Evaluate, base: Mapping[str, float], values: Mapping[str, Sequence[float]]) -> xr.DataArray:
    """The result over a grid of two values, the others at the base.

    Parameters
    ----------
    values
        The points of exactly two of the values, by name.

    Returns
    -------
    DataArray with the two names as its first dims.

    Raises
    ------
    UsageError
        For other than two names, names that the base does not have, points missing, infinite or twice.
    """
    _check_mapping("values", values)
    if len(values) != 2:
        _stop("values", f"hold {len(values)} names", "a two-way analysis takes two")
    return _grid(evaluate, base, values)


def scenarios(evaluate: Evaluate, base: Mapping[str, float], changes: Mapping[str, Mapping[str, float]]) -> xr.Dataset:
    """The result under named sets of changes, each of them from the base.

    Returns
    -------
    Dataset over `scenario`, the base first: `result` and `change` (scenario, ...), and `changed`, what differs from
    the base in words.

    Raises
    ------
    UsageError
        A scenario named `base`, one that changes nothing, names that the base does not have.
    """
    _check_model(evaluate, base)
    _check_mapping("changes", changes)
    problems = Problems()
    for name, changed in changes.items():
        if name == BASE:
            problems.add(f"scenario {name}", "is the name of the base itself", "choose another")
        if not isinstance(changed, Mapping):
            problems.add(f"scenario {name}", "is no set of changes", "give values by name, such as {'price': 900}")
            continue
        if not changed:
            problems.add(f"scenario {name}", "changes nothing", "leave it out: the base is told anyway")
        for each, value in changed.items():
            _check_known(problems, each, base, f"scenario {name} {each}")
            if not is_number(value):
                problems.add(f"scenario {name} {each}", "is missing, infinite or no number", "give a number")
    problems.raise_if_any(UsageError, TITLE)
    every: dict[str, Mapping[str, float]] = {BASE: {}, **changes}
    result = _joined([_at(evaluate, base, changed) for changed in every.values()], "scenario")
    result = result.assign_coords(scenario=list(every))
    words = [", ".join(f"{n} {base[n]:g} -> {v:g}" for n, v in changed.items()) for changed in every.values()]
    out = {"result": result, "change": (result - result.sel(scenario=BASE, drop=True)).assign_attrs(result.attrs)}
    return xr.Dataset({**out, "changed": ("scenario", words)}, attrs=result.attrs)


# --- where the answer turns -----------------------------------------------------------------------


@dataclass(frozen=True)
class BreakEven:
    """Where the total of a result passes through 0 as one value moves.

    Attributes
    ----------
    name, low, high
        The value, and between what it was moved.
    turns
        Every place where the total changes sign, rising; empty where it does not turn.
    at_low, at_high
        The total at both ends.
    """

    name: str
    low: float
    high: float
    turns: tuple[float, ...]
    at_low: float
    at_high: float

    def __str__(self) -> str:
        between = f"between {self.low:g} and {self.high:g}"
        ends = f"{self.at_low:g} at the low end, {self.at_high:g} at the high end"
        if not self.turns:
            return f"{self.name}: does not turn {between} ({ends})"
        places = ", ".join(f"{turn:.6g}" for turn in self.turns)
        return f"{self.name}: turns at {places} {between} ({ends})"


def break_even(
    evaluate: Evaluate, base: Mapping[str, float], name: str, low: float, high: float, points: int = 17
) -> BreakEven:
    """Where the total of the result changes sign as one value moves, the others at the base.

    The total is looked at on an even grid, and each change of sign between two points is followed to its place
    (Brent's method). Two turns between neighbouring points cancel and are not seen: take more points where the result
    is not monotone. A total that touches 0 without changing sign does not turn; one that stays at 0 for a while turns
    where it gets there.

    Raises
    ------
    UsageError
        For a name that the base does not have, ends out of order, fewer than two points, a result that is not finite.
    """
    from scipy.optimize import brentq

    _check_model(evaluate, base)
    problems = Problems()
    _check_known(problems, name, base)
    if not (is_number(low) and is_number(high) and low < high):
        problems.add("low, high", f"are {low} and {high}", "give a low end below a high end")
    if not is_whole(points) or points < 2:
        problems.add("points", f"are {points!r}", "give a whole number, two or more")
    problems.raise_if_any(UsageError, TITLE)

    def total(value: float) -> float:
        return float(_at(evaluate, base, {name: value}).sum())

    grid = np.linspace(low, high, points)
    found = np.array([total(value) for value in grid])
    apart, near = np.flatnonzero(found), 1e-12 * (high - low)
    turns = []
    for one, other in pairwise(apart):
        if np.sign(found[one]) != np.sign(found[other]):
            at = grid[one + 1] if other > one + 1 else brentq(total, grid[one], grid[other], xtol=near)
            turns.append(_start(total, float(grid[one]), float(at), near))
    return BreakEven(name, float(low), float(high), tuple(turns), float(found[0]), float(found[-1]))


def _start(total: Callable[[float], float], before: float, at: float, near: float) -> float:
    """Where a total that is 0 at a place has come to 0 since a place where it was not."""
    if total(at) or total(max(before, at - near)):
        return at
    while at - before > near:
        middle = (before + at) / 2
        before, at = (middle, at) if total(middle) else (before, middle)
    return at


# --- the model at a point -------------------------------------------------------------------------


def _grid(evaluate: Evaluate, base: Mapping[str, float], values: Mapping[str, Sequence[float]]) -> xr.DataArray:
    _check_model(evaluate, base)
    problems = Problems()
    points: dict[str, np.ndarray] = {}
    for name, asked in values.items():
        _check_known(problems, name, base)
        numbers = reals(asked)
        given = points[name] = np.zeros(0) if numbers is None else numbers
        if given.ndim != 1 or not given.size or not np.isfinite(given).all() or np.unique(given).size != given.size:
            problems.add(f"values {name}", "hold none, one twice, or one missing or infinite", "give distinct numbers")
    problems.raise_if_any(UsageError, TITLE)
    (name, given), *rest = points.items()

    def row(fixed: dict[str, float], left: list[tuple[str, np.ndarray]]) -> xr.DataArray:
        if not left:
            return _at(evaluate, base, fixed)
        (each, at), *others = left
        found = [row({**fixed, each: float(value)}, others) for value in at]
        return _joined(found, each).assign_coords({each: at})

    return row({}, [(name, given), *rest])


def _at(evaluate: Evaluate, base: Mapping[str, float], changed: Mapping[str, float]) -> xr.DataArray:
    given = evaluate({**base, **changed})
    numbers = reals(given)
    if numbers is None:
        _stop("result", "is no array of numbers", "let the model give a DataArray")
    found = given if isinstance(given, xr.DataArray) else xr.DataArray(numbers)
    if "draw" in found.dims:
        _stop("result", "is over draw", "give what it is at these values: its mean over draws")
    if not np.isfinite(numbers).all():
        where = ", ".join(f"{n} = {v:g}" for n, v in changed.items()) or "the base"
        _stop(
            f"result at {where}", "is missing or infinite", "the model has to give a number there, or narrow the range"
        )
    return found


def _joined(found: Sequence[xr.DataArray], dim: str) -> xr.DataArray:
    """Results side by side, if all have the same labels; else what one of them lacks would be missing."""
    first = found[0]
    if dim in first.dims:
        _stop("result", f"has a dim named {dim}, which the analysis adds itself", "rename it")
    for other in found[1:]:
        if other.dims != first.dims or other.shape != first.shape or not _same_labels(first, other):
            _stop(
                "result", "changes its dims or labels with the values", "give each label every time, 0 where it is none"
            )
    return xr.concat(found, dim)


def _same_labels(one: xr.DataArray, other: xr.DataArray) -> bool:
    return set(one.indexes) == set(other.indexes) and all(one.indexes[d].equals(other.indexes[d]) for d in one.indexes)


def _check_known(problems: Problems, name: str, base: Mapping[str, float], place: str | None = None) -> None:
    if name not in list(base):
        problems.add(place or f"value {name}", "is not in the base", f"the base has {', '.join(base) or 'none'}")


def _check_model(evaluate: object, base: Mapping[str, float]) -> None:
    if not callable(evaluate):
        _stop("evaluate", "is no model", "give a function from values by name to a result")
    _check_mapping("base", base)
    for name, value in base.items():
        if not is_number(value):
            _stop(f"base {name}", "is missing, infinite or no number", "give a number")


def _check_mapping(place: str, given: object) -> None:
    if not isinstance(given, Mapping):
        _stop(place, "is not by name", "give a mapping from the names of values")


def _stop(place: str, rule: str, cure: str) -> NoReturn:
    raise UsageError(f"{TITLE}: 1 problem", [Problem(place, rule, cure)])
