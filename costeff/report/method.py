"""How the page was done, for somebody who has not done such a thing: method, checks, words, citation."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from costeff.disclosure import BASE, THRESHOLD
from costeff.report.chapter import Chapter
from costeff.report.glossary import in_order
from costeff.report.markup import bullets, details, join, paragraph, terms
from costeff.report.words import Words


def method(words: Words) -> Markup:
    """What is compared, how a change is estimated and becomes euros, and how clients are protected."""
    say = words.say
    texts = (
        say(
            "In short: two ways to serve the same clients are compared, the change in their lives is estimated, and "
            "the change is followed year by year to the euros that each payer pays or saves."
        ),
        say(
            "A small municipality has few clients. Municipalities therefore learn from each other through a model "
            "shared by the whole country. The fewer clients a municipality has, the more its estimate leans on the "
            "others. The page tells how much."
        ),
        say(
            "The change is first turned into time, for example years in care, and the time into euros with unit "
            "costs. Each unit cost has a source and a price year, which the page names."
        ),
        say(
            "No figure is exact. Beside it stands an interval that holds the true figure with the stated probability, "
            "if the assumptions of the model hold. The wider the interval, the less is known."
        ),
        say(
            "No page tells of any one client. Numbers of clients below {threshold} are not shown, and the others are "
            "rounded to the nearest {base}. Each page is checked before it is published, and a page that does not "
            "pass is not published.",
            threshold=THRESHOLD, base=BASE,
        ),
    )  # fmt: skip
    return join(*map(paragraph, texts))


def checks(chapters: Sequence[Chapter]) -> Markup:
    """What a model has to pass, and which service passed: borrowed effects have no model of their own."""
    say = chapters[0].words.say
    told = say(
        "Before a figure is shown, the model behind it has to pass four checks: repeated simulations reach the same "
        "result (R-hat), there are enough independent draws (ESS), no part of the model is left unexplored "
        "(divergences, E-BFMI), and the model reproduces what the data hold (posterior predictive check)."
    )
    return join(paragraph(told), bullets(f"{one.title}: {_checked(one)}" for one in chapters))


def _checked(chapter: Chapter) -> str:
    say = chapter.words.say
    if not chapter.main.passed:
        return say("did not pass, so no figure is given. The reasons stand with the answer.")
    if chapter.main.attr("evidence") == "borrowed":
        return say("the effect comes from published research, so there is no model of its own to check.")
    return say("passed all of them.")


def glossary(words: Words) -> Markup:
    """The words of the pages explained, folded."""
    found = in_order(words.language)
    pairs = [(one.term[words.language], one.meaning[words.language]) for one in found]
    return details(words.say("Words of the page explained ({count})", count=len(pairs)), terms(pairs))


def citation(chapters: Sequence[Chapter], title: str) -> Markup:
    """How the page is cited, so that whoever reads it finds the same figures."""
    words = chapters[0].words
    mains = [chapter.main for chapter in chapters]
    listed = [", ".join(dict.fromkeys(str(v.attr(name))[:16] for v in mains)) for name in ("version", "seed")]
    hashes = ", ".join(dict.fromkeys(str(v.attr("input_hash"))[:16] for v in mains))
    told = words.say(
        "{title}. Made with costeff {version}, seed {seed}, inputs {hashes}.",
        title=title, version=listed[0], seed=listed[1], hashes=hashes,
    )  # fmt: skip
    dated = words.say(
        "Add who published the page and when you read it. The day up to which the data reach is not in the "
        "calculation: ask whoever gave the data."
    )
    return join(paragraph(told), paragraph(dated))
