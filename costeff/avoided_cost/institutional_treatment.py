"""Institutional substance-abuse treatment: clients who are abstinent, have relapsed, or are in an institution.

The event of the outcome model is a relapse. A client who has relapsed enters an institution with the
yearly probability `institution_entry`, stays for `stay_years` on average, and leaves abstinent, to
relapse again at the rate of that time. Recovery without an institution is not modelled: where it is
common, `institution_entry` has to be the probability among all who have relapsed, recovered or not.
"""

from __future__ import annotations

import xarray as xr

from costeff.avoided_cost.base import AvoidedCostModel, Domain, rate_within
from costeff.cohort import Moves, rate_from_mean_years


def _rates(entry: xr.DataArray, inputs: xr.Dataset) -> Moves:
    return {
        ("abstinent", "relapsed"): entry,
        ("relapsed", "in_institution"): rate_within(inputs["institution_entry"], years=1),
        ("in_institution", "abstinent"): rate_from_mean_years(inputs["stay_years"]),
    }


INSTITUTIONAL_TREATMENT = AvoidedCostModel(
    id="institutional_treatment",
    states=("abstinent", "relapsed", "in_institution"),
    items=("in_institution",),
    domains={"institution_entry": Domain.PROBABILITY, "stay_years": Domain.DURATION},
    rates=_rates,
)
