"""Empty files of a register, to be filled in: header lines, a mapping to adapt, and what every column means."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from costeff.errors import Problems, UsageError
from costeff.records.declare import Table
from costeff.records.dictionary import TITLE, dictionary_markdown
from costeff.records.folders import whole_folder, write_json
from costeff.records.info import INFO_FILE
from costeff.records.mapping import MAPPING_FILE
from costeff.records.tables import RISK_GROUPS, TABLES
from costeff.spec import LANGUAGES, Label, Language

README_FILE = "README.md"

HOW = Label(
    fi="""Täytä tiedostot näin:

1. Kirjoita tietueet otsikkorivin alle. Erotin on puolipiste. Päivämäärä kirjoitetaan 2024-01-31 tai 31.1.2024.
   Luvussa on desimaalipilkku tai -piste, mutta samassa sarakkeessa aina sama.
2. Asiakkaalla on pseudonyymi, ei koskaan henkilötunnusta. Sama pseudonyymi on kaikissa tauluissa.
3. Kuntanumerossa on kolme numeroa: 091, ei 91. Taulukkolaskenta poistaa alkunollat, joten muotoile sarake tekstiksi.
4. Poista vapaaehtoiset taulut, joita ei ole kerätty, ja niiden rivit mapping.yaml-tiedostosta.
5. Jos omat taulusi ja sarakkeesi ovat eri nimisiä, säilytä omat nimet ja muuta mapping.yaml-tiedostoa.
   Jos nimet ovat samat kuin tässä, voit poistaa mapping.yaml-tiedoston.
6. Kirjoita register.json-tiedostoon, mistä aineistosta on kyse, ja lisää siihen data_date:
   päivä, johon asti aineisto kertoo, esimerkiksi "data_date": "2024-12-31".
7. Tarkista: costeff data check KANSIO. Kaikki puutteet kerrotaan kerralla, ilman yhtään arvoa.

Kansiossa on asiakastietoja, kun se on täytetty. Säilytä se siellä, missä asiakastietoja saa säilyttää.""",
    sv="""Fyll i filerna så här:

1. Skriv raderna under rubrikraden. Skiljetecknet är semikolon. Ett datum skrivs 2024-01-31 eller 31.1.2024.
   Tal har decimalkomma eller decimalpunkt, men alltid samma i en kolumn.
2. Klienten har en pseudonym, aldrig en personbeteckning. Samma pseudonym står i alla tabeller.
3. Kommunens nummer har tre siffror: 091, inte 91. Kalkylprogram tar bort inledande nollor: formatera kolumnen som text.
4. Ta bort de frivilliga tabeller som inte har samlats in, och deras rader i mapping.yaml.
5. Har dina tabeller och kolumner andra namn, behåll dina namn och ändra mapping.yaml.
   Är namnen desamma som här kan du ta bort mapping.yaml.
6. Skriv i register.json vilka uppgifter det gäller, och lägg till data_date:
   den dag som uppgifterna sträcker sig till, till exempel "data_date": "2024-12-31".
7. Kontrollera: costeff data check MAPP. Alla brister berättas på en gång, utan ett enda värde.

Mappen innehåller klientuppgifter när den är ifylld. Förvara den där klientuppgifter får förvaras.""",
    en="""Fill in the files like this:

1. Write the rows below the header line. The separator is a semicolon. A date is written 2024-01-31 or 31.1.2024.
   A number has a decimal comma or a decimal point, but always the same one in a column.
2. A client has a pseudonym, never an identity code. The same pseudonym stands in all tables.
3. The code of a municipality has three digits: 091, not 91. Spreadsheets drop leading zeros: format the column as text.
4. Remove the optional tables that were not collected, and their lines in mapping.yaml.
5. If your tables and columns have other names, keep your names and change mapping.yaml.
   If the names are those used here, you may remove mapping.yaml.
6. Write in register.json which data these are, and add data_date:
   the day up to which the data tell, for example "data_date": "2024-12-31".
7. Check: costeff data check FOLDER. All problems are told at once, without a single value.

