"""What an estimator gives: a table for the analyst, and the effect as every outcome model tells it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, Protocol

import numpy as np
import pandas as pd
import xarray as xr

from costeff.comparison.links import Scale
from costeff.draws import OPTIONS, rng
from costeff.errors import ModelError, Problem
from costeff.shown import Shows, framed, titled

MASS = 0.95


@dataclass(frozen=True)
class Draws:
    """How many draws of an estimated sampling distribution, from which seed, and how wide intervals are."""

    seed: int
    size: int = 4000
    mass: float = MASS


class Data(Protocol):
    """What a result says of its data; cells say it."""

    @property
    def source(self) -> str: ...
    @property
    def synthetic(self) -> bool: ...
    @property
    def follow_up(self) -> float | None: ...


@dataclass(frozen=True, eq=False)
class Comparison(Shows):
    """An estimate of what the new option changes.

    Attributes
    ----------
    method
        What made it.
    table
        usual, new, difference and ratio, with `estimate`, standard `error`, `low` and `high`.
    effect
        `risk` or `mean` (draw, option), by group too where cells have groups, and `ratio` or `difference` (draw):
        draws from the estimated sampling distribution.
    notes
        What a reader has to know.
    coefficients
        Of a regression: `estimate` and `error`, on the scale of its link.
    """

    method: str
    table: pd.DataFrame
    effect: xr.Dataset
    notes: tuple[str, ...] = ()
    coefficients: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def sentence(self) -> str:
        """What the new option changes, with its interval."""
        told = self.table.loc["difference"].map("{:.3g}".format)
        unit = self.effect.attrs.get("unit", "")
        interval = f"{told['low']} to {told['high']}"
        return f"New less usual: {told['estimate']} ({interval}){f', {unit}' if unit else ''}."

    def _html(self) -> str:
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        shown = framed(self.table.to_html(float_format="%.4g", border=0), self.sentence)
        return titled(self.method, shown, f"<ul>{notes}</ul>" if notes else "")

    def _plain(self) -> str:
        return "\n".join([f"{self.method}: {self.sentence}", self.table.to_string(float_format="%.4g"), *self.notes])


def compared(
    means: dict[str, np.ndarray],
    covariance: np.ndarray,
    scale: Scale,
    data: Data,
    method: str,
    draws: Draws,
    notes: tuple[str, ...] = (),
    **attrs: Any,
) -> Comparison:
    """A comparison from means under both options and their covariance.

    Parameters
    ----------
    means
        The subset ("" for all, then groups) -> means under usual and new; missing where a group cannot be compared.
    covariance
        Of the means, in the order of the subsets, usual before new.

    Raises
    ------
    ModelError
        Risks of 0 or 1, which have no large-sample error.
    """
    table = _table(means[""], covariance[:2, :2], scale, draws.mass)
    subsets = list(means)
    values = np.array([means[name] for name in subsets])
    drawn = _draw(values.ravel(), covariance, scale, rng(draws.seed, "comparison", method), draws.size)
    drawn = drawn.reshape(-1, len(subsets), 2)
    effect = _with_groups(as_effect(drawn[:, 0], scale), drawn[:, 1:], subsets[1:], scale)
    told = told_attrs(scale, data, method, draws) | attrs
    return Comparison(method, table, effect.assign_attrs(told), notes)


def compared_by_coefficients(
    names: Sequence[str],
    params: np.ndarray,
    covariance: np.ndarray,
    means: Callable[[np.ndarray], np.ndarray],
    groups: Sequence[str],
    scale: Scale,
    data: Data,
    method: str,
    draws: Draws,
    notes: tuple[str, ...] = (),
    conditional: bool = True,
) -> Comparison:
    """A comparison from coefficients of a regression and their covariance.

    Parameters
    ----------
    names
        Of the coefficients; that of the option is the last.
    means
        Coefficients (draw, k) -> means (draw, subset, option); the subsets are all clients, then `groups`.
    conditional
        Whether the ratio is that of the option's coefficient; otherwise it is that of the means.
    """
    from scipy.stats import norm

    generator = rng(draws.seed, "comparison", method)
    betas = generator.multivariate_normal(params, covariance, draws.size, method="eigh", check_valid="ignore")
    drawn, point = means(betas), means(params[None])[0, 0]
    usual, new = drawn[:, 0].T
    differs = scale.is_difference
    effect = as_effect(drawn[:, 0], scale, np.exp(betas[:, -1]) if conditional and not differs else None)
    effect = _with_groups(effect, drawn[:, 1:], groups, scale)
    tails = [(1 - draws.mass) / 2, (1 + draws.mass) / 2]
    told = {"usual": (point[0], usual), "new": (point[1], new), "difference": (point[1] - point[0], new - usual)}
    if not differs and not conditional:
        told["ratio"] = (point[1] / point[0], new / usual)
    rows = {name: (at, values.std(ddof=1), *np.quantile(values, tails)) for name, (at, values) in told.items()}
    errors = np.sqrt(np.diag(covariance))
    if not differs and conditional:
        ratio, reach = np.exp(params[-1]), float(norm.ppf((1 + draws.mass) / 2)) * errors[-1]
        rows["ratio"] = (ratio, ratio * errors[-1], ratio * np.exp(-reach), ratio * np.exp(reach))
    table = pd.DataFrame(rows, index=["estimate", "error", "low", "high"]).T
    coefficients = pd.DataFrame({"estimate": params, "error": errors}, index=list(names))
    attrs = told_attrs(scale, data, method, draws)
    return Comparison(method, table, effect.assign_attrs(attrs), notes, coefficients)


def _with_groups(effect: xr.Dataset, drawn: np.ndarray, groups: Sequence[str], scale: Scale) -> xr.Dataset:
    """The effect with draws by group (draw, group, option), where there are groups."""
    if not groups:
        return effect
    coords = {"option": list(OPTIONS), "group": list(groups)}
    values = xr.DataArray(drawn.transpose(0, 2, 1), dims=("draw", "option", "group"), coords=coords)
    return effect.assign({f"{scale.quantity}_by_group": values})


def as_effect(drawn: np.ndarray, scale: Scale, ratio: np.ndarray | None = None) -> xr.Dataset:
    """The Dataset of an effect from draws (draw, option), and the ratio where it is not that of the means."""
    coords = {"draw": np.arange(len(drawn)), "option": list(OPTIONS)}
    effect = xr.Dataset({scale.quantity: (("draw", "option"), drawn)}, coords=coords)
    usual, new = drawn.T
    if scale.is_difference:
        return effect.assign(difference=("draw", new - usual))
    return effect.assign(ratio=("draw", _ratio(usual, new, scale) if ratio is None else ratio))


def told_attrs(scale: Scale, data: Data, method: str, draws: Draws) -> dict[str, Any]:
    """What every effect says of itself."""
    return {
        "model": "comparison",
        "quantity": scale.quantity,
        "measure": scale.measure,
        "unit": scale.unit,
        "method": f"{method}; draws from the estimated sampling distribution",
        "seed": draws.seed,
        "synthetic": int(data.synthetic),
        "data": data.source,
        "follow_up_days": np.nan if data.follow_up is None else data.follow_up,
    }


def _ratio(usual: np.ndarray, new: np.ndarray, scale: Scale) -> np.ndarray:
    if scale.measure == "odds_ratio":
        return np.asarray(new / (1 - new) / (usual / (1 - usual)))
    return np.asarray(new / usual)


def _table(means: np.ndarray, covariance: np.ndarray, scale: Scale, mass: float) -> pd.DataFrame:
    """Intervals on the scale of the link for means and ratio, as they are for the difference."""
    from scipy.stats import norm

    if not scale.link.inside(means).all():
        names = " and ".join(o for o, fine in zip(OPTIONS, scale.link.inside(means), strict=True) if not fine)
        rule = f"its {scale.quantity} is at or beyond an end of what it may be, and has no large-sample error"
        cure = "use a Bayesian outcome model, overlap weights or fewer covariates"
        raise ModelError("The options cannot be compared", [Problem(f"option {names}", rule, cure)])
    z, slopes = float(norm.ppf((1 + mass) / 2)), 1 / scale.link.variance(means)
    rows = {}
    for i, option in enumerate(OPTIONS):
        error = float(np.sqrt(covariance[i, i]))
        ends = scale.link.inverse(scale.link.forward(means)[i] + z * error * slopes[i] * np.array([-1, 1]))
        rows[option] = (means[i], error, *ends)
    gap, error = means[1] - means[0], float(np.sqrt(np.array([-1, 1]) @ covariance @ np.array([-1, 1])))
    rows["difference"] = (gap, error, gap - z * error, gap + z * error)
    if not scale.is_difference:
        ratio = float(_ratio(means[0], means[1], scale))
        arms = slopes * np.array([-1, 1])
        error = float(np.sqrt(arms @ covariance @ arms))
        rows["ratio"] = (ratio, ratio * error, *(ratio * np.exp(z * error * np.array([-1, 1]))))
    return pd.DataFrame(rows, index=["estimate", "error", "low", "high"]).T


def _draw(
    means: np.ndarray, covariance: np.ndarray, scale: Scale, generator: np.random.Generator, size: int
) -> np.ndarray:
    """Draws of the means, normal on the scale of the link; missing where a mean has no finite link."""
    there = np.isfinite(means)
    there[there] &= scale.link.inside(means[there])
    slopes = 1 / scale.link.variance(means[there])
    spread = covariance[np.ix_(there, there)] * np.outer(slopes, slopes)
    out = np.full((size, means.size), np.nan)
    centre = scale.link.forward(means[there])
    out[:, there] = scale.link.inverse(
        generator.multivariate_normal(centre, spread, size, method="eigh", check_valid="ignore")
    )
    return out
