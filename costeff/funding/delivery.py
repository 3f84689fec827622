"""What a provider delivers under a contract, by draw: outcomes as they would be counted, with chance at its size.

The probability of the good outcome is uncertain (the draws), and so is what happens to a limited number of clients
(the binomial). Both are in every draw. Scenarios share their chance: what differs between them is not luck.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from costeff.checks import is_number, is_whole
from costeff.draws import NEW, OPTIONS, USUAL, rng
from costeff.errors import Problems, UsageError

TITLE = "The delivery cannot be simulated"
ESTIMATE, NO_EFFECT, DRIFT, DRIFT_NO_EFFECT = "estimate", "no_effect", "drift", "drift_no_effect"
Money = float | xr.DataArray


def with_effect(good: xr.DataArray, more: float) -> xr.DataArray:
    """The same probabilities, had the new option made the good outcome likelier by so much, and no likelier than sure.

    Parameters
    ----------
    good
        Probability of the good outcome, dims (draw, option).
    more
        Difference in probability; 0.05 is five good outcomes more of a hundred clients, and below 0 it harms.

    Raises
    ------
    UsageError
        For probabilities that cannot be used, or a difference that is not between -1 and 1.
    """
    problems = Problems()
    _check_good(problems, good)
    if not is_number(more) or not -1 <= more <= 1:
        problems.add("more", "is not a difference between -1 and 1", "give a difference in probability, such as 0.05")
    problems.raise_if_any(UsageError, TITLE)
    usual = good.sel(option=USUAL, drop=True)
    both = xr.concat([usual, (usual + more).clip(0.0, 1.0)], xr.Variable("option", list(OPTIONS)), coords="minimal")
    return both.transpose(*good.dims)


def without_effect(good: xr.DataArray) -> xr.DataArray:
    """The same probabilities, had the new option done nothing: that of the usual one under both."""
    return with_effect(good, 0.0)


def drifted(good: xr.DataArray, drift: float) -> xr.DataArray:
    """Probabilities moved by the same log odds under both options, as when the times change by themselves.

    Parameters
    ----------
    drift
        Change in log odds; 0.3 makes 0.80 of 0.75, and 0 and 1 stay.

    Raises
    ------
    UsageError
        For probabilities that cannot be used, or a drift that is no finite number.
    """
    from scipy.special import expit, logit

    problems = Problems()
    _check_good(problems, good)
    _check_drift(problems, drift)
    problems.raise_if_any(UsageError, TITLE)
    return good.copy(data=expit(logit(good.values) + drift)) if drift else good


def deliver(
    good: xr.DataArray,
    *,
    clients: int,
    hours_per_client: Money,
    saving_per_outcome: Money,
    cost_per_hour: Money = 0.0,
    cost_per_client: Money = 0.0,
    usual_cost_per_client: Money = 0.0,
    comparison_clients: int | None = None,
    baseline_clients: int | None = None,
    drift: float = 0.0,
    seed: int,
) -> xr.Dataset:
    """Clients, hours, outcomes and costs of a provider, one possible course a draw.

    Parameters
    ----------
    good
        Probability of the good outcome, dims (draw, option), options `usual` and `new`.
    clients
        Served by the provider.
    hours_per_client
        Worked for each; a number or by draw.
    saving_per_outcome
        EUR that the buyer can stop paying for one good outcome more; a number or by draw.
    cost_per_hour, cost_per_client
        What it costs the provider, EUR; they are added.
    usual_cost_per_client
        What the buyer no longer pays for the usual service, EUR.
    comparison_clients
        Clients of the usual service followed at the same time; None: there is no comparison group.
    baseline_clients
        Clients of the usual service before the contract, whose share of good outcomes was frozen as the baseline;
        None: the baseline is known exactly.
    drift
        Change in the log odds of a good outcome under both options, after the baseline was frozen.
    seed
        Of chance. The same seed is the same luck, whatever the price, the hours and the effect.

    Returns
    -------
    Dataset over draw: `clients`, `hours`, `outcomes` (good ones, as counted), `with_service` and `without_service`
    (good ones expected of the same clients under the new and the usual option), `baseline` (a share),
    `saving_per_outcome`, `saving` (EUR that the buyer stops paying by the difference of the two, without the luck
    of the count) and `cost` (EUR, the provider's); with a comparison group `comparison_clients` and
    `comparison_outcomes`.

    Raises
    ------
    UsageError
        Dims, options, draws or numbers that cannot be, all at once.
    """
    problems = Problems()
    _check_good(problems, good)
    sizes = {"clients": clients, "comparison_clients": comparison_clients, "baseline_clients": baseline_clients}
    for name, size in sizes.items():
        optional = name != "clients" and size is None
        if not optional and (not is_whole(size) or size < 1):
            problems.add(name, "is not a whole number above 0", "give a number of people")
    money = {
        "hours_per_client": hours_per_client,
        "saving_per_outcome": saving_per_outcome,
        "cost_per_hour": cost_per_hour,
        "cost_per_client": cost_per_client,
        "usual_cost_per_client": usual_cost_per_client,
    }
    for name, value in money.items():
        _check_money(problems, name, value, good, may_be_negative=name == "saving_per_outcome")
    _check_drift(problems, drift)
    if not is_whole(seed) or seed < 0:
        problems.add("seed", "is not a whole number from 0 on", "give one, such as 2026")
    problems.raise_if_any(UsageError, TITLE)

    now = drifted(good, drift)
    usual, new = (now.sel(option=option, drop=True) for option in (USUAL, NEW))
    hours, saved, per_hour, per_client, replaced = (_by_draw(value, good) for value in money.values())
    out = xr.Dataset({"clients": clients})
    out["hours"] = clients * hours
    out["outcomes"] = _count(new, clients, seed, "contracted")
    out["with_service"] = clients * new
    out["without_service"] = clients * usual
    if comparison_clients is not None:
        out["comparison_clients"] = comparison_clients
        out["comparison_outcomes"] = _count(usual, comparison_clients, seed, "comparison")
    before = good.sel(option=USUAL, drop=True)
    out["baseline"] = (
        before if baseline_clients is None else _count(before, baseline_clients, seed, "baseline") / baseline_clients
    )
    out["saving_per_outcome"] = saved
    out["saving"] = clients * (new - usual) * saved + clients * replaced
    out["cost"] = clients * (hours * per_hour + per_client)
    return out.assign_attrs(seed=seed, drift=drift)


def scenarios(good: xr.DataArray, *, drift: float, **terms: Any) -> xr.Dataset:
    """The delivery under the estimate, under no effect, and both once more after the baseline has drifted.

    Parameters
    ----------
    good, drift, terms
        As of `deliver`.

    Returns
    -------
    Dataset of `deliver`, over (draw, scenario): `estimate`, `no_effect`, `drift`, `drift_no_effect`.
    """
    problems = Problems()
    _check_good(problems, good)
    problems.raise_if_any(UsageError, TITLE)
    none = without_effect(good)
    of = {ESTIMATE: (good, 0.0), NO_EFFECT: (none, 0.0), DRIFT: (good, drift), DRIFT_NO_EFFECT: (none, drift)}
    parts = [deliver(probability, drift=moved, **terms) for probability, moved in of.values()]
    return xr.concat(parts, xr.Variable("scenario", list(of)), data_vars="all", combine_attrs="drop_conflicts")


def _count(probability: xr.DataArray, clients: int, seed: int, group: str) -> xr.DataArray:
    """Good outcomes among clients; by the inverse, so that a higher probability never counts fewer by luck."""
    from scipy.stats import binom

    chance = rng(seed, "contract", group).uniform(np.finfo(float).tiny, 1.0, size=probability.size)
    return probability.copy(data=binom.ppf(chance, clients, probability.values))


def _by_draw(value: Money, good: xr.DataArray) -> xr.DataArray:
    """A number or values by draw, as values by draw in the order of the probabilities."""
    if isinstance(value, xr.DataArray):
        known = value.reindex(draw=good["draw"]) if "draw" in value.indexes else value
        return known.astype(float)
    return xr.full_like(good.isel(option=0, drop=True), float(value), dtype=float)


def _check_good(problems: Problems, good: xr.DataArray) -> None:
    if not isinstance(good, xr.DataArray):
        problems.add("good", "is no labelled array", "give a DataArray over draw and option")
    elif set(good.dims) != {"draw", "option"}:
        problems.add("good", f"has the dims {good.dims}", "it needs draw and option; pick one municipality")
    elif "option" not in good.indexes or not set(OPTIONS) <= set(good["option"].values.tolist()):
        problems.add("good option", f"lacks one of {', '.join(OPTIONS)}", "name the options so")
    elif not all(index.is_unique for index in good.indexes.values()):
        problems.add("good", "has a draw or an option twice", "label each once")
    elif not good.size:
        problems.add("good", "has no draw", "give at least one")
    elif not np.issubdtype(good.dtype, np.number) or not bool(((good >= 0) & (good <= 1)).all()):
        problems.add("good", "holds a value that is no probability", "every draw is between 0 and 1")


def _check_drift(problems: Problems, drift: float) -> None:
    if not is_number(drift):
        problems.add("drift", "is not a finite number", "give a change in log odds, such as 0.3")


def _check_money(problems: Problems, name: str, value: Money, good: xr.DataArray, *, may_be_negative: bool) -> None:
    if isinstance(value, xr.DataArray) and isinstance(good, xr.DataArray):
        if value.dims != ("draw",):
            problems.add(name, f"has the dims {value.dims}", "give a number, or values over draw")
            return
        labelled = "draw" in value.indexes, "draw" in good.indexes
        same = value.sizes["draw"] == good.sizes.get("draw")
        if same and all(labelled):
            same = set(value.indexes["draw"]) == set(good.indexes["draw"])
        if not same or labelled[0] != labelled[1]:
            problems.add(f"{name} draw", "is not that of good", "take both from the same run, with the same draws")
    elif not isinstance(value, int | float | np.number | xr.DataArray) or isinstance(value, bool):
        problems.add(name, "is neither a number nor labelled values", "give a number, or a DataArray over draw")
        return
    if isinstance(value, xr.DataArray) and value.dtype.kind not in "fiu":
        problems.add(name, "holds what are no numbers", "give a DataArray of numbers over draw")
        return
    values = np.asarray(value, dtype=float)
    if not np.isfinite(values).all():
        problems.add(name, "has a value that is missing or infinite", "every draw needs a value")
    elif not may_be_negative and bool((values < 0).any()):
        problems.add(name, "is below 0", "give 0 or more")
