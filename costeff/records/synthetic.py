"""Synthetic registers whose truth is known: for tests, recovery studies and demonstrations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from costeff.draws import OPTIONS, rng
from costeff.errors import DataError, Problem, Problems, SetupError
from costeff.records.folders import whole_folder, write_json
from costeff.records.sources import INFO_FILE
from costeff.records.tables import RISK_GROUPS
from costeff.records.truth_values import (
    DAY,
    Option,
    Positive,
    Risk,
    RiskGroup,
    Spread,
    always,
    by_group,
    by_option,
    named,
)
from costeff.records.truths import OptionalTruth
from costeff.records.written import write_tables
from costeff.spec import Id, Share

TRUTH_FILE = "truth.json"
REFUSED = "The synthetic register was not written"
COLUMNS = ("code", "county", "population", "need_index")


class SyntheticTruth(OptionalTruth):
    """The truth from which a synthetic register is drawn.

    A client of group g in municipality m has under the usual option the log odds

        intercept + need_slope * log(need_index[m] / 100) + county effect + municipality effect + group_log_odds[g]

    of the event within `follow_up_days`, and under the new one `log_odds_ratio` plus
    the municipality's own deviation more. Which option a client gets depends on the
    group alone: confounding that is observed. The optional tables have truths of their
    own, and what is drawn for them moves nothing else.
    """

    clients: int = Field(ge=1)
    baseline_risk: Risk
    log_odds_ratio: float
    group_share: dict[RiskGroup, Share]
    group_log_odds: dict[RiskGroup, float]
    need_slope: float
    county_sd: Spread
    municipality_sd: Spread
    effect_sd: Spread
    new_share: dict[RiskGroup, Share]
    cost_mean: dict[Option, Positive]
    cost_cv: Positive
    follow_up_days: int = Field(default=365, ge=1)
    outcome: Id = "event"
    first_day: date = date(2023, 1, 1)
    second_episode_share: Share = 0.25

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for name in ("group_share", "group_log_odds", "new_share"):
            if set(getattr(self, name)) != set(RISK_GROUPS):
                raise ValueError(f"{name} must have a value for each of {', '.join(RISK_GROUPS)}")
        if set(self.cost_mean) != set(OPTIONS):
            raise ValueError(f"cost_mean must have a value for each of {', '.join(OPTIONS)}")
        if abs(sum(self.group_share.values()) - 1) > 1e-9:
            raise ValueError("the shares in group_share must sum to 1")
        if self.outcome in self.competing:
            raise ValueError("competing must name other outcomes than outcome")
        return self


@dataclass(frozen=True)
class _Risks:
    """True risks, before sampling: `risk[municipality, group, option]`."""

    intercept: float
    risk: np.ndarray

    def national(self, weights: np.ndarray) -> dict[str, float]:
        """Averages with weights [municipality, group] that sum to one."""
        usual, new = (float((weights * self.risk[..., i]).sum()) for i in range(len(OPTIONS)))
        odds_ratio = new / (1 - new) / (usual / (1 - usual))
        return {"risk_usual": usual, "risk_new": new, "risk_difference": new - usual, "odds_ratio": odds_ratio}


def write_register(
    folder: str | Path,
    municipalities: pd.DataFrame,
    truth: SyntheticTruth,
    seed: int,
    label: str = "Synthetic register: no real clients",
    replace: bool = False,
) -> Path:
    """Draw a register from a known truth and write it as Parquet.

    Parameters
    ----------
    folder
        Where it appears, complete or not at all.
    municipalities
        Columns code (three digits), county, population, need_index (Finland = 100; a
        municipality without one counts as 100, which truth.json says). The order of rows does not matter.
    truth
        What the register is drawn from.
    seed
        The same seed, truth and municipalities give the same bytes.
    label
        What reports call it.
    replace
        Whether an earlier synthetic register there may be replaced.

    Returns
    -------
    Path
        The folder, with clients, episodes and outcomes as .parquet, the optional tables
        of the truth, register.json, and truth.json: the truth, the solved intercept, the
        risks under both options in each municipality, and their national averages,
        weighted by population (`national`) and by the clients that were drawn (`sample`),
        before sampling noise of events; so also what is true of each optional table, and
        the share of clients in whom each of competing outcomes happens first.

    Raises
    ------
    DataError
        When `municipalities` is incomplete.
    SetupError
        When the folder exists and may not be replaced, or cannot be written.
    """
    folder = Path(folder)
    _may_write(folder, replace)
    places = _checked(municipalities, truth)
    risks = _true_risks(places, truth, seed)
    clients = _draw_clients(places, truth, seed)
    with whole_folder(folder, REFUSED, replace) as draft:
        last = write_tables(draft, _tables(clients, places, risks, truth, seed), _pseudonyms(len(clients), seed))
        info = {"synthetic": True, "label": label, "seed": seed, "data_date": last.isoformat()}
        write_json(draft / INFO_FILE, info)
        write_json(draft / TRUTH_FILE, _told(truth, risks, clients, places, seed))
    return folder


def _tables(
    clients: pd.DataFrame, places: pd.DataFrame, risks: _Risks, truth: SyntheticTruth, seed: int
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Rows of one table after the other, so that no more than some of one and the episodes are in memory."""
    codes, everybody = places["code"].tolist(), np.arange(len(clients), dtype="int32")
    groups = named(clients["group"], RISK_GROUPS)
    yield (
        "clients",
        pd.DataFrame({"client": everybody, "municipality": named(clients["place"], codes), "risk_group": groups}),
    )
    episodes = _draw_episodes(clients, truth, seed)
    if truth.providers:
        episodes = truth.providers.draw(episodes, clients, seed)
    yield "episodes", episodes.assign(option=named(clients["option"].to_numpy()[episodes["client"]], OPTIONS))
    for rows in _outcomes(clients, risks, truth, seed):
        yield "outcomes", rows
    yield from truth.draw_measured(clients, seed)
    people = places["population"].to_numpy(dtype=float)
    for name, rows in truth.draw_across(clients, episodes, people, truth.follow_up_days, seed):
        yield name, rows.assign(municipality=named(rows["place"], codes)) if "place" in rows else rows


