"""Time to the first of several events: piecewise exponential hazards by cause, on events and exposure.

    events of a cause ~ Poisson(exposure x hazard of the cause)
    log hazard = log_hazard of the cause and interval + eta of the cause   (see `predictor`)

Given the hazards of all causes, each cause has the likelihood of `time_to_event` with the others as censoring
(Prentice et al. 1978, doi:10.2307/2530374). The risk of a cause is not 1 - exp(-its own hazard): who had another
event first is no longer at risk (Putter et al. 2007, doi:10.1002/sim.2712).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from costeff.errors import ModelError, Problem
from costeff.outcomes.base import OutcomeModel
from costeff.outcomes.context import Context
from costeff.outcomes.predictor import Part, linear_predictor, normal, predict, predict_rows
from costeff.outcomes.standardise import over_groups, relative_effect, standardised

CAUSES = Part(dim="cause", intercept=False)  # the baseline of each cause and interval stands in its place


class Competing(OutcomeModel):
    """Cumulative incidence of each cause within the follow-up, and its hazard ratio."""

    id = "competing"
    statistic = "competing"
    quantity = "risk"
    unit = "probability within the follow-up"
    measure = "hazard_ratio"
    columns = ("exposure",)
    priors = ("log_hazard",)

    def rows(self, context: Context) -> pd.DataFrame:
        """A row for each interval of a cell: its exposure, and the events of the causes by their number."""
        table, keys = context.cells.table, [*context.cells.by, "interval"]
        table = table.assign(cause=context.position("cause", table["cause"]))
        rows = table.pivot(index=[*keys, "exposure"], columns="cause", values="events").fillna(0.0)
        if rows.index.droplevel("exposure").has_duplicates:
            rule = "the exposure of an interval differs between causes"
            cure = "give each cause the time to the first of the events"
            raise ModelError("The model cannot read these cells", [Problem("competing cells", rule, cure)])
        return rows.reset_index()

    def data(self, context: Context) -> dict[str, np.ndarray]:
        rows = self.rows(context)
        at = context.position("interval", rows["interval"])
        return {**super().data(context), "at_interval": at, "events": self._events(context, rows)}

    @staticmethod
    def _events(context: Context, rows: pd.DataFrame) -> np.ndarray:
        """Over (cause, row)."""
        return np.asarray(rows[list(range(len(context.coords["cause"])))].to_numpy(float).T)

    def log_likelihood(self, context: Context, data: dict[str, Any]) -> Any:
        import pytensor.tensor as pt

        baseline = normal("log_hazard", context.priors["log_hazard"], ("cause", "interval"))
        eta = baseline[:, data["at_interval"]] + linear_predictor(context, data, CAUSES)
        return (data["events"] * eta - data["exposure"] * pt.exp(eta)).sum()

    def effect(self, posterior: xr.Dataset, context: Context) -> xr.Dataset:
        """Risk (draw, option, cause[, municipality]), and of the whole country, at the end of each interval,
        `incidence` (draw, option, cause, interval) and `survival` (draw, option, interval) without any of the events.
        """
        happened = standardised("incidence", lambda option: _incidence(posterior, option, context), context)
        last = happened.isel(interval=-1, drop=True)
        risk = last.rename(incidence="risk", incidence_by_group="risk_by_group")
        country = over_groups(happened["incidence_by_group"], context)
        more = {"incidence": country, "survival": 1 - country.sum("cause")}
        return risk.merge(relative_effect(posterior)).assign(more)

    def replicate(self, posterior: xr.Dataset, context: Context, rng: np.random.Generator) -> pd.DataFrame:
        """Events by option and cause, a column each."""
        rows = self.rows(context)
        events = rng.poisson(rows["exposure"].to_numpy() * np.exp(_log_hazard(posterior, rows, context)))
        causes = [
            pd.DataFrame(events[:, i].T, index=rows["option"] + f" {cause}").groupby(level=0).sum().T
            for i, cause in enumerate(context.coords["cause"])
        ]
        return pd.concat(causes, axis=1)

    def observed(self, context: Context) -> pd.Series:
        table = context.cells.table
        return table.assign(label=table["option"] + " " + table["cause"]).groupby("label")["events"].sum()

    def simulate(self, values: xr.Dataset, context: Context, rng: np.random.Generator) -> pd.DataFrame:
        table = context.cells.table
        log_hazard = _log_hazard(values.expand_dims("draw"), table, context)[0]
        own = log_hazard[context.position("cause", table["cause"]), np.arange(len(table))]
        return table.assign(events=rng.poisson(table["exposure"].to_numpy() * np.exp(own)))


def _log_hazard(posterior: xr.Dataset, rows: pd.DataFrame, context: Context) -> np.ndarray:
    """Over (draw, cause, row)."""
    baseline = posterior["log_hazard"].transpose("draw", "cause", "interval").to_numpy()
    own = baseline[:, :, context.position("interval", rows["interval"])]
    return np.asarray(own + predict_rows(posterior, rows, context, CAUSES))


def _incidence(posterior: xr.Dataset, option: str, context: Context) -> Any:
    """Share whose first event was of each cause, up to the end of each interval.

    Within an interval hazards are constant, so that each cause has its share of the events of all.
    """
    eta, widths = predict(posterior, option, CAUSES), context.interval_widths()
    alive: Any = 1.0
    happened: Any = 0.0
    told = []
    for interval in widths["interval"]:  # one at a time bounds the memory
        hazard: Any = np.exp(posterior["log_hazard"].sel(interval=interval, drop=True) + eta)
        total = hazard.sum("cause")
        ended = total * widths.sel(interval=interval, drop=True)
        happened = happened + hazard * (alive * -np.expm1(-ended) / total)
        alive = alive * np.exp(-ended)
        told.append(happened)
    return xr.concat(told, widths["interval"])
