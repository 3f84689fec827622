"""Chain, catalogue, draws of an effect and municipalities, put together into one labelled Dataset."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr

from costeff import __version__
from costeff.appraisal.areas import Area
from costeff.appraisal.cohorts import Cohorts
from costeff.appraisal.evidence import PRIOR, beside, told_of
from costeff.appraisal.linked import active_links, linked_time, links_of, published_effect
from costeff.appraisal.money import Downstream, Money
from costeff.appraisal.request import BASELINE, LATER, REGISTER, Request, check_chains
from costeff.avoided_cost import MODELS as AVOIDED_COST_MODELS
from costeff.chain import ImpactChain
from costeff.cohort import bare, discount_factors
from costeff.disclosure import protect_count
from costeff.draws import NEW, USUAL
from costeff.errors import ParamsError
from costeff.outcomes import Fit
from costeff.params import Catalogue
from costeff.params.links import Link
from costeff.params.watched import unwatched

MOVED = ("risk", "run", "links", "researched", "linked")  # what is worked out of how clients move, and of nothing else


def appraise(
    chain: ImpactChain,
    catalogue: Catalogue,
    fit: Fit,
    municipalities: Sequence[str],
    request: Request,
    costs: Fit | None = None,
) -> xr.Dataset:
    """What a service changes, costs and avoids, for all municipalities asked for at once.

    Parameters
    ----------
    fit
        The chain's outcome model, fitted.
    municipalities
        Three-digit codes.
    costs
        A cost model, fitted, where the chain takes its cost from the register; otherwise not read.

    Returns
    -------
    Dataset over (draw, option, municipality, payer, year), EUR for `request.clients` clients:
    `effect` (share of clients without the event), `events`, `cost`, `average`, `cashable`,
    `avoided`, `avoided_average`, `avoided_linked` (of `avoided`, what comes by links),
    `time_avoided` (person-years), `discount`.

    Raises
    ------
    ParamsError
        When a price or an index level is not known.
    UsageError
        For municipalities, draws or links that cannot be had.
    """
    price_set = request.price_set or chain.impact.price_set
    return appraise_all(chain, catalogue, fit, municipalities, request, [price_set], costs)[price_set]


def appraise_all(
    chain: ImpactChain,
    catalogue: Catalogue,
    fit: Fit,
    municipalities: Sequence[str],
    request: Request,
    price_sets: Sequence[str],
    costs: Fit | None = None,
    areas: Mapping[str, Area] | None = None,
) -> dict[str, xr.Dataset]:
    """`appraise` at several price sets, with one run of the cohorts for all of them.

    Parameters
    ----------
    areas
        Told as one municipality each, where their codes stand among `municipalities`.
    """
    check_chains(unwatched(catalogue)).raise_if_any(ParamsError, "The parameters cannot be appraised")
    shared = Shared(Cohorts(chain, catalogue, fit, tuple(municipalities), request, areas or {}))
    return {name: shared.dataset(name, costs) for name in price_sets}


def states(
    chain: ImpactChain, catalogue: Catalogue, fit: Fit, municipalities: Sequence[str], request: Request
) -> xr.Dataset:
    """Where clients are over time under each option, before any euro: the cohort behind `appraise`.

    Returns
    -------
    Dataset with `occupancy` (option, draw, [municipality,] cycle, state) and `state_time`
    (option, draw, [municipality,] year, state), of one client.
    """
    run = Cohorts(chain, catalogue, fit, tuple(municipalities), request).run
    return run.assign_coords(year=np.arange(run.sizes["year"]))


@dataclass(frozen=True)
class Shared:
    """What no price set changes."""

    cohorts: Cohorts

    def dataset(self, price_set: str, costs: Fit | None) -> xr.Dataset:
        """The appraisal at a price set."""
        needed = costs if self.cohorts.chain.input.cost == REGISTER else None
        # Labels that differ are an error then, and aligning takes no copies.
        with xr.set_options(arithmetic_join="exact"):  # type: ignore[no-untyped-call]
            return _Assembly(self, price_set, needed).dataset()

    def repriced(self, cohorts: Cohorts) -> Shared:
        """The same clients at other prices: where they are over time is kept.

        `cohorts` differs in nothing that moves clients; see `Again`.
        """
        cohorts.__dict__.update({name: vars(self.cohorts)[name] for name in MOVED if name in vars(self.cohorts)})
        other = Shared(cohorts)
        other.__dict__.update({name: vars(self)[name] for name in MOVED if name in vars(self)})
        return other

    @cached_property
    def links(self) -> list[Link]:
        request = self.cohorts.request
        return active_links(self.cohorts.model.id, self.cohorts.catalogue, request.links)

    @cached_property
    def researched(self) -> tuple[xr.Dataset, dict[str, Any]]:
        """What published evidence and the data each say alone, and what is told of it; empty without evidence."""
        cohorts, request = self.cohorts, self.cohorts.request
        found, told = beside(cohorts.fit, cohorts.risk.sel(option=USUAL, drop=True), request.draws, request.seed)
        return found, told_of(cohorts.fit) | told

    @property
    def beside(self) -> xr.Dataset:
        """The same of all clients."""
        found = self.researched[0]
        if "risk_prior" in found:
            clients = self.cohorts.request.clients
            found = found.assign(events_prior=found["risk_prior"] * clients).drop_vars("risk_prior")
        return found

    @cached_property
    def linked(self) -> dict[str, xr.Dataset]:
        return {link.id: linked_time(link, self.cohorts) for link in self.links}


@dataclass(frozen=True)
class _Assembly:
    shared: Shared
    price_set: str
    costs: Fit | None

    @property
    def cohorts(self) -> Cohorts:
        return self.shared.cohorts

    @property
    def fits(self) -> dict[str, Fit]:
        """Every fit the result rests on, by what it estimates."""
        return {"outcome": self.cohorts.fit} | ({"costs": self.costs} if self.costs else {})

    def dataset(self) -> xr.Dataset:
        cohorts, request = self.cohorts, self.cohorts.request
        money = Money(cohorts, self.price_set)
        own = money.downstream(cohorts.model, cohorts.run)
        linked = [
            money.downstream(AVOIDED_COST_MODELS[link.target.model], self.shared.linked[link.id])
            for link in self.shared.links
        ]
        downstream = own
        for part in linked:
            downstream = downstream.plus(part)
        cost, service = money.service(self.costs)
        cost = money.corrected(cost)
        euros = {name: money.corrected(values) for name, values in downstream.euros.items()}
        payers = sorted({*cost["payer"].values, *euros["average"]["payer"].values})
        time = cohorts.run["state_time"].sel(state=list(cohorts.model.kept_out or cohorts.model.items)).sum("state")
        by_links = [money.corrected(part.euros["cashable"]).reindex(payer=payers, fill_value=0.0) for part in linked]
        average, cashable = (euros[name].reindex(payer=payers, fill_value=0.0) for name in ("average", "cashable"))
        parts = {
            "effect": 1 - cohorts.risk,
            "events": cohorts.risk * request.clients,
            "cost": cost.reindex(payer=payers, fill_value=0.0) * request.clients,
            "average": average * request.clients,
            "cashable": cashable * request.clients,
            "time_avoided": _less(time) * request.clients,
        }
        links = xr.zeros_like(parts["cashable"]) + sum(by_links, start=0.0) * request.clients
        for name, of in (
            ("avoided", parts["cashable"]),
            ("avoided_average", parts["average"]),
            ("avoided_linked", links),
        ):
            parts[name] = of.sel(option=USUAL, drop=True) - of
        parts["discount"] = self._discount()
        out = bare(xr.Dataset(parts)).assign(self.shared.beside.data_vars)
        return self._by_municipality(out).assign_attrs(self._attrs(downstream, service))

    def _discount(self) -> xr.DataArray:
        factors = discount_factors(np.arange(self.cohorts.years), self.cohorts.catalogue.conventions.discount.rate)
        return bare(factors.assign_coords(year=self.cohorts.calendar))

    # --- what every result says of itself ---------------------------------------------------------

    def _by_municipality(self, out: xr.Dataset) -> xr.Dataset:
        """Every variable of a draw by municipality, also where the estimate is one for all."""
        codes = list(self.cohorts.municipalities)
        places = xr.DataArray(np.ones(len(codes)), {"municipality": codes})
        spread = {k: v if "municipality" in v.dims or k == "discount" else v * places for k, v in out.items()}
        order = [d for d in ("draw", "option", "municipality", "payer", "year") if d in out.dims]
        wide = xr.Dataset({k: v.transpose(*[d for d in order if d in v.dims]) for k, v in spread.items()})
        units = {"effect": "share", "events": "clients", "time_avoided": "person-years", "discount": "factor"}
        units |= {"events_prior": "clients", "ratio": "ratio", "ratio_prior": "ratio", "weight_alone": "weight"}
        for name, values in wide.items():
            values.attrs = {"unit": units.get(str(name), "EUR")}
        return wide.assign(self._local())

    def _local(self) -> dict[str, xr.DataArray]:
        """By municipality: clients in the data (protected, -1 hidden or none) and how far it leans on others.

        Of an area nothing but that the model is shared is told.
        """
        codes, fit = list(self.cohorts.municipalities), self.cohorts.fit
        coords = {"municipality": codes}
        if "clients" not in fit.effect or self.cohorts.chain.outcome.transfer != "risk":
            hidden, alone = np.full(len(codes), -1), np.full(len(codes), np.nan)
            evidence = ["borrowed"] * len(codes)
        else:
            own = fit.effect[["clients", "pooling"]].reindex(municipality=codes)
            area = [code in self.cohorts.areas for code in codes]
            clients = own["clients"].fillna(0).to_numpy().astype(int)
            protected = [protect_count(int(n)) for n in clients]
            hidden = np.array([-1 if n is None else n for n in protected])
            alone = own["pooling"].to_numpy()
            told = zip(clients, alone, area, strict=True)
            evidence = ["shared" if whole else _evidence(int(n), float(p)) for n, p, whole in told]
        return {
            "n_clients_protected": xr.DataArray(hidden, dims="municipality", coords=coords),
            "pooling": xr.DataArray(alone, dims="municipality", coords=coords),
            "evidence": xr.DataArray(np.array(evidence, dtype=object), dims="municipality", coords=coords),
        }

    def _clients_all(self) -> int:
        """Clients in all the data, protected; -1 where the data have no municipalities."""
        effect = self.cohorts.fit.effect
        protected = protect_count(int(effect["clients"].sum())) if "clients" in effect else None
        return -1 if protected is None else protected

    def _sources(self, money: Downstream, service: dict[str, Any]) -> list[str]:
        """Ids of everything the result rests on, in the order it is met."""
        cohorts, catalogue, chain = self.cohorts, self.cohorts.catalogue, self.cohorts.chain
        named = [s for part in money.priced for s in part.cost.latest.source] + list(money.shares) + service["sources"]
        costs = [part.cost for part in money.priced]
        shares = [getattr(cost.cashable, band) for cost in costs for band in ("short", "medium", "long")]
        shares += [cost.closes_by.places for cost in costs if cost.closes_by and cohorts.request.whole_units]
        moving = [*cohorts.model.parameters, LATER, *(BASELINE if chain.outcome.transfer == "hazard_ratio" else ())]
        values = [*shares, *(catalogue.transitions[cohorts.model.id][name] for name in moving)]
        if cohorts.persistence == "wanes":
            values.append(catalogue.conventions.effect_half_life_years)
        for link in self.shared.links:
            target = AVOIDED_COST_MODELS[link.target.model]
            values += [catalogue.transitions[target.id][name] for name in target.parameters]
            values += [value for value in (link.baseline, link.persons, *link.target.inputs.values()) if value]
            named.append(published_effect(link, catalogue).source)
        believed = self.shared.researched[1]
        if believed.get("prior"):
            named += [*believed["sources"], *believed["behind"]]
        named += [s for value in values for s in value.source]
        if cohorts.request.claw_back:
            named += [s for turn in catalogue.claw_back.turns for s in turn.source]
        return list(dict.fromkeys([*named, *catalogue.conventions.discount.source, *chain.outcome.source]))

    def _attrs(self, money: Downstream, service: dict[str, Any]) -> dict[str, Any]:
        cohorts, fit, request = self.cohorts, self.cohorts.fit, self.cohorts.request
        conventions = cohorts.catalogue.conventions
        years = sorted({f"{part.price_year}" for part in money.priced})
        on = [link.id for link in self.shared.links]
        off = [link.id for link in links_of(cohorts.model.id, cohorts.catalogue) if link.id not in on]
        return {
            "chain": cohorts.chain.id,
            "price_set": self.price_set,
            "price_year": ", ".join(years),
            "price_year_changed": int(any(part.indexed for part in money.priced)),
            "prices": json.dumps(list(dict.fromkeys(part.cost.id for part in money.priced))),
            "not_counted": json.dumps([json.loads(reason) for reason in money.left_out]),
            "service_price_quality": service["quality"],
            "service_price_year": service["price_year"],
            "persistence": cohorts.persistence,
            "links": json.dumps(on),
            "links_off": json.dumps(off),
            "claw_back": int(request.claw_back),
            "whole_units": int(request.whole_units),
            "clients": request.clients,
            "unit": "EUR",
            "seed": request.seed,
            "posterior": json.dumps({of: each.hash.partition("-")[0] for of, each in self.fits.items()}),
            "sources": json.dumps(self._sources(money, service)),
            "model": fit.model,
            "measure": str(fit.effect.attrs["measure"]),
            "n_clients_all": self._clients_all(),
            "data": str(fit.effect.attrs["data"]),
            "covariates": str(fit.effect.attrs.get("covariates", "")),
            "synthetic": max(int(each.effect.attrs["synthetic"]) for each in self.fits.values()),
            **({PRIOR: json.dumps(self.shared.researched[1])} if self.shared.researched[1] else {}),
            "gate_passed": int(all(each.passed for each in self.fits.values())),
            "gate_reasons": json.dumps(
                [{**check, "of": of} for of, each in self.fits.items() for check in each.failed_checks]
            ),
            "mass": conventions.interval_mass,
            "discount_rate": conventions.discount.rate,
            "horizons": json.dumps([h for h in conventions.horizons if h <= cohorts.years]),
            "input_hash": self._hash(),
            "version": __version__,
        }

    def _hash(self) -> str:
        cohorts = self.cohorts
        asked = cohorts.request.override(price_set=self.price_set).model_dump_json()
        costs = self.costs.hash if self.costs else ""
        parts = [cohorts.fit.hash, cohorts.catalogue.hash, costs, cohorts.chain.id, asked, __version__]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _less(time: xr.DataArray) -> xr.DataArray:
    """Usual less new."""
    return (time.sel(option=USUAL) - time.sel(option=NEW)).drop_vars("option", errors="ignore")


def _evidence(clients: int, pooling: float) -> str:
    """Where an estimate comes from; few clients and none are one class, so that none does not show."""
    if protect_count(clients) is None:
        return "elsewhere"
    return "local" if pooling < 0.5 else "shared"
