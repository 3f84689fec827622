"""The rule of disclosure, the kinds of columns, and what a table must be to be protected."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from numbers import Number

import numpy as np
import pandas as pd

from costeff import identity
from costeff.disclosure import BASE, THRESHOLD, protect_count
from costeff.errors import Problems, UsageError

LEAST_THRESHOLD = 5
_PSEUDONYM = re.compile(r"(?i)k[0-9a-f]{32}")


@dataclass(frozen=True)
class Rule:
    """What may be published.

    Attributes
    ----------
    threshold
        The smallest count that is shown.
    base
        What shown counts are multiples of.
    dominance
        The share of a sum above which its two largest contributions hide it.
    protection
        How wide, highest less lowest, everything published together must leave a hidden count.
    """

    threshold: int = THRESHOLD
    base: int = BASE
    dominance: float = 0.9
    protection: int = BASE

    def __post_init__(self) -> None:
        problems = Problems()
        if self.base < 2 or self.threshold < LEAST_THRESHOLD or self.threshold % self.base:
            problems.add("rule.threshold", f"is under {LEAST_THRESHOLD}, or no multiple of the base", "use 10 and 5")
        if not 0 < self.dominance < 1:
            problems.add("rule.dominance", "is not between 0 and 1", "use 0.9")
        if not 0 < self.protection < self.threshold:
            problems.add("rule.protection", "is not between 0 and the threshold", f"use {self.base}")
        problems.raise_if_any(UsageError, "The rule of disclosure does not hold")

    @property
    def version(self) -> str:
        """The rule in one word, as records name it."""
        return f"1-k{self.threshold}-b{self.base}-d{self.dominance:g}-p{self.protection}"

    def count(self, n: int) -> int | None:
        """As `protect_count`, by this rule."""
        return protect_count(n, self.threshold, self.base)

    def may_show(self, n: int | None) -> bool:
        """Whether a number can be a published count: none, or a multiple of the base from the threshold up."""
        return n is None or (n >= self.threshold and n % self.base == 0)

    def range_of(self, shown: int) -> tuple[int, int]:
        """The counts that are shown as this one."""
        low = -(-(2 * shown - self.base) // 2)
        return max(low, self.threshold), -(-(2 * shown + self.base) // 2) - 1


# --- the kinds of columns -----------------------------------------------------------------------


@dataclass(frozen=True)
class Key:
    """What the table is divided by: texts, or, of the whole numbers, those of a declared domain, such as years."""

    domain: tuple[int, ...] = ()


@dataclass(frozen=True)
class Count:
    """People. `among` names the count they are part of: nearly all of it is hidden as well as nearly none."""

    among: str = ""


@dataclass(frozen=True)
class Rate:
    """A share, made here from two shown counts: it tells nothing that they do not."""

    of: str
    among: str
    per: float = 1.0


@dataclass(frozen=True)
class Sum:
    """A sum over clients, not negative. It needs a count, and the two largest contributions, which are not kept.

    It is shown where they prove that no two clients make nearly all of it, and hidden elsewhere.
    """

    n: str
    largest: str
    second: str


@dataclass(frozen=True)
class Mean(Sum):
    """A mean over clients; as `Sum`."""


@dataclass(frozen=True)
class Estimate:
    """A summary of a model's draws, three digits of it; `n` names the count of clients that it leans on.

    It is hidden with that count, unless it is `pooled`: below the threshold it is then drawn from other
    clients alone.
    """

    n: str
    pooled: bool = False


@dataclass(frozen=True)
class Fact:
    """What is published elsewhere: a price, a law, a name. Beside counts a text: a number may be of clients."""


Kind = Key | Count | Rate | Sum | Mean | Estimate | Fact


# --- what a table must be -----------------------------------------------------------------------


def check(table: pd.DataFrame, kinds: Mapping[str, Kind]) -> Problems:
    """Everything that keeps a table from being protected; never a value."""
    problems = Problems()
    behind = {name for kind in kinds.values() if isinstance(kind, Sum) for name in (kind.largest, kind.second)}
    if not table.columns.is_unique:
        problems.add("columns", "have one name twice", "rename one of them")
    for name in table.columns:
        if name not in kinds and name not in behind:
            problems.add(f"column {name}", "has no declared kind", "declare it, or leave it out")
    for name, kind in kinds.items():
        if isinstance(kind, Rate) == (name in table.columns):
            rule = "is made here and cannot be given" if isinstance(kind, Rate) else "is not in the table"
            problems.add(f"column {name}", rule, "give the table without it" if isinstance(kind, Rate) else "add it")
        _check_needs(name, kind, table, kinds, problems)
    if not problems:
        _check_values(table, kinds, problems)
    return problems


def _check_needs(name: str, kind: Kind, table: pd.DataFrame, kinds: Mapping[str, Kind], problems: Problems) -> None:
    """The columns that a kind leans on."""
    match kind:
        case Rate():
            counts, given = [kind.of, kind.among], []
        case Sum():
            counts, given = [kind.n], [kind.largest, kind.second]
        case Estimate():
            counts, given = [kind.n], []
        case Count():
            counts, given = [kind.among] if kind.among else [], []
        case _:
            return
    for other in counts:
        if not isinstance(kinds.get(other), Count):
            problems.add(f"column {name}", "leans on a column that is not a count", "name a column of counts")
    for other in given:
        if other not in table.columns or other in kinds:
            rule = "needs the two largest contributions as columns that are not published"
            problems.add(f"column {name}", rule, "give both, without a kind of their own")


def _check_values(table: pd.DataFrame, kinds: Mapping[str, Kind], problems: Problems) -> None:
    keys = [name for name, kind in kinds.items() if isinstance(kind, Key)]
    if table.duplicated(keys).any() if keys else len(table) > 1:
        problems.add("keys", "do not tell the rows apart", "give one row for each combination")
    counted = any(isinstance(kind, Count) for kind in kinds.values())
    for name, kind in kinds.items():
        values = table[name] if name in table.columns else pd.Series(dtype=float)
        for rule, cure in _broken(name, kind, values, table, counted):
            problems.add(f"column {name}", rule, cure)


def _broken(name: str, kind: Kind, values: pd.Series, table: pd.DataFrame, counted: bool) -> Iterator[tuple[str, str]]:
    """What the values of a column break: the rule and the cure."""
    match kind:
        case Key():
            if values.isna().any():
                yield "is not a key: it is empty in some row", "name the group of each row"
            if _persons(values) or not all(_divides(value, kind) for value in values.dropna().unique()):
                yield "is not a key: it holds measurements or persons", "divide by groups, numbers in a Key's domain"
        case Fact():
            if _persons(values):
                yield "holds persons", "leave them out"
            if counted and any(_number(value) for value in values.dropna()):
                yield "holds numbers beside counts of clients", "publish them in a table of their own, or as texts"
        case Count():
            if not _whole(values):
                yield "is not a count: a number is missing, negative or not whole", "count again"
            elif kind.among in table.columns and (values > table[kind.among]).any():
                yield f"is more than {kind.among} in some row", "count again"
        case Sum() | Estimate() if not pd.api.types.is_numeric_dtype(values):
            yield "is not a column of numbers", "give numbers"
        case Sum():
            behind = table[[kind.largest, kind.second]]
            if not all(map(pd.api.types.is_numeric_dtype, behind.dtypes)):
                yield "has contributions that are not numbers", "give the two largest of each row"
            elif (table[[name, kind.largest, kind.second]] < 0).any(axis=None):
                yield "holds negative numbers, of which no client dominates", "sum sides apart"
            elif (behind.isna().any(axis=1) & values.notna() & (table[kind.n] > 1)).any():
                yield "has no two largest contributions in some row", "give them wherever there are two clients"


def _persons(values: pd.Series) -> bool:
    return any(names_a_person(str(value)) for value in values.dropna().unique())


def names_a_person(text: str) -> bool:
    """Whether a text holds an identity code or a pseudonym."""
    return bool(_PSEUDONYM.search(text) or identity.find(text))


def _number(value: object) -> bool:
    return isinstance(value, Number) and not isinstance(value, bool | np.bool_)


def _divides(value: object, key: Key) -> bool:
    """Whether a value may be one of a key."""
    return not _number(value) or value in key.domain


def _whole(values: pd.Series) -> bool:
    if not pd.api.types.is_numeric_dtype(values) or values.isna().any():
        return False
    return bool(((values >= 0) & (values % 1 == 0)).all())
