"""What a what-if asks of an appraisal, in the words of a scenario, and the bench on which it is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated

import xarray as xr
from pydantic import Field

from costeff.appraisal.again import Again
from costeff.appraisal.areas import Area, Atlas
from costeff.appraisal.levers import CASHABLE, DISCOUNT
from costeff.appraisal.linked import active_links
from costeff.appraisal.moves import Move, Power, Times, move_fits, move_prices, set_numbers
from costeff.appraisal.request import Request, check_chains, price_sets_for
from costeff.appraisal.telling import one
from costeff.avoided_cost import MODELS as AVOIDED_COST_MODELS
from costeff.chain import ImpactChain
from costeff.errors import ParamsError, Problems, UsageError
from costeff.outcomes import Fit
from costeff.params import Catalogue
from costeff.spec import Id, Label, Share, Spec, is_county

REMEMBERED = 32  # answers


class Asked(Spec):
    """What a what-if sets; None leaves it as the catalogue, the fit and the request have it.

    Attributes
    ----------
    effect_times, price_times
        As in `Move`: a power of the relative effect, and times of the cost per client.
    cashable
        The share of every price that its payer can stop paying in the medium run, known.
    """

    effect_times: Power | None = None
    price_times: Times | None = None
    cashable: Share | None = None
    discount_rate: Annotated[float, Field(ge=0, lt=1)] | None = None
    price_set: Id | None = None
    horizon_years: Annotated[int, Field(ge=1, le=60)] | None = None
    clients: Annotated[int, Field(ge=1, le=10_000_000)] | None = None

    @property
    def move(self) -> Move | None:
        """How the service is other than estimated."""
        told = {name: value for name in Move.model_fields if (value := getattr(self, name, None)) is not None}
        return Move(**told) if told else None


@dataclass(frozen=True)
class Bench:
    """One service with its draws, asked again and again at one place or another.

    Parameters
    ----------
    chain, catalogue, fit, request, costs
        As in `appraise`; the request is where every what-if starts.
    """

    chain: ImpactChain
    catalogue: Catalogue
    fit: Fit
    request: Request
    costs: Fit | None = None
    told: dict[tuple[str, Asked], xr.Dataset] = field(default_factory=dict, repr=False, compare=False)

    def appraisal(self, place: str, asked: Asked | None = None) -> xr.Dataset:
        """The appraisal of a municipality, or of a county as one place, as asked; over (draw, option, payer, year).

        Raises
        ------
        UsageError
            For an unknown place, or what cannot be set.
        """
        key = place, asked or Asked()
        if key not in self.told:
            if len(self.told) >= REMEMBERED:
                self.told.pop(next(iter(self.told)))
            self.told[key] = self._appraised(*key)
        return self.told[key]

    def _appraised(self, place: str, asked: Asked) -> xr.Dataset:
        catalogue, fit, costs = self.catalogue, self.fit, self.costs
        if move := asked.move:
            fit, costs = move_fits(move, self.chain, fit, costs)
            catalogue = move_prices({self.chain.id: move}, catalogue)
        problems, request = Problems(), self.requested(asked)
        numbers, prices = self.numbers(asked), {self.chain.id: self.price_set(asked)}
        waning = (request.persistence or self.chain.outcome.persistence) == "wanes"
        links = {self.chain.id: request.links}
        catalogue = set_numbers(numbers, catalogue, [self.chain.id], prices, links, waning, problems)
        problems.raise_if_any(UsageError, "This cannot be asked")
        return one(self._again(catalogue, fit, [place], request, costs), place, self.catalogue)

    def requested(self, asked: Asked) -> Request:
        """The request as asked."""
        names = ("price_set", "horizon_years", "clients")
        given = {name: value for name in names if (value := getattr(asked, name)) is not None}
        return self.request.override(**given) if given else self.request

    def price_set(self, asked: Asked) -> str:
        """The id of the price set."""
        return asked.price_set or self.request.price_set or self.chain.impact.price_set

    @property
    def price_sets(self) -> list[str]:
        """Those that can price the chain and what its links lead to, the one it starts with first."""
        on = active_links(self.chain.impact.model, self.catalogue, self.request.links)
        found = price_sets_for(self.chain, self.catalogue, [link.id for link in on])
        return sorted(found, key=lambda name: name != self.price_set(Asked()))

    def numbers(self, asked: Asked) -> dict[str, float]:
        """What is asked as numbers of a scenario, by name."""
        found = {} if asked.discount_rate is None else {DISCOUNT: asked.discount_rate}
        if asked.cashable is None:
            return found
        on = active_links(self.chain.impact.model, self.catalogue, self.request.links)
        models = (self.chain.impact.model, *(link.target.model for link in on))
        states = self.catalogue.price_sets[self.price_set(asked)]
        priced = [
            component.cost
            for model in models
            for state, price in states.of(model).items()
            if state in AVOIDED_COST_MODELS[model].items
            for component in price.components
        ]
        return found | {f"{cost}{CASHABLE}": asked.cashable for cost in dict.fromkeys(priced)}

    def name(self, place: str) -> Label | str:
        """What a place is called."""
        return self.catalogue.county(place).name if is_county(place) else self.catalogue.municipality(place).name("en")

    @cached_property
    def _again(self) -> Again:
        check_chains(self.catalogue).raise_if_any(ParamsError, "The parameters cannot be appraised")
        return Again(self.chain, self._areas)

    @property
    def _areas(self) -> Mapping[str, Area]:
        """Counties as one place, where the data hold their municipalities."""
        return Atlas.of(self.catalogue).counties if self.chain.outcome.transfer == "risk" else {}
