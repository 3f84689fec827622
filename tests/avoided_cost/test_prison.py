"""Prison: every sentence starts at one rate, and is served in the lengths and places the inputs say."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from costeff.avoided_cost import MODELS
from costeff.draws import OPTIONS
from costeff.errors import Problems
from costeff.params.entries import Parameter, Uncertain, UnitCost
from costeff.spec import parse, read_yaml

MODEL = MODELS["prison"]
PARAMS = Path(__file__).parents[2] / "params"
PRISONS = ["closed_short", "closed_long", "open_prison"]
USUAL = {
    "short_share": 0.4,
    "short_years": 0.13,
    "long_years": 1.4,
    "open_share": 0.35,
    "re_entry_years": 0.5,
    "community_ratio": 0.4,
    "community_years": 0.3,
}


def run(risk: float, years: int, effect_years: float = 1, **changes: float) -> xr.Dataset:
    """The later yearly risk is that of the same rate."""
    inputs = xr.Dataset(USUAL | changes)
    later = 1 - (1 - risk) ** (1 / effect_years)
    return MODEL.run(xr.DataArray(risk), xr.DataArray(later), inputs, years, effect_years)


def last_year(**changes: float) -> xr.Dataset:
    """Time and entries once the shares no longer move."""
    return run(0.2, years=400, **changes).isel(year=-1)


def time_in(result: xr.Dataset, *states: str) -> float:
    return float(result["state_time"].sel(state=list(states)).sum())


@pytest.fixture(scope="module")
def values() -> dict[str, Uncertain]:
    problems = Problems()
    document = read_yaml(PARAMS / "transitions" / "prison.yaml", problems)
    assert document is not None
    found = {key: parse(Parameter, document, problems, (key,)) for key in document.data}
    assert problems.found == []
    return {key: value for key, value in found.items() if value is not None}


@pytest.fixture(scope="module")
def costs() -> dict[str, UnitCost]:
    problems = Problems()
    document = read_yaml(PARAMS / "unit_costs" / "prison.yaml", problems)
    assert document is not None
    found = {key: parse(UnitCost, document, problems, (key,), id=key) for key in document.data}
    assert problems.found == []
    return {key: cost for key, cost in found.items() if cost is not None}


# --- the event ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("risk", "within"), [(0.2, 1.0), (0.445, 3.0), (0.3, 0.5)])
@pytest.mark.parametrize("ratio", [0.0, 0.4, 5.0])
def test_the_risk_is_the_share_sentenced_within_its_time(risk: float, within: float, ratio: float) -> None:
    """Sentences that do not end: those who are in prison are those who were sentenced, in whatever state before."""
    result = run(risk, 3, within, short_years=1e12, long_years=1e12, community_ratio=ratio)
    sentenced = result["occupancy"].sel(cycle=int(within * 4), state=PRISONS).sum("state")
    assert float(sentenced) == pytest.approx(risk, abs=1e-10)


def test_prison_is_that_of_the_closed_form_of_two_states() -> None:
    """With short sentences only, all who are not in prison are at one risk."""
    entry, release = -math.log(0.8), 1 / 0.9
    occupancy = run(0.2, 10, short_share=1.0, short_years=0.9)["occupancy"].sel(state=PRISONS).sum("state")
    t = occupancy["cycle"].values / 4
    exact = entry / (entry + release) * (1 - np.exp(-(entry + release) * t))
    np.testing.assert_allclose(occupancy, exact, rtol=0, atol=1e-13)


def test_a_certain_sentence_that_outlasts_the_horizon_is_counted_to_the_horizon() -> None:
    time = run(1.0, 5, short_years=1e6, long_years=1e6)["state_time"].sel(state=PRISONS).sum("state")
    assert float(time.sum()) == pytest.approx(5 - 1 / 36.7, abs=0.1)
    assert float(time.isel(year=4)) == pytest.approx(1, abs=1e-4)


# --- what a sentence is -------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 0.39, 1.0])
def test_entries_are_short_and_long_by_the_share(share: float) -> None:
    entries = run(0.2, 5, short_share=share)["entries"]
    short = entries.sel(entered="closed_short") / entries.sum("entered")
    np.testing.assert_allclose(short, share, rtol=0, atol=1e-12)


def test_stays_last_as_long_as_the_inputs_say() -> None:
    last = last_year()
    short, long = (float(last["entries"].sel(entered=state)) for state in ("closed_short", "closed_long"))
    assert time_in(last, "closed_short") / short == pytest.approx(0.13, rel=1e-9)
    assert time_in(last, "closed_long", "open_prison") / long == pytest.approx(1.4, rel=1e-9)
    assert time_in(last, *PRISONS) / (short + long) == pytest.approx(0.4 * 0.13 + 0.6 * 1.4, rel=1e-9)


@pytest.mark.parametrize("share", [0.0, 1e-3, 0.35, 0.999, 1.0])
def test_the_open_part_of_a_long_sentence_is_its_share(share: float) -> None:
    """Also where it is none of it or all: the sentence stays as long as it was."""
    last = last_year(open_share=share)
    long = time_in(last, "closed_long", "open_prison")
    assert time_in(last, "open_prison") / long == pytest.approx(share, abs=2e-6)
    assert long / float(last["entries"].sel(entered="closed_long")) == pytest.approx(1.4, rel=1e-9)


def test_community_sanctions_come_with_the_sentences() -> None:
    """Those that end, or are cut by a prison sentence, are those that begin."""
    last = last_year()
    e = -math.log(0.8)
    begun = e * 0.4 * time_in(last, "re_entry", "at_liberty")
    assert time_in(last, "community_sanction") == pytest.approx(begun / (1 / 0.3 + e), rel=1e-9)
    assert time_in(run(0.2, 10, community_ratio=0.0), "community_sanction") == 0


def test_who_is_released_is_in_re_entry_first() -> None:
    last = last_year()
    e = -math.log(0.8)
    released = float(last["entries"].sum())  # as many as come in
    leaving = 1 / 0.5 + e + e * 0.4
    assert time_in(last, "re_entry") == pytest.approx(released / leaving, rel=1e-9)


def test_the_time_of_re_entry_moves_nothing_that_has_a_price() -> None:
    items = list(MODEL.items)
    brief, long = (run(0.3, 10, re_entry_years=years)["state_time"].sel(state=items) for years in (0.1, 3.0))
    np.testing.assert_allclose(brief, long, rtol=1e-9)


def test_a_lower_risk_is_less_time_in_every_priced_state() -> None:
    risk = xr.DataArray([0.3, 0.2], {"option": list(OPTIONS)}, "option")
    time = MODEL.run(risk, xr.DataArray(0.1), xr.Dataset(USUAL), years=10)["state_time"].sum("year")
    usual, new = (time.sel(option=option, state=list(MODEL.items)) for option in OPTIONS)
    assert (new < usual).all()


# --- the figures --------------------------------------------------------------------------------


def test_the_mean_time_served_is_the_published_one(values: dict[str, Uncertain]) -> None:
    """10.9 months in 2019, 11 in 2023; the intervals hold 0.63 to 1.23 years, the old one of the mean."""
    share, short, long = (values[key] for key in ("short_share", "short_years", "long_years"))
    assert share.mean * short.mean + (1 - share.mean) * long.mean == pytest.approx(10.9 / 12, abs=0.005)
    ends = [(mean - share.mean * short.mean) / (1 - share.mean) for mean in (0.63, 1.23)]
    assert (long.low, long.high) == pytest.approx(ends, abs=0.01)
    assert short.high is not None
    assert short.high < 0.25  # at most three months


def test_open_prisons_hold_about_their_share_of_the_places(values: dict[str, Uncertain]) -> None:
    """33 per cent of places were open in 2019. Short sentences are all closed here, so a little less is open."""
    last = last_year(**{key: values[key].mean for key in MODEL.parameters})
    share = time_in(last, "open_prison") / time_in(last, *PRISONS)
    assert share == pytest.approx(0.33, abs=0.02)
    needed = 0.33 * time_in(last, *PRISONS) / time_in(last, "closed_long", "open_prison")
    assert needed == pytest.approx(0.35, abs=0.005)


def test_community_sanctions_are_those_of_2005_and_2017(values: dict[str, Uncertain]) -> None:
    """8 300 prison sentences and 3 400 to community service in 2005, 1 096 clients a day in 2017."""
    ratio, years = values["community_ratio"], values["community_years"]
    assert ratio.mean == pytest.approx(3400 / 8300, abs=0.001)
    assert years.mean == pytest.approx(1096 / 3400, abs=0.005)
    terms = 3291 / 0.91  # prisoners of 2010 over the years of a term
    assert 3400 / terms == pytest.approx(0.94, abs=0.005)
    assert ratio.high is not None
    assert ratio.high > 3400 / terms


def test_the_medium_cashable_share_is_what_the_state_stopped_paying(costs: dict[str, UnitCost]) -> None:
    """From 2010 to 2020 prisoners fell by 15 per cent and the money of a day by 5, in the money of each year."""
    day = {value.price_year: value.mean for value in costs["closed_prison_day"].values}
    prisoners, later = 3291, 2790
    before, after = prisoners * day[2010], later * day[2020]
    share = (before - after) / ((prisoners - later) * day[2010])
    assert (1 - after / before, 1 - later / prisoners) == pytest.approx((0.046, 0.152), abs=0.001)
    dearer = 1.028  # central government, 2015 to the third quarter of 2020
    real = (before * dearer - after) / ((prisoners - later) * day[2010] * dearer)
    for key in ("prisoner_year", "quoted_prison", "closed_prison_day", "open_prison_day"):
        medium = costs[key].cashable.medium
        assert medium.mean == pytest.approx(share, abs=0.01)
        assert medium.high is not None
        assert medium.mean < real < medium.high
    assert real == pytest.approx(0.47, abs=0.005)


def test_prisons_close_by_wards_and_offices_faster_than_prisons(costs: dict[str, UnitCost]) -> None:
    office = costs["community_sanction_client_year"]
    assert office.closes_by is None
    for key in ("prisoner_year", "quoted_prison", "closed_prison_day"):
        ward = costs[key].closes_by
        assert ward is not None
        assert (ward.places.low or 0) < 12 < ward.places.mean  # the one ward that was read is a small one
        for horizon in ("short", "medium", "long"):
            assert getattr(office.cashable, horizon).mean > getattr(costs[key].cashable, horizon).mean
