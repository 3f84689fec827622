"""What every page shares: its templates, its style sheet, and links that stay within the folder of pages."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from costeff.errors import Problem, UsageError

TEMPLATES = Path(__file__).with_name("template")


@lru_cache(maxsize=1)
def style() -> str:
    """The style sheet, without comments and indentation."""
    lines = (TEMPLATES / "style.css").read_text(encoding="utf-8").splitlines()
    return "\n".join(line.strip() for line in lines if line.strip() and not line.strip().startswith("/*"))


def relative(addresses: Iterable[str]) -> None:
    """Refuse addresses that lead out of the folder of pages."""
    for address in addresses:
        if "://" in address or address.startswith(("/", "\\", "data:", "javascript:")) or ".." in address.split("/"):
            problem = Problem(f"link {address}", "leads out of the folder of pages", "give a name relative to the page")
            raise UsageError("A page links within its own folder only", [problem])
