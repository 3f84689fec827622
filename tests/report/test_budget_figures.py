"""Figures of a budget: the same bytes every time, nothing to run, models told apart without colour, faults refused."""

from __future__ import annotations

import re

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from costeff.report.budget_figures import allocation_figure, regret_figure, response_figure, years_figure
from costeff.report.figures import PALETTE, Figure
from costeff.report.outcome_figures import KeyedTexts

TEXTS = KeyedTexts("EUR a year", "What is told", "An alt text.", "{:,.0f}".format, keys=("Before", "After", "Between"))


def allocation(services: int = 3) -> pd.DataFrame:
    at = np.arange(1.0, services + 1) * 1e6
    limits = {"floor": at - 5e5, "cap": at + 8e5}
    return pd.DataFrame(
        {"service": [f"Service {n}" for n in range(services)], "divided": at, "lump_sum": at + 3e5} | limits
    )


def losses(divided: float = 3e5) -> pd.DataFrame:
    rows = [f"Frame {n}" for n in (80, 100)]
    return pd.DataFrame({"row": rows, "divided": divided, "lump_sum": 1e5, "flexibility": 2e4})


def responses(services: int = 2, gain: float = 10.0) -> pd.DataFrame:
    money = np.linspace(0, 4e6, 9)
    mean = gain * money / 4e6
    part = pd.DataFrame({"money": money, "mean": mean, "low": mean - abs(mean) * 2, "high": mean + abs(mean)})
    return pd.concat([part.assign(service=f"Service {n}") for n in range(services)])


def years(panels: int = 2, centre: float = 40.0, models: tuple[str, ...] = ("divided", "lump_sum")) -> pd.DataFrame:
    rows = [
        (f"Panel {p}", m, y, centre + y, centre - 9, centre + 9)
        for p in range(panels)
        for m in models
        for y in range(1, 6)
    ]
    return pd.DataFrame(rows, columns=["panel", "model", "year", "mean", "low", "high"])


def draw_all(texts: KeyedTexts = TEXTS) -> tuple[Figure, ...]:
    given = allocation(2)
    return (
        allocation_figure(allocation(), texts),
        regret_figure(losses(), texts),
        response_figure(responses(), given, texts),
        years_figure(years(), texts),
    )


def test_the_same_bytes_every_time_and_settings_are_left_alone() -> None:
    before = dict(mpl.rcParams)
    assert [f.svg for f in draw_all()] == [f.svg for f in draw_all()]
    assert dict(mpl.rcParams) == before


def test_a_drawing_runs_nothing_and_carries_its_alt_text() -> None:
    for figure in draw_all():
        assert not re.search(r"<script|<image|<foreignObject|<!--|<metadata|on\w+=|http(?!://www\.w3\.org)", figure.svg)
        assert figure.alt == "An alt text."
        assert f'height="{figure.height}"' in figure._repr_html_()


def test_colours_follow_the_screen() -> None:
    for figure in draw_all():
        assert "prefers-color-scheme:dark" in figure.svg
        assert all(light not in figure.svg.replace(f":{light}", "") for light, _ in PALETTE.values())


def test_texts_with_dollars_and_tags_are_drawn_not_run() -> None:
    bad = "$\\frac{1}{</svg><script>alert(1)</script>"
    hostile = KeyedTexts(bad, bad, bad, str, keys=(bad, bad, bad))
    named = allocation(1).replace("Service 0", bad)
    drawn = (
        allocation_figure(named, hostile),
        regret_figure(losses().replace("Frame 80", bad), hostile),
        response_figure(responses(1).replace("Service 0", bad), named, hostile),
        years_figure(years().replace("Panel 0", bad), hostile),
    )
    assert not any("<script" in figure.svg for figure in drawn)


def test_the_models_are_told_apart_without_colour() -> None:
    """In one colour, the drawing of one model is not that of the other."""
    for drawn in (
        [years_figure(years(1, models=(m,)), TEXTS) for m in ("divided", "lump_sum")],
        [
            regret_figure(losses().assign(divided=d, lump_sum=s, flexibility=0.0), TEXTS)
            for d, s in ((1e5, 0), (0, 1e5))
        ],
    ):
        one, other = (re.sub(r"var\(--\w+\)", "grey", figure.svg) for figure in drawn)
        assert one != other
    whole = years_figure(years(1, models=("lump_sum",)), TEXTS).svg
    broken = years_figure(years(1, models=("divided",)), TEXTS).svg
    assert broken.count("stroke-dasharray") > whole.count("stroke-dasharray")


def test_harm_and_help_are_both_drawn_and_harm_has_a_line_at_zero() -> None:
    line = "stroke: var(--ink); stroke-width: 1.2"
    given = allocation(1)
    assert line not in response_figure(responses(1).assign(low=0.0), given, TEXTS).svg
    assert line in response_figure(responses(1, gain=-10.0), given, TEXTS).svg
    assert line not in years_figure(years(), TEXTS).svg
    assert line in years_figure(years(centre=-40.0), TEXTS).svg


def test_one_service_one_year_and_no_loss_at_all_are_ordinary() -> None:
    allocation_figure(allocation(1), TEXTS)
    same = allocation(2)
    allocation_figure(same.assign(lump_sum=same["divided"]), TEXTS)
    years_figure(years().query("year == 1"), TEXTS)
    regret_figure(losses().assign(divided=0.0, lump_sum=0.0, flexibility=0.0), TEXTS)
    flat = responses(1).assign(mean=0.0, low=0.0, high=0.0)
    assert response_figure(flat, allocation(1), TEXTS).table is flat


def test_what_makes_no_sense_is_refused() -> None:
    for empty in (
        lambda: allocation_figure(allocation(0), TEXTS),
        lambda: regret_figure(losses().iloc[:0], TEXTS),
        lambda: response_figure(responses().iloc[:0], allocation(2), TEXTS),
        lambda: years_figure(years().iloc[:0], TEXTS),
    ):
        with pytest.raises(ValueError, match="nothing to draw"):
            empty()
    with pytest.raises(ValueError, match="missing or infinite"):
        allocation_figure(allocation().assign(lump_sum=np.nan), TEXTS)
    with pytest.raises(ValueError, match="less than its floor or more than its cap"):
        allocation_figure(allocation().assign(lump_sum=9e6), TEXTS)
    with pytest.raises(ValueError, match="never below 0"):
        regret_figure(losses(divided=-1.0), TEXTS)
    with pytest.raises(ValueError, match="no money"):
        response_figure(responses(3), allocation(2), TEXTS)
    with pytest.raises(ValueError, match="ends before it begins"):
        years_figure(years().assign(low=100.0), TEXTS)
    with pytest.raises(ValueError, match=r"\['both'\] are no funding models"):
        years_figure(years(models=("both",)), TEXTS)
