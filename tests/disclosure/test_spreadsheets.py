"""No cell of a written table is computed, whoever opens it and whatever it splits at; numbers stay numbers."""

from __future__ import annotations

import csv
import io
import itertools
import re
import unicodedata
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costeff.disclosure.spreadsheets import dead, write_csv, write_xlsx
from costeff.disclosure.tables import Count, Key, protect
from costeff.errors import UsageError

SIGNS = ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "﹦", "﹢", "﹣", "﹫", "−", "–"]
BEFORE = ["", " ", "\u00a0", "'", '"', "\u200b", "\ufeff", "\u00ad", "\u3000", "  \t", "“", "\u202e",
          "\u3164", "\u115f", "\uffa0", "\u2800", "\u20dd", "\u0489", "\u2029"]  # fmt: skip
BODIES = ["1+1", "cmd|' /C calc'!A0", 'HYPERLINK("http://x.example","y")', "SUM(A1:A9)"]
HOSTILE = [before + sign + body for before, sign, body in itertools.product(BEFORE, SIGNS, BODIES[:2])] + [
    f"name{separator}{sign}{body}" for separator, sign, body in itertools.product(";,|\t\n", "=+-@", BODIES)
]


def starts_a_formula(text: str) -> bool:
    """As a careless program reads a cell: what shows as nothing, spaces and double quotes left out."""
    folded = unicodedata.normalize("NFKC", text)
    blank = "\u115f\u1160\u2800"
    seen = "".join(c for c in folded if unicodedata.category(c) not in ("Cf", "Mn", "Me") and c not in blank)
    return bool(re.match(r"[\s\"“”]*[=+\-@\u2212\u2013]", seen)) and not re.fullmatch(r"[-+]?[0-9]+([.,][0-9]+)?", text)


def test_there_are_many_hostile_texts_and_all_would_be_formulas() -> None:
    assert len(HOSTILE) > 400
    assert sum(map(starts_a_formula, HOSTILE)) > 200


@pytest.mark.parametrize("separator", [";", ",", "\t"])
def test_hostile_texts_are_dead_in_a_csv_whatever_it_is_split_at(tmp_path: Path, separator: str) -> None:
    write_csv(tmp_path / "a.csv", pd.DataFrame({"=cell": HOSTILE, "n": -1.5}), separator)
    text = (tmp_path / "a.csv").read_text(encoding="utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    assert len(rows) == len(HOSTILE) + 1
    assert rows[0] == ["'=cell", "n"]
    for row in rows[1:]:
        assert len(row) == 2
        assert not starts_a_formula(row[0])
        assert float(row[1].replace(",", ".")) == -1.5
    for other in ";,\t|":
        if other == separator:
            continue
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=other):
            numbers = re.compile(r"\"?[;,\t]?-?1?[.,]?5?\"?")
            assert not [cell for cell in row if starts_a_formula(cell) and not numbers.fullmatch(cell)]


def test_hostile_texts_are_texts_in_a_workbook(tmp_path: Path) -> None:
    write_xlsx(tmp_path / "a.xlsx", {"=sheet": pd.DataFrame({"=cell": HOSTILE, "n": -1.5})})
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    assert not starts_a_formula(book.sheetnames[0])
    for row in book.worksheets[0].iter_rows(min_row=1):
        assert row[0].data_type == "s"
        assert not starts_a_formula(row[0].value)
    assert {row[1].value for row in book.worksheets[0].iter_rows(min_row=2)} == {-1.5}


@settings(deadline=None)
@given(st.text(max_size=40) | st.text("=+-@＝－ \t\r\n;,|'\"\u200ba1", max_size=12))
def test_no_text_is_a_formula_afterwards_wherever_it_is_split(text: str) -> None:
    made = dead(text)
    assert not starts_a_formula(made)
    for part in re.split(r"[;,|\t\r\n]", made)[1:]:
        assert not starts_a_formula(part) or re.fullmatch(r"[-+]?[0-9]+([.,][0-9]+)?", made)


@pytest.mark.parametrize(
    "text", ["Kunta", "a-b", "1-2 vuotta", "-5", "+3,5", "0,5", "x = 1", "nimi@kunta", "", "Älä; vaan"]
)
def test_ordinary_texts_stay_as_they_are(text: str) -> None:
    assert dead(text) == text


FRAME = pd.DataFrame(
    {"n": pd.array([5, None, -3], dtype="Int64"), "x": [-1.25, np.nan, np.inf],
     "day": pd.to_datetime(["2026-01-02"] * 3),
     "yes": [True, False, True],
     "mixed": pd.Series([np.float64(1.5), np.int64(3), np.True_], dtype=object), "code": ["005", "091", None]}
)  # fmt: skip


def test_values_come_back_as_they_were(tmp_path: Path) -> None:
    write_xlsx(tmp_path / "a.xlsx", {"a": FRAME})
    rows = list(openpyxl.load_workbook(tmp_path / "a.xlsx").worksheets[0].iter_rows(min_row=2, values_only=True))
    assert [row[:2] for row in rows] == [(5, -1.25), (None, None), (-3, None)]
    assert [row[4] for row in rows] == [1.5, 3, "true"]
    assert [row[5] for row in rows] == ["005", "091", None]
    write_csv(tmp_path / "a.csv", FRAME)
    again = pd.read_csv(tmp_path / "a.csv", sep=";", decimal=",", dtype={"code": str}, encoding="utf-8-sig")
    assert again["n"].tolist()[::2] == [5, -3]
    assert again["x"][0] == -1.25
    assert again["x"].isna().tolist() == [False, True, True]
    assert again["mixed"].tolist() == ["1,5", "3", "true"]
    assert again["code"].tolist()[:2] == ["005", "091"]


def test_the_bytes_are_the_same_every_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    write_xlsx(tmp_path / "a.xlsx", {"a": FRAME})
    clock = time.time() + 100_000
    monkeypatch.setattr(time, "time", lambda: clock)
    monkeypatch.setattr(time, "localtime", lambda *_: time.gmtime(clock))
    write_xlsx(tmp_path / "b.xlsx", {"a": FRAME})
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()


def test_a_protected_table_is_written_as_it_is_shown(tmp_path: Path) -> None:
    frame = pd.DataFrame({"group": ["a", "b"], "n": [9, 57]})
    write_csv(tmp_path / "a.csv", protect(frame, {"group": Key(), "n": Count()}, "clients"), ",")
    assert (tmp_path / "a.csv").read_text(encoding="utf-8-sig") == '"group","n"\n"a",\n"b",55\n'


def test_what_a_workbook_cannot_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="longer than a cell"):
        write_xlsx(tmp_path / "a.xlsx", {"a": pd.DataFrame({"x": ["x" * 40_000]})})
    with pytest.raises(UsageError, match="name of another"):
        write_xlsx(tmp_path / "a.xlsx", {"a/b": FRAME, "A:B": FRAME})
    with pytest.raises(UsageError, match="separator"):
        write_csv(tmp_path / "a.csv", FRAME, "|")
    assert not list(tmp_path.iterdir())
