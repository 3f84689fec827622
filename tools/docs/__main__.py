"""The documentation as a site that asks nothing of the network: `make docs`.

Pages in Markdown, the notebooks, and what is told by the catalogue and by the code come together in
build/docs_pages; Sphinx makes build/docs of them; the result is read once more. Any warning is an error.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import checks
import gathered

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Build the site; 1 when something is wrong with it."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--output", type=Path, default=ROOT / "build" / "docs", help="folder of the site")
    asked.add_argument("--as-stored", action="store_true", help="show the notebooks without running them")
    told = asked.parse_args()
    pages = told.output.with_name(told.output.name + "_pages")
    gathered.write(ROOT, pages, run=not told.as_stored)
    asked_of = ["--quiet", "--fail-on-warning", "--jobs", "auto", "-b", "html", "-c", Path(__file__).parent]
    sphinx = [sys.executable, "-m", "sphinx", *asked_of]
    if subprocess.run([*sphinx, "-d", f"{pages}_cache", pages, told.output], check=False).returncode:
        return 1
    faults = checks.faults(told.output)
    print("\n".join([*faults, f"{len(list(told.output.rglob('*.html')))} pages: open {told.output / 'index.html'}"]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
