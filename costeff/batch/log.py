"""The log of a run: when each stage and thing was done, how long it took, and what kind of error befell it.

A line says no more than that: no path, no address of a database, and of an error its kind alone, since its text may
hold a value. The log is no part of what a run makes: nothing reads it but people and `costeff status`.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from costeff import identity
from costeff.files import SHOWN

NAME = "log.jsonl"
LEFT_OUT = "(left out)"
_PLAIN = re.compile(r"[\w .,^-]{0,120}")  # no slash, no colon, no at sign: no path and no address
_PSEUDONYM = re.compile(r"k[0-9a-f]{32}")
_RAISED = re.compile(r"(?:cell (?P<cell>\d+): )?(?P<kind>[A-Z]\w*(?:Error|Exception|Interrupt|Exit|Warning)): ")


@dataclass(frozen=True)
class Step:
    """How far a stage has come.

    Attributes
    ----------
    now
        What is being worked on, such as `165 fi`; empty when that is not known.
    """

    stage: str
    done: int
    total: int
    failed: int = 0
    now: tuple[str, ...] = ()


Told = Callable[[Step], None]


def silent(_: Step) -> None:
    """Tells nobody."""


class Log:
    """The log of one folder, appended line by line."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME

    def add(self, stage: str, what: str = "", seconds: float | None = None, error: str = "") -> None:
        """Add a line; a log that cannot be written stops no run."""
        line: dict[str, Any] = {"time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), "stage": plain(stage)}
        if what:
            line["what"] = plain(what)
        if seconds is not None:
            line["seconds"] = round(seconds, 2)
        if error:
            line["error"] = kind_of(error)
        text = json.dumps(line, ensure_ascii=False) + "\n"
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        with suppress(OSError), os.fdopen(os.open(self.path, flags, SHOWN), "rb+", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            torn = size and os.pread(file.fileno(), 1, size - 1) != b"\n"  # by a run that was killed as it wrote
            file.write(("\n" * bool(torn) + text).encode())

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """A line when the stage ends, also where an error ends it."""
        start, error = time.perf_counter(), ""
        try:
            yield
        except BaseException as problem:
            error = f"{type(problem).__name__}: "
            raise
        finally:
            self.add(stage, seconds=time.perf_counter() - start, error=error)


def plain(text: str) -> str:
    """A text that may stand in the log; anything but words, codes and ids is left out."""
    known = _PLAIN.fullmatch(text) and not identity.find(text) and not _PSEUDONYM.search(text)
    return text if known else LEFT_OUT


def kind_of(error: str) -> str:
    """What kind of error a text tells of: the name of its class, or our own words up to the first detail."""
    if raised := _RAISED.match(error):
        return raised["kind"] + (f" in cell {raised['cell']}" if raised["cell"] else "")
    return plain(re.split(r"[:(;,]", error)[0].strip())


def read_log(folder: Path) -> Iterator[dict[str, Any]]:
    """The lines of a log that are whole."""
    try:
        lines = (folder / NAME).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        with suppress(ValueError):
            told = json.loads(line)
            if isinstance(told, dict) and isinstance(told.get("stage"), str):
                yield told
