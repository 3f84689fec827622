"""From time in priced states to euros, by payer and year: at the average price, and what can be stopped."""

from __future__ import annotations

import numpy as np
import xarray as xr

from costeff.cohort import CellProblems, bare, check_labels, check_range
from costeff.cohort.labels import ROW_TOLERANCE
from costeff.draws import USUAL
from costeff.errors import ModelError

BIG = np.finfo(float).max


def cash(
    state_time: xr.DataArray,
    price: xr.DataArray | xr.Dataset,
    payer_weights: xr.DataArray,
    cashable: xr.DataArray,
    at_once: xr.DataArray | float = 0.0,
    stepped: xr.DataArray | None = None,
) -> xr.Dataset:
    """Euros of the time in priced states: at the full average price, and the part a payer can stop paying.

    Parameters
    ----------
    state_time
        (..., year, state) person-years; a difference may be below 0.
    price
        EUR per person-year by `item`, the id of a priced state, and `draw`; or a Dataset of one variable per item.
    payer_weights
        (item, payer, year, ...) the share that each payer pays; sums to one over payers.
    cashable
        (item, draw, year) the share of the price that stops when the time is avoided, 0 to 1.
    at_once, stepped
        Where the rest stops only with whole units: the share of the price that stops with each person-year
        (item, draw), and the time that whole units leave, from `in_whole_units`. Without them all of
        `cashable` stops with the time itself.

    Returns
    -------
    Dataset with `average` and `cashable` (..., payer, year), EUR, undiscounted; the sum over payers
    is the price of all the time.

    Raises
    ------
    ModelError
        For a price below 0, shares out of 0 to 1 or not summing to one, values missing, items that are
        not states, labels that differ.
    """
    prices = price.to_dataarray("item") if isinstance(price, xr.Dataset) else price
    _check_cash(state_time, prices, payer_weights, cashable)
    euros = _priced(state_time, prices)
    parts = {"average": euros, "cashable": euros * cashable}
    if stepped is not None:
        parts["cashable"] = euros * at_once + _priced(stepped, prices) * (cashable - at_once)
    # Sums of products, not einsum: its vector lanes round differently, and equal arms have to be exactly equal.
    shared = {name: (part * payer_weights).sum("item", skipna=False) for name, part in parts.items()}
    carried = {key: price.attrs[key] for key in ("price_set", "price_year", "sources") if key in price.attrs}
    for values in shared.values():
        values.attrs = {"unit": "EUR", **carried}
    return xr.Dataset(shared, attrs=carried).transpose(..., "payer", "year")


def _priced(time: xr.DataArray, prices: xr.DataArray) -> xr.DataArray:
    return bare(time.sel(state=list(prices["item"].values)).rename(state="item")) * prices


def in_whole_units(state_time: xr.DataArray, places: xr.DataArray | float, clients: float) -> xr.DataArray:
    """The time that is left when units of `places` close, or open, only as a whole.

    Of the person-years that `clients` clients avoid in a year, as many whole units as fit in them close;
    the rest stays paid for. Time that is added counts in the same way, so that swapped options swap the sign.

    Parameters
    ----------
    state_time
        (option, ..., year, state) person-years of one client.
    places
        Persons a unit holds all year round, above 0.
    clients
        How many clients the time is counted for: those of one cohort.

    Raises
    ------
    ModelError
        For units of no places, no clients, or time without options.
    """
    problems = CellProblems()
    if "option" not in state_time.indexes:
        problems.add("state_time", "has no labelled dim `option`", "whole units close when one option is chosen")
    check_range(problems, "places", places, 0, BIG, above=True)
    check_range(problems, "clients", clients, 0, BIG, above=True)
    problems.raise_if_any(ModelError, "Whole units cannot be counted")
    usual = state_time.sel(option=USUAL, drop=True)
    units = (usual - state_time) * clients / places
    whole: xr.DataArray = xr.apply_ufunc(np.trunc, units + 1e-9 * np.sign(units))  # 7 x (1 / 7) is a unit
    return (usual - whole * places / clients).transpose(*state_time.dims)


def _check_cash(time: xr.DataArray, prices: xr.DataArray, payer_weights: xr.DataArray, cashable: xr.DataArray) -> None:
    problems = CellProblems()
    arrays = {"state_time": time, "price": prices, "payer_weights": payer_weights, "cashable": cashable}
    needs = {
        "state_time": ("year", "state"),
        "price": ("item",),
        "payer_weights": ("item", "payer", "year"),
        "cashable": ("item", "year"),
    }
    for name, dims in needs.items():
        for dim in dims:
            if dim not in arrays[name].indexes:
                problems.add(name, f"has no labelled dim `{dim}`", f"it needs {', '.join(dims)}")
    problems.raise_if_any(ModelError, "Time cannot be priced")
    unknown = [item for item in prices["item"].values if item not in time.indexes["state"]]
    for item in unknown:
        problems.add(f"price {item}", "is no state", f"the states are {', '.join(time.indexes['state'])}")
    check_labels(problems, arrays)
    check_range(problems, "state_time", time, -BIG, BIG)
    check_range(problems, "price", prices, 0, BIG)
    check_range(problems, "payer_weights", payer_weights, 0, 1)
    check_range(problems, "cashable", cashable, 0, 1)
    total = payer_weights.sum("payer", skipna=False)
    off = np.abs(total.values - 1) > ROW_TOLERANCE
    problems.add_cells("payer_weights", total, off, "sum to {} over payers, not to 1", "every euro has a payer")
    problems.raise_if_any(ModelError, "Time cannot be priced")
