"""Tables that a register may lack; one that is there obeys its rules as the others do."""

from __future__ import annotations

from costeff.records.columns import (
    CLIENT_REFERENCE,
    MUNICIPALITY,
    PAYER,
    PROVIDER,
    SERVICE,
    cost_column,
    date_column,
)
from costeff.records.declare import (
    NO_OVERLAP,
    NOT_BEFORE_START,
    Column,
    Table,
    at_least,
    at_most,
    differs_from,
    is_id,
)
from costeff.spec import Label

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
            unit=Label(fi="kpl", sv="st", en="count"),
            constraints=(
                at_least(0, "a count is zero or more"),
                at_most(1e6, "count days, visits or the like of one client, not euros or seconds"),
            ),
        ),
    ),
)

OF_THE_METER = Label(fi="mittarin oma yksikkö", sv="mätarens egen enhet", en="the meter's own unit")
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
            unit=OF_THE_METER,
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
            unit=OF_THE_METER,
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
            unit=Label(fi="asteikon porras", sv="steg på skalan", en="step of the scale"),
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

# --- across providers and places ----------------------------------------------------------------

COSTS = Table(
    name="costs",
    optional=True,
    label=Label(
        fi="Asiakkaiden kaikki kustannukset kaikilla maksajilla, myös palvelujaksojen",
        sv="Klienternas alla kostnader hos alla betalare, också tjänsteperiodernas",
        en="All costs of the clients at every payer, those of the episodes included",
    ),
    columns=(
        CLIENT_REFERENCE,
        Column(
            name="kind",
            type="text",
            label=Label(fi="Kustannuslajin tunnus", sv="Kostnadsslagets id", en="Id of the kind of cost"),
            constraints=(is_id("hospital_care"),),
        ),
        PAYER,
        PROVIDER,
        date_column("date", Label(fi="Päivä, jolle kustannus kuuluu", sv="Kostnadens dag", en="Day of the cost")),
        cost_column(
            Label(fi="Kustannus", sv="Kostnad", en="Cost"),
            "a cost is money out, zero or more; what the client pays is a row of its own with the payer client",
            "give euros, not cents, and one cost in a row",
        ),
    ),
)

REFERRALS = Table(
    name="referrals",
    optional=True,
    label=Label(
        fi="Lähetteet palveluntuottajalta toiselle",
        sv="Remisser från en tjänsteproducent till en annan",
        en="Referrals from one provider to another",
    ),
    columns=(
        CLIENT_REFERENCE,
        date_column("date", Label(fi="Lähetteen päivä", sv="Remissens datum", en="Day of the referral")),
        PROVIDER.override(
            name="from_provider",
            optional=False,
            label=Label(
                fi="Lähettävän palveluntuottajan tunnus",
                sv="Id för producenten som remitterar",
                en="Id of the provider that refers",
            ),
        ),
        PROVIDER.override(
            name="to_provider",
            optional=False,
            label=Label(
                fi="Vastaanottavan palveluntuottajan tunnus",
                sv="Id för producenten som tar emot",
                en="Id of the provider referred to",
            ),
            constraints=(
                is_id("youth_clinic"),
                differs_from("from_provider", "leave out what stays with one provider: it is not a referral"),
            ),
        ),
        SERVICE,
        Column(
            name="accepted",
            type="flag",
            label=Label(
                fi="Otettiinko asiakas vastaan (true) vai ei (false)",
                sv="Togs klienten emot (true) eller inte (false)",
                en="Was the client taken on (true) or not (false)",
            ),
        ),
    ),
)

STILL_THERE = Label(fi="asuu kunnassa edelleen", sv="bor kvar i kommunen", en="lives there still")
RESIDENCE = Table(
    name="residence",
    optional=True,
    label=Label(
        fi="Asuinkunnat, rivi asumisjaksoa kohti",
        sv="Boendekommuner, en rad per boendeperiod",
        en="Places of residence, a row for each period",
    ),
    columns=(
        CLIENT_REFERENCE,
        MUNICIPALITY,
        date_column(
            "start",
            Label(fi="Ensimmäinen päivä kunnassa", sv="Första dagen i kommunen", en="First day in the municipality"),
            NO_OVERLAP,
        ),
        date_column(
            "end",
            Label(fi="Viimeinen päivä kunnassa", sv="Sista dagen i kommunen", en="Last day in the municipality"),
            NOT_BEFORE_START,
            empty=STILL_THERE,
        ),
    ),
)
