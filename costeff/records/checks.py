"""A register against its declaration: every broken rule, found inside the database, told without a value."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from costeff.errors import Problems
from costeff.records.declare import Column, ColumnType, Constraint, Table
from costeff.records.typed import (
    CLIENT,
    ROW,
    Run,
    Stored,
    first_rows,
    fits,
    holds_text,
    null_of,
    row_column,
    typed_table,
    typed_values,
    usable_columns,
)

if TYPE_CHECKING:
    import ibis.expr.types as ir

RAW = "__raw_"
SHOWN_ROWS = 3

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
    typed = _Typed(tables, stored)
    for name, table in tables.items():
        if name not in stored:
            if table.optional:
                continue
            problems.add(name, "this table is missing", f"put {name}.parquet or {name}.csv in the folder")
            continue
        if not _columns(table, stored[name], problems):
            continue
        _row_rules(table, stored[name], run, given, problems)
    for name, table in tables.items():
        if name in stored:
            _set_rules(table, typed, run, problems)
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
    raw = {RAW + column.name: stored.rows[column.name] for column in columns}
    both = stored.rows.select(*row_column(stored.rows), **raw, **typed_values(columns, stored))
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
            rows = first_rows(both.filter(rule.broken), SHOWN_ROWS, run)
            problems.add(rule.place, f"{rule.rule}, {_where(count, rows)}", rule.cure)


def _rules_of(table: Table, column: Column, both: ir.Table, given: _Given) -> Iterator[_Rule]:
    place = f"{table.name}.{column.name}"
    raw, value = both[RAW + column.name], both[column.name]
    empty = null_of(raw)
    if raw.type().is_string():
        # Blanks in a text that may be empty would be read as a value of their own.
        kept = column.type == "text" and column.meaning_of_empty is not None
        empty = empty | (raw == "" if kept else raw.re_search(BLANK))
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
        if broken is not None:
            yield _Rule(place, constraint.rule, constraint.cure, (~empty & broken).fill_null(False))


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


# --- rules over rows and tables -----------------------------------------------------------------


@dataclass(frozen=True)
class _Typed:
    """The tables that were found, of which a rule takes only the columns it needs."""

    tables: Mapping[str, Table]
    stored: Mapping[str, Stored]

    def has(self, table: str, *columns: str) -> bool:
        if table not in self.stored or table not in self.tables:
            return False
        return set(columns) <= {column.name for column in usable_columns(self.tables[table], self.stored[table])}

    def rows(self, table: str, *columns: str) -> ir.Table:
        return typed_table(self.tables[table], self.stored[table], columns)

    def pseudonyms(self, table: str) -> ir.Table | None:
        """The clients themselves, where `rows` gives their hashes and both are there."""
        stored = self.stored[table]
        if not (stored.hashed and holds_text(stored.rows.schema()[CLIENT])):
            return None
        return typed_table(self.tables[table], replace(stored, hashed=False), [CLIENT])


@dataclass(frozen=True)
class _Broken:
    """Rows that break a rule together, and a table with their number in the column n: quicker than counting them."""

    rows: ir.Table
    counted: ir.Table

    def count(self, run: Run) -> int:
        return int(run(self.counted)["n"].fillna(0)[0])


def _set_rules(table: Table, typed: _Typed, run: Run, problems: Problems) -> None:
    if table.key and typed.has(table.name, *table.key):
        _key(table, typed, run, problems)
    for column in table.columns:
        for constraint in column.constraints if typed.has(table.name, column.name) else ():
            broken = _broken_together(constraint, table.name, column.name, typed)
            if broken is not None:
                _tell(f"{table.name}.{column.name}", constraint.rule, constraint.cure, broken, run, problems)


def _key(table: Table, typed: _Typed, run: Run, problems: Problems) -> None:
    place = f"{table.name}.{table.key[-1]}" if len(table.key) == 1 else f"{table.name} ({' + '.join(table.key)})"
    rule, cure = "stands in more than one row", "keep one row for each, or find out which of them is right"
    broken = _repeated(typed.rows(table.name, *table.key), table.key)
    if not broken.count(run):
        return
    if table.key == (CLIENT,) and (named := typed.pseudonyms(table.name)) is not None:
        by_name = _repeated(named, table.key)
        if by_name.count(run):
            broken = by_name
        else:
            rule = "has the same hash of 64 bits as another client, by mere chance"
            cure = "give the client of one of these rows another pseudonym, in every table"
    _tell(place, rule, cure, broken, run, problems)


def _repeated(rows: ir.Table, key: Iterable[str]) -> _Broken:
    whole = rows.drop_null(list(key))
    repeated = whole.group_by(list(key)).aggregate(n=whole.count()).filter(lambda each: each.n > 1)
    return _Broken(whole.semi_join(repeated, list(key)), repeated.aggregate(n=repeated.n.sum()))


def _broken_together(constraint: Constraint, table: str, name: str, typed: _Typed) -> _Broken | None:
    """The rows that break a constraint which needs other rows to be seen; None for other kinds."""
    other = str(constraint.value)
    match constraint.kind:
        case "refers_to" | "present_in" if typed.has(other, name):
            alone = typed.rows(table, name).drop_null(name).anti_join(typed.rows(other, name).select(name), name)
            return _Broken(alone, alone.aggregate(n=alone.count()))
        case "one_per" if typed.has(table, other):
            rows = typed.rows(table, name, other).drop_null(other)
            sums = {"first": rows[name].min(), "last": rows[name].max(), "n": rows.count()}
            differ = rows.group_by(other).aggregate(**sums).filter(lambda each: each["first"] != each["last"])
            return _Broken(rows.semi_join(differ, other), differ.aggregate(n=differ.n.sum()))
        case "no_overlap" if typed.has(table, *constraint.value):  # type: ignore[misc]
            of, end = map(str, constraint.value)  # type: ignore[arg-type]
            late = _overlapping(typed.rows(table, name, of, end), name, of, end)
            return _Broken(late, late.aggregate(n=late.count()))
    return None


def _overlapping(rows: ir.Table, start: str, of: str, end: str) -> ir.Table:
    """Periods that start before an earlier one of the same `of` has ended; one without an end has not."""
    import ibis

    periods = rows.drop_null([start, of]).mutate(ended=rows[end].coalesce(ibis.date(9999, 12, 31)))
    before = ibis.window(group_by=of, order_by=[start, "ended", *row_column(rows)], preceding=(None, 1))
    last = periods.mutate(last=periods.ended.max().over(before))
    return last.filter(last[start] <= last["last"])


def _tell(place: str, rule: str, cure: str, broken: _Broken, run: Run, problems: Problems) -> None:
    if count := broken.count(run):
        problems.add(place, f"{rule}, {_where(count, first_rows(broken.rows, SHOWN_ROWS, run))}", cure)


def _where(count: int, rows: Iterable[int]) -> str:
    numbers = [str(int(row)) for row in rows]
    if not numbers:  # a database has none: its owner finds the rows with a query by this rule
        return f"in {count} row{'s' * (count > 1)} of the database"
    if count == 1:
        return f"in 1 row (data row {numbers[0]})"
    first = "first data rows" if count > len(numbers) else "data rows"
    return f"in {count} rows ({first} {', '.join(numbers)})"
