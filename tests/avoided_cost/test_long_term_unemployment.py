"""Long-term unemployment: who finds work, how long the others have been without, and what the law makes of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import xarray as xr

from costeff.avoided_cost.long_term_unemployment import LONG_TERM_UNEMPLOYMENT as MODEL
from costeff.params import Catalogue

NEVER = 1e15  # years
WITHOUT_WORK = ["unemployed", "in_service"]
DAYS = 258 / 4  # paid days of a quarter


def inputs(**changes: float) -> xr.Dataset:
    """Nothing happens but finding work, unless it is said."""
    none = {"service_entry_rate": 0.0, "service_years": 0.4, "outside_rate": 0.0, "return_rate": 0.0}
    return xr.Dataset({**none, "job_years": NEVER, "unemployed_years": 1.5, **changes})


def run(
    risk: float, later: float | None = None, years: int = 1, effect_years: float = 1, **values: float
) -> xr.Dataset:
    at, after = xr.DataArray(risk), xr.DataArray(risk if later is None else later)
    return MODEL.run(at, after, inputs(**values), years, effect_years)


def by_quarter(result: xr.Dataset) -> np.ndarray:
    """Years unemployed, in a service or not, by year and quarters of stay."""
    time = [[result["stay_time"].sel(tunnel=f"{state}[{j}]").values for j in range(12)] for state in WITHOUT_WORK]
    return np.sum(time, axis=0).T


# --- finding work ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("services", [0.0, 0.4, 8.0])
@pytest.mark.parametrize("effect_years", [0.5, 1, 2])
def test_those_who_found_work_are_all_but_the_risk(services: float, effect_years: float) -> None:
    result = run(0.82, 1.0, 2, effect_years, service_entry_rate=services)
    employed = result["occupancy"].sel(state="employed", cycle=round(4 * effect_years))
    assert float(employed) == pytest.approx(1 - 0.82, abs=1e-12)


def test_time_outside_the_labour_force_is_time_without_a_chance_of_work() -> None:
    """Two ways out of unemployment share those who leave by their rates."""
    work, outside = -math.log(0.82), 0.1
    found = run(0.82, outside_rate=outside)["occupancy"].sel(cycle=4)
    left = 1 - math.exp(-(work + outside))
    assert float(found.sel(state="employed")) == pytest.approx(left * work / (work + outside), abs=1e-12)
    assert float(found.sel(state="outside_labour_force")) == pytest.approx(left * outside / (work + outside), abs=1e-12)


def test_a_risk_of_one_is_that_nobody_finds_work() -> None:
    result = run(1.0, 1.0, 5, service_entry_rate=0.4)
    assert float(result["state_time"].sel(state="employed").sum()) == 0.0


def test_a_lower_risk_is_more_work_and_less_of_everything_priced() -> None:
    risk = xr.DataArray([0.82, 0.72], dims="option", coords={"option": ["usual", "new"]})
    drawn = inputs(service_entry_rate=0.4, outside_rate=0.1, return_rate=0.15, job_years=2.0)
    time = MODEL.run(risk, xr.DataArray(0.9), drawn, 10)["state_time"].sum("year")
    gain = time.sel(option="new", drop=True) - time.sel(option="usual", drop=True)
    assert float(gain.sel(state="employed")) > 0
    assert (gain.sel(state=list(MODEL.items)) < 0).all()


# --- the length of unemployment ---------------------------------------------------------------------------


def test_a_spell_of_a_year_and_a_half_starts_in_tunnel_six() -> None:
    """Nothing happens: the cohort passes a tunnel each quarter, the first and last point half a quarter each."""
    times = by_quarter(run(1.0, years=1))[0]
    assert times.tolist() == pytest.approx([0] * 6 + [0.125, 0.25, 0.25, 0.25, 0.125] + [0])


def test_a_start_between_two_quarters_is_shared_by_them() -> None:
    times = by_quarter(run(1.0, years=1, unemployed_years=1.6))[0]
    assert times[6] == pytest.approx(0.6 * 0.125)
    assert times[7] == pytest.approx(0.6 * 0.25 + 0.4 * 0.125)
    assert times.sum() == pytest.approx(1)


@pytest.mark.parametrize("years", [2.75, 4.0, 30.0])
def test_the_last_tunnel_holds_all_who_have_been_longer(years: float) -> None:
    times = by_quarter(run(1.0, years=3, unemployed_years=years))
    np.testing.assert_allclose(times[:, 11], 1)


def test_time_in_tunnels_is_the_time_in_the_state() -> None:
    result = run(0.7, 0.8, 6, service_entry_rate=0.7, outside_rate=0.2, return_rate=0.3, job_years=1.0)
    for state in WITHOUT_WORK:
        parts = result["stay_time"].sel(tunnel=[f"{state}[{j}]" for j in range(12)]).sum("tunnel")
        np.testing.assert_allclose(parts, result["state_time"].sel(state=state), rtol=0, atol=1e-13)


def test_a_service_does_not_restart_the_clock() -> None:
    """In and out of services, the time by length of unemployment is that of those who stand still."""
    still, moving = run(0.8, 0.9, 4), run(0.8, 0.9, 4, service_entry_rate=3.0, service_years=0.1)
    assert float(moving["state_time"].sel(state="in_service").sum()) > 0.2
    np.testing.assert_allclose(by_quarter(moving), by_quarter(still), rtol=0, atol=1e-13)


@pytest.mark.parametrize("way", [{"job_years": 0.5}, {"outside_rate": 0.3, "return_rate": 2.0}])
def test_work_and_time_outside_restart_the_clock(way: dict[str, float]) -> None:
    result = run(0.8 if "job_years" in way else 1.0, years=1, **way)
    times = by_quarter(result)[0]
    assert times[0] > 0
    assert times[5] == 0
    assert times.sum() == pytest.approx(float(result["state_time"].sel(state=WITHOUT_WORK).sum()))


# --- paid days --------------------------------------------------------------------------------------------


def test_a_tunnel_is_64_and_a_half_paid_days(catalogue: Catalogue) -> None:
    assert catalogue.units["benefit_day"].per_person_year == 12 * 21.5 == MODEL.cycles_per_year * DAYS
    assert catalogue.units[catalogue.unit_costs["labour_market_subsidy_day"].basis].per_person_year == 258


def test_tunnels_reach_past_the_last_step_of_the_law(catalogue: Catalogue) -> None:
    """After the last step nothing changes any more, so that all later days can stand in one tunnel."""
    steps = max(catalogue.duties["unemployment_benefit"].turns, key=lambda turn: str(turn.valid_from or "")).split
    last = {state: (length - 1) * DAYS for state, length in MODEL.tunnels.items()}
    assert last == {"unemployed": 709.5, "in_service": 709.5}
    assert max(step.from_days for step in steps) == 700 <= 709.5


def test_the_municipality_pays_more_the_longer_the_spell(catalogue: Catalogue) -> None:
    duty = catalogue.duties["unemployment_benefit"]
    turn = max(duty.turns, key=lambda turn: str(turn.valid_from or ""))
    shares = [turn.shares(j * DAYS, j * DAYS + 1).get("municipality", 0.0) for j in range(12)]
    assert shares == pytest.approx([0, 0, 0.1, 0.1, 0.2, 0.3, 0.3, 0.4, 0.4, 0.4, 0.4, 0.5])
    assert float(by_quarter(run(1.0, years=1))[0] @ shares) == pytest.approx(0.125 * 0.3 + 0.875 * 0.4)


# --- stays and the long run -------------------------------------------------------------------------------


def test_shares_in_the_long_run() -> None:
    work, job, outside, back, entry, service = -math.log(0.8), 2.0, 0.1, 0.15, 0.4, 0.4
    values = {"outside_rate": outside, "return_rate": back, "service_entry_rate": entry, "service_years": service}
    last = run(0.8, years=200, job_years=job, **values)["state_time"].isel(year=-1)
    in_service = entry / (entry + 1 / service + work + outside)
    shares = np.array([1 - in_service, in_service, work * job, outside / back])
    np.testing.assert_allclose(last, shares / shares.sum(), rtol=1e-9)


@pytest.mark.parametrize("service", [0.1, 0.4, 2.0])
def test_a_service_lasts_as_long_as_it_is_said_to(service: float) -> None:
    """Little's law: those in a service are those who enter in a year, times its length."""
    last = run(1.0, years=60, service_entry_rate=0.5, service_years=service)["state_time"].isel(year=-1)
    assert float(last.sel(state="in_service")) == pytest.approx(0.5 * float(last.sel(state="unemployed")) * service)


