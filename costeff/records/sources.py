"""Opening a register: files are read into a locked database in memory, databases are read where they are.

Nothing is written anywhere. What leaves a database are counts, the row numbers of
broken rules where rows have numbers, and cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from costeff.errors import DataError, Problem, Problems
from costeff.records.checks import find_problems
from costeff.records.databases import (
    FILES,
    TITLE,
    Database,
    connect,
    is_url,
    lock,
    memory,
    open_duckdb,
    refuse_no_path,
    shown,
    told_plainly,
)
from costeff.records.declare import Table
from costeff.records.excel import sheet_names
from costeff.records.hashed import HashSearch, looks_hashed, not_ours, tell_hashed
from costeff.records.info import INFO_FILE as INFO_FILE
from costeff.records.info import Keyed as Keyed
from costeff.records.info import RegisterInfo as RegisterInfo
from costeff.records.info import read_info
from costeff.records.mapping import MAPPING_FILE, NO_MAPPING, RegisterMapping, mapped, read_mapping
from costeff.records.readers import Reading, find_file, keep, read_file, read_workbook
from costeff.records.tables import TABLES
from costeff.records.typed import CLIENT, Stored, holds_text, typed_table

if TYPE_CHECKING:
    import ibis.expr.types as ir


class Register:
    """Client-level tables in a database that cannot be written to.

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
    remarks : tuple of str
        What `check` has to say of rows that broke no rule.
    renamed : tuple of str
        What the mapping file changed, by names only.
    shown : str
        Where it lies: a path, or a URL without user and options.
    """

    def __init__(
        self,
        backend: Any,
        stored: Mapping[str, Stored],
        info: RegisterInfo,
        tables: Mapping[str, Table],
        renamed: Iterable[str] = (),
        shown: str = "",
    ) -> None:
        lock(backend)
        self._backend = backend
        self.stored = dict(stored)
        self.info = info
        self.tables = dict(tables)
        self.checked = False
        self.remarks: tuple[str, ...] = ()
        self.renamed = tuple(renamed)
        self.shown = shown or info.label

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
        """The typed rows of a table, as an expression that has not been run.

        Clients may be told apart by a hash of their pseudonym.
        """
        return typed_table(self.tables[table], self.stored[table], checked=self.checked)

    def run(self, expression: Any) -> pd.DataFrame:
        """Run an ibis expression where the rows lie. Only ask for aggregates."""
        with told_plainly(self.shown):
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
    problems = find_problems(
        register.tables, register.stored, register.run, known_municipalities, register.info.data_date
    )
    search = _search_for_hashes(register)
    tell_hashed(search, problems)
    problems.raise_if_any(DataError, f"The register {register.label!r} does not hold together")
    register.remarks = (search.remark,) if search.remark else ()
    register.checked = True


def _search_for_hashes(register: Register) -> HashSearch:
    """Of real clients only: made-up ones have no code to be found.

    Where a register says with which key its pseudonyms were made, those of that form are keyed, and the others are
    searched: to say so does not make a hash a pseudonym.
    """
    if register.synthetic or "clients" not in register.stored:
        return HashSearch(0)
    clients = typed_table(register.tables["clients"], replace(register.stored["clients"], hashed=False))
    if CLIENT not in clients.columns:
        return HashSearch(0)
    return looks_hashed(not_ours(clients) if register.info.pseudonyms else clients, register.run)


def open_register(source: str | Path, mapping: str | Path | None = None, keep_pseudonyms: bool = False) -> Register:
    """Open a register.

    It has the tables `clients`, `episodes` and `outcomes`, and any of the optional ones.

    Parameters
    ----------
    source
        A folder with a file for each table: .parquet, .csv (UTF-8 or Windows-1252; comma
        and decimal point, or semicolon and decimal comma or point) or .xlsx; an .xlsx
        workbook with a sheet for each; a DuckDB file (.duckdb, .ddb); or a URL:
        ``duckdb:///path``, ``postgresql://user@host:port/database?schema=name``, or any
        other that Ibis knows, without a password.
    mapping
        File with a county's own names and codes: see `costeff.records.mapping`. In a
        folder `mapping.yaml` is read unless another is given.
    keep_pseudonyms
        Whether the rows are to be joined with others by pseudonym. Otherwise DuckDB tells
        clients apart by a hash of 64 bits: no two clients share one, which is checked; that
        a client who is in no other table would go unnoticed has odds of a million millions to one.

    Returns
    -------
    Register
        Open, locked, not yet checked. DuckDB and PostgreSQL are read only in fact. Of other
        databases only this is sure: nothing but SELECT is sent. Give those a user who may only read.

    Raises
    ------
    DataError
        When there is no such source, it holds no table, or a table cannot be read.
    UsageError
        For a URL that cannot be read or that holds a password.
    SetupError
        When a server is not there, or the role may do more than read.
    """
    if is_url(source):
        return _open_database(connect(str(source)), mapping, keep_pseudonyms)
    path = Path(source)
    refuse_no_path(path)
    if path.suffix.lower() in FILES and path.exists() and not path.is_dir():
        return _open_database(open_duckdb(path), mapping, keep_pseudonyms)
    if path.suffix.lower() == ".xlsx" and path.is_file():
        return _open_files(path, mapping, keep_pseudonyms)
    if not path.is_dir():
        rule = "is a file, not a folder" if path.exists() else "does not exist"
        cure = "give a folder with a file for each table, an .xlsx workbook, a .duckdb file, or the URL of a database"
        raise DataError(TITLE, [Problem(shown(source), rule, cure)])
    return _open_files(path, mapping, keep_pseudonyms)


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

    problems, backend, stored = Problems(), memory(), {}
    for name, frame in frames.items():
        try:
            stored[name] = keep(backend, name, frame)
        except duckdb.Error:  # its message holds the value
            problems.add(name, "a column mixes types", "give every column one type: text, date, number or flag")
    problems.raise_if_any(DataError, f"The register {label!r} cannot be read")
    return Register(backend, stored, RegisterInfo(synthetic=synthetic, label=label), tables)


# --- files --------------------------------------------------------------------------------------


def _open_files(path: Path, mapping: str | Path | None, keep_pseudonyms: bool) -> Register:
    """A folder with a file for each table, or a workbook with a sheet for each."""
    problems, backend, stored = Problems(), memory(), {}
    names = _read_mapping(path if path.is_dir() else None, mapping, problems)
    info = (read_info(path, problems) if path.is_dir() else None) or names.register_info or RegisterInfo()
    sheets = [] if path.is_dir() else sheet_names(path, problems)
    found = 0
    for name, theirs in names.sources(TABLES).items():
        reading = _reading(TABLES[name], theirs, names, keep_pseudonyms)
        if path.is_dir():
            file = find_file(path, theirs, problems)
            read = file and read_file(backend, name, file, reading, problems)
        else:
            file = path if theirs.casefold() in [sheet.casefold() for sheet in sheets] else None
            read = file and read_workbook(backend, name, file, reading, problems, sheet=theirs)
        found += file is not None
        if theirs.casefold() != name:
            too = find_file(path, name, problems) if path.is_dir() else name in [sheet.casefold() for sheet in sheets]
            _tell_hidden(name, theirs, names, bool(too), problems)
        if read:
            stored[name] = _renamed(theirs, names, read, problems)
        elif file is None:
            _tell_unfound(theirs, names, problems)
    if not found and not problems:
        need = ", ".join(name for name, table in TABLES.items() if not table.optional)
        what = "files such as clients.csv" if path.is_dir() else "sheets of these names"
        cure = f"put there {what}: {need}; or give a mapping file that says what yours are called"
        problems.add(path.name, "holds no table of a register", cure)
    if problems:
        backend.disconnect()
        problems.raise_if_any(DataError, f"The register {path.name!r} cannot be opened")
    label = path.name if path.is_dir() else path.stem
    if not keep_pseudonyms:
        stored = _hashed(stored)
    return Register(backend, stored, _labelled(info, label), TABLES, names.told(), str(path))


def _reading(table: Table, theirs: str, names: RegisterMapping, keep_pseudonyms: bool) -> Reading:
    """How the columns of a file are read, by the source's own names."""
    spec = names.tables.get(theirs)
    own = {ours: old for old, ours in spec.columns.items()} if spec else {}
    coded = spec.values if spec else {}
    codes = [own.get(c.name, c.name) for c in table.columns if c.type == "text" and c.name not in coded]
    numbers = [own.get(c.name, c.name) for c in table.columns if c.type in ("number", "whole")]
    refers = {c.name for c in table.columns if any(rule.kind == "refers_to" for rule in c.constraints)}
    hashed = CLIENT in refers and CLIENT not in coded and not keep_pseudonyms
    known = [own.get(c.name, c.name) for c in table.columns]
    return Reading(codes, numbers, own.get(CLIENT, CLIENT) if hashed else None, known)


