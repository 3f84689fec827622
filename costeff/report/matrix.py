"""The page of a simulation: for each service and place a table with a row for each scenario."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from markupsafe import Markup

from costeff import __version__
from costeff.appraisal.moves import number_label
from costeff.params import Catalogue
from costeff.report.estimates import Estimate
from costeff.report.looks import TEMPLATES, relative, style
from costeff.report.markup import Cell, Table, bullets, heading, join, notice, paragraph, tag, with_interval
from costeff.report.words import Words, mark, money_step, nice_step
from costeff.spec import Label

MOST_TABLES = 60  # of a page; with more, municipalities are told in the files beside it


@dataclass(frozen=True)
class Place:
    """A municipality or, as a whole, a county."""

    code: str
    name: Mapping[str, str] | Label
    county: bool = False
    instead_of_county: Label | None = None  # the city that does what elsewhere a county does


@dataclass(frozen=True)
class Row:
    """What a scenario comes to, EUR; nothing where its models failed their diagnostics.

    Attributes
    ----------
    difference
        To the reference, draw by draw; None for the reference itself.
    same_draws
        Whether it rests on the same estimates as the reference, so that their draws belong together.
    """

    scenario: str
    net: Estimate | None = None
    probability: float | None = None
    difference: Estimate | None = None
    payers: Mapping[str, Estimate] = field(default_factory=dict)
    same_draws: bool = True


@dataclass(frozen=True)
class Block:
    """One table."""

    chain: str
    place: Place
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Described:
    """What a scenario is: its name, what is switched, and what is moved.

    Attributes
    ----------
    switches
        As the file names them, such as `horizon_years`.
    services
        Chain -> `price_times`, `price_euros`, `effect_times`.
    numbers
        Numbers of the catalogue that are set.
    pages
        Address of its municipal pages by language; empty where there are none.
    """

    label: Label
    switches: Mapping[str, Any]
    services: Mapping[str, Mapping[str, float]]
    numbers: Mapping[str, float]
    pages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Matrix:
    """Everything that a page tells, in all languages."""

    label: Label
    reference: str
    scenarios: Mapping[str, Described]
    blocks: Sequence[Block]
    years: Mapping[tuple[str, str], int]  # (scenario, chain) -> years counted
    clients: Mapping[str, int]  # scenario -> for how many clients
    mass: float
    discount_rate: float
    synthetic: bool

    @property
    def told(self) -> list[Block]:
        """The tables of the page: with very many places, only those of counties, where there are any."""
        counties = [block for block in self.blocks if block.place.county]
        return counties if len(self.blocks) > MOST_TABLES and counties else list(self.blocks)


def matrix_page(matrix: Matrix, names: Catalogue, language: str, alternates: Mapping[str, str]) -> str:
    """The page in one language, as text.

    Raises
    ------
    UsageError
        An unknown language, or an address that leads out of the folder.
    """
    words = Words(language)
    addresses = [address for one in matrix.scenarios.values() for address in one.pages.values()]
    relative([*addresses, *alternates.values()])
    chains = list(dict.fromkeys(block.chain for block in matrix.blocks))
    text = _template().render(
        words=words,
        say=words.say,
        title=matrix.label[language],
        style=Markup(style()),
        warning=_warning(words) if matrix.synthetic else Markup(),
        intro=_intro(words, matrix),
        scenarios=_scenarios(words, matrix, names),
        reading=bullets(_reading(words, matrix)),
        services=[
            {
                "id": f"chain-{chain}",
                "name": names.chains[chain].label[language],
                "tables": join(*(_table(words, matrix, names, one) for one in matrix.told if one.chain == chain)),
            }
            for chain in chains
        ],
        alternates={lang: href for lang, href in alternates.items() if lang != language},
        index="",
        footer_links=[],
        version=__version__,
    )
    return f"{text.rstrip()}\n"


def _warning(words: Words) -> Markup:
    text = words.say(
        "The client data behind these pages were made by a computer to try out the method. The figures do "
        "not describe real clients and must not be used for decisions."
    )
    return notice(words.say("Synthetic data"), paragraph(text), kind="warning")


def _intro(words: Words, matrix: Matrix) -> str:
    return words.say(
        "Scenarios side by side: {count}. The others are compared with this one: {reference}.",
        count=words.number(len(matrix.scenarios)), reference=matrix.scenarios[matrix.reference].label[words.language],
    )  # fmt: skip


def _reading(words: Words, matrix: Matrix) -> Iterator[str]:
    """How the tables are read."""
    yield words.say("Net saving is the avoided cost that can be stopped, less what the service costs more.")
    if matrix.discount_rate > 0:
        rate = words.rate(matrix.discount_rate)
        yield words.say("Money of later years is counted at its present value ({rate} a year).", rate=rate)
    yield words.say("An interval holds the result with a probability of {mass}.", mass=words.percent(matrix.mass))
    yield words.say(
        "The difference is counted in each draw of the simulation. What is uncertain in both scenarios alike does not "
        "widen its interval."
    )
    yield words.say("Each figure is rounded to what the simulation can tell, so the figures need not add up exactly.")
    if any(not row.same_draws for block in matrix.blocks for row in block.rows):
        yield words.say(
            "A scenario with another estimate of the effect has draws of its own, so the interval of its difference "
            "is wide."
        )
    if any(block.place.county for block in matrix.blocks):
        yield words.say(
            "The figures of a whole county are for the same number of clients, divided among its municipalities by "
            "population."
        )
    if len(matrix.told) < len(matrix.blocks):
        yield words.say("The figures of each municipality are in the file {file}.", file="matrix.csv")


# --- what the scenarios are -------------------------------------------------------------------------


def _scenarios(words: Words, matrix: Matrix, names: Catalogue) -> Markup:
    rows = [
        [
            one.label[words.language],
            bullets([*_counted(words, matrix, names, name), *_differs(words, one, names)]),
        ]
        for name, one in matrix.scenarios.items()
    ]
    columns = (words.say("Scenario"), words.say("How it is counted"))
    return Table(words.say("What is assumed in each scenario."), columns, rows, text_columns=2).html()


def _counted(words: Words, matrix: Matrix, names: Catalogue, scenario: str) -> Iterator[str]:
    """Years and clients."""
    years = {chain: matrix.years[scenario, chain] for chain in dict.fromkeys(b.chain for b in matrix.blocks)}
    spans = {chain: _span(words, count) for chain, count in years.items()}
    if len(set(spans.values())) == 1:
        yield words.say("Time counted: {span}.", span=next(iter(spans.values())))
    else:
        for chain, span in spans.items():
            yield words.say("Time counted, {service}: {span}.", service=_service(words, names, chain), span=span)
    yield words.say("Clients: {count}.", count=words.number(matrix.clients[scenario]))


def _span(words: Words, years: int) -> str:
    return words.say("1 year") if years == 1 else words.say("{count} years", count=words.number(years))


_EFFECT = {
    "stops": mark("The effect ends with the follow-up."),
    "wanes": mark("After the follow-up the effect wanes."),
    "lasts": mark("After the follow-up the effect lasts unchanged."),
}
_EVIDENCE = {
    "discounted": mark("Published research is counted, less where its designs are weak."),
    "published": mark("Published research is counted as it was published."),
    "none": mark("Published research is not counted: the data speak alone."),
}
_FLAGS = {
    ("claw_back", True): mark("The later correction of a county's funding is counted."),
    ("claw_back", False): mark("The later correction of a county's funding is not counted."),
    ("whole_units", True): mark("What does not stop at once stops with whole units only."),
    ("whole_units", False): mark("What does not stop at once stops little by little."),
}


def _differs(words: Words, one: Described, names: Catalogue) -> Iterator[str]:
    """What is switched or moved, a sentence each."""
    say, language = words.say, words.language
    for name, value in one.switches.items():
        match name:
            case "price_set":
                yield say("Unit costs: {name}.", name=names.price_sets[value].label[language])
            case "price_year":
                yield say("Prices are told in the money of {year}.", year=value)
            case "links" if value:
                told = words.listed(names.links[link].label[language] for link in value)
                yield say("Later costs that are counted: {names}.", names=told)
            case "effect":
                yield say(_EFFECT[value])
            case "evidence":
                yield say(_EVIDENCE[value])
            case "claw_back" | "whole_units":
                yield say(_FLAGS[name, value])
    for chain, moves in one.services.items():
        service = _service(words, names, chain)
        for what, value in moves.items():
            yield _moved(words, service, what, value)
    for name, value in one.numbers.items():
        label, stoppable = number_label(name, names)
        number = words.number(value, _decimals(value))
        told_of = label[language]
        if stoppable:
            yield say("Set: {name}, the share that can be stopped {value}.", name=told_of, value=number)
        else:
            yield say("Set: {name} {value}.", name=told_of, value=number)


def _service(words: Words, names: Catalogue, chain: str) -> str:
    return str(names.chains[chain].label[words.language])


def _moved(words: Words, service: str, what: str, value: float) -> str:
    if what == "price_euros":
        return words.say("{service}: the cost is {euros} a client.", service=service, euros=words.money(value))
    factor = words.number(value, _decimals(value))
    if what == "price_times":
        return words.say("{service}: the cost is {factor} times the estimate.", service=service, factor=factor)
    return words.say(
        "{service}: the effect is {factor} times the estimate, on the scale of logarithms.",
        service=service, factor=factor,
    )  # fmt: skip


def _decimals(value: float) -> int:
    """As many as a number has, at most four."""
    return next((places for places in range(4) if abs(value - round(value, places)) < 1e-9), 4)


# --- the tables -------------------------------------------------------------------------------------


def _table(words: Words, matrix: Matrix, names: Catalogue, block: Block) -> Markup:
    payers = list(dict.fromkeys(payer for row in block.rows for payer in row.payers))
    place = str(block.place.name[words.language])
    columns = (
        words.say("Scenario"),
        words.say("Net saving and its interval"),
        words.say("Probability of saving"),
        words.say("Difference and its interval"),
        *(_payer(words, payer, block.place) for payer in payers),
    )
    rows = [_row(words, matrix, row, payers) for row in block.rows]
    caption = words.say("{service}, {place}: net saving in euros, in all and by payer.",
                        service=_service(words, names, block.chain), place=place)  # fmt: skip
    return join(heading(3, place), Table(caption, columns, rows).html())


def _payer(words: Words, payer: str, place: Place) -> str:
    if payer == "county" and place.instead_of_county:
        return str(place.instead_of_county[words.language])
    name = words.payer(payer)
    return name[:1].upper() + name[1:]


def _row(words: Words, matrix: Matrix, row: Row, payers: Sequence[str]) -> list[Cell]:
    one = matrix.scenarios[row.scenario]
    name: Cell = one.label[words.language]
    if address := one.pages.get(words.language):
        name = tag("a", name, href=address)
    if not row.same_draws:
        name = join(tag("span", name), tag("span", words.say("another estimate of the effect"), class_="interval"))
    if row.net is None or row.probability is None:
        nothing: list[Cell] = [Markup("–")] * (2 + len(payers))
        return [name, words.say("no result is given"), *nothing]
    if row.difference:
        difference: Cell = _cell(words, row.difference)
    else:
        difference = words.say("the reference") if row.scenario == matrix.reference else Markup("–")
    split = [_mean(words, row.payers[payer]) if payer in row.payers else words.number(0) for payer in payers]
    return [name, _cell(words, row.net), words.probability(row.probability), difference, *split]


def _cell(words: Words, estimate: Estimate) -> Markup:
    ends = (words.euros(end, _step(estimate)) for end in (estimate.low, estimate.high))
    return with_interval(_mean(words, estimate), words.between(*ends, negative=estimate.low < 0))


def _mean(words: Words, estimate: Estimate) -> str:
    """The mean; zero when the draws are too few to tell its sign."""
    return words.euros(0.0 if estimate.even else estimate.mean, _step(estimate))


def _step(estimate: Estimate) -> float:
    """Three digits of the mean, and no finer than the simulation, which may know a difference better than its ends."""
    return max(money_step([estimate.mean]), nice_step(2 * estimate.error))


@lru_cache(maxsize=1)
def _template() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(TEMPLATES)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined).get_template("matrix.html.j2")
