"""A release is what its record says: scanned, labelled and written down before it takes its place."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from costeff.disclosure.publication import Publication
from costeff.disclosure.record import NAME, Release, earlier, verify
from costeff.disclosure.tables import Count, Key, Rule, protect
from costeff.errors import ModelError, UsageError
from costeff.identity import artificial

CODE, OFFICIAL = artificial(1, np.random.default_rng(5))[0], "131052-308T"


def made(folder: Path, text: str = "<p>Mallila</p>") -> Path:
    aside = folder / ".aside" / "page.html"
    aside.parent.mkdir(parents=True, exist_ok=True)
    aside.write_text(text)
    return aside


def recorded(folder: Path) -> dict:
    return {one["file"]: one for one in json.loads((folder / NAME).read_text())["outputs"]}


def test_a_clean_page_goes_out_with_its_label(tmp_path: Path) -> None:
    output = Release(tmp_path).offer(made(tmp_path), "165.fi.html", "public")
    assert output.passed
    assert (tmp_path / "165.fi.html").read_text() == "<p>Mallila</p>"
    told = recorded(tmp_path)["165.fi.html"]
    assert (told["label"], told["status"], told["who"], told["rule"]) == ("public", "pass", "anyone", Rule().version)
    assert verify(tmp_path) == []


def test_a_page_with_a_code_is_not_there_and_neither_is_the_one_before(tmp_path: Path) -> None:
    release = Release(tmp_path, reasons={"165.fi.html": "no reason is good enough"})
    release.offer(made(tmp_path), "165.fi.html", "public")
    output = release.offer(made(tmp_path, f"<p>{OFFICIAL}</p>"), "165.fi.html", "public")
    assert (output.status, output.found) == ("fail", ("text",))
    assert not list(tmp_path.rglob("*.html"))
    assert OFFICIAL not in (tmp_path / NAME).read_text()


def test_an_artificial_code_is_for_review_and_passes_with_a_reason_only(tmp_path: Path) -> None:
    text = f"<p>An example: {CODE}</p>"
    assert Release(tmp_path).offer(made(tmp_path, text), "a.html", "public").status == "review"
    assert not (tmp_path / "a.html").exists()
    output = Release(tmp_path, reasons={"a.html": "training material"}).offer(made(tmp_path, text), "a.html", "public")
    assert (output.status, output.reason) == ("pass", "training material")
    assert (tmp_path / "a.html").exists()


def test_without_a_label_nothing_is_kept(tmp_path: Path) -> None:
    aside = made(tmp_path)
    with pytest.raises(UsageError, match="without a sensitivity label"):
        Release(tmp_path).offer(aside, "a.html", "")  # type: ignore[arg-type]
    assert not aside.exists()
    assert not (tmp_path / "a.html").exists()


@pytest.mark.parametrize("name", ["../a.html", "/tmp/a.html", "a/../../b.html", "..", "", "a\0.html", "x" * 300])
def test_a_page_stays_in_the_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    with pytest.raises(UsageError):
        Release(folder).offer(made(folder), name, "public")
    assert [one for one in tmp_path.rglob("*.html") if ".aside" not in one.parts] == []


def test_a_page_changed_or_added_after_the_release_is_told(tmp_path: Path) -> None:
    Release(tmp_path).offer(made(tmp_path), "a.html", "public")
    (tmp_path / "a.html").write_text("other")
    (tmp_path / "b.html").write_text(f"added {OFFICIAL}")
    told = {(one.place, one.rule) for one in verify(tmp_path)}
    assert told == {
        ("a.html", "was changed after its release"),
        ("b.html", "is not recorded as public"),
        ("b.html", "holds an identity code (text)"),
    }


def test_what_an_earlier_release_said_is_read_back(tmp_path: Path) -> None:
    frame = pd.DataFrame({"group": ["a", "b"], "n": [9, 57]})
    publication = Publication(tables={"x": protect(frame, {"group": Key(), "n": Count()}, "clients")}, data="2025")
    Release(tmp_path, publication).offer(made(tmp_path), "a.html", "public")
    assert earlier(tmp_path) == publication.statements
    assert "57" not in json.dumps(json.loads((tmp_path / NAME).read_text())["counts"])


def test_a_broken_record_stops_the_next_release(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("{")
    with pytest.raises(ModelError, match="cannot be read as the record"):
        earlier(tmp_path)
    assert [one.rule for one in verify(tmp_path)] == ["cannot be read as the record of a release"]
