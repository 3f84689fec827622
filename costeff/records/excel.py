"""Sheets of Excel workbooks as tables: cells by their stored type, formulas by their last value."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date, datetime
from itertools import zip_longest
from pathlib import Path
from typing import Any

from costeff.errors import Problems

Rows = list[tuple[Any, ...]]
SHOWN_ROWS = 3


def sheet_names(file: Path, problems: Problems) -> list[str]:
    """The names of the sheets of a workbook."""
    book = _open(file, problems)
    if book is None:
        return []
    try:
        return [str(name) for name in book.sheetnames]
    finally:
        book.close()


def find_sheet(file: Path, name: str, exactly: bool, problems: Problems) -> Rows | None:
    """The rows of the sheet of that name, or of the only sheet there is unless it has to be `exactly` that one."""
    book = _open(file, problems)
    if book is None:
        return None
    try:
        like = [sheet for sheet in book.sheetnames if sheet.casefold() == name.casefold()]
        if not like and not exactly and len(book.sheetnames) == 1:
            like = list(book.sheetnames)
        if not like:
            cure = f"name the sheet with the rows {name}, or save it alone"
            problems.add(file.name, f"has {len(book.sheetnames)} sheets, and none is called {name}", cure)
            return None
        sheet = book[like[0]]
        sheet.reset_dimensions()  # what a workbook says of its size may be wrong, and rows beyond it would be lost
        return list(sheet.iter_rows(values_only=True))
    except Exception:  # a damaged workbook fails in many ways, and some messages hold a cell
        problems.add(file.name, "is damaged", "open it in Excel and save it again")
        return None
    finally:
        book.close()


def _open(file: Path, problems: Problems) -> Any:
    import warnings

    import openpyxl

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions that no value depends on
            return openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
    except OSError as error:
        problems.add(file.name, f"cannot be read ({error.strerror})", "check that it is a file that may be read")
    except Exception:  # not a zip, a zip of something else, encrypted, damaged: openpyxl has no one error for it
        cure = "save it in Excel as .xlsx, without a password"
        problems.add(file.name, "is not an Excel workbook (.xlsx), or has a password", cure)
    return None


def sheet_table(
    rows: Rows, place: str, codes: Collection[str], problems: Problems, named: Callable[[list[str]], list[str]] = list
) -> Any:
    """An Arrow table out of the rows of a sheet; the first names the columns.

    A column is of one type when all its cells are; otherwise it is text. A column of `codes`
    must not hold numbers: the zeros in front of them are lost. `named` gives the columns the
    names by which they are known.
    """
    import pyarrow as pa

    while rows and all(value is None for value in rows[-1]):
        rows.pop()
    if not rows:
        problems.add(place, "is empty", "its first row must name the columns")
        return None
    header = ["" if name is None else str(name) for name in rows[0]]
    columns = [list(column)[1:] for column in zip_longest(*rows)]  # a row may end early: its last cells are empty
    header += [""] * (len(columns) - len(header))
    used = [n for n, name in enumerate(header) if name.strip() or any(v is not None for v in columns[n])]
    header, columns = [header[n] for n in used], [columns[n] for n in used]
    if not named_once(header, place, problems):
        return None
    header = named(header)
    before = len(problems.found)
    arrays = {}
    for name, values in zip(header, columns, strict=True):
        if name in codes:
            _refuse_numbers(f"{place} {name}", values, problems)
        arrays[name] = _array(values)
    return pa.table(arrays) if len(problems.found) == before else None


def named_once(header: list[str], place: str, problems: Problems) -> bool:
    """Every column has a name, and no other column has it; told by number, since a name may be data."""
    folded = [column.strip().casefold() for column in header]
    for number, column in enumerate(folded, 1):
        if not column:
            problems.add(f"{place}, column {number}", "has no name", "name it, or remove the empty column")
        elif column in folded[: number - 1]:
            problems.add(f"{place}, column {number}", "has the name of another column", "keep one of them")
    return all(folded) and len(set(folded)) == len(folded)


def _refuse_numbers(place: str, values: list[Any], problems: Problems) -> None:
    wrong = [row for row, value in enumerate(values, 1) if value is not None and not isinstance(value, str)]
    if wrong:
        rows = ", ".join(map(str, wrong[:SHOWN_ROWS]))
        where = f"in 1 row (data row {rows})" if len(wrong) == 1 else f"in {len(wrong)} rows (first data rows {rows})"
        cure = "format the column as text in Excel and write the codes again: a number loses its zeros (91, not 091)"
        problems.add(place, f"is stored as a number or a date, not as text, {where}", cure)


def _array(values: list[Any]) -> Any:
    import pyarrow as pa

    kinds = {_kind(value) for value in values if value is not None}
    if kinds == {bool}:
        return pa.array(values, pa.bool_())
    if kinds == {float}:
        if all(value is None or (isinstance(value, int) and abs(value) < 2**53) for value in values):
            return pa.array(values, pa.int64())
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    if kinds == {datetime}:
        days = (v if v is None or isinstance(v, datetime) else datetime(v.year, v.month, v.day) for v in values)
        return pa.array(list(days), pa.timestamp("us"))
    return pa.array([None if value is None else _text(value) for value in values], pa.string())


def _kind(value: Any) -> type:
    if isinstance(value, bool):
        return bool
    if isinstance(value, (int, float)):
        return float
    return datetime if isinstance(value, date) else str


def _text(value: Any) -> str:
    """A cell of a column that mixes types, as the checks read text."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime) and value.time() == datetime.min.time():
        return value.date().isoformat()
    return str(value)
