"""Numbers of clients on a page: a table, a figure and a sentence, all of one protected table.

These take nothing else. The numbers of ticks, of the alt text and of the words are
those of the table, so that nothing is told twice with different care.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from markupsafe import Markup

from costeff.disclosure.tables import Protected
from costeff.errors import ModelError, Problem
from costeff.report.figures import HEIGHT, LIGHT, AxisTexts, Figure, as_svg, open_canvas, value_axis
from costeff.report.markup import Table
from costeff.report.words import Words


def require(table: object) -> Protected:
    """The table, if it is protected.

    Raises
    ------
    ModelError
        For anything else, whatever it looks like.
    """
    if not isinstance(table, Protected):
        cure = "protect it: costeff.disclosure.tables.protect"
        raise ModelError("A page tells protected numbers only", [Problem("the table", "is not protected", cure)])
    return table


def number(words: Words, value: Any, hidden: str) -> str:
    """A shown number, or the word for one that is hidden."""
    if pd.isna(value):
        return hidden
    return words.number(value, 0 if float(value).is_integer() else 3)


def client_table(table: Protected, words: Words, caption: str, columns: Mapping[str, str], hidden: str) -> Markup:
    """The table as a page has it.

    Parameters
    ----------
    columns
        Column -> its heading, in order; the first holds the names of the rows.
    hidden
        What stands in the place of a hidden number, in the reader's language.
    """
    frame = require(table).table[[*columns]]
    keys = [name in table.keys for name in columns]
    rows = [
        [str(value) if key else number(words, value, hidden) for key, value in zip(keys, row, strict=True)]
        for row in frame.astype(object).itertuples(index=False)
    ]
    return Table(caption, list(columns.values()), rows, text_columns=sum(keys)).html()


def client_figure(table: Protected, words: Words, by: str, count: str, texts: AxisTexts, hidden: str) -> Figure:
    """A bar for each shown count, the word `hidden` where there is none; the alt text tells the same numbers.

    Parameters
    ----------
    by, count
        The column of names and the column of numbers.
    texts
        Names of the axes; what its `alt` says comes before the numbers in the alt text.
    """
    frame = require(table).table[[by, count]]
    names, values = frame[by].astype(str).tolist(), frame[count].astype("Float64")
    told = "; ".join(f"{name}: {number(words, value, hidden)}" for name, value in zip(names, values, strict=True))
    height = max(HEIGHT, 60 + 24 * len(names))
    with open_canvas(height) as (canvas, axes):
        axes.barh(range(len(names)), values.fillna(0).to_numpy(float), color=LIGHT["gain"], height=0.6)
        for row, value in enumerate(values):
            if pd.isna(value):
                axes.text(0, row, f" {hidden}", va="center", color=LIGHT["quiet"])
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xlim(left=0)
        value_axis(axes.xaxis, texts)
        axes.set(xlabel=texts.x, ylabel="")
        return Figure(as_svg(canvas), frame, f"{texts.alt} {told}.", height=height)
