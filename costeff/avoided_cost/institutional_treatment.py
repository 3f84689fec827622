"""Institutional substance-abuse treatment: clients who are abstinent, in use, in treatment, or dead.

The event of the outcome model is a relapse of an abstinent client. A client in use enters an institution or
outpatient treatment, each with its probability within a year, or becomes abstinent without treatment.
Treatment ends after a mean time: the share that succeeds is abstinent, and the others are in use again. An
abstinent client may relapse at the rate of that time.

The effect moves the relapses, and with them the treatment, which is priced, and the deaths: a client dies at
one rate while in use or in treatment, and at a lower one while abstinent. A service that prevents relapses
keeps clients alive, and the living may come to treatment later. That all other rates are the same for both
options is assumed.
"""

from __future__ import annotations

import xarray as xr

from costeff.avoided_cost.base import AvoidedCostModel, Domain
from costeff.avoided_cost.effect import rate_within
from costeff.cohort import Moves, rate_from_mean_years


def _rates(relapse: xr.DataArray, inputs: xr.Dataset) -> Moves:
    outpatient_ends = rate_from_mean_years(inputs["outpatient_years"])
    stay_ends = rate_from_mean_years(inputs["stay_years"])
    ill = ("in_use", "outpatient", "in_institution")
    return {
        ("abstinent", "in_use"): relapse,
        ("in_use", "abstinent"): inputs["recovery_rate"],
        ("in_use", "outpatient"): rate_within(inputs["outpatient_entry"], years=1),
        ("in_use", "in_institution"): rate_within(inputs["institution_entry"], years=1),
        ("outpatient", "abstinent"): outpatient_ends * inputs["outpatient_success"],
        ("outpatient", "in_use"): outpatient_ends * (1 - inputs["outpatient_success"]),
        ("in_institution", "abstinent"): stay_ends * inputs["institution_success"],
        ("in_institution", "in_use"): stay_ends * (1 - inputs["institution_success"]),
        ("abstinent", "dead"): inputs["mortality_abstinent"],
        **{(state, "dead"): inputs["mortality_in_use"] for state in ill},
    }


INSTITUTIONAL_TREATMENT = AvoidedCostModel(
    id="institutional_treatment",
    states=("abstinent", "in_use", "outpatient", "in_institution", "dead"),
    items=("outpatient", "in_institution"),
    kept_out=("in_institution",),
    domains={
        "institution_entry": Domain.PROBABILITY,
        "stay_years": Domain.DURATION,
        "institution_success": Domain.PROBABILITY,
        "outpatient_entry": Domain.PROBABILITY,
        "outpatient_years": Domain.DURATION,
        "outpatient_success": Domain.PROBABILITY,
        "recovery_rate": Domain.RATE,
        "mortality_in_use": Domain.RATE,
        "mortality_abstinent": Domain.RATE,
    },
    rates=_rates,
    entered=("in_institution",),
)
