"""Protected tables: the only form in which numbers of clients are published.

Each column of a table is declared with its kind, and `protect` alone makes a
`Protected` of it. There is no kind for a minimum or a maximum: one client's value
cannot be declared, so it cannot be published.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import InitVar, dataclass
from functools import cached_property
from typing import NoReturn, cast

import numpy as np
import pandas as pd

from costeff.disclosure.kinds import Count, Estimate, Fact, Key, Kind, Mean, Rate, Rule, Sum, check
from costeff.errors import Problem, UsageError
from costeff.shown import framed

__all__ = ["Count", "Estimate", "Fact", "Key", "Kind", "Mean", "Protected", "Rate", "Rule", "Sum", "protect"]

_EQUAL = 1e-6  # sums that differ by less are the same


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
        return framed(str(self._frame.to_html(index=False, na_rep="", border=0)), self.about)

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
        for _ in self.counts:  # parts of parts
            for name in self.counts:
                if among := cast(Count, self.kinds[name]).among:
                    withheld[name] |= withheld[among] & ~self._hidden[name]
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
    check(table, kinds).raise_if_any(UsageError, "The table cannot be protected")
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
    """The mean to three digits; missing where it is not proven that no two clients make nearly all of the sum."""
    n = frame[kind.n].where(frame[kind.n] > 0)
    mean = frame[name] if isinstance(kind, Mean) else frame[name] / n
    first, second, total = frame[kind.largest], frame[kind.second], mean * n
    proven = (second <= first) & (first + second <= rule.dominance * total) & (total > 0)
    proven &= first + second * (n - 1) >= total * (1 - _EQUAL)  # nobody has more than the second
    return np.array([_digits(one) if shown else math.nan for one, shown in zip(mean, _plain(proven), strict=True)])


def _plain(marks: pd.Series) -> list[bool]:
    """Marks without missing ones."""
    return [bool(one) for one in marks.astype("boolean").fillna(False)]


def _followed(shown: pd.DataFrame, kinds: Mapping[str, Kind]) -> pd.DataFrame:
    """What leans on a hidden count is hidden too, and rates are made of the counts that are left."""
    out = shown.copy()
    for name, kind in kinds.items():
        if isinstance(kind, Count) and kind.among:
            out[name] = out[name].where(out[kind.among].notna())
    for name, kind in kinds.items():
        if isinstance(kind, Rate):
            out[name] = [_digits(kind.per * one) for one in _floats(out[kind.of]) / _floats(out[kind.among])]
        elif isinstance(kind, Sum) or (isinstance(kind, Estimate) and not kind.pooled):
            out[name] = out[name].where(out[kind.n].notna())
    return out


def _digits(value: float) -> float:
    """Three digits that count."""
    return float(f"{value:.3g}") if math.isfinite(value) else math.nan
