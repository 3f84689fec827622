"""The place of assembly, on fits made by hand: every euro has a payer and a year, and the sums are right."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
import xarray as xr
from appraisal_builders import (
    CLIENTS,
    CODES,
    DRAWS,
    FAMILY,
    FITS,
    MONEY,
    SUPPORT,
    cost_fit,
    family_fit,
    run,
    support_fit,
    with_first_year,
)

from costeff.appraisal import Request, appraise, check_chains, one, price_sets_for, states, summary
from costeff.decision import net_saving
from costeff.draws import OPTIONS
from costeff.errors import ExitCode, ParamsError, UsageError
from costeff.outcomes.fit import Check, Fit
from costeff.params import Catalogue
from costeff.params.entries import StatePrice, Uncertain
from costeff.params.pricing import cashable_draws, price, sample, state_price

PRICED = {
    "intensive_family_work": ("emergency", "foster_family", "institution"),
    "post_release_support": ("closed_short", "closed_long", "open_prison"),
}


@pytest.fixture(scope="module")
def appraised(catalogue: Catalogue) -> dict[str, xr.Dataset]:
    return {chain: run(catalogue, chain) for chain in (FAMILY, SUPPORT)}


# --- the oracle: one draw, plain Python -------------------------------------------------------------


def exponential(matrix: list[list[float]]) -> list[list[float]]:
    """The matrix exponential by its series, after halving until nothing is large."""
    size = range(len(matrix))
    halvings = 12
    small = [[value / 2**halvings for value in row] for row in matrix]

    def product(a: list[list[float]], b: list[list[float]]) -> list[list[float]]:
        return [[sum(a[i][k] * b[k][j] for k in size) for j in size] for i in size]

    term = [[float(i == j) for j in size] for i in size]
    total = [row[:] for row in term]
    for n in range(1, 15):
        term = [[value / n for value in row] for row in product(term, small)]
        total = [[total[i][j] + term[i][j] for j in size] for i in size]
    for _ in range(halvings):
        total = product(total, total)
    return total


def family_moves(e: float, x: Callable[[str], float]) -> dict[tuple[str, str], float]:
    """Yearly rates of taking into care, written out; `e` is the rate of placement."""
    moves = {
        ("open_care", "at_home"): 1 / x("open_care_years"),
        ("emergency", "open_care"): (1 - x("emergency_to_care")) / x("emergency_years"),
        ("aftercare", "left"): 1 / x("aftercare_years"),
    }
    for state in ("open_care", "at_home"):
        moves[state, "emergency"] = e * (1 - x("care_share"))
        moves[state, "left"] = 1 / x("childhood_years")
    for state, share in (("foster_family", 1 - x("institution_share")), ("institution", x("institution_share"))):
        moves["open_care", state] = moves["at_home", state] = e * x("care_share") * share
        moves["emergency", state] = x("emergency_to_care") / x("emergency_years") * share
        moves[state, "at_home"] = x("annual_exit_rate") * x("return_home_share")
        moves[state, "aftercare"] = x("annual_exit_rate") * (1 - x("return_home_share"))
    return moves


def prison_moves(e: float, x: Callable[[str], float]) -> dict[tuple[str, str], float]:
    """Yearly rates of prison, written out; `e` is the rate of a new sentence."""
    moves = {
        ("re_entry", "at_liberty"): 1 / x("re_entry_years"),
        ("community_sanction", "at_liberty"): 1 / x("community_years"),
        ("closed_short", "re_entry"): 1 / x("short_years"),
        ("closed_long", "open_prison"): 1 / (x("long_years") * (1 - x("open_share"))),
        ("open_prison", "re_entry"): 1 / (x("long_years") * x("open_share")),
        ("re_entry", "community_sanction"): e * x("community_ratio"),
        ("at_liberty", "community_sanction"): e * x("community_ratio"),
    }
    for state in ("re_entry", "at_liberty", "community_sanction"):
        moves[state, "closed_short"] = e * x("short_share")
        moves[state, "closed_long"] = e * (1 - x("short_share"))
    return moves


MOVES = {"taking_into_care": family_moves, "prison": prison_moves}
STATES = {
    "taking_into_care": ["open_care", "at_home", "emergency", "foster_family", "institution", "aftercare", "left"],
    "prison": ["re_entry", "at_liberty", "community_sanction", "closed_short", "closed_long", "open_prison"],
}


def years_in_states(
    catalogue: Catalogue,
    model: str,
    draw: int,
    entry: float,
    later: float,
    years: int,
    quarters: int,
    held: tuple[float, int] = (0.0, 0),
) -> list[dict[str, float]]:
    """Person-years in each state by year, quarter by quarter; the rate `entry` holds for so many quarters.

    `held` is the rate that follows it, up to a quarter, before the later one.
    """
    states = STATES[model]

    def drawn(name: str) -> float:
        value = catalogue.transitions[model][name]
        return float(sample(value, DRAWS, catalogue.conventions.seed, f"transitions.{model}.{name}")[draw])

    def cycle(rate: float) -> list[list[float]]:
        intensity = [[0.0] * len(states) for _ in states]
        for (origin, target), move in MOVES[model](rate, drawn).items():
            intensity[states.index(origin)][states.index(target)] += move / 4
            intensity[states.index(origin)][states.index(origin)] -= move / 4
        return exponential(intensity)

    first, middle, last = cycle(entry), cycle(held[0]), cycle(later)
    people, time = [1.0] + [0.0] * (len(states) - 1), []
    for year in range(years):
        inside = dict.fromkeys(states, 0.0)
        for quarter in range(4):
            now = 4 * year + quarter
            step = first if now < quarters else middle if now < held[1] else last
            after = [sum(people[i] * step[i][j] for i in range(len(states))) for j in range(len(states))]
            for state, before, then in zip(states, people, after, strict=True):
                inside[state] += (before + then) / 2 / 4
            people = after
        time.append(inside)
    return time


def slow_net_saving(catalogue: Catalogue, chain_id: str, draw: int, code: str, price_set: str | None = None) -> float:
    """Discounted net saving of one draw, EUR: the cohort and the money by hand, on the same draws of the inputs."""
    chain, seed = catalogue.chains[chain_id], catalogue.conventions.seed
    model, years, prices = chain.impact.model, chain.impact.horizon_years, price_set or chain.impact.price_set

    def drawn(name: str) -> float:
        value = catalogue.transitions[model][name]
        return float(sample(value, DRAWS, seed, f"transitions.{model}.{name}")[draw])

    effect = FITS[chain_id].effect
    if chain_id == FAMILY:
        risks = [float(effect["risk"].sel(draw=draw, option=o, municipality=code)) for o in OPTIONS]
        service = [3_000.0, 7_000.0]
    else:
        baseline, window = drawn("baseline_probability"), drawn("baseline_window_years")
        usual = 1 - (1 - baseline) ** (1 / window)
        risks = [usual, 1 - (1 - usual) ** float(effect["ratio"][draw])]
        service = [0.0, float(price(catalogue, "post_release_support_client", DRAWS, seed).draws[draw])]
    later = -math.log(1 - min(1.0, risks[0] * drawn("later_risk_ratio")))
    held = (-math.log(1 - risks[0]), 12 if chain_id == SUPPORT else 0)  # the baseline was followed for 3 years
    times = [years_in_states(catalogue, model, draw, -math.log(1 - r), later, years, 4, held) for r in risks]
    total = 0.0
    for year in range(years):
        saved = 0.0
        for state in catalogue.price_sets[prices].of(model):
            for share, part in state_price(catalogue, prices, model, state, DRAWS, seed):
                stoppable = cashable_draws(catalogue, part.cost, years, DRAWS, seed).to_numpy()[draw][year]
                euros = float(share[draw]) * float(part.draws[draw]) * stoppable
                saved += (times[0][year][state] - times[1][year][state]) * euros
        spent = service[1] - service[0] if year == 0 else 0.0
        total += CLIENTS * (saved - spent) / 1.03**year
    return total


@pytest.mark.parametrize("chain", [FAMILY, SUPPORT])
@pytest.mark.parametrize("draw", [0, 7])
@pytest.mark.parametrize("code", ["091", "478"])
def test_net_saving_is_that_of_a_slow_loop(
    catalogue: Catalogue, appraised: dict[str, xr.Dataset], chain: str, draw: int, code: str
) -> None:
    here = one(appraised[chain], code, catalogue)
    expected = slow_net_saving(catalogue, chain, draw, code)
    assert float(net_saving(here).sel(draw=draw)) == pytest.approx(expected, rel=1e-9)
    assert abs(expected) > 1_000


def test_other_prices_are_those_of_the_slow_loop(catalogue: Catalogue) -> None:
    here = one(run(catalogue, price_set="national"), "837", catalogue)
    expected = slow_net_saving(catalogue, FAMILY, 3, "837", price_set="national")
    assert float(net_saving(here).sel(draw=3)) == pytest.approx(expected, rel=1e-9)


def test_a_follow_up_of_two_years_is_spread_over_eight_quarters(catalogue: Catalogue) -> None:
    """The risk is that of the whole follow-up; the yearly risk afterwards is made from its yearly rate."""
    chain = catalogue.chains[FAMILY]
    chain = chain.override(outcome=chain.outcome.override(follow_up_days=730))
    ds = run(catalogue, chain)
    effect, seed = FITS[FAMILY].effect, catalogue.conventions.seed
    ratio = float(sample(
        catalogue.transitions["taking_into_care"]["later_risk_ratio"], DRAWS, seed,
        "transitions.taking_into_care.later_risk_ratio",
    )[4])  # fmt: skip
    risks = [float(effect["risk"].sel(draw=4, option=o, municipality="837")) for o in OPTIONS]
    later = -math.log(1 - (1 - (1 - risks[0]) ** 0.5) * ratio)
    times = [
        years_in_states(catalogue, "taking_into_care", 4, -math.log(1 - risk) / 2, later, 10, quarters=8)
        for risk in risks
    ]
    out = [[sum(year[state] for state in PRICED[FAMILY]) for year in time] for time in times]
    expected = [CLIENTS * (usual - new) for usual, new in zip(*out, strict=True)]
    np.testing.assert_allclose(ds["time_avoided"].sel(draw=4, municipality="837"), expected, rtol=1e-9)


# --- what has to hold for any appraisal -------------------------------------------------------------


@pytest.mark.parametrize("chain", [FAMILY, SUPPORT])
def test_the_sum_over_payers_is_the_whole(catalogue: Catalogue, appraised: dict[str, xr.Dataset], chain: str) -> None:
    """Time in each priced state x price, whoever pays."""
    ds, seed = appraised[chain], catalogue.conventions.seed
    declared, prices = catalogue.chains[chain], catalogue.chains[chain].impact.price_set
    time = states(declared, catalogue, FITS[chain], CODES, Request.of(catalogue, draws=DRAWS))["state_time"]
    fewer = CLIENTS * (time.sel(option="usual", drop=True) - time.sel(option="new", drop=True))
    fewer = fewer.assign_coords(year=ds["year"])
    average = stopped = xr.DataArray(0.0)
    for state in catalogue.price_sets[prices].of(declared.impact.model):
        for share, part in state_price(catalogue, prices, declared.impact.model, state, DRAWS, seed):
            stop = cashable_draws(catalogue, part.cost, ds.sizes["year"], DRAWS, seed).assign_coords(year=ds["year"])
            euros = fewer.sel(state=state, drop=True) * share * part.draws
            average, stopped = average + euros, stopped + euros * stop
    for name, expected in (("avoided_average", average), ("avoided", stopped)):
        saved = ds[name].sel(option="new", drop=True).sum("payer")
        here = (expected * xr.ones_like(saved)).transpose(*saved.dims)
        np.testing.assert_allclose(saved, here, rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("chain", [FAMILY, SUPPORT])
def test_what_is_avoided_is_the_usual_less_the_option(appraised: dict[str, xr.Dataset], chain: str) -> None:
    ds = appraised[chain]
    for avoided, of in (("avoided", "cashable"), ("avoided_average", "average")):
        difference = ds[of].sel(option="usual", drop=True) - ds[of]
        np.testing.assert_array_equal(ds[avoided], difference.transpose(*ds[avoided].dims))
        assert (ds[avoided].sel(option="usual") == 0).all()
    assert (ds["cashable"] <= ds["average"]).all()


@pytest.mark.parametrize(
    ("chain", "fit"), [(FAMILY, family_fit(ratio=1.0)), (SUPPORT, support_fit(ratio=1.0))], ids=[FAMILY, SUPPORT]
)
def test_identical_arms_avoid_exactly_nothing(catalogue: Catalogue, chain: str, fit: Fit) -> None:
    ds = run(catalogue, chain, fit, costs=cost_fit(3_000, 3_000))
    for name in ("avoided", "avoided_average", "time_avoided"):
        assert (ds[name] == 0).all(), name
    assert (ds["average"] > 0).any()


def test_a_service_that_harms_avoids_less_than_nothing(catalogue: Catalogue) -> None:
    ds = run(catalogue, SUPPORT, support_fit(ratio=1.5))
    assert (ds["avoided"].sel(option="new").sum(["payer", "year"]) < 0).all()
    assert (ds["effect"].sel(option="new") < ds["effect"].sel(option="usual")).all()


@pytest.mark.parametrize("chain", [FAMILY, SUPPORT])
def test_prices_ten_times_as_high_avoid_ten_times_as_much(
    catalogue: Catalogue, appraised: dict[str, xr.Dataset], chain: str
) -> None:
    dearer = {}
    for key, cost in catalogue.unit_costs.items():
        ends = [
            value.override(mean=10 * value.mean, low=value.low and 10 * value.low, high=value.high and 10 * value.high)
            for value in cost.values
        ]
        dearer[key] = cost.override(values=tuple(ends))
    ds = run(replace(catalogue, unit_costs=dearer), chain)
    for name in ("average", "cashable", "avoided", "avoided_average"):
        np.testing.assert_allclose(ds[name], 10 * appraised[chain][name], rtol=1e-9, atol=1e-6)
    np.testing.assert_array_equal(ds["time_avoided"], appraised[chain]["time_avoided"])


@pytest.mark.parametrize("chain", [FAMILY, SUPPORT])
def test_twice_the_clients_are_twice_the_money_and_the_same_effect(
    catalogue: Catalogue, appraised: dict[str, xr.Dataset], chain: str
) -> None:
    ds = run(catalogue, chain, clients=2 * CLIENTS)
    for name in (*MONEY, "events", "time_avoided"):
        np.testing.assert_allclose(ds[name], 2 * appraised[chain][name], rtol=1e-12)
    np.testing.assert_array_equal(ds["effect"], appraised[chain]["effect"])


@pytest.mark.parametrize("chain", [FAMILY, SUPPORT])
def test_one_municipality_at_a_time_is_the_same_as_all_at_once(
    catalogue: Catalogue, appraised: dict[str, xr.Dataset], chain: str
) -> None:
    for code in CODES:
        alone = one(run(catalogue, chain, codes=[code]), code, catalogue)
        together = one(appraised[chain], code, catalogue)
        xr.testing.assert_allclose(alone, together, rtol=1e-12, atol=1e-6)
        assert str(alone.attrs) == str(together.attrs)  # as texts: an estimate leaning on nobody is NaN
        assert list(alone["payer"].to_numpy()) == list(together["payer"].to_numpy())


@pytest.mark.parametrize("chain", [FAMILY, SUPPORT])
def test_a_shorter_horizon_is_the_start_of_the_longer(
    catalogue: Catalogue, appraised: dict[str, xr.Dataset], chain: str
) -> None:
    short = run(catalogue, chain, horizon_years=3)
    assert list(short["year"].to_numpy()) == [2026, 2027, 2028]
    for name in (*MONEY, "time_avoided", "discount"):
        np.testing.assert_allclose(short[name], appraised[chain][name].isel(year=slice(3)), rtol=1e-12)
    assert json.loads(short.attrs["horizons"]) == [1, 3]


def test_no_value_is_missing(appraised: dict[str, xr.Dataset]) -> None:
    for ds in appraised.values():
        for name in (*MONEY, "effect", "events", "time_avoided", "discount"):
            assert bool(np.isfinite(ds[name]).all()), name


def test_a_missing_risk_is_refused_and_not_taken_for_zero(catalogue: Catalogue) -> None:
    fit = family_fit()
    fit.effect["risk"][3, 1, 2] = np.nan
    with pytest.raises(Exception, match="risk") as caught:
        run(catalogue, fit=fit)
    assert caught.value.code is ExitCode.MODEL  # type: ignore[attr-defined]


def test_effect_and_events_are_two_sides_of_the_risk(appraised: dict[str, xr.Dataset]) -> None:
    ds = appraised[FAMILY]
    np.testing.assert_allclose(ds["events"] / CLIENTS + ds["effect"], 1)
    risk = FITS[FAMILY].effect["risk"]
    np.testing.assert_allclose(ds["effect"], 1 - risk.transpose(*ds["effect"].dims))


def test_a_hazard_ratio_of_one_half_halves_the_hazard(catalogue: Catalogue) -> None:
    effect = run(catalogue, SUPPORT, support_fit(ratio=0.5))["effect"]
    hazard = -np.log(effect)
    np.testing.assert_allclose(hazard.sel(option="new"), hazard.sel(option="usual") / 2, rtol=1e-9)


def test_states_are_the_cohort_behind_the_money(catalogue: Catalogue, appraised: dict[str, xr.Dataset]) -> None:
    request = Request.of(catalogue, draws=DRAWS, clients=CLIENTS)
    cohort = states(catalogue.chains[FAMILY], catalogue, FITS[FAMILY], CODES, request)
    np.testing.assert_allclose(cohort["occupancy"].sum("state"), 1)
    care = cohort["state_time"].sel(state=list(PRICED[FAMILY])).sum("state")
    avoided = CLIENTS * (care.sel(option="usual") - care.sel(option="new"))
    told = appraised[FAMILY]["time_avoided"]
    np.testing.assert_allclose(avoided.transpose(*told.dims), told, rtol=1e-12)


# --- who pays, and when -----------------------------------------------------------------------------


def paid(ds: xr.Dataset, code: str, name: str = "average") -> set[str]:
    money = abs(ds[name].sel(municipality=code)).sum(["draw", "option", "year"])
    return set(money["payer"].to_numpy()[money.to_numpy() > 0])


def test_the_county_pays_and_in_aland_the_municipality(appraised: dict[str, xr.Dataset]) -> None:
    ds = appraised[FAMILY]
    for name in ("average", "cost"):
        assert [paid(ds, code, name) for code in CODES] == [{"county"}, {"county"}, {"municipality"}, {"county"}]


def test_the_state_pays_for_prison_and_the_county_for_the_support(appraised: dict[str, xr.Dataset]) -> None:
    ds = appraised[SUPPORT]
    assert [paid(ds, code) for code in CODES] == [{"state"}] * 4
    assert [paid(ds, code, "cost") for code in CODES] == [{"county"}, {"county"}, {"municipality"}, {"county"}]


def test_the_payer_changes_in_the_year_the_law_says(catalogue: Catalogue, appraised: dict[str, xr.Dataset]) -> None:
    ds = run(with_first_year(catalogue, 2021))
    by_year = {code: {} for code in CODES}
    for code in CODES:
        for year in (2021, 2022, 2023, 2030):
            money = ds["average"].sel(municipality=code, year=year).sum(["draw", "option"])
            by_year[code][year] = str(money["payer"][int(money.to_numpy().argmax())].item())
            assert int((money > 0).sum()) == 1
    switched = {2021: "municipality", 2022: "municipality", 2023: "county", 2030: "county"}
    assert by_year["837"] == switched
    assert by_year["091"] == switched
    assert set(by_year["478"].values()) == {"municipality"}
    total = ds["average"].sum("payer").to_numpy()
    np.testing.assert_allclose(total, appraised[FAMILY]["average"].sum("payer").to_numpy(), rtol=1e-12)


def test_a_law_of_the_middle_of_a_year_counts_from_the_next(catalogue: Catalogue) -> None:
    duty = catalogue.duties["child_welfare"]
    switch = duty.turns[1].override(valid_from=date(2028, 7, 1))
    duties = {**catalogue.duties, "child_welfare": duty.override(turns=(duty.turns[0], switch))}
    money = run(replace(catalogue, duties=duties))["average"].sel(municipality="837", option="usual").sum("draw")
    payers = [str(money["payer"].to_numpy()[int(np.argmax(money.sel(year=y).to_numpy()))]) for y in (2027, 2028, 2029)]
    assert payers == ["municipality", "municipality", "county"]


def test_the_service_is_paid_in_the_first_year_only(appraised: dict[str, xr.Dataset]) -> None:
    for ds in appraised.values():
        by_year = ds["cost"].sum("payer")
        assert (by_year.isel(year=slice(1, None)) == 0).all()
        assert (by_year.isel(year=0).sel(option="new") > 0).all()
    assert (appraised[SUPPORT]["cost"].sel(option="usual") == 0).all()


def test_discount_factors_fall_by_three_per_cent_a_year(appraised: dict[str, xr.Dataset]) -> None:
    discount = appraised[FAMILY]["discount"]
    assert list(discount["year"].to_numpy()) == list(range(2026, 2036))
    np.testing.assert_allclose(discount, [1 / 1.03**t for t in range(10)])
    assert float(discount[0]) == 1.0


# --- the price of the service -----------------------------------------------------------------------


def test_cost_from_a_register_without_spread_is_its_mean(appraised: dict[str, xr.Dataset]) -> None:
    cost = appraised[FAMILY]["cost"].sum(["payer", "year"])
    assert (cost.sel(option="usual") == 3_000 * CLIENTS).all()
    assert (cost.sel(option="new") == 7_000 * CLIENTS).all()


def test_each_municipality_pays_its_own_estimate_draw_by_draw(catalogue: Catalogue) -> None:
    """Draws are taken from the same places of the chains as those of the effect, and nothing is added to them."""
    costs = cost_fit(spread=900.0, draws=5 * DRAWS)
    ds = run(catalogue, fit=family_fit(draws=5 * DRAWS), costs=costs, codes=["478", "091"])
    paid = ds["cost"].sum(["payer", "year"]) / CLIENTS
    kept = np.linspace(0, 5 * DRAWS - 1, DRAWS).round().astype(int)
    for code in ("478", "091"):
        expected = costs.effect["mean"].sel(municipality=code).isel(draw=kept).to_numpy()
        np.testing.assert_allclose(paid.sel(municipality=code).transpose("draw", "option"), expected)


def test_with_the_same_effect_a_dearer_service_saves_less_by_what_it_costs_more(catalogue: Catalogue) -> None:
    dear = cost_fit()
    more = xr.zeros_like(dear.effect["mean"])
    more.loc[{"option": "new", "municipality": "837"}] = 1_000.0
    dear = replace(dear, effect=dear.effect.assign(mean=dear.effect["mean"] + more))
    plain, dearer = (net_saving(run(catalogue, costs=costs).sel(municipality="837")) for costs in (cost_fit(), dear))
    np.testing.assert_allclose(plain - dearer, 1_000 * CLIENTS)


def test_a_cost_without_places_is_that_of_every_municipality(catalogue: Catalogue) -> None:
    costs = cost_fit(spread=900.0)
    national = replace(costs, effect=costs.effect.isel(municipality=0, drop=True))
    paid = run(catalogue, costs=national)["cost"].sum(["payer", "year"])
    for code in CODES:
        np.testing.assert_allclose(paid.sel(municipality=code), CLIENTS * national.effect["mean"])


def test_a_chain_that_takes_its_cost_from_a_register_needs_it(catalogue: Catalogue) -> None:
    request = Request.of(catalogue, draws=DRAWS)
    with pytest.raises(ParamsError, match="is register, and no fit of costs was given"):
        appraise(catalogue.chains[FAMILY], catalogue, FITS[FAMILY], CODES, request)


def test_a_fit_of_costs_that_cannot_serve_is_told_at_once(catalogue: Catalogue) -> None:
    few = cost_fit(draws=DRAWS - 1)
    few = replace(few, effect=few.effect.sel(municipality=["091"]))
    with pytest.raises(UsageError) as caught:
        run(catalogue, costs=few, codes=["091", "837", "478"])
    told = [problem.place for problem in caught.value.problems]
    assert told == ["chains intensive_family_work.input.cost", "municipality 837", "municipality 478"]


# --- price sets and price years ---------------------------------------------------------------------


def test_price_sets_that_can_price_the_chain_are_offered_its_own_first(catalogue: Catalogue) -> None:
    assert price_sets_for(catalogue.chains[FAMILY], catalogue) == ["quoted", "national"]
    assert price_sets_for(catalogue.chains[SUPPORT], catalogue) == ["national", "quoted"]


def test_quoted_prices_avoid_more_than_national_ones_as_far_as_these_go(catalogue: Catalogue) -> None:
    """130 000 against 480 a day for 45 in 100 and a foster family's day for the rest; what has no price is told."""
    quoted, national = (run(catalogue, price_set=name) for name in ("quoted", "national"))
    ratio = national["average"].sum(["payer", "year"]).mean() / quoted["average"].sum(["payer", "year"]).mean()
    foster = catalogue.unit_costs["foster_family_day"].latest.mean
    assert float(ratio) == pytest.approx((0.45 * 480 + 0.55 * foster) * 365 / 130_000, rel=0.03)
    for ds in (quoted, national):
        (reason,) = json.loads(ds.attrs["not_counted"])
        assert "aftercare" in reason["en"]
        assert all(reason.values())
    assert (national.attrs["price_year"], quoted.attrs["price_year"]) == ("2024", "2018")


