"""The tables of a register, each declared once: checks, documentation and synthetic data follow from here."""

from __future__ import annotations

from typing import Literal, Self

import pandas as pd
from pydantic import model_validator

from costeff.draws import OPTIONS
from costeff.spec import Id, Label, Language, Spec

ColumnType = Literal["text", "date", "number", "flag"]
ConstraintKind = Literal[
    "pattern", "one_of", "above", "at_least", "at_most", "not_before", "refers_to", "present_in", "one_per", "known"
]

RISK_GROUPS = ("low", "middle", "high")


class Constraint(Spec):
    """One rule about a column: what it says in the dictionary, and how breaking it is told.

    `value` is what the kind needs: a pattern, a limit, the values allowed,
    another column, or another table.
    """

    kind: ConstraintKind
    value: str | float | tuple[str, ...] = ""
    label: Label
    rule: str
    cure: str


class Column(Spec):
    """One column. Every column must be there, and none of its values may be missing."""

    name: Id
    type: ColumnType
    label: Label
    constraints: tuple[Constraint, ...] = ()


class Table(Spec):
    """One table: its columns, and the columns that together name a row (`key`, empty if none do)."""

    name: Id
    label: Label
    columns: tuple[Column, ...]
    key: tuple[Id, ...] = ()

    @model_validator(mode="after")
    def _key_is_declared(self) -> Self:
        if unknown := set(self.key) - set(self.names):
            raise ValueError(f"the key names columns that are not declared: {sorted(unknown)}")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def without(self, *names: str) -> Table:
        """The same table with some columns not collected."""
        return self.override(columns=tuple(column for column in self.columns if column.name not in names))

    def replacing(self, column: Column) -> Table:
        """The same table with one column declared otherwise."""
        return self.override(columns=tuple(column if old.name == column.name else old for old in self.columns))


TYPE_LABELS: dict[ColumnType, Label] = {
    "text": Label(fi="teksti", sv="text", en="text"),
    "date": Label(fi="päivämäärä VVVV-KK-PP", sv="datum ÅÅÅÅ-MM-DD", en="date YYYY-MM-DD"),
    "number": Label(fi="luku", sv="tal", en="number"),
    "flag": Label(fi="true tai false", sv="true eller false", en="true or false"),
}

UNIQUE_LABEL = Label(fi="esiintyy vain kerran", sv="förekommer bara en gång", en="occurs only once")
KEY_LABEL = Label(
    fi="yhdistelmä {key} esiintyy vain kerran",
    sv="kombinationen {key} förekommer bara en gång",
    en="the combination {key} occurs only once",
)


# --- constraints --------------------------------------------------------------------------------


def one_of(values: tuple[str, ...]) -> Constraint:
    """Only the values named."""
    shown = ", ".join(values)
    return Constraint(
        kind="one_of",
        value=values,
        label=Label(fi=f"jokin näistä: {shown}", sv=f"någon av dessa: {shown}", en=f"one of: {shown}"),
        rule="is not one of the values allowed",
        cure=f"write one of: {shown}",
    )


def refers_to(table: str) -> Constraint:
    """The value stands in the column of the same name of another table."""
    return Constraint(
        kind="refers_to",
        value=table,
        label=Label(fi=f"löytyy taulusta {table}", sv=f"finns i tabellen {table}", en=f"is found in the table {table}"),
        rule=f"is not in the table {table}",
        cure=f"add the client to {table}, or leave the row out; the same pseudonym must be used in every table",
    )


def present_in(table: str, cure: str) -> Constraint:
    """Every value stands in another table at least once."""
    return Constraint(
        kind="present_in",
        value=table,
        label=Label(
            fi=f"ainakin yksi rivi taulussa {table}",
            sv=f"minst en rad i tabellen {table}",
            en=f"at least one row in the table {table}",
        ),
        rule=f"has no row in the table {table}",
        cure=cure,
    )


