"""Propensity scores on cells, weighting and doubly robust estimation, with errors from influence functions.

A balancing weight is the tilt of the population over the score: 1 for the average effect (ATE), the score for
those who got the new option (ATT), score x (1 - score) for those who might have got either (ATO, overlap
weights; Li, Morgan & Zaslavsky 2018, doi:10.1080/01621459.2016.1260466). The doubly robust estimator adds an
outcome model of each option (Robins, Rotnitzky & Zhao 1994, doi:10.1080/01621459.1994.10476818). Scores and
outcome models are estimated, and the errors know it: the influence of a client on a mean carries its influence
on every coefficient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from costeff.comparison.links import LOGIT
from costeff.comparison.result import Comparison, Draws, compared
from costeff.comparison.sample import Measured, Regression, Sample, design, read_sample, regress
from costeff.disclosure import protect_count
from costeff.errors import ModelError, Problem, Problems
from costeff.records import Cells
from costeff.shown import Shows, framed, titled

Estimand = Literal["ate", "att", "ato"]
SEPARATED = 1e-6  # a score nearer to 0 or 1 than this is one
EXTREME = 0.05  # scores beyond this from 0 and 1 are told
Pairs = Sequence[tuple[str, str]]


class Tilt(NamedTuple):
    """Weights of both options, a column each, with their derivatives by the logit of the score."""

    population: np.ndarray
    population_slope: np.ndarray
    weights: np.ndarray
    slopes: np.ndarray


@dataclass(frozen=True, eq=False)
class Propensity(Shows):
    """The probability of the new option, by cell, from a binomial regression on covariates.

    Attributes
    ----------
    score
        Probability of the new option, in the order of `sample.table`.
    design
        The columns of the regression.
    """

    sample: Sample
    covariates: tuple[str, ...]
    interactions: tuple[tuple[str, str], ...]
    design: pd.DataFrame
    regression: Regression
    score: np.ndarray

    @cached_property
    def positivity(self) -> pd.DataFrame:
        """Clients whose like did not get both options, or hardly: `clients` (protected) and `share` of all."""
        sample, score = self.sample, self.score
        pattern = sample.table[list(self.covariates)].astype(str).agg("\t".join, axis=1)
        treated = pd.Series(sample.new * sample.n).groupby(pattern).transform("sum") / pd.Series(sample.n).groupby(
            pattern
        ).transform("sum")
        where = {
            "all": np.ones_like(score, dtype=bool),
            "alike, all with the usual option": treated.to_numpy() == 0,
            "alike, all with the new option": treated.to_numpy() == 1,
            f"score below {EXTREME:g}": score < EXTREME,
            f"score above {1 - EXTREME:g}": score > 1 - EXTREME,
        }
        clients = {name: float(sample.n[rows].sum()) for name, rows in where.items()}
        return pd.DataFrame(
            {
                "clients": pd.array([protect_count(int(n)) for n in clients.values()], dtype="Int64"),
                "share": [n / sample.n.sum() for n in clients.values()],
            },
            index=list(clients),
        )

    def weights(self, estimand: Estimand) -> np.ndarray:
        """Weight of a client, by cell, within its own option; the scale is free.

        Raises
        ------
        ModelError
            Scores of 0 or 1, where the estimand needs both options.
        """
        both = self.tilt(estimand).weights
        return np.where(self.sample.new == 1, both[:, 1], both[:, 0])

    def tilt(self, estimand: Estimand) -> Tilt:
        """The population of an estimand, and the weights that lead to it."""
        self._refuse_separated(estimand)
        e, one = self.score, np.ones_like(self.score)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            odds = np.where(e < 1, e / (1 - e), 0.0)
            if estimand == "ate":
                weights, slopes = (1 / (1 - e), 1 / e), (odds, -(1 - e) / e)
                population = one, 0 * one
            elif estimand == "att":
                weights, slopes = (odds, one), (odds, 0 * one)
                population = self.sample.new, 0 * one
            else:
                weights, slopes = (e, 1 - e), (e * (1 - e), -e * (1 - e))
                population = e * (1 - e), e * (1 - e) * (1 - 2 * e)
        return Tilt(*population, np.column_stack(weights), np.column_stack(slopes))

    def _refuse_separated(self, estimand: Estimand) -> None:
        if estimand not in ("ate", "att", "ato"):
            raise ModelError("There is no such estimand", [Problem("estimand", f"{estimand}", "use ate, att or ato")])
        sure = {"only the usual option": self.score < SEPARATED, "only the new option": self.score > 1 - SEPARATED}
        needed = {"ate": list(sure), "att": ["only the new option"], "ato": []}[estimand]
        problems, title = Problems(), f"The options cannot be compared for all clients ({estimand})"
        either = ~sure["only the usual option"] & ~sure["only the new option"]
        if len(set(self.sample.new[either])) < 2:
            rule = "no clients of both options are of a kind that could have got either"
            problems.add("propensity score", rule, "the covariates say who got which; take fewer")
        problems.raise_if_any(ModelError, title)
        for name in needed:
            if n := self.sample.n[sure[name]].sum():
                rule = f"{n:.0f} clients ({n / self.sample.n.sum():.1%}) are of a kind that got {name}"
                problems.add("propensity score", rule, "use overlap weights (ato), merge levels or leave them out")
        problems.raise_if_any(ModelError, title)

    def _html(self) -> str:
        return titled(self._title, framed(self.positivity.to_html(float_format="%.3f", border=0), "Positivity"))

    def _plain(self) -> str:
        return f"{self._title}\n{self.positivity.to_string(float_format='%.3f')}"

    @property
    def _title(self) -> str:
        return f"Propensity of the new option given {', '.join(self.covariates)}"


def propensity(
    cells: Cells,
    covariates: Sequence[str],
    interactions: Pairs = (),
    *,
    cluster: str | None = None,
    measured: Measured = "after",
) -> Propensity:
    """The probability of the new option given covariates.

    Parameters
    ----------
    cells
        Binary, count, cost or meter cells by option. Other columns, also joined ones, may be covariates: texts are
        levels, numbers are linear.
    covariates
        Main effects.
    interactions
        Pairs of covariates whose products are added.
    cluster
        Column within whose values clients are alike; None takes clients as independent.
    measured
        Of a meter: "after", or its "change" from before.

    Raises
    ------
    UsageError, DataError, ModelError
        As `read_sample` and `design`.
    """
    sample = read_sample(cells, cluster, measured)
    columns = design(sample.table, covariates, interactions)
    x = columns.to_numpy()
    regression = regress(LOGIT, x, sample.new, sample.n)
    return Propensity(sample, tuple(covariates), tuple(interactions), columns, regression, regression.predict(x))


def raw(cells: Cells, draws: Draws, *, cluster: str | None = None, measured: Measured = "after") -> Comparison:
    """Means under both options as they are: what one would say without a thought of who gets which.

    Raises
    ------
    DataError, ModelError
        As `read_sample`; risks of 0 or 1.
    """
    sample = read_sample(cells, cluster, measured)
    arms = np.column_stack([1 - sample.new, sample.new])
    none = np.zeros_like(arms)
    tilt = Tilt(np.ones_like(sample.n), np.zeros_like(sample.n), arms * 0 + 1, none)
    return _means(sample, None, tilt, None, "raw", draws)


def weighted(scores: Propensity, draws: Draws, estimand: Estimand = "ato") -> Comparison:
    """Means under both options, weighted to one population (Hajek's ratio estimator).

    Parameters
    ----------
    estimand
        "ate": all clients; "att": those with the new option; "ato": those who might have got either.

    Raises
    ------
    ModelError
        Scores of 0 or 1 where the estimand needs both options; risks of 0 or 1.
    """
    name = "overlap weights" if estimand == "ato" else f"inverse probability weights, {estimand}"
    return _means(scores.sample, scores, scores.tilt(estimand), None, name, draws, estimand)


def doubly_robust(
    scores: Propensity,
    draws: Draws,
    estimand: Estimand = "ate",
    *,
    covariates: Sequence[str] | None = None,
    interactions: Pairs | None = None,
) -> Comparison:
    """Weighting with an outcome model of each option: right when either the scores or the outcome model is.

    Parameters
    ----------
    covariates, interactions
        Of the outcome model, with the canonical link of the outcome; None takes those of the scores.

    Raises
    ------
    ModelError
        As `weighted`; a level without clients in one option, where the outcome model would have to guess.
    """
    sample, tilt = scores.sample, scores.tilt(estimand)
    columns = design(
        sample.table,
        scores.covariates if covariates is None else covariates,
        scores.interactions if interactions is None else interactions,
    )
    x, models = columns.to_numpy(), []
    for k, arm in enumerate((1 - sample.new, sample.new)):
        there, wanted = arm == 1, tilt.population > SEPARATED
        alone = ~np.any(x[there] != 0, axis=0) & np.any(x[wanted] != 0, axis=0)
        if alone.any() and (k, estimand) != (1, "att"):  # those with the new option need no model of it
            rule = f"{', '.join(columns.columns[alone])} has no client with the {('usual', 'new')[k]} option"
            raise ModelError("The outcome model would have to guess", [Problem("covariates", rule, "merge levels")])
        models.append(regress(sample.scale.link, x[there], sample.mean[there], sample.n[there]))
    return _means(sample, scores, tilt, (x, models), f"doubly robust, {estimand}", draws, estimand)


# --- means and their influence --------------------------------------------------------------------


def _means(
    sample: Sample,
    scores: Propensity | None,
    tilt: Tilt,
    outcome: tuple[np.ndarray, list[Regression]] | None,
    method: str,
    draws: Draws,
    estimand: str = "none",
) -> Comparison:
    arms = np.column_stack([1 - sample.new, sample.new])
    means: dict[str, np.ndarray] = {}
    constants, slopes = [], []
    for name, inside in sample.subsets().items():
        found = np.full(2, np.nan)
        for k in (0, 1):
            found[k], constant, slope = _mean(sample, scores, tilt, outcome, k, arms[:, k], inside)
            constants.append(constant)
            slopes.append(slope)
        means[name] = found
    covariance = sample.covariance(np.column_stack(constants), np.column_stack(slopes))
    notes = (f"estimand: {estimand}",) if scores is not None else ("no adjustment",)
    return compared(means, covariance, sample.scale, sample.cells, method, draws, notes, estimand=estimand)


def _mean(
    sample: Sample,
    scores: Propensity | None,
    tilt: Tilt,
    outcome: tuple[np.ndarray, list[Regression]] | None,
    k: int,
    arm: np.ndarray,
    inside: np.ndarray,
) -> tuple[float, np.ndarray, np.ndarray]:
    """The mean under option k of a subset, and the influence of a client on it: constant + slope x outcome.

    The mean solves sum of n x inside x { tilt x (m - mean) + arm x weight x (y - m) } = 0, where m is the outcome
    model; without one, m is the mean itself, and only the second part is left.
    """
    n, y = sample.n, sample.mean
    weight, weight_slope = inside * arm * tilt.weights[:, k], inside * arm * tilt.slopes[:, k]
    if outcome is None:
        m, base = np.zeros_like(y), weight
    else:
        x, models = outcome
        m, base = models[k].predict(x), inside * tilt.population
    size = float((n * base).sum())
    if size <= 0:
        return np.nan, np.zeros_like(y), np.zeros_like(y)
    own = base * m if outcome is not None else np.zeros_like(y)
    mean = float((n * (own + weight * (y - m))).sum()) / size
    constant, slope = own - base * mean - weight * m, weight.copy()
    if scores is not None:
        z, e = scores.design.to_numpy(), scores.score
        inner = weight_slope * (y - m if outcome is not None else y - mean)
        if outcome is not None:
            inner = inner + inside * tilt.population_slope * (m - mean)
        gradient = (n * inner) @ z @ scores.regression.bread(z, n, e)
        constant = constant + (z @ gradient) * (sample.new - e)
    if outcome is not None:
        gradient = (n * (base - weight) * models[k].link.variance(m)) @ x @ models[k].bread(x, n * arm, m)
        direction = arm * (x @ gradient)
        constant, slope = constant - direction * m, slope + direction
    return mean, constant / size, slope / size
