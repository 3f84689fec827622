"""Time to an event with censoring: piecewise exponential on events and exposure.

    events ~ Poisson(exposure x hazard),  log hazard = log_hazard of the interval + eta   (see `predictor`)

The Poisson likelihood on cells is that of the piecewise exponential model on rows,
up to a constant (Holford 1980, doi:10.2307/2529982).
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pandas as pd
import xarray as xr

from costeff.outcomes.base import OutcomeModel
from costeff.outcomes.context import Context
from costeff.outcomes.predictor import Part, linear_predictor, normal, predict, predict_rows
from costeff.outcomes.standardise import over_groups, relative_effect, standardised

HAZARD = Part(intercept=False)  # the baseline of each interval stands in its place


class TimeToEvent(OutcomeModel):
    """Hazard of the event by interval, and the hazard ratio of the new option."""

    id = "time_to_event"
    statistic = "exposure"
    quantity = "risk"
    unit = "probability within the follow-up"
    measure = "hazard_ratio"
    columns = ("events", "exposure")
    priors = ("log_hazard",)

    def data(self, context: Context) -> dict[str, np.ndarray]:
        return {**super().data(context), "at_interval": context.position("interval", self.rows(context)["interval"])}

    def log_likelihood(self, context: Context, data: dict[str, Any]) -> Any:
        import pymc as pm

        baseline = normal("log_hazard", context.priors["log_hazard"], ("interval",))
        eta = baseline[data["at_interval"]] + linear_predictor(context, data, HAZARD)
        return (data["events"] * eta - data["exposure"] * pm.math.exp(eta)).sum()

    def effect(self, posterior: xr.Dataset, context: Context) -> xr.Dataset:
        """Risk, and `survival` (draw, option, interval) at the end of each interval, `hazard` (per day) within it and
        `restricted_mean` (draw, option), days without the event within the follow-up; these for the whole country."""
        width = context.interval_widths()

        def surviving(option: str) -> xr.DataArray:
            log_hazard = posterior["log_hazard"] + predict(posterior, option, HAZARD)
            return cumulative_survival(cast(xr.DataArray, np.exp(log_hazard)) * width)

        alive = standardised("survival", surviving, context)
        risk = 1 - alive.isel(interval=-1, drop=True).rename(survival="risk", survival_by_group="risk_by_group")
        country = over_groups(alive["survival_by_group"], context)
        before = country.shift(interval=1, fill_value=1.0)
        hazard = np.log(before / country) / width
        lived = ((before - country) / hazard).where(hazard > 0, before * width)
        more = {"survival": country, "hazard": hazard, "restricted_mean": lived.sum("interval")}
        return risk.merge(relative_effect(posterior)).assign(more)

    def _log_rate(self, posterior: xr.Dataset, context: Context) -> np.ndarray:
        rows = self.rows(context)
        baseline = posterior["log_hazard"].transpose("draw", "interval").to_numpy()
        own = baseline[:, context.position("interval", rows["interval"])]
        return np.asarray(own + predict_rows(posterior, rows, context, HAZARD))

    def replicate(self, posterior: xr.Dataset, context: Context, rng: np.random.Generator) -> pd.DataFrame:
        rows = self.rows(context)
        events = rng.poisson(rows["exposure"].to_numpy() * np.exp(self._log_rate(posterior, context)))
        return pd.DataFrame(events.T, index=rows["option"]).groupby(level=0).sum().T

    def observed(self, context: Context) -> pd.Series:
        return self.rows(context).groupby("option")["events"].sum()

    def simulate(self, values: xr.Dataset, context: Context, rng: np.random.Generator) -> pd.DataFrame:
        rows = self.rows(context)
        rate = np.exp(self._log_rate(values.expand_dims("draw"), context)[0])
        return rows.assign(events=rng.poisson(rows["exposure"].to_numpy() * rate))


def cumulative_survival(hazard: xr.DataArray) -> xr.DataArray:
    """Share without the event at the end of each interval, from the hazard of each whole interval."""
    total = hazard.copy(data=np.cumsum(hazard.to_numpy(), axis=hazard.get_axis_num("interval")))
    return cast(xr.DataArray, np.exp(-total))
