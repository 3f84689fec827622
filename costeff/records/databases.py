"""Databases: connected so that nothing can be written, refused where that cannot be known.

What is told of a connection is the kind, host, port and database. A password has no place in
a URL, and the message of a database is never passed on: it may hold a row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from costeff.errors import CosteffError, DataError, Problem, SetupError, UsageError

if TYPE_CHECKING:
    import ibis.expr.types as ir

TITLE = "The register cannot be opened"
FILES = (".duckdb", ".ddb")
SECRETS = ("pass", "pwd", "token", "secret", "credential", "apikey", "api_key", "private_key")
NOT_SECRET = ("passfile",)
POSTGRES = ("postgresql", "postgres")
WORK_MEMORY = "256MB"  # for each sort of the session: a million clients by their pseudonym then stay off the disk
POSTGRES_OPTIONS = (
    "schema host port user connect_timeout passfile service sslmode sslrootcert sslcert sslkey target_session_attrs"
).split()
FILE_ROLES = ("pg_read_server_files", "pg_write_server_files", "pg_execute_server_program")
# One statement after which a session of that database refuses to write.
READ_ONLY = {
    "sqlite": "PRAGMA query_only = ON",
    "mysql": "SET SESSION TRANSACTION READ ONLY",
}


@dataclass(frozen=True)
class Database:
    """An open database: what it is called, and its tables by name, as they stand there."""

    backend: Any
    label: str
    tables: tuple[str, ...]
    unreadable: tuple[str, ...] = ()
    schema: str | None = None
    at: str = field(default="", repr=False)

    def find(self, name: str) -> str | None:
        """The table of that name, written as it may be; None where there is none."""
        like = [table for table in self.tables if table.casefold() == name.casefold()]
        return name if name in like else like[0] if len(like) == 1 else None

    def _enumerations(self, table: str) -> list[str]:
        """Columns of an enumeration of PostgreSQL, which compares with nothing but its own words."""
        if self.backend.name != "postgres":
            return []
        found = self.backend.con.execute(
            "SELECT attname FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid JOIN pg_class ON pg_class.oid = "
            "attrelid WHERE typtype = 'e' AND NOT attisdropped AND relname = %s AND relnamespace = "
            "(SELECT oid FROM pg_namespace WHERE nspname = current_schema())",
            (table,),
        )
        return [name for (name,) in found.fetchall()]

    def rows(self, table: str) -> ir.Table:
        """The rows of a table, with the names of its columns in small letters where they differ by that only."""
        with told_plainly(self.at):
            rows = _of_known_types(self.backend.table(table), self._enumerations(table))
        small = [name.lower() for name in rows.columns]
        return rows.rename(str.lower) if len(set(small)) == len(small) and small != list(rows.columns) else rows


def _of_known_types(rows: ir.Table, enumerations: Collection[str]) -> ir.Table:
    """A database's own types, such as an enumeration, as text; money, which Ibis takes for decimal(19, 4), as one."""
    kinds = rows.schema().items()
    texts = {name: rows[name].cast("string") for name, kind in kinds if kind.is_unknown() or kind.is_uuid()}
    money = [name for name, kind in kinds if kind.is_decimal() and (kind.precision, kind.scale) == (19, 4)]
    texts |= {name: rows[name].concat("") for name in enumerations}  # taken for text already: a cast would be left out
    columns = texts | {name: rows[name].cast("decimal(20, 4)") for name in money}
    return rows.mutate(**columns) if columns else rows


def is_url(source: str | Path) -> bool:
    return isinstance(source, str) and "://" in source


def refuse_no_path(path: Path) -> None:
    """Tell what no file can be called.

    Raises
    ------
    DataError
        For a path that is too long, or that holds what a path cannot.
    """
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no file can have that name"
        cure = "check the path and its rights"
        raise DataError(TITLE, [Problem("source", f"cannot be opened ({reason})", cure)]) from None


