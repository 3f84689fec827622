"""How sure the answer is, and whether it turns at other prices."""

from __future__ import annotations

from markupsafe import Markup

from costeff.report import estimates
from costeff.report.appraisals import Variant
from costeff.report.chapter import Chapter
from costeff.report.drawing import AxisTexts
from costeff.report.estimates import DOTS
from costeff.report.evidence import research_beside_data
from costeff.report.markup import Cell, Table, bullets, figure, heading, join, paragraph, with_interval
from costeff.report.page_figures import outcomes_figure
from costeff.report.turning import turning, worth_knowing


def how_sure(chapter: Chapter) -> Markup:
    """Probability of saving by horizon and payer, the spread of outcomes, what would turn the answer."""
    words = chapter.words
    longest = words.say(
        "Over {years:year|years} the service saves more than it costs {chance}.",
        years=words.number(chapter.main.years), chance=words.chance(estimates.probability(chapter.main)),
    )  # fmt: skip
    return join(
        paragraph(longest),
        _spread(chapter),
        _probabilities(chapter),
        turning(chapter),
        _other_prices(chapter),
        worth_knowing(chapter),
        research_beside_data(chapter),
    )


def _span(chapter: Chapter, years: int) -> str:
    words = chapter.words
    return words.say("1 year") if years == 1 else words.say("{count} years", count=words.number(years))


def _probabilities(chapter: Chapter) -> Markup:
    words, main = chapter.words, chapter.main
    spans = estimates.horizons(main)

    def cells(name: str, payer: str | None) -> list[Cell]:
        return [name, *(words.probability(estimates.probability(main, span, payer)) for span in spans)]

    rows = [cells(chapter.payer_row(str(payer)), str(payer)) for payer in main.data["payer"].values]
    columns = (words.say("Payer"), *(_span(chapter, span) for span in spans))
    caption = words.say("Probability that the service saves more than it costs, by horizon and payer.")
    return Table(caption, columns, rows, total=cells(words.say("All payers"), None)).html()


def _spread(chapter: Chapter) -> Markup:
    words = chapter.words
    table = estimates.outcomes(chapter.main)
    drawn_table = table.assign(row=[_span(chapter, int(h)) for h in table["horizon"]])
    counts = [
        words.say(
            "{span}: {saving} of {all}", span=_span(chapter, int(h)), saving=int((part["value"] > 0).sum()), all=DOTS
        )
        for h, part in table.groupby("horizon")
    ]
    alt = words.say(
        "Dot chart of {all} equally likely outcomes at each horizon. Outcomes in which the service saves: {counts}.",
        all=DOTS, counts="; ".join(counts),
    )  # fmt: skip
    sides = (words.say("costs more"), words.say("saves"))
    texts = AxisTexts(words.say("Net saving, euros"), "", alt, words.euros, sides)
    caption = words.say(
        "Each row shows {all} equally likely outcomes for {clients:client|clients}. Right of the line the service "
        "saves more than it costs.",
        all=DOTS, clients=words.number(chapter.main.clients),
    )  # fmt: skip
    return figure(outcomes_figure(drawn_table, texts), caption, words.say("The figure as a table"), _intervals(chapter))


def _intervals(chapter: Chapter) -> Markup:
    words, main = chapter.words, chapter.main
    found = [(span, estimates.net_saving(main, span)) for span in estimates.horizons(main)]
    rows: list[list[Cell]] = [[_span(chapter, span), chapter.net_cell(net)] for span, net in found]
    return Table(
        words.say("Net saving by horizon, euros"),
        (words.say("Horizon"), words.say("Net saving and its interval")),
        rows,
    ).html()


def _other_prices(chapter: Chapter) -> Markup:
    """The same chain at other price sets, when the file has them."""
    variants = chapter.appraisal.variants
    if len(variants) < 2:
        return Markup()
    words = chapter.words
    columns = (
        words.say("Price set"),
        words.say("Net saving and its interval"),
        words.say("Probability of saving"),
        words.say("Highest price per client that pays its way"),
    )
    nets = [estimates.net_saving(variant) for variant in variants]
    rows: list[list[Cell]] = []
    for variant, net in zip(variants, nets, strict=True):
        highest = estimates.prices(variant).on_average
        rows.append(
            [
                _priced(chapter, variant),
                chapter.net_cell(net),
                words.probability(estimates.probability(variant)),
                words.euros(highest, chapter.price_step) if highest > 0 else words.say("none"),
            ]
        )
    caption = words.say("The same service at other unit costs, euros. The first row is used elsewhere on this page.")
    told = [
        f"{chapter.price_set(variant)}: {about}" for variant in variants if (about := chapter.about_prices(variant))
    ]
    return join(
        heading(4, words.say("Do other unit costs change the answer?")),
        Table(caption, columns, rows).html(),
        bullets(told) if told else Markup(),
    )


def _priced(chapter: Chapter, variant: Variant) -> Markup:
    year = chapter.words.say("price year {year}", year=variant.attr("price_year"))
    return with_interval(chapter.price_set(variant), year)
