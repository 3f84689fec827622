"""ICERs: published tables, a slow definition of dominance as the oracle, and the ordinary awkward cases."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import xarray as xr
from decision_builders import labelled, random_choice
from hypothesis import given, settings
from hypothesis import strategies as st

from costeff import decision
from costeff.decision import Status
from costeff.errors import UsageError


def table(cost: list[float], effect: list[float], names: list[str]) -> xr.Dataset:
    return decision.icers(labelled(cost, names), labelled(effect, names, "QALY"))


# --- published ------------------------------------------------------------------------------------


def test_six_strategies_with_both_kinds_of_dominance() -> None:
    """Teaching table of the Health Economics Resource Center, US Department of Veterans Affairs: usual care and five
    interventions, as the R package dampack tests itself against it (tests/testthat/test_calculate_icers.R of
    https://github.com/DARTH-git/dampack). Exact."""
    names = ["E", "D", "C", "B", "A", "UC"]
    found = table([55_000, 35_000, 25_000, 10_000, 12_000, 5_000], [5, 4, 3, 2, 1.5, 1], names)
    told = {name: found.sel(option=name) for name in names}
    assert {n: str(t["status"].item()) for n, t in told.items()} == {
        "UC": "frontier", "B": "frontier", "D": "frontier", "E": "frontier", "C": "extendedly dominated",
        "A": "dominated",
    }  # fmt: skip
    assert [float(told[n]["icer"]) for n in ("B", "D", "E")] == [5_000, 12_500, 20_000]
    assert [float(told[n]["incremental_cost"]) for n in ("B", "D", "E")] == [5_000, 25_000, 20_000]
    assert [float(told[n]["incremental_effect"]) for n in ("B", "D", "E")] == [1, 2, 1]
    assert all(np.isnan(told[n]["icer"]) for n in ("UC", "A", "C"))
    against = {n: str(t["against"].item()) for n, t in told.items()}
    assert against == {"UC": "", "B": "UC", "D": "B", "E": "D", "C": "B, D", "A": "B"}


def test_five_ways_to_screen_for_hiv() -> None:
    """The costs and quality-adjusted months of the vignette "Basic Cost Effectiveness Analysis" of the R package
    dampack (https://cran.r-project.org/package=dampack): annual screening is dominated. By hand from its inputs."""
    names = ["status quo", "one time", "5yr", "3yr", "annual"]
    effect = [month / 12 for month in (277.25, 277.57, 277.78, 277.83, 277.76)]
    found = table([26_000, 27_000, 28_020, 28_440, 29_440], effect, names)
    assert found["option"].values.tolist() == names
    assert found["icer"].values[1:4] == pytest.approx([37_500, 58_285.71, 100_800], abs=0.5)
    assert found["status"].values.tolist() == ["frontier"] * 4 + ["dominated"]


def test_the_frontier_of_screening_for_colorectal_cancer() -> None:
    """Table 7 of "Re-interpreting the data on the cost and effectiveness of population screening for colorectal cancer
    in Australia" (2005), https://doi.org/10.1186/1743-8462-2-10: six options that are left after dominance. To the
    printed dollar; effects are printed as whole life-years, so that one unit is the rounding."""
    names = ["existing", "FOBT2", "DCBE5", "DCBE3", "FOBT1+DCBE5", "FOBT1+DCBE3"]
    cost = [0, 140_117_791, 248_112_291, 304_301_903, 370_181_240, 422_777_702]
    found = table(cost, [0, 3_551, 6_023, 6_720, 7_076, 7_299], names)
    assert (found["status"] == "frontier").all()
    assert found["icer"].values[1:] == pytest.approx([39_459, 43_687, 80_616, 185_054, 235_859], abs=1)


def test_an_option_of_the_same_effect_and_a_higher_cost_is_dominated() -> None:
    """No treatment, treat all, test and treat: the third case of dampack's tests (see above); testing costs less
    than doing nothing and gives as much as treating all, so that no ratio is left."""
    names = ["none", "treat all", "test and treat"]
    found = table([163_771.0, 164_848.7, 163_765.1], [6.48273, 6.52861, 6.52861], names)
    assert found["option"].values[0] == "test and treat"
    assert found["status"].sel(option=names).values.tolist() == ["dominated", "dominated", "frontier"]
    assert np.isnan(found["icer"]).all()


# --- the definition, slowly -----------------------------------------------------------------------


def slow_status(cost: list[float], effect: list[float]) -> list[str]:
    """By definition, over all options and all mixes of two."""
    out = []
    for i, (c, e) in enumerate(zip(cost, effect, strict=True)):
        others = [(cost[j], effect[j]) for j in range(len(cost)) if (cost[j], effect[j]) != (c, e)]
        if any(oc <= c and oe >= e for oc, oe in others):
            out.append("dominated")
        elif (c, e) in [(cost[j], effect[j]) for j in range(i)]:
            out.append("duplicate")
        elif any(
            min(a[1], b[1]) < e < max(a[1], b[1]) and a[0] + (e - a[1]) / (b[1] - a[1]) * (b[0] - a[0]) < c - 1e-9
            for a, b in itertools.combinations(others, 2)
        ):
            out.append("extendedly dominated")
        else:
            out.append("frontier")
    return out


@given(seed=st.integers(0, 10_000), size=st.integers(2, 7))
@settings(max_examples=12, deadline=None)
def test_the_definition_agrees(seed: int, size: int) -> None:
    random = np.random.default_rng(seed)
    cost, effect = random.integers(-5, 6, size).tolist(), random.integers(-4, 5, size).tolist()
    names = list("abcdefg")[:size]
    found = table(cost, effect, names).sel(option=names)
    slow = slow_status(cost, effect)
    twins = [(cost.count(c), effect.count(e)) for c, e in zip(cost, effect, strict=True)]
    for name, status, wanted, (many, much) in zip(names, found["status"].values, slow, twins, strict=True):
        if wanted in ("duplicate", "extendedly dominated") and many > 1 and much > 1:
            assert status in ("duplicate", "extendedly dominated"), name  # the twin of what a mix dominates
        else:
            assert status == wanted, name
    steps = found.where(found["icer"].notnull(), drop=True).sortby("cost")
    assert (steps["icer"] > 0).all()
    assert (np.diff(steps["icer"]) >= -1e-12).all()


@given(seed=st.integers(0, 10_000))
@settings(max_examples=6, deadline=None)
def test_the_frontier_is_what_some_threshold_chooses(seed: int) -> None:
    """An option off the frontier is never the only one of the highest expected net benefit, whatever the threshold."""
    cost, effect = random_choice(seed)
    found = decision.icers(cost, effect)
    worth = np.linspace(1, 5_000, 200)  # at 0 options of equal cost tie, whatever they give
    mean = decision.net_benefit(cost.mean("draw").expand_dims("draw"), effect.mean("draw").expand_dims("draw"), worth)
    chosen = set(cost["option"].values[mean.isel(draw=0).argmax("option")].tolist())
    assert chosen <= set(found["option"].values[found["status"] == "frontier"].tolist())


@given(seed=st.integers(0, 10_000))
@settings(max_examples=6, deadline=None)
def test_the_order_of_options_is_no_matter(seed: int) -> None:
    cost, effect = random_choice(seed)
    turned = np.random.default_rng(seed).permutation(4)
    xr.testing.assert_equal(decision.icers(cost, effect), decision.icers(cost.isel(option=turned), effect))


# --- ordinary awkward cases -----------------------------------------------------------------------


def test_a_service_that_saves_and_helps_is_not_ranked_by_a_ratio() -> None:
    found = table([1000, -5000], [0, 3], ["usual", "new"])
    assert found["option"].values.tolist() == ["new", "usual"]
    assert found["status"].values.tolist() == ["frontier", "dominated"]
    assert found["against"].values.tolist() == ["", "new"]
    assert np.isnan(found["icer"]).all()


def test_a_service_that_saves_and_harms_is_on_the_frontier() -> None:
    found = table([1000, -5000], [3, 1], ["usual", "new"])
    assert found["status"].values.tolist() == ["frontier", "frontier"]
    assert float(found["icer"].sel(option="usual")) == 3000


def test_identical_options_are_told_as_such() -> None:
    found = table([5, 5, 5], [1, 1, 1], ["c", "b", "a"])
    assert found["status"].values.tolist() == ["frontier", "duplicate", "duplicate"]
    assert found["option"].values.tolist() == ["a", "b", "c"]
    assert found["against"].values.tolist() == ["", "a", "a"]


def test_an_option_on_the_line_is_not_dominated() -> None:
    found = table([0.1, 0.2, 0.3], [0.1, 0.2, 0.3], ["a", "b", "c"])
    assert (found["status"] == Status.FRONTIER).all()
    assert found["icer"].values[1:] == pytest.approx([1, 1])


def test_a_difference_by_rounding_alone_is_none() -> None:
    found = table([0, 10, 20], [0, 0.3, 0.1 + 0.2], ["a", "b", "c"])
    assert found["status"].sel(option=["a", "b", "c"]).values.tolist() == ["frontier", "frontier", "dominated"]
    assert float(found["icer"].max()) == pytest.approx(10 / 0.3)
    same = table([0.1 + 0.2, 0.3], [5, 5], ["a", "b"])
    assert same["status"].values.tolist() == ["frontier", "duplicate"]
    small = table([0, 10, 20], [0, 0.3, 0.3 + 1e-9], ["a", "b", "c"])  # small, and no rounding
    assert (small["status"] == "frontier").all()


def test_the_order_of_draws_is_no_matter() -> None:
    """Options of equal means and on one line, of draws that cancel: sums in another order differ by rounding."""
    random = np.random.default_rng(3)
    noise = random.normal(0, 1e6, (2000, 1))
    cost = np.array([0.1, 0.2, 0.3, 0.3, 0.7]) + noise * [1, -2, 3, -4, 5]
    cost -= cost.mean(axis=0) - [100, 200, 300, 300, 700]
    effect = random.normal(0, 1, (2000, 5))
    effect -= effect.mean(axis=0) - [0.1, 0.2, 0.3, 0.3, 0.6]
    names = list("abcde")
    told = set()
    for _ in range(30):
        rows = random.permutation(2000)
        found = decision.icers(labelled(cost[rows], names), labelled(effect[rows], names))
        told.add(tuple(found["status"].sel(option=names).values.tolist()))
    assert told == {("frontier", "frontier", "frontier", "duplicate", "frontier")}


def test_one_option_may_dominate_a_whole_stretch() -> None:
    found = table([0, 10, 21, 22], [0, 1, 2, 4], ["a", "b", "c", "d"])
    assert found["status"].values.tolist() == ["frontier", *["extendedly dominated"] * 2, "frontier"]
    assert found["against"].values.tolist() == ["", "a, d", "a, d", "a"]
    assert float(found["icer"].sel(option="d")) == 5.5


def test_means_are_taken_before_the_ratio() -> None:
    cost, effect = labelled([[0, 10], [0, 30]]), labelled([[0, 0], [0, 4]])
    assert float(decision.icers(cost, effect)["icer"].sel(option="b")) == 10


def test_each_municipality_has_a_frontier_of_its_own() -> None:
    cost = xr.concat([labelled([0, 10, 30]), labelled([0, -10, 30])], "municipality")
    cost = cost.assign_coords(municipality=["091", "837"])
    found = decision.icers(cost, labelled([0, 1, 2]))
    assert found["status"].dims == ("option", "municipality")
    assert found["status"].sel(municipality="091").values.tolist() == ["frontier"] * 3
    assert found["status"].sel(municipality="837").values.tolist() == ["dominated", "frontier", "frontier"]
    assert found["icer"].sel(municipality="837", option="c") == 40


def test_units_are_told() -> None:
    found = table([0, 1], [0, 1], ["a", "b"])
    assert found["icer"].attrs["unit"] == "EUR per QALY"


def test_one_option_is_no_decision() -> None:
    with pytest.raises(UsageError, match="holds one option only"):
        table([1], [2], ["s"])
