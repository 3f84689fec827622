"""What an appraisal says: by hand on small cases, in properties, in the ordinary awkward cases, and when broken."""

from __future__ import annotations

import math

import numpy as np
import pytest
import xarray as xr
from decision_builders import PAYERS, YEARS, appraisal, random_appraisal, with_avoided
from hypothesis import given, settings
from hypothesis import strategies as st

from costeff import decision
from costeff.decision import Verdict
from costeff.draws import OPTIONS
from costeff.errors import ModelError, UsageError

# --- by hand ------------------------------------------------------------------------------------------


def test_net_saving_by_hand() -> None:
    ds = appraisal(price=1000, saved=400)
    assert decision.net_saving(ds).values.tolist() == [100 * (4 * 400 - 800)] * 4
    assert decision.net_saving(ds, horizon=1).values.tolist() == [100 * (400 - 800)] * 4
    assert decision.net_saving(ds, basis="average").values.tolist() == [100 * (4 * 800 - 800)] * 4
    assert decision.net_saving(ds, payer="county").values.tolist() == [100 * 4 * 400] * 4
    assert decision.net_saving(ds, payer=["municipality"]).values.tolist() == [-100 * 800] * 4


def test_savings_land_in_another_pocket() -> None:
    paid = decision.by_payer(appraisal(price=1000, saved=400), horizon=2)
    assert paid.dims == ("draw", "payer")
    assert paid.isel(draw=0).values.tolist() == [-80_000, 80_000]


def test_discounting_weighs_each_year() -> None:
    ds = appraisal(price=1000, saved=400, rate=0.05)
    expected = 100 * (400 * sum(1.05**-t for t in range(4)) - 800)
    assert float(decision.net_saving(ds)[0]) == pytest.approx(expected)
    assert float(decision.net_saving(ds, discounted=False)[0]) == 80_000


def test_cumulative_trough_and_payback() -> None:
    ds = appraisal(price=1000, saved=300)
    total = decision.cumulative(ds)
    assert total.dims == ("draw", "year")
    assert total["year"].values.tolist() == YEARS
    assert total.isel(draw=0).values.tolist() == [-50_000, -20_000, 10_000, 40_000]
    trough = decision.trough(ds)
    assert trough["depth"].values.tolist() == [-50_000] * 4
    assert trough["trough_year"].values.tolist() == [1] * 4
    assert decision.payback_year(ds).values.tolist() == [3] * 4
    chance = decision.payback_probability(ds)
    assert chance["year"].values.tolist() == YEARS
    assert chance.values.tolist() == [0, 0, 1, 1]


def test_payback_has_to_last() -> None:
    """The sum is above zero in the second year, below it in the third, and above it again in the fourth."""
    ds = appraisal(price=600, saved=[300.0, 200.0, -300.0, 400.0])
    assert decision.cumulative(ds).isel(draw=0).values.tolist() == [-10_000, 10_000, -20_000, 20_000]
    assert decision.payback_year(ds).values.tolist() == [4] * 4
    assert decision.payback_year(ds, horizon=2).values.tolist() == [2] * 4
    assert np.isnan(decision.payback_year(ds, horizon=3)).all()
    assert decision.trough(ds)["trough_year"].values.tolist() == [3] * 4


def test_draws_decide_the_probabilities() -> None:
    saved = np.array([[100.0], [300.0], [500.0], [900.0]]) * np.ones(4)
    ds = appraisal(price=1000, saved=saved)
    assert decision.payback_year(ds).values.tolist()[1:] == [3, 2, 1]
    assert math.isnan(float(decision.payback_year(ds)[0]))
    assert decision.payback_probability(ds).values.tolist() == [0.25, 0.5, 0.75, 0.75]
    assert float(decision.probability_of_saving(ds)) == 0.75
    assert float(decision.probability_of_saving(ds, horizon=1)) == 0.25
    assert float(decision.probability_of_saving(ds, payer="municipality")) == 0


