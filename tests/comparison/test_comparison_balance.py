"""Balance, effective sizes and overlap: by hand, and protected."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from comparison_builders import binary_cells, clients

from costeff.comparison import Propensity, balance, effective_sample_size, overlap, propensity
from costeff.errors import ModelError, UsageError


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return clients()


@pytest.fixture(scope="module")
def scores(rows: pd.DataFrame) -> Propensity:
    return propensity(binary_cells(rows), ["group", "age"])


def test_differences_before_weighting_are_those_of_rows(rows: pd.DataFrame, scores: Propensity) -> None:
    table = balance(scores).set_index(["covariate", "level"])
    for key, values in ((("group", "high"), rows["group"] == "high"), (("age", ""), rows["age"])):
        arms = values.astype(float).groupby(rows["new"])
        spread = np.sqrt(arms.var(ddof=0).mean())
        assert table.loc[key, "before"] == pytest.approx(np.diff(arms.mean())[0] / spread)
        assert table.loc[key, "new"] == pytest.approx(arms.mean()[1.0])


def test_overlap_weights_balance_exactly_and_inverse_weights_nearly(scores: Propensity) -> None:
    assert balance(scores, "ato")["before"].abs().max() > 0.3
    np.testing.assert_allclose(balance(scores, "ato")["after"], 0, atol=1e-8)  # a property of their logistic score
    after = balance(scores, "ate")["after"].abs()
    assert 0 < after.max() < 0.05


def test_what_has_one_level_is_balanced(rows: pd.DataFrame) -> None:
    one = propensity(binary_cells(rows.assign(group="all")), ["group"])
    assert balance(one)[["before", "after"]].abs().to_numpy().max() == 0


def test_equal_weights_are_worth_all_clients(rows: pd.DataFrame) -> None:
    even = propensity(binary_cells(rows.assign(group="all")), ["group"])
    np.testing.assert_allclose(effective_sample_size(even, "ate")["share"], 1)
    told = effective_sample_size(propensity(binary_cells(rows), ["group", "age"]), "ate")
    assert (told["share"] < 1).all()
    assert told["clients"].sum() == len(rows)


def test_effective_size_is_that_of_rows(rows: pd.DataFrame, scores: Propensity) -> None:
    table = scores.sample.table
    weights = np.repeat(scores.weights("ate"), table["n"])[np.repeat(table["option"] == "new", table["n"])]
    by_hand = weights.sum() ** 2 / (weights**2).sum()
    assert effective_sample_size(scores, "ate").loc["new", "effective"] == pytest.approx(by_hand)


def test_a_histogram_tells_no_small_count_and_no_exact_one(rows: pd.DataFrame, scores: Propensity) -> None:
    table = overlap(scores, bins=50)
    shown = table["clients"].dropna()
    assert table["clients"].isna().any()
    assert (shown >= 10).all()
    assert (shown % 5 == 0).all()
    assert abs(table["clients"].sum() - len(rows)) < 10 * len(table)
    assert len(table) == 2 * 50


def test_few_clients_are_not_shown_at_all() -> None:
    few = propensity(binary_cells(clients(18)), ["group"])
    assert overlap(few, bins=10)["clients"].isna().all()
    assert few.positivity["clients"].dropna().mod(5).eq(0).all()


def test_what_cannot_be_counted_is_told(scores: Propensity) -> None:
    with pytest.raises(UsageError, match="bins"):
        overlap(scores, bins=0)
    with pytest.raises(ModelError, match="use ate, att or ato"):
        balance(scores, "atc")  # type: ignore[arg-type]
