"""A contract on a service as it is written: what is paid for, at which price, within which limits. No computing."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, ValidationError, ValidationInfo, field_validator, model_validator

from costeff.errors import Problem, Problems, UsageError
from costeff.shown import Shows, lines, table, tabular, titled
from costeff.spec import Id, Label, Share, Spec, Text, validation_problems

Against = Literal["nothing", "target", "baseline", "comparison"]
Amount = Annotated[float, Field(ge=0)]  # EUR
AGAINST = {
    "nothing": "good outcome",
    "target": "good outcome above the target of {target:.0%} of clients",
    "baseline": "good outcome more than the share before the contract, frozen then",
    "comparison": "good outcome more than the share in a comparison group at the same time",
}
UNSOUND = "The contract does not hold together"
IndicatorId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*\.[a-z]+$", max_length=80)]


class Stated(Spec):
    """What says where its numbers are from. Contracts of params/ have to; one drawn up while trying need not."""

    source: Annotated[tuple[Id, ...], Field(strict=False)] = ()
    reason: Text | None = None


class HourPrice(Stated):
    """EUR per hour worked, whatever comes of it."""

    kind: Literal["hour_price"] = "hour_price"
    price: Amount

    @property
    def name(self) -> str:
        """The component of a payment."""
        return self.kind

    @property
    def told(self) -> str:
        """The term as a reader would say it."""
        return f"{self.price:,.10g} EUR an hour worked"


class ClientPrice(Stated):
    """EUR per client served, whatever comes of it."""

    kind: Literal["client_price"] = "client_price"
    price: Amount

    @property
    def name(self) -> str:
        """The component of a payment."""
        return self.kind

    @property
    def told(self) -> str:
        """The term as a reader would say it."""
        return f"{self.price:,.10g} EUR a client"


class Measured(Stated):
    """A term that pays by good outcomes, and against what they are counted.

    `nothing` counts all good outcomes, also those that would have come anyway. `target` counts those above a
    share of clients written here, `baseline` those above the share observed before the contract began and frozen
    then, `comparison` those above the share in a comparison group at the same time.
    """

    against: Against
    target: Share | None = None

    @model_validator(mode="after")
    def _has_its_target(self) -> Self:
        if self.against == "target" and self.target is None:
            raise ValueError("target: a term against a target says which share of clients it is")
        if self.against != "target" and self.target is not None:
            raise ValueError(f"target: a term against {self.against} has none; drop it, or write against: target")
        return self

    @property
    def counted(self) -> str:
        """What it pays by."""
        return AGAINST[self.against].format(target=self.target)


class OutcomePrice(Measured):
    """EUR per good outcome more than what it is counted against.

    `two_sided`: the provider pays back where outcomes are fewer. Otherwise fewer cost nothing, and chance pays.
    """

    kind: Literal["outcome_price"] = "outcome_price"
    price: Amount
    two_sided: bool = False

    @property
    def name(self) -> str:
        """The component of a payment."""
        return f"{self.kind} against {self.against}"

    @property
    def told(self) -> str:
        """The term as a reader would say it."""
        return f"{self.price:,.10g} EUR a {self.counted}{_back(self.two_sided)}"


class SavingShare(Measured):
    """A share of the measured saving: good outcomes more than what they are counted against, at what each saves."""

    kind: Literal["saving_share"] = "saving_share"
    share: Share
    two_sided: bool = False

    @property
    def name(self) -> str:
        """The component of a payment."""
        return f"{self.kind} against {self.against}"

    @property
    def told(self) -> str:
        """The term as a reader would say it."""
        return f"{self.share:.0%} of what each {self.counted} saves{_back(self.two_sided)}"


class Level(Spec):
    """A step of a bonus: from this share of clients on, in all, this many EUR."""

    at: Share
    amount: Amount


class Bonus(Measured):
    """EUR by level: the highest level reached pays, not those below it too."""

    kind: Literal["bonus"] = "bonus"
    levels: Annotated[tuple[Level, ...], Field(strict=False, min_length=1)]

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if any(low.at >= high.at or low.amount > high.amount for low, high in pairwise(self.levels)):
            raise ValueError("levels: from one level to the next the share rises, and the amount does not fall")
        return self

    @property
    def name(self) -> str:
        """The component of a payment."""
        return f"{self.kind} against {self.against}"

    @property
    def told(self) -> str:
        """The term as a reader would say it."""
        steps = ", ".join(f"{level.amount:,.10g} EUR from {level.at:.0%} of clients on" for level in self.levels)
        return f"by {self.counted}: {steps}, the highest level reached"


def _back(two_sided: bool) -> str:
    return "; fewer are paid back" if two_sided else ""


Term = Annotated[HourPrice | ClientPrice | OutcomePrice | SavingShare | Bonus, Field(discriminator="kind")]


class Contract(Shows, Stated):
    """What a buyer pays a provider: one term or several together, within a cap and a floor on the total.

    `indicator` is the measurable change that is paid for, written chain.stage; it has to be there where a term
    pays by outcome. `floor` may be below 0: the most that a provider pays back.
    """

    id: Id
    label: Label | None = None
    terms: Annotated[tuple[Term, ...], Field(strict=False, min_length=1)]
    indicator: Annotated[IndicatorId | None, Field(validate_default=True)] = None
    cap: Amount | None = None
    floor: float | None = None

    @classmethod
    def of(cls, **fields: Any) -> Self:
        """A contract drawn up in a notebook.

        Raises
        ------
        UsageError
            With everything that does not hold together.
        """
        place = f"contract {fields.get('id', '')}".rstrip()
        try:
            contract = cls.model_validate(fields)
        except ValidationError as error:
            raise UsageError(UNSOUND, validation_problems(error, place)) from error
        chain, _, stage = (contract.indicator or "").partition(".")
        if contract.pays_by_outcome and stage != "outcome":  # of params/, the lint tells it with its line
            rule = f"{contract.indicator} is no change measured in clients"
            raise UsageError(UNSOUND, [Problem(f"{place} indicator", rule, f"pay for {chain}.outcome")])
        return contract

    @property
    def pays_by_outcome(self) -> bool:
        """Whether one of its terms is measured."""
        return any(isinstance(term, Measured) for term in self.terms)

    def override(self, **changes: Any) -> Self:
        """A new, checked contract with some values changed.

        Raises
        ------
        UsageError
            With everything that does not hold together.
        """
        return type(self).of(**{**dict(self), **changes})

    def at_price(self, price: float) -> Self:
        """The same contract at another price per outcome.

        Raises
        ------
        UsageError
            When it has not exactly one outcome price, or for a price that cannot be.
        """
        priced = [number for number, term in enumerate(self.terms) if isinstance(term, OutcomePrice)]
        if len(priced) != 1:
            problems = Problems()
            rule = "has no outcome price" if not priced else "has several outcome prices"
            problems.add(f"contract {self.id}", rule, "another price can be set where there is exactly one")
            problems.raise_if_any(UsageError, "The contract has no price to set")
        terms = [dict(term) for term in self.terms]
        terms[priced[0]]["price"] = price
        return self.override(terms=terms)

    def _paid(self) -> list[dict[str, str]]:
        """What is paid, a row for each term."""
        return [{"pays": term.told, "why": term.reason or "", "source": ", ".join(term.source)} for term in self.terms]

    def _within(self) -> list[dict[str, str]]:
        """What holds for all terms together; what was not written is left out."""
        told = {
            "label": f"{self.label.en} · {self.label.fi} · {self.label.sv}" if self.label else "",
            "indicator": self.indicator or "",
            "at most": "" if self.cap is None else f"{self.cap:,.10g} EUR",
            "at least": "" if self.floor is None else f"{self.floor:,.10g} EUR",
            "why": self.reason or "",
            "source": ", ".join(self.source),
        }
        return [{"": name, " ": text} for name, text in told.items() if text]

    def _html(self) -> str:
        return titled(self.id, table(self._within(), "What it is"), table(self._paid(), "What is paid"))

    def _plain(self) -> str:
        paid = [{"": "pays", " ": ". ".join(filter(None, (row["pays"], row["why"])))} for row in self._paid()]
        return lines([*self._within(), *paid], self.id)

    def _latex(self) -> str:
        return tabular(self._paid(), self.label.en if self.label else self.id)

    # Each field by itself, so that one fault does not hide another.

    @field_validator("terms")
    @classmethod
    def _are_different(cls, terms: tuple[Term, ...]) -> tuple[Term, ...]:
        names = [term.name for term in terms]
        if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
            raise ValueError(f"{', '.join(twice)} stands twice; write it as one term")
        return terms

    @field_validator("indicator")
    @classmethod
    def _is_named(cls, indicator: str | None, info: ValidationInfo) -> str | None:
        if indicator is None and any(isinstance(term, Measured) for term in info.data.get("terms", ())):
            raise ValueError("a contract that pays by outcome names the measurable indicator, as chain.outcome")
        return indicator

    @field_validator("floor")
    @classmethod
    def _is_below_the_cap(cls, floor: float | None, info: ValidationInfo) -> float | None:
        cap = info.data.get("cap")
        if floor is not None and cap is not None and cap < floor:
            raise ValueError(f"the cap {cap:g} is below the floor {floor:g}")
        return floor
