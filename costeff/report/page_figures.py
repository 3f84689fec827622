"""The figures of a page: a small tidy table and texts in; a drawing, its table and its alt text out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from costeff.report.drawing import (
    LETTER,
    WIDTH,
    AxisTexts,
    Drawing,
    Figure,
    Scale,
    scale,
    sides,
    value_axis,
    width_of,
    wrapped,
)

# By what a row is: colour, whether it is hollow, and its shape. The shapes tell rows apart without colour.
KINDS = {"one": ("quiet", False, "square"), "new": ("loss", True, "diamond"), "all": ("gain", False, "dot")}
DOT = 4.4  # radius
ROW = 34
_HALF_TURN = [math.pi * step / 12 for step in range(13)]


def chance_figure(cases: int, alt: str) -> Figure:
    """Ten dots, as many of them filled as cases are told of ten.

    Nothing is drawn as certain: with 0 the first dot is half filled, with 10 the last is half empty.
    """
    radius, apart, height = 6.0, 17, 16
    drawing = Drawing(height, 10 * apart)
    for number in range(10):
        x, y = apart * (number + 0.5), height / 2
        half = number == {0: 0, 10: 9}.get(cases)
        drawing.dot(x, y, radius, "gain", hollow=half or number >= cases)
        if half:
            drawing.shape([(x - radius * math.sin(a), y - radius * math.cos(a)) for a in _HALF_TURN], "gain")
    table = pd.DataFrame({"cases": [cases], "of": [10]})
    return Figure(drawing.svg(), table, alt, drawing.width, height)


def cumulative_figure(table: pd.DataFrame, texts: AxisTexts, payback: float | None = None) -> Figure:
    """The running total of money by year, with its interval, its lowest point and the year it is back.

    Parameters
    ----------
    table
        Columns `year`, `mean`, `low`, `high` (EUR); one row a year.
    payback
        The year the money is back, None if it is not.
    """
    height, top, bottom = 240, 30, 196
    up = scale([*table["low"], *table["high"]], bottom, top)
    labels = {tick: texts.value(tick) for tick in up.ticks()}
    left = max(map(width_of, labels.values())) + 8
    years = [float(year) for year in table["year"]]
    along = Scale(years[0], max(years[-1], years[0] + 1), left + 8, WIDTH - 16)
    drawing = Drawing(height)
    drawing.text(2, LETTER + 2, texts.y, "quiet")
    for tick, label in labels.items():
        drawing.line([(left, up(tick)), (WIDTH - 4, up(tick))], "grid")
        drawing.text(left - 6, up(tick) + LETTER / 3, label, "ink", "end")
    for year in _some(years):
        drawing.text(along(year), bottom + LETTER + 6, f"{year:.0f}", "ink", "middle")
    drawing.text(WIDTH - 4, bottom + 2 * LETTER + 12, texts.x, "quiet", "end")
    mean = [(along(year), up(value)) for year, value in zip(years, table["mean"], strict=True)]
    low = [(along(year), up(value)) for year, value in zip(years, table["low"], strict=True)]
    high = [(along(year), up(value)) for year, value in zip(years, table["high"], strict=True)]
    drawing.area([*low, *reversed(high)], "gain")
    drawing.line([(left, up(0)), (WIDTH - 4, up(0))], "ink", 1.4)
    drawing.line(mean, "gain", 2.6)
    trough = int(table["mean"].to_numpy().argmin())
    if table["mean"].iloc[trough] < 0:
        x, y = mean[trough]
        drawing.shape([(x - 5, y - 4), (x + 5, y - 4), (x, y + 6)], "loss")
    if payback is not None and payback in years:
        drawing.dot(*mean[years.index(payback)], 5, "gain")
    return Figure(drawing.svg(), table, texts.alt, WIDTH, height)


def _some(years: Sequence[float]) -> list[float]:
    """Years to write under an axis: the first, the last, and some between."""
    every = next(step for step in (1, 2, 5, 10, 20, 50) if len(years) / step <= 6)
    return [year for number, year in enumerate(years) if number % every == 0]


def outcomes_figure(table: pd.DataFrame, texts: AxisTexts) -> Figure:
    """Possible outcomes as dots, one row of dots a horizon, on both sides of the zero line.

    Parameters
    ----------
    table
        Columns `row` (text, in the order of appearance), `value` (EUR): equally likely
        outcomes, for example 20 quantiles, so that dots can be counted.
    """
    rows = list(dict.fromkeys(table["row"]))
    across = scale(table["value"], DOT + 2, WIDTH - DOT - 2)
    piles = [_piled(sorted(map(across, table.loc[table["row"] == row, "value"]))) for row in rows]
    tops = [max(level for _, level in pile) * 2 * DOT for pile in piles]
    top = 26 if texts.sides else 8
    bottom = top + sum(tops) + len(rows) * (LETTER + 18)
    drawing = Drawing(round(bottom + 46))
    sides(drawing, texts, LETTER + 4)
    value_axis(drawing, across, top, bottom, texts.value, texts.x)
    drawing.line([(across(0), top), (across(0), bottom)], "ink", 1.8)
    base, zero = float(top), across(0)
    for row, pile, tall in zip(rows, piles, tops, strict=True):
        drawing.text(2, base + LETTER, str(row))
        base += LETTER + 18 + tall
        for x, level in pile:
            drawing.dot(x, base - 6 - DOT - level * 2 * DOT, DOT - 0.4, "gain" if x > zero else "loss")
    return Figure(drawing.svg(), table, texts.alt, WIDTH, drawing.height)


def _piled(places: Sequence[float]) -> list[tuple[float, int]]:
    """Dots and the level each lies on: the lowest where it touches no other."""
    levels: list[float] = []  # where the last dot of each level is
    found = []
    for x in places:
        level = next((n for n, last in enumerate(levels) if x - last >= 2 * DOT), len(levels))
        levels[level : level + 1] = [x]
        found.append((x, level))
    return found


def interval_figure(table: pd.DataFrame, texts: AxisTexts) -> Figure:
    """A mark and its interval a row, with a line at zero.

    Parameters
    ----------
    table
        Columns `row` (as it is read, in the order of appearance), `mean`, `low`, `high`, `kind`: `one` of several,
        `all` of them together or the one the page is about, or a `new` one apart from both.
    texts
        `value` writes a value; `sides` what lies left and right of zero.

    Raises
    ------
    ValueError
        For an interval that does not hold its mean.
    """
    if not ((table["low"] <= table["mean"]) & (table["mean"] <= table["high"])).all():
        raise ValueError("an interval does not hold its mean")
    across = scale([*table["low"], *table["high"]], 8, WIDTH - 8)
    top = 26 if texts.sides else 6
    names = [wrapped(str(row), WIDTH - 8) for row in table["row"]]
    bottom = top + sum(ROW + (len(lines) - 1) * (LETTER + 2) for lines in names) + 4
    drawing = Drawing(round(bottom + 46))
    sides(drawing, texts, LETTER + 4)
    value_axis(drawing, across, top, bottom, texts.value, texts.x)
    drawing.line([(across(0), top), (across(0), bottom)], "ink", 1.4)
    y = float(top)
    for lines, row in zip(names, table.to_dict("records"), strict=True):
        for line in lines:
            y += LETTER + 2
            drawing.text(2, y, line)
        y += ROW - LETTER - 2
        look, hollow, shape = KINDS[str(row["kind"])]
        at, middle = across(row["mean"]), y - 8
        drawing.line([(across(row["low"]), middle), (across(row["high"]), middle)], look, 2.6)
        if shape == "dot":
            drawing.dot(at, middle, 5, look, hollow=hollow)
        else:
            drawing.shape(_corners(at, middle, shape), look, hollow=hollow)
    return Figure(drawing.svg(), table, texts.alt, WIDTH, drawing.height)


def bars_figure(table: pd.DataFrame, texts: AxisTexts) -> Figure:
    """Bars from zero, several below the name of each row, each with its own name and value.

    Parameters
    ----------
    table
        Columns `row` (as it is read, in the order of appearance), `bar` (what the bar is), `value` (0 or more), `kind`:
        `gain` or `loss`. Names and values are written out, so that nothing hangs on colour.
    texts
        `value` writes a value.
    """
    told = [f"{bar}: {texts.value(value)}" for bar, value in zip(table["bar"], table["value"], strict=True)]
    across = scale(table["value"], 2, WIDTH - 4)
    drawing = Drawing(0)
    y, thick, row = 0.0, 10, None
    for label, at in zip(told, table.to_dict("records"), strict=True):
        if at["row"] != row:
            row, y = at["row"], y + (10 if row else 0)
            for line in wrapped(str(row), WIDTH - 8):
                y += LETTER + 3
                drawing.text(2, y, line)
        y += LETTER + 8
        drawing.text(2, y, label, "quiet")
        drawing.bar(across(0), y + 4, max(1.0, across(at["value"]) - across(0)), thick, str(at["kind"]))
        y += thick + 4
    drawing.height = round(y + LETTER + 14)
    drawing.text(WIDTH - 2, drawing.height - 6, texts.x, "quiet", "end")
    return Figure(drawing.svg(), table, texts.alt, WIDTH, drawing.height)


def _corners(x: float, y: float, shape: str) -> list[tuple[float, float]]:
    if shape == "diamond":
        return [(x, y - 6), (x + 6, y), (x, y + 6), (x - 6, y)]
    return [(x - 4, y - 4), (x + 4, y - 4), (x + 4, y + 4), (x - 4, y + 4)]
