"""From EUR to clients to change: what a service gives for its money, within its staff and its need.

With `x` EUR at a planned price `p`, `K` clients that the staff can serve and `D` clients in need:

    n = min(x / p, K, D)                       clients served
    f = n - (1 - g) n^2 / (2 D)                the same in first clients' worth, g the last one's gain
    outcomes = effect f,  saving = saving per client f,  spend = actual price n

Places are bought at the planned price and paid at the actual one; the difference is over- or underspent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr

from costeff.agreement import Budget
from costeff.errors import Problem, UsageError
from costeff.funding.worlds import TITLE, Aim, check_worlds


@dataclass(frozen=True)
class Plan:
    """A budget's limits as arrays over its services, in their order."""

    budget: Budget

    def _each(self, name: str) -> np.ndarray:
        return np.asarray([getattr(service, name) for service in self.budget.services.values()], float)

    @cached_property
    def price(self) -> np.ndarray:
        """EUR a client as planned: the mean, coordination within."""
        return np.asarray([s.unit_cost.mean * (1 + self.budget.overhead(k)) for k, s in self.budget.services.items()])

    @cached_property
    def need(self) -> np.ndarray:
        """New clients a year as planned."""
        return np.array([service.need.mean for service in self.budget.services.values()])

    @cached_property
    def capacity(self) -> np.ndarray:
        """Clients a year whom the staff that can be had can serve."""
        return np.asarray(self._each("capacity") * self._each("staffed"))

    @cached_property
    def slack(self) -> np.ndarray:
        """How far the gain falls from the first client to the last, as a share."""
        return 1 - self._each("last_gain")

    @cached_property
    def stay(self) -> np.ndarray:
        """The share of those left without who are in the queue next year."""
        return 1 - self._each("leave")

    @cached_property
    def waiting(self) -> np.ndarray:
        return self._each("waiting")

    @cached_property
    def floor(self) -> np.ndarray:
        """EUR a year, in whole teams where only these are to be had."""
        return self._each("least")

    @cached_property
    def cap(self) -> np.ndarray:
        return self._each("cap")

    @cached_property
    def team(self) -> np.ndarray:
        """EUR a team; 0 where money is given to the euro."""
        return np.array([service.team or 0.0 for service in self.budget.services.values()])

    @cached_property
    def divided(self) -> np.ndarray:
        """EUR a year by service in the budget divided beforehand."""
        shares = self._each("share")
        return np.asarray(shares / shares.sum() * self.budget.frame)

    def movable(self, planned: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """From what to what each service's money may move within the year; whole teams stay as they were hired."""
        kept = planned - self.budget.moves_within_year * (planned - self.floor)
        hired = self.team > 0
        return np.where(hired, planned, kept), np.where(hired, planned, self.cap)

    def usable(self, money: np.ndarray) -> np.ndarray:
        """What of the money buys something: whole teams, where only these are to be had."""
        teams = np.where(self.team > 0, self.team, 1.0)
        return np.where(self.team > 0, np.floor(money / teams + 1e-9) * teams, money)

    def served(self, money: np.ndarray, demand: np.ndarray) -> np.ndarray:
        """Clients served; arrays end with the dim of services."""
        return np.asarray(np.minimum(np.minimum(self.usable(money) / self.price, self.capacity), demand))

    def worth(self, clients: np.ndarray, demand: np.ndarray) -> np.ndarray:
        """Clients served, counted as so many first clients: later ones gain less."""
        coverage = np.divide(clients, demand, out=np.zeros(np.broadcast(clients, demand).shape), where=demand > 0)
        return np.asarray(clients * (1 - self.slack * coverage / 2))


def response_curves(
    budget: Budget, worlds: xr.Dataset, money: Sequence[float] | np.ndarray, year: int = 1
) -> xr.Dataset:
    """What each service would give for each of several amounts, with the queue of the start and a year's demand.

    Parameters
    ----------
    worlds
        From `draw_worlds`.
    money
        EUR for one service, each amount on its own; limits of the budget are not applied.

    Returns
    -------
    Dataset with `clients`, `outcomes`, `saving` and `spend` over (draw, service, money)
    """
    worlds = check_worlds(budget, worlds)
    plan, amounts = Plan(budget), np.asarray(money, float)
    if amounts.ndim != 1 or not np.isfinite(amounts).all() or (amounts < 0).any():
        problem = Problem("money", "is not a list of amounts of 0 or more", "give EUR a year, such as [0, 100000]")
        raise UsageError(TITLE, [problem])
    if year not in worlds["year"].values:
        problem = Problem(f"year {year}", "is not a year of the budget", f"its years are 1 to {budget.years}")
        raise UsageError(TITLE, [problem])
    demand = (plan.waiting + worlds["need"].sel(year=year).to_numpy())[:, None, :]
    clients = plan.served(np.broadcast_to(amounts[:, None], (amounts.size, len(plan.price))), demand)
    first = plan.worth(clients, demand)
    dims = ("draw", "money", "service")
    out = xr.Dataset(coords={"draw": worlds["draw"], "service": worlds["service"], "money": amounts})
    out["clients"] = dims, clients
    out["outcomes"] = worlds["effect"] * xr.DataArray(first, dims=dims)
    out["saving"] = worlds["saving"] * xr.DataArray(first, dims=dims)
    out["spend"] = worlds["unit_cost"] * xr.DataArray(clients, dims=dims)
    return out.transpose("draw", "service", "money")


def aimed(
    plan: Plan, aim: Aim, worth: np.ndarray, cost: np.ndarray, clients: np.ndarray, demand: np.ndarray
) -> np.ndarray:
    """What is aimed at, of clients served: `worth` and `cost` are those of a first client."""
    value = worth * plan.worth(clients, demand)
    return np.asarray(value - cost * clients if aim.counts_spending else value)
