"""Rules that take several rows or tables to break: keys, references, periods.

One pass over a table, client by client, tells of most rules that nobody breaks them; only the others
are asked one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from costeff.errors import Problems
from costeff.records.declare import Constraint, Table
from costeff.records.typed import (
    CLIENT,
    Run,
    Stored,
    hashed,
    holds_text,
    row_column,
    typed_table,
    usable_columns,
    where,
)

if TYPE_CHECKING:
    import ibis.expr.types as ir


@dataclass(frozen=True)
class _Clients:
    """What a pass over a table tells: how many clients it has, and of how many rows the rest is true.

    Attributes
    ----------
    clients : int
        Different ones.
    repeated : int
        Rows of clients who have more than one.
    differing : mapping of str to int
        Rows of clients whose rows do not agree on a column.
    lacking : mapping of str to int
        Rows of clients who are not in another table.
    """

    clients: int
    repeated: int
    differing: Mapping[str, int]
    lacking: Mapping[str, int]


class Together:
    """The tables that were found, of which a rule takes only the columns it needs."""

    def __init__(self, tables: Mapping[str, Table], stored: Mapping[str, Stored], run: Run) -> None:
        self.run = run
        self._tables, self._stored = tables, stored
        self._clients: dict[str, _Clients] = {}

    def has(self, table: str, *columns: str) -> bool:
        if table not in self._stored or table not in self._tables:
            return False
        return set(columns) <= {column.name for column in usable_columns(self._tables[table], self._stored[table])}

    def rows(self, table: str, *columns: str) -> ir.Table:
        return typed_table(self._tables[table], self._stored[table], columns)

    def pseudonyms(self, table: str) -> ir.Table | None:
        """The clients themselves, where `rows` gives their hashes and both are there."""
        stored = self._stored[table]
        if not (stored.hashed and holds_text(stored.rows.schema()[CLIENT])):
            return None
        return typed_table(self._tables[table], replace(stored, hashed=False), [CLIENT])

    def clients(self, table: str) -> _Clients:
        """One pass over a table that has the column client."""
        if table not in self._clients:
            self._clients[table] = self._pass(table)
        return self._clients[table]

    def _pass(self, table: str) -> _Clients:
        rules = [(c.name, rule) for c in self._tables[table].columns for rule in c.constraints]
        same = [n for n, rule in rules if rule.kind == "one_per" and rule.value == CLIENT and self.has(table, n)]
        others = [str(rule.value) for n, rule in rules if rule.kind == "refers_to" and n == CLIENT]
        others = [other for other in others if self.has(other, CLIENT)]
        rows = self.rows(table, CLIENT, *same).drop_null(CLIENT)
        sums = {"n": rows.count()}
        for name in same:
            # Of texts only whether they differ is asked, and hashes are compared more cheaply.
            value = hashed(rows[name]) if self._stored[table].hashed else rows[name]
            sums |= {f"first_{name}": value.min(), f"last_{name}": value.max()}
        each = rows.group_by(CLIENT).aggregate(**sums)
        for other in others:
            known = self.rows(other, CLIENT).select(**{f"in_{other}": CLIENT})
            known = known.distinct() if self.clients(other).repeated else known  # nobody is to be counted twice
            each = each.left_join(known, each[CLIENT] == known[f"in_{other}"])
        told = {"clients": each.count(), "repeated": each.n.sum(where=each.n > 1)}
        told |= {f"differing_{n}": each.n.sum(where=each[f"first_{n}"] != each[f"last_{n}"]) for n in same}
        told |= {f"lacking_{other}": each.n.sum(where=each[f"in_{other}"].isnull()) for other in others}
        counts = {name: int(count) for name, count in self.run(each.aggregate(**told)).fillna(0).iloc[0].items()}
        differing = {name: counts[f"differing_{name}"] for name in same}
        return _Clients(
            counts["clients"], counts["repeated"], differing, {other: counts[f"lacking_{other}"] for other in others}
        )


@dataclass(frozen=True)
class _Broken:
    """Rows that break a rule together, and their number: known, or asked for as the column n of a table."""

    rows: ir.Table
    counted: ir.Table | int

    def count(self, run: Run) -> int:
        return self.counted if isinstance(self.counted, int) else int(run(self.counted)["n"].fillna(0)[0])


def tell_together(table: Table, together: Together, problems: Problems) -> None:
    """Add the rules of a table that rows break together."""
    if table.key and together.has(table.name, *table.key):
        _tell_key(table, together, problems)
    for column in table.columns:
        for constraint in column.constraints if together.has(table.name, column.name) else ():
            broken = _broken(constraint, table.name, column.name, together)
            if broken is not None:
                _tell(f"{table.name}.{column.name}", constraint.rule, constraint.cure, broken, together.run, problems)


def _tell_key(table: Table, together: Together, problems: Problems) -> None:
    place = f"{table.name}.{table.key[-1]}" if len(table.key) == 1 else f"{table.name} ({' + '.join(table.key)})"
    rule, cure = "stands in more than one row", "keep one row for each, or find out which of them is right"
    if CLIENT in table.key and not together.clients(table.name).repeated:
        return
    broken = _repeated(together.rows(table.name, *table.key), table.key)
    if not broken.count(together.run):
        return
    if table.key == (CLIENT,) and (named := together.pseudonyms(table.name)) is not None:
        by_name = _repeated(named, table.key)
        if by_name.count(together.run):
            broken = by_name
        else:
            rule = "has the same hash of 64 bits as another client, by mere chance"
            cure = "give the client of one of these rows another pseudonym, in every table"
    _tell(place, rule, cure, broken, together.run, problems)


def _repeated(rows: ir.Table, key: Iterable[str]) -> _Broken:
    whole = rows.drop_null(list(key))
    repeated = whole.group_by(list(key)).aggregate(n=whole.count()).filter(lambda each: each.n > 1)
    return _Broken(whole.semi_join(repeated, list(key)), repeated.aggregate(n=repeated.n.sum()))


def _broken(constraint: Constraint, table: str, name: str, together: Together) -> _Broken | None:
    """The rows that break a constraint which needs other rows to be seen; None for other kinds."""
    other = str(constraint.value)
    match constraint.kind:
        case "refers_to" | "present_in" if together.has(other, name):
            alone = together.rows(table, name).drop_null(name)
            alone = alone.anti_join(together.rows(other, name).select(name), name)
            return _Broken(alone, _lacking(constraint, table, name, together, alone))
        case "one_per" if together.has(table, other):
            rows = together.rows(table, name, other).drop_null(other)
            sums = {"first": rows[name].min(), "last": rows[name].max(), "n": rows.count()}
            differ = rows.group_by(other).aggregate(**sums).filter(lambda each: each["first"] != each["last"])
            known = together.clients(table).differing[name] if other == CLIENT else None
            return _Broken(
                rows.semi_join(differ, other), differ.aggregate(n=differ.n.sum()) if known is None else known
            )
        case "no_overlap" if together.has(table, *constraint.value):  # type: ignore[misc]
            of, end = map(str, constraint.value)  # type: ignore[arg-type]
            late = _overlapping(together.rows(table, name, of, end), name, of, end)
            once = of == CLIENT and not together.clients(table).repeated
            return _Broken(late, 0 if once else late.aggregate(n=late.count()))
    return None


def _lacking(constraint: Constraint, table: str, name: str, together: Together, alone: ir.Table) -> ir.Table | int:
    """How many rows name a client whom another table does not have."""
    other = str(constraint.value)
    if name == CLIENT:
        ours, theirs = together.clients(table), together.clients(other)
        if constraint.kind == "refers_to":
            return ours.lacking[other]
        if theirs.lacking.get(table) == 0 and theirs.clients == ours.clients:
            return 0  # all of theirs are among ours, and they are as many
    return alone.aggregate(n=alone.count())


def _overlapping(rows: ir.Table, start: str, of: str, end: str) -> ir.Table:
    """Periods that start before an earlier one of the same `of` has ended; one without an end has not."""
    import ibis

    periods = rows.drop_null([start, of]).mutate(ended=rows[end].coalesce(ibis.date(9999, 12, 31)))
    before = ibis.window(group_by=of, order_by=[start, "ended", *row_column(rows)], preceding=(None, 1))
    last = periods.mutate(last=periods.ended.max().over(before))
    return last.filter(last[start] <= last["last"])


def _tell(place: str, rule: str, cure: str, broken: _Broken, run: Run, problems: Problems) -> None:
    if count := broken.count(run):
        problems.add(place, f"{rule}, {where(count, broken.rows, run)}", cure)
