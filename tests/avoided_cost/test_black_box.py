"""A black-box list after TECH-VER (Büyükkaramikli et al. 2019, doi:10.1007/s40273-019-00844-y), over every model.

Each check says its stage first: input, event-state, result, uncertainty or overall. A model that is added to
MODELS is held to all of it. More of them stand in `test_avoided_models` (the cohort) and `test_cash` (the money).
"""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from typing import Any

import numpy as np
import pytest
import xarray as xr
from avoided_builders import (
    CLIENTS,
    CODES,
    DRAWS,
    LIMITS,
    MIDDLES,
    YEARS,
    appraised,
    appraised_at,
    bare,
    by_draw,
    by_hand,
    cashable,
    chain_for,
    closes_by,
    duty,
    event_rate,
    fit_of,
    fixed,
    inputs_for,
    intensities,
    kept_out,
    mean_price,
    middle_inputs,
    moves_of,
    name,
    never,
    reachable,
    risk_by_option,
    risks,
    slow_stays,
    swapped,
    two_items,
    without_later,
    yearly_risk,
)
from scipy.linalg import expm

from costeff.appraisal import Request, active_links, price_sets_for, states
from costeff.appraisal.cohorts import Cohorts
from costeff.appraisal.linked import linked_time
from costeff.avoided_cost import MODELS, PERSISTENCES, AvoidedCostModel
from costeff.cohort import discount_factors
from costeff.decision import flows, net_saving
from costeff.errors import ParamsError, UsageError
from costeff.outcomes.fit import Fit
from costeff.params import Catalogue
from costeff.params.entries import Published
from costeff.params.links import Link, LinkOrigin, LinkTarget
from costeff.params.pricing import price, sample_effect, sample_parameters

STAGES = ("Input", "Event-state", "Result", "Uncertainty", "Overall")
MONEY = ("average", "cashable", "avoided", "avoided_average")
every_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


KEEP = {"only": (0,)}
SETS: dict[str, dict[str, Any]] = {
    "by_hand": {},
    "all_items": {"only": None},
    "free": {"scale": 0.0},
    "tenfold": {"scale": 10.0},
    "one": KEEP,
    "other": {"only": (1,)},
    "kela": {"payer": "kela"},
    "shared": {"payer": "shared"},
    "none_stops": {"cashable": cashable(0.0)},
    "all_stops": {"cashable": cashable(1.0)},
    "tiny_units": {"closes_by": closes_by(1e-9)},
    "huge_units": {"closes_by": closes_by(1e6)},
    "units": {"closes_by": closes_by(0.5)},
    "small": KEEP | {"closes_by": closes_by(0.01)},
    "large": KEEP | {"closes_by": closes_by(0.02)},
    "uncertain": {"spread": 0.2},
}
SHARES = {"county": 0.5, "municipality": 0.2, "kela": 0.3}
By = dict[str, dict[str, xr.Dataset]]


@pytest.fixture(scope="module")
def hand(catalogue: Catalogue) -> Catalogue:
    """The catalogue with prices made by hand, in many ways."""
    shared = {"shared": duty((0, SHARES))}
    return by_hand(dataclasses.replace(catalogue, duties=catalogue.duties | shared), **SETS)


@pytest.fixture(scope="module")
def plain(hand: Catalogue) -> By:
    """An appraisal of each model at each of these sets that does not close whole units."""
    names = [key for key, asked in SETS.items() if "closes_by" not in asked]
    able = {model.id: [key for key in names if key != "other" or len(model.items) > 1] for model in MODELS.values()}
    return {model.id: appraised_at(hand, model, *able[model.id]) for model in MODELS.values()}


@pytest.fixture(scope="module")
def units(hand: Catalogue) -> By:
    """The same in whole units."""
    names = ("by_hand", "tiny_units", "huge_units", "small")
    return {model.id: appraised_at(hand, model, *names, whole_units=True) for model in MODELS.values()}


@pytest.fixture(scope="module")
def clawed(hand: Catalogue) -> By:
    """The same with the correction of the county's funding."""
    return {model.id: appraised_at(hand, model, "by_hand", "shared", claw_back=True) for model in MODELS.values()}


@pytest.fixture(scope="module")
def base(plain: By) -> dict[str, xr.Dataset]:
    return {key: found["by_hand"] for key, found in plain.items()}


def test_every_check_says_its_stage_and_there_are_enough() -> None:
    here = vars(sys.modules[__name__]).values()
    checks = [found for found in here if any("model" in mark.args[0] for mark in getattr(found, "pytestmark", []))]
    assert [check.__name__ for check in checks if not (check.__doc__ or "").startswith(STAGES)] == []
    assert {stage for stage in STAGES for check in checks if check.__doc__.startswith(stage)} == set(STAGES)
    assert len(checks) >= 40


def kept_time(model: AvoidedCostModel, run: xr.Dataset) -> xr.DataArray:
    """Time in what a service is to keep people out of, in all years."""
    return run["state_time"].sel(state=kept_out(model)).sum(("state", "year"))


def saved(ds: xr.Dataset, of: str = "avoided") -> xr.DataArray:
    return ds[of].sel(option="new", drop=True)


def close(a: xr.DataArray, b: xr.DataArray, rtol: float = 1e-12) -> None:
    """Equal up to rounding: relative to the largest value, so that zeros may be off by as little as others."""
    np.testing.assert_allclose(a.transpose(*b.dims), b, rtol=rtol, atol=rtol * max(1e-300, float(abs(b).max())))


# --- input: what goes in, and what is made of it before anything runs -------------------------------------


@every_model
def test_parameters_stand_in_the_files(model: AvoidedCostModel, catalogue: Catalogue) -> None:
    """Input: each parameter, and how later years differ, has a sourced value."""
    values = catalogue.transitions[model.id]
    assert {*model.parameters, "later_risk_ratio"} <= set(values)
    assert {source for value in values.values() for source in value.source} <= set(catalogue.sources)
    assert all(value.source for value in values.values())


@every_model
def test_no_value_in_the_files_is_dead(model: AvoidedCostModel, catalogue: Catalogue) -> None:
    """Input: the files hold no value that neither the model nor an appraisal asks for."""
    asked = {*model.parameters, "later_risk_ratio", "baseline_probability", "baseline_window_years"}
    assert set(catalogue.transitions[model.id]) <= asked


@every_model
def test_every_draw_of_the_files_can_be_run(model: AvoidedCostModel, catalogue: Catalogue) -> None:
    """Input: no draw of a parameter leaves its domain, also in the tails."""
    inputs = sample_parameters(catalogue, model.id, 500, seed=1)[list(model.parameters)]
    run = model.run(risks(0.3, 0.2), xr.DataArray(0.1), inputs, years=1)
    assert abs(run["occupancy"].sum("state") - 1).max() < 1e-12


