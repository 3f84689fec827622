"""What a run has made so far, read from its manifest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from costeff.batch.manifest import NAME, Manifest
from costeff.errors import Problem, SetupError, UsageError
from costeff.files import alone_in


@dataclass(frozen=True)
class Status:
    """Pages that are whole, pages that failed and why, and whether a run is at work."""

    whole: int
    failed: tuple[tuple[str, str], ...]
    seconds: float
    running: bool

    @property
    def failed_count(self) -> int:
        return len(self.failed)


def read_status(folder: Path) -> Status:
    """The state of a run.

    Raises
    ------
    UsageError
        When the folder holds no run.
    """
    if not (folder / NAME).is_file():
        problem = Problem(str(folder), f"holds no {NAME}", "give the folder of a run, as --output had it")
        raise UsageError("There is no run to show", [problem])
    pages = Manifest(folder).pages()
    failed = tuple((made.name.removeprefix("page "), made.error) for made in pages if made.error)
    return Status(len(pages) - len(failed), failed, sum(made.seconds for made in pages), _at_work(folder))


def _at_work(folder: Path) -> bool:
    try:
        with alone_in(folder):
            return False
    except (SetupError, OSError):
        return True
