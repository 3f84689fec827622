"""What a contract pays over draws of what is delivered, to whom it is worth what, and at which price it turns.

Every function takes the Dataset of `deliver` or `scenarios`, with any dims besides `draw`. Euros; money that comes
in is positive for whoever gets it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr

from costeff.agreement import Bonus, ClientPrice, Contract, HourPrice, Measured, OutcomePrice, SavingShare, Term
from costeff.errors import Problems, UsageError
from costeff.funding.delivery import DRIFT_NO_EFFECT, NO_EFFECT

Side = Literal["buyer", "provider"]
SIDES: tuple[Side, ...] = ("buyer", "provider")
TITLE = "The contract cannot be settled"
LIMITS = "limits"  # the component that cap and floor take or add
PROBABILITIES = (0.5, 0.8, 0.95)
_NEEDED = ("clients", "hours", "outcomes", "without_service", "baseline", "saving_per_outcome", "saving", "cost")


# --- what is paid -----------------------------------------------------------------------------------


def payment(contract: Contract, delivery: xr.Dataset) -> xr.DataArray:
    """What the buyer pays, by component.

    Returns
    -------
    DataArray (draw, component, ...), EUR: a component a term, and `limits`, what cap and floor take or add. The sum
    over `component` is what is paid.

    Raises
    ------
    UsageError
        When the delivery lacks what the contract pays by, such as a comparison group.
    """
    _check(contract, delivery)
    parts = {term.name: _pays(term, delivery) for term in contract.terms}
    whole = sum(parts.values(), xr.zeros_like(delivery["outcomes"], dtype=float))
    low, high = _limits(contract)
    parts[LIMITS] = whole.clip(low, high) - whole
    names = xr.Variable("component", list(parts))
    paid = xr.concat([part.broadcast_like(whole) for part in parts.values()], names, coords="minimal")
    return paid.transpose("draw", "component", ...).rename("payment").assign_attrs(unit="EUR", contract=contract.id)


def _limits(contract: Contract) -> tuple[float, float]:
    return (
        -np.inf if contract.floor is None else contract.floor,
        np.inf if contract.cap is None else contract.cap,
    )


def _pays(term: Term, delivery: xr.Dataset) -> xr.DataArray:
    """What one term pays, before cap and floor."""
    match term:
        case HourPrice():
            return term.price * delivery["hours"]
        case ClientPrice():
            return xr.full_like(delivery["outcomes"], 1.0) * delivery["clients"] * term.price
        case OutcomePrice():
            return term.price * _units(term, delivery)
        case SavingShare():
            saved = _more(term, delivery) * delivery["saving_per_outcome"]
            return term.share * (saved if term.two_sided else saved.clip(min=0.0))
        case Bonus():
            return _bonus(term, delivery)


def _units(term: OutcomePrice, delivery: xr.Dataset) -> xr.DataArray:
    """Outcomes that an outcome price pays for."""
    more = _more(term, delivery)
    return more if term.two_sided else more.clip(min=0.0)


def _more(term: Measured, delivery: xr.Dataset) -> xr.DataArray:
    """Good outcomes more than what a term counts them against; below 0 where they are fewer."""
    outcomes, clients = delivery["outcomes"], delivery["clients"]
    match term.against:
        case "nothing":
            return outcomes
        case "target":
            return outcomes - clients * (term.target or 0.0)
        case "baseline":
            return outcomes - clients * delivery["baseline"]
        case "comparison":
            return outcomes - clients * (delivery["comparison_outcomes"] / delivery["comparison_clients"])


def _bonus(term: Bonus, delivery: xr.Dataset) -> xr.DataArray:
    """The amount of the highest level reached: each level adds what it pays over the one below."""
    more = _more(term, delivery)
    paid, below = xr.zeros_like(more, dtype=float), 0.0
    for level in term.levels:
        reached = more >= level.at * delivery["clients"] - 1e-9  # 20 of 25 clients are 80 per cent, whatever the digits
        paid = paid + (level.amount - below) * reached
        below = level.amount
    return paid


# --- the two sides ----------------------------------------------------------------------------------


def settle(contract: Contract, delivery: xr.Dataset) -> xr.Dataset:
    """Both sides of a contract by draw, with what is paid told apart from what it is worth and costs.

    Returns
    -------
    Dataset (draw, side, ...), EUR: `transfer`, what the side is paid (the buyer's is below 0; the two sum to zero);
    `resources`, the saving to the buyer and less the cost to the provider; `net`, their sum. The net of both sides
    together is saving less cost, whatever the contract.
    """
    paid = payment(contract, delivery).sum("component")
    sides = xr.Variable("side", list(SIDES))
    transfer = xr.concat([-paid, paid], sides, coords="minimal")
    own = [delivery[name].broadcast_like(paid) for name in ("saving", "cost")]
    resources = xr.concat([own[0], -own[1]], sides, coords="minimal")
    out = xr.Dataset({"transfer": transfer, "resources": resources, "net": transfer + resources})
    return out.transpose("draw", "side", ...).assign_attrs(unit="EUR", contract=contract.id)


def risk(settled: xr.Dataset, *, reserve: float | None = None, mass: float = 0.9, tail: float = 0.1) -> xr.Dataset:
    """Expected net and the risk of each side.

    Parameters
    ----------
    settled
        The Dataset of `settle`.
    reserve
        Own funds of the provider, EUR: a greater loss ruins it.
    mass
        Probability of the central interval `low` to `high`.
    tail
        Share of the draws that are the worst.

    Returns
    -------
    Dataset (side, ...): `expected`, `low`, `high`, EUR; `p_loss`, the probability of a net below 0;
    `expected_shortfall`, EUR, the mean loss in the worst draws (below 0: they gain too); with a reserve `p_ruin`,
    without the dim `side`.

    Raises
    ------
    UsageError
        For a reserve below 0, or shares outside 0 to 1.
    """
    problems = Problems()
    if reserve is not None and not 0 <= reserve < np.inf:
        problems.add("reserve", "is not a sum of 0 EUR or more", "give the provider's own funds")
    for name, share in (("mass", mass), ("tail", tail)):
        if not 0 < share < 1:
            problems.add(name, f"{share} is not between 0 and 1", "give a share such as 0.9")
    problems.raise_if_any(UsageError, TITLE)
    net = settled["net"]
    low, high = (net.quantile(q, "draw").drop_vars("quantile") for q in ((1 - mass) / 2, (1 + mass) / 2))
    worst = int(np.ceil(tail * net.sizes["draw"]))
    sorted_net = xr.apply_ufunc(np.sort, net, input_core_dims=[["draw"]], output_core_dims=[["draw"]])
    out = xr.Dataset({"expected": net.mean("draw"), "low": low, "high": high, "p_loss": (net < 0).mean("draw")})
    out["expected_shortfall"] = 0.0 - sorted_net.isel(draw=slice(worst)).mean("draw")
    if reserve is not None:
        out["p_ruin"] = (net.sel(side="provider", drop=True) < -reserve).mean("draw")
    return out.assign_attrs(unit="EUR", mass=mass, tail=tail)


def paid_for_nothing(contract: Contract, delivered: xr.Dataset) -> xr.DataArray:
    """Expected payment where the service does nothing, before and after drift.

    Parameters
    ----------
    delivered
        The Dataset of `scenarios`.

    Returns
    -------
    DataArray (scenario), EUR: `no_effect`, `drift_no_effect`.
    """
    if "scenario" not in delivered.dims:
        problems = Problems()
        problems.add("delivered", "has no dim scenario", "make it with `scenarios`")
        problems.raise_if_any(UsageError, TITLE)
    none = delivered.sel(scenario=[NO_EFFECT, DRIFT_NO_EFFECT])
    return payment(contract, none).sum("component").mean("draw").rename("paid_for_nothing").assign_attrs(unit="EUR")


# --- at which price it turns ------------------------------------------------------------------------


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
    DataArray (probability, ...), EUR per outcome; NaN where no price does it, infinite where any price does.

    Raises
    ------
    UsageError
        When the contract has no outcome price, or a probability is not between 0 and 1.
    """
    asked = np.atleast_1d(np.asarray(probability, dtype=float))
    problems = Problems()
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
    priced = [term for term in contract.terms if isinstance(term, OutcomePrice)]
    if len(priced) != 1:
        problems = Problems()
        rule = "has no outcome price" if not priced else "has several outcome prices"
        problems.add(f"contract {contract.id}", rule, "a price per outcome is sought for exactly one")
        problems.raise_if_any(UsageError, TITLE)
    _check(contract, delivery)
    nought = xr.zeros_like(delivery["outcomes"], dtype=float)
    other = sum((_pays(term, delivery) for term in contract.terms if term is not priced[0]), nought)
    return other.broadcast_like(nought), _units(priced[0], delivery).broadcast_like(nought), *_limits(contract)


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
        price = -excess(0.0) / units.mean()
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


# --- contracts side by side -------------------------------------------------------------------------


def compare(contracts: Sequence[Contract], delivered: xr.Dataset, *, reserve: float | None = None) -> pd.DataFrame:
    """Contracts side by side in every scenario: what is paid, and what each side may expect and lose.

    Parameters
    ----------
    delivered
        The Dataset of `scenarios`.
    reserve
        Own funds of the provider, EUR.

    Returns
    -------
    DataFrame, a row a contract and scenario; EUR and probabilities.
    """
    rows = []
    for contract in contracts:
        settled = settle(contract, delivered)
        risks = risk(settled, reserve=reserve)
        for scenario in delivered["scenario"].values.tolist():
            here = risks.sel(scenario=scenario)
            row = {"contract": contract.id, "scenario": scenario}
            paid = settled["transfer"].sel(scenario=scenario, side="provider")
            row["payment"] = float(paid.mean("draw"))
            for side in SIDES:
                for name in ("expected", "low", "high", "p_loss", "expected_shortfall"):
                    row[f"{side}_{name}"] = float(here[name].sel(side=side))
            if reserve is not None:
                row["provider_p_ruin"] = float(here["p_ruin"])
            rows.append(row)
    return pd.DataFrame(rows)


def _check(contract: Contract, delivery: xr.Dataset) -> None:
    problems = Problems()
    for name in _NEEDED:
        if name not in delivery:
            problems.add(f"delivery {name}", "is missing", "make the Dataset with `deliver`")
        elif not np.isfinite(delivery[name].values).all():
            problems.add(f"delivery {name}", "has a value that is missing or infinite", "every draw needs a value")
    for term in contract.terms:
        if isinstance(term, Measured) and term.against == "comparison" and "comparison_outcomes" not in delivery:
            rule = "pays against a comparison group, and the delivery has none"
            cure = "give `comparison_clients` to `deliver`, or pay against something else"
            problems.add(f"contract {contract.id} {term.name}", rule, cure)
    problems.raise_if_any(UsageError, TITLE)
