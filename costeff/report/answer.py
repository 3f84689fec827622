"""The answer: three key figures, three sentences, and what they rest on; and the same in brief."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from costeff.disclosure import THRESHOLD
from costeff.report import estimates
from costeff.report.chapter import Chapter
from costeff.report.estimates import Estimate, Payback
from costeff.report.evidence import research_counted
from costeff.report.markup import KeyFigure, bullets, image, join, key_figures, notice, paragraph, tag, terms
from costeff.report.page_figures import chance_figure
from costeff.report.switches import switched_on
from costeff.report.words import tenths


def answer(chapter: Chapter) -> Markup:
    """What the service changes, what it saves, and when the money is back."""
    if not chapter.main.passed:
        return join(withheld(chapter), _what(chapter))
    found = estimates.events(chapter.main)
    net = estimates.net_saving(chapter.main)
    back = estimates.payback(chapter.main)
    sentences = (life_sentence(chapter, *found), money_sentence(chapter, net), time_sentence(chapter, back))
    return join(
        key_figures(_figures(chapter, found, net, back)),
        *(paragraph(sentence, "lead") for sentence in sentences),
        _what(chapter),
        _basis(chapter),
    )


def brief(chapter: Chapter) -> Markup:
    """The answer on the first screen of a page with several services: money, how likely, lives, time, evidence."""
    say, main = chapter.words.say, chapter.main
    if not main.passed:
        told = say("The model behind the result did not pass its checks.")
        return join(paragraph(say("No result is given"), "verdict"), paragraph(told))
    net, values = estimates.net_saving(main), _counted(chapter)
    per = say("{clients:client|clients}, {years:year|years}", **values)
    unsure = [paragraph(say("Whether the service saves cannot be said for certain."))] if net.mixed else []
    made_up = say("synthetic data") if main.synthetic else ""
    rests_on = say("Evidence: {evidence}", evidence=", ".join(filter(None, (_evidence(chapter), made_up))))
    return join(
        paragraph(_verdict(chapter, net), f"verdict {_tone(net)}".strip()),
        paragraph(f"{per}; {chapter.saving(net)}", "interval"),
        paragraph(_chance(chapter), "chance"),
        *unsure,
        paragraph(_life_in_brief(chapter)),
        paragraph(_when_in_brief(chapter)),
        paragraph(rests_on, "basis"),
    )


def _counted(chapter: Chapter) -> dict[str, str]:
    """For how many clients and years the amounts are."""
    words, main = chapter.words, chapter.main
    return {"clients": words.number(main.clients), "years": words.number(main.years)}


def _verdict(chapter: Chapter, net: Estimate) -> str:
    say, amount = chapter.words.say, chapter.amount(net)
    if net.even:
        return say("Saves about as much as it costs")
    return (
        say("Net saving about {amount}", amount=amount)
        if net.mean > 0
        else say("Net cost about {amount}", amount=amount)
    )


def _tone(estimate: Estimate) -> str:
    """Good or bad only where the whole interval is."""
    return "" if estimate.mixed or estimate.even else "good" if estimate.mean > 0 else "bad"


def _chance(chapter: Chapter) -> Markup:
    """The probability of saving as ten dots and in words."""
    words, share = chapter.words, estimates.probability(chapter.main)
    told = words.say("saves more than it costs {chance}", chance=words.chance(share))
    alt = words.say("Ten dots, {count} of them filled.", count=_DOTS_FILLED.get(tenths(share), str(tenths(share))))
    return join(image(chance_figure(tenths(share), alt), "dots"), tag("span", told))


_DOTS_FILLED = {0: "½", 10: "9½"}


def _life_in_brief(chapter: Chapter) -> str:
    avoided, say = estimates.events(chapter.main)[2], chapter.words.say
    values = {
        "clients": chapter.words.number(chapter.main.clients),
        "event": chapter.event,
        "difference": chapter.count(abs(avoided.mean)),
        "interval": chapter.fewer(avoided),
    }
    if avoided.mean >= 0:
        return say("{difference} fewer events ({event}) among {clients:client|clients} ({interval}).", **values)
    return say("{difference} more events ({event}) among {clients:client|clients} ({interval}).", **values)


def withheld(chapter: Chapter) -> Markup:
    """Why no figure is given: the model failed its checks, which says nothing about the service."""
    say = chapter.words.say
    reasons = list(dict.fromkeys(_reason(chapter, reason) for reason in chapter.main.listed("gate_reasons")))
    return notice(
        say("No result is given for this service."),
        paragraph(
            say(
                "The model behind the result did not pass its checks, so its figures could mislead. "
                "This does not tell whether the service works."
            )
        ),
        join(paragraph(say("Why:")), bullets(filter(None, reasons))) if any(reasons) else Markup(),
        kind="stop",
    )


def _reason(chapter: Chapter, reason: Any) -> str:
    """A failed check in words: a check by its name, a text per language, or a text as it is."""
    say = chapter.words.say
    if not isinstance(reason, dict):
        return str(reason)
    of_costs = reason.get("of") == "costs"
    foreseen = (
        say("The model does not reproduce the costs in the data (posterior predictive check).")
        if of_costs
        else say("The model does not reproduce the events in the data (posterior predictive check).")
    )
    known = {
        "rhat": say("The chains of the simulation did not reach the same result (R-hat)."),
        "ess": say("The simulation gave too few independent draws (ESS)."),
        "divergences": say("The simulation could not explore the whole model (divergences)."),
        "bfmi": say("The simulation moved too slowly through the model (E-BFMI)."),
        "predictive": foreseen,
    }
    text = known.get(str(reason.get("check")).split("_")[0], str(reason.get(chapter.words.language, "")))
    return say("Cost of the service: {reason}", reason=text) if of_costs and text else text


def life_sentence(chapter: Chapter, usual: Estimate, new: Estimate, avoided: Estimate) -> str:
    """How many clients meet the event with either service."""
    fewer = round(usual.mean, chapter.decimals) - round(avoided.mean, chapter.decimals)  # as a reader subtracts them
    values = {
        "clients": chapter.words.number(chapter.main.clients),
        "event": chapter.event,
        "new": chapter.count(max(0.0, fewer)),
        "usual": chapter.count(usual.mean),
        "difference": chapter.count(abs(avoided.mean)),
        "interval": chapter.fewer(avoided),
    }
    if avoided.mean >= 0:
        return chapter.words.say(
            "Among {clients:client|clients} there are about {new} events ({event}) with the new service and {usual} "
            "with the usual one: {difference} fewer ({interval}).",
            **values,
        )
    return chapter.words.say(
        "Among {clients:client|clients} there are about {new} events ({event}) with the new service and {usual} with "
        "the usual one: {difference} more ({interval}).",
        **values,
    )


def money_sentence(chapter: Chapter, net: Estimate) -> str:
    """What is saved after the service itself is paid."""
    words, main = chapter.words, chapter.main
    values = {
        "clients": words.number(main.clients),
        "years": words.number(main.years),
        "net": chapter.amount(net),
        "interval": chapter.saving(net),
        "chance": words.chance(estimates.probability(main)),
    }
    if net.even:
        return words.say(
            "For {clients:client|clients} over {years:year|years} the new service saves about as much as it costs "
            "({interval}); it saves more than it costs {chance}.",
            **values,
        )
    if net.mean >= 0:
        return words.say(
            "For {clients:client|clients} over {years:year|years} the new service saves about {net} more than it adds "
            "to costs ({interval}); it saves more than it costs {chance}.",
            **values,
        )
    return words.say(
        "For {clients:client|clients} over {years:year|years} the new service adds about {net} more to costs than it "
        "saves ({interval}); it saves more than it costs {chance}.",
        **values,
    )


def when_sentence(chapter: Chapter, back: Payback) -> str:
    """When the money is back."""
    words = chapter.words
    chance = words.chance(back.probability)
    if back.year is None:
        return words.say(
            "The money is not likely to be back within {years:year|years}: it is back by {last} {chance}.",
            years=words.number(chapter.main.years), last=back.last, chance=chance,
        )  # fmt: skip
    return words.say(
        "The money is likely to be back in {year}, in year {number} from the start ({chance} by {last}).",
        year=back.year, number=back.number, chance=chance, last=back.last,
    )  # fmt: skip


def _when_in_brief(chapter: Chapter) -> str:
    words, year = chapter.words, estimates.payback(chapter.main).year
    if year is None:
        years = words.number(chapter.main.years)
        return words.say("The money is not likely to be back within {years:year|years}.", years=years)
    return words.say("The money is likely to be back in {year}.", year=year)


def time_sentence(chapter: Chapter, back: Payback) -> str:
    """When the money is back, and at which price the service pays its way."""
    words, when = chapter.words, when_sentence(chapter, back)
    prices = estimates.prices(chapter.main)
    if prices.on_average <= 0:
        return f"{when} {words.say('At no price does the service pay its way.')}"
    highest = words.say(
        "The service pays its way at up to {price} per client.",
        price=words.money(prices.on_average, chapter.price_step),
    )
    return f"{when} {highest}"


def _figures(
    chapter: Chapter, found: tuple[Estimate, Estimate, Estimate], net: Estimate, back: Payback
) -> list[KeyFigure]:
    words, values = chapter.words, _counted(chapter)
    avoided = found[2]
    fewer = avoided.mean >= 0
    by = words.say("{share} by {year}", share=words.probability(back.probability), year=back.last)
    return [
        KeyFigure(
            words.say("Fewer events per {clients:client|clients}", **values)
            if fewer
            else words.say("More events per {clients:client|clients}", **values),
            chapter.count(abs(avoided.mean)),
            chapter.fewer(avoided),
            _tone(avoided),
        ),
        _net_figure(chapter, net, values),
        KeyFigure(
            words.say("The money is back"),
            str(back.year) if back.year else words.say("not in {years:year|years}", **values),
            words.say("probability {share}", share=by),
            "" if net.mixed else "good" if back.year else "bad",
        ),
    ]


def _net_figure(chapter: Chapter, net: Estimate, values: dict[str, str]) -> KeyFigure:
    words = chapter.words
    if net.even:
        return KeyFigure(
            words.say("Net saving, {clients:client|clients}, {years:year|years}", **values),
            words.say("about {amount}", amount=chapter.amount(net)),
            f"{words.say('saves about as much as it costs')}; {chapter.saving(net)}",
            chance=_chance(chapter),
        )
    if net.mean > 0:
        label = words.say("Net saving, {clients:client|clients}, {years:year|years}", **values)
    else:
        label = words.say("Net cost, {clients:client|clients}, {years:year|years}", **values)
    return KeyFigure(label, chapter.amount(net), chapter.saving(net), _tone(net), _chance(chapter))


def _what(chapter: Chapter) -> Markup:
    """Which service is compared with which, and on what evidence."""
    say, language, chain = chapter.words.say, chapter.words.language, chapter.chain
    rows = [(say("Evidence"), _evidence(chapter))]
    if chain:
        rows = [
            (say("New service"), chain.option[language]),
            (say("Compared with"), chain.comparator[language]),
            (say("Event followed"), chain.outcome.event[language]),
            *rows,
        ]
    return terms(rows)


def _evidence(chapter: Chapter) -> str:
    say = chapter.words.say
    return {
        "local": say("the municipality's own data"),
        "shared": say("a model shared by all municipalities"),
        "elsewhere": say("an effect estimated from the data of other municipalities"),
        "borrowed": say("an effect borrowed from published research"),
    }.get(str(chapter.main.attr("evidence")), str(chapter.main.attr("evidence")))


def _basis(chapter: Chapter) -> Markup:
    """How far the estimate leans on others and on research, how many clients it rests on, what is assumed and on."""
    words, main = chapter.words, chapter.main
    texts = [chapter.chain.evidence[words.language]] if chapter.chain else []
    pooling = float(main.attr("pooling", float("nan")))
    if pooling == pooling:  # not NaN: an estimate that is not pooled has none
        texts.append(
            words.say(
                "Of the estimated effect, {share} leans on data from the rest of the country and on the assumptions of "
                "the model.",
                share=words.share(pooling),
            )
        )
    texts += research_counted(chapter)
    clients = int(main.attr("n_clients_protected", -1))
    if clients >= 0:
        texts.append(words.say("The data hold about {n} clients of the municipality.", n=words.number(clients)))
    elif main.attr("evidence") == "elsewhere":
        texts.append(
            words.say("The municipality has fewer than {n} clients in the data, or none.", n=words.number(THRESHOLD))
        )
        texts.append(
            words.say(
                "How often the event comes with the usual service is what its county and the clients of the whole "
                "country lead one to expect."
            )
        )
    elif main.attr("evidence") != "borrowed" and not chapter.of_county:
        texts.append(words.say("The number of the municipality's clients is not shown: it is small or not known."))
    everyone = int(main.attr("n_clients_all", -1))
    if everyone >= 0:
        texts.append(words.say("The data hold about {n} clients in the whole country.", n=words.number(everyone)))
    texts += chapter.not_counted(main)
    if chapter.only_stated:
        texts.append(
            words.say(
                "The prices of what is avoided are round figures without a stated uncertainty, and their price year is "
                "assumed: the real uncertainty is larger than the intervals tell."
            )
        )
    if main.attr("service_price_quality") == "assumption":
        texts.append(words.say("The price of the service is an assumption, not a price paid."))
    return join(*(paragraph(text, "basis") for text in (" ".join(texts), *switched_on(chapter))))
