"""Transition matrices of one cycle, from probabilities or from yearly rates."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import xarray as xr

from costeff.cohort.labels import ROW_TOLERANCE, CellProblems, Moves, broadcast, check_labels, check_range, spread
from costeff.errors import ModelError

_TERMS = 20  # of the Poisson series with mean at most 1: the rest is below 1e-19
_BLOCK = 1024  # matrices at a time: their work fits the cache of a processor


def transition_matrix(states: Sequence[str], moves: Moves) -> xr.DataArray:
    """Probabilities of one cycle; staying is the explicit complement of the moves.

    Parameters
    ----------
    states
        Ids, in the order of the result.
    moves
        Probability of going from one state to another within a cycle; scalars or labelled arrays,
        which may have the dim `cycle`. A move that is not named has probability 0.

    Returns
    -------
    DataArray (..., [cycle], state, to_state)

    Raises
    ------
    ModelError
        For a move out of 0 to 1, moves out of a state that exceed 1, unknown states, labels that differ.
    """
    filled, coords, dims = _fill_moves(states, moves, high=1.0, title="The moves make no transition matrix")
    return _with_staying(filled, coords, dims)


def transition_matrix_from_rates(states: Sequence[str], rates: Moves, years: float) -> xr.DataArray:
    """Probabilities over a cycle of `years`, when moves happen at constant yearly `rates`.

    The matrix exponential, so that a person who enters a state and leaves it within one cycle is
    counted in neither too long nor too short: with moves turned one by one into probabilities,
    each stay would last about half a cycle too long.

    Parameters
    ----------
    states
        Ids, in the order of the result.
    rates
        Moves per person-year; scalars or labelled arrays, which may have the dim `cycle`.
    years
        Length of a cycle, such as 0.25.

    Returns
    -------
    DataArray (..., [cycle], state, to_state)

    Raises
    ------
    ModelError
        For a rate below 0, missing or infinite, unknown states, labels that differ.
    """
    title = "The rates make no transition matrix"
    problems = CellProblems()
    check_range(problems, "years", years, 0, np.finfo(float).max, above=True)
    problems.raise_if_any(ModelError, title)
    filled, coords, dims = _fill_moves(states, rates, high=np.finfo(float).max, title=title)
    leading = np.ascontiguousarray(np.moveaxis(filled, (-2, -1), (0, 1)))
    moved = np.moveaxis(_exponential(leading * years), (0, 1), (-2, -1))
    return _with_staying(moved, coords, dims)


def _exponential(rates: np.ndarray) -> np.ndarray:
    """Off-diagonal part of the exponential of an intensity matrix (from, to, ...); no cancellation anywhere.

    Uniformisation over a step short enough, then squaring; both add and multiply numbers >= 0 only.
    """
    fastest = float(rates.sum(axis=1).max(initial=0.0))
    if fastest == 0:
        return rates
    flat = rates.reshape(len(rates), len(rates), -1)
    out = np.empty_like(flat)
    for start in range(0, flat.shape[-1], _BLOCK):
        some = slice(start, start + _BLOCK)
        out[..., some] = _exponential_of(flat[..., some], fastest)
    return out.reshape(rates.shape)


def _exponential_of(rates: np.ndarray, fastest: float) -> np.ndarray:
    """The same for a block small enough for the processor's cache; `fastest` is the highest rate of all blocks."""
    halvings = max(0, int(np.ceil(np.log2(fastest))))
    mean = fastest / 2**halvings
    jump = rates / fastest
    diagonal = np.arange(len(rates))
    jump[diagonal, diagonal] = 1 - rates.sum(axis=1) / fastest
    result, other, part = np.zeros_like(jump), np.empty_like(jump), np.empty_like(jump)
    result[diagonal, diagonal] = 1
    for term in range(_TERMS, 0, -1):  # Horner's rule over exp(-mean) * mean**n / n! * jump**n
        result, other = _product(jump, result, other, part), result
        result *= mean / term
        result[diagonal, diagonal] += 1
    result *= np.exp(-mean)
    for _ in range(halvings):
        _complete(result)  # or each squaring would double the rounding in the row sums
        result, other = _product(result, result, other, part), result
    result[diagonal, diagonal] = 0
    return result


def _complete(matrix: np.ndarray) -> None:
    """Set the diagonal of (from, to, ...) to what the moves leave over."""
    diagonal = np.arange(len(matrix))
    matrix[diagonal, diagonal] = 0
    matrix[diagonal, diagonal] = np.maximum(1 - matrix.sum(axis=1), 0)


def _product(left: np.ndarray, right: np.ndarray, out: np.ndarray, part: np.ndarray) -> np.ndarray:
    """The product of matrices (from, to, ...), in `out`; `part` is room to work in."""
    # Not einsum: its vector lanes round differently, and equal arms have to give exactly equal results.
    np.multiply(left[:, 0, None], right[None, 0], out=out)
    for through in range(1, len(left)):
        np.multiply(left[:, through, None], right[None, through], out=part)
        out += part
    return out


def _fill_moves(
    states: Sequence[str], moves: Moves, high: float, title: str
) -> tuple[np.ndarray, dict[Hashable, object], list[Hashable]]:
    problems = CellProblems()
    arrays = {f"move {a} -> {b}": v for (a, b), v in moves.items() if isinstance(v, xr.DataArray)}
    if len(set(states)) != len(states) or not states:
        problems.add("states", f"{list(states)} are none, or not all different", "name each state once")
    for (origin, target), value in moves.items():
        name = f"move {origin} -> {target}"
        for state in (origin, target):
            if state not in states:
                problems.add(name, f"unknown state {state!r}", f"the states are {', '.join(states)}")
        if origin == target:
            problems.add(name, "staying is not a move", "leave it out: it is the complement of the moves")
        check_range(problems, name, value, 0, high)
    check_labels(problems, arrays)
    problems.raise_if_any(ModelError, title)
    dims, sizes, coords = broadcast(arrays.values())
    dims = [*(dim for dim in dims if dim != "cycle"), *(dim for dim in dims if dim == "cycle")]
    filled = np.zeros((*(sizes[dim] for dim in dims), len(states), len(states)))
    for (origin, target), value in moves.items():
        cells = spread(value, dims) if isinstance(value, xr.DataArray) else value
        filled[..., states.index(origin), states.index(target)] = cells
    coords |= {"state": list(states), "to_state": list(states)}
    return filled, coords, [*dims, "state", "to_state"]


def _with_staying(moved: np.ndarray, coords: dict[Hashable, object], dims: list[Hashable]) -> xr.DataArray:
    staying = 1 - moved.sum(axis=-1)
    problems = CellProblems()
    if (staying < -ROW_TOLERANCE).any():
        row_coords = {name: labels for name, labels in coords.items() if name != "to_state"}
        rows = xr.DataArray(1 - staying, dims=dims[:-1], coords=row_coords)
        problems.add_cells("moves", rows, staying < -ROW_TOLERANCE, "leave the state with probability {}, more than 1")
    problems.raise_if_any(ModelError, "The moves make no transition matrix")
    diagonal = np.arange(moved.shape[-1])
    moved[..., diagonal, diagonal] = np.maximum(staying, 0)
    return xr.DataArray(moved, dims=dims, coords=coords, name="transitions", attrs={"unit": "probability per cycle"})
