"""Notebooks run by papermill in worker processes: each page is whole at its final name, or absent."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait as wait_for
from pathlib import Path
from typing import Any

from costeff.errors import CosteffError
from costeff.files import SHOWN, make_folder

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Job:
    """One page: a municipality in one language."""

    municipality: str
    language: str
    languages: tuple[str, ...]  # in which this page is made
    template: Path
    notebook: Path
    page: Path
    parameters: dict[str, Any]


@dataclass(frozen=True)
class Done:
    """How one page ended; `error` is empty when it is complete."""

    job: Job
    seconds: float
    error: str = ""


def run_jobs(jobs: Sequence[Job], workers: int) -> Iterator[Done]:
    """Run every job; one that fails does not stop the others. Yields as they end."""
    for name in ONE_THREAD:  # a kernel a worker: threads would only get in each other's way
        os.environ.setdefault(name, "1")
    pool = ProcessPoolExecutor(
        max_workers=min(workers, max(1, len(jobs))), mp_context=get_context("spawn"), initializer=_end_with_the_batch
    )
    waiting: dict[Future[Done], Job] = {}
    try:
        waiting = {pool.submit(run_job, job): job for job in jobs}
        while waiting:
            ended, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in ended:
                yield _result(future, waiting.pop(future))
    finally:
        pool.shutdown(wait=not waiting, cancel_futures=True)


def _end_with_the_batch() -> None:
    """A worker whose batch was killed ends too, and its kernel with it."""
    parent = parent_process()
    assert parent is not None  # workers have one

    def watch() -> None:
        wait_for([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _result(future: Future[Done], job: Job) -> Done:
    try:
        return future.result()
    except BrokenProcessPool:
        return Done(job, 0.0, "the worker process died (out of memory?); run with --workers 1")


def run_job(job: Job) -> Done:
    """Execute the template for one page and render it."""
    started = time.perf_counter()
    try:
        executed = _execute(job)
        if not executed:
            _render(job)
    except OSError as error:  # its own text would carry a path of this machine into the record
        executed = f"a file could not be written ({error.strerror or type(error).__name__})"
    except Exception as error:  # whatever befell this page, the others are made
        executed = f"{type(error).__name__}: {_told(type(error).__name__, str(error))}"
    return Done(job, time.perf_counter() - started, executed)


def _execute(job: Job) -> str:
    """Run the notebook; the answer is empty when it ran to its end, else the reason.

    A failed notebook is not kept: its traceback holds values.
    """
    import papermill
    from papermill.exceptions import PapermillExecutionError

    from costeff.batch.engine import ENGINE, register_engine

    register_engine()
    make_folder(job.notebook.parent)
    aside = job.notebook.with_name(f".{os.getpid()}.{job.notebook.name}")  # papermill wants the ending .ipynb
    try:
        notebook = papermill.execute_notebook(
            job.template,
            aside,
            job.parameters,
            engine_name=ENGINE,
            kernel_name="python3",
            progress_bar=False,
            log_output=False,
        )
        told = notebook.metadata.get("papermill", {})
        if told.get("exception") or not told.get("end_time"):
            return "the notebook did not run to its end"
        aside.chmod(SHOWN)
        os.replace(aside, job.notebook)
    except PapermillExecutionError as error:
        return f"cell {error.exec_count}: {error.ename}: {_told(error.ename, str(error.evalue or ''))}"
    finally:
        aside.unlink(missing_ok=True)
    return ""


def _told(name: str, text: str) -> str:
    """The first line of an error of ours; those of others tell the value they choked on."""
    ours = {kind.__name__ for kind in CosteffError.__subclasses__()}
    return (text.splitlines() or [""])[0] if name in ours else "its text is not kept: it may hold a value"


def _render(job: Job) -> None:
    from costeff.report.render import render

    page = job.page.name.removesuffix(f"{job.language}.html")
    alternates = {language: f"{page}{language}.html" for language in job.languages}
    render(job.notebook, job.page, job.language, alternates=alternates, index=f"index.{job.language}.html")
