"""A run that is killed, starved or in the way of another: the same command goes on, and nothing is half-made."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from costeff.batch import resolve, run
from costeff.batch.local import run_jobs
from costeff.batch.manifest import Manifest
from costeff.batch.notebooks import Job
from costeff.errors import ExitCode, SetupError
from costeff.files import alone_in

ROOT = Path(__file__).parents[2]
CODES = ("165", "478", "407")


def command(folder, *more):
    codes = [word for code in CODES for word in ("-m", code)]
    return [sys.executable, "-m", "costeff.cli", "run", *codes, "--output", str(folder), *more]


def start(folder, *more):
    env = {**os.environ, "PYTHONHASHSEED": "0", "COSTEFF_HOME": str(ROOT)}
    return subprocess.Popen(
        command(folder, *more), cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip


def family(folder):
    """Processes of a run by what they have open or were given: the run, its fork server, its kernels."""
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


def nothing_half_made(folder):
    """Every page there is is whole; what is aside lies in hidden places that the next run clears."""
    for page in folder.glob("*.html"):
        assert page.read_text(encoding="utf-8").rstrip().endswith("</html>")
    for notebook in (folder / "notebooks").glob("[!.]*"):
        nbformat.read(notebook, 4)


def killed_at(folder, moment):
    """Start the run, kill its whole group at a moment, and say what it had finished."""
    batch = start(folder)
    try:
        moment(batch)
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
def test_a_killed_run_goes_on_with_the_same_command(made, tmp_path, phase):
    folder = tmp_path / "run"
    noted, before = killed_at(folder, lambda batch: PHASES[phase](batch, folder))
    goes_on(folder, noted, before)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(50))
def test_a_run_killed_at_any_moment_goes_on(made, tmp_path, number):
    folder = tmp_path / "run"
    wait = random.Random(number).uniform(0, 25)  # a run takes about so long

    def moment(batch):
        end = time.monotonic() + wait
        while time.monotonic() < end and batch.poll() is None:
            time.sleep(0.01)
        if batch.poll() is not None:
            pytest.skip("the run had ended")

    goes_on(folder, *killed_at(folder, moment))


def test_ctrl_c_stops_in_two_seconds_and_says_how_to_go_on(made, tmp_path):
    folder = tmp_path / "run"
    batch = start(folder)
    until(lambda: len(family(folder)) >= 3, 120)  # itself, the fork server, and a kernel
    began = time.monotonic()
    os.killpg(batch.pid, signal.SIGINT)
    out, err = batch.communicate(timeout=20)
    assert time.monotonic() - began < 2.5
    assert batch.returncode == ExitCode.PARTIAL, out + err
    assert "run the same command again" in err
    assert "Traceback" not in err
    until(lambda: not family(folder), 5)
    nothing_half_made(folder)


def template_with(tmp_path, code, source):
    cells = [nbformat.v4.new_code_cell("municipality = '165'", metadata={"tags": ["parameters"]})]
    book = nbformat.v4.new_notebook(cells=[*cells, nbformat.v4.new_code_cell(source)])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = tmp_path / f"{code}.ipynb"
    nbformat.write(book, path)
    return path


BAD = {
    "001": ("while True: pass", "took longer than 3 s"),
    "002": ("import os; os.kill(os.getpid(), 9)", "its kernel died"),
    "003": ("import os; os._exit(0)", "its kernel died"),
    "004": ("raise MemoryError('secret')", "MemoryError: its text is not kept"),
    "005": (
        "import resource\nresource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))\nx = bytearray(2**33)",
        "MemoryError",
    ),
}


def test_bad_pages_are_told_and_the_others_are_made(made, tmp_path):
    good = made[0].output / "appraisals" / "165.nc"
    jobs = [
        Job(code, "fi", ("fi",), template_with(tmp_path, code, source), good, timeout=3)
        for code, (source, _) in BAD.items()
    ]
    jobs.insert(2, Job("165", "fi", ("fi",), ROOT / "notebooks" / "90_municipal_report.ipynb", good))
    ended = {done.job.municipality: done.error for done in run_jobs(jobs, 2)}
    assert ended.pop("165") == ""
    assert {code: BAD[code][1] in error for code, error in ended.items()} == dict.fromkeys(BAD, True), ended
    assert "secret" not in str(ended)


def test_a_second_batch_is_refused_at_once_and_says_why(made, tmp_path):
    (tmp_path / "run").mkdir()
    with alone_in(tmp_path / "run"):
        done = subprocess.run(command(tmp_path / "run"), cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == ExitCode.SETUP
    assert "another run writes here" in done.stderr


@pytest.fixture
def small_disk(tmp_path):
    """A file system of four megabytes."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_stops_the_run_and_leaves_what_is_whole(made, catalogue, small_disk):
    request = resolve(catalogue, municipalities=CODES, output=small_disk / "run")
    with pytest.raises(SetupError, match=r"No space left|nothing more can be written"):
        run(catalogue, request, root=ROOT)
    nothing_half_made(small_disk / "run")


def test_a_folder_that_cannot_be_written_is_told_before_anything(catalogue, tmp_path):
    (tmp_path / "file").write_text("in the way")
    request = resolve(catalogue, municipalities=["165"], output=tmp_path / "file" / "run")
    with pytest.raises(SetupError, match="cannot be made"):
        run(catalogue, request, root=ROOT)


def test_two_folders_two_places_one_or_two_workers_give_the_same_bytes(made, tmp_path):
    """Another folder, time zone, locale and number of workers than the shared run."""
    folder = tmp_path / "a rather longer folder name with spaces" / "run"
    env = {**os.environ, "PYTHONHASHSEED": "0", "TZ": "Asia/Tokyo", "LC_ALL": "C", "LANG": "C"}
    words = ["-m", "165", "-m", "478", "--lang", "fi", "--lang", "sv", "--workers", "1", "--output", str(folder)]
    done = subprocess.run(
        [sys.executable, "-m", "costeff.cli", "run", *words], cwd=ROOT, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    first = made[0].output
    names = {path.name for path in first.glob("*.html")} | {"run.json"}
    assert {path.name for path in folder.glob("*.html")} | {"run.json"} == names
    for name in names:
        assert (folder / name).read_bytes() == (first / name).read_bytes(), name
    one, other = (json.loads((run_folder / "release.json").read_text()) for run_folder in (first, folder))
    public = [[output for output in told["outputs"] if output["label"] == "public"] for told in (one, other)]
    assert public[0] == public[1]
    shutil.rmtree(folder)
