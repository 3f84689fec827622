"""`costeff data`: registers of clients."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from costeff.errors import Problem

app = typer.Typer(no_args_is_help=True, help="Registers of clients.")


def synth(
    folder: Annotated[Path, typer.Argument(help="Folder to write, which must not exist yet.")],
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Another seed gives other clients.")] = 2026,
) -> None:
    """Write the synthetic register of intensive family work as Parquet, with its truth."""
    from costeff.batch.country import SCENARIO, synthetic_places
    from costeff.params import Catalogue
    from costeff.records import write_register

    catalogue = Catalogue.load()
    written = write_register(folder, synthetic_places(catalogue), catalogue.scenarios[SCENARIO].truth, seed)
    print(f"Synthetic register written to {written}. It describes no real client.")


@app.command("check")
def check(
    source: Annotated[
        Path, typer.Argument(help="Folder of clients, episodes, outcomes and what else was measured (CSV or Parquet).")
    ],
) -> None:
    """Validate a register: every problem at once, by table, row, column and rule, never a value."""
    from costeff.batch.country import open_checked
    from costeff.params import Catalogue

    with open_checked(source, Catalogue.load()) as register:
        kind = "synthetic" if register.synthetic else "real"
        print(f"{source}: the register holds together ({kind} data).")


@app.command("describe")
def describe(language: Annotated[str, typer.Option("--lang", help="fi, sv or en.")] = "en") -> None:
    """Show the tables and columns a register has."""
    from rich.console import Console
    from rich.table import Table

    from costeff.errors import UsageError
    from costeff.records import describe_tables
    from costeff.spec import LANGUAGES

    if language not in LANGUAGES:
        raise UsageError("Unknown language", [Problem(language, "is not one of the languages", "use fi, sv or en")])
    described = describe_tables(language)
    table = Table(*map(str, described.columns), show_edge=False)
    for row in described.itertuples(index=False):
        table.add_row(*map(str, row))
    Console().print(table)
