"""Two tellings made one: a rule for each table, and how often it was needed."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

SOURCE = "__source"  # number of the register a row came from

Counts = dict[str, int]


def _days(values: pd.Series) -> pd.Series:
    return pd.to_datetime(values).astype("datetime64[s]")


def fill_provider(frames: dict[str, pd.DataFrame], provider: object) -> None:
    """An episode that names no provider is of the one who tells it.

    A cost may have arisen at nobody's door, such as a benefit: two who tell of it must not make it two.
    `provider` is one id, or the id of each source.
    """
    rows = frames["episodes"]
    own = rows[SOURCE].map(provider) if isinstance(provider, dict) else provider
    if "provider" not in rows:
        frames["episodes"] = rows.assign(provider=own)
    elif own is not None:
        frames["episodes"] = rows.assign(provider=rows["provider"].fillna(own))


def first_episodes(rows: pd.DataFrame, providers: Sequence[str]) -> pd.DataFrame:
    """Index client; `start` and source of the first episode, as the provider who gave it told it, if it did."""
    told_by_others = rows["provider"] != rows[SOURCE].map(dict(enumerate(providers)))
    ordered = rows.assign(other=told_by_others).sort_values(["start", "other", SOURCE], kind="stable")
    return ordered.drop_duplicates("client").set_index("client")[["start", SOURCE]]


def clients(rows: pd.DataFrame, first: pd.DataFrame, residence: pd.DataFrame | None, exact: Counts) -> pd.DataFrame:
    """One row for each client, told by the provider of the first episode; residence knows the municipality better.

    Parameters
    ----------
    first
        Index client; `start` and source of the first episode.
    """
    differing = rows.groupby("client")[["municipality", "risk_group"]].nunique().gt(1)
    exact["clients_of_many"] = int(rows.groupby("client")[SOURCE].nunique().gt(1).sum())
    exact["other_municipality"], exact["other_risk_group"] = map(int, differing.sum())
    one = rows[rows[SOURCE] == rows["client"].map(first[SOURCE])].drop(columns=SOURCE).set_index("client")
    unclear = differing.index[differing["municipality"]]
    if residence is not None and len(unclear):
        lived = residence[residence["client"].isin(unclear)]
        day = _days(lived["client"].map(first["start"]))
        then = lived[(_days(lived["start"]) <= day) & (_days(lived["end"]).fillna(day) >= day)]
        one.loc[then["client"], "municipality"] = then["municipality"].to_numpy()
    exact["clients"] = len(one)
    return one.reset_index()


def episodes(rows: pd.DataFrame, providers: Sequence[str], exact: Counts) -> pd.DataFrame:
    """An episode told by two providers once, twice at one provider is two; one option for each client, the first's."""
    exact["episodes_read"] = len(rows)
    columns = [*rows.columns.drop(SOURCE)]
    exact["repeated_episodes"] = int(rows.duplicated([*columns, SOURCE]).sum())
    once = _told_once(rows, providers, exact)
    exact["episodes"] = len(once)
    exact["overlapping_episodes"] = _overlapping(once)
    exact["other_option"] = int(once.groupby("client")["option"].nunique().gt(1).sum())
    option = once.sort_values(["start", SOURCE]).drop_duplicates("client").set_index("client")["option"]
    return once.assign(option=once["client"].map(option))[columns]


def _told_once(rows: pd.DataFrame, providers: Sequence[str], exact: Counts) -> pd.DataFrame:
    """Told by two: the row of the one who gave the service is kept.

    Where service and provider are named, client, service, provider and days tell which episodes are the same.
    Two who each name themselves gave one visit each, unless all else is the same. Without a service nobody
    can know: only rows the same in every column are one.
    """
    own = rows["provider"] == rows[SOURCE].map(dict(enumerate(providers)))
    columns = [*rows.columns.drop(SOURCE)]
    ordered = rows.assign(own=~own).sort_values(["own", SOURCE, *columns], kind="stable").drop(columns="own")
    named = ordered["service"].notna() & ordered["provider"].notna() if "service" in ordered else own & False
    same = ordered.assign(**{name: ordered[name].where(~named) for name in ("option", "cost")})
    again = _again(same, columns)
    exact["same_episodes_other_cost"] = int((_cost_of_first(ordered, same, columns) != ordered["cost"])[again].sum())
    left = ordered[~again & named & own.reindex(ordered.index)]
    both = _again(left, [name for name in columns if name != "provider"]).reindex(ordered.index, fill_value=False)
    exact["same_episodes"] = int((again | both).sum())
    return ordered[~(again | both)].sort_index()


