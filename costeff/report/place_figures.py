"""Figures of places: municipalities with their intervals, county by county; their order; hand-offs between providers.

Whether a municipality is told apart from the whole is said by marker and line, and not by colour alone.
"""

from __future__ import annotations

import textwrap
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from costeff.report.drawing import LIGHT, AxisTexts, Figure
from costeff.report.figures import as_svg, open_canvas, open_panels, value_axis
from costeff.report.model_figures import SMALL, legend, legend_height, tight
from costeff.report.outcome_figures import KeyedTexts

SURE = 0.95  # probability of lying on one side of the whole, from which a municipality is told apart
PANELS = 3  # beside each other
APART: dict[str, Any] = {"marker": "D", "color": LIGHT["loss"], "markersize": 4.5, "linewidth": 2.0}
TOGETHER: dict[str, Any] = {"marker": "o", "color": LIGHT["quiet"], "markersize": 2.4, "linewidth": 0.9}
ROW, TITLE = 5.2, 27  # height of a municipality, and of the name of a county


def told_apart(table: pd.DataFrame) -> pd.Series:
    """Whether a municipality lies on one side of the whole in 19 cases of 20."""
    return (table["above"] >= SURE) | (table["above"] <= 1 - SURE)


def caterpillar_figure(table: pd.DataFrame, whole: float, texts: KeyedTexts) -> Figure:
    """Estimates of municipalities with their intervals, a panel for each county, on one axis.

    Parameters
    ----------
    table
        Columns `county` (as it is read, in the order of appearance), `mean`, `low`, `high`, `above` (probability of
        lying above the whole); a row a municipality.
    whole
        Of all municipalities: a line in every panel.
    texts
        `keys` name what is not told apart from the whole, what is, and the whole.

    Raises
    ------
    ValueError
        For an interval that does not hold its mean, or a probability outside 0 to 1.
    """
    if not ((table["low"] <= table["mean"]) & (table["mean"] <= table["high"])).all():
        raise ValueError("an interval does not hold its mean")
    if not table["above"].between(0, 1).all():
        raise ValueError("a probability is outside 0 to 1")
    counties = dict(list(table.assign(apart=told_apart(table)).groupby("county", sort=False)))
    rows = -(-len(counties) // PANELS)
    most = [max(len(part) for part in list(counties.values())[n * PANELS : (n + 1) * PANELS]) for n in range(rows)]
    styles = (TOGETHER, APART)
    keys = [Line2D([], [], label=name, **style) for name, style in zip(texts.keys[:2], styles, strict=True)]
    keys.append(Line2D([], [], color=LIGHT["ink"], linewidth=1.2, label=texts.keys[2]))
    height = round(sum(ROW * (n + 1) + TITLE for n in most) + 62 + legend_height(keys))
    with open_panels(height, 1) as (canvas, panels):
        canvas.delaxes(panels[0])
        tight(canvas)
        grid = canvas.subplots(rows, PANELS, sharex=True, squeeze=False, height_ratios=[n + 3 for n in most])
        for number, axes in enumerate(grid.flat):
            if number >= len(counties):
                axes.set_visible(False)
                continue
            name, part = list(counties.items())[number]
            _county(axes, part.sort_values("mean"), most[number // PANELS], whole)
            axes.set_title(textwrap.fill(str(name), 20), loc="left", fontsize=SMALL)
            value_axis(axes.xaxis, texts)
            axes.xaxis.set_major_locator(MaxNLocator(nbins=3))
            axes.tick_params(axis="x", labelbottom=number + PANELS >= len(counties), labelsize=SMALL)
        grid[-1, 0].set_xlabel(texts.x, loc="left", fontsize=SMALL)
        canvas.suptitle(texts.y, x=0.02, ha="left", fontsize=10.8, color=LIGHT["quiet"])
        legend(canvas, keys)
        return Figure(as_svg(canvas), table, texts.alt, height=height)


def order_figure(table: pd.DataFrame, texts: KeyedTexts) -> Figure:
    """How well the order of municipalities is known: the rank of each, with its interval, lowest expected first.

    Parameters
    ----------
    table
        Columns `rank` (expected, 1 the lowest), `rank_low`, `rank_high`; a row a municipality.
    texts
        `keys` name the expected rank with its interval, and the place in the list.

    Raises
    ------
    ValueError
        For an interval of a rank that does not hold it, or a rank that is no place among so many.
    """
    shown = table.sort_values("rank", ignore_index=True)
    if not ((shown["rank_low"] <= shown["rank"]) & (shown["rank"] <= shown["rank_high"])).all():
        raise ValueError("an interval does not hold its rank")
    if not shown[["rank_low", "rank_high"]].stack().between(1, len(shown)).all():
        raise ValueError("a rank is no place among so many")
    place = np.arange(1, len(shown) + 1)
    keys = [
        Line2D([], [], color=LIGHT["gain"], marker="o", markersize=3, linewidth=1.2, label=texts.keys[0]),
        Line2D([], [], color=LIGHT["ink"], linestyle=(0, (4, 3)), linewidth=1.2, label=texts.keys[1]),
    ]
    height = 300 + legend_height(keys)
    with open_canvas(height) as (canvas, axes):
        wide = max(0.4, 0.7 * 280 / len(shown))
        axes.vlines(place, shown["rank_low"], shown["rank_high"], color=LIGHT["gain"], alpha=0.4, linewidth=wide)
        axes.plot(place, shown["rank"], linestyle="none", marker="o", markersize=1.8, color=LIGHT["gain"])
        axes.plot(place, place, color=LIGHT["ink"], linestyle=(0, (4, 3)), linewidth=1.2)
        axes.set(xlim=(0, len(shown) + 1), ylim=(0, len(shown) + 1), xlabel=texts.x)
        axes.set_title(texts.y, loc="left", fontsize=10.8, color=LIGHT["quiet"])
        value_axis(axes.xaxis, texts)
        value_axis(axes.yaxis, texts)
        legend(canvas, keys)
        return Figure(as_svg(canvas), table, texts.alt, height=height)


def flow_figure(table: pd.DataFrame, texts: AxisTexts, hidden: str) -> Figure:
    """Who hands clients over to whom: a square for each pair, darker with their number.

    Parameters
    ----------
    table
        Columns `from_provider`, `to_provider` (as they are read) and `hand_offs`, missing where it may not be shown.
    hidden
        What stands in a square whose number may not be shown.

    Raises
    ------
    ValueError
        When no pair has a number that may be shown, or a pair stands twice.
    """
    names = sorted({*table["from_provider"], *table["to_provider"]})
    if table.duplicated(["from_provider", "to_provider"]).any():
        raise ValueError("a pair stands twice")
    if table["hand_offs"].isna().all():
        raise ValueError("no pair has a number to show")
    wide = table.pivot(index="from_provider", columns="to_provider", values="hand_offs").reindex(names)[names]
    counted = wide.astype(float).to_numpy()
    there = table.assign(there=1).pivot(index="from_provider", columns="to_provider", values="there")
    there = there.reindex(names)[names].notna().to_numpy()
    height = 110 + 34 * len(names)
    with open_canvas(height) as (canvas, axes):
        deep = mpl.colors.LinearSegmentedColormap.from_list("flow", [LIGHT["paper"], LIGHT["gain"]])
        axes.imshow(counted, cmap=deep, vmin=0, vmax=1.4 * np.nanmax(counted), aspect="auto")  # ink stays readable
        for row, column in np.ndindex(counted.shape):
            if row != column:
                _square(axes, row, column, counted[row, column], there[row, column], texts, hidden)
        folded = [textwrap.fill(name, 9, break_long_words=False) for name in names]
        axes.set_xticks(range(len(names)), folded, fontsize=SMALL)
        axes.set_yticks(range(len(names)), names, fontsize=SMALL)
        axes.set(xlabel=texts.x, ylabel=texts.y)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        return Figure(as_svg(canvas), table, texts.alt, height=height)


def _county(axes: Any, part: pd.DataFrame, most: int, whole: float) -> None:
    axes.axvline(whole, color=LIGHT["ink"], linewidth=1.2, zorder=1)
    for number, row in enumerate(part.itertuples()):
        style = APART if row.apart else TOGETHER
        axes.plot([row.low, row.high], [number, number], color=style["color"], linewidth=style["linewidth"], zorder=2)
        axes.plot(row.mean, number, zorder=3, **{name: style[name] for name in ("marker", "color", "markersize")})
    axes.set_ylim(len(part) - most - 0.8, len(part) - 0.2)  # the first rows of all panels beside each other
    axes.tick_params(axis="y", left=False, labelleft=False)
    axes.spines[["left", "top", "right"]].set_visible(False)
    axes.grid(axis="x", color=LIGHT["grid"], linewidth=0.6)
    axes.set_axisbelow(True)


def _square(axes: Any, row: int, column: int, count: float, there: bool, texts: AxisTexts, hidden: str) -> None:
    text = texts.value(count) if np.isfinite(count) else hidden if there else "0"
    axes.text(column, row, text, ha="center", va="center", fontsize=SMALL)