def test_a_price_year_the_index_does_not_reach_is_refused(catalogue: Catalogue) -> None:
    with pytest.raises(ParamsError) as caught:
        run(catalogue, price_year=2026)
    (problem,) = caught.value.problems
    assert problem.place == "indices social_services"
    assert problem.rule.startswith("has no yearly level for 2018 and 2026 (known: 2005, 2015)")


def test_the_price_year_of_the_observation_needs_no_index(
    catalogue: Catalogue, appraised: dict[str, xr.Dataset]
) -> None:
    ds = run(catalogue, price_year=2018)
    np.testing.assert_array_equal(ds["average"], appraised[FAMILY]["average"])
    assert ds.attrs["price_year_changed"] == 0


def test_an_unknown_price_set_names_those_that_exist(catalogue: Catalogue) -> None:
    with pytest.raises(UsageError, match="known: national, quoted"):
        run(catalogue, price_set="regional")


# --- what a result says of itself -------------------------------------------------------------------


def test_clients_are_protected(catalogue: Catalogue, appraised: dict[str, xr.Dataset]) -> None:
    told = appraised[FAMILY]["n_clients_protected"]
    assert [int(told.sel(municipality=code)) for code in CODES] == [4_000, 55, -1, -1]
    assert (appraised[SUPPORT]["n_clients_protected"] == -1).all()
    text = "".join(str(one(appraised[FAMILY], code, catalogue).attrs) for code in CODES)
    assert "57" not in text.replace(appraised[FAMILY].attrs["input_hash"], "")
    assert "clients" not in appraised[FAMILY].data_vars


