"""Report and lists in a real browser, in three languages, light and dark, on a desk, a phone and paper."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest
from chromium import Browser
from page_checks import CHECKS, Audit, audit, pages_of

from costeff.files import write_text


@pytest.mark.parametrize("check", CHECKS)
def test_no_page_has_a_fault(audited: Audit, check: str) -> None:
    faults = audited.of(check)
    assert not faults, "\n".join(faults)


def test_every_page_was_opened_and_is_light(audited: Audit, folder: Path, record_property) -> None:
    assert {page.name for page in pages_of(folder)} <= set(audited.weights)
    assert audited.paints.keys() == audited.weights.keys()
    heaviest = max(audited.weights, key=audited.weights.__getitem__)
    paint = statistics.median(audited.paints.values())
    told = f"{len(audited.weights)} pages; the heaviest, {heaviest}, {audited.weights[heaviest] / 1000:.0f} kB; "
    record_property("measured", f"{told}first contentful paint after {paint:.0f} ms (median)")
    assert 0 < paint < 10_000


GOOD = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>A page</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<style>.skip {{ position: absolute; left: -200vw }} .skip:focus {{ left: 0 }} a {{ color: #036; background: #fff }}
body {{ background: #fff; color: #000 }} :focus-visible {{ outline: 3px solid #036 }} {style}</style></head>
<body><a class="skip" href="#content">Skip</a><header><p><a href="a.html">Elsewhere</a></p></header>
<main id="content"><h1>A page</h1><p>Text.</p>{body}<p><a href="d.html">On</a></p></main></body></html>
"""
BAD = [  # check, a piece of the body, a piece of the style sheet
    ("axe", '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">', ""),
    ("axe", "<p style='color: #bbb'>Pale</p>", ""),
    ("axe", "<h4>Too deep</h4>", ""),
    ("axe", "<p class='pale'>Pale in the dark</p>", "@media (prefers-color-scheme: dark) { .pale { color: #bbb } }"),
    ("axe", "<details><summary>More</summary><p style='color: #bbb'>Pale when unfolded</p></details>", ""),
    ("sideways", "<p>x</p>", "main { min-width: 400px }"),
    ("sideways", "<p>" + "x" * 90 + "</p>", "p { overflow: hidden }"),
    ("spacing", "<p>Mississippi river</p>", "p { width: 8rem; overflow: hidden; white-space: nowrap }"),
    ("keyboard", '<p><a href="b.html">No focus</a></p>', "main a:focus { outline: none }"),
    ("keyboard", '<p><a href="b.html">Pale focus</a></p>', "main a:focus { outline: 3px solid #eee }"),
    ("keyboard", '<p><a href="b.html">Off the screen</a></p>', "main a { position: fixed; left: -999px }"),
    ("keyboard", '<p><a href="b.html" tabindex="3">First</a></p>', ""),
    ("keyboard", '<p><a id="trap" href="b.html">x</a> <a href="c.html">y</a></p><script>document.getElementById("trap")'
                 '.addEventListener("keydown", (e) => e.preventDefault())</script>', ""),
    ("quiet", "<script>console.warn('seen')</script>", ""),
    ("quiet", "<script>nothing()</script>", ""),
    ("quiet", '<img alt="x" src="http://127.0.0.1:9/x.png">', ""),
    ("quiet", "<script>fetch('https://evil.example/')</script>", ""),
    ("quiet", "<p>x</p>", "body { background-image: url(http://evil.example/x.png) }"),
    ("html", "<p><div>A block in a paragraph</div></p>", ""),
    ("html", '<p id="content">The same id</p>', ""),
    ("html", "<figure><figcaption>x</figcaption><p>x</p><figcaption>y</figcaption></figure>", ""),
    ("print", "<p>x</p>", "@media print { main p { display: none } }"),
    ("print", "<details><summary>More</summary><p>Folded</p></details>", ""),
    ("print", "<p>x</p>", "@media print { main { min-width: 900px } }"),
    ("print", "<p>x</p>", "@media (prefers-color-scheme: dark) { body { background: #111; color: #eee } }"),
    ("weight", "<!--" + "x" * 1_500_000 + "-->", ""),
]  # fmt: skip


@pytest.fixture(scope="module")
def planted(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """A page with each fault, asked for this fault alone."""
    made = tmp_path_factory.mktemp("planted")
    for number, (check, body, style) in enumerate(BAD):
        write_text(made / check / f"{number}.html", GOOD.format(body=body, style=style))
    audits = [audit(browser, made / check, checks=(check,)) for check in CHECKS]
    return Audit([fault for one in audits for fault in one.faults])


def test_a_page_without_a_fault_has_none(browser: Browser, tmp_path: Path) -> None:
    write_text(tmp_path / "good.html", GOOD.format(body="", style=""))
    assert audit(browser, tmp_path).faults == []


@pytest.mark.parametrize(("number", "check"), [(n, bad[0]) for n, bad in enumerate(BAD)])
def test_each_check_sees_what_it_is_for(planted: Audit, number: int, check: str) -> None:
    assert {fault.check for fault in planted.faults if fault.page == f"{number}.html"} == {check}


def test_what_a_run_holds_back_is_no_page(tmp_path: Path) -> None:
    for name in ("a.html", "fi/b.html", "held/c.html", ".aside/d.html", "e.txt"):
        write_text(tmp_path / name, "x")
    assert [page.name for page in pages_of(tmp_path)] == ["a.html", "b.html"]
