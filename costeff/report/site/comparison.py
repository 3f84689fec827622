"""Municipalities beside each other: a schematic map of tiles, its key, and a table of numbers with their intervals.

There is no rank: the order of means that lie within each other's intervals says little,
and the table says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from markupsafe import Markup

from costeff.report.listing import Ends, Figures
from costeff.report.markup import Cell, join, tag, with_interval
from costeff.report.site.model import CLASSES, NO_SIGN, SIGNS, County, Place, Service, Site, chance_of, counted
from costeff.report.words import Words, decimals_of

DASH = "–"
BAR, MARGIN = 116, 4  # points: length of the axis of intervals, and room for a dot at its ends


def key(words: Words, site: Site, service: Service) -> Markup:
    """The classes of chance with their signs, and how many municipalities are in each."""
    numbers = counted(site.places, service)
    labels = [*(words.say(text) for text in CLASSES), words.say("No result is published")]
    rows = [
        join(_sign(number), tag("span", label), tag("strong", municipalities(words, count)))
        for number, (label, count) in enumerate(zip(labels, numbers, strict=True))
    ]
    *known, unknown = rows
    shown = [*reversed(known), *([unknown] if numbers[-1] else [])]  # the best first, as it is read
    return tag("ul", join(*(tag("li", row) for row in shown)), class_="key")


def _sign(number: int) -> Markup:
    known = number < len(CLASSES)
    sign = SIGNS[number] if known else NO_SIGN
    return tag("span", sign, class_=f"tile c{number}" if known else "tile none", aria_hidden="true")


def municipalities(words: Words, count: int) -> str:
    """A number of municipalities in words."""
    return words.say("1 municipality") if count == 1 else words.say("{n} municipalities", n=words.number(count))


def tile_map(words: Words, site: Site, service: Service) -> Markup:
    """A tile for each municipality, in blocks of counties that stand about where they lie.

    It is one image for a screen reader: the table tells the same of each municipality.
    """
    language = words.language
    blocks = [
        tag(
            "div",
            join(
                tag("span", county.names[language], class_="name"),
                tag("span", join(*(_tile(words, place, service) for place in site.in_county(county, language)))),
            ),
            class_=f"block at-{county.code}",
        )
        for county in site.compared_counties(language)
    ]
    told = words.say("Map of tiles, one for each municipality, by county. The table below tells the same in words.")
    image = tag("div", join(*blocks), role="img", aria_label=told, class_="map" if len(blocks) > 12 else "map few")
    return join(image, tag("p", "", class_="pointed", aria_hidden="true"))


def _tile(words: Words, place: Place, service: Service) -> Markup:
    answer = place.answers.get(service.id)
    name = place.names[words.language]
    figures = answer.figures if answer else None
    if figures is None:
        return tag("span", NO_SIGN, class_="tile none", title=f"{name}: {words.say('No result is published')}")
    told = words.say("saves more than it costs {chance}", chance=words.chance(figures.probability))
    address, chance = place.pages.get(words.language, ""), chance_of(figures)
    return tag("span", SIGNS[chance], class_=f"tile c{chance}", title=f"{name}: {told}", data_to=address)


# --- the table ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Column:
    """A column of the table: its heading, and the name it is sorted by."""

    name: str
    sort: str
    number: bool = True


def table(words: Words, site: Site, service: Service, counties: Sequence[County]) -> Markup:
    """A table of municipalities by county; a script may sort it, and each cell says by what."""
    columns, axis = _columns(words), _axis(site.answers(service))
    head = tag("tr", join(*(_head(column) for column in columns)), role="row")
    bodies = [_body(words, site, service, columns, county, axis, len(counties) > 1) for county in counties]
    return tag(
        "table",
        join(tag("caption", _caption(words, site, service)), tag("thead", head, role="rowgroup"), *bodies),
        role="table",
        class_="cards places",
    )


def _caption(words: Words, site: Site, service: Service) -> str:
    """For whom the figures are, what stands below them, and of which year the inhabitants are."""
    years = sorted({place.population_year for place in site.places})
    texts = [words.say("Inhabitants in {year}.", year="–".join(map(str, dict.fromkeys([years[0], years[-1]]))))]
    if found := site.answers(service):
        told = words.say(
            "Figures are for {clients:client|clients} and {years:year|years}. Below a figure stands its {mass}% "
            "interval.",
            clients=words.number(found[0].clients),
            years=words.number(found[0].years),
            mass=words.number(found[0].mass * 100),
        )
        texts.insert(0, told)
    return " ".join([f"{service.label[words.language]}.", *texts])


def _columns(words: Words) -> tuple[Column, ...]:
    say = words.say
    return (
        Column(say("Municipality"), "name", number=False),
        Column(say("Inhabitants"), "population"),
        Column(say("Fewer events"), "events"),
        Column(say("Net saving, euros"), "saving"),
        Column(say("Saves more than it costs"), "chance"),
        Column(say("The money is back"), "back"),
    )


def _head(column: Column) -> Markup:
    return tag(
        "th", tag("span", column.name), scope="col", role="columnheader", class_="num" if column.number else "",
        data_column=column.sort,
    )  # fmt: skip


def _body(
    words: Words, site: Site, service: Service, columns: tuple[Column, ...], county: County,
    axis: tuple[float, float], named: bool,
) -> Markup:  # fmt: skip
    """The rows of a county, under its name where there are several."""
    name = county.names[words.language]
    heading = tag(
        "th", name, scope="rowgroup", role="rowheader", colspan=str(len(columns)), id_=f"county-{county.code}"
    )
    rows = [_row(words, place, service, columns, name, axis) for place in site.in_county(county, words.language)]
    lead = [tag("tr", heading, role="row", class_="group")] if named else []
    return tag("tbody", join(*lead, *rows), role="rowgroup", data_group="")


def _row(
    words: Words, place: Place, service: Service, columns: tuple[Column, ...], county: str, axis: tuple[float, float]
) -> Markup:
    answer = place.answers.get(service.id)
    figures = answer.figures if answer else None
    name = place.names[words.language]
    link: Cell = tag("a", name, href=place.page(words.language)) if place.claimed else name
    head = tag(
        "th", join(link, tag("span", county, class_="interval of")), scope="row", role="rowheader", data_sort=name
    )
    cells = [_cell(columns[1], words.number(place.population), place.population)]
    cells += _told(words, columns, figures, axis) if figures else [_untold(words, columns, answer is not None)]
    return tag("tr", join(head, *cells), role="row", **marks(place))


def _untold(words: Words, columns: tuple[Column, ...], given: bool) -> Markup:
    """One cell in the place of all figures: the model failed, or the page was not released."""
    why = words.say("no result is given") if given else words.say("the page has not been published")
    return tag(
        "td", tag("span", why), role="cell", colspan=str(len(columns) - 2), class_="untold", data_label=columns[2].name
    )


@lru_cache(maxsize=1024)  # the page of a county tells the same cells as that of a service
def _told(words: Words, columns: tuple[Column, ...], figures: Figures, axis: tuple[float, float]) -> list[Markup]:
    events, saving = figures.events_avoided, figures.net_saving
    decimals = decimals_of(figures.clients)
    fewer = with_interval(words.number(events.mean, decimals), _range(words, events, decimals))
    net = join(with_interval(words.number(saving.mean), _range(words, saving, 0)), bar(saving, axis))
    chance = tag(
        "span",
        join(_sign(chance_of(figures)), tag("span", words.probability(figures.probability))),
        class_="main signed",
    )
    back = str(figures.payback_year or words.say("not in {years:year|years}", years=words.number(figures.years)))
    likely = words.say("probability {share}", share=words.probability(figures.payback_probability))
    return [
        _cell(columns[2], fewer, events.mean),
        _cell(columns[3], net, saving.mean),
        _cell(columns[4], chance, figures.probability),
        _cell(columns[5], with_interval(back, likely), figures.payback_year or 9999),
    ]


def _cell(column: Column, content: Cell, value: float) -> Markup:
    shown = content if isinstance(content, Markup) else tag("span", content, class_="main")
    return tag("td", shown, role="cell", class_="num", data_label=column.name, data_sort=f"{value:.10g}")


def _range(words: Words, ends: Ends, decimals: int) -> str:
    low, high = words.number(ends.low, decimals), words.number(ends.high, decimals)
    return words.between(low, high, negative=ends.low < 0)


def marks(place: Place) -> dict[str, str]:
    """What a script finds and filters a municipality by: its names in all languages, its code, county and size."""
    names = dict.fromkeys([*place.names.values(), place.code])
    return {"data_find": " | ".join(names), "data_county": place.county, "data_size": str(place.size)}


# --- intervals as lines ---------------------------------------------------------------------------


def _axis(found: Iterable[Figures]) -> tuple[float, float]:
    """The ends of the axis all intervals share; zero is on it."""
    ends = [value for figures in found for value in (figures.net_saving.low, figures.net_saving.high)]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    return (low, high) if high > low else (low, low + 1)


def bar(ends: Ends, axis: tuple[float, float]) -> Markup:
    """An interval as a line with a dot at its mean, beside zero; the numbers stand next to it."""
    low, high = axis

    def at(value: float) -> str:
        return f"{MARGIN + BAR * (value - low) / (high - low):.1f}"

    return Markup(
        '<svg class="bar {}" width="{}" height="14" viewBox="0 0 {} 14" aria-hidden="true" focusable="false">'
        '<line class="zero" x1="{zero}" x2="{zero}" y1="0" y2="14"/>'
        '<line class="span" x1="{}" x2="{}" y1="7" y2="7"/><circle cx="{}" cy="7" r="3.5"/></svg>'
    ).format(
        "gain" if ends.low >= 0 else "loss" if ends.high <= 0 else "both", BAR + 2 * MARGIN, BAR + 2 * MARGIN,
        at(ends.low), at(ends.high), at(ends.mean), zero=at(0.0),
    )  # fmt: skip
