"""A file is whole or absent, and what the machine refuses is told as a setup error."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from costeff.errors import ExitCode, SetupError, UsageError
from costeff.files import alone_in, within, write_bytes, write_text, written_aside


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_text_is_written_whole_with_its_folders(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "page.html"
    write_text(path, "Älä hävitä\n")
    assert path.read_bytes() == "Älä hävitä\n".encode()
    assert names(path.parent) == ["page.html"]


def test_a_file_takes_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    with written_aside(path) as aside:
        aside.write_text("half")
        assert not path.exists()
        assert aside.parent == path.parent  # renaming is only whole within one file system
    assert path.read_text() == "half"
    assert names(tmp_path) == ["page.html"]


def half_written(path: Path, failure: BaseException) -> None:
    with written_aside(path) as aside:
        aside.write_text("after, but ha")
        raise failure


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        half_written(tmp_path / "page.html", KeyError("the writer failed"))
    assert names(tmp_path) == []


def test_a_failure_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write_text(path, "before")
    with pytest.raises(KeyboardInterrupt):
        half_written(path, KeyboardInterrupt())
    assert path.read_text() == "before"
    assert names(tmp_path) == ["page.html"]


def test_writing_again_replaces_the_file(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write_text(path, "before")
    write_text(path, "after")
    assert path.read_text() == "after"


def test_who_reads_while_a_file_is_replaced_reads_the_old_one_whole(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write_text(path, "before")
    with path.open() as reading:
        write_text(path, "after")
        assert reading.read() == "before"


def test_two_writers_of_one_file_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    with written_aside(path) as first, written_aside(path) as second:
        first.write_text("one")
        second.write_text("two")
    assert path.read_text() in ("one", "two")
    assert names(tmp_path) == ["page.html"]


def test_a_path_under_a_regular_file_is_a_setup_error(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("not a folder")
    with pytest.raises(SetupError) as caught:
        write_text(tmp_path / "runs" / "page.html", "text")
    (problem,) = caught.value.problems
    assert problem.place == str(tmp_path / "runs" / "page.html")
    assert problem.cure == "free space or choose another folder with --output"
    assert caught.value.code is ExitCode.SETUP
    assert names(tmp_path) == ["runs"]


def test_a_path_deeper_under_a_regular_file_is_a_setup_error(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("not a folder")
    with pytest.raises(SetupError, match="Not a directory"):
        write_text(tmp_path / "runs" / "a" / "page.html", "text")


def test_a_name_that_is_too_long_is_a_setup_error(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="File name too long"):
        write_text(tmp_path / ("x" * 300), "text")


def test_a_name_taken_by_a_folder_is_a_setup_error_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "page.html").mkdir()
    with pytest.raises(SetupError, match="Is a directory"):
        write_text(tmp_path / "page.html", "text")
    assert names(tmp_path) == ["page.html"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_a_setup_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(SetupError, match="Permission denied"):
            write_text(tmp_path / "page.html", "text")
    finally:
        tmp_path.chmod(0o700)
    assert names(tmp_path) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_a_setup_error_and_leaves_nothing(tmp_path: Path) -> None:
    def fill(path: Path) -> None:
        with written_aside(path) as aside:
            aside.write_text("the half that had room")
            Path("/dev/full").write_text("the other half")

    with pytest.raises(SetupError, match="No space left on device"):
        fill(tmp_path / "page.html")
    assert names(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are POSIX")
def test_a_write_cut_short_by_the_system_leaves_nothing(tmp_path: Path) -> None:
    """A real write that fails half-way: the system allows files of 4 kB only."""
    program = (
        "import resource, signal, sys; from pathlib import Path; from costeff.files import write_text\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "write_text(Path(sys.argv[1]) / 'page.html', 'x' * 1_000_000)\n"
    )
    done = subprocess.run([sys.executable, "-B", "-c", program, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode != 0
    assert "SetupError" in done.stderr
    assert "File too large" in done.stderr
    assert names(tmp_path) == []


def test_what_is_written_is_closed_to_strangers_and_what_models_keep_to_all_others(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_text(tmp_path / "run" / "pages" / "a.html", "x")
        write_bytes(tmp_path / "run" / "a.nc", b"x")
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert modes == {"run": 0o750, "pages": 0o750, "a.html": 0o640, "a.nc": 0o600}


@pytest.mark.parametrize("name", ["165.fi.html", "Äänekoski.csv", "a b.nc", "a.b.c", "001", "x" * 200])
def test_a_plain_name_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    assert within(tmp_path, name) == tmp_path / name


HOSTILE = [
    "", ".", "..", "...", " ", "../a", "a/../../b", "/etc/passwd", "a/b", "a\\b", "..\\a", "C:a", "C:\\a",
    "\\\\host\\a", "a\0b", "a\nb", "\x1b[2J", "x" * 201, "x" * 300, "ä" * 150, "CON", "nul", "com1.html",
    "a:stream", "a|b", "a?b", "a*b", "<a>", '"a"', ".hidden", "~root", "-rf", "a.", "a ", " a",
    "a\u202egnp.exe", "a\u200bb", "LPT9.x.y", "ＣＯＮ", "\ufeffa", "a\u2028b",
    "a\u0308", "．．", "a／b", "a＼b", "‥", "\ud800", "a\u00adb", "con .txt", "…/a",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_hostile_name_is_refused_and_not_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be that of a file") as caught:
        within(tmp_path, name)
    assert len(name) < 3 or name not in str(caught.value)


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "a.html").symlink_to(tmp_path / "elsewhere.html")
    with pytest.raises(UsageError, match="leads out"):
        within(folder, "a.html")


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious.txt"
    precious.write_text("kept")
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / ".lock").symlink_to(precious)
    with pytest.raises(SetupError, match="cannot be used"), alone_in(folder):
        pass
    assert precious.read_text() == "kept"


def test_nothing_in_the_package_runs_what_it_reads() -> None:
    """No pickle, no eval, no YAML that makes objects."""
    unsafe = re.compile(
        r"^\s*(?:import|from) (?:pickle|marshal|shelve|dill|joblib|cloudpickle)\b|\b(?:read_pickle|to_pickle)\("
        r"|(?<![\w.])(?:eval|exec)\(|yaml\.(?:load|full_load|unsafe_load|load_all)\(|allow_pickle=True",
        re.MULTILINE,
    )
    package = Path(__file__).parents[1] / "costeff"
    found = [path.name for path in package.rglob("*.py") if unsafe.search(path.read_text(encoding="utf-8"))]
    assert found == []
