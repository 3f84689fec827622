"""An executed notebook as the text of a page: outputs only, sanitised, self-contained.

Figures stay `data:` images and are not unpacked into the page: an SVG in an image
can run nothing and fetch nothing, so the sanitiser needs no list of SVG tags, which
is where sanitisers are beaten. What it costs is a third more bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from markupsafe import Markup

from costeff import __version__
from costeff.errors import ModelError, Problem
from costeff.report.contact import Contact, ways
from costeff.report.downloads import with_downloads
from costeff.report.looks import TEMPLATES, style
from costeff.report.markup import METADATA
from costeff.report.sanitise import clean, orderly
from costeff.report.statement import statement
from costeff.report.words import Words

SHOWING = ("text/html", "text/markdown", "text/latex", "image/png", "image/jpeg", "image/svg+xml")
READER_TAG = "reader"  # a markdown cell with this tag is for readers; the others are for analysts


@dataclass
class Chain:
    """The parts of one chain, under one heading.

    Attributes
    ----------
    sections
        Address and text of the headings inside it, for the list of contents.
    """

    id: str
    title: str
    parts: list[Markup] = field(default_factory=list)
    sections: list[tuple[str, Markup]] = field(default_factory=list)

    def add(self, part: Markup) -> None:
        """A part, whose headings get addresses."""

        def numbered(found: re.Match[str]) -> str:
            address = f"{self.id}-{len(self.sections) + 1}"
            self.sections.append((address, Markup(found[1])))
            return f'<h3 id="{address}">{found[1]}</h3>'

        self.parts.append(Markup(re.sub(r"<h3>([^<]*)</h3>", numbered, part)))


@dataclass
class Content:
    """The parts of a page in the order in which they are read."""

    language: str = ""
    title: str = ""
    code: str = ""  # of the place
    warning: list[Markup] = field(default_factory=list)
    lede: list[Markup] = field(default_factory=list)
    briefs: list[Chain] = field(default_factory=list)
    chains: dict[str, Chain] = field(default_factory=dict)
    pages: list[Chain] = field(default_factory=list)
    loose: list[Markup] = field(default_factory=list)

    @property
    def chapters(self) -> list[Chain]:
        """What has a heading of level 2, in order."""
        return [*self.chains.values(), *self.pages]


def gather(notebook: Any, *, inside: bool = False) -> Content:
    """Sort the outputs of an executed notebook into a page; everything is sanitised on the way.

    Parameters
    ----------
    inside
        Whether the page stays with those who may see what a notebook shows. A page that goes out is made of
        sections alone, which are told from an appraisal; any other output, such as a table of a cell
        that was added, has gone through no disclosure control.

    Raises
    ------
    ModelError
        When a cell ended with an error: a page made of the rest would mislead. When a cell shows anything
        but a section, unless the page stays inside.
    """
    content = Content()
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type == "markdown" and READER_TAG in cell.metadata.get("tags", []):
            content.loose.append(_markdown(cell.source))
        for output in cell.get("outputs", []) if cell.cell_type == "code" else []:
            if output.output_type == "error":
                problem = Problem(f"cell {number}", "ended with an error", "mend what it says and run the report again")
                raise ModelError("The notebook did not finish, so no page is made", [problem])
            if output.output_type in ("display_data", "execute_result"):
                _take(content, output, number, inside)
    return content


def _markdown(text: str) -> Markup:
    from nbconvert.filters.markdown_mistune import markdown2html_mistune

    return Markup(clean(markdown2html_mistune(text)))


def _take(content: Content, output: Any, number: int, inside: bool) -> None:
    html = output.data.get("text/html")
    told = output.metadata.get("text/html", {}).get(METADATA)
    if told is None:
        if not inside and any(kind in output.data for kind in SHOWING):
            cure = "remove the cell, or tell its numbers through an appraisal"
            problem = Problem(f"cell {number}", "shows what has gone through no disclosure control", cure)
            raise ModelError("The notebook shows more than its sections, so no page is made", [problem])
        if html is not None:
            content.loose.append(Markup(clean(html)))
        return
    content.language = content.language or str(told["language"])
    content.code = content.code or re.sub(r"[^0-9a-z-]", "", str(told.get("entry", {}).get("code", "")))
    for part in told["parts"]:
        _place(content, part, Markup(clean(html[int(part["start"]) : int(part["end"])])))


def _place(content: Content, part: Mapping[str, Any], html: Markup) -> None:
    slot, id_, title = str(part["slot"]), str(part["id"]), str(part["title"])
    if slot == "warning":
        content.warning.append(html)
    elif slot == "lede":
        content.title = content.title or title
        content.lede.append(html)
    elif slot == "page":
        content.pages.append(Chain(f"part-{id_}", title))
        content.pages[-1].add(html)
    else:
        chain = Chain(f"chain-{re.sub(r'[^a-z0-9_]+', '-', id_)}", title)
        if slot == "brief":
            content.briefs.append(chain)
            chain.parts.append(html)
        else:
            content.chains.setdefault(id_, chain).add(html)


def body(content: Content) -> Markup:
    """Everything below the contents list, its headings in order."""
    pieces: list[Markup] = list(content.loose)
    for chain in content.chapters:
        heading = Markup('<h2 id="{}">{}</h2>').format(chain.id, chain.title)
        pieces.append(Markup('<section class="chapter" aria-labelledby="{}">').format(chain.id))
        pieces += [heading, *chain.parts, Markup("</section>")]
    return Markup(orderly("\n".join(pieces)))


def as_page(
    notebook: Any,
    language: str = "",
    title: str = "",
    *,
    alternates: Mapping[str, str] | None = None,
    index: str = "",
    footer_links: Sequence[tuple[str, str]] = (),
    contact: Contact | None = None,
    inside: bool = False,
) -> str:
    """The page of an executed report notebook as text.

    Parameters
    ----------
    language, title
        Empty: those the notebook's outputs name.
    alternates
        The same page in other languages: language -> relative address.
    index
        Relative address of the list of municipalities.
    footer_links
        Text and address, such as an accessibility statement.
    contact
        The publisher, and where feedback goes; without it the page says that they are missing.
    inside
        As in `gather`.

    Raises
    ------
    ModelError
        As `gather`.
    """
    content = gather(notebook, inside=inside)
    words = Words(language or content.language or "en")
    found = {
        "words": words,
        "content": content,
        "title": title or content.title or words.say("Report"),
        "style": Markup(style()),
        "body": with_downloads(body(content), words, content.code or "table"),
        "alternates": {lang: href for lang, href in (alternates or {}).items() if lang != words.language},
        "footer_links": footer_links,
        "index": index,
        "publisher": contact.publisher[words.language] if contact else "",
        "ways": ways(contact, words) if contact else "",
        "statement": statement(contact, words) if contact else "",
        "version": __version__,
    }
    return str(_template().render(report=found)).lstrip("\r\n")


@lru_cache(maxsize=1)
def _template() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(TEMPLATES)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined).get_template("report.html.j2")
