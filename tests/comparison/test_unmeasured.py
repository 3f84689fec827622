"""Unmeasured confounding: published E-values, bounds that hold in tables, effects that move as they should."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from comparison_builders import QUICK, clients, count_cells, meter_cells, two_by_two

from costeff.comparison import bounding_factor, check, corrected, e_value, prevalence_factor, prevalence_needed, raw
from costeff.draws import OPTIONS
from costeff.errors import ModelError, UsageError

# --- published ------------------------------------------------------------------------------------


def test_the_example_of_the_paper() -> None:
    """VanderWeele & Ding 2017: RR 3.9 (1.8 to 8.7) has the E-values 7.26 and 3.0."""
    found = e_value(3.9, 1.8, 8.7)
    assert found.estimate == pytest.approx(7.26, abs=0.005)
    assert found.limit == pytest.approx(3.0, abs=1e-9)


def test_smoking_and_lung_cancer() -> None:
    """The vignette of EValue, after Hammond and Horn: RR 10.73 (8.02 to 14.36) gives 20.94777 and 15.52336."""
    found = e_value(10.73, 8.02, 14.36)
    np.testing.assert_allclose([found.estimate, found.limit], [20.94777, 15.52336], atol=5e-6)


def test_a_protective_ratio_is_its_harmful_one_turned_round() -> None:
    one, other = e_value(1 / 3.9, 1 / 8.7, 1 / 1.8), e_value(3.9, 1.8, 8.7)
    np.testing.assert_allclose([one.estimate, one.limit], [other.estimate, other.limit])


def test_common_events_are_taken_to_risk_ratios_first() -> None:
    """Odds ratio 5 stands for sqrt(5); a hazard ratio h for (1 - 0.5^sqrt(h)) / (1 - 0.5^sqrt(1/h))."""
    assert e_value(5, measure="odds_ratio", common=True).estimate == pytest.approx(e_value(np.sqrt(5)).estimate)
    assert e_value(5, measure="odds_ratio").estimate == e_value(5).estimate
    as_risk = (1 - 0.5 ** np.sqrt(1.3)) / (1 - 0.5 ** np.sqrt(1 / 1.3))
    assert e_value(1.3, measure="hazard_ratio", common=True).estimate == pytest.approx(e_value(as_risk).estimate)


def test_no_effect_needs_no_confounder() -> None:
    assert e_value(1.0).estimate == 1
    assert e_value(0.9, 0.7, 1.2).limit == 1
    assert np.isnan(e_value(0.9).limit)


@pytest.mark.parametrize(
    ("numbers", "count"), [((0.0, None, None), 1), ((-1, 2, float("nan")), 2), ((2, 3, 4), 1), ((2, 1, None), 1)]
)
def test_a_ratio_that_cannot_be_is_told(numbers: tuple[float, ...], count: int) -> None:
    with pytest.raises(ModelError) as caught:
        e_value(*numbers)
    assert len(caught.value.problems) == count


# --- bounds ---------------------------------------------------------------------------------------


def test_the_e_value_is_where_the_bound_explains_the_ratio() -> None:
    for ratio in (1.2, 2.0, 3.9):
        strength = e_value(ratio).estimate
        assert float(bounding_factor(strength, strength)) == pytest.approx(ratio)


def test_no_confounder_exceeds_the_bound_and_some_reach_it() -> None:
    """All confounders that are there or not, over a grid of shares and risk ratios."""
    p0, p1 = np.meshgrid(np.linspace(0.001, 0.999, 60), np.linspace(0.001, 0.999, 60))
    p0, p1 = np.minimum(p0, p1), np.maximum(p0, p1)
    for ratio in (1.5, 3.0, 10.0):
        bias = prevalence_factor(p0, p1 - p0, ratio)
        bound = bounding_factor(p1 / p0, ratio)
        assert (bias <= bound + 1e-12).all()
        assert np.max(bias / bound) > 0.99


def test_the_bias_of_a_confounder_is_that_of_a_simulated_table() -> None:
    """The option does nothing; the confounder is in 20 and 50 of 100, and triples the risk."""
    base, ratio = 0.1, 3.0
    risks = [base * (1 + (ratio - 1) * p) for p in (0.2, 0.5)]
    assert float(prevalence_factor(0.2, 0.3, ratio)) == pytest.approx(risks[1] / risks[0])


def test_the_prevalence_that_is_needed_makes_the_bias() -> None:
    ratios = np.array([1.0, 1.5, 2.0, 5.0])
    needed = prevalence_needed(1.3, ratios, 0.1)
    assert np.isnan(needed[0])  # what does not touch the risk explains nothing
    there = ~np.isnan(needed)
    np.testing.assert_allclose(prevalence_factor(0.1, needed[there], ratios[there]), 1.3)
    assert (np.diff(needed[there]) < 0).all()
    assert np.isnan(prevalence_needed(3.0, 2.0, 0.1))  # no share of clients is enough


def test_a_confounder_on_the_other_side_hides_what_it_would_have_explained() -> None:
    assert float(prevalence_factor(0.1, -0.3, 3.0)) == pytest.approx(1 / float(prevalence_factor(0.1, 0.3, 3.0)))
    assert float(prevalence_needed(1 / 1.3, 2.0, 0.1)) == pytest.approx(-float(prevalence_needed(1.3, 2.0, 0.1)))


def test_a_confounder_in_more_than_all_clients_is_missing_and_a_wrong_one_an_error() -> None:
    assert np.isnan(prevalence_factor(0.6, 0.5, 2.0))
    assert np.isnan(prevalence_factor(0.6, -0.5, 2.0))
    for wrong in ((-0.1, 0.1, 2.0), (0.1, 0.1, 0.5), (0.1, np.nan, 2.0)):
        with pytest.raises(UsageError):
            prevalence_factor(*wrong)
    with pytest.raises(UsageError, match="below 1"):
        bounding_factor(0.5, 2)


# --- an effect that is moved ----------------------------------------------------------------------


def effect(usual: float = 0.2, new: float = 0.1, measure: str = "odds_ratio") -> xr.Dataset:
    """Two municipalities, three draws."""
    risk = np.array([usual, new])[None, :, None] * np.array([0.9, 1.0, 1.1])[:, None, None] * np.array([1.0, 1.5])
    ratio = {"odds_ratio": new / (1 - new) / (usual / (1 - usual)), "hazard_ratio": np.log1p(-new) / np.log1p(-usual)}
    coords = {"draw": range(3), "option": list(OPTIONS), "municipality": ["091", "165"]}
    return xr.Dataset(
        {
            "risk": (("draw", "option", "municipality"), risk),
            "ratio": ("draw", np.full(3, ratio[measure])),
            "clients": ("municipality", [100, 0]),
            "pooling": ("municipality", [0.1, 1.0]),
        },
        coords=coords, attrs={"measure": measure, "data": "made"},
    )  # fmt: skip


def test_no_bias_changes_nothing() -> None:
    xr.testing.assert_allclose(corrected(effect(), 1.0), effect())


@pytest.mark.parametrize(("usual", "new", "factor"), [(0.2, 0.1, 1.5), (0.1, 0.2, 1 / 1.5)])
def test_the_new_risk_moves_against_the_estimate(usual: float, new: float, factor: float) -> None:
    moved = corrected(effect(usual, new), 1.5)
    np.testing.assert_allclose(moved["risk"].sel(option="usual"), effect(usual, new)["risk"].sel(option="usual"))
    np.testing.assert_allclose(moved["risk"].sel(option="new"), effect(usual, new)["risk"].sel(option="new") * factor)
    assert moved["risk"].dims == ("draw", "option", "municipality")
    assert moved.attrs["bias"] == 1.5


def test_a_bias_as_large_as_the_risk_ratio_leaves_nothing_and_a_larger_one_turns_it() -> None:
    none, beyond = corrected(effect(0.2, 0.1), 2.0), corrected(effect(0.2, 0.1), 3.0)
    np.testing.assert_allclose(none["risk"].sel(option="new"), none["risk"].sel(option="usual"))
    assert (beyond["risk"].sel(option="new") > beyond["risk"].sel(option="usual")).all()


def test_a_bias_that_hid_a_part_makes_the_effect_larger_and_back_again() -> None:
    hidden = corrected(effect(0.2, 0.1), 0.8)
    np.testing.assert_allclose(hidden["risk"].sel(option="new"), effect(0.2, 0.1)["risk"].sel(option="new") * 0.8)
    xr.testing.assert_allclose(corrected(hidden, 1 / 0.8), effect(0.2, 0.1))


@pytest.mark.parametrize("measure", ["odds_ratio", "hazard_ratio"])
def test_ratios_follow_the_risks(measure: str) -> None:
    made = effect(measure=measure).sel(municipality=["091"]).isel(draw=[1])
    moved = corrected(made, 1.5)
    usual, new = (float(moved["risk"].sel(option=option).squeeze()) for option in OPTIONS)
    wanted = {"odds_ratio": new / (1 - new) / (usual / (1 - usual)), "hazard_ratio": np.log1p(-new) / np.log1p(-usual)}
    assert float(moved["ratio"].squeeze()) == pytest.approx(wanted[measure])


def test_a_risk_stays_a_risk() -> None:
    moved = corrected(effect(0.5, 0.3), 4.0)
    assert float(moved["risk"].max()) < 1
    assert np.isfinite(moved["ratio"]).all()


def test_estimates_made_here_can_be_moved_too() -> None:
    binary = raw(two_by_two(), QUICK).effect
    moved = corrected(binary, 1.2)
    np.testing.assert_allclose(
        moved["risk_by_group"].sel(option="new"), binary["risk_by_group"].sel(option="new") * 1.2
    )
    counts = check(count_cells(clients(800)), QUICK).effect
    ratio = counts["mean"].sel(option="new") / counts["mean"].sel(option="usual")
    after = corrected(counts, 1.1)["mean"]
    np.testing.assert_allclose(after.sel(option="new") / after.sel(option="usual"), ratio * 1.1)
    alone = xr.Dataset({"ratio": ("draw", [0.5, 0.7])}, attrs={"measure": "hazard_ratio"})
    np.testing.assert_allclose(corrected(alone, 1.2)["ratio"], [0.6, 0.84])


def test_what_is_no_ratio_is_refused() -> None:
    with pytest.raises(UsageError, match="is not told as a ratio"):
        corrected(raw(meter_cells(clients(300)), QUICK).effect, 1.2)
    for bias in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="a factor is above 0"):
            corrected(effect(), bias)
