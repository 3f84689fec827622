"""Pages made on this machine: a few threads, each driving one forked kernel at a time."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Event, Thread

from costeff.batch.notebooks import Done, Job, run_job
from costeff.report.warm import settings


def run_jobs(jobs: Iterable[Job], workers: int) -> Generator[Done]:
    """Run every job; one that fails does not stop the others. Yields as they end.

    Jobs may come one by one, as what they need is made: those that came are under way meanwhile.

    When it is closed early, its kernels are killed and no new one is started. Its threads are not waited for:
    they write nothing.
    """
    with environment(settings()):
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


def _run(jobs: Iterable[Job], workers: int) -> Generator[Done]:
    from costeff.kernels.server import close_servers

    waiting, ended, over = SimpleQueue[Job | None](), SimpleQueue[Done](), Event()

    def work() -> None:
        while (job := waiting.get()) is not None and not over.is_set():
            ended.put(run_job(job))

    under_way = threads = 0
    try:
        for job in jobs:
            waiting.put(job)
            under_way += 1
            if threads < workers:
                Thread(target=work, daemon=True, name="page").start()
                threads += 1
            while not ended.empty():
                yield ended.get()
                under_way -= 1
        for _ in range(under_way):
            yield ended.get()
    finally:
        over.set()
        for _ in range(threads):
            waiting.put(None)
        close_servers()
