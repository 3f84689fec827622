"""A fit beside what it was made from: raw shares against estimates, prior against posterior."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import xarray as xr

from costeff.disclosure import THRESHOLD, protect_count
from costeff.draws import summarise
from costeff.errors import Problem, UsageError
from costeff.outcomes.base import Context, OutcomeModel
from costeff.outcomes.fit import Fit
from costeff.records.cells import Cells


def raw_beside_estimate(fit: Fit, cells: Cells, mass: float = 0.9, threshold: int = THRESHOLD) -> pd.DataFrame:
    """The share with the event as it was counted, and as the model has it, by municipality and option.

    Parameters
    ----------
    fit
        A fit of these cells, with an estimate for every municipality.
    mass
        Probability that the interval holds.
    threshold
        Fewest clients of a municipality and option whose raw share is shown; below it clients and raw are missing.

    Returns
    -------
    DataFrame
        municipality, option, clients (rounded), raw, estimate, low, high; a row for each municipality and option,
        with or without clients. A raw share tells the number of events of so few clients: for the analyst's own
        eyes when the clients are real.

    Raises
    ------
    UsageError
        When the fit or the cells have no municipalities.
    """
    if "municipality" not in fit.effect["risk"].dims or cells.statistic != "binary" or "municipality" not in cells.by:
        rule = "the fit and the cells need a share for each municipality"
        raise UsageError("Raw shares cannot be shown", [Problem(fit.model, rule, "use binary cells by municipality")])
    counted = cells.table.groupby(["municipality", "option"])[["n", "events"]].sum()
    told = (
        summarise(fit.effect["risk"], mass)[["mean", "low", "high"]].to_dataframe().rename(columns={"mean": "estimate"})
    )
    table = told.join(counted).reset_index()
    n = table["n"].fillna(0).astype(int)
    shown = n >= threshold
    table["clients"] = [protect_count(count, threshold) for count in n]
    table["clients"] = table["clients"].astype("Int64")
    table["raw"] = (table["events"] / n.where(shown)).astype(float)
    return table[["municipality", "option", "clients", "raw", "estimate", "low", "high"]]


def prior_beside_posterior(model: OutcomeModel, context: Context, fit: Fit, draws: int = 2000) -> xr.DataTree:
    """Draws of the model's prior, and of the posterior that the fit found, of the parameters its gate watches.

    Returns
    -------
    DataTree with the groups `prior` and `posterior`, dims chain and draw, as ArviZ reads them; the dim
    `group` is `risk_group` here, for ArviZ calls prior and posterior groups
    """
    import pymc as pm

    logging.getLogger("pymc.sampling.forward").setLevel(logging.WARNING)  # it names the variables on every call
    names = list(model.gated)
    with model.build(context):
        prior = pm.sample_prior_predictive(draws, var_names=names, random_seed=int(fit.effect.attrs["seed"]))
    kept = np.linspace(0, fit.posterior.sizes["draw"] - 1, draws).round().astype(int)
    posterior = fit.posterior[names].isel(draw=kept).assign_coords(draw=np.arange(draws)).expand_dims(chain=[0])
    found = {"/prior": prior["prior"].to_dataset()[names].drop_attrs(), "/posterior": posterior}
    return xr.DataTree.from_dict(
        {k: v.rename(group="risk_group") if "group" in v.dims else v for k, v in found.items()}
    )
