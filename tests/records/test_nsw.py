"""The experiment of supported work, through the cells."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from causaldata import cps_mixtape, nsw_mixtape

from costeff.errors import UsageError
from costeff.records import (
    Register,
    binary_cells,
    check,
    cost_cells,
    end_cells,
    meter_cells,
    nsw_register,
    reduce_clients_count,
)


@pytest.fixture(scope="module")
def register() -> Iterator[Register]:
    with nsw_register() as nsw:
        yield nsw


@pytest.fixture(scope="module")
def survey() -> Iterator[Register]:
    with nsw_register(control="cps") as nsw:
        yield nsw


def difference(register: Register) -> float:
    table = meter_cells(register, "earnings", by=("option",)).table.set_index("option")
    mean = table["sum"] / table["n"]
    return float(mean["new"] - mean["usual"])


def test_they_hold_together_and_are_not_synthetic(register: Register, survey: Register) -> None:
    for one in (register, survey):
        check(one)
        assert not one.synthetic


def test_the_difference_that_was_published(register: Register) -> None:
    table = meter_cells(register, "earnings", by=("option",)).table.set_index("option")
    assert table["n"].to_dict() == {"new": 185, "usual": 260}
    assert difference(register) == pytest.approx(1794.34, abs=0.005)


def test_the_survey_would_have_told_another_story(survey: Register) -> None:
    table = meter_cells(survey, "earnings", by=("option",)).table.set_index("option")
    assert table["n"].to_dict() == {"new": 185, "usual": 15_992}
    assert round(difference(survey)) == -8498  # what the docstring tells


def test_the_covariates_bring_the_survey_near_the_experiment(survey: Register) -> None:
    strata = ["group", *survey.covariates]
    cells = meter_cells(survey, "earnings", by=("option", *strata)).table
    assert cells["n"].sum() == 185 + 15_992
    both = cells.pivot_table(index=strata, columns="option", values=["n", "sum"]).dropna()
    apart = both["sum"]["new"] / both["n"]["new"] - both["sum"]["usual"] / both["n"]["usual"]
    effect = np.average(apart, weights=both["n"]["new"])
    assert both["n"]["new"].sum() == 156
    assert round(effect) == 1913  # what the docstring tells


def test_bands_are_what_they_say(survey: Register) -> None:
    men = pd.concat([nsw_mixtape.load_pandas().data.query("treat == 1"), cps_mixtape.load_pandas().data])
    expected = {
        "group": men["nodegree"].map({1: "no_degree", 0: "degree"}),
        "age": pd.cut(men["age"], [0, 20, 25, 35, 99], labels=["under_21", "21_to_25", "26_to_35", "over_35"]),
        "schooling": pd.cut(
            men["educ"], [-1, 8, 11, 12, 99], labels=["under_9_years", "9_to_11_years", "12_years", "over_12_years"]
        ),
        "race": np.where(men["black"] == 1, "black", np.where(men["hisp"] == 1, "hispanic", "other")),
        "married": men["marr"].map({1: "yes", 0: "no"}),
    }
    for year in ("74", "75"):
        earned = men[f"re{year}"]
        labels = ["none", "under_5000", "5000_to_14999", "15000_or_more"]
        expected[f"earnings_19{year}"] = pd.cut(earned, [-1, 0, 4999.99, 14999.99, 1e9], labels=labels)
    for name, values in expected.items():
        found = meter_cells(survey, "earnings", by=(name,)).table.set_index(name)["n"]
        assert found.to_dict() == pd.Series(values).astype(str).value_counts().to_dict()
    assert {"group", *survey.covariates} == set(expected)


def test_cells_may_be_divided_by_what_the_register_declares_only(register: Register) -> None:
    with pytest.raises(UsageError) as caught:
        meter_cells(register, "earnings", by=("option", "marred"))
    assert caught.value.problems[0].cure == "did you mean married?"
    for unknown in ("client", "risk_group", "municipality"):
        with pytest.raises(UsageError):
            meter_cells(register, "earnings", by=(unknown,))


def test_what_was_not_collected_cannot_be_asked(register: Register) -> None:
    for ask in (cost_cells, end_cells, reduce_clients_count, lambda r: binary_cells(r, "employed", 365)):
        with pytest.raises(UsageError):
            ask(register)


def test_an_unknown_comparison_group_is_told() -> None:
    with pytest.raises(UsageError) as caught:
        nsw_register(control="psid")  # type: ignore[arg-type]
    assert "experiment or cps" in caught.value.problems[0].cure
