"""The contract of an outcome model, and the hash of everything a posterior depends on."""

from __future__ import annotations

import hashlib
import inspect
import json
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import xarray as xr

from costeff import disclosure, draws
from costeff.draws import NEW
from costeff.outcomes.context import Context

VERSIONED = ("costeff", "pymc", "pytensor", "nutpie", "numpy", "scipy", "xarray", "arviz")
LOOKING = ("__init__.py", "compare.py", "places.py")  # files that look at a fit and make nothing of it


class OutcomeModel(ABC):
    """A model class is short: the cells it reads, its likelihood, and what it returns.

    Attributes
    ----------
    id
        Its name in chains and in params/priors.yaml.
    statistic
        The kind of cells it reads.
    quantity
        What it returns for each option: `risk`, `mean` or `share`.
    unit
        Of the quantity.
    measure
        Of the relative effect: `odds_ratio`, `hazard_ratio`, `rate_ratio`, ...
    columns
        Columns of its rows that the likelihood reads.
    priors
        Parameters with a prior, beside those of the shared predictor.
    parts
        Names of predictors beside the first; each may have priors of its own, `<part>_<parameter>`.
    """

    id: ClassVar[str]
    statistic: ClassVar[str]
    quantity: ClassVar[str]
    unit: ClassVar[str]
    measure: ClassVar[str]
    columns: ClassVar[tuple[str, ...]]
    priors: ClassVar[tuple[str, ...]] = ("intercept",)
    parts: ClassVar[tuple[str, ...]] = ()

    def rows(self, context: Context) -> pd.DataFrame:
        """One row a likelihood term; the cells as they are, unless a model turns them."""
        return context.cells.table

    def data(self, context: Context) -> dict[str, np.ndarray]:
        """What of the rows goes into the graph: replaced by other rows, the compiled model can be used again."""
        rows = self.rows(context)
        data = {"at_group": context.position("group", rows["group"]), "new": (rows["option"] == NEW).to_numpy(float)}
        if context.counties:
            data["at_municipality"] = context.position("municipality", rows["municipality"])
        return {**data, **{name: rows[name].to_numpy(float) for name in self.columns}}

    def build(self, context: Context) -> Any:
        """The PyMC model. Its log likelihood, up to a constant, is kept with the draws as one number each."""
        import pymc as pm

        with pm.Model(coords=context.coords) as model:
            data = {name: pm.Data(name, values) for name, values in self.data(context).items()}
            value = pm.Potential("likelihood", self.log_likelihood(context, data))
            pm.Deterministic("log_likelihood", value)
        return model

    @abstractmethod
    def log_likelihood(self, context: Context, data: dict[str, Any]) -> Any:
        """Parameters with their priors, and the log likelihood of all rows: a scalar tensor, inside a PyMC model."""

    @abstractmethod
    def effect(self, posterior: xr.Dataset, context: Context) -> xr.Dataset:
        """The quantity by option, standardised, and the relative effect: see `standardised`."""

    @abstractmethod
    def replicate(self, posterior: xr.Dataset, context: Context, rng: np.random.Generator) -> pd.DataFrame:
        """Replications of `observed`: one column an option, one row a draw."""

    @abstractmethod
    def observed(self, context: Context) -> pd.Series:
        """The statistic by option that the posterior predictive check looks at: the one a report uses."""

    @abstractmethod
    def simulate(self, values: xr.Dataset, context: Context, rng: np.random.Generator) -> pd.DataFrame:
        """Cells drawn from one value of each parameter, for clients as many as the context has."""


@dataclass(frozen=True)
class Sampling:
    """How a model is sampled."""

    seed: int
    draws: int = 1500
    tune: int = 800
    chains: int = 4
    target_accept: float = 0.9

    def again(self, divergent: bool) -> Sampling:
        """A second attempt: more draws where they were too few, and smaller steps where the first ones diverged."""
        accept = 0.99 if divergent else self.target_accept
        return replace(self, draws=3 * self.draws, tune=2 * self.tune, target_accept=accept)


def content_hash(model: OutcomeModel, context: Context, sampling: Sampling) -> str:
    """Hash of everything a posterior depends on: cells, model and its code, priors, places, sampling, versions."""
    parts: dict[str, Any] = {
        "cells": context.cells.hash,
        "model": model.id,
        "code": code_hash(type(model)),
        "priors": {name: str(prior) for name, prior in sorted(context.priors.items())},
        "counties": dict(sorted(context.counties.items())),
        "sampling": asdict(sampling),
        "versions": {name: version(name) for name in VERSIONED},
    }
    if context.regressed:
        parts["covariates"] = context.covariate_of_county.tolist(), context.coords["covariate"]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:20]


@cache
def code_hash(model: type[OutcomeModel]) -> str:
    """Hash of the code a posterior and its effect come from: a model that was changed is another model."""
    files = [file for file in sorted(Path(__file__).parent.glob("*.py")) if file.name not in LOOKING]
    files += (Path(str(m.__file__)) for m in (draws, disclosure))
    texts = [path.read_text(encoding="utf-8") for path in files]
    texts += [_source(cls) for cls in model.__mro__ if issubclass(cls, OutcomeModel)]  # it may stand elsewhere
    return hashlib.sha256("".join(texts).encode()).hexdigest()


def _source(cls: type) -> str:
    """Text of the module a class stands in, or of the class alone where that is a notebook."""
    file = getattr(inspect.getmodule(cls), "__file__", None)
    return Path(file).read_text(encoding="utf-8") if file else inspect.getsource(cls)
