"""Clients drawn from a known truth, as rows and as cells, so that one can be held against the other."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import expit

from costeff.comparison import Draws
from costeff.records import Cells

BY = ("municipality", "group", "option")
QUICK = Draws(seed=7, size=400)


def clients(size: int = 3000, seed: int = 1, places: int = 25, confounded: bool = True) -> pd.DataFrame:
    """Rows: who gets the new option depends on group and age, and so does every outcome; places differ.

    The new option lowers every risk; the riskier clients get it more often, so that it looks harmful. `effect` is
    what it truly changes of a client's risk.
    """
    rng = np.random.default_rng(seed)
    group = rng.choice(["high", "low", "middle"], size, p=[0.3, 0.4, 0.3])
    risk = np.select([group == "low", group == "middle"], [0.0, 1.0], 2.0)
    age = rng.integers(0, 4, size)
    place = rng.integers(0, places, size)
    local = rng.normal(0, 0.3, places)[place]
    logit = (-1.2 + 0.9 * risk + 0.2 * age) if confounded else np.zeros(size)
    new = rng.random(size) < expit(logit)
    base = -2.0 + 0.9 * risk + 0.2 * age + local
    event = rng.random(size) < expit(base - 0.5 * new)
    before = rng.normal(5 + risk, 1.5)
    count = rng.poisson(np.exp(0.4 + 0.4 * risk - 0.3 * new + local) * rng.gamma(2, 0.5, size))
    amount = rng.gamma(2, np.exp(6 + 0.3 * risk + 0.2 * new + local) / 2)
    cost = np.where(rng.random(size) < 0.9 - 0.1 * risk, np.round(amount, 2), 0.0)
    return pd.DataFrame(
        {
            "municipality": [f"{m:03d}" for m in place],
            "group": group,
            "age": age,
            "option": np.where(new, "new", "usual"),
            "new": new.astype(float),
            "event": event.astype(float),
            "effect": expit(base - 0.5) - expit(base),
            "before": before,
            "after": 0.6 * before + 1 + 0.5 * risk + 0.5 * new + local + rng.normal(0, 1, size),
            "count": count,
            "cost": cost,
        }
    )


def binary_cells(rows: pd.DataFrame, by: tuple[str, ...] = (*BY, "age")) -> Cells:
    table = rows.groupby([*by]).agg(n=("event", "size"), events=("event", "sum")).reset_index()
    return Cells("binary", by, table, "placement", 365.0, True, "made by hand")


def count_cells(rows: pd.DataFrame, by: tuple[str, ...] = BY) -> Cells:
    table = rows.groupby([*by, "count"]).size().rename("n").reset_index()
    return Cells("count", by, table, "days", 365.0, True, "made by hand")


def cost_cells(rows: pd.DataFrame, by: tuple[str, ...] = BY) -> Cells:
    more = rows.assign(squares=rows["cost"] ** 2, some=rows["cost"] > 0)
    sums = {
        "n": ("cost", "size"),
        "positive": ("some", "sum"),
        "sum": ("cost", "sum"),
        "sum_squares": ("squares", "sum"),
    }
    return Cells("cost", by, more.groupby([*by]).agg(**sums).reset_index(), None, None, True, "made by hand")


def meter_cells(rows: pd.DataFrame, by: tuple[str, ...] = BY) -> Cells:
    more = rows.assign(after2=rows["after"] ** 2, before2=rows["before"] ** 2, product=rows["before"] * rows["after"])
    sums = {
        "n": ("after", "size"), "sum": ("after", "sum"), "sum_squares": ("after2", "sum"),
        "sum_before": ("before", "sum"), "sum_before_squares": ("before2", "sum"), "sum_products": ("product", "sum"),
    }  # fmt: skip
    return Cells("meter", by, more.groupby([*by]).agg(**sums).reset_index(), "functioning", None, True, "made by hand")


def two_by_two(usual: tuple[int, int] = (100, 20), new: tuple[int, int] = (80, 10)) -> Cells:
    """Binary cells of one group: clients and events by option."""
    rows = [("low", "usual", *usual), ("low", "new", *new)]
    table = pd.DataFrame(rows, columns=["group", "option", "n", "events"])
    return Cells("binary", ("group", "option"), table, "placement", 365.0, True, "made by hand")


def dummies(rows: pd.DataFrame, *numbers: str) -> pd.DataFrame:
    """A design of rows by hand: constant, groups but the first, numbers as they are."""
    groups = pd.get_dummies(rows["group"], drop_first=True).astype(float)
    return pd.concat([pd.Series(1.0, rows.index, name="constant"), groups, rows[[*numbers]].astype(float)], axis=1)
