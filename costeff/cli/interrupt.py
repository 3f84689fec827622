"""Ctrl-C: a command stops within two seconds, whatever it is doing."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from costeff.errors import CosteffError

GRACE = 1.5  # seconds in which a command ends by itself


@contextmanager
def stops(told: Callable[[], CosteffError]) -> Iterator[None]:
    """Ctrl-C ends what is within with this error: by itself, or at once when the time is over.

    An interruption comes to nothing in a callback, or in a library that takes it for a fault of its own; and a disk
    that is busy holds the end of a run. Leaving at once is what a kill is, and loses nothing.
    """
    ending = threading.Event()

    def leave() -> None:
        error = told()
        if not ending.is_set():
            print(str(error), file=sys.stderr, flush=True)
        os._exit(int(error.code))

    def interrupted(signum: int, frame: FrameType | None) -> None:
        watch = threading.Timer(GRACE, leave)
        watch.daemon = True
        watch.start()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupted)
    try:
        yield
    except KeyboardInterrupt:
        ending.set()
        raise told() from None
    finally:
        signal.signal(signal.SIGINT, before)
