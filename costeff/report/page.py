"""The page of one municipality, or of one county: what the cells of the report notebooks call.

A part knows where on the page it belongs. The notebook asks question by question,
over all chains; the finished page tells chain by chain, and the exporter puts the
parts in that order with the help of the output's metadata.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

from markupsafe import Markup

from costeff.report import estimates
from costeff.report.answer import answer, brief
from costeff.report.appraisals import Appraisal, in_order, read_appraisals
from costeff.report.beside import in_comparison, members
from costeff.report.certainty import how_sure
from costeff.report.chapter import Chapter, Names
from costeff.report.estimates import Estimate
from costeff.report.listing import Ends, Entry, Figures, Result
from costeff.report.markup import METADATA, heading, join, notice, paragraph, tag
from costeff.report.payers import who_pays
from costeff.report.pocket import own_net_saving
from costeff.report.sources import sources
from costeff.report.steering import steering
from costeff.report.words import Words, inline, to_step
from costeff.spec import is_county

Slot = Literal["warning", "lede", "brief", "chain", "page"]


@dataclass(frozen=True)
class Part:
    """A piece of the page: where it belongs, and under which heading of level 2."""

    slot: Slot
    html: Markup
    id: str = ""
    title: str = ""


@dataclass(frozen=True)
class Section:
    """The output of one cell: readable in the notebook, and cut into parts by the exporter."""

    language: str
    parts: tuple[Part, ...]
    told: Mapping[str, Any] = field(default_factory=dict)  # for who makes the page: not part of it

    def _repr_html_(self) -> str:
        return self._composed()[0]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, str], dict[str, Any]]:
        html, parts = self._composed()
        metadata = {"text/html": {METADATA: {"language": self.language, "parts": parts, **self.told}}}
        return {"text/html": html, "text/plain": "costeff report"}, metadata

    def _composed(self) -> tuple[str, list[dict[str, Any]]]:
        """The HTML of the notebook, and where in it each part stands.

        The name of the chain stands between the parts: the exporter writes it once
        for all parts of a chain.
        """
        html, described = "", []
        for part in self.parts:
            html += str(heading(2, part.title)) if part.title else ""
            described.append(
                {
                    "slot": part.slot,
                    "id": part.id,
                    "title": part.title,
                    "start": len(html),
                    "end": len(html) + len(part.html),
                }
            )
            html += str(part.html)
        return html, described


@dataclass(frozen=True)
class Page:
    """The appraisal of a municipality, or of a county as one place, in one language."""

    words: Words
    names: Names
    appraisals: tuple[Appraisal, ...]
    reads: Callable[[], Mapping[str, str]] = dict  # entries of the catalogue that were read so far, by hash

    @property
    def municipality(self) -> str:
        """The name of the place, in Finnish where it has no other."""
        attr = self.appraisals[0].main.attr
        return str(attr(f"municipality_{self.words.language}") or attr("municipality_fi"))

    @property
    def county(self) -> str:
        return str(self.appraisals[0].main.attr(f"county_{self.words.language}"))

    @property
    def code(self) -> str:
        """Three digits of a municipality, two of a county."""
        return str(self.appraisals[0].main.attr("municipality"))

    @property
    def title(self) -> str:
        """The heading of the page; the name stands in the nominative."""
        return self.words.say("{municipality}: what services change, cost and save", municipality=self.municipality)

    @property
    def synthetic(self) -> bool:
        return any(variant.synthetic for appraisal in self.appraisals for variant in appraisal.variants)

    @cached_property
    def chapters(self) -> tuple[Chapter, ...]:
        return tuple(Chapter(self.words, self.names, appraisal) for appraisal in self.appraisals)

    # --- the cells of the notebook ------------------------------------------------------------

    def answer(self) -> Section:
        """The warning that the data are synthetic, if they are; the place; and the answer of each chain.

        Several chains are told in brief first, so that the first screen holds all answers.
        """
        opening = [Part("warning", self._warning())] if self.synthetic else []
        opening.append(Part("lede", self._lede(), title=self.title))
        if len(self.chapters) > 1:
            opening += [Part("brief", brief(one), one.appraisal.chain, one.title) for one in self.chapters]
        return self._section(self.words.say("The answer in brief"), answer, opening, always=True)

    def who_pays(self) -> Section:
        """Money by payer and by year."""
        return self._section(self.words.say("Who pays, who saves and when"), who_pays)

    def how_sure(self) -> Section:
        """Probabilities, the spread of outcomes, and the price at which the answer turns."""
        return self._section(self.words.say("How sure this is"), how_sure)

    def in_comparison(self) -> Section:
        """The place beside its county, municipalities of its size and the country."""
        return self._section(self.words.say("In comparison"), in_comparison)

    def members(self) -> Section:
        """The municipalities of a county, by name."""
        return self._section(self.words.say("The municipalities of the area"), members)

    def steering(self) -> Section:
        """The price of a change beside the price of a client; indicators."""
        return self._section(self.words.say("Steering and buying"), steering)

    def sources(self) -> Section:
        """Sources, limits, price years, and what made the page: one part for the whole page.

        It is the last, and so it tells who makes the page how it is listed, and what of the catalogue it read.
        """
        part = Part("page", sources(self.chapters, self.title), "sources", self.words.say("Sources and limits"))
        return Section(self.words.language, (part,), {"entry": asdict(self.entry({})), "reads": dict(self.reads())})

    def entry(self, links: Mapping[str, str]) -> Entry:
        """The place as it stands in the list of pages; `links` are its pages, language -> address."""
        results = tuple(_result(chapter) for chapter in self.chapters)
        return Entry(self.code, self.municipality, self.county, dict(links), results, self.synthetic)

    # --- how a section is put together ----------------------------------------------------------

    def _section(
        self, title: str, tell: Callable[[Chapter], Markup], opening: Iterable[Part] = (), *, always: bool = False
    ) -> Section:
        """One part a chain, where there is something to tell. A chain whose model failed is told in the answer only."""
        told = [(chapter, tell(chapter)) for chapter in self.chapters if always or chapter.main.passed]
        parts = (
            Part("chain", tag("section", join(heading(3, title), html)), chapter.appraisal.chain, chapter.title)
            for chapter, html in told
            if html
        )
        return Section(self.words.language, (*opening, *parts))

    def _warning(self) -> Markup:
        say = self.words.say
        made_up = [one.title for one in self.chapters if any(v.synthetic for v in one.appraisal.variants)]
        return notice(
            say("Synthetic data"),
            paragraph(
                say(
                    "The client data ({services}) were made by a computer to try out the method. Do not use the "
                    "figures for decisions.",
                    services=self.words.listed(inline(title) for title in made_up),
                )
            ),
            kind="warning",
        )

    def _lede(self) -> Markup:
        words, main = self.words, self.appraisals[0].main
        told = words.say(
            "A new service is compared with the usual one. The amounts are for {clients:client|clients}.",
            clients=words.number(main.clients),
        )
        if not is_county(self.code):
            return join(paragraph(self.county, "place"), paragraph(told, "intro"))
        spread = words.say("The clients are taken to live where people do: in each municipality by its population.")
        return paragraph(f"{told} {spread}", "intro")


def open_page(path: str | Path, municipality: str, language: str, names: Names | None = None) -> Page:
    """The page of one municipality or county, ready to be told.

    Parameters
    ----------
    path
        The appraisal file: a DataTree with a group per chain, or `<chain>/<price_set>`.
    municipality
        Its code of three digits, or a county's of two, as a text.
    language
        fi, sv or en.
    names
        The catalogue, for names of chains, sources and price sets; None reads params/.

    Raises
    ------
    UsageError
        An unknown language, a code that is of no place, a file of another place.
    ModelError
        The file does not hold what the appraisal promises.
    """
    words = Words(language)
    found = read_appraisals(Path(path), municipality)
    reads: Callable[[], Mapping[str, str]] = dict
    if names is None:
        from costeff.params import Catalogue
        from costeff.params.watched import watched

        whole = Catalogue.load()
        names, log = watched(whole)
        reads = partial(log.told, whole)
    shown = [one.chain for one in found if one.chain in names.chains]
    own_price_set = {chain: names.chains[chain].impact.price_set for chain in shown}
    return Page(words, names, in_order(found, own_price_set), reads)


def _result(chapter: Chapter) -> Result:
    """The answer of a chain in a few words, and in numbers."""
    words, main = chapter.words, chapter.main
    told = partial(Result, chapter.title, id=chapter.appraisal.chain, synthetic=main.synthetic)
    if not main.passed:
        return told(words.say("no result is given"))
    net = estimates.net_saving(main)
    answer = words.say("saves more than it costs {chance}", chance=words.chance(estimates.probability(main)))
    figures = _figures(chapter)
    if net.even:
        return told(answer, f"{words.say('saves about as much as it costs')} ({chapter.saving(net)})", figures=figures)
    name = words.say("net saving {net}") if net.mean >= 0 else words.say("net cost {net}")
    return told(answer, f"{name.format(net=chapter.amount(net))} ({chapter.saving(net)})", figures=figures)


def _figures(chapter: Chapter) -> Figures:
    """The answer in numbers, each rounded as the page rounds it."""
    main = chapter.main
    back, own = estimates.payback(main), own_net_saving(chapter)
    avoided = estimates.events(main)[2]
    return Figures(
        clients=main.clients,
        years=main.years,
        mass=main.mass,
        price_set=str(main.attr("price_set")),
        price_year=str(main.attr("price_year")),
        evidence=str(main.attr("evidence")),
        events_avoided=Ends(*(round(value, chapter.decimals) for value in (avoided.mean, avoided.low, avoided.high))),
        net_saving=_ends(chapter, estimates.net_saving(main)),
        probability=_short_of_certain(estimates.probability(main)),
        payback_year=back.year,
        payback_probability=_short_of_certain(back.probability),
        own_net_saving=_ends(chapter, own) if own else None,
    )


def _ends(chapter: Chapter, net: Estimate) -> Ends:
    step = chapter.step
    return Ends(0.0 if net.even else to_step(net.mean, step), to_step(net.low, step), to_step(net.high, step))


def _short_of_certain(probability: float) -> float:
    """In hundredths, never none and never all: draws cannot tell such."""
    return min(0.99, max(0.01, round(probability, 2)))