def test_evidence_is_local_shared_from_elsewhere_or_borrowed(appraised: dict[str, xr.Dataset]) -> None:
    told = appraised[FAMILY]["evidence"]
    assert [told.sel(municipality=code).item() for code in CODES] == ["local", "shared", "elsewhere", "elsewhere"]
    assert set(appraised[SUPPORT]["evidence"].to_numpy()) == {"borrowed"}


@pytest.mark.parametrize("chain", [FAMILY, SUPPORT])
def test_every_input_leads_to_its_source(catalogue: Catalogue, appraised: dict[str, xr.Dataset], chain: str) -> None:
    named = json.loads(appraised[chain].attrs["sources"])
    assert len(named) == len(set(named))
    assert set(named) <= set(catalogue.sources)
    impact = catalogue.chains[chain].impact
    needed = {s for value in catalogue.transitions[impact.model].values() for s in value.source}
    for state in catalogue.price_sets[impact.price_set].of(impact.model).values():
        for part in state.components:
            cost = catalogue.unit_costs[part.cost]
            needed |= {*cost.latest.source, *cost.cashable.medium.source}
    assert needed <= set(named)
    assert "discount_review_2020" in named


def test_a_share_of_people_is_priced_and_its_source_is_named(catalogue: Catalogue) -> None:
    national = catalogue.price_sets["national"]
    share = {
        "mean": 0.5, "low": 0.4, "high": 0.6, "family": "beta", "source": "sss_thl", "quality": "derived",
    }  # fmt: skip
    (whole,) = national.of("taking_into_care")["institution"].components
    half = whole.override(share=Uncertain.model_validate(share))
    inside = {**national.of("taking_into_care"), "institution": StatePrice(components=(half,))}
    sets = {"national": national.override(prices={**national.prices, "taking_into_care": inside})}
    changed = replace(catalogue, price_sets={**catalogue.price_sets, **sets})
    ds = run(changed, price_set="national")
    assert {"sss_thl", "hyvil_2025"} <= set(json.loads(ds.attrs["sources"]))
    expected = slow_net_saving(changed, FAMILY, 3, "837", price_set="national")
    assert float(net_saving(one(ds, "837", catalogue)).sel(draw=3)) == pytest.approx(expected, rel=1e-9)


