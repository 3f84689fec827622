"""How clients move between providers: providers, hand-offs, gaps, referrals and the shares of payers.

All is reckoned where the rows lie. What begins with `_`, and every `Cells`, is exact;
`coordination`, `flows`, `shared_clients`, `payer_shares` and `overlap` are for showing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from costeff.disclosure import THRESHOLD, protect_count
from costeff.errors import Problem, UsageError
from costeff.records.cells import BY, HEADLINE, Cells, cells_of, clients_by, grouped, require
from costeff.records.sources import Register
from costeff.records.typed import null_of

if TYPE_CHECKING:
    import ibis.expr.types as ir

WITHIN_DAYS = 30
DOMINANCE = 0.9


# --- what feeds models ---------------------------------------------------------------------------


def provider_cells(register: Register, by: Sequence[str] = BY) -> Cells:
    """Clients by the number of their providers, over all their episodes.

    Parameters
    ----------
    by
        Any of "municipality", "option", "group" and the register's covariates.

    Returns
    -------
    Cells
        Columns `by`, count (providers, from 1), n (clients). Clients with an episode whose
        provider was not collected are left out.

    Raises
    ------
    DataError
        When the register breaks its declaration.
    UsageError
        For an unknown `by`, or a register without providers.
    """
    return _counted(register, "providers", by, _of_clients(register, WITHIN_DAYS))


def hand_off_cells(register: Register, by: Sequence[str] = BY, within_days: int = WITHIN_DAYS) -> Cells:
    """Clients by the number of their hand-offs.

    A hand-off is an episode followed, in the order of their first days, by one at another
    provider that began later and with at most `within_days` days without service between.
    Episodes that began on one day are given side by side and are no hand-off.

    Returns
    -------
    Cells
        Columns `by`, count (hand-offs, from 0), n (clients). Clients with an episode whose
        provider was not collected are left out.
    """
    return _counted(register, "hand_offs", by, _of_clients(register, within_days))


def gap_cells(register: Register, by: Sequence[str] = BY, within_days: int = WITHIN_DAYS) -> pd.DataFrame:
    """Gaps between services, exact: days on which a client, between episodes, had none.

    Returns
    -------
    DataFrame
        Columns `by`, clients, gaps, days (their sum), sum_squares (days squared), long (gaps
        of more than `within_days` days), clients_with_long.
    """
    per_client = _of_clients(register, within_days)
    rows = clients_by(register, by).join(per_client, "client")
    sums = {name: rows[name].sum() for name in ("gaps", "days", "sum_squares", "long")}
    return grouped(register, rows, by, clients=rows.count(), **sums, clients_with_long=(rows.long > 0).sum())


def payer_cells(register: Register, by: Sequence[str] = BY) -> pd.DataFrame:
    """Cost of the clients at each payer, exact.

    Returns
    -------
    DataFrame
        Columns `by`, payer, clients (with a cost at the payer), sum (EUR), largest and second (EUR, of
        the two clients who cost the most, 0 where there is no second: what `costeff.disclosure.tables`
        asks for, to judge whether the sum may be shown).
    """
    require(register, "costs")
    costs = register.rows("costs")
    euros = costs.cost.cast("decimal(18, 4)").sum().cast("decimal(19, 2)")
    totals = costs.group_by(["client", "payer"]).aggregate(cost=euros)
    rows = clients_by(register, by).join(totals.filter(totals.cost > 0), "client")
    rows = rows.mutate(place=_place(rows, "cost", [*by, "payer"]))
    euros = {"sum": rows.cost.sum(), "largest": rows.cost.max(), "second": rows.cost.sum(where=rows.place == 1)}
    sums = {name: value.fill_null(0).cast("float64") for name, value in euros.items()}
    return grouped(register, rows, [*by, "payer"], clients=rows.count(), **sums)


def referral_cells(register: Register, by: Sequence[str] = BY) -> pd.DataFrame:
    """Referrals between providers and those accepted, exact.

    Returns
    -------
    DataFrame
        Columns `by`, clients (referred), referrals, accepted.
    """
    require(register, "referrals")
    referrals = register.rows("referrals").select("client", "accepted")
    rows = clients_by(register, by).join(referrals, "client")
    sums = {"clients": rows.client.nunique(), "referrals": rows.count(), "accepted": rows.accepted.sum()}
    return grouped(register, rows, by, **sums)


# --- what may be shown ---------------------------------------------------------------------------


def coordination(
    register: Register, by: Sequence[str] = ("municipality", "option"), within_days: int = WITHIN_DAYS
) -> pd.DataFrame:
    """Providers, hand-offs and gaps, for showing.

    Returns
    -------
    DataFrame
        Columns `by`, clients, providers_per_client, hand_offs_per_client, gap_days (mean length
        of a gap), share_with_long_gap (of clients). Counts are rounded to 5, rates are of rounded counts,
        and everything is missing that leans on fewer than 10 clients or gaps, or of which two clients
        make over 90 %.
    """
    per_client = _of_clients(register, within_days)
    rows = clients_by(register, by).join(per_client, "client")
    names = ("providers", "hand_offs", "gaps", "days")
    clients = {"clients": rows.count(), "handed": (rows.hand_offs > 0).sum(), "with_gap": (rows.gaps > 0).sum()}
    sums = {name: rows[name].sum() for name in names} | {"clients_with_long": (rows.long > 0).sum()}
    exact = grouped(register, rows, by, **clients, **sums)
    largest = _largest_two(register, rows, by, names)
    led = {name: largest[name].astype(float) > DOMINANCE * exact[name].astype(float) for name in names}
    shown = exact[[*by]].copy()
    shown["clients"] = _shown(exact["clients"])
    providers = _rate(exact["providers"], exact["clients"], exact["clients"])
    hand_offs = _rate(exact["hand_offs"], exact["clients"], exact["handed"])
    gap_days = _rate(exact["days"], exact["gaps"], exact["with_gap"])
    shown["providers_per_client"] = providers.mask(led["providers"])
    shown["hand_offs_per_client"] = hand_offs.mask(led["hand_offs"])
    shown["gap_days"] = gap_days.mask(led["days"] | led["gaps"])
    shown["share_with_long_gap"] = _rate(exact["clients_with_long"], exact["clients"], exact["clients_with_long"])
    return shown


def flows(register: Register, within_days: int = WITHIN_DAYS) -> pd.DataFrame:
    """Hand-offs from provider to provider, for showing.

    Returns
    -------
    DataFrame
        Columns from_provider, to_provider, clients, hand_offs, days (mean length of the break between the two; 0 where
        they meet or overlap). Counts are rounded to 5, and a row is missing when fewer than 10 clients are in it; a
        mean also when two clients make over 90 % of its days.
    """
    rows = _in_order(register, within_days)
    rows = rows.filter(rows.hand_off)
    by = ("from_provider", "to_provider")
    rows = rows.mutate(from_provider=rows.last_provider, to_provider=rows.provider)
    each = rows.group_by(["client", *by]).aggregate(hand_offs=rows.count(), days=rows["break"].sum())
    exact = grouped(register, each, by, clients=each.count(), hand_offs=each.hand_offs.sum(), days=each.days.sum())
    few = exact["clients"] < THRESHOLD
    led = _largest_two(register, each, by, ("days",))["days"].astype(float) > DOMINANCE * exact["days"].astype(float)
    shown = exact[[*by]].assign(clients=_shown(exact["clients"]), hand_offs=_shown(exact["hand_offs"]).mask(few))
    shown["days"] = _rate(exact["days"], exact["hand_offs"], exact["clients"]).mask(led)
    return shown


def shared_clients(register: Register) -> pd.DataFrame:
    """Clients of each provider, and how many of them are a client of another one too, for showing.

    Returns
    -------
    DataFrame
        Columns provider, clients, shared (clients), share. Counts are rounded to 5 and missing when fewer than 10; all
        is missing too where those who are shared, or those who are not, are fewer than 10 but some.
    """
    rows = provided_episodes(register).select("client", "provider").distinct()
    many = rows.group_by("client").aggregate(providers=rows.count())
    rows = rows.join(many.filter(many.providers > 1), "client", how="left")
    exact = grouped(register, rows, ("provider",), clients=rows.count(), shared=(rows.providers > 1).sum())
    exact["shared"] = exact["shared"].fillna(0)
    alone = exact["clients"] - exact["shared"]
    few = (exact["clients"] < THRESHOLD) | exact["shared"].between(1, THRESHOLD - 1) | alone.between(1, THRESHOLD - 1)
    shown = exact[["provider"]].assign(clients=_shown(exact["clients"]), shared=_shown(exact["shared"]))
    shown["share"] = (shown["shared"].astype("Float64") / shown["clients"].astype("Float64")).round(2)
    return shown.assign(**{name: shown[name].mask(few) for name in ("clients", "shared", "share")})


def payer_shares(register: Register, by: Sequence[str] = ("option",)) -> pd.DataFrame:
    """The share of each payer of the cost of clients, for showing.

    Returns
    -------
    DataFrame
        Columns `by`, payer, clients, share (per cent, whole). A payer is missing where fewer
        than 10 clients cost it something, or two of them make over 90 % of the sum.
    """
    exact = payer_cells(register, by)
    whole = exact.groupby([*by])["sum"].transform("sum") if by else exact["sum"].sum()
    hidden = (exact["clients"] < THRESHOLD) | (exact["largest"] + exact["second"] > DOMINANCE * exact["sum"])
    shown = exact[[*by, "payer"]].copy()
    shown["clients"] = _shown(exact["clients"])
    shown["share"] = (100 * exact["sum"] / whole).round().astype("Int64").mask(hidden)
    # One that is hidden alone would be the rest of a hundred: the next smallest is hidden with it.
    return _never_one(shown, exact["sum"], [*by])


def overlap(register: Register) -> pd.DataFrame:
    """Clients by number of providers and by pair of providers, for showing.

    Returns
    -------
    DataFrame
        Columns kind ("providers" or "pair"), what ("2"; "clinic + school"), clients: rounded
        to 5, and missing when fewer than 10. Pairs hold clients with other providers too.
    """
    exact = _overlap_exact(register)
    return exact.assign(clients=_shown(exact["clients"]))


def _overlap_exact(register: Register) -> pd.DataFrame:
    rows = provided_episodes(register).select("client", "provider").distinct()
    many = rows.group_by("client").aggregate(what=rows.provider.nunique())
    numbers = grouped(register, many, ("what",), clients=many.count())
    other = rows.view()
    both = rows.join(other, [rows.client == other.client, rows.provider < other.provider], rname="{name}_other")
    pairs = grouped(register, both, ("provider", "provider_other"), clients=both.count())
    pairs["what"] = pairs["provider"] + " + " + pairs["provider_other"]
    kinds = [
        numbers.assign(kind="providers", what=numbers["what"].astype(int).astype(str)),
        pairs.assign(kind="pair"),
    ]
    return pd.concat(kinds, ignore_index=True)[["kind", "what", "clients"]]


def _place(rows: ir.Table, name: str, by: Sequence[str]) -> ir.Value:
    """From 0, of the client who has the most."""
    import ibis

    return ibis.row_number().over(ibis.window(group_by=[*by], order_by=[rows[name].desc(), rows.client]))


def _largest_two(register: Register, rows: ir.Table, by: Sequence[str], names: Sequence[str]) -> pd.DataFrame:
    """What the two clients who have the most of each make together, row by row as `grouped` gives them."""
    import ibis

    rows = rows.mutate(**{f"place_{name}": _place(rows, name, by) for name in names})
    return grouped(
        register, rows, by, **{name: ibis.ifelse(rows[f"place_{name}"] < 2, rows[name], 0).sum() for name in names}
    )


def _shown(counts: pd.Series) -> pd.Series:
    return pd.Series(pd.array([protect_count(int(n)) for n in counts], dtype="Int64"), index=counts.index)


def _rate(numerator: pd.Series, denominator: pd.Series, people: pd.Series) -> pd.Series:
    """Of rounded counts, where enough people stand behind the numerator too."""
    rate = _shown(numerator).astype("Float64") / _shown(denominator).astype("Float64")
    return rate.round(2).mask(people < THRESHOLD)


def _never_one(shown: pd.DataFrame, sums: pd.Series, by: list[str]) -> pd.DataFrame:
    groups = [rows.index for _, rows in shown.groupby(by)] if by else [shown.index]
    for index in groups:
        hidden = shown.loc[index, "share"].isna()
        if hidden.sum() == 1 and not hidden.all():
            shown.loc[sums.loc[index][~hidden].idxmin(), ["clients", "share"]] = pd.NA
    return shown


# --- where the rows lie --------------------------------------------------------------------------


def provided_episodes(register: Register) -> ir.Table:
    """Episodes with their provider; clients with an episode whose provider was not collected are left out."""
    require(register, "episodes")
    episodes = register.rows("episodes")
    if "provider" not in episodes.columns:
        cure = "add the column provider, or join the registers of the providers: costeff link join"
        raise UsageError(HEADLINE, [Problem("episodes.provider", "was not collected in this register", cure)])
    unknown = episodes.filter(null_of(episodes.provider)).select("client").distinct()
    return episodes.anti_join(unknown, "client")


def _of_clients(register: Register, within_days: int) -> ir.Table:
    """A row for each client: providers, hand_offs, gaps, days, sum_squares, long."""
    rows = _in_order(register, within_days)
    return rows.group_by("client").aggregate(
        providers=rows.provider.nunique(),
        hand_offs=rows.hand_off.sum(),
        gaps=(rows.gap > 0).sum(),
        days=rows.gap.sum(),
        sum_squares=(rows.gap * rows.gap).sum(),
        long=(rows.gap > within_days).sum(),
    )


def _in_order(register: Register, within_days: int) -> ir.Table:
    """Episodes with last_provider, hand_off, break (days since the last episode) and gap (days without any)."""
    import ibis

    if isinstance(within_days, bool) or not isinstance(within_days, int) or not 0 <= within_days <= 3650:
        cure = "give whole days from 0 to 3650, such as 30"
        raise UsageError(HEADLINE, [Problem("within_days", "is not a number of days", cure)])
    rows = provided_episodes(register).select("client", "provider", "start", "end")
    order = {"group_by": "client", "order_by": [rows.start, rows.end, rows.provider]}
    rows = rows.mutate(
        **{f"last_{name}": rows[name].lag().over(ibis.window(**order)) for name in ("provider", "start", "end")},
        covered=rows.end.max().over(ibis.window(**order, preceding=(None, 1))),  # by any episode before
    )
    between = rows.start.delta(rows.last_end, unit="day") - 1  # the last day of an episode is a day of service
    empty = (rows.start.delta(rows.covered, unit="day") - 1).fill_null(0)
    follows = (rows.last_provider != rows.provider) & (rows.start > rows.last_start) & (between <= within_days)
    days = {"break": between, "gap": empty}
    return rows.mutate(
        hand_off=follows.fill_null(False),
        **{name: ibis.ifelse(values > 0, values, 0).cast("int64") for name, values in days.items()},
    )


def _counted(register: Register, what: str, by: Sequence[str], per_client: ir.Table) -> Cells:
    every = clients_by(register, by)
    rows = every.join(per_client.select("client", count=per_client[what]), "client")
    table = grouped(register, rows, [*by, "count"], n=rows.count()).astype({"count": "int64", "n": "int64"})
    clients = int(register.run(every.aggregate(n=every.count()))["n"][0])
    return cells_of(register, "count", by, table, what, left_out=clients - int(table["n"].sum()))
