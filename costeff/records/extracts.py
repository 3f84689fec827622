"""Extracts of several providers, as they would send them, out of one synthetic register: for tests and training.

Each holds made-up identity codes (numbers 900-999) in place of pseudonyms, knows only
the provider's own clients and episodes, and has habits of its own.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from costeff.draws import rng
from costeff.errors import DataError, Problem, UsageError
from costeff.identity import artificial
from costeff.records.folders import frames_of, whole_folder, write_json
from costeff.records.info import INFO_FILE, RegisterInfo
from costeff.records.mapping import MAPPING_FILE
from costeff.records.pseudonyms import Key, pseudonymise
from costeff.records.sources import Register, check, open_register
from costeff.records.synthetic import TRUTH_FILE
from costeff.records.typed import ROW

NOT_WRITTEN = "The extracts were not written"
SHARE_TOLD_TWICE = 0.03  # of episodes of clients with many providers, told by another provider too, in whole euros
SHARE_LOWER_CASE = 0.1  # of codes, where they are written by hand
TABLES = ("clients", "episodes", "outcomes", "residence", "referrals", "costs")

# A county's own names and codes, for the first habit.
NAMES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "clients": ("asiakkaat", {"municipality": "kotikunta", "risk_group": "riskiryhmä"}),
    "episodes": (
        "palvelujaksot",
        {"option": "toimintamalli", "start": "alkamispäivä", "end": "päättymispäivä", "cost": "kustannus_€"}
        | {"provider": "tuottaja", "service": "palvelu"},
    ),
    "outcomes": ("tulokset", {"outcome": "tulos", "time": "päiviä", "event": "tapahtui"}),
    "residence": ("asuminen", {"municipality": "kunta", "start": "alkaen", "end": "päättyen"}),
    "referrals": (
        "lähetteet",
        {"date": "päivä", "from_provider": "lähettäjä", "to_provider": "vastaanottaja", "service": "palvelu"}
        | {"accepted": "vastaanotettiin"},
    ),
    "costs": (
        "kustannukset",
        {"kind": "laji", "payer": "maksaja", "provider": "tuottaja", "date": "päivä", "cost": "summa_€"},
    ),
}
CODES: Mapping[str, Mapping[str, str]] = {
    "risk_group": {"matala": "low", "keskitaso": "middle", "korkea": "high"},
    "option": {"perus": "usual", "uusi": "new"},
    "event": {"kyllä": "true", "ei": "false"},
    "accepted": {"kyllä": "true", "ei": "false"},
}


@dataclass(frozen=True)
class Habit:
    """How a provider writes its files."""

    separator: str
    encoding: str
    decimal: str
    date: str
    own_names: bool = False
    by_hand: bool = False


HABITS = (
    Habit(";", "cp1252", ",", "{0.day}.{0.month}.{0.year}", own_names=True),
    Habit(";", "utf-8-sig", ",", "{0.day}.{0.month}.{0.year}", by_hand=True),
    Habit(",", "utf-8", ".", "{0:%Y-%m-%d}"),
)


def write_extracts(source: str | Path, folder: str | Path, seed: int) -> pd.DataFrame:
    """Write the extract of each provider of a synthetic register, and the truth of how they overlap.

    Parameters
    ----------
    source
        A synthetic register whose episodes name their providers.
    folder
        Where it appears, complete or not at all: a folder for each provider, and truth.json.
    seed
        The same seed and register give the same codes and files.

    Returns
    -------
    DataFrame
        Columns provider, clients, episodes: what each extract holds. Of made-up clients, so exact.

    Raises
    ------
    UsageError
        When the register is not synthetic, or names fewer than two providers.
    DataError, SetupError
        When it does not hold together; when the folder is there or cannot be written.
    """
    with open_register(source, keep_pseudonyms=True) as register:
        if not register.synthetic:
            cure = "give one written by costeff synth: no codes are made up for real clients"
            raise UsageError(NOT_WRITTEN, [Problem(Path(source).name, "is not a synthetic register", cure)])
        check(register)
        frames, info = _frames(register), register.info
    providers = sorted(frames["episodes"]["provider"].unique())
    if len(providers) < 2:
        cure = "draw one whose truth has providers"
        raise UsageError(NOT_WRITTEN, [Problem("episodes.provider", "names fewer than two providers", cure)])
    parts = {provider: _part(frames, provider) for provider in providers}
    twice = _told_twice(parts, frames["episodes"], rng(seed, "extracts", "twice"))
    clients = frames["clients"]["client"]
    codes = dict(zip(clients, artificial(len(clients), rng(seed, "extracts", "codes")), strict=True))
    rows = []
    with whole_folder(Path(folder), NOT_WRITTEN) as draft:
        for number, (provider, part) in enumerate(parts.items()):
            generator = rng(seed, "extracts", provider)
            part = part | {"episodes": part["episodes"].sample(frac=1, random_state=generator)}
            _write(draft / provider, part, codes, HABITS[number % len(HABITS)], info, generator)
            rows.append((provider, len(part["clients"]), len(part["episodes"])))
        write_json(draft / TRUTH_FILE, _truth(frames, parts) | twice)
    return pd.DataFrame(rows, columns=["provider", "clients", "episodes"])


def write_providers(
    source: str | Path, folder: str | Path, seed: int, known_municipalities: Iterable[str] | None = None
) -> list[Path]:
    """Write the register of each provider of a synthetic register as its provider would send it: pseudonymised.

    The key is made from the seed: it hides nobody, for no code in the extracts is anybody's.

    Parameters
    ----------
    source, folder, seed
        As `write_extracts`; truth.json is that of the extracts.
    known_municipalities
        Municipality codes in force; None leaves that rule out.

    Returns
    -------
    list of Path
        The registers, by provider: what `linkage.linked` joins.

    Raises
    ------
    UsageError, DataError, SetupError
        As `write_extracts`.
    """
    folder = Path(folder)
    key = Key("practice", hashlib.sha256(f"practice {seed}".encode()).digest())
    known = None if known_municipalities is None else list(known_municipalities)
    with tempfile.TemporaryDirectory(prefix="costeff-") as beside, whole_folder(folder, NOT_WRITTEN) as draft:
        extracts = Path(beside) / "extracts"
        providers = write_extracts(source, extracts, seed)["provider"].tolist()
        for provider in providers:
            pseudonymise(str(extracts / provider), draft / provider, key, provider, known)
        shutil.copy(extracts / TRUTH_FILE, draft / TRUTH_FILE)
    return [folder / provider for provider in providers]


def _frames(register: Register) -> dict[str, pd.DataFrame]:
    """The rows of clients whose provider is known in every episode."""
    if "provider" not in register.rows("episodes").columns:
        cure = "draw one whose truth has providers"
        raise UsageError(NOT_WRITTEN, [Problem("episodes.provider", "is not in this register", cure)])
    there = [name for name in TABLES if name in register.stored]
    read = frames_of(register)
    frames = {name: read[name].drop(columns=ROW, errors="ignore") for name in there}
    unknown = frames["episodes"].loc[frames["episodes"]["provider"].isna(), "client"]
    frames = {name: frame[~frame["client"].isin(unknown)].reset_index(drop=True) for name, frame in frames.items()}
    if frames["clients"].empty:
        raise DataError(NOT_WRITTEN, [Problem("episodes.provider", "is empty for every client", "name the providers")])
    for name, columns in {"episodes": ("start", "end"), "residence": ("start", "end"), "referrals": ("date",)}.items():
        for column in columns if name in frames else ():
            frames[name][column] = pd.to_datetime(frames[name][column])
    return frames


def _part(frames: Mapping[str, pd.DataFrame], provider: str) -> dict[str, pd.DataFrame]:
    """What one provider knows: its clients and episodes, days from its own first episode, moves before its last day."""
    episodes = frames["episodes"]
    own = episodes[episodes["provider"] == provider]
    mine = own["client"].unique()
    part = {"clients": frames["clients"][frames["clients"]["client"].isin(mine)], "episodes": own}
    span = own.groupby("client").agg(start=("start", "min"), last=("end", "max"))
    later = span["start"] - episodes.groupby("client")["start"].min().loc[span.index]
    outcomes = frames["outcomes"][frames["outcomes"]["client"].isin(mine)]
    time = outcomes["time"] - outcomes["client"].map(later.dt.days)
    # An event from before the provider's first day is not in its files; it only knows that there was none since.
    part["outcomes"] = outcomes.assign(event=outcomes["event"].astype(bool) & (time > 0), time=time.clip(lower=1))
    if "residence" in frames:
        rows = frames["residence"][frames["residence"]["client"].isin(mine)]
        last = rows["client"].map(span["last"])
        part["residence"] = rows[rows["start"] <= last].assign(end=rows["end"].where(rows["end"] <= last))
    if "referrals" in frames:
        rows = frames["referrals"]
        ends = (rows["from_provider"] == provider) | (rows["to_provider"] == provider)
        part["referrals"] = rows[ends & rows["client"].isin(mine)]
    if "costs" in frames:
        rows = frames["costs"]
        part["costs"] = rows[rows["client"].isin(mine) & (_teller(rows, episodes) == provider)]
    return {name: rows for name, rows in part.items() if len(rows)}


def _teller(costs: pd.DataFrame, episodes: pd.DataFrame) -> pd.Series:
    """Who tells of a cost: where it arose, or, when that sends no extract, the client's first provider."""
    first = episodes.sort_values(["start", "provider"]).drop_duplicates("client").set_index("client")["provider"]
    known = costs["provider"].isin(set(episodes["provider"]))
    return costs["provider"].where(known, costs["client"].map(first))


