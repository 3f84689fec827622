"""One value at a time, two, scenarios and where the answer turns: by hand, and a published analysis redone."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from costeff import decision
from costeff.errors import UsageError

BASE = {"price": 1000.0, "effect": 0.3, "clients": 10.0, "idle": 5.0}
RANGES = {"idle": (0.0, 9.0), "price": (800.0, 1500.0), "effect": (0.0, 0.5)}


def saving(values: Mapping[str, float]) -> xr.DataArray:
    """The municipality pays the price, the county saves 5 000 a unit of effect."""
    paid = [-values["price"] * values["clients"], 5000 * values["effect"] * values["clients"]]
    return xr.DataArray(paid, dims="payer", coords={"payer": ["municipality", "county"]}, attrs={"unit": "EUR"})


# --- published ------------------------------------------------------------------------------------

HIV = {"rr": 0.509, "cost_zido": 2278.0, "cost_lami": 2086.0, "dr": 0.06}
HIV_RANGES = {"rr": (0.4, 0.6), "cost_zido": (1500.0, 3000.0), "cost_lami": (1500.0, 3000.0), "dr": (0.04, 0.08)}


def hiv(values: Mapping[str, float]) -> xr.DataArray:
    """Cost and life-years of combination therapy over monotherapy, a person: four states, 20 years, undiscounted
    life-years, each year counted as the mean of its beginning and end."""
    move = np.array([[0, 0.202, 0.067, 0.010], [0, 0, 0.407, 0.012], [0, 0, 0, 0.250], [0, 0, 0, 0]])
    care = np.array([2756.0, 3052.0, 9007.0, 0.0])
    alive = np.array([1.0, 1.0, 1.0, 0.0])
    out = []
    for ratio, drugs in ((1.0, values["cost_zido"]), (values["rr"], values["cost_zido"] + values["cost_lami"])):
        matrix = move * ratio
        matrix = matrix + np.diag(1 - matrix.sum(axis=1))
        here, cost, years = np.array([1.0, 0, 0, 0]), 0.0, 0.0
        for year in range(20):
            after = here @ matrix
            there = (here + after) / 2
            cost += there @ (care + drugs * alive) / (1 + values["dr"]) ** year
            years += there @ alive
            here = after
        out.append((cost, years))
    (mono_cost, mono_years), (both_cost, both_years) = out
    found = [both_cost - mono_cost, both_years - mono_years]
    return xr.DataArray(found, dims="outcome", coords={"outcome": ["cost", "life_years"]})


def test_the_tornado_of_combination_therapy_for_hiv() -> None:
    """Lamivudine with zidovudine against zidovudine alone, after Chancellor et al. (PharmacoEconomics 1997;12:54-66),
    as the vignette "Deterministic Sensitivity Analysis" of the R package heemod
    (https://cran.r-project.org/package=heemod) models and varies it. To the last printed digit: cost to 0.005,
    life-years to 5e-7, the ratio to 0.0005."""
    found = decision.one_way(hiv, HIV, HIV_RANGES)
    cost, years = (found["result"].sel(outcome=name) for name in ("cost", "life_years"))
    printed = {
        "cost_lami": ((31_176.00, 45_395.35), (5_435.845, 7_915.129)),
        "cost_zido": ((34_409.75, 38_885.22), (5_999.681, 6_780.024)),
        "dr": ((44_242.38, 30_907.61), (7_714.097, 5_389.047)),
        "rr": ((41_156.24, 32_383.64), (5_570.083, 7_328.966)),
    }
    for name, (costs, ratios) in printed.items():
        assert cost.sel(parameter=name).values == pytest.approx(costs, abs=0.0051)
        assert (cost / years).sel(parameter=name).values == pytest.approx(ratios, abs=0.00051)
    assert years.sel(parameter="rr").values == pytest.approx([7.388802, 4.418583], abs=5.1e-7)
    assert years.sel(parameter="dr").values == pytest.approx([5.735263] * 2, abs=5.1e-7)
    base = found["base"]
    assert float(base.sel(outcome="cost") / base.sel(outcome="life_years")) == pytest.approx(6_404.419, abs=0.00051)
    width = found["width"].sel(outcome="cost")
    order = ["cost_lami", "dr", "rr", "cost_zido"]
    assert found["parameter"].values.tolist() == order
    assert width.values == pytest.approx([14_219.35, 13_334.77, 8_772.60, 4_475.47], abs=0.011)


# --- one-way --------------------------------------------------------------------------------------


def test_one_way_by_hand() -> None:
    found = decision.one_way(saving, BASE, RANGES)
    assert found["parameter"].values.tolist() == ["effect", "price", "idle"]
    assert found["value"].sel(parameter="price").values.tolist() == [800, 1500]
    assert found["base"].values.tolist() == [-10_000, 15_000]
    assert found["result"].sel(parameter="effect", payer="county").values.tolist() == [0, 25_000]
    assert found["change"].sel(parameter="price", payer="municipality").values.tolist() == [2_000, -5_000]
    assert found["width"].values.tolist() == [25_000, 7_000, 0]
    assert found["result"].attrs["unit"] == "EUR"


def test_payers_stack_to_the_whole() -> None:
    found = decision.one_way(saving, BASE, RANGES)
    whole = decision.one_way(lambda values: saving(values).sum("payer", keep_attrs=True), BASE, RANGES)
    for name in ("result", "base", "change"):
        xr.testing.assert_allclose(found[name].sum("payer"), whole[name])
    xr.testing.assert_allclose(found["width"], whole["width"])


def test_a_result_that_moves_one_way_from_both_ends_is_as_wide_as_it_moves() -> None:
    found = decision.one_way(lambda v: xr.DataArray((v["x"] - 1) ** 2), {"x": 1.0}, {"x": (0.0, 3.0)})
    assert float(found["width"][0]) == 4
    assert found["change"].values.tolist() == [[1, 4]]


@given(price=st.floats(801, 1499), effect=st.floats(0.01, 0.49))
@settings(max_examples=3, deadline=None)
def test_the_order_given_does_not_matter(price: float, effect: float) -> None:
    base = {**BASE, "price": price, "effect": effect}
    turned = dict(reversed(RANGES.items()))
    xr.testing.assert_identical(decision.one_way(saving, base, RANGES), decision.one_way(saving, base, turned))


def test_all_that_is_wrong_with_ranges_is_told() -> None:
    ranges = {"prise": (0, 1), "price": (2000, 3000), "effect": (0.5, 0.2), "idle": (0, math.nan)}
    with pytest.raises(UsageError) as told:
        decision.one_way(saving, BASE, ranges)
    words = str(told.value)
    assert "4 problems" in words
    assert "value prise: is not in the base\n    -> the base has price, effect, clients, idle" in words
    assert "ranges price: from 2000 to 3000 does not hold the base 1000" in words
    assert "ranges effect" in words
    assert "ranges idle" in words


@pytest.mark.parametrize("ends", [800, "low to high", None, (800,), (800, 1000, 1500), ("800", "1500")])
def test_a_range_has_two_ends(ends: object) -> None:
    with pytest.raises(UsageError, match=r"ranges price: is .*\n.*a low end below a high end"):
        decision.one_way(saving, BASE, {"price": ends})
    with pytest.raises(UsageError, match="ranges: is not by name"):
        decision.one_way(saving, BASE, ["price"])


def test_a_dim_that_the_analysis_adds_is_taken() -> None:
    for dim in ("parameter", "end"):
        with pytest.raises(UsageError, match=f"result: has a dim named {dim}"):
            decision.one_way(lambda v: saving(v).rename(payer=dim), BASE, RANGES)  # noqa: B023 called at once
    with pytest.raises(UsageError, match="result: has a dim named price"):
        decision.along(lambda v: saving(v).rename(payer="price"), BASE, "price", [1, 2])
    with pytest.raises(UsageError, match="result: is no array of numbers"):
        decision.along(lambda v: "a text", BASE, "price", [1, 2])


def test_a_result_that_is_no_number_names_the_place() -> None:
    with pytest.raises(UsageError, match="result at x = 0: is missing or infinite"), np.errstate(all="ignore"):
        decision.one_way(lambda v: xr.DataArray(np.float64(1) / v["x"]), {"x": 1.0}, {"x": (0.0, 2.0)})
    with pytest.raises(UsageError, match="result: is over draw"):
        decision.one_way(lambda v: xr.DataArray([1.0, v["x"]], dims="draw"), {"x": 1.0}, {"x": (0.0, 2.0)})
    with pytest.raises(UsageError, match="changes its dims or labels"):
        decision.scenarios(lambda v: saving(v)[: int(v["idle"])], {**BASE, "idle": 2.0}, {"one payer": {"idle": 1.0}})
    with pytest.raises(UsageError, match="ranges: are empty"):
        decision.one_way(saving, BASE, {})


# --- two-way and along ----------------------------------------------------------------------------


def test_two_way_is_every_pair() -> None:
    found = decision.two_way(saving, BASE, {"price": [500, 1000], "effect": [0, 0.1, 0.3]})
    assert found.dims == ("price", "effect", "payer")
    for price in (500, 1000):
        for effect in (0, 0.1, 0.3):
            one = saving({**BASE, "price": price, "effect": effect})
            np.testing.assert_array_equal(found.sel(price=price, effect=effect), one)
    line = decision.along(saving, BASE, "effect", [0, 0.1, 0.3])
    np.testing.assert_array_equal(found.sel(price=1000), line)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"price": [1]}, "hold 1 names"),
        ({"price": [1], "prise": [2]}, "value prise: is not in the base"),
        ({"price": [1, 1], "effect": [2]}, "values price: hold none, one twice"),
        ({"price": [], "effect": [2]}, "values price: hold none"),
        ({"price": ["a"], "effect": [2]}, "values price: hold none"),
        ({"price": 5, "effect": [2]}, "values price: hold none"),
    ],
)
def test_bad_grids_are_refused(values: dict[str, list[float]], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        decision.two_way(saving, BASE, values)


# --- scenarios ------------------------------------------------------------------------------------


def test_scenarios_each_start_from_the_base() -> None:
    found = decision.scenarios(saving, BASE, {"cheap": {"price": 500}, "weak": {"effect": 0.1, "price": 900}})
    assert found["scenario"].values.tolist() == ["base", "cheap", "weak"]
    assert found["result"].sum("payer").values.tolist() == [5_000, 10_000, -4_000]
    assert found["change"].sum("payer").values.tolist() == [0, 5_000, -9_000]
    assert found["changed"].values.tolist() == ["", "price 1000 -> 500", "effect 0.3 -> 0.1, price 1000 -> 900"]


def test_bad_scenarios_are_told_at_once() -> None:
    with pytest.raises(UsageError) as told:
        decision.scenarios(saving, BASE, {"base": {"price": 1}, "same": {}, "odd": {"prise": 1, "price": math.inf}})
    assert "4 problems" in str(told.value)
    assert "scenario odd prise: is not in the base" in str(told.value)
    with pytest.raises(UsageError, match="scenario none: is no set of changes"):
        decision.scenarios(saving, BASE, {"none": None})
    with pytest.raises(UsageError, match="scenario text price: is missing, infinite or no number"):
        decision.scenarios(saving, BASE, {"text": {"price": "900"}})
    with pytest.raises(UsageError, match="changes: is not by name"):
        decision.scenarios(saving, BASE, None)


# --- where the answer turns -----------------------------------------------------------------------


def test_break_even_by_hand() -> None:
    found = decision.break_even(saving, BASE, "price", 0, 4000)
    assert found.turns == pytest.approx([1500])
    assert (found.at_low, found.at_high) == (15_000, -25_000)
    assert str(found) == "price: turns at 1500 between 0 and 4000 (15000 at the low end, -25000 at the high end)"
    assert decision.break_even(saving, BASE, "effect", 0, 1).turns == pytest.approx([0.2])


def test_where_it_does_not_turn_nothing_is_invented() -> None:
    found = decision.break_even(saving, BASE, "price", 0, 1400)
    assert found.turns == ()
    assert "does not turn between 0 and 1400" in str(found)


def test_every_turn_is_told() -> None:
    found = decision.break_even(lambda v: xr.DataArray(math.cos(v["x"])), {"x": 0.0}, "x", 0, 10)
    assert found.turns == pytest.approx([math.pi / 2, 3 * math.pi / 2, 5 * math.pi / 2])


@pytest.mark.parametrize(
    ("shape", "turns"),
    [
        (lambda x: (x - 4) ** 2, []),  # touches at a point of the grid
        (lambda x: 0.0, []),  # stays at nothing
        (lambda x: max(0.0, x - 4), []),  # leaves nothing
        (lambda x: x - 4, [4]),  # turns at a point of the grid
        (lambda x: x - 4.1, [4.1]),
        (lambda x: min(0.0, x - 4) + max(0.0, x - 6), [4]),  # stays at nothing between
        (lambda x: -1.0 if x < 4.2 else 1.0, [4.2]),  # jumps
        (lambda x: x, []),  # begins at nothing
        (lambda x: max(0.0, x - 5) - max(0.0, 2.3 - x), [2.3]),  # comes to nothing between two points of the grid
        (lambda x: max(0.0, x - 4.9) - max(0.0, 4.6 - x), [4.6]),  # and leaves it before the next one
        (lambda x: max(0.0, 2.3 - x) - max(0.0, x - 5), [2.3]),  # falling
    ],
)
def test_what_counts_as_a_turn(shape: object, turns: list[float]) -> None:
    found = decision.break_even(lambda v: xr.DataArray(float(shape(v["x"]))), {"x": 1.0}, "x", 0, 8)
    assert found.turns == pytest.approx(turns, abs=1e-9)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (("prise", 0, 1), "value prise: is not in the base"),
        (("price", 2, 1), "low, high: are 2 and 1"),
        (("price", 0, math.inf), "low, high"),
        (("price", 0, 1, 1), "points: are 1"),
        (("price", 0, 1, 5.0), "points: are 5.0"),
        (("price", "0", 1), "low, high: are 0 and 1"),
    ],
)
def test_bad_questions_are_refused(asked: tuple[object, ...], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        decision.break_even(saving, BASE, *asked)


@pytest.mark.parametrize(
    ("evaluate", "base", "told"),
    [
        (3, BASE, "evaluate: is no model"),
        (saving, None, "base: is not by name"),
        (saving, {**BASE, "price": "1000"}, "base price: is missing, infinite or no number"),
    ],
)
def test_a_model_and_its_base_come_first(evaluate: object, base: object, told: str) -> None:
    calls = (
        lambda: decision.one_way(evaluate, base, RANGES),
        lambda: decision.along(evaluate, base, "price", [1, 2]),
        lambda: decision.scenarios(evaluate, base, {"cheap": {"price": 500}}),
        lambda: decision.break_even(evaluate, base, "price", 0, 1),
    )
    for call in calls:
        with pytest.raises(UsageError, match=told):
            call()