def shown(source: str | Path) -> str:
    """A source as it may be shown and kept: of a URL kind, host, port and database, nobody's name and no option.

    What is neither a URL nor a path, but may be meant as the words of a connection, is not shown.
    """
    if not is_url(source):
        text = str(source)
        secret = ":/" in text or "@" in text or any(word in text.lower() for word in SECRETS if "=" in text)
        return "source" if secret else text
    try:
        url = urlsplit(str(source))
        host, port = url.hostname or "", f":{url.port}" if url.port else ""
    except ValueError:
        return "the URL"
    return "the URL" if "@" in url.path else f"{url.scheme}://{host}{port}{url.path}"


def connect(source: str) -> Database:
    """Open the database of a URL, so that nothing can be written to it.

    Raises
    ------
    UsageError
        For a URL that cannot be read, or that holds a password.
    SetupError
        When the server is not there, its driver is not installed, or the role may do too much.
    DataError
        When what the URL names is not such a database.
    """
    url = _checked(source)
    if url.scheme == "duckdb":
        return open_duckdb(Path(unquote(url.netloc + url.path)))
    if url.scheme in POSTGRES:
        return _postgres(url)
    return _other(source, url)


def _checked(source: str) -> SplitResult:
    try:
        url = urlsplit(source)
        port_is_a_number = url.port is None or url.port > 0
    except ValueError:
        port_is_a_number = False
    if not port_is_a_number or (url.netloc and "@" in url.path):
        cure = "write postgresql://user@host:port/database; a password does not belong there"
        raise UsageError(TITLE, [Problem("source", "is not a URL that can be read", cure)])
    named = [name for name, _ in parse_qsl(url.query, keep_blank_values=True)]
    secret = [n for n in named if n.lower() not in NOT_SECRET and any(word in n.lower() for word in SECRETS)]
    if url.password is not None or secret:
        cure = (
            "leave it out of the URL and change it: it stands in the shell's history by now. Give it in ~/.pgpass "
            "(mode 0600), in a file named by ?passfile=, or in the environment variable PGPASSWORD"
        )
        raise UsageError(TITLE, [Problem("source", "holds a password", cure)])
    return url


# --- DuckDB -------------------------------------------------------------------------------------

DUCKDB = {
    "temp_directory": "",  # rows of clients never spill to disk
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "preserve_insertion_order": "true",  # row numbers are those of the file
    # What a query has given back is not kept for the next one: a fifth less memory, no more time.
    "allocator_flush_threshold": "8MB",
    "allocator_bulk_deallocation_flush_threshold": "8MB",
}


def memory() -> Any:
    """A DuckDB database in memory that may still read files: `lock` it when they are read."""
    import ibis

    return _quiet(ibis.duckdb.connect(**DUCKDB))


def lock(backend: Any) -> None:
    """No file, no other database, no extension, and no way back; other databases have their own locks."""
    if backend.name != "duckdb":
        return
    if backend.con.execute("SELECT current_setting('lock_configuration')").fetchall() == [(False,)]:
        for setting in ("enable_external_access=false", "lock_configuration=true"):
            backend.con.execute(f"SET {setting}")


def _quiet(backend: Any) -> Any:
    if backend.con.execute("SELECT current_setting('enable_progress_bar')").fetchall() == [(True,)]:
        # Only where it is on: in Jupyter without ipywidgets even switching it off is an error.
        backend.con.execute("SET enable_progress_bar=false")
    return backend


def open_duckdb(file: Path) -> Database:
    """A DuckDB file, read only and locked."""
    import duckdb
    import ibis

    at = f"duckdb://{file}"
    if not file.is_file():
        rule = "is not a file" if file.exists() else "does not exist"
        raise DataError(TITLE, [Problem(at, rule, "give the path of a DuckDB database")])
    try:
        backend = _quiet(ibis.duckdb.connect(file, read_only=True, **DUCKDB))
        lock(backend)
        query = "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
        tables = tuple(name for (name,) in backend.con.execute(query).fetchall())
    except duckdb.IOException as error:
        if "lock" in str(error).lower():
            rule, cure = "is open for writing in another program", "close it there, or make the extract again"
        else:
            rule, cure = "is not a DuckDB database, or cannot be read", "check the path, its rights, and the version"
        raise DataError(TITLE, [Problem(at, rule, cure)]) from None
    except duckdb.Error:
        cure = "write it with this version of DuckDB, or as Parquet"
        raise DataError(TITLE, [Problem(at, "is not a DuckDB database that can be read", cure)]) from None
    return Database(backend, file.stem, tables, at=at)


