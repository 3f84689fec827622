"""One real run, shared by the tests that look at it."""

from pathlib import Path

import pytest

from costeff.batch import resolve, run

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def made(catalogue, tmp_path_factory):
    output = tmp_path_factory.mktemp("run")
    request = resolve(catalogue, municipalities=["165", "478"], languages=["fi", "sv"], output=output)
    told = []
    outcome = run(catalogue, request, told.append, ROOT)
    return outcome, told
