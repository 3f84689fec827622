"""What the truths of a synthetic register are declared with and drawn into: values by group and option, and rows.

Rows are frames without a text in them: a client is a position in `client`, and a
text column is categorical, so that ten million clients fit in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import AfterValidator, Field

from costeff.draws import OPTIONS
from costeff.records.tables import RISK_GROUPS
from costeff.spec import Share

DAY = "timedelta64[D]"
RiskGroup = Literal["low", "middle", "high"]
Option = Literal["usual", "new"]
Risk = Annotated[float, Field(gt=0, lt=1)]
Spread = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Some = Annotated[float, Field(gt=0, le=1)]  # a share, not nobody


def every_group[T](values: dict[RiskGroup, T]) -> dict[RiskGroup, T]:
    if set(values) != set(RISK_GROUPS):
        raise ValueError(f"must have a value for each of {', '.join(RISK_GROUPS)}")
    return values


def every_option[T](values: dict[Option, T]) -> dict[Option, T]:
    if set(values) != set(OPTIONS):
        raise ValueError(f"must have a value for each of {', '.join(OPTIONS)}")
    return values


ByGroup = Annotated[dict[RiskGroup, float], AfterValidator(every_group)]
PositiveByGroup = Annotated[dict[RiskGroup, Positive], AfterValidator(every_group)]
SpreadByGroup = Annotated[dict[RiskGroup, Spread], AfterValidator(every_group)]
RiskByOption = Annotated[dict[Option, Risk], AfterValidator(every_option)]
SpreadByOption = Annotated[dict[Option, Spread], AfterValidator(every_option)]
ShareByOption = Annotated[dict[Option, Share], AfterValidator(every_option)]
NO_DIFFERENCE: dict[RiskGroup, float] = {"low": 0.0, "middle": 0.0, "high": 0.0}


def by_group(values: dict[RiskGroup, float]) -> np.ndarray:
    """Values in the order of the risk groups."""
    return np.array([values[group] for group in RISK_GROUPS])  # type: ignore[index]


def by_option(values: dict[Option, float]) -> np.ndarray:
    """Values in the order of the options."""
    return np.array([values[option] for option in OPTIONS])  # type: ignore[index]


# --- rows ---------------------------------------------------------------------------------------


def named(codes: np.ndarray, names: Sequence[str], known: np.ndarray | bool = True) -> pd.Categorical:
    """Names by position, empty where they are not known."""
    return pd.Categorical.from_codes(np.where(known, codes, -1).astype("int16"), pd.Index(names, dtype=object))


def always(name: str, size: int) -> pd.Categorical:
    """The same text in every row."""
    return named(np.zeros(size, "int16"), [name])


def starts(whose: np.ndarray) -> np.ndarray:
    """Where each run of equal values begins."""
    return np.flatnonzero(np.append(True, np.diff(whose) != 0)[: whose.size])


def within(values: np.ndarray, whose: np.ndarray) -> np.ndarray:
    """Cumulative sums that begin anew in each run of `whose`."""
    first, whole = starts(whose), np.cumsum(values)
    before: np.ndarray = np.repeat(whole[first] - values[first], np.diff(np.append(first, whose.size)))
    sums: np.ndarray = whole - before
    return sums


def divided(cost: np.ndarray, whose: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """What stands on the first row of each run, divided among its rows at random, in whole cents."""
    first = starts(whose)
    lengths = np.diff(np.append(first, whose.size))
    cents = np.repeat(np.rint(100 * cost[first]), lengths)
    weight, last = within(generator.exponential(size=cost.size), whose), first + lengths - 1
    upto = np.floor(cents * weight / np.repeat(weight[last], lengths))
    upto[last] = cents[last]
    parts = np.diff(upto, prepend=0.0)
    parts[first] = upto[first]
    rounded: np.ndarray = parts / 100
    return rounded


def another(weights: np.ndarray, own: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Positions drawn by weight, never one's own; at least two weights must be above 0."""
    drawn: np.ndarray = generator.choice(weights.size, size=own.size, p=weights / weights.sum())
    while (again := np.flatnonzero(drawn == own)).size:
        drawn[again] = generator.choice(weights.size, size=again.size, p=weights / weights.sum())
    return drawn
