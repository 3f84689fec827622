"""The attack finds what is not protected, and nothing of what is."""

from __future__ import annotations

import itertools

import pandas as pd
import pytest
from disclosure_builders import KEYS, country, exact, release, table

from costeff.disclosure.attack import attack
from costeff.disclosure.publication import Publication, Statement
from costeff.disclosure.tables import Count, Key, Rule, protect
from costeff.errors import ModelError

RULE = Rule()


def said(where: dict[str, str], shown: int | None, **more: str) -> Statement:
    return Statement("service", "clients", tuple(where.items()), shown, **more)


def unprotected(cells: pd.DataFrame, keys: tuple[str, ...]) -> list[Statement]:
    """True counts, with the small ones left out: what suppression alone publishes."""
    return [
        said({key: row[key] for key in keys}, None if keys == KEYS and row["clients"] < 10 else int(row["clients"]))
        for row in exact(cells, keys).to_dict("records")
    ]


class TrueCounts(Rule):
    """Protection switched off: a shown count is the count itself."""

    def range_of(self, shown: int) -> tuple[int, int]:
        return shown, shown


@pytest.mark.parametrize("seed", [1, 2])
def test_with_protection_off_the_attack_finds_hidden_counts(seed: int) -> None:
    cells, county = country(2, 5, seed)
    levels = (KEYS, ("municipality", "option"), ("municipality", "group"), ("municipality",))
    statements = [one for keys in levels for one in unprotected(cells, keys)]
    found = attack(Publication(rule=TrueCounts(), earlier=statements, nested={"county": ("municipality", county)}))
    truth = cells.set_index(list(KEYS))["clients"]
    known = found.table["low"] == found.table["high"]
    assert known.sum() >= 3
    for one, low in zip(itertools.compress(found.hidden, known), found.table["low"][known], strict=True):
        assert truth[tuple(one.place[key] for key in KEYS)] == low
    assert found.table.loc[known, "exposed"].all()


@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_released_exposes_nothing_and_its_intervals_hold_the_truth(seed: int) -> None:
    cells, county = country(2, 6, seed)
    closed = release(cells, county).closed()
    found = attack(closed)
    assert len(found.hidden) > 20
    assert not found.exposed
    top = RULE.threshold - 1
    width = found.table["high"].clip(upper=top) - found.table["low"]
    assert (width >= RULE.protection).all()


def test_rounding_alone_can_leave_a_hidden_count_in_a_narrow_place_and_withholding_mends_it() -> None:
    """61 shown as 60 and 52 as 50: the third is at least 6."""
    cells = pd.DataFrame({"municipality": "001", "option": ["usual", "new"], "clients": [52, 9]})
    tables = {"parts": table(cells, ("option",)), "all": table(cells, ())}
    found = attack(Publication(tables=tables))
    assert found.table.to_dict("records") == [{"low": 6, "high": 9, "exposed": True}]
    closed = Publication(tables=tables).closed()
    assert not attack(closed).exposed
    assert sum(one.withheld("clients").sum() for one in closed.tables.values()) == 1


def test_bounds_are_those_of_brute_force() -> None:
    """Every whole table that fits what is published, one by one."""
    shown = {"a": 15, "b": None, "c": 10}
    statements = [said({"g": g}, n) for g, n in shown.items()] + [said({}, 30)]
    found = attack(Publication(earlier=statements)).table
    ranges = [range(*(low, high + 1)) for low, high in (RULE.range_of(15), (0, 9), RULE.range_of(10))]
    low, high = RULE.range_of(30)
    fitting = [cells[1] for cells in itertools.product(*ranges) if low <= sum(cells) <= high]
    assert (found["low"][0], found["high"][0]) == (min(fitting), max(fitting))


def test_a_county_and_its_municipalities_are_tied() -> None:
    counties = {"001": "A", "002": "A"}
    statements = [said({"municipality": "001"}, 20), said({"municipality": "002"}, None), said({"county": "A"}, 30)]
    found = attack(Publication(earlier=statements, nested={"county": ("municipality", counties)})).table
    assert found["low"][0] == 28 - 22
    assert found["exposed"][0]


def test_a_place_that_is_not_published_leaves_room() -> None:
    counties = {"001": "A", "002": "A", "003": "A"}
    statements = [said({"municipality": "001"}, 20), said({"municipality": "002"}, None), said({}, 30)]
    found = attack(Publication(earlier=statements, nested={"county": ("municipality", counties)}))
    assert not found.exposed


def test_nearly_all_is_hidden_as_nearly_none_and_neither_side_is_found() -> None:
    frame = pd.DataFrame({"group": ["a", "b"], "n": [50, 403], "events": [47, 200]})
    made = protect(frame, {"group": Key(), "n": Count(), "events": Count(among="n")}, "service")
    assert pd.isna(made.table["events"][0])
    found = attack(Publication(tables={"events": made}))
    assert not found.exposed
    assert (found.table["low"][0], found.table["high"][0] >= 47) == (0, True)


def test_two_runs_of_growing_data_do_not_narrow_a_hidden_count() -> None:
    cells, county = country(2, 3)
    first = release(cells, county, data="2025").closed()
    later = cells.assign(clients=cells["clients"] + (cells.index % 7 == 0))
    second = release(later, county, data="2026", earlier=first.statements).closed()
    found = attack(second)
    assert {one.data for one in found.hidden} == {"2025", "2026"}
    assert not found.exposed


def test_the_same_release_twice_tells_nothing_more() -> None:
    cells, county = country(2, 4)
    first = release(cells, county).closed()
    again = release(cells, county, earlier=first.statements)
    assert set(first.statements) <= set(again.statements)
    same = Publication(first.rule, first.tables, nested=first.nested, earlier=first.statements)
    assert same.statements == first.statements


def test_what_earlier_releases_told_cannot_be_taken_back() -> None:
    told = [said({"option": "usual"}, 50), said({"option": "new"}, None), said({}, 60)]
    with pytest.raises(ModelError, match="coarser"):
        Publication(earlier=told).closed()


def test_numbers_that_contradict_each_other_are_no_publication() -> None:
    with pytest.raises(ModelError, match="contradicts itself"):
        attack(Publication(earlier=[said({"g": "a"}, None), said({"g": "b"}, 20), said({}, 100)]))


def test_a_statement_is_kept_as_it_was() -> None:
    one = said({"municipality": "091"}, None, data="2026", within="people")
    assert Statement.read(one.told()) == one


@pytest.mark.slow
def test_the_whole_country_by_option_and_group_with_all_margins() -> None:
    cells, county = country(21, 15)
    found = attack(release(cells, county))
    assert len(found.hidden) > 200
    assert not found.table.isna().any(axis=None)
