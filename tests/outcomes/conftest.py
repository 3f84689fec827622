"""Cells and likelihood of the one model a module tests: its `MODEL`, and its `context` of its `rows`."""

import pytest
from likelihoods import Likelihood


@pytest.fixture(scope="module")
def cells(request, catalogue, rows):
    return request.module.context(catalogue, rows)


@pytest.fixture(scope="module")
def likelihood(request, cells):
    return Likelihood(request.module.MODEL, cells)
