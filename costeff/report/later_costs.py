"""Later costs that follow from an avoided event: which are counted, what they add, and which are not."""

from __future__ import annotations

from costeff.report import estimates
from costeff.report.chapter import Chapter
from costeff.report.words import inline


def links_on(chapter: Chapter) -> list[str]:
    """Later costs that are counted, on what kind of evidence, and what they add."""
    say, known, on = chapter.words.say, chapter.names.links, chapter.main.listed("links")
    effects = [link for link in on if link in known and known[link].kind == "effect"]
    others = [link for link in on if link not in effects]
    told = []
    if others:
        told = [
            say("Later costs that are associated with the event are counted: {links}.", links=_named(chapter, others)),
            say("This is an association, not proof that avoiding the event changes them."),
        ]
    if effects:
        told.append(
            say(
                "Later costs that research has shown to follow from the event are counted: {links}.",
                links=_named(chapter, effects),
            )
        )
    return [*told, _sum(chapter)] if on and chapter.main.passed else told


def _sum(chapter: Chapter) -> str:
    """What the links add to the avoided cost that can be stopped."""
    say, added = chapter.words.say, estimates.linked(chapter.main)
    shown = added if added.mean >= 0 else added.turned
    interval, years = chapter.mass(chapter.money_range(shown)), chapter.words.number(chapter.main.years)
    if not any(added.ends):
        return say(
            "They would come only after the {years:year|years} that are counted, so they add nothing.", years=years
        )
    if max(map(abs, added.ends)) < chapter.step / 2:
        return say(
            "They change the avoided cost that can be stopped by less than {sum} over {years:year|years}.",
            sum=chapter.words.money(chapter.step), years=years,
        )  # fmt: skip
    if added.even:
        return say(
            "They hardly change the avoided cost that can be stopped over {years:year|years} on average ({interval}).",
            years=years, interval=interval,
        )  # fmt: skip
    if abs(added.mean) < chapter.step / 2:
        return say(
            "On average they change the avoided cost that can be stopped by less than {sum} over {years:year|years} "
            "({interval}).",
            sum=chapter.words.money(chapter.step), years=years, interval=interval,
        )  # fmt: skip
    if added.mean > 0:
        return say(
            "They make the avoided cost that can be stopped about {sum} larger over {years:year|years} ({interval}).",
            sum=chapter.amount(added), years=years, interval=interval,
        )  # fmt: skip
    return say(
        "They make the avoided cost that can be stopped about {sum} smaller over {years:year|years} ({interval}).",
        sum=chapter.amount(added), years=years, interval=interval,
    )  # fmt: skip


def links_off(chapter: Chapter) -> list[str]:
    """Later costs that are not counted, and those that are counted already within another."""
    say, known = chapter.words.say, chapter.names.links
    off, told = chapter.main.listed("links_off"), []
    for link in chapter.main.listed("links"):
        within = [other for other in off if link in known and other in known[link].contains]
        off = [other for other in off if other not in within]
        if within:
            holder, links = _named(chapter, [link]), _named(chapter, within)
            told.append(say("Counted already within another ({link}): {links}.", link=holder, links=links))
    if off:
        told.append(say("Later costs that could follow and are not counted: {links}.", links=_named(chapter, off)))
    return told


def _named(chapter: Chapter, links: list[str]) -> str:
    """Labels inside a sentence; an id where the catalogue does not know the link."""
    known, language = chapter.names.links, chapter.words.language
    return chapter.words.listed(inline(known[link].label[language]) if link in known else link for link in links)
