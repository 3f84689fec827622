"""Files read into a database in memory: CSV, Parquet and Excel, as they come from Finnish programs."""

from __future__ import annotations

import codecs
import csv
import glob
import io
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from costeff.errors import Problems
from costeff.records.excel import find_sheet, named_once, sheet_table
from costeff.records.typed import ROW, Stored

SUFFIXES = (".parquet", ".csv", ".xlsx")
SAVE_AGAIN = "open it in the program it came from and save it again, as UTF-8 CSV or as Parquet"
AT_ONCE = 2**22  # bytes


class _NotTextError(Exception):
    """What a file that should be text is instead."""


def find_file(folder: Path, name: str, problems: Problems) -> Path | None:
    """The one file of a table in a folder."""
    if Path(name).name != name or "\0" in name:  # a mapping does not lead out of the folder
        return None
    found = [folder / f"{name}{suffix}" for suffix in SUFFIXES]
    found = [file for file in found if file.exists() or file.is_symlink()]
    if len(found) > 1:
        both = " and ".join(file.name for file in found)
        problems.add(name, f"both {both} are in the folder", "keep one of them: they may differ")
        return None
    return found[0] if found else None


@dataclass(frozen=True)
class Reading:
    """How the columns of one file are read, by the file's own names.

    `codes` hold text as it is, `numbers` hold numbers. `reference`, if any, only refers to
    the clients: a hash is kept in place of its pseudonyms. `names` are all that are known.
    """

    codes: Collection[str] = ()
    numbers: Collection[str] = ()
    reference: str | None = None
    names: Collection[str] = ()

    def named(self, header: list[str]) -> list[str]:
        """The columns of a file, in known names where they differ by capitals and blanks around them only."""
        small = {name.strip().casefold(): name for name in self.names if name not in header}
        return [name if name in self.names else small.get(name.strip().casefold(), name) for name in header]


NOTHING_KNOWN = Reading()


def read_file(backend: Any, name: str, file: Path, reading: Reading, problems: Problems) -> Stored | None:
    """One file as a table of the database; what is wrong with it goes to `problems`, without a value.

    Parameters
    ----------
    backend
        A database in memory that may still read files.
    name
        What the table is called in it.
    reading
        How its columns are read.
    """
    import duckdb

    try:
        with file.open("rb"):  # the machine's own word for what is wrong, before the database's
            pass
        match file.suffix:
            case ".csv":
                return _read_csv(backend, name, file, reading, problems)
            case ".xlsx":
                return read_workbook(backend, name, file, reading, problems)
        return _read_parquet(backend, name, file, reading)
    except OSError as error:
        problems.add(file.name, f"cannot be read ({error.strerror})", "check that it is a file that may be read")
    except _NotTextError as error:
        problems.add(file.name, str(error), SAVE_AGAIN)
    except csv.Error:
        problems.add(file.name, "is not a CSV file", SAVE_AGAIN)
    except duckdb.Error as error:  # its message holds the row: only the line number is kept
        problems.add(file.name, *_reading_problem(str(error), file.suffix))
    return None


def read_workbook(
    backend: Any, name: str, file: Path, reading: Reading, problems: Problems, sheet: str | None = None
) -> Stored | None:
    """One sheet of a workbook: the one named, or the one that can be meant."""
    rows = find_sheet(file, sheet or name, sheet is not None, problems)
    place = f"{file.name} {name}" if sheet else file.name
    table = None if rows is None else sheet_table(rows, place, reading.codes, problems, reading.named)
    return None if table is None else keep(backend, name, table)


def keep(backend: Any, name: str, frame: Any) -> Stored:
    """A frame or an Arrow table as a table of the database."""
    backend.con.register("incoming", frame)
    try:
        return _create(backend, name, "incoming")
    finally:
        backend.con.unregister("incoming")


