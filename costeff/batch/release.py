"""Which counts of clients a run tells, attacked together before any is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from costeff.disclosure.attack import ContradictionError
from costeff.disclosure.publication import Publication, Statement
from costeff.disclosure.record import earlier
from costeff.disclosure.tables import Count, Key, Kind, Protected, Rule, protect
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
    before = earlier(folder) if folder else ()
    data, growing = {}, set()
    for chain in prepared:
        said = [
            one for one in Publication(tables=tables, data=dict.fromkeys(prepared, "")).statements if one.about == chain
        ]
        data[chain], grown = _tied(said, [one for one in before if one.about == chain])
        growing |= {chain} if grown else set()
    nested = {"county": (PLACE, dict(counties))}
    publication = Publication(tables=tables, data=data, nested=nested, earlier=before, growing=frozenset(growing))
    try:
        return publication.closed()
    except ContradictionError:  # counts that could have grown one by one, and did not together
        return replace(publication, growing=False).closed()


def _tied(said: Sequence[Statement], before: Sequence[Statement]) -> tuple[str, bool]:
    """Which data the statements are of, by number in the order of releases, and whether all dates may be growing.

    Data that say the same as earlier ones of all that was told are the same data, whatever
    a chain was fitted with. Data may be growing as long as no count fell for certain.
    """
    now = {_of(one): one.shown for one in said}
    dates: dict[str, dict[tuple[object, ...], int | None]] = {}
    for one in before:
        dates.setdefault(one.data, {})[_of(one)] = one.shown
    same = [date for date, told in dates.items() if told.items() <= now.items()]
    date = same[-1] if same else f"{len(dates) + 1:04d}"
    dates[date] = now
    fell = any(_fell(one, other) for (_, one), (_, other) in pairwise(sorted(dates.items())))
    return date, len(dates) > 1 and all(map(str.isdigit, dates)) and not fell


def _fell(before: Mapping[tuple[object, ...], int | None], after: Mapping[tuple[object, ...], int | None]) -> bool:
    """Whether some count was more before than it can be after."""
    rule = Rule()
    return any(_least(before[one], rule) > _most(after[one], rule) for one in before.keys() & after.keys())


def _of(one: Statement) -> tuple[object, ...]:
    return one.measure, one.within, one.where


def _least(shown: int | None, rule: Rule) -> int:
    return 0 if shown is None else rule.range_of(shown)[0]


def _most(shown: int | None, rule: Rule) -> int:
    return rule.threshold - 1 if shown is None else rule.range_of(shown)[1]


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
    """What the appraisal of a place says of its clients and of all; -1 for what is not shown, as of a county."""
    everyone, places = (publication.tables.get(name) for name in (_all(chain), _places(chain)))
    here = places.table.set_index(PLACE)["clients"].get(code, pd.NA) if places else pd.NA
    whole = everyone.table["clients"][0] if everyone else pd.NA
    return {
        name: HIDDEN if pd.isna(n) else int(n) for name, n in (("n_clients_protected", here), ("n_clients_all", whole))
    }


def _all(chain: str) -> str:
    return f"{chain}, all"


def _places(chain: str) -> str:
    return f"{chain}, by municipality"
