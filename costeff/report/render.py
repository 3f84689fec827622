"""From an executed notebook to the page that is published: outputs only, sanitised, self-contained.

Figures stay `data:` images and are not unpacked into the page: an SVG in an image
can run nothing and fetch nothing, so the sanitiser needs no list of SVG tags, which
is where sanitisers are beaten. What it costs is a third more bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from markupsafe import Markup
from traitlets import Bool, Dict, List, Unicode, default

from costeff import __version__
from costeff.errors import ModelError, Problem, UsageError
from costeff.files import write_text
from costeff.imports import skip_slow_grammar
from costeff.report.contact import Contact, read_contact, ways
from costeff.report.downloads import with_downloads
from costeff.report.looks import TEMPLATES, style
from costeff.report.page import METADATA
from costeff.report.sanitise import clean, orderly
from costeff.report.statement import statement
from costeff.report.words import Words

skip_slow_grammar()
import nbformat  # noqa: E402
from nbconvert.exporters.templateexporter import TemplateExporter  # noqa: E402

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


class ReportExporter(TemplateExporter):
    """An nbconvert exporter for readers: no code, no prompts, no script, no request.

    Language and title come from the notebook's own outputs unless they are set.
    """

    language = Unicode("", help="fi, sv or en").tag(config=True)
    title = Unicode("", help="heading of the page").tag(config=True)
    alternates = Dict(help="language -> relative address of the same page").tag(config=True)
    footer_links: Any = List(help="pairs of text and address, such as the accessibility statement").tag(config=True)
    index = Unicode("", help="relative address of the list of municipalities").tag(config=True)
    inside = Bool(False, help="the page does not go out: outputs other than sections may stand on it").tag(config=True)
    contact = Unicode("", help="YAML file of the publisher and of where feedback goes").tag(config=True)
    publisher: Contact | None = None
    output_mimetype = "text/html"

    @default("file_extension")
    def _file_extension_default(self) -> str:
        return ".html"

    @default("template_file")
    def _template_file_default(self) -> str:
        return "report.html.j2"

    @default("template_paths")
    def _template_paths_default(self) -> list[str]:
        return [str(TEMPLATES)]

    @property
    def default_config(self) -> Any:
        config = super().default_config
        config.Exporter.default_preprocessors = []  # cells are not shown, so nothing has to be done to them
        return config

    def _create_environment(self) -> Any:
        environment: Any = super()._create_environment()  # type: ignore[no-untyped-call]
        environment.autoescape = True
        return environment

    def from_notebook_node(  # type: ignore[override]  # nbconvert annotates it as a notebook; a page is a text
        self, nb: Any, resources: Any = None, **kw: Any
    ) -> tuple[str, Any]:
        """The page as text."""
        content = gather(nb, inside=self.inside)
        words = Words(self.language or content.language or "en")
        publisher = self.publisher or (read_contact(Path(self.contact)) if self.contact else None)
        found = {
            "words": words,
            "content": content,
            "title": self.title or content.title or words.say("Report"),
            "style": Markup(style()),
            "body": with_downloads(body(content), words, content.code or "table"),
            "alternates": {lang: href for lang, href in self.alternates.items() if lang != words.language},
            "footer_links": self.footer_links,
            "index": self.index,
            "publisher": publisher.publisher[words.language] if publisher else "",
            "ways": ways(publisher, words) if publisher else "",
            "statement": statement(publisher, words) if publisher else "",
            "version": __version__,
        }
        text, resources = super().from_notebook_node(nb, {**(resources or {}), "report": found}, **kw)
        return text, resources


def body(content: Content) -> Markup:
    """Everything below the contents list, its headings in order."""
    pieces: list[Markup] = list(content.loose)
    for chain in content.chapters:
        heading = Markup('<h2 id="{}">{}</h2>').format(chain.id, chain.title)
        pieces.append(Markup('<section class="chapter" aria-labelledby="{}">').format(chain.id))
        pieces += [heading, *chain.parts, Markup("</section>")]
    return Markup(orderly("\n".join(pieces)))


def render(
    executed_notebook_path: str | Path,
    out_html: str | Path,
    language: str = "",
    title: str = "",
    *,
    alternates: Mapping[str, str] | None = None,
    index: str = "",
    footer_links: Sequence[tuple[str, str]] = (),
    contact: Contact | None = None,
) -> Path:
    """Make the page of an executed report notebook; the file appears complete at its name.

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

    Raises
    ------
    UsageError
        The notebook cannot be read.
    ModelError
        A cell of the notebook ended with an error.
    SetupError
        The page cannot be written.
    """
    source = Path(executed_notebook_path)
    try:
        notebook = nbformat.read(source, as_version=4)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, nbformat.reader.NotJSONError) as error:
        problem = Problem(source.name, "cannot be read as a notebook", "run the report again")
        raise UsageError("No notebook to render", [problem]) from error
    path = Path(out_html)
    text = as_page(
        notebook, language, title, alternates=alternates, index=index, footer_links=footer_links, contact=contact
    )
    write_text(path, text)
    return path


def as_page(
    notebook: Any,
    language: str = "",
    title: str = "",
    *,
    alternates: Mapping[str, str] | None = None,
    index: str = "",
    footer_links: Sequence[tuple[str, str]] = (),
    contact: Contact | None = None,
) -> str:
    """The page of an executed report notebook as text; see `render`."""
    exporter = ReportExporter(  # type: ignore[no-untyped-call]
        language=language,
        title=title,
        alternates=dict(alternates or {}),
        index=index,
        footer_links=[list(pair) for pair in footer_links],
    )
    exporter.publisher = contact
    text, _ = exporter.from_notebook_node(notebook)
    return text
