"""The cohort behind an appraisal: risks of the event, and where clients are over time; no euro yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import xarray as xr

from costeff.appraisal.areas import Area
from costeff.appraisal.request import BASELINE, LATER, Request
from costeff.avoided_cost import MODELS as AVOIDED_COST_MODELS
from costeff.avoided_cost import AvoidedCostModel, Persistence
from costeff.chain import ImpactChain
from costeff.cohort import apply_hazard_ratio, bare, probability_from_rate, rate_from_probability
from costeff.draws import OPTIONS, USUAL, thin
from costeff.errors import Problems, UsageError
from costeff.outcomes import Fit
from costeff.params import Catalogue
from costeff.params.pricing import sample

DAYS_PER_YEAR = 365


@dataclass(frozen=True)
class Cohorts:
    """The clients of a chain in some municipalities, under each option; what every price set shares.

    A code of `areas` stands among the municipalities for all of an area.
    """

    chain: ImpactChain
    catalogue: Catalogue
    fit: Fit
    municipalities: tuple[str, ...]
    request: Request
    areas: Mapping[str, Area] = field(default_factory=dict)

    def __post_init__(self) -> None:
        problems, effect = Problems(), self.fit.effect
        local = self.chain.outcome.transfer == "risk"
        unknown = set()
        for code in self.municipalities:
            try:
                self.county_of(code)
            except UsageError as error:
                unknown.add(code)
                problems.found += error.problems
        for code in self.behind if local else ():
            if code not in unknown and code not in effect["municipality"]:
                problems.add(f"municipality {code}", "the fit has no estimate for it", "fit the model with it")
        if not self.municipalities:
            problems.add("municipalities", "none was asked for", "give at least one code")
        if self.request.draws > effect.sizes["draw"]:
            rule = f"asks for {self.request.draws}, the fit has {effect.sizes['draw']}"
            problems.add("draws", rule, "ask for fewer, or sample more")
        problems.raise_if_any(UsageError, f"{self.chain.id} cannot be appraised")

    @property
    def behind(self) -> list[str]:
        """Codes of all municipalities whose data are told, alone or in an area."""
        groups = ([*self.areas[code].people] if code in self.areas else [code] for code in self.municipalities)
        return list(dict.fromkeys(code for group in groups for code in group))

    def county_of(self, code: str) -> str:
        """The county by whose law payers are named."""
        return self.areas[code].county if code in self.areas else self.catalogue.municipality(code).county

    def at_places(self, values: xr.DataArray) -> xr.DataArray:
        """Values by municipality, of the places asked for."""
        codes = list(self.municipalities)
        parts = [
            self.areas[code].mean(values) if code in self.areas else values.sel(municipality=code).to_numpy()
            for code in codes
        ]
        coords = {name: values[name].to_numpy() for name in values.dims if name != "municipality"}
        found = np.ascontiguousarray(np.stack(parts, axis=-1))  # whatever stands beside: the same sums later
        return xr.DataArray(found, coords | {"municipality": codes}, values.dims)

    @property
    def model(self) -> AvoidedCostModel:
        return AVOIDED_COST_MODELS[self.chain.impact.model]

    @property
    def years(self) -> int:
        return self.request.horizon_years or self.chain.impact.horizon_years

    @property
    def calendar(self) -> np.ndarray:
        """The years of the horizon, such as 2026, 2027, ..."""
        return self.catalogue.conventions.first_year + np.arange(self.years)

    @property
    def persistence(self) -> Persistence:
        return self.request.persistence or self.chain.outcome.persistence

    @property
    def effect_years(self) -> float:
        """The follow-up in whole cycles of the model, at least one."""
        cycles = self.chain.outcome.follow_up_days / DAYS_PER_YEAR * self.model.cycles_per_year
        return max(1, round(cycles)) / self.model.cycles_per_year

    @property
    def baseline_years(self) -> float:
        """How long the baseline of a relative effect was followed; 0 where the data hold the risks themselves."""
        if self.chain.outcome.transfer == "risk":
            return 0.0
        return self.catalogue.transitions[self.model.id][BASELINE[1]].mean

    def drawn(self, name: str) -> xr.DataArray:
        """Draws of one number of the chain's model."""
        return self.inputs(self.model, (name,))[name]

    def inputs(self, model: AvoidedCostModel, names: tuple[str, ...] = ()) -> xr.Dataset:
        """Draws of the numbers that move a model; the same wherever they are asked for."""
        values, draws, seed = self.catalogue.transitions[model.id], self.request.draws, self.request.seed
        at = np.arange(draws)
        named = {
            name: ("draw", sample(values[name], draws, seed, f"transitions.{model.id}.{name}").values)
            for name in names or model.parameters
        }
        return xr.Dataset(named, {"draw": at})

    @cached_property
    def risk(self) -> xr.DataArray:
        """Probability of the event within the follow-up (draw, option[, municipality])."""
        effect = thin(self.fit.effect, self.request.draws)
        if self.chain.outcome.transfer == "risk":
            return self.at_places(effect["risk"].transpose(..., "municipality"))
        probability, window = (self.drawn(name) for name in BASELINE)
        yearly = rate_from_probability(probability, 1) / window
        usual = probability_from_rate(yearly, self.effect_years)
        new = apply_hazard_ratio(usual, bare(effect["ratio"]))
        risk = xr.concat([usual, new], dim="option").assign_coords(option=list(OPTIONS))
        return bare(risk.transpose("draw", "option"))

    @property
    def later_risk(self) -> xr.DataArray:
        """Yearly risk of the usual service after the follow-up, or after the baseline where that is longer."""
        usual = self.risk.sel(option=USUAL, drop=True)
        if self.model.event == "fails":  # what falls with time is the rate at which the event comes
            rate = self.model.event_rate(usual, self.effect_years) * self.drawn(LATER)
            return 1 - probability_from_rate(rate, 1)
        yearly = probability_from_rate(rate_from_probability(usual, self.effect_years), 1)
        return (yearly * self.drawn(LATER)).clip(max=1.0)

    @cached_property
    def run(self) -> xr.Dataset:
        """Occupancy, time in states and moves of one client, by calendar year."""
        settings = self.catalogue.conventions
        half_life = sample(
            settings.effect_half_life_years, self.request.draws, self.request.seed, "conventions.effect_half_life_years"
        )
        wanes = self.persistence == "wanes"
        run = self.model.run(
            self.risk,
            self.later_risk,
            self.inputs(self.model),
            self.years,
            effect_years=self.effect_years,
            persistence=self.persistence,
            half_life_years=bare(half_life) if wanes else None,
            baseline_years=self.baseline_years,
        )
        return run.assign_coords(year=self.calendar)
