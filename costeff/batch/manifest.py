"""What a run has made: one line of JSON for each thing, written and synced when it is whole.

The last line of a name counts. A line that was cut off by a crash is left out: what it told of is made again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from costeff.files import SHOWN, write_text

NAME = "manifest.jsonl"
PAGE_WORDS = 3  # page, place, language


@dataclass(frozen=True)
class Made:
    """One thing that was made, or that failed.

    Attributes
    ----------
    name
        `appraisal 165`, `page 165 fi`.
    parts
        What it was made from: name of the part -> hash.
    reads
        Entries of the catalogue that were read: `group id` -> hash.
    files
        What was written: path within the run -> hash of the content.
    error
        Why it failed; empty when it is whole.
    entry
        What else is known of it: of a page, how it stands in the list of pages; of an appraisal, the hash of its
        content; of fits, their models and which of them failed their diagnostics.
    """

    name: str
    parts: Mapping[str, str]
    reads: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    error: str = ""
    seconds: float = 0.0
    seed: int = 0
    version: str = ""
    entry: Mapping[str, Any] = field(default_factory=dict)


class Manifest:
    """The things of one run by name."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self.made = {made.name: made for made in _read(self.path)}
        self._cut = self.path.is_file() and not self.path.read_bytes().endswith(b"\n")

    def compact(self) -> None:
        """Write each name once; done at the start of a run, alone in the folder."""
        if self.made:
            write_text(self.path, "".join(_line(made) for made in self.made.values()))

    def add(self, made: Made) -> None:
        """Note a thing that is whole, or failed; on disk when this returns."""
        self.made[made.name] = made
        cut = self._cut
        self._cut = False
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        with os.fdopen(os.open(self.path, flags, SHOWN), "a", encoding="utf-8") as file:
            file.write("\n" * cut + _line(made))
            file.flush()
            os.fsync(file.fileno())

    def pages(self) -> list[Made]:
        """Pages of places: the matrix of a simulation is none."""
        return [
            made for name, made in self.made.items() if name.startswith("page ") and len(name.split()) == PAGE_WORDS
        ]


_MADE = TypeAdapter(Made)


def _line(made: Made) -> str:
    return json.dumps(asdict(made), ensure_ascii=False, sort_keys=True) + "\n"


def _read(path: Path) -> Iterator[Made]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return
    for line in lines:
        try:
            yield _MADE.validate_json(line, strict=True)
        except ValidationError:  # cut off, or of another version
            continue
