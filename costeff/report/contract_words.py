"""What contracts on the service would pay, when it works and when it does nothing."""

from __future__ import annotations

import pandas as pd
from markupsafe import Markup

from costeff.report.chapter import Chapter
from costeff.report.drawing import AxisTexts
from costeff.report.margins import AVOIDED, BOTH_WAYS, DOING, Payment, contract_payments
from costeff.report.markup import Cell, Table, figure, heading, join, paragraph, with_interval
from costeff.report.page_figures import bars_figure
from costeff.report.words import money_step, nice_step


def contracts(chapter: Chapter) -> Markup:
    """Paying for doing beside paying for change; nothing where the service costs nothing more or avoids no event."""
    paid = contract_payments(chapter.main)
    if not paid:
        return Markup()
    words = chapter.words
    return join(
        heading(4, words.say("What would a contract pay if the service did nothing?")),
        paragraph(_set_alike(chapter, paid[DOING])),
        paragraph(_by_chance(chapter, paid)),
        _drawn(chapter, paid),
    )


def _set_alike(chapter: Chapter, doing: Payment) -> str:
    return chapter.words.say(
        "The contracts below are set to pay the same on average when the service works as estimated: {sum} for "
        "{clients:client|clients}, the extra cost of the service. One pays for what is done, by hour or by client. "
        "The others pay for each event ({event}) that is fewer than in a comparison group of as many clients.",
        sum=chapter.words.money(doing.works.mean, _step(chapter)), clients=chapter.words.number(chapter.main.clients),
        event=chapter.event,
    )  # fmt: skip


def _by_chance(chapter: Chapter, paid: dict[str, Payment]) -> str:
    words, avoided, step = chapter.words, paid[AVOIDED], _step(chapter)
    told = [
        words.say("Where doing is paid for, the whole sum is paid also when the service does nothing."),
        words.say(
            "Where avoided events are paid for, chance alone brings {nothing} on average ({interval}) when the service "
            "does nothing, and something is paid {chance}.",
            nothing=words.money(avoided.nothing.mean, step), chance=words.chance(avoided.chance),
            interval=chapter.mass(chapter.money_range(avoided.nothing, step)),
        ),
    ]  # fmt: skip
    if BOTH_WAYS in paid:
        told.append(
            words.say(
                "When the provider also pays back for events that are more than in the comparison group, chance evens "
                "out, but the sum of one contract swings widely."
            )
        )
    told.append(words.say("More clients make chance smaller."))
    return " ".join(told)


def _drawn(chapter: Chapter, paid: dict[str, Payment]) -> Markup:
    """Bars of what is paid, with the whole table folded below."""
    words, names, step = chapter.words, _names(chapter), _step(chapter)
    cases = (words.say("works as estimated"), words.say("does nothing"))
    rows = [
        {"row": names[kind], "kind": look, "bar": case, "value": round(value.mean / step) * step}
        for kind, each in paid.items()
        for look, case, value in zip(("gain", "loss"), cases, (each.works, each.nothing), strict=True)
    ]
    told = (f"{row['row']}, {row['bar']}: {words.money(float(row['value']))}" for row in rows)  # type: ignore[arg-type]
    alt = words.say("Bar chart of what contracts pay on average: {rows}.", rows="; ".join(told))
    texts = AxisTexts(words.say("Paid on average, euros"), "", alt, words.euros)
    caption = words.say("What contracts pay on average for {clients:client|clients}.", clients=_clients(chapter))
    return figure(bars_figure(pd.DataFrame(rows), texts), caption, words.say("The figure as a table"), _table(chapter))


def _table(chapter: Chapter) -> Markup:
    words, names = chapter.words, _names(chapter)
    rows: list[list[Cell]] = []
    for kind, each in contract_payments(chapter.main).items():
        fixed = kind == DOING
        price = words.money(each.price, money_step([each.price]))
        each_at = words.say("{price} per client", price=price)
        if not fixed:
            each_at = words.say("{price} per avoided event", price=price)
        chance = words.say("always") if fixed else words.probability(each.chance)
        rows.append([with_interval(names[kind], each_at), *_pair(chapter, each), chance])
    columns = (
        words.say("What is paid for"),
        words.say("Paid when the service works as estimated"),
        words.say("Paid when it does nothing"),
        words.say("Probability that it then pays"),
    )
    caption = words.say("What contracts pay for {clients:client|clients}, euros.", clients=_clients(chapter))
    return Table(caption, columns, rows).html()


def _pair(chapter: Chapter, paid: Payment) -> list[Cell]:
    step = _step(chapter)

    def write(value: float) -> str:
        return chapter.words.euros(value, step)

    return [
        write(each.mean) if each.low == each.high else with_interval(write(each.mean), chapter.plain_range(each, write))
        for each in (paid.works, paid.nothing)
    ]


def _names(chapter: Chapter) -> dict[str, str]:
    say = chapter.words.say
    return {
        DOING: say("What is done"),
        AVOIDED: say("Avoided events, nothing paid back"),
        BOTH_WAYS: say("Avoided events, paid back when they are more"),
    }


def _clients(chapter: Chapter) -> str:
    return chapter.words.number(chapter.main.clients)


def _step(chapter: Chapter) -> float:
    """One rounding for all that contracts pay, so that sums that are alike read alike."""
    sums = [each for paid in contract_payments(chapter.main).values() for each in (paid.works, paid.nothing)]
    return max(money_step(each.mean for each in sums), nice_step(2 * max(each.error for each in sums)))
