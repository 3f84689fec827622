"""Pseudonymised registers of several providers, joined into one: a client is one, an episode is one.

Every rule by which two tellings become one is counted, and told in the report. The
rules themselves are in docs/methods/linkage.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from costeff.disclosure import protect_count
from costeff.errors import DataError, Problem, Problems, UsageError
from costeff.records import merging
from costeff.records.folders import frames_of, write_frames
from costeff.records.hashed import PSEUDONYM
from costeff.records.info import RegisterInfo
from costeff.records.merging import SOURCE
from costeff.records.sources import Register, check, open_register, register_from_frames
from costeff.records.tables import TABLES
from costeff.records.typed import ROW

NOT_JOINED = "The registers cannot be joined"
NOT_WRITTEN = "The joined register was not written"
COMPLETE = ("counts", "ends")  # tables in which every client has a row, or which are not there

TOLD = {
    "clients": "clients in the joined register",
    "clients_of_many": "clients told of by more than one provider",
    "episodes_read": "episodes read",
    "episodes": "episodes in the joined register",
    "repeated_episodes": "rows of episodes that stand twice at one provider: kept, both of them",
    "same_episodes": "episodes told by two providers and made one (same client, provider, service, start and end)",
    "same_episodes_other_cost": "of those, with another cost: that of the provider who gave the service was kept",
    "overlapping_episodes": "episodes that overlap with one at another provider: kept, both of them",
    "other_municipality": "clients whose municipality was told in two ways: residence decides, or the first episode",
    "other_risk_group": "clients whose risk group was told in two ways: the first episode decides",
    "other_option": "clients whose option was told in two ways: the first episode decides",
    "other_outcomes": "outcomes told in two ways: the first event decides, or the longest follow-up",
    "other_answers": "counts, meters, answers and ends told in two ways: the first episode decides",
    "same_costs": "costs told by two providers and made one (all columns the same)",
    "same_referrals": "referrals told by two providers and made one",
    "other_residence": "clients whose places of residence were told in two ways: the latest known move decides",
    "moved": "clients who moved from a municipality to another",
}


@dataclass(frozen=True)
class LinkageReport:
    """What joining did. The counts are exact and not shown; `protected` is for showing."""

    providers: tuple[str, ...]
    exact: Mapping[str, int] = field(repr=False)
    left_out: tuple[str, ...] = ()  # tables that some provider did not send

    def protected(self) -> pd.DataFrame:
        """Columns what, count: rounded to 5, and missing when fewer than 10."""
        counts = [protect_count(self.exact[name]) for name in TOLD]
        return pd.DataFrame({"what": list(TOLD.values()), "count": pd.array(counts, dtype="Int64")})


@dataclass(frozen=True)
class Linkage:
    """A joined register and the report of how it was joined."""

    register: Register
    report: LinkageReport
    frames: Mapping[str, pd.DataFrame] = field(repr=False)

    def write(self, folder: str | Path) -> None:
        """As a register of Parquet files, complete or not at all.

        Raises
        ------
        SetupError
            When the folder is there already or cannot be written.
        """
        write_frames(Path(folder), dict(self.frames), self.register.info, NOT_WRITTEN)


def linked(
    sources: Sequence[str | Path],
    label: str = "",
    first_option: bool = False,
    known_municipalities: Iterable[str] | None = None,
) -> Linkage:
    """Join the pseudonymised registers of several providers.

    Parameters
    ----------
    sources
        Registers as `pseudonymise` wrote them, with one key.
    label
        What the joined register is called.
    first_option
        Whether clients with different options at different providers take that of their
        first episode; otherwise they are a problem.
    known_municipalities
        Municipality codes in force; None leaves that rule out.

    Returns
    -------
    Linkage
        `register` is checked, and behaves as any other.

    Raises
    ------
    UsageError
        For fewer than two registers.
    DataError
        When a register does not hold together, was not made with the same key as the
        others, comes from the same provider as another, or options differ.
    """
    if len(sources) < 2:
        raise UsageError(NOT_JOINED, [Problem("sources", "is fewer than two registers", "give two or more")])
    known = None if known_municipalities is None else list(known_municipalities)
    infos, read = _read(sources, known)
    providers = tuple(provider for info in infos for provider in (info.pseudonyms.providers if info.pseudonyms else ()))
    left_out = tuple(name for name in COMPLETE if 0 < sum(name in frames for frames in read) < len(read))
    frames, exact = _merged(_stacked(read, infos, left_out), providers_of(infos), first_option)
    keyed = infos[0].pseudonyms
    dates = [info.data_date for info in infos if info.data_date is not None]
    info = RegisterInfo(
        pseudonyms=keyed.override(providers=providers) if keyed else None,
        synthetic=infos[0].synthetic,
        label=label or f"Joined register of {len(providers)} providers",
        data_date=max(dates) if len(dates) == len(infos) else None,
    )
    register = register_from_frames(frames, info.synthetic, info.label, TABLES)
    register.info = info
    check(register, known)
    return Linkage(register, LinkageReport(providers, exact, left_out), frames)


def providers_of(infos: Sequence[RegisterInfo]) -> tuple[str, ...]:
    """The provider of each source, for rows that name none; empty for one that was itself joined."""
    told = (info.pseudonyms.providers if info.pseudonyms else () for info in infos)
    return tuple(providers[0] if len(providers) == 1 else "" for providers in told)


def _read(
    sources: Sequence[str | Path], known: list[str] | None
) -> tuple[list[RegisterInfo], list[dict[str, pd.DataFrame]]]:
    problems, infos, frames = Problems(), list[RegisterInfo](), list[dict[str, pd.DataFrame]]()
    for source in sources:
        with open_register(source, keep_pseudonyms=True) as register:
            infos.append(register.info)
            place = f"{register.shown}: register.json"
            if register.info.pseudonyms is None or not register.info.pseudonyms.providers:
                cure = "make it with costeff link pseudonymise: without a key of the project clients cannot be joined"
                problems.add(place, "does not say with which key the pseudonyms were made", cure)
                continue
            check(register, known)
            _tell_others(register, problems)
            frames.append({name: rows.drop(columns=ROW, errors="ignore") for name, rows in frames_of(register).items()})
    _tell_differences(infos, problems)
    problems.raise_if_any(DataError, NOT_JOINED)
    # By provider, so that where nothing else decides, the order in which they were given does not.
    order = sorted(range(len(infos)), key=lambda n: infos[n].model_dump_json(include={"pseudonyms"}))
    return [infos[n] for n in order], [frames[n] for n in order]


def _tell_others(register: Register, problems: Problems) -> None:
    """Clients that are no pseudonym of ours, whatever register.json says; the other tables hold no others."""
    clients = register.run(register.rows("clients").select("client"))["client"]
    if others := int((~clients.str.fullmatch(PSEUDONYM)).sum()):
        told = protect_count(others) or "fewer than 10"
        cure = "make it again with costeff link pseudonymise: only its pseudonyms are known to be keyed"
        problems.add(f"{register.shown}: clients.client", f"{told} clients have no pseudonym made with a key", cure)


def _tell_differences(infos: Sequence[RegisterInfo], problems: Problems) -> None:
    keyed = [info.pseudonyms for info in infos if info.pseudonyms is not None]
    if len({each.project for each in keyed}) > 1:
        cure = "make the pseudonyms of all of them for one project"
        problems.add("register.json project", "differs between the registers", cure)
    elif len({each.key for each in keyed}) > 1:
        cure = "make the pseudonyms of all of them with one key: those of two keys have nothing in common"
        problems.add("register.json key", "differs between the registers", cure)
    providers = [provider for each in keyed for provider in each.providers]
    twice = sorted({provider for provider in providers if providers.count(provider) > 1})
    if twice:
        cure = "give each register once, and every provider an id of its own"
        problems.add("register.json providers", f"{', '.join(twice)} stands in more than one register", cure)
    if len({info.synthetic for info in infos}) > 1:
        cure = "join synthetic registers with each other only"
        problems.add("register.json synthetic", "is true of some registers and false of others", cure)


def _stacked(
    read: Sequence[Mapping[str, pd.DataFrame]], infos: Sequence[RegisterInfo], left_out: tuple[str, ...]
) -> dict[str, pd.DataFrame]:
    """All rows of each table, with the number of their source and the provider filled in."""
    stacked: dict[str, pd.DataFrame] = {}
    for name in TABLES:
        parts = [frames[name].assign(**{SOURCE: n}) for n, frames in enumerate(read) if name in frames]
        if not parts or name in left_out:
            continue
        stacked[name] = pd.concat(parts, ignore_index=True)
    merging.fill_provider(stacked, {n: provider or None for n, provider in enumerate(providers_of(infos))})
    return stacked


def _merged(
    rows: dict[str, pd.DataFrame], providers: Sequence[str], first_option: bool
) -> tuple[dict[str, pd.DataFrame], dict[str, int]]:
    exact = dict.fromkeys(TOLD, 0)
    starts = rows["episodes"].groupby(["client", SOURCE], as_index=False)["start"].min()
    first = merging.first_episodes(rows["episodes"], providers)
    made: dict[str, pd.DataFrame] = {}
    if "residence" in rows:
        made["residence"] = merging.residence(rows["residence"], first, exact)
    made["clients"] = merging.clients(rows["clients"], first, made.get("residence"), exact)
    made["episodes"] = merging.episodes(rows["episodes"], providers, exact)
    if exact["other_option"] and not first_option:
        cure = "ask for --first-option, which takes that of the first episode; or correct the registers"
        rule = f"{protect_count(exact['other_option']) or 'fewer than 10'} clients have different options at providers"
        raise DataError(NOT_JOINED, [Problem("episodes.option", rule, cure)])
    made["outcomes"] = merging.outcomes(rows["outcomes"], starts, first, exact)
    for name in ("counts", "meters", "experience", "ends"):
        if name in rows:
            made[name] = merging.answers(rows[name], TABLES[name].key, first, exact)
    if "costs" in rows:
        made["costs"] = merging.costs(rows["costs"], exact)
    if "referrals" in rows:
        made["referrals"] = merging.referrals(rows["referrals"], exact)
    frames = {name: made[name].sort_values([*made[name].columns], ignore_index=True) for name in TABLES if name in made}
    return frames, exact
