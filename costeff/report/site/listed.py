"""The list of municipalities: one page per language, by county, with the answer in a few words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from markupsafe import Markup

from costeff import __version__
from costeff.files import write_text
from costeff.report.listing import Entry, Result
from costeff.report.looks import TEMPLATES, relative, style
from costeff.report.markup import Cell, Table, join, notice, paragraph, tag, with_interval
from costeff.report.words import Words, nordic


def write_index(
    folder: str | Path,
    entries: Sequence[Entry],
    language: str,
    *,
    counties: Sequence[Entry] = (),
    title: str = "",
    indexes: Mapping[str, str] | None = None,
    footer_links: Sequence[tuple[str, str]] = (),
) -> Path:
    """Write `index.<language>.html`; the file appears complete at its name.

    Parameters
    ----------
    entries
        In the language of the index, for example from `Page.entry`.
    counties
        Counties with a page of their own: they stand at the top.
    indexes
        The same list in other languages: language -> relative address.
    footer_links
        Text and address, such as an accessibility statement and a feedback channel.

    Raises
    ------
    UsageError
        An unknown language, or an address that leads out of the folder.
    SetupError
        The page cannot be written.
    """
    words = Words(language)
    relative([*(href for one in (*counties, *entries) for href in one.links.values()), *(indexes or {}).values()])
    warning = Markup()
    if any(one.synthetic for one in (*counties, *entries)):
        warning = notice(
            words.say("Synthetic data"),
            paragraph(
                words.say(
                    "The client data behind these pages were made by a computer to try out the method. The figures do "
                    "not describe real clients and must not be used for decisions."
                )
            ),
            kind="warning",
        )
    text = _template().render(
        words=words,
        say=words.say,
        title=title or words.say("What services change, cost and save, by municipality"),
        style=Markup(style()),
        warning=warning,
        intro=_intro(words, len(entries)),
        reports=_table(words, sorted(counties, key=lambda e: nordic(e.name)), of_counties=True) if counties else "",
        counties=_counties(words, entries),
        alternates={lang: href for lang, href in (indexes or {}).items() if lang != language},
        index="",
        footer_links=[list(pair) for pair in footer_links],
        version=__version__,
    )
    path = Path(folder) / f"index.{language}.html"
    write_text(path, text.rstrip() + "\n")
    return path


def _intro(words: Words, count: int) -> str:
    if count == 1:
        return words.say("One municipality.")
    return words.say("{count} municipalities, by county.", count=words.number(count)) if count else ""


def _counties(words: Words, entries: Sequence[Entry]) -> list[dict[str, Any]]:
    names = sorted({one.county for one in entries}, key=nordic)
    return [
        {
            "id": f"county-{number}",
            "name": name,
            "table": _table(words, sorted((e for e in entries if e.county == name), key=lambda e: nordic(e.name))),
        }
        for number, name in enumerate(names, start=1)
    ]


def _table(words: Words, entries: Sequence[Entry], *, of_counties: bool = False) -> Markup:
    chains = list(dict.fromkeys(result.chain for one in entries for result in one.results))
    first = words.say("County") if of_counties else words.say("Municipality")
    columns = (first, *chains, words.say("Languages"))
    rows: list[list[Cell]] = []
    for one in entries:
        found = {result.chain: result for result in one.results}
        cells = [_cell(found[chain]) if chain in found else Markup("–") for chain in chains]
        rows.append([_name(words, one), *cells, _links(words, one)])
    by_place = words.say("The answer by municipality and service.")
    caption = words.say("The answer by county and service.") if of_counties else by_place
    return Table(caption, columns, rows, text_columns=len(columns)).html()


def _cell(result: Result) -> Markup:
    return with_interval(result.words, result.detail) if result.detail else tag("span", result.words)


def _name(words: Words, one: Entry) -> Cell:
    address = one.links.get(words.language)
    name: Cell = tag("a", one.name, href=address) if address else one.name
    note = one.note or ("" if one.links else words.say("no page could be made"))
    return join(name, tag("span", note, class_="interval")) if note else name


def _links(words: Words, one: Entry) -> Markup:
    """Links in the other languages, each named so that it makes sense alone."""
    others = [(lang, href) for lang, href in one.links.items() if lang != words.language]
    return Markup(" ").join(
        tag("a", _NAMES[lang], href=href, lang=lang, hreflang=lang, aria_label=f"{one.name}, {_NAMES[lang]}")
        for lang, href in others
    )


_NAMES = {"fi": "suomeksi", "sv": "på svenska", "en": "in English"}


@lru_cache(maxsize=1)
def _template() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(TEMPLATES)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined).get_template("index.html.j2")
