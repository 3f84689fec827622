"""PostgreSQL: only cells cross, nothing is written, and what fails is told plainly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from postgres_server import OWNER, READER, Server, content
from register_builders import KNOWN, fuller, put, whole

from costeff.errors import CosteffError, DataError, SetupError
from costeff.records import binary_cells, check, cost_cells, open_register

SECRET = "SECRETXYZ"


def refused(kind: type[CosteffError], url: str) -> CosteffError:
    with pytest.raises(kind) as caught, open_register(url) as register:
        check(register, KNOWN)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value


def test_the_session_cannot_write_and_the_database_does_not_change(postgres: Server) -> None:
    import psycopg

    postgres.fill("unchanged", fuller())
    with postgres.connect("unchanged") as owner:  # even a role that could
        owner.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {READER}")
    before = content(postgres, "unchanged")
    with open_register(postgres.url("unchanged")) as register:
        check(register, KNOWN)
        binary_cells(register, "relapse", 30)
        for statement in (
            "DELETE FROM clients",
            "UPDATE clients SET risk_group = 'low'",
            "CREATE TABLE t (a int)",
            "SET TRANSACTION READ WRITE",
            "COPY clients TO PROGRAM 'cat'",
            "COPY clients TO '/tmp/out.csv'",
        ):
            with pytest.raises(psycopg.Error), register._backend.con.transaction():
                register._backend.con.execute(statement)
    pd.testing.assert_frame_equal(content(postgres, "unchanged"), before)


def test_rows_are_those_of_one_moment(postgres: Server) -> None:
    postgres.fill("moment", whole())
    with open_register(postgres.url("moment")) as register:
        check(register, KNOWN)
        with postgres.connect("moment") as owner:
            owner.execute("DELETE FROM outcomes")
        assert binary_cells(register, "relapse", 30, by=()).table["n"].tolist() == [4]


def test_only_cells_and_counts_cross(postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    import psycopg

    size, crossed = 20_000, [0]
    generator = np.random.default_rng(3)
    clients = [f"k{number:032x}" for number in range(size)]
    frames = {
        "clients": pd.DataFrame({"client": clients, "municipality": "091", "risk_group": "low"}),
        "episodes": pd.DataFrame(
            {
                "client": clients,
                "option": np.where(generator.random(size) < 0.5, "usual", "new"),
                "start": "2024-01-01",
                "end": "2024-02-01",
                "cost": generator.gamma(2, 500, size).round(2),
            }
        ),
        "outcomes": pd.DataFrame({"client": clients, "outcome": "relapse", "time": 365.0, "event": False}),
    }
    frames["clients"].loc[:99, "municipality"] = "049"
    postgres.fill("many", frames)

    class Counting(psycopg.Cursor[Any]):
        def fetchall(self) -> list[Any]:
            rows = super().fetchall()
            crossed[0] += len(rows)
            return rows

    monkeypatch.setattr(psycopg.Connection, "cursor_factory", Counting, raising=False)
    connect = psycopg.connect
    monkeypatch.setattr(psycopg, "connect", lambda *a, **k: connect(*a, **k, cursor_factory=Counting))
    with open_register(postgres.url("many")) as register:
        check(register, KNOWN)
        cells = binary_cells(register, "relapse", 365)
        cost_cells(register)
    assert cells.table["n"].sum() == size
    assert 10 < crossed[0] < 1000


def test_broken_rows_are_counted_and_no_value_is_told(postgres: Server) -> None:
    frames = put(whole(), "clients", "risk_group", 1, SECRET)
    frames = put(frames, "episodes", "start", 2, "2024-02-31")
    frames["episodes"]["start"] = frames["episodes"]["start"].astype(str)
    postgres.fill("broken", frames, types={"cost": "numeric(12, 2)"})
    error = refused(DataError, postgres.url("broken"))
    assert sorted((p.place, p.rule) for p in error.problems) == [
        ("clients.risk_group", "is not one of the values allowed, in 1 row of the database"),
        ("episodes.start", "is not a date, in 1 row of the database"),
    ]


def test_a_superuser_is_refused_and_told_how_to_make_a_reader(postgres: Server) -> None:
    postgres.fill("mighty", whole())
    error = refused(SetupError, postgres.url("mighty", OWNER))
    assert "superuser" in error.problems[0].rule
    assert "GRANT SELECT" in error.problems[0].cure


@pytest.mark.parametrize("role", ["pg_read_server_files", "pg_write_server_files", "pg_execute_server_program"])
def test_a_role_that_reaches_the_servers_files_is_refused(postgres: Server, role: str) -> None:
    postgres.fill(f"roles_{role}", whole())
    with postgres.connect() as owner:
        owner.execute(f"CREATE ROLE with_{role} LOGIN IN ROLE {role}")
    assert "files of the server" in str(refused(SetupError, postgres.url(f"roles_{role}", f"with_{role}")))


def test_what_is_not_there_is_told(postgres: Server) -> None:
    postgres.fill("there", whole())
    assert "no such database" in str(refused(SetupError, postgres.url("nowhere")))
    assert "no such user" in str(refused(SetupError, postgres.url("there", "nobody_here")))
    assert "no schema of that name" in str(refused(DataError, postgres.url("there", schema="other")))


def test_a_table_without_the_right_to_read_it(postgres: Server) -> None:
    postgres.fill("rights", whole())
    with postgres.connect("rights") as owner:
        owner.execute(f"REVOKE ALL ON outcomes FROM {READER}")
    (problem,) = refused(DataError, postgres.url("rights")).problems
    assert (problem.place, problem.rule) == ("outcomes", "may not be read by this role")
    assert "GRANT SELECT" in problem.cure


def test_a_view_that_fails_does_not_tell_the_row(postgres: Server) -> None:
    frames = whole()
    frames["clients"]["risk_group"] = SECRET
    postgres.fill("views", {**frames, "raw_clients": frames["clients"]})
    with postgres.connect("views") as owner:
        owner.execute("DROP TABLE clients")
        owner.execute(
            "CREATE VIEW clients AS SELECT client, municipality, risk_group::int::text AS risk_group FROM raw_clients"
        )
        owner.execute(f"GRANT SELECT ON clients TO {READER}")
    assert "a value cannot be reckoned with (SQLSTATE 22P02)" in str(refused(DataError, postgres.url("views")))


def test_a_schema_of_its_own_with_names_in_capitals(postgres: Server) -> None:
    frames = {name.upper(): frame.rename(columns=str.upper) for name, frame in whole().items()}
    types = {"START": "date", "END": "timestamp", "COST": "numeric(12,2)", "TIME": "integer", "EVENT": "smallint"}
    frames["OUTCOMES"] = frames["OUTCOMES"].assign(TIME=[365, 120, 30, 365], EVENT=[0, 1, 1, 0])
    postgres.fill("capitals", frames, schema="Rekisteri 1", types=types)
    with open_register(postgres.url("capitals", schema="Rekisteri%201")) as register:
        check(register, KNOWN)
        assert binary_cells(register, "relapse", 30, by=()).table["n"].tolist() == [4]
    assert SECRET not in repr(register)


def test_types_of_its_own_are_read(postgres: Server) -> None:
    plain, own = whole(), whole()
    for frame in [*plain.values(), *own.values()]:
        frame["client"] = frame["client"].map(lambda client: f"00000000-0000-4000-8000-{client[1:].zfill(12)}")
    postgres.fill("plain", plain)
    postgres.fill("own", own)
    with postgres.connect("own") as owner:
        owner.execute("CREATE TYPE risk AS ENUM ('low', 'middle', 'high')")
        owner.execute("ALTER TABLE clients ALTER risk_group TYPE risk USING risk_group::risk")
        owner.execute("ALTER TABLE episodes ALTER cost TYPE money USING cost::numeric::money")
        for table in ("clients", "episodes", "outcomes"):
            owner.execute(f"ALTER TABLE {table} ALTER client TYPE uuid USING client::uuid")
    with open_register(postgres.url("plain")) as one, open_register(postgres.url("own")) as other:
        check(one, KNOWN)
        check(other, KNOWN)
        pd.testing.assert_frame_equal(cost_cells(one).table, cost_cells(other).table)


def test_days_that_only_a_database_has_are_told(postgres: Server) -> None:
    postgres.fill("days", whole())
    with postgres.connect("days") as owner:
        owner.execute("ALTER TABLE episodes ALTER start TYPE date USING start::date")
        owner.execute('ALTER TABLE episodes ALTER "end" TYPE date USING "end"::date')
        owner.execute("UPDATE episodes SET start = '0044-03-15 BC', \"end\" = 'infinity' WHERE client = 'c1'")
    with open_register(postgres.url("days")) as register, pytest.raises(DataError) as caught:
        check(register, KNOWN)
    assert "episodes.start: is before 1900-01-01, in 1 row of the database" in str(caught.value)
    assert "episodes.end: is after 2100-01-01, in 1 row of the database" in str(caught.value)


def test_a_view_that_cannot_be_reckoned_is_told_as_such(postgres: Server) -> None:
    postgres.fill("divided", whole())
    with postgres.connect("divided") as owner:
        owner.execute("ALTER TABLE episodes RENAME TO stored")
        owner.execute('CREATE VIEW episodes AS SELECT client, option, start, "end", cost / 0 AS cost FROM stored')
        owner.execute(f"GRANT SELECT ON episodes TO {READER}")
    with open_register(postgres.url("divided")) as register, pytest.raises(DataError) as caught:
        check(register, KNOWN)
    assert "a value cannot be reckoned with (SQLSTATE 22012)" in str(caught.value)