@every_model
def test_what_a_price_set_prices_is_priced_in_the_model(model: AvoidedCostModel, catalogue: Catalogue) -> None:
    """Input: a price set names items of the model only, and all of them if any."""
    for price_set in catalogue.price_sets.values():
        named = set(price_set.of(model.id))
        assert named <= set(model.states), price_set.id
        assert named in (set(), set(model.items)), price_set.id


@every_model
def test_every_move_joins_two_states_and_has_a_driver(model: AvoidedCostModel) -> None:
    """Input: a move goes from one state to another, and depends on the event or a parameter."""
    for (origin, target), driver in model.moves.items():
        assert {origin, target} <= set(model.states)
        assert origin != target
        assert set(driver.split(", ")) <= {"event", *model.parameters}
    assert any("event" in driver.split(", ") for driver in model.moves.values())


@every_model
def test_every_parameter_moves_something(model: AvoidedCostModel) -> None:
    """Input: no parameter is dead; each changes where people are, or how long they have been there."""
    names = model.parameters
    factors = {name: np.array([1.0] + [1.2 if other == name else 1.0 for other in names]) for name in names}
    inputs = xr.Dataset({name: MIDDLES[model.domains[name]] * by_draw(factors[name]) for name in names})
    run = model.run(risks(0.3, 0.2), xr.DataArray(0.2), inputs, years=4)
    change = sum(abs(run[v] - run[v].isel(draw=0)).max([d for d in run[v].dims if d != "draw"]) for v in run)
    assert (change.isel(draw=slice(1, None)) > 1e-6).all(), dict(zip(names, change.values[1:], strict=True))


@every_model
def test_every_priced_state_can_be_reached(model: AvoidedCostModel) -> None:
    """Input: the start and the event lead to each item, and to each state; what is kept out has a price."""
    assert reachable(model, event=1.0) == set(model.states)
    assert set(model.kept_out) <= set(model.items) <= set(model.states)
    assert set(kept_out(model)) - reachable(model, event=0.0) or model.event == "fails"


@every_model
def test_states_that_are_entered_have_a_move_into_them(model: AvoidedCostModel) -> None:
    """Input: what is counted by entry can be entered, and the run counts it."""
    assert set(model.entered) <= {target for _, target in moves_of(model)}
    run = model.run(risks(0.3, 0.2), xr.DataArray(0.2), middle_inputs(model), years=2)
    assert ("entries" in run) == bool(model.entered)
    if model.entered:
        assert run["entries"]["entered"].values.tolist() == list(model.entered)
        assert (run["entries"] > 0).all()


@every_model
def test_the_picture_names_every_state_and_move(model: AvoidedCostModel) -> None:
    """Input: the diagram is drawn from the model, with each move and what drives it."""
    picture = model._repr_html_()
    words = {state: state.replace("_", " ") for state in model.states}
    for (origin, target), driver in model.moves.items():
        assert f"{words[origin]} to {words[target]} ({driver})" in picture
    for state in words.values():
        assert f">{state}</text>" in picture
    assert picture.count('stroke-width="3"') == len(model.items)


@every_model
@pytest.mark.parametrize("years", [0.5, 1, 3])
def test_a_risk_belongs_to_its_time(model: AvoidedCostModel, years: float) -> None:
    """Input: the yearly rate gives the risk back in the time it was of; twice the time has the rate twice."""
    for risk in (0.01, 0.4, 0.93):
        rate = float(model.event_rate(xr.DataArray(risk), years))
        assert rate == pytest.approx(event_rate(model, risk, years), rel=1e-12)
        assert rate == pytest.approx(2 * float(model.event_rate(xr.DataArray(risk), 2 * years)), rel=1e-12)
    assert float(model.event_rate(xr.DataArray(never(model)), years)) == 0


@every_model
def test_inputs_at_their_limits(model: AvoidedCostModel) -> None:
    """Input: shares of 0 and 1, rates of 0, very long and very short stays all give a cohort."""
    middle = {name: MIDDLES[kind] for name, kind in model.domains.items()}
    cases = [middle | {name: end} for name, kind in model.domains.items() for end in LIMITS[kind]]
    cases += [{name: LIMITS[kind][end] for name, kind in model.domains.items()} for end in (0, 1)]
    inputs = xr.Dataset({name: by_draw(np.array([case[name] for case in cases])) for name in model.parameters})
    for risk in (0.0, 0.3, 1.0):
        run = model.run(risks(risk, 0.2), xr.DataArray(0.1), inputs, years=2)
        assert all(np.isfinite(values).all() for values in run.values())
        assert (run["occupancy"] >= 0).all()
        assert abs(run["occupancy"].sum("state") - 1).max() < 1e-12


# --- event-state: where people are -------------------------------------------------------------------------


@every_model
def test_an_event_that_never_comes(model: AvoidedCostModel) -> None:
    """Event-state: without the event nobody is in a state that only the event leads to."""
    none = xr.DataArray(never(model))
    occupancy = model.run(none, none, inputs_for(model, 4), years=6)["occupancy"]
    beyond = [state for state in model.states if state not in reachable(model, event=0.0)]
    assert beyond
    assert (occupancy.sel(state=beyond) == 0).all()


@every_model
def test_an_event_that_is_certain(model: AvoidedCostModel) -> None:
    """Event-state: a certain event has left almost nobody where no move leads back; nothing breaks."""
    sure = xr.DataArray(1 - never(model))
    forward = _cut(model, lambda origin, target: target != model.states[0])
    occupancy = forward.run(sure, sure, inputs_for(model, 4), years=3)["occupancy"]
    assert (occupancy.sel(state=model.states[0]).isel(cycle=slice(4, None)) < 1e-14).all()
    assert (occupancy.sel(state=model.states[0]).isel(cycle=1) < 1e-3).all()
    assert np.isfinite(model.run(sure, sure, inputs_for(model, 4), years=3)["state_time"]).all()


def _cut(model: AvoidedCostModel, keep: Any, **changes: Any) -> AvoidedCostModel:
    """The model with some of its moves only."""

    def rates(event: xr.DataArray, inputs: xr.Dataset) -> Any:
        return {move: rate for move, rate in model.rates(event, inputs).items() if keep(*move)}

    return dataclasses.replace(model, rates=rates, **changes)


@every_model
@pytest.mark.parametrize("persistence", PERSISTENCES)
def test_the_cohort_stays_whole(model: AvoidedCostModel, persistence: Any) -> None:
    """Event-state: shares lie between 0 and 1 and sum to 1 in each cycle, and time to a year in each year."""
    run = bare(model).run(
        risk_by_option(20), yearly_risk(20), inputs_for(model, 20), 5, persistence=persistence, half_life_years=1.5
    )
    assert (run["occupancy"] >= 0).all()
    assert (run["occupancy"] <= 1 + 1e-12).all()
    for values in (run["occupancy"], run["state_time"]):
        assert abs(values.sum("state") - 1).max() < 1e-12


