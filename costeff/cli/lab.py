"""`costeff lab`: JupyterLab on the notebooks of the suite."""

from __future__ import annotations

from typing import Annotated

import typer


def lab(
    port: Annotated[
        int, typer.Option(min=1024, max=65535, help="Port of this machine that JupyterLab listens on.")
    ] = 8888,
    language: Annotated[str, typer.Option("--lang", help="Language of JupyterLab's own menus: en or fi.")] = "en",
    browser: Annotated[bool, typer.Option(help="Open a browser; its address is printed in any case.")] = True,
) -> None:
    """Open JupyterLab on the suite in reading order, with the costeff kernel and a table of contents."""
    from costeff.lab import open_lab
    from costeff.spec import project_root

    open_lab(project_root(), port, language, browser=browser)
