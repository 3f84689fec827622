"""What would have to be true for the answer to turn, and what it would be worth to know more before choosing."""

from __future__ import annotations

import math

from markupsafe import Markup

from costeff.avoided_cost import MODELS
from costeff.report import estimates, margins
from costeff.report.chapter import Chapter
from costeff.report.estimates import SURE, Estimate
from costeff.report.markup import Cell, Table, heading, join, paragraph, with_interval
from costeff.report.words import money_step, nice_step

MOST = 0.9  # of the value of knowledge


def turning(chapter: Chapter) -> Markup:
    """The effect, the price, the share that stops and the number of clients at which savings equal costs."""
    return join(
        heading(4, chapter.words.say("What would turn the answer?")),
        paragraph(_now(chapter)),
        _points(chapter),
        paragraph(_effect_sentence(chapter)),
        paragraph(_price_sentence(chapter)),
        _caseload(chapter),
    )


def worth_knowing(chapter: Chapter) -> Markup:
    """The value of perfect information, in words: the most that better knowledge is worth."""
    words, found = chapter.words, margins.knowledge(chapter.main)
    money = words.say("Only money is counted here, not what a change means to clients.")
    clients = words.number(chapter.main.clients)
    if found.everything.even:
        told = words.say(
            "Better knowledge would hardly change the choice between the services, so for the sake of money it is not "
            "worth paying for."
        )
    else:
        told = words.say(
            "The choice between the services is made on what is known today, and it can turn out wrong. If it were "
            "known for certain beforehand which of them costs less, the wrong choice would be avoided. For "
            "{clients:client|clients} this knowledge is worth {value} on average: a trial, a follow-up or another "
            "inquiry is worth at most that much.",
            clients=clients, value=_worth(chapter, found.everything),
        )  # fmt: skip
        if found.effect and found.effect.mean >= MOST * found.everything.mean:
            told += " " + words.say("Almost all of it would come from knowing the effect of the service.")
        elif found.effect and not found.effect.even:
            told += " " + words.say(
                "Knowing the effect of the service alone would be worth about {value}; the rest would come from "
                "knowing prices and what follows later.",
                value=_worth(chapter, found.effect),
            )
    return join(heading(4, words.say("Would it pay to find out more?")), paragraph(f"{told} {money}"))


def _worth(chapter: Chapter, value: Estimate) -> str:
    """No finer than the simulation tells it."""
    return chapter.words.money(value.mean, max(money_step([value.mean]), nice_step(2 * value.error)))


def _now(chapter: Chapter) -> str:
    say, net = chapter.words.say, estimates.net_saving(chapter.main)
    if net.even:
        return say(
            "On average the service saves about as much as it costs, so that a small change turns the answer. In the "
            "table one thing at a time changes, and everything else stays as it is."
        )
    if net.mean > 0:
        return say(
            "On average the service saves more than it costs. The table tells how far one thing at a time may change "
            "before that ends, when everything else stays as it is."
        )
    return say(
        "On average the service costs more than it saves. The table tells how far one thing at a time would have to "
        "change for the money to come back, when everything else stays as it is."
    )


# --- the table ------------------------------------------------------------------------------------


def _points(chapter: Chapter) -> Markup:
    words, main = chapter.words, chapter.main
    effect, share, prices = margins.turning_effect(main), margins.turning_share(main), estimates.prices(main)

    def euros(value: float) -> str:
        return words.euros(value, chapter.price_step)

    rows: list[list[Cell]] = [
        [
            words.say("Fewer events per {clients:client|clients}", clients=words.number(main.clients)),
            with_interval(chapter.count(effect.now.mean), chapter.plain_range(effect.now, chapter.count)),
            _enough(chapter, chapter.count(effect.needed)) if effect.needed <= effect.usual else _never(chapter),
        ],
        [
            words.say("Price of the service per client, euros"),
            with_interval(euros(prices.now.mean), chapter.plain_range(prices.now, euros)),
            words.say("at most {value}", value=euros(prices.on_average)) if prices.on_average > 0 else _never(chapter),
        ],
    ]
    if not math.isnan(share.needed):
        now = with_interval(words.percent(share.now.mean), chapter.share_range(share.now))
        needed = _enough(chapter, words.percent(max(0.0, share.needed))) if share.needed <= 1 else _never(chapter)
        rows.append([words.say("Share of the avoided cost that can be stopped"), now, needed])
    caption = words.say("For the answer to turn: the value now, and the value at which savings equal costs.")
    columns = (words.say("What changes"), words.say("Now and its interval"), words.say("Costs are covered when it is"))
    return Table(caption, columns, rows).html()


