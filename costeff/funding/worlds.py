"""What a budget meets: demand, prices and gains per client, one possible world a draw, the same for every model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Literal, get_args

import numpy as np
import xarray as xr

from costeff.agreement import Budget, Estimate
from costeff.draws import rng
from costeff.errors import Problem, Problems, UsageError

TITLE = "The budget cannot be steered"
UNFIT = "The gains per client do not fit together"
Z95 = 1.959963984540054
Purpose = Literal["effect", "saving", "net_benefit"]
WORLD = {
    "need": ("draw", "service", "year"),
    "unit_cost": ("draw", "service"),
    "effect": ("draw", "service"),
    "saving": ("draw", "service"),
}


@dataclass(frozen=True)
class Aim:
    """What money is given for: expected outcomes, expected saving, or the two together less what is spent.

    Parameters
    ----------
    purpose
        `effect`: outcomes, weighed by `worth`. `saving`: EUR avoided. `net_benefit`: outcomes at `worth` EUR each,
        plus EUR avoided, minus EUR spent.
    worth
        Of one outcome of a service. None weighs all alike for `effect`, and counts no outcome for `net_benefit`.
    """

    purpose: Purpose = "net_benefit"
    worth: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        if self.purpose not in get_args(Purpose):
            problem = Problem(f"purpose {self.purpose}", "is not known", f"known: {', '.join(get_args(Purpose))}")
            raise UsageError(TITLE, [problem])

    def per_client(self, worlds: xr.Dataset) -> xr.DataArray:
        """What the first client in need is worth, by draw and service."""
        if self.purpose == "saving":
            return worlds["saving"]
        names = [str(name) for name in worlds["service"].values]
        self._check(names)
        default = 1.0 if self.purpose == "effect" else 0.0
        worth = xr.DataArray([(self.worth or {}).get(n, default) for n in names], coords={"service": names})
        outcomes = worlds["effect"] * worth
        return outcomes if self.purpose == "effect" else outcomes + worlds["saving"]

    @property
    def counts_spending(self) -> bool:
        return self.purpose == "net_benefit"

    def _check(self, services: list[str]) -> None:
        problems = Problems()
        for name, value in (self.worth or {}).items():
            if name not in services:
                problems.add(f"worth {name}", "is not a service of the budget", f"known: {', '.join(services)}")
            elif not (isinstance(value, Real) and np.isfinite(float(value)) and value >= 0):
                problems.add(f"worth {name}", "is below 0 or not a number", "an outcome is worth 0 or more")
        problems.raise_if_any(UsageError, TITLE)


def gains_per_client(effect: Mapping[str, xr.DataArray], saving: Mapping[str, xr.DataArray]) -> xr.Dataset:
    """What the first client in need of each service gains, as one Dataset.

    Parameters
    ----------
    effect
        By service, over `draw`: outcomes gained per client against usual service; below 0 where it does harm.
    saving
        By service, over `draw`: EUR avoided per client.

    Returns
    -------
    Dataset with `effect` and `saving` over (draw, service)

    Raises
    ------
    UsageError
        Services that differ, draws that differ, a value that is missing or infinite: all of them at once.
    """
    problems = Problems()
    for what, given in (("effect", effect), ("saving", saving)):
        if not isinstance(given, Mapping):
            problems.add(what, "is not a mapping of services to draws", "give {service: draws}")
    problems.raise_if_any(UsageError, UNFIT)
    for name in effect.keys() ^ saving.keys():
        lacks = "effect" if name in saving else "saving"
        problems.add(f"{lacks} {name}", "is missing", "give the draws of both, zeros where nothing is saved")
    first: xr.DataArray | None = None
    for what, given in (("effect", effect), ("saving", saving)):
        for name, values in given.items():
            place = f"{what} {name}"
            if not isinstance(values, xr.DataArray) or values.dtype.kind not in "fiu":
                problems.add(place, "is not draws", "give a DataArray of numbers over draw, such as as_draws(values)")
                continue
            if values.dims != ("draw",):
                problems.add(place, f"has the dims {values.dims}", "it is over draw alone")
                continue
            if not values.size:
                problems.add(place, "has no draws", "give 1 or more")
            first = values if first is None else first
            if not _same_draws(values, first):
                problems.add(place, "has other draws than the rest", "take all from runs with the same draws")
            if not np.isfinite(values).all():
                problems.add(place, "has a value that is missing or infinite", "every draw needs a value")
    if not effect:
        problems.add("effect", "names no service", "give the draws of each service")
    problems.raise_if_any(UsageError, UNFIT)
    names = list(effect)
    joined = {
        what: xr.concat([given[n].reset_coords(drop=True) for n in names], dim="service")
        .assign_coords(service=names)
        .transpose("draw", "service")
        for what, given in (("effect", effect), ("saving", saving))
    }
    return xr.Dataset(joined)


def draw_worlds(budget: Budget, gains: xr.Dataset, seed: int) -> xr.Dataset:
    """One possible world a draw: what comes of need, shocks and prices, beside the gains per client.

    Every number is drawn under the name of its service, so that neither the order of services nor a service
    more moves the draws of the others.

    Returns
    -------
    Dataset with `need` (draw, service, year; new clients), `unit_cost` (draw, service; EUR a client, coordination
    within), `effect` and `saving` (draw, service), services in the order of the budget

    Raises
    ------
    UsageError
        Gains of a service that is not in the budget, a service without gains, draws that are missing, a seed below 0.
    """
    _check_gains(budget, gains)
    if not (isinstance(seed, Integral) and seed >= 0):
        raise UsageError(TITLE, [Problem(f"seed {seed}", "is not a whole number of 0 or more", "such as 2026")])
    draws, names = gains.sizes["draw"], list(budget.services)
    gains = gains[["effect", "saving"]].sel(service=names).transpose("draw", "service")
    common = _normal(seed, draws, budget.years, "common")
    need = np.empty((draws, len(names), budget.years))
    cost = np.empty((draws, len(names)))
    for number, (name, service) in enumerate(budget.services.items()):
        own = _normal(seed, draws, budget.years, name, "shock")
        z = np.sqrt(budget.correlation) * common + np.sqrt(1 - budget.correlation) * own
        sd = shock_sd(budget, name)
        level = estimate_draws(service.need, _normal(seed, draws, 1, name, "need"))
        need[:, number] = level * np.exp(sd * z - sd**2 / 2)
        price = estimate_draws(service.unit_cost, _normal(seed, draws, 1, name, "unit_cost"))
        cost[:, number] = price[:, 0] * (1 + budget.overhead(name))
    years = np.arange(1, budget.years + 1)
    worlds = gains.assign(need=(("draw", "service", "year"), need), unit_cost=(("draw", "service"), cost))
    return worlds.assign_coords(draw=gains["draw"], year=years)


def check_worlds(budget: Budget, worlds: xr.Dataset) -> xr.Dataset:
    """The worlds with their dims in order, if they were drawn for the services and years of the budget.

    Raises
    ------
    UsageError
        With everything that differs, is missing, or cannot be.
    """
    problems = Problems()
    cure = "draw the worlds for this budget, with draw_worlds"
    if not isinstance(worlds, xr.Dataset):
        raise UsageError(TITLE, [Problem("worlds", "are no Dataset", cure)])
    for name, dims in WORLD.items():
        if name not in worlds or set(worlds[name].dims) != set(dims):
            problems.add(f"worlds {name}", f"is missing, or not over {', '.join(dims)}", cure)
        elif not (worlds[name].size and np.isfinite(worlds[name]).all()):
            problems.add(f"worlds {name}", "has no draws, or a value that is missing or infinite", cure)
        elif name in ("need", "unit_cost") and (worlds[name] < 0).any():
            problems.add(f"worlds {name}", "has a value below 0", cure)
    if "service" not in worlds.indexes or list(worlds.indexes["service"]) != list(budget.services):
        problems.add("worlds service", f"are not the services of {budget.id}, in their order", cure)
    if "year" not in worlds.indexes or list(worlds.indexes["year"]) != list(range(1, budget.years + 1)):
        problems.add("worlds year", f"are not the years of {budget.id}, 1 to {budget.years}", cure)
    problems.raise_if_any(UsageError, TITLE)
    return worlds[list(WORLD)].transpose("draw", "service", "year")


def shock_sd(budget: Budget, service: str) -> np.ndarray:
    """The standard deviation of the logarithm of a service's demand, by year."""
    return np.broadcast_to(np.asarray(budget.services[service].demand_sd, float), (budget.years,))


