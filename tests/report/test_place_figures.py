"""Figures of places: the same bytes every time, told apart without colour, and what cannot be drawn is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from costeff.report.figures import PALETTE, AxisTexts, Figure
from costeff.report.outcome_figures import KeyedTexts
from costeff.report.place_figures import caterpillar_figure, flow_figure, order_figure, told_apart

TEXTS = AxisTexts("to", "from", "An alt text.", "{:.0f}".format)
KEYED = KeyedTexts("Risk", "What is told", "An alt text.", "{:.0f}".format, keys=("Not apart", "Apart", "The whole"))


def places(counties: int = 4, each: int = 5) -> pd.DataFrame:
    mean = np.linspace(-5, 5, counties * each)
    county = np.repeat([f"County {n}" for n in range(counties)], each)
    return pd.DataFrame({"county": county, "mean": mean, "low": mean - 2, "high": mean + 3, "above": (mean + 5) / 10})


def order(count: int = 30) -> pd.DataFrame:
    rank = np.linspace(3, count - 2, count)
    return pd.DataFrame({"rank": rank, "rank_low": np.maximum(rank - 9, 1), "rank_high": np.minimum(rank + 9, count)})


def flows() -> pd.DataFrame:
    rows = [("a <b>", "c", 120), ("c", "a <b>", 15), ("c", "d", None)]
    return pd.DataFrame(rows, columns=["from_provider", "to_provider", "hand_offs"]).astype({"hand_offs": "Int64"})


def draw_all() -> tuple[Figure, ...]:
    return caterpillar_figure(places(), 0, KEYED), order_figure(order(), KEYED), flow_figure(flows(), TEXTS, "<10")


def test_the_same_bytes_every_time_and_nothing_to_run() -> None:
    for first, again in zip(draw_all(), draw_all(), strict=True):
        assert first.svg == again.svg
        assert first.alt == "An alt text."
        assert not re.search(r"<script|on\w+=|(?:href|src)=\"http", first.svg)


def test_colours_of_lines_follow_the_screen() -> None:
    for figure in draw_all()[:2]:
        left = set(re.findall(r"(?:stroke|fill): (#[0-9a-f]{6})", figure.svg))
        assert not left & {light for light, _ in PALETTE.values()}


def test_told_apart_is_nineteen_cases_of_twenty_on_either_side() -> None:
    table = pd.DataFrame({"above": [0.0, 0.05, 0.06, 0.5, 0.94, 0.95, 1.0]})
    assert told_apart(table).tolist() == [True, True, False, False, False, True, True]


@pytest.mark.parametrize(("counties", "each"), [(1, 1), (2, 1), (23, 13), (7, 30)])
def test_any_number_of_counties_and_municipalities_is_drawn(counties: int, each: int) -> None:
    figure = caterpillar_figure(places(counties, each), 0, KEYED)
    assert figure.svg.count("<path") > counties * each
    assert len(figure.table) == counties * each


def test_a_county_of_one_or_two_municipalities_keeps_its_order() -> None:
    assert order_figure(order(2).assign(rank=[1.2, 1.8], rank_low=1, rank_high=2), KEYED).height > 200


Fault = Callable[[], Any]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (lambda: caterpillar_figure(places().assign(low=9), 0, KEYED), "does not hold its mean"),
        (lambda: caterpillar_figure(places().assign(above=1.2), 0, KEYED), "outside 0 to 1"),
        (lambda: order_figure(order().assign(rank_low=40), KEYED), "does not hold its rank"),
        (lambda: order_figure(order().assign(rank_low=0), KEYED), "no place among so many"),
        (lambda: flow_figure(pd.concat([flows(), flows()]), TEXTS, "-"), "stands twice"),
        (lambda: flow_figure(flows().assign(hand_offs=pd.NA), TEXTS, "-"), "no pair has a number"),
    ],
)
def test_what_cannot_be_drawn_is_refused(fault: Fault, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        fault()
