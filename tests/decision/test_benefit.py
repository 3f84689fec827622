"""Net benefit and its curves: a plain loop as the oracle, closed forms, and what always holds."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
import xarray as xr
from decision_builders import labelled, random_choice
from hypothesis import given, settings
from hypothesis import strategies as st

from costeff import decision
from costeff.draws import rng
from costeff.errors import UsageError

WORTH = [0.0, 50.0, 100.0, 250.0]
seeds = st.integers(0, 10_000)
quick = settings(max_examples=8, deadline=None)


def plain(cost: xr.DataArray, effect: xr.DataArray, worth: float) -> tuple[list[float], list[float]]:
    """Share of draws won and expected loss of each option, by a plain loop."""
    draws, options = cost.shape
    costs, effects = cost.values.tolist(), effect.values.tolist()
    won, lost = [0.0] * options, [0.0] * options
    for d in range(draws):
        gains = [worth * effects[d][o] - costs[d][o] for o in range(options)]
        best = max(gains)
        ties = [gain == best for gain in gains]
        for o in range(options):
            won[o] += ties[o] / sum(ties) / draws
            lost[o] += (best - gains[o]) / draws
    return won, lost


@given(seed=seeds)
@settings(max_examples=4, deadline=None)
def test_a_plain_loop_agrees(seed: int) -> None:
    cost, effect = random_choice(seed)
    found, better = decision.curves(cost, effect, WORTH), decision.ceac(cost, effect, WORTH, comparator="b")
    for worth in WORTH:
        won, lost = plain(cost, effect, worth)
        here = found.sel(threshold=worth)
        np.testing.assert_allclose(here["probability_best"], won, atol=1e-12)
        np.testing.assert_allclose(here["expected_loss"], lost, atol=1e-9)
        assert float(here["evpi"]) == pytest.approx(min(lost), abs=1e-9)
        assert float(here["expected_loss"].sel(option=str(here["optimal"].item()))) == float(here["evpi"])
        assert float(here["probability_optimal"]) == float(
            here["probability_best"].sel(option=str(here["optimal"].item()))
        )
        for option in "acd":
            gain = worth * (effect.sel(option=option) - effect.sel(option="b")) - (
                cost.sel(option=option) - cost.sel(option="b")
            )
            share = sum(1.0 if g > 0 else 0.5 if g == 0 else 0.0 for g in gain.values) / gain.size
            assert float(better.sel(threshold=worth, option=option)) == pytest.approx(share)


@given(seed=seeds)
@quick
def test_what_always_holds(seed: int) -> None:
    cost, effect = random_choice(seed)
    found = decision.curves(cost, effect, WORTH)
    np.testing.assert_allclose(found["probability_best"].sum("option"), 1, atol=1e-12)
    assert (found["evpi"] >= 0).all()
    assert (found["evpi"] <= found["expected_loss"]).all()
    benefit = decision.net_benefit(cost, effect, WORTH)
    perfect = benefit.max("option").mean("draw") - benefit.mean("draw").max("option")
    np.testing.assert_allclose(found["evpi"], perfect, atol=1e-9)


@given(seed=seeds)
@quick
def test_the_order_of_options_and_draws_does_not_matter(seed: int) -> None:
    cost, effect = random_choice(seed)
    moved = np.random.default_rng(seed)
    turned = cost.isel(option=moved.permutation(4), draw=moved.permutation(cost.sizes["draw"]))
    one, other = decision.curves(cost, effect, WORTH), decision.curves(turned, effect, WORTH)
    xr.testing.assert_allclose(one, other.sel(option=cost["option"]))
    assert one["optimal"].values.tolist() == other["optimal"].values.tolist()


@given(seed=seeds, one=st.floats(0, 1e4), other=st.floats(0, 1e4))
@quick
def test_net_benefit_is_linear_in_the_threshold(seed: int, one: float, other: float) -> None:
    cost, effect = random_choice(seed, draws=5)
    at = [decision.net_benefit(cost, effect, worth).isel(threshold=0, drop=True) for worth in (one, other)]
    half = decision.net_benefit(cost, effect, (one + other) / 2).isel(threshold=0, drop=True)
    np.testing.assert_allclose(half, (at[0] + at[1]) / 2, rtol=1e-9, atol=1e-6)


def test_identical_options_share_and_lose_exactly_nothing() -> None:
    noise = rng(3, "noise").normal(1000, 300, 500)
    cost, effect = labelled(np.stack([noise] * 3, axis=1), "cba"), labelled(np.stack([noise / 7] * 3, axis=1), "cba")
    found = decision.curves(cost, effect, [0, 1 / 3, 1e5])
    assert (found["evpi"] == 0).all()
    assert (found["expected_loss"] == 0).all()
    np.testing.assert_allclose(found["probability_best"], 1 / 3)
    assert (found["optimal"] == "a").all()
    assert (decision.ceac(cost, effect, [0, 1e5], comparator="b") == 0.5).all()
    assert (decision.incremental(cost, effect, "b").to_array() == 0).all()


def test_without_uncertainty_information_is_worth_exactly_nothing() -> None:
    cost, effect = labelled([[0.1, 0.2, 0.3]] * 777), labelled([[0.1, 0.7, 0.9]] * 777)
    assert (decision.evpi(cost, effect, np.linspace(0, 3, 50)) == 0).all()
    assert (decision.evpi(cost.isel(draw=[0]), effect.isel(draw=[0]), WORTH) == 0).all()


def test_evpi_of_a_normal_net_benefit_is_the_unit_normal_loss() -> None:
    """EVPI of two options whose difference is normal: sd x [phi(z) - z (1 - Phi(z))], z = |mean| / sd."""
    mean, sd = -150.0, 400.0
    z = abs(mean) / sd
    exact = sd * (math.exp(-z * z / 2) / math.sqrt(2 * math.pi) - z * 0.5 * math.erfc(z / math.sqrt(2)))
    gain = rng(5, "gain").normal(mean, sd, 200_000)
    cost, effect = labelled(np.stack([np.zeros_like(gain), -gain], axis=1)), labelled(np.zeros((gain.size, 2)))
    assert float(decision.evpi(cost, effect, 0.0)[0]) == pytest.approx(exact, rel=0.015)


def test_the_frontier_is_not_the_most_probable_option() -> None:
    """Best on average by a rare large gain, and seldom best."""
    cost = labelled([[0.0, 10.0]] * 9 + [[0.0, -1000.0]])
    found = decision.ceaf(cost, labelled(np.zeros((10, 2))), [0.0])
    assert found["optimal"].item() == "b"
    assert found["probability_optimal"].item() == pytest.approx(0.1)


def test_with_two_options_both_questions_have_one_answer() -> None:
    cost, effect = random_choice(11, options=2)
    of_all = decision.ceac(cost, effect, WORTH).sel(option="b")
    against = decision.ceac(cost, effect, WORTH, comparator="a").sel(option="b")
    np.testing.assert_allclose(of_all, against)
    assert (of_all.name, against.name) == ("probability_best", "probability_better")
    assert "best of all" in of_all.attrs["question"]
    assert against.attrs["comparator"] == "a"


def test_every_further_label_is_a_decision_of_its_own() -> None:
    pairs = [random_choice(seed) for seed in range(3)]
    places = ["091", "837", "005"]
    cost, effect = (
        xr.concat(each, "municipality").assign_coords(municipality=places) for each in zip(*pairs, strict=True)
    )
    together = decision.curves(cost, effect, WORTH)
    against = decision.ceac(cost, effect, WORTH, "c")
    for place, (c, e) in zip(places, pairs, strict=True):
        xr.testing.assert_allclose(together.sel(municipality=place, drop=True), decision.curves(c, e, WORTH))
        xr.testing.assert_allclose(against.sel(municipality=place, drop=True), decision.ceac(c, e, WORTH, "c"))
    alone = decision.curves(cost, effect.isel(municipality=0, drop=True), WORTH)  # one effect for all places
    xr.testing.assert_allclose(alone.isel(municipality=0, drop=True), together.isel(municipality=0, drop=True))


def test_results_say_what_they_are() -> None:
    cost, effect = random_choice(2)
    cost.attrs |= {"seed": 7}
    found = decision.curves(cost, effect, WORTH)
    assert found.attrs["seed"] == 7
    assert found["evpi"].attrs["unit"] == "EUR"
    assert found["evpi"].attrs["per"] == "decision"
    assert found["probability_best"].attrs["unit"] == "probability"
    assert decision.net_benefit(cost, effect, 1.0).dims == ("draw", "option", "threshold")
    assert decision.incremental(cost, effect, "a").attrs["comparator"] == "a"


def test_it_is_quick() -> None:
    """10 000 draws x 5 options x 500 thresholds; the limit is wide, for a busy machine: see benchmarks/decision.py."""
    random = np.random.default_rng(1)
    cost, effect = (labelled(random.normal(1, 0.3, (10_000, 5))) for _ in range(2))
    began = time.perf_counter()
    decision.curves(cost, effect, np.linspace(0, 5, 500))
    assert time.perf_counter() - began < 2


# --- broken input ---------------------------------------------------------------------------------


def test_all_problems_are_told_at_once() -> None:
    cost, effect = random_choice(1)
    with pytest.raises(UsageError) as told:
        decision.ceac(cost.where(cost.option != "a"), effect.isel(draw=slice(3)), [-1.0, 2.0], comparator="z")
    words = str(told.value)
    assert "cost: has a value that is missing or infinite" in words
    assert "thresholds: -1 is below 0" in words
    assert "'z' is not among the options\n    -> the options are a, b, c, d" in words


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (lambda c, e: (c, e.isel(draw=slice(3))), "effect draw: has 3 where cost has 40"),
        (lambda c, e: (c, e.assign_coords(draw=e["draw"] + 1)), "effect draw: has labels that cost does not have"),
        (lambda c, e: (c, e.drop_vars("draw")), "only one of cost and effect has labels"),
        (lambda c, e: (c.drop_vars("option"), e), "cost option: has no labels"),
        (lambda c, e: (c[:, :1], e[:, :1]), "holds one option only"),
        (lambda c, e: (c, e[:, :3]), "effect option: has 3 where cost has 4"),
        (lambda c, e: (c.assign_coords(option=list("aabc")), e), "cost option: has a label twice"),
        (lambda c, e: (c.isel(option=0), e), "it needs option"),
        (lambda c, e: (c.values, e), "cost: is not a labelled array"),
        (lambda c, e: (c.astype(str) + "x", e), "cost: holds values that are not numbers"),
        (lambda c, e: (c.astype(complex), e), "cost: holds values that are not numbers"),
        (lambda c, e: (c, e.astype("timedelta64[s]")), "effect: holds values that are not numbers"),
        (lambda c, e: (c, e.astype(str)), "effect: holds values that are not numbers"),
        (lambda c, e: (c.expand_dims(threshold=[1.0]), e), "cost: has a dim named threshold"),
        (lambda c, e: (c, e.expand_dims(size=[1])), "effect: has a dim named size"),
        (lambda c, e: (c / 0, e), "missing or infinite"),
        (
            lambda c, e: (c.expand_dims(place=["x", "y"]), e.expand_dims(place=["x", "z"])),
            "effect place: has labels that cost does not have",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(broken: object, told: str) -> None:
    cost, effect = random_choice(1)
    with np.errstate(all="ignore"), pytest.raises(UsageError, match=told):
        decision.curves(*broken(cost, effect), WORTH)


@pytest.mark.parametrize("worth", [[], [1.0, 1.0], [float("nan")], [[1.0, 2.0]], -3.0, "a", [1, "x"], None, 2j])
def test_thresholds_are_checked(worth: object) -> None:
    with pytest.raises(UsageError, match="thresholds"):
        decision.evpi(*random_choice(1), worth)


def test_an_unknown_comparator_is_refused() -> None:
    for comparator in (["a"], np.array(["a"]), {"a"}):
        with pytest.raises(UsageError, match="is not among the options"):
            decision.ceac(*random_choice(1), WORTH, comparator)
    with pytest.raises(UsageError, match="None is not among the options"):
        decision.incremental(*random_choice(1), None)
    with pytest.raises(UsageError, match="'usual' is not among the options"):
        decision.incremental(*random_choice(1), "usual")
