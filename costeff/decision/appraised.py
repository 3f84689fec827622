"""What an appraisal says to a decision maker: saved, by whom, when, how surely, and at what price it turns.

Every function reads the Dataset of one appraisal (dims draw, option, payer, year; EUR, undiscounted) and
returns labelled arrays with its attrs. A saving is positive, a loss negative. An effect of zero, a service
that costs more than it saves, and money that never comes back are answers, not errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import numpy as np
import xarray as xr

from costeff.draws import NEW, OPTIONS, USUAL
from costeff.errors import ModelError, Problems, UsageError

Basis = Literal["cashable", "average"]
Payers = str | Sequence[str] | None

_AVOIDED = {"cashable": "avoided", "average": "avoided_average"}
_DIMS = {
    "cost": ("draw", "option", "payer", "year"),
    "avoided": ("draw", "option", "payer", "year"),
    "avoided_average": ("draw", "option", "payer", "year"),
    "events": ("draw", "option"),
    "discount": ("year",),
}


class Verdict(StrEnum):
    """What the mean costs and the mean effect say together."""

    SAVES_AND_HELPS = "saves and helps"
    COSTS_AND_HELPS = "costs and helps"
    NO_EFFECT = "no effect"
    HARMS = "harms"


@dataclass(frozen=True)
class CostPerOutcome:
    """Net cost of one event avoided, as a ratio of means.

    Attributes
    ----------
    net_cost
        Mean net cost of the new option over the usual one, EUR; below 0 it saves.
    events_avoided
        Mean number of events avoided.
    ratio
        EUR per event avoided, only where the option helps; NaN otherwise. Where it also
        saves, the ratio is the saving (below 0) and ranks nothing: a smaller effect makes it larger.
    verdict
        The quadrant.
    """

    net_cost: float
    events_avoided: float
    ratio: float
    verdict: Verdict


# --- money ----------------------------------------------------------------------------------------


def flows(
    ds: xr.Dataset,
    horizon: int | None = None,
    payer: Payers = None,
    discounted: bool = True,
    basis: Basis = "cashable",
) -> xr.DataArray:
    """Net saving by draw, payer and year: what is avoided less what the new option costs more.

    Parameters
    ----------
    ds
        An appraisal.
    horizon
        Number of years counted from the first; None takes all.
    payer
        One payer, some, or None for all.
    discounted
        Weigh each year by the appraisal's discount factors.
    basis
        "cashable" counts what a payer can stop paying, "average" the full average price.

    Returns
    -------
    DataArray (draw, payer, year), EUR

    Raises
    ------
    UsageError
        For a horizon the appraisal does not reach, a payer it has no money for, an unknown basis.
    ModelError
        For a Dataset that is no complete appraisal.
    """
    picked = _pick(ds, horizon, payer, basis)
    saved = picked[_AVOIDED[basis]].sel(option=NEW, drop=True) - _extra(picked)
    weighted = saved * picked["discount"] if discounted else saved
    return _told(weighted.transpose("draw", "payer", "year"), ds, "net_saving", discounted, basis)


def net_saving(
    ds: xr.Dataset,
    horizon: int | None = None,
    payer: Payers = None,
    discounted: bool = True,
    basis: Basis = "cashable",
) -> xr.DataArray:
    """Net saving over the horizon, summed over payers and years; the arguments are those of `flows`.

    Returns
    -------
    DataArray (draw), EUR
    """
    return by_payer(ds, horizon, payer, discounted, basis).sum("payer", skipna=False, keep_attrs=True)


def by_payer(
    ds: xr.Dataset,
    horizon: int | None = None,
    payer: Payers = None,
    discounted: bool = True,
    basis: Basis = "cashable",
) -> xr.DataArray:
    """Net saving of each payer over the horizon; the arguments are those of `flows`.

    Returns
    -------
    DataArray (draw, payer), EUR
    """
    return flows(ds, horizon, payer, discounted, basis).sum("year", skipna=False, keep_attrs=True)


def cumulative(
    ds: xr.Dataset,
    horizon: int | None = None,
    payer: Payers = None,
    discounted: bool = True,
    basis: Basis = "cashable",
) -> xr.DataArray:
    """Net saving from the first year to the end of each year; the arguments are those of `flows`.

    Returns
    -------
    DataArray (draw, year), EUR; the last year is `net_saving`
    """
    yearly = flows(ds, horizon, payer, discounted, basis).sum("payer", skipna=False, keep_attrs=True)
    return yearly.cumsum("year", skipna=False, keep_attrs=True).assign_coords(year=yearly["year"])


def _extra(ds: xr.Dataset) -> xr.DataArray:
    """What the new option itself costs more than the usual one."""
    return ds["cost"].sel(option=NEW, drop=True) - ds["cost"].sel(option=USUAL, drop=True)


# --- when -----------------------------------------------------------------------------------------


def trough(
    ds: xr.Dataset,
    horizon: int | None = None,
    payer: Payers = None,
    discounted: bool = True,
    basis: Basis = "cashable",
) -> xr.Dataset:
    """The deepest point of the cumulative net saving: the money that has to be found before it comes back.

    Returns
    -------
    Dataset with `depth` (draw), EUR, at most 0, and `trough_year` (draw), 1 for the first year and NaN
    where the sum is never below 0.
    """
    total = cumulative(ds, horizon, payer, discounted, basis)
    lowest = total.min("year", skipna=False)
    depth = lowest.clip(max=0.0).assign_attrs(total.attrs)
    year = (total.argmin("year", skipna=False) + 1.0).where(lowest < 0)
    out = {"depth": depth.rename("depth"), "trough_year": year.assign_attrs(unit="year from the start, 1 is the first")}
    return xr.Dataset(out, attrs=total.attrs)


def payback_year(
    ds: xr.Dataset,
    horizon: int | None = None,
    payer: Payers = None,
    discounted: bool = True,
    basis: Basis = "cashable",
) -> xr.DataArray:
    """First year from which the cumulative net saving is 0 or more and stays so to the horizon.

    Returns
    -------
    DataArray (draw); 1 is the first year (also where nothing was ever owed), NaN is never within the horizon
    """
    total = cumulative(ds, horizon, payer, discounted, basis)
    below = total < 0
    years = total.sizes["year"]
    last_below = years - below.isel(year=slice(None, None, -1)).argmax("year")
    first = (last_below + 1.0).where(below.any("year"), 1.0)
    paid = first.where(first <= years).drop_vars("year", errors="ignore")
    attrs = {**total.attrs, "unit": "year from the start, 1 is the first", "horizon": years}
    return paid.rename("payback_year").assign_attrs(attrs)


def payback_probability(
    ds: xr.Dataset,
    horizon: int | None = None,
    payer: Payers = None,
    discounted: bool = True,
    basis: Basis = "cashable",
) -> xr.DataArray:
    """Share of draws in which the money has come back for good by the end of each year.

    Returns
    -------
    DataArray (year), 0 to 1
    """
    paid = payback_year(ds, horizon, payer, discounted, basis)
    years = ds["year"].isel(year=slice(horizon))
    number = xr.DataArray(np.arange(1, years.size + 1), dims="year", coords={"year": years.values})
    share = (paid <= number).mean("draw").rename("payback_probability")
    return share.assign_attrs({**paid.attrs, "unit": "probability"})


def probability_of_saving(
    ds: xr.Dataset,
    horizon: int | None = None,
    payer: Payers = None,
    discounted: bool = True,
    basis: Basis = "cashable",
) -> xr.DataArray:
    """Share of draws in which the net saving is above 0; equal options save nothing.

    Returns
    -------
    DataArray without dims, 0 to 1
    """
    saved = net_saving(ds, horizon, payer, discounted, basis)
    share = (saved > 0).mean("draw").rename("probability_of_saving")
    return share.assign_attrs({**saved.attrs, "unit": "probability"})


# --- per outcome, and at what price it turns --------------------------------------------------------


def cost_per_outcome(
    ds: xr.Dataset,
    horizon: int | None = None,
    payer: Payers = None,
    discounted: bool = True,
    basis: Basis = "cashable",
) -> CostPerOutcome:
    """Mean net cost over the horizon against the mean number of events avoided; the arguments are those of `flows`.

    Both are means over draws before they are divided: a mean of ratios has no meaning where an effect may be 0.
    """
    cost = 0.0 - float(net_saving(ds, horizon, payer, discounted, basis).mean("draw"))
    events = ds["events"]
    avoided = float((events.sel(option=USUAL) - events.sel(option=NEW)).mean("draw"))
    if avoided > 0:
        verdict = Verdict.COSTS_AND_HELPS if cost > 0 else Verdict.SAVES_AND_HELPS
        return CostPerOutcome(cost, avoided, cost / avoided, verdict)
    return CostPerOutcome(cost, avoided, float("nan"), Verdict.HARMS if avoided < 0 else Verdict.NO_EFFECT)


def break_even_price(
    ds: xr.Dataset,
    horizon: int | None = None,
    payer: Payers = None,
    discounted: bool = True,
    basis: Basis = "cashable",
    probability: float = 0.8,
) -> xr.Dataset:
    """Price of the new service per client at which it pays for itself; the arguments are those of `flows`.

    The price is all that the payers asked about pay for one client over the horizon, in the money of
    the first year if discounted. It is set against the avoided cost and the cost of the usual service.

    Parameters
    ----------
    probability
        How surely the service is to save at the price `confident`.

    Returns
    -------
    Dataset without dims, EUR per client: `now`, the mean price in the appraisal; `expected`, at which the
    expected net saving is 0; `confident`, at which the service saves with the probability asked for.
    Below 0 it would not pay even if it were free.
    """
    if not 0 < probability < 1:
        _stop("probability", f"{probability} is not between 0 and 1", "give a share such as 0.8")
    clients = _clients(ds)
    picked = _pick(ds, horizon, payer, basis)
    weight = picked["discount"] if discounted else xr.ones_like(picked["discount"])
    price = (picked["cost"].sel(option=NEW, drop=True) * weight).sum(("payer", "year"), skipna=False) / clients
    worth = net_saving(ds, horizon, payer, discounted, basis) / clients + price
    out = xr.Dataset(
        {
            "now": price.mean("draw"),
            "expected": worth.mean("draw"),
            "confident": worth.quantile(1 - probability, dim="draw").drop_vars("quantile"),
        }
    )
    attrs = {**ds.attrs, "unit": "EUR/client", "probability": probability, "basis": basis}
    for values in out.values():
        values.attrs = {"unit": "EUR/client"}
    return out.assign_attrs({**attrs, "discounted": int(discounted)})


def _clients(ds: xr.Dataset) -> float:
    clients = ds.attrs.get("clients")
    if clients is None or not float(clients) > 0:
        problems = Problems()
        problems.add("appraisal clients", "the attribute is missing or not above 0", "say for how many clients it is")
        problems.raise_if_any(ModelError, "The appraisal is not complete")
    return float(ds.attrs["clients"])


# --- reading the appraisal ----------------------------------------------------------------------------


def _pick(ds: xr.Dataset, horizon: int | None, payer: Payers, basis: Basis) -> xr.Dataset:
    """The years and payers asked for, of a Dataset that has what is needed."""
    _check(ds)
    years, payers = ds.sizes["year"], [str(name) for name in ds["payer"].values]
    problems = Problems()
    if basis not in _AVOIDED:
        problems.add("basis", f"{basis!r} is unknown", f"use one of {', '.join(_AVOIDED)}")
    if horizon is not None and (not isinstance(horizon, int | np.integer) or not 1 <= horizon <= years):
        problems.add("horizon", f"{horizon!r} is not a number of years from 1 to {years}", "ask within the appraisal")
    wanted = payers if payer is None else [payer] if isinstance(payer, str) else list(payer)
    for name in wanted:
        if name not in payers:
            problems.add("payer", f"the appraisal has no money of {name!r}", f"its payers are {', '.join(payers)}")
    if len(set(wanted)) != len(wanted):
        problems.add("payer", "a payer stands twice and would be counted twice", "name each payer once")
    problems.raise_if_any(UsageError, "The appraisal cannot answer this")
    names = [name for name in _DIMS if name != "events"]
    return ds[names].sel(payer=wanted).isel(year=slice(horizon))


def _check(ds: xr.Dataset) -> None:
    problems = Problems()
    for name, dims in _DIMS.items():
        if name not in ds:
            problems.add(f"appraisal {name}", "is missing", "make the Dataset with the appraisal")
        elif set(ds[name].dims) != set(dims):
            problems.add(f"appraisal {name}", f"has the dims {ds[name].dims}", f"it needs {dims}")
        elif ds[name].isnull().any():
            problems.add(f"appraisal {name}", "has missing values", "every draw needs a value; nothing is filled in")
    for dim in ("option", "payer", "year"):
        if dim not in ds.indexes:
            problems.add(f"appraisal {dim}", "has no labels", "assign the coordinate")
    if "option" in ds.indexes and sorted(map(str, ds.indexes["option"])) != sorted(OPTIONS):
        problems.add("appraisal option", f"is {list(ds.indexes['option'])}", f"it needs {', '.join(OPTIONS)}")
    if "year" in ds.indexes and not ds.indexes["year"].is_monotonic_increasing:
        problems.add("appraisal year", "is not in order", "sort the years")
    problems.raise_if_any(ModelError, "The appraisal is not complete")


def _stop(place: str, rule: str, cure: str) -> None:
    problems = Problems()
    problems.add(place, rule, cure)
    problems.raise_if_any(UsageError, "The appraisal cannot answer this")


def _told(values: xr.DataArray, ds: xr.Dataset, name: str, discounted: bool, basis: str) -> xr.DataArray:
    attrs = {**ds.attrs, "unit": "EUR", "basis": basis, "discounted": int(discounted)}
    return values.rename(name).assign_attrs(attrs)
