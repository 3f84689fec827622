"""From person-years to euros: every euro has a payer and a year, and nothing is lost on the way."""

from __future__ import annotations

import math

import numpy as np
import pytest
import xarray as xr
from avoided_builders import by_draw, inputs_for, risk_by_option, yearly_risk

from costeff.avoided_cost import MODELS, AvoidedCostModel, cash
from costeff.errors import ModelError

YEARS = [2026, 2027, 2028]
PAYERS = ["municipality", "county", "state"]
PRISON = MODELS["prison"]
every_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


def time_of(model: AvoidedCostModel, draws: int = 4, ratio: float = 0.6) -> xr.DataArray:
    run = model.run(risk_by_option(draws, ratio=ratio), yearly_risk(draws), inputs_for(model, draws), len(YEARS))
    return run["state_time"].assign_coords(year=YEARS)


def price_of(model: AvoidedCostModel, draws: int = 4) -> xr.DataArray:
    prices = [by_draw(np.linspace(40_000, 80_000, draws) + 1000 * n) for n in range(len(model.items))]
    joined = xr.concat(prices, dim=xr.Variable("item", list(model.items)))
    return joined.assign_attrs(unit="EUR/person-year", price_set="national", price_year="2024")


def weights_of(model: AvoidedCostModel) -> xr.DataArray:
    """The payer changes over the years, as when a law moves a duty."""
    shares = np.array([[0.6, 0.4, 0.0], [0.1, 0.7, 0.2], [0.0, 0.5, 0.5]])
    one = xr.DataArray(shares, dims=["year", "payer"], coords={"year": YEARS, "payer": PAYERS})
    return one.expand_dims(item=list(model.items))


def cashable_of(model: AvoidedCostModel, draws: int = 4) -> xr.DataArray:
    share = by_draw(np.linspace(0.1, 0.9, draws)) * xr.DataArray([0.2, 0.6, 1.0], dims="year", coords={"year": YEARS})
    return share.expand_dims(item=list(model.items))


def euros(model: AvoidedCostModel, **changes: xr.DataArray) -> xr.Dataset:
    parts = {
        "state_time": time_of(model),
        "price": price_of(model),
        "payer_weights": weights_of(model),
        "cashable": cashable_of(model),
    }
    return cash(**(parts | changes))


@every_model
def test_against_a_plain_loop(model: AvoidedCostModel) -> None:
    result = euros(model)
    time, price, weights, share = time_of(model), price_of(model), weights_of(model), cashable_of(model)
    assert result["average"].dims == result["cashable"].dims == ("option", "draw", "payer", "year")
    for option in ("usual", "new"):
        for draw in range(4):
            for payer in PAYERS:
                for year in YEARS:
                    average = part = 0.0
                    for item in model.items:
                        euro = float(time.sel(option=option, draw=draw, year=year, state=item))
                        euro *= float(price.sel(item=item, draw=draw))
                        euro *= float(weights.sel(item=item, payer=payer, year=year))
                        average += euro
                        part += euro * float(share.sel(item=item, draw=draw, year=year))
                    place = {"option": option, "draw": draw, "payer": payer, "year": year}
                    assert float(result["average"].sel(place)) == pytest.approx(average, rel=1e-13)
                    assert float(result["cashable"].sel(place)) == pytest.approx(part, rel=1e-13)


@every_model
def test_payers_sum_to_the_total(model: AvoidedCostModel) -> None:
    items = list(model.items)
    time = time_of(model).sel(state=items).rename(state="item")
    total = (time * price_of(model)).sum("item")
    np.testing.assert_allclose(euros(model)["average"].sum("payer"), total, rtol=1e-13)


@every_model
@pytest.mark.parametrize("factor", [0.0, 0.25, 10.0])
def test_prices_scale_linearly(model: AvoidedCostModel, factor: float) -> None:
    one, many = euros(model), euros(model, price=price_of(model) * factor)
    for name in ("average", "cashable"):
        np.testing.assert_allclose(many[name], one[name] * factor, rtol=1e-13)


@every_model
def test_equal_options_differ_by_exactly_zero_euros(model: AvoidedCostModel) -> None:
    result = euros(model, state_time=time_of(model, ratio=1))
    assert (result.sel(option="usual") == result.sel(option="new")).all()


@every_model
def test_cashable_is_part_of_the_average(model: AvoidedCostModel) -> None:
    result = euros(model)
    assert (result["cashable"] <= result["average"]).all()
    assert (euros(model, cashable=cashable_of(model) * 0)["cashable"] == 0).all()
    xr.testing.assert_allclose(
        euros(model, cashable=cashable_of(model) * 0 + 1)["cashable"], result["average"], rtol=1e-13
    )


@every_model
def test_prices_as_a_dataset_and_what_the_result_says(model: AvoidedCostModel) -> None:
    as_dataset = price_of(model).to_dataset("item").assign_attrs(price_set="national", price_year="2024")
    result = euros(model, price=as_dataset)  # type: ignore[arg-type]
    xr.testing.assert_allclose(result, euros(model))
    assert result["average"].attrs == {"unit": "EUR", "price_set": "national", "price_year": "2024"}


def test_municipalities_have_their_own_payers() -> None:
    here = weights_of(PRISON)
    there = here.assign_coords(payer=["county", "municipality", "state"]).reindex(payer=PAYERS)
    both = xr.concat([here, there], dim=xr.Variable("municipality", ["049", "091"]))
    result = euros(PRISON, payer_weights=both)["average"]
    assert result.dims == ("option", "draw", "municipality", "payer", "year")
    np.testing.assert_array_equal(
        result.sel(municipality="049", payer="county"), result.sel(municipality="091", payer="municipality")
    )


# --- broken input ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"price": -price_of(PRISON)}, "price at item in_prison, draw 0: is -40000"),
        ({"price": price_of(PRISON) * math.nan}, "price at item in_prison, draw 0: is missing"),
        ({"price": price_of(PRISON).isel(item=0, drop=True)}, "price: has no labelled dim `item`"),
        ({"price": price_of(PRISON).assign_coords(item=["in_jail"])}, "price in_jail: is no state"),
        ({"price": price_of(PRISON, 3)}, "price draw: labels"),
        ({"payer_weights": weights_of(PRISON) * 0.9}, "item in_prison, year 2026: sum to 0.9 over payers"),
        ({"payer_weights": weights_of(PRISON) * 2 - 0.2}, "is -0.2; it has to be at least 0"),
        ({"payer_weights": weights_of(PRISON).assign_coords(year=[0, 1, 2])}, "payer_weights year: labels"),
        ({"state_time": time_of(PRISON).assign_coords(year=[0, 1, 2])}, "labels .* are not those of state_time"),
        ({"state_time": time_of(PRISON).isel(year=0)}, "state_time: has no labelled dim `year`"),
        ({"cashable": cashable_of(PRISON) + 0.5}, "cashable at .*: is 1.4; it has to be at least 0 and at most 1"),
        ({"cashable": cashable_of(PRISON).assign_coords(item=["in_jail"])}, "cashable item: labels"),
    ],
)
def test_what_cannot_be_priced_is_refused(changes: dict[str, xr.DataArray], told: str) -> None:
    with pytest.raises(ModelError, match=told):
        euros(PRISON, **changes)
