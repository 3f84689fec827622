"""The site over all municipalities: whole without script, fetching nothing, honest about what is not known."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest
from site_builders import FIGURES, REPORTED, country

from costeff.errors import UsageError
from costeff.params import Catalogue
from costeff.report.contact import Contact, read_contact
from costeff.report.glossary import read_terms
from costeff.report.listing import Ends
from costeff.report.page import Page
from costeff.report.site import data, write_site
from costeff.report.site.comparison import bar
from costeff.report.site.model import Answer, Place, Site, chance_of, size_names
from costeff.report.site.pages import pages
from costeff.report.words import Words
from costeff.spec import LANGUAGES, Label

ROOT = Path(__file__).parents[2]
HOSTILE = (
    "</script></style></title>\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}} javascript:alert(1)"
)


class Read(HTMLParser):
    """What a page is made of: tags with the names of their attributes, links, ids, texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.skeleton: list[str] = []
        self.links: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.skeleton.append(" ".join([tag, *sorted(name for name, _ in attrs)]))
        for name, value in attrs:
            self.attributes.append((name, value or ""))
            if name in ("href", "src"):
                self.links.append(value or "")
            if name == "id":
                assert value not in self.ids, f"the id {value} stands twice"
                self.ids.add(value or "")


@pytest.fixture(scope="module")
def site(catalogue: Catalogue) -> Site:
    return country(catalogue)


