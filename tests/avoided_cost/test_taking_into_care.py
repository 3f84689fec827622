"""Taking into care against its closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest
import xarray as xr

from costeff.avoided_cost import MODELS

MODEL = MODELS["taking_into_care"]


def all_become_care(annual_exit_rate: float) -> xr.Dataset:
    """Inputs under which every placement is one into care."""
    return xr.Dataset({"care_share": 1.0, "annual_exit_rate": annual_exit_rate})


def test_the_risk_is_the_share_taken_within_its_time() -> None:
    run = MODEL.run(xr.DataArray(0.3), xr.DataArray(0.1), all_become_care(0.4), years=5)
    at_home = run["occupancy"].sel(state="at_home")
    assert float(at_home.sel(cycle=4)) == pytest.approx(0.7, abs=1e-14)
    assert float(at_home.sel(cycle=2)) == pytest.approx(math.sqrt(0.7), abs=1e-14)
    for year in range(2, 6):
        assert float(at_home.sel(cycle=4 * year)) == pytest.approx(0.7 * 0.9 ** (year - 1), abs=1e-14)


def test_children_in_care_are_those_of_the_closed_form() -> None:
    entry, leaving = -math.log(0.7), 0.4
    inputs = all_become_care(leaving)
    run = MODEL.run(xr.DataArray(0.3), xr.DataArray(0.3), inputs, years=10)
    t = run["cycle"].values / 4
    in_care = entry / (leaving - entry) * (np.exp(-entry * t) - np.exp(-leaving * t))
    np.testing.assert_allclose(run["occupancy"].sel(state="in_care"), in_care, rtol=0, atol=1e-13)


def test_care_that_never_ends_and_care_that_ends_at_once() -> None:
    never = MODEL.run(xr.DataArray(0.3), xr.DataArray(0.0), all_become_care(0.0), years=3)
    assert (never["state_time"].sel(state="left") == 0).all()
    np.testing.assert_allclose(never["state_time"].sel(state="in_care").isel(year=[1, 2]), 0.3)
    brief = MODEL.run(xr.DataArray(0.3), xr.DataArray(0.0), all_become_care(1e5), years=3)
    assert brief["state_time"].sel(state="in_care").max() < 1e-5


def test_a_year_of_quarters_is_not_a_full_year_for_each_child() -> None:
    """The average price of a year for every child taken would be 0.3; half the year has gone on average."""
    run = MODEL.run(xr.DataArray(0.3), xr.DataArray(0.0), all_become_care(0.0), years=1)
    entry = -math.log(0.7)
    exact = 1 - 0.3 / entry
    assert float(run["state_time"].sel(state="in_care").sum()) == pytest.approx(exact, rel=0.01)


def test_only_the_share_of_placements_that_become_care_is_taken_into_care():
    """With no exits, those in care after a year are what the thinned rate of placement gives."""
    share, risk = 0.27, 0.3
    inputs = xr.Dataset({"care_share": share, "annual_exit_rate": 0.0})
    run = MODEL.run(xr.DataArray(risk), xr.DataArray(0.0), inputs, years=1)
    in_care = float(run["occupancy"].isel(cycle=-1).sel(state="in_care"))
    assert in_care == pytest.approx(1 - (1 - risk) ** share, abs=1e-12)
