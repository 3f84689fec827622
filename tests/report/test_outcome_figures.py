"""Figures of a fit: the same bytes every time, nothing to run, options told apart without colour, faults refused."""

from __future__ import annotations

import re

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from costeff.report.figures import PALETTE, AxisTexts, Figure
from costeff.report.outcome_figures import (
    KeyedTexts,
    county_figure,
    predictive_figure,
    rank_figure,
    shares_figure,
    shrinkage_figure,
    survival_figure,
)

TEXTS = AxisTexts("Share", "What is told", "An alt text.", "{:.2f}".format)
KEYED = KeyedTexts("Clients", "Share", "An alt text.", "{:.2f}".format, keys=("Counted", "Estimate"))


def shrinkage(sizes: tuple[float | None, ...] = (10, 40, 250, 1800), options: int = 2) -> pd.DataFrame:
    part = pd.DataFrame({"clients": pd.array(sizes, dtype="Int64"), "raw": 0.3, "estimate": 0.25})
    part.loc[part["clients"].isna(), "raw"] = np.nan
    part = part.assign(low=0.2, high=0.32)
    return pd.concat([part.assign(option=f"Option {n}") for n in range(options)])


def counties(count: int = 3, options: tuple[str, ...] = ("Usual", "New"), centre: float = 0.2) -> pd.DataFrame:
    rows = [(f"County {n}", o, centre, centre - 0.05, centre + 0.1) for n in range(count) for o in options]
    return pd.DataFrame(rows, columns=["county", "option", "mean", "low", "high"])


def replications(low: float = 100, high: float = 200) -> pd.DataFrame:
    return pd.concat([pd.DataFrame({"row": r, "value": np.linspace(low, high, 101)}) for r in ("Usual", "New")])


def survival(options: tuple[str, ...] = ("Usual", "New")) -> pd.DataFrame:
    share = np.array([1.0, 0.9, 0.7])
    parts = [pd.DataFrame({"option": o, "time": [0, 90, 180], "mean": share ** (n + 1)}) for n, o in enumerate(options)]
    return pd.concat(parts).assign(low=lambda t: t["mean"] - 0.05, high=lambda t: t["mean"] + 0.05)


def shares(parts: int = 4, cases: tuple[str, ...] = ("Usual", "New")) -> pd.DataFrame:
    split = np.arange(1, parts + 1) / np.arange(1, parts + 1).sum()
    rows = [(case, f"Part {n}", share) for case in cases for n, share in enumerate(split)]
    return pd.DataFrame(rows, columns=["case", "part", "share"])


def ranks(rank: np.ndarray, name: str = "effect") -> pd.DataFrame:
    return pd.DataFrame({"parameter": name, "rank": rank})


LEVEL = np.tile(np.arange(101), 4)  # ranks of a calibrated model


