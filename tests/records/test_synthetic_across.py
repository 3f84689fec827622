"""Providers, referrals, costs and residence of a synthetic register hold the truth that was declared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from costeff.draws import OPTIONS
from costeff.errors import DataError
from costeff.records import SyntheticTruth, binary_cells, check, cost_cells, open_register, read_truth, write_register
from costeff.records.coordination import payer_shares
from costeff.records.truths_across import ProviderTruth

SIZE = 30_000
ACROSS: dict[str, Any] = {
    "providers": {
        "shares": {"alpha": 0.5, "beta": 0.3, "gamma": 0.2},
        "services": {"visits": 0.7, "therapy": 0.3},
        "further_episodes": {"low": 0.2, "middle": 0.8, "high": 2.0},
        "stays": {"usual": 0.3, "new": 0.8},
        "gap_days": 20.0,
        "episode_days": 30.0,
        "provider_recorded": 0.9,
        "service_recorded": 0.8,
    },
    "referrals": {"referred": 0.6, "refused": {"usual": 0.3, "new": 0.1}},
    "costs": {
        "episode_kind": "service",
        "episode_payer": "county",
        "others": {
            "hospital": {
                "payer": "county",
                "provider": "ward",
                "number": {"usual": 0.5, "new": 0.3},
                "mean": 900.0,
                "cv": 1.0,
            },
            "benefit": {"payer": "kela", "number": {"usual": 2.0, "new": 1.5}, "mean": 400.0, "cv": 0.5},
        },
    },
    "residence": {"share_moved": 0.1, "recorded": 0.95},
}
Frames = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def with_all(truth: SyntheticTruth) -> SyntheticTruth:
    return SyntheticTruth.model_validate(truth.model_dump() | ACROSS | {"clients": SIZE})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, places: pd.DataFrame, with_all: SyntheticTruth) -> Path:
    return write_register(tmp_path_factory.mktemp("across") / "register", places, with_all, seed=7)


@pytest.fixture(scope="module")
def frames(folder: Path) -> Frames:
    return {file.stem: pd.read_parquet(file) for file in folder.glob("*.parquet")}


@pytest.fixture(scope="module")
def told(folder: Path) -> dict[str, Any]:
    return read_truth(folder)


@pytest.fixture(scope="module")
def clients(frames: Frames) -> pd.DataFrame:
    """Group and option of each client."""
    option = frames["episodes"].groupby("client")["option"].first()
    return frames["clients"].set_index("client").join(option)


def mean_by_option(clients: pd.DataFrame, of_clients: pd.Series) -> Iterator[tuple[str, float, float]]:
    """Option, mean standardised to all clients' groups, and its standard error."""
    rows = clients.join(of_clients.rename("value"), how="inner")
    weight = clients["risk_group"].value_counts(normalize=True)
    each = rows.groupby(["option", "risk_group"])["value"].agg(["mean", "var", "size"])
    for option in OPTIONS:
        of = each.loc[option]
        yield option, float((weight * of["mean"]).sum()), float((weight**2 * of["var"] / of["size"]).sum() ** 0.5)


def assert_recovered(clients: pd.DataFrame, of_clients: pd.Series, truth: dict[str, float]) -> None:
    for option, mean, error in mean_by_option(clients, of_clients):
        assert abs(mean - truth[option]) < 3.5 * error
        assert error < 0.05 * truth[option]  # and the test could have seen otherwise


def test_it_holds_together(folder: Path, places: pd.DataFrame) -> None:
    with open_register(folder) as register:
        check(register, places["code"])
        assert register.info.data_date is not None


def test_it_moves_nothing_of_the_three_tables(
    folder: Path, tmp_path: Path, frames: Frames, places: pd.DataFrame, truth: SyntheticTruth
) -> None:
    plain = write_register(tmp_path / "plain", places, truth.override(clients=SIZE), seed=7)
    for name in ("clients", "outcomes"):
        assert (plain / f"{name}.parquet").read_bytes() == (folder / f"{name}.parquet").read_bytes()
    before, after = pd.read_parquet(plain / "episodes.parquet"), frames["episodes"]
    key = ["client", "option", "start", "end"]
    assert len(before.merge(after[key], on=key)) == len(before)  # the episodes are there, and further ones
    cents = [(100 * rows.set_index("client")["cost"]).round().groupby("client").sum() for rows in (before, after)]
    assert cents[0].equals(cents[1])
    with open_register(plain) as one, open_register(folder) as other:
        assert cost_cells(one, ("option", "group")).hash == cost_cells(other, ("option", "group")).hash
        assert binary_cells(one, "event", 365).hash == binary_cells(other, "event", 365).hash


