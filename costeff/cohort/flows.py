"""Who moves from where to where in each cycle."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import xarray as xr

from costeff.cohort.labels import CellProblems, broadcast, check_labels, check_range, spread
from costeff.errors import ModelError


def flows(occupancy: xr.DataArray, transitions: xr.DataArray) -> xr.DataArray:
    """Persons who go from `state` to `to_state` in each cycle; on the diagonal, those who stay.

    Over `to_state` it sums to the occupancy at the start of the cycle, and over `state` to that at its end
    (less those who came by inflow). It has as many cells as there are cycles times states squared: `accrue`
    counts rewards by move without holding them.

    Where `transitions` come from yearly rates, a cycle may hold several moves of one person. A flow then
    tells where they stand at the end, not each state they passed.

    Parameters
    ----------
    occupancy
        (..., cycle, state) from `trace`, cycles 0 .. n.
    transitions
        Those of the trace, with or without `cycle` (0 .. n-1).

    Returns
    -------
    DataArray (..., cycle, state, to_state) in the unit of `occupancy`; `cycle` is 0 .. n-1

    Raises
    ------
    ModelError
        For arrays that are not of one trace: other states, cycles or labels, or dims the occupancy lacks.
    """
    problems = CellProblems()
    if "cycle" not in occupancy.dims or "state" not in occupancy.indexes:
        problems.add("occupancy", "lacks the dim `cycle` or labelled `state`", "make it with trace")
    else:
        check_flows(problems, occupancy, transitions)
    problems.raise_if_any(ModelError, "Flows cannot be counted")
    dims, _, coords = broadcast([occupancy])
    dims = [dim for dim in dims if dim not in ("cycle", "state")]
    points = np.moveaxis(spread(occupancy, dims, ["cycle", "state"]), (-2, -1), (0, 1))
    values = points[:-1, :, None] * moved(transitions, dims)
    kept = {dim: coords[dim] for dim in dims if dim in coords}
    states = {"state": coords["state"], "to_state": list(occupancy.indexes["state"])}
    return xr.DataArray(
        np.moveaxis(values, (0, 1, 2), (-3, -2, -1)),
        dims=[*dims, "cycle", "state", "to_state"],
        coords=kept | {"cycle": np.arange(len(values))} | states,
        name="flows",
        attrs={"unit": occupancy.attrs.get("unit", "share of the cohort")},
    )


def moved(transitions: xr.DataArray, dims: Sequence[Hashable]) -> np.ndarray:
    """Probabilities (cycle, state, to_state, ...), with one cycle where they are constant."""
    varying = ["cycle"] if "cycle" in transitions.dims else []
    last = [*varying, "state", "to_state"]
    cells = np.moveaxis(spread(transitions, dims, last), range(-len(last), 0), range(len(last)))
    return cells if varying else cells[None]


def check_flows(problems: CellProblems, occupancy: xr.DataArray, transitions: xr.DataArray) -> None:
    """Note what shows that the transitions are not those of the trace."""
    for dim in ("state", "to_state"):
        if dim not in transitions.indexes:
            problems.add("transitions", f"lack a labelled dim `{dim}`", "make them with transition_matrix")
        elif not transitions.indexes[dim].equals(occupancy.indexes["state"]):
            rule = f"`{dim}` is not the states of the occupancy"
            problems.add("transitions", rule, "give the transitions of the same trace")
    cycles = occupancy.sizes["cycle"] - 1
    if transitions.sizes.get("cycle", cycles) != cycles:
        rule = f"have {transitions.sizes['cycle']} cycles, the occupancy {cycles}"
        problems.add("transitions", rule, "give the transitions of the same trace")
    for extra in transitions.dims:
        if extra not in occupancy.dims and extra != "to_state":
            problems.add(f"transitions {extra}", "is a dim that the occupancy lacks", "trace with these transitions")
    check_labels(problems, {"occupancy": occupancy, "transitions": transitions}, skip=("cycle", "state", "to_state"))
    check_range(problems, "transitions", transitions, 0, 1 + 1e-9)
