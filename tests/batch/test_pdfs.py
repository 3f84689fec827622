"""PDFs of a run: released as pages are, made when they are due, and by nobody else's leave."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("pikepdf", reason="pikepdf is not installed")
pytest.importorskip("typst", reason="typst is not installed")

from costeff.batch import pdfs
from costeff.batch.pdfs import make_pdfs
from costeff.cli import app
from costeff.disclosure.outputs import read_record
from costeff.disclosure.publication import Publication, Statement
from costeff.disclosure.record import Release, let_pass, verify
from costeff.errors import CosteffError, DataError, ExitCode, SetupError, UsageError
from costeff.files import alone_in
from costeff.identity import artificial

OFFICIAL, CODE = "131052-308T", artificial(1, np.random.default_rng(5))[0]
TOLD = Statement("a service", "clients", (("municipality", "165"),), 45)


def page(name: str, text: str = "Text") -> str:
    main = f"<main><h1>{name}</h1><p>{text}</p></main>"
    return f'<html lang="en"><head><title>{name}</title></head><body>{main}</body></html>'


def offer(release: Release, name: str, content: str) -> None:
    made = release.folder / ".made"
    made.write_text(content)
    release.offer(made, name, "public")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    release = Release(folder, Publication(earlier=(TOLD,)))
    for name in ("165.fi.html", "165.sv.html", "407.fi.html"):
        offer(release, name, page(name))
    offer(release, "index.fi.html", page("list"))
    offer(release, "index.html", page("list"))
    release.close()
    return folder


def made(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*.pdf"))}


def test_each_released_page_gets_its_pdf_and_the_record_knows_it(run: Path) -> None:
    before = read_record(run)
    outcome = make_pdfs(run, workers=3)
    assert (outcome.made, outcome.standing, outcome.failed) == (3, 0, [])
    assert list(made(run)) == ["165.fi.pdf", "165.sv.pdf", "407.fi.pdf"]
    assert outcome.size == sum(map(len, made(run).values()))
    assert verify(run) == []
    after = read_record(run)
    assert after.outputs["165.fi.pdf"].label == "public"
    assert after.counts == before.counts == (TOLD,)
    assert not (run / ".aside").exists()


def test_what_stands_is_left_alone_and_what_does_not_is_made_again(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_pdfs(run)
    first, when = made(run), (run / "165.fi.pdf").stat().st_mtime_ns
    assert make_pdfs(run).standing == 3
    assert (run / "165.fi.pdf").stat().st_mtime_ns == when
    (run / "165.fi.pdf").unlink()
    (run / "165.sv.pdf").write_bytes(b"%PDF-1.7 of somebody else")
    assert (make_pdfs(run).made, made(run)) == (2, first)
    release = Release(run, outputs=dict(read_record(run).outputs))
    offer(release, "407.fi.html", page("407.fi.html", "Another text"))
    release.close()
    assert make_pdfs(run).made == 1
    assert made(run)["407.fi.pdf"] != first["407.fi.pdf"]
    monkeypatch.setattr(pdfs, "version", lambda name: "another")
    assert make_pdfs(run).made == 3


def test_only_those_asked_for(run: Path) -> None:
    make_pdfs(run, ["165"], ["sv"])
    assert list(made(run)) == ["165.sv.pdf"]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"municipalities": ["999", "165"]}, "municipality 999"),
        ({"municipalities": ["index"]}, "municipality index"),
        ({"municipalities": [OFFICIAL]}, "municipality given"),
        ({"languages": ["en"]}, "language en"),
        ({"workers": 0}, "must be 1 or more"),
    ],
)
def test_what_is_not_there_is_told_and_nothing_is_made(run: Path, asked: dict[str, list[str]], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        make_pdfs(run, **asked)
    assert told in str(caught.value)
    assert OFFICIAL not in str(caught.value)
    assert made(run) == {}


def test_a_folder_without_a_run_and_a_broken_record(tmp_path: Path, run: Path) -> None:
    for folder in (tmp_path / "none", tmp_path):
        with pytest.raises(UsageError, match="nothing to make PDFs of"):
            make_pdfs(folder)
    assert not (tmp_path / "none").exists()
    (run / "release.json").write_text("{}")
    with pytest.raises(DataError, match="not known"):
        make_pdfs(run)


def test_a_page_that_was_changed_by_hand_gets_none_and_the_others_do(run: Path) -> None:
    make_pdfs(run)
    (run / "165.fi.html").write_text(page("165.fi.html", "By hand"))  # its older PDF does not pass for its own
    (run / "407.fi.pdf").unlink()
    outcome = make_pdfs(run)
    assert outcome.made == 1
    assert [(one.place, one.rule) for one in outcome.failed] == [
        ("165.fi.html", "its page was changed after its release")
    ]
    assert list(made(run)) == ["165.sv.pdf", "407.fi.pdf"]


def test_a_page_that_cannot_be_accessible_takes_its_older_pdf_with_it(run: Path) -> None:
    make_pdfs(run)
    release = Release(run, outputs=dict(read_record(run).outputs))
    offer(release, "165.fi.html", page("165.fi.html", '<img src="data:," alt="">'))
    release.close()
    outcome = make_pdfs(run)
    assert "no alt text" in outcome.failed[0].rule
    assert list(made(run)) == ["165.sv.pdf", "407.fi.pdf"]
    assert verify(run) == []


def test_what_waits_for_a_reason_waits_as_a_pdf_too(run: Path) -> None:
    release = Release(run, outputs=dict(read_record(run).outputs))
    offer(release, "165.fi.html", page("165.fi.html", f"An example: {CODE}"))
    release.close()
    make_pdfs(run)
    assert "165.fi.pdf" not in made(run)
    let_pass(run, ["165.fi.html"], "training material")
    (failed,) = make_pdfs(run).failed
    assert "held for review" in failed.rule
    assert not (run / "165.fi.pdf").exists()
    let_pass(run, ["165.fi.pdf"], "training material")
    assert make_pdfs(run).failed == []
    assert (run / "165.fi.pdf").exists()
    assert verify(run) == []


def test_a_code_that_slipped_through_is_stopped_here(run: Path) -> None:
    """The page says it in a way the search missed: its record is made to match, as an older search would have."""
    record = read_record(run)
    text = page("165.fi.html", OFFICIAL)
    (run / "165.fi.html").write_text(text)
    from hashlib import sha256

    output = replace(record.outputs["165.fi.html"], sha256=sha256(text.encode()).hexdigest())
    Release(run, outputs={**record.outputs, "165.fi.html": output}).write()
    (failed,) = make_pdfs(run).failed
    assert failed.rule == "held back: it holds an identity code (text)"
    assert list(made(run)) == ["165.sv.pdf", "407.fi.pdf"]
    assert OFFICIAL not in (run / "manifest.jsonl").read_text() + (run / "release.json").read_text()


def test_nobody_else_may_write_meanwhile(run: Path) -> None:
    with alone_in(run), pytest.raises(SetupError, match="in use"):
        make_pdfs(run)


def test_a_killed_run_goes_on(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*told: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_pdfs(run, workers=1, tell=killed)
    (run / ".aside").mkdir()
    (run / ".aside" / "165.sv.pdf").write_bytes(b"half")
    outcome = make_pdfs(run)
    assert (outcome.made, outcome.standing) == (2, 1)
    assert verify(run) == []


def test_a_missing_library_is_told_before_anything_is_touched(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from costeff.report import pdf

    monkeypatch.setattr(pdf, "find_spec", lambda name: None)
    with pytest.raises(SetupError, match="PDFs cannot be made here"):
        make_pdfs(run)
    assert made(run) == {}


def test_the_command_tells_what_it_did(run: Path) -> None:
    done = CliRunner().invoke(app, ["pdf", str(run), "-m", "165"])
    assert done.exit_code == 0
    assert "2 PDFs made" in done.output
    (run / "407.fi.html").write_text("by hand")
    failed = CliRunner().invoke(app, ["pdf", str(run)])
    assert isinstance(failed.exception, CosteffError)
    assert failed.exception.code == ExitCode.PARTIAL
    assert "2 stood already" in failed.output
    assert json.dumps("407.fi.html")[1:-1] in str(failed.exception)
