"""The two funding models over the years: a lump sum with impact targets, and a budget divided beforehand.

Both meet the same worlds. A divided budget gives each service its share every year, and what one leaves unspent
serves no other's queue. A lump sum is divided anew each year on what has been seen, a part of it moves once the
year's demand is known, and where the budget has bonus or malus its frame follows the targets that were met.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeGuard

import numpy as np
import pandas as pd
import xarray as xr

from costeff.agreement import Budget
from costeff.errors import Problem, UsageError
from costeff.funding.allocation import MODELS, check_counts, check_shares
from costeff.funding.curves import curves, filled, knots_of, known, optimum
from costeff.funding.response import Plan, aimed
from costeff.funding.worlds import TITLE, Aim, check_worlds, shock_sd

MEASURES = ("demand", "clients", "waiting", "outcomes", "saving", "value", "allocated", "spend", "overspend", "unspent")
TOTALS = ("frame", "frame_overspend", "frame_unspent")
COMPARED = (
    "clients", "waiting", "outcomes", "saving", "value", "spend", "overspend", "frame", "frame_overspend",
    "frame_unspent",
)  # fmt: skip
BETTER_IF_LESS = ("waiting", "frame_overspend")
UNJUDGED = ("spend", "overspend", "frame", "frame_unspent")  # neither more nor less of these is better by itself


def steer(
    budget: Budget, worlds: xr.Dataset, aim: Aim | None = None, *, pieces: int = 32, quantiles: int = 7
) -> xr.Dataset:
    """Both funding models, year by year, in the same worlds.

    Parameters
    ----------
    worlds
        From `draw_worlds`.
    aim
        What a lump sum is divided for.
    pieces, quantiles
        Of the curves and of a year's demand, with which a lump sum is planned.

    Returns
    -------
    Dataset over (draw, model, service, year): `demand` (queue and new clients), `clients` served, `waiting` (who
    wait when the year ends), `outcomes`, `saving`, `value` (what is aimed at), `allocated`, `spend`, `overspend`
    and `unspent` of each service against what it was allocated; and over (draw, model, year): `frame`, and
    `frame_overspend` and `frame_unspent` of all services together against it, by one measure for both models.
    Money is never made: spend + frame_unspent - frame_overspend = frame.
    """
    worlds = check_worlds(budget, worlds)
    check_counts(pieces=pieces, quantiles=quantiles)
    told = [_Run(budget, worlds, aim or Aim(), model, pieces, quantiles).years() for model in MODELS]
    out = xr.concat(told, dim=pd.Index(MODELS, name="model"))
    out = out.assign_coords(draw=worlds["draw"], service=list(budget.services), year=worlds["year"])
    attrs = {"budget": budget.id, "purpose": (aim or Aim()).purpose, "first_year": budget.first_year}
    return out.transpose("draw", "model", "service", "year").assign_attrs(attrs)


def differences(steered: xr.Dataset, mass: float = 0.9, *, by_service: bool = False) -> pd.DataFrame:
    """Lump sum less divided budget, summed over the years: mean, interval, and how surely it is better.

    `waiting` is that of the last year. Outcomes of different services are different things and have no sum: they are
    told by service.

    Parameters
    ----------
    steered
        From `steer`.
    by_service
        A row a service and measure, in place of sums over services.

    Returns
    -------
    DataFrame with a row a measure: (service,) measure, lump_sum, divided, difference, low, high, p_better

    Raises
    ------
    UsageError
        For a mass outside 0 to 1, or results that are not of `steer`.
    """
    check_shares(mass=mass)
    if not (is_steered(steered) and set(MODELS) <= set(steered.indexes["model"])):
        problem = Problem("steered", "is not of both funding models", "give what steer returned")
        raise UsageError(TITLE, [problem])
    if not by_service:
        parts = {"": steered.drop_vars("outcomes").sum("service").assign(steered[list(TOTALS)])}
    else:
        parts = {str(name): steered.sel(service=name).drop_vars(TOTALS) for name in steered["service"].values}
    rows = [
        (name, measure, *_difference(of[measure], measure, mass))
        for name, of in parts.items()
        for measure in COMPARED
        if measure in of
    ]
    table = pd.DataFrame(rows, columns=["service", "measure", *MODELS, "difference", "low", "high", "p_better"])
    return table if by_service else table.drop(columns="service")


def is_steered(given: object) -> TypeGuard[xr.Dataset]:
    """Whether it is what `steer` returned, of one funding model or both."""
    return (
        isinstance(given, xr.Dataset)
        and {*MEASURES, *TOTALS} <= set(given.data_vars)
        and {"draw", "model", "service", "year"} <= set(given.dims)
        and "budget" in given.attrs
    )


def _difference(values: xr.DataArray, measure: str, mass: float) -> tuple[float, ...]:
    """Means of both models over the years, and their difference: mean, ends of its interval, how surely better."""
    total = values.isel(year=-1) if measure == "waiting" else values.sum("year")
    one, other = (total.sel(model=model).to_numpy() for model in MODELS)
    gap = one - other
    low, high = np.quantile(gap, [(1 - mass) / 2, (1 + mass) / 2])
    better = float((gap < 0 if measure in BETTER_IF_LESS else gap > 0).mean()) if measure not in UNJUDGED else np.nan
    return float(one.mean()), float(other.mean()), float(gap.mean()), float(low), float(high), better


@dataclass(frozen=True)
class Served:
    """One year's service: arrays over (draw, service)."""

    demand: np.ndarray
    clients: np.ndarray
    waiting: np.ndarray


def serve(plan: Plan, money: np.ndarray, waiting: np.ndarray, need: np.ndarray) -> Served:
    """Who is served of the queue and the newcomers, and who still waits as the year ends."""
    demand = waiting + need
    clients = plan.served(money, demand)
    return Served(demand, clients, plan.stay * (demand - clients))


