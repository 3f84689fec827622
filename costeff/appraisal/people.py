"""The clients of a traced figure: their risks, and the time they spend in states, down to fits and numbers drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import xarray as xr

from costeff.appraisal import leaves
from costeff.appraisal.assembly import Shared
from costeff.appraisal.cohorts import Cohorts
from costeff.appraisal.linked import published_effect
from costeff.appraisal.request import BASELINE, LATER
from costeff.appraisal.tree import Fact, Traced, difference, made, product, total
from costeff.avoided_cost import AvoidedCostModel
from costeff.cohort import apply_hazard_ratio, probability_from_rate, rate_from_probability
from costeff.draws import OPTIONS, USUAL, thin
from costeff.outcomes import Fit
from costeff.params.links import Link
from costeff.params.pricing import sample_effect
from costeff.records import Cells


@dataclass(frozen=True)
class People:
    """The clients of one municipality as nodes of a tree, each node once."""

    shared: Shared
    cells: Mapping[str, Cells | None]
    kept: dict[tuple[object, ...], Traced] = field(default_factory=dict)

    @property
    def cohorts(self) -> Cohorts:
        return self.shared.cohorts

    def once(self, *key: object, make: Callable[[], Traced]) -> Traced:
        """The same node wherever it is a part, so that it is told once."""
        if key not in self.kept:
            self.kept[key] = make()
        return self.kept[key]

    @cached_property
    def clients(self) -> Traced:
        """For how many clients the figure is."""
        asked = self.cohorts.request.clients
        return leaves.given("clients", xr.DataArray(float(asked)), "clients", "asked for; not a count of the data")

    def figure(self, variable: str, option: str) -> Traced:
        """The tree of a figure that no payer has a part in."""
        if variable == "time_avoided":
            return self._time_avoided()
        risk = self.risk(option)
        if variable == "effect":
            return made(f"share without the event, {option}", "1 - risk", lambda r: 1 - r, [risk], "")
        return made(f"clients with the event, {option}", "clients x risk", product, [self.clients, risk], "clients")

    def _time_avoided(self) -> Traced:
        model, run = self.cohorts.model, self.cohorts.run["state_time"]
        states = []
        for state in model.kept_out or model.items:
            time = run.sel(state=state, drop=True)
            both = [self.years(model, state, "", at_place(time), option) for option in OPTIONS]
            states.append(made(state, "usual less new", difference, both, "person-years"))
        avoided = made("of one client", "the sum over the states to be kept out of", total, states, "person-years")
        return made("time avoided", "clients x of one client", product, [self.clients, avoided], "person-years")

    # --- risk -------------------------------------------------------------------------------------

    def risk(self, option: str) -> Traced:
        """The probability of the event within the follow-up."""
        return self.once("risk", option, make=lambda: self._risk(option))

    def _risk(self, option: str) -> Traced:
        cohorts = self.cohorts
        name, values = f"risk, {option}", at_place(cohorts.risk.sel(option=option, drop=True))
        if cohorts.chain.outcome.transfer == "risk":
            return self.fitted(name, values, "probability", cohorts.fit, "outcome")
        years = cohorts.effect_years
        if option == USUAL:
            chance, window = (self._parameter(cohorts.model, key) for key in BASELINE)
            formula = f"1 - (1 - baseline probability) ^ ({years:g} years / its window)"
            return Traced(name, values, "probability", formula, _over(years), (chance, window))
        ratio = thin(cohorts.fit.effect["ratio"], cohorts.request.draws)
        assert isinstance(ratio, xr.DataArray)  # thin gives back what it is given
        effect = self.fitted("hazard ratio", ratio.drop_attrs(), "", cohorts.fit, "outcome")
        formula = "1 - (1 - risk of the usual service) ^ hazard ratio"
        return Traced(name, values, "probability", formula, apply_hazard_ratio, (self.risk(USUAL), effect))

    def fitted(self, name: str, values: xr.DataArray, unit: str, fit: Fit, of: str) -> Traced:
        """A number from a posterior."""
        request, catalogue = self.cohorts.request, self.cohorts.catalogue
        make = leaves.posterior
        cells = self.cells.get(of)
        behind = self.once("posterior", of, make=lambda: make(fit, f"fit of the {of}", catalogue, request.draws, cells))
        facts = (leaves.here(fit, self.cohorts.municipalities[0], catalogue), leaves.spread(values))
        return Traced(name, values, unit, parts=(behind,), facts=facts)

    # --- time -------------------------------------------------------------------------------------

    def years(self, model: AvoidedCostModel, state: str, link: str, time: xr.DataArray, option: str) -> Traced:
        """Person-years of one client in a state under an option, by calendar year."""
        key = ("time", model.id, state, link, option, str(time.dims))
        return self.once(*key, make=lambda: self._years(model, state, link, time.sel(option=option, drop=True), option))

    def _years(self, model: AvoidedCostModel, state: str, link: str, time: xr.DataArray, option: str) -> Traced:
        name = f"person-years of a client in {state}, {option}"
        if link:
            found = next(one for one, _ in self.linked if one.id == link)
            formula = f"entries of a year x {model.id} run with the event less without, {found.delay_years} years later"
            return Traced(name, time, "person-years", formula, parts=self._of_link(found, model, option))
        cohorts = self.cohorts
        formula = (
            f"the cohort {model.id} run from the risk and its numbers, {model.cycles_per_year} cycles a year; the "
            f"effect holds for {cohorts.effect_years:g} years, then {cohorts.persistence}"
        )
        return Traced(name, time, "person-years", formula, parts=self._of_cohort(option))

    def _of_cohort(self, option: str) -> tuple[Traced, ...]:
        """What moves the chain's own cohort under an option."""
        cohorts, settings = self.cohorts, self.cohorts.catalogue.conventions
        risks = [self.risk(each) for each in dict.fromkeys((USUAL, option))]
        numbers = [self._parameter(cohorts.model, name) for name in (*cohorts.model.parameters, LATER)]
        if cohorts.persistence == "wanes":
            stream, row = "conventions.effect_half_life_years", settings.effect_half_life_years
            make = leaves.sampled
            half = self.once(
                stream, make=lambda: make("half-life", row, "years", stream, cohorts.request, cohorts.catalogue)
            )
            numbers.append(half)
        return (*risks, *numbers)

    def _parameter(self, model: AvoidedCostModel, name: str) -> Traced:
        cohorts, stream = self.cohorts, f"transitions.{model.id}.{name}"
        row = cohorts.catalogue.transitions[model.id][name]
        key = f"{model.id}.{name}"
        make = leaves.sampled
        return self.once(stream, make=lambda: make(key, row, row.unit, stream, cohorts.request, cohorts.catalogue))

    # --- links ------------------------------------------------------------------------------------

    @property
    def linked(self) -> list[tuple[Link, xr.Dataset]]:
        """The links that are on, with the time they lead to."""
        return [(link, self.shared.linked[link.id]) for link in self.shared.links]

    def _of_link(self, link: Link, target: AvoidedCostModel, option: str) -> tuple[Traced, ...]:
        """What starts a link, its chance without the event, the published effect, and its target's numbers."""
        cohorts, request, catalogue = self.cohorts, self.cohorts.request, self.cohorts.catalogue
        entered = cohorts.run["entries"].sel(entered=list(link.origin.entered), option=option).sum("entered")
        name = f"entries into {' and '.join(link.origin.entered)}, {option}"
        entries = Traced(name, at_place(entered), "moves", "as the cohort has them", parts=self._of_cohort(option))
        stream = f"links.{link.id}"
        rows = {"baseline": link.baseline, "persons": link.persons, **link.target.inputs}
        own = [
            leaves.sampled(f"{link.id} {key}", row, "", f"{stream}.{key}", request, catalogue)
            for key, row in rows.items()
            if row is not None
        ]
        row = published_effect(link, catalogue)
        values = sample_effect(row, request.draws, request.seed, stream).drop_attrs()
        effect = leaves.published(row, values, f"evidence.{stream}", request.seed, catalogue)
        others = [self._parameter(target, key) for key in target.parameters if key not in link.target.inputs]
        kind = Traced("kind of evidence", None, facts=(Fact("link", f"{link.kind}. {link.note}"),))
        return (entries, *own, effect, kind, *others)


def at_place(values: xr.DataArray) -> xr.DataArray:
    """Values at the one place there is."""
    return (values.isel(municipality=0, drop=True) if "municipality" in values.dims else values).drop_attrs()


def _over(years: float) -> Callable[[xr.DataArray, xr.DataArray], xr.DataArray]:
    """A probability within a window as one within so many years."""
    return lambda chance, window: probability_from_rate(rate_from_probability(chance, 1) / window, years)
