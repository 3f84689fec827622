"""Decisions made by hand for tests: costs and effects of any number of options, and appraisals by payer and year."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from costeff.draws import OPTIONS

PAYERS = ["municipality", "county"]
YEARS = [2026, 2027, 2028, 2029]


def appraisal(
    price: float = 1000.0,
    saved: object = 400.0,
    events: tuple[float, float] = (30.0, 20.0),
    rate: float = 0.0,
    draws: int = 4,
    clients: int = 100,
) -> xr.Dataset:
    """A service of `price` per client in the first year, paid by the municipality, in place of one of 200.

    `saved` EUR per client and year (scalar, by year, or draw x year) is avoided by the county.
    """
    shape = (draws, len(OPTIONS), len(PAYERS), len(YEARS))
    dims = ("draw", "option", "payer", "year")
    cost, downstream = np.zeros(shape), np.zeros(shape)
    cost[:, 0, 0, 0], cost[:, 1, 0, 0] = 200.0 * clients, price * clients
    downstream[:, 0, 1, :] = 10_000.0 * clients
    downstream[:, 1, 1, :] = (10_000.0 - np.asarray(saved)) * clients
    ds = xr.Dataset(
        {
            "cost": (dims, cost),
            "cashable": (dims, downstream),
            "average": (dims, downstream * 2),
            "events": (("draw", "option"), np.tile(events, (draws, 1))),
            "discount": ("year", (1 + rate) ** -np.arange(len(YEARS), dtype=float)),
        },
        coords={"draw": np.arange(draws), "option": list(OPTIONS), "payer": PAYERS, "year": YEARS},
        attrs={"clients": clients, "unit": "EUR", "seed": 7, "synthetic": 1},
    )
    return ds.assign(
        avoided=ds["cashable"].sel(option="usual", drop=True) - ds["cashable"],
        avoided_average=ds["average"].sel(option="usual", drop=True) - ds["average"],
    )


def random_appraisal(seed: int, draws: int = 6) -> xr.Dataset:
    rng = np.random.default_rng(seed)
    ds = appraisal(draws=draws, rate=0.03)
    for name in ("cost", "cashable", "average"):
        ds[name] = ds[name].copy(data=rng.gamma(2, 1000, ds[name].shape))
    ds["events"] = ds["events"].copy(data=rng.uniform(0, 100, ds["events"].shape))
    return with_avoided(ds)


def with_avoided(ds: xr.Dataset) -> xr.Dataset:
    for name, of in (("avoided", "cashable"), ("avoided_average", "average")):
        ds[name] = ds[of].sel(option="usual", drop=True) - ds[of]
    return ds


def labelled(values: object, options: Sequence[str] = "abcdefgh", unit: str = "EUR") -> xr.DataArray:
    """A cost or an effect (draw, option) of plain numbers; one row of them is one draw."""
    array = np.atleast_2d(np.asarray(values, dtype=float))
    names = list(options)[: array.shape[1]]
    return xr.DataArray(
        array, dims=("draw", "option"), coords={"draw": np.arange(len(array)), "option": names}, attrs={"unit": unit}
    )


def random_choice(seed: int, draws: int = 40, options: int = 4) -> tuple[xr.DataArray, xr.DataArray]:
    """A cost and an effect; whole numbers, so that ties happen; money and effects of both signs."""
    rng = np.random.default_rng(seed)
    cost = rng.integers(-3, 6, (draws, options)) * 100.0
    effect = rng.integers(-2, 4, (draws, options)) * 1.0
    return labelled(cost), labelled(effect, unit="event")
