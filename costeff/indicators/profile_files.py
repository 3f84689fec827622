"""Profiles of counties as files: the template a county fills in, and what it sends back, read strictly."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from costeff.chain.profile import (
    COOPERATION_LABELS,
    MODEL_LABELS,
    MODELS,
    PROFESSION_LABELS,
    CountyProfile,
    Target,
)
from costeff.errors import DataError, Problem, Problems, UsageError
from costeff.spec import Label, parse, read_yaml, validation_problems

HEADLINE = "The profiles of counties do not hold together"
YES = {"true", "yes", "kyllä", "ja", "1"}
NO = {"false", "no", "ei", "nej", "0"}
TOLD = {
    "organisation": Label(fi="Organisaatiomalli", sv="Organisationsmodell", en="Organisation"),
    "staff": Label(
        fi="Henkilötyövuosia 10 000 asukasta kohden",
        sv="Årsverken per 10 000 invånare",
        en="Full-time equivalents for 10 000 inhabitants",
    ),
    "cooperation": Label(
        fi="Yhteistyö asteikolla 1 (huono) – 5 (hyvä)",
        sv="Samarbete på skalan 1 (dåligt) – 5 (bra)",
        en="Cooperation from 1 (bad) to 5 (good)",
    ),
    "targets": Label(fi="Onko tavoitteet asetettu, ja mitkä", sv="Är mål uppställda, och vilka", en="Are targets set, "
                     "and which"),
}  # fmt: skip


def template_text(county: str, language: str, suffix: str) -> str:
    """An empty profile of a county, as YAML or as CSV with `;`.

    Raises
    ------
    UsageError
        For a suffix other than .yaml or .csv.
    """
    rows = list(_fields(language))
    if suffix == ".csv":
        return "field;value;meaning\n" + "".join(f"{key};{county if key == 'county' else ''};{m}\n" for key, m in rows)
    if suffix not in (".yaml", ".yml"):
        raise UsageError("The template was not written", [Problem(suffix, "is neither .yaml nor .csv", "rename it")])
    lines, above = [], ""
    for key, meaning in rows:
        parent, _, name = key.rpartition(".")
        if parent and parent != above:
            lines.append(f"{parent}:")
        above = parent
        value = f' "{county}"' if key == "county" else ""
        lines.append(f"{'  ' if parent else ''}{name}:{value}  # {meaning}")
    return "\n".join(lines) + "\n"


def _fields(language: str) -> Iterator[tuple[str, str]]:
    """Every field of a profile with what it means."""
    yield "county", "00-99"
    yield "answered", "2026-01-31"
    choices = ", ".join(f"{model} ({MODEL_LABELS[model][language]})" for model in MODELS)
    yield "organisation", f"{TOLD['organisation'][language]}: {choices}"
    yield from (
        (f"staff.{k}", f"{TOLD['staff'][language]}: {label[language]}") for k, label in PROFESSION_LABELS.items()
    )
    for key, label in COOPERATION_LABELS.items():
        yield f"cooperation.{key}", f"{TOLD['cooperation'][language]}: {label[language]}"
    yield "targets.set", f"{TOLD['targets'][language]}: true, false"
    yield "targets.which", f"[{', '.join(get_args(Target))}]"


def read_profiles(folder: Path, counties: Collection[str]) -> dict[str, CountyProfile]:
    """The profiles in a folder, by county code; a county without a file, and what a file leaves empty, is missing.

    A file with nothing filled in is no profile. Hidden files and notes in Markdown are passed over.

    Raises
    ------
    UsageError
        When there is no such folder, or no profile in it.
    DataError
        With every problem of every file.
    """
    paths = sorted(path for path in folder.glob("[!.]*") if path.suffix.lower() != ".md")
    if not any(path.suffix.lower() in READERS for path in paths):
        cure = "make one with `costeff indicators profile template FILE --county 05`"
        raise UsageError("There are no profiles to read", [Problem(str(folder), "holds no .yaml or .csv file", cure)])
    problems, found = Problems(), dict[str, CountyProfile]()
    for path in paths:
        reader = READERS.get(path.suffix.lower())
        if reader is None:
            problems.add(path.name, "is not a profile", "save it as .yaml or .csv, or move it away")
        profile = reader(path, problems) if reader else None
        if profile is None:
            continue
        if profile.county not in counties:
            problems.add(f"{path.name} county", "is not a county", "write its two digits, see params/counties.csv")
        elif profile.county in found:
            problems.add(f"{path.name} county", f"{profile.county} has two profiles", "keep one of them")
        found[profile.county] = profile
    problems.raise_if_any(DataError, HEADLINE)
    return {county: profile for county, profile in sorted(found.items()) if profile.tells}


def _yaml(path: Path, problems: Problems) -> CountyProfile | None:
    document = read_yaml(path, problems)
    if document is None:
        return None
    document.data = _without_empty(document.data)
    return parse(CountyProfile, document, problems)


def _without_empty(data: Any) -> Any:
    """A mapping without the keys that were left empty."""
    if not isinstance(data, dict):
        return data
    inner = {key: _without_empty(value) for key, value in data.items()}
    return {key: value for key, value in inner.items() if value not in (None, {}, [])}


def _csv(path: Path, problems: Problems) -> CountyProfile | None:
    """One county as rows of `field;value`."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        problems.add(path.name, "cannot be read as UTF-8", "save the file as CSV, in UTF-8")
        return None
    mark = ";" if ";" in text.split("\n", 1)[0] else ","
    table = csv.DictReader(io.StringIO(text, newline=""), delimiter=mark)
    if not {"field", "value"} <= set(table.fieldnames or ()):
        problems.add(f"{path.name}:1", "has no columns field and value", "begin with the template")
        return None
    known = {"synthetic", *(key for key, _ in _fields("en"))}
    data: dict[str, Any] = {}
    for row in table:
        key, value = (row["field"] or "").strip(), (row["value"] or "").strip()
        if value:
            if key not in known:
                problems.add(
                    f"{path.name}:{table.line_num}", "is not a field of a profile", "keep the template's fields"
                )
                continue
            parent, _, name = key.rpartition(".")
            within = data.setdefault(parent, {}) if parent else data
            if name in within:
                problems.add(f"{path.name}:{table.line_num} {key}", "stands twice", "keep one of the rows")
            within[name] = _typed(key, value)
    try:
        return CountyProfile.model_validate(data)
    except ValidationError as error:
        problems.found += validation_problems(error, path.name)
        return None


def _typed(key: str, value: str) -> Any:
    """A cell as what its field holds; what cannot be read stays a text, and is told as one."""
    from datetime import date

    parent, _, _ = key.rpartition(".")
    try:
        if parent == "staff":
            return float(value.replace("\u00a0", "").replace(" ", "").replace(",", "."))
        if parent == "cooperation":
            return int(value)
        if key == "answered":
            return date.fromisoformat(value)
    except ValueError:
        return value
    if key in ("targets.set", "synthetic"):
        return True if value.casefold() in YES else False if value.casefold() in NO else value
    return [part.strip() for part in value.strip("[]").split(",")] if key == "targets.which" else value


READERS = {".yaml": _yaml, ".yml": _yaml, ".csv": _csv}
