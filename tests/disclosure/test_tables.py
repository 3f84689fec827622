"""A protected table holds nothing that the rule does not allow, and can be made in one way only."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costeff.disclosure import protect_count
from costeff.disclosure.attack import attack
from costeff.disclosure.publication import Publication
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
    frame = pd.DataFrame(
        [{"row": str(number), "n": n, "events": int(n * share)} for number, (n, share) in enumerate(rows)]
    )
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


@pytest.mark.parametrize(
    ("first", "second", "total"),
    [
        (0.0, 0.0, 53_000.0),  # 53 clients of whom nobody has more than nothing
        (800.0, 900.0, 53_000.0),  # the second is more than the first
        (900.0, 900.0, 53_000.0),  # 53 times 900 is less than the sum
        (0.0, 0.0, 0.0),  # tells that everybody has nothing
        (4_000.0, 3_000.0, float("inf")),
        (float("inf"), 3_000.0, 53_000.0),
    ],
)
@pytest.mark.parametrize("kind", [Sum, Mean])
def test_money_is_hidden_unless_its_contributions_prove_that_it_may_be_shown(kind, first, second, total) -> None:
    row = {"n": 53, "euros": total / 53 if kind is Mean else total, "first": first, "second": second}
    shown = protect(pd.DataFrame([row]), {"n": Count(), "euros": kind("n", "first", "second")}, "clients").table
    assert shown["euros"].isna().all()


def test_an_estimate_is_hidden_with_the_count_it_leans_on_unless_it_is_pooled() -> None:
    frame = GROUPS[["group", "n"]].assign(own=0.123456, pooled=0.123456, law="a law")
    kinds = {"group": Key(), "n": Count(), "own": Estimate("n"), "pooled": Estimate("n", pooled=True), "law": Fact()}
    made = protect(frame, kinds, "clients")
    assert made.table["own"].isna().tolist() == [True, False, False, False]
    assert made.table["pooled"].tolist() == [0.123] * 4
    assert made.table["law"].tolist() == ["a law"] * 4
    assert made.without({"n": [2]}).table["own"].isna().tolist() == [True, False, True, False]


def test_whole_numbers_divide_a_table_only_where_they_were_declared() -> None:
    years = GROUPS[["n"]].assign(year=[2021, 2022, 2023, 2024])
    assert protect(years, {"year": Key(tuple(range(2020, 2030))), "n": Count()}, "clients").keys == ("year",)
    with pytest.raises(UsageError, match="holds measurements or persons"):
        protect(years.assign(year=[913, 2022, 2023, 2024]), {"year": Key((2022, 2023, 2024)), "n": Count()}, "clients")


def test_a_number_that_nobody_counted_is_a_fact_in_a_table_without_clients() -> None:
    prices = pd.DataFrame({"what": ["day", "year"], "price": [360, 131_000]})
    assert protect(prices, {"what": Key(), "price": Fact()}, "prices").table["price"].tolist() == [360, 131_000]


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
        (GROUPS.assign(group=["a", "b", None, "d"]), KINDS, "empty in some row"),
        (GROUPS.assign(group=[913, 4_200, 61_000, 5]), KINDS, "holds measurements or persons"),
        (GROUPS.assign(group=pd.Series([913, "b", "c", "d"], dtype=object)), KINDS, "holds measurements or persons"),
        (GROUPS.assign(group=[f"K{number:032X}" for number in range(4)]), KINDS, "holds measurements or persons"),
        (GROUPS.assign(who=f"k{7:032x}"), {**KINDS, "who": Fact()}, "holds persons"),
        (GROUPS.assign(who="131052-308T"), {**KINDS, "who": Fact()}, "holds persons"),
        (GROUPS.assign(least=123.0), {**KINDS, "least": Fact()}, "holds numbers beside counts"),
        (GROUPS.assign(least=pd.Series(["a", 3, "b", "c"], dtype=object)), {**KINDS, "least": Fact()}, "beside counts"),
        (
            MONEY.assign(second=[None, 1.0, 1.0]),
            {"group": Key(), "n": Count(), "euros": Mean("n", "first", "second")},
            "no two largest",
        ),
        (
            MONEY.assign(first="x"),
            {"group": Key(), "n": Count(), "euros": Sum("n", "first", "second")},
            "are not numbers",
        ),
        (pd.concat([GROUPS, GROUPS[["n"]]], axis=1), KINDS, "have one name twice"),
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
    assert made.withheld("events").tolist() == [False, False, True, False]
    said = Publication(tables={"a": made}).statements
    assert [one.measure for one in said if dict(one.where)["group"] == "c"] == []


@pytest.mark.parametrize("n", [[10, 44, 2], [13, 10, 1], [25, 10, 1]])
def test_a_part_is_withheld_with_its_whole_where_a_publication_is_closed(n: list[int]) -> None:
    frame = pd.DataFrame({"m": list("abc"), "n": n, "e": [one // 2 for one in n]})
    total = pd.DataFrame({"n": [int(frame["n"].sum())], "e": [int(frame["e"].sum())]})
    kinds = {"n": Count(), "e": Count(among="n")}
    tables = {"a": protect(frame, {"m": Key(), **kinds}, "x"), "b": protect(total, kinds, "x")}
    closed = Publication(tables=tables).closed()
    assert not attack(closed).exposed
    assert closed.tables["b"].withheld("n")[0]
    assert closed.tables["b"].withheld("e")[0]
