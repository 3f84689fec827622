"""A simulation day: rounds of decisions, shocks and results, played from a file and replayed to the digit.

The table plays one world: need, prices and gains per client are as planned, unless a round says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
import yaml
from pydantic import Field

from costeff.agreement import Budget, Declared
from costeff.disclosure.spreadsheets import write_csv
from costeff.draws import rng
from costeff.errors import DataError, Problem, Problems, UsageError
from costeff.files import write_text
from costeff.funding.response import Plan
from costeff.funding.steering import serve
from costeff.funding.worlds import shock_sd
from costeff.spec import Id, Text, parse, read_yaml

TITLE = "The simulation day cannot be replayed"
CENT = 0.01  # EUR; less is rounding
Fault = tuple[tuple[Any, ...], str, str]  # keys that lead to it, the rule it breaks, the cure
MOST = 10.0  # the greatest factor that is no slip of the pen
Factors = dict[Id, Annotated[float, Field(gt=0, le=MOST)]]
ROUNDS_COLUMNS = (
    "round", "service", "decision", "shock", "demand", "clients", "waiting", "outcomes", "saving", "spend",
    "overspend", "unspent",
)  # fmt: skip


class Gain(Declared):
    """What the first client in need of a service gains at the table: outcomes, and EUR avoided."""

    effect: float
    saving: float


class Round(Declared):
    """One year: what each service is given (EUR), and what comes.

    `shocks` are factors of the planned new clients, and of prices where `prices` names some; a service that is
    not named has 1. `drawn` takes the shocks of demand from the seed of the day.
    """

    decisions: Annotated[dict[Id, Annotated[float, Field(ge=0)]], Field(min_length=1)]
    shocks: Literal["drawn"] | Factors = "drawn"
    prices: Factors = Field(default_factory=dict)
    note: Text | None = None


class SimulationDay(Declared):
    """All that a day needs to be played again, beside the budget it names.

    `budget_hash` is that of the budget it was saved with; a day written by hand may leave it out.
    """

    budget: Id
    budget_hash: str | None = None
    seed: int = Field(ge=0)
    gains: dict[Id, Gain]
    rounds: Annotated[tuple[Round, ...], Field(strict=False, min_length=1)]
    note: Text | None = None


def read_day(path: Path | str, budgets: Mapping[str, Budget]) -> SimulationDay:
    """A day from its file, checked against the budget it names, and the hash of it where it was saved with one.

    Raises
    ------
    DataError
        With every problem of the file: line, key, rule and cure.
    """
    problems = Problems()
    document = read_yaml(Path(path), problems)
    day = parse(SimulationDay, document, problems) if document else None
    if day is not None and document is not None:
        if day.budget not in budgets:
            document.tell(problems, ("budget",), f"{day.budget} is not a budget", f"known: {', '.join(budgets)}")
        else:
            for fault in _faults(day, budgets[day.budget]):
                document.tell(problems, *fault)
    problems.raise_if_any(DataError, TITLE)
    assert day is not None  # without one there is a problem
    return day


def replay(path: Path | str, budgets: Mapping[str, Budget]) -> pd.DataFrame:
    """Play a file again: the same file and budget give the same table.

    Parameters
    ----------
    budgets
        By id, such as `Catalogue.load().budgets`.

    Returns
    -------
    DataFrame with a row a round and service: see `play`

    Raises
    ------
    DataError
        With every problem of the file.
    """
    day = read_day(path, budgets)
    return play(day, budgets[day.budget])


def play(day: SimulationDay, budget: Budget) -> pd.DataFrame:
    """What came of each round.

    Returns
    -------
    DataFrame: round, service, decision (EUR), shock (factor of new clients), demand, clients, waiting (when the year
    ends), outcomes, saving, spend, overspend and unspent (EUR)

    Raises
    ------
    UsageError
        With everything of the day that does not fit the budget.
    """
    _check(day, budget)
    plan, names = Plan(budget), list(budget.services)
    effect, saving = (np.array([getattr(day.gains[n], what) for n in names]) for what in ("effect", "saving"))
    waiting, tables = plan.waiting, []
    for number, turn in enumerate(day.rounds):
        money = np.array([turn.decisions[n] for n in names])
        shock = drawn_shocks(budget, day.seed, number) if turn.shocks == "drawn" else _factors(turn.shocks, names)
        served = serve(plan, money, waiting, plan.need * shock)
        waiting = served.waiting
        first = plan.worth(served.clients, served.demand)
        spend = plan.price * _factors(turn.prices, names) * served.clients
        gap = np.where(abs(spend - money) < CENT, 0.0, spend - money)  # what is bought to the euro leaves nothing
        over, left = np.maximum(gap, 0), np.maximum(-gap, 0)
        columns = (
            money,
            shock,
            served.demand,
            served.clients,
            waiting,
            effect * first,
            saving * first,
            spend,
            over,
            left,
        )
        told = dict(zip(ROUNDS_COLUMNS[2:], columns, strict=True))
        tables.append(pd.DataFrame({"round": number + 1, "service": names, **told}))
    return pd.concat(tables, ignore_index=True)


def drawn_shocks(budget: Budget, seed: int, number: int) -> np.ndarray:
    """Factors of the new clients of a round by service, from the seed; their mean over seeds is 1."""
    common = rng(seed, "rounds", str(number)).standard_normal()
    factors = []
    for name in budget.services:
        own = rng(seed, "rounds", str(number), name).standard_normal()
        z = np.sqrt(budget.correlation) * common + np.sqrt(1 - budget.correlation) * own
        sd = shock_sd(budget, name)[number]
        factors.append(np.exp(sd * z - sd**2 / 2))
    return np.array(factors)


def written_down(day: SimulationDay, budget: Budget) -> SimulationDay:
    """The same day with its drawn shocks as numbers, so that it can be read without drawing anything.

    Raises
    ------
    UsageError
        With everything of the day that does not fit the budget, or a shock greater than a file may hold.
    """
    _check(day, budget)
    rounds, problems = [], Problems()
    for number, turn in enumerate(day.rounds):
        if turn.shocks == "drawn":
            drawn = dict(zip(budget.services, map(float, drawn_shocks(budget, day.seed, number)), strict=True))
            for name in (name for name, factor in drawn.items() if factor > MOST):
                rule = f"a factor of {drawn[name]:.1f} was drawn, and a file holds {MOST:g} at most"
                problems.add(f"rounds.{number}.shocks.{name}", rule, "take another seed, or a smaller demand_sd")
            turn = turn if problems else turn.override(shocks=drawn)
        rounds.append(turn)
    problems.raise_if_any(UsageError, "The shocks of the day cannot be written down")
    return day.override(rounds=tuple(rounds))


def save_day(path: Path | str, day: SimulationDay, budget: Budget) -> None:
    """Write a day as a file that `replay` reads with this budget and no other, whole or not at all.

    Raises
    ------
    UsageError
        With everything of the day that does not fit the budget.
    """
    _check(day, budget)
    data = day.override(budget_hash=budget.hash).model_dump(mode="json", exclude_none=True)
    write_text(Path(path), yaml.safe_dump(data, sort_keys=False, allow_unicode=True))


def save_results(path: Path | str, table: pd.DataFrame) -> None:
    """Write the table of a day as CSV that a spreadsheet opens as it is, whole or not at all.

    Semicolons part the cells, numbers have a decimal comma, and no name becomes a formula.
    """
    write_csv(Path(path), table)


def _factors(given: Mapping[str, float] | str, names: Iterable[str]) -> np.ndarray:
    return np.array([given[n] if not isinstance(given, str) and n in given else 1.0 for n in names])


def _check(day: SimulationDay, budget: Budget) -> None:
    found = [Problem(".".join(map(str, keys)), rule, cure) for keys, rule, cure in _faults(day, budget)]
    if found:
        raise UsageError(TITLE, found)


def _faults(day: SimulationDay, budget: Budget) -> Iterator[Fault]:
    """What of a day does not fit its budget: keys, rule, cure."""
    if day.budget != budget.id:
        yield ("budget",), f"is {day.budget}, and this is the budget {budget.id}", "give the budget that it names"
    elif day.budget_hash not in (None, budget.hash):
        rule = f"is not that of {budget.id} as it is now, so the day would not be the same"
        yield ("budget_hash",), rule, "play it with the budget it was saved with, or drop the key to play it anew"
    if len(day.rounds) > budget.years:
        rule = f"has {len(day.rounds)} rounds, and {budget.id} has {budget.years} years"
        yield ("rounds",), rule, "a round is a year; leave the others out"
    yield from _service_faults(day.gains, ("gains",), budget, whole=True)
    for number, turn in enumerate(day.rounds):
        place: tuple[Any, ...] = ("rounds", number)
        yield from _service_faults(turn.decisions, (*place, "decisions"), budget, whole=True)
        yield from _money_faults(turn, (*place, "decisions"), budget)
        for name in ("shocks", "prices"):
            given = getattr(turn, name)
            if not isinstance(given, str):
                yield from _service_faults(given, (*place, name), budget, whole=False)


def _service_faults(given: Mapping[str, Any], place: tuple[Any, ...], budget: Budget, whole: bool) -> Iterator[Fault]:
    for name in given:
        if name not in budget.services:
            yield (*place, name), f"is not a service of {budget.id}", f"known: {', '.join(budget.services)}"
    for name in budget.services if whole else ():
        if name not in given:
            yield place, f"{name} is missing", "every service stands here, 0 where nothing is given"


def _money_faults(turn: Round, place: tuple[Any, ...], budget: Budget) -> Iterator[Fault]:
    for name, money in turn.decisions.items():
        service = budget.services.get(name)
        if service is not None and not service.floor - 0.5 <= money <= service.cap + 0.5:
            rule = f"{money:.0f} EUR is outside the floor of {service.floor:.0f} and the cap of {service.cap:.0f} EUR"
            yield (*place, name), rule, "decide within them"
    total = sum(turn.decisions.values())
    if total > budget.frame + 0.5:
        rule = f"the decisions sum to {total:.0f} EUR, more than the frame of {budget.frame:.0f}"
        yield place, rule, "give less somewhere"
    if total < budget.statutory_minimum - 0.5:
        least = f"{budget.statutory_minimum:.0f}"
        rule = f"the decisions sum to {total:.0f} EUR, less than the statutory minimum of {least}"
        yield place, rule, "give more somewhere"
