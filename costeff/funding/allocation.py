"""One year's frame, divided at its best over posterior draws, against the budget divided beforehand."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
import xarray as xr

from costeff.agreement import Budget
from costeff.errors import Problem, UsageError
from costeff.funding.curves import curves, filled, knots_of, optimum, value_at
from costeff.funding.response import Plan, aimed
from costeff.funding.worlds import TITLE, Aim, check_worlds

MODELS = ("lump_sum", "divided")
PIECES = 64


def allocate(budget: Budget, worlds: xr.Dataset, aim: Aim | None = None, pieces: int = PIECES) -> xr.DataArray:
    """EUR by service that give the most of what is aimed at in expectation, within frame, floors and caps.

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
    Dataset with `money` (model, service), `value` and `overspend` (model, draw), by model `expected`,
    `expected_overspend`, `overspend_risk` and `regret` (expected opportunity loss against knowing each world);
    `difference` (draw), `difference_mean`, `_low`, `_high`, `p_better`, and `flexibility`: see `flexibility`.

    Notes
    -----
    Regret takes teams as divisible, so it is the most it can be where whole teams are bought.
    """
    check_shares(mass=mass, tolerance=tolerance)
    year = _Year(budget, worlds, aim or Aim(), pieces)
    best = year.best()
    money = np.stack([best.to_numpy(), year.plan.divided])
    value = np.stack([year.value(row) for row in money])
    spend = np.stack([year.spend(row) for row in money])
    over = np.stack([np.maximum(spend[0].sum(-1) - budget.frame, 0), np.maximum(spend[1] - money[1], 0).sum(-1)])
    hindsight = year.hindsight()
    by_model = {
        "money": (("model", "service"), money),
        "value": (("model", "draw"), value),
        "overspend": (("model", "draw"), over),
        "expected": ("model", value.mean(-1)),
        "expected_overspend": ("model", over.mean(-1)),
        "overspend_risk": ("model", (over > tolerance * budget.frame).mean(-1)),
        "regret": ("model", [hindsight - year.on_the_curve(row) for row in money]),
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
    """What it is worth to move money between services once the year's demand and prices are seen.

    E[max over divisions | what is seen] - max E[...], with the mean gains per client in both: as the expected
    value of perfect information, but for money moved. Whole teams stay as they were hired. Never below 0.
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
        self.curves = self._curves(self.worth)

    def _curves(self, worth: np.ndarray) -> np.ndarray:
        return curves(self.plan, self.aim, worth, self.cost, self.demand, self.knots)

    def best(self) -> xr.DataArray:
        budget = self.plan.budget
        money = optimum(self.curves.mean(0), self.knots, budget.frame, self.plan.team)
        attrs = {"expected": float(self.value(money).mean()), "purpose": self.aim.purpose, "unit": "EUR/year"}
        return xr.DataArray(money, dims="service", coords={"service": list(budget.services)}, attrs=attrs, name="money")

    def value(self, money: np.ndarray) -> np.ndarray:
        """What is aimed at, by draw."""
        clients = self.plan.served(money, self.demand)
        return np.asarray(aimed(self.plan, self.aim, self.worth, self.cost, clients, self.demand).sum(-1))

    def spend(self, money: np.ndarray) -> np.ndarray:
        """EUR spent, by draw and service."""
        return np.asarray(self.cost * self.plan.served(money, self.demand))

    def on_the_curve(self, money: np.ndarray) -> float:
        return float(value_at(self.curves, self.knots, self.plan.usable(money)).mean())

    def hindsight(self) -> float:
        """The expected best, had each world been known beforehand."""
        return float(value_at(self.curves, self.knots, filled(self.curves, self.knots, self.plan.budget.frame)).mean())

    def flexibility(self) -> float:
        plan, frame = self.plan, self.plan.budget.frame
        expected = self._curves(np.broadcast_to(self.worth.mean(0), self.worth.shape))
        before = optimum(expected.mean(0), self.knots, frame, plan.team)
        low = np.where(plan.team > 0, before, plan.floor)
        high = np.where(plan.team > 0, before, plan.cap)
        after = filled(expected, self.knots, frame, low, high)
        moved = value_at(expected, self.knots, after) - value_at(expected, self.knots, before)
        return max(float(moved.mean()), 0.0)  # a rounding error below 0 is none


def check_shares(**shares: float) -> None:
    for name, value in shares.items():
        if not 0 < value < 1:
            raise UsageError(
                TITLE, [Problem(f"{name} {value:g}", "is not between 0 and 1", "give a share, such as 0.9")]
            )


def check_counts(**counts: int) -> None:
    for name, count in counts.items():
        if not (isinstance(count, Integral) and count >= 2):
            problem = Problem(f"{name} {count}", "is not a whole number of 2 or more", "such as 32")
            raise UsageError(TITLE, [problem])
