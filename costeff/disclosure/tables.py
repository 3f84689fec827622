"""Protected tables: the only form in which numbers of clients are published.

Each column of a table is declared with its kind, and `protect` alone makes a
`Protected` of it. There is no kind for a minimum or a maximum: one client's value
cannot be declared, so it cannot be published.
"""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Mapping
from dataclasses import InitVar, dataclass
from functools import cached_property
from typing import NoReturn, cast

import numpy as np
import pandas as pd

from costeff import identity
from costeff.disclosure import BASE, THRESHOLD, protect_count
from costeff.errors import Problem, Problems, UsageError

LEAST_THRESHOLD = 5
_PSEUDONYM = re.compile(r"k[0-9a-f]{32}")


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
    """What the table is divided by."""


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
    """A sum over clients, not negative. It needs a count, and the two largest contributions, which are not kept."""

    n: str
    largest: str
    second: str


@dataclass(frozen=True)
class Mean(Sum):
    """A mean over clients; as `Sum`."""


@dataclass(frozen=True)
class Estimate:
    """A summary of a model's draws, three digits of it; `n` names the count of clients that it leans on."""

    n: str


@dataclass(frozen=True)
class Fact:
    """What is published elsewhere: a price, a law, a name."""


Kind = Key | Count | Rate | Sum | Mean | Estimate | Fact


@dataclass(frozen=True, eq=False, repr=False)
class Protected:
    """A table as it may be published; `protect` makes it, and nothing else can.

    Attributes
    ----------
    about : str
        Whom it counts. Tables about the same people are attacked together.
    kinds : dict of str to Kind
    rule : Rule
    """

    about: str
    kinds: Mapping[str, Kind]
    rule: Rule
    _frame: pd.DataFrame
    _hidden: pd.DataFrame
    _withheld: pd.DataFrame
    seal: InitVar[object] = None

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise UsageError("A table was not protected", [Problem("Protected", "is made by protect only", CURE)])

    def __reduce__(self) -> NoReturn:
        raise TypeError("a protected table is not stored: store what it shows")

    def __repr__(self) -> str:
        return f"Protected({self.about}, {self.rule.version})\n{self._frame}"

    def _repr_html_(self) -> str:
        return str(self._frame.to_html(index=False, na_rep="", border=0))

    @property
    def table(self) -> pd.DataFrame:
        """What may be shown; a hidden number is missing."""
        return self._frame.copy()

    @cached_property
    def keys(self) -> tuple[str, ...]:
        return tuple(name for name, kind in self.kinds.items() if isinstance(kind, Key))

    @cached_property
    def counts(self) -> tuple[str, ...]:
        return tuple(name for name, kind in self.kinds.items() if isinstance(kind, Count))

    def hidden(self, column: str) -> pd.Series:
        """Where a number is hidden, whatever the reason."""
        return self._hidden[column] | self._withheld[column]

    def withheld(self, column: str) -> pd.Series:
        """Where a number is hidden for the sake of another one."""
        return self._withheld[column].copy()

    def without(self, cells: Mapping[str, list[Hashable]]) -> Protected:
        """The same table with some counts, and all that follows from them, hidden too: column -> rows."""
        withheld = self._withheld.copy()
        for column, rows in cells.items():
            withheld.loc[rows, column] = True
        frame = self._frame.copy()
        for column, mark in withheld.items():
            frame.loc[mark & frame[column].notna(), column] = pd.NA
        frame = _followed(frame, self.kinds)
        return Protected(self.about, self.kinds, self.rule, frame, self._hidden, withheld, _SEAL)


_SEAL = object()
CURE = "declare the kind of each column and call costeff.disclosure.tables.protect"


def protect(table: pd.DataFrame, kinds: Mapping[str, Kind], about: str, rule: Rule | None = None) -> Protected:
    """A table of exact numbers as it may be published.

    Counts are suppressed and rounded one by one, margins too, so that no margin is
    true and none is the sum of what is shown.

    Parameters
    ----------
    table
        A row for each combination of keys, those without clients included: a row that
        is only there when somebody is in it tells that somebody is.
    kinds
        The kind of each column that is published; all others are an error, except the
        contributions that a sum or a mean names. A rate is made here and is no column of the table.
    about
        Whom the table counts.

    Raises
    ------
    UsageError
        For a column without a kind, a kind without its columns, keys that are not
        unique or look like a person; all at once.
    """
    rule = rule or Rule()
    kinds = dict(kinds)
    _check(table, kinds).raise_if_any(UsageError, "The table cannot be protected")
    frame = table.reset_index(drop=True)
    counts = [name for name, kind in kinds.items() if isinstance(kind, Count)]
    hidden = pd.DataFrame({name: ~_may_show(frame, name, kinds, rule) for name in counts}, index=frame.index)
    shown = pd.DataFrame({name: _counted(frame[name], hidden[name], rule) for name in counts}, index=frame.index)
    for name, kind in kinds.items():
        match kind:
            case Sum():
                means = _mean(frame, name, kind, rule)
                shown[name] = means if isinstance(kind, Mean) else means * _floats(shown[kind.n])
            case Estimate():
                shown[name] = [_digits(value) for value in frame[name]]
            case Key() | Fact():
                shown[name] = frame[name]
    shown = _followed(shown, kinds)[[*kinds]]
    nothing = pd.DataFrame(False, index=frame.index, columns=counts)
    return Protected(about, kinds, rule, shown, hidden, nothing, _SEAL)


