"""New clients each year: through the year, into one trace, or as cohorts that start on the first day."""

from __future__ import annotations

import numpy as np
import xarray as xr

from costeff.cohort.labels import ROW_TOLERANCE, CellProblems, broadcast, check_labels, check_range
from costeff.errors import ModelError


def arrivals(persons: xr.DataArray, mix: xr.DataArray, cycles_per_year: int) -> xr.DataArray:
    """Newcomers of each cycle, evenly through each year: the `inflow` of `trace`.

    Parameters
    ----------
    persons
        Newcomers of each `year`; other dims as they are.
    mix
        The share that starts in each `state`; sums to one.
    cycles_per_year
        Such as 4 for quarters.

    Returns
    -------
    DataArray (..., cycle, state), persons per cycle: `persons` x `mix` / `cycles_per_year`

    Raises
    ------
    ModelError
        For persons below 0 or missing, years that do not follow each other, a mix that does not sum to one.
    """
    problems = CellProblems()
    _check_years(problems, "persons", persons)
    check_range(problems, "persons", persons, 0, np.finfo(float).max)
    if not isinstance(cycles_per_year, int | np.integer) or cycles_per_year < 1:
        problems.add("cycles_per_year", f"{cycles_per_year!r} is not 1, 2, 3, ...", "give 4 for quarters")
    if "state" not in mix.indexes:
        problems.add("mix", "has no labelled dim `state`", "say in which state newcomers start")
    else:
        check_range(problems, "mix", mix, 0, 1)
        total = mix.sum("state", skipna=False)
        off = np.abs(total.values - 1) > ROW_TOLERANCE
        problems.add_cells("mix", total, off, "sums to {} over states, not to 1", "nothing is rescaled: correct it")
    check_labels(problems, {"persons": persons, "mix": mix})
    problems.raise_if_any(ModelError, "The inflow cannot be made")
    years = np.repeat(np.arange(persons.sizes["year"]), cycles_per_year)
    each = persons.drop_vars("year", errors="ignore").isel(year=xr.DataArray(years, dims="cycle"))
    inflow: xr.DataArray = (each * mix / cycles_per_year).assign_coords(cycle=np.arange(len(years)))
    return inflow.transpose(..., "cycle", "state").rename("inflow").assign_attrs(unit="persons")


def repeat_cohorts(yearly: xr.DataArray, persons: xr.DataArray) -> xr.DataArray:
    """A cohort that starts anew on the first day of each year, summed by calendar year.

    result(y) = sum over years a up to y of persons(a) x yearly(y - a). Exact where one person's course does
    not depend on the calendar: so repeat time in states, or an effect; price and discount after that.

    Parameters
    ----------
    yearly
        Of one person by `year` since the start, from `state_time` or an undiscounted `accrue`.
    persons
        Who start in each calendar `year`; no more years than `yearly` has.

    Returns
    -------
    DataArray, dims of `yearly` and of `persons`, by the calendar `year` of `persons`

    Raises
    ------
    ModelError
        For years that do not follow each other, a horizon past that of `yearly`, a discounted result.
    """
    problems = CellProblems()
    _check_years(problems, "yearly", yearly)
    _check_years(problems, "persons", persons)
    check_range(problems, "persons", persons, 0, np.finfo(float).max)
    if yearly.attrs.get("discounted", "no") != "no":
        problems.add("yearly", "is discounted", "repeat what is not, and discount the sum by calendar year")
    if persons.sizes.get("year", 0) > yearly.sizes.get("year", 0):
        rule = f"{persons.sizes['year']} years against {yearly.sizes.get('year', 0)} of one cohort"
        problems.add("persons", rule, "run the cohort for as many years")
    check_labels(problems, {"yearly": yearly, "persons": persons}, skip=("year",))
    problems.raise_if_any(ModelError, "The cohort cannot be repeated")
    one, many = yearly.drop_vars("year", errors="ignore"), persons.drop_vars("year", errors="ignore")
    dims, sizes, coords = broadcast([one, many])
    total = np.zeros([sizes[dim] if dim != "year" else many.sizes["year"] for dim in dims])
    summed = xr.DataArray(total, dims=dims, coords={dim: coords[dim] for dim in dims if dim in coords})
    for start in range(many.sizes["year"]):
        lasts = many.sizes["year"] - start
        part = (one.isel(year=slice(lasts)) * many.isel(year=start)).transpose(*dims)
        summed[{"year": slice(start, None)}] += part.values
    labels = persons.indexes["year"] if "year" in persons.indexes else np.arange(many.sizes["year"])
    return summed.assign_coords(year=labels).rename(yearly.name).assign_attrs(yearly.attrs)


def _check_years(problems: CellProblems, name: str, values: xr.DataArray) -> None:
    if "year" not in values.dims:
        problems.add(name, "has no dim `year`", "give a value for each year")
    elif "year" in values.indexes and (np.diff(values.indexes["year"].to_numpy()) != 1).any():
        problems.add(f"{name} year", "has gaps, or is not in order", "give every year; 0 where there is none")