def read_truth(folder: str | Path) -> dict[str, Any]:
    """The truth a synthetic register was drawn from, as `write_register` told it.

    Raises
    ------
    SetupError
        When the folder holds no synthetic register.
    """
    try:
        told: dict[str, Any] = json.loads((Path(folder) / TRUTH_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        problem = Problem(
            f"{Path(folder).name}/{TRUTH_FILE}", "cannot be read", "only a synthetic register has a known truth"
        )
        raise SetupError("There is no truth to read", [problem]) from error
    return told


def _checked(municipalities: pd.DataFrame, truth: SyntheticTruth) -> pd.DataFrame:
    problems = Problems()
    for name in COLUMNS:
        if name not in municipalities.columns:
            problems.add(f"municipalities.{name}", "this column is missing", f"give {', '.join(COLUMNS)}")
    problems.raise_if_any(DataError, "A synthetic register cannot be drawn")
    places = municipalities[list(COLUMNS)].sort_values("code", ignore_index=True)
    code, people = places["code"].astype(str), places["population"].astype(float)
    if not code.str.fullmatch(r"[0-9]{3}").all() or code.duplicated().any():
        problems.add(
            "municipalities.code", "is not three digits, or stands twice", "write each code once, as text: 091"
        )
    if not (people >= 0).all() or people.sum() == 0:
        problems.add("municipalities.population", "is missing, negative, or zero everywhere", "give the population")
    if (places["need_index"].astype(float) <= 0).any():
        problems.add("municipalities.need_index", "is not above 0", "leave it empty where there is none")
    if places["county"].isna().any():
        problems.add("municipalities.county", "is empty", "give the county of every municipality")
    if truth.residence and truth.residence.share_moved and (people > 0).sum() == 1:
        problems.add("municipalities", "only one has people", "give two, or a truth in which nobody moves")
    problems.raise_if_any(DataError, "A synthetic register cannot be drawn")
    return places


def _true_risks(places: pd.DataFrame, truth: SyntheticTruth, seed: int) -> _Risks:
    from scipy.optimize import brentq
    from scipy.special import expit

    counties, county = np.unique(places["county"].astype(str), return_inverse=True)
    size = len(places)
    local = truth.need_slope * np.log(places["need_index"].astype(float).fillna(100.0).to_numpy() / 100)
    local = local + truth.county_sd * rng(seed, "synthetic", "county").standard_normal(counties.size)[county]
    local = local + truth.municipality_sd * rng(seed, "synthetic", "municipality").standard_normal(size)
    effect = truth.log_odds_ratio + truth.effect_sd * rng(seed, "synthetic", "effect").standard_normal(size)
    usual = local[:, None] + by_group(truth.group_log_odds)
    weights = _weights(places, truth)
    intercept = float(
        brentq(lambda a: (weights * expit(a + usual)).sum() - truth.baseline_risk, -60, 60, xtol=1e-14, rtol=1e-15)
    )
    return _Risks(intercept, expit(intercept + np.stack([usual, usual + effect[:, None]], axis=-1)))


def _weights(places: pd.DataFrame, truth: SyntheticTruth) -> np.ndarray:
    people = places["population"].to_numpy(dtype=float)
    weights: np.ndarray = (people / people.sum())[:, None] * by_group(truth.group_share)
    return weights


def _draw_clients(places: pd.DataFrame, truth: SyntheticTruth, seed: int) -> pd.DataFrame:
    """A row for each client: municipality, group and option as positions."""
    people = places["population"].to_numpy(dtype=float)
    exact = truth.clients * people / people.sum()
    counts = np.floor(exact).astype(int)
    rest = truth.clients - counts.sum()
    counts[np.argsort(-(exact - counts), kind="stable")[:rest]] += 1
    size = truth.clients
    group = rng(seed, "synthetic", "group").choice(len(RISK_GROUPS), size=size, p=by_group(truth.group_share))
    new = rng(seed, "synthetic", "option").random(size) < by_group(truth.new_share)[group]
    place = np.repeat(np.arange(len(places), dtype="int16"), counts)
    return pd.DataFrame({"place": place, "group": group.astype("int8"), "option": new.astype("int8")})


def _pseudonyms(size: int, seed: int) -> np.ndarray:
    """Letters [client, place in the text] of `k` and 32 hexadecimal digits.

    Opaque and without order: nothing of a client can be computed back from them.
    """
    drawn = np.frombuffer(rng(seed, "synthetic", "pseudonym").bytes(16 * size), "u1")
    pairs = np.frombuffer(bytes(range(256)).hex().encode(), "u2")
    letters = np.full((size, 33), ord("k"), "u1")
    letters[:, 1:] = pairs[drawn].view("u1").reshape(size, 32)
    return letters


def _draw_episodes(clients: pd.DataFrame, truth: SyntheticTruth, seed: int) -> pd.DataFrame:
    """One or two episodes for each client; their costs share the client's total, in whole cents."""
    generator = rng(seed, "synthetic", "episodes")
    size, shape = len(clients), truth.cost_cv**-2
    mean = by_option(truth.cost_mean)[clients["option"]]
    total = np.round(generator.gamma(shape, mean / shape, size), 2)
    two = generator.random(size) < truth.second_episode_share
    first = np.where(two, np.round(total * generator.random(size), 2), total)
    start = np.datetime64(truth.first_day, "s") + generator.integers(0, 365, size).astype(DAY)
    days = generator.integers(1, truth.follow_up_days + 1, size).astype(DAY)
    again = start + days + np.timedelta64(1, "D")
    everybody = np.arange(size, dtype="int32")
    one = pd.DataFrame({"client": everybody, "start": start, "end": start + days, "cost": first})
    more = pd.DataFrame({"client": everybody, "start": again, "end": again + days, "cost": np.round(total - first, 2)})
    return pd.concat([one, more[two]]).sort_values("client", kind="stable", ignore_index=True)


def _outcomes(clients: pd.DataFrame, risks: _Risks, truth: SyntheticTruth, seed: int) -> Iterator[pd.DataFrame]:
    """Events at a constant hazard that gives the client's risk, told in whole days from 1."""
    risk = risks.risk[clients["place"], clients["group"], clients["option"]]
    uniform = rng(seed, "synthetic", "outcome").random(len(clients))
    yield _events(truth.outcome, uniform, risk, truth.follow_up_days)
    for cause in sorted(truth.competing):
        uniform = rng(seed, "synthetic", "competing", cause).random(len(clients))
        risk = truth.competing_risk(cause)[clients["option"]]
        yield _events(cause, uniform, risk, truth.follow_up_days)


def _events(outcome: str, uniform: np.ndarray, risk: np.ndarray, last: int) -> pd.DataFrame:
    event = uniform < risk
    days = np.ceil(last * np.log1p(-np.where(event, uniform, 0)) / np.log1p(-risk))
    time = np.where(event, np.clip(days, 1, last), last)
    everybody = np.arange(time.size, dtype="int32")
    return pd.DataFrame({"client": everybody, "outcome": always(outcome, time.size), "time": time, "event": event})


def _told(
    truth: SyntheticTruth, risks: _Risks, clients: pd.DataFrame, places: pd.DataFrame, seed: int
) -> dict[str, object]:
    drawn = np.zeros(risks.risk.shape[:2])
    np.add.at(drawn, (clients["place"], clients["group"]), 1.0)
    local = (risks.risk * by_group(truth.group_share)[:, None]).sum(axis=1)
    weights = {"national": _weights(places, truth), "sample": drawn / drawn.sum()}
    return {
        "truth": truth.model_dump(mode="json"),
        "seed": seed,
        "intercept": risks.intercept,
        **{of: risks.national(weight) for of, weight in weights.items()},
        **truth.expected_optional(
            {of: weight.sum(axis=0) for of, weight in weights.items()}, truth.second_episode_share, truth.cost_mean
        ),
        **(
            {"competing": {of: _first(truth, risks, weight) for of, weight in weights.items()}}
            if truth.competing
            else {}
        ),
        "need_index_missing": places["code"][places["need_index"].isna()].tolist(),
        "municipalities": {
            code: {"clients": int(n), "risk_usual": float(usual), "risk_new": float(new)}
            for code, n, (usual, new) in zip(places["code"], drawn.sum(axis=1), local, strict=True)
        },
    }


def _first(truth: SyntheticTruth, risks: _Risks, weights: np.ndarray) -> dict[str, dict[str, float]]:
    """The share in whom each outcome is the first to happen, under both options, when all hazards are constant."""
    risk = {truth.outcome: risks.risk} | {cause: truth.competing_risk(cause) for cause in sorted(truth.competing)}
    hazard = {cause: -np.log1p(-values) for cause, values in risk.items()}
    whole = sum(hazard.values())
    first = {cause: value / whole * -np.expm1(-whole) for cause, value in hazard.items()}
    return {
        cause: {f"risk_{option}": float((weights * values[..., i]).sum()) for i, option in enumerate(OPTIONS)}
        for cause, values in first.items()
    }


def _may_write(folder: Path, replace: bool) -> None:
    if not folder.exists():
        return
    if not replace:
        rule, cure = "already exists", "choose another folder, or ask for it to be replaced"
    elif not (folder / TRUTH_FILE).is_file():
        rule, cure = "holds something that is not a synthetic register", "choose another folder: nothing was removed"
    else:
        return
    raise SetupError(REFUSED, [Problem(str(folder), rule, cure)])