def test_a_failed_gate_goes_with_the_result(catalogue: Catalogue) -> None:
    failed = (Check("rhat", "effect", 1.2, 1.01, False), Check("ess", "effect", 900, 400, True))
    ds = run(catalogue, fit=replace(FITS[FAMILY], checks=failed))
    assert ds.attrs["gate_passed"] == 0
    (reason,) = json.loads(ds.attrs["gate_reasons"])
    assert (reason["check"], reason["value"]) == ("rhat", 1.2)
    assert reason["of"] == "outcome"
    assert run(catalogue).attrs["gate_passed"] == 1


def test_a_failed_gate_of_the_cost_model_counts_as_that_of_the_outcome(catalogue: Catalogue) -> None:
    failed = (Check("divergences", "all", 3, 0, False),)
    costs, fit = replace(cost_fit(), checks=failed), replace(FITS[FAMILY], checks=failed)
    assert run(catalogue, costs=costs).attrs["gate_passed"] == 0
    both = run(catalogue, costs=costs, fit=fit)
    assert [reason["of"] for reason in json.loads(both.attrs["gate_reasons"])] == ["outcome", "costs"]
    priced = run(catalogue, SUPPORT, costs=costs)  # its service has a price: nothing of it rests on that fit
    assert priced.attrs["gate_passed"] == 1
    assert priced.attrs["input_hash"] == run(catalogue, SUPPORT).attrs["input_hash"]


