"""What a run has made so far, read from its manifest; a simulation's with the runs of its scenarios."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from costeff.batch.log import read_log
from costeff.batch.manifest import NAME, Manifest
from costeff.errors import Problem, UsageError
from costeff.files import in_use

ENDS = ("run", "simulation")  # stages of the log that are the whole


@dataclass(frozen=True)
class Status:
    """Pages that are whole, pages that failed and why, and whether a run is at work.

    Attributes
    ----------
    computed
        Scenarios by county that a simulation has computed.
    cut_short
        When the last run began, if it neither ended nor is at work; else empty.
    """

    whole: int
    failed: tuple[tuple[str, str], ...]
    seconds: float
    running: bool
    computed: int = 0
    cut_short: str = ""

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
    runs = list(_runs(folder))
    if not runs:
        problem = Problem(str(folder), f"holds no {NAME}", "give the folder of a run, as --output had it")
        raise UsageError("There is no run to show", [problem])
    found = [(path, Manifest(path)) for path in runs]
    pages = [(path, page) for path, manifest in found for page in manifest.pages()]
    failed = tuple((_name(folder, path, page.name), page.error) for path, page in pages if page.error)
    here = found[0][1].made if found[0][0] == folder else {}
    computed = sum(len(name.split()) == 3 and name.startswith("appraisal ") for name in here)
    seconds = sum(made.seconds for _, manifest in found for made in manifest.made.values())
    running = any(map(in_use, runs))
    return Status(len(pages) - len(failed), failed, seconds, running, computed, "" if running else _cut_short(folder))


def _runs(folder: Path) -> Iterator[Path]:
    """The folder itself, then those of its scenarios."""
    below = sorted(path.parent for path in folder.glob(f"*/{NAME}"))
    yield from (path for path in (folder, *below) if (path / NAME).is_file())


def _name(folder: Path, path: Path, page: str) -> str:
    name = page.removeprefix("page ")
    return name if path == folder else f"{path.name} {name}"


def _cut_short(folder: Path) -> str:
    begun = ""
    for line in read_log(folder):
        if line["stage"] == "begins":
            begun = str(line.get("time", ""))
        elif line["stage"] in ENDS and not line.get("error"):
            begun = ""
    return begun
