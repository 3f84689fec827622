"""Cells kept on disk: of made-up and of published clients only, since cells of others are exact counts of people."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from functools import cache
from pathlib import Path

import pandas as pd

from costeff.errors import UsageError
from costeff.files import INSIDE, make_folder, written_aside
from costeff.records.cells import Cells
from costeff.records.research import ROSSI


@cache
def code_of_records() -> str:
    """Hash of the code that cells come from."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"\n".join(file.read_bytes() for file in files)).hexdigest()


def may_be_kept(cells: Cells) -> bool:
    """Whether they are of made-up or of published clients."""
    return cells.synthetic or cells.source == ROSSI


def write_cells(path: Path, cells: Cells) -> None:
    """Keep cells, with all that they say of themselves.

    Raises
    ------
    UsageError
        For cells of clients who are neither made up nor published.
    """
    if not may_be_kept(cells):
        raise UsageError("These cells are not kept: they are exact counts of people")
    make_folder(path.parent)
    told = {one.name: getattr(cells, one.name) for one in fields(cells) if one.name != "table"}
    table = cells.table.copy()
    table.attrs = {"cells": json.dumps(told), "hash": cells.hash}
    with written_aside(path, INSIDE) as aside:
        table.to_parquet(aside, index=False)


def read_cells(path: Path) -> Cells | None:
    """Cells as they were kept; None where there are none, or none that are whole."""
    try:
        table = pd.read_parquet(path)
        told, content = json.loads(table.attrs.pop("cells")), table.attrs.pop("hash")
        found = Cells(**{**told, "by": tuple(told["by"]), "table": table})
        whole = found.hash == content and may_be_kept(found)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return found if whole else None
