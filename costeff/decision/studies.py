"""Studies that could be made, what they would report, and whether one of them would pay.

A design knows what holds in each draw and gives what a study of so many clients would report if that draw were the
truth. Clients are counted in all, over the options; those who drop out cost as others do and tell nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr

from costeff.draws import rng
from costeff.errors import Problems, UsageError

TITLE = "The study cannot be valued"
_Report = Callable[[str, np.ndarray, int], np.ndarray]


# --- designs --------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class BinaryStudy:
    """Clients of each option are followed, and those who have the event are counted.

    Attributes
    ----------
    risk
        Of the event within a year (draw, option).
    follow_up
        Years; the hazard of a client is taken to be constant, so that the risk over the time is
        1 - (1 - risk) ** follow_up.
    drop_out
        Share of clients who are lost.
    split
        Share of the clients in each option (option), summing to 1; None divides them evenly.
    """

    risk: xr.DataArray
    follow_up: float = 1.0
    drop_out: float = 0.0
    split: xr.DataArray | None = None

    def __post_init__(self) -> None:
        problems = _common(self.risk, "risk", self.drop_out, self.split)
        if (self.risk < 0).any() or (self.risk > 1).any():
            problems.add("risk", "is not between 0 and 1 in every draw", "give the probability of the event in a year")
        if not self.follow_up > 0:
            problems.add("follow_up", "is not above 0", "give years")
        problems.raise_if_any(UsageError, TITLE)

    def __call__(self, clients: int, seed: int) -> xr.Dataset:
        """Share with the event among those followed, by draw and option."""
        within = 1.0 - (1.0 - self.risk) ** self.follow_up

        def share(option: str, risk: np.ndarray, seen: int) -> np.ndarray:
            return np.asarray(rng(seed, "binary study", option).binomial(seen, risk) / seen)

        return _reports(within, _seen(within, clients, self.drop_out, self.split), "events", share)


@dataclass(frozen=True, eq=False)
class NormalStudy:
    """A quantity is measured on clients of each option, and their mean is reported.

    Attributes
    ----------
    mean
        Of a client (draw, option).
    sd
        Of a client about that mean: one, or by option, or by draw and option.
    drop_out, split
        As in `BinaryStudy`.
    """

    mean: xr.DataArray
    sd: xr.DataArray | float
    drop_out: float = 0.0
    split: xr.DataArray | None = None

    def __post_init__(self) -> None:
        problems = _common(self.mean, "mean", self.drop_out, self.split)
        if not (xr.DataArray(self.sd) > 0).all():
            problems.add("sd", "is not above 0", "give the standard deviation of a client")
        problems.raise_if_any(UsageError, TITLE)

    def __call__(self, clients: int, seed: int) -> xr.Dataset:
        """Mean over those measured, by draw and option."""
        sd = xr.zeros_like(self.mean) + self.sd

        def average(option: str, mean: np.ndarray, seen: int) -> np.ndarray:
            noise = rng(seed, "normal study", option).standard_normal(mean.size)
            return np.asarray(mean + noise * sd.sel(option=option).values / np.sqrt(seen))

        return _reports(self.mean, _seen(self.mean, clients, self.drop_out, self.split), "mean", average)


@dataclass(frozen=True, eq=False)
class CostStudy:
    """Costs of clients are gathered, skewed as costs are: gamma distributed about their mean.

    The mean of gamma distributed costs is gamma distributed itself, so that no client has to be drawn.

    Attributes
    ----------
    mean
        Of a client (draw, option), above 0.
    sd
        Of a client about that mean: one, or by option, or by draw and option.
    drop_out, split
        As in `BinaryStudy`.
    """

    mean: xr.DataArray
    sd: xr.DataArray | float
    drop_out: float = 0.0
    split: xr.DataArray | None = None

    def __post_init__(self) -> None:
        problems = _common(self.mean, "mean", self.drop_out, self.split)
        if not (self.mean > 0).all():
            problems.add("mean", "is not above 0 in every draw", "use NormalStudy for net costs, which may be savings")
        if not (xr.DataArray(self.sd) > 0).all():
            problems.add("sd", "is not above 0", "give the standard deviation of a client")
        problems.raise_if_any(UsageError, TITLE)

    def __call__(self, clients: int, seed: int) -> xr.Dataset:
        """Mean cost over those followed, by draw and option."""
        sd = xr.zeros_like(self.mean) + self.sd

        def average(option: str, mean: np.ndarray, seen: int) -> np.ndarray:
            shape = seen * (mean / sd.sel(option=option).values) ** 2
            return np.asarray(rng(seed, "cost study", option).standard_gamma(shape) * mean / shape)

        return _reports(self.mean, _seen(self.mean, clients, self.drop_out, self.split), "cost", average)


@dataclass(frozen=True, eq=False)
class JointStudy:
    """Several things measured on the same clients, each given the draw independent of the others.

    Attributes
    ----------
    parts
        Designs; each is asked for the same number of clients.
    """

    parts: Sequence[BinaryStudy | NormalStudy | CostStudy]

    def __post_init__(self) -> None:
        problems = Problems()
        if not self.parts:
            problems.add("parts", "holds none", "give designs")
        problems.raise_if_any(UsageError, TITLE)

    def __call__(self, clients: int, seed: int) -> xr.Dataset:
        """The reports of all parts, each under its number."""
        every = [part(clients, int(rng(seed, "part", str(n)).integers(2**31))) for n, part in enumerate(self.parts)]
        return xr.merge([reports.rename({name: f"{n} {name}" for name in reports}) for n, reports in enumerate(every)])


def _reports(of: xr.DataArray, seen: dict[str, int], what: str, report: _Report) -> xr.Dataset:
    """A variable over draw for each option of which anyone is seen."""
    columns = {f"{what} {o}": ("draw", report(o, of.sel(option=o).values, n)) for o, n in seen.items() if n}
    coords = {"draw": of["draw"]} if "draw" in of.coords else {}
    return xr.Dataset(columns, coords=coords)


def _seen(of: xr.DataArray, clients: int, drop_out: float, split: xr.DataArray | None) -> dict[str, int]:
    """Clients of each option who are there at the end."""
    options = [str(option) for option in of["option"].values]
    shares = {o: 1 / len(options) if split is None else float(split.sel(option=o)) for o in options}
    seen = {o: round(clients * share * (1 - drop_out)) for o, share in shares.items()}
    if not any(seen.values()):
        problems = Problems()
        problems.add("clients", "are so few that none is left at the end", "follow more of them")
        problems.raise_if_any(UsageError, TITLE)
    return seen


def _common(values: xr.DataArray, name: str, drop_out: float, split: xr.DataArray | None) -> Problems:
    """What every design has to keep to."""
    problems = Problems()
    if set(values.dims) != {"draw", "option"} or "option" not in values.indexes:
        problems.add(name, f"has the dims {values.dims}", "it needs draw and option, with the options' names")
    elif not np.isfinite(values).all():
        problems.add(name, "has a value that is missing or infinite", "every draw needs one")
    elif split is not None and (
        split.dims != ("option",) or set(split["option"].values) != set(values["option"].values)
    ):
        problems.add("split", "is not by the options of the study", "give a share for each option")
    elif split is not None and not ((split >= 0).all() and np.isclose(float(split.sum()), 1)):
        problems.add("split", "does not sum to 1", "give shares of the clients")
    if not 0 <= drop_out < 1:
        problems.add("drop_out", "is not a share below 1", "give 0.2 for 20 %")
    return problems


# --- would it pay ---------------------------------------------------------------------------------


def enbs(
    value: xr.DataArray,
    *,
    population: float,
    horizon: float,
    discount_rate: float,
    fixed_cost: float,
    cost_per_client: float,
    result_after: float,
    share: float = 1.0,
    compounding: Literal["yearly", "continuous"] = "yearly",
) -> xr.Dataset:
    """Expected net benefit of sampling: what a study is worth to those still to be decided for, less what it costs.

    Until its result is there, clients get what is best by today's knowledge; the study is worth something for those
    who come after it, up to the horizon. Its costs are paid at the start.

    Parameters
    ----------
    value
        EVSI of one decision, with the dim `size` (clients in all) and any others: `evsi(...)["evsi"]`. A refused
        value (NaN) stays missing.
    population
        Clients a year for whom the decision is made.
    horizon
        Years from now for which the decision stands; after that other services or prices make it anew.
    discount_rate
        A share a year, 0.03 for 3 %.
    fixed_cost, cost_per_client
        Of the study, in the unit of `value`. A client who drops out costs as the others.
    result_after
        Years from now until the result is there: recruitment, follow-up and analysis.
    share
        Of the population whose service follows the result.
    compounding
        "yearly" weighs a year by 1 / (1 + rate) ** t, where t is 0 in the first; "continuous" by exp(-rate t) at
        every moment.

    Returns
    -------
    Dataset

    - `enbs`, `value`, `cost` (size, ...): net benefit of the study, its worth to the population, its cost
    - `best_size` (...): size with the largest `enbs`; 0, no study, where none is above 0
    - `best_enbs` (...): what that gives, 0 for no study
    - `pays` (size, ...): whether `enbs` is above 0

    Its attrs hold the assumptions: clients decided for after the result (`clients_after`), the same discounted
    (`effective_population`), and the arguments.

    Raises
    ------
    UsageError
        A value without `size`; amounts below 0, a share that is none, a horizon that is not above 0.

    References
    ----------
    Value of information for research decisions: Fenwick et al. (2020), doi:10.1016/j.jval.2020.01.001
    """
    _check_enbs(value, locals())
    years = max(horizon - result_after, 0.0)
    effective = population * share * _present_years(result_after, horizon, discount_rate, compounding)
    worth = value * effective
    cost = fixed_cost + cost_per_client * value["size"]
    net = worth - cost
    known = net.notnull().any("size")
    best = net.fillna(-np.inf).max("size").clip(min=0.0).where(known)
    at = value["size"].isel(size=net.fillna(-np.inf).argmax("size")).drop_vars("size").astype(float)
    ds = xr.Dataset({"enbs": net, "value": worth, "cost": cost, "pays": net > 0,
                     "best_size": at.where(best > 0, 0.0).where(known), "best_enbs": best})  # fmt: skip
    unit = {"unit": value.attrs.get("unit", "that of cost")}
    for name in ("enbs", "value", "cost", "best_enbs"):
        ds[name].attrs = dict(unit)
    ds["best_size"].attrs = {"unit": "clients"}
    asked = {"population": population, "horizon": horizon, "discount_rate": discount_rate, "fixed_cost": fixed_cost,
             "cost_per_client": cost_per_client, "result_after": result_after, "share": share,
             "compounding": compounding}  # fmt: skip
    after = {"clients_after": population * share * years, "effective_population": effective}
    return ds.assign_attrs(name="expected net benefit of sampling", **unit, **after, **asked)


def _present_years(start: float, end: float, rate: float, compounding: str) -> float:
    """Years from start to end, as they weigh today."""
    if end <= start:
        return 0.0
    if compounding == "continuous":
        return float(end - start if rate == 0 else (np.exp(-rate * start) - np.exp(-rate * end)) / rate)
    year = np.arange(np.ceil(end))
    within = np.clip(np.minimum(year + 1, end) - np.maximum(year, start), 0.0, 1.0)
    return float((within * (1.0 + rate) ** -year).sum())


def _check_enbs(value: xr.DataArray, asked: dict[str, object]) -> None:
    problems = Problems()
    if "size" not in value.dims or "size" not in value.indexes:
        problems.add("value", "has no dim size", "give the EVSI of studies of some sizes")
    for name in ("population", "discount_rate", "fixed_cost", "cost_per_client", "result_after"):
        if not _number(asked[name]) >= 0:
            problems.add(name, "is below 0 or missing", "give 0 or more")
    if not _number(asked["horizon"]) > 0:
        problems.add("horizon", "is not above 0", "give years from now")
    if not 0 <= _number(asked["share"]) <= 1:
        problems.add("share", "is not a share", "give 0.8 for 80 %")
    if not _number(asked["discount_rate"]) < 1:
        problems.add("discount_rate", "is 100 % or more", "give 0.03 for 3 %")
    if asked["compounding"] not in ("yearly", "continuous"):
        problems.add("compounding", "is unknown", "use yearly or continuous")
    problems.raise_if_any(UsageError, TITLE)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float | np.number) and np.isfinite(value) else float("nan")
