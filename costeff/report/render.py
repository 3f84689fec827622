"""The page of an executed notebook as a file, and the exporter by which nbconvert makes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from traitlets import Bool, Dict, List, Unicode, default

from costeff.errors import Problem, UsageError
from costeff.files import write_text
from costeff.imports import skip_slow_grammar
from costeff.report.composed import as_page
from costeff.report.contact import Contact, read_contact

skip_slow_grammar()
import nbformat  # noqa: E402
from nbconvert.exporters.exporter import Exporter  # noqa: E402

__all__ = ["ReportExporter", "as_page", "render"]


class ReportExporter(Exporter):
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
    output_mimetype = "text/html"

    @default("file_extension")
    def _file_extension_default(self) -> str:
        return ".html"

    @property
    def default_config(self) -> Any:
        config = super().default_config
        config.Exporter.default_preprocessors = []  # cells are not shown, so nothing has to be done to them
        return config

    def from_notebook_node(  # type: ignore[override]  # nbconvert annotates it as a notebook; a page is a text
        self, nb: Any, resources: Any = None, **kw: Any
    ) -> tuple[str, Any]:
        """The page as text."""
        notebook, resources = super().from_notebook_node(nb, resources, **kw)
        text = as_page(
            notebook,
            self.language,
            self.title,
            alternates=self.alternates,
            index=self.index,
            footer_links=self.footer_links,
            contact=read_contact(Path(self.contact)) if self.contact else None,
            inside=self.inside,
        )
        return text, resources


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
