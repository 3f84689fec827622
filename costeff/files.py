"""Files that are whole or absent: written aside, synced, then renamed."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from costeff.errors import Problem, SetupError


@contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """A path to write to; on success its content takes the final name, on failure nothing stays.

    Raises
    ------
    SetupError
        When the folder cannot be written or the disk is full.
    """
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield aside
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(aside, path)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        cure = "free space or choose another folder with --output"
        raise SetupError("A file could not be written", [Problem(str(path), reason, cure)]) from error
    finally:
        with suppress(OSError):  # the error above is what matters
            aside.unlink(missing_ok=True)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold a folder against a second run; the lock goes with the process, however it ends.

    Raises
    ------
    SetupError
        When another process holds it.
    """
    with (folder / ".lock").open("w") as file:
        if sys.platform != "win32":
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                problem = Problem(str(folder), "another run writes here", "wait for it, or choose another folder")
                raise SetupError("The output folder is in use", [problem]) from error
        yield


def write_bytes(path: Path, data: bytes | memoryview) -> None:
    """Write a file whole or not at all."""
    with written_aside(path) as aside:
        aside.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")
