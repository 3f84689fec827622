"""Stored values as the types their table declares: expressions any ibis backend runs where the rows lie."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from costeff.records.declare import Column, Table

if TYPE_CHECKING:
    import ibis.expr.types as ir

CLIENT = "client"
ROW = "__row"  # number of the data row in its file, from 1; a table of a database has none
SHOWN_ROWS = 3
Run = Callable[[Any], Any]  # of an expression, where the rows lie; the answer is a data frame


@dataclass(frozen=True)
class Stored:
    """A table as it was read.

    Attributes
    ----------
    rows : ibis Table
        The raw rows.
    marks : mapping of str to str
        The decimal mark of text columns that hold numbers.
    hashed : bool
        Whether clients are told apart by a hash of 64 bits: a hash is compared, grouped and
        kept several times more cheaply than a pseudonym. A column that only refers to the
        clients may already hold it.
    """

    rows: ir.Table
    marks: Mapping[str, str]
    hashed: bool = False


def row_column(rows: ir.Table) -> list[str]:
    """The column of row numbers, where the source has them."""
    return [ROW] if ROW in rows.columns else []


def first_rows(broken: ir.Table, most: int, run: Run) -> list[int]:
    """The numbers of the first rows of a table, at most so many; none where rows have no numbers."""
    if not row_column(broken):
        return []
    return [int(row) for row in run(broken.select(ROW).order_by(ROW).limit(most))[ROW]]


def where(count: int, broken: ir.Table, run: Run) -> str:
    """In how many rows a rule is broken, and the numbers of the first of them."""
    numbers = list(map(str, first_rows(broken, SHOWN_ROWS, run)))
    if not numbers:  # a database has none: its owner finds the rows with a query by this rule
        return f"in {count} row{'s' * (count > 1)} of the database"
    if count == 1:
        return f"in 1 row (data row {numbers[0]})"
    first = "first data rows" if count > len(numbers) else "data rows"
    return f"in {count} rows ({first} {', '.join(numbers)})"


LARGEST = 1.7976931348623157e308  # what is not at most this is infinite or not a number


def _typeless(kind: Any) -> bool:
    """A column without one value has no type (DuckDB's NULL is unknown to ibis)."""
    return bool(kind.is_null() or kind.is_unknown())


def holds_text(kind: Any) -> bool:
    return bool(kind.is_string() or _typeless(kind))


def fits(column: Column, kind: Any, hashed: bool = False) -> bool:
    """Whether a column stored as `kind` (an ibis type) can hold what the declaration asks."""
    if holds_text(kind) or (hashed and column.name == CLIENT):
        return True
    match column.type:
        case "text":
            return False
        case "date":
            return bool(kind.is_date() or (kind.is_timestamp() and kind.timezone is None))
        case "number" | "whole":
            return bool(kind.is_numeric() and not kind.is_boolean())
    return bool(kind.is_boolean() or kind.is_integer())


def typed_value(raw: Any, column: Column, mark: str, checked: bool = False) -> Any:
    """The declared type out of what was stored; null where it is not of that type.

    What has been `checked` is often right as it is stored. A database then knows how many
    different values there are, which it does not of the outcome of an expression.
    """
    if _typeless(raw.type()):
        raw = raw.cast("string")
    text = raw.type().is_string()
    if checked and (not text or column.meaning_of_empty is None) and _is_stored(raw.type(), column):
        return raw
    if column.type == "text":
        return raw.nullif("") if text else raw
    if column.type == "date":
        return _date(raw, text)
    if column.type in ("number", "whole"):
        number = _number(raw, text, mark)
        return number if column.type == "number" else _whole(number)
    return _flag(raw, text)


def _is_stored(kind: Any, column: Column) -> bool:
    """Whether every value that obeys the declaration is stored in its own type."""
    match column.type:
        case "text":
            return bool(kind.is_string())
        case "date":
            return bool(kind.is_date())
        case "number" | "whole":
            return bool(kind.is_float64())
    return bool(kind.is_boolean())


def _date(raw: Any, text: bool) -> Any:
    import ibis

    if text:
        return _calendar_day(raw)
    if raw.type().is_timestamp():
        return ibis.ifelse(raw == raw.truncate("D"), raw.cast("date"), None)
    return raw


# Every day there is, and no other: some databases fail on 31 February where others give null.
DAY = (
    r"^(([0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)"
    r"-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
    r"|([0-9]{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)-02-29)$"
)


def _calendar_day(raw: Any) -> Any:
    """2024-01-31 or 31.1.2024, if there is such a day; only what has been seen to be one is cast."""
    import ibis

    iso = raw.re_replace(r"^([0-9])[.]", r"0\1.")
    iso = iso.re_replace(r"^([0-9]{2})[.]([0-9])[.]", r"\1.0\2.")
    iso = iso.re_replace(r"^([0-9]{2})[.]([0-9]{2})[.]([0-9]{4})$", r"\3-\2-\1")
    return ibis.ifelse(iso.re_search(DAY), iso, None).cast("date")


def _number(raw: Any, text: bool, mark: str) -> Any:
    import ibis

    if not text:
        number = raw.cast("float64")
        return ibis.ifelse(number.abs() <= LARGEST, number, None)
    # So few digits that every such number is a float: some databases fail where others give infinity or zero.
    form = rf"^[+-]?[0-9]{{1,99}}({re.escape(mark)}[0-9]{{1,99}})?([eE][+-]?[0-9]{{1,2}})?$"
    return ibis.ifelse(raw.re_search(form), raw, None).replace(mark, ".").cast("float64")


def _whole(number: Any) -> Any:
    """Still a float: what is too large for an integer is told by its own rule."""
    import ibis

    return ibis.ifelse(number % 1 == 0, number, None)


def _flag(raw: Any, text: bool) -> Any:
    if raw.type().is_boolean():
        return raw
    if text:
        return raw.lower().cases(("true", True), ("1", True), ("false", False), ("0", False), else_=None)
    return raw.cases((1, True), (0, False), else_=None)


def hashed(raw: Any) -> Any:
    """The hash of a text, null where there is none; as it is where it was stored instead of the text."""
    import ibis

    if not holds_text(raw.type()):
        return raw
    text = raw.cast("string")
    return ibis.ifelse(text != "", hash_of(text), None)


def hash_of(text: Any) -> Any:
    """DuckDB's own; ibis turns the sign of its hashes by way of a text of bits, which takes longer than hashing."""
    import ibis

    @ibis.udf.scalar.builtin(name="hash", signature=(("string",), "uint64"))
    def of(text):  # type: ignore[no-untyped-def]
        ...

    return of(text)


def null_of(value: Any) -> Any:
    return value.isnull()


def typed_values(columns: Iterable[Column], stored: Stored, checked: bool = False) -> dict[str, Any]:
    """Typed expressions of columns, by name."""
    return {c.name: typed_value(stored.rows[c.name], c, stored.marks.get(c.name, "."), checked) for c in columns}


def usable_columns(table: Table, stored: Stored) -> list[Column]:
    """The declared columns that are there and stored as a kind that fits."""
    schema = stored.rows.schema()
    names = [column for column in table.columns if column.name in schema]
    return [column for column in names if fits(column, schema[column.name], stored.hashed)]


def typed_table(table: Table, stored: Stored, only: Collection[str] | None = None, checked: bool = False) -> ir.Table:
    """The declared columns, typed, beside the row number if any; columns missing or of a wrong kind are left out.

    `only` names the columns that are needed, when not all are; `checked` rows have passed every rule.
    """
    columns = [column for column in usable_columns(table, stored) if only is None or column.name in only]
    values = typed_values(columns, stored, checked)
    if stored.hashed and CLIENT in values:
        values[CLIENT] = hashed(stored.rows[CLIENT])
    return stored.rows.select(*row_column(stored.rows), **values)