def test_providers_per_client_are_recovered(frames: Frames, told: dict[str, Any], clients: pd.DataFrame) -> None:
    episodes = frames["episodes"]
    truth = told["providers"]["sample"]
    assert_recovered(clients, episodes.groupby("client").size(), {o: truth[o]["episodes"] for o in OPTIONS})
    recorded = episodes[episodes["provider"].notna()]
    assert recorded["client"].nunique() / SIZE == pytest.approx(0.9, abs=0.01)
    assert not set(recorded["client"]) & set(episodes.loc[episodes["provider"].isna(), "client"])
    assert episodes["service"].notna().mean() == pytest.approx(0.8, abs=0.01)
    providers = recorded.groupby("client")["provider"].nunique()
    assert_recovered(clients, providers, {o: truth[o]["providers"] for o in OPTIONS})
    assert_recovered(clients, providers.gt(1).astype(float), {o: truth[o]["many_providers"] for o in OPTIONS})
    ordered = recorded.sort_values(["client", "start"])
    moved = ordered["provider"].ne(ordered.groupby("client")["provider"].shift())
    hand_offs = moved.groupby(ordered["client"]).sum() - 1
    assert_recovered(clients, hand_offs, {o: truth[o]["hand_offs"] for o in OPTIONS})
    first = ordered.groupby("client")["provider"].first().value_counts(normalize=True)
    assert first.to_dict() == pytest.approx(ACROSS["providers"]["shares"], abs=0.01)


def test_episodes_of_a_client_follow_each_other(frames: Frames) -> None:
    episodes = frames["episodes"].sort_values(["client", "start"])
    start, end = pd.to_datetime(episodes["start"]), pd.to_datetime(episodes["end"])
    gap = (start - end.groupby(episodes["client"]).shift()).dt.days.dropna()
    assert gap.min() == 1
    assert (end > start).all()
    assert gap[gap > 1].mean() == pytest.approx(21, rel=0.05)  # geometric with mean 20, without its ones


def test_a_client_who_stays_has_one_provider() -> None:
    truth = ProviderTruth.model_validate(ACROSS["providers"] | {"stays": {"usual": 1.0, "new": 0.0}})
    told = truth.expected(np.array([0.0, 0.0, 1.0]), second=0.25)
    assert told["usual"] == pytest.approx({"episodes": 3.25, "providers": 1, "many_providers": 0, "hand_offs": 0})
    alone = truth.override(further_episodes={"low": 0.0, "middle": 0.0, "high": 0.0})
    two = alone.expected(np.array([1.0, 0.0, 0.0]), second=1.0)["new"]
    differ = 1 - (0.5**2 + 0.3**2 + 0.2**2)
    assert two == pytest.approx({"episodes": 2, "providers": 1 + differ, "many_providers": differ, "hand_offs": differ})


def test_referrals_are_recovered(frames: Frames, told: dict[str, Any], clients: pd.DataFrame) -> None:
    referrals, truth = frames["referrals"], told["referrals"]["sample"]
    for name, rows in (("accepted", referrals[referrals["accepted"]]), ("refused", referrals[~referrals["accepted"]])):
        many = rows.groupby("client").size().reindex(clients.index, fill_value=0)
        assert_recovered(clients, many, {option: truth[option][name] for option in OPTIONS})
    episodes = frames["episodes"].dropna(subset="provider").sort_values(["client", "start"])
    later = episodes.groupby("client")[["provider", "start"]].shift(-1)
    hand_off = episodes.assign(to_provider=later["provider"]).rename(
        columns={"provider": "from_provider", "end": "date"}
    )[["client", "date", "from_provider", "to_provider"]]
    accepted = referrals[referrals["accepted"] & referrals["client"].isin(episodes["client"])]
    assert len(accepted.merge(hand_off, on=list(hand_off.columns))) == len(accepted)


