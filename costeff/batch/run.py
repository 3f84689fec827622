"""One run from request to index: fits for the country, appraisals, notebooks, pages."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
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
from costeff.batch.request import RunRequest, check_parameters
from costeff.errors import Problem, SetupError
from costeff.files import alone_in, write_text
from costeff.params import Catalogue
from costeff.spec import project_root

TEMPLATE = "90_municipal_report.ipynb"

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
    appraisals = request.output / "appraisals"
    with _timed(outcome, "appraisals"):
        for number, code in enumerate(write_appraisals(appraisals, catalogue, request, prepared), start=1):
            tell("appraisals", number, len(request.municipalities), code)
    with _timed(outcome, "reports"):
        jobs = _jobs(request, template, appraisals, parameters)
        os.environ["COSTEFF_HOME"] = str(root)  # kernels start elsewhere and find the catalogue through it
        for number, done in enumerate(run_jobs(jobs, request.workers), start=1):
            outcome.pages += not done.error
            if done.error:
                outcome.failed.append(done)
                with suppress(OSError):  # an older page would pass for this run's
                    done.job.page.unlink()
            tell("reports", number, len(jobs), f"{done.job.municipality} {done.job.language}")
    with _timed(outcome, "index"):
        outcome.indexes = _write_indexes(catalogue, request, outcome)
    _write_record(request, outcome, prepared)
    return outcome


def _prepare(catalogue: Catalogue, request: RunRequest, cache: Path, tell: Told, outcome: Outcome) -> dict[str, Fits]:
    """Fits of every chain asked for."""
    chains = [catalogue.entry("chains", name) for name in request.chains]
    register = None
    if any(chain.outcome.data == "register" for chain in chains):
        path = request.register_path or synthetic_register(catalogue, request.seed, cache)
        register = open_checked(path, catalogue)
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


def _jobs(request: RunRequest, template: Path, appraisals: Path, parameters: dict[str, Any]) -> list[Job]:
    return [
        Job(
            municipality=code,
            language=language,
            languages=request.languages,
            template=template,
            notebook=request.output / "notebooks" / f"{code}.{language}.ipynb",
            page=request.output / f"{code}.{language}.html",
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
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = Problem(str(folder), f"cannot be made ({error.strerror})", "choose another folder with --output")
        raise SetupError("The output folder cannot be used", [problem]) from error
    if not os.access(folder, os.W_OK):
        problem = Problem(str(folder), "cannot be written", "choose another folder with --output")
        raise SetupError("The output folder cannot be used", [problem])


def _write_indexes(catalogue: Catalogue, request: RunRequest, outcome: Outcome) -> list[Path]:
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
        written.append(write_index(request.output, entries, language, indexes=indexes))
    first = written[0].read_text(encoding="utf-8")
    write_text(request.output / "index.html", first)
    return [request.output / "index.html", *written]


def _write_record(request: RunRequest, outcome: Outcome, prepared: dict[str, Fits]) -> None:
    record = {
        "version": __version__,
        "request": json.loads(request.model_dump_json(exclude={"output", "register_path"})),
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