@pytest.mark.parametrize(
    ("price", "events", "verdict", "ratio"),
    [
        (1000.0, (30.0, 20.0), Verdict.SAVES_AND_HELPS, -8_000.0),
        (3000.0, (30.0, 20.0), Verdict.COSTS_AND_HELPS, 12_000.0),
        (3000.0, (20.0, 30.0), Verdict.HARMS, math.nan),
        (1000.0, (20.0, 30.0), Verdict.HARMS, math.nan),
        (1000.0, (20.0, 20.0), Verdict.NO_EFFECT, math.nan),
    ],
)
def test_cost_per_outcome(price: float, events: tuple[float, float], verdict: Verdict, ratio: float) -> None:
    result = decision.cost_per_outcome(appraisal(price=price, events=events))
    assert result.verdict is verdict
    assert result.events_avoided == events[0] - events[1]
    assert result.net_cost == (price - 200 - 1600) * 100
    assert result.ratio == ratio or (math.isnan(result.ratio) and math.isnan(ratio))


def test_it_is_a_ratio_of_means_and_not_a_mean_of_ratios() -> None:
    ds = appraisal(price=3000, draws=2)
    ds["events"] = ds["events"].copy(data=[[30.0, 30.0], [30.0, 10.0]])  # one draw without any effect
    assert decision.cost_per_outcome(ds).ratio == 12_000


def test_break_even_price_by_hand() -> None:
    saved = np.array([100.0, 200.0, 300.0, 400.0, 500.0, 600.0])[:, None] * np.ones(4)
    prices = decision.break_even_price(appraisal(price=1000, saved=saved, draws=6))
    assert float(prices["now"]) == 1000
    assert float(prices["expected"]) == pytest.approx(4 * 350 + 200)
    assert float(prices["confident"]) == pytest.approx(4 * 200 + 200)
    assert prices.attrs["probability"] == 0.8
    assert prices["expected"].attrs == {"unit": "EUR/client"}


def test_results_carry_what_made_them() -> None:
    ds = appraisal()
    calls = (decision.flows, decision.net_saving, decision.by_payer, decision.cumulative, decision.trough)
    more = (decision.payback_year, decision.payback_probability, decision.probability_of_saving)
    for call in (*calls, *more, decision.break_even_price):
        attrs = call(ds).attrs
        assert attrs["seed"] == 7
        assert attrs["synthetic"] == 1
        assert attrs["basis"] == "cashable"
        assert attrs["discounted"] == 1
    assert decision.probability_of_saving(ds).attrs["unit"] == "probability"
    assert decision.net_saving(ds).attrs["unit"] == "EUR"
    assert ds.attrs["unit"] == "EUR"


# --- properties -----------------------------------------------------------------------------------------

seeds = st.integers(0, 10_000)
quick = settings(max_examples=4, deadline=None)


@given(seed=seeds, horizon=st.integers(1, 4), discounted=st.booleans())
@quick
def test_the_parts_make_the_whole(seed: int, horizon: int, discounted: bool) -> None:
    ds = random_appraisal(seed)
    whole = decision.net_saving(ds, horizon, discounted=discounted)
    by_payer = decision.by_payer(ds, horizon, discounted=discounted)
    np.testing.assert_allclose(by_payer.sum("payer"), whole, atol=1e-8)
    last = decision.cumulative(ds, horizon, discounted=discounted).isel(year=-1)
    np.testing.assert_allclose(last, whole, atol=1e-8)
    for payer in PAYERS:
        alone = decision.net_saving(ds, horizon, payer, discounted)
        np.testing.assert_array_equal(alone, by_payer.sel(payer=payer))


@given(seed=seeds)
@settings(max_examples=3, deadline=None)
def test_a_slow_loop_agrees(seed: int) -> None:
    ds = random_appraisal(seed, draws=2)
    for draw in range(2):
        total, sums = 0.0, []
        for year in YEARS:
            for payer in PAYERS:
                place = {"draw": draw, "payer": payer, "year": year}
                part = {o: ds[["cost", "cashable"]].sel(place).sel(option=o) for o in OPTIONS}
                saved = float(part["usual"]["cashable"]) - float(part["new"]["cashable"])
                saved -= float(part["new"]["cost"]) - float(part["usual"]["cost"])
                total += saved * float(ds["discount"].sel(year=year))
            sums.append(total)
        assert float(decision.net_saving(ds)[draw]) == pytest.approx(total, abs=1e-6)
        first = next((k + 1 for k in range(4) if min(sums[k:]) >= 0), math.nan)
        assert float(decision.payback_year(ds)[draw]) == pytest.approx(first, nan_ok=True)
        assert float(decision.trough(ds)["depth"][draw]) == pytest.approx(min(0.0, *sums), abs=1e-6)


