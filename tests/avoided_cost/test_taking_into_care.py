"""Taking into care against closed forms, and what a child in placement costs by basis and mix."""

from __future__ import annotations

import math

import numpy as np
import pytest
import xarray as xr

from costeff.avoided_cost.bases import cost_by_basis
from costeff.avoided_cost.taking_into_care import TAKING_INTO_CARE as MODEL
from costeff.errors import ModelError
from costeff.params import Catalogue

CARE = ["foster_family", "institution"]
AT_RISK = ["open_care", "at_home"]
FOR_GOOD = {"emergency_to_care": 1.0, "return_home_share": 0.0}  # who is placed never comes back


def inputs(**changed: float) -> xr.Dataset:
    usual = {
        "care_share": 0.18,
        "emergency_to_care": 0.15,
        "emergency_years": 0.11,
        "institution_share": 0.45,
        "annual_exit_rate": 0.187,
        "return_home_share": 0.44,
        "aftercare_years": 3.0,
        "open_care_years": 1.5,
        "childhood_years": 1e300,  # nobody grows up, but where a test says so
    }
    return xr.Dataset(usual | changed)


def run(risk: float, later: float, years: int, start: str | None = None, **changed: float) -> xr.Dataset:
    return MODEL.run(xr.DataArray(risk), xr.DataArray(later), inputs(**changed), years, start=start)


def in_states(run: xr.Dataset, *states: str) -> xr.DataArray:
    return run["occupancy"].sel(state=list(states)).sum("state")


@pytest.mark.parametrize("open_care_years", [0.3, 1.5, 20.0])
@pytest.mark.parametrize("care_share", [0.0, 0.18, 1.0])
def test_the_risk_is_the_share_placed_within_its_time(open_care_years: float, care_share: float) -> None:
    """However long open care lasts, and whatever a placement becomes."""
    out = run(0.3, 0.1, years=5, care_share=care_share, open_care_years=open_care_years, **FOR_GOOD)
    never = in_states(out, *AT_RISK)
    assert float(never.sel(cycle=4)) == pytest.approx(0.7, abs=1e-14)
    assert float(never.sel(cycle=2)) == pytest.approx(math.sqrt(0.7), abs=1e-14)
    for year in range(2, 6):
        assert float(never.sel(cycle=4 * year)) == pytest.approx(0.7 * 0.9 ** (year - 1), abs=1e-14)


def test_children_in_care_are_those_of_the_closed_form() -> None:
    entry, leaving = -math.log(0.7), 0.4
    out = run(0.3, 0.3, years=10, care_share=1.0, annual_exit_rate=leaving, return_home_share=0.0)
    t = out["cycle"].values / 4
    in_care = entry / (leaving - entry) * (np.exp(-entry * t) - np.exp(-leaving * t))
    np.testing.assert_allclose(in_states(out, *CARE), in_care, rtol=0, atol=1e-13)
    np.testing.assert_allclose(in_states(out, "institution"), 0.45 * in_care, rtol=0, atol=1e-13)


def test_children_in_emergency_placement_are_those_of_the_closed_form() -> None:
    entry, ending = -math.log(0.7), 1 / 0.11
    out = run(0.3, 0.3, years=3, care_share=0.0, **FOR_GOOD)
    t = out["cycle"].values / 4
    placed = entry / (ending - entry) * (np.exp(-entry * t) - np.exp(-ending * t))
    np.testing.assert_allclose(in_states(out, "emergency"), placed, rtol=0, atol=1e-13)


@pytest.mark.parametrize("state", ["open_care", *CARE, "aftercare"])
def test_the_mean_stay_is_that_of_the_input(state: str) -> None:
    """Children who start there and are not placed anew; the trapezoid counts a stay of s years h^2 / 12 s too long."""
    stay = {"open_care": 1.5, "aftercare": 3.0}.get(state, 1 / 0.187)
    time = run(0.0, 0.0, years=120, start=state)["state_time"].sel(state=state).sum()
    assert float(time) == pytest.approx(stay + 0.25**2 / 12 / stay, rel=1e-4)


@pytest.mark.parametrize("length", [0.055, 0.11, 0.164])
def test_time_in_emergency_placement_is_those_who_enter_times_its_length(length: float) -> None:
    out = run(0.1, 0.1, years=600, emergency_years=length)
    time = out["state_time"].sum("year")
    entering = -math.log(0.9) * float(time.sel(state=AT_RISK).sum()) * (1 - 0.18)
    assert float(time.sel(state="emergency")) == pytest.approx(entering * length, rel=0.01)


def test_entries_into_care_are_placements_that_are_care_and_emergencies_that_become_it() -> None:
    out = run(0.1, 0.1, years=600)
    placements = -math.log(0.9) * float(out["state_time"].sel(state=AT_RISK).sum())
    entries = out["entries"].sum("year")
    assert float(entries.sum()) == pytest.approx(placements * (0.18 + (1 - 0.18) * 0.15), rel=0.005)
    assert float(entries.sel(entered="institution") / entries.sum()) == pytest.approx(0.45, abs=1e-12)
    in_care = out["state_time"].sel(state=CARE).sum(("year", "state"))
    assert float(in_care) == pytest.approx(float(entries.sum()) / 0.187, rel=1e-3)


