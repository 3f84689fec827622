"""Tables that a register may lack are checked as strictly as the others when they are there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from register_builders import KNOWN, Frames, fuller, put, whole

from costeff.errors import DataError, UsageError
from costeff.records import (
    Register,
    check,
    count_cells,
    end_cells,
    level_cells,
    meter_cells,
    open_register,
    register_from_frames,
)

Make = Callable[[Frames, str], Path]
SECRET = "SECRETXYZ"


def drop(frames: Frames, table: str, row: int) -> Frames:
    return frames | {table: frames[table].drop(index=row - 1).reset_index(drop=True)}


def repeat(frames: Frames, table: str, row: int) -> Frames:
    return frames | {table: pd.concat([frames[table], frames[table].iloc[[row - 1]]], ignore_index=True)}


BROKEN: dict[str, tuple[Callable[[Frames], Frames], list[tuple[str, str]]]] = {
    "client without a count": (
        lambda f: drop(f, "counts", 4),
        [("clients.client", "has no row in the table counts, in 1 row (data row 4)")],
    ),
    "client without an end": (
        lambda f: drop(f, "ends", 1),
        [("clients.client", "has no row in the table ends, in 1 row (data row 1)")],
    ),
    "count of a stranger": (
        lambda f: put(f, "counts", "client", 2, SECRET),
        [
            ("clients.client", "has no row in the table counts, in 1 row (data row 2)"),
            ("counts.client", "is not in the table clients, in 1 row (data row 2)"),
        ],
    ),
    "meter of a stranger": (
        lambda f: put(f, "meters", "client", 2, SECRET),
        [("meters.client", "is not in the table clients, in 1 row (data row 2)")],
    ),
    "answer of a stranger": (
        lambda f: put(f, "experience", "client", 2, SECRET),
        [("experience.client", "is not in the table clients, in 1 row (data row 2)")],
    ),
    "count twice": (
        lambda f: repeat(f, "counts", 1),
        [("counts (client + outcome)", "stands in more than one row, in 2 rows (data rows 1, 5)")],
    ),
    "meter twice": (
        lambda f: repeat(f, "meters", 1),
        [("meters (client + meter)", "stands in more than one row, in 2 rows (data rows 1, 4)")],
    ),
    "answer twice": (
        lambda f: repeat(f, "experience", 1),
        [("experience (client + question)", "stands in more than one row, in 2 rows (data rows 1, 3)")],
    ),
    "end twice": (
        lambda f: repeat(f, "ends", 1),
        [("ends.client", "stands in more than one row, in 2 rows (data rows 1, 5)")],
    ),
    "negative count": (
        lambda f: put(f, "counts", "count", 3, -98765),
        [("counts.count", "is negative, in 1 row (data row 3)")],
    ),
    "count in parts": (
        lambda f: put(f, "counts", "count", 3, "98765.5"),
        [("counts.count", "is not a whole number, in 1 row (data row 3)")],
    ),
    "count in words": (
        lambda f: put(f, "counts", "count", 4, SECRET),
        [("counts.count", "is not a whole number, in 1 row (data row 4)")],
    ),
    "count beyond an integer": (
        lambda f: put(f, "counts", "count", 2, "98765e50"),
        [("counts.count", "is more than 1 000 000, in 1 row (data row 2)")],
    ),
    "no count": (
        lambda f: put(f, "counts", "count", 1, None),
        [("counts.count", "is empty, in 1 row (data row 1)")],
    ),
    "measure in words": (
        lambda f: put(f, "meters", "before", 3, SECRET),
        [("meters.before", "is not a number, in 1 row (data row 3)")],
    ),
    "measure without end": (
        lambda f: put(f, "meters", "after", 3, "-inf"),
        [("meters.after", "is not a number, in 1 row (data row 3)")],
    ),
    "measure out of all measure": (
        lambda f: put(put(f, "meters", "after", 3, -98765e6), "meters", "before", 2, 98765e6),
        [
            ("meters.after", "is less than -1 000 000 000, in 1 row (data row 3)"),
            ("meters.before", "is more than 1 000 000 000, in 1 row (data row 2)"),
        ],
    ),
    "only one measurement": (
        lambda f: put(f, "meters", "after", 2, None),
        [("meters.after", "is empty, in 1 row (data row 2)")],
    ),
    "levels from nought": (
        lambda f: put(f, "experience", "level", 2, 0),
        [("experience.level", "is less than 1, in 1 row (data row 2)")],
    ),
    "levels to a hundred": (
        lambda f: put(f, "experience", "level", 2, 98),
        [("experience.level", "is more than 10, in 1 row (data row 2)")],
    ),
    "question not an id": (
        lambda f: put(f, "experience", "question", 2, SECRET),
        [("experience.question", "is not an id, in 1 row (data row 2)")],
    ),
    "end in words": (
        lambda f: put(f, "ends", "end", 2, SECRET),
        [("ends.end", "is not an id, in 1 row (data row 2)")],
    ),
    "column missing": (
        lambda f: f | {"meters": f["meters"].drop(columns="after")},
        [("meters.after", "this column is missing")],
    ),
    "no rows": (
        lambda f: f | {"meters": f["meters"].head(0)},
        [("meters", "has no rows")],
    ),
}


# Faults of different rows or tables, told together: one check of seven tables takes a second.
TOGETHER = (
    (
        "client without a count",
        "client without an end",
        "measure in words",
        "measure without end",
        "only one measurement",
        "levels from nought",
    ),
    ("count of a stranger", "meter of a stranger", "answer of a stranger", "end in words"),
    ("count twice", "meter twice", "answer twice", "end twice", "column missing"),
    (
        "negative count",
        "count beyond an integer",
        "no count",
        "count in words",
        "measure out of all measure",
        "levels to a hundred",
    ),
    ("count in parts", "no rows", "question not an id"),
)


def test_every_fault_is_tried() -> None:
    assert sorted(name for names in TOGETHER for name in names) == sorted(BROKEN)


@pytest.mark.parametrize("names", TOGETHER)
def test_each_fault_gives_its_problem_and_no_other_and_no_value(names: tuple[str, ...], make: Make) -> None:
    frames, expected = fuller(), []
    for name in names:
        change, problems = BROKEN[name]
        frames = change(frames)
        expected += problems
    with open_register(make(frames, "csv")) as register, pytest.raises(DataError) as caught:
        check(register, KNOWN)
    assert sorted((p.place, p.rule) for p in caught.value.problems) == sorted(expected)
    assert all(p.cure for p in caught.value.problems)
    for value in (SECRET, "98765", "c1", "c2", "c3", "c4"):
        assert value not in str(caught.value)


def test_a_full_register_passes_in_every_kind_of_file(kind: str, make: Make) -> None:
    with open_register(make(fuller(), kind)) as register:
        check(register, KNOWN)
        table = meter_cells(register, "functioning", by=()).table
    assert table.loc[0, ["n", "sum_before", "sum", "sum_products"]].tolist() == [3, 9.25, 12.5, 67.5]


def test_some_may_be_there_and_others_not() -> None:
    frames = {name: frame for name, frame in fuller().items() if name not in ("counts", "experience")}
    with register_from_frames(frames, synthetic=True, label="x") as register:
        check(register, KNOWN)


def test_codes_of_ends_stored_as_numbers_are_refused() -> None:
    frames = fuller()
    frames["ends"]["end"] = range(4)
    frames["experience"]["level"] = [1.0, 2.0]  # a whole number may be stored as a float
    with register_from_frames(frames, synthetic=True, label="x") as register, pytest.raises(DataError) as caught:
        check(register, KNOWN)
    assert [(p.place, p.rule) for p in caught.value.problems] == [
        ("ends.end", "is a number or a date, not text, in the whole column")
    ]


ASK: dict[str, Callable[[Register], object]] = {
    "counts": lambda r: count_cells(r, "days_in_care"),
    "meters": lambda r: meter_cells(r, "functioning"),
    "experience": lambda r: level_cells(r, "was_heard"),
    "ends": end_cells,
}


@pytest.mark.parametrize("table", ASK)
def test_what_a_register_does_not_have_cannot_be_asked(table: str) -> None:
    with register_from_frames(whole(), synthetic=True, label="x") as register, pytest.raises(UsageError) as caught:
        ASK[table](register)
    (problem,) = caught.value.problems
    assert problem.place == table
    assert f"{table}.csv" in problem.cure
