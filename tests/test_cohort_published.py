"""Published cohort models redone on the kernel, with the figures they print."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from costeff import cohort


def start_in(first: str, states: list[str], persons: float = 1.0) -> xr.DataArray:
    return xr.DataArray([persons * (state == first) for state in states], dims="state", coords={"state": states})


def test_sonnenberg_and_beck_1993_figure_3() -> None:
    """Sonnenberg & Beck, Markov models in medical decision making, Med Decis Making 1993;13:322, figure 3.

    10 000 patients after two cycles: 3600 well, 2400 disabled, 4000 dead.
    """
    states = ["well", "ill", "dead"]
    moves = {("well", "ill"): 0.2, ("well", "dead"): 0.2, ("ill", "dead"): 0.4}
    occupancy = cohort.trace(start_in("well", states, 10_000), cohort.transition_matrix(states, moves), 2)
    np.testing.assert_allclose(occupancy.isel(cycle=2), [3600, 2400, 4000])


def test_hiv_model_of_briggs_claxton_and_sculpher() -> None:
    """Chancellor 1997, as example 2.5 of Briggs, Claxton & Sculpher (2006), Decision Modelling for Health
    Economic Evaluation, and as its spreadsheet has it without rounding: costs 44 663 and 50 602 GBP, life
    years 7.991 and 8.937, 6 276 GBP per life year. Yearly cycles counted at their end, 20 years, costs
    discounted by 6 % from the first year on, the second drug and its relative risk 0.509 for two years.
    """
    states = ["A", "B", "C", "dead"]
    counts = {
        "A": {"B": 350 / 1734, "C": 116 / 1734, "dead": 17 / 1734},
        "B": {"C": 512 / 1258, "dead": 15 / 1258},
        "C": {"dead": 437 / 1749},
    }
    treated = xr.DataArray(
        [[1.0] * 20, [0.509] * 2 + [1.0] * 18], dims=["option", "cycle"], coords={"option": ["mono", "combination"]}
    )
    moves = {(a, b): p * treated for a, targets in counts.items() for b, p in targets.items()}
    occupancy = cohort.trace(start_in("A", states), cohort.transition_matrix(states, moves)).isel(cycle=slice(1, None))
    alive = occupancy.sel(state=["A", "B", "C"])
    care = xr.DataArray([2756.0, 3052.0, 9007.0], dims="state", coords={"state": ["A", "B", "C"]})
    drugs = 2278 + 2086.5 * (treated.drop_vars("cycle", errors="ignore") < 1)
    year = cohort.discount_factors(np.arange(21), 0.06).isel(year=slice(1, None))
    factor = xr.DataArray(year.values, dims="cycle", coords={"cycle": occupancy["cycle"].values})
    drugs = drugs.assign_coords(cycle=occupancy["cycle"].values)
    cost = ((alive * (care + drugs)).sum("state") * factor).sum("cycle")
    life_years = alive.sum(("state", "cycle"))
    np.testing.assert_allclose(cost, [44_663, 50_602], atol=0.5)
    np.testing.assert_allclose(life_years, [7.991, 8.937], atol=0.0005)
    ratio = float(cost.diff("option").item() / life_years.diff("option").item())
    assert ratio == pytest.approx(6276, abs=0.5)