def log_sd(value: Estimate) -> float:
    """The standard deviation of the logarithm of a number; 0 where no interval is known."""
    if value.low is None or value.high is None:
        return 0.0
    return float(np.log(value.high / value.low) / (2 * Z95))


def estimate_draws(value: Estimate, z: np.ndarray) -> np.ndarray:
    """A number at standard normal `z`: log-normal, its mean kept, its spread that of the interval."""
    sd = log_sd(value)
    return np.asarray(value.mean * np.exp(sd * z - sd**2 / 2))


def _normal(seed: int, draws: int, years: int, *names: str) -> np.ndarray:
    return rng(seed, "budget", *names).standard_normal((years, draws)).T  # a year more moves no other year


def _same_draws(one: xr.DataArray, other: xr.DataArray) -> bool:
    if one.sizes["draw"] != other.sizes["draw"]:
        return False
    if ("draw" in one.indexes) != ("draw" in other.indexes):
        return False
    return "draw" not in one.indexes or bool(one.indexes["draw"].equals(other.indexes["draw"]))


def _check_gains(budget: Budget, gains: xr.Dataset) -> None:
    problems = Problems()
    if not isinstance(gains, xr.Dataset):
        raise UsageError(TITLE, [Problem("gains", "are no Dataset", "make them with gains_per_client")])
    for name in ("effect", "saving"):
        if name not in gains or set(gains[name].dims) != {"draw", "service"}:
            problems.add(f"gains {name}", "is missing, or not over draw and service", "make them with gains_per_client")
        elif not np.isfinite(gains[name]).all():
            problems.add(f"gains {name}", "has a value that is missing or infinite", "every draw needs a value")
    if "service" not in gains.indexes:
        problems.add("gains service", "has no labels", "assign the ids of the services")
    else:
        given = [str(name) for name in gains.indexes["service"]]
        for name in given:
            if name not in budget.services:
                cure = f"known: {', '.join(budget.services)}"
                problems.add(f"gains {name}", f"is not a service of {budget.id}", cure)
        for name in budget.services:
            if given.count(name) != 1:
                rule = "has no gains" if name not in given else "has its gains twice"
                problems.add(f"service {name}", rule, "give the draws of its effect and saving once")
    problems.raise_if_any(UsageError, TITLE)
