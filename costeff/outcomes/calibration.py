"""Simulation-based calibration: does a model find the truth as often as it says, when the truth is its own?

Draw parameters from the prior, clients from the parameters, and fit: over many repetitions the rank of the
truth among the draws is uniform, or the fit is wrong (Talts et al. 2018, arXiv:1804.06788; Modrák et al. 2023,
doi:10.1214/23-BA1404).
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import xarray as xr

from costeff.draws import rng
from costeff.outcomes.base import OutcomeModel, Sampling
from costeff.outcomes.context import Context
from costeff.outcomes.gate import watched
from costeff.outcomes.sampling import sample

RANKS = 100  # draws the truth is ranked among
THINNED = 4  # of as many: neighbouring draws are alike
QUICK = Sampling(seed=0, draws=RANKS * THINNED, tune=400, chains=1)


def calibrate(
    model: OutcomeModel,
    context: Context,
    simulations: int,
    seed: int,
    *,
    fitted: OutcomeModel | None = None,
    sampling: Sampling = QUICK,
    report: Callable[[int], None] = lambda done: None,
) -> pd.DataFrame:
    """Ranks of the truth among the draws of its fit.

    Parameters
    ----------
    context
        Cells whose clients are simulated anew: their number, places, groups and options stay.
    fitted
        Another model that is fitted to what `model` simulates: the positive control, which has to fail.
    report
        Called with the number of simulations done.

    Returns
    -------
    DataFrame
        simulation, parameter, rank (0 to RANKS); a row for each parameter told one by one, each element of it, and
        `log_likelihood`, which sees mistakes in the likelihood that no single parameter shows.
    """
    truths, likelihood = prior_draws(model, context, simulations, seed), _log_likelihood(fitted or model, context)
    rows = []
    for number in range(simulations):
        truth = truths.isel(draw=number, drop=True)
        table = model.simulate(truth, context, rng(seed, "calibration", str(number)))
        other = replace(context, cells=replace(context.cells, table=table))
        settings = replace(sampling, seed=seed + number + 1)
        posterior, _ = sample(fitted or model, other, settings)
        kept = posterior.isel(chain=0, draw=slice(None, None, THINNED))
        truth["log_likelihood"] = likelihood(other, truth)
        for name in [*watched(posterior), "log_likelihood"]:
            below = (kept[name] < truth[name]).sum("draw").to_numpy()
            for place, rank in np.ndenumerate(below):
                label = name if not place else f"{name}{list(place)}"
                rows.append((number, label, int(rank)))
        report(number + 1)
    return pd.DataFrame(rows, columns=["simulation", "parameter", "rank"])


def _log_likelihood(model: OutcomeModel, context: Context) -> Callable[[Context, xr.Dataset], float]:
    """The model's log likelihood of other rows, at given parameters."""
    from pytensor.compile.maker import function

    built = model.build(context)
    rows = {name: built[name] for name in model.data(context)}
    inputs = [*built.free_RVs]
    of = function(inputs, built["log_likelihood"], mode="FAST_COMPILE", on_unused_input="ignore")

    def at(other: Context, truth: xr.Dataset) -> float:
        for name, values in model.data(other).items():
            rows[name].set_value(values.astype(rows[name].dtype))
        return float(of(*(truth[rv.name].to_numpy() for rv in inputs)))

    return at


def prior_draws(model: OutcomeModel, context: Context, draws: int, seed: int) -> xr.Dataset:
    """The model's parameters drawn from their prior, over `draw`."""
    import pymc as pm

    logging.getLogger("pymc.sampling.forward").setLevel(logging.WARNING)  # it names the variables on every call
    built = model.build(context)
    names = [v.name for v in (*built.free_RVs, *built.deterministics) if v.name != "log_likelihood"]
    with built, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The effect of Potentials")  # simulate() draws the clients
        tree = pm.sample_prior_predictive(draws, var_names=names, random_seed=seed)
    drawn: xr.Dataset = tree["prior"].to_dataset().isel(chain=0, drop=True).drop_attrs()
    return drawn


def uniformity(ranks: pd.DataFrame, bins: int = 20) -> pd.DataFrame:
    """Whether the ranks of each parameter are uniform.

    Returns
    -------
    DataFrame
        parameter, simulations, chi_square (of `bins` equal bins), p, and p_adjusted for the number of
        parameters (Holm): below 0.01 for any parameter, the model is not calibrated.
    """
    from scipy.stats import chisquare
    from statsmodels.stats.multitest import multipletests

    rows = []
    for name, found in ranks.groupby("parameter", sort=False)["rank"]:
        counts, _ = np.histogram(found, bins=np.linspace(0, RANKS + 1, bins + 1))
        expected = np.diff(np.ceil(np.linspace(0, RANKS + 1, bins + 1))) / (RANKS + 1) * len(found)
        test = chisquare(counts, expected)
        rows.append((name, len(found), float(test.statistic), float(test.pvalue)))
    table = pd.DataFrame(rows, columns=["parameter", "simulations", "chi_square", "p"])
    return table.assign(p_adjusted=multipletests(table["p"], method="holm")[1])
