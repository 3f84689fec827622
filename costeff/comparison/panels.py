"""Difference in differences over municipalities that start at different times.

    ATT(g, t) = ( Y[g, t] - Y[g, g-1] ) - ( Y[c, t] - Y[c, g-1] )

Y[g, t] is the mean outcome in period t of the municipalities that started in g, and c those that never start, or had
not started by t (Callaway & Sant'Anna 2021, doi:10.1016/j.jeconom.2020.12.001, without covariates). No municipality
that has started is ever a control; the two-way fixed effects regression, told beside it, uses them as controls, and
misleads where effects grow or differ (de Chaisemartin & D'Haultfoeuille 2020, doi:10.1257/aer.20181169;
Goodman-Bacon 2021, doi:10.1016/j.jeconom.2021.03.014).

Errors are of municipalities: their weights are drawn anew, as if others had been seen (Bayesian bootstrap, Rubin
1981, doi:10.1214/aos/1176345338), and everything is estimated again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from costeff.comparison.links import IDENTITY, SCALES, Scale
from costeff.comparison.result import Comparison, Draws, as_effect, told_attrs
from costeff.draws import OPTIONS, rng
from costeff.errors import DataError, ModelError, Problem, Problems
from costeff.shown import Shows, framed

Controls = Literal["never", "not yet"]
NEVER = -1  # position of the start of those who never start
METHOD = "difference in differences"
RISKS = Scale("risk", "risk_difference", "share of clients in a period", IDENTITY)


@dataclass(frozen=True, eq=False)
class Panel:
    """Mean outcomes by municipality and period, and who started when.

    Attributes
    ----------
    outcome
        (municipality, period), the mean over clients.
    weight
        Of each municipality: its mean number of clients by period.
    start
        Position of the first treated period; -1 for those who never start.
    """

    municipalities: list[str]
    periods: list[Any]
    outcome: np.ndarray
    weight: np.ndarray
    start: np.ndarray
    scale: Scale
    source: str = ""
    synthetic: bool = False
    follow_up: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def cohorts(self) -> list[int]:
        return sorted(int(g) for g in np.unique(self.start) if g != NEVER)


@dataclass(frozen=True, eq=False)
class StaggeredEffect(Shows):
    """Difference in differences with staggered starts.

    Attributes
    ----------
    comparison
        The mean effect over all treated municipalities and periods, as every estimator tells it.
    group_time
        ATT by cohort and period, with error and interval; errors are missing for cohorts of one municipality.
    event_study
        Mean ATT by periods since the start; below 0 it should be none.
    pre_trend
        Joint test that it is none: F statistic, degrees of freedom, p; missing with one period before.
    two_way
        The two-way fixed effects estimate, and the share of its weight that is negative.
    """

    comparison: Comparison
    group_time: pd.DataFrame
    event_study: pd.DataFrame
    pre_trend: dict[str, float]
    two_way: dict[str, float]

    def _html(self) -> str:
        shown = self.event_study.to_html(float_format="%.4g", border=0, index=False)
        return self.comparison._html() + framed(shown, "Effect by periods since the start")

    def _plain(self) -> str:
        return f"{self.comparison._plain()}\n{self.event_study.to_string(float_format='%.4g', index=False)}"


def read_panel(table: pd.DataFrame, starts: Mapping[str, Any], source: str = "", synthetic: bool = False) -> Panel:
    """A table of cells as a panel.

    Parameters
    ----------
    table
        Columns municipality, period (in an order of its own), n (clients) and events, or sum of the outcome.
    starts
        Municipality -> its first treated period; None for those who never start.
    source, synthetic
        What results say of the data.

    Raises
    ------
    DataError
        With all problems: columns that are absent, numbers that are missing, two rows of one municipality and
        period, a municipality without clients in some period or without a start that is known, fewer than two periods,
        nobody who starts, or nobody to compare with.
    """
    total = "events" if "events" in table else "sum"
    _refuse_broken(table, total)
    names, periods = sorted(table["municipality"].unique()), sorted(table["period"].unique())
    problems, where = Problems(), {period: i for i, period in enumerate(periods)}
    if len(periods) < 2:
        problems.add("period", "there is only one", "a difference needs a time before and a time after")
    if unknown := len(set(names) - set(starts)):
        cure = "give the period, or None if they never start"
        problems.add("starts", f"{unknown} municipalities have no start", cure)
    given = [starts.get(m) for m in names]
    try:
        strange = sum(p is not None and periods[0] < p <= periods[-1] and p not in where for p in given)
    except TypeError:
        strange = len(given)
    if strange:
        problems.add("starts", f"{strange} are no period of the panel", "write them as the panel writes its periods")
    wide = {name: table.pivot(index="municipality", columns="period", values=name) for name in ("n", total)}
    n, sums = (wide[name].reindex(index=names, columns=periods).fillna(0).to_numpy(float) for name in ("n", total))
    if empty := int((n <= 0).any(axis=1).sum()):
        rule = f"{empty} municipalities have a period without clients"
        problems.add("panel", rule, "merge periods or municipalities, or leave these out")
    problems.raise_if_any(DataError, "The panel cannot be read")
    start = np.array([NEVER if p is None or p > periods[-1] else where.get(p, 0) for p in given])
    always = start == 0
    if not (start > 0).any():
        problems.add("starts", "nobody starts within the panel", "there is no effect to estimate")
    elif not ((start == NEVER).any() or len(set(start[start > 0])) > 1):
        problems.add("starts", "all start at the same time", "some have to start later or never, to compare with")
    problems.raise_if_any(DataError, "The panel cannot be read")
    notes = (f"{always.sum()} municipalities had started before the panel, and are left out",) if always.any() else ()
    kept = ~always
    scale = RISKS if total == "events" else SCALES["meter"]
    return Panel(
        [m for m, k in zip(names, kept, strict=True) if k], periods, (sums / n)[kept], n.mean(axis=1)[kept],
        start[kept], scale, source, synthetic, None, notes,
    )  # fmt: skip


def difference_in_differences(panel: Panel, draws: Draws, controls: Controls = "not yet") -> StaggeredEffect:
    """Effects by cohort and period, their mean by time since the start, and over all.

    Parameters
    ----------
    controls
        "never": those who never start; "not yet": also those who start later.

    Raises
    ------
    ModelError
        No controls of the kind asked for, or fewer than two municipalities on either side.
    """
    _refuse_few(panel, controls)
    weights = np.vstack([panel.weight, panel.weight * _bootstrap(panel, draws)])
    pairs, effects, shares, observed = _group_time(panel, weights, controls)
    since = np.array([t - g for g, t in pairs])
    after = since >= 0
    if not after.any():
        rule = "no period after a start has anyone left to compare with"
        raise ModelError(
            "There is no comparison", [Problem("controls", rule, "use other controls, or a shorter panel")]
        )
    overall, seen = (_mean(values[:, after], shares[:, after]) for values in (effects, observed))
    tables = _tables(panel, pairs, effects, shares, draws.mass)
    both = np.column_stack([seen - overall, seen])
    notes = (*panel.notes, f"controls: {controls} treated", "of treated municipalities in periods after their start")
    comparison = _comparison(panel, both, draws, notes)
    tested = _pre_trend(effects, shares, since, len(panel.municipalities))
    return StaggeredEffect(comparison, *tables, tested, two_way(panel))


def two_way(panel: Panel) -> dict[str, float]:
    """The two-way fixed effects regression, weighted by clients, with errors clustered by municipality.

    Returns
    -------
    dict
        `estimate`, `error`, and `negative_weight`: the weight, of 1 in all, that treated municipalities and periods
        have below 0. Above 0, effects of one sign may give an estimate of the other.
    """
    import statsmodels.api as sm

    m, t = panel.outcome.shape
    treated = ((panel.start[:, None] != NEVER) & (np.arange(t) >= panel.start[:, None])).astype(float)
    y, d = (_within(values, panel.weight).ravel() for values in (panel.outcome, treated))
    weight = np.repeat(panel.weight, t)
    fitted = sm.WLS(y, d, weights=weight).fit()
    robust = fitted.get_robustcov_results("cluster", groups=np.repeat(np.arange(m), t), use_correction=False)
    left = weight * d * treated.ravel()
    shares = left / left.sum()
    return {
        "estimate": float(fitted.params[0]),
        "error": float(robust.bse[0] * np.sqrt(m / (m - 1))),  # the dummies of a place are within its cluster
        "negative_weight": float(abs(shares[shares < 0].sum())),
    }


# --- parts ----------------------------------------------------------------------------------------


def _within(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """What is left of (municipality, period) once both have had their fixed effects, in a panel without gaps."""
    share = weight / weight.sum()
    return np.asarray(values - values.mean(axis=1, keepdims=True) - share @ values + (share @ values).mean())


def _refuse_broken(table: pd.DataFrame, total: str) -> None:
    problems, title = Problems(), "The panel cannot be read"
    for name in ("municipality", "period", "n", total):
        if name not in table:
            problems.add("panel", f"has no column {name}", "give municipality, period, n and events (or sum)")
    problems.raise_if_any(DataError, title)
    numbers = table[["n", total]].to_numpy(float)
    if not np.isfinite(numbers).all() or table[["municipality", "period"]].isna().any(axis=None):
        problems.add("panel", "some values are missing or infinite", "a period that was not collected is no zero")
    elif total == "events" and ((numbers[:, 1] < 0) | (numbers[:, 1] > numbers[:, 0])).any():
        problems.add("panel.events", "are below 0 or more than the clients", "check how they were counted")
    if table.duplicated(["municipality", "period"]).any():
        problems.add("panel", "a municipality has two rows for one period", "sum over groups first")
    problems.raise_if_any(DataError, title)


def _refuse_few(panel: Panel, controls: Controls) -> None:
    problems, never, treated = Problems(), (panel.start == NEVER).sum(), (panel.start != NEVER).sum()
    if controls == "never" and never < 2:
        problems.add("controls", f"{never} municipalities never start", 'use controls="not yet"')
    for name, count in (("start", treated), ("start, or are there to compare with", len(panel.start))):
        if count < 2:
            problems.add("municipalities", f"{count} {name}", "chance between places cannot be told from one")
    problems.raise_if_any(ModelError, "There is no comparison")


def _bootstrap(panel: Panel, draws: Draws) -> np.ndarray:
    """Weights of municipalities (draw, municipality), gamma with mean 1.

    The shape (n - 2) / n of a cohort of n makes the variance of its mean what it is from n values; with the usual
    shape of 1 it would be too small by (n - 1) / (n + 1).
    """
    sizes = np.array([(panel.start == start).sum() for start in panel.start])
    shape = np.maximum((sizes - 2) / sizes, 1 / 3)
    generator = rng(draws.seed, "comparison", METHOD)
    return np.asarray(generator.gamma(shape, 1 / shape, (draws.size, len(sizes))))


def _group_time(
    panel: Panel, weights: np.ndarray, controls: Controls
) -> tuple[list[tuple[int, int]], np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of cohort and period with, for each set of weights: ATT, weight of the cohort, its mean outcome."""
    kinds = [*panel.cohorts, NEVER]
    inside = np.array([panel.start == g for g in kinds])
    size = weights @ inside.T  # set of weights, cohort
    sums = np.stack([weights[:, one] @ panel.outcome[one] for one in inside], axis=1)
    pairs, effects, shares, observed = [], [], [], []
    for i, g in enumerate(panel.cohorts):
        base = g - 1
        for t in range(len(panel.periods)):
            later = controls == "not yet"
            late = [k for k, h in enumerate(kinds) if inside[k].any() and (h == NEVER or (later and h > max(t, base)))]
            late = [k for k in late if k != i]
            if not late:
                continue
            control = sums[:, late].sum(axis=1) / size[:, late].sum(axis=1)[:, None]
            own = sums[:, i] / size[:, [i]]
            pairs.append((g, t))
            effects.append((own[:, t] - own[:, base]) - (control[:, t] - control[:, base]))
            shares.append(size[:, i])
            observed.append(own[:, t])
    return pairs, *(np.array(values).T for values in (effects, shares, observed))  # type: ignore[return-value]


