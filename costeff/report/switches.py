"""How a page was counted: what could be counted otherwise, and is on or off."""

from __future__ import annotations

from costeff.report.chapter import Chapter
from costeff.report.evidence import how_believed
from costeff.report.later_costs import links_off, links_on

DAYS_PER_MONTH = 365.25 / 12


def switched_on(chapter: Chapter) -> list[str]:
    """What is counted beyond the plainest way of counting; it belongs beside the answer."""
    effect = [] if chapter.main.attr("persistence") == "stops" else _effect(chapter)
    return [text for told in (effect, links_on(chapter), *_when_on(chapter)) if (text := " ".join(told))]


def how_counted(chapter: Chapter) -> list[str]:
    """Every switch in a text of its own: the effect, research, profiles, later costs, funding, whole units."""
    parts = (
        _effect(chapter),
        how_believed(chapter),
        _profiles(chapter),
        links_on(chapter),
        links_off(chapter),
        _claw_back_off(chapter),
        *_when_on(chapter),
    )
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
        text = say(
            "After the follow-up the effect is assumed to last unchanged, over all {years:year|years}.", years=years
        )
        return [text, *unknown]
    half = chapter.names.conventions.effect_half_life_years
    ends = [words.number(value, 0 if value == int(value) else 1) for value in (half.mean, half.low, half.high) if value]
    text = say(
        "After the follow-up the effect is assumed to wane: half of it is left in about {years:year|years}.",
        years=ends[0],
    )
    told = [say("The half-life used varies within {range} years.", range=words.between(*ends[1:]))] if ends[1:] else []
    return [text, *told, *unknown]


def _profiles(chapter: Chapter) -> list[str]:
    """That the outcome model reads what counties told of themselves, and what of it."""
    say, names = chapter.words.say, chapter.main.attr("covariates")
    kinds = {
        "integrated": say("how services are organised"),
        "cooperation": say("how cooperation works"),
        "staff": say("how much staff there is for the inhabitants"),
    }
    told = [text for kind, text in kinds.items() if any(n.startswith(kind) for n in str(names or "").split(","))]
    if not told:
        return []
    return [
        say(
            "The estimate also reads what wellbeing services counties have told of themselves: {what}. It moves the "
            "level expected in a municipality with either service, and does not tell why counties differ.",
            what=chapter.words.listed(told),
        )
    ]


def _when_on(chapter: Chapter) -> tuple[list[str], list[str]]:
    return _claw_back_on(chapter), _whole_units(chapter)


def _claw_back_on(chapter: Chapter) -> list[str]:
    """What part of a saving changes hands, year by year, and that this is a reading of ours."""
    rule, words, say = chapter.names.claw_back, chapter.words, chapter.words.say
    if not int(chapter.main.attr("claw_back")) or rule.payer not in chapter.main.data["payer"].values:
        return []
    first = int(chapter.main.data["year"][0]) + rule.lag_years  # the first correction of the page
    inside = sorted(rule.turns, key=lambda turn: turn.valid_from)
    started = [turn for turn in inside if turn.valid_from.year <= first]
    *turns, last = [*started[-1:], *(turn for turn in inside if turn.valid_from.year > first)]
    shares = [say("{share} in {year}", share=words.percent(t.share), year=max(first, t.valid_from.year)) for t in turns]
    since = max(first, last.valid_from.year)
    shares.append(say("{share} from {year} on", share=words.percent(last.share), year=since))
    return [
        say(
            "Only part of a saving stays with this payer: {payer}. Its funding is corrected {lag} years afterwards, "
            "and this much of the saving then passes on to another payer, {to}: {shares}. The same holds for an extra "
            "cost. What is corrected after the last year is not counted.",
            payer=chapter.payer(rule.payer), to=chapter.payer(rule.to), shares=words.listed(shares),
            lag=words.number(rule.lag_years),
        ),
        say(
            "The shares are from a government proposal. Reading the correction as a claw-back of one county's own "
            "saving is our inference: it holds when all counties save alike, and takes back too much when one saves "
            "alone."
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
            "for the {clients:client|clients} of the page, where the size of a unit is known.",
            clients=chapter.words.number(chapter.main.clients),
        )
    ]
