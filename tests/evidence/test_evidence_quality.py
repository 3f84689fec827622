"""Study-quality discounts: data, switchable, and told."""

from __future__ import annotations

import numpy as np
import pytest
from published_data import made, programmes

from costeff.errors import ModelError
from costeff.evidence import Discount, Discounts, Studies, Study, discount, discount_effect, pool

TABLE = Discounts(
    (
        Discount("rct", 1, 1, "made up for a test"),
        Discount("match", 0.8, 1.2, "made up for a test"),
        Discount("nonequiv", 0.5, 1.5, "made up for a test"),
    )
)


def test_off_changes_nothing_but_says_so() -> None:
    studies = programmes()
    off = discount(studies, TABLE, apply=False)
    assert off.rows == studies.rows
    assert "not applied" in pool(off).attrs["notes"][0]


def test_on_moves_the_effect_and_its_error_and_says_so() -> None:
    studies = Studies("odds ratio", (Study("a", np.log(2), 0.2, "x", "rct"), Study("b", np.log(2), 0.2, "x", "match")))
    on = discount(studies, TABLE, apply=True)
    assert [row.estimate for row in on.rows] == pytest.approx([np.log(2), 0.8 * np.log(2)])
    assert [row.error for row in on.rows] == pytest.approx([0.2, 0.24])
    notes = pool(on).attrs["notes"]
    assert len(notes) == 2  # the class nobody has is not told
    assert "match (studies: 1): effect x 0.8, standard error x 1.2 (made up for a test)" in notes[1]


def test_a_table_of_ones_is_the_published_result() -> None:
    ones = Discounts(tuple(Discount(row.design, 1, 1, "none") for row in TABLE.rows))
    studies = programmes()
    assert float(pool(discount(studies, ones, True))["mean"]) == float(pool(studies)["mean"])


def test_weak_designs_are_believed_less() -> None:
    studies = programmes()
    assert float(pool(discount(studies, TABLE, True))["mean"]) < float(pool(studies)["mean"])
    told = discount_effect(studies, TABLE)
    weak = told["design"] == "nonequiv"
    np.testing.assert_allclose(told["discounted"], told["published"] * np.select(
        [told["design"] == "rct", told["design"] == "match"], [1, 0.8], 0.5
    ))  # fmt: skip
    np.testing.assert_allclose(told["information"][weak], 1 / 1.5**2)
    assert float(told["weight_discounted"][weak].sum()) < float(told["weight"][weak].sum())
    assert float(told["weight"].sum()) == pytest.approx(1)
    assert told.attrs["scale"] == "log odds ratio"


def test_a_table_that_does_not_hold_says_all() -> None:
    rows = (Discount("rct", 1.1, 1, "x"), Discount("rct", 1, 0.9, "x"), Discount("match", 1, np.inf, ""))
    with pytest.raises(ModelError) as caught:
        Discounts(rows)
    for words in ("multiplier is 1.1", "stands twice", "inflation is 0.9", "inflation is inf", "has no reason"):
        assert words in str(caught.value)


@pytest.mark.parametrize("apply", [True, False])
def test_a_class_that_the_table_lacks_is_an_error(apply: bool) -> None:
    with pytest.raises(ModelError, match="which the table lacks"):
        discount(made([(0.1, 0.1)]), TABLE, apply)
