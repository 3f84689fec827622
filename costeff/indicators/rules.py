"""Words by which an indicator's name tells what it measures, in Finnish, Swedish and English.

A rule is a way of speaking: words that tell a kind, a stage and what the indicator is about. The rules are
tried together. Words of change outweigh words that only say how something is counted (a number, a share);
where a word of change stands beside a word of work, staff or cost, the name is unclear, and is told so.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from costeff.chain import Aspect, Kind, Stage
from costeff.spec import Label

Weight = Literal["impact", "strong", "change", "work", "form"]
WORD = re.compile(r"[\w-]+")
WORKED = ("cost", "staff", "work")  # rules of what is done and put in
KIND_OF: dict[Stage, Kind] = {"input": "quantity", "output": "quantity", "outcome": "effect", "impact": "effect"}


@dataclass(frozen=True)
class Rule:
    """One way of speaking: a regular expression over folded text, and what it tells.

    `weight` orders them: what is avoided or happens to a population, a change that nothing outweighs, a change,
    work and resources, and last a mere form of counting. `unclear_beside` names the rules beside which it tells
    nothing; where it is empty, those of work for a word of change, and none for the others.
    """

    id: str
    stage: Stage
    aspect: Aspect
    weight: Weight
    label: Label
    words: str
    unclear_beside: tuple[str, ...] = ()

    @property
    def kind(self) -> Kind:
        return KIND_OF[self.stage]

    @property
    def clashes(self) -> tuple[str, ...]:
        """Rules beside which this one leaves a name unclear."""
        return self.unclear_beside or (WORKED if self.weight == "change" else ())

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(self.words, re.VERBOSE)

    def found(self, text: str) -> str | None:
        """The words of a folded text by which the rule is met, whole."""
        hit = self.pattern.search(text)
        if hit is None:
            return None
        start = hit.start()
        while start and WORD.match(text[start - 1]) and WORD.match(text[start]):
            start -= 1
        after = WORD.match(text, hit.end()) if WORD.match(text[hit.end() - 1]) else None
        return text[start : after.end() if after else hit.end()].strip()


def folded(text: str) -> str:
    """Text as rules and matching read it: one form of each letter, lower case, single spaces, no soft hyphens."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("\u00ad", "")
    return re.sub(r"\s+", " ", re.sub("[\u2010-\u2015\u2212]", "-", plain)).strip()


