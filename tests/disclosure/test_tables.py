"""A protected table holds nothing that the rule does not allow, and can be made in one way only."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costeff.disclosure import protect_count
from costeff.disclosure.tables import Count, Estimate, Fact, Key, Mean, Protected, Rate, Rule, Sum, protect
from costeff.errors import UsageError
from costeff.identity import artificial

GROUPS = pd.DataFrame({"group": ["a", "b", "c", "d"], "n": [9, 10, 52, 403], "events": [4, 3, 26, 400]})
KINDS = {"group": Key(), "n": Count(), "events": Count(among="n"), "share": Rate("events", "n")}


def test_counts_are_those_of_the_one_rule_and_rates_are_made_of_them() -> None:
    shown = protect(GROUPS, KINDS, "clients").table
    assert shown["n"].isna().tolist() == [True, False, False, False]
    assert shown["n"].tolist()[1:] == [protect_count(n) for n in GROUPS["n"][1:]]
    assert shown["events"].isna().tolist() == [True, True, False, True]  # 3 of 10; all but 3 of 403
    assert shown["share"].tolist()[2] == 25 / 50
    assert shown["share"].isna().sum() == 3


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3000), st.floats(0, 1)), min_size=1, max_size=30))
def test_no_shown_number_is_small_or_exact_by_nature(rows: list[tuple[int, float]]) -> None:
    frame = pd.DataFrame([{"row": number, "n": n, "events": int(n * share)} for number, (n, share) in enumerate(rows)])
    rule = Rule()
    shown = protect(frame, {"row": Key(), "n": Count(), "events": Count(among="n")}, "clients").table
    for row, (n, share) in enumerate(rows):
        events, told = int(n * share), shown.loc[row]
        assert pd.isna(told["n"]) == (n < rule.threshold)
        assert pd.isna(told["events"]) == (min(events, n - events) < rule.threshold)
        for value, true in ((told["n"], n), (told["events"], events)):
            if not pd.isna(value):
                assert rule.may_show(int(value))
                low, high = rule.range_of(int(value))
                assert low <= true <= high


@pytest.mark.parametrize("base", [2, 3, 5, 7, 10])
def test_the_range_of_a_shown_count_is_exactly_what_rounds_to_it(base: int) -> None:
    rule = (
        Rule(threshold=max(5, 10 // base * base) if base != 7 else 14, base=base) if base != 3 else Rule(9, 3, 0.9, 3)
    )
    for shown in range(rule.threshold, 200, base):
        low, high = rule.range_of(shown)
        assert [n for n in range(400) if rule.count(n) == shown] == list(range(low, high + 1))


MONEY = pd.DataFrame(
    {"group": ["a", "b", "c"], "n": [53, 53, 4], "euros": [53_000.0, 53_000.0, 9_000.0],
     "first": [4_000.0, 40_000.0, 4_000.0], "second": [3_000.0, 9_000.0, 3_000.0]}
)  # fmt: skip


def test_a_sum_is_so_many_clients_mean_and_hidden_where_two_make_nearly_all_of_it() -> None:
    kinds = {"group": Key(), "n": Count(), "euros": Sum("n", "first", "second")}
    shown = protect(MONEY, kinds, "clients").table
    assert shown["euros"].tolist()[0] == 55 * 1_000
    assert shown["euros"].isna().tolist() == [False, True, True]
    assert list(shown) == ["group", "n", "euros"]  # the largest contributions are not published


def test_a_mean_goes_the_same_way() -> None:
    frame = MONEY.assign(euros=MONEY["euros"] / MONEY["n"])
    shown = protect(frame, {"group": Key(), "n": Count(), "euros": Mean("n", "first", "second")}, "clients").table
    assert shown["euros"].tolist()[0] == 1_000
    assert shown["euros"].isna().tolist() == [False, True, True]


def test_an_estimate_and_a_fact_stand_beside_the_count_they_lean_on() -> None:
    frame = GROUPS[["group", "n"]].assign(effect=0.123456, price=61_000)
    shown = protect(frame, {"group": Key(), "n": Count(), "effect": Estimate("n"), "price": Fact()}, "clients").table
    assert shown["effect"].tolist() == [0.123] * 4
    assert shown["price"].tolist() == [61_000] * 4


@pytest.mark.parametrize(
    ("frame", "kinds", "rule"),
    [
        (GROUPS, {"group": Key(), "n": Count()}, "events: has no declared kind"),
        (GROUPS.assign(smallest=1), KINDS, "smallest: has no declared kind"),
        (GROUPS.assign(share=0.5), KINDS, "made here"),
        (GROUPS, {**KINDS, "share": Rate("events", "people")}, "leans on a column that is not a count"),
        (GROUPS, {**KINDS, "median": Fact()}, "is not in the table"),
        (MONEY.drop(columns="second"), {"group": Key(), "n": Count(), "euros": Sum("n", "first", "second")}, "largest"),
        (MONEY, {"group": Key(), "n": Count(), "euros": Sum("n", "first", "second"), "first": Fact()}, "largest"),
        (MONEY.assign(euros=-1.0), {"group": Key(), "n": Count(), "euros": Sum("n", "first", "second")}, "negative"),
        (GROUPS.assign(group="a"), KINDS, "do not tell the rows apart"),
        (GROUPS.assign(group=[0.5, 1.5, 2.5, 3.5]), KINDS, "holds measurements or persons"),
        (GROUPS.assign(group=[f"k{number:032x}" for number in range(4)]), KINDS, "holds measurements or persons"),
        (GROUPS.assign(n=[9.5, 10, 52, 403]), KINDS, "is not a count"),
        (GROUPS.assign(n=[None, 10, 52, 403]), KINDS, "is not a count"),
        (GROUPS.assign(events=[-1, 3, 26, 400]), KINDS, "is not a count"),
        (GROUPS.assign(events=[10, 3, 26, 400]), KINDS, "is more than n"),
    ],
)
def test_what_is_not_declared_or_does_not_hold_is_refused(frame: pd.DataFrame, kinds: dict, rule: str) -> None:
    with pytest.raises(UsageError, match=rule):
        protect(frame, kinds, "clients")


def test_a_person_as_key_is_refused_without_being_told(rng_codes: list[str]) -> None:
    with pytest.raises(UsageError, match="persons") as caught:
        protect(GROUPS.assign(group=rng_codes), KINDS, "clients")
    assert not any(code in str(caught.value) for code in rng_codes)


@pytest.fixture
def rng_codes() -> list[str]:
    import numpy as np

    return artificial(4, np.random.default_rng(3))


@pytest.mark.parametrize("wrong", [{"threshold": 4, "base": 2}, {"threshold": 12}, {"base": 1}, {"dominance": 1.0},
                                   {"protection": 0}, {"protection": 10}])  # fmt: skip
def test_a_rule_that_protects_nothing_is_refused(wrong: dict) -> None:
    with pytest.raises(UsageError, match="rule"):
        Rule(**wrong)


def test_there_is_no_other_way_to_a_protected_table() -> None:
    made = protect(GROUPS, KINDS, "clients")
    with pytest.raises(UsageError, match="made by protect only"):
        Protected("clients", KINDS, Rule(), GROUPS, GROUPS, GROUPS)
    with pytest.raises(UsageError, match="made by protect only"):
        dataclasses.replace(made, _frame=GROUPS)
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.rule = Rule()  # type: ignore[misc]
    for store in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not stored"):
            store(made)


def test_what_is_given_out_is_a_copy() -> None:
    made = protect(GROUPS, KINDS, "clients")
    given_out = made.table
    given_out.loc[0, "n"] = 9
    assert pd.isna(made.table.loc[0, "n"])


def test_withholding_a_count_hides_what_follows_from_it() -> None:
    made = protect(GROUPS, KINDS, "clients").without({"n": [2]})
    assert made.table.loc[2, ["n", "events", "share"]].isna().all()
    assert made.withheld("n").tolist() == [False, False, True, False]
    assert made.hidden("n").tolist() == [True, False, True, False]
