"""Opening a register: the only place where a database is opened.

The tables are read into a database in memory, which is then locked: no file can
be read or written from it, and nothing spills to disk. What leaves it are
counts, row numbers of broken rules, and cells.
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
from costeff.records.checks import ROW, Stored, find_problems, typed_table
from costeff.records.tables import TABLES, Table
from costeff.spec import Spec, validation_problems

if TYPE_CHECKING:
    import ibis.expr.types as ir

INFO_FILE = "register.json"
SUFFIXES = (".parquet", ".csv")


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
    tables : mapping of str to Table
        The declarations that hold for this register.
    checked : bool
        Whether the rows have passed `check`; cells are not made before that.
    """

    def __init__(self, backend: Any, names: Iterable[str], info: RegisterInfo, tables: Mapping[str, Table]) -> None:
        self._backend = backend
        self.info = info
        self.tables = dict(tables)
        self.checked = False
        self.stored = {name: self._stored(name) for name in names}
        for setting in ("enable_external_access=false", "lock_configuration=true"):
            backend.con.execute(f"SET {setting}")

    def _stored(self, name: str, marks: Mapping[str, str] | None = None) -> Stored:
        return Stored(self._backend.table(name), self._backend.costeff_marks.get(name, {}))

    @property
    def synthetic(self) -> bool:
        return self.info.synthetic

    @property
    def label(self) -> str:
        return self.info.label

    def __repr__(self) -> str:
        return f"Register({self.label!r}, synthetic={self.synthetic}, tables={sorted(self.stored)})"