def _told_twice(
    parts: dict[str, dict[str, pd.DataFrame]], episodes: pd.DataFrame, generator: np.random.Generator
) -> dict[str, Any]:
    """Some episodes, where the service is known, are told by another provider of the client too."""
    if "service" not in episodes:
        return {"told_twice": 0}
    clients = {provider: set(part["clients"]["client"]) for provider, part in parts.items()}
    named = episodes[episodes["service"].notna()].drop_duplicates(["client", "service", "start", "end"])
    chosen = named[generator.random(len(named)) < SHARE_TOLD_TWICE]
    told = 0
    for provider, part in parts.items():
        others = chosen[(chosen["provider"] != provider) & chosen["client"].isin(clients[provider])]
        later = others["start"] >= others["client"].map(part["episodes"].groupby("client")["start"].min())
        others = others[later].assign(cost=lambda rows: rows["cost"].round())
        part["episodes"] = pd.concat([part["episodes"], others])
        chosen = chosen.drop(others.index)
        told += len(others)
    return {"told_twice": told}


def _truth(frames: Mapping[str, pd.DataFrame], parts: Mapping[str, Mapping[str, pd.DataFrame]]) -> dict[str, Any]:
    """The overlap of all episodes, and the clients of whom some provider knows a move."""
    episodes = frames["episodes"]
    sets = episodes.groupby("client")["provider"].agg(lambda names: tuple(sorted(set(names))))
    pairs: dict[str, int] = {}
    for names in sets:
        for pair in combinations(names, 2):
            pairs[" + ".join(pair)] = pairs.get(" + ".join(pair), 0) + 1
    numbers = sets.map(len).value_counts().sort_index()
    moved: set[str] = set()
    for part in parts.values():
        if "residence" in part:
            places = part["residence"].groupby("client")["municipality"].nunique()
            moved |= set(places.index[places > 1])
    return {
        "clients": len(sets),
        "episodes": len(episodes),
        "providers": {str(number): int(count) for number, count in numbers.items()},
        "pairs": pairs,
        "moved": len(moved),
    }


