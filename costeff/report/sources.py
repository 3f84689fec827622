"""Where the figures come from, what they do not show, and how the page was made."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

from costeff.report import estimates
from costeff.report.appraisals import Variant
from costeff.report.chapter import Chapter
from costeff.report.markup import Cell, Table, bullets, details, heading, join, paragraph, tag, with_interval
from costeff.report.method import checks, citation, glossary, method
from costeff.report.prices import cite, english, unit_costs
from costeff.report.switches import how_counted
from costeff.report.words import Words


def sources(chapters: Iterable[Chapter], title: str = "") -> Markup:
    """One part for the whole page: it holds for every chain on it."""
    told = list(chapters)
    words = told[0].words
    return join(
        heading(3, words.say("What this page does not show")),
        _limits(told),
        heading(3, words.say("How it was done")),
        method(words),
        heading(3, words.say("How the figures were counted")),
        _counted(told),
        heading(3, words.say("Checks of the models")),
        checks(told),
        heading(3, words.say("Unit costs and price years")),
        _prices(told),
        heading(3, words.say("Sources of the figures")),
        _table(told),
        heading(3, words.say("Glossary")),
        glossary(words),
        heading(3, words.say("Citing this page")),
        citation(told, title),
        details(words.say("How this page was made"), _made(told)),
    )


def _limits(chapters: list[Chapter]) -> Markup:
    words = chapters[0].words
    common = [
        words.say("What happens to one client: the figures are averages over many."),
        words.say("Changes in well-being and in families' time, which are not counted in euros."),
        words.say(
            "Whether the clients of the two services differ in ways nobody recorded: the intervals hold the "
            "uncertainty of data and prices, not this."
        ),
        words.say("A saving comes true only when the payer really buys or runs less."),
    ]
    own = [(c.title, [text[words.language] for text in c.chain.does_not_show]) for c in chapters if c.chain]
    return join(bullets(common), *(join(heading(4, title), bullets(texts)) for title, texts in own))


def _counted(chapters: list[Chapter]) -> Markup:
    """The switches: first what holds for all services of the page, then the rest of each."""
    by_chapter = [how_counted(chapter) for chapter in chapters]
    common = [text for text in by_chapter[0] if len(chapters) > 1 and all(text in other for other in by_chapter)]
    own = [
        (chapter.title, [text for text in texts if text not in common])
        for chapter, texts in zip(chapters, by_chapter, strict=True)
    ]
    parts = (join(heading(4, title), bullets(texts)) for title, texts in own if texts)
    return join(bullets(common) if common else Markup(), *parts)


def _prices(chapters: list[Chapter]) -> Markup:
    words = chapters[0].words
    rows: list[list[Cell]] = [
        [c.title, c.price_set(v), _price_year(words, v), _service_year(words, v)]
        for c in chapters
        for v in c.appraisal.variants
    ]
    columns = (
        words.say("Service"),
        words.say("Price set"),
        words.say("Price year of avoided costs"),
        words.say("Price year of the service"),
    )
    left_out = dict.fromkeys(text for c in chapters for v in c.appraisal.variants for text in c.not_counted(v))
    table = Table(words.say("Which unit costs the page uses."), columns, rows, text_columns=4).html()
    more = join(paragraph(words.say("Not counted:")), bullets(left_out)) if left_out else Markup()
    return join(table, unit_costs(chapters), more)


def _price_year(words: Words, variant: Variant) -> Cell:
    year = str(variant.attr("price_year"))
    changed = bool(int(variant.attr("price_year_changed", 0)))
    return with_interval(year, words.say("changed with a price index")) if changed else year


def _service_year(words: Words, variant: Variant) -> str:
    year = str(variant.attr("service_price_year"))
    return words.say("as recorded in the register") if year == "register" else year


def _table(chapters: list[Chapter]) -> Markup:
    words = chapters[0].words
    ids = dict.fromkeys(str(i) for c in chapters for v in c.appraisal.variants for i in v.listed("sources"))
    rows: list[list[Cell]] = []
    for one in ids:
        source = chapters[0].names.sources.get(one)
        if source is None:
            rows.append([one, "", ""])
        else:
            rows.append([cite(words, one, source), english(words, source.publisher), _year(source.published)])
    if not rows:
        return paragraph(words.say("The appraisal names no sources."))
    columns = (words.say("Source"), words.say("Publisher"), words.say("Year"))
    return Table(words.say("Sources named by the appraisal."), columns, rows, text_columns=3).html()


def _year(published: str | None) -> str:
    return published[:4] if published else "–"


def _made(chapters: list[Chapter]) -> Markup:
    """Version, seed and hash, so that a figure can be made again."""
    words = chapters[0].words
    rows: list[list[Cell]] = [_row(words, c, v) for c in chapters for v in c.appraisal.variants]
    columns = (
        words.say("Service"),
        words.say("Price set"),
        words.say("Version"),
        words.say("Seed"),
        words.say("Draws"),
        words.say("Discount rate"),
        words.say("Hash of the inputs"),
    )
    return Table(words.say("What made the figures."), columns, rows, text_columns=7).html()


def _row(words: Words, chapter: Chapter, variant: Variant) -> list[Cell]:
    return [
        chapter.title,
        chapter.price_set(variant),
        f"costeff {variant.attr('version')}",
        str(variant.attr("seed")),
        words.number(variant.data.sizes["draw"]),
        words.rate(estimates.discount_rate(variant)),
        tag("code", str(variant.attr("input_hash"))[:16]),
    ]
