"""Figures of contracts: both signs, the same bytes every time, what is told apart, and input that cannot be drawn."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from itertools import pairwise, product

import numpy as np
import pandas as pd
import pytest

from costeff.report.comparison_figures import KeyTexts
from costeff.report.contract_figures import CASES, LINES, payment_figure, ruin_figure, sides_figure
from costeff.report.figures import PALETTE, Figure

NAMES = ("Price per hour", "Difference to a comparison group, both ways", "Hours and outcomes with a cap")


def texts(*keys: str, sides: tuple[str, str] | None = None) -> KeyTexts:
    return KeyTexts("The x", "The y", "An alt text.", lambda v: f"{v:.1f}", sides, keys, lambda n: f"{n:.0f}")


def sides(shift: float = 0.0, cases: int = 2) -> pd.DataFrame:
    rows = product(("Buyer", "Provider"), NAMES, range(cases))
    table = pd.DataFrame(rows, columns=["panel", "row", "case"])
    return table.assign(mean=shift, low=shift - 300.0, high=shift + 200.0)


def paid(lines: int = 3, slope: float = 60.0) -> pd.DataFrame:
    rows = product(range(-2, 5), [f"way {number}" for number in range(lines)])
    table = pd.DataFrame(rows, columns=["helped", "line"])
    return table.assign(euros=slope * table["helped"] + 10)


def ruin() -> pd.DataFrame:
    table = pd.DataFrame(product((10, 100, 1000), NAMES), columns=["clients", "line"])
    return table.assign(probability=2.0 / table["clients"])


@cache
def draw_all() -> tuple[Figure, ...]:
    return (
        sides_figure(sides(), texts("effect", "none", sides=("loses", "gains"))),
        payment_figure(paid(), texts("an hour", "an outcome", "saved"), beside=("way 2",)),
        ruin_figure(ruin(), texts(*NAMES)),
    )


def test_the_same_bytes_every_time() -> None:
    assert [figure.svg for figure in draw_all()] == [figure.svg for figure in draw_all.__wrapped__()]


def test_a_drawing_runs_nothing_and_carries_its_table_and_alt_text() -> None:
    for figure, rows in zip(draw_all(), (12, 21, 9), strict=True):
        assert not re.search(r"<script|<image|<foreignObject|<!--|<metadata|on\w+=|http(?!://www\.w3\.org)", figure.svg)
        assert figure.alt == "An alt text."
        assert 'alt="An alt text."' in figure._repr_html_()
        assert f'height="{figure.height}"' in figure._repr_html_()
        assert len(figure.table) == rows


def test_colours_follow_the_screen() -> None:
    for figure in draw_all():
        assert "prefers-color-scheme:dark" in figure.svg
        assert all(light not in figure.svg.replace(f":{light}", "") for light, _ in PALETTE.values())


@pytest.mark.parametrize("shift", [-1e6, 0.0, 1e6])
def test_both_sides_may_gain_or_lose(shift: float) -> None:
    figure = sides_figure(sides(shift), texts("effect", "none"))
    assert figure.svg != draw_all()[0].svg
    assert figure.table["mean"].unique().tolist() == [shift]


@pytest.mark.parametrize("slope", [-60.0, 0.0, 60.0])
def test_a_payment_may_rise_fall_and_be_paid_back(slope: float) -> None:
    drawn = payment_figure(paid(slope=slope), texts("a", "b", "c"))
    turned = payment_figure(paid(slope=slope + 1), texts("a", "b", "c"))
    assert drawn.svg != turned.svg


def test_cases_and_lines_are_told_apart_by_more_than_colour() -> None:
    assert len({(marker, filled) for marker, _, filled in CASES}) == len(CASES)
    assert len({marker for marker, _, _ in LINES}) == len({colour for _, colour, _ in LINES}) == len(LINES)
    assert all(one[2] != other[2] for one, other in pairwise(LINES))


def test_a_line_beside_the_contracts_has_no_marker_and_is_ink() -> None:
    among, beside = (payment_figure(paid(1), texts("saved"), beside=names).svg for names in ((), ("way 0",)))
    assert among.count("<use") > beside.count("<use")
    assert beside.count("var(--ink)") > among.count("var(--ink)")


def test_long_names_and_more_cases_have_room() -> None:
    few, many = (sides_figure(sides(cases=cases), texts(*"abcd"[:cases])).height for cases in (1, 4))
    assert many > few
    with pytest.raises(ValueError, match="5 cases cannot be told apart"):
        sides_figure(sides(cases=5), texts(*"abcde"))


def test_a_ruin_that_never_comes_is_a_flat_line() -> None:
    assert "<svg" in ruin_figure(ruin().assign(probability=0.0), texts(*NAMES)).svg
    assert "<svg" in ruin_figure(ruin().assign(probability=1.0), texts(*NAMES)).svg
    one = ruin()
    assert "<svg" in ruin_figure(one[one["clients"] == 10], texts(*NAMES)).svg


REFUSED: list[tuple[Callable[[], Figure], str]] = [
    (lambda: sides_figure(sides().iloc[:0], texts()), "nothing to draw"),
    (lambda: sides_figure(sides(np.nan), texts("a", "b")), "missing or infinite"),
    (lambda: sides_figure(sides(np.inf), texts("a", "b")), "missing or infinite"),
    (lambda: payment_figure(paid().iloc[:0], texts()), "nothing to draw"),
    (lambda: payment_figure(paid(slope=np.nan), texts("a", "b", "c")), "missing or infinite"),
    (lambda: payment_figure(pd.concat([paid(), paid()]), texts("a", "b", "c")), "two values at one place"),
    (lambda: payment_figure(paid().iloc[1:], texts("a", "b", "c")), "no value at a place"),
    (lambda: payment_figure(paid(9), texts(*"abcdefghi")), "9 lines cannot be told apart"),
    (lambda: ruin_figure(ruin().assign(probability=1.2), texts(*NAMES)), "a probability from 0 to 1"),
    (lambda: ruin_figure(ruin().assign(clients=0).drop_duplicates("line"), texts(*NAMES)), "clients is above 0"),
    (lambda: ruin_figure(ruin(), texts("too few")), "zip"),
]


@pytest.mark.parametrize(("call", "rule"), REFUSED)
def test_what_cannot_be_drawn_is_refused(call: Callable[[], Figure], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        call()
