"""From parameters to the outcome's own unit: each municipality's clients sent through both options (g-computation).

Robins 1986, doi:10.1016/0270-0255(86)90088-6.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from costeff.disclosure import THRESHOLD
from costeff.draws import OPTIONS
from costeff.outcomes.context import Context


def share_of_groups(context: Context) -> xr.DataArray:
    """The mix of risk groups, over both options: of each municipality, or of all where there are no places.

    A municipality's own mix is drawn towards that of the whole country by as many clients as the
    threshold of disclosure, and one below the threshold has the mix of the whole country: the mix of
    a handful of clients is noise, and a risk that follows it would tell who they are.
    """
    groups = context.coords["group"]
    whole = context.size.groupby("group").sum().reindex(groups, fill_value=0.0)
    whole = whole / whole.sum()
    if not context.counties:
        return xr.DataArray(whole.to_numpy(float), dims="group", coords={"group": groups})
    own = _clients_by_group(context)
    own = own.where(own.sum("group") >= THRESHOLD, 0.0)
    mix = own + THRESHOLD * xr.DataArray(whole.to_numpy(float), dims="group", coords={"group": groups})
    return mix / mix.sum("group")


def _clients_by_group(context: Context) -> xr.DataArray:
    """Clients over (municipality, group)."""
    codes, groups = context.coords["municipality"], context.coords["group"]
    table = context.size.groupby(["municipality", "group"]).sum().unstack("group")
    table = table.reindex(index=codes, columns=groups).astype(float).fillna(0.0)
    return xr.DataArray(
        table.to_numpy(), dims=("municipality", "group"), coords={"municipality": codes, "group": groups}
    )


def standardised(quantity: str, of: Callable[[str], xr.DataArray], context: Context) -> xr.Dataset:
    """The quantity for each municipality's own mix of clients, and for each risk group of the country.

    Parameters
    ----------
    of
        Option -> the quantity over (draw, group[, municipality], more).

    Returns
    -------
    Dataset with `<quantity>` (draw, option[, municipality], more) and `<quantity>_by_group` (draw, option, group, more)
    """
    mix, whole, by_group = share_of_groups(context), [], []
    clients = _clients_by_group(context) if context.counties else None
    for option in OPTIONS:  # one option at a time bounds the memory
        values = of(option)
        whole.append(xr.dot(mix, values, dim="group"))
        if clients is not None:
            values = xr.dot(clients / clients.sum("municipality"), values, dim="municipality")
        by_group.append(values)
    along = xr.DataArray(list(OPTIONS), dims="option", name="option")
    out = xr.Dataset({quantity: xr.concat(whole, along), f"{quantity}_by_group": xr.concat(by_group, along)})
    return out.transpose("draw", "option", "municipality", "group", ..., missing_dims="ignore")


def over_groups(by_group: xr.DataArray, context: Context) -> xr.DataArray:
    """The country's clients, from its risk groups."""
    share = context.size.groupby("group").sum()
    share = xr.DataArray((share / share.sum()).to_numpy(), dims="group", coords={"group": share.index.to_list()})
    return by_group.weighted(share).mean("group")


def common_effect(posterior: xr.Dataset, name: str = "effect") -> xr.Dataset:
    """`effect` (draw) of the middle client, on the scale of the model, and how it differs between places.

    `effect_local` is that of each municipality, `pooling` how far it leans on the others: 0 where the data of
    the place alone decide its effect and 1 where they decide nothing
    (Gelman & Pardoe 2006, doi:10.1198/004017005000000517).
    """
    out = xr.Dataset({"effect": posterior[name]})
    own = name.removesuffix("effect") + "municipality_effect_new"
    if own in posterior:
        out["effect_local"] = posterior[name] + posterior[own]
        spread = posterior[name.removesuffix("effect") + "effect_sd"]
        out["pooling"] = (posterior[own].var("draw") / (spread**2).mean("draw")).clip(0, 1)
    return out.transpose("draw", ..., missing_dims="ignore")


def relative_effect(posterior: xr.Dataset, name: str = "effect") -> xr.Dataset:
    """`ratio` (draw) of the middle client; by municipality `ratio_local` and `pooling`: see `common_effect`."""
    found = common_effect(posterior, name)
    logs = {key: key.replace("effect", "ratio") for key in ("effect", "effect_local") if key in found}
    return found.drop_vars(list(logs)).assign({ratio: np.exp(found[key]) for key, ratio in logs.items()})
