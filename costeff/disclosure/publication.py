"""Everything published together: what it says of each count, and what has to be withheld for the sake of another."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from costeff.disclosure.tables import Count, Protected, Rule


@dataclass(frozen=True)
class Statement:
    """What is published of one count: whom it counts, where, and the number; None is hidden, being small.

    Attributes
    ----------
    about, measure, within
        People counted, the column, and the column it is part of.
    data
        Which data, for example their date: the same count of two dates is two counts.
    where
        Key and value; a key that is absent is summed over.
    """

    about: str
    measure: str
    where: tuple[tuple[str, Hashable], ...]
    shown: int | None
    within: str = ""
    data: str = ""

    @property
    def place(self) -> dict[str, Hashable]:
        return dict(self.where)

    def told(self) -> dict[str, Any]:
        """As a record keeps it."""
        return {**vars(self), "where": [list(pair) for pair in self.where]}

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Statement:
        """The statement that a record keeps.

        Raises
        ------
        TypeError, ValueError, KeyError
            When it is none.
        """
        one = cls(**{**told, "where": tuple((str(key), value) for key, value in told["where"])})
        texts = (one.about, one.measure, one.within, one.data)
        places = [value for _, value in one.where]
        if not all(isinstance(text, str) for text in texts) or not all(isinstance(v, str | int) for v in places):
            raise ValueError("a statement names people, a measure and places")
        if one.shown is not None and type(one.shown) is not int:
            raise ValueError("a statement shows a whole number or none")
        return one


@dataclass(frozen=True)
class Publication:
    """The protected tables of a release and what earlier releases said.

    Attributes
    ----------
    rule
        The one rule of all of it.
    tables
        By name.
    data
        Which data the tables were made from, one for all or one for each group of people; a later date
        sorts after an earlier one.
    nested
        Key -> (the key it is a sum over, member -> group), such as county -> (municipality, its counties).
    earlier
        Statements of earlier releases.
    growing
        Whether clients are only ever added from one date of the data to the next, of all groups of people
        or of those named: an attacker then knows that a count never falls.
    """

    rule: Rule = field(default_factory=Rule)
    tables: Mapping[str, Protected] = field(default_factory=dict)
    data: str | Mapping[str, str] = ""
    nested: Mapping[str, tuple[str, Mapping[Any, Any]]] = field(default_factory=dict)
    earlier: Sequence[Statement] = ()
    growing: bool | frozenset[str] = True

    @property
    def statements(self) -> tuple[Statement, ...]:
        """Everything said of a count, earlier releases included; what is withheld is not said at all."""
        now = [one for table in self.tables.values() for one, _ in self.rows_of(table)]
        return tuple(dict.fromkeys([*self.earlier, *now]))

    def rows_of(self, table: Protected) -> Iterable[tuple[Statement, Hashable]]:
        """The statements of a table, each with its row."""
        frame = table.table
        data = self.data if isinstance(self.data, str) else self.data[table.about]
        for name in table.counts:
            kind = table.kinds[name]
            assert isinstance(kind, Count)
            hidden = table.hidden(name)
            for row in frame.index[~table.withheld(name)]:
                where = tuple((key, _plain(frame.at[row, key])) for key in table.keys)
                shown = None if hidden[row] else int(frame.at[row, name])
                yield Statement(table.about, name, where, shown, kind.among, data), row

    def closed(self) -> Publication:
        """The same with shown counts withheld until no hidden one can be narrowed down too far.

        As statistical offices do: the smallest shown count that stands in a sum with
        the exposed one is withheld, until the attack finds nothing. Earlier releases
        cannot be taken back, so only these tables give way.

        Raises
        ------
        ModelError
            When nothing is left to withhold, because earlier releases alone tell too much.
        """
        from costeff.disclosure.attack import attack
        from costeff.errors import ModelError, Problem

        closed = self
        while exposed := attack(closed).exposed:
            closed, done = closed._withheld(exposed), closed
            if closed is done:
                problem = Problem("earlier releases", f"expose {len(exposed)} hidden counts", "publish coarser tables")
                raise ModelError("What is published would tell small counts", [problem])
        return closed

    def _withheld(self, exposed: Sequence[Statement]) -> Publication:
        cells: dict[str, dict[str, list[Hashable]]] = {}
        shown = [
            (one, name, row)
            for name, table in self.tables.items()
            for one, row in self.rows_of(table)
            if one.shown is not None
        ]
        for hidden in exposed:
            near = [(self._distance(hidden, one), one.shown, str(one.where), one, name, row)
                    for one, name, row in shown if self._related(hidden, one)]  # fmt: skip
            if near:
                *_, one, name, row = min(near, key=lambda found: found[:3])
                cells.setdefault(name, {}).setdefault(one.measure, []).append(row)
        if not cells:
            return self
        tables = {name: table.without(cells.get(name, {})) for name, table in self.tables.items()}
        return Publication(self.rule, tables, self.data, self.nested, self.earlier, self.growing)

    def _related(self, hidden: Statement, one: Statement) -> bool:
        return one.about == hidden.about and (one.data == hidden.data or self.grows(one.about))

    def grows(self, about: str) -> bool:
        """Whether these people are only ever added."""
        return self.growing if isinstance(self.growing, bool) else about in self.growing

    def _distance(self, hidden: Statement, one: Statement) -> tuple[int, int]:
        """How far a count stands from another: in how many keys they differ, the sum before its parts."""
        mine, other = self.full(hidden), self.full(one)
        differing = sum(mine.get(key) != other.get(key) for key in {*mine, *other})
        return differing + (one.measure != hidden.measure), len(one.where)

    def full(self, one: Statement) -> dict[str, Hashable]:
        """A place with the groups it lies in."""
        place = one.place
        for key, (member, groups) in self.nested.items():
            if member in place:
                place.setdefault(key, groups[place[member]])
        return place


def _plain(value: Any) -> Hashable:
    """A key as JSON has it."""
    found: Hashable = value.item() if hasattr(value, "item") else value
    return found if isinstance(found, str | int) else str(found)
