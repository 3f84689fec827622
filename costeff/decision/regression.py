"""The regression under the value of information: what outcomes are to be expected, given some parameters.

A smooth analysis of variance. Each parameter gets the eigenfunctions of its penalised cubic spline, from smooth to
rough; products of them make interactions of two and three parameters, few where parameters are many. Ridge weights
are chosen by generalised cross-validation in closed form, for each outcome by itself, so that one decomposition
serves any number of outcomes and permutations.

A fit can be wrong without looking wrong. So a second opinion, means over small neighbourhoods of draws, looks for
what the fit has left in its residuals (see `Fit`).

References
----------
Regression on the draws: Strong, Oakley and Brennan (2014), doi:10.1177/0272989X13505910.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

MOST_COLUMNS = 300  # shared evenly by single parameters, pairs and triples
DRAWS_PER_COLUMN = 20
ROUGHEST = 30  # eigenfunctions of one parameter at most
FEW_VALUES = 10  # a parameter with so few different values is a class, and a class has a mean
WEIGHTS = np.logspace(-8, 8, 65)  # of the penalty
INTERACTION_WEIGHTS = (0.001, 0.1, 10.0)  # of a product, against the roughness of single parameters
CAUTION = 1.4  # degrees of freedom count for more in the cross-validation, which else follows noise
NEIGHBOURHOODS = (8, 64)  # draws in one: the small see fast waves, the large see faint ones


@dataclass(frozen=True)
class Fit:
    """What is expected of outcomes given parameters, by draw.

    Attributes
    ----------
    means
        Conditional means (draw, outcome).
    null
        The same after permuting the draws of the outcomes: all it holds is noise (permutation, draw, outcome).
    left
        Means of the residuals of a draw's neighbours, itself not among them, by size of the neighbourhood
        (size, draw, outcome). Where the fit holds all there is, they have nothing in common with its own residual.
    method
        What was fitted.
    """

    means: np.ndarray
    null: np.ndarray
    left: np.ndarray
    method: str


def conditional_means(parameters: np.ndarray, outcomes: np.ndarray, permuted: np.ndarray) -> Fit:
    """Fit outcomes (draw, outcome), also permuted (permutation, draw, outcome), on parameters (draw, parameter).

    A parameter without variance is left out; where none is left, every draw has the mean.
    """
    overall = outcomes.mean(axis=0)
    together = np.hstack([outcomes, *permuted]) - np.tile(overall, len(permuted) + 1)
    varying = parameters[:, np.ptp(parameters, axis=0) > 0]
    if not varying.shape[1]:
        return Fit(0 * outcomes + overall, 0 * permuted + overall, np.zeros((1, *outcomes.shape)), "constant")
    columns, penalty, method = _design(varying)
    means, *null = np.hsplit(_smooth(columns, penalty, together), len(permuted) + 1)
    residuals = outcomes - overall - means
    left = np.stack([_neighbours(varying, residuals, size) for size in NEIGHBOURHOODS])
    return Fit(overall + means, overall + np.stack(null), left, method)


# --- columns --------------------------------------------------------------------------------------


def _design(parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray, str]:
    """Columns of the regression, their roughness by (roughness, interaction), and the name of the method."""
    draws, many = parameters.shape
    if many == 1 and np.unique(parameters).size <= FEW_VALUES:
        classes, _ = _functions(parameters[:, 0], FEW_VALUES)
        return classes, np.zeros((classes.shape[1], 2)), "group means"
    budget = max(min(draws // DRAWS_PER_COLUMN, MOST_COLUMNS) // min(many, 3), many)
    degree = [_largest(many, order, budget) for order in (1, 2, 3)]
    single = [_functions(column, degree[0]) for column in parameters.T]
    columns: list[np.ndarray] = []
    penalty: list[tuple[float, float]] = []
    for order in range(1, 4):
        for chosen in combinations(single, order):
            for index in _indices(degree[order - 1], [values.shape[1] for values, _ in chosen]):
                columns.append(np.prod([f[:, i] for (f, _), i in zip(chosen, index, strict=True)], axis=0))
                rough = sum(r[i] for (_, r), i in zip(chosen, index, strict=True))
                penalty.append((rough, 0.0) if order == 1 else (0.0, 1.0 + rough))
    name = "spline" if many == 1 else f"splines, products of up to {sum(d > 0 for d in degree)}"
    return np.column_stack(columns), np.array(penalty), name


def _largest(many: int, order: int, budget: int) -> int:
    """How rough the products of so many parameters may be within the budget of columns; 0 for none."""
    if order > many:
        return 0
    fitting = (d for d in range(ROUGHEST, 0, -1) if comb(many, order) * _count(d, order) <= budget)
    return next(fitting, 1 if order == 1 else 0)


def _count(degree: int, order: int) -> int:
    """How many products there are in the hyperbolic cross."""
    return sum(_count(degree // (i + 1), order - 1) for i in range(degree)) if order else 1


def _indices(degree: int, sizes: list[int]) -> Iterator[tuple[int, ...]]:
    """Products of functions that are not rough together: the hyperbolic cross, as indices into those of each."""
    if not sizes:
        yield ()
        return
    for i in range(min(degree, sizes[0])):
        yield from ((i, *rest) for rest in _indices(degree // (i + 1), sizes[1:]))


def _functions(values: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Orthonormal functions of one parameter from smooth to rough, the constant not among them, and the roughness."""
    from scipy.interpolate import BSpline
    from scipy.sparse import csr_array

    scaled = (values - values.min()) / np.ptp(values)
    distinct, which = np.unique(scaled, return_inverse=True)
    if distinct.size <= FEW_VALUES:
        basis = csr_array((np.ones(len(values)), (np.arange(len(values)), which)))
        change = np.diff(np.eye(distinct.size), n=2, axis=0)
        penalty = change.T @ change
    else:
        inner = np.quantile(distinct, np.linspace(0, 1, min(ROUGHEST, distinct.size - 2))[1:-1])
        knots = np.r_[[0.0] * 4, inner, [1.0] * 4]
        basis = BSpline.design_matrix(scaled, knots, 3)
        penalty = _curvature(knots)
    mean = np.asarray(basis.sum(axis=0)) / len(values)
    whiten = _whitened((basis.T @ basis).toarray() - len(values) * np.outer(mean, mean))
    turn, roughness = _from_smooth_to_rough(whiten, penalty)
    turn, roughness = turn[:, :most] * np.sqrt(len(values)), roughness[:most]
    bent = roughness[roughness > 1e-8 * roughness.max(initial=0.0)]
    return np.asarray(basis @ turn - mean @ turn), roughness / bent.min() if bent.size else roughness


