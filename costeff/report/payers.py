"""Who pays, who saves, and when."""

from __future__ import annotations

from functools import partial

from markupsafe import Markup

from costeff.report import estimates
from costeff.report.chapter import Chapter
from costeff.report.estimates import Estimate, PayerRow
from costeff.report.figures import AxisTexts, Figure, cumulative_figure
from costeff.report.markup import Cell, Table, figure, heading, join, paragraph, with_interval


def who_pays(chapter: Chapter) -> Markup:
    """The money by payer, then by year."""
    rows, total = estimates.by_payer(chapter.main)
    return join(
        *(paragraph(sentence) for sentence in _sentences(chapter, rows)),
        _table(chapter, rows, total),
        paragraph(_stoppable_sentence(chapter, total)),
        heading(4, chapter.words.say("Money by year")),
        _by_year(chapter),
    )


def _sentences(chapter: Chapter, rows: list[PayerRow]) -> list[str]:
    """Who gains and who loses most; a payer with neither is in the table only."""
    words = chapter.words
    best, worst = max(rows, key=lambda row: row.net.mean), min(rows, key=lambda row: row.net.mean)
    told = []
    if best.net.mean > 0:
        told.append(
            words.say(
                "Largest net saving: {payer}, {net} ({interval}).",
                payer=words.payer(best.payer), net=chapter.amount(best.net), interval=chapter.saving(best.net),
            )
        )  # fmt: skip
    if worst.net.mean < 0:
        told.append(
            words.say(
                "Largest net cost: {payer}, {net} ({interval}).",
                payer=words.payer(worst.payer), net=chapter.amount(worst.net), interval=chapter.saving(worst.net),
            )
        )  # fmt: skip
    return told


def _table(chapter: Chapter, rows: list[PayerRow], total: PayerRow) -> Markup:
    words, main = chapter.words, chapter.main
    step = chapter.step
    rate = estimates.discount_rate(main)
    values = {"clients": words.number(main.clients), "years": words.number(main.years)}
    caption = words.say("Euros by payer, {clients} clients, {years} years.", **values)
    if rate > 0:
        caption += " " + words.say(
            "Money of later years is counted at its present value ({rate} a year).", rate=words.rate(rate)
        )
    columns = (
        words.say("Payer"),
        words.say("Extra cost of the service"),
        words.say("Avoided cost that can be stopped"),
        words.say("Avoided cost at average price"),
        words.say("Net saving and its interval"),
    )

    def cells(row: PayerRow, name: str) -> list[Cell]:
        plain = [words.euros(part.mean, step) for part in (row.service, row.stoppable, row.average)]
        return [name, *plain, _net(chapter, row.net, step)]

    body = [cells(row, words.payer(row.payer)) for row in rows]
    return Table(caption, columns, body, total=cells(total, words.say("All payers"))).html()


def _net(chapter: Chapter, net: Estimate, step: float) -> Markup:
    write = partial(chapter.words.euros, step=step)
    return with_interval(write(net.mean), chapter.plain_range(net, write))


def _stoppable_sentence(chapter: Chapter, total: PayerRow) -> str:
    """Why an average price is not a saving, with this chain's own figures."""
    words = chapter.words
    told = words.say(
        "An average price includes premises, administration and other costs that remain when there is one client "
        "fewer. Only what a payer can really stop paying is counted as saved."
    )
    grows = total.average.mean < 0
    average, stoppable = (part.turned if grows else part for part in (total.average, total.stoppable))
    values = {
        "average": chapter.money(average),
        "average_interval": chapter.mass(chapter.money_range(average)),
        "stoppable": chapter.money(stoppable),
        "stoppable_interval": chapter.mass(chapter.money_range(stoppable)),
    }
    if grows:
        numbers = words.say(
            "Here other costs grow instead: at average price by {average} ({average_interval}), and in what payers "
            "really have to pay by {stoppable} ({stoppable_interval}).",
            **values,
        )
    else:
        numbers = words.say(
            "At average price the avoided cost would be {average} ({average_interval}); {stoppable} of it can be "
            "stopped ({stoppable_interval}).",
            **values,
        )
    return f"{told} {numbers}"


def _by_year(chapter: Chapter) -> Markup:
    words = chapter.words
    table = estimates.running_total(chapter.main)
    back = estimates.payback(chapter.main)
    lowest = table.loc[table["mean"].idxmin()]
    trough = Estimate(float(lowest["mean"]), float(lowest["low"]), float(lowest["high"]))
    end = table.iloc[-1]
    told = (
        words.say(
            "At its lowest, in {year}, the running total is {trough} ({interval}).",
            year=int(lowest["year"]), trough=chapter.money(trough),
            interval=chapter.mass(chapter.money_range(trough)),
        )
        if trough.mean < 0
        else words.say("The running total does not fall below zero in any year on average.")
    )  # fmt: skip
    last = Estimate(float(end["mean"]), float(end["low"]), float(end["high"]))
    alt = words.say(
        "Line chart of the running total by year. {told} In {year} it is {last} ({interval}).",
        told=told, year=int(end["year"]), last=chapter.money(last), interval=chapter.mass(chapter.money_range(last)),
    )  # fmt: skip
    texts = AxisTexts(words.say("Year"), words.say("Running total, euros"), alt, words.euros)
    drawn = cumulative_figure(table, texts, back.year)
    caption = words.say(
        "Savings less costs from the first year on, {clients} clients. The band holds {mass} of the possible outcomes.",
        clients=words.number(chapter.main.clients), mass=words.percent(chapter.main.mass),
    )  # fmt: skip
    summary = words.say("The figure as a table")
    return join(paragraph(told), figure(drawn, caption, summary, _year_table(chapter, drawn)))


def _year_table(chapter: Chapter, drawn: Figure) -> Markup:
    words = chapter.words
    step = chapter.step
    rows: list[list[Cell]] = []
    for row in drawn.table.to_dict("records"):
        total = Estimate(row["mean"], row["low"], row["high"])
        rows.append([str(int(row["year"])), words.euros(row["in_year"], step), _net(chapter, total, step)])
    columns = (words.say("Year"), words.say("Savings less costs"), words.say("Running total and its interval"))
    return Table(words.say("Money by year, euros"), columns, rows).html()
