"""Cells of counts, meters, experience, ends and competing outcomes hold what the rows hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from lifelines import KaplanMeierFitter
from register_builders import Frames, fuller, put, whole

from costeff.errors import DataError, UsageError
from costeff.records import (
    Cells,
    Register,
    SyntheticTruth,
    competing_cells,
    cost_cells,
    count_cells,
    end_cells,
    exposure_cells,
    level_cells,
    meter_cells,
    open_register,
    register_from_frames,
    time_cells,
    write_register,
)

BREAKS = (0, 91, 182, 365)
BYS = [(), ("option", "group"), ("group", "municipality")]
Drawn = tuple[Register, pd.DataFrame, Frames]


@pytest.fixture(scope="module")
def drawn(
    tmp_path_factory: pytest.TempPathFactory, places: pd.DataFrame, full_truth: SyntheticTruth
) -> Iterator[Drawn]:
    """A synthetic register, its clients as plain rows, and its frames."""
    folder = tmp_path_factory.mktemp("a") / "register"
    write_register(folder, places, full_truth.override(clients=4000), seed=4)
    frames = {file.stem: pd.read_parquet(file) for file in folder.glob("*.parquet")}
    options = frames["episodes"].drop_duplicates("client")[["client", "option"]]
    rows = frames["clients"].rename(columns={"risk_group": "group"}).merge(options, on="client", validate="1:1")
    with open_register(folder) as register:
        yield register, rows, frames


def joined(drawn: Drawn, table: str, what: str | None = None) -> pd.DataFrame:
    _, rows, frames = drawn
    part = frames[table]
    if what:
        part = part[part[part.columns[1]] == what]
    return rows.merge(part, on="client", validate="1:1")


def frequencies(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    return rows.groupby(keys).size().rename("n").reset_index().sort_values(keys, ignore_index=True)


def same(cells: Cells, expected: pd.DataFrame) -> None:
    assert list(cells.table.columns) == list(expected.columns)
    pd.testing.assert_frame_equal(cells.table, expected, check_dtype=False, rtol=1e-12)


@pytest.mark.parametrize("by", BYS)
def test_count_level_and_end_cells_are_frequencies(drawn: Drawn, by: tuple[str, ...]) -> None:
    register = drawn[0]
    same(count_cells(register, "days_in_care", by), frequencies(joined(drawn, "counts"), [*by, "count"]))
    same(level_cells(register, "was_heard", by), frequencies(joined(drawn, "experience"), [*by, "level"]))
    same(end_cells(register, by), frequencies(joined(drawn, "ends"), [*by, "end"]))


@pytest.mark.parametrize("by", BYS)
def test_meter_cells_are_sums_over_those_measured(drawn: Drawn, by: tuple[str, ...]) -> None:
    rows = joined(drawn, "meters", "functioning")
    before, after = rows["before"], rows["after"]
    sums = pd.DataFrame(
        {
            "n": 1,
            "sum": after,
            "sum_squares": after**2,
            "sum_before": before,
            "sum_before_squares": before**2,
            "sum_products": before * after,
        }
    )
    if by:
        expected = rows[[*by]].join(sums).groupby([*by], as_index=False).sum().sort_values([*by], ignore_index=True)
    else:
        expected = sums.sum().to_frame().T
    same(meter_cells(drawn[0], "functioning", by), expected)


def test_cells_tell_how_many_were_left_out(drawn: Drawn) -> None:
    register, rows, frames = drawn
    for cells, table in (
        (meter_cells(register, "functioning"), "meters"),
        (level_cells(register, "was_heard"), "experience"),
    ):
        assert cells.table["n"].sum() == len(frames[table])
        assert cells.left_out == len(rows) - len(frames[table]) > 0
    assert count_cells(register, "days_in_care").left_out == 0


def test_meter_cells_give_the_analysis_of_covariance_of_the_rows(drawn: Drawn) -> None:
    rows = joined(drawn, "meters", "functioning")
    groups = pd.get_dummies(rows["group"], dtype=float)
    design = groups.assign(new=(rows["option"] == "new").astype(float), before=rows["before"])
    of_rows = sm.OLS(rows["after"], design).fit().params
    cells = meter_cells(drawn[0], "functioning", ("option", "group")).table
    x = pd.get_dummies(cells["group"], dtype=float).assign(new=(cells["option"] == "new").astype(float)).to_numpy()
    n, after, before = (cells[name].to_numpy() for name in ("n", "sum", "sum_before"))
    cross = x.T @ before
    gram = np.block(
        [[x.T @ (x * n[:, None]), cross[:, None]], [cross[None, :], np.array([[cells["sum_before_squares"].sum()]])]]
    )
    of_cells = np.linalg.solve(gram, np.append(x.T @ after, cells["sum_products"].sum()))
    np.testing.assert_allclose(of_cells, of_rows.to_numpy(), rtol=1e-8)


def test_time_cells_give_the_survival_of_the_rows(drawn: Drawn) -> None:
    rows = joined(drawn, "outcomes", "event")
    cells = time_cells(drawn[0], "event", by=())
    assert cells.follow_up == rows["time"].max()
    assert cells.table[["events", "censored"]].to_numpy().sum() == len(rows)
    long = cells.table.melt("time", ["events", "censored"], "kind", "n").query("n > 0")
    of_cells = KaplanMeierFitter().fit(long["time"], long["kind"] == "events", weights=long["n"]).survival_function_
    of_rows = KaplanMeierFitter().fit(rows["time"], rows["event"]).survival_function_
    pd.testing.assert_frame_equal(of_cells, of_rows, rtol=1e-12)
    split = time_cells(drawn[0], "event").table.groupby("time", as_index=False)[["events", "censored"]].sum()
    pd.testing.assert_frame_equal(split, cells.table)


def by_hand(
    rows: pd.DataFrame, causes: list[str], breaks: tuple[float, ...]
) -> dict[tuple[int, str], tuple[int, float]]:
    """Events and exposure by interval and cause, client by client."""
    sums = {(i, cause): [0, 0.0] for i in range(len(breaks) - 1) for cause in causes}
    for _, one in rows.groupby("client"):
        one = one.set_index("outcome")
        last = min(one["time"])
        first = next((c for c in causes if one.loc[c, "event"] and one.loc[c, "time"] == last), None)
        for i, cause in sums:
            start, end = breaks[i], breaks[i + 1]
            sums[i, cause][0] += first == cause and start < last <= end
            sums[i, cause][1] += min(max(last - start, 0.0), end - start)
    return {key: (int(events), exposure) for key, (events, exposure) in sums.items()}


def small(frames: Frames) -> Register:
    return register_from_frames(frames, synthetic=True, label="small")


@pytest.fixture(scope="module")
def mixed() -> Iterator[tuple[Register, pd.DataFrame]]:
    """Three outcomes with many ties, each censored at times of its own."""
    generator, size = np.random.default_rng(5), 300
    clients = [f"c{i}" for i in range(size)]
    outcomes = pd.concat(
        pd.DataFrame(
            {
                "client": clients,
                "outcome": cause,
                "time": generator.integers(1, 40, size) * 10.0,
                "event": generator.random(size) < 0.4,
            }
        )
        for cause in ("placement", "moved_away", "end")
    )
    frames = {
        "clients": pd.DataFrame({"client": clients, "municipality": "091", "risk_group": "low"}),
        "episodes": pd.DataFrame(
            {"client": clients, "option": "new", "start": "2024-01-01", "end": "2024-02-01", "cost": 1.0}
        ),
        "outcomes": outcomes,
    }
    with small(frames) as register:
        yield register, outcomes


@pytest.mark.parametrize("causes", [["placement", "moved_away"], ["end", "moved_away", "placement"]])
def test_competing_cells_count_the_first_of_the_outcomes(
    mixed: tuple[Register, pd.DataFrame], causes: list[str]
) -> None:
    register, outcomes = mixed
    breaks = (0, 90, 91, 300)
    cells = competing_cells(register, causes, breaks, by=())
    expected = by_hand(outcomes[outcomes["outcome"].isin(causes)], causes, breaks)
    found = {(r.interval, r.cause): (r.events, r.exposure) for r in cells.table.itertuples()}
    assert found == {key: value for key, value in expected.items() if value[1] > 0}
    assert list(cells.table.columns) == ["interval", "start", "end", "cause", "events", "n", "exposure"]
    assert (cells.statistic, cells.outcome, cells.follow_up) == ("competing", causes[0], 300.0)


def test_an_outcome_that_never_happens_does_not_compete(drawn: Drawn) -> None:
    _, _, frames = drawn
    outcomes = frames["outcomes"]
    alone = outcomes[outcomes["outcome"] == "event"]
    never = alone.assign(outcome="never", event=False, time=365.0)
    changed = {name: frames[name] for name in ("clients", "episodes")} | {"outcomes": pd.concat([alone, never])}
    with small(changed) as register:
        table = competing_cells(register, ["event", "never"], BREAKS).table
        exposure = exposure_cells(register, "event", BREAKS).table
    pd.testing.assert_frame_equal(
        table[table["cause"] == "event"].drop(columns="cause").reset_index(drop=True), exposure
    )
    assert table.loc[table["cause"] == "never", "events"].sum() == 0


MAKERS: tuple[Callable[[Register], Cells], ...] = (
    lambda r: competing_cells(r, ["event", "moved_away"], (0, 100.5, 365)),
    lambda r: time_cells(r, "event"),
    lambda r: count_cells(r, "days_in_care"),
    lambda r: meter_cells(r, "functioning", ("option",)),
    lambda r: level_cells(r, "was_heard"),
    end_cells,
    cost_cells,
)


def test_the_hash_does_not_depend_on_the_order_of_rows(drawn: Drawn) -> None:
    register, _, frames = drawn
    generator = np.random.default_rng(1)
    mixed = {n: f.iloc[generator.permutation(len(f))].reset_index(drop=True) for n, f in frames.items()}
    with register_from_frames(mixed, synthetic=True, label=register.label) as other:
        hashes = [(make(register).hash, make(other).hash) for make in MAKERS]
    assert all(one == two for one, two in hashes)
    assert len(set(hashes)) == len(MAKERS)


def test_clients_without_a_count_are_told_with_their_number_and_a_cure() -> None:
    with small(put(fuller(), "counts", "outcome", 1, "other")) as register, pytest.raises(DataError) as caught:
        count_cells(register, "days_in_care")
    (problem,) = caught.value.problems
    assert (problem.place, problem.rule) == (
        "counts.client",
        "1 of 4 clients have no row for the outcome 'days_in_care'",
    )
    assert "count 0" in problem.cure


WRONG: dict[str, tuple[Callable[[Register], object], str]] = {
    "count": (lambda r: count_cells(r, "days_in_cares"), "did you mean days_in_care"),
    "meter": (lambda r: meter_cells(r, "weight"), "the id that stands in meters.meter"),
    "question": (lambda r: level_cells(r, "was_hard"), "did you mean was_heard"),
    "by": (lambda r: end_cells(r, by=("end",)), "municipality, option, group"),
    "one outcome": (lambda r: competing_cells(r, ["relapse"], BREAKS), "give ids"),
    "a text": (lambda r: competing_cells(r, "relapse", BREAKS), "give ids"),
    "twice the same": (lambda r: competing_cells(r, ["relapse", "relapse"], BREAKS), "give ids"),
    "unknown cause": (lambda r: competing_cells(r, ["relapse", "relaps"], BREAKS), "did you mean relapse"),
}


@pytest.fixture(scope="module")
def few() -> Iterator[Register]:
    with small(fuller()) as register:
        yield register


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_exist_cannot_be_asked(few: Register, name: str) -> None:
    ask, cure = WRONG[name]
    with pytest.raises(UsageError) as caught:
        ask(few)
    assert cure in caught.value.problems[0].cure


def test_large_measures_do_not_overflow() -> None:
    with small(put(fuller(), "meters", "after", 1, -1e9)) as register:
        assert (
            meter_cells(register, "functioning", ("group",)).table.set_index("group").loc["low", "sum_squares"] == 1e18
        )


def test_cells_of_the_three_tables_do_not_need_the_others() -> None:
    with small(whole()) as register, small(fuller()) as full:
        assert cost_cells(register).hash == cost_cells(full).hash
        assert time_cells(register, "relapse").hash == time_cells(full, "relapse").hash
