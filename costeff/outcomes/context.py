"""What an outcome model is fitted to: cells, priors and places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from costeff.errors import ModelError, Problem
from costeff.records import Cells

Prior = Any  # has mean and sd; a robust mixture also weight, weak_mean and weak_sd
CENTRED_FROM = 1000  # clients of the middle municipality
LEVELS = ("interval", "cause", "end", "level")  # columns of cells that are dims of a model


@dataclass(frozen=True)
class Context:
    """Cells, priors and places of one fit.

    Parameters
    ----------
    priors
        Parameter -> prior, as params/ declares it; the prior of `effect` may be the robust mixture that
        published evidence makes.
    counties
        Municipality code -> county code, for every municipality that is to have an estimate,
        with or without clients of its own. Empty where the data have no places.
    covariates
        What is known of counties, a row a county and a column a covariate, standardised. A county that did not tell
        one stands at its mean, 0: nothing is assumed of it. None, or without columns, leaves the model as it is.

    Raises
    ------
    ModelError
        For cells that are not divided by option and group, and by municipality where there are places; for
        covariates of other counties, or without a prior of their slopes (`county_slope`).
    """

    cells: Cells
    priors: Mapping[str, Prior]
    counties: Mapping[str, str] = field(default_factory=dict)
    covariates: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        needed = (*(["municipality"] if self.counties else []), "option", "group")
        lacking = ", ".join(name for name in needed if name not in self.cells.table)
        if lacking:
            problem = Problem("cells", f"are not divided by {lacking}", f"make them by {', '.join(needed)}")
            raise ModelError("A model cannot read these cells", [problem])
        if self.regressed:
            unknown = sorted(set(map(str, self.covariates.index)) - set(self.counties.values()))  # type: ignore[union-attr]
            rule = f"are of counties that the model does not know: {', '.join(unknown)}" if unknown else ""
            if "county_slope" not in self.priors:
                rule = "have no prior of their slopes, county_slope"
            if rule:
                cure = "make them of the counties of the model, and declare the prior in priors.yaml"
                raise ModelError("A model cannot read these covariates", [Problem("covariates", rule, cure)])

    @property
    def regressed(self) -> bool:
        """Whether counties have covariates."""
        return self.covariates is not None and bool(len(self.covariates.columns))

    @property
    def covariate_of_county(self) -> np.ndarray:
        """Covariates over (county, covariate), 0 where a county did not tell; centred over the counties."""
        assert self.covariates is not None
        told = self.covariates.set_axis(self.covariates.index.astype(str))
        values = told.reindex(self.coords["county"])[self.coords["covariate"]].fillna(0.0).to_numpy(float)
        return np.asarray(values - values.mean(axis=0))

    @cached_property
    def coords(self) -> dict[str, list[Any]]:
        """Coordinates of the model."""
        table = self.cells.table
        coords: dict[str, list[Any]] = {"group": sorted(table["group"].unique())}
        if self.counties:
            coords["municipality"] = sorted(self.counties)
            coords["county"] = sorted(set(self.counties.values()))
        if self.regressed and self.covariates is not None:
            coords["covariate"] = [str(name) for name in self.covariates]
        for name in LEVELS:
            if name in table:
                coords[name] = sorted(table[name].unique().tolist())
        return coords

    def priors_of(self, part: str) -> Mapping[str, Prior]:
        """Priors of one part of a model: its own where declared, otherwise those of all parts."""
        own = {k.removeprefix(f"{part}_"): v for k, v in self.priors.items() if k.startswith(f"{part}_")}
        return {**self.priors, **own} if part else self.priors

    def position(self, dim: str, values: pd.Series) -> np.ndarray:
        """Where each value stands on its coordinate."""
        where = pd.Index(self.coords[dim]).get_indexer(pd.Index(values))
        if (where < 0).any():
            raise ModelError(
                "The cells name a place the model does not know",
                [
                    Problem(
                        dim,
                        f"{int((where < 0).sum())} cells are outside the {len(self.coords[dim])} known",
                        "check the codes",
                    )
                ],
            )
        return np.asarray(where)

    @property
    def county_of_municipality(self) -> np.ndarray:
        """Position of the county of each municipality."""
        return np.array([self.coords["county"].index(self.counties[m]) for m in self.coords["municipality"]])

    def interval_widths(self) -> xr.DataArray:
        """Length of each interval in days."""
        rows = self.cells.table.drop_duplicates("interval").set_index("interval").loc[self.coords["interval"]]
        return xr.DataArray(
            (rows["end"] - rows["start"]).to_numpy(float), dims="interval", coords={"interval": rows.index}
        )

    @cached_property
    def size(self) -> pd.Series:
        """Clients of each cell, by municipality (where there are places), option and group."""
        table = self.cells.table
        if "interval" in table:  # in the first, everyone is at risk
            table = table[table["interval"] == table["interval"].min()]
        if "cause" in table:  # clients stand once for each cause
            table = table[table["cause"] == table["cause"].min()]
        timed = {"events", "censored"} <= set(table.columns)
        clients = table["events"] + table["censored"] if timed else table["n"]
        by = [*(["municipality"] if self.counties else []), "option", "group"]
        return clients.astype(float).groupby([table[name] for name in by]).sum()

    @property
    def centred(self) -> bool:
        """Whether the middle municipality has so much data that levels are better drawn as they are.

        With little data a level is drawn as a multiple of the spread (non-centred); with much it is known
        better than the spread, to which such draws would be tied (Papaspiliopoulos et al. 2007,
        doi:10.1214/088342307000000014). One form for all: centring only the largest led to divergences.
        """
        return bool(self.counties) and float(self._by_place.median()) >= CENTRED_FROM

    @cached_property
    def _by_place(self) -> pd.Series:
        return self.size.groupby("municipality").sum().reindex(self.coords["municipality"], fill_value=0.0)

    def clients(self) -> xr.DataArray:
        """Clients by municipality, over both options. Unprotected: never published as it is."""
        by_place = self._by_place
        return xr.DataArray(by_place.to_numpy(), dims="municipality", coords={"municipality": by_place.index.to_list()})
