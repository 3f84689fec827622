"""In comparison: whether a place differs is asked of the draws, every number has its interval, and nobody is ranked."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from report_fakes import appraisal, catalogue, executed, with_areas, with_members, write_tree

from costeff import decision
from costeff.errors import UsageError
from costeff.report import estimates
from costeff.report.appraisals import Variant
from costeff.report.page import Page, open_page
from costeff.report.places import OWN, placed
from costeff.report.render import ReportExporter

NAMES = {"061": "Forssa", "109": "Ääkkölä", "082": "Aitoo", "165": "Önnelä"}
LANGUAGES = ("fi", "sv", "en")
HOSTILE = '<img src=x onerror="alert(1)">&{event}'


def page_of(data: xr.Dataset, folder: Path, language: str = "en") -> Page:
    code = str(data.attrs["municipality"])
    return open_page(write_tree(folder / f"{code}.nc", {"family_work": data}), code, language, catalogue())


def told(page: Page, name: str = "in_comparison") -> str:
    html = getattr(page, name)()._repr_html_()
    text = re.sub(r"<[^>]+>", " ", html).replace("\u00a0", " ").replace("\u2060", "")
    return re.sub(r"\s+", " ", text)


def headings(page: Page, name: str) -> list[str]:
    return re.findall(r'<th scope="row"[^>]*>([^<]*)</th>', getattr(page, name)()._repr_html_())


# --- the numbers --------------------------------------------------------------------------------------


def test_a_difference_is_taken_draw_by_draw() -> None:
    data = with_areas(appraisal(), ahead=2.0)
    found = placed(Variant("family_work", data), "area")
    assert list(found) == [OWN, "county", "similar", "country"]
    own, whole = decision.net_saving(data).to_numpy(), data["area_net_saving"].sel(area="country").to_numpy()
    differences = sorted(float(a) - float(b) for a, b in zip(own, whole, strict=True))
    more = found[OWN].more_saved
    assert more is not None
    assert more.mean == pytest.approx(sum(differences) / len(differences))
    assert (more.low, more.high) == pytest.approx(tuple(np.quantile(differences, [0.05, 0.95])))
    assert more.high - more.low < found[OWN].saved.high - found[OWN].saved.low  # what is shared is not counted
    assert found["country"].more_saved is None
    assert found[OWN].saved == estimates.net_saving(Variant("family_work", data))


def test_an_area_equal_in_every_draw_is_no_different(tmp_path: Path) -> None:
    page = page_of(with_areas(appraisal(), spread=0.0), tmp_path)
    assert "does not differ clearly from that of the whole country: the difference is €0" in told(page)
    assert "(placement outside the home) does not differ clearly: the difference is 0.0" in told(page)


# --- the sentence -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ahead", "spread", "saving", "events"),
    [
        (2.0, 0.3, "is clearly larger here than in the whole country", "Clearly more events"),
        (-2.0, 0.3, "is clearly smaller here than in the whole country", "Clearly fewer events"),
        (2.0, 3.0, "does not differ clearly from that of the whole country", "does not differ clearly: "),
        (-2.0, 3.0, "does not differ clearly from that of the whole country", "does not differ clearly: "),
    ],
)
def test_the_interval_decides_whether_places_differ(
    tmp_path: Path, ahead: float, spread: float, saving: str, events: str
) -> None:
    text = told(page_of(with_areas(appraisal(), ahead=ahead, spread=spread), tmp_path))
    assert saving in text
    assert events in text


@pytest.mark.parametrize("ahead", [-2.0, 2.0])
def test_a_clear_difference_is_told_without_a_minus(tmp_path: Path, ahead: float) -> None:
    text = told(page_of(with_areas(appraisal(), ahead=ahead), tmp_path))
    sentence = text[text.index("The net saving is") : text.index("The figure of an area")]
    assert re.search(r"the difference is €\d", sentence)
    assert "\u2212" not in sentence


def test_losses_and_harm_are_compared_as_well(tmp_path: Path) -> None:
    worse = with_areas(appraisal(price=40_000, effect=-0.02), ahead=-3.0)
    text = told(page_of(worse, tmp_path))
    assert "clearly smaller here" in text
    assert "Clearly fewer events" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_number_has_its_interval_and_the_limits_are_told(tmp_path: Path, language: str) -> None:
    page = page_of(with_areas(appraisal()), tmp_path, language)
    html = page.in_comparison()._repr_html_()
    cells = re.findall(r"<td[^>]*>(.*?)</td>", html, re.DOTALL)
    assert len(cells) == 4 * 4
    assert sum("interval" in cell for cell in cells) == len(cells) - 1  # the country beside itself
    ranking = {"fi": "ei ole paremmuusjärjestys", "sv": "ingen rangordning", "en": "no ranking"}[language]
    assert ranking in told(page)
    alt = re.search(r'alt="([^"]*)"', html)
    assert alt is not None
    assert all(name in alt[1].replace("\u00a0", " ") for name in headings(page, "in_comparison"))


def test_rows_are_the_place_then_its_areas_the_nearest_first(tmp_path: Path) -> None:
    page = page_of(with_areas(appraisal()), tmp_path, "sv")
    assert headings(page, "in_comparison") == [
        "Modellby", "Exempelnejdens välfärdsområde", "Kommuner med 5 000–19 999 invånare", "Hela landet"
    ]  # fmt: skip


# --- where nothing can be compared --------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_borrowed_effect_says_that_it_is_the_same_everywhere(tmp_path: Path, language: str) -> None:
    text = told(page_of(appraisal(evidence="borrowed"), tmp_path, language))
    assert {"fi": "sama kaikkialla", "sv": "densamma överallt", "en": "the same everywhere"}[language] in text


def test_without_areas_nothing_is_claimed(tmp_path: Path) -> None:
    page = page_of(appraisal(), tmp_path)
    assert page.in_comparison().parts == page.members().parts == ()


def test_a_model_that_failed_is_not_compared(tmp_path: Path) -> None:
    assert page_of(with_areas(appraisal(gate_passed=0)), tmp_path).in_comparison().parts == ()


# --- a county -----------------------------------------------------------------------------------------


def county(**changes: object) -> xr.Dataset:
    data = with_areas(appraisal(**changes))  # type: ignore[arg-type]
    return with_members(data.sel(area=["country"]), NAMES, ahead=3.0)


@pytest.mark.parametrize(
    ("language", "order"),
    [("fi", ["Aitoo", "Forssa", "Ääkkölä", "Önnelä"]), ("sv", ["Aitoo", "Forssa", "Ääkkölä", "Önnelä"])],
)
def test_municipalities_stand_by_name_and_not_by_value(tmp_path: Path, language: str, order: list[str]) -> None:
    page = page_of(county(), tmp_path, language)
    rows = headings(page, "members")
    assert rows[0] == page.county
    assert rows[1:] == order


def test_how_many_differ_from_the_county_is_told(tmp_path: Path) -> None:
    assert "differs clearly from that of the whole area: 3 of 4." in told(page_of(county(), tmp_path), "members")


def test_a_county_s_page_speaks_of_the_county(tmp_path: Path) -> None:
    page = page_of(county(), tmp_path, "fi")
    assert page.title.startswith("Esimerkkilän hyvinvointialue:")
    assert "asukasluvun mukaan" in told(page, "answer")
    assert "kunnan asiakkaiden määrää" not in told(page, "answer").lower()
    assert page.entry({}).code == "99"
    exported, _ = ReportExporter().from_notebook_node(executed(page))
    assert exported.count("<h1>") == 1
    assert "Alueen kunnat" in exported


def test_a_county_of_one_municipality_has_no_list_of_them(tmp_path: Path) -> None:
    data = with_members(with_areas(appraisal()).sel(area=["country"]), {"091": "Helsinki"})
    assert page_of(data, tmp_path).members().parts == ()


def test_whose_money_it_is_adds_up_to_all_of_it() -> None:
    variant = Variant("family_work", county())
    each = [estimates.net_draws(variant, payer=str(payer)) for payer in variant.data["payer"].values]
    np.testing.assert_allclose(sum(each), estimates.net_draws(variant))


def test_the_county_s_own_money_stands_first(tmp_path: Path) -> None:
    text = told(page_of(county(), tmp_path), "who_pays")
    own = text.index("Own money (wellbeing services county): net")
    assert own < text.index("money (municipality and Kela): net")
    assert "The state's money" not in text  # none of it is the state's
    assert "Largest net" not in text


def test_a_county_that_pays_nothing_says_so(tmp_path: Path) -> None:
    data = county().sel(payer=["municipality", "kela"])
    assert "Own money: none." in told(page_of(data, tmp_path), "who_pays")


def test_a_lost_zero_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match='in full: "091", a county: "07"'):
        open_page(write_tree(tmp_path / "999.nc", {"family_work": appraisal()}), "91", "fi", catalogue())


@pytest.mark.parametrize("code", ["9", "9999", "ab", "٠١", "", "0 1"])
def test_a_code_of_no_place_is_refused(tmp_path: Path, code: str) -> None:
    path = write_tree(tmp_path / "99.nc", {"family_work": county()})
    with pytest.raises(UsageError, match="not a code of three digits, nor a county's of two"):
        open_page(path, code, "fi", catalogue())


# --- hostile texts ------------------------------------------------------------------------------------


def test_hostile_names_of_places_are_dead(tmp_path: Path) -> None:
    names = dict.fromkeys((f"{what}_{language}" for what in ("similar", "county") for language in LANGUAGES), HOSTILE)
    page = page_of(with_areas(appraisal(), **names), tmp_path)
    members = with_members(county().drop_dims("member"), {"061": HOSTILE, "165": "B"})
    own = page_of(members.assign_attrs(names), tmp_path)
    for html in (page.in_comparison()._repr_html_(), own.members()._repr_html_(), own.who_pays()._repr_html_()):
        assert "<img src=x" not in html
        assert 'onerror="' not in html
    assert "&lt;img src=x" in own.members()._repr_html_()
