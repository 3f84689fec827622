"""Pages made on this machine: a few threads, each driving one forked kernel at a time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from costeff.batch.notebooks import Done, Job, run_job
from costeff.report.warm import APPRAISAL

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
    settings = {name: os.environ.get(name, value) for name, value in SETTINGS.items()}
    if jobs and isinstance(first := jobs[0].appraisal, Path):
        settings[APPRAISAL] = f"{first.resolve()}\n{jobs[0].municipality}"
    with environment(settings):
        yield from _run(jobs, workers)


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
