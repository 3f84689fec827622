"""Round-the-clock care of older people (ympärivuorokautinen palveluasuminen): entry that is put off.

The event of the outcome model is moving from home care into round-the-clock care. Nobody moves back. A
client dies at `home_care_mortality` in home care and at `care_mortality` in round-the-clock care, so a
move may be put off for good.

The effect moves the first step. Both states are priced: home care goes on for those who stay at home. It
is assumed that a client who is not moved has the mortality of home care. Where those kept at home are
as frail as those who move, they live too long in the model, and home care costs too much.
"""

from __future__ import annotations

import xarray as xr

from costeff.avoided_cost.base import AvoidedCostModel, Domain
from costeff.cohort import Moves


def _rates(entry: xr.DataArray, inputs: xr.Dataset) -> Moves:
    return {
        ("home_care", "round_the_clock"): entry,
        ("home_care", "dead"): inputs["home_care_mortality"],
        ("round_the_clock", "dead"): inputs["care_mortality"],
    }


ROUND_THE_CLOCK_CARE = AvoidedCostModel(
    id="round_the_clock_care",
    states=("home_care", "round_the_clock", "dead"),
    items=("home_care", "round_the_clock"),
    kept_out=("round_the_clock",),
    domains={"home_care_mortality": Domain.RATE, "care_mortality": Domain.RATE},
    rates=_rates,
)
