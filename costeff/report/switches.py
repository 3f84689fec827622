"""How a page was counted: what could be counted otherwise, and is on or off."""

from __future__ import annotations

from costeff.report import estimates
from costeff.report.chapter import Chapter
from costeff.report.words import inline

DAYS_PER_MONTH = 365.25 / 12


def switched_on(chapter: Chapter) -> list[str]:
    """What is counted beyond the plainest way of counting; it belongs beside the answer."""
    effect = [] if chapter.main.attr("persistence") == "stops" else _effect(chapter)
    return [text for told in (effect, _links_on(chapter), *_when_on(chapter)) if (text := " ".join(told))]


def how_counted(chapter: Chapter) -> list[str]:
    """Every switch in a text of its own: the effect, later costs, the correction of funding, whole units."""
    parts = (_effect(chapter), _links_on(chapter), _links_off(chapter), _claw_back_off(chapter), *_when_on(chapter))
    return [text for told in parts if (text := " ".join(told))]


def _effect(chapter: Chapter) -> list[str]:
    """What becomes of the effect when the follow-up ends."""
    words, say, chain = chapter.words, chapter.words.say, chapter.chain
    days = chain.outcome.follow_up_days if chain else 0
    length = [say("The follow-up is {months} months.", months=words.number(days / DAYS_PER_MONTH))] if days else []
    course, years = chapter.main.attr("persistence"), words.number(chapter.main.years)
    if course == "stops":
        same = say("After it, the risk of the event is taken to be the same in both services.")
        return [say("The effect is counted for the follow-up only."), *length, same]
    unknown = [*length, say("The data do not tell how the effect goes on after the follow-up.")]
    if course == "lasts":
        text = say("After the follow-up the effect is assumed to last unchanged, over all {years} years.", years=years)
        return [text, *unknown]
    half = chapter.names.conventions.effect_half_life_years
    ends = [words.number(value, 0 if value == int(value) else 1) for value in (half.mean, half.low, half.high) if value]
    text = say(
        "After the follow-up the effect is assumed to wane: half of it is left in about {years} years.", years=ends[0]
    )
    told = [say("The half-life used varies within {range} years.", range=words.between(*ends[1:]))] if ends[1:] else []
    return [text, *told, *unknown]


def _links_on(chapter: Chapter) -> list[str]:
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
        return say("They would come only after the {years} years that are counted, so they add nothing.", years=years)
    if added.even or abs(added.mean) < chapter.step / 2:
        return say(
            "They hardly change the avoided cost that can be stopped over {years} years on average ({interval}).",
            years=years, interval=interval,
        )  # fmt: skip
    if added.mean > 0:
        return say(
            "They make the avoided cost that can be stopped about {sum} larger over {years} years ({interval}).",
            sum=chapter.amount(added), years=years, interval=interval,
        )  # fmt: skip
    return say(
        "They make the avoided cost that can be stopped about {sum} smaller over {years} years ({interval}).",
        sum=chapter.amount(added), years=years, interval=interval,
    )  # fmt: skip


def _links_off(chapter: Chapter) -> list[str]:
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


def _when_on(chapter: Chapter) -> tuple[list[str], list[str]]:
    return _claw_back_on(chapter), _whole_units(chapter)


def _claw_back_on(chapter: Chapter) -> list[str]:
    """What part of a saving changes hands, year by year, and that this is a reading of ours."""
    rule, words, say = chapter.names.claw_back, chapter.words, chapter.words.say
    if not int(chapter.main.attr("claw_back")) or rule.payer not in chapter.main.data["payer"].values:
        return []
    *turns, last = sorted(rule.turns, key=lambda turn: turn.valid_from)
    shares = [say("{share} in {year}", share=words.percent(t.share), year=t.valid_from.year) for t in turns]
    shares.append(say("{share} from {year} on", share=words.percent(last.share), year=last.valid_from.year))
    return [
        say(
            "Only part of a saving stays with this payer: {payer}. Its funding is corrected afterwards, and this much "
            "of the saving passes on ({to}): {shares}. The same holds for an extra cost.",
            payer=chapter.payer(rule.payer), to=chapter.payer(rule.to), shares=words.listed(shares),
        ),
        say(
            "Reading the correction as a claw-back of one county's own saving is our inference: it holds when all "
            "counties save alike, and takes back too much when one saves alone."
        ),
    ]  # fmt: skip


def _claw_back_off(chapter: Chapter) -> list[str]:
    """That a payer whose funding is corrected may keep less."""
    rule = chapter.names.claw_back
    if int(chapter.main.attr("claw_back")) or rule.payer not in chapter.main.data["payer"].values:
        return []
    payer = chapter.payer(rule.payer)
    return [
        chapter.words.say(
            "The correction of funding afterwards is not counted, so this payer may keep less of its saving than the "
            "page shows: {payer}.",
            payer=payer,
        )
    ]


def _whole_units(chapter: Chapter) -> list[str]:
    """That what does not stop at once stops with whole units."""
    if not int(chapter.main.attr("whole_units")):
        return []
    return [
        chapter.words.say(
            "What does not stop at once stops only when a whole unit closes, such as a home or a ward. This is counted "
            "for the {clients} clients of the page, where the size of a unit is known.",
            clients=chapter.words.number(chapter.main.clients),
        )
    ]
