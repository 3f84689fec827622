"""Figures of a decision: the same bytes every time, a saving as the normal case, both signs, faults refused."""

from __future__ import annotations

import re
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from costeff.report.comparison_figures import KeyTexts
from costeff.report.decision_figures import (
    CORNERS,
    acceptability_figure,
    information_figure,
    loss_figure,
    plane_figure,
    study_figure,
)
from costeff.report.figures import PALETTE, Figure
from costeff.report.model_figures import CashTexts
from costeff.report.sensitivity_figures import payback_figure, tornado_figure

MONEY = "{:,.0f}".format
TEXTS = KeyTexts("Axis", "Title", "An alt text.", MONEY, amount=MONEY)
CASH = CashTexts("", "Title", "An alt text.", MONEY, total="Mean", lowest="Lowest", back="Interval")
CHANCE = KeyTexts("", "Title", "", "{:.0%}".format, keys=("never",))
CORNER_KEYS = ("helps and saves", "helps, costs", "harms and saves", "harms, costs", "a draw", "the mean")
TOLD = ("worth", "noise range", "noise", "everything")
COUNTRY, STATE = "County", "State"


def keyed(*keys: str, texts: KeyTexts = TEXTS) -> KeyTexts:
    return replace(texts, keys=keys)


def cloud(effect: float = 3.0, cost: float = -50_000.0, spread: float = 1.0, draws: int = 200) -> pd.DataFrame:
    """A service that helps and saves, unless told otherwise."""
    dice = np.random.default_rng(1)
    noise = dice.normal(size=(2, draws))
    return pd.DataFrame({"effect": effect + 2 * spread * noise[0], "cost": cost + 40_000 * spread * noise[1]})


def curves(options: tuple[str, ...] = ("Usual", "New")) -> pd.DataFrame:
    """The last option gains on the others as the threshold rises."""
    rows = []
    for worth in np.linspace(0, 100, 11):
        gain = np.array([1.0, *np.linspace(0.2, 2, len(options) - 1) * worth / 30])[: len(options)]
        share = gain / gain.sum()
        rows += [(o, worth, s, n == share.argmax()) for n, (o, s) in enumerate(zip(options, share, strict=True))]
    return pd.DataFrame(rows, columns=["option", "threshold", "value", "best"])


def known(trusted: bool = True, rows: int = 3) -> pd.DataFrame:
    values = np.linspace(5_000, 0, rows)
    table = pd.DataFrame({"row": [f"Number {n}" for n in range(rows)], "value": values, "error": 400.0, "null": 100.0})
    return table.assign(trusted=[trusted] + [True] * (rows - 1))


def studies(worth: float = 3.0) -> pd.DataFrame:
    size = np.array([50, 100, 200, 400])
    return pd.DataFrame(
        {"size": size, "value": 20_000 * worth * (1 - np.exp(-size / 80)), "cost": 5_000 + 100.0 * size}
    )


def moved(payers: tuple[str, ...] = (COUNTRY, STATE), sign: float = 1.0) -> pd.DataFrame:
    """What one payer gains another loses in part."""
    rows = [
        (name, end, f"{at}", payer, sign * size * side * (1.0 if payer == COUNTRY else -0.4))
        for name, size in (("Effect", 9_000.0), ("Price of a day, with a name that goes on for two lines", 4_000.0))
        for end, at, side in (("low", 0.5, -1.0), ("high", 0.9, 1.2))
        for payer in payers
    ]
    return pd.DataFrame(rows, columns=["parameter", "end", "at", "payer", "euros"])


def course(depth: float = -40_000.0, never: float = 0.3, years: int = 10) -> pd.DataFrame:
    mean = np.linspace(depth, 30_000, years)
    table = pd.DataFrame({"year": 2026 + np.arange(years), "mean": mean, "low": mean - 20_000, "high": mean + 20_000})
    return table.assign(back=(1 - never) / years)


