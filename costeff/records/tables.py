"""The tables of a register, each declared once: checks, documentation and synthetic data follow from here."""

from __future__ import annotations

import pandas as pd

from costeff.draws import OPTIONS
from costeff.records.declare import (
    KEY_LABEL,
    KNOWN_MUNICIPALITY,
    NOT_BEFORE_START,
    ONE_OPTION_PER_CLIENT,
    OPTIONAL_LABEL,
    POSITIVE,
    THREE_DIGITS,
    TYPE_LABELS,
    UNIQUE_LABEL,
    Column,
    Table,
    at_least,
    at_most,
    is_id,
    one_of,
    present_if_there,
    present_in,
    refers_to,
)
from costeff.spec import Label, Language

RISK_GROUPS = ("low", "middle", "high")

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
                present_if_there("counts", "add a row with count 0 for a client who had none, or leave the client out"),
                present_if_there("ends", "add an end such as ongoing or not_known, or leave the client out"),
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
            constraints=(
                at_least(0, "a cost is money out, zero or more; move refunds and client fees elsewhere"),
                at_most(1e9, "give euros, not cents, and one episode in a row"),
            ),
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
            constraints=(is_id("taking_into_care"),),
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

# --- optional tables ----------------------------------------------------------------------------

COUNTS = Table(
    name="counts",
    optional=True,
    label=Label(
        fi="Lukumäärät seurannassa, rivi asiakasta ja tulosta kohti",
        sv="Antal under uppföljningen, en rad per klient och resultat",
        en="Counts in the follow-up, a row for each client and outcome",
    ),
    key=("client", "outcome"),
    columns=(
        CLIENT_REFERENCE,
        Column(
            name="outcome",
            type="text",
            label=Label(fi="Laskettavan tunnus", sv="Id för det som räknas", en="Id of what is counted"),
            constraints=(is_id("days_in_care"),),
        ),
        Column(
            name="count",
            type="whole",
            label=Label(
                fi="Lukumäärä seurannan aikana, esimerkiksi päiviä",
                sv="Antal under uppföljningen, till exempel dagar",
                en="How many in the follow-up, for example days",
            ),
            constraints=(
                at_least(0, "a count is zero or more"),
                at_most(1e6, "count days, visits or the like of one client, not euros or seconds"),
            ),
        ),
    ),
)

MEASURE_LIMITS = (
    at_least(-1e9, "give the value in a larger unit"),
    at_most(1e9, "give the value in a larger unit"),
)
METERS = Table(
    name="meters",
    optional=True,
    label=Label(
        fi="Mittarit, rivi asiakasta ja mittaria kohti; kaikkia ei tarvitse mitata",
        sv="Mätare, en rad per klient och mätare; alla behöver inte mätas",
        en="Meters, a row for each client and meter; not everybody needs to be measured",
    ),
    key=("client", "meter"),
    columns=(
        CLIENT_REFERENCE,
        Column(
            name="meter",
            type="text",
            label=Label(fi="Mittarin tunnus", sv="Mätarens id", en="Id of the meter"),
            constraints=(is_id("functioning"),),
        ),
        Column(
            name="before",
            type="number",
            label=Label(
                fi="Mitattu ennen palvelun alkua",
                sv="Uppmätt innan tjänsten började",
                en="Measured before the service began",
            ),
            constraints=MEASURE_LIMITS,
        ),
        Column(
            name="after",
            type="number",
            label=Label(
                fi="Mitattu seurannan lopussa",
                sv="Uppmätt vid uppföljningens slut",
                en="Measured at the end of follow-up",
            ),
            constraints=MEASURE_LIMITS,
        ),
    ),
)

EXPERIENCE = Table(
    name="experience",
    optional=True,
    label=Label(
        fi="Asiakaskokemus, rivi asiakasta ja kysymystä kohti; kaikkien ei tarvitse vastata",
        sv="Klienterfarenhet, en rad per klient och fråga; alla behöver inte svara",
        en="Client experience, a row for each client and question; not everybody needs to answer",
    ),
    key=("client", "question"),
    columns=(
        CLIENT_REFERENCE,
        Column(
            name="question",
            type="text",
            label=Label(fi="Kysymyksen tunnus", sv="Frågans id", en="Id of the question"),
            constraints=(is_id("was_heard"),),
        ),
        Column(
            name="level",
            type="whole",
            label=Label(
                fi="Vastaus järjestysasteikolla, 1 on huonoin",
                sv="Svar på en ordningsskala, 1 är sämst",
                en="Answer on an ordered scale, 1 is the worst",
            ),
            constraints=(
                at_least(1, "number the answers from 1, the worst, upwards; leave out those who did not answer"),
                at_most(10, "number the answers from 1, the worst, to at most 10"),
            ),
        ),
    ),
)

ENDS = Table(
    name="ends",
    optional=True,
    label=Label(
        fi="Palvelun päättyminen, rivi asiakasta kohti",
        sv="Hur tjänsten slutade, en rad per klient",
        en="How the service ended, a row for each client",
    ),
    key=("client",),
    columns=(
        CLIENT_REFERENCE,
        Column(
            name="end",
            type="text",
            label=Label(
                fi="Mihin tai miksi palvelu päättyi",
                sv="Till vad eller varför tjänsten slutade",
                en="To what or why the service ended",
            ),
            constraints=(is_id("other_service"),),
        ),
    ),
)

TABLES: dict[str, Table] = {
    table.name: table for table in (CLIENTS, EPISODES, OUTCOMES, COUNTS, METERS, EXPERIENCE, ENDS)
}


def describe_tables(language: Language = "en") -> pd.DataFrame:
    """The data dictionary of a register, a row for each column.

    Parameters
    ----------
    language
        "fi", "sv" or "en".

    Returns
    -------
    DataFrame
        Columns table, column, type, meaning, rules; names of tables and columns are the
        ones the files use, the rest is in `language`. The rules of its first column tell
        that a table is optional.
    """
    rows = []
    for table in TABLES.values():
        for column in table.columns:
            rules = [constraint.label[language] for constraint in column.constraints]
            if table.key and column.name == table.key[-1]:
                label = KEY_LABEL if len(table.key) > 1 else UNIQUE_LABEL
                rules.insert(0, label[language].format(key=" + ".join(table.key)))
            if table.optional and column is table.columns[0]:
                rules.insert(0, OPTIONAL_LABEL[language])
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
