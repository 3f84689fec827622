"""Cells of times to events: by interval, by interval and cause, and by distinct day."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from costeff.errors import Problem, UsageError
from costeff.records.cells import DAYS, HEADLINE, Cells, cells_of, grouped, rows_of_all
from costeff.records.sources import Register

if TYPE_CHECKING:
    import ibis.expr.types as ir


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
        Any of "municipality", "option", "group" and the register's covariates.

    Returns
    -------
    Cells
        Columns `by`, interval (from 0), start, end (days), events, n (clients at risk
        at its start), exposure (person-days, above 0: intervals in which nobody was at
        risk are absent).

    Raises
    ------
    DataError
        When the register breaks its declaration or clients have no row for the outcome.
    UsageError
        For an unknown outcome or `by`, or breaks that do not ascend from 0.
    """
    breaks = _ascending(breaks_days)
    rows = rows_of_all(register, "outcomes", outcome, by)
    wide = _at_risk(register, rows, [rows.event], breaks, by)
    table = wide.rename(columns={0: "events"}).sort_values([*by, "interval"], ignore_index=True)
    return cells_of(register, "exposure", by, table, outcome, breaks[-1])


def competing_cells(
    register: Register,
    outcomes: Sequence[str],
    breaks_days: Sequence[float],
    by: Sequence[str] = ("option", "group"),
) -> Cells:
    """Events by cause and time at risk by interval, when the first of several outcomes ends the risk of the others.

    A client is at risk until the first of the outcomes happens, or until one of them is
    no longer followed: after that nobody knows which would have been the first. Of
    outcomes that happen on the same day the one named earlier counts. Intervals are as
    in `exposure_cells`.

    Parameters
    ----------
    outcomes
        Ids of at least two outcomes; the first is the one of interest.
    breaks_days
        Ascending days; the first is 0.
    by
        Any of "municipality", "option", "group" and the register's covariates.

    Returns
    -------
    Cells
        Columns `by`, interval (from 0), start, end (days), cause (an outcome), events,
        n (clients at risk at its start), exposure (person-days, above 0). An interval has
        a row for each cause, with and without events; n and exposure stand in each.

    Raises
    ------
    DataError
        When the register breaks its declaration or clients have no row for an outcome.
    UsageError
        For an unknown outcome or `by`, fewer than two outcomes, or breaks that do not ascend from 0.
    """
    import ibis

    breaks, causes = _ascending(breaks_days), list(outcomes)
    if isinstance(outcomes, str) or len(causes) < 2 or len(set(causes)) < len(causes):
        problem = Problem(
            "outcomes", "are not at least two different outcomes", "give ids such as placement, moved_away"
        )
        raise UsageError(HEADLINE, [problem])
    first, *others = (rows_of_all(register, "outcomes", cause, by) for cause in causes)
    rows = first.rename(time_0="time", event_0="event")
    for i, other in enumerate(others, 1):
        rows = rows.join(other.select("client", **{f"time_{i}": other.time, f"event_{i}": other.event}), "client")
    rows = rows.mutate(time=ibis.least(*(rows[f"time_{i}"] for i in range(len(causes)))))
    ended = [(rows[f"event_{i}"] & (rows[f"time_{i}"] == rows.time), i) for i in range(len(causes))]
    rows = rows.mutate(cause=ibis.cases(*ended, else_=-1))
    wide = _at_risk(register, rows, [rows.cause == i for i in range(len(causes))], breaks, by)
    keys = [*by, "interval", "start", "end"]
    table = wide.melt([*keys, "n", "exposure"], range(len(causes)), "cause", "events")
    table = table.assign(cause=[causes[i] for i in table["cause"]])[[*keys, "cause", "events", "n", "exposure"]]
    table = table.sort_values([*by, "interval", "cause"], ignore_index=True)
    return cells_of(register, "competing", by, table, causes[0], breaks[-1])


def time_cells(register: Register, outcome: str, by: Sequence[str] = ("option", "group")) -> Cells:
    """Events and censorings at each distinct time: all that a model of times to an event reads from the rows.

    Parameters
    ----------
    outcome
        Id of the outcome.
    by
        Any of "municipality", "option", "group" and the register's covariates.

    Returns
    -------
    Cells
        Columns `by`, time (days), events (clients with the event then), censored
        (clients whose follow-up ended then). `follow_up` is the longest time.

    Raises
    ------
    DataError
        When the register breaks its declaration or clients have no row for the outcome.
    UsageError
        For an unknown outcome or `by`.
    """
    rows = rows_of_all(register, "outcomes", outcome, by)
    rows = rows.mutate(time=rows.time.cast(DAYS).cast("float64"))
    table = grouped(register, rows, [*by, "time"], events=rows.event.sum(), censored=(~rows.event).sum())
    table = table.astype({"events": "int64", "censored": "int64"})
    return cells_of(register, "time", by, table, outcome, table["time"].max())


# --- parts --------------------------------------------------------------------------------------


def _ascending(breaks_days: Sequence[float]) -> list[float]:
    breaks = [float(b) for b in breaks_days]
    ascend = all(a < b < math.inf for a, b in itertools.pairwise(breaks))
    if len(breaks) < 2 or breaks[0] != 0 or not ascend:
        raise UsageError(
            HEADLINE,
            [Problem("breaks_days", "do not ascend from 0 to a last day", "give days such as 0, 91, 182, 273, 364")],
        )
    return breaks


def _at_risk(
    register: Register, rows: ir.Table, happened: Sequence[Any], breaks: Sequence[float], by: Sequence[str]
) -> pd.DataFrame:
    """A row for each interval in which somebody was at risk: n, exposure, and a column of events for each cause.

    `happened` says for each cause whether a client's time ended in it; the columns have the causes' numbers.
    """
    sums = {}
    for i, (start, end) in enumerate(itertools.pairwise(breaks)):
        inside = (rows.time > start) & (rows.time <= end)
        days = (rows.time.clip(upper=end) - start).clip(lower=0.0).cast(DAYS)
        sums[f"exposure_{i}"] = days.sum().cast("float64")
        sums[f"n_{i}"] = (rows.time > start).sum()
        for k, event in enumerate(happened):
            sums[f"events_{i}_{k}"] = (event & inside).sum()
    wide, causes = grouped(register, rows, by, **sums), range(len(happened))
    parts = [
        wide[[*by]]
        .assign(interval=i, start=start, end=end)
        .join(wide[[f"events_{i}_{k}" for k in causes]].astype("int64").set_axis(causes, axis=1))
        .assign(n=wide[f"n_{i}"].astype("int64"), exposure=wide[f"exposure_{i}"].fillna(0.0))
        for i, (start, end) in enumerate(itertools.pairwise(breaks))
    ]
    table = pd.concat(parts, ignore_index=True)
    return table[table["exposure"] > 0]
