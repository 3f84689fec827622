"""Registers reduced to cells: sufficient statistics, made where the rows lie. Only cells cross into models."""

from __future__ import annotations

import difflib
import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from costeff.errors import DataError, Problem, UsageError
from costeff.records.sources import Register, check
from costeff.records.typed import row_column

if TYPE_CHECKING:
    import ibis.expr.types as ir

Statistic = Literal["binary", "exposure", "competing", "time", "count", "cost", "meter", "level", "end"]

BY = ("municipality", "option", "group")
# Sums of floats depend on the order of the rows and of the threads; sums of decimals
# do not, and so the same register always gives the same cells and the same hash.
DAYS = "decimal(18, 6)"
# Of more than 18 digits, because DuckDB multiplies shorter ones as 64-bit integers, which overflow.
CENTS = "decimal(18, 4)"  # and hundredths of them
EUROS = "decimal(19, 2)"
POINTS = "decimal(19, 6)"
LOGS = "decimal(19, 9)"

HEADLINE = "Cells cannot be made"
LACKING = {
    "outcomes": "add the time they were followed, with event false, or leave them out of all tables",
    "counts": "add a row with count 0 for those who had none, or leave them out of all tables",
}


@dataclass(frozen=True, eq=False)
class Cells:
    """Sufficient statistics of clients, a row for each combination that occurs.

    Attributes
    ----------
    statistic : {"binary", "exposure", "competing", "time", "count", "cost", "meter", "level", "end"}
        What kind of statistics: see the functions that make them.
    by : tuple of str
        What the cells are divided by.
    table : DataFrame
        The cells, sorted, exact: not yet fit to be published.
    outcome : str or None
        Id of the outcome, the first of competing outcomes, the meter or the question; None for costs and ends.
    follow_up : float or None
        Days from the start of the service that the cells cover; None where the register does not tell them.
    synthetic : bool
        Whether the clients are made up.
    source : str
        Label of the register.
    left_out : int
        Clients without a measurement, who are in no cell. Not part of the hash, and
        exact: not yet fit to be published.
    """

    statistic: Statistic
    by: tuple[str, ...]
    table: pd.DataFrame
    outcome: str | None
    follow_up: float | None
    synthetic: bool
    source: str
    left_out: int = 0

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
        Any of "municipality", "option", "group" and the register's covariates.

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
            HEADLINE,
            [Problem("horizon_days", "is not a number of days above 0", "give days such as 365")],
        )
    rows = rows_of_all(register, "outcomes", outcome, by)
    happened = rows.event & (rows.time <= horizon_days)
    not_known = ~rows.event & (rows.time < horizon_days)
    table = grouped(register, rows, by, n=rows.count(), events=happened.sum(), short=not_known.sum())
    if short := int(table.pop("short").sum()):
        clients = "1 client was" if short == 1 else f"{short} clients were"
        raise DataError(
            HEADLINE,
            [
                Problem(
                    "outcomes.time",
                    f"{clients} followed for less than {horizon_days:g} days without the event",
                    "shorten the horizon, or use a survival model (exposure cells): "
                    "it is not known whether they had the event",
                )
            ],
        )
    return cells_of(register, "binary", by, table.astype({"n": "int64", "events": "int64"}), outcome, horizon_days)


def cost_cells(register: Register, by: Sequence[str] = ("option",)) -> Cells:
    """Cost of the service per client: the sum over a client's episodes.

    Parameters
    ----------
    by
        Any of "municipality", "option", "group" and the register's covariates.

    Returns
    -------
    Cells
        Columns `by`, n (clients), positive (clients with a cost above 0), sum (EUR) and
        sum_squares (EUR squared) of cost per client, and sum_logs and sum_log_squares of
        its natural logarithm, over the positive only.

    Raises
    ------
    DataError
        When the register breaks its declaration.
    UsageError
        For an unknown `by`, or a register that holds no costs.
    """
    require(register, "episodes")
    if "cost" not in register.tables["episodes"].names:
        raise UsageError(
            HEADLINE,
            [Problem("episodes.cost", "was not collected in this register", "give the service's price instead")],
        )
    rows = clients_by(register, by, cost=_total_cost)
    rows = rows.mutate(log=rows.cost.nullif(0).cast("float64").ln().cast(LOGS))
    columns = {"sum": rows.cost, "sum_squares": rows.cost * rows.cost}
    columns |= {"sum_logs": rows.log, "sum_log_squares": rows.log * rows.log}
    sums = {name: values.sum().cast("float64").fill_null(0.0) for name, values in columns.items()}
    table = grouped(register, rows, by, n=rows.count(), positive=rows.log.count(), **sums)
    return cells_of(register, "cost", by, table)


