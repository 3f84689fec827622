"""Places beside each other: how far apart they are, how much of that is chance, and how well their order is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from costeff.disclosure import THRESHOLD
from costeff.draws import NEW, OPTIONS, USUAL, summarise
from costeff.errors import Problem, UsageError
from costeff.outcomes.binary import Binary, expit
from costeff.outcomes.context import Context
from costeff.outcomes.fit import Fit
from costeff.outcomes.predictor import predict

HEADLINE = "Places cannot be compared"
DIFFERENCE = "difference"
PARTS = ("chance", "clients", "places")


def standing(
    values: xr.DataArray, mass: float = 0.9, weights: xr.DataArray | None = None, end: float = 0.1
) -> pd.DataFrame:
    """Where each municipality stands among the others, with its uncertainty.

    A rank is that of one draw, from 1, the lowest, and ties share theirs. The expected rank is their mean, which
    draws those of whom little is known towards the middle (Laird & Louis 1989, doi:10.3102/10769986014001029).

    Parameters
    ----------
    values
        Draws over `draw` and `municipality`, such as a risk, a difference or a net saving.
    mass
        Probability that an interval holds.
    weights
        Over `municipality`, by which the mean of all is taken, such as clients; alike where not given.
    end
        Share of the municipalities that is called the lowest, and the highest.

    Returns
    -------
    DataFrame
        municipality, mean, low, high, above (probability of lying above the mean of all), rank (expected), rank_low,
        rank_high, lowest and highest (probability of being among the lowest, or the highest, `end` of all).

    Raises
    ------
    UsageError
        For draws over other dims, of fewer than two municipalities, or with a value that is missing.
    """
    found = _drawn(values)
    weighted = found if weights is None else found.weighted(weights.reindex_like(found["municipality"]))
    whole = weighted.mean("municipality")
    ranks = _ranks(found)
    tail = (1 - mass) / 2
    low, high = ranks.quantile(tail, "draw", method="lower"), ranks.quantile(1 - tail, "draw", method="higher")
    told = summarise(found, mass)[["mean", "low", "high"]].to_dataframe()[["mean", "low", "high"]]
    count = found.sizes["municipality"]
    first = max(1, round(end * count))
    more = {"above": found > whole, "rank": ranks, "lowest": ranks <= first, "highest": ranks > count - first}
    more = {name: each.mean("draw") for name, each in more.items()} | {"rank_low": low, "rank_high": high}
    return told.assign(**{name: value.to_numpy() for name, value in more.items()}).reset_index()


def reliability(values: xr.DataArray) -> float:
    """The share of the variance between municipalities that their estimates tell: 0 nothing, 1 all of it.

    The variance of the posterior means over the expected variance of what is estimated: what the model expects of
    the squared correlation between estimates and truth. Elsewhere known as rankability, which is asked of the
    estimates before they lean on each other (Lingsma et al. 2009, doi:10.1186/1471-2288-9-53).

    Raises
    ------
    UsageError
        As `standing`; and where no draw differs between municipalities.
    """
    found = _drawn(values)
    between = float(found.var("municipality").mean("draw"))
    if between == 0:
        raise UsageError(HEADLINE, [Problem("values", "are the same in all municipalities", "compare nothing here")])
    return min(float(found.mean("draw").var("municipality")) / between, 1.0)


def for_same_clients(fit: Fit, context: Context) -> xr.DataArray:
    """The risk of each municipality if it had the country's clients: directly standardised.

    The risk in `fit.effect` is that of a municipality's own mix of risk groups. Here all have the same mix, so that a
    difference is not one of who the clients are, as far as risk groups tell.

    Returns
    -------
    DataArray over (draw, option, municipality)

    Raises
    ------
    UsageError
        For a fit of another model than the binary one, or without places.
    """
    _require_binary(fit, context)
    share = context.size.groupby("group").sum().to_xarray()
    each = [expit(predict(fit.posterior, option)).weighted(share).mean("group") for option in OPTIONS]
    along = xr.DataArray(list(OPTIONS), dims="option", name="option")
    found: xr.DataArray = xr.concat(each, along)
    return found.transpose("draw", "option", "municipality").rename("risk")


def parts_of_spread(fit: Fit, context: Context, threshold: int = THRESHOLD) -> xr.Dataset:
    """What the spread of raw shares between municipalities is made of: chance, clients, places.

    With s the share that the model expects of a municipality's own clients, and c what it would be if they had the
    risks of the country's risk groups,

        Var(raw) = mean over places of Var(raw | s) + Cov(c, s) + Cov(s - c, s),

    which are chance, the clients and the places, for each draw. The difference is that of both options.

    Parameters
    ----------
    fit
        Of the binary model to these cells, with places.
    threshold
        Fewest clients of a municipality under an option, or under both for the difference.

    Returns
    -------
    Dataset
        `variance` (draw, what, part), with what usual, new, difference; `observed` (what), the variance of the raw
        shares, which the sum of the parts foresees; `municipalities` (what), how many they are.

    Raises
    ------
    UsageError
        For a fit of another model or without places, or where fewer than two municipalities have so many clients.
    """
    _require_binary(fit, context)
    told = {option: _shares(fit, context, option) for option in OPTIONS}
    told[DIFFERENCE] = told[NEW] - told[USUAL]
    told[DIFFERENCE]["chance"] = told[USUAL]["chance"] + told[NEW]["chance"]
    told[DIFFERENCE]["clients"] = np.minimum(told[USUAL]["clients"], told[NEW]["clients"])
    parts = [_parts(shares, threshold) for shares in told.values()]
    return xr.concat(parts, xr.DataArray(list(told), dims="what", name="what"))


def _require_binary(fit: Fit, context: Context) -> None:
    if fit.model != Binary.id or not context.counties:
        rule = "is not the binary model with municipalities"
        raise UsageError(HEADLINE, [Problem(fit.model, rule, "fit binary cells, with counties")])


def _drawn(values: xr.DataArray) -> xr.DataArray:
    problems = []
    if set(values.dims) != {"draw", "municipality"}:
        problems.append(Problem("values", "are not over draw and municipality", "select one option, payer or horizon"))
    elif values.sizes["municipality"] < 2:
        problems.append(Problem("values", "are of fewer than two municipalities", "give those that are compared"))
    if bool(np.isnan(values).any()):
        problems.append(Problem("values", "are missing somewhere", "leave out the municipalities without values"))
    if problems:
        raise UsageError(HEADLINE, problems)
    return values.transpose("draw", "municipality")


def _ranks(values: xr.DataArray) -> xr.DataArray:
    from scipy.stats import rankdata

    return values.copy(data=rankdata(values.to_numpy(), axis=1))


def _shares(fit: Fit, context: Context, option: str) -> xr.Dataset:
    """Over municipality: `share` expected of its clients, `typical` of such clients, `chance`, `raw`, `clients`."""
    codes, groups = context.coords["municipality"], context.coords["group"]
    table = context.cells.table.query("option == @option")
    n, events = (_by_place(table, name, codes, groups) for name in ("n", "events"))
    risk = expit(predict(fit.posterior, option)).transpose("draw", "municipality", "group")
    clients = n.sum("group")
    mix = n / clients.where(clients > 0)
    of_group = risk.weighted(n).mean("municipality")
    return xr.Dataset(
        {
            "share": xr.dot(mix, risk, dim="group"),
            "typical": xr.dot(mix, of_group, dim="group"),
            "chance": xr.dot(mix / clients.where(clients > 0), risk * (1 - risk), dim="group"),
            "raw": events.sum("group") / clients.where(clients > 0),
            "clients": clients,
        }
    )


def _by_place(table: pd.DataFrame, name: str, codes: list[str], groups: list[str]) -> xr.DataArray:
    wide = table.pivot_table(index="municipality", columns="group", values=name, aggfunc="sum")
    wide = wide.reindex(index=codes, columns=groups).fillna(0.0)
    return xr.DataArray(wide.to_numpy(float), {"municipality": codes, "group": groups}, ("municipality", "group"))


def _parts(shares: xr.Dataset, threshold: int) -> xr.Dataset:
    many = shares.isel(municipality=np.flatnonzero(shares["clients"] >= threshold))
    if many.sizes["municipality"] < 2:
        rule = f"fewer than two have {threshold} clients under the option"
        raise UsageError(HEADLINE, [Problem("municipalities", rule, "compare counties")])
    share, typical = many["share"], many["typical"]
    found = [
        many["chance"].mean("municipality"),
        xr.cov(typical, share, "municipality", ddof=0),
        xr.cov(share - typical, share, "municipality", ddof=0),
    ]
    part = xr.DataArray(list(PARTS), dims="part", name="part")
    return xr.Dataset(
        {
            "variance": xr.concat(found, part),
            "observed": many["raw"].var("municipality"),
            "municipalities": many.sizes["municipality"],
        }
    )