def draw_all() -> tuple[Figure, ...]:
    return (
        shrinkage_figure(shrinkage(), KEYED),
        county_figure(counties(), TEXTS),
        predictive_figure(replications(), {"Usual": 150.0, "New": 210.0}, KEYED),
        survival_figure(survival(), TEXTS),
        shares_figure(shares(), TEXTS),
        rank_figure(ranks(LEVEL), TEXTS),
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
    hostile = KeyedTexts(bad, bad, bad, str, keys=(bad, bad))
    drawn = (
        shrinkage_figure(shrinkage().replace("Option 0", bad), hostile),
        county_figure(counties(options=(bad, "New")), hostile),
        predictive_figure(replications().replace("New", bad), {"Usual": 1.0, bad: 2.0}, hostile),
        survival_figure(survival((bad, "New")), hostile),
        shares_figure(shares(cases=(bad,)), hostile),
        rank_figure(ranks(LEVEL, bad), hostile),
    )
    assert not any("<script" in figure.svg for figure in drawn)


def test_municipalities_without_a_raw_figure_stay_in_the_table_only() -> None:
    table = shrinkage((None, 40, None, 90))
    figure = shrinkage_figure(table, KEYED)
    assert figure.table is table
    few = shrinkage((40, 90))
    assert shrinkage_figure(few, KEYED).svg == figure.svg
    with pytest.raises(ValueError, match="no municipality has a raw figure"):
        shrinkage_figure(shrinkage((None, None)), KEYED)


@pytest.mark.parametrize("sizes", [(10,), (33, 34), (10, 100_000)])
def test_municipalities_may_be_of_any_size(sizes: tuple[float, ...]) -> None:
    assert "<svg" in shrinkage_figure(shrinkage(sizes, 1), KEYED).svg


@pytest.mark.parametrize("centre", [-3.0, 0.0, 8000.0])
@pytest.mark.parametrize("count", [1, 21])
def test_counties_of_any_number_and_sign(centre: float, count: int) -> None:
    figure = county_figure(counties(count, centre=centre), TEXTS)
    assert figure.height > 30 * count


def test_options_differ_by_more_than_colour() -> None:
    """In one colour they are still two: a broken line and a whole one, a square and a dot."""
    assert "stroke-dasharray" in survival_figure(survival(), TEXTS).svg
    marks = re.findall(r'<path id="m[^"]+" d="([^"]+)"', county_figure(counties(), TEXTS).svg)
    assert {"C" in mark for mark in marks if mark.rstrip().endswith("z")} == {True, False}  # round and straight


def test_a_prediction_tells_its_interval_and_the_observed() -> None:
    table = predictive_figure(replications(), {"Usual": 150.0, "New": 210.0}, KEYED, mass=0.8).table
    assert list(table.columns) == ["row", "observed", "low", "median", "high"]
    assert table["row"].to_list() == ["Usual", "New"]
    assert table["observed"].to_list() == [150, 210]
    assert table[["low", "median", "high"]].to_numpy().tolist() == [[110, 150, 190]] * 2


def test_a_prediction_of_one_value_is_drawn() -> None:
    assert "<svg" in predictive_figure(replications(5, 5), {"Usual": 5.0, "New": 5.0}, KEYED).svg


def test_ranks_are_counted_in_bars_beside_their_band() -> None:
    told = rank_figure(pd.concat([ranks(LEVEL), ranks(LEVEL // 2, "low")]), TEXTS, bins=10).table
    assert told.groupby("parameter")["simulations"].sum().to_dict() == {"effect": 404, "low": 404}
    assert told["rank_from"].iloc[0] == 0
    assert told["rank_to"].iloc[9] == 100
    effect = told[told["parameter"] == "effect"]
    assert (effect["simulations"] == 4 * (effect["rank_to"] - effect["rank_from"] + 1)).all()
    assert effect["simulations"].between(effect["low"], effect["high"]).all()
    low = told[told["parameter"] == "low"]
    assert not low["simulations"].between(low["low"], low["high"]).any()


def test_the_band_holds_as_many_bars_as_it_says() -> None:
    pick = np.random.default_rng(1)
    calibrated = pd.concat([ranks(pick.integers(0, 101, 400), f"parameter {n}") for n in range(25)])
    told = rank_figure(calibrated, TEXTS).table
    assert 0.98 <= told["simulations"].between(told["low"], told["high"]).mean() <= 1.0


def test_a_bar_outside_its_band_has_another_colour() -> None:
    assert "var(--loss)" not in rank_figure(ranks(LEVEL), TEXTS).svg
    assert "var(--loss)" in rank_figure(ranks(LEVEL // 2), TEXTS).svg


def test_a_share_with_no_room_for_its_figure_is_drawn_without() -> None:
    told: list[float] = []
    texts = AxisTexts("Share", "", "", lambda value: told.append(value) or "")  # type: ignore[func-returns-value]
    shares_figure(shares(8, ("Only",)), texts)
    split = np.arange(1, 9) / 36
    written = [share for share in split if any(abs(value - share) < 1e-12 for value in told)]
    assert written == [share for share in split if share >= 0.09]


def test_what_is_missing_or_wrong_is_refused() -> None:
    with pytest.raises(ValueError, match="missing or below 0"):
        shares_figure(shares().iloc[1:], TEXTS)
    with pytest.raises(ValueError, match="do not sum to one"):
        shares_figure(shares().assign(share=0.4), TEXTS)
    with pytest.raises(ValueError, match="9 parts cannot be told apart"):
        shares_figure(shares(9), TEXTS)
    with pytest.raises(ValueError, match="3 options cannot be told apart"):
        county_figure(counties(options=("A", "B", "C")), TEXTS)
    with pytest.raises(ValueError, match="does not hold its mean"):
        county_figure(counties().assign(low=0.9), TEXTS)
    with pytest.raises(ValueError, match="does not start from all clients"):
        survival_figure(survival()[lambda t: t["time"] > 0], TEXTS)
    with pytest.raises(ValueError, match="rises"):
        survival_figure(survival().assign(mean=[1.0, 0.5, 0.6] * 2), TEXTS)
    with pytest.raises(ValueError, match="outside 0 to 50"):
        rank_figure(ranks(LEVEL), TEXTS, highest=50)
