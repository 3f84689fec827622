"""Background mortality of an ageing cohort, from a life table."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import xarray as xr

from costeff.cohort.labels import CellProblems, Value, broadcast, check_labels, check_range, spread
from costeff.cohort.rates import probability_from_rate
from costeff.errors import ModelError


def death_probabilities(life_table: xr.DataArray, start_age: Value, cycles: int, cycles_per_year: int) -> xr.DataArray:
    """Probability of dying in each cycle while the cohort ages.

    In cycle c the age is `start_age + c / cycles_per_year`, in whole years rounded down, and the rate of
    that age holds: 1 - exp(-rate / cycles_per_year).

    Parameters
    ----------
    life_table
        Deaths per person-year by `age` (whole years without gaps) and any other dims, such as `sex`. For a
        group with excess mortality, multiply the table by its ratio. `probability_from_rate` is the way from
        rates to the q(x) of a table, and `rate_from_probability` the way back.
    start_age
        Years at cycle 0; a number, or by `group`.
    cycles, cycles_per_year
        Such as 80 quarters: 80 and 4.

    Returns
    -------
    DataArray (..., cycle), probability per cycle

    Raises
    ------
    ModelError
        For ages before the table's first or past its last, rates below 0 or missing, ages with gaps.
    """
    problems = CellProblems()
    ages_at = start_age if isinstance(start_age, xr.DataArray) else xr.DataArray(float(start_age))
    if "age" not in life_table.indexes or (np.diff(life_table.indexes["age"].to_numpy()) != 1).any():
        problems.add("life_table", "has no labelled dim `age` in whole years without gaps", "give each age once")
    for name, number in (("cycles", cycles), ("cycles_per_year", cycles_per_year)):
        if not isinstance(number, int | np.integer) or number < 1:
            problems.add(name, f"{number!r} is not 1, 2, 3, ...", "give a whole number")
    check_range(problems, "life_table", life_table, 0, np.finfo(float).max)
    check_range(problems, "start_age", ages_at, 0, np.finfo(float).max)
    check_labels(problems, {"life_table": life_table, "start_age": ages_at})
    problems.raise_if_any(ModelError, "There is no background mortality")
    time = xr.DataArray(np.arange(cycles) / cycles_per_year, dims="cycle", coords={"cycle": np.arange(cycles)})
    age: xr.DataArray = xr.apply_ufunc(np.floor, ages_at + time + 1e-9)  # or 39.7 + 3 / 10 would be 39
    _check_ages(problems, age, life_table)
    problems.raise_if_any(ModelError, "There is no background mortality")
    at = (age - life_table.indexes["age"][0]).astype(int)
    rate = life_table.drop_vars("age").isel(age=at)
    return probability_from_rate(rate, 1 / cycles_per_year).transpose(..., "cycle").rename("death")


def add_death(transitions: xr.DataArray, death: xr.DataArray, dead: str = "dead") -> xr.DataArray:
    """Transitions in which everyone may also die of other causes: they live through the cycle, then move.

    Each probability is multiplied by 1 - death, and death is added to that of going to `dead`. Deaths
    already in the transitions stay: those have to be of the disease alone, or they would be counted twice.

    Parameters
    ----------
    transitions
        (..., [cycle], state, to_state) from `transition_matrix`.
    death
        Probability per cycle, from `death_probabilities`: any dims, with `cycle` if it changes, and with
        `state` if it differs by state.
    dead
        Id of the state of the dead; it is added as the last where it is missing, and is absorbing.

    Returns
    -------
    DataArray (..., [cycle], state, to_state)

    Raises
    ------
    ModelError
        For a probability out of 0 to 1, labels that differ, and a state of the dead that can be left.
    """
    problems = CellProblems()
    if any(dim not in transitions.indexes for dim in ("state", "to_state")):
        raise ModelError("The transitions lack a labelled dim `state` or `to_state`: make them with transition_matrix")
    check_range(problems, "death", death, 0, 1)
    states = list(transitions.indexes["state"])
    living = [state for state in states if state != dead]
    if dead in states and (transitions.sel(state=dead, to_state=dead) != 1).any():
        problems.add(f"transitions at state {dead}", "can be left", "let the dead stay dead")
    by_state = death.sel(state=living) if "state" in death.dims and set(living) <= set(death["state"].values) else death
    alive = transitions.sel(state=living)
    check_labels(problems, {"transitions": alive, "death": by_state}, skip=("to_state",))
    problems.raise_if_any(ModelError, "Death cannot be added to the transitions")
    order = states if dead in states else [*states, dead]
    return _with_death(transitions, death, order, dead)


def with_dead(values: xr.DataArray, dead: str = "dead") -> xr.DataArray:
    """A start, inflow or reward by `state` that has 0 for the dead, as the last state where it is missing."""
    if "state" not in values.indexes:
        raise ModelError("The values have no labelled dim `state`: give them by state")
    states = list(values.indexes["state"])
    return values if dead in states else values.reindex(state=[*states, dead], fill_value=0)


def _with_death(transitions: xr.DataArray, death: xr.DataArray, states: list[str], dead: str) -> xr.DataArray:
    dims, sizes, coords = broadcast([transitions, death])
    free = [dim for dim in dims if dim not in ("cycle", "state", "to_state")]
    lead: list[Hashable] = [*free, *(["cycle"] if "cycle" in dims else [])]
    cells = np.zeros((*(sizes[dim] for dim in lead), len(states), len(states)))
    here = np.array([states.index(state) for state in transitions.indexes["state"]])
    moves = spread(transitions, lead, ["state", "to_state"])
    cells[..., here[:, None], here] = moves
    p = np.zeros((*(1 for _ in lead), len(states))) + spread(_for_states(death, states, dead), lead, ["state"])
    p[..., states.index(dead)] = 0
    cells *= (1 - p)[..., None]
    cells[..., states.index(dead)] += p
    cells[..., states.index(dead), states.index(dead)] = 1
    kept = {dim: coords[dim] for dim in lead if dim in coords} | {"state": states, "to_state": states}
    named = [*lead, "state", "to_state"]
    return xr.DataArray(cells, dims=named, coords=kept, name="transitions", attrs={"unit": "probability per cycle"})


def _for_states(death: xr.DataArray, states: list[str], dead: str) -> xr.DataArray:
    """Death by state, whether or not it was given so; 0 for the dead."""
    if "state" not in death.dims:
        return death.expand_dims(state=states)
    return death.sel(state=[state for state in states if state != dead]).reindex(state=states, fill_value=0)


def _check_ages(problems: CellProblems, age: xr.DataArray, life_table: xr.DataArray) -> None:
    first, last = int(life_table.indexes["age"][0]), int(life_table.indexes["age"][-1])
    past, before = (age > last).values, (age < first).values
    cure = f"end after fewer cycles, or give rates past age {last}"
    problems.add_cells("age", age, past, f"{{}} is past {last}, the life table's last", cure)
    problems.add_cells("age", age, before, f"{{}} is before {first}, the life table's first", "give the younger ages")
