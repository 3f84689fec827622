"""Names of dimensions, seeds, and summaries over the one `draw` index that runs through everything."""

from __future__ import annotations

import zlib

import numpy as np
import xarray as xr

USUAL, NEW = "usual", "new"
OPTIONS = (USUAL, NEW)  # the comparator first


def rng(seed: int, *names: str) -> np.random.Generator:
    """A generator for one named use of a seed.

    Uses are independent of each other and of the order in which they are asked
    for, so that adding a parameter does not move the draws of the others.
    """
    words = [zlib.crc32(name.encode()) for name in names]
    return np.random.default_rng(np.random.SeedSequence([seed, *words]))


def as_draws(values: np.ndarray, **attrs: object) -> xr.DataArray:
    """One value per draw, as a labelled array."""
    values = np.asarray(values, dtype=float)
    return xr.DataArray(values, dims="draw", coords={"draw": np.arange(values.size)}, attrs=attrs)


def thin(draws: xr.DataArray | xr.Dataset, size: int) -> xr.DataArray | xr.Dataset:
    """`size` draws, evenly spaced over the posterior, renumbered from 0."""
    have = draws.sizes["draw"]
    if size > have:
        raise ValueError(f"asked for {size} draws, there are {have}; draw more or ask for fewer")
    picked = draws.isel(draw=np.linspace(0, have - 1, size).round().astype(int))
    return picked.assign_coords(draw=np.arange(size))


def summarise(values: xr.DataArray, mass: float, over: str = "draw") -> xr.Dataset:
    """Mean, median and the central interval of probability `mass` over draws.

    Returns
    -------
    Dataset with `mean`, `median`, `low`, `high`, without the dim `over`.
    """
    tail = (1 - mass) / 2
    low, median, high = (values.quantile(q, dim=over).drop_vars("quantile") for q in (tail, 0.5, 1 - tail))
    out = xr.Dataset({"mean": values.mean(over), "median": median, "low": low, "high": high})
    return out.assign_attrs(values.attrs, mass=mass)