# --- databases ----------------------------------------------------------------------------------


def _open_database(database: Database, mapping: str | Path | None, keep_pseudonyms: bool) -> Register:
    problems, stored = Problems(), {}
    try:
        names = _read_mapping(None, mapping, problems)
        for name, theirs in names.sources(TABLES).items():
            table = database.find(theirs)
            _tell_hidden(name, theirs, names, database.find(name) is not None, problems)
            if table is not None:
                stored[name] = _renamed(theirs, names, Stored(database.rows(table), {}), problems)
            elif theirs in database.unreadable:
                cure = "its owner gives the right: GRANT SELECT ON it TO this role"
                problems.add(theirs, "may not be read by this role", cure)
            else:
                _tell_unfound(theirs, names, problems)
        if not stored and not problems:
            cure = f"it must hold {', '.join(n for n, t in TABLES.items() if not t.optional)}; check the schema"
            problems.add(database.at, "holds no table of a register", f"{cure}, or give a mapping file")
        problems.raise_if_any(DataError, f"The register {database.label!r} cannot be opened")
    except BaseException:
        database.backend.disconnect()
        raise
    info = _labelled(names.register_info or RegisterInfo(), database.label)
    if database.backend.name == "duckdb" and not keep_pseudonyms:
        stored = _hashed(stored)
    return Register(database.backend, stored, info, TABLES, names.told(), database.at)


