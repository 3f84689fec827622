"""A fit beside what it was made from: raw means and estimates, what it foresees, places, and its prior."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
import pandas as pd
import xarray as xr

from costeff.disclosure import THRESHOLD, protect_count
from costeff.draws import NEW, OPTIONS, USUAL, rng, summarise, thin
from costeff.errors import Problem, UsageError
from costeff.outcomes.base import OutcomeModel
from costeff.outcomes.calibration import prior_draws
from costeff.outcomes.context import Context, Prior
from costeff.outcomes.fit import Fit
from costeff.outcomes.gate import REPLICATIONS, watched
from costeff.records.cells import Cells

OWN_BELOW, OTHERS_FROM = 0.5, 0.9  # of how far a municipality leans on the others
SENSITIVE = 0.05  # Kallioinen et al. 2024

# Statistic of the cells: the estimate of a fit, and the sum over clients of what it is the mean of.
RAW: dict[str, tuple[str, Callable[[pd.DataFrame], pd.Series]]] = {
    "binary": ("risk", lambda cells: cells["events"]),
    "count": ("mean", lambda cells: cells["n"] * cells["count"]),
    "cost": ("mean", lambda cells: cells["sum"]),
    "meter": ("mean", lambda cells: cells["sum"]),
    "level": ("mean", lambda cells: cells["n"] * cells["level"]),
    "end": ("share", lambda cells: cells["n"]),
}


def raw_beside_estimate(fit: Fit, cells: Cells, mass: float = 0.9, threshold: int = THRESHOLD) -> pd.DataFrame:
    """The share or mean as it was counted, and as the model has it, by municipality and option.

    Parameters
    ----------
    fit
        A fit of these cells, with an estimate for every municipality.
    mass
        Probability that the interval holds.
    threshold
        Fewest clients of a municipality and option whose raw share or mean is shown; below it clients and raw
        are missing.

    Returns
    -------
    DataFrame
        municipality, option, (end,) clients (rounded), raw, estimate, low, high; a row for each municipality and
        option, with or without clients. The share with an event, the mean count, cost, answer or measure after,
        or the share of each end. A raw share tells the number of events of so few clients: for the analyst's own
        eyes when the clients are real.

    Raises
    ------
    UsageError
        When the fit or the cells have no municipalities, or nothing that can be counted: where clients leave
        before the end of follow-up, raw shares mislead.
    """
    quantity, total = RAW.get(cells.statistic, (None, None))
    there = quantity in fit.effect and "municipality" in fit.effect[quantity].dims and "municipality" in cells.by
    if total is None or not there:
        rule = "the fit and the cells need a share or a mean for each municipality"
        cure = f"use cells by municipality, of the kinds {', '.join(RAW)}"
        raise UsageError("Raw shares cannot be shown", [Problem(fit.model, rule, cure)])
    places = ["municipality", "option"]
    by = [*places, "end"] if cells.statistic == "end" else places
    counted = cells.table.assign(total=total(cells.table))
    told = summarise(fit.effect[quantity], mass)[["mean", "low", "high"]].to_dataframe().reset_index()
    table = told.rename(columns={"mean": "estimate"})
    table = table.merge(counted.groupby(places)["n"].sum().reset_index(), "left", on=places)
    table = table.merge(counted.groupby(by)["total"].sum().reset_index(), "left", on=by)
    n = table["n"].fillna(0).astype(int)
    table["clients"] = pd.array([protect_count(count, threshold) for count in n], dtype="Int64")
    table["raw"] = (table["total"].fillna(0) / n.where(n >= threshold)).astype(float)
    return table[[*by, "clients", "raw", "estimate", "low", "high"]]


# --- what a fit foresees ------------------------------------------------------------------------


def prior_predictive(model: OutcomeModel, context: Context, draws: int, seed: int) -> xr.Dataset:
    """What the model takes for likely before it has seen any outcome: its statistic by option.

    Returns
    -------
    Dataset with `replicated` (draw, option[, more]) and `observed` (option[, more])
    """
    drawn = prior_draws(model, context, draws, seed)
    return _predicted(model, context, drawn, rng(seed, "prior predictive")).assign_attrs(drawn_from="prior")


def posterior_predictive(model: OutcomeModel, context: Context, fit: Fit, draws: int = REPLICATIONS) -> xr.Dataset:
    """The statistic by option that the fit foresees for these very clients, beside the observed: see `gate`.

    Returns
    -------
    Dataset with `replicated` (draw, option[, more]) and `observed` (option[, more])
    """
    some = cast(xr.Dataset, thin(fit.posterior, min(draws, fit.posterior.sizes["draw"])))
    generator = rng(int(fit.effect.attrs["seed"]), "posterior predictive")
    return _predicted(model, context, some, generator).assign_attrs(drawn_from="posterior")


def _predicted(
    model: OutcomeModel, context: Context, parameters: xr.Dataset, generator: np.random.Generator
) -> xr.Dataset:
    replicated = model.replicate(parameters, context, generator)
    names = ["option", *replicated.columns.names[1:]]
    order = {"option": list(OPTIONS), **{name: context.coords[name] for name in names[1:]}}
    replicated.columns.names = names
    long = replicated.rename_axis(index="draw").unstack().rename("replicated")
    observed = model.observed(context).rename_axis(index=names).rename("observed")
    out = xr.Dataset({"replicated": long.to_xarray(), "observed": observed.to_xarray()})
    return out.reindex(order).transpose("draw", *names).assign_attrs(model=model.id)


def prior_beside_posterior(model: OutcomeModel, context: Context, fit: Fit, draws: int = 2000) -> xr.DataTree:
    """Draws of the model's prior, and of the posterior that the fit found, of the parameters its gate watches.

    Returns
    -------
    DataTree with the groups `prior` and `posterior`, dims chain and draw, as ArviZ reads them; the dim
    `group` is `risk_group` here, for ArviZ calls prior and posterior groups
    """
    names = watched(fit.posterior)
    prior = prior_draws(model, context, draws, int(fit.effect.attrs["seed"]))[names]
    kept = np.linspace(0, fit.posterior.sizes["draw"] - 1, draws).round().astype(int)
    posterior = fit.posterior[names].isel(draw=kept).assign_coords(draw=np.arange(draws))
    found = {"/prior": prior, "/posterior": posterior}
    return xr.DataTree.from_dict(
        {k: (v.rename(group="risk_group") if "group" in v.dims else v).expand_dims(chain=[0]) for k, v in found.items()}
    )


# --- places -------------------------------------------------------------------------------------


def by_county(fit: Fit, context: Context, quantity: str | None = None) -> xr.Dataset:
    """The estimate of each county: the mean over its municipalities' clients, draw by draw.

    A county without clients is the plain mean of its municipalities.

    Parameters
    ----------
    quantity
        Variable of the effect; the model's own where it is not given.

    Returns
    -------
    Dataset
        `<quantity>` (draw, option, county[, more]); `difference` (draw, county[, more]), new minus usual; and
        `clients` (county), unprotected: never published as it is.

    Raises
    ------
    UsageError
        When the fit has no municipalities.
    """
    name = quantity or str(fit.effect.attrs["quantity"])
    _require_places(fit, name)
    counties = context.coords["county"]
    belongs = xr.DataArray(
        np.arange(len(counties))[:, None] == context.county_of_municipality,
        dims=("county", "municipality"),
        coords={"county": counties, "municipality": context.coords["municipality"]},
    )
    clients = belongs * context.clients()
    weight = clients.where(clients.sum("municipality") > 0, belongs.astype(float))
    values = xr.dot(weight / weight.sum("municipality"), fit.effect[name], dim="municipality")
    values = values.transpose("draw", "option", "county", ...)
    difference = values.sel(option=NEW, drop=True) - values.sel(option=USUAL, drop=True)
    return xr.Dataset({name: values, "difference": difference, "clients": clients.sum("municipality")})


def leaning(fit: Fit) -> pd.DataFrame:
    """How far the effect of each municipality leans on the others: 0 not at all, 1 wholly.

    Returns
    -------
    DataFrame
        municipality, (end or cause,) leaning (`pooling` of the effect), decides: `own` data below 0.5, where
        they say more than the other municipalities; `others` from 0.9, where they take away less than a tenth
        of the spread; `shared` between. The level of a municipality may be well known where its effect is not.

    Raises
    ------
    UsageError
        When the fit has no municipalities.
    """
    _require_places(fit, "pooling")
    table = fit.effect["pooling"].rename("leaning").to_dataframe()["leaning"].dropna().reset_index()
    words = np.select([table["leaning"] < OWN_BELOW, table["leaning"] < OTHERS_FROM], ["own", "shared"], "others")
    dims = [str(dim) for dim in fit.effect["pooling"].dims if dim != "municipality"]
    return table.assign(decides=words)[["municipality", *dims, "leaning", "decides"]]


def _require_places(fit: Fit, name: str) -> None:
    if name not in fit.effect or "municipality" not in fit.effect[name].dims:
        problem = Problem(fit.model, f"has no {name} by municipality", "fit cells by municipality, with counties")
        raise UsageError("The fit has no places", [problem])


# --- how far the answer rests on the prior ------------------------------------------------------


def prior_sensitivity(
    context: Context, fit: Fit, quantity: xr.DataArray, parameters: Sequence[str] | None = None
) -> pd.DataFrame:
    """How much the effect and a figure made from it move when the prior, or the data, are counted a little more.

    The prior, and then the likelihood, are raised to powers near 1 and the draws weighted accordingly, without
    another fit (Kallioinen et al. 2024, doi:10.1007/s11222-023-10366-5). What moves with both is a conflict of
    prior and data; what moves with the prior alone was never told by the data.

    Parameters
    ----------
    quantity
        A figure of each draw of the fit: over `draw`, and other dims.
    parameters
        Parameters whose priors are counted more, such as `effect`; all with a prior of their own if not given.
        Effects of single places are not among them.

    Returns
    -------
    DataFrame
        quantity, prior, likelihood (sensitivities, 0.05 and above tell), diagnosis: `none`, `conflict`, or
        `prior decides`.

    Raises
    ------
    UsageError
        For a quantity of other draws, or parameters that are unknown.
    """
    import arviz as az

    top = _top_level(context, fit.posterior)
    chosen = list(top) if parameters is None else list(parameters)
    _refuse_others(fit, quantity, chosen, top)
    log_prior = sum(_log_density(fit.posterior[name], top[name]) for name in chosen)
    told = {name: fit.posterior[name] for name in top if name.endswith("effect") and "group" not in name}
    told[str(quantity.name or "quantity")] = quantity.drop_attrs()
    groups = {
        "/posterior": xr.Dataset(told),
        "/log_prior": xr.Dataset({"log_prior": log_prior}),
        "/log_likelihood": fit.posterior[["log_likelihood"]],
    }
    tree = xr.DataTree.from_dict({name: group.expand_dims(chain=[0]) for name, group in groups.items()})
    found = {by: az.psense(tree, group=by) for by in ("prior", "likelihood")}
    rows = []
    for name, prior in found["prior"].data_vars.items():
        for at, value in np.ndenumerate(prior):
            places = [str(prior[dim].values[i]) for dim, i in zip(prior.dims, at, strict=True)]
            label = f"{name}[{', '.join(places)}]" if places else str(name)
            rows.append((label, float(value), float(found["likelihood"][name].to_numpy()[at])))
    table = pd.DataFrame(rows, columns=["quantity", "prior", "likelihood"])
    moved, told_by_data = table["prior"] >= SENSITIVE, table["likelihood"] >= SENSITIVE
    return table.assign(diagnosis=np.select([moved & told_by_data, moved], ["conflict", "prior decides"], "none"))


def _top_level(context: Context, posterior: xr.Dataset) -> dict[str, Prior]:
    """Parameters with a prior of their own, over all parts of the model: every part has effects of groups."""
    parts = [str(name).removesuffix("group_effect") for name in posterior if str(name).endswith("group_effect")]
    found = {}
    for part in parts:
        for key, prior in context.priors_of(part.removesuffix("_")).items():
            name = part + {"group": "group_effect", "effect_group": "group_effect_new"}.get(key, key)
            if name in posterior:
                found[name] = prior
    return found


def _log_density(values: xr.DataArray, prior: Prior) -> xr.DataArray:
    """Log density of each draw, up to a constant, which does not matter here: nor does a half-normal's half."""
    from scipy.stats import norm

    found = norm.logpdf(values, prior.mean, prior.sd)
    if hasattr(prior, "weight"):
        weak = norm.logpdf(values, prior.weak_mean, prior.weak_sd)
        with np.errstate(divide="ignore"):  # a weight of 0 or 1
            found = np.logaddexp(np.log(prior.weight) + found, np.log1p(-prior.weight) + weak)
    return values.copy(data=found).sum([dim for dim in values.dims if dim != "draw"])


def _refuse_others(fit: Fit, quantity: xr.DataArray, chosen: Sequence[str], top: dict[str, Prior]) -> None:
    problems = []
    if quantity.sizes.get("draw") != fit.posterior.sizes["draw"]:
        rule = f"needs a value for each of the {fit.posterior.sizes['draw']} draws of the fit"
        problems.append(Problem("quantity", rule, "make it from fit.effect or fit.posterior, before thinning"))
    if not chosen:
        problems.append(Problem("parameters", "none was chosen", f"choose of {', '.join(top)}"))
    for name in sorted(set(chosen) - set(top)):
        problems.append(Problem(name, "is no parameter with a prior of its own", f"choose of {', '.join(top)}"))
    if problems:
        raise UsageError("The sensitivity to the prior cannot be told", problems)
