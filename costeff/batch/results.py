"""From draws of net saving to the rows of the matrix, and the table of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from costeff.params import Catalogue
from costeff.report.chapter import HELSINKI
from costeff.report.estimates import Estimate
from costeff.report.matrix import Block, Place, Row

ALL = "all"


@dataclass(frozen=True)
class Saved:
    """One scenario: net saving in present value, EUR, and what is told of each chain.

    Attributes
    ----------
    net
        DataArray (chain, municipality, payer, draw).
    told
        Chain -> `passed`, `fits` (hashes), `years`, `clients`, `price_set`, `mass`.
    """

    net: xr.DataArray
    told: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, parts: Iterable[xr.Dataset], told: Mapping[str, Mapping[str, Any]]) -> Saved:
        """Counties put together; a payer that only some of them have counts as 0 in the others."""
        nets = [part["net"].astype(float) for part in parts]
        payers = sorted({str(name) for net in nets for name in net["payer"].values})
        return cls(xr.concat([net.reindex(payer=payers, fill_value=0.0) for net in nets], "municipality"), told)

    def at(self, chain: str, weights: Mapping[str, float]) -> xr.DataArray:
        """Net saving (payer, draw) over some municipalities, each with its weight."""
        net = self.net.sel(chain=chain, municipality=list(weights))
        return (net * xr.DataArray(list(weights.values()), {"municipality": list(weights)})).sum("municipality")


def places(codes: Iterable[str], catalogue: Catalogue) -> Iterator[tuple[Place, dict[str, float]]]:
    """Each county whose municipalities are all asked for, then each municipality; with weights that sum to one."""
    asked = list(codes)
    for county in dict.fromkeys(catalogue.municipality(code).county for code in asked):
        members = catalogue.members(county)
        if set(members) <= set(asked) and len(members) > 1:
            people = {code: float(catalogue.municipality(code).population) for code in members}
            everyone = sum(people.values())
            yield (
                Place(county, dict(catalogue.county(county).name), county=True),
                {code: n / everyone for code, n in people.items()},
            )
    for code in asked:
        place = catalogue.municipality(code)
        names = {language: place.name(language) for language in ("fi", "sv", "en")}
        city = catalogue.county(place.county).name if place.county == HELSINKI else None
        yield Place(code, names, instead_of_county=city), {code: 1.0}


def blocks(saved: Mapping[str, Saved], reference: str, codes: Iterable[str], catalogue: Catalogue) -> list[Block]:
    """A table for each chain and place, with a row for each scenario."""
    chains = [str(name) for name in saved[reference].net["chain"].values]
    everywhere = list(places(codes, catalogue))
    return [
        Block(chain, place, tuple(_rows(saved, reference, chain, weights)))
        for chain in chains
        for place, weights in everywhere
    ]


def _rows(saved: Mapping[str, Saved], reference: str, chain: str, weights: Mapping[str, float]) -> Iterator[Row]:
    base, told = saved[reference].at(chain, weights), saved[reference].told[chain]
    for name, one in saved.items():
        own = one.told[chain]
        same = own["fits"] == told["fits"]
        if not own["passed"]:
            yield Row(name, same_draws=same)
            continue
        net, mass = one.at(chain, weights), float(own["mass"])
        paid = [str(payer) for payer in net["payer"].values if np.any(net.sel(payer=payer).to_numpy())]
        whole = net.sum("payer").to_numpy()
        difference = None
        if name != reference and told["passed"] and own["clients"] == told["clients"]:
            difference = Estimate.of(whole - base.sum("payer").to_numpy(), mass)
        yield Row(
            name,
            net=Estimate.of(whole, mass),
            probability=float((whole > 0).mean()),
            difference=difference,
            payers={payer: Estimate.of(net.sel(payer=payer).to_numpy(), mass) for payer in paid},
            same_draws=same,
        )


def table(found: Iterable[Block], saved: Mapping[str, Saved], synthetic: bool) -> pd.DataFrame:
    """A row for each service, place, scenario and payer, all payers together first; EUR and probabilities."""
    rows = [
        {
            "service": block.chain,
            "place": block.place.code,
            "place_kind": "county" if block.place.county else "municipality",
            "place_name": block.place.name["fi"],
            "scenario": row.scenario,
            "payer": payer,
            **_numbers(net, row if payer == ALL else None),
            **{name: saved[row.scenario].told[block.chain][name] for name in ("years", "clients", "price_set")},
            "same_draws_as_reference": row.same_draws,
            "diagnostics_passed": row.net is not None,
            "synthetic_data": synthetic,
        }
        for block in found
        for row in block.rows
        for payer, net in ({ALL: row.net} | dict(row.payers)).items()
    ]
    return pd.DataFrame(rows)


def _numbers(net: Estimate | None, whole: Row | None) -> dict[str, float | None]:
    """Whole euros: what is smaller is noise of the simulation."""
    difference = whole.difference if whole else None
    return {
        **_ends("net_saving", net),
        "probability_of_saving": round(whole.probability, 4) if whole and whole.probability is not None else None,
        **_ends("difference", difference),
    }


def _ends(name: str, estimate: Estimate | None) -> dict[str, float | None]:
    ends = estimate.ends if estimate else (None, None, None)
    names = (name, f"{name}_low", f"{name}_high")
    return {key: None if end is None else float(round(end)) + 0.0 for key, end in zip(names, ends, strict=True)}