# --- as the provider writes ----------------------------------------------------------------------


def _write(
    folder: Path,
    part: Mapping[str, pd.DataFrame],
    codes: Mapping[str, str],
    habit: Habit,
    info: RegisterInfo,
    generator: np.random.Generator,
) -> None:
    folder.mkdir()
    mapping: dict[str, Any] = {}
    for name, rows in part.items():
        told = rows.assign(client=_written(rows["client"].map(codes), habit, generator))
        for column in told.columns:
            told[column] = _as_written(told[column], habit)
        theirs = name
        if habit.own_names:
            theirs, names = NAMES[name]
            names = {"client": "henkilötunnus"} | dict(names)
            there = {ours: CODES[ours] for ours in told.columns if ours in CODES}
            for column, values in there.items():
                told[column] = told[column].map({ours: own for own, ours in values.items()})
            told = told.rename(columns=names)
            columns = {own: ours for ours, own in names.items() if own in told.columns}
            mapping[theirs] = {"table": name, "columns": columns, "values": {k: dict(v) for k, v in there.items()}}
        text = told.to_csv(index=False, sep=habit.separator, lineterminator="\r\n")
        (folder / f"{theirs}.csv").write_bytes(text.encode(habit.encoding))
    if mapping:
        text = yaml.safe_dump({"tables": mapping}, allow_unicode=True, sort_keys=False)
        (folder / MAPPING_FILE).write_text(text, encoding="utf-8")
    told_info = info.override(label=f"Synthetic extract of {folder.name}: no real clients")
    write_json(folder / INFO_FILE, told_info.model_dump(mode="json", exclude_none=True))


def _written(codes: pd.Series, habit: Habit, generator: np.random.Generator) -> pd.Series:
    if not habit.by_hand:
        return codes
    return codes.mask(generator.random(len(codes)) < SHARE_LOWER_CASE, codes.str.lower())


def _as_written(values: pd.Series, habit: Habit) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(values):
        return values.map(lambda day: "" if pd.isna(day) else habit.date.format(day))
    if pd.api.types.is_bool_dtype(values):
        return values.map({True: "true", False: "false"})
    if pd.api.types.is_numeric_dtype(values):
        return values.map(lambda number: f"{number:.2f}".removesuffix(".00").replace(".", habit.decimal))
    return values