def _total_cost(episodes: ir.Table) -> Any:
    # By way of few digits: DuckDB divides long ones ten times as slowly.
    return episodes.cost.cast(CENTS).sum().cast(CENTS).cast(EUROS)


def reduce_clients_count(register: Register) -> pd.DataFrame:
    """Clients by municipality, exact: a page shows them through `disclosure.protect_count`.

    Returns
    -------
    DataFrame
        Columns municipality, clients. Municipalities without clients are absent.
    """
    rows = clients_by(register, ("municipality",))
    return grouped(register, rows, ("municipality",), clients=rows.count())


# --- what all builders share --------------------------------------------------------------------


def require(register: Register, table: str) -> None:
    """The register has the table, and its rows have been checked."""
    if table not in register.stored or table not in register.tables:
        cure = f"add {table}.csv or {table}.parquet to the register, or ask for what it has"
        raise UsageError(HEADLINE, [Problem(table, "this register does not have the table", cure)])
    if not register.checked:  # an unread value would otherwise vanish from the sums
        check(register)


def clients_by(register: Register, by: Sequence[str], **of_episodes: Callable[[ir.Table], Any]) -> ir.Table:
    """A row for each client: what `by` names of municipality, option, group and covariates.

    `of_episodes` are further columns: aggregates of a client's episodes.
    """
    require(register, "clients")
    require(register, "episodes")
    clients, episodes = register.rows("clients"), register.rows("episodes")
    column = {"municipality": "municipality", "group": "risk_group"} | {name: name for name in register.covariates}
    there = [name for name in (*BY, *register.covariates) if name == "option" or column[name] in clients.columns]
    wrong = [name for name in by if name not in there]
    if wrong or len(set(by)) < len(by):
        near = [m for name in wrong for m in difflib.get_close_matches(name, there, n=1)]
        cure = f"did you mean {near[0]}?" if near else f"use each of these at most once: {', '.join(there)}"
        rule = f"this register cannot be divided by {', '.join(wrong)}" if wrong else "names the same thing twice"
        raise UsageError(HEADLINE, [Problem("by", rule, cure)])
    rows = clients.select("client", **{name: clients[column[name]] for name in by if name != "option"})
    sums = {name: of(episodes) for name, of in of_episodes.items()}
    if "option" in by:
        sums["option"] = episodes.option.min()  # all are the same: checked
    return rows.join(episodes.group_by("client").aggregate(**sums), "client") if sums else rows


def rows_of(register: Register, table: str, what: str, by: Sequence[str]) -> tuple[ir.Table, int, int]:
    """Clients who have a row for one outcome, meter or question; how many lack it, and how many clients there are."""
    require(register, table)
    clients, rows = clients_by(register, by), register.rows(table)
    key = register.tables[table].key[-1]
    one = rows.filter(rows[key] == what).drop(*row_column(rows), key)
    every = register.rows("clients")  # each of them has an episode: checked
    counts = register.run(every.aggregate(clients=every.count()).cross_join(one.aggregate(rows=one.count())))
    have, need = int(counts["rows"][0]), int(counts["clients"][0])
    if not have:
        known = register.run(rows.select(key).distinct())[key]
        near = difflib.get_close_matches(what, list(known), n=1)
        cure = f"did you mean {near[0]}?" if near else f"use the id that stands in {table}.{key}"
        raise UsageError(HEADLINE, [Problem(key, f"no client has a row for {what!r}", cure)])
    return clients.join(one, "client"), need - have, need


def rows_of_all(register: Register, table: str, what: str, by: Sequence[str]) -> ir.Table:
    """As `rows_of`, when every client must have the row."""
    rows, lacking, clients = rows_of(register, table, what, by)
    if lacking:
        rule = f"{lacking} of {clients} clients have no row for the outcome {what!r}"
        raise DataError(HEADLINE, [Problem(f"{table}.client", rule, LACKING[table])])
    return rows


def grouped(register: Register, rows: ir.Table, by: Sequence[str], **sums: Any) -> pd.DataFrame:
    """Sums by group, sorted, run where the rows lie."""
    aggregated = rows.group_by(list(by)).aggregate(**sums) if by else rows.aggregate(**sums)
    table = register.run(aggregated)
    return table.sort_values([*by], ignore_index=True) if by else table


def cells_of(
    register: Register,
    statistic: Statistic,
    by: Sequence[str],
    table: pd.DataFrame,
    outcome: str | None = None,
    follow_up: float | None = None,
    left_out: int = 0,
) -> Cells:
    """Cells that say where they came from."""
    days = None if follow_up is None else float(follow_up)
    return Cells(statistic, tuple(by), table, outcome, days, register.synthetic, register.label, left_out)
