"""Rewards by stay, entry and transition, flows and discounting: against slow oracles, and on broken input."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from costeff import cohort
from costeff.errors import ModelError

STATES = ["s0", "s1", "s2"]
START = xr.DataArray([1.0, 0.0, 0.0], dims="state", coords={"state": STATES})
METHODS = ["trapezoid", "simpson", "start", "end"]


def matrix(seed: int, **sizes: int) -> xr.DataArray:
    """Transitions with the dims given, then state and to_state."""
    values = np.random.default_rng(seed).dirichlet(np.ones(3), size=(*sizes.values(), 3))
    values[..., -1] = 1 - values[..., :-1].sum(axis=-1)
    coords = {dim: np.arange(size) for dim, size in sizes.items()} | {"state": STATES, "to_state": STATES}
    return xr.DataArray(values, dims=[*sizes, "state", "to_state"], coords=coords)


def labelled(seed: int, **labels: list[Any]) -> xr.DataArray:
    values = np.random.default_rng(seed).normal(size=tuple(map(len, labels.values())))
    return xr.DataArray(values, dims=list(labels), coords=labels, attrs={"unit": "EUR/year"})


def slow_weight(method: str, cycle: int, n: int) -> float:
    """Weight of the end of a cycle in a year of n cycles, in cycles."""
    edge = cycle in (0, n)
    if method == "trapezoid":
        return 0.5 if edge else 1.0
    if method == "simpson":
        return 1 / 3 if edge else (4 / 3 if cycle % 2 else 2 / 3)
    return float(cycle != n) if method == "start" else float(cycle != 0)


def slow_accrue(
    rows: list[list[float]], matrices: list[list[list[float]]], reward: Any, n: int, by: str, method: str
) -> list[float]:
    """One cohort in plain Python; `reward` is a function of year, state and to_state."""
    years = []
    for year in range((len(rows) - 1) // n):
        total = 0.0
        for state in range(3):
            if by == "stay":
                for c in range(n + 1):
                    total += slow_weight(method, c, n) / n * rows[year * n + c][state] * reward(year, state, None)
                continue
            for c in range(year * n, (year + 1) * n):
                for to in range(3):
                    if to != state:
                        worth = reward(year, to, None) if by == "entry" else reward(year, state, to)
                        total += rows[c][state] * matrices[c][state][to] * worth
        years.append(total)
    return years


# --- oracle -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("varying", [False, True])
@pytest.mark.parametrize(("by", "method"), [("stay", m) for m in METHODS] + [("entry", "end"), ("transition", "end")])
def test_accrue_is_that_of_the_oracle(by: str, method: str, varying: bool) -> None:
    moves = matrix(1, draw=3, option=2, **({"cycle": 8} if varying else {}))
    occupancy = cohort.trace(START, moves, None if varying else 8)
    ends = {"to_state": STATES} if by == "transition" else {}
    reward = labelled(2, state=STATES, payer=["county", "state"], draw=[0, 1, 2], year=[2026, 2027], **ends)
    given_moves = {} if by == "stay" else {"transitions": moves}
    got = cohort.accrue(occupancy, reward, 4, by=by, method=method, first_year=2026, **given_moves)
    assert got.dims == ("draw", "option", "payer", "year")
    for place in (
        {"draw": d, "option": o, "payer": p} for d in range(3) for o in range(2) for p in ("county", "state")
    ):
        one = moves.sel(draw=place["draw"], option=place["option"])
        matrices = [(one.sel(cycle=c) if varying else one).values.tolist() for c in range(8)]
        rows = occupancy.sel(draw=place["draw"], option=place["option"]).values.tolist()
        price = reward.sel(draw=place["draw"], payer=place["payer"]).transpose("year", "state", ...).values

        def worth(year: int, state: int, to: int | None, price: np.ndarray = price) -> float:
            return float(price[year, state] if to is None else price[year, state, to])

        expected = slow_accrue(rows, matrices, worth, 4, by, method)
        np.testing.assert_allclose(got.sel(place), expected, rtol=0, atol=1e-13)


def test_flows_sum_to_the_occupancy_at_both_ends() -> None:
    moves = matrix(3, draw=4, cycle=6)
    occupancy = cohort.trace(START, moves)
    flow = cohort.flows(occupancy, moves)
    assert flow.dims == ("draw", "cycle", "state", "to_state")
    np.testing.assert_allclose(flow.sum("to_state"), occupancy.isel(cycle=slice(6)), atol=1e-15)
    np.testing.assert_allclose(flow.sum("state"), occupancy.isel(cycle=slice(1, None)), atol=1e-15)
    constant = matrix(4)
    flow = cohort.flows(cohort.trace(START, constant, 6), constant)
    assert flow.sel(cycle=0, state="s0").values.tolist() == constant.sel(state="s0").values.tolist()


def test_the_trapezoid_is_the_time_in_states() -> None:
    occupancy = cohort.trace(START, matrix(5, draw=4), 12)
    for state in STATES:
        reward = xr.DataArray([float(s == state) for s in STATES], dims="state", coords={"state": STATES})
        got = cohort.accrue(occupancy, reward, 4)
        np.testing.assert_allclose(got, cohort.state_time(occupancy, 4).sel(state=state), atol=1e-15)


# --- properties ---------------------------------------------------------------------------------------

ways = st.sampled_from([("stay", m) for m in METHODS] + [("entry", "end"), ("transition", "end")])


@given(seed=st.integers(0, 10_000), way=ways, draws=st.integers(1, 33))
@settings(max_examples=40, deadline=None)
def test_equal_arms_are_exactly_equal_and_swapped_arms_flip_the_sign(
    seed: int, way: tuple[str, str], draws: int
) -> None:
    by, method = way
    ends = {"to_state": STATES} if by == "transition" else {}
    reward = labelled(seed, state=STATES, draw=list(range(draws)), **ends)

    def run(new: xr.DataArray, usual: xr.DataArray) -> xr.DataArray:
        both = xr.concat([new, usual], dim=xr.Variable("option", ["new", "usual"]))
        occupancy = cohort.trace(START, both, 8)
        extra = {} if by == "stay" else {"transitions": both}
        total = cohort.accrue(occupancy, reward, 4, by=by, method=method, **extra)
        return total.sel(option="usual", drop=True) - total.sel(option="new", drop=True)

    one, two = matrix(seed, draw=draws), matrix(seed + 1, draw=draws)
    assert (run(one, one) == 0).all()
    np.testing.assert_array_equal(run(one, two), -run(two, one))


@given(seed=st.integers(0, 10_000), method=st.sampled_from(METHODS), persons=st.floats(0.1, 1e4))
@settings(max_examples=30, deadline=None)
def test_person_time_is_the_cohort_and_money_is_linear(seed: int, method: str, persons: float) -> None:
    occupancy = cohort.trace(START * persons, matrix(seed, draw=3), 8)
    ones = xr.ones_like(START)
    time = cohort.accrue(occupancy, ones, 4, method=method)
    np.testing.assert_allclose(time, persons, rtol=1e-12)
    reward = labelled(seed, state=STATES, payer=["a", "b"])
    total = cohort.accrue(occupancy, reward, 4, method=method)
    np.testing.assert_allclose(cohort.accrue(occupancy, reward * 10, 4, method=method), total * 10, rtol=1e-9)
    whole = cohort.accrue(occupancy, reward.sum("payer"), 4, method=method)
    np.testing.assert_allclose(total.sum("payer"), whole, atol=1e-11 * persons)
    assert (cohort.accrue(occupancy, reward * 0, 4, method=method) == 0).all()


def test_entries_are_the_transitions_into_a_state() -> None:
    moves = matrix(6, draw=3)
    occupancy = cohort.trace(START, moves, 8)
    into = xr.DataArray([0.0, 5.0, 0.0], dims="state", coords={"state": STATES})
    each = xr.zeros_like(matrix(0)) + into.rename(state="to_state")
    by_entry = cohort.accrue(occupancy, into, 4, by="entry", transitions=moves)
    by_move = cohort.accrue(occupancy, each, 4, by="transition", transitions=moves)
    np.testing.assert_allclose(by_entry, by_move, rtol=1e-14)
    flow = cohort.flows(occupancy, moves).sel(to_state="s1", state=["s0", "s2"]).sum("state")
    np.testing.assert_allclose(by_entry.sum("year"), 5 * flow.sum("cycle"), rtol=1e-13)


def test_simpson_is_exact_for_a_cubic_and_its_weights_are_not_swapped() -> None:
    np.testing.assert_allclose(cohort.cycle_weights("simpson", 4) * 12, [1, 4, 2, 4, 1])
    np.testing.assert_allclose(cohort.cycle_weights("simpson", 2) * 6, [1, 4, 1])
    for method in METHODS:
        assert cohort.cycle_weights(method, 12).sum() == pytest.approx(1, abs=1e-15)
    t = np.arange(9) / 4
    cubic = xr.DataArray((t**3)[:, None], dims=["cycle", "state"], coords={"state": ["alive"]})
    one = xr.DataArray([1.0], dims="state", coords={"state": ["alive"]})
    np.testing.assert_allclose(cohort.accrue(cubic, one, 4, method="simpson"), [1 / 4, 15 / 4], rtol=1e-14)


def test_halved_cycles_converge_and_simpson_does_so_faster() -> None:
    rate, exact = 0.8, (1 - math.exp(-0.8 * 3)) / 0.8
    alive = xr.DataArray([1.0, 0.0], dims="state", coords={"state": ["alive", "dead"]})
    errors: dict[str, list[float]] = {method: [] for method in METHODS}
    for n in (2, 4, 8):
        p = cohort.probability_from_rate(rate, 1 / n)
        occupancy = cohort.trace(alive, cohort.transition_matrix(["alive", "dead"], {("alive", "dead"): p}), 3 * n)
        for method, found in errors.items():
            found.append(abs(float(cohort.accrue(occupancy, alive, n, method=method).sum()) - exact))
    for method, order in {"start": 2, "end": 2, "trapezoid": 4, "simpson": 16}.items():
        assert errors[method][0] / errors[method][1] == pytest.approx(order, rel=0.25)
        assert errors[method][1] / errors[method][2] == pytest.approx(order, rel=0.15)


def test_blocks_are_the_whole_to_the_last_bit() -> None:
    moves = matrix(7, municipality=5, draw=3, cycle=8)
    reward = labelled(8, state=STATES, payer=["a", "b"], municipality=list(range(5)))
    occupancy = cohort.trace(START, moves)
    discount = cohort.discount_factors([2026, 2027], 0.03)
    inflow = START * 0.1
    for size in (1, 2, 5, 9, None):
        options: dict[str, Any] = {"first_year": 2026, "discount": discount, "method": "simpson"}
        whole = cohort.accrue(occupancy, reward, 4, **options)
        xr.testing.assert_identical(cohort.accrue_blocks(START, moves, reward, 4, size=size, **options), whole)
        whole = cohort.accrue(occupancy, reward, 4, by="entry", transitions=moves)
        xr.testing.assert_identical(cohort.accrue_blocks(START, moves, reward, 4, size=size, by="entry"), whole)
    whole = cohort.accrue(cohort.trace(START, moves, inflow=inflow), reward, 4)
    xr.testing.assert_identical(cohort.accrue_blocks(START, moves, reward, 4, size=2, inflow=inflow), whole)


# --- discounting --------------------------------------------------------------------------------------


def test_discounting_is_stated() -> None:
    factors = cohort.discount_factors([2026, 2027], 0.03)
    assert factors.attrs == {"unit": "1", "formula": "1 / (1 + rate) ** t", "rate": 0.03}
    occupancy = cohort.trace(START, matrix(1), 8)
    plain = cohort.accrue(occupancy, labelled(1, state=STATES), 4, first_year=2026)
    assert plain.attrs == {"unit": "EUR", "by": "stay", "discounted": "no", "method": "trapezoid"}
    present = cohort.accrue(occupancy, labelled(1, state=STATES), 4, first_year=2026, discount=factors)
    assert present.attrs["discounted"] == "1 / (1 + rate) ** t, rate 0.03"
    np.testing.assert_array_equal(present, plain * factors)


@given(rate=st.floats(0, 0.5), years=st.integers(1, 40))
@settings(max_examples=30, deadline=None)
def test_one_rate_is_the_same_rate_every_year_and_continuous_is_yearly_at_another(rate: float, years: int) -> None:
    labels = 2026 + np.arange(years)
    one = cohort.discount_factors(labels, rate)
    np.testing.assert_allclose(cohort.discount_factors(labels, [rate] * years), one, rtol=1e-12)
    other = cohort.discount_factors(labels, math.log1p(rate), "continuous")
    np.testing.assert_allclose(other, one, rtol=1e-12)
    every = cohort.discount_factors(labels, [math.log1p(rate)] * years, "continuous")
    np.testing.assert_allclose(every, one, rtol=1e-12)
    assert float(one[0]) == 1
    assert (np.diff(one) <= 0).all()


def test_rates_that_change_by_year_and_differ_by_payer() -> None:
    years = [2026, 2027, 2028]
    np.testing.assert_allclose(cohort.discount_factors(years, [0.9, 0.03, 0.02]), [1, 1 / 1.03, 1 / 1.03 / 1.02])
    by_payer = xr.DataArray([0.03, 0.0], dims="payer", coords={"payer": ["county", "client"]})
    factors = cohort.discount_factors([2026, 2027, 2030], by_payer)
    assert factors.dims == ("payer", "year")
    np.testing.assert_allclose(factors, [[1, 1 / 1.03, 1 / 1.03**4], [1, 1, 1]])
    both = by_payer * xr.DataArray([1.0, 1.0, 0.5], dims="year", coords={"year": years})
    np.testing.assert_allclose(
        cohort.discount_factors(years, both).sel(payer="county"), [1, 1 / 1.03, 1 / 1.03 / 1.015]
    )
    kinds = xr.DataArray([0.03, 0.015], dims="kind", coords={"kind": ["cost", "effect"]})
    assert float(cohort.discount_factors(years, kinds).sel(kind="effect", year=2028)) == pytest.approx(1.015**-2)
    occupancy = cohort.trace(START, matrix(1), 8)
    reward = labelled(1, state=STATES, payer=["county", "client"])
    total = cohort.accrue(occupancy, reward, 4, discount=cohort.discount_factors([0, 1], by_payer))
    plain = cohort.accrue(occupancy, reward, 4)
    np.testing.assert_allclose(total, plain / [[1, 1.03], [1, 1]])
    assert total.dims == ("payer", "year")


# --- broken input -------------------------------------------------------------------------------------

MOVES = matrix(1, draw=2)
TRACE = cohort.trace(START, MOVES, 8)
PAY = labelled(1, state=STATES)
FACTORS = cohort.discount_factors([0, 1], 0.03)
BY_PAYER = xr.DataArray([0.03, 0.0], dims="payer", coords={"payer": ["county", "client"]})


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: cohort.accrue(TRACE, PAY, 3), "8 cycles are not whole years of 3"),
        (lambda: cohort.accrue(TRACE, PAY, 0), "cycles_per_year: 0 is not 1, 2, 3"),
        (lambda: cohort.accrue(TRACE, PAY, 1, method="simpson"), "1 is odd; Simpson's rule takes cycles in pairs"),
        (lambda: cohort.cycle_weights("simpson", 5), "cycles_per_year: 5 is odd"),
        (lambda: cohort.accrue(TRACE, PAY, 4, method="middle"), "method: 'middle' is unknown"),
        (lambda: cohort.accrue(TRACE, PAY, 4, by="exit"), "by: 'exit' is unknown"),
        (lambda: cohort.accrue(START, PAY, 4), "occupancy: lacks the dim `cycle`"),
        (lambda: cohort.accrue(TRACE, PAY[:2], 4), r"reward state: labels \[s0, s1\]"),
        (lambda: cohort.accrue(TRACE, PAY.drop_vars("state"), 4), "reward: has no labelled dim `state`"),
        (lambda: cohort.accrue(TRACE, PAY.where(PAY["state"] != "s1"), 4), "reward at state s1: is missing"),
        (lambda: cohort.accrue(TRACE, PAY, 4, by="entry"), "transitions: are missing, and a reward by entry"),
        (lambda: cohort.accrue(TRACE, PAY, 4, transitions=MOVES), "a reward by stay does not use them"),
        (lambda: cohort.accrue(TRACE, PAY, 4, by="transition", transitions=MOVES), "no labelled dim `to_state`"),
        (lambda: cohort.accrue(TRACE, MOVES, 4), "has the dim `to_state`, and is by stay"),
        (lambda: cohort.accrue(TRACE, PAY.expand_dims(cycle=9), 4), "rewards change by year"),
        (lambda: cohort.accrue(TRACE, labelled(1, state=STATES, year=[0, 1, 2]), 4), r"reward year: labels"),
        (lambda: cohort.accrue(TRACE, labelled(1, state=STATES, draw=[1, 2]), 4), r"reward draw: labels \[1, 2\]"),
        (lambda: cohort.accrue(TRACE, PAY, 4, discount=FACTORS, first_year=2026), r"discount year: labels \[0, 1\]"),
        (lambda: cohort.accrue(TRACE, PAY, 4, discount=PAY), "discount: has no dim `year`"),
        (
            lambda: cohort.accrue(TRACE, PAY, 4, discount=cohort.discount_factors([0, 1], BY_PAYER)),
            "discount: has the dim `payer`, the reward has not\n    -> give an effect a rate of its own",
        ),
        (
            lambda: cohort.accrue(TRACE, MOVES.isel(to_state=[1, 0, 2]), 4, by="transition", transitions=MOVES),
            "reward to_state: are not the states",
        ),
        (lambda: cohort.flows(START, MOVES), "occupancy: lacks the dim `cycle`"),
        (lambda: cohort.flows(TRACE, START), "transitions: lack a labelled dim `to_state`"),
        (lambda: cohort.flows(TRACE, matrix(1, cycle=5)), "have 5 cycles, the occupancy 8"),
        (lambda: cohort.flows(TRACE, matrix(1, group=2)), "transitions group: is a dim that the occupancy lacks"),
        (lambda: cohort.flows(TRACE, MOVES.isel(state=[1, 0, 2])), "`state` is not the states of the occupancy"),
        (lambda: cohort.accrue_blocks(START, MOVES, PAY, 4, 8), "dim: 'municipality' cannot be cut into blocks"),
        (
            lambda: cohort.accrue_blocks(
                START, MOVES, PAY, 4, 8, dim="draw", discount=FACTORS.expand_dims(draw=MOVES["draw"])
            ),
            "cut into blocks: accrue, then discount",
        ),
        (lambda: cohort.accrue_blocks(START, MOVES, PAY, 4, 8, dim="draw", size=0), "size: 0 is not 1, 2, 3"),
        (lambda: cohort.discount_factors([0, 1], [0.03, 3.0]), "rate at year 1: 3 is not a discount rate"),
        (lambda: cohort.discount_factors([0, 1], [0.03, math.nan]), "rate at year 1: nan is not a discount rate"),
        (lambda: cohort.discount_factors([0, 1, 2], [0.03, 0.02]), "rate: 2 rates against 3 years"),
        (lambda: cohort.discount_factors([0, 1, 3], [0.03, 0.02, 0.02]), "years: have gaps, and the rate changes"),
        (lambda: cohort.discount_factors([0, 1], PAY.astype(str)), "not numbers"),
        (lambda: cohort.discount_factors([0, 1], 0.03, "monthly"), "compounding: 'monthly' is unknown"),
        (
            lambda: cohort.discount_factors([1, 2], xr.DataArray([0.0, 0.0], dims="year", coords={"year": [0, 1]})),
            "rate year: labels",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call: Any, told: str) -> None:
    with pytest.raises(ModelError, match=told):
        call()
