"""Figures of a comparison: balance and overlap, methods beside each other, panels, series, and a bias in euros.

What is told apart is told apart by shape, side or line as well as by colour.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from costeff.report.figures import LIGHT, AxisTexts, Figure, as_svg, open_canvas, open_panels, value_axis

SMALL = 9.6  # letters of legends and labels, in points
# By what a row is: its marker, its colour and whether it is filled.
KINDS = {"plain": ("s", "quiet", True), "adjusted": ("D", "loss", False), "bayesian": ("o", "gain", True)}


@dataclass(frozen=True)
class KeyTexts(AxisTexts):
    """What the keys of a figure say, in the order they are drawn."""

    keys: tuple[str, ...] = ()
    amount: Any = str  # of a surface: a function from euros to a text


def love_figure(table: pd.DataFrame, texts: KeyTexts, limit: float = 0.1) -> Figure:
    """Standardised differences before and after weighting, a row for each covariate and level.

    Parameters
    ----------
    table
        Columns `row` (as it is read), `before`, `after`.
    texts
        Two keys: before, after.
    limit
        What is called balanced lies between the dashed lines.
    """
    height = round(96 + 17 * len(table))
    with open_canvas(height) as (canvas, axes):
        rows = np.arange(len(table))
        axes.axvline(0, color=LIGHT["ink"], linewidth=1.2, zorder=1)
        for edge in (-limit, limit):
            axes.axvline(edge, color=LIGHT["quiet"], linewidth=1, linestyle=(0, (4, 3)), zorder=1)
        axes.hlines(rows, table["before"], table["after"], color=LIGHT["grid"], linewidth=1.6, zorder=1)
        looks = [_mark("o", "loss", filled=False), _mark("o", "gain")]
        for name, look in zip(("before", "after"), looks, strict=True):
            axes.plot(table[name], rows, **look, zorder=3)
        _rows(axes, table["row"])
        value_axis(axes.xaxis, texts)
        axes.set(xlabel=_wrapped(texts.x), ylabel="")
        _legend(canvas, [Line2D([], [], label=key, **look) for key, look in zip(texts.keys, looks, strict=True)])
        return Figure(as_svg(canvas), table, texts.alt, height=height)


def overlap_figure(table: pd.DataFrame, texts: KeyTexts) -> Figure:
    """Clients by propensity score, one panel below the other; a bin that is not shown is marked below its line.

    Parameters
    ----------
    table
        Columns `option`, `left`, `right`, `clients`; missing where few or none, which look alike.
    texts
        Three keys: the options in the order of the table, and what the mark of a bin means.
    """
    options = list(dict.fromkeys(table["option"]))
    with open_panels(310, len(options)) as (canvas, panels):
        for option, title, axes, colour in zip(options, texts.keys, panels, ("quiet", "gain"), strict=False):
            part = table[table["option"] == option]
            there = part["clients"].notna().to_numpy()
            left, width = part["left"].to_numpy(), (part["right"] - part["left"]).to_numpy()
            counts = part["clients"].fillna(0).to_numpy(float)
            axes.bar(
                left[there], counts[there], width[there], align="edge", color=LIGHT[colour], edgecolor=LIGHT["paper"]
            )
            middles = (left + width / 2)[~there]
            if middles.size:
                axes.plot(middles, np.zeros(middles.size), clip_on=False, **_mark("x", "loss", size=5))
            axes.set_title(title, loc="left", fontsize=10.8)
            axes.set(xlim=(0, 1), ylim=(0, max(1.0, 1.06 * counts.max())))
            value_axis(axes.yaxis, texts)
            axes.tick_params(axis="x", labelbottom=axes is panels[-1])
            _grid(axes, "y")
        panels[-1].set_xlabel(_wrapped(texts.x))
        canvas.supylabel(_wrapped(texts.y), fontsize=10.8)
        _legend(canvas, [Line2D([], [], label=texts.keys[-1], **_mark("x", "loss", size=5))])
        return Figure(as_svg(canvas), table, texts.alt, height=310)


def methods_figure(table: pd.DataFrame, texts: KeyTexts, truth: float | None = None) -> Figure:
    """Estimates of one effect by several methods, a row each, with a line where there is none.

    Parameters
    ----------
    table
        Columns `row` (as it is read), `estimate`, `low`, `high`, `kind`: plain, adjusted or bayesian.
    texts
        A key for each kind that occurs, in the order of appearance, then one for the truth where it is given.
    truth
        What is known to be true, or was found by an experiment.

    Raises
    ------
    ValueError
        For an interval that does not hold its estimate.
    """
    if not ((table["low"] <= table["estimate"]) & (table["estimate"] <= table["high"])).all():
        raise ValueError("an interval does not hold its estimate")
    kinds = [str(kind) for kind in dict.fromkeys(table["kind"])]
    height = round(104 + 24 * len(table) + 14 * len(kinds))
    with open_canvas(height) as (canvas, axes):
        axes.axvline(0, color=LIGHT["ink"], linewidth=1.2, zorder=1)
        if truth is not None:
            axes.axvline(truth, color=LIGHT["ink"], linewidth=1.6, linestyle=(0, (4, 3)), zorder=1)
        for number, row in enumerate(table.itertuples()):
            marker, colour, filled = KINDS[str(row.kind)]
            axes.plot([row.low, row.high], [number, number], color=LIGHT[colour], linewidth=2.2, zorder=2)
            axes.plot(row.estimate, number, **_mark(marker, colour, filled=filled, size=7.5), zorder=3)
        _rows(axes, table["row"])
        value_axis(axes.xaxis, texts)
        axes.set(xlabel=_wrapped(texts.x), ylabel="")
        keys = [Line2D([], [], **_mark(*KINDS[k][:2], filled=KINDS[k][2])) for k in kinds]
        if truth is not None:
            keys.append(Line2D([], [], color=LIGHT["ink"], linewidth=1.6, linestyle=(0, (4, 3))))
        for key, label in zip(keys, texts.keys, strict=True):
            key.set_label(label)
        _legend(canvas, keys)
        return Figure(as_svg(canvas), table, texts.alt, height=height)


def event_study_figure(table: pd.DataFrame, texts: AxisTexts) -> Figure:
    """Effects by time since the start: those before it are hollow, and should be none.

    Parameters
    ----------
    table
        Columns `since` (periods; the first with the option is 0), `estimate`, `low`, `high`.
    """
    with open_canvas() as (canvas, axes):
        axes.axhline(0, color=LIGHT["ink"], linewidth=1.2, zorder=1)
        axes.axvline(-0.5, color=LIGHT["quiet"], linewidth=1.2, linestyle=(0, (4, 3)), zorder=1)
        for after, colour in ((False, "quiet"), (True, "gain")):
            part = table[(table["since"] >= 0) == after]
            axes.vlines(part["since"], part["low"], part["high"], color=LIGHT[colour], linewidth=2.2, zorder=2)
            axes.plot(part["since"], part["estimate"], **_mark("o", colour, filled=after), zorder=3)
        value_axis(axes.yaxis, texts)
        axes.set(xlabel=_wrapped(texts.x), ylabel=_wrapped(texts.y))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
        _grid(axes, "y")
        return Figure(as_svg(canvas), table, texts.alt)


def series_figure(table: pd.DataFrame, texts: KeyTexts) -> Figure:
    """A series with its fitted path, and from the interruption on the path without it.

    Parameters
    ----------
    table
        Columns `period` (numbers or texts, in order), `observed`, `fitted`, and `counterfactual`, `low`, `high`,
        missing before the interruption.
    texts
        Three keys: observed, fitted, and what would have come.
    """
    at, after = np.arange(len(table)), table["counterfactual"].notna().to_numpy()
    start = int(after.argmax())
    with open_canvas(286) as (canvas, axes):
        axes.axvline(start - 0.5, color=LIGHT["quiet"], linewidth=1.2, linestyle=(0, (4, 3)), zorder=1)
        axes.fill_between(
            at[after], table["low"][after], table["high"][after], color=LIGHT["loss"], alpha=0.18, linewidth=0
        )
        looks: list[dict[str, Any]] = [
            _mark("o", "quiet", size=4),
            {"color": LIGHT["gain"], "linewidth": 2.4},
            {"color": LIGHT["loss"], "linewidth": 2.2, "linestyle": (0, (5, 2))},
        ]
        axes.plot(at, table["observed"], **looks[0], zorder=2)
        for part in (~after, after):
            axes.plot(at[part], table["fitted"][part], **looks[1], zorder=4)
        axes.plot(at[after], table["counterfactual"][after], **looks[2], zorder=3)
        value_axis(axes.yaxis, texts)
        axes.set(xlabel=_wrapped(texts.x), ylabel=_wrapped(texts.y))
        shown = np.unique(np.linspace(0, len(table) - 1, min(len(table), 5)).round().astype(int))
        axes.xaxis.set_major_locator(FixedLocator(shown.tolist()))
        axes.set_xticklabels([str(table["period"].iloc[i]) for i in shown])
        _grid(axes, "y")
        _legend(canvas, [Line2D([], [], label=key, **look) for key, look in zip(texts.keys, looks, strict=True)])
        return Figure(as_svg(canvas), table, texts.alt, height=286)


def surface_figure(table: pd.DataFrame, texts: KeyTexts) -> Figure:
    """A saving by how common and how harmful a confounder is, with the line where it turns into a loss.

    Parameters
    ----------
    table
        Columns `difference`, `ratio`, `mean` (EUR); missing where there is no such confounder.
    texts
        Three keys: a saving, a loss, and the line between them. `value` writes a difference, `amount` euros; `sides`
        say where the confounder is more common.

    Raises
    ------
    ValueError
        When all values are missing.
    """
    wide = table.pivot(index="ratio", columns="difference", values="mean")
    x, y, z = wide.columns.to_numpy(float), wide.index.to_numpy(float), np.ma.masked_invalid(wide.to_numpy(float))
    if z.mask.all():
        raise ValueError("every value is missing")
    levels = MaxNLocator(nbins=8, steps=[1, 2, 2.5, 5, 10]).tick_values(min(0.0, z.min()), max(0.0, z.max()))
    largest = float(np.abs(levels).max())
    with open_canvas(320) as (canvas, axes):
        for low, high in pairwise(levels):
            middle = (low + high) / 2
            colour, depth = LIGHT["gain" if middle > 0 else "loss"], 0.12 + 0.75 * abs(middle) / largest
            axes.contourf(x, y, z, levels=[low, high], colors=[colour], alpha=depth)
        lines = axes.contour(
            x, y, z, levels=levels, colors=[LIGHT["ink"]], linewidths=[2.4 if v == 0 else 0.6 for v in levels]
        )
        axes.clabel(lines, fmt=FuncFormatter(lambda euros, _: texts.amount(euros)), fontsize=SMALL)
        value_axis(axes.xaxis, texts)
        axes.set(xlabel=_wrapped(texts.x), ylabel=_wrapped(texts.y))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda ratio, _: f"{ratio:g}"))
        for side, text in zip(("left", "right"), texts.sides or (), strict=False):
            arrowed = f"← {text}" if side == "left" else f"{text} →"
            axes.set_title(arrowed, loc=side, fontsize=SMALL, color=LIGHT["quiet"])
        keys = [
            Patch(facecolor=LIGHT["gain"], alpha=0.55, label=texts.keys[0]),
            Patch(facecolor=LIGHT["loss"], alpha=0.55, label=texts.keys[1]),
            Line2D([], [], color=LIGHT["ink"], linewidth=2.2, label=texts.keys[2]),
        ]
        _legend(canvas, keys)
        return Figure(as_svg(canvas), table, texts.alt, height=320)


# --- parts ----------------------------------------------------------------------------------------


def _wrapped(name: str) -> str:
    """The name of an axis, on lines that its figure has room for."""
    return textwrap.fill(name, 34)


def _mark(marker: str, colour: str, filled: bool = True, size: float = 6.5) -> dict[str, Any]:
    """How a marker without a line is drawn."""
    inside = LIGHT[colour] if filled else LIGHT["paper"]
    return {
        "marker": marker, "markersize": size, "markerfacecolor": inside, "markeredgecolor": LIGHT[colour],
        "markeredgewidth": 1.5, "linestyle": "none",
    }  # fmt: skip


def _rows(axes: Any, names: pd.Series) -> None:
    """A row for each name, the first on top."""
    axes.set_yticks(range(len(names)), [str(name) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    _grid(axes, "x")


def _grid(axes: Any, axis: str) -> None:
    axes.grid(axis=axis, color=LIGHT["grid"], linewidth=0.8)
    axes.set_axisbelow(True)


def _legend(canvas: Any, keys: list[Any]) -> None:
    canvas.legend(
        handles=keys, loc="outside lower left", ncols=1 if len(keys) > 2 else len(keys), frameon=False, fontsize=SMALL,
        handlelength=1.8, columnspacing=1.4, labelspacing=0.35, borderaxespad=0.2,
    )  # fmt: skip
