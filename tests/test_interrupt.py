"""Ctrl-C: a command ends in time, also where the interruption came to nothing."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from costeff.cli import STOPPED
from costeff.errors import ExitCode


def interrupted(body):
    """How a command ends whose work is this, once it is interrupted in it: code, seconds, errors."""
    code = textwrap.dedent("""
        import sys, time
        from costeff.cli.interrupt import stops
        from costeff.errors import CosteffError, PartialError, Problem
        def work():
        {body}
        try:
            with stops(lambda: PartialError("Stopped", [Problem("here", "what is finished stays", "again")])):
                work()
        except CosteffError as error:
            print(error, file=sys.stderr)
            sys.exit(error.code)
    """).format(body=textwrap.indent(textwrap.dedent(body), "    "))
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )  # fmt: skip
    assert process.stdout.readline() == "working\n"
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    return process.returncode, time.monotonic() - began, err


WAITS = """
    print("working", flush=True)
    time.sleep(20)
"""
SWALLOWS = """
    print("working", flush=True)
    try:
        time.sleep(20)
    except BaseException:
        time.sleep(20)
"""


@pytest.mark.parametrize(("body", "bar"), [(WAITS, 1), (SWALLOWS, 2)], ids=["heard", "swallowed"])
def test_an_interrupted_command_ends_in_time_and_says_how_to_go_on_once(body, bar):
    code, seconds, err = interrupted(body)
    assert code == ExitCode.PARTIAL
    assert seconds < bar
    assert err.count("what is finished stays") == 1
    assert "Traceback" not in err


@pytest.mark.parametrize("after", [0.05, 0.15, 0.4, 0.8])
def test_a_command_that_is_only_starting_ends_without_a_traceback(tmp_path, after):
    process = subprocess.Popen(
        [sys.executable, "-c", "print('here', flush=True); from costeff.cli import main; main()",
         "run", "-m", "165", "--output", str(tmp_path / "run")],
        env={**os.environ, "PYTHONHASHSEED": "0"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    process.stdout.readline()
    time.sleep(after)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert "Traceback" not in err
    assert process.returncode in {STOPPED, -signal.SIGINT, ExitCode.PARTIAL}
