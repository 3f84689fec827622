"""Shared by all tests: the catalogue, one cache of fits for the whole session, and one browser."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import Browser
from page_checks import missing

from costeff.params import Catalogue

ROOT = Path(__file__).parents[1]
TESTS = ROOT / "tests"


def pytest_configure() -> None:
    """Ctrl-C is heard in every test and command, also where a shell began the session in the background, deaf to it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The notebooks come first, whose fits of the whole country all others read; what is short ends the session."""
    items.sort(key=lambda item: _turn(item.path.relative_to(TESTS)))


def _turn(file: Path) -> int:
    if file.name == "test_notebooks.py":
        return 0
    in_a_folder = len(file.parts) > 1
    return (2 if file.parts[0] == "batch" else 1) if in_a_folder else 3


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The project's own parameters."""
    return Catalogue.load(ROOT / "params")


@pytest.fixture(scope="session")
def fits_cache() -> Path:
    """Fits are cached by content, so that the suite samples each model once."""
    return ROOT / ".cache" / "costeff"


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One Chromium for all tests that open pages; without it they are skipped, and say so."""
    if lacks := missing():
        pytest.skip(f"no page was opened in a browser: {lacks}")
    opened = Browser(tmp_path_factory.mktemp("chromium"))
    yield opened
    opened.close()
