"""One run from request to index: fits for the country, appraisals, notebooks, pages."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from costeff import __version__
from costeff.batch.country import (
    Fits,
    cache_folder,
    data_for,
    fit_chain,
    fit_costs,
    open_checked,
    synthetic_register,
    write_appraisals,
)
from costeff.batch.notebooks import Done, Job, run_jobs
from costeff.batch.release import told_counts
from costeff.batch.request import RunRequest, check_parameters
from costeff.disclosure.record import Release
from costeff.errors import Problem, SetupError
from costeff.files import alone_in, make_folder, within, write_text
from costeff.params import Catalogue
from costeff.spec import project_root

TEMPLATE = "90_municipal_report.ipynb"
ASIDE = ".aside"  # where pages lie until they are scanned and recorded

# What a run tells while it works: the stage, how much of it is done, how much there is, and a note.
Told = Callable[[str, int, int, str], None]


@dataclass
class Outcome:
    """What a run made, what failed, and how long each stage took."""

    output: Path
    pages: int = 0
    failed: list[Done] = field(default_factory=list)
    indexes: list[Path] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    cached_fits: int = 0
    unfit: dict[str, list[str]] = field(default_factory=dict)  # chain -> its models that failed their diagnostics


def run(catalogue: Catalogue, request: RunRequest, tell: Told = lambda *_: None, root: Path | None = None) -> Outcome:
    """Make the pages of a request.

    Raises
    ------
    SetupError
        When the output folder cannot be written.
    DataError, ParamsError, ModelError
        When data, parameters or a model do not hold, before any page is made.
    """
    root = root or project_root()
    template = root / "notebooks" / TEMPLATE
    parameters = _checked_parameters(template, request)
    _writable(request.output)
    with alone_in(request.output):
        return _run(catalogue, request, tell, root, template, parameters)


def _run(
    catalogue: Catalogue, request: RunRequest, tell: Told, root: Path, template: Path, parameters: dict[str, Any]
) -> Outcome:
    outcome = Outcome(request.output)
    for old in request.output.glob("index*.html"):  # a list of an earlier run would contradict this one
        old.unlink()
    with _timed(outcome, "data and fits"):
        prepared = _prepare(catalogue, request, cache_folder(root), tell, outcome)
        told = told_counts(prepared, catalogue, request.output)
    appraisals = request.output / "appraisals"
    with _timed(outcome, "appraisals"):
        for number, code in enumerate(write_appraisals(appraisals, catalogue, request, prepared, told), start=1):
            tell("appraisals", number, len(request.municipalities), code)
    release, aside = Release(request.output, told), _fresh(request.output / ASIDE)
    try:
        with _timed(outcome, "reports"):
            jobs = _jobs(request, template, appraisals, aside, parameters)
            os.environ["COSTEFF_HOME"] = str(root)  # kernels start elsewhere and find the catalogue through it
            for number, ended in enumerate(run_jobs(jobs, request.workers), start=1):
                done = _released(release, ended)
                outcome.pages += not done.error
                if done.error:
                    outcome.failed.append(done)
                    with suppress(OSError):  # an older page would pass for this run's
                        (request.output / done.job.page.name).unlink()
                tell("reports", number, len(jobs), f"{done.job.municipality} {done.job.language}")
        with _timed(outcome, "index"):
            outcome.indexes = _write_indexes(catalogue, request, outcome, release, aside)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    _write_record(request, outcome, prepared)
    return outcome


def _fresh(folder: Path) -> Path:
    """An empty folder for pages that are not released yet; what a killed run left in it is gone."""
    shutil.rmtree(folder, ignore_errors=True)
    make_folder(folder)
    return folder


def _released(release: Release, done: Done) -> Done:
    """A page that was made, given its place, or the reason why it has none."""
    if done.error:
        return done
    notebook = release.offer(done.job.notebook, f"notebooks/{done.job.notebook.name}", "inside")
    try:
        page = release.offer(done.job.page, done.job.page.name, "public")
    except OSError as error:
        return replace(done, error=f"a file could not be written ({error.strerror or type(error).__name__})")
    if page.passed and notebook.passed:
        return done
    kinds = ", ".join(dict.fromkeys([*page.found, *notebook.found]))
    return replace(done, error=f"held back: it holds an identity code ({kinds})")


def _prepare(catalogue: Catalogue, request: RunRequest, cache: Path, tell: Told, outcome: Outcome) -> dict[str, Fits]:
    """Fits of every chain asked for."""
    chains = [catalogue.entry("chains", name) for name in request.chains]
    register = None
    if any(chain.outcome.data == "register" for chain in chains):
        path = request.register_path or synthetic_register(catalogue, request.seed, cache)
        register = open_checked(path, catalogue, request.mapping)
    prepared = {}
    for number, chain in enumerate(chains):
        tell("models", number, len(chains), chain.id)
        data = data_for(chain, catalogue, register)
        fits = Fits(
            fit_chain(chain, catalogue, data, request.seed, cache, evidence=request.evidence),
            fit_costs(chain, catalogue, data, request.seed, cache),
        )
        outcome.cached_fits += sum(each.cached for each in fits.named.values())
        if fits.failed:
            outcome.unfit[chain.id] = fits.failed
        prepared[chain.id] = fits
    tell("models", len(chains), len(chains), "")
    return prepared


def _jobs(request: RunRequest, template: Path, appraisals: Path, aside: Path, parameters: dict[str, Any]) -> list[Job]:
    return [
        Job(
            municipality=code,
            language=language,
            languages=request.languages,
            template=template,
            notebook=within(request.output / "notebooks", f"{code}.{language}.ipynb"),
            page=within(aside, f"{code}.{language}.html"),
            parameters={
                **parameters,
                "municipality": code,
                "language": language,
                "appraisal": str((appraisals / f"{code}.nc").resolve()),
            },
        )
        for code in request.municipalities
        for language in request.languages
    ]


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
        make_folder(folder)
    except OSError as error:
        problem = Problem(str(folder), f"cannot be made ({error.strerror})", "choose another folder with --output")
        raise SetupError("The output folder cannot be used", [problem]) from error
    if not os.access(folder, os.W_OK):
        problem = Problem(str(folder), "cannot be written", "choose another folder with --output")
        raise SetupError("The output folder cannot be used", [problem])


def _write_indexes(
    catalogue: Catalogue, request: RunRequest, outcome: Outcome, release: Release, aside: Path
) -> list[Path]:
    """A list of municipalities in each language, and index.html in the first."""
    from costeff.report.page import open_page
    from costeff.report.site import Entry, entry, write_index

    failed = {(done.job.municipality, done.job.language) for done in outcome.failed}
    indexes: dict[str, str] = {language: f"index.{language}.html" for language in request.languages}
    written = []
    for language in request.languages:
        entries = []
        for code in request.municipalities:
            links: dict[str, str] = {
                lang: f"{code}.{lang}.html" for lang in request.languages if (code, lang) not in failed
            }
            if links:
                page = open_page(request.output / "appraisals" / f"{code}.nc", code, language, catalogue)
                entries.append(entry(page, links))
            else:
                place = catalogue.municipality(code)
                county = catalogue.county(place.county).name[language]
                entries.append(Entry(code, place.name(language), county, {}))
        written.append(write_index(aside, entries, language, indexes=indexes))
    write_text(aside / "index.html", written[0].read_text(encoding="utf-8"))
    made = [aside / "index.html", *written]
    return [request.output / one.name for one in made if release.offer(one, one.name, "public").passed]


def _write_record(request: RunRequest, outcome: Outcome, prepared: dict[str, Fits]) -> None:
    record = {
        "version": __version__,
        "request": json.loads(request.model_dump_json(exclude={"output", "register_path", "mapping"})),
        "fits": {
            f"{chain} {what}": {"model": each.model, "hash": each.hash, "passed": each.passed}
            for chain, fits in prepared.items()
            for what, each in fits.named.items()
        },
        "pages": outcome.pages,
        "failed": [
            {"municipality": d.job.municipality, "language": d.job.language, "error": d.error} for d in outcome.failed
        ],
        "seconds": {stage: round(seconds, 1) for stage, seconds in outcome.seconds.items()},
    }
    write_text(request.output / "run.json", json.dumps(record, indent=2, ensure_ascii=False) + "\n")


class _timed:  # noqa: N801  (used as a statement)
    def __init__(self, outcome: Outcome, stage: str) -> None:
        self.outcome, self.stage = outcome, stage

    def __enter__(self) -> None:
        self.start = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.outcome.seconds[self.stage] = time.perf_counter() - self.start
