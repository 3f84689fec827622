"""What every outcome model shares: the contract, the context of cells, the fit, its gate and its cache."""

from __future__ import annotations

import hashlib
import inspect
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import xarray as xr

from costeff.disclosure import THRESHOLD
from costeff.errors import ModelError, Problem
from costeff.records.cells import Cells


class NormalPrior(Protocol):
    """A prior as params/ declares it."""

    @property
    def mean(self) -> float: ...
    @property
    def sd(self) -> float: ...


@dataclass(frozen=True)
class Context:
    """Cells, priors and places of one fit.

    Parameters
    ----------
    counties
        Municipality code -> county code, for every municipality that is to have an estimate,
        with or without clients of its own. Empty where the data have no places.
    """

    cells: Cells
    priors: Mapping[str, NormalPrior]
    counties: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def coords(self) -> dict[str, list[Any]]:
        """Coordinates of the model."""
        table = self.cells.table
        coords: dict[str, list[Any]] = {"group": sorted(table["group"].unique())}
        if self.counties:
            coords["municipality"] = sorted(self.counties)
            coords["county"] = sorted(set(self.counties.values()))
        if "interval" in table:
            coords["interval"] = sorted(int(k) for k in table["interval"].unique())
        return coords

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

    def clients(self) -> xr.DataArray:
        """Clients by municipality, over both options. Unprotected: never published as it is."""
        n = self.cells.table.groupby("municipality")["n"].sum().reindex(self.coords["municipality"], fill_value=0)
        return xr.DataArray(n.to_numpy(), dims="municipality", coords={"municipality": self.coords["municipality"]})


def share_of_groups(context: Context) -> xr.DataArray:
    """The mix of risk groups, over both options: of each municipality, or of all where there are no places.

    A municipality's own mix is drawn towards that of the whole country by as many clients as the
    threshold of disclosure, and one below the threshold has the mix of the whole country: the mix of
    a handful of clients is noise, and a risk that follows it would tell who they are.
    """
    table = context.cells.table
    size = "n" if "n" in table else "exposure"
    groups = context.coords["group"]
    if "interval" in table:  # everyone is at risk in the first interval: the mix at the start
        table = table[table["interval"] == table["interval"].min()]
    whole = table.groupby("group")[size].sum().reindex(groups, fill_value=0.0)
    whole = whole / whole.sum()
    if not context.counties:
        return xr.DataArray(whole.to_numpy(float), dims="group", coords={"group": groups})
    codes = context.coords["municipality"]
    own = table.pivot_table(index="municipality", columns="group", values=size, aggfunc="sum")
    own = own.reindex(index=codes, columns=groups).astype(float).fillna(0.0)
    own = own.mul(own.sum(axis=1) >= THRESHOLD, axis=0)
    mix = own + THRESHOLD * whole
    mix = mix.div(mix.sum(axis=1), axis=0)
    return xr.DataArray(mix.to_numpy(), dims=("municipality", "group"), coords={"municipality": codes, "group": groups})


def zero_sum(name: str, dim: str, context: Context, sd: float = 1.0) -> Any:
    """Effects that sum to zero; with a single level there is nothing to tell apart."""
    import pymc as pm

    if len(context.coords[dim]) == 1:
        import pytensor.tensor as pt

        return pm.Deterministic(name, pt.zeros(1), dims=dim)
    return pm.ZeroSumNormal(name, sigma=sd, dims=dim)


class OutcomeModel(ABC):
    """A model class is short: the cell statistics it reads, its graph, and what it returns."""

    id: str
    statistic: str
    measure: str
    gated: tuple[str, ...]

    @abstractmethod
    def build(self, context: Context) -> Any:
        """The PyMC model."""

    @abstractmethod
    def effect(self, posterior: xr.Dataset, context: Context) -> xr.Dataset:
        """`risk` (draw, option[, municipality]) within the follow-up, and `ratio` (draw)."""

    @abstractmethod
    def replicate(self, posterior: xr.Dataset, context: Context, rng: np.random.Generator) -> pd.DataFrame:
        """Replicated totals by option, one row a draw."""


@dataclass(frozen=True)
class Sampling:
    """How a model is sampled."""

    seed: int
    draws: int = 2500
    tune: int = 1000
    chains: int = 4
    target_accept: float = 0.95


def _source_hash(kind: type) -> str:
    """Hash of the module a class stands in: a model that was changed is another model."""
    return hashlib.sha256(Path(inspect.getfile(kind)).read_bytes()).hexdigest()


def content_hash(model: OutcomeModel, context: Context, sampling: Sampling) -> str:
    """Hash of everything a posterior depends on: cells, model and its code, priors, places, sampling, versions."""
    parts = {
        "cells": context.cells.hash,
        "model": model.id,
        "code": [_source_hash(type(model)), _source_hash(OutcomeModel)],
        "priors": {name: str(prior) for name, prior in sorted(context.priors.items())},
        "counties": dict(sorted(context.counties.items())),
        "sampling": asdict(sampling),
        "versions": {name: version(name) for name in ("costeff", "pymc", "nutpie", "numpy")},
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:20]
