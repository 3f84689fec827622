"""Chain, catalogue, draws of an effect and municipalities, put together into one labelled Dataset."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from costeff import __version__
from costeff.appraisal.request import BASELINE, LATER, Request
from costeff.avoided_cost import MODELS as AVOIDED_COST_MODELS
from costeff.avoided_cost import AvoidedCostModel, cash
from costeff.chain import ImpactChain
from costeff.cohort import apply_hazard_ratio, discount_factors, probability_from_rate, rate_from_probability
from costeff.disclosure import protect_count
from costeff.draws import NEW, OPTIONS, USUAL, rng, thin
from costeff.errors import DataError, ParamsError, Problem, Problems, UsageError
from costeff.outcomes import Fit
from costeff.params import Catalogue
from costeff.params.pricing import Priced, cashable_draws, price, sample, state_price
from costeff.records import Cells

DAYS_PER_YEAR = 365


def appraise(
    chain: ImpactChain,
    catalogue: Catalogue,
    fit: Fit,
    municipalities: Sequence[str],
    request: Request,
    costs: Cells | None = None,
) -> xr.Dataset:
    """What a service changes, costs and avoids, for all municipalities asked for at once.

    Parameters
    ----------
    fit
        The chain's outcome model, fitted.
    municipalities
        Three-digit codes.
    costs
        Cost cells by option, where the chain takes its cost from the register.

    Returns
    -------
    Dataset over (draw, option, municipality, payer, year), EUR for `request.clients` clients:
    `effect` (share of clients without the event), `events`, `cost`, `average`, `cashable`,
    `avoided`, `avoided_average`, `time_avoided` (person-years), `discount`.

    Raises
    ------
    ParamsError
        When a price or an index level is not known.
    """
    return _Assembly(chain, catalogue, fit, tuple(municipalities), request, costs).dataset()


def states(
    chain: ImpactChain, catalogue: Catalogue, fit: Fit, municipalities: Sequence[str], request: Request
) -> xr.Dataset:
    """Where clients are over time under each option, before any euro: the cohort behind `appraise`.

    Returns
    -------
    Dataset with `occupancy` (option, draw, [municipality,] cycle, state) and `state_time`
    (option, draw, [municipality,] year, state), of one client.
    """
    assembly = _Assembly(chain, catalogue, fit, tuple(municipalities), request, None)
    return assembly.run(assembly._risk())


@dataclass(frozen=True)
class _Assembly:
    chain: ImpactChain
    catalogue: Catalogue
    fit: Fit
    municipalities: tuple[str, ...]
    request: Request
    costs: Cells | None

    def __post_init__(self) -> None:
        problems, effect = Problems(), self.fit.effect
        local = self.chain.outcome.transfer == "risk"
        for code in self.municipalities:
            try:
                self.catalogue.municipality(code)
            except UsageError as error:
                problems.found += error.problems
                continue
            if local and code not in effect["municipality"]:
                problems.add(f"municipality {code}", "the fit has no estimate for it", "fit the model with it")
        if not self.municipalities:
            problems.add("municipalities", "none was asked for", "give at least one code")
        if self.request.draws > effect.sizes["draw"]:
            rule = f"asks for {self.request.draws}, the fit has {effect.sizes['draw']}"
            problems.add("draws", rule, "ask for fewer, or sample more")
        problems.raise_if_any(UsageError, f"{self.chain.id} cannot be appraised")

    def dataset(self) -> xr.Dataset:
        risk = self._risk()
        run = self.run(risk)
        state_time = run["state_time"].assign_coords(year=self._calendar())
        money = self._downstream(state_time)
        cost, service = self._service_cost()
        time = state_time.sel(state=list(self.model.items)).sum("state")
        payers = sorted({*cost["payer"].values, *money["payer"].values})
        euros = {"cost": cost, "average": money["average"], "cashable": money["cashable"]}
        euros = {name: values.reindex(payer=payers, fill_value=0.0) for name, values in euros.items()}
        parts = {
            "effect": 1 - risk,
            "events": risk * self.request.clients,
            "cost": euros["cost"],
            "average": euros["average"] * self.request.clients,
            "cashable": euros["cashable"] * self.request.clients,
            "time_avoided": (time.sel(option=USUAL) - time.sel(option=NEW)).drop_vars("option", errors="ignore")
            * self.request.clients,
        }
        out = xr.Dataset(parts).drop_attrs()
        for name, of in (("avoided", "cashable"), ("avoided_average", "average")):
            out[name] = out[of].sel(option=USUAL, drop=True) - out[of]
        out["discount"] = self._discount()
        out = self._by_municipality(out)
        return out.assign_attrs(self._attrs(money.attrs, service))

    # --- effect ---------------------------------------------------------------------------------

    def run(self, risk: xr.DataArray) -> xr.Dataset:
        """The avoided-cost model at these risks: occupancy and time in states of one client."""
        return self.model.run(
            risk,
            self._later_risk(risk.sel(option=USUAL, drop=True)),
            xr.Dataset({name: self._drawn(name) for name in self.model.parameters}).drop_attrs(),
            self.years,
            effect_years=self._effect_years(),
        )

    @property
    def model(self) -> AvoidedCostModel:
        return AVOIDED_COST_MODELS[self.chain.impact.model]

    @property
    def years(self) -> int:
        return self.request.horizon_years or self.chain.impact.horizon_years

    def _effect_years(self) -> float:
        """The follow-up in whole cycles of the model, at least one."""
        cycles = self.chain.outcome.follow_up_days / DAYS_PER_YEAR * self.model.cycles_per_year
        return max(1, round(cycles)) / self.model.cycles_per_year

    def _drawn(self, name: str) -> xr.DataArray:
        value = self.catalogue.transitions[self.model.id][name]
        return sample(value, self.request.draws, self.request.seed, f"transitions.{self.model.id}.{name}").drop_attrs()

    def _risk(self) -> xr.DataArray:
        """Probability of the event within the follow-up (draw, option[, municipality])."""
        effect = thin(self.fit.effect, self.request.draws)
        if self.chain.outcome.transfer == "risk":
            return effect["risk"].sel(municipality=list(self.municipalities)).drop_attrs()
        probability, window = (self._drawn(name) for name in BASELINE)
        yearly = rate_from_probability(probability, 1) / window
        usual = probability_from_rate(yearly, self._effect_years())
        new = apply_hazard_ratio(usual, effect["ratio"].drop_attrs())
        risk = xr.concat([usual, new], dim="option").assign_coords(option=list(OPTIONS))
        return risk.transpose("draw", "option").drop_attrs()

    def _later_risk(self, usual: xr.DataArray) -> xr.DataArray:
        """Yearly risk after the follow-up, the same for both options."""
        yearly = probability_from_rate(rate_from_probability(usual, self._effect_years()), 1)
        return (yearly * self._drawn(LATER)).clip(max=1.0)

    # --- money ----------------------------------------------------------------------------------

    def _calendar(self) -> np.ndarray:
        return self.catalogue.conventions.first_year + np.arange(self.years)

    def _discount(self) -> xr.DataArray:
        factors = discount_factors(np.arange(self.years), self.catalogue.conventions.discount.rate)
        return factors.assign_coords(year=self._calendar()).drop_attrs()

    def _payers(self, payer: str) -> xr.DataArray:
        """1 for who pays, by (payer, year, municipality); law and date decide."""
        counties = [self.catalogue.municipality(code).county for code in self.municipalities]
        by_county = {
            (county, year): self.catalogue.payer_of(payer, date(int(year), 1, 1), county)
            for county in set(counties)
            for year in self._calendar()
        }
        names = sorted(set(by_county.values()))
        grid = [[[by_county[c, y] == name for c in counties] for y in self._calendar()] for name in names]
        coords = {"payer": names, "year": self._calendar(), "municipality": list(self.municipalities)}
        return xr.DataArray(np.array(grid, dtype=float), dims=("payer", "year", "municipality"), coords=coords)

    def _downstream(self, state_time: xr.DataArray) -> xr.Dataset:
        """Cost of the time in priced states, of one client: at the average price and the part that can be stopped."""
        total, priced, left_out, shares = None, [], [], []
        price_set = self.request.price_set or self.chain.impact.price_set
        for state in self.model.items:
            parts = state_price(
                self.catalogue, price_set, state, self.request.draws, self.request.seed, self.request.price_year
            )
            left_out += [part.cost for part in self.catalogue.price_sets[price_set].prices[state].not_counted]
            for share, part in parts:
                money = self._component(state_time, state, share * part.draws, part)
                total = money if total is None else xr.Dataset({k: _add(total[k], money[k]) for k in money})
                priced.append(part)
                shares += share.attrs.get("sources", [])
        assert total is not None  # a model has items, a price set has components
        return total.assign_attrs(price_set=price_set, priced=priced, not_counted=left_out, shares=shares)

    def _component(self, state_time: xr.DataArray, state: str, euros: xr.DataArray, part: Priced) -> xr.Dataset:
        stop = cashable_draws(self.catalogue, part.cost, self.years, self.request.draws, self.request.seed)
        item = {"item": [state]}
        return cash(
            state_time,
            euros.drop_attrs().expand_dims(item),
            self._payers(part.cost.payer).expand_dims(item),
            stop.assign_coords(year=self._calendar()).expand_dims(item),
        )

    def _service_cost(self) -> tuple[xr.DataArray, dict[str, Any]]:
        """Cost of the service itself in the first year, by option and payer, and what is known of the price."""
        if self.chain.input.cost == "register":
            per_client, told = self._cost_from_register()
        else:
            priced = price(
                self.catalogue, self.chain.input.cost, self.request.draws, self.request.seed, self.request.price_year
            )
            new = priced.draws.drop_attrs()
            per_client = xr.concat([xr.zeros_like(new), new], dim="option").assign_coords(option=list(OPTIONS))
            value = priced.cost.latest
            told = {"quality": value.quality, "price_year": str(priced.price_year), "sources": list(value.source)}
        first = xr.DataArray(np.eye(1, self.years)[0], dims="year", coords={"year": self._calendar()})
        cost = per_client * first * self._payers(self.chain.input.payer) * self.request.clients
        return cost.transpose("draw", "option", "municipality", "payer", "year"), told

    def _cost_from_register(self) -> tuple[xr.DataArray, dict[str, Any]]:
        """Mean cost per client by option: a normal distribution from n, sum and sum of squares."""
        if self.costs is None:
            raise ParamsError(
                "The cost of the service is missing",
                [
                    Problem(
                        f"chains {self.chain.id}.input.cost",
                        "is register, and no cost cells were given",
                        "give cost cells",
                    )
                ],
            )
        mean, error = standardised_cost(self.costs)
        noise = rng(self.request.seed, f"cost.{self.chain.id}").normal(size=(self.request.draws, len(OPTIONS)))
        draws = (mean + noise * error).clip(min=0.0)
        coords = {"draw": np.arange(self.request.draws), "option": list(OPTIONS)}
        told = {"quality": "register", "price_year": "register", "sources": []}
        return xr.DataArray(draws, dims=("draw", "option"), coords=coords), told

    # --- what every result says of itself ---------------------------------------------------------

    def _by_municipality(self, out: xr.Dataset) -> xr.Dataset:
        """Every variable of a draw by municipality, also where the estimate is one for all."""
        places = xr.DataArray(np.ones(len(self.municipalities)), {"municipality": list(self.municipalities)})
        spread = {k: v if "municipality" in v.dims or k == "discount" else v * places for k, v in out.items()}
        order = [d for d in ("draw", "option", "municipality", "payer", "year") if d in out.dims]
        wide = xr.Dataset({k: v.transpose(*[d for d in order if d in v.dims]) for k, v in spread.items()})
        units = {"effect": "share", "events": "clients", "time_avoided": "person-years", "discount": "factor"}
        for name, values in wide.items():
            values.attrs = {"unit": units.get(str(name), "EUR")}
        return wide.assign(self._local())

    def _local(self) -> dict[str, xr.DataArray]:
        """By municipality: clients in the data (protected, -1 hidden or none) and how far it leans on others."""
        codes = list(self.municipalities)
        coords = {"municipality": codes}
        if "clients" not in self.fit.effect or self.chain.outcome.transfer != "risk":
            hidden, alone = np.full(len(codes), -1), np.full(len(codes), np.nan)
            evidence = ["borrowed"] * len(codes)
        else:
            clients = self.fit.effect["clients"].sel(municipality=codes).to_numpy()
            protected = [protect_count(int(n)) for n in clients]
            hidden = np.array([-1 if n is None else n for n in protected])
            alone = self.fit.effect["pooling"].sel(municipality=codes).to_numpy()
            evidence = [_evidence(int(n), float(p)) for n, p in zip(clients, alone, strict=True)]
        return {
            "n_clients_protected": xr.DataArray(hidden, dims="municipality", coords=coords),
            "pooling": xr.DataArray(alone, dims="municipality", coords=coords),
            "evidence": xr.DataArray(np.array(evidence, dtype=object), dims="municipality", coords=coords),
        }

    def _clients_all(self) -> int:
        """Clients in all the data, protected; -1 where the data have no municipalities."""
        if "clients" not in self.fit.effect:
            return -1
        protected = protect_count(int(self.fit.effect["clients"].sum()))
        return -1 if protected is None else protected

    def _attrs(self, money: dict[str, Any], service: dict[str, Any]) -> dict[str, Any]:
        priced: list[Priced] = money["priced"]
        years = sorted({f"{part.price_year}" for part in priced})
        named = [s for part in priced for s in part.cost.latest.source] + money["shares"] + service["sources"]
        shares = [getattr(part.cost.cashable, band) for part in priced for band in ("short", "medium", "long")]
        named += [s for share in shares for s in share.source]
        parameters = (
            *self.model.parameters,
            LATER,
            *(BASELINE if self.chain.outcome.transfer == "hazard_ratio" else ()),
        )
        named += [s for name in parameters for s in self.catalogue.transitions[self.model.id][name].source]
        named += list(self.catalogue.conventions.discount.source)
        named += self.chain.outcome.source
        return {
            "chain": self.chain.id,
            "price_set": money["price_set"],
            "price_year": ", ".join(years),
            "price_year_changed": int(any(part.indexed for part in priced)),
            "prices": json.dumps([part.cost.id for part in priced]),
            "not_counted": json.dumps(money["not_counted"]),
            "service_price_quality": service["quality"],
            "service_price_year": service["price_year"],
            "clients": self.request.clients,
            "unit": "EUR",
            "seed": self.request.seed,
            "sources": json.dumps(list(dict.fromkeys(named))),
            "model": self.fit.model,
            "measure": str(self.fit.effect.attrs["measure"]),
            "n_clients_all": self._clients_all(),
            "data": str(self.fit.effect.attrs["data"]),
            "synthetic": int(self.fit.effect.attrs["synthetic"]),
            "gate_passed": int(self.fit.passed),
            "gate_reasons": json.dumps(self.fit.failed_checks),
            "mass": self.catalogue.conventions.interval_mass,
            "discount_rate": self.catalogue.conventions.discount.rate,
            "horizons": json.dumps([h for h in self.catalogue.conventions.horizons if h <= self.years]),
            "input_hash": self._hash(),
            "version": __version__,
        }

    def _hash(self) -> str:
        costs = self.costs.hash if self.costs else ""
        parts = [self.fit.hash, self.catalogue.hash, costs, self.chain.id, self.request.model_dump_json(), __version__]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def standardised_cost(costs: Cells) -> tuple[np.ndarray, np.ndarray]:
    """Mean cost per client and its standard error by option, for the same mix of risk groups under both.

    A group that one option lacks cannot be compared and is left out of both.
    """
    groups = [name for name in costs.by if name != "option"]
    table = costs.table.set_index([*groups, "option"])[["n", "sum", "sum_squares"]]
    wide = (table if groups else pd.concat({"all": table})).unstack("option")
    absent = [name for name in OPTIONS if ("n", name) not in wide]
    wide = wide.dropna()
    if absent or wide.empty:
        rule = f"no client has a cost under {', '.join(absent) or 'both options in any group'}"
        problem = Problem("cost cells", rule, "both options are needed")
        raise DataError("The cost of the service is missing", [problem])
    n, total, squares = (wide[name][list(OPTIONS)].to_numpy() for name in ("n", "sum", "sum_squares"))
    mean = total / n
    variance = (squares / n - mean**2).clip(min=0.0) / n
    share = (n.sum(axis=1) / n.sum())[:, None]
    return (share * mean).sum(axis=0), np.sqrt((share**2 * variance).sum(axis=0))


def _evidence(clients: int, pooling: float) -> str:
    """Where an estimate comes from; few clients and none are one class, so that none does not show."""
    if protect_count(clients) is None:
        return "elsewhere"
    return "local" if pooling < 0.5 else "shared"


def _add(first: xr.DataArray, second: xr.DataArray) -> xr.DataArray:
    """A sum over components; a payer of only one of them counts as 0 in the other."""
    a, b = xr.align(first, second, join="outer", fill_value=0.0)
    return a + b
