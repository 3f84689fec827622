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


def interrupted(body, signals=(signal.SIGINT,)):
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
    for signum in signals:
        if process.poll() is None:
            process.send_signal(signum)
            time.sleep(0.1)
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
BUSY = """
    import hashlib
    print("working", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"secret", b"salt", 100_000_000)  # Python hears of nothing until it is over
"""
MAKES_AN_ERROR_OF_IT = """
    print("working", flush=True)
    try:
        time.sleep(20)
    except BaseException:
        raise ValueError("a fault of its own") from None
"""
ENDS_ALL_THE_SAME = """
    print("working", flush=True)
    try:
        time.sleep(20)
    except BaseException:
        pass
"""
IN_TEXT = """
    print("working", flush=True)
    exec("time.sleep(20)")
"""  # Python keeps in mind that an interruption went through a text, and ends by the signal after all
IN_A_CALLBACK = """
    import ctypes
    def compare(one, other):
        print("working", flush=True)
        time.sleep(20)
        return 0
    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
    ctypes.CDLL(None).qsort((ctypes.c_int * 2)(2, 1), 2, 4, kind(compare))
    time.sleep(20)
"""
BODIES = {
    "in a callback": (IN_A_CALLBACK, 1),
    "heard": (WAITS, 1),
    "swallowed": (SWALLOWS, 2),
    "within a library": (BUSY, 2),
    "made an error": (MAKES_AN_ERROR_OF_IT, 1),
    "passed over": (ENDS_ALL_THE_SAME, 1),
    "in a text": (IN_TEXT, 1),
}


@pytest.mark.parametrize(("body", "bar"), BODIES.values(), ids=BODIES)
def test_an_interrupted_command_ends_in_time_and_says_how_to_go_on_once(body, bar):
    code, seconds, err = interrupted(body)
    assert code == ExitCode.PARTIAL
    assert seconds < bar
    assert err.count("what is finished stays") == 1
    assert "Traceback" not in err


PUTS_AWAY = """
    try:
        print("working", flush=True)
        time.sleep(20)
    finally:
        time.sleep(0.5)
        print("put away", file=sys.stderr, flush=True)
"""


@pytest.mark.parametrize("signals", [[signal.SIGTERM], [signal.SIGINT] * 5, [signal.SIGINT, signal.SIGTERM]], ids=str)
def test_what_is_put_away_is_put_away_however_often_one_asks(signals):
    code, seconds, err = interrupted(PUTS_AWAY, signals)
    assert (code, err.count("put away"), err.count("what is finished stays")) == (ExitCode.PARTIAL, 1, 1)
    assert seconds < 2


def test_what_ends_in_time_is_not_stopped_afterwards():
    code, _, err = interrupted('print("working", flush=True)', [])
    assert (code, err) == (0, "")


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
