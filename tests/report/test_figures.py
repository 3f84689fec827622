"""Figures: both signs, the same bytes every time, nothing to run and nothing to fetch, readable without colour."""

from __future__ import annotations

import base64
import re

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from costeff.report.drawing import LIGHT, PALETTE, AxisTexts, Figure
from costeff.report.page_figures import chance_figure, cumulative_figure, outcomes_figure
from costeff.report.words import Words, tenths

TEXTS = AxisTexts("Year", "Euros", "An alt text.", lambda value: f"{value:.0f}", ("costs more", "saves"))


def cumulative(values: list[float]) -> pd.DataFrame:
    mean = np.array(values)
    return pd.DataFrame({"year": 2026 + np.arange(mean.size), "mean": mean, "low": mean - 50, "high": mean + 50})


def outcomes(low: float, high: float) -> pd.DataFrame:
    values = np.linspace(low, high, 20)
    return pd.concat([pd.DataFrame({"row": f"{years} years", "value": values * years}) for years in (1, 10)])


def draw_both() -> tuple[Figure, Figure]:
    return cumulative_figure(cumulative([-90, -20, 60]), TEXTS, 2028), outcomes_figure(outcomes(-5, 9), TEXTS)


def test_the_same_bytes_every_time() -> None:
    assert [f.svg for f in draw_both()] == [f.svg for f in draw_both()]


@pytest.mark.parametrize("values", [[-90, -20, 60], [-90.0, -95, -99], [10.0, 20, 30], [0.0, 0.0, 0.0], [5.0]])
def test_the_running_total_may_have_any_sign(values: list[float]) -> None:
    assert "<svg" in cumulative_figure(cumulative(values), TEXTS).svg


@pytest.mark.parametrize(("low", "high"), [(-9, -1), (1, 9), (-5, 9), (0, 0)])
def test_outcomes_may_lie_on_either_side(low: float, high: float) -> None:
    svg = outcomes_figure(outcomes(low, high), TEXTS).svg
    assert "<svg" in svg


def test_a_drawing_runs_nothing_fetches_nothing_and_is_not_dated() -> None:
    for figure in draw_both():
        assert not re.search(r"<script|<image|<foreignObject|<!--|<metadata|on\w+=|http(?!://www\.w3\.org)", figure.svg)
        assert figure.data_uri.startswith("data:image/svg+xml;base64,")
        assert base64.b64decode(figure.data_uri.split(",")[1]).decode() == figure.svg


def test_texts_with_dollars_and_tags_are_drawn_not_run() -> None:
    hostile = AxisTexts("$\\frac{1}{", "</svg><script>alert(1)</script>--><b>", "alt", str)
    assert "<script" not in cumulative_figure(cumulative([1, 2]), hostile).svg


def test_colours_follow_the_screen() -> None:
    svg = draw_both()[0].svg
    assert "prefers-color-scheme:dark" in svg
    assert all(light not in svg.replace(f":{light}", "") for light, _ in PALETTE.values())


def test_settings_of_others_are_left_alone() -> None:
    before = dict(mpl.rcParams)
    draw_both()
    assert dict(mpl.rcParams) == before


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("screen", [0, 1])
@pytest.mark.parametrize("name", ["ink", "quiet", "gain", "loss"])
def test_letters_and_marks_stand_out(screen: int, name: str) -> None:
    assert _contrast(PALETTE[name][screen], PALETTE["paper"][screen]) >= 4.5


def test_the_figure_returns_its_table_and_alt_text() -> None:
    table = cumulative([1, 2])
    figure = cumulative_figure(table, TEXTS)
    assert figure.table is table
    assert figure.alt == "An alt text."
    assert 'alt="An alt text."' in figure._repr_html_()
    assert LIGHT["gain"] != LIGHT["loss"]


def test_dots_say_what_the_words_say_and_nothing_is_drawn_as_certain() -> None:
    for probability in (0.0, 0.04, 0.05, 0.12, 0.5, 0.77, 0.95, 0.96, 1.0):
        cases = tenths(probability)
        svg = chance_figure(cases, "Ten dots").svg
        filled, hollow = svg.count('<circle class="gain f"'), svg.count('<circle class="gain h"')
        half = svg.count('<path class="gain f"')
        assert filled + hollow == 10
        assert half == (cases in (0, 10))
        assert filled == (9 if cases == 10 else cases)
        if 0 < cases < 10:
            assert f" {cases} case" in Words("en").chance(probability)