@every_model
def test_a_state_that_is_not_left_never_loses(model: AvoidedCostModel) -> None:
    """Event-state: dead ends only grow; with its ways out closed, so does every state."""
    inputs, numbers = middle_inputs(model), by_draw(np.arange(len(model.states)))  # a draw for each state closed

    def rates(event: xr.DataArray, given: xr.Dataset) -> Any:
        moves = model.rates(event, given).items()
        return {move: rate * (numbers != model.states.index(move[0])) for move, rate in moves}

    closed = bare(model, rates=rates).run(risks(0.4, 0.2), xr.DataArray(0.1), inputs, 5)["occupancy"]
    run = bare(model).run(risks(0.4, 0.2), xr.DataArray(0.1), inputs, 5)["occupancy"]
    for number, state in enumerate(model.states):
        there = closed.sel(state=state, draw=number)
        assert (there.diff("cycle") >= -1e-12).all(), state
        assert there.isel(cycle=-1).min() > 0, state
        dead_end = state not in {origin for origin, _ in moves_of(model)}
        assert (run.sel(state=state).diff("cycle") >= -1e-12).all() or not dead_end, state


@every_model
def test_a_mean_stay_is_one_over_the_rate_of_leaving(model: AvoidedCostModel) -> None:
    """Event-state: who starts in a state and does not come back is there for 1 / (sum of rates), up to the horizon."""
    years, risk = 12, xr.DataArray(0.2 if model.event == "happens" else 0.8)
    inputs = middle_inputs(model)
    moves = model.rates(model.event_rate(risk, 1), inputs).items()
    for state in model.states:
        out = _cut(bare(model, cycles_per_year=52), lambda origin, target, here=state: origin == here)
        time = float(out.run(risk, risk, inputs, years, start=state)["state_time"].sel(state=state).sum())
        leaving = sum(float(rate) for (origin, _), rate in moves if origin == state)
        expected = -math.expm1(-leaving * years) / leaving if leaving else years
        assert time == pytest.approx(expected, rel=2e-3), state


@every_model
def test_who_comes_in_less_who_leaves_is_the_change(model: AvoidedCostModel) -> None:
    """Event-state: moves into a state less moves out of it are the change in it, up to the trapezoid's error."""
    targets = tuple(dict.fromkeys(target for _, target in moves_of(model)))
    inputs, risk = middle_inputs(model), xr.DataArray(0.4)
    rates = model.rates(model.event_rate(risk, 1), inputs)
    left = []
    for per_year in (16, 32):
        fine = bare(model, entered=targets, cycles_per_year=per_year)
        run = fine.run(risk, risk, inputs, years=2)
        ends = run["occupancy"].isel(cycle=slice(None, None, per_year))
        off = []
        for state in targets:
            change = ends.sel(state=state).diff("cycle").values
            leaving = sum(float(rate) for (origin, _), rate in rates.items() if origin == state)
            out = run["state_time"].sel(state=state).values * leaving
            off.append(run["entries"].sel(entered=state).values - out - change)
        left.append(np.abs(off).max())
    assert left[0] < 2e-3
    assert left[0] / left[1] == pytest.approx(4, rel=0.1)  # of second order


@every_model
def test_time_told_apart_changes_nothing_else(model: AvoidedCostModel) -> None:
    """Event-state: with its items unfolded into tunnels a model has the same people in the same states."""
    risk, later, inputs = risk_by_option(4), yearly_risk(4), inputs_for(model, 4)
    plain = bare(model).run(risk, later, inputs, years=4)
    apart = bare(model, tunnels=dict.fromkeys(model.items, 5)).run(risk, later, inputs, years=4)
    own = model.run(risk, later, inputs, years=4)
    assert apart["occupancy"].dims == plain["occupancy"].dims
    for each in ("occupancy", "state_time"):
        close(apart[each], plain[each])
        close(own[each], plain[each])
    for state in model.items:
        stays = apart["stay_time"].sel(tunnel=[f"{state}[{j}]" for j in range(5)]).sum("tunnel")
        close(stays, plain["state_time"].sel(state=state, drop=True))


@every_model
def test_stays_against_a_slow_oracle(model: AvoidedCostModel) -> None:
    """Event-state: time by how long a stay has lasted is that of a plain loop that keeps each stay's age."""
    if not model.tunnels:  # then by tunnels of its items, each with a clock of its own but for the first two
        model = bare(model, tunnels=dict.fromkeys(model.items, 6), clocks=(model.items[:2],))
    inputs = inputs_for(model, 3)
    risk = 0.35
    stays = model.run(xr.DataArray(risk), xr.DataArray(risk), inputs, years=2)["stay_time"]
    for draw in range(3):
        rate = event_rate(model, risk, 1)
        rows = slow_stays(model, rate, inputs.sel(draw=draw), 8)
        for year in range(2):
            for state, length in model.tunnels.items():
                for stayed in range(length):
                    points = [rows[cycle].get((state, stayed), 0.0) for cycle in range(4 * year, 4 * year + 5)]
                    expected = (sum(points) - (points[0] + points[-1]) / 2) / 4
                    got = float(stays.sel(draw=draw, year=year, tunnel=f"{state}[{stayed}]"))
                    assert got == pytest.approx(expected, abs=1e-12), (state, stayed)


@every_model
def test_where_people_go_depends_on_where_they_are_only(model: AvoidedCostModel) -> None:
    """Event-state: at constant rates six years are three years, and three more from where people then are."""
    model, risk, inputs = bare(model), xr.DataArray(0.35), inputs_for(model, 3)
    long = model.run(risk, risk, inputs, years=6)["occupancy"]
    onwards = [
        long.sel(state=state, cycle=12, drop=True) * model.run(risk, risk, inputs, 3, start=state)["occupancy"]
        for state in model.states
    ]
    close(sum(onwards).isel(cycle=-1), long.isel(cycle=-1))  # type: ignore[union-attr]


@every_model
def test_halved_cycles_converge(model: AvoidedCostModel) -> None:
    """Event-state: the error of time in states falls fourfold when cycles are halved."""
    times = [
        bare(model, cycles_per_year=n).run(risks(0.4, 0.25), xr.DataArray(0.3), middle_inputs(model), 3)
        for n in (8, 16, 32)
    ]
    coarse, middle, fine = (run["state_time"] for run in times)
    ratio = float(abs(coarse - middle).max() / abs(middle - fine).max())
    assert ratio == pytest.approx(4, rel=0.1)


@every_model
def test_a_longer_horizon_only_adds(model: AvoidedCostModel) -> None:
    """Event-state: more years leave the first ones as they are, and never take time away from a state."""
    parts = (risk_by_option(4), yearly_risk(4), inputs_for(model, 4))
    runs = {years: model.run(*parts, years) for years in (2, 7)}
    for short, long in ((2, 7),):
        for each in runs[short].data_vars.keys() - {"occupancy"}:
            np.testing.assert_array_equal(runs[short][each], runs[long][each].isel(year=slice(short)))
            assert (runs[long][each].sum("year") >= runs[short][each].sum("year")).all()


