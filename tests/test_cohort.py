"""The cohort kernel: against a slow oracle, against closed forms, and on broken input."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
import xarray as xr
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from costeff import cohort
from costeff.errors import ModelError

STATES = ["well", "ill", "dead"]


# --- builders and oracle ------------------------------------------------------------------------------


def start_in(first: str, states: list[str] = STATES, persons: float = 1.0) -> xr.DataArray:
    return xr.DataArray([persons * (state == first) for state in states], dims="state", coords={"state": states})


def random_matrix(seed: int, states: int = 3, **sizes: int) -> xr.DataArray:
    """Transitions with the dims given, then state and to_state."""
    names = [f"s{n}" for n in range(states)]
    values = np.random.default_rng(seed).dirichlet(np.ones(states), size=(*sizes.values(), states))
    values[..., -1] = 1 - values[..., :-1].sum(axis=-1)
    coords = {dim: np.arange(size) for dim, size in sizes.items()} | {"state": names, "to_state": names}
    return xr.DataArray(values, dims=[*sizes, "state", "to_state"], coords=coords)


def slow_trace(start: list[float], matrices: list[list[list[float]]]) -> list[list[float]]:
    """One cohort, one matrix per cycle, in plain Python."""
    rows = [list(start)]
    for matrix in matrices:
        row = [0.0] * len(start)
        for origin, persons in enumerate(rows[-1]):
            for target in range(len(start)):
                row[target] += persons * matrix[origin][target]
        rows.append(row)
    return rows


def slow_state_time(rows: list[list[float]], cycles_per_year: int) -> list[list[float]]:
    years = []
    for first in range(0, len(rows) - 1, cycles_per_year):
        total = [0.0] * len(rows[0])
        for cycle in range(first, first + cycles_per_year):
            for state in range(len(total)):
                total[state] += (rows[cycle][state] + rows[cycle + 1][state]) / 2 / cycles_per_year
        years.append(total)
    return years


# --- oracle -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("varying", [False, True])
def test_trace_and_state_time_are_those_of_the_oracle(varying: bool) -> None:
    sizes = {"option": 2, "draw": 7} | ({"cycle": 8} if varying else {})
    matrix = random_matrix(1, states=4, **sizes)
    start = xr.DataArray(
        np.random.default_rng(2).dirichlet(np.ones(4), size=3),
        dims=["group", "state"],
        coords={"group": ["low", "middle", "high"], "state": matrix["state"].values},
    )
    occupancy = cohort.trace(start, matrix, None if varying else 8)
    times = cohort.state_time(occupancy, 4)
    assert occupancy.dims == ("group", "option", "draw", "cycle", "state")
    assert times.dims == ("group", "option", "draw", "year", "state")
    for group in start["group"].values:
        for option in range(2):
            for draw in range(7):
                one = matrix.sel(option=option, draw=draw)
                matrices = [(one.sel(cycle=c) if varying else one).values.tolist() for c in range(8)]
                rows = slow_trace(start.sel(group=group).values.tolist(), matrices)
                place = {"group": group, "option": option, "draw": draw}
                np.testing.assert_allclose(occupancy.sel(place), rows, rtol=0, atol=1e-14)
                np.testing.assert_allclose(times.sel(place), slow_state_time(rows, 4), rtol=0, atol=1e-14)


@given(seed=st.integers(0, 10_000), draws=st.integers(1, 9), years=st.integers(1, 6), persons=st.floats(0.1, 1000))
@settings(deadline=None)
def test_nobody_appears_or_vanishes(seed: int, draws: int, years: int, persons: float) -> None:
    matrix = random_matrix(seed, draw=draws)
    start = start_in("s0", ["s0", "s1", "s2"], persons)
    occupancy = cohort.trace(start, matrix, 4 * years)
    assert abs(occupancy.sum("state") / persons - 1).max() < 1e-12
    assert abs(cohort.state_time(occupancy, 4).sum("state") / persons - 1).max() < 1e-12


@given(seed=st.integers(0, 10_000), draws=st.integers(1, 40))
@settings(deadline=None)
def test_equal_arms_are_exactly_equal_and_swapped_arms_swap(seed: int, draws: int) -> None:
    one = random_matrix(seed, draw=draws)
    equal = xr.concat([one, one], dim=xr.Variable("option", ["usual", "new"]))
    occupancy = cohort.trace(start_in("s0", ["s0", "s1", "s2"]), equal, 9)
    assert (occupancy.sel(option="usual") == occupancy.sel(option="new")).all()
    two = xr.concat([one, random_matrix(seed + 1, draw=draws)], dim=xr.Variable("option", ["usual", "new"]))
    there = cohort.trace(start_in("s0", ["s0", "s1", "s2"]), two, 9)
    back = cohort.trace(start_in("s0", ["s0", "s1", "s2"]), two.isel(option=[1, 0]), 9)
    xr.testing.assert_identical(there, back.sel(option=["usual", "new"]))


def test_a_scalar_and_its_draws_agree() -> None:
    matrix = random_matrix(3, draw=5)
    start = start_in("s1", ["s0", "s1", "s2"])
    together = cohort.trace(start, matrix, 12)
    for draw in range(5):
        alone = cohort.trace(start, matrix.sel(draw=draw, drop=True), 12)
        np.testing.assert_array_equal(together.sel(draw=draw), alone)
    assert cohort.trace(start, matrix.isel(draw=0, drop=True), 0).values.tolist() == [[0.0, 1.0, 0.0]]


def test_phases_are_traces_that_follow_each_other() -> None:
    first, second = random_matrix(4, option=2, draw=3), random_matrix(5, draw=3)
    start = start_in("s0", ["s0", "s1", "s2"])
    whole = cohort.trace_phases(start, [(first, 4), (second, 6)])
    begin = cohort.trace(start, first, 4)
    end = cohort.trace(begin.isel(cycle=-1), second, 6)
    np.testing.assert_array_equal(whole.isel(cycle=slice(5)), begin)
    np.testing.assert_array_equal(whole.isel(cycle=slice(4, None)), end)
    assert whole["cycle"].values.tolist() == list(range(11))


def test_results_explain_themselves() -> None:
    start = start_in("s0", ["s0", "s1", "s2"], 100).assign_attrs(unit="persons")
    occupancy = cohort.trace(start, random_matrix(6, draw=2), 4)
    assert occupancy.attrs["unit"] == "persons"
    assert cohort.state_time(occupancy, 4).attrs == {"unit": "person-years", "cycles_per_year": 4}
    assert occupancy["state"].values.tolist() == ["s0", "s1", "s2"]
    assert occupancy["draw"].values.tolist() == [0, 1]


def test_ten_thousand_draws_take_less_than_a_second() -> None:
    matrix = random_matrix(7, states=5, draw=10_000, option=2)
    start = start_in("s0", matrix["state"].values.tolist())
    began = time.perf_counter()
    cohort.state_time(cohort.trace(start, matrix, 60), 4)
    assert time.perf_counter() - began < 1


# --- rates, probabilities, matrices ---------------------------------------------------------------------


@given(p=st.floats(0, 1), years=st.floats(0.05, 20))
@settings(deadline=None)
def test_rate_and_probability_are_inverse(p: float, years: float) -> None:
    rate = cohort.rate_from_probability(p, years)
    assert cohort.probability_from_rate(rate, years) == pytest.approx(p, abs=1e-14)


def test_probability_zero_and_one() -> None:
    assert cohort.rate_from_probability(0.0, 1) == 0
    assert math.copysign(1, cohort.rate_from_probability(0.0, 1)) == 1
    assert cohort.rate_from_probability(1.0, 1) == math.inf
    for sure in (0.0, 1.0):
        moves = {("well", "ill"): sure}
        occupancy = cohort.trace(start_in("well"), cohort.transition_matrix(STATES, moves), 3)
        assert occupancy.sel(state="ill").values.tolist() == [0, sure, sure, sure]


def test_a_year_is_four_quarters_not_a_quarter_of_the_probability() -> None:
    quarter = cohort.probability_from_rate(cohort.rate_from_probability(0.4, 1), 0.25)
    assert 1 - (1 - quarter) ** 4 == pytest.approx(0.4, abs=1e-15)
    assert quarter > 0.1


def test_hazard_ratio() -> None:
    p = xr.DataArray([0.0, 0.3, 1.0], dims="draw", coords={"draw": [0, 1, 2]})
    assert (cohort.apply_hazard_ratio(p, 1.0) == p).all()
    assert (cohort.apply_hazard_ratio(p, 0.0) == 0).all()
    np.testing.assert_allclose(cohort.apply_hazard_ratio(p, 2.0), [0, 1 - 0.7**2, 1])
    assert cohort.apply_hazard_ratio(0.3, 0.5) == pytest.approx(1 - math.sqrt(0.7))
    both = cohort.apply_hazard_ratio(0.3, p + 0.5)
    np.testing.assert_allclose(both, 1 - 0.7 ** np.array([0.5, 0.8, 1.5]))
    assert both.dims == ("draw",)
    assert cohort.apply_hazard_ratio(p, p.rename(draw="option")).dims == ("draw", "option")


def test_staying_is_the_complement_and_rounding_is_not_an_error() -> None:
    p = xr.DataArray([0.1, 0.7], dims="draw", coords={"draw": [0, 1]})
    matrix = cohort.transition_matrix(STATES, {("well", "ill"): p, ("well", "dead"): 0.3, ("ill", "dead"): 1.0})
    assert matrix.dims == ("draw", "state", "to_state")
    np.testing.assert_allclose(matrix.sel(state="well", to_state="well"), [0.6, 0.0], atol=1e-15)
    assert (matrix >= 0).all()
    assert matrix.sel(state="dead", to_state="dead").values.tolist() == [1, 1]
    cohort.trace(start_in("well"), matrix, 4)


def test_moves_that_change_by_cycle() -> None:
    p = xr.DataArray([[0.1, 0.2]] * 3, dims=["cycle", "draw"], coords={"draw": [0, 1]})
    matrix = cohort.transition_matrix(STATES, {("well", "ill"): p})
    assert matrix.dims == ("draw", "cycle", "state", "to_state")
    left = cohort.trace(start_in("well"), matrix).sel(state="well").isel(cycle=-1)
    np.testing.assert_allclose(left, [0.9**3, 0.8**3])


@given(a=st.floats(0, 30), b=st.floats(0, 30), c=st.floats(0, 300), years=st.floats(0.01, 2))
@example(a=0.0, b=0.0, c=84.0, years=0.6688081098026887)  # rounding would double with each squaring
@settings(max_examples=60, deadline=None)
def test_the_matrix_of_rates_is_the_exponential(a: float, b: float, c: float, years: float) -> None:
    rates = {("well", "ill"): a, ("ill", "well"): b, ("ill", "dead"): c}
    intensity = np.array([[-a, a, 0], [b, -b - c, c], [0, 0, 0]])
    matrix = cohort.transition_matrix_from_rates(STATES, rates, years)
    np.testing.assert_allclose(matrix, expm(intensity * years), rtol=0, atol=1e-11)
    assert (matrix >= 0).all()
    np.testing.assert_allclose(matrix.sum("to_state"), 1, rtol=0, atol=1e-14)


# --- closed forms ---------------------------------------------------------------------------------------


def test_two_states_reach_the_exponential_as_cycles_get_short() -> None:
    rate, years = 0.8, 5
    exact = (1 - math.exp(-rate * years)) / rate
    errors = []
    for per_year in (4, 16, 64):
        p = cohort.probability_from_rate(rate, 1 / per_year)
        matrix = cohort.transition_matrix(["alive", "dead"], {("alive", "dead"): p})
        occupancy = cohort.trace(start_in("alive", ["alive", "dead"]), matrix, years * per_year)
        errors.append(abs(float(cohort.state_time(occupancy, per_year).sel(state="alive").sum()) - exact))
    assert errors[0] == pytest.approx(rate * (1 - math.exp(-rate * years)) / 4**2 / 12, rel=0.01)
    assert errors[1] < errors[0] / 15
    assert errors[2] < errors[1] / 15  # the error of the trapezoid falls with the square of the cycle


@pytest.mark.parametrize("stay", [0.05, 0.25, 0.5, 2.0])
def test_littles_law_holds_however_short_the_stay(stay: float) -> None:
    """In the long run, the share inside is the arrivals per year times the mean stay, at quarter cycles."""
    arrival = 0.3
    rates = {("out", "in"): arrival, ("in", "out"): cohort.rate_from_mean_years(stay)}
    matrix = cohort.transition_matrix_from_rates(["out", "in"], rates, 0.25)
    inside = cohort.state_time(cohort.trace(start_in("out", ["out", "in"]), matrix, 400), 4).isel(year=-1)
    assert float(inside.sel(state="in")) == pytest.approx(arrival * stay / (1 + arrival * stay), rel=1e-10)
    assert float(inside.sel(state="in")) == pytest.approx(arrival * float(inside.sel(state="out")) * stay, rel=1e-10)


def test_one_stay_lasts_as_long_as_it_should() -> None:
    """Everyone enters once and leaves for good: time inside is the mean stay, though it is shorter than a cycle."""
    rates = {("out", "in"): 0.5, ("in", "left"): cohort.rate_from_mean_years(0.1)}
    matrix = cohort.transition_matrix_from_rates(["out", "in", "left"], rates, 0.25)
    occupancy = cohort.trace(start_in("out", ["out", "in", "left"]), matrix, 400)
    inside = float(cohort.state_time(occupancy, 4).sel(state="in").sum())
    assert inside == pytest.approx(0.1, rel=0.03)


def test_discount_factors() -> None:
    factors = cohort.discount_factors([2026, 2027, 2030], 0.03)
    np.testing.assert_allclose(factors, [1, 1 / 1.03, 1 / 1.03**4])
    assert factors["year"].values.tolist() == [2026, 2027, 2030]
    assert (cohort.discount_factors(np.arange(20), 0.0) == 1).all()


# --- broken input ---------------------------------------------------------------------------------------


def broken(change: float, draw: int = 3, cycle: int = 2, state: str = "s1", to: str = "s2") -> xr.DataArray:
    matrix = random_matrix(8, draw=5, cycle=4)
    matrix.loc[{"draw": draw, "cycle": cycle, "state": state, "to_state": to}] += change
    return matrix


def problems_of(call: object, *args: object, **kwargs: object) -> list[str]:
    with pytest.raises(ModelError) as caught:
        call(*args, **kwargs)  # type: ignore[operator]
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("matrix", "told"),
    [
        (broken(0.1), "draw 3, cycle 2, state s1: the row sums to 1.1, not to 1"),
        (broken(2e-9), "draw 3, cycle 2, state s1: the row sums to 1.000000002, not to 1"),
        (broken(-2.0), "draw 3, cycle 2, state s1, to_state s2: is -1."),
        (broken(math.nan), "draw 3, cycle 2, state s1, to_state s2: is missing"),
        (broken(math.inf), "draw 3, cycle 2, state s1, to_state s2: is inf"),
    ],
)
def test_a_broken_row_is_named_by_draw_cycle_and_state(matrix: xr.DataArray, told: str) -> None:
    found = problems_of(cohort.trace, start_in("s0", ["s0", "s1", "s2"]), matrix)
    assert any(told in problem for problem in found), found


def test_rounding_is_not_an_error_and_nothing_is_rescaled() -> None:
    matrix = broken(5e-10)
    occupancy = cohort.trace(start_in("s0", ["s0", "s1", "s2"]), matrix)
    assert float(occupancy.sum("state").sel(draw=3, cycle=4)) != 1


def test_ten_places_are_named_and_the_rest_counted() -> None:
    matrix = random_matrix(9, draw=50) * 1.1
    with pytest.raises(ModelError, match="150 problems") as caught:
        cohort.trace(start_in("s0", ["s0", "s1", "s2"]), matrix, 4)
    assert len(caught.value.problems) == 11
    assert "and 140 more" in str(caught.value)


GOOD = random_matrix(10, draw=5)
START = start_in("s0", ["s0", "s1", "s2"])
DRAWS = xr.DataArray(np.ones(4), dims="draw", coords={"draw": np.arange(4)})


@pytest.mark.parametrize(
    ("start", "matrix", "cycles", "told"),
    [
        (START * DRAWS, GOOD, 4, r"draw: labels \[0, 1, 2, 3, 4\] \(5\) are not those of start"),
        (START, GOOD.assign_coords(draw=[1, 2, 3, 4, 5]) * DRAWS.rename(draw="option"), None, "cycles: not given"),
        (START * GOOD["draw"].astype(float).drop_vars("draw"), GOOD, 4, "start draw: has no labels"),
        (START.isel(state=[1, 0, 2]), GOOD, 4, "transitions state: labels .* are not those of start"),
        (START.drop_vars("state"), GOOD, 4, "start: has no labelled dim `state`"),
        (START.assign_coords(state=["s0", "s0", "s2"]), GOOD, 4, "a state stands twice"),
        (START - 0.5, GOOD, 4, "start at state s1: is -0.5"),
        (START.expand_dims(cycle=2), GOOD, 4, "has the dim `cycle`"),
        (START.astype(str), GOOD, 4, "not numbers"),
        (START, GOOD.astype(str), 4, "not numbers"),
        (START, GOOD.assign_coords(to_state=["s1", "s0", "s2"]), 4, "`state` and `to_state` differ"),
        (START, GOOD.isel(to_state=0), 4, "lacks a labelled dim"),
        (START, GOOD, None, "cycles: not given"),
        (START, GOOD, -1, "not a number of cycles"),
        (START, GOOD, 2.5, "not a number of cycles"),
        (START, random_matrix(1, cycle=4), 5, "5 asked for, transitions has 4"),
        (START, random_matrix(1, cycle=4).assign_coords(cycle=[1, 2, 3, 4]), None, "is not 0, 1, 2"),
    ],
)
def test_what_does_not_fit_is_refused(start: xr.DataArray, matrix: xr.DataArray, cycles: int | None, told: str) -> None:
    with pytest.raises(ModelError, match=told):
        cohort.trace(start, matrix, cycles)


def test_all_problems_are_told_at_once() -> None:
    found = problems_of(cohort.trace, START - 0.5, broken(0.1), 9)
    assert len(found) == 4


@pytest.mark.parametrize(
    ("moves", "told"),
    [
        ({("well", "gone"): 0.1}, "unknown state 'gone'"),
        ({("well", "well"): 0.9}, "staying is not a move"),
        ({("well", "ill"): -0.1}, "move well -> ill: is -0.1"),
        ({("well", "ill"): 1.1}, "move well -> ill: is 1.1"),
        ({("well", "ill"): math.nan}, "is missing"),
        ({("well", "ill"): 0.6, ("well", "dead"): DRAWS * 0.5}, "draw 0, state well: leave the state with .* 1.1"),
        ({("well", "ill"): DRAWS * 0.1, ("ill", "dead"): GOOD["draw"] * 0.01}, "draw: labels"),
        ({("well", "ill"): DRAWS.assign_coords(draw=[0, 3, 2, 1]) * 0.1, ("ill", "dead"): DRAWS * 0.1}, "draw: labels"),
    ],
)
def test_moves_that_make_no_matrix(moves: cohort.Moves, told: str) -> None:
    with pytest.raises(ModelError, match=told):
        cohort.transition_matrix(STATES, moves)


def test_states_that_are_none_or_stand_twice() -> None:
    for states in ([], ["well", "well"]):
        with pytest.raises(ModelError, match="name each state once"):
            cohort.transition_matrix(states, {})


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: cohort.probability_from_rate(-1.0, 1), "rate: is -1"),
        (lambda: cohort.probability_from_rate(1.0, 0), "years: is 0"),
        (lambda: cohort.rate_from_probability(DRAWS + 0.5, 1), "p at draw 0: is 1.5"),
        (lambda: cohort.rate_from_mean_years(0.0), "mean stay: is 0"),
        (lambda: cohort.apply_hazard_ratio(0.5, -1.0), "hr: is -1"),
        (lambda: cohort.apply_hazard_ratio(DRAWS * 0.5, GOOD["draw"] + 1.0), "labels"),
        (lambda: cohort.transition_matrix_from_rates(STATES, {("well", "ill"): math.inf}, 0.25), "is inf"),
        (lambda: cohort.transition_matrix_from_rates(STATES, {}, 0), "years: is 0"),
        (lambda: cohort.discount_factors([2026], 3), "write 3 % as 0.03"),
        (lambda: cohort.discount_factors([2027, 2026], 0.03), "rising order"),
        (lambda: cohort.state_time(cohort.trace(START, GOOD, 5), 4), "5 cycles are not whole years of 4"),
        (lambda: cohort.state_time(cohort.trace(START, GOOD, 0), 4), "0 cycles are not whole years"),
        (lambda: cohort.state_time(cohort.trace(START, GOOD, 4), 0), "is not 1, 2, 3"),
        (lambda: cohort.state_time(START, 4), "lacks the dim `cycle`"),
    ],
)
def test_values_out_of_range(call: object, told: str) -> None:
    with pytest.raises(ModelError, match=told):
        call()  # type: ignore[operator]
