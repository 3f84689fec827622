"""The catalogue: everything in params/, read strictly, with every problem told at once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from costeff.agreement import Budget, Contract, Estimate
from costeff.chain import ImpactChain, IndicatorSet
from costeff.errors import ParamsError, Problem, UsageError
from costeff.params.entries import (
    Conventions,
    County,
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
from costeff.params.fetched import Fetched
from costeff.params.filled import NeedIndex, Sotkanet, Volume
from costeff.params.index import PriceIndex
from costeff.params.links import Link
from costeff.params.payers import ClawBack, Duty, Turn
from costeff.params.published import Design, EvidencePrior, Heterogeneity
from costeff.records.synthetic import SyntheticTruth
from costeff.shown import Shows, lines, table
from costeff.spec import Label, Sources, Spec, project_root


class Scenario(Spec):
    """The stated truth behind a synthetic register."""

    label: Label
    source: Sources
    note: str
    truth: SyntheticTruth


OWN = "own"  # folder of params/ in which users add files that are theirs

# Groups whose ids are told to who mistypes one.
NAMED = (
    "unit_costs",
    "price_sets",
    "chains",
    "contracts",
    "budgets",
    "links",
    "sources",
    "duties",
    "units",
    "designs",
    "heterogeneity",
    "need_indices",
    "national_volumes",
    "fetched",
)


@dataclass(frozen=True)
class Catalogue(Shows):
    """The contents of params/, by id. `Catalogue.load()` is the way in."""

    folder: Path
    content: str  # hash of every file in params/, as it was read
    sources: dict[str, Source] = field(default_factory=dict)
    payers: dict[str, Label] = field(default_factory=dict)
    duties: dict[str, Duty] = field(default_factory=dict)
    claw_back: ClawBack = None  # type: ignore[assignment]
    units: dict[str, Unit] = field(default_factory=dict)
    conventions: Conventions = None  # type: ignore[assignment]  # load() fills it or raises
    priors: dict[str, dict[str, Prior]] = field(default_factory=dict)
    unit_costs: dict[str, UnitCost] = field(default_factory=dict)
    price_sets: dict[str, PriceSet] = field(default_factory=dict)
    transitions: dict[str, dict[str, Parameter]] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)
    chains: dict[str, ImpactChain] = field(default_factory=dict)
    indicators: dict[str, IndicatorSet] = field(default_factory=dict)  # by service
    contracts: dict[str, Contract] = field(default_factory=dict)
    budgets: dict[str, Budget] = field(default_factory=dict)
    evidence: dict[str, tuple[Published, ...]] = field(default_factory=dict)
    designs: dict[str, Design] = field(default_factory=dict)
    heterogeneity: dict[str, Heterogeneity] = field(default_factory=dict)
    evidence_priors: dict[str, EvidencePrior] = field(default_factory=dict)  # by chain
    scenarios: dict[str, Scenario] = field(default_factory=dict)
    indices: dict[str, PriceIndex] = field(default_factory=dict)
    municipalities: dict[str, Municipality] = field(default_factory=dict)
    counties: dict[str, County] = field(default_factory=dict)
    need: dict[str, dict[str, float | None]] = field(default_factory=dict)  # by index, then municipality
    need_indices: dict[str, NeedIndex] = field(default_factory=dict)  # where each of them is from
    national_volumes: dict[str, Volume] = field(default_factory=dict)
    sotkanet: Sotkanet | None = None
    fetched: dict[str, Fetched] = field(default_factory=dict)  # by the number of the indicator
    changes: tuple[str, ...] = ()  # what-ifs: values that are other than the files say

    @staticmethod
    def load(folder: Path | None = None, own: Iterable[Path] = ()) -> Catalogue:
        """Read and lint params/, with what a user added in its folder own/.

        Parameters
        ----------
        own
            Files of the same form that stand elsewhere, such as a chain that is being written.

        Raises
        ------
        ParamsError
            With every problem found: file, line, key, rule and cure.
        """
        folder = (folder or project_root() / "params").resolve()
        if not folder.is_dir():
            problem = Problem(folder.name, "is not a folder", "give the folder that holds sources.yaml")
            raise ParamsError("There are no parameters to read", [problem])
        there = {path.resolve() for path in (folder / OWN).glob("*.yaml")}
        more = tuple(dict.fromkeys(path for path in map(_resolved, own) if path not in there))
        return _load(folder, more, _content_hash(folder, more))

    @property
    def hash(self) -> str:
        """Hash of what a result made from this depends on: the files as they were read, and the what-ifs."""
        if not self.changes:
            return self.content
        return hashlib.sha256("\n".join((self.content, *self.changes)).encode()).hexdigest()[:16]

    # --- look-ups that say what is wrong ----------------------------------------------------

    def municipality(self, code: str) -> Municipality:
        """The municipality of a three-digit code; a number has lost its zeros, and is refused with the cure."""
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
        code = str(code)  # a notebook may pass the number 91
        full = code.zfill(digits)
        if code.isdigit() and len(code) < digits and full in known:
            cure = f"write {full} ({known[full].names()[0]})"
            return Problem(f"{what} {code}", f"a {what} code has {digits} digits", cure)
        names = {c: [n.casefold() for n in item.names()] for c, item in known.items()}
        asked = code.casefold()
        near = [c for c, n in names.items() if asked in n] or [
            c for c, n in names.items() if any(asked in x for x in n)
        ]
        hint = f"did you mean {', '.join(near[:3])}?" if near and not code.isdigit() else "see params/"
        return Problem(f"{what} {code}", f"is not a {what} of 2025", hint)

    def entry(self, group: str, key: str) -> Any:
        """An entry of a group such as `chains` or `price_sets`; an unknown id names those that exist."""
        entries = getattr(self, group)
        if key not in entries:
            name = "service with indicators" if group == "indicators" else group.replace("_", " ").removesuffix("s")
            raise UsageError(
                f"Unknown {name}", [Problem(key, f"is not a {name}", f"known: {', '.join(sorted(entries))}")]
            )
        return entries[key]

    def payer_of(self, payer: str, on: date, county: str) -> str:
        """The payer of a cost on a date: a payer is itself, a duty is whom the law names then and there."""
        shares = self.payer_shares(payer, on, county)
        if len(shares) > 1:
            problem = Problem(f"payers.yaml {payer}", "is shared by several payers", "ask for payer_shares")
            raise ParamsError("No single payer", [problem])
        return next(iter(shares))

    def payer_shares(
        self, payer: str, on: date, county: str, days: tuple[float, float | None] = (0.0, None)
    ) -> dict[str, float]:
        """What share each payer pays on a date; they sum to one.

        Parameters
        ----------
        days
            Of which days of a stay, where the law's shares change with them: from, and to (None: all later ones).

        Raises
        ------
        ParamsError
            When no payer is known on the date, or the shares change within a stay that has no end.
        """
        if payer in self.payers:
            return {payer: 1.0}
        duty = self.duties[payer]
        if county in duty.except_counties:
            return {duty.except_counties[county]: 1.0}
        place = f"payers.yaml {payer}"
        turns = [turn for turn in duty.turns if turn.valid_from is None or turn.valid_from <= on]
        if not turns:
            cure = "add a turn valid from an earlier date"
            raise ParamsError("No payer known", [Problem(place, f"has no payer on {on}", cure)])
        turn: Turn = max(turns, key=lambda turn: turn.valid_from or date.min)
        try:
            return turn.shares(*days)
        except ValueError as error:
            cure = "use it for a state whose stays are told apart by their length"
            raise ParamsError("No payer known", [Problem(place, str(error), cure)]) from error

    def find(self, key: str) -> list[tuple[str, Any]]:
        """Every entry with this id, with its group; `transitions` ids are written model.parameter."""
        found: list[tuple[str, Any]] = [
            (group, getattr(self, group)[key])
            for group in (*NAMED, "evidence_priors", "municipalities", "counties")
            if key in getattr(self, group)
        ]
        found = [(group, entry.about if isinstance(entry, Fetched) else entry) for group, entry in found]
        model, _, name = key.partition(".")
        if name in self.transitions.get(model, {}):
            found.append(("transitions", self.transitions[model][name]))
        return found

    def ids(self) -> Iterator[str]:
        """Ids that `find` knows, municipalities and counties aside."""
        for group in NAMED:
            yield from getattr(self, group)
        for model, parameters in self.transitions.items():
            yield from (f"{model}.{name}" for name in parameters)

    def card(self, key: str) -> Any:
        """Everything under an id with its sources written out; shows itself in a notebook."""
        from costeff.params.show import Card

        return Card(key, self)

    def _html(self) -> str:
        from costeff.params.show import catalogue_rows

        return table(catalogue_rows(self), f"Parameters {self.hash}")

    def _plain(self) -> str:
        from costeff.params.show import catalogue_rows

        rows = [{name: row[name] for name in ("group", "entries")} for row in catalogue_rows(self)]
        return lines(rows, f"Parameters {self.hash}")


def _resolved(path: Path) -> Path:
    """The path of a file that is there, or a problem that says it is not."""
    if not path.is_file():
        problem = Problem(path.name, "is not a file", "give the path of a .yaml file")
        raise ParamsError("There is no such file", [problem])
    return path.resolve()


def _content_hash(folder: Path, own: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    inside = sorted(p for p in folder.rglob("*") if p.suffix in {".yaml", ".csv"} and p.is_file())
    for name, path in [*((str(path.relative_to(folder)), path) for path in inside), *((p.name, p) for p in own)]:
        digest.update(name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


@lru_cache(maxsize=4)
def _load(folder: Path, own: tuple[Path, ...], content: str) -> Catalogue:
    """The hash is a part of the key: a file changed in a living session is read again."""
    from costeff.params.reader import Reader  # which makes a Catalogue

    reader = Reader(folder, content, own)
    catalogue = reader.read()
    reader.problems.raise_if_any(ParamsError, f"The parameters in {folder.name}/ do not hold together")
    return catalogue


def inner_specs(value: Any) -> Iterator[tuple[tuple[Any, ...], Spec]]:
    """The declarations inside a field, with the keys that lead to them."""
    if isinstance(value, Spec):
        yield (), value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from (((key, *keys), inner) for keys, inner in inner_specs(item))
    elif isinstance(value, tuple):
        yield from (((number,), item) for number, item in enumerate(value) if isinstance(item, Spec))


def uncertain_values(entry: Spec) -> Iterator[tuple[str, Uncertain | Estimate]]:
    """Every uncertain value inside an entry, those of a budget among them, with its dotted name."""
    for name in type(entry).model_fields:
        for keys, inner in inner_specs(getattr(entry, name)):
            dotted = ".".join(map(str, (name, *keys)))
            if isinstance(inner, Uncertain | Estimate):
                yield dotted, inner
            else:
                yield from ((f"{dotted}.{rest}", value) for rest, value in uncertain_values(inner))
