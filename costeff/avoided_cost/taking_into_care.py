"""Taking into care (huostaanotto): children who live at home, in care, or have left care.

The event of the outcome model is a placement outside the home. Of placements the share `care_share`
becomes care; the others, emergency placements that end at home, are not priced. Care ends at a
constant rate, for whatever reason, and a child who has left is not taken into care again. A child who is not
taken into care stays at home; growing up is not modelled, so the horizon is the reader's guard.
"""

from __future__ import annotations

import xarray as xr

from costeff.avoided_cost.base import AvoidedCostModel, Domain
from costeff.cohort import Moves


def _rates(entry: xr.DataArray, inputs: xr.Dataset) -> Moves:
    return {
        ("at_home", "in_care"): entry * inputs["care_share"],
        ("in_care", "left"): inputs["annual_exit_rate"],
    }


TAKING_INTO_CARE = AvoidedCostModel(
    id="taking_into_care",
    states=("at_home", "in_care", "left"),
    items=("in_care",),
    domains={"care_share": Domain.PROBABILITY, "annual_exit_rate": Domain.RATE},
    rates=_rates,
)
