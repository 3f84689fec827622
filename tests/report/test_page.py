"""What a page says: the answer with its intervals, who pays, and silence where the model failed its checks."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from report_fakes import LEFT_OUT, REASON, REASON_TEXT, appraisal, catalogue, family_work, label, write_tree

from costeff import decision
from costeff.errors import ModelError, UsageError
from costeff.report import estimates
from costeff.report.appraisals import Variant
from costeff.report.page import Page, open_page

PARTS = ("answer", "who_pays", "how_sure", "steering", "sources")
NBSP = "\u00a0"


def told(page: Page, *names: str) -> str:
    """The text of a page, as it is read."""
    html = "".join(getattr(page, name)()._repr_html_() for name in names or PARTS)
    text = re.sub(r"<[^>]+>", " ", html).replace(NBSP, " ").replace("\u2060", "")
    return re.sub(r"\s+", " ", text)


def one(tmp_path: Path, language: str = "en", **changes: object) -> Page:
    path = write_tree(tmp_path / "999.nc", {"family_work": appraisal(**changes)})  # type: ignore[arg-type]
    return open_page(path, "999", language, catalogue())


def test_the_numbers_are_those_of_the_decision_room() -> None:
    data = appraisal()
    variant = Variant("family_work", data)
    for horizon in estimates.horizons(variant):
        assert estimates.net_saving(variant, horizon).mean == pytest.approx(
            float(decision.net_saving(data, horizon).mean())
        )
        for payer in (None, "county", "kela"):
            ours = estimates.probability(variant, horizon, payer)
            assert ours == pytest.approx(float(decision.probability_of_saving(data, horizon, payer)))
    rows, total = estimates.by_payer(variant)
    assert sum(row.net.mean for row in rows) == pytest.approx(total.net.mean)
    for row in (*rows, total):
        assert row.net.mean == pytest.approx(row.stoppable.mean - row.service.mean)
    assert estimates.discount_rate(variant) == pytest.approx(0.03)


def test_payback_is_the_middle_case_and_none_when_most_never_get_there() -> None:
    soon = estimates.payback(Variant("c", appraisal(price=3_500)))
    never = estimates.payback(Variant("c", appraisal(price=40_000)))
    assert soon.year == 2025 + (soon.number or 0)
    assert soon.probability > 0.5
    assert (never.year, never.number) == (None, None)
    assert never.probability < 0.05


@pytest.mark.parametrize(("price", "word"), [(3_100, "saves about"), (40_000, "adds about")])
def test_saving_and_costing_have_their_own_sentences(tmp_path: Path, price: float, word: str) -> None:
    assert word in told(one(tmp_path, price=price), "answer")


def test_more_events_are_told_as_more(tmp_path: Path) -> None:
    text = told(one(tmp_path, effect=-0.08))
    assert "more (90% interval" in text
    assert "a price per avoided event has no meaning" in text
    assert "Here other costs grow instead" in text
    assert "More events per 100 clients" in text


@pytest.mark.parametrize("effect", [round(0.02 + 0.0007 * number, 4) for number in range(12)])
def test_events_avoided_are_one_number_wherever_they_stand(tmp_path: Path, effect: float) -> None:
    page = one(tmp_path, effect=effect)
    mean = estimates.events(Variant("family_work", appraisal(effect=effect)))[2].mean
    text = told(page, "answer", "how_sure")
    assert f" {mean:.1f} fewer (90% interval" in text
    assert f"Fewer events per 100 clients {mean:.1f} " in text
    figures = page.entry({}).results[0].figures
    assert figures is not None
    assert figures.events_avoided.mean == round(mean, 1)


def test_the_money_of_each_payer_is_told_by_year_and_adds_up(tmp_path: Path) -> None:
    variant = Variant("family_work", appraisal())
    payers = [str(one) for one in variant.data["payer"].values]
    for number, whole in enumerate(estimates.net_by_year(variant)):
        parts = sum(estimates.net_by_year(variant, payer)[number].mean for payer in payers)
        assert parts == pytest.approx(whole.mean)
    everything = sum(one.mean for one in estimates.net_by_year(variant))
    assert everything == pytest.approx(estimates.net_saving(variant).mean)
    html = one(tmp_path).who_pays()._repr_html_()
    table = html[html.index("<caption>Savings less costs by payer and year") :]
    assert re.findall(r'<th scope="row"[^>]*>(\d{4})</th>', table) == [str(2026 + n) for n in range(10)]


def test_each_unit_cost_stands_with_its_interval_year_and_source(tmp_path: Path) -> None:
    text = told(one(tmp_path, prices=json.dumps(["round", "counted", "unheard_of"])), "sources")
    source = re.escape(catalogue().sources["unit_costs_2025"].title)
    assert re.search(rf"day of care \(round\) care day 2024 {source} 480 the source tells no uncertainty", text)
    assert re.search(rf"day of care \(counted\) care day 2024 {source} 480 432 to 528 \(95%\)", text)
    assert "unheard_of" not in text
    assert "Each unit cost as" not in told(one(tmp_path), "sources")


def test_the_shown_difference_is_that_of_the_shown_numbers(pages: dict[str, Page]) -> None:
    found = re.search(
        r"about ([\d.]+) events .*?and ([\d.]+) with the usual one: ([\d.]+) fewer", told(pages["en"], "answer")
    )
    assert found
    new, usual, difference = map(float, found.groups())
    assert usual - new == pytest.approx(difference)


def test_every_headline_has_its_interval(pages: dict[str, Page]) -> None:
    words = {"fi": "prosentin todennäköisyysväli", "sv": "procents sannolikhetsintervall", "en": "% interval"}
    for language, word in words.items():
        assert told(pages[language], "answer").count(word) >= 4
        html = pages[language].answer()._repr_html_()
        assert html.count('class="key-figures"') == 2


def test_a_failed_model_gets_no_figure_but_a_reason(tmp_path: Path) -> None:
    import json

    for language in ("fi", "sv", "en"):
        page = one(tmp_path, language, gate_passed=0, gate_reasons=json.dumps([REASON, REASON]))
        text = told(page, "answer", "who_pays", "how_sure", "steering")
        assert text.count(REASON_TEXT[language]) == 1
        assert "€" not in text
        assert not re.search(r"\d", text.replace("100", ""))  # the page is for 100 clients: no other number
        html = "".join(getattr(page, name)()._repr_html_() for name in PARTS[:4])
        assert "key-figures" not in html
        assert "<img" not in html
        assert "<table" not in html


def test_a_cost_model_that_failed_is_named(tmp_path: Path) -> None:
    import json

    checks = ("rhat", "ess_bulk", "ess_tail", "predictive")
    reasons = [{"check": check, "of": of} for of in ("outcome", "costs") for check in checks]
    text = told(one(tmp_path, "en", gate_passed=0, gate_reasons=json.dumps(reasons)), "answer")
    assert text.count("Cost of the service: The chains of the simulation did not reach the same result") == 1
    assert text.count("The chains of the simulation did not reach the same result") == 2
    assert text.count("The simulation gave too few independent draws (ESS).") == 2  # bulk and tail are one reason
    assert "The model does not reproduce the events in the data" in text
    assert "Cost of the service: The model does not reproduce the costs in the data" in text


def test_a_cost_of_the_register_says_that_it_is_estimated(tmp_path: Path) -> None:
    said = {"fi": "arvioitu rekisteristä kunnittain", "sv": "ur registret, kommun för kommun", "en": "municipality by"}
    for language, text in said.items():
        assert text in told(one(tmp_path, language, service_price_quality="register"), "how_sure")
        assert text not in told(one(tmp_path, language), "how_sure")


def test_only_protected_counts_are_shown(tmp_path: Path) -> None:
    assert "about 45 clients" in told(one(tmp_path), "answer")
    hidden = told(one(tmp_path, n_clients_protected=-1), "answer")
    assert "not shown: it is small or not known" in hidden
    assert "about −1" not in hidden


def test_evidence_and_pooling_are_told(tmp_path: Path) -> None:
    text = told(one(tmp_path, "fi"), "answer")
    assert "Vaikutuksen arviosta 83 % nojaa muun maan tietoihin ja mallin oletuksiin." in text
    assert "kaikkien kuntien yhteinen malli" in text
    borrowed = told(one(tmp_path, "fi", evidence="borrowed", pooling=float("nan")), "answer")
    assert "nojaa muun maan" not in borrowed
    assert "julkaistusta tutkimuksesta lainattu vaikutus" in borrowed


def test_few_clients_and_none_are_told_alike(tmp_path: Path) -> None:
    changes = {"evidence": "elsewhere", "n_clients_protected": -1, "pooling": 0.9996}
    words = {
        "fi": ("muiden kuntien tiedoista arvioitu vaikutus", "alle 10 asiakasta tai ei yhtään", "yli 99 %"),
        "sv": ("effekt som skattats ur andra kommuners uppgifter", "färre än 10 klienter i materialet", "över 99 %"),
        "en": ("an effect estimated from the data of other municipalities", "fewer than 10 clients", "more than 99%"),
    }
    for language, expected in words.items():
        text = told(one(tmp_path, language, **changes), "answer")
        assert all(part in text for part in expected)
        assert not re.search(r"100 ?%|not shown|ei näytetä|visas inte", text)


def balanced(tmp_path: Path, language: str) -> Page:
    """A service whose price is moved until its mean net saving is within the noise of the simulation."""
    data = appraisal()
    off = estimates.net_saving(Variant("c", data)).mean
    data["cost"].loc[{"option": "new", "payer": "county", "year": 2026}] += off + 400
    return open_page(write_tree(tmp_path / "999.nc", {"family_work": data}), "999", language, catalogue())


def test_a_difference_within_the_noise_has_no_sign(tmp_path: Path) -> None:
    words = {
        "fi": ("säästää suunnilleen sen, minkä maksaa", "suunnilleen sen, minkä se maksaa", "noin 0 €"),
        "sv": ("sparar ungefär lika mycket som den kostar", "den nya tjänsten på 10 år ungefär lika", "omkring 0 €"),
        "en": ("saves about as much as it costs", "the new service saves about as much", "about €0"),
    }
    for language, expected in words.items():
        page = balanced(tmp_path, language)
        net = estimates.net_saving(page.appraisals[0].main)
        assert net.mean == pytest.approx(-400, abs=1)
        assert net.even
        text = told(page, "answer")
        assert all(part in text for part in expected)
        html = page.answer()._repr_html_()
        assert f'<dd class="value">{expected[2]}</dd>' in html.replace(NBSP, " ")
        assert "Nettokustannus" not in text
        assert page.entry({}).results[0].detail.startswith(expected[0])
    assert "costs about nothing on average" in told(page, "steering")


def test_money_is_told_no_finer_than_the_simulation(pages: dict[str, Page]) -> None:
    for chapter in pages["en"].chapters[:2]:
        saved = decision.net_saving(chapter.main.data, chapter.main.years).to_numpy()
        noise = 2 * saved.std(ddof=1) / saved.size**0.5
        assert estimates.net_saving(chapter.main).error == pytest.approx(noise / 2)
        assert chapter.step >= noise
        assert f"{chapter.step:.0e}"[0] in "125"


def test_the_city_of_helsinki_pays_as_a_county(tmp_path: Path) -> None:
    names = {
        "county": "90", "county_fi": "Helsingin kaupunki", "county_sv": "Helsingfors stad",
        "county_en": "City of Helsinki",
    }  # fmt: skip
    for language, county in (("fi", "hyvinvointialue"), ("sv", "välfärdsområde"), ("en", "wellbeing services")):
        text = told(one(tmp_path, language, **names), "who_pays", "how_sure")
        assert text.count(names[f"county_{language}"]) >= 3
        assert county not in text


def test_a_payer_is_definite_in_a_swedish_sentence(pages: dict[str, Page]) -> None:
    assert re.search(r"Störst netto\w+: välfärdsområdet, ", told(pages["sv"], "who_pays"))


def test_round_prices_are_told_as_such(tmp_path: Path, pages: dict[str, Page]) -> None:
    sentence = "round figures without a stated uncertainty"
    assert sentence in told(one(tmp_path), "answer")
    assert sentence not in told(one(tmp_path, price_set="national"), "answer")
    assert "About figures quoted in the sector." in told(pages["en"], "how_sure")


def test_services_are_small_inside_a_sentence(pages: dict[str, Page]) -> None:
    assert "(intensive family work, post release and substance)" in told(pages["en"], "answer")


def test_payers_are_named_in_each_language(pages: dict[str, Page]) -> None:
    assert "hyvinvointialue" in told(pages["fi"], "who_pays")
    assert "välfärdsområde" in told(pages["sv"], "who_pays")
    assert "FPA" in told(pages["sv"], "who_pays")
    assert "wellbeing services county" in told(pages["en"], "who_pays")


def test_the_chain_says_which_prices_are_main_whatever_the_order_in_the_file(tmp_path: Path) -> None:
    groups = {
        "family_work/a_other": appraisal(price_set="national", person_year=98_000),
        "family_work/quoted": appraisal(price_set="quoted"),
    }
    page = open_page(write_tree(tmp_path / "999.nc", groups), "999", "en", catalogue())
    assert page.appraisals[0].main.attr("price_set") == "quoted"
    assert "Do other unit costs change the answer?" in told(page, "how_sure")


def test_horizons_stop_where_the_years_do(tmp_path: Path) -> None:
    text = told(one(tmp_path, years=4), "how_sure")
    assert "1 year 3 years 4 years" in text
    assert "5 years" not in text


def test_sources_are_linked_and_a_missing_one_keeps_its_id(tmp_path: Path) -> None:
    html = one(tmp_path, sources='["unit_costs_2025", "gone"]').sources()._repr_html_()
    assert 'href="https://www.example.org/unit-costs"' in html
    assert "gone" in html
    assert "9f2c6a7be01d44aa" in html
    assert "quoted</" not in html
    assert "figures quoted in the sector" in html


def test_what_a_price_set_leaves_out_is_told(tmp_path: Path, pages: dict[str, Page]) -> None:
    assert "Foster care is left out." in told(pages["en"], "sources")
    assert "Foster care" not in told(pages["en"], "answer")
    main = one(tmp_path, price_set="national", not_counted=LEFT_OUT)
    assert "Foster care is left out." in told(main, "answer")


def test_a_price_of_the_register_and_a_changed_price_year(tmp_path: Path) -> None:
    text = told(one(tmp_path, service_price_year="register", price_year_changed=1), "sources")
    assert "as recorded in the register" in text
    assert "changed with a price index" in text


def test_the_horizons_are_those_of_the_appraisal(tmp_path: Path) -> None:
    assert "2 years 10 years" in told(one(tmp_path, horizons="[2, 10]"), "how_sure")


def test_a_chain_without_a_catalogue_entry_is_still_told(tmp_path: Path) -> None:
    path = write_tree(tmp_path / "999.nc", {"other_chain": appraisal()})
    assert "the event followed" in told(open_page(path, "999", "en", catalogue()))


@pytest.mark.parametrize("code", ["9", "0911", "abc"])
def test_a_code_is_three_digits(tree_path: Path, code: str) -> None:
    with pytest.raises(UsageError, match="three digits"):
        open_page(tree_path, code, "fi", catalogue())


def test_a_file_of_another_municipality_is_refused(tree_path: Path) -> None:
    with pytest.raises(ModelError, match="not about municipality 091"):
        open_page(tree_path, "091", "fi", catalogue())


def test_all_that_a_file_lacks_is_told_at_once(tmp_path: Path) -> None:
    broken = appraisal().drop_vars("discount")
    del broken.attrs["mass"]
    path = write_tree(tmp_path / "999.nc", {"family_work": broken})
    with pytest.raises(ModelError, match=r"lacks discount, mass"):
        open_page(path, "999", "fi", catalogue())


def test_a_file_that_is_no_appraisal(tmp_path: Path) -> None:
    path = tmp_path / "999.nc"
    path.write_text("no netCDF")
    with pytest.raises(UsageError, match="cannot be read as an appraisal"):
        open_page(path, "999", "fi", catalogue())


def test_names_are_escaped_where_they_enter(tmp_path: Path) -> None:
    bad = "<script>alert(1)</script>"
    path = write_tree(tmp_path / "999.nc", {"family_work": appraisal(municipality_fi=bad, county_fi=bad)})
    page = open_page(path, "999", "fi", catalogue(family_work(label(bad, bad, bad))))
    assert "<script" not in "".join(getattr(page, name)()._repr_html_() for name in PARTS)


def test_reading_a_page_needs_no_notebook_machinery() -> None:
    code = "import sys, costeff.report.page; print({'nbformat', 'nbconvert', 'papermill', 'pymc'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