class _Run:
    """One funding model in every world."""

    def __init__(self, budget: Budget, worlds: xr.Dataset, aim: Aim, model: str, pieces: int, quantiles: int) -> None:
        self.plan, self.aim, self.model, self.budget = Plan(budget), aim, model, budget
        self.need = worlds["need"].to_numpy()
        self.cost = worlds["unit_cost"].to_numpy()
        self.effect, self.saving = worlds["effect"].to_numpy(), worlds["saving"].to_numpy()
        self.worth = aim.per_client(worlds).to_numpy()
        self.draws, self.services, _ = self.need.shape
        self.knots = knots_of(self.plan, budget.frame * (1 + budget.bonus), pieces)
        self.sd = np.stack([shock_sd(budget, name) for name in budget.services])
        self.least = budget.statutory_minimum
        self.chances = (np.arange(quantiles) + 0.5) / quantiles

    def years(self) -> xr.Dataset:
        shape = (self.draws, self.services, self.budget.years)
        out = {name: np.empty(shape) for name in MEASURES}
        totals = {name: np.empty((self.draws, self.budget.years)) for name in TOTALS}
        waiting = np.broadcast_to(self.plan.waiting, shape[:2])
        frame = np.full(self.draws, self.budget.frame)
        for year in range(self.budget.years):
            money = self._money(year, frame, waiting)
            served = serve(self.plan, money, waiting, self.need[:, :, year])
            waiting = served.waiting
            told = self._told(served, money)
            for name, values in told.items():
                out[name][:, :, year] = values
            totals["frame"][:, year] = frame
            left = frame - told["spend"].sum(-1)
            totals["frame_overspend"][:, year] = np.maximum(-left, 0)
            totals["frame_unspent"][:, year] = np.maximum(left, 0)
            frame = self._next_frame(told["outcomes"])
        return xr.Dataset(
            {name: (("draw", "service", "year"), values) for name, values in out.items()}
            | {name: (("draw", "year"), values) for name, values in totals.items()}
        )

    def _told(self, served: Served, money: np.ndarray) -> dict[str, np.ndarray]:
        first = self.plan.worth(served.clients, served.demand)
        spend = self.cost * served.clients
        return {
            "demand": served.demand,
            "clients": served.clients,
            "waiting": served.waiting,
            "outcomes": self.effect * first,
            "saving": self.saving * first,
            "value": aimed(self.plan, self.aim, self.worth, self.cost, served.clients, served.demand),
            "allocated": money,
            "spend": spend,
            "overspend": np.maximum(spend - money, 0),
            "unspent": np.maximum(money - spend, 0),
        }

    def _next_frame(self, outcomes: np.ndarray) -> np.ndarray:
        """Next year's frame: a lump sum's is moved by the share of its impact targets that were met."""
        budget = self.budget
        targets = np.array([service.target or np.nan for service in budget.services.values()])
        asked = np.isfinite(targets)
        if self.model == "divided" or not asked.any():
            return np.full(self.draws, budget.frame)
        met = (outcomes[:, asked] >= targets[asked]).mean(-1)
        moved = budget.frame * (1 + budget.bonus * met - budget.malus * (1 - met))
        return np.maximum(moved, max(budget.statutory_minimum, self.plan.floor.sum()))

    # --- how a lump sum is divided -------------------------------------------------------------

    def _money(self, year: int, frame: np.ndarray, waiting: np.ndarray) -> np.ndarray:
        if self.model == "divided":
            return np.broadcast_to(self.plan.divided, waiting.shape)
        planned = self._first(waiting) if year == 0 else self._planned(year, frame, waiting)
        return self._moved(planned, frame, waiting + self.need[:, :, year])

    def _first(self, waiting: np.ndarray) -> np.ndarray:
        """Year 1: nothing is seen yet, and one division serves all worlds."""
        values = curves(self.plan, self.aim, self.worth, self.cost, waiting + self.need[:, :, 0], self.knots)
        best = optimum(values.mean(0), self.knots, self.budget.frame, self.plan.team, self.least)
        return np.broadcast_to(best, waiting.shape)

    def _planned(self, year: int, frame: np.ndarray, waiting: np.ndarray) -> np.ndarray:
        """Later years: the queue is seen, and new clients are expected as the plan and the years so far had them."""
        from scipy.special import ndtri

        new = (self.plan.need + self.need[:, :, :year].sum(-1)) / (1 + year)
        factors = np.exp(np.outer(ndtri(self.chances), self.sd[:, year]))
        factors /= factors.mean(0)
        expected = np.zeros((self.draws, *self.knots.shape))
        for factor in factors:
            expected += self._known(waiting + new * factor) / len(factors)
        money = filled(expected, self.knots, frame, least=self.least)
        if not self.plan.team.any():
            return money
        teams = self.plan.usable(money)
        low, high = (np.where(self.plan.team > 0, teams, end) for end in (self.plan.floor, self.plan.cap))
        whole = filled(expected, self.knots, frame, low, high, least=self.least)
        # The minimum is given even where whole teams leave it short: a part of a team is money that buys nothing.
        short = whole.sum(-1, keepdims=True) < self.least - 1e-6
        return np.where(short, money, whole)

    def _moved(self, planned: np.ndarray, frame: np.ndarray, demand: np.ndarray) -> np.ndarray:
        """The year's demand is seen: a share of what stands above the floors moves, whole teams stay."""
        if self.budget.moves_within_year == 0:
            return planned
        return filled(self._known(demand), self.knots, frame, *self.plan.movable(planned), least=self.least)

    def _known(self, demand: np.ndarray) -> np.ndarray:
        return known(self.plan, self.aim, self.worth, demand, self.knots)