def _again(rows: pd.DataFrame, columns: list[str]) -> pd.Series:
    """Rows that an earlier one at another source has told; one that stands twice at the same source is two."""
    number = rows.groupby([*columns, SOURCE], dropna=False).cumcount()
    return rows.assign(number=number).duplicated([*columns, "number"])


def _cost_of_first(rows: pd.DataFrame, same: pd.DataFrame, columns: list[str]) -> pd.Series:
    """The cost of the row that is kept for each."""
    number = same.groupby([*columns, SOURCE], dropna=False).cumcount()
    keys = same.assign(number=number, kept=rows["cost"]).groupby([*columns, "number"], dropna=False)
    first: pd.Series = keys["kept"].transform("first")
    return first


def _overlapping(rows: pd.DataFrame) -> int:
    """Episodes that share a day with an episode of the client at another provider."""
    slim = rows.assign(start=_days(rows["start"]), end=_days(rows["end"]), number=range(len(rows)))
    slim = slim[["client", "provider", "start", "end", "number"]].dropna(subset=["provider"])
    slim = slim[slim.groupby("client")["provider"].transform("nunique") > 1]
    pairs = slim.merge(slim, on="client", suffixes=("", "_other"))
    meet = (pairs["start"] <= pairs["end_other"]) & (pairs["start_other"] <= pairs["end"])
    return int(pairs.loc[meet & (pairs["provider"] != pairs["provider_other"]), "number"].nunique())


def outcomes(rows: pd.DataFrame, starts: pd.DataFrame, first: pd.DataFrame, exact: Counts) -> pd.DataFrame:
    """Days from the client's first episode anywhere; the first event told, or else the longest follow-up.

    A provider counts days from its own first episode, so its times are moved by the
    days between that and the first of all.
    """
    own = rows.merge(starts, on=["client", SOURCE], how="left")["start"]
    rows = rows.reset_index(drop=True)
    later = (_days(own) - _days(rows["client"].map(first["start"]))).dt.days
    moved = rows.assign(time=rows["time"].astype(float) + later.to_numpy())
    key = ["client", "outcome"]
    exact["other_outcomes"] = len(moved.drop_duplicates([*key, "time", "event"])) - len(moved.drop_duplicates(key))
    event = moved["event"].astype(bool)
    order = moved.assign(rank=(~event).astype(int), when=moved["time"].where(event, -moved["time"]))
    return order.sort_values([*key, "rank", "when"]).drop_duplicates(key)[[*key, "time", "event"]]


def answers(rows: pd.DataFrame, key: Sequence[str], first: pd.DataFrame, exact: Counts) -> pd.DataFrame:
    """One row for each key, that of the provider of the first episode when several tell."""
    columns = [*rows.columns.drop(SOURCE)]
    exact["other_answers"] += len(rows.drop_duplicates(columns)) - len(rows.drop_duplicates([*key]))
    later = rows[SOURCE] != rows["client"].map(first[SOURCE])
    ordered = rows.assign(later=later).sort_values(["later", SOURCE], kind="stable")
    return ordered.drop_duplicates([*key])[columns]


def costs(rows: pd.DataFrame, exact: Counts) -> pd.DataFrame:
    """A cost told by two providers once; one that stands twice at the same provider is two costs."""
    columns = [*rows.columns.drop(SOURCE)]
    once = ~_again(rows, columns)
    exact["same_costs"] = int((~once).sum())
    return rows.loc[once, columns]


def referrals(rows: pd.DataFrame, exact: Counts) -> pd.DataFrame:
    """A referral told by both ends once; accepted when either says so."""
    columns = [*rows.columns.drop(SOURCE)]
    key = [name for name in columns if name != "accepted"]
    once = rows.groupby(key, dropna=False, as_index=False)["accepted"].any()
    exact["same_referrals"] = len(rows) - len(once)
    return once[columns]


def residence(rows: pd.DataFrame, first: pd.DataFrame, exact: Counts) -> pd.DataFrame:
    """The periods of each client as one provider told them: who knows the latest move, or gave the first episode."""
    columns = [*rows.columns.drop(SOURCE)]
    told = rows.assign(start=_days(rows["start"]), end=_days(rows["end"]))
    latest = told.groupby(["client", SOURCE], as_index=False)["start"].max()
    latest["later"] = latest[SOURCE] != latest["client"].map(first[SOURCE])
    best = latest.sort_values(["start", "later", SOURCE], ascending=[False, True, True]).drop_duplicates("client")
    kept = rows[rows[SOURCE] == rows["client"].map(best.set_index("client")[SOURCE])][columns]
    both = rows.drop_duplicates(columns).groupby("client").size() > kept.groupby("client").size()
    exact["other_residence"] = int(both.sum())
    exact["moved"] = int(kept.groupby("client")["municipality"].nunique().gt(1).sum())
    return kept