def _enough(chapter: Chapter, value: str) -> str:
    return chapter.words.say("at least {value}", value=value)


def _never(chapter: Chapter) -> str:
    return chapter.words.say("no value is enough")


# --- each point in words --------------------------------------------------------------------------


def _effect_sentence(chapter: Chapter) -> str:
    """How many events would have to be avoided, and how likely it is that so many are."""
    words, found = chapter.words, margins.turning_effect(chapter.main)
    values = {
        "clients": words.number(chapter.main.clients),
        "usual": chapter.count(found.usual),
        "needed": chapter.count(found.needed) if found.needed >= 0 else "",
        "chance": words.chance(found.likely),
    }
    if math.isnan(found.needed):
        return words.say(
            "How many events would have to be avoided cannot be told: the figures do not show that an avoided event "
            "saves money that can be stopped."
        )
    if found.needed > found.usual:
        return words.say(
            "Even avoiding all the {usual} events that {clients:client of the usual service has|clients of the usual "
            "service have} would not bring the money back: an avoided event saves too little of what can be stopped.",
            **values,
        )
    if found.needed == 0:
        return words.say("The money comes back even if no event is avoided: the service hardly adds to costs.")
    return words.say(
        "For the money to come back on average, the service would have to avoid {needed} of the {usual} events that "
        "{clients:client of the usual service has|clients of the usual service have}. The effect is at least that "
        "large {chance}. Each avoided event is taken to save as much as those avoided on this page save on average.",
        **values,
    )


def _price_sentence(chapter: Chapter) -> str:
    """The price at which the service saves with more certainty than on average, and where today's price is from."""
    words, prices = chapter.words, estimates.prices(chapter.main)
    if prices.on_average <= 0:
        told = words.say("At no price does the service pay its way.")
    elif prices.when_sure <= 0:
        told = words.say("No price makes the service save {chance}.", chance=words.chance(SURE))
    else:
        told = words.say(
            "For the service to save {chance}, its price may be at most {price} per client.",
            chance=words.chance(SURE), price=words.money(prices.when_sure, chapter.price_step),
        )  # fmt: skip
    if chapter.main.attr("service_price_quality") == "register":
        told += " " + words.say("Today's price is estimated from the register, municipality by municipality.")
    return told


def _caseload(chapter: Chapter) -> Markup:
    """How many new clients a year close a whole unit, where its size is known and time in it is avoided."""
    words, places, freed = chapter.words, _places(chapter), margins.places_freed(chapter.main)
    if not places or freed is None:
        return Markup()
    needed = chapter.main.clients * places / freed.mean
    step = max(1.0, money_step([needed * 10]))  # two digits: it is a rule of thumb
    told = words.say(
        "Part of the cost stops only when a whole unit closes, such as a home or a ward, here one of {places} places. "
        "When {clients:new client starts|new clients start} every year, {freed} places are no longer needed "
        "{years:year|years} on ({interval}). For one unit to close, at least {needed} new clients a year are needed "
        "on average. All avoided time is counted as time in such units, so the real number is rather larger.",
        places=words.number(places), clients=words.number(chapter.main.clients), freed=chapter.count(freed.mean),
        years=words.number(chapter.main.years), interval=chapter.mass(chapter.plain_range(freed, chapter.count)),
        needed=words.number(math.ceil(needed / step) * step),
    )  # fmt: skip
    return paragraph(told)


def _places(chapter: Chapter) -> float | None:
    """Places of the unit that closes, if one size is known for all time out of the clients' life that has a price."""
    chain, known = chapter.chain, chapter.names.price_sets.get(chapter.main.attr("price_set"))
    if chain is None or known is None:
        return None
    model = MODELS[chain.impact.model]
    states = known.of(model.id)
    costs = {part.cost for name in model.kept_out if name in states for part in states[name].components}
    units = [getattr(chapter.names.unit_costs.get(cost), "closes_by", None) for cost in sorted(costs)]
    sizes = {float(unit.places.mean) if unit else 0.0 for unit in units}
    return sizes.pop() or None if len(sizes) == 1 else None
