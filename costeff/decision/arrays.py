"""What every analysis over options reads: costs and effects by draw, thresholds, parameters; checked and lined up."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import xarray as xr

from costeff.checks import reals
from costeff.errors import Problems, UsageError

TITLE = "The decision cannot be analysed"
Thresholds = float | Sequence[float] | np.ndarray | xr.DataArray
TAKEN = ("threshold", "parameter", "end", "size")  # dims that an analysis adds


def paired(cost: xr.DataArray, effect: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Cost and effect with the same draws and options in the same order, `draw` first and `option` second.

    Parameters
    ----------
    cost, effect
        Dims (draw, option) and any others, which are broadcast. Any unit; either may be below 0.

    Raises
    ------
    UsageError
        A missing dim or one of a name that an analysis adds, fewer than two options or one named twice, draws or
        options (or labels of another shared dim) that differ, a value that is missing or infinite. All at once.
    """
    problems = Problems()
    _check_pair(problems, cost, effect)
    problems.raise_if_any(UsageError, TITLE)
    return _line_up(cost, effect)


def thresholds_of(thresholds: Thresholds) -> xr.DataArray:
    """Thresholds as a labelled array over `threshold`; what a unit of effect is worth is never below 0.

    Raises
    ------
    UsageError
        None at all, more than one dim, a value that is no number, missing, infinite or below 0, or one twice.
    """
    problems = Problems()
    values = _check_thresholds(problems, thresholds)
    problems.raise_if_any(UsageError, TITLE)
    return xr.DataArray(values, dims="threshold", coords={"threshold": values}, name="threshold")


def analysed(
    cost: xr.DataArray,
    effect: xr.DataArray,
    thresholds: Thresholds = 0.0,
    comparator: Hashable | None = None,
    compared: bool = False,
) -> tuple[xr.DataArray, xr.DataArray, xr.DataArray]:
    """`paired` and `thresholds_of` in one, and whether the comparator is an option: all problems told at once.

    Only where options are `compared` does there have to be a comparator.
    """
    problems = Problems()
    _check_pair(problems, cost, effect)
    _check_thresholds(problems, thresholds)
    options = cost.indexes.get("option") if isinstance(cost, xr.DataArray) else None
    known = isinstance(comparator, Hashable) and options is not None and comparator in options
    if (compared or comparator is not None) and options is not None and not known:
        names = ", ".join(map(str, options))
        problems.add("comparator", f"{comparator!r} is not among the options", f"the options are {names}")
    problems.raise_if_any(UsageError, TITLE)
    return *_line_up(cost, effect), thresholds_of(thresholds)


def lined_up(parameters: xr.Dataset, outcome: xr.DataArray) -> xr.Dataset:
    """Parameters with the draws of an outcome, in its order.

    Raises
    ------
    UsageError
        No parameter, one that is not over `draw` alone, draws that differ, a value that is missing or infinite.
    """
    check_parameters(parameters)
    problems = Problems()
    for name, values in parameters.items():
        if values.dims != ("draw",):
            problems.add(f"parameters {name}", f"has the dims {values.dims}", "each is over draw alone")
        else:
            check_numbers(problems, f"parameters {name}", values, "every draw needs one")
    problems.raise_if_any(UsageError, TITLE)
    check_same(problems, "draw", {"outcome": outcome, "parameters": parameters})
    problems.raise_if_any(UsageError, TITLE)
    return parameters.reindex(draw=outcome["draw"]) if "draw" in outcome.indexes else parameters


# --- checks ---------------------------------------------------------------------------------------


