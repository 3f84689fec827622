"""The log of a run tells what was done and what kind of error befell it, and nothing of clients or of the machine."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from costeff.batch.log import LEFT_OUT, NAME, Log, kind_of, plain, read_log
from costeff.disclosure.scan import scan
from costeff.identity import artificial

ROOT = Path(__file__).parents[2]
CODE = artificial(1, np.random.default_rng(8))[0]
CANARY = "canary-word"


def test_a_run_logs_its_stages_and_pages_closed_to_strangers(made):
    output = made[0].output
    lines = list(read_log(output))
    stages = [line["stage"] for line in lines]
    assert stages[0] == "begins"
    assert stages[-1] == "run"
    assert {"data", "fits", "appraisals", "reports", "index"} <= set(stages)
    assert {line["what"] for line in lines if line["stage"] == "page"} == {"165 fi", "165 sv", "478 fi", "478 sv"}
    assert all(line["seconds"] >= 0 for line in lines if line["stage"] in ("page", "run"))
    assert not any("error" in line for line in lines)
    assert stat.S_IMODE((output / NAME).stat().st_mode) & ~0o640 == 0
    text = (output / NAME).read_text()
    assert str(ROOT) not in text
    assert str(output) not in text


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (f"cell 3: KeyError: {CANARY}", "KeyError in cell 3"),
        (f"DataError: {CANARY}", "DataError"),
        ("a cell took longer than 300 s; give more with --timeout", "a cell took longer than 300 s"),
        ("a file could not be written (No space left on device)", "a file could not be written"),
        ("held back: it holds an identity code (text)", "held back"),
        (f"/home/{CANARY}/x", LEFT_OUT),
        (f"{CODE}", LEFT_OUT),
    ],
)
def test_of_an_error_its_kind_alone(error, kind):
    assert kind_of(error) == kind


@pytest.mark.parametrize("text", ["/home/a", "C:\\a", "postgresql://u:p@h/d", CODE, "x" * 500, "a\nb", "a@b"])
def test_what_is_no_plain_word_is_left_out(text):
    assert plain(text) == LEFT_OUT


def test_a_torn_line_is_passed_over_and_the_next_is_whole(tmp_path):
    log = Log(tmp_path)
    log.add("page", "165 fi", 1.0)
    with (tmp_path / NAME).open("ab") as file:
        file.write(b'{"time": "2026-01-01T00:00:00Z", "stage": "pa')  # killed here
    Log(tmp_path).add("page", "478 fi", 2.0)
    assert [line["what"] for line in read_log(tmp_path)] == ["165 fi", "478 fi"]
    (tmp_path / NAME).write_bytes(b'\xff\xfe\n[1]\n{"stage": 3}\n')
    assert list(read_log(tmp_path)) == []


def test_a_log_that_cannot_be_written_stops_nothing_and_a_link_is_not_followed(tmp_path):
    Log(tmp_path / "nowhere").add("page")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("kept")
    (tmp_path / NAME).symlink_to(elsewhere)
    Log(tmp_path).add("page")
    assert elsewhere.read_text() == "kept"


def test_a_stage_that_fails_says_of_what_kind(tmp_path):
    with pytest.raises(ZeroDivisionError), Log(tmp_path).timed("fits"):
        raise ZeroDivisionError(CANARY)
    (line,) = read_log(tmp_path)
    assert (line["stage"], line["error"]) == ("fits", "ZeroDivisionError")
    assert CANARY not in (tmp_path / NAME).read_text()


def test_a_register_that_fails_leaves_no_path_password_or_code_in_the_log(tmp_path):
    output = tmp_path / "run"
    folder = tmp_path / CANARY
    folder.mkdir()
    (folder / "clients.csv").write_text(f"client,municipality,risk_group\n{CODE},165,{CANARY}\n")
    for register, code in ((str(folder), 4), (f"postgresql://user:{CANARY}@127.0.0.1:1/none", 2)):
        words = ["run", "-m", "165", "--register", register, "-o", str(output)]
        env = {**os.environ, "PYTHONHASHSEED": "0"}
        done = subprocess.run(
            [sys.executable, "-m", "costeff.cli", *words], cwd=ROOT, env=env, capture_output=True, text=True
        )
        assert done.returncode == code
        assert CODE not in done.stdout + done.stderr
    text = (output / NAME).read_text()
    assert CANARY not in text
    assert str(tmp_path) not in text
    assert [line.get("error") for line in read_log(output) if line["stage"] == "run"] == ["DataError", "UsageError"]
    assert scan(output) == []
