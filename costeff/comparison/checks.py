"""Regressions beside the Bayesian outcome models, with errors that hold when clients of a place are alike.

    outcome of a client  ~  link^-1( covariates + [option = new] effect )

One effect holds for all, as in the Bayesian models; there are no priors and no pooling. Coefficients come from
statsmodels on cells, errors are cluster-robust (Liang & Zeger 1986, doi:10.1093/biomet/73.1.13), exactly as from
rows. statsmodels' own would not be: with weighted cells its factor for small samples counts cells as clients, and
without clusters it takes the clients of a cell as one.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from costeff.comparison.links import HAZARD, IDENTITY, LOG, LOGIT, Link
from costeff.comparison.result import Comparison, Draws, compared_by_coefficients
from costeff.comparison.sample import Sample, clustered, clusters_of, design, read_sample, regress
from costeff.draws import NEW, OPTIONS
from costeff.errors import DataError, ModelError, Problem
from costeff.records import Cells

PLACE = "municipality"
OF_MODEL = "errors are of the model, not robust"


def check(
    cells: Cells, draws: Draws, covariates: Sequence[str] = ("group",), cluster: str | None = PLACE
) -> Comparison:
    """The regression that reads the same cells as the Bayesian model of their statistic.

    Binary cells: logistic. Exposure: piecewise exponential, by Poisson. Count: negative binomial. Cost: logistic for
    any cost, gamma with log link for how much. Meter: least squares of after on before.

    Parameters
    ----------
    covariates
        Columns of the cells: texts are levels, numbers are linear.
    cluster
        Column within whose values clients are alike. None, or cells without municipalities, takes clients as
        independent; the errors of exposure and meter cells are then those of the model, since what a client adds
        to them squared is not in the cells.

    Returns
    -------
    Comparison
        The effect is standardised to all clients; the mix of covariates is taken as known.

    Raises
    ------
    ModelError
        Cells no regression reads; an option without any event, or with events only.
    UsageError, DataError
        As `read_sample` and `design`.
    """
    kinds = {
        "binary": logistic,
        "exposure": piecewise_exponential,
        "count": negative_binomial,
        "cost": gamma_cost,
        "meter": least_squares,
    }
    statistic: str = cells.statistic
    if statistic not in kinds:
        rule = f"no regression here reads {statistic} cells"
        raise ModelError("There is no check", [Problem("cells", rule, f"use {', '.join(kinds)} cells")])
    if cluster == PLACE and PLACE not in cells.table:
        told = kinds[statistic](cells, draws, covariates, None)
        return replace(told, notes=(*told.notes, f"the cells have no {PLACE}: clients are taken as independent"))
    return kinds[statistic](cells, draws, covariates, cluster)


def logistic(cells: Cells, draws: Draws, covariates: Sequence[str], cluster: str | None) -> Comparison:
    """Odds ratio of an event, given the covariates; the arguments are those of `check`."""
    sample = _read(cells, cluster)
    columns = design(sample.table, covariates)
    x = _with_option(columns, sample.new)
    model = regress(LOGIT, x, sample.mean, sample.n)
    mu = model.predict(x)
    covariance = sample.covariance(*_influence(sample, x, mu, np.ones_like(mu), LOGIT.variance(mu)))
    means = _standardised(sample, columns.to_numpy(), LOGIT)
    names = [*columns, "option new"]
    return compared_by_coefficients(
        names, model.params, covariance, means, sample.groups, sample.scale, cells, "logistic regression", draws
    )


def piecewise_exponential(cells: Cells, draws: Draws, covariates: Sequence[str], cluster: str | None) -> Comparison:
    """Hazard ratio of an event, with a hazard for each interval, and risks within the last one."""
    sample = _at_risk(cells, cluster)
    table, time = sample.table, sample.n
    columns, known = design(table, covariates), sorted(table["interval"].unique())
    later = (table["interval"].to_numpy()[:, None] == np.array(known[1:])).astype(float)
    base, k = columns.to_numpy(), columns.shape[1]
    x = np.insert(_with_option(columns, sample.new), [k], later, axis=1)
    model = regress(LOG, x, sample.mean, time)
    mu = model.predict(x)
    robust = sample.cluster is not None  # otherwise a client, who is at risk in several cells, is its own cluster
    influence = _influence(sample, x, mu, np.ones_like(mu), mu)
    covariance = sample.covariance(*influence) if robust else model.bread(x, time, mu)
    widths = (table["end"] - table["start"]).groupby(table["interval"]).first().loc[known].to_numpy(float)
    start = (table["interval"] == known[0]).to_numpy()
    mixes = [_mix(base[start], (time * inside)[start]) for inside in sample.subsets().values()]

    def risks(betas: np.ndarray) -> np.ndarray:
        hazard = np.exp(np.column_stack([np.zeros(len(betas)), betas[:, k:-1]])) @ widths
        ratios = np.column_stack([np.ones(len(betas)), np.exp(betas[:, -1])])
        reached = [(np.exp(betas[:, :k] @ rows.T) * hazard[:, None], share) for rows, share in mixes]
        return np.stack([-np.expm1(-h[:, None] * ratios[:, :, None]) @ share for h, share in reached], axis=1)

    names = [*columns, *(f"interval {i}" for i in known[1:]), "option new"]
    method = "piecewise exponential regression"
    return compared_by_coefficients(
        names,
        model.params,
        covariance,
        risks,
        sample.groups,
        HAZARD,
        cells,
        method,
        draws,
        () if robust else (OF_MODEL,),
    )


def negative_binomial(cells: Cells, draws: Draws, covariates: Sequence[str], cluster: str | None) -> Comparison:
    """Ratio of mean counts; the dispersion by maximum likelihood from the frequencies."""
    sample = _read(cells, cluster)
    table = cells.table[cells.table["n"] > 0].reset_index(drop=True)
    y, n, new = (values.to_numpy(float) for values in (table["count"], table["n"], table["option"] == NEW))
    columns = design(table, covariates)
    x = _with_option(columns, new)
    dispersion, params = _dispersed(x, y, n)
    mu = np.exp(x @ params)
    each = replace(
        sample, table=table, new=new, n=n, mean=y, within=np.zeros_like(y), cluster=clusters_of(table, cluster)
    )
    covariance = each.covariance(
        *_influence(each, x, mu, 1 / (1 + dispersion * mu), mu * (1 + dispersion * y) / (1 + dispersion * mu) ** 2)
    )
    means = _standardised(each, columns.to_numpy(), LOG)
    notes = (f"variance = mean + {dispersion:.3g} x mean^2",)
    names, method = [*columns, "option new"], "negative binomial regression"
    return compared_by_coefficients(
        names, params, covariance, means, each.groups, each.scale, cells, method, draws, notes
    )


def gamma_cost(cells: Cells, draws: Draws, covariates: Sequence[str], cluster: str | None) -> Comparison:
    """Ratio of mean costs: whether there is any (logistic) times how much (gamma, log link).

    Medians, quantiles and anything else that needs each client's cost cannot be had from cells.
    """
    sample = _read(cells, cluster)
    columns = design(sample.table, covariates)
    x = _with_option(columns, sample.new)
    positive = sample.table["positive"].to_numpy(float) if "positive" in sample.table else sample.n
    total = sample.n * sample.mean
    mean = np.divide(total, positive, out=np.zeros_like(total), where=positive > 0)
    within = np.clip(sample.within + total * (sample.mean - mean), 0.0, None)
    cost = replace(sample, n=positive, mean=mean, within=within)
    params = _gamma(x[positive > 0], mean[positive > 0], positive[positive > 0])
    mu = np.exp(x @ params)
    parts, notes = [(cost, *_influence(cost, x, mu, 1 / mu, mean / mu))], tuple[str, ...]()
    names, amounts = [*columns, "option new"], params
    if not np.allclose(positive, sample.n):
        share = positive / sample.n
        model = regress(LOGIT, x, share, sample.n)
        p, some = model.predict(x), replace(sample, mean=share, within=sample.n * share * (1 - share))
        parts.append((some, *_influence(some, x, p, np.ones_like(p), LOGIT.variance(p))))
        names = [*(f"amount: {name}" for name in names), *(f"any: {name}" for name in names)]
        amounts = np.concatenate([params, model.params])
        notes = (f"{1 - positive.sum() / sample.n.sum():.1%} of clients had no cost",)
    means = _standardised(sample, columns.to_numpy(), LOG, LOGIT if notes else None)
    return compared_by_coefficients(
        names, amounts, _joint(parts), means, sample.groups, sample.scale, cells, "gamma regression", draws, notes,
        conditional=not notes,
    )  # fmt: skip


def least_squares(cells: Cells, draws: Draws, covariates: Sequence[str], cluster: str | None) -> Comparison:
    """Difference of a meter after the service, given the meter before: all of it from sums and products."""
    sample = read_sample(cells, cluster)
    columns, n = design(sample.table, covariates), sample.n
    x, total = _with_option(columns, sample.new), n * sample.mean
    sums = [sample.table[name].to_numpy(float) for name in ("sum_before", "sum_before_squares", "sum_products")]
    middle = sums[0].sum() / n.sum()  # centred: the other coefficients are of a client who was in the middle
    before = sums[0] - n * middle
    squares, products = sums[1] - 2 * middle * sums[0] + n * middle**2, sums[2] - middle * total
    corner = np.array([[squares.sum()]])
    gram = np.block([[x.T @ (n[:, None] * x), (x.T @ before)[:, None]], [(x.T @ before)[None], corner]])
    moments = np.concatenate([x.T @ total, [products.sum()]])
    bread = np.linalg.pinv(gram, rcond=1e-12, hermitian=True)
    params = bread @ moments
    spread = (sample.within + total * sample.mean).sum() - params @ moments
    covariance = bread * spread / (n.sum() - len(params))
    if sample.cluster is not None:
        level = x @ params[:-1]
        scores = [
            x * (total - n * level - before * params[-1])[:, None],
            products - before * level - squares * params[-1],
        ]
        covariance = clustered(np.column_stack(scores) @ bread, sample.cluster)
    order = [*range(x.shape[1] - 1), -1, -2]  # the option last
    means = _standardised(sample, columns.to_numpy(), IDENTITY)
    return compared_by_coefficients(
        [*columns, "before", "option new"], params[order], covariance[np.ix_(order, order)],
        lambda betas: means(np.delete(betas, -2, axis=1)), sample.groups, sample.scale, cells,
        "least squares of after on before", draws, () if sample.cluster is not None else (OF_MODEL,),
    )  # fmt: skip


# --- parts ----------------------------------------------------------------------------------------


def _read(cells: Cells, cluster: str | None) -> Sample:
    sample = read_sample(cells, cluster)
    _refuse_extreme(sample)
    return sample


def _at_risk(cells: Cells, cluster: str | None) -> Sample:
    """Time at risk as the number of clients, and events by time as their mean."""
    table = cells.table[cells.table["exposure"] > 0].reset_index(drop=True)
    time, events = table["exposure"].to_numpy(float), table["events"].to_numpy(float)
    if not np.isfinite(time + events).all():
        problem = Problem("cells", "a number is missing or infinite", "a cell without time at risk is left out")
        raise DataError("The cells cannot be compared", [problem])
    new = (table["option"] == NEW).to_numpy(float)
    sample = Sample(cells, HAZARD, table, new, time, events / time, np.zeros_like(time), clusters_of(table, cluster))
    _refuse_extreme(sample)
    return sample


def _with_option(columns: pd.DataFrame, new: np.ndarray) -> np.ndarray:
    """The design with the option last, which no covariate may stand for."""
    x = columns.to_numpy()
    left = new - x @ np.linalg.lstsq(x, new, rcond=None)[0]
    if np.abs(left).max() < 1e-8:
        rule = "say which option a client had: all who are alike had the same"
        raise ModelError("The options cannot be compared", [Problem("covariates", rule, "take fewer covariates")])
    return np.column_stack([x, new])


def _refuse_extreme(sample: Sample) -> None:
    """An option without an event, or with nothing else, has a coefficient without end."""
    title = "The options cannot be compared"
    for option, arm in zip(OPTIONS, (sample.new == 0, sample.new == 1), strict=True):
        n, total = float(sample.n[arm].sum()), float((sample.n * sample.mean)[arm].sum())
        if not arm.any():
            raise DataError(title, [Problem(f"option {option}", "has no client", "a comparison arm is always needed")])
        if total == 0 or (sample.scale.measure == "odds_ratio" and total == n):
            rule = "every client had the event" if total else "nothing was ever counted"
            cure = "a regression has no finite effect here; use the Bayesian model"
            raise ModelError(title, [Problem(f"option {option}", rule, cure)])


def _dispersed(x: np.ndarray, y: np.ndarray, n: np.ndarray) -> tuple[float, np.ndarray]:
    """Dispersion and coefficients of most likelihood; statsmodels' own model of both takes no frequencies."""
    import statsmodels.api as sm
    from scipy.optimize import minimize_scalar

    def fitted(log_dispersion: float) -> sm.GLM:
        family = sm.families.NegativeBinomial(alpha=float(np.exp(log_dispersion)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            return sm.GLM(y, x, family=family, freq_weights=n).fit(tol=1e-12, maxiter=200)

    best = minimize_scalar(lambda a: -fitted(a).llf, bounds=(-12, 6), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(best.x)), np.asarray(fitted(best.x).params)


def _gamma(x: np.ndarray, mean: np.ndarray, n: np.ndarray) -> np.ndarray:
    import statsmodels.api as sm

    family = sm.families.Gamma(sm.families.links.Log())
    return np.asarray(sm.GLM(mean, x, family=family, var_weights=n).fit(tol=1e-12, maxiter=200).params)


def _influence(
    sample: Sample, x: np.ndarray, mu: np.ndarray, weight: np.ndarray, curvature: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Influence of a client on coefficients whose estimating function is x times weight x (y - mu).

    `curvature` is what a client adds to the observed information, but for x; it is linear in the outcome too.
    """
    information = x.T @ ((sample.n * curvature)[:, None] * x)
    direction = (x @ np.linalg.pinv(information, rcond=1e-10, hermitian=True)) * weight[:, None]
    return -direction * mu[:, None], direction


def _joint(parts: list[tuple[Sample, np.ndarray, np.ndarray]]) -> np.ndarray:
    """Covariance of the coefficients of several parts: within a cell, whether and how much are independent."""
    from scipy.linalg import block_diag

    cluster = parts[0][0].cluster
    if cluster is None:
        return np.asarray(block_diag(*[part.covariance(*influence) for part, *influence in parts]))
    totals = [part.n[:, None] * (constant + slope * part.mean[:, None]) for part, constant, slope in parts]
    return clustered(np.column_stack(totals), cluster)


def _mix(rows: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct rows of a design, and the share of clients in each."""
    distinct, where = np.unique(rows, axis=0, return_inverse=True)
    return distinct, np.bincount(where.ravel(), weight) / weight.sum()


def _standardised(
    sample: Sample, base: np.ndarray, link: Link, times: Link | None = None
) -> Callable[[np.ndarray], np.ndarray]:
    """Means of all clients, and of each group, as if all had each option (g-computation)."""
    mixes, k = [_mix(base, sample.n * inside) for inside in sample.subsets().values()], base.shape[1]

    def mean(betas: np.ndarray, rows: np.ndarray, share: np.ndarray, option: float) -> np.ndarray:
        values = link.inverse(betas[:, :k] @ rows.T + option * betas[:, k : k + 1])
        if times is not None:
            values = values * times.inverse(betas[:, k + 1 : -1] @ rows.T + option * betas[:, -1:])
        return np.asarray(values @ share)

    def means(betas: np.ndarray) -> np.ndarray:
        both = [[mean(betas, rows, share, option) for option in (0.0, 1.0)] for rows, share in mixes]
        return np.array(both).transpose(2, 0, 1)

    return means
