"""Links: a later cost that follows from an earlier one, with its evidence and a switch."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from costeff.params.entries import Entry, Uncertain, is_positive, is_share
from costeff.spec import Id, Label, Spec


class LinkOrigin(Spec):
    """Where a link starts: each move into one of these states of a model."""

    model: Id
    entered: Annotated[tuple[Id, ...], Field(strict=False, min_length=1)]


class LinkTarget(Spec):
    """Where a link leads: a model, the state its people start in, and the numbers that are other for them."""

    model: Id
    start: Id
    inputs: dict[Id, Uncertain] = Field(default_factory=dict)


class Link(Entry):
    """A later cost that follows from an earlier one, as evidence has it, and a switch that is off unless asked for.

    The chance of the target's event within `window_years` is `baseline` without the origin's event; `evidence`
    names the row of params/evidence/ whose odds or hazard ratio holds with it. `contains` names links whose costs
    are already within this one: they are not counted together.
    """

    id: Id
    label: Label
    origin: LinkOrigin
    target: LinkTarget
    evidence: Id
    outcome: str
    kind: Literal["association", "effect"]
    baseline: Uncertain | None  # None: not known, and then the link cannot be counted
    window_years: Annotated[float, Field(gt=0)]
    delay_years: Annotated[int, Field(ge=0)]
    persons: Uncertain | None = None  # who the link reaches for each who entered; None: the same person
    contains: Annotated[tuple[Id, ...], Field(strict=False)] = ()
    note: str

    @model_validator(mode="after")
    def _is_a_chance(self) -> Self:
        if self.baseline and not is_share(self.baseline):
            raise ValueError("baseline: a chance lies between 0 and 1 (family beta, uniform or fixed)")
        if self.persons and not is_positive(self.persons):
            raise ValueError("persons: a number of people is above 0 (family gamma, lognormal, uniform or fixed)")
        if self.id in self.contains:
            raise ValueError("contains: a link does not contain itself")
        return self
