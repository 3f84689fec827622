"""One year's frame, divided at its best over posterior draws, against the budget divided beforehand."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
import xarray as xr

from costeff.agreement import Budget
from costeff.checks import is_number
from costeff.errors import Problem, UsageError
from costeff.funding.curves import curves, filled, knots_of, known, optimum, value_at
from costeff.funding.response import Plan, aimed
from costeff.funding.worlds import TITLE, Aim, check_worlds

MODELS = ("lump_sum", "divided")
PIECES = 64


def allocate(budget: Budget, worlds: xr.Dataset, aim: Aim | None = None, pieces: int = PIECES) -> xr.DataArray:
    """EUR by service that give the most of what is aimed at in expectation, within frame, floors and caps.

    In all no less than the statutory minimum, even where the last of it does no good.

    Parameters
    ----------
    worlds
        From `draw_worlds`; the demand is that of year 1 with the queue at its start.
    aim
        Expected net benefit of savings alone where None.
    pieces
        Of the piecewise-linear curves; the optimum is exact on them.

    Returns
    -------
    DataArray over `service`, EUR; attrs `expected` (of what is aimed at) and `purpose`
    """
    return _Year(budget, worlds, aim or Aim(), pieces).best()


def against_divided(
    budget: Budget,
    worlds: xr.Dataset,
    aim: Aim | None = None,
    *,
    mass: float = 0.9,
    tolerance: float = 0.01,
    pieces: int = PIECES,
) -> xr.Dataset:
    """The best division of one year's frame against the divided budget, in the same worlds.

    Parameters
    ----------
    mass
        Probability of the interval of the difference.
    tolerance
        The share of the frame by which spending has to be over before it counts as a risk.

    Returns
    -------
    Dataset with `money` (model, service), `value` and `overspend` (model, draw; what all services together spend
    over the frame), `service_overspend` (model, draw, service; over what each was given, which another may cover),
    by model `expected`, `expected_overspend`, `overspend_risk` and `regret` (expected opportunity loss against
    knowing each world); `difference` (draw), `difference_mean`, `_low`, `_high`, `p_better`, and `flexibility`: see
    `flexibility`.

    Notes
    -----
    Regret takes teams as divisible, so it is the most it can be where whole teams are bought. Where the statutory
    minimum is more than what does good, each world's division is a good one and not surely its best.
    """
    check_shares(mass=mass, tolerance=tolerance)
    year = _Year(budget, worlds, aim or Aim(), pieces)
    best = year.best()
    money = np.stack([best.to_numpy(), year.plan.divided])
    value = np.stack([year.value(row) for row in money])
    spend = np.stack([year.spend(row) for row in money])
    over = np.maximum(spend.sum(-1) - budget.frame, 0)
    given = np.stack([year.on_the_curve(row) for row in money])
    hindsight = np.maximum(year.hindsight(), given.max(0))
    by_model = {
        "money": (("model", "service"), money),
        "value": (("model", "draw"), value),
        "overspend": (("model", "draw"), over),
        "service_overspend": (("model", "draw", "service"), np.maximum(spend - money[:, None], 0)),
        "expected": ("model", value.mean(-1)),
        "expected_overspend": ("model", over.mean(-1)),
        "overspend_risk": ("model", (over > tolerance * budget.frame).mean(-1)),
        "regret": ("model", (hindsight - given).mean(-1)),
    }
    gap = value[0] - value[1]
    low, high = np.quantile(gap, [(1 - mass) / 2, (1 + mass) / 2])
    scalars: dict[str, Any] = {
        "difference": ("draw", gap),
        "difference_mean": gap.mean(),
        "difference_low": low,
        "difference_high": high,
        "p_better": (gap > 0).mean(),
        "flexibility": year.flexibility(),
    }
    coords = {"model": list(MODELS), "service": list(budget.services), "draw": worlds["draw"]}
    attrs = {"purpose": year.aim.purpose, "mass": mass, "tolerance": tolerance, "budget": budget.id}
    return xr.Dataset({**by_model, **scalars}, coords=coords, attrs=attrs)


def flexibility(budget: Budget, worlds: xr.Dataset, aim: Aim | None = None, pieces: int = PIECES) -> float:
    """What it is worth to move money between services once the year's demand is seen, as far as it may be moved.

    E[max over divisions | demand] - max E[...], with mean gains and planned prices in both: as the expected value
    of perfect information, but for money moved. Moved is no more than `moves_within_year` of what stands above the
    floors, and what had not been given out; whole teams stay as they were hired. Never below 0.
    """
    return _Year(budget, worlds, aim or Aim(), pieces).flexibility()


class _Year:
    """Year 1 of a budget in every world: its curves, and what divisions of the frame give."""

    def __init__(self, budget: Budget, worlds: xr.Dataset, aim: Aim, pieces: int) -> None:
        worlds = check_worlds(budget, worlds)
        check_counts(pieces=pieces)
        self.plan, self.aim = Plan(budget), aim
        self.worth = aim.per_client(worlds).to_numpy()
        self.cost = worlds["unit_cost"].to_numpy()
        self.demand = self.plan.waiting + worlds["need"].sel(year=1).to_numpy()
        self.knots = knots_of(self.plan, budget.frame, pieces)
        self.least = budget.statutory_minimum
        self.curves = curves(self.plan, aim, self.worth, self.cost, self.demand, self.knots)

    def best(self) -> xr.DataArray:
        budget = self.plan.budget
        money = optimum(self.curves.mean(0), self.knots, budget.frame, self.plan.team, self.least)
        attrs = {"expected": float(self.value(money).mean()), "purpose": self.aim.purpose, "unit": "EUR/year"}
        return xr.DataArray(money, dims="service", coords={"service": list(budget.services)}, attrs=attrs, name="money")

    def value(self, money: np.ndarray) -> np.ndarray:
        """What is aimed at, by draw."""
        clients = self.plan.served(money, self.demand)
        return np.asarray(aimed(self.plan, self.aim, self.worth, self.cost, clients, self.demand).sum(-1))

    def spend(self, money: np.ndarray) -> np.ndarray:
        """EUR spent, by draw and service."""
        return np.asarray(self.cost * self.plan.served(money, self.demand))

    def on_the_curve(self, money: np.ndarray) -> np.ndarray:
        """The same, by draw, on the straight pieces that are divided over."""
        return value_at(self.curves, self.knots, self.plan.usable(money))

    def hindsight(self) -> np.ndarray:
        """The best of each world, had it been known beforehand."""
        best = filled(self.curves, self.knots, self.plan.budget.frame, least=self.least)
        return value_at(self.curves, self.knots, best)

    def flexibility(self) -> float:
        plan, frame = self.plan, self.plan.budget.frame
        if plan.budget.moves_within_year == 0:
            return 0.0
        seen = known(plan, self.aim, self.worth, self.demand, self.knots)
        before = optimum(seen.mean(0), self.knots, frame, plan.team, self.least)
        after = filled(seen, self.knots, frame, *plan.movable(before), least=self.least)
        moved = value_at(seen, self.knots, after) - value_at(seen, self.knots, before)
        return max(float(moved.mean()), 0.0)  # a rounding error below 0 is none


def check_shares(**shares: float) -> None:
    for name, value in shares.items():
        if not (is_number(value) and 0 < value < 1):
            raise UsageError(TITLE, [Problem(f"{name} {value}", "is not between 0 and 1", "give a share, such as 0.9")])


def check_counts(**counts: int) -> None:
    for name, count in counts.items():
        if not (isinstance(count, Integral) and count >= 2):
            problem = Problem(f"{name} {count}", "is not a whole number of 2 or more", "such as 32")
            raise UsageError(TITLE, [problem])
