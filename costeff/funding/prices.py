"""At which price per outcome a contract turns for a side: on average, and as surely as asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr

from costeff.agreement import Contract, OutcomePrice
from costeff.errors import Problems, UsageError
from costeff.funding.contracts import SIDES, TITLE, Side, check, limits, outcomes_paid, pays

PROBABILITIES = (0.5, 0.8, 0.95)


def break_even_price(contract: Contract, delivery: xr.Dataset) -> xr.DataArray:
    """Price per outcome at which a side expects neither gain nor loss, all else of the contract as it is.

    The buyer gains below its own price, the provider above its own; between the two both do.

    Returns
    -------
    DataArray (side, ...), EUR per outcome. NaN where already a price of 0 pays more, or where the outcomes paid for
    cannot be told from none (a mean within 3 standard errors of 0). Infinite where no price pays as much, such as
    for a cap: then the buyer gains at any, and the provider at none.

    Raises
    ------
    UsageError
        When the contract has no outcome price.
    """
    terms = _price_terms(contract, delivery)
    worth = xr.concat([delivery["saving"], delivery["cost"]], xr.Variable("side", list(SIDES)), coords="minimal")
    price = _over_draws(_balance, worth, *terms)
    return price.rename("break_even_price").assign_attrs(unit="EUR/outcome")


def price_for(
    contract: Contract,
    delivery: xr.Dataset,
    probability: float | Sequence[float] = PROBABILITIES,
    side: Side = "buyer",
) -> xr.DataArray:
    """Price per outcome up to which the buyer (from which the provider) gains with a probability.

    To gain is a net above 0, so the price itself is the limit. All else of the contract stays as it is.

    Parameters
    ----------
    probability
        One or several, between 0 and 1.

    Returns
    -------
    DataArray (probability, ...), EUR per outcome; NaN where no price does it. Infinite where every price does, be it
    low or high; or for a buyer that is paid back for fewer outcomes, every price that is high enough.

    Raises
    ------
    UsageError
        When the contract has no outcome price, or a probability is not between 0 and 1.
    """
    problems = Problems()
    try:
        asked = np.atleast_1d(np.asarray(probability, dtype=float))
    except (TypeError, ValueError):
        asked = np.array([np.nan])
    if side not in SIDES:
        problems.add("side", f"{side!r} is unknown", f"use one of {', '.join(SIDES)}")
    if asked.ndim != 1 or not asked.size or not ((asked > 0) & (asked < 1)).all():
        problems.add("probability", "is not between 0 and 1", "give one or several such as 0.8")
    problems.raise_if_any(UsageError, TITLE)
    other, units, low, high = _price_terms(contract, delivery)
    if side == "buyer":
        found = [_over_draws(_highest, delivery["saving"], other, units, low, high, share) for share in asked]
    else:
        found = [_over_draws(_lowest, delivery["cost"], other, units, low, high, share) for share in asked]
    prices = xr.concat(found, xr.Variable("probability", asked), coords="minimal")
    return prices.rename("price").assign_attrs(unit="EUR/outcome", side=side)


def _price_terms(contract: Contract, delivery: xr.Dataset) -> tuple[xr.DataArray, xr.DataArray, float, float]:
    """What a contract pays besides its outcome price, the outcomes that this pays for, floor and cap."""
    check(contract, delivery)
    priced = [term for term in contract.terms if isinstance(term, OutcomePrice)]
    if len(priced) != 1:
        problems = Problems()
        rule = "has no outcome price" if not priced else "has several outcome prices"
        problems.add(f"contract {contract.id}", rule, "a price per outcome is sought for exactly one")
        problems.raise_if_any(UsageError, TITLE)
    nought = xr.zeros_like(delivery["outcomes"], dtype=float)
    other = sum((pays(term, delivery) for term in contract.terms if term is not priced[0]), nought)
    return other.broadcast_like(nought), outcomes_paid(priced[0], delivery).broadcast_like(nought), *limits(contract)


def _over_draws(
    kernel: Callable[..., float], worth: xr.DataArray, other: xr.DataArray, units: xr.DataArray, *rest: float
) -> xr.DataArray:
    dims = [["draw"]] * 3 + [[]] * len(rest)
    found: xr.DataArray = xr.apply_ufunc(kernel, worth, other, units, *rest, input_core_dims=dims, vectorize=True)
    return found


def _balance(worth: np.ndarray, other: np.ndarray, units: np.ndarray, low: float, high: float) -> float:
    """Price at which the mean payment is the mean worth; none where the outcomes paid for are chance around nought."""
    from scipy.optimize import brentq

    if units.mean() <= 3 * units.std() / np.sqrt(units.size):
        return np.nan

    def excess(price: float) -> float:
        return float(np.clip(other + price * units, low, high).mean() - worth.mean())

    if not np.isfinite((low, high)).any():
        price = 0.0 - excess(0.0) / units.mean()
        return price if price >= 0 else np.nan
    if excess(0.0) > 0:
        return np.nan
    top = 1.0
    while excess(top) < 0:
        top *= 1.25  # in small steps: where outcomes are paid back, a cap lets the mean payment fall again
        if top > 1e12:
            return np.inf
    return float(brentq(excess, 0.0, top, xtol=1e-9))


def _turns(
    worth: np.ndarray, other: np.ndarray, units: np.ndarray, low: float, high: float
) -> tuple[np.ndarray, np.ndarray, int]:
    """Where payment < worth turns with the price: it holds below `falls`, above `rises`, always in so many draws."""
    always = (worth > high) | ((units == 0) & (np.clip(other, low, high) < worth))
    never = (worth <= low) | ((units == 0) & ~always)
    open_ = ~(always | never)
    with np.errstate(divide="ignore", invalid="ignore"):
        turn = (worth - other) / units
    return np.sort(turn[open_ & (units > 0)]), np.sort(turn[open_ & (units < 0)]), int(always.sum())


def _highest(worth: np.ndarray, other: np.ndarray, units: np.ndarray, low: float, high: float, share: float) -> float:
    """The price just below which payment < worth in at least a share of the draws."""
    falls, rises, always = _turns(worth, other, units, low, high)
    enough = share * worth.size - 1e-9
    if always + rises.size >= enough:
        return np.inf
    prices = falls[falls > 0]
    holding = always + falls.size - np.searchsorted(falls, prices, "left") + np.searchsorted(rises, prices, "left")
    able = prices[holding >= enough]
    return float(able.max()) if able.size else np.nan


def _lowest(worth: np.ndarray, other: np.ndarray, units: np.ndarray, low: float, high: float, share: float) -> float:
    """The price just above which payment > worth in at least a share of the draws."""
    falls, rises, always = _turns(-worth, -other, -units, -high, -low)
    enough = share * worth.size - 1e-9
    prices = np.unique(np.concatenate([[0.0], rises[rises > 0]]))
    holding = always + falls.size - np.searchsorted(falls, prices, "right") + np.searchsorted(rises, prices, "right")
    able = prices[holding >= enough]
    return float(able.min()) if able.size else np.nan
