"""One run from request to index: what is due is made, and noted when it is whole."""

from __future__ import annotations

import json
import shutil
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from costeff import __version__
from costeff.batch.appraising import appraise_codes
from costeff.batch.country import (
    Data,
    Fits,
    all_data,
    all_keys,
    cache_folder,
    fit_chain,
    fit_costs,
)
from costeff.batch.folders import ASIDE, NO_MORE, RECORD, clear, no_more, writable
from costeff.batch.local import environment
from costeff.batch.log import Log, Step, Told, silent
from costeff.batch.manifest import Made
from costeff.batch.notebooks import Done, Job, file_of, template_of
from costeff.batch.pdfs import pdf_of
from costeff.batch.plan import DRIVING_FIELDS, Planned, Planner, appraisal_file, hash_of
from costeff.batch.release import told_counts
from costeff.batch.request import RunRequest, check_parameters
from costeff.disclosure.publication import Publication
from costeff.disclosure.record import Label, Release, recorded
from costeff.errors import Problem, SetupError
from costeff.files import alone_in, make_folder, write_bytes, write_text
from costeff.imports import skip_dask_arrays
from costeff.kernels.server import close_servers
from costeff.params import Catalogue
from costeff.report.warm import kernels_ahead
from costeff.spec import LANGUAGES, is_county, project_root

if TYPE_CHECKING:
    from costeff.report.listing import Entry

NOTEBOOKS = "notebooks"  # the folder of templates in the project


Runner = Callable[[Iterable[Job], int], Generator[Done]]


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


def run(catalogue: Catalogue, request: RunRequest, tell: Told = silent, root: Path | None = None) -> Outcome:
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
    skip_dask_arrays()
    root = root or project_root()
    parameters = checked_parameters(root, request)  # before anything is written
    writable(request.output)
    log = Log(request.output)
    with alone_in(request.output), log.timed("run"):
        log.add("begins", __version__)
        return _Run(catalogue, request, tell, root, parameters).make()


def plan(catalogue: Catalogue, request: RunRequest, root: Path | None = None) -> Planned:
    """What `run` would make, and why; nothing is fitted or written."""
    root = root or project_root()
    planner = Planner(catalogue, request, root / NOTEBOOKS, checked_parameters(root, request))
    cache = cache_folder(root)
    return planner.plan(all_keys(all_data(catalogue, request, cache), catalogue, request, cache))


