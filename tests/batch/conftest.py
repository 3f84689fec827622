"""One real run, shared by the tests that look at it."""

import fcntl
import os
import pickle
from pathlib import Path

import pytest

from costeff.batch import resolve, run

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def made(catalogue, tmp_path_factory):
    """What the run ended as, and its steps as they were told; side by side, whoever comes first makes it for all."""
    folder = tmp_path_factory.getbasetemp()
    folder = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    kept = folder / "made.pickle"
    with (folder / "made.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            request = resolve(catalogue, municipalities=["165", "478"], languages=["fi", "sv"], output=folder / "made")
            told = []
            outcome = run(catalogue, request, told.append, ROOT)
            kept.write_bytes(pickle.dumps((outcome, told)))
    return pickle.loads(kept.read_bytes())  # noqa: S301  (written above)
