"""Published research, the data, and both: how far the estimate rests on each."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
from markupsafe import Markup

from costeff.report import estimates
from costeff.report.chapter import Chapter
from costeff.report.drawing import AxisTexts
from costeff.report.estimates import Estimate
from costeff.report.markup import Cell, Table, figure, heading, join, paragraph, with_interval
from costeff.report.page_figures import interval_figure
from costeff.report.words import inline

KINDS = {"prior": "new", "alone": "one", "both": "all"}  # of rows in the figure


def _told(chapter: Chapter) -> dict[str, Any]:
    text = chapter.main.attr("evidence_prior")
    found: dict[str, Any] = json.loads(text) if text else {}
    return found


def research_counted(chapter: Chapter) -> list[str]:
    """Whether published research is in the estimate, and how probable it is that it holds here."""
    words, found = chapter.words, _told(chapter)
    if not found:
        return []
    if not found["prior"]:
        return [words.say("Published research is left out of the estimate.")]
    return [
        words.say(
            "Published research is where the estimate starts from. With the data counted in, it holds here with a "
            "probability of {after}; before them the probability was {before}.",
            after=words.share(found["believed_after"]), before=words.share(found["prior"]["weight"]),
        )
    ]  # fmt: skip


def how_believed(chapter: Chapter) -> list[str]:
    """The switch of published research: discounted, as published, or left out."""
    say, found = chapter.words.say, _told(chapter)
    if not found:
        return []
    return [
        {
            "discounted": say("Published research is believed less than its figures say, because of how it was done."),
            "published": say("Published research is taken as it was published, however it was done."),
            "none": say("Published research is left out of the estimate."),
        }[found["belief"]]
    ]


def research_beside_data(chapter: Chapter) -> Markup:
    """Research alone, the data alone and both: a sentence, a figure and its table; nothing without research."""
    words, found, rows = chapter.words, _told(chapter), estimates.by_evidence(chapter.main)
    if not rows:
        return Markup()
    names = {
        "prior": words.say("Published research alone"),
        "alone": words.say("The data alone"),
        "both": words.say("Both together"),
    }
    listed = "; ".join(f"{inline(names[key])} {_with_range(chapter, avoided)}" for key, (avoided, _) in rows.items())
    clients = words.number(chapter.main.clients)
    texts = [
        words.say(
            "Fewer events ({event}) among {clients:client|clients}, by what is counted: {rows}.",
            event=chapter.event, clients=clients, rows=listed,
        )
    ]  # fmt: skip
    if "alone" not in rows:
        texts.append(words.say("What the data say alone cannot be told: too few draws of the simulation speak for it."))
    if found["made_so"]:
        texts.append(
            words.say(
                "The synthetic data were made from the same research, so here the research is right by construction. "
                "With real data it need not be."
            )
        )
    return join(
        heading(4, words.say("Do research and the data agree?")),
        paragraph(" ".join(texts)),
        _drawn(chapter, rows, names, listed),
    )


def _drawn(chapter: Chapter, rows: dict[str, tuple[Estimate, Estimate]], names: dict[str, str], listed: str) -> Markup:
    words, clients = chapter.words, chapter.words.number(chapter.main.clients)
    table = pd.DataFrame(
        [(names[key], *avoided.ends, KINDS[key]) for key, (avoided, _) in rows.items()],
        columns=["row", "mean", "low", "high", "kind"],
    )
    alt = words.say("Chart of fewer events with an interval for each: {rows}.", rows=listed)
    x = words.say("Fewer events per {clients:client|clients}", clients=clients)
    caption = words.say(
        "Fewer events among {clients:client|clients} by what is counted. Left of the line there are more of them.",
        clients=clients,
    )
    drawn = interval_figure(table, AxisTexts(x, "", alt, chapter.count))
    return figure(drawn, caption, words.say("The figure as a table"), _table(chapter, rows, names))


def _table(chapter: Chapter, rows: dict[str, tuple[Estimate, Estimate]], names: dict[str, str]) -> Markup:
    words = chapter.words
    measures = {
        "odds_ratio": words.say("Odds ratio and its interval"),
        "hazard_ratio": words.say("Hazard ratio and its interval"),
    }
    columns = (
        words.say("What is counted"),
        words.say("Fewer events and the interval"),
        measures[str(chapter.main.attr("measure"))],
    )
    told: list[list[Cell]] = [
        [
            names[key],
            with_interval(chapter.count(avoided.mean), chapter.plain_range(avoided, chapter.count)),
            with_interval(_ratio(chapter, ratio.mean), chapter.plain_range(ratio, lambda v: _ratio(chapter, v))),
        ]
        for key, (avoided, ratio) in rows.items()
    ]
    caption = words.say(
        "Fewer events among {clients:client|clients}, and the effect of the service, by what is counted; a minus is "
        "more events.",
        clients=words.number(chapter.main.clients),
    )
    return Table(caption, columns, told).html()


def _ratio(chapter: Chapter, value: float) -> str:
    return chapter.words.number(value, 2)


def _with_range(chapter: Chapter, estimate: Estimate) -> str:
    return f"{chapter.count(estimate.mean)} ({chapter.mass(chapter.plain_range(estimate, chapter.count))})"