def test_the_hash_changes_with_whatever_the_result_depends_on(catalogue: Catalogue) -> None:
    hashes = [
        run(catalogue).attrs["input_hash"],
        run(catalogue, seed=1).attrs["input_hash"],
        run(catalogue, clients=50).attrs["input_hash"],
        run(catalogue, price_set="national").attrs["input_hash"],
        run(catalogue, costs=cost_fit(new=8_000)).attrs["input_hash"],
        run(catalogue, fit=replace(FITS[FAMILY], hash="another")).attrs["input_hash"],
    ]
    assert len(set(hashes)) == len(hashes)
    assert run(catalogue).attrs["input_hash"] == hashes[0]


def test_the_same_request_gives_the_same_draws(catalogue: Catalogue, appraised: dict[str, xr.Dataset]) -> None:
    xr.testing.assert_identical(run(catalogue), appraised[FAMILY])


def test_an_appraisal_of_one_place_names_it_and_drops_empty_payers(
    catalogue: Catalogue, appraised: dict[str, xr.Dataset]
) -> None:
    ds = one(appraised[FAMILY], "478", catalogue)
    assert list(ds["payer"].to_numpy()) == ["municipality"]
    assert "municipality" not in ds.dims
    told = {name: ds.attrs[name] for name in ("municipality", "municipality_sv", "county", "county_en", "evidence")}
    place = {"municipality": "478", "municipality_sv": "Mariehamn", "county": "91", "county_en": "Åland"}
    assert told == {**place, "evidence": "elsewhere"}
    assert {values.attrs["unit"] for values in (ds["cost"], ds["avoided"])} == {"EUR"}
    assert ds["time_avoided"].attrs["unit"] == "person-years"


