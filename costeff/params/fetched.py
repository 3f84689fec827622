"""What `costeff params fetch` keeps in params/fetched/, and how it is read back."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BeforeValidator, Field, StringConstraints

from costeff.errors import Problems
from costeff.files import written_aside
from costeff.params.tables import SUPPRESSED, number, read_rows
from costeff.spec import Spec, Text, Year, parse, read_yaml

IndicatorId = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,6}$")]
Gender = Literal["total", "male", "female"]
MUNICIPALITY, COUNTY, COUNTRY = "KUNTA", "HYVINVOINTIALUE", "MAA"
COLUMNS = ("indicator", "region", "category", "year", "gender", "value", "absolute_value")


def as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


# --- what was fetched -----------------------------------------------------------------------------


class Titles(Spec):
    """A text in the languages in which the provider gives it."""

    fi: Text | None = None
    sv: Text | None = None
    en: Text | None = None

    def __str__(self) -> str:
        return next(filter(None, (self.en, self.fi, self.sv)), "without a name")


class About(Spec):
    """What is known of a fetched indicator; `licence` stays empty where the interface does not settle it."""

    title: Titles
    provider: Titles
    licence: Text | None = None
    value_type: Text | None = None
    data_updated: Text | None = None  # as the provider writes it
    fetched: date
    url: Text
    years: Annotated[tuple[Year, ...], BeforeValidator(as_tuple), Field(min_length=1)]
    genders: Annotated[tuple[Gender, ...], BeforeValidator(as_tuple), Field(min_length=1)]
    rows: int = Field(ge=0)
    missing: int = Field(ge=0)  # values of municipalities that are not there or are empty
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]

    def terms(self) -> str:
        """The licence, or that it is not known."""
        return self.licence or f"licence not known: ask {self.provider} for its terms before you publish"

    def told(self) -> list[tuple[str, str]]:
        """Its facts in order, name and text."""
        return [
            ("title", " · ".join(filter(None, (self.title.en, self.title.fi, self.title.sv)))),
            ("provider", str(self.provider)),
            ("licence", self.terms()),
            ("data updated", self.data_updated or "not told"),
            ("fetched", f"{self.fetched} from {self.url}"),
            ("years", ", ".join(map(str, self.years))),
            ("rows", f"{self.rows}; {self.missing} values of municipalities are missing"),
        ]


@dataclass(frozen=True)
class Observed:
    """One value as Sotkanet gives it; None is missing, and zero is zero."""

    region: str
    category: str
    year: int
    gender: str
    value: float | None
    absolute_value: float | None

    @property
    def key(self) -> tuple[str, str, int, str]:
        return self.category, self.region, self.year, self.gender


@dataclass(frozen=True)
class Fetched:
    """One indicator with its values."""

    indicator: str
    about: About
    rows: tuple[Observed, ...]


def as_csv(indicator: str, rows: Iterable[Observed]) -> bytes:
    """The values as a table, an empty cell where one is missing."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for row in rows:
        numbers = ("" if x is None else repr(x).removesuffix(".0") for x in (row.value, row.absolute_value))
        table.writerow((indicator, row.region, row.category, row.year, row.gender, *numbers))
    return text.getvalue().encode()


def write_fetched(folder: Path, fetched: Fetched) -> Path:
    """Write the table and what is known of it, both or neither.

    The checksum in the second tells when a machine that stops between the two leaves them of different days.

    Raises
    ------
    SetupError
        When the folder cannot be written.
    """
    table = folder / f"{fetched.indicator}.csv"
    about = fetched.about.model_dump(mode="python", exclude_none=True)
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in about.items()}
    head = "# Fetched with `costeff params fetch`; do not edit.\n"
    with ExitStack() as stack:
        for path, content in (
            (table.with_suffix(".yaml"), (head + yaml.safe_dump(plain, allow_unicode=True, sort_keys=False)).encode()),
            (table, as_csv(fetched.indicator, fetched.rows)),
        ):
            aside = stack.enter_context(written_aside(path))
            aside.write_bytes(content)
    return table


def checksum(content: bytes) -> str:
    """SHA-256 of a table, whatever the ends of its lines."""
    return sha256(content.replace(b"\r\n", b"\n")).hexdigest()


def read_fetched(
    folder: Path, municipalities: Iterable[str], counties: Iterable[str], problems: Problems
) -> dict[str, Fetched]:
    """Everything in params/fetched/, read strictly; what is wrong goes to `problems` with file and line."""
    known = {MUNICIPALITY: set(municipalities), COUNTY: set(counties)}
    found: dict[str, Fetched] = {}
    for name in sorted({path.stem for path in folder.glob("*.*") if path.suffix in {".csv", ".yaml"}}):
        table, sheet = folder / f"{name}.csv", folder / f"{name}.yaml"
        again = f"remove fetched/{name}.csv and fetched/{name}.yaml, and fetch {name} again"
        for path in (table, sheet):
            if not path.is_file():
                problems.add(f"fetched/{path.name}", "is not there, and its other half is", again)
        document = read_yaml(sheet, problems) if table.is_file() and sheet.is_file() else None
        about = parse(About, document, problems) if document else None
        if about is None:
            continue
        if checksum(table.read_bytes()) != about.sha256:
            problems.add(f"fetched/{name}.csv", "is not as it was fetched (its checksum differs)", again)
        rows = tuple(_rows(table, name, about, known, problems))
        found[name] = Fetched(name, about, rows)
    return found


def _rows(
    path: Path, indicator: str, about: About, known: Mapping[str, set[str]], problems: Problems
) -> Iterator[Observed]:
    met: set[tuple[str, str, int, str]] = set()
    for place, row in read_rows(path, COLUMNS, problems):
        told = list(_faults(row, indicator, about, known))
        for rule, cure in told:
            problems.add(place, rule, cure)
        if told:
            continue
        values = (number(row[name]) if row[name] else None for name in ("value", "absolute_value"))
        observed = Observed(row["region"], row["category"], int(row["year"]), row["gender"], *values)
        if observed.key in met:
            problems.add(place, "this region, year and gender stands twice", "fetch the indicator again")
        met.add(observed.key)
        yield observed


def _faults(
    row: Mapping[str, str], indicator: str, about: About, known: Mapping[str, set[str]]
) -> Iterator[tuple[str, str]]:
    """What is wrong with one row, and the cure."""
    code, category = row["region"], row["category"]
    if row["indicator"] != indicator:
        yield f"is of indicator {row['indicator']}", f"the file holds indicator {indicator} alone"
    codes, digits = known.get(category), 3 if category == MUNICIPALITY else 2
    if category not in (MUNICIPALITY, COUNTY, COUNTRY):
        yield f"category {category} is unknown", f"use {MUNICIPALITY}, {COUNTY} or {COUNTRY}"
    elif codes and code not in codes:
        if code.isdecimal() and code.zfill(digits) in codes:
            yield f"region {code} has lost its zeros", f"write {code.zfill(digits)}"
        else:
            yield f"region {code} is unknown", "correct the code"
    if row["year"] not in map(str, about.years):
        yield f"year {row['year']} was not asked for", f"the years are {', '.join(map(str, about.years))}"
    if row["gender"] not in about.genders:
        yield f"gender {row['gender']} was not asked for", f"the genders are {', '.join(about.genders)}"
    for name in ("value", "absolute_value"):
        if row[name].strip() in SUPPRESSED:
            yield f"{name} is a mark of suppression", "leave the cell empty"
        elif row[name] and number(row[name]) is None:
            yield f"{name} is not a number", "write digits with a decimal point, or leave the cell empty"
