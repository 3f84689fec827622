"""A scenario of what could be: the price or the effect of a service other than estimated, for all municipalities.

`levers` sets the numbers of one municipality; here fits are moved, which hold every municipality.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Annotated, Any, Self

import xarray as xr
from pydantic import Field, model_validator

from costeff.appraisal.levers import CASHABLE, DISCOUNT, HALF_LIFE, LABELS, unfit, with_number
from costeff.appraisal.linked import active_links
from costeff.appraisal.request import BASELINE, LATER, REGISTER
from costeff.avoided_cost import MODELS, AvoidedCostModel, Domain
from costeff.chain import ImpactChain
from costeff.draws import NEW, OPTIONS, USUAL
from costeff.errors import Problems
from costeff.outcomes import Fit
from costeff.params import Catalogue
from costeff.spec import Label, Spec

Times = Annotated[float, Field(gt=0, le=1000)]
Euros = Annotated[float, Field(ge=0, le=10_000_000)]
Power = Annotated[float, Field(ge=0, le=100)]


class Move(Spec):
    """How a service is other than estimated.

    Attributes
    ----------
    price_times
        Its cost per client, in each draw, times this.
    price_euros
        Its cost per client in EUR, known: what is estimated or sourced is put aside.
    effect_times
        Its relative effect to this power, so that 0 is no effect, 0.5 half of it on the log scale, 1 the effect as
        estimated. A risk does not go over 1.
    """

    price_times: Times | None = None
    price_euros: Euros | None = None
    effect_times: Power | None = None

    @model_validator(mode="after")
    def _moves_once(self) -> Self:
        if self.price_times is not None and self.price_euros is not None:
            raise ValueError("price_times and price_euros both set the price; keep one of them")
        if not self.told:
            raise ValueError("moves nothing; give price_times, price_euros or effect_times")
        return self

    @property
    def told(self) -> dict[str, float]:
        """What is moved, by name."""
        return self.model_dump(exclude_none=True)


def move_fits(move: Move, chain: ImpactChain, outcome: Fit, costs: Fit | None) -> tuple[Fit, Fit | None]:
    """The fits with the effect, and the price where it is estimated, as the scenario has them.

    Their hashes tell the move, so that no result made from them passes for one of the estimates.
    """
    if move.effect_times is not None:
        effect = _effect(outcome.effect, move.effect_times, local=chain.outcome.transfer == "risk")
        outcome = replace(outcome, effect=effect, hash=f"{outcome.hash}-effect^{move.effect_times!r}")
    if (
        chain.input.cost == REGISTER
        and costs is not None
        and (times := move.price_times or move.price_euros) is not None
    ):
        mean = _price(costs.effect["mean"], move)
        what = "x" if move.price_times else "="
        costs = replace(costs, effect=costs.effect.assign(mean=mean), hash=f"{costs.hash}-price{what}{times!r}")
    return outcome, costs


def _effect(effect: xr.Dataset, times: float, *, local: bool) -> xr.Dataset:
    if not local:
        return effect.assign(ratio=(effect["ratio"] ** times).assign_attrs(effect["ratio"].attrs))
    usual, new = (effect["risk"].sel(option=option, drop=True) for option in (USUAL, NEW))
    moved = (usual * (new / usual) ** times).clip(max=1.0)
    return effect.assign(risk=_options(effect["risk"], usual, moved))


def _price(mean: xr.DataArray, move: Move) -> xr.DataArray:
    usual, new = (mean.sel(option=option, drop=True) for option in (USUAL, NEW))
    moved = xr.full_like(new, move.price_euros) if move.price_times is None else new * move.price_times
    return _options(mean, usual, moved)


def _options(like: xr.DataArray, usual: xr.DataArray, new: xr.DataArray) -> xr.DataArray:
    both = xr.concat([usual, new], dim="option").assign_coords(option=list(OPTIONS))
    return both.transpose(*like.dims).assign_attrs(like.attrs)


def move_prices(moves: Mapping[str, Move], catalogue: Catalogue) -> Catalogue:
    """The catalogue with the price of each moved service that has one there."""
    for name, move in moves.items():
        cost = catalogue.chains[name].input.cost
        if cost == REGISTER:
            continue
        if move.price_euros is not None:
            catalogue = with_number(catalogue, cost, move.price_euros)
        elif move.price_times is not None:
            catalogue = _scaled(catalogue, cost, move.price_times)
    return catalogue


def _scaled(catalogue: Catalogue, name: str, times: float) -> Catalogue:
    cost = catalogue.unit_costs[name]
    values = tuple(_times(value, times) if value is cost.latest else value for value in cost.values)
    changes = (*catalogue.changes, f"{name} times {times!r}")
    costs = {**catalogue.unit_costs, name: cost.override(values=values)}
    return replace(catalogue, unit_costs=costs, changes=changes)


def _times(value: Any, times: float) -> Any:
    ends = {end: None if (at := getattr(value, end)) is None else at * times for end in ("low", "high")}
    return value.override(mean=value.mean * times, **ends)


# --- numbers of the catalogue -----------------------------------------------------------------------


def set_numbers(
    numbers: Mapping[str, float],
    catalogue: Catalogue,
    chains: Iterable[str],
    prices: Mapping[str, str],
    links: Mapping[str, tuple[str, ...] | None],
    waning: bool,
    problems: Problems,
) -> Catalogue:
    """The catalogue with some numbers known; what cannot be set, or would change nothing, goes to `problems`.

    Parameters
    ----------
    numbers
        By name, as `Levers` has them: model.parameter, the id of a unit cost, <id>.cashable, or discount_rate.
    prices, links
        Of each chain, its price set and the links that are on.
    waning
        Whether the effect of some chain wanes, so that its half-life is read.
    """
    known = _known(catalogue, chains, prices, links) | {DISCOUNT: None}
    if waning:
        known[HALF_LIFE] = Domain.DURATION
    for name, value in numbers.items():
        if name not in known:
            close = get_close_matches(name, known, n=1)
            cure = f"did you mean {close[0]}?" if close else "`costeff params show` tells the numbers of params/"
            problems.add(f"numbers.{name}", "is no number that the services of this scenario are counted with", cure)
        elif wrong := unfit(name, value, known[name]):
            problems.add(f"numbers.{name}", *wrong)
        else:
            catalogue = with_number(catalogue, name, value)
    return catalogue


def _known(
    catalogue: Catalogue,
    chains: Iterable[str],
    prices: Mapping[str, str],
    links: Mapping[str, tuple[str, ...] | None],
) -> dict[str, Domain | None]:
    """Every number that is read for the chains, and what it may be."""
    found: dict[str, Domain | None] = {}
    for name in chains:
        chain = catalogue.chains[name]
        origin = MODELS[chain.impact.model]
        on = active_links(origin.id, catalogue, links[name])
        extra = (LATER, *(BASELINE if chain.outcome.transfer == "hazard_ratio" else ()))
        found |= _of_model(origin, extra)
        models = [origin, *(MODELS[link.target.model] for link in on)]
        for target in models[1:]:
            found |= _of_model(target, ())
        sets = catalogue.price_sets[prices[name]]
        costs = [p.cost for m in models for s in sets.of(m.id).values() for p in s.components]
        for cost in costs:
            found |= {cost: None, cost + CASHABLE: None}
        if chain.input.cost != REGISTER:
            found[chain.input.cost] = None
    return found


def _of_model(model: AvoidedCostModel, more: tuple[str, ...]) -> dict[str, Domain | None]:
    baseline = dict(zip(BASELINE, (Domain.PROBABILITY, Domain.DURATION), strict=True))
    return {f"{model.id}.{name}": model.domains.get(name, baseline.get(name)) for name in (*model.parameters, *more)}


def number_label(name: str, catalogue: Catalogue) -> tuple[Label, bool]:
    """What a number is called, and whether it is the share of a cost that can be stopped."""
    plain = name.removesuffix(CASHABLE)
    model, _, parameter = plain.partition(".")
    if name in (HALF_LIFE, DISCOUNT):
        return LABELS[name], False
    row = catalogue.transitions[model][parameter] if parameter else catalogue.unit_costs[plain]
    return row.label, name.endswith(CASHABLE)
