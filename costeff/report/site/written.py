"""A site as files: its pages and its data, into a folder that is whole only when all of them are there."""

from __future__ import annotations

from pathlib import Path

from costeff.files import write_text
from costeff.report.site import data
from costeff.report.site.model import Site
from costeff.report.site.pages import pages


def write_site(folder: Path, site: Site) -> list[str]:
    """Write what a site has beside the pages of its municipalities.

    Returns
    -------
    list of str
        What was written, relative to the folder; `index.html` is the list in the first language.

    Raises
    ------
    SetupError
        When a file cannot be written.
    """
    written = []
    for name, text in (*pages(site), *data.files(site)):
        write_text(folder / name, text)
        written.append(name)
    write_text(folder / "index.html", (folder / f"index.{site.languages[0]}.html").read_text(encoding="utf-8"))
    data.write_table(folder, site)
    return [*written, "index.html", data.TABLE]
