"""A county's own list of indicators, as it keeps it: CSV or YAML."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from costeff import identity
from costeff.errors import DataError, Problem, Problems, UsageError
from costeff.spec import read_yaml

HEADLINE = "The list of indicators cannot be read"
NAMES = {
    "name": ("name", "nimi", "namn", "indicator", "indikaattori", "indikator", "mittari"),
    "definition": ("definition", "määritelmä", "kuvaus", "beskrivning", "description"),
    "service": ("service", "palvelu", "tjänst", "tjanst"),
}
LARGEST = 2_000_000  # bytes; a list of indicators is a page or two
LONGEST = 500  # characters of a name
UNPRINTABLE = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069]")  # would steer a terminal


@dataclass(frozen=True)
class Listed:
    """One indicator of the list, and where it stands."""

    name: str
    definition: str = ""
    service: str = ""
    place: str = ""


def read_list(path: Path) -> list[Listed]:
    """The indicators of a file: CSV with `;`, `,` or tabs and a header, or YAML with a list of them.

    A column `name` is needed (also *nimi*, *namn*, *indicator*, ...); `definition` and `service` may stand
    beside it, other columns are not read.

    Raises
    ------
    UsageError
        When there is no such file, or it is of another kind.
    DataError
        With every problem of its content.
    """
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".yaml", ".yml", ".txt"):
        rule = "is neither CSV nor YAML"
        raise UsageError(HEADLINE, [Problem(path.name, rule, "save the list as CSV with a column name")])
    if not path.is_file():
        raise UsageError(HEADLINE, [Problem(path.name, "is not a file", "give the path of the list")])
    if path.stat().st_size > LARGEST:
        raise DataError(HEADLINE, [Problem(path.name, "is larger than 2 MB", "give the list alone, without data")])
    problems = Problems()
    rows = _yaml(path, problems) if suffix in (".yaml", ".yml") else _csv(path, problems)
    found = [one for one in (_listed(place, row, problems) for place, row in rows) if one]
    if not found and not problems:
        problems.add(path.name, "names no indicator", "write one indicator in a row, below the header name")
    problems.raise_if_any(DataError, HEADLINE)
    return found


def _csv(path: Path, problems: Problems) -> Iterator[tuple[str, Mapping[str, object]]]:
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    if "\0" in text:
        problems.add(path.name, "is not text", "save the list as CSV, in UTF-8")
        return
    header = text.split("\n", 1)[0]
    mark = max(";,\t", key=header.count)  # the first of those that are as frequent
    try:
        table = csv.DictReader(io.StringIO(text, newline=""), delimiter=mark)
        names = _columns([name or "" for name in table.fieldnames or ()], f"{path.name}:1", problems)
        if "name" not in names:
            problems.add(
                f"{path.name}:1", "has no column name", "give the list a header with a column name (or nimi, namn)"
            )
            return
        for row in table:
            if any(value and str(value).strip() for value in row.values()):
                yield f"{path.name}:{table.line_num}", {to: row.get(own) for to, own in names.items()}
    except csv.Error:
        problems.add(path.name, "is not CSV", "close the quotes, and save the list as CSV")


def _yaml(path: Path, problems: Problems) -> Iterator[tuple[str, Mapping[str, object]]]:
    document = read_yaml(path, problems)
    if document is None:
        return
    data, under = document.data, ()
    if isinstance(data, dict) and isinstance(data.get("indicators"), list):
        data, under = data["indicators"], ("indicators",)  # type: ignore[assignment]
    if not isinstance(data, list):
        problems.add(document.place(), "is not a list of indicators", "write `- name: ...` for each")
        return
    for number, item in enumerate(data):
        place = document.place((*under, number))
        if isinstance(item, str):
            yield place, {"name": item}
        elif isinstance(item, dict):
            columns = _columns([str(key) for key in item], place, problems)
            yield place, {to: item.get(own) for to, own in columns.items()}
        else:
            problems.add(place, "is neither a name nor a mapping", "write `- name: ...`")


def _columns(header: list[str], place: str, problems: Problems) -> dict[str, str]:
    """Our name of a column -> the file's; a column that stands twice is told."""
    plain: dict[str, str] = {}
    for own in header:
        name = own.strip().casefold()
        if name in plain and any(name in names for names in NAMES.values()):
            problems.add(place, f"has two columns {name}", "keep one of them")
        plain.setdefault(name, own)
    return {to: plain[name] for to, names in NAMES.items() for name in reversed(names) if name in plain}


def _listed(place: str, row: Mapping[str, object], problems: Problems) -> Listed | None:
    values = [row.get(key) for key in NAMES]
    if any(isinstance(value, dict | list) for value in values):
        problems.add(place, "holds a list or a mapping where a text belongs", "write the text alone")
        return None
    name, definition, service = (" ".join(str(value or "").split()) for value in values)
    if rule := _unfit(" ".join((name, definition, service))):
        problems.add(place, *rule)
        return None
    if not name:
        problems.add(place, "has no name", "write the name of the indicator, or remove the row")
        return None
    if len(name) > LONGEST:
        problems.add(
            place, f"has a name of more than {LONGEST} characters", "move the explanation to a column definition"
        )
        return None
    return Listed(name, definition, service, place)


def _unfit(text: str) -> tuple[str, str] | None:
    """Why a text must not be shown, and what mends it."""
    if UNPRINTABLE.search(text):
        return "holds control characters", "write plain text"
    if identity.find(text):
        return "holds an identity code", "remove it: a list of indicators names no person"
    return None
