"""A linear-programming attack on everything published together, as an outsider with time would do it.

Each published number is an interval: what rounds to it, or, hidden, nought to just
under the threshold. Sums tie them together: margins, counties of municipalities, parts
of wholes, dates of growing data. The least and the most that a hidden count can
be under all of it is a linear program; where the two are close, it is exposed.

References
----------
M. Fischetti, J. J. Salazar (2000). Models and algorithms for optimizing cell suppression in tabular
data with linear constraints. Journal of the American Statistical Association 95(451), 916-928.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, product
from typing import Any

import numpy as np
import pandas as pd

from costeff.disclosure.publication import Publication, Statement
from costeff.errors import ModelError, Problem

PATIENCE = 2  # rounds in which all that are left are asked at once, before any is asked alone
TOLERANCE = 1e-6

Range = tuple[float, float, bool]  # low, high, and whether it is exposed


class ContradictionError(ModelError):
    """No data are as everything published says."""


@dataclass(frozen=True)
class Attacked:
    """What the attack found.

    Attributes
    ----------
    hidden : tuple of Statement
        The hidden counts.
    table : DataFrame
        A row for each of them: `low` and `high`, between which it must lie (for one that
        is not exposed, values that it is known to be able to take), and `exposed`.
    """

    hidden: tuple[Statement, ...]
    table: pd.DataFrame

    @property
    def exposed(self) -> tuple[Statement, ...]:
        return tuple(one for one, found in zip(self.hidden, self.table["exposed"], strict=True) if found)


def attack(publication: Publication) -> Attacked:
    """The least and the most that each hidden count can be, given everything published.

    The attacker is a strong one: knows the rule and the sums, and that whatever is
    hidden, not withheld, is under the threshold.

    Raises
    ------
    ContradictionError
        When what is published contradicts itself, so that it was not made by one rule from one set of data.
    """
    hidden: list[Statement] = []
    found: list[Range] = []
    for about in dict.fromkeys(one.about for one in publication.statements):
        said = tuple(one for one in publication.statements if one.about == about)
        if any(one.shown is None for one in said):
            program, known = _Program(publication, said), _in_parts(publication, said)
            found += program.ranges(known)
            hidden += program.hidden
    return Attacked(tuple(hidden), pd.DataFrame(found, columns=["low", "high", "exposed"]))


def _in_parts(publication: Publication, said: Sequence[Statement]) -> dict[Statement, Range]:
    """What is exposed within a group already, such as one county: much cheaper, and certain, knowing less."""
    known: dict[Statement, Range] = {}
    for key in publication.nested:
        groups: dict[Hashable, list[Statement]] = {}
        for one in said:
            if key in (place := publication.full(one)):
                groups.setdefault(place[key], []).append(one)
        for some in groups.values():
            if any(one.shown is None for one in some):
                part = _Program(publication, some)
                found = zip(part.hidden, part.ranges({}), strict=True)
                known |= {one: ends for one, ends in found if ends[2]}
    return known


class _Program:
    """The linear program of one group of people: leaves, and a number for each statement, equal to a sum of leaves."""

    def __init__(self, publication: Publication, said: Sequence[Statement]) -> None:
        self.publication, self.said, self.rule = publication, said, publication.rule
        self.hidden = [one for one in said if one.shown is None]

    @cached_property
    def keys(self) -> list[str]:
        """Keys of the leaves: all that are met, a group's members in the place of the group."""
        met = dict.fromkeys(key for one in self.said for key, _ in one.where)
        over = {key: self.publication.nested[key][0] if key in self.publication.nested else key for key in met}
        return list(dict.fromkeys(over.values()))

    @cached_property
    def values(self) -> list[list[Hashable]]:
        """The values of each key, members that no table names included."""
        known: dict[str, dict[Hashable, None]] = {key: {} for key in self.keys}
        for group, (member, groups) in self.publication.nested.items():
            named = {one.place[group] for one in self.said if group in one.place}
            if any(not {member, group} & one.place.keys() for one in self.said):  # a sum over all of them
                named = set(groups.values())
            if member in known:
                known[member] |= {code: None for code, belongs in groups.items() if belongs in named}
        for one in self.said:
            for key, value in one.where:
                if key in known:
                    known[key][value] = None
        return [list(known[key]) for key in self.keys]

    @cached_property
    def blocks(self) -> dict[tuple[str, str], int]:
        """The first leaf of each measure at each date."""
        pairs = dict.fromkeys((one.data, one.measure) for one in self.said)
        wholes = dict.fromkeys((one.data, one.within) for one in self.said if one.within)
        return {pair: number * self.size for number, pair in enumerate(sorted({**pairs, **wholes}))}

    @cached_property
    def size(self) -> int:
        return math.prod(len(some) for some in self.values)

    @cached_property
    def grid(self) -> dict[str, np.ndarray]:
        """The value of every key, by its number, at each leaf; groups too."""
        places = list(product(*(range(len(some)) for some in self.values)))
        columns = np.array(places, dtype=int).reshape(self.size, len(self.keys))
        named = {key: np.array(self.values[n], dtype=object)[columns[:, n]] for n, key in enumerate(self.keys)}
        for group, (member, groups) in self.publication.nested.items():
            if member in named:
                named[group] = np.array([groups.get(value) for value in named[member]], dtype=object)
        return named

    def leaves(self, one: Statement, measure: str = "") -> np.ndarray:
        inside = np.ones(self.size, dtype=bool)
        for key, value in one.where:
            inside &= self.grid[key] == value
        return np.flatnonzero(inside) + self.blocks[one.data, measure or one.measure]

    def bounds(self, one: Statement) -> tuple[float, float]:
        if one.shown is not None:
            return self.rule.range_of(one.shown)
        return (0, np.inf) if one.within else (0, self.rule.threshold - 1)

    @cached_property
    def model(self) -> dict[str, Any]:
        """What linprog takes: sums are equalities, wholes and dates inequalities."""
        from scipy.sparse import coo_array

        first = len(self.blocks) * self.size  # the variables of statements come after the leaves
        rows, columns, signs = [], [], []
        for number, one in enumerate(self.said):
            inside = self.leaves(one)
            rows += [number] * (len(inside) + 1)
            columns += [*inside.tolist(), first + number]
            signs += [1.0] * len(inside) + [-1.0]
        total = first + len(self.said)
        sums = coo_array((signs, (rows, columns)), shape=(len(self.said), total)).tocsr()
        limits = np.array([(0, np.inf)] * first + [self.bounds(one) for one in self.said])
        model = {"A_eq": sums, "b_eq": np.zeros(len(self.said)), "bounds": limits, "method": "highs"}
        if pairs := list(self._ordered()):
            less, more = np.concatenate([np.add.outer(pair, np.arange(self.size)) for pair in pairs], axis=1)
            at = np.arange(len(less))
            signed = np.r_[np.ones(len(less)), -np.ones(len(less))]
            order = coo_array((signed, (np.r_[at, at], np.r_[less, more])), shape=(len(less), total)).tocsr()
            model |= {"A_ub": order, "b_ub": np.zeros(len(less))}
        return model

    def _ordered(self) -> Iterator[np.ndarray]:
        """Blocks of leaves of which the first is at most the second: parts of wholes, earlier and later dates."""
        parts = {(one.data, one.measure): one.within for one in self.said if one.within}
        for (data, measure), whole in parts.items():
            yield np.array([self.blocks[data, measure], self.blocks[data, whole]])
        if self.publication.grows(self.said[0].about):
            for measure in dict.fromkeys(measure for _, measure in self.blocks):
                dates = sorted(data for data, name in self.blocks if name == measure)
                for before, after in pairwise(dates):
                    yield np.array([self.blocks[before, measure], self.blocks[after, measure]])

    # --- asking ---------------------------------------------------------------------------------

    def solve(self, objective: np.ndarray) -> np.ndarray:
        """The leaves at which the objective is least; raises when nothing fits what is published."""
        from scipy.optimize import linprog

        answer = linprog(objective, **self.model)
        if answer.status == 3:  # without limit: as far as the attacker can tell, any number
            return np.full(len(objective), np.inf)
        if answer.status != 0:
            problem = Problem(
                "the publication", "contradicts itself", "make all tables by one rule, from the same data"
            )
            raise ContradictionError("What is published cannot be attacked", [problem])
        return np.asarray(answer.x)

    @cached_property
    def watched(self) -> Any:
        """A row for each number that must stay hidden: hidden counts, and for parts also what they leave of the whole.

        Both of a part are watched, since an outsider does not know which of the two is small.
        """
        from scipy.sparse import coo_array

        rows, columns, signs = [], [], []
        for number, one in enumerate(self.hidden):
            own = self.leaves(one).tolist()
            entries = [(2 * number, own, 1.0)]
            if one.within:
                entries += [(2 * number + 1, self.leaves(one, one.within).tolist(), 1.0), (2 * number + 1, own, -1.0)]
            for row, inside, sign in entries:
                rows += [row] * len(inside)
                columns += inside
                signs += [sign] * len(inside)
        shape = (2 * len(self.hidden), self.model["A_eq"].shape[1])
        return coo_array((signs, (rows, columns)), shape=shape).tocsr()

    def ranges(self, known: Mapping[Statement, Range]) -> list[Range]:
        """What each hidden count can be; those already known are not asked again."""
        watched, top = self.watched, self.rule.threshold - 1
        size = 2 * len(self.hidden)
        low, high = np.full(size, np.inf), np.full(size, -np.inf)

        def learn(objective: np.ndarray) -> float:
            at = self.solve(objective)
            if not np.isfinite(at).all():
                return math.inf
            seen = watched @ at
            np.minimum(low, seen, out=low)
            np.maximum(high, seen, out=high)
            return float(objective @ at)

        def wide(number: int) -> bool:
            return bool(min(high[number], top) - max(low[number], 0) >= self.rule.protection - TOLERANCE)

        def settled(number: int) -> bool:
            return wide(2 * number) or (bool(self.hidden[number].within) and wide(2 * number + 1))

        generator, idle = np.random.default_rng(0), 0
        left = [number for number, one in enumerate(self.hidden) if one not in known]
        while left and idle < PATIENCE:
            signs = np.zeros(size)
            signs[[2 * number for number in left]] = generator.choice([-1.0, 1.0], len(left)) if idle else 1.0
            learn(signs @ watched)
            learn(-signs @ watched)
            before, left = len(left), [number for number in left if not settled(number)]
            idle = idle + 1 if len(left) > 0.95 * before else 0
        return [
            known[one] if one in known else self._range(number, low, high, learn, wide)
            for number, one in enumerate(self.hidden)
        ]

    def _range(
        self, number: int, low: np.ndarray, high: np.ndarray, learn: Any, wide: Any
    ) -> tuple[float, float, bool]:
        own, rest = 2 * number, 2 * number + 1
        sides = (own, rest) if self.hidden[number].within else (own,)
        for side in sides:
            if not any(wide(one) for one in sides):
                alone = self.watched[[side]].toarray()[0]
                learn(alone)
                if math.isinf(learn(-alone)):
                    high[side] = math.inf
        exposed = not any(wide(one) for one in sides)
        return math.ceil(low[own] - TOLERANCE), float(np.floor(high[own] + TOLERANCE)), exposed
