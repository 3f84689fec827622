"""The linear predictor that every outcome model shares: partial pooling of municipalities within counties.

    eta = intercept + group + place + [option = new] (effect of the place + effect of the group)

    group             sums to zero over risk groups
    place             county + municipality, each with its own spread; a county may have covariates with slopes
    effect of a place normal around the common effect, with its own spread
    effect of a group sums to zero over risk groups

Without places, or with a single group or county, the terms that cannot be told apart are absent or zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from costeff.disclosure import THRESHOLD
from costeff.draws import NEW
from costeff.outcomes.context import Context, Prior


@dataclass(frozen=True)
class Part:
    """One linear predictor of a model.

    Attributes
    ----------
    name
        Prefix of its parameters and priors; none for the only one.
    dim
        A dim that every parameter has one of, such as the cause of an event; it comes first.
    intercept
        Whether it has an intercept; a model with a baseline of its own adds that instead.
    """

    name: str = ""
    dim: str | None = None
    intercept: bool = True

    def named(self, parameter: str) -> str:
        return f"{self.name}_{parameter}" if self.name else parameter

    def dims(self, *more: str) -> tuple[str, ...]:
        return (self.dim, *more) if self.dim else more

    def at(self, values: Any, where: Any) -> Any:
        """Values of each row or place."""
        return values[:, where] if self.dim else values[where]

    def over(self, values: Any) -> Any:
        """A value of the whole predictor, beside those of its rows or places."""
        return values[:, None] if self.dim else values


ONLY = Part()


def normal(name: str, prior: Prior, dims: tuple[str, ...]) -> Any:
    """A normal prior, or the robust mixture of two that published evidence makes."""
    import pymc as pm

    if not hasattr(prior, "weight"):
        return pm.Normal(name, prior.mean, prior.sd, dims=dims)
    weights = [prior.weight, 1 - prior.weight]
    return pm.NormalMixture(
        name, w=weights, mu=[prior.mean, prior.weak_mean], sigma=[prior.sd, prior.weak_sd], dims=dims
    )


def spread_of(name: str, prior: Prior, dims: tuple[str, ...]) -> Any:
    """A spread with a half-normal prior, to multiply raw effects with.

    It is drawn with a sign, which the raw effects take up: the logarithm of a spread that the data hardly tell
    from none has a long tail, through which a sampler crawls. The parameter `name` is its size.
    """
    import pymc as pm

    signed = pm.Normal(f"{name}_raw", 0.0, prior.sd, dims=dims)
    pm.Deterministic(name, pm.math.abs(signed), dims=dims)
    return signed


def zero_sum(name: str, dims: tuple[str, ...], context: Context, sd: Any = 1.0) -> Any:
    """Effects that sum to zero over their last dim; with a single level there is nothing to tell apart."""
    import pymc as pm

    if len(context.coords[dims[-1]]) > 1:
        return pm.ZeroSumNormal(name, sigma=sd, dims=dims)
    coords = pm.modelcontext(None).coords  # a model may have dims of its own
    return pm.Deterministic(name, pm.math.zeros([len(coords[dim]) for dim in dims]), dims=dims)


def linear_predictor(context: Context, data: dict[str, Any], part: Part = ONLY) -> Any:
    """The predictor of each row, with its parameters, inside a PyMC model.

    Parameters
    ----------
    data
        `at_group`, `at_municipality` (where there are places) and `new` of each row.

    Returns
    -------
    Tensor over (part.dim,) row
    """
    import pymc as pm

    prior, named = context.priors_of(part.name), part.named
    group = zero_sum(named("group_effect"), part.dims("group"), context, sd=prior["group"].sd)
    eta = part.at(group, data["at_group"])
    intercept: Any = 0.0
    if part.intercept:
        intercept = part.over(normal(named("intercept"), prior["intercept"], part.dims()))
        eta = eta + intercept
    effect = part.over(normal(named("effect"), prior["effect"], part.dims()))
    if len(context.coords["group"]) > 1:
        # A spread of a few groups, once estimated, would be tied to them, and the sampler diverge.
        by_group = zero_sum(named("group_effect_new"), part.dims("group"), context, sd=prior["effect_group"].sd)
        effect = effect + part.at(by_group, data["at_group"])
    if context.counties:
        at = data["at_municipality"]
        eta = eta + part.at(_place(context, part, intercept), at)
        spread = spread_of(named("effect_sd"), prior["effect_sd"], part.dims())
        raw = pm.Normal(named("effect_raw"), dims=part.dims("municipality"))
        own = pm.Deterministic(
            named("municipality_effect_new"), part.over(spread) * raw, dims=part.dims("municipality")
        )
        effect = effect + part.at(own, at)
    return eta + data["new"] * effect


def _place(context: Context, part: Part, intercept: Any) -> Any:
    """County and municipality, around zero; centred, they are so at the intercept too, to which they would be tied."""
    import pymc as pm

    prior, named = context.priors_of(part.name), part.named
    county_sd = spread_of(named("county_sd"), prior["county_sd"], part.dims())
    raw = zero_sum(named("county_raw"), part.dims("county"), context)
    counties = part.over(county_sd) * raw
    if context.regressed:
        slope = normal(named("county_slope"), prior["county_slope"], part.dims("covariate"))
        counties = counties + pm.math.dot(slope, context.covariate_of_county.T)
    county = pm.Deterministic(named("county_effect"), counties, dims=part.dims("county"))
    middle = part.at(county, context.county_of_municipality)
    spread = spread_of(named("municipality_sd"), prior["municipality_sd"], part.dims())
    places = part.dims("municipality")
    if context.centred:
        level = pm.Normal(named("level_raw"), intercept + middle, part.over(pm.math.abs(spread)), dims=places)
        return pm.Deterministic(named("place"), level - intercept, dims=places)
    own = pm.Normal(named("municipality_raw"), dims=places)
    return pm.Deterministic(named("place"), middle + part.over(spread) * own, dims=places)


def softplus(eta: Any) -> Any:
    """log(1 + exp(eta)), of which a gradient needs no second exponential: half the time of a fit goes here."""
    import pytensor.tensor as pt

    return pt.maximum(eta, 0) + pt.log1p(pt.exp(-pt.abs(eta)))


def as_new_places(posterior: xr.Dataset, context: Context, rng: np.random.Generator) -> xr.Dataset:
    """The posterior, with places below the threshold of disclosure drawn anew from their counties.

    Few clients tell little of a place, and what they tell is about them: the cost or the event of a single one would
    show in its municipality's estimate. They are part of what is known of the county and the country.
    """
    if not context.counties:
        return posterior
    few, county = context.clients() < THRESHOLD, xr.DataArray(context.county_of_municipality, dims="municipality")
    out = posterior.copy()
    for name in map(str, posterior.data_vars):
        if not name.endswith("municipality_effect_new"):
            continue
        part = name.removesuffix("municipality_effect_new")
        level, change = (posterior[name].copy(data=rng.standard_normal(posterior[name].shape)) for _ in range(2))
        middle = posterior[f"{part}county_effect"].isel(county=county).drop_vars("county")
        new = {f"{part}place": middle + posterior[f"{part}municipality_sd"] * level}
        new[name] = posterior[f"{part}effect_sd"] * change
        for told, values in new.items():
            out[told] = posterior[told].where(~few, values).transpose(*posterior[told].dims)
    return out


def predict(posterior: xr.Dataset, option: str, part: Part = ONLY) -> xr.DataArray:
    """The predictor over (draw, group[, municipality], part.dim), for every client under one option."""
    named = part.named
    eta = posterior[named("group_effect")]
    for name in ("intercept", "place"):
        if named(name) in posterior:
            eta = eta + posterior[named(name)]
    if option == NEW:
        for name in ("effect", "group_effect_new", "municipality_effect_new"):
            if named(name) in posterior:
                eta = eta + posterior[named(name)]
    return eta


def predict_rows(posterior: xr.Dataset, rows: pd.DataFrame, context: Context, part: Part = ONLY) -> np.ndarray:
    """The predictor of each row: an array over (draw, row), or (draw, part.dim, row)."""
    named, new = part.named, (rows["option"] == NEW).to_numpy(float)
    lead = ("draw", part.dim) if part.dim else ("draw",)

    def at(name: str, *dims: str) -> np.ndarray:
        if named(name) not in posterior:
            return np.zeros(1)
        values = posterior[named(name)].transpose(*lead, *dims).to_numpy()
        return np.asarray(values[..., context.position(dims[0], rows[dims[0]])] if dims else values[..., None])

    effect = at("effect") + at("group_effect_new", "group") + at("municipality_effect_new", "municipality")
    usual = at("intercept") + at("group_effect", "group") + at("place", "municipality")
    return np.asarray(usual + new * effect)
