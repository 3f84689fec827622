"""The real params/: it holds together, every value can be traced, and a failed look-up says what mends it."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from html import escape

import pytest
from params_builders import PARAMS

from costeff.appraisal import check_chains
from costeff.draws import rng
from costeff.errors import ExitCode, ParamsError, UsageError
from costeff.params import Catalogue, what_if
from costeff.params.catalogue import uncertain_values
from costeff.params.entries import Uncertain
from costeff.params.payers import Duty, Turn
from costeff.params.show import values
from costeff.spec import Label


def every_value(catalogue: Catalogue) -> Iterator[tuple[str, Uncertain]]:
    for group in (catalogue.unit_costs, catalogue.price_sets):
        for key, entry in group.items():
            yield from ((f"{key}.{name}", value) for name, value in uncertain_values(entry))
    for model, parameters in catalogue.transitions.items():
        yield from ((f"{model}.{name}", value) for name, value in parameters.items())


# --- what is in it --------------------------------------------------------------------------------


def test_the_real_params_hold_together(catalogue: Catalogue) -> None:
    assert not list(check_chains(catalogue))


def test_there_are_308_municipalities_with_codes_of_three_digits(catalogue: Catalogue) -> None:
    codes = list(catalogue.municipalities)
    assert len(codes) == 308
    assert all(re.fullmatch(r"\d{3}", code) for code in codes)
    assert catalogue.municipality("005").name_fi == "Alajärvi"
    assert catalogue.municipality("091").name_sv == "Helsingfors"


def test_every_municipality_has_a_county_and_every_county_a_municipality(catalogue: Catalogue) -> None:
    members = Counter(m.county for m in catalogue.municipalities.values())
    assert set(members) == set(catalogue.counties)
    assert len(catalogue.counties) == 23
    assert members["90"] == 1
    assert members["91"] == 16
    assert sum(members.values()) == 308


def test_population_is_that_of_the_country(catalogue: Catalogue) -> None:
    assert sum(m.population for m in catalogue.municipalities.values()) == pytest.approx(5_563_970, abs=2_000)


def test_every_uncertain_value_has_a_source_that_exists(catalogue: Catalogue) -> None:
    values = list(every_value(catalogue))
    assert len(values) > 50
    for name, value in values:
        assert value.source, name
        assert set(value.source) <= set(catalogue.sources), name


def test_what_is_assumed_says_so_and_why(catalogue: Catalogue) -> None:
    for name, value in every_value(catalogue):
        if "stated_assumption" in value.source:
            assert value.quality == "assumption", name
        if value.quality == "assumption":
            assert value.note, name


def test_the_three_quoted_figures_are_there_with_their_year(catalogue: Catalogue) -> None:
    quoted = {}
    for states in catalogue.price_sets["quoted"].prices.values():
        for state, price in states.items():
            for component in price.components:
                value = catalogue.unit_costs[component.cost].latest
                quoted[state] = (value.mean, value.price_year, value.source)
    excluded = quoted.pop("excluded")  # the target of a link, with a price of its own
    assert excluded[2] == ("hilli_2017",)
    places = {"foster_family": 130_000, "institution": 130_000, "in_institution": 61_000}
    prisons = dict.fromkeys(("closed_short", "closed_long", "open_prison"), 78_000)
    assert quoted == {state: (mean, 2018, ("selanpaa_sitra",)) for state, mean in (places | prisons).items()}


def test_every_text_stands_in_three_different_places(catalogue: Catalogue) -> None:
    """Swedish copied from Finnish, or the other way, is a text that was forgotten."""
    entries = [*catalogue.chains.values(), *catalogue.unit_costs.values(), *catalogue.price_sets.values()]
    for entry in entries:
        for name in type(entry).model_fields:
            label = getattr(entry, name)
            if isinstance(label, Label):
                assert len({label.fi, label.sv, label.en}) == 3, f"{entry.id}.{name}"


def test_names_of_draws_do_not_share_a_seed(catalogue: Catalogue) -> None:
    """The seed of a value is a checksum of its name: two names with one checksum would be drawn alike."""
    names = [f"unit_costs.{key}" for key in catalogue.unit_costs]
    names += [f"cashable.{key}" for key in catalogue.unit_costs]
    names += [f"cost.{key}" for key in catalogue.chains]
    names += [f"transitions.{m}.{name}" for m, parameters in catalogue.transitions.items() for name in parameters]
    assert len({rng(7, name).integers(1 << 60) for name in names}) == len(names)


def test_need_indices_are_of_known_municipalities_and_missing_stays_missing(catalogue: Catalogue) -> None:
    with (PARAMS / "municipality_indices.csv").open(encoding="utf-8") as file:
        empty = sum(row["index_mean_2018_2020"] == "" for row in csv.DictReader(file))
    values = [value for indicator in catalogue.need.values() for value in indicator.values()]
    assert empty > 0
    assert sum(value is None for value in values) == empty
    assert all(set(codes) == set(catalogue.municipalities) for codes in catalogue.need.values())


# --- who pays -------------------------------------------------------------------------------------


@pytest.mark.parametrize("duty", ["child_welfare", "substance_abuse_care", "social_services"])
@pytest.mark.parametrize(
    ("on", "county", "payer"),
    [
        (date(2022, 12, 31), "08", "municipality"),
        (date(2023, 1, 1), "08", "county"),
        (date(2026, 1, 1), "08", "county"),
        (date(2023, 1, 1), "90", "county"),  # Helsinki carries the county's duty itself
        (date(2022, 12, 31), "91", "municipality"),
        (date(2026, 1, 1), "91", "municipality"),  # Åland stands outside
    ],
)
def test_social_services_went_from_municipality_to_county(
    catalogue: Catalogue, duty: str, on: date, county: str, payer: str
) -> None:
    assert catalogue.payer_of(duty, on, county) == payer


def test_employment_services_went_from_state_to_municipality(catalogue: Catalogue) -> None:
    assert catalogue.payer_of("employment_services", date(2024, 12, 31), "08") == "state"
    assert catalogue.payer_of("employment_services", date(2025, 1, 1), "08") == "municipality"


@pytest.mark.parametrize("year", [1990, 2022, 2026, 2050])
def test_the_state_pays_for_prison(catalogue: Catalogue, year: int) -> None:
    assert catalogue.payer_of("prison_and_community_sanctions", date(year, 1, 1), "91") == "state"


def test_a_payer_pays_for_itself(catalogue: Catalogue) -> None:
    assert catalogue.payer_of("kela", date(2026, 1, 1), "08") == "kela"


def test_a_date_before_the_first_turn_has_no_payer(catalogue: Catalogue) -> None:
    turn = Turn(valid_from=date(2023, 1, 1), payer="county", source=("act_612_2021",))
    label = Label(fi="Koe", sv="Prov", en="Trial")
    catalogue = Catalogue(PARAMS, "", payers=catalogue.payers, duties={"new_duty": Duty(label=label, turns=(turn,))})
    with pytest.raises(ParamsError, match="new_duty: has no payer on 2022-12-31"):
        catalogue.payer_of("new_duty", date(2022, 12, 31), "08")


# --- look-ups -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "cure"),
    [
        ("91", "write 091 (Helsinki)"),
        (91, "write 091 (Helsinki)"),
        ("5", "write 005 (Alajärvi)"),
        (5, "write 005 (Alajärvi)"),
        ("Tampere", "did you mean 837?"),
        ("tampere", "did you mean 837?"),
        ("Åbo", "did you mean 853?"),
        ("999", "see params/"),
        ("0091", "see params/"),
    ],
)
def test_an_unknown_municipality_is_told_with_a_cure(catalogue: Catalogue, code: str, cure: str) -> None:
    with pytest.raises(UsageError) as caught:
        catalogue.municipality(code)
    (problem,) = caught.value.problems
    assert problem.place == f"municipality {code}"
    assert problem.cure == cure
    assert caught.value.code is ExitCode.USAGE


def test_an_unknown_county_is_told_with_a_cure(catalogue: Catalogue) -> None:
    with pytest.raises(UsageError, match=re.escape("write 05 (Varsinais-Suomen hyvinvointialue)")):
        catalogue.county("5")
    with pytest.raises(UsageError, match="did you mean 08"):
        catalogue.members("Pirkanmaa")


def test_members_of_a_county_are_its_municipalities(catalogue: Catalogue) -> None:
    assert catalogue.members("90") == ["091"]
    assert len(catalogue.members("91")) == 16


@pytest.mark.parametrize(
    ("group", "rule"),
    [("chains", "is not a chain"), ("price_sets", "is not a price set"), ("unit_costs", "is not a unit cost")],
)
def test_an_unknown_entry_names_those_that_exist(catalogue: Catalogue, group: str, rule: str) -> None:
    with pytest.raises(UsageError) as caught:
        catalogue.entry(group, "nothing")
    (problem,) = caught.value.problems
    assert problem.rule == rule
    assert all(key in problem.cure for key in getattr(catalogue, group))


def test_a_card_leads_to_the_sources_in_full(catalogue: Catalogue) -> None:
    card = catalogue.card("prisoner_year")
    assert "budget_2024" in dict(card.sources())
    assert "Ministry of Finance" in dict(card.sources())["budget_2024"]
    shown = card._repr_html_()
    assert "81,980" in shown
    assert "77,880 to 86,080 (95%)" in shown


def test_a_card_of_a_contract_says_what_is_paid_for_and_leads_to_the_sources(catalogue: Catalogue) -> None:
    card = catalogue.card("family_work_mixed_with_cap")
    shown = card._repr_html_()
    assert "50 EUR an hour worked" in shown
    assert "60,000 EUR a good outcome more than the share in a comparison group at the same time" in shown
    assert "800,000 EUR" in shown
    assert "koto_sib_terms" in dict(catalogue.card("family_work_saving_share").sources())
    target, both_ways = (catalogue.card(f"{key}")._repr_html_() for key in TERMS_TOLD)
    assert "above the target of 82% of clients" in target
    assert "fewer are paid back" in both_ways


TERMS_TOLD = ("release_support_target", "family_work_difference_to_comparison")


def test_contracts_and_budgets_are_in_the_contents_and_tell_their_terms(catalogue: Catalogue) -> None:
    contents = catalogue._repr_html_()
    for group in (catalogue.contracts, catalogue.budgets):
        for key, entry in group.items():
            assert key in contents
            shown = catalogue.card(key)._repr_html_()
            assert all(escape(term.told) in shown for term in getattr(entry, "terms", ()))
            assert all(service.label.en in shown for service in getattr(entry, "services", {}).values())
            assert "stated_assumption" in shown


def test_a_budget_tells_need_and_price_of_each_service_with_interval_and_source(catalogue: Catalogue) -> None:
    for budget in catalogue.budgets.values():
        rows = {row["value"]: row for row in values(budget)}
        assert set(rows) == {f"services.{key}.{name}" for key in budget.services for name in ("need", "unit_cost")}
    family = catalogue.budgets["example_county"].services["family_work"].need
    row = {r["value"]: r for r in values(catalogue.budgets["example_county"])}["services.family_work.need"]
    assert row["interval"] == f"{family.low:g} to {family.high:g} (95%)"
    assert (row["evidence"], row["source"]) == ("assumption", "stated_assumption")


def test_a_card_of_an_unknown_id_offers_the_nearest(catalogue: Catalogue) -> None:
    with pytest.raises(UsageError, match="did you mean prisoner_year"):
        catalogue.card("prisoner_yaer")


SHOWN = ["prisoner_year", "national", "prison.long_years", "unemployment_benefit", "placement_to_prison", "091"]


@pytest.mark.parametrize("key", SHOWN)
def test_everything_shows_itself_in_a_notebook(catalogue: Catalogue, key: str) -> None:
    for _, entry in catalogue.find(key):
        assert "<table" in entry._repr_html_()


def test_the_name_of_a_bilingual_municipality_follows_the_language(catalogue: Catalogue) -> None:
    raasepori = next(m for m in catalogue.municipalities.values() if m.name_fi == "Raasepori")
    assert [raasepori.name(language) for language in ("fi", "sv", "en")] == ["Raasepori", "Raseborg", "Raseborg"]


# --- what-ifs -------------------------------------------------------------------------------------


def test_a_what_if_is_marked_and_does_not_pass_for_the_sourced_value(catalogue: Catalogue) -> None:
    changed = what_if(catalogue, "prison.short_years", "Shorter sentences.", mean=0.1)
    value = changed.transitions["prison"]["short_years"]
    assert (value.mean, value.quality, value.source) == (0.1, "assumption", ("stated_assumption",))
    assert catalogue.transitions["prison"]["short_years"].mean == 0.13
    assert changed.hash != catalogue.hash
    assert what_if(catalogue, "prison.short_years", "Shorter sentences.", mean=0.09).hash != changed.hash


def test_a_what_if_is_checked_as_the_files_are(catalogue: Catalogue) -> None:
    with pytest.raises(ParamsError, match=r"mean 5 is outside low 0\.\d+ to high 0\.\d+"):
        what_if(catalogue, "prison.short_years", "Longer sentences.", mean=5.0)
    with pytest.raises(UsageError, match="neither a transition nor a unit cost"):
        what_if(catalogue, "prison", "Nothing.", mean=5.0)
