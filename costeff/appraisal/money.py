"""From time in states to euros by payer and calendar year, at one price set; and the cost of the service itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, cast

import numpy as np
import xarray as xr

from costeff.appraisal.cohorts import Cohorts
from costeff.appraisal.request import REGISTER
from costeff.avoided_cost import AvoidedCostModel, cash, in_whole_units
from costeff.cohort import bare
from costeff.draws import OPTIONS, thin
from costeff.errors import ParamsError, Problem, Problems, UsageError
from costeff.outcomes import Fit
from costeff.params.entries import UnitCost
from costeff.params.pricing import Priced, at_once_draws, cashable_draws, price, sample, state_price

Days = tuple[float, float | None]  # of a stay, from and to
ALL_DAYS: Days = (0.0, None)
Use = tuple[str, xr.DataArray, Priced]  # a state, the share of its people, and what a year of one costs


@dataclass(frozen=True)
class Downstream:
    """Euros of the time in states, and what they were made of."""

    euros: xr.Dataset  # average and cashable, by payer and year, of one client
    priced: tuple[Priced, ...] = ()
    shares: tuple[str, ...] = ()  # sources of shares of people
    left_out: tuple[str, ...] = ()  # reasons why a state has no price, or not all of it

    def plus(self, other: Downstream) -> Downstream:
        """Both together; a payer of only one of them counts as 0 in the other."""
        a, b = xr.align(self.euros, other.euros, join="outer", fill_value=0.0)
        left_out = tuple(dict.fromkeys(self.left_out + other.left_out))
        return Downstream(a + b, self.priced + other.priced, self.shares + other.shares, left_out)


@dataclass(frozen=True)
class Money:
    """What time costs some municipalities at one price set."""

    cohorts: Cohorts
    price_set: str

    def downstream(self, model: AvoidedCostModel, time: xr.Dataset) -> Downstream:
        """Cost of the time in a model's states: at the average price and the part that can be stopped.

        Parameters
        ----------
        time
            `state_time` and, where the model has tunnels, `stay_time`, by calendar year.
        """
        found: Downstream | None = None
        reasons: list[str] = []
        for uses in self.uses(model, reasons).values():
            euros = self._component(model, time, uses)
            sources = tuple(s for _, share, _ in uses for s in share.attrs.get("sources", []))
            more = Downstream(euros, (uses[0][2],), sources)
            found = more if found is None else found.plus(more)
        if found is None:
            place = f"price_sets.yaml {self.price_set}.prices.{model.id}"
            problem = Problem(place, "prices no state of the model", "choose another price set, or add a sourced price")
            raise ParamsError("A price is missing", [problem])
        return Downstream(found.euros, found.priced, found.shares, tuple(dict.fromkeys(reasons)))

    def uses(self, model: AvoidedCostModel, reasons: list[str]) -> dict[tuple[str, str], list[Use]]:
        """States by the unit cost that prices them, so that its units close for all of them together.

        States told apart by tunnels stand alone: their payers may differ by the time stayed. Why a state has no
        price goes to `reasons`.
        """
        request, catalogue = self.cohorts.request, self.cohorts.catalogue
        found: dict[tuple[str, str], list[Use]] = {}
        for state in model.items:
            parts = state_price(
                catalogue, self.price_set, model.id, state, request.draws, request.seed, request.price_year
            )
            left = catalogue.price_sets[self.price_set].of(model.id)[state].not_counted
            reasons += [part.reason.model_dump_json() for part in left]
            for share, part in parts:
                key = (part.cost.id, state if state in model.tunnels else "")
                found.setdefault(key, []).append((state, share, part))
        return found

    def _component(self, model: AvoidedCostModel, time: xr.Dataset, uses: list[Use]) -> xr.Dataset:
        """Euros of all the time that one unit cost prices."""
        request, catalogue, part = self.cohorts.request, self.cohorts.catalogue, uses[0][2]
        stop = cashable_draws(catalogue, part.cost, self.cohorts.years, request.draws, request.seed)
        spans = self.spans(model, uses[0][0], part.cost)
        names = list(spans)
        there = self.time(time, uses, names)
        left = self.left_standing(there, part)
        return cash(
            there,
            bare(part.draws).expand_dims(item=names),
            self.payers(part.cost.payer, spans),
            stop.assign_coords(year=self.cohorts.calendar).expand_dims(item=names),
            at_once_draws(part.cost, request.draws, request.seed).expand_dims(item=names),
            None if left is None else there * left,
        )

    def left_standing(self, there: xr.DataArray, part: Priced) -> xr.DataArray | None:
        """Of the time that a unit cost prices, what whole units leave; None where it stops little by little."""
        request, closes = self.cohorts.request, part.cost.closes_by
        if not request.whole_units or closes is None:
            return None
        places = sample(closes.places, request.draws, request.seed, f"unit_costs.{part.cost.id}.places")
        together = there.sum("state", keep_attrs=True).expand_dims(state=["all"], axis=-1)
        left = in_whole_units(together, bare(places), request.clients).isel(state=0, drop=True)
        total = together.isel(state=0, drop=True)
        return left / total.where(total != 0, 1.0)

    @staticmethod
    def time(time: xr.Dataset, uses: list[Use], names: list[str]) -> xr.DataArray:
        """Person-years that a unit cost prices, by state: one name for all states, or the tunnels of one."""
        if names != [uses[0][0]]:
            ((_, share, _),) = uses
            return time["stay_time"].sel(tunnel=names).rename(tunnel="state") * bare(share)
        parts = [time["state_time"].sel(state=state, drop=True) * bare(share) for state, share, _ in uses]
        total = parts[0]
        for other in parts[1:]:
            total = total + other
        return total.expand_dims(state=names, axis=-1)

    def spans(self, model: AvoidedCostModel, state: str, cost: UnitCost) -> dict[str, Days]:
        """The parts of a state that payers may share otherwise: each tunnel, with the days of stay it stands for.

        Who has stayed j whole cycles at the end of a cycle stands for the half cycle before and after.
        """
        length = model.tunnels.get(state)
        per_year = self.cohorts.catalogue.units[cost.basis].per_person_year
        if length is None or per_year is None:
            return {state: ALL_DAYS}
        days = per_year / model.cycles_per_year
        spans: dict[str, Days] = {f"{state}[{j}]": (max(0.0, j - 0.5) * days, (j + 0.5) * days) for j in range(length)}
        return spans | {f"{state}[{length - 1}]": ((length - 1) * days, None)}

    def payers(self, payer: str, spans: dict[str, Days] | None = None) -> xr.DataArray:
        """The share each payer pays, by (item, payer, year, municipality); law and date decide."""
        catalogue, calendar = self.cohorts.catalogue, self.cohorts.calendar
        spans = spans or {"": ALL_DAYS}
        counties = [self.cohorts.county_of(code) for code in self.cohorts.municipalities]
        shares = {
            (name, year, county): catalogue.payer_shares(payer, date(int(year), 1, 1), county, days)
            for name, days in spans.items()
            for year in calendar
            for county in set(counties)
        }
        names = sorted({who for found in shares.values() for who in found})
        grid = [[[[shares[i, y, c].get(who, 0.0) for c in counties] for y in calendar] for who in names] for i in spans]
        coords = {
            "item": list(spans), "payer": names, "year": calendar, "municipality": list(self.cohorts.municipalities)
        }  # fmt: skip
        return xr.DataArray(np.array(grid), dims=("item", "payer", "year", "municipality"), coords=coords)

    def corrected(self, euros: xr.DataArray) -> xr.DataArray:
        """Euros by payer and calendar year after the correction of the payer's funding, if that is asked for.

        What the payer paid in a year comes back, by the share of the law, so many years later, and another pays
        it. The sum over payers and years within the horizon stays the same; what is corrected later is not seen.
        """
        rule = self.cohorts.catalogue.claw_back
        if not self.cohorts.request.claw_back or rule.payer not in euros["payer"]:
            return euros
        share = [rule.share(date(int(year), 1, 1)) for year in self.cohorts.calendar]
        names = sorted({*euros["payer"].values, rule.to})
        whole = euros.reindex(payer=names, fill_value=0.0)
        before = whole.sel(payer=rule.payer, drop=True).shift(year=rule.lag_years, fill_value=0.0)
        moved = before * xr.DataArray(share, {"year": self.cohorts.calendar}, "year")
        sign = xr.DataArray(
            [(name == rule.to) * 1.0 - (name == rule.payer) for name in names], {"payer": names}, "payer"
        )
        return (whole + moved * sign).transpose(*euros.dims)

    # --- the service itself -------------------------------------------------------------------------

    def service(self, costs: Fit | None) -> tuple[xr.DataArray, dict[str, Any]]:
        """Cost of the service in the first year, of one client, by option and payer; and what is known of the price."""
        chain = self.cohorts.chain
        if chain.input.cost == REGISTER:
            per_client = self.per_client(costs)
            told = {"quality": REGISTER, "price_year": REGISTER, "sources": []}
        else:
            priced = self.service_price()
            new = bare(priced.draws)
            per_client = xr.concat([xr.zeros_like(new), new], dim="option").assign_coords(option=list(OPTIONS))
            value = priced.cost.latest
            told = {"quality": value.quality, "price_year": str(priced.price_year), "sources": list(value.source)}
        calendar = self.cohorts.calendar
        first = xr.DataArray(np.eye(1, len(calendar))[0], dims="year", coords={"year": calendar})
        cost = per_client * first * self.payers(chain.input.payer).isel(item=0, drop=True)
        return cost.transpose("draw", "option", "municipality", "payer", "year"), told

    def service_price(self) -> Priced:
        """The unit cost of the service, where it has one."""
        chain, request = self.cohorts.chain, self.cohorts.request
        return price(self.cohorts.catalogue, chain.input.cost, request.draws, request.seed, request.price_year)

    def per_client(self, costs: Fit | None) -> xr.DataArray:
        """Mean cost per client (draw, option[, municipality]), as it was estimated.

        Its draws are paired with those of the outcome by their place in the chains: the two fits are independent.
        """
        place = f"chains {self.cohorts.chain.id}.input.cost"
        if costs is None:
            problem = Problem(place, "is register, and no fit of costs was given", "give a fitted cost model")
            raise ParamsError("The cost of the service is missing", [problem])
        found, draws = costs.effect["mean"], self.cohorts.request.draws
        problems = Problems()
        if draws > found.sizes["draw"]:
            rule = f"{draws} draws are asked for, the fit of costs has {found.sizes['draw']}"
            problems.add(place, rule, "ask for fewer, or sample more")
        local = "municipality" in found.dims
        for code in self.cohorts.behind if local else ():
            if code not in found["municipality"]:
                problems.add(f"municipality {code}", "the fit of costs has no estimate for it", "fit the costs with it")
        problems.raise_if_any(UsageError, "The cost of the service cannot be told")
        thinned = bare(cast(xr.DataArray, thin(found, draws)))
        return self.cohorts.at_places(thinned.transpose(..., "municipality")) if local else thinned
