"""Several providers' registers joined: each rule by which two tellings become one, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from costeff.errors import DataError, UsageError
from costeff.identity import artificial
from costeff.records import binary_cells, check, merging, open_register
from costeff.records.folders import write_frames
from costeff.records.info import Keyed, RegisterInfo
from costeff.records.linkage import TOLD, LinkageReport, linked
from costeff.records.merging import SOURCE

DAY = date.fromisoformat
KEY = "0123456789abcdef"
Frames = dict[str, pd.DataFrame]


def clinic() -> Frames:
    """c1 and c2 are clients of both providers, c3 of this one alone."""
    return {
        "clients": pd.DataFrame(
            {
                "client": ["c1", "c2", "c3"],
                "municipality": ["049", "091", "837"],
                "risk_group": ["low", "middle", "high"],
            }
        ),
        "episodes": pd.DataFrame(
            {
                "client": ["c1", "c2", "c3", "c3"],
                "option": ["usual", "new", "new", "new"],
                "start": [DAY("2023-01-01"), DAY("2023-03-01"), DAY("2023-01-01"), DAY("2023-01-01")],
                "end": [DAY("2023-02-01"), DAY("2023-04-01"), DAY("2023-02-01"), DAY("2023-02-01")],
                "cost": [100.0, 50.0, 10.0, 10.0],
                "service": ["therapy", "therapy", None, None],
            }
        ),
        "outcomes": pd.DataFrame(
            {
                "client": ["c1", "c2", "c3"],
                "outcome": "placement",
                "time": [400.0, 370.0, 365.0],
                "event": [False, False, True],
            }
        ),
        "residence": pd.DataFrame(
            {
                "client": ["c1", "c2", "c3"],
                "municipality": ["049", "091", "837"],
                "start": [DAY("2020-01-01")] * 3,
                "end": [None] * 3,
            }
        ),
        "referrals": pd.DataFrame(
            {
                "client": ["c1"],
                "date": [DAY("2023-01-20")],
                "from_provider": ["clinic"],
                "to_provider": ["school"],
                "accepted": [False],
            }
        ),
        "costs": pd.DataFrame(
            {
                "client": ["c1", "c1", "c2"],
                "kind": "visit",
                "payer": "county",
                "provider": ["clinic"] * 3,
                "date": DAY("2023-01-10"),
                "cost": [20.0, 20.0, 30.0],
            }
        ),
    }


def school() -> Frames:
    """c1 came later, moved, and had the event; c2 came first; c4 is of this one alone."""
    return {
        "clients": pd.DataFrame(
            {"client": ["c1", "c2", "c4"], "municipality": ["091", "049", "005"], "risk_group": ["high", "low", "low"]}
        ),
        "episodes": pd.DataFrame(
            {
                "client": ["c1", "c1", "c2", "c4"],
                "option": ["usual", "usual", "new", "new"],
                "start": [DAY("2023-01-21"), DAY("2023-01-01"), DAY("2023-02-01"), DAY("2023-01-01")],
                "end": [DAY("2023-03-01"), DAY("2023-02-01"), DAY("2023-02-10"), DAY("2023-02-01")],
                "cost": [70.0, 99.0, 40.0, 5.0],
                "provider": ["school", "clinic", "school", "school"],
                "service": ["lessons", "therapy", "lessons", "lessons"],
            }
        ),
        "outcomes": pd.DataFrame(
            {
                "client": ["c1", "c2", "c4"],
                "outcome": "placement",
                "time": [30.0, 398.0, 365.0],
                "event": [True, False, False],
            }
        ),
        "residence": pd.DataFrame(
            {
                "client": ["c1", "c1", "c2", "c4"],
                "municipality": ["049", "091", "049", "005"],
                "start": [DAY("2020-01-01"), DAY("2023-02-01"), DAY("2020-01-01"), DAY("2020-01-01")],
                "end": [DAY("2023-01-31"), None, None, None],
            }
        ),
        "referrals": pd.DataFrame(
            {
                "client": ["c1"],
                "date": [DAY("2023-01-20")],
                "from_provider": ["clinic"],
                "to_provider": ["school"],
                "accepted": [True],
            }
        ),
        "costs": pd.DataFrame(
            {
                "client": ["c1", "c4"],
                "kind": "visit",
                "payer": "county",
                "provider": ["clinic", None],
                "date": DAY("2023-01-10"),
                "cost": [20.0, 5.0],
            }
        ),
    }


def stored(folder: Path, frames: Frames, provider: str, **info: object) -> Path:
    told = {"pseudonyms": Keyed(project="p", key=KEY, providers=(provider,)), "synthetic": True} | info
    keyed = {name: frame.assign(client=frame["client"].map(pseudonym)) for name, frame in frames.items()}
    write_frames(folder / provider, keyed, RegisterInfo.model_validate(told), "test")
    return folder / provider


def pseudonym(client: str) -> str:
    return f"k{client[1:].zfill(32)}"


def plain(frames: Mapping[str, pd.DataFrame]) -> Frames:
    """The same rows, with c1 for its pseudonym."""
    return {name: frame.assign(client="c" + frame["client"].str.lstrip("k0")) for name, frame in frames.items()}


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole registers, checked by the tests above: only the rules of joining are at work."""
    monkeypatch.setattr("costeff.records.linkage.check", lambda *_: None)


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> tuple[Frames, LinkageReport]:
    folder = tmp_path_factory.mktemp("providers")
    linkage = linked([stored(folder, clinic(), "clinic"), stored(folder, school(), "school")])
    with linkage.register as register:
        assert binary_cells(register, "placement", 365, by=()).table.to_dict("list") == {"n": [4], "events": [2]}
    linkage.write(folder / "out")
    with open_register(folder / "out") as register:
        check(register)
        assert register.info.pseudonyms == Keyed(project="p", key=KEY, providers=("clinic", "school"))
    return plain(linkage.frames), linkage.report


