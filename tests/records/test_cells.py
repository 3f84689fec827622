"""Cells hold the sufficient statistics that a plain calculation over the rows gives."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from register_builders import Frames, put, whole

from costeff.errors import DataError, UsageError
from costeff.records import (
    Cells,
    Register,
    SyntheticTruth,
    binary_cells,
    cost_cells,
    exposure_cells,
    open_register,
    reduce_clients_count,
    register_from_frames,
    write_register,
)

BREAKS = (0, 91, 182, 273, 365)
BYS = [(), ("option",), ("group",), ("option", "group"), ("municipality", "option", "group"), ("group", "municipality")]


@pytest.fixture(scope="module")
def drawn(
    tmp_path_factory: pytest.TempPathFactory, places: pd.DataFrame, truth: SyntheticTruth
) -> Iterator[tuple[Register, pd.DataFrame, Frames]]:
    """A synthetic register, and the same clients as one plain frame."""
    folder = write_register(tmp_path_factory.mktemp("a") / "register", places, truth.override(clients=5000), seed=4)
    frames = {name: pd.read_parquet(folder / f"{name}.parquet") for name in ("clients", "episodes", "outcomes")}
    options = frames["episodes"].drop_duplicates("client")[["client", "option"]]
    costs = frames["episodes"].groupby("client", as_index=False)["cost"].sum()
    rows = frames["clients"].rename(columns={"risk_group": "group"})
    for other in (options, costs, frames["outcomes"]):
        rows = rows.merge(other, on="client", validate="1:1")
    with open_register(folder) as register:
        yield register, rows, frames


def plain(rows: pd.DataFrame, by: tuple[str, ...], **columns: pd.Series) -> pd.DataFrame:
    frame = rows[list(by)].assign(**columns)
    if not by:
        return pd.DataFrame({name: [values.sum()] for name, values in columns.items()})
    return frame.groupby(list(by), as_index=False).sum().sort_values(list(by), ignore_index=True)


def same(cells: Cells, expected: pd.DataFrame, rtol: float = 1e-12) -> None:
    assert list(cells.table.columns) == list(expected.columns)
    pd.testing.assert_frame_equal(cells.table, expected, check_dtype=False, rtol=rtol)


@pytest.mark.parametrize("by", BYS)
@pytest.mark.parametrize("horizon", [365, 100.0])
def test_binary_cells(drawn: tuple[Register, pd.DataFrame, Frames], by: tuple[str, ...], horizon: float) -> None:
    register, rows, _ = drawn
    events = (rows["event"] & (rows["time"] <= horizon)).astype(int)
    cells = binary_cells(register, "event", horizon, by)
    same(cells, plain(rows, by, n=events * 0 + 1, events=events))
    assert (cells.statistic, cells.by, cells.follow_up) == ("binary", by, horizon)
    assert cells.synthetic


@pytest.mark.parametrize("by", BYS)
def test_exposure_cells(drawn: tuple[Register, pd.DataFrame, Frames], by: tuple[str, ...]) -> None:
    register, rows, _ = drawn
    parts = []
    for i, (start, end) in enumerate(itertools.pairwise(BREAKS)):
        inside = (rows["time"] > start) & (rows["time"] <= end)
        part = plain(
            rows,
            by,
            events=(rows["event"] & inside).astype(int),
            n=(rows["time"] > start).astype(int),
            exposure=(rows["time"] - start).clip(0, end - start),
        )
        part.insert(len(by), "interval", i)
        part.insert(len(by) + 1, "start", float(start))
        part.insert(len(by) + 2, "end", float(end))
        parts.append(part)
    expected = pd.concat(parts).query("exposure > 0").sort_values([*by, "interval"], ignore_index=True)
    same(exposure_cells(register, "event", BREAKS, by), expected)


@pytest.mark.parametrize("by", BYS)
def test_cost_cells(drawn: tuple[Register, pd.DataFrame, Frames], by: tuple[str, ...]) -> None:
    register, rows, _ = drawn
    cost = rows["cost"].round(2)
    log = np.log(cost.where(cost > 0)).fillna(0.0)
    expected = plain(
        rows,
        by,
        n=(cost >= 0).astype(int),
        positive=(cost > 0).astype(int),
        sum=cost,
        sum_squares=cost**2,
        sum_logs=log,
        sum_log_squares=log**2,
    )
    same(cost_cells(register, by), expected, rtol=1e-9)  # logarithms are summed to nine decimals


def test_clients_by_municipality(drawn: tuple[Register, pd.DataFrame, Frames]) -> None:
    register, rows, _ = drawn
    counted = reduce_clients_count(register)
    expected = rows.groupby("municipality").size()
    assert dict(zip(counted["municipality"], counted["clients"], strict=True)) == expected.to_dict()


def test_only_cells_leave(drawn: tuple[Register, pd.DataFrame, Frames]) -> None:
    register, rows, _ = drawn
    pseudonyms = set(rows["client"])
    for cells in (
        binary_cells(register, "event", 365),
        exposure_cells(register, "event", BREAKS),
        cost_cells(register),
    ):
        assert not pseudonyms & set(cells.table.astype(str).to_numpy().ravel())
        assert len(cells.table) < len(rows) / 10


def test_the_hash_is_of_the_content_not_of_the_order(drawn: tuple[Register, pd.DataFrame, Frames]) -> None:
    register, _, frames = drawn
    generator = np.random.default_rng(1)
    mixed = {n: f.iloc[generator.permutation(len(f))].reset_index(drop=True) for n, f in frames.items()}
    with register_from_frames(mixed, synthetic=True, label=register.label) as other:
        for make in (
            lambda r: binary_cells(r, "event", 365),
            lambda r: exposure_cells(r, "event", (0, 100.5, 365)),
            cost_cells,
        ):
            assert make(register).hash == make(other).hash
    cells = binary_cells(register, "event", 365)
    turned = dataclasses.replace(cells, table=cells.table.iloc[::-1, ::-1], by=cells.by[::-1])
    assert turned.hash == cells.hash


def test_the_hash_sees_every_part_of_the_content(drawn: tuple[Register, pd.DataFrame, Frames]) -> None:
    cells = binary_cells(drawn[0], "event", 365)
    table = cells.table.copy()
    table.loc[0, "events"] += 1
    others = [
        dataclasses.replace(cells, table=table),
        dataclasses.replace(cells, outcome="another"),
        dataclasses.replace(cells, follow_up=364.0),
        dataclasses.replace(cells, synthetic=False),
        dataclasses.replace(cells, table=cells.table.rename(columns={"events": "other"})),
    ]
    assert len({cells.hash, *(other.hash for other in others)}) == 6


def small(frames: Frames) -> Register:
    return register_from_frames(frames, synthetic=True, label="small")


def test_an_event_at_a_break_belongs_to_the_interval_that_ends_there() -> None:
    frames = put(whole(), "outcomes", "time", 2, 91.0)
    with small(frames) as register:
        table = exposure_cells(register, "relapse", (0, 91, 365), by=()).table
    assert table["events"].tolist() == [2, 0]
    assert table["exposure"].tolist() == [91 + 91 + 30 + 91, 274 + 274]


def test_an_event_at_the_last_break_is_counted() -> None:
    frames = put(whole(), "outcomes", "event", 1, True)
    with small(frames) as register:
        table = exposure_cells(register, "relapse", (0, 182, 365), by=()).table
    assert table["events"].sum() == 3


def test_an_interval_without_anyone_at_risk_is_absent() -> None:
    with small(whole()) as register:
        table = exposure_cells(register, "relapse", (0, 91, 365), by=("group",)).table
    assert table.loc[table["group"] == "high", "interval"].tolist() == [0]


def test_clients_lost_before_the_horizon_are_told_with_their_number() -> None:
    frames = put(put(whole(), "outcomes", "time", 1, 200.0), "outcomes", "time", 4, 364.5)
    with small(frames) as register, pytest.raises(DataError) as caught:
        binary_cells(register, "relapse", 365)
    assert caught.value.problems[0].place == "outcomes.time"
    assert "2 clients were followed for less than 365 days" in caught.value.problems[0].rule


def test_clients_without_the_outcome_are_told_with_their_number() -> None:
    frames = put(whole(), "outcomes", "outcome", 1, "other")
    with small(frames) as register:
        for make in (
            lambda: binary_cells(register, "relapse", 365),
            lambda: exposure_cells(register, "relapse", (0, 365)),
        ):
            with pytest.raises(DataError, match="Cells cannot be made") as caught:
                make()
            assert "1 of 4 clients have no row" in caught.value.problems[0].rule


WRONG: dict[str, tuple[Callable[[Register], object], str]] = {
    "outcome": (lambda r: binary_cells(r, "relaps", 365), "did you mean relapse"),
    "by": (lambda r: binary_cells(r, "relapse", 365, by=("groups",)), "did you mean group"),
    "by twice": (lambda r: cost_cells(r, by=("group", "group")), "at most once"),
    "horizon": (lambda r: binary_cells(r, "relapse", 0), "give days"),
    "no horizon": (lambda r: binary_cells(r, "relapse", float("nan")), "give days"),
    "breaks": (lambda r: exposure_cells(r, "relapse", (0, 91, 91)), "give days"),
    "breaks from 1": (lambda r: exposure_cells(r, "relapse", (1, 91)), "give days"),
    "breaks without end": (lambda r: exposure_cells(r, "relapse", (0, float("inf"))), "give days"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_exist_cannot_be_asked(name: str) -> None:
    ask, cure = WRONG[name]
    with small(whole()) as register, pytest.raises(UsageError) as caught:
        ask(register)
    assert cure in caught.value.problems[0].cure


def test_costs_of_a_client_are_summed_before_they_are_squared(tmp_path: Path) -> None:
    with small(whole()) as register:
        table = cost_cells(register).table.set_index("option")
    assert table.loc["new", ["n", "sum", "sum_squares"]].to_dict() == {
        "n": 2,
        "sum": 300.0,
        "sum_squares": 200.0**2 + 100.0**2,
    }


def test_a_cost_of_nothing_has_no_logarithm() -> None:
    with small(whole()) as register:
        table = cost_cells(register, by=("group",)).table.set_index("group")
    assert table.loc["high"].to_dict() == dict.fromkeys(table.columns, 0.0) | {"n": 1}
    assert table.loc["low", "positive"] == 2
    assert table.loc["low", "sum_logs"] == pytest.approx(np.log(100.5) + np.log(100.0), abs=1e-9)


def test_large_costs_are_squared_without_overflow() -> None:
    with small(put(whole(), "episodes", "cost", 1, 1e9)) as register:
        table = cost_cells(register).table.set_index("option")
    assert table.loc["usual", "sum_squares"] == 1e18


def test_left_out_clients_are_no_part_of_the_hash(drawn: tuple[Register, pd.DataFrame, Frames]) -> None:
    cells = binary_cells(drawn[0], "event", 365)
    assert cells.left_out == 0
    assert dataclasses.replace(cells, left_out=3).hash == cells.hash
