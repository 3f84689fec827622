"""One run from request to index: what is due is made, and noted when it is whole."""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from costeff import __version__
from costeff.batch.country import (
    Data,
    Fits,
    all_data,
    all_keys,
    appraise_codes,
    cache_folder,
    fit_chain,
    fit_costs,
)
from costeff.batch.manifest import Made
from costeff.batch.notebooks import Done, Job
from costeff.batch.plan import DRIVING_FIELDS, Planned, Planner, appraisal_file, hash_of
from costeff.batch.request import RunRequest, check_parameters
from costeff.errors import Problem, SetupError
from costeff.files import alone_in, write_bytes, write_text
from costeff.params import Catalogue
from costeff.spec import project_root

TEMPLATE = "90_municipal_report.ipynb"


NO_MORE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)

# What a run tells while it works: the stage, how much of it is done, how much there is, and a note.
Told = Callable[[str, int, int, str], None]
Runner = Callable[[Sequence[Job], int], Generator[Done]]


@dataclass
class Outcome:
    """What a run made, what stood already, what failed, and how long each stage took."""

    output: Path
    pages: int = 0
    standing: int = 0  # pages that are as they would be made again
    failed: list[Done] = field(default_factory=list)
    indexes: list[Path] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    fitted: int = 0
    cached_fits: int = 0
    unfit: dict[str, list[str]] = field(default_factory=dict)  # chain -> its models that failed their diagnostics

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = time.perf_counter() - start


def run(catalogue: Catalogue, request: RunRequest, tell: Told = lambda *_: None, root: Path | None = None) -> Outcome:
    """Make the pages of a request that do not stand already.

    A page stands when all it depends on is as it was: fits, the entries of the catalogue that were read, the
    request, code, template and libraries; and its file is as it was written.

    Raises
    ------
    SetupError
        When the output folder cannot be written, or is in use.
    DataError, ParamsError, ModelError
        When data, parameters or a model do not hold, before any page is made.
    """
    _writable(request.output)
    with alone_in(request.output):
        return _Run(catalogue, request, tell, root or project_root()).make()


def plan(catalogue: Catalogue, request: RunRequest, root: Path | None = None) -> Planned:
    """What `run` would make, and why; nothing is fitted or written."""
    root = root or project_root()
    planner = Planner(catalogue, request, _template(root), _checked_parameters(_template(root), request))
    return planner.plan(all_keys(all_data(catalogue, request, cache_folder(root)), catalogue, request))


