"""Pieces of HTML: every text that enters is escaped, every tag has its job for a screen reader."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from costeff.report.drawing import Figure

Cell = str | Markup
METADATA = "costeff"  # the key of an output's metadata by which the page finds its parts


def join(*parts: Cell) -> Markup:
    """Pieces one after the other; plain texts are escaped."""
    return Markup("\n").join(part for part in parts if part)


def tag(name: str, content: Cell, **attributes: str) -> Markup:
    """One element; `class_` writes class, `data_label` writes data-label."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"' for key, value in attributes.items() if value
    )
    return Markup(f"<{name}{written}>{escape(content)}</{name}>")


def paragraph(text: Cell, class_: str = "") -> Markup:
    return tag("p", text, class_=class_)


def heading(level: int, text: str, id_: str = "") -> Markup:
    return tag(f"h{level}", text, id_=id_)


def bullets(items: Iterable[Cell]) -> Markup:
    return tag("ul", join(*(tag("li", item) for item in items)))


def terms(pairs: Iterable[tuple[str, Cell]]) -> Markup:
    """A list of names and what stands for them."""
    rows = (tag("div", join(tag("dt", name), tag("dd", value))) for name, value in pairs)
    return tag("dl", join(*rows), class_="terms")


def link(text: Cell, url: str | None) -> Markup:
    """A link to a source; a text where there is no web address."""
    if url and url.startswith(("https://", "http://")):
        return tag("a", text, href=url)
    return escape(text)


def notice(title: str, *texts: Cell, kind: str = "note") -> Markup:
    """A framed message: `warning` for synthetic data, `stop` for a result not given."""
    return tag("div", join(paragraph(tag("strong", title)), *texts), class_=f"notice {kind}", role="note")


@dataclass(frozen=True)
class KeyFigure:
    """One large number with what it is and how sure it is."""

    label: str
    value: str
    note: str
    tone: str = ""  # "good", "bad" or nothing; the words say the same
    chance: Cell = ""  # how likely it is, as a picture and in words


def image(drawn: Figure, class_: str = "") -> Markup:
    """A drawing as an image with its alt text."""
    written = Markup(' class="{}"').format(class_) if class_ else Markup()
    return Markup('<img{} src="{}" alt="{}" width="{}" height="{}">').format(
        written, drawn.data_uri, drawn.alt, drawn.width, drawn.height
    )


def key_figures(items: Iterable[KeyFigure]) -> Markup:
    cards = (
        tag(
            "div",
            join(
                tag("dt", item.label),
                tag("dd", item.value, class_=f"value {item.tone}".strip()),
                tag("dd", item.note, class_="detail"),
                tag("dd", item.chance, class_="detail chance") if item.chance else "",
            ),
        )
        for item in items
    )
    return tag("dl", join(*cards), class_="key-figures")


@dataclass(frozen=True)
class Table:
    """A table with a caption and row headings; on a phone each row becomes a card.

    The roles repeat what the tags say: a browser forgets it when a row is laid out as a card.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    total: Sequence[Cell] = ()
    text_columns: int = 1  # columns from the left that hold words, not numbers

    def html(self) -> Markup:
        head = join(
            *(
                tag("th", name, scope="col", role="columnheader", class_="" if number < self.text_columns else "num")
                for number, name in enumerate(self.columns)
            )
        )
        body = join(*(self._row(row) for row in self.rows))
        foot = tag("tfoot", self._row(self.total), role="rowgroup") if self.total else Markup()
        table = join(
            tag("caption", self.caption),
            tag("thead", tag("tr", head, role="row"), role="rowgroup"),
            tag("tbody", body, role="rowgroup"),
            foot,
        )
        return tag("table", table, role="table", class_="cards" if len(self.columns) > 2 else "")

    def _row(self, row: Sequence[Cell]) -> Markup:
        cells = [tag("th", row[0], scope="row", role="rowheader")]
        for number, (name, value) in enumerate(zip(self.columns, row, strict=True)):
            if number:
                cells.append(
                    tag("td", value, role="cell", class_="" if number < self.text_columns else "num", data_label=name)
                )
        return tag("tr", join(*cells), role="row")


def with_interval(value: str, interval: str) -> Markup:
    """A number with its interval in smaller type on the line below."""
    return join(tag("span", value, class_="main"), tag("span", interval, class_="interval"))


def figure(drawn: Figure, caption: str, table_summary: str = "", table: Markup | None = None) -> Markup:
    """A figure with its alt text and a caption; its numbers are folded below it."""
    numbers = details(table_summary, table) if table is not None else Markup()
    return join(tag("figure", join(image(drawn), tag("figcaption", caption))), numbers)


def details(summary: str, content: Cell) -> Markup:
    """Content that opens on request, without script."""
    return tag("details", join(tag("summary", summary), content))
