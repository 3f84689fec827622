"""The audit of a county's own indicators: what each measures, why it is read so, and what the list lacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Literal

import pandas as pd

from costeff.chain import KIND_LABELS, STAGE_LABELS, Aspect, Indicator, IndicatorSet, Kind, Stage
from costeff.indicators.listed import Listed
from costeff.indicators.rules import COMPARISON, FOLLOW_UP, RULES, Rule, folded
from costeff.spec import LANGUAGES, Label

ALIKE = 0.86  # from which a name is taken for that of an indicator of the catalogue
UNCLEAR = Label(fi="epäselvä", sv="oklar", en="unclear")
How = Literal["id", "label", "alike", "rule", "conflict", "none"]
WHY: dict[How, Label] = {
    "id": Label(fi="luettelon tunnus {match}", sv="katalogens id {match}", en="the catalogue's id {match}"),
    "label": Label(fi="sama nimi luettelossa: {match}", sv="samma namn i katalogen: {match}", en="the same name in "
                   "the catalogue: {match}"),
    "alike": Label(fi="lähes sama nimi luettelossa: {match}", sv="nästan samma namn i katalogen: {match}",
                   en="almost the same name in the catalogue: {match}"),
    "rule": Label(fi="sana ”{word}”: {rule}", sv="ordet ”{word}”: {rule}", en="the word “{word}”: {rule}"),
    "conflict": Label(fi="sana ”{word}” ({rule}), mutta myös ”{other}” ({against})",
                      sv="ordet ”{word}” ({rule}), men också ”{other}” ({against})",
                      en="the word “{word}” ({rule}), but also “{other}” ({against})"),
    "none": Label(fi="mikään sana ei kerro, mitä mitataan", sv="inget ord berättar vad som mäts",
                  en="no word tells what is measured"),
}  # fmt: skip
IN_DEFINITION = Label(fi="määritelmässä {why}", sv="i definitionen {why}", en="in the definition, {why}")


@dataclass(frozen=True)
class Judgement:
    """What an indicator was taken for, and why. Without a kind it is unclear."""

    listed: Listed
    how: How
    kind: Kind | None = None
    stage: Stage | None = None
    aspect: Aspect | None = None
    match: str | None = None  # service.indicator of the catalogue
    words: Mapping[str, str | Label] = field(default_factory=dict)
    in_definition: bool = False

    def why(self, language: str) -> str:
        """The reason, in a language of the reports."""
        told = {name: text[language] if isinstance(text, Label) else text for name, text in self.words.items()}
        text = WHY[self.how][language].format_map(told)
        return IN_DEFINITION[language].format(why=text) if self.in_definition else text


@dataclass(frozen=True)
class Audit:
    """The judgements of a list, and the gaps of the list as a whole."""

    judgements: tuple[Judgement, ...]
    gaps: tuple[str, ...]

    def count(self, kind: Kind | None) -> int:
        return sum(judgement.kind == kind for judgement in self.judgements)

    def table(self, language: str = "en") -> pd.DataFrame:
        """A row for each indicator: name, kind, stage, aspect, match and why, in a language of the reports."""
        return pd.DataFrame(
            [
                {
                    "name": one.listed.name,
                    "kind": KIND_LABELS[one.kind][language] if one.kind else UNCLEAR[language],
                    "stage": STAGE_LABELS[one.stage][language] if one.stage else "",
                    "match": one.match or "",
                    "why": one.why(language),
                }
                for one in self.judgements
            ]
        )

    def sentences(self, language: str = "en") -> list[str]:
        """How many indicators are of each kind, and what the list lacks."""
        counts = {"all": len(self.judgements), "quantity": self.count("quantity"), "effect": self.count("effect")}
        first = COUNTED[language].format(**counts, unclear=self.count(None))
        return [first, *(GAPS[gap][language] for gap in self.gaps)] if self.gaps else [first, NO_GAPS[language]]


def classify(listed: Listed, catalogue: Mapping[str, IndicatorSet]) -> Judgement:
    """What one indicator measures: by its name in the catalogue, else by the words of its name, then its definition.

    Where a name resembles one of the catalogue and its words tell another kind, and where its words tell both
    kinds, it stays unclear.
    """
    by_name = _by_words(listed, listed.name)
    known = _known(listed, catalogue)
    if known and not (known.how == "alike" and by_name.kind and by_name.kind != known.kind):
        return known
    if known:
        return _conflict_with(known, by_name)
    if by_name.how == "none" and listed.definition:
        by_definition = _by_words(listed, listed.definition)
        if by_definition.how != "none":
            return Judgement(**{**by_definition.__dict__, "in_definition": True})
    return by_name


def audit(listed: Iterable[Listed], catalogue: Mapping[str, IndicatorSet]) -> Audit:
    """Every indicator of a list classified, and what the list lacks."""
    judgements = tuple(classify(one, catalogue) for one in listed)
    return Audit(judgements, tuple(_gaps(judgements)))


# --- one indicator ------------------------------------------------------------------------------


def _known(listed: Listed, catalogue: Mapping[str, IndicatorSet]) -> Judgement | None:
    """The indicator of the catalogue that has this id or this name, or almost."""
    name, best = folded(listed.name), (0.0, "", None)
    for service, indicators in catalogue.items():
        for key, indicator in indicators.indicators.items():
            match = f"{service}.{key}"
            if name in (key, match):
                return _matched(listed, "id", match, indicator, match)
            for language in LANGUAGES:
                label = indicator.label[language]
                if folded(label) == name:
                    return _matched(listed, "label", match, indicator, label)
                alike = _alike(name, folded(label))
                if alike > best[0]:
                    best = (alike, label, (match, indicator))  # type: ignore[assignment]
    if best[0] >= ALIKE and best[2] is not None:
        return _matched(listed, "alike", best[2][0], best[2][1], best[1])
    return None


def _alike(one: str, other: str) -> float:
    """Likeness of two names, 0 to 1; the quick upper bound spares most of the work."""
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return matcher.ratio() if matcher.quick_ratio() >= ALIKE else 0.0


def _matched(listed: Listed, how: How, match: str, indicator: Indicator, shown: str) -> Judgement:
    found = (indicator.kind, indicator.stage, indicator.aspect)
    return Judgement(listed, how, *found, match=match, words={"match": shown})


def _conflict_with(known: Judgement, by_name: Judgement) -> Judgement:
    other: dict[str, str | Label] = {"other": str(known.words["match"])}
    if known.kind:
        other["against"] = KIND_LABELS[known.kind]
    return Judgement(known.listed, "conflict", words={**by_name.words, **other})


def _by_words(listed: Listed, text: str) -> Judgement:
    """What the words of a text tell, by the weight of the rules that they meet."""
    plain = folded(text)
    met = [(rule, word) for rule in RULES if (word := rule.found(plain))]
    if not met:
        return Judgement(listed, "none")
    chosen, word = met[0]  # the rules stand in the order of their weight
    work = next(((rule, hit) for rule, hit in met if rule.weight == "work"), None)
    if chosen.weight == "form" and work:
        chosen, word = work
    elif against := next((pair for pair in met if pair[0].id in chosen.clashes), None):
        return _told(listed, "conflict", chosen, word, against)
    return _told(listed, "rule", chosen, word)


def _told(listed: Listed, how: How, rule: Rule, word: str, against: tuple[Rule, str] | None = None) -> Judgement:
    words: dict[str, str | Label] = {"word": word, "rule": rule.label}
    if against:
        return Judgement(listed, how, words={**words, "other": against[1], "against": against[0].label})
    return Judgement(listed, how, rule.kind, rule.stage, rule.aspect, words=words)


# --- the list as a whole ------------------------------------------------------------------------

COUNTED = Label(
    fi="Mittareita on {all}: määriä {quantity}, muutoksia {effect}, epäselviä {unclear}.",
    sv="Antal indikatorer: {all}. Mängder: {quantity}, förändringar: {effect}, oklara: {unclear}.",
    en="Indicators: {all}. Quantities: {quantity}, changes: {effect}, unclear: {unclear}.",
)
NO_GAPS = Label(
    fi="Luettelosta ei puutu mitään siitä, mitä tässä etsitään.",
    sv="Förteckningen saknar inget av det som söks här.",
    en="The list lacks nothing of what is looked for here.",
)
GAPS: dict[str, Label] = {
    "only_quantities": Label(
        fi="Kaikki selvät mittarit ovat määriä: luettelo kertoo, mitä tehtiin, mutta ei, mitä asiakkaille tapahtui.",
        sv="Alla klara indikatorer är mängder: förteckningen visar vad som gjordes men inte vad som hände klienterna.",
        en="Every clear indicator is a quantity: the list tells what was done, but not what became of the clients.",
    ),
    "no_transition": Label(
        fi="Siirtymää kuvaava mittari puuttuu (esimerkiksi avohuollosta sijoitukseen tai palvelusta työhön).",
        sv="En indikator för övergångar saknas (till exempel från öppenvård till placering).",
        en="No indicator tells a transition (for example from open care to placement, or from a service to work).",
    ),
    "no_end_reason": Label(
        fi="Palvelun päättymissyytä kuvaava mittari puuttuu.",
        sv="En indikator för varför tjänsten avslutades saknas.",
        en="No indicator tells why a service ended.",
    ),
    "no_change": Label(
        fi="Ennen ja jälkeen mitattu muutos puuttuu (esimerkiksi toimintakyky).",
        sv="En förändring mätt före och efter saknas (till exempel funktionsförmåga).",
        en="No change is measured before and after (for example functioning).",
    ),
    "no_experience": Label(
        fi="Asiakkaan oma kokemus puuttuu.",
        sv="Klientens egen erfarenhet saknas.",
        en="The client's own experience is missing.",
    ),
    "no_cost": Label(
        fi="Kustannus puuttuu: ilman sitä ei voi sanoa, mitä muutos maksaa.",
        sv="Kostnaden saknas: utan den går det inte att säga vad förändringen kostar.",
        en="The cost is missing: without it nobody can say what the change costs.",
    ),
    "no_comparison": Label(
        fi="Vertailukohtaa ei mainita: muutoksesta ei voi sanoa, johtuuko se palvelusta.",
        sv="Ingen jämförelse nämns: det går inte att säga om förändringen beror på tjänsten.",
        en="No comparison is named: nobody can say whether a change is due to the service.",
    ),
    "no_follow_up": Label(
        fi="Seuranta-aikaa ei mainita: ei tiedetä, milloin palvelun jälkeen mitataan.",
        sv="Ingen uppföljningstid nämns: det framgår inte när efter tjänsten man mäter.",
        en="No follow-up time is named: it is not told when after the service one measures.",
    ),
}
NEEDED: dict[str, Aspect] = {
    "no_transition": "transition",
    "no_end_reason": "end_reason",
    "no_change": "change",
    "no_experience": "experience",
    "no_cost": "cost",
}


def _gaps(judgements: Sequence[Judgement]) -> list[str]:
    there = {one.aspect for one in judgements}
    clear = {one.kind for one in judgements if one.kind}
    gaps = ["only_quantities"] if clear == {"quantity"} else []
    gaps += [gap for gap, aspect in NEEDED.items() if aspect not in there]
    texts = [folded(f"{one.listed.name} {one.listed.definition}") for one in judgements]
    gaps += ["no_comparison"] if not any(COMPARISON.search(text) for text in texts) else []
    gaps += ["no_follow_up"] if not any(FOLLOW_UP.search(text) for text in texts) else []
    return gaps
