"""An organiser's budget: the frame, the services it is for, their limits, and how it was divided beforehand.

Nothing is computed here. What a client gains is no part of a budget: it comes as draws from outcome models.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from math import ceil, floor, isclose
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, ValidationError, model_validator

from costeff.agreement.declared import Declared
from costeff.shown import Shows, lines, table, tabular, titled
from costeff.spec import CountyCode, Id, Label, Share, Sources, Text, Year

Fault = tuple[tuple[str, ...], str, float]  # keys that lead to the value, the rule it breaks, the value


Money = Annotated[float, Field(ge=0)]  # EUR a year


class Estimate(Declared):
    """A number above 0 with its 95 per cent interval and its source; without an interval the note says why."""

    mean: float = Field(gt=0)
    low: Annotated[float, Field(gt=0)] | None = None
    high: Annotated[float, Field(gt=0)] | None = None
    source: Sources
    quality: Literal["register", "survey", "budget", "study", "stated", "derived", "assumption"]
    note: Text
    mass: ClassVar[float] = 0.95  # what low to high encloses, as of an uncertain value of the catalogue

    @model_validator(mode="after")
    def _is_in_its_interval(self) -> Self:
        if (self.low is None) != (self.high is None):
            raise ValueError("low and high stand together, or neither")
        if self.low is not None and self.high is not None and not self.low <= self.mean <= self.high:
            raise ValueError(f"mean {self.mean:g} is outside low {self.low:g} to high {self.high:g}")
        if self.low is not None and self.low == self.high:
            raise ValueError("low and high are the same; drop them, and say in `note` why")
        return self


class Service(Declared):
    """One service of a budget. Clients are counted by year, money in EUR a year.

    `last_gain` is the gain of the last client in need as a share of the first's: whoever gains most comes first.
    `team` is the price of the smallest part that can be bought; None where money can be given to the euro.
    """

    label: Label
    outcome: Label  # what changes, counted; its draws come from the chain
    chain: Id | None = None
    need: Estimate  # new clients a year who could use the service
    waiting: float = Field(ge=0)  # clients in the queue as year 1 begins
    leave: Share  # of those who were not served within a year, the share who leave the queue
    unit_cost: Estimate  # EUR a client, before coordination
    capacity: float = Field(gt=0)  # clients a year with every post filled
    staffed: Share  # the share of the capacity that can be staffed
    last_gain: Share
    demand_sd: Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(strict=False, min_length=1)]
    providers: int = Field(ge=1)
    bought: Share  # the share that is bought from others
    floor: Money
    cap: Money
    team: Annotated[float, Field(gt=0)] | None = None
    share: Share  # of the frame, in the budget divided beforehand
    target: Annotated[float, Field(gt=0)] | None = None  # outcomes a year, in the lump sum with impact targets
    source: Sources
    note: Text

    @property
    def told(self) -> dict[str, str]:
        """Its row among the services of a budget."""
        return {
            "service": self.label.en,
            "for": self.outcome.en,
            "EUR a client": f"{self.unit_cost.mean:,.10g}",
            "new in need a year": f"{self.need.mean:,.10g}",
            "waiting": f"{self.waiting:,.10g}",
            "clients at most": f"{self.capacity:,.10g}",
            "EUR a year": f"{self.floor:,.10g} to {self.cap:,.10g}",
            "divided beforehand": f"{self.share:.1%}",
            "why": self.note,
            "source": ", ".join(self.source),
        }

    @property
    def least(self) -> float:
        """The floor, in whole teams where only these are to be had."""
        if self.team is None:
            return self.floor
        return ceil(self.floor / self.team - 1e-9) * self.team

    def buys(self, money: float) -> float:
        """What of the money buys something."""
        return money if self.team is None else floor(money / self.team + 1e-9) * self.team


class Coordination(Declared):
    """What each euro of service costs more: for every provider after the first, and for what is bought."""

    per_provider: Share
    bought: Share
    source: Sources
    note: Text


class Budget(Shows, Declared):
    """A frame for several services over some years, under both funding models.

    `statutory_minimum` is the least that all services together are given, EUR a year. `correlation` is that of
    demand shocks between services. `moves_within_year` is the share of the money above the floors that a lump sum
    can move once the year's demand is seen. `bonus` and `malus` are the shares of the frame that next year's lump
    sum gains or loses when every target was met, or none.
    """

    id: Id
    label: Label
    county: CountyCode | None = None  # None: an example of no county
    first_year: Year
    years: int = Field(ge=1, le=10)
    frame: float = Field(gt=0)
    statutory_minimum: Money
    correlation: Share
    moves_within_year: Share
    bonus: Share = 0.0
    malus: Share = 0.0
    coordination: Coordination
    services: Annotated[dict[Id, Service], Field(min_length=1)]
    source: Sources
    note: Text

    @property
    def hash(self) -> str:
        """Of all that is written in it: another number is another hash."""
        return sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()[:16]

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        """Every fault between the fields, each at its own place."""
        faults: list[Any] = [
            {"type": "value_error", "loc": keys, "input": value, "ctx": {"error": rule}}
            for keys, rule, value in self._faults()
        ]
        if faults:
            raise ValidationError.from_exception_data(type(self).__name__, faults)
        return self

    def overhead(self, service: str) -> float:
        """What a euro of a service costs more, as a share: coordination of its providers and of what is bought."""
        of, each = self.services[service], self.coordination
        return each.per_provider * (of.providers - 1) + each.bought * of.bought

    def _frame(self) -> list[dict[str, str]]:
        """What holds for all services together."""
        each = self.coordination
        told = {
            "label": f"{self.label.en} · {self.label.fi} · {self.label.sv}",
            "county": self.county or "an example of no county",
            "years": f"{self.first_year} to {self.first_year + self.years - 1}",
            "frame": f"{self.frame:,.10g} EUR a year, of which {self.statutory_minimum:,.10g} at least are paid",
            "moves within a year": f"{self.moves_within_year:.0%} of what is above the floors",
            "targets": f"met: {self.bonus:.1%} of the frame more the next year; missed: {self.malus:.1%} less",
            "demand": f"correlation between services {self.correlation:g}",
            "coordination": f"{each.per_provider:.1%} more for each further provider, {each.bought:.1%} for what is "
            "bought",
            "why": self.note,
            "source": ", ".join(dict.fromkeys([*self.source, *each.source])),
        }
        return [{"": name, " ": text} for name, text in told.items()]

    def _services(self) -> list[dict[str, str]]:
        return [service.told for service in self.services.values()]

    def _html(self) -> str:
        return titled(self.id, table(self._frame(), "What it is"), table(self._services(), "Services"))

    def _plain(self) -> str:
        brief = [
            {name: text for name, text in row.items() if name not in ("why", "source")} for row in self._services()
        ]
        return f"{lines(self._frame(), self.id)}\n\n{lines(brief)}"

    def _latex(self) -> str:
        return tabular(self._services(), self.label.en)

    def _faults(self) -> Iterator[Fault]:
        floors = sum(service.least for service in self.services.values())
        shares = sum(service.share for service in self.services.values())
        sound = max(self.statutory_minimum, floors) <= self.frame and isclose(shares, 1, abs_tol=1e-6)
        if self.frame < self.statutory_minimum:
            least = f"{self.statutory_minimum:.0f} EUR"
            yield ("frame",), f"the frame is under the statutory minimum of {least}, which has to be paid", self.frame
        if self.frame < floors:
            yield ("frame",), f"the frame does not hold the floors of the services, {floors:.0f} EUR", self.frame
        if not isclose(shares, 1, abs_tol=1e-6):
            yield ("services",), f"the shares of the divided budget sum to {shares:g}, and not to 1", shares
        for key, service in self.services.items():
            faults = self._faults_of(service, sound)
            yield from ((("services", key, *keys), rule, value) for keys, rule, value in faults)

    def _faults_of(self, service: Service, sound: bool) -> Iterator[Fault]:
        """Faults of one service; its share is looked at only where frame and shares are `sound` themselves."""
        limits = f"the floor of {service.least:.0f} and the cap of {service.cap:.0f} EUR"
        divided = service.share * self.frame
        if service.floor > service.cap:
            yield ("floor",), f"the floor is above the cap of {service.cap:.0f} EUR", service.floor
        elif service.least > service.cap:
            rule = f"no whole number of teams lies between the floor of {service.floor:.0f} and the cap"
            yield ("team",), f"{rule} of {service.cap:.0f} EUR", service.least
        elif sound and not (service.least <= service.buys(divided + 0.5) + 0.5 and divided <= service.cap + 0.5):
            yield ("share",), f"the share is {divided:.0f} EUR of the frame, outside {limits}", service.share
        if len(service.demand_sd) not in (1, self.years):
            rule = f"give one value for every year alike, or one for each of the {self.years} years"
            yield ("demand_sd",), rule, float(len(service.demand_sd))
