"""The division of one year's frame: against brute force, a linear program, closed forms, and what has to hold."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import xarray as xr
from budget_builders import budget, number, service, three, worlds_of
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from costeff.agreement import Budget
from costeff.draws import as_draws
from costeff.errors import ModelError, UsageError
from costeff.funding import (
    Aim,
    against_divided,
    allocate,
    draw_worlds,
    flexibility,
    gains_per_client,
    response_curves,
    steer,
)
from costeff.funding.curves import filled, knots_of, optimum, slopes_of, value_at
from costeff.funding.response import Plan

AIMS = [Aim("effect"), Aim("saving"), Aim("net_benefit", {"family": 5_000.0, "clinic": 20_000.0})]


def certain(services: dict[str, dict[str, Any]], effect: dict[str, float], **changes: Any) -> tuple[Budget, xr.Dataset]:
    """A budget in which nothing is uncertain, and its two equal worlds."""
    plain = {"need": number(100.0), "unit_cost": number(1000.0), "demand_sd": [0.0], "waiting": 0.0}
    of = budget({k: service(**plain | v) for k, v in services.items()}, **changes)
    draws = {k: as_draws(np.full(2, v)) for k, v in effect.items()}
    return of, draw_worlds(of, gains_per_client(draws, {k: 0 * v for k, v in draws.items()}), 1)


def value(of: Budget, worlds: xr.Dataset, aim: Aim, money: dict[str, float]) -> float:
    """What is aimed at in expectation, by way of the response of each service alone."""
    total = 0.0
    for name, amount in money.items():
        told = response_curves(of, worlds, [amount]).sel(service=name).isel(money=0).mean("draw")
        worth = (aim.worth or {}).get(name, 1.0 if aim.purpose == "effect" else 0.0)
        if aim.purpose != "saving":
            total += worth * float(told["outcomes"])
        if aim.purpose != "effect":
            total += float(told["saving"])
        if aim.purpose == "net_benefit":
            total -= float(told["spend"])
    return total


# --- against slow and other ways --------------------------------------------------------------


@pytest.mark.parametrize("aim", AIMS, ids=lambda aim: aim.purpose)
def test_no_division_on_a_grid_is_better(aim: Aim) -> None:
    of, step = three(), 5_000.0
    worlds = worlds_of(of, draws=60)
    best = allocate(of, worlds, aim)
    grid = np.arange(0, 100_001, step)
    each = response_curves(of, worlds, grid)
    worth = {"effect": 1.0, "saving": 0.0, "net_benefit": 0.0}[aim.purpose]
    total = xr.zeros_like(each["outcomes"])
    if aim.purpose != "saving":
        total = total + each["outcomes"] * xr.DataArray(
            [(aim.worth or {}).get(name, worth) for name in of.services], coords={"service": list(of.services)}
        )
    if aim.purpose != "effect":
        total = total + each["saving"]
    if aim.purpose == "net_benefit":
        total = total - each["spend"]
    table = total.mean("draw").transpose("service", "money").to_numpy()
    brute = max(
        table[0, i] + table[1, j] + table[2, k]
        for i, j, k in product(range(grid.size), repeat=3)
        if grid[[i, j, k]].sum() <= of.frame and grid[i] >= 20_000
    )
    assert best.attrs["expected"] >= brute * (1 - 1e-3 * np.sign(brute))
    assert best.attrs["expected"] == pytest.approx(
        value(of, worlds, aim, dict(zip(of.services, best.values, strict=True)))
    )


def test_the_optimum_has_the_same_gain_of_the_last_euro_everywhere() -> None:
    """Two services without limits that bind: e (1 - d n / D) / p is one number at the optimum, solved by hand."""
    wide = {"capacity": 1e6, "staffed": 1.0, "cap": 500_000.0}
    of, worlds = certain(
        {
            "a": wide | {"last_gain": 0.2, "need": number(200.0)},
            "b": wide | {"last_gain": 0.5, "unit_cost": number(800.0)},
        },
        {"a": 0.4, "b": 0.3},
        frame=150_000.0,
    )
    e, d, D, p = np.array([0.4, 0.3]), np.array([0.8, 0.5]), np.array([200.0, 100.0]), np.array([1000.0, 800.0])
    left = np.block([[np.diag(e * d / D), p[:, None]], [p, 0]])
    clients = np.linalg.solve(left, [*e, 150_000.0])[:2]
    assert (clients < D).all()
    best = allocate(of, worlds, Aim("effect"), pieces=400)
    assert best.values == pytest.approx(clients * p, abs=2 * 150_000 / 400)


def test_harm_gets_the_floor_and_what_saves_more_than_it_costs_gets_all_it_can_use() -> None:
    of, worlds = certain({"harm": {"floor": 7_000.0}, "good": {"last_gain": 1.0}}, {"harm": -0.2, "good": 0.2})
    best = allocate(of, worlds, Aim("net_benefit", {"harm": 10_000.0, "good": 10_000.0}))
    assert best.values == pytest.approx([7_000, 81_000])  # the staff serves 81
    dear = allocate(of, worlds, Aim("net_benefit", {"harm": 10_000.0, "good": 4_000.0}))
    assert dear.values == pytest.approx([7_000, 0])  # 800 EUR of gain for 1 000 spent: money is left


def test_teams_are_bought_whole_and_as_no_other_number_is_better() -> None:
    services = {
        "a": service(team=23_000.0, share=0.4),
        "b": service(team=31_000.0, share=0.35, last_gain=0.9),
        "c": service(share=0.25, last_gain=0.1, need=number(40.0, 0.2)),
    }
    of = budget(services)
    worlds = worlds_of(of, draws=80)
    best = allocate(of, worlds, Aim("effect"), pieces=200)
    assert best.values[0] % 23_000 == pytest.approx(0, abs=1e-6)
    assert best.values[1] % 31_000 == pytest.approx(0, abs=1e-6)
    teams = [(i, j) for i in range(5) for j in range(4) if 23_000 * i + 31_000 * j <= of.frame]
    money = {
        "a": [23_000.0 * i for i, _ in teams],
        "b": [31_000.0 * j for _, j in teams],
        "c": [of.frame - 23_000 * i - 31_000 * j for i, j in teams],
    }
    each = [response_curves(of, worlds, x)["outcomes"].sel(service=s).mean("draw").values for s, x in money.items()]
    assert best.attrs["expected"] == pytest.approx(sum(each).max(), rel=1e-3)


@pytest.mark.parametrize("team", [0.0, 1.0])
def test_money_that_does_nothing_is_not_given_out(team: float) -> None:
    """Where a curve is level, more money is as good as less: the answer is less, however many pieces are level."""
    knots = np.tile(np.arange(9.0), (2, 1))
    values = np.stack([np.minimum(np.arange(9.0), 3.0), -np.arange(9.0)])
    assert optimum(values, knots, 14.0, np.array([team, 0.0])) == pytest.approx([3.0, 0.0])
    assert optimum(values, knots, 14.0, np.array([team, 0.0]), 5.0).sum() == pytest.approx(5.0)


def test_a_curve_that_rises_again_is_taken_in_order() -> None:
    """The steep second stretch of a curve cannot be had without the flat first one."""
    knots = np.array([[0.0, 10, 20, 30], [0.0, 10, 20, 30]])
    values = np.array([[0.0, 1, 12, 12], [0.0, 5, 9, 12]])
    for frame in (10.0, 15.0, 20.0, 25.0, 30.0, 45.0, 60.0):
        best = optimum(values, knots, frame, np.zeros(2))
        brute = max(
            np.interp(x, knots[0], values[0]) + np.interp(min(frame - x, 30), knots[1], values[1])
            for x in np.linspace(0, min(frame, 30), 601)
        )
        reached = sum(np.interp(x, k, v) for x, k, v in zip(best, knots, values, strict=True))
        assert reached == pytest.approx(brute, abs=1e-6)
        assert best.sum() <= frame + 1e-6


def test_floors_that_do_not_fit_the_frame_end_the_solver_with_a_cure() -> None:
    knots = np.array([[10.0, 20.0], [10.0, 20.0]])
    with pytest.raises(ModelError, match="fit the frame"):
        optimum(np.array([[0.0, 1.0], [0.0, 1.0]]), knots, 15.0, np.zeros(2))


def test_filling_the_steepest_first_is_the_linear_program_of_each_draw() -> None:
    rng = np.random.default_rng(5)
    knots = np.cumsum(rng.uniform(1, 5, (3, 6)), axis=1)
    slopes = np.sort(rng.normal(1, 1, (20, 3, 5)), axis=-1)[..., ::-1]
    values = np.concatenate([np.zeros((20, 3, 1)), np.cumsum(slopes * np.diff(knots), axis=-1)], axis=-1)
    low, high = knots[:, 0] + 1.3, knots[:, -1] - 0.7
    frame = rng.uniform(low.sum() + 1, high.sum() + 5, 20)
    got = filled(values, knots, frame, np.tile(low, (20, 1)), np.tile(high, (20, 1)))
    assert (got >= low - 1e-9).all()
    assert (got <= high + 1e-9).all()
    assert (got.sum(1) <= frame + 1e-9).all()
    assert np.allclose(slopes_of(values, knots), slopes)
    for draw in range(20):  # hypograph form: t_s <= each line
        rows, right = [], []
        for s, k in product(range(3), range(5)):
            row = np.zeros(6)
            row[s], row[3 + s] = -slopes[draw, s, k], 1.0
            rows.append(row)
            right.append(values[draw, s, k] - slopes[draw, s, k] * knots[s, k])
        rows.append(np.array([1.0, 1, 1, 0, 0, 0]))
        bounds = [*zip(low, high, strict=True), *[(None, None)] * 3]
        solved = linprog([0, 0, 0, -1, -1, -1], rows, [*right, frame[draw]], bounds=bounds)
        assert value_at(values, knots, got)[draw] == pytest.approx(-solved.fun)


# --- what has to hold --------------------------------------------------------------------------


@pytest.mark.parametrize("aim", AIMS, ids=lambda aim: aim.purpose)
def test_the_best_division_is_no_worse_than_the_divided_budget_and_moving_money_never_hurts(aim: Aim) -> None:
    of = three()
    told = against_divided(of, worlds_of(of, draws=300), aim)
    assert float(told["difference_mean"]) >= 0
    assert float(told["flexibility"]) >= 0
    assert (told["regret"] >= -1e-9).all()
    assert float(told["regret"].sel(model="lump_sum")) <= float(told["regret"].sel(model="divided")) + 1e-9
    best = told["money"].sel(model="lump_sum")
    assert float(best.sum()) <= of.frame + 1e-6
    assert float(told["money"].sel(model="divided").sum()) == pytest.approx(of.frame)
    for name, each in of.services.items():
        assert each.floor - 1e-6 <= float(best.sel(service=name)) <= each.cap + 1e-6
    gap = told["value"].sel(model="lump_sum") - told["value"].sel(model="divided")
    xr.testing.assert_allclose(gap.drop_vars("model", errors="ignore"), told["difference"])


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), frame=st.floats(30_000, 250_000), last=st.floats(0, 1), rho=st.floats(0, 1))
def test_better_than_divided_holds_for_any_budget(seed: int, frame: float, last: float, rho: float) -> None:
    of = budget({"a": service(last_gain=last), "b": service(need=number(60.0, 0.5))}, frame=frame, correlation=rho)
    told = against_divided(of, worlds_of(of, draws=40, seed=seed, effect_sd=0.2), Aim("saving"), pieces=16)
    scale = abs(float(told["expected"].max())) + 1
    assert float(told["difference_mean"]) >= -1e-9 * scale
    assert float(told["flexibility"]) >= 0
    assert (told["regret"] >= -1e-9 * scale).all()


def test_the_order_of_services_does_not_matter() -> None:
    of = three()
    turned = of.override(services=dict(reversed(of.services.items())))
    one = allocate(of, worlds_of(of, draws=100), Aim("saving"))
    gains = worlds_of(of, draws=100)[["effect", "saving"]]
    other = allocate(turned, draw_worlds(turned, gains, 3), Aim("saving"))
    assert other.attrs["expected"] == pytest.approx(one.attrs["expected"])
    assert other.sel(service=one["service"]).values == pytest.approx(one.values, abs=1.0)


def test_of_identical_services_no_split_is_better_than_half_and_half() -> None:
    of, worlds = certain({"a": {}, "b": {}}, {"a": 0.3, "b": 0.3})
    best = allocate(of, worlds, Aim("effect"))
    assert best.values == pytest.approx([50_000, 50_000], abs=2 * 100_000 / 64)
    told = against_divided(of, worlds, Aim("effect"))
    assert float(told["difference_mean"]) == pytest.approx(0, abs=1e-3)
    assert float(told["flexibility"]) == 0
    assert told["regret"].values == pytest.approx([0, 0], abs=1e-9)  # nothing is unknown, so nothing can be regretted


def test_the_value_of_moving_money_is_that_of_the_plain_case() -> None:
    """All 100 clients come to one service or to the other. Moved after, money serves them all; before, half of them."""
    linear = {"last_gain": 1.0, "capacity": 1e6, "staffed": 1.0, "cap": 100_000.0}
    of, worlds = certain({"a": linear, "b": linear}, {"a": 0.3, "b": 0.3}, moves_within_year=1.0)
    need = worlds["need"].copy()
    need[:] = np.array([[100.0, 0.0], [0.0, 100.0]])[:, :, None]
    worlds = worlds.assign(need=need)
    assert flexibility(of, worlds, Aim("effect")) == pytest.approx(0.3 * 50)
    told = against_divided(of, worlds, Aim("effect"))
    assert told["regret"].values == pytest.approx([15, 15])
    better = Aim("effect", {"a": 1.1})  # so that a gets all before
    assert flexibility(of, worlds, better) == pytest.approx(0.3 * 50)
    team = of.override(services={k: v.override(team=50_000.0 if k == "a" else None) for k, v in of.services.items()})
    assert flexibility(team, worlds, better) == 0  # who has been hired stays
    for share in (0.0, 0.4):  # and no more moves than may
        assert flexibility(of.override(moves_within_year=share), worlds, better) == pytest.approx(0.3 * 50 * share)


def test_overspending_of_the_frame_is_one_measure_and_that_of_each_service_another() -> None:
    linear = {"last_gain": 1.0, "capacity": 1e6, "staffed": 1.0, "need": number(500.0), "cap": 50_000.0}
    of, worlds = certain({"a": linear, "b": linear}, {"a": 0.3, "b": 0.3})
    cost = worlds["unit_cost"].copy()
    cost[:] = [[1200.0, 800.0], [1200.0, 1200.0]]
    told = against_divided(of, worlds.assign(unit_cost=cost), Aim("effect"))
    assert told["money"].sel(model="lump_sum").values == pytest.approx([50_000, 50_000])
    for model in ("lump_sum", "divided"):  # the same money is spent in the same way
        assert told["overspend"].sel(model=model).values == pytest.approx([0, 20_000])
        assert told["overspend_risk"].sel(model=model) == 0.5
        each = told["service_overspend"].sel(model=model)
        assert each.values == pytest.approx(np.array([[10_000, 0], [10_000, 10_000]]))


def test_money_weighs_outcomes_as_it_is_told_to() -> None:
    of, worlds = certain({"a": {}, "b": {}}, {"a": 0.3, "b": 0.3})
    best = allocate(of, worlds, Aim("effect", {"a": 10.0, "b": 1.0}))
    assert best.values == pytest.approx([81_000, 19_000], abs=1e-3)  # as many as the staff of a can serve


def test_knots_hold_the_floor_the_cap_where_the_staff_ends_and_the_divided_budget() -> None:
    knots = knots_of(Plan(three()), 100_000.0, 10)
    assert (np.diff(knots) >= 0).all()
    assert knots[:, 0] == pytest.approx([20_000, 0, 0])
    assert knots[:, -1] == pytest.approx([100_000, 80_000, 80_000])
    for row, amounts in zip(knots, ([50_000, 81 * 1060], [20_000, 81 * 700], [30_000, 20_000]), strict=True):
        for amount in amounts:
            assert np.isclose(row, amount).any()


@pytest.mark.parametrize("wrong", [{"mass": 1.0}, {"tolerance": 0.0}, {"pieces": 1}])
def test_settings_outside_their_bounds_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="The budget cannot be steered"):
        against_divided(three(), worlds_of(three(), draws=3), **wrong)  # type: ignore[arg-type]


# --- the statutory minimum -------------------------------------------------------------------------


def fill_slowly(values: np.ndarray, knots: np.ndarray, frame: float, least: float, steps: int = 60) -> float:
    """The best value of two curves over a grid, between the least and the frame."""
    amounts = [np.linspace(k[0], k[-1], steps + 1) for k in knots]
    one, other = (np.interp(a, k, v) for a, k, v in zip(amounts, knots, values, strict=True))
    given = amounts[0][:, None] + amounts[1][None]
    allowed = (given <= frame + 1e-9) & (given >= least - 1e-9)
    return float((one[:, None] + other[None])[allowed].max())


@pytest.mark.parametrize("least", [0.0, 9.0, 15.0, 21.0, 27.0])
def test_the_minimum_is_given_out_where_it_does_least_harm(least: float) -> None:
    """Curves that fall ever more: a rise, a fall, a steeper fall. Against a grid."""
    knots = np.array([[0.0, 5, 10, 15], [0.0, 5, 10, 15]])
    values = np.array([[0.0, 10, 6, -6], [0.0, 4, 2, -20]])
    best = fill_slowly(values, knots, 28.0, least)
    got = filled(values[None], knots, 28.0, least=least)[0]
    assert got.sum() >= least - 1e-9
    assert value_at(values[None], knots, got[None])[0] == pytest.approx(best)
    solved = optimum(values, knots, 28.0, np.zeros(2), least)
    assert value_at(values, knots, solved) == pytest.approx(best)


def test_what_does_no_good_is_taken_in_the_order_of_its_curve() -> None:
    """The level end of a curve, where the staff is gone, is not to be had without the fall before it."""
    knots = np.array([[0.0, 10, 20, 30], [0.0, 10, 20, 30]])
    values = np.array([[0.0, 5, -5, -5], [0.0, -1, -2, -3]])
    got = filled(values[None], knots, 60.0, least=25.0)[0]
    assert got == pytest.approx([10, 15])
    assert optimum(values, knots, 60.0, np.zeros(2), 25.0) == pytest.approx(got)


@pytest.mark.parametrize("aim", [Aim("effect"), Aim("net_benefit")], ids=lambda aim: aim.purpose)
def test_no_division_is_under_the_statutory_minimum(aim: Aim) -> None:
    """Nothing is worth its price here, so that a frame without a minimum would be kept."""
    of = three(statutory_minimum=70_000.0)
    worlds = worlds_of(of, 100)
    worlds = worlds.assign(effect=worlds["effect"] - 1, saving=worlds["saving"] * 0)
    assert float(allocate(of.override(statutory_minimum=0.0), worlds, aim).sum()) == pytest.approx(20_000)
    best = allocate(of, worlds, aim)
    assert 70_000 - 1e-6 <= float(best.sum()) <= of.frame + 1e-6
    told = against_divided(of, worlds, aim)
    assert (told["regret"] >= 0).all()
    assert float(told["flexibility"]) >= 0
    years = steer(of, worlds, aim)
    given = years["allocated"].sum("service")
    assert (given >= 70_000 - 1e-6).all()
    assert float(given.sel(model="lump_sum", year=2).mean()) == pytest.approx(70_000)


def test_the_minimum_is_given_even_where_whole_teams_leave_it_short() -> None:
    """All is bought in teams of 30 000: 90 000 is the whole number nearest under 95 000."""
    teams = {name: service(team=30_000.0, share=0.5) for name in ("first", "second")}
    with pytest.raises(ModelError, match="statutory minimum"):
        allocate(budget(teams, statutory_minimum=95_000.0), worlds_of(budget(teams), 5))
    mixed = budget({"first": service(team=30_000.0, cap=90_000.0), "second": service(cap=60_000.0)})
    of = mixed.override(statutory_minimum=95_000.0)
    given = steer(of, worlds_of(of, 30), Aim("net_benefit"))["allocated"].sum("service")
    assert (given >= 95_000 - 1e-6).all()


def test_flexibility_is_what_a_lump_sum_gains_by_moving_in_its_first_year() -> None:
    """Where effects are known; at planned prices, so that what a client really costs makes no odds."""
    of = three(moves_within_year=0.6)
    worlds = worlds_of(of, 200, effect_sd=0.0)
    still = of.override(moves_within_year=0.0)
    moved, stayed = (
        steer(each, worlds, Aim("effect"), pieces=64)["value"].sel(model="lump_sum", year=1).sum("service").mean()
        for each in (of, still)
    )
    worth = flexibility(of, worlds, Aim("effect"))
    assert worth == pytest.approx(float(moved - stayed), rel=0.02)
    assert worth > 0.05
    assert flexibility(still, worlds, Aim("effect")) == 0
    dearer = worlds.assign(unit_cost=worlds["unit_cost"] * np.linspace(0.5, 2, 200)[:, None])
    for aim in (Aim("effect"), Aim("net_benefit")):
        assert flexibility(of, dearer, aim) == flexibility(of, worlds, aim)
