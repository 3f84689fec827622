"""`costeff data`: registers of clients."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from costeff.errors import Problem
from costeff.spec import Language

app = typer.Typer(no_args_is_help=True, help="Registers of clients.")


def synth(
    folder: Annotated[Path, typer.Argument(help="Folder to write, which must not exist yet.")],
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Another seed gives other clients.")] = 2026,
    clients: Annotated[
        int | None, typer.Option(min=1, max=10_000_000, help="How many clients; as many as the scenario says.")
    ] = None,
) -> None:
    """Write the synthetic register of intensive family work as Parquet, with its truth."""
    from costeff.batch.country import SCENARIO, synthetic_places
    from costeff.params import Catalogue
    from costeff.records import write_register

    catalogue = Catalogue.load()
    truth = catalogue.scenarios[SCENARIO].truth
    truth = truth if clients is None else truth.override(clients=clients)
    written = write_register(folder, synthetic_places(catalogue), truth, seed)
    print(f"Synthetic register written to {written}. It describes no real client.")


@app.command("check")
def check(
    source: Annotated[
        str,
        typer.Argument(help="Folder of CSV, Parquet or Excel files, a workbook, a DuckDB file, or a database URL."),
    ],
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="YAML file with the register's own names and codes.")
    ] = None,
) -> None:
    """Validate a register: every problem at once, by table, row, column and rule, never a value."""
    from costeff.batch.country import open_checked
    from costeff.params import Catalogue

    with open_checked(source, Catalogue.load(), mapping) as register:
        kind = "synthetic" if register.synthetic else "real"
        for renamed in register.renamed:
            print(renamed)
        for remark in register.remarks:
            print(remark)
        print(f"{register.shown}: the register holds together ({kind} data).")


@app.command("describe")
def describe(
    language: Annotated[str, typer.Option("--lang", help="fi, sv or en.")] = "en",
    page: Annotated[bool, typer.Option("--page", help="As one Markdown page, in all three languages.")] = False,
) -> None:
    """Show the tables and columns a register has, and the rules they obey."""
    from rich.console import Console
    from rich.table import Table

    from costeff.records import TABLES, describe_tables, dictionary_page
    from costeff.records.dictionary import HEADINGS

    if page:
        print(dictionary_page(), end="")
        return
    chosen = chosen_language(language)
    for name, declared in TABLES.items():
        table = Table(
            *HEADINGS[chosen], show_edge=False, title=f"{name}: {declared.label[chosen]}", title_justify="left"
        )
        for row in describe_tables(chosen, [name]).drop(columns="table").itertuples(index=False):
            table.add_row(*map(str, row))
        Console().print(table, "")


@app.command("template")
def template(
    folder: Annotated[Path, typer.Argument(help="Folder to write, which must not exist yet.")],
    tables: Annotated[list[str] | None, typer.Option("--table", help="A table to write; all unless told.")] = None,
    language: Annotated[str, typer.Option("--lang", help="Of the explanations: fi, sv or en.")] = "en",
) -> None:
    """Write empty files of a register to fill in, with a mapping to adapt and what every column means."""
    from costeff.records import write_template

    written = write_template(folder, tables or (), chosen_language(language))
    print(f"Empty register written to {written}. Read README.md there, then run: costeff data check {written}")


def chosen_language(text: str) -> Language:
    from costeff.errors import UsageError
    from costeff.spec import LANGUAGES

    for language in LANGUAGES:
        if language == text:
            return language
    raise UsageError("Unknown language", [Problem(text, "is not one of the languages", "use fi, sv or en")])
