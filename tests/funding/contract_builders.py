"""Probabilities, deliveries and contracts of the tests of contracts."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from costeff.agreement import Contract
from costeff.funding import deliver

INDICATOR = "intensive_family_work.outcome"


def probabilities(usual: Any, new: Any, draws: int = 1) -> xr.DataArray:
    """The good outcome's probability over (draw, option); numbers are repeated over draws."""
    columns = [
        np.broadcast_to(np.asarray(p, dtype=float), (np.size(p) if np.size(p) > 1 else draws,)) for p in (usual, new)
    ]
    values = np.stack(columns, axis=1)
    coords = {"draw": np.arange(len(values)), "option": ["usual", "new"]}
    return xr.DataArray(values, dims=("draw", "option"), coords=coords)


def uncertain(draws: int, effect: float = 0.05) -> xr.DataArray:
    """Probabilities of a posterior: about 0.80 under the usual option, and `effect` more under the new one."""
    chance = np.random.default_rng(5)
    usual = chance.beta(160, 40, draws)
    return probabilities(usual, np.clip(usual + chance.normal(effect, 0.02, draws), 0, 1))


def delivery(good: xr.DataArray, **changes: Any) -> xr.Dataset:
    """What 100 clients get, with a comparison group as large."""
    terms: dict[str, Any] = {
        "clients": 100,
        "hours_per_client": 50.0,
        "saving_per_outcome": 100_000.0,
        "cost_per_hour": 60.0,
        "comparison_clients": 100,
        "seed": 3,
    }
    return deliver(good, **{**terms, **changes})


def written(*terms: dict[str, Any], **fields: Any) -> Contract:
    """A contract on the outcome of a chain that ships."""
    return Contract.of(**{"id": "trial", "indicator": INDICATOR, "terms": terms, **fields})


def by_outcome(price: float, against: str = "nothing", **more: Any) -> Contract:
    """A contract of one price per outcome; `cap` and `floor` are those of the contract."""
    limits = {name: more.pop(name) for name in ("cap", "floor") if name in more}
    return written({"kind": "outcome_price", "price": price, "against": against, **more}, **limits)