class _Run:
    def __init__(
        self, catalogue: Catalogue, request: RunRequest, tell: Told, root: Path, parameters: Mapping[str, Any]
    ) -> None:
        self.catalogue, self.request, self.tell = catalogue, request, tell
        self.folder, self.cache = request.output, cache_folder(root)
        self.aside = self.folder / ASIDE
        self.planner = Planner(catalogue, request, root / NOTEBOOKS, parameters)
        self.manifest, self.log = self.planner.manifest, Log(self.folder)
        self.outcome, self.root = Outcome(self.folder), root

    def make(self) -> Outcome:
        outcome = self.outcome
        self._clean()
        self.manifest.compact()
        with outcome.timed("data"), self.log.timed("data"):
            data = all_data(self.catalogue, self.request, self.cache)
            keys = all_keys(data, self.catalogue, self.request, self.cache)
            planned = self.planner.plan(keys)
        if planned.anything or self._unknown(keys):
            if planned.pages:
                self._ahead()
            try:
                self._make(data, keys, planned)
            finally:
                close_servers()
        else:
            outcome.standing = planned.standing
            outcome.indexes = [self.folder / name for name in self.planner.indexes]
        outcome.unfit = self.unfit(keys)
        return outcome

    def unfit(self, chains: Iterable[str]) -> dict[str, list[str]]:
        """The models that failed their diagnostics, by chain."""
        found = {chain: list(self.manifest.made[f"fits {chain}"].entry["failed"]) for chain in chains}
        return {chain: models for chain, models in found.items() if models}

    def _ahead(self) -> None:
        """Before the fits: load what kernels need beside them, or ask whether a cluster is there."""
        if not self.request.elsewhere:
            kernels_ahead(self.root)
            return
        from costeff.batch.cluster import reached

        reached(self.request)

    def _make(self, data: Mapping[str, Data], keys: Mapping[str, Mapping[str, str]], planned: Planned) -> None:
        outcome = self.outcome
        (self.folder / RECORD).unlink(missing_ok=True)  # until the run has come to its end, nobody takes it for whole
        with outcome.timed("fits"), self.log.timed("fits"):
            prepared = self._fit(data)
            told = told_counts(prepared, self.catalogue, self.folder)
        release = Release(self.folder, told, outputs=recorded(self.folder))
        make_folder(self.aside)
        try:
            with outcome.timed("reports"), self.log.timed("reports"):
                self._report(self._due(planned, prepared, told, keys), planned, release)
            outcome.seconds["reports"] -= outcome.seconds["appraisals"]  # they come first, and pages beside them
            with outcome.timed("index"), self.log.timed("index"):
                self._write_indexes(release)
                release.close()
        finally:
            shutil.rmtree(self.aside, ignore_errors=True)
            shutil.rmtree(self.planner.sockets, ignore_errors=True)
        self._write_record(keys)
        self._note_indexes(keys)

    def _clean(self) -> None:
        clear(self.folder, "appraisals", "notebooks")
        shutil.rmtree(self.planner.sockets, ignore_errors=True)

    def _unknown(self, keys: Mapping[str, Mapping[str, str]]) -> bool:
        """Whether a fit has not told yet if it passed its diagnostics."""
        made = self.manifest.made
        return any(f"fits {c}" not in made or made[f"fits {c}"].parts != parts for c, parts in keys.items())

    def _fit(self, data: Mapping[str, Data]) -> dict[str, Fits]:
        prepared, seed = {}, self.request.seed
        for number, (name, found) in enumerate(data.items()):
            self.tell(Step("models", number, len(data), now=(name,)))
            chain = self.catalogue.chains[name]
            outcome = fit_chain(chain, self.catalogue, found, seed, self.cache, evidence=self.request.evidence)
            fits = prepared[name] = Fits(outcome, fit_costs(chain, self.catalogue, found, seed, self.cache))
            self.outcome.cached_fits += sum(each.cached for each in fits.named.values())
            self.outcome.fitted += sum(not each.cached for each in fits.named.values())
            models = {what: each.model for what, each in fits.named.items()}
            parts = {what: each.hash for what, each in fits.named.items()}
            self._note(f"fits {name}", parts, entry={"models": models, "failed": fits.failed})
        self.tell(Step("models", len(data), len(data)))
        return prepared

    def _due(
        self, planned: Planned, prepared: Mapping[str, Fits], told: Publication, keys: Mapping[str, Mapping[str, str]]
    ) -> Iterator[Job]:
        """The pages that are due: of appraisals that stand, then of each other as it is computed."""
        anew, pages = [one.name.split()[1] for one in planned.appraisals], dict[str, list[Job]]()
        for job in self.planner.jobs():
            pages.setdefault(job.municipality, []).append(job)
        if not anew:
            self.outcome.seconds["appraisals"] = 0.0
        standing = [job for code, jobs in pages.items() if code not in anew for job in jobs]
        yield from self._due_of(standing)
        for code in self._appraised(anew, prepared, told, keys):
            yield from self._due_of(pages[code])

    def _due_of(self, jobs: Sequence[Job]) -> list[Job]:
        due = [job for job in jobs if self.planner.page_due(job)]
        self.outcome.standing += len(jobs) - len(due)
        return due

    def _appraised(
        self,
        codes: Sequence[str],
        prepared: Mapping[str, Fits],
        told: Publication,
        keys: Mapping[str, Mapping[str, str]],
    ) -> Iterator[str]:
        """Compute and keep appraisals; yields the code of each."""
        parts = self.planner.appraisal_parts(keys)
        with self.outcome.timed("appraisals"), self.log.timed("appraisals"):
            for number, made in enumerate(appraise_codes(codes, self.catalogue, self.request, prepared, told), start=1):
                name = appraisal_file(made.code)
                write_bytes(self.folder / name, made.file)
                files = {name: hash_of(made.file)}
                self._note(f"appraisal {made.code}", parts, made.reads, files)
                self.log.add("appraisal", made.code)
                self.tell(Step("appraisals", number, len(codes), now=tuple(codes[number : number + 1])))
                yield made.code

    def _report(self, jobs: Iterable[Job], planned: Planned, release: Release) -> None:
        """Make the pages, while appraisals are computed and after."""
        if not planned.pages:
            deque(jobs, maxlen=0)
            return
        waiting: list[Job] = []  # the first of them are under way

        def asked() -> Iterator[Job]:
            for job in jobs:
                waiting.append(job)
                yield job

        home = environment({"COSTEFF_HOME": str(self.root)})  # kernels start elsewhere and find the catalogue so
        with home, closing(self._runner()(asked(), self.request.workers)) as ended:
            for number, done in enumerate(ended, start=1):
                self._keep(done, release)
                waiting.remove(done.job)
                now = () if self.request.elsewhere else tuple(each.short for each in waiting[: self.request.workers])
                if "appraisals" in self.outcome.seconds:  # they are all there: one stage is told at a time
                    self.tell(Step("reports", number, self._asked(planned), len(self.outcome.failed), now))

    def _asked(self, planned: Planned) -> int:
        """How many pages are made: a page that was due stands where its appraisal came out as it was."""
        return len(planned.pages) + planned.standing - self.outcome.standing

    def _runner(self) -> Runner:
        if self.request.elsewhere:
            from costeff.batch.cluster import on_cluster

            return on_cluster(self.request)
        from costeff.batch.local import run_jobs

        return run_jobs

    def _keep(self, done: Done, release: Release) -> None:
        """Release a page and keep its notebook, or note why there is none."""
        job, error = done.job, done.error or self._released(done, release)
        with suppress(OSError):  # it tells what the page told before
            (self.folder / pdf_of(job.page)).unlink()
        if error:
            with suppress(OSError):  # an older page would pass for this run's
                (self.folder / job.page).unlink()
            self.outcome.failed.append(Done(job, done.seconds, error))
            self._note(job.name, self.planner.page_parts(job), error=error, seconds=done.seconds)
            self.log.add("page", job.short, done.seconds, error)
            return
        self.outcome.pages += 1
        files = {job.notebook: hash_of(done.notebook.encode()), job.page: hash_of(done.page.encode())}
        parts = self.planner.page_parts(job)
        self._note(job.name, parts, done.reads, files, seconds=done.seconds, entry=done.entry)
        self.log.add("page", job.short, done.seconds)

    def _released(self, done: Done, release: Release) -> str:
        """Scan, record and place the notebook and the page; the answer is why it could not be done."""
        outputs = []
        parts: tuple[tuple[str, str, Label], ...] = (
            (done.job.notebook, done.notebook, "inside"),
            (done.job.page, done.page, "public"),
        )
        try:
            for name, text, label in parts:
                made = self.aside / Path(name).name
                write_text(made, text)
                outputs.append(release.offer(made, name, label))
        except (OSError, SetupError) as problem:
            found = problem if isinstance(problem, OSError) else problem.__cause__
            if getattr(found, "errno", None) in NO_MORE:  # nor could any other page be written
                raise no_more(self.folder, found) from problem
            return f"a file could not be written ({getattr(found, 'strerror', None) or type(found).__name__})"
        held = [one for one in outputs if not one.passed]
        kinds = ", ".join(dict.fromkeys(kind for one in held for kind in one.found))
        if held and all(one.status == "review" for one in held):
            return f"held for review, because it holds an artificial identity code ({kinds}): see costeff release"
        return f"held back: it holds an identity code ({kinds})" if held else ""

    def _note(
        self,
        name: str,
        parts: Mapping[str, str],
        reads: Mapping[str, str] | None = None,
        files: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        seed = self.request.seed
        try:
            self.manifest.add(Made(name, parts, reads or {}, files or {}, seed=seed, version=__version__, **more))
        except OSError as error:
            raise no_more(self.folder, error) from error

    # --- what binds the pages together ------------------------------------------------------------

    def _write_indexes(self, release: Release) -> None:
        """A list of municipalities in each language, and index.html in the first."""
        from costeff.report.site import write_index

        for language in LANGUAGES:  # a list of an earlier run would contradict this one
            if (name := f"index.{language}.html") not in self.planner.indexes:
                (self.folder / name).unlink(missing_ok=True)
        first, *others = self.planner.indexes
        links: dict[str, str] = dict(zip(self.request.languages, others, strict=True))
        for language in self.request.languages:
            entries = [self._entry(code, language) for code in self.request.municipalities]
            counties = [self._entry(code, language) for code in self.request.county_reports]
            write_index(self.aside, entries, language, counties=counties, indexes=links)
        write_text(self.aside / first, (self.aside / others[0]).read_text(encoding="utf-8"))
        for name in self.planner.indexes:
            if release.offer(self.aside / name, name, "public").passed:
                self.outcome.indexes.append(self.folder / name)

    def _note_indexes(self, keys: Mapping[str, Mapping[str, str]]) -> None:
        """Last of all: what they and the record were made from."""
        parts = self.planner.index_parts(keys)
        for path in self.outcome.indexes:
            files = {name: hash_of((self.folder / name).read_bytes()) for name in (path.name, RECORD)}
            self._note(f"index {path.name}", parts, {}, files)

    def _entry(self, code: str, language: str) -> Entry:
        """A municipality or a county in the list: as its page told, or by its name alone."""
        from costeff.report.listing import Entry

        made = self.manifest.made
        whole = [lang for lang in self.request.languages if not made[f"page {code} {lang}"].error]
        links: dict[str, str] = {lang: f"{file_of(code)}.{lang}.html" for lang in whole}
        if told := made[f"page {code} {language}"].entry:
            return Entry.read({**told, "links": links})
        county = self.catalogue.county(code if is_county(code) else self.catalogue.municipality(code).county)
        name = county.name[language] if is_county(code) else self.catalogue.municipality(code).name(language)
        return Entry(code, name, county.name[language], links)

    def _write_record(self, keys: Mapping[str, Mapping[str, str]]) -> None:
        """What was asked for and from which fits it was made; without times, so that the same run gives the same."""
        asked = json.loads(self.request.model_dump_json(exclude={*DRIVING_FIELDS, "register_path", "mapping"}))
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
        write_text(self.folder / RECORD, json.dumps(record, indent=2, ensure_ascii=False) + "\n")


def checked_parameters(root: Path, request: RunRequest) -> dict[str, Any]:
    """The parameters of a request as its templates take them; see `check_parameters`."""
    found: dict[str, Any] = {}
    for template in dict.fromkeys(template_of(root / NOTEBOOKS, code) for code in request.places):
        if not template.is_file():
            problem = Problem(str(template), "does not exist", "restore notebooks/")
            raise SetupError("The report template is missing", [problem])
        if request.parameters:
            import papermill

            found = check_parameters(papermill.inspect_notebook(str(template)), request.parameters)
    return found
