"""A result in a notebook: the sentence first, then its table, then its figure, whose alt text is the sentence."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd

from costeff.report.figures import LIGHT

COLOURS = [LIGHT["quiet"], LIGHT["gain"], LIGHT["loss"]]  # the usual service first


@dataclass(frozen=True, repr=False)
class Result:
    """A sentence with its table and its figure; shows itself in a notebook."""

    sentence: str
    table: pd.DataFrame | None = None
    png: bytes | None = None

    def __repr__(self) -> str:
        return self.sentence if self.table is None else f"{self.sentence}\n{self.table.to_string()}"

    def _repr_html_(self) -> str:
        parts = [f"<p>{escape(self.sentence)}</p>"]
        if self.table is not None:
            parts.append(self.table.to_html(formatters=_formats(self.table), na_rep="", border=0))
        if self.png is not None:
            data = base64.b64encode(self.png).decode()
            alt = escape(self.sentence)
            parts.append(f'<p><img src="data:image/png;base64,{data}" alt="{alt}" style="max-width:100%"></p>')
        return "".join(parts)


def tell(sentence: str, table: pd.DataFrame | pd.Series | None = None, figure: Any = None) -> Result:
    """A result, told as sentence, table and figure.

    Parameters
    ----------
    sentence
        What the result says, with its interval. It is the alt text of the figure too.
    table
        Numbers, with three digits or more in each column; a missing value is an empty cell.
    figure
        A matplotlib figure, or what has one: axes, a seaborn grid, an ArviZ plot collection. It is closed.
    """
    import matplotlib.pyplot as plt

    frame = table.to_frame() if isinstance(table, pd.Series) else table
    drawn = None
    if figure is not None:
        canvas = figure.viz["figure"].item() if hasattr(figure, "viz") else getattr(figure, "figure", figure)
        buffer = io.BytesIO()
        canvas.savefig(buffer, format="png", dpi=100, bbox_inches="tight", metadata={"Software": None})
        drawn = buffer.getvalue()
    plt.close("all")  # or the notebook would show the figure once more at the end of the cell
    return Result(sentence, frame, drawn)


def _formats(table: pd.DataFrame) -> list[Callable[[Any], str] | None]:
    """How each column is written: as many decimals as its largest number needs for three digits."""
    return [_format(table.iloc[:, number]) for number in range(table.shape[1])]


def _format(column: pd.Series) -> Callable[[Any], str] | None:
    if not pd.api.types.is_float_dtype(column):
        return None
    largest = float(column.abs().max())
    decimals = next((d for limit, d in ((100, 0), (10, 1), (1, 2)) if largest >= limit), 3)
    return f"{{:,.{decimals}f}}".format


def drawing_style() -> None:
    """The look of figures in notebooks: the report's colours on seaborn's grid."""
    import seaborn as sns

    settings = {"axes.edgecolor": LIGHT["quiet"], "grid.color": LIGHT["grid"], "figure.figsize": (7.5, 4.2)}
    sns.set_theme(context="notebook", style="whitegrid", palette=COLOURS, rc=settings)
