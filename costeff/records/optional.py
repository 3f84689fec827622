"""Cells of what a register may have besides outcomes: counts, meters, client experience, and how services ended."""

from __future__ import annotations

from collections.abc import Sequence

from costeff.records.cells import BY, POINTS, Cells, cells_of, clients_by, grouped, require, rows_of, rows_of_all
from costeff.records.sources import Register
from costeff.records.typed import row_column


def count_cells(register: Register, outcome: str, by: Sequence[str] = BY) -> Cells:
    """Clients by their count of something in the follow-up: a frequency table, enough for any model of counts.

    Parameters
    ----------
    outcome
        Id of what is counted.
    by
        Any of "municipality", "option", "group" and the register's covariates.

    Returns
    -------
    Cells
        Columns `by`, count (0, 1, ...), n (clients with this count, above 0).

    Raises
    ------
    DataError
        When the register breaks its declaration or clients have no row for the outcome.
    UsageError
        For an unknown outcome or `by`, or a register without counts.
    """
    rows = rows_of_all(register, "counts", outcome, by)
    rows = rows.mutate(count=rows["count"].cast("int64"))
    return cells_of(register, "count", by, grouped(register, rows, [*by, "count"], n=rows.count()), outcome)


def meter_cells(register: Register, meter: str, by: Sequence[str] = BY) -> Cells:
    """A measure before and after the service: sums, squares and products over the clients who were measured.

    They hold what a linear model of `after` on `before` and what the cells are divided by reads from the rows.

    Parameters
    ----------
    meter
        Id of the meter.
    by
        Any of "municipality", "option", "group" and the register's covariates.

    Returns
    -------
    Cells
        Columns `by`, n (clients measured), sum and sum_squares (of after), sum_before,
        sum_before_squares, sum_products (of before and after). `left_out` tells how many
        clients were not measured.

    Raises
    ------
    DataError
        When the register breaks its declaration.
    UsageError
        For an unknown meter or `by`, or a register without meters.
    """
    rows, left_out, _ = rows_of(register, "meters", meter, by)
    rows = rows.mutate(before=rows.before.cast(POINTS), after=rows.after.cast(POINTS))
    columns = {
        "sum": rows.after,
        "sum_squares": rows.after * rows.after,
        "sum_before": rows.before,
        "sum_before_squares": rows.before * rows.before,
        "sum_products": rows.before * rows.after,
    }
    sums = {name: values.sum().cast("float64") for name, values in columns.items()}
    table = grouped(register, rows, by, n=rows.count(), **sums)
    return cells_of(register, "meter", by, table, meter, left_out=left_out)


def level_cells(register: Register, question: str, by: Sequence[str] = BY) -> Cells:
    """Clients by their answer on an ordered scale.

    Parameters
    ----------
    question
        Id of the question.
    by
        Any of "municipality", "option", "group" and the register's covariates.

    Returns
    -------
    Cells
        Columns `by`, level (1 is the worst), n (clients with this answer, above 0).
        `left_out` tells how many clients did not answer.

    Raises
    ------
    DataError
        When the register breaks its declaration.
    UsageError
        For an unknown question or `by`, or a register without client experience.
    """
    rows, left_out, _ = rows_of(register, "experience", question, by)
    rows = rows.mutate(level=rows.level.cast("int64"))
    table = grouped(register, rows, [*by, "level"], n=rows.count())
    return cells_of(register, "level", by, table, question, left_out=left_out)


def end_cells(register: Register, by: Sequence[str] = BY) -> Cells:
    """Clients by how their service ended.

    Parameters
    ----------
    by
        Any of "municipality", "option", "group" and the register's covariates.

    Returns
    -------
    Cells
        Columns `by`, end (an id), n (clients, above 0).

    Raises
    ------
    DataError
        When the register breaks its declaration; then also when a client has no end.
    UsageError
        For an unknown `by`, or a register that does not tell ends.
    """
    require(register, "ends")
    ends = register.rows("ends")
    rows = clients_by(register, by).join(ends.drop(*row_column(ends)), "client")
    return cells_of(register, "end", by, grouped(register, rows, [*by, "end"], n=rows.count()))
