"""What all avoided-cost models share: the run of a cohort under each option."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

import numpy as np
import xarray as xr

from costeff.avoided_cost.effect import Persistence, check_course, course, rate_within
from costeff.cohort import (
    CellProblems,
    Moves,
    Value,
    check_labels,
    check_range,
    enter,
    fold,
    state_time,
    trace_phases,
    transition_matrix_from_rates,
    tunnel_states,
    unfold_matrix,
)
from costeff.cohort.labels import spread
from costeff.errors import ModelError
from costeff.shown import Shows, lines, table, titled


class Domain(StrEnum):
    """What values a parameter may take."""

    PROBABILITY = "probability"  # 0 to 1: within a year, or a share
    RATE = "rate"  # 0 or more per person-year
    DURATION = "duration"  # years, above 0
    RATIO = "ratio"  # 0 or more


@dataclass(frozen=True)
class AvoidedCostModel(Shows):
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
        From the yearly rate of the event and the inputs, the moves per person-year.
    event
        What a risk tells: that a move happens ("happens"), or that clients have stayed ("fails"), so that
        the move that the model calls the event is the one away. A lower risk is the better one in both.
    kept_out
        The priced states that a service is to keep people out of; all of `items` unless said.
    entered
        States into which the moves are counted, for what is priced or follows by entry.
    tunnels
        States in which the time stayed is told apart, and for how many cycles.
    clocks
        Groups of such states between which the time runs on.
    stayed
        The input that says how many years the first stay had lasted when the clients start.
    cycles_per_year
        Cycles are quarters unless said otherwise.
    """

    id: str
    states: tuple[str, ...]
    items: tuple[str, ...]
    domains: Mapping[str, Domain]
    rates: Callable[[xr.DataArray, xr.Dataset], Moves]
    event: Literal["happens", "fails"] = "happens"
    kept_out: tuple[str, ...] = ()
    entered: tuple[str, ...] = ()
    tunnels: Mapping[str, int] = field(default_factory=dict)
    clocks: tuple[tuple[str, ...], ...] = ()
    stayed: str | None = None
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
        others = {name: self._rates_of({**given, name: xr.DataArray(0.25)}) for name in given}
        return {
            move: ", ".join(name for name, other in others.items() if not np.array_equal(other[move], rate))
            for move, rate in before.items()
        }

    def _rates_of(self, given: dict[str, xr.DataArray]) -> Moves:
        inputs = xr.Dataset({name: given[name] for name in self.parameters})
        return self.rates(given["event"], inputs)

    def _html(self) -> str:
        from costeff.avoided_cost.diagram import diagram

        title = self.id.replace("_", " ")
        drawn = diagram(title, self.states, self.moves, self.items)
        return titled(title, drawn, table(self._inputs(), "The numbers it needs, in params/transitions/"))

    def _plain(self) -> str:
        moves = [{"from": a, "to": b, "driven by": by} for (a, b), by in self.moves.items()]
        priced = f"priced: {', '.join(self.items)}"
        return "\n".join([lines(moves, self.id), priced, lines(self._inputs())])

    def _inputs(self) -> list[dict[str, str]]:
        return [{"number": name, "is a": domain.value} for name, domain in self.domains.items()]

    def event_rate(self, risk: xr.DataArray, years: float) -> xr.DataArray:
        """Yearly rate of the event that gives `risk` within `years`."""
        return rate_within(risk if self.event == "happens" else 1 - risk, years)

    def run(
        self,
        risk: xr.DataArray,
        later_risk: xr.DataArray,
        inputs: xr.Dataset,
        years: int,
        effect_years: float = 1,
        *,
        persistence: Persistence = "stops",
        half_life_years: Value | None = None,
        baseline_years: float = 0,
        start: str | None = None,
    ) -> xr.Dataset:
        """Occupancy, time in states and moves into them of one person, by option.

        Parameters
        ----------
        risk
            (option, draw, ...) probability that the event happens (or fails to) within the first `effect_years`.
        later_risk
            Probability per year of the same after that; the same dims, with or without `option`.
        inputs
            One variable for each of `parameters`, over `draw` or scalar.
        years
            How many years to run.
        effect_years
            How long `risk` holds: whole cycles, such as 0.5, 1 or 2.
        persistence
            What becomes of the effect after that: it stops, wanes with `half_life_years`, or lasts; see `course`.
        baseline_years
            For how long, from the start, the usual service keeps the rate of the follow-up before it meets
            `later_risk`; not at all beyond the follow-up unless said.
        start
            The state everyone starts in, for other clients than those of the model: the first unless said.

        Returns
        -------
        Dataset with `occupancy` (option, draw, ..., cycle, state), `state_time` (option, draw, ..., year,
        state), person-years per person, and where asked for `entries` (..., year, entered), moves per person,
        and `stay_time` (..., year, tunnel), the time of unfolded states by how long the stay has lasted.

        Raises
        ------
        ModelError
            For values out of range or missing, inputs the model lacks or does not know, labels that
            differ, and times that are not whole cycles.
        """
        effect_cycles = self._check(risk, later_risk, inputs, years, effect_years, start)
        problems = CellProblems()
        check_course(problems, risk, later_risk, persistence, half_life_years)
        check_range(problems, "baseline_years", baseline_years, 0, np.finfo(float).max)
        problems.raise_if_any(ModelError, f"The model {self.id} cannot be run")
        first, later = self.event_rate(risk, effect_years), self.event_rate(later_risk, 1)
        known = round(baseline_years * self.cycles_per_year)
        cycles = (effect_cycles, known, years * self.cycles_per_year)
        legs = course(first, later, cycles, self.cycles_per_year, persistence, half_life_years)
        moves = [(self.rates(rate, inputs), count) for rate, count in legs]
        unfolded = trace_phases(self._start(inputs, start), [(self._matrix(rates), n) for rates, n in moves])
        unfolded = unfolded.transpose(*risk.dims, ..., "cycle", "state")  # whatever the order of the moves
        occupancy = fold(unfolded, self.tunnels) if self.tunnels else unfolded
        out = {"occupancy": occupancy, "state_time": state_time(occupancy, self.cycles_per_year)}
        if self.entered:
            out["entries"] = self._entries(occupancy, moves)
        if self.tunnels:
            inside = [name for name in unfolded.indexes["state"] if name not in self.states]
            stays = state_time(unfolded.sel(state=inside), self.cycles_per_year)
            out["stay_time"] = stays.rename(state="tunnel")
        attrs = {
            "model": self.id,
            "cycles_per_year": self.cycles_per_year,
            "effect_years": float(effect_years),
            "persistence": persistence,
        }
        return xr.Dataset(out, attrs=attrs)

    def _matrix(self, rates: Moves) -> xr.DataArray:
        folded = transition_matrix_from_rates(self.states, rates, 1 / self.cycles_per_year)
        return unfold_matrix(folded, self.tunnels, self.clocks)

    def _start(self, inputs: xr.Dataset, start: str | None) -> xr.DataArray:
        """Everyone in one state; where its tunnels tell the time stayed, in those of the time stayed so far."""
        first = start or self.states[0]
        whole = xr.DataArray([float(state == first) for state in self.states], {"state": list(self.states)}, "state")
        if first not in self.tunnels or self.stayed is None:
            return enter(whole, self.tunnels) if self.tunnels else whole
        place = (inputs[self.stayed] * self.cycles_per_year).clip(max=self.tunnels[first] - 1)
        names = tunnel_states(self.states, self.tunnels)
        at = xr.DataArray(np.arange(len(names)) - names.index(f"{first}[0]"), {"state": names}, "state")
        return (1 - abs(place - at)).clip(min=0).transpose(..., "state")

    def _entries(self, occupancy: xr.DataArray, phases: list[tuple[Moves, int]]) -> xr.DataArray:
        """Moves into each state of `entered`: person-time where they come from, times the rate."""
        n, done = self.cycles_per_year, 0
        dims = [dim for dim in occupancy.dims if dim not in ("cycle", "state")]
        points = occupancy.transpose("cycle", "state", *dims).values
        there = (points[1:] + points[:-1]) / (2 * n)
        flows = np.zeros((len(there), len(self.entered), *there.shape[2:]))
        for rates, count in phases:
            for (origin, target), rate in rates.items():
                if target in self.entered:
                    per_year = spread(rate, dims) if isinstance(rate, xr.DataArray) else rate
                    during = slice(done, done + count)
                    flows[during, self.entered.index(target)] += there[during, self.states.index(origin)] * per_year
            done += count
        yearly = flows.reshape(done // n, n, *flows.shape[1:]).sum(axis=1)
        known = {dim: occupancy[dim].variable for dim in dims if dim in occupancy.indexes}
        coords = {**known, "year": np.arange(done // n), "entered": list(self.entered)}
        found = xr.DataArray(yearly, coords, ["year", "entered", *dims], "entries", {"unit": "moves per person"})
        return found.transpose(*dims, "year", "entered")

    def _check(
        self,
        risk: xr.DataArray,
        later_risk: xr.DataArray,
        inputs: xr.Dataset,
        years: int,
        effect_years: float,
        start: str | None,
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
        if start is not None and start not in self.states:
            problems.add("start", f"{start!r} is no state", f"the states are {', '.join(self.states)}")
        if not isinstance(years, int | np.integer) or years < 1:
            problems.add("years", f"{years!r} is not 1, 2, 3, ...", "give whole years")
        effect_cycles = round(effect_years * self.cycles_per_year) if math.isfinite(effect_years) else 0
        if effect_cycles < 1 or not math.isclose(effect_cycles, effect_years * self.cycles_per_year):
            rule = f"{effect_years} years are not whole cycles, of which a year has {self.cycles_per_year}"
            problems.add("effect_years", rule, f"use a multiple of {1 / self.cycles_per_year:g}")
        problems.raise_if_any(ModelError, f"The model {self.id} cannot be run")
        return effect_cycles