def _mean(values: np.ndarray, shares: np.ndarray) -> np.ndarray:
    return np.asarray((values * shares).sum(axis=1) / shares.sum(axis=1))


def _by_event(effects: np.ndarray, shares: np.ndarray, since: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Times since the start, and the mean effect at each."""
    times = np.unique(since)
    return times, np.column_stack([_mean(effects[:, since == e], shares[:, since == e]) for e in times])


def _tables(
    panel: Panel, pairs: list[tuple[int, int]], effects: np.ndarray, shares: np.ndarray, mass: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    counts = {g: int((panel.start == g).sum()) for g in panel.cohorts}
    cohort, period = np.array(pairs).T
    by_pair = _intervals(effects, mass)
    group_time = pd.DataFrame(
        {
            "start": [panel.periods[g] for g in cohort],
            "period": [panel.periods[t] for t in period],
            "since": period - cohort,
            "municipalities": [counts[g] for g in cohort],
        }
    ).join(by_pair)
    alone = group_time["municipalities"] < 2
    group_time.loc[alone, ["error", "low", "high"]] = np.nan
    times, means = _by_event(effects, shares, period - cohort)
    event_study = pd.DataFrame({"since": times}).join(_intervals(means, mass))
    return group_time, event_study


def _intervals(values: np.ndarray, mass: float) -> pd.DataFrame:
    """The first row is the estimate, the others are draws: normal intervals around the estimate."""
    from scipy.stats import norm

    estimate, error = values[0], values[1:].std(axis=0, ddof=1)
    reach = float(norm.ppf((1 + mass) / 2)) * error
    return pd.DataFrame({"estimate": estimate, "error": error, "low": estimate - reach, "high": estimate + reach})


def _pre_trend(effects: np.ndarray, shares: np.ndarray, since: np.ndarray, size: int) -> dict[str, float]:
    """Hotelling's test that no time before the last one before the start has an effect."""
    from scipy.stats import f

    before = since < -1  # at -1 the effect is 0 by its definition
    if not before.any():
        return {"statistic": np.nan, "df": 0, "p": np.nan}
    _, means = _by_event(effects[:, before], shares[:, before], since[before])
    covariance = np.atleast_2d(np.cov(means[1:].T))
    df = int(np.linalg.matrix_rank(covariance, hermitian=True))
    if not 0 < df < size:
        return {"statistic": np.nan, "df": df, "p": np.nan}
    distance = float(means[0] @ np.linalg.pinv(covariance, hermitian=True) @ means[0])
    statistic = distance * (size - df) / ((size - 1) * df)
    return {"statistic": statistic, "df": df, "p": float(f.sf(statistic, df, size - df))}


def _comparison(panel: Panel, both: np.ndarray, draws: Draws, notes: tuple[str, ...]) -> Comparison:
    """Outcomes of the treated as they would have been, and as they were; the first row is the estimate."""
    table = _intervals(np.column_stack([both, both[:, 1] - both[:, 0]]), draws.mass)
    attrs = told_attrs(panel.scale, panel, METHOD, draws)
    effect = as_effect(both[1:], panel.scale).assign_attrs(attrs)
    return Comparison(METHOD, table.set_axis([*OPTIONS, "difference"]), effect, notes)
