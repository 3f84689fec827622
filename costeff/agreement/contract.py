"""A contract on a service as it is written: what is paid for, at which price, within which limits. No computing."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, ValidationError, ValidationInfo, field_validator, model_validator

from costeff.errors import Problem, Problems, UsageError
from costeff.shown import Shows, euros, lines, table, tabular, titled
from costeff.spec import Id, Label, Share, Spec, Text, validation_problems

Against = Literal["nothing", "target", "baseline", "comparison"]
Amount = Annotated[float, Field(ge=0)]  # EUR
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
    counts: ClassVar[str] = "hours worked, whatever comes of them"

    @property
    def pays(self) -> str:
        """What is paid, in words."""
        return f"{euros(self.price)} an hour"

    @property
    def name(self) -> str:
        """The component of a payment."""
        return self.kind


class ClientPrice(Stated):
    """EUR per client served, whatever comes of it."""

    kind: Literal["client_price"] = "client_price"
    price: Amount
    counts: ClassVar[str] = "clients served, whatever comes of it"

    @property
    def pays(self) -> str:
        """What is paid, in words."""
        return f"{euros(self.price)} a client"

    @property
    def name(self) -> str:
        """The component of a payment."""
        return self.kind


class Measured(Stated):
    """A term that pays by good outcomes, and against what they are counted.

    `nothing` counts all good outcomes, also those that would have come anyway. `target` counts those above a
    share of clients written here, `baseline` those above the share observed before the contract began and frozen
    then, `comparison` those above the share in a comparison group at the same time.
    """

    against: Against
    target: Share | None = None

    @property
    def counts(self) -> str:
        """What is counted, in words."""
        compared = {
            "nothing": "all good outcomes, also those that would have come anyway",
            "target": f"good outcomes above {self.target or 0:.1%} of clients",
            "baseline": "good outcomes above the share before the contract began",
            "comparison": "good outcomes above the share of a comparison group",
        }[self.against]
        return f"{compared}; fewer are paid back" if getattr(self, "two_sided", False) else compared

    @model_validator(mode="after")
    def _has_its_target(self) -> Self:
        if self.against == "target" and self.target is None:
            raise ValueError("target: a term against a target says which share of clients it is")
        if self.against != "target" and self.target is not None:
            raise ValueError(f"target: a term against {self.against} has none; drop it, or write against: target")
        return self


class OutcomePrice(Measured):
    """EUR per good outcome more than what it is counted against.

    `two_sided`: the provider pays back where outcomes are fewer. Otherwise fewer cost nothing, and chance pays.
    """

    kind: Literal["outcome_price"] = "outcome_price"
    price: Amount
    two_sided: bool = False

    @property
    def pays(self) -> str:
        """What is paid, in words."""
        return f"{euros(self.price)} each"

    @property
    def name(self) -> str:
        """The component of a payment."""
        return f"{self.kind} against {self.against}"


class SavingShare(Measured):
    """A share of the measured saving: good outcomes more than what they are counted against, at what each saves."""

    kind: Literal["saving_share"] = "saving_share"
    share: Share
    two_sided: bool = False

    @property
    def pays(self) -> str:
        """What is paid, in words."""
        return f"{self.share:.0%} of what each saves"

    @property
    def name(self) -> str:
        """The component of a payment."""
        return f"{self.kind} against {self.against}"


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
    def pays(self) -> str:
        """What is paid, in words."""
        return "; ".join(f"{euros(level.amount)} from {level.at:.0%}" for level in self.levels)

    @property
    def name(self) -> str:
        """The component of a payment."""
        return f"{self.kind} against {self.against}"


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

    def _rows(self) -> list[dict[str, str]]:
        return [{"Term": term.kind.replace("_", " "), "Pays": term.pays, "Counts": term.counts} for term in self.terms]

    def _limits(self) -> str:
        limits = [
            *([f"in all at most {euros(self.cap)}"] if self.cap is not None else []),
            *([f"at least {euros(self.floor)}"] if self.floor is not None else []),
        ]
        bought = f"Pays for {self.indicator}" if self.indicator else "Pays for work, not for what comes of it"
        return f"{bought}{''.join(f'; {limit}' for limit in limits)}."

    def _title(self) -> str:
        return self.label["en"] if self.label else self.id

    def _html(self) -> str:
        return titled(self._title(), table(self._rows(), self._limits()))

    def _plain(self) -> str:
        return f"{lines(self._rows(), self._title())}\n{self._limits()}"

    def _latex(self) -> str:
        return tabular(self._rows(), f"{self._title()}. {self._limits()}")

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
