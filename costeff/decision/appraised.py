"""What an appraisal says to a decision maker: saved, by whom, when, how surely, and at what price it turns.

Every function reads the Dataset of one appraisal (dims draw, option, payer, year; EUR, undiscounted) and
returns labelled arrays with its attrs. A saving is positive, a loss negative. An effect of zero, a service
that costs more than it saves, and money that never comes back are answers, not errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import xarray as xr

from costeff.checks import is_number, is_whole, listed, reals
from costeff.decision import timing
from costeff.draws import NEW, OPTIONS, USUAL, summarise
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
_PLACE = "municipality"
ALL = "all"


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
    DataArray (draw, payer, year[, municipality]), EUR

    Raises
    ------
    UsageError
        For a horizon the appraisal does not reach, a payer it has no money for, an unknown basis.
    ModelError
        For a Dataset that is no complete appraisal.
    """
    picked = pick(ds, horizon, payer, basis)
    weighted = (picked[_AVOIDED[basis]].sel(option=NEW, drop=True) - extra(picked)) * weights(picked, discounted)
    return _told(weighted.transpose("draw", "payer", "year", ...), ds, "net_saving", discounted, basis)


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
    return timing.summed(yearly)


def extra(ds: xr.Dataset) -> xr.DataArray:
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
    return timing.deepest(cumulative(ds, horizon, payer, discounted, basis))


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
    return timing.paid_back(cumulative(ds, horizon, payer, discounted, basis))


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
    return timing.by_year(paid, ds["year"].isel(year=slice(horizon))).rename("payback_probability")


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
    saved = cumulative(ds, horizon, payer, discounted, basis).isel(year=-1, drop=True)
    share = (saved > 0).mean("draw").rename("probability_of_saving")
    return share.assign_attrs({**saved.attrs, "unit": "probability"})


# --- tables of the whole ----------------------------------------------------------------------------


def horizons(
    ds: xr.Dataset,
    years: Sequence[int],
    discounted: bool = True,
    basis: Basis = "cashable",
    mass: float | None = None,
) -> xr.Dataset:
    """Net saving by payer and horizon, with its interval and probability.

    Parameters
    ----------
    years
        Horizons, such as 1, 3, 5, 10 and 20 years. One that the appraisal does not reach is refused, not extended.
    mass
        Of the interval; None takes the appraisal's own.

    Returns
    -------
    Dataset over (horizon, payer[, municipality]) with `mean`, `median`, `low`, `high`, EUR, and `probability` of a net
    saving above 0. The payer `all` is the sum of the others.

    Raises
    ------
    UsageError
        For no horizon, one that stands twice, horizons beyond the appraisal, or no mass.
    """
    problems = Problems()
    _check(ds)
    reach = ds.sizes["year"]
    asked = listed(years)
    if not asked:
        problems.add("years", "hold no horizon", "give a list of one or more, such as [1, 3, 5]")
    wanted = [int(each) for each in asked or [] if is_whole(each) and 1 <= each <= reach]
    for each in asked or []:
        if not is_whole(each) or each not in wanted:
            problems.add("years", f"{each!r} is not a number of years from 1 to {reach}", "ask within the appraisal")
    if len(set(wanted)) != len(wanted):
        problems.add("years", "hold one horizon twice", "give each once")
    told = ds.attrs.get("mass") if mass is None else mass
    inside = float(told) if is_number(told) else float("nan")
    if not 0 < inside < 1:
        problems.add("mass", f"{told} is not between 0 and 1", "give the probability of the interval, such as 0.9")
    problems.raise_if_any(UsageError, "The appraisal cannot answer this")
    found = flows(ds, None, None, discounted, basis)
    total = found.sum("payer", skipna=False).expand_dims(payer=[ALL])
    saved = timing.summed(xr.concat([found.assign_coords(payer=found["payer"].astype(object)), total], "payer"))
    at = saved.isel(year=[each - 1 for each in wanted]).rename(year="horizon")
    at = at.assign_coords(horizon=wanted).assign_attrs(found.attrs)
    out = summarise(at, inside)
    out = out.assign(probability=(at > 0).mean("draw").assign_attrs(unit="probability"))
    return out.transpose("horizon", "payer", ...)


def cost_and_effect(
    ds: xr.Dataset,
    horizon: int | None = None,
    payer: Payers = None,
    discounted: bool = True,
    basis: Basis = "cashable",
) -> xr.Dataset:
    """The appraisal as a decision among options: the arguments are those of `flows`.

    Returns
    -------
    Dataset with, over (draw, option[, municipality]), `cost`: EUR of the service and of all that follows it, so that
    the cost of the usual option less that of the new one is the net saving; and `effect`: clients without the event.
    Both are of all clients of the appraisal.
    """
    picked = pick(ds, horizon, payer, basis, basis, "events")
    clients = clients_of(ds)
    cost = ((picked["cost"] + picked[basis]) * weights(picked, discounted)).sum(("payer", "year"), skipna=False)
    told = _told(cost.transpose("draw", "option", ...), ds, "cost", discounted, basis)
    effect = (clients - picked["events"]).transpose("draw", "option", ...)
    out = {"cost": told, "effect": effect.assign_attrs(unit="clients without the event")}
    return xr.Dataset(out, attrs=told.attrs)


