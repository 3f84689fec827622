"""A binary event within a horizon: binomial on cells.

events ~ Binomial(n, p),  logit p = eta   (see `predictor`)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from costeff.outcomes.base import OutcomeModel
from costeff.outcomes.context import Context
from costeff.outcomes.predictor import linear_predictor, predict, predict_rows, softplus
from costeff.outcomes.standardise import relative_effect, standardised


class Binary(OutcomeModel):
    """Share of clients with the event within the horizon, by municipality, option and risk group."""

    id = "binary"
    statistic = "binary"
    quantity = "risk"
    unit = "probability within the follow-up"
    measure = "odds_ratio"
    columns = ("n", "events")

    def log_likelihood(self, context: Context, data: dict[str, Any]) -> Any:
        eta = linear_predictor(context, data)
        return (data["events"] * eta - data["n"] * softplus(eta)).sum()

    def effect(self, posterior: xr.Dataset, context: Context) -> xr.Dataset:
        risk = standardised("risk", lambda option: expit(predict(posterior, option)), context)
        return risk.merge(relative_effect(posterior))

    def replicate(self, posterior: xr.Dataset, context: Context, rng: np.random.Generator) -> pd.DataFrame:
        rows = self.rows(context)
        events = rng.binomial(rows["n"].to_numpy(), expit(predict_rows(posterior, rows, context)))
        return pd.DataFrame(events.T, index=rows["option"]).groupby(level=0).sum().T

    def observed(self, context: Context) -> pd.Series:
        return self.rows(context).groupby("option")["events"].sum()

    def simulate(self, values: xr.Dataset, context: Context, rng: np.random.Generator) -> pd.DataFrame:
        rows = self.rows(context)
        risk = expit(predict_rows(values.expand_dims("draw"), rows, context)[0])
        return rows.assign(events=rng.binomial(rows["n"].to_numpy(), risk))


def expit(eta: Any) -> Any:
    """Probability from log odds."""
    return 1 / (1 + np.exp(-eta))
