"""Figures of what moves an answer and when money is back: the tornado by payer, the running total and its payback."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from costeff.report.comparison_figures import KeyTexts
from costeff.report.figures import LIGHT, Figure, as_svg, open_canvas, open_panels, value_axis, with_zero
from costeff.report.model_figures import LINE, PAPER, SMALL, WRAP, CashTexts, colours, legend, legend_height, tight

ENDS = ("low", "high")
BAR = 15.0  # a bar with the air around it, in points
TOTAL: dict[str, Any] = {
    "marker": "D", "markersize": 6.5, "linestyle": "none", "color": LIGHT["ink"], "markeredgewidth": 1.2,
    "markeredgecolor": LIGHT["paper"],
}  # fmt: skip


def tornado_figure(table: pd.DataFrame, texts: KeyTexts) -> Figure:
    """How far each number moves the result from its base: two bars a number, one an end, stacked by payer.

    What a payer gains lies to the right of zero, what one loses to the left, in the same bar; a mark tells their sum.

    Parameters
    ----------
    table
        Columns `parameter` (as it is read, in the order of appearance), `end` (`low`, `high`), `at` (the number at
        that end, as it is read), `payer` (as it is read), `euros` (the change; a gain is above 0).
    texts
        One key: the sum of all payers. `sides` say what lies left and right.

    Raises
    ------
    ValueError
        For an amount that is missing, a parameter without both ends, or more payers than can be told apart.
    """
    if table.empty or not np.isfinite(table["euros"]).all():
        raise ValueError("there is no amount to show, or one is missing or not finite")
    names, payers = list(dict.fromkeys(table["parameter"])), list(dict.fromkeys(table["payer"]))
    wide = table.pivot(index=["parameter", "end"], columns="payer", values="euros").reindex(columns=payers).fillna(0.0)
    if set(wide.index) != {(name, end) for name in names for end in ENDS}:
        raise ValueError("a parameter does not have a low and a high end")
    wide = wide.loc[[(name, end) for name in names for end in ENDS]]
    told = table.drop_duplicates(["parameter", "end"]).set_index(["parameter", "end"])["at"]
    up, down = wide.clip(lower=0), wide.clip(upper=0)
    begin = (up.cumsum(axis=1) - up).where(wide > 0, down.cumsum(axis=1) - down)
    labels = [textwrap.fill(str(name), 2 * WRAP + 6) for name in names]
    tall = [LINE * (label.count("\n") + 1) + 2 * BAR + 9 for label in labels]  # points: the name, then its two bars
    starts = np.concatenate([[0.0], np.cumsum(tall)[:-1]])
    bars = np.array(
        [start + size - 9 - BAR * (1.5 - n) for start, size in zip(starts, tall, strict=True) for n in (0, 1)]
    )
    shades = colours(len(payers))
    keys: list[Any] = [Patch(facecolor=colour, label=str(p)) for p, colour in zip(payers, shades, strict=True)]
    keys.append(Line2D([], [], label=texts.keys[0], **TOTAL))
    height = round(74 + sum(tall) + legend_height(keys))
    with open_canvas(height) as (canvas, axes):
        for payer, colour in zip(payers, shades, strict=True):
            axes.barh(
                bars, wide[payer], left=begin[payer], height=0.84 * BAR, color=colour, edgecolor=LIGHT["paper"],
                linewidth=0.5, zorder=2,
            )  # fmt: skip
        axes.axvline(0, color=LIGHT["ink"], linewidth=1.4, zorder=3)
        axes.plot(wide.sum(axis=1), bars, zorder=4, **TOTAL)
        for start, label in zip(starts, labels, strict=True):
            axes.text(
                0, start, label, ha="left", va="top", transform=axes.get_yaxis_transform(), zorder=5, bbox=PAPER,
                fontsize=SMALL, linespacing=1.1,
            )  # fmt: skip
        axes.set_yticks(bars, [str(told[key]) for key in wide.index], fontsize=SMALL)
        axes.set(xlim=with_zero(pd.concat([up.sum(axis=1), down.sum(axis=1)])), ylim=(sum(tall), -2), ylabel="")
        axes.set_xlabel(textwrap.fill(texts.x, 2 * WRAP + 8))
        value_axis(axes.xaxis, texts)
        if texts.sides:
            axes.set_title(f"← {texts.sides[0]}", loc="left", fontsize=10.8, color=LIGHT["loss"])
            axes.set_title(f"{texts.sides[1]} →", loc="right", fontsize=10.8, color=LIGHT["gain"])
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color=LIGHT["grid"], linewidth=0.8)
        axes.set_axisbelow(True)
        legend(canvas, keys)
        return Figure(as_svg(canvas), table, texts.alt, height=height)


def payback_figure(table: pd.DataFrame, never: float, texts: CashTexts, chance: KeyTexts) -> Figure:
    """The running total with its lowest point, and below it in which year the money is back, and how often never.

    Parameters
    ----------
    table
        Columns `year`, `mean`, `low`, `high` (EUR, the running total), and `back`: share of draws in which the money
        is back for good in just that year. A row a year, in order.
    never
        Share of draws in which it is not back within these years.
    texts
        Of the upper panel: `total`, its interval as `back`, and `lowest` name the keys.
    chance
        Of the lower panel: `y` is its title, its key names the bar of never; `value` writes a share.

    Raises
    ------
    ValueError
        For shares that do not sum to 1, or an amount that is missing.
    """
    if not np.isfinite(table[["mean", "low", "high", "back"]]).all().all():
        raise ValueError("an amount or a share is missing or not finite")
    if (table["back"] < 0).any() or never < 0 or not np.isclose(table["back"].sum() + never, 1):
        raise ValueError("the shares of the years and of never do not sum to 1")
    years, mean = table["year"].to_numpy(), table["mean"].to_numpy()
    trough = int(mean.argmin())
    mark: dict[str, Any] = {"marker": "v", "color": LIGHT["loss"], "markersize": 9, "markeredgecolor": LIGHT["paper"]}
    keys: list[Any] = [
        Line2D([], [], color=LIGHT["gain"], linewidth=2.4, label=texts.total),
        Patch(facecolor=LIGHT["gain"], alpha=0.18, label=texts.back),
    ]
    if mean[trough] < 0:
        keys.append(Line2D([], [], linestyle="none", label=f"{texts.lowest}: {years[trough]}", **mark))
    height = 356 + legend_height(keys)
    with open_panels(height, 2) as (canvas, (above, below)):
        tight(canvas)
        above.axhline(0, color=LIGHT["ink"], linewidth=1.2, zorder=3)
        above.fill_between(years, table["low"], table["high"], color=LIGHT["gain"], alpha=0.18, linewidth=0)
        above.plot(years, mean, color=LIGHT["gain"], linewidth=2.4, zorder=4)
        if mean[trough] < 0:
            above.plot(years[trough], mean[trough], zorder=5, **mark)
        above.set_title(texts.y, loc="left", fontsize=10.8, color=LIGHT["quiet"])
        value_axis(above.yaxis, texts)
        shown = years[-1] + 2  # a place of its own, apart from the years
        below.bar(years, table["back"], width=0.76, color=LIGHT["gain"])
        below.bar(shown, never, width=1.2, color=LIGHT["paper"], edgecolor=LIGHT["loss"], hatch="////")
        below.text(shown, never, f"{chance.keys[0]}\n{chance.value(never)}", ha="center", va="bottom", fontsize=SMALL)
        below.set(ylim=(0, 1.45 * max(never, table["back"].max())), xlabel=texts.x)
        below.set_title(chance.y, loc="left", fontsize=10.8, color=LIGHT["quiet"])
        value_axis(below.yaxis, chance)
        for axes in (above, below):
            axes.set_xlim(years[0] - 0.8, shown + 1.2)
            ticks = MaxNLocator(integer=True, nbins=6).tick_values(years[0], years[-1])
            axes.set_xticks([year for year in ticks if years[0] <= year <= years[-1]])
            axes.xaxis.set_major_formatter(FuncFormatter(lambda year, _: f"{year:.0f}"))
            axes.grid(axis="y", color=LIGHT["grid"], linewidth=0.8)
            axes.set_axisbelow(True)
        legend(canvas, keys)
        return Figure(as_svg(canvas), table, texts.alt, height=height)
