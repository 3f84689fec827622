"""A real PostgreSQL server for the tests: in a folder of its own, over a socket, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from register_builders import Frames

OWNER, READER = "owner", "costeff_reader"
TYPES = {"start": "date", "end": "date", "cost": "double precision", "time": "double precision", "event": "boolean"}
TYPES |= {"count": "integer", "level": "integer", "before": "double precision", "after": "double precision"}
TYPES |= {"date": "date", "accepted": "boolean"}
WHERE = ("/usr/lib/postgresql/*/bin", "/usr/local/pgsql/bin", "/usr/pgsql-*/bin")


def program(name: str) -> str | None:
    """A program of the server, on the path or where Debian keeps it."""
    kept = (str(folder) for place in WHERE for folder in sorted(Path("/").glob(place[1:]), reverse=True))
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *kept]))


MISSING = None if program("initdb") and program("pg_ctl") else "the PostgreSQL server is not installed (initdb, pg_ctl)"


@dataclass(frozen=True)
class Server:
    """Where it listens."""

    socket: Path

    def connect(self, database: str = "postgres", user: str = OWNER) -> Any:
        import psycopg

        return psycopg.connect(host=str(self.socket), user=user, dbname=database, autocommit=True)

    def url(self, database: str, user: str = READER, **options: str) -> str:
        more = "".join(f"&{name}={value}" for name, value in options.items())
        return f"postgresql://{user}@/{database}?host={self.socket}{more}"

    def fill(self, database: str, frames: Frames, schema: str = "public", types: Mapping[str, str] = TYPES) -> None:
        """A database with a table for each frame, which the reader may read."""
        with self.connect() as server:
            if not server.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchall():
                server.execute(f'CREATE DATABASE "{database}"')
        with self.connect(database) as here:
            here.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
            here.execute(f'GRANT USAGE ON SCHEMA "{schema}" TO {READER}')
            for name, frame in frames.items():
                kinds = {column: types.get(column, "text") if name != "ends" else "text" for column in frame}
                columns = ", ".join(f'"{column}" {kind}' for column, kind in kinds.items())
                here.execute(f'CREATE TABLE "{schema}"."{name}" ({columns})')
                with here.cursor().copy(f'COPY "{schema}"."{name}" FROM STDIN') as rows:
                    for row in frame.astype(object).where(frame.notna(), None).itertuples(index=False):
                        rows.write_row([str(value).lower() if isinstance(value, bool) else value for value in row])
            here.execute(f'GRANT SELECT ON ALL TABLES IN SCHEMA "{schema}" TO {READER}')


@contextmanager
def running_server() -> Iterator[Server]:
    """A server as long as the block lasts; root may not run one, so nobody does."""
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    if user:
        os.chown(folder, user.pw_uid, -1)

    def run(name: str, *arguments: str) -> None:
        subprocess.run(
            [str(program(name)), *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            user=user.pw_uid if user else None,
            cwd=folder,
            env={**os.environ, "HOME": str(folder)},
        )

    data, log = folder / "data", folder / "log"
    settings = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off -c shared_buffers=32MB"
    try:
        run("initdb", "-D", str(data), "-U", OWNER, "-A", "trust", "--locale=C.UTF-8", "-E", "UTF8", "--no-sync")
        run("pg_ctl", "start", "-D", str(data), "-l", str(log), "-w", "-o", settings)
        try:
            server = Server(folder)
            with server.connect() as connection:
                connection.execute(f"CREATE ROLE {READER} LOGIN")
            yield server
        finally:
            run("pg_ctl", "stop", "-D", str(data), "-m", "immediate", "-w")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def content(server: Server, database: str) -> pd.DataFrame:
    """A checksum of each table's rows, with what the server knows of each: any change shows."""
    told = []
    with server.connect(database) as here:
        tables = here.execute(
            "SELECT n.nspname, c.relname, c.relfilenode, s.n_tup_ins, s.n_tup_upd, s.n_tup_del "
            "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "JOIN pg_stat_all_tables s ON s.relid = c.oid WHERE n.nspname !~ '^(pg_|information_schema)' ORDER BY 1, 2"
        ).fetchall()
        for schema, name, *counts in tables:
            query = f'SELECT count(*), md5(string_agg(t::text, E\'\\n\' ORDER BY t::text)) FROM "{schema}"."{name}" t'
            told.append([schema, name, *counts, *here.execute(query).fetchone()])
    return pd.DataFrame(told)
