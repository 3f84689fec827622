"""Search, limits and sorting of the site, in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from site_builders import country

from costeff.params import Catalogue
from costeff.report.site import write_site

pytest.importorskip("chromium", reason="nothing drives a browser here")
SEEN = (
    "[...document.querySelectorAll('[data-find]')].filter((e) => e.offsetParent).map((e) => e.querySelector('a').text)"
)
SET = """(values) => {
  for (const [id, value] of Object.entries(values)) document.getElementById(id).value = value;
  document.querySelector('form').dispatchEvent(new Event('input'));
}"""


@pytest.fixture(scope="module")
def folder(catalogue: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("site")
    write_site(made, country(catalogue, languages=("sv",)))
    return made


@pytest.fixture
def tab(browser):
    with browser.tab() as opened:
        yield opened
        assert opened.complaints() == []


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"find": "helsinki"}, ["Helsingfors"]), ({"find": "HELSINGF"}, ["Helsingfors"]),
        ({"find": "091"}, ["Helsingfors"]),
        ({"find": "aanekoski"}, ["Äänekoski"]), ({"find": "hameenlinna"}, ["Tavastehus"]), ({"find": "xyz"}, []),
        ({"county": "90"}, ["Helsingfors"]), ({"county": "07", "size": "5"}, ["Tavastehus"]),
        ({"county": "07", "find": "helsinki"}, []), ({"find": "<script>"}, []),
    ],
)  # fmt: skip
def test_a_municipality_is_found_by_either_name_or_code(folder, tab, asked, found):
    tab.open(folder / "index.sv.html")
    assert len(tab.evaluate(SEEN)) == 308
    tab.evaluate(SET, asked)
    assert tab.evaluate(SEEN) == found
    told = tab.evaluate("document.querySelector('.told').textContent")
    assert told == (
        "1 kommun" if found else "Ingen kommun hittades. Kontrollera stavningen eller ta bort avgränsningar."
    )
    headings = "[...document.querySelectorAll('section.county')].filter((e) => e.offsetParent).length"
    assert tab.evaluate(headings) == len(found)
    tab.evaluate(SET, {"find": "", "size": "", "county": ""})
    assert len(tab.evaluate(SEEN)) == 308


def test_enter_leads_to_the_first_that_was_found(folder, tab):
    tab.open(folder / "index.sv.html")
    tab.evaluate(SET, {"find": "tavastehus"})
    tab.evaluate("document.getElementById('find').focus()")
    tab.press("Enter")
    assert tab.evaluate("document.activeElement.textContent") == "Tavastehus"


def test_the_table_is_sorted_by_number_with_what_is_missing_last(folder, tab):
    tab.open(folder / "service-intensive_family_work.sv.html")
    before = tab.evaluate(SEEN)
    tab.evaluate("document.querySelectorAll('.places th button')[3].click()")
    column = "[...document.querySelectorAll('[data-find]')].map((r) => r.cells[3]?.dataset.sort ?? null)"
    values = tab.evaluate(column)
    known = [float(value) for value in values if value is not None]
    assert known == sorted(known, reverse=True)
    assert values[-2:] == [None, None]
    assert tab.evaluate("document.querySelector('[aria-sort]').dataset.column") == "saving"
    assert tab.evaluate("document.querySelector('[aria-sort]').ariaSort") == "descending"
    assert tab.evaluate("[...document.querySelectorAll('tr.group')].every((e) => !e.offsetParent)")
    tab.evaluate("document.querySelectorAll('.places th button')[3].click()")
    assert [float(v) for v in tab.evaluate(column) if v is not None] == sorted(known)
    tab.evaluate(SET, {"sort": "name up"})
    assert tab.evaluate(SEEN)[-1] == "Övertorneå"
    tab.evaluate(SET, {"sort": ""})
    assert tab.evaluate(SEEN) == before


def test_a_tile_leads_to_its_page_and_tells_its_name(folder, tab):
    (folder / "020.sv.html").write_text("<title>Ackas</title>")
    tab.open(folder / "service-intensive_family_work.sv.html")
    tile = "document.querySelector('.map [title^=\"Ackas\"]')"
    tab.evaluate(f"{tile}.dispatchEvent(new Event('mouseenter'))")
    assert tab.evaluate("document.querySelector('.pointed').textContent").startswith("Ackas: ")
    tab.browser.events(tab.session).clear()
    tab.evaluate(f"{tile}.click()")
    tab.browser.wait(tab.session, "Page.loadEventFired")
    assert tab.evaluate("location.pathname").endswith("/020.sv.html")
