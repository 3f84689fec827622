"""One municipality's appraisal out of many, and its summary as a table."""

from __future__ import annotations

import pandas as pd
import xarray as xr

from costeff import decision
from costeff.draws import summarise
from costeff.params import Catalogue


def one(dataset: xr.Dataset, code: str, catalogue: Catalogue) -> xr.Dataset:
    """The appraisal of one municipality, without payers that have no money in it, with its names.

    Returns
    -------
    Dataset over (draw, option, payer, year).
    """
    place = catalogue.municipality(code)
    county = catalogue.county(place.county)
    here = dataset.sel(municipality=code, drop=True)
    money = abs(here["cost"]) + abs(here["average"])
    paid = money.sum(["draw", "option", "year"]).to_numpy() > 0
    here = here.isel(payer=paid) if paid.any() else here
    local = ("n_clients_protected", "pooling", "evidence")
    told = {name: here[name].item() for name in local}
    return here.drop_vars(local).assign_attrs(
        municipality=code,
        municipality_fi=place.name_fi,
        municipality_sv=place.name_sv,
        municipality_en=place.name("en"),
        county=place.county,
        **{f"county_{language}": county.name[language] for language in ("fi", "sv", "en")},
        **told,
    )


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
