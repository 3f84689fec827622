"""What holds for every avoided-cost model; a model that is added to MODELS is held to all of it."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import xarray as xr
from avoided_builders import inputs_for, risk_by_option, yearly_risk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from costeff.avoided_cost import MODELS, AvoidedCostModel, Domain
from costeff.errors import ModelError

every_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
seeds = st.integers(0, 10_000)


def priced(model: AvoidedCostModel, run: xr.Dataset) -> xr.DataArray:
    return run["state_time"].sel(state=list(model.items)).sum(("state", "year"))


@every_model
def test_declaration(model: AvoidedCostModel) -> None:
    assert MODELS[model.id] is model
    assert model.items
    assert set(model.items) < set(model.states)
    assert model.states[0] not in model.items
    assert model.cycles_per_year == 4
    assert model.parameters == tuple(model.domains)
    with pytest.raises(dataclasses.FrozenInstanceError):
        model.id = "other"  # type: ignore[misc]


@every_model
def test_result_is_labelled(model: AvoidedCostModel) -> None:
    run = model.run(risk_by_option(6), yearly_risk(6), inputs_for(model, 6), years=5)
    assert run["occupancy"].dims == ("option", "draw", "cycle", "state")
    assert run["state_time"].dims == ("option", "draw", "year", "state")
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
    np.testing.assert_array_equal(run["state_time"].sel(municipality="091"), alone["state_time"])


@every_model
@given(seed=seeds, usual=st.floats(0, 1), years=st.integers(1, 8))
@settings(max_examples=25, deadline=None)
def test_occupancy_is_a_cohort(model: AvoidedCostModel, seed: int, usual: float, years: int) -> None:
    run = model.run(risk_by_option(5, seed, usual, 1), yearly_risk(5, seed), inputs_for(model, 5, seed), years)
    assert (run["occupancy"] >= 0).all()
    assert abs(run["occupancy"].sum("state") - 1).max() < 1e-12
    assert abs(run["state_time"].sum("state") - 1).max() < 1e-12


@every_model
@given(seed=seeds, draws=st.integers(1, 33))
@settings(max_examples=25, deadline=None)
def test_equal_options_differ_by_exactly_zero(model: AvoidedCostModel, seed: int, draws: int) -> None:
    risk = risk_by_option(draws, seed, ratio=1)
    time = model.run(risk, yearly_risk(draws, seed), inputs_for(model, draws, seed), years=4)["state_time"]
    assert (time.sel(option="usual") - time.sel(option="new") == 0).all()


@every_model
@given(seed=seeds, draws=st.integers(1, 9))
@settings(max_examples=25, deadline=None)
def test_swapped_options_swap_the_result(model: AvoidedCostModel, seed: int, draws: int) -> None:
    risk, later, inputs = risk_by_option(draws, seed), yearly_risk(draws, seed), inputs_for(model, draws, seed)
    swapped = risk.isel(option=[1, 0]).assign_coords(option=risk["option"])
    there = priced(model, model.run(risk, later, inputs, years=4))
    back = priced(model, model.run(swapped, later, inputs, years=4))
    gain = there.sel(option="usual") - there.sel(option="new")
    loss = back.sel(option="usual") - back.sel(option="new")
    assert (gain == -loss).all()
    assert (gain > 0).all()  # a lower risk means less time in the priced states


@every_model
def test_no_risk_means_no_priced_time(model: AvoidedCostModel) -> None:
    run = model.run(risk_by_option(3) * 0, yearly_risk(3) * 0, inputs_for(model, 3), years=6)
    assert (priced(model, run) == 0).all()


@every_model
def test_a_certain_event_is_an_ordinary_case(model: AvoidedCostModel) -> None:
    inputs = inputs_for(model, 3)
    run = model.run(risk_by_option(3) * 0 + 1, yearly_risk(3) * 0 + 1, inputs, years=6)
    assert np.isfinite(run["state_time"]).all()
    assert abs(run["state_time"].sum("state") - 1).max() < 1e-12
    almost = model.run(risk_by_option(3) * 0 + (1 - 1e-12), yearly_risk(3) * 0 + 1, inputs, years=6)
    np.testing.assert_allclose(priced(model, run), priced(model, almost), rtol=0.02)


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
    """Each draw and option alone: intensities one by one, scipy's exponential, a plain loop over cycles."""
    risk, later, inputs = risk_by_option(4), yearly_risk(4), inputs_for(model, 4)
    run = model.run(risk, later, inputs, years=3, effect_years=1.5)
    for option in ("usual", "new"):
        for draw in range(4):
            first = -math.log(1 - float(risk.sel(option=option, draw=draw))) / 1.5
            second = -math.log(1 - float(later.sel(draw=draw)))
            rows = [[1.0] + [0.0] * (len(model.states) - 1)]
            for cycle in range(12):
                entry = xr.DataArray(first if cycle < 6 else second)
                intensity = np.zeros((len(model.states),) * 2)
                for (origin, target), rate in model.rates(entry, inputs.sel(draw=draw)).items():
                    intensity[model.states.index(origin), model.states.index(target)] = float(rate)
                intensity -= np.diag(intensity.sum(axis=1))
                rows.append((rows[-1] @ expm(intensity / 4)).tolist())
            times = [
                [sum((rows[c][s] + rows[c + 1][s]) / 8 for c in range(4 * y, 4 * y + 4)) for s in range(len(rows[0]))]
                for y in range(3)
            ]
            place = {"option": option, "draw": draw}
            np.testing.assert_allclose(run["occupancy"].sel(place), rows, rtol=0, atol=1e-13)
            np.testing.assert_allclose(run["state_time"].sel(place), times, rtol=0, atol=1e-13)


@every_model
def test_quarters_are_short_enough(model: AvoidedCostModel) -> None:
    """Weeks instead of quarters move the priced time by a few per cent at most, also with stays of five weeks."""
    weekly = dataclasses.replace(model, cycles_per_year=52)
    risk, later, inputs = risk_by_option(8), yearly_risk(8), inputs_for(model, 8)
    coarse, fine = (priced(m, m.run(risk, later, inputs, years=5)) for m in (model, weekly))
    np.testing.assert_allclose(coarse, fine, rtol=0.03)


@every_model
def test_a_risk_that_stays_is_the_same_however_it_is_cut(model: AvoidedCostModel) -> None:
    yearly, inputs = risk_by_option(4), inputs_for(model, 4)
    once = model.run(yearly, yearly, inputs, years=4, effect_years=1)
    twice = model.run(1 - (1 - yearly) ** 2, yearly, inputs, years=4, effect_years=2)
    half = model.run(1 - (1 - yearly) ** 0.5, yearly, inputs, years=4, effect_years=0.5)
    longer = model.run(1 - (1 - yearly) ** 9, yearly, inputs, years=4, effect_years=9)
    for other in (twice, half, longer):
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
    for name, domain in model.domains.items():
        bad = {Domain.PROBABILITY: [-0.1, 1.1], Domain.RATE: [-0.1], Domain.DURATION: [0.0, -1.0]}[domain]
        for value in [*bad, math.nan, math.inf]:
            inputs = inputs_for(model, 3)
            inputs[name].loc[{"draw": 1}] = value
            with pytest.raises(ModelError, match=f"{name} at draw 1: is") as caught:
                model.run(risk_by_option(3), yearly_risk(3), inputs, years=2)
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