def _curvature(knots: np.ndarray) -> np.ndarray:
    """Integral of the products of second derivatives of cubic B-splines; two Gauss points an interval are exact."""
    from scipy.interpolate import BSpline

    edges = np.unique(knots)
    middle, half = (edges[1:] + edges[:-1]) / 2, np.diff(edges) / 2
    points = np.r_[middle - half / np.sqrt(3), middle + half / np.sqrt(3)]
    second = BSpline(knots, np.eye(len(knots) - 4), 3).derivative(2)(points)
    return np.asarray((second.T * np.r_[half, half]) @ second)


# --- smoothing ------------------------------------------------------------------------------------


def _whitened(gram: np.ndarray) -> np.ndarray:
    """Combinations of columns that are orthonormal, from the products of the columns; those that repeat are dropped."""
    size, vectors = np.linalg.eigh(gram)
    kept = size > 1e-10 * size.max(initial=0.0)
    return np.asarray(vectors[:, kept] / np.sqrt(size[kept]))


def _from_smooth_to_rough(whiten: np.ndarray, penalty: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same turned so that the penalty is diagonal, ascending, and that diagonal."""
    roughness, turn = np.linalg.eigh(whiten.T @ penalty @ whiten)
    return whiten @ turn, np.maximum(roughness, 0.0)


def _smooth(columns: np.ndarray, penalty: np.ndarray, outcomes: np.ndarray) -> np.ndarray:
    """Fitted values of centred outcomes, each with the weights that its own cross-validation likes best."""
    columns = columns - columns.mean(axis=0)
    gram, products, total = columns.T @ columns, columns.T @ outcomes, (outcomes**2).sum(axis=0)
    best = np.full(outcomes.shape[1], np.inf)
    coefficients, whiten = np.zeros_like(products), _whitened(gram)
    for ratio in INTERACTION_WEIGHTS if penalty[:, 1].any() else (0.0,):
        turn, roughness = _from_smooth_to_rough(whiten, np.diag(penalty @ (1.0, ratio)))
        projected = turn.T @ products
        kept = 1.0 / (1.0 + WEIGHTS[:, None] * roughness * len(outcomes))
        score = _cross_validation(kept, projected, total, len(outcomes))
        better = score.min(axis=0) < best
        best = np.minimum(score.min(axis=0), best)
        coefficients[:, better] = turn @ (kept[score.argmin(axis=0)].T * projected)[:, better]
    return np.asarray(columns @ coefficients)


def _cross_validation(kept: np.ndarray, projected: np.ndarray, total: np.ndarray, draws: int) -> np.ndarray:
    """Generalised cross-validation by (weight, outcome); `kept` is what each weight keeps of each column."""
    unexplained = np.maximum(total - (1.0 - (1.0 - kept) ** 2) @ projected**2, 0.0)
    free = np.maximum(draws - CAUTION * (1.0 + kept.sum(axis=1)), 1.0)
    return np.asarray(unexplained / free[:, None] ** 2)


# --- a second opinion -----------------------------------------------------------------------------


def _neighbours(parameters: np.ndarray, residuals: np.ndarray, size: int) -> np.ndarray:
    """Mean residual of the other draws in the neighbourhood of each.

    Neighbourhoods are boxes, halved at the median of one parameter after the other until about `size` draws are in.
    """
    draws = len(residuals)
    box = np.zeros(draws, dtype=int)
    order = np.arange(draws)
    levels = int(np.log2(max(draws / size, 1)))
    one = parameters.shape[1] == 1  # halving again and again is one division then
    for level in range(levels - 1 if one and levels else 0, levels):
        order = np.lexsort((parameters[:, level % parameters.shape[1]], box))
        box[order] = np.arange(draws) * 2 ** (level + 1) // draws
    starts = np.searchsorted(box[order], np.arange(2**levels))
    counts = np.diff(np.r_[starts, draws])[box, None]
    sums = np.add.reduceat(residuals[order], starts, axis=0)[box]
    return np.asarray((sums - residuals) / np.maximum(counts - 1, 1))
