"""What stands in the way of a run, or should make no difference to it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from commands import costeff
from folders import nothing_half_made

from costeff.batch import resolve, run
from costeff.batch.local import run_jobs
from costeff.batch.notebooks import Job
from costeff.errors import ExitCode, SetupError
from costeff.files import alone_in

ROOT = Path(__file__).parents[2]


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


def test_a_second_batch_is_refused_at_once_and_says_why(tmp_path):
    (tmp_path / "run").mkdir()
    with alone_in(tmp_path / "run"):
        done = costeff("run", "-m", "165", "--output", tmp_path / "run")
    assert done.returncode == ExitCode.SETUP
    assert "another run writes here" in done.stderr


@pytest.fixture
def small_disk(tmp_path):
    """A file system of three megabytes, less than the appraisals of the run take."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_stops_the_run_and_leaves_what_is_whole(catalogue, small_disk):
    codes, chains = ["165", "407", "478"], ["post_release_support"]
    request = resolve(catalogue, municipalities=codes, chains=chains, output=small_disk / "run")
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
    asked = ["-m", "165", "-m", "478", "--lang", "fi", "--lang", "sv", "--workers", "1", "--output", str(folder)]
    done = subprocess.run(
        [sys.executable, "-m", "costeff.cli", "run", *asked], cwd=ROOT, env=env, capture_output=True, text=True
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
