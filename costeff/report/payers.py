"""Who pays, who saves, and when."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from markupsafe import Markup

from costeff.report import estimates, margins
from costeff.report.chapter import Chapter
from costeff.report.drawing import AxisTexts, Figure
from costeff.report.estimates import Estimate, PayerRow
from costeff.report.markup import Cell, Table, details, figure, heading, join, paragraph
from costeff.report.page_figures import cumulative_figure, interval_figure
from costeff.report.pocket import own_pocket
from costeff.report.words import Words


def who_pays(chapter: Chapter) -> Markup:
    """The money by payer, then by year."""
    rows, total = estimates.by_payer(chapter.main)
    return join(
        own_pocket(chapter) if chapter.of_county else join(*map(paragraph, _sentences(chapter, rows))),
        _table(chapter, rows, total),
        _drawn(chapter, rows, total),
        paragraph(f"{_stoppable_sentence(chapter, total)} {_stops_when(chapter)}".rstrip()),
        _after_correction(chapter),
        heading(4, chapter.words.say("Money by year")),
        _by_year(chapter),
        _by_payer_and_year(chapter, rows),
    )


def _sentences(chapter: Chapter, rows: list[PayerRow]) -> list[str]:
    """Who gains and who loses most; a payer with neither is in the table only."""
    words = chapter.words
    best, worst = max(rows, key=lambda row: row.net.mean), min(rows, key=lambda row: row.net.mean)
    told = []
    if best.net.mean > 0 and _told(chapter, best.net):
        told.append(
            words.say(
                "Largest net saving: {payer}, {net} ({interval}).",
                payer=chapter.payer(best.payer, in_sentence=True), net=chapter.amount(best.net),
                interval=chapter.saving(best.net),
            )
        )  # fmt: skip
    if worst.net.mean < 0 and _told(chapter, worst.net):
        told.append(
            words.say(
                "Largest net cost: {payer}, {net} ({interval}).",
                payer=chapter.payer(worst.payer, in_sentence=True), net=chapter.amount(worst.net),
                interval=chapter.saving(worst.net),
            )
        )  # fmt: skip
    return told


def _told(chapter: Chapter, net: Estimate) -> bool:
    """Whether a sum is beyond the noise of the simulation and does not round to nothing."""
    return not net.even and abs(net.mean) >= chapter.step / 2


def _table(chapter: Chapter, rows: list[PayerRow], total: PayerRow) -> Markup:
    words, main = chapter.words, chapter.main
    step = chapter.step
    rate = estimates.discount_rate(main)
    values = {"clients": words.number(main.clients), "years": words.number(main.years)}
    caption = words.say("Euros by payer, {clients:client|clients}, {years:year|years}.", **values)
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
        return [name, *plain, chapter.net_cell(row.net)]

    body = [cells(row, chapter.payer_row(row.payer)) for row in rows]
    return Table(caption, columns, body, total=cells(total, words.say("All payers"))).html()


def _drawn(chapter: Chapter, rows: list[PayerRow], total: PayerRow) -> Markup:
    """Net saving of each payer whose money does not round to nothing, where there are several."""
    words = chapter.words
    seen = _with_money(chapter, rows)
    shown = [(chapter.payer_row(row.payer), row.net, "one") for row in seen]
    if len(shown) < 2:
        return Markup()
    shown.append((words.say("All payers"), total.net, "all"))
    table = pd.DataFrame(
        [(name, net.mean, min(net.low, net.mean), max(net.high, net.mean), kind) for name, net, kind in shown],
        columns=["row", "mean", "low", "high", "kind"],
    )
    told = (f"{name}: {chapter.money(net)} ({chapter.mass(chapter.money_range(net))})" for name, net, _ in shown)
    alt = words.say("Chart of net saving with an interval for each payer: {rows}.", rows="; ".join(told))
    sides = (words.say("costs more"), words.say("saves"))
    drawn = interval_figure(table, AxisTexts(words.say("Net saving, euros"), "", alt, words.euros, sides))
    caption = words.say("Net saving of each payer, {years:year|years}.", years=words.number(chapter.main.years))
    columns = (words.say("Payer"), words.say("Net saving and its interval"), words.say("Probability of saving"))
    chances = [estimates.probability(chapter.main, payer=row.payer or None) for row in (*seen, total)]
    numbers: list[list[Cell]] = [
        [name, chapter.net_cell(net), words.probability(chance)]
        for (name, net, _), chance in zip(shown, chances, strict=True)
    ]
    behind = Table(words.say("Net saving by payer, euros"), columns, numbers).html()
    return figure(drawn, caption, words.say("The figure as a table"), behind)


def _with_money(chapter: Chapter, rows: list[PayerRow]) -> list[PayerRow]:
    """Payers whose money does not round to nothing."""
    return [row for row in rows if max(map(abs, row.net.ends)) >= chapter.step / 2]


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


def _stops_when(chapter: Chapter) -> str:
    """Which share of the avoided cost can be stopped in the short, the middle and the long run."""
    words, spans = chapter.words, estimates.horizons(chapter.main)
    shares = {span: margins.stopped_share(chapter.main, span) for span in (spans[0], spans[len(spans) // 2], spans[-1])}
    told = [
        words.say(
            "{share} in {span} ({range})",
            share=words.percent(share.mean), span=_inside(words, span),
            range=chapter.share_range(share),
        )
        for span, share in shares.items()
        if share
    ]  # fmt: skip
    if len(told) < 2:
        return ""
    return words.say("How much of it stops depends on how far one looks: {shares}.", shares=words.listed(told))


def _inside(words: Words, years: int) -> str:
    """A length of time after the word in."""
    return (
        words.say("the first year") if years == 1 else words.say("the first {count} years", count=words.number(years))
    )


def _after_correction(chapter: Chapter) -> Markup:
    """What the payer whose funding is corrected afterwards would keep, where the page does not count it."""
    rule, words = chapter.names.claw_back, chapter.words
    found = margins.corrected(chapter.main, rule)
    if found is None:
        return Markup()
    before, after = found
    told = words.say(
        "This page does not count that the funding of one payer is corrected {lag} years afterwards: {payer}. By the "
        "shares of a government proposal its result is: {after} ({interval}); without the correction: {before}. The "
        "rest passes on to another payer, {to}. This holds if costs change alike in the whole country. What is "
        "corrected after {last} is not counted.",
        lag=words.number(rule.lag_years), payer=chapter.payer(rule.payer), to=chapter.payer(rule.to),
        after=_result(chapter, after), before=_result(chapter, before), interval=chapter.saving(after),
        last=int(chapter.main.data["year"][-1]),
    )  # fmt: skip
    return paragraph(told)


def _result(chapter: Chapter, net: Estimate) -> str:
    """A net saving or a net cost, inside a sentence."""
    words = chapter.words
    if not _told(chapter, net):
        return words.say("about as much saved as spent")
    amount = chapter.amount(net)
    return words.say("net saving {net}", net=amount) if net.mean > 0 else words.say("net cost {net}", net=amount)


def _by_year(chapter: Chapter) -> Markup:
    words = chapter.words
    table = estimates.running_total(chapter.main)
    back = estimates.payback(chapter.main)
    lowest = table.loc[table["mean"].idxmin()]
    trough = _estimate(lowest)
    end = table.iloc[-1]
    told = (
        words.say(
            "At its lowest, in {year}, the running total is {trough} ({interval}).",
            year=int(lowest["year"]), trough=chapter.money(trough),
            interval=chapter.mass(chapter.money_range(trough)),
        )
        if trough.mean < 0 and not trough.even
        else words.say("The running total does not fall below zero in any year on average.")
    )  # fmt: skip
    last = _estimate(end)
    alt = words.say(
        "Line chart of the running total by year. {told} In {year} it is {last} ({interval}).",
        told=told, year=int(end["year"]), last=chapter.money(last), interval=chapter.mass(chapter.money_range(last)),
    )  # fmt: skip
    texts = AxisTexts(words.say("Year"), words.say("Running total, euros"), alt, words.euros)
    drawn = cumulative_figure(table, texts, back.year)
    caption = words.say(
        "Savings less costs from the first year on, {clients:client|clients}. The band holds {mass} of the possible "
        "outcomes.",
        clients=words.number(chapter.main.clients), mass=words.percent(chapter.main.mass),
    )  # fmt: skip
    summary = words.say("The figure as a table")
    return join(paragraph(told), figure(drawn, caption, summary, _year_table(chapter, drawn)))


def _by_payer_and_year(chapter: Chapter, rows: list[PayerRow]) -> Markup:
    """In which year each payer pays and saves, where there are several."""
    words, shown = chapter.words, _with_money(chapter, rows)
    if len(shown) < 2:
        return Markup()
    names = [chapter.payer_row(row.payer) for row in shown]
    columns = (words.say("Year"), *names, words.say("All payers"))
    flows = [estimates.net_by_year(chapter.main, payer) for payer in (*(row.payer for row in shown), None)]
    years = (int(year) for year in chapter.main.data["year"].values)
    body = [
        [str(year), *(_year_cell(chapter, net) for net in found)] for year, *found in zip(years, *flows, strict=True)
    ]
    name = words.say("Savings less costs by payer and year, euros")
    return details(name, Table(name, columns, body).html())


def _year_cell(chapter: Chapter, net: Estimate) -> Cell:
    """Without the interval where all of it rounds to nothing."""
    nothing = max(map(abs, (net.mean, *net.ends))) < chapter.step / 2
    return chapter.words.euros(0) if nothing else chapter.net_cell(net)


def _estimate(row: Mapping[str, float]) -> Estimate:
    return Estimate(*(float(row[name]) for name in ("mean", "low", "high", "error")))


def _year_table(chapter: Chapter, drawn: Figure) -> Markup:
    words = chapter.words
    step = chapter.step
    rows: list[list[Cell]] = []
    for row in drawn.table.to_dict("records"):
        rows.append([str(int(row["year"])), words.euros(row["in_year"], step), chapter.net_cell(_estimate(row))])
    columns = (words.say("Year"), words.say("Savings less costs"), words.say("Running total and its interval"))
    return Table(words.say("Money by year, euros"), columns, rows).html()