def _create(
    backend: Any, name: str, source: str, values: tuple[object, ...] = (), reading: Reading = NOTHING_KNOWN
) -> Stored:
    """The rows, in their order; their numbers are where they lie, and take no room."""
    described = backend.con.execute(f"DESCRIBE SELECT * FROM {source}", list(values)).fetchall()
    found = [column for column, *_ in described]
    names = reading.named(found)
    hashed = (reading.reference, "VARCHAR") in [
        (new, kind) for new, (_, kind, *_) in zip(names, described, strict=True)
    ]
    columns = ", ".join(
        f"{_hashed(old) if hashed and new == reading.reference else quoted(old)} AS {quoted(new)}"
        for old, new in zip(found, names, strict=True)
    )
    backend.con.execute(f"CREATE TABLE {quoted('rows of ' + name)} AS SELECT {columns} FROM {source}", list(values))
    backend.con.execute(
        f"CREATE VIEW {quoted(name)} AS SELECT rowid + 1 AS {quoted(ROW)}, * FROM {quoted('rows of ' + name)}"
    )
    return Stored(backend.table(name), {}, hashed)


def _hashed(column: str) -> str:
    """No hash where there is nothing but blanks; few texts begin with one, and only those are trimmed."""
    value, blanks = quoted(column), "chr(9) || chr(10) || chr(11) || chr(12) || chr(13) || ' '"
    return f"CASE WHEN {value} >= '!' OR trim({value}, {blanks}) <> '' THEN hash({value}) END"


def quoted(name: str, mark: str = '"') -> str:
    """A name or a text as SQL writes it."""
    return mark + name.replace(mark, 2 * mark) + mark


def _reading_problem(message: str, suffix: str) -> tuple[str, str]:
    if suffix == ".parquet":
        return "is not a Parquet file, or is cut short", "make the extract again; check that copying it was not cut off"
    found = re.search(r"CSV Error on Line: (\d+)", message)
    where = f" on line {found[1]}" if found else ""
    if "quote" in message.split("Possible")[0].lower():
        return f"a quotation mark is not closed{where}", 'double a quotation mark inside a text (""), or remove it'
    if "Number of Columns" in message:
        return f"the number of fields is not that of the first line{where}", FIELDS
    return f"is not a well-formed CSV file{where}", SAVE_AGAIN


FIELDS = "put texts that hold the separator in quotation marks; do not use a decimal comma beside comma separators"


def _read_parquet(backend: Any, name: str, file: Path, reading: Reading) -> Stored:
    # A folder called `a=b` must not become a column, nor `[` in a path a pattern.
    source = "read_parquet(?, hive_partitioning=false)"
    return _create(backend, name, source, (glob.escape(str(file)),), reading)


# --- CSV ----------------------------------------------------------------------------------------


def _read_csv(backend: Any, name: str, file: Path, reading: Reading, problems: Problems) -> Stored | None:
    encoding = _encoding(file)
    with file.open(encoding=encoding, newline="") as lines:
        first = lines.readline()
        told = re.fullmatch(r"\s*\"?sep=([,;])\"?\s*", first)  # which Excel writes, and reads, above the header
        first = lines.readline() if told else first
    separator = told[1] if told else ";" if first.count(";") > first.count(",") else ","
    header = next(csv.reader([first], delimiter=separator), [])
    if not header:
        problems.add(file.name, "is empty", "its first line must name the columns")
        return None
    if not named_once(header, file.name, problems):
        return None
    header = reading.named(header)
    # Every value is read as text, so that codes keep their zeros and a bad value is told by its row.
    if encoding == "cp1252":
        rows = _windows_rows(file, separator, header, 2 if told else 1, problems)
        if rows is None:
            return None
        stored = keep(backend, name, rows)
    else:
        columns = ", ".join(f"{quoted(column, QUOTE)}: 'VARCHAR'" for column in header)
        source = (
            f"read_csv(?, delim='{separator}', quote='\"', escape='\"', header=true, auto_detect=false, "
            f"skip={1 if told else 0}, "
            f"columns={{{columns}}}, nullstr='', hive_partitioning=false)"
        )
        stored = _create(backend, name, source, (glob.escape(str(file)),), reading)
    numeric = [column for column in header if column in reading.numbers] if separator == ";" else []
    marks = _decimal_marks(backend, name, numeric)
    _tell_thousands(backend, name, file, [column for column in numeric if column not in marks], problems)
    return replace(stored, marks=marks)


