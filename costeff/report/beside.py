"""In comparison: a municipality beside its county, municipalities of its size and the country; a county's own.

Never a rank: every number has its interval, and whether two places differ is asked of the same draws.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

import pandas as pd
from markupsafe import Markup

from costeff.report.chapter import Chapter
from costeff.report.drawing import AxisTexts
from costeff.report.estimates import Estimate
from costeff.report.markup import Cell, Table, figure, join, paragraph, with_interval
from costeff.report.page_figures import interval_figure
from costeff.report.places import OWN, Placed, placed
from costeff.report.words import nordic


def in_comparison(chapter: Chapter) -> Markup:
    """Whether the place differs from the country, and by how much it may."""
    words, found = chapter.words, placed(chapter.main, "area")
    if not found:
        return _nowhere_else(chapter)
    own = found[OWN]
    assert own.more_saved is not None  # the reference is the country
    assert own.more_avoided is not None
    names = {kind: _area(chapter, kind) for kind in found}
    explained = words.say(
        "The figure of an area is the mean of its municipalities, each weighing as many as live in it, this one among "
        "them. A difference may be due to need, to clients or to chance. This is no ranking."
    )
    if chapter.of_county:
        explained = words.say(
            "The figure of an area is the mean of its municipalities, each weighing as many as live in it. A "
            "difference may be due to need, to clients or to chance. This is no ranking."
        )
    if chapter.main.attr("evidence") != "local":
        explained += " " + words.say("An estimate from few clients is drawn towards that of the others.")
    difference = words.say("Difference of the net saving to the whole country")
    return join(
        paragraph(f"{_saving_sentence(chapter, own.more_saved)} {_events_sentence(chapter, own.more_avoided)}"),
        paragraph(explained),
        _drawn(chapter, found, names, words.say("Area"), difference),
    )


def members(chapter: Chapter) -> Markup:
    """The municipalities of a county by name, with their intervals."""
    words, found = chapter.words, placed(chapter.main, "member")
    if len(found) < 3:  # the county and one municipality are the same place
        return Markup()
    told = json.loads(chapter.main.attr("members"))
    names = {code: str(told[code][words.language]) for code in found if code != OWN}
    names = {OWN: _area(chapter, OWN)} | dict(sorted(names.items(), key=lambda item: nordic(item[1])))
    differ = [one for one in found.values() if one.more_saved is not None and not one.more_saved.mixed]
    text = words.say(
        "Municipalities whose net saving differs clearly from that of the whole area: {count} of {all}. They stand in "
        "alphabetical order, not in that of their figures: a difference may be due to need, to clients or to chance.",
        count=words.number(len(differ)), all=words.number(len(found) - 1),
    )  # fmt: skip
    leaning = words.say("An estimate from few clients is drawn towards that of the others.")
    difference = words.say("Difference of the net saving to the whole area")
    return join(
        paragraph(f"{text} {leaning}"),
        _drawn(chapter, {code: found[code] for code in names}, names, words.say("Municipality"), difference),
    )


def _nowhere_else(chapter: Chapter) -> Markup:
    """Why nothing is compared."""
    if chapter.main.attr("evidence") != "borrowed":
        return Markup()
    text = chapter.words.say(
        "The effect is borrowed from research, and its estimate is the same everywhere. So places are not compared."
    )
    return paragraph(text)


def _area(chapter: Chapter, kind: str) -> str:
    """The name of a place in the language of the page."""
    attr, language = chapter.main.attr, chapter.words.language
    if kind == OWN:
        return str(attr(f"municipality_{language}") or attr("municipality_fi"))
    if kind == "country":
        return chapter.words.say("Whole country")
    return str(attr(f"{kind}_{language}") or attr(f"{kind}_fi"))


# --- sentences ------------------------------------------------------------------------------------


def _saving_sentence(chapter: Chapter, more: Estimate) -> str:
    words = chapter.words
    values = {
        "difference": chapter.amount(more),
        "clients": words.number(chapter.main.clients),
        "interval": chapter.mass(chapter.money_range(more if more.mean >= 0 else more.turned)),
    }
    if more.mixed:
        values |= {"difference": chapter.money(more), "interval": chapter.mass(chapter.money_range(more))}
        return words.say(
            "The net saving here does not differ clearly from that of the whole country: the difference is "
            "{difference} for {clients:client|clients} ({interval}).",
            **values,
        )
    if more.mean > 0:
        return words.say(
            "The net saving is clearly larger here than in the whole country: the difference is {difference} for "
            "{clients:client|clients} ({interval}).",
            **values,
        )
    return words.say(
        "The net saving is clearly smaller here than in the whole country: the difference is {difference} for "
        "{clients:client|clients} ({interval}).",
        **values,
    )


def _events_sentence(chapter: Chapter, more: Estimate) -> str:
    words, told = chapter.words, more if more.mixed or more.mean >= 0 else more.turned
    values = {
        "event": chapter.event,
        "difference": chapter.count(told.mean),
        "clients": words.number(chapter.main.clients),
        "interval": chapter.mass(chapter.plain_range(told, chapter.count)),
    }
    if more.mixed:
        return words.say(
            "The number of avoided events ({event}) does not differ clearly: the difference is {difference} for "
            "{clients:client|clients} ({interval}).",
            **values,
        )
    if more.mean > 0:
        return words.say(
            "Clearly more events ({event}) are avoided here: the difference is {difference} for "
            "{clients:client|clients} ({interval}).",
            **values,
        )
    return words.say(
        "Clearly fewer events ({event}) are avoided here: the difference is {difference} for {clients:client|clients} "
        "({interval}).",
        **values,
    )


# --- figure and table -----------------------------------------------------------------------------


def _drawn(chapter: Chapter, found: dict[str, Placed], names: dict[str, str], first: str, difference: str) -> Markup:
    """Net savings with their intervals, and all that is compared as a table."""
    words, main = chapter.words, chapter.main
    rows = [(names[key], *one.saved.ends, "all" if key == OWN else "one") for key, one in found.items()]
    table = pd.DataFrame(rows, columns=["row", "mean", "low", "high", "kind"])
    listed = "; ".join(
        f"{names[key]} {chapter.money(one.saved)} ({chapter.mass(chapter.money_range(one.saved))})"
        for key, one in found.items()
    )
    alt = words.say("Chart of the net saving of each place with an interval: {rows}.", rows=listed)
    sides = (words.say("costs more"), words.say("saves"))
    drawn = interval_figure(table, AxisTexts(words.say("Net saving, euros"), "", alt, words.euros, sides))
    caption = words.say(
        "Net saving for {clients:client|clients} over {years:year|years}. The line holds {mass} of the possible "
        "outcomes; the dot is the place this page is about.",
        clients=words.number(main.clients), years=words.number(main.years), mass=words.percent(main.mass),
    )  # fmt: skip
    told = _table(chapter, ((names[key], one) for key, one in found.items()), first, difference)
    return figure(drawn, caption, words.say("The figure as a table"), told)


def _table(chapter: Chapter, rows: Iterable[tuple[str, Placed]], first: str, difference: str) -> Markup:
    words = chapter.words

    def counted(one: Estimate) -> Markup:
        return with_interval(chapter.count(one.mean), chapter.plain_range(one, chapter.count))

    columns = (
        first,
        words.say("Events with the usual service"),
        words.say("Events avoided"),
        words.say("Net saving and its interval"),
        difference,
    )
    body: list[list[Cell]] = [
        [
            name,
            counted(one.events),
            counted(one.avoided),
            chapter.net_cell(one.saved),
            chapter.net_cell(one.more_saved) if one.more_saved else "–",
        ]
        for name, one in rows
    ]
    caption = words.say(
        "Places beside each other, {clients:client|clients}: events, and euros at their present value. A minus is a "
        "net cost or a smaller saving. Differences are taken before rounding.",
        clients=words.number(chapter.main.clients),
    )
    return Table(caption, columns, body).html()