# --- reading the appraisal ----------------------------------------------------------------------------


def pick(ds: xr.Dataset, horizon: int | None, payer: Payers, basis: Basis, *more: str) -> xr.Dataset:
    """The years and payers asked for, of a Dataset that has what is needed."""
    _check(ds, *(name for name in more if name in tuple(_AVOIDED)))
    years, payers = ds.sizes["year"], [str(name) for name in ds["payer"].values]
    problems = Problems()
    if basis not in tuple(_AVOIDED):
        problems.add("basis", f"{basis!r} is unknown", f"use one of {', '.join(_AVOIDED)}")
    if horizon is not None and (not is_whole(horizon) or not 1 <= horizon <= years):
        problems.add("horizon", f"{horizon!r} is not a number of years from 1 to {years}", "ask within the appraisal")
    asked = listed(payer)
    wanted = payers if payer is None else [payer] if asked is None else asked
    if not wanted:
        problems.add("payer", "is none", f"the payers of the appraisal are {', '.join(payers)}")
    for name in wanted:
        if name not in payers:
            problems.add("payer", f"the appraisal has no money of {name!r}", f"its payers are {', '.join(payers)}")
    if len(set(map(str, wanted))) != len(wanted):
        problems.add("payer", "a payer stands twice and would be counted twice", "name each payer once")
    problems.raise_if_any(UsageError, "The appraisal cannot answer this")
    names = [*(name for name in _DIMS if name != "events"), *more]
    return ds[names].sel(payer=wanted).isel(year=slice(horizon))


def weights(picked: xr.Dataset, discounted: bool) -> xr.DataArray:
    """The discount factor of each year, or 1."""
    return picked["discount"] if discounted else xr.ones_like(picked["discount"])


def clients_of(ds: xr.Dataset) -> float:
    """For how many clients the appraisal is."""
    clients = ds.attrs.get("clients")
    if not is_number(clients) or not clients > 0:
        problems = Problems()
        problems.add("appraisal clients", "the attribute is missing or not above 0", "say for how many clients it is")
        problems.raise_if_any(ModelError, "The appraisal is not complete")
    return float(ds.attrs["clients"])


def _check(ds: xr.Dataset, *more: str) -> None:
    problems = Problems()
    if not isinstance(ds, xr.Dataset):
        problems.add("appraisal", "is no Dataset", "make it with the appraisal")
        problems.raise_if_any(ModelError, "The appraisal is not complete")
    for name, dims in (_DIMS | dict.fromkeys(more, _DIMS["cost"])).items():
        if name not in ds:
            problems.add(f"appraisal {name}", "is missing", "make the Dataset with the appraisal")
        elif set(ds[name].dims) - {_PLACE} != set(dims):
            problems.add(f"appraisal {name}", f"has the dims {ds[name].dims}", f"it needs {dims}")
        elif (values := reals(ds[name])) is None:
            problems.add(f"appraisal {name}", "holds values that are not numbers", "give EUR, events and factors")
        elif not np.isfinite(values).all():
            rule = "has missing values, or infinite ones"
            problems.add(f"appraisal {name}", rule, "every draw needs a value; nothing is filled in")
    for dim in ("option", "payer", "year", _PLACE):
        if dim not in ds.indexes:
            if dim != _PLACE:
                problems.add(f"appraisal {dim}", "has no labels", "assign the coordinate")
        elif not ds.indexes[dim].is_unique:
            problems.add(f"appraisal {dim}", "has a label twice, which would be counted twice", "each stands once")
    if "option" in ds.indexes and sorted(map(str, ds.indexes["option"])) != sorted(OPTIONS):
        problems.add("appraisal option", f"is {list(ds.indexes['option'])}", f"it needs {', '.join(OPTIONS)}")
    if "year" in ds.indexes and not ds.indexes["year"].is_monotonic_increasing:
        problems.add("appraisal year", "is not in order", "sort the years")
    problems.raise_if_any(ModelError, "The appraisal is not complete")


def _told(values: xr.DataArray, ds: xr.Dataset, name: str, discounted: bool, basis: str) -> xr.DataArray:
    attrs = {**ds.attrs, "unit": "EUR", "basis": basis, "discounted": int(discounted)}
    return values.rename(name).assign_attrs(attrs)
