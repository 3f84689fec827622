"""A binary event within a horizon: hierarchical binomial on cells, municipality within county.

    events ~ Binomial(n, p)
    logit p = intercept + group + county + municipality + [option = new] (effect + effect of municipality)

Municipality, county and effect deviations are non-centred; group and county sum to zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from costeff.draws import NEW, OPTIONS, USUAL
from costeff.outcomes.base import Context, OutcomeModel, share_of_groups, zero_sum


class Binary(OutcomeModel):
    """Share of clients with the event within the horizon, by municipality, option and risk group."""

    id = "binary"
    statistic = "binary"
    measure = "odds_ratio"
    gated = ("intercept", "group_effect", "county_sd", "municipality_sd", "effect", "effect_sd")

    def build(self, context: Context) -> Any:
        import pymc as pm

        cells, prior = context.cells.table, context.priors
        m = context.position("municipality", cells["municipality"])
        g = context.position("group", cells["group"])
        c = context.county_of_municipality
        new = (cells["option"] == NEW).to_numpy(dtype=float)
        with pm.Model(coords=context.coords) as model:
            intercept = pm.Normal("intercept", prior["intercept"].mean, prior["intercept"].sd)
            group = zero_sum("group_effect", "group", context, sd=prior["group"].sd)
            county_sd = pm.HalfNormal("county_sd", prior["county_sd"].sd)
            county = pm.Deterministic(
                "county_effect", county_sd * zero_sum("county_raw", "county", context), dims="county"
            )
            municipality_sd = pm.HalfNormal("municipality_sd", prior["municipality_sd"].sd)
            raw = pm.Normal("municipality_raw", dims="municipality")
            place = pm.Deterministic("place", county[c] + municipality_sd * raw, dims="municipality")
            effect = pm.Normal("effect", prior["effect"].mean, prior["effect"].sd)
            effect_sd = pm.HalfNormal("effect_sd", prior["effect_sd"].sd)
            effect_raw = pm.Normal("effect_raw", dims="municipality")
            own = pm.Deterministic("municipality_effect", effect + effect_sd * effect_raw, dims="municipality")
            logit = intercept + group[g] + place[m] + new * own[m]
            pm.Binomial("events", n=cells["n"].to_numpy(), logit_p=logit, observed=cells["events"].to_numpy())
        return model

    def effect(self, posterior: xr.Dataset, context: Context) -> xr.Dataset:
        """Risk by option, standardised to each municipality's own mix of clients (g-computation)."""
        mix = share_of_groups(context)
        base = posterior["intercept"] + posterior["place"] + posterior["group_effect"]
        risks = []
        for option in OPTIONS:
            logit = base + posterior["municipality_effect"] if option == NEW else base
            risks.append((mix / (1 + np.exp(-logit))).sum("group"))
        risk = xr.concat(risks, dim="option").assign_coords(option=list(OPTIONS))
        spread = (posterior["municipality_effect"] - posterior["effect"]).var("draw")
        pooling = (spread / (posterior["effect_sd"] ** 2).mean("draw")).clip(0, 1)
        return xr.Dataset(
            {
                "risk": risk.transpose("draw", "option", "municipality"),
                "ratio": np.exp(posterior["effect"]),
                "ratio_local": np.exp(posterior["municipality_effect"].transpose("draw", "municipality")),
                "pooling": pooling,
            }
        )

    def replicate(self, posterior: xr.Dataset, context: Context, rng: np.random.Generator) -> pd.DataFrame:
        """Replicated total events by option, for the posterior predictive check."""
        cells = context.cells.table
        m = context.position("municipality", cells["municipality"])
        g = context.position("group", cells["group"])
        new = (cells["option"] == NEW).to_numpy(dtype=float)
        place, own = posterior["place"].to_numpy(), posterior["municipality_effect"].to_numpy()
        group, intercept = posterior["group_effect"].to_numpy(), posterior["intercept"].to_numpy()
        logit = intercept[:, None] + group[:, g] + place[:, m] + new * own[:, m]
        events = rng.binomial(cells["n"].to_numpy(), 1 / (1 + np.exp(-logit)))
        return pd.DataFrame({o: events[:, (cells["option"] == o).to_numpy()].sum(axis=1) for o in (USUAL, NEW)})
