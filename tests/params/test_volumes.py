"""Numbers that were derived from national volumes are still those of the volumes."""

from __future__ import annotations

import csv
import math

import pytest
from params_builders import PARAMS

from costeff.params import Catalogue

PLACES = ("child_welfare_institution_day", "foster_family_day")


@pytest.fixture(scope="module")
def volumes() -> dict[tuple[str, int], float]:
    with (PARAMS / "national_volumes.csv").open(encoding="utf-8") as file:
        return {(row["indicator"], int(row["year"])): float(row["value"]) for row in csv.DictReader(file)}


def test_every_volume_has_a_source_that_exists(catalogue: Catalogue) -> None:
    with (PARAMS / "national_volumes.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len({(row["indicator"], row["year"]) for row in rows}) == len(rows)
    assert {row["source"] for row in rows} <= set(catalogue.sources)


def test_baseline_risk_of_the_synthetic_register_is_that_of_2024(
    catalogue: Catalogue, volumes: dict[tuple[str, int], float]
) -> None:
    placed = volumes["new_care_orders", 2024] + volumes["emergency_placements", 2024]
    truth = catalogue.scenarios["synthetic_family_work"].truth
    assert truth.baseline_risk == pytest.approx(placed / volumes["open_care_children", 2024], abs=0.0005)


def test_true_effect_of_the_synthetic_register_is_the_published_one(catalogue: Catalogue) -> None:
    (row,) = (r for r in catalogue.evidence["intensive_family_work"] if r.outcome == "out-of-home placement")
    truth = catalogue.scenarios["synthetic_family_work"].truth
    assert row.measure == "standardised effect size"
    assert truth.log_odds_ratio == pytest.approx(row.value * math.pi / math.sqrt(3), abs=0.0005)


def test_exit_rate_from_care_agrees_with_both_sides_of_the_flow(
    catalogue: Catalogue, volumes: dict[tuple[str, int], float]
) -> None:
    rate = catalogue.transitions["taking_into_care"]["annual_exit_rate"]
    stock = volumes["in_care_end_of_year", 2022]
    left = volumes["in_care_during_year", 2022] - stock
    assert rate.mean == pytest.approx(left / stock, abs=0.0005)
    assert rate.low is not None
    assert rate.high is not None
    assert rate.low < volumes["new_care_orders", 2023] / stock < rate.high


def test_share_of_institutions_is_who_is_not_in_a_foster_family(
    catalogue: Catalogue, volumes: dict[tuple[str, int], float]
) -> None:
    stock = volumes["in_care_end_of_year", 2022]
    outside = 1 - volumes["in_care_end_of_year_in_foster_family", 2022] / stock
    assert catalogue.transitions["taking_into_care"]["institution_share"].mean == pytest.approx(outside, abs=0.001)


def test_foster_family_day_is_almost_a_third_of_an_institution_day(catalogue: Catalogue) -> None:
    foster, institution = (
        catalogue.unit_costs[name].latest for name in ("foster_family_day", "child_welfare_institution_day")
    )
    assert foster.price_year == institution.price_year
    assert 2.8 < institution.mean / foster.mean < 3


def test_children_in_care_at_national_prices_cost_about_what_all_placements_did(
    catalogue: Catalogue, volumes: dict[tuple[str, int], float]
) -> None:
    """Children in care at the end of 2022, at prices of 2024, against institutional and family care in 2024.

    Left out are emergency placements, placements as support in open care, and young people placed in
    aftercare: so the sum lies below what was paid.
    """
    mix = catalogue.transitions["taking_into_care"]["institution_share"].mean
    day = {name: catalogue.unit_costs[name].latest.mean for name in PLACES}
    year = 365 * (mix * day["child_welfare_institution_day"] + (1 - mix) * day["foster_family_day"])
    whole = volumes["in_care_end_of_year", 2022] * year / 1e6
    paid = volumes["inst_and_family_care_cost_meur", 2024]
    assert 0.85 * paid < whole < paid
    rows = catalogue.transitions["taking_into_care"]
    emergencies = volumes["emergency_placements", 2024] * rows["emergency_years"].mean
    with_emergencies = whole + emergencies * 365 * day["child_welfare_institution_day"] / 1e6
    assert with_emergencies == pytest.approx(paid, rel=0.05)


def test_cost_per_child_ever_placed_is_the_cost_over_the_children(
    catalogue: Catalogue, volumes: dict[tuple[str, int], float]
) -> None:
    whole = volumes["inst_and_family_care_cost_meur", 2015] * 1e6 / volumes["placed_under_21", 2015]
    assert catalogue.unit_costs["child_ever_placed_year"].latest.mean == pytest.approx(whole, rel=0.01)


def test_what_the_state_could_stop_paying_for_prison_is_what_it_stopped_paying(
    catalogue: Catalogue, volumes: dict[tuple[str, int], float]
) -> None:
    """3291 prisoners at 200 EUR a day in 2010, about 2790 at 225 in 2020; the second count is in the note."""
    day = {v.price_year: v.mean for v in catalogue.unit_costs["closed_prison_day"].values}
    before, after = volumes["avg_prisoners", 2010], 2790
    share = (before * day[2010] - after * day[2020]) / ((before - after) * day[2010])
    medium = catalogue.unit_costs["prisoner_year"].cashable.medium
    assert "2790" in (medium.note or "")
    assert medium.mean == pytest.approx(share, abs=0.01)


def test_later_return_to_prison_lies_below_the_first_years(catalogue: Catalogue) -> None:
    """44.5 per cent within 3 years and 50 within 5, as yearly probabilities of those still out."""
    within = {row.outcome: row.value for row in catalogue.evidence["reincarceration"]}
    three, five = within["new prison sentence within 3 years"], within["new sentence within 5 years"]
    first = 1 - (1 - three) ** (1 / 3)
    later = 1 - ((1 - five) / (1 - three)) ** (1 / 2)
    ratio = catalogue.transitions["prison"]["later_risk_ratio"]
    assert ratio.mean == pytest.approx(later / first, abs=0.001)
    assert catalogue.transitions["prison"]["baseline_probability"].mean == three


def test_relapse_is_the_trials_own_count(catalogue: Catalogue) -> None:
    relapse = catalogue.transitions["institutional_treatment"]["baseline_probability"]
    error = math.sqrt(464 / 575 * (1 - 464 / 575) / 575)
    assert relapse.mean == pytest.approx(464 / 575, abs=0.0005)
    assert relapse.low == pytest.approx(relapse.mean - 1.96 * error, abs=0.001)
    assert relapse.high == pytest.approx(relapse.mean + 1.96 * error, abs=0.001)


def from_the_start(volumes: dict[tuple[str, int], float], later: float) -> float:
    """Share of placements in 2024 that are care orders, when the share `later` of emergencies ends in one."""
    orders, emergencies = volumes["new_care_orders", 2024], volumes["emergency_placements", 2024]
    return (orders - later * emergencies) / (orders - later * emergencies + emergencies)


def test_care_orders_from_the_start_fit_the_emergencies_that_end_in_one(
    catalogue: Catalogue, volumes: dict[tuple[str, int], float]
) -> None:
    rows = catalogue.transitions["taking_into_care"]
    share, later = rows["care_share"], rows["emergency_to_care"]
    assert share.mean == pytest.approx(from_the_start(volumes, later.mean), abs=0.005)
    assert share.low == pytest.approx(from_the_start(volumes, 0.3), abs=0.005)
    assert share.high == pytest.approx(from_the_start(volumes, 0.0), abs=0.005)
    assert later.high is not None
    assert later.high < volumes["new_care_orders", 2024] / volumes["emergency_placements", 2024]


def test_years_out_of_home_lie_between_those_of_a_placement_and_those_of_care(catalogue: Catalogue) -> None:
    """3.5 years are expected of a child placed for whatever reason: more than one placement, less than care."""
    rows = {name: row.mean for name, row in catalogue.transitions["taking_into_care"].items()}
    care = 1 / rows["annual_exit_rate"]
    becoming = rows["care_share"] + (1 - rows["care_share"]) * rows["emergency_to_care"]
    placement = becoming * care + (1 - rows["care_share"]) * rows["emergency_years"]
    assert placement == pytest.approx(1.7, abs=0.05)
    assert placement < 3.5 < care
    exits = catalogue.transitions["taking_into_care"]["annual_exit_rate"]
    assert exits.high is not None
    assert 1 / exits.high == pytest.approx(3.5, abs=0.1)


def test_children_placed_in_a_year_for_each_in_care_are_about_those_published(
    catalogue: Catalogue, volumes: dict[tuple[str, int], float]
) -> None:
    """In a steady state; the count also holds placements in open care and young people in aftercare."""
    rows = {name: row.mean for name, row in catalogue.transitions["taking_into_care"].items()}
    care_share, later = rows["care_share"], rows["emergency_to_care"]
    in_care = (care_share + (1 - care_share) * later) / rows["annual_exit_rate"]
    placed = 1 + in_care + (1 - care_share) * rows["emergency_years"]
    published = volumes["placed_children_and_youth", 2022] / volumes["in_care_end_of_year", 2022]
    assert placed / in_care == pytest.approx(published, rel=0.15)
    assert placed / in_care < published
