"""The catalogue: everything in params/, read strictly, with every problem told at once."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from costeff.chain import ImpactChain
from costeff.errors import ParamsError, Problem, Problems, UsageError
from costeff.params.entries import (
    Conventions,
    County,
    Duty,
    Municipality,
    Parameter,
    PriceSet,
    Prior,
    Published,
    Source,
    Uncertain,
    Unit,
    UnitCost,
)
from costeff.params.index import PriceIndex, read_indices
from costeff.records.synthetic import SyntheticTruth
from costeff.spec import Document, Label, Spec, parse, project_root, read_yaml, validation_problems

S = TypeVar("S", bound=Spec)


class Scenario(Spec):
    """The stated truth behind a synthetic register."""

    label: Label
    source: str
    note: str
    truth: SyntheticTruth


@dataclass(frozen=True)
class Catalogue:
    """The contents of params/, by id. `Catalogue.load()` is the way in."""

    folder: Path
    sources: dict[str, Source] = field(default_factory=dict)
    payers: dict[str, Label] = field(default_factory=dict)
    duties: dict[str, Duty] = field(default_factory=dict)
    units: dict[str, Unit] = field(default_factory=dict)
    conventions: Conventions = None  # type: ignore[assignment]  # load() fills it or raises
    priors: dict[str, dict[str, Prior]] = field(default_factory=dict)
    unit_costs: dict[str, UnitCost] = field(default_factory=dict)
    price_sets: dict[str, PriceSet] = field(default_factory=dict)
    transitions: dict[str, dict[str, Parameter]] = field(default_factory=dict)
    chains: dict[str, ImpactChain] = field(default_factory=dict)
    evidence: dict[str, tuple[Published, ...]] = field(default_factory=dict)
    scenarios: dict[str, Scenario] = field(default_factory=dict)
    indices: dict[str, PriceIndex] = field(default_factory=dict)
    municipalities: dict[str, Municipality] = field(default_factory=dict)
    counties: dict[str, County] = field(default_factory=dict)
    need: dict[str, dict[str, float | None]] = field(default_factory=dict)

    @staticmethod
    def load(folder: Path | None = None) -> Catalogue:
        """Read and lint params/.

        Raises
        ------
        ParamsError
            With every problem found: file, line, key, rule and cure.
        """
        return _load((folder or project_root() / "params").resolve())

    @cached_property
    def hash(self) -> str:
        """Hash of every file in params/: what a result made from them depends on."""
        digest = hashlib.sha256()
        for path in sorted(p for p in self.folder.rglob("*") if p.suffix in {".yaml", ".csv"}):
            digest.update(str(path.relative_to(self.folder)).encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()[:16]

    # --- look-ups that say what is wrong ----------------------------------------------------

    def municipality(self, code: str) -> Municipality:
        """The municipality of a three-digit code."""
        if code in self.municipalities:
            return self.municipalities[code]
        raise UsageError("Unknown municipality", [self._code_problem(code, "municipality", 3, self.municipalities)])

    def county(self, code: str) -> County:
        """The county of a two-digit code."""
        if code in self.counties:
            return self.counties[code]
        raise UsageError("Unknown county", [self._code_problem(code, "county", 2, self.counties)])

    def members(self, county: str) -> list[str]:
        """Codes of the municipalities of a county."""
        self.county(county)
        return [m.code for m in self.municipalities.values() if m.county == county]

    @staticmethod
    def _code_problem(code: str, what: str, digits: int, known: dict[str, Any]) -> Problem:
        full = code.zfill(digits)
        if code.isdigit() and len(code) < digits and full in known:
            name = getattr(known[full], "name_fi", None) or known[full].name["fi"]
            return Problem(f"{what} {code}", f"a {what} code has {digits} digits", f"write {full} ({name})")
        by_name = [c for c, item in known.items() if code.casefold() in str(item.model_dump().values()).casefold()]
        hint = f"did you mean {', '.join(by_name[:3])}?" if by_name and not code.isdigit() else "see params/"
        return Problem(f"{what} {code}", f"is not a {what} of 2025", hint)

    def entry(self, group: str, key: str) -> Any:
        """An entry of a group such as `chains` or `price_sets`; an unknown id names those that exist."""
        entries = getattr(self, group)
        if key not in entries:
            name = group.replace("_", " ").removesuffix("s")
            raise UsageError(f"Unknown {name}", [Problem(key, f"is not a {name}", f"known: {', '.join(sorted(entries))}")])
        return entries[key]

    def payer_of(self, payer: str, on: date, county: str) -> str:
        """The payer of a cost on a date: a payer is itself, a duty is whom the law names then and there."""
        if payer in self.payers:
            return payer
        duty = self.duties[payer]
        if county in duty.except_counties:
            return duty.except_counties[county]
        turns = [turn for turn in duty.turns if turn.valid_from is None or turn.valid_from <= on]
        if not turns:
            raise ParamsError(
                "No payer known",
                [Problem(f"payers.yaml {payer}", f"has no payer on {on}", "add a turn valid from an earlier date")],
            )
        return max(turns, key=lambda turn: turn.valid_from or date.min).payer

    def find(self, key: str) -> list[tuple[str, Any]]:
        """Every entry with this id, with its group; `transitions` ids are written model.parameter."""
        found: list[tuple[str, Any]] = [
            (group, getattr(self, group)[key])
            for group in ("unit_costs", "price_sets", "chains", "sources", "duties", "units", "municipalities", "counties")
            if key in getattr(self, group)
        ]
        model, _, name = key.partition(".")
        if name in self.transitions.get(model, {}):
            found.append(("transitions", self.transitions[model][name]))
        return found

    def ids(self) -> Iterator[str]:
        """Ids that `find` knows, municipalities and counties aside."""
        for group in ("unit_costs", "price_sets", "chains", "sources", "duties", "units"):
            yield from getattr(self, group)
        for model, parameters in self.transitions.items():
            yield from (f"{model}.{name}" for name in parameters)

    def card(self, key: str) -> Any:
        """Everything under an id with its sources written out; shows itself in a notebook."""
        from costeff.params.show import Card

        return Card(key, self)

    def _repr_html_(self) -> str:
        from costeff.params.show import catalogue_html

        return catalogue_html(self)


@lru_cache(maxsize=4)
def _load(folder: Path) -> Catalogue:
    reader = _Reader(folder)
    catalogue = reader.read()
    reader.problems.raise_if_any(ParamsError, f"The parameters in {folder.name}/ do not hold together")
    return catalogue


class _Reader:
    """Reads the files one by one, then checks that what they name exists."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.problems = folder, Problems()
        self._places: list[tuple[str, str, Document, tuple[Any, ...]]] = []  # kind of reference, id, where

    def read(self) -> Catalogue:
        payers, duties = self._payers()
        catalogue = Catalogue(
            folder=self.folder,
            sources=self._entries(Source, "sources.yaml"),
            payers=payers,
            duties=duties,
            units=self._entries(Unit, "units.yaml"),
            conventions=self._single(Conventions, "conventions.yaml"),
            priors=self._nested(Prior, "priors.yaml"),
            unit_costs=self._folder(UnitCost, "unit_costs"),
            price_sets=self._entries(PriceSet, "price_sets.yaml", with_id=True),
            transitions=self._transitions(),
            chains=self._folder(ImpactChain, "chains"),
            evidence=self._evidence(),
            scenarios=self._folder(Scenario, "scenarios", with_id=False),
            indices=read_indices(self.folder / "indices", self.problems),
            municipalities=self._rows(Municipality, "municipalities.csv", "code"),
            counties=self._counties(),
            need=self._need(),
        )
        self._check(catalogue)
        return catalogue

    # --- YAML -------------------------------------------------------------------------------

    def _document(self, name: str) -> Document | None:
        document = read_yaml(self.folder / name, self.problems)
        if document is not None and not isinstance(document.data, dict):
            self.problems.add(document.place(), "is empty or not a mapping", "write one entry per id")
            return None
        return document

    def _entries(self, kind: type[S], name: str, *, with_id: bool = False) -> dict[str, S]:
        document = self._document(name)
        return self._all(kind, document, with_id) if document else {}

    def _all(self, kind: type[S], document: Document, with_id: bool) -> dict[str, S]:
        found: dict[str, S] = {}
        for key in document.data:
            entry = parse(kind, document, self.problems, (key,), **({"id": key} if with_id else {}))
            if entry is not None:
                found[str(key)] = entry
                self._note_references(entry, document, (key,))
        return found

    def _folder(self, kind: type[S], name: str, *, with_id: bool = True) -> dict[str, S]:
        found: dict[str, S] = {}
        for path in sorted((self.folder / name).glob("*.yaml")):
            document = self._document(f"{name}/{path.name}")
            for key, entry in (self._all(kind, document, with_id) if document else {}).items():
                if key in found and document:
                    self.problems.add(document.place((key,)), "this id stands in two files", "rename or remove one")
                found[key] = entry
        return found

    def _single(self, kind: type[S], name: str) -> Any:
        document = self._document(name)
        entry = parse(kind, document, self.problems) if document else None
        if entry is not None and document:
            self._note_references(entry, document, ())
        return entry

    def _nested(self, kind: type[S], name: str) -> dict[str, dict[str, S]]:
        document = self._document(name)
        return {
            key: {
                inner: entry
                for inner in document.data[key]
                if (entry := parse(kind, document, self.problems, (key, inner))) is not None
            }
            for key in (document.data if document else {})
        } if document else {}

    def _transitions(self) -> dict[str, dict[str, Parameter]]:
        return {
            path.stem: self._entries(Parameter, f"transitions/{path.name}")
            for path in sorted((self.folder / "transitions").glob("*.yaml"))
        }

    def _payers(self) -> tuple[dict[str, Label], dict[str, Duty]]:
        document = self._document("payers.yaml")
        if document is None:
            return {}, {}
        payers, duties = {}, {}
        for key in document.data.get("payers", {}):
            if label := parse(Label, document, self.problems, ("payers", key)):
                payers[key] = label
        for key in document.data.get("duties", {}):
            if duty := parse(Duty, document, self.problems, ("duties", key)):
                duties[key] = duty
                self._note_references(duty, document, ("duties", key))
        return payers, duties

    # --- CSV --------------------------------------------------------------------------------

    def _csv(self, name: str, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
        path = self.folder / name
        try:
            with path.open(encoding="utf-8", newline="") as file:
                table = csv.DictReader(file)
                missing = [c for c in columns if c not in (table.fieldnames or ())]
                if missing:
                    self.problems.add(f"{name}:1", f"has no column {', '.join(missing)}", "add it to the header and rows")
                    return
                yield from ((table.line_num, row) for row in table)
        except (OSError, UnicodeDecodeError, csv.Error):
            self.problems.add(name, "cannot be read as UTF-8 CSV", "check that the file exists and its encoding")

    def _rows(self, kind: type[S], name: str, key: str) -> dict[str, S]:
        found: dict[str, S] = {}
        whole = {n for n, f in kind.model_fields.items() if f.annotation is int or "Ge(" in str(f.metadata)}
        for line, row in self._csv(name, tuple(kind.model_fields)):
            data: dict[str, Any] = {k: int(v) if k in whole and v.isdigit() else v for k, v in row.items()}
            try:
                entry = kind.model_validate(data)
            except ValidationError as error:
                self.problems.found += validation_problems(error, f"{name}:{line}")
                continue
            if row[key] in found:
                self.problems.add(f"{name}:{line} {row[key]}", "this code stands twice", "keep one of the rows")
            found[row[key]] = entry
        return found

    def _counties(self) -> dict[str, County]:
        found = {}
        for line, row in self._csv("counties.csv", ("code", "name_fi", "name_sv", "name_en")):
            label = {language: row[f"name_{language}"] for language in ("fi", "sv", "en")}
            try:
                found[row["code"]] = County(code=row["code"], name=Label(**label))
            except ValidationError as error:
                self.problems.found += validation_problems(error, f"counties.csv:{line}")
        return found

    def _need(self) -> dict[str, dict[str, float | None]]:
        found: dict[str, dict[str, float | None]] = {}
        columns = ("code", "indicator", "years_observed", "index_mean_2018_2020")
        for line, row in self._csv("municipality_indices.csv", columns):
            value = row["index_mean_2018_2020"]
            if value and not re.fullmatch(r"-?\d+(\.\d+)?", value):
                self.problems.add(f"municipality_indices.csv:{line}", "the index is not a number", "correct it, or leave it empty")
                continue
            found.setdefault(row["indicator"], {})[row["code"]] = float(value) if value else None
        return found

    def _evidence(self) -> dict[str, tuple[Published, ...]]:
        found = {}
        for path in sorted((self.folder / "evidence").glob("*.csv")):
            rows = []
            for line, row in self._csv(f"evidence/{path.name}", tuple(Published.model_fields)):
                numbers = {k: float(row[k]) if row[k] else None for k in ("value", "low95", "high95")}
                try:
                    rows.append(Published.model_validate({**row, **numbers}))
                except ValidationError as error:
                    self.problems.found += validation_problems(error, f"evidence/{path.name}:{line}")
            found[path.stem] = tuple(rows)
        return found

    # --- what is named must exist -----------------------------------------------------------

    def _note_references(self, entry: Spec, document: Document, keys: tuple[Any, ...]) -> None:
        """Remember every id an entry names, with its place, to be looked up once all files are read."""
        for name in type(entry).model_fields:
            value = getattr(entry, name)
            here = (*keys, name)
            if name == "source":
                for source in (value,) if isinstance(value, str) else value:
                    self._places.append(("sources", source, document, here))
            for inner_key, inner in _inner(value):
                self._note_references(inner, document, (*here, *inner_key))

    def _check(self, catalogue: Catalogue) -> None:
        for group, key, document, keys in self._places:
            if key not in getattr(catalogue, group):
                self.problems.add(document.place(keys), f"source {key} is not in sources.yaml", "add it there, or correct the id")
        self._check_costs(catalogue)
        for price_set in catalogue.price_sets.values():
            for state, price in price_set.prices.items():
                for part in (*price.components, *price.not_counted):
                    place = f"price_sets.yaml {price_set.id}.prices.{state}"
                    cost = catalogue.unit_costs.get(part.cost)
                    if cost is None:
                        self.problems.add(place, f"unit cost {part.cost} does not exist", "add it to unit_costs/, or correct the id")
        for chain in catalogue.chains.values():
            self._check_chain(chain, catalogue)
        for code, municipality in catalogue.municipalities.items():
            if municipality.county not in catalogue.counties:
                self.problems.add(f"municipalities.csv {code}", f"county {municipality.county} is not in counties.csv", "correct it")
        for indicator, values in catalogue.need.items():
            for code in values.keys() - catalogue.municipalities.keys():
                self.problems.add(f"municipality_indices.csv {code}", f"unknown municipality for {indicator}", "correct the code")
        for chain_id, rows in catalogue.evidence.items():
            for row in rows:
                if row.source not in catalogue.sources:
                    self.problems.add(f"evidence/{chain_id}.csv", f"source {row.source} is not in sources.yaml", "add it there")

    def _check_costs(self, catalogue: Catalogue) -> None:
        for cost in catalogue.unit_costs.values():
            place = f"unit_costs {cost.id}"
            unit = catalogue.units.get(cost.basis)
            if unit is None:
                self.problems.add(f"{place}.basis", f"{cost.basis} is not in units.yaml", f"known: {', '.join(catalogue.units)}")
            elif cost.unit != unit.unit:
                self.problems.add(f"{place}.unit", f"{cost.unit} does not fit basis {cost.basis}", f"write {unit.unit}, or change the basis")
            if cost.payer not in {*catalogue.payers, *catalogue.duties}:
                self.problems.add(f"{place}.payer", f"{cost.payer} is neither a payer nor a duty", "see payers.yaml")
            if cost.index not in catalogue.indices:
                self.problems.add(f"{place}.index", f"{cost.index} is not a price index", f"known: {', '.join(catalogue.indices)}")
            if any(value.mean < 0 for value in cost.values):
                self.problems.add(f"{place}.values", "a price is below 0", "a price is not negative; a saving is a difference")

    def _check_chain(self, chain: ImpactChain, catalogue: Catalogue) -> None:
        place = f"chains {chain.id}"
        if chain.input.cost not in {*catalogue.unit_costs, "register"}:
            self.problems.add(f"{place}.input.cost", f"unit cost {chain.input.cost} does not exist", "add it, or write register")
        if chain.input.payer not in {*catalogue.payers, *catalogue.duties}:
            self.problems.add(f"{place}.input.payer", f"{chain.input.payer} is neither a payer nor a duty", "see payers.yaml")
        if chain.impact.price_set not in catalogue.price_sets:
            self.problems.add(f"{place}.impact.price_set", f"{chain.impact.price_set} is not a price set", "see price_sets.yaml")
        if chain.impact.model not in catalogue.transitions:
            self.problems.add(f"{place}.impact.model", f"has no file transitions/{chain.impact.model}.yaml", "add it, or correct the id")


def _inner(value: Any) -> Iterator[tuple[tuple[Any, ...], Spec]]:
    if isinstance(value, Spec):
        yield (), value
    elif isinstance(value, dict):
        yield from (((key,), item) for key, item in value.items() if isinstance(item, Spec))
    elif isinstance(value, tuple):
        yield from (((number,), item) for number, item in enumerate(value) if isinstance(item, Spec))


def uncertain_values(entry: Spec) -> Iterator[tuple[str, Uncertain]]:
    """Every uncertain value inside an entry, with its dotted name."""
    for name in type(entry).model_fields:
        for keys, inner in _inner(getattr(entry, name)):
            dotted = ".".join(map(str, (name, *keys)))
            if isinstance(inner, Uncertain):
                yield dotted, inner
            else:
                yield from ((f"{dotted}.{rest}", value) for rest, value in uncertain_values(inner))