# --- PostgreSQL ---------------------------------------------------------------------------------


def _postgres(url: SplitResult) -> Database:
    """One read-only transaction over a whole session: the rows are those of one moment, whoever writes meanwhile."""
    import ibis
    import psycopg

    options = dict(parse_qsl(url.query, keep_blank_values=True))
    if unknown := sorted(set(options) - set(POSTGRES_OPTIONS)):
        problem = Problem(f"source {', '.join(unknown)}", "is not an option", f"use {', '.join(POSTGRES_OPTIONS)}")
        raise UsageError(TITLE, [problem])
    schema = options.pop("schema", None)
    given = {"host": url.hostname, "port": url.port, "user": url.username, "dbname": url.path.strip("/")}
    given = {name: unquote(value) if isinstance(value, str) else value for name, value in given.items() if value}
    at = shown(url.geturl())
    try:
        connection = psycopg.connect(
            **{"connect_timeout": 15, **given, **options},  # type: ignore[arg-type]
            options="-c default_transaction_read_only=on",
            application_name="costeff",
        )
    except psycopg.OperationalError as error:
        raise _not_connected(error, at) from None
    except psycopg.Error:
        cure = "write postgresql://user@host:port/database?schema=name"
        raise UsageError(TITLE, [Problem(at, "cannot be connected to with these options", cure)]) from None
    try:
        connection.read_only = True
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with told_plainly(at):
            _refuse_mighty(connection, at)
            # Compiling a query takes longer than most of these take; and a server may be older than the setting.
            connection.execute("SELECT set_config(name, 'off', false) FROM pg_settings WHERE name = 'jit'")
            connection.execute(f"SELECT set_config('work_mem', '{WORK_MEMORY}', false)")
            if schema is not None:
                connection.execute(
                    "SELECT set_config('search_path', %s, false)", ('"' + schema.replace('"', '""') + '"',)
                )
            backend = ibis.postgres.from_connection(connection)
            names, unreadable, current = _postgres_tables(connection)
        if current is None:
            rule = "has no schema of that name that this role may use" if schema else "has no schema this role may use"
            cure = "check ?schema=; the owner gives access with: GRANT USAGE ON SCHEMA name TO role"
            raise DataError(TITLE, [Problem(at, rule, cure)])
    except CosteffError:
        connection.close()
        raise
    return Database(backend, str(given.get("dbname") or "register"), names, unreadable, current, at)


def _not_connected(error: Any, at: str) -> CosteffError:
    """Why there is no connection, in words; the server's own may name a role or a rule of its files."""
    said = str(error).lower()
    for sign, rule, cure in (
        ("password", "wants a password, or another one", "give it in ~/.pgpass (mode 0600) or in PGPASSWORD"),
        ("authentication", "does not let this user in", "check the user, and how the server lets it in (pg_hba.conf)"),
        ("pg_hba", "does not let this user in from here", "ask the server's owner for a rule in pg_hba.conf"),
        ("role", "has no such user", "check the user in the URL"),
        ("database", "has no such database, or the user may not connect to it", "check the name in the URL"),
        ("service", "names a service that is not known", "check ~/.pg_service.conf"),
    ):
        if sign in said:
            return SetupError(TITLE, [Problem(at, rule, cure)])
    return SetupError(TITLE, [Problem(at, "no server answers", "check host, port, and that the server is running")])


def _refuse_mighty(connection: Any, at: str) -> None:
    """Who may write files or run programs on the server can do so in a read-only session too."""
    mighty = connection.execute(
        "SELECT rolsuper FROM pg_roles WHERE rolname = current_user UNION ALL "
        "SELECT pg_has_role(rolname, 'member') FROM pg_roles WHERE rolname = ANY(%s)",
        (list(FILE_ROLES),),
    ).fetchall()
    if any(may for (may,) in mighty):
        cure = (
            "let the owner make a role that only reads: CREATE ROLE costeff_reader LOGIN; "
            "GRANT USAGE ON SCHEMA name TO costeff_reader; GRANT SELECT ON ALL TABLES IN SCHEMA name TO costeff_reader"
        )
        rule = "the role is a superuser, or may read and write files of the server"
        raise SetupError(TITLE, [Problem(at, rule, cure)])