def row(frame: pd.DataFrame, **where: str) -> dict[str, object]:
    for name, value in where.items():
        frame = frame[frame[name] == value]
    [found] = frame.to_dict("records")
    return found


def test_a_client_is_one_and_the_first_episode_tells_the_risk_group(joined: tuple[Frames, LinkageReport]) -> None:
    clients, report = joined[0]["clients"], joined[1]
    assert sorted(clients["client"]) == ["c1", "c2", "c3", "c4"]
    assert row(clients, client="c1") == {"client": "c1", "municipality": "049", "risk_group": "low"}
    assert row(clients, client="c2") == {"client": "c2", "municipality": "049", "risk_group": "low"}
    counted = ("clients", "clients_of_many", "other_municipality", "other_risk_group")
    assert [report.exact[name] for name in counted] == [4, 2, 2, 2]


def test_an_episode_is_one(joined: tuple[Frames, LinkageReport]) -> None:
    episodes, report = joined[0]["episodes"], joined[1]
    assert len(episodes) == 7
    assert row(episodes, client="c1", service="therapy")["cost"] == 100.0
    assert episodes.loc[episodes["client"] == "c3", "provider"].tolist() == ["clinic"] * 2  # twice at one is two
    counted = ("episodes_read", "repeated_episodes", "same_episodes", "same_episodes_other_cost", "episodes")
    assert [report.exact[name] for name in counted] == [8, 1, 1, 1, 7]
    assert report.exact["overlapping_episodes"] == 2  # of c1: told, and both kept


def test_time_runs_from_the_first_episode_anywhere(joined: tuple[Frames, LinkageReport]) -> None:
    outcomes = joined[0]["outcomes"]
    assert row(outcomes, client="c1")["time"] == 30.0  # both were told from the same first day
    assert row(outcomes, client="c1")["event"]
    assert row(outcomes, client="c2")["time"] == 398.0  # 370 days from 28 days later
    assert joined[1].exact["other_outcomes"] == 1


def test_costs_referrals_and_moves_are_told_once(joined: tuple[Frames, LinkageReport]) -> None:
    frames, report = joined
    assert sorted(frames["costs"]["cost"]) == [5.0, 20.0, 20.0, 30.0]
    assert pd.isna(row(frames["costs"], client="c4")["provider"])  # such as a benefit: no provider's own
    assert row(frames["referrals"])["accepted"]
    assert len(frames["residence"]) == 5
    assert sorted(frames["residence"].loc[frames["residence"]["client"] == "c1", "municipality"]) == ["049", "091"]
    counted = ("same_costs", "same_referrals", "moved", "other_residence")
    assert [report.exact[name] for name in counted] == [1, 1, 1, 2]


