"""Every page of a folder, checked in a browser: one call, one list of faults.

A fault names the page, the view and the check. To check pages of a new kind, give their folder
to `audit`: nothing here knows what a page is about.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from chromium import CHROMIUM, Browser, Tab, View

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
AXE = MODULES / "axe-core" / "axe.min.js"
HTML_VALIDATE = MODULES / "html-validate" / "bin" / "html-validate.mjs"
NODE = shutil.which("node")
TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
COLOUR_RULES = ("color-contrast", "link-in-text-block")
HEAVIEST = 1_500_000  # bytes of a page

DESKTOP, DESKTOP_DARK = View("desktop", 1280, 800), View("desktop dark", 1280, 800, "dark")
PHONE, PHONE_DARK = View("phone", 390, 844), View("phone dark", 390, 844, "dark")
CHECKS = ("axe", "keyboard", "sideways", "spacing", "quiet", "print", "html", "weight")
NARROW = View("320 px", 320, 256)  # 1280 x 1024 at 400 %
TABLET = View("tablet", 641, 900)  # the narrowest screen that is no phone to the style sheet
PAPER = View(
    "paper", 672, 975, "dark", "print"
)  # A4 within the margins of style.css, asked for by a reader in the dark
HELD_BACK = {"held", ".aside"}  # folders of a run that hold no pages to be read


def missing() -> str:
    """What this machine lacks to check pages; nothing when it can."""
    lacks = {
        "Chromium is not installed": CHROMIUM is None,
        "Node.js is not installed": NODE is None,
        "axe-core and html-validate are not installed (`make test` does it with npm)": not HTML_VALIDATE.exists()
        or not AXE.exists(),
    }
    return ", ".join(what for what, so in lacks.items() if so)


@dataclass(frozen=True)
class Fault:
    page: str
    view: str
    check: str
    what: str

    def __str__(self) -> str:
        return f"{self.page} [{self.view}] {self.check}: {self.what}"


@dataclass
class Audit:
    """What was found, and what was measured: bytes, and milliseconds to the first contentful paint."""

    faults: list[Fault] = field(default_factory=list)
    weights: dict[str, int] = field(default_factory=dict)
    paints: dict[str, float] = field(default_factory=dict)

    def of(self, check: str) -> list[str]:
        return [str(fault) for fault in self.faults if fault.check == check]


def pages_of(folder: Path) -> list[Path]:
    """The pages of a folder and of the folders in it, in order."""
    found = sorted(folder.rglob("*.html"))
    return [page for page in found if not HELD_BACK & set(page.relative_to(folder).parts)]


def audit(browser: Browser, *folders: Path, checks: Collection[str] = CHECKS) -> Audit:
    """Check every page of the folders."""
    result = Audit()
    for folder in folders:
        pages = pages_of(folder)
        if "html" in checks:
            result.faults += invalid(folder, pages)
        with browser.tab() as tab:
            for page in pages:
                place = str(page.relative_to(folder))
                result.weights[place] = page.stat().st_size
                if result.weights[place] > HEAVIEST:
                    result.faults.append(Fault(place, "file", "weight", f"{result.weights[place]} bytes"))
                result.faults += (Fault(place, *told) for told in checked(tab, page, checks))
                if (paint := tab.evaluate("costeff.paint()")) is not None:
                    result.paints[place] = paint
    return result


Told = Iterator[tuple[str, str, str]]  # view, check, what


def checked(tab: Tab, page: Path, checks: Collection[str]) -> Told:
    """Faults of one page: opened once, and looked at in every view."""
    tab.look(DESKTOP)
    tab.open(page)
    tab.evaluate("document.fonts.ready.then(() => 0)")
    for complaint in tab.complaints():
        yield DESKTOP.name, "quiet", complaint
    for address in tab.requests():
        yield DESKTOP.name, "quiet", f"asks for {address}"
    tab.evaluate((HERE / "page_checks.js").read_text(encoding="utf-8") + "; 0")
    for name, look in LOOKS:
        if name in checks:
            yield from look(tab)


def past_the_header(tab: Tab) -> Told:
    """The first stop leads to the main content, and the next stop is there or after it."""
    tab.press("Tab")
    if not tab.evaluate("document.activeElement.matches('.skip') && document.activeElement.hash !== ''"):
        yield tab.view.name, "keyboard", "the first stop is no link past the header"
        return
    tab.press("Enter")
    if not tab.evaluate("location.hash !== '' && document.querySelector('main').matches(location.hash)"):
        yield tab.view.name, "keyboard", "the link past the header does not lead to the main content"
    tab.press("Tab")
    if tab.evaluate("document.activeElement.closest('header, .skip') !== null"):
        yield tab.view.name, "keyboard", "the link past the header leads back to it"


def by_keyboard(tab: Tab) -> Told:
    """Tab reaches every stop in the order of the page, Enter unfolds, and the focus is seen."""
    for view in (DESKTOP, PHONE_DARK):
        tab.look(view)
        stops = tab.evaluate("costeff.stops()")
        for what in (*stops["faults"], *_walk(tab, stops["names"])):
            yield view.name, "keyboard", what


def _walk(tab: Tab, names: list[str]) -> Iterator[str]:
    met: list[int] = []
    for _ in names:
        tab.press("Tab")
        here = tab.evaluate("costeff.stop()")
        if here["at"] is None or here["at"] in met:  # out of the page, or round to its beginning
            break
        yield from here["faults"]
        met.append(here["at"])
        if here["folded"]:
            tab.press("Enter")
            if tab.evaluate("costeff.stop()")["folded"]:
                yield f"{here['name']} does not unfold on Enter"
    yield from (f"Tab does not reach {names[number]}" for number in sorted(set(range(len(names))) - set(met)))
    if met != sorted(met):
        yield "Tab does not go in the order of the page"


def accessible(tab: Tab) -> Told:
    """No rule of axe is broken, with everything unfolded; contrast is asked in every view."""
    tab.evaluate(AXE.read_text(encoding="utf-8") + "; 0")
    tab.evaluate("costeff.unfold(true)")
    rules, colours = {"type": "tag", "values": TAGS}, {"type": "rule", "values": COLOUR_RULES}
    for view, asked in ((DESKTOP, rules), (DESKTOP_DARK, colours), (PHONE, colours), (PHONE_DARK, rules)):
        tab.look(view)
        for what in tab.evaluate("(asked) => costeff.broken(asked)", asked):
            yield view.name, "axe", what


def narrow(tab: Tab) -> Told:
    """Nothing goes over the edge of a screen or of what it stands in."""
    tab.evaluate("costeff.unfold(true)")
    for view in (NARROW, PHONE, TABLET, DESKTOP):
        tab.look(view)
        for what in tab.evaluate("costeff.sideways()"):
            yield view.name, "sideways", what


def wide_apart(tab: Tab) -> Told:
    """Nothing goes over the edge of a small screen when letters, words and lines are set wide apart."""
    tab.look(NARROW)
    tab.evaluate("costeff.unfold(true), costeff.spaced(true)")
    for what in tab.evaluate("costeff.sideways()"):
        yield NARROW.name, "spacing", what
    tab.evaluate("costeff.spaced(false)")


def on_paper(tab: Tab) -> Told:
    """All that the page says, folded or not, is printed in dark ink on light paper, and within its edges."""
    tab.look(DESKTOP)
    tab.evaluate("costeff.remember()")
    tab.look(PAPER)
    for what in tab.evaluate("costeff.printed()"):
        yield PAPER.name, "print", what


LOOKS: tuple[tuple[str, Callable[[Tab], Told]], ...] = (
    ("keyboard", past_the_header),  # first: nothing has been clicked yet
    ("keyboard", by_keyboard),
    ("axe", accessible),
    ("sideways", narrow),
    ("spacing", wide_apart),
    ("print", on_paper),
)


def invalid(folder: Path, pages: list[Path]) -> list[Fault]:
    """What is not valid HTML by the rules of html_rules.cjs; all pages in one call."""
    if not pages:
        return []
    command = [str(NODE), str(HTML_VALIDATE), "--formatter", "json", "--config", str(HERE / "html_rules.cjs")]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as told:  # a pipe is cut short when node ends
        done = subprocess.run([*command, *map(str, pages)], stdout=told, stderr=subprocess.PIPE, text=True, check=False)
        told.seek(0)
        text = told.read()
    if done.returncode not in (0, 1) or not text.startswith("["):
        raise RuntimeError(f"html-validate did not run: {done.stderr.strip()}")
    return [
        Fault(
            str(Path(one["filePath"]).relative_to(folder)),
            "file",
            "html",
            f"line {m['line']}: {m['message']} ({m['ruleId']})",
        )
        for one in json.loads(text)
        for m in one["messages"]
    ]
