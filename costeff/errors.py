"""The error tree, the exit codes, and the collector that tells all problems of a step at once.

A problem names a place, the rule that was broken and the cure. A problem about
personal data names table, row and column, never the value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum


class ExitCode(IntEnum):
    """What the command line returns, fixed by the kind of the outcome."""

    OK = 0
    BUG = 1  # our fault: the only case that shows a traceback
    USAGE = 2  # a wrong option, an unknown municipality or parameter
    PARAMS = 3  # params/ does not hold together
    DATA = 4  # a register does not hold together
    MODEL = 5  # a model could not be fitted or failed its diagnostics
    PARTIAL = 6  # some reports were made, some failed
    SETUP = 7  # something on the machine is missing or not writable


MOST = 100  # problems in one block
LONGEST = 400  # characters of a place: a path and more


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where, what rule it breaks, and what mends it."""

    place: str
    rule: str
    cure: str = ""

    def __str__(self) -> str:
        cure = f"\n    -> {self.cure}" if self.cure else ""
        place = "".join(sign if sign.isprintable() else "?" for sign in self.place)  # it may be a name from outside
        place = place if len(place) <= LONGEST else f"{place[:LONGEST]}..."
        return f"  {place if place.strip() else repr(place)}: {self.rule}{cure}"


class CosteffError(Exception):
    """A user's or a machine's mistake, told as one readable block."""

    code = ExitCode.BUG

    def __init__(self, title: str, problems: Iterable[Problem] = ()) -> None:
        self.title = title
        self.problems = tuple(problems)
        super().__init__(title, self.problems)  # both in args, so that it pickles

    def __str__(self) -> str:
        more = len(self.problems) - MOST
        rest = [f"  and {more} more"] if more > 0 else []
        return "\n".join([self.title, *map(str, self.problems[:MOST]), *rest])


class UsageError(CosteffError):
    """The command or call asks for something that does not exist."""

    code = ExitCode.USAGE


class ParamsError(CosteffError):
    """The catalogue in params/ is wrong or lacks what was asked of it."""

    code = ExitCode.PARAMS


class DataError(CosteffError):
    """A register breaks its declaration."""

    code = ExitCode.DATA


class ModelError(CosteffError):
    """A model cannot be run on what it was given, or failed its diagnostics."""

    code = ExitCode.MODEL


class PartialError(CosteffError):
    """A batch in which some reports failed; the others are complete."""

    code = ExitCode.PARTIAL


class SetupError(CosteffError):
    """The machine lacks something, or a folder cannot be written."""

    code = ExitCode.SETUP


@dataclass
class Problems:
    """Collects the problems of one step, so that all are told at once."""

    found: list[Problem] = field(default_factory=list)

    def add(self, place: str, rule: str, cure: str = "") -> None:
        self.found.append(Problem(place, rule, cure))

    def raise_if_any(self, kind: type[CosteffError], title: str) -> None:
        """Raise `kind` with every problem found; do nothing when there is none."""
        if self.found:
            count = "1 problem" if len(self.found) == 1 else f"{len(self.found)} problems"
            raise kind(f"{title}: {count}", self.found)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self.found)

    def __bool__(self) -> bool:
        return bool(self.found)