QUOTE = "'"


def _encoding(file: Path) -> str:
    """UTF-8 where every byte is, otherwise Windows-1252, the other habit of Finnish programs.

    Raises
    ------
    _NotTextError
        For a file that is neither.
    """
    decoder, utf8, windows = codecs.getincrementaldecoder("utf-8")(), True, True
    for number, part in enumerate(_parts(file)):
        if not number and part[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            raise _NotTextError("is UTF-16 text")
        if b"\0" in part:
            raise _NotTextError("holds a NUL byte: it is not text, or copying it went wrong")
        if utf8:
            try:
                decoder.decode(part, final=len(part) < AT_ONCE)
            except UnicodeDecodeError:
                utf8 = False
        windows = windows and not re.search(rb"[\x81\x8d\x8f\x90\x9d]", part)
    if not (utf8 or windows):
        raise _NotTextError("is neither UTF-8 nor Windows-1252 text")
    return "utf-8-sig" if utf8 else "cp1252"


def _parts(file: Path) -> Iterator[bytes]:
    with file.open("rb") as content:
        while part := content.read(AT_ONCE):
            yield part


def _windows_rows(file: Path, separator: str, header: list[str], above: int, problems: Problems) -> Any:
    """The rows of a Windows-1252 file, which the database cannot read itself; nothing is written aside."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    wrong: list[int] = []

    def remember(row: Any) -> str:
        wrong.append(row.number)
        return "skip"

    columns = [f"{number}" for number in range(len(header))]
    try:
        table = arrow_csv.read_csv(
            io.BytesIO(file.read_bytes().decode("cp1252").encode()),
            arrow_csv.ReadOptions(column_names=columns, skip_rows=above, use_threads=False),
            arrow_csv.ParseOptions(delimiter=separator, newlines_in_values=True, invalid_row_handler=remember),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.string()),
                strings_can_be_null=True,
                null_values=[""],
                quoted_strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid:  # its message holds the row
        problems.add(file.name, "is not a well-formed CSV file", SAVE_AGAIN)
        return None
    if wrong:
        problems.add(file.name, f"the number of fields is not that of the first line on line {wrong[0]}", FIELDS)
        return None
    return table.rename_columns(header)


def _decimal_marks(backend: Any, name: str, numbers: list[str]) -> dict[str, str]:
    """A column of numbers has decimal commas as soon as one value has one: marks are never mixed."""
    if not numbers:
        return {}
    counts = ", ".join(f"count(*) FILTER (contains({quoted(column)}, ','))" for column in numbers)
    [found] = backend.con.execute(f"SELECT {counts} FROM {quoted(name)}").fetchall()
    return {column: "," for column, count in zip(numbers, found, strict=True) if count}


def _tell_thousands(backend: Any, name: str, file: Path, numbers: list[str], problems: Problems) -> None:
    """Where a comma may be the decimal mark and every point stands before three digits, it may part thousands."""
    if not numbers:
        return
    grouped = "'[+-]?[1-9][0-9]{0,2}([.][0-9]{3})+'"
    counts = ", ".join(
        f"count(*) FILTER (contains({value}, '.')), count(*) FILTER (regexp_full_match({value}, {grouped}))"
        for value in map(quoted, numbers)
    )
    [found] = backend.con.execute(f"SELECT {counts} FROM {quoted(name)}").fetchall()
    for column, points, thousands in zip(numbers, found[::2], found[1::2], strict=True):
        if points and points == thousands:
            rule = "has a point before three digits wherever it has one: thousands or decimals cannot be told apart"
            problems.add(f"{file.name} {column}", rule, "write 1234 without a point, and decimals with a comma (1,234)")
