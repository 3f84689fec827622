"""What cannot be computed from a register, and which datum would make it computable, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from costeff.chain import KIND_LABELS, STAGE_LABELS, ImpactChain, IndicatorSet
from costeff.draws import OPTIONS
from costeff.indicators.available import Available, computable
from costeff.spec import Label


@dataclass(frozen=True)
class Need:
    """One question that decision makers ask: what cannot be told without its datum, and what that datum is."""

    id: str
    without: Label
    datum: Label


NEEDS: tuple[Need, ...] = (
    Need(
        "true_cost",
        Label(
            fi="Palvelun todellista kustannusta ei voi laskea.",
            sv="Tjänstens verkliga kostnad kan inte räknas ut.",
            en="The true cost of the service cannot be computed.",
        ),
        Label(
            fi="Merkitse jokaiselle palvelujaksolle sen kustannus euroina (episodes.cost).",
            sv="Anteckna kostnaden i euro för varje tjänsteperiod (episodes.cost).",
            en="Give each service episode its cost in euros (episodes.cost).",
        ),
    ),
    Need(
        "all_payers",
        Label(
            fi="Ei voi sanoa, kenelle kustannus tai säästö kertyy.",
            sv="Det går inte att säga vem kostnaden eller besparingen tillfaller.",
            en="Nobody can say to whom a cost or a saving falls.",
        ),
        Label(
            fi="Kerää asiakkaan kustannukset kaikilta maksajilta, myös kunnalta, valtiolta ja Kelalta (taulu costs).",
            sv="Samla klientens kostnader hos alla betalare, också kommunen, staten och FPA (tabellen costs).",
            en="Collect a client's costs at every payer, the municipality, the state and Kela too (the table costs).",
        ),
    ),
    Need(
        "comparison",
        Label(
            fi="Ei voi sanoa, johtuuko muutos palvelusta: vertailuryhmä puuttuu tai on liian pieni.",
            sv="Det går inte att säga om förändringen beror på tjänsten: en jämförelsegrupp saknas eller är för liten.",
            en="Nobody can say whether a change is due to the service: a comparison arm is missing or too small.",
        ),
        Label(
            fi="Ota mukaan asiakkaat, jotka saivat tavanomaista palvelua (episodes.option = usual).",
            sv="Ta med klienter som fick den sedvanliga tjänsten (episodes.option = usual).",
            en="Include clients who had the usual service (episodes.option = usual).",
        ),
    ),
    Need(
        "outcome",
        Label(
            fi="Ketjun vaikutusta ei voi arvioida: sen tulosta ei ole kirjattu.",
            sv="Kedjans effekt kan inte skattas: resultatet är inte antecknat.",
            en="The effect of the chain cannot be estimated: its outcome is not recorded.",
        ),
        Label(
            fi="Kirjaa jokaiselle asiakkaalle tulos {outcome} ja seurattu aika (taulu outcomes).",
            sv="Anteckna resultatet {outcome} och uppföljd tid för varje klient (tabellen outcomes).",
            en="Record the outcome {outcome} and the time followed for each client (the table outcomes).",
        ),
    ),
    Need(
        "follow_up",
        Label(
            fi="Tulosta {outcome} ei voi laskea {days} päivän ajalta: osaa asiakkaista seurattiin lyhyemmän aikaa.",
            sv="Resultatet {outcome} kan inte räknas för {days} dagar: en del klienter följdes en kortare tid.",
            en="The outcome {outcome} cannot be computed for {days} days: some clients were followed for less.",
        ),
        Label(
            fi="Seuraa jokaista vähintään {days} päivää, tai käytä elinaikamallia, joka kestää lyhyemmän seurannan.",
            sv="Följ varje klient minst {days} dagar, eller använd en överlevnadsmodell som tål kortare uppföljning.",
            en="Follow everyone for at least {days} days, or use a survival model, which bears shorter follow-up.",
        ),
    ),
    Need(
        "end_reasons",
        Label(
            fi="Ei voi sanoa, miksi palvelu päättyi ja mihin asiakkaat siirtyivät.",
            sv="Det går inte att säga varför tjänsten avslutades och vart klienterna gick.",
            en="Nobody can say why the service ended and where clients went.",
        ),
        Label(
            fi="Kirjaa päättymissyy jokaiselle asiakkaalle (taulu ends).",
            sv="Anteckna avslutsorsaken för varje klient (tabellen ends).",
            en="Record the reason of the end for each client (the table ends).",
        ),
    ),
    Need(
        "meters",
        Label(
            fi="Muutosta toimintakyvyssä tai voinnissa ei voi laskea.",
            sv="Förändringen i funktionsförmåga eller mående kan inte räknas ut.",
            en="Change in functioning or well-being cannot be computed.",
        ),
        Label(
            fi="Mittaa samalla mittarilla ennen palvelua ja seurannan lopussa (taulu meters).",
            sv="Mät med samma mätare före tjänsten och i slutet av uppföljningen (tabellen meters).",
            en="Measure with the same meter before the service and at the end of follow-up (the table meters).",
        ),
    ),
    Need(
        "experience",
        Label(
            fi="Ei tiedetä, mitä asiakkaat itse sanovat.",
            sv="Det är inte känt vad klienterna själva säger.",
            en="It is not known what clients themselves say.",
        ),
        Label(
            fi="Kysy asiakkailta järjestysasteikolla (taulu experience).",
            sv="Fråga klienterna på en ordningsskala (tabellen experience).",
            en="Ask clients on an ordered scale (the table experience).",
        ),
    ),
    Need(
        "providers",
        Label(
            fi="Monen palveluntuottajan asiakkaita ja siirtymiä tuottajien välillä ei näe.",
            sv="Klienter hos flera producenter och övergångar mellan producenter syns inte.",
            en="Clients of several providers, and moves between providers, cannot be seen.",
        ),
        Label(
            fi="Merkitse jaksolle tuottaja (episodes.provider) ja yhdistä tuottajien aineistot pseudonyymilla.",
            sv="Anteckna producenten för perioden (episodes.provider) och koppla uppgifterna med pseudonym.",
            en="Give each episode its provider (episodes.provider), and join the providers' data by pseudonym.",
        ),
    ),
)
WHOLE = Label(
    fi="Aineistosta voi laskea kaiken, mitä tässä tarkistetaan.",
    sv="Allt som kontrolleras här kan räknas ur uppgifterna.",
    en="Everything that is checked here can be computed from the data.",
)
INDICATORS = Label(
    fi="{service}: {all} mittarista {made} voi laskea tästä aineistosta.",
    sv="{service}: av {all} indikatorer kan {made} räknas ur dessa uppgifter.",
    en="{service}: of {all} indicators {made} can be computed from these data.",
)


@dataclass(frozen=True)
class Missing:
    """A need that is not met: what cannot be told, and the datum that would mend it."""

    need: Need
    words: Mapping[str, str]

    def sentence(self, language: str) -> str:
        told = (self.need.without[language], self.need.datum[language])
        return " ".join(told).format_map(self.words)


@dataclass(frozen=True)
class Completeness:
    """What a register cannot tell, and of which indicators of a service cells can be made."""

    missing: tuple[Missing, ...]
    available: Available
    services: Mapping[str, IndicatorSet]

    def sentences(self, language: str = "en") -> list[str]:
        """What cannot be computed and what would make it so, the true cost first; then indicators by service."""
        told = [one.sentence(language) for one in self.missing] or [WHOLE[language]]
        for service in self.services.values():
            made = sum(computable(one, self.available) for one in service.indicators.values())
            words = {"service": service.label[language], "all": len(service.indicators), "made": made}
            told.append(INDICATORS[language].format_map(words))
        return told

    def table(self, language: str = "en") -> pd.DataFrame:
        """A row for each indicator: whether it can be computed, what lacks, and the datum to collect."""
        return indicator_table(self.services, self.available, language)


def completeness(
    found: Available, services: Mapping[str, IndicatorSet], chain: ImpactChain | None = None
) -> Completeness:
    """What cannot be computed from what is there, for a chain's outcome and follow-up where a chain is given.

    Parameters
    ----------
    services
        Sets of indicators that are told of; a chain's own service and those common to all, for example.
    """
    words = {"outcome": "", "days": ""}
    if chain:
        words = {"outcome": chain.outcome.outcome, "days": str(chain.outcome.follow_up_days)}
    met = {
        "true_cost": "episodes.cost" in found.columns,
        "all_payers": {"costs.cost", "costs.payer"} <= found.columns,
        "comparison": found.arms is None or found.arms >= set(OPTIONS),
        "outcome": chain is None or found.ids is None or words["outcome"] in found.ids.get("outcomes", ()),
        "follow_up": found.long_enough is not False,
        "end_reasons": "ends.end" in found.columns,
        "meters": {"meters.before", "meters.after"} <= found.columns,
        "experience": "experience.level" in found.columns,
        "providers": "episodes.provider" in found.columns,
    }
    return Completeness(tuple(Missing(need, words) for need in NEEDS if not met[need.id]), found, services)


def indicator_table(services: Mapping[str, IndicatorSet], found: Available, language: str = "en") -> pd.DataFrame:
    """A row for each indicator of each service: what it is, whether it can be computed, and what lacks."""
    rows = []
    for service, indicators in services.items():
        for key, one in indicators.indicators.items():
            lacks = one.datum[language] if one.datum else ", ".join(found.lacks(one))
            rows.append(
                {
                    "service": service,
                    "id": key,
                    "label": one.label[language],
                    "kind": KIND_LABELS[one.kind][language],
                    "stage": STAGE_LABELS[one.stage][language],
                    "unit": one.unit[language],
                    "data": ", ".join(one.data),
                    "status": STATUS[_status(one.cells is not None, bool(one.datum), bool(lacks))][language],
                    "lacks": lacks,
                    "sotkanet": "" if one.sotkanet is None else str(one.sotkanet),
                }
            )
    return pd.DataFrame(rows)


STATUS: dict[str, Label] = {
    "computed": Label(fi="voi laskea", sv="kan räknas", en="can be computed"),
    "held": Label(
        fi="tiedot ovat, laskentaa ei ole", sv="uppgifterna finns, ingen uträkning", en="held, not reduced to cells"
    ),
    "lacking": Label(fi="tieto puuttuu", sv="uppgift saknas", en="datum missing"),
    "undeclared": Label(fi="ei missään taulussa", sv="inte i någon tabell", en="not in any declared table"),
}


def _status(made: bool, undeclared: bool, lacks: bool) -> str:
    return "undeclared" if undeclared else "lacking" if lacks else "computed" if made else "held"
