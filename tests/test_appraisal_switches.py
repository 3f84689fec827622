"""What a reader may switch: links to later costs, the course of an effect, the claw-back, whole units, paid days."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xarray as xr
from appraisal_builders import CLIENTS, CODES, DRAWS, FAMILY, FITS, SUPPORT, cost_fit, family_fit, run

from costeff.appraisal import Request, active_links, appraise_all, check_chains, price_sets_for, states
from costeff.appraisal.cohorts import Cohorts
from costeff.appraisal.linked import linked_time
from costeff.avoided_cost import MODELS
from costeff.chain import ImpactChain
from costeff.draws import OPTIONS
from costeff.errors import ParamsError, UsageError
from costeff.params import Catalogue
from costeff.params.pricing import at_once_draws, cashable_draws, price, sample, sample_effect

CARE, PRISON, NEXT, EXCLUSION = (
    f"placement_to_{name}" for name in ("substance_use", "prison", "next_generation", "exclusion")
)
EUROS = ("average", "cashable", "avoided", "avoided_average")


def work_chain(catalogue: Catalogue, **outcome: Any) -> ImpactChain:
    """The family chain turned to long-term unemployment: its risks are those of having found no work."""
    chain = catalogue.chains[FAMILY]
    impact = chain.impact.override(model="long_term_unemployment", price_set="national", horizon_years=5)
    return chain.override(impact=impact, outcome=chain.outcome.override(**outcome))


def total(ds: xr.Dataset, name: str = "avoided") -> xr.DataArray:
    return ds[name].sel(option="new").sum(("payer", "year"))


# --- links --------------------------------------------------------------------------------------------


def test_no_link_is_on_unless_asked_for_where_the_evidence_is_an_association(catalogue: Catalogue) -> None:
    ds = run(catalogue, horizon_years=30)
    assert json.loads(ds.attrs["links"]) == []
    assert set(json.loads(ds.attrs["links_off"])) == {CARE, PRISON, NEXT, EXCLUSION}
    assert (ds["avoided_linked"] == 0).all()


def test_a_link_whose_evidence_is_an_effect_is_on(catalogue: Catalogue) -> None:
    causal = replace(catalogue, links={**catalogue.links, PRISON: catalogue.links[PRISON].override(kind="effect")})
    assert [link.id for link in active_links("taking_into_care", causal, None)] == [PRISON]
    assert active_links("taking_into_care", causal, ()) == []


def test_links_that_are_on_by_themselves_do_not_count_a_cost_twice_either(catalogue: Catalogue) -> None:
    causal = {name: link.override(kind="effect") for name, link in catalogue.links.items()}
    with pytest.raises(UsageError, match="the same cost would count twice"):
        active_links("taking_into_care", replace(catalogue, links=causal), None)


def test_a_link_to_what_it_cannot_carry_on_is_told(catalogue: Catalogue) -> None:
    link = catalogue.links[PRISON]
    told = {
        "evidence": link.override(evidence="reincarceration", outcome="new sentence within 5 years"),
        "window": link.override(window_years=6.9),
        "inputs": link.override(target=link.target.override(inputs={"age": link.baseline})),
    }
    faults = {
        name: "\n".join(map(str, check_chains(replace(catalogue, links={PRISON: wrong}))))
        for name, wrong in told.items()
    }  # fmt: skip
    assert "is told as a proportion" in faults["evidence"]
    assert "6.9 are not whole quarters" in faults["window"]
    assert "target.inputs.age: is no number of prison" in faults["inputs"]
    with pytest.raises(ParamsError, match="whole quarters"):
        run(replace(catalogue, links={PRISON: told["window"]}), links=(PRISON,))


def test_numbers_and_prices_a_model_cannot_take_are_told_before_anything_runs(catalogue: Catalogue) -> None:
    wild = catalogue.transitions["prison"]["short_share"].override(family="gamma")
    prison = {**catalogue.transitions["prison"], "short_share": wild}
    national = catalogue.price_sets["national"]
    moon = {**national.of("prison"), "moon": national.of("prison")["closed_short"]}
    sets = {**catalogue.price_sets, "national": national.override(prices={**national.prices, "prison": moon})}
    changed = replace(catalogue, transitions={**catalogue.transitions, "prison": prison}, price_sets=sets)
    faults = "\n".join(map(str, check_chains(changed)))
    assert "short_share: family gamma can leave what a probability may be" in faults
    assert "national.prices.prison.moon: is not priced by prison" in faults


@pytest.mark.parametrize("link", [PRISON, NEXT, EXCLUSION])
def test_a_link_adds_to_what_is_avoided_and_says_so(catalogue: Catalogue, link: str) -> None:
    plain, linked = (run(catalogue, horizon_years=30, links=links) for links in ((), (link,)))
    extra = linked["avoided"].sum("payer") - plain["avoided"].sum("payer")
    np.testing.assert_allclose(extra, linked["avoided_linked"].sum("payer"), rtol=1e-9, atol=1e-6)
    assert float(total(linked).mean()) > float(total(plain).mean())
    np.testing.assert_array_equal(plain["time_avoided"], linked["time_avoided"])  # of the chain's own model
    assert json.loads(linked.attrs["links"]) == [link]
    evidence = {"placement_to_prison": "birth_cohort_1987", "placement_to_exclusion": "school_leaving_nordic"}
    assert evidence.get(link, "wall_wieler_2018") in json.loads(linked.attrs["sources"])
    assert plain.attrs["input_hash"] != linked.attrs["input_hash"]


def test_two_links_add_up(catalogue: Catalogue) -> None:
    alone = [run(catalogue, horizon_years=30, links=(link,))["avoided_linked"].sum("payer") for link in (PRISON, NEXT)]
    both = run(catalogue, horizon_years=30, links=(PRISON, NEXT))["avoided_linked"].sum("payer")
    np.testing.assert_allclose(both, alone[0] + alone[1], rtol=1e-9, atol=1e-6)


def test_nothing_comes_by_a_link_before_its_delay_has_passed(catalogue: Catalogue) -> None:
    link = catalogue.links[PRISON]
    ds = run(catalogue, horizon_years=12, links=(PRISON,))
    by_year = abs(ds["avoided_linked"].sel(option="new").sum("payer")).max(("draw", "municipality"))
    assert (by_year[: link.delay_years] == 0).all()
    assert (by_year[link.delay_years :] > 0).all()
    short = run(catalogue, horizon_years=link.delay_years, links=(PRISON,))
    assert (short["avoided_linked"] == 0).all()


def test_equal_arms_avoid_exactly_nothing_by_links(catalogue: Catalogue) -> None:
    ds = run(catalogue, fit=family_fit(ratio=1.0), horizon_years=25, links=(PRISON, NEXT))
    for name in ("avoided", "avoided_average", "avoided_linked"):
        assert (ds[name] == 0).all(), name


def test_time_by_a_link_is_that_of_a_slow_loop(catalogue: Catalogue) -> None:
    """Each year's entries into care, the odds of prison with and without, and what comes so many years later."""
    draw, years, link = 3, 16, catalogue.links[PRISON]
    request = Request.of(catalogue, draws=DRAWS, horizon_years=years, links=(PRISON,))
    cohorts = Cohorts(catalogue.chains[FAMILY], catalogue, FITS[FAMILY], tuple(CODES), request)
    found = linked_time(link, cohorts)["state_time"].sel(draw=draw, municipality="837", option="usual")
    assert link.baseline is not None
    base = float(sample(link.baseline, DRAWS, request.seed, f"links.{PRISON}.baseline")[draw])
    row = next(row for row in catalogue.evidence[link.evidence] if row.outcome == link.outcome)
    odds = float(sample_effect(row, DRAWS, request.seed, f"links.{PRISON}")[draw]) * base / (1 - base)
    left = years - link.delay_years
    inputs = cohorts.inputs(MODELS["prison"]).sel(draw=draw, drop=True)
    with_care, without = (
        MODELS["prison"].run(xr.DataArray(p), xr.DataArray(0.0), inputs, left, 7, start="at_liberty")["state_time"]
        for p in (odds / (1 + odds), base)
    )
    entries = cohorts.run["entries"].sel(draw=draw, municipality="837", option="usual").sum("entered").values
    for state in MODELS["prison"].items:
        expected = [0.0] * years
        for a in range(years):
            for t in range(left):
                if a + link.delay_years + t < years:
                    more = float(with_care.sel(state=state)[t] - without.sel(state=state)[t])
                    expected[a + link.delay_years + t] += entries[a] * more
        np.testing.assert_allclose(found.sel(state=state), expected, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize(
    ("links", "told"),
    [
        ((EXCLUSION, PRISON), f"link {EXCLUSION}: contains {PRISON}: the same cost would count twice"),
        (("placement_to_jail",), "link placement_to_jail: is not a link"),
    ],
)
def test_links_that_cannot_be_counted(catalogue: Catalogue, links: tuple[str, ...], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        run(catalogue, horizon_years=30, links=links)
    assert told in str(caught.value)


def test_a_link_of_another_model_and_one_without_a_baseline_are_refused(catalogue: Catalogue) -> None:
    with pytest.raises(UsageError, match="starts in taking_into_care, not in prison"):
        run(catalogue, SUPPORT, links=(PRISON,))
    bare = replace(catalogue, links={PRISON: catalogue.links[PRISON].override(baseline=None)})
    with pytest.raises(UsageError, match="has no baseline: it is not known"):
        run(bare, links=(PRISON,))


def test_a_link_at_prices_that_lack_its_target_is_refused(catalogue: Catalogue) -> None:
    with pytest.raises(ParamsError, match="has no price for"):
        run(catalogue, price_set="national", horizon_years=30, links=(CARE,))


def test_sets_that_cannot_price_a_links_target_are_not_offered(catalogue: Catalogue) -> None:
    chain = catalogue.chains[FAMILY]
    assert price_sets_for(chain, catalogue, (PRISON,)) == ["quoted", "national"]
    assert price_sets_for(chain, catalogue, (PRISON, CARE)) == ["quoted"]


def test_units_close_for_all_states_of_one_unit_cost_together(catalogue: Catalogue) -> None:
    """Three kinds of prison share their wards: time that frees no ward in each may free one in all."""
    units, plain = (run(catalogue, SUPPORT, clients=2_000, whole_units=on, horizon_years=7) for on in (True, False))
    cost = catalogue.unit_costs["prisoner_year"]
    assert cost.closes_by is not None
    places = sample(cost.closes_by.places, DRAWS, 2026, "unit_costs.prisoner_year.places").to_numpy()[:, None]
    time = units["time_avoided"].sel(municipality="837").transpose("draw", "year").to_numpy()
    whole = np.trunc(time / places + 1e-9) * places
    assert (whole > 0).any()
    assert (whole < time).any()
    euros = price(catalogue, "prisoner_year", DRAWS, 2026).draws.to_numpy()[:, None]
    stop = cashable_draws(catalogue, cost, 7, DRAWS, 2026).to_numpy()
    late = stop - at_once_draws(cost, DRAWS, 2026).to_numpy()[:, None]
    saved, all_stops = (
        ds["avoided"].sel(option="new", municipality="837").sum("payer").transpose("draw", "year").to_numpy()
        for ds in (units, plain)
    )
    np.testing.assert_allclose(all_stops - saved, euros * late * (time - whole), rtol=1e-8, atol=1e-6)


def test_a_link_to_states_that_are_not_there_is_told(catalogue: Catalogue) -> None:
    link = catalogue.links[PRISON]
    wrong = link.override(origin=link.origin.override(entered=("in_care",)), target=link.target.override(start="free"))
    told = "\n".join(str(problem) for problem in check_chains(replace(catalogue, links={PRISON: wrong})))
    assert "in_care is not counted by taking_into_care" in told
    assert "free is no state of prison" in told


# --- the course of the effect --------------------------------------------------------------------------


def test_an_effect_that_goes_on_avoids_more_and_the_usual_service_stays(catalogue: Catalogue) -> None:
    found = {name: run(catalogue, persistence=name) for name in ("stops", "wanes", "lasts")}
    means = [float(total(ds).mean()) for ds in found.values()]
    assert means == sorted(means)
    assert means[0] < means[1] < means[2]
    for ds in found.values():
        np.testing.assert_array_equal(ds["average"].sel(option="usual"), found["stops"]["average"].sel(option="usual"))
        np.testing.assert_array_equal(ds["events"], found["stops"]["events"])
    assert found["wanes"].attrs["persistence"] == "wanes"
    assert len({ds.attrs["input_hash"] for ds in found.values()}) == 3


def test_the_chain_says_what_becomes_of_its_effect(catalogue: Catalogue) -> None:
    chain = catalogue.chains[FAMILY]
    lasting = chain.override(outcome=chain.outcome.override(persistence="lasts"))
    xr.testing.assert_equal(run(catalogue, lasting), run(catalogue, persistence="lasts"))
    assert run(catalogue, lasting, persistence="stops").attrs["persistence"] == "stops"


def test_prison_reproduces_the_register_it_is_made_from(catalogue: Catalogue) -> None:
    """Of those released, 44.5 per cent have a new prison sentence within 3 years and 50 per cent within 5."""
    request = Request.of(catalogue, draws=DRAWS)
    cohorts = Cohorts(catalogue.chains[SUPPORT], catalogue, FITS[SUPPORT], ("837",), request)
    rows = catalogue.transitions["prison"]
    yearly = 1 - (1 - rows["baseline_probability"].mean) ** (1 / rows["baseline_window_years"].mean)
    risk = xr.DataArray([yearly, yearly], {"option": list(OPTIONS)}, "option")
    inputs = xr.Dataset({name: rows[name].mean for name in cohorts.model.parameters})
    out = inputs.assign(short_years=1e6, long_years=1e6)  # nobody comes out, so that each returns once
    later = xr.DataArray(yearly * rows["later_risk_ratio"].mean)
    course = cohorts.model.run(risk, later, out, 6, 1, baseline_years=cohorts.baseline_years)["occupancy"]
    inside = course.sel(state=["closed_short", "closed_long", "open_prison"]).sum("state").sel(option="usual")
    assert float(inside.sel(cycle=12)) == pytest.approx(0.445, abs=0.001)
    assert float(inside.sel(cycle=20)) == pytest.approx(0.50, abs=0.002)


# --- who keeps a saving ---------------------------------------------------------------------------------


def test_the_claw_back_moves_money_two_years_later_and_makes_none(catalogue: Catalogue) -> None:
    """The correction made in 2028 is on the euros of 2026, at 80 per cent; from 2029 on it is 70 per cent."""
    plain, clawed = (run(catalogue, claw_back=on) for on in (False, True))
    for name in (*EUROS, "cost"):
        np.testing.assert_allclose(clawed[name].sum("payer"), plain[name].sum("payer"), rtol=1e-12, atol=1e-6)
    for name in ("avoided", "cost"):
        here, kept = (ds[name].sel(municipality="837", payer="county").transpose(..., "year") for ds in (plain, clawed))
        expected = here.to_numpy().copy()
        for year in range(2, 10):
            expected[..., year] -= (0.8 if year == 2 else 0.7) * here.to_numpy()[..., year - 2]
        np.testing.assert_allclose(kept, expected, rtol=1e-9, atol=1e-6)
    outside = "478"  # a municipality of Åland pays itself
    np.testing.assert_array_equal(
        clawed["avoided"].sel(municipality=outside, payer="municipality"),
        plain["avoided"].sel(municipality=outside, payer="municipality"),
    )
    assert (plain.attrs["claw_back"], clawed.attrs["claw_back"]) == (0, 1)
    assert "he_70_2024" in json.loads(clawed.attrs["sources"])


def test_only_whole_units_close(catalogue: Catalogue) -> None:
    few, whole = (run(catalogue, clients=60, whole_units=on) for on in (False, True))
    np.testing.assert_array_equal(few["avoided_average"], whole["avoided_average"])
    assert (abs(total(whole)) <= abs(total(few)) + 1e-6).all()
    assert float(total(whole).mean()) < float(total(few).mean())
    many, in_units = (run(catalogue, clients=10_000_000, whole_units=on) for on in (False, True))
    np.testing.assert_allclose(total(in_units), total(many), rtol=1e-3)  # a unit is small beside so many
    assert "thl_handbook_institutions" in json.loads(whole.attrs["sources"])


def test_a_unit_that_no_client_can_close_leaves_what_stops_at_once(catalogue: Catalogue) -> None:
    """One client frees no unit: of the price only the first year's share stops, in every year."""
    ds = run(catalogue, clients=1, whole_units=True, price_set="quoted")
    saved, average = (ds[name].sel(option="new").sum("payer") for name in ("avoided", "avoided_average"))
    share = saved / average
    assert float(abs(share - share.isel(year=0)).max()) < 1e-9


# --- shares that change with the time stayed -------------------------------------------------------------


def test_the_municipality_pays_by_paid_days(catalogue: Catalogue) -> None:
    """A client unemployed for 1.5 years who never finds work: the steps of the law, quarter by quarter."""
    chain = work_chain(catalogue)
    never = {"outside_rate": 0.0, "service_entry_rate": 0.0, "unemployed_years": 1.5, "return_rate": 0.0}
    rows = {
        name: value.override(mean=never[name], low=None, high=None, family="fixed", note="a test")
        if name in never else value
        for name, value in catalogue.transitions["long_term_unemployment"].items()
    }  # fmt: skip
    still = replace(catalogue, transitions={**catalogue.transitions, "long_term_unemployment": rows})
    fit = family_fit()
    stuck = replace(fit, effect=fit.effect.assign(risk=xr.ones_like(fit.effect["risk"])))
    still = replace(still, transitions={**still.transitions, "long_term_unemployment": rows | {
        "later_risk_ratio": rows["later_risk_ratio"].override(
            mean=0.0, low=None, high=None, family="fixed", note="a test")}})  # fmt: skip
    ds = run(still, chain, stuck, codes=["837"], costs=cost_fit(0, 0), clients=1)
    benefit = float(price(still, "labour_market_subsidy_day", DRAWS, 2026).draws[0])
    taxes = price(still, "lost_taxes_year", DRAWS, 2026).draws.to_numpy()
    paid = ds["average"].sel(option="usual", municipality="837")
    steps = ((0, 0.0), (100, 0.1), (200, 0.2), (300, 0.3), (400, 0.4), (700, 0.5))
    for year in range(5):
        # Quarters are counted half a quarter around their ends: 6 quarters stayed at the start of the first year.
        shares = []
        for quarter in range(4):
            for end, weight in ((quarter, 0.5), (quarter + 1, 0.5)):
                at = min(6 + 4 * year + end, 11)
                days = [(at - 0.5 + n / 2000) * 64.5 for n in range(2000)] if at < 11 else [709.5]
                shares.append(weight / 4 * sum(max(s for d, s in steps if d <= day) for day in days) / len(days))
        own = benefit * sum(shares) + 0.26 * taxes
        np.testing.assert_allclose(paid.sel(payer="municipality").isel(year=year), own, rtol=1e-3)
    np.testing.assert_allclose(paid.sum("payer").isel(year=0), benefit + taxes, rtol=1e-9)


def test_finding_work_sooner_saves_benefits_and_brings_taxes(catalogue: Catalogue) -> None:
    ds = run(catalogue, work_chain(catalogue))
    saved = ds["avoided"].sel(option="new", municipality="837").sum("year")
    assert (saved.sel(payer=["municipality", "state"]) > 0).all()
    assert (saved.sel(payer=["county", "others"]) == 0).all()
    assert (ds["time_avoided"].sum("year") > 0).all()
    np.testing.assert_allclose(
        ds["avoided_average"].sel(option="new").sum("payer"), ds["avoided"].sel(option="new").sum("payer")
    )  # a benefit stops the day it is not paid


# --- one run for all price sets ---------------------------------------------------------------------------


@pytest.mark.parametrize("chain", [FAMILY, SUPPORT])
def test_all_price_sets_at_once_are_each_alone(catalogue: Catalogue, chain: str) -> None:
    declared = catalogue.chains[chain]
    request = Request.of(catalogue, draws=DRAWS, clients=CLIENTS)
    sets = price_sets_for(declared, catalogue)
    together = appraise_all(declared, catalogue, FITS[chain], CODES, request, sets, cost_fit())
    assert list(together) == sets
    for name, dataset in together.items():
        xr.testing.assert_identical(dataset, run(catalogue, chain, price_set=name))


def test_risks_of_no_work_fall_to_the_rate_of_later_years(catalogue: Catalogue) -> None:
    """After the follow-up work is found at a lower rate, the same for both options."""
    chain = work_chain(catalogue)
    request = Request.of(catalogue, draws=DRAWS)
    cohorts = Cohorts(chain, catalogue, FITS[FAMILY], ("837",), request)
    risk = float(cohorts.risk.sel(option="usual", municipality="837", draw=2))
    ratio = float(cohorts.drawn("later_risk_ratio")[2])
    later = float(cohorts.later_risk.sel(municipality="837", draw=2))
    rate = -math.log(risk)  # of finding work, -ln(probability of not having found it)
    assert later == pytest.approx(math.exp(-rate * ratio), rel=1e-9)
    assert list(states(chain, catalogue, FITS[FAMILY], ["837"], request)["option"].values) == list(OPTIONS)
