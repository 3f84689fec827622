"""Labelled arrays that have to fit each other: values in range, the same labels, and what to say if not."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from costeff.errors import CosteffError, Problem, Problems

Value = float | xr.DataArray
Moves = Mapping[tuple[str, str], Value]

ROW_TOLERANCE = 1e-9  # how far a row may be from one and still be rounding
SHOWN = 10  # places named in one message; the rest are counted


def bare[Data: (xr.DataArray, xr.Dataset)](data: Data) -> Data:
    """The same without attributes, its own and those of its coordinates; the numbers are shared.

    It is `drop_attrs`, which builds the data anew variable by variable and took a fifth of an appraisal.
    """
    found: Data = data.copy(deep=False)
    found.attrs = {}
    parts: Iterable[xr.DataArray | xr.Variable] = found.coords.values()
    for part in parts if isinstance(found, xr.DataArray) else found.variables.values():
        part.attrs = {}
    return found


@dataclass
class CellProblems(Problems):
    """Problems of labelled cells: the first ten places are named, the rest are counted."""

    unshown: int = 0

    def add_cells(self, name: str, cells: xr.DataArray, bad: np.ndarray, rule: str, cure: str = "") -> None:
        """One problem for each True of `bad`, which has the shape of `cells`; `{}` in `rule` is the value."""
        places = np.flatnonzero(bad)
        shown = places[: max(0, SHOWN - len(self.found))]
        self.unshown += len(places) - len(shown)
        for flat in shown:
            index = np.unravel_index(flat, bad.shape)
            value = f"{float(cells.values[index]):.10g}"
            self.add(_place(name, cells, index), rule.format(value), cure)

    def raise_if_any(self, kind: type[CosteffError], title: str) -> None:
        """Raise `kind` with what was found; do nothing when there is none."""
        if not self.unshown:
            super().raise_if_any(kind, title)
            return
        more = Problem(f"and {self.unshown} more", "of the same kinds")
        raise kind(f"{title}: {len(self.found) + self.unshown} problems", [*self.found, more])


def _place(name: str, cells: xr.DataArray, index: Sequence[np.integer]) -> str:
    labels = (
        f"{dim} {cells.indexes[dim][at] if dim in cells.indexes else at}"
        for dim, at in zip(cells.dims, index, strict=True)
    )
    where = ", ".join(labels)
    return f"{name} at {where}" if where else name


def check_range(
    problems: CellProblems, name: str, value: Value, low: float, high: float, above: bool = False, cure: str = ""
) -> None:
    """Note every value that is missing or lies outside [low, high], or outside (low, high] if `above`."""
    cells = value if isinstance(value, xr.DataArray) else xr.DataArray(float(value))
    if cells.dtype.kind not in "fiu":
        problems.add(name, f"holds {cells.dtype}, not numbers", "give numbers")
        return
    values = cells.values
    if not values.size:
        return
    least, most = values.min(), values.max()  # missing if any value is
    if (least > low if above else least >= low) and most <= high:
        return
    missing = np.isnan(values)
    problems.add_cells(name, cells, missing, "is missing", "every draw needs a value; nothing is filled in")
    outside = ((values <= low) if above else (values < low)) | (values > high)
    bounds = f"{'above' if above else 'at least'} {low:g}" + (f" and at most {high:g}" if np.isfinite(high) else "")
    problems.add_cells(name, cells, outside & ~missing, f"is {{}}; it has to be {bounds}", cure)


def check_labels(
    problems: Problems, arrays: Mapping[str, xr.DataArray | xr.Dataset], skip: Collection[Hashable] = ()
) -> None:
    """Note arrays that share a dim but not its labels: they would be joined on what happens to be common.

    Parameters
    ----------
    arrays
        By the name used in messages.
    skip
        Dims that need not agree.
    """
    first: dict[Hashable, tuple[str, xr.DataArray | xr.Dataset]] = {}
    for name, array in arrays.items():
        for dim in array.dims:
            if dim in skip:
                continue
            if dim not in first:
                first[dim] = (name, array)
                continue
            other_name, other = first[dim]
            here, there = array.indexes.get(dim), other.indexes.get(dim)
            cure = "one draw index runs through everything: thin or redraw" if dim == "draw" else "use the same labels"
            if (here is None) != (there is None):
                bare = name if here is None else other_name
                problems.add(f"{bare} {dim}", "has no labels, so it cannot be matched", "assign the coordinate")
            elif here is None and array.sizes[dim] != other.sizes[dim]:
                rule = f"{array.sizes[dim]} places against {other.sizes[dim]} in {other_name}"
                problems.add(f"{name} {dim}", rule, cure)
            elif here is not None and there is not None and not here.equals(there):
                rule = f"labels {_span(list(here))} are not those of {other_name}, {_span(list(there))}"
                problems.add(f"{name} {dim}", rule, cure)


def _span(labels: list[object]) -> str:
    shown = ", ".join(map(str, labels)) if len(labels) <= 6 else f"{labels[0]} .. {labels[-1]}"
    return f"[{shown}] ({len(labels)})"


def broadcast(arrays: Iterable[xr.DataArray]) -> tuple[list[Hashable], dict[Hashable, int], dict[Hashable, object]]:
    """All dims in order of appearance, their sizes, and the labels of those that have any."""
    sizes: dict[Hashable, int] = {}
    coords: dict[Hashable, object] = {}
    for array in arrays:
        sizes |= {dim: array.sizes[dim] for dim in array.dims if dim not in sizes}
        coords |= {dim: array[dim].variable for dim in array.dims if dim in array.indexes and dim not in coords}
    return list(sizes), sizes, coords


def spread(array: xr.DataArray, dims: Sequence[Hashable], last: Sequence[Hashable] = ()) -> np.ndarray:
    """Values with an axis for each of `dims`, of length 1 where the array lacks it, then `last`."""
    present = [dim for dim in dims if dim in array.dims]
    values = array.transpose(*present, *last).values
    axes = tuple(slice(None) if dim in array.dims else None for dim in dims)
    return np.asarray(values[axes], dtype=float)
