"""A county's own names: which of its tables, columns and codes are which of the declared ones.

A mapping file says it, closed to unknown keys:

    register: {label: Perhetyön rekisteri, data_date: 2025-12-31}
    tables:
      asiakkaat:                                   # the county's table, file or sheet
        table: clients                             # needed when the names differ
        columns: {asiakas: client, kunta: municipality, riski: risk_group}
        values: {risk_group: {"1": low, "2": middle, "3": high}}
        leave_out: [nimi]                          # columns that are not read at all

`values` are by declared column. Codes stand in quotes, so that they keep their zeros;
those not named stay as they are. What is told of a mapping are names, never codes.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from costeff.errors import Problem, Problems
from costeff.records.declare import Table
from costeff.records.info import RegisterInfo
from costeff.records.typed import row_column
from costeff.spec import Id, Spec, Text, parse, read_yaml

if TYPE_CHECKING:
    import ibis.expr.types as ir

MAPPING_FILE = "mapping.yaml"
Names = Annotated[tuple[Text, ...], Field(strict=False)]


class TableMapping(Spec):
    """One of the county's tables: what it is called here, its columns, and its codes."""

    table: Id | None = None
    columns: dict[Text, Id] = Field(default={})
    values: dict[Id, dict[Text, Text]] = Field(default={})
    leave_out: Names = ()


class RegisterMapping(Spec):
    """The whole mapping of a register; an empty one maps every name to itself."""

    register_info: RegisterInfo | None = Field(default=None, alias="register")
    tables: dict[Text, TableMapping] = Field(default={})

    def sources(self, declared: Collection[str]) -> dict[str, str]:
        """The county's name of each declared table."""
        named = {spec.table or theirs: theirs for theirs, spec in self.tables.items()}
        return {name: named.get(name, name) for name in declared}

    def told(self) -> Iterator[str]:
        """What is renamed, by names only."""
        for theirs, spec in self.tables.items():
            ours = spec.table or theirs
            if ours != theirs:
                yield f"table {theirs} -> {ours}"
            yield from (f"column {theirs}.{old} -> {ours}.{new}" for old, new in spec.columns.items() if old != new)
            yield from (f"codes of {ours}.{column}" for column in spec.values)
            yield from (f"column {theirs}.{column} is left out" for column in spec.leave_out)


NO_MAPPING = RegisterMapping()


def read_mapping(file: Path, tables: Mapping[str, Table], problems: Problems) -> RegisterMapping:
    """A mapping file that agrees with the declarations; what is wrong with it goes to `problems`."""
    before = len(problems.found)
    document = read_yaml(file, problems)
    if document is None:
        return NO_MAPPING
    mapping = parse(RegisterMapping, document, problems)
    problems.found[before:] = map(_without_codes, problems.found[before:])
    if mapping is None or len(problems.found) > before:
        return NO_MAPPING

    def tell(keys: tuple[str, ...], rule: str, cure: str) -> None:
        document.tell(problems, keys, rule, cure)

    owners = Counter(spec.table or theirs for theirs, spec in mapping.tables.items())
    for theirs, spec in mapping.tables.items():
        place, ours = ("tables", theirs), spec.table or theirs
        if ours not in tables:
            tell(place, "is mapped to no declared table", _near(ours, tables, "add `table:` with one of"))
            continue
        if owners[ours] > 1:
            tell(place, f"is one of {owners[ours]} tables mapped to {ours}", "keep one, or join them in the extract")
        onto = Counter(spec.columns.values())
        for old, new in spec.columns.items():
            if new not in tables[ours].names:
                cure = _near(new, tables[ours].names, f"columns of {ours}:")
                tell((*place, "columns", old), f"is mapped to {new}, which is not a column of {ours}", cure)
            elif onto[new] > 1:
                tell((*place, "columns", old), f"is one of {onto[new]} columns mapped to {new}", "keep one of them")
            if old in spec.leave_out:
                tell((*place, "columns", old), "is mapped and left out", "do one of the two")
        for column in spec.values:
            if column not in tables[ours].names:
                cure = _near(column, tables[ours].names, f"columns of {ours}:")
                tell((*place, "values", column), f"is not a column of {ours}", cure)
    return mapping


def _without_codes(problem: Problem) -> Problem:
    """What is wrong under `values`, without the code that stands there."""
    column = re.match(r"(.*? tables\..+?\.values(\.[^.\s]+)?)", problem.place, re.DOTALL)
    if column is None:
        return problem
    return Problem(column[1], re.sub(r" \(it is .*\)$", "", problem.rule, flags=re.DOTALL), problem.cure)


def mapped(theirs: str, mapping: RegisterMapping, rows: ir.Table, problems: Problems) -> ir.Table:
    """The rows of one of the county's tables under declared names and codes.

    A mapping may name only what is there, and no two columns may get one name.
    """
    spec = mapping.tables.get(theirs)
    if spec is None:
        return rows
    found = [name for name in rows.columns if name not in row_column(rows)]
    wanted = {**dict.fromkeys(spec.leave_out, "leave_out"), **dict.fromkeys(spec.columns, "columns")}
    for name, key in wanted.items():
        if name not in found:
            cure = _near(name, found, "") or "correct the mapping, or the extract"
            problems.add(f"{MAPPING_FILE} tables.{theirs}.{key}.{name}", "is not a column of the table", cure)
    names = {name: spec.columns.get(name, name) for name in found if name not in spec.leave_out}
    for name in (new for new, count in Counter(names.values()).items() if count > 1):
        both = ", ".join(old for old, new in names.items() if new == name)
        place = f"{MAPPING_FILE} tables.{theirs}.columns"
        problems.add(place, f"two columns become {name}: {both}", "leave one of them out: `leave_out`")
        return rows
    columns = {new: rows[old] for old, new in names.items()}
    for column, codes in spec.values.items():
        if column not in columns:
            place = f"{MAPPING_FILE} tables.{theirs}.values.{column}"
            problems.add(place, "is not a column of the table", "correct the mapping, or the extract")
            continue
        value = columns[column]
        if not (value.type().is_string() or value.type().is_integer() or value.type().is_boolean()):
            place = f"{MAPPING_FILE} tables.{theirs}.values.{column}"
            problems.add(place, "has values that are not codes", "map text or whole numbers")
            continue
        text = value.cast("string")
        columns[column] = text.cases(*codes.items(), else_=text)
    return rows.select(*row_column(rows), **columns)


def _near(name: str, known: Collection[str], otherwise: str) -> str:
    near = difflib.get_close_matches(name.lower(), [each.lower() for each in known], n=1)
    like = [each for each in known if each.lower() in near]
    if like:
        return f"did you mean {like[0]}?"
    return f"{otherwise} {', '.join(known)}" if otherwise else ""
