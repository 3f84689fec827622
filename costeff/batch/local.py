"""Pages made on this machine: a few threads, each driving one forked kernel at a time."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from costeff.batch.notebooks import Done, Job, run_job

# What the kernels of pages have loaded before they are forked: made for one run, so never stale.
PRELOADED = ("numpy", "xarray", "costeff.report.page", "costeff.params", "costeff.report.warm:make_ready")
SETTINGS = {
    "OMP_NUM_THREADS": "1",  # a kernel a worker: more threads would only get in each other's way
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


def run_jobs(jobs: Sequence[Job], workers: int) -> Generator[Done]:
    """Run every job; one that fails does not stop the others. Yields as they end.

    When it is closed early, its kernels are killed and no new one is started. Its threads are not waited for:
    they write nothing.
    """
    with environment(_settings()):
        yield from _run(jobs, workers)


@contextmanager
def kernels_ahead(home: Path) -> Iterator[None]:
    """The process that kernels are forked from loads its libraries while other work is done."""
    from costeff.kernels.provisioner import FORKS, CannotForkError, close_servers, server_for

    def load() -> None:
        with suppress(CannotForkError, OSError):  # whoever asks for a kernel meets it again, and says so
            server_for(sys.executable, PRELOADED, {**os.environ, **_settings(), "COSTEFF_HOME": str(home)})

    if FORKS:
        Thread(target=load, daemon=True, name="kernels").start()
    try:
        yield
    finally:
        close_servers()


def _settings() -> dict[str, str]:
    return {name: os.environ.get(name, value) for name, value in SETTINGS.items()}


@contextmanager
def environment(settings: Mapping[str, str]) -> Iterator[None]:
    """Variables that the kernels of a run start with, and nobody after them."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _run(jobs: Sequence[Job], workers: int) -> Generator[Done]:
    from costeff.kernels.provisioner import close_servers

    waiting, ended = deque(jobs), SimpleQueue[Done]()

    def work() -> None:
        with suppress(IndexError):
            while True:
                ended.put(run_job(waiting.popleft()))

    for _ in range(min(workers, len(jobs))):
        Thread(target=work, daemon=True, name="page").start()
    try:
        for _ in jobs:
            yield ended.get()
    finally:
        waiting.clear()
        close_servers()
