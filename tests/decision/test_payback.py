"""Payback and trough of any flow: by hand, against a plain loop, and what has no payback."""

from __future__ import annotations

import math

import numpy as np
import pytest
import xarray as xr
from decision_builders import appraisal, random_appraisal
from hypothesis import given, settings
from hypothesis import strategies as st

from costeff import decision
from costeff.errors import UsageError


def flow(*rows: list[float], first: int = 2026) -> xr.DataArray:
    array = np.array(rows, dtype=float)
    coords = {"draw": np.arange(len(rows)), "year": first + np.arange(array.shape[1])}
    return xr.DataArray(array, coords, ("draw", "year"), attrs={"unit": "EUR", "seed": 3})


def test_by_hand() -> None:
    found = decision.payback(flow([-100, 60, 60], [-100, 150, -80], [-100, 20, 20], [5, 5, 5], [-100, 100, 0]))
    assert found["payback_year"].values[[0, 3, 4]].tolist() == [3, 1, 2]
    assert np.isnan(found["payback_year"].values[[1, 2]]).all()  # the second is back in 2027 and lost again in 2028
    assert found["probability"].values == pytest.approx([0.2, 0.4, 0.6])
    assert found["probability"]["year"].values.tolist() == [2026, 2027, 2028]
    assert float(found["never"]) == pytest.approx(0.4)
    assert found["depth"].values.tolist() == [-100, -100, -100, 0, -100]
    assert found["trough_year"].values[:3].tolist() == [1, 1, 1]
    assert math.isnan(found["trough_year"].values[3])
    assert found.attrs["horizon"] == 3
    assert found.attrs["seed"] == 3


@pytest.mark.parametrize(("first", "then"), [(-700.7, 70.07), (-1.0, 0.1), (-3e9, 3e8), (-1e-6, 1e-7)])
def test_what_comes_back_to_the_cent_has_come_back(first: float, then: float) -> None:
    """Ten tenths are the whole, whatever their sum in binary; a thousandth less is still owed."""
    found = decision.payback(flow([first] + [then] * 10, [first] + [then * 0.999] * 10))
    assert found["payback_year"].values[0] == 11
    assert found["depth"].values.tolist() == [first, first]
    assert float(found["never"]) == 0.5


def test_an_appraisal_that_comes_out_even_is_paid_back_and_saves_nothing() -> None:
    ds = appraisal(price=200 + 3 * 0.1, saved=[0.1, 0.1, 0.1, 0.0], clients=1)
    assert (decision.payback_year(ds) == 3).all()
    assert float(decision.probability_of_saving(ds)) == 0


@given(rows=st.lists(st.lists(st.integers(-5, 5), min_size=4, max_size=4), min_size=1, max_size=6))
@settings(max_examples=12, deadline=None)
def test_a_plain_loop_agrees(rows: list[list[int]]) -> None:
    found = decision.payback(flow(*rows))
    for number, row in enumerate(rows):
        sums = [sum(row[: k + 1]) for k in range(4)]
        first = next((k + 1 for k in range(4) if min(sums[k:]) >= 0), math.nan)
        assert found["payback_year"].values[number] == pytest.approx(first, nan_ok=True)
        assert found["depth"].values[number] == min(0, *sums)
        deep = sums.index(min(sums)) + 1 if min(sums) < 0 else math.nan
        assert found["trough_year"].values[number] == pytest.approx(deep, nan_ok=True)
    assert float(found["probability"][-1] + found["never"]) == pytest.approx(1)
    assert (found["probability"].diff("year") >= 0).all()


def test_the_appraisal_says_the_same() -> None:
    ds = random_appraisal(5)
    generic = decision.payback(decision.flows(ds).sum("payer"))
    xr.testing.assert_allclose(generic["payback_year"], decision.payback_year(ds))
    xr.testing.assert_allclose(generic["depth"], decision.trough(ds)["depth"])
    np.testing.assert_allclose(generic["probability"], decision.payback_probability(ds))


def test_every_payer_may_be_asked_at_once() -> None:
    found = decision.payback(decision.flows(appraisal(price=1000, saved=300)))
    assert found["payback_year"].dims == ("draw", "payer")
    assert np.isnan(found["payback_year"].sel(payer="municipality")).all()
    assert (found["payback_year"].sel(payer="county") == 1).all()
    assert found["never"].values.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (lambda f: f.sum("draw"), "is not over draw and year"),
        (lambda f: f.values, "is not over draw and year"),
        (lambda f: f.drop_vars("year"), "year: has no labels"),
        (lambda f: f.isel(year=[0, 2]), "does not go on by one"),
        (lambda f: f.isel(year=[1, 0, 2]), "does not go on by one"),
        (lambda f: f.where(f > 0), "missing or infinite"),
        (lambda f: f.assign_coords(year=["2026", "2027", "2028"]), "does not go on by one"),
        (lambda f: f.astype(complex), "not numbers"),
        (lambda f: f.astype("timedelta64[s]"), "not numbers"),
        (lambda f: f.isel(year=[]), "no draws or no years"),
    ],
)
def test_what_has_no_payback_is_refused(broken: object, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        decision.payback(broken(flow([-100, 60, 60])))
