"""How strong an unmeasured confounder would have to be: E-values, bounds, and an effect moved by a bias.

A bias factor B says how many times the risk ratio that was seen is off: above 1 where confounding made the effect
look larger than it is, below 1 where it hid a part of it. A confounder that raises the risk of the event `ratio` times
and is more common by `difference` in the option that looks worse makes

    B = ( 1 + (ratio - 1) x (prevalence + difference) ) / ( 1 + (ratio - 1) x prevalence )

(Bross 1966, doi:10.1016/0021-9681(66)90062-2), and one that is more common in the other option 1 / B. Whatever the
confounders are, B is at most a x b / (a + b - 1), where a and b are the risk ratios that tie them to the option and
to the event (Ding & VanderWeele 2016, doi:10.1097/EDE.0000000000000457).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr

from costeff.draws import NEW, OPTIONS, USUAL
from costeff.errors import ModelError, Problem, Problems, UsageError

Ratio = Literal["risk_ratio", "odds_ratio", "hazard_ratio", "rate_ratio"]
CERTAIN = 1 - 1e-9  # a risk that a bias would carry to 1 or beyond


@dataclass(frozen=True)
class EValue:
    """How strongly confounders would have to be tied to both option and event to explain an estimate away.

    Attributes
    ----------
    estimate
        For the estimate itself.
    limit
        For the end of the interval nearest to no effect; 1 where the interval holds it.
    """

    estimate: float
    limit: float


def e_value(
    value: float,
    low: float | None = None,
    high: float | None = None,
    measure: Ratio = "risk_ratio",
    common: bool = False,
) -> EValue:
    """E-value of a ratio (VanderWeele & Ding 2017, doi:10.7326/M16-2607).

    Parameters
    ----------
    value, low, high
        The ratio as it is, not its logarithm, and its interval; without one, `limit` is missing.
    common
        Whether the event is common (more than about 15 per cent at the end): an odds ratio then stands for a risk
        ratio of its square root, a hazard ratio h for (1 - 0.5^sqrt(h)) / (1 - 0.5^sqrt(1/h)).

    Raises
    ------
    ModelError
        With all problems: a ratio that is missing or not above 0, an interval that does not hold it.
    """
    problems = Problems()
    for name, number in (("value", value), ("low", low), ("high", high)):
        if number is not None and not (np.isfinite(number) and number > 0):
            problems.add(name, f"is {number:g}; a ratio is above 0", "give the ratio, not its logarithm")
    if (low is None) != (high is None):
        problems.add("interval", "has one end only", "give both")
    if not problems and low is not None and high is not None and not low <= value <= high:
        problems.add("interval", f"{low:g} to {high:g} does not hold {value:g}", "check the figures")
    problems.raise_if_any(ModelError, "An E-value cannot be told")
    estimate = _explained(_as_risk_ratio(value, measure, common))
    if low is None or high is None:
        return EValue(estimate, float("nan"))
    if low <= 1 <= high:
        return EValue(estimate, 1.0)
    return EValue(estimate, _explained(_as_risk_ratio(low if value > 1 else high, measure, common)))


def _as_risk_ratio(value: float, measure: Ratio, common: bool) -> float:
    if common and measure == "odds_ratio":
        return float(np.sqrt(value))
    if common and measure == "hazard_ratio":
        return float((1 - 0.5 ** np.sqrt(value)) / (1 - 0.5 ** np.sqrt(1 / value)))
    return value


def _explained(ratio: float) -> float:
    away = max(ratio, 1 / ratio)
    return float(away + np.sqrt(away * (away - 1)))


def bounding_factor(option: float | np.ndarray, event: float | np.ndarray) -> np.ndarray:
    """The largest bias factor of confounders tied to the option and to the event by these risk ratios, 1 or more."""
    a, b = np.asarray(option, dtype=float), np.asarray(event, dtype=float)
    if not ((a >= 1) & (b >= 1)).all():
        rule = "a risk ratio below 1 was given, or one that is missing"
        raise UsageError("A bias cannot be bounded", [Problem("risk ratio", rule, "turn it round: 1 divided by it")])
    return np.asarray(a * b / (a + b - 1))


def prevalence_factor(
    prevalence: float | np.ndarray, difference: float | np.ndarray, ratio: float | np.ndarray
) -> np.ndarray:
    """Bias factor of one confounder that is there or not; missing where it would be in more than all clients.

    Parameters
    ----------
    prevalence
        Share of clients with it, in the option where it is rarer.
    difference
        How much larger the share is in the other; above 0 where that is the option that looks worse, so that the
        confounder explains the effect, below 0 where it is the option that looks better, so that it hides it.
    ratio
        How many times it raises the risk of the event, 1 or more.
    """
    p, d, r = (np.asarray(values, dtype=float) for values in (prevalence, difference, ratio))
    if not ((p >= 0) & (r >= 1)).all() or np.isnan(d).any():
        rule = "a share below 0 or a risk ratio below 1 was given, or one is missing"
        raise UsageError("A bias cannot be told", [Problem("confounder", rule, "take what raises the risk as present")])
    size = (1 + (r - 1) * (p + abs(d))) / (1 + (r - 1) * p)
    return np.where(p + abs(d) <= 1, size ** np.sign(d), np.nan)


def prevalence_needed(bias: float, ratio: float | np.ndarray, prevalence: float) -> np.ndarray:
    """The `difference` that makes a bias factor; missing where no share of clients is enough."""
    r, size = np.asarray(ratio, dtype=float), max(bias, 1 / bias)
    with np.errstate(divide="ignore", invalid="ignore"):
        difference = (size - 1) * (1 + (r - 1) * prevalence) / (r - 1)
    return np.where((r > 1) & (prevalence + difference <= 1), difference if bias >= 1 else -difference, np.nan)


def corrected(effect: xr.Dataset, bias: float) -> xr.Dataset:
    """An effect as it would be without an unmeasured confounding that moved it by a factor.

    Parameters
    ----------
    effect
        Of an outcome model or an estimator here: `risk` or `mean` (draw, option, ...), or a `ratio` alone.
    bias
        The ratio of the options' risks or means is moved by this factor: above 1 towards no effect and beyond, below
        1 away from it. Usual service stays as it is, the new option moves.

    Returns
    -------
    Dataset
        The same variables; a risk is at most 1. An odds ratio or hazard ratio follows the risks of the country.

    Raises
    ------
    UsageError
        A bias that is not above 0; an effect that is no ratio, such as a difference of points or shares of many ends.
    """
    if not (np.isfinite(bias) and bias > 0):
        rule = f"is {bias:g}; a factor is above 0"
        raise UsageError("The effect cannot be corrected", [Problem("bias", rule, "1 is no bias")])
    quantity = next((name for name in ("risk", "mean") if name in effect), None)
    if "ratio" not in effect or (quantity is None and "share" in effect):
        rule = "is not told as a ratio of risks or means"
        raise UsageError("The effect cannot be corrected", [Problem("effect", rule, "a bias factor moves a ratio")])
    seen = effect["ratio"] if quantity is None else _of_country(effect, quantity)
    factor = bias if float(seen.median()) <= 1 else 1 / bias
    out = effect.copy()
    if quantity is None:
        return out.assign(ratio=effect["ratio"] * factor).assign_attrs(effect.attrs, bias=bias)
    for name in (quantity, f"{quantity}_by_group"):
        if name in effect:
            out[name] = _moved(effect[name], factor, quantity)
    for name in ("ratio", "ratio_local"):
        if name in effect:
            out[name] = (effect[name] * _change(effect, out, quantity, name)).transpose(*effect[name].dims)
    return out.assign_attrs(effect.attrs, bias=bias)


def _of_country(effect: xr.Dataset, quantity: str) -> xr.DataArray:
    """New over usual by draw, municipalities weighted by their clients where those are known."""
    values = _national(effect, quantity)
    return values.sel(option=NEW, drop=True) / values.sel(option=USUAL, drop=True)


def _national(effect: xr.Dataset, quantity: str) -> xr.DataArray:
    values = effect[quantity]
    if "municipality" not in values.dims:
        return values
    weight = effect["clients"] if "clients" in effect and float(effect["clients"].sum()) > 0 else None
    return values.mean("municipality") if weight is None else values.weighted(weight).mean("municipality")


def _moved(values: xr.DataArray, factor: float, quantity: str) -> xr.DataArray:
    new = values.sel(option=[NEW]) * factor
    if quantity == "risk":
        new = new.clip(max=CERTAIN)
    both = xr.concat([values.sel(option=[USUAL]), new], dim="option").sel(option=list(OPTIONS))
    return both.transpose(*values.dims).assign_attrs(values.attrs)


def _change(before: xr.Dataset, after: xr.Dataset, quantity: str, name: str) -> xr.DataArray:
    """What a move of the new option's risk or mean does to the ratio."""
    local = name == "ratio_local" and "municipality" in before[quantity].dims
    old, new = ((d[quantity] if local else _national(d, quantity)).sel(option=NEW, drop=True) for d in (before, after))
    measure = str(before.attrs.get("measure", ""))
    if quantity == "risk" and measure == "odds_ratio":
        return (new / (1 - new)) / (old / (1 - old))
    if quantity == "risk" and measure == "hazard_ratio":
        return xr.DataArray(np.log1p(-new) / np.log1p(-old))
    return new / old
