"""Figures of a model from inside: where clients are over time, cash by payer and year, what a cost is made of.

Parts of a whole are told apart by a scale that runs from pale to deep, by their
order, and by a gap between them: they can be told apart in grey.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from costeff.report.figures import (
    LIGHT,
    STEPS,
    AxisTexts,
    Figure,
    as_svg,
    open_canvas,
    open_panels,
    value_axis,
    with_zero,
)

SMALL, LINE = 9.6, 13.0  # letters of labels and legends, and the height of a line, in points
WRAP = 19  # letters of a label on one line
PAPER = {"facecolor": LIGHT["paper"], "edgecolor": "none", "pad": 0.8}
HALO = {"markeredgecolor": LIGHT["paper"], "markeredgewidth": 1.2, "linestyle": "none"}


@dataclass(frozen=True)
class CashTexts(AxisTexts):
    """What a cash figure says more: the line, its lowest point, and the year it is above zero for good."""

    total: str = ""
    lowest: str = ""
    back: str = ""


def occupancy_figure(table: pd.DataFrame, texts: AxisTexts) -> Figure:
    """Shares of clients by state over time as stacked areas, one panel for each option.

    Parameters
    ----------
    table
        Columns `option`, `time` (years from the start), `state`, `share`; options and states as they are
        read, in the order of appearance. At each time the shares of an option sum to one.
    texts
        `value` writes a share.

    Raises
    ------
    ValueError
        Shares that are missing or do not sum to one, or more states than can be told apart.
    """
    options, states = list(dict.fromkeys(table["option"])), list(dict.fromkeys(table["state"]))
    labels = [_folded(str(state)) for state in states]
    lines = sum(label.count("\n") + 1 for label in labels)
    height = round(70 + len(options) * (24 + max(104.0, LINE * lines + 4)))
    shades = colours(len(states))
    with open_panels(height, len(options)) as (canvas, panels):
        tight(canvas)
        canvas.suptitle(texts.y, x=0.02, ha="left", fontsize=10.8, color=LIGHT["quiet"])
        for option, axes in zip(options, panels, strict=True):
            wide = _shares(table[table["option"] == option], states)
            axes.stackplot(wide.index, wide.to_numpy().T, colors=shades, edgecolor=LIGHT["paper"], linewidth=0.9)
            axes.set(xlim=(wide.index[0], wide.index[-1]), ylim=(0, 1))
            axes.set_title(str(option), loc="left", fontsize=10.8)
            axes.yaxis.set_major_locator(MaxNLocator(nbins=2))
            axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: texts.value(share)))
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
            axes.tick_params(axis="x", labelbottom=axes is panels[-1])
            _name_bands(canvas, axes, wide.iloc[-1].to_numpy(), labels, shades)
        panels[-1].set_xlabel(texts.x)
        return Figure(as_svg(canvas), table, texts.alt, height=height)


def cash_figure(table: pd.DataFrame, texts: CashTexts, payback: float | None = None) -> Figure:
    """Cash by year and payer as stacked bars, savings up and costs down, with the running total of all payers.

    Parameters
    ----------
    table
        Columns `year`, `payer` (as it is read), `euros` (a saving above 0, a cost below); a payer without a row
        in a year has no money in it.
    payback
        The year the money is back, None if it is not.
    """
    payers = list(dict.fromkeys(table["payer"]))
    wide = _euros(table, "year", "payer", payers).sort_index()
    total = wide.sum(axis=1).cumsum()
    shades = colours(len(payers))
    keys: list[Any] = [Patch(facecolor=colour, label=str(payer)) for payer, colour in zip(payers, shades, strict=True)]
    keys.append(Line2D([], [], color=LIGHT["ink"], linewidth=2.2, label=texts.total))
    trough = total.idxmin()
    if total[trough] < 0:
        keys.append(Line2D([], [], color=LIGHT["loss"], marker="v", label=f"{texts.lowest}: {trough}", **_mark(8)))
    if payback is not None and payback in total.index:
        keys.append(Line2D([], [], color=LIGHT["gain"], marker="o", label=f"{texts.back}: {payback:.0f}", **_mark(8)))
    height = 236 + legend_height(keys)
    with open_canvas(height) as (canvas, axes):
        _stack(axes.bar, wide, shades, {"width": 0.76}, "bottom")
        axes.axhline(0, color=LIGHT["ink"], linewidth=1.2, zorder=3)
        axes.plot(total.index, total, color=LIGHT["paper"], linewidth=5, zorder=4)
        axes.plot(total.index, total, color=LIGHT["ink"], linewidth=2.2, zorder=5)
        for key in keys[len(payers) + 1 :]:
            year = trough if key.get_marker() == "v" else payback
            axes.plot(year, total[year], marker=key.get_marker(), color=key.get_color(), zorder=6, **_mark(10))
        stacks = pd.concat([total, wide.clip(lower=0).sum(axis=1), wide.clip(upper=0).sum(axis=1)])
        axes.set_ylim(*with_zero(stacks))
        value_axis(axes.yaxis, texts)
        axes.set_title(texts.y, loc="left", fontsize=10.8, color=LIGHT["quiet"])
        axes.set(xlabel=texts.x, ylabel="")
        axes.set_xlim(total.index[0] - 0.6, total.index[-1] + 0.6)
        axes.xaxis.set_major_locator(
            MaxNLocator(integer=True, nbins=6) if len(total) > 6 else FixedLocator(total.index)
        )
        axes.xaxis.set_major_formatter(FuncFormatter(lambda year, _: f"{year:.0f}"))
        axes.grid(axis="y", color=LIGHT["grid"], linewidth=0.8)
        axes.set_axisbelow(True)
        legend(canvas, keys)
        return Figure(as_svg(canvas), table, texts.alt, height=height)


def composition_figure(table: pd.DataFrame, texts: AxisTexts) -> Figure:
    """What a cost is made of: a bar for each case, its components side by side, what is below zero to the left.

    Parameters
    ----------
    table
        Columns `case`, `component` (both as they are read, in the order of appearance), `euros`; a component
        without a row in a case has no money in it. The sum of a case stands beside its name.
    """
    cases, components = list(dict.fromkeys(table["case"])), list(dict.fromkeys(table["component"]))
    wide = _euros(table, "case", "component", components).loc[cases]
    sums = wide.sum(axis=1)
    shades = colours(len(components))
    keys = [Patch(facecolor=colour, label=str(name)) for name, colour in zip(components, shades, strict=True)]
    names = [textwrap.fill(str(case), 2 * WRAP) for case in cases]
    row_height = 32 + 14 * max(name.count("\n") + 1 for name in names)  # points: a bar, and its name above it
    height = 66 + row_height * len(cases) + legend_height(keys)
    with open_canvas(height) as (canvas, axes):
        drawn = wide.set_axis(range(len(cases)))
        _stack(axes.barh, drawn, shades, {"height": 24 / row_height}, "left")
        for row, (case, name) in enumerate(zip(cases, names, strict=True)):
            place: dict[str, Any] = {
                "transform": axes.get_yaxis_transform(),
                "va": "bottom",
                "zorder": 4,
                "bbox": PAPER,
            }
            axes.text(0, row - 14 / row_height, name, ha="left", **place)
            axes.text(1, row - 14 / row_height, texts.value(sums[case]), ha="right", **place)
        axes.axvline(0, color=LIGHT["ink"], linewidth=1.4, zorder=3)
        axes.set_ylim(len(cases) - 1 + 18 / row_height, -1 + 14 / row_height)
        axes.set_xlim(*with_zero(pd.concat([wide.clip(lower=0).sum(axis=1), wide.clip(upper=0).sum(axis=1)])))
        value_axis(axes.xaxis, texts)
        axes.set(xlabel=texts.x, ylabel="")
        axes.set_title(texts.y, loc="left", fontsize=10.8, color=LIGHT["quiet"])
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0, labelleft=False)
        axes.grid(axis="x", color=LIGHT["grid"], linewidth=0.8)
        axes.set_axisbelow(True)
        legend(canvas, keys)
        return Figure(as_svg(canvas), table, texts.alt, height=height)


# --- tables ---------------------------------------------------------------------------------------


def _shares(part: pd.DataFrame, states: Sequence[Any]) -> pd.DataFrame:
    wide = part.pivot(index="time", columns="state", values="share").reindex(columns=states).sort_index()
    if wide.isna().to_numpy().any():
        raise ValueError("a share is missing: each option needs every state at every time")
    if not np.allclose(wide.sum(axis=1), 1, atol=0.005):
        raise ValueError("the shares of an option do not sum to one at each time")
    return wide


def _euros(table: pd.DataFrame, rows: str, columns: str, order: Sequence[Any]) -> pd.DataFrame:
    if not np.isfinite(table["euros"]).all():
        raise ValueError("an amount is missing or not finite")
    return table.pivot(index=rows, columns=columns, values="euros").reindex(columns=order).fillna(0.0)


# --- drawing --------------------------------------------------------------------------------------


def colours(count: int) -> list[str]:
    """Steps of the scale, as far from each other as their number allows."""
    if count > len(STEPS):
        raise ValueError(f"{count} parts cannot be told apart: join some, so that {len(STEPS)} are left")
    places = np.linspace(0, len(STEPS) - 1, count) if count > 1 else [4]
    return [LIGHT[STEPS[round(place)]] for place in places]


def _mark(size: float) -> dict[str, Any]:
    return {**HALO, "markersize": size}


def _stack(draw: Any, wide: pd.DataFrame, shades: Iterable[str], size: dict[str, float], start: str) -> None:
    """Parts one after the other from zero, those above it one way and those below it the other."""
    up, down = np.zeros(len(wide)), np.zeros(len(wide))
    for name, colour in zip(wide.columns, shades, strict=True):
        values = wide[name].to_numpy()
        shown = values != 0
        begin = np.where(values > 0, up, down)
        draw(
            wide.index[shown], values[shown], color=colour, edgecolor=LIGHT["paper"], linewidth=0.5, zorder=2,
            **{start: begin[shown]}, **size,
        )  # fmt: skip
        up, down = up + values.clip(min=0), down + values.clip(max=0)


def _folded(label: str) -> str:
    """A label on lines of its own; a long word may reach a little further before it is cut."""
    longest = max((len(word) for word in label.split()), default=0)
    return textwrap.fill(label, min(max(WRAP, longest), WRAP + 6))


def _name_bands(canvas: Canvas, axes: Any, ends: np.ndarray, labels: Sequence[str], shades: Sequence[str]) -> None:
    """The name of each band at its right end, moved apart where bands are thin."""
    middles = ends.cumsum() - ends / 2
    beside = axes.get_yaxis_transform()
    texts = [axes.text(1.13, y, label, transform=beside, va="center", fontsize=SMALL, linespacing=1.05)
             for y, label in zip(middles, labels, strict=True)]  # fmt: skip
    canvas.draw_without_rendering()  # the height of a panel is known once all is laid out
    tall = np.array([label.count("\n") + 1 for label in labels]) * LINE / axes.bbox.height
    for text, middle, place, colour in zip(texts, middles, _apart(middles, tall), shades, strict=True):
        text.set_y(place)
        axes.plot([1, 1.06], [middle, place], transform=beside, color=LIGHT["quiet"], linewidth=0.8, clip_on=False)
        axes.plot(1.08, place, "s", transform=beside, color=colour, markersize=7, clip_on=False)


def _apart(wanted: np.ndarray, tall: np.ndarray) -> np.ndarray:
    """Places from 0 to 1, in order, at which labels of these heights do not overlap."""
    gaps = (tall[1:] + tall[:-1]) / 2
    places = wanted.clip(tall[0] / 2, 1 - tall[-1] / 2)
    for n, gap in enumerate(gaps):
        places[n + 1] = max(places[n + 1], places[n] + gap)
    places[-1] = min(places[-1], 1 - tall[-1] / 2)
    for n in range(len(gaps) - 1, -1, -1):
        places[n] = min(places[n], places[n + 1] - gaps[n])
    return places


def tight(canvas: Canvas) -> None:
    """Less air between the parts of a drawing that has many."""
    engine: Any = canvas.get_layout_engine()
    engine.set(h_pad=0.06)


def _columns(keys: Sequence[Any]) -> int:
    return 2 if all(len(key.get_label()) <= WRAP + 3 for key in keys) else 1


def legend_height(keys: Sequence[Any]) -> int:
    """Room that `legend` takes, in points."""
    lines = [_wrapped(key).count("\n") + 1 for key in keys]
    count = sum(lines) if _columns(keys) == 1 else -(-len(lines) // 2)
    return round(count * (LINE + 2.5)) + 8


def _wrapped(key: Any) -> str:
    return textwrap.fill(key.get_label(), 2 * WRAP + 8)


def legend(canvas: Canvas, keys: Sequence[Any]) -> None:
    """The keys of a drawing below it, in one column or two, as their labels allow."""
    tight(canvas)
    canvas.legend(
        handles=keys, labels=[_wrapped(key) for key in keys], loc="outside lower left", ncols=_columns(keys),
        frameon=False, fontsize=SMALL, handlelength=1.2, handleheight=0.9, columnspacing=1.2, labelspacing=0.35,
        borderaxespad=0.2,
    )  # fmt: skip