def _counted(n: pd.Series, hidden: pd.Series, rule: Rule) -> pd.Series:
    values = [None if hide else rule.count(int(value)) for value, hide in zip(n, hidden, strict=True)]
    return pd.Series(values, dtype="Int64")


def _floats(counts: pd.Series) -> np.ndarray:
    return cast(np.ndarray, counts.astype("Float64").to_numpy(float, na_value=np.nan))


def _may_show(frame: pd.DataFrame, name: str, kinds: Mapping[str, Kind], rule: Rule) -> pd.Series:
    """Where a count, and what it leaves of the count it is part of, reach the threshold."""
    n, kind = frame[name], kinds[name]
    enough = n >= rule.threshold
    if isinstance(kind, Count) and kind.among:
        enough &= frame[kind.among] - n >= rule.threshold
    return enough


def _mean(frame: pd.DataFrame, name: str, kind: Sum, rule: Rule) -> np.ndarray:
    """The mean to three digits; missing where two clients make nearly all of the sum."""
    n = frame[kind.n].where(frame[kind.n] > 0)
    mean = frame[name] if isinstance(kind, Mean) else frame[name] / n
    dominated = frame[kind.largest] + frame[kind.second] > rule.dominance * mean * n
    return np.array([math.nan if hide else _digits(one) for one, hide in zip(mean, dominated, strict=True)])


def _followed(shown: pd.DataFrame, kinds: Mapping[str, Kind]) -> pd.DataFrame:
    """What leans on a hidden count is hidden too, and rates are made of the counts that are left."""
    out = shown.copy()
    for name, kind in kinds.items():
        if isinstance(kind, Count) and kind.among:
            out[name] = out[name].where(out[kind.among].notna())
    for name, kind in kinds.items():
        if isinstance(kind, Rate):
            out[name] = [_digits(kind.per * one) for one in _floats(out[kind.of]) / _floats(out[kind.among])]
        elif isinstance(kind, Sum):
            out[name] = out[name].where(out[kind.n].notna())
    return out


def _digits(value: float) -> float:
    """Three digits that count."""
    return float(f"{value:.3g}") if math.isfinite(value) else math.nan


# --- what a table must be -----------------------------------------------------------------------


def _check(table: pd.DataFrame, kinds: Mapping[str, Kind]) -> Problems:
    problems = Problems()
    behind = {name for kind in kinds.values() if isinstance(kind, Sum) for name in (kind.largest, kind.second)}
    for name in table.columns:
        if name not in kinds and name not in behind:
            problems.add(f"column {name}", "has no declared kind", "declare it, or leave it out")
    for name, kind in kinds.items():
        if isinstance(kind, Rate) == (name in table.columns):
            rule = "is made here and cannot be given" if isinstance(kind, Rate) else "is not in the table"
            problems.add(f"column {name}", rule, "give the table without it" if isinstance(kind, Rate) else "add it")
        _check_needs(name, kind, table, kinds, problems)
    if not problems:
        _check_values(table, kinds, behind, problems)
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


def _check_values(table: pd.DataFrame, kinds: Mapping[str, Kind], behind: set[str], problems: Problems) -> None:
    keys = [name for name, kind in kinds.items() if isinstance(kind, Key)]
    if table.duplicated(keys).any() if keys else len(table) > 1:
        problems.add("keys", "do not tell the rows apart", "give one row for each combination")
    for name in keys:
        texts = table[name].astype(str).unique()
        if pd.api.types.is_float_dtype(table[name]) or any(_PSEUDONYM.search(t) or identity.find(t) for t in texts):
            problems.add(f"column {name}", "is not a key: it holds measurements or persons", "divide by groups")
    for name, kind in kinds.items():
        values = table[name] if name in table.columns else pd.Series(dtype=float)
        if isinstance(kind, Count) and not _whole(values):
            problems.add(f"column {name}", "is not a count: a number is missing, negative or not whole", "count again")
        elif isinstance(kind, Count) and kind.among in table.columns and (values > table[kind.among]).any():
            problems.add(f"column {name}", f"is more than {kind.among} in some row", "count again")
        elif isinstance(kind, Sum | Estimate) and not pd.api.types.is_numeric_dtype(values):
            problems.add(f"column {name}", "is not a column of numbers", "give numbers")
        elif isinstance(kind, Sum) and (table[[name, kind.largest, kind.second]] < 0).any(axis=None):
            problems.add(f"column {name}", "holds negative numbers, of which no client dominates", "sum sides apart")


def _whole(values: pd.Series) -> bool:
    if not pd.api.types.is_numeric_dtype(values) or values.isna().any():
        return False
    return bool(((values >= 0) & (values % 1 == 0)).all())
