"""Institutional treatment: entry needs a relapse first, and time inside follows the stay."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from costeff.avoided_cost import MODELS

MODEL = MODELS["institutional_treatment"]


def run(relapse: float, entry: float, stay: float, years: int = 1, later: float | None = None) -> xr.Dataset:
    inputs = xr.Dataset({"institution_entry": entry, "stay_years": stay})
    return MODEL.run(xr.DataArray(relapse), xr.DataArray(relapse if later is None else later), inputs, years)


def test_the_risk_is_the_share_that_has_relapsed() -> None:
    result = run(0.5, entry=0.0, stay=0.2)
    assert result["occupancy"].sel(cycle=4).values.tolist() == pytest.approx([0.5, 0.5, 0.0], abs=1e-14)


def test_entry_is_the_yearly_probability_among_those_relapsed() -> None:
    """Relapse at once, no relapse after that: the share still relapsed a year on has not entered."""
    result = run(1.0, entry=0.4, stay=0.2, years=12, later=0.0)["occupancy"].sel(state="relapsed")
    ratio = result.values[8::4] / result.values[4:-4:4]
    np.testing.assert_allclose(ratio, 0.6, rtol=1e-12)


@pytest.mark.parametrize("stay", [0.05, 0.2, 1.0])
def test_littles_law_in_the_long_run(stay: float) -> None:
    last = run(0.6, entry=0.3, stay=stay, years=200)["state_time"].isel(year=-1)
    arrivals = -np.log(0.7) * float(last.sel(state="relapsed"))
    assert float(last.sel(state="in_institution")) == pytest.approx(arrivals * stay, rel=1e-9)


def test_a_longer_stay_is_more_time_inside() -> None:
    times = [float(run(0.5, 0.3, stay, 5)["state_time"].sel(state="in_institution").sum()) for stay in (0.1, 0.2, 0.4)]
    assert times == sorted(times)
    assert times[1] / times[0] == pytest.approx(2, rel=0.1)
