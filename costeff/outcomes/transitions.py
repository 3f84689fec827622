"""How the service ended: a multinomial logit on counts by end.

    log(share of an end / share of the reference) = eta of the end   (see `predictor`)

Every end but the reference has a predictor of its own. The reference is dropping out where that is among the
ends, otherwise the first id in alphabetical order: never a choice by counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from costeff.outcomes.categories import Categories
from costeff.outcomes.context import Context
from costeff.outcomes.predictor import Part, linear_predictor
from costeff.outcomes.standardise import relative_effect

DROPPED_OUT = "dropped_out"
OTHER = "other_end"  # dim of what the ends but the reference have


def reference(ends: Sequence[str]) -> str:
    """The end that others are compared with."""
    return DROPPED_OUT if DROPPED_OUT in ends else min(ends)


class Transitions(Categories):
    """Shares of clients by how their service ended: work, study, another service, dropping out."""

    id = "transitions"
    statistic = "end"
    category = "end"
    part = Part(dim=OTHER)

    def log_likelihood(self, context: Context, data: dict[str, Any]) -> Any:
        import pymc as pm

        ends = context.coords["end"]
        others = [end for end in ends if end != reference(ends)]
        pm.modelcontext(None).add_coord(OTHER, others)
        eta = linear_predictor(context, data, self.part)
        n = data["n"][:, [ends.index(end) for end in others]]
        every = pm.math.concatenate([pm.math.zeros_like(eta[:1]), eta], axis=0)
        whole = pm.math.logsumexp(every, axis=0, keepdims=False)
        return (n.T * eta).sum() - (data["n"].sum(axis=1) * whole).sum()

    def relative(self, posterior: xr.Dataset, context: Context) -> xr.Dataset:
        """`ratio` by end: the odds of the end against the reference, whose own ratio is 1."""
        found = relative_effect(posterior).rename({OTHER: "end"})
        ends = context.coords["end"]
        ones = {name: 1.0 for name in found.data_vars if name != "pooling"}
        return found.reindex(end=ends, fill_value=ones).assign_attrs(reference=reference(ends))

    def share(self, posterior: xr.Dataset, eta: xr.DataArray, category: Any) -> xr.DataArray:
        others = {end: eta.sel({OTHER: end}, drop=True) for end in eta[OTHER].values.tolist()}
        zero = xr.zeros_like(next(iter(others.values())))  # the predictor of the reference
        own = others.get(category, zero)
        with np.errstate(over="ignore"):  # of odds that run away the share is 0
            odds: Any = sum((np.exp(other - own) for other in others.values()), start=np.exp(zero - own))
        found: xr.DataArray = 1 / odds
        return found
