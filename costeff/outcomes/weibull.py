"""Time to an event with censoring: Weibull on the events and censorings of each distinct time.

    log hazard = log shape + (shape - 1) log u + eta,  u = time / follow-up   (see `predictor`)

so that exp(eta) is the cumulative hazard of the whole follow-up, whatever the shape: the two hardly depend on each
other, and no power of a large number of days is taken. The parametric sibling of `time_to_event`: it needs no
intervals and tells the risk at any day, and it is right when the hazard rises or falls as a power of time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from costeff.errors import ModelError, Problem
from costeff.outcomes.base import OutcomeModel
from costeff.outcomes.context import Context
from costeff.outcomes.predictor import linear_predictor, normal, predict, predict_rows
from costeff.outcomes.standardise import over_groups, relative_effect, standardised

STEPS = 12  # of the follow-up, at whose ends survival is told


class Weibull(OutcomeModel):
    """Hazard of the event as a power of time, and the hazard ratio of the new option."""

    id = "weibull"
    statistic = "time"
    quantity = "risk"
    unit = "probability within the follow-up"
    measure = "hazard_ratio"
    columns = ("events", "log_times")
    priors = ("intercept", "log_shape")

    def rows(self, context: Context) -> pd.DataFrame:
        """The cells summed over times: events, and the log times of events."""
        times = _times(context)
        times = times.assign(log_times=times["events"] * times["log_time"])
        return times.groupby(list(context.cells.by), as_index=False)[["events", "log_times"]].sum()

    def data(self, context: Context) -> dict[str, np.ndarray]:
        times = _times(context)
        more = {name: times[name].to_numpy(float) for name in ("log_time", "clients")}
        return {**super().data(context), **more, "at_row": times["at_row"].to_numpy()}

    def log_likelihood(self, context: Context, data: dict[str, Any]) -> Any:
        import pytensor.tensor as pt

        log_shape = normal("log_shape", context.priors["log_shape"], ())
        shape, eta = pt.exp(log_shape), linear_predictor(context, data)
        events = data["events"] * (log_shape + eta) + shape * data["log_times"]
        hazard = data["clients"] * pt.exp(shape * data["log_time"] + eta[data["at_row"]])
        return events.sum() - hazard.sum()

    def effect(self, posterior: xr.Dataset, context: Context) -> xr.Dataset:
        """Risk, and of the whole country `survival` (draw, option, day) and `restricted_mean` (draw, option).

        The restricted mean is days without the event within the follow-up (Royston & Parmar 2013,
        doi:10.1186/1471-2288-13-152).
        """
        from scipy.special import gamma, gammainc

        shape, follow_up = np.exp(posterior["log_shape"]), _follow_up(context)

        def hazard(option: str, u: float = 1.0) -> Any:
            return np.exp(predict(posterior, option)) * u**shape

        def survival(option: str, u: float) -> Any:
            return np.exp(-hazard(option, u))

        def restricted_mean(option: str) -> Any:
            total, power = hazard(option), 1 / shape
            return follow_up * total**-power * gamma(1 + power) * gammainc(power, total)

        def of_country(of: Callable[[str], Any]) -> xr.DataArray:
            return over_groups(standardised("told", of, context)["told_by_group"], context)

        def risk(option: str) -> Any:
            return -np.expm1(-hazard(option))

        parts = np.arange(1, STEPS + 1) / STEPS
        days = xr.DataArray(follow_up * parts, dims="day", name="day")
        alive = [of_country(partial(survival, u=u)) for u in parts]  # one day at a time bounds the memory
        more = {"survival": xr.concat(alive, days), "restricted_mean": of_country(restricted_mean)}
        out = standardised("risk", risk, context).merge(relative_effect(posterior))
        return out.assign(more).transpose("draw", "option", ...)

    def replicate(self, posterior: xr.Dataset, context: Context, rng: np.random.Generator) -> pd.DataFrame:
        """Events of as much cumulative hazard as the clients came through: what the fit takes out, on average."""
        rows, times = self.rows(context), _times(context)
        log_time, clients = times["log_time"].to_numpy(), times["clients"].to_numpy(float)
        per_eta = [
            np.bincount(times["at_row"], clients * np.exp(shape * log_time), minlength=len(rows))
            for shape in np.exp(posterior["log_shape"].to_numpy())
        ]
        hazard = np.array(per_eta) * np.exp(predict_rows(posterior, rows, context))
        return pd.DataFrame(rng.poisson(hazard).T, index=rows["option"]).groupby(level=0).sum().T

    def observed(self, context: Context) -> pd.Series:
        return self.rows(context).groupby("option")["events"].sum()

    def simulate(self, values: xr.Dataset, context: Context, rng: np.random.Generator) -> pd.DataFrame:
        """A row a client: followed as long as those who were censored, and the others to the end."""
        table, follow_up = context.cells.table, _follow_up(context)
        ended = table.assign(time=follow_up)
        clients = pd.concat(
            [part.loc[part.index.repeat(part[name])] for name, part in {"events": ended, "censored": table}.items()],
            ignore_index=True,
        )
        eta = predict_rows(values.expand_dims("draw"), clients, context)[0]
        power = np.exp(-float(values["log_shape"]))
        time = follow_up * (rng.standard_exponential(len(clients)) * np.exp(-eta)) ** power
        event = (time <= clients["time"]).to_numpy()
        return clients.assign(time=np.where(event, time, clients["time"]), events=event * 1, censored=~event * 1)


def _follow_up(context: Context) -> float:
    """Days that are the unit of time."""
    return float(context.cells.follow_up or context.cells.table["time"].max())


def _times(context: Context) -> pd.DataFrame:
    """Cells with their clients, the log of their time, and the row of the model they belong to."""
    table = context.cells.table
    if not (table["time"] > 0).all():
        problem = Problem("time cells", "a time is not above 0", "count days from the day after the start")
        raise ModelError("The model cannot read these cells", [problem])
    return table.assign(
        clients=table["events"] + table["censored"],
        log_time=np.log(table["time"] / _follow_up(context)),
        at_row=table.groupby(list(context.cells.by)).ngroup(),
    )
