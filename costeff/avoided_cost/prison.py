"""Prison: clients who are at liberty or in prison.

The event of the outcome model is imprisonment. A sentence lasts `mean_time_served` years on average;
a client who is released is at liberty again, and may return to prison at the rate of that time.
"""

from __future__ import annotations

import xarray as xr

from costeff.avoided_cost.base import AvoidedCostModel, Domain
from costeff.cohort import Moves, rate_from_mean_years


def _rates(entry: xr.DataArray, inputs: xr.Dataset) -> Moves:
    return {
        ("at_liberty", "in_prison"): entry,
        ("in_prison", "at_liberty"): rate_from_mean_years(inputs["mean_time_served"]),
    }


PRISON = AvoidedCostModel(
    id="prison",
    states=("at_liberty", "in_prison"),
    items=("in_prison",),
    domains={"mean_time_served": Domain.DURATION},
    rates=_rates,
)
