"""Registers reduced to cells: sufficient statistics, made where the rows lie. Only cells cross into models."""

from __future__ import annotations

import difflib
import hashlib
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from costeff.errors import DataError, Problem, UsageError
from costeff.records.sources import Register, check

if TYPE_CHECKING:
    import ibis.expr.types as ir

Statistic = Literal["binary", "exposure", "cost"]

BY = ("municipality", "option", "group")
# Sums of floats depend on the order of the rows and of the threads; sums of decimals
# do not, and so the same register always gives the same cells and the same hash.
DAYS = "decimal(18, 6)"
EUROS = "decimal(18, 2)"


@dataclass(frozen=True, eq=False)
class Cells:
    """Sufficient statistics of clients, a row for each combination that occurs.

    Attributes
    ----------
    statistic : {"binary", "exposure", "cost"}
        What kind of statistics: see the functions that make them.
    by : tuple of str
        What the cells are divided by.
    table : DataFrame
        The cells, sorted, exact: not yet fit to be published.
    outcome : str or None
        Id of the outcome; None for costs.
    follow_up : float or None
        Days from the start of the service that the cells cover; None for costs.
    synthetic : bool
        Whether the clients are made up.
    source : str
        Label of the register.
    """

    statistic: Statistic
    by: tuple[str, ...]
    table: pd.DataFrame
    outcome: str | None
    follow_up: float | None
    synthetic: bool
    source: str

    @property
    def hash(self) -> str:
        """SHA-256 of the content; the order of rows, columns and `by` does not matter."""
        columns = sorted(self.table.columns)
        rows = sorted(
            "\t".join(repr(v.item() if isinstance(v, np.generic) else v) for v in row)
            for row in self.table[columns].itertuples(index=False)
        )
        head = [self.statistic, *sorted(self.by), self.outcome, self.follow_up, self.synthetic, self.source]
        text = "\n".join([repr(head), "\t".join(columns), *rows])
        return hashlib.sha256(text.encode()).hexdigest()


def binary_cells(register: Register, outcome: str, horizon_days: float, by: Sequence[str] = BY) -> Cells:
    """Clients and events within a horizon.

    Parameters
    ----------
    outcome
        Id of the outcome.
    horizon_days
        An event counts when its time is at most this many days.
    by
        Any of "municipality", "option" and "group".

    Returns
    -------
    Cells
        Columns `by`, n (clients), events (clients with the event).

    Raises
    ------
    DataError
        When the register breaks its declaration, clients have no row for the
        outcome, or clients were followed for less than the horizon without the event.
    UsageError
        For an unknown outcome or `by`, or a horizon that is not above 0.
    """
    if not 0 < horizon_days < math.inf:
        raise UsageError(
            "Cells cannot be made",
            [Problem("horizon_days", "is not a number of days above 0", "give days such as 365")],
        )
    rows = _outcome_rows(register, outcome, by)
    happened = rows.event & (rows.time <= horizon_days)
    short = int(register.run(rows.aggregate(n=(~rows.event & (rows.time < horizon_days)).sum()))["n"].fillna(0)[0])
    if short:
        clients = "1 client was" if short == 1 else f"{short} clients were"
        raise DataError(
            "Cells cannot be made",
            [
                Problem(
                    "outcomes.time",
                    f"{clients} followed for less than {horizon_days:g} days without the event",
                    "shorten the horizon, or use a survival model (exposure cells): "
                    "it is not known whether they had the event",
                )
            ],
        )
    table = _grouped(register, rows, by, n=rows.count(), events=happened.sum())
    return _cells(register, "binary", by, table.astype({"n": "int64", "events": "int64"}), outcome, horizon_days)


def exposure_cells(
    register: Register, outcome: str, breaks_days: Sequence[float], by: Sequence[str] = ("option", "group")
) -> Cells:
    """Events and time at risk by interval of follow-up, for piecewise constant hazards.

    An interval is (start, end]: an event at `end` belongs to it, because the client
    was at risk up to then. So an event never falls where its client has no exposure,
    and an event at the last break is not lost. Time after the last break is left out,
    and its events with it, as if follow-up had ended there.

    Parameters
    ----------
    outcome
        Id of the outcome.
    breaks_days
        Ascending days; the first is 0.
    by
        Any of "municipality", "option" and "group".

    Returns
    -------
    Cells
        Columns `by`, interval (from 0), start, end (days), events, exposure
        (person-days, above 0: intervals in which nobody was at risk are absent).

    Raises
    ------
    DataError
        When the register breaks its declaration or clients have no row for the outcome.
    UsageError
        For an unknown outcome or `by`, or breaks that do not ascend from 0.
    """
    breaks = [float(b) for b in breaks_days]
    ascend = all(a < b < math.inf for a, b in itertools.pairwise(breaks))
    if len(breaks) < 2 or breaks[0] != 0 or not ascend:
        raise UsageError(
            "Cells cannot be made",
            [Problem("breaks_days", "do not ascend from 0 to a last day", "give days such as 0, 91, 182, 273, 364")],
        )
    rows = _outcome_rows(register, outcome, by)
    sums = {}
    for i, (start, end) in enumerate(itertools.pairwise(breaks)):
        at_risk = rows.time > start
        days = (rows.time.clip(upper=end) - start).clip(lower=0.0).cast(DAYS)
        sums[f"events_{i}"] = (rows.event & at_risk & (rows.time <= end)).sum()
        sums[f"exposure_{i}"] = days.sum().cast("float64")
    wide = _grouped(register, rows, by, **sums)
    parts = [
        wide[[*by]].assign(
            interval=i,
            start=start,
            end=end,
            events=wide[f"events_{i}"].astype("int64"),
            exposure=wide[f"exposure_{i}"].fillna(0.0),
        )
        for i, (start, end) in enumerate(itertools.pairwise(breaks))
    ]
    table = pd.concat(parts, ignore_index=True)
    table = table[table["exposure"] > 0].sort_values([*by, "interval"], ignore_index=True)
    return _cells(register, "exposure", by, table, outcome, breaks[-1])


