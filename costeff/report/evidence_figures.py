"""Effects beside each other: a dot and its interval a row, the forest plot of a meta-analysis."""

from __future__ import annotations

import pandas as pd
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from costeff.report.figures import LIGHT, AxisTexts, Figure, as_svg, open_canvas, value_axis

# By what a row is: its marker, its colour and whether it is filled. The shapes tell them apart without colour.
KINDS = {"one": ("s", "quiet", True), "new": ("D", "loss", False), "all": ("o", "gain", True)}
TICKS = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)  # of ratios


def forest_figure(table: pd.DataFrame, texts: AxisTexts, *, ratio: bool = False) -> Figure:
    """One row an effect, with a line where there is none.

    Parameters
    ----------
    table
        Columns `row` (as it is read, in the order of appearance), `mean`, `low`, `high`, `kind`: `one` study or
        source, `all` of them together, or a `new` place that none of them saw.
    texts
        `value` writes an effect; `sides` what lies left and right of no effect.
    ratio
        Whether effects are ratios: then on a logarithmic axis, and none is 1.

    Raises
    ------
    ValueError
        For an interval that does not hold its mean, or a ratio that is not above 0.
    """
    if not ((table["low"] <= table["mean"]) & (table["mean"] <= table["high"])).all():
        raise ValueError("an interval does not hold its mean")
    if ratio and (table["low"] <= 0).any():
        raise ValueError("a ratio is above 0")
    height = round(66 + 24 * len(table) + (16 if texts.sides else 0))
    with open_canvas(height) as (canvas, axes):
        if ratio:
            axes.set_xscale("log")
        axes.axvline(1 if ratio else 0, color=LIGHT["ink"], linewidth=1.2, zorder=1)
        for number, (_, row) in enumerate(table.iterrows()):
            marker, colour, filled = KINDS[str(row["kind"])]
            line = LIGHT[colour]
            axes.plot([row["low"], row["high"]], [number, number], color=line, linewidth=2.2, zorder=2)
            inside = line if filled else LIGHT["paper"]
            style = {"markersize": 7.5, "markerfacecolor": inside, "markeredgecolor": line, "markeredgewidth": 1.6}
            axes.plot(row["mean"], number, marker=marker, zorder=3, **style)
        axes.set_yticks(range(len(table)), [str(name) for name in table["row"]])
        axes.set_ylim(len(table) - 0.4, -0.6)
        _value_ticks(axes, texts, table, ratio)
        if texts.sides:
            axes.set_title(f"← {texts.sides[0]}", loc="left", fontsize=9.6, color=LIGHT["quiet"])
            axes.set_title(f"{texts.sides[1]} →", loc="right", fontsize=9.6, color=LIGHT["quiet"])
        axes.set_xlabel(texts.x, loc="right")  # under the names of rows there is room for it
        axes.set_ylabel("")
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color=LIGHT["grid"], linewidth=0.8)
        axes.set_axisbelow(True)
        return Figure(as_svg(canvas), table, texts.alt, height=height)


def _value_ticks(axes: object, texts: AxisTexts, table: pd.DataFrame, ratio: bool) -> None:
    axis = axes.xaxis  # type: ignore[attr-defined]
    if not ratio:
        value_axis(axis, texts)
        return
    low, high = min(1.0, table["low"].min()), max(1.0, table["high"].max())
    axis.set_major_locator(FixedLocator([tick for tick in TICKS if low / 1.1 <= tick <= high * 1.1]))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: texts.value(value)))
