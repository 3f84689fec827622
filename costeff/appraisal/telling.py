"""One municipality's appraisal out of many, and its summary as a table."""

from __future__ import annotations

import pandas as pd
import xarray as xr

from costeff import decision
from costeff.draws import summarise
from costeff.params import Catalogue
from costeff.spec import LANGUAGES, is_county

LOCAL = ("n_clients_protected", "pooling", "evidence")  # told of a municipality, not drawn


def one(dataset: xr.Dataset, code: str, catalogue: Catalogue) -> xr.Dataset:
    """The appraisal of one municipality, without payers that have no money in it, with its names.

    Returns
    -------
    Dataset over (draw, option, payer, year).
    """
    return places_of(dataset.sel(municipality=[code]), catalogue)[code]


def places_of(dataset: xr.Dataset, catalogue: Catalogue) -> dict[str, xr.Dataset]:
    """`one` of every municipality in an appraisal, and of every county that is told as one, by code."""
    money = abs(dataset["cost"]) + abs(dataset["average"])
    paid = (money.sum(["draw", "option", "year"]) > 0).transpose("municipality", "payer").to_numpy()
    told = {name: dataset[name].to_numpy().tolist() for name in LOCAL}
    bare = dataset.drop_vars(LOCAL)
    found = {}
    for number, code in enumerate(map(str, dataset["municipality"].to_numpy())):
        payers = paid[number] if paid[number].any() else slice(None)
        here = bare.isel(municipality=number, payer=payers).drop_vars("municipality")
        found[code] = here.assign_attrs(_names(code, catalogue) | {name: told[name][number] for name in LOCAL})
    return found


def _names(code: str, catalogue: Catalogue) -> dict[str, str]:
    """Those of a municipality and its county; a county that is told as one place bears its own name twice."""
    county = catalogue.county(code if is_county(code) else catalogue.municipality(code).county)
    name = county.name.__getitem__ if is_county(code) else catalogue.municipality(code).name
    names = {f"municipality_{language}": name(language) for language in LANGUAGES}
    languages = {f"county_{language}": county.name[language] for language in LANGUAGES}
    return {"municipality": code, **names, "county": county.code, **languages}


def summary(dataset: xr.Dataset) -> pd.DataFrame:
    """Expected net saving, its interval and probability, by payer and in all, of one municipality's appraisal."""
    payers = decision.by_payer(dataset)
    rows = []
    for name in (*payers["payer"].to_numpy(), None):
        saved = payers.sel(payer=name, drop=True) if name else decision.net_saving(dataset)
        s = summarise(saved, float(dataset.attrs["mass"]))
        rows.append(
            {
                "payer": name or "all",
                "net saving": float(s["mean"]),
                "low": float(s["low"]),
                "high": float(s["high"]),
                "probability of saving": float((saved > 0).mean()),
            }
        )
    return pd.DataFrame(rows)
