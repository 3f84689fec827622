"""Steering and buying: what is paid for an hour or a client, and what for a change."""

from __future__ import annotations

from markupsafe import Markup

from costeff.decision import Verdict
from costeff.report import estimates
from costeff.report.chapter import Chapter
from costeff.report.contract_words import contracts
from costeff.report.markup import Cell, Table, heading, join, paragraph, with_interval
from costeff.report.words import inline, money_step


def steering(chapter: Chapter) -> Markup:
    """The price of a client beside the price of a change, what contracts pay, and which indicators count which."""
    return join(
        paragraph(_outcome_sentence(chapter)),
        _prices(chapter),
        contracts(chapter),
        _indicators(chapter),
    )


def _outcome_sentence(chapter: Chapter) -> str:
    """What one avoided event costs, with the probability that the service avoids any."""
    words, main = chapter.words, chapter.main
    found = estimates.per_outcome(main)
    values = {
        "event": chapter.event,
        "cost": words.money(abs(found.net), money_step([found.net])) if found.priced else "",
        "clients": words.number(main.clients),
        "fewer": chapter.fewer(estimates.events(main)[2]),
        "chance": words.chance(found.helps),
    }
    if not found.priced:
        return words.say(
            "On average the service does not avoid events ({event}), so a price per avoided event has no meaning. "
            "Events fall {chance} (per {clients:client|clients}: {fewer}).",
            **values,
        )
    if estimates.net_saving(main).even:
        return words.say(
            "An avoided event ({event}) costs about nothing on average, when the savings are taken off. Events fall "
            "{chance} (per {clients:client|clients}: {fewer}).",
            **values,
        )
    if found.verdict is Verdict.SAVES_AND_HELPS:
        return words.say(
            "Each avoided event ({event}) also saves {cost} on average, after the service is paid. Events fall "
            "{chance} (per {clients:client|clients}: {fewer}).",
            **values,
        )
    return words.say(
        "Each avoided event ({event}) costs {cost} on average, after savings. Events fall {chance} (per "
        "{clients:client|clients}: {fewer}).",
        **values,
    )


def _prices(chapter: Chapter) -> Markup:
    words, main = chapter.words, chapter.main
    found = estimates.per_outcome(main)
    rows: list[list[Cell]] = [
        [
            words.say("Extra cost of the service per client"),
            words.say("what an hour or a place is bought for"),
            words.euros(found.extra_per_client.mean, chapter.price_step),
        ]
    ]
    even = estimates.net_saving(chapter.main).even
    if found.priced:
        rows += [
            [
                words.say("Extra cost of the service per avoided event"),
                words.say("what the change is bought for"),
                words.euros(found.service, money_step([found.service])),
            ],
            [
                words.say("Avoided cost that can be stopped per avoided event"),
                words.say("what the change saves payers: paying more for it costs more than it saves"),
                words.euros(found.saved, money_step([found.saved])),
            ],
            [
                words.say("Net cost per avoided event"),
                words.say("what remains when the savings are taken off; a minus is a saving"),
                words.euros(0.0 if even else found.net, money_step([found.net])),
            ],
        ]
    columns = (words.say("Price"), words.say("What it tells"), words.say("Euros"))
    return Table(words.say("The price of doing and the price of change, euros."), columns, rows, text_columns=2).html()


def _indicators(chapter: Chapter) -> Markup:
    """The stages of the chain: which indicators count doing, which measure change, and what steers each."""
    chain, words = chapter.chain, chapter.words
    if chain is None:
        return Markup()
    rows: list[list[Cell]] = []
    for row in chain.table(words.language):
        stage, what, *rest = row.values()
        rows.append([with_interval(stage, what), *rest])
    columns = [words.say("Stage"), words.say("Indicator"), words.say("Measures")]
    explained = words.say(
        "A quantity tells what was done; only an indicator of change tells whether it helped. An agreement that pays "
        "for quantities alone buys doing."
    )
    changes = words.listed(
        inline(node.indicator[words.language]) for _, node in chain.stages() if node.kind == "effect"
    )
    if changes:
        explained += " " + words.say("Here change is measured by: {indicators}.", indicators=changes)
    steered = Markup()
    if chain.steered:
        columns.append(words.say("What steers it"))
        steered = paragraph(
            words.say(
                "Norms bind, resources enable and information persuades; in a dialogue those who steer and those who "
                "provide agree. The last column names what a stage can be moved by, not that it has been."
            )
        )
    table = Table(words.say("The impact chain and its indicators."), columns, rows, text_columns=len(columns))
    return join(heading(4, words.say("Indicators of this service")), paragraph(explained), steered, table.html())
