"""How objects show themselves: one manner for their HTML, plain text and LaTeX, without a style sheet or a script.

Colours are those of what is around (`currentColor`), so that a light and a dark screen both do. A table has a caption
and headers that say what they head. Every text is escaped.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

PAPER = "var(--jp-layout-color0, Canvas)"  # what lies behind a drawing: JupyterLab's, or the browser's own
_LEFT, _RIGHT = ' style="text-align:left"', ' style="text-align:right"'
_CAPTION = ' style="caption-side:top;text-align:left;color:inherit;font-weight:600;padding:.3em 0"'
_TEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"} | {
    sign: f"\\{sign}" for sign in "&%$#_{}"
}
LONG = 40  # signs of a cell that is broken into lines
_WORD = re.compile(r"[^\W\d_]{2}")  # two letters together
_DIGIT = re.compile(r"\d")
Row = Mapping[str, object]


class Shows(ABC):
    """An object that shows itself: `_plain` where there is text alone, `_html` in a notebook, `_latex` if any."""

    @abstractmethod
    def _plain(self) -> str: ...

    @abstractmethod
    def _html(self) -> str: ...

    def _latex(self) -> str:
        return ""

    def _repr_html_(self) -> str:
        return self._html()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        told = {"text/plain": self._plain(), "text/html": self._html(), "text/latex": self._latex()}
        return {kind: text for kind, text in told.items() if text}


def table(rows: Iterable[Row], caption: str = "") -> str:
    """Rows as an HTML table; the keys of the first are the headings, and the first cell of each heads its row."""
    rows = list(rows)
    if not rows:
        return ""
    sides = [_RIGHT if figures else _LEFT for figures in _of_figures(row.values() for row in rows)]
    head = "".join(f'<th scope="col"{side}>{escape(name)}</th>' for name, side in zip(rows[0], sides, strict=True))
    body = "".join(f"<tr>{_cells(row, sides)}</tr>" for row in rows)
    return f"<table>{_captioned(caption)}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cells(row: Row, sides: Iterable[str]) -> str:
    (first, side), *others = zip((escape(str(cell)) for cell in row.values()), sides, strict=True)
    return f'<th scope="row"{side}>{first}</th>' + "".join(f"<td{side}>{cell}</td>" for cell, side in others)


def _of_figures(rows: Iterable[Iterable[object]]) -> list[bool]:
    """Whether each column holds figures and no words, so that they are read one below another."""
    columns = [[str(cell) for cell in column] for column in zip(*rows, strict=True)]
    return [any(map(_DIGIT.search, cells)) and not any(map(_WORD.search, cells)) for cells in columns]


def _captioned(caption: str) -> str:
    return f"<caption{_CAPTION}>{escape(caption)}</caption>" if caption else ""


def framed(html: str, caption: str = "") -> str:
    """A table that pandas wrote, with a caption, and headers that say what they head."""
    head, split, body = html.partition("<tbody>")
    cells = re.findall("<td>([^<]*)", body.partition("</tr>")[0])
    body = re.sub(r"<td>(?=[^<]*[^\W\d_]{2})", f"<td{_LEFT}>", body)  # words
    first, end, others = head.partition("</tr>")
    left = iter([False] * (first.count("<th>") - len(cells)) + [bool(_WORD.search(cell)) for cell in cells])
    first = re.sub("<th>", lambda _: f"<th{_LEFT}>" if next(left, False) else "<th>", first)
    head = re.sub("<th(?=[ >])", '<th scope="col"', first + end + others)
    body = re.sub("<th(?=[ >])", '<th scope="row"', body)
    return re.sub(r"(<table[^>]*>)", lambda found: found[1] + _captioned(caption), head, count=1) + split + body


def told(sentence: str, html: str) -> str:
    """A table below the sentence that it bears out; a sentence is broken as the page is wide, not as the table is."""
    return f'<figure style="margin:0"><figcaption style="padding:.3em 0">{escape(sentence)}</figcaption>{html}</figure>'


def titled(title: str, *parts: str) -> str:
    """Parts below a heading."""
    return f"<h4>{escape(title)}</h4>{''.join(parts)}"


def lines(rows: Iterable[Row], title: str = "") -> str:
    """Rows as plain text in columns."""
    rows = list(rows)
    if not rows:
        return title
    written = [list(rows[0]), *([str(cell) for cell in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*written, strict=True)]
    aligned = ("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in written)
    return "\n".join([*([title] if title else []), *(line.rstrip() for line in aligned)])


def tabular(rows: Iterable[Mapping[Any, object]], caption: str = "", head: Iterable[object] | None = None) -> str:
    """Rows as a LaTeX table; a cell between dollar signs is mathematics and stays as it is.

    `head` names the columns where the keys of the rows do not.
    """
    rows = list(rows)
    if not rows:
        return ""
    body = [" & ".join(map(tex, row.values())) + r" \\" for row in rows]
    named = " & ".join(map(tex, rows[0] if head is None else head)) + r" \\"
    sides = "".join("r" if figures else "l" for figures in _of_figures(row.values() for row in rows))
    whole = [
        rf"\begin{{tabular}}{{{sides}}}",
        r"\hline",
        named,
        r"\hline",
        *body,
        r"\hline",
        r"\end{tabular}",
    ]
    return "\n".join([*([rf"\textbf{{{tex(caption)}}}", ""] if caption else []), *whole])


def tex(text: object) -> str:
    """A text in LaTeX."""
    written = str(text)
    if re.fullmatch(r"\$[^$]+\$", written):
        return written
    return "".join(_TEX.get(sign, sign) for sign in written)