@every_model
def test_no_later_event_is_none(model: AvoidedCostModel) -> None:
    """Event-state: with no later risk people only finish what the follow-up began."""
    inputs = inputs_for(model, 2)
    run = bare(model).run(risks(0.5, 0.3), xr.DataArray(never(model)), inputs, years=5)["occupancy"]
    for draw in range(2):
        onwards = expm(intensities(model, 0.0, inputs.sel(draw=draw)) * 4)
        for option in ("usual", "new"):
            here = run.sel(draw=draw, option=option)
            np.testing.assert_allclose(here.isel(cycle=-1), here.isel(cycle=4).values @ onwards, rtol=0, atol=1e-12)


@every_model
@pytest.mark.parametrize("persistence", PERSISTENCES)
def test_the_effect_is_on_the_new_option_only(model: AvoidedCostModel, persistence: Any) -> None:
    """Event-state: however strong the effect and however long it lasts, the usual service is as it was."""
    later, inputs = xr.DataArray(0.15), inputs_for(model, 3)
    runs = [
        bare(model).run(risks(0.4, new), later, inputs, 4, persistence=persistence, half_life_years=2.0)["state_time"]
        for new in (0.4, 0.05)
    ]
    for other in runs[1:]:
        close(other.sel(option="usual"), runs[0].sel(option="usual"))
        assert float(abs(other.sel(option="new") - runs[0].sel(option="new")).max()) > 1e-3


@every_model
def test_an_effect_that_wanes_lies_between_one_that_stops_and_one_that_lasts(model: AvoidedCostModel) -> None:
    """Event-state: with a half-life near 0 it stops, with an endless one it lasts, and longer ones do more."""
    later = xr.DataArray(0.25 if model.event == "happens" else 0.75)
    half_lives = by_draw(np.array([1e-9, 0.25, 1.0, 3.0, 10.0, 1e9]))

    def time(persistence: Any) -> xr.DataArray:
        run = bare(model).run(
            risks(0.5, 0.2), later, middle_inputs(model), 6, persistence=persistence, half_life_years=half_lives
        )
        return kept_time(model, run).sel(option="new")

    stops, lasts, ladder = float(time("stops")), float(time("lasts")), time("wanes").values.tolist()
    assert lasts < ladder[4] < ladder[3] < ladder[2] < ladder[1] < stops
    assert ladder[0] == pytest.approx(stops, abs=1e-7)
    assert ladder[-1] == pytest.approx(lasts, abs=1e-7)


@every_model
def test_a_lower_risk_is_less_time_in_what_is_kept_out(model: AvoidedCostModel) -> None:
    """Event-state: each step down in the risk is a step down in that time; so is one in the later risk."""
    inputs = inputs_for(model, 8)
    steps = np.array([0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0])
    ladder = xr.DataArray(steps, dims="step", coords={"step": steps})
    later = xr.DataArray(0.1 if model.event == "happens" else 0.9)
    times = kept_time(model, bare(model).run(ladder, later, inputs, 4))
    after = kept_time(model, bare(model).run(xr.DataArray(0.4), ladder, inputs, 4))
    assert (times.diff("step") > 0).all()
    assert (after.isel(step=slice(0, 5)).diff("step") > 0).all()


@every_model
def test_a_follow_up_of_twice_the_time_halves_the_rate(model: AvoidedCostModel) -> None:
    """Event-state: the same risk within two years and within one gives half the rate in the first year."""
    risk, inputs = xr.DataArray(0.5), inputs_for(model, 2)
    slow = bare(model).run(risk, risk, inputs, 2, effect_years=2)["occupancy"]
    for draw in range(2):
        rate = event_rate(model, 0.5, 1) / 2
        moved = expm(intensities(model, rate, inputs.sel(draw=draw)) * 2)
        np.testing.assert_allclose(slow.sel(draw=draw).isel(cycle=-1), moved[0], rtol=0, atol=1e-12)


# --- result: the money -------------------------------------------------------------------------------------

SETTINGS: list[dict[str, Any]] = [
    {"persistence": "stops"},
    {"persistence": "lasts", "whole_units": True},
    {"persistence": "wanes", "claw_back": True, "whole_units": True, "links": ("to_here",)},
]


@every_model
@pytest.mark.parametrize("asked", SETTINGS, ids=lambda asked: "-".join(asked))
def test_no_difference_is_exactly_nothing(model: AvoidedCostModel, asked: dict[str, Any], hand: Catalogue) -> None:
    """Result: equal options avoid 0 for every payer and year, and the cost of the service is all there is."""
    origin, linked = with_links(hand, model)
    used = origin if "links" in asked else model
    ds = appraised(linked, used, fit_of(ratio=1.0), price_set="units", **asked)
    for each in ("avoided", "avoided_average", "avoided_linked", "time_avoided"):
        assert (ds[each] == 0).all(), each
    assert (ds["average"].sum("payer") > 0).all()
    extra = flows(ds.isel(municipality=0)).sum("payer")
    assert extra.isel(year=0).values.tolist() == [-4_000.0 * CLIENTS] * DRAWS
    assert (extra.isel(year=slice(1, None)) == 0).all()


@every_model
def test_swapped_options_flip_the_sign(model: AvoidedCostModel, hand: Catalogue) -> None:
    """Result: what one option avoids is exactly what the other adds, of each payer; in whole units up to rounding."""
    alone, asked = without_later(hand, model), {"claw_back": True, "whole_units": True}
    there = appraised_at(alone, model, "shared", "units", **asked)
    back = appraised_at(alone, model, "shared", "units", fit=swapped(fit_of()), **asked)
    for price_set, rtol in (("shared", 0.0), ("units", 1e-9)):
        for each in ("avoided", "avoided_average"):
            close(saved(there[price_set], each), -saved(back[price_set], each), rtol=rtol)
            assert float(abs(saved(there[price_set], each)).max()) > 1
    assert (there["units"]["time_avoided"] == -back["units"]["time_avoided"]).all()


@every_model
def test_without_prices_there_is_no_money(model: AvoidedCostModel, plain: By) -> None:
    """Result: prices of 0 give costs of exactly 0, and time all the same."""
    ds = plain[model.id]["free"]
    assert all((ds[each] == 0).all() for each in MONEY)
    assert (ds["time_avoided"].sum("year") > 0).all()


@every_model
def test_ten_times_the_prices(model: AvoidedCostModel, plain: By) -> None:
    """Result: prices times 10 are costs and savings times 10; time and service cost as before."""
    one, ten = plain[model.id]["by_hand"], plain[model.id]["tenfold"]
    for each in MONEY:
        close(ten[each], 10 * one[each])
    for each in ("time_avoided", "cost", "effect"):
        np.testing.assert_array_equal(ten[each], one[each])


