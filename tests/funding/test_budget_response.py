"""Worlds and response: what money gives, against a slow loop, and what every response has to keep."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from budget_builders import budget, number, service, three, worlds_of

from costeff.agreement import Budget
from costeff.draws import as_draws
from costeff.errors import UsageError
from costeff.funding import Aim, draw_worlds, gains_per_client, response_curves

MONEY = np.linspace(0, 150_000, 31)


def slow(of: Budget, worlds: xr.Dataset, draw: int, name: str, money: float) -> tuple[float, float, float, float]:
    """Clients one by one would be the same: the integral of what the next client gains."""
    each = of.services[name]
    at = {"draw": draw, "service": name}
    planned = each.unit_cost.mean * (1 + of.overhead(name))
    if each.team:
        money = int(money / each.team + 1e-9) * each.team
    demand = each.waiting + float(worlds["need"].sel(at).sel(year=1))
    clients = min(money / planned, each.capacity * each.staffed, demand)
    gained, steps = 0.0, 400
    for step in range(steps):
        coverage = (step + 0.5) / steps * clients / demand
        gained += (1 - (1 - each.last_gain) * coverage) * clients / steps
    effect, saving, cost = (float(worlds[v].sel(at)) for v in ("effect", "saving", "unit_cost"))
    return clients, effect * gained, saving * gained, cost * clients


def test_the_response_is_that_of_a_slow_loop() -> None:
    of = three()
    services = {name: each.model_dump() for name, each in of.services.items()}
    services["work"]["team"] = 17_000.0
    of = Budget.model_validate(of.model_dump() | {"services": services})
    worlds = worlds_of(of, draws=3)
    told = response_curves(of, worlds, MONEY[::5])
    for draw in range(3):
        for name in of.services:
            for money in MONEY[::5]:
                at = told.sel(draw=draw, service=name, money=money)
                fast = [float(at[v]) for v in ("clients", "outcomes", "saving", "spend")]
                assert fast == pytest.approx(slow(of, worlds, draw, name, money), rel=1e-9, abs=1e-9)


def test_more_money_never_gives_less_and_each_euro_gives_no_more_than_the_one_before() -> None:
    worlds = worlds_of(three(), draws=200, effect_sd=0.0)
    told = response_curves(three(), worlds, MONEY)
    for name in ("clients", "outcomes", "saving", "spend"):
        steps = told[name].diff("money")
        assert (steps >= -1e-9).all(), name
        assert (steps.diff("money") <= 1e-6).all(), name


def test_staff_need_and_money_each_limit_who_is_served() -> None:
    worlds = worlds_of(three(), draws=300)
    clients = response_curves(three(), worlds, [10_000.0, 1e7])["clients"]
    assert np.allclose(clients.sel(service="family", money=10_000), 10_000 / (1000 * 1.06))  # money
    assert np.allclose(clients.sel(service="clinic", money=1e7), 20)  # 25 posts' clients, 80 % staffed
    need = worlds["need"].sel(service="work", year=1) + 10
    short = need < 81
    assert short.any()
    assert np.allclose(clients.sel(service="work", money=1e7).where(short, drop=True), need.where(short, drop=True))


def test_worlds_do_not_depend_on_the_order_of_services_or_on_more_years() -> None:
    of = three()
    turned = Budget.model_validate(dict(of) | {"services": dict(reversed(of.services.items()))})
    longer = of.override(years=5, services={k: v.override(demand_sd=(0.2,)) for k, v in of.services.items()})
    plain = of.override(services={k: v.override(demand_sd=(0.2,)) for k, v in of.services.items()})
    gains = worlds_of(of)[["effect", "saving"]]
    one, other = draw_worlds(of, gains, 3), draw_worlds(turned, gains, 3)
    xr.testing.assert_equal(one, other.sel(service=one["service"]))
    early = draw_worlds(longer, gains, 3).sel(year=[1, 2, 3])
    xr.testing.assert_equal(draw_worlds(plain, gains, 3), early)


def test_worlds_have_the_means_spreads_and_correlation_that_the_budget_says() -> None:
    of = three(correlation=0.6)
    worlds = worlds_of(of, draws=20_000)
    need = worlds["need"]
    for name, each in of.services.items():
        assert np.allclose(need.sel(service=name).mean("draw"), each.need.mean, rtol=0.02)
        assert float(worlds["unit_cost"].sel(service=name).mean()) == pytest.approx(
            each.unit_cost.mean * (1 + of.overhead(name)), rel=0.01
        )
    level = np.log(need).sel(year=1) - np.log(need).sel(year=2)  # the need itself falls out, two shocks stay
    assert float(level.sel(service="family").std()) == pytest.approx(0.2 * np.sqrt(2), rel=0.03)
    assert float(xr.corr(level.sel(service="family"), level.sel(service="work"))) == pytest.approx(0.6, abs=0.02)
    ends = np.quantile(worlds["unit_cost"].sel(service="work"), [0.025, 0.975])
    assert ends[1] / ends[0] == pytest.approx(1.4**2, rel=0.03)


def test_a_number_without_an_interval_does_not_vary() -> None:
    of = budget({"only": service(share=1.0, cap=200_000.0, need=number(50.0), unit_cost=number(10.0), demand_sd=[0.0])})
    worlds = worlds_of(of, draws=5)
    assert np.allclose(worlds["need"], 50)
    assert np.allclose(worlds["unit_cost"], 10)


def test_all_that_is_wrong_with_gains_is_told_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        gains_per_client(
            {"a": as_draws(np.ones(5)), "b": as_draws(np.ones(4)), "d": xr.DataArray([1.0], dims="place")},
            {"a": as_draws(np.array([1, 1, np.nan, 1, 1])), "c": as_draws(np.ones(5)), "d": as_draws(np.ones(5))},
        )
    assert sorted(problem.place for problem in caught.value.problems) == [
        "effect b", "effect c", "effect d", "saving a", "saving b",
    ]  # fmt: skip


def test_gains_of_other_services_are_refused() -> None:
    ones = as_draws(np.ones(5))
    given = gains_per_client({"family": ones, "sauna": ones}, {"family": ones, "sauna": ones})
    with pytest.raises(UsageError) as caught:
        draw_worlds(three(), given, 1)
    assert [problem.place for problem in caught.value.problems] == ["gains sauna", "service work", "service clinic"]


def test_worlds_of_another_budget_are_refused() -> None:
    services = {name: each.override(demand_sd=(0.1,)) for name, each in three().services.items()}
    other = worlds_of(three().override(years=2, services=services), draws=2)
    with pytest.raises(UsageError) as caught:
        response_curves(budget(), other, [0.0])
    assert [problem.place for problem in caught.value.problems] == ["worlds service", "worlds year"]


def test_an_aim_names_known_services_and_purposes() -> None:
    with pytest.raises(UsageError, match="purpose votes"):
        Aim("votes")  # type: ignore[arg-type]
    with pytest.raises(UsageError) as caught:
        Aim("effect", {"sauna": 1.0, "family": -1.0}).per_client(worlds_of(three(), draws=3))
    assert [problem.place for problem in caught.value.problems] == ["worth sauna", "worth family"]


@pytest.mark.parametrize("money", [[-1.0], [np.nan], [[1.0]]])
def test_money_below_nothing_is_refused(money: list[float]) -> None:
    with pytest.raises(UsageError, match="amounts of 0 or more"):
        response_curves(three(), worlds_of(three(), draws=2), money)


def test_a_year_outside_the_budget_is_refused() -> None:
    with pytest.raises(UsageError, match="its years are 1 to 3"):
        response_curves(three(), worlds_of(three(), draws=2), [0.0], year=4)
