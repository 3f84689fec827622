"""Cells as the estimators read them: option, clients, mean and spread of the outcome, covariates, clusters.

Every client of a cell has the same covariates. So whatever is linear in a client's outcome, an estimating
function among them, is summed and squared exactly from the number of clients, the sum and the sum of squares.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from costeff.comparison.links import IDENTITY, LOG, LOGIT, SCALES, Link, Scale
from costeff.draws import NEW, OPTIONS
from costeff.errors import DataError, ModelError, Problem, Problems, UsageError
from costeff.records import Cells

Measured = Literal["after", "change"]
RESERVED = (
    "option", "n", "events", "count", "exposure", "positive", "sum", "sum_squares", "sum_logs", "sum_log_squares",
    "sum_before", "sum_before_squares", "sum_products",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Sample:
    """Clients in cells, with one outcome.

    Attributes
    ----------
    table
        A row a cell: the columns the cells are divided by, and any joined to them.
    new
        1 where the option is the new one, otherwise 0.
    n, mean, within
        Clients, mean outcome, and sum of squares about the mean within the cell.
    cluster
        Position of each cell's cluster; None where clients are independent.
    """

    cells: Cells
    scale: Scale
    table: pd.DataFrame
    new: np.ndarray
    n: np.ndarray
    mean: np.ndarray
    within: np.ndarray
    cluster: np.ndarray | None

    @property
    def groups(self) -> list[str]:
        return sorted(self.table["group"].unique()) if "group" in self.table else []

    def subsets(self) -> dict[str, np.ndarray]:
        """Which cells belong to all, and to each risk group: 1 or 0."""
        each = {group: (self.table["group"] == group).to_numpy(float) for group in self.groups}
        return {"": np.ones(len(self.table)), **each}

    def covariance(self, constant: np.ndarray, slope: np.ndarray) -> np.ndarray:
        """Covariance of estimators whose influence of a client is `constant + slope x outcome` of its cell.

        Parameters
        ----------
        constant, slope
            A row a cell, a column an estimator.

        Returns
        -------
        ndarray
            As from rows: Huber and White's, or summed within clusters and multiplied by G / (G - 1).
        """
        of_mean = constant + slope * self.mean[:, None]
        if self.cluster is not None:
            return clustered(self.n[:, None] * of_mean, self.cluster)
        return np.asarray(of_mean.T @ (self.n[:, None] * of_mean) + slope.T @ (self.within[:, None] * slope))


def clustered(totals: np.ndarray, cluster: np.ndarray) -> np.ndarray:
    """Covariance from influences summed within clusters, times G / (G - 1)."""
    size = int(cluster.max()) + 1
    sums = np.zeros((size, totals.shape[1]))
    np.add.at(sums, cluster, totals)
    return np.asarray(sums.T @ sums * size / (size - 1))


def read_sample(cells: Cells, cluster: str | None = None, measured: Measured = "after") -> Sample:
    """Cells as a sample of clients.

    Parameters
    ----------
    cells
        Binary, count, cost or meter cells, divided by option. Columns joined to `cells.table` may be covariates.
    cluster
        A column whose values share what no covariate tells, such as "municipality".
    measured
        Of a meter: its value after, or its change from before.

    Raises
    ------
    ModelError
        Cells of another statistic.
    DataError
        With all problems: an option without clients, a count that is missing, negative or not whole, more events
        than clients.
    UsageError, DataError
        As `clusters_of`.
    """
    statistic: str = cells.statistic
    if statistic not in SCALES:
        rule = f"{statistic} cells have no mean by client"
        raise ModelError("These cells cannot be compared", [Problem("cells", rule, f"use {', '.join(SCALES)} cells")])
    if "option" not in cells.table:
        raise ModelError(
            "These cells cannot be compared", [Problem("cells.option", "is not there", "divide the cells by option")]
        )
    moments = _moments(cells, measured)
    values = moments[["n", "total", "squares"]].to_numpy(float)
    problems = _wrong(moments, values)
    problems.raise_if_any(DataError, "The cells cannot be compared")
    moments = _ordered(moments[values[:, 0] > 0])
    values = moments[["n", "total", "squares"]].to_numpy(float)
    n, total, squares = values.T
    mean = total / n
    within = np.clip(squares - n * mean**2, 0.0, None)
    new = (moments["option"] == NEW).to_numpy(float)
    table = moments.drop(columns=["total", "squares"])
    return Sample(cells, SCALES[statistic], table, new, n, mean, within, clusters_of(table, cluster))


def clusters_of(table: pd.DataFrame, cluster: str | None) -> np.ndarray | None:
    """Position of each row's cluster.

    Raises
    ------
    UsageError
        A cluster that is no column.
    DataError
        One cluster only, or rows without one.
    """
    if cluster is None:
        return None
    if cluster not in table:
        rule = f"{cluster} is no column of the cells"
        raise UsageError("Errors cannot be clustered", [Problem("cluster", rule, "join it, or leave clusters out")])
    if table[cluster].isna().any() or table[cluster].nunique() < 2:
        rule = f"{cluster} is missing, or the same for all"
        raise DataError("Errors cannot be clustered", [Problem("cluster", rule, "leave the clusters out")])
    return np.asarray(np.unique(table[cluster].astype(str), return_inverse=True)[1])


def _moments(cells: Cells, measured: Measured) -> pd.DataFrame:
    """The table with total and sum of squares of the outcome, a row a cell."""
    table, statistic = cells.table, str(cells.statistic)
    if statistic == "binary":
        return table.assign(total=table["events"], squares=table["events"]).drop(columns="events")
    if statistic == "count":
        sums = table.assign(total=table["n"] * table["count"], squares=table["n"] * table["count"] ** 2)
        by = [name for name in table if name not in ("count", "n")]
        return sums.groupby(by, sort=True, as_index=False, dropna=False)[["n", "total", "squares"]].sum(min_count=1)
    total, squares = table["sum"], table["sum_squares"]
    if statistic == "meter" and measured == "change":
        total = total - table["sum_before"]
        squares = squares - 2 * table["sum_products"] + table["sum_before_squares"]
    return table.assign(total=total, squares=squares)


def _ordered(moments: pd.DataFrame) -> pd.DataFrame:
    """Rows in an order of their own, so that sums and draws do not depend on the order they came in."""
    keys = moments.drop(columns=["total", "squares"]).astype(str)
    order = keys.sort_values(sorted(keys.columns), kind="stable").index
    return moments.loc[order].reset_index(drop=True)


def _wrong(moments: pd.DataFrame, values: np.ndarray) -> Problems:
    problems = Problems()
    if bad := int((~np.isfinite(values)).any(axis=1).sum()):
        problems.add("cells", f"{bad} have a number that is missing or infinite", "a cell without clients is left out")
        return problems
    if bad := int(((values[:, 0] < 0) | (values[:, 0] % 1 != 0)).sum()):
        problems.add("cells.n", f"{bad} cells have a number of clients that is negative or not whole", "count clients")
    if bad := int((values[:, 2] * values[:, 0] < values[:, 1] ** 2 * (1 - 1e-9)).sum()):
        problems.add("cells", f"{bad} cells have sums that no clients can have", "such as more events than clients")
    clients = moments.groupby("option")["n"].sum()
    for option in OPTIONS:
        if not clients.get(option, 0) > 0:
            problems.add(f"option {option}", "has no client", "a comparison arm is always needed")
    for option in sorted(set(clients.index) - set(OPTIONS)):
        problems.add(f"option {option}", "is not known", f"options are {' and '.join(OPTIONS)}")
    return problems


# --- covariates -----------------------------------------------------------------------------------


def design(
    table: pd.DataFrame, covariates: Sequence[str], interactions: Sequence[tuple[str, str]] = ()
) -> pd.DataFrame:
    """The design matrix of covariates: a constant, levels but the first, numbers centred and scaled, products.

    Returns
    -------
    DataFrame
        A row a cell, a column a coefficient. Columns that are 0 for all are left out.

    Raises
    ------
    UsageError
        With all problems: no covariate, one that is no column of the cells, the option or a count among them.
    DataError
        A covariate with a value that is missing.
    """
    problems, named = Problems(), [*covariates, *itertools.chain(*interactions)]
    if not covariates:
        problems.add("covariates", "none is named", "name what decides who gets which option")
    for name in dict.fromkeys(named):
        if name in RESERVED or name not in table:
            known = ", ".join(str(column) for column in table if column not in RESERVED)
            problems.add(f"covariate {name}", "is not a covariate of the cells", f"columns are {known}; join others")
    problems.raise_if_any(UsageError, "The comparison has no covariates")
    for name in dict.fromkeys(named):
        if bad := int(table[name].isna().sum()):
            problems.add(
                f"covariate {name}", f"is missing in {bad} cells", "give it a level of its own, such as unknown"
            )
    problems.raise_if_any(DataError, "The covariates are not complete")
    parts = {name: _columns(table[name]) for name in dict.fromkeys(named)}
    columns = {"constant": np.ones(len(table))}
    for name in dict.fromkeys(covariates):
        columns |= parts[name]
    for one, other in interactions:
        pairs = itertools.product(parts[one].items(), parts[other].items())
        columns |= {f"{left} x {right}": a * b for (left, a), (right, b) in pairs}
    return pd.DataFrame({name: values for name, values in columns.items() if np.any(values)}, index=table.index)


def _columns(values: pd.Series) -> dict[str, np.ndarray]:
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        spread = float(values.std(ddof=0))
        return {str(values.name): (values.to_numpy(float) - float(values.mean())) / spread} if spread else {}
    text = values.astype(str)
    return {f"{values.name} {level}": (text == level).to_numpy(float) for level in sorted(text.unique())[1:]}


# --- regression -----------------------------------------------------------------------------------


class Regression(NamedTuple):
    """A generalised linear model with its canonical link, fitted to means of cells."""

    link: Link
    params: np.ndarray

    def predict(self, x: np.ndarray, offset: np.ndarray | float = 0.0) -> np.ndarray:
        """Expected outcome."""
        return self.link.inverse(x @ self.params + offset)

    def bread(self, x: np.ndarray, n: np.ndarray, mu: np.ndarray) -> np.ndarray:
        """Inverse of the information; directions that separate clients perfectly are left out."""
        information = x.T @ ((n * self.link.variance(mu))[:, None] * x)
        return np.asarray(np.linalg.pinv(information, rcond=1e-10, hermitian=True))


def regress(link: Link, x: np.ndarray, mean: np.ndarray, n: np.ndarray, offset: np.ndarray | None = None) -> Regression:
    """A generalised linear model of means, weighted by clients: the same coefficients as from rows.

    Raises
    ------
    ModelError
        When the iterations did not settle.
    """
    import warnings

    import statsmodels.api as sm
    from statsmodels.tools.sm_exceptions import PerfectSeparationWarning, SingularMatrixWarning

    families = {LOGIT.name: sm.families.Binomial, LOG.name: sm.families.Poisson, IDENTITY.name: sm.families.Gaussian}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PerfectSeparationWarning)  # scores of 0 and 1 are looked for by the caller
        warnings.simplefilter("ignore", SingularMatrixWarning)  # what is predicted is the same for all solutions
        warnings.simplefilter("ignore", RuntimeWarning)
        model = sm.GLM(mean, x, family=families[link.name](), var_weights=n, offset=offset)
        params = np.asarray(model.fit(tol=1e-12, maxiter=200).params)
    if not np.isfinite(params).all():
        rule = "the coefficients did not settle"
        raise ModelError("The regression failed", [Problem("covariates", rule, "take fewer, or merge rare levels")])
    return Regression(link, params)