def test_an_appraisal_is_stored_and_read_again_unchanged(
    catalogue: Catalogue, appraised: dict[str, xr.Dataset], tmp_path: Any
) -> None:
    ds = one(appraised[SUPPORT], "837", catalogue)
    ds.to_netcdf(tmp_path / "837.nc", engine="netcdf4")
    with xr.open_dataset(tmp_path / "837.nc", engine="netcdf4") as read:
        xr.testing.assert_equal(read.load(), ds)
        assert {k: read.attrs[k] for k in ("chain", "sources", "evidence")} == {
            k: ds.attrs[k] for k in ("chain", "sources", "evidence")
        }


def test_the_summary_ends_with_all_payers_together(catalogue: Catalogue, appraised: dict[str, xr.Dataset]) -> None:
    table = summary(one(appraised[SUPPORT], "837", catalogue)).set_index("payer")
    assert list(table.index) == ["county", "state", "all"]
    parts = table.loc[["county", "state"], "net saving"].sum()
    assert table.loc["all", "net saving"] == pytest.approx(parts)
    assert (table["low"] <= table["net saving"]).all()
    assert (table["net saving"] <= table["high"]).all()
    assert table.loc["county", "probability of saving"] == 0.0


# --- what is asked wrongly --------------------------------------------------------------------------


