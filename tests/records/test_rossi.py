"""The published experiment of financial aid, through the cells."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from lifelines import CoxPHFitter
from lifelines.datasets import load_rossi

from costeff.errors import UsageError
from costeff.records import Register, binary_cells, check, cost_cells, exposure_cells, rossi_register
from costeff.records.research import ROSSI_BREAKS, ROSSI_GROUPS

PUBLISHED = 0.684, 0.470, 0.996


@pytest.fixture(scope="module")
def register() -> Iterator[Register]:
    with rossi_register() as rossi:
        yield rossi


def hazard_ratio(cells: pd.DataFrame) -> tuple[float, float, float]:
    new = (cells["option"] == "new").astype(float)
    model = smf.glm(
        "events ~ new + C(interval) + C(group)",
        cells.assign(new=new),
        family=sm.families.Poisson(),
        offset=np.log(cells["exposure"]),
    ).fit()
    low, high = model.conf_int().loc["new"]
    return float(np.exp(model.params["new"])), float(np.exp(low)), float(np.exp(high))


def by_hand() -> pd.DataFrame:
    """The rows, banded here once more."""
    men = load_rossi()
    age = np.where(men["age"] < 25, "under_25", "25_or_over")
    priors = np.select([men["prio"] <= 1, men["prio"] <= 4], ["priors_0_1", "priors_2_4"], "priors_5_or_more")
    return men.assign(group=[f"{a}_{p}" for a, p in zip(age, priors, strict=True)])


def test_it_holds_together_and_is_not_synthetic(register: Register) -> None:
    check(register)
    assert not register.synthetic


def test_the_numbers_of_men_and_arrests(register: Register) -> None:
    table = binary_cells(register, "arrest", 364, by=("option",)).table.set_index("option")
    assert table["n"].to_dict() == {"new": 216, "usual": 216}
    assert table["events"].to_dict() == {"new": 48, "usual": 66}


def test_the_risk_groups_are_the_bands_they_say(register: Register) -> None:
    table = binary_cells(register, "arrest", 364, by=("group",)).table.set_index("group")["n"]
    assert table.to_dict() == by_hand().groupby("group").size().to_dict()
    assert set(table.index) == set(ROSSI_GROUPS)


def test_exposure_keeps_every_arrest_and_every_day(register: Register) -> None:
    table = exposure_cells(register, "arrest", ROSSI_BREAKS).table
    assert table["events"].sum() == 114
    assert table["exposure"].sum() == load_rossi()["week"].sum() * 7
    assert len(table) == 2 * 6 * 4


def test_cells_lose_nothing_against_a_cox_model_of_the_rows(register: Register) -> None:
    rows = by_hand()
    dummies = pd.get_dummies(rows[["week", "arrest", "fin", "group"]], columns=["group"], drop_first=True, dtype=float)
    cox = CoxPHFitter().fit(dummies, "week", "arrest").summary.loc["fin"]
    ratio, low, high = hazard_ratio(exposure_cells(register, "arrest", ROSSI_BREAKS).table)
    assert ratio == pytest.approx(cox["exp(coef)"], abs=0.005)
    assert low == pytest.approx(cox["exp(coef) lower 95%"], abs=0.005)
    assert high == pytest.approx(cox["exp(coef) upper 95%"], abs=0.01)


def test_the_published_hazard_ratio(register: Register) -> None:
    ratio, low, high = hazard_ratio(exposure_cells(register, "arrest", ROSSI_BREAKS).table)
    assert ratio == pytest.approx(PUBLISHED[0], abs=0.02)
    assert low == pytest.approx(PUBLISHED[1], abs=0.02)
    assert high == pytest.approx(PUBLISHED[2], abs=0.02)
    assert (round(ratio, 3), round(low, 3), round(high, 3)) == (0.693, 0.477, 1.007)  # what the docstring tells


def test_the_published_figure_is_what_the_literature_says() -> None:
    cox = CoxPHFitter().fit(load_rossi(), "week", "arrest").summary.loc["fin"]
    assert [round(cox[f"exp(coef){part}"], 3) for part in ("", " lower 95%", " upper 95%")] == list(PUBLISHED)


def test_what_was_not_collected_cannot_be_asked(register: Register) -> None:
    with pytest.raises(UsageError) as caught:
        cost_cells(register)
    assert caught.value.problems[0].place == "episodes.cost"
    with pytest.raises(UsageError) as caught:
        binary_cells(register, "arrest", 364, by=("municipality",))
    assert "municipality" in caught.value.problems[0].rule
