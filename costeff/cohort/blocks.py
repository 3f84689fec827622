"""Many places at once: traced and accrued in blocks, so that the full occupancy is never held."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import xarray as xr

from costeff.cohort.accrual import accrue
from costeff.cohort.kernel import trace
from costeff.cohort.labels import CellProblems, broadcast, check_labels
from costeff.errors import ModelError

BLOCK_BYTES = 16 * 2**20  # of occupancy held at a time: about what a processor keeps close


def accrue_blocks(
    start: xr.DataArray,
    transitions: xr.DataArray,
    reward: xr.DataArray,
    cycles_per_year: int,
    cycles: int | None = None,
    *,
    dim: Hashable = "municipality",
    size: int | None = None,
    inflow: xr.DataArray | None = None,
    **options: Any,
) -> xr.DataArray:
    """`accrue` of `trace`, a block of labels of `dim` at a time; the result is the same, to the last bit.

    Parameters
    ----------
    start, transitions, cycles, inflow
        As for `trace`.
    reward, cycles_per_year
        As for `accrue`.
    dim
        The dim cut into blocks; at least one of the inputs has to have it.
    size
        Labels in a block; without it, as many as keep its occupancy within 16 MiB (at least one).
    options
        `by`, `method`, `discount` and `first_year` of `accrue`. Transitions are passed on where `by` needs them.

    Returns
    -------
    DataArray (..., [payer], year), as `accrue`

    Raises
    ------
    ModelError
        As `trace` and `accrue`, for the first block that has a fault; and for a `dim` that no input has.
    """
    given = {"start": start, "transitions": transitions, "reward": reward, "inflow": inflow}
    parts = {name: array for name, array in given.items() if array is not None}
    discount = options.get("discount")
    if discount is not None and dim in discount.dims:
        raise ModelError(f"The discount factors differ by {dim!r}, which is cut into blocks: accrue, then discount")
    labels = _labels(parts, dim, size)
    size = size or _fitting(parts, dim, cycles)
    total: xr.DataArray | None = None
    for first in range(0, labels, size):
        place = slice(first, first + size)
        part = {name: each.isel({dim: place}) if dim in each.dims else each for name, each in parts.items()}
        block = _one(part, cycles_per_year, cycles, options)
        if total is None:
            total = _empty(block, dim, labels, parts)
        total[{dim: place}] = block.values
    assert total is not None
    return total


def _one(part: dict[str, xr.DataArray], cycles_per_year: int, cycles: int | None, options: dict[str, Any]) -> Any:
    occupancy = trace(part["start"], part["transitions"], cycles, part.get("inflow"))
    needed = part["transitions"] if options.get("by", "stay") != "stay" else None
    return accrue(occupancy, part["reward"], cycles_per_year, transitions=needed, **options)


def _empty(block: xr.DataArray, dim: Hashable, labels: int, parts: dict[str, xr.DataArray]) -> xr.DataArray:
    shape = tuple(labels if name == dim else size for name, size in block.sizes.items())
    _, _, coords = broadcast(parts.values())
    kept = {name: block[name].variable for name in block.coords if name != dim} | (
        {dim: coords[dim]} if dim in coords else {}
    )
    return xr.DataArray(np.empty(shape), dims=block.dims, coords=kept, name=block.name, attrs=block.attrs)


def _labels(parts: dict[str, xr.DataArray], dim: Hashable, size: int | None) -> int:
    """How many labels `dim` has."""
    problems = CellProblems()
    found = [array.sizes[dim] for array in parts.values() if dim in array.dims]
    if not found or dim in ("state", "to_state", "cycle", "year", "payer"):
        problems.add("dim", f"{dim!r} cannot be cut into blocks", "name a dim of the inputs, such as municipality")
    if size is not None and (not isinstance(size, int | np.integer) or size < 1):
        problems.add("size", f"{size!r} is not 1, 2, 3, ...", "say how many labels a block has, or leave it out")
    check_labels(problems, parts, skip=("cycle", "state", "to_state"))
    problems.raise_if_any(ModelError, "The cohorts cannot be run in blocks")
    return found[0]


def _fitting(parts: dict[str, xr.DataArray], dim: Hashable, cycles: int | None) -> int:
    _, sizes, _ = broadcast(each for name, each in parts.items() if name != "reward")
    steps = sizes.get("cycle", cycles or 0) + 1
    others = [n for name, n in sizes.items() if name not in (dim, "cycle", "to_state")]
    return int(max(1, BLOCK_BYTES // (8 * steps * int(np.prod(others, dtype=np.int64)))))