def cost_cells(register: Register, by: Sequence[str] = ("option",)) -> Cells:
    """Cost of the service per client: the sum over a client's episodes.

    Parameters
    ----------
    by
        Any of "municipality", "option" and "group".

    Returns
    -------
    Cells
        Columns `by`, n (clients), sum (EUR), sum_squares (EUR squared) of cost per client.

    Raises
    ------
    DataError
        When the register breaks its declaration.
    UsageError
        For an unknown `by`, or a register that holds no costs.
    """
    _require(register)
    if "cost" not in register.tables["episodes"].names:
        raise UsageError(
            "Cells cannot be made",
            [Problem("episodes.cost", "was not collected in this register", "give the service's price instead")],
        )
    episodes = register.rows("episodes")
    totals = episodes.group_by("client").aggregate(cost=episodes.cost.cast("decimal(18, 4)").sum().cast(EUROS))
    rows = _clients(register, by).join(totals, "client")
    cost = rows.cost
    sums = {"sum": cost.sum().cast("float64"), "sum_squares": (cost * cost).sum().cast("float64")}
    table = _grouped(register, rows, by, n=rows.count(), **sums)
    return _cells(register, "cost", by, table, None, None)


def reduce_clients_count(register: Register) -> pd.DataFrame:
    """Clients by municipality, exact: a page shows them through `disclosure.protect_count`.

    Returns
    -------
    DataFrame
        Columns municipality, clients. Municipalities without clients are absent.
    """
    _require(register)
    rows = _clients(register, ("municipality",))
    return _grouped(register, rows, ("municipality",), clients=rows.count())


# --- parts --------------------------------------------------------------------------------------


def _require(register: Register) -> None:
    if not register.checked:  # an unread value would otherwise vanish from the sums
        check(register)


def _clients(register: Register, by: Sequence[str]) -> ir.Table:
    """A row for each client: municipality, group and option, as far as asked for."""
    clients, episodes = register.rows("clients"), register.rows("episodes")
    there = [name for name in BY if name != "municipality" or "municipality" in clients.columns]
    wrong = [name for name in by if name not in there]
    if wrong or len(set(by)) < len(by):
        near = [m for name in wrong for m in difflib.get_close_matches(name, there, n=1)]
        cure = f"did you mean {near[0]}?" if near else f"use each of these at most once: {', '.join(there)}"
        rule = f"this register cannot be divided by {', '.join(wrong)}" if wrong else "names the same thing twice"
        raise UsageError("Cells cannot be made", [Problem("by", rule, cure)])
    rows = clients.select(
        "client", group=clients.risk_group, **{n: clients[n] for n in there if n == "municipality" and n in by}
    )
    if "option" not in by:
        return rows
    options = episodes.group_by("client").aggregate(option=episodes.option.min())  # all are the same: checked
    return rows.join(options, "client")


def _outcome_rows(register: Register, outcome: str, by: Sequence[str]) -> ir.Table:
    """A row for each client, with time and event of one outcome."""
    _require(register)
    clients, outcomes = _clients(register, by), register.rows("outcomes")
    one = outcomes.filter(outcomes.outcome == outcome).select("client", "time", "event")
    counts = register.run(clients.aggregate(clients=clients.count()).cross_join(one.aggregate(rows=one.count())))
    have, need = int(counts["rows"][0]), int(counts["clients"][0])
    if not have:
        known = register.run(outcomes.select("outcome").distinct())["outcome"]
        near = difflib.get_close_matches(outcome, list(known), n=1)
        cure = f"did you mean {near[0]}?" if near else "use the id that stands in outcomes.outcome"
        raise UsageError("Cells cannot be made", [Problem("outcome", f"no client has a row for {outcome!r}", cure)])
    if have < need:
        raise DataError(
            "Cells cannot be made",
            [
                Problem(
                    "outcomes.client",
                    f"{need - have} of {need} clients have no row for the outcome {outcome!r}",
                    "add the time they were followed, with event false, or leave them out of all tables",
                )
            ],
        )
    return clients.join(one, "client")


def _grouped(register: Register, rows: ir.Table, by: Sequence[str], **sums: Any) -> pd.DataFrame:
    grouped = rows.group_by(list(by)).aggregate(**sums) if by else rows.aggregate(**sums)
    table = register.run(grouped)
    return table.sort_values([*by], ignore_index=True) if by else table


def _cells(
    register: Register,
    statistic: Statistic,
    by: Sequence[str],
    table: pd.DataFrame,
    outcome: str | None,
    follow_up: float | None,
) -> Cells:
    days = None if follow_up is None else float(follow_up)
    return Cells(statistic, tuple(by), table, outcome, days, register.synthetic, register.label)
