"""Figures of contracts: what each side gains and risks, what is paid by how many are helped, and ruin by size.

What is told apart is told apart by marker and line as well as by colour. A gain lies right of the zero line or above
it, a loss on the other side; both are ordinary.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from costeff.report.comparison_figures import KeyTexts
from costeff.report.figures import LIGHT, AxisTexts, Figure, as_svg, open_canvas, open_panels, value_axis, with_zero
from costeff.report.model_figures import LINE, SMALL, WRAP, legend, legend_height

DASHES: tuple[Any, ...] = ("-", (0, (1.7, 1.0)), (0, (4, 1.4)), (0, (4, 1.2, 1, 1.2)))
CASES = (("o", "gain", True), ("D", "loss", False), ("s", "quiet", True), ("^", "ink", False))
# A marker, a colour and a dash a line: neighbours differ in all three.
LINES = (
    ("o", "gain", 0), ("D", "loss", 1), ("s", "step5", 2), ("^", "step8", 3), ("v", "quiet", 1), ("P", "step4", 0),
    ("X", "step6", 2), ("*", "step3", 3),
)  # fmt: skip
TALL = 15  # points of a row a case


def sides_figure(table: pd.DataFrame, texts: KeyTexts) -> Figure:
    """Means and intervals of contracts, a row a contract and a mark a case, one panel below the other.

    Parameters
    ----------
    table
        Columns `panel` and `row` (as they are read), `case`, `mean`, `low`, `high`, EUR. Up to four cases.
    texts
        A key for each case, in the order of appearance. `sides` say what lies left and right of zero.

    Raises
    ------
    ValueError
        Without rows, with a value that is missing or infinite, or with more cases than can be told apart.
    """
    _check(table, "mean", "low", "high")
    panels, rows, cases = (list(dict.fromkeys(table[name])) for name in ("panel", "row", "case"))
    if len(cases) > len(CASES):
        raise ValueError(f"{len(cases)} cases cannot be told apart: show {len(CASES)} at most")
    looks = dict(zip(cases, CASES, strict=False))
    keys = [Line2D([], [], label=key, linewidth=2, color=LIGHT[looks[case][1]], **_mark(*looks[case]))
            for case, key in zip(cases, texts.keys, strict=True)]  # fmt: skip
    labels = [textwrap.fill(str(row), WRAP + 3) for row in rows]
    tall = [max(TALL * len(cases), LINE * (label.count("\n") + 1) + 4) for label in labels]
    at = dict(zip(rows, np.cumsum(tall) - np.array(tall) / 2, strict=True))
    height = round(64 + len(panels) * (sum(tall) + 34) + legend_height(keys))
    with open_panels(height, len(panels)) as (canvas, drawn):
        for name, axes in zip(panels, drawn, strict=True):
            part = table[table["panel"] == name]
            axes.axvline(0, color=LIGHT["ink"], linewidth=1.6, zorder=1)
            for number, case in enumerate(cases):
                marker, colour, filled = looks[case]
                each = part[part["case"] == case]
                y = each["row"].map(at) + TALL * 0.8 * (number - (len(cases) - 1) / 2)
                axes.hlines(y, each["low"], each["high"], color=LIGHT[colour], linewidth=2, zorder=2)
                axes.plot(each["mean"], y, linestyle="none", **_mark(marker, colour, filled), zorder=3)
            axes.set_title(str(name), loc="left", fontsize=10.8, fontweight="bold")
            axes.set(xlim=with_zero(table[["low", "high", "mean"]].stack()), ylim=(sum(tall), 0))
            axes.set_yticks(list(at.values()), labels, fontsize=SMALL, linespacing=1.05)
            axes.tick_params(axis="y", length=0)
            axes.tick_params(axis="x", labelbottom=axes is drawn[-1])
            axes.spines["left"].set_visible(False)
            axes.hlines(np.cumsum(tall)[:-1], *axes.get_xlim(), color=LIGHT["grid"], linewidth=0.8, zorder=0)
            value_axis(axes.xaxis, texts)
            axes.grid(axis="x", color=LIGHT["grid"], linewidth=0.8)
            axes.set_axisbelow(True)
        drawn[-1].set_xlabel(_directed(texts))
        legend(canvas, keys)
        return Figure(as_svg(canvas), table, texts.alt, height=height)


def payment_figure(table: pd.DataFrame, texts: KeyTexts, beside: Sequence[str] = ()) -> Figure:
    """What contracts pay by how many clients the service helps, beside what it saves and costs.

    Parameters
    ----------
    table
        Columns `helped` (clients), `line` (contract), `euros`; a row each.
    texts
        A key for each line, in the order of appearance; `value` writes euros.
    beside
        Lines that are no contract, such as the saving and the cost: drawn in ink and without markers.

    Raises
    ------
    ValueError
        Without rows, with a value that is missing or infinite, twice for a line, or with too many lines.
    """
    wide = _wide(table, "helped", "euros")
    looks = _looks(list(wide), beside)
    keys = _keys(looks, texts.keys)
    height = 232 + legend_height(keys)
    with open_canvas(height) as (canvas, axes):
        axes.axhline(0, color=LIGHT["ink"], linewidth=1.2, zorder=1)
        axes.axvline(0, color=LIGHT["quiet"], linewidth=1.0, zorder=1)
        for name, look in zip(wide, looks, strict=True):
            axes.plot(wide.index, wide[name], zorder=3 if "marker" in look else 2, **look)
        axes.set_ylim(*with_zero(table["euros"]))
        value_axis(axes.yaxis, texts)
        return _finished(canvas, axes, table, texts, keys, height)


def ruin_figure(table: pd.DataFrame, texts: KeyTexts) -> Figure:
    """A provider's risk of ruin by its number of clients, a line for each contract.

    Parameters
    ----------
    table
        Columns `clients`, `line` (contract), `probability`; a row each.
    texts
        A key for each line, in the order of appearance; `value` writes a probability, `amount` a number of clients.

    Raises
    ------
    ValueError
        Without rows, without a positive number of clients, with a probability that is none, twice for a line, or with
        too many lines.
    """
    wide = _wide(table, "clients", "probability")
    if wide.index.min() <= 0 or not table["probability"].between(0, 1).all():
        raise ValueError("a number of clients is above 0, and a probability from 0 to 1")
    looks = _looks(list(wide))
    keys = _keys(looks, texts.keys)
    height = 232 + legend_height(keys)
    with open_canvas(height) as (canvas, axes):
        for name, look in zip(wide, looks, strict=True):
            axes.plot(wide.index, wide[name], zorder=3 if "marker" in look else 2, **look)
        axes.set(xscale="log", ylim=(-0.02, max(0.1, 1.08 * float(table["probability"].max()))))
        axes.axhline(0, color=LIGHT["ink"], linewidth=1.2, zorder=1)
        axes.xaxis.set_major_locator(FixedLocator(wide.index.tolist()))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda clients, _: texts.amount(clients)))
        value_axis(axes.yaxis, texts)
        return _finished(canvas, axes, table, texts, keys, height)


# --- parts ----------------------------------------------------------------------------------------


def _mark(marker: str, colour: str, filled: bool) -> dict[str, Any]:
    inside = LIGHT[colour] if filled else LIGHT["paper"]
    return {
        "marker": marker, "markersize": 6.5, "markerfacecolor": inside, "markeredgecolor": LIGHT[colour],
        "markeredgewidth": 1.5,
    }  # fmt: skip


def _looks(names: Sequence[str], beside: Sequence[str] = ()) -> list[dict[str, Any]]:
    """How each line is drawn, and its key with it."""
    contracts = [name for name in names if name not in beside]
    others = [name for name in names if name in beside]
    if len(contracts) > len(LINES) or len(others) > len(DASHES):
        raise ValueError(f"{len(names)} lines cannot be told apart: show {len(LINES)} contracts at most")
    looks: dict[str, dict[str, Any]] = {}
    for name, (marker, colour, dash) in zip(contracts, LINES, strict=False):
        mark = _mark(marker, colour, filled=False) | {"markersize": 5.2}
        looks[name] = {"color": LIGHT[colour], "linewidth": 1.9, "linestyle": DASHES[dash], **mark}
    for name, dash in zip(others, DASHES, strict=False):
        looks[name] = {"color": LIGHT["ink"], "linewidth": 2.6, "linestyle": dash}
    return [looks[name] for name in names]


def _keys(looks: Sequence[dict[str, Any]], texts: Sequence[str]) -> list[Line2D]:
    return [Line2D([], [], label=text, **look) for look, text in zip(looks, texts, strict=True)]


def _finished(canvas: Any, axes: Any, table: pd.DataFrame, texts: AxisTexts, keys: list[Line2D], height: int) -> Figure:
    axes.set_xlabel(textwrap.fill(texts.x, 40))
    axes.set_title(texts.y, loc="left", fontsize=10.8, color=LIGHT["quiet"])
    axes.grid(axis="y", color=LIGHT["grid"], linewidth=0.8)
    axes.set_axisbelow(True)
    legend(canvas, keys)
    return Figure(as_svg(canvas), table, texts.alt, height=height)


def _directed(texts: AxisTexts) -> str:
    """The name of the axis, with what lies on either side of zero below it."""
    if not texts.sides:
        return str(texts.x)
    left, right = texts.sides
    return f"{texts.x}\n← {left}    {right} →"


def _wide(table: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    _check(table, x, y)
    if table.duplicated([x, "line"]).any():
        raise ValueError("a line has two values at one place")
    wide = table.pivot(index=x, columns="line", values=y)
    if wide.isna().any(axis=None):
        raise ValueError("a line has no value at a place where others have")
    return wide[list(dict.fromkeys(table["line"]))]


def _check(table: pd.DataFrame, *numbers: str) -> None:
    if table.empty:
        raise ValueError("there is nothing to draw")
    if not np.isfinite(table[list(numbers)].to_numpy(dtype=float)).all():
        raise ValueError("a value is missing or infinite")
