"""Reads params/ file by file into a catalogue; what is wrong is collected, and told at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from costeff.agreement import Budget, Contract
from costeff.chain import ImpactChain, IndicatorSet
from costeff.errors import Problems
from costeff.params.catalogue import OWN, Catalogue, Scenario, inner_specs
from costeff.params.entries import (
    Conventions,
    County,
    Municipality,
    Parameter,
    PriceSet,
    Prior,
    Source,
    Unit,
    UnitCost,
)
from costeff.params.fetched import read_fetched
from costeff.params.filled import Sotkanet, fill_need, fill_volumes, read_volumes
from costeff.params.index import read_indices
from costeff.params.links import Link
from costeff.params.lint import Lint
from costeff.params.payers import ClawBack, Duty
from costeff.params.published import Design, EvidencePrior, Heterogeneity, read_published
from costeff.params.tables import number, read_rows
from costeff.spec import Document, Label, Spec, parse, read_yaml, validation_problems

Keys = tuple[Any, ...]
# What a user's own file may add: by field of the catalogue, the kind of entry, whose ids it joins, whether it has one.
ADDED: dict[str, tuple[type[Spec], str, bool]] = {
    "chains": (ImpactChain, "chains", True),
    "unit_costs": (UnitCost, "unit_costs", True),
    "price_sets": (PriceSet, "price_sets.yaml", True),
    "indicators": (IndicatorSet, "indicators", True),
    "contracts": (Contract, "contracts", True),
    "scenarios": (Scenario, "scenarios", False),
    "sources": (Source, "sources.yaml", False),
}


class Reader:
    """Reads the files one by one, then checks that what they name exists.

    An entry that is there but faulty is *declared*: its own fault is told, and not that others name it.
    """

    def __init__(self, folder: Path, content: str, own: tuple[Path, ...] = ()) -> None:
        self.folder, self.content, self.problems = folder, content, Problems()
        self.own = (*sorted((folder / OWN).glob("*.yaml")), *own)
        self._declared: dict[str, set[str] | None] = {}  # by file or folder; None: a file could not be read
        self._where: dict[tuple[type[Spec], str], tuple[Document, Keys]] = {}  # kind of entry, id -> document, keys
        self._named: list[tuple[str, Document, Keys]] = []  # a source, and where it is named

    def read(self) -> Catalogue:
        """The catalogue, whole only when `problems` stays empty."""
        payers, duties, claw_back = self._payers()
        designs, heterogeneity, evidence_priors = self._beliefs()
        evidence = dict(read_published(self.folder / "evidence", self.problems))
        catalogue = Catalogue(
            folder=self.folder,
            content=self.content,
            sources=self._entries(Source, "sources.yaml"),
            payers=payers,
            duties=duties,
            claw_back=claw_back,
            units=self._entries(Unit, "units.yaml"),
            conventions=self._single(Conventions, "conventions.yaml"),
            priors=self._nested(Prior, "priors.yaml"),
            unit_costs=self._folder(UnitCost, "unit_costs"),
            price_sets=self._entries(PriceSet, "price_sets.yaml", with_id=True),
            transitions=self._transitions(),
            links=self._entries(Link, "links.yaml", with_id=True),
            chains=self._folder(ImpactChain, "chains"),
            indicators=self._folder(IndicatorSet, "indicators"),
            contracts=self._folder(Contract, "contracts"),
            budgets=self._folder(Budget, "budgets"),
            evidence={name: tuple(row for _, row in rows) for name, rows in evidence.items()},
            designs=designs,
            heterogeneity=heterogeneity,
            evidence_priors=evidence_priors,
            scenarios=self._folder(Scenario, "scenarios", with_id=False),
            indices=read_indices(self.folder / "indices", self.problems),
            municipalities=self._municipalities(),
            counties=self._counties(),
            need=self._need(),
        )
        catalogue = self._filled(self._with_own(catalogue))
        places = {name: [place for place, _ in rows] for name, rows in evidence.items()}
        Lint(catalogue, self.problems, self._declared, self._where, places).run(self._named)
        return catalogue

    def _declare(self, name: str, keys: Any) -> None:
        """Remember that ids exist; `None` for keys says that a file could not be read."""
        known = self._declared.setdefault(name, set())
        if keys is None or known is None:
            self._declared[name] = None
        else:
            known.update(map(str, keys))

    # --- YAML -------------------------------------------------------------------------------

    def _document(self, name: str) -> Document | None:
        document = read_yaml(self.folder / name, self.problems)
        if document is not None and not isinstance(document.data, dict):
            self.problems.add(document.place(), "is empty or not a mapping", "write one entry per id")
            return None
        return document

    def _entries[S: Spec](self, kind: type[S], name: str, *, with_id: bool = False) -> dict[str, S]:
        document = self._document(name)
        self._declare(name, document.data if document else None)
        return self._all(kind, document, (), with_id=with_id) if document else {}

    def _all[S: Spec](self, kind: type[S], document: Document, under: Keys, *, with_id: bool = False) -> dict[str, S]:
        """Every entry of the mapping that stands under some keys."""
        data = document.data
        for key in under:
            data = data.get(key)
        if not isinstance(data, dict):
            document.tell(self.problems, under, "is not a mapping of ids to entries", "write one entry per id below it")
            return {}
        found: dict[str, S] = {}
        for key in data:
            entry = parse(kind, document, self.problems, (*under, key), **({"id": key} if with_id else {}))
            if entry is not None:
                found[str(key)] = entry
                self._where[kind, str(key)] = document, (*under, key)
                self._note_sources(entry, document, (*under, key))
        return found

    def _folder[S: Spec](self, kind: type[S], name: str, *, with_id: bool = True) -> dict[str, S]:
        found: dict[str, S] = {}
        for path in sorted((self.folder / name).glob("*.yaml")):
            document = self._document(f"{name}/{path.name}")
            twice = [key for key in (document.data if document else ()) if str(key) in (self._declared.get(name) or ())]
            for key in twice if document else ():
                rule = "this id stands in two files"
                self.problems.add(document.place((key,)), rule, "rename or remove one")  # type: ignore[union-attr]
            self._declare(name, document.data if document else None)
            found.update(self._all(kind, document, (), with_id=with_id) if document else {})
        return found

    def _single[S: Spec](self, kind: type[S], name: str) -> Any:
        document = self._document(name)
        entry = parse(kind, document, self.problems) if document else None
        if entry is not None and document:
            self._note_sources(entry, document, ())
        return entry

    def _nested[S: Spec](self, kind: type[S], name: str) -> dict[str, dict[str, S]]:
        document = self._document(name)
        if document is None:
            return {}
        return {str(key): self._all(kind, document, (key,)) for key in document.data}

    def _transitions(self) -> dict[str, dict[str, Parameter]]:
        paths = sorted((self.folder / "transitions").glob("*.yaml"))
        return {path.stem: self._entries(Parameter, f"transitions/{path.name}") for path in paths}

    def _payers(self) -> tuple[dict[str, Label], dict[str, Duty], Any]:
        document = self._document("payers.yaml")
        if document is None:
            self._declare("payers.yaml", None)
            return {}, {}, None
        for key in document.data.keys() - {"payers", "duties", "claw_back"}:
            document.tell(self.problems, (key,), "unknown key", "the file has the keys payers, duties and claw_back")
        payers = self._all(Label, document, ("payers",))
        duties = self._all(Duty, document, ("duties",))
        for name in ("payers", "duties"):
            part = document.data.get(name)
            self._declare("payers.yaml", part if isinstance(part, dict) else None)
        return payers, duties, self._claw_back(document)

    def _beliefs(self) -> tuple[dict[str, Design], dict[str, Heterogeneity], dict[str, EvidencePrior]]:
        document = self._document("evidence.yaml")
        for name in ("designs", "heterogeneity"):
            part = document.data.get(name) if document else None
            self._declare(f"evidence.yaml {name}", part if isinstance(part, dict) else None)
        if document is None:
            return {}, {}, {}
        for key in document.data.keys() - {"designs", "heterogeneity", "priors"}:
            cure = "the file has the keys designs, heterogeneity and priors"
            document.tell(self.problems, (key,), "unknown key", cure)
        return (
            self._all(Design, document, ("designs",)),
            self._all(Heterogeneity, document, ("heterogeneity",)),
            self._all(EvidencePrior, document, ("priors",), with_id=True),
        )

    def _claw_back(self, document: Document) -> Any:
        if "claw_back" not in document.data:
            document.tell(self.problems, ("claw_back",), "required, and missing", "add the key")
            return None
        entry = parse(ClawBack, document, self.problems, ("claw_back",))
        if entry is not None:
            self._note_sources(entry, document, ("claw_back",))
        return entry

    # --- what users add ----------------------------------------------------------------------

    def _with_own(self, catalogue: Catalogue) -> Catalogue:
        """The catalogue with the entries of users' own files, which add to it and change nothing of it."""
        for path in self.own:
            document = read_yaml(path, self.problems)
            if document is None or not isinstance(document.data, dict):
                if document is not None:
                    self.problems.add(document.place(), "is empty or not a mapping", f"it has {', '.join(ADDED)}")
                continue
            document.tell_holes(self.problems)
            for key in document.data.keys() - ADDED.keys():
                document.tell(self.problems, (key,), "unknown key", f"a file of your own has {', '.join(ADDED)}")
            found = {name: self._added(name, document) for name in ADDED if name in document.data}
            merged = {name: {**getattr(catalogue, name), **entries} for name, entries in found.items()}
            catalogue = replace(catalogue, **merged)  # type: ignore[arg-type]
        return catalogue

    def _added(self, section: str, document: Document) -> dict[str, Any]:
        kind, among, with_id = ADDED[section]
        entries = document.data[section]
        there = self._declared.get(among) or set()
        for key in entries if isinstance(entries, dict) else ():
            if str(key) in there:
                cure = "choose another id: a file of your own adds, and changes nothing that is there"
                document.tell(self.problems, (section, key), "is an id of params/ already", cure)
        self._declare(among, entries if isinstance(entries, dict) else ())
        return self._all(kind, document, (section,), with_id=with_id)

    # --- CSV --------------------------------------------------------------------------------

    def _rows(self, name: str, columns: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str]]]:
        yield from read_rows(self.folder / name, columns, self.problems)

    def _check_once(self, place: str, code: str, name: str) -> None:
        if code in (self._declared.get(name) or ()):
            self.problems.add(f"{place} {code}", "this code stands twice", "keep one of the rows")
        self._declare(name, (code,))

    def _municipalities(self) -> dict[str, Municipality]:
        found: dict[str, Municipality] = {}
        whole = ("population", "population_year")
        for place, row in self._rows("municipalities.csv", tuple(Municipality.model_fields)):
            self._check_once(place, row["code"], "municipalities.csv")
            data: dict[str, Any] = {k: int(v) if k in whole and v.isdecimal() else v for k, v in row.items()}
            try:
                found[row["code"]] = Municipality.model_validate(data)
            except ValidationError as error:
                self.problems.found += validation_problems(error, place)
        return found

    def _counties(self) -> dict[str, County]:
        found: dict[str, County] = {}
        for place, row in self._rows("counties.csv", ("code", "name_fi", "name_sv", "name_en")):
            self._check_once(place, row["code"], "counties.csv")
            name = {language: row[f"name_{language}"] for language in ("fi", "sv", "en")}
            try:
                found[row["code"]] = County.model_validate({"code": row["code"], "name": name})
            except ValidationError as error:
                self.problems.found += validation_problems(error, place)
        return found

    def _need(self) -> dict[str, dict[str, float | None]]:
        found: dict[str, dict[str, float | None]] = {}
        columns = ("code", "indicator", "years_observed", "index_mean_2018_2020")
        for place, row in self._rows("municipality_indices.csv", columns):
            code, text = row["code"], row["index_mean_2018_2020"]
            values = found.setdefault(row["indicator"], {})
            if text and number(text) is None:
                self.problems.add(f"{place} {code}", "the index is not a number", "correct it, or leave it empty")
            elif code in values:
                self.problems.add(f"{place} {code}", f"{row['indicator']} stands twice", "keep one of the rows")
            values.setdefault(code, number(text))
        return found

    def _filled(self, catalogue: Catalogue) -> Catalogue:
        """The catalogue with what was fetched in its place; as it is where nothing was."""
        here = (self.folder / "sotkanet.yaml").is_file()
        mapping: Sotkanet | None = self._single(Sotkanet, "sotkanet.yaml") if here else None
        codes = list(catalogue.municipalities)
        fetched = read_fetched(self.folder / "fetched", codes, catalogue.counties, self.problems)
        need, told = fill_need(mapping, fetched, catalogue.need, codes, self.problems)
        named = self._declared.get("sources.yaml")
        volumes = read_volumes(self.folder / "national_volumes.csv", named, self.problems)
        volumes = fill_volumes(mapping, fetched, volumes, self.problems)
        return replace(
            catalogue, sotkanet=mapping, fetched=fetched, need=need, need_indices=told, national_volumes=volumes
        )

    # --- sources ----------------------------------------------------------------------------

    def _note_sources(self, entry: Spec, document: Document, keys: Keys) -> None:
        """Remember every source an entry names, with its place, to be looked up once all files are read."""
        for name in type(entry).model_fields:
            value = getattr(entry, name)
            here = (*keys, name)
            if name == "source":
                named = (value,) if isinstance(value, str) else value
                self._named += [(source, document, here) for source in named]
            for inner_keys, inner in inner_specs(value):
                self._note_sources(inner, document, (*here, *inner_keys))