def test_emergency_placements_alone_lead_to_care_in_the_share_that_ends_in_it() -> None:
    out = run(0.0, 0.0, years=200, start="emergency", annual_exit_rate=0.0)
    assert float(in_states(out, *CARE).isel(cycle=-1)) == pytest.approx(0.15, abs=1e-12)
    assert float(in_states(out, "institution").isel(cycle=-1)) == pytest.approx(0.15 * 0.45, abs=1e-12)
    assert float(in_states(out, *AT_RISK).isel(cycle=-1)) == pytest.approx(0.85, abs=1e-12)


@pytest.mark.parametrize("place", CARE)
def test_the_share_that_returns_home_is_at_home_and_the_rest_has_left(place: str) -> None:
    last = run(0.0, 0.0, years=300, start=place)["occupancy"].isel(cycle=-1)
    assert float(last.sel(state="at_home")) == pytest.approx(0.44, abs=1e-9)
    assert float(last.sel(state="left")) == pytest.approx(0.56, abs=1e-9)


def test_a_child_who_has_returned_home_can_be_placed_again_and_one_in_aftercare_cannot() -> None:
    home, aftercare = (run(0.2, 0.2, years=5, start=start) for start in ("at_home", "aftercare"))
    assert float(home["entries"].sum()) > 0.1
    assert float(aftercare["entries"].sum()) == 0


def test_placements_do_not_depend_on_how_long_open_care_lasts() -> None:
    short, long = (run(0.3, 0.1, years=10, open_care_years=years) for years in (0.5, 3.0))
    placed = ["emergency", *CARE, "aftercare", "left"]
    np.testing.assert_allclose(
        short["occupancy"].sel(state=placed), long["occupancy"].sel(state=placed), rtol=0, atol=1e-12
    )
    years = [float(out["state_time"].sel(state="open_care").sum()) for out in (short, long)]
    assert years[0] < years[1]


def test_care_that_never_ends_and_care_that_ends_at_once() -> None:
    never = run(0.3, 0.0, years=3, care_share=1.0, annual_exit_rate=0.0)
    assert (never["state_time"].sel(state=["aftercare", "left"]) < 1e-290).all()
    np.testing.assert_allclose(never["state_time"].sel(state=CARE).sum("state").isel(year=[1, 2]), 0.3)
    brief = run(0.3, 0.0, years=3, care_share=1.0, annual_exit_rate=1e5)
    assert brief["state_time"].sel(state=CARE).max() < 1e-5


def test_a_year_of_quarters_is_not_a_full_year_for_each_child() -> None:
    """The average price of a year for every child taken would be 0.3; half the year has gone on average."""
    out = run(0.3, 0.0, years=1, care_share=1.0, annual_exit_rate=0.0)
    exact = 1 - 0.3 / -math.log(0.7)
    assert float(out["state_time"].sel(state=CARE).sum()) == pytest.approx(exact, rel=0.01)


def test_only_the_share_of_placements_that_become_care_is_taken_into_care() -> None:
    """With no exits and emergencies of an hour, those in care after a year are what the thinned rate gives."""
    out = run(0.3, 0.0, years=1, annual_exit_rate=0.0, emergency_years=1e-4)
    becoming = 0.18 + (1 - 0.18) * 0.15
    assert float(in_states(out, *CARE).isel(cycle=-1)) == pytest.approx(1 - 0.7**becoming, rel=1e-3)


# --- what a placement costs, by basis and mix -------------------------------------------------------

INSTITUTION = 480 * 365
FOSTER = {"2002": 41 * 365, "2024": 165 * 365}


@pytest.fixture(scope="module")
def means(catalogue: Catalogue) -> dict[str, float]:
    """The inputs of the model as the catalogue has them."""
    return {name: catalogue.transitions["taking_into_care"][name].mean for name in MODEL.parameters}


def by_basis(given: dict[str, float], mix: float, foster: float, risk: float = 0.3) -> dict[str, float]:
    changed = given | {"institution_share": mix}
    costs = cost_by_basis(
        run(risk, risk, years=400, **changed), inputs(**changed), {"foster_family": foster, "institution": INSTITUTION}
    )
    return {str(name): float(cost) for name, cost in costs.items()}


def mix_that_gives(euros: float, basis: str, given: dict[str, float], foster: float) -> float:
    """A cost is linear in the share of institutions."""
    none, all_of_them = (by_basis(given, mix, foster)[basis] for mix in (0.0, 1.0))
    return (euros - none) / (all_of_them - none)


