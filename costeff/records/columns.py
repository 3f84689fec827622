"""Columns and units that several tables of a register share."""

from __future__ import annotations

from typing import get_args

from costeff.records.declare import (
    KNOWN_MUNICIPALITY,
    NOT_AFTER_DATA,
    THREE_DIGITS,
    Column,
    Constraint,
    at_least,
    at_most,
    is_id,
    one_of,
    refers_to,
)
from costeff.spec import Label, Payer

PAYERS: tuple[str, ...] = get_args(Payer)

EUROS = Label(fi="euroa", sv="euro", en="EUR")
DAYS = Label(fi="päivää", sv="dagar", en="days")

CLIENT_LABEL = Label(
    fi="Asiakkaan pseudonyymi, ei henkilötunnus",
    sv="Klientens pseudonym, inte personbeteckning",
    en="Pseudonym of the client, never an identity code",
)
CLIENT_REFERENCE = Column(name="client", type="text", label=CLIENT_LABEL, constraints=(refers_to("clients"),))

MUNICIPALITY = Column(
    name="municipality",
    type="text",
    label=Label(fi="Kotikunnan numero", sv="Hemkommunens nummer", en="Code of the municipality of residence"),
    constraints=(THREE_DIGITS, KNOWN_MUNICIPALITY),
)
PROVIDER = Column(
    name="provider",
    type="text",
    optional=True,
    label=Label(fi="Palveluntuottajan tunnus", sv="Tjänsteproducentens id", en="Id of the provider"),
    constraints=(is_id("child_services"),),
)
SERVICE = Column(
    name="service",
    type="text",
    optional=True,
    label=Label(fi="Palvelun tunnus", sv="Tjänstens id", en="Id of the service given"),
    constraints=(is_id("family_work"),),
)
PAYER = Column(
    name="payer",
    type="text",
    label=Label(fi="Kenen menosta on kyse", sv="Vem som betalar", en="Who pays"),
    constraints=(one_of(PAYERS),),
)


FIRST_DAY, LAST_DAY = "1900-01-01", "2100-01-01"
TYPED_WRONG = "correct the year; where a day is not known leave it out, and do not write a stand-in such as 31.12.9999"
NOT_BEFORE_1900 = Constraint(
    kind="at_least",
    value=FIRST_DAY,
    label=Label(fi="aikaisintaan 1.1.1900", sv="tidigast 1.1.1900", en="not before 1900-01-01"),
    rule=f"is before {FIRST_DAY}",
    cure=TYPED_WRONG,
)
NOT_AFTER_2100 = Constraint(
    kind="at_most",
    value=LAST_DAY,
    label=Label(fi="viimeistään 1.1.2100", sv="senast 1.1.2100", en="not after 2100-01-01"),
    rule=f"is after {LAST_DAY}",
    cure=TYPED_WRONG,
)


def date_column(name: str, label: Label, *constraints: Constraint, empty: Label | None = None) -> Column:
    """A day that has been; `empty` tells what it means that there is none."""
    rules = (*constraints, NOT_BEFORE_1900, NOT_AFTER_2100, NOT_AFTER_DATA)
    return Column(name=name, type="date", label=label, empty=empty, constraints=rules)


def cost_column(label: Label, negative: str, too_large: str) -> Column:
    """Euros, zero or more; the cures are of costs below zero and beyond all measure."""
    limits = (at_least(0, negative), at_most(1e9, too_large))
    return Column(name="cost", type="number", label=label, unit=EUROS, constraints=limits)
