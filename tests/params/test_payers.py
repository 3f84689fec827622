"""Who pays by law and date: one payer, several by paid days, and what a correction of funding moves."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from costeff.errors import ParamsError
from costeff.params import Catalogue
from costeff.params.payers import Duty, Turn

BEFORE, NOW = date(2024, 6, 1), date(2026, 1, 1)


def test_the_municipality_pays_more_of_the_benefit_the_longer_it_is_paid(catalogue: Catalogue) -> None:
    shares = {days: catalogue.payer_shares("unemployment_benefit", NOW, "06", (days, days + 1)) for days in
              (0, 99, 100, 250, 399, 400, 650, 700, 2000)}  # fmt: skip
    paid = {days: share.get("municipality", 0.0) for days, share in shares.items()}
    assert paid == {0: 0, 99: 0, 100: 0.1, 250: 0.2, 399: 0.3, 400: 0.4, 650: 0.4, 700: 0.5, 2000: 0.5}


def test_the_law_before_2025_had_other_steps(catalogue: Catalogue) -> None:
    for days, share in ((0, 0.0), (299, 0.0), (300, 0.5), (999, 0.5), (1000, 0.7)):
        found = catalogue.payer_shares("unemployment_benefit", BEFORE, "06", (days, days + 1))
        assert found.get("municipality", 0.0) == share


def test_days_on_both_sides_of_a_step_are_weighed_by_their_number(catalogue: Catalogue) -> None:
    found = catalogue.payer_shares("unemployment_benefit", NOW, "06", (90, 110))
    assert found["municipality"] == pytest.approx(0.05)
    assert found["state"] == pytest.approx(0.95)
    wide = catalogue.payer_shares("unemployment_benefit", NOW, "06", (0, 1000))
    assert wide["municipality"] == pytest.approx((10 + 20 + 30 + 3 * 40 + 3 * 50) / 1000)


@given(start=st.floats(0, 1500), length=st.floats(0.5, 600), year=st.integers(2020, 2030))
@settings(max_examples=60, deadline=None)
def test_every_euro_has_a_payer(start: float, length: float, year: int) -> None:
    catalogue = Catalogue.load()
    for duty in catalogue.duties:
        shares = catalogue.payer_shares(duty, date(year, 1, 1), "06", (start, start + length))
        assert sum(shares.values()) == pytest.approx(1, abs=1e-12)
        assert set(shares) <= set(catalogue.payers)


def test_shares_that_change_within_a_stay_of_no_known_length_are_refused(catalogue: Catalogue) -> None:
    with pytest.raises(ParamsError, match="the shares change after 700 days") as caught:
        catalogue.payer_shares("unemployment_benefit", NOW, "06")
    assert "told apart by their length" in str(caught.value)
    assert catalogue.payer_shares("unemployment_benefit", NOW, "06", (700, None)) == {"municipality": 0.5, "state": 0.5}


def test_a_shared_duty_has_no_single_payer(catalogue: Catalogue) -> None:
    assert catalogue.payer_shares("taxes_on_wages", NOW, "06") == {"municipality": 0.26, "state": 0.74}
    with pytest.raises(ParamsError, match="is shared by several payers"):
        catalogue.payer_of("taxes_on_wages", NOW, "06")


def test_counties_outside_a_reform_pay_their_own_way(catalogue: Catalogue) -> None:
    assert catalogue.payer_shares("older_people_care", NOW, "91") == {"municipality": 1.0}
    assert catalogue.payer_shares("specialised_health_care", NOW, "91") == {"others": 1.0}
    assert catalogue.payer_shares("specialised_health_care", NOW, "90") == {"county": 1.0}


@pytest.mark.parametrize(
    ("on", "share"),
    [
        (date(2025, 12, 31), 0.0), (date(2026, 1, 1), 0.95), (date(2027, 5, 1), 0.9), (date(2028, 12, 31), 0.8),
        (date(2029, 1, 1), 0.7), (date(2040, 1, 1), 0.7),
    ],
)  # fmt: skip
def test_the_correction_of_funding_falls_by_year(catalogue: Catalogue, on: date, share: float) -> None:
    assert catalogue.claw_back.share(on) == share
    assert "inference" in catalogue.claw_back.note


# --- broken declarations ----------------------------------------------------------------------------


def turn(**values: object) -> Turn:
    return Turn.model_validate({"valid_from": None, "source": ("act_612_2021",), **values})


def test_a_split_has_to_pay_all() -> None:
    with pytest.raises(ValidationError, match=r"sum to 0\.9, not to 1; every euro has a payer"):
        turn(split=[{"shares": {"municipality": 0.4, "state": 0.5}}])


def test_a_split_rises_from_the_first_day() -> None:
    with pytest.raises(ValidationError, match="do not rise from 0"):
        turn(split=[{"from_days": 100, "shares": {"state": 1.0}}])
    with pytest.raises(ValidationError, match="do not rise from 0"):
        turn(split=[{"shares": {"state": 1.0}}, {"from_days": 9.0, "shares": {"state": 1.0}},
                    {"from_days": 9.0, "shares": {"county": 1.0}}])  # fmt: skip


def test_a_turn_has_a_payer_or_a_split() -> None:
    with pytest.raises(ValidationError, match="a payer, or a split among several, and not both"):
        turn()
    with pytest.raises(ValidationError, match="and not both"):
        turn(payer="state", split=[{"shares": {"state": 1.0}}])


def test_an_unknown_payer_is_refused() -> None:
    with pytest.raises(ValidationError, match="municipality"):
        turn(split=[{"shares": {"muncipality": 1.0}}])
    label = {"fi": "a", "sv": "a", "en": "a"}
    with pytest.raises(ValidationError, match="two payers are valid from the same date"):
        Duty.model_validate({"label": label, "turns": [turn(payer="state"), turn(payer="county")]})
