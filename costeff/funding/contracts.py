"""What a contract pays over draws of what is delivered, to whom it is worth what, and at which price it turns.

Every function takes the Dataset of `deliver` or `scenarios`, with any dims besides `draw`. Euros; money that comes
in is positive for whoever gets it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr

from costeff.agreement import Bonus, ClientPrice, Contract, HourPrice, Measured, OutcomePrice, SavingShare, Term
from costeff.checks import is_number
from costeff.errors import Problem, Problems, UsageError
from costeff.funding.delivery import DRIFT_NO_EFFECT, NO_EFFECT

Side = Literal["buyer", "provider"]
SIDES: tuple[Side, ...] = ("buyer", "provider")
TITLE = "The contract cannot be settled"
LIMITS = "limits"  # the component that cap and floor take or add
CENT = 0.01  # EUR; what is less than that is rounding, and neither gain nor loss
_NEEDED = ("clients", "hours", "outcomes", "without_service", "baseline", "saving_per_outcome", "saving", "cost")
_COMPARED = ("comparison_clients", "comparison_outcomes")


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
    check(contract, delivery)
    parts = {term.name: pays(term, delivery) for term in contract.terms}
    whole = sum(parts.values(), xr.zeros_like(delivery["outcomes"], dtype=float))
    low, high = limits(contract)
    parts[LIMITS] = whole.clip(low, high) - whole
    names = xr.Variable("component", list(parts))
    paid = xr.concat([part.broadcast_like(whole) for part in parts.values()], names, coords="minimal")
    return paid.transpose("draw", "component", ...).rename("payment").assign_attrs(unit="EUR", contract=contract.id)


def limits(contract: Contract) -> tuple[float, float]:
    return (
        -np.inf if contract.floor is None else contract.floor,
        np.inf if contract.cap is None else contract.cap,
    )


def pays(term: Term, delivery: xr.Dataset) -> xr.DataArray:
    """What one term pays, before cap and floor."""
    match term:
        case HourPrice():
            return term.price * delivery["hours"]
        case ClientPrice():
            return xr.full_like(delivery["outcomes"], 1.0) * delivery["clients"] * term.price
        case OutcomePrice():
            return term.price * outcomes_paid(term, delivery)
        case SavingShare():
            saved = _more(term, delivery) * delivery["saving_per_outcome"]
            return term.share * (saved if term.two_sided else saved.clip(min=0.0))
        case Bonus():
            return _bonus(term, delivery)


def outcomes_paid(term: OutcomePrice, delivery: xr.Dataset) -> xr.DataArray:
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
    Dataset (side, ...): `expected`, `low`, `high`, EUR; `p_loss`, the probability of losing a cent or more;
    `expected_shortfall`, EUR, the mean loss in the worst draws (below 0: they gain too); with a reserve `p_ruin`,
    without the dim `side`.

    Raises
    ------
    UsageError
        For a reserve below 0, or shares outside 0 to 1.
    """
    problems = Problems()
    if reserve is not None and not (is_number(reserve) and reserve >= 0):
        problems.add("reserve", "is not a sum of 0 EUR or more", "give the provider's own funds")
    if not (isinstance(settled, xr.Dataset) and {"transfer", "net"} <= set(settled) and "side" in settled.indexes):
        problems.add("settled", "is no result of `settle`", "settle the contract first")
    for name, share in (("mass", mass), ("tail", tail)):
        if not is_number(share) or not 0 < share < 1:
            problems.add(name, f"{share} is not between 0 and 1", "give a share such as 0.9")
    problems.raise_if_any(UsageError, TITLE)
    net = settled["net"]
    low, high = (net.quantile(q, "draw").drop_vars("quantile") for q in ((1 - mass) / 2, (1 + mass) / 2))
    worst = int(np.ceil(round(tail * net.sizes["draw"], 6)))  # 0.07 of 100 draws are 7, whatever the digits
    sorted_net = xr.apply_ufunc(np.sort, net, input_core_dims=[["draw"]], output_core_dims=[["draw"]])
    out = xr.Dataset({"expected": net.mean("draw"), "low": low, "high": high, "p_loss": (net <= -CENT).mean("draw")})
    out["expected_shortfall"] = 0.0 - sorted_net.isel(draw=slice(worst)).mean("draw")
    if reserve is not None:
        out["p_ruin"] = (net.sel(side="provider", drop=True) <= -reserve - CENT).mean("draw")
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
    problems = Problems()
    _check_scenarios(problems, delivered, NO_EFFECT, DRIFT_NO_EFFECT)
    problems.raise_if_any(UsageError, TITLE)
    none = delivered.sel(scenario=[NO_EFFECT, DRIFT_NO_EFFECT])
    return payment(contract, none).sum("component").mean("draw").rename("paid_for_nothing").assign_attrs(unit="EUR")


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

    Raises
    ------
    UsageError
        For no contract, one that stands twice or cannot be settled, or a delivery without scenarios; all at once.
    """
    problems = Problems()
    _check_scenarios(problems, delivered)
    ids = [contract.id for contract in contracts]
    if not ids:
        problems.add("contracts", "are none", "give at least one")
    for twice in (key for key in dict.fromkeys(ids) if ids.count(key) > 1):
        problems.add(f"contract {twice}", "stands twice", "give each contract an id of its own")
    for contract in contracts:
        _check(problems, contract, delivered)
    problems.raise_if_any(UsageError, TITLE)
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


def check(contract: Contract, delivery: xr.Dataset) -> None:
    """Raise with all that keeps a contract from being settled on a delivery."""
    problems = Problems()
    _check(problems, contract, delivery)
    problems.raise_if_any(UsageError, TITLE)


def _check(problems: Problems, contract: Contract, delivery: xr.Dataset) -> None:
    if not isinstance(contract, Contract):
        problems.add("contract", "is no contract", "take one of the catalogue, or make one with `Contract.of`")
        return
    if not (isinstance(delivery, xr.Dataset) and "draw" in delivery.dims):
        problem = Problem("delivery", "is no Dataset over draw", "make it with `deliver`, and keep its draws")
        problems.found += [problem] if problem not in problems.found else []
        return
    compared = [t for t in contract.terms if isinstance(t, Measured) and t.against == "comparison"]
    there = [name for name in _COMPARED if name in delivery]
    found = []
    for name in _NEEDED:
        if name not in delivery:
            found.append(Problem(f"delivery {name}", "is missing", "make the Dataset with `deliver`"))
    for name in (name for name in (*_NEEDED, *there) if name in delivery):
        if not np.isfinite(delivery[name].values).all():
            rule = "has a value that is missing or infinite"
            found.append(Problem(f"delivery {name}", rule, "every draw needs a value"))
    problems.found += [problem for problem in found if problem not in problems.found]
    for term in compared if len(there) < len(_COMPARED) else ():
        rule = "pays against a comparison group, and the delivery has none"
        cure = "give `comparison_clients` to `deliver`, or pay against something else"
        problems.add(f"contract {contract.id} {term.name}", rule, cure)


def _check_scenarios(problems: Problems, delivered: xr.Dataset, *wanted: str) -> None:
    if not isinstance(delivered, xr.Dataset):
        problems.add("delivered", "is no Dataset", "make it with `scenarios`")
    elif "scenario" not in delivered.dims or "scenario" not in delivered.indexes:
        problems.add("delivered", "has no dim scenario", "make it with `scenarios`")
    elif missing := [name for name in wanted if name not in delivered.indexes["scenario"]]:
        problems.add("delivered scenario", f"lacks {', '.join(missing)}", "make it with `scenarios`")
