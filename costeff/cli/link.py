"""`costeff link`: clients of several providers, joined by pseudonym."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import pandas as pd

app = typer.Typer(no_args_is_help=True, help="Clients of several providers, joined by pseudonym.")

KeyFile = Annotated[Path, typer.Option("--key", help="File of the project's key.")]
Mapping = Annotated[Path | None, typer.Option("--mapping", help="YAML file with the register's own names and codes.")]


@app.command("key")
def key(
    file: Annotated[Path, typer.Argument(help="File to write, outside the project's folder and any git work tree.")],
    project: Annotated[str, typer.Option(help="Name of the project whose clients are joined.")],
    rotate: Annotated[bool, typer.Option("--rotate", help="Set the old key aside and make a new one.")] = False,
) -> None:
    """Make the key of a project, in a file that only you may read."""
    from costeff.records.pseudonyms import make_key

    made = make_key(file, project, rotate)
    print(f"Key of the project {made.project} written to {file} (fingerprint {made.fingerprint}).")
    print("Give it only to those who may see identity codes: with it every pseudonym can be made from its code.")
    if rotate:
        print("Pseudonyms of the new key cannot be joined with those of the old one, which was kept beside it.")


@app.command("pseudonymise")
def pseudonymise(
    source: Annotated[
        str, typer.Argument(help="The provider's own extract, in which client is an identity code: files or a URL.")
    ],
    folder: Annotated[Path, typer.Argument(help="Folder to write, which must not exist yet.")],
    key_file: KeyFile,
    provider: Annotated[str, typer.Option(help="Id of the provider, such as child_services.")],
    mapping: Mapping = None,
) -> None:
    """Write an extract anew, with keyed pseudonyms where its identity codes were."""
    from costeff.records.pseudonyms import pseudonymise, read_key

    rows = pseudonymise(source, folder, read_key(key_file), provider, _municipalities(), mapping)
    print(f"Register written to {folder}: {', '.join(f'{count} rows of {name}' for name, count in rows.items())}.")
    print("No identity code is in it. The rows are still of single clients: handle them as such.")


@app.command("join")
def join(
    folder: Annotated[Path, typer.Argument(help="Folder to write, which must not exist yet.")],
    sources: Annotated[list[str], typer.Argument(help="Registers written by costeff link pseudonymise, two or more.")],
    label: Annotated[str, typer.Option(help="What reports call the joined register.")] = "",
    first_option: Annotated[
        bool, typer.Option("--first-option", help="Clients with two options take that of their first episode.")
    ] = False,
) -> None:
    """Join the registers of several providers, and tell what was made one."""
    from costeff.records.coordination import overlap
    from costeff.records.folders import must_be_free, refuse_codes
    from costeff.records.linkage import NOT_WRITTEN, linked

    refuse_codes(NOT_WRITTEN, folder=str(folder), label=label)
    must_be_free(folder, NOT_WRITTEN)
    linkage = linked(sources, label, first_option, _municipalities())
    with linkage.register as register:
        linkage.write(folder)
        report = linkage.report
        print(f"{len(report.providers)} registers joined in {folder}: {', '.join(report.providers)}.")
        for name in report.left_out:
            print(f"The table {name} was left out: not every provider sent it.")
        _show(report.protected())
        _show(overlap(register))


@app.command("overlap")
def overlap(
    source: Annotated[str, typer.Argument(help="A register whose episodes name their providers: files or a URL.")],
    within_days: Annotated[
        int, typer.Option(min=0, max=3650, help="Longest break in a hand-off; a gap is longer.")
    ] = 30,
    mapping: Mapping = None,
) -> None:
    """Show how clients move between providers: overlap, hand-offs, gaps, and who pays."""
    from costeff.records import check, open_register
    from costeff.records import coordination as measures

    with open_register(source, mapping) as register:
        check(register, _municipalities())
        _show(measures.overlap(register))
        _show(measures.coordination(register, ("option",), within_days))
        if "costs" in register.stored:
            _show(measures.payer_shares(register))


@app.command("example")
def example(
    folder: Annotated[Path, typer.Argument(help="Folder to write, which must not exist yet.")],
    clients: Annotated[int, typer.Option(min=100, max=1_000_000, help="How many clients there are.")] = 3000,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Another seed gives other clients.")] = 2026,
) -> None:
    """Write made-up extracts of several providers, with identity codes that nobody has, to practise on."""
    import tempfile

    from costeff.batch.country import SCENARIO, synthetic_places
    from costeff.params import Catalogue
    from costeff.records import write_register
    from costeff.records.extracts import write_extracts

    catalogue = Catalogue.load()
    truth = catalogue.scenarios[SCENARIO].truth.override(clients=clients)
    with tempfile.TemporaryDirectory(prefix="costeff-") as beside:
        source = write_register(Path(beside) / "register", synthetic_places(catalogue), truth, seed)
        _show(write_extracts(source, folder, seed))
    print(f"Extracts written to {folder}. They describe no real client: all numbers of the codes are 900-999.")


def _municipalities() -> set[str]:
    from costeff.params import Catalogue

    return set(Catalogue.load().municipalities)


def _show(shown: pd.DataFrame) -> None:
    """A table as text; what may not be shown is a dash, and its reason stands below."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*(str(name) for name in shown.columns), show_edge=False)
    for row in shown.itertuples(index=False):
        table.add_row(*("-" if value != value or value is None else str(value) for value in map(_plain, row)))
    Console().print(table)
    if shown.isna().any(axis=None):
        print("- means fewer than 10, or a share that would tell of one. Other counts are rounded to 5.")


def _plain(value: object) -> object:
    import pandas as pd

    return None if value is pd.NA else value
