"""The optional tables of a synthetic register hold the truth that was declared, and move nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from pydantic import ValidationError

from costeff.draws import OPTIONS
from costeff.records import (
    Register,
    SyntheticTruth,
    binary_cells,
    competing_cells,
    count_cells,
    end_cells,
    level_cells,
    meter_cells,
    open_register,
    read_truth,
    write_register,
)

Opened = tuple[Register, dict[str, Any]]
BY = ("option", "group")
SIZE = 30_000


@pytest.fixture(scope="module")
def opened(
    tmp_path_factory: pytest.TempPathFactory, places: pd.DataFrame, full_truth: SyntheticTruth
) -> Iterator[Opened]:
    folder = write_register(
        tmp_path_factory.mktemp("full") / "register", places, full_truth.override(clients=SIZE), seed=7
    )
    with open_register(folder) as register:
        yield register, read_truth(folder)


def standardised(table: pd.DataFrame, events: pd.Series) -> tuple[dict[str, float], dict[str, float]]:
    """Share of clients by option for the mix of groups over both options, and its standard error."""
    wide = table.assign(events=events).groupby(["group", "option"])[["n", "events"]].sum().unstack("option")
    n, share = wide["n"], wide["events"] / wide["n"]
    weight = n.sum(axis=1) / n.to_numpy().sum()
    variance = (share * (1 - share) / n).mul(weight**2, axis=0).sum()
    return share.mul(weight, axis=0).sum().to_dict(), (variance**0.5).to_dict()


def test_the_other_tables_keep_their_bytes(
    tmp_path: Path, places: pd.DataFrame, truth: SyntheticTruth, full_truth: SyntheticTruth
) -> None:
    plain = write_register(tmp_path / "plain", places, truth.override(clients=2000), seed=3)
    full = write_register(tmp_path / "full", places, full_truth.override(clients=2000), seed=3)
    for name in ("clients", "episodes"):
        assert (plain / f"{name}.parquet").read_bytes() == (full / f"{name}.parquet").read_bytes()
    uncontested = write_register(
        tmp_path / "uncontested", places, full_truth.override(clients=2000, competing={}), seed=3
    )
    assert (plain / "outcomes.parquet").read_bytes() == (uncontested / "outcomes.parquet").read_bytes()
    with open_register(plain) as one, open_register(full) as other:
        assert binary_cells(one, "event", 365).hash == binary_cells(other, "event", 365).hash
    fewer = full_truth.override(clients=2000, counts={}, ends=None)
    partly = write_register(tmp_path / "partly", places, fewer, seed=3)
    for name in ("meters", "experience", "outcomes"):
        assert (partly / f"{name}.parquet").read_bytes() == (full / f"{name}.parquet").read_bytes()
    assert not (partly / "counts.parquet").exists()


def test_competing_outcomes_happen_first_as_often_as_the_truth_says(opened: Opened) -> None:
    register, told = opened
    table = competing_cells(register, ["event", "moved_away"], (0, 365)).table.drop(columns="n")
    clients = binary_cells(register, "event", 365, BY).table[[*BY, "n"]]
    for cause in ("event", "moved_away"):
        rows = clients.merge(table[table["cause"] == cause], on=[*BY])
        share, error = standardised(rows, rows["events"])
        for option in OPTIONS:
            assert abs(share[option] - told["competing"]["sample"][cause][f"risk_{option}"]) < 3.5 * error[option]
    alone = told["sample"]["risk_usual"]
    assert told["competing"]["sample"]["event"]["risk_usual"] < 0.95 * alone


def test_counts_are_recovered(opened: Opened, full_truth: SyntheticTruth) -> None:
    register, told = opened
    table = count_cells(register, "days_in_care", BY).table
    truth = told["counts"]["days_in_care"]["sample"]
    declared = full_truth.counts["days_in_care"]
    assert truth["rate_ratio"] == pytest.approx(np.exp(declared.log_rate_ratio))
    design = pd.get_dummies(table["group"], dtype=float).assign(new=(table["option"] == "new").astype(float))
    family = sm.families.NegativeBinomial(alpha=declared.dispersion)
    found = sm.GLM(table["count"], design, family=family, freq_weights=table["n"]).fit()
    assert abs(found.params["new"] - declared.log_rate_ratio) < 3.5 * found.bse["new"]
    for group, mean in declared.mean_usual.items():
        assert abs(found.params[group] - np.log(mean)) < 3.5 * found.bse[group]
    chi_square = (table["n"] * (table["count"] - found.mu) ** 2 / (found.mu + declared.dispersion * found.mu**2)).sum()
    assert chi_square / table["n"].sum() == pytest.approx(1.0, abs=0.05)  # the dispersion is the one declared


def test_meters_are_recovered(opened: Opened, full_truth: SyntheticTruth) -> None:
    register, told = opened
    declared = full_truth.meters["functioning"]
    cells = meter_cells(register, "functioning", BY)
    table = cells.table
    n, before, after = table["n"], table["sum_before"] / table["n"], table["sum"] / table["n"]
    spread = table["sum_before_squares"] - n * before**2
    together = table["sum_products"] - n * before * after
    slope = together.sum() / spread.sum()
    assert slope == pytest.approx(declared.slope, abs=0.02)
    assert (spread.sum() / n.sum()) ** 0.5 == pytest.approx(declared.before_sd, rel=0.02)
    residual = (table["sum_squares"] - n * after**2).sum() - slope * together.sum()
    assert (residual / n.sum()) ** 0.5 == pytest.approx(declared.residual_sd, rel=0.02)
    gain = (
        (after - slope * before)
        .to_frame("gain")
        .join(table[[*BY, "n"]])
        .pivot_table(index="group", columns="option", values=["gain", "n"])
    )
    difference, n = gain["gain"]["new"] - gain["gain"]["usual"], gain["n"]
    weight = n.sum(axis=1) / n.to_numpy().sum()
    error = (declared.residual_sd**2 * (weight**2 * (1 / n).sum(axis=1)).sum()) ** 0.5
    assert abs((weight * difference).sum() - declared.effect) < 3.5 * error
    assert told["meters"]["functioning"]["sample"]["difference"] == declared.effect
    assert cells.left_out / SIZE == pytest.approx(1 - declared.share_measured, abs=0.01)


def test_experience_and_ends_are_recovered(opened: Opened, full_truth: SyntheticTruth) -> None:
    register, told = opened
    experience, ends = level_cells(register, "was_heard", BY), end_cells(register, BY)
    for table, column, truth in (
        (experience.table, "level", told["experience"]["was_heard"]["sample"]),
        (ends.table, "end", told["ends"]["sample"]),
    ):
        for value in table[column].unique():
            share, error = standardised(table, table["n"].where(table[column] == value, 0))
            for option in OPTIONS:
                assert abs(share[option] - truth[f"share_{option}"][str(value)]) < 3.5 * error[option]
        assert set(map(str, table[column].unique())) == set(truth["share_new"])
        assert sum(truth["share_new"].values()) == pytest.approx(1.0)
    answered = full_truth.experience["was_heard"].share_answered
    assert experience.left_out / SIZE == pytest.approx(1 - answered, abs=0.01)


def test_everybody_may_be_measured(tmp_path: Path, places: pd.DataFrame, full_truth: SyntheticTruth) -> None:
    everybody = full_truth.meters["functioning"].override(share_measured=1.0)
    few = full_truth.override(clients=300, meters={"functioning": everybody, "wellbeing": everybody})
    with open_register(write_register(tmp_path / "r", places, few, seed=1)) as register:
        one, other = (meter_cells(register, meter, ()) for meter in ("functioning", "wellbeing"))
    assert one.left_out == other.left_out == 0
    assert one.table["sum"][0] != other.table["sum"][0]  # each id has random numbers of its own


IMPOSSIBLE: list[dict[str, Any]] = [
    {"competing": {"event": {"usual": 0.1, "new": 0.1}}},
    {"competing": {"moved_away": {"usual": 0.1}}},
    {"counts": {"days": {"mean_usual": {"low": 1.0, "high": 2.0}, "log_rate_ratio": 0.0, "dispersion": 1.0}}},
    {"experience": {"heard": {"cutpoints": [1.0, 1.0], "log_odds_effect": 0.0}}},
    {"experience": {"heard": {"cutpoints": [], "log_odds_effect": 0.0}}},
    {"ends": {"reference": "work", "log_odds": {"study": 0.0}, "effect": {"other": 0.0}}},
    {"ends": {"reference": "work", "log_odds": {"work": 0.0}, "effect": {"work": 0.0}}},
]


@pytest.mark.parametrize("change", IMPOSSIBLE)
def test_an_impossible_truth_is_refused(truth: SyntheticTruth, change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        truth.override(**change)