def at_most(limit: float, cure: str) -> Constraint:
    shown = f"{limit:,.0f}".replace(",", " ")
    return Constraint(
        kind="at_most",
        value=float(limit),
        label=Label(fi=f"enintään {shown}", sv=f"högst {shown}", en=f"at most {shown}"),
        rule=f"is more than {shown}",
        cure=cure,
    )


THREE_DIGITS = Constraint(
    kind="pattern",
    value=r"^[0-9]{3}$",
    label=Label(fi="kolme numeroa", sv="tre siffror", en="three digits"),
    rule="is not three digits",
    cure="codes have three digits; the leading zero is lost when a spreadsheet opens the file; write 091",
)
KNOWN_MUNICIPALITY = Constraint(
    kind="known",
    value="municipalities",
    label=Label(fi="voimassa oleva kunta", sv="en gällande kommun", en="a municipality in force"),
    rule="is not the code of a municipality",
    cure="check the code; clients of a merged municipality take the code of the new one",
)
OUTCOME_ID = Constraint(
    kind="pattern",
    value=r"^[a-z][a-z0-9_]*$",
    label=Label(
        fi="pieniä kirjaimia a-z, numeroita ja alaviivoja",
        sv="små bokstäver a-z, siffror och understreck",
        en="small letters a-z, digits and underscores",
    ),
    rule="is not an id",
    cure="write small letters a-z, digits and underscores, for example taking_into_care",
)
NOT_NEGATIVE = Constraint(
    kind="at_least",
    value=0.0,
    label=Label(fi="vähintään 0", sv="minst 0", en="at least 0"),
    rule="is negative",
    cure="a cost is money out, zero or more; move refunds and client fees elsewhere",
)
POSITIVE = Constraint(
    kind="above",
    value=0.0,
    label=Label(fi="suurempi kuin 0", sv="större än 0", en="greater than 0"),
    rule="is not greater than zero",
    cure="count days from the start of the service; an event on the first day is at day 1",
)
NOT_BEFORE_START = Constraint(
    kind="not_before",
    value="start",
    label=Label(fi="aikaisintaan start", sv="tidigast start", en="not before start"),
    rule="is before the start",
    cure="check whether start and end have changed places",
)
ONE_OPTION_PER_CLIENT = Constraint(
    kind="one_per",
    value="client",
    label=Label(
        fi="sama kaikissa asiakkaan jaksoissa",
        sv="samma i klientens alla perioder",
        en="the same in all episodes of a client",
    ),
    rule="is not the same in all episodes of a client",
    cure="decide by the first episode which option the client belongs to, and write it in every episode",
)


# --- tables -------------------------------------------------------------------------------------

CLIENT_LABEL = Label(
    fi="Asiakkaan pseudonyymi, ei henkilötunnus",
    sv="Klientens pseudonym, inte personbeteckning",
    en="Pseudonym of the client, never an identity code",
)
CLIENT_REFERENCE = Column(name="client", type="text", label=CLIENT_LABEL, constraints=(refers_to("clients"),))

CLIENTS = Table(
    name="clients",
    label=Label(fi="Asiakkaat, rivi asiakasta kohti", sv="Klienter, en rad per klient", en="Clients, a row each"),
    key=("client",),
    columns=(
        Column(
            name="client",
            type="text",
            label=CLIENT_LABEL,
            constraints=(
                present_in("episodes", "add an episode, or leave the client out: without one the option is not known"),
                present_in("outcomes", "add the time followed with event false, or leave the client out"),
            ),
        ),
        Column(
            name="municipality",
            type="text",
            label=Label(fi="Kotikunnan numero", sv="Hemkommunens nummer", en="Code of the municipality of residence"),
            constraints=(THREE_DIGITS, KNOWN_MUNICIPALITY),
        ),
        Column(
            name="risk_group",
            type="text",
            label=Label(
                fi="Riskiryhmä ennen palvelun alkua",
                sv="Riskgrupp innan tjänsten började",
                en="Risk group before the service began",
            ),
            constraints=(one_of(RISK_GROUPS),),
        ),
    ),
)

