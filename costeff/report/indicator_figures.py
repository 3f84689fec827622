"""Figures of indicators and profiles: what services are measured by, and shares of counties with their intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.patches import Patch

from costeff.report.figures import LIGHT, AxisTexts, Figure, as_svg, open_canvas, value_axis
from costeff.report.model_figures import legend, legend_height
from costeff.report.outcome_figures import KeyedTexts

HATCH = "////"
ROW = 38  # points of height a row, its name above what is drawn


def kinds_figure(table: pd.DataFrame, texts: KeyedTexts) -> Figure:
    """How many quantities and effects there are by service: quantities left of zero, effects right of it.

    Those of which cells can be made are filled; the others are hatched, so that neither is told by colour alone.

    Parameters
    ----------
    table
        Columns `service` (as it is read, in the order of appearance), `kind` ("quantity" or "effect"), `made`
        (whether cells can be made of it) and `indicators` (how many).
    texts
        `keys` name quantities made and not made, then effects made and not made.

    Raises
    ------
    ValueError
        For another kind, or a number below 0.
    """
    if not set(table["kind"]) <= {"quantity", "effect"} or (table["indicators"] < 0).any():
        raise ValueError("indicators are numbers of quantities or of effects")
    services = list(dict.fromkeys(table["service"]))
    looks: dict[tuple[str, bool], Any] = {
        (kind, made): {"facecolor": colour if made else LIGHT["paper"], "edgecolor": colour}
        | ({} if made else {"hatch": HATCH})
        for kind, colour in (("quantity", LIGHT["quiet"]), ("effect", LIGHT["gain"]))
        for made in (True, False)
    }  # fmt: skip
    keys = [Patch(**look, label=name) for look, name in zip(looks.values(), texts.keys, strict=True)]
    height = 70 + ROW * len(services) + legend_height(keys)
    with open_canvas(height) as (canvas, axes):
        start = {kind: np.zeros(len(services)) for kind in ("quantity", "effect")}
        for (kind, made), look in looks.items():
            part = table[(table["kind"] == kind) & (table["made"] == made)].groupby("service")["indicators"].sum()
            width = part.reindex(services).fillna(0).to_numpy(float) * (-1 if kind == "quantity" else 1)
            axes.barh(np.arange(len(services)), width, left=start[kind], height=0.42, linewidth=1, **look)
            start[kind] = start[kind] + width
        axes.axvline(0, color=LIGHT["ink"], linewidth=1.2)
        _named(axes, services)
        most = 1.08 * max(float(np.abs(side).max()) for side in start.values())
        axes.set_xlim(-most, most)
        axes.xaxis.set_major_formatter(lambda value, _: texts.count(abs(value)))
        axes.set(xlabel=texts.x, ylabel="")
        axes.set_title(texts.y, loc="left", fontsize=10.8, color=LIGHT["quiet"])
        axes.grid(axis="x", color=LIGHT["grid"], linewidth=0.8)
        axes.set_axisbelow(True)
        legend(canvas, keys)
        return Figure(as_svg(canvas), table, texts.alt, height=height)


def share_intervals_figure(table: pd.DataFrame, texts: AxisTexts) -> Figure:
    """Shares with their intervals, a row each, on an axis from 0 to 1.

    Parameters
    ----------
    table
        Columns `row` (as it is read), `share`, `low`, `high`. A row without a share has nobody who answered, and
        is left out of the drawing.

    Raises
    ------
    ValueError
        For an interval that does not hold its share, or when there is none to draw.
    """
    shown = table.dropna(subset=["share"]).reset_index(drop=True)
    if shown.empty:
        raise ValueError("there is no share to show")
    if not ((shown["low"] <= shown["share"]) & (shown["share"] <= shown["high"])).all():
        raise ValueError("an interval does not hold its share")
    height = 66 + ROW * len(shown)
    with open_canvas(height) as (canvas, axes):
        rows = np.arange(len(shown))
        axes.hlines(rows, shown["low"], shown["high"], color=LIGHT["gain"], linewidth=2.4)
        axes.plot(shown["share"], rows, linestyle="none", marker="o", markersize=7, color=LIGHT["gain"])
        _named(axes, [str(row) for row in shown["row"]])
        axes.set_xlim(-0.01, 1.01)
        value_axis(axes.xaxis, texts)
        axes.set(xlabel=texts.x, ylabel="")
        axes.set_title(texts.y, loc="left", fontsize=10.8, color=LIGHT["quiet"])
        axes.grid(axis="x", color=LIGHT["grid"], linewidth=0.8)
        axes.set_axisbelow(True)
        return Figure(as_svg(canvas), table, texts.alt, height=height)


def _named(axes: Any, names: list[str]) -> None:
    """Rows with their names above them, since names of services and questions are long."""
    for number, name in enumerate(names):
        text = name.replace("$", r"\$")
        box = {"facecolor": LIGHT["paper"], "edgecolor": "none", "pad": 0.6}  # no line runs through a name
        axes.text(0, number - 0.3, text, transform=axes.get_yaxis_transform(), fontsize=10, va="bottom", bbox=box)
    axes.set_yticks([])
    axes.set_ylim(len(names) - 0.5, -0.8)
    axes.spines["left"].set_visible(False)
