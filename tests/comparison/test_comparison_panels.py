"""Difference in differences with staggered starts: by hand, against rows, against a known truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from costeff.comparison import Draws, difference_in_differences, read_panel, two_way
from costeff.errors import DataError, ModelError

QUICK = Draws(seed=2, size=500)


def by_hand(values: dict[str, list[float]], n: int = 100) -> pd.DataFrame:
    rows = [(m, t, n, n * y) for m, path in values.items() for t, y in enumerate(path)]
    return pd.DataFrame(rows, columns=["municipality", "period", "n", "sum"])


def made(
    seed: int = 1, places: int = 60, periods: int = 8, *, growing: bool = True, noise: float = 0.05, never: int = 20
) -> tuple[pd.DataFrame, Mapping[str, Any], float]:
    """A panel with municipal levels, a common trend, starts at 2, 4 and 6, and effects that may grow with time.

    The third value is the true mean effect over treated municipalities and periods, weighted by clients.
    """
    rng = np.random.default_rng(seed)
    rows, starts, effects, weights = [], {}, [], []
    for i in range(places):
        name, level, n = f"{i:03d}", rng.normal(0.5, 0.1), int(rng.integers(50, 200))
        start = None if i < never else int([2, 4, 6][i % 3])
        starts[name] = start
        for t in range(periods):
            effect = 0.0 if start is None or t < start else -0.1 * (1 + (t - start if growing else 0))
            mean = level + 0.03 * t + effect + rng.normal(0, noise)
            rows.append((name, t, n, n * mean))
            if effect:
                effects.append(effect)
                weights.append(n)
    table = pd.DataFrame(rows, columns=["municipality", "period", "n", "sum"])
    return table, starts, float(np.average(effects, weights=weights))


# --- by hand --------------------------------------------------------------------------------------


def test_two_by_two_is_the_difference_of_differences() -> None:
    table = by_hand({"a": [0.2, 0.5], "b": [0.4, 0.5], "c": [0.1, 0.3], "d": [0.3, 0.3]})
    found = difference_in_differences(read_panel(table, {"a": 1, "b": 1, "c": None, "d": None}), QUICK)
    difference = (0.5 - 0.3) - (0.3 - 0.2)
    assert found.comparison.table.loc["difference", "estimate"] == pytest.approx(difference)
    assert found.comparison.table.loc["new", "estimate"] == pytest.approx(0.5)
    assert found.comparison.table.loc["usual", "estimate"] == pytest.approx(0.5 - difference)
    assert found.two_way["estimate"] == pytest.approx(difference)
    assert found.two_way["negative_weight"] == 0
    assert found.pre_trend["df"] == 0  # one period before: nothing to test
    assert np.isnan(found.pre_trend["p"])


def test_group_time_effects_by_hand() -> None:
    table = by_hand({"a": [1, 1, 3, 4], "b": [1, 1, 3, 4], "c": [2, 2, 2, 7], "d": [2, 2, 2, 7], "e": [0, 1, 1, 1]})
    starts = {"a": 2, "b": 2, "c": 3, "d": 3, "e": None}
    never = difference_in_differences(read_panel(table, starts), QUICK, "not yet").group_time
    att = never.set_index(["start", "period"])["estimate"]
    controls = {2: (4 + 1) / 3 - (4 + 1) / 3, 3: 0.0}  # c, d and e until c and d start, then e alone
    assert att[2, 2] == pytest.approx((3 - 1) - controls[2])
    assert att[2, 3] == pytest.approx((4 - 1) - controls[3])
    assert att[3, 3] == pytest.approx((7 - 2) - 0)
    assert att[2, 1] == 0
    assert att[3, 0] == pytest.approx((2 - 2) - (0 - 1))  # only e had not started by period 2


def test_clients_weigh_municipalities() -> None:
    table = by_hand({"a": [0.0, 1.0], "b": [0.0, 0.0], "c": [0.0, 0.0], "d": [0.0, 0.0]})
    table.loc[table["municipality"] == "a", ["n", "sum"]] *= 3
    found = difference_in_differences(read_panel(table, {"a": 1, "b": 1, "c": None, "d": None}), QUICK)
    assert found.comparison.table.loc["difference", "estimate"] == pytest.approx(0.75)


# --- against rows ---------------------------------------------------------------------------------


def test_two_way_fixed_effects_are_those_of_a_formula() -> None:
    table, starts, _ = made()
    long = table.assign(
        y=table["sum"] / table["n"],
        treated=[
            float(starts[m] is not None and t >= starts[m])
            for m, t in zip(table["municipality"], table["period"], strict=True)
        ],
        place=pd.factorize(table["municipality"])[0],
    )
    fitted = smf.wls("y ~ treated + C(municipality) + C(period)", long, weights=long["n"]).fit()
    found = two_way(read_panel(table, starts))
    assert found["estimate"] == pytest.approx(fitted.params["treated"], rel=1e-8)
    robust = fitted.get_robustcov_results("cluster", groups=long["place"], use_correction=False)
    error = robust.bse[list(fitted.params.index).index("treated")]
    assert found["error"] == pytest.approx(error * np.sqrt(60 / 59), rel=1e-6)


# --- a known truth --------------------------------------------------------------------------------


def test_staggered_effects_find_the_truth_that_two_way_fixed_effects_miss() -> None:
    table, starts, truth = made(places=90, never=6, noise=0.02)
    found = difference_in_differences(read_panel(table, starts), QUICK)
    low, high = found.comparison.table.loc["difference", ["low", "high"]]
    assert low < truth < high
    assert high - low < 0.1
    assert found.two_way["negative_weight"] > 0
    assert abs(found.two_way["estimate"] - truth) > 5 * found.two_way["error"]


def test_with_a_constant_effect_both_agree() -> None:
    table, starts, truth = made(growing=False, noise=0.02)
    found = difference_in_differences(read_panel(table, starts), QUICK)
    assert found.comparison.table.loc["difference", "estimate"] == pytest.approx(truth, abs=0.02)
    assert found.two_way["estimate"] == pytest.approx(truth, abs=0.02)


def test_the_event_study_is_flat_before_and_grows_after() -> None:
    table, starts, _ = made(noise=0.02)
    study = difference_in_differences(read_panel(table, starts), QUICK).event_study.set_index("since")
    assert study.loc[-1, "estimate"] == 0
    np.testing.assert_allclose(study.loc[[0, 1, 2], "estimate"], [-0.1, -0.2, -0.3], atol=0.03)
    assert study.loc[:-1, "estimate"].abs().max() < 0.03


def test_a_trend_that_was_there_before_is_seen() -> None:
    table, starts, _ = made()
    treated = table["municipality"].map(lambda m: starts[m] is not None)
    drifting = table.assign(sum=table["sum"] + treated * 0.05 * table["period"] * table["n"])
    assert difference_in_differences(read_panel(table, starts), QUICK).pre_trend["p"] > 0.01
    assert difference_in_differences(read_panel(drifting, starts), QUICK).pre_trend["p"] < 0.001


@pytest.mark.slow
def test_intervals_hold_the_truth_and_the_pre_trend_test_keeps_its_level() -> None:
    held = rejected = 0
    for seed in range(200):
        table, starts, truth = made(seed, places=60, growing=False)
        found = difference_in_differences(read_panel(table, starts), Draws(seed, 300))
        held += (
            found.comparison.table.loc["difference", "low"] < truth < found.comparison.table.loc["difference", "high"]
        )
        rejected += found.pre_trend["p"] < 0.05
    assert 180 <= held <= 198, held  # 190 are expected
    assert rejected <= 19, rejected  # 10 are expected


# --- invariants -----------------------------------------------------------------------------------


def test_a_period_relabelled_or_rows_in_another_order_change_nothing() -> None:
    table, starts, _ = made(places=30, never=10)
    names = {t: f"2024-{t + 1:02d}" for t in range(8)}
    other = table.assign(period=table["period"].map(names)).sample(frac=1, random_state=1)
    renamed = {m: None if s is None else names[s] for m, s in starts.items()}
    one, two = (difference_in_differences(read_panel(*panel), QUICK) for panel in ((table, starts), (other, renamed)))
    pd.testing.assert_frame_equal(one.event_study, two.event_study)
    pd.testing.assert_frame_equal(one.comparison.table, two.comparison.table)
    assert two.group_time["start"].iloc[0] == "2024-03"


def test_a_level_of_each_place_and_a_common_path_change_nothing() -> None:
    table, starts, _ = made(places=30, never=10)
    shift = table["municipality"].astype(int) * 0.7 + table["period"] ** 2
    moved = table.assign(sum=table["sum"] + shift * table["n"])
    one, two = (difference_in_differences(read_panel(t, starts), QUICK) for t in (table, moved))
    np.testing.assert_allclose(one.event_study, two.event_study, atol=1e-8)
    assert one.two_way["estimate"] == pytest.approx(two.two_way["estimate"])


def test_the_effect_is_told_as_every_estimator_tells_it() -> None:
    table, starts, _ = made()
    risks = table.assign(events=(table["sum"].clip(1, table["n"] - 1)).round()).drop(columns="sum")
    effect = difference_in_differences(read_panel(risks, starts, "made", True), QUICK).comparison.effect
    assert effect["risk"].dims == ("draw", "option")
    assert effect["difference"].dims == ("draw",)
    assert effect.attrs["measure"] == "risk_difference"
    assert effect.attrs["synthetic"] == 1
    np.testing.assert_allclose(effect["difference"], effect["risk"].diff("option").squeeze("option"), atol=1e-12)


# --- what cannot be compared ----------------------------------------------------------------------

GOOD = {"a": [0.2, 0.5, 0.5], "b": [0.4, 0.5, 0.6], "c": [0.1, 0.3, 0.3], "d": [0.3, 0.3, 0.3]}
STARTS = {"a": 1, "b": 1, "c": None, "d": None}


@pytest.mark.parametrize(
    ("change", "starts", "words"),
    [
        (lambda t: t[t["period"] == 0], STARTS, "there is only one"),
        (lambda t: t, {"a": 1, "b": 1, "c": None}, "1 municipalities have no start"),
        (lambda t: t, dict.fromkeys("abcd", 1), "all start at the same time"),
        (lambda t: t, dict.fromkeys("abcd"), "nobody starts"),
        (lambda t: t, {**STARTS, "a": 1.5}, "1 are no period"),
        (lambda t: t, {**STARTS, "a": "1"}, "are no period"),
        (lambda t: t.assign(sum=np.nan), STARTS, "missing or infinite"),
        (lambda t: t.iloc[1:], STARTS, "1 municipalities have a period without clients"),
        (lambda t: pd.concat([t, t.iloc[:1]]), STARTS, "two rows"),
        (lambda t: t.drop(columns="sum"), STARTS, "no column sum"),
        (lambda t: t.assign(events=2 * t["n"]), STARTS, "more than the clients"),
    ],
)
def test_a_panel_that_does_not_hold_together_is_told(change: Any, starts: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        read_panel(change(by_hand(GOOD)), starts)


def test_those_who_had_started_before_are_left_out_and_said_so() -> None:
    more = GOOD | {"e": [0.9, 0.1, 0.9]}
    panel = read_panel(by_hand(more), STARTS | {"e": 0})
    assert panel.notes == ("1 municipalities had started before the panel, and are left out",)
    one, other = (difference_in_differences(p, QUICK) for p in (panel, read_panel(by_hand(GOOD), STARTS)))
    pd.testing.assert_frame_equal(one.event_study, other.event_study)


def test_controls_that_are_not_there_are_told() -> None:
    everyone = read_panel(by_hand(GOOD), {"a": 1, "b": 1, "c": 2, "d": 2})
    with pytest.raises(ModelError, match="0 municipalities never start"):
        difference_in_differences(everyone, QUICK, "never")
    found = difference_in_differences(everyone, QUICK).group_time
    assert found.loc[found["since"] >= 0, "period"].max() == 1  # once all have started nobody is left to compare with


def test_one_treated_municipality_is_not_enough() -> None:
    with pytest.raises(ModelError, match="chance between places"):
        difference_in_differences(read_panel(by_hand(GOOD), {"a": 1, "b": None, "c": None, "d": None}), QUICK)


def test_a_cohort_of_one_has_an_effect_and_no_error() -> None:
    panel = read_panel(by_hand(GOOD), {"a": 1, "b": 2, "c": None, "d": None})
    found = difference_in_differences(panel, QUICK)
    assert found.group_time["error"].isna().all()
    assert found.group_time["estimate"].notna().all()
    assert np.isfinite(found.comparison.table.to_numpy()).all()