@given(seed=seeds)
@quick
def test_swapped_options_flip_the_sign(seed: int) -> None:
    ds = random_appraisal(seed)
    swapped = with_avoided(ds.isel(option=[1, 0]).assign_coords(option=list(OPTIONS)))
    np.testing.assert_allclose(decision.net_saving(swapped), -decision.net_saving(ds), rtol=1e-12)
    there, back = decision.cost_per_outcome(ds), decision.cost_per_outcome(swapped)
    assert back.net_cost == pytest.approx(-there.net_cost)
    assert back.events_avoided == pytest.approx(-there.events_avoided)


@given(seed=seeds)
@quick
def test_equal_options_save_exactly_nothing(seed: int) -> None:
    ds = random_appraisal(seed)
    usual = ds.sel(option=["usual"])
    same = with_avoided(xr.concat([usual, usual.assign_coords(option=["new"])], "option", data_vars="minimal"))
    assert (decision.flows(same) == 0).all()
    assert (decision.net_saving(same) == 0).all()
    assert float(decision.probability_of_saving(same)) == 0
    assert (decision.payback_year(same) == 1).all()  # nothing was ever owed
    assert (decision.trough(same)["depth"] == 0).all()
    assert np.isnan(decision.trough(same)["trough_year"]).all()
    result = decision.cost_per_outcome(same)
    assert (result.net_cost, result.events_avoided, result.verdict) == (0, 0, Verdict.NO_EFFECT)
    assert math.copysign(1, result.net_cost) == 1
    prices = decision.break_even_price(same)
    assert float(prices["now"]) == pytest.approx(float(prices["expected"]))


@given(seed=seeds, factor=st.floats(0.1, 50))
@quick
def test_money_scales(seed: int, factor: float) -> None:
    ds = random_appraisal(seed)
    scaled = ds.copy()
    for name in ("cost", "avoided", "avoided_average"):
        scaled[name] = ds[name] * factor
    np.testing.assert_allclose(decision.net_saving(scaled), decision.net_saving(ds) * factor, rtol=1e-9, atol=1e-6)
    assert float(decision.probability_of_saving(scaled)) == float(decision.probability_of_saving(ds))


@given(seed=seeds)
@quick
def test_discount_zero_is_undiscounted(seed: int) -> None:
    ds = random_appraisal(seed).assign(discount=appraisal(rate=0.0)["discount"])
    np.testing.assert_array_equal(decision.net_saving(ds), decision.net_saving(ds, discounted=False))


@given(seed=seeds)
@quick
def test_at_the_break_even_price_the_service_breaks_even(seed: int) -> None:
    """Put the price back into the appraisal, in the first year, and ask again."""
    ds = random_appraisal(seed, draws=50)
    prices = decision.break_even_price(ds)
    paid = xr.zeros_like(ds["cost"].sel(option="new"))
    paid.loc[{"year": YEARS[0], "payer": PAYERS[0]}] = 100.0

    def at(price: float) -> xr.Dataset:
        cost = xr.concat([ds["cost"].sel(option="usual"), paid * price], "option", coords="minimal", compat="override")
        return ds.assign(cost=cost.assign_coords(option=list(OPTIONS)).transpose(*ds["cost"].dims))

    assert float(decision.net_saving(at(float(prices["expected"]))).mean()) == pytest.approx(0, abs=1e-6)
    confident = float(decision.probability_of_saving(at(float(prices["confident"]))))
    assert confident == pytest.approx(0.8, abs=1 / 50)


