"""A place beside others, draw by draw: what each is compared by, and how far it is from one of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from costeff.appraisal.areas import COUNTRY, MEASURES
from costeff.draws import NEW, USUAL
from costeff.report import estimates
from costeff.report.appraisals import Variant
from costeff.report.estimates import Estimate

OWN = ""  # the name of the place that the page is about
REFERENCE = {"area": COUNTRY, "member": OWN}  # what others are held against


@dataclass(frozen=True)
class Placed:
    """One place: per `clients` clients, over the horizon; and how much more of it than the reference has.

    `more_avoided` and `more_saved` are None of the reference itself.
    """

    events: Estimate
    avoided: Estimate
    saved: Estimate
    more_avoided: Estimate | None
    more_saved: Estimate | None


@lru_cache(maxsize=64)
def placed(variant: Variant, dim: str) -> dict[str, Placed]:
    """The page's own place, named OWN, and those of a dim in their order; empty where no place has its own estimate."""
    data = variant.data
    if dim not in data.dims:
        return {}
    usual, new = (data["events"].sel(option=option).to_numpy() for option in (USUAL, NEW))
    others = np.stack([data[f"{dim}_{name}"].transpose(dim, "draw").to_numpy() for name in MEASURES], axis=1)
    rows = {OWN: np.stack([usual, usual - new, estimates.net_draws(variant)])}
    rows |= dict(zip(map(str, data[dim].to_numpy()), others, strict=True))
    held = rows[REFERENCE[dim]]
    return {
        name: Placed(
            *(Estimate.of(draws, variant.mass) for draws in row),
            *(None if row is held else Estimate.of(draws, variant.mass) for draws in (row - held)[1:]),
        )
        for name, row in rows.items()
    }