def draw_all(texts: KeyTexts = TEXTS, cash: CashTexts = CASH, chance: KeyTexts = CHANCE) -> tuple[Figure, ...]:
    return (
        plane_figure(cloud(), keyed(*CORNER_KEYS, "a line", texts=texts), "{:.0%}".format, 20_000.0),
        acceptability_figure(curves(), keyed("best on average", texts=texts)),
        loss_figure(curves(), keyed("EVPI", texts=texts)),
        information_figure(known(), keyed(*TOLD, texts=texts), 8_000.0),
        study_figure(studies(), keyed("worth", "cost", "left", "best", texts=texts)),
        tornado_figure(moved(), keyed("all", texts=replace(texts, sides=("less", "more")))),
        payback_figure(course(), 0.3, cash, chance),
    )


# --- all of them --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def drawn() -> tuple[Figure, ...]:
    return draw_all()


def test_the_same_bytes_every_time_and_settings_are_left_alone(drawn: tuple[Figure, ...]) -> None:
    before = dict(mpl.rcParams)
    assert [f.svg for f in draw_all()] == [f.svg for f in drawn]
    assert dict(mpl.rcParams) == before


def test_a_drawing_runs_nothing_and_carries_its_alt_text(drawn: tuple[Figure, ...]) -> None:
    for figure in drawn:
        assert not re.search(r"<script|<image|<foreignObject|<!--|<metadata|on\w+=|http(?!://www\.w3\.org)", figure.svg)
        assert figure.alt == "An alt text."
        assert f'height="{figure.height}"' in figure._repr_html_()
        assert not figure.table.empty


def test_colours_follow_the_screen(drawn: tuple[Figure, ...]) -> None:
    for figure in drawn:
        assert "prefers-color-scheme:dark" in figure.svg
        assert all(light not in figure.svg.replace(f":{light}", "") for light, _ in PALETTE.values())


def test_texts_with_dollars_and_tags_are_drawn_not_run() -> None:
    bad = "$\\frac{1}{</svg><script>alert(1)</script>"
    hostile = replace(TEXTS, x=bad, y=bad, alt=bad, sides=(bad, bad))
    drawn = (
        *draw_all(hostile, replace(CASH, y=bad, total=bad, lowest=bad, back=bad), replace(CHANCE, y=bad, keys=(bad,))),
        tornado_figure(moved().replace({"Effect": bad, STATE: bad, "0.5": bad}), keyed(bad)),
        information_figure(known().replace("Number 0", bad), keyed(*[bad] * 4), 8_000.0),
        acceptability_figure(curves((bad, "New")), keyed(bad)),
    )
    assert not any("<script" in figure.svg for figure in drawn)


# --- the plane ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("effect", "cost", "corner"),
    [(30, -1e6, "helps_saves"), (30, 1e6, "helps_costs"), (-30, -1e6, "harms_saves"), (-30, 1e6, "harms_costs")],
)
def test_a_draw_lies_in_its_corner_and_the_words_have_room_in_all_four(effect: float, cost: float, corner: str) -> None:
    figure = plane_figure(cloud(effect, cost), keyed(*CORNER_KEYS), "{:.0%}".format)
    share = figure.table.set_index("corner")["share"]
    assert share[corner] == pytest.approx(1)
    assert share.sum() == pytest.approx(1)
    assert figure.table["corner"].to_list() == list(CORNERS)


def test_shares_of_corners_are_those_of_all_draws_and_not_of_those_drawn() -> None:
    table = cloud(0.5, 1_000.0, draws=3_001)
    share = plane_figure(table, keyed(*CORNER_KEYS), "{:.0%}".format).table.set_index("corner")["share"]
    helps, saves = table["effect"] > 0, table["cost"] < 0
    assert share["helps_saves"] == pytest.approx((helps & saves).mean())
    assert share["harms_costs"] == pytest.approx((~helps & ~saves).mean())


def test_no_effect_at_no_cost_lies_in_all_corners_alike() -> None:
    """Identical options: an ordinary case, and no division by the width of the cloud."""
    figure = plane_figure(cloud(0, 0, spread=0), keyed(*CORNER_KEYS), "{:.0%}".format)
    assert figure.table["share"].to_list() == [0.25] * 4


def test_shares_are_written_as_they_are_told_to_be() -> None:
    told: list[float] = []
    plane_figure(cloud(), keyed(*CORNER_KEYS), lambda share: told.append(share) or "")  # type: ignore[func-returns-value]
    assert sum(told) == pytest.approx(1)
    assert len(told) == 4


