"""A real JupyterLab server in a real browser: the suite opens ready, runs, and answers when it is asked otherwise.

The picture in README.md is the last screen: LAB_PICTURE=docs/images/jupyterlab.png make test-lab.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import CHROMIUM, Browser, Tab, View

ROOT = Path(__file__).parents[1]
TOKEN = "of-this-test"
DESK = View("desk", 1440, 1180)
STARTED, RAN = 120.0, 300.0  # seconds; a machine may be busy, and fits may have to be made
ERROR = "[data-mime-type='application/vnd.jupyter.error']"
# Before the kernel is connected, running a cell does nothing.
IDLE = (
    "fetch('/api/kernels').then(answer => answer.json()).then("
    "kernels => kernels.length > 0 && kernels[0].connections > 0 && kernels[0].execution_state === 'idle')"
)

pytestmark = [
    pytest.mark.slow,  # a minute: a server, a browser and a whole notebook; `make test-lab` runs it
    pytest.mark.skipif(CHROMIUM is None, reason="JupyterLab was not opened: Chromium is not installed"),
]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def wait_for(address: str, process: subprocess.Popen[bytes], said: Path) -> None:
    end = time.monotonic() + STARTED
    while time.monotonic() < end:
        assert process.poll() is None, said.read_text()
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            urllib.request.urlopen(address, timeout=5).close()
            return
        time.sleep(0.5)
    raise AssertionError(said.read_text())


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the suite in a JupyterLab of its own, on a copy of the notebooks."""
    home = tmp_path_factory.mktemp("lab")
    (home / "notebooks").mkdir()
    for path in (ROOT / "notebooks").iterdir():
        if path.is_file():
            (home / "notebooks" / path.name).write_bytes(path.read_bytes())
    (home / "params").symlink_to(ROOT / "params")
    (home / ".cache").mkdir()
    (home / ".cache" / "costeff").symlink_to(ROOT / ".cache" / "costeff")
    jupyter = {f"JUPYTER_{name}_DIR": str(home / "jupyter" / name.lower()) for name in ("DATA", "CONFIG", "RUNTIME")}
    env = {**os.environ, **jupyter, "COSTEFF_HOME": str(home), "JUPYTER_TOKEN": TOKEN, "PYTHONHASHSEED": "0"}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), env.get("PYTHONPATH")]))
    port, said = free_port(), home / "said"
    command = [sys.executable, "-m", "costeff.cli", "lab", "--port", str(port), "--no-browser"]
    with said.open("wb") as out:
        process = subprocess.Popen(command, env=env, cwd=home, stdout=out, stderr=out)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{address}/api?token={TOKEN}", process, said)
        yield f"{address}/lab/workspaces/costeff?token={TOKEN}"
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def tab(lab: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    browser = Browser(tmp_path_factory.mktemp("profile"), local=True)
    try:
        with browser.tab() as opened:
            opened.look(DESK)
            opened.open(lab)
            opened.until("document.querySelectorAll('.jp-Notebook .jp-Cell').length > 10", STARTED)
            yield opened
            if picture := os.environ.get("LAB_PICTURE"):
                Path(picture).write_bytes(opened.screenshot())
    finally:
        browser.close()


def click(tab: Tab, selector: str) -> None:
    """Press the mouse in the middle of what is shown there, as a hand does."""
    press_on(tab, f"document.querySelector({selector!r})")


def press_on(tab: Tab, element: str) -> None:
    where = tab.until(
        f"(() => {{ const box = ({element})?.getBoundingClientRect();"
        " return box && box.width ? [box.x + box.width / 2, box.y + box.height / 2] : null })()"
    )
    for kind, button in (("mouseMoved", "none"), ("mousePressed", "left"), ("mouseReleased", "left")):
        tab.call("Input.dispatchMouseEvent", type=kind, x=where[0], y=where[1], button=button, clickCount=1)


def texts(tab: Tab, selector: str) -> list[str]:
    """What is written there, also below the screen."""
    return list(tab.evaluate(f"[...document.querySelectorAll({selector!r})].map(found => found.textContent.trim())"))


def test_the_suite_is_there_in_reading_order_with_its_contents_and_its_kernel(tab: Tab) -> None:
    suite = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
    tab.until("document.querySelectorAll('.jp-DirListing-item').length > 10")
    assert [name for name in texts(tab, ".jp-DirListing-itemName") if name.endswith(".ipynb")] == suite
    tab.until("document.querySelectorAll('#table-of-contents .jp-tocItem').length > 3")
    assert any("What this does not show" in text for text in texts(tab, "#table-of-contents .jp-tocItem"))
    tab.until("document.querySelector('.jp-KernelName, .jp-Toolbar-kernelName').innerText.includes('costeff')")
    assert tab.evaluate("document.querySelector('.jp-Notebook h1').innerText").startswith("Start here")


def test_all_cells_run_and_nothing_is_asked_of_the_network(tab: Tab) -> None:
    tab.until(IDLE, STARTED)
    click(tab, "#jp-MainMenu li:nth-child(4)")  # Run
    click(tab, ".lm-Menu-item[data-command='runmenu:run-all']")
    tab.until(
        "[...document.querySelectorAll('.jp-OutputArea-output')]"
        f".some(o => /^seed 2026/.test(o.textContent.trim()) || o.matches({ERROR!r}))",
        RAN,
    )
    assert texts(tab, ERROR) == []
    assert texts(tab, "[data-mime-type='application/vnd.jupyter.stderr']") == []
    assert tab.evaluate("document.querySelectorAll('.jp-OutputArea-output svg, .jp-OutputArea-output img').length") > 3
    assert [url for url in tab.requests() if "//127.0.0.1:" not in url and not url.startswith("blob:")] == []


SHOWN = ".costeff-what-if .costeff-shown"


def shown(tab: Tab) -> tuple[str, list[str]]:
    """What the panel says, and its figures."""
    text = tab.evaluate(f"document.querySelector({SHOWN!r}).textContent")
    figures = f"[...document.querySelectorAll({SHOWN + ' img, ' + SHOWN + ' svg'!r})].map(f => f.src || f.outerHTML)"
    return str(text), list(tab.evaluate(figures))


def test_a_slider_of_the_what_if_panel_moves_the_answer_and_its_figures(tab: Tab) -> None:
    tab.until(f"document.querySelectorAll({SHOWN + ' img, ' + SHOWN + ' svg'!r}).length > 0", STARTED)
    tab.evaluate("document.querySelector('.costeff-what-if').scrollIntoView({block: 'center'})")
    before, figures = shown(tab)
    assert figures
    handle = ".costeff-what-if .costeff-effect-slider .noUi-handle"
    tab.until(f"!!document.querySelector({handle!r})")
    for _ in range(4):
        tab.evaluate(f"document.querySelector({handle!r}).focus()")
        tab.press("ArrowRight")
    tab.until(f"document.querySelector({SHOWN!r}).textContent !== {before!r}")
    after, moved = shown(tab)
    assert after != before
    assert len(moved) == len(figures)
    assert moved != figures, "the figure changes with the answer"
    tab.until(IDLE)
    assert texts(tab, ERROR) == []


AXE = ROOT / "tests" / "browser" / "node_modules" / "axe-core" / "axe.min.js"
# Rules on whole pages are JupyterLab's own matter.
FAULTS = (
    "axe.run('.costeff-what-if', {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']}).then(found => "
    "found.violations.map(one => one.id + ': ' + one.nodes.map(node => node.html).join(' | ')))"
)


def test_a_handle_of_a_slider_is_named_as_its_box(tab: Tab) -> None:
    handles = "[...document.querySelectorAll('.costeff-what-if .noUi-handle')]"
    tab.until(f"{handles}.every(handle => handle.getAttribute('aria-label'))")
    names = tab.evaluate(f"{handles}.map(handle => handle.getAttribute('aria-label'))")
    assert len(names) == 4
    labels = texts(tab, ".costeff-what-if .widget-label")
    assert set(names) <= set(labels)


def test_the_words_of_the_buttons_are_not_cut(tab: Tab) -> None:
    cut = "[...document.querySelectorAll('.costeff-what-if button')].filter(b => b.scrollWidth > b.clientWidth)"
    assert tab.evaluate(f"{cut}.map(button => button.textContent)") == []


def choose_theme(tab: Tab, name: str) -> None:
    click(tab, "#jp-MainMenu li:nth-child(7)")  # Settings
    for item in ("Theme", name):
        press_on(tab, f"[...document.querySelectorAll('.lm-Menu-itemLabel')].find(l => l.textContent === {item!r})")
    tab.until(f"document.body.dataset.jpThemeName === {name!r}")


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: `make test` installs it with npm")
@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])  # the light one last, for the picture
def test_the_panel_is_accessible_in_both_themes(tab: Tab, theme: str) -> None:
    choose_theme(tab, theme)
    tab.evaluate("document.querySelector('.costeff-what-if').scrollIntoView({block: 'center'})")
    tab.evaluate(AXE.read_text(encoding="utf-8"))
    assert tab.evaluate(FAULTS) == []
