"""A page as an accessible PDF: tagged, with bookmarks, language, title, alt texts and table headings.

Typst lays the page out and refuses what PDF/UA-1 forbids: a figure without alt
text, a heading level that is skipped, a document without a title. It knows
headings of columns only; those of rows are marked afterwards.

References
----------
ISO 14289-1, PDF/UA-1; PDF Association, Matterhorn Protocol 1.1,
https://pdfa.org/resource/the-matterhorn-protocol/
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from costeff.errors import Problem, SetupError, UsageError
from costeff.report.looks import TEMPLATES
from costeff.report.printed import Printed, printed

LAYOUT = TEMPLATES / "page.typ"
LIBRARIES = ("typst", "pikepdf")


def check_libraries() -> None:
    """Whether PDFs can be made here.

    Raises
    ------
    SetupError
        For a library that is not installed.
    """
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if missing:
        cure = f"install it: python -m pip install {' '.join(missing)}"
        raise SetupError("PDFs cannot be made here", [Problem(name, "is not installed", cure) for name in missing])


def as_pdf(html: str) -> bytes:
    """The PDF of a finished page; the same bytes for the same page, on every machine.

    Parameters
    ----------
    html
        A page as `costeff run` makes it.

    Raises
    ------
    SetupError
        When a library is missing.
    UsageError
        When it is no such page, or breaks a rule of PDF/UA-1.
    """
    check_libraries()
    page = printed(html)
    pdf = _laid_out(page)
    try:
        return _with_row_headings(pdf, page)
    except ValueError as error:  # Typst made other rows of it than the page has
        problem = Problem("a table", "is not rows of cells", "mend how the page is made")
        raise UsageError("The page cannot be printed", [problem]) from error


def _laid_out(page: Printed) -> bytes:
    import typst

    try:
        return typst.compile(
            LAYOUT,
            root=TEMPLATES,
            font_paths=_fonts(),
            ignore_system_fonts=True,  # a machine's own would give other bytes
            format="pdf",
            sys_inputs={"page": json.dumps(asdict(page), ensure_ascii=False)},
            pdf_standards="ua-1",
            timestamp=0,
        )
    except typst.TypstError as error:
        problem = Problem("the page", f"breaks a rule of accessible PDFs: {error.message}", "mend how the page is made")
        raise UsageError("The page cannot be printed", [problem]) from error


@cache
def _fonts() -> Any:
    """The letters of the figures, which matplotlib brings along."""
    import matplotlib as mpl
    import typst

    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    return typst.Fonts(include_system_fonts=False, font_paths=[folder])


def _with_row_headings(pdf: bytes, page: Printed) -> bytes:
    """Mark the first cell of a row as its heading where the page does, and name it to the other cells."""
    import pikepdf

    with pikepdf.open(io.BytesIO(pdf)) as document:
        root = document.Root.StructTreeRoot
        tables = list(_elements(root, "/Table"))
        names = pikepdf.NameTree(root.IDTree) if tables else {}
        for number, (table, rows) in enumerate(zip(tables, page.row_headings(), strict=True)):
            for place, (row, marks) in enumerate(zip(_elements(table, "/TBody", "/TR"), rows, strict=True)):
                cells = list(_elements(row, "/TD"))
                headings = [cell for cell, heading in zip(cells, marks, strict=True) if heading]
                for at, cell in enumerate(headings):
                    cell.S, cell.ID = pikepdf.Name.TH, pikepdf.String(f"R{number:03d}x{place:03d}y{at}")
                    names[str(cell.ID)] = cell
                    _of_table(cell).Scope = pikepdf.Name.Row
                for cell in cells:
                    if cell.S == "/TD":
                        _of_table(cell).Headers.extend([one.ID for one in headings])
        made = io.BytesIO()
        packed = pikepdf.ObjectStreamMode.generate
        document.save(made, deterministic_id=True, object_stream_mode=packed, recompress_flate=True)
    return made.getvalue()


def _elements(node: Any, kind: str, *deeper: str) -> Iterator[Any]:
    """Elements of the structure tree of one kind, below a node and not below one another; then those inside them."""
    import pikepdf

    kids = node.get("/K", [])
    for kid in kids if isinstance(kids, pikepdf.Array) else [kids]:
        if not isinstance(kid, pikepdf.Dictionary) or "/S" not in kid:
            continue
        if str(kid.S) != kind:
            yield from _elements(kid, kind, *deeper)
        elif deeper:
            yield from _elements(kid, *deeper)
        else:
            yield kid


def _of_table(cell: Any) -> Any:
    """What a cell says of its place in a table."""
    return next(one for one in cell.A if one.O == "/Table")
