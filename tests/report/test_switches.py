"""How a page was counted is told: what is on beside the answer, and all of it among the limits."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from markupsafe import escape
from report_fakes import CLAW_BACK, REASON, appraisal, catalogue, write_tree

from costeff.report.chapter import Chapter
from costeff.report.page import Page, open_page
from costeff.report.switches import how_counted, switched_on

LANGUAGES = ("fi", "sv", "en")
ASSOCIATION = {
    "fi": "Se ei todista, että tapahtuman välttäminen muuttaisi",
    "sv": "Det bevisar inte att",
    "en": "an association, not proof that avoiding the event changes",
}


def one(tmp_path: Path, language: str = "en", **changes: object) -> Page:
    given = {name: json.dumps(value) if isinstance(value, list) else value for name, value in changes.items()}
    path = write_tree(tmp_path / "999.nc", {"family_work": appraisal(**given)})  # type: ignore[arg-type]
    return open_page(path, "999", language, catalogue())


def plain(texts: list[str]) -> str:
    return " ".join(texts).replace("\u00a0", " ").replace("\u2060", "")


def chapter(tmp_path: Path, language: str = "en", **changes: object) -> Chapter:
    return one(tmp_path, language, **changes).chapters[0]


def read(page: Page, part: str) -> str:
    html = re.sub(r"<[^>]+>", " ", getattr(page, part)()._repr_html_())
    return re.sub(r"\s+", " ", html.replace("\u00a0", " ").replace("\u2060", ""))


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_on_is_told_only_among_the_limits(tmp_path: Path, language: str) -> None:
    page = one(tmp_path, language)
    assert switched_on(page.chapters[0]) == []
    texts = how_counted(page.chapters[0])
    assert len(texts) == 3  # the effect, the links that are off, the correction that is off
    assert all(escape(text) in page.sources()._repr_html_() for text in texts)
    assert not any(escape(text) in page.answer()._repr_html_() for text in texts)


@pytest.mark.parametrize(
    ("language", "told", "not_told"),
    [
        (
            "fi",
            "hyvinvointialueet ovat kertoneet itsestään: miten yhteistyö toimii ja paljonko henkilöstöä",
            "järjestetty",
        ),
        (
            "sv",
            "välfärdsområdena har berättat om sig själva: hur samarbetet fungerar och hur mycket personal",
            "ordnade",
        ),
        ("en", "counties have told of themselves: how cooperation works and how much staff", "organised"),
    ],
)
def test_profiles_of_counties_in_the_model_are_told_as_what_they_hold(
    tmp_path: Path, language: str, told: str, not_told: str
) -> None:
    names = "cooperation,staff_nurse,staff_social_worker"
    with_them = one(tmp_path, language, covariates=names)
    assert told in read(with_them, "sources")
    [sentence] = [text for text in how_counted(with_them.chapters[0]) if told in plain([text])]
    assert not_told not in sentence
    assert switched_on(with_them.chapters[0]) == []
    assert told not in read(one(tmp_path, language, covariates=""), "sources")


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_on_stands_beside_the_answer(tmp_path: Path, language: str) -> None:
    page = one(
        tmp_path, language, persistence="lasts", links=["later_prison"], links_off=[], claw_back=1, whole_units=1,
        linked=0.2,
    )  # fmt: skip
    on = switched_on(page.chapters[0])
    assert len(on) == 4
    assert on == how_counted(page.chapters[0])
    assert all(escape(text) in page.answer()._repr_html_() for text in on)
    assert all(escape(text) in page.sources()._repr_html_() for text in on)
    assert ASSOCIATION[language] in plain(on)


def test_how_long_the_effect_is_counted(tmp_path: Path) -> None:
    told = {course: plain(how_counted(chapter(tmp_path, persistence=course))) for course in ("stops", "wanes", "lasts")}
    assert "for the follow-up only. The follow-up is 12 months." in told["stops"]
    assert "half of it is left in about 2 years. The half-life used varies within 0.5 to 5 years." in told["wanes"]
    assert "assumed to last unchanged, over all 10 years." in told["lasts"]
    assert "do not tell how the effect goes on" not in told["stops"]
    assert all("do not tell how the effect goes on" in told[course] for course in ("wanes", "lasts"))


def test_a_half_life_reads_as_finnish(tmp_path: Path) -> None:
    told = plain(switched_on(chapter(tmp_path, "fi", persistence="wanes")))
    assert "noin 2 vuoden kuluttua" in told
    assert "vaihtelee välillä 0,5–5 vuotta." in told


def test_what_links_add_is_told_with_its_interval(tmp_path: Path) -> None:
    from costeff.report import estimates

    found = chapter(tmp_path, links=["later_prison", "later_care"], links_off=["later_exclusion"], linked=0.5)
    told = plain(switched_on(found))
    added = estimates.linked(found.main)
    _, total = estimates.by_payer(found.main)
    assert added.mean == pytest.approx(total.stoppable.mean / 2)
    assert re.search(r"about €[\d,]+ larger over 10 years \(90% interval €[\d,]+ to €[\d,]+\)", told)
    assert plain([found.money(added)]) in told
    assert "associated with the event are counted: later prison." in told
    assert "research has shown to follow from the event are counted: later care." in told
    assert "not counted: missing education." in plain(how_counted(found))


def test_links_that_add_nothing_little_or_less_have_their_own_words(tmp_path: Path) -> None:
    on = {"links": ["later_prison"], "links_off": []}
    assert "only after the 10 years that are counted" in plain(switched_on(chapter(tmp_path, **on)))
    assert re.search(r"by less than €\d+,000 over 10", plain(switched_on(chapter(tmp_path, **on, linked=0.001))))
    little = plain(switched_on(chapter(tmp_path, **on, linked=0.5, effect=0.001)))
    assert re.search(r"hardly change .* \(90% interval −€[\d,]+ to €", little)
    small = plain(switched_on(chapter(tmp_path, **on, linked=0.04)))
    assert re.search(r"On average .* by less than €[\d,]+ over 10 years \(90% interval €0 to €", small)
    less = plain(switched_on(chapter(tmp_path, **on, linked=0.5, effect=-0.08)))
    assert re.search(r"about €[\d,]+ smaller over 10 years \(90% interval €", less)


def test_a_link_within_another_is_counted_once(tmp_path: Path) -> None:
    found = chapter(tmp_path, links=["later_exclusion"], links_off=["later_prison", "later_care"], linked=0.3)
    told = plain(how_counted(found))
    assert "Counted already within another (missing education): later prison." in told
    assert "not counted: later care." in told


def test_a_link_the_catalogue_does_not_know_keeps_its_id(tmp_path: Path) -> None:
    told = plain(how_counted(chapter(tmp_path, links=["gone"], links_off=["lost"], linked=0.3)))
    assert "associated with the event are counted: gone." in told
    assert "not counted: lost." in told


def test_the_claw_back_is_that_of_the_catalogue(tmp_path: Path) -> None:
    words = {
        "fi": (
            "hyvinvointialue.",
            "2 vuoden kuluttua, ja säästöstä siirtyy silloin toiselle maksajalle (valtio) 60 % vuonna 2028 ja 55 %",
        ),
        "sv": (
            "välfärdsområde.",
            "2 år i efterhand, och av besparingen övergår då till en annan betalare (staten) 60 % år 2028 och 55 %",
        ),
        "en": (
            "wellbeing services county.",
            "2 years afterwards, and this much of the saving then passes on to another payer, state: 60% in 2028",
        ),
    }
    for language, (payer, shares) in words.items():
        found = chapter(tmp_path, language, claw_back=1)
        told = plain(switched_on(found))
        assert payer in told
        assert shares in told
    assert [turn.share for turn in CLAW_BACK.turns] == [0.65, 0.6, 0.55]


def test_a_correction_that_is_not_counted_is_told_where_it_matters(tmp_path: Path) -> None:
    sentence = "may keep less of its saving than the page shows: wellbeing services county."
    assert sentence in plain(how_counted(chapter(tmp_path)))
    data = appraisal()
    elsewhere = data.assign_coords(payer=["municipality", "state", "kela"])
    page = open_page(write_tree(tmp_path / "no.nc", {"family_work": elsewhere}), "999", "en", catalogue())
    assert "correction of funding" not in plain(how_counted(page.chapters[0]))


def test_helsinki_is_named_as_the_payer(tmp_path: Path) -> None:
    helsinki = {"county": "90", "county_fi": "Helsingin kaupunki"}
    for on in (0, 1):
        told = plain(how_counted(chapter(tmp_path, "fi", claw_back=on, **helsinki)))
        assert "maksajalle" in told
        assert "Helsingin kaupunki" in told


def test_a_failed_model_gives_no_sum(tmp_path: Path) -> None:
    found = chapter(tmp_path, links=["later_prison"], linked=0.5, gate_passed=0, gate_reasons=[REASON])
    assert "€" not in plain(how_counted(found))
    assert "later prison" in plain(how_counted(found))


def test_what_holds_for_all_services_is_told_once(tmp_path: Path) -> None:
    groups = {"family_work": appraisal(order=1), "other": appraisal(order=2, links_off="[]")}
    page = open_page(write_tree(tmp_path / "999.nc", groups), "999", "en", catalogue())
    told = read(page, "sources")
    assert told.count("may keep less of its saving") == 1
    assert told.count("could follow and are not counted") == 1
