"""A register is the same wherever it lies: the same checks, the same cells, the same hash; and nothing is written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from postgres_server import Server
from register_builders import KNOWN, Frames, fuller, put, whole, write

from costeff.errors import CosteffError, DataError, SetupError, UsageError
from costeff.records import (
    Register,
    binary_cells,
    check,
    cost_cells,
    count_cells,
    end_cells,
    exposure_cells,
    level_cells,
    meter_cells,
    open_register,
    time_cells,
)

SECRET = "SECRETXYZ"
MAPPING = "register: {label: the same}\n"


def workbook(file: Path, frames: Frames) -> Path:
    import openpyxl

    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, frame in frames.items():
        sheet = book.create_sheet(name)
        sheet.append(list(frame.columns))
        for row in frame.itertuples(index=False):
            sheet.append([None if value is None or value is pd.NA else value for value in row])
    book.save(file)
    return file


def duckdb_file(file: Path, frames: Frames, upper: bool = False) -> Path:
    with duckdb.connect(str(file)) as database:
        for name, frame in frames.items():
            database.register("incoming", frame.rename(columns=str.upper) if upper else frame)
            database.execute(f'CREATE TABLE "{name.upper() if upper else name}" AS SELECT * FROM incoming')
    return file


def sqlite_url(file: Path, frames: Frames) -> str:
    import sqlite3

    kinds = {"cost": "REAL", "time": "REAL", "event": "BOOLEAN", "start": "DATE", "end": "DATE", "count": "INTEGER"}
    kinds |= {"level": "INTEGER", "before": "REAL", "after": "REAL"}
    with sqlite3.connect(file) as database:
        for name, frame in frames.items():
            columns = ", ".join(f'"{c}" {kinds.get(c, "TEXT") if name != "ends" else "TEXT"}' for c in frame)
            database.execute(f'CREATE TABLE "{name}" ({columns})')
            rows = [[v.isoformat() if isinstance(v, date) else v for v in row] for row in frame.itertuples(index=False)]
            marks = ", ".join("?" * frame.shape[1])
            database.executemany(f'INSERT INTO "{name}" VALUES ({marks})', rows)
    database.close()
    return f"sqlite://{file}"


def finnish(folder: Path, frames: Frames) -> Path:
    """Semicolons, decimal commas, days as 1.2.2024; Windows-1252 is read with the names of the made-up extracts."""
    folder.mkdir(parents=True)
    for name, frame in frames.items():
        dated = ("start", "end") if name == "episodes" else ()
        days = {column: [f"{day.day}.{day.month}.{day.year}" for day in frame[column]] for column in dated}
        text = frame.assign(**days).to_csv(index=False, sep=";", decimal=",", lineterminator="\r\n")
        (folder / f"{name}.csv").write_bytes(text.encode("utf-8-sig"))
    return folder


SOURCES: dict[str, Callable[[Path, Frames, Server], str | Path]] = {
    "csv": lambda path, frames, _: write(path / "csv", frames, "csv"),
    "excel csv": lambda path, frames, _: write(path / "excel", frames, "excel"),
    "finnish csv": lambda path, frames, _: finnish(path / "finnish", frames),
    "parquet": lambda path, frames, _: write(path / "parquet", frames, "parquet"),
    "workbook": lambda path, frames, _: workbook(path / "book.xlsx", frames),
    "duckdb": lambda path, frames, _: duckdb_file(path / "file.duckdb", frames),
    "duckdb url": lambda path, frames, _: f"duckdb://{duckdb_file(path / 'file.db', frames)}",
    "upper case": lambda path, frames, _: duckdb_file(path / "upper.ddb", frames, upper=True),
}


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    (tmp_path / "same.yaml").write_text(MAPPING)
    return tmp_path / "same.yaml"


def all_cells(register: Register) -> list[str]:
    check(register, KNOWN)
    cells = [
        binary_cells(register, "relapse", 30),
        cost_cells(register, ("municipality", "option", "group")),
        exposure_cells(register, "relapse", (0, 100, 400)),
        time_cells(register, "relapse"),
        count_cells(register, "days_in_care"),
        meter_cells(register, "functioning"),
        level_cells(register, "was_heard"),
        end_cells(register),
    ]
    return [f"{one.statistic} {one.hash}" for one in cells]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("expected")
    (folder / "same.yaml").write_text(MAPPING)
    with open_register(write(folder / "parquet", fuller(), "parquet"), folder / "same.yaml") as register:
        return all_cells(register)


@pytest.mark.parametrize("source", SOURCES)
def test_the_same_register_gives_the_same_cells(
    source: str, tmp_path: Path, mapping: Path, expected: list[str]
) -> None:
    with open_register(SOURCES[source](tmp_path, fuller(), None), mapping) as register:
        assert all_cells(register) == expected


def test_postgres_gives_the_same_cells(postgres: Server, mapping: Path, expected: list[str]) -> None:
    postgres.fill("same", fuller())
    with open_register(postgres.url("same"), mapping) as register:
        assert all_cells(register) == expected


def test_postgres_with_everything_as_text_gives_the_same_cells(
    postgres: Server, mapping: Path, expected: list[str]
) -> None:
    postgres.fill("same_text", fuller(), types={})
    with open_register(postgres.url("same_text"), mapping) as register:
        assert all_cells(register) == expected


def test_a_database_that_is_nowhere_named_in_the_code_gives_the_same_counts(
    tmp_path: Path, expected: list[str]
) -> None:
    """It has no decimals, so sums of euros and logarithms are those of floats."""
    (tmp_path / "same.yaml").write_text(MAPPING)
    source = sqlite_url(tmp_path / "file.sqlite", fuller())
    with open_register(source, tmp_path / "same.yaml") as register:
        told = all_cells(register)
        costs = cost_cells(register, ("municipality",)).table
    with open_register(write(tmp_path / "csv", fuller(), "csv")) as register:
        pd.testing.assert_frame_equal(costs, cost_cells(register, ("municipality",)).table, rtol=1e-9)
    counts = [one for one in expected if not one.startswith(("cost", "meter"))]
    assert set(counts) <= set(told)


def test_a_database_that_is_nowhere_named_tells_empty_texts_and_codes_as_files_do(tmp_path: Path) -> None:
    frames = fuller()
    for row, value in enumerate(["", " \t", "middle"], start=1):
        frames = put(frames, "clients", "risk_group", row, value)
    for name, frame in frames.items():  # an artificial code, and one more letter than a code can follow
        texts = {"c1": "130391-951Y", "c2": "abcde130391A951Y", "c3": "k" * 20 + "\u00e9"}
        frames[name] = frame.replace({"client": texts})
    rules = []
    for source in (sqlite_url(tmp_path / "file.sqlite", frames), write(tmp_path / "parquet", frames, "parquet")):
        with open_register(source) as register, pytest.raises(DataError) as caught:
            check(register, KNOWN)
        told = [problem for problem in caught.value.problems if problem.place.startswith("clients.")]
        rules.append([(problem.place, problem.rule.partition(" row")[0]) for problem in told])
    assert (
        rules[0]
        == rules[1]
        == [
            ("clients.client", "looks like a personal identity code, in 1"),
            ("clients.client", "has a character outside ASCII, in 1"),
            ("clients.risk_group", "is empty, in 2"),
        ]
    )


# --- nothing is written -------------------------------------------------------------------------


def test_a_duckdb_file_cannot_be_written_or_left(tmp_path: Path) -> None:
    file = duckdb_file(tmp_path / "file.duckdb", fuller())
    (tmp_path / "other.csv").write_text("a\n1\n")
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    with open_register(file) as register:
        all_cells(register)
        for statement in (
            "DELETE FROM clients",
            "CREATE TABLE t AS SELECT 1",
            f"COPY clients TO '{tmp_path}/out.csv'",
            f"COPY clients TO '{tmp_path}/out.parquet' (FORMAT parquet)",
            f"ATTACH '{tmp_path}/out.db' AS out",
            f"EXPORT DATABASE '{tmp_path}/out'",
            f"SELECT * FROM read_csv('{tmp_path}/other.csv')",
            f"SELECT * FROM '{tmp_path}/other.csv'",
            "INSTALL httpfs",
            "SET enable_external_access=true",
            "SET temp_directory='/tmp'",
        ):
            with pytest.raises(duckdb.Error):
                register._backend.con.execute(statement)
    assert hashlib.sha256(file.read_bytes()).hexdigest() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file.duckdb", "other.csv"]


BAD_FILES: dict[str, tuple[bytes, str]] = {
    "a text file": (b"SECRETXYZ " * 1000, "is not a DuckDB database"),
    "nothing": (b"", "is not a DuckDB database"),
}


def refused(kind: type[CosteffError], source: str | Path, mapping: Path | None = None) -> CosteffError:
    with pytest.raises(kind) as caught, open_register(source, mapping) as register:
        check(register)
    error = caught.value
    assert SECRET not in str(error)
    assert all(problem.rule and problem.cure for problem in error.problems)
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    return error


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_duckdb_file_that_is_not_one(name: str, tmp_path: Path) -> None:
    content, rule = BAD_FILES[name]
    (tmp_path / "file.duckdb").write_bytes(content)
    assert rule in str(refused(DataError, tmp_path / "file.duckdb"))
    assert (tmp_path / "file.duckdb").read_bytes() == content


def test_a_duckdb_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    for source in (tmp_path / "file.duckdb", f"duckdb://{tmp_path}/file.duckdb", f"sqlite://{tmp_path}/file.db"):
        assert "does not exist" in str(refused(DataError, source))
    assert not list(tmp_path.iterdir())


def test_a_duckdb_file_that_another_program_writes(tmp_path: Path) -> None:
    import subprocess
    import sys

    file = duckdb_file(tmp_path / "file.duckdb", whole())
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        other.stdout.readline()
        assert "is open for writing in another program" in str(refused(DataError, file))
        other.stdin.close()


# --- URLs ---------------------------------------------------------------------------------------

URLS = {
    f"postgresql://me:{SECRET}@localhost/db": "holds a password",
    f"postgresql://me@localhost/db?password={SECRET}": "holds a password",
    f"postgresql://localhost/db?sslpassword={SECRET}": "holds a password",
    f"snowflake://me@account/db?token={SECRET}": "holds a password",
    f"postgresql://me:{SECRET}/x@localhost/db": "is not a URL that can be read",
    f"postgresql://localhost:{SECRET}/db": "is not a URL that can be read",
    f"oddbase://localhost/{SECRET}": "is not a kind of database that is known",
    "postgresql://localhost/db?colour=red": "is not an option",
}


@pytest.mark.parametrize("url", URLS)
def test_a_url_that_cannot_be_used_is_refused_without_being_shown(url: str) -> None:
    assert URLS[url] in str(refused(UsageError, url))


def test_no_server(tmp_path: Path) -> None:
    error = refused(SetupError, f"postgresql://me@/db?host={tmp_path}")
    assert "no server answers" in str(error)
    assert error.code == 7


# --- Excel --------------------------------------------------------------------------------------


def test_codes_that_a_workbook_holds_as_numbers_are_told_by_row(tmp_path: Path) -> None:
    source = workbook(tmp_path / "book.xlsx", put(whole(), "clients", "municipality", 2, 91))
    (problem,) = refused(DataError, source).problems
    assert problem.place == "book.xlsx clients municipality"
    assert problem.rule == "is stored as a number or a date, not as text, in 1 row (data row 2)"
    assert "91, not 091" in problem.cure


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 SECRETXYZ", b"SECRETXYZ"])
def test_a_workbook_that_is_not_one(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "book.xlsx").write_bytes(content)
    assert "is not an Excel workbook" in str(refused(DataError, tmp_path / "book.xlsx"))


def test_a_workbook_without_such_sheets(tmp_path: Path) -> None:
    source = workbook(tmp_path / "book.xlsx", {"Taul1": whole()["clients"]})
    assert "holds no table of a register" in str(refused(DataError, source))


def test_a_folder_of_workbooks(tmp_path: Path) -> None:
    for name, frame in whole().items():
        workbook(tmp_path / f"{name}.xlsx", {"Taul1": frame})
    with open_register(tmp_path) as register:
        check(register, KNOWN)


# --- CSV ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"client,municipality,risk_group\nSECRETXYZ\x00,091,low\n", "holds a NUL byte"),
        ("client,municipality,risk_group\nSECRETXYZ,091,low\n".encode("utf-16"), "is UTF-16 text"),
        (b"client,municipality,risk_group\nSECRETXYZ\xe4\x81,091,low\n", "is neither UTF-8 nor Windows-1252"),
        (b"client;municipality;risk_group\nSECRETXYZ\xe4;091\n", "the number of fields is not that of the first line"),
        (b"client,municipality,risk_group\n", "has no rows"),
    ],
)
def test_a_file_that_is_not_what_it_should_be(content: bytes, rule: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "register", whole(), "csv")
    (folder / "clients.csv").write_bytes(content)
    assert rule in str(refused(DataError, folder))


@pytest.mark.parametrize("day", ["31.2.2024", "2024-02-31", "29.2.2023", "1900-02-29", "0.1.2024", "1.13.2024"])
@pytest.mark.parametrize("kind", ["csv", "duckdb"])
def test_a_day_that_no_calendar_has(day: str, kind: str, tmp_path: Path) -> None:
    frames = put(whole(), "episodes", "start", 2, day)
    frames["episodes"]["start"] = frames["episodes"]["start"].astype(str)
    source = write(tmp_path / "r", frames, "csv") if kind == "csv" else duckdb_file(tmp_path / "r.duckdb", frames)
    where = "in 1 row (data row 2)" if kind == "csv" else "in 1 row of the database"
    assert [p.rule for p in refused(DataError, source).problems] == [f"is not a date, {where}"]


@pytest.mark.parametrize("day", ["29.2.2024", "2000-02-29", "01.01.2024", "31.12.2022", "1.10.2024"])
def test_a_day_there_is(day: str, tmp_path: Path) -> None:
    frames = put(whole(), "episodes", "start", 2, day)
    frames["episodes"]["end"] = date(2024, 12, 31)
    with open_register(write(tmp_path / "r", frames, "csv")) as register:
        check(register, KNOWN)
        years = register.run(register.rows("episodes").start.year().name("year"))
    assert int(day[:4] if "-" in day else day[-4:]) in set(years)


def test_links_that_lead_nowhere_or_in_a_circle(tmp_path: Path) -> None:
    folder = write(tmp_path / "a=b[1]", whole(), "csv")
    (folder / "clients.csv").unlink()
    (folder / "clients.csv").symlink_to(folder / "clients.csv")
    assert "clients.csv: cannot be read" in str(refused(DataError, folder))
