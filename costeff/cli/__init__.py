"""The command line, a module for each group of commands."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from costeff.cli.start import app

STOPPED = 130  # as shells have it

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line and leave with the exit code of what happened."""
    try:
        _same_order_everywhere()
        from costeff.cli import start

        start.main()
    except KeyboardInterrupt:  # before there was anything to stop
        sys.exit(STOPPED)


def _same_order_everywhere() -> None:
    """Start again with a fixed hash seed: the order of Python's sets moves the last digit of a posterior.

    It comes before any import that takes time, which would be paid twice.
    """
    if "PYTHONHASHSEED" not in os.environ:
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "costeff.cli", *sys.argv[1:]])


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(name)
    from costeff.cli.start import app

    return app
