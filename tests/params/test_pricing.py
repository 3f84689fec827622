"""From a row to draws: distributions, price years, bases, shares, and what is not known staying missing."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from costeff.errors import ParamsError, UsageError
from costeff.params import Catalogue
from costeff.params.catalogue import uncertain_values
from costeff.params.entries import Family, Uncertain
from costeff.params.index import PriceIndex
from costeff.params.pricing import (
    cashable_draws,
    price,
    quantiles,
    sample,
    sample_parameters,
    sample_ratio,
    state_price,
)

GRID = (np.arange(4_000) + 0.5) / 4_000


def uncertain(
    family: Family, mean: float, low: float | None = None, high: float | None = None, mass: float = 0.95
) -> Uncertain:
    return Uncertain(
        mean=mean, low=low, high=high, mass=mass, family=family, source=("x",), quality="study", note="A trial."
    )


# --- distributions --------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["gamma", "lognormal", "normal"])
@settings(max_examples=40, deadline=None)
@given(
    mean=st.floats(0.01, 1e6),
    below=st.floats(0.02, 0.5),
    above=st.floats(0.02, 0.8),
    mass=st.sampled_from([0.8, 0.9, 0.95]),
)
def test_mean_is_kept(family: Family, mean: float, below: float, above: float, mass: float) -> None:
    value = uncertain(family, mean, mean * (1 - below), mean * (1 + above), mass)
    assert quantiles(value, GRID).mean() == pytest.approx(mean, rel=0.01)


@settings(max_examples=40, deadline=None)
@given(mean=st.floats(0.02, 0.98), width=st.floats(0.05, 0.95))
def test_mean_of_a_share_is_kept_and_no_draw_leaves_0_to_1(mean: float, width: float) -> None:
    value = uncertain("beta", mean, mean * (1 - width), mean + (1 - mean) * width)
    drawn = quantiles(value, GRID)
    assert drawn.mean() == pytest.approx(mean, rel=0.01)
    assert drawn.min() >= 0
    assert drawn.max() <= 1


@settings(max_examples=40, deadline=None)
@given(low=st.floats(-1e3, 1e3), width=st.floats(1e-3, 1e3))
def test_a_uniform_value_lies_between_its_ends(low: float, width: float) -> None:
    drawn = quantiles(uncertain("uniform", low / 2 + (low + width) / 2, low, low + width), GRID)
    assert drawn.mean() == pytest.approx(low + width / 2, abs=0.01 * width)
    assert drawn.min() >= low
    assert drawn.max() <= low + width


def test_a_fixed_value_has_no_spread() -> None:
    assert (quantiles(uncertain("fixed", 130_000), GRID) == 130_000).all()


@pytest.mark.parametrize("family", ["gamma", "lognormal", "normal"])
@settings(max_examples=40, deadline=None)
@given(mean=st.floats(1, 1e5), width=st.floats(0.02, 0.4), mass=st.sampled_from([0.8, 0.9, 0.95]))
def test_interval_holds_its_probability(family: Family, mean: float, width: float, mass: float) -> None:
    value = uncertain(family, mean, mean * (1 - width), mean * (1 + width), mass)
    drawn = quantiles(value, GRID)
    inside = ((drawn >= mean * (1 - width)) & (drawn <= mean * (1 + width))).mean()
    assert inside == pytest.approx(mass, abs=0.03)


def test_every_real_value_keeps_its_mean_and_about_its_interval(catalogue: Catalogue) -> None:
    entries = [*catalogue.unit_costs.values(), *catalogue.price_sets.values()]
    values = [v for entry in entries for _, v in uncertain_values(entry)]
    values += [v for parameters in catalogue.transitions.values() for v in parameters.values()]
    spread = [v for v in values if v.family not in ("fixed", "uniform")]
    assert len(spread) > 40
    for value in spread:
        drawn = quantiles(value, GRID)
        assert value.low is not None
        assert value.high is not None
        assert drawn.mean() == pytest.approx(value.mean, rel=0.01), value
        inside = ((drawn >= value.low) & (drawn <= value.high)).mean()
        assert inside == pytest.approx(value.mass, abs=0.05), value


def test_draws_are_a_sample_of_the_distribution() -> None:
    value = uncertain("gamma", 480, 432, 528)
    drawn = sample(value, 4_000, 1, "trial").to_numpy()
    spread = (528 - 432) / (2 * stats.norm.ppf(0.975))
    assert drawn.mean() == pytest.approx(480, abs=4 * spread / np.sqrt(4_000))
    assert drawn.std() == pytest.approx(spread, rel=0.05)


# --- seeds ----------------------------------------------------------------------------------------


def test_the_same_name_and_seed_give_the_same_draws_in_any_order(catalogue: Catalogue) -> None:
    ids = list(catalogue.unit_costs)
    forward = {key: price(catalogue, key, 50, 7).draws for key in ids}
    backward = {key: price(catalogue, key, 50, 7).draws for key in reversed(ids)}
    assert all(forward[key].identical(backward[key]) for key in ids)


def test_another_seed_or_name_gives_other_draws() -> None:
    value = uncertain("gamma", 480, 432, 528)
    drawn = [sample(value, 50, seed, name).to_numpy() for seed, name in [(1, "a"), (2, "a"), (1, "b")]]
    assert not np.allclose(drawn[0], drawn[1])
    assert not np.allclose(drawn[0], drawn[2])


def test_different_names_are_drawn_independently() -> None:
    value = uncertain("normal", 0, -1, 1)
    first, second = (sample(value, 4_000, 1, name).to_numpy() for name in ("a", "b"))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.06


def test_parameters_of_a_model_are_drawn_by_their_own_names(catalogue: Catalogue) -> None:
    drawn = sample_parameters(catalogue, "prison", 50, 7)
    value = catalogue.transitions["prison"]["short_years"]
    alone = sample(value, 50, 7, "transitions.prison.short_years")
    assert (drawn["short_years"] == alone).all()
    assert set(drawn) == set(catalogue.transitions["prison"])


def test_a_published_ratio_is_drawn_with_its_interval(catalogue: Catalogue) -> None:
    rossi, cbt = catalogue.evidence["post_release_support"]
    drawn = sample_ratio(rossi, 8_000, 1, "post_release_support").to_numpy()
    assert np.median(drawn) == pytest.approx(0.684, abs=0.01)
    assert np.quantile(drawn, [0.025, 0.975]) == pytest.approx([0.470, 0.996], abs=0.02)
    assert cbt.measure == "odds ratio"
    with pytest.raises(ParamsError, match="standardised effect size is not a ratio"):
        sample_ratio(catalogue.evidence["intensive_family_work"][0], 10, 1, "intensive_family_work")


# --- price years ----------------------------------------------------------------------------------


def test_social_services_rose_by_28_7_per_cent_from_2005_to_2015(catalogue: Catalogue) -> None:
    index = catalogue.indices["social_services"]
    assert index.factor(2005, 2015) == pytest.approx(1.287)
    assert index.factor(2015, 2005) == pytest.approx(1 / 1.287)


def test_an_index_is_chained_over_a_year_that_two_bases_share() -> None:
    index = PriceIndex("trial", {"2005": {2005: 100, 2015: 128.7}, "2015": {2015: 100, 2021: 108.7}})
    assert index.factor(2005, 2021) == pytest.approx(1.287 * 1.087)
    assert index.factor(2021, 2005) == pytest.approx(1 / (1.287 * 1.087))


def test_bases_without_a_shared_year_do_not_join() -> None:
    index = PriceIndex("trial", {"2005": {2005: 100, 2014: 128.7}, "2015": {2015: 100, 2021: 108.7}})
    with pytest.raises(ParamsError, match="does not join 2005 and 2021"):
        index.factor(2005, 2021)


def test_the_same_year_needs_no_index() -> None:
    assert PriceIndex("trial").factor(2024, 2024) == 1.0


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(50, 300), min_size=3, max_size=8), st.data())
def test_going_over_a_third_year_changes_nothing(levels: list[float], data: st.DataObject) -> None:
    index = PriceIndex("trial", {"2000": {2000 + n: level for n, level in enumerate(levels)}})
    a, b, c = (data.draw(st.sampled_from(index.years())) for _ in range(3))
    assert index.factor(a, b) * index.factor(b, c) == pytest.approx(index.factor(a, c))


def test_quarters_are_no_yearly_level(catalogue: Catalogue) -> None:
    """2020 is known for a single quarter only, 2021 not at all: a price year is not changed with them."""
    with pytest.raises(ParamsError) as caught:
        price(catalogue, "child_welfare_institution_day", 100, 1, price_year=2021)
    (problem,) = caught.value.problems
    assert problem.place == "indices basic_public_services"
    assert problem.rule == "has no yearly level for 2021 (known: 2015, 2022, 2023, 2024, 2025)"


def test_a_gap_names_the_year_that_is_missing(catalogue: Catalogue) -> None:
    with pytest.raises(ParamsError, match="has no yearly level for 2018 "):
        price(catalogue, "quoted_taking_into_care", 100, 1, price_year=2015)


def test_a_price_in_another_year_is_moved_by_the_index_and_says_so(catalogue: Catalogue) -> None:
    own = price(catalogue, "child_ever_placed_year", 100, 1)
    moved = price(catalogue, "child_ever_placed_year", 100, 1, price_year=2024)
    assert (own.price_year, own.indexed) == (2015, False)
    assert (moved.price_year, moved.indexed) == (2024, True)
    np.testing.assert_allclose(moved.draws, own.draws * 1.177)


# --- bases ----------------------------------------------------------------------------------------


def test_an_institution_day_is_175_200_euros_a_year(catalogue: Catalogue) -> None:
    drawn = price(catalogue, "child_welfare_institution_day", 4_000, 1)
    day = sample(drawn.cost.latest, 4_000, 1, "unit_costs.child_welfare_institution_day")
    np.testing.assert_allclose(drawn.draws, day * 365)
    assert drawn.cost.latest.mean * 365 == 175_200
    assert float(drawn.draws.mean()) == pytest.approx(175_200, rel=0.005)


def test_a_price_per_year_is_left_as_it_is(catalogue: Catalogue) -> None:
    assert (price(catalogue, "quoted_prison", 10, 1).draws == 78_000).all()


def test_the_latest_value_is_used(catalogue: Catalogue) -> None:
    assert price(catalogue, "prisoner_year", 10, 1).price_year == 2024
    assert price(catalogue, "closed_prison_day", 10, 1).draws.mean() == pytest.approx(225 * 365)


def test_an_unknown_price_names_those_that_exist(catalogue: Catalogue) -> None:
    with pytest.raises(UsageError, match=r"known: .*prisoner_year"):
        price(catalogue, "prisoner_day", 10, 1)


# --- price sets -----------------------------------------------------------------------------------


def test_the_national_set_has_no_price_of_institutional_treatment(catalogue: Catalogue) -> None:
    with pytest.raises(ParamsError) as caught:
        state_price(catalogue, "national", "institutional_treatment", "in_institution", 10, 1)
    (problem,) = caught.value.problems
    assert problem.place == "price_sets.yaml national.prices.institutional_treatment"
    assert problem.rule == "has no price for in_institution: it is not known in this set"
    assert problem.cure == "choose quoted"


def test_a_price_that_no_set_has_is_to_be_added(catalogue: Catalogue) -> None:
    with pytest.raises(ParamsError, match="-> add a sourced price"):
        state_price(catalogue, "national", "prison", "in_hospital", 10, 1)


def test_in_the_national_set_each_place_of_care_has_its_own_price(catalogue: Catalogue) -> None:
    prices = {state: state_price(catalogue, "national", "taking_into_care", state, 10, 1) for state in
              ("foster_family", "institution", "aftercare")}  # fmt: skip
    assert [part.cost.id for _, part in prices["foster_family"]] == ["foster_family_day"]
    assert [part.cost.id for _, part in prices["institution"]] == ["child_welfare_institution_day"]
    assert prices["aftercare"] == []  # and says why
    (left,) = catalogue.price_sets["national"].of("taking_into_care")["aftercare"].not_counted
    assert "aftercare" in left.reason.en


def test_in_the_quoted_set_a_year_in_care_is_the_same_everywhere(catalogue: Catalogue) -> None:
    for state in ("foster_family", "institution"):
        ((share, part),) = state_price(catalogue, "quoted", "taking_into_care", state, 10, 1)
        assert (share == 1).all()
        assert (part.draws == 130_000).all()


def test_a_set_can_price_a_model_when_no_item_is_silent(catalogue: Catalogue) -> None:
    national = catalogue.price_sets["national"]
    assert national.can_price("prison", ("community_sanction", "closed_short"))
    assert not national.can_price("prison", ("community_sanction", "half_open_prison"))
    assert not national.can_price("taking_into_care", ("open_care", "aftercare"))  # reasons only
    assert not national.can_price("institutional_treatment", ("in_institution",))


# --- what a payer can stop paying -----------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_cashable_shares_lie_within_0_to_1_and_do_not_fall(catalogue: Catalogue, seed: int) -> None:
    for cost in catalogue.unit_costs.values():
        shares = cashable_draws(catalogue, cost, 12, 500, seed)
        assert float(shares.min()) >= 0
        assert float(shares.max()) <= 1
        assert bool((shares.diff("year") >= 0).all()), cost.id


def test_cashable_shares_change_where_the_conventions_say(catalogue: Catalogue) -> None:
    cost = catalogue.unit_costs["prisoner_year"]
    shares = cashable_draws(catalogue, cost, 10, 4_000, 1)
    means = shares.mean("draw").to_numpy()
    assert means[0] == pytest.approx(cost.cashable.short.mean, abs=0.01)
    assert means[1:5] == pytest.approx(cost.cashable.medium.mean, abs=0.01)
    assert means[5:] == pytest.approx(cost.cashable.long.mean, abs=0.01)


def test_a_payer_that_is_slow_at_first_is_slow_throughout(catalogue: Catalogue) -> None:
    shares = cashable_draws(catalogue, catalogue.unit_costs["prisoner_year"], 10, 500, 1)
    ranks = [stats.rankdata(shares.sel(year=year)) for year in (0, 1, 9)]
    for first, second in pairwise(ranks):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("value", "known"),
    [
        (uncertain("normal", 0.3, 0.1, 0.5), lambda z: stats.norm.ppf(GRID, 0.3, 0.4 / (2 * z))),
        (uncertain("gamma", 480.0, 400.0, 600.0), lambda z: _gamma(480.0, 200.0 / (2 * z))),
        (uncertain("beta", 0.2, 0.1, 0.35), lambda z: _beta(0.2, 0.25 / (2 * z))),
    ],
    ids=["normal", "gamma", "beta"],
)
def test_draws_are_to_the_last_bit_those_of_scipy_stats(value, known) -> None:
    np.testing.assert_array_equal(quantiles(value, GRID), known(stats.norm.ppf(0.975)))


def _gamma(mean: float, sd: float) -> np.ndarray:
    shape = (mean / sd) ** 2
    return stats.gamma.ppf(GRID, shape, scale=mean / shape)


def _beta(mean: float, sd: float) -> np.ndarray:
    size = mean * (1 - mean) / sd**2 - 1
    return stats.beta.ppf(GRID, mean * size, (1 - mean) * size)
