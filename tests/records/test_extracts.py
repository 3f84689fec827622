"""Made-up extracts of several providers, and the whole way from them to the truth: key, pseudonyms, join, overlap."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from costeff.errors import SetupError, UsageError
from costeff.identity import find, is_artificial, normalised
from costeff.records import Register, SyntheticTruth, binary_cells, check, coordination, open_register, write_register
from costeff.records.extracts import write_extracts, write_providers
from costeff.records.linkage import Linkage, linked
from costeff.records.pseudonyms import make_key, pseudonymise

PROVIDERS = ("child_services", "family_centre", "youth_clinic")
TRUTH = {
    "clients": 600,
    "baseline_risk": 0.2,
    "log_odds_ratio": -0.5,
    "group_share": {"low": 0.5, "middle": 0.3, "high": 0.2},
    "group_log_odds": {"low": -0.8, "middle": 0.0, "high": 1.0},
    "need_slope": 1.0,
    "county_sd": 0.1,
    "municipality_sd": 0.2,
    "effect_sd": 0.1,
    "new_share": {"low": 0.3, "middle": 0.5, "high": 0.8},
    "cost_mean": {"usual": 2000.0, "new": 4500.0},
    "cost_cv": 0.8,
    "providers": {
        "shares": dict(zip(PROVIDERS, (0.5, 0.3, 0.2), strict=True)),
        "services": {"family_work": 0.6, "therapy": 0.4},
        "further_episodes": {"low": 0.5, "middle": 1.0, "high": 2.0},
        "stays": {"usual": 0.3, "new": 0.6},
        "gap_days": 40,
        "episode_days": 60,
    },
    "referrals": {"referred": 0.3, "refused": {"usual": 0.1, "new": 0.05}},
    "residence": {"share_moved": 0.3},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """register/, extracts/ and pseudonymised/, one folder for each provider."""
    folder = tmp_path_factory.mktemp("way")
    size = 20
    places = pd.DataFrame(
        {
            "code": [f"{number:03d}" for number in range(5, 5 + size)],
            "county": [f"{number % 4:02d}" for number in range(size)],
            "population": np.linspace(1000, 9000, size),
            "need_index": 100.0,
        }
    )
    write_register(folder / "register", places, SyntheticTruth.model_validate(TRUTH), seed=1)
    write_extracts(folder / "register", folder / "extracts", seed=2)
    (folder / "keys").mkdir(mode=0o700)
    key = make_key(folder / "keys" / "key", "way")
    for provider in PROVIDERS:
        pseudonymise(folder / "extracts" / provider, folder / "pseudonymised" / provider, key, provider)
    return folder


@pytest.fixture(scope="module")
def linkage(folder: Path) -> Linkage:
    return linked([folder / "pseudonymised" / provider for provider in PROVIDERS])


@pytest.fixture(scope="module")
def whole(folder: Path) -> Register:
    register = open_register(folder / "register")
    check(register)
    return register


def truth(folder: Path) -> dict[str, object]:
    told: dict[str, object] = json.loads((folder / "extracts" / "truth.json").read_text(encoding="utf-8"))
    return told


def test_the_true_overlap_is_found_again(folder: Path, linkage: Linkage) -> None:
    told, exact = truth(folder), linkage.report.exact
    table = coordination._overlap_exact(linkage.register)
    found = {kind: dict(zip(rows["what"], rows["clients"], strict=True)) for kind, rows in table.groupby("kind")}
    assert found["providers"] == told["providers"]
    assert found["pair"] == told["pairs"]
    assert exact["clients"] == told["clients"]
    assert exact["episodes"] == told["episodes"]
    assert exact["moved"] == told["moved"]
    assert exact["same_episodes"] == told["told_twice"]
    assert min(told["told_twice"], told["moved"]) > 0  # type: ignore[type-var]


def test_joining_gives_the_cells_of_the_register_the_extracts_came_from(linkage: Linkage, whole: Register) -> None:
    by = ("municipality", "option", "group")
    before, after = (binary_cells(each, "event", 365, by).table for each in (whole, linkage.register))
    pd.testing.assert_frame_equal(before, after)
    for make in (coordination.provider_cells, coordination.hand_off_cells):
        pd.testing.assert_frame_equal(make(whole, by).table, make(linkage.register, by).table)
    pd.testing.assert_frame_equal(coordination.gap_cells(whole, by), coordination.gap_cells(linkage.register, by))
    pd.testing.assert_frame_equal(
        coordination.referral_cells(whole, by), coordination.referral_cells(linkage.register, by)
    )


def test_the_measures_recover_the_truth_of_the_register(folder: Path, whole: Register) -> None:
    """Standardised to the risk groups of the sample, as the truth is."""
    told = json.loads((folder / "register" / "truth.json").read_text(encoding="utf-8"))["providers"]["sample"]
    share = whole.run(whole.rows("clients"))["risk_group"].value_counts(normalize=True)
    measured = {
        "providers": coordination.provider_cells(whole, ("option", "group")),
        "hand_offs": coordination.hand_off_cells(whole, ("option", "group"), 3650),
    }
    for name, cells in measured.items():
        for option, rows in cells.table.groupby("option"):
            mean, variance = 0.0, 0.0
            for group, mine in rows.groupby("group"):
                n, middle = mine["n"].sum(), np.average(mine["count"], weights=mine["n"])
                mean += share[group] * middle
                variance += share[group] ** 2 * np.average((mine["count"] - middle) ** 2, weights=mine["n"]) / n
            assert abs(mean - told[option][name]) < 4 * np.sqrt(variance), (name, option)


def test_codes_are_artificial_and_are_not_in_what_comes_after(folder: Path) -> None:
    habits = {"child_services": "cp1252", "family_centre": "utf-8-sig", "youth_clinic": "utf-8"}
    for provider, encoding in habits.items():
        [file] = [f for f in (folder / "extracts" / provider).iterdir() if f.name in ("clients.csv", "asiakkaat.csv")]
        lines = file.read_bytes().decode(encoding).splitlines()[1:]
        codes = [normalised(line.replace(",", ";").split(";")[0]) for line in lines]
        assert all(map(is_artificial, codes))
        assert len(set(codes)) == len(codes)
    for path in (folder / "pseudonymised").rglob("*"):
        assert find(path.name) == []
        assert path.is_dir() or find(path.read_bytes().decode("latin-1")) == []


def test_the_same_seed_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    write_extracts(folder / "register", tmp_path / "again", seed=2)
    for path in (folder / "extracts").rglob("*.*"):
        assert (tmp_path / "again" / path.relative_to(folder / "extracts")).read_bytes() == path.read_bytes()
    assert sorted(os.listdir(tmp_path / "again")) == sorted([*PROVIDERS, "truth.json"])


@pytest.mark.slow
def test_registers_of_providers_are_pseudonymised_join_alike_and_are_the_same_bytes(
    folder: Path, linkage: Linkage, tmp_path: Path
) -> None:
    made = write_providers(folder / "register", tmp_path / "made", seed=2)
    again = write_providers(folder / "register", tmp_path / "again", seed=2)
    assert [path.name for path in made] == sorted(PROVIDERS)
    for path in (tmp_path / "made").rglob("*.*"):
        assert (tmp_path / "again" / path.relative_to(tmp_path / "made")).read_bytes() == path.read_bytes()
        assert find(path.read_bytes().decode("latin-1")) == [], "no identity code is left"
    assert len(again) == len(made)
    found = linked(made)
    assert found.report.exact == linkage.report.exact, "the key does not matter"
    with pytest.raises(SetupError):
        write_providers(folder / "register", tmp_path / "made", seed=2)


def test_real_clients_get_no_codes(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "real"
    copy.mkdir()
    for file in (folder / "register").glob("*.parquet"):
        (copy / file.name).write_bytes(file.read_bytes())
    with pytest.raises(UsageError, match="is not a synthetic register"):
        write_extracts(copy, tmp_path / "out", seed=1)
    assert not (tmp_path / "out").exists()
