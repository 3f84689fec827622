"""Texts that want to run, to fetch or to become elements stay texts, with the page's policy and without it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from chromium import Browser, Tab, View
from hostile_texts import EVIL, HIT, PAYLOADS, entries, full_page, outputs, short_page
from page_checks import HERE
from report_fakes import executed

from costeff.files import write_text
from costeff.report.render import ReportExporter, as_page
from costeff.report.sanitise import TAGS
from costeff.report.site import write_index

LANGUAGES = ("fi", "sv", "en")
POLICY = '<meta http-equiv="Content-Security-Policy"'
PLAIN = [f"plain {number}" for number in range(len(PAYLOADS))]


def test_there_are_two_hundred() -> None:
    assert len(set(PAYLOADS)) == 200
    assert all("\n" not in text for text in PAYLOADS)


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Tab]:
    with browser.tab() as opened:
        opened.call("Runtime.addBinding", name=HIT.split("(")[0])
        opened.look(View("desktop", 1280, 800))
        yield opened


def seen(tab: Tab, page: Path) -> dict[str, Any]:
    """What came of a page: calls, addresses asked for, elements, kinds of addresses; after a while for slow ones."""
    tab.open(page)
    tab.evaluate("new Promise((done) => setTimeout(done, 60))")
    tab.evaluate((HERE / "page_checks.js").read_text(encoding="utf-8") + "; 0")
    return {
        "hits": len(tab.heard("Runtime.bindingCalled", "Page.javascriptDialogOpening")),
        "asked": tab.requests(),
        "moved": tab.heard("Page.frameAttached", "Page.frameScheduledNavigation", "Page.frameRequestedNavigation"),
        "complaints": tab.complaints(),
        "elements": tab.evaluate("costeff.skeleton()"),
        "addresses": set(tab.evaluate("costeff.addresses()")),
    }


def without_policy(text: str) -> str:
    start = text.index(POLICY)
    return text[:start] + text[text.index(">", start) + 1 :]


def both_ways(tab: Tab, folder: Path, text: str) -> list[dict[str, Any]]:
    """What came of a page as it is, and of the same page without its policy."""
    found = []
    for changed in (str, without_policy):
        write_text(folder / "page.html", changed(text))
        found.append(seen(tab, folder / "page.html"))
    return found


@pytest.fixture(scope="module")
def plain(tab: Tab, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[dict[str, Any]]]:
    """What comes of a page that is made in the same way of plain texts."""

    @cache
    def found(make: Callable[..., str], *arguments: Any) -> list[dict[str, Any]]:
        return both_ways(tab, tmp_path_factory.mktemp("plain"), make(PLAIN, *arguments))

    return found


def assert_dead(hostile: list[dict[str, Any]], plain: list[dict[str, Any]]) -> None:
    """The hostile page is the plain one in all but its texts."""
    for found, expected in zip(hostile, plain, strict=True):
        assert found == {**expected, "hits": 0, "asked": [], "moved": [], "complaints": []}
        assert found["addresses"] <= {"file:", "https:", "data:image/", "data:text/csv"}


def short(texts: Sequence[str], language: str, start: int = 0) -> str:
    return as_page(executed(short_page(texts[start : start + 25], language)))


def full(texts: Sequence[str], language: str, start: int = 0) -> str:
    text = as_page(executed(full_page(" ".join(texts[start : start + 70]), language)))
    assert text.count("<img") >= 2
    return text


def framed(texts: Sequence[str]) -> str:
    """The texts in all that is told of a page when it is made: title, addresses and footer."""
    whole = " ".join(texts)
    return as_page(
        executed(short_page(PLAIN[:1], "sv")), "sv", f"a: {whole}",
        alternates={"fi": f"./{whole}.html"}, index=f"./{whole}.html", footer_links=[(whole, f"./{whole}")],
    )  # fmt: skip


def listed(texts: Sequence[str], folder: Path, language: str) -> str:
    return write_index(folder, entries(texts, language), language, title=" ".join(texts)).read_text(encoding="utf-8")


@pytest.mark.parametrize("start", range(0, len(PAYLOADS), 25))
def test_in_answer_limits_prices_and_sources(tab: Tab, tmp_path: Path, plain: Any, start: int) -> None:
    language = LANGUAGES[start // 25 % 3]
    assert_dead(both_ways(tab, tmp_path, short(PAYLOADS, language, start)), plain(short, language))


@pytest.mark.parametrize(("start", "language"), [(0, "fi"), (70, "sv"), (140, "en")])
def test_in_every_section_beside_figures(tab: Tab, tmp_path: Path, plain: Any, start: int, language: str) -> None:
    assert_dead(both_ways(tab, tmp_path, full(PAYLOADS, language, start)), plain(full, language))


def test_in_titles_addresses_and_footers(tab: Tab, tmp_path: Path, plain: Any) -> None:
    assert_dead(both_ways(tab, tmp_path, framed(PAYLOADS)), plain(framed))


def test_in_lists_of_municipalities(tab: Tab, tmp_path: Path, plain: Any) -> None:
    assert_dead(both_ways(tab, tmp_path, listed(PAYLOADS, tmp_path, "sv")), plain(listed, tmp_path, "sv"))


def test_in_outputs_and_prose_of_other_notebooks(tab: Tab, tmp_path: Path) -> None:
    """What others wrote may be tables and links; it is cleaned, and so not the same elements as plain texts."""
    text, _ = ReportExporter(language="en", title="x", inside=True).from_notebook_node(outputs(PAYLOADS))
    ours = {"html", "head", "meta", "title", "style", "body", "header", "main", "footer"}
    for changed in (str, without_policy):
        write_text(tmp_path / "page.html", changed(text))
        found = seen(tab, tmp_path / "page.html")
        assert (found["hits"], found["asked"], found["moved"], found["complaints"]) == (0, [], [], [])
        assert {element.split()[0] for element in found["elements"]} <= TAGS | ours
        names = {name for element in found["elements"] for name in element.split()[1:]}
        assert not [name for name in names if name.startswith("on") or name in ("style", "srcdoc")]
        assert found["addresses"] <= {"file:", "http:", "https:", "data:image/"}
        assert found["elements"].count("h1") == [e.split()[0] for e in found["elements"]].count("main") == 1


@pytest.mark.parametrize(
    ("body", "sign"),
    [
        (f"<script>{HIT}</script>", "hits"),
        (f"<img src=x onerror={HIT}>", "hits"),
        (f"<svg onload={HIT}></svg>", "hits"),
        (f"<iframe srcdoc='<script>parent.{HIT}</script>'></iframe>", "hits"),
        (f"<img src={EVIL}/a.png>", "asked"),
        (f"<style>@import '{EVIL}/a.css';</style>", "asked"),
        (f"<meta http-equiv=refresh content='5;url={EVIL}'>", "moved"),
        ("<script>console.error(1)</script>", "complaints"),
        (f"<iframe src='{EVIL}'></iframe>", "moved"),
        (f"<script>location = '{EVIL}'</script>", "moved"),
    ],
)
def test_what_lives_is_seen(tab: Tab, tmp_path: Path, body: str, sign: str) -> None:
    write_text(tmp_path / "page.html", f"<!DOCTYPE html><html lang=en><title>x</title><body>{body}</body></html>")
    assert seen(tab, tmp_path / "page.html")[sign]
