"""Exclusion against its closed form, and its price against the lifetime figure it is made from."""

from __future__ import annotations

import math

import numpy as np
import pytest
import xarray as xr

from costeff.avoided_cost.exclusion import EXCLUSION as MODEL
from costeff.params import Catalogue


def run(risk: float, later: float, years: int, back: float = 0.0, effect_years: float = 1) -> xr.Dataset:
    inputs = xr.Dataset({"annual_return_rate": back})
    return MODEL.run(xr.DataArray(risk), xr.DataArray(later), inputs, years, effect_years)


def test_the_risk_is_the_share_that_leaves_and_nobody_leaves_later() -> None:
    excluded = run(0.15, 0.0, 20, effect_years=5)["occupancy"].sel(state="excluded")
    np.testing.assert_allclose(excluded.isel(cycle=slice(21)), 1 - 0.85 ** (np.arange(21) / 20), rtol=0, atol=1e-13)
    np.testing.assert_allclose(excluded.isel(cycle=slice(20, None)), 0.15, rtol=1e-12)


@pytest.mark.parametrize("back", [0.0, 0.05, 1.0])
def test_with_a_way_back_it_is_the_closed_form_of_two_states(back: float) -> None:
    leaving = -math.log(0.8)
    excluded = run(0.2, 0.2, 10, back)["occupancy"].sel(state="excluded")
    t = excluded["cycle"].values / 4
    exact = leaving / (leaving + back) * (1 - np.exp(-(leaving + back) * t))
    np.testing.assert_allclose(excluded, exact, rtol=0, atol=1e-13)


def test_the_years_without_education_are_those_to_the_horizon() -> None:
    time = run(1.0, 0.0, 62)["state_time"].sel(state="excluded")
    np.testing.assert_allclose(time.isel(year=slice(1, None)), 1, rtol=1e-12)
    assert float(time.sum()) == pytest.approx(62, abs=0.2)


def test_a_lifetime_costs_what_the_source_says(catalogue: Catalogue) -> None:
    """230 000 to 370 000 EUR, 300 000 in the middle, from 18 to 80."""
    value = catalogue.unit_costs["exclusion_year"].latest
    for year, lifetime in ((value.low, 230_000), (value.mean, 300_000), (value.high, 370_000)):
        assert year is not None
        assert year * (80 - 18) == pytest.approx(lifetime, abs=5 * 62)


def test_nobody_returns_as_the_files_stand(catalogue: Catalogue) -> None:
    values = catalogue.transitions[MODEL.id]
    assert set(values) == {*MODEL.parameters, "later_risk_ratio"}
    assert [values[name].mean for name in values] == [0, 0]


def test_what_a_lifetime_holds_is_not_counted_beside_it(catalogue: Catalogue) -> None:
    """A link that leads here names the links to crime and substance use as parts of it."""
    for link in catalogue.links.values():
        if link.target.model == MODEL.id:
            beside = [o.id for o in catalogue.links.values() if o.origin == link.origin and o.target.model in
                      ("prison", "institutional_treatment")]  # fmt: skip
            assert set(beside) <= set(link.contains)
