"""Exclusion: young people in education, and those left with basic education only.

The event is leaving school with basic education only. The model is where a link from another model leads, such
as that from placement outside the home; no chain starts here. Priced is each year without further education: an
even part of a lifetime cost, which already holds crime, substance use and benefits. That cost is of those who stay
without, so `annual_return_rate` is 0 as the files stand. Deaths are not modelled.
"""

from __future__ import annotations

import xarray as xr

from costeff.avoided_cost.base import AvoidedCostModel, Domain
from costeff.cohort import Moves


def _rates(leaving: xr.DataArray, inputs: xr.Dataset) -> Moves:
    return {
        ("in_education", "excluded"): leaving,
        ("excluded", "in_education"): inputs["annual_return_rate"],
    }


EXCLUSION = AvoidedCostModel(
    id="exclusion",
    states=("in_education", "excluded"),
    items=("excluded",),
    domains={"annual_return_rate": Domain.RATE},
    rates=_rates,
)
