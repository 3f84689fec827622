"""Who pays by law, from which date, with whom it is shared, and what of a saving changes hands."""

from __future__ import annotations

import math
from datetime import date
from math import isclose
from typing import Annotated, Self

from pydantic import Field, model_validator

from costeff.params.entries import Entry
from costeff.spec import CountyCode, Label, Payer, Share, Sources, Spec


class Split(Spec):
    """Who pays what share from this many days on; a day is one of the unit cost's basis."""

    from_days: Annotated[float, Field(ge=0)] = 0
    shares: dict[Payer, Share]

    @model_validator(mode="after")
    def _pays_all(self) -> Self:
        if not isclose(sum(self.shares.values()), 1, abs_tol=1e-9):
            raise ValueError(f"shares: sum to {sum(self.shares.values()):.10g}, not to 1; every euro has a payer")
        return self


class Turn(Spec):
    """From this date the law puts the duty on this payer (`valid_from` None: since before the first turn).

    A duty that several payers share has a `split` instead, with a row for each step of time.
    """

    valid_from: date | None
    payer: Payer | None = None
    split: Annotated[tuple[Split, ...], Field(strict=False)] = ()
    source: Sources
    note: str | None = None

    @model_validator(mode="after")
    def _someone_pays(self) -> Self:
        if (self.payer is None) == (not self.split):
            raise ValueError("a turn has a payer, or a split among several, and not both")
        steps = [step.from_days for step in self.split]
        if steps and (steps[0] != 0 or sorted(set(steps)) != steps):
            raise ValueError(f"split: from_days {steps} do not rise from 0, each once")
        return self

    def shares(self, start: float = 0, end: float | None = None) -> dict[str, float]:
        """What each payer pays of the days from `start` to `end` (None: of all days from then on).

        Raises
        ------
        ValueError
            When the shares go on changing after `start`, and no end is given.
        """
        if self.payer is not None:
            return {self.payer: 1.0}
        if end is None and self.split[-1].from_days > start:
            raise ValueError(f"the shares change after {self.split[-1].from_days:g} days")
        bounds = [*(step.from_days for step in self.split[1:]), math.inf]
        stop = end if end is not None else start + 1
        found: dict[str, float] = {}
        for step, until in zip(self.split, bounds, strict=True):
            part = max(0.0, min(until, stop) - max(step.from_days, start)) / (stop - start)
            for payer, share in step.shares.items():
                if part and share:
                    found[payer] = found.get(payer, 0.0) + part * share
        return found


class Duty(Entry):
    """Who by law pays for a kind of service, by date; counties outside a reform are named."""

    label: Label
    turns: Annotated[tuple[Turn, ...], Field(strict=False, min_length=1)]
    except_counties: dict[CountyCode, Payer] = Field(default_factory=dict)
    note: str | None = None

    @model_validator(mode="after")
    def _one_payer_a_date(self) -> Self:
        if len({turn.valid_from for turn in self.turns}) < len(self.turns):
            raise ValueError("two payers are valid from the same date")
        return self


class Return(Spec):
    """In corrections made from this date on, the share of a change in costs that passes on."""

    valid_from: date
    share: Share
    source: Sources


class ClawBack(Entry):
    """A payer keeps only part of what it saves: years later its funding is corrected, and the rest changes hands.

    The correction of a year y is made in year y + `lag_years`, at the share of that later year.
    """

    label: Label
    payer: Payer
    to: Payer
    lag_years: Annotated[int, Field(ge=0)]
    note: str
    turns: Annotated[tuple[Return, ...], Field(strict=False, min_length=1)]

    @model_validator(mode="after")
    def _moves_something(self) -> Self:
        if self.payer == self.to:
            raise ValueError(f"to: {self.to} cannot pass on to itself")
        if len({turn.valid_from for turn in self.turns}) < len(self.turns):
            raise ValueError("two shares are valid from the same date")
        return self

    def share(self, on: date) -> float:
        """The share that a correction made on a date moves; 0 before the first turn."""
        here = [turn for turn in self.turns if turn.valid_from <= on]
        return max(here, key=lambda turn: turn.valid_from).share if here else 0.0
