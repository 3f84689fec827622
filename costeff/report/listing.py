"""A municipality as it stands in the list of pages: its name, its pages, and the answer in words and in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Ends:
    """A mean with the ends of its interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Figures:
    """An answer in numbers, rounded as its page tells them: nothing finer goes out beside the page.

    Attributes
    ----------
    clients, years
        For how many clients, over how many years.
    mass
        Probability that the intervals hold.
    price_set, price_year, evidence
        As the appraisal names them.
    events_avoided
        Clients who are spared the event.
    net_saving
        EUR, present value, all payers.
    probability
        That the service saves more than it costs, told as 0.01 to 0.99.
    payback_year, payback_probability
        When the money is back in the middle case, None when not within the years; and how likely by their end.
    own_net_saving
        Of a county: EUR, present value, its own money alone; None where it pays nothing, and of a municipality.
    """

    clients: int
    years: int
    mass: float
    price_set: str
    price_year: str
    evidence: str
    events_avoided: Ends
    net_saving: Ends
    probability: float
    payback_year: int | None
    payback_probability: float
    own_net_saving: Ends | None = None


@dataclass(frozen=True)
class Result:
    """The answer of one chain in a few words, in the language of the index; without figures where none is given."""

    chain: str
    words: str
    detail: str = ""
    id: str = ""
    synthetic: bool = False
    figures: Figures | None = None


@dataclass(frozen=True)
class Entry:
    """One municipality in the list: its name and county in the language of the index, and its pages."""

    code: str
    name: str
    county: str
    links: Mapping[str, str]  # language -> address relative to the index
    results: tuple[Result, ...] = ()
    synthetic: bool = False
    note: str = ""  # in the language of the index; without any page, one is written for it

    @staticmethod
    def read(told: Mapping[str, Any]) -> Entry:
        """The entry that a page told and a manifest kept; pydantic's ValidationError when it is none."""
        from pydantic import TypeAdapter

        return TypeAdapter(Entry).validate_python(told)