def test_many_draws_make_no_larger_a_drawing() -> None:
    few, many = (plane_figure(cloud(draws=n), keyed(*CORNER_KEYS), str).svg for n in (400, 40_000))
    assert len(many) < 1.1 * len(few)


# --- curves -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [("Only",), ("Usual", "New"), ("A", "B", "C", "D", "E")])
def test_options_differ_by_line_and_not_by_colour_alone(options: tuple[str, ...]) -> None:
    svg = acceptability_figure(curves(options), keyed("best")).svg
    dashes = set(re.findall(r"stroke-dasharray: ?([\d., ]+)", svg))
    assert len(dashes) == len(options) - 1


def test_an_option_that_is_never_best_has_a_line_and_no_band() -> None:
    table = curves()
    always = table.assign(best=table["option"] == "New")
    assert "<svg" in acceptability_figure(always, keyed("best")).svg
    assert acceptability_figure(always, keyed("best")).svg != acceptability_figure(table, keyed("best")).svg


def test_no_loss_at_any_threshold_is_drawn() -> None:
    assert "<svg" in loss_figure(curves().assign(value=0.0), keyed("EVPI")).svg


# --- information --------------------------------------------------------------------------------------


def test_a_fit_that_is_refused_is_hatched_and_has_a_key_of_its_own() -> None:
    assert "pattern" not in information_figure(known(), keyed(*TOLD), 8_000.0).svg
    refused = information_figure(known(trusted=False), keyed(*TOLD, "refused"), 8_000.0)
    assert "<pattern" in refused.svg
    with pytest.raises(ValueError, match="zip"):
        information_figure(known(trusted=False), keyed(*TOLD), 8_000.0)


def test_nothing_to_learn_is_drawn() -> None:
    nothing = known().assign(value=0.0, error=0.0, null=0.0)
    assert "<svg" in information_figure(nothing, keyed(*TOLD), 0.0).svg


@pytest.mark.parametrize("rows", [1, 17])
def test_any_number_of_parameters(rows: int) -> None:
    assert information_figure(known(rows=rows), keyed(*TOLD), 8_000.0).height > 30 * rows


def test_the_best_study_has_a_mark_only_where_one_pays() -> None:
    told: list[float] = []
    texts = replace(
        keyed("worth", "cost", "left", "best"),
        amount=lambda size: told.append(size) or f"{size:.0f}",  # type: ignore[func-returns-value]
    )
    left = studies().assign(left=lambda t: t["value"] - t["cost"]).set_index("size")["left"]
    study_figure(studies(), texts)
    paying = told.copy()
    told.clear()
    study_figure(studies(worth=0.1), texts)
    assert sorted(paying) == sorted([*told, left.idxmax()]), "the sizes of the axis, and the best of them in a key"


def test_a_study_that_was_refused_is_left_out_of_the_drawing_and_kept_in_the_table() -> None:
    keys = keyed("worth", "cost", "left", "best")
    table = studies()
    table.loc[1, "value"] = np.nan
    figure = study_figure(table, keys)
    assert figure.table is table
    assert figure.svg == study_figure(table.dropna(), keys).svg


# --- the tornado and the money ------------------------------------------------------------------------


@pytest.mark.parametrize("sign", [1.0, -1.0, 0.0])
def test_a_tornado_has_gains_and_losses_in_one_bar(sign: float) -> None:
    assert "<svg" in tornado_figure(moved(sign=sign), keyed("all")).svg


def bars(svg: str, colour: str) -> list[tuple[float, float]]:
    """Left and right ends of the bars of a colour, from the top."""
    paths = re.findall(rf'<path d="([^"]+)"[^>]*style="fill: var\(--{colour}\)', svg)
    ends = [[float(x) for x in re.findall(r"[ML] ([\d.]+) ", path)] for path in paths]
    return [(min(x), max(x)) for x in ends if len(set(x)) == 2]


