"""Time to an event with censoring: piecewise exponential on events and exposure.

    events ~ Poisson(exposure x hazard)
    log hazard = log_hazard of the interval + group + [option = new] effect

The Poisson likelihood on cells is that of the piecewise exponential model on rows,
up to a constant (Holford 1980, doi:10.2307/2529982).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from costeff.draws import NEW, OPTIONS, USUAL
from costeff.outcomes.base import Context, OutcomeModel, share_of_groups, zero_sum


class TimeToEvent(OutcomeModel):
    """Hazard of the event by interval and risk group, and the hazard ratio of the new option."""

    id = "time_to_event"
    statistic = "exposure"
    measure = "hazard_ratio"
    gated = ("log_hazard", "group_effect", "group_sd", "effect")

    def build(self, context: Context) -> Any:
        import pymc as pm

        cells, prior = context.cells.table, context.priors
        g = context.position("group", cells["group"])
        k = context.position("interval", cells["interval"])
        new = (cells["option"] == NEW).to_numpy(dtype=float)
        with pm.Model(coords=context.coords) as model:
            log_hazard = pm.Normal("log_hazard", prior["log_hazard"].mean, prior["log_hazard"].sd, dims="interval")
            group_sd = pm.HalfNormal("group_sd", prior["group_sd"].sd)
            group = pm.Deterministic("group_effect", group_sd * zero_sum("group_raw", "group", context), dims="group")
            effect = pm.Normal("effect", prior["effect"].mean, prior["effect"].sd)
            log_rate = log_hazard[k] + group[g] + new * effect
            exposure = cells["exposure"].to_numpy()
            pm.Poisson("events", mu=exposure * pm.math.exp(log_rate), observed=cells["events"].to_numpy())
        return model

    def effect(self, posterior: xr.Dataset, context: Context) -> xr.Dataset:
        """Hazard ratio, and the risk within the follow-up standardised to the mix of clients."""
        mix = share_of_groups(context)
        width = context.interval_widths()
        risks = []
        for option in OPTIONS:
            log_rate = posterior["log_hazard"] + posterior["group_effect"]
            if option == NEW:
                log_rate = log_rate + posterior["effect"]
            cumulative = (width * np.exp(log_rate)).sum("interval")
            risks.append((mix * (1 - np.exp(-cumulative))).sum("group"))
        risk = xr.concat(risks, dim="option").assign_coords(option=list(OPTIONS))
        return xr.Dataset({"risk": risk.transpose("draw", "option"), "ratio": np.exp(posterior["effect"])})

    def replicate(self, posterior: xr.Dataset, context: Context, rng: np.random.Generator) -> pd.DataFrame:
        """Replicated total events by option, for the posterior predictive check."""
        cells = context.cells.table
        g = context.position("group", cells["group"])
        k = context.position("interval", cells["interval"])
        new = (cells["option"] == NEW).to_numpy(dtype=float)
        log_rate = (
            posterior["log_hazard"].to_numpy()[:, k]
            + posterior["group_effect"].to_numpy()[:, g]
            + posterior["effect"].to_numpy()[:, None] * new
        )
        events = rng.poisson(cells["exposure"].to_numpy() * np.exp(log_rate))
        return pd.DataFrame({o: events[:, (cells["option"] == o).to_numpy()].sum(axis=1) for o in (USUAL, NEW)})
