"""Areas that a place stands beside: its county, the municipalities of its size, and the whole country.

An area is appraised as if it were one more municipality, whose clients live where its people do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from costeff import decision
from costeff.draws import NEW, USUAL
from costeff.params import Catalogue
from costeff.spec import Label

AREAS = ("county", "similar", "country")  # what a municipality is compared with, the nearest first
COUNTRY = "country"
MEASURES = ("events", "avoided", "net_saving")  # what places are compared by


@dataclass(frozen=True)
class Area:
    """Municipalities told as one.

    Attributes
    ----------
    code
        Two digits of a county, the id of a size class, or `country`.
    people
        Population of each municipality, by code: how much it weighs.
    county
        The county by whose law payers are named; empty where there are several.
    """

    code: str
    name: Label
    people: Mapping[str, int]
    county: str = ""

    def mean(self, values: xr.DataArray) -> np.ndarray:
        """Mean over `municipality`, which is the last dim, each weighing as many as live in it."""
        weights = np.array(list(self.people.values()), dtype=float)
        weights /= weights.sum()
        found: np.ndarray = (values.sel(municipality=list(self.people)).to_numpy() * weights).sum(axis=-1)
        return found


@dataclass(frozen=True)
class Atlas:
    """Every area of a catalogue, and which of them a place stands beside."""

    counties: Mapping[str, Area]
    sizes: Mapping[str, Area]
    country: Area

    @classmethod
    def of(cls, catalogue: Catalogue) -> Atlas:
        places = catalogue.municipalities.values()
        in_county: dict[str, dict[str, int]] = {code: {} for code in catalogue.counties}
        of_size: dict[str, dict[str, int]] = {one.id: {} for one in catalogue.conventions.sizes}
        for place in places:
            in_county[place.county][place.code] = place.population
            of_size[catalogue.conventions.size_of(place.population).id][place.code] = place.population
        names = {one.id: one.label for one in catalogue.conventions.sizes}
        whole = Label(fi="Koko maa", sv="Hela landet", en="Whole country")
        return cls(
            {code: Area(code, catalogue.counties[code].name, people, code) for code, people in in_county.items()},
            {name: Area(name, names[name], people) for name, people in of_size.items()},
            Area(COUNTRY, whole, {place.code: place.population for place in places}),
        )

    def beside(self, code: str) -> dict[str, Area]:
        """The areas a municipality or a county is compared with, by kind; none that is the place itself."""
        if code in self.counties:
            return {COUNTRY: self.country}
        groups = {"county": self.counties, "similar": self.sizes}
        found = {kind: area for kind, group in groups.items() for area in group.values() if code in area.people}
        return {kind: area for kind, area in (found | {COUNTRY: self.country}).items() if len(area.people) > 1}


def measured(dataset: xr.Dataset, codes: Iterable[str]) -> dict[str, np.ndarray]:
    """What places of an appraisal are compared by, a row for each of MEASURES, over draws.

    Events with the usual service, events avoided, and the present value that all payers together save over the
    horizon (EUR).
    """
    some = dataset.sel(municipality=list(codes))
    usual, new = (some["events"].sel(option=option, drop=True) for option in (USUAL, NEW))
    found = [each.transpose("municipality", "draw") for each in (usual, usual - new, decision.net_saving(some))]
    rows = np.stack([each.to_numpy() for each in found], axis=1)
    return dict(zip(map(str, some["municipality"].to_numpy()), rows, strict=True))


def side_by_side(dim: str, rows: Mapping[str, np.ndarray]) -> xr.Dataset:
    """Places along a dim of their own, such as `area_events` over (draw, area)."""
    values = np.stack(list(rows.values()), axis=-1)
    units = dict(zip(MEASURES, ("clients", "clients", "EUR"), strict=True))
    return xr.Dataset(
        {
            f"{dim}_{name}": (("draw", dim), each, {"unit": units[name]})
            for name, each in zip(MEASURES, values, strict=True)
        },
        {"draw": np.arange(values.shape[1]), dim: list(rows)},
    )
