"""The words in which the tables of a register are declared: columns, types, and the rules about their values."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from costeff.identity import LONGEST_WORD, PATTERN, WHOLE_PATTERN
from costeff.spec import Id, Label, Spec

ColumnType = Literal["text", "date", "number", "whole", "flag"]
ConstraintKind = Literal[
    "pattern",
    "not_pattern",
    "one_of",
    "above",
    "at_least",
    "at_most",
    "not_before",
    "not_after_data",
    "differs_from",
    "refers_to",
    "present_in",
    "one_per",
    "no_overlap",
    "known",
]


class Constraint(Spec):
    """One rule about a column: what it says in the dictionary, and how breaking it is told.

    `value` is what the kind needs: a pattern, a limit, the values allowed,
    another column, or another table. A text of letters a-z and digits alone, longer than
    `letters_and_digits_to`, cannot hold the pattern and is not searched for it.
    """

    kind: ConstraintKind
    value: str | float | tuple[str, ...] = ""
    letters_and_digits_to: int | None = None
    label: Label
    rule: str
    cure: str


NOT_COLLECTED = Label(fi="ei kerätty", sv="inte insamlat", en="not collected")


class Column(Spec):
    """One column.

    An `optional` one may be absent from a file. A value may be empty where `empty` says
    what that means; in an optional column it means that the value was not collected.
    `unit` is that of a number.
    """

    name: Id
    type: ColumnType
    label: Label
    unit: Label | None = None
    optional: bool = False
    empty: Label | None = None
    constraints: tuple[Constraint, ...] = ()

    @property
    def meaning_of_empty(self) -> Label | None:
        """What an empty value tells; None where it is an error."""
        return self.empty or (NOT_COLLECTED if self.optional else None)


class Table(Spec):
    """One table: its columns, and the columns that together name a row (`key`, empty if none do).

    A register may lack an `optional` table; one that is there obeys its rules as the others do.
    """

    name: Id
    label: Label
    columns: tuple[Column, ...]
    key: tuple[Id, ...] = ()
    optional: bool = False

    @model_validator(mode="after")
    def _key_is_declared(self) -> Self:
        if unknown := set(self.key) - set(self.names):
            raise ValueError(f"the key names columns that are not declared: {sorted(unknown)}")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def required(self) -> tuple[str, ...]:
        """The columns that must be there."""
        return tuple(column.name for column in self.columns if not column.optional)

    def without(self, *names: str) -> Table:
        """The same table with some columns not collected."""
        return self.override(columns=tuple(column for column in self.columns if column.name not in names))

    def replacing(self, column: Column) -> Table:
        """The same table with one column declared otherwise."""
        return self.override(columns=tuple(column if old.name == column.name else old for old in self.columns))

    def adding(self, *columns: Column) -> Table:
        """The same table with more columns collected."""
        return self.override(columns=(*self.columns, *columns))


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


def present_if_there(table: str, cure: str) -> Constraint:
    """Every value stands in an optional table at least once, when the register has that table."""
    return present_in(table, cure).override(
        label=Label(
            fi=f"ainakin yksi rivi taulussa {table}, jos taulu on",
            sv=f"minst en rad i tabellen {table}, om den finns",
            en=f"at least one row in the table {table}, if there is one",
        )
    )


def at_least(limit: float, cure: str) -> Constraint:
    shown = _thousands(limit)
    return Constraint(
        kind="at_least",
        value=float(limit),
        label=Label(fi=f"vähintään {shown}", sv=f"minst {shown}", en=f"at least {shown}"),
        rule="is negative" if limit == 0 else f"is less than {shown}",
        cure=cure,
    )


def at_most(limit: float, cure: str) -> Constraint:
    shown = _thousands(limit)
    return Constraint(
        kind="at_most",
        value=float(limit),
        label=Label(fi=f"enintään {shown}", sv=f"högst {shown}", en=f"at most {shown}"),
        rule=f"is more than {shown}",
        cure=cure,
    )


def is_id(example: str) -> Constraint:
    return Constraint(
        kind="pattern",
        value=r"^[a-z][a-z0-9_]*$",
        label=Label(
            fi="pieniä kirjaimia a-z, numeroita ja alaviivoja",
            sv="små bokstäver a-z, siffror och understreck",
            en="small letters a-z, digits and underscores",
        ),
        rule="is not an id",
        cure=f"write small letters a-z, digits and underscores, for example {example}",
    )


def differs_from(column: str, cure: str) -> Constraint:
    return Constraint(
        kind="differs_from",
        value=column,
        label=Label(fi=f"muu kuin {column}", sv=f"annan än {column}", en=f"other than {column}"),
        rule=f"is the same as {column}",
        cure=cure,
    )


def _thousands(limit: float) -> str:
    return f"{limit:,.0f}".replace(",", " ")


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
NOT_AFTER_DATA = Constraint(
    kind="not_after_data",
    label=Label(
        fi="viimeistään aineiston päivänä (data_date)",
        sv="senast på uppgifternas datum (data_date)",
        en="not after the date of the data (data_date)",
    ),
    rule="is after the date of the data",
    cure="leave out what has only been planned, end what goes on with data_date, or correct data_date in register.json",
)
NO_OVERLAP = Constraint(
    kind="no_overlap",
    value=("client", "end"),
    label=Label(
        fi="asiakkaan edellisen jakson päättymisen jälkeen",
        sv="efter att klientens föregående period har slutat",
        en="after the client's period before it has ended",
    ),
    rule="is not after the end of an earlier period of the client",
    cure="end a period on the day before the next one starts; only the last one may be without an end",
)
NOT_AN_IDENTITY_CODE = Constraint(
    kind="not_pattern",
    value=f"{PATTERN}|{WHOLE_PATTERN}",
    letters_and_digits_to=LONGEST_WORD,
    label=Label(fi="ei henkilötunnus", sv="inte en personbeteckning", en="not an identity code"),
    rule="looks like a personal identity code",
    cure="give the clients pseudonyms where the codes lie, and send only those: costeff link pseudonymise",
)
PLAIN_LETTERS = Constraint(
    kind="not_pattern",
    value=r"[^ -~]",
    letters_and_digits_to=0,
    label=Label(
        fi="vain kirjaimia a-z, numeroita ja tavallisia merkkejä (ASCII)",
        sv="bara bokstäver a-z, siffror och vanliga tecken (ASCII)",
        en="letters a-z, digits and plain signs only (ASCII)",
    ),
    rule="has a character outside ASCII",
    cure="make pseudonyms of a-z and 0-9; an identity code can hide in other digits, dashes and invisible signs",
)
