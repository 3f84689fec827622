"""The command line, a module for each group of commands."""

from costeff.cli.start import app, main

__all__ = ["app", "main"]
