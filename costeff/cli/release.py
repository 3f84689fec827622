"""`costeff release`: whether a folder of pages may go out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from costeff.errors import DataError, UsageError


def release(folder: Annotated[Path, typer.Argument(help="Folder of a run, such as runs/latest.")]) -> None:
    """Check the pages of a run against their record, and look for identity codes once more."""
    from costeff.disclosure.record import verify
    from costeff.errors import Problem

    if not folder.is_dir():
        problem = Problem("the folder", "does not exist", "give the folder of a run")
        raise UsageError("There is nothing to release", [problem])
    if problems := verify(folder):
        raise DataError("The pages must not go out", problems)
    pages = len(list(folder.glob("*.html")))
    print(f"{pages} pages agree with their record, and hold no identity code.")
