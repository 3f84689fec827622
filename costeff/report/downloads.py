"""The table of each figure as a file for a spreadsheet: the link holds the whole file, and nothing is fetched.

The file is made of the table as the finished page shows it, so it holds nothing finer than the page. The link is
written after the page was sanitised: no output of a notebook can bring such a link itself.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import quote

import pandas as pd
from markupsafe import Markup

from costeff.disclosure.spreadsheets import csv_text
from costeff.report.markup import paragraph, tag
from costeff.report.words import DASH, JOINER, MINUS, NBSP, Words

_TABLE_OF_FIGURE = re.compile(r"(?<=</figure>)\s*<details>(?:(?!</details>).)*</details>", re.DOTALL)
_BETWEEN = {DASH, "…", "till", "to"}

Value = str | float | int


def with_downloads(html: str, words: Words, name: str) -> Markup:
    """The page with a link below the table of each figure; files are called `name` and a number."""
    count = 0

    def linked(found: re.Match[str]) -> str:
        nonlocal count
        table = _Table(found[0])
        if len(table.rows) < 2:
            return found[0]
        count += 1
        return found[0] + str(paragraph(_link(table, words, f"{name}-{count}.csv"), "download"))

    return Markup(_TABLE_OF_FIGURE.sub(linked, html))


def _link(table: _Table, words: Words, file: str) -> Markup:
    text = csv_text(as_frame(table.rows, words), "," if words.language == "en" else ";")
    said = words.say("Download the table (CSV)")
    address = "data:text/csv;charset=utf-8," + quote(text, safe="")
    return tag("a", said, href=address, download=file, aria_label=f"{said}: {table.caption}")


def as_frame(rows: list[list[tuple[str, str]]], words: Words) -> pd.DataFrame:
    """The rows of a table, the first its head, with numbers as numbers; an interval becomes two columns."""
    head, *body = rows
    columns: dict[str, list[Value | None]] = {}
    for place, (title, _) in enumerate(head):
        cells = [row[place] if place < len(row) else ("", "") for row in body]
        columns[title] = [_value(text, words) for text, _ in cells]
        if any(interval for _, interval in cells):
            ends = [_ends(interval, words) for _, interval in cells]
            if all(end is not None for end, (_, interval) in zip(ends, cells, strict=True) if interval):
                columns[words.say("{column}: lower end", column=title)] = [end[0] if end else None for end in ends]
                columns[words.say("{column}: upper end", column=title)] = [end[1] if end else None for end in ends]
            else:
                columns[words.say("{column}: note", column=title)] = [interval for _, interval in cells]
    return pd.DataFrame(columns, dtype=object)


def _value(text: str, words: Words) -> Value:
    """A number as it was before `Words.number` wrote it; any other text as it is."""
    plain = text.replace(JOINER, "").replace(NBSP, "").replace(MINUS, "-")
    plain = plain.replace(",", "") if words.language == "en" else plain.replace(",", ".")
    if re.fullmatch(r"-?[0-9]+", plain):
        return int(plain)
    return float(plain) if re.fullmatch(r"-?[0-9]+[.][0-9]+", plain) else text


def _ends(interval: str, words: Words) -> tuple[Value, Value] | None:
    """Both ends of a range that `Words.between` wrote; None for any other text."""
    pieces = interval.replace(DASH, f" {DASH} ").replace(NBSP + "…", " …").split(" ")
    ends = [_value(piece, words) for piece in pieces if piece not in _BETWEEN]
    return (ends[0], ends[1]) if len(ends) == 2 and not any(isinstance(end, str) for end in ends) else None


class _Table(HTMLParser):
    """Cells of a table in rows, each with what stands in it and the interval below."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.caption, self.rows, self._in, self._interval = "", [], "", 0  # type: ignore[var-annotated]
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th", "caption"):
            self._in = tag
            if tag != "caption":
                self.rows[-1].append(("", ""))
        elif tag == "span" and (self._interval or ("class", "interval") in attrs):
            self._interval += 1

    def handle_endtag(self, tag: str) -> None:
        if tag == self._in:
            self._in = ""
        elif tag == "span" and self._interval:
            self._interval -= 1

    def handle_data(self, data: str) -> None:
        if self._in == "caption":
            self.caption += data
        elif self._in and data.strip(" \n"):
            text, interval = self.rows[-1][-1]
            add = data.strip(" \n")
            self.rows[-1][-1] = (text, interval + add) if self._interval else (text + add, interval)
