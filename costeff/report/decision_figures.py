"""Figures of a decision: the cost-effectiveness plane, curves over thresholds, what it is worth to know, and studies.

A saving is the normal case: below the line of the plane, and never an error. What is told apart is told apart by
line, shape or place as well as by colour.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from costeff.report.comparison_figures import KeyTexts
from costeff.report.figures import HEIGHT, LIGHT, Figure, as_svg, open_canvas, value_axis, with_zero
from costeff.report.model_figures import PAPER, SMALL, WRAP, colours, legend, legend_height

SHOWN = 400  # draws of the plane that are drawn; more hide each other
ROOM = (0.30, 0.20)  # of a side of the plane, at least this share of the axis: its words have to fit
DASHES: tuple[Any, ...] = ("-", (0, (2.4, 1.2)), (0, (1, 1)), (0, (4, 1, 1, 1)), (0, (6, 2)))
CORNERS = ("helps_saves", "helps_costs", "harms_saves", "harms_costs")
QUIET_LINE: dict[str, Any] = {"color": LIGHT["quiet"], "linewidth": 1.6, "linestyle": DASHES[1]}
MEAN: dict[str, Any] = {
    "marker": "D", "markersize": 8.5, "linestyle": "none", "color": LIGHT["loss"], "markeredgewidth": 1.4,
    "markeredgecolor": LIGHT["paper"],
}  # fmt: skip


def plane_figure(
    table: pd.DataFrame, texts: KeyTexts, share: Callable[[float], str], threshold: float | None = None
) -> Figure:
    """Draws of an option on the cost-effectiveness plane, with words and the share of draws in all four corners.

    Parameters
    ----------
    table
        Columns `effect`, `cost`: over the comparator, a row a draw. Below zero on the second it saves.
    texts
        Keys: a corner each, in the order of `CORNERS`, then a draw, the mean, and with a threshold its line. `value`
        writes a cost, `amount` an effect.
    share
        Writes the share of draws in a corner.
    threshold
        What a unit of effect is worth: draws below its line are worth their cost.

    Returns
    -------
    Figure
        Its table: corner, share of draws; a draw on a line between two corners counts half in each.

    Raises
    ------
    ValueError
        Without draws, or for one that is missing or infinite.
    """
    effect, cost = (_numbers(table[name], name) for name in ("effect", "cost"))
    helps, saves = (0.5 * (np.sign(side) + 1) for side in (effect, -cost))
    shares = [(h * s).mean() for h in (helps, 1 - helps) for s in (saves, 1 - saves)]
    shown = np.unique(np.linspace(0, effect.size - 1, SHOWN).round().astype(int))
    looks: list[dict[str, Any]] = [
        {"marker": "o", "markersize": 3.2, "linestyle": "none", "color": LIGHT["gain"], "markeredgewidth": 0},
        MEAN,
        *([QUIET_LINE] if threshold is not None else []),
    ]
    keys = [Line2D([], [], label=name, **look) for name, look in zip(texts.keys[4:], looks, strict=True)]
    height = 272 + legend_height(keys)
    with open_canvas(height) as (canvas, axes):
        axes.axhline(0, color=LIGHT["ink"], linewidth=1.2, zorder=1)
        axes.axvline(0, color=LIGHT["ink"], linewidth=1.2, zorder=1)
        axes.set(xlim=_both_sides(effect, ROOM[0]), ylim=_both_sides(cost, ROOM[1]), xlabel=texts.x, ylabel="")
        axes.plot(effect[shown], cost[shown], alpha=0.45, zorder=2, **looks[0])
        if threshold is not None:
            axes.axline((0, 0), slope=threshold, zorder=3, **looks[2])
        axes.plot(effect.mean(), cost.mean(), zorder=4, **looks[1])
        for number, (name, part) in enumerate(zip(texts.keys[:4], shares, strict=True)):
            right, down = number < 2, number % 2 == 0
            axes.text(
                0.985 if right else 0.015, 0.02 if down else 0.98, f"{name}\n{share(float(part))}",
                transform=axes.transAxes, ha="right" if right else "left", va="bottom" if down else "top",
                fontsize=SMALL, bbox={**PAPER, "alpha": 0.8}, zorder=5,
            )  # fmt: skip
        value_axis(axes.yaxis, texts)
        value_axis(axes.xaxis, texts)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: texts.amount(value)))
        axes.set_title(texts.y, loc="left", fontsize=10.8, color=LIGHT["quiet"])
        axes.spines[["left", "bottom"]].set_visible(False)
        axes.grid(color=LIGHT["grid"], linewidth=0.8)
        axes.set_axisbelow(True)
        legend(canvas, keys)
        told = pd.DataFrame({"corner": CORNERS, "share": shares})
        return Figure(as_svg(canvas), told, texts.alt, height=height)


def acceptability_figure(table: pd.DataFrame, texts: KeyTexts) -> Figure:
    """How probably each option is the best by threshold (CEAC), the frontier (CEAF) as a broad band under it.

    Parameters
    ----------
    table
        Columns `option` (as it is read, in the order of appearance), `threshold`, `value` (a share), and `best`:
        whether the option has the highest expected net benefit at the threshold.
    texts
        One key: the frontier. `value` writes a share, `amount` a threshold.

    Raises
    ------
    ValueError
        For values that are not shares, options that do not sum to 1, or more options than can be told apart.
    """
    if not table["value"].between(0, 1).all() or not np.allclose(table.groupby("threshold")["value"].sum(), 1):
        raise ValueError("the shares of the options do not sum to 1 at each threshold")
    if not (table.groupby("threshold")["best"].sum() == 1).all():
        raise ValueError("one option is the best at each threshold, the first of those that tie")
    return _curves(table, texts, (-0.02, 1.02))


def loss_figure(table: pd.DataFrame, texts: KeyTexts) -> Figure:
    """What choosing each option loses on average by threshold; the lowest line, on the band, is the EVPI.

    Parameters
    ----------
    table
        As in `acceptability_figure`; `value` is an expected loss, 0 or more.
    texts
        One key: the lowest line. `value` writes a loss, `amount` a threshold.

    Raises
    ------
    ValueError
        For a loss below 0, or more options than can be told apart.
    """
    if not (table["value"] >= 0).all():
        raise ValueError("an expected loss is missing or below 0")
    return _curves(table, texts, with_zero(table["value"]))


def information_figure(table: pd.DataFrame, texts: KeyTexts, most: float) -> Figure:
    """What it is worth to know each parameter, with its error, beside what noise alone would show.

    Parameters
    ----------
    table
        Columns `row` (as it is read, in the order of appearance), `value` (the fit's), `error` (its standard error),
        `null` (what the same fit finds in permuted draws), `trusted`. A fit that is refused has a hollow bar.
    texts
        Keys: the value, its range of two standard errors, noise alone, the value of knowing everything, and where
        there is one, a refused fit.
    most
        The value of knowing everything (EVPI).

    Raises
    ------
    ValueError
        For a number that is missing or below 0, or no rows.
    """
    numbers = _numbers(table[["value", "error", "null"]].assign(most=most), "value")
    if (numbers < 0).any():
        raise ValueError("a value of information is below 0")
    trusted = table["trusted"].to_numpy(bool)
    keys: list[Any] = [
        Patch(facecolor=LIGHT["gain"], edgecolor=LIGHT["gain"]),
        Line2D([], [], color=LIGHT["ink"], linewidth=1.6),
        Line2D([], [], color=LIGHT["loss"], marker="|", markersize=9, markeredgewidth=2.2, linestyle="none"),
        Line2D([], [], **QUIET_LINE),
        *([] if trusted.all() else [Patch(facecolor=LIGHT["paper"], edgecolor=LIGHT["quiet"], hatch="////")]),
    ]
    for key, name in zip(keys, texts.keys, strict=True):
        key.set_label(name)
    height = 62 + 34 * len(table) + legend_height(keys)
    with open_canvas(height) as (canvas, axes):
        axes.axvline(most, zorder=1, **QUIET_LINE)
        for row, (name, (value, error, null, _), believed) in enumerate(
            zip(table["row"], numbers, trusted, strict=True)
        ):
            look = {"color": LIGHT["gain"]} if believed else {"color": LIGHT["paper"], "hatch": "////"}
            axes.barh(row, value, height=0.36, zorder=2, edgecolor=LIGHT["gain" if believed else "quiet"], **look)
            axes.plot([max(value - 2 * error, 0), value + 2 * error], [row, row], color=LIGHT["ink"], linewidth=1.6)
            axes.plot(null, row, marker="|", color=LIGHT["loss"], markersize=13, markeredgewidth=2.2, zorder=3)
            axes.text(
                0.0, row - 0.28, str(name), ha="left", va="bottom", zorder=4, fontsize=SMALL,
                transform=axes.get_yaxis_transform(),
            )  # fmt: skip
        ends = pd.Series([*(numbers[:, 0] + 2 * numbers[:, 1]), *numbers[:, 2], most])
        axes.set(xlim=(0, with_zero(ends)[1]), ylim=(len(table) - 0.6, -0.85), xlabel=texts.x, ylabel="")
        axes.set_title(texts.y, loc="left", fontsize=10.8, color=LIGHT["quiet"])
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", left=False, labelleft=False)
        value_axis(axes.xaxis, texts)
        legend(canvas, keys)
        return Figure(as_svg(canvas), table, texts.alt, height=height)


def study_figure(table: pd.DataFrame, texts: KeyTexts) -> Figure:
    """What studies of some sizes are worth and cost, and what is left; the best size has a mark.

    Parameters
    ----------
    table
        Columns `size` (clients), `value` (worth to all who are decided for later; missing where the fit was refused),
        `cost`. What is left is value less cost; where it is above zero the study pays.
    texts
        Keys: worth, cost, what is left, and the best size, which is drawn where one pays. `value` writes euros,
        `amount` a number of clients.

    Raises
    ------
    ValueError
        Without a size that has a value, or for a size that stands twice.
    """
    if table["size"].duplicated().any():
        raise ValueError("a size stands twice")
    known = table.dropna(subset=["value"]).sort_values("size")
    sizes, value, cost = (_numbers(known[name], name) for name in ("size", "value", "cost"))
    left = value - cost
    best = int(left.argmax())
    looks: list[dict[str, Any]] = [
        {"color": LIGHT["quiet"], "linewidth": 1.8, "marker": "o", "markersize": 4},
        {"color": LIGHT["loss"], "linewidth": 1.8, "linestyle": DASHES[1]},
        {"color": LIGHT["gain"], "linewidth": 2.8},
    ]
    keys = [Line2D([], [], label=name, **look) for name, look in zip(texts.keys[:3], looks, strict=True)]
    star: dict[str, Any] = {"marker": "D", "markersize": 9, "color": LIGHT["gain"], "markeredgecolor": LIGHT["paper"]}
    if left[best] > 0:
        label = f"{texts.keys[3]}: {texts.amount(sizes[best])}"
        keys.append(Line2D([], [], label=label, linestyle="none", **star))
    height = HEIGHT + legend_height(keys)
    with open_canvas(height) as (canvas, axes):
        axes.axhline(0, color=LIGHT["ink"], linewidth=1.2, zorder=1)
        for line, look in zip((value, cost, left), looks, strict=True):
            axes.plot(sizes, line, zorder=3, **look)
        if left[best] > 0:
            axes.plot(sizes[best], left[best], zorder=4, **star)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator(list(sizes)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda size, _: texts.amount(size)))
        axes.set_ylim(*with_zero(pd.Series(np.concatenate([value, cost, left]))))
        value_axis(axes.yaxis, texts)
        axes.set(xlabel=texts.x, ylabel="")
        axes.set_title(texts.y, loc="left", fontsize=10.8, color=LIGHT["quiet"])
        axes.grid(axis="y", color=LIGHT["grid"], linewidth=0.8)
        axes.set_axisbelow(True)
        legend(canvas, keys)
        return Figure(as_svg(canvas), table, texts.alt, height=height)


# --- parts ----------------------------------------------------------------------------------------


def _curves(table: pd.DataFrame, texts: KeyTexts, limits: tuple[float, float]) -> Figure:
    """A line an option over thresholds, and a band under the part of it where it is the best."""
    options = list(dict.fromkeys(table["option"]))
    if len(options) > len(DASHES):
        raise ValueError(f"{len(options)} options cannot be told apart: show {len(DASHES)}")
    shades = [LIGHT["quiet"], LIGHT["gain"]] if len(options) == 2 else colours(len(options))
    looks = [{"color": c, "linewidth": 2.2, "linestyle": d} for c, d in zip(shades, DASHES, strict=False)]
    keys: list[Any] = [Line2D([], [], label=str(o), **look) for o, look in zip(options, looks, strict=True)]
    keys.append(Line2D([], [], color=LIGHT["step1"], linewidth=8, label=texts.keys[0]))
    height = HEIGHT + legend_height(keys)
    wide = table.pivot(index="threshold", columns="option", values="value").sort_index()
    best = table[table["best"]].set_index("threshold")["option"].sort_index()
    with open_canvas(height) as (canvas, axes):
        axes.axhline(0, color=LIGHT["ink"], linewidth=1.2, zorder=1)
        for option, look in zip(options, looks, strict=True):
            there = wide[option].where(best.reindex(wide.index) == option)
            axes.plot(wide.index, there, color=LIGHT["step1"], linewidth=8, solid_capstyle="butt", zorder=1.5)
            axes.plot(wide.index, wide[option], zorder=3, **look)
        axes.set(xlim=(wide.index[0], wide.index[-1]), ylim=limits, xlabel=texts.x, ylabel="")
        axes.set_title(textwrap.fill(texts.y, 2 * WRAP + 8), loc="left", fontsize=10.8, color=LIGHT["quiet"])
        value_axis(axes.yaxis, texts)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 2.5, 5, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: texts.amount(value)))
        axes.grid(axis="y", color=LIGHT["grid"], linewidth=0.8)
        axes.set_axisbelow(True)
        legend(canvas, keys)
        return Figure(as_svg(canvas), table, texts.alt, height=height)


def _numbers(values: pd.Series | pd.DataFrame, name: str) -> np.ndarray:
    found: np.ndarray = values.to_numpy(float)
    if not found.size:
        raise ValueError(f"there is no {name} to show")
    if not np.isfinite(found).all():
        raise ValueError(f"a number of {name} is missing or not finite")
    return found


def _both_sides(values: np.ndarray, least: float) -> tuple[float, float]:
    """Limits that hold the values, with zero so far from both ends that words fit beside it."""
    low, high = with_zero(pd.Series(values))
    ratio = least / (1 - least)
    return min(low, -ratio * high), max(high, -ratio * low)
