"""Pages made on this machine: a few threads, each driving one forked kernel at a time."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

from costeff.batch.notebooks import Done, Job, run_job
from costeff.report.warm import APPRAISAL

# What the kernels of pages have loaded before they are forked: made for one run, so never stale.
PRELOADED = "costeff.report.page costeff.params costeff.report.warm:tell_once"
SETTINGS = {
    "COSTEFF_KERNEL_PRELOAD": PRELOADED,
    "OMP_NUM_THREADS": "1",  # a kernel a worker: more threads would only get in each other's way
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


def run_jobs(jobs: Sequence[Job], workers: int) -> Generator[Done]:
    """Run every job; one that fails does not stop the others. Yields as they end.

    When it is closed early, its kernels are killed and no new one is started.
    """
    from costeff.kernels.provisioner import close_servers

    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    if jobs and isinstance(first := jobs[0].appraisal, Path):
        os.environ[APPRAISAL] = f"{first.resolve()}\n{jobs[0].municipality}"
    pool = ThreadPoolExecutor(max_workers=min(workers, max(1, len(jobs))), thread_name_prefix="page")
    waiting: set[Future[Done]] = set()
    try:
        waiting = {pool.submit(run_job, job) for job in jobs}
        while waiting:
            ended, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in ended:
                yield future.result()
    finally:
        for future in waiting:
            future.cancel()
        close_servers()
        pool.shutdown(wait=True, cancel_futures=True)
