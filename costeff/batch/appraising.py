"""Fits to appraisals: municipalities in vectorised passes, a file each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from costeff.appraisal import (
    Area,
    Atlas,
    Request,
    active_links,
    appraise_all,
    measured,
    places_of,
    price_sets_for,
    rests_on,
    side_by_side,
)
from costeff.appraisal.files import pack
from costeff.batch.country import Fits
from costeff.batch.release import counts_of
from costeff.batch.request import RunRequest
from costeff.chain import ImpactChain
from costeff.disclosure.publication import Publication
from costeff.params import Catalogue
from costeff.params.watched import PEOPLE, Reads, watched
from costeff.report.door import let_through
from costeff.spec import LANGUAGES, is_county

AT_A_TIME = 22  # municipalities appraised in one vectorised pass: bounds memory
STORED = (
    "effect", "events", "cost", "avoided", "avoided_average", "avoided_linked", "time_avoided", "discount",
    "ratio", "ratio_prior", "events_prior", "weight_alone",
)  # fmt: skip


Group = tuple[str, str]  # chain, price set


@dataclass(frozen=True)
class Appraised:
    """The appraisal of one municipality or county: its file, and what of the catalogue it depends on."""

    code: str
    file: bytes
    reads: Reads


def appraise_codes(
    codes: Sequence[str], catalogue: Catalogue, request: RunRequest, prepared: Mapping[str, Fits], told: Publication
) -> Iterator[Appraised]:
    """Every municipality, and every county as one place, at every price set that can price a chain.

    Parameters
    ----------
    codes
        Three digits of a municipality, two of a county.
    told
        What may be said of how many clients there are.
    """
    atlas, known = Atlas.of(catalogue), _Compared()
    for some in _passes(codes, atlas):
        seen, log = watched(catalogue)
        log.places.add(PEOPLE)
        groups: dict[str, dict[Group, xr.Dataset]] = {code: {} for code in some if code in codes}
        for order, (chain, fits) in enumerate(prepared.items()):
            areas = known.missing(chain, some, atlas) | {code: atlas.counties[code] for code in some if is_county(code)}
            places = list(dict.fromkeys([*some, *areas]))
            rests_on(seen.chains[chain], seen, request.evidence)
            for price_set, dataset in appraise_chain(seen.chains[chain], seen, fits, places, request, areas).items():
                group = chain, price_set
                if catalogue.chains[chain].outcome.transfer == "risk":
                    known.add(group, measured(dataset, places))
                for code, place in places_of(dataset.sel(municipality=list(groups)), seen).items():
                    one = place[[name for name in STORED if name in place]]
                    one = known.beside(group, code, one, atlas, catalogue)
                    one = one.assign_attrs(order=order, **counts_of(told, chain, code))
                    groups[code][group] = let_through(one, f"{code} {chain} {price_set}")
        for code, found in groups.items():
            yield Appraised(code, pack(found), log.told(catalogue, leaving_out=_of_others(code, catalogue)))


def _passes(codes: Sequence[str], atlas: Atlas) -> Iterator[list[str]]:
    """Places to be appraised together: a county with its municipalities, the others as many as memory allows."""
    rest = {code: None for code in codes if not is_county(code)}
    for county in filter(is_county, codes):
        members = list(atlas.counties[county].people)
        yield [*members, county]
        rest = {code: None for code in rest if code not in members}
    left = list(rest)
    for start in range(0, len(left), AT_A_TIME):
        yield left[start : start + AT_A_TIME]


@dataclass(frozen=True)
class _Compared:
    """What places are compared by, by chain and price set: of areas, each worked out once in a run."""

    rows: dict[Group, dict[str, np.ndarray]] = field(default_factory=dict)

    def missing(self, chain: str, codes: Sequence[str], atlas: Atlas) -> dict[str, Area]:
        """The areas that places stand beside and that are not known yet."""
        known = {code for (name, _), rows in self.rows.items() if name == chain for code in rows}
        areas = [area for code in codes for area in atlas.beside(code).values()]
        return {area.code: area for area in areas if area.code not in known}

    def add(self, group: Group, rows: Mapping[str, np.ndarray]) -> None:
        self.rows.setdefault(group, {}).update(rows)

    def beside(self, group: Group, code: str, one: xr.Dataset, atlas: Atlas, catalogue: Catalogue) -> xr.Dataset:
        """An appraisal with the areas the place stands beside, and a county's with its municipalities."""
        rows = self.rows.get(group)
        if not rows:
            return one
        areas = atlas.beside(code)
        one = one.assign(side_by_side("area", {kind: rows[area.code] for kind, area in areas.items()}))
        if similar := areas.get("similar"):
            one = one.assign_attrs({f"similar_{language}": similar.name[language] for language in LANGUAGES})
        if is_county(code):
            members = {member: catalogue.municipality(member) for member in atlas.counties[code].people}
            names = {member: {each: place.name(each) for each in LANGUAGES} for member, place in members.items()}
            one = one.assign(side_by_side("member", {member: rows[member] for member in members}))
            one = one.assign_attrs(members=json.dumps(names))
        return one


def appraise_chain(
    chain: ImpactChain,
    catalogue: Catalogue,
    fits: Fits,
    codes: Sequence[str],
    request: RunRequest,
    areas: Mapping[str, Area] | None = None,
) -> dict[str, xr.Dataset]:
    """The chain for some municipalities at every price set that can price it, the chain's own first.

    Parameters
    ----------
    areas
        As `appraise_all` takes them.
    """
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
    return appraise_all(chain, catalogue, fits.outcome, codes, asked, sets, fits.costs, areas)


def links_for(chain: ImpactChain, catalogue: Catalogue, request: RunRequest) -> tuple[str, ...] | None:
    """Of the links asked for, those that start in the chain's model; None where none was asked for."""
    if request.links is None:
        return None
    return tuple(name for name in request.links if catalogue.links[name].origin.model == chain.impact.model)


def _of_others(code: str, catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    """What a pass reads of other municipalities is not what this one depends on, nor a county but on its own."""
    own = code if is_county(code) else catalogue.municipalities[code].county
    told = catalogue.members(code) if is_county(code) else [code]
    yield from (("municipalities", other) for other in catalogue.municipalities if other not in told)
    yield from (("counties", other) for other in catalogue.counties if other != own)
