"""Figures of a budget: who is given what, what more money gives, how the years go, and what is lost by not knowing.

The budget divided beforehand is an open square or a broken line, the lump sum a filled circle or a whole one: the two
are told apart without colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from costeff.report.figures import LIGHT, Figure, as_svg, open_canvas, open_panels, value_axis, with_zero
from costeff.report.model_figures import SMALL, legend, legend_height
from costeff.report.outcome_figures import BROKEN, FILLED, OPEN, KeyedTexts

LOOKS: dict[str, dict[str, Any]] = {"divided": OPEN, "lump_sum": FILLED}
LINES: dict[str, dict[str, Any]] = {
    "divided": {"color": LIGHT["quiet"], "linewidth": 2.2, "linestyle": BROKEN},
    "lump_sum": {"color": LIGHT["gain"], "linewidth": 2.4, "linestyle": "-"},
}
MOVED: dict[str, Any] = {
    "marker": "D",
    "color": LIGHT["loss"],
    "markerfacecolor": LIGHT["loss"],
    "markeredgewidth": 1.4,
}
ROW = 38  # height of a row with its name above it, in points


def allocation_figure(table: pd.DataFrame, texts: KeyedTexts) -> Figure:
    """What each service is given, before and after: two dots a service, and the limits between which they lie.

    Parameters
    ----------
    table
        Columns `service` (as it is read), `divided`, `lump_sum`, `floor`, `cap` (money a year).
    texts
        Three keys: the divided budget, the lump sum, what lies between floor and cap. `value` writes money.

    Raises
    ------
    ValueError
        When the table is empty or a value is missing, or a service lies outside its limits.
    """
    _check(table, ["divided", "lump_sum", "floor", "cap"])
    slack = 1e-6 * float(table["cap"].max())
    for name in LOOKS:
        if not ((table["floor"] - slack <= table[name]) & (table[name] <= table["cap"] + slack)).all():
            raise ValueError("a service is given less than its floor or more than its cap")
    keys = [*_markers(texts.keys), Line2D([], [], color=LIGHT["grid"], linewidth=7, label=texts.keys[2])]
    return _rows_figure(table, "service", texts, keys, limits=True)


def regret_figure(table: pd.DataFrame, texts: KeyedTexts) -> Figure:
    """What each funding model loses against knowing what comes, and what of it could be had by moving money.

    Parameters
    ----------
    table
        Columns `row` (as it is read), `divided`, `lump_sum`, `flexibility`, all on one scale and 0 or more.
    texts
        Three keys: the loss of the divided budget, that of the lump sum, what moving money is worth.

    Raises
    ------
    ValueError
        When the table is empty, or a value is missing or below 0.
    """
    names = [*LOOKS, "flexibility"]
    _check(table, names)
    if (table[names] < 0).to_numpy().any():
        raise ValueError("a loss against knowing is never below 0")
    keys = [*_markers(texts.keys), Line2D([], [], label=texts.keys[2], linestyle="none", markersize=6.5, **MOVED)]
    return _rows_figure(table, "row", texts, keys, extra="flexibility")


def response_figure(table: pd.DataFrame, given: pd.DataFrame, texts: KeyedTexts) -> Figure:
    """What a service would give for its money: a panel a service with the interval, and where the two models stand.

    Services change different things, so each panel has its own scale.

    Parameters
    ----------
    table
        Columns `service` (as it is read, in the order of appearance), `money` (a year), `mean`, `low`, `high`.
    given
        Columns `service`, `divided`, `lump_sum` (money a year, in the same unit).
    texts
        Three keys: the divided budget, the lump sum, the interval. `value` writes money, `count` what is gained.

    Raises
    ------
    ValueError
        When a table is empty or lacks a value, an interval ends before it begins, or a service has a curve and
        no money, or money and no curve.
    """
    _check_interval(table)
    _check(given, list(LOOKS))
    services = list(dict.fromkeys(table["service"]))
    if set(services) != set(given["service"]):
        raise ValueError("a service has a curve and no money, or money and no curve")
    keys = [*_markers(texts.keys), Patch(facecolor=LIGHT["gain"], alpha=0.22, label=texts.keys[2])]
    height = 48 + 88 * len(services) + legend_height(keys)
    with open_panels(height, len(services)) as (canvas, panels):
        canvas.suptitle(texts.y, x=0.02, ha="left", fontsize=10.8, color=LIGHT["quiet"])
        for service, axes in zip(services, panels, strict=True):
            part = table[table["service"] == service].sort_values("money")
            axes.fill_between(part["money"], part["low"], part["high"], color=LIGHT["gain"], alpha=0.22, linewidth=0)
            axes.plot(part["money"], part["mean"], color=LIGHT["gain"], linewidth=2)
            for model, look in LOOKS.items():
                money = given.loc[given["service"] == service, model].to_numpy(float)
                axes.plot(
                    money, np.interp(money, part["money"], part["mean"]), linestyle="none", markersize=6.5, **look
                )
            axes.set(xlim=(0, float(table["money"].max())), ylim=with_zero(part[["low", "high"]].stack()))
            axes.set_title(str(service), loc="left", fontsize=SMALL)
            value_axis(axes.xaxis, texts)
            _own_scale(axes, texts)
            axes.tick_params(axis="x", labelbottom=axes is panels[-1])
            _zero(axes, part["low"])
        panels[-1].set_xlabel(texts.x)
        legend(canvas, keys)
        return Figure(as_svg(canvas), table, texts.alt, height=height)


def years_figure(table: pd.DataFrame, texts: KeyedTexts) -> Figure:
    """Both funding models year by year, with their intervals: a panel for each thing told, on its own scale.

    Parameters
    ----------
    table
        Columns `panel` (as it is read, in the order of appearance), `model` (divided, lump_sum), `year`, `mean`,
        `low`, `high`.
    texts
        Two keys: the divided budget, the lump sum. `count` writes values.

    Raises
    ------
    ValueError
        When the table is empty or lacks a value, an interval ends before it begins, or a model is unknown.
    """
    _check_interval(table)
    if unknown := set(table["model"]) - set(LINES):
        raise ValueError(f"{sorted(unknown)} are no funding models: they are {', '.join(LINES)}")
    panels_of = list(dict.fromkeys(table["panel"]))
    keys = [
        Line2D([], [], label=key, markersize=5, **look, **_dot(LOOKS[name]))
        for (name, look), key in zip(LINES.items(), texts.keys[:2], strict=True)
    ]
    height = 48 + 92 * len(panels_of) + legend_height(keys)
    with open_panels(height, len(panels_of)) as (canvas, panels):
        canvas.suptitle(texts.y, x=0.02, ha="left", fontsize=10.8, color=LIGHT["quiet"])
        for panel, axes in zip(panels_of, panels, strict=True):
            of = table[table["panel"] == panel]
            for model, look in LINES.items():
                part = of[of["model"] == model].sort_values("year")
                _band(axes, part, model)
                axes.plot(part["year"], part["mean"], markersize=5, **look, **_dot(LOOKS[model]))
            axes.set_title(str(panel), loc="left", fontsize=SMALL)
            axes.set_ylim(with_zero(of[["low", "high"]].stack()))
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda year, _: f"{year:.0f}"))
            _own_scale(axes, texts)
            axes.tick_params(axis="x", labelbottom=axes is panels[-1])
            _zero(axes, of["low"])
        panels[-1].set_xlabel(texts.x)
        legend(canvas, keys)
        return Figure(as_svg(canvas), table, texts.alt, height=height)


# --- parts ----------------------------------------------------------------------------------------


def _rows_figure(
    table: pd.DataFrame, named: str, texts: KeyedTexts, keys: Sequence[Any], *, limits: bool = False, extra: str = ""
) -> Figure:
    """Two dots a row and the way from one to the other, the name of the row above them."""
    rows = np.arange(len(table))
    height = round(62 + ROW * len(table) + legend_height(keys))
    with open_canvas(height) as (canvas, axes):
        if limits:
            axes.hlines(rows, table["floor"], table["cap"], color=LIGHT["grid"], linewidth=7, zorder=1)
        axes.hlines(rows, table["divided"], table["lump_sum"], color=LIGHT["ink"], linewidth=1.4, zorder=2)
        for name, look in LOOKS.items():
            axes.plot(table[name], rows, linestyle="none", markersize=7, zorder=3, **look)
        if extra:
            axes.plot(table[extra], rows, linestyle="none", markersize=6, zorder=3, **MOVED)
        drawn = [*LOOKS, *(["cap"] if limits else []), *([extra] if extra else [])]
        highest = float(table[drawn].to_numpy().max()) or 1.0
        for row, name in enumerate(table[named]):
            axes.text(0, row - 0.26, str(name), ha="left", va="bottom", fontsize=SMALL)
        axes.set(xlim=(-0.02 * highest, 1.04 * highest), ylim=(len(table) - 0.6, -0.85), xlabel=texts.x, ylabel="")
        axes.set_title(texts.y, loc="left", fontsize=10.8, color=LIGHT["quiet"])
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", left=False, labelleft=False)
        value_axis(axes.xaxis, texts)
        axes.grid(axis="x", color=LIGHT["grid"], linewidth=0.8)
        axes.set_axisbelow(True)
        legend(canvas, keys)
        return Figure(as_svg(canvas), table, texts.alt, height=height)


def _check(table: pd.DataFrame, columns: list[str]) -> None:
    if table.empty:
        raise ValueError("there is nothing to draw")
    if not np.isfinite(table[columns].to_numpy(float)).all():
        raise ValueError("a value is missing or infinite")


def _check_interval(table: pd.DataFrame) -> None:
    _check(table, ["mean", "low", "high"])
    slack = 1e-9 * table[["mean", "low", "high"]].abs().max().max()
    if not (table["low"] <= table["high"] + slack).all():
        raise ValueError("an interval ends before it begins")


def _markers(keys: Sequence[str]) -> list[Line2D]:
    looks = zip(LOOKS.values(), keys[:2], strict=True)
    return [Line2D([], [], label=key, linestyle="none", markersize=7, **look) for look, key in looks]


def _dot(look: dict[str, Any]) -> dict[str, Any]:
    """A marker on a line, whose colour is that of the line."""
    return {name: value for name, value in look.items() if name != "color"}


def _band(axes: Any, part: pd.DataFrame, model: str) -> None:
    """An interval over the years: filled for the lump sum, its edges for the divided budget, so that both are seen."""
    if model == "lump_sum":
        axes.fill_between(part["year"], part["low"], part["high"], color=LIGHT["gain"], alpha=0.2, linewidth=0)
    else:
        for end in ("low", "high"):
            axes.plot(part["year"], part[end], color=LIGHT["quiet"], linewidth=1.1, linestyle=BROKEN, zorder=2)


def _own_scale(axes: Any, texts: KeyedTexts) -> None:
    axes.yaxis.set_major_locator(MaxNLocator(nbins=3, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: texts.count(value)))
    axes.grid(axis="y", color=LIGHT["grid"], linewidth=0.8)
    axes.set_axisbelow(True)


def _zero(axes: Any, lowest: pd.Series) -> None:
    if (lowest < 0).any():
        axes.axhline(0, color=LIGHT["ink"], linewidth=1.2, zorder=1)