def test_the_report_shows_no_small_count(joined: tuple[Frames, LinkageReport]) -> None:
    shown = joined[1].protected()
    assert shown["count"].isna().all()
    assert "4" not in repr(joined[1])
    big = LinkageReport(("a", "b"), dict.fromkeys(TOLD, 1234))
    assert set(big.protected()["count"]) == {1235}


@pytest.mark.usefixtures("unchecked")
def test_the_order_of_the_registers_does_not_matter_where_the_rules_decide(
    tmp_path: Path, joined: tuple[Frames, LinkageReport]
) -> None:
    sources = [stored(tmp_path, school(), "school"), stored(tmp_path, clinic(), "clinic")]
    linkage = linked(sources)
    linkage.register.close()
    assert dict(linkage.report.exact) == dict(joined[1].exact)
    for name in ("clients", "episodes", "outcomes", "costs"):
        pd.testing.assert_frame_equal(plain(linkage.frames)[name], joined[0][name])


# --- refused ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("unchecked")
def test_options_that_differ_are_a_problem_until_the_first_is_asked_for(tmp_path: Path) -> None:
    other = school()
    other["episodes"].loc[other["episodes"]["client"] == "c1", "option"] = "new"
    sources = [stored(tmp_path, clinic(), "clinic"), stored(tmp_path, other, "school")]
    with pytest.raises(DataError, match="fewer than 10 clients have different options"):
        linked(sources)
    linkage = linked(sources, first_option=True)
    with linkage.register as register:
        options = register.run(register.rows("episodes")).groupby("client")["option"].agg(set)
    assert options[pseudonym("c1")] == {"usual"}
    assert linkage.report.exact["other_option"] == 1


