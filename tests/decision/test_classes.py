"""Classes of municipalities and risk groups: weighted means by hand, and how surely they lie apart."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from costeff import decision
from costeff.draws import rng
from costeff.errors import UsageError

CODES = ["005", "091", "478", "837"]


def over(values: list[object], codes: list[str] = CODES) -> xr.DataArray:
    return xr.DataArray(values, {"municipality": codes}, "municipality")


LANGUAGE, PEOPLE = over(["fi", "fi", "sv", "fi"]), over([10.0, 30.0, 5.0, 60.0])


def savings() -> xr.DataArray:
    values = [[1.0, 2.0, 8.0, 4.0], [0.0, 0.0, -1.0, 6.0]]
    return xr.DataArray(
        values, {"draw": [0, 1], "municipality": CODES}, ("draw", "municipality"), attrs={"unit": "EUR"}
    )


def test_by_class_by_hand() -> None:
    found = decision.by_class(savings(), LANGUAGE, PEOPLE)
    assert found.dims == ("draw", "class")
    assert found.sel({"class": "fi"}).values == pytest.approx([3.1, 3.6])
    assert found.sel({"class": "sv"}).values.tolist() == [8, -1]
    assert found["members"].values.tolist() == [3, 1]
    assert found.attrs["unit"] == "EUR"


def test_one_class_is_the_weighted_mean_and_classes_make_the_whole() -> None:
    values, people = savings(), PEOPLE
    whole = decision.by_class(values, over(["all"] * 4), people).isel({"class": 0})
    np.testing.assert_allclose(whole, (values * people).sum("municipality") / people.sum())
    parts = decision.by_class(values, LANGUAGE, people)
    share = people.groupby(LANGUAGE.rename("class")).sum() / people.sum()
    np.testing.assert_allclose((parts * share).sum("class"), whole)


def test_the_order_of_municipalities_and_those_beyond_do_not_matter() -> None:
    more = [*reversed(CODES), "999"]
    classes, people = over(["fi", "sv", "fi", "fi", "en"], more), over([60.0, 5.0, 30.0, 10.0, 7.0], more)
    found = decision.by_class(savings(), classes, people)
    xr.testing.assert_allclose(found, decision.by_class(savings(), LANGUAGE, PEOPLE))


def test_further_dims_stay() -> None:
    wide = savings().expand_dims(payer=["county", "kela"])
    found = decision.by_class(wide, LANGUAGE, PEOPLE)
    assert set(found.dims) == {"payer", "draw", "class"}
    narrow = decision.by_class(savings(), LANGUAGE, PEOPLE)
    xr.testing.assert_allclose(found.sel(payer="kela", drop=True), narrow)


def test_spread_by_hand() -> None:
    found = decision.spread(decision.by_class(savings(), LANGUAGE, PEOPLE))
    assert (found["highest"].item(), found["lowest"].item()) == ("sv", "fi")
    assert found["gap"].values == pytest.approx([4.9, -4.6])
    assert float(found["probability"]) == 0.5
    assert found["probability_highest"].values.tolist() == [0.5, 0.5]


def test_equals_do_not_lie_apart() -> None:
    """Ten classes without a difference: the gap chosen by means stays near 0, the range of every draw does not."""
    draws = xr.DataArray(rng(1, "equals").normal(size=(4000, 10)), {"class": list("abcdefghij")}, ("draw", "class"))
    found = decision.spread(draws)
    assert abs(float(found["gap"].mean())) < 0.1
    assert float(found["probability"]) == pytest.approx(0.5, abs=0.05)
    assert float((draws.max("class") - draws.min("class")).mean()) > 3
    assert float(found["probability_highest"].sum()) == pytest.approx(1)


def test_identical_classes_tie() -> None:
    same = xr.DataArray(np.ones((5, 2)), {"group": ["low", "high"]}, ("draw", "group"))
    found = decision.spread(same, dim="group")
    assert (found["gap"] == 0).all()
    assert float(found["probability"]) == 0.5
    assert found["probability_highest"].values.tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("classes", "weights", "told"),
    [
        (LANGUAGE.isel(municipality=[0, 1]), PEOPLE, "classes: lacks 2 of 4, such as 478"),
        (LANGUAGE, PEOPLE - 20, "weights: has one that is missing, infinite or below 0"),
        (LANGUAGE, PEOPLE * (LANGUAGE == "fi"), "weights: are all 0 in a class"),
        (over(["fi", None, "sv", "fi"]), PEOPLE, "classes: has a member without a class"),
        (LANGUAGE.drop_vars("municipality"), PEOPLE, "classes municipality: has no labels"),
        (LANGUAGE, xr.DataArray(1.0), "weights: has the dims"),
        (["fi", "fi", "sv", "fi"], PEOPLE, "classes: is not a labelled array"),
        (LANGUAGE, [1, 2, 3, 4], "weights: is not a labelled array"),
        (LANGUAGE, PEOPLE.astype(str), "weights: has one that is missing"),
    ],
)
def test_bad_classes_are_refused(classes: xr.DataArray, weights: xr.DataArray, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        decision.by_class(savings(), classes, weights)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (savings().rename(municipality="class").expand_dims("payer"), "select one label of each other dim"),
        (savings().rename(municipality="class").drop_vars("class"), "class: has no labels"),
        (savings().rename(municipality="class").isel({"class": [0]}), "holds one class only"),
        (savings().rename(municipality="class") / 0 * 0, "missing or infinite"),
    ],
)
def test_what_has_no_spread_is_refused(values: xr.DataArray, told: str) -> None:
    with np.errstate(all="ignore"), pytest.raises(UsageError, match=told):
        decision.spread(values)


def test_only_labelled_results_have_classes() -> None:
    with pytest.raises(UsageError, match="values: is not a labelled array"):
        decision.by_class(savings().values, LANGUAGE, PEOPLE)
    with pytest.raises(UsageError, match="values: has a dim named class"):
        decision.by_class(savings().expand_dims({"class": ["x"]}), LANGUAGE, PEOPLE)
    with pytest.raises(UsageError, match="values: is not a labelled array"):
        decision.spread([[1, 2], [3, 4]])