def _line_up(cost: xr.DataArray, effect: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    shared = [dim for dim in effect.dims if dim in cost.dims and dim in cost.indexes]
    effect = effect.reindex({dim: cost[dim] for dim in shared})
    cost, effect = xr.broadcast(cost, effect)
    cost, effect = (v.astype(float, copy=False).transpose("draw", "option", ...) for v in (cost, effect))
    return cost, effect


def _check_pair(problems: Problems, cost: xr.DataArray, effect: xr.DataArray) -> None:
    before = len(problems.found)
    for name, values in (("cost", cost), ("effect", effect)):
        _check_one(problems, name, values)
    if len(problems.found) == before:
        for dim in (dim for dim in cost.dims if dim in effect.dims):
            check_same(problems, str(dim), {"cost": cost, "effect": effect})


def _check_one(problems: Problems, name: str, values: xr.DataArray) -> None:
    if not isinstance(values, xr.DataArray):
        problems.add(name, "is not a labelled array", "give a DataArray over draw and option")
        return
    for dim in ("draw", "option"):
        if dim not in values.dims:
            problems.add(name, f"has the dims {values.dims}", f"it needs {dim}")
            return
        if not values.sizes[dim]:
            problems.add(name, f"has no {dim}", "give at least one draw and two options")
            return
    for each in values.dims:
        if each in TAKEN:
            problems.add(name, f"has a dim named {each}, which the analysis adds itself", "rename it")
        if each in values.indexes and not values.indexes[each].is_unique:
            problems.add(f"{name} {each}", "has a label twice", "each stands once")
    if "option" not in values.indexes:
        problems.add(f"{name} option", "has no labels", "assign the coordinate, so that the options have names")
    if values.sizes["option"] < 2:
        problems.add(f"{name} option", "holds one option only", "a decision needs two; add the comparator")
    check_numbers(problems, name, values, "every draw needs a value; nothing is filled in")


def check_parameters(parameters: xr.Dataset) -> None:
    """Whether there are any, by name."""
    problems = Problems()
    if not isinstance(parameters, xr.Dataset):
        problems.add("parameters", "are no Dataset", "give a Dataset with a variable for each, such as to_dataset()")
    elif not parameters.data_vars:
        problems.add("parameters", "hold none", "give a Dataset with a variable for each")
    problems.raise_if_any(UsageError, TITLE)


def check_numbers(problems: Problems, name: str, values: xr.DataArray, cure: str) -> None:
    """Whether all are real numbers, and finite."""
    numbers = reals(values)
    if numbers is None:
        problems.add(name, "holds values that are not numbers", "give numbers")
    elif not np.isfinite(numbers).all():
        problems.add(name, "has a value that is missing or infinite", cure)


def _check_thresholds(problems: Problems, thresholds: Thresholds) -> np.ndarray:
    numbers = reals(thresholds)
    values = np.zeros(0) if numbers is None else np.atleast_1d(numbers)
    if numbers is None:
        problems.add("thresholds", "hold what is not a number", "give a number or a list of numbers")
    elif values.ndim != 1 or not values.size:
        problems.add("thresholds", f"have the shape {values.shape}", "give a number or a list of numbers")
    elif not np.isfinite(values).all():
        problems.add("thresholds", "hold a value that is missing or infinite", "give finite numbers")
    elif (values < 0).any():
        problems.add("thresholds", f"{values.min():g} is below 0", "a unit of effect is worth 0 or more; where less "
                     "is better, count what is avoided")  # fmt: skip
    elif np.unique(values).size != values.size:
        problems.add("thresholds", "hold one value twice", "give each once")
    return values


def check_same(problems: Problems, dim: str, of: Mapping[str, xr.DataArray | xr.Dataset]) -> None:
    """Whether two name the same labels of a dim, in any order; unlabelled draws have to be as many."""
    (one, a), (other, b) = of.items()
    cure = f"take both from the same run, with the same {dim} coordinate"
    if (dim in a.indexes) != (dim in b.indexes):
        problems.add(f"{other} {dim}", f"only one of {one} and {other} has labels", cure)
    elif a.sizes[dim] != b.sizes[dim]:
        problems.add(f"{other} {dim}", f"has {b.sizes[dim]} where {one} has {a.sizes[dim]}", cure)
    elif dim in a.indexes and not (a.indexes[dim].is_unique and b.indexes[dim].is_unique):
        problems.add(f"{other} {dim}", f"a label stands twice, in it or in {one}", "each stands once")
    elif dim in a.indexes and set(a.indexes[dim]) != set(b.indexes[dim]):
        problems.add(f"{other} {dim}", f"has labels that {one} does not have", cure)
