"""What a folder may hold, and what is said when it does not."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from register_builders import KINDS, KNOWN, Frames, put, whole, write

from costeff.errors import DataError
from costeff.records import binary_cells, check, cost_cells, open_register, register_from_frames

Make = Callable[[Frames, str], Path]
SECRET = "SECRETXYZ"
HEADER = "client,municipality,risk_group\n"


def refused(folder: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        open_register(folder)
    assert all(p.cure for p in caught.value.problems)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    assert refused(tmp_path / "nowhere").problems[0].rule == "does not exist"


def test_a_file_in_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "clients.csv").write_text(HEADER)
    assert refused(tmp_path / "clients.csv").problems[0].rule == "is a file, not a folder"


def test_an_empty_folder(tmp_path: Path) -> None:
    assert refused(tmp_path).problems[0].rule == "holds no table of a register"


CLIENTS_FILES = {
    "a field too few": (f"{HEADER}c1,091,low\n{SECRET},091\n", "the number of fields is not that of the first line"),
    "a decimal comma": (f"{HEADER}{SECRET},091,1,5\n", "the number of fields is not that of the first line"),
    "an open quotation": (f'{HEADER}"{SECRET},091,low\nc2,091,low\n', "a quotation mark is not closed"),
    "nothing": ("", "is empty"),
    "a nameless column": (f"client,municipality,risk_group,\n{SECRET},091,low,\n", "has no name"),
    "a name twice": (f"client,municipality,risk_group,Client\n{SECRET},091,low,c\n", "has the name of another column"),
}


@pytest.mark.parametrize("name", CLIENTS_FILES)
def test_a_broken_csv(name: str, make: Make) -> None:
    text, rule = CLIENTS_FILES[name]
    folder = make(whole(), "csv")
    (folder / "clients.csv").write_text(text, encoding="utf-8")
    (problem,) = refused(folder).problems
    assert problem.place.startswith("clients.csv")
    assert problem.rule.startswith(rule)


def test_a_broken_line_is_told_by_its_number(make: Make) -> None:
    folder = make(whole(), "csv")
    (folder / "clients.csv").write_text(f"{HEADER}c1,091,low\n{SECRET},091\n", encoding="utf-8")
    assert refused(folder).problems[0].rule.endswith("on line 3")


@pytest.mark.parametrize("content", [b"", b"PAR1SECRETXYZPAR1", SECRET.encode() * 100])
def test_a_broken_parquet(content: bytes, make: Make) -> None:
    folder = make(whole(), "parquet")
    (folder / "episodes.parquet").write_bytes(content)
    (problem,) = refused(folder).problems
    assert problem.place == "episodes.parquet"
    assert "Parquet" in problem.rule


def test_all_files_are_judged_at_once(make: Make) -> None:
    folder = make(whole(), "parquet")
    (folder / "episodes.parquet").write_bytes(b"x")
    (folder / "clients.csv").write_text(HEADER)
    (folder / "outcomes.parquet").unlink()
    (folder / "outcomes.csv").mkdir()
    (folder / "register.json").write_text('{"synthetic": "yes"}')
    assert {p.place for p in refused(folder).problems} == {
        "clients",
        "episodes.parquet",
        "outcomes.csv",
        "register.json synthetic",
    }


def test_what_register_json_says_is_kept(make: Make) -> None:
    folder = make(whole(), "csv")
    (folder / "register.json").write_text(
        '{"synthetic": true, "label": "Made up", "seed": 3, "data_date": "2024-01-31"}'
    )
    with open_register(folder) as register:
        assert (register.synthetic, register.label, register.info.seed) == (True, "Made up", 3)
        assert str(register.info.data_date) == "2024-01-31"
        cells = binary_cells(register, "relapse", 365)
    assert (cells.synthetic, cells.source) == (True, "Made up")


def test_without_register_json_the_clients_are_real(make: Make) -> None:
    with open_register(make(whole(), "csv")) as register:
        assert (register.synthetic, register.label) == (False, "register")


def test_all_kinds_of_file_give_the_same_cells(tmp_path: Path, make: Make) -> None:
    hashes = set()
    for kind in KINDS:
        folder = write(tmp_path / kind / "register", whole(), kind)
        with open_register(folder) as register:
            hashes.add((binary_cells(register, "relapse", 365).hash, cost_cells(register).hash))
    assert len(hashes) == 1


def test_a_path_is_not_a_pattern(tmp_path: Path) -> None:
    for kind in ("csv", "parquet"):
        with open_register(write(tmp_path / "year=2024 [a]*" / kind, whole(), kind)) as register:
            check(register, KNOWN)


def test_an_open_register_reaches_no_file(make: Make, tmp_path: Path) -> None:
    import duckdb

    folder = make(whole(), "csv")
    with open_register(folder) as register:
        connection = register._backend.con
        for query in (
            f"SELECT * FROM '{folder}/clients.csv'",
            f"COPY clients TO '{tmp_path}/out.csv'",
            f"ATTACH '{tmp_path}/out.db'",
            "SET enable_external_access=true",
            "SET temp_directory='/tmp'",
        ):
            with pytest.raises(duckdb.Error):
                connection.execute(query)
    assert not list(tmp_path.glob("out*"))


def test_cells_are_not_made_of_an_unchecked_register(make: Make) -> None:
    folder = make(put(whole(), "outcomes", "event", 2, SECRET), "csv")
    with open_register(folder) as register, pytest.raises(DataError) as caught:
        binary_cells(register, "relapse", 365)
    assert [p.place for p in caught.value.problems] == ["outcomes.event"]


def test_a_frame_that_mixes_types_is_refused_without_its_value() -> None:
    frames = whole()
    frames["outcomes"]["time"] = [365.0, SECRET, 30.0, object()]
    with pytest.raises(DataError) as caught, register_from_frames(frames, synthetic=True, label="x") as register:
        check(register, KNOWN)
    assert SECRET not in str(caught.value)


def test_a_register_does_not_show_rows(make: Make) -> None:
    with open_register(make(whole(), "csv")) as register:
        assert "091" not in repr(register)
        assert "c1" not in repr(register)


# --- as programs write them -----------------------------------------------------------------------


def altered(source: Path, target: Path, change: Callable[[str], str]) -> Path:
    """A workbook whose sheets have been changed as text."""
    with zipfile.ZipFile(source) as before, zipfile.ZipFile(target, "w") as after:
        for name in before.namelist():
            content = before.read(name)
            after.writestr(name, change(content.decode()) if "worksheets/sheet" in name else content)
    return target


@pytest.mark.parametrize("said", ['<dimension ref="A1:E3"/>', '<dimension ref="A1"/>', ""])
def test_a_workbook_that_is_wrong_about_its_size_loses_no_row(tmp_path: Path, said: str) -> None:
    frames = whole()
    frames["episodes"]["provider"] = ["a", None, "a", "b", "a"]
    with pd.ExcelWriter(tmp_path / "w.xlsx") as book:
        for name, frame in frames.items():
            frame.to_excel(book, sheet_name=name, index=False)
    ends_early = re.compile(r'<c r="F3"[^>/]*(/>|>.*?</c>)')
    wrong = altered(
        tmp_path / "w.xlsx",
        tmp_path / "wrong.xlsx",
        lambda text: ends_early.sub("", re.sub(r'<dimension ref="[^"]*"\s*/>', said, text)),
    )
    with open_register(wrong) as register:
        check(register)
        table = cost_cells(register, by=()).table
    assert (table["n"].tolist(), table["sum"].tolist()) == ([4], [400.5])


EPISODES = "client;option;start;end;cost\nc1;usual;1.2.2023;28.2.2023;{}\nc2;new;1.2.2023;28.2.2023;{}\n"


def semicolons(folder: Path, **files: str) -> Path:
    folder.mkdir()
    told = {
        "clients": "client;municipality;risk_group\nc1;049;low\nc2;091;high\n",
        "episodes": EPISODES.format("1234,50", "10"),
        "outcomes": "client;outcome;time;event\nc1;x;365;false\nc2;x;100;true\n",
    }
    for name, text in (told | files).items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "files",
    [
        {"episodes": "sep=;\n" + EPISODES.format("1234,50", "10")},
        {"clients": "Client ; MUNICIPALITY; risk_group\nc1;049;low\nc2;091;high\n"},
        {"episodes": EPISODES.replace("cost", " Cost").format("1234,50", "10")},
    ],
)
def test_what_programs_put_around_the_names_of_columns_does_not_matter(tmp_path: Path, files: dict[str, str]) -> None:
    with open_register(semicolons(tmp_path / "r", **files)) as register:
        check(register, KNOWN)
        assert cost_cells(register, by=()).table["sum"].tolist() == [1244.5]


def test_names_of_columns_in_parquet_and_excel(tmp_path: Path) -> None:
    frames = whole()
    loud = {name: frame.rename(columns=lambda column: f" {column.upper()}") for name, frame in frames.items()}
    source = write(tmp_path / "r", loud, "parquet")
    (source / "clients.parquet").unlink()
    loud["clients"].to_excel(source / "clients.xlsx", index=False)
    with open_register(source) as register:
        check(register, KNOWN)
        assert cost_cells(register, by=()).table["sum"].tolist() == [400.5]


@pytest.mark.parametrize(
    ("costs", "told"),
    [(("1.234", "2.500"), True), (("1.234", "12"), True), (("1.5", "2.500"), False), (("0.500", "2.500"), False)],
)
def test_points_that_may_part_thousands_are_told(tmp_path: Path, costs: tuple[str, str], told: bool) -> None:
    source = semicolons(tmp_path / "r", episodes=EPISODES.format(*costs))
    if not told:
        open_register(source).close()
        return
    with pytest.raises(DataError, match="cannot be told apart") as caught:
        open_register(source)
    assert costs[0] not in str(caught.value)


# --- what a source is called ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        "postgresql:/bob:Secret@h/reg",
        "postgresql:/bob:Secret@h/reg.duckdb",
        Path("postgresql://bob:Secret@h/reg"),
        "bob:Secret@h/reg",
        "host=db password=Secret dbname=reg",
    ],
)
def test_a_source_that_may_hold_a_password_is_not_shown(source: str | Path) -> None:
    with pytest.raises(DataError) as caught:
        open_register(source)
    assert "source: does not exist" in str(caught.value)
    assert "Secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["x" * 300, "x" * 300 + ".duckdb", "x" * 300 + ".xlsx", "a\0b"])
def test_a_name_that_no_file_can_have_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="source: cannot be opened"):
        open_register(tmp_path / name)
