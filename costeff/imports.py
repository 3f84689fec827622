"""What a library imports and nobody here needs."""

from __future__ import annotations

import sys

GRAMMAR = "rfc3987_syntax"


def skip_slow_grammar() -> None:
    """Keep jsonschema, which nbformat imports, from building a grammar of web addresses: seconds at every start.

    It is for a format that no notebook is checked for; jsonschema goes on without it.
    """
    sys.modules.setdefault(GRAMMAR, None)  # type: ignore[arg-type]  # None makes its import fail
