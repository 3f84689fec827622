"""A run that is killed or stopped: the same command goes on, and nothing is half-made."""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from folders import nothing_half_made

from costeff.batch.country import data_for, fit_chain
from costeff.batch.manifest import Manifest
from costeff.errors import ExitCode

ROOT = Path(__file__).parents[2]
CODES = ("165", "478", "407")
CHAIN = "post_release_support"


@pytest.fixture(scope="module", autouse=True)
def _fitted(catalogue, fits_cache):
    """The fit is at hand: what is waited for is the run, and not the model."""
    chain, seed = catalogue.chains[CHAIN], catalogue.conventions.seed
    assert fit_chain(chain, catalogue, data_for(chain, catalogue, None), seed, fits_cache).passed


def command(folder):
    """A run of one chain: what a kill leaves is the same for all."""
    codes = [word for code in CODES for word in ("-m", code)]
    return [sys.executable, "-m", "costeff.cli", "run", *codes, "--chain", CHAIN, "--output", str(folder)]


def start(folder):
    env = {**os.environ, "PYTHONHASHSEED": "0", "COSTEFF_HOME": str(ROOT), "RUN_OF_TEST": str(folder)}
    return subprocess.Popen(
        command(folder), cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip


def family(folder):
    """Processes of a run by what they were given: the run, its fork server, its kernels."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                continue
            told = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in told and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found


def until(holds, seconds):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def pages(folder):
    return {page.name: page.stat().st_mtime_ns for page in folder.glob("[0-9]*.html")}


def killed_at(folder, moment):
    """Start the run, kill its whole group at a moment, and say what it had finished."""
    batch = start(folder)
    try:
        moment(batch)
        with suppress(ProcessLookupError):  # it was over by itself
            os.killpg(batch.pid, signal.SIGKILL)
        batch.wait()
        until(lambda: not family(folder), 20)
    finally:
        for pid in family(folder):
            os.kill(pid, signal.SIGKILL)
    nothing_half_made(folder)
    noted = {made.name for made in Manifest(folder).pages() if not made.error} if folder.exists() else set()
    return noted, pages(folder)


def goes_on(folder, noted, before):
    """The same command ends well, makes no finished page again, and leaves nothing behind."""
    done = subprocess.run(
        command(folder), cwd=ROOT, capture_output=True, text=True, env={**os.environ, "PYTHONHASHSEED": "0"}
    )
    assert done.returncode == 0, done.stderr
    after = pages(folder)
    assert set(after) == {f"{code}.fi.html" for code in CODES}
    for name in noted:
        page = f"{name.split()[1]}.fi.html"
        assert after[page] == before[page]
    left = [path for path in folder.rglob(".*") if path.name != ".lock"]
    assert left == []


PHASES = {
    "before anything": lambda batch, folder: time.sleep(0.3),
    "first appraisal": lambda batch, folder: until(lambda: list((folder / "appraisals").glob("[0-9]*.nc")), 120),
    "first page": lambda batch, folder: until(lambda: list(folder.glob("[0-9]*.html")), 120),
}
SLOW = ("before anything", "first appraisal")


@pytest.mark.parametrize("phase", [pytest.param(p, marks=pytest.mark.slow if p in SLOW else ()) for p in PHASES])
def test_a_killed_run_goes_on_with_the_same_command(tmp_path, phase):
    folder = tmp_path / "run"
    noted, before = killed_at(folder, lambda batch: PHASES[phase](batch, folder))
    goes_on(folder, noted, before)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Seconds of a run that nobody disturbs."""
    began = time.monotonic()
    goes_on(tmp_path_factory.mktemp("whole") / "run", set(), {})
    return time.monotonic() - began


@pytest.mark.slow
@pytest.mark.parametrize("number", range(50))
def test_a_run_killed_at_any_moment_goes_on(tmp_path, number, whole):
    wait = random.Random(number).uniform(0, whole)
    while not disturbed(tmp_path / f"{wait:.3f}", wait):
        wait *= 0.8  # this run was quicker


def disturbed(folder, wait):
    """Kill a run in its course, if it is not over by then, and see that it goes on."""
    in_time = []

    def moment(batch):
        with suppress(subprocess.TimeoutExpired):
            batch.wait(wait)
        in_time.append(batch.poll() is None)

    killed = killed_at(folder, moment)
    if in_time == [True]:
        goes_on(folder, *killed)
    return in_time == [True]


def test_ctrl_c_stops_in_two_seconds_and_says_how_to_go_on(tmp_path):
    folder = tmp_path / "run"
    batch = start(folder)
    until(lambda: len(family(folder)) >= 3, 120)  # itself, the fork server, and a kernel
    began = time.monotonic()
    os.killpg(batch.pid, signal.SIGINT)
    out, err = batch.communicate(timeout=20)
    assert time.monotonic() - began < 2.5
    assert batch.returncode == ExitCode.PARTIAL, out + err
    assert "the same command goes on" in err
    assert "Traceback" not in err
    until(lambda: not family(folder), 5)
    nothing_half_made(folder)
