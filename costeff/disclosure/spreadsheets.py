"""Tables as files for a spreadsheet, in which nothing is computed: no text of data becomes a formula."""

from __future__ import annotations

import csv
import io
import math
import re
import unicodedata
import zipfile
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from costeff.disclosure.tables import Protected
from costeff.errors import Problem, UsageError
from costeff.files import SHOWN, write_bytes, write_text

LONGEST_CELL, LONGEST_NAME = 32_767, 31  # characters, by the format of workbooks
_STARTS = set("=+-@\t\r\n")
_QUOTES = set("'\"`\u00b4\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u00ab\u00bb")
_NUMBER = re.compile(r"[-+]?[0-9]+(?:[.,][0-9]+)?", re.ASCII)
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d"
_FILLERS = "\u115f\u1160\u2800\u3164\uffa0"  # letters and signs that show as nothing
_UNSEEN = ("Cc", "Cf", "Mn", "Me", "Zl", "Zp", "Zs")
_INSIDE = re.compile(rf"(?<=[;,|\t\r\n])((?:[^\w;,|]|[{_FILLERS}])*?)(?=[=+\-@＝＋＠﹢﹦﹫{_DASHES}])")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_DAY = (1980, 1, 1, 0, 0, 0)  # the first that a ZIP knows: the same bytes every time


def dead(text: str) -> str:
    """A text that no spreadsheet takes for a formula, whatever it splits cells at; a number stays as it is.

    An apostrophe is put before what would start a formula: at the start, also behind
    spaces, quotes and characters that show as nothing, and inside, after what another
    program may take for the end of a cell.
    """
    if _NUMBER.fullmatch(text):
        return text
    marked = _INSIDE.sub(lambda match: f"{match[1]}'", _CONTROL.sub("\ufffd", text))
    return f"'{marked}" if _live(text) else marked


def _live(text: str) -> bool:
    """Whether the first character that counts starts a formula."""
    for char in text:
        folded = unicodedata.normalize("NFKC", char)
        if folded[:1] in _STARTS or char in _DASHES or char in _STARTS:
            return True
        if not (char in _QUOTES or char in _FILLERS or folded.isspace() or unicodedata.category(char) in _UNSEEN):
            return False
    return False


def write_csv(path: Path, table: Protected | pd.DataFrame, separator: str = ";") -> None:
    """A table as a file of CSV; see `csv_text`."""
    write_text(path, csv_text(table, separator))


def csv_text(table: Protected | pd.DataFrame, separator: str = ";") -> str:
    """A table as CSV, with a mark of its encoding (UTF-8), so that a Finnish Excel opens it as it is.

    Parameters
    ----------
    table
        A missing value is an empty cell. Its index is not written.
    separator
        Semicolon, comma or tab; with a semicolon numbers have a decimal comma.

    Raises
    ------
    UsageError
        For another separator.
    """
    if separator not in (";", ",", "\t"):
        raise UsageError("A table cannot be written", [Problem("separator", "is not known", "use ; or , or a tab")])
    frame = _frame(table)
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=separator, lineterminator="\r\n", quoting=csv.QUOTE_STRINGS)
    writer.writerow([dead(str(name)) for name in frame.columns])
    for row in _rows(frame):
        writer.writerow([_number(value, separator) for value in row])
    return "\ufeff" + buffer.getvalue()


class _Bare(float):
    """A number that is written as its text says."""

    def __new__(cls, value: float, text: str) -> _Bare:
        made = super().__new__(cls, value)
        made.text = text
        return made

    text: str

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


def _number(value: Any, separator: str) -> Any:
    if isinstance(value, float) and separator == ";":
        return _Bare(value, repr(value).replace(".", ","))
    return value


def write_xlsx(path: Path, tables: Mapping[str, Protected | pd.DataFrame]) -> None:
    """Tables as a workbook, a sheet each, with the same bytes every time.

    Raises
    ------
    UsageError
        For a text longer than a cell takes, or two sheets of one name.
    """
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.active)
    taken: set[str] = set()
    for name, table in tables.items():
        title = _title(name)
        if title.lower() in taken:
            problem = Problem(f"sheet {len(taken) + 1}", "has the name of another", "use different names")
            raise UsageError("A workbook cannot be written", [problem])
        taken.add(title.lower())
        sheet, frame = book.create_sheet(title), _frame(table)
        header = [dead(str(column)) for column in frame.columns]
        for y, row in enumerate([header, *_rows(frame)], start=1):
            for x, value in enumerate(row, start=1):
                if isinstance(value, str) and len(value) > LONGEST_CELL:
                    problem = Problem(f"{title} row {y}", "holds a text longer than a cell takes", "shorten it")
                    raise UsageError("A workbook cannot be written", [problem])
                cell = sheet.cell(y, x, value)
                if isinstance(value, str):
                    cell.data_type = "s"
    buffer = io.BytesIO()
    book.save(buffer)
    write_bytes(path, _same_every_time(buffer.getvalue()), SHOWN)


def _title(name: str) -> str:
    plain = "".join("_" if c in "[]:*?/\\'" or unicodedata.category(c)[0] == "C" else c for c in name)
    plain = plain.strip() or "Sheet"
    return (f"_{plain}" if _live(plain) else plain)[:LONGEST_NAME]


def _frame(table: Protected | pd.DataFrame) -> pd.DataFrame:
    return table.table if isinstance(table, Protected) else table


def _rows(frame: pd.DataFrame) -> list[list[Any]]:
    columns = [[_cell(value) for value in frame.iloc[:, number].tolist()] for number in range(frame.shape[1])]
    return [list(row) for row in zip(*columns, strict=True)]


def _cell(value: Any) -> Any:
    """A value as a cell has it: numbers and dates as they are, all else a text that is dead."""
    if isinstance(value, np.generic):  # in a column of mixed values
        value = value.item()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, date | datetime):
        return value.isoformat()
    return dead(str(value))


def _same_every_time(data: bytes) -> bytes:
    """A workbook without the time at which it was made."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as after:
        for name in sorted(before.namelist()):
            content = before.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"(<dcterms:\w+[^>]*>)[^<]*", rb"\g<1>1980-01-01T00:00:00Z", content)
            member = zipfile.ZipInfo(name, _DAY)
            member.compress_type = zipfile.ZIP_DEFLATED
            after.writestr(member, content)
    return out.getvalue()