def test_costs_at_each_payer_are_recovered(frames: Frames, told: dict[str, Any], clients: pd.DataFrame) -> None:
    costs, truth = frames["costs"], told["costs"]
    own = costs[costs["kind"] == "service"].rename(columns={"date": "start"})[["client", "start", "cost"]]
    assert own.reset_index(drop=True).equals(frames["episodes"][["client", "start", "cost"]])
    for payer in ("county", "kela"):
        of_clients = costs[costs["payer"] == payer].groupby("client")["cost"].sum()
        means = {option: truth[option]["mean_by_payer"][payer] for option in OPTIONS}
        assert_recovered(clients, of_clients.reindex(clients.index, fill_value=0.0), means)
    for option in OPTIONS:
        assert sum(truth[option]["share_by_payer"].values()) == pytest.approx(1)
    assert truth["usual"]["share_by_payer"]["kela"] == pytest.approx(800 / (800 + 450 + 2000))
    assert set(costs.loc[costs["kind"] == "hospital", "provider"]) == {"ward"}
    assert costs.loc[costs["kind"] == "benefit", "provider"].isna().all()


def test_the_shares_of_payers_are_recovered(folder: Path) -> None:
    """Told in whole per cents; the costs of the sample vary by less than two."""
    told = read_truth(folder)["costs"]
    with open_register(folder) as register:
        check(register)
        shown = payer_shares(register, ("option",))
    assert len(shown) == sum(len(told[option]["share_by_payer"]) for option in OPTIONS)
    for row in shown.itertuples():
        assert row.share == pytest.approx(100 * told[row.option]["share_by_payer"][row.payer], abs=2)


def test_residence_begins_where_the_client_is_counted(frames: Frames, clients: pd.DataFrame) -> None:
    periods = frames["residence"].sort_values(["client", "start"])
    first, last = (periods.drop_duplicates("client", keep=keep).set_index("client") for keep in ("first", "last"))
    assert (first["municipality"] == clients["municipality"].reindex(first.index)).all()
    assert len(first) / SIZE == pytest.approx(0.95, abs=0.01)
    assert first["end"].notna().mean() == pytest.approx(0.1, abs=0.01)
    assert last["end"].isna().all()
    moved = last[first["end"].notna()]
    assert (moved["municipality"] != first["municipality"].reindex(moved.index)).all()
    start = frames["episodes"].groupby("client")["start"].min()
    days = (pd.to_datetime(moved["start"]) - pd.to_datetime(start.reindex(moved.index))).dt.days
    assert days.between(1, 365).all()
    assert days.mean() == pytest.approx(183, abs=8)


def test_each_part_has_random_numbers_of_its_own(
    tmp_path: Path, frames: Frames, places: pd.DataFrame, with_all: SyntheticTruth
) -> None:
    other = with_all.override(referrals=None, residence=None, counts={})
    again = write_register(tmp_path / "again", places, other, seed=7)
    assert pd.read_parquet(again / "costs.parquet").equals(frames["costs"])
    assert not (again / "residence.parquet").exists()


def test_nobody_can_move_where_there_is_one_municipality(
    tmp_path: Path, places: pd.DataFrame, with_all: SyntheticTruth
) -> None:
    with pytest.raises(DataError, match="only one has people"):
        write_register(tmp_path / "r", places.head(1), with_all.override(clients=10), seed=1)
    stay = with_all.override(clients=10, residence={"share_moved": 0.0})
    assert pd.read_parquet(write_register(tmp_path / "r", places.head(1), stay, seed=1) / "residence.parquet").shape[0]


IMPOSSIBLE: list[tuple[str, dict[str, Any]]] = [
    ("providers", {"shares": {"alpha": 1.0}}),
    ("providers", {"shares": {"alpha": 0.5, "beta": 0.4}}),
    ("providers", {"services": {}}),
    ("providers", {"stays": {"usual": 0.5}}),
    ("providers", {"gap_days": 0.5}),
    ("costs", {"episode_kind": "benefit"}),
    ("costs", {"episode_payer": "somebody"}),
    ("residence", {"share_moved": 1.5}),
]


@pytest.mark.parametrize(("part", "change"), IMPOSSIBLE)
def test_an_impossible_truth_is_refused(with_all: SyntheticTruth, part: str, change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        with_all.override(**{part: ACROSS[part] | change})


def test_referrals_need_providers(with_all: SyntheticTruth) -> None:
    with pytest.raises(ValidationError, match="referrals need providers"):
        with_all.override(providers=None)
