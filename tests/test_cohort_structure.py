"""Relative effects, competing risks, time in state, inflow and mortality: slow oracles, properties, broken input."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from costeff import cohort
from costeff.cohort import bare
from costeff.errors import ModelError

STATES = ["home", "care", "left"]
START = xr.DataArray([1.0, 0.0, 0.0], dims="state", coords={"state": STATES})
MOVES: cohort.Moves = {("home", "care"): 0.2, ("care", "left"): 0.3, ("care", "home"): 0.1}
MATRIX = cohort.transition_matrix(STATES, MOVES)
DRAWS = xr.DataArray([0.0, 0.3, 1.0], dims="draw", coords={"draw": [0, 1, 2]})

shares = st.floats(0, 1)


# --- odds ratios and competing risks ------------------------------------------------------------------


@given(p=st.floats(1e-6, 1 - 1e-6), ratio=st.floats(1e-3, 1e3))
def test_the_odds_are_multiplied(p: float, ratio: float) -> None:
    changed = cohort.apply_odds_ratio(p, ratio)
    assert changed / (1 - changed) == pytest.approx(ratio * p / (1 - p), rel=1e-5)
    assert cohort.apply_odds_ratio(changed, 1 / ratio) == pytest.approx(p, rel=1e-9)


def test_odds_ratio_at_the_edges() -> None:
    assert (cohort.apply_odds_ratio(DRAWS, 1.0) == DRAWS).all()
    assert (cohort.apply_odds_ratio(DRAWS, 0.0) == 0).all()
    assert cohort.apply_odds_ratio(DRAWS, 2.0).values.tolist() == [0, pytest.approx(0.6 / 1.3), 1]
    assert cohort.apply_odds_ratio(0.3, 1e308) == pytest.approx(1)
    assert cohort.apply_odds_ratio(0.3, DRAWS + 1).dims == ("draw",)


@given(rates=st.lists(st.floats(0, 20), min_size=1, max_size=5), years=st.floats(0.05, 3))
def test_competing_probabilities_share_what_happens(rates: list[float], years: float) -> None:
    got = cohort.competing_probabilities({f"c{n}": rate for n, rate in enumerate(rates)}, years)
    assert sum(got.values()) == pytest.approx(1 - math.exp(-sum(rates) * years), abs=1e-12)
    for p, rate in zip(got.values(), rates, strict=True):
        assert 0 <= p <= cohort.probability_from_rate(rate, years) + 1e-15


def test_competing_probabilities_are_the_integral_of_who_comes_first() -> None:
    a, b, years, steps = 0.7, 1.9, 0.5, 20_000
    first = sum(a * math.exp(-(a + b) * (n + 0.5) / steps * years) * years / steps for n in range(steps))
    got = cohort.competing_probabilities({"a": DRAWS * a, "b": b}, years)
    assert float(got["a"].sel(draw=2)) == pytest.approx(first, rel=1e-8)
    assert got["a"].dims == got["b"].dims == ("draw",)
    assert float(got["b"].sel(draw=0)) == pytest.approx(cohort.probability_from_rate(b, years))
    assert cohort.competing_probabilities({"a": 0.0, "b": 0.0}, 1) == {"a": 0.0, "b": 0.0}


# --- residence ----------------------------------------------------------------------------------------


def slow_residence(leave: list[float], enter: float, back: float, cycles: int) -> list[list[float]]:
    """Home, care, left; leaving care by the cycles stayed so far, each entry followed by itself."""
    home, left = 1.0, 0.0
    stays: dict[int, float] = {}
    rows = [[home, 0.0, left]]
    for _ in range(cycles):
        came, kept = home * enter, {}
        home *= 1 - enter
        for stayed, persons in stays.items():
            out = leave[min(stayed, len(leave) - 1)]
            left += persons * out
            home += persons * back
            kept[stayed + 1] = persons * (1 - out - back)
        stays = {**kept, 0: came}
        rows.append([home, sum(stays.values()), left])
    return rows


@given(leave=st.lists(st.floats(0, 0.9), min_size=1, max_size=6), enter=shares, back=st.floats(0, 0.1))
@settings(max_examples=30, deadline=None)
def test_leaving_by_time_in_state(leave: list[float], enter: float, back: float) -> None:
    tunnels = {"care": len(leave)}
    moves = {("home", "care"): enter, ("care", "left"): xr.DataArray(leave, dims="residence"), ("care", "home"): back}
    matrix = cohort.residence_matrix(STATES, moves, tunnels)
    np.testing.assert_allclose(matrix.sum("to_state"), 1, atol=1e-12)
    folded = cohort.fold(cohort.trace(cohort.enter(START, tunnels), matrix, 9), tunnels)
    assert folded["state"].values.tolist() == STATES
    np.testing.assert_allclose(folded, slow_residence(leave, enter, back, 9), atol=1e-13)


def test_tunnels_that_do_not_differ_are_the_plain_model() -> None:
    tunnels = {"care": 4, "home": 2}
    matrix = cohort.residence_matrix(STATES, {**MOVES, ("home", "care"): DRAWS * 0.2}, tunnels)
    plain = cohort.trace(START, cohort.transition_matrix(STATES, {**MOVES, ("home", "care"): DRAWS * 0.2}), 12)
    occupancy = cohort.trace(cohort.enter(START, tunnels), matrix, 12)
    folded = cohort.fold(occupancy, tunnels)
    assert folded.dims == plain.dims
    np.testing.assert_allclose(folded, plain, atol=1e-14)
    reward = xr.DataArray([1.0, 10.0, 100.0], dims="state", coords={"state": STATES})
    np.testing.assert_allclose(
        cohort.accrue(occupancy, cohort.unfold(reward, tunnels), 4), cohort.accrue(plain, reward, 4), rtol=1e-13
    )


def test_the_names_of_tunnels_and_a_fixed_stay() -> None:
    assert cohort.tunnel_states(STATES, {"care": 2}) == ["home", "care[0]", "care[1]", "left"]
    fixed = {("home", "care"): 1.0, ("care", "left"): xr.DataArray([0.0, 0.0, 1.0], dims="residence")}
    tunnels = {"care": 3}
    occupancy = cohort.trace(cohort.enter(START, tunnels), cohort.residence_matrix(STATES, fixed, tunnels), 6)
    assert cohort.fold(occupancy, tunnels).sel(state="care").values.tolist() == [0, 1, 1, 1, 0, 0, 0]


# --- unfolding a matrix ---------------------------------------------------------------------------------

RATES: cohort.Moves = {("home", "care"): DRAWS + 0.4, ("care", "left"): 0.7, ("care", "home"): 1.5 - DRAWS}
YEARLY_RATES = cohort.transition_matrix_from_rates(STATES, RATES, 0.25)


@given(care=st.integers(1, 5), home=st.integers(1, 3), shared=st.booleans(), cycles=st.integers(0, 9))
@settings(max_examples=30, deadline=None)
def test_an_unfolded_matrix_moves_people_as_before(care: int, home: int, shared: bool, cycles: int) -> None:
    tunnels = {"care": care, "home": home}
    matrix = cohort.unfold_matrix(YEARLY_RATES, tunnels, [("home", "care")] if shared else [])
    assert matrix.dims == YEARLY_RATES.dims
    assert matrix["state"].values.tolist() == cohort.tunnel_states(STATES, tunnels)
    assert matrix["to_state"].values.tolist() == matrix["state"].values.tolist()
    assert (matrix >= 0).all()
    np.testing.assert_allclose(matrix.sum("to_state"), 1, rtol=0, atol=1e-12)
    folded = cohort.fold(cohort.trace(cohort.enter(START, tunnels), matrix, cycles), tunnels)
    plain = cohort.trace(START, YEARLY_RATES, cycles)
    assert folded.dims == plain.dims
    np.testing.assert_allclose(folded, plain, rtol=0, atol=1e-12)


def test_unfolding_nothing_changes_nothing() -> None:
    xr.testing.assert_identical(cohort.unfold_matrix(YEARLY_RATES, {}), YEARLY_RATES)
    one = cohort.unfold_matrix(YEARLY_RATES, {"care": 1})
    np.testing.assert_array_equal(one, YEARLY_RATES)
    assert one["state"].values.tolist() == ["home", "care[0]", "left"]
    assert one.attrs == YEARLY_RATES.attrs


def test_a_matrix_from_probabilities_unfolds_as_its_moves_do() -> None:
    """Without rates the two ways to unfold are one."""
    tunnels = {"care": 3}
    np.testing.assert_array_equal(
        cohort.unfold_matrix(MATRIX, tunnels), cohort.residence_matrix(STATES, MOVES, tunnels)
    )


def test_the_share_in_a_tunnel_is_that_of_those_who_stayed_as_long() -> None:
    """Who is in care at first and does not leave stands in tunnel j after j cycles; the last one gathers the rest."""
    stay = cohort.transition_matrix(STATES, {("care", "left"): 0.3})
    tunnels = {"care": 4}
    start = cohort.enter(xr.DataArray([0.0, 1.0, 0.0], {"state": STATES}, "state"), tunnels)
    occupancy = cohort.trace(start, cohort.unfold_matrix(stay, tunnels), 6)
    for cycle in range(7):
        expected = [0.0] * 4
        expected[min(cycle, 3)] = 0.7**cycle
        got = occupancy.sel(cycle=cycle, state=[f"care[{j}]" for j in range(4)])
        np.testing.assert_allclose(got, expected, rtol=1e-14, atol=0)


def test_a_clock_goes_on_when_people_move_within_it() -> None:
    """All go back and forth; with a clock in common the time counts on, without one it starts anew."""
    swap = cohort.transition_matrix(STATES, {("home", "care"): 1.0, ("care", "home"): 1.0})
    tunnels = {"home": 4, "care": 4}
    start = cohort.enter(START, tunnels)

    def places(clocks: Any) -> list[str]:
        occupancy = cohort.trace(start, cohort.unfold_matrix(swap, tunnels, clocks), 5)
        return [str(occupancy["state"].values[row.values.argmax()]) for row in occupancy]

    together = ["home[0]", "care[1]", "home[2]", "care[3]", "home[3]", "care[3]"]
    assert places([("home", "care")]) == together
    assert places([{"care", "home", "left"}]) == together
    assert places([]) == ["home[0]", "care[0]"] * 3
    uneven = cohort.unfold_matrix(swap, {"home": 4, "care": 2}, [("home", "care")])
    assert float(uneven.sel(state="home[2]", to_state="care[1]")) == 1.0  # the last of the shorter one
    assert float(uneven.sel(state="care[1]", to_state="home[2]")) == 1.0


def test_rows_that_differ_by_time_stayed() -> None:
    by_stay = [cohort.transition_matrix(STATES, {("home", "care"): 0.5, ("care", "left"): p}) for p in (0.1, 0.4, 0.9)]
    matrix = cohort.unfold_matrix(xr.concat(by_stay, dim=xr.Variable("residence", [0, 1, 2])), {"care": 3, "home": 2})
    for stayed, leaving in enumerate((0.1, 0.4, 0.9)):
        row = matrix.sel(state=f"care[{stayed}]")
        assert float(row.sel(to_state="left")) == leaving
        assert float(row.sel(to_state=f"care[{min(stayed + 1, 2)}]")) == pytest.approx(1 - leaving)
    np.testing.assert_allclose(matrix.sum("to_state"), 1, rtol=0, atol=1e-12)
    assert float(matrix.sel(state="home[1]", to_state="care[0]")) == 0.5
    occupancy = cohort.fold(
        cohort.trace(cohort.enter(START, {"care": 3, "home": 2}), matrix, 8), {"care": 3, "home": 2}
    )
    np.testing.assert_allclose(occupancy, slow_residence([0.1, 0.4, 0.9], 0.5, 0.0, 8), atol=1e-13)


def test_unfolding_keeps_draws_and_cycles() -> None:
    by_cycle = YEARLY_RATES.expand_dims(cycle=np.arange(3)).transpose("draw", "cycle", "state", "to_state")
    matrix = cohort.unfold_matrix(by_cycle, {"care": 2})
    assert matrix.dims == ("draw", "cycle", "state", "to_state")
    assert matrix["draw"].values.tolist() == [0, 1, 2]
    for cycle in range(3):
        np.testing.assert_array_equal(matrix.sel(cycle=cycle), cohort.unfold_matrix(YEARLY_RATES, {"care": 2}))


# --- inflow -------------------------------------------------------------------------------------------


@given(coming=st.lists(st.floats(0, 50), min_size=1, max_size=4), mix=shares)
@settings(max_examples=30, deadline=None)
def test_inflow_is_many_cohorts_that_start_later(coming: list[float], mix: float) -> None:
    persons = xr.DataArray(coming, dims="year", coords={"year": 2026 + np.arange(len(coming))})
    entry = xr.DataArray([mix, 1 - mix, 0.0], dims="state", coords={"state": STATES})
    inflow = cohort.arrivals(persons, entry, 2)
    cycles = 2 * len(coming)
    got = cohort.trace(START * 3, MATRIX, inflow=inflow, cycles=cycles)
    rows = cohort.trace(START * 3, MATRIX, cycles).values.copy()
    for cycle in range(cycles):  # those of a cycle are there at its end
        rows[cycle + 1 :] += cohort.trace(entry * coming[cycle // 2] / 2, MATRIX, cycles - cycle - 1).values
    np.testing.assert_allclose(got, rows, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(got.isel(cycle=-1).sum(), 3 + sum(coming), rtol=1e-12)


def test_a_constant_inflow_and_one_by_cycle_and_phase_agree() -> None:
    inflow = xr.DataArray([0.5, 0.25, 0.0], dims="state", coords={"state": STATES}) * (DRAWS + 1)
    got = cohort.trace(START, MATRIX, 6, inflow)
    by_cycle = cohort.trace(START, MATRIX, 6, inflow.expand_dims(cycle=np.arange(6)))
    phases = cohort.trace_phases(START, [(MATRIX, 2), (MATRIX, 4)], inflow.expand_dims(cycle=np.arange(6)))
    xr.testing.assert_identical(got, by_cycle)
    xr.testing.assert_identical(got, phases)
    none = cohort.trace(START, MATRIX, 6, inflow * 0)
    np.testing.assert_array_equal(none.sel(draw=0), cohort.trace(START, MATRIX, 6))


def test_cohorts_that_start_each_year() -> None:
    time = cohort.state_time(cohort.trace(START, MATRIX, 16), 4)
    persons = xr.DataArray([2.0, 0.0, 5.0], dims="year", coords={"year": [2026, 2027, 2028]})
    got = cohort.repeat_cohorts(time, persons)
    expected = [[0.0] * 3 for _ in range(3)]
    for start, many in enumerate([2.0, 0.0, 5.0]):
        for year in range(start, 3):
            for state in range(3):
                expected[year][state] += many * float(time[year - start, state])
    np.testing.assert_allclose(got, expected, rtol=1e-14)
    assert got["year"].values.tolist() == [2026, 2027, 2028]
    np.testing.assert_allclose(got.sum("state"), [2, 2, 7], rtol=1e-12)
    by_place = cohort.repeat_cohorts(time * (DRAWS + 1), persons * DRAWS)
    np.testing.assert_allclose(by_place.sel(draw=2), 2 * got, rtol=1e-14)
    assert (by_place.sel(draw=0) == 0).all()


# --- mortality ----------------------------------------------------------------------------------------

AGES = np.arange(30, 81)
TABLE = xr.DataArray(
    np.exp(-9.5 + 0.085 * AGES) * np.array([[1.0], [1.6]]),
    dims=["sex", "age"],
    coords={"sex": ["women", "men"], "age": AGES},
)


@given(age=st.integers(30, 60), per_year=st.integers(1, 12), years=st.integers(1, 20))
@settings(max_examples=30, deadline=None)
def test_survival_is_that_of_the_life_table(age: int, per_year: int, years: int) -> None:
    death = cohort.death_probabilities(TABLE, age, years * per_year, per_year)
    assert death.dims == ("sex", "cycle")
    for sex in ("women", "men"):
        expected = math.exp(-sum(float(TABLE.sel(sex=sex, age=age + year)) for year in range(years)))
        assert float((1 - death.sel(sex=sex)).prod()) == pytest.approx(expected, rel=1e-12)


def test_a_fraction_of_a_year_and_ages_by_group() -> None:
    by_group = xr.DataArray([39.7, 50.0], dims="group", coords={"group": ["low", "high"]})
    death = cohort.death_probabilities(TABLE, by_group, 10, 10)
    rates = cohort.rate_from_probability(death, 0.1).sel(sex="men")
    ages = [39, 39, 39, 40, 40, 40, 40, 40, 40, 40]
    np.testing.assert_allclose(rates.sel(group="low"), TABLE.sel(sex="men", age=ages), rtol=1e-9)
    np.testing.assert_allclose(rates.sel(group="high"), [TABLE.sel(sex="men", age=50)] * 10, rtol=1e-9)
    of_group = TABLE * xr.DataArray([1.0, 3.0], dims="group", coords={"group": ["low", "high"]})
    excess = cohort.rate_from_probability(cohort.death_probabilities(of_group, by_group, 10, 10), 0.1)
    np.testing.assert_allclose(excess.sel(group="high", sex="men"), 3 * rates.sel(group="high"), rtol=1e-9)


def test_death_comes_first_and_the_living_move_as_before() -> None:
    death = cohort.death_probabilities(TABLE, 40, 80, 4)
    matrix = cohort.add_death(MATRIX, death)
    assert matrix.dims == ("sex", "cycle", "state", "to_state")
    start = cohort.with_dead(START)
    occupancy = cohort.trace(start, matrix)
    np.testing.assert_allclose(occupancy.sum("state"), 1, atol=1e-12)
    plain = cohort.trace(START, MATRIX, 80)
    for sex in ("women", "men"):
        alive = 1.0
        for cycle in range(81):
            row = occupancy.sel(sex=sex, cycle=cycle)
            np.testing.assert_allclose(row.sel(state=STATES), alive * plain.sel(cycle=cycle), rtol=1e-11)
            alive *= 1 - float(death.sel(sex=sex)[cycle]) if cycle < 80 else 1


def test_deaths_of_the_disease_stay_and_death_may_differ_by_state() -> None:
    states = ["well", "dead", "ill"]
    matrix = cohort.transition_matrix(states, {("well", "ill"): 0.2, ("ill", "dead"): 0.5})
    death = xr.DataArray([0.1, 0.2], dims="state", coords={"state": ["well", "ill"]})
    got = cohort.add_death(matrix, death)
    assert got["state"].values.tolist() == states
    np.testing.assert_allclose(got, [[0.72, 0.1, 0.18], [0, 1, 0], [0, 0.6, 0.4]], atol=1e-15)
    none = cohort.add_death(matrix, xr.DataArray(0.0))
    np.testing.assert_array_equal(none, matrix)
    sure = cohort.add_death(MATRIX, xr.DataArray(1.0))
    assert (sure.sel(to_state="dead") == 1).all()


# --- broken input -------------------------------------------------------------------------------------

MIX = xr.DataArray([0.6, 0.3, 0.0], dims="state", coords={"state": STATES})
PERSONS = xr.DataArray([1.0, 2.0], dims="year", coords={"year": [2026, 2027]})
YEARLY = cohort.state_time(cohort.trace(START, MATRIX, 4), 4)
STAYS = xr.DataArray([0.1, 0.2], dims="residence")
RELATIVE = xr.DataArray([0.5, 2.0], dims="draw", coords={"draw": [0, 1]})  # a relative risk, by hand


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: cohort.apply_odds_ratio(1.2, 2.0), "p: is 1.2"),
        (lambda: cohort.apply_odds_ratio(0.2, math.inf), "odds_ratio: is inf"),
        (lambda: cohort.apply_odds_ratio(DRAWS, DRAWS[:2]), "odds_ratio draw: labels"),
        (lambda: cohort.competing_probabilities({}, 1), "name each cause"),
        (lambda: cohort.competing_probabilities({"a": -1.0}, 1), "rate of a: is -1"),
        (lambda: cohort.competing_probabilities({"a": math.inf}, 1), "rate of a: is inf"),
        (lambda: cohort.competing_probabilities({"a": 1.0}, 0), "years: is 0"),
        (lambda: cohort.competing_probabilities({"a": DRAWS, "b": DRAWS[:2]}, 1), "rate of b draw: labels"),
        (lambda: cohort.tunnel_states(STATES, {"gone": 2}), "tunnels gone: is an unknown state"),
        (lambda: cohort.tunnel_states(STATES, {"care": 0}), "tunnels care: 0 is not 1, 2, 3"),
        (lambda: cohort.residence_matrix(STATES, {("care", "left"): STAYS}, {}), "state is not unfolded"),
        (lambda: cohort.residence_matrix(STATES, {("care", "left"): STAYS}, {"care": 3}), "2 cycles of residence"),
        (
            lambda: cohort.residence_matrix(
                STATES, {("care", "left"): STAYS.assign_coords(residence=[1, 2])}, {"care": 2}
            ),
            "care -> left residence: is not 0, 1, 2",
        ),
        (lambda: cohort.residence_matrix(STATES, {("care", "care"): 0.5}, {"care": 2}), "staying is not a move"),
        (lambda: cohort.residence_matrix(STATES, {("care", "gone"): 0.5}, {"care": 2}), "unknown state 'gone'"),
        (
            lambda: cohort.residence_matrix(STATES, {("care", "left"): STAYS, ("care", "home"): 0.85}, {"care": 2}),
            r"state care\[1\]: leave the state with probability 1.05",
        ),
        (lambda: cohort.unfold_matrix(MATRIX, {"gone": 2}), "tunnels gone: is an unknown state"),
        (lambda: cohort.unfold_matrix(MATRIX, {"care": 0}), "tunnels care: 0 is not 1, 2, 3"),
        (
            lambda: cohort.unfold_matrix(MATRIX.expand_dims(residence=2), {"care": 3}),
            "transitions: has 2 cycles of residence, the state 3 tunnels",
        ),
        (lambda: cohort.unfold_matrix(MATRIX.expand_dims(residence=2), {}), "transitions: has the dim `residence`"),
        (
            lambda: cohort.unfold_matrix(MATRIX.expand_dims(residence=[1, 2]), {"care": 2}),
            "transitions residence: is not 0, 1, 2",
        ),
        (
            lambda: cohort.transition_matrix(STATES, {("home", "care"): 0.6 * RELATIVE}),
            "move home -> care at draw 1: is 1.2; it has to be at least 0 and at most 1",
        ),
        (
            lambda: cohort.transition_matrix(STATES, {("home", "care"): 0.3 * RELATIVE, ("home", "left"): 0.5}),
            "moves at draw 1, state home: leave the state with probability 1.1, more than 1",
        ),
        (lambda: cohort.fold(YEARLY, {"care": 2}), r"care\[0\] is no state of the values"),
        (lambda: cohort.enter(DRAWS, {}), "no labelled dim `state`"),
        (lambda: cohort.arrivals(PERSONS, MIX, 4), "mix: sums to 0.9 over states, not to 1"),
        (lambda: cohort.arrivals(PERSONS, DRAWS, 4), "mix: has no labelled dim `state`"),
        (lambda: cohort.arrivals(-PERSONS, MIX / 0.9, 4), "persons at year 2026: is -1"),
        (lambda: cohort.arrivals(DRAWS, MIX / 0.9, 4), "persons: has no dim `year`"),
        (lambda: cohort.arrivals(PERSONS.assign_coords(year=[2026, 2028]), MIX / 0.9, 4), "has gaps"),
        (lambda: cohort.arrivals(PERSONS, MIX / 0.9, 0), "cycles_per_year: 0 is not"),
        (lambda: cohort.trace(START, MATRIX, 4, -MIX), "inflow at state home: is -0.6"),
        (lambda: cohort.trace(START, MATRIX, 4, DRAWS), "inflow: has no labelled dim `state`"),
        (lambda: cohort.trace(START, MATRIX, 4, MATRIX), "inflow: has the dim `to_state`"),
        (lambda: cohort.trace(START, MATRIX, 4, MIX.expand_dims(cycle=3)), "3 cycles against 4 of the trace"),
        (lambda: cohort.trace(START, MATRIX, 2, MIX.expand_dims(cycle=[1, 2])), "inflow cycle: is not 0, 1, 2"),
        (lambda: cohort.trace(START, MATRIX, 4, MIX[:2]), "inflow state: labels"),
        (lambda: cohort.repeat_cohorts(YEARLY, PERSONS), "persons: 2 years against 1 of one cohort"),
        (lambda: cohort.repeat_cohorts(YEARLY.assign_attrs(discounted="yes"), PERSONS[:1]), "yearly: is discounted"),
        (lambda: cohort.death_probabilities(TABLE, 75, 25, 4), "age at cycle 24: 81 is past 80, the life table's last"),
        (lambda: cohort.death_probabilities(TABLE, 29, 4, 4), "29 is before 30, the life table's first"),
        (lambda: cohort.death_probabilities(TABLE.isel(age=[0, 2]), 30, 4, 4), "whole years without gaps"),
        (lambda: cohort.death_probabilities(-TABLE, 40, 4, 4), "life_table at sex women, age 30: is -"),
        (lambda: cohort.death_probabilities(TABLE, 40, 0, 4), "cycles: 0 is not 1, 2, 3"),
        (lambda: cohort.death_probabilities(TABLE, math.nan, 4, 4), "start_age: is missing"),
        (lambda: cohort.add_death(MATRIX, DRAWS + 0.5), "death at draw 2: is 1.5"),
        (lambda: cohort.add_death(MATRIX, xr.DataArray(0.1), "care"), "transitions at state care: can be left"),
        (lambda: cohort.add_death(MATRIX, MIX[:2]), "death state: labels"),
        (lambda: cohort.add_death(START, DRAWS), "lack a labelled dim"),
        (lambda: cohort.with_dead(DRAWS), "no labelled dim `state`"),
    ],
)
def test_what_does_not_fit_is_refused(call: Any, told: str) -> None:
    with pytest.raises(ModelError, match=told):
        call()


def test_bare_data_are_the_same_without_attributes_and_the_given_ones_keep_theirs():
    coords = {"draw": ("draw", [0, 1], {"of": "draws"}), "year": ("draw", [2026, 2027], {"of": "years"})}
    array = xr.DataArray([1.0, 2.0], coords, ("draw",), "cost", {"unit": "EUR"})
    for one in (array, xr.Dataset({"cost": array}, attrs={"made": "now"})):
        before = one.copy(deep=True)
        xr.testing.assert_identical(bare(one), one.drop_attrs())
        xr.testing.assert_identical(one, before)
        assert bare(one).attrs == bare(one).coords["draw"].attrs == bare(one).coords["year"].attrs == {}
