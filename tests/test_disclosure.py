"""Counts as they are published."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costeff.disclosure import protect_count

counts = st.integers(min_value=0, max_value=10**9)
bases = st.integers(min_value=1, max_value=50)
multiples = st.integers(min_value=1, max_value=20)


@given(counts, bases, multiples)
def test_a_count_is_suppressed_exactly_below_the_threshold(n: int, base: int, multiple: int) -> None:
    assert (protect_count(n, base * multiple, base) is None) == (n < base * multiple)


@given(counts, bases, multiples)
def test_a_shown_count_is_a_near_multiple_not_below_the_threshold(n: int, base: int, multiple: int) -> None:
    shown = protect_count(n, base * multiple, base)
    if shown is not None:
        assert shown % base == 0
        assert abs(shown - n) * 2 <= base
        assert shown >= base * multiple


@given(st.integers(min_value=10, max_value=10**6))
def test_order_is_kept(n: int) -> None:
    one, more = protect_count(n), protect_count(n + 1)
    assert one is not None
    assert more is not None
    assert one <= more


@given(st.integers(min_value=10, max_value=10**6))
def test_with_base_1_a_shown_count_is_true(n: int) -> None:
    assert protect_count(n, threshold=10, base=1) == n


@pytest.mark.parametrize(("n", "shown"), [(0, None), (9, None), (10, 10), (12, 10), (13, 15), (17, 15), (18, 20)])
def test_examples(n: int, shown: int | None) -> None:
    assert protect_count(n) == shown


@pytest.mark.parametrize("wrong", [(-1, 10, 5), (20, 12, 5), (20, 0, 5), (20, 10, 0)])
def test_what_cannot_be(wrong: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"threshold|negative"):
        protect_count(*wrong)