@every_model
def test_the_whole_is_the_sum_of_its_states(model: AvoidedCostModel, plain: By) -> None:
    """Result: with a price on one state at a time the money adds up to that with both."""
    one, both = plain[model.id]["one"], plain[model.id]["by_hand"]
    if len(model.items) > 1:
        other = plain[model.id]["other"]
        for each in MONEY:
            close(one[each] + other[each], both[each])
        assert (other["average"].sum("payer") > 0).all()
    else:
        np.testing.assert_array_equal(one["average"], both["average"])
    assert (one["average"].sum("payer") > 0).all()


@every_model
def test_money_is_time_times_price(model: AvoidedCostModel, hand: Catalogue, plain: By) -> None:
    """Result: an appraisal is the time in the states it shows, times each price, times what stops in each year."""
    ds = plain[model.id]["all_items"].drop_vars("year")
    request = Request.of(hand, draws=DRAWS, clients=CLIENTS)
    time = states(chain_for(hand, model), hand, fit_of(), CODES, request)["state_time"].drop_vars("year")
    total: Any = sum(time.sel(state=item, drop=True) * mean_price(model, item) for item in model.items) * CLIENTS
    settings = hand.conventions
    until = (settings.cashable_short_until, settings.cashable_medium_until)
    stops = [0.2 if year < until[0] else 0.5 if year < until[1] else 0.9 for year in range(YEARS)]
    assert set(stops) == {0.2, 0.5, 0.9}
    average, stopped = (ds[each].sum("payer") for each in ("average", "cashable"))
    close(average, total.transpose(*average.dims))
    close(stopped, (total * xr.DataArray(stops, dims="year")).transpose(*stopped.dims))
    kept = time.sel(state=kept_out(model)).sum("state") * CLIENTS
    less = kept.sel(option="usual", drop=True) - kept.sel(option="new", drop=True)
    close(ds["time_avoided"], less.transpose(*ds["time_avoided"].dims))


@every_model
def test_discounting(model: AvoidedCostModel, hand: Catalogue) -> None:
    """Result: a rate of 0 is the plain sum; a higher rate makes smaller what has one sign in all years."""

    settings = hand.conventions.override(discount=hand.conventions.discount.override(rate=0.1))
    ds = appraised(dataclasses.replace(hand, conventions=settings), model, price_set="one", persistence="lasts")
    np.testing.assert_allclose(ds["discount"], [1.1**-year for year in range(YEARS)], rtol=1e-14)
    assert ds.attrs["discount_rate"] == 0.1
    ds = ds.isel(municipality=1).assign(cost=ds["cost"].isel(municipality=1) * 0)

    def at(rate: float) -> xr.Dataset:
        return ds.assign(discount=("year", discount_factors(np.arange(YEARS), rate).values))

    ladder = [at(rate) for rate in (0.0, 0.03, 0.1)]
    none = ladder[0]
    np.testing.assert_array_equal(net_saving(none), net_saving(none, discounted=False))
    by_year = flows(none, discounted=False).sum("payer")
    one_sign = (by_year >= 0).all("year") | (by_year <= 0).all("year")
    assert one_sign.any()
    sizes = [abs(net_saving(ds)) for ds in ladder]
    costs = [(ds["average"].sum("payer") * ds["discount"]).sum("year") for ds in ladder]
    for lower, higher in ((0, 1), (1, 2)):
        assert (sizes[higher] < sizes[lower])[one_sign].all()
        assert (costs[higher] < costs[lower]).all()


@every_model
def test_one_payer_pays_all(model: AvoidedCostModel, plain: By) -> None:
    """Result: put on one payer, all the money is there, in every place and year, and none elsewhere."""
    before, ds = plain[model.id]["by_hand"], plain[model.id]["kela"]
    for each in MONEY:
        close(ds[each].sel(payer="kela"), before[each].sum("payer"))
        assert (ds[each].drop_sel(payer="kela") == 0).all()


@every_model
def test_payers_sum_to_the_whole(model: AvoidedCostModel, plain: By, clawed: By) -> None:
    """Result: a cost shared by three payers, with a claw-back or not, is as large as that of one; shares hold."""
    for ds in (plain[model.id]["shared"], clawed[model.id]["shared"]):
        for each in MONEY:
            whole = plain[model.id]["by_hand"][each].sum("payer")
            close(ds[each].sum("payer"), whole)
            for payer in ("kela", "municipality"):
                close(ds[each].sel(payer=payer), SHARES[payer] * whole)
            county = ds[each].sel(payer=[p for p in ("county", "state") if p in ds["payer"]]).sum("payer")
            close(county, SHARES["county"] * whole)


@every_model
def test_a_claw_back_moves_the_share_of_the_law(
    model: AvoidedCostModel, hand: Catalogue, plain: By, clawed: By
) -> None:
    """Result: of what the county saves, the state has the share of the law, in the year of the correction."""
    ds, whole = clawed[model.id]["by_hand"], plain[model.id]["by_hand"]["avoided"].sel(payer="county")
    turns = [(turn.valid_from.year, turn.share) for turn in hand.claw_back.turns]
    for year in ds["year"].values:
        share = max((start, share) for start, share in turns if start <= year)[1]
        corrected = year - hand.claw_back.lag_years
        moved = share * whole.sel(year=corrected) if corrected in whole["year"] else 0 * whole.sel(year=year)
        close(ds["avoided"].sel(payer="state", year=year), moved.drop_vars("year", errors="ignore"))
        close(
            ds["avoided"].sel(payer="county", year=year),
            whole.sel(year=year, drop=True) - moved.drop_vars("year", errors="ignore"),
        )
    assert ds.sizes["year"] > hand.claw_back.lag_years


