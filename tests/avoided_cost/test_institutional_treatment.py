"""Institutional treatment: relapse comes first, treatment ends as its inputs say, and the living come back."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from costeff.avoided_cost import MODELS
from costeff.draws import OPTIONS
from costeff.errors import Problems
from costeff.params.entries import Parameter, Uncertain
from costeff.spec import parse, read_yaml

MODEL = MODELS["institutional_treatment"]
PARAMS = Path(__file__).parents[2] / "params"
LIVING = ["abstinent", "in_use", "outpatient", "in_institution"]
NOTHING = {  # after a relapse, all stay in use and alive
    "institution_entry": 0.0,
    "stay_years": 0.05,
    "institution_success": 0.4,
    "outpatient_entry": 0.0,
    "outpatient_years": 0.5,
    "outpatient_success": 0.3,
    "recovery_rate": 0.0,
    "mortality_in_use": 0.0,
    "mortality_abstinent": 0.0,
}
TREATED = NOTHING | {"institution_entry": 0.12, "outpatient_entry": 0.4, "recovery_rate": 0.1}


def run(relapse: float, inputs: dict[str, float], years: int = 1, later: float | None = None) -> xr.Dataset:
    later_risk = xr.DataArray(relapse if later is None else later)
    return MODEL.run(xr.DataArray(relapse), later_risk, xr.Dataset(inputs), years)


def last_year(inputs: dict[str, float]) -> tuple[dict[str, float], float]:
    """Time in states and moves into an institution, once the shares no longer move."""
    last = run(0.6, inputs, years=400).isel(year=-1)
    times = last["state_time"]
    return {str(s): float(times.sel(state=s)) for s in times["state"].values}, float(last["entries"].sum())


@pytest.fixture(scope="module")
def values() -> dict[str, Uncertain]:
    problems = Problems()
    document = read_yaml(PARAMS / "transitions" / "institutional_treatment.yaml", problems)
    assert document is not None
    found = {key: parse(Parameter, document, problems, (key,)) for key in document.data}
    assert problems.found == []
    return {key: value for key, value in found.items() if value is not None}


# --- relapse and treatment ----------------------------------------------------------------------


def test_the_risk_is_the_share_that_has_relapsed() -> None:
    result = run(0.5, NOTHING)["occupancy"].sel(cycle=4)
    assert result.sel(state=["abstinent", "in_use"]).values.tolist() == pytest.approx([0.5, 0.5], abs=1e-14)
    assert float(result.sum()) == pytest.approx(1, abs=1e-14)


@pytest.mark.parametrize("name", ["institution_entry", "outpatient_entry"])
def test_entry_is_the_yearly_probability_among_those_in_use(name: str) -> None:
    """Relapse at once and treatment without end: the share still in use a year on has not entered."""
    endless = NOTHING | {name: 0.4, "stay_years": 1e12, "outpatient_years": 1e12}
    in_use = run(1.0, endless, years=12, later=0.0)["occupancy"].sel(state="in_use").values
    np.testing.assert_allclose(in_use[8::4] / in_use[4:-4:4], 0.6, rtol=1e-9)


def test_recovery_without_treatment_is_that_of_the_closed_form() -> None:
    """Two states: abstinent and in use."""
    relapse, recovery = -math.log(0.6), 0.3
    in_use = run(0.4, NOTHING | {"recovery_rate": recovery}, years=10)["occupancy"].sel(state="in_use")
    t = in_use["cycle"].values / 4
    exact = relapse / (relapse + recovery) * (1 - np.exp(-(relapse + recovery) * t))
    np.testing.assert_allclose(in_use, exact, rtol=0, atol=1e-13)


@pytest.mark.parametrize("stay", [0.02, 0.049, 1.0])
def test_a_stay_in_an_institution_lasts_as_long_as_its_input(stay: float) -> None:
    times, entries = last_year(TREATED | {"stay_years": stay})
    assert entries == pytest.approx(-math.log(0.88) * times["in_use"], rel=1e-9)
    assert times["in_institution"] == pytest.approx(entries * stay, rel=1e-9)


def test_outpatient_treatment_lasts_as_long_as_its_input() -> None:
    times, _ = last_year(TREATED)
    assert times["outpatient"] == pytest.approx(-math.log(0.6) * times["in_use"] * 0.5, rel=1e-9)


@pytest.mark.parametrize("success", [0.0, 0.4, 1.0])
def test_the_share_that_succeeds_is_abstinent(success: float) -> None:
    """In the long run as many become abstinent as relapse."""
    times, entries = last_year(TREATED | {"institution_success": success})
    became = entries * success + times["outpatient"] / 0.5 * 0.3 + times["in_use"] * 0.1
    assert -math.log(0.4) * times["abstinent"] == pytest.approx(became, rel=1e-9)


def test_treatment_that_never_succeeds_gives_nobody_back() -> None:
    hopeless = TREATED | {"institution_success": 0.0, "outpatient_success": 0.0, "recovery_rate": 0.0}
    abstinent = run(0.3, hopeless, years=8)["occupancy"].sel(state="abstinent")
    np.testing.assert_allclose(abstinent, 0.7 ** (abstinent["cycle"] / 4), rtol=0, atol=1e-13)


def test_certain_entry_stays_finite() -> None:
    result = run(1.0, TREATED | {"institution_entry": 1.0, "outpatient_entry": 1.0}, years=5)
    assert np.isfinite(result["state_time"]).all()
    np.testing.assert_allclose(result["occupancy"].sum("state"), 1, rtol=0, atol=1e-12)


# --- deaths -------------------------------------------------------------------------------------


def test_deaths_are_those_of_the_time_in_each_state() -> None:
    """One rate for all: the living are those of an exponential law, whatever else happens."""
    same = TREATED | {"mortality_in_use": 0.05, "mortality_abstinent": 0.05}
    living = run(0.5, same, years=20)["occupancy"].sel(state=LIVING).sum("state")
    np.testing.assert_allclose(living, np.exp(-0.05 * living["cycle"] / 4), rtol=0, atol=1e-13)


def test_abstinent_and_in_use_die_at_their_own_rates() -> None:
    apart = NOTHING | {"mortality_in_use": 0.2, "mortality_abstinent": 0.01}
    never = run(0.0, apart, years=5)["occupancy"].sel(state="dead")
    np.testing.assert_allclose(never, 1 - np.exp(-0.01 * never["cycle"] / 4), rtol=0, atol=1e-13)
    in_use = MODEL.run(xr.DataArray(0.5), xr.DataArray(0.5), xr.Dataset(apart), 5, start="in_use")["occupancy"]
    dead = in_use.sel(state="dead")
    np.testing.assert_allclose(dead, 1 - np.exp(-0.2 * dead["cycle"] / 4), rtol=0, atol=1e-13)


def test_deaths_before_a_relapse_make_fewer_relapses() -> None:
    """The risk is of the living: with deaths, the share that has relapsed is that of two rates that compete."""
    relapse, death = -math.log(0.5), 0.3
    result = run(0.5, NOTHING | {"mortality_abstinent": death})["occupancy"]
    exact = relapse / (relapse + death) * (1 - math.exp(-(relapse + death)))
    assert float(result.sel(state="in_use", cycle=4)) == pytest.approx(exact, abs=1e-13)


def test_a_service_that_prevents_relapses_keeps_clients_alive_and_the_living_cost_money() -> None:
    """The effect stops after a year. Years later more are alive, and so more are in treatment."""
    risk = xr.DataArray([0.8, 0.3], {"option": list(OPTIONS)}, "option")
    deadly = TREATED | {"mortality_in_use": 0.05, "mortality_abstinent": 0.001}
    time = MODEL.run(risk, xr.DataArray(0.4), xr.Dataset(deadly), years=30)["state_time"]
    usual, new = (time.sel(option=option) for option in OPTIONS)
    treatment = new.sel(state=list(MODEL.items)) - usual.sel(state=list(MODEL.items))
    assert (new.sel(state="dead") < usual.sel(state="dead")).all()
    assert (treatment.isel(year=0) < 0).all()
    assert (treatment.isel(year=-1) > 0).all()
    nobody = MODEL.run(risk, xr.DataArray(0.4), xr.Dataset(TREATED), years=30)["state_time"].isel(year=-1)
    np.testing.assert_allclose(nobody.sel(option="new"), nobody.sel(option="usual"), rtol=1e-3)


# --- the figures --------------------------------------------------------------------------------


def test_clients_and_periods_are_those_of_the_statistics(values: dict[str, Uncertain]) -> None:
    """6 200 of 50 000 clients are in an institution within a year, a period is 18 days."""
    entry, stay = values["institution_entry"], values["stay_years"]
    assert entry.mean == pytest.approx(6200 / 50_000, abs=0.0005)
    assert stay.mean == pytest.approx(18 / 365, abs=0.0005)
    inputs = NOTHING | {"institution_entry": entry.mean, "stay_years": 1e12}
    result = MODEL.run(xr.DataArray(0.0), xr.DataArray(0.0), xr.Dataset(inputs), 1, start="in_use")["occupancy"]
    assert 50_000 * float(result.sel(state="in_institution", cycle=4)) == pytest.approx(6200, abs=25)


def test_mortality_is_that_of_the_clinic_and_of_the_population(values: dict[str, Uncertain]) -> None:
    """11.93 per 1 000 person-years, 8.9 (8.1 to 9.7) times that of the population of the same age."""
    in_use, abstinent = values["mortality_in_use"], values["mortality_abstinent"]
    assert in_use.mean == pytest.approx(0.01193, abs=0.00005)
    assert (in_use.low, in_use.high) == pytest.approx((0.01193 * 8.1 / 8.9, 0.01193 * 9.7 / 8.9), abs=0.0001)
    assert abstinent.mean == pytest.approx(0.01193 / 8.9, abs=0.00005)
    assert abstinent.low is not None
    assert abstinent.high is not None
    assert abstinent.low < 0.01193 / 9.7
    assert 0.01193 / 8.1 < abstinent.high < in_use.mean
