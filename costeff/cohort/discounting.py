"""Discounting, stated and never implied: by whole years or continuously, at rates that may differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import xarray as xr

from costeff.cohort.labels import CellProblems, broadcast, check_labels, spread
from costeff.errors import ModelError

Compounding = Literal["yearly", "continuous"]
FORMULAS = {"yearly": "1 / (1 + rate) ** t", "continuous": "exp(-rate * t)"}


def discount_factors(
    years: Sequence[int] | np.ndarray,
    rate: float | Sequence[float] | xr.DataArray,
    compounding: Compounding = "yearly",
) -> xr.DataArray:
    """Weight of a euro of each year, seen from the first: 1 / (1 + rate)**t, where t is 0 in the first year.

    Parameters
    ----------
    years
        Such as 2026, 2027, ... or 0, 1, ...
    rate
        A share per year, 0.03 for 3 %. A sequence has a rate for each year; a labelled array may have
        `year` and any other dims, such as `payer`, or one that tells cost from effect. The rate of a year
        takes a euro of that year to the year before, so that the rate of the first year is never used.
    compounding
        "yearly" is 1 / (1 + rate)**t; "continuous" is exp(-rate t), the same as yearly at exp(rate) - 1.

    Returns
    -------
    DataArray (..., year), without unit; exactly 1 in the first year. `attrs` tell the formula and the rate.

    Raises
    ------
    ModelError
        For a rate that is not a share (0.03 is 3 %) or is missing, years that do not follow in order,
        rates that are not those of the years, and gaps between years for which no rate is given.
    """
    labels = np.asarray(years)
    problems = CellProblems()
    if labels.ndim != 1 or not labels.size or labels.dtype.kind not in "iu" or (np.diff(labels) <= 0).any():
        problems.add("years", "are not whole numbers in rising order", "give 2026, 2027, ... or 0, 1, ...")
    if compounding not in FORMULAS:
        problems.add("compounding", f"{compounding!r} is unknown", f"use {' or '.join(FORMULAS)}")
    rates = _labelled(rate, labels)
    _check_rates(problems, rates, labels)
    problems.raise_if_any(ModelError, "Discounting is not possible")
    attrs = {"unit": "1", "formula": FORMULAS[compounding], "rate": float(rates) if not rates.ndim else "by year"}
    if rates.ndim and "year" not in rates.dims:
        attrs["rate"] = f"by {', '.join(map(str, rates.dims))}"
    dims, _, coords = broadcast([rates])
    dims = [dim for dim in dims if dim != "year"]
    values = _factors(spread(rates, dims, ["year"] if "year" in rates.dims else []), labels, rates, compounding)
    coords |= {"year": labels}
    return xr.DataArray(values, dims=[*dims, "year"], coords=coords, name="discount", attrs=attrs)


def _factors(values: np.ndarray, labels: np.ndarray, rates: xr.DataArray, compounding: Compounding) -> np.ndarray:
    times = (labels - labels[0]).astype(float)
    if "year" not in rates.dims:
        each = values[..., None]
        return np.asarray(np.exp(-each * times) if compounding == "continuous" else (1.0 + each) ** -times)
    values = np.concatenate([np.zeros_like(values[..., :1]), values[..., 1:]], axis=-1)
    if compounding == "continuous":
        return np.asarray(np.exp(-np.cumsum(values, axis=-1)))
    return np.asarray(1 / np.cumprod(1 + values, axis=-1))


def _labelled(rate: float | Sequence[float] | xr.DataArray, labels: np.ndarray) -> xr.DataArray:
    if isinstance(rate, xr.DataArray):
        return rate
    values = np.asarray(rate)
    if values.ndim != 1:
        return xr.DataArray(values)
    matching = values.shape == labels.shape
    return xr.DataArray(values, dims="year", coords={"year": labels} if matching else None)


def _check_rates(problems: CellProblems, rates: xr.DataArray, labels: np.ndarray) -> None:
    if rates.dtype.kind not in "fiu":
        problems.add("rate", f"holds {rates.dtype}, not numbers", "write 3 % as 0.03")
        return
    wrong = ~((rates.values >= 0) & (rates.values < 1))
    problems.add_cells("rate", rates, wrong, "{} is not a discount rate", "write 3 % as 0.03")
    if "year" not in rates.dims or problems:
        return
    if "year" not in rates.indexes:
        rule = f"{rates.sizes['year']} rates against {len(labels)} years"
        problems.add("rate", rule, "give a rate for each year, the first included")
        return
    wanted = xr.DataArray(np.zeros(len(labels)), dims="year", coords={"year": labels})
    check_labels(problems, {"years": wanted, "rate": rates})
    if (np.diff(labels) != 1).any():
        problems.add("years", "have gaps, and the rate changes by year", "give every year from the first to the last")
