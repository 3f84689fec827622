"""A simulation day is played again to the digit, a wrong file tells all at once, and an agreement's numbers add up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from budget_builders import three, worlds_of

from costeff.errors import DataError, ExitCode, UsageError
from costeff.funding import (
    Aim,
    Gain,
    Round,
    SimulationDay,
    partnership_numbers,
    play,
    replay,
    save_day,
    save_results,
    steer,
    written_down,
)
from costeff.funding.rounds import drawn_shocks

BUDGETS = {"trial": three()}
DAY = """\
budget: trial
seed: 7
gains:
  family: {effect: 0.2, saving: 9000}
  work: {effect: 0.1, saving: 500.5}
  clinic: {effect: 0.3, saving: 0}
rounds:
  - decisions: {family: 50000, work: 20000, clinic: 30000}
  - decisions: {family: 30000, work: 20000, clinic: 20000}
    shocks: {work: 1.5, family: 1, clinic: 0.5}
    prices: {family: 1.2}
    note: a strike, and a new clinic over the border
"""


@pytest.fixture
def day(tmp_path: Path) -> Path:
    path = tmp_path / "day.yaml"
    path.write_text(DAY, encoding="utf-8")
    return path


def test_the_same_file_gives_the_same_table(day: Path) -> None:
    one, other = replay(day, BUDGETS), replay(day, BUDGETS)
    pd.testing.assert_frame_equal(one, other, check_exact=True)
    assert len(one) == 6
    day.write_text(DAY.replace("seed: 7", "seed: 8"), encoding="utf-8")
    assert not replay(day, BUDGETS)["shock"].equals(one["shock"])


def test_a_round_is_what_plain_numbers_say(day: Path) -> None:
    table = replay(day, BUDGETS).set_index(["round", "service"])
    first = table.loc[(1, "family")]
    demand = 10 + 100 * first["shock"]
    clients = min(50_000 / 1060, 81, demand)
    assert first["clients"] == pytest.approx(clients)
    assert first["waiting"] == pytest.approx(0.6 * (demand - clients))
    second = table.loc[(2, "family")]
    demand = first["waiting"] + 100
    clients = 30_000 / 1060
    worth = clients - 0.7 * clients**2 / (2 * demand)
    assert second["outcomes"] == pytest.approx(0.2 * worth)
    assert second["saving"] == pytest.approx(9000 * worth)
    assert second["spend"] == pytest.approx(36_000)
    assert second["overspend"] == pytest.approx(6_000)
    assert table.loc[(2, "work"), "demand"] == pytest.approx(table.loc[(1, "work"), "waiting"] + 90)
    assert (table["spend"] + table["unspent"] - table["overspend"]).values == pytest.approx(table["decision"].values)


def test_a_day_is_written_and_read_again_with_its_shocks_drawn_or_written_down(day: Path, tmp_path: Path) -> None:
    gains = {n: Gain(effect=0.1, saving=100.0) for n in three().services}
    round_ = Round(decisions={"family": 40_000.0, "work": 10_000.0, "clinic": 10_000.0})
    whole = SimulationDay(budget="trial", seed=3, gains=gains, rounds=(round_, round_, round_))
    for name, each in (("drawn", whole), ("written", written_down(whole, three()))):
        save_day(tmp_path / f"{name}.yaml", each, three())
    drawn, written = (replay(tmp_path / f"{name}.yaml", BUDGETS) for name in ("drawn", "written"))
    pd.testing.assert_frame_equal(drawn, play(whole, three()), check_exact=True)
    pd.testing.assert_frame_equal(drawn, written, check_exact=True)
    assert "drawn" not in (tmp_path / "written.yaml").read_text()
    save_results(tmp_path / "out" / "table.csv", drawn)
    told = pd.read_csv(tmp_path / "out" / "table.csv", sep=";", decimal=",")
    pd.testing.assert_frame_equal(told, drawn, check_dtype=False)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["table.csv"]


@pytest.mark.parametrize("name", ["=HYPERLINK(A1)", "+1+2", "-2+3", "@SUM(A1)", "\t=1", "\uff1d1+1", "safe;=1+1"])
def test_no_name_of_a_service_becomes_a_formula(tmp_path: Path, name: str) -> None:
    table = pd.DataFrame({"round": [1], "service": [name], "waiting": [-12.5]})
    save_results(tmp_path / "table.csv", table)
    [told] = pd.read_csv(tmp_path / "table.csv", sep=";", decimal=",").to_dict("records")
    assert "'" in told["service"].replace(name, "")
    assert told["service"].replace("'", "") == name.replace("\t", "\t")
    assert told["waiting"] == -12.5


def test_drawn_shocks_have_the_mean_spread_and_correlation_of_the_budget() -> None:
    shocks = np.log([drawn_shocks(three(correlation=0.5), seed, 2) for seed in range(500)])
    assert np.exp(shocks).mean(0) == pytest.approx([1, 1, 1], abs=0.05)
    assert shocks.std(0) == pytest.approx([0.2, 0.2, 0.4], rel=0.1)
    assert np.corrcoef(shocks.T)[0, 2] == pytest.approx(0.5, abs=0.1)


def test_everything_wrong_with_a_file_is_told_at_once(day: Path) -> None:
    wrong = (
        DAY.replace("{family: 50000, work: 20000, clinic: 30000}", "{family: 90000, work: 20000, sauna: 30000}")
        .replace("{family: 30000,", "{family: 3000,")
        .replace("{work: 1.5,", "{wrok: 1.5,")
        .replace("  clinic: {effect: 0.3, saving: 0}\n", "")
    )
    day.write_text(wrong, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        replay(day, BUDGETS)
    folder = day.parent.name
    assert [f"{p.place}: {p.rule}" for p in caught.value.problems] == [
        f"{folder}/day.yaml:3 gains: clinic is missing",
        f"{folder}/day.yaml:7 rounds.0.decisions.sauna: is not a service of trial",
        f"{folder}/day.yaml:7 rounds.0.decisions: clinic is missing",
        f"{folder}/day.yaml:7 rounds.0.decisions: the decisions sum to 140000 EUR, more than the frame of 100000",
        f"{folder}/day.yaml:8 rounds.1.decisions.family: 3000 EUR is outside the floor of 20000 and the cap of "
        "200000 EUR",
        f"{folder}/day.yaml:9 rounds.1.shocks.wrok: is not a service of trial",
    ]
    assert all(problem.cure for problem in caught.value.problems)
    assert caught.value.code is ExitCode.DATA


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("budget: trial", "budget: other", "other is not a budget"),
        ("seed: 7", "seed: 7.5", "seed"),
        ("clinic: 30000}", "clinic: -3}", "greater than or equal to 0"),
        ("work: 1.5", "work: 0", "greater than 0"),
        ("shocks: {work: 1.5, family: 1, clinic: 0.5}", "shocks: guessed", "drawn"),
        ("saving: 9000", "savings: 9000", "unknown key"),
        ("rounds:", "rounds: [", "not valid YAML"),
    ],
)
def test_a_wrong_file_is_one_clear_error(day: Path, old: str, new: str, rule: str) -> None:
    day.write_text(DAY.replace(old, new), encoding="utf-8")
    with pytest.raises(DataError, match="The simulation day cannot be replayed") as caught:
        replay(day, BUDGETS)
    assert rule in str(caught.value)


def test_more_rounds_than_years_and_a_file_that_is_not_there_are_told(day: Path, tmp_path: Path) -> None:
    line = "  - decisions: {family: 50000, work: 20000, clinic: 30000}\n"
    day.write_text(DAY + 2 * line, encoding="utf-8")
    with pytest.raises(DataError, match="has 4 rounds, and trial has 3 years"):
        replay(day, BUDGETS)
    with pytest.raises(DataError, match="cannot be read"):
        replay(tmp_path / "none.yaml", BUDGETS)


# --- the numbers of an agreement -----------------------------------------------------------------


def test_the_numbers_of_an_agreement_are_those_of_the_years() -> None:
    services = dict(three().services) | {"work": three().services["work"].override(target=5.0)}
    of = three().override(services=services)
    told = steer(of, worlds_of(of, draws=500), Aim("effect"))
    table = partnership_numbers(told, of, mass=0.8, reached=0.75)
    assert len(table) == 3 * (1 + 3 * 6)
    assert not table.drop(columns=["agreed", "p_agreed"]).isna().any().any()
    row = table[(table.year == 2) & (table.service == "work") & (table.indicator == "outcomes")].iloc[0]
    draws = told["outcomes"].sel(model="lump_sum", service="work", year=2)
    assert row["calendar_year"] == 2027
    assert row["kind"] == "effect"
    assert row["p_agreed"] == pytest.approx(float((draws >= 5).mean()))
    assert table["agreed"].notna().sum() == 3
    assert row["mean"] == pytest.approx(float(draws.mean()))
    assert row["low"] == pytest.approx(float(draws.quantile(0.1)))
    assert float((draws >= row["target"]).mean()) == pytest.approx(0.75, abs=0.01)  # a floor is exceeded
    queue = table[(table.year == 3) & (table.service == "clinic") & (table.indicator == "waiting")].iloc[0]
    waiting = told["waiting"].sel(model="lump_sum", service="clinic", year=3)
    assert float((waiting <= queue["target"]).mean()) == pytest.approx(0.75, abs=0.01)  # a ceiling is not
    frames = table[table.indicator == "frame"]
    assert (frames["mean"] == 100_000).all()
    for language in ("fi", "sv", "en"):
        assert table[f"indicator_{language}"].str.len().min() > 0
    assert set(table.columns) >= {"service_fi", "indicator_sv", "bound", "unit"}


def test_numbers_of_another_budget_or_model_are_refused_at_once() -> None:
    of = three()
    told = steer(of, worlds_of(of, draws=5), Aim("effect"))
    with pytest.raises(UsageError) as caught:
        partnership_numbers(told, of.override(id="other"), "voucher", mass=1.5, reached=0.0)
    assert [problem.place for problem in caught.value.problems] == [
        "model voucher",
        "mass 1.5",
        "reached 0.0",
        "steered",
    ]


def test_what_is_bought_to_the_euro_leaves_nothing(day: Path) -> None:
    """A rounding error of the machine is neither overspent nor left."""
    table = replay(day, BUDGETS)
    noise = table[["overspend", "unspent"]].to_numpy()
    assert not ((noise > 0) & (noise < 0.01)).any()
    plain = table[(table["service"] == "work") & (table["round"] == 1)].iloc[0]
    assert plain["clients"] == pytest.approx(20_000 / 700)
    assert (plain["overspend"], plain["unspent"]) == (0, 0)


# --- what cannot be replayed ----------------------------------------------------------------------


def whole_day(**changes: object) -> SimulationDay:
    gains = {n: Gain(effect=0.1, saving=100.0) for n in three().services}
    round_ = Round(decisions={"family": 40_000.0, "work": 10_000.0, "clinic": 10_000.0})
    return SimulationDay(budget="trial", seed=3, gains=gains, rounds=(round_,)).override(**changes)


def test_a_saved_day_is_replayed_with_its_budget_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "day.yaml"
    save_day(path, whole_day(), three())
    pd.testing.assert_frame_equal(replay(str(path), BUDGETS), play(whole_day(), three()), check_exact=True)
    cheaper = dict(three().services)
    cheaper["work"] = cheaper["work"].override(waiting=11.0)
    with pytest.raises(DataError, match="budget_hash: is not that of trial as it is now"):
        replay(path, {"trial": three().override(services=cheaper)})
    kept = [line for line in path.read_text().splitlines() if not line.startswith("budget_hash")]
    path.write_text("\n".join(kept))
    assert len(replay(path, {"trial": three().override(services=cheaper)})) == 3


def test_a_day_of_another_budget_is_neither_played_nor_saved_nor_written_down(tmp_path: Path) -> None:
    other = three().override(id="other")
    for call in (play, written_down, lambda day, of: save_day(tmp_path / "day.yaml", day, of)):
        with pytest.raises(UsageError, match="budget: is trial, and this is the budget other"):
            call(whole_day(), other)
    assert not list(tmp_path.iterdir())


def test_decisions_under_the_statutory_minimum_are_told(day: Path) -> None:
    of = three(statutory_minimum=80_000.0)
    with pytest.raises(DataError) as caught:
        replay(day, {"trial": of})
    rule = "the decisions sum to 70000 EUR, less than the statutory minimum of 80000"
    assert [problem.rule for problem in caught.value.problems] == [rule]
    with pytest.raises(UsageError, match="less than the statutory minimum of 80000"):
        play(whole_day(), of)


def test_a_day_that_cannot_be_written_down_is_told() -> None:
    wild = {name: each.override(demand_sd=(2.0,)) for name, each in three().services.items()}
    of = three(correlation=1.0).override(services=wild)
    seed = next(seed for seed in range(1000) if drawn_shocks(of, seed, 0).max() > 10)
    with pytest.raises(UsageError, match=r"rounds.0.shocks.family: a factor of .* was drawn, and a file holds 10"):
        written_down(whole_day(seed=seed), of)
    with pytest.raises(UsageError, match="has 4 rounds, and trial has 3 years"):
        written_down(whole_day(rounds=whole_day().rounds * 4), three())
