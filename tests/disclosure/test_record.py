"""A release is what its record says: scanned, labelled and written down before it takes its place."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from costeff.cli.release import release as command
from costeff.disclosure.outputs import JOURNAL
from costeff.disclosure.publication import Publication
from costeff.disclosure.record import NAME, Release, earlier, verify
from costeff.disclosure.record import recorded as read_back
from costeff.disclosure.tables import Count, Key, Rule, protect
from costeff.errors import DataError, ModelError, UsageError
from costeff.identity import artificial

CODE, OFFICIAL = artificial(1, np.random.default_rng(5))[0], "131052-308T"


def made(folder: Path, text: str = "<p>Mallila</p>") -> Path:
    aside = folder / ".aside" / "page.html"
    aside.parent.mkdir(parents=True, exist_ok=True)
    aside.write_text(text)
    return aside


def recorded(folder: Path) -> dict:
    """What a program of another kind reads from the record alone."""
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
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "run.json").write_text(json.dumps(OFFICIAL))
    (tmp_path / "linked.html").symlink_to("/nowhere/at/all")
    for name in ("b.html", "data.csv", "X.HTML", "notebooks/a.ipynb", ".hidden", f"{OFFICIAL}.txt"):
        (tmp_path / name).write_text(f"added {OFFICIAL}")
    (tmp_path / ".lock").write_text("")
    told = {(one.place, one.rule) for one in verify(tmp_path)}
    added = {"b.html", "data.csv", "X.HTML", "notebooks/a.ipynb", ".hidden"}
    assert told == {
        ("a.html", "was changed after its release"),
        ("run.json", "holds an identity code (text)"),
        ("linked.html", "is a link, or no file"),
        ("(a name with an identity code) .txt", "is not recorded"),
        ("(a name with an identity code) .txt", "holds an identity code (file name)"),
        *((name, "is not recorded") for name in added),
        *((name, "holds an identity code (text)") for name in added),
    }


def test_what_is_kept_inside_is_checked_like_a_page_and_what_is_gone_is_missed(tmp_path: Path) -> None:
    release = Release(tmp_path)
    for name, label in (("notebooks/a.ipynb", "inside"), ("a.html", "public"), ("b.html", "public")):
        release.offer(made(tmp_path), name, label)
    (tmp_path / ".aside").rmdir()
    assert verify(tmp_path) == []  # also before the record is closed
    (tmp_path / "notebooks" / "a.ipynb").write_text("other")
    (tmp_path / "b.html").unlink()
    assert {(one.place, one.rule) for one in verify(tmp_path)} == {
        ("notebooks/a.ipynb", "was changed after its release"),
        ("b.html", "is missing"),
    }
    release.close()
    assert [one.place for one in verify(tmp_path)] == ["notebooks/a.ipynb"]


def test_a_killed_run_keeps_what_it_recorded(tmp_path: Path) -> None:
    release = Release(tmp_path)
    for name in ("a.html", "b.html", "c.html"):
        release.offer(made(tmp_path), name, "public")
    with (tmp_path / JOURNAL).open("a") as journal:
        journal.write('\n{"file": "d.html", "lab')  # the power went
    assert sorted(read_back(tmp_path)) == ["a.html", "b.html", "c.html"]
    again = Release(tmp_path, outputs=read_back(tmp_path))
    again.offer(made(tmp_path), "d.html", "public")
    assert sorted(recorded(tmp_path)) == ["a.html", "b.html", "c.html", "d.html"]
    assert not (tmp_path / JOURNAL).exists()


def _output(told: dict) -> None:
    told["outputs"] = [{"file": "a.html"}]


def _listed(told: dict) -> None:
    told["outputs"][0]["file"] = ["a"]


def _unlabelled(told: dict) -> None:
    told["outputs"][0]["label"] = "secret"


def _weak(told: dict) -> None:
    told["rule"]["threshold"] = 1


def _renamed(told: dict) -> None:
    told["rule"]["version"] = "2"


def _exact(told: dict) -> None:
    told["counts"] = [{"about": "x", "measure": "clients", "where": [["m", "165"]], "shown": 13}]


def _worded(told: dict) -> None:
    told["counts"] = [{"about": "x", "measure": "clients", "where": [], "shown": "many"}]


def _ruled(told: dict) -> None:
    told["outputs"][0]["rule"] = "0"


@pytest.mark.parametrize(
    ("tamper", "rule"),
    [(_output, "cannot be read"), (_listed, "cannot be read"), (_unlabelled, "cannot be read"),
     (_weak, "protects nothing"),
     (_renamed, "version of another"), (_exact, "counts that may not be shown: 1"), (_worded, "cannot be read"),
     (_ruled, "by another rule")],
)  # fmt: skip
def test_a_record_that_was_tampered_with_is_told(tmp_path: Path, tamper, rule: str) -> None:
    Release(tmp_path).offer(made(tmp_path), "a.html", "public")
    (tmp_path / ".aside").rmdir()
    told = json.loads((tmp_path / NAME).read_text())
    tamper(told)
    (tmp_path / NAME).write_text(json.dumps(told))
    assert any(rule in one.rule for one in verify(tmp_path))
    with pytest.raises(DataError, match=rule):
        command(tmp_path)


def test_a_page_held_for_review_waits_inside_and_goes_out_with_a_reason(tmp_path: Path, capsys) -> None:
    text = f"<p>An example: {CODE}</p>"
    Release(tmp_path).offer(made(tmp_path, text), "a.html", "public")
    (tmp_path / ".aside").rmdir()
    held = tmp_path / "held" / "a.html"
    assert held.stat().st_mode & 0o777 == 0o600
    command(tmp_path)
    assert "Waits for a reason: a.html" in capsys.readouterr().out
    for files, reason in ((["a.html"], " "), (["a.html"], f"for {OFFICIAL}"), (["b.html"], "training"),
                          (["a.html", "../a.html"], "training"), ([], "training")):  # fmt: skip
        with pytest.raises(UsageError):
            command(tmp_path, files, reason)
        assert held.exists()
    command(tmp_path, ["a.html"], "training material")
    assert (tmp_path / "a.html").read_text() == text
    assert not held.exists()
    assert "Let pass: a.html. Reason: training material" in capsys.readouterr().out
    again = Release(tmp_path, outputs=read_back(tmp_path))
    assert again.offer(made(tmp_path, text), "a.html", "public").passed  # the reason was for this content
    assert again.offer(made(tmp_path, f"{text} more"), "a.html", "public").status == "review"
    assert not (tmp_path / "a.html").exists()


def test_a_held_page_that_was_changed_does_not_go_out(tmp_path: Path) -> None:
    Release(tmp_path).offer(made(tmp_path, CODE), "a.html", "public")
    (tmp_path / "held" / "a.html").write_text(f"{CODE} {OFFICIAL}")
    with pytest.raises(UsageError, match="was changed since"):
        command(tmp_path, ["a.html"], "training")
    assert not (tmp_path / "a.html").exists()


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
