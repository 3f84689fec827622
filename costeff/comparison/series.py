"""Interrupted time series: a segmented regression of periods, and what would have come without the interruption.

    link( Y[t] )  =  level + slope x t + [t >= start] ( change of level + change of slope x (t - start) ) + season

Y is a share of clients (binomial) or a rate (Poisson) by period. Errors allow for what periods share with those
before them (Newey & West 1987, doi:10.2307/1913610). There is no comparison arm: whatever else changed at the same
time is in the estimate (Lopez Bernal, Cummins & Gasparrini 2017, doi:10.1093/ije/dyw098).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from costeff.comparison.links import IDENTITY, LOG, LOGIT, Link, Scale
from costeff.comparison.result import Comparison, Draws, as_effect, told_attrs
from costeff.comparison.sample import regress
from costeff.draws import OPTIONS, rng
from costeff.errors import DataError, ModelError, Problem, Problems
from costeff.shown import Shows, framed

METHOD = "interrupted time series"
SHARES = Scale("risk", "risk_difference", "share of clients in a period", IDENTITY)
RATES = Scale("mean", "rate_difference", "events per unit of exposure", IDENTITY)
CHANGES = ("change of level", "change of slope")


@dataclass(frozen=True, eq=False)
class InterruptedSeries(Shows):
    """A segmented regression and its counterfactual.

    Attributes
    ----------
    comparison
        Mean outcome after the start as it was fitted (new) and without the interruption (usual).
    coefficients
        Of the regression, on the scale of its link: `estimate` and `error`.
    path
        By period: `observed`, `fitted`, and from the start on `counterfactual` with `low` and `high`.
    """

    comparison: Comparison
    coefficients: pd.DataFrame
    path: pd.DataFrame

    def _html(self) -> str:
        shown = self.coefficients.to_html(float_format="%.4g", border=0)
        return self.comparison._html() + framed(shown, "Coefficients of the regression")

    def _plain(self) -> str:
        return f"{self.comparison._plain()}\n{self.coefficients.to_string(float_format='%.4g')}"


@dataclass(frozen=True)
class Series:
    """Cells by period, in order; `weight` is clients or time at risk."""

    periods: list[Any]
    weight: np.ndarray
    total: np.ndarray
    start: int
    link: Link
    scale: Scale
    source: str = ""
    synthetic: bool = False
    follow_up: float | None = None


def read_series(table: pd.DataFrame, start: Any, source: str = "", synthetic: bool = False) -> Series:
    """A table of periods as a series.

    Parameters
    ----------
    table
        Columns period (in an order of its own, evenly spaced), events, and n (clients: a share is modelled) or
        exposure (time at risk: a rate is).
    start
        The first period with the new option.
    source, synthetic
        What results say of the data.

    Raises
    ------
    DataError
        With all problems: columns that are absent, numbers that are missing, a period without clients or with two
        rows, fewer than three periods before the start or three from it on.
    """
    problems, share = Problems(), "n" in table
    weight = "n" if share else "exposure"
    for name in ("period", weight, "events"):
        if name not in table:
            problems.add("series", f"has no column {name}", "give period, events, and n or exposure")
    problems.raise_if_any(DataError, "The series cannot be read")
    rows = table.sort_values("period")
    numbers = rows[[weight, "events"]].to_numpy(float)
    if not np.isfinite(numbers).all() or rows["period"].isna().any():
        problems.add("series", "some values are missing or infinite", "a period that was not collected is no zero")
    elif (numbers[:, 0] <= 0).any() or (numbers[:, 1] < 0).any() or (share and (numbers[:, 1] > numbers[:, 0]).any()):
        problems.add("series", "a period has nobody, or events that cannot be", "merge periods, and check the counts")
    if rows["period"].duplicated().any():
        problems.add("period", "stands twice", "sum over groups and places first")
    periods = rows["period"].tolist()
    if start not in periods:
        problems.add("start", "is no period of the series", "write it as the series writes its periods")
    elif (before := periods.index(start)) < 3 or len(periods) - before < 3:
        rule = f"there are {before} periods before it and {len(periods) - before} from it on"
        problems.add("start", rule, "a level and a slope need at least three on each side")
    problems.raise_if_any(DataError, "The series cannot be read")
    scale, link = (SHARES, LOGIT) if share else (RATES, LOG)
    return Series(periods, numbers[:, 0], numbers[:, 1], periods.index(start), link, scale, source, synthetic)


def interrupted_series(
    series: Series, draws: Draws, *, season: int | None = None, lags: int | None = None
) -> InterruptedSeries:
    """Change of level and of slope at the start, and the path without them.

    Parameters
    ----------
    season
        Periods in a year: one wave a year is allowed for. None allows for none.
    lags
        Periods over which errors may be alike; None takes the whole part of 4 (T / 100)^(2/9).

    Raises
    ------
    ModelError
        More coefficients than periods allow, or lags as long as the series.
    """
    import statsmodels.api as sm

    size = len(series.periods)
    columns = _columns(series, season)
    reach = int(4 * (size / 100) ** (2 / 9)) if lags is None else lags
    problems = Problems()
    if size <= columns.shape[1] + 1:
        problems.add("season", f"{columns.shape[1]} coefficients for {size} periods", "leave the season out")
    if not 0 <= reach < size:
        problems.add("lags", f"{reach} for {size} periods", "take fewer")
    problems.raise_if_any(ModelError, "The series is too short")
    mean, x = series.total / series.weight, columns.to_numpy()
    for name, part in (("before", slice(series.start)), ("after", slice(series.start, None))):
        events, most = series.total[part].sum(), series.weight[part].sum()
        if events == 0 or (series.link is LOGIT and events == most):
            problems.add("events", f"{name} the start there is none, or nothing else", "take longer periods")
    problems.raise_if_any(ModelError, "The series says too little")
    model = regress(series.link, x, mean, series.weight)
    mu = model.predict(x)
    scores = x * (series.total - series.weight * mu)[:, None]
    bread = model.bread(x, series.weight, mu)
    covariance = bread @ sm.stats.sandwich_covariance.S_hac_simple(scores, nlags=reach) @ bread
    coefficients = pd.DataFrame(
        {"estimate": model.params, "error": np.sqrt(np.diag(covariance))}, index=columns.columns
    )
    without = x * ~np.isin(columns.columns, CHANGES)
    generator = rng(draws.seed, "comparison", METHOD)
    betas = generator.multivariate_normal(model.params, covariance, draws.size, method="eigh", check_valid="ignore")
    betas = np.vstack([model.params, betas])
    fitted, counterfactual = (series.link.inverse(betas @ columns.T) for columns in (x, without))
    notes = (f"errors alike over {reach} periods", f"season of {season} periods" if season else "no season")
    return InterruptedSeries(
        _compare(series, counterfactual, fitted, draws, notes), coefficients,
        _path(series, fitted, counterfactual, draws.mass),
    )  # fmt: skip


# --- parts ----------------------------------------------------------------------------------------


def _columns(series: Series, season: int | None) -> pd.DataFrame:
    t = np.arange(len(series.periods), dtype=float)
    after = (t >= series.start).astype(float)
    columns = {"level": np.ones_like(t), "slope": t - series.start}
    columns |= dict(zip(CHANGES, (after, after * (t - series.start)), strict=True))
    if season is not None:
        if season < 2:
            raise ModelError("There is no season", [Problem("season", f"is {season}", "give the periods in a year")])
        angle = 2 * np.pi * t / season
        waves = {"season, cosine": np.cos(angle), "season, sine": np.sin(angle)}
        columns |= {name: wave for name, wave in waves.items() if np.abs(wave).max() > 1e-9}  # no sine of two a year
    return pd.DataFrame(columns)


def _compare(series: Series, usual: np.ndarray, new: np.ndarray, draws: Draws, notes: tuple[str, ...]) -> Comparison:
    weight = series.weight[series.start :] / series.weight[series.start :].sum()
    arms = np.column_stack([values[:, series.start :] @ weight for values in (usual, new)])
    columns = np.column_stack([arms, arms[:, 1] - arms[:, 0]])
    low, high = np.quantile(columns[1:], [(1 - draws.mass) / 2, (1 + draws.mass) / 2], axis=0)
    rows = {"estimate": columns[0], "error": columns[1:].std(axis=0, ddof=1), "low": low, "high": high}
    effect = as_effect(arms[1:], series.scale).assign_attrs(told_attrs(series.scale, series, METHOD, draws))
    return Comparison(METHOD, pd.DataFrame(rows, index=[*OPTIONS, "difference"]), effect, notes)


def _path(series: Series, fitted: np.ndarray, counterfactual: np.ndarray, mass: float) -> pd.DataFrame:
    low, high = np.quantile(counterfactual[1:], [(1 - mass) / 2, (1 + mass) / 2], axis=0)
    path = pd.DataFrame(
        {
            "period": series.periods,
            "observed": series.total / series.weight,
            "fitted": fitted[0],
            "counterfactual": counterfactual[0],
            "low": low,
            "high": high,
        }
    )
    path.loc[: series.start - 1, ["counterfactual", "low", "high"]] = np.nan
    return path
