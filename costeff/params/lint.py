"""What holds between the files of params/: every id that is named exists, and the parts fit together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from costeff.chain import ImpactChain
from costeff.errors import Problems
from costeff.params.catalogue import Catalogue
from costeff.params.entries import PriceSet, UnitCost
from costeff.params.links import Link
from costeff.params.payers import Duty
from costeff.spec import Document, Payer, Spec


@dataclass(frozen=True)
class Lint:
    """The checks that need more than one file.

    `declared` holds the ids of each file, also of entries that are faulty themselves, or None where a
    file could not be read: then nobody is blamed for naming what stands in it.
    """

    catalogue: Catalogue
    problems: Problems
    declared: Mapping[str, set[str] | None]
    where: Mapping[tuple[type[Spec], str], tuple[Document, tuple[Any, ...]]]

    def run(self, sources: Iterable[tuple[str, Document, tuple[Any, ...]]]) -> None:
        """All checks; `sources` are the sources named, and where."""
        for source, document, keys in sources:
            if not self._exists(source, "sources.yaml"):
                rule = f"source {source} is not in sources.yaml"
                document.tell(self.problems, keys, rule, "add it there, or correct the id")
        self._payers()
        for cost in self.catalogue.unit_costs.values():
            self._cost(cost)
        for price_set in self.catalogue.price_sets.values():
            self._price_set(price_set)
        for chain in self.catalogue.chains.values():
            self._chain(chain)
        for link in self.catalogue.links.values():
            self._link(link)
        self._places()
        self._evidence()

    def _exists(self, key: str, name: str) -> bool:
        ids = self.declared.get(name, set())
        return ids is None or key in ids

    def _tell(self, entry: type[Spec], key: str, inside: str, rule: str, cure: str) -> None:
        """A problem inside an entry, with its file and line."""
        document, keys = self.where[entry, key]
        document.tell(self.problems, (*keys, *inside.split(".")), rule, cure)

    def _payer_exists(self, key: str) -> bool:
        return self._exists(key, "payers.yaml")

    def _payers(self) -> None:
        """A payer is a pocket of the whole suite: each has its name, and no other is invented."""
        if self.declared.get("payers.yaml") is None:
            return
        for key in self.catalogue.payers.keys() - set(get_args(Payer)):
            known = ", ".join(get_args(Payer))
            self.problems.add(f"payers.yaml payers.{key}", "is not a payer", f"the payers are {known}")
        for key in get_args(Payer):
            if not self._payer_exists(key):
                self.problems.add("payers.yaml payers", f"{key} has no name", "add it in the three languages")
        for key, duty in self.catalogue.duties.items():
            for county in duty.except_counties:
                if not self._exists(county, "counties.csv"):
                    rule = f"county {county} is not in counties.csv"
                    self._tell(Duty, key, f"except_counties.{county}", rule, "correct the code")

    def _cost(self, cost: UnitCost) -> None:
        unit, units = self.catalogue.units.get(cost.basis), ", ".join(self.catalogue.units)
        if not self._exists(cost.basis, "units.yaml"):
            self._tell(UnitCost, cost.id, "basis", f"{cost.basis} is not in units.yaml", f"known: {units}")
        elif unit is not None and cost.unit != unit.unit:
            rule = f"{cost.unit} does not fit basis {cost.basis}"
            self._tell(UnitCost, cost.id, "unit", rule, f"write {unit.unit}, or change the basis")
        if not self._payer_exists(cost.payer):
            rule = f"{cost.payer} is neither a payer nor a duty"
            self._tell(UnitCost, cost.id, "payer", rule, "see payers.yaml")
        known = ", ".join(self.catalogue.indices)
        if known and cost.index not in self.catalogue.indices:
            self._tell(UnitCost, cost.id, "index", f"{cost.index} is not a price index", f"known: {known}")

    def _price_set(self, price_set: PriceSet) -> None:
        for model, states in price_set.prices.items():
            if model not in self.catalogue.transitions:
                rule = f"{model} has no file transitions/{model}.yaml"
                self._tell(PriceSet, price_set.id, f"prices.{model}", rule, "prices stand below the id of a model")
            for state, price in states.items():
                named = {"components": [part.cost for part in price.components]}
                named["not_counted"] = [part.cost for part in price.not_counted if part.cost]
                for part, ids in named.items():
                    self._prices(price_set, f"prices.{model}.{state}.{part}", ids)

    def _prices(self, price_set: PriceSet, place: str, ids: Iterable[str]) -> None:
        for cost_id in ids:
            if not self._exists(cost_id, "unit_costs"):
                rule = f"unit cost {cost_id} does not exist"
                self._tell(PriceSet, price_set.id, place, rule, "add it to unit_costs/, or correct the id")
            elif place.endswith("components"):
                self._is_of_time(cost_id, price_set.id, place)

    def _is_of_time(self, cost_id: str, price_set: str, place: str) -> None:
        """Time in a state is priced: a price per child or per case says nothing of it."""
        cost = self.catalogue.unit_costs.get(cost_id)
        unit = self.catalogue.units.get(cost.basis) if cost else None
        if cost and unit and unit.per_person_year is None:
            rule = f"{cost_id} is counted by {cost.basis}, which is not a matter of time"
            self._tell(PriceSet, price_set, place, rule, "a year in a state needs a price per day or year")

    def _chain(self, chain: ImpactChain) -> None:
        cost, payer, impact = chain.input.cost, chain.input.payer, chain.impact
        told: list[tuple[str, str, str]] = []
        if cost != "register" and not self._exists(cost, "unit_costs"):
            told.append(("input.cost", f"unit cost {cost} does not exist", "add it, or write register"))
        if not self._payer_exists(payer):
            told.append(("input.payer", f"{payer} is neither a payer nor a duty", "see payers.yaml"))
        if not self._exists(impact.price_set, "price_sets.yaml"):
            told.append(("impact.price_set", f"{impact.price_set} is not a price set", "see price_sets.yaml"))
        if impact.model not in self.catalogue.transitions:
            rule = f"has no file transitions/{impact.model}.yaml"
            told.append(("impact.model", rule, "add it, or correct the id"))
        for place, rule, cure in told:
            self._tell(ImpactChain, chain.id, place, rule, cure)

    def _link(self, link: Link) -> None:
        told: list[tuple[str, str, str]] = []
        for end, model in (("origin", link.origin.model), ("target", link.target.model)):
            if model not in self.catalogue.transitions:
                told.append((f"{end}.model", f"has no file transitions/{model}.yaml", "add it, or correct the id"))
        rows = self.catalogue.evidence.get(link.evidence)
        if rows is None:
            told.append(("evidence", f"evidence/{link.evidence}.csv does not exist", "add it, or correct the name"))
        elif link.outcome not in [row.outcome for row in rows]:
            known = ", ".join(row.outcome for row in rows)
            told.append(("outcome", f"is no row of evidence/{link.evidence}.csv", f"its rows are {known}"))
        for other in link.contains:
            if not self._exists(other, "links.yaml"):
                told.append(("contains", f"{other} is not a link", "correct the id"))
        for place, rule, cure in told:
            self._tell(Link, link.id, place, rule, cure)

    def _places(self) -> None:
        for code, municipality in self.catalogue.municipalities.items():
            if not self._exists(municipality.county, "counties.csv"):
                rule = f"county {municipality.county} is not in counties.csv"
                self.problems.add(f"municipalities.csv {code}", rule, "correct it")
        if not self.catalogue.municipalities:
            return  # the file itself could not be read
        unknown: dict[str, list[str]] = {}
        for indicator, values in self.catalogue.need.items():
            for code in values:
                if not self._exists(code, "municipalities.csv"):
                    unknown.setdefault(code, []).append(indicator)
        for code, indicators in unknown.items():
            rule = f"unknown municipality for {', '.join(indicators)}"
            self.problems.add(f"municipality_indices.csv {code}", rule, "correct the code")

    def _evidence(self) -> None:
        for name, rows in self.catalogue.evidence.items():
            for row in rows:
                if not self._exists(row.source, "sources.yaml"):
                    rule = f"source {row.source} is not in sources.yaml"
                    self.problems.add(f"evidence/{name}.csv", rule, "add it there")
                low, high = row.low95, row.high95
                if (low is not None and low > row.value) or (high is not None and high < row.value):
                    rule = f"{row.outcome}: the value is outside its interval"
                    self.problems.add(f"evidence/{name}.csv", rule, "correct the row")
