"""What holds for every avoided-cost model; a model that is added to MODELS is held to all of it."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import xarray as xr
from avoided_builders import (
    bare,
    event_rate,
    inputs_for,
    intensities,
    kept_out,
    never,
    reachable,
    risk_by_option,
    risks,
    yearly_risk,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from costeff.avoided_cost import MODELS, AvoidedCostModel, Domain
from costeff.avoided_cost.effect import course
from costeff.errors import ModelError

every_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
seeds = st.integers(0, 10_000)


def kept_time(model: AvoidedCostModel, run: xr.Dataset) -> xr.DataArray:
    """Time in what a service is to keep people out of, in all years."""
    return run["state_time"].sel(state=kept_out(model)).sum(("state", "year"))


@every_model
def test_declaration(model: AvoidedCostModel) -> None:
    assert MODELS[model.id] is model
    assert model.items
    assert set(model.items) < set(model.states)
    assert set(model.kept_out) <= set(model.items)
    assert set(model.entered) <= set(model.states)
    assert len(set(model.states)) == len(model.states)
    assert model.states[0] not in model.kept_out
    if model.states[0] in model.items:  # then what is avoided is not all that is priced, unless the event is leaving
        assert model.kept_out or model.event == "fails"
    assert set(model.tunnels) <= set(model.states)
    assert {state for clock in model.clocks for state in clock} <= set(model.tunnels)
    assert model.stayed is None or model.stayed in model.parameters
    assert model.cycles_per_year == 4
    assert model.parameters == tuple(model.domains)
    with pytest.raises(dataclasses.FrozenInstanceError):
        model.id = "other"  # type: ignore[misc]


@every_model
def test_result_is_labelled(model: AvoidedCostModel) -> None:
    run = model.run(risk_by_option(6), yearly_risk(6), inputs_for(model, 6), years=5)
    assert run["occupancy"].dims == ("option", "draw", "cycle", "state")
    assert run["state_time"].dims == ("option", "draw", "year", "state")
    assert ("entries" in run, "stay_time" in run) == (bool(model.entered), bool(model.tunnels))
    if model.entered:
        assert run["entries"].dims == ("option", "draw", "year", "entered")
        assert run["entries"]["entered"].values.tolist() == list(model.entered)
    if model.tunnels:
        assert run["stay_time"].dims == ("option", "draw", "year", "tunnel")
        assert run["stay_time"].sizes["tunnel"] == sum(model.tunnels.values())
    assert run["option"].values.tolist() == ["usual", "new"]
    assert run["cycle"].values.tolist() == list(range(21))
    assert run["year"].values.tolist() == list(range(5))
    assert run["state"].values.tolist() == list(model.states)
    assert run.attrs == {"model": model.id, "cycles_per_year": 4, "effect_years": 1.0, "persistence": "stops"}
    assert run["state_time"].attrs["unit"] == "person-years per person"
    assert run["occupancy"].isel(cycle=0).sel(state=model.states[0]).min() == 1


@every_model
def test_municipalities_broadcast(model: AvoidedCostModel) -> None:
    factor = xr.DataArray([0.5, 1.0], dims="municipality", coords={"municipality": ["049", "091"]})
    risk, later, inputs = risk_by_option(4), yearly_risk(4), inputs_for(model, 4)
    run = model.run(risk * factor, later, inputs, years=3)
    assert run["state_time"].dims == ("option", "draw", "municipality", "year", "state")
    alone = model.run(risk, later, inputs, years=3)
    np.testing.assert_allclose(run["state_time"].sel(municipality="091"), alone["state_time"], rtol=1e-13)


@every_model
@given(seed=seeds, usual=st.floats(0, 1), years=st.integers(1, 8))
@settings(max_examples=4, deadline=None)
def test_occupancy_is_a_cohort(model: AvoidedCostModel, seed: int, usual: float, years: int) -> None:
    run = model.run(risk_by_option(5, seed, usual, 1), yearly_risk(5, seed), inputs_for(model, 5, seed), years)
    assert (run["occupancy"] >= 0).all()
    assert abs(run["occupancy"].sum("state") - 1).max() < 1e-12
    assert abs(run["state_time"].sum("state") - 1).max() < 1e-12


@every_model
@given(seed=seeds, draws=st.integers(1, 33))
@settings(max_examples=4, deadline=None)
def test_equal_options_differ_by_exactly_zero(model: AvoidedCostModel, seed: int, draws: int) -> None:
    risk = risk_by_option(draws, seed, ratio=1)
    time = model.run(risk, yearly_risk(draws, seed), inputs_for(model, draws, seed), years=4)["state_time"]
    assert (time.sel(option="usual") - time.sel(option="new") == 0).all()


@every_model
@given(seed=seeds, draws=st.integers(1, 9))
@settings(max_examples=4, deadline=None)
def test_swapped_options_swap_the_result(model: AvoidedCostModel, seed: int, draws: int) -> None:
    model = bare(model)
    risk, later, inputs = risk_by_option(draws, seed), yearly_risk(draws, seed), inputs_for(model, draws, seed)
    swapped = risk.isel(option=[1, 0]).assign_coords(option=risk["option"])
    there = kept_time(model, model.run(risk, later, inputs, years=4))
    back = kept_time(model, model.run(swapped, later, inputs, years=4))
    gain = there.sel(option="usual") - there.sel(option="new")
    loss = back.sel(option="usual") - back.sel(option="new")
    assert (gain == -loss).all()
    assert (gain > 0).all()  # a lower risk means less time in what is kept out


@every_model
def test_an_event_that_never_comes_leads_nowhere(model: AvoidedCostModel) -> None:
    """Nobody is where only the event leads; where the event is finding work, nobody finds any."""
    none = risk_by_option(3) * 0 + never(model)
    run = model.run(none, none.isel(option=0, drop=True), inputs_for(model, 3), years=6)
    beyond = [state for state in model.states if state not in reachable(model, event=0.0)]
    assert set(beyond) >= (set(kept_out(model)) if model.event == "happens" else {"employed"} & set(model.states))
    assert (run["state_time"].sel(state=beyond) == 0).all()
    assert len(beyond) > 0


@every_model
def test_a_certain_event_is_an_ordinary_case(model: AvoidedCostModel) -> None:
    inputs, sure = inputs_for(model, 3), 1 - never(model)
    later = yearly_risk(3) * 0 + (0.9 if model.event == "happens" else 0.1)
    run = model.run(risk_by_option(3) * 0 + sure, later, inputs, years=6)
    assert np.isfinite(run["state_time"]).all()
    assert abs(run["state_time"].sum("state") - 1).max() < 1e-12
    almost = model.run(risk_by_option(3) * 0 + abs(sure - 1e-12), later, inputs, years=6)
    np.testing.assert_allclose(kept_time(model, run), kept_time(model, almost), rtol=0.03)


@every_model
def test_draws_do_not_touch_each_other_and_agree_with_scalars(model: AvoidedCostModel) -> None:
    risk, later, inputs = risk_by_option(5), yearly_risk(5), inputs_for(model, 5)
    together = model.run(risk, later, inputs, years=5)["state_time"]
    for draw in range(5):
        place = {"draw": draw}
        alone = model.run(
            risk.sel(place, drop=True), later.sel(place, drop=True), inputs.sel(place, drop=True), years=5
        )
        np.testing.assert_allclose(together.sel(place), alone["state_time"], rtol=0, atol=1e-14)


@every_model
def test_against_a_slow_oracle(model: AvoidedCostModel) -> None:
    """Each draw and option alone: intensities one by one, scipy's exponential, a plain loop over cycles.

    Tunnels only tell a stay apart, so the states of an unfolded model are held to the same plain loop.
    """
    risk, later, inputs = risk_by_option(4), yearly_risk(4), inputs_for(model, 4)
    run = model.run(risk, later, inputs, years=3, effect_years=1.5)
    for option in ("usual", "new"):
        for draw in range(4):
            first = event_rate(model, float(risk.sel(option=option, draw=draw)), 1.5)
            second = event_rate(model, float(later.sel(draw=draw)), 1)
            moved = [expm(intensities(model, rate, inputs.sel(draw=draw)) / 4) for rate in (first, second)]
            rows = [[1.0] + [0.0] * (len(model.states) - 1)]
            for cycle in range(12):
                rows.append((rows[-1] @ moved[cycle >= 6]).tolist())
            times = [
                [sum((rows[c][s] + rows[c + 1][s]) / 8 for c in range(4 * y, 4 * y + 4)) for s in range(len(rows[0]))]
                for y in range(3)
            ]
            place = {"option": option, "draw": draw}
            np.testing.assert_allclose(run["occupancy"].sel(place), rows, rtol=0, atol=1e-13)
            np.testing.assert_allclose(run["state_time"].sel(place), times, rtol=0, atol=1e-13)


@every_model
def test_quarters_are_short_enough(model: AvoidedCostModel) -> None:
    """Weeks instead of quarters move the time that is kept out by a few per cent at most."""
    weekly = bare(model, cycles_per_year=52)
    risk, later, inputs = risk_by_option(8), yearly_risk(8), inputs_for(model, 8)
    coarse, fine = (kept_time(m, m.run(risk, later, inputs, years=5)) for m in (bare(model), weekly))
    np.testing.assert_allclose(coarse, fine, rtol=0.03)


@every_model
def test_a_risk_that_stays_is_the_same_however_it_is_cut(model: AvoidedCostModel) -> None:
    inputs, model = inputs_for(model, 4), bare(model)
    yearly = risk_by_option(4) if model.event == "happens" else 1 - risk_by_option(4)

    def within(years: float) -> xr.DataArray:
        return 1 - (1 - yearly) ** years if model.event == "happens" else yearly**years

    once = model.run(yearly, yearly, inputs, years=4, effect_years=1)
    for years in (2, 0.5, 9):
        other = model.run(within(years), yearly, inputs, years=4, effect_years=years)
        np.testing.assert_allclose(once["state_time"], other["state_time"], rtol=0, atol=1e-12)


@every_model
def test_a_later_year_does_not_change_the_first_ones(model: AvoidedCostModel) -> None:
    risk, later, inputs = risk_by_option(4), yearly_risk(4), inputs_for(model, 4)
    short, long = (model.run(risk, later, inputs, years)["state_time"] for years in (1, 7))
    np.testing.assert_array_equal(short, long.isel(year=slice(1)))


# --- broken input ---------------------------------------------------------------------------------------


@every_model
def test_a_parameter_that_is_missing_or_unknown(model: AvoidedCostModel) -> None:
    inputs = inputs_for(model, 3)
    gone = model.parameters[0]
    wrong = inputs.drop_vars(gone).assign({"exit_rte": inputs[gone]})
    with pytest.raises(ModelError) as caught:
        model.run(risk_by_option(3), yearly_risk(3), wrong, years=2)
    told = str(caught.value)
    assert f"inputs {gone}: is missing" in told
    assert "inputs exit_rte: is unknown" in told
    assert f"{model.id} needs" in told


@every_model
def test_parameters_out_of_range_are_named_with_their_draw(model: AvoidedCostModel) -> None:
    risk, later, valid = risk_by_option(3), yearly_risk(3), inputs_for(model, 3)
    for name, domain in model.domains.items():
        bad = {
            Domain.PROBABILITY: [-0.1, 1.1],
            Domain.RATE: [-0.1],
            Domain.DURATION: [0.0, -1.0],
            Domain.RATIO: [-0.1],
        }[domain]
        for value in [*bad, math.nan, math.inf]:
            inputs = valid.copy(deep=True)
            inputs[name].loc[{"draw": 1}] = value
            with pytest.raises(ModelError, match=f"{name} at draw 1: is") as caught:
                model.run(risk, later, inputs, years=2)
            assert len(caught.value.problems) == 1


@every_model
def test_risks_out_of_range_are_told_together(model: AvoidedCostModel) -> None:
    risk, later = risk_by_option(3), yearly_risk(3)
    risk.loc[{"option": "new", "draw": 2}] = 1.5
    later.loc[{"draw": 0}] = math.nan
    with pytest.raises(ModelError, match="2 problems") as caught:
        model.run(risk, later, inputs_for(model, 3), years=2)
    assert "risk at option new, draw 2: is 1.5" in str(caught.value)
    assert "later_risk at draw 0: is missing" in str(caught.value)


@every_model
def test_draws_and_options_that_do_not_match(model: AvoidedCostModel) -> None:
    risk, later, inputs = risk_by_option(3), yearly_risk(3), inputs_for(model, 3)
    with pytest.raises(ModelError, match="later_risk draw: labels"):
        model.run(risk, yearly_risk(4), inputs, years=2)
    with pytest.raises(ModelError, match="inputs draw: labels"):
        model.run(risk, later, inputs.assign_coords(draw=[2, 1, 0]), years=2)
    with pytest.raises(ModelError, match="later_risk option: labels"):
        model.run(risk, risk.isel(option=[1, 0]), inputs, years=2)


@every_model
@pytest.mark.parametrize(
    ("years", "effect_years", "told"),
    [
        (0, 1, "years: 0"),
        (2.5, 1, "years: 2.5"),
        (2, 0.3, "0.3 years are not"),
        (2, 0, "0 years"),
        (2, math.nan, "nan"),
    ],
)
def test_times_that_are_no_whole_cycles(model: AvoidedCostModel, years: int, effect_years: float, told: str) -> None:
    with pytest.raises(ModelError, match=told):
        model.run(risk_by_option(2), yearly_risk(2), inputs_for(model, 2), years, effect_years)


@every_model
def test_a_start_that_is_no_state(model: AvoidedCostModel) -> None:
    with pytest.raises(ModelError, match=f"(?s)start: 'gone' is no state.*{model.states[0]}"):
        model.run(risks(0.2, 0.1), xr.DataArray(0.1), inputs_for(model, 2), years=1, start="gone")


# --- the course of an effect ----------------------------------------------------------------------------

RATES = risks(0.4, 0.1)  # yearly, a ratio of 0.25
LATER = xr.DataArray(0.2)


def rates_of(legs: list[tuple[xr.DataArray, int]], option: str = "new") -> list[float]:
    return [float(rate.sel(option=option) if "option" in rate.dims else rate) for rate, _ in legs]


@pytest.mark.parametrize(
    ("cycles", "lengths"), [((4, 4, 20), [4, 16]), ((4, 0, 4), [4]), ((8, 8, 4), [4]), ((2, 0, 12), [2, 10])]
)
def test_the_legs_of_a_course_fill_the_horizon(cycles: tuple[int, int, int], lengths: list[int]) -> None:
    for persistence in ("stops", "lasts"):
        legs = course(RATES, LATER, cycles, 4, persistence)
        assert [length for _, length in legs] == lengths
        assert rates_of(legs)[0] == 0.1
        assert rates_of(legs, "usual") == [0.4, 0.2][: len(lengths)]
    waning = course(RATES, LATER, cycles, 4, "wanes", 2.0)
    assert sum(length for _, length in waning) == cycles[2]
    assert all(length <= 4 for _, length in waning[1:])


def test_the_rate_after_the_follow_up() -> None:
    """Stops: that of the usual service. Lasts: times the ratio. Wanes: times the ratio to its mean weight."""
    assert rates_of(course(RATES, LATER, (4, 4, 12), 4, "stops"))[1:] == [0.2]
    assert rates_of(course(RATES, LATER, (4, 4, 12), 4, "lasts"))[1:] == pytest.approx([0.2 * 0.25])
    waning = rates_of(course(RATES, LATER, (4, 4, 14), 4, "wanes", 2.0))[1:]
    expected = []
    for start, end in ((0.0, 1.0), (1.0, 2.0), (2.0, 2.5)):  # a year, a year, and what is left of the third
        steps = 4_000
        points = [start + (n + 0.5) * (end - start) / steps for n in range(steps)]
        weight = sum(0.5 ** (t / 2.0) for t in points) / steps
        expected.append(0.2 * 0.25**weight)
    assert waning == pytest.approx(expected, rel=1e-7)
    assert waning == sorted(waning)


def test_the_usual_rate_holds_for_as_long_as_the_baseline_was_followed() -> None:
    """A baseline of 12 quarters, a follow-up of 4: the later rate waits for the end of the baseline."""
    held = course(RATES, LATER, (4, 12, 20), 4, "stops")
    assert [length for _, length in held] == [4, 8, 8]
    assert (rates_of(held), rates_of(held, "usual")) == ([0.1, 0.4, 0.2], [0.4, 0.4, 0.2])
    assert rates_of(course(RATES, LATER, (4, 12, 20), 4, "lasts")) == pytest.approx([0.1, 0.1, 0.05])
    assert rates_of(course(RATES, LATER, (4, 12, 8), 4, "stops")) == [0.1, 0.4]
    waning = course(RATES, LATER, (4, 12, 20), 4, "wanes", 2.0)
    assert [length for _, length in waning] == [4, 4, 4, 4, 4]
    whole = course(RATES, xr.DataArray(0.4), (4, 4, 20), 4, "wanes", 2.0)  # the weight runs on over the two
    assert rates_of(waning)[1:3] == pytest.approx(rates_of(whole)[1:3])
    assert [2 * rate for rate in rates_of(waning)[3:]] == pytest.approx(rates_of(whole)[3:])


def test_no_event_under_the_usual_service_makes_no_ratio() -> None:
    for persistence, half_life in (("lasts", None), ("wanes", 1.0)):
        legs = course(risks(0.0, 0.3), LATER, (4, 4, 12), 4, persistence, half_life)  # type: ignore[arg-type]
        assert rates_of(legs)[1:] == [0.2] * (len(legs) - 1)


def test_equal_rates_stay_exactly_equal() -> None:
    for persistence, half_life in (("stops", None), ("lasts", None), ("wanes", 0.7)):
        for rate, _ in course(risks(0.37, 0.37), LATER, (4, 4, 20), 4, persistence, half_life):  # type: ignore[arg-type]
            if "option" in rate.dims:
                assert float(rate.sel(option="usual")) == float(rate.sel(option="new"))


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"persistence": "fades"}, "persistence: 'fades' is unknown.*use stops, wanes, lasts"),
        ({"persistence": "wanes"}, "half_life_years: is missing.*such as 2 years"),
        ({"persistence": "wanes", "half_life_years": 0.0}, "half_life_years: is 0"),
        ({"persistence": "wanes", "half_life_years": math.nan}, "half_life_years: is missing|half_life_years: is nan"),
        ({"persistence": "lasts", "risk": xr.DataArray(0.3)}, "risk option: lacks usual"),
        ({"persistence": "lasts", "later_risk": risks(0.1, 0.1)}, "later_risk: has the dim `option`"),
    ],
)
def test_a_course_that_cannot_be_had(asked: dict[str, Any], told: str) -> None:
    model = MODELS["prison"]
    parts = {"risk": risks(0.3, 0.2), "later_risk": xr.DataArray(0.1), "inputs": inputs_for(model, 2), "years": 3}
    with pytest.raises(ModelError, match=f"(?s){told}"):
        model.run(**parts | asked)
