"""Stored values as the types their table declares: expressions any ibis backend runs where the rows lie."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from costeff.records.declare import Column, Table

if TYPE_CHECKING:
    import ibis.expr.types as ir

ROW = "__row"  # number of the data row in its file, from 1


@dataclass(frozen=True)
class Stored:
    """A table as it was read: the raw rows, and the decimal mark of text columns that hold numbers."""

    rows: ir.Table
    marks: Mapping[str, str]


def _typeless(kind: Any) -> bool:
    """A column without one value has no type (DuckDB's NULL is unknown to ibis)."""
    return bool(kind.is_null() or kind.is_unknown())


def fits(column: Column, kind: Any) -> bool:
    """Whether a column stored as `kind` (an ibis type) can hold what the declaration asks."""
    if kind.is_string() or _typeless(kind):
        return True
    match column.type:
        case "text":
            return False
        case "date":
            return bool(kind.is_date() or (kind.is_timestamp() and kind.timezone is None))
        case "number" | "whole":
            return bool(kind.is_numeric() and not kind.is_boolean())
    return bool(kind.is_boolean() or kind.is_integer())


def typed_value(raw: Any, column: Column, mark: str) -> Any:
    """The declared type out of what was stored; null where it is not of that type."""
    if _typeless(raw.type()):
        raw = raw.cast("string")
    text = raw.type().is_string()
    if column.type == "text":
        return raw.nullif("")
    if column.type == "date":
        return _date(raw, text)
    if column.type in ("number", "whole"):
        number = _number(raw, text, mark)
        return number if column.type == "number" else _whole(number)
    return _flag(raw, text)


def _date(raw: Any, text: bool) -> Any:
    import ibis

    if text:
        return ibis.ifelse(raw.re_search(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), raw.try_cast("date"), None)
    if raw.type().is_timestamp():
        return ibis.ifelse(raw == raw.truncate("D"), raw.cast("date"), None)
    return raw


def _number(raw: Any, text: bool, mark: str) -> Any:
    import ibis

    if not text:
        number = raw.cast("float64")
        return ibis.ifelse(number.isnan() | number.isinf(), None, number)
    form = rf"^[+-]?[0-9]+({re.escape(mark)}[0-9]+)?([eE][+-]?[0-9]{{1,2}})?$"
    return ibis.ifelse(raw.re_search(form), raw.replace(mark, ".").try_cast("float64"), None)


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


def null_of(value: Any) -> Any:
    return value.isnull()


def typed_values(columns: Iterable[Column], stored: Stored) -> dict[str, Any]:
    """Typed expressions of columns, by name."""
    return {c.name: typed_value(stored.rows[c.name], c, stored.marks.get(c.name, ".")) for c in columns}


def usable_columns(table: Table, stored: Stored) -> list[Column]:
    """The declared columns that are there and stored as a kind that fits."""
    schema = stored.rows.schema()
    return [column for column in table.columns if column.name in schema and fits(column, schema[column.name])]


def typed_table(table: Table, stored: Stored) -> ir.Table:
    """The declared columns, typed, beside the row number; columns missing or of a wrong kind are left out."""
    return stored.rows.select(stored.rows[ROW], **typed_values(usable_columns(table, stored), stored))
