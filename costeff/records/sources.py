"""Opening a register: the only place where a database is opened.

The tables are read into a database in memory, which is then locked: it can
neither read nor write a file, and nothing spills to disk. What leaves it are
counts, the row numbers of broken rules, and cells.
"""

from __future__ import annotations

import csv
import glob
import re
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pandas as pd
from pydantic import Field, ValidationError

from costeff.errors import DataError, Problem, Problems
from costeff.records.checks import find_problems
from costeff.records.declare import Table
from costeff.records.tables import TABLES
from costeff.records.typed import ROW, Stored, typed_table
from costeff.spec import Spec, validation_problems

if TYPE_CHECKING:
    import ibis.expr.types as ir

INFO_FILE = "register.json"
SUFFIXES = (".parquet", ".csv")
SAVE_AGAIN = "open it in the program it came from and save it again, as UTF-8 CSV or as Parquet"


class RegisterInfo(Spec):
    """What register.json says about the data beside it."""

    synthetic: bool = False
    label: str = Field(default="", max_length=200)
    seed: int | None = None
    data_date: date | None = None


class Register:
    """Client-level tables in a locked database in memory.

    Attributes
    ----------
    info : RegisterInfo
        Label, date and seed, and whether the clients are synthetic.
    tables : dict of str to Table
        The declarations that hold for this register.
    stored : dict of str to Stored
        The tables that were found.
    checked : bool
        Whether the rows have passed `check`; no cells are made before that.
    """

    def __init__(
        self, backend: Any, stored: Mapping[str, Stored], info: RegisterInfo, tables: Mapping[str, Table]
    ) -> None:
        for setting in ("enable_external_access=false", "lock_configuration=true"):
            backend.con.execute(f"SET {setting}")
        self._backend = backend
        self.stored = dict(stored)
        self.info = info
        self.tables = dict(tables)
        self.checked = False

    @property
    def synthetic(self) -> bool:
        return self.info.synthetic

    @property
    def label(self) -> str:
        return self.info.label

    @property
    def covariates(self) -> tuple[str, ...]:
        """What else is known of clients from before the service, by which cells may be divided."""
        named = ("client", "municipality", "risk_group")
        return tuple(c.name for c in self.tables["clients"].columns if c.type == "text" and c.name not in named)

    def rows(self, table: str) -> ir.Table:
        """The typed rows of a table, as an expression that has not been run."""
        return typed_table(self.tables[table], self.stored[table])

    def run(self, expression: Any) -> pd.DataFrame:
        """Run an ibis expression where the rows lie. Only ask for aggregates."""
        result: pd.DataFrame = self._backend.to_pandas(expression)
        return result

    def close(self) -> None:
        """Forget the rows."""
        self._backend.disconnect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Register({self.label!r}, synthetic={self.synthetic}, tables={sorted(self.stored)})"


def check(register: Register, known_municipalities: Iterable[str] | None = None) -> None:
    """Hold the rows of a register against its declaration.

    Parameters
    ----------
    register
        An open register.
    known_municipalities
        Municipality codes in force; None leaves that rule out.

    Raises
    ------
    DataError
        With every broken rule of every table: `table.column`, the rule, how many
        rows break it, the numbers of the first three (1 is the first row of data),
        and the cure. No value of a row is ever told.
    """
    find_problems(register.tables, register.stored, register.run, known_municipalities).raise_if_any(
        DataError, f"The register {register.label!r} does not hold together"
    )
    register.checked = True


def open_register(path: str | Path) -> Register:
    """Open the register in a folder.

    The folder holds `clients`, `episodes` and `outcomes`, and optionally `counts`,
    `meters`, `experience` and `ends`, each as .parquet or .csv (UTF-8; comma and
    decimal point, or semicolon and decimal comma or point), and optionally
    register.json with `synthetic`, `label`, `seed` and `data_date`.

    Parameters
    ----------
    path
        The folder.

    Returns
    -------
    Register
        Open, locked, not yet checked.

    Raises
    ------
    DataError
        When the folder is not there or holds no table, or a file cannot be read.
    """
    folder = Path(path)
    problems = Problems()
    files = _find_files(folder, problems)
    info = _read_info(folder, problems)
    backend, stored = _connect(), {}
    for name, file in files.items():
        found = _read(backend, name, file, problems)
        if found is not None:
            stored[name] = found
    if problems:
        backend.disconnect()
        problems.raise_if_any(DataError, f"The register {folder.name!r} cannot be opened")
    return Register(backend, stored, info, TABLES)


