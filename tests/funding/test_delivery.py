"""What is delivered: chance at a provider's size, scenarios with the same luck, and inputs that cannot be."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from contract_builders import delivery, probabilities, uncertain
from scipy.stats import binom

from costeff.draws import as_draws
from costeff.errors import ExitCode, UsageError
from costeff.funding import deliver, drifted, scenarios, with_effect, without_effect

DRAWS = 40_000
GROUPS = {"outcomes": (60, 0.7), "comparison_outcomes": (150, 0.4)}


@pytest.fixture(scope="module")
def many() -> xr.Dataset:
    """Certain probabilities, so that all that varies is chance."""
    return delivery(probabilities(0.4, 0.7, DRAWS), clients=60, comparison_clients=150, baseline_clients=80)


@pytest.mark.parametrize("name", GROUPS)
def test_counts_are_binomial_in_mean_variance_and_tails(many: xr.Dataset, name: str) -> None:
    size, probability = GROUPS[name]
    truth, counts = binom(size, probability), many[name].values
    assert counts.mean() == pytest.approx(truth.mean(), abs=4 * truth.std() / np.sqrt(DRAWS))
    assert counts.var() == pytest.approx(truth.var(), rel=4 * np.sqrt(2 / DRAWS))
    for k in truth.ppf([0.01, 0.3, 0.5, 0.9, 0.999]):
        share = truth.cdf(k)
        assert (counts <= k).mean() == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / DRAWS))


def test_a_measured_baseline_is_binomial_before_the_contract(many: xr.Dataset) -> None:
    assert float(many["baseline"].mean()) == pytest.approx(0.4, abs=4 * np.sqrt(0.24 / 80 / DRAWS))
    assert float(many["baseline"].var()) == pytest.approx(0.24 / 80, rel=4 * np.sqrt(2 / DRAWS))


def test_the_luck_of_one_group_says_nothing_of_the_others(many: xr.Dataset) -> None:
    seen = np.corrcoef([many[name].values for name in ("outcomes", "comparison_outcomes", "baseline")])
    assert np.abs(seen[np.triu_indices(3, 1)]).max() < 4 / np.sqrt(DRAWS)


def test_money_is_that_of_a_plain_loop() -> None:
    good = uncertain(30)
    saved = as_draws(np.linspace(-1_000, 90_000, 30))
    costs = {"cost_per_client": as_draws(np.arange(30.0)), "usual_cost_per_client": as_draws(np.arange(30.0) * 2)}
    got = delivery(good, saving_per_outcome=saved, drift=0.2, **costs)
    for draw in range(30):
        one = got.sel(draw=draw)
        odds = float(good.sel(draw=draw, option="usual") / (1 - good.sel(draw=draw, option="usual"))) * np.exp(0.2)
        anyway = 100 * odds / (1 + odds)
        assert float(one["without_service"]) == pytest.approx(anyway)
        odds = float(good.sel(draw=draw, option="new") / (1 - good.sel(draw=draw, option="new"))) * np.exp(0.2)
        assert float(one["with_service"]) == pytest.approx(100 * odds / (1 + odds))
        assert float(one["saving"]) == pytest.approx(
            (float(one["with_service"]) - anyway) * float(saved[draw]) + 200 * draw
        )
        assert float(one["cost"]) == pytest.approx(100 * (50 * 60 + draw))
        assert float(one["hours"]) == 5_000


@pytest.mark.parametrize("clients", [1, 30, 3_000])
def test_a_higher_probability_never_counts_fewer_by_luck(clients: int) -> None:
    low, high = np.sort(np.random.default_rng(8).uniform(-0.1, 1.1, (2, 2_000)).clip(0, 1), axis=0)
    fewer, more = (delivery(probabilities(low, p), clients=clients)["outcomes"] for p in (low, high))
    assert (fewer <= more).all()
    assert (fewer < more).any()
    assert ((fewer >= 0) & (more <= clients)).all()
    assert (fewer.values[low == 0] == 0).all()
    assert (more.values[high == 1] == clients).all()


def test_luck_depends_on_the_seed_and_not_on_price_hours_or_other_groups() -> None:
    good = uncertain(200)
    one = delivery(good)
    other = delivery(good, hours_per_client=1.0, cost_per_hour=9.0, saving_per_outcome=1.0, comparison_clients=None)
    assert "comparison_outcomes" not in other
    xr.testing.assert_equal(one["outcomes"], other["outcomes"])
    assert (delivery(good, seed=4)["outcomes"] != one["outcomes"]).any()


# --- scenarios --------------------------------------------------------------------------------------


def test_without_effect_the_options_are_equal_and_nothing_is_saved() -> None:
    none = without_effect(uncertain(20_000))
    xr.testing.assert_equal(none.sel(option="new", drop=True), none.sel(option="usual", drop=True))
    got = delivery(none, clients=7)
    assert (got["saving"] == 0).all()  # in no draw: the luck of the count is in what is paid, and saves nobody a euro
    assert got["outcomes"].std() > 0


@pytest.mark.parametrize("more", [0.05, -0.1, 1.0])
def test_an_effect_that_is_set_is_the_difference_and_no_more_than_sure(more: float) -> None:
    good = uncertain(200)
    helped = with_effect(good, more)
    xr.testing.assert_equal(helped.sel(option="usual"), good.sel(option="usual"))
    expected = np.clip(good.sel(option="usual").values + more, 0, 1)
    np.testing.assert_array_equal(helped.sel(option="new").values, expected)
    assert helped.dims == good.dims


def test_drift_moves_the_odds_of_both_options_and_leaves_certainty_alone() -> None:
    moved = drifted(probabilities(0.75, 0.9), np.log(2))
    assert moved.values[0] == pytest.approx([6 / 7, 18 / 19])
    assert drifted(probabilities(0.0, 1.0), 0.7).values[0].tolist() == [0.0, 1.0]


def test_the_baseline_stays_frozen_while_the_times_change() -> None:
    good = probabilities(0.75, 0.75, 20_000)
    late = delivery(good, drift=np.log(2))
    assert (late["baseline"] == 0.75).all()
    for name in ("outcomes", "comparison_outcomes"):
        assert float(late[name].mean()) == pytest.approx(600 / 7, abs=0.15)


def test_each_scenario_is_the_delivery_of_its_own() -> None:
    good, terms = uncertain(50), {"clients": 40, "hours_per_client": 2.0, "saving_per_outcome": 5.0, "seed": 1}
    all_four = scenarios(good, drift=0.3, **terms)
    alone = {
        "estimate": deliver(good, **terms),
        "no_effect": deliver(without_effect(good), **terms),
        "drift": deliver(good, drift=0.3, **terms),
        "drift_no_effect": deliver(without_effect(good), drift=0.3, **terms),
    }
    assert all_four["scenario"].values.tolist() == list(alone)
    for name, one in alone.items():
        xr.testing.assert_equal(all_four.sel(scenario=name, drop=True), one)


# --- what cannot be ---------------------------------------------------------------------------------


def test_draws_are_matched_by_their_labels() -> None:
    good, saved = uncertain(40), as_draws(np.arange(40.0))
    straight, turned = (
        delivery(good, saving_per_outcome=s, hours_per_client=s)
        for s in (saved, saved.isel(draw=slice(None, None, -1)))
    )
    xr.testing.assert_equal(straight, turned)


def test_everything_wrong_is_told_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        delivery(
            probabilities(0.5, 1.2, 10),
            clients=0,
            comparison_clients=2.5,
            baseline_clients=-3,
            hours_per_client=-1.0,
            saving_per_outcome=as_draws(np.ones(9)),
            cost_per_hour=float("nan"),
            cost_per_client=xr.DataArray([1.0, 2.0], dims="option"),
            drift=float("inf"),
        )
    assert [(p.place, p.rule) for p in caught.value.problems] == [
        ("good", "holds a value that is no probability"),
        ("clients", "is not a whole number above 0"),
        ("comparison_clients", "is not a whole number above 0"),
        ("baseline_clients", "is not a whole number above 0"),
        ("hours_per_client", "is below 0"),
        ("saving_per_outcome draw", "is not that of good"),
        ("cost_per_hour", "has a value that is missing or infinite"),
        ("cost_per_client", "has the dims ('option',)"),
        ("drift", "is not a finite number"),
    ]
    assert all(problem.cure for problem in caught.value.problems)
    assert caught.value.code is ExitCode.USAGE


@pytest.mark.parametrize(
    ("good", "rule"),
    [
        (uncertain(3).isel(option=0, drop=True), "has the dims ('draw',)"),
        (uncertain(3).expand_dims(municipality=["091"]), "has the dims ('municipality', 'draw', 'option')"),
        (uncertain(3).assign_coords(option=["usual", "visit"]), "lacks one of usual, new"),
        (uncertain(3).drop_vars("option"), "lacks one of usual, new"),
        (uncertain(3).isel(draw=slice(0)), "has no draw"),
        (uncertain(3).where(uncertain(3)["draw"] != 1), "holds a value that is no probability"),
    ],
    ids=["no option", "municipality", "other option", "no labels", "no draw", "missing"],
)
def test_probabilities_that_cannot_be_used_are_told(good: xr.DataArray, rule: str) -> None:
    for call in (lambda: delivery(good), lambda: scenarios(good, drift=0.1, clients=1, hours_per_client=1.0,
                                                           saving_per_outcome=1.0, seed=1)):  # fmt: skip
        with pytest.raises(UsageError) as caught:
            call()
        assert [problem.rule for problem in caught.value.problems] == [rule]


def test_draws_with_other_labels_are_refused() -> None:
    moved = as_draws(np.ones(40)).assign_coords(draw=np.arange(40) + 1)
    with pytest.raises(UsageError, match="saving_per_outcome draw: is not that of good"):
        delivery(uncertain(40), saving_per_outcome=moved)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"hours_per_client": np.full(40, 3.0)}, "hours_per_client: is neither a number nor labelled values"),
        ({"saving_per_outcome": "100000"}, "saving_per_outcome: is neither a number nor labelled values"),
        ({"cost_per_client": None}, "cost_per_client: is neither a number nor labelled values"),
        ({"drift": "0.3"}, "drift: is not a finite number"),
        ({"drift": as_draws(np.ones(40))}, "drift: is not a finite number"),
        ({"seed": -1}, "seed: is not a whole number from 0 on"),
        ({"seed": None}, "seed: is not a whole number from 0 on"),
        ({"clients": True}, "clients: is not a whole number above 0"),
    ],
)
def test_what_is_no_number_is_told_and_not_guessed(changes: dict[str, object], rule: str) -> None:
    with pytest.raises(UsageError, match=rule):
        delivery(uncertain(40), **changes)


@pytest.mark.parametrize(
    ("good", "rule"),
    [
        (uncertain(40).values, "is no labelled array"),
        (uncertain(40).astype(str), "holds a value that is no probability"),
        (xr.concat([uncertain(40)] * 2, "option"), "has a draw or an option twice"),
        (uncertain(40).assign_coords(draw=np.zeros(40, int)), "has a draw or an option twice"),
    ],
)
def test_probabilities_that_are_not_labelled_are_told(good: object, rule: str) -> None:
    for call in (delivery, lambda good: with_effect(good, 0.1), lambda good: scenarios(good, drift=0.1)):
        with pytest.raises(UsageError, match=rule):
            call(good)


@pytest.mark.parametrize("more", [1.5, float("nan"), "0.1", None])
def test_an_effect_beyond_sure_is_told(more: object) -> None:
    with pytest.raises(UsageError, match="more: is not a difference between -1 and 1"):
        with_effect(uncertain(40), more)  # type: ignore[arg-type]


@pytest.mark.parametrize(("usual", "new"), [(0.0, 0.0), (1.0, 1.0), (0.0, 1.0), (1.0, 0.0)])
def test_one_client_and_certain_outcomes_are_counted_exactly(usual: float, new: float) -> None:
    one = delivery(probabilities(usual, new, 30), clients=1, comparison_clients=1, baseline_clients=1)
    assert (one["outcomes"] == new).all()
    assert (one["comparison_outcomes"] == usual).all()
    assert (one["baseline"] == usual).all()
    assert (one["saving"] == (new - usual) * 100_000).all()


def test_drift_of_what_is_no_probability_or_by_no_number_is_told() -> None:
    good = uncertain(5)
    for wrong, drift, place in ((good, float("nan"), "drift"), (good * 0 + 1.2, 0.3, "good"), (good, "0.3", "drift")):
        with pytest.raises(UsageError, match=f"{place}: "):
            drifted(wrong, drift)  # type: ignore[arg-type]


def test_money_that_is_text_is_told() -> None:
    text = as_draws(np.arange(40.0)).astype(str)
    with pytest.raises(UsageError, match="saving_per_outcome: holds what are no numbers"):
        delivery(uncertain(40), saving_per_outcome=text)
