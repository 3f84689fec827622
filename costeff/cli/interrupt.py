"""Ctrl-C, and the end that a scheduler asks for: a command stops within two seconds, whatever it is doing."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from costeff.errors import CosteffError

GRACE = 1.5  # seconds in which a command ends by itself
HEARD = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stops(told: Callable[[], CosteffError]) -> Iterator[None]:
    """An interruption ends what is within with this error: by itself, or at once when the time is over.

    It comes to nothing in a callback, or in a library that takes it for a fault of its own; Python hears it only
    between two of its own steps; and a disk that is busy holds the end of a run. So a thread counts the seconds from
    the signal itself. Leaving at once is what a kill is, and loses nothing. Further interruptions change nothing:
    they would cut short what puts a run away.
    """
    leaving = threading.Lock()
    interrupted = False

    def leave() -> NoReturn:
        error = told()
        if leaving.acquire(blocking=False):
            sys.stdout.flush()
            print(str(error), file=sys.stderr, flush=True)
        else:
            time.sleep(0.1)  # it is being told
        os._exit(int(error.code))  # what would be done at the end of Python takes its time, and changes the exit code

    def interrupt(signum: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        if not interrupted:
            interrupted = True
            sys.unraisablehook = lambda _: leave()  # it came to nothing in a callback, and would be shown
            raise KeyboardInterrupt

    try:
        with _counted(leave):
            before = {signum: signal.signal(signum, interrupt) for signum in HEARD}
            try:
                yield
            finally:
                if interrupted:  # whatever was made of it within
                    leave()
                for signum, handler in before.items():
                    signal.signal(signum, handler or signal.SIG_DFL)
    except KeyboardInterrupt:
        leave()


@contextmanager
def _counted(leave: Callable[[], NoReturn]) -> Iterator[None]:
    """Leave some time after one of the signals, unless what is within has ended without it."""
    hears, speaks = os.pipe()
    os.set_blocking(speaks, False)

    def watch() -> None:
        while signum := os.read(hears, 1):
            if signum[0] in HEARD:
                time.sleep(GRACE)
                leave()
        os.close(hears)

    threading.Thread(target=watch, daemon=True, name="interruptions").start()
    earlier = signal.set_wakeup_fd(speaks, warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(earlier)
        os.close(speaks)
