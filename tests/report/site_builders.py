"""A site over all municipalities of the catalogue, with answers that spread over every class."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from costeff.params import Catalogue
from costeff.report.contact import Contact
from costeff.report.listing import Ends, Figures
from costeff.report.site.model import Answer, County, Place, Service, Site
from costeff.spec import LANGUAGES

REPORTED = ("05", "07")  # counties with a report of their own; the second not in Swedish
FIGURES = Figures(
    clients=100, years=10, mass=0.9, price_set="quoted", price_year="2018", evidence="shared",
    events_avoided=Ends(3.2, 0.4, 6.1), net_saving=Ends(120_000.0, -80_000.0, 340_000.0), probability=0.8,
    payback_year=2031, payback_probability=0.8,
)  # fmt: skip


def figures(number: int) -> Figures:
    """Answers from a sure loss to a sure saving, by a number."""
    mean = float(-900_000 + (number * 37) % 181 * 10_000)
    wide = float(150_000 + (number * 53) % 7 * 90_000)
    probability = min(0.99, max(0.01, round(0.5 + mean / wide / 2, 2)))
    back = 2027 + number % 9 if probability > 0.5 else None
    return replace(
        FIGURES,
        events_avoided=Ends(
            round(mean / 150_000, 1), round((mean - wide) / 150_000, 1), round((mean + wide) / 150_000, 1)
        ),
        net_saving=Ends(mean, mean - wide, mean + wide),
        probability=probability,
        payback_year=back,
        payback_probability=probability,
    )


def service(catalogue: Catalogue, name: str, **changes: Any) -> Service:
    chain = catalogue.chains[name]
    texts = {
        what: {language: label[language] for language in LANGUAGES}
        for what, label in (
            ("label", chain.label), ("option", chain.option), ("comparator", chain.comparator),
            ("event", chain.outcome.event), ("evidence", chain.evidence),
        )
    }  # fmt: skip
    limits = tuple({language: one[language] for language in LANGUAGES} for one in chain.does_not_show)
    return Service(**{"id": name, **texts, "limits": limits, **changes})


def country(catalogue: Catalogue, contact: Contact | None = None, languages: tuple[str, ...] = LANGUAGES) -> Site:
    """All municipalities: one whose model failed, one that was not published at all, one not in Swedish."""
    chains = list(catalogue.chains)
    places = []
    for number, one in enumerate(catalogue.municipalities.values()):
        told = {chains[0]: Answer(chains[0], True, figures(number) if number != 1 else None)}
        told |= {name: Answer(name, False, FIGURES) for name in chains[1:]}
        out = () if number == 2 else tuple(x for x in languages if (number, x) != (3, "sv"))
        places.append(
            Place(
                code=one.code,
                names={language: one.name(language) for language in LANGUAGES},
                county=one.county,
                population=one.population,
                population_year=one.population_year,
                pages={language: f"{one.code}.{language}.html" for language in out},
                answers=told if out else {},
                claimed=languages,
            )
        )
    counties = []
    for one in catalogue.counties.values():
        asked = languages if one.code in REPORTED else ()
        out = [x for x in asked if (one.code, x) != (REPORTED[1], "sv")]
        pages = {x: f"county-{one.code}.{x}.html" for x in out}
        own = Ends(-30_000.0, -90_000.0, 20_000.0) if one.code != REPORTED[1] else None
        told = {chains[0]: Answer(chains[0], True, replace(FIGURES, own_net_saving=own))} if out else {}
        counties.append(
            County(
                code=one.code,
                names={x: one.name[x] for x in LANGUAGES},
                pages=pages,
                claimed=asked,
                answers=told,
                municipalities=tuple(place.code for place in places if place.county == one.code),
            )
        )
    return Site(
        languages, tuple(places), tuple(counties), tuple(service(catalogue, x) for x in chains), contact, "0.0.0"
    )
