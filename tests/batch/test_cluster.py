"""A real scheduler with two worker processes: the same pages as at home, also when one of them is killed."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from costeff.batch import resolve, run
from costeff.batch.cluster import _packed, read_cluster
from costeff.errors import SetupError, UsageError

ROOT = Path(__file__).parents[2]
CODES = ["165", "478", "407", "091", "837", "049"]
LIGHT = ["post_release_support"]  # for what does not depend on the chain


@pytest.fixture
def cluster(tmp_path):
    """Address of a scheduler, and its worker processes, in sessions of their own."""
    env = {k: v for k, v in os.environ.items() if k != "COSTEFF_HOME"} | {"DASK_LOGGING__DISTRIBUTED": "warning"}
    port = _free_port()
    started = []

    def start(*words):
        command = [sys.executable, "-m", "distributed.cli." + words[0], *map(str, words[1:])]
        log = (tmp_path / f"{words[0]}-{len(started)}.log").open("w")
        process = subprocess.Popen(command, cwd=tmp_path, env=env, stdout=log, stderr=log, start_new_session=True)
        started.append(process)
        return process

    address = f"tcp://127.0.0.1:{port}"
    start("dask_scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard")
    workers = [
        start(
            "dask_worker",
            address,
            "--nthreads",
            1,
            "--no-dashboard",
            "--no-nanny",
            "--local-directory",
            tmp_path / f"w{n}",
        )
        for n in range(2)
    ]
    yield address, workers
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.mark.slow
def test_pages_from_a_cluster_are_those_from_home(made, catalogue, cluster, tmp_path):
    address, _ = cluster
    request = resolve(
        catalogue, municipalities=["165", "478"], languages=["fi", "sv"], output=tmp_path / "run", scheduler=address
    )
    outcome = run(catalogue, request, root=ROOT)
    assert (outcome.pages, outcome.failed) == (4, [])
    for page in made[0].output.glob("*.html"):
        assert (tmp_path / "run" / page.name).read_bytes() == page.read_bytes()


@pytest.mark.slow
def test_the_loss_of_a_worker_is_survived(made, catalogue, cluster, tmp_path):
    address, workers = cluster
    request = resolve(catalogue, municipalities=CODES, output=tmp_path / "run", scheduler=address)
    killed = []

    def tell(step):
        if step.stage == "reports" and not killed:
            os.killpg(workers[0].pid, signal.SIGKILL)
            killed.append(True)

    outcome = run(catalogue, request, tell, ROOT)
    assert killed
    assert (outcome.pages, outcome.failed) == (len(CODES), [])


def test_a_scheduler_that_is_not_there_is_told_before_any_fit(catalogue, tmp_path, monkeypatch):
    monkeypatch.setattr("costeff.batch.cluster.PATIENCE", 1.0)
    nobody = f"tcp://127.0.0.1:{_free_port()}"
    request = resolve(catalogue, municipalities=["165"], chains=LIGHT, output=tmp_path, scheduler=nobody)
    steps = []
    with pytest.raises(SetupError, match="does not answer"):
        run(catalogue, request, steps.append, ROOT)
    assert not steps
    assert not list(tmp_path.glob("*.html"))


def test_a_cluster_is_read_strictly(tmp_path):
    file = tmp_path / "cluster.yaml"
    file.write_text("kind: slurm\nworkers: 4\noptions: {queue: small, cores: 2, memory: 8GB, walltime: '00:30:00'}\n")
    assert read_cluster(file).options["walltime"] == "00:30:00"
    file.write_text("kind: slrm\nworker: 4\n")
    with pytest.raises(UsageError) as told:
        read_cluster(file)
    assert len(told.value.problems) == 2


def test_another_service_that_listens_and_says_nothing_is_not_waited_for(catalogue, tmp_path, monkeypatch):
    monkeypatch.setattr("costeff.batch.cluster.PATIENCE", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        request = resolve(catalogue, municipalities=["165"], chains=LIGHT, output=tmp_path, scheduler=address)
        began = time.monotonic()
        with pytest.raises(SetupError, match="does not answer"):
            run(catalogue, request, root=ROOT)
    assert time.monotonic() - began < 10


def test_a_kind_of_cluster_that_is_not_installed_says_what_to_install(catalogue, tmp_path):
    pytest.importorskip("distributed")
    if _installed("dask_jobqueue"):
        pytest.skip("dask-jobqueue is installed here")
    file = tmp_path / "cluster.yaml"
    file.write_text("kind: slurm\n")
    request = resolve(catalogue, municipalities=["165"], chains=LIGHT, output=tmp_path / "run", cluster=file)
    steps = []
    with pytest.raises(SetupError, match="dask-jobqueue"):
        run(catalogue, request, steps.append, ROOT)
    assert not steps, "it is told before any fit"


def _installed(name):
    from importlib.util import find_spec

    return find_spec(name) is not None


def test_what_is_shipped_has_the_same_bytes_each_time(tmp_path):
    first = _packed(ROOT / "params")
    time.sleep(1.1)
    assert _packed(ROOT / "params") == first
