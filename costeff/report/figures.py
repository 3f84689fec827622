"""Figures of notebooks, drawn by matplotlib: a tidy table and texts in; a drawing, its table and its alt text out.

A drawing is an SVG shown as an image. In an image no script runs and nothing is
fetched; it stays sharp in print, and its few colours are variables, so that it
follows a dark screen. The texts are outlines: it looks the same everywhere, and
the words are carried by the alt text and the table.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Canvas
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, MaxNLocator

from costeff.report.drawing import HEIGHT, LIGHT, PALETTE, STEPS, WIDTH, AxisTexts, Figure

__all__ = [
    "HEIGHT", "LIGHT", "PALETTE", "STEPS", "WIDTH", "AxisTexts", "Figure", "as_svg", "layout", "open_canvas",
    "open_panels", "value_axis", "with_zero",
]  # fmt: skip

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


def with_zero(values: pd.Series) -> tuple[float, float]:
    """Limits that hold the values and zero, with room for whole dots."""
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    margin = 0.06 * (high - low or 1.0)
    return low - margin, high + margin


def value_axis(axis: Any, texts: AxisTexts) -> None:
    axis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: texts.value(value)))
