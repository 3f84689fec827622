"""Numbers that were derived from national volumes are still those of the volumes."""

from __future__ import annotations

import csv
import math

import pytest
from params_builders import PARAMS

from costeff.params import Catalogue


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


def test_share_priced_as_institutions_is_who_is_not_in_a_foster_family(
    catalogue: Catalogue, volumes: dict[tuple[str, int], float]
) -> None:
    (component,) = catalogue.price_sets["national"].prices["in_care"].components
    stock = volumes["in_care_end_of_year", 2022]
    outside = 1 - volumes["in_care_end_of_year_in_foster_family", 2022] / stock
    assert component.share is not None
    assert component.share.mean == pytest.approx(outside, abs=0.001)


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
    assert ratio.low == pytest.approx(later / first, abs=0.01)
    assert catalogue.transitions["prison"]["baseline_probability"].mean == three


def test_relapse_is_the_trials_own_count(catalogue: Catalogue) -> None:
    relapse = catalogue.transitions["institutional_treatment"]["baseline_probability"]
    error = math.sqrt(464 / 575 * (1 - 464 / 575) / 575)
    assert relapse.mean == pytest.approx(464 / 575, abs=0.0005)
    assert relapse.low == pytest.approx(relapse.mean - 1.96 * error, abs=0.001)
    assert relapse.high == pytest.approx(relapse.mean + 1.96 * error, abs=0.001)


def test_share_of_placements_that_become_care_is_that_of_2024(
    catalogue: Catalogue, volumes: dict[tuple[str, int], float]
) -> None:
    orders = volumes["new_care_orders", 2024]
    share = catalogue.transitions["taking_into_care"]["care_share"]
    assert share.mean == pytest.approx(orders / (orders + volumes["emergency_placements", 2024]), abs=0.005)
