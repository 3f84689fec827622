"""Studies that could be made, what they would report, and whether one of them would pay.

A design knows what holds in each draw and gives what a study of so many clients would report if that draw were the
truth. Clients are counted in all, over the options; those who drop out cost as others do and tell nothing. Studies of
all sizes take the same chances (the inverse of a distribution at one uniform), so that they differ by their size.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import xarray as xr

from costeff.checks import is_number, is_whole, listed, reals
from costeff.decision.arrays import check_numbers, check_same
from costeff.draws import rng
from costeff.errors import Problems, UsageError

TITLE = "The study cannot be valued"
_Report = Callable[[Hashable, np.ndarray, int], np.ndarray]


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
        if _any(self.risk, lambda risk: (risk < 0) | (risk > 1)):
            problems.add("risk", "is not between 0 and 1 in every draw", "give the probability of the event in a year")
        if not is_number(self.follow_up) or not self.follow_up > 0:
            problems.add("follow_up", "is not above 0", "give years")
        problems.raise_if_any(UsageError, TITLE)

    def __call__(self, clients: int, seed: int) -> xr.Dataset:
        """Share with the event among those followed, by draw and option."""
        from scipy.stats import binom

        within = 1.0 - (1.0 - self.risk) ** self.follow_up

        def share(option: Hashable, risk: np.ndarray, seen: int) -> np.ndarray:
            return np.asarray(binom.ppf(_chances(seed, "binary study", option, risk.size), seen, risk) / seen)

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
        _check_spread(problems, self.mean, self.sd)
        problems.raise_if_any(UsageError, TITLE)

    def __call__(self, clients: int, seed: int) -> xr.Dataset:
        """Mean over those measured, by draw and option."""
        sd = _spread(self.mean, self.sd)

        def average(option: Hashable, mean: np.ndarray, seen: int) -> np.ndarray:
            noise = rng(seed, "normal study", str(option)).standard_normal(mean.size)
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
        if _any(self.mean, lambda mean: mean <= 0):
            problems.add("mean", "is not above 0 in every draw", "use NormalStudy for net costs, which may be savings")
        _check_spread(problems, self.mean, self.sd)
        problems.raise_if_any(UsageError, TITLE)

    def __call__(self, clients: int, seed: int) -> xr.Dataset:
        """Mean cost over those followed, by draw and option."""
        from scipy.special import gammaincinv

        sd = _spread(self.mean, self.sd)

        def average(option: Hashable, mean: np.ndarray, seen: int) -> np.ndarray:
            shape = seen * (mean / sd.sel(option=option).values) ** 2
            return np.asarray(gammaincinv(shape, _chances(seed, "cost study", option, mean.size)) * mean / shape)

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
        parts = listed(self.parts)
        if not parts:
            problems.add("parts", "holds none", "give a list of designs")
        known: dict[str, xr.DataArray] = {}
        for n, part in enumerate(parts or []):
            if isinstance(part, BinaryStudy | NormalStudy | CostStudy):
                known[f"part {n}"] = part.risk if isinstance(part, BinaryStudy) else part.mean
            else:
                problems.add(f"part {n}", "is no design", "give a BinaryStudy, a NormalStudy or a CostStudy")
        for one, other in pairwise(known):
            check_same(problems, "draw", {one: known[one], other: known[other]})
        problems.raise_if_any(UsageError, TITLE)

    def __call__(self, clients: int, seed: int) -> xr.Dataset:
        """The reports of all parts, each under its number."""
        every = [part(clients, int(rng(seed, "part", str(n)).integers(2**31))) for n, part in enumerate(self.parts)]
        return xr.merge([reports.rename({name: f"{n} {name}" for name in reports}) for n, reports in enumerate(every)])


def _chances(seed: int, study: str, option: Hashable, size: int) -> np.ndarray:
    """A chance above 0 for each draw, the same for every number of clients."""
    return rng(seed, study, str(option)).uniform(np.finfo(float).tiny, 1.0, size)


def _spread(mean: xr.DataArray, sd: xr.DataArray | float) -> xr.DataArray:
    """The standard deviation for every draw and option of the means, in their order."""
    if isinstance(sd, xr.DataArray):
        sd = sd.reindex({dim: mean[dim] for dim in sd.dims if dim in sd.indexes})
    return xr.zeros_like(mean, dtype=float) + sd


def _reports(of: xr.DataArray, seen: dict[Hashable, int], what: str, report: _Report) -> xr.Dataset:
    """A variable over draw for each option of which anyone is seen."""
    columns = {f"{what} {o}": ("draw", report(o, of.sel(option=o).values, n)) for o, n in seen.items() if n}
    coords = {"draw": of["draw"]} if "draw" in of.coords else {}
    return xr.Dataset(columns, coords=coords)


def _seen(of: xr.DataArray, clients: int, drop_out: float, split: xr.DataArray | None) -> dict[Hashable, int]:
    """Clients of each option who are there at the end."""
    problems = Problems()
    if not is_whole(clients) or clients < 1:
        problems.add("clients", f"{clients!r} is no whole number from 1", "give the number of clients in all")
        problems.raise_if_any(UsageError, TITLE)
    options = list(of["option"].values)
    shares = {o: 1 / len(options) if split is None else float(split.sel(option=o)) for o in options}
    seen = {o: round(clients * share * (1 - drop_out)) for o, share in shares.items()}
    if not any(seen.values()):
        problems.add("clients", "are so few that none is left at the end", "follow more of them")
        problems.raise_if_any(UsageError, TITLE)
    return seen


# --- checks of designs ----------------------------------------------------------------------------


def _common(values: xr.DataArray, name: str, drop_out: float, split: xr.DataArray | None) -> Problems:
    """What every design has to keep to; all the rest is checked of what can be reckoned with."""
    problems = Problems()
    if not isinstance(values, xr.DataArray):
        problems.add(name, "is not a labelled array", "give a DataArray over draw and option")
    elif set(values.dims) != {"draw", "option"} or "option" not in values.indexes:
        problems.add(name, f"has the dims {values.dims}", "it needs draw and option, with the options' names")
    elif not values.indexes["option"].is_unique:
        problems.add(f"{name} option", "has a label twice", "each stands once")
    else:
        check_numbers(problems, name, values, "every draw needs one")
        if split is not None:
            _check_split(problems, values, split)
    if not is_number(drop_out) or not 0 <= drop_out < 1:
        problems.add("drop_out", "is not a share below 1", "give 0.2 for 20 %")
    return problems


def _check_split(problems: Problems, values: xr.DataArray, split: xr.DataArray) -> None:
    labels = split.indexes.get("option") if isinstance(split, xr.DataArray) and split.dims == ("option",) else None
    if labels is None or sorted(map(str, labels)) != sorted(map(str, values.indexes["option"])):
        problems.add("split", "is not by the options of the study", "give a share for each option")
    elif (shares := reals(split)) is None or not (shares >= 0).all() or not np.isclose(shares.sum(), 1):
        problems.add("split", "does not sum to 1", "give shares of the clients")


def _check_spread(problems: Problems, mean: xr.DataArray, sd: xr.DataArray | float) -> None:
    dims = set(sd.dims if isinstance(sd, xr.DataArray) else range(np.ndim(sd)))
    values = reals(sd)
    if not dims <= {"draw", "option"}:
        problems.add("sd", "is not labelled, or over other dims", "give one, or by option, or by draw and option")
    elif values is None or not (np.isfinite(values) & (values > 0)).all():
        problems.add("sd", "is not above 0", "give the standard deviation of a client")
    elif isinstance(sd, xr.DataArray) and not problems:
        for dim in sd.dims:
            check_same(problems, str(dim), {"mean": mean, "sd": sd})


def _any(values: object, broken: Callable[[np.ndarray], np.ndarray]) -> bool:
    """Whether any number breaks a rule; what is no number is told by another check."""
    numbers = reals(values)
    return numbers is not None and bool(broken(numbers).any())


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
    - `pays` (size, ...): 1 where `enbs` is above 0, else 0; NaN where the value was refused
    - `refused` (size, ...): whether the value was
    - `best_size` (...): of the sizes with a value, that with the largest `enbs`; 0, no study, where every size has a
      value and none pays; NaN where no size that has a value pays and another has none, since that one might
    - `best_enbs` (...): what that gives, 0 for no study

    Its attrs hold the assumptions: clients decided for after the result (`clients_after`), the same discounted
    (`effective_population`), and the arguments.

    Raises
    ------
    UsageError
        A value that is no array by `size` with each size once; amounts below 0, a share that is none, a horizon that is
        not above 0.

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
    refused = value.isnull()
    most = net.fillna(-np.inf).max("size")
    known = (most > 0) | ~refused.any("size")
    at = value["size"].isel(size=net.fillna(-np.inf).argmax("size")).drop_vars("size").astype(float)
    ds = xr.Dataset({"enbs": net, "value": worth, "cost": cost, "pays": (net > 0).where(~refused), "refused": refused,
                     "best_size": at.where(most > 0, 0.0).where(known),
                     "best_enbs": most.clip(min=0.0).where(known)})  # fmt: skip
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
    if not isinstance(value, xr.DataArray):
        problems.add("value", "is not a labelled array", 'give evsi(...)["evsi"]')
    elif "size" not in value.dims or "size" not in value.indexes:
        problems.add("value", "has no dim size", "give the EVSI of studies of some sizes")
    else:
        sizes = reals(value["size"])
        if sizes is None or not sizes.size or not (sizes >= 1).all() or not value.indexes["size"].is_unique:
            problems.add("value size", "holds no number of clients, or one twice", "give each size once")
        if (worths := reals(value)) is None or np.isinf(worths).any():
            problems.add("value", "holds what is no number, or infinite", 'give evsi(...)["evsi"]')
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
    return float(value) if is_number(value) else float("nan")
