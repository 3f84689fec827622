"""Fits, costs and requests made by hand, for any test of an appraisal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from costeff.appraisal import Request, appraise
from costeff.chain import ImpactChain
from costeff.draws import OPTIONS
from costeff.outcomes.fit import Check, Fit
from costeff.params import Catalogue

DRAWS = 12
CLIENTS = 100
CODES = ["091", "837", "478", "005"]  # Helsinki, Tampere, Maarianhamina, Alajärvi
COUNTIES = ["90", "08", "91", "16"]
SIZES = [4_000, 57, 9, 0]  # clients in the data
FAMILY, SUPPORT = "intensive_family_work", "post_release_support"
MONEY = ("cost", "average", "cashable", "avoided", "avoided_average")


# --- fits and costs made by hand --------------------------------------------------------------------


def attrs(measure: str) -> dict[str, Any]:
    return {"measure": measure, "data": "made by hand", "synthetic": 1}


def family_fit(draws: int = DRAWS, ratio: float = 0.7) -> Fit:
    """Risks that differ by draw and municipality; under the new option `ratio` times those of the usual one."""
    rng = np.random.default_rng(5)
    usual = rng.uniform(0.05, 0.4, (draws, len(CODES)))
    coords = {"draw": np.arange(draws), "option": list(OPTIONS), "municipality": CODES}
    effect = xr.Dataset(
        {
            "risk": (("draw", "option", "municipality"), np.stack([usual, usual * ratio], axis=1)),
            "ratio": ("draw", rng.uniform(0.6, 0.9, draws)),
            "pooling": ("municipality", np.array([0.1, 0.6, 0.9, 1.0])),
            "clients": ("municipality", np.array(SIZES)),
        },
        coords=coords,
        attrs=attrs("odds_ratio"),
    )
    return Fit(
        "binary", effect, xr.Dataset(), (Check("rhat", "effect", 1.0, 1.01, True),), "made-by-hand", cached=False
    )


def support_fit(draws: int = DRAWS, ratio: float | None = None) -> Fit:
    """A hazard ratio by draw, without places."""
    values = np.full(draws, ratio) if ratio else np.random.default_rng(6).uniform(0.5, 1.0, draws)
    effect = xr.Dataset({"ratio": ("draw", values)}, coords={"draw": np.arange(draws)}, attrs=attrs("hazard_ratio"))
    return Fit("time_to_event", effect, xr.Dataset(), (), "made-by-hand", cached=False)


def cost_fit(usual: float = 3_000.0, new: float = 7_000.0, spread: float = 0.0, draws: int = DRAWS) -> Fit:
    """What the service costs a client in each municipality; with `spread` it differs by draw and municipality."""
    noise = spread * np.random.default_rng(7).normal(size=(draws, 2, len(CODES)))
    mean = np.array([usual, new])[None, :, None] + noise
    coords = {"draw": np.arange(draws), "option": list(OPTIONS), "municipality": CODES}
    effect = xr.Dataset({"mean": (("draw", "option", "municipality"), mean)}, coords, attrs("cost_ratio"))
    return Fit("cost_gamma", effect, xr.Dataset(), (), f"made-by-hand-{usual}-{new}-{spread}", cached=False)


FITS = {FAMILY: family_fit(), SUPPORT: support_fit()}


def run(
    catalogue: Catalogue,
    chain: str | ImpactChain = FAMILY,
    fit: Fit | None = None,
    codes: list[str] | None = None,
    costs: Fit | None = None,
    **asked: Any,
) -> xr.Dataset:
    chain = catalogue.chains[chain] if isinstance(chain, str) else chain
    request = Request.of(catalogue, **{"draws": DRAWS, "clients": CLIENTS, **asked})
    return appraise(
        chain, catalogue, fit or FITS[chain.id], codes or CODES, request, costs or cost_fit(draws=request.draws)
    )


def with_first_year(catalogue: Catalogue, year: int) -> Catalogue:
    return replace(catalogue, conventions=catalogue.conventions.override(first_year=year))
