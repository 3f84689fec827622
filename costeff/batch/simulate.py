"""A simulation from its file to the matrix: what is due of it is computed, and noted when it is whole."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from costeff import __version__
from costeff.batch.folders import ASIDE, clear, writable
from costeff.batch.log import Log, Told, silent
from costeff.batch.plan import HASH, Due, code_of_pages, hash_of, packages, why_due
from costeff.batch.results import Saved, blocks, table
from costeff.batch.run import Outcome, checked_parameters, run
from costeff.batch.scenarios import Scenarios, own_code
from costeff.batch.simulation import Case, Simulation, cases
from costeff.batch.status import ASKED, MATRIX
from costeff.disclosure.record import Release, recorded
from costeff.disclosure.spreadsheets import write_csv
from costeff.files import alone_in, make_folder, write_text
from costeff.params import Catalogue
from costeff.params.watched import watched
from costeff.report.matrix import Block, Described, Matrix, matrix_page
from costeff.spec import LANGUAGES, project_root

TABLE, RECORD = "matrix.csv", "matrix.json"


@dataclass
class Simulated:
    """What a simulation made, and what stood already.

    Attributes
    ----------
    computed, standing
        Scenarios by county: how many were appraised, how many stood as they would be made again.
    files
        Of the matrix, the page of the first language first.
    held
        File -> why it may not go out.
    runs
        Scenario -> its municipal pages.
    without_pages
        Scenarios whose municipal pages could not tell what is assumed in them.
    unfit
        Chain -> its models that failed their diagnostics, in some scenario.
    """

    output: Path
    computed: int = 0
    standing: int = 0
    written: bool = False
    files: list[Path] = field(default_factory=list)
    held: dict[str, str] = field(default_factory=dict)
    runs: dict[str, Outcome] = field(default_factory=dict)
    without_pages: tuple[str, ...] = ()
    unfit: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class SimulationPlan:
    """What is due of a simulation before anything is computed."""

    parts: tuple[Due, ...]
    standing: int
    matrix: str  # why the tables are written; empty: they stand
    runs: tuple[str, ...]  # scenarios whose municipal pages are asked for


def simulate(
    simulation: Simulation,
    catalogue: Catalogue,
    output: Path,
    tell: Told = silent,
    root: Path | None = None,
    **machine: Any,
) -> Simulated:
    """Compute what is due of a simulation, write its matrix, then the pages that are asked for.

    Parameters
    ----------
    machine
        As in `cases`.

    Raises
    ------
    UsageError
        With all that cannot be had, before anything is computed.
    SetupError
        When the output folder cannot be written, or is in use.
    DataError, ParamsError, ModelError
        When data, parameters or a model do not hold.
    """
    root = root or project_root()
    found = cases(simulation, catalogue, output, **machine)
    if simulation.pages:
        checked_parameters(root, found[simulation.reference].request)
    writable(output, "simulation")
    log = Log(output)
    with alone_in(output), log.timed("simulation"):
        log.add("begins", __version__)
        return _Simulation(simulation, found, catalogue, output, tell, root).make()


def plan_simulation(
    simulation: Simulation, catalogue: Catalogue, output: Path, root: Path | None = None, **machine: Any
) -> SimulationPlan:
    """What `simulate` would make, and why; nothing is computed or written."""
    found = cases(simulation, catalogue, output, **machine)
    return _Simulation(simulation, found, catalogue, output, silent, root or project_root()).plan()


class _Simulation:
    def __init__(
        self,
        simulation: Simulation,
        found: Mapping[str, Case],
        catalogue: Catalogue,
        output: Path,
        tell: Told,
        root: Path,
    ) -> None:
        self.simulation, self.cases, self.catalogue = simulation, found, catalogue
        self.folder, self.tell, self.root = output, tell, root
        self.request = found[simulation.reference].request
        self.scenarios = Scenarios(found, catalogue, output, tell, root)
        self.outcome = Simulated(output)

    def plan(self) -> SimulationPlan:
        due = self.scenarios.due()
        matrix = "; ".join({one.why: None for one in due}) or self._matrix_due()
        return SimulationPlan(tuple(due), len(self.scenarios.parts) - len(due), matrix, self._with_pages())

    def make(self) -> Simulated:
        outcome, log = self.outcome, self.scenarios.log
        clear(self.folder, "appraisals")
        self.scenarios.manifest.compact()
        self._note_asked()
        with log.timed("scenarios"):
            outcome.computed = self.scenarios.compute(one.name for one in self.scenarios.due())
        outcome.standing = len(self.scenarios.parts) - outcome.computed
        if self._matrix_due():
            with log.timed("matrix"):
                self._write()
        else:
            outcome.files = [self.folder / name for name in self._files]
        outcome.unfit = self.scenarios.unfit()
        self._make_pages()
        return outcome

    def _note_asked(self) -> None:
        """Which scenarios there are now: what was computed of others stays, and is no part of the simulation."""
        made, asked = self.scenarios.manifest.made, list(self.cases)
        if ASKED not in made or made[ASKED].entry.get("scenarios") != asked:
            self.scenarios.note(ASKED, {}, {}, {}, entry={"scenarios": asked})

    def _with_pages(self) -> tuple[str, ...]:
        if not self.simulation.pages:
            return ()
        return tuple(name for name, case in self.cases.items() if not case.scenario.moved)

    def _make_pages(self) -> None:
        names = self._with_pages()
        if self.simulation.pages:
            self.outcome.without_pages = tuple(name for name in self.cases if name not in names)
        for name in names:
            told = self._telling(name)
            self.outcome.runs[name] = run(self.catalogue, self.cases[name].request, told, self.root)

    def _telling(self, name: str) -> Told:
        return lambda step: self.tell(replace(step, stage=f"{name}: {step.stage}"))

    # --- the matrix ---------------------------------------------------------------------------------

    @property
    def _pages(self) -> dict[str, str]:
        return {language: f"index.{language}.html" for language in self.simulation.languages}

    @property
    def _files(self) -> list[str]:
        return ["index.html", *self._pages.values(), TABLE, RECORD]

    def _matrix_from(self) -> dict[str, str]:
        made = self.scenarios.manifest.made
        results = [[one.name, dict(made[one.name].files) if one.name in made else {}] for one in self.scenarios.parts]
        return {
            "results": hash_of(json.dumps(results).encode()),
            "texts": hash_of(self.simulation.model_dump_json().encode()),
            "code": hash_of((code_of_pages() + own_code()).encode()),
            "packages": packages(),
        }

    def _matrix_due(self) -> str:
        """Why the tables are written; empty when they stand, and their release is recorded."""
        made = self.scenarios.manifest.made.get(MATRIX)
        if why := why_due(made, self._matrix_from(), self.catalogue, self.folder, self._files):
            return why
        released = recorded(self.folder)
        whole = all(name in released and released[name].passed for name in self._files)
        return "" if whole else "its release is not recorded"

    def _write(self) -> None:
        seen, log = watched(self.catalogue)
        aside = self.folder / ASIDE
        make_folder(aside)
        release = Release(self.folder, outputs=recorded(self.folder))
        start = time.perf_counter()
        try:
            files = {}
            for name in self._written(aside, seen):
                output = release.offer(aside / name, name, "public")
                if output.passed:
                    files[name] = output.sha256[:HASH]
                    self.outcome.files.append(self.folder / name)
                else:
                    self.outcome.held[name] = f"holds an identity code ({', '.join(output.found)})"
            for language in LANGUAGES:  # a page of an earlier simulation would contradict this one
                if language not in self._pages:
                    (self.folder / f"index.{language}.html").unlink(missing_ok=True)
            release.close()
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        error = f"held back: {', '.join(self.outcome.held)}" if self.outcome.held else ""
        seconds = time.perf_counter() - start
        self.scenarios.note(MATRIX, self._matrix_from(), log.told(self.catalogue), files, error=error, seconds=seconds)
        self.outcome.written = True

    def _written(self, aside: Path, seen: Catalogue) -> list[str]:
        """Everything of the matrix, made aside."""
        saved = {name: self.scenarios.saved(name) for name in self.cases}
        codes = self.request.municipalities
        found = blocks(saved, self.simulation.reference, codes, seen)
        matrix = self._matrix(saved, found)
        for language, name in self._pages.items():
            write_text(aside / name, matrix_page(matrix, seen, language, self._pages))
        first = next(iter(self._pages.values()))
        write_text(aside / "index.html", (aside / first).read_text(encoding="utf-8"))
        rows = table(found, saved, matrix.synthetic)
        write_csv(aside / TABLE, rows)
        told = {
            "version": __version__,
            "simulation": json.loads(self.simulation.model_dump_json(exclude_none=True)),
            "municipalities": self.request.municipalities,
            "seed": self.request.seed,
            "draws": self.request.draws,
            "interval": matrix.mass,
            "synthetic_data": matrix.synthetic,
            "results": rows.astype(object).where(rows.notna(), None).to_dict("records"),
        }
        write_text(aside / RECORD, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
        return self._files

    def _matrix(self, saved: Mapping[str, Saved], found: Sequence[Block]) -> Matrix:
        told = saved[self.simulation.reference].told
        first = next(iter(told.values()))
        with_pages, languages = self._with_pages(), self.simulation.languages
        scenarios = {
            name: Described(
                case.scenario.label,
                {**self.simulation.common.told, **case.scenario.told},
                {chain: move.told for chain, move in case.scenario.services.items()},
                case.scenario.numbers,
                {lang: f"{name}/index.{lang}.html" for lang in languages} if name in with_pages else {},
            )
            for name, case in self.cases.items()
        }
        return Matrix(
            label=self.simulation.label,
            reference=self.simulation.reference,
            scenarios=scenarios,
            blocks=found,
            years={(name, chain): int(one["years"]) for name, s in saved.items() for chain, one in s.told.items()},
            clients={name: case.request.clients for name, case in self.cases.items()},
            mass=float(first["mass"]),
            discount_rate=float(first["discount_rate"]),
            synthetic=any(one["synthetic"] for s in saved.values() for one in s.told.values()),
        )
