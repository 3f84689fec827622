"""Which numbers of params/ are filled from what was fetched: indices of need, and national volumes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from costeff.errors import Problems
from costeff.params.fetched import COUNTRY, MUNICIPALITY, Fetched, IndicatorId, Observed, as_tuple
from costeff.params.tables import number, read_rows
from costeff.spec import CountyCode, Id, Spec, Text, Year

RATES = ("PROS", "PER")  # per cent, and so many per 1 000 or 100 000: a count says more of size than of need


def _share(value: Any) -> Any:
    return {key: as_tuple(each) for key, each in value.items()} if isinstance(value, dict) else value


# --- what fills what ------------------------------------------------------------------------------


class Fill(Spec):
    """Which numbers of params/ one indicator fills, and why it may."""

    need: Id | None = None  # an index of municipality_indices.csv
    volume: Id | None = None  # a row of national_volumes.csv
    volume_of: Literal["value", "absolute_value"] = "value"
    reason: Text
    read_in: Text  # where the id of the indicator was read

    @model_validator(mode="after")
    def _fills_something(self) -> Self:
        if self.need is None and self.volume is None:
            raise ValueError("fills neither a need index nor a national volume")
        return self

    def told(self) -> str:
        """What it fills, as a reader would say it."""
        named = {"need index": self.need, "national volume": self.volume}
        return ", ".join(f"{what} {key}" for what, key in named.items() if key)

    def national(self, fetched: Fetched) -> dict[int, float]:
        """The values of the whole country, by year, that fill the volume."""
        return {
            row.year: value
            for row in fetched.rows
            if row.category == COUNTRY and row.gender == "total" and (value := getattr(row, self.volume_of)) is not None
        }

    def compared(self, fetched: Fetched, volumes: Mapping[str, Volume]) -> Iterator[str]:
        """What it fills now, a line each; a national figure beside the one that stood there."""
        if self.need:
            values = need_values(fetched.rows)
            yield f"fills need index {self.need}: {len(values)} municipalities, the median of a year at 100"
        if self.volume:
            years, found = volumes[self.volume].years, self.national(fetched)
            if not found:
                yield f"fills nothing of {self.volume}: no {self.volume_of} of the whole country"
            for year, value in found.items():
                before = f"{years[year].value:,.10g} ({years[year].source})" if year in years else "nothing"
                yield f"fills national volume {self.volume} {year}: {value:,.10g}, where {before} stood"


class Sotkanet(Spec):
    """How Sotkanet is asked, and what comes of its answers (params/sotkanet.yaml).

    `counties` are the ids its regions have for a county, the present one first and then the former.
    """

    base_url: Text
    interval_seconds: float = Field(gt=0, le=60)
    years: Annotated[tuple[Year, ...], BeforeValidator(as_tuple), Field(min_length=1)]
    indicators: dict[IndicatorId, Fill]
    counties: Annotated[dict[CountyCode, tuple[int, ...]], BeforeValidator(_share)]

    @model_validator(mode="after")
    def _once(self) -> Self:
        named = [("need", fill.need) for fill in self.indicators.values()]
        named += [("volume", fill.volume) for fill in self.indicators.values()]
        named += [("region", region) for ids in self.counties.values() for region in ids]  # type: ignore[misc]
        twice = [f"{kind} {key}" for (kind, key), times in Counter(named).items() if key is not None and times > 1]
        if twice:
            raise ValueError(f"{', '.join(map(str, twice))} stands twice")
        return self


# --- what is made of it ---------------------------------------------------------------------------


class NeedIndex(Spec):
    """Where an index of need comes from. Its values are in `Catalogue.need`."""

    id: Id
    source: Text
    data: Text  # of when it is
    known: int
    missing: int

    def told(self) -> list[tuple[str, str]]:
        """Its facts in order, name and text."""
        return [
            ("need index", "the median municipality of each year is 100; mean of the years observed"),
            ("source", self.source),
            ("data", self.data),
            ("municipalities", f"{self.known} with a value; {self.missing} missing, which stay missing"),
        ]


class VolumeYear(Spec):
    """A national figure of one year, and where it is from."""

    value: float
    source: Text
    note: Text | None = None


class Volume(Spec):
    """A national figure over the years."""

    id: Id
    years: dict[int, VolumeYear]

    def told(self) -> list[tuple[str, str]]:
        """A line a year."""
        return [
            (str(year), f"{each.value:,.10g} ({each.source}{f'; {each.note}' if each.note else ''})")
            for year, each in sorted(self.years.items())
        ]


def read_volumes(path: Path, sources: set[str] | None, problems: Problems) -> dict[str, Volume]:
    """The national volumes as they were published; `sources` are the ids that may be named, None: any."""
    years: dict[str, dict[int, VolumeYear]] = {}
    for place, row in read_rows(path, ("indicator", "year", "value", "source", "note"), problems):
        key, year, value = row["indicator"], row["year"], number(row["value"])
        if value is None or not (year.isdecimal() and len(year) == 4):
            problems.add(place, "year or value is not a number", "write a year, and digits with a decimal point")
        elif sources is not None and row["source"] not in sources:
            problems.add(place, f"source {row['source']} is not in sources.yaml", "add it there, or correct the id")
        elif int(year) in years.setdefault(key, {}):
            problems.add(place, f"{key} stands twice for {year}", "keep one of the rows")
        else:
            years[key][int(year)] = VolumeYear(value=value, source=row["source"], note=row["note"] or None)
    return {key: Volume(id=key, years=found) for key, found in years.items()}


def need_values(rows: Iterable[Observed]) -> dict[str, float]:
    """Index of need by municipality, from observed values of both sexes together.

    Each year's value is told in hundredths of that year's median municipality, and the years observed are
    averaged. A municipality without a value has none here: it is neither 0 nor the median.

    Returns
    -------
    dict
        Municipality code to index; empty where no year has a median above 0.
    """
    by_year: dict[int, dict[str, float]] = {}
    for row in rows:
        if row.category == MUNICIPALITY and row.gender == "total" and row.value is not None:
            by_year.setdefault(row.year, {})[row.region] = row.value
    indices: dict[str, list[float]] = {}
    for values in by_year.values():
        middle = median(values.values())
        for code, value in values.items() if middle > 0 else ():
            indices.setdefault(code, []).append(100 * value / middle)
    return {code: fmean(found) for code, found in indices.items()}


def why_no_index(fetched: Fetched) -> str | None:
    """Why no index of need can be made of an indicator; None where one can."""
    kind = fetched.about.value_type
    if kind is None or not kind.startswith(RATES):
        return f"is no rate (its values are of type {kind or 'unknown'}): it tells of size and not of need"
    if "total" not in fetched.about.genders:
        return "holds no values of both sexes together"
    if not need_values(fetched.rows):
        return "has no year in which the median municipality is above 0"
    return None


def refused(mapping: Sotkanet, fetched: Iterable[Fetched]) -> Problems:
    """Why something that was just fetched cannot fill what it is meant to."""
    problems = Problems()
    for one in fetched:
        fill = mapping.indicators.get(one.indicator)
        if fill and fill.need and (why := why_no_index(one)):
            cure = f"ask for other years, or remove need: {fill.need} from params/sotkanet.yaml"
            problems.add(f"indicator {one.indicator} for {fill.need}", why, cure)
    return problems


def fill_need(
    mapping: Sotkanet | None,
    fetched: Mapping[str, Fetched],
    need: Mapping[str, dict[str, float | None]],
    municipalities: Sequence[str],
    problems: Problems,
) -> tuple[dict[str, dict[str, float | None]], dict[str, NeedIndex]]:
    """The indices of need: those fetched in place of those in the table, with where each is from."""
    filled = dict(need)
    origin = dict.fromkeys(need, ("thl_sotkanet_need (municipality_indices.csv)", "2018-2020, as in the source"))
    for indicator, fill in (mapping.indicators if mapping else {}).items():
        if fill.need is None:
            continue
        if fill.need not in need and need:
            rule = f"{fill.need} is not a need index of municipality_indices.csv"
            problems.add(f"sotkanet.yaml indicators.{indicator}.need", rule, f"known: {', '.join(sorted(need))}")
            continue
        if indicator not in fetched:
            continue
        one = fetched[indicator]
        if why := why_no_index(one):
            cure = f"remove fetched/{indicator}.csv and .yaml, or {fill.need} from sotkanet.yaml"
            problems.add(f"fetched/{indicator}.csv", why, cure)
            continue
        values = need_values(one.rows)
        filled[fill.need] = {code: values.get(code) for code in municipalities}
        origin[fill.need] = _origin(one)
    told = {}
    for key, values_of in filled.items():
        observed = sum(value is not None for value in values_of.values())
        source, data = origin[key]
        told[key] = NeedIndex(id=key, source=source, data=data, known=observed, missing=len(values_of) - observed)
    return filled, told


def fill_volumes(
    mapping: Sotkanet | None, fetched: Mapping[str, Fetched], volumes: Mapping[str, Volume], problems: Problems
) -> dict[str, Volume]:
    """The national volumes: a fetched year in place of a published one, each year with where it is from."""
    filled = dict(volumes)
    for indicator, fill in (mapping.indicators if mapping else {}).items():
        if fill.volume is None:
            continue
        if fill.volume not in volumes and volumes:
            rule = f"{fill.volume} is not in national_volumes.csv"
            problems.add(f"sotkanet.yaml indicators.{indicator}.volume", rule, f"known: {', '.join(sorted(volumes))}")
        elif indicator in fetched and volumes:
            one = fetched[indicator]
            source, data = _origin(one)
            years = dict(volumes[fill.volume].years)
            for year, value in fill.national(one).items():
                years[year] = VolumeYear(value=value, source=source, note=data)
            filled[fill.volume] = Volume(id=fill.volume, years=years)
    return filled


def _origin(one: Fetched) -> tuple[str, str]:
    about = one.about
    years = ", ".join(map(str, about.years))
    updated = f", updated {about.data_updated}" if about.data_updated else ""
    return (
        f"Sotkanet indicator {one.indicator}: {about.title}; {about.provider}; {about.terms()}",
        f"{years}{updated}, fetched {about.fetched}",
    )
