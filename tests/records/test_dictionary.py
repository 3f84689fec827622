"""The declaration of the tables is also their documentation."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from costeff.records import TABLES, describe_tables, dictionary_page
from costeff.records.tables import CLIENTS
from costeff.spec import LANGUAGES, Language


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_column_is_described(language: Language) -> None:
    table = describe_tables(language)
    assert list(table.columns) == ["table", "column", "type", "unit", "meaning", "rules"]
    assert list(zip(table["table"], table["column"], strict=True)) == [
        (t.name, c.name) for t in TABLES.values() for c in t.columns
    ]
    assert (table["meaning"].str.len() > 3).all()


def test_languages_differ() -> None:
    meanings = [tuple(describe_tables(language)["meaning"]) for language in LANGUAGES]
    assert all(len({words[row] for words in meanings}) == 3 for row in range(len(meanings[0])))


def test_rules_stand_beside_their_column() -> None:
    rules = describe_tables("en").set_index(["table", "column"])["rules"]
    assert rules["clients", "client"].startswith("occurs only once")
    assert "three digits" in rules["clients", "municipality"]
    assert "client + outcome" in rules["outcomes", "outcome"]
    assert rules["episodes", "end"].startswith("not before start; ")


def test_a_number_has_a_unit_and_nothing_else_has() -> None:
    table = describe_tables("en")
    assert ((table["unit"] != "") == table["type"].isin(["number", "whole number"])).all()
    assert set(table.loc[table["column"] == "cost", "unit"]) == {"EUR"}


def test_it_tells_what_may_be_missing_and_what_an_empty_value_means() -> None:
    rules = describe_tables("en").set_index(["table", "column"])["rules"]
    optional = [key for key, rule in rules.items() if "the column is optional" in rule]
    assert optional == [
        ("episodes", "provider"),
        ("episodes", "service"),
        ("costs", "provider"),
        ("referrals", "service"),
    ]
    assert all("may be empty: not collected" in rules[key] for key in optional)
    assert "may be empty: lives there still" in rules["residence", "end"]
    assert "may be empty" not in rules["episodes", "end"]


def test_the_page_is_that_of_the_declaration() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "reference" / "data_dictionary.md"
    assert page.read_text(encoding="utf-8") == dictionary_page()


def test_it_tells_which_tables_may_be_left_out() -> None:
    rows = describe_tables("en")
    optional = rows.loc[rows["rules"].str.startswith("the table is optional"), ["table", "column"]]
    assert optional.to_numpy().tolist() == [
        [name, "client"] for name in ("counts", "meters", "experience", "ends", "costs", "referrals", "residence")
    ]
    rules = rows.set_index(["table", "column"])["rules"]
    assert "at least one row in the table counts, if there is one" in rules["clients", "client"]


def test_a_key_must_be_declared() -> None:
    with pytest.raises(ValidationError, match="not declared"):
        CLIENTS.without("client")
