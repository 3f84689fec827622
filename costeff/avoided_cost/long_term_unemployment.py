"""Long-term unemployment: clients who are unemployed, in a service, employed or outside the labour force.

A risk is that of having found no work by the end of the follow-up, so the event is finding work: it comes at
the same rate to the unemployed and to those in a service. Clients start unemployed, for `unemployed_years`
already. The length of unemployment is told apart by quarters, days in a service included, because the
municipality's share of the benefit grows with the days paid. Work and time outside the labour force end in
unemployment, and the count starts anew: an assumption that makes the municipality's share too small. A service
changes nothing but who is in it. Priced are the benefit, and the taxes that are not paid without work.
"""

from __future__ import annotations

import xarray as xr

from costeff.avoided_cost.base import AvoidedCostModel, Domain
from costeff.cohort import Moves, rate_from_mean_years


def _rates(finding_work: xr.DataArray, inputs: xr.Dataset) -> Moves:
    return {
        ("unemployed", "employed"): finding_work,
        ("in_service", "employed"): finding_work,
        ("unemployed", "in_service"): inputs["service_entry_rate"],
        ("in_service", "unemployed"): rate_from_mean_years(inputs["service_years"]),
        ("unemployed", "outside_labour_force"): inputs["outside_rate"],
        ("in_service", "outside_labour_force"): inputs["outside_rate"],
        ("outside_labour_force", "unemployed"): inputs["return_rate"],
        ("employed", "unemployed"): rate_from_mean_years(inputs["job_years"]),
    }


LONG_TERM_UNEMPLOYMENT = AvoidedCostModel(
    id="long_term_unemployment",
    states=("unemployed", "in_service", "employed", "outside_labour_force"),
    items=("unemployed", "in_service", "outside_labour_force"),
    domains={
        "service_entry_rate": Domain.RATE,
        "service_years": Domain.DURATION,
        "outside_rate": Domain.RATE,
        "return_rate": Domain.RATE,
        "job_years": Domain.DURATION,
        "unemployed_years": Domain.DURATION,
    },
    rates=_rates,
    event="fails",
    tunnels={"unemployed": 12, "in_service": 12},
    clocks=(("unemployed", "in_service"),),
    stayed="unemployed_years",
)
