"""Figures of a fit: raw and estimated, by county, foreseen and observed, survival, shares, ranks of a calibration.

The second option is told from the first by its marker or its line, and not by colour alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from costeff.report.figures import LIGHT, AxisTexts, Figure, as_svg, open_canvas, open_panels, value_axis
from costeff.report.model_figures import LINE, PAPER, SMALL, colours, legend, legend_height, tight

OPEN = {"marker": "s", "color": LIGHT["quiet"], "markerfacecolor": LIGHT["paper"], "markeredgewidth": 1.4}
FILLED = {"marker": "o", "color": LIGHT["gain"], "markerfacecolor": LIGHT["gain"], "markeredgewidth": 1.4}
CLIENTS = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000)
BROKEN = (0, (1.7, 1.0))  # a line whose key has room for two dashes
TOLD_FROM = 0.09  # of a bar: the least share that has room for its figure
BAND = 0.99  # of binomial counts, in which the ranks of a calibrated model fall


@dataclass(frozen=True)
class KeyedTexts(AxisTexts):
    """What a figure with a legend says more: the names of what is drawn, and how a number of clients is written."""

    keys: tuple[str, ...] = ()
    count: Callable[[float], str] = "{:.0f}".format


def shrinkage_figure(table: pd.DataFrame, texts: KeyedTexts) -> Figure:
    """Raw figures and estimates of municipalities by their number of clients, a panel for each option.

    Parameters
    ----------
    table
        Columns `option` (as it is read), `clients`, `raw`, `estimate`, `low`, `high`; a row a municipality. Those
        without a raw figure are left out of the drawing.
    texts
        `keys` name the raw figure and the estimate; `value` writes both.

    Raises
    ------
    ValueError
        When no municipality has a raw figure.
    """
    shown = table.dropna(subset=["clients", "raw"]).astype({"clients": float})
    if shown.empty:
        raise ValueError("no municipality has a raw figure to show")
    options = list(dict.fromkeys(shown["option"]))
    keys = [_key(OPEN, texts.keys[0], 5), _key(FILLED, texts.keys[1], 5)]
    height = 60 + 150 * len(options) + legend_height(keys)
    with open_panels(height, len(options)) as (canvas, panels):
        canvas.suptitle(texts.y, x=0.02, ha="left", fontsize=10.8, color=LIGHT["quiet"])
        for option, axes in zip(options, panels, strict=True):
            part = shown[shown["option"] == option]
            axes.vlines(part["clients"], part["low"], part["high"], color=LIGHT["gain"], alpha=0.3, linewidth=2)
            axes.vlines(part["clients"], part["raw"], part["estimate"], color=LIGHT["quiet"], linewidth=0.7)
            axes.plot(part["clients"], part["raw"], linestyle="none", markersize=4, **OPEN)
            axes.plot(part["clients"], part["estimate"], linestyle="none", markersize=4, **FILLED)
            axes.set_xscale("log")
            axes.set(xlim=(shown["clients"].min() / 1.15, shown["clients"].max() * 1.15), ylim=_limits(shown))
            axes.set_title(str(option), loc="left", fontsize=10.8)
            axes.xaxis.set_major_locator(FixedLocator(_ticks(shown["clients"])))
            axes.xaxis.set_minor_locator(NullLocator())
            axes.xaxis.set_major_formatter(FuncFormatter(lambda n, _: texts.count(n)))
            axes.tick_params(axis="x", labelbottom=axes is panels[-1])
            value_axis(axes.yaxis, texts)
            _grid(axes, "y")
        panels[-1].set_xlabel(texts.x)
        legend(canvas, keys)
        return Figure(as_svg(canvas), table, texts.alt, height=height)


def county_figure(table: pd.DataFrame, texts: AxisTexts) -> Figure:
    """An estimate with its interval for each county, both options beside each other.

    A difference between the options is one row a county in `forest_figure`.

    Parameters
    ----------
    table
        Columns `county`, `option` (both as they are read, in the order of appearance), `mean`, `low`, `high`.

    Raises
    ------
    ValueError
        For more than two options, or an interval that does not hold its mean.
    """
    counties, styles = list(dict.fromkeys(table["county"])), _two(table["option"])
    if not ((table["low"] <= table["mean"]) & (table["mean"] <= table["high"])).all():
        raise ValueError("an interval does not hold its mean")
    keys = [_key(style, name, 6.5) for name, style in styles.items()]
    height = 66 + (16 + 10 * len(styles)) * len(counties) + legend_height(keys)
    with open_canvas(height) as (canvas, axes):
        for number, (option, style) in enumerate(styles.items()):
            part = table[table["option"] == option]
            rows = np.array([counties.index(county) for county in part["county"]])
            rows = rows + 0.3 * (number - (len(styles) - 1) / 2)
            axes.hlines(rows, part["low"], part["high"], color=style["color"], linewidth=2.2)
            axes.plot(part["mean"], rows, linestyle="none", markersize=6.5, **style)
        axes.set_yticks(range(len(counties)), [str(county) for county in counties])
        axes.set_ylim(len(counties) - 0.4, -0.6)
        value_axis(axes.xaxis, texts)
        axes.set(xlabel=texts.x, ylabel="")
        axes.set_title(texts.y, loc="left", fontsize=10.8, color=LIGHT["quiet"])
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        _grid(axes, "x")
        legend(canvas, keys)
        return Figure(as_svg(canvas), table, texts.alt, height=height)


def predictive_figure(
    table: pd.DataFrame, observed: Mapping[str, float], texts: KeyedTexts, mass: float = 0.9
) -> Figure:
    """What a model foresees, before or after the data, and what was observed: a panel a row, on one axis.

    Parameters
    ----------
    table
        Columns `row` (as it is read, in the order of appearance) and `value`: equally likely replications.
    observed
        Row -> what was observed.
    texts
        `keys` name the replications and the observed.

    Returns
    -------
    Figure
        Its table: row, observed, low, median, high of the replications, an interval of probability `mass`.
    """
    rows = list(dict.fromkeys(table["row"]))
    every = np.append(table["value"].to_numpy(float), [observed[row] for row in rows])
    edges = np.linspace(every.min(), every.max(), 41) if np.ptp(every) else every[0] + np.array([-0.5, 0.5])
    keys: list[Any] = [Patch(facecolor=LIGHT["step2"], label=texts.keys[0])]
    keys.append(Line2D([], [], color=LIGHT["loss"], linewidth=2.4, label=texts.keys[1]))
    height = 56 + 62 * len(rows) + legend_height(keys)
    with open_panels(height, len(rows)) as (canvas, panels):
        for row, axes in zip(rows, panels, strict=True):
            axes.hist(table.loc[table["row"] == row, "value"], edges, color=LIGHT["step2"])
            axes.axvline(observed[row], color=LIGHT["loss"], linewidth=2.4)
            axes.set_title(str(row), loc="left", fontsize=10.8)
            axes.tick_params(axis="y", left=False, labelleft=False)
            axes.spines["left"].set_visible(False)
            value_axis(axes.xaxis, texts)
            axes.tick_params(axis="x", labelbottom=axes is panels[-1])
            axes.set_xlim(edges[0], edges[-1])
        panels[-1].set_xlabel(texts.x)
        legend(canvas, keys)
        told = table.groupby("row", sort=False)["value"].quantile([(1 - mass) / 2, 0.5, (1 + mass) / 2]).unstack()
        told = told.set_axis(["low", "median", "high"], axis=1).rename_axis("row").reset_index()
        told.insert(1, "observed", [observed[row] for row in told["row"]])
        return Figure(as_svg(canvas), told, texts.alt, height=height)


def survival_figure(table: pd.DataFrame, texts: AxisTexts) -> Figure:
    """The share of clients without the event over time, a line for each option with its interval.

    Parameters
    ----------
    table
        Columns `option` (as it is read, the comparator first), `time` (from 0), `mean`, `low`, `high`: shares.

    Raises
    ------
    ValueError
        For more than two options, a line that does not start from all clients at time 0, or one that rises.
    """
    styles = _two(table["option"])
    keys = []
    with open_canvas(250 + 20 * len(styles)) as (canvas, axes):
        for number, (option, style) in enumerate(styles.items()):
            part = table[table["option"] == option].sort_values("time")
            mean = part["mean"].to_numpy()
            if part["time"].iloc[0] != 0 or mean[0] != 1:
                raise ValueError("a line does not start from all clients at time 0")
            if (np.diff(mean) > 1e-9).any():
                raise ValueError("a share without the event rises")
            line = {"color": style["color"], "linewidth": 2.4, "linestyle": (BROKEN, "-")[number]}
            axes.fill_between(part["time"], part["low"], part["high"], color=style["color"], alpha=0.18, linewidth=0)
            axes.plot(part["time"], mean, zorder=3, **line)
            keys.append(Line2D([], [], label=str(option), **line))
        axes.set(ylim=(0, 1.02), xlim=(0, table["time"].max()), xlabel=texts.x, ylabel="")
        axes.set_title(texts.y, loc="left", fontsize=10.8, color=LIGHT["quiet"])
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 3, 5, 10]))
        value_axis(axes.yaxis, texts)
        _grid(axes, "y")
        legend(canvas, keys)
        return Figure(as_svg(canvas), table, texts.alt, height=250 + 20 * len(styles))


def shares_figure(table: pd.DataFrame, texts: AxisTexts) -> Figure:
    """How clients divide into parts, such as ends or answers: a bar for each case, its parts from left to right.

    Parameters
    ----------
    table
        Columns `case`, `part` (both as they are read, in the order of appearance), `share`; those of a case sum
        to one.

    Raises
    ------
    ValueError
        Shares that are missing, below 0 or do not sum to one, or more parts than can be told apart.
    """
    cases, parts = list(dict.fromkeys(table["case"])), list(dict.fromkeys(table["part"]))
    wide = table.pivot(index="case", columns="part", values="share").reindex(index=cases, columns=parts)
    if not (wide >= 0).to_numpy().all():
        raise ValueError("a share is missing or below 0")
    if not np.allclose(wide.sum(axis=1), 1, atol=0.005):
        raise ValueError("the shares of a case do not sum to one")
    shades = colours(len(parts))
    keys = [Patch(facecolor=colour, label=str(name)) for name, colour in zip(parts, shades, strict=True)]
    height = round(66 + 44 * len(cases) + legend_height(keys))
    with open_canvas(height) as (canvas, axes):
        tight(canvas)
        begin = np.zeros(len(cases))
        for part, colour in zip(parts, shades, strict=True):
            share = wide[part].to_numpy()
            axes.barh(range(len(cases)), share, left=begin, height=0.56, color=colour, edgecolor=LIGHT["paper"])
            for row in np.flatnonzero(share >= TOLD_FROM):
                place = begin[row] + share[row] / 2, row
                axes.text(*place, texts.value(share[row]), ha="center", va="center", fontsize=SMALL, bbox=PAPER)
            begin = begin + share
        for number, case in enumerate(cases):
            axes.text(0, number - 0.34, str(case), ha="left", va="bottom")
        axes.set(xlim=(0, 1), ylim=(len(cases) - 0.6, -0.5 - LINE / 44), xlabel=texts.x, ylabel="")
        axes.set_title(texts.y, loc="left", fontsize=10.8, color=LIGHT["quiet"])
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", left=False, labelleft=False)
        value_axis(axes.xaxis, texts)
        legend(canvas, keys)
        return Figure(as_svg(canvas), table, texts.alt, height=height)


def rank_figure(ranks: pd.DataFrame, texts: AxisTexts, bins: int = 20, highest: int = 100) -> Figure:
    """Ranks of the truth among the draws of its fit, over many simulations: level where a model is calibrated.

    Too narrow a posterior gives a bowl, too wide a hill, a biased one a slope. The band holds 99 of 100 bars of a
    calibrated model; a bar outside it has another colour.

    Parameters
    ----------
    ranks
        Columns `parameter` (as it is read, in the order of appearance) and `rank`, from 0 to `highest`.

    Returns
    -------
    Figure
        Its table: parameter, rank_from, rank_to, simulations, low, high: a row a bar, with the band.

    Raises
    ------
    ValueError
        For a rank outside 0 to `highest`.
    """
    from scipy.stats import binom

    if not ranks["rank"].between(0, highest).all():
        raise ValueError(f"a rank is outside 0 to {highest}")
    first = np.ceil(np.linspace(0, highest + 1, bins + 1)).astype(int)  # of each bar, and one past the last
    names = list(dict.fromkeys(ranks["parameter"]))
    told = []
    height = 60 + 72 * len(names)
    with open_panels(height, len(names)) as (canvas, panels):
        tight(canvas)
        canvas.suptitle(texts.y, x=0.02, ha="left", fontsize=10.8, color=LIGHT["quiet"])
        for name, axes in zip(names, panels, strict=True):
            found = ranks.loc[ranks["parameter"] == name, "rank"]
            counts, _ = np.histogram(found, first - 0.5)
            low, high = binom.interval(BAND, len(found), np.diff(first) / (highest + 1))
            shades = [LIGHT["gain" if inside else "loss"] for inside in (low <= counts) & (counts <= high)]
            axes.bar(first[:-1] - 0.5, counts, np.diff(first), align="edge", color=shades, edgecolor=LIGHT["paper"])
            axes.stairs(high, first - 0.5, baseline=low, fill=True, color=LIGHT["quiet"], alpha=0.3, zorder=3)
            axes.set_title(str(name), loc="left", fontsize=SMALL)
            axes.set(xlim=(-0.5, highest + 0.5), ylim=(0, 1.1 * max(counts.max(), high.max(), 1)))
            axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=2))
            axes.tick_params(axis="x", labelbottom=axes is panels[-1])
            bars = {"rank_from": first[:-1], "rank_to": first[1:] - 1, "simulations": counts, "low": low, "high": high}
            told.append(pd.DataFrame({"parameter": name, **bars}))
        panels[-1].set_xlabel(texts.x)
        return Figure(as_svg(canvas), pd.concat(told, ignore_index=True), texts.alt, height=height)


# --- drawing --------------------------------------------------------------------------------------


def _two(options: pd.Series) -> dict[str, dict[str, Any]]:
    """How each option is drawn, the comparator first."""
    names = list(dict.fromkeys(options))
    if len(names) > 2:
        raise ValueError(f"{len(names)} options cannot be told apart: two are compared")
    return dict(zip(names, (OPEN, FILLED), strict=False))


def _key(style: Mapping[str, Any], label: str, size: float) -> Line2D:
    return Line2D([], [], label=str(label), linestyle="none", markersize=size, **style)


def _grid(axes: Any, axis: str) -> None:
    axes.grid(axis=axis, color=LIGHT["grid"], linewidth=0.8)
    axes.set_axisbelow(True)


def _limits(table: pd.DataFrame) -> tuple[float, float]:
    values = table[["raw", "estimate", "low", "high"]]
    low, high = float(values.min().min()), float(values.max().max())
    margin = 0.05 * (high - low or 1.0)
    return low - margin, high + margin


def _ticks(clients: pd.Series) -> Sequence[float]:
    """Round numbers within the data, of which not so many that they would meet."""
    inside = [tick for tick in CLIENTS if clients.min() / 1.15 <= tick <= clients.max() * 1.15]
    return inside[:: -(-len(inside) // 6)] if inside else [float(clients.median())]
