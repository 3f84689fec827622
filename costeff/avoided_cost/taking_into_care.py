"""Taking into care (huostaanotto): children in open care, at home, placed outside the home, or gone.

The event of the outcome model is a placement outside the home. It happens at the same rate to a child in
open care, where everyone starts, and to one at home who is a client no more. A placement is care from the
start (`care_share`), in an institution or a foster family, or it is an emergency placement, which ends in
care (`emergency_to_care`) or back in open care. Care ends at one rate for both kinds; a child who leaves it
returns home (`return_home_share`), and may be placed again, or goes on to aftercare and then leaves.

The effect moves the first step, so all that follows moves with it: open care goes on for those who are not
placed. Priced are open care, emergency placements, foster families, institutions and aftercare, each as far
as it has a price. A child at home or in open care turns 18 after `childhood_years` on average and leaves; in care,
that is within the rate at which care ends. Ages are not told apart: some turn 18 too early, some too late.
"""

from __future__ import annotations

import xarray as xr

from costeff.avoided_cost.base import AvoidedCostModel, Domain
from costeff.cohort import Moves, Value, rate_from_mean_years


def _rates(entry: xr.DataArray, inputs: xr.Dataset) -> Moves:
    at_once, later, leaving = inputs["care_share"], inputs["emergency_to_care"], inputs["annual_exit_rate"]
    ending, home = rate_from_mean_years(inputs["emergency_years"]), inputs["return_home_share"]
    places = {"foster_family": 1 - inputs["institution_share"], "institution": inputs["institution_share"]}
    moves: dict[tuple[str, str], Value] = {}
    for origin in ("open_care", "at_home"):
        moves[origin, "emergency"] = entry * (1 - at_once)
        moves |= {(origin, place): entry * at_once * share for place, share in places.items()}
        moves[origin, "left"] = rate_from_mean_years(inputs["childhood_years"])
    for place, share in places.items():
        moves["emergency", place] = ending * later * share
        moves[place, "at_home"] = leaving * home
        moves[place, "aftercare"] = leaving * (1 - home)
    moves["emergency", "open_care"] = ending * (1 - later)
    moves["open_care", "at_home"] = rate_from_mean_years(inputs["open_care_years"])
    moves["aftercare", "left"] = rate_from_mean_years(inputs["aftercare_years"])
    return moves


TAKING_INTO_CARE = AvoidedCostModel(
    id="taking_into_care",
    states=("open_care", "at_home", "emergency", "foster_family", "institution", "aftercare", "left"),
    items=("open_care", "emergency", "foster_family", "institution", "aftercare"),
    kept_out=("emergency", "foster_family", "institution"),
    domains={
        "care_share": Domain.PROBABILITY,
        "emergency_to_care": Domain.PROBABILITY,
        "emergency_years": Domain.DURATION,
        "institution_share": Domain.PROBABILITY,
        "annual_exit_rate": Domain.RATE,
        "return_home_share": Domain.PROBABILITY,
        "aftercare_years": Domain.DURATION,
        "open_care_years": Domain.DURATION,
        "childhood_years": Domain.DURATION,
    },
    rates=_rates,
    entered=("foster_family", "institution"),
)
