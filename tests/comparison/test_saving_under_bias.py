"""A bias carried to euros: the estimate at no bias, less saving with more, and where the sign turns."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from costeff import decision
from costeff.appraisal import Request, appraise
from costeff.appraisal.unmeasured import bias_surface, saving_under_bias, turning_point
from costeff.comparison import e_value, prevalence_factor
from costeff.errors import UsageError
from costeff.params import Catalogue

sys.path.insert(0, str(Path(__file__).parents[1]))
from appraisal_builders import CODES, FAMILY, cost_fit, family_fit

BIASES = [0.8, 1.25, 1.7]


def asked(catalogue: Catalogue) -> Request:
    return Request.of(catalogue, draws=12, horizon_years=3, links=())


@pytest.fixture(scope="module")
def savings(catalogue: Catalogue) -> xr.Dataset:
    chain, costs = catalogue.chains[FAMILY], cost_fit(3_000, 4_000)
    return saving_under_bias(chain, catalogue, family_fit(), CODES, asked(catalogue), BIASES, costs)


def test_without_bias_it_is_the_appraisal(catalogue: Catalogue, savings: xr.Dataset) -> None:
    plain = appraise(catalogue.chains[FAMILY], catalogue, family_fit(), CODES, asked(catalogue), cost_fit(3_000, 4_000))
    for code in CODES:
        saved = decision.net_saving(plain.sel(municipality=code, drop=True))
        assert float(savings["mean"].sel(bias=1.0, municipality=code)) == pytest.approx(float(saved.mean()))
        assert float(savings["probability"].sel(bias=1.0, municipality=code)) == float((saved > 0).mean())


def test_more_bias_is_less_saving(savings: xr.Dataset) -> None:
    assert savings["bias"].values.tolist() == sorted([1.0, *BIASES])
    assert (savings["mean"].diff("bias") < 0).all()
    assert (savings["low"] <= savings["mean"]).all()
    assert savings.attrs["unit"] == "EUR"


def test_once_the_risk_ratio_is_explained_away_the_extra_cost_is_left(catalogue: Catalogue) -> None:
    """The risk ratio is 0.7 in every draw, so a bias of 1 / 0.7 leaves the cost of the service alone."""
    chain = catalogue.chains[FAMILY]
    found = saving_under_bias(
        chain, catalogue, family_fit(ratio=0.7), CODES[:1], asked(catalogue), [1 / 0.7], cost_fit(3_000, 4_000)
    )
    plain = appraise(chain, catalogue, family_fit(ratio=1.0), CODES[:1], asked(catalogue), cost_fit(3_000, 4_000))
    nothing = decision.net_saving(plain.sel(municipality=CODES[0], drop=True)).mean()
    assert float(found["mean"].sel(bias=1 / 0.7).squeeze()) == pytest.approx(float(nothing), rel=1e-6)


def made(*paths: list[float]) -> xr.Dataset:
    """Savings at the factors 1/2, 1, 2 and 4."""
    mean = np.array(paths).T
    coords = {"bias": [0.5, 1.0, 2.0, 4.0], "municipality": [f"{i:03d}" for i in range(len(paths))]}
    dims = ("bias", "municipality")
    return xr.Dataset({"mean": (dims, mean), "probability": (dims, np.clip(mean / 100 + 0.5, 0, 1))}, coords=coords)


def test_the_turning_point_is_interpolated_and_never_extrapolated() -> None:
    """Too much was seen, too little was seen, neither within reach, and exactly even."""
    paths = [[20, 10, -10, -20], [5, -5, -9, -20], [20, 10, 5, 1], [-1, -2, -5, -9], [40, 10, 5, -5], [2, 0, -1, -2]]
    found = turning_point(made(*paths))
    assert found["status"].values.tolist() == ["turns", "turns", "saves", "costs", "turns", "turns"]
    np.testing.assert_allclose(found["bias"], [2**0.5, 0.5**0.5, np.nan, np.nan, 8**0.5, 1.0])
    strengths = found["e_value"].to_numpy()
    assert strengths[0] == pytest.approx(e_value(2**0.5).estimate)
    assert strengths[1] == pytest.approx(strengths[0])


def test_the_surface_follows_the_factor_its_parameters_make() -> None:
    savings = made([20, 10, -10, -20])
    found = bias_surface(savings, [-0.2, 0.0, 0.2, 0.6], [1.0, 3.0, 40.0], prevalence=0.5).squeeze("municipality")
    assert float(found["mean"].sel(difference=0.0, ratio=3.0)) == 10  # nobody has it more often: no bias
    assert float(found["mean"].sel(difference=0.2, ratio=1.0)) == 10  # it does nothing: no bias
    bias = float(prevalence_factor(0.5, 0.2, 3.0))
    assert float(found["bias"].sel(difference=0.2, ratio=3.0)) == pytest.approx(bias)
    wanted = np.interp([np.log(bias), -np.log(bias)], np.log([0.5, 1, 2, 4]), [20, 10, -10, -20])
    np.testing.assert_allclose(found["mean"].sel(difference=[0.2, -0.2], ratio=3.0), wanted)
    assert np.isnan(found["mean"].sel(difference=0.6)).all()  # in more than all clients


def test_what_was_not_run_is_missing() -> None:
    found = bias_surface(made([20, 10, -10, -20]), [0.9], [100.0], prevalence=0.0)
    assert float(found["bias"].squeeze()) > 4
    assert np.isnan(found["mean"]).all()
    with pytest.raises(UsageError, match="one factor only"):
        bias_surface(made([20, 10, -10, -20]).isel(bias=[0]), [0.1], [2.0], 0.1)


def test_a_factor_of_zero_is_refused(catalogue: Catalogue) -> None:
    with pytest.raises(UsageError, match="above 0"):
        saving_under_bias(catalogue.chains[FAMILY], catalogue, family_fit(), CODES, asked(catalogue), [0], cost_fit())
