"""Figures of a comparison: any sign, the same bytes every time, gaps shown as gaps, nothing that runs."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pandas as pd
import pytest

from costeff.report.comparison_figures import (
    KeyTexts,
    event_study_figure,
    love_figure,
    methods_figure,
    overlap_figure,
    series_figure,
    surface_figure,
)
from costeff.report.figures import PALETTE, Figure


def texts(*keys: str) -> KeyTexts:
    return KeyTexts("The x", "The y", "An alt text.", lambda v: f"{v:.1f}", keys=keys, amount=lambda e: f"{e:.0f} EUR")


def love() -> pd.DataFrame:
    return pd.DataFrame({"row": ["low", "high"], "before": [0.9, -0.4], "after": [0.0, 0.02]})


def bins(counts: list[int | None]) -> pd.DataFrame:
    edges = np.linspace(0, 1, len(counts) + 1)
    rows = [(o, a, b, n) for o in ("usual", "new") for a, b, n in zip(edges[:-1], edges[1:], counts, strict=True)]
    return pd.DataFrame(rows, columns=["option", "left", "right", "clients"]).astype({"clients": "Int64"})


def methods(shift: float = 0.0) -> pd.DataFrame:
    rows = [("raw", 0.1, 0.0, 0.2, "plain"), ("weighted", -0.1, -0.2, 0.0, "adjusted"), ("model", 0, -1, 1, "bayesian")]
    table = pd.DataFrame(rows, columns=["row", "estimate", "low", "high", "kind"])
    return table.assign(**{name: table[name] + shift for name in ("estimate", "low", "high")})


def study() -> pd.DataFrame:
    since = np.arange(-3, 3)
    return pd.DataFrame({"since": since, "estimate": since * 0.1, "low": since * 0.1 - 0.1, "high": since * 0.1 + 0.1})


def series(periods: int = 9, start: int = 5) -> pd.DataFrame:
    t = np.arange(periods)
    without = np.where(t >= start, 0.3 + 0.01 * t, np.nan)
    table = pd.DataFrame({"period": [f"2024-{i + 1}" for i in t], "observed": 0.3, "fitted": 0.25})
    return table.assign(counterfactual=without, low=without - 0.1, high=without + 0.1)


def surface(mean: object = lambda d, r: 1000 - 5000 * d * (r - 1)) -> pd.DataFrame:
    d, r = (a.ravel() for a in np.meshgrid(np.linspace(0, 0.5, 7), np.linspace(1, 4, 7)))
    return pd.DataFrame({"difference": d, "ratio": r, "mean": mean(d, r)})  # type: ignore[operator]


@cache
def draw_all() -> tuple[Figure, ...]:
    return (
        love_figure(love(), texts("before", "after")),
        overlap_figure(bins([None, 40, 20, None]), texts("usual", "new", "few")),
        methods_figure(methods(), texts("raw", "weighted", "model", "truth"), truth=-0.05),
        event_study_figure(study(), texts()),
        series_figure(series(), texts("observed", "fitted", "without")),
        surface_figure(surface(), texts("saves", "costs", "even")),
    )


def test_the_same_bytes_every_time() -> None:
    assert [figure.svg for figure in draw_all()] == [figure.svg for figure in draw_all.__wrapped__()]


def test_a_drawing_runs_nothing_and_carries_its_table_and_alt_text() -> None:
    for figure in draw_all():
        assert not re.search(r"<script|<image|<foreignObject|<!--|<metadata|on\w+=|http(?!://www\.w3\.org)", figure.svg)
        assert figure.alt == "An alt text."
        assert len(figure.table)


def test_colours_follow_the_screen() -> None:
    for figure in draw_all():
        assert "prefers-color-scheme:dark" in figure.svg
        assert all(light not in figure.svg.replace(f":{light}", "") for light, _ in PALETTE.values())


def marks(svg: str) -> int:
    """Uses of the mark of a bin that is not shown: the only crosses of the drawing, one of them in the legend."""
    return max(len(re.findall(rf'xlink:href="#{name}"', svg)) for name in re.findall(r'<path id="(m\w+)"', svg))


def test_a_bin_that_is_not_shown_has_a_mark_and_no_bar() -> None:
    few, none = (overlap_figure(bins(counts), texts("usual", "new", "few")).svg for counts in ([None] * 20, [40] * 20))
    assert few.count("patch_") < none.count("patch_")
    assert marks(few) >= 20


@pytest.mark.parametrize("shift", [-5.0, 0.0, 5.0])
def test_estimates_may_have_any_sign(shift: float) -> None:
    keys = texts("raw", "weighted", "model")
    assert "<svg" in methods_figure(methods(shift), keys).svg


def test_an_interval_has_to_hold_its_estimate() -> None:
    with pytest.raises(ValueError, match="does not hold"):
        methods_figure(methods().assign(low=5.0), texts("raw", "weighted", "model"))


@pytest.mark.parametrize("shift", [-1e5, 0.0, 1e5])
def test_a_surface_may_save_or_cost_everywhere(shift: float) -> None:
    table = surface()
    assert "<svg" in surface_figure(table.assign(mean=table["mean"] + shift), texts("saves", "costs", "even")).svg


def test_a_surface_with_gaps_is_drawn_and_without_values_refused() -> None:
    table = surface()
    gaps = table.assign(mean=table["mean"].where(table["difference"] < 0.4))
    assert "<svg" in surface_figure(gaps, texts("saves", "costs", "even")).svg
    with pytest.raises(ValueError, match="every value is missing"):
        surface_figure(table.assign(mean=np.nan), texts("saves", "costs", "even"))


def test_the_path_without_the_interruption_starts_with_it() -> None:
    early, late = (series_figure(series(start=start), texts("a", "b", "c")).svg for start in (2, 7))
    assert early != late