def test_all_faults_of_a_request_are_told_at_once(catalogue: Catalogue) -> None:
    with pytest.raises(UsageError) as caught:
        run(catalogue, codes=["91", "564", "999", "837"], draws=DRAWS + 1)
    told = {problem.place: problem for problem in caught.value.problems}
    assert set(told) == {"municipality 91", "municipality 564", "municipality 999", "draws"}
    assert told["municipality 91"].cure == "write 091 (Helsinki)"
    assert (
        told["municipality 564"].rule == "the fit has no estimate for it"
    )  # Oulu is a municipality, and not in this fit
    assert told["draws"].rule == f"asks for {DRAWS + 1}, the fit has {DRAWS}"


def test_an_effect_without_places_travels_to_any_municipality(catalogue: Catalogue) -> None:
    assert float(run(catalogue, SUPPORT, codes=["564"])["avoided"].sum()) > 0


@pytest.mark.parametrize(
    "asked", [{"draws": 0}, {"clients": 0}, {"horizon_years": 0}, {"horizon_years": 61}, {"seed": -1}]
)
def test_a_request_holds_no_nonsense(catalogue: Catalogue, asked: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="Input should be"):
        Request.of(catalogue, **asked)


# --- whether chains can be appraised at all ---------------------------------------------------------


def test_the_real_chains_name_models_and_parameters_that_exist(catalogue: Catalogue) -> None:
    assert list(check_chains(catalogue)) == []


def test_what_a_chain_lacks_is_told_at_once(catalogue: Catalogue) -> None:
    chain = catalogue.chains[SUPPORT]
    broken = {
        "outcome": chain.override(outcome=chain.outcome.override(model="forest")),
        "count": chain.override(id="count", outcome=chain.outcome.override(model="count")),
        "impact": chain.override(impact=chain.impact.override(model="hospital")),
        "price": catalogue.chains[FAMILY].override(impact=chain.impact.override(model="institutional_treatment")),
    }
    transitions = {
        **catalogue.transitions,
        "prison": {"short_years": catalogue.transitions["prison"]["short_years"]},
    }
    told = [str(problem) for problem in check_chains(replace(catalogue, chains=broken, transitions=transitions))]
    rules = "\n".join(told)
    for expected in (
        "outcome.model: forest is not a model\n    -> known: binary, time_to_event, weibull",
        "count.outcome.model: count is not a model of a chain's outcome\n    -> known: binary",
        "impact.model: hospital is not a model",
        "transitions/prison.yaml: has no later_risk_ratio",
        "transitions/prison.yaml: has no baseline_probability",
        "has no price for in_institution",
    ):
        assert expected in rules
