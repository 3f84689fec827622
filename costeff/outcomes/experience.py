"""Client experience on an ordered scale: a cumulative logit on counts by level.

    P(level > k) = logit^-1(eta - cutpoint[k])   (see `predictor`)

The effect shifts the log odds of a better answer, alike at every cutpoint: proportional odds
(McCullagh 1980, doi:10.1111/j.2517-6161.1980.tb01109.x). Cutpoints are the ordered values of as many
normal draws; their prior is that of their order statistics.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from costeff.outcomes.binary import expit
from costeff.outcomes.categories import Categories
from costeff.outcomes.context import Context
from costeff.outcomes.predictor import Part, linear_predictor, softplus


class Experience(Categories):
    """Shares of clients by answer, from the worst to the best, and the mean answer."""

    id = "experience"
    priors = ("cutpoint",)
    statistic = "level"
    category = "level"
    part = Part(intercept=False)  # the cutpoints stand in its place

    def log_likelihood(self, context: Context, data: dict[str, Any]) -> Any:
        import pymc as pm
        import pytensor.tensor as pt
        from pymc.distributions.transforms import ordered

        prior, levels = context.priors["cutpoint"], context.coords["level"]
        pm.modelcontext(None).add_coord("cut", levels[:-1])
        start = prior.mean + prior.sd * np.linspace(-1, 1, len(levels) - 1)
        raw = pm.Normal("cutpoint_raw", prior.mean, prior.sd, dims="cut", transform=ordered, initval=start)
        # The sampler's are in order already; drawn from the prior, they are put in order here.
        cutpoint = pm.Deterministic("cutpoint", raw.sort(), dims="cut")
        above = linear_predictor(context, data, self.part)[:, None] - cutpoint
        # F(a) - F(b) = F(a) F(-b) (1 - exp(b - a)): a level is below its upper cutpoint, above its lower one.
        n, gap = data["n"], cutpoint[1:] - cutpoint[:-1]
        sides = n[:, 1:] * above - (n[:, :-1] + n[:, 1:]) * softplus(above)
        return sides.sum() + (n[:, 1:-1].sum(axis=0) * pt.log1mexp(-gap)).sum()

    def effect(self, posterior: xr.Dataset, context: Context) -> xr.Dataset:
        """`share` by level, `mean` answer, and the odds ratio of a better answer."""
        found = super().effect(posterior, context)
        level = found["level"]
        return found.assign(mean=found["share"].dot(level), mean_by_group=found["share_by_group"].dot(level))

    def share(self, posterior: xr.Dataset, eta: xr.DataArray, category: Any) -> xr.DataArray:
        cutpoint = posterior["cutpoint"]
        below = int((cutpoint["cut"] < category).sum())  # levels that are worse

        def better_than(cut: int) -> Any:
            return expit(eta - cutpoint.isel(cut=cut, drop=True))

        better: Any = better_than(below) if below < cutpoint.sizes["cut"] else 0.0
        found: xr.DataArray = (better_than(below - 1) if below else 1.0) - better
        return found
