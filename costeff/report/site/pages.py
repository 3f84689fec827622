"""The pages of a site: pure texts from what is published, each by its name."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from costeff.disclosure import THRESHOLD
from costeff.disclosure.kinds import Rule
from costeff.report.contact import ways
from costeff.report.glossary import in_order
from costeff.report.markup import Cell, Table, bullets, notice, paragraph
from costeff.report.markup import terms as definitions
from costeff.report.site import data
from costeff.report.site.comparison import key, marks, table, tile_map
from costeff.report.site.frame import policy, script_text, style_text, template_of
from costeff.report.site.model import (
    CHANCES,
    CLASSES,
    SIGNS,
    County,
    Place,
    Reported,
    Service,
    Site,
    chance_of,
    size_names,
)
from costeff.report.statement import assessed, supervision
from costeff.report.words import Words, inline

FURNITURE = ("method", "glossary", "data", "accessibility")
LANGUAGE_NAMES = {"fi": "suomeksi", "sv": "på svenska", "en": "in English"}


def pages(site: Site) -> Iterator[tuple[str, str]]:
    """Name and text of every page of a site but those of municipalities, which were made before."""
    for language in site.languages:
        voice = _Voice(site, language)
        yield f"index.{language}.html", voice.index()
        for service in site.services:
            yield service_name(service, language), voice.service(service)
        for county in site.ordered_counties(language):
            yield county_name(county, language), voice.county(county)
        for one in (*site.places, *site.counties):
            if language in one.missing:
                yield one.page(language), voice.missing(one)
        for name in FURNITURE:
            yield f"{name}.{language}.html", getattr(voice, name)()


def service_name(service: Service, language: str) -> str:
    """Address of the page that compares municipalities."""
    return f"service-{service.id}.{language}.html"


def county_name(county: County, language: str) -> str:
    """Address of the list of a county's municipalities; its report has the name that it has in the run."""
    return f"municipalities-{county.code}.{language}.html"


