"""Figures of a model: any sign, the same bytes every time, parts told apart in grey, labels apart, gaps refused."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from costeff.report.figures import PALETTE, STEPS, AxisTexts, Figure
from costeff.report.model_figures import (
    CashTexts,
    _apart,
    cash_figure,
    colours,
    composition_figure,
    occupancy_figure,
)

TEXTS = AxisTexts("Years", "Share", "An alt text.", lambda value: f"{value:.0f}")
CASH = CashTexts("Year", "Euros", "An alt text.", lambda value: f"{value:.0f}", None, "Total", "Lowest", "Back")


def occupancy(states: int = 3, options: tuple[str, ...] = ("Usual", "New")) -> pd.DataFrame:
    share = np.linspace(1, 2, states) / np.linspace(1, 2, states).sum()
    rows = [(o, t, f"State {n}", s) for o in options for t in (0.0, 0.25, 0.5) for n, s in enumerate(share)]
    return pd.DataFrame(rows, columns=["option", "time", "state", "share"])


def cash(values: list[float], payers: int = 2) -> pd.DataFrame:
    rows = [(2026 + n, f"Payer {p}", v * (p + 1)) for n, v in enumerate(values) for p in range(payers)]
    return pd.DataFrame(rows, columns=["year", "payer", "euros"])


def composition(values: list[float]) -> pd.DataFrame:
    rows = [(case, f"Part {n}", value) for case in ("Usual", "New") for n, value in enumerate(values)]
    return pd.DataFrame(rows, columns=["case", "component", "euros"])


def draw_all() -> tuple[Figure, ...]:
    return (
        occupancy_figure(occupancy(), TEXTS),
        cash_figure(cash([-90, 40, 60]), CASH, 2028),
        composition_figure(composition([50, -20, 30]), TEXTS),
    )


def test_the_same_bytes_every_time() -> None:
    assert [f.svg for f in draw_all()] == [f.svg for f in draw_all()]


def test_a_drawing_runs_nothing_and_carries_its_table_and_alt_text() -> None:
    for figure in draw_all():
        assert not re.search(r"<script|<image|<foreignObject|<!--|<metadata|on\w+=|http(?!://www\.w3\.org)", figure.svg)
        assert figure.alt == "An alt text."
        assert f'height="{figure.height}"' in figure._repr_html_()
    table = cash([1, 2])
    assert cash_figure(table, CASH).table is table


def test_colours_follow_the_screen() -> None:
    for figure in draw_all():
        assert "prefers-color-scheme:dark" in figure.svg
        assert all(light not in figure.svg.replace(f":{light}", "") for light, _ in PALETTE.values())


@pytest.mark.parametrize("values", [[-90, 40, 60], [-90, -95, -99], [10, 20, 30], [0, 0, 0], [5], [-5], [60, -90, 10]])
def test_cash_may_have_any_sign(values: list[float]) -> None:
    assert "<svg" in cash_figure(cash(values), CASH, 2026).svg


@pytest.mark.parametrize("values", [[50, 30], [-50, -30], [50, -50], [0, 0], [-1]])
def test_a_component_may_have_any_sign(values: list[float]) -> None:
    assert "<svg" in composition_figure(composition(values), TEXTS).svg


def limits(svg: str, colour: str) -> list[float]:
    """Heights at which the parts of one colour are drawn."""
    paths = re.findall(rf'<path d="([^"]+)"[^>]*style="fill: var\(--{colour}\)', svg)
    return [float(y) for path in paths for y in re.findall(r"[ML] [-\d.]+ ([-\d.]+)", path)]


@pytest.mark.parametrize("values", [[-90.0, 40, 60], [-90.0, -95, -99], [10.0, 20, 30]])
def test_every_bar_lies_inside_the_drawing(values: list[float]) -> None:
    figure = cash_figure(cash(values, 1), CASH)
    found = limits(figure.svg, "step5")
    assert found
    assert 0 < min(found) < max(found) < figure.height


def test_marks_are_those_of_the_running_total() -> None:
    def marks(values: list[float], payback: float | None) -> tuple[bool, bool]:
        svg = cash_figure(cash(values), CASH, payback).svg
        return "var(--loss)" in svg, "var(--gain)" in svg

    assert marks([-90, 40, 60], 2028) == (True, True)
    assert marks([-90, 40, 60], None) == (True, False)
    assert marks([90, 40, 60], 2026) == (False, True)
    assert marks([-90, 40, 60], 2050) == (True, False)  # not within the years shown


def test_a_payer_or_component_without_a_row_has_no_money() -> None:
    assert "<svg" in cash_figure(cash([1, 2]).iloc[1:], CASH).svg
    assert "<svg" in composition_figure(composition([1, 2]).iloc[1:], TEXTS).svg


def test_what_is_missing_is_refused() -> None:
    with pytest.raises(ValueError, match="a share is missing"):
        occupancy_figure(occupancy().iloc[1:], TEXTS)
    with pytest.raises(ValueError, match="do not sum to one"):
        occupancy_figure(occupancy().assign(share=0.5), TEXTS)
    with pytest.raises(ValueError, match="missing or not finite"):
        cash_figure(cash([1, float("nan")]), CASH)
    with pytest.raises(ValueError, match="missing or not finite"):
        composition_figure(composition([float("inf")]), TEXTS)
    with pytest.raises(ValueError, match="9 parts cannot be told apart"):
        occupancy_figure(occupancy(9), TEXTS)


@pytest.mark.parametrize("states", [1, 2, 8])
@pytest.mark.parametrize("options", [("Only",), ("Usual", "New", "Third")])
def test_up_to_eight_states_and_any_number_of_options(states: int, options: tuple[str, ...]) -> None:
    table = occupancy(states, options)
    figure = occupancy_figure(table, TEXTS)
    assert len(set(colours(states))) == states
    assert figure.height > 100 * len(options)


def _lightness(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    y = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return float(116 * np.cbrt(y) - 16)


@pytest.mark.parametrize("screen", [0, 1])
def test_steps_stay_apart_in_grey(screen: int) -> None:
    light = [_lightness(PALETTE[name][screen]) for name in STEPS]
    assert len(light) == 8
    steps = [after - before for before, after in pairwise(light)]
    assert all(abs(step) > 5 for step in steps)
    assert len({step > 0 for step in steps}) == 1


@pytest.mark.parametrize("wanted", [[0.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.98, 0.99, 1.0], [0.1, 0.5, 0.9]])
def test_labels_are_moved_apart_within_the_panel(wanted: list[float]) -> None:
    tall = np.array([0.2, 0.3, 0.2])
    found = _apart(np.array(wanted), tall)
    assert found[0] >= tall[0] / 2 - 1e-9
    assert found[-1] <= 1 - tall[-1] / 2 + 1e-9
    assert (np.diff(found) >= (tall[1:] + tall[:-1]) / 2 - 1e-9).all()


def test_texts_with_dollars_and_tags_are_drawn_not_run() -> None:
    bad = "$\\frac{1}{</svg><script>alert(1)</script>"
    hostile = CashTexts(bad, bad, bad, str, None, bad, bad, bad)
    drawn = (
        occupancy_figure(occupancy().replace("State 0", bad), hostile),
        cash_figure(cash([-1, 2]).replace("Payer 0", bad), hostile, 2027),
        composition_figure(composition([1, 2]).replace("Part 0", bad), hostile),
    )
    assert not any("<script" in figure.svg for figure in drawn)
