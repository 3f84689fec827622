"""What tests of outcome models share: clients, the likelihood as a function, the predictor written out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from costeff.draws import rng
from costeff.outcomes import Context
from costeff.outcomes.base import OutcomeModel

PLACES = {"091": "90", "165": "07", "837": "08"}
KEYS = ["municipality", "option", "group"]


def clients(size: int, seed: int = 7) -> pd.DataFrame:
    """A row for each client of three municipalities, by lot."""
    pick = rng(seed, "clients")
    columns = {"municipality": list(PLACES), "option": ["usual", "new"], "group": ["high", "low"]}
    return pd.DataFrame({name: pick.choice(values, size) for name, values in columns.items()})


class Likelihood:
    """A model's own log likelihood, for any clients with the same coords and any parameters."""

    def __init__(self, model: OutcomeModel, context: Context) -> None:
        import pytensor

        self.model, self.context, self.built = model, context, model.build(context)
        self.made = [v.name for v in self.built.deterministics]
        self.at = pytensor.function(
            self.built.free_RVs, self.built.deterministics, mode="FAST_COMPILE", on_unused_input="ignore"
        )

    def parameters(self, seed: int) -> xr.Dataset:
        """Parameters near the middle of their priors, with all that the model makes of them."""
        pick, dims, free = rng(seed, "parameters"), self.built.named_vars_to_dims, {}
        for rv in self.built.free_RVs:
            shape = [len(self.built.coords[dim]) for dim in dims[rv.name]] if rv.name in dims else rv.type.shape
            prior = self.context.priors.get(rv.name.replace("level_raw", "intercept"))
            value = 0.5 * pick.standard_normal(shape)
            is_sd = rv.name.endswith("_sd") and rv.name != "log_sd"
            free[rv.name] = np.abs(value) if is_sd else getattr(prior, "mean", 0.0) + value
        made = dict(zip(self.made, self.at(*free.values()), strict=True))
        del made["log_likelihood"]
        named = {
            name: (dims.get(name, [f"{name}_{i}" for i in range(np.ndim(value))]), value)
            for name, value in {**free, **made}.items()
        }
        return xr.Dataset(named, coords={dim: list(at) for dim, at in self.built.coords.items()})

    def __call__(self, context: Context, truth: xr.Dataset) -> float:
        for name, values in self.model.data(context).items():
            shared = self.built[name]
            shared.set_value(values.astype(shared.dtype))
        values = self.at(*(truth[rv.name].to_numpy() for rv in self.built.free_RVs))
        return float(values[self.made.index("log_likelihood")])


def predictor(truth: xr.Dataset, rows: pd.DataFrame, part: str = "") -> np.ndarray:
    """The predictor of each row: an array over (the dim of the part, if it has one, and) row."""
    new = (rows["option"] == "new").to_numpy(float)

    def of(name: str, dim: str | None = None) -> np.ndarray:
        if part + name not in truth:
            return np.zeros(len(rows))
        values = truth[part + name]
        if dim is None:
            return values.to_numpy()[..., None]
        return values.sel({dim: rows[dim].to_numpy()}).transpose(..., dim).to_numpy()

    effect = of("effect") + of("group_effect_new", "group") + of("municipality_effect_new", "municipality")
    return of("intercept") + of("group_effect", "group") + of("place", "municipality") + new * effect
