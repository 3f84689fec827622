"""A count per client, such as days in care: negative binomial (NB2) on a frequency table.

count ~ NegativeBinomial(mean m, variance m + dispersion m^2),  log m = eta   (see `predictor`)

Lawless 1987, doi:10.2307/3314912; Cameron & Trivedi 1986, doi:10.1002/jae.3950010104. With one dispersion for all,
clients and counted in each cell and the country's clients by count are sufficient.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from costeff.outcomes.base import OutcomeModel
from costeff.outcomes.context import Context
from costeff.outcomes.predictor import linear_predictor, normal, predict, predict_rows, softplus
from costeff.outcomes.standardise import relative_effect, standardised


class Count(OutcomeModel):
    """Mean count per client, by municipality, option and risk group, and the share of clients with none."""

    id = "count"
    statistic = "count"
    quantity = "mean"
    unit = "count per client"
    measure = "rate_ratio"
    columns = ("n", "total")
    priors = ("intercept", "log_dispersion")

    def rows(self, context: Context) -> pd.DataFrame:
        """The frequency table summed over counts: clients and counted."""
        table = context.cells.table
        table = table.assign(total=table["n"] * table["count"])
        return table.groupby(list(context.cells.by), as_index=False)[["n", "total"]].sum()

    def data(self, context: Context) -> dict[str, np.ndarray]:
        clients = context.cells.table.groupby("count")["n"].sum().astype(float)
        counts = clients.index.to_numpy(float)
        return {**super().data(context), "count": counts, "clients": clients.to_numpy()}

    def log_likelihood(self, context: Context, data: dict[str, Any]) -> Any:
        import pytensor.tensor as pt

        log_dispersion = normal("log_dispersion", context.priors["log_dispersion"], ())
        size = pt.exp(-log_dispersion)
        z = linear_predictor(context, data) + log_dispersion
        cells = data["total"] * z - (data["total"] + size * data["n"]) * softplus(z)
        counts = data["clients"] * (pt.gammaln(data["count"] + size) - pt.gammaln(size))
        return cells.sum() + counts.sum()

    def effect(self, posterior: xr.Dataset, context: Context) -> xr.Dataset:
        """Mean count, and `zeros` (draw, option[, municipality]): the share of clients with none."""
        dispersion = np.exp(posterior["log_dispersion"])

        def mean(option: str) -> Any:
            return np.exp(predict(posterior, option))

        def zeros(option: str) -> Any:
            return np.exp(-np.log1p(dispersion * mean(option)) / dispersion)

        out = standardised("mean", mean, context).merge(standardised("zeros", zeros, context))
        return out.merge(relative_effect(posterior))

    def replicate(self, posterior: xr.Dataset, context: Context, rng: np.random.Generator) -> pd.DataFrame:
        rows = self.rows(context)  # the sum over a cell's clients is negative binomial too
        totals = _draw(predict_rows(posterior, rows, context), posterior, rows["n"].to_numpy(), rng)
        return pd.DataFrame(totals.T, index=rows["option"]).groupby(level=0).sum().T

    def observed(self, context: Context) -> pd.Series:
        return self.rows(context).groupby("option")["total"].sum()

    def simulate(self, values: xr.Dataset, context: Context, rng: np.random.Generator) -> pd.DataFrame:
        """A row a client."""
        table = context.cells.table
        clients = table.loc[table.index.repeat(table["n"])].reset_index(drop=True).assign(n=1)
        one = values.expand_dims("draw")
        return clients.assign(count=_draw(predict_rows(one, clients, context), one, 1, rng)[0])


def _draw(eta: np.ndarray, posterior: xr.Dataset, clients: Any, rng: np.random.Generator) -> np.ndarray:
    """Counted of so many clients each, over (draw, row)."""
    dispersion = np.exp(posterior["log_dispersion"].to_numpy())[:, None]
    return np.asarray(rng.negative_binomial(clients / dispersion, 1 / (1 + dispersion * np.exp(eta))))