The folder holds client data once it is filled in. Keep it where client data may be kept.""",
)
MAPPING_HEAD = Label(
    fi="""Omat nimesi vasemmalla, tämän ohjelman nimet oikealla. Muuta vain vasenta puolta.
Jos taulullasi on toinen nimi, muuta myös taulun nimi ja lisää sen alle rivi: table: {table}
Jos koodisi ovat toiset, lisää taulun alle: values: {{risk_group: {codes}}}
Sarakkeet, joita ei lueta lainkaan: leave_out: [nimi]""",
    sv="""Dina egna namn till vänster, det här programmets namn till höger. Ändra bara den vänstra sidan.
Har din tabell ett annat namn, ändra också tabellens namn och lägg till raden: table: {table}
Är dina koder andra, lägg till under tabellen: values: {{risk_group: {codes}}}
Kolumner som inte alls läses: leave_out: [namn]""",
    en="""Your own names on the left, the names of this program on the right. Change the left side only.
If your table has another name, change the table's name too, and add the line: table: {table}
If your codes are others, add below the table: values: {{risk_group: {codes}}}
Columns that are not read at all: leave_out: [name]""",
)
NEW_LABEL = Label(fi="Täydennä: mikä aineisto", sv="Fyll i: vilka uppgifter", en="Fill in: which data these are")


def write_template(folder: str | Path, tables: Sequence[str] = (), language: Language = "en") -> Path:
    """Write empty files of a register, with everything needed to fill them in.

    Parameters
    ----------
    folder
        Appears complete or not at all.
    tables
        Names of tables, all of them unless told otherwise.
    language
        Of the explanations.

    Returns
    -------
    Path
        The folder: a .csv of one header line for each table (UTF-8 as spreadsheets know it,
        separated by semicolons), mapping.yaml, register.json and README.md.

    Raises
    ------
    UsageError
        For an unknown table or language.
    SetupError
        When the folder exists or cannot be written.
    """
    chosen = _chosen(tables, language)
    with whole_folder(Path(folder), "The template was not written") as draft:
        for name in chosen:
            (draft / f"{name}.csv").write_text(";".join(TABLES[name].names) + "\n", encoding="utf-8-sig")
        (draft / MAPPING_FILE).write_text(_mapping([TABLES[name] for name in chosen], language), encoding="utf-8")
        (draft / README_FILE).write_text(_readme(chosen, language), encoding="utf-8")
        write_json(draft / INFO_FILE, {"label": NEW_LABEL[language], "synthetic": False})
    return Path(folder)


def _chosen(tables: Sequence[str], language: str) -> list[str]:
    problems = Problems()
    if language not in LANGUAGES:
        problems.add(language, "is not one of the languages", "use fi, sv or en")
    for name in tables:
        if name not in TABLES:
            near = difflib.get_close_matches(name.lower(), TABLES, n=1)
            cure = f"did you mean {near[0]}?" if near else f"choose of {', '.join(TABLES)}"
            problems.add(name, "is not a table of a register", cure)
    problems.raise_if_any(UsageError, "The template was not written")
    return [name for name in TABLES if not tables or name in tables]


def _readme(tables: Sequence[str], language: Language) -> str:
    return f"# {TITLE[language]}\n\n{HOW[language]}\n\n{dictionary_markdown(language, tables)}\n"


def _mapping(tables: Sequence[Table], language: Language) -> str:
    """Every name mapped to itself; optional columns stand as comments, since they may be absent."""
    codes = "{" + ", ".join(f'"{number}": {group}' for number, group in enumerate(RISK_GROUPS, 1)) + "}"
    head = MAPPING_HEAD[language].format(table=tables[0].name, codes=codes)
    lines = [f"# {line}" for line in head.splitlines()] + ["tables:"]
    for table in tables:
        lines += [f"  {table.name}:  # {table.label[language]}", "    columns:"]
        for column in table.columns:
            unread = "# " if column.optional else ""
            lines.append(f"      {unread}{column.name}: {column.name}  # {column.label[language]}")
    return "\n".join(lines) + "\n"
