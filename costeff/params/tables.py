"""CSV files of params/, read strictly: what is wrong with a row is told with its file and line."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from pathlib import Path

from costeff.errors import Problems

SUPPRESSED = frozenset(
    {"..", "...", "*", "x", "X", "<5", "<10"}
)  # marks of a value that is hidden: not a number, and not nothing


def read_rows(path: Path, columns: tuple[str, ...], problems: Problems) -> Iterator[tuple[str, dict[str, str]]]:
    """The rows of a file with their place, `file.csv:line`.

    A row with too few or too many cells is a problem and is left out: `103,2` in a comma-separated
    file is two cells, not a number.
    """
    name = path.name if path.parent.name == "params" else f"{path.parent.name}/{path.name}"
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file, strict=True)
            header = table.fieldnames or ()
            missing = [column for column in columns if column not in header]
            if missing:
                problems.add(f"{name}:1", f"has no column {', '.join(missing)}", "add it to the header and rows")
                return
            for row in table:
                cells = sum(value is not None for value in row.values())
                if None in row or cells < len(header):
                    found = cells + (len(row[None]) - 1 if None in row else 0)
                    rule = f"has {found} cells, the header has {len(header)}"
                    cure = "write every cell; a decimal is a point, and a text with a comma stands in quotes"
                    problems.add(f"{name}:{table.line_num}", rule, cure)
                    continue
                yield f"{name}:{table.line_num}", row
    except (OSError, UnicodeDecodeError, csv.Error):
        problems.add(name, "cannot be read as UTF-8 CSV", "check that the file exists and its encoding")


def number(text: str) -> float | None:
    """A finite number written with digits and a decimal point; None for anything else."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None
