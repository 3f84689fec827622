"""Cells kept on disk are given back as they were, or not at all; those of real clients are never kept."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from costeff.errors import UsageError
from costeff.records.cells import Cells
from costeff.records.kept import read_cells, write_cells

TABLE = pd.DataFrame(
    {
        "municipality": ["091", "165"],
        "option": ["usual", "new"],
        "group": ["low", "low"],
        "n": [40, 31],
        "events": [4, 2],
    }
)
CELLS = Cells("binary", ("municipality", "option", "group"), TABLE, "placement", 365.0, True, "made up", 3)


def test_cells_come_back_as_they_were(tmp_path: Path) -> None:
    write_cells(tmp_path / "a" / "cells.parquet", CELLS)
    found = read_cells(tmp_path / "a" / "cells.parquet")
    assert found is not None
    assert found.hash == CELLS.hash
    assert found.left_out == 3
    pd.testing.assert_frame_equal(found.table, TABLE)


def test_damaged_cells_are_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "cells.parquet"
    write_cells(path, CELLS)
    whole = path.read_bytes()
    for place in range(4, len(whole) - 1, 37):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 8]) + whole[place + 1 :])
        found = read_cells(path)
        assert found is None or found.hash == CELLS.hash
    path.write_bytes(b"")
    assert read_cells(path) is None
    assert read_cells(tmp_path / "none.parquet") is None


def test_cells_of_people_are_not_kept(tmp_path: Path) -> None:
    real = replace(CELLS, synthetic=False, source="a county's register")
    with pytest.raises(UsageError, match="exact counts of people"):
        write_cells(tmp_path / "cells.parquet", real)
    assert not list(tmp_path.iterdir())
