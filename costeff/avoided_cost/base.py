"""What all avoided-cost models share: the run of a cohort under each option, and the step from time to euros."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import xarray as xr

from costeff.cohort import (
    CellProblems,
    Moves,
    check_labels,
    check_range,
    rate_from_probability,
    state_time,
    trace_phases,
    transition_matrix_from_rates,
)
from costeff.cohort.labels import ROW_TOLERANCE
from costeff.errors import ModelError

_CERTAIN = np.nextafter(1.0, 0.0)  # the largest probability below one


class Domain(StrEnum):
    """What values a parameter may take."""

    PROBABILITY = "probability"  # 0 to 1, within a year
    RATE = "rate"  # 0 or more per person-year
    DURATION = "duration"  # years, above 0


def rate_within(p: xr.DataArray, years: float) -> xr.DataArray:
    """Yearly rate at which an event has probability `p` within `years`, finite also where `p` is 1.

    A probability of 1 says that the event happens in that time, not that it happens at once: the rate
    is then that of the largest number below 1, about 37 in `years`.
    """
    return rate_from_probability(p.clip(max=_CERTAIN), years)


@dataclass(frozen=True)
class AvoidedCostModel:
    """A multi-state cohort whose priced states a service can keep people out of.

    Attributes
    ----------
    id
        Word by which a chain names the model.
    states
        Ids of the states; everyone starts in the first.
    items
        The states that have a price.
    domains
        The inputs the model needs, and what values each may take.
    rates
        From the yearly rate of the entry event and the inputs, the moves per person-year.
    cycles_per_year
        Cycles are quarters unless said otherwise.
    """

    id: str
    states: tuple[str, ...]
    items: tuple[str, ...]
    domains: Mapping[str, Domain]
    rates: Callable[[xr.DataArray, xr.Dataset], Moves]
    cycles_per_year: int = 4

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the inputs that `run` needs."""
        return tuple(self.domains)

    @property
    def moves(self) -> dict[tuple[str, str], str]:
        """Every move and what drives it: the event of the outcome model, or a parameter."""
        given = {"event": xr.DataArray(1.0), **{name: xr.DataArray(0.5) for name in self.parameters}}
        before = self._rates_of(given)
        found = {}
        for move, rate in before.items():
            other = {name: self._rates_of({**given, name: xr.DataArray(0.25)})[move] for name in given}
            found[move] = ", ".join(name for name, changed in other.items() if not np.array_equal(changed, rate))
        return found

    def _rates_of(self, given: dict[str, xr.DataArray]) -> Moves:
        inputs = xr.Dataset({name: given[name] for name in self.parameters})
        return self.rates(given["event"], inputs)

    def _repr_html_(self) -> str:
        from costeff.avoided_cost.diagram import diagram

        return diagram(self.id.replace("_", " "), self.states, self.moves, self.items)

    def run(
        self,
        risk: xr.DataArray,
        later_risk: xr.DataArray,
        inputs: xr.Dataset,
        years: int,
        effect_years: float = 1,
    ) -> xr.Dataset:
        """Occupancy and time in states of one person, by option.

        Parameters
        ----------
        risk
            (option, draw, ...) probability that the entry event happens within the first `effect_years`.
        later_risk
            Probability per year of the entry event after that; the same dims, with or without `option`.
        inputs
            One variable for each of `parameters`, over `draw` or scalar.
        years
            How many years to run.
        effect_years
            How long `risk` holds: whole cycles, such as 0.5, 1 or 2.

        Returns
        -------
        Dataset with `occupancy` (option, draw, ..., cycle, state) and `state_time`
        (option, draw, ..., year, state), person-years per person.

        Raises
        ------
        ModelError
            For values out of range or missing, inputs the model lacks or does not know, labels that
            differ, and times that are not whole cycles.
        """
        cycle = 1 / self.cycles_per_year
        effect_cycles = self._check(risk, later_risk, inputs, years, effect_years)
        cycles = years * self.cycles_per_year
        phases: list[tuple[xr.DataArray, int | None]] = []
        entry = rate_within(risk, effect_years)
        first = transition_matrix_from_rates(self.states, self.rates(entry, inputs), cycle)
        phases.append((first, min(effect_cycles, cycles)))
        if cycles > effect_cycles:
            later = rate_within(later_risk, 1)
            second = transition_matrix_from_rates(self.states, self.rates(later, inputs), cycle)
            phases.append((second, cycles - effect_cycles))
        at_start = [1.0] + [0.0] * (len(self.states) - 1)
        start = xr.DataArray(at_start, dims="state", coords={"state": list(self.states)})
        occupancy = trace_phases(start, phases)
        attrs = {"model": self.id, "cycles_per_year": self.cycles_per_year, "effect_years": float(effect_years)}
        time = state_time(occupancy, self.cycles_per_year)
        return xr.Dataset({"occupancy": occupancy, "state_time": time}, attrs=attrs)

    def _check(
        self, risk: xr.DataArray, later_risk: xr.DataArray, inputs: xr.Dataset, years: int, effect_years: float
    ) -> int:
        """The number of cycles for which `risk` holds."""
        problems = CellProblems()
        check_range(problems, "risk", risk, 0, 1)
        check_range(problems, "later_risk", later_risk, 0, 1)
        for name, domain in self.domains.items():
            if name not in inputs:
                problems.add(f"inputs {name}", "is missing", f"{self.id} needs {', '.join(self.parameters)}")
                continue
            high = 1 if domain is Domain.PROBABILITY else np.finfo(float).max
            check_range(problems, name, inputs[name], 0, high, above=domain is Domain.DURATION)
        for unknown in set(inputs.data_vars) - set(self.domains):
            cure = f"{self.id} needs {', '.join(self.parameters)}, and no more"
            problems.add(f"inputs {unknown}", "is unknown", cure)
        check_labels(problems, {"risk": risk, "later_risk": later_risk, "inputs": inputs})
        if not isinstance(years, int | np.integer) or years < 1:
            problems.add("years", f"{years!r} is not 1, 2, 3, ...", "give whole years")
        effect_cycles = round(effect_years * self.cycles_per_year) if math.isfinite(effect_years) else 0
        if effect_cycles < 1 or not math.isclose(effect_cycles, effect_years * self.cycles_per_year):
            rule = f"{effect_years} years are not whole cycles, of which a year has {self.cycles_per_year}"
            problems.add("effect_years", rule, f"use a multiple of {1 / self.cycles_per_year:g}")
        problems.raise_if_any(ModelError, f"The model {self.id} cannot be run")
        return effect_cycles


