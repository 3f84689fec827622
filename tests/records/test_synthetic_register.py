"""A synthetic register holds the truth it was drawn from, and is the same for the same seed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from costeff.errors import DataError, SetupError
from costeff.records import SyntheticTruth, binary_cells, check, cost_cells, open_register, write_register

FILES = ("clients.parquet", "episodes.parquet", "outcomes.parquet", "register.json", "truth.json")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, places: pd.DataFrame, truth: SyntheticTruth) -> Path:
    return write_register(tmp_path_factory.mktemp("synthetic") / "register", places, truth, seed=7)


@pytest.fixture(scope="module")
def told(folder: Path) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    return answer


def content(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in FILES]


def test_it_holds_together_and_says_that_it_is_synthetic(folder: Path, places: pd.DataFrame) -> None:
    assert sorted(file.name for file in folder.iterdir()) == sorted(FILES)
    with open_register(folder) as register:
        check(register, places["code"])
        assert register.synthetic
        assert register.info.seed == 7
        assert binary_cells(register, "event", 365).synthetic


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, places: pd.DataFrame, truth: SyntheticTruth) -> None:
    few = truth.override(clients=2000)
    one = write_register(tmp_path / "a", places, few, seed=1)
    shuffled = places.sample(frac=1, random_state=3)
    again = write_register(tmp_path / "b", shuffled, few, seed=1)
    other = write_register(tmp_path / "c", places, few, seed=2)
    assert content(one) == content(again)
    assert content(one)[0] != content(other)[0]
    assert content(one)[2] != content(other)[2]


def test_the_national_baseline_is_exact(told: dict[str, Any], truth: SyntheticTruth) -> None:
    assert told["national"]["risk_usual"] == pytest.approx(truth.baseline_risk, abs=1e-12)


def test_the_national_baseline_is_the_population_average(told: dict[str, Any], places: pd.DataFrame) -> None:
    people = places.set_index("code")["population"]
    risks = pd.DataFrame(told["municipalities"]).T
    for name in ("risk_usual", "risk_new"):
        average = np.average(risks[name].loc[people.index], weights=people)
        assert average == pytest.approx(told["national"][name], abs=1e-12)


def test_clients_follow_the_population(told: dict[str, Any], places: pd.DataFrame, truth: SyntheticTruth) -> None:
    counts = pd.DataFrame(told["municipalities"]).T["clients"]
    exact = truth.clients * places.set_index("code")["population"] / places["population"].sum()
    assert counts.sum() == truth.clients
    assert (counts - exact).abs().max() < 1


def standardised(folder: Path) -> tuple[float, float, float]:
    """Risk difference by the usual calculation: by group, weighted by all clients; its error; and unadjusted."""
    with open_register(folder) as register:
        wide = binary_cells(register, "event", 365, by=("group", "option")).table.pivot_table(
            index="group", columns="option", values=["n", "events"]
        )
    n, events = wide["n"], wide["events"]
    risk = events / n
    weight = n.sum(axis=1) / n.to_numpy().sum()
    difference = float((weight * (risk["new"] - risk["usual"])).sum())
    variance = float(((weight**2).to_numpy()[:, None] * (risk * (1 - risk) / n).to_numpy()).sum())
    crude = events.sum() / n.sum()
    return difference, variance**0.5, float(crude["new"] - crude["usual"])


def test_the_truth_is_recovered_by_a_plain_calculation(folder: Path, told: dict[str, Any]) -> None:
    difference, error, crude = standardised(folder)
    truth = told["sample"]["risk_difference"]
    assert abs(difference - truth) < 3.5 * error
    assert abs(crude - truth) > 10 * error  # the confounding is really there, and it is observed


@pytest.mark.slow
def test_the_truth_is_recovered_on_average(tmp_path: Path, places: pd.DataFrame, truth: SyntheticTruth) -> None:
    z = []
    for seed in range(40):
        folder = write_register(tmp_path / str(seed), places, truth.override(clients=20_000), seed=seed)
        difference, error, _ = standardised(folder)
        z.append((difference - json.loads((folder / "truth.json").read_text())["sample"]["risk_difference"]) / error)
    assert abs(np.mean(z)) < 3 / 40**0.5
    assert 0.6 < np.std(z) < 1.4


def test_costs_and_their_spread_are_recovered(folder: Path, truth: SyntheticTruth) -> None:
    with open_register(folder) as register:
        table = cost_cells(register).table.set_index("option")
    for option, mean in truth.cost_mean.items():
        n, total, squares = table.loc[option, ["n", "sum", "sum_squares"]]
        spread = np.sqrt(squares / n - (total / n) ** 2)
        assert abs(total / n - mean) < 4 * spread / np.sqrt(n)
        assert spread / mean == pytest.approx(truth.cost_cv, rel=0.05)


def test_a_missing_need_index_counts_as_the_national_one(told: dict[str, Any], places: pd.DataFrame) -> None:
    assert told["need_index_missing"] == places.loc[places["need_index"].isna(), "code"].tolist()


def test_without_spread_every_municipality_is_alike(
    tmp_path: Path, places: pd.DataFrame, truth: SyntheticTruth
) -> None:
    alike = truth.override(clients=500, county_sd=0.0, municipality_sd=0.0, effect_sd=0.0, need_slope=0.0)
    folder = write_register(tmp_path / "r", places, alike, seed=1)
    risks = pd.DataFrame(json.loads((folder / "truth.json").read_text())["municipalities"]).T
    assert risks["risk_usual"].to_numpy() == pytest.approx(truth.baseline_risk, abs=1e-12)
    assert risks["risk_new"].max() == risks["risk_new"].min()


def test_need_raises_risk(tmp_path: Path, places: pd.DataFrame, truth: SyntheticTruth) -> None:
    only_need = truth.override(clients=500, county_sd=0.0, municipality_sd=0.0, effect_sd=0.0)
    folder = write_register(tmp_path / "r", places, only_need, seed=1)
    risks = pd.DataFrame(json.loads((folder / "truth.json").read_text())["municipalities"]).T["risk_usual"]
    need = places.set_index("code")["need_index"].dropna()
    assert risks.loc[need.index].corr(need, method="spearman") > 0.999


def test_pseudonyms_are_opaque_and_never_identity_codes(folder: Path) -> None:
    client = pd.read_parquet(folder / "clients.parquet")["client"]
    assert client.is_unique
    assert client.str.fullmatch(r"k[0-9a-f]{32}").all()


def test_it_appears_whole_or_not_at_all(
    tmp_path: Path, places: pd.DataFrame, truth: SyntheticTruth, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pyarrow.parquet.ParquetWriter", full)
    with pytest.raises(SetupError, match="not written"):
        write_register(tmp_path / "deep" / "register", places, truth.override(clients=100), seed=1)
    assert list((tmp_path / "deep").iterdir()) == []


def test_only_a_synthetic_register_is_replaced(tmp_path: Path, places: pd.DataFrame, truth: SyntheticTruth) -> None:
    few = truth.override(clients=100)
    folder = write_register(tmp_path / "register", places, few, seed=1)
    before = content(folder)
    with pytest.raises(SetupError) as caught:
        write_register(folder, places, few, seed=2)
    assert caught.value.problems[0].rule == "already exists"
    assert content(folder) == before
    write_register(folder, places, few, seed=2, replace=True)
    assert content(folder) != before
    assert [file.name for file in tmp_path.iterdir()] == ["register"]
    (folder / "truth.json").unlink()
    with pytest.raises(SetupError):
        write_register(folder, places, few, seed=3, replace=True)
    assert (folder / "clients.parquet").exists()


def test_wrong_municipalities_are_told_at_once(tmp_path: Path, places: pd.DataFrame, truth: SyntheticTruth) -> None:
    wrong = places.assign(code="91", population=-1.0, need_index=0.0)
    with pytest.raises(DataError) as caught:
        write_register(tmp_path / "r", wrong, truth, seed=1)
    assert [p.place for p in caught.value.problems] == [
        "municipalities.code",
        "municipalities.population",
        "municipalities.need_index",
    ]
    with pytest.raises(DataError) as caught:
        write_register(tmp_path / "r", places.drop(columns=["county", "code"]), truth, seed=1)
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"group_share": {"low": 0.5, "middle": 0.3, "high": 0.3}},
        {"group_share": {"low": 0.5, "middle": 0.5}},
        {"cost_mean": {"usual": 1.0}},
        {"baseline_risk": 1.0},
        {"clients": 0},
        {"spread": 1.0},
    ],
)
def test_an_impossible_truth_is_refused(truth: SyntheticTruth, change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        truth.override(**change)
