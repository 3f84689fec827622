"""What a run has made so far, read from its manifest; a simulation's with the runs of its scenarios."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from costeff.batch.log import read_log
from costeff.batch.manifest import NAME, Manifest
from costeff.errors import Problem, UsageError
from costeff.files import in_use

ENDS = ("run", "simulation")  # stages of the log that are the whole
ASKED = "scenarios"  # of a simulation's manifest: the scenarios that it has now
MATRIX = "page matrix"
SCENARIO_WORDS = 3  # appraisal, scenario, county


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
    here = Manifest(folder).made
    asked = here[ASKED].entry.get("scenarios") if ASKED in here else None
    runs = list(_runs(folder, asked))
    if not runs:
        problem = Problem(str(folder), f"holds no {NAME}", "give the folder of a run, as --output had it")
        raise UsageError("There is no run to show", [problem])
    found = [(path, Manifest(path)) for path in runs]
    pages = [(path, page) for path, manifest in found for page in manifest.pages()]
    failed = tuple((_name(folder, path, page.name), page.error) for path, page in pages if page.error)
    if MATRIX in here and here[MATRIX].error:
        failed = (("the matrix", here[MATRIX].error), *failed)
    parts = (name.split() for name in here if name.startswith("appraisal "))
    computed = sum(len(part) == SCENARIO_WORDS and (asked is None or part[1] in asked) for part in parts)
    seconds = sum(made.seconds for _, manifest in found for made in manifest.made.values())
    running = any(map(in_use, runs))
    whole = sum(not page.error for _, page in pages)
    return Status(whole, failed, seconds, running, computed, "" if running else _cut_short(folder))


def _runs(folder: Path, asked: Sequence[str] | None) -> Iterator[Path]:
    """The folder itself, then those of its scenarios; of a simulation only of those it has now."""
    below = sorted(path.parent for path in folder.glob(f"*/{NAME}") if asked is None or path.parent.name in asked)
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
