"""Seconds and memory of checking a register and reducing it to cells, where it lies.

    .venv/bin/python benchmarks/registers.py                    # 10 million episodes as Parquet and as a DuckDB file
    .venv/bin/python benchmarks/registers.py --episodes 1e6 --postgres postgresql://owner@host/database

The clients are made up, and a mapping file says so: without it up to five seconds would go to a search for
unsalted hashes, which these pseudonyms look like. PostgreSQL's tables are filled first by a role that owns the
database, and read by `costeff_reader`, who may only read. Each source is measured in a process of its own.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

CLIENT = "'k' || md5('p' || {})"
TABLES = {
    "clients": "SELECT {client} AS client, printf('%03d', 5 + (hash(i) % 300)::int) AS municipality, "
    "['low', 'middle', 'high'][1 + (hash(i + 7) % 3)::int] AS risk_group FROM range({clients}) t(i)",
    "episodes": "SELECT {client_of_episode} AS client, ['usual', 'new'][1 + (hash(i % {clients} + 3) % 2)::int] "
    "AS option, DATE '2023-01-01' + (hash(i) % 365)::int AS start, DATE '2024-01-01' + (hash(i + 1) % 300)::int "
    'AS "end", ((hash(i + 2) % 1000000) / 100.0)::double AS cost FROM range({episodes}) t(i)',
    "outcomes": "SELECT {client} AS client, 'taking_into_care' AS outcome, CASE WHEN hash(i + 11) % 10 = 0 "
    "THEN 1.0 + hash(i + 9) % 364 ELSE 365 END::double AS time, hash(i + 11) % 10 = 0 AS event "
    "FROM range({clients}) t(i)",
}


def queries(episodes: int) -> Iterator[tuple[str, str]]:
    clients = int(episodes * 0.4)
    for name, query in TABLES.items():
        told = {"client": CLIENT.format("i"), "client_of_episode": CLIENT.format(f"(i % {clients})")}
        yield name, query.format(**told, clients=clients, episodes=episodes)


def write_parquet(folder: Path, episodes: int) -> str:
    import duckdb

    folder.mkdir()
    with duckdb.connect() as database:
        for name, query in queries(episodes):
            database.execute(f"COPY ({query}) TO '{folder / name}.parquet'")
    return str(folder)


def write_duckdb(file: Path, episodes: int) -> str:
    import duckdb

    with duckdb.connect(str(file)) as database:
        for name, query in queries(episodes):
            database.execute(f"CREATE TABLE {name} AS {query}")
    return str(file)


def write_postgres(url: str, folder: Path, episodes: int) -> str:
    """Fill the database through COPY, and give the URL of the reader."""
    import duckdb
    import psycopg

    kinds = {"start": "date", "end": "date", "cost": "float8", "time": "float8", "event": "boolean"}
    with duckdb.connect() as database, psycopg.connect(url, autocommit=True) as server:
        for name, query in queries(episodes):
            file = folder / f"{name}.csv"
            database.execute(f"COPY ({query}) TO '{file}' (HEADER false)")
            names = [row[0] for row in database.execute(f"DESCRIBE {query}").fetchall()]
            server.execute(f"DROP TABLE IF EXISTS {name}")
            server.execute(f"CREATE TABLE {name} ({', '.join(f'"{n}" {kinds.get(n, "text")}' for n in names)})")
            with file.open("rb") as rows, server.cursor().copy(f"COPY {name} FROM STDIN (FORMAT csv)") as copy:
                while part := rows.read(2**20):
                    copy.write(part)
            server.execute(f"GRANT SELECT ON {name} TO costeff_reader")
            server.execute(f"ANALYZE {name}")
    scheme, _, rest = url.partition("://")
    return f"{scheme}://costeff_reader@{rest.rpartition('@')[2]}"


def measure(source: str, mapping: str) -> None:
    """One source in this process: seconds from opening to cells, of them on a processor, and the most memory."""
    from costeff.records import binary_cells, check, cost_cells, open_register

    started = time.perf_counter()
    marks = {}
    with open_register(source, mapping) as register:
        marks["open"] = time.perf_counter()
        check(register)
        marks["check"] = time.perf_counter()
        binary = binary_cells(register, "taking_into_care", 365)
        cost_cells(register, ("municipality", "option", "group"))
        marks["cells"] = time.perf_counter()
    seconds = " ".join(f"{name} {at - started:6.1f} s" for name, at in marks.items())
    used = resource.getrusage(resource.RUSAGE_SELF)
    peak, cpu = used.ru_maxrss / 2**20, used.ru_utime + used.ru_stime
    print(
        f"{seconds}   cpu {cpu:5.1f} s   peak {peak:.2f} GiB   {int(binary.table['n'].sum()):>9,} clients", flush=True
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--episodes", type=float, default=1e7)
    parser.add_argument("--postgres", help="URL of a database to fill, as its owner")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measure(*given.measure)
        return
    with tempfile.TemporaryDirectory() as room:
        folder, episodes = Path(room), int(given.episodes)
        if given.postgres:
            sources = {"PostgreSQL": write_postgres(given.postgres, folder, episodes)}
        else:
            sources = {
                "Parquet": write_parquet(folder / "parquet", episodes),
                "DuckDB file": write_duckdb(folder / "register.duckdb", episodes),
            }
        made_up = folder / "mapping.yaml"
        made_up.write_text("register: {label: Benchmark, synthetic: true}\n", encoding="utf-8")
        print(f"{episodes:,} episodes, seconds since opening began")
        for name, source in sources.items():
            print(f"{name:12s} ", end="", flush=True)
            subprocess.run([sys.executable, __file__, "--measure", source, str(made_up)], check=True)


if __name__ == "__main__":
    main()
