"""The list of municipalities: by county, in Finnish alphabetical order, linking only within its folder."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from costeff.errors import SetupError, UsageError
from costeff.report.listing import Entry, Result
from costeff.report.page import Page
from costeff.report.site import nordic, write_index

LINKS = {language: f"999.{language}.html" for language in ("fi", "sv", "en")}


def listed(name: str, code: str = "001", county: str = "Lappi", **changes: object) -> Entry:
    return Entry(code, name, county, {"fi": f"{code}.fi.html"}, **changes)  # type: ignore[arg-type]


def test_an_entry_says_the_answer_in_few_words(pages: dict[str, Page]) -> None:
    made = pages["en"].entry(LINKS)
    assert (made.code, made.name, made.synthetic) == ("999", "Mallila", True)
    assert [result.chain for result in made.results] == ["Intensive family work", "Post release", "Substance"]
    assert re.match(r"saves more than it costs in \d cases? of 10", made.results[0].words)
    assert "interval" in made.results[0].detail
    assert made.results[2] == Result("Substance", "no result is given", id="substance", synthetic=True)


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_an_index_a_language(pages: dict[str, Page], tmp_path: Path, language: str) -> None:
    path = write_index(
        tmp_path, [pages[language].entry(LINKS)], language, indexes={"fi": "index.fi.html", "sv": "index.sv.html"}
    )
    text = path.read_text(encoding="utf-8")
    assert path.name == f"index.{language}.html"
    assert f'<html lang="{language}">' in text
    assert f'href="999.{language}.html"' in text
    assert text.index("notice warning") < text.index("<h1>")
    assert not re.search(r'(src|href)="[a-z]+://', text)
    assert "<script" not in text
    assert sorted(os.listdir(tmp_path)) == [path.name]


def test_the_order_is_finnish_within_counties(tmp_path: Path) -> None:
    entries = [listed(n) for n in ("Äänekoski", "Zeta", "Åbo", "Ähtäri", "Öja", "akaa")] + [
        listed("Espoo", county="Uusimaa")
    ]
    text = write_index(tmp_path, entries, "fi").read_text(encoding="utf-8")
    places = [text.index(f">{name}<") for name in ("akaa", "Zeta", "Åbo", "Ähtäri", "Äänekoski", "Öja", "Espoo")]
    assert places == sorted(places)
    assert nordic("Å") < nordic("Ä") < nordic("Ö")


@pytest.mark.parametrize(("names", "told"), [(("A",), "Mukana on yksi kunta."), (("A", "B"), "Kuntia on 2.")])
def test_one_municipality_is_not_told_as_many(tmp_path: Path, names: tuple[str, ...], told: str) -> None:
    assert told in write_index(tmp_path, [listed(n) for n in names], "fi").read_text(encoding="utf-8")


def test_hostile_names_are_dead(tmp_path: Path) -> None:
    bad = "<script>alert(1)</script>"
    text = write_index(
        tmp_path, [listed(bad, county=bad, results=(Result(bad, bad, bad),), note=bad)], "fi"
    ).read_text()
    assert "<script" not in text


@pytest.mark.parametrize(
    "address", ["https://evil.example", "javascript:alert(1)", "/etc/passwd", "../up.html", "data:text/html,x"]
)
def test_addresses_stay_in_the_folder(tmp_path: Path, address: str) -> None:
    with pytest.raises(UsageError, match="leads out of the folder"):
        write_index(tmp_path, [Entry("001", "A", "B", {"fi": address})], "fi")


def test_a_municipality_without_a_page_is_listed_with_the_reason(tmp_path: Path) -> None:
    entries = [Entry("001", "Alfa", "Lappi", {}), listed("Beta", note="ei valmis")]
    text = write_index(tmp_path, entries, "fi").read_text(encoding="utf-8")
    assert text.count("sivua ei voitu tehdä") == 1
    assert "ei valmis" in text


def test_a_name_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "index.fi.html").mkdir()
    with pytest.raises(SetupError, match="could not be written"):
        write_index(tmp_path, [listed("Alfa")], "fi")
    assert os.listdir(tmp_path) == ["index.fi.html"]


def test_the_same_bytes_every_time(tmp_path: Path) -> None:
    entries = [listed("Alfa"), listed("Beta", "002")]
    first = write_index(tmp_path, entries, "sv").read_bytes()
    assert write_index(tmp_path, list(reversed(entries)), "sv").read_bytes() == first
