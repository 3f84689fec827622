"""What each page of a site carries: style, script, and the policy under which nothing else runs."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from markupsafe import Markup

from costeff.report.looks import TEMPLATES, style


@lru_cache(maxsize=1)
def style_text() -> Markup:
    """The style sheet of the pages and what a site adds to it."""
    own = (TEMPLATES / "site" / "site.css").read_text(encoding="utf-8").splitlines()
    kept = (line.strip() for line in own if line.strip() and not line.strip().startswith("/*"))
    return Markup("\n".join([style(), *kept]))


@lru_cache(maxsize=1)
def script_text() -> Markup:
    """The script that searches, filters and sorts."""
    return Markup((TEMPLATES / "site" / "site.js").read_text(encoding="utf-8").strip())


def policy(script: bool) -> str:
    """Nothing is fetched; of script and style runs what has the very hash."""
    allowed: Sequence[tuple[str, Markup]] = [
        ("style-src", style_text()),
        *([("script-src", script_text())] if script else []),
    ]
    hashes = " ".join(f"{kind} '{_hash(text)}';" for kind, text in allowed)
    return f"default-src 'none'; {hashes} img-src data:; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@lru_cache(maxsize=16)
def template_of(name: str) -> Any:
    """The template of a page."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(TEMPLATES)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined).get_template(f"site/{name}.html.j2")
