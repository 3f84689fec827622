"""An appraisal made again and again from the same draws, in which what a change does not touch is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import xarray as xr

from costeff.appraisal.areas import Area
from costeff.appraisal.assembly import Shared
from costeff.appraisal.cohorts import Cohorts
from costeff.appraisal.request import Request
from costeff.chain import ImpactChain
from costeff.outcomes import Fit
from costeff.params import Catalogue

REMEMBERED = 8  # cohorts: who compares goes to and fro between few
MOVING = ("transitions", "links", "evidence", "municipalities", "counties")  # of the catalogue, what moves clients
AFTER = {"clients", "price_set", "price_year", "claw_back", "whole_units"}  # of a request, what does not


@dataclass(frozen=True)
class Again:
    """`appraise` for one chain whose catalogues, fits and requests differ little from one time to the next.

    A price, a share that can be stopped, a number of clients or a discount rate does not move clients: the cohort of
    an earlier time is then taken, and only its time is priced anew. The result is the same to the last digit.

    Parameters
    ----------
    areas
        As `appraise_all` takes them.
    """

    chain: ImpactChain
    areas: Mapping[str, Area] = field(default_factory=dict)
    kept: list[Shared] = field(default_factory=list, repr=False, compare=False)

    def __call__(
        self,
        catalogue: Catalogue,
        fit: Fit,
        municipalities: Sequence[str],
        request: Request,
        costs: Fit | None = None,
    ) -> xr.Dataset:
        """As `appraise`, whose checks of the catalogue are not made once more."""
        asked = Cohorts(self.chain, catalogue, fit, tuple(municipalities), request, self.areas)
        before = next((one for one in self.kept if moves_alike(one.cohorts, asked)), None)
        shared = before.repriced(asked) if before else Shared(asked)
        found = shared.dataset(request.price_set or self.chain.impact.price_set, costs)
        self.kept[:] = [shared, *(one for one in self.kept if one is not before)][:REMEMBERED]
        return found


def moves_alike(one: Cohorts, other: Cohorts) -> bool:
    """Whether nothing differs between two cohorts that moves clients.

    Entries of a catalogue are told apart by being the same object: a number that was set makes a new one.
    """
    a, b = one.catalogue, other.catalogue
    settings = [(c.conventions.effect_half_life_years, c.conventions.first_year) for c in (a, b)]
    return (
        one.fit.hash == other.fit.hash
        and one.municipalities == other.municipalities
        and all(getattr(a, group) is getattr(b, group) for group in MOVING)
        and settings[0] == settings[1]
        and one.request.model_dump(exclude=AFTER) == other.request.model_dump(exclude=AFTER)
    )
