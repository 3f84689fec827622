"""A budget as it is written: what does not hold together is told at once, each fault at its place."""

from __future__ import annotations

import pytest
from budget_builders import budget, fields, number, service, three
from pydantic import ValidationError

from costeff.agreement import Budget
from costeff.errors import UsageError
from costeff.params import Catalogue


def faults(**changes: object) -> dict[str, str]:
    with pytest.raises(ValidationError) as caught:
        Budget.model_validate(fields({"first": service(), "second": service()}) | changes)
    return {
        ".".join(map(str, error["loc"])): error["msg"].removeprefix("Value error, ") for error in caught.value.errors()
    }


def test_a_frame_under_the_statutory_minimum_is_refused() -> None:
    told = faults(statutory_minimum=120_000.0)
    assert told == {"frame": "the frame is under the statutory minimum of 120000 EUR, which has to be paid"}


def test_a_frame_that_does_not_hold_the_floors_is_refused() -> None:
    told = faults(services={"first": service(floor=60_000.0), "second": service(floor=60_000.0)})
    assert told == {"frame": "the frame does not hold the floors of the services, 120000 EUR"}


def test_floors_are_counted_in_whole_teams() -> None:
    services = {"first": service(floor=50_000.0, team=40_000.0), "second": service(floor=30_000.0)}
    assert "110000 EUR" in faults(services=services)["frame"]


def test_faults_of_all_services_are_told_at_once() -> None:
    services = {
        "first": service(floor=70_000.0, cap=60_000.0, demand_sd=[0.1, 0.1]),
        "second": service(share=0.4),
        "third": service(share=0.0, team=150_000.0, floor=10_000.0, cap=140_000.0),
    }
    assert faults(services=services) == {
        "frame": "the frame does not hold the floors of the services, 220000 EUR",
        "services": "the shares of the divided budget sum to 0.9, and not to 1",
        "services.first.floor": "the floor is above the cap of 60000 EUR",
        "services.first.demand_sd": "give one value for every year alike, or one for each of the 3 years",
        "services.third.team": "no whole number of teams lies between the floor of 10000 and the cap of 140000 EUR",
    }


def test_a_share_outside_floor_and_cap_is_refused() -> None:
    told = faults(services={"first": service(share=0.9, cap=80_000.0), "second": service(share=0.1)})
    rule = "the share is 90000 EUR of the frame, outside the floor of 0 and the cap of 80000 EUR"
    assert told == {"services.first.share": rule}


def test_a_share_that_does_not_buy_the_teams_of_the_floor_is_refused() -> None:
    told = faults(services={"first": service(floor=50_000.0, team=30_000.0), "second": service()})
    assert list(told) == ["services.first.share"]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"capacity": -5.0}, "capacity"),
        ({"staffed": 1.2}, "staffed"),
        ({"waiting": -1.0}, "waiting"),
        ({"last_gain": -0.1}, "last_gain"),
        ({"need": number(100.0) | {"low": 120.0, "high": 130.0}}, "need"),
        ({"need": number(100.0) | {"low": 80.0}}, "need"),
        ({"unit_cost": number(100.0) | {"low": 100.0, "high": 100.0}}, "unit_cost"),
        ({"unit_cost": number(-1.0)}, "unit_cost.mean"),
        ({"demand_sd": []}, "demand_sd"),
        ({"team": 0.0}, "team"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_number_outside_its_bounds_is_refused_at_its_place(change: dict[str, object], place: str) -> None:
    assert list(faults(services={"first": service(**change), "second": service()})) == [f"services.first.{place}"]


def test_a_changed_budget_is_checked_and_told_as_a_users_mistake() -> None:
    with pytest.raises(UsageError, match="under the statutory minimum of 90000 EUR") as caught:
        budget(statutory_minimum=90_000.0).override(frame=80_000.0)
    assert caught.value.problems[0].place == "budget trial frame"
    assert budget().override(frame=120_000.0).frame == 120_000


def test_coordination_grows_with_providers_and_with_what_is_bought() -> None:
    of = three()
    assert of.overhead("family") == pytest.approx(2 * 0.02 + 0.4 * 0.05)
    assert of.overhead("work") == 0


def test_the_shipped_examples_are_assumptions_and_read_in_three_languages(
    catalogue: Catalogue,
) -> None:
    assert catalogue.budgets
    for shipped in catalogue.budgets.values():
        for name, each in shipped.services.items():
            assert each.source == ("stated_assumption",), name
            assert each.note, name
            for value in (each.need, each.unit_cost):
                assert value.source == ("stated_assumption",), name
                assert value.quality == "assumption", name
            for label in (each.label, each.outcome):
                assert len({label.fi, label.sv, label.en}) == 3, name
