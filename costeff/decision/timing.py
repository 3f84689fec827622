"""When money comes back: payback and trough of any yearly flow over draws."""

from __future__ import annotations

import numpy as np
import xarray as xr

from costeff.checks import reals
from costeff.errors import Problems, UsageError

_CLOSE = 1e-9  # a sum nearer to 0 than this, in proportion to the largest year, is 0: rounding must not owe money
_FROM_START = "year from the start, 1 is the first"


def payback(flow: xr.DataArray) -> xr.Dataset:
    """When a yearly flow has paid for itself for good, and how deep it goes before.

    Parameters
    ----------
    flow
        Net saving by year, dims (draw, year) and any others; above 0 is saved, below 0 is paid out.

    Returns
    -------
    Dataset with

        payback_year (draw, ...)
            First year from which the sum so far is 0 or more and stays so to the last year: 1 is the first year (also
            where nothing was ever owed), NaN is never within the years.
        probability (year, ...)
            Share of draws paid back by the end of each year.
        never (...)
            Share of draws not paid back within the years.
        depth (draw, ...)
            Lowest sum so far, at most 0: the money that has to be found.
        trough_year (draw, ...)
            The year of it, NaN where the sum is never below 0.

    Raises
    ------
    UsageError
        For a flow without draws or years, with a missing value, or with years out of order.
    """
    _check(flow)
    total = summed(flow)
    when, low = paid_back(total), deepest(total)
    chance = by_year(when, total["year"])
    never = when.isnull().mean("draw").assign_attrs(unit="probability")
    attrs = {**flow.attrs, "horizon": flow.sizes["year"]}
    return xr.Dataset({"payback_year": when, "probability": chance, "never": never, **low.data_vars}, attrs=attrs)


def summed(flow: xr.DataArray) -> xr.DataArray:
    """The flow from the first year to the end of each year; what is left of it by rounding is 0."""
    axis = flow.get_axis_num("year")
    return flow.copy(data=np.moveaxis(running(np.moveaxis(flow.to_numpy(), axis, -1)), -1, axis))


def running(flow: np.ndarray) -> np.ndarray:
    """`summed` of plain numbers, the last axis being the years."""
    total = np.cumsum(flow, axis=-1)
    return np.where(np.abs(total) <= _CLOSE * np.abs(flow).max(axis=-1, keepdims=True), 0.0, total)


def paid_back(total: xr.DataArray) -> xr.DataArray:
    """First year from which a sum stays at 0 or more, counted from 1; NaN for never."""
    below, years = total < 0, total.sizes["year"]
    last_below = years - below.isel(year=slice(None, None, -1)).argmax("year")
    first = (last_below + 1.0).where(below.any("year"), 1.0)
    found = first.where(first <= years).drop_vars("year", errors="ignore").rename("payback_year")
    return found.assign_attrs({**total.attrs, "unit": _FROM_START, "horizon": years})


def by_year(when: xr.DataArray, years: xr.DataArray) -> xr.DataArray:
    """Share of draws paid back by the end of each year."""
    number = xr.DataArray(np.arange(1, years.size + 1), dims="year", coords={"year": years.values})
    share = (when <= number).mean("draw").transpose("year", ...).rename("probability")
    return share.assign_attrs({**when.attrs, "unit": "probability"})


def deepest(total: xr.DataArray) -> xr.Dataset:
    """`depth`, at most 0, and `trough_year` of a sum."""
    lowest = total.min("year", skipna=False)
    depth = lowest.clip(max=0.0).assign_attrs(total.attrs)
    year = (total.argmin("year", skipna=False) + 1.0).where(lowest < 0)
    out = {"depth": depth.rename("depth"), "trough_year": year.assign_attrs(unit=_FROM_START)}
    return xr.Dataset(out, attrs=total.attrs)


def _check(flow: xr.DataArray) -> None:
    problems = Problems()
    if not isinstance(flow, xr.DataArray) or not {"draw", "year"} <= set(flow.dims):
        problems.add("flow", "is not over draw and year", "give a DataArray with both dims")
        problems.raise_if_any(UsageError, "The flow has no payback")
    if not flow.sizes["draw"] or not flow.sizes["year"]:
        problems.add("flow", "has no draws or no years", "give at least one of each")
    if "year" not in flow.indexes:
        problems.add("flow year", "has no labels", "assign the coordinate")
    elif flow["year"].dtype.kind not in "iuf" or not (np.diff(flow["year"].to_numpy()) == 1).all():
        problems.add("flow year", "does not go on by one", "give every year as a number, in order")
    numbers = reals(flow)
    if numbers is None:
        problems.add("flow", "holds values that are not numbers", "give EUR")
    elif not np.isfinite(numbers).all():
        problems.add("flow", "has a value that is missing or infinite", "a year without money is 0")
    problems.raise_if_any(UsageError, "The flow has no payback")
