"""First screens look as they did when somebody last looked at them."""

from __future__ import annotations

from pathlib import Path

import pytest
from chromium import Browser
from page_checks import DESKTOP, DESKTOP_DARK, PHONE
from page_pictures import KEPT, TOLERANCE, first_screen

from costeff.files import write_text

SCREENS = [
    ("999.fi", DESKTOP), ("999.sv", DESKTOP), ("999.en", DESKTOP), ("999.fi", DESKTOP_DARK), ("999.sv", PHONE),
    ("index.fi", DESKTOP), ("index.en", PHONE),
]  # fmt: skip


@pytest.mark.parametrize(("name", "view"), SCREENS, ids=lambda part: str(getattr(part, "name", part)))
def test_a_first_screen_looks_as_it_did(browser: Browser, folder: Path, request, name: str, view) -> None:
    kept = KEPT / f"{name}.{view.name.replace(' ', '_')}.png"
    writing = request.config.getoption("pictures")
    if not writing and not kept.exists():
        pytest.skip("no picture of this screen is kept: --pictures writes it")
    with browser.tab() as tab:
        now = first_screen(tab, folder / f"{name}.html", view)
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
