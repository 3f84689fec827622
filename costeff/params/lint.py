"""What holds between the files of params/: every id that is named exists, and the parts fit together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from costeff.agreement import Budget, Contract
from costeff.chain import ImpactChain, IndicatorSet, Node
from costeff.errors import Problems
from costeff.params.catalogue import Catalogue
from costeff.params.entries import PriceSet, Published, UnitCost
from costeff.params.links import Link
from costeff.params.payers import Duty
from costeff.params.published import EvidencePrior
from costeff.records.tables import TABLES
from costeff.spec import Document, Payer, Spec


@dataclass(frozen=True)
class Lint:
    """The checks that need more than one file.

    `declared` holds the ids of each file, also of entries that are faulty themselves, or None where a
    file could not be read: then nobody is blamed for naming what stands in it. `rows` holds the place of
    each row of each file of evidence/.
    """

    catalogue: Catalogue
    problems: Problems
    declared: Mapping[str, set[str] | None]
    where: Mapping[tuple[type[Spec], str], tuple[Document, tuple[Any, ...]]]
    rows: Mapping[str, list[str]]

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
        for service in self.catalogue.indicators.values():
            self._indicators(service)
        for contract in self.catalogue.contracts.values():
            self._contract(contract)
        for budget in self.catalogue.budgets.values():
            self._budget(budget)
        for link in self.catalogue.links.values():
            self._link(link)
        self._places()
        for name, rows in self.catalogue.evidence.items():
            for place, row in zip(self.rows[name], rows, strict=True):
                self._published(place, row)
        for prior in self.catalogue.evidence_priors.values():
            self._evidence_prior(prior)

    def _exists(self, key: str, name: str) -> bool:
        ids = self.declared.get(name, set())
        return ids is None or key in ids

    def _tell(self, entry: type[Spec], key: str, inside: str, rule: str, cure: str) -> None:
        """A problem inside an entry, or of all of it, with its file and line."""
        document, keys = self.where[entry, key]
        document.tell(self.problems, (*keys, *filter(None, inside.split("."))), rule, cure)

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

    def _indicators(self, service: IndicatorSet) -> None:
        """Whether an indicator is made of columns that a register declares, and belongs to chains that exist."""
        for chain in service.chains:
            if not self._exists(chain, "chains"):
                known = ", ".join(self.catalogue.chains)
                self._tell(IndicatorSet, service.id, "chains", f"{chain} is not a chain", f"known: {known}")
        declared = {f"{table.name}.{column}" for table in TABLES.values() for column in table.names}
        for name, indicator in service.indicators.items():
            for column in indicator.data:
                if column not in declared:
                    rule = f"{column} is not a column of a register"
                    cure = "see `costeff data describe`; what no table holds is told as a datum"
                    self._tell(IndicatorSet, service.id, f"indicators.{name}.data", rule, cure)

    def _contract(self, contract: Contract) -> None:
        """Whether what is paid for can be measured, and each term says where its numbers are from."""
        document, keys = self.where[Contract, contract.id]
        told: list[tuple[tuple[Any, ...], str, str]] = []
        if contract.label is None:
            told.append((("label",), "required, and missing", "add the key"))
        parts = [((), contract), *((("terms", n), term) for n, term in enumerate(contract.terms))]
        for place, part in parts:
            if not part.source:
                told.append(((*place, "source"), "required, and missing", "add the key; an illustration has "
                             "[stated_assumption]"))  # fmt: skip
            if part.reason is None:
                told.append(((*place, "reason"), "required, and missing", "say why it is this number"))
        for place, rule, cure in (*told, *self._indicator(contract)):
            document.tell(self.problems, (*keys, *place), rule, cure)

    def _indicator(self, contract: Contract) -> list[tuple[tuple[Any, ...], str, str]]:
        """What is wrong with the indicator: paid for is an outcome of a chain that is a change, not a quantity."""
        key, _, stage = (contract.indicator or "").partition(".")
        if not key:
            return []
        if not self._exists(key, "chains"):
            return [(("indicator",), f"{key} is not a chain", f"known: {', '.join(self.catalogue.chains)}")]
        chain = self.catalogue.chains.get(key)  # None: there, but faulty itself
        nodes = dict[str, Node](chain.stages()) if chain else {}
        if not chain or (stage == "outcome" and nodes[stage].kind == "effect"):
            return []
        why = {"input": "a quantity", "output": "a quantity", "impact": "modelled and not measured"}
        what = why.get(stage, "a quantity" if stage in nodes else "no stage of a chain")
        return [(("indicator",), f"{contract.indicator} is {what}", "pay for a change measured in clients: "
                 f"{key}.outcome, of kind effect")]  # fmt: skip

    def _budget(self, budget: Budget) -> None:
        if budget.county is not None and not self._exists(budget.county, "counties.csv"):
            rule = f"county {budget.county} is not in counties.csv"
            self._tell(Budget, budget.id, "county", rule, "correct the code, or leave it out of an example")
        for key, service in budget.services.items():
            if service.chain is not None and not self._exists(service.chain, "chains"):
                place, known = f"services.{key}.chain", ", ".join(self.catalogue.chains)
                self._tell(Budget, budget.id, place, f"{service.chain} is not a chain", f"known: {known}")

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

    def _published(self, place: str, row: Published) -> None:
        if not self._exists(row.source, "sources.yaml"):
            self.problems.add(place, f"source {row.source} is not in sources.yaml", "add it there")
        low, high = row.low95, row.high95
        if (low is not None and low > row.value) or (high is not None and high < row.value):
            self.problems.add(place, f"{row.outcome}: the value is outside its interval", "correct the row")
        if row.design and not self._exists(row.design, "evidence.yaml designs"):
            known = ", ".join(self.catalogue.designs)
            self.problems.add(place, f"design {row.design} is not in evidence.yaml", f"known: {known}")

    def _evidence_prior(self, prior: EvidencePrior) -> None:
        """Whether a prior's rows exist and can be pooled, and do not speak of the very data it is a prior for."""
        told: list[tuple[str, str, str]] = []
        chain = self.catalogue.chains.get(prior.id)
        if not self._exists(prior.id, "chains"):
            told.append(("", f"{prior.id} is not a chain", f"known: {', '.join(self.catalogue.chains)}"))
        if not self._exists(prior.heterogeneity, "evidence.yaml heterogeneity"):
            known = ", ".join(self.catalogue.heterogeneity)
            told.append(("heterogeneity", f"{prior.heterogeneity} is not in this file", f"known: {known}"))
        if chain and "effect" not in self.catalogue.priors.get(chain.outcome.model, {}):
            rule = f"{chain.outcome.model} has no effect in priors.yaml, so there is no weak component"
            told.append(("", rule, "add it there with its reason"))
        if prior.evidence not in self.catalogue.evidence:
            rule = f"evidence/{prior.evidence}.csv does not exist"
            told.append(("evidence", rule, "add it, or correct the name"))
        else:
            told += self._poolable(prior, chain)
        for place, rule, cure in told:
            self._tell(EvidencePrior, prior.id, place, rule, cure)

    def _poolable(self, prior: EvidencePrior, chain: ImpactChain | None) -> list[tuple[str, str, str]]:
        """What is wrong with the rows of a prior; faults of a row itself are told at its own line."""
        placed = zip(self.rows[prior.evidence], self.catalogue.evidence[prior.evidence], strict=True)
        rows = [(place, row) for place, row in placed if row.outcome == prior.outcome]
        if not rows:
            known = ", ".join(row.outcome for row in self.catalogue.evidence[prior.evidence])
            return [("outcome", f"is no row of evidence/{prior.evidence}.csv", f"its rows are {known}")]
        for place, row in rows:
            if row.error is None and (row.low95 is None or row.high95 is None):
                rule = f"{row.outcome} has neither a standard error nor an interval, and is a prior of {prior.id}"
                self.problems.add(place, rule, "add it from the source")
            if not row.design:
                rule = f"{row.outcome} has no design, and is a prior of {prior.id}"
                self.problems.add(place, rule, f"choose of {', '.join(self.catalogue.designs)}")
        told, sources = [], [row.source for _, row in rows]
        if len(set(sources)) < len(sources) or (len(rows) > 1 and any((row.studies or 1) > 1 for _, row in rows)):
            rule = f"{prior.outcome} has a row beside another that holds the same study"
            told.append(("outcome", rule, "keep the studies or what they were pooled to, each once"))
        same = set(sources) & set(chain.outcome.source) if chain and chain.outcome.data != "register" else set()
        if same:
            rule = f"{', '.join(sorted(same))} is where the data of {prior.id} are from: they would count twice"
            told.append(("evidence", rule, "leave the prior out, or use other evidence"))
        return told
