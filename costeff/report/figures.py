"""Figures: a small tidy table and texts in; a drawing, its table and its alt text out.

A drawing is an SVG shown as an image. In an image no script runs and nothing is
fetched; it stays sharp in print, and its few colours are variables, so that it
follows a dark screen. The texts are outlines: it looks the same everywhere, and
the words are carried by the alt text and the table.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Canvas
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, MaxNLocator

# Okabe-Ito blue and vermilion: told apart by all common kinds of colour blindness, and by lightness.
PALETTE = {
    "paper": ("#fffffe", "#171c22"),
    "ink": ("#1a2430", "#e8ecf1"),
    "quiet": ("#5b6875", "#a3afbc"),
    "grid": ("#d9dfe5", "#333d48"),
    "gain": ("#0072b2", "#56b4e9"),
    "loss": ("#c2510c", "#f28e4b"),
    # A scale from pale to deep (on a dark screen from dim to bright): in grey its steps stay apart.
    "step1": ("#d6d0b8", "#434c5a"),
    "step2": ("#dfb56c", "#5d5b7c"),
    "step3": ("#c39a35", "#7c6a8f"),
    "step4": ("#8f9350", "#9488a0"),
    "step5": ("#4d8a76", "#6fb0a4"),
    "step6": ("#2f6a8c", "#a9c27a"),
    "step7": ("#2b4a7e", "#ecca62"),
    "step8": ("#221846", "#fbf0c4"),
}
STEPS = tuple(name for name in PALETTE if name.startswith("step"))
LIGHT = {name: pair[0] for name, pair in PALETTE.items()}
WIDTH, HEIGHT = 350, 245  # points; narrow, so that the letters stay readable on a phone

_STYLE: Any = {
    "svg.hashsalt": "costeff",
    "svg.fonttype": "path",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 10.8,
    "axes.unicode_minus": True,
    "axes.grid": False,
    "axes.edgecolor": LIGHT["quiet"],
    "axes.labelcolor": LIGHT["ink"],
    "axes.facecolor": "none",
    "text.color": LIGHT["ink"],
    "xtick.color": LIGHT["quiet"],
    "ytick.color": LIGHT["quiet"],
    "xtick.labelcolor": LIGHT["ink"],
    "ytick.labelcolor": LIGHT["ink"],
    "path.simplify": True,
}


@dataclass(frozen=True)
class Figure:
    """A drawing with what it shows in numbers and in words."""

    svg: str
    table: pd.DataFrame
    alt: str
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def data_uri(self) -> str:
        """The drawing as the address of an image that needs no network."""
        return "data:image/svg+xml;base64," + base64.b64encode(self.svg.encode()).decode()

    def _repr_html_(self) -> str:
        from costeff.report.markup import figure

        return str(figure(self, self.alt))


@dataclass(frozen=True)
class AxisTexts:
    """What a figure says: axis names, how a value is written, and the alt text."""

    x: str
    y: str
    alt: str
    value: Any  # a function from euros, or a share, to a text
    sides: tuple[str, str] | None = None  # what lies left and right of zero


def layout() -> ConstrainedLayoutEngine:
    return ConstrainedLayoutEngine(w_pad=0.14, h_pad=0.12)


@contextmanager
def open_panels(height: int, rows: int) -> Iterator[tuple[Canvas, list[Any]]]:
    """A canvas outside pyplot, with panels one below the other: nothing global is drawn on, settings are put back."""
    with mpl.rc_context(_STYLE):
        canvas = Canvas(figsize=(WIDTH / 72, height / 72), dpi=72, layout=layout(), facecolor=LIGHT["paper"])
        FigureCanvasSVG(canvas)
        panels = list(canvas.subplots(rows, squeeze=False)[:, 0])
        for axes in panels:
            axes.spines[["top", "right"]].set_visible(False)
        yield canvas, panels


@contextmanager
def open_canvas(height: int = HEIGHT) -> Iterator[tuple[Canvas, Any]]:
    """A canvas with one panel."""
    with open_panels(height, 1) as (canvas, panels):
        yield canvas, panels[0]


def as_svg(canvas: Canvas) -> str:
    """The drawing as SVG with the same bytes every time, and colours that follow the screen."""
    buffer = io.StringIO()
    canvas.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"\n\s*", "\n", text)
    names, dark = [], []
    for name, (light, night) in PALETTE.items():
        if light not in text:
            continue
        text = text.replace(light, f"var(--{name})")
        names.append(f"--{name}:{light}")
        dark.append(f"--{name}:{night}")
    css = f":root{{{';'.join(names)}}}@media (prefers-color-scheme:dark){{:root{{{';'.join(dark)}}}}}"
    return text.replace("<defs>", f"<style>{css}</style><defs>", 1)


def cumulative_figure(table: pd.DataFrame, texts: AxisTexts, payback: float | None = None) -> Figure:
    """The running total of money by year, with its interval, its lowest point and the year it is back.

    Parameters
    ----------
    table
        Columns `year`, `mean`, `low`, `high` (EUR); one row a year.
    payback
        The year the money is back, None if it is not.
    """
    with open_canvas() as (canvas, axes):
        years, mean = table["year"].to_numpy(), table["mean"].to_numpy()
        axes.axhline(0, color=LIGHT["ink"], linewidth=1.2, zorder=3)
        axes.fill_between(years, table["low"], table["high"], color=LIGHT["gain"], alpha=0.18, linewidth=0)
        axes.plot(years, mean, color=LIGHT["gain"], linewidth=2.4, zorder=4)
        trough = int(mean.argmin())
        if mean[trough] < 0:
            axes.plot(years[trough], mean[trough], "v", color=LIGHT["loss"], markersize=8, zorder=5)
        if payback is not None and payback in years:
            at = float(mean[list(years).index(payback)])
            axes.plot(payback, at, "o", color=LIGHT["gain"], markersize=8, zorder=5)
        value_axis(axes.yaxis, texts)
        axes.set(xlabel=texts.x, ylabel="")
        axes.set_title(texts.y, loc="left", fontsize=10.8, color=LIGHT["quiet"])
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda year, _: f"{year:.0f}"))
        axes.grid(axis="y", color=LIGHT["grid"], linewidth=0.8)
        axes.set_axisbelow(True)
        return Figure(as_svg(canvas), table, texts.alt)


def outcomes_figure(table: pd.DataFrame, texts: AxisTexts) -> Figure:
    """Possible outcomes as dots, one row of dots a horizon, on both sides of the zero line.

    Parameters
    ----------
    table
        Columns `row` (text, in the order of appearance), `value` (EUR): equally likely
        outcomes, for example 20 quantiles, so that dots can be counted.
    """
    import seaborn as sns

    rows = list(dict.fromkeys(table["row"]))
    height = 78 + 46 * len(rows)
    drawn = table.assign(side=["gain" if value > 0 else "loss" for value in table["value"]])
    with open_canvas(height) as (canvas, axes):
        axes.set_ylim(len(rows) - 0.5, -0.5)
        sns.swarmplot(
            drawn, x="value", y="row", hue="side", order=rows, hue_order=["gain", "loss"], orient="h", size=6.6,
            palette={"gain": LIGHT["gain"], "loss": LIGHT["loss"]}, legend=False, ax=axes, warn_thresh=1,
        )  # fmt: skip
        axes.axvline(0, color=LIGHT["ink"], linewidth=1.8, zorder=1)
        axes.set_xlim(*with_zero(drawn["value"]))
        if texts.sides:
            axes.set_title(f"← {texts.sides[0]}", loc="left", fontsize=10.8, color=LIGHT["loss"])
            axes.set_title(f"{texts.sides[1]} →", loc="right", fontsize=10.8, color=LIGHT["gain"])
        value_axis(axes.xaxis, texts)
        axes.set(xlabel=texts.x, ylabel="")
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color=LIGHT["grid"], linewidth=0.8)
        axes.set_axisbelow(True)
        return Figure(as_svg(canvas), table, texts.alt, height=height)


def with_zero(values: pd.Series) -> tuple[float, float]:
    """Limits that hold the values and zero, with room for whole dots."""
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    margin = 0.06 * (high - low or 1.0)
    return low - margin, high + margin


def value_axis(axis: Any, texts: AxisTexts) -> None:
    axis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: texts.value(value)))
