"""Bids of a tender, ranked by what they change and by what an hour costs, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import xarray as xr

from costeff.agreement import Contract
from costeff.checks import is_number, is_whole
from costeff.errors import CosteffError, Problem, Problems, UsageError
from costeff.funding.contracts import CENT, settle
from costeff.funding.delivery import Money, deliver

TITLE = "The bids cannot be compared"
# What is ranked, and whether more is better.
CRITERIA = {"net_benefit": True, "p_net_saving": True, "price_per_hour": False}


@dataclass(frozen=True)
class Bid:
    """What one provider offers.

    Attributes
    ----------
    name
        Of the provider.
    contract
        At which terms.
    capacity
        The most clients it can serve.
    hours_per_client
        Worked for each.
    good
        Probability of the good outcome, dims (draw, option), where the evidence is of this very provider; None: the
        effect that is taken to be common to all.
    """

    name: str
    contract: Contract
    capacity: int
    hours_per_client: float
    good: xr.DataArray | None = None


def tender(
    bids: Sequence[Bid],
    good: xr.DataArray,
    *,
    clients: int,
    saving_per_outcome: Money,
    usual_cost_per_client: Money = 0.0,
    worth_per_outcome: float = 0.0,
    comparison_clients: int | None = None,
    baseline_clients: int | None = None,
    seed: int,
) -> pd.DataFrame:
    """Bids ranked by expected net benefit, by the probability of a net saving, and by price per hour.

    Parameters
    ----------
    good
        Probability of the good outcome common to all bids, dims (draw, option).
    clients
        To be served; a bid serves as many of them as it can.
    saving_per_outcome
        EUR that the buyer can stop paying for one good outcome more; a number or by draw.
    usual_cost_per_client
        What the buyer no longer pays for the usual service, EUR.
    worth_per_outcome
        What one good outcome more is worth to the buyer besides the saving, EUR; it is in the net benefit, not in
        the net saving.
    comparison_clients, baseline_clients, seed
        As of `deliver`. All bids have the same luck.

    Returns
    -------
    DataFrame, a row a bid in the order of net benefit: `clients`, `hours`, `payment` (expected, EUR),
    `extra_outcomes` (expected), `net_benefit` (expected, EUR), `p_net_saving`, `price_per_hour` (EUR), a `rank_` of
    each of the three (1 is best, equals share a rank) and `ranks_differ`. `attrs["told"]` says who is first by what.

    Raises
    ------
    UsageError
        For bids that cannot be compared, all at once.
    """
    _check(bids, clients, worth_per_outcome)
    rows, problems = [], Problems()
    for bid in bids:
        try:
            delivery = deliver(
                good if bid.good is None else bid.good,
                clients=min(clients, bid.capacity),
                hours_per_client=bid.hours_per_client,
                saving_per_outcome=saving_per_outcome,
                usual_cost_per_client=usual_cost_per_client,
                comparison_clients=comparison_clients,
                baseline_clients=baseline_clients,
                seed=seed,
            )
            rows.append(_row(bid, delivery, worth_per_outcome))
        except CosteffError as error:
            problems.found += [Problem(f"bid {bid.name}: {p.place}", p.rule, p.cure) for p in error.problems]
    problems.raise_if_any(UsageError, TITLE)
    table = pd.DataFrame(rows).set_index("bid")
    ranks = []
    for name, more_is_better in CRITERIA.items():
        ranks.append(f"rank_{name}")
        table[ranks[-1]] = table[name].round(6).rank(method="min", ascending=not more_is_better).astype(int)
    table["ranks_differ"] = table[ranks].ne(table[ranks[0]], axis="index").any(axis="columns")
    table = table.sort_values(["rank_net_benefit", "rank_p_net_saving"], kind="stable")
    table.attrs["told"] = _told(table)
    return table


def _row(bid: Bid, delivery: xr.Dataset, worth: float) -> dict[str, object]:
    buyer = settle(bid.contract, delivery).sel(side="buyer")
    payment, hours = -float(buyer["transfer"].mean()), float(delivery["hours"].mean())
    extra = float((delivery["with_service"] - delivery["without_service"]).mean())
    return {
        "bid": bid.name,
        "clients": int(delivery["clients"]),
        "hours": hours,
        "payment": payment,
        "extra_outcomes": extra,
        "net_benefit": float(buyer["net"].mean()) + worth * extra,
        "p_net_saving": float((buyer["net"] >= CENT).mean()),
        "price_per_hour": payment / hours,
    }


def _told(table: pd.DataFrame) -> str:
    """Who is first by each criterion, and whether they agree."""
    words = {
        "net_benefit": "expected net benefit",
        "p_net_saving": "probability of a net saving",
        "price_per_hour": "price per hour",
    }
    first = {name: sorted(table.index[table[f"rank_{name}"] == 1]) for name in CRITERIA}
    named = "; ".join(f"by {words[name]}: {', '.join(bids)}" for name, bids in first.items())
    if not table["ranks_differ"].any():
        return f"All three rankings agree. First {named}."
    same = len({tuple(bids) for bids in first.values()}) == 1
    return f"The rankings disagree{', though not on the first' if same else ''}. First {named}."


def _check(bids: Sequence[Bid], clients: int, worth: float) -> None:
    problems = Problems()
    if not bids:
        problems.add("bids", "are none", "give at least one")
    for number, bid in enumerate(bids):
        if not isinstance(bid, Bid):
            problems.add(
                f"bids.{number}", "is no bid", "give a funding.Bid(name, contract, capacity, hours_per_client)"
            )
    problems.raise_if_any(UsageError, TITLE)
    names = [bid.name for bid in bids]
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            problems.add(f"bid {name}", "stands twice", "give each bid a name of its own")
    for bid in bids:
        if not is_whole(bid.capacity) or bid.capacity < 1:
            problems.add(f"bid {bid.name}", "serves nobody", "give a capacity in whole clients above 0")
        if not is_number(bid.hours_per_client) or bid.hours_per_client <= 0:
            problems.add(f"bid {bid.name}", "works no hours, so it has no price per hour", "give hours above 0")
    if not is_whole(clients) or clients < 1:
        problems.add("clients", "are none", "give a number of people above 0")
    if not is_number(worth):
        problems.add("worth_per_outcome", "is missing or infinite", "give EUR per outcome, or 0")
    problems.raise_if_any(UsageError, TITLE)
