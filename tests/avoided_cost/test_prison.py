"""Prison against the closed form of two states."""

from __future__ import annotations

import math

import numpy as np
import pytest
import xarray as xr

from costeff.avoided_cost import MODELS

MODEL = MODELS["prison"]


def run(risk: float, served: float, years: int) -> xr.DataArray:
    inputs = xr.Dataset({"mean_time_served": served})
    return MODEL.run(xr.DataArray(risk), xr.DataArray(risk), inputs, years)


@pytest.mark.parametrize("served", [0.1, 0.9, 4.0])
def test_occupancy_is_that_of_the_closed_form(served: float) -> None:
    entry, release = -math.log(0.8), 1 / served
    occupancy = run(0.2, served, years=10)["occupancy"].sel(state="in_prison")
    t = occupancy["cycle"].values / 4
    exact = entry / (entry + release) * (1 - np.exp(-(entry + release) * t))
    np.testing.assert_allclose(occupancy, exact, rtol=0, atol=1e-13)


def test_expected_time_in_prison_is_close_to_the_exact_one() -> None:
    entry, release, years = -math.log(0.8), 1 / 0.9, 5
    total = entry + release
    exact = entry / total * (years - (1 - math.exp(-total * years)) / total)
    time = float(run(0.2, 0.9, years)["state_time"].sel(state="in_prison").sum())
    assert time == pytest.approx(exact, rel=0.005)


def test_a_sentence_that_outlasts_the_horizon_is_counted_to_the_horizon() -> None:
    time = run(1.0, served=1e6, years=5)["state_time"].sel(state="in_prison")
    assert float(time.sum()) == pytest.approx(5 - 1 / 36.7, abs=0.1)
    assert float(time.isel(year=4)) == pytest.approx(1, abs=1e-4)
