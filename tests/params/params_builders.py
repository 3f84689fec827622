"""The real params/ in a folder of its own, with something laid over it."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARAMS = ROOT / "params"
BROKEN = Path(__file__).parent / "broken"


def copy_of_params(folder: Path) -> Path:
    """A copy that a test may break."""
    return Path(shutil.copytree(PARAMS, folder / "params"))


def change(folder: Path, name: str, old: str, new: str) -> None:
    """Replace a text that has to be there, once."""
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert text.count(old) >= 1, f"{name} has no {old!r}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@dataclass(frozen=True)
class Broken:
    """A file that is wrong in one way, with a head of `#:` lines that says what is expected.

    The first line is `#: over FILE` (the rest becomes that file of params/) or `#: after FILE` (the
    rest is added to its end); the others are what is told, problem by problem. `:{2}` in them is the
    second line of the rest, wherever it comes to stand.
    """

    name: str
    mode: str
    target: str
    told: str
    content: bytes

    @staticmethod
    def read(path: Path) -> Broken:
        lines = path.read_bytes().splitlines(keepends=True)
        head = [line for line in lines if line.startswith(b"#:")]
        first, *told = [line.decode("ascii", errors="strict").removeprefix("#:").rstrip()[1:] for line in head]
        mode, target = first.split()
        return Broken(path.stem, mode, target, "\n".join(told), b"".join(lines[len(head) :]))

    def lay(self, folder: Path) -> str:
        """Lay it over a copy of params/; the problems that reading the copy has to tell."""
        path = folder / self.target
        before = path.read_bytes() if self.mode == "after" else b""
        path.write_bytes(before + self.content)
        skipped = len(before.splitlines())
        return re.sub(r":\{(\d+)\}", lambda found: f":{skipped + int(found[1])}", self.told)


def all_broken() -> list[Broken]:
    return [Broken.read(path) for path in sorted(BROKEN.iterdir())]
