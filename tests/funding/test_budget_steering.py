"""Both funding models over the years: against a plain loop, and what has to hold of money, queues and knowledge."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from budget_builders import budget, number, service, three, worlds_of
from scipy.stats import norm

from costeff.agreement import Budget
from costeff.draws import as_draws
from costeff.errors import UsageError
from costeff.funding import Aim, allocate, differences, draw_worlds, gains_per_client, steer
from costeff.funding.curves import curves, knots_of
from costeff.funding.response import Plan

EFFECT = Aim("effect")


def plain_years(of: Budget, worlds: xr.Dataset, draw: int, money: xr.DataArray, lump: bool) -> dict[str, np.ndarray]:
    """Year by year and service by service in plain numbers, at the money that each was given."""
    names = list(of.services)
    queue = {name: of.services[name].waiting for name in names}
    out: dict[str, list[list[float]]] = {}
    frame, frames, overs, lefts = of.frame, [], [], []
    for year in range(1, of.years + 1):
        rows: dict[str, list[float]] = {}
        for name in names:
            each, at = of.services[name], {"draw": draw, "service": name}
            given = float(money.sel(at).sel(year=year))
            usable = given if each.team is None else int(given / each.team + 1e-9) * each.team
            demand = queue[name] + float(worlds["need"].sel(at).sel(year=year))
            price = each.unit_cost.mean * (1 + of.overhead(name))
            clients = min(usable / price, each.capacity * each.staffed, demand)
            first = clients - (1 - each.last_gain) * clients**2 / (2 * demand)
            spend = clients * float(worlds["unit_cost"].sel(at))
            queue[name] = (1 - each.leave) * (demand - clients)
            told = {
                "demand": demand, "clients": clients, "waiting": queue[name], "spend": spend,
                "outcomes": first * float(worlds["effect"].sel(at)), "saving": first * float(worlds["saving"].sel(at)),
                "overspend": max(spend - given, 0), "unspent": max(given - spend, 0),
            }  # fmt: skip
            for key, number_ in told.items():
                rows.setdefault(key, []).append(number_)
        frames.append(frame)
        spent = sum(rows["spend"])
        overs.append(max(spent - frame, 0))
        lefts.append(max(frame - spent, 0))
        if lump:
            targets = [(o, of.services[n].target) for n, o in zip(names, rows["outcomes"], strict=True)]
            met = [outcome >= target for outcome, target in targets if target]
            if met:
                share = sum(met) / len(met)
                frame = of.frame * (1 + of.bonus * share - of.malus * (1 - share))
                frame = max(frame, of.statutory_minimum, sum(each.least for each in of.services.values()))
        for key, row in rows.items():
            out.setdefault(key, []).append(row)
    arrays = {key: np.array(values).T for key, values in out.items()}
    return arrays | {"frame": np.array(frames), "frame_overspend": np.array(overs), "frame_unspent": np.array(lefts)}


def rich() -> Budget:
    """Every part of a budget is in use: teams, targets, bonus and malus, a minimum that holds the malus."""
    targets = {"family": 12.0, "work": 5.0, "clinic": 1.9}
    services = {name: each.override(target=targets[name]) for name, each in three().services.items()}
    services["work"] = services["work"].override(team=9_000.0)
    return three(bonus=0.1, malus=0.3, statutory_minimum=85_000.0).override(services=services)


@pytest.mark.parametrize("of", [three(), rich()], ids=["plain", "rich"])
def test_the_years_are_those_of_a_plain_loop(of: Budget) -> None:
    worlds = worlds_of(of, draws=4)
    told = steer(of, worlds, EFFECT)
    for model in ("lump_sum", "divided"):
        for draw in range(4):
            here = told.sel(model=model, draw=draw)
            slow = plain_years(of, worlds, draw, told["allocated"].sel(model=model), lump=model == "lump_sum")
            for name, values in slow.items():
                dims = ("service", "year") if values.ndim == 2 else ("year",)
                assert here[name].transpose(*dims).to_numpy() == pytest.approx(values, rel=1e-9, abs=1e-6), name
    if of.bonus:
        assert len(np.unique(told["frame"])) > 2


@pytest.mark.parametrize("moves", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("aim", [EFFECT, Aim("net_benefit")], ids=lambda aim: aim.purpose)
def test_money_is_never_made_and_limits_hold_every_year(moves: float, aim: Aim) -> None:
    of = rich().override(moves_within_year=moves)
    told = steer(of, worlds_of(of, draws=60), aim)
    spent = told["spend"].sum("service") + told["frame_unspent"] - told["frame_overspend"]
    assert spent.values == pytest.approx(told["frame"].transpose(*spent.dims).values)
    assert (told["allocated"].sum("service") <= told["frame"] + 1e-6).all()
    assert told["allocated"].sel(model="divided").sum("service").values == pytest.approx(of.frame)
    by_service = told["spend"] + told["unspent"] - told["overspend"]
    assert by_service.values == pytest.approx(told["allocated"].values)
    for name, each in of.services.items():
        given = told["allocated"].sel(service=name)
        assert (given >= each.floor - 1e-6).all()
        assert (given <= each.cap + 1e-6).all()
    teams = told["allocated"].sel(service="work", model="lump_sum") / 9_000
    assert np.allclose(teams, teams.round())
    assert (told["frame"] >= 85_000).all()
    assert (told["waiting"] >= 0).all()
    assert (told["clients"] <= told["demand"] + 1e-9).all()


def test_a_divided_budget_gives_the_same_every_year_and_knows_nothing_of_queues() -> None:
    of = three()
    money = steer(of, worlds_of(of, draws=20), EFFECT)["allocated"].sel(model="divided")
    for name, each in of.services.items():
        assert np.allclose(money.sel(service=name), each.share * of.frame)


def test_a_lump_sum_that_cannot_move_gives_year_1_its_best_division_in_all_worlds() -> None:
    of = three(moves_within_year=0.0)
    worlds = worlds_of(of, draws=200)
    told = steer(of, worlds, EFFECT, pieces=32)
    money = told["allocated"].sel(model="lump_sum", year=1)
    assert np.allclose(money, money.isel(draw=0))
    assert money.isel(draw=0).values == pytest.approx(allocate(of, worlds, EFFECT, pieces=32).values, abs=1.0)
    value = told["value"].sel(year=1).sum("service").mean("draw")
    assert float(value.sel(model="lump_sum")) >= float(value.sel(model="divided"))


def test_with_all_money_free_no_world_of_year_1_is_better_divided() -> None:
    """The same knowledge, the mean gains, and money that moves once the demand is seen."""
    of = three(moves_within_year=1.0)
    worlds = worlds_of(of, draws=300, effect_sd=0.0)
    value = steer(of, worlds, EFFECT)["value"].sel(year=1).sum("service")
    assert (value.sel(model="lump_sum") >= value.sel(model="divided") - 1e-9).all()
    assert (value.sel(model="lump_sum") > value.sel(model="divided") + 0.1).any()


def test_more_that_may_move_is_worth_more_in_year_1() -> None:
    values = []
    for moves in (0.0, 0.5, 1.0):
        of = three(moves_within_year=moves)
        told = steer(of, worlds_of(of, draws=300, effect_sd=0.0), EFFECT)
        values.append(float(told["value"].sel(model="lump_sum", year=1).sum("service").mean()))
    assert values == sorted(values)
    assert values[-1] > values[0]


def turning(moves: float) -> xr.Dataset:
    """Two services, of which the first gains a little more; all of its demand comes in year 1."""
    alike = service(need=number(60.0), unit_cost=number(1000.0), demand_sd=[0.0], waiting=0.0, leave=0.0, last_gain=1.0)
    of = budget({"a": alike, "b": alike | {"capacity": 500.0}}, moves_within_year=moves, frame=90_000.0)
    draws = {"a": as_draws(np.full(2, 0.31)), "b": as_draws(np.full(2, 0.3))}
    worlds = draw_worlds(of, gains_per_client(draws, draws), 1)
    need = worlds["need"].copy()
    need.loc[{"service": "a"}] = [60.0, 0.0, 0.0]
    need.loc[{"service": "b"}] = [120.0, 60.0, 60.0]
    return steer(of, worlds.assign(need=need), EFFECT, pieces=90).isel(draw=0)


def test_a_lump_sum_that_cannot_move_in_the_year_follows_what_was_seen() -> None:
    """The plan says 60 a year, then 60, 0 and 0 come: 60 are expected in year 2 and 40 in year 3."""
    money = turning(0.0)["allocated"].sel(model="lump_sum", service="a")
    assert money.values == pytest.approx([60_000, 60_000, 40_000])


def test_a_lump_sum_that_moves_in_the_year_follows_the_queue() -> None:
    told = turning(1.0)
    assert told["allocated"].sel(model="lump_sum").values == pytest.approx(
        np.array([[60_000, 0, 0], [30_000, 90_000, 90_000]])
    )
    queue = told["waiting"].sel(service="b")
    assert queue.sel(model="lump_sum").values == pytest.approx([90, 60, 30])
    assert queue.sel(model="divided").values == pytest.approx([75, 90, 105])


def test_a_later_year_is_planned_for_a_demand_that_may_be_more_or_less_and_is_as_planned_in_the_mean() -> None:
    """Year 2 in one world, by brute force: what the queue and seven equally likely demands would give, by the euro."""
    wild = service(demand_sd=[1.0], need=number(60.0), unit_cost=number(1000.0), capacity=500.0, last_gain=0.0)
    of = budget({"wild": wild, "calm": wild | {"demand_sd": [0.0]}}, moves_within_year=0.0)
    worlds = worlds_of(of, draws=3, effect_sd=0.0)
    told = steer(of, worlds, EFFECT, pieces=100, quantiles=7).sel(model="lump_sum", draw=0)
    factors = np.exp(norm.ppf((np.arange(7) + 0.5) / 7))
    grid = np.linspace(0, of.frame, 501)
    value = np.zeros(grid.size)
    for name, money, spread in (("wild", grid, factors / factors.mean()), ("calm", of.frame - grid, np.ones(7))):
        seen = float(worlds["need"].sel(draw=0, year=1, service=name))
        demand = float(told["waiting"].sel(service=name, year=1)) + (60 + seen) / 2 * spread
        clients = np.minimum(money[:, None] / 1000, demand)
        gain = float(worlds["effect"].sel(service=name).mean())
        value += gain * (clients - clients**2 / (2 * demand)).mean(1)
    given = float(told["allocated"].sel(service="wild", year=2))
    assert given == pytest.approx(grid[value.argmax()], abs=of.frame / 100)


def test_no_more_than_the_share_above_the_floor_moves_within_a_year() -> None:
    of = three(moves_within_year=0.3)
    worlds = worlds_of(of, draws=300)
    planned = steer(of.override(moves_within_year=0.0), worlds, EFFECT)["allocated"].sel(model="lump_sum", year=1)
    moved = steer(of, worlds, EFFECT)["allocated"].sel(model="lump_sum", year=1)
    floors = xr.DataArray([each.floor for each in of.services.values()], coords={"service": list(of.services)})
    kept = planned - 0.3 * (planned - floors)
    assert (moved >= kept - 1e-6).all()
    assert np.isclose(moved.sel(service="family"), kept.sel(service="family")).any()  # the most is moved in some world


def test_both_models_meet_the_same_worlds_and_a_seed_gives_the_same_again() -> None:
    of = three()
    worlds = worlds_of(of, draws=50)
    one, other = steer(of, worlds, EFFECT), steer(of, worlds_of(of, draws=50), EFFECT)
    xr.testing.assert_identical(one, other)
    first = one["demand"].sel(year=1)
    assert np.array_equal(first.sel(model="lump_sum"), first.sel(model="divided"))


def test_a_draw_does_not_depend_on_its_neighbours_order() -> None:
    of = three()
    worlds = worlds_of(of, draws=40)
    turned = worlds.isel(draw=slice(None, None, -1))
    one, other = steer(of, worlds, EFFECT), steer(of, turned, EFFECT)
    xr.testing.assert_allclose(one, other.sel(draw=one["draw"]))


def test_the_order_of_services_changes_nothing_over_the_years() -> None:
    of = three()
    turned = of.override(services=dict(reversed(of.services.items())))
    worlds = worlds_of(of, draws=30)
    other = steer(turned, draw_worlds(turned, worlds[["effect", "saving"]], 3), EFFECT)
    one = steer(of, worlds, EFFECT)
    xr.testing.assert_allclose(one, other.sel(service=one["service"]), rtol=1e-6)


def test_bonus_and_malus_move_the_frame_by_the_share_of_targets_met() -> None:
    services = {
        k: each.override(target=t) for (k, each), t in zip(three().services.items(), (0.1, 0.1, 1e9), strict=True)
    }
    of = three(bonus=0.09, malus=0.03).override(services=services)
    frame = steer(of, worlds_of(of, draws=5, effect_sd=0.0), EFFECT)["frame"]
    assert np.allclose(frame.sel(year=1), 100_000)
    assert np.allclose(frame.sel(model="lump_sum", year=[2, 3]), 100_000 * (1 + 0.09 * 2 / 3 - 0.03 / 3))
    assert np.allclose(frame.sel(model="divided"), 100_000)


def test_the_curves_of_the_plan_are_the_response() -> None:
    of = three()
    plan, worlds = Plan(of), worlds_of(of, draws=5)
    knots = knots_of(plan, of.frame, 8)
    demand = plan.waiting + worlds["need"].sel(year=1).to_numpy()
    cost = worlds["unit_cost"].to_numpy()
    value = curves(plan, Aim("net_benefit"), worlds["saving"].to_numpy(), cost, demand, knots)
    for s, k in ((0, 3), (1, 7), (2, 0)):
        clients = np.minimum(np.minimum(knots[s, k] / plan.price[s], plan.capacity[s]), demand[:, s])
        first = clients * (1 - plan.slack[s] * clients / demand[:, s] / 2)
        assert np.allclose(value[:, s, k], worlds["saving"].to_numpy()[:, s] * first - cost[:, s] * clients)


def test_differences_are_those_of_the_results() -> None:
    of = three()
    told = steer(of, worlds_of(of, draws=400), EFFECT)
    table = differences(told, mass=0.8).set_index("measure")
    total = told["saving"].sum(["service", "year"])
    gap = total.sel(model="lump_sum") - total.sel(model="divided")
    assert table.loc["saving", "difference"] == pytest.approx(float(gap.mean()))
    assert table.loc["saving", "low"] == pytest.approx(float(gap.quantile(0.1)))
    assert table.loc["saving", "p_better"] == pytest.approx(float((gap > 0).mean()))
    over = told["frame_overspend"].sum("year").mean("draw")
    assert table.loc["frame_overspend", "lump_sum"] == pytest.approx(float(over.sel(model="lump_sum")))
    queue = told["waiting"].isel(year=-1).sum("service")
    shorter = (queue.sel(model="lump_sum") < queue.sel(model="divided")).mean()
    assert table.loc["waiting", "p_better"] == pytest.approx(float(shorter))
    assert table.loc[["spend", "overspend", "frame", "frame_unspent"], "p_better"].isna().all()
    with pytest.raises(UsageError, match="mass 2"):
        differences(told, mass=2)
    with pytest.raises(UsageError, match="not of both funding models"):
        differences(told.sel(model=["divided"]))


def test_outcomes_of_different_services_have_no_sum() -> None:
    of = three()
    told = steer(of, worlds_of(of, draws=50), EFFECT)
    assert "outcomes" not in set(differences(told)["measure"])
    table = differences(told, by_service=True).set_index(["service", "measure"])
    for name in of.services:
        means = told["outcomes"].sel(service=name).sum("year").mean("draw")
        assert table.loc[(name, "outcomes"), "divided"] == pytest.approx(float(means.sel(model="divided")))
        queue = told["waiting"].sel(service=name, year=of.years).mean("draw")
        assert table.loc[(name, "waiting"), "lump_sum"] == pytest.approx(float(queue.sel(model="lump_sum")))
    sums = table["difference"].groupby("measure").sum()
    assert sums["spend"] == pytest.approx(differences(told).set_index("measure").loc["spend", "difference"])


def test_the_same_spending_is_as_much_over_the_frame_under_either_model() -> None:
    """One division and nothing that moves: the two models do the same, and no measure tells them apart."""
    of = budget({"a": service(), "b": service()}, years=1, moves_within_year=0.0)
    worlds = worlds_of(of, draws=200)
    once = allocate(of, worlds, EFFECT)
    shares = {
        name: each.override(share=float(once.sel(service=name) / once.sum())) for name, each in of.services.items()
    }
    told = steer(of.override(services=shares, frame=float(once.sum())), worlds, EFFECT, pieces=64)
    assert float(told["overspend"].sum("service").mean()) > 1.1 * float(told["frame_overspend"].mean()) > 0
    table = differences(told).set_index("measure")
    assert abs(table["difference"]).to_numpy() == pytest.approx(0, abs=5.0)
    assert table.loc["frame_overspend", "difference"] == pytest.approx(0, abs=1.0)


def test_bonus_and_malus_are_money_that_is_told_and_without_them_there_is_none() -> None:
    services = {k: each.override(target=0.1) for k, each in three().services.items()}
    of = three(bonus=0.1).override(services=services)
    worlds = worlds_of(of, draws=20)
    told = steer(of, worlds, EFFECT)
    rewarded = differences(told).set_index("measure").loc["frame"]
    more = (told["frame"].sel(model="lump_sum") - of.frame).sum("year").mean()
    assert rewarded["difference"] == pytest.approx(float(more))
    assert float(more) > 10_000
    assert np.isnan(rewarded["p_better"])
    plain = differences(steer(of.override(bonus=0.0), worlds, EFFECT)).set_index("measure").loc["frame"]
    assert (plain["difference"], plain["low"], plain["high"]) == (0, 0, 0)
