"""A country of clients, exact, and the tables a release would make of it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from costeff.disclosure.publication import Publication
from costeff.disclosure.tables import Count, Key, Protected, Rule, protect

KEYS = ("municipality", "option", "group")
LEVELS = (KEYS, ("municipality",), ("county", "option"), ("option", "group"), ())


def country(counties: int = 5, places: int = 8, seed: int = 1) -> tuple[pd.DataFrame, dict[str, str]]:
    """Clients by municipality, option and group, with many small cells; and the county of each municipality."""
    rng = np.random.default_rng(seed)
    codes = [f"{number:03d}" for number in range(counties * places)]
    county = {code: f"{number // places:02d}" for number, code in enumerate(codes)}
    index = pd.MultiIndex.from_product([codes, ["usual", "new"], ["low", "middle", "high"]], names=KEYS)
    size = np.repeat(rng.lognormal(2.2, 1.1, len(codes)), 6)
    cells = pd.DataFrame({"clients": rng.poisson(size)}, index=index).reset_index()
    return cells.assign(county=cells["municipality"].map(county)), county


def exact(cells: pd.DataFrame, keys: tuple[str, ...]) -> pd.DataFrame:
    if not keys:
        return pd.DataFrame({"clients": [int(cells["clients"].sum())]})
    return cells.groupby(list(keys), as_index=False)["clients"].sum()


def table(cells: pd.DataFrame, keys: tuple[str, ...], rule: Rule | None = None, about: str = "service") -> Protected:
    kinds = {**dict.fromkeys(keys, Key()), "clients": Count()}
    return protect(exact(cells, keys), kinds, about, rule)


def release(cells: pd.DataFrame, county: dict[str, str], levels: tuple = LEVELS, **more: object) -> Publication:
    tables = {"-".join(keys) or "all": table(cells, keys) for keys in levels}
    return Publication(tables=tables, nested={"county": ("municipality", county)}, **more)
