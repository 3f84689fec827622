"""What a child in placement costs, by what the cost is divided by: a year in an institution, in care, a child."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from costeff.cohort import CellProblems, Value, check_range
from costeff.errors import ModelError

CARE = ("foster_family", "institution")
PLACED = ("emergency", *CARE)
_STILL_THERE = 1e-6  # share of children who may be there when the course of one is taken for whole


def cost_by_basis(run: xr.Dataset, inputs: xr.Dataset, prices: Mapping[str, Value]) -> xr.Dataset:
    """Cost of a year of placements over three counts of it, in a population that neither grows nor shrinks.

    Where one child comes each year, as many children stand in a state as the years that one child spends in
    it from start to end. So the whole course of one child, from `run`, is a year of that population, and as
    many placements end in the year as begin. Each count is divided into the cost of those it counts:

    - `institution_year`: institutions over the years in them,
    - `care_year`: institutions and foster families over the years in both,
    - `child_placed`: all that is priced over the children placed at any time in the year, which are those
      there at its start and those who come during it; who comes twice is counted twice.

    How often children are placed does not matter: it changes all counts alike.

    Parameters
    ----------
    run
        Of `TAKING_INTO_CARE`, so long that everyone has left, with some risk in all years.
    inputs
        Those of the run.
    prices
        EUR per person-year in `foster_family`, `institution` and, where it has a price, `emergency`.

    Returns
    -------
    Dataset with the three costs, EUR, dims of the run without time; no `institution_year` where nobody is in one

    Raises
    ------
    ModelError
        For a run too short, a price below 0, of another state or missing.
    """
    problems = CellProblems()
    for state in (*CARE, *(name for name in prices if name not in CARE)):
        if state not in prices:
            problems.add(f"price {state}", "is missing", f"give EUR per person-year in {' and '.join(CARE)}")
        elif state not in PLACED:
            problems.add(f"price {state}", "is no placement", f"the placements are {', '.join(PLACED)}")
        else:
            check_range(problems, f"price {state}", prices[state], 0, np.finfo(float).max)
    there = run["occupancy"].isel(cycle=-1).drop_sel(state="left").sum("state")
    if float(there.max()) > _STILL_THERE:
        problems.add("run", f"ends with {float(there.max()):.2g} of the children there", "run more years, or more risk")
    problems.raise_if_any(ModelError, "The cost cannot be told by basis")
    years = {state: run["state_time"].sel(state=state, drop=True).sum("year") for state in PLACED}
    spent = {state: years[state] * price for state, price in prices.items()}
    in_care = years["foster_family"] + years["institution"]
    home_again = years["emergency"] * (1 - inputs["emergency_to_care"]) / inputs["emergency_years"]
    children = in_care + years["emergency"] + in_care * inputs["annual_exit_rate"] + home_again
    costs = {
        "institution_year": spent["institution"] / years["institution"].where(years["institution"] > 0),
        "care_year": (spent["foster_family"] + spent["institution"]) / in_care,
        "child_placed": sum(spent.values(), start=xr.zeros_like(in_care)) / children,
    }
    return xr.Dataset({name: cost.assign_attrs(unit="EUR") for name, cost in costs.items()})
