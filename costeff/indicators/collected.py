"""What was collected in a register: rows, what is empty, what is zero, and what the check says of it."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from costeff.disclosure.tables import Count, Fact, Key, Kind, Protected, Rate, protect
from costeff.errors import DataError
from costeff.records import Register, check
from costeff.records.typed import null_of

OF_COLUMNS: dict[str, Kind] = {
    "table": Key(),
    "column": Key(),
    "rows": Count(),
    "empty": Count("rows"),
    "share_empty": Rate("empty", "rows"),
    "zero": Count("rows"),
    "empty_means": Fact(),
}
OF_TABLES: dict[str, Kind] = {
    "table": Key(),
    "all": Count(),
    "clients": Count("all"),
    "without": Count("all"),
    "share_without": Rate("without", "all"),
}


def collected(register: Register, language: str = "en") -> Protected:
    """What stands in each column of a register that holds together, counted where the rows lie, for showing.

    Empty is what its declaration says: *not collected*, unless it says otherwise. A zero is a zero. *Suppressed* is
    not among them: a mark of suppression breaks the check, since nobody can reckon with it.

    Returns
    -------
    Protected
        Columns table, column, rows, empty, share_empty, zero (of numbers), empty_means (in `language`). Counts are
        rounded, and missing where they, or what they leave, are under the threshold: also where there is none.
    """
    parts = []
    for name in register.stored:
        rows = register.rows(name)
        there = [column for column in register.tables[name].columns if column.name in rows.columns]
        empty = {f"empty {one.name}": null_of(rows[one.name]).sum() for one in there}
        numbers = [one.name for one in there if rows[one.name].type().is_numeric()]
        zero = {f"zero {column}": (rows[column] == 0).sum() for column in numbers}
        found = register.run(rows.aggregate(rows=rows.count(), **empty, **zero)).fillna(0).iloc[0].astype("int64")
        parts += [
            {
                "table": name,
                "column": one.name,
                "rows": found["rows"],
                "empty": found[f"empty {one.name}"],
                "zero": found.get(f"zero {one.name}", 0),
                "empty_means": one.meaning_of_empty[language] if one.meaning_of_empty else "",
            }
            for one in there
        ]
    return protect(pd.DataFrame(parts), OF_COLUMNS, "rows of the register")


def clients_without_rows(register: Register) -> Protected:
    """How many clients have a row in each table, and how many have none, for showing.

    Returns
    -------
    Protected
        Columns table, all (clients), clients (with a row), without, share_without.
    """
    names = [name for name in register.stored if name != "clients" and "client" in register.tables[name].names]
    everyone = register.rows("clients")
    whole = int(register.run(everyone.aggregate(n=everyone.count()))["n"][0])
    having = []
    for name in names:
        rows = everyone.semi_join(register.rows(name), "client")
        having.append(int(register.run(rows.aggregate(n=rows.count()))["n"][0]))
    table = pd.DataFrame({"table": names, "all": whole, "clients": having})
    return protect(table.assign(without=whole - table["clients"]), OF_TABLES, "clients by table")


def not_collected(register: Register) -> list[str]:
    """What is declared and is not in the register: tables, and columns (`table.column`) of those that are."""
    columns = {
        f"{name}.{column}"
        for name in register.stored
        for column in register.tables[name].names
        if column not in register.rows(name).columns
    }
    return sorted({*register.tables} - {*register.stored} | columns)


def told_by_check(register: Register, municipalities: Iterable[str] | None = None) -> pd.DataFrame:
    """What the check says of a register: place, rule and cure, a row a problem; no row where it holds together."""
    try:
        check(register, municipalities)
    except DataError as error:
        rows = [(problem.place, problem.rule, problem.cure) for problem in error.problems]
    else:
        rows = []
    return pd.DataFrame(rows, columns=["place", "rule", "cure"])
