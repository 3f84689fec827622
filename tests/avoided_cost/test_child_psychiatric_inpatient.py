"""Psychiatric inpatient care of minors: one risk for all who were not admitted, and a higher one after a stay."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import xarray as xr

from costeff.avoided_cost.child_psychiatric_inpatient import CHILD_PSYCHIATRIC_INPATIENT as MODEL
from costeff.params import Catalogue

NEVER = 1e15  # years
NOT_ADMITTED = ["outpatient", "out_of_care"]


def run(
    risk: float, later: float | None = None, years: int = 1, *, start: str | None = None, **changes: float
) -> xr.Dataset:
    usual = {"outpatient_years": 1.5, "stay_years": 0.056, "discharged_years": 0.5, "readmission_ratio": 2.5}
    after = xr.DataArray(risk if later is None else later)
    return MODEL.run(xr.DataArray(risk), after, xr.Dataset(usual | changes), years, start=start)


@pytest.mark.parametrize("outpatient", [0.05, 1.5, NEVER])
def test_the_risk_is_the_share_admitted_in_or_out_of_care(outpatient: float) -> None:
    """Nobody comes back from after a stay, so those admitted are all but those in and out of outpatient care."""
    points = run(0.3, 0.1, 3, outpatient_years=outpatient, discharged_years=NEVER)["occupancy"]
    left = points.sel(state=NOT_ADMITTED).sum("state")
    assert float(left.sel(cycle=4)) == pytest.approx(0.7, abs=1e-12)
    assert float(left.sel(cycle=12)) == pytest.approx(0.7 * 0.9**2, abs=1e-12)


def test_outpatient_care_lasts_as_long_as_it_is_said_to() -> None:
    time = run(0.0, years=60)["state_time"].sum("year")
    assert float(time.sel(state="outpatient")) == pytest.approx(1.5, rel=0.005)
    points = run(0.0, years=3)["occupancy"].sel(state="outpatient")
    np.testing.assert_allclose(points, np.exp(-points["cycle"] / 4 / 1.5), rtol=1e-12)


@pytest.mark.parametrize("stay", [0.02, 0.056, 0.5])
def test_a_stay_lasts_as_long_as_it_is_said_to(stay: float) -> None:
    """Little's law: those on a ward are the admissions of a year, times the length of a stay."""
    result = run(0.3, years=100, stay_years=stay).isel(year=-1)
    admissions = float(result["entries"].sel(entered="inpatient"))
    assert float(result["state_time"].sel(state="inpatient")) == pytest.approx(admissions * stay, rel=1e-9)


def test_the_first_admissions_are_counted_once() -> None:
    """Without a way back, each of those admitted moves onto a ward once."""
    result = run(0.3, 0.1, 5, discharged_years=NEVER, readmission_ratio=0.0)
    left = 1 - float(result["occupancy"].isel(cycle=-1).sel(state=NOT_ADMITTED).sum())
    assert float(result["entries"].sum()) == pytest.approx(left, rel=0.002)


@pytest.mark.parametrize("ratio", [0.0, 1.0, 2.5])
def test_the_rate_after_discharge_is_the_ratio_times_that_of_others(ratio: float) -> None:
    points = run(0.1, years=2, start="discharged", readmission_ratio=ratio, stay_years=NEVER, discharged_years=NEVER)
    admitted = points["occupancy"].sel(state="inpatient")
    np.testing.assert_allclose(admitted, 1 - 0.9 ** (ratio * admitted["cycle"] / 4), rtol=0, atol=1e-12)


def test_time_after_discharge_ends_in_outpatient_care() -> None:
    points = run(0.0, years=2, start="discharged", outpatient_years=NEVER)["occupancy"]
    np.testing.assert_allclose(points.sel(state="discharged"), np.exp(-points["cycle"] / 4 / 0.5), rtol=1e-12)
    np.testing.assert_allclose(points.sel(state=["discharged", "outpatient"]).sum("state"), 1, rtol=1e-8)


def test_without_a_higher_risk_after_discharge_two_states_are_enough() -> None:
    admission, stay = -math.log(0.8), 0.3
    points = run(0.2, years=10, stay_years=stay, readmission_ratio=1.0)["occupancy"].sel(state="inpatient")
    total = admission + 1 / stay
    exact = admission / total * (1 - np.exp(-total * points["cycle"] / 4))
    np.testing.assert_allclose(points, exact, rtol=0, atol=1e-12)


def test_shares_in_the_long_run() -> None:
    admission, outpatient, stay, after, ratio = -math.log(0.7), 1.5, 0.1, 0.5, 2.5
    last = run(0.3, years=300, stay_years=stay)["state_time"].isel(year=-1)
    # Of each admission: the share of those after discharge who go home for good, and the times in between.
    home = (1 / after) / (1 / after + admission * ratio)
    in_care = home / (admission + 1 / outpatient)
    shares = np.array([in_care, in_care / outpatient / admission, stay, home * after])
    np.testing.assert_allclose(last, shares / shares.sum(), rtol=1e-9)


def test_fewer_admissions_are_less_time_on_a_ward() -> None:
    times = [float(run(risk, risk / 2, 5)["state_time"].sel(state="inpatient").sum()) for risk in (0.05, 0.1, 0.2)]
    assert times == sorted(times)


def test_quarters_are_short_enough_for_stays_of_three_weeks() -> None:
    """Weeks instead of quarters move time between the first years, and the sum of five hardly at all."""
    weekly = dataclasses.replace(MODEL, cycles_per_year=52)
    inputs = {"outpatient_years": 1.5, "stay_years": 0.056, "discharged_years": 0.5, "readmission_ratio": 2.5}
    risk = xr.DataArray([0.10, 0.06], dims="option", coords={"option": ["usual", "new"]})
    runs = [model.run(risk, xr.DataArray(0.05), xr.Dataset(inputs), years=5) for model in (MODEL, weekly)]
    coarse, fine = (run["state_time"].sel(state="inpatient").diff("option").squeeze() for run in runs)
    assert float(coarse.sum()) == pytest.approx(float(fine.sum()), rel=0.01)
    coarse, fine = (run["entries"].sel(entered="inpatient").diff("option").squeeze() for run in runs)
    assert float(coarse.sum()) == pytest.approx(float(fine.sum()), rel=0.01)


def test_the_figures_are_those_of_the_page(catalogue: Catalogue) -> None:
    """A median of 20.5 days; and about one in six returns within a year, far fewer than 46 in a hundred."""
    values = {name: value.mean for name, value in catalogue.transitions[MODEL.id].items()}
    assert values["stay_years"] == pytest.approx(20.5 / 365, abs=0.0005)
    given = {name: values[name] for name in MODEL.parameters} | {"stay_years": NEVER}
    share = {
        ratio: float(
            run(values["baseline_probability"], start="discharged", **given | {"readmission_ratio": ratio})["occupancy"]
            .sel(state="inpatient", cycle=4)
        )
        for ratio in (values["readmission_ratio"], 15.0)
    }  # fmt: skip
    assert share[2.5] == pytest.approx(0.16, abs=0.005)
    assert share[15.0] == pytest.approx(0.46, abs=0.015)


def test_no_price_set_prices_the_model(catalogue: Catalogue) -> None:
    assert [s.id for s in catalogue.price_sets.values() if s.can_price(MODEL.id, MODEL.items)] == []
