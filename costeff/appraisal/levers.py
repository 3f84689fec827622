"""The numbers one municipality's appraisal rests on: as drawn, or set one by one to see what moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr

from costeff import decision
from costeff.appraisal.again import Again
from costeff.appraisal.cohorts import Cohorts
from costeff.appraisal.money import Money
from costeff.appraisal.request import BASELINE, LATER, REGISTER, Request, check_chains
from costeff.avoided_cost import Domain
from costeff.chain import ImpactChain
from costeff.draws import NEW, USUAL, rng, summarise, thin
from costeff.errors import ParamsError, Problems, UsageError
from costeff.outcomes import Fit
from costeff.params import Catalogue
from costeff.params.entries import Cashable, Uncertain
from costeff.params.pricing import quantiles, sample
from costeff.spec import Label

RISK, RATIO, SERVICE, CLIENTS, HALF_LIFE = "risk_usual", "effect_ratio", "service_cost", "clients", "half_life_years"
DISCOUNT = "discount_rate"
CASHABLE = ".cashable"  # after the id of a unit cost: the share that can be stopped in the medium run
BANDS = ("short", "medium", "long")
LABELS = {
    RISK: Label(fi="Riski tavanomaisessa palvelussa", sv="Risk i sedvanlig service", en="Risk under the usual service"),
    RATIO: Label(fi="Vaikutus (suhdeluku)", sv="Effekt (kvot)", en="Effect (ratio)"),
    SERVICE: Label(
        fi="Palvelun lisähinta asiakasta kohden",
        sv="Tjänstens merkostnad per klient",
        en="Extra cost of the service per client",
    ),
    CLIENTS: Label(fi="Asiakkaita", sv="Klienter", en="Clients"),
    DISCOUNT: Label(fi="Diskonttokorko vuodessa", sv="Diskonteringsränta per år", en="Discount rate a year"),
    HALF_LIFE: Label(fi="Vaikutuksen puoliintumisaika", sv="Effektens halveringstid", en="Half-life of the effect"),
}
STOPPABLE = Label(fi="pois jäävä osuus", sv="andel som faller bort", en="share that can be stopped")


@dataclass(frozen=True)
class Levers:
    """One municipality's appraisal as a function of its numbers.

    Called with values by name it gives the expected net saving by payer. What is at its `base` stays as it was
    drawn, so that the answer at the base is the headline, and a single value moved is the headline given that value.
    A value set is known in every draw, which by itself moves the mean of what is not straight in it: along a curve,
    or where a break-even is sought, use `holding`, so that the base is a point of the curve too.

    Parameters
    ----------
    fit, costs
        As in `appraise`.
    request
        Its draws and its price set; a few hundred draws are enough for means.
    discounted, basis
        As in `decision.flows`.
    held
        Numbers that are known at their base too.
    """

    chain: ImpactChain
    catalogue: Catalogue
    fit: Fit
    municipality: str
    request: Request
    costs: Fit | None = None
    discounted: bool = True
    basis: decision.Basis = "cashable"
    held: tuple[str, ...] = ()

    def holding(self, *names: str) -> Levers:
        """The same, with some numbers known in every draw, also at their base."""
        return replace(self, held=(*self.held, *names))

    @cached_property
    def parameters(self) -> xr.Dataset:
        """Every uncertain number, as the appraisal draws it.

        Returns
        -------
        Dataset over `draw`. A transition is named model.parameter, a unit cost by its id, its cashable share in the
        medium run <id>.cashable; beside them the risk under the usual service, the effect and the extra cost of the
        service. What does not vary is left out, and so are the numbers of linked models, the shares of people that a
        price set may give a component, and the sizes of units that close. Attributes of each: `label_fi`, `label_sv`,
        `label_en`, `unit`.
        """
        found = {**self._of_the_data(), **self._of_the_cohort(), **self._of_the_prices()}
        varying = {name: values for name, values in found.items() if float(values.std()) > 0}
        attrs = {"municipality": self.municipality, "chain": self.chain.id, "seed": self.request.seed}
        return xr.Dataset(varying, attrs=attrs)

    @cached_property
    def base(self) -> dict[str, float]:
        """The mean of every uncertain number, the number of clients, and the discount rate."""
        means = {str(name): float(values.mean()) for name, values in self.parameters.items()}
        rate = self.catalogue.conventions.discount.rate
        return {**means, CLIENTS: float(self.request.clients), DISCOUNT: rate}

    def ranges(self, mass: float | None = None) -> dict[str, tuple[float, float]]:
        """The central interval of every uncertain number, widened to its mean where that lies outside."""
        told = {
            str(name): summarise(values, mass or self.catalogue.conventions.interval_mass)
            for name, values in self.parameters.items()
        }
        return {
            name: (min(float(s["low"]), self.base[name]), max(float(s["high"]), self.base[name]))
            for name, s in told.items()
        }

    def __call__(self, values: Mapping[str, float]) -> xr.DataArray:
        """Expected net saving by payer, EUR for all clients over the horizon.

        Raises
        ------
        UsageError
            A name that is not among `base`, or a value its number cannot take.
        """
        moved = self._moved(values)
        key = tuple(sorted(moved.items()))
        if key not in self._told_before:
            self._told_before[key] = self._saved(moved)
        return self._told_before[key].copy()

    def _saved(self, moved: Mapping[str, float]) -> xr.DataArray:
        ds = self.appraisal(moved)
        saved = decision.by_payer(ds, discounted=self.discounted, basis=self.basis).mean("draw", keep_attrs=True)
        everyone = sorted({*self._payers, *saved["payer"].to_numpy()})
        return saved.reindex(payer=everyone, fill_value=0.0)

    def appraisal(self, values: Mapping[str, float]) -> xr.Dataset:
        """The appraisal with some numbers set, over (draw, option, payer, year)."""
        moved = self._moved(values)
        catalogue, fit, costs, request = self.catalogue, self.fit, self.costs, self.request
        for name, value in moved.items():
            if name in (RISK, RATIO):
                continue
            if name == CLIENTS:
                request = request.override(clients=round(value))
            elif name == SERVICE:
                costs = self._costing(value)
            else:
                catalogue = with_number(catalogue, name, value)
        if RISK in moved or RATIO in moved:
            fit = self._acting(moved)
        ds = self._again(catalogue, fit, [self.municipality], request, costs)
        return ds.sel(municipality=self.municipality, drop=True)

    def label(self, name: str, language: str) -> str:
        """What a number is called."""
        if name in LABELS:
            return str(LABELS[name][language])
        plain = name.removesuffix(CASHABLE)
        model, _, parameter = plain.partition(".")
        row = self.catalogue.transitions[model][parameter] if parameter else self.catalogue.unit_costs[plain]
        return f"{row.label[language]}, {STOPPABLE[language]}" if name.endswith(CASHABLE) else str(row.label[language])

    # --- what is drawn ----------------------------------------------------------------------------

    @cached_property
    def _cohorts(self) -> Cohorts:
        return Cohorts(self.chain, self.catalogue, self.fit, (self.municipality,), self.request)

    @cached_property
    def _again(self) -> Again:
        check_chains(self.catalogue).raise_if_any(ParamsError, "The parameters cannot be appraised")
        return Again(self.chain)

    @cached_property
    def _payers(self) -> list[str]:
        return [str(name) for name in self.appraisal({})["payer"].to_numpy()]

    @cached_property
    def _told_before(self) -> dict[tuple[tuple[str, float], ...], xr.DataArray]:
        """Net saving by what was moved: a search comes back to the same points."""
        return {}

    @property
    def _local(self) -> bool:
        return self.chain.outcome.transfer == "risk"

    def _told(self, name: str, values: Any, unit: str) -> xr.DataArray:
        labels = {f"label_{language}": self.label(name, language) for language in ("fi", "sv", "en")}
        at = np.arange(self.request.draws)
        return xr.DataArray(np.asarray(values), {"draw": at}, "draw", attrs={**labels, "unit": unit})

    def _of_the_data(self) -> dict[str, xr.DataArray]:
        risk = self._cohorts.risk
        if self._local:
            usual, new = (risk.sel(option=o, municipality=self.municipality) for o in (USUAL, NEW))
            found = {RISK: self._told(RISK, usual, "probability"), RATIO: self._told(RATIO, new / usual, "risk ratio")}
        else:
            ratio = thin(self.fit.effect["ratio"], self.request.draws)
            found = {RATIO: self._told(RATIO, ratio, "hazard ratio")}
        if self.chain.input.cost == REGISTER and self.costs is not None:
            prices = self.request.price_set or self.chain.impact.price_set
            cost, _ = Money(self._cohorts, prices).service(self.costs)
            extra = cost.sum(["payer", "year"]).sel(municipality=self.municipality)
            found[SERVICE] = self._told(SERVICE, extra.sel(option=NEW) - extra.sel(option=USUAL), "EUR/client")
        return found

    def _of_the_cohort(self) -> dict[str, xr.DataArray]:
        model, catalogue = self._cohorts.model, self.catalogue
        names = (*model.parameters, LATER, *(() if self._local else BASELINE))
        rows = {f"{model.id}.{name}": catalogue.transitions[model.id][name] for name in names}
        drawn = self._cohorts.inputs(model, names)
        found = {key: self._told(key, drawn[key.partition(".")[2]], row.unit) for key, row in rows.items()}
        if self._cohorts.persistence == "wanes":
            settings, request = catalogue.conventions, self.request
            half = sample(
                settings.effect_half_life_years, request.draws, request.seed, "conventions.effect_half_life_years"
            )
            found[HALF_LIFE] = self._told(HALF_LIFE, half, "years")
        return found

    def _of_the_prices(self) -> dict[str, xr.DataArray]:
        chain, catalogue, request = self.chain, self.catalogue, self.request
        prices = catalogue.entry("price_sets", request.price_set or chain.impact.price_set)
        model = self._cohorts.model
        costs = [part.cost for state in model.items for part in prices.of(model.id)[state].components]
        found = {}
        for name in dict.fromkeys(costs):
            cost = catalogue.unit_costs[name]
            drawn = sample(cost.latest, request.draws, request.seed, f"unit_costs.{name}")
            found[name] = self._told(name, drawn, cost.unit)
            key, u = name + CASHABLE, rng(request.seed, f"cashable.{name}").uniform(size=request.draws)
            found[key] = self._told(key, quantiles(cost.cashable.medium, u), "share")
        if chain.input.cost != REGISTER:
            cost = catalogue.unit_costs[chain.input.cost]
            drawn = sample(cost.latest, request.draws, request.seed, f"unit_costs.{cost.id}")
            found[cost.id] = self._told(cost.id, drawn, cost.unit)
        return found

    # --- what is set ------------------------------------------------------------------------------

    def _moved(self, values: Mapping[str, float]) -> dict[str, float]:
        """What is not at its base, or held there, checked."""
        moved = {n: float(value) for n, value in values.items() if n in self.held or value != self.base.get(n)}
        self._check(moved)
        return moved

    @property
    def _domains(self) -> dict[str, Domain]:
        """What the numbers of the cohort may be."""
        model = self._cohorts.model
        own = {f"{model.id}.{name}": domain for name, domain in model.domains.items()}
        baseline = zip(BASELINE, (Domain.PROBABILITY, Domain.DURATION), strict=True)
        more = {f"{model.id}.{name}": domain for name, domain in baseline}
        return {RISK: Domain.PROBABILITY, HALF_LIFE: Domain.DURATION, **more, **own}

    def _check(self, moved: Mapping[str, float]) -> None:
        problems, domains = Problems(), self._domains
        for name, value in moved.items():
            if name not in self.base:
                problems.add(f"value {name}", "is not a number of this appraisal", f"known: {', '.join(self.base)}")
            elif wrong := unfit(name, value, domains.get(name)):
                problems.add(f"value {name}", *wrong)
            elif name == CLIENTS and round(value) < 1:
                problems.add(f"value {name}", f"{value:g} is less than 1 client", "give 1 or more")
        problems.raise_if_any(UsageError, "The appraisal cannot be moved")

    def _acting(self, moved: Mapping[str, float]) -> Fit:
        """The fit with the municipality's risk or the effect set."""
        effect, here = self.fit.effect, {"municipality": [self.municipality]}
        told = f"{self.fit.hash}-{dict(moved)}"
        if not self._local:
            ratio = xr.full_like(effect["ratio"], moved[RATIO])
            return replace(self.fit, effect=effect.assign(ratio=ratio), hash=told)
        risk = effect["risk"].copy()
        usual, new = (risk.loc[here].sel(option=option, drop=True) for option in (USUAL, NEW))
        ratio = new / usual
        usual = xr.full_like(usual, moved[RISK]) if RISK in moved else usual
        ratio = xr.full_like(ratio, moved[RATIO]) if RATIO in moved else ratio
        for option, value in ((USUAL, usual), (NEW, (usual * ratio).clip(max=1.0))):
            risk.loc[{**here, "option": option}] = value
        return replace(self.fit, effect=effect.assign(risk=risk), hash=told)

    def _costing(self, extra: float) -> Fit:
        """The costs with the new option so much dearer than the usual one."""
        costs = self.costs
        assert costs is not None  # or it would not be among the parameters
        mean = costs.effect["mean"]
        usual = mean.sel(option=USUAL, drop=True)
        both = xr.concat([usual, usual + extra], mean["option"]).transpose(*mean.dims)
        return replace(costs, effect=costs.effect.assign(mean=both), hash=f"{costs.hash}-{extra}")


