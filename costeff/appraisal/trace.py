"""A figure of an appraisal traced to where it is from: sources, price years, posteriors, cells and draws, as a tree.

The tree is made anew from the cohort and the prices, part by part, and held against the appraisal: what does not add
up to the figure is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Literal, get_args

import numpy as np
import xarray as xr

from costeff import decision
from costeff.appraisal import leaves
from costeff.appraisal.assembly import Shared
from costeff.appraisal.cohorts import Cohorts
from costeff.appraisal.money import Days, Money
from costeff.appraisal.people import People, at_place
from costeff.appraisal.request import REGISTER, Request, check_chains
from costeff.appraisal.tree import ITEM, Traced, difference, made, present_value, product, total
from costeff.avoided_cost import MODELS as AVOIDED_COST_MODELS
from costeff.avoided_cost import AvoidedCostModel
from costeff.chain import ImpactChain
from costeff.draws import NEW, OPTIONS, USUAL
from costeff.errors import ModelError, ParamsError, Problem, Problems, UsageError
from costeff.outcomes import Fit
from costeff.params import Catalogue
from costeff.params.pricing import Priced, at_once_draws, cashable_draws
from costeff.records import Cells

Variable = Literal[
    "net_saving", "cost", "average", "cashable", "avoided", "avoided_average", "avoided_linked", "events", "effect",
    "time_avoided",
]  # fmt: skip
NAMES: dict[Variable, str] = {
    "net_saving": "net saving",
    "cost": "cost of the service",
    "average": "cost of the time in priced states, at the average price",
    "cashable": "cost of the time in priced states that can be stopped",
    "avoided": "avoided cost that can be stopped",
    "avoided_average": "avoided cost at the average price",
    "avoided_linked": "avoided cost that comes by links",
    "events": "clients with the event",
    "effect": "share of clients without the event",
    "time_avoided": "time avoided",
}
DIFFERENCES = ("avoided", "avoided_average", "avoided_linked")  # of the usual option less the new one
OF_CLIENTS = ("events", "effect", "time_avoided")  # what no payer has a part in


def trace(
    chain: ImpactChain,
    catalogue: Catalogue,
    fit: Fit,
    municipality: str,
    request: Request,
    costs: Fit | None = None,
    variable: Variable = "net_saving",
    *,
    payer: str | None = None,
    year: int | None = None,
    option: str = NEW,
    cells: Mapping[str, Cells | None] | None = None,
) -> Traced:
    """What a figure of an appraisal is made of, down to what was read, drawn, fitted and counted.

    Parameters
    ----------
    chain, catalogue, fit, request, costs
        As in `appraise`.
    variable
        A variable of the appraisal, or `net_saving`: the present value of what is avoided less what the service
        costs more.
    payer
        Of a sum of money; None: all of them, and then each is a part.
    year
        A calendar year; None: all years of the horizon together.
    option
        Of `cost`, `average`, `cashable`, `events` and `effect`; the others compare the new option with the usual one.
    cells
        What the fits were made from, by `outcome` and `costs`: told as rows in all, and never a small count.

    Returns
    -------
    Traced
        Shows itself as text and as HTML; `recomputed` makes the figure again from the leaves.

    Raises
    ------
    UsageError
        For a variable, payer, year or option that the appraisal does not have.
    ModelError
        When the parts do not add up to the figure.
    """
    check_chains(catalogue).raise_if_any(ParamsError, "The parameters cannot be appraised")
    shared = Shared(Cohorts(chain, catalogue, fit, (municipality,), request))
    prices = request.price_set or chain.impact.price_set
    ds = shared.dataset(prices, costs).sel(municipality=municipality, drop=True)
    _check(ds, variable, payer, year, option)
    tracer = _Tracer(Money(shared.cohorts, prices), People(shared, dict(cells or {})), costs, ds)
    found = tracer.figure(variable, payer, option)
    expected = _of_appraisal(ds, variable, payer, option)
    if year is not None and "year" in expected.dims:
        found, expected = _narrowed(found, year, {}), expected.sel(year=year, drop=True)
    elif "year" in expected.dims and variable == "net_saving":
        expected = expected.sum("year")
    scale = float(abs(expected).max())
    if not np.allclose(*xr.broadcast(found.recomputed(), expected), rtol=1e-9, atol=1e-9 * scale):
        problem = Problem(f"{variable} {payer or ''}".strip(), "its parts do not add up to it", "tell the developers")
        raise ModelError("The figure cannot be traced", [problem])
    return found


def _check(ds: xr.Dataset, variable: str, payer: str | None, year: int | None, option: str) -> None:
    problems, payers, years = Problems(), list(map(str, ds["payer"].values)), list(map(int, ds["year"].values))
    if variable not in get_args(Variable):
        problems.add(f"variable {variable}", "cannot be traced", f"choose of {', '.join(get_args(Variable))}")
    elif payer is not None and variable in OF_CLIENTS:
        problems.add("payer", f"{variable} has no payers", "leave payer out")
    elif payer is not None and payer not in payers:
        problems.add(f"payer {payer}", "has no money in this appraisal", f"its payers are {', '.join(payers)}")
    if year is not None and variable in ("events", "effect"):
        problems.add("year", f"{variable} is of the follow-up, not of a year", "leave year out")
    elif year is not None and year not in years:
        problems.add(f"year {year}", "is not in the horizon", f"give {years[0]} to {years[-1]}")
    if option not in OPTIONS:
        problems.add(f"option {option}", "is unknown", f"use {' or '.join(OPTIONS)}")
    problems.raise_if_any(UsageError, "The figure cannot be traced")


def _of_appraisal(ds: xr.Dataset, variable: Variable, payer: str | None, option: str) -> xr.DataArray:
    """The figure as the appraisal has it: by draw and, of what flows, by year."""
    if variable == "net_saving":
        found = decision.flows(ds)
    else:
        at = NEW if variable in DIFFERENCES else option
        found = ds[variable].sel(option=at, drop=True) if "option" in ds[variable].dims else ds[variable]
    if "payer" not in found.dims:
        return found.drop_attrs()
    return (found.sel(payer=payer, drop=True) if payer else found.sum("payer")).drop_attrs()


@dataclass(frozen=True)
class _Part:
    """Time in one state that one unit cost prices."""

    name: str
    model: AvoidedCostModel
    state: str
    link: str  # empty: the chain's own model
    time: xr.DataArray  # (option, draw, year[, item]) person-years of one client
    priced: Priced
    spans: dict[str, Days]
    left: xr.DataArray | None  # what whole units leave of it


@dataclass(frozen=True)
class Later:
    """What is the same so many years later."""

    years: int

    def __call__(self, values: xr.DataArray) -> xr.DataArray:
        return values.shift(year=self.years, fill_value=0.0)


@dataclass(frozen=True)
class _Tracer:
    money: Money
    people: People
    costs: Fit | None
    ds: xr.Dataset

    @property
    def cohorts(self) -> Cohorts:
        return self.money.cohorts

    def figure(self, variable: Variable, payer: str | None, option: str) -> Traced:
        """The tree of a figure, over all years."""
        if variable in OF_CLIENTS:
            return self.people.figure(variable, option)
        make: Callable[[str], Traced]
        if variable == "net_saving":
            make = self._net_saving
        elif variable == "cost":
            make = partial(self._cost, option=option)
        else:
            options = (USUAL, NEW) if variable in DIFFERENCES else (option,)
            make = partial(self._time, variable=variable, options=options)
        if payer:
            return make(payer)
        parts = [each for name in map(str, self.ds["payer"].values) if np.any((each := make(name)).values)]
        return made(f"{NAMES[variable]}, all payers", "the sum over payers", total, parts, "EUR", self._nothing)

    # --- money ------------------------------------------------------------------------------------

    def _net_saving(self, payer: str) -> Traced:
        usual, new = (self._cost(payer, option=option) for option in OPTIONS)
        more = made("extra cost of the service", "new less usual", difference, [new, usual], "EUR")
        avoided = self._time(payer, variable="avoided", options=(USUAL, NEW))
        flow = made(
            "flow by year", "what is avoided less what the service costs more", difference, [avoided, more], "EUR"
        )
        name, formula = f"net saving of the {payer}", "the sum over years of the flow x the weight of the year"
        return made(name, formula, present_value, [flow, self._weights], "EUR")

    @cached_property
    def _weights(self) -> Traced:
        return leaves.discounting(self.ds["discount"].drop_attrs(), self.cohorts.catalogue)

    @cached_property
    def _nothing(self) -> xr.DataArray:
        return xr.zeros_like(self.ds["cost"].isel(option=0, payer=0, drop=True)).drop_attrs()

    def _cost(self, payer: str, *, option: str) -> Traced:
        """What the service costs a payer under an option."""
        return self._corrected(f"cost of the {option} service, {payer}", payer, partial(self._service, option=option))

    def _service(self, payer: str, option: str) -> list[Traced]:
        chain = self.cohorts.chain
        shares = self.money.payers(chain.input.payer).isel(item=0, municipality=0, drop=True)
        if payer not in shares["payer"]:
            return []
        share = self._share(chain.input.payer, payer, shares)
        first = leaves.years_of(np.eye(1, self.cohorts.years)[0], self.cohorts.calendar)
        when = self.people.once("when", make=lambda: leaves.given("in the first year", first, "", "paid at once"))
        factors = [self.people.clients, self._per_client(option), share, when]
        formula = "clients x cost per client x share, in the first year"
        return [made(f"the {option} service", formula, product, factors, "EUR")]

    def _per_client(self, option: str) -> Traced:
        return self.people.once("per client", option, make=lambda: self._priced_client(option))

    def _priced_client(self, option: str) -> Traced:
        chain, catalogue, request = self.cohorts.chain, self.cohorts.catalogue, self.cohorts.request
        name = f"cost per client, {option}"
        if chain.input.cost == REGISTER and self.costs is not None:
            found = self.money.per_client(self.costs).sel(option=option, drop=True)
            return self.people.fitted(name, at_place(found), "EUR/client", self.costs, "costs")
        if option == USUAL:
            return leaves.given(
                name, xr.DataArray(0.0), "EUR/client", "the chain prices what the new service costs more"
            )
        priced = self.money.service_price()
        return replace(leaves.unit_price(priced, catalogue, request.seed), name=name)

    def _time(self, payer: str, *, variable: Variable, options: tuple[str, ...]) -> Traced:
        """What the time in priced states costs a payer, by state and unit cost."""
        stopped = variable not in ("average", "avoided_average")
        linked = variable == "avoided_linked"
        make = partial(self._components, stopped=stopped, linked=linked, options=options)
        return self._corrected(f"{NAMES[variable]}, {payer}", payer, make)

    def _components(self, payer: str, stopped: bool, linked: bool, options: tuple[str, ...]) -> list[Traced]:
        parts = (part for part in self._parts if part.link or not linked)
        found = []
        for part in parts:
            shares = self.money.payers(part.priced.cost.payer, part.spans).isel(municipality=0, drop=True)
            if payer in shares["payer"]:
                key = ("component", part.name, payer, stopped, options)
                shares = shares if len(part.spans) > 1 else shares.isel(item=0, drop=True)
                make = partial(self._component, part, payer, shares, stopped, options)
                found.append(self.people.once(*key, make=make))
        return found

    def _component(
        self, part: _Part, payer: str, shares: xr.DataArray, stopped: bool, options: tuple[str, ...]
    ) -> Traced:
        if len(options) > 1 and part.left is not None and stopped:
            both = [self._component(part, payer, shares, stopped, (option,)) for option in options]
            named = [replace(each, name=option) for each, option in zip(both, options, strict=True)]
            return made(part.name, "usual less new", difference, named, "EUR")
        cost = part.priced.cost
        factors = [self.people.clients, self._years(part, options), *self._of_people(part), self._price(part)]
        factors.append(self._share(cost.payer, payer, shares, part.state))
        factors += [self._stops(part, options[0])] if stopped else []
        formula = " x ".join(factor.name for factor in factors)
        return made(part.name, formula, product, factors, "EUR")

    @cached_property
    def _parts(self) -> list[_Part]:
        model, cohorts = self.cohorts.model, self.cohorts
        found = [*self._priced(model, cohorts.run, "")]
        for link, time in self.people.linked:
            found += self._priced(AVOIDED_COST_MODELS[link.target.model], time, link.id)
        return found

    def _priced(self, model: AvoidedCostModel, time: xr.Dataset, link: str) -> Iterator[_Part]:
        for uses in self.money.uses(model, []).values():
            priced = uses[0][2]
            spans = self.money.spans(model, uses[0][0], priced.cost)
            left = self.money.left_standing(self.money.time(time, uses, list(spans)), priced)
            for state, _, _ in uses:
                there = time["state_time"].sel(state=state, drop=True)
                if len(spans) > 1:
                    there = time["stay_time"].sel(tunnel=list(spans)).rename(tunnel=ITEM)
                name = f"{f'{link}: ' if link else ''}{state} at {priced.cost.id}"
                kept = None if left is None else at_place(left)
                yield _Part(name, model, state, link, at_place(there), priced, spans, kept)

    # --- factors ----------------------------------------------------------------------------------

    def _years(self, part: _Part, options: tuple[str, ...]) -> Traced:
        """Person-years in the state, or those avoided."""
        each = [self.people.years(part.model, part.state, part.link, part.time, option) for option in options]
        if len(each) == 1:
            return each[0]
        name = f"person-years a client avoids in {part.state}"
        key = ("years", part.model.id, part.link, part.state, str(part.spans))
        return self.people.once(*key, make=lambda: made(name, "usual less new", difference, each, "person-years"))

    def _of_people(self, part: _Part) -> list[Traced]:
        """The share of the people in the state that the unit cost is for, where it is not everyone."""
        catalogue, request, model = self.cohorts.catalogue, self.cohorts.request, part.model.id
        components = catalogue.price_sets[self.money.price_set].of(model)[part.state].components
        number, row = next((n, c.share) for n, c in enumerate(components) if c.cost == part.priced.cost.id)
        if row is None:
            return []
        stream = f"price_sets.{self.money.price_set}.{model}.{part.state}.{number}"
        name = f"share of the people in {part.state}"
        return [self.people.once(stream, make=lambda: leaves.sampled(name, row, "", stream, request, catalogue))]

    def _price(self, part: _Part) -> Traced:
        catalogue, seed = self.cohorts.catalogue, self.cohorts.request.seed
        make = partial(leaves.unit_price, part.priced, catalogue, seed)
        return self.people.once("price", part.priced.cost.id, make=make)

    def _share(self, payer: str, who: str, shares: xr.DataArray, state: str = "") -> Traced:
        catalogue, county = self.cohorts.catalogue, self.cohorts.county_of(self.cohorts.municipalities[0])
        values = shares.sel(payer=who, drop=True)
        key = ("share", payer, who, state if ITEM in values.dims else "")
        return self.people.once(*key, make=lambda: leaves.payer_share(payer, who, values, catalogue, county))

    def _stops(self, part: _Part, option: str) -> Traced:
        """The share of the price that is stopped."""
        catalogue, request, cost = self.cohorts.catalogue, self.cohorts.request, part.priced.cost
        drawn = cashable_draws(catalogue, cost, self.cohorts.years, request.draws, request.seed)
        drawn = drawn.assign_coords(year=self.cohorts.calendar)
        plain = self.people.once("stops", cost.id, make=lambda: leaves.stoppable(cost, drawn, catalogue, request.seed))
        if part.left is None or cost.closes_by is None:
            return plain
        at_once = Traced("share that stops at once", at_once_draws(cost, request.draws, request.seed))
        places = leaves.sampled(
            "places of a unit", cost.closes_by.places, "persons", f"unit_costs.{cost.id}.places", request, catalogue
        )
        left = Traced("of the time, what whole units leave", part.left.sel(option=option, drop=True), parts=(places,))
        formula = "at once + (share that can be stopped - at once) x what whole units leave"
        found = at_once.values + left.values * (drawn - at_once.values)  # type: ignore[operator]
        return Traced("share stopped", found, "", formula, lambda a, s, k: a + k * (s - a), (at_once, plain, left))

    # --- correction of funding ----------------------------------------------------------------------

    def _corrected(self, name: str, payer: str, make: Callable[[str], list[Traced]]) -> Traced:
        """The parts of a payer's money, and what the correction of funding moves from it or to it."""
        parts, rule, request = make(payer), self.cohorts.catalogue.claw_back, self.cohorts.request
        formula = "the sum of its parts"
        if request.claw_back and payer in (rule.payer, rule.to) and (own := make(rule.payer)):
            paid = made(f"what the {rule.payer} paid", formula, total, own, "EUR")
            before = made(f"the same {rule.lag_years} years later", "", Later(rule.lag_years), [paid], "EUR")
            passing = partial(leaves.claw_back_share, self.cohorts.catalogue, self.cohorts.calendar)
            share = self.people.once("passes on", make=passing)
            sign = leaves.given(
                "sign", xr.DataArray(-1.0 if payer == rule.payer else 1.0), "", f"{rule.payer} to {rule.to}"
            )
            moved = "what was paid then x the share that passes on"
            parts = [*parts, made("correction of funding", moved, product, [sign, before, share], "EUR")]
        return made(name, formula, total, parts, "EUR", self._nothing)


def _narrowed(node: Traced, year: int, seen: dict[tuple[int, int], Traced]) -> Traced:
    """The same tree in one year."""
    key = (id(node), year)
    if key in seen:
        return seen[key]
    values, rule, parts = node.values, node.rule, node.parts
    if isinstance(rule, Later):
        earlier = year - rule.years
        known = earlier in parts[0].values["year"]  # type: ignore[index]
        parts = tuple(_narrowed(part, earlier, seen) for part in parts) if known else ()
        rule = total if known else None
    else:
        parts = tuple(_narrowed(part, year, seen) for part in parts)
    if values is not None and "year" in values.dims:
        values = values.sel(year=year, drop=True)
    elif rule is present_value:
        values = present_value(*(part.recomputed() for part in parts))
    seen[key] = replace(node, values=values, rule=rule, parts=parts)
    return seen[key]
