"""Which options are worth choosing at some threshold: dominance, extended dominance, and ratios between the rest."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from itertools import pairwise

import numpy as np
import xarray as xr

from costeff.decision.arrays import paired

_CLOSE = 1e-12  # two means nearer than this, in proportion to what they are means of, are one: the order of draws, or
# of a sum, must neither dominate an option nor give it a ratio


class Status(StrEnum):
    """Where an option stands among the others."""

    FRONTIER = "frontier"
    DOMINATED = "dominated"
    EXTENDEDLY_DOMINATED = "extendedly dominated"
    DUPLICATE = "duplicate"


def icers(cost: xr.DataArray, effect: xr.DataArray) -> xr.Dataset:
    """Incremental cost-effectiveness of any number of options, on their mean cost and mean effect.

    The frontier goes from the option of the lowest cost to that of the highest effect, and each step on it costs more
    and gives more: a ratio is therefore always above 0. An option that saves and helps is not ranked by a ratio; it
    dominates what it saves and helps over.

    Parameters
    ----------
    cost, effect
        Dims (draw, option) and any others; a saving is a cost below 0. Each further label has a frontier of its own.

    Returns
    -------
    Dataset over (option, ...), the options by rising cost where there is no further dim:

        cost, effect
            Means over draws; those that differ by rounding alone are told as one.
        status
            `frontier`; `dominated`: another option costs no more and gives no less; `extendedly dominated`: a mix of
            two others costs no more and gives no less; `duplicate`: the same cost and effect as another.
        against
            What the status is held against: on the frontier the option before it, empty for the first; else the
            options that dominate, or the one it equals.
        incremental_cost, incremental_effect, icer
            Over the option before it on the frontier; NaN for the first, and for all that are not on it.

    Raises
    ------
    UsageError
        For what cannot be analysed: see `paired`.
    """
    cost, effect = paired(cost, effect)
    sizes = [abs(values).mean("draw").max("option") for values in (cost, effect)]
    means = {"cost": _levelled(cost.mean("draw"), sizes[0]), "effect": _levelled(effect.mean("draw"), sizes[1])}
    names = cost["option"].to_numpy().astype(str)
    inner: list[list[str]] = [["option"], ["option"]]
    status, against, more_cost, more_effect = xr.apply_ufunc(
        partial(_frontier, names), *means.values(), *sizes, input_core_dims=[*inner, [], []],
        output_core_dims=inner * 2,
        vectorize=True, output_dtypes=[object, object, float, float],
    )  # fmt: skip
    ratio = more_cost / more_effect
    told = {"status": status, "against": against, "incremental_cost": more_cost, "incremental_effect": more_effect}
    out = xr.Dataset({**means, **told, "icer": ratio}).transpose("option", ...)
    units = {"cost": cost.attrs.get("unit", "unit of the cost"), "effect": effect.attrs.get("unit", "unit of effect")}
    for name, unit in {**units, "incremental_cost": units["cost"], "incremental_effect": units["effect"]}.items():
        out[name].attrs = {"unit": unit}
    out["icer"].attrs = {"unit": f"{units['cost']} per {units['effect']}", "of": "means over draws"}
    out = out.assign_attrs({**cost.attrs, "draws": cost.sizes["draw"]})
    if cost.ndim > 2:
        return out
    return out.isel(option=np.lexsort((names, -out["effect"].to_numpy(), out["cost"].to_numpy())))


def _levelled(means: xr.DataArray, size: xr.DataArray) -> xr.DataArray:
    """Means of options, those that differ by rounding alone made equal to the lowest of them."""

    def level(values: np.ndarray, size: float) -> np.ndarray:
        order = np.argsort(values)
        first = np.concatenate([[True], np.diff(values[order]) > _CLOSE * size])
        out = np.empty_like(values)
        out[order] = values[order][first][first.cumsum() - 1]
        return out

    inner: list[list[str]] = [["option"], []]
    out: xr.DataArray = xr.apply_ufunc(
        level, means, size, input_core_dims=inner, output_core_dims=inner[:1], vectorize=True
    )
    return out


def _frontier(
    names: np.ndarray, cost: np.ndarray, effect: np.ndarray, cost_size: float, effect_size: float
) -> tuple[np.ndarray, ...]:
    """Status, what it is held against, and the increments, of one set of options."""
    size = cost.size
    status, against = np.full(size, Status.FRONTIER.value, dtype=object), np.full(size, "", dtype=object)
    more_cost, more_effect = np.full(size, np.nan), np.full(size, np.nan)
    order = np.lexsort((names, -effect, cost))  # by cost, of equal cost the better first, of equals the first by name
    kept: list[int] = []
    for at in order:
        if kept and effect[at] <= effect[kept[-1]]:
            same = effect[at] == effect[kept[-1]] and cost[at] == cost[kept[-1]]
            status[at] = Status.DUPLICATE if same else Status.DOMINATED
            against[at] = names[kept[-1]]
        else:
            kept.append(at)
    hull: list[int] = []
    for at in kept:
        while len(hull) > 1 and _above(cost / cost_size, effect / effect_size, hull[-2], hull[-1], at):
            status[hull.pop()] = Status.EXTENDEDLY_DOMINATED
        hull.append(at)
    for before, at in pairwise(hull):
        against[at] = names[before]
        more_cost[at], more_effect[at] = cost[at] - cost[before], effect[at] - effect[before]
        for out in (o for o in kept if status[o] == Status.EXTENDEDLY_DOMINATED):
            if effect[before] < effect[out] < effect[at]:
                against[out] = f"{names[before]}, {names[at]}"
    return np.array([str(s) for s in status], dtype=object), against, more_cost, more_effect


def _above(cost: np.ndarray, effect: np.ndarray, before: int, at: int, after: int) -> bool:
    """Whether an option lies above the line between its neighbours: its ratio is higher than that of the next."""
    own = (cost[at] - cost[before]) * (effect[after] - effect[at])
    following = (cost[after] - cost[at]) * (effect[at] - effect[before])
    rounding = _CLOSE * (cost[after] - cost[before] + effect[after] - effect[before])
    return bool(own > following + rounding)
