"""Drawings of a page: lines, dots and bars on a scale, written as SVG by hand.

The page's few figures are simple, and there are thousands of them in a run: written so, one takes a millisecond
where matplotlib takes a hundred, and its letters stay letters, so that they follow the reader's fonts and zoom.
A drawing is shown as an image, in which no script runs and nothing is fetched; its colours follow a dark screen.
Notebooks of analysts draw with matplotlib and seaborn.
"""

from __future__ import annotations

import base64
import math
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from markupsafe import escape

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
WIDTH, HEIGHT = 350, 245  # narrow, so that the letters stay readable on a phone
LETTER = 12  # height of a letter
SHADES = ("paper", "ink", "quiet", "grid", "gain", "loss")  # that a drawing uses
NICE = (1.0, 2.0, 2.5, 5.0, 10.0)

Point = tuple[float, float]


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


@dataclass(frozen=True)
class Scale:
    """From values to places on the paper."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, most: int = 5) -> list[float]:
        """At most so many round values."""
        rough = (self.high - self.low) / most
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(nice * power for nice in NICE if nice * power >= rough * (1 - 1e-9))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]


def scale(values: Iterable[float], start: float, end: float, margin: float = 0.05) -> Scale:
    """A scale that holds the values and zero, with some room beyond them.

    Raises
    ------
    ValueError
        For a value that is missing or infinite.
    """
    found = [0.0, *map(float, values)]
    if not all(map(math.isfinite, found)):
        raise ValueError("a value that is missing or infinite cannot be drawn")
    low, high = min(found), max(found)
    if low == high:
        low, high = low - 1, high + 1
    room = margin * (high - low)
    return Scale(low - room * (low < 0), high + room * (high > 0), start, end)


def width_of(text: str) -> float:
    """About as wide as a text of the usual size is in the fonts of a screen; rather too much than too little."""
    return 0.57 * LETTER * len(text)


def wrapped(text: str, width: float) -> list[str]:
    """The text in lines that fit the width."""
    return textwrap.wrap(text, max(8, int(width / (0.57 * LETTER)))) or [""]


@dataclass
class Drawing:
    """Marks in the order they are drawn."""

    height: int
    width: int = WIDTH
    marks: list[str] = field(default_factory=list)

    def line(self, points: Sequence[Point], look: str, width: float = 1.0, dash: str = "") -> None:
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self.marks.append(f'<path class="{look} l" stroke-width="{_n(width)}"{dashed} d="{_path(points)}"/>')

    def area(self, points: Sequence[Point], look: str) -> None:
        self.marks.append(f'<path class="{look} f pale" d="{_path(points)}Z"/>')

    def bar(self, x: float, y: float, width: float, height: float, look: str) -> None:
        left, across = (x, width) if width >= 0 else (x + width, -width)
        self.marks.append(
            f'<rect class="{look} f" x="{_n(left)}" y="{_n(y)}" width="{_n(across)}" height="{_n(height)}"/>'
        )

    def dot(self, x: float, y: float, radius: float, look: str, *, hollow: bool = False) -> None:
        inside = "h" if hollow else "f"
        self.marks.append(f'<circle class="{look} {inside}" cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}"/>')

    def shape(self, points: Sequence[Point], look: str, *, hollow: bool = False) -> None:
        """A small closed mark."""
        self.marks.append(f'<path class="{look} {"h" if hollow else "f"}" d="{_path(points)}Z"/>')

    def text(self, x: float, y: float, text: str, look: str = "ink", anchor: str = "start") -> None:
        self.marks.append(
            f'<text class="{look} f" x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}">{escape(text)}</text>'
        )

    def svg(self) -> str:
        """The drawing: the same marks give the same bytes."""
        light, dark = (";".join(f"--{name}:{PALETTE[name][side]}" for name in SHADES) for side in (0, 1))
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}">'
            f"<style>:root{{{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}{_LOOKS}</style>"
            f'<rect class="paper f" width="{self.width}" height="{self.height}"/>{"".join(self.marks)}</svg>'
        )


_LOOKS = (
    f"text{{font:{LETTER}px system-ui,-apple-system,'Segoe UI',Roboto,'Liberation Sans',Arial,sans-serif;"
    "font-variant-numeric:tabular-nums;"
    "paint-order:stroke;stroke:var(--paper);stroke-width:3px;stroke-linejoin:round}"  # lines pass behind letters
    ".l{fill:none;stroke-linejoin:round}.h{stroke-width:1.6}.pale{opacity:.2}"
    + "".join(
        f".{name}.f{{fill:var(--{name})}}.{name}.l{{stroke:var(--{name})}}"
        f".{name}.h{{fill:var(--paper);stroke:var(--{name})}}"
        for name in SHADES
    )
)


def value_axis(
    drawing: Drawing, across: Scale, top: float, bottom: float, write: Callable[[float], str], name: str
) -> None:
    """Grid lines, their values below, and the name of the axis under them."""
    for tick in _that_fit(across, write):
        drawing.line([(across(tick), top), (across(tick), bottom)], "grid")
        label = write(tick)
        half = width_of(label) / 2
        x = min(max(across(tick), half), drawing.width - half)
        drawing.text(x, bottom + LETTER + 3, label, "ink", "middle")
    if name:
        drawing.text(drawing.width - 2, bottom + 2 * LETTER + 9, name, "quiet", "end")


def _that_fit(across: Scale, write: Callable[[float], str]) -> list[float]:
    """As many round values as their words leave room for, zero among them."""
    room = abs(across.end - across.start)
    for most in (5, 4, 3, 2):
        found = across.ticks(most)
        widest = max((width_of(write(tick)) for tick in found), default=0.0)
        if len(found) < 2 or widest + LETTER / 2 < room * (found[1] - found[0]) / (across.high - across.low):
            return found
    return [0.0]


def sides(drawing: Drawing, texts: AxisTexts, y: float) -> None:
    """What lies left and right of zero."""
    if texts.sides:
        drawing.text(2, y, f"← {texts.sides[0]}", "loss")
        drawing.text(drawing.width - 2, y, f"{texts.sides[1]} →", "gain", "end")


def _path(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in points)


def _n(value: float) -> str:
    """A place on the paper with as many digits as an eye can see."""
    if not math.isfinite(value):
        raise ValueError("a value that is missing or infinite cannot be drawn")
    return f"{value:.2f}".rstrip("0").rstrip(".") if value else "0"
