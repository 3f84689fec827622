"""Whether weighting made the options alike in what was recorded, and how far their scores overlap.

Balance in recorded covariates says nothing of those that were not recorded.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from costeff.comparison.weights import Estimand, Propensity
from costeff.disclosure import BASE, THRESHOLD, protect_count
from costeff.draws import OPTIONS
from costeff.errors import Problem, UsageError


def balance(scores: Propensity, estimand: Estimand = "ato") -> pd.DataFrame:
    """Standardised mean differences, new less usual, before and after weighting.

    A level's difference is that of its shares, a number's that of its means, over the standard deviation pooled
    from both options before weighting.

    Returns
    -------
    DataFrame
        A row for each level or number: covariate, level, usual, new (share or mean before), `before`, `after`.
        Shares of small groups tell who they are: for the analyst's own eyes when the clients are real.

    Raises
    ------
    ModelError
        As `Propensity.weights`.
    """
    sample = scores.sample
    plain, weight = sample.n, sample.n * scores.weights(estimand)
    rows = []
    for covariate in scores.covariates:
        for level, values in _values(sample.table[covariate]).items():
            before = [_moments(values, plain * (sample.new == k)) for k in (0, 1)]
            after = [_moments(values, weight * (sample.new == k))[0] for k in (0, 1)]
            spread = float(np.sqrt((before[0][1] + before[1][1]) / 2))
            gaps = (before[1][0] - before[0][0], after[1] - after[0])
            rows.append((covariate, level, before[0][0], before[1][0], *(g / spread if spread else 0.0 for g in gaps)))
    return pd.DataFrame(rows, columns=["covariate", "level", "usual", "new", "before", "after"])


def effective_sample_size(scores: Propensity, estimand: Estimand = "ato") -> pd.DataFrame:
    """How many clients the weighted clients are worth: (sum of weights)^2 / sum of squared weights.

    Returns
    -------
    DataFrame
        By option: `clients`, `effective` and its `share`.
    """
    sample, weight = scores.sample, scores.weights(estimand)
    rows = {}
    for k, option in enumerate(OPTIONS):
        n, w = sample.n * (sample.new == k), weight
        worth = float((n * w).sum() ** 2 / (n * w**2).sum())
        rows[option] = (float(n.sum()), worth, worth / float(n.sum()))
    return pd.DataFrame(rows, index=["clients", "effective", "share"]).T


def overlap(scores: Propensity, bins: int = 20, threshold: int = THRESHOLD, base: int = BASE) -> pd.DataFrame:
    """Clients by score and option, as they may be published.

    Parameters
    ----------
    bins
        Equal widths from 0 to 1.
    threshold, base
        As `costeff.disclosure.protect_count`.

    Returns
    -------
    DataFrame
        option, left, right (of the bin), clients: rounded, and missing where there are few or none.
    """
    if bins < 1:
        raise UsageError("Scores cannot be counted", [Problem("bins", f"is {bins}", "give a number above 0")])
    edges = np.linspace(0, 1, bins + 1)
    rows = []
    for k, option in enumerate(OPTIONS):
        counts = np.histogram(scores.score, edges, weights=scores.sample.n * (scores.sample.new == k))[0]
        shown = [protect_count(round(n), threshold, base) for n in counts]
        rows += [(option, left, right, n) for left, right, n in zip(edges[:-1], edges[1:], shown, strict=True)]
    table = pd.DataFrame(rows, columns=["option", "left", "right", "clients"])
    return table.astype({"clients": "Int64"})


def _values(column: pd.Series) -> dict[str, np.ndarray]:
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return {"": column.to_numpy(float)}
    text = column.astype(str)
    return {level: (text == level).to_numpy(float) for level in sorted(text.unique())}


def _moments(values: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Weighted mean and variance."""
    mean = float((weight * values).sum() / weight.sum())
    return mean, float((weight * (values - mean) ** 2).sum() / weight.sum())
