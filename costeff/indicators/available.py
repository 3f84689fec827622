"""What a register can tell, as facts about it: columns with values, ids that occur, both options, time followed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from costeff.chain import READS, Indicator
from costeff.disclosure import THRESHOLD
from costeff.draws import OPTIONS
from costeff.records import TABLES, Register
from costeff.records.declare import Table

NAMED_BY = {"outcomes": "outcome", "counts": "outcome", "meters": "meter", "experience": "question", "ends": "end"}


@dataclass(frozen=True)
class Available:
    """What there is, without a count of anybody.

    Attributes
    ----------
    columns
        `table.column` of those that hold at least one value.
    ids
        Table -> the outcomes, meters, questions or ends that its rows name; None: not known, since there are no rows.
    arms
        The options that at least the threshold of clients had; None: not known.
    long_enough
        Whether everybody without the event asked for was followed for the days asked for; None: not known.
    """

    columns: frozenset[str]
    ids: Mapping[str, frozenset[str]] | None = None
    arms: frozenset[str] | None = None
    long_enough: bool | None = None

    def lacks(self, indicator: Indicator) -> tuple[str, ...]:
        """What an indicator needs and is not here: columns, or `table.column = id` where no row has the id."""
        gone = [column for column in indicator.data if column not in self.columns]
        table = READS[indicator.cells] if indicator.cells else ""
        if gone or self.ids is None or indicator.of is None or indicator.of in self.ids.get(table, ()):
            return tuple(gone)
        return (f"{table}.{NAMED_BY[table]} = {indicator.of}",)


def computable(indicator: Indicator, available: Available) -> bool:
    """Whether cells of an indicator can be made: a builder makes it, and all it needs is there."""
    return indicator.cells is not None and not available.lacks(indicator)


def declared(tables: Mapping[str, Table] = TABLES) -> Available:
    """What a register could hold by its declared tables, whoever fills them."""
    return Available(frozenset(f"{table.name}.{column}" for table in tables.values() for column in table.names))


def available(register: Register, outcome: str | None = None, days: float = 0.0) -> Available:
    """What a register that holds together can tell. Only aggregates are asked for, and none is kept.

    An option that fewer clients had than the threshold of disclosure counts as absent.

    Parameters
    ----------
    outcome, days
        An outcome, and for how many days it has to be known.
    """
    columns: set[str] = set()
    for name in register.stored:
        rows = register.rows(name)
        there = [column for column in register.tables[name].names if column in rows.columns]
        counts = register.run(rows.aggregate(**{column: rows[column].count() for column in there})).iloc[0]
        columns |= {f"{name}.{column}" for column in there if counts[column] > 0}
    ids = {}
    for name, key in NAMED_BY.items():
        if name in register.stored:
            rows = register.rows(name)
            ids[name] = frozenset(register.run(rows.select(key).distinct())[key].dropna())
    episodes = register.rows("episodes")
    arms = register.run(episodes.group_by("option").aggregate(clients=episodes.client.nunique()))
    enough = frozenset(arms.loc[arms["clients"] >= THRESHOLD, "option"]) & set(OPTIONS)
    return Available(frozenset(columns), ids, enough, _long_enough(register, outcome, days))


def _long_enough(register: Register, outcome: str | None, days: float) -> bool | None:
    if outcome is None:
        return None
    rows = register.rows("outcomes")
    asked = rows.outcome == outcome
    short = asked & ~rows.event & (rows.time < days)
    counts = register.run(rows.aggregate(all=asked.sum(), short=short.sum())).fillna(0).iloc[0]
    return None if not counts["all"] else not counts["short"]