def test_a_payer_who_loses_is_drawn_left_of_zero() -> None:
    """Both payers of a bar start from zero, each on the side of its sign."""
    svg = tornado_figure(moved(), keyed("all")).svg
    county, state = (bars(svg, colour)[:4] for colour in ("step1", "step8"))  # of two payers, the palest and deepest
    assert len(county) == len(state) == 4
    for (low, high), (other_low, other_high), gains in zip(county, state, (False, True) * 2, strict=True):
        assert (low if gains else high) == pytest.approx(other_high if gains else other_low, abs=0.5)
        assert (high - low) == pytest.approx((other_high - other_low) / 0.4, rel=0.02)


def test_payers_of_one_sign_stand_one_after_the_other() -> None:
    alike = moved().assign(euros=lambda t: t["euros"].abs())
    svg = tornado_figure(alike, keyed("all")).svg
    for (_, end), (start, _) in zip(bars(svg, "step1")[:4], bars(svg, "step8")[:4], strict=True):
        assert end == pytest.approx(start, abs=0.5)


def test_the_order_of_rows_is_the_order_of_bars() -> None:
    turned = moved().iloc[::-1]
    assert tornado_figure(moved(), keyed("all")).svg != tornado_figure(turned, keyed("all")).svg


@pytest.mark.parametrize(("depth", "never"), [(-40_000.0, 0.3), (-1.0, 1.0), (5_000.0, 0.0)])
def test_money_that_never_comes_back_or_was_never_owed(depth: float, never: float) -> None:
    figure = payback_figure(course(depth, never), never, CASH, CHANCE)
    assert ("var(--loss)" in figure.svg) or depth > 0
    assert figure.height == payback_figure(course(depth, never), never, CASH, CHANCE).height


def test_one_year_is_drawn() -> None:
    assert "<svg" in payback_figure(course(years=1), 0.3, CASH, CHANCE).svg


def test_the_lowest_point_is_told_where_there_is_one() -> None:
    below, above = (payback_figure(course(depth), 0.3, CASH, CHANCE) for depth in (-40_000.0, 5_000.0))
    assert below.svg.count("<path") > above.svg.count("<path")


# --- faults -------------------------------------------------------------------------------------------


def test_what_is_missing_or_wrong_is_refused() -> None:
    plain = "{:.0%}".format
    with pytest.raises(ValueError, match="no effect to show"):
        plane_figure(cloud(draws=0), keyed(*CORNER_KEYS), plain)
    with pytest.raises(ValueError, match="cost is missing or not finite"):
        plane_figure(cloud().assign(cost=np.inf), keyed(*CORNER_KEYS), plain)
    with pytest.raises(ValueError, match="do not sum to 1"):
        acceptability_figure(curves().iloc[1:], keyed("best"))
    with pytest.raises(ValueError, match="one option is the best"):
        acceptability_figure(curves().assign(best=True), keyed("best"))
    with pytest.raises(ValueError, match="6 options cannot be told apart"):
        loss_figure(curves(tuple("ABCDEF")), keyed("EVPI"))
    with pytest.raises(ValueError, match="missing or below 0"):
        loss_figure(curves().assign(value=-1.0), keyed("EVPI"))
    with pytest.raises(ValueError, match="below 0"):
        information_figure(known().assign(null=-1.0), keyed(*TOLD), 8_000.0)
    with pytest.raises(ValueError, match="no value to show"):
        information_figure(known().iloc[:0], keyed(*TOLD), 8_000.0)
    with pytest.raises(ValueError, match="no size to show"):
        study_figure(studies().assign(value=np.nan), keyed("worth", "cost", "left", "best"))
    with pytest.raises(ValueError, match="stands twice"):
        study_figure(studies().assign(size=50), keyed("worth", "cost", "left", "best"))
    with pytest.raises(ValueError, match="a low and a high end"):
        tornado_figure(moved()[lambda t: t["end"] == "low"], keyed("all"))
    with pytest.raises(ValueError, match="missing or not finite"):
        tornado_figure(moved().assign(euros=np.nan), keyed("all"))
    with pytest.raises(ValueError, match="no amount to show"):
        tornado_figure(moved().iloc[:0], keyed("all"))
    with pytest.raises(ValueError, match="do not sum to 1"):
        payback_figure(course(), 0.5, CASH, CHANCE)
    with pytest.raises(ValueError, match="missing or not finite"):
        payback_figure(course().assign(mean=np.nan), 0.3, CASH, CHANCE)
