"""What a folder may hold, and what is said when it does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

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
