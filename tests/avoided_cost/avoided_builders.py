"""Valid inputs for any avoided-cost model, made from what it declares."""

from __future__ import annotations

import numpy as np
import xarray as xr

from costeff.avoided_cost import AvoidedCostModel, Domain
from costeff.draws import OPTIONS

RANGES = {Domain.PROBABILITY: (0.1, 0.6), Domain.RATE: (0.05, 0.9), Domain.DURATION: (0.1, 2.5)}


def by_draw(values: np.ndarray) -> xr.DataArray:
    return xr.DataArray(values, dims="draw", coords={"draw": np.arange(len(values))})


def inputs_for(model: AvoidedCostModel, draws: int, seed: int = 0) -> xr.Dataset:
    rng = np.random.default_rng([seed, 1])
    return xr.Dataset({name: by_draw(rng.uniform(*RANGES[kind], draws)) for name, kind in model.domains.items()})


def risk_by_option(draws: int, seed: int = 0, usual: float = 0.3, ratio: float = 0.6) -> xr.DataArray:
    """Risks around `usual` under the usual service, and `ratio` times those under the new one."""
    base = by_draw(np.random.default_rng([seed, 2]).uniform(0.5 * usual, min(1.0, 1.5 * usual), draws))
    return xr.concat([base, base * ratio], dim=xr.Variable("option", list(OPTIONS)))


def yearly_risk(draws: int, seed: int = 0) -> xr.DataArray:
    return by_draw(np.random.default_rng([seed, 3]).uniform(0.01, 0.2, draws))
