"""Providers, costs at every payer, referrals and residence: what is optional, and what is wrong with each."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from register_builders import KNOWN, Frames, put, whole

from costeff.errors import DataError
from costeff.identity import artificial
from costeff.records import check, open_register, register_from_frames

Make = Callable[[Frames, str], Path]


def across() -> Frames:
    """Four clients; c4 goes from one provider to another and moves, c3 has no provider on record."""
    frames = whole()
    return frames | {
        "episodes": frames["episodes"].assign(
            provider=["alpha", "alpha", None, "alpha", "beta"], service=["visits", None, None, "visits", "therapy"]
        ),
        "costs": pd.DataFrame(
            {
                "client": ["c1", "c2", "c2", "c3", "c4", "c4"],
                "kind": ["visits", "visits", "benefit", "visits", "fee", "hospital"],
                "payer": ["county", "county", "kela", "county", "client", "county"],
                "provider": ["alpha", "alpha", None, None, "beta", "hospital"],
                "date": [date(2023, 1, day) for day in range(2, 8)],
                "cost": [100.5, 200.0, 61.25, 0.0, 3.5, 48.0],
            }
        ),
        "referrals": pd.DataFrame(
            {
                "client": ["c4", "c2", "c1"],
                "date": [date(2023, 2, day) for day in (5, 6, 7)],
                "from_provider": ["alpha"] * 3,
                "to_provider": ["beta"] * 3,
                "service": ["therapy", None, "therapy"],
                "accepted": [True, False, False],
            }
        ),
        "residence": pd.DataFrame(
            {
                "client": ["c4", "c1", "c4", "c2"],
                "municipality": ["837", "049", "091", "091"],
                "start": [date(2015, 6, 1), date(2001, 1, 1), date(2023, 2, 1), date(2020, 1, 1)],
                "end": [date(2023, 1, 31), None, None, None],
            }
        ),
    }


def problems(folder: Path) -> list[tuple[str, str]]:
    with open_register(folder) as register, pytest.raises(DataError) as caught:
        check(register, KNOWN)
    assert all(problem.cure for problem in caught.value.problems)
    return sorted((problem.place, problem.rule) for problem in caught.value.problems)


def test_a_register_across_providers_passes_in_every_kind_of_file(kind: str, make: Make) -> None:
    folder = make(across(), kind)
    (folder / "register.json").write_text(json.dumps({"data_date": "2023-02-07"}))
    with open_register(folder) as register:
        check(register, KNOWN)
        rows = register.rows("episodes")
        assert register.run(rows.aggregate(n=rows.provider.count()))["n"][0] == 4  # empty is not collected


def test_optional_columns_may_be_absent_and_others_not(make: Make) -> None:
    frames = across()
    frames["episodes"] = frames["episodes"].drop(columns=["provider", "service"])
    frames["costs"] = frames["costs"].drop(columns=["provider"])
    with open_register(make(frames, "csv")) as register:
        check(register, KNOWN)


def test_an_optional_column_misspelt_is_recognised(make: Make) -> None:
    frames = across()
    frames["episodes"] = frames["episodes"].rename(columns={"provider": "Povider"})
    frames["costs"] = frames["costs"].drop(columns=["payer"])
    folder = make(frames, "csv")
    assert problems(folder) == [
        ("costs.payer", "this column is missing"),
        ("episodes.Povider", "this column is not known"),
    ]
    with open_register(folder) as register, pytest.raises(DataError, match="did you mean `provider`"):
        check(register)


def test_every_fault_is_told_once_and_without_a_value(make: Make) -> None:
    frames = put(across(), "costs", "payer", 1, "SECRETXYZ")
    frames = put(frames, "costs", "cost", 2, -98765.25)
    frames = put(frames, "costs", "cost", 3, "..")
    frames = put(frames, "costs", "cost", 4, None)
    frames = put(frames, "costs", "cost", 5, "98 765")
    frames = put(frames, "costs", "kind", 6, "SECRETXYZ")
    frames = put(frames, "costs", "provider", 3, "  ")
    frames = put(frames, "referrals", "to_provider", 1, "alpha")
    frames = put(frames, "referrals", "accepted", 2, "SECRETXYZ")
    frames = put(frames, "referrals", "from_provider", 3, None)
    frames = put(frames, "residence", "start", 3, "2023-01-31")
    frames = put(frames, "residence", "municipality", 4, "998")
    folder = make(frames, "csv")
    told = problems(folder)
    assert told == [
        ("costs.cost", "is a mark of suppression, not a number, in 1 row (data row 3)"),
        ("costs.cost", "is empty, in 1 row (data row 4)"),
        ("costs.cost", "is negative, in 1 row (data row 2)"),
        ("costs.cost", "is not a number, in 1 row (data row 5)"),
        ("costs.kind", "is not an id, in 1 row (data row 6)"),
        ("costs.payer", "is not one of the values allowed, in 1 row (data row 1)"),
        ("costs.provider", "is not an id, in 1 row (data row 3)"),
        ("referrals.accepted", "is not true or false, in 1 row (data row 2)"),
        ("referrals.from_provider", "is empty, in 1 row (data row 3)"),
        ("referrals.to_provider", "is the same as from_provider, in 1 row (data row 1)"),
        ("residence.municipality", "is not the code of a municipality, in 1 row (data row 4)"),
        ("residence.start", "is not after the end of an earlier period of the client, in 1 row (data row 3)"),
    ]
    for value in ("SECRETXYZ", "98765", "98 765", "998", "c1", "c4"):
        assert value not in str(told)


MARKS = ["..", "...", "…", "*", "**", "<5", "< 10", "x", "X", " .. "]
NOT_MARKS = ["-", "5<", "xx", "<", "....", "n/a", "1..2", "<5 x"]


def test_zero_suppressed_and_not_collected_are_three_things(make: Make) -> None:
    values = [*MARKS, *NOT_MARKS, "", "  ", "0", "0.0"]
    frames = whole() | {
        "costs": pd.DataFrame(
            {"client": "c1", "kind": "visits", "payer": "county", "date": "2023-01-01", "cost": values}
        )
    }
    assert problems(make(frames, "csv")) == [
        ("costs.cost", "is a mark of suppression, not a number, in 10 rows (first data rows 1, 2, 3)"),
        ("costs.cost", "is empty, in 2 rows (data rows 19, 20)"),
        ("costs.cost", "is not a number, in 8 rows (first data rows 11, 12, 13)"),
    ]


def test_nothing_happens_after_the_date_of_the_data(make: Make) -> None:
    folder = make(across(), "parquet")
    (folder / "register.json").write_text(json.dumps({"data_date": "2023-02-05"}))
    late = "is after the date of the data"
    assert problems(folder) == [
        ("episodes.end", f"{late}, in 1 row (data row 5)"),
        ("referrals.date", f"{late}, in 2 rows (data rows 2, 3)"),
    ]


def test_an_identity_code_is_no_pseudonym(make: Make) -> None:
    code = str(next(iter(artificial(1, np.random.default_rng(1)))))
    written = {"c1": code, "c2": code.lower().replace("9", "8"), "c3": f"x {code[:6]} {code[6:]}"}
    frames = whole()
    for name in frames:
        frames[name]["client"] = frames[name]["client"].replace(written)
    told = problems(make(frames, "csv"))
    assert told == [("clients.client", "looks like a personal identity code, in 3 rows (data rows 1, 2, 3)")]
    assert code[:6] not in str(told)


def test_overlaps_are_those_of_a_plain_comparison() -> None:
    generator, size = np.random.default_rng(3), 120
    start = pd.Series(pd.Timestamp("2020-01-01") + pd.to_timedelta(generator.integers(0, 400, size), "D"))
    end = (start + pd.to_timedelta(generator.integers(0, 40, size), "D")).where(generator.random(size) < 0.9)
    periods = pd.DataFrame({"client": generator.choice(["c1", "c2", "c3", "c4"], size), "municipality": "091"})
    periods = periods.assign(start=start, end=end)
    last = end.fillna(pd.Timestamp("2100-01-01"))
    overlapping = [
        i
        for i in range(size)
        if any(
            periods["client"][j] == periods["client"][i]
            and (start[j], last[j], j) < (start[i], last[i], i)
            and last[j] >= start[i]
            for j in range(size)
        )
    ]
    assert 10 < len(overlapping) < size - 10
    frames = whole() | {"residence": periods}
    with register_from_frames(frames, synthetic=True, label="x") as register, pytest.raises(DataError) as caught:
        check(register)
    (problem,) = caught.value.problems
    first = ", ".join(str(i + 1) for i in overlapping[:3])
    assert problem.rule.endswith(f"in {len(overlapping)} rows (first data rows {first})")
