"""The trace of a cohort over cycles, and time in states."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import xarray as xr

from costeff.cohort.labels import ROW_TOLERANCE, CellProblems, broadcast, check_labels, check_range, spread
from costeff.errors import ModelError, Problems


def trace(
    start: xr.DataArray, transitions: xr.DataArray, cycles: int | None = None, inflow: xr.DataArray | None = None
) -> xr.DataArray:
    """Occupancy of each state at cycle 0 (the start) to `cycles`.

    Parameters
    ----------
    start
        Persons, or shares of the cohort, by `state`; other dims broadcast.
    transitions
        Probability per cycle, dims `state`, `to_state` and, if it changes, `cycle` (0 .. n-1).
    cycles
        How many cycles to run; taken from the dim `cycle` if there is one.
    inflow
        Newcomers of each cycle by `state` and, if it changes, `cycle`, in the unit of `start`. They come
        during the cycle, are there at its end, and make their first move in the next; see `arrivals`.

    Returns
    -------
    DataArray (..., cycle, state), in the unit of `start`

    Raises
    ------
    ModelError
        For rows that do not sum to one within 1e-9, negative or missing values (each named by draw,
        cycle and state; nothing is rescaled), and for labels that differ.
    """
    return trace_phases(start, [(transitions, cycles)], inflow)


def trace_phases(
    start: xr.DataArray, phases: Sequence[tuple[xr.DataArray, int | None]], inflow: xr.DataArray | None = None
) -> xr.DataArray:
    """Occupancy over phases that follow each other, each with its own transitions and number of cycles.

    As `trace`, and as tracing each phase on from the last row of the one before, without the copies.
    The cycles of `inflow` are those of all phases together.
    """
    names = ["transitions"] if len(phases) == 1 else [f"transitions of phase {n + 1}" for n in range(len(phases))]
    named = {name: transitions for name, (transitions, _) in zip(names, phases, strict=True)}
    problems = CellProblems()
    _check_start(problems, start)
    coming = {} if inflow is None else {"inflow": inflow}
    check_labels(problems, {"start": start, **named, **coming}, skip=("cycle", "to_state"))
    counts = [_check_transitions(problems, name, *phase) for name, phase in zip(names, phases, strict=True)]
    if inflow is not None:
        _check_inflow(problems, inflow, sum(counts))
    problems.raise_if_any(ModelError, "The cohort cannot be traced")
    dims, sizes, coords = broadcast([start, *named.values(), *coming.values()])
    dims = [dim for dim in dims if dim not in ("cycle", "state", "to_state")]
    shape = tuple(sizes[dim] for dim in dims)
    # States lead and draws trail in memory, so that each step runs along the long axis.
    out = np.empty((sum(counts) + 1, sizes["state"], *shape))
    out[0] = np.moveaxis(spread(start, dims, ["state"]), -1, 0)
    newcomers = None if inflow is None else _by_cycle(inflow, dims, sum(counts))
    done = 0
    for (transitions, _), count in zip(phases, counts, strict=True):
        _step(out[done : done + count + 1], transitions, dims, None if newcomers is None else newcomers[done:])
        done += count
    labels = {dim: coords[dim] for dim in dims if dim in coords} | {"cycle": np.arange(done + 1)}
    return xr.DataArray(
        np.moveaxis(out, (0, 1), (-2, -1)),
        dims=[*dims, "cycle", "state"],
        coords=labels | {"state": coords["state"]},
        name="occupancy",
        attrs={"unit": start.attrs.get("unit", "share of the cohort")},
    )


def _step(
    out: np.ndarray, transitions: xr.DataArray, dims: Sequence[Hashable], newcomers: np.ndarray | None = None
) -> None:
    """Fill `out` (cycle, state, ...) after its first row."""
    varying = ["cycle"] if "cycle" in transitions.dims else []
    cells = spread(transitions, dims, [*varying, "state", "to_state"])
    product = np.empty(out.shape[1:])
    matrix = None
    for cycle in range(len(out) - 1):
        if matrix is None or varying:
            now = cells[..., cycle, :, :] if varying else cells
            matrix = np.ascontiguousarray(np.moveaxis(now, (-2, -1), (0, 1)))
        # Not einsum: its vector lanes round differently, and equal arms have to give exactly equal results.
        # One origin at a time, so that what is at work stays small enough for the processor's cache.
        np.multiply(out[cycle, 0], matrix[0], out=out[cycle + 1])
        for origin in range(1, len(matrix)):
            np.multiply(out[cycle, origin], matrix[origin], out=product)
            out[cycle + 1] += product
        if newcomers is not None:
            out[cycle + 1] += newcomers[cycle]


def _by_cycle(inflow: xr.DataArray, dims: Sequence[Hashable], cycles: int) -> np.ndarray:
    """Newcomers (cycle, state, ...), a view where they are the same in every cycle."""
    if "cycle" in inflow.dims:
        return np.moveaxis(spread(inflow, dims, ["cycle", "state"]), (-2, -1), (0, 1))
    constant = np.moveaxis(spread(inflow, dims, ["state"]), -1, 0)
    return np.broadcast_to(constant, (cycles, *constant.shape))


def _check_start(problems: CellProblems, start: xr.DataArray) -> None:
    if "state" not in start.dims or "state" not in start.indexes:
        problems.add("start", "has no labelled dim `state`", "give the cohort by state")
    elif start.indexes["state"].has_duplicates:
        problems.add("start", "a state stands twice", "name each state once")
    for dim in ("cycle", "to_state"):
        if dim in start.dims:
            problems.add("start", f"has the dim `{dim}`", "a cohort starts at one time: select it")
    check_range(problems, "start", start, 0, np.finfo(float).max)


def _check_inflow(problems: CellProblems, inflow: xr.DataArray, cycles: int) -> None:
    if "state" not in inflow.indexes:
        problems.add("inflow", "has no labelled dim `state`", "say in which state newcomers start")
    if "to_state" in inflow.dims:
        problems.add("inflow", "has the dim `to_state`", "newcomers come from outside: give them by state")
    if "cycle" in inflow.dims and inflow.sizes["cycle"] != cycles:
        problems.add("inflow cycle", f"{inflow.sizes['cycle']} cycles against {cycles} of the trace", "give them all")
    if "cycle" in inflow.indexes and list(inflow.indexes["cycle"]) != list(range(inflow.sizes["cycle"])):
        problems.add("inflow cycle", "is not 0, 1, 2, ...", "number the cycles from 0 without gaps")
    check_range(problems, "inflow", inflow, 0, np.finfo(float).max)


def _check_transitions(problems: CellProblems, name: str, transitions: xr.DataArray, cycles: int | None) -> int:
    """The number of cycles; what is wrong goes to `problems`."""
    if any(dim not in transitions.indexes for dim in ("state", "to_state")):
        problems.add(name, "lacks a labelled dim `state` or `to_state`", "make it with transition_matrix")
        return 0
    if not transitions.indexes["state"].equals(transitions.indexes["to_state"]):
        problems.add(name, "`state` and `to_state` differ in labels or order", "use the same states in both")
        return 0
    matrix = transitions.transpose(..., "state", "to_state")
    check_range(problems, name, matrix, 0, np.finfo(float).max)
    if matrix.dtype.kind not in "fiu":
        return 0
    total = matrix.sum("to_state", skipna=False)
    off = np.abs(total.values - 1) > ROW_TOLERANCE  # False where a value is missing, which is told above
    problems.add_cells(name, total, off, "the row sums to {}, not to 1", "nothing is rescaled: correct the moves")
    return _cycle_count(problems, name, transitions, cycles)


def _cycle_count(problems: Problems, name: str, transitions: xr.DataArray, cycles: int | None) -> int:
    if cycles is not None and (not isinstance(cycles, int | np.integer) or cycles < 0):
        problems.add("cycles", f"{cycles!r} is not a number of cycles", "give a whole number, 0 or more")
        return 0
    if "cycle" not in transitions.dims:
        if cycles is None:
            problems.add("cycles", f"not given, and {name} has no dim `cycle`", "say how many cycles to run")
        return int(cycles or 0)
    size = transitions.sizes["cycle"]
    if "cycle" in transitions.indexes and list(transitions.indexes["cycle"]) != list(range(size)):
        problems.add(f"{name} cycle", "is not 0, 1, 2, ...", "number the cycles from 0 without gaps")
    if cycles is not None and cycles != size:
        problems.add("cycles", f"{cycles} asked for, {name} has {size}", "leave `cycles` out, or give them all")
    return size


def state_time(occupancy: xr.DataArray, cycles_per_year: int) -> xr.DataArray:
    """Person-years in each state in each year: the trapezoid rule, that is, half-cycle corrected.

    Parameters
    ----------
    occupancy
        (..., cycle, state), cycle 0 is the start of year 0.
    cycles_per_year
        Such as 4 for quarters; the cycles have to make up whole years.

    Returns
    -------
    DataArray (..., year, state); `year` is 0 for the first. Over states it sums to the cohort.

    Raises
    ------
    ModelError
        When the cycles are not whole years.
    """
    problems = Problems()
    if any(dim not in occupancy.dims for dim in ("cycle", "state")):
        problems.add("occupancy", "lacks the dim `cycle` or `state`", "make it with trace")
    if not isinstance(cycles_per_year, int | np.integer) or cycles_per_year < 1:
        problems.add("cycles_per_year", f"{cycles_per_year!r} is not 1, 2, 3, ...", "give 4 for quarters")
    elif not problems:
        cycles = occupancy.sizes["cycle"] - 1
        if cycles < 1 or cycles % cycles_per_year:
            cure = f"run a multiple of {cycles_per_year} cycles"
            problems.add("occupancy", f"{cycles} cycles are not whole years of {cycles_per_year}", cure)
    problems.raise_if_any(ModelError, "Time in states cannot be counted")
    ordered = occupancy.transpose(..., "cycle", "state")
    values = ordered.values
    *shape, points, states = values.shape
    years = (points - 1) // cycles_per_year
    time = values[..., :-1, :].reshape(*shape, years, cycles_per_year, states).sum(axis=-2)
    ends = values[..., ::cycles_per_year, :]
    time += 0.5 * (ends[..., 1:, :] - ends[..., :-1, :])
    time /= cycles_per_year
    coords = {dim: ordered[dim].variable for dim in ordered.dims if dim in ordered.indexes and dim != "cycle"}
    unit = "person-years" if occupancy.attrs.get("unit") == "persons" else "person-years per person"
    return xr.DataArray(
        time,
        dims=[*ordered.dims[:-2], "year", "state"],
        coords=coords | {"year": np.arange(years)},
        name="state_time",
        attrs={"unit": unit, "cycles_per_year": int(cycles_per_year)},
    )