@pytest.fixture(scope="module")
def written(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    write_site(folder, site)
    return folder


@pytest.fixture(scope="module")
def read(written: Path) -> dict[str, Read]:
    return {path.name: Read(path.read_text(encoding="utf-8")) for path in written.glob("*.html")}


def small(site: Site, count: int = 6) -> Site:
    return replace(site, places=site.places[:count])


# --- whole and closed -----------------------------------------------------------------------------


def test_every_link_leads_to_a_page_or_a_heading_that_is_there(
    site: Site, written: Path, read: dict[str, Read]
) -> None:
    released = {href for one in (*site.places, *site.counties) for href in one.pages.values()}
    there = {path.relative_to(written).as_posix() for path in written.rglob("*") if path.is_file()} | released
    outside = set()
    for name, page in read.items():
        for link in page.links:
            if link.startswith("https://"):
                outside.add(link)
                continue
            target, _, fragment = link.partition("#")
            assert (target or name) in there, f"{name} leads to {link}"
            assert not fragment or fragment in read[target or name].ids, f"{name} leads to {link}"
    assert len(outside) == 3  # the supervising authority, in each language


def test_nothing_is_fetched_and_nothing_else_may_run(written: Path, read: dict[str, Read]) -> None:
    for name, page in read.items():
        text = (written / name).read_text(encoding="utf-8")
        policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
        assert policy
        assert unescape(policy[1]).startswith("default-src 'none';")
        assert "unsafe" not in policy[1]
        for tag, kind in (("style", "style-src"), ("script", "script-src")):
            for content in re.findall(f"<{tag}>(.*?)</{tag}>", text, flags=re.DOTALL):
                digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
                assert f"{kind} 'sha256-{digest}'" in unescape(policy[1])
        assert not any(attribute == "style" or attribute.startswith("on") for attribute, _ in page.attributes)
        assert not any(tag.split()[0] in ("link", "iframe", "object", "base", "embed") for tag in page.skeleton)
        assert not re.search(r"\ssrc=|url\(|@import|fetch\(|XMLHttpRequest|innerHTML", text)


def test_without_script_every_municipality_is_there_and_no_dead_control_is_seen(site: Site, written: Path) -> None:
    for language in LANGUAGES:
        index = (written / f"index.{language}.html").read_text(encoding="utf-8")
        table = (written / f"service-{site.services[0].id}.{language}.html").read_text(encoding="utf-8")
        for place in site.places:
            link = f'href="{place.code}.{language}.html">{place.names[language]}</a>'
            assert link in index
            assert link in table
        for text in (index, table):
            assert re.search(r"<form [^>]*\bhidden\b", text)
            assert "<button" not in text.replace('<button type="submit">', "", 1)


def test_swedish_pages_have_swedish_names_and_are_found_by_both(written: Path) -> None:
    text = (written / "index.sv.html").read_text(encoding="utf-8")
    assert re.search(r'data-find="Helsinki \| Helsingfors \| 091"[^>]*><a [^>]*>Helsingfors</a>', text)
    assert "Helsingfors stad" in text
    assert 'lang="sv"' in text


def test_the_same_bytes_every_time(site: Site) -> None:
    few = small(site)
    assert list(pages(few)) == list(pages(few))


def test_synthetic_data_are_told_before_anything_else_where_figures_stand(site: Site, written: Path) -> None:
    for name in ("index", f"service-{site.services[0].id}", "municipalities-07", "method", "data"):
        text = (written / f"{name}.fi.html").read_text(encoding="utf-8")
        assert text.index("Synteettinen aineisto") < text.index("<h1>")
    real = replace(site.places[0], answers={"x": Answer("x", False, FIGURES)})
    none = tuple(replace(county, answers={}) for county in site.counties)
    alone = replace(site, places=(real,), counties=none)
    assert "Synteettinen aineisto</strong>" not in "".join(text for _, text in pages(alone))


# --- what is told of municipalities -----------------------------------------------------------------


def rows(text: str) -> Iterator[str]:
    yield from re.findall(r"<tr role=\"row\" data-find.*?</tr>", text, flags=re.DOTALL)


def test_no_place_in_an_order_is_told_and_no_figure_without_its_interval(site: Site, written: Path) -> None:
    text = (written / f"service-{site.services[0].id}.en.html").read_text(encoding="utf-8")
    assert "This is not a ranking." in text
    found = list(rows(text))
    assert len(found) == len(site.places)
    told = [row for row in found if "untold" not in row]
    assert len(told) == len(site.places) - 2
    for row in told:
        cells = re.findall(r"<td .*?</td>", row, flags=re.DOTALL)
        assert all('class="interval"' in cell for cell in (cells[1], cells[2], cells[4]))
        assert "<svg" in cells[2]


def test_what_was_not_published_is_told_as_missing(site: Site, written: Path) -> None:
    out, not_in_swedish = site.places[2], site.places[3]
    assert {place.code for place in site.places if place.missing} == {out.code, not_in_swedish.code}
    index = (written / "index.sv.html").read_text(encoding="utf-8")
    assert index.count("(inte publicerad)") == 2
    page = (written / f"{not_in_swedish.code}.sv.html").read_text(encoding="utf-8")
    assert "Den här sidan har inte publicerats." in page
    assert f'href="{not_in_swedish.code}.fi.html"' in page
    nowhere = (written / f"{out.code}.en.html").read_text(encoding="utf-8")
    assert "another language" not in nowhere
    assert not (written / f"{not_in_swedish.code}.fi.html").exists()  # that one is the run's own


def test_a_service_whose_answer_is_the_same_everywhere_is_not_compared(site: Site, written: Path) -> None:
    first, second = ((written / f"service-{one.id}.en.html").read_text(encoding="utf-8") for one in site.services)
    assert 'role="img"' in first
    assert "The answer is the same" not in first
    assert 'role="img"' not in second
    assert "The answer is the same in all municipalities." in second


def test_a_map_has_a_tile_for_each_municipality_with_a_sign_beside_its_colour(site: Site, written: Path) -> None:
    text = (written / f"service-{site.services[0].id}.fi.html").read_text(encoding="utf-8")
    tiles = re.findall(r'<span class="tile (c\d|none)" title="([^"]+)"[^>]*>([^<]+)</span>', text)
    assert len(tiles) == len(site.places)
    assert {(kind, sign) for kind, _, sign in tiles} == {
        ("c0", "−−"), ("c1", "−"), ("c2", "±"), ("c3", "+"), ("c4", "++"), ("none", "·"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("probability", "number"),
    [(0.01, 0), (0.09, 0), (0.1, 1), (0.29, 1), (0.3, 2), (0.69, 2), (0.7, 3), (0.89, 3), (0.9, 4), (0.99, 4)],
)
def test_classes_of_chance(probability: float, number: int) -> None:
    assert chance_of(replace(FIGURES, probability=probability)) == number


@pytest.mark.parametrize(
    ("people", "name"), [(2_000, "at most 2,000"), (2_001, "2,001 to 5,000"), (100_001, "over 100,000")]
)
def test_classes_of_size(site: Site, people: int, name: str) -> None:
    place = replace(site.places[0], population=people)
    assert size_names(Words("en"))[place.size].startswith(name)


@pytest.mark.parametrize(
    ("ends", "kind"),
    [(Ends(5, 1, 9), "gain"), (Ends(-5, -9, -1), "loss"), (Ends(1, -5, 9), "both"), (Ends(0, 0, 0), "gain")],
)
def test_an_interval_is_drawn_within_its_axis(ends: Ends, kind: str) -> None:
    drawn = bar(ends, (-10.0, 10.0))
    assert f'class="bar {kind}"' in drawn
    spots = [float(x) for x in re.findall(r'(?:x1|x2|cx)="([0-9.]+)"', drawn)]
    assert all(0 <= spot <= 124 for spot in spots)


def test_an_entry_tells_figures_that_agree_with_its_words(pages: dict[str, Page]) -> None:
    told = {language: page.entry({}) for language, page in pages.items()}
    assert len({tuple(result.figures for result in entry.results) for entry in told.values()}) == 1
    gain, loss, failed = told["en"].results
    assert failed.figures is None
    assert [one.id for one in (gain, loss, failed)] == ["family_work", "post_release", "substance"]
    for result in (gain, loss):
        figures = result.figures
        assert figures
        assert result.synthetic
        assert Words("en").chance(figures.probability) in result.words
        for value in (figures.net_saving.low, figures.net_saving.high):
            assert Words("en").number(abs(value)) in result.detail
        assert all(round(value, 1) == value for value in vars(figures.events_avoided).values())
        assert 0.01 <= figures.probability <= 0.99


# --- hostile texts --------------------------------------------------------------------------------


def poisoned(site: Site) -> Site:
    bad, first = dict.fromkeys(LANGUAGES, HOSTILE), site.services[0]
    service = replace(
        site.services[0],
        label=bad,
        option=bad,
        comparator=bad,
        event=bad,
        evidence=bad,
        limits=(bad,) * len(first.limits),
    )
    told = Label(fi=HOSTILE, sv=HOSTILE, en=HOSTILE)
    contact = contact_of(publisher=told, where=HOSTILE)
    return replace(
        site,
        places=tuple(replace(place, names=bad) for place in site.places),
        counties=tuple(replace(county, names=bad) for county in site.counties),
        services=(service, *site.services[1:]),
        contact=contact.override(
            assessment=contact.assessment.override(shortcomings=(told,)) if contact.assessment else None
        ),
        version=HOSTILE,
    )


def contact_of(**changes: object) -> Contact:
    told = Label(fi="Mallin hyvinvointialue", sv="Modellens välfärdsområde", en="Model county")
    lack = Label(fi="Kartta.", sv="Kartan.", en="The map.")
    given = {
        "publisher": told, "email": "saavutettavuus@example.org", "form": "https://example.org/palaute?a=1",
        "phone": "+358 9 1234 5678", "where": "Kirjaamo", "assessment": {
            "date": "2026-11-20", "meets": "partly", "by": "publisher", "shortcomings": [lack],
        },
    }  # fmt: skip
    return Contact.model_validate({**given, **changes}, strict=False)


def test_hostile_texts_add_nothing_to_a_page(site: Site) -> None:
    few = replace(small(site), contact=contact_of())
    plain = {name: Read(text) for name, text in pages(few)}
    for name, text in pages(poisoned(few)):
        page = Read(text)
        assert sorted(page.skeleton) == sorted(plain[name].skeleton), name
        assert sorted(page.links) == sorted(plain[name].links), name
        assert text.count("<script>") == plain[name].skeleton.count("script")
        assert "49" not in re.findall(r"<h1>(.*?)</h1>", text)[0]


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1+1", "@SUM(1)", "\t=1", "＝1+1", " =1", '"=1'])
def test_no_cell_of_the_table_is_a_formula(site: Site, tmp_path: Path, start: str) -> None:
    names = dict.fromkeys(LANGUAGES, f"{start};=2+2")
    few = small(site, 2)
    few = replace(few, places=tuple(replace(place, names=names) for place in few.places))
    data.write_table(tmp_path, few)
    with (tmp_path / data.TABLE).open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.reader(file, delimiter=";"))
    assert table[0] == list(data.COLUMNS)
    assert len(table) == 1 + 2 * len(few.services)
    for row in table[1:]:
        cell = row[table[0].index("name_fi")]
        assert cell.startswith("'")
        assert ";'=" in cell


# --- data for machines ------------------------------------------------------------------------------


def test_each_json_file_keeps_the_schema_and_a_broken_one_does_not(site: Site, written: Path) -> None:
    schema = json.loads((written / data.SCHEMA).read_text(encoding="utf-8"))
    checker = jsonschema.Draft202012Validator(schema)
    checker.check_schema(schema)
    for place in site.places:
        told = json.loads((written / data.file_of(place)).read_text(encoding="utf-8"))
        checker.validate(told)
        assert set(told["pages"]) == set(place.pages)
    assert not told["services"][0]["told"]["probability_of_saving"] > 0.99
    for broken in ({"code": "91"}, {"population": "many"}, {"more": 1}, {"services": [{"service": "A b"}]}):
        assert not checker.is_valid({**told, **broken})


def test_each_report_of_a_county_has_a_file_with_its_own_money(site: Site, written: Path) -> None:
    checker = jsonschema.Draft202012Validator(json.loads((written / data.COUNTY_SCHEMA).read_text(encoding="utf-8")))
    told = {code: json.loads((written / f"data/county-{code}.json").read_text(encoding="utf-8")) for code in REPORTED}
    for code, one in told.items():
        checker.validate(one)
        assert set(one["municipalities"]) == {place.code for place in site.places if place.county == code}
        assert not checker.is_valid({**one, "code": "165"})
    first, second = (told[code]["services"][0]["told"] for code in REPORTED)
    assert first["own_net_saving_eur"] == {"mean": -30_000, "low": -90_000, "high": 20_000}
    assert second["own_net_saving_eur"] is None
    assert sorted(told["07"]["pages"]) == ["en", "fi"]
    assert {path.name for path in (written / "data").glob("county-*")} == {f"county-{code}.json" for code in REPORTED}
    for language in site.languages:
        page = (written / f"data.{language}.html").read_text(encoding="utf-8")
        assert all(f'href="data/county-{code}.json"' in page for code in REPORTED)
        assert data.COUNTY_SCHEMA in page


def test_a_county_that_has_only_its_report_is_no_empty_group_of_a_table(site: Site) -> None:
    one = next(county for county in site.counties if county.code == REPORTED[0])
    fewer = replace(site, places=tuple(place for place in site.places if place.county in ("07", "08")))
    shown = dict(pages(fewer))
    assert one.names["fi"] in shown["index.fi.html"]
    table = shown[f"service-{fewer.services[0].id}.fi.html"]
    assert f'id="county-{one.code}"' not in table
    assert 'id="county-07"' in table


def test_the_table_and_the_files_tell_the_same(site: Site, written: Path) -> None:
    with (written / data.TABLE).open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.DictReader(file, delimiter=";"))
    assert len(table) == len(site.places) * len(site.services)
    for row in table:
        told = json.loads((written / data.FOLDER / f"{row['code']}.json").read_text(encoding="utf-8"))
        answers = {one["service"]: one["told"] for one in told["services"]}
        answer = answers.get(row["service"])
        if answer is None:
            assert row["net_saving_eur"] == ""
            assert row["probability_of_saving"] == ""
            continue
        ends = [float(row[f"net_saving_eur{end}"].replace(",", ".")) for end in ("", "_low", "_high")]
        assert ends == [answer["net_saving_eur"][end] for end in ("mean", "low", "high")]
        assert row["payback_year"] == str(answer["payback_year"] or "")


