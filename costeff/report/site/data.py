"""What machines read: a JSON file for each municipality and county report with its schema, and one table of all."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import Field

from costeff.disclosure.spreadsheets import write_csv
from costeff.report.listing import Ends, Figures
from costeff.report.site.model import Answer, County, Place, Reported, Service, Site
from costeff.spec import CountyCode, Id, Language, MunicipalityCode, Share, Spec, Year

FOLDER = "data"
SCHEMA, COUNTY_SCHEMA = f"{FOLDER}/municipality.schema.json", f"{FOLDER}/county.schema.json"
TABLE = f"{FOLDER}/municipalities.csv"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
Names = Annotated[dict[Language, str], Field(description="A name by language: fi, sv, en.")]


class Interval(Spec):
    """A mean with its central interval, which holds the probability `mass`."""

    mean: float
    low: float
    high: float


class Told(Spec):
    """The answer of a service in numbers, rounded as the page of the municipality tells them."""

    clients: int = Field(gt=0, description="The number of clients that amounts and events are told for.")
    years: int = Field(gt=0, description="Years that are counted.")
    mass: Share = Field(description="Probability that each interval holds.")
    price_set: Id = Field(description="Set of unit costs behind the answer.")
    price_year: str = Field(description="Year or years in whose money prices are told.")
    evidence: str = Field(description="Where the effect is from: local, shared, elsewhere or borrowed.")
    events_avoided: Interval = Field(description="Clients who are spared the event; a minus is more events.")
    net_saving_eur: Interval = Field(
        description="Avoided costs less the extra cost of the service (all payers, present value); a minus is a cost."
    )
    probability_of_saving: Share = Field(
        description="Probability that the service saves more than it costs; never below 0.01 or above 0.99."
    )
    payback_year: Year | None = Field(description="When the money is back in the middle case; null: not in the years.")
    payback_probability: Share = Field(description="Probability that the money is back within the years.")


class ServiceAnswer(Spec):
    """A service in a municipality; `told` is null where its models failed their checks."""

    service: Id
    name: Names
    synthetic: bool = Field(description="Whether the client data were made by a computer: such figures are no facts.")
    told: Told | None


class Municipality(Spec):
    """What the site tells of a municipality."""

    format: Literal[1]
    code: MunicipalityCode
    name: Names
    county: CountyCode
    county_name: Names
    population: int = Field(gt=0)
    population_year: Year
    pages: dict[Language, str] = Field(description="The page by language, relative to the folder of the site.")
    services: tuple[ServiceAnswer, ...] = Field(description="Empty where no page of the municipality was published.")


class CountyTold(Told):
    """The answer of a service in a county as one place."""

    own_net_saving_eur: Interval | None = Field(
        description="Net saving of the county's own money alone; null: it pays nothing of its own."
    )


class CountyAnswer(ServiceAnswer):
    """A service in a county; `told` is null where its models failed their checks."""

    told: CountyTold | None


class CountyReport(Spec):
    """What the report of a county tells."""

    format: Literal[1]
    code: CountyCode
    name: Names
    municipalities: tuple[MunicipalityCode, ...] = Field(description="Of the county, published here or not.")
    pages: dict[Language, str] = Field(description="The report by language, relative to the folder of the site.")
    services: tuple[CountyAnswer, ...] = Field(description="Empty where no report of the county was published.")


def schema(of: type[Spec] = Municipality) -> str:
    """The JSON Schema of a municipality's file, or of another kind."""
    made = {"$schema": DIALECT, **of.model_json_schema()}
    return json.dumps(made, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def files(site: Site) -> Iterator[tuple[str, str]]:
    """Name and text of the JSON file of each municipality and of each report of a county, and of their schemas."""
    for place in site.places:
        yield file_of(place), _municipality(site, place).model_dump_json(indent=2) + "\n"
    yield SCHEMA, schema()
    counties = [one for one in site.counties if one.claimed]
    for county in counties:
        yield file_of(county), _county_report(site, county).model_dump_json(indent=2) + "\n"
    if counties:
        yield COUNTY_SCHEMA, schema(CountyReport)


def file_of(place: Reported) -> str:
    """Where the JSON file of a municipality or of a county is."""
    return f"{FOLDER}/{place.stem}.json"


def _services(site: Site, place: Reported) -> list[tuple[Service, Answer]]:
    return [(one, place.answers[one.id]) for one in site.services if one.id in place.answers]


def _municipality(site: Site, place: Place) -> Municipality:
    return Municipality(
        format=1,
        code=place.code,
        name=dict(place.names),  # type: ignore[arg-type]
        county=place.county,
        county_name=_county(site, place),
        population=place.population,
        population_year=place.population_year,
        pages=dict(place.pages),  # type: ignore[arg-type]
        services=tuple(
            ServiceAnswer(told=_told(answer.figures) if answer.figures else None, **_named(service, answer))
            for service, answer in _services(site, place)
        ),
    )


def _county_report(site: Site, county: County) -> CountyReport:
    return CountyReport(
        format=1,
        code=county.code,
        name=dict(county.names),  # type: ignore[arg-type]
        municipalities=county.municipalities,
        pages=dict(county.pages),  # type: ignore[arg-type]
        services=tuple(
            CountyAnswer(told=_county_told(answer.figures) if answer.figures else None, **_named(service, answer))
            for service, answer in _services(site, county)
        ),
    )


def _county(site: Site, place: Place) -> dict[Any, str]:
    return next(dict(one.names) for one in site.counties if one.code == place.county)


def _named(service: Service, answer: Answer) -> dict[str, Any]:
    return {"service": service.id, "name": dict(service.label), "synthetic": answer.synthetic}


def _county_told(figures: Figures) -> CountyTold:
    own = figures.own_net_saving
    return CountyTold(**_told(figures).model_dump(), own_net_saving_eur=_interval(own) if own else None)


def _told(figures: Figures) -> Told:
    return Told(
        clients=figures.clients,
        years=figures.years,
        mass=figures.mass,
        price_set=figures.price_set,
        price_year=figures.price_year,
        evidence=figures.evidence,
        events_avoided=_interval(figures.events_avoided),
        net_saving_eur=_interval(figures.net_saving),
        probability_of_saving=figures.probability,
        payback_year=figures.payback_year,
        payback_probability=figures.payback_probability,
    )


def _interval(ends: Ends) -> Interval:
    return Interval(mean=ends.mean, low=ends.low, high=ends.high)


# --- the table ------------------------------------------------------------------------------------

COLUMNS = (
    "code", "name_fi", "name_sv", "county", "county_fi", "county_sv", "population", "population_year", "service",
    "service_fi", "service_sv", "service_en", "synthetic", "clients", "years", "mass", "events_avoided",
    "events_avoided_low", "events_avoided_high", "net_saving_eur", "net_saving_eur_low", "net_saving_eur_high",
    "probability_of_saving", "payback_year", "payback_probability", "price_set", "price_year", "evidence",
)  # fmt: skip


def frame(site: Site) -> pd.DataFrame:
    """A row for each municipality and service; an empty cell where there is no figure."""
    rows = [_row(site, place, service) for place in site.places for service in site.services]
    return pd.DataFrame([[row.get(name) for name in COLUMNS] for row in rows], columns=list(COLUMNS), dtype=object)


def _row(site: Site, place: Place, service: Service) -> Mapping[str, Any]:
    county = _county(site, place)
    row: dict[str, Any] = {
        "code": place.code, "name_fi": place.names["fi"], "name_sv": place.names["sv"], "county": place.county,
        "county_fi": county["fi"], "county_sv": county["sv"], "population": place.population,
        "population_year": place.population_year, "service": service.id,
        **{f"service_{language}": service.label[language] for language in ("fi", "sv", "en")},
    }  # fmt: skip
    answer = place.answers.get(service.id)
    if answer:
        row["synthetic"] = answer.synthetic
    if answer and answer.figures:
        told = _told(answer.figures).model_dump()
        for name in ("events_avoided", "net_saving_eur"):
            ends = told.pop(name)
            row |= {name: ends["mean"], f"{name}_low": ends["low"], f"{name}_high": ends["high"]}
        row |= told
    return row


def write_table(folder: Path, site: Site) -> None:
    """The table as CSV, in which no text is taken for a formula."""
    write_csv(folder / TABLE, frame(site))
