"""The declaration of the tables is also their documentation."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from costeff.records import TABLES, describe_tables
from costeff.records.tables import CLIENTS
from costeff.spec import LANGUAGES, Language


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_column_is_described(language: Language) -> None:
    table = describe_tables(language)
    assert list(table.columns) == ["table", "column", "type", "meaning", "rules"]
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
    assert rules["episodes", "end"] == "not before start"


def test_it_tells_which_tables_may_be_left_out() -> None:
    rows = describe_tables("en")
    optional = rows.loc[rows["rules"].str.startswith("the table is optional"), ["table", "column"]]
    assert optional.to_numpy().tolist() == [[name, "client"] for name in ("counts", "meters", "experience", "ends")]
    rules = rows.set_index(["table", "column"])["rules"]
    assert "at least one row in the table counts, if there is one" in rules["clients", "client"]


def test_a_key_must_be_declared() -> None:
    with pytest.raises(ValidationError, match="not declared"):
        CLIENTS.without("client")
