"""The unit costs behind a page, one by one: what each counts, its interval, price year and source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from costeff.report.chapter import Chapter
from costeff.report.markup import Cell, Table, join, link, tag, with_interval
from costeff.report.words import Words

REGISTER = "register"  # the cost of a service that the data hold
ASSUMED = "stated_assumption"  # among the sources: there is none


def unit_costs(chapters: Sequence[Chapter]) -> Markup:
    """A row for each unit cost, also that of a service; nothing where an appraisal names none that is known."""
    words, names = chapters[0].words, chapters[0].names
    known = [names.unit_costs[one] for one in _used(chapters) if one in names.unit_costs]
    if not known:
        return Markup()
    columns = (
        words.say("Unit cost"),
        words.say("Unit"),
        words.say("Price year"),
        words.say("Source"),
        words.say("Euros and their interval"),
    )
    caption = words.say(
        "Each unit cost as its source tells it, in the money of its own price year. The probability of each interval "
        "is in brackets."
    )
    return Table(caption, columns, [_row(chapters[0], cost) for cost in known], text_columns=4).html()


def _used(chapters: Sequence[Chapter]) -> dict[str, None]:
    """Ids in the order of the page, each once."""
    found: dict[str, None] = {}
    for one in chapters:
        if one.chain and one.chain.input.cost != REGISTER:
            found[one.chain.input.cost] = None
        found |= dict.fromkeys(str(cost) for variant in one.appraisal.variants for cost in variant.listed("prices"))
    return found


def _row(chapter: Chapter, cost: Any) -> list[Cell]:
    words, value = chapter.words, cost.latest
    unit = chapter.names.units[cost.basis].label[words.language]
    cited = join(*(tag("span", cite(words, one, chapter.names.sources[one]), class_="main") for one in value.source))
    return [cost.label[words.language], unit, str(value.price_year), cited, _euros(words, value)]


def _euros(words: Words, value: Any) -> Markup:
    """Whole euros, and the interval with its probability; a value without one says so."""
    if value.low is None or value.high is None:
        return with_interval(words.euros(value.mean), words.say("the source tells no uncertainty"))
    ends = words.between(words.euros(value.low), words.euros(value.high))
    return with_interval(words.euros(value.mean), f"{ends} ({words.percent(value.mass)})")


def cite(words: Words, one: str, source: Any) -> Cell:
    """The title of a source, as a link where it has an address; an assumption says that it is one."""
    if one == ASSUMED:
        return words.say("an assumption of these calculations")
    return link(english(words, source.title), source.url)


def english(words: Words, text: str) -> Cell:
    """References are in English; a screen reader is told so on a page in another language."""
    return text if words.language == "en" else tag("span", text, lang="en")