def test_a_job_lasts_as_long_as_it_is_said_to() -> None:
    last = run(0.8, years=100, job_years=1.7)["state_time"].isel(year=-1)
    found = -math.log(0.8) * float(last.sel(state="unemployed"))
    assert float(last.sel(state="employed")) == pytest.approx(found * 1.7)


# --- the figures ------------------------------------------------------------------------------------------


def test_those_who_remain_are_those_of_the_statistics(catalogue: Catalogue) -> None:
    """66 400 over two years of 102 600 over one a year earlier; who is in a service is not counted as unemployed."""
    values = {name: value.mean for name, value in catalogue.transitions[MODEL.id].items()}
    given = {name: values[name] for name in MODEL.parameters} | {"job_years": NEVER, "return_rate": 0.0}
    unbroken = run(values["baseline_probability"], **given)["occupancy"].sel(state="unemployed", cycle=4)
    assert float(unbroken) == pytest.approx(66_400 / (133_400 - 30_800), abs=0.02)
    assert values["baseline_probability"] > 66_400 / (133_400 - 30_800)


def test_taxes_are_those_of_the_sources(catalogue: Catalogue) -> None:
    value = catalogue.unit_costs["lost_taxes_year"].latest
    assert value.mean == pytest.approx(1330 / 4500 * 2400 * 12.5, abs=5)
    assert value.price_year == 2026
