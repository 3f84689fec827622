"""`costeff pdf`: accessible PDFs of released pages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from costeff.cli.interrupt import stops
from costeff.errors import PartialError, Problem


def pdf(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run, such as runs/latest.")],
    municipality: Annotated[
        list[str] | None, typer.Option("--municipality", "-m", help="Three digits; repeat for more.")
    ] = None,
    lang: Annotated[list[str] | None, typer.Option("--lang", help="fi, sv or en; repeat for more.")] = None,
    workers: Annotated[int, typer.Option(help="Pages laid out side by side.")] = 2,
) -> None:
    """Make the PDF of each released page of a run; those that stand are left as they are."""
    from costeff.batch.pdfs import make_pdfs
    from costeff.cli.progress import progress

    left = Problem(str(folder), "finished PDFs stay", "run the same command again")
    with stops(lambda: PartialError("Stopped before the end", [left])), progress() as tell:
        outcome = make_pdfs(folder, municipality or (), lang or (), workers, tell)
    size = f", {outcome.size / 1000 / outcome.made:.0f} kB each" if outcome.made else ""
    standing = f", {outcome.standing} stood already" if outcome.standing else ""
    print(f"{_pdfs(outcome.made)} made{standing} ({outcome.seconds:.0f} s{size}).")
    if outcome.failed:
        raise PartialError(f"{_pdfs(len(outcome.failed))} failed, the others are complete", outcome.failed)


def _pdfs(number: int) -> str:
    return "1 PDF" if number == 1 else f"{number} PDFs"
