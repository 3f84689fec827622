"""The tables of a register, each declared once: checks, documentation and synthetic data follow from here."""

from __future__ import annotations

from costeff.draws import OPTIONS
from costeff.records.columns import (
    CLIENT_LABEL,
    CLIENT_REFERENCE,
    DAYS,
    MUNICIPALITY,
    PROVIDER,
    SERVICE,
    cost_column,
    date_column,
)
from costeff.records.declare import (
    NOT_AN_IDENTITY_CODE,
    NOT_BEFORE_START,
    ONE_OPTION_PER_CLIENT,
    PLAIN_LETTERS,
    POSITIVE,
    Column,
    Table,
    at_most,
    is_id,
    one_of,
    present_if_there,
    present_in,
)
from costeff.records.tables_optional import COSTS, COUNTS, ENDS, EXPERIENCE, METERS, REFERRALS, RESIDENCE
from costeff.spec import Label

RISK_GROUPS = ("low", "middle", "high")

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
                NOT_AN_IDENTITY_CODE,
                PLAIN_LETTERS,
                present_in("episodes", "add an episode, or leave the client out: without one the option is not known"),
                present_in("outcomes", "add the time followed with event false, or leave the client out"),
                present_if_there("counts", "add a row with count 0 for a client who had none, or leave the client out"),
                present_if_there("ends", "add an end such as ongoing or not_known, or leave the client out"),
            ),
        ),
        MUNICIPALITY,
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
        date_column("start", Label(fi="Alkamispäivä", sv="Startdatum", en="First day of the episode")),
        date_column("end", Label(fi="Päättymispäivä", sv="Slutdatum", en="Last day of the episode"), NOT_BEFORE_START),
        cost_column(
            Label(fi="Jakson kustannus", sv="Periodens kostnad", en="Cost of the episode"),
            "a cost is money out, zero or more; move refunds and client fees elsewhere",
            "give euros, not cents, and one episode in a row",
        ),
        PROVIDER,
        SERVICE,
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
            unit=DAYS,
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

TABLES: dict[str, Table] = {
    table.name: table
    for table in (CLIENTS, EPISODES, OUTCOMES, COUNTS, METERS, EXPERIENCE, ENDS, COSTS, REFERRALS, RESIDENCE)
}
