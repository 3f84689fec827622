"""Pages made on a Dask cluster: the same jobs, shipped with what they read, so that no disk has to be shared."""

from __future__ import annotations

import asyncio
import atexit
import io
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from costeff.batch.notebooks import Done, Job, run_job
from costeff.errors import Problem, SetupError, UsageError
from costeff.report.warm import SETTINGS
from costeff.spec import Spec, project_root, read_spec

if TYPE_CHECKING:
    from distributed import Client

    from costeff.batch.request import RunRequest

PATIENCE = 15.0  # seconds to wait for a scheduler, or for its first worker
AHEAD = 2  # jobs under way for each thread of a worker: enough to keep it busy, few enough to ship
RETRIES = 3  # when the worker is lost; a page that fails is not tried again


class ClusterSpec(Spec):
    """A cluster to be started for one run, by dask-jobqueue or on this machine.

    `options` are those of the cluster's class, such as queue, cores, memory and walltime.
    """

    kind: Literal["local", "slurm", "pbs", "lsf", "htcondor", "sge", "oar"]
    workers: int = Field(default=2, ge=1, le=256)
    options: dict[str, Any] = Field(default_factory=dict)


def read_cluster(path: Path) -> ClusterSpec:
    """The cluster that a YAML file describes.

    Raises
    ------
    UsageError
        With every problem of the file.
    """
    return read_spec(ClusterSpec, path, UsageError, "The cluster cannot be read")


def reached(request: RunRequest) -> None:
    """Ask the scheduler, or start the cluster without workers: what does not answer is told before hours of fits.

    Raises
    ------
    SetupError
        With what does not answer or start.
    """
    with _place(request) as place, _client(place):
        pass


def on_cluster(request: RunRequest) -> Callable[[Iterable[Job], int], Generator[Done]]:
    """A runner on the workers of a scheduler that is there already, or of a cluster that is started for the run."""

    def run_jobs(jobs: Iterable[Job], _: int) -> Generator[Done]:
        with _place(request) as place:
            if request.cluster:
                place.scale(read_cluster(request.cluster).workers)
            with _client(place) as client:
                _await_worker(client, _told(place))
                yield from _stream(client, jobs)

    return run_jobs


@contextmanager
def _place(request: RunRequest) -> Generator[Any]:
    """Where a client finds the workers: an address, or a cluster that ends with this."""
    if request.scheduler:
        yield request.scheduler
    else:
        assert request.cluster is not None
        with _started(read_cluster(request.cluster)) as cluster:
            yield cluster


@contextmanager
def _started(spec: ClusterSpec) -> Generator[Any]:
    try:
        if spec.kind == "local":
            from distributed import LocalCluster

            cluster = LocalCluster(n_workers=0, dashboard_address=None, **{"threads_per_worker": 1, **spec.options})  # type: ignore[no-untyped-call]
        else:
            import dask_jobqueue

            kinds = {"slurm": "SLURM", "htcondor": "HTCondor"}
            kind = getattr(dask_jobqueue, f"{kinds.get(spec.kind, spec.kind.upper())}Cluster")
            cluster = kind(**spec.options)
    except ImportError as error:
        problem = Problem(spec.kind, "needs the package dask-jobqueue, which is not installed", "pip install it")
        raise SetupError("The cluster cannot be started", [problem]) from error
    except (TypeError, ValueError, OSError) as error:
        problem = Problem(spec.kind, f"does not start: {error}", "correct the options in the cluster's file")
        raise SetupError("The cluster cannot be started", [problem]) from error
    with cluster:
        yield cluster


@contextmanager
def _client(place: Any) -> Generator[Client]:
    from distributed import Client

    try:
        if isinstance(place, str):
            asyncio.run(asyncio.wait_for(_greeted(place), PATIENCE))
        client = Client(place, timeout=PATIENCE, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TimeoutError) as error:
        problem = Problem(_told(place), "does not answer", "check that dask scheduler runs there, and its address")
        raise SetupError("The scheduler cannot be reached", [problem]) from error
    with client:
        yield client


async def _greeted(address: str) -> None:
    """Exchange greetings: a client waits for them without end where another service listens and says nothing."""
    from distributed.comm.core import connect

    comm = await connect(address, timeout=PATIENCE)  # type: ignore[no-untyped-call]
    await comm.close()


def _await_worker(client: Client, told: str) -> None:
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError as error:
        problem = Problem(told, "has no worker", "start dask worker processes for it")
        raise SetupError("The scheduler has nobody to work", [problem]) from error


def _told(place: Any) -> str:
    return place if isinstance(place, str) else "the cluster"


def _stream(client: Client, jobs: Iterable[Job]) -> Generator[Done]:
    """Keep a few jobs under way for each worker; a lost worker's jobs go to another."""
    from distributed import as_completed

    left, home = iter(jobs), _packed(project_root() / "params")
    first = [_submitted(client, job, home) for _, job in zip(range(AHEAD * _threads(client)), left, strict=False)]
    under_way = as_completed([future for future, _ in first], loop=client.loop)  # type: ignore[no-untyped-call]
    of = dict(first)
    for future in under_way:
        job = of.pop(future)
        yield _result(future, job)
        if (following := next(left, None)) is not None:
            future, job = _submitted(client, following, home)
            of[future] = job
            under_way.add(future)  # type: ignore[no-untyped-call]


def _threads(client: Client) -> int:
    return sum(client.nthreads().values()) or 1  # type: ignore[no-untyped-call]


def _submitted(client: Client, job: Job, home: bytes) -> tuple[Any, Job]:
    assert isinstance(job.template, Path)
    assert isinstance(job.appraisal, Path)
    whole = replace(job, template=job.template.read_bytes(), appraisal=job.appraisal.read_bytes(), sockets="")
    return client.submit(run_here, whole, home, key=f"costeff {job.name} {id(job)}", pure=False, retries=RETRIES), job


def _result(future: Any, job: Job) -> Done:
    from distributed import KilledWorker
    from distributed.client import FutureCancelledError

    try:
        done: Done = future.result()
    except KilledWorker:
        return Done(job, 0.0, "every worker that tried it died: out of memory?")
    except FutureCancelledError:
        return Done(job, 0.0, "the scheduler went away")
    return replace(done, job=job)  # without the content it was shipped with


def run_here(job: Job, home: bytes) -> Done:
    """A job on a worker, which forks its kernels as the local runner does, and reads the params/ that came with it."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    os.environ["COSTEFF_HOME"] = str(_unpacked(home))  # the same for every job of a run
    return run_job(job)


def _packed(params: Path) -> bytes:
    """The files of params/, with the same bytes for the same content."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in params.rglob("*") if path.is_file()):
            name = zipfile.ZipInfo(f"params/{path.relative_to(params).as_posix()}")
            archive.writestr(name, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


@lru_cache(maxsize=1)
def _unpacked(home: bytes) -> Path:
    """A folder of this process alone that holds params/; it goes with the process."""
    folder = tempfile.mkdtemp(prefix="costeff-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with zipfile.ZipFile(io.BytesIO(home)) as archive:
        archive.extractall(folder)
    return Path(folder)
