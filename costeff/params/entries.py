"""The kinds of rows in params/: what each must carry to be believed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from math import isclose
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from costeff.shown import Shows
from costeff.spec import CountyCode, Id, Label, MunicipalityCode, Sources, Spec, Year

Quality = Literal["register", "survey", "budget", "study", "stated", "derived", "assumption"]
Family = Literal["gamma", "lognormal", "normal", "beta", "uniform", "fixed"]

QUALITY_LABELS: dict[str, Label] = {
    "register": Label(fi="rekisteri", sv="register", en="register"),
    "survey": Label(fi="kysely", sv="enkät", en="survey"),
    "budget": Label(fi="talousarvio", sv="budget", en="budget"),
    "study": Label(fi="tutkimus", sv="studie", en="study"),
    "stated": Label(fi="esitetty luku", sv="angivet tal", en="stated figure"),
    "derived": Label(fi="johdettu", sv="härlett", en="derived"),
    "assumption": Label(fi="oletus", sv="antagande", en="assumption"),
}


class Entry(Shows, Spec):
    """A row that shows itself as a card."""

    def _html(self) -> str:
        from costeff.params.show import entry_html

        return entry_html(self)

    def _plain(self) -> str:
        from costeff.params.show import entry_plain

        return entry_plain(self)


class Source(Entry):
    """Where a value was read."""

    title: str
    publisher: str
    published: Annotated[str, Field(pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$")] | None = None
    url: Annotated[str, Field(pattern=r"^https?://[^\s<>\"]+$")] | None = None
    licence: str | None = None
    note: str | None = None


class Uncertain(Spec):
    """A value with its distribution, its source and the kind of evidence it is.

    `low` and `high` enclose the probability `mass`. A `fixed` value is one whose
    source states no uncertainty; it says so in `note`. An assumption says why.
    """

    mean: float
    low: float | None = None
    high: float | None = None
    mass: Annotated[float, Field(gt=0, lt=1)] = 0.95
    family: Family
    source: Sources
    quality: Quality
    note: str | None = None

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if self.family == "fixed":
            if self.low is not None or self.high is not None:
                raise ValueError("a fixed value has no low or high; give it a family, or drop them")
            if not self.note:
                raise ValueError("a fixed value says in `note` why its uncertainty is not known")
        elif self.low is None or self.high is None:
            raise ValueError(f"family {self.family} needs low and high")
        elif not self.low < self.high:
            raise ValueError(f"low {self.low:g} is not below high {self.high:g}")
        elif not self.low <= self.mean <= self.high:
            raise ValueError(f"mean {self.mean:g} is outside low {self.low:g} to high {self.high:g}")
        if self.family == "uniform" and not isclose(self.mean, (self.low or 0) / 2 + (self.high or 0) / 2):
            raise ValueError("a uniform value has its mean in the middle of low and high")
        if self.family == "beta" and not (0 < self.mean < 1 and (self.low or 0) >= 0 and (self.high or 0) <= 1):
            raise ValueError("a beta value lies between 0 and 1")
        if self.family in ("gamma", "lognormal") and (self.low is None or self.low <= 0):
            raise ValueError(f"family {self.family} needs values above 0")
        if self.quality == "assumption" and not self.note:
            raise ValueError("an assumption says in `note` why it was made")
        return self


def is_share(value: Uncertain) -> bool:
    """Whether no draw of a value can leave 0 to 1."""
    ends = (value.low or 0.0, value.mean, value.mean if value.high is None else value.high)
    return value.family in ("beta", "uniform", "fixed") and all(0 <= end <= 1 for end in ends)


def is_positive(value: Uncertain) -> bool:
    """Whether every draw of a value is above 0."""
    least = value.mean if value.low is None else value.low
    return value.family in ("gamma", "lognormal", "uniform", "beta", "fixed") and least > 0


class DatedValue(Uncertain):
    """One observation of a price: valid from a date, in the money of a price year."""

    valid_from: date
    price_year: Year
    page: str | None = None


class Cashable(Spec):
    """The share of an average cost that the payer can stop paying, by horizon."""

    short: Uncertain
    medium: Uncertain
    long: Uncertain

    @model_validator(mode="after")
    def _are_shares(self) -> Self:
        bands = {"short": self.short, "medium": self.medium, "long": self.long}
        for name, value in bands.items():
            if not is_share(value):
                raise ValueError(f"{name}: a cashable share lies between 0 and 1 (family beta, uniform or fixed)")
        for end in ("low", "mean", "high"):
            short, medium, long = (getattr(v, end) if v.family != "fixed" else v.mean for v in bands.values())
            if not short <= medium <= long:
                raise ValueError(f"a cashable share does not fall as the horizon grows: {end} short <= medium <= long")
        return self


class UnitSize(Spec):
    """How many persons the smallest part that can be closed holds: what is left of it stays paid for."""

    places: Uncertain

    @model_validator(mode="after")
    def _holds_someone(self) -> Self:
        if not is_positive(self.places):
            raise ValueError("places: a unit holds more than 0 persons (family gamma, lognormal, uniform or fixed)")
        return self


class UnitCost(Entry):
    """A price with its basis, payer and dated values."""

    id: Id
    label: Label
    unit: str
    basis: Id
    payer: Id
    index: Id
    cashable: Cashable
    closes_by: UnitSize | None = None  # None: no unit is known that closes as a whole
    values: Annotated[tuple[DatedValue, ...], Field(strict=False, min_length=1)]

    @model_validator(mode="after")
    def _can_be_paid(self) -> Self:
        if any(value.mean < 0 or (value.low or 0.0) < 0 for value in self.values):
            raise ValueError("a price is below 0; a price is not negative, a saving is a difference")
        if any(value.family in ("normal", "beta") for value in self.values):
            raise ValueError("a price is of family gamma, lognormal, uniform or fixed: no draw of it is below 0")
        if len({value.valid_from for value in self.values}) < len(self.values):
            raise ValueError("two values are valid from the same date")
        return self

    @property
    def latest(self) -> DatedValue:
        """The value valid from the latest date."""
        return max(self.values, key=lambda value: value.valid_from)


class Unit(Spec):
    """A basis of counting, and how many of it make a person-year (None: not a matter of time)."""

    label: Label
    unit: str
    per_person_year: float | None = Field(default=None, gt=0)


class Component(Spec):
    """A part of what a state costs: a unit cost for a share of the people in the state."""

    cost: Id
    share: Uncertain | None = None  # None: everyone

    @model_validator(mode="after")
    def _is_share(self) -> Self:
        if self.share and not is_share(self.share):
            raise ValueError("share: a share lies between 0 and 1 (family beta, uniform or fixed)")
        return self


class Uncounted(Spec):
    """A part that a price set leaves out because its price is not known, and why."""

    cost: Id | None = None  # a unit cost that is known but cannot be used
    reason: Label


class StatePrice(Spec):
    """What a year in one state of an avoided-cost model costs, in one price set."""

    components: Annotated[tuple[Component, ...], Field(strict=False)] = ()
    not_counted: Annotated[tuple[Uncounted, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.components and not self.not_counted:
            raise ValueError("a state has components, or says in `not_counted` why it has no price")
        costs = [part.cost for part in self.components]
        if len(set(costs)) < len(costs):
            raise ValueError("components: a unit cost stands twice and would be counted twice")
        return self


class PriceSet(Entry):
    """A named, dated set of prices: what a year in a state costs, by avoided-cost model and state."""

    id: Id
    label: Label
    description: Label
    prices: dict[str, dict[str, StatePrice]]

    def of(self, model: str) -> dict[str, StatePrice]:
        """The prices of one model, by state; empty where the set has none."""
        return self.prices.get(model, {})

    def can_price(self, model: str, items: Iterable[str]) -> bool:
        """Whether every item has a price or a reason to have none, and at least one has a price."""
        here = self.of(model)
        return all(item in here for item in items) and any(here[item].components for item in items)


class Parameter(Uncertain, Entry):
    """A number that moves a cohort."""

    label: Label
    unit: str


class Prior(Spec):
    """A prior of an outcome model, with its reason."""

    family: Literal["normal", "half_normal"]
    mean: float = 0.0
    sd: float = Field(gt=0)
    reason: str


class Rate(Spec):
    """A discount rate with its source."""

    rate: Annotated[float, Field(ge=0, lt=1)]
    source: Sources
    note: str | None = None


class SizeClass(Spec):
    """Municipalities with so many people or more, up to the next class."""

    id: Id
    at_least: int = Field(ge=0)
    label: Label


class Conventions(Spec):
    """How results are told: the discount rate, the first year, the horizons, the interval, classes of size."""

    first_year: Year
    discount: Rate
    horizons: Annotated[tuple[int, ...], Field(strict=False, min_length=1)]
    effect_half_life_years: Uncertain
    cashable_short_until: int = Field(ge=1)
    cashable_medium_until: int = Field(ge=1)
    interval_mass: Annotated[float, Field(gt=0, lt=1)]
    clients: int = Field(ge=1)
    draws: int = Field(ge=100)
    seed: int = Field(ge=0)
    sizes: Annotated[tuple[SizeClass, ...], Field(strict=False, min_length=1)]

    def size_of(self, population: int) -> SizeClass:
        """The class of a municipality with so many people."""
        return next(one for one in reversed(self.sizes) if one.at_least <= population)

    @model_validator(mode="after")
    def _hold_every_size(self) -> Self:
        starts = [one.at_least for one in self.sizes]
        if starts[0] != 0 or starts != sorted(set(starts)):
            raise ValueError("sizes: at_least starts at 0 and rises from class to class")
        if len({one.id for one in self.sizes}) < len(starts):
            raise ValueError("sizes: an id stands twice")
        return self

    @model_validator(mode="after")
    def _are_times(self) -> Self:
        if not is_positive(self.effect_half_life_years):
            raise ValueError(
                "effect_half_life_years: a half-life is above 0 (family gamma, lognormal, uniform or fixed)"
            )
        if self.cashable_short_until > self.cashable_medium_until:
            raise ValueError("cashable_short_until is after cashable_medium_until")
        if min(self.horizons) < 1:
            raise ValueError("horizons: a horizon is 1 year or more")
        return self


class Municipality(Entry):
    """A municipality of 2025."""

    code: MunicipalityCode
    name_fi: str
    name_sv: str
    county: CountyCode
    employment_area: str
    region: str
    urban_rural: Literal["urban", "semi-urban", "rural"]
    language: Literal["fi", "sv", "fi-sv", "sv-fi"]
    population: int = Field(gt=0)
    population_year: Year

    def names(self) -> tuple[str, ...]:
        """The names it is known by, the Finnish one first."""
        return (self.name_fi, self.name_sv)

    def name(self, language: str) -> str:
        """The name as the language writes it; English uses the name of the municipality's first language."""
        swedish = language == "sv" or (language == "en" and self.language.startswith("sv"))
        return self.name_sv if swedish else self.name_fi


class County(Spec):
    """A wellbeing services county, Helsinki, or Åland."""

    code: CountyCode
    name: Label

    def names(self) -> tuple[str, ...]:
        """The names it is known by, the Finnish one first."""
        return (self.name.fi, self.name.sv, self.name.en)


class Published(Spec):
    """A published effect, for a prior or for checking: of one study, or pooled from several.

    `error` is the standard error on the scale on which effects are pooled: of a ratio, that of its logarithm.
    """

    outcome: str
    measure: str
    value: float
    low95: float | None
    high95: float | None
    source: Id
    note: str
    error: Annotated[float, Field(gt=0)] | None = None
    studies: Annotated[int, Field(ge=1)] | None = None  # None: not told, and taken for one
    clients: Annotated[int, Field(ge=1)] | None = None
    design: str = ""  # its class in evidence.yaml; empty where the figure is no effect
    country: str = ""  # empty where it was not read
