"""Joins what Sotkanet answers to the codes of params/, and tells what could not be joined."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from costeff.errors import ParamsError, Problem, Problems
from costeff.params.fetched import (
    COUNTRY,
    COUNTY,
    MUNICIPALITY,
    About,
    Fetched,
    Gender,
    Observed,
    Titles,
    as_csv,
    checksum,
)
from costeff.params.sotkanet import REFRESH, SOME, Client, Region, Row


@dataclass(frozen=True)
class Places:
    """The places of params/: codes of municipalities, and ids that Sotkanet has for each county."""

    municipalities: frozenset[str]
    counties: Mapping[str, tuple[int, ...]]


def fetch(
    client: Client, indicator: str, years: Sequence[int], genders: Sequence[Gender], places: Places
) -> tuple[Fetched, list[str]]:
    """One indicator, joined to the codes of its regions, and what was noticed on the way.

    Raises
    ------
    SetupError
        When the service cannot be reached or gives no answer.
    ParamsError
        When what it answers does not hold together, or holds no value at all.
    """
    metadata, first = client.metadata(indicator)
    regions, second = client.regions()
    rows, third = client.rows(indicator, years, genders)
    url = client.data_url(indicator, years, genders)
    if str(metadata.id) != indicator:
        problem = Problem(client.url(f"indicators/{indicator}"), f"tells of indicator {metadata.id}", REFRESH)
        raise ParamsError("Sotkanet answered with something else than it should", [problem])
    problems, notes = Problems(), list[str]()
    observed = join(rows, regions, places, problems, notes)
    for row in rows:
        if (str(row.indicator), row.year in years, row.gender in genders) != (indicator, True, True):
            problems.add(url, f"holds a row of {row.indicator}, {row.year}, {row.gender}: not asked for", REFRESH)
            break
    problems.raise_if_any(ParamsError, "The answer does not hold together")
    if all(row.value is None and row.absolute_value is None for row in observed):
        told = metadata.range
        there = f"its data are from {told.start} to {told.end}" if told else "which there are is not told"
        rule = f"indicator {indicator} has no value for {', '.join(map(str, years))}"
        raise ParamsError("Nothing was found", [Problem(url, rule, f"ask for other years: {there}")])
    own = sum(row.category == MUNICIPALITY and row.value is not None for row in observed)
    about = About(
        title=_titles(metadata.title),
        provider=_titles(metadata.organization.title),
        licence=metadata.licence,
        value_type=_plain(metadata.value_type.code) if metadata.value_type else None,
        data_updated=_plain(metadata.data_updated),
        fetched=min(first, second, third),
        url=url,
        years=tuple(years),
        genders=tuple(genders),
        rows=len(observed),
        missing=max(0, len(places.municipalities) * len(years) * len(genders) - own),
        sha256=checksum(as_csv(indicator, observed)),
    )
    return Fetched(indicator, about, tuple(observed)), notes


def _titles(texts: Mapping[str, str | None]) -> Titles:
    plain = {key: _plain(text) for key, text in texts.items() if key in Titles.model_fields}
    return Titles.model_validate({key: text for key, text in plain.items() if text})


def _plain(text: str | None) -> str | None:
    """One line of characters that can be seen; None where nothing is left."""
    return " ".join("".join(c if c.isprintable() else " " for c in text or "").split())[:500] or None


def join(
    rows: Iterable[Row], regions: Iterable[Region], places: Places, problems: Problems, notes: list[str]
) -> list[Observed]:
    """Values by the codes that params/ uses: municipalities, counties and the whole country, in order.

    What is left out is told in `notes`. A municipality code that lost its zeros, and two values for one place,
    year and gender, are problems: neither is mended.
    """
    known = {region.id: region for region in regions}
    county_of = {region: (code, rank) for code, ids in places.counties.items() for rank, region in enumerate(ids)}
    _check_codes(known.values(), places, problems)
    left, unknown = Counter[str](), Counter[str]()
    kept: dict[tuple[str, str, int, str], tuple[int, Observed]] = {}
    for row in rows:
        region = known.get(row.region)
        if region is None:
            unknown[str(row.region)] += 1
            continue
        code, rank = region.code, 0
        if region.category == COUNTY:
            code, rank = county_of.get(region.id, ("", 0))
        elif region.category not in (MUNICIPALITY, COUNTRY):
            left["regions of other kinds"] += 1
            continue
        if not code.isalnum() or (region.category == MUNICIPALITY and code not in places.municipalities):
            unknown[f"{region.id} ({region.category} {_plain(region.code)})"] += 1
            continue
        new = Observed(code, region.category, row.year, row.gender, row.value, row.absolute)
        held, before = kept.get(new.key, (rank, None))
        if before is None or rank < held:
            kept[new.key] = rank, new
        if before is not None and rank != held:
            left["a county by its former id, told by the present one too"] += 1
        elif before == new:
            left["the same row a second time"] += 1
        elif before is not None:
            rule = f"{region.category} {code} has two values for {row.year}, {row.gender}"
            problems.add(f"indicator {row.indicator}", rule, REFRESH)
    notes += [f"{_rows(count)} left out: {what}" for what, count in sorted(left.items())]
    if unknown:
        named = ", ".join(sorted(unknown)[:SOME]) + (f" and {len(unknown) - SOME} more" if len(unknown) > SOME else "")
        notes.append(f"{_rows(sum(unknown.values()))} left out: unknown region {named}")
    return [kept[key][1] for key in sorted(kept)]


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def _check_codes(regions: Iterable[Region], places: Places, problems: Problems) -> None:
    for region in regions:
        full = region.code.zfill(3)
        if region.category == MUNICIPALITY and region.code != full and full in places.municipalities:
            problems.add(f"region {region.id}", f"municipality {region.code} has lost its zeros ({full})", REFRESH)


def gather(
    client: Client,
    indicators: Sequence[str],
    years: Sequence[int],
    genders: Sequence[Gender],
    places: Places,
    tell: Callable[[int, str], None],
) -> list[tuple[Fetched, list[str]]]:
    """All indicators, one after the other, before any of them is written."""
    found = []
    for number, indicator in enumerate(indicators):
        tell(number, indicator)
        found.append(fetch(client, indicator, years, genders, places))
    tell(len(indicators), "")
    return found