# --- ordinary cases ---------------------------------------------------------------------------------------


def test_a_service_that_never_pays_back() -> None:
    ds = appraisal(price=9000, saved=100)
    assert (decision.net_saving(ds) < 0).all()
    assert np.isnan(decision.payback_year(ds)).all()
    assert (decision.payback_probability(ds) == 0).all()
    assert float(decision.probability_of_saving(ds)) == 0
    assert decision.cost_per_outcome(ds).verdict is Verdict.COSTS_AND_HELPS


def test_a_service_that_would_not_pay_even_if_free() -> None:
    prices = decision.break_even_price(appraisal(saved=-100.0))
    assert float(prices["expected"]) == -200
    assert float(prices["confident"]) == -200


def test_an_effect_of_exactly_zero_costs_its_price() -> None:
    ds = appraisal(saved=0.0, events=(20.0, 20.0))
    assert decision.net_saving(ds).values.tolist() == [-80_000] * 4
    assert decision.trough(ds)["depth"].values.tolist() == [-80_000] * 4


def test_a_service_that_costs_nothing_more() -> None:
    ds = appraisal(price=200)
    assert (decision.payback_year(ds) == 1).all()
    assert (decision.trough(ds)["depth"] == 0).all()


# --- broken input -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kwargs", "told"),
    [
        ({"horizon": 0}, "0 is not a number of years from 1 to 4"),
        ({"horizon": 5}, "5 is not a number of years from 1 to 4"),
        ({"horizon": 2.5}, "2.5 is not a number of years"),
        ({"payer": "kela"}, "no money of 'kela'\n.*its payers are municipality, county"),
        ({"payer": ["county", "county"]}, "counted twice"),
        ({"payer": 3}, "no money of 3"),
        ({"horizon": True}, "True is not a number of years"),
        ({"basis": "full"}, "'full' is unknown"),
        ({"basis": ["cashable"]}, "is unknown"),
    ],
)
@pytest.mark.parametrize("call", [decision.net_saving, decision.payback_probability, decision.break_even_price])
def test_questions_that_make_no_sense(call: object, kwargs: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        call(appraisal(), **kwargs)  # type: ignore[operator]


def test_probability_has_to_lie_between_zero_and_one() -> None:
    for probability in (0, 1, 80, "80 %"):
        with pytest.raises(UsageError, match="give a share such as"):
            decision.break_even_price(appraisal(), probability=probability)


@pytest.mark.parametrize(
    ("ds", "told"),
    [
        (appraisal().drop_vars("cost"), "appraisal cost: is missing"),
        (appraisal().drop_vars("discount"), "appraisal discount: is missing"),
        (appraisal().isel(payer=0), "appraisal cost: has the dims"),
        (appraisal().assign(avoided=lambda d: d["avoided"].where(d["draw"] != 2)), "avoided: has missing values"),
        (appraisal().assign_coords(option=["old", "new"]), "it needs usual, new"),
        (appraisal().drop_vars("year"), "appraisal year: has no labels"),
        (appraisal().isel(year=[1, 0, 2, 3]), "is not in order"),
        (appraisal().isel(year=[0, 1, 1, 2]), "appraisal year: has a label twice"),
        (appraisal().isel(payer=[0, 0]), "appraisal payer: has a label twice"),
        (appraisal().assign(cost=lambda d: d["cost"].where(d["draw"] != 2, np.inf)), "cost: .* infinite"),
        (appraisal().assign(avoided=lambda d: d["avoided"].astype(complex)), "avoided: .* not numbers"),
        (appraisal()["cost"], "appraisal: is no Dataset"),
    ],
)
def test_an_appraisal_that_is_not_complete(ds: xr.Dataset, told: str) -> None:
    for call in (decision.net_saving, decision.fiscal_return, decision.cost_per_outcome, decision.break_even_price):
        with pytest.raises(ModelError, match=told):
            call(ds)


def test_break_even_needs_the_number_of_clients() -> None:
    ds = appraisal()
    del ds.attrs["clients"]
    with pytest.raises(ModelError, match="for how many clients"):
        decision.break_even_price(ds)
