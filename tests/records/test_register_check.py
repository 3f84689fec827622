"""Every way of being wrong is told by place, rule, rows and cure, and never by a value."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from register_builders import KINDS, KNOWN, Frames, put, whole

from costeff.errors import DataError
from costeff.records import check, open_register, register_from_frames, typed

Make = Callable[[Frames, str], Path]
SECRET = "SECRETXYZ"


def problems(folder: Path) -> DataError:
    with pytest.raises(DataError) as caught, open_register(folder) as register:
        check(register, KNOWN)
    return caught.value


def drop(frames: Frames, table: str, row: int) -> Frames:
    frames[table] = frames[table].drop(index=row - 1).reset_index(drop=True)
    return frames


def repeat(frames: Frames, table: str, row: int) -> Frames:
    frames[table] = pd.concat([frames[table], frames[table].iloc[[row - 1]]], ignore_index=True)
    return frames


def rename(frames: Frames, table: str, old: str, new: str) -> Frames:
    frames[table] = frames[table].rename(columns={old: new})
    return frames


BROKEN: dict[str, tuple[Callable[[Frames], Frames], list[tuple[str, str]]]] = {
    "lost zero": (
        lambda f: put(put(f, "clients", "municipality", 2, "91"), "clients", "municipality", 3, "91"),
        [("clients.municipality", "is not three digits, in 2 rows (data rows 2, 3)")],
    ),
    "unknown municipality": (
        lambda f: put(f, "clients", "municipality", 4, "998"),
        [("clients.municipality", "is not the code of a municipality, in 1 row (data row 4)")],
    ),
    "unknown group": (
        lambda f: put(f, "clients", "risk_group", 1, SECRET),
        [("clients.risk_group", "is not one of the values allowed, in 1 row (data row 1)")],
    ),
    "client twice": (
        lambda f: repeat(f, "clients", 2),
        [("clients.client", "stands in more than one row, in 2 rows (data rows 2, 5)")],
    ),
    "missing value": (
        lambda f: put(f, "clients", "risk_group", 3, None),
        [("clients.risk_group", "is empty, in 1 row (data row 3)")],
    ),
    "client without an episode": (
        lambda f: drop(f, "episodes", 1),
        [("clients.client", "has no row in the table episodes, in 1 row (data row 1)")],
    ),
    "client without an outcome": (
        lambda f: drop(f, "outcomes", 4),
        [("clients.client", "has no row in the table outcomes, in 1 row (data row 4)")],
    ),
    "episode of a stranger": (
        lambda f: put(f, "episodes", "client", 5, SECRET),
        [("episodes.client", "is not in the table clients, in 1 row (data row 5)")],
    ),
    "outcome of a stranger": (
        lambda f: put(f, "outcomes", "client", 2, SECRET),
        [
            ("clients.client", "has no row in the table outcomes, in 1 row (data row 2)"),
            ("outcomes.client", "is not in the table clients, in 1 row (data row 2)"),
        ],
    ),
    "unknown option": (
        lambda f: put(f, "episodes", "option", 1, SECRET),
        [("episodes.option", "is not one of the values allowed, in 1 row (data row 1)")],
    ),
    "both options": (
        lambda f: put(f, "episodes", "option", 5, "usual"),
        [("episodes.option", "is not the same in all episodes of a client, in 2 rows (data rows 4, 5)")],
    ),
    "end before start": (
        lambda f: put(f, "episodes", "end", 3, date(1987, 6, 5)),
        [("episodes.end", "is before the start, in 1 row (data row 3)")],
    ),
    "date of another form": (
        lambda f: put(f, "episodes", "start", 2, "01/31/1987"),
        [("episodes.start", "is not a date, in 1 row (data row 2)")],
    ),
    "date that is not": (
        lambda f: put(f, "episodes", "start", 2, "1987-02-30"),
        [("episodes.start", "is not a date, in 1 row (data row 2)")],
    ),
    "negative cost": (
        lambda f: put(f, "episodes", "cost", 4, -98765.25),
        [("episodes.cost", "is negative, in 1 row (data row 4)")],
    ),
    "cost in words": (
        lambda f: put(f, "episodes", "cost", 4, "98 765 €"),
        [("episodes.cost", "is not a number, in 1 row (data row 4)")],
    ),
    "cost without end": (
        lambda f: put(f, "episodes", "cost", 4, "inf"),
        [("episodes.cost", "is not a number, in 1 row (data row 4)")],
    ),
    "no time": (
        lambda f: put(put(f, "outcomes", "time", 1, 0.0), "outcomes", "time", 2, -98765.25),
        [("outcomes.time", "is not greater than zero, in 2 rows (data rows 1, 2)")],
    ),
    "time in seconds": (
        lambda f: put(f, "outcomes", "time", 1, 98765432.0),
        [("outcomes.time", "is more than 36 525, in 1 row (data row 1)")],
    ),
    "event in words": (
        lambda f: put(f, "outcomes", "event", 3, SECRET),
        [("outcomes.event", "is not true or false, in 1 row (data row 3)")],
    ),
    "outcome not an id": (
        lambda f: put(f, "outcomes", "outcome", 3, SECRET),
        [("outcomes.outcome", "is not an id, in 1 row (data row 3)")],
    ),
    "outcome twice": (
        lambda f: repeat(f, "outcomes", 1),
        [("outcomes (client + outcome)", "stands in more than one row, in 2 rows (data rows 1, 5)")],
    ),
    "column missing": (
        lambda f: {**f, "outcomes": f["outcomes"].drop(columns="event")},
        [("outcomes.event", "this column is missing")],
    ),
    "column misspelt": (
        lambda f: rename(f, "clients", "municipality", "Municpality"),
        [
            ("clients.municipality", "this column is missing"),
            ("clients.Municpality", "this column is not known"),
        ],
    ),
    "column too many": (
        lambda f: {**f, "clients": f["clients"].assign(name=SECRET)},
        [("clients, column 4", "this column is not known")],
    ),
    "table missing": (
        lambda f: {name: frame for name, frame in f.items() if name != "outcomes"},
        [("outcomes", "this table is missing")],
    ),
    "no rows": (
        lambda f: {**f, "outcomes": f["outcomes"].head(0)},
        [
            ("clients.client", "has no row in the table outcomes, in 4 rows (first data rows 1, 2, 3)"),
            ("outcomes", "has no rows"),
        ],
    ),
}


# How a value is read differs by kind of file; rows are compared once they are read, and each of these asks one kind.
OF_ROWS = (
    "client twice", "client without an episode", "client without an outcome", "episode of a stranger",
    "outcome of a stranger", "both options", "outcome twice", "table missing", "no rows",
)  # fmt: skip
ASKED = [(name, kind) for name in BROKEN if name not in OF_ROWS for kind in KINDS]
ASKED += [(name, KINDS[number % len(KINDS)]) for number, name in enumerate(OF_ROWS)]


@pytest.mark.parametrize(("name", "kind"), ASKED)
def test_one_fault_gives_its_problem_and_no_other_and_no_value(name: str, kind: str, make: Make) -> None:
    change, expected = BROKEN[name]
    error = problems(make(change(whole()), kind))
    assert sorted((p.place, p.rule) for p in error.problems) == sorted(expected)
    assert all(p.cure for p in error.problems)
    told = str(error) + repr(error)
    for value in (SECRET, "98765", "98 765", "1987", "998", "c1", "c2", "c3", "c4", "049", "837"):
        assert value not in told
    assert error.__cause__ is None


def test_all_problems_of_all_tables_are_told_at_once(kind: str, make: Make) -> None:
    frames = put(whole(), "clients", "municipality", 2, "91")
    frames = put(frames, "episodes", "cost", 1, -1.0)
    frames = put(frames, "outcomes", "time", 3, 0.0)
    frames = rename(frames, "outcomes", "event", "events")
    error = problems(make(frames, kind))
    assert {p.place for p in error.problems} == {
        "clients.municipality",
        "episodes.cost",
        "outcomes.time",
        "outcomes.event",
        "outcomes.events",
    }
    assert "5 problems" in str(error)


def test_a_lost_zero_comes_with_its_cure(kind: str, make: Make) -> None:
    error = problems(make(put(whole(), "clients", "municipality", 2, "91"), kind))
    assert "write 091" in error.problems[0].cure
    assert "spreadsheet" in error.problems[0].cure


def test_a_misspelt_column_is_recognised(make: Make) -> None:
    error = problems(make(rename(whole(), "clients", "municipality", "Municpality"), "csv"))
    assert "did you mean `Municpality`" in error.problems[0].cure
    assert "did you mean `municipality`" in error.problems[1].cure


def test_codes_stored_as_numbers_are_refused(make: Make) -> None:
    frames = whole()
    frames["clients"]["municipality"] = [49, 91, 91, 837]
    (problem,) = problems(make(frames, "parquet")).problems
    assert problem.place == "clients.municipality"
    assert problem.rule == "is a number or a date, not text, in the whole column"
    assert "leading zeros" in problem.cure


def test_a_file_without_a_header_does_not_show_its_first_row(tmp_path: Path, make: Make) -> None:
    folder = make(whole(), "csv")
    (folder / "clients.csv").write_text(f"{SECRET},091,low\nc2,091,low\n", encoding="utf-8")
    error = problems(folder)
    assert ("clients", "none of the declared columns is there") in [(p.place, p.rule) for p in error.problems]
    assert SECRET not in str(error)


def test_a_column_whose_name_looks_like_data_is_told_by_number(make: Make) -> None:
    frames = whole()
    frames["clients"]["010187-999X"] = "x"
    (problem,) = problems(make(frames, "csv")).problems
    assert problem.place == "clients, column 4"


def test_a_column_with_nothing_in_it_is_empty(kind: str, make: Make) -> None:
    frames = whole()
    frames["episodes"]["cost"] = None
    assert [p.rule for p in problems(make(frames, kind)).problems] == ["is empty, in 5 rows (first data rows 1, 2, 3)"]


def test_decimal_marks_are_not_mixed(make: Make) -> None:
    folder = make(whole(), "excel")
    text = (folder / "episodes.csv").read_text(encoding="utf-8-sig").replace("100,5", "100.5")
    (folder / "episodes.csv").write_text(text, encoding="utf-8")
    (problem,) = problems(folder).problems
    assert (problem.place, problem.rule) == ("episodes.cost", "is not a number, in 1 row (data row 1)")


def test_row_numbers_are_those_of_a_long_file(kind: str, make: Make) -> None:
    size = 400_000
    frames = whole()
    frames["clients"] = pd.DataFrame(
        {"client": [f"c{i}" for i in range(size)], "municipality": "091", "risk_group": "low"}
    )
    frames["clients"].loc[[7, 250_000, size - 1], "municipality"] = "91"
    rules = [p.rule for p in problems(make(frames, kind)).problems]
    assert f"is not three digits, in 3 rows (data rows 8, 250001, {size})" in rules


def test_a_whole_register_passes(kind: str, make: Make) -> None:
    with open_register(make(whole(), kind)) as register:
        check(register, KNOWN)
        assert register.checked


def test_municipalities_are_not_judged_when_none_are_given(make: Make) -> None:
    with open_register(make(put(whole(), "clients", "municipality", 1, "998"), "csv")) as register:
        check(register)


def test_timestamps_at_midnight_and_categories_are_read() -> None:
    frames = whole()
    frames["episodes"]["start"] = pd.to_datetime(frames["episodes"]["start"])
    frames["clients"]["risk_group"] = frames["clients"]["risk_group"].astype("category")
    frames["outcomes"]["event"] = frames["outcomes"]["event"].astype(int)
    with register_from_frames(frames, synthetic=True, label="x") as register:
        check(register, KNOWN)


def test_a_time_of_day_is_not_dropped() -> None:
    frames = whole()
    frames["episodes"]["start"] = pd.to_datetime(frames["episodes"]["start"]) + pd.Timedelta(hours=3)
    with register_from_frames(frames, synthetic=True, label="x") as register, pytest.raises(DataError) as caught:
        check(register, KNOWN)
    assert [p.place for p in caught.value.problems] == ["episodes.start"]


def test_every_problem_has_the_form_place_rule_cure(make: Make) -> None:
    text = str(problems(make(put(whole(), "clients", "municipality", 2, "91"), "csv")))
    assert re.search(r"^  clients\.municipality: is not three digits.*\n    -> codes have three digits", text, re.M)


def test_two_clients_with_one_hash_are_told(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """All pseudonyms are as long, and so have the hash of this test: nobody is taken for another unnoticed."""
    folder = make(whole(), "parquet")
    monkeypatch.setattr(typed, "hash_of", lambda text: text.length().cast("uint64"))
    with open_register(folder) as register, pytest.raises(DataError) as caught:
        check(register, KNOWN)
    assert "clients.client: has the same hash of 64 bits as another client, by mere chance, in 4 rows" in str(
        caught.value
    )
    with open_register(folder, keep_pseudonyms=True) as register:
        check(register, KNOWN)


def test_pseudonyms_are_kept_only_where_they_are_asked_for(make: Make) -> None:
    folder = make(whole(), "csv")
    with open_register(folder) as register:
        assert str(register.rows("episodes").client.type()) == "uint64"
    with open_register(folder, keep_pseudonyms=True) as register:
        assert list(register.run(register.rows("episodes"))["client"]) == list(whole()["episodes"]["client"])


@pytest.mark.parametrize(
    ("day", "rule"),
    [
        ("1.2.0023", "is before 1900-01-01"),
        ("31.12.1899", "is before 1900-01-01"),
        ("9999-12-31", "is after 2100-01-01"),
    ],
)
def test_a_day_of_another_age_is_told(day: str, rule: str, kind: str, make: Callable[[Frames, str], Path]) -> None:
    frames = put(put(whole(), "episodes", "start", 2, day), "episodes", "end", 3, day)
    told = str(problems(make(frames, kind)))
    for column, row in (("start", 2), ("end", 3)):
        assert f"episodes.{column}: {rule}, in 1 row (data row {row})" in told
    assert day not in told


CODE = "010105A900F"


@pytest.mark.parametrize(
    "written",
    [
        CODE.replace("A", ""),
        "x" + CODE,
        "as_" + CODE,
        "asiakas-" + CODE.replace("A", ""),
        CODE[:6] + "\u00ad" + CODE[7:],
        "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in CODE),
        "\u200b".join(CODE),
    ],
)
def test_an_identity_code_written_otherwise_is_no_pseudonym(written: str, make: Callable[[Frames, str], Path]) -> None:
    frames = {name: frame.replace({"client": {"c1": written}}) for name, frame in whole().items()}
    with open_register(make(frames, "csv")) as register, pytest.raises(DataError) as caught:
        check(register, KNOWN)
    told = str(caught.value)
    assert "clients.client: looks like a personal identity code" in told or "has a character outside ASCII" in told
    assert "900" not in told


@pytest.mark.parametrize("pseudonym", ["0101051234", "client 17", "k" + "0a" * 16, "a010105123", "5e1f-2020-11", "17"])
def test_other_pseudonyms_are_no_identity_codes(pseudonym: str, make: Callable[[Frames, str], Path]) -> None:
    frames = {name: frame.replace({"client": {"c1": pseudonym}}) for name, frame in whole().items()}
    with open_register(make(frames, "csv")) as register:
        check(register, KNOWN)