class _Voice:
    """A site told in one language."""

    def __init__(self, site: Site, language: str) -> None:
        self.site, self.language, self.words = site, language, Words(language)
        self.counties = site.ordered_counties(language)
        self.places = [place for county in self.counties for place in site.in_county(county, language)]
        sizes = enumerate(size_names(self.words))
        self.choices = {
            "counties": [(one.code, one.names[language]) for one in site.compared_counties(language)],
            "sizes": [(size, name) for size, name in sizes if any(place.size == size for place in self.places)],
        }

    # --- pages --------------------------------------------------------------------------------

    def index(self) -> str:
        say = self.words.say
        cards = [
            {
                "href": service_name(one, self.language),
                "name": one.label[self.language],
                "what": self._what(one),
                "key": self._same(one) if self.site.same_everywhere(one) else key(self.words, self.site, one),
            }
            for one in self.site.services
        ]
        return self._page(
            "index",
            say("What services change, cost and save"),
            script=True,
            home=True,
            cards=cards,
            intro=say("One municipality.")
            if len(self.places) == 1
            else say("{count} municipalities, by county.", count=self.words.number(len(self.places))),
            counties=[
                {
                    "code": county.code,
                    "name": county.names[self.language],
                    "href": county_name(county, self.language),
                    "places": [self._listed(place) for place in self.site.in_county(county, self.language)],
                }
                for county in self.counties
            ],
            sorts=(),
        )

    def service(self, service: Service) -> str:
        say = self.words.say
        same = self._same(service) if self.site.same_everywhere(service) else Markup()
        return self._page(
            "service",
            service.label[self.language],
            address=f"service-{service.id}",
            script=True,
            wide=True,
            terms=self._terms(service),
            evidence=self._evidence(service),
            same=same,
            key=key(self.words, self.site, service),
            map=tile_map(self.words, self.site, service),
            table=table(self.words, self.site, service, self.site.compared_counties(self.language)),
            data=f"data.{self.language}.html",
            sorts=[
                ("", say("by county")),
                ("name up", say("by name")),
                ("population down", say("largest municipality first")),
                ("population up", say("smallest municipality first")),
                ("events down", say("most events avoided first")),
                ("events up", say("fewest events avoided first")),
                ("saving down", say("largest net saving first")),
                ("saving up", say("smallest net saving first")),
                ("chance down", say("most likely to save first")),
                ("chance up", say("least likely to save first")),
                ("back up", say("money back earliest first")),
            ],
        )

    def county(self, county: County) -> str:
        places = self.site.in_county(county, self.language)
        parts = [
            {
                "id": f"service-{number}",
                "name": one.label[self.language],
                "what": self._what(one),
                "table": table(self.words, self.site, one, [county]),
                "href": service_name(one, self.language),
                "more": self.words.say("Compare all municipalities: {service}", service=one.label[self.language]),
            }
            for number, one in enumerate(self.site.services, start=1)
        ]
        return self._page(
            "county",
            county.names[self.language],
            address=f"municipalities-{county.code}",
            wide=True,
            intro=self.words.say(
                "Municipalities: {count}, inhabitants: {people}.",
                count=self.words.number(len(places)),
                people=self.words.number(sum(place.population for place in places)),
            ),
            report=self._listed(county) if county.claimed else None,
            pdf=county.pdfs.get(self.language, ""),
            places=[self._listed(place) for place in places],
            parts=parts if places else [],
        )

    def missing(self, place: Reported) -> str:
        there = [(language, href, LANGUAGE_NAMES[language]) for language, href in place.pages.items()]
        return self._page("missing", place.names[self.language], address=place.stem, there=there, tells=False)

    def glossary(self) -> str:
        return self._page("glossary", self.words.say("Glossary"), terms=in_order(self.language), tells=False)

    def method(self) -> str:
        say = self.words.say
        services = [
            {
                "name": one.label[self.language],
                "href": service_name(one, self.language),
                "terms": self._terms(one),
                "evidence": self._evidence(one),
                "limits": bullets(text[self.language] for text in one.limits) if one.limits else "",
            }
            for one in self.site.services
        ]
        ends = [0.0, *CHANCES, 1.0]
        shares = [
            self.words.between(self.words.number(low * 100), self.words.percent(high)) for low, high in pairwise(ends)
        ]
        rows = [(sign, say(name), share) for sign, name, share in zip(SIGNS, CLASSES, shares, strict=True)]
        classes = Table(
            say("Classes of the probability that a service saves more than it costs."),
            (say("Sign"), say("In words"), say("Probability")),
            list(reversed(rows)),
            text_columns=2,
        ).html()
        return self._page(
            "method", say("Method"), services=services, classes=classes,
            threshold=THRESHOLD, base=Rule().base,
        )  # fmt: skip

    def accessibility(self) -> str:
        contact, words = self.site.contact, self.words
        return self._page(
            "accessibility",
            words.say("Accessibility statement"),
            contact=contact,
            assessed=assessed(contact.assessment if contact else None, words, level=3),
            ways=ways(contact, words) if contact else "",
            supervision=supervision(words),
            tells=False,
        )

    def data(self) -> str:
        say = self.words.say
        counties = [
            {
                "name": county.names[self.language],
                "pdf": county.pdfs.get(self.language, ""),
                "json": data.file_of(county) if county.claimed else "",
                "places": [
                    {
                        "name": place.names[self.language],
                        "json": data.file_of(place),
                        "pdf": place.pdfs.get(self.language, ""),
                    }
                    for place in self.site.in_county(county, self.language)
                ],
            }
            for county in self.counties
        ]
        columns: list[tuple[str, Cell]] = [
            ("events_avoided", say("Clients who are spared the event; a minus is more events.")),
            ("net_saving_eur", say("Avoided costs less the extra cost of the service, euros; a minus is a net cost.")),
            ("…_low, …_high", say("Ends of the interval.")),
            ("mass", say("Probability that an interval holds.")),
            ("clients, years", say("For how many clients and over how many years the figures are told.")),
            (
                "probability_of_saving",
                say("Probability that the service saves more than it costs, between 0.01 and 0.99."),
            ),
            ("payback_year", say("Year in which the money is back in the middle case; empty when it is not.")),
            ("payback_probability", say("Probability that the money is back within the years.")),
            (
                "price_set, price_year",
                say("The unit costs behind the figures, and in the money of which year they are."),
            ),
            ("evidence", say("Where the effect is from: local, shared by all, elsewhere or borrowed from research.")),
            ("synthetic", say("Whether the client data were made by a computer (true or false).")),
        ]
        return self._page(
            "data",
            say("Figures as files"),
            counties=counties,
            columns=definitions(columns),
            table=data.TABLE,
            schema=data.SCHEMA,
            county_schema=data.COUNTY_SCHEMA if any(one["json"] for one in counties) else "",
        )

    # --- pieces -------------------------------------------------------------------------------

    def _page(
        self, template: str, title: str, *, address: str = "", script: bool = False, wide: bool = False,
        home: bool = False, tells: bool = True, **more: Any,
    ) -> str:  # fmt: skip
        """A page in its frame; `tells`: whether figures stand on it, which may be synthetic."""
        own = address or template
        say, language = self.words.say, self.language
        text: str = template_of(template).render(
            words=self.words,
            say=say,
            title=title,
            home=home,
            wide=wide or home,
            policy=policy(script),
            style=style_text(),
            script=script_text() if script else "",
            others={other: f"{own}.{other}.html" for other in self.site.languages if other != language},
            pages=[
                (f"index.{language}.html", say("Municipalities")),
                (f"method.{language}.html", say("Method")),
                (f"glossary.{language}.html", say("Glossary")),
                (f"data.{language}.html", say("Figures as files")),
                (f"accessibility.{language}.html", say("Accessibility")),
            ],
            own=f"{own}.{language}.html",
            warning=self._warning() if self.site.synthetic and tells else Markup(),
            publisher=self.site.contact.publisher[language] if self.site.contact else "",
            version=self.site.version,
            choices=self.choices,
            **more,
        )
        return text.rstrip() + "\n"

    def _warning(self) -> Markup:
        say = self.words.say
        return notice(
            say("Synthetic data"),
            paragraph(
                say(
                    "The client data behind these pages were made by a computer to try out the method. The figures do "
                    "not describe real clients and must not be used for decisions."
                )
            ),
            kind="warning",
        )

    def _listed(self, place: Reported) -> dict[str, Any]:
        """A municipality in a list of links, or the report of a county."""
        absent = bool(place.claimed) and self.language not in place.pages
        return {
            "name": place.names[self.language],
            "href": place.page(self.language) if place.claimed else "",
            "note": self.words.say("not published") if absent else "",
            "marks": _attributes(marks(place)) if isinstance(place, Place) else "",
        }

    def _what(self, service: Service) -> str:
        if not service.option:
            return ""
        return self.words.say(
            "{option}, compared with: {comparator}.",
            option=_capital(service.option[self.language]),
            comparator=inline(service.comparator[self.language]),
        )

    def _same(self, service: Service) -> Markup:
        """Why municipalities are not compared, and what holds in all of them."""
        say, first = self.words.say, self.site.answers(service)[0]
        return notice(
            say("The answer is the same in all municipalities."),
            paragraph(say(CLASSES[chance_of(first)]) + "."),
            paragraph(say("Neither the effect nor what it starts from is local, so municipalities are not compared.")),
        )

    def _terms(self, service: Service) -> Markup:
        if not service.option:
            return Markup()
        say, language = self.words.say, self.language
        return definitions(
            [
                (say("New service"), service.option[language]),
                (say("Compared with"), service.comparator[language]),
                (say("Event followed"), service.event[language]),
            ]
        )

    def _evidence(self, service: Service) -> Markup:
        return paragraph(service.evidence[self.language]) if service.evidence else Markup()


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _attributes(values: dict[str, str]) -> Markup:
    pairs = (Markup(' {}="{}"').format(name.replace("_", "-"), value) for name, value in values.items())
    return Markup().join(pairs)
