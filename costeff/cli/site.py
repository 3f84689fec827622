"""`costeff site`: a static site from a finished run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def site(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run, such as runs/latest.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder of the site; RUN_site beside the run when not given."),
    ] = None,
    contact: Annotated[
        Path | None,
        typer.Option(help="YAML file: who publishes the site, and where feedback on accessibility goes."),
    ] = None,
) -> None:
    """Make a static site of the pages that were released: search, comparison, method, glossary, figures as files."""
    from costeff.batch.publish import publish
    from costeff.params import Catalogue
    from costeff.report.contact import read_contact

    publisher = read_contact(contact) if contact else None
    run = folder.resolve()
    made = publish(folder, output or run.with_name(f"{run.name}_site"), Catalogue.load(), publisher)
    pdfs = f", {made.pdfs} PDF" if made.pdfs else ""
    print(f"{made.pages} pages of {made.municipalities} municipalities{pdfs} published.")
    if made.missing:
        shown = ", ".join(made.missing[:8]) + (f" and {len(made.missing) - 8} more" if len(made.missing) > 8 else "")
        print(f"Not released, and told so on the site: {shown}")
    if publisher is None:
        print("The publisher and the address for feedback are missing on the accessibility statement: see --contact.")
    print(f"Open {made.folder / 'index.html'}")
