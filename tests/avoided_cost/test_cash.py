"""From person-years to euros: every euro has a payer and a year, and nothing is lost on the way."""

from __future__ import annotations

import math

import numpy as np
import pytest
import xarray as xr
from avoided_builders import by_draw, inputs_for, risk_by_option, risks, yearly_risk

from costeff.avoided_cost import MODELS, AvoidedCostModel, cash, in_whole_units
from costeff.errors import ModelError

JAIL = ["in_jail", *MODELS["prison"].items[1:]]
YEARS = [2026, 2027, 2028]
PAYERS = ["municipality", "county", "state"]
PRISON = MODELS["prison"]
FIRST = PRISON.items[0]
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
    time = time_of(model).sel(state=list(model.items)).transpose("option", "draw", "year", "state").values.tolist()
    price = price_of(model).transpose("draw", "item").values.tolist()
    weights = weights_of(model).transpose("item", "payer", "year").values.tolist()
    share = cashable_of(model).transpose("item", "draw", "year").values.tolist()
    assert result["average"].dims == result["cashable"].dims == ("option", "draw", "payer", "year")
    got = {name: result[name].values.tolist() for name in ("average", "cashable")}
    for option, draw, payer, year in np.ndindex(2, 4, len(PAYERS), len(YEARS)):
        average = part = 0.0
        for item in range(len(model.items)):
            euro = time[option][draw][year][item] * price[draw][item] * weights[item][payer][year]
            average += euro
            part += euro * share[item][draw][year]
        assert got["average"][option][draw][payer][year] == pytest.approx(average, rel=1e-13)
        assert got["cashable"][option][draw][payer][year] == pytest.approx(part, rel=1e-13)


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


# --- whole units ----------------------------------------------------------------------------------------


def in_care(usual: float, new: float) -> xr.DataArray:
    """Person-years of one client in one year."""
    return risks(usual, new).expand_dims(year=[2026], state=["care"]).transpose("option", "year", "state")


@pytest.mark.parametrize(
    ("usual", "new", "places", "clients", "left"),
    [
        (0.5, 0.3, 7, 100, 0.36),  # 20 person-years are two units of 7; 6 of them stay paid for
        (0.5, 0.3, 21, 100, 0.5),  # no whole unit
        (0.5, 0.3, 20, 100, 0.3),  # one, exactly
        (0.3, 0.5, 7, 100, 0.44),  # more time opens as many as less would close
        (0.5, 0.5, 7, 100, 0.5),
        (0.5, 0.3, 1e-9, 100, 0.3),
        (1 / 7, 0.0, 1 / 7, 7, 0.0),  # 7 x (1 / 7) is a unit, whatever a computer makes of it
    ],
)
def test_as_many_whole_units_close_as_fit(usual: float, new: float, places: float, clients: int, left: float) -> None:
    got = in_whole_units(in_care(usual, new), places, clients)
    assert got.dims == ("option", "year", "state")
    assert float(got.sel(option="usual").squeeze()) == usual
    assert float(got.sel(option="new").squeeze()) == pytest.approx(left, abs=1e-7)


@every_model
def test_whole_units_against_a_plain_loop(model: AvoidedCostModel) -> None:
    time, sizes = time_of(model), [0.01, 0.3, 2.0, 50.0]
    got = in_whole_units(time, by_draw(np.array(sizes)), 40)
    assert got.dims == time.dims == ("option", "draw", "year", "state")
    (usual, new), (same, left) = time.values.tolist(), got.values.tolist()
    assert same == usual
    for draw, year, state in np.ndindex(*time.shape[1:]):
        size, before = sizes[draw], usual[draw][year][state]
        freed = (before - new[draw][year][state]) * 40
        closed = math.copysign(math.floor(abs(freed) / size + 1e-9), freed)
        assert left[draw][year][state] == pytest.approx(before - closed * size / 40, abs=1e-12)


@every_model
def test_what_waits_for_a_unit_and_what_stops_at_once(model: AvoidedCostModel) -> None:
    """The part that stops at once follows the time; the rest of what can be stopped follows the units."""
    time, at_once = time_of(model), by_draw(np.full(4, 0.02)).expand_dims(item=list(model.items))
    stepped = in_whole_units(time, 0.5, 40)
    got = euros(model, at_once=at_once, stepped=stepped)["cashable"]
    now = euros(model, cashable=cashable_of(model) * 0 + 0.02)["cashable"]
    rest = euros(model, state_time=stepped, cashable=cashable_of(model) - 0.02)["cashable"]
    np.testing.assert_allclose(got, now + rest, rtol=1e-12, atol=1e-9)
    none = euros(model, at_once=at_once, stepped=time)["cashable"]
    np.testing.assert_allclose(none, euros(model)["cashable"], rtol=1e-12)


@pytest.mark.parametrize(
    ("time", "places", "clients", "told"),
    [
        (in_care(0.5, 0.3), 0, 100, "places: is 0; it has to be above 0"),
        (in_care(0.5, 0.3), -2, 100, "places: is -2"),
        (in_care(0.5, 0.3), by_draw(np.array([1.0, math.nan])), 100, "places at draw 1: is missing"),
        (in_care(0.5, 0.3), 7, 0, "clients: is 0; it has to be above 0"),
        (in_care(0.5, 0.3).isel(option=0, drop=True), 7, 100, "state_time: has no labelled dim `option`"),
    ],
)
def test_units_that_cannot_be_counted(time: xr.DataArray, places: float, clients: float, told: str) -> None:
    with pytest.raises(ModelError, match=told):
        in_whole_units(time, places, clients)


# --- broken input ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"price": -price_of(PRISON)}, f"price at item {FIRST}, draw 0: is -40000"),
        ({"price": price_of(PRISON) * math.nan}, f"price at item {FIRST}, draw 0: is missing"),
        ({"price": price_of(PRISON).isel(item=0, drop=True)}, "price: has no labelled dim `item`"),
        ({"price": price_of(PRISON).assign_coords(item=JAIL)}, "price in_jail: is no state"),
        ({"price": price_of(PRISON, 3)}, "price draw: labels"),
        ({"payer_weights": weights_of(PRISON) * 0.9}, f"item {FIRST}, year 2026: sum to 0.9 over payers"),
        ({"payer_weights": weights_of(PRISON) * 2 - 0.2}, "is -0.2; it has to be at least 0"),
        ({"payer_weights": weights_of(PRISON).assign_coords(year=[0, 1, 2])}, "payer_weights year: labels"),
        ({"state_time": time_of(PRISON).assign_coords(year=[0, 1, 2])}, "labels .* are not those of state_time"),
        ({"state_time": time_of(PRISON).isel(year=0)}, "state_time: has no labelled dim `year`"),
        ({"cashable": cashable_of(PRISON) + 0.5}, "cashable at .*: is 1.4; it has to be at least 0 and at most 1"),
        ({"cashable": cashable_of(PRISON).assign_coords(item=JAIL)}, "cashable item: labels"),
        ({"cashable": cashable_of(PRISON) * math.nan}, "cashable at .*: is missing"),
        ({"cashable": cashable_of(PRISON).isel(year=0)}, "cashable: has no labelled dim `year`"),
    ],
)
def test_what_cannot_be_priced_is_refused(changes: dict[str, xr.DataArray], told: str) -> None:
    with pytest.raises(ModelError, match=told):
        euros(PRISON, **changes)
