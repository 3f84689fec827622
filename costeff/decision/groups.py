"""Whom it serves and where: results of municipalities by class, and how far classes, or risk groups, lie apart."""

from __future__ import annotations

import numpy as np
import xarray as xr

from costeff.checks import reals
from costeff.errors import Problems, UsageError

_TITLE = "The classes cannot be compared"


def by_class(
    values: xr.DataArray, classes: xr.DataArray, weights: xr.DataArray, dim: str = "municipality"
) -> xr.DataArray:
    """Weighted mean of a result over the members of each class, draw by draw.

    Parameters
    ----------
    values
        Dims `dim` and any others, such as the net saving a client by (draw, municipality).
    classes
        Class of each member, over `dim`: size class, language group, county. Members may be more than in `values`.
    weights
        Weight of each member, over `dim`: inhabitants, or clients. 0 or more.

    Returns
    -------
    DataArray with `class` in place of `dim`, the classes as texts in sorted order; the coordinate `members` counts the
    members of each.

    Raises
    ------
    UsageError
        Members without a class or a weight, a weight below 0, a class without any weight, a missing value.
    """
    _check_classes(values, classes, weights, dim)
    mine = {dim: values[dim]}
    names, at = np.unique(classes.sel(mine).to_numpy().astype(str), return_inverse=True)
    weight = weights.sel(mine).to_numpy().astype(float)
    belongs = at[:, None] == np.arange(names.size)
    share = belongs * weight[:, None]
    coords = {dim: values[dim].to_numpy(), "class": names}
    matrix = xr.DataArray(share / share.sum(axis=0), dims=(dim, "class"), coords=coords)
    found = values.astype(float).dot(matrix, dim=dim).rename(values.name).assign_attrs(values.attrs)
    return found.assign_coords(members=("class", belongs.sum(axis=0)))


def spread(values: xr.DataArray, dim: str = "class") -> xr.Dataset:
    """How far the classes of a result lie apart, and how surely.

    The two classes are chosen by their means, not in each draw: the distance of the highest from the lowest of every
    draw would be above 0 even among equals.

    Parameters
    ----------
    values
        Dims (draw, `dim`); `dim` may also be the risk group of a `<quantity>_by_group`.

    Returns
    -------
    Dataset with `highest` and `lowest`, the classes with the highest and the lowest mean; `gap` (draw), the first less
    the second; `probability`, of a gap above 0, a tie counting a half; and `probability_highest` (`dim`), the share of
    draws in which each class is the highest, ties shared equally.

    Raises
    ------
    UsageError
        For other dims, classes without names, fewer than two classes, a missing value.
    """
    problems = Problems()
    if not isinstance(values, xr.DataArray):
        problems.add("values", "is not a labelled array", f"give a DataArray over draw and {dim}")
        problems.raise_if_any(UsageError, _TITLE)
    if set(values.dims) != {"draw", dim}:
        problems.add("values", f"has the dims {values.dims}", f"select one label of each other dim than draw and {dim}")
    elif dim not in values.indexes:
        problems.add(dim, "has no labels", "assign the coordinate")
    elif values.sizes[dim] < 2:
        problems.add(dim, "holds one class only", "a spread needs two")
    _check_finite(problems, values)
    problems.raise_if_any(UsageError, _TITLE)
    values = values.transpose("draw", dim)
    mean = values.mean("draw")
    high, low = (values.isel({dim: int(at)}, drop=True) for at in (mean.argmax(dim), mean.argmin(dim)))
    gap = (high - low).assign_attrs(values.attrs)
    best = values == values.max(dim)
    chance = ((gap > 0) + 0.5 * (gap == 0)).mean("draw")
    out = {
        "highest": mean[dim][int(mean.argmax(dim))].drop_vars(dim),
        "lowest": mean[dim][int(mean.argmin(dim))].drop_vars(dim),
        "gap": gap,
        "probability": chance.assign_attrs(unit="probability"),
        "probability_highest": (best / best.sum(dim)).mean("draw").assign_attrs(unit="probability"),
    }
    return xr.Dataset({name: found.drop_vars("members", errors="ignore") for name, found in out.items()})


def _check_classes(values: xr.DataArray, classes: xr.DataArray, weights: xr.DataArray, dim: str) -> None:
    problems = Problems()
    for name, found in (("values", values), ("classes", classes), ("weights", weights)):
        if not isinstance(found, xr.DataArray):
            problems.add(name, "is not a labelled array", f"give a DataArray over {dim}")
        elif dim not in found.dims or (name != "values" and found.ndim != 1):
            problems.add(name, f"has the dims {found.dims}", f"it is over {dim}")
        elif dim not in found.indexes or not found.indexes[dim].is_unique:
            problems.add(f"{name} {dim}", "has no labels, or one twice", "assign the coordinate")
        elif "class" in found.dims:
            problems.add(name, "has a dim named class, which the analysis adds itself", "rename it")
    problems.raise_if_any(UsageError, _TITLE)
    for name, found in (("classes", classes), ("weights", weights)):
        missing = [str(m) for m in values[dim].values if m not in found.indexes[dim]]
        if missing:
            problems.add(
                name, f"lacks {len(missing)} of {values.sizes[dim]}, such as {missing[0]}", "give each its own"
            )
    _check_finite(problems, values)
    problems.raise_if_any(UsageError, _TITLE)
    here = {dim: values[dim]}
    if classes.sel(here).isnull().any():
        problems.add("classes", "has a member without a class", "give each its own")
    numbers = reals(weights.sel(here))
    weight = weights.sel(here).copy(data=np.full(values.sizes[dim], np.nan) if numbers is None else numbers)
    if not np.isfinite(weight).all() or (weight < 0).any():
        problems.add("weights", "has one that is missing, infinite or below 0", "weigh by inhabitants or clients")
    elif not (weight.groupby(classes.sel(here)).sum() > 0).all():
        problems.add("weights", "are all 0 in a class", "leave the class out, or weigh it")
    problems.raise_if_any(UsageError, _TITLE)


def _check_finite(problems: Problems, values: xr.DataArray) -> None:
    numbers = reals(values)
    if numbers is None or not np.isfinite(numbers).all():
        problems.add("values", "has a value that is missing or infinite", "every draw needs a value")
