"""What a person sees while a run works, and when it ends."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from costeff.batch.log import Step
from costeff.cli import run as cli_run
from costeff.cli.progress import (
    by_reason,
    counted,
    counts_of,
    due_lines,
    duration,
    failed_error,
    progress,
    same_command,
)
from costeff.errors import ExitCode, PartialError


def shown(steps, *, terminal, **env):
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=160, _environ=env)
    with progress(console) as tell:
        for step in steps:
            tell(step)
    return out.getvalue()


STEPS = [Step("reports", done, 40, failed=int(done >= 20), now=("165 fi", "091 sv")[: 40 - done]) for done in range(41)]


def test_without_a_terminal_there_is_a_line_each_tenth(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    lines = shown([Step("models", 0, 2), Step("models", 2, 2), *STEPS], terminal=False).splitlines()
    assert len(lines) == 11
    assert lines[0] == "models: 2 of 2 done"
    assert lines[1].startswith("reports: 4 of 40 done, 2 running, 34 left")
    assert lines[-1].startswith("reports: 39 of 40 done, 1 failed")


def test_on_a_terminal_it_is_one_display_and_in_ci_lines(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    lively = shown([Step("models", 1, 2, now=("a_chain",)), *STEPS[:30]], terminal=True, TERM="xterm")
    assert "\x1b[" in lively
    for told in ("models", "reports", "done", "running", "1 failed", "left", "165 fi"):
        assert told in lively
    monkeypatch.setenv("CI", "true")
    assert "\x1b[" not in shown(STEPS, terminal=True, TERM="xterm")


def test_a_stage_with_nothing_to_do_is_no_fault():
    assert shown([Step("scenarios", 0, 0)], terminal=False) == ""
    assert counts_of(Step("scenarios", 0, 0)) == "0 of 0 done"


def test_done_failed_running_and_left_add_up():
    for step in STEPS:
        numbers = [int(part.split()[0]) for part in counts_of(step).split(", ")]
        assert sum(numbers) == step.total


@pytest.mark.parametrize(("seconds", "told"), [(3.2, "3 s"), (89, "89 s"), (600, "10 min"), (7200, "2.0 h")])
def test_durations(seconds, told):
    assert duration(seconds) == told


def test_what_failed_is_grouped_with_the_command_that_makes_it_again():
    failed = [(f"{code} fi", "its kernel died") for code in range(165, 180)] + [("091 sv", "KeyError")]
    told = str(failed_error(failed, "costeff run -m 165"))
    assert told.startswith("16 pages failed, the others are complete")
    assert "15 pages (165 fi, 166 fi" in told
    assert "and 7 more): its kernel died" in told
    assert "1 page (091 sv): KeyError" in told
    assert told.count("costeff run -m 165") == 1
    assert by_reason(failed)["KeyError"] == ["091 sv"]
    assert list(due_lines([("165 fi", "new")], "page", "make")) == ["1 page to make: new\n  165 fi"]
    assert counted(2) == "2 pages"


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("postgresql://me:pass@word@host/db", "postgresql://me:***@host/db"),
        ("postgresql://host/db?user=me&password=secret&x=1", "password=***&x=1"),
        ("my folder", "'my folder'"),
        ("postgresql://me@host/db", "me@host/db"),
    ],
)
def test_the_same_command_is_told_without_a_password(word, told):
    command = same_command(["run", "-m", "091", "--register", word])
    assert command.startswith("costeff run -m 091 --register ")
    assert told in command
    assert "secret" not in command
    assert "pass@word" not in command


def test_the_summary_of_a_run_tells_what_was_made_and_what_failed(capsys):
    job = SimpleNamespace(short="165 fi")
    outcome = SimpleNamespace(
        pages=3, standing=1, seconds={"data": 1.0}, unfit={}, indexes=["index.html"],
        failed=[SimpleNamespace(job=job, error="its kernel died")],
    )  # fmt: skip
    with pytest.raises(PartialError, match="1 page failed") as caught:
        cli_run._told(outcome)
    assert caught.value.code == ExitCode.PARTIAL
    assert "3 reports made, 1 stood already" in capsys.readouterr().out
