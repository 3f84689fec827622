"""`costeff params`: the sourced numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(no_args_is_help=True, help="The sourced numbers in params/.")


@app.command("check")
def check(folder: Annotated[Path | None, typer.Argument(help="Another params/ folder.")] = None) -> None:
    """Read everything in params/ and tell every problem at once."""
    from costeff.appraisal import check_chains
    from costeff.errors import ParamsError
    from costeff.params import Catalogue

    catalogue = Catalogue.load(folder)
    check_chains(catalogue).raise_if_any(ParamsError, "The chains do not hold together")
    kinds = ("unit_costs", "price_sets", "chains", "contracts", "budgets", "municipalities", "sources")
    print(", ".join(_counted(kind, len(getattr(catalogue, kind))) for kind in kinds) + ": no problems.")


def _counted(kind: str, number: int) -> str:
    words = kind.replace("_", " ")
    return f"{number} {words.removesuffix('s') if number == 1 else words}"


@app.command("show")
def show(key: Annotated[str, typer.Argument(metavar="ID", help="Without an id: list every id.")] = "") -> None:
    """Show an entry with its values, uncertainty and sources."""
    from rich.console import Console
    from rich.table import Table

    from costeff.params import Catalogue
    from costeff.params.show import facts, values

    catalogue, console = Catalogue.load(), Console()
    if not key:
        for name in catalogue.ids():
            print(name)
        return
    card = catalogue.card(key)
    for group, entry in card.entries:
        console.print(f"[bold]{key}[/bold]  ({group})")
        for name, text in entry_facts(entry, facts):
            console.print(f"  [dim]{name}:[/dim] {text}", highlight=False)
        rows = values(entry)
        if rows:
            table = Table(*[name for name in rows[0] if name != "note"], show_edge=False, pad_edge=False)
            for row in rows:
                table.add_row(*[text for name, text in row.items() if name != "note"])
            console.print(table)
            for row in rows:
                if row["note"]:
                    console.print(f"  [dim]{row['value']}:[/dim] {row['note']}", highlight=False)
    for source, reference in card.sources():
        console.print(f"[dim]source {source}:[/dim] {reference}", highlight=False, soft_wrap=True)


def entry_facts(entry: Any, facts: Any) -> list[tuple[str, str]]:
    """The plain fields of an entry; of a chain its four stages."""
    if hasattr(entry, "stages"):
        return [(row["stage"], f"{row['what']} ({row['indicator']}, {row['kind']})") for row in entry.table()]
    return facts(entry)  # type: ignore[no-any-return]
