"""The trial of financial aid to released prisoners: our posterior against the published Cox model."""

import numpy as np
import pytest

from costeff.batch.country import data_for, fit_chain


@pytest.fixture(scope="module")
def rossi(catalogue, fits_cache):
    chain = catalogue.chains["post_release_support"]
    return fit_chain(chain, catalogue, data_for(chain, catalogue, None), catalogue.conventions.seed, fits_cache)


def published(catalogue):
    rows = catalogue.evidence["post_release_support"]
    return next(row for row in rows if row.measure == "hazard ratio" and row.source == "rossi_1980")


def test_the_fit_passes_its_gate(rossi):
    assert rossi.passed, rossi.failed_checks


def test_hazard_ratio_agrees_with_the_published_cox(rossi, catalogue):
    row = published(catalogue)
    low, median, high = np.quantile(rossi.effect["ratio"], [0.025, 0.5, 0.975])
    assert median == pytest.approx(row.value, abs=0.03)
    assert low == pytest.approx(row.low95, abs=0.04)
    assert high == pytest.approx(row.high95, abs=0.05)


def test_risk_within_the_year_lies_near_what_was_observed(rossi):
    """114 of 432 men were arrested: 66 of 216 without aid, 48 of 216 with it."""
    risk = rossi.effect["risk"].mean("draw")
    assert float(risk.sel(option="usual")) == pytest.approx(66 / 216, abs=0.03)
    assert float(risk.sel(option="new")) == pytest.approx(48 / 216, abs=0.03)
