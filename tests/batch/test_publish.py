"""The site of a run: only what was released goes out, and nothing but a site is ever replaced."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from run_builders import finished_run, page
from typer.testing import CliRunner

from costeff.batch import publish as module
from costeff.batch.publish import MARK, publish
from costeff.cli import app
from costeff.errors import CosteffError, DataError, SetupError, UsageError
from costeff.files import alone_in
from costeff.report.contact import Contact
from costeff.spec import Label

CODES = ("165", "091")
LANGUAGES = ("fi", "sv")
CODE = "131052-308T"  # the example of an identity code that the Digital and Population Data Services Agency gives


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def run_folder(catalogue, tmp_path) -> Path:
    return finished_run(tmp_path / "run", catalogue, CODES, ["fi"])


@pytest.fixture
def site_folder(run_folder, catalogue, tmp_path) -> Path:
    publish(run_folder, tmp_path / "site", catalogue)
    return tmp_path / "site"


# --- what goes out ----------------------------------------------------------------------------------


def test_pages_go_out_as_they_were_released(catalogue, tmp_path):
    run = finished_run(tmp_path / "run", catalogue, CODES, LANGUAGES)
    made = publish(run, tmp_path / "out" / "site", catalogue)
    assert (made.municipalities, made.pages, made.pdfs, made.missing) == (2, 4, 0, ())
    out = files(made.folder)
    for code in CODES:
        for language in LANGUAGES:
            assert out[f"{code}.{language}.html"].decode() == page(code, language)
    assert out["index.html"] == out["index.fi.html"]
    assert not {"run.json", "manifest.jsonl", "release.json"} & set(out)
    assert not any(name.startswith(("notebooks", "appraisals", ".")) for name in out)
    assert set(json.loads(out[MARK])["files"]) == set(out) - {MARK}
    assert os.listdir(tmp_path / "out") == ["site"]


def test_a_real_run_becomes_a_site(made, catalogue, tmp_path):
    found = publish(made[0].output, tmp_path / "site", catalogue)
    assert (found.municipalities, found.pages, found.missing) == (2, 4, ())
    out = files(found.folder)
    assert out["165.fi.html"] == (made[0].output / "165.fi.html").read_bytes()
    told = json.loads(out["data/165.json"])
    by_service = {one["service"]: one for one in told["services"]}
    assert set(by_service) == {"intensive_family_work", "post_release_support"}
    assert by_service["intensive_family_work"]["synthetic"] is True
    for one in by_service.values():
        ends = one["told"]["net_saving_eur"]
        assert ends["low"] <= ends["mean"] <= ends["high"]
    assert "Mariehamn" in out["index.sv.html"].decode()


def test_what_failed_or_is_held_is_told_as_missing(catalogue, tmp_path):
    held = {"407.fi.html": page("407", "fi").replace("<h1>", "<h1>010199-9001 ")}
    run = finished_run(
        tmp_path / "run", catalogue, ("165", "407", "091"), failed=["165 sv", "091 fi", "091 sv", "091 en"], texts=held
    )
    made = publish(run, tmp_path / "site", catalogue)
    assert set(made.missing) == {"165 sv", "407 fi", "091 fi", "091 sv", "091 en"}
    out = files(made.folder)
    assert [name for name, content in out.items() if b"-9001" in content] == []
    for name in made.missing:
        assert b"notice stop" in out[f"{name.replace(' ', '.')}.html"]
    assert json.loads(out["data/091.json"])["services"] == []
    assert json.loads(out["data/165.json"])["pages"] == {"fi": "165.fi.html", "en": "165.en.html"}


def test_a_pdf_goes_with_its_page(catalogue, tmp_path):
    pdf = b"%PDF-1.7\n%%EOF\n"
    run = finished_run(tmp_path / "run", catalogue, ["165"], ["fi"], more={"165.fi.pdf": pdf, "407.fi.pdf": pdf})
    made = publish(run, tmp_path / "site", catalogue)
    out = files(made.folder)
    assert made.pdfs == 1
    assert out["165.fi.pdf"] == pdf
    assert "407.fi.pdf" not in out
    assert b'href="165.fi.pdf"' in out["data.fi.html"]


def test_the_report_of_a_county_goes_out_beside_the_list_of_its_municipalities(catalogue, tmp_path):
    run = finished_run(tmp_path / "run", catalogue, ("165", "05", "21"), ["fi", "sv"], failed=["05 sv"])
    made = publish(run, tmp_path / "site", catalogue)
    assert (made.municipalities, made.pages, made.missing) == (1, 5, ("county-05 sv",))
    out = {name: content.decode() for name, content in files(made.folder).items()}
    assert out["county-05.fi.html"] == page("05", "fi")
    assert 'href="county-05.fi.html"' in out["municipalities-05.fi.html"]
    assert "notice stop" in out["county-05.sv.html"]
    assert 'href="municipalities-21.fi.html"' in out["index.fi.html"]  # none of its municipalities was asked for
    assert 'href="county-21.fi.html"' in out["municipalities-21.fi.html"]
    assert "<table" not in out["municipalities-21.fi.html"]


def test_counties_alone_are_no_site(catalogue, tmp_path):
    run = finished_run(tmp_path / "run", catalogue, ["05"], ["fi"])
    refused(UsageError, "has no municipality", run, tmp_path / "site", catalogue)


def test_the_same_run_gives_the_same_bytes(run_folder, site_folder, catalogue, tmp_path):
    publish(run_folder, tmp_path / "other", catalogue)
    assert files(tmp_path / "other") == files(site_folder)


# --- what stops it ------------------------------------------------------------------------------------


def refused(kind: type[CosteffError], text: str, run: Path, folder: Path, catalogue, contact=None) -> None:
    """Nothing is changed, nothing is left."""

    def there() -> dict[Path, bytes | None]:
        found = (path for path in folder.parent.rglob("*") if path.name != ".lock")
        return {path: path.read_bytes() if path.is_file() else None for path in found}

    before = there()
    with pytest.raises(kind) as caught:
        publish(run, folder, catalogue, contact)
    assert text in str(caught.value)
    assert there() == before


@pytest.mark.parametrize("name", ["165.fi.html", "091.fi.html"])
def test_a_page_that_was_changed_stops_all(run_folder, catalogue, tmp_path, name):
    (run_folder / name).write_text("changed")
    refused(DataError, f"{name}: was changed after its release", run_folder, tmp_path / "site", catalogue)


def test_a_page_that_is_gone_or_a_link_stops_all(run_folder, catalogue, tmp_path):
    (run_folder / "165.fi.html").unlink()
    (run_folder / "091.fi.html").unlink()
    (run_folder / "091.fi.html").symlink_to(run_folder / "index.fi.html")
    with pytest.raises(DataError) as caught:
        publish(run_folder, tmp_path / "site", catalogue)
    assert str(caught.value).count("is not there, though it was released") == 2


def test_a_page_of_another_version_is_told(catalogue, tmp_path):
    old = {"code": "165", "name": "x", "county": "y", "links": {}, "results": [{"chain": "z", "words": "w"}]}
    run = finished_run(
        tmp_path / "run", catalogue, ["165"], ["fi", "sv"], entries={"165.fi.html": old, "165.sv.html": {}}
    )
    with pytest.raises(DataError, match="another version") as caught:
        publish(run, tmp_path / "site", catalogue)
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("run.json", None, "run.json"), ("run.json", "{", "run.json"), ("run.json", "[]", "run.json"),
        ("run.json", '{"request": {"municipalities": ["165"], "languages": ["de"], "chains": ["x"]}}', "run.json"),
        ("release.json", None, "nothing may go out"),
    ],
)  # fmt: skip
def test_a_run_that_is_not_whole_is_refused(run_folder, catalogue, tmp_path, name, text, told):
    (run_folder / name).unlink()
    if text is not None:
        (run_folder / name).write_text(text)
    refused(UsageError, told, run_folder, tmp_path / "site", catalogue)


def test_a_broken_record_is_a_fault_of_the_data_as_it_is_for_pdfs(run_folder, catalogue, tmp_path):
    (run_folder / "release.json").write_text("{}")
    refused(DataError, "cannot be read", run_folder, tmp_path / "site", catalogue)


def test_no_run_and_nothing_released(catalogue, tmp_path):
    refused(UsageError, "is not a folder", tmp_path / "nowhere", tmp_path / "site", catalogue)
    run = finished_run(tmp_path / "run", catalogue, ["165"], ["fi"], failed=["165 fi"])
    refused(DataError, "no page of it passed", run, tmp_path / "site", catalogue)


def test_a_run_at_work_is_left_alone(run_folder, catalogue, tmp_path):
    with alone_in(run_folder), pytest.raises(SetupError, match="in use"):
        publish(run_folder, tmp_path / "site", catalogue)
    assert not (tmp_path / "site").exists()


def test_an_identity_code_in_the_contact_stops_the_site_and_is_not_told(run_folder, catalogue, tmp_path):
    told = Label(fi=f"Kirjaamo {CODE}", sv="B", en="C")
    contact = Contact(publisher=told, email="a@example.org")
    with pytest.raises(DataError, match="holds an identity code") as caught:
        publish(run_folder, tmp_path / "site", catalogue, contact)
    assert CODE not in str(caught.value)
    assert not (tmp_path / "site").exists()


# --- what is replaced -----------------------------------------------------------------------------------


def test_a_second_site_takes_the_place_of_the_first(site_folder, catalogue, tmp_path):
    other = finished_run(tmp_path / "run2", catalogue, ["837"], ["sv"])
    publish(other, site_folder, catalogue)
    out = files(site_folder)
    assert "837.sv.html" in out
    assert not any(name.startswith(("165", "data/165")) for name in out)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_folder_that_is_no_site_is_never_touched(run_folder, catalogue, tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    (own / "letter.txt").write_text("dear")
    refused(UsageError, "holds something that is no site", run_folder, own, catalogue)
    (own / MARK).write_text('{"program": "another", "files": {}}')
    refused(UsageError, "holds something that is no site", run_folder, own, catalogue)


def test_what_somebody_put_into_a_site_is_not_lost(run_folder, site_folder, catalogue):
    (site_folder / "data" / "own.txt").write_text("mine")
    refused(UsageError, "holds files that are not of the site: data/own.txt", run_folder, site_folder, catalogue)


@pytest.mark.parametrize("place", [".", "site", ".."])
def test_a_site_and_its_run_do_not_stand_in_each_other(run_folder, catalogue, place):
    refused(UsageError, "is the folder of the run", run_folder, run_folder / place, catalogue)


def test_a_link_or_a_file_is_not_replaced(run_folder, site_folder, catalogue, tmp_path):
    link, file = tmp_path / "link", tmp_path / "file"
    link.symlink_to(site_folder)
    file.write_text("x")
    refused(UsageError, "is a link, or no folder", run_folder, link, catalogue)
    refused(UsageError, "is a link, or no folder", run_folder, file, catalogue)


def test_an_empty_folder_is_taken(run_folder, catalogue, tmp_path):
    (tmp_path / "site").mkdir()
    assert publish(run_folder, tmp_path / "site", catalogue).pages == 2


@pytest.mark.parametrize("step", ["_copy", "_look_through", "_mark", "_put"])
def test_a_disk_that_fills_up_leaves_the_earlier_site(run_folder, site_folder, catalogue, monkeypatch, step):
    calls = []

    def full(*_: object) -> None:
        calls.append(step)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, step, full)
    refused(SetupError, "No space left on device", run_folder, site_folder, catalogue)
    assert calls == [step]


def test_an_earlier_site_comes_back_when_the_new_one_cannot_take_its_place(
    run_folder, site_folder, catalogue, monkeypatch
):
    rename, done = os.rename, []

    def second_fails(source: Path, target: Path) -> None:
        done.append(target)
        if len(done) == 2:
            raise OSError(5, "Input/output error")
        rename(source, target)

    monkeypatch.setattr(module.os, "rename", second_fails)
    refused(SetupError, "Input/output error", run_folder, site_folder, catalogue)


def test_what_a_killed_call_left_is_cleared_and_nothing_else(run_folder, site_folder, catalogue, tmp_path):
    left, other = tmp_path / ".site.0123abcd", tmp_path / ".site.89abcdef"
    for folder in (left, other):
        folder.mkdir()
        (folder / "x.html").write_text("x")
    (left / MARK).write_text('{"program": "costeff", "files": {}}')
    publish(run_folder, site_folder, catalogue)
    assert not left.exists()
    assert (other / "x.html").exists()


# --- the command ----------------------------------------------------------------------------------------


def test_the_command_tells_what_it_did_and_what_is_missing(catalogue, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    run = finished_run(tmp_path / "run", catalogue, CODES, LANGUAGES, ["165 sv"])
    told = CliRunner().invoke(app, ["site", str(run)])
    assert told.exit_code == 0, told.output
    assert "3 pages of 2 municipalities published." in told.output
    assert "165 sv" in told.output
    assert "--contact" in told.output
    assert (tmp_path / "run_site" / "index.html").is_file()
    contact = tmp_path / "contact.yaml"
    contact.write_text("publisher: {fi: A, sv: B, en: C}\nemail: a@example.org\n")
    told = CliRunner().invoke(app, ["site", str(run), "--contact", str(contact), "-o", str(tmp_path / "two")])
    assert told.exit_code == 0
    assert "--contact" not in told.output
    assert "a@example.org" in (tmp_path / "two" / "accessibility.sv.html").read_text(encoding="utf-8")
