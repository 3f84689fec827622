"""Which counts of clients a run tells, attacked together before any is written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from costeff.disclosure.publication import Publication
from costeff.disclosure.record import earlier
from costeff.disclosure.tables import Count, Key, Kind, Protected, protect
from costeff.params import Catalogue
from costeff.report.door import HIDDEN

if TYPE_CHECKING:
    from costeff.batch.country import Fits

PLACE = "municipality"


def told_counts(prepared: Mapping[str, Fits], catalogue: Catalogue, folder: Path | None = None) -> Publication:
    """Clients of each chain by municipality and in all, as the pages of the whole country tell them.

    All municipalities are taken in, also those not asked for: another run may tell them.

    Parameters
    ----------
    folder
        Where an earlier release may have told some already.

    Raises
    ------
    ModelError
        When an earlier release and this one together tell a small count.
    """
    counties = {one.code: one.county for one in catalogue.municipalities.values()}
    told = [_tables(chain, fits, catalogue, counties) for chain, fits in prepared.items()]
    tables = {name: table for some in told for name, table in some.items()}
    data = "+".join(sorted(fits.outcome.hash for fits in prepared.values()))
    before = earlier(folder) if folder else ()
    nested = {"county": (PLACE, dict(counties))}
    return Publication(tables=tables, data=data, nested=nested, earlier=before, growing=False).closed()


def _tables(chain: str, fits: Fits, catalogue: Catalogue, counties: Mapping[str, str]) -> dict[str, Protected]:
    effect = fits.outcome.effect
    if "clients" not in effect:
        return {}
    clients = effect["clients"].to_series().reindex(list(counties), fill_value=0).astype(int)
    exact: dict[str, tuple[pd.DataFrame, dict[str, Kind]]] = {
        _all(chain): (pd.DataFrame({"clients": [int(effect["clients"].sum())]}), {})
    }
    if catalogue.chains[chain].outcome.transfer == "risk":
        frame = clients.rename_axis(PLACE).rename("clients").reset_index()
        exact[_places(chain)] = (frame, {PLACE: Key()})
    return {name: protect(frame, {**keys, "clients": Count()}, about=chain) for name, (frame, keys) in exact.items()}


def counts_of(publication: Publication, chain: str, code: str) -> dict[str, int]:
    """What the appraisal of a municipality says of its clients and of all; -1 for what is not shown."""
    everyone, places = (publication.tables.get(name) for name in (_all(chain), _places(chain)))
    here = places.table.set_index(PLACE)["clients"][code] if places else pd.NA
    whole = everyone.table["clients"][0] if everyone else pd.NA
    return {
        name: HIDDEN if pd.isna(n) else int(n) for name, n in (("n_clients_protected", here), ("n_clients_all", whole))
    }


def _all(chain: str) -> str:
    return f"{chain}, all"


def _places(chain: str) -> str:
    return f"{chain}, by municipality"