def register_from_frames(
    frames: Mapping[str, pd.DataFrame], synthetic: bool, label: str, tables: Mapping[str, Table] = TABLES
) -> Register:
    """A register out of data frames, for research data that is public.

    Parameters
    ----------
    frames
        A frame for each table, by name.
    synthetic
        Whether the clients are made up.
    label
        What the data are, as a report would name them.
    tables
        Declarations, when the data were not collected as `TABLES` says. Text columns of
        `clients` other than the usual ones are covariates, by which cells may be divided.

    Raises
    ------
    DataError
        When a column of a frame mixes types.
    """
    import duckdb

    problems, backend, stored = Problems(), _connect(), {}
    for name, frame in frames.items():
        try:
            backend.con.register("incoming", frame)
            _create(backend, name, "incoming")
            backend.con.unregister("incoming")
        except duckdb.Error:  # its message holds the value
            problems.add(name, "a column mixes types", "give every column one type: text, date, number or flag")
            continue
        stored[name] = Stored(backend.table(name), {})
    problems.raise_if_any(DataError, f"The register {label!r} cannot be read")
    return Register(backend, stored, RegisterInfo(synthetic=synthetic, label=label), tables)


# --- the database -------------------------------------------------------------------------------


def _connect() -> Any:
    import ibis

    backend = ibis.duckdb.connect()
    for setting in (
        "temp_directory=''",  # rows of clients never spill to disk
        "autoinstall_known_extensions=false",
        "autoload_known_extensions=false",
        "preserve_insertion_order=true",  # row numbers are those of the file
    ):
        backend.con.execute(f"SET {setting}")
    if backend.con.execute("SELECT current_setting('enable_progress_bar')").fetchall() == [(True,)]:
        # Only where it is on: in Jupyter without ipywidgets even switching it off is an error.
        backend.con.execute("SET enable_progress_bar=false")
    return backend


def _create(backend: Any, name: str, source: str, values: tuple[object, ...] = ()) -> None:
    query = f'CREATE TABLE "{name}" AS SELECT row_number() OVER () AS "{ROW}", * FROM {source}'
    backend.con.execute(query, list(values))


# --- files --------------------------------------------------------------------------------------


def _find_files(folder: Path, problems: Problems) -> dict[str, Path]:
    if not folder.is_dir():
        rule = "is a file, not a folder" if folder.exists() else "does not exist"
        cure = "give the folder that holds clients, episodes and outcomes as .csv or .parquet"
        raise DataError("The register cannot be opened", [Problem(str(folder), rule, cure)])
    names = [f"{name}{suffix}" for name, table in TABLES.items() if not table.optional for suffix in SUFFIXES]
    files: dict[str, Path] = {}
    for table in TABLES:
        found = [folder / f"{table}{suffix}" for suffix in SUFFIXES if (folder / f"{table}{suffix}").exists()]
        if len(found) > 1:
            both = " and ".join(file.name for file in found)
            problems.add(table, f"both {both} are in the folder", "keep one of them: they may differ")
        elif found:
            files[table] = found[0]
    if not files and not problems:
        problems.add(str(folder), "holds no table of a register", f"put there {', '.join(names)} (one of each table)")
    return files


def _read_info(folder: Path, problems: Problems) -> RegisterInfo:
    file = folder / INFO_FILE
    if not file.exists():
        return RegisterInfo(label=folder.name)
    try:
        info = RegisterInfo.model_validate_json(file.read_bytes())
    except OSError as error:
        problems.add(INFO_FILE, f"cannot be read ({error.strerror})", "check that it is a file that may be read")
    except ValidationError as error:
        problems.found.extend(validation_problems(error, INFO_FILE))
    else:
        return info if info.label else info.override(label=folder.name)
    return RegisterInfo(label=folder.name)


