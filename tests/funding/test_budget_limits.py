"""Budgets at the edge of what can be, and input that cannot: the first are ordinary cases, the second clear errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr
from budget_builders import budget, number, service, three, worlds_of

from costeff.agreement import Budget
from costeff.draws import as_draws
from costeff.errors import UsageError
from costeff.funding import (
    Aim,
    Gain,
    Round,
    SimulationDay,
    against_divided,
    allocate,
    differences,
    draw_worlds,
    gains_per_client,
    partnership_numbers,
    play,
    response_curves,
    steer,
)

NOBODY = {"need": number(1e-9), "waiting": 0.0}
EDGES = {
    "one service": budget({"only": service(share=1.0)}),
    "one service, one year": budget({"only": service(share=1.0)}, years=1),
    "floors that are the frame": budget({name: service(floor=50_000.0) for name in ("first", "second")}),
    "floors in teams": budget({"first": service(floor=50_000.0, team=25_000.0), "second": service()}),
    "thirds that do not sum to the frame in binary": budget(
        {name: service(floor=100_000.0 / 3, share=1 / 3) for name in "abc"}
    ),
    "hardly any need": budget({"first": service(**NOBODY), "second": service(**NOBODY)}),
    "no staff": budget({name: service(staffed=0.0) for name in ("first", "second")}),
    "a service that is given nothing": budget({"first": service(cap=0.0, share=0.0), "second": service(share=1.0)}),
    "a team dearer than the frame": budget({"first": service(team=1e9, share=0.0), "second": service(share=1.0)}),
    "teams alone": budget({"first": service(team=7_000.0), "second": service(team=9_000.0)}),
    "all stay in the queue": budget({"first": service(leave=0.0, demand_sd=[2.0]), "second": service()}),
    "all moves, all demand alike": three(moves_within_year=1.0, correlation=1.0),
    "the frame itself is bonus and malus": three(bonus=1.0, malus=1.0),
}  # fmt: skip


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("draws", [1, 30])
@pytest.mark.parametrize("of", EDGES.values(), ids=EDGES.keys())
def test_what_is_at_the_edge_is_ordinary(of: Budget, draws: int) -> None:
    worlds = worlds_of(of, draws)
    for aim in (Aim("saving"), Aim("net_benefit")):
        year, years = against_divided(of, worlds, aim), steer(of, worlds, aim)
        assert all(np.isfinite(year[name]).all() for name in year)
        assert float(year["difference_mean"]) >= -1e-9 * of.frame
        assert float(year["money"].sel(model="lump_sum").sum()) <= of.frame * (1 + 1e-9)
        left = years["spend"].sum("service") + years["frame_unspent"] - years["frame_overspend"] - years["frame"]
        assert float(abs(left).max()) < 1e-9 * of.frame


@pytest.mark.parametrize("purpose", ["effect", "saving", "net_benefit"])
def test_services_that_harm_get_no_more_than_their_floor(purpose: Any) -> None:
    of = three()
    harm = {name: as_draws(np.full(20, -0.1)) for name in of.services}
    worlds = draw_worlds(of, gains_per_client(harm, {name: 1_000 * v for name, v in harm.items()}), 1)
    given = allocate(of, worlds, Aim(purpose))
    assert given.to_numpy() == pytest.approx([service.floor for service in of.services.values()])


def test_the_order_of_dims_does_not_matter() -> None:
    of = three()
    worlds = worlds_of(of, 40)
    turned = worlds.transpose("year", "service", "draw")
    for run in (against_divided, steer, lambda b, w: response_curves(b, w, [0.0, 3e4])):
        xr.testing.assert_allclose(run(of, worlds), run(of, turned))


def test_gains_that_are_not_draws_are_told_service_by_service() -> None:
    good, none = as_draws(np.ones(3)), as_draws(np.array([]))
    rules = told(lambda: gains_per_client({"a": np.ones(3), "b": 0.3, "c": good}, dict.fromkeys("abc", good)))  # type: ignore[dict-item]
    assert rules == {"effect a": "is not draws", "effect b": "is not draws"}
    assert set(told(lambda: gains_per_client({"a": none}, {"a": none})).values()) == {"has no draws"}


@pytest.mark.parametrize("seed", [-1, 1.5, "a"])
def test_a_seed_that_is_none_is_refused(seed: Any) -> None:
    of = three()
    gains = worlds_of(of, 3)[["effect", "saving"]]
    assert list(told(lambda: draw_worlds(of, gains, seed))) == [f"seed {seed}"]


def test_worlds_that_cannot_be_are_refused_with_all_that_is_wrong() -> None:
    of = three()
    worlds = worlds_of(of, 10)
    assert set(told(lambda: against_divided(of, worlds.isel(draw=0)))) == {
        "worlds need", "worlds unit_cost", "worlds effect", "worlds saving"
    }  # fmt: skip
    broken = worlds.assign(need=-worlds["need"], saving=worlds["saving"] * np.nan)
    assert told(lambda: steer(of, broken)) == {
        "worlds need": "has a value below 0",
        "worlds saving": "has no draws, or a value that is missing or infinite",
    }
    assert "worlds need" in told(lambda: steer(of, worlds.isel(draw=slice(0, 0))))


@pytest.mark.parametrize("pieces", [1, 2.5, "many"])
def test_a_number_of_pieces_that_is_none_is_refused(pieces: Any) -> None:
    of = three()
    assert list(told(lambda: allocate(of, worlds_of(of, 3), pieces=pieces))) == [f"pieces {pieces}"]


@pytest.mark.parametrize("worth", ["much", None, -1.0, np.inf])
def test_a_worth_that_is_no_number_is_refused(worth: Any) -> None:
    of = three()
    assert list(told(lambda: allocate(of, worlds_of(of, 3), Aim("effect", {"family": worth})))) == ["worth family"]


def test_a_day_that_does_not_fit_its_budget_is_not_played() -> None:
    of = three()
    gains = {name: Gain(effect=0.1, saving=100.0) for name in of.services}
    fine = Round(decisions=dict.fromkeys(of.services, 30_000.0))
    much = Round(decisions=dict.fromkeys(of.services, 60_000.0), shocks={"sauna": 2.0})
    day = SimulationDay(budget="trial", seed=1, gains=gains, rounds=(fine, much, fine, fine))
    assert told(lambda: play(day, of)) == {
        "rounds": "has 4 rounds, and trial has 3 years",
        "rounds.1.decisions": "the decisions sum to 180000 EUR, more than the frame of 100000",
        "rounds.1.shocks.sauna": "is not a service of trial",
    }


def told(run: Callable[[], Any]) -> dict[str, str]:
    with pytest.raises(UsageError) as caught:
        run()
    return {problem.place: problem.rule for problem in caught.value.problems}


YEAR = against_divided(three(), worlds_of(three(), 5))


@pytest.mark.parametrize(
    ("run", "place"),
    [
        (lambda: differences(YEAR), "steered"),
        (lambda: differences(None), "steered"),  # type: ignore[arg-type]
        (lambda: partnership_numbers(YEAR, three()), "steered"),
        (lambda: against_divided(three(), worlds_of(three(), 3), mass="0.9"), "mass 0.9"),  # type: ignore[arg-type]
        (lambda: partnership_numbers(YEAR, three(), mass="0.9"), "mass 0.9"),  # type: ignore[arg-type]
        (lambda: steer(three(), None), "worlds"),  # type: ignore[arg-type]
        (lambda: allocate(three(), 3), "worlds"),  # type: ignore[arg-type]
        (lambda: draw_worlds(three(), None, 1), "gains"),  # type: ignore[arg-type]
        (lambda: gains_per_client(3, 4), "effect"),  # type: ignore[arg-type]
        (lambda: three().services["work"].override(waiting=np.inf), "service waiting"),
        (lambda: three().services["work"].override(need={"mean": 0.0}), "service need.mean"),
        (lambda: three().services["work"].need.override(mean=-1.0), "estimate mean"),
        (lambda: Gain(effect=1.0, saving=1.0).override(effect=np.nan), "gain effect"),
    ],
)
def test_what_is_of_another_kind_is_one_readable_error(run: Callable[[], Any], place: str) -> None:
    assert place in told(run)