class _Run:
    def __init__(self, catalogue: Catalogue, request: RunRequest, tell: Told, root: Path) -> None:
        self.catalogue, self.request, self.tell = catalogue, request, tell
        self.folder, self.cache = request.output, cache_folder(root)
        self.planner = Planner(catalogue, request, _template(root), _checked_parameters(_template(root), request))
        self.manifest = self.planner.manifest
        self.outcome = Outcome(self.folder)

    # --- making -----------------------------------------------------------------------------------

    def make(self) -> Outcome:
        outcome = self.outcome
        self._clean()
        self.manifest.compact()
        with outcome.timed("data"):
            data = all_data(self.catalogue, self.request, self.cache)
            keys = all_keys(data, self.catalogue, self.request)
            appraisals = self.planner.appraisals_due(keys)
        if appraisals or self._unknown(keys):
            with outcome.timed("fits"):
                prepared = self._fit(data)
            with outcome.timed("appraisals"):
                self._appraise([one.name.split()[1] for one in appraisals], prepared, keys)
        outcome.unfit = {
            name.split()[1]: list(made.entry["failed"])
            for name, made in self.manifest.made.items()
            if name.startswith("fits ") and name.split()[1] in keys and made.entry["failed"]
        }
        with outcome.timed("reports"):
            self._report()
        with outcome.timed("index"):
            self._write_indexes()
        self._write_record(keys)
        return outcome

    def _clean(self) -> None:
        """Remove what a killed run left half-written; we are alone in the folder."""
        for left in self.folder.rglob(".*"):
            if left.name != ".lock" and left.is_file():
                left.unlink()
        shutil.rmtree(self.planner.sockets, ignore_errors=True)

    def _unknown(self, keys: Mapping[str, Mapping[str, str]]) -> bool:
        """Whether a fit has not told yet if it passed its diagnostics."""
        return any(
            chain not in self.manifest.made or self.manifest.made[chain].parts != parts
            for chain, parts in ((f"fits {c}", p) for c, p in keys.items())
        )

    def _fit(self, data: Mapping[str, Data]) -> dict[str, Fits]:
        prepared, seed = {}, self.request.seed
        for number, (name, found) in enumerate(data.items()):
            self.tell("models", number, len(data), name)
            chain = self.catalogue.chains[name]
            outcome = fit_chain(chain, self.catalogue, found, seed, self.cache, evidence=self.request.evidence)
            fits = prepared[name] = Fits(outcome, fit_costs(chain, self.catalogue, found, seed, self.cache))
            self.outcome.cached_fits += sum(each.cached for each in fits.named.values())
            self.outcome.fitted += sum(not each.cached for each in fits.named.values())
            models = {what: each.model for what, each in fits.named.items()}
            parts = {what: each.hash for what, each in fits.named.items()}
            self._note(f"fits {name}", parts, entry={"models": models, "failed": fits.failed})
        self.tell("models", len(data), len(data), "")
        return prepared

    def _appraise(
        self, codes: Sequence[str], prepared: Mapping[str, Fits], keys: Mapping[str, Mapping[str, str]]
    ) -> None:
        parts = self.planner.appraisal_parts(keys)
        for number, made in enumerate(appraise_codes(codes, self.catalogue, self.request, prepared), start=1):
            name = appraisal_file(made.code)
            write_bytes(self.folder / name, made.file)
            files = {name: hash_of(made.file)}
            self._note(f"appraisal {made.code}", parts, made.reads, files, entry={"hash": made.hash})
            self.tell("appraisals", number, len(codes), made.code)

    def _report(self) -> None:
        everything = self.planner.jobs()
        jobs = [job for job in everything if self.planner.page_due(job)]
        self.outcome.standing = len(everything) - len(jobs)
        if not jobs:
            return
        with closing(self._runner()(jobs, self.request.workers)) as ended:
            for number, done in enumerate(ended, start=1):
                self._keep(done)
                self.tell("reports", number, len(jobs), f"{done.job.municipality} {done.job.language}")
        shutil.rmtree(self.planner.sockets, ignore_errors=True)

    def _runner(self) -> Runner:
        request = self.request
        if request.scheduler:
            from costeff.batch.cluster import on_scheduler

            return on_scheduler(request.scheduler)
        if request.cluster:
            from costeff.batch.cluster import on_cluster, read_cluster

            return on_cluster(read_cluster(request.cluster))
        from costeff.batch.local import run_jobs

        return run_jobs

    def _keep(self, done: Done) -> None:
        """Write a page and its notebook, or note why there is none."""
        job, error = done.job, done.error
        if not error:
            try:
                write_text(self.folder / job.notebook, done.notebook)
                write_text(self.folder / job.page, done.page)
            except SetupError as problem:
                if getattr(problem.__cause__, "errno", None) in NO_MORE:  # nor could any other page be
                    raise
                error = f"a file could not be written ({problem.problems[0].rule})"
        if error:
            with suppress(OSError):  # an older page would pass for this run's
                (self.folder / job.page).unlink()
            self.outcome.failed.append(Done(job, done.seconds, error))
            self._note(job.name, self.planner.page_parts(job), error=error, seconds=done.seconds)
            return
        self.outcome.pages += 1
        files = {job.notebook: hash_of(done.notebook.encode()), job.page: hash_of(done.page.encode())}
        self._note(job.name, self.planner.page_parts(job), done.reads, files, seconds=done.seconds, entry=done.entry)

    def _note(
        self,
        name: str,
        parts: Mapping[str, str],
        reads: Mapping[str, str] | None = None,
        files: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        seed = self.request.seed
        self.manifest.add(Made(name, parts, reads or {}, files or {}, seed=seed, version=__version__, **more))

    # --- what binds the pages together ------------------------------------------------------------

    def _write_indexes(self) -> None:
        """A list of municipalities in each language, and index.html in the first."""
        from costeff.report.listing import Entry, Result
        from costeff.report.site import write_index

        request, made = self.request, self.manifest.made
        for old in self.folder.glob("index*.html"):  # a list of an earlier run would contradict this one
            if old.name not in {f"index.{language}.html" for language in request.languages}:
                old.unlink()
        indexes: dict[str, str] = {language: f"index.{language}.html" for language in request.languages}
        for language in request.languages:
            entries = []
            for code in request.municipalities:
                whole = [lang for lang in request.languages if not made[f"page {code} {lang}"].error]
                links: dict[str, str] = {lang: f"{code}.{lang}.html" for lang in whole}
                told = made[f"page {code} {language}"].entry
                if told:
                    results = tuple(Result(**result) for result in told["results"])
                    entries.append(Entry(**{**told, "links": links, "results": results}))
                else:
                    place = self.catalogue.municipality(code)
                    county = self.catalogue.county(place.county).name[language]
                    entries.append(Entry(code, place.name(language), county, links))
            self.outcome.indexes.append(write_index(self.folder, entries, language, indexes=indexes))
        write_text(self.folder / "index.html", self.outcome.indexes[0].read_text(encoding="utf-8"))
        self.outcome.indexes.insert(0, self.folder / "index.html")

    def _write_record(self, keys: Mapping[str, Mapping[str, str]]) -> None:
        """What was asked for and from which fits it was made; without times, so that the same run gives the same."""
        asked = json.loads(self.request.model_dump_json(exclude={*DRIVING_FIELDS, "register_path"}))
        fits = {
            f"{chain} {what}": {
                "model": (told := self.manifest.made[f"fits {chain}"].entry)["models"][what],
                "hash": key,
                "passed": told["models"][what] not in told["failed"],
            }
            for chain, found in keys.items()
            for what, key in found.items()
        }
        failed = [
            {"municipality": done.job.municipality, "language": done.job.language, "error": done.error}
            for done in self.outcome.failed
        ]
        pages = self.outcome.pages + self.outcome.standing
        record = {"version": __version__, "request": asked, "fits": fits, "pages": pages, "failed": failed}
        write_text(self.folder / "run.json", json.dumps(record, indent=2, ensure_ascii=False) + "\n")


def _template(root: Path) -> Path:
    return root / "notebooks" / TEMPLATE


def _checked_parameters(template: Path, request: RunRequest) -> dict[str, Any]:
    if not template.is_file():
        raise SetupError(
            "The report template is missing", [Problem(str(template), "does not exist", "restore notebooks/")]
        )
    if not request.parameters:
        return {}
    import papermill

    return check_parameters(papermill.inspect_notebook(str(template)), request.parameters)


def _writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = Problem(str(folder), f"cannot be made ({error.strerror})", "choose another folder with --output")
        raise SetupError("The output folder cannot be used", [problem]) from error
    if not os.access(folder, os.W_OK):
        problem = Problem(str(folder), "cannot be written", "choose another folder with --output")
        raise SetupError("The output folder cannot be used", [problem])
