"""How clients move between providers, against plain loops over the rows."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import combinations, pairwise

import numpy as np
import pandas as pd
import pytest

from costeff.errors import UsageError
from costeff.records import Register, binary_cells, register_from_frames
from costeff.records import coordination as measures
from costeff.records.pathways import MANY, ONE, at_landmark

FIRST = date(2023, 1, 1)
Frames = dict[str, pd.DataFrame]


def frames(seed: int, clients: int = 150, known: float = 0.97) -> Frames:
    """Random clients with episodes that follow, overlap, leave gaps and begin on one day."""
    generator = np.random.default_rng(seed)
    ids = [f"c{n:03d}" for n in range(clients)]
    rows, costs, referrals = [], [], []
    for client in ids:
        option = generator.choice(["usual", "new"])
        for _ in range(generator.integers(1, 6)):
            start = FIRST + timedelta(days=int(generator.integers(0, 40) * 5))
            end = start + timedelta(days=int(generator.integers(0, 60)))
            provider = generator.choice(["clinic", "family_centre", "school"]) if generator.random() < known else None
            rows.append((client, option, start, end, 10.0, provider))
        for _ in range(generator.integers(0, 4)):
            payer = generator.choice(["county", "kela", "municipality"], p=[0.6, 0.37, 0.03])
            costs.append((client, "visit", payer, FIRST, round(float(generator.lognormal(5, 1.5)), 2)))
        for _ in range(generator.integers(0, 3)):
            referrals.append((client, FIRST, "clinic", "school", bool(generator.random() < 0.6)))
    return {
        "clients": pd.DataFrame(
            {
                "client": ids,
                "municipality": generator.choice(["049", "091"], clients),
                "risk_group": generator.choice(["low", "middle", "high"], clients),
            }
        ),
        "episodes": pd.DataFrame(rows, columns=["client", "option", "start", "end", "cost", "provider"]),
        "outcomes": pd.DataFrame(
            {
                "client": ids,
                "outcome": "placement",
                "time": np.where(generator.random(clients) < 0.5, 400, generator.integers(1, 400, clients)).astype(
                    float
                ),
            }
        ).assign(event=lambda rows: rows["time"] < 400),
        "costs": pd.DataFrame(costs, columns=["client", "kind", "payer", "date", "cost"]),
        "referrals": pd.DataFrame(referrals, columns=["client", "date", "from_provider", "to_provider", "accepted"]),
    }


def opened(rows: Frames) -> Register:
    register = register_from_frames(rows, synthetic=True, label="coordination")
    register.checked = True  # the rules have tests of their own
    return register


def slow(rows: Frames, within: int) -> pd.DataFrame:
    """A row for each client whose providers are all known, by walking through its episodes."""
    told = []
    for client, mine in rows["episodes"].groupby("client"):
        if mine["provider"].isna().any():
            continue
        walk = sorted(zip(mine["start"], mine["end"], mine["provider"], strict=True))
        hand_offs, gaps = 0, []
        for (start, end, provider), (start2, _, provider2) in pairwise(walk):
            days_between = (start2 - end).days - 1
            hand_offs += provider != provider2 and start2 > start and days_between <= within
        for number in range(1, len(walk)):
            empty = (walk[number][0] - max(end for _, end, _ in walk[:number])).days - 1
            gaps += [empty] if empty > 0 else []
        told.append((client, mine["option"].iloc[0], set(mine["provider"]), hand_offs, gaps))
    table = pd.DataFrame(told, columns=["client", "option", "names", "hand_offs", "gaps"])
    return table.merge(rows["clients"], on="client").assign(providers=lambda each: each["names"].map(len))


SEEDS = (1, 2)
BY = ["municipality", "option"]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("within", [0, 30])
def test_providers_hand_offs_and_gaps_are_those_of_plain_loops(seed: int, within: int) -> None:
    rows = frames(seed)
    oracle = slow(rows, within)
    with opened(rows) as register:
        providers = measures.provider_cells(register, BY)
        hand_offs = measures.hand_off_cells(register, BY, within)
        gaps = measures.gap_cells(register, BY, within)
    for cells, name in ((providers, "providers"), (hand_offs, "hand_offs")):
        expected = oracle.groupby([*BY, name]).size().rename("n").rename_axis([*BY, "count"]).reset_index()
        pd.testing.assert_frame_equal(cells.table, expected, check_dtype=False)
        assert cells.left_out == len(rows["clients"]) - len(oracle)
    assert (hand_offs.table["count"] > 0).any()
    exact = oracle.assign(
        clients=1,
        days=oracle["gaps"].map(sum),
        sum_squares=oracle["gaps"].map(lambda each: sum(g * g for g in each)),
        long=oracle["gaps"].map(lambda each: sum(g > within for g in each)),
        clients_with_long=oracle["gaps"].map(lambda each: any(g > within for g in each)).astype(int),
        gaps=oracle["gaps"].map(len),
    )
    expected = exact.groupby(BY, as_index=False)[[*gaps.columns.drop(BY)]].sum()
    pd.testing.assert_frame_equal(gaps, expected, check_dtype=False)


@pytest.mark.parametrize("seed", SEEDS)
def test_payers_and_referrals_are_those_of_plain_groups(seed: int) -> None:
    rows = frames(seed)
    options = rows["episodes"].groupby("client")["option"].first()
    with opened(rows) as register:
        payers, referrals = measures.payer_cells(register, ["option"]), measures.referral_cells(register, ["option"])
    per_client = rows["costs"].assign(option=rows["costs"]["client"].map(options))
    per_client = per_client.groupby(["option", "payer", "client"])["cost"].sum()
    for row in payers.itertuples():
        mine = per_client[row.option, row.payer]
        assert row.clients == len(mine)
        assert row.sum == pytest.approx(mine.sum())
        assert [row.largest, row.second] == pytest.approx([*mine.nlargest(2), 0.0][:2])
    assert len(payers) == per_client.index.droplevel("client").nunique()
    told = rows["referrals"].assign(option=rows["referrals"]["client"].map(options))
    for row in referrals.itertuples():
        mine = told[told["option"] == row.option]
        assert (row.clients, row.referrals, row.accepted) == (
            mine["client"].nunique(),
            len(mine),
            mine["accepted"].sum(),
        )


@pytest.mark.parametrize("seed", SEEDS)
def test_overlap_is_that_of_plain_sets(seed: int) -> None:
    rows = frames(seed)
    names = slow(rows, 0)["names"]
    with opened(rows) as register:
        exact, shown = measures._overlap_exact(register), measures.overlap(register)
    told = {(row.kind, row.what): row.clients for row in exact.itertuples()}
    assert sum(n for (kind, _), n in told.items() if kind == "providers") == len(names)
    for pair in combinations(["clinic", "family_centre", "school"], 2):
        assert told["pair", " + ".join(pair)] == sum(set(pair) <= mine for mine in names)
    for exact_n, shown_n in zip(exact["clients"], shown["clients"], strict=True):
        assert (shown_n is pd.NA) == (exact_n < 10)
        assert shown_n is pd.NA or (shown_n % 5 == 0 and abs(shown_n - exact_n) <= 2)


@pytest.mark.parametrize("within", [0, 30])
def test_flows_are_those_of_plain_loops_and_the_small_ones_are_hidden(within: int) -> None:
    rows = frames(1, clients=400)
    walked: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for client, mine in rows["episodes"].groupby("client"):
        walk = (
            sorted(zip(mine["start"], mine["end"], mine["provider"], strict=True))
            if mine["provider"].notna().all()
            else []
        )
        for (start, end, provider), (start2, _, provider2) in pairwise(walk):
            days = (start2 - end).days - 1
            if provider != provider2 and start2 > start and days <= within:
                walked.setdefault((provider, provider2), []).append((client, max(days, 0)))
    with opened(rows) as register:
        shown = measures.flows(register, within).set_index(["from_provider", "to_provider"])
        few = measures.flows(opened(frames(1, clients=40)), within)
    assert set(shown.index) == set(walked)
    for pair, told in walked.items():
        row, people = shown.loc[pair], {client for client, _ in told}
        assert row["clients"] is pd.NA or abs(row["clients"] - len(people)) <= 2
        assert row["hand_offs"] is pd.NA or abs(row["hand_offs"] - len(told)) <= 2
        assert (row["clients"] is pd.NA) == (len(people) < 10)
        if row["days"] is not pd.NA and within:
            assert float(row["days"]) == pytest.approx(sum(days for _, days in told) / len(told), rel=0.15)
    assert shown["clients"].notna().any()
    assert few["clients"].isna().any()
    assert few.loc[few["clients"].isna(), ["hand_offs", "days"]].isna().all(axis=None)


def test_shared_clients_are_those_of_plain_sets_and_few_on_either_side_hide_them() -> None:
    rows = frames(2)
    names = slow(rows, 0)["names"]
    with opened(rows) as register:
        shown = measures.shared_clients(register).set_index("provider")
    for provider, row in shown.iterrows():
        mine = [each for each in names if provider in each]
        assert abs(row["clients"] - len(mine)) <= 2
        assert abs(row["shared"] - sum(len(each) > 1 for each in mine)) <= 2
        assert row["share"] == pytest.approx(row["shared"] / row["clients"], abs=0.005)
    first = rows["episodes"].drop_duplicates("client")
    nearly_all = rows | {"episodes": pd.concat([first.assign(provider="a"), first.iloc[5:].assign(provider="b")])}
    with opened(nearly_all) as register:
        hidden = measures.shared_clients(register).set_index("provider")
    assert hidden.loc["a"].isna().all(), "the five who are not shared could be told"
    assert hidden.loc["b", "share"] == 1


def test_what_is_shown_leans_on_ten_clients_and_never_leaves_one_out_alone() -> None:
    rows = frames(4, clients=60)
    with opened(rows) as register:
        shown = measures.coordination(register, ("municipality", "option"))
        few = measures.coordination(register, ("municipality", "option", "group"))
        shares, exact = measures.payer_shares(register), measures.payer_cells(register, ["option"])
    assert shown["clients"].dropna().mod(5).eq(0).all()
    hidden = few["clients"].isna()
    assert hidden.any()
    assert few.loc[hidden, [*few.columns[4:]]].isna().all(axis=None)
    assert (exact["clients"] < 10).any()
    for _, group in shares.groupby("option"):
        assert group["share"].isna().sum() != 1
    assert shares.loc[(exact["clients"] < 10).to_numpy(), "share"].isna().all()


def test_two_clients_who_make_nearly_all_of_a_sum_hide_it() -> None:
    rows = frames(5)
    rows["costs"] = pd.DataFrame(
        {
            "client": rows["clients"]["client"],
            "kind": "visit",
            "payer": ["county"] * 75 + ["kela"] * 75,
            "date": FIRST,
            "cost": [1e6, 1e6] + [1.0] * 73 + [100.0] * 75,
        }
    )
    with opened(rows) as register:
        shares = measures.payer_shares(register, ())
    assert shares["share"].isna().all()


def test_a_register_without_providers_or_with_odd_days_is_told() -> None:
    rows = frames(6, clients=10)
    with opened(rows) as register:
        for days in (-1, 2.5, True, 10**6):
            with pytest.raises(UsageError, match="is not a number of days"):
                measures.hand_off_cells(register, BY, days)  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="cannot be divided by"):
            measures.provider_cells(register, ["muncipality"])
    rows["episodes"] = rows["episodes"].drop(columns="provider")
    with opened(rows) as register, pytest.raises(UsageError, match="was not collected"):
        measures.overlap(register)
    del rows["costs"]
    with opened(rows) as register, pytest.raises(UsageError, match="does not have the table"):
        measures.payer_cells(register)


# --- pathways -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_the_pathway_is_told_before_the_landmark_and_time_runs_from_it(seed: int) -> None:
    rows, landmark, horizon = frames(seed), 60, 300
    with opened(rows) as register:
        early = at_landmark(register, "placement", landmark)
        assert early.covariates == (*register.covariates, "pathway")
        cells = binary_cells(early, "placement", horizon, by=("option", "pathway"))
        as_option = binary_cells(
            at_landmark(register, "placement", landmark, as_option=True), "placement", horizon, ["option"]
        )
        assert binary_cells(register, "placement", 399, by=()).table["n"][0] == len(rows["clients"])
        had = at_landmark(register, "placement", landmark, as_option=True)
        kept = binary_cells(had, "placement", horizon, by=("option", "option_had")).table
    counted: dict[tuple[str, str], list[int]] = {}
    for client, mine in rows["episodes"].groupby("client"):
        outcome = rows["outcomes"].set_index("client").loc[client]
        if mine["provider"].isna().any() or outcome["time"] <= landmark:
            continue
        days = pd.to_datetime(mine["start"]) - pd.Timestamp(mine["start"].min())
        pathway = MANY if len(set(mine.loc[days.dt.days < landmark, "provider"])) > 1 else ONE
        each = counted.setdefault((mine["option"].iloc[0], pathway), [0, 0])
        each[0] += 1
        each[1] += bool(outcome["event"] and outcome["time"] <= landmark + horizon)
    told = {(row.option, row.pathway): [row.n, row.events] for row in cells.table.itertuples()}
    assert told == counted
    merged = {"usual": ONE, "new": MANY}
    assert {(row.option_had, merged[row.option]): [row.n, row.events] for row in kept.itertuples()} == counted
    for row in as_option.table.itertuples():
        mine = [each for (_, pathway), each in counted.items() if pathway == merged[row.option]]
        assert [row.n, row.events] == [sum(each[0] for each in mine), sum(each[1] for each in mine)]


def test_a_landmark_takes_away_the_merit_of_having_stayed() -> None:
    """Providers are met at a steady pace and change nothing: told from all the follow-up they seem to protect."""
    generator, size = np.random.default_rng(8), 4000
    time = np.ceil(generator.exponential(200, size)).clip(1, 400)
    ids = [f"c{n}" for n in range(size)]
    second = np.ceil(generator.exponential(150, size)).astype(int)
    ones = pd.DataFrame({"client": ids, "option": "usual", "start": FIRST, "end": FIRST, "cost": 1.0, "provider": "a"})
    later = ones.assign(start=[FIRST + timedelta(days=int(day)) for day in second], provider="b")
    later = later.assign(end=later["start"])[second < time]
    rows = {
        "clients": pd.DataFrame({"client": ids, "municipality": "091", "risk_group": "low"}),
        "episodes": pd.concat([ones, later]),
        "outcomes": pd.DataFrame({"client": ids, "outcome": "x", "time": time, "event": time < 400}),
    }
    with opened(rows) as register:
        cells = binary_cells(at_landmark(register, "x", 60), "x", 200, by=["pathway"]).table.set_index("pathway")
    risk = cells["events"] / cells["n"]
    naive_many = np.isin(ids, later["client"])
    naive = (time[naive_many] <= 260).mean() - (time[~naive_many] <= 260).mean()
    assert naive < -0.15
    assert abs(risk[MANY] - risk[ONE]) < 3 * np.sqrt(2 * 0.25 / cells["n"].min())


def test_a_landmark_nobody_reaches_is_told() -> None:
    with opened(frames(9, clients=10)) as register:
        for outcome, days in (("placement", 500), ("plcement", 30)):
            with pytest.raises(UsageError, match="no client was followed beyond"):
                at_landmark(register, outcome, days)
        for days in (0, -5, 1.5, True):
            with pytest.raises(UsageError, match="whole days above 0"):
                at_landmark(register, "placement", days)  # type: ignore[arg-type]


@pytest.mark.parametrize("long", [1, 3000])
def test_one_client_who_makes_nearly_all_of_the_gaps_hides_them(long: int) -> None:
    """Twelve clients have a gap; its mean would tell how long that of one of them is."""
    ids, day = [f"c{n:02d}" for n in range(40)], timedelta(days=1)
    rows = [(client, "usual", FIRST, FIRST, 1.0, "clinic") for client in ids]
    for n, client in enumerate(ids[:12]):
        later = FIRST + ((long if n == 0 else 1) + 1) * day
        rows.append((client, "usual", later, later, 1.0, "school"))
    told = frames(1)
    told["episodes"] = pd.DataFrame(rows, columns=told["episodes"].columns)
    told["clients"] = pd.DataFrame({"client": ids, "municipality": "091", "risk_group": "low"})
    with opened(told) as register:
        for by in (("option",), ()):
            [shown] = measures.coordination(register, by).to_dict("records")
            assert pd.isna(shown["gap_days"]) == (long > 1)
            assert shown["providers_per_client"] == 1.25  # 50 by 40
