"""What a site tells: places with their pages and answers, services, counties, and who publishes it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

from costeff.report.contact import Contact
from costeff.report.listing import Figures
from costeff.report.words import Words, mark, nordic

Named = Mapping[str, str]  # language -> a name or a text

SIZES = (2_000, 5_000, 10_000, 20_000, 50_000, 100_000)  # the most inhabitants of each class but the last
CHANCES = (0.1, 0.3, 0.7, 0.9)  # where one class of the probability of saving ends and the next begins
CLASSES = (
    mark("Very likely costs more than it saves"),
    mark("Probably costs more than it saves"),
    mark("Uncertain: may cost or save"),
    mark("Probably saves more than it costs"),
    mark("Very likely saves more than it costs"),
)
SIGNS = ("−−", "−", "±", "+", "++")
NO_SIGN = "·"


@dataclass(frozen=True)
class Answer:
    """The answer of one service in one municipality; without figures where none is given."""

    service: str
    synthetic: bool
    figures: Figures | None


@dataclass(frozen=True, kw_only=True)
class Reported:
    """What a run may make pages of; they have the names that they have in the run, so that their links hold."""

    code: str
    names: Named
    pages: Named = field(default_factory=dict)  # language -> address, of those that were released
    pdfs: Named = field(default_factory=dict)
    claimed: tuple[str, ...] = ()  # languages in which a page was asked for
    answers: Mapping[str, Answer] = field(default_factory=dict)  # by service

    @property
    def stem(self) -> str:
        """The address of its pages, without language."""
        return self.code

    @property
    def missing(self) -> tuple[str, ...]:
        """Languages in which its page was not released."""
        return tuple(language for language in self.claimed if language not in self.pages)

    def page(self, language: str) -> str:
        """Address of its page, or of the one that says that there is none."""
        return self.pages.get(language) or f"{self.stem}.{language}.html"


@dataclass(frozen=True, kw_only=True)
class Place(Reported):
    """A municipality, and what its pages tell."""

    county: str
    population: int
    population_year: int

    @property
    def size(self) -> int:
        """Class of the number of inhabitants."""
        return bisect_left(SIZES, self.population)


@dataclass(frozen=True, kw_only=True)
class County(Reported):
    """A wellbeing services county, Helsinki or Åland; it has pages where the run made a report of it."""

    municipalities: tuple[str, ...] = ()  # all of its own, also those that no page was made of

    @property
    def stem(self) -> str:
        return f"county-{self.code}"


@dataclass(frozen=True)
class Service:
    """A service that is compared with the usual one; texts by language, empty where the catalogue knows none."""

    id: str
    label: Named
    option: Named = field(default_factory=dict)
    comparator: Named = field(default_factory=dict)
    event: Named = field(default_factory=dict)
    evidence: Named = field(default_factory=dict)
    limits: tuple[Named, ...] = ()


@dataclass(frozen=True)
class Site:
    """All that is published together."""

    languages: tuple[str, ...]
    places: tuple[Place, ...]
    counties: tuple[County, ...]
    services: tuple[Service, ...]
    contact: Contact | None
    version: str

    @cached_property
    def synthetic(self) -> bool:
        """Whether any answer was made from synthetic data."""
        return any(answer.synthetic for one in (*self.places, *self.counties) for answer in one.answers.values())

    def in_county(self, county: County, language: str) -> list[Place]:
        """Its municipalities by name."""
        return by_name((place for place in self.places if place.county == county.code), language)

    def ordered_counties(self, language: str) -> list[County]:
        """Counties that have a municipality or a report here, by name."""
        there = {place.county for place in self.places} | {one.code for one in self.counties if one.claimed}
        return sorted((one for one in self.counties if one.code in there), key=lambda one: nordic(one.names[language]))

    def compared_counties(self, language: str) -> list[County]:
        """Counties that have a municipality here, by name."""
        return [one for one in self.ordered_counties(language) if any(x.county == one.code for x in self.places)]

    def answers(self, service: Service) -> list[Figures]:
        """The figures of a service, of all places that have them."""
        found = (place.answers.get(service.id) for place in self.places)
        return [answer.figures for answer in found if answer and answer.figures]

    def same_everywhere(self, service: Service) -> bool:
        """Whether nothing of the answer differs between municipalities."""
        found = self.answers(service)
        return len(found) > 1 and len(set(found)) == 1


def by_name(places: Iterable[Place], language: str) -> list[Place]:
    """Places in the order of the alphabet of Finland."""
    return sorted(places, key=lambda place: nordic(place.names[language]))


def size_names(words: Words) -> list[str]:
    """Names of the classes of size, in order."""
    first = words.say("at most {most} inhabitants", most=words.number(SIZES[0]))
    middle = [
        words.say("{least} to {most} inhabitants", least=words.number(low + 1), most=words.number(high))
        for low, high in pairwise(SIZES)
    ]
    return [first, *middle, words.say("over {least} inhabitants", least=words.number(SIZES[-1]))]


def chance_of(figures: Figures) -> int:
    """Class of the probability that the service saves more than it costs."""
    return bisect_right(CHANCES, figures.probability)


def counted(places: Sequence[Place], service: Service) -> list[int]:
    """How many places are in each class of chance, and last how many have no result."""
    answers = (place.answers.get(service.id) for place in places)
    found = [chance_of(answer.figures) if answer and answer.figures else None for answer in answers]
    return [*(found.count(number) for number in range(len(CLASSES))), found.count(None)]
