"""What a section is told with: the words, the names of things, and how an estimate is put."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Protocol

from markupsafe import Markup

from costeff.chain import ImpactChain
from costeff.report.appraisals import Appraisal, Variant
from costeff.report.estimates import Estimate, net_saving, prices
from costeff.report.markup import with_interval
from costeff.report.words import MINUS, Words, decimals_of, inline, money_step, nice_step
from costeff.spec import is_county

HELSINKI = "90"  # the city that does what elsewhere a wellbeing services county does


class Names(Protocol):
    """The part of the catalogue a page reads: by id, and the rules that hold for every page."""

    @property
    def chains(self) -> Mapping[str, ImpactChain]: ...
    @property
    def sources(self) -> Mapping[str, Any]: ...
    @property
    def price_sets(self) -> Mapping[str, Any]: ...
    @property
    def unit_costs(self) -> Mapping[str, Any]: ...
    @property
    def units(self) -> Mapping[str, Any]: ...
    @property
    def links(self) -> Mapping[str, Any]: ...
    @property
    def claw_back(self) -> Any: ...
    @property
    def conventions(self) -> Any: ...


@dataclass(frozen=True)
class Chapter:
    """One chain of one municipality, in one language."""

    words: Words
    names: Names
    appraisal: Appraisal

    @property
    def main(self) -> Variant:
        return self.appraisal.main

    @property
    def of_county(self) -> bool:
        """Whether the page is about a county as one place."""
        return is_county(str(self.main.attr("municipality")))

    @property
    def chain(self) -> ImpactChain | None:
        return self.names.chains.get(self.appraisal.chain)

    @property
    def title(self) -> str:
        chain = self.chain
        return chain.label[self.words.language] if chain else self.appraisal.chain.replace("_", " ").capitalize()

    @property
    def event(self) -> str:
        chain, words = self.chain, self.words
        return inline(chain.outcome.event[words.language]) if chain else words.say("the event followed")

    def price_set(self, variant: Variant) -> str:
        """The name of a price set; its id where the catalogue does not know it."""
        known = self.names.price_sets.get(variant.attr("price_set"))
        return str(known.label[self.words.language]) if known else str(variant.attr("price_set"))

    def about_prices(self, variant: Variant) -> str:
        """What the catalogue says of a price set; empty where it does not know it."""
        known = self.names.price_sets.get(variant.attr("price_set"))
        return str(known.description[self.words.language]) if known else ""

    @property
    def only_stated(self) -> bool:
        """Whether every price of the main price set is a stated figure, with nothing behind it."""
        known, chain = self.names.price_sets.get(self.main.attr("price_set")), self.chain
        prices = known.of(chain.impact.model).values() if known and chain else ()
        used = [part.cost for state in prices for part in state.components]
        costs = [self.names.unit_costs.get(cost) for cost in used]
        return bool(costs) and all(c and all(v.quality == "stated" for v in c.values) for c in costs)

    def payer(self, payer: str, *, in_sentence: bool = False) -> str:
        """A payer's name; in Helsinki the city stands in the place of the county."""
        if payer == "county" and str(self.main.attr("county")) == HELSINKI:
            return str(self.main.attr(f"county_{self.words.language}"))
        return self.words.payer(payer, in_sentence=in_sentence)

    def payer_row(self, payer: str) -> str:
        """A payer's name at the head of a row, which begins as "All payers" does."""
        name = self.payer(payer)
        return name[:1].upper() + name[1:]

    @cached_property
    def step(self) -> float:
        """One rounding for all totals of the chain, so that a figure reads the same wherever it stands.

        It is no finer than the simulation: another seed would give the same figure, or the next one.
        """
        net = net_saving(self.main)
        return max(money_step(net.ends), nice_step(2 * net.error))

    @cached_property
    def price_step(self) -> float:
        """One rounding for all prices per client."""
        found = prices(self.main)
        return money_step([*found.now.ends, found.on_average, found.when_sure])

    def not_counted(self, variant: Variant) -> list[str]:
        """Why a part of the avoided cost is left out of a price set."""
        return [str(reason[self.words.language]) for reason in variant.listed("not_counted")]

    # --- an estimate as text ------------------------------------------------------------------

    def count(self, value: float) -> str:
        """A number of clients or events among those that money is told for."""
        return self.words.number(value, self.decimals)

    @cached_property
    def decimals(self) -> int:
        """Of such a number."""
        return decimals_of(self.main.clients)

    def mass(self, text: str) -> str:
        """A range with the probability it holds."""
        return self.words.say("{mass}% interval {range}", mass=self.words.number(self.main.mass * 100), range=text)

    def money_range(self, estimate: Estimate, step: float = 0) -> str:
        """The interval in euros, in figures."""
        step = step or self.step
        write = self.words.money if self.words.language == "en" else self.words.euros
        return self.words.between(
            write(estimate.low, step), self.words.money(estimate.high, step), negative=estimate.low < 0
        )

    def saving(self, estimate: Estimate) -> str:
        """The interval of a net saving in words: from an extra cost of … to a saving of …"""
        if not estimate.mixed:
            return self.mass(self.money_range(estimate if estimate.mean >= 0 else estimate.turned))
        step = self.step
        return self.mass(
            self.words.say(
                "from an extra cost of {cost} to a saving of {saving}",
                cost=self.words.money(-estimate.low, step),
                saving=self.words.money(estimate.high, step),
            )
        )

    def money(self, estimate: Estimate) -> str:
        """The mean in euros; zero when the draws are too few to tell its sign."""
        return self.words.money(0.0 if estimate.even else estimate.mean, self.step)

    def net_cell(self, net: Estimate) -> Markup:
        """The mean with its interval below, in a table of euros."""
        write = partial(self.words.euros, step=self.step)
        return with_interval(write(0.0 if net.even else net.mean), self.plain_range(net, write))

    def amount(self, estimate: Estimate) -> str:
        """The mean in euros without its sign: the sentence says whether it is a cost or a saving."""
        return self.money(estimate).replace(MINUS, "")

    def fewer(self, avoided: Estimate) -> str:
        """The interval of events avoided, in words when it has both signs."""
        if avoided.mixed:
            return self.mass(
                self.words.say(
                    "from {more} more to {fewer} fewer", more=self.count(-avoided.low), fewer=self.count(avoided.high)
                )
            )
        told = avoided if avoided.mean >= 0 else avoided.turned
        return self.mass(self.plain_range(told, self.count))

    def share_range(self, share: Estimate) -> str:
        """Both ends of the interval of a share, as per cent."""
        low, high = self.words.number(share.low * 100), self.words.percent(share.high)
        return self.words.between(low, high, negative=share.low < 0)

    def plain_range(self, estimate: Estimate, write: Callable[[float], str]) -> str:
        """Both ends of an interval, written by `write`."""
        return self.words.between(write(estimate.low), write(estimate.high), negative=estimate.low < 0)
