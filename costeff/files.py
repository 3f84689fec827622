"""Files that are whole or absent: written aside, synced, then renamed; and names that stay in their folder."""

from __future__ import annotations

import os
import sys
import unicodedata
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from costeff.errors import Problem, SetupError, UsageError

FOLDER, SHOWN, INSIDE = 0o750, 0o640, 0o600  # a mask of the user's own makes them narrower, never wider
LONGEST = 200  # bytes of a name: file systems take 255, and writing aside needs some of them
_RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in "123456789")}
_FORBIDDEN = set('<>:"/\\|?*')


@contextmanager
def written_aside(path: Path, mode: int = SHOWN) -> Iterator[Path]:
    """A path to write to; on success its content takes the final name, on failure nothing stays.

    Parameters
    ----------
    mode
        Who may read it, from its first byte on: `SHOWN` for pages and tables, `INSIDE` for what models keep.

    Raises
    ------
    SetupError
        When the folder cannot be written or the disk is full.
    """
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        make_folder(path.parent)
        os.close(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
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
        When another process holds it, or the lock is a link to elsewhere.
    """
    try:
        lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), INSIDE)
    except OSError as error:
        cure = "make the folder writable and remove .lock from it, or copy it to a place that is"
        problem = Problem(str(folder), f"its lock cannot be used ({error.strerror})", cure)
        raise SetupError("The folder of the run cannot be used", [problem]) from error
    try:
        if sys.platform != "win32":
            import fcntl

            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                problem = Problem(str(folder), "another run writes here", "wait for it, or choose another folder")
                raise SetupError("The output folder is in use", [problem]) from error
        yield
    finally:
        os.close(lock)


def in_use(folder: Path) -> bool:
    """Whether a process holds the folder; nothing is written, and nobody is kept from it."""
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        lock = os.open(folder / ".lock", os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def make_folder(folder: Path) -> None:
    """A folder and those above it that are missing, closed to strangers; one that exists keeps its mode."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=FOLDER, exist_ok=True)
    if not missing:
        folder.mkdir(exist_ok=True)  # says what is wrong where a file stands in its place


def within(folder: Path, name: str) -> Path:
    """The path of a file named by data or by a user, in this folder and nowhere else.

    A name is one plain part of a path: no way up, no absolute path, no drive, no
    device, no stream, no character that shows as nothing or as another one.

    Raises
    ------
    UsageError
        For any other name, and where a link in the folder leads out of it. The name
        itself is not told: it may be what should not be seen.
    """
    if rule := _unfit(name):
        raise UsageError("A name cannot be that of a file", [Problem(f"a name in {folder.name}", rule, CURE)])
    path = folder / name
    if path.resolve().parent != folder.resolve():
        problem = Problem(f"a name in {folder.name}", "is a link that leads out of the folder", "remove the link")
        raise UsageError("A file would be written elsewhere", [problem])
    return path


CURE = "use letters, digits, dots, hyphens and underscores, at most 200 bytes"


def _unfit(name: str) -> str:
    """Which rule a name breaks; empty when it is fit."""
    if not isinstance(name, str) or not name.strip(". "):
        return "is empty or leads to another folder"
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return "is not text"
    if size > LONGEST:
        return f"is longer than {LONGEST} bytes"
    if name != unicodedata.normalize("NFC", name) or any(unicodedata.category(c)[0] == "C" for c in name):
        return "holds a character that cannot be seen, or is not in its composed form"
    folded = unicodedata.normalize("NFKC", name)
    if any(c in _FORBIDDEN or (unicodedata.category(c)[0] == "Z" and c != " ") for c in folded) or ".." in folded:
        return "holds a character that separates folders or means something to the system"
    if name[0] in " .-~" or name[-1] in " .":
        return "begins or ends with a space, a dot, a hyphen or a tilde"
    if folded.split(".")[0].strip().upper() in _RESERVED:
        return "is the name of a device on some systems"
    return ""


def write_bytes(path: Path, data: bytes | memoryview, mode: int = INSIDE) -> None:
    """Write a file whole or not at all; bytes are what models keep, readable by their owner alone."""
    with written_aside(path, mode) as aside:
        aside.write_bytes(data)


def write_text(path: Path, text: str, mode: int = SHOWN) -> None:
    """Write a text file whole or not at all."""
    with written_aside(path, mode) as aside:
        aside.write_text(text, encoding="utf-8")
