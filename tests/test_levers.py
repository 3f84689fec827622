"""One municipality's appraisal as a function of its numbers: at the base the headline, elsewhere the same appraisal
of a catalogue or a fit in which that number is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xarray as xr
from appraisal_builders import DRAWS, FAMILY, SUPPORT, cost_fit, family_fit, support_fit

from costeff import decision
from costeff.appraisal import Request, appraise
from costeff.appraisal.levers import CASHABLE, CLIENTS, DISCOUNT, HALF_LIFE, RATIO, RISK, SERVICE, Levers
from costeff.errors import UsageError
from costeff.outcomes.fit import Fit
from costeff.params import Catalogue, what_if

PLACE = "837"  # Tampere
DAY = "child_welfare_institution_day"
LEAVING = "taking_into_care.annual_exit_rate"


def levers(catalogue: Catalogue, chain: str = FAMILY, **asked: Any) -> Levers:
    fit = family_fit() if chain == FAMILY else support_fit()
    request = Request.of(
        catalogue, **{"draws": DRAWS, "clients": 100, "horizon_years": 5, "price_set": "national", **asked}
    )
    costs = cost_fit(spread=200.0) if chain == FAMILY else None
    return Levers(catalogue.chains[chain], catalogue, fit, PLACE, request, costs)


@pytest.fixture(scope="module")
def family(catalogue: Catalogue) -> Levers:
    return levers(catalogue)


@pytest.fixture(scope="module")
def support(catalogue: Catalogue) -> Levers:
    return levers(catalogue, SUPPORT)


def told(ds: xr.Dataset) -> xr.DataArray:
    return decision.by_payer(ds.sel(municipality=PLACE, drop=True)).mean("draw")


def headline(
    of: Levers, catalogue: Catalogue | None = None, fit: Fit | None = None, costs: Fit | None = None, **asked: Any
) -> xr.DataArray:
    """The appraisal made by hand, with something of it changed."""
    request = of.request.override(**asked)
    return told(appraise(of.chain, catalogue or of.catalogue, fit or of.fit, [PLACE], request, costs or of.costs))


def known(catalogue: Catalogue, key: str, value: float) -> Catalogue:
    return what_if(catalogue, key, "a test", mean=value, low=None, high=None, family="fixed")


# --- at the base --------------------------------------------------------------------------------------


def test_the_base_is_the_headline_to_the_last_digit(family: Levers, support: Levers) -> None:
    for each in (family, support):
        xr.testing.assert_identical(each(each.base).drop_attrs(), headline(each).drop_attrs())
        xr.testing.assert_identical(each({}).drop_attrs(), each(each.base).drop_attrs())


def test_the_whole_appraisal_at_the_base_is_that_of_appraise(family: Levers) -> None:
    whole = appraise(family.chain, family.catalogue, family.fit, [PLACE], family.request, family.costs)
    xr.testing.assert_identical(family.appraisal({}), whole.sel(municipality=PLACE, drop=True))


def test_the_base_is_the_headline_under_every_switch(catalogue: Catalogue) -> None:
    switched = levers(
        catalogue, links=("placement_to_prison",), whole_units=True, claw_back=True, persistence="wanes", draws=5
    )
    xr.testing.assert_identical(switched(switched.base).drop_attrs(), headline(switched).drop_attrs())


def test_who_is_told_of_does_not_change_with_what_is_moved(family: Levers) -> None:
    """Clients of the whole country, evidence and the rest of what an appraisal says about itself."""
    before, after = family.appraisal({}), family.appraisal({RISK: 0.2, RATIO: 0.8})
    changed = {key for key in before.attrs if before.attrs[key] != after.attrs[key]}
    assert changed == {"input_hash"}, "another result has another hash, and that is all"
    assert set(before.attrs) == set(after.attrs)


def test_the_base_is_the_mean_of_what_is_drawn_and_lies_in_its_range(family: Levers, support: Levers) -> None:
    for each in (family, support):
        ranges = each.ranges()
        assert set(ranges) == set(each.parameters) == set(each.base) - {CLIENTS, DISCOUNT}
        assert each.base[CLIENTS] == 100
        for name, (low, high) in ranges.items():
            drawn = each.parameters[name]
            assert low < high
            assert low <= each.base[name] == float(drawn.mean()) <= high
            assert float(drawn.min()) <= low
            assert high <= float(drawn.max())
        narrow = each.ranges(0.2)
        assert all(ranges[name][0] <= low <= high <= ranges[name][1] for name, (low, high) in narrow.items())


def test_what_is_drawn_is_what_the_appraisal_draws(family: Levers, support: Levers) -> None:
    whole = appraise(family.chain, family.catalogue, family.fit, [PLACE], family.request, family.costs)
    here = whole.sel(municipality=PLACE, drop=True)
    risk = 1 - here["effect"]
    np.testing.assert_allclose(family.parameters[RISK], risk.sel(option="usual"))
    np.testing.assert_allclose(family.parameters[RATIO], risk.sel(option="new") / risk.sel(option="usual"))
    extra = here["cost"].sum(("payer", "year"))
    np.testing.assert_allclose(family.parameters[SERVICE], (extra.sel(option="new") - extra.sel(option="usual")) / 100)
    np.testing.assert_array_equal(support.parameters[RATIO], support.fit.effect["ratio"])
    assert {RISK, SERVICE}.isdisjoint(support.parameters)
    assert {DAY, DAY + CASHABLE, LEAVING} <= set(family.parameters)


def test_parameters_line_up_with_the_draws_of_the_appraisal(catalogue: Catalogue) -> None:
    """Fewer draws than the fit has: those of the appraisal are taken, and their labels are its labels."""
    for chain in (FAMILY, SUPPORT):
        few = levers(catalogue, chain, draws=5)
        ds = few.appraisal({})
        assert few.parameters["draw"].to_numpy().tolist() == ds["draw"].to_numpy().tolist()
        pair = decision.cost_and_effect(ds)
        decision.tornado(pair["cost"], pair["effect"], few.parameters, 0.0)  # refuses what does not line up


def test_numbers_have_a_name_in_three_languages_and_a_unit(family: Levers, support: Levers) -> None:
    for each in (family, support):
        for name in each.base:
            assert all(each.label(name, language) for language in ("fi", "sv", "en"))
        labels = [values.attrs["label_en"] for values in each.parameters.values()]
        assert len(set(labels)) == len(labels), "two numbers have one name"
        assert all(values.attrs["unit"] for values in each.parameters.values())


# --- one number set -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "value"), [(LEAVING, 0.3), ("taking_into_care.later_risk_ratio", 0.1), (DAY, 700.0)])
def test_a_number_of_the_catalogue_moves_as_a_what_if_does(family: Levers, key: str, value: float) -> None:
    expected = headline(family, known(family.catalogue, key, value))
    found = family({**family.base, key: value})
    xr.testing.assert_allclose(found, expected, rtol=1e-12)
    assert float(abs(found - family(family.base)).sum()) > 1


def test_a_number_of_a_chain_with_a_hazard_ratio_moves_as_a_what_if_does(support: Levers) -> None:
    """Its baseline, and the price of its service, which has a price of its own."""
    price = support.chain.input.cost
    for key, value in (("prison.baseline_probability", 0.4), (price, 900.0)):
        assert key in support.base
        expected = headline(support, known(support.catalogue, key, value))
        found = support({**support.base, key: value})
        xr.testing.assert_allclose(found, expected, rtol=1e-12)
        assert float(abs(found - support(support.base)).sum()) > 1


def test_a_hazard_ratio_that_is_set_is_that_of_every_draw(support: Levers) -> None:
    fixed = headline(support, fit=support_fit(ratio=0.8))
    xr.testing.assert_allclose(support({**support.base, RATIO: 0.8}), fixed, rtol=1e-12)


def test_risk_and_effect_that_are_set_are_those_of_every_draw(family: Levers) -> None:
    effect = family.fit.effect
    usual = effect["risk"].sel(option=["usual"])

    def with_risk(low: xr.DataArray, ratio: xr.DataArray | float) -> Fit:
        new = (low * ratio).assign_coords(option=["new"])
        risk = xr.concat([low, new], "option").transpose(*effect["risk"].dims)
        return replace(family.fit, effect=effect.assign(risk=risk), hash="another")

    xr.testing.assert_allclose(
        family({**family.base, RATIO: 0.9}), headline(family, fit=with_risk(usual, 0.9)), rtol=1e-12
    )
    both = with_risk(xr.full_like(usual, 0.2), 0.9)
    xr.testing.assert_allclose(family({**family.base, RISK: 0.2, RATIO: 0.9}), headline(family, fit=both), rtol=1e-12)


def test_no_effect_saves_nothing_but_costs_the_service(family: Levers) -> None:
    found = family({**family.base, RATIO: 1.0})
    assert float(found.sum()) == pytest.approx(-100 * family.base[SERVICE])


def test_the_price_of_the_service_moves_the_saving_by_just_as_much(family: Levers) -> None:
    one, other = (float(family({**family.base, SERVICE: euros}).sum()) for euros in (1_000.0, 1_750.0))
    assert one - other == pytest.approx(100 * 750)
    cheaper = float(family({**family.base, SERVICE: -500.0}).sum())  # a service that costs less than the usual one
    assert cheaper - one == pytest.approx(100 * 1_500)


def test_twice_the_clients_save_twice_as_much_by_each_payer(family: Levers, support: Levers) -> None:
    for each in (family, support):
        xr.testing.assert_allclose(each({**each.base, CLIENTS: 200}), 2 * each(each.base), rtol=1e-12)
        xr.testing.assert_allclose(each({**each.base, CLIENTS: 200}), headline(each, clients=200), rtol=1e-12)


def test_more_that_can_be_stopped_saves_more_and_none_saves_least(family: Levers) -> None:
    key = DAY + CASHABLE
    steps = [float(family({**family.base, key: share}).sum()) for share in (0.0, 0.3, family.base[key], 0.9, 1.0)]
    assert steps == sorted(steps)
    assert steps[0] < steps[-1]


def test_all_that_can_be_stopped_is_the_average_price(family: Levers) -> None:
    """With every cashable share at 1 in the medium run and after, only the first year may fall short of it."""
    shares = {name: 1.0 for name in family.base if name.endswith(CASHABLE)}
    ds = family.appraisal({**family.base, **shares})
    later = ds["year"] > int(ds["year"][0])
    np.testing.assert_allclose(ds["avoided"].where(later, 0), ds["avoided_average"].where(later, 0), rtol=1e-9)


def test_the_half_life_is_a_number_where_the_effect_wanes(catalogue: Catalogue, family: Levers) -> None:
    assert HALF_LIFE not in family.base
    waning = levers(catalogue, persistence="wanes")
    short, long = (float(waning({**waning.base, HALF_LIFE: years}).sum()) for years in (0.25, 4.0))
    assert short < long


def test_the_correction_of_funding_moves_shares_and_not_the_sum(catalogue: Catalogue, family: Levers) -> None:
    moved = levers(catalogue, claw_back=True)
    found = moved({**moved.base, RATIO: 0.6})
    assert set(found["payer"].to_numpy()) > set(family(family.base)["payer"].to_numpy())
    assert float(found.sum()) == pytest.approx(float(family({**family.base, RATIO: 0.6}).sum()))


def test_every_call_has_the_same_payers(family: Levers) -> None:
    """So that results can be laid side by side, also where a payer has no money left."""
    free = {name: 0.0 for name in family.base if name.endswith(CASHABLE)}
    assert family({**family.base, **free})["payer"].equals(family(family.base)["payer"])


def test_a_result_told_twice_is_not_shared(family: Levers) -> None:
    first = family({**family.base, RATIO: 0.75})
    first[:] = 0.0
    assert float(abs(family({**family.base, RATIO: 0.75})).sum()) > 0


# --- what cannot be -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("no_such_number", 1.0, "is not a number of this appraisal"),
        (RATIO, float("nan"), "missing, infinite or below 0"),
        (RATIO, -0.1, "missing, infinite or below 0"),
        (DAY, float("inf"), "missing, infinite or below 0"),
        (RISK, 1.2, "above 1"),
        (DAY + CASHABLE, 1.01, "above 1"),
        ("taking_into_care.institution_share", 1.5, "above 1"),
        ("taking_into_care.aftercare_years", 0.0, "is 0"),
        (CLIENTS, 0.4, "less than 1 client"),
    ],
)
def test_a_value_that_its_number_cannot_take_is_refused(family: Levers, name: str, value: float, rule: str) -> None:
    with pytest.raises(UsageError, match="cannot be moved") as refused:
        family({**family.base, name: value})
    assert rule in str(refused.value)
    assert name in str(refused.value)


def test_all_faults_are_told_at_once(family: Levers) -> None:
    with pytest.raises(UsageError) as refused:
        family({**family.base, RISK: 2.0, RATIO: -1.0, "nothing": 0.0})
    assert len(refused.value.problems) == 3


def test_a_chain_with_a_hazard_ratio_has_a_baseline_and_no_risk(support: Levers) -> None:
    with pytest.raises(UsageError, match="is not a number of this appraisal"):
        support({RISK: 0.3})
    with pytest.raises(UsageError, match="above 1"):
        support({"prison.baseline_probability": 1.5})


def test_what_is_held_has_its_base_on_the_curve(family: Levers) -> None:
    """A number of every draw at its mean is another headline than one as it was drawn, and next to itself."""
    key = "taking_into_care.annual_exit_rate"
    base, beside = family.base, {**family.base, key: family.base[key] * (1 + 1e-9)}
    near = float(family(beside).sum())
    assert float(family.holding(key)(base).sum()) == pytest.approx(near, rel=1e-6)
    assert abs(float(family(base).sum()) - near) > 1e-4 * abs(near)


def test_a_place_that_is_not_known_is_refused(catalogue: Catalogue) -> None:
    with pytest.raises(UsageError, match="cannot be appraised"):
        replace(levers(catalogue), municipality="049")({})  # Espoo, which the fit has not seen


# --- as the analyses use it ---------------------------------------------------------------------------


def test_a_tornado_and_a_break_even_of_an_appraisal(family: Levers) -> None:
    found = decision.one_way(family, family.base, {RATIO: (0.6, 0.8), SERVICE: (3_000.0, 5_000.0)})
    assert set(found["parameter"].to_numpy()) == {RATIO, SERVICE}
    service = found.sel(parameter=SERVICE)
    assert float(service["width"]) == pytest.approx(100 * 2_000)
    ratio = found.sel(parameter=RATIO)["change"].sum("payer")
    assert float(ratio.sel(end="low")) > 0 > float(ratio.sel(end="high"))
    turn = decision.break_even(family, family.base, SERVICE, 0.0, 20_000.0, points=3)
    assert len(turn.turns) == 1
    assert float(family({**family.base, SERVICE: turn.turns[0]}).sum()) == pytest.approx(0, abs=1)
