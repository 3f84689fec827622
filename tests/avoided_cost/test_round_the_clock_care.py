"""Round-the-clock care against closed forms of competing moves."""

from __future__ import annotations

import math

import numpy as np
import pytest
import xarray as xr

from costeff.avoided_cost.round_the_clock_care import ROUND_THE_CLOCK_CARE as MODEL
from costeff.params import Catalogue

HOME, CARE = 0.12, 0.3


def run(risk: float, later: float, years: int, home: float = HOME, care: float = CARE, start: str | None = None):
    inputs = xr.Dataset({"home_care_mortality": home, "care_mortality": care})
    return MODEL.run(xr.DataArray(risk), xr.DataArray(later), inputs, years, start=start)


def test_the_risk_is_the_share_that_moves_where_nobody_dies() -> None:
    occupancy = run(0.2, 0.1, years=4, home=0.0, care=0.0)["occupancy"]
    for year in range(1, 5):
        assert float(occupancy.sel(state="home_care", cycle=4 * year)) == pytest.approx(0.8 * 0.9 ** (year - 1))
    assert float(occupancy.sel(state="dead").max()) == 0


def test_at_home_are_those_who_have_neither_moved_nor_died() -> None:
    occupancy = run(0.2, 0.2, years=6)["occupancy"]
    t = occupancy["cycle"].values / 4
    np.testing.assert_allclose(occupancy.sel(state="home_care"), 0.8**t * np.exp(-HOME * t), rtol=0, atol=1e-13)


def test_clients_in_round_the_clock_care_are_those_of_the_closed_form() -> None:
    entry = -math.log(0.8)
    occupancy = run(0.2, 0.2, years=10)["occupancy"].sel(state="round_the_clock")
    t = occupancy["cycle"].values / 4
    leaving = entry + HOME
    exact = entry / (CARE - leaving) * (np.exp(-leaving * t) - np.exp(-CARE * t))
    np.testing.assert_allclose(occupancy, exact, rtol=0, atol=1e-13)


@pytest.mark.parametrize(("start", "rate"), [("home_care", HOME), ("round_the_clock", CARE)])
def test_who_does_not_move_dies_at_the_mortality_of_the_place(start: str, rate: float) -> None:
    out = run(0.0, 0.0, years=200, start=start)
    dead = out["occupancy"].sel(state="dead")
    np.testing.assert_allclose(dead, 1 - np.exp(-rate * dead["cycle"].values / 4), rtol=0, atol=1e-13)
    time = out["state_time"].sel(state=start).sum()
    assert float(time) == pytest.approx(1 / rate, rel=1e-3)


def test_the_share_that_ever_moves_is_that_of_competing_rates() -> None:
    entry = -math.log(1 - 0.12)
    years = run(0.12, 0.12, years=150)["state_time"].sel(state="round_the_clock").sum()
    assert float(years) == pytest.approx(entry / (entry + HOME) / CARE, rel=1e-3)


def test_a_move_put_off_is_more_years_at_home_and_fewer_in_care() -> None:
    risk = xr.DataArray([0.2, 0.1], {"option": ["usual", "new"]}, "option")
    inputs = xr.Dataset({"home_care_mortality": HOME, "care_mortality": CARE})
    time = MODEL.run(risk, xr.DataArray(0.15), inputs, years=10)["state_time"].sum("year")
    change = time.sel(option="new") - time.sel(option="usual")
    assert float(change.sel(state="home_care")) > 0
    assert float(change.sel(state="round_the_clock")) < 0
    assert float(change.sel(state="dead")) < 0


def test_time_moves_one_for_one_where_mortality_is_the_same() -> None:
    """Then the effect lengthens no life: what is left in one state is gained in the other."""
    risk = xr.DataArray([0.2, 0.1], {"option": ["usual", "new"]}, "option")
    inputs = xr.Dataset({"home_care_mortality": 0.2, "care_mortality": 0.2})
    time = MODEL.run(risk, xr.DataArray(0.15), inputs, years=10)["state_time"].sum("year")
    change = time.sel(option="new") - time.sel(option="usual")
    assert float(change.sel(state="dead")) == pytest.approx(0, abs=1e-12)


# --- the numbers ------------------------------------------------------------------------------------


def test_a_client_year_of_home_care_is_the_visits_of_a_client_at_their_price(catalogue: Catalogue) -> None:
    """29 EUR a visit (2024), 38.7 million visits (2019), 114 091 regular clients (2022)."""
    year = catalogue.unit_costs["home_care_client_year"].latest
    assert year.mean == pytest.approx(29 * 38.7e6 / 114_091, abs=5)


def test_mortality_lies_among_the_men_of_the_ages_that_the_notes_name(catalogue: Catalogue) -> None:
    at_80, at_85, at_90 = 0.0667, 0.122, 0.216
    rows = catalogue.transitions["round_the_clock_care"]
    assert at_80 < rows["home_care_mortality"].mean < at_85
    assert rows["care_mortality"].mean > at_90
    assert (rows["care_mortality"].low or 0) > (rows["home_care_mortality"].high or 1)