# --- what both share ----------------------------------------------------------------------------


def _read_mapping(folder: Path | None, given: str | Path | None, problems: Problems) -> RegisterMapping:
    file = Path(given) if given is not None else folder / MAPPING_FILE if folder else None
    if file is None or (given is None and not file.exists()):
        return NO_MAPPING
    return read_mapping(file, TABLES, problems)


def _renamed(theirs: str, names: RegisterMapping, read: Stored, problems: Problems) -> Stored:
    rows = mapped(theirs, names, read.rows, problems)
    columns = names.tables[theirs].columns if theirs in names.tables else {}
    return replace(read, rows=rows, marks={columns.get(column, column): mark for column, mark in read.marks.items()})


def _hashed(stored: Mapping[str, Stored]) -> dict[str, Stored]:
    """Clients told apart by a hash, in all tables in which they can be."""
    kinds = {name: read.rows.schema().get(CLIENT) for name, read in stored.items()}
    return {
        name: replace(read, hashed=read.hashed or (kinds[name] is not None and holds_text(kinds[name])))
        for name, read in stored.items()
    }


def _tell_unfound(theirs: str, names: RegisterMapping, problems: Problems) -> None:
    if theirs in names.tables:
        problems.add(f"{MAPPING_FILE} tables.{theirs}", "there is no such table", "correct the name, or remove it")


def _tell_hidden(name: str, theirs: str, names: RegisterMapping, there: bool, problems: Problems) -> None:
    """A table under its declared name, while the mapping takes another one for it."""
    if there and theirs.casefold() != name and name not in names.tables:
        cure = f"remove one of the two, or say in the mapping which declared table `{name}` is"
        problems.add(f"{MAPPING_FILE} tables.{theirs}", f"is mapped to {name}, and a table {name} is there too", cure)


def _labelled(info: RegisterInfo, label: str) -> RegisterInfo:
    return info if info.label else info.override(label=label[:200])