def cash(
    state_time: xr.DataArray,
    price: xr.DataArray | xr.Dataset,
    payer_weights: xr.DataArray,
    cashable: xr.DataArray,
) -> xr.Dataset:
    """Euros of the time in priced states: at the full average price, and the part a payer can stop paying.

    Parameters
    ----------
    state_time
        (..., year, state) person-years.
    price
        EUR per person-year by `item`, the id of a priced state, and `draw`; or a Dataset of one variable per item.
    payer_weights
        (item, payer, year, ...) the share that each payer pays; sums to one over payers.
    cashable
        (item, draw, year) the share of the price that stops when the time is avoided, 0 to 1.

    Returns
    -------
    Dataset with `average` and `cashable` (..., payer, year), EUR, undiscounted; the sum over payers
    is the price of all the time.

    Raises
    ------
    ModelError
        For a price below 0, shares out of 0 to 1 or not summing to one, values missing, items that are
        not states, labels that differ.
    """
    prices = price.to_dataarray("item") if isinstance(price, xr.Dataset) else price
    _check_cash(state_time, prices, payer_weights, cashable)
    items = list(prices["item"].values)
    time = state_time.sel(state=items).rename(state="item").drop_attrs()
    euros = time * prices
    parts = {"average": euros, "cashable": euros * cashable}
    # Sums of products, not einsum: its vector lanes round differently, and equal arms have to be exactly equal.
    shared = {name: (part * payer_weights).sum("item", skipna=False) for name, part in parts.items()}
    carried = {key: price.attrs[key] for key in ("price_set", "price_year", "sources") if key in price.attrs}
    for values in shared.values():
        values.attrs = {"unit": "EUR", **carried}
    return xr.Dataset(shared, attrs=carried).transpose(..., "payer", "year")


def _check_cash(time: xr.DataArray, prices: xr.DataArray, payer_weights: xr.DataArray, cashable: xr.DataArray) -> None:
    problems = CellProblems()
    arrays = {"state_time": time, "price": prices, "payer_weights": payer_weights, "cashable": cashable}
    needs = {
        "state_time": ("year", "state"),
        "price": ("item",),
        "payer_weights": ("item", "payer", "year"),
        "cashable": ("item", "year"),
    }
    for name, dims in needs.items():
        for dim in dims:
            if dim not in arrays[name].indexes:
                problems.add(name, f"has no labelled dim `{dim}`", f"it needs {', '.join(dims)}")
    problems.raise_if_any(ModelError, "Time cannot be priced")
    unknown = [item for item in prices["item"].values if item not in time.indexes["state"]]
    for item in unknown:
        problems.add(f"price {item}", "is no state", f"the states are {', '.join(time.indexes['state'])}")
    check_labels(problems, arrays)
    check_range(problems, "state_time", time, 0, np.finfo(float).max)
    check_range(problems, "price", prices, 0, np.finfo(float).max)
    check_range(problems, "payer_weights", payer_weights, 0, 1)
    check_range(problems, "cashable", cashable, 0, 1)
    total = payer_weights.sum("payer", skipna=False)
    off = np.abs(total.values - 1) > ROW_TOLERANCE
    problems.add_cells("payer_weights", total, off, "sum to {} over payers, not to 1", "every euro has a payer")
    problems.raise_if_any(ModelError, "Time cannot be priced")
