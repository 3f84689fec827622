"""Valid inputs for any avoided-cost model, made from what it declares; prices and fits made by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import xarray as xr
from scipy.linalg import expm

from costeff.appraisal import Request, appraise, appraise_all
from costeff.avoided_cost import MODELS, AvoidedCostModel, Domain
from costeff.chain import ImpactChain
from costeff.draws import OPTIONS
from costeff.outcomes.fit import Fit
from costeff.params import Catalogue
from costeff.params.entries import (
    Cashable,
    Component,
    DatedValue,
    PriceSet,
    StatePrice,
    Uncertain,
    Uncounted,
    UnitCost,
    UnitSize,
)
from costeff.params.payers import Duty, Split, Turn
from costeff.spec import Label

RANGES = {
    Domain.PROBABILITY: (0.1, 0.6),
    Domain.RATE: (0.05, 0.9),
    Domain.DURATION: (0.1, 2.5),
    Domain.RATIO: (0.2, 2.0),
}
MIDDLES = {Domain.PROBABILITY: 0.4, Domain.RATE: 0.5, Domain.DURATION: 1.0, Domain.RATIO: 0.7}
LIMITS = {
    Domain.PROBABILITY: (0.0, 1.0),
    Domain.RATE: (0.0, 500.0),
    Domain.DURATION: (1e-4, 1e6),
    Domain.RATIO: (0.0, 50.0),
}


def by_draw(values: np.ndarray) -> xr.DataArray:
    return xr.DataArray(values, dims="draw", coords={"draw": np.arange(len(values))})


def inputs_for(model: AvoidedCostModel, draws: int, seed: int = 0) -> xr.Dataset:
    rng = np.random.default_rng([seed, 1])
    return xr.Dataset({name: by_draw(rng.uniform(*RANGES[kind], draws)) for name, kind in model.domains.items()})


def middle_inputs(model: AvoidedCostModel) -> xr.Dataset:
    return xr.Dataset({name: MIDDLES[kind] for name, kind in model.domains.items()})


def risk_by_option(draws: int, seed: int = 0, usual: float = 0.3, ratio: float = 0.6) -> xr.DataArray:
    """Risks around `usual` under the usual service, and `ratio` times those under the new one."""
    base = by_draw(np.random.default_rng([seed, 2]).uniform(0.5 * usual, min(1.0, 1.5 * usual), draws))
    return xr.concat([base, base * ratio], dim=xr.Variable("option", list(OPTIONS)))


def risks(usual: float, new: float) -> xr.DataArray:
    return xr.DataArray([usual, new], dims="option", coords={"option": list(OPTIONS)})


def yearly_risk(draws: int, seed: int = 0) -> xr.DataArray:
    return by_draw(np.random.default_rng([seed, 3]).uniform(0.01, 0.2, draws))


def bare(model: AvoidedCostModel, **changes: Any) -> AvoidedCostModel:
    """The model without what it counts beside time in states."""
    return replace(model, **{"entered": (), "tunnels": {}, "clocks": (), "stayed": None} | changes)


def never(model: AvoidedCostModel) -> float:
    """The risk under which the event never comes: where a risk is that of having stayed, everyone stays."""
    return 0.0 if model.event == "happens" else 1.0


def kept_out(model: AvoidedCostModel) -> list[str]:
    return list(model.kept_out or model.items)


def moves_of(model: AvoidedCostModel) -> list[tuple[str, str]]:
    return list(model.rates(xr.DataArray(1.0), middle_inputs(model)))


def reachable(model: AvoidedCostModel, event: float) -> set[str]:
    """States to which moves lead from the first one, when the event has the yearly rate `event`."""
    moves = model.rates(xr.DataArray(event), middle_inputs(model))
    found, size = {model.states[0]}, 0
    while len(found) > size:
        size = len(found)
        found |= {target for (origin, target), rate in moves.items() if origin in found and float(rate) > 0}
    return found


def intensities(model: AvoidedCostModel, event: float, inputs: xr.Dataset) -> np.ndarray:
    """The intensity matrix of one draw, filled one rate at a time."""
    matrix = np.zeros((len(model.states),) * 2)
    for (origin, target), rate in model.rates(xr.DataArray(event), inputs).items():
        matrix[model.states.index(origin), model.states.index(target)] = float(rate)
    return matrix - np.diag(matrix.sum(axis=1))


def event_rate(model: AvoidedCostModel, risk: float, years: float) -> float:
    """Yearly rate of the event by hand, where `risk` is neither 0 nor 1."""
    return -math.log(1 - risk if model.event == "happens" else risk) / years


def slow_stays(
    model: AvoidedCostModel, event: float, inputs: xr.Dataset, cycles: int
) -> list[dict[tuple[str, int], float]]:
    """Persons by state and cycles stayed, cycle by cycle, in plain Python: one event rate throughout."""
    moved = expm(intensities(model, event, inputs) / model.cycles_per_year)
    together = {state: {state}.union(*(clock for clock in model.clocks if state in clock)) for state in model.states}
    before = float(inputs[model.stayed]) * model.cycles_per_year if model.stayed else 0.0
    first, last = model.states[0], model.tunnels.get(model.states[0], 1) - 1
    at = min(before, last) if model.stayed else 0.0
    low = math.floor(at)
    now = {(first, low): 1 - (at - low)}
    if at > low:
        now[first, low + 1] = at - low
    rows = [now]
    for _ in range(cycles):
        after: dict[tuple[str, int], float] = {}
        for (state, stayed), persons in rows[-1].items():
            for number, target in enumerate(model.states):
                runs_on = state in model.tunnels and target in together[state]
                time = min(stayed + 1, model.tunnels[target] - 1) if runs_on and target in model.tunnels else 0
                share = float(moved[model.states.index(state), number])
                after[target, time] = after.get((target, time), 0.0) + persons * share
        rows.append(after)
    return rows


# --- an appraisal of any model at prices made by hand -----------------------------------------------------

CODES = ["091", "837"]  # Helsinki, Tampere
DRAWS, CLIENTS, YEARS = 4, 40, 6
NOTED = {"source": ("stated_assumption",), "quality": "assumption", "note": "made by hand"}


def name(text: str) -> Label:
    return Label(fi=text, sv=text, en=text)


def fixed(mean: float) -> Uncertain:
    return Uncertain(mean=mean, family="fixed", **NOTED)


def unit_cost(key: str, mean: float = 50_000.0, spread: float = 0.0, **changes: Any) -> UnitCost:
    """A cost per person-year: 0.2 of it stops in the first year, 0.5 later, 0.9 at last."""
    shares = {band: fixed(share) for band, share in (("short", 0.2), ("medium", 0.5), ("long", 0.9))}
    ends = (
        {"low": (1 - spread) * mean, "high": (1 + spread) * mean, "family": "uniform"}
        if spread
        else {"family": "fixed"}
    )
    value = DatedValue(mean=mean, valid_from=date(2024, 1, 1), price_year=2024, **ends, **NOTED)
    parts: dict[str, Any] = {"unit": "EUR/year", "basis": "person_year", "payer": "county", "index": "social_services"}
    return UnitCost(
        **{"id": key, "label": name(key), **parts, "cashable": Cashable(**shares), "values": (value,)} | changes
    )


def cashable(share: float) -> Cashable:
    return Cashable(short=fixed(share), medium=fixed(share), long=fixed(share))


def closes_by(places: float) -> UnitSize:
    return UnitSize(places=fixed(places))


def duty(*steps: tuple[float, dict[str, float]]) -> Duty:
    """Who shares a cost, from each number of days on."""
    splits = tuple(Split(from_days=start, shares=shares) for start, shares in steps)
    turn = Turn(valid_from=None, split=splits, source=("stated_assumption",))
    return Duty(label=name("shared"), turns=(turn,))


def two_items(model: AvoidedCostModel) -> list[str]:
    """An item that a service is to keep people out of, and another where there is one."""
    first = kept_out(model)[0]
    return [first, *[item for item in model.items if item != first][-1:]]


def by_hand(catalogue: Catalogue, **sets: dict[str, Any]) -> Catalogue:
    """The catalogue with price sets made by hand, by id: a price of its own for two items of every model.

    Of a set, `only` says which of the two have a price (0 and 1), or None for all items of the model; `scale`
    multiplies all prices; anything else changes each unit cost.
    """
    costs, price_sets = {}, {}
    left_out = StatePrice(not_counted=(Uncounted(reason=name("left out by hand")),))
    for number, (set_id, asked) in enumerate(sets.items()):
        changes = {"only": (0, 1), "scale": 1.0} | asked
        only, scale = changes.pop("only"), changes.pop("scale")
        prices: dict[str, dict[str, StatePrice]] = {}
        for model in MODELS.values():
            two = two_items(model)
            items = list(model.items) if only is None else [two[n] for n in only if n < len(two)]
            prices[model.id] = dict.fromkeys(model.items, left_out)
            for item in items:
                key = f"hand_{number}_{model.id}_{item}"[:64]
                costs[key] = unit_cost(key, scale * mean_price(model, item), **changes)
                prices[model.id][item] = StatePrice(components=(Component(cost=key),))
        price_sets[set_id] = PriceSet(id=set_id, label=name(set_id), description=name(set_id), prices=prices)
    return replace(catalogue, unit_costs=catalogue.unit_costs | costs, price_sets=price_sets, links={})


def mean_price(model: AvoidedCostModel, item: str) -> float:
    return 40_000.0 + 7_000 * model.items.index(item)


def without_later(catalogue: Catalogue, model: AvoidedCostModel) -> Catalogue:
    """No event after the follow-up, so that what follows does not hang on the risk of the usual service."""
    values = catalogue.transitions[model.id]
    none = values["later_risk_ratio"].override(mean=0.0, low=None, high=None, family="fixed", note="made by hand")
    return replace(catalogue, transitions=catalogue.transitions | {model.id: values | {"later_risk_ratio": none}})


def chain_for(
    catalogue: Catalogue, model: AvoidedCostModel, price_set: str = "by_hand", years: int = YEARS
) -> ImpactChain:
    chain = catalogue.chains["intensive_family_work"]
    impact = chain.impact.override(model=model.id, price_set=price_set, horizon_years=years)
    return chain.override(impact=impact)


def fit_of(ratio: float = 0.6, draws: int = DRAWS, codes: list[str] | None = None) -> Fit:
    """Risks by draw and municipality; under the new option `ratio` times those of the usual one."""
    codes = codes or CODES
    usual = np.random.default_rng(5).uniform(0.1, 0.5, (draws, len(codes)))
    coords = {"draw": np.arange(draws), "option": list(OPTIONS), "municipality": codes}
    dims = ("draw", "option", "municipality")
    parts = {
        "risk": (dims, np.stack([usual, usual * ratio], axis=1)),
        "ratio": ("draw", np.full(draws, ratio)),
        "pooling": ("municipality", np.linspace(0.1, 0.9, len(codes))),
        "clients": ("municipality", np.arange(len(codes)) * 100 + 57),
    }
    told = {"measure": "odds_ratio", "data": "made by hand", "synthetic": 1}
    return Fit("binary", xr.Dataset(parts, coords=coords, attrs=told), xr.Dataset(), (), "made-by-hand", cached=False)


def swapped(fit: Fit) -> Fit:
    risk = fit.effect["risk"]
    return replace(fit, effect=fit.effect.assign(risk=risk.isel(option=[1, 0]).assign_coords(option=risk["option"])))


def service_costs(usual: float = 3_000.0, new: float = 7_000.0, draws: int = 10_000) -> Fit:
    """What the service costs a client, without spread or places."""
    mean = np.full((draws, 2), [usual, new])
    effect = xr.Dataset({"mean": (("draw", "option"), mean)}, {"option": list(OPTIONS)}, {"synthetic": 1})
    return Fit("cost_gamma", effect, xr.Dataset(), (), "made-by-hand", cached=False)


def appraised(
    catalogue: Catalogue,
    model: AvoidedCostModel,
    fit: Fit | None = None,
    codes: list[str] | None = None,
    costs: Fit | None = None,
    **asked: Any,
) -> xr.Dataset:
    request = Request.of(catalogue, **{"draws": DRAWS, "clients": CLIENTS, **asked})
    chain = chain_for(catalogue, model, asked.get("price_set", "by_hand"))
    return appraise(chain, catalogue, fit or fit_of(), codes or CODES, request, costs or service_costs())


def appraised_at(
    catalogue: Catalogue, model: AvoidedCostModel, *price_sets: str, fit: Fit | None = None, **asked: Any
) -> dict[str, xr.Dataset]:
    """As `appraised`, at several price sets of the catalogue."""
    request = Request.of(catalogue, **{"draws": DRAWS, "clients": CLIENTS, **asked})
    chain = chain_for(catalogue, model, price_sets[0])
    return appraise_all(chain, catalogue, fit or fit_of(), CODES, request, price_sets, service_costs())
