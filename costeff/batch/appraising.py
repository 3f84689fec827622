"""Fits to appraisals: municipalities in vectorised passes, a file each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import xarray as xr

from costeff.appraisal import Request, active_links, appraise_all, places_of, price_sets_for
from costeff.appraisal.files import pack
from costeff.batch.country import Fits
from costeff.batch.release import counts_of
from costeff.batch.request import RunRequest
from costeff.chain import ImpactChain
from costeff.disclosure.publication import Publication
from costeff.params import Catalogue
from costeff.params.watched import Reads, watched
from costeff.report.door import let_through

AT_A_TIME = 22  # municipalities appraised in one vectorised pass: bounds memory
STORED = (
    "effect", "events", "cost", "avoided", "avoided_average", "avoided_linked", "time_avoided", "discount",
    "ratio", "ratio_prior", "events_prior", "weight_alone",
)  # fmt: skip


@dataclass(frozen=True)
class Appraised:
    """The appraisal of one municipality: its file, and what of the catalogue it depends on."""

    code: str
    file: bytes
    reads: Reads


def appraise_codes(
    codes: Sequence[str], catalogue: Catalogue, request: RunRequest, prepared: Mapping[str, Fits], told: Publication
) -> Iterator[Appraised]:
    """Every municipality at every price set that can price a chain.

    Parameters
    ----------
    told
        What may be said of how many clients there are.
    """
    for start in range(0, len(codes), AT_A_TIME):
        some = codes[start : start + AT_A_TIME]
        seen, log = watched(catalogue)
        groups: dict[str, dict[tuple[str, str], xr.Dataset]] = {code: {} for code in some}
        for order, (chain, fits) in enumerate(prepared.items()):
            for price_set, dataset in appraise_chain(seen.chains[chain], seen, fits, some, request).items():
                for code, place in places_of(dataset, seen).items():
                    one = place[[name for name in STORED if name in place]]
                    one = one.assign_attrs(order=order, **counts_of(told, chain, code))
                    groups[code][chain, price_set] = let_through(one, f"{code} {chain} {price_set}")
        for code, found in groups.items():
            yield Appraised(code, pack(found), log.told(catalogue, leaving_out=_of_others(code, catalogue)))


def appraise_chain(
    chain: ImpactChain, catalogue: Catalogue, fits: Fits, codes: Sequence[str], request: RunRequest
) -> dict[str, xr.Dataset]:
    """The chain for some municipalities at every price set that can price it, the chain's own first."""
    asked = Request.of(
        catalogue,
        draws=request.draws,
        seed=request.seed,
        clients=request.clients,
        horizon_years=request.horizon_years,
        price_year=request.price_year,
        persistence=request.persistence,
        links=links_for(chain, catalogue, request),
        claw_back=request.claw_back,
        whole_units=request.whole_units,
    )
    on = [link.id for link in active_links(chain.impact.model, catalogue, asked.links)]
    able = price_sets_for(chain, catalogue, on)
    sets = [name for name in able if name in (request.price_sets or catalogue.price_sets)]
    return appraise_all(chain, catalogue, fits.outcome, codes, asked, sets, fits.costs)


def links_for(chain: ImpactChain, catalogue: Catalogue, request: RunRequest) -> tuple[str, ...] | None:
    """Of the links asked for, those that start in the chain's model; None where none was asked for."""
    if request.links is None:
        return None
    return tuple(name for name in request.links if catalogue.links[name].origin.model == chain.impact.model)


def _of_others(code: str, catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    """What a pass reads of other municipalities is not what this one depends on."""
    own = catalogue.municipalities[code].county
    yield from (("municipalities", other) for other in catalogue.municipalities if other != code)
    yield from (("counties", other) for other in catalogue.counties if other != own)