@pytest.mark.parametrize("foster", FOSTER.values(), ids=FOSTER)
@pytest.mark.parametrize(("basis", "euros"), [("care_year", 175_200), ("care_year", 130_000), ("child_placed", 42_000)])
def test_the_figures_of_the_sector_differ_by_basis_and_mix_alone(
    means: dict[str, float], basis: str, euros: int, foster: float
) -> None:
    mix = mix_that_gives(euros, basis, means, foster)
    assert 0 <= mix <= 1 + 1e-12
    assert by_basis(means, min(mix, 1.0), foster)[basis] == pytest.approx(euros, abs=0.5)
    assert (mix == pytest.approx(1)) == (euros == INSTITUTION)


@pytest.mark.parametrize(
    ("year", "for_130_000", "for_42_000", "care_year", "child_placed"),
    [("2002", 0.718, 0.344, 87_071, 52_200), ("2024", 0.607, 0.086, 111_964, 67_100)],
)
def test_the_figures_of_the_method_page(
    means: dict[str, float], year: str, for_130_000: float, for_42_000: float, care_year: int, child_placed: int
) -> None:
    """The mix that each figure needs, and what each basis gives at the observed mix."""
    foster = FOSTER[year]
    assert mix_that_gives(130_000, "care_year", means, foster) == pytest.approx(for_130_000, abs=0.001)
    assert mix_that_gives(42_000, "child_placed", means, foster) == pytest.approx(for_42_000, abs=0.001)
    observed = by_basis(means, 0.45, foster)
    assert observed["institution_year"] == pytest.approx(INSTITUTION, abs=0.5)
    assert observed["care_year"] == pytest.approx(care_year, abs=0.5)
    assert observed["child_placed"] == pytest.approx(child_placed, abs=50)


@pytest.mark.parametrize("risk", [0.2, 0.3, 0.6])
def test_costs_by_basis_are_those_counted_by_hand(risk: float) -> None:
    """For one placement a year: who stands there, and who comes, from the shares and lengths alone."""
    shares = {"care_share": 0.2, "emergency_to_care": 0.3, "emergency_years": 0.5, "annual_exit_rate": 0.25}
    given = shares | {"return_home_share": 0.3}
    in_care = (0.2 + 0.8 * 0.3) / 0.25
    average = 0.6 * INSTITUTION + 0.4 * 60_000
    costs = by_basis(given, 0.6, 60_000, risk)
    assert costs["institution_year"] == pytest.approx(INSTITUTION)
    assert costs["care_year"] == pytest.approx(average)
    assert costs["child_placed"] == pytest.approx(in_care * average / (in_care + 0.8 * 0.5 + 1), rel=2e-3)


def test_emergency_placements_count_where_they_have_a_price() -> None:
    out, given = run(0.3, 0.3, years=400), inputs()
    prices = {"foster_family": 60_000.0, "institution": 175_200.0}
    without, with_price = (cost_by_basis(out, given, prices | more) for more in ({}, {"emergency": 175_200.0}))
    assert float(with_price["care_year"]) == float(without["care_year"])
    assert float(with_price["child_placed"]) > float(without["child_placed"])


def test_costs_by_basis_are_by_draw() -> None:
    draws = xr.DataArray([60_000.0, 70_000.0, 80_000.0], dims="draw", coords={"draw": [0, 1, 2]})
    out, given = run(0.3, 0.3, years=400, institution_share=0.0), inputs(institution_share=0.0)
    costs = cost_by_basis(out, given, {"foster_family": draws, "institution": 175_200.0})
    np.testing.assert_allclose(costs["care_year"], draws)
    assert bool(costs["institution_year"].isnull().all())


def test_what_does_not_make_a_cost_by_basis_is_told_at_once() -> None:
    with pytest.raises(ModelError) as caught:
        cost_by_basis(run(0.3, 0.3, years=2), inputs(), {"foster_family": -1.0, "aftercare": 10.0})
    told = str(caught.value)
    for part in (
        "price foster_family",
        "price institution: is missing",
        "price aftercare: is no placement",
        "run: ends",
    ):
        assert part in told


@pytest.mark.parametrize("years", [5.0, 8.0, 18.0])
def test_a_child_at_home_grows_up_and_is_at_risk_no_more(years: float) -> None:
    """Without placements, those still at risk leave at one rate; with them, the two rates compete."""
    course = run(0.0, 0.0, 10, childhood_years=years)["occupancy"]
    t = course["cycle"].values / 4
    at_risk = course.sel(state=["open_care", "at_home"]).sum("state")
    np.testing.assert_allclose(at_risk, np.exp(-t / years), rtol=0, atol=1e-12)
    np.testing.assert_allclose(course.sel(state="left"), 1 - np.exp(-t / years), rtol=0, atol=1e-12)
    only_care = {"care_share": 1.0, "return_home_share": 0.0}
    placed = run(0.3, 0.3, 200, childhood_years=years, **only_care)["entries"].sum()
    entry = -math.log(0.7)
    assert float(placed) == pytest.approx(entry / (entry + 1 / years), rel=0.01)