# --- words ----------------------------------------------------------------------------------------


def test_words_of_the_glossary_are_those_of_the_project() -> None:
    known = {
        tuple(row)
        for row in re.findall(r"^\| ([^|]+?) \| ([^|]+?) \| ([^|]+?) \|", (ROOT / "GLOSSARY.md").read_text(), re.M)
    }
    for one in read_terms():
        assert (one.term.fi, one.term.sv, one.term.en) in known, one.id
        assert all(one.meaning[language].endswith(".") for language in LANGUAGES)


# --- the accessibility statement --------------------------------------------------------------------


def statement(site: Site, language: str, contact: Contact | None) -> str:
    return dict(pages(replace(small(site, 1), contact=contact)))[f"accessibility.{language}.html"]


@pytest.mark.parametrize(
    ("language", "must"), [("fi", "Julkaisijan on lisättävä se."), ("sv", "Utgivaren måste"), ("en", "must add it")]
)
def test_without_a_contact_the_page_says_that_the_publisher_must_add_it(site: Site, language: str, must: str) -> None:
    text = statement(site, language, None)
    assert must in text
    assert "mailto:" not in text
    assert "@" not in text.split("</style>")[1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_with_a_contact_feedback_has_a_way(site: Site, language: str) -> None:
    contact = contact_of()
    text = statement(site, language, contact)
    assert 'href="mailto:saavutettavuus@example.org"' in text
    assert 'href="https://example.org/palaute?a=1"' in text
    assert contact.publisher[language] in text
    assert contact.assessment
    assert contact.assessment.shortcomings[0][language] in text
    assert "306/2019" in text
    assert "Traficom" in text


GOOD = "publisher: {fi: A, sv: B, en: C}\nemail: a@example.org\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is not a mapping"),
        ("publisher: {fi: A, sv: B}\nemail: a@example.org\n", "publisher.en: required, and missing"),
        ("publisher: {fi: A, sv: B, en: C}\n", "neither email nor form"),
        (GOOD + "form: http://example.org\n", "form"),
        (GOOD + "form: javascript:alert(1)\n", "form"),
        (GOOD + "mail: x\n", "unknown key"),
        (GOOD.replace("a@example.org", '"a@example.org?body=x"'), "email"),
        (GOOD + "assessment: {date: 2026-11-20, meets: partly, by: publisher}\n", "shortcomings are not named"),
        (GOOD + "assessment: {date: 2026-13-40, meets: fully, by: publisher}\n", "is not a date"),
        ("publisher: [\n", "not valid YAML"),
        (GOOD.replace("a@example.org", "the registry"), "email: is not an e-mail address, such as name@example.org"),
        (GOOD + "form: www.example.org\n", "form: is not a web address, such as https://"),
        (GOOD + 'phone: "09-1234"\n', "phone: is not a telephone number"),
        (GOOD + f"where: {'x' * 200_000}\n", "where: is longer than 300 characters"),
        (GOOD.replace("fi: A", f"fi: {'x' * 301}"), "publisher: is longer than 300 characters"),
    ],
)
def test_a_contact_that_does_not_hold_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "contact.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        read_contact(path)
    assert told in str(caught.value)
    assert "contact.yaml" in str(caught.value)
    assert len(str(caught.value)) < 600


def test_a_contact_is_read(tmp_path: Path) -> None:
    path = tmp_path / "contact.yaml"
    path.write_text(
        GOOD + 'phone: "09 123 456"\nassessment:\n  date: 2026-11-20\n  meets: fully\n  by: outsider\n',
        encoding="utf-8",
    )
    found = read_contact(path)
    assert found.assessment
    assert found.assessment.meets == "fully"
    assert str(found.email) == "a@example.org"


def test_a_place_knows_which_languages_it_lacks(site: Site) -> None:
    place: Place = site.places[3]
    assert place.missing == ("sv",)
    assert place.page("sv") == f"{place.code}.sv.html"
