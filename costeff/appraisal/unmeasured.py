"""What an unmeasured confounder would do to the net saving, and how strong it has to be to turn its sign.

The appraisal is run once for each bias factor; confounders of any kind lead to euros through the one factor they
make.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import xarray as xr

from costeff import decision
from costeff.appraisal.assembly import appraise
from costeff.appraisal.request import Request
from costeff.chain import ImpactChain
from costeff.comparison.unmeasured import corrected, e_value, prevalence_factor
from costeff.draws import summarise
from costeff.errors import Problem, UsageError
from costeff.outcomes import Fit
from costeff.params import Catalogue

TOLD = ("chain", "price_set", "price_year", "clients", "seed", "mass", "synthetic", "data", "discount_rate", "version")


def saving_under_bias(
    chain: ImpactChain,
    catalogue: Catalogue,
    fit: Fit,
    municipalities: Sequence[str],
    request: Request,
    biases: Sequence[float],
    costs: Fit | None = None,
) -> xr.Dataset:
    """Net saving by how much confounding moved the effect.

    Parameters
    ----------
    biases
        Bias factors, as in `comparison.corrected`: above 1 the effect was exaggerated, below 1 a part of it was
        hidden. 1, the estimate as it is, is always added.
    costs
        As `appraise`.

    Returns
    -------
    Dataset over (bias, municipality), EUR for `request.clients` clients over the horizon, present value:
    `mean`, `low`, `high` (interval of the conventions' mass) and `probability` of a saving.

    Raises
    ------
    UsageError, ParamsError
        As `corrected` and `appraise`.
    """
    factors = sorted({1.0, *(float(bias) for bias in biases)})
    runs = []
    for bias in factors:
        moved = replace(fit, effect=corrected(fit.effect, bias), hash=f"{fit.hash}-bias-{bias:g}")
        appraised = appraise(chain, catalogue, moved, municipalities, request, costs)
        saved = [decision.net_saving(appraised.sel(municipality=code, drop=True)) for code in municipalities]
        draws = xr.concat(saved, dim="municipality").assign_coords(municipality=list(municipalities))
        told = summarise(draws, float(appraised.attrs["mass"])).drop_vars("median")
        runs.append(told.assign(probability=(draws > 0).mean("draw")))
    attrs = {name: appraised.attrs[name] for name in TOLD}
    return xr.concat(runs, dim="bias").assign_coords(bias=factors).assign_attrs(attrs, unit="EUR")


def turning_point(savings: xr.Dataset) -> xr.Dataset:
    """The bias factor nearest to 1 at which the expected net saving changes its sign, by municipality.

    Parameters
    ----------
    savings
        Of `saving_under_bias`.

    Returns
    -------
    Dataset over municipality
        `bias`, linear in its logarithm between the factors that were run; `e_value`, how strongly a confounder has
        to be tied to both option and event to make it; `status`: "turns", or "saves" or "costs" at every factor run.
        Missing unless it turns: nothing is extrapolated.
    """
    names, logs = savings["municipality"].to_numpy(), np.log(savings["bias"].to_numpy())
    found = [_turn(logs, mean) for mean in savings["mean"].transpose("municipality", "bias").to_numpy()]
    bias = np.exp([np.nan if turn is None else turn for turn in found])
    plain = savings["mean"].sel(bias=1.0).to_numpy()
    status = ["turns" if np.isfinite(b) else "saves" if m > 0 else "costs" for b, m in zip(bias, plain, strict=True)]
    strength = [e_value(b).estimate if np.isfinite(b) else np.nan for b in bias]
    variables = {"bias": bias, "e_value": np.array(strength), "status": np.array(status, dtype=object)}
    out = xr.Dataset({name: ("municipality", values) for name, values in variables.items()})
    return out.assign_coords(municipality=names).assign_attrs(savings.attrs, unit="factor")


def _turn(logs: np.ndarray, mean: np.ndarray) -> float | None:
    """Logarithm of the factor nearest to 1 at which a path crosses zero."""
    at = [
        float(logs[k] + mean[k] / (mean[k] - mean[k + 1]) * (logs[k + 1] - logs[k]))
        for k in range(len(mean) - 1)
        if mean[k] * mean[k + 1] <= 0 and mean[k] != mean[k + 1]
    ]
    return min(at, key=abs) if at else None


def bias_surface(
    savings: xr.Dataset, differences: Sequence[float], ratios: Sequence[float], prevalence: float
) -> xr.Dataset:
    """Expected net saving and probability of a saving, by how common and how harmful a confounder is.

    Parameters
    ----------
    savings
        Of `saving_under_bias`, at factors that reach far enough.
    differences
        How much more common the confounder is, as a share: above 0 in the option that looks worse, below 0 in the
        one that looks better.
    ratios
        How many times it raises the risk of the event, 1 or more.
    prevalence
        Share of clients with it in the option where it is rarer.

    Returns
    -------
    Dataset over (difference, ratio, municipality)
        `bias`, `mean` (EUR), `probability`; missing where the confounder would be in more than all clients, or
        makes a larger bias than was run: nothing is extrapolated.

    Raises
    ------
    UsageError
        Fewer than two factors; a share below 0, a risk ratio below 1.
    """
    if savings.sizes["bias"] < 2:
        rule = "was run at one factor only"
        raise UsageError("The surface cannot be drawn", [Problem("biases", rule, "run some factors above 1")])
    at = np.asarray(differences, dtype=float)[:, None], np.asarray(ratios, dtype=float)[None, :]
    coords = {"difference": list(differences), "ratio": list(ratios)}
    bias = xr.DataArray(prevalence_factor(prevalence, *at), dims=("difference", "ratio"), coords=coords)
    logs = savings[["mean", "probability"]].assign_coords(bias=np.log(savings["bias"]))
    surface = logs.interp(bias=np.log(bias)).drop_vars("bias").assign(bias=bias)
    return surface.transpose("difference", "ratio", ...).assign_attrs(savings.attrs, prevalence=prevalence)
