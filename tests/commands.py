"""The command as a user meets it, without the start of a Python of its own."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from costeff.cli import main

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def costeff(*words: object, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> Done:
    """`costeff WORDS` through its `main`: the same words, blocks and exit codes as those of a process."""
    out, err = io.StringIO(), io.StringIO()
    given = {"PYTHONHASHSEED": "0", **(env or {})}  # without a hash seed, main starts Python anew
    with (
        patch.dict(os.environ, given),
        patch.object(sys, "argv", ["costeff", *map(str, words)]),
        chdir(cwd),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
            code = 0
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else int(left.code is not None)
    return Done(code, out.getvalue(), err.getvalue())