def _postgres_tables(connection: Any) -> tuple[tuple[str, ...], tuple[str, ...], str | None]:
    """Tables and views of the schema that may be read, those that may not, and the schema."""
    (schema,) = connection.execute("SELECT current_schema()").fetchone()
    found = connection.execute(
        "SELECT relname, has_table_privilege(oid, 'SELECT') FROM pg_class "
        "WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %s) AND relkind = ANY('{r,v,m,f,p}')",
        (schema,),
    ).fetchall()
    return tuple(name for name, may in found if may), tuple(name for name, may in found if not may), schema


# --- any other database Ibis knows ----------------------------------------------------------------


def _other(source: str, url: SplitResult) -> Database:
    import ibis
    from ibis.util import backend_entry_points

    known = {entry.name for entry in backend_entry_points()} - {"duckdb", "postgres"}
    at = shown(source)
    if url.scheme not in known:
        cure = f"use duckdb, postgresql, or one that Ibis knows: {', '.join(sorted(known))}"
        raise UsageError(TITLE, [Problem("source", "is not a kind of database that is known", cure)])
    if not url.hostname and not Path(unquote(url.path)).is_file():
        raise DataError(TITLE, [Problem(at, "does not exist", "give the path of a database file")])
    try:
        backend = ibis.connect(source)
        if url.scheme in READ_ONLY:
            backend.raw_sql(READ_ONLY[url.scheme])
        tables = tuple(backend.list_tables())
    except ImportError as error:
        rule = f"needs the Python package {error.name}" if error.name else "needs a driver that is not installed"
        raise SetupError(TITLE, [Problem(at, rule, "install it beside costeff")]) from None
    except Exception:  # each driver has its own errors, and their messages may hold what was sent
        cure = "check host, port, user, database, and how the password is given"
        raise SetupError(TITLE, [Problem(at, "cannot be connected to", cure)]) from None
    label = Path(unquote(url.path)).stem or url.hostname or url.scheme
    return Database(backend, label, tables, at=at)


# --- what all share -----------------------------------------------------------------------------

SQLSTATES: Mapping[str, tuple[str, str]] = {
    "42501": ("a table or view may not be read by this role", "GRANT SELECT on it, and on what a view reads"),
    "57014": ("a query was cancelled or took longer than the server allows", "raise statement_timeout of the role"),
    "25006": ("a query wanted to write, and this session only reads", "check the views: one calls what writes"),
}


@contextmanager
def told_plainly(at: str) -> Iterator[None]:
    """A database's own error becomes one without its message, which may hold a row."""
    try:
        yield
    except Exception as error:
        if not _of_a_database(error):
            raise
        state = str(getattr(error, "sqlstate", "") or "")
        if state in SQLSTATES:
            rule, cure = SQLSTATES[state]
        elif state.startswith("22"):
            rule = f"a value cannot be reckoned with (SQLSTATE {state})"
            cure = "check what the views compute: one divides by zero, or turns into a number or date what is none"
        elif "Permission" in type(error).__name__:
            rule, cure = "a view reads a file or another database", "store its rows in the database: none may be read"
        elif state.startswith(("08", "57P")):
            rule, cure = "the connection was lost", "try again, or ask the server's owner"
        elif "Memory" in type(error).__name__:
            rule, cure = "there is too little memory", "close other programs, or give the register as a DuckDB file"
        else:
            rule = f"the database failed ({f'SQLSTATE {state}' if state else type(error).__name__})"
            cure = (
                "read each table or view with SELECT count(*) in the database's own program: one cannot be read whole"
            )
        raise DataError("The register cannot be read", [Problem(at, rule, cure)]) from None


def _of_a_database(error: Exception) -> bool:
    """PEP 249: every driver's errors descend from its own class `Error`."""
    return any(kind.__name__ == "Error" and kind.__module__ != "builtins" for kind in type(error).__mro__)