@pytest.mark.parametrize(
    ("info", "rule"),
    [
        ({"pseudonyms": Keyed(project="p", key="f" * 16, providers=("school",))}, "register.json key: differs"),
        ({"pseudonyms": Keyed(project="q", key=KEY, providers=("school",))}, "register.json project: differs"),
        ({"pseudonyms": Keyed(project="p", key=KEY, providers=("clinic",))}, "clinic stands in more than one"),
        ({"pseudonyms": None}, "does not say with which key"),
        ({"synthetic": False}, "is true of some registers and false of others"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_registers_that_do_not_belong_together_are_refused(tmp_path: Path, info: dict[str, object], rule: str) -> None:
    sources = [stored(tmp_path, clinic(), "clinic"), stored(tmp_path, school(), "school", **info)]
    with pytest.raises(DataError) as caught:
        linked(sources)
    assert rule in str(caught.value)


@pytest.mark.usefixtures("unchecked")
def test_clients_without_a_keyed_pseudonym_are_refused_by_count_alone(tmp_path: Path) -> None:
    sources = [stored(tmp_path, clinic(), "clinic"), stored(tmp_path, school(), "school")]
    clients = pd.read_parquet(sources[1] / "clients.parquet")
    clients.assign(client=["tupu", "hupu", "lupu"]).to_parquet(sources[1] / "clients.parquet")
    with pytest.raises(DataError) as caught:
        linked(sources)
    assert "school: clients.client: fewer than 10 clients have no pseudonym made with a key" in str(caught.value)
    assert "tupu" not in str(caught.value)


def test_a_joined_register_is_not_called_after_a_client(tmp_path: Path) -> None:
    code = artificial(1, np.random.default_rng(1))[0]
    for folder, label in ((tmp_path / code, "x"), (tmp_path / "out", f"Ote {code}")):
        with pytest.raises(DataError) as caught:
            write_frames(folder, clinic(), RegisterInfo(label=label), "test")
        assert "holds a personal identity code" in str(caught.value)
        assert code not in str(caught.value)
        assert list(tmp_path.iterdir()) == []


def test_one_register_is_not_joined(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="fewer than two"):
        linked([tmp_path])


# --- rules by themselves ----------------------------------------------------------------------------


def test_a_service_on_the_same_days_is_only_one_where_it_is_named() -> None:
    rows = pd.DataFrame(
        {
            "client": "c1",
            "option": "new",
            "start": DAY("2023-01-01"),
            "end": DAY("2023-02-01"),
            "cost": [1.0, 2.0, 3.0, 3.0],
            "provider": ["a", "b", "a", "b"],
            "service": [None, None, "therapy", "therapy"],
            SOURCE: [0, 1, 0, 1],
        }
    )
    exact: dict[str, int] = {}
    made = merging.episodes(rows, ("a", "b"), exact)
    assert (len(made), exact["same_episodes"], exact["same_episodes_other_cost"]) == (3, 1, 0)
    assert made.loc[made["service"] == "therapy", "provider"].tolist() == ["a"]


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("a a 100, a a 250", [100, 250]),  # twice at one provider is two
        ("a a 100, a a 100", [100, 100]),
        ("a a 100, a a 250, b a 100", [100, 250]),  # and stays two when another tells of one of them
        ("a a 100, a a 100, b a 100, b a 100", [100, 100]),
        ("a a 100, b a 99, c a 99", [100]),  # the one who gave it knows what it cost
        ("a a 100, b b 100", [100]),  # each names itself, and all else is the same
        ("a a 100, b b 250", [100, 250]),  # each names itself: two visits
        ("a a 100, a a 100, b b 100", [100, 100]),
        ("b a 100, c a 100", [100]),
    ],
)
def test_an_episode_is_one_only_when_two_sources_tell_it(told: str, kept: list[float]) -> None:
    """Source, provider and cost of visits of one client, for one service, on one day."""
    rows = pd.DataFrame([each.split() for each in told.split(", ")], columns=[SOURCE, "provider", "cost"])
    day = DAY("2023-01-01")
    rows = rows.assign(client="c1", option="new", start=day, end=day, service="visit", cost=rows["cost"].astype(float))
    rows[SOURCE] = rows[SOURCE].map({"a": 0, "b": 1, "c": 2})
    for order in (rows, rows.iloc[::-1]):
        exact: dict[str, int] = {}
        made = merging.episodes(order.reset_index(drop=True), ("a", "b", "c"), exact)
        assert sorted(made["cost"]) == kept
        assert exact["same_episodes"] == len(rows) - len(kept)


def test_a_cost_that_names_no_provider_is_not_two_because_two_tell_it() -> None:
    costs = pd.DataFrame({"client": "c1", "kind": "drug", "payer": "kela", "cost": 40.0, SOURCE: [0, 1]})
    episodes = pd.DataFrame({"client": "c1", SOURCE: [0, 1]})
    frames = {"costs": costs, "episodes": episodes}
    merging.fill_provider(frames, {0: "a", 1: "b"})
    assert frames["episodes"]["provider"].tolist() == ["a", "b"]
    assert len(merging.costs(frames["costs"], {})) == 1


def test_the_event_told_first_decides_against_a_loop() -> None:
    generator = np.random.default_rng(4)
    rows = pd.DataFrame(
        {
            "client": generator.choice(["c1", "c2", "c3"], 40),
            "outcome": generator.choice(["x", "y"], 40),
            "time": generator.integers(1, 400, 40).astype(float),
            "event": generator.random(40) < 0.4,
            SOURCE: generator.integers(0, 3, 40),
        }
    ).drop_duplicates(["client", "outcome", SOURCE])
    starts = pd.DataFrame(
        [
            (c, s, pd.Timestamp("2023-01-01") + pd.Timedelta(days=int(generator.integers(0, 90))))
            for c in ("c1", "c2", "c3")
            for s in range(3)
        ],
        columns=["client", SOURCE, "start"],
    )
    first = starts.sort_values("start").drop_duplicates("client").set_index("client")
    made = merging.outcomes(rows, starts, first, {}).set_index(["client", "outcome"])
    begun = starts.set_index(["client", SOURCE])["start"]
    for key, mine in rows.groupby(["client", "outcome"]):
        days = [
            (t + (begun[key[0], s] - first["start"][key[0]]).days, e)
            for t, e, s in zip(mine["time"], mine["event"], mine[SOURCE], strict=True)
        ]
        events = [day for day, event in days if event]
        assert tuple(made.loc[key]) == ((min(events), True) if events else (max(day for day, _ in days), False))
