"""Prison: clients after release, at liberty, in a community sanction, or in a closed or open prison.

The event of the outcome model is a new prison sentence. It has the same rate after release, at liberty and
in a community sanction. The share `short_share` of sentences is short, all of it in a closed prison; a long
one starts in a closed prison and ends in an open one, and the two parts make up `long_years`. `re_entry` is
the first time after each release; it has no price and no rate of its own.

The effect moves the sentences, and the new community sanctions with them: `community_ratio` for each new
prison sentence. The priced states are the community sanction and the three of prison. That the lengths of
sentences, the part in an open prison and the ratio are the same for both options is assumed.
"""

from __future__ import annotations

import xarray as xr

from costeff.avoided_cost.base import AvoidedCostModel, Domain
from costeff.cohort import Moves, rate_from_mean_years

# A part of a long sentence is never shorter than this share of it, so that its rate stays finite where
# `open_share` is 0 or 1. Both parts still make up the whole sentence.
_SMALLEST_PART = 1e-6


def _rates(sentence: xr.DataArray, inputs: xr.Dataset) -> Moves:
    opened = inputs["open_share"].clip(_SMALLEST_PART, 1 - _SMALLEST_PART)
    at_risk = ("re_entry", "at_liberty", "community_sanction")
    return {  # the event first: dims of the result stand in the order in which they come
        **{(state, "closed_short"): sentence * inputs["short_share"] for state in at_risk},
        **{(state, "closed_long"): sentence * (1 - inputs["short_share"]) for state in at_risk},
        **{(state, "community_sanction"): sentence * inputs["community_ratio"] for state in at_risk[:2]},
        ("re_entry", "at_liberty"): rate_from_mean_years(inputs["re_entry_years"]),
        ("community_sanction", "at_liberty"): rate_from_mean_years(inputs["community_years"]),
        ("closed_short", "re_entry"): rate_from_mean_years(inputs["short_years"]),
        ("closed_long", "open_prison"): rate_from_mean_years(inputs["long_years"] * (1 - opened)),
        ("open_prison", "re_entry"): rate_from_mean_years(inputs["long_years"] * opened),
    }


PRISON = AvoidedCostModel(
    id="prison",
    states=("re_entry", "at_liberty", "community_sanction", "closed_short", "closed_long", "open_prison"),
    items=("community_sanction", "closed_short", "closed_long", "open_prison"),
    kept_out=("closed_short", "closed_long", "open_prison"),
    domains={
        "short_share": Domain.PROBABILITY,
        "short_years": Domain.DURATION,
        "long_years": Domain.DURATION,
        "open_share": Domain.PROBABILITY,
        "re_entry_years": Domain.DURATION,
        "community_ratio": Domain.RATIO,
        "community_years": Domain.DURATION,
    },
    rates=_rates,
    entered=("closed_short", "closed_long"),
)