@every_model
def test_shares_that_change_with_the_days_of_a_stay(
    model: AvoidedCostModel, hand: Catalogue, plain: By, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Result: payers by the length of a stay sum to the whole; who pays from the start pays less as stays grow."""
    steps = {"shared": duty((0, {"state": 1.0}), (0.5, {"state": 0.4, "municipality": 0.6}))}
    split = dataclasses.replace(hand, duties=hand.duties | steps)
    apart = bare(model, entered=model.entered, tunnels=dict.fromkeys(two_items(model), 4))
    monkeypatch.setitem(MODELS, model.id, apart)  # in days of one per person-year, the step stands at half a year
    ds = appraised(split, model, price_set="shared")
    for each in MONEY:
        close(ds[each].sum("payer"), plain[model.id]["by_hand"][each].sum("payer"))
    moved = ds["average"].sel(payer="municipality") / ds["average"].sum("payer")
    assert (moved > 0).all()
    assert (moved <= 0.6 + 1e-12).all()
    assert (moved.isel(year=0) < 0.45).all()  # half of the first year at most is past the step
    monkeypatch.setitem(MODELS, model.id, bare(apart))
    with pytest.raises(ParamsError, match="the shares change after"):
        appraised(split, model, price_set="shared")


@every_model
def test_nothing_that_can_be_stopped(model: AvoidedCostModel, plain: By) -> None:
    """Result: a cashable share of 0 avoids exactly 0, and the average price is as before."""
    ds = plain[model.id]["none_stops"]
    assert (ds["avoided"] == 0).all()
    assert (ds["cashable"] == 0).all()
    np.testing.assert_array_equal(ds["average"], plain[model.id]["by_hand"]["average"])


@every_model
def test_all_can_be_stopped(model: AvoidedCostModel, plain: By) -> None:
    """Result: a cashable share of 1 avoids exactly the average price."""
    ds = plain[model.id]["all_stops"]
    np.testing.assert_array_equal(ds["avoided"], ds["avoided_average"])
    assert float(abs(ds["avoided"]).max()) > 1


@every_model
def test_units_of_almost_no_places(model: AvoidedCostModel, plain: By, units: By) -> None:
    """Result: where a unit holds next to nobody, whole units close as people leave."""
    ds, without = units[model.id]["tiny_units"], plain[model.id]["by_hand"]
    close(ds["avoided"], without["avoided"], rtol=1e-6)
    for each in ("average", "avoided_average"):
        np.testing.assert_array_equal(ds[each], without[each])


@every_model
def test_units_that_never_empty(model: AvoidedCostModel, plain: By, units: By) -> None:
    """Result: where a unit holds more than there are, only what stops with each person is avoided."""
    close(saved(units[model.id]["huge_units"]), 0.2 * saved(plain[model.id]["by_hand"], "avoided_average"), rtol=1e-9)


@every_model
def test_units_without_a_size_are_as_people(model: AvoidedCostModel, plain: By, units: By) -> None:
    """Result: costs with no unit that closes are the same in whole units."""
    for each in MONEY:
        np.testing.assert_array_equal(units[model.id]["by_hand"][each], plain[model.id]["by_hand"][each])


@every_model
def test_whole_units_avoid_no_more_than_people(model: AvoidedCostModel, plain: By, units: By) -> None:
    """Result: what waits for a whole unit is at most what would stop with each person, and of the same sign."""
    whole, people = (saved(by[model.id][key]) for by, key in ((units, "small"), (plain, "one")))
    assert (abs(whole) <= abs(people) + 1e-6).all()
    assert (whole * people >= -1e-6).all()
    assert float((abs(people) - abs(whole)).max()) > 1


@every_model
def test_twice_the_clients(model: AvoidedCostModel, hand: Catalogue, base: dict[str, xr.Dataset], units: By) -> None:
    """Result: twice the clients are twice the money; in whole units only where these are twice as large too."""
    ds = appraised(hand, model, clients=2 * CLIENTS)
    for each in (*MONEY, "cost", "events", "time_avoided"):
        close(ds[each], 2 * base[model.id][each])
    np.testing.assert_array_equal(ds["effect"], base[model.id]["effect"])
    one = saved(units[model.id]["small"])
    twice = appraised_at(hand, model, "small", "large", whole_units=True, clients=2 * CLIENTS)
    close(saved(twice["large"]), 2 * one, rtol=1e-9)
    assert float(abs(saved(twice["small"]) - 2 * one).max()) > 1


@every_model
def test_a_shorter_horizon_is_the_start_of_a_longer(
    model: AvoidedCostModel, hand: Catalogue, base: dict[str, xr.Dataset]
) -> None:
    """Result: money and time of the first years do not know how many follow."""
    ds = appraised(hand, model, horizon_years=2)
    for each in (*MONEY, "cost", "time_avoided", "discount"):
        np.testing.assert_array_equal(ds[each], base[model.id][each].isel(year=slice(2)))


@every_model
def test_a_lower_risk_saves(model: AvoidedCostModel, hand: Catalogue, plain: By) -> None:
    """Result: what is kept out costs less under a service that works, more so if it works better; harm costs more."""
    known = plain[model.id]["one"]
    better, worse = (appraised(hand, model, fit_of(ratio), price_set="one") for ratio in (0.3, 1.4))
    harm, some, more = (saved(ds).sum(("payer", "year")) for ds in (worse, known, better))
    assert (harm < 0).all()
    assert (some > 0).all()
    assert (more > some).all()


# --- result: what follows by links -------------------------------------------------------------------------


def with_links(catalogue: Catalogue, target: AvoidedCostModel, **changes: Any) -> tuple[AvoidedCostModel, Catalogue]:
    """Links `to_here` and `also_here` into a model, `holds_both` that contains them; and where they start.

    They start in the model itself where it counts who enters, else in taking into care.
    """
    origin = target if target.entered else MODELS["taking_into_care"]
    parts: dict[str, Any] = {
        "label": name("by hand"),
        "origin": LinkOrigin(model=origin.id, entered=origin.entered),
        "target": LinkTarget(model=target.id, start=target.states[0]),
        "evidence": "by_hand",
        "outcome": "event",
        "kind": "association",
        "baseline": fixed(0.3),
        "window_years": 3.0,
        "delay_years": 1,
        "note": "made by hand",
    } | changes
    links = {
        "to_here": Link(id="to_here", **parts),
        "also_here": Link(id="also_here", **parts | {"delay_years": 2, "baseline": fixed(0.1), "persons": fixed(1.3)}),
        "holds_both": Link(id="holds_both", **parts | {"contains": ("to_here", "also_here")}),
    }
    row = Published(
        outcome="event", measure="odds ratio", value=2.0, low95=1.5, high95=2.7, source="stated_assumption", note="x"
    )
    evidence = catalogue.evidence | {"by_hand": (row,)}
    return origin, dataclasses.replace(catalogue, links=links, evidence=evidence)


@every_model
def test_links_that_are_off_change_nothing(
    model: AvoidedCostModel, hand: Catalogue, base: dict[str, xr.Dataset]
) -> None:
    """Result: a link that is not asked for leaves every number as it was, and is named as off."""
    origin, linked = with_links(hand, model)
    ds = appraised(linked, origin)
    for each in (*MONEY, "cost", "time_avoided", "avoided_linked"):
        np.testing.assert_array_equal(ds[each], base[origin.id][each])
    assert json.loads(ds.attrs["links"]) == []
    assert set(json.loads(ds.attrs["links_off"])) == {"to_here", "also_here", "holds_both"}


@every_model
def test_a_link_adds_what_follows(model: AvoidedCostModel, hand: Catalogue, plain: By) -> None:
    """Result: a link adds to what is avoided from its delay on, and what it adds is told apart."""
    origin, linked = with_links(hand, model)
    off, on = plain[origin.id]["one"], appraised(linked, origin, links=("to_here",), price_set="one")
    more = saved(on) - saved(off).reindex(payer=on["payer"], fill_value=0.0)
    close(more, saved(on, "avoided_linked"), rtol=1e-9)
    by_year = saved(on, "avoided_linked").sum("payer")
    assert (by_year.isel(year=0) == 0).all()
    assert (by_year.isel(year=slice(1, None)).sum("year") > 0).all()
    np.testing.assert_array_equal(on["time_avoided"], off["time_avoided"])


@every_model
def test_two_links_are_each_and_nothing_more(model: AvoidedCostModel, hand: Catalogue) -> None:
    """Result: what two links add is the sum of what each adds alone."""
    origin, linked = with_links(hand, model)
    one, other, both = (
        saved(appraised(linked, origin, links=asked, price_set="one"), "avoided_linked")
        for asked in (("to_here",), ("also_here",), ("to_here", "also_here"))
    )
    close(both, one + other, rtol=1e-9)
    assert float(abs(one).max()) > 0
    assert float(abs(other).max()) > 0


@every_model
def test_a_link_within_another_is_not_counted_twice(model: AvoidedCostModel, hand: Catalogue) -> None:
    """Result: a link and one that contains it are refused together, and each may stand alone."""
    origin, linked = with_links(hand, model)
    for asked in (("to_here", "holds_both"), ("holds_both", "to_here")):
        with pytest.raises(UsageError, match="contains to_here: the same cost would count twice"):
            active_links(origin.id, linked, asked)
        assert [link.id for link in active_links(origin.id, linked, asked[:1])] == [asked[0]]


def link_cohorts(linked: Catalogue, origin: AvoidedCostModel, **asked: Any) -> Cohorts:
    request = Request.of(linked, **{"draws": DRAWS, "clients": CLIENTS, **asked})
    return Cohorts(chain_for(linked, origin), linked, fit_of(), tuple(CODES), request)


@every_model
@pytest.mark.parametrize("delay", [YEARS, YEARS + 4])
def test_what_follows_after_the_horizon_is_nothing(model: AvoidedCostModel, delay: int, hand: Catalogue) -> None:
    """Result: a delay up to the horizon or past it adds exactly 0."""
    origin, linked = with_links(hand, model, delay_years=delay)
    time = linked_time(linked.links["to_here"], link_cohorts(linked, origin))
    assert all((values == 0).all() for values in time.values())
    assert time.sizes["year"] == YEARS


@every_model
def test_a_link_without_an_association_is_nothing(model: AvoidedCostModel, hand: Catalogue) -> None:
    """Result: where the chance is as high without the first event, nothing follows from it."""
    origin, linked = with_links(hand, model)
    row = linked.evidence["by_hand"][0].override(measure="risk difference", value=0.0, low95=-1e-12, high95=1e-12)
    none = dataclasses.replace(linked, evidence=linked.evidence | {"by_hand": (row,)})
    time = linked_time(none.links["to_here"], link_cohorts(none, origin))
    assert float(abs(time["state_time"]).max()) < 1e-10


@every_model
def test_a_link_that_is_cut_by_the_horizon_keeps_its_rate(model: AvoidedCostModel, hand: Catalogue) -> None:
    """Result: the first years of what follows are the same, however many of the window's the horizon holds."""
    origin, linked = with_links(hand, model)
    short, long = (
        linked_time(linked.links["to_here"], link_cohorts(linked, origin, horizon_years=years))["state_time"]
        for years in (2, YEARS)
    )
    assert float(abs(short).max()) > 0
    close(short, long.isel(year=slice(2)), rtol=1e-9)


@every_model
def test_after_the_window_a_link_says_nothing_of_the_event(model: AvoidedCostModel, hand: Catalogue) -> None:
    """Result: after its window a link brings no more of the target's event: people only finish what it began."""
    origin, linked = with_links(hand, model, window_years=1.0, delay_years=0)
    cohorts = link_cohorts(linked, origin)
    got = linked_time(linked.links["to_here"], cohorts)["state_time"]
    inputs, entered = cohorts.inputs(model), cohorts.run["entries"].sum("entered")
    ratio = _odds_ratio(linked, cohorts.request)
    for draw in range(2):
        here = inputs.sel(draw=draw)
        odds = 0.3 / 0.7 * float(ratio[draw])
        first = [intensities(model, event_rate(model, risk, 1), here) for risk in (odds / (1 + odds), 0.3)]
        after = expm(intensities(model, 0.0, here) / 4)
        extra = np.subtract(*(_slow_time(expm(matrix / 4), after, YEARS) for matrix in first))
        persons = entered.sel(draw=draw, option="usual").isel(municipality=0).values
        expected = [sum(persons[a] * extra[y - a] for a in range(y + 1)) for y in range(YEARS)]
        told = got.sel(draw=draw, option="usual").isel(municipality=0).transpose("year", "state")
        np.testing.assert_allclose(told, expected, rtol=0, atol=1e-9)


def _odds_ratio(catalogue: Catalogue, request: Request) -> np.ndarray:
    row = catalogue.evidence["by_hand"][0]
    return sample_effect(row, request.draws, request.seed, "links.to_here").values


def _slow_time(first: np.ndarray, after: np.ndarray, years: int) -> np.ndarray:
    """Time in states by year, a year of one matrix by quarters and then another, from the first state."""
    rows = [np.eye(len(first))[0]]
    for cycle in range(4 * years):
        rows.append(rows[-1] @ (first if cycle < 4 else after))
    return np.array([sum(rows[c] + rows[c + 1] for c in range(4 * y, 4 * y + 4)) / 8 for y in range(years)])


# --- uncertainty: the draws --------------------------------------------------------------------------------


@every_model
def test_draws_in_another_order(model: AvoidedCostModel) -> None:
    """Uncertainty: the same draws in another order give the same results in that order."""
    parts = (risk_by_option(7), yearly_risk(7), inputs_for(model, 7))
    order = [3, 0, 6, 1, 5, 4, 2]
    run = model.run(*parts, 4, persistence="wanes", half_life_years=2.0)
    moved = model.run(*(part.isel(draw=order) for part in parts), 4, persistence="wanes", half_life_years=2.0)
    for each, values in moved.items():
        close(values, run[each].isel(draw=order), rtol=1e-13)


@every_model
def test_a_draw_does_not_know_the_others(model: AvoidedCostModel) -> None:
    """Uncertainty: a draw alone gives what it gives among others."""
    parts = (risk_by_option(4), yearly_risk(4), inputs_for(model, 4))
    together = model.run(*parts, 3, persistence="lasts")
    for draw in range(4):
        alone = model.run(*(part.isel(draw=[draw]) for part in parts), 3, persistence="lasts")
        for each, values in alone.items():
            close(values, together[each].isel(draw=[draw]), rtol=1e-13)


@every_model
def test_one_value_is_as_many_that_are_equal(model: AvoidedCostModel) -> None:
    """Uncertainty: a scalar input gives what equal draws of it give."""
    middle, ones = middle_inputs(model), xr.DataArray(np.ones(3), dims="draw", coords={"draw": [0, 1, 2]})
    scalar = model.run(risks(0.4, 0.3), xr.DataArray(0.1), middle, 3, persistence="wanes", half_life_years=1.0)
    drawn = model.run(risks(0.4, 0.3) * ones, 0.1 * ones, middle * ones, 3, persistence="wanes", half_life_years=ones)
    for each, values in scalar.items():
        for draw in range(3):
            close(drawn[each].sel(draw=draw, drop=True), values, rtol=1e-13)


def certain(catalogue: Catalogue, model: AvoidedCostModel, draws: int) -> tuple[Catalogue, Fit]:
    """The same risk and inputs in every draw, so that only prices may differ."""
    values = {
        key: value.override(low=None, high=None, family="fixed", note="made by hand")
        for key, value in catalogue.transitions[model.id].items()
    }
    fit = fit_of(draws=1)
    effect = fit.effect.isel(draw=[0] * draws).assign_coords(draw=np.arange(draws))
    still = dataclasses.replace(catalogue, transitions=catalogue.transitions | {model.id: values})
    return still, dataclasses.replace(fit, effect=effect)


@every_model
def test_no_uncertainty_is_none_and_prices_are_linear(model: AvoidedCostModel, hand: Catalogue) -> None:
    """Uncertainty: with all inputs fixed all draws are one; money at mean prices is the mean of money."""
    draws = 100
    still, fit = certain(hand, model, draws)
    found = appraised_at(still, model, "by_hand", "uncertain", fit=fit, draws=draws)
    one, uncertain = found["by_hand"], found["uncertain"]
    for each in (*MONEY, "cost", "time_avoided"):
        assert (one[each] == one[each].isel(draw=0)).all()
    assert float(uncertain["average"].std("draw").max()) > 1
    request = Request.of(still, draws=draws, clients=CLIENTS)
    time = states(chain_for(still, model), still, fit, CODES, request)["state_time"].isel(draw=0)
    number = list(SETS).index("uncertain")
    expected: Any = 0.0
    for item in two_items(model):
        drawn = price(still, f"hand_{number}_{model.id}_{item}"[:64], draws, request.seed).draws
        expected = expected + time.sel(state=item, drop=True) * float(drawn.mean()) * CLIENTS
    got = uncertain["average"].sum("payer").mean("draw").assign_coords(year=time["year"])
    close(got, expected.transpose(*got.dims))


@every_model
def test_a_seed_gives_its_draws_and_another_gives_others(model: AvoidedCostModel, hand: Catalogue, plain: By) -> None:
    """Uncertainty: the same seed repeats every number; another seed changes prices, and the effect not at all."""
    before = plain[model.id]["uncertain"]
    xr.testing.assert_equal(appraised(hand, model, price_set="uncertain"), before)
    other = appraised(hand, model, price_set="uncertain", seed=hand.conventions.seed + 1)
    np.testing.assert_array_equal(other["effect"], before["effect"])
    assert (other["average"].sum("payer") != before["average"].sum("payer")).all()


# --- overall -----------------------------------------------------------------------------------------------


@every_model
def test_a_municipality_does_not_know_the_others(
    model: AvoidedCostModel, hand: Catalogue, base: dict[str, xr.Dataset]
) -> None:
    """Overall: a municipality alone gives what it gives among others, in whatever order they stand."""
    alone = appraised(hand, model, codes=CODES[1:])
    for each in (*MONEY, "cost", "time_avoided"):
        close(alone[each], base[model.id][each].sel(municipality=CODES[1:]))
    turned = appraised(hand, model, codes=CODES[::-1])
    for each in (*MONEY, "time_avoided"):
        np.testing.assert_array_equal(turned[each].sel(municipality=CODES), base[model.id][each])


@every_model
def test_no_value_is_missing_and_all_are_labelled(model: AvoidedCostModel, base: dict[str, xr.Dataset]) -> None:
    """Overall: an appraisal of any model has the same dims, units and years, and no value is missing."""
    ds = base[model.id]
    assert all(np.isfinite(ds[each]).all() for each in (*MONEY, "avoided_linked", "cost", "events", "time_avoided"))
    assert ds["avoided"].dims == ("draw", "option", "municipality", "payer", "year")
    assert ds["time_avoided"].dims == ("draw", "municipality", "year")
    assert ds["year"].values.tolist() == list(range(2026, 2026 + YEARS))
    assert {ds[each].attrs["unit"] for each in MONEY} == {"EUR"}
    assert (ds["cashable"] <= ds["average"]).all()
    assert (ds["average"] >= 0).all()


@every_model
def test_inputs_are_left_as_they_were(model: AvoidedCostModel) -> None:
    """Overall: a run changes none of its inputs, and a second one gives the same."""
    parts = (risk_by_option(4), yearly_risk(4), inputs_for(model, 4))
    copies = [part.copy(deep=True) for part in parts]
    first = model.run(*parts, 3, persistence="lasts")
    for part, copied in zip(parts, copies, strict=True):
        assert part.identical(copied)  # type: ignore[arg-type]
    xr.testing.assert_identical(model.run(*parts, 3, persistence="lasts"), first)


@every_model
def test_published_prices(model: AvoidedCostModel, catalogue: Catalogue) -> None:
    """Overall: with the files as they stand every set that can price the model does, and every other says so."""
    chain = chain_for(catalogue, model)
    able = price_sets_for(chain, catalogue)
    for price_set in catalogue.price_sets:
        if price_set in able:
            ds = appraised(catalogue, model, price_set=price_set)
            assert all(np.isfinite(ds[each]).all() for each in MONEY)
            assert (ds["average"].sum(("payer", "year")) > 0).all()
            assert (ds["time_avoided"].sum("year") > 0).all()
            assert set(json.loads(ds.attrs["sources"])) <= set(catalogue.sources)
        else:
            with pytest.raises(ParamsError) as caught:
                appraised(catalogue, model, price_set=price_set)
            assert f"price_sets.yaml {price_set}.prices.{model.id}" in str(caught.value)


@every_model
def test_every_input_leads_to_its_source(model: AvoidedCostModel, hand: Catalogue, base: dict[str, xr.Dataset]) -> None:
    """Overall: the sources of all that moves the model are named in the result."""
    named = set(json.loads(base[model.id].attrs["sources"]))
    values = hand.transitions[model.id]
    assert {s for each in (*model.parameters, "later_risk_ratio") for s in values[each].source} <= named
    assert named <= set(hand.sources)
    assert base[model.id].attrs["chain"] == "intensive_family_work"


@every_model
def test_a_risk_that_is_missing_is_refused(model: AvoidedCostModel, hand: Catalogue) -> None:
    """Overall: a missing risk stops the appraisal with the draw and place named; it is not taken for 0."""
    fit = fit_of()
    fit.effect["risk"][2, 1, 0] = math.nan
    with pytest.raises(Exception, match=r"risk at .*draw 2.*: is missing"):
        appraised(hand, model, fit)