RULES: tuple[Rule, ...] = (
    Rule(
        "avoided", "impact", "avoided", "impact",
        Label(fi="vältetty kustannus tai aika", sv="undviken kostnad eller tid", en="a cost or time avoided"),
        r"\bvältet|\bsäästy|\bundvik|\bundvek|\bavoided\b|\bavert|\bsaved\b",
    ),
    Rule(
        "savings", "impact", "avoided", "impact",
        Label(fi="säästö", sv="besparing", en="a saving"),
        r"säästö(?!koht|pank|toime|tavoit|ohjelm)|\binbespar|\bbespar|\bsavings?\b",
        unclear_beside=("staff", "work"),
    ),
    Rule(
        "population", "impact", "population", "impact",
        Label(fi="muutos väestössä", sv="förändring i befolkningen", en="a change in the population"),
        r"""\bsyrjäyty|\butslagning|\butslag(na|en)\b|\bexclu(ded|sion)\b|\bväestö(ssä|n\shyvin|n\ster)|\bväestötasol
        |\bi\sbefolkningen|\bin\sthe\spopulation|\belinvuo|\blevnadsår|\byears\sof\slife\slost|\bhyvinvointiero
        |\bterveysero|\bhälsoskillnad|\binequalit|\bkuolleisuu|\bdödlighet|\bmortality""",
    ),
    Rule(
        "end_reason", "outcome", "end_reason", "strong",
        Label(fi="päättymissyy tai päättyminen", sv="avslutsorsak eller avslut", en="why or how a service ended"),
        r"""päättymis(en\s)?sy|päättymisen\ssyy|\bsuunnitellusti\späätty|\bsuunnitellusti\späättä|\bpäättyi\b|keskeyttän
        |keskeyty|\bavslutsorsak|\borsak\still|\bfullfölj|\bavbrut|\bavbrott|\bavbröt|\bclosed\b|\breasons?\sfor\send
        |\bend\sreason|\bcompleted\streatment|\btreatment\scompleted|\bdrop(ped)?[\s-]?out|\bgoals?\s(were\s)?(met|reached)
        |\btavoit\w+\s(saavut|täytty)|\bmål\w*\s(nåd|uppnå)|\bmåluppfyll""",
        unclear_beside=("cost", "staff"),
    ),
    Rule(
        "experience", "outcome", "experience", "strong",
        Label(fi="asiakkaan oma kokemus", sv="klientens egen erfarenhet", en="the client's own experience"),
        r"""kokemus(?!asiantunt)|\bkokee\b|\bkoettu|\bkokema|tyytyväisy|\bkuulluksi|\bsaanut\sapua|\btrygghet|\bitse\sarvioi|\barvioima|\bupplev|erfarenhet
        |nöjdhet|\bnöjd|\benligt\sklient|\bbli(vit)?\shörd|\bexperience|satisf|\bfelt\b|\bfeels?\b|\bself-?reported
        |\bclients?\ssays?|\bwas\sheard|\bin\stheir\sown\swords""",
        unclear_beside=("cost",),
    ),
    Rule(
        "before_after", "outcome", "change", "strong",
        Label(fi="mitattu ennen ja jälkeen", sv="mätt före och efter", en="measured before and after"),
        r"""\bennen\sja\själkeen|\balussa\sja\slopussa|\bföre\soch\sefter|\bbefore\sand\safter|\bat\sthe\sstart\sand\send""",
    ),
    Rule(
        "instrument", "outcome", "change", "strong",
        Label(fi="mittari, jolla tilaa mitataan", sv="mätare för tillståndet", en="an instrument measures a state"),
        r"""\bcore-om\b|\bcore-10\b|\baudit-c\b|\baudit[-\s](piste|testi|tulo|poäng|resultat|scores?\b|points?\b)|\brai\b|\beurohis
        |\bphq-?9|\bgad-?7|\bsdq\b|\bhonosca\b|\b15d\b|\beq-5d""",
        unclear_beside=WORKED,
    ),
    Rule(
        "change", "outcome", "change", "change",
        Label(fi="muutos", sv="förändring", en="a change"),
        r"\bmuutos\b|\bmuutokse|\bmuuttu|\bförändring|\bchange[sd]?\b",
        unclear_beside=(*WORKED, "number"),
    ),
    Rule(
        "better_worse", "outcome", "change", "change",
        Label(fi="tilan muutos", sv="förändring i tillståndet", en="a change in state"),
        r"""\bväheni|\bvähene|\bvähenty|\bvähentä|\bkohen|\bparane|\bparanta|\bparantu|\bparemp|\bheikkene|\bheikenty|\bvahvistu
        |\blisäänty|\bkuntoutu(nut|nei|minen)|\btoimintaky|\belämänlaatu|\btyöky(ky|vy)|\boire(et|iden|ide)|\bvointi|\bförbättr
        |\bminska|\bökad|\bbättre\b|\bförsämr|funktionsförmåga|arbetsförmåga|\blivskvalitet|\bsymt?om|\bmående|\bimprov
        |\breduc(ed|tion)|\bdecreas|\bfewer\b|\bincrease[sd]?\b|\bbetter\b|\bworse|\bfunctioning|\bquality\sof\slife|\bsymptoms?\b
        |\bwell-?being\b|\brecover""",
    ),
    Rule(
        "transition", "outcome", "transition", "change",
        Label(fi="siirtymä tilasta toiseen", sv="övergång till ett annat tillstånd", en="a transition between states"),
        r"""\bsiirty|\bpalan(nut|nei)|\bpalaav|\bpaluu\b|\bkotiut|\btyöllist(yn|ym|yi)|\bretkah|\braittius|\braittii|päihteettö
        |\buusinta|\buusin(ut|ei)|\buudelleen\s(sijoit|vanki|tuom)|\btoistuv|\bkotona\sasu|\basu(u|vat|vien)\skoto|\bsäily(mi|ne|ny)
        |\btyössä\b|\bopiskelemassa|\bjatko-opin|\bvalmistun(eet|eid)|\btyöttömyyden\skesto|\bövergå|\båterv[äa]n|\båtergå|\båterfall
        |\bnykter|\bsysselsatt|\bfått\s(arbete|jobb)|\bi\s(arbete|studier)\b|\båteraktualis|\bförnyad|\bpå\snytt|\bbor\s(kvar|hemma)|\bboende\shemma
        |\båterinskriv|\bmoved\s(on|to|into|out)|\breturn(ed|ing|s)?\b|\brelaps|\babstin|\bsober|\bemployed\b|\bin\s(work|employment|education)\b
        |\bre-?ent(er|ry)|\bentering\s(employment|work|education)|\bre-?offend|\brecidiv|\breadmi|\bre-?admi|\bre-?(incarcer|convict|arrest)|\bstill\sliving|\bliving\sat\shome|\bplaced\s(again|out)
        |\bstay(ed|ing)?\s(at\shome|in\swork)|\bremain(ed|ing)?\b|\btransition|\bout-of-home\splacement\s(after|within)|\bkept\stheir""",
    ),
    Rule(
        "after_follow_up", "outcome", "transition", "form",
        Label(fi="tilanne seurannan jälkeen", sv="läget efter uppföljning", en="how things are after a follow-up"),
        r"""\b(kuukauden|kk|vuoden|viikon|päivän)\s(kuluttua|jälkeen|päästä)|\bpalvelun\själkeen|\bhoidon\själkeen|\bseurannassa
        |\befter\s(\w+\s)?(månader|år|insatsen|behandlingen|tjänsten)|\bmånader\sefter|\bmonths?\s(after|later)|\bafter\s(the\s)?(service|treatment)
        |\bat\s(three|six|twelve|\d+)\smonths|\b(månader|år|dagar)\sefter|\b(days|months|years?)\safter\sdischarge""",
    ),
    Rule(
        "cost", "input", "cost", "work",
        Label(fi="kustannus tai meno", sv="kostnad eller utgift", en="a cost or expenditure"),
        r"""kustannu|\bmenot\b|\bmenoj|menot\b|\beuro|€|hinta\b|\bhinna|\bbudjet|määrärah|\bkostnad|kostnad|utgift|\bpris(er|et)?\b|\bbudget
        |\banslag|\bcosts?\b|\bexpend|\bspending|\bprices?\b|\beur\b""",
    ),
    Rule(
        "staff", "input", "work", "work",
        Label(fi="henkilöstö tai paikat", sv="personal eller platser", en="staff or places"),
        r"""henkilötyövuo|kokemusasiantunt|sairaanhoitaj|\bsjuksköter|\bnurses?\b|\bwards?\b|\bper\s(case)?worker|henkilöstö|mitoitus|\btyöntekijöi|työntekijää|\bvakans|\bhtv\b|paik(at|koj|kaa|ka)\b|paikkojen|\bresurs|\bpersonal
        |årsverk|dimensioner|\bplatser|platser\b|\banställda|\bvakanser|\bstaff|\bfull-time|\bftes?\b|\bworkforce|\bplaces\b|\bbeds\b|\bcaseload
        |\bper\ssocial\sworker|\bper\ssocialarbetare|\bsocialarbetare|\bkouluttautun|\bfortbildning|\butbildningsdagar|\btraining\sdays""",
    ),
    Rule(
        "work", "output", "work", "work",
        Label(fi="käynti, tunti, päätös tai muu tehty työ", sv="besök, timme, beslut eller annat utfört arbete",
              en="a visit, an hour, a decision or other work done"),
        r"""(?<!koulun)käyn(ti|ni|nn|te)|\btunti|\btunnit|tunnit\b|tuntia|kontakt|päätö(s|ks)|\bilmoitu|ilmoitus|\bhakemu|\blähet(e\b|t)|\bsuunnitelm
        |suunnitelm|\bmaksusitoumu|palveluseteli|\barvioin(ti|ni|nn)|\barviot|hoitopäiv|hoitovuorokau|vuorokausi|vuorokaude|osallistumispäiv
        |osallistujapäiv|hoitojakso|katkaisuhoit|suoritteet|suoritteid|\bodotusaika|jonotus|\bmääräajassa|\bryhm(ät|ien|iin)|\bkoulutuspäiv
        |\bohjelm|päihdeohjelm|\bbesök|besök|\btimm|timmar|\bbeslut|beslut\b|\banmäln|anmälning|\bansökn|\bremiss|remisser|\bplaner\b|\bbedömning
        |vårddyg|vårddag|\bdeltagardag|\bdeltagare|servicesed|\bbetalningsförbind|\bväntetid|\bprestation|\bvisits?\b|\bhours?\b|\bdecisions?\b
        |\borders?\b|\bnotification|\bapplication|\breferrals?\b|\bplans?\s(made|drawn)|\bassessments?\b|\bdays\s(in|of)\b|\bwaiting|\bvouchers?\b
        |\bsessions?\b|\bmeetings?\b|\bparticipants?\b|\bappointments?\b|\bcontacts?\b|\bepisodes?\b|\bin\stime\b|\bpurchased\b|\badmissions?\b""",
    ),
    Rule(
        "clients", "output", "clients", "form",
        Label(fi="asiakkaiden määrä", sv="antal klienter", en="a number of clients"),
        r"""asiakkaat\b|asiakkai|asiakasmäär|\bsaane(et|id)|\bhoidettav|\bsijoitetut|\bmottagare|\bsom\sfått|\brecipients?\b
        |\bi\s(särskilt\sboende|familjehem)|\bosallistun(eet|eid)|\bpotila|\bsijoitettu|\bhuostassa|\bpeittävy|\bkattavuu|klienter|\bpatient
        |\bpersoner\b|\btäckning|\bclients?\s(served|seen)|\bclients?\b(?!-)|\bcoverage|\bserved\b|\bpatients\b""",
    ),
    Rule(
        "number", "output", "work", "form",
        Label(fi="lukumäärä, ei muutosta", sv="ett antal, ingen förändring", en="a number that tells no change"),
        r"\bmäär(ä|ät|än)\b|määrä\b|lukumäär|\bantal\b|\bnumber\sof|\bhow\smany|\bcount\sof|\bpituus|\blängd|\blength\sof",
    ),
)  # fmt: skip

# What a list as a whole should tell besides its indicators.
COMPARISON = re.compile(
    r"vertailu|\bverrat|kontrolliryhm|tavanomais|jämför|kontrollgrupp|sedvanlig|\bcompar|\bcontrol\sgroup|\busual\s(care|service)"
)
FOLLOW_UP = re.compile(
    r"\d+\s?(kk|kuukau|päiv|vuo|mån|dag|år|month|day|year)|(kuukauden|vuoden|viikon|päivän)\s(kuluttua|jälkeen|sisällä|seuran|aikana)"
    r"|kuukaudessa|(månader|år|dagar)\sefter|efter\s\w+\s(månader|år)|inom\s\w+\s(månader|år|dagar)|(within|after)\s\w+\s(month|year|day)"
    r"|months?\s(after|later)|\bat\s\w+\smonths|seurannassa|uppföljning|follow-?up"
)
