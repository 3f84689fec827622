"""Time in state: a state unfolded into tunnels, one for each cycle of stay, and folded back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

import numpy as np
import xarray as xr

from costeff.cohort.labels import CellProblems, Moves, Value
from costeff.cohort.transitions import transition_matrix
from costeff.errors import ModelError

Tunnels = Mapping[str, int]  # cycles told apart in each unfolded state; the last holds all who stay longer


def tunnel_states(states: Sequence[str], tunnels: Tunnels) -> list[str]:
    """Ids of the unfolded states: `care` with 3 tunnels is `care[0]`, `care[1]` and `care[2]`.

    Raises
    ------
    ModelError
        For tunnels of an unknown state, or fewer than 1 of them.
    """
    problems = CellProblems()
    for state, length in tunnels.items():
        if state not in states:
            problems.add(f"tunnels {state}", "is an unknown state", f"the states are {', '.join(states)}")
        if not isinstance(length, int | np.integer) or length < 1:
            problems.add(f"tunnels {state}", f"{length!r} is not 1, 2, 3, ...", "say how many cycles to tell apart")
    problems.raise_if_any(ModelError, "The states cannot be unfolded")
    return [name for state in states for name in _names(state, tunnels)]


def residence_matrix(states: Sequence[str], moves: Moves, tunnels: Tunnels) -> xr.DataArray:
    """Transitions over unfolded states, in which leaving depends on how long a stay has lasted.

    Who moves into an unfolded state enters its first tunnel; who stays goes to the next, and from the last
    tunnel stays there. So in tunnel j a stay has lasted j whole cycles, in the last one that or more.

    Parameters
    ----------
    states
        Ids before unfolding.
    moves
        Probability of each move within a cycle, as for `transition_matrix`. A move out of an unfolded state
        may have the dim `residence` (0 .. length - 1), the whole cycles stayed so far.
    tunnels
        Length of each unfolded state.

    Returns
    -------
    DataArray (..., [cycle], state, to_state)

    Raises
    ------
    ModelError
        For `residence` on a state that is not unfolded, or other than 0 .. length - 1, and all that
        `transition_matrix` refuses, told by tunnel.
    """
    problems = CellProblems()
    unfolded = tunnel_states(states, tunnels)
    spread: dict[tuple[str, str], Value] = {}
    for (origin, target), value in moves.items():
        _check_residence(problems, f"move {origin} -> {target}", value, tunnels.get(origin))
        if origin == target:
            problems.add(f"move {origin} -> {target}", "staying is not a move", "leave it out: it is the complement")
    problems.raise_if_any(ModelError, "The moves do not fit the tunnels")
    for (origin, target), value in moves.items():
        into = _names(target, tunnels)[0]
        for stayed, name in enumerate(_names(origin, tunnels)):
            varies = isinstance(value, xr.DataArray) and "residence" in value.dims
            spread[name, into] = value.isel(residence=stayed, drop=True) if varies else value  # type: ignore[union-attr]
    matrix = transition_matrix(unfolded, spread)
    for state in tunnels:
        names = _names(state, tunnels)
        for here, there in pairwise(names):
            step = {"state": unfolded.index(here), "to_state": unfolded.index(there)}
            stay = step | {"to_state": step["state"]}
            matrix[step] = matrix[stay].values
            matrix[stay] = 0.0
    return matrix


def unfold_matrix(transitions: xr.DataArray, tunnels: Tunnels, clocks: Sequence[Collection[str]] = ()) -> xr.DataArray:
    """Transitions over unfolded states out of those over the states before, such as from yearly rates.

    Who stays in an unfolded state goes on to its next tunnel, who comes into it starts in its first. Moves
    are those of the folded states, the same in every tunnel; where they differ by `residence`, each tunnel
    takes its own. A person who leaves and comes back within one cycle counts as one who stayed.

    Parameters
    ----------
    transitions
        (..., [cycle], [residence], state, to_state), from `transition_matrix` or `transition_matrix_from_rates`.
    tunnels
        Length of each unfolded state; `residence` is 0 .. the longest less 1, shorter ones use its first part.
    clocks
        Groups of unfolded states that share a clock: a move within a group does not start the time anew, as
        when days in a service count as days of unemployment.

    Returns
    -------
    DataArray (..., [cycle], state, to_state)

    Raises
    ------
    ModelError
        For tunnels of an unknown state, and `residence` of another length or without tunnels.
    """
    states = [str(state) for state in transitions.indexes["state"]]
    unfolded = tunnel_states(states, tunnels)
    problems = CellProblems()
    longest = max(tunnels.values(), default=0)
    if "residence" in transitions.dims:
        _check_residence(problems, "transitions", transitions, longest or None)
    problems.raise_if_any(ModelError, "The transitions cannot be unfolded")
    if not tunnels:
        return transitions
    varies = "residence" in transitions.dims
    free = [dim for dim in transitions.dims if dim not in ("residence", "state", "to_state")]
    cells = transitions.transpose(*free, *(["residence"] if varies else []), "state", "to_state").values
    out = np.zeros((*cells.shape[: len(free)], len(unfolded), len(unfolded)))
    together = [{state, *(other for clock in clocks if state in clock for other in clock)} for state in states]
    for origin, state in enumerate(states):
        for stayed, name in enumerate(_names(state, tunnels)):
            moves = cells[..., stayed, origin, :] if varies else cells[..., origin, :]
            for target, other in enumerate(states):
                names = _names(other, tunnels)
                at = min(stayed + 1, len(names) - 1) if state in tunnels and other in together[origin] else 0
                out[..., unfolded.index(name), unfolded.index(names[at])] = moves[..., target]
    kept = {dim: transitions[dim].variable for dim in free if dim in transitions.indexes}
    coords = kept | {"state": unfolded, "to_state": unfolded}
    return xr.DataArray(
        out, dims=[*free, "state", "to_state"], coords=coords, name=transitions.name, attrs=transitions.attrs
    )


def unfold(values: xr.DataArray, tunnels: Tunnels) -> xr.DataArray:
    """The same value, such as a reward by `state`, for each tunnel of a state."""
    states = _states_of(values)
    tunnel_states(states, tunnels)
    places = [at for at, state in enumerate(states) for _ in _names(state, tunnels)]
    return values.isel(state=places).assign_coords(state=tunnel_states(states, tunnels))


def enter(start: xr.DataArray, tunnels: Tunnels) -> xr.DataArray:
    """A start or inflow by `state`, in which everyone stands in the first tunnel of their state."""
    first = {_names(state, tunnels)[0] for state in _states_of(start)}
    spread = unfold(start, tunnels)
    return spread.where(spread["state"].isin(sorted(first)), 0)


def fold(values: xr.DataArray, tunnels: Tunnels) -> xr.DataArray:
    """Sum occupancy or time over tunnels, back to the states before unfolding; the order of states is kept.

    Raises
    ------
    ModelError
        When a tunnel is missing.
    """
    here = _states_of(values)
    problems = CellProblems()
    owner = {name: state for state in tunnels for name in _names(state, tunnels)}
    for name in owner:
        if name not in here:
            cure = "fold what was traced with these tunnels"
            problems.add(f"tunnels {owner[name]}", f"{name} is no state of the values", cure)
    problems.raise_if_any(ModelError, "The tunnels cannot be folded")
    places: dict[str, list[int]] = {}
    for at, name in enumerate(here):
        places.setdefault(owner.get(name, name), []).append(at)
    parts = [values.isel(state=at).sum("state", skipna=False) for at in places.values()]
    folded: xr.DataArray = xr.concat(parts, dim=xr.Variable("state", list(places)), coords="minimal")
    return folded.transpose(*values.dims).assign_attrs(values.attrs).rename(values.name)


def _names(state: str, tunnels: Tunnels) -> list[str]:
    return [f"{state}[{stayed}]" for stayed in range(tunnels[state])] if state in tunnels else [state]


def _states_of(values: xr.DataArray) -> list[str]:
    if "state" not in values.indexes:
        raise ModelError("The values have no labelled dim `state`: give them by state")
    return [str(state) for state in values.indexes["state"]]


def _check_residence(problems: CellProblems, name: str, value: Value, length: int | None) -> None:
    if not isinstance(value, xr.DataArray) or "residence" not in value.dims:
        return
    size = value.sizes["residence"]
    if length is None:
        problems.add(name, "has the dim `residence`, and its state is not unfolded", "name the state in `tunnels`")
    elif size != length:
        problems.add(name, f"has {size} cycles of residence, the state {length} tunnels", "give one for each tunnel")
    elif "residence" in value.indexes and list(value.indexes["residence"]) != list(range(size)):
        problems.add(f"{name} residence", "is not 0, 1, 2, ...", "number the cycles of stay from 0 without gaps")
