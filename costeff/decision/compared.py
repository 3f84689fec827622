"""Scenarios side by side: what one saves more than another, draw by draw."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from costeff.decision.appraised import ALL, Basis, by_payer
from costeff.errors import Problems, UsageError

# What two appraisals must have alike, so that a draw of the one belongs to that of the other: attribute -> its name.
ALIKE = {"chain": "the service", "municipality": "the place", "seed": "the seed", "posterior": "the posterior"}


def differences(
    appraisals: Mapping[str, xr.Dataset],
    reference: str | None = None,
    *,
    discounted: bool = True,
    basis: Basis = "cashable",
    mass: float | None = None,
) -> xr.Dataset:
    """Net saving of scenarios and how it differs from that of one of them, by payer.

    The difference is taken in each draw: what is uncertain in both alike does not widen its interval.

    Parameters
    ----------
    appraisals
        By name, of one service at the same places, from the same draws: two or more.
    reference
        The one that the others are compared with; the first unless said.
    discounted, basis
        As in `flows`. Each is counted over its own horizon, and for its own number of clients.
    mass
        Of the intervals; None takes that of the reference.

    Returns
    -------
    Dataset over (scenario, payer[, municipality]); the payer `all` is the sum of the others, and a payer that a
    scenario does not have pays nothing there. `net`, `net_low`, `net_high`, `probability` of a net saving above 0;
    `difference`, `difference_low`, `difference_high`, EUR, above 0 where the scenario saves more than the reference;
    `net_error` and `error`, Monte Carlo standard errors of both; and `more`, the share of draws in which it saves more.

    Raises
    ------
    UsageError
        For fewer than two, a reference that is not among them, and other draws, places or services: with what differs.
    """
    base = _checked(appraisals, reference)
    nets = {name: by_payer(ds, discounted=discounted, basis=basis) for name, ds in appraisals.items()}
    payers = sorted({str(payer) for net in nets.values() for payer in net["payer"].values})
    aligned = [net.reindex(payer=payers, fill_value=0.0).transpose("payer", ..., "draw") for net in nets.values()]
    by_draw = np.stack([net.to_numpy() for net in aligned])
    by_draw = np.concatenate([by_draw, by_draw.sum(axis=1, keepdims=True)], axis=1)
    over = by_draw - by_draw[list(nets).index(base)]
    inside = float(appraisals[base].attrs["mass"]) if mass is None else mass
    told: dict[str, np.ndarray] = {}
    for name, values in (("net", by_draw), ("difference", over)):
        low, high = np.quantile(values, [(1 - inside) / 2, (1 + inside) / 2], axis=-1)
        told |= {name: values.mean(axis=-1), f"{name}_low": low, f"{name}_high": high}
    told |= {
        name: values.std(axis=-1) / over.shape[-1] ** 0.5 for name, values in (("net_error", by_draw), ("error", over))
    }
    shares = {"probability": (by_draw > 0).mean(axis=-1), "more": (over > 0).mean(axis=-1)}
    others = [dim for dim in aligned[0].dims if dim not in ("payer", "draw")]
    coords = {"scenario": list(nets), "payer": [*payers, ALL], **{dim: aligned[0][dim].values for dim in others}}
    units = dict.fromkeys(told, "EUR") | dict.fromkeys(shares, "probability")
    found = {
        name: (("scenario", "payer", *others), (told | shares)[name], {"unit": unit}) for name, unit in units.items()
    }
    return xr.Dataset(found, coords, {"reference": base, "mass": inside, "basis": basis, "discounted": int(discounted)})


def _checked(appraisals: Mapping[str, xr.Dataset], reference: str | None) -> str:
    """The name of the reference, when all can be compared with it."""
    problems, names = Problems(), list(appraisals)
    if len(names) < 2:
        problems.add("appraisals", f"are {len(names)}", "give two or more, by name")
        problems.raise_if_any(UsageError, "There is nothing to compare")
    base = names[0] if reference is None else reference
    if base not in names:
        problems.add(f"reference {base}", "is not among the appraisals", f"choose of {', '.join(names)}")
        problems.raise_if_any(UsageError, "There is nothing to compare")
    for name in names:
        for what, rule in _unlike(appraisals[base], appraisals[name]):
            problems.add(f"{name} and {base}", f"{what}: {rule}", "compare appraisals of the same draws and places")
    problems.raise_if_any(UsageError, "These appraisals cannot be compared draw by draw")
    return base


def _unlike(one: xr.Dataset, other: xr.Dataset) -> list[tuple[str, str]]:
    """What differs that must be alike."""
    found = []
    for attribute, what in ALIKE.items():
        a, b = one.attrs.get(attribute), other.attrs.get(attribute)
        if a != b:
            found.append((f"{what} differs", f"{b} against {a}"))
    for dim, what in (("draw", "the draws differ"), ("municipality", "the places differ")):
        here, there = one.indexes.get(dim), other.indexes.get(dim)
        if (here is None) != (there is None):
            found.append((what, "one has a dim of them, the other has none"))
        elif here is not None and there is not None and not here.equals(there):
            told = f"{len(there)} against {len(here)}" if dim == "draw" else f"{_some(there)} against {_some(here)}"
            found.append((what, told))
    return found


def _some(labels: pd.Index) -> str:
    names = list(map(str, labels))
    return ", ".join(names if len(names) <= 5 else [*names[:5], f"and {len(names) - 5} more"])