def _read(backend: Any, name: str, file: Path, problems: Problems) -> Stored | None:
    import duckdb

    try:
        with file.open("rb"):  # the machine's own word for what is wrong, before the database's
            pass
        return _read_csv(backend, name, file, problems) if file.suffix == ".csv" else _read_parquet(backend, name, file)
    except OSError as error:
        problems.add(file.name, f"cannot be read ({error.strerror})", "check that it is a file that may be read")
    except UnicodeDecodeError:
        problems.add(file.name, "is not UTF-8 text", SAVE_AGAIN)
    except csv.Error:
        problems.add(file.name, "is not a CSV file", SAVE_AGAIN)
    except duckdb.Error as error:  # its message holds the row: only the line number is kept
        problems.add(file.name, *_reading_problem(str(error), file.suffix))
    return None


def _reading_problem(message: str, suffix: str) -> tuple[str, str]:
    if suffix == ".parquet":
        return "is not a Parquet file, or is cut short", "make the extract again; check that copying it was not cut off"
    found = re.search(r"CSV Error on Line: (\d+)", message)
    where = f" on line {found[1]}" if found else ""
    if "unicode" in message.lower():
        return f"is not UTF-8 text{where}", SAVE_AGAIN
    if "quote" in message.split("Possible")[0].lower():
        return f"a quotation mark is not closed{where}", 'double a quotation mark inside a text (""), or remove it'
    if "Number of Columns" in message:
        cure = (
            "put texts that hold the separator in quotation marks; do not use a decimal comma beside comma separators"
        )
        return f"the number of fields is not that of the first line{where}", cure
    return f"is not a well-formed CSV file{where}", SAVE_AGAIN


def _read_parquet(backend: Any, name: str, file: Path) -> Stored:
    # A folder called `a=b` must not become a column, nor `[` in a path a pattern.
    _create(backend, name, "read_parquet(?, hive_partitioning=false)", (glob.escape(str(file)),))
    return Stored(backend.table(name), {})


def _read_csv(backend: Any, name: str, file: Path, problems: Problems) -> Stored | None:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        first = lines.readline()
    separator = ";" if first.count(";") > first.count(",") else ","
    header = next(csv.reader([first], delimiter=separator), [])
    if not header:
        problems.add(file.name, "is empty", f"its first line must name the columns: {', '.join(TABLES[name].names)}")
        return None
    unnamed = [number for number, column in enumerate(header, 1) if not column.strip()]
    folded = [column.casefold() for column in header]
    twice = [number for number, column in enumerate(folded, 1) if column.strip() and column in folded[: number - 1]]
    for number in unnamed:
        problems.add(f"{file.name}, column {number}", "has no name", "name it, or remove the empty column")
    for number in twice:
        problems.add(f"{file.name}, column {number}", "has the name of another column", "keep one of them")
    if unnamed or twice:
        return None
    # Every value is read as text, so that codes keep their zeros and a bad value is told by its row.
    columns = ", ".join(f"{_quoted(column)}: 'VARCHAR'" for column in header)
    source = (
        f"read_csv(?, delim='{separator}', quote='\"', escape='\"', header=true, auto_detect=false, "
        f"columns={{{columns}}}, nullstr='', hive_partitioning=false)"
    )
    _create(backend, name, source, (glob.escape(str(file)),))
    return Stored(backend.table(name), _decimal_marks(backend, name, header) if separator == ";" else {})


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _decimal_marks(backend: Any, name: str, header: list[str]) -> dict[str, str]:
    """A column of numbers has decimal commas as soon as one value has one: marks are never mixed."""
    numbers = [c.name for c in TABLES[name].columns if c.type in ("number", "whole") and c.name in header]
    if not numbers:
        return {}
    counts = ", ".join(f"""count(*) FILTER (contains("{column}", ','))""" for column in numbers)
    found = backend.con.execute(f'SELECT {counts} FROM "{name}"').fetchone()
    return {column: "," for column, count in zip(numbers, found, strict=True) if count}