def unfit(name: str, value: float, domain: Domain | None) -> tuple[str, str] | None:
    """Why a number cannot be what it is set to, and what it may be."""
    if not np.isfinite(value) or (value < 0 and name != SERVICE):
        return f"{value:g} is missing, infinite or below 0", "give a number from 0 on"
    if name == DISCOUNT and value >= 1:
        return f"{value:g} is a rate of 100 per cent or more", "give a share, such as 0.03 for 3 per cent"
    if (domain == Domain.PROBABILITY or name.endswith(CASHABLE)) and value > 1:
        return f"{value:g} is above 1", "give a share from 0 to 1"
    if domain == Domain.DURATION and value == 0:
        return "is 0", "give years above 0"
    return None


def with_number(catalogue: Catalogue, name: str, value: float) -> Catalogue:
    """A catalogue in which one number is known; it must be there, and may be what it is set to."""
    changes = (*catalogue.changes, f"{name} set to {value!r}")
    model, _, parameter = name.partition(".")
    if name == HALF_LIFE:
        settings = catalogue.conventions
        known = settings.override(effect_half_life_years=_known(settings.effect_half_life_years, value))
        return replace(catalogue, conventions=known, changes=changes)
    if name == DISCOUNT:
        settings = catalogue.conventions
        rate = settings.discount.override(rate=value, note="Set to see what it moves.")
        return replace(catalogue, conventions=settings.override(discount=rate), changes=changes)
    if name.endswith(CASHABLE):
        cost = catalogue.unit_costs[name.removesuffix(CASHABLE)]
        moved = cost.override(cashable=_stopping(cost.cashable, value))
        return replace(catalogue, unit_costs={**catalogue.unit_costs, cost.id: moved}, changes=changes)
    if parameter:
        rows = catalogue.transitions[model]
        moved_rows = {**rows, parameter: _known(rows[parameter], value)}
        return replace(catalogue, transitions={**catalogue.transitions, model: moved_rows}, changes=changes)
    cost = catalogue.unit_costs[name]
    values = tuple(_known(v, value) if v is cost.latest else v for v in cost.values)
    return replace(catalogue, unit_costs={**catalogue.unit_costs, name: cost.override(values=values)}, changes=changes)


def _known(row: Any, value: float) -> Any:
    return row.override(mean=value, low=None, high=None, family="fixed", note="Set to see what it moves.")


def _stopping(cashable: Cashable, medium: float) -> Cashable:
    """All three horizons as surely stopped as the medium one: who is slow at first is slow throughout."""
    u = np.linspace(1e-4, 1 - 1e-4, 2001)
    at = float(np.interp(medium, quantiles(cashable.medium, u), u)) if cashable.medium.family != "fixed" else 0.5

    def share(row: Uncertain) -> float:
        return float(quantiles(row, np.array([at]))[0])

    short, long = min(share(cashable.short), medium), max(share(cashable.long), medium)
    shares = dict(zip(BANDS, (short, medium, long), strict=True))
    return cashable.override(**{band: _known(getattr(cashable, band), shares[band]) for band in BANDS})
