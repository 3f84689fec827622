"""What was collected, counted and protected; and what the check says, as a table."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from costeff.indicators.collected import clients_without_rows, collected, not_collected, told_by_check
from costeff.records import check, register_from_frames


@pytest.fixture(scope="module")
def register():
    """60 clients: 20 without a provider, 30 with a cost of zero, 3 without a service, 25 measured."""
    clients = [f"c{number}" for number in range(60)]
    episodes = {
        "client": clients, "option": ["usual", "new"] * 30, "start": date(2023, 1, 2), "end": date(2023, 5, 2),
        "cost": [0.0] * 30 + [100.0] * 30, "provider": [None] * 20 + ["clinic"] * 40,
        "service": [None] * 3 + ["therapy"] * 57,
    }  # fmt: skip
    frames = {
        "clients": pd.DataFrame({"client": clients, "municipality": "091", "risk_group": "low"}),
        "episodes": pd.DataFrame(episodes),
        "outcomes": pd.DataFrame({"client": clients, "outcome": "placement", "time": 365.0, "event": False}),
        "meters": pd.DataFrame({"client": clients[:25], "meter": "functioning", "before": 4.0, "after": 5.0}),
    }
    made = register_from_frames(frames, synthetic=True, label="made up")
    check(made)
    with made:
        yield made


def taken(register):
    """Frames of the tables that a register has to have."""
    names = {name: register.tables[name].names for name in ("clients", "episodes", "outcomes")}
    return {name: register.run(register.rows(name).select(*columns)) for name, columns in names.items()}


def test_empty_and_zero_are_two_things_and_few_are_not_told(register):
    table = collected(register).table.set_index(["table", "column"])
    assert table.loc[("episodes", "cost"), ["rows", "zero"]].tolist() == [60, 30]
    assert pd.isna(table.loc[("episodes", "cost"), "empty"])
    provider = table.loc[("episodes", "provider")]
    assert (provider["empty"], provider["empty_means"]) == (20, "not collected")
    assert provider["share_empty"] == pytest.approx(0.333, abs=1e-3)
    assert pd.isna(table.loc[("episodes", "service"), "empty"]), "3 are fewer than may be told"
    assert pd.isna(table.loc[("meters", "before"), "zero"])


def test_clients_without_a_row_are_counted_by_table(register):
    table = clients_without_rows(register).table.set_index("table")
    assert table.loc["meters", ["all", "clients", "without"]].tolist() == [60, 25, 35]
    assert pd.isna(table.loc["outcomes", "without"])


def test_what_could_be_declared_and_is_not_there_is_named(register):
    assert {"costs", "referrals", "residence", "ends", "counts", "experience"} == set(not_collected(register))
    frames = taken(register)
    frames["episodes"] = frames["episodes"].drop(columns=["provider"])
    with register_from_frames(frames, synthetic=True, label="fewer") as fewer:
        assert {"episodes.provider", "meters"} <= set(not_collected(fewer))


def test_the_check_is_told_as_a_table_without_values(register):
    assert told_by_check(register).empty
    frames = taken(register)
    frames["clients"]["municipality"] = "91"
    frames["episodes"]["cost"] = [".."] * 10 + [""] * 10 + ["4711.5"] * 40
    with register_from_frames(frames, synthetic=True, label="faulty") as faulty:
        table = told_by_check(faulty, {"091"})
    assert len(table) == 3
    assert (table["cure"].str.len() > 5).all()
    assert "4711" not in table.to_string()
