"""Shared by all tests: the catalogue, and one cache of fits for the whole session."""

from pathlib import Path

import pytest

from costeff.params import Catalogue

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The project's own parameters."""
    return Catalogue.load(ROOT / "params")


@pytest.fixture(scope="session")
def fits_cache() -> Path:
    """Fits are cached by content, so that the suite samples each model once."""
    return ROOT / ".cache" / "costeff"
