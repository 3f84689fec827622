"""The data dictionary of a register, out of the declaration of its tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pandas as pd

from costeff.records.declare import Column, ColumnType, Table
from costeff.records.tables import TABLES
from costeff.spec import LANGUAGES, Label, Language

TYPE_LABELS: dict[ColumnType, Label] = {
    "text": Label(fi="teksti", sv="text", en="text"),
    "date": Label(
        fi="päivämäärä, 2024-01-31 tai 31.1.2024",
        sv="datum, 2024-01-31 eller 31.1.2024",
        en="date, 2024-01-31 or 31.1.2024",
    ),
    "number": Label(fi="luku", sv="tal", en="number"),
    "whole": Label(fi="kokonaisluku", sv="heltal", en="whole number"),
    "flag": Label(fi="true tai false", sv="true eller false", en="true or false"),
}
OPTIONAL_TABLE = Label(fi="taulu on vapaaehtoinen", sv="tabellen är frivillig", en="the table is optional")
OPTIONAL_COLUMN = Label(fi="sarake on vapaaehtoinen", sv="kolumnen är frivillig", en="the column is optional")
HEADINGS = {
    "fi": ("Sarake", "Tyyppi", "Yksikkö", "Merkitys", "Säännöt"),
    "sv": ("Kolumn", "Typ", "Enhet", "Betydelse", "Regler"),
    "en": ("Column", "Type", "Unit", "Meaning", "Rules"),
}
EMPTY = Label(fi="saa olla tyhjä: {means}", sv="får vara tom: {means}", en="may be empty: {means}")
UNIQUE = Label(fi="esiintyy vain kerran", sv="förekommer bara en gång", en="occurs only once")
KEY = Label(
    fi="yhdistelmä {key} esiintyy vain kerran",
    sv="kombinationen {key} förekommer bara en gång",
    en="the combination {key} occurs only once",
)


def describe_tables(language: Language = "en", tables: Iterable[str] = tuple(TABLES)) -> pd.DataFrame:
    """The data dictionary of a register, a row for each column.

    Parameters
    ----------
    language
        "fi", "sv" or "en".
    tables
        Names of the tables described, all of `TABLES` unless told otherwise.

    Returns
    -------
    DataFrame
        Columns table, column, type, unit, meaning, rules; names of tables and columns are
        the ones the files use, the rest is in `language`. The rules of its first column
        tell that a table is optional.
    """
    return pd.DataFrame(
        {
            "table": table.name,
            "column": column.name,
            "type": TYPE_LABELS[column.type][language],
            "unit": column.unit[language] if column.unit else "",
            "meaning": column.label[language],
            "rules": "; ".join(_rules(table, column, language)),
        }
        for table in (TABLES[name] for name in tables)
        for column in table.columns
    )


def _rules(table: Table, column: Column, language: Language) -> Iterator[str]:
    if table.optional and column is table.columns[0]:
        yield OPTIONAL_TABLE[language]
    if table.key and column.name == table.key[-1]:
        yield (KEY if len(table.key) > 1 else UNIQUE)[language].format(key=" + ".join(table.key))
    if column.optional:
        yield OPTIONAL_COLUMN[language]
    if column.meaning_of_empty:
        yield EMPTY[language].format(means=column.meaning_of_empty[language])
    for constraint in column.constraints:
        yield constraint.label[language]


# --- as Markdown --------------------------------------------------------------------------------

NO_OTHERS = Label(
    fi="Muita sarakkeita ei saa olla. Arvo ei saa puuttua, ellei säännöissä lue, mitä tyhjä tarkoittaa. "
    "Nolla kirjoitetaan 0. Peitettyä arvoa (.., ..., *, <5, x) ei voi käyttää: se ei ole nolla eikä puuttuva.",
    sv="Andra kolumner får inte finnas. Ett värde får inte saknas, om inte reglerna säger vad tomt betyder. "
    "Noll skrivs 0. Ett dolt värde (.., ..., *, <5, x) kan inte användas: det är varken noll eller saknat.",
    en="There may be no other columns. No value may be missing, unless the rules say what empty means. "
    "Zero is written 0. A suppressed value (.., ..., *, <5, x) cannot be used: it is neither zero nor missing.",
)
TITLE = Label(fi="Rekisterin muuttujaluettelo", sv="Registrets variabelförteckning", en="Data dictionary of a register")
NAMES = {"fi": "Suomi", "sv": "Svenska", "en": "English"}


def dictionary_markdown(language: Language, tables: Iterable[str] = tuple(TABLES)) -> str:
    """The tables in one language: a heading, what a row is, and the columns of each."""
    parts = [NO_OTHERS[language]]
    for name in tables:
        described = describe_tables(language, [name]).drop(columns="table")
        rows = [(f"`{row[0]}`", *row[1:]) for row in described.itertuples(index=False, name=None)]
        lines = [HEADINGS[language], ("---",) * described.shape[1], *rows]
        table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
        parts.append(f"### {name}\n\n{TABLES[name].label[language]}.\n\n{table}")
    return "\n\n".join(parts)


def dictionary_page() -> str:
    """The page docs/reference/data_dictionary.md: every table in the three languages."""
    parts = [f"# {TITLE['en']}", "Written by `costeff data describe --page` from the declaration of the tables."]
    parts += [f"## {NAMES[language]}\n\n{dictionary_markdown(language)}" for language in LANGUAGES]
    return "\n\n".join(parts) + "\n"
