"""The answer of a what-if: what is saved as asked, beside what is saved at the start, by payer and over time."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import xarray as xr
from markupsafe import Markup

from costeff.decision import differences
from costeff.decision.appraised import ALL
from costeff.report import estimates
from costeff.report.answer import money_sentence, when_sentence, withheld
from costeff.report.appraisals import Appraisal, Variant
from costeff.report.chapter import Chapter, Names
from costeff.report.compared import difference_of, interval_in_words, net_step, payer_name
from costeff.report.drawing import AxisTexts, Figure
from costeff.report.estimates import Estimate
from costeff.report.markup import Cell, Table, image, join, notice, paragraph, tag
from costeff.report.page_figures import cumulative_figure, interval_figure
from costeff.report.words import Words, inline, money_step, nice_step

START, NOW = "start", "now"


@dataclass(frozen=True, repr=False)
class Answer:
    """Sentences, a table by payer and two figures; shows itself as text and as HTML."""

    sentences: tuple[str, ...]
    body: Markup
    figures: tuple[Figure, ...] = ()

    def __repr__(self) -> str:
        return " ".join(self.sentences)

    def _repr_html_(self) -> str:
        told = join(*(paragraph(sentence) for sentence in self.sentences))
        drawn = tag("div", join(*map(image, self.figures)), class_="costeff-figures") if self.figures else ""
        return str(tag("div", join(told, self.body, drawn), class_="costeff-answer"))


def answer_asked(names: Names, words: Words, now: xr.Dataset, start: xr.Dataset, payer: str | None = None) -> Answer:
    """What a what-if comes to.

    Parameters
    ----------
    now, start
        Appraisals of one place, as asked and as it was at the start, from the same draws.
    payer
        Whose money the sentences and the course over the years tell; None: that of all.
    """
    whole = _chapter(names, words, now)
    if not whole.main.passed:
        return Answer((words.say("No result is given for this service."),), withheld(whole))
    found = differences({START: start, NOW: now}, START)
    asked = _chapter(names, words, now.reindex(payer=[payer], fill_value=0.0)) if payer else whole
    net, back = estimates.net_saving(asked.main), estimates.payback(asked.main)
    whose = f"{payer_name(words, payer)}: " if payer else ""
    money = money_sentence(asked, net)
    sentences = [f"{whose}{inline(money) if whose else money}", when_sentence(asked, back)]
    if bool((found["difference"] != 0).any()) and payer in (None, *found["payer"].values):
        sentences.append(_change(words, found, payer or ALL))
    figures = (_by_payer(words, found, " ".join(sentences)), _course(asked, whose, back))
    warning = _warning(words) if whole.main.synthetic else Markup()
    return Answer(tuple(sentences), join(_table(words, found), warning), figures)


def _chapter(names: Names, words: Words, ds: xr.Dataset) -> Chapter:
    chain = str(ds.attrs["chain"])
    return Chapter(words, names, Appraisal(chain, (Variant(chain, ds),)))


def _change(words: Words, found: xr.Dataset, payer: str) -> str:
    """How the net saving differs from that of the start."""
    more = difference_of(found, NOW, payer)
    step = _own_step(more)
    sign = "+" if more.mean >= step / 2 else ""
    return words.say(
        "Change of the net saving from the start: {difference} ({interval}).",
        difference=sign + words.money(more.mean, step),
        interval=interval_in_words(words, more, step, float(found.attrs["mass"])),
    )


def _own_step(estimate: Estimate) -> float:
    """Three digits of the mean, and no finer than the draws."""
    return max(money_step([estimate.mean]), nice_step(2 * estimate.error))


def _table(words: Words, found: xr.Dataset) -> Markup:
    """Net saving by payer, as asked and at the start; a change may be known better than either of them."""
    say, step = words.say, net_step(found)
    rows: list[list[Cell]] = []
    for payer in map(str, found["payer"].values):
        now, start = (found.sel(scenario=name, payer=payer) for name in (NOW, START))
        ends = [words.euros(float(now[end]), step) for end in ("net_low", "net_high")]
        rows.append(
            [
                payer_name(words, payer),
                words.euros(float(now["net"]), step),
                words.between(*ends, negative=float(now["net_low"]) < 0),
                words.probability(float(now["probability"])),
                words.euros(float(start["net"]), step),
                words.euros(float(now["difference"]), _own_step(difference_of(found, NOW, payer))),
            ]
        )
    columns = (
        say("Payer"), say("Net saving, euros"), say("Interval"), say("Probability of saving"), say("At the start"),
        say("Change"),
    )  # fmt: skip
    return Table(say("Net saving by payer, euros"), columns, rows[:-1], total=rows[-1]).html()


def _by_payer(words: Words, found: xr.Dataset, alt: str) -> Figure:
    """Net saving by payer, as asked beside the start."""
    rows = []
    for payer in map(str, found["payer"].values):
        for name in (START, NOW):
            at = found.sel(scenario=name, payer=payer)
            mean, low, high = (float(at[key]) for key in ("net", "net_low", "net_high"))
            told = payer_name(words, payer) if name == NOW else f"{payer_name(words, payer)}, {_at_the_start(words)}"
            rows.append((told, mean, min(low, mean), max(high, mean), "all" if name == NOW else "one"))
    table = pd.DataFrame(rows, columns=["row", "mean", "low", "high", "kind"])
    sides = (words.say("costs more"), words.say("saves"))
    return interval_figure(table, AxisTexts(words.say("Net saving, euros"), "", alt, words.euros, sides))


def _at_the_start(words: Words) -> str:
    return inline(words.say("At the start"))


def _course(chapter: Chapter, whose: str, back: estimates.Payback) -> Figure:
    """The running total over the years."""
    words, table = chapter.words, estimates.running_total(chapter.main)
    name = words.say("Running total of the net saving, euros")
    last = table.iloc[-1]
    ends = words.between(words.euros(last["low"], 100), words.euros(last["high"], 100), negative=last["low"] < 0)
    alt = f"{whose}{name}: {last['year']:.0f} {words.euros(last['mean'], 100)} ({ends}). {when_sentence(chapter, back)}"
    texts = AxisTexts(words.say("Year"), name, alt, words.euros)
    return cumulative_figure(table, texts, back.year)


def _warning(words: Words) -> Markup:
    text = words.say(
        "The client data behind these pages were made by a computer to try out the method. The figures do "
        "not describe real clients and must not be used for decisions."
    )
    return notice(words.say("Synthetic data"), paragraph(text), kind="warning")