EPISODES = Table(
    name="episodes",
    label=Label(
        fi="Palvelujaksot, yksi tai useampi asiakasta kohti",
        sv="Tjänsteperioder, en eller flera per klient",
        en="Service episodes, one or more for each client",
    ),
    columns=(
        CLIENT_REFERENCE,
        Column(
            name="option",
            type="text",
            label=Label(
                fi="Palvelu: tavanomainen (usual) vai uusi (new)",
                sv="Tjänst: sedvanlig (usual) eller ny (new)",
                en="The service: the usual one or the new one",
            ),
            constraints=(one_of(OPTIONS), ONE_OPTION_PER_CLIENT),
        ),
        Column(
            name="start", type="date", label=Label(fi="Alkamispäivä", sv="Startdatum", en="First day of the episode")
        ),
        Column(
            name="end",
            type="date",
            label=Label(fi="Päättymispäivä", sv="Slutdatum", en="Last day of the episode"),
            constraints=(NOT_BEFORE_START,),
        ),
        Column(
            name="cost",
            type="number",
            label=Label(fi="Jakson kustannus, euroa", sv="Periodens kostnad, euro", en="Cost of the episode, in euros"),
            constraints=(NOT_NEGATIVE, at_most(1e9, "give euros, not cents, and one episode in a row")),
        ),
    ),
)

OUTCOMES = Table(
    name="outcomes",
    label=Label(
        fi="Tulokset, rivi asiakasta ja tulosta kohti",
        sv="Resultat, en rad per klient och resultat",
        en="Outcomes, a row for each client and outcome",
    ),
    key=("client", "outcome"),
    columns=(
        CLIENT_REFERENCE,
        Column(
            name="outcome",
            type="text",
            label=Label(fi="Tuloksen tunnus", sv="Resultatets id", en="Id of the outcome"),
            constraints=(OUTCOME_ID,),
        ),
        Column(
            name="time",
            type="number",
            label=Label(
                fi="Päiviä palvelun alusta tapahtumaan tai seurannan loppuun",
                sv="Dagar från tjänstens början till händelsen eller uppföljningens slut",
                en="Days from the start of the service to the event or the end of follow-up",
            ),
            constraints=(POSITIVE, at_most(36525, "give days from the start of the service, not a date or seconds")),
        ),
        Column(
            name="event",
            type="flag",
            label=Label(
                fi="Tapahtuiko (true) vai päättyikö seuranta (false)",
                sv="Inträffade (true) eller slutade uppföljningen (false)",
                en="Did it happen (true), or did follow-up end (false)",
            ),
        ),
    ),
)

TABLES: dict[str, Table] = {table.name: table for table in (CLIENTS, EPISODES, OUTCOMES)}


def describe_tables(language: Language = "en") -> pd.DataFrame:
    """The data dictionary of a register, a row for each column.

    Parameters
    ----------
    language
        "fi", "sv" or "en".

    Returns
    -------
    DataFrame
        Columns table, column, type, meaning, rules; names of tables and
        columns are the ones the files use, the rest is in `language`.
    """
    rows = []
    for table in TABLES.values():
        for column in table.columns:
            rules = [constraint.label[language] for constraint in column.constraints]
            if table.key and column.name == table.key[-1]:
                label = KEY_LABEL if len(table.key) > 1 else UNIQUE_LABEL
                rules.insert(0, label[language].format(key=" + ".join(table.key)))
            rows.append(
                {
                    "table": table.name,
                    "column": column.name,
                    "type": TYPE_LABELS[column.type][language],
                    "meaning": column.label[language],
                    "rules": "; ".join(rules),
                }
            )
    return pd.DataFrame(rows)
