"""The gate: what a fit has to pass before any figure is made from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import xarray as xr

from costeff.draws import rng, thin
from costeff.outcomes.base import OutcomeModel, Sampling
from costeff.outcomes.context import Context

# Vehtari et al. 2021, doi:10.1214/20-BA1221 (R-hat, ESS); Betancourt 2016, arXiv:1604.00695 (E-BFMI)
RHAT_LIMIT = 1.01
ESS_PER_CHAIN = 100
BFMI_LIMIT = 0.3
PREDICTIVE_TAIL = 0.005
REPLICATIONS = 1000


@dataclass(frozen=True)
class Check:
    """One diagnostic: what was measured, where, and the limit."""

    check: str  # rhat, ess_bulk, ess_tail, divergences, bfmi, predictive
    where: str
    value: float
    limit: float
    passed: bool


def watched(posterior: xr.Dataset) -> list[str]:
    """Parameters told one by one: all but those of single municipalities, and the log likelihood."""
    return [
        str(name)
        for name, values in posterior.data_vars.items()
        if "municipality" not in values.dims and "_raw" not in str(name) and name != "log_likelihood"
    ]


def gate(
    model: OutcomeModel, posterior: xr.Dataset, stats: xr.Dataset, flat: xr.Dataset, effect: xr.Dataset,
    context: Context, sampling: Sampling,
) -> tuple[Check, ...]:  # fmt: skip
    """All checks: of the parameters, of the quantity a report uses, of the sampler, and of what the fit foresees."""
    told = posterior[watched(posterior)]
    return (
        *_mixing(told, sampling),
        *_mixing(_by_chain(effect[[f"{model.quantity}_by_group"]], sampling), sampling),
        *_sampler(stats),
        *_predictive(model, flat, context, sampling),
    )


def _by_chain(flat: xr.Dataset, sampling: Sampling) -> xr.Dataset:
    """One draw index taken apart into its chains again."""
    chains = [part.assign_coords(draw=np.arange(sampling.draws)) for part in _parts(flat, sampling)]
    return xr.concat(chains, "chain").assign_coords(chain=np.arange(sampling.chains))


def _parts(flat: xr.Dataset, sampling: Sampling) -> list[xr.Dataset]:
    return [flat.isel(draw=slice(c * sampling.draws, (c + 1) * sampling.draws)) for c in range(sampling.chains)]


def _mixing(draws: xr.Dataset, sampling: Sampling) -> list[Check]:
    """R-hat, and effective draws in bulk and tails: the worst of each variable."""
    import arviz as az

    limit = ESS_PER_CHAIN * sampling.chains
    with np.errstate(invalid="ignore"):  # of what is zero throughout, such as the cost of an option without any
        rhat = az.rhat(draws)
        ess = {kind: az.ess(draws, method=kind) for kind in ("bulk", "tail")}
    checks = []
    for name in map(str, draws.data_vars):
        if not float(draws[name].std()):
            continue  # a term of a single group or county, which is zero
        worst = float(rhat[name].max())
        checks.append(Check("rhat", name, worst, RHAT_LIMIT, bool(worst < RHAT_LIMIT)))
        for kind, found in ess.items():
            least = float(found[name].min())
            checks.append(Check(f"ess_{kind}", name, least, limit, bool(least >= limit)))
    return checks


def _sampler(stats: xr.Dataset) -> list[Check]:
    import arviz as az

    divergent = int(stats["diverging"].sum())
    least = float(np.min(az.bfmi(stats["energy"])))
    return [
        Check("divergences", "all", divergent, 0, divergent == 0),
        Check("bfmi", "all", least, BFMI_LIMIT, bool(least >= BFMI_LIMIT)),
    ]


def _predictive(model: OutcomeModel, flat: xr.Dataset, context: Context, sampling: Sampling) -> list[Check]:
    """The statistic that a report uses, by option, against its replications."""
    some = cast(xr.Dataset, thin(flat, min(REPLICATIONS, flat.sizes["draw"])))
    replicated = model.replicate(some, context, rng(sampling.seed, "posterior predictive"))
    observed = model.observed(context)
    checks = []
    for option in replicated.columns:
        below = (replicated[option] < observed[option]).mean() + 0.5 * (replicated[option] == observed[option]).mean()
        tail = float(min(below, 1 - below))
        where = " ".join([model.quantity, *([option] if isinstance(option, str) else map(str, option))])
        checks.append(Check("predictive", where, tail, PREDICTIVE_TAIL, tail >= PREDICTIVE_TAIL))
    return checks
