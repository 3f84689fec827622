"""`costeff status`: what a run or a simulation has made and what failed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from costeff.cli.progress import counted, duration, failed_error


def status(folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")]) -> None:
    """Show what a run has made and what failed."""
    from costeff.batch import read_status

    found = read_status(folder)
    scenarios = f" and {counted(found.computed, 'scenario')} by county" if found.computed else ""
    made, took = counted(found.whole), duration(found.seconds)
    print(f"{made} made{scenarios}, {found.failed_count} failed, {took} of work in all.")
    if found.running:
        print("A run is writing here now.")
    elif found.cut_short:
        print(f"The last run was cut short at {found.cut_short}; the same command goes on.")
    if found.failed:
        raise failed_error(found.failed, "as it was given")
