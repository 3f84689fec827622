"""From rows of the catalogue to draws: distributions, price years, bases and shares."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import xarray as xr

from costeff.draws import as_draws, rng
from costeff.errors import ParamsError, Problem
from costeff.params.catalogue import Catalogue
from costeff.params.entries import Published, Uncertain, UnitCost


def quantiles(value: Uncertain, u: np.ndarray) -> np.ndarray:
    """The value's distribution at probabilities `u` in (0, 1).

    The mean is kept; the spread is such that `low` to `high` holds about `mass`.
    """
    from scipy import special  # scipy.stats would do, and takes a second to import

    if value.family == "fixed":
        return np.full_like(u, value.mean)
    low, high = value.low, value.high
    assert low is not None  # the row's own check
    assert high is not None
    if value.family == "uniform":
        return low + (high - low) * u
    z = special.ndtri((1 + value.mass) / 2)
    sd = (high - low) / (2 * z)
    if value.family == "normal":
        return np.asarray(special.ndtri(u) * sd + value.mean)
    if value.family == "gamma":
        shape = (value.mean / sd) ** 2
        return np.asarray(special.gammaincinv(shape, u) * (value.mean / shape))
    if value.family == "lognormal":
        sigma = (np.log(high) - np.log(low)) / (2 * z)
        return np.asarray(np.exp(special.ndtri(u) * sigma + (np.log(value.mean) - sigma**2 / 2)))
    spread = min(sd**2, 0.99 * value.mean * (1 - value.mean))  # a beta cannot be wider than two points
    size = value.mean * (1 - value.mean) / spread - 1
    return np.asarray(special.betaincinv(value.mean * size, (1 - value.mean) * size, u))


def sample(value: Uncertain, draws: int, seed: int, name: str) -> xr.DataArray:
    """Draws of one value; the same name and seed give the same draws wherever they are asked for."""
    return as_draws(_drawn(value, draws, seed, name), sources=list(value.source), quality=value.quality)


@lru_cache(maxsize=512)  # of one chain at all its prices: whoever moves one number has the others as they were
def _drawn(value: Uncertain, draws: int, seed: int, name: str) -> np.ndarray:
    found = quantiles(value, rng(seed, name).uniform(size=draws))
    found.flags.writeable = False  # they are shared
    return found


def sample_parameters(catalogue: Catalogue, model: str, draws: int, seed: int) -> xr.Dataset:
    """Draws of every number that moves the cohort of an avoided-cost model, as an appraisal draws them.

    Returns
    -------
    Dataset over `draw`, a variable for each parameter in transitions/<model>.yaml
    """
    values = catalogue.entry("transitions", model)
    return xr.Dataset(
        {name: sample(v, draws, seed, f"transitions.{model}.{name}").drop_attrs() for name, v in values.items()}
    )


def sample_ratio(published: Published, draws: int, seed: int, name: str) -> xr.DataArray:
    """Draws of a published ratio (hazard, odds, risk): normal on the log scale, the point estimate its median.

    The 95 per cent interval gives the standard error, (log high - log low) / (2 x 1.96), as in a meta-analysis.

    Raises
    ------
    ParamsError
        When the row is not a ratio, or has no interval.
    """
    place = f"evidence {name} {published.outcome}"
    if "ratio" not in published.measure:
        rule = f"{published.measure} is not a ratio"
        raise ParamsError("The effect cannot be drawn", [Problem(place, rule, "choose a row that is a ratio")])
    return sample_effect(published, draws, seed, name)


def sample_effect(published: Published, draws: int, seed: int, name: str) -> xr.DataArray:
    """Draws of a published effect: of a ratio as `sample_ratio`, of any other measure normal on its own scale.

    Raises
    ------
    ParamsError
        When the row has no interval, or a ratio whose interval reaches 0.
    """
    from scipy.special import ndtri

    ratio = "ratio" in published.measure
    low, high = published.low95, published.high95
    if low is None or high is None or (ratio and low <= 0):
        rule = "has no interval above 0" if ratio else "has no interval"
        problem = Problem(f"evidence {name} {published.outcome}", rule, "add it from the source")
        raise ParamsError("The effect cannot be drawn", [problem])
    normal = ndtri(rng(seed, f"evidence.{name}").uniform(size=draws))
    z = ndtri(0.975)
    if ratio:
        values = published.value * np.exp(normal * (np.log(high) - np.log(low)) / (2 * z))
    else:
        values = published.value + normal * (high - low) / (2 * z)
    return as_draws(values, sources=[published.source], unit=published.measure)


@dataclass(frozen=True)
class Priced:
    """A unit cost in euros per person-year, or per client where its basis is not a matter of time."""

    cost: UnitCost
    draws: xr.DataArray
    price_year: int
    indexed: bool


def price(catalogue: Catalogue, cost_id: str, draws: int, seed: int, price_year: int | None = None) -> Priced:
    """Draws of a unit cost.

    Parameters
    ----------
    price_year
        The money to tell it in; None keeps the price year of the observation.

    Raises
    ------
    ParamsError
        When the price index lacks one of the two years.
    """
    cost: UnitCost = catalogue.entry("unit_costs", cost_id)
    value = cost.latest
    factor = catalogue.indices[cost.index].factor(value.price_year, price_year or value.price_year)
    times = catalogue.units[cost.basis].per_person_year or 1.0
    drawn = sample(value, draws, seed, f"unit_costs.{cost_id}") * factor * times
    return Priced(cost, drawn, price_year or value.price_year, factor != 1.0)


def state_price(
    catalogue: Catalogue, price_set: str, model: str, state: str, draws: int, seed: int, price_year: int | None = None
) -> list[tuple[xr.DataArray, Priced]]:
    """The components of what a year in a state of a model costs: (share of people, price) for each.

    A state that the set leaves out with a reason has none.

    Raises
    ------
    ParamsError
        When the price set has no price for the state: what is not known stays missing.
    """
    prices = catalogue.entry("price_sets", price_set).of(model)
    if state not in prices:
        have = [s.id for s in catalogue.price_sets.values() if state in s.of(model)]
        raise ParamsError(
            "A price is missing",
            [
                Problem(
                    f"price_sets.yaml {price_set}.prices.{model}",
                    f"has no price for {state}: it is not known in this set",
                    f"choose {' or '.join(have)}" if have else "add a sourced price, or the reason in not_counted",
                )
            ],
        )
    parts = []
    for number, component in enumerate(prices[state].components):
        name = f"price_sets.{price_set}.{model}.{state}.{number}"
        share = sample(component.share, draws, seed, name) if component.share else as_draws(np.ones(draws))
        parts.append((share, price(catalogue, component.cost, draws, seed, price_year)))
    return parts


def cashable_draws(catalogue: Catalogue, cost: UnitCost, years: int, draws: int, seed: int) -> xr.DataArray:
    """The share of a cost that its payer can stop paying, by draw and year of the horizon.

    One uniform draw serves all three horizons: a payer that is slow at first is slow throughout.
    """
    bands = {name: _band(cost, name, draws, seed) for name in ("short", "medium", "long")}
    settings = catalogue.conventions
    rows = []
    for year in range(1, years + 1):
        short, medium = year <= settings.cashable_short_until, year <= settings.cashable_medium_until
        rows.append(bands["short" if short else "medium" if medium else "long"])
    coords = {"draw": np.arange(draws), "year": np.arange(years)}
    return xr.DataArray(np.stack(rows, axis=1), dims=("draw", "year"), coords=coords)


def at_once_draws(cost: UnitCost, draws: int, seed: int) -> xr.DataArray:
    """The share that stops with each person, the first year's; the rest may have to wait for a whole unit to close."""
    return as_draws(_band(cost, "short", draws, seed))


def _band(cost: UnitCost, name: str, draws: int, seed: int) -> np.ndarray:
    return _drawn(getattr(cost.cashable, name), draws, seed, f"cashable.{cost.id}")
