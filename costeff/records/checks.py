"""A register against its declaration: every broken rule, found inside the database, told without a value."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from costeff.errors import Problems
from costeff.records.declare import Column, ColumnType, Constraint, Table
from costeff.records.together import Together, tell_together
from costeff.records.typed import (
    ROW,
    Run,
    Stored,
    fits,
    null_of,
    row_column,
    typed_values,
    usable_columns,
    where,
)

if TYPE_CHECKING:
    import ibis.expr.types as ir

RAW, EMPTY, WORD = "__raw_", "__empty_", "__word_"

TYPE_RULES: dict[ColumnType, tuple[str, str]] = {
    "text": (
        "is a number or a date, not text",
        "store codes and pseudonyms as text: a number loses its leading zeros (91 instead of 091)",
    ),
    "date": (
        "is not a date",
        "write dates as 2024-01-31 or 31.1.2024, without a time of day; no other form means the same everywhere",
    ),
    "number": (
        "is not a number",
        "write 1234.5 without spaces or units; decimal commas only in a file separated by ; and then in every row",
    ),
    "whole": ("is not a whole number", "write 12, without decimals, spaces or units"),
    "flag": ("is not true or false", "write true or false (or 1 or 0)"),
}
BLANK = "^[ \t\n\r\v\f]*$"  # ten times as quick as trimming
LAST_BLANK = ord(" ")  # what begins with a greater character is not searched
SUPPRESSED = r"^\s*([.]{1,3}|…|[*]+|[xX]|<\s*[0-9]+)\s*$"  # the marks of published statistics
SUPPRESSED_RULE = (
    "is a mark of suppression, not a number",
    "make the extract where the exact values lie: what was suppressed is not zero, and cannot be guessed",
)


# --- the check ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Given:
    """What rules need besides the rows; None leaves the rule out."""

    municipalities: list[str] | None
    data_date: date | None


def find_problems(
    tables: Mapping[str, Table],
    stored: Mapping[str, Stored],
    run: Run,
    known_municipalities: Iterable[str] | None,
    data_date: date | None = None,
) -> Problems:
    """Every broken rule of every table.

    Parameters
    ----------
    tables
        The declarations.
    stored
        The tables that were found.
    run
        Runs an ibis expression where the rows lie; only counts and row numbers come back.
    known_municipalities
        Codes in force; None leaves that rule out.
    data_date
        The last day the data tell of; None leaves out that no date is after it.
    """
    problems = Problems()
    known = None if known_municipalities is None else sorted(set(known_municipalities))
    given = _Given(known, data_date)
    for name, table in tables.items():
        if name not in stored:
            if table.optional:
                continue
            problems.add(name, "this table is missing", f"put {name}.parquet or {name}.csv in the folder")
            continue
        if not _columns(table, stored[name], problems):
            continue
        _row_rules(table, stored[name], run, given, problems)
    together = Together(tables, stored, run)
    for name, table in tables.items():
        if name in stored:
            tell_together(table, together, problems)
    return problems


def _columns(table: Table, stored: Stored, problems: Problems) -> bool:
    """Names and stored types of the columns; False when the first line does not look like a header at all."""
    found = [name for name in stored.rows.schema() if name != ROW]
    absent = [name for name in table.names if name not in found]
    missing = [name for name in absent if name in table.required]
    unknown = [name for name in found if name not in table.names]
    if len(absent) == len(table.columns):
        # Without a header line the "names" are somebody's data: none of them is shown.
        cure = f"the first line must name the columns: {', '.join(table.names)}; separate them with a comma or ;"
        problems.add(table.name, "none of the declared columns is there", cure)
        return False
    for name in missing:
        near = difflib.get_close_matches(name, [u.lower() for u in unknown], n=1, cutoff=0.6)
        like = [u for u in unknown if u.lower() in near]
        cure = f"did you mean `{like[0]}`? rename it" if like else "add the column"
        problems.add(f"{table.name}.{name}", "this column is missing", cure)
    for name in unknown:
        near = difflib.get_close_matches(name.lower(), absent, n=1, cutoff=0.6)
        cure = f"did you mean `{near[0]}`? rename it" if near else "leave it out: only what is needed is read"
        problems.add(_place(table, name, found), "this column is not known", cure)
    schema = stored.rows.schema()
    for column in table.columns:
        if column.name in schema and not fits(column, schema[column.name], stored.hashed):
            rule, cure = TYPE_RULES[column.type]
            problems.add(f"{table.name}.{column.name}", f"{rule}, in the whole column", cure)
    return True


def _place(table: Table, name: str, found: list[str]) -> str:
    """Where an undeclared column stands: by name if it is close to a declared one, otherwise by number.

    A file without a header has a client's data where the names should be.
    """
    if difflib.get_close_matches(name, [column.name for column in table.columns], n=1):
        return f"{table.name}.{name}"
    return f"{table.name}, column {found.index(name) + 1}"


# --- rules of one row ---------------------------------------------------------------------------


@dataclass(frozen=True)
class _Rule:
    place: str
    rule: str
    cure: str
    broken: Any  # a boolean column of the table it is run on


def _row_rules(table: Table, stored: Stored, run: Run, given: _Given, problems: Problems) -> None:
    columns = usable_columns(table, stored)
    told: dict[str, Any] = {}  # worked out once for all rules, and dearly for few rows only
    for column in columns:
        raw = stored.rows[column.name]
        told |= {RAW + column.name: raw, EMPTY + column.name: _is_empty(raw, column)}
        if raw.type().is_string() and any(rule.letters_and_digits_to is not None for rule in column.constraints):
            told[WORD + column.name] = ~raw.re_search("[^0-9A-Za-z]")
    both = stored.rows.select(*row_column(stored.rows), **told, **typed_values(columns, stored))
    rules = [rule for column in columns for rule in _rules_of(table, column, both, given)]
    # One pass counts all rules; rows are looked up only for the broken ones.
    counts = run(both.aggregate(n=both.count(), **{f"r{i}": rule.broken.sum() for i, rule in enumerate(rules)}))
    if counts["n"][0] == 0:
        or_not = "; leave the table out if it was not collected" if table.optional else ""
        cure = f"check that the extract was made with the right dates and services{or_not}"
        problems.add(table.name, "has no rows", cure)
        return
    for i, rule in enumerate(rules):
        if count := int(counts[f"r{i}"].fillna(0)[0]):
            problems.add(rule.place, f"{rule.rule}, {where(count, both.filter(rule.broken), run)}", rule.cure)


def _rules_of(table: Table, column: Column, both: ir.Table, given: _Given) -> Iterator[_Rule]:
    import ibis

    place = f"{table.name}.{column.name}"
    raw, value, empty = both[RAW + column.name], both[column.name], both[EMPTY + column.name]
    if column.meaning_of_empty is None:
        yield _Rule(place, "is empty", _cure_of_empty(table, column), empty)
    wrong = ~empty & null_of(value)
    if column.type in ("number", "whole") and raw.type().is_string():
        suppressed = raw.re_search(SUPPRESSED)
        yield _Rule(place, *SUPPRESSED_RULE, wrong & suppressed)
        wrong = wrong & ~suppressed
    yield _Rule(place, *TYPE_RULES[column.type], wrong)
    for constraint in column.constraints:
        broken = _broken(constraint, value, both, given)
        if constraint.letters_and_digits_to is not None and WORD + column.name in both.columns:
            harmless = (value.length() > constraint.letters_and_digits_to) & both[WORD + column.name]
            broken = ibis.ifelse(harmless, False, broken)
        if broken is not None:
            yield _Rule(place, constraint.rule, constraint.cure, (~empty & broken).fill_null(False))


def _is_empty(raw: Any, column: Column) -> Any:
    import ibis

    if not raw.type().is_string():
        return null_of(raw)
    if column.type == "text" and column.meaning_of_empty is not None:
        # Blanks in a text that may be empty would be read as a value of their own.
        return null_of(raw) | (raw == "")
    first = raw.nullif("").ascii_str()  # not every database has one of an empty text
    return null_of(raw) | ibis.ifelse(first > LAST_BLANK, False, raw.re_search(BLANK))


def _cure_of_empty(table: Table, column: Column) -> str:
    zero = " (a zero is written 0)" if column.type in ("number", "whole") else ""
    return f"give the value{zero}, or leave out {'the row' if table.optional else 'the client, in all tables'}"


def _broken(constraint: Constraint, value: Any, rows: ir.Table, given: _Given) -> Any:
    """True where a value breaks a constraint that one row can break alone; None for other kinds."""
    limit: Any = constraint.value
    if value.type().is_date() and constraint.kind in ("at_least", "at_most"):
        limit = date.fromisoformat(limit)
    match constraint.kind:
        case "pattern":
            return ~value.re_search(limit)
        case "not_pattern":
            return value.re_search(limit)
        case "differs_from":
            return value == rows[limit] if limit in rows.columns else None
        case "one_of":
            return value.notin(limit)
        case "above":
            return value <= limit
        case "at_least":
            return value < limit
        case "at_most":
            return value > limit
        case "not_before":
            return value < rows[limit] if limit in rows.columns else None
        case "not_after_data" if given.data_date is not None:
            return value > given.data_date
        case "known" if given.municipalities is not None:
            # A code that is not three digits is told by its own rule.
            return value.notin(given.municipalities) & (value.length() == 3)
    return None
