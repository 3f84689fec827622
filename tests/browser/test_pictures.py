"""First screens look as they did when somebody last looked at them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from chromium import Browser
from page_checks import DESKTOP, DESKTOP_DARK, PHONE
from page_pictures import KEPT, TOLERANCE, first_screen
from report_fakes import REASON, appraisal, catalogue, executed, write_tree

from costeff.files import write_text
from costeff.report.page import open_page
from costeff.report.render import as_page
from costeff.spec import LANGUAGES

SCREENS = [
    ("999.fi", DESKTOP), ("999.sv", DESKTOP), ("999.en", DESKTOP), ("999.fi", DESKTOP_DARK), ("999.sv", PHONE),
    ("index.fi", DESKTOP), ("index.en", PHONE), ("county-99.fi", DESKTOP),
    ("small_and_saves.fi", PHONE), ("large_and_costs.sv", DESKTOP), ("long_name_borrowed.fi", PHONE),
    ("long_name_borrowed.sv", DESKTOP), ("failed.en", DESKTOP), ("failed.fi", PHONE),
]  # fmt: skip


@pytest.fixture(scope="session")
def screens(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages of one service: a small, a large and a long-named municipality, and one without figures."""
    failed = {"gate_passed": 0, "gate_reasons": json.dumps([REASON])}
    cases = {
        "small_and_saves": (("Luhanka", "Luhanka"), appraisal(price=3_000, n_clients_protected=-1)),
        "large_and_costs": (("Helsinki", "Helsingfors"), appraisal(price=26_000)),
        "long_name_borrowed": (
            ("Pedersören kunta", "Pedersöre"),
            appraisal(evidence="borrowed", pooling=float("nan"), n_clients_protected=-1),
        ),
        "failed": (("Janakkala", "Janakkala"), appraisal(**failed)),
    }
    made = tmp_path_factory.mktemp("screens")
    for case, ((fi, sv), one) in cases.items():
        named = one.assign_attrs(municipality_fi=fi, municipality_sv=sv, municipality_en=sv)
        tree = write_tree(made / f"{case}.nc", {"family_work": named})
        for language in LANGUAGES:
            page = open_page(tree, "999", language, catalogue())
            write_text(made / f"{case}.{language}.html", as_page(executed(page)))
    for page in folder.glob("*.html"):
        shutil.copy(page, made)
    return made


@pytest.mark.parametrize(("name", "view"), SCREENS, ids=lambda part: str(getattr(part, "name", part)))
def test_a_first_screen_looks_as_it_did(browser: Browser, screens: Path, request, name: str, view) -> None:
    kept = KEPT / f"{name}.{view.name.replace(' ', '_')}.png"
    writing = request.config.getoption("pictures")
    if not writing and not kept.exists():
        pytest.skip("no picture of this screen is kept: --pictures writes it")
    with browser.tab() as tab:
        now = first_screen(tab, screens / f"{name}.html", view)
    if writing:
        now.write(kept)
        return
    before = now.read(kept)
    if before.drawn_with != now.drawn_with:
        pytest.skip(f"not compared: drawn with {now.drawn_with} here, with {before.drawn_with} in the picture")
    share = now.differs(before)
    assert share <= TOLERANCE, f"{kept.name}: {share:.1%} of the screen differs; look at it, then --pictures keeps it"


PAGE = """<!DOCTYPE html><html lang="en"><title>x</title><body style="background: {}; font: 20px sans-serif">
<h1>A page</h1><main><p>{}</p></main></body></html>"""


def test_a_kept_picture_is_small_and_sees_what_changed(browser: Browser, tmp_path: Path) -> None:
    text = "Some words of a page. " * 40
    pages = {
        "same": ("#fff", text),
        "other": ("#fff", text.upper()),
        "tint": ("#fed", text),
        "comma": ("#fff", text[:-2]),
    }
    with browser.tab() as tab:
        for name, parts in pages.items():
            write_text(tmp_path / f"{name}.html", PAGE.format(*parts))
        seen = {name: first_screen(tab, tmp_path / f"{name}.html", DESKTOP) for name in pages}
        phone = first_screen(tab, tmp_path / "same.html", PHONE)
    seen["same"].write(tmp_path / "pictures" / "same.png")
    kept = seen["same"].read(tmp_path / "pictures" / "same.png")
    assert (tmp_path / "pictures" / "same.png").stat().st_size < 20_000
    assert kept.drawn_with == seen["same"].drawn_with != ""
    assert seen["same"].differs(kept) <= TOLERANCE
    assert seen["comma"].differs(kept) <= TOLERANCE  # one letter
    assert seen["other"].differs(kept) > TOLERANCE
    assert seen["tint"].differs(kept) > 0.5
    assert phone.differs(kept) == 1.0
