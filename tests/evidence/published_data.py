"""Published studies that the tests of evidence pool: figures of trials, typed with their source."""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import numpy as np

from costeff.evidence import Studies, Study

Counts = tuple[float, float, float, float]

# Colditz et al. 1994 (doi:10.1001/jama.1994.03510380076038): cases and others, vaccinated, then not.
BCG: dict[str, Counts] = {
    "Aronson 1948": (4, 119, 11, 128),
    "Ferguson & Simes 1949": (6, 300, 29, 274),
    "Rosenthal 1960": (3, 228, 11, 209),
    "Hart & Sutherland 1977": (62, 13536, 248, 12619),
    "Frimodt-Moller 1973": (33, 5036, 47, 5761),
    "Stein & Aronson 1953": (180, 1361, 372, 1079),
    "Vandiviere 1973": (8, 2537, 10, 619),
    "TPT Madras 1980": (505, 87886, 499, 87892),
    "Coetzee & Berjak 1968": (29, 7470, 45, 7232),
    "Rosenthal 1961": (17, 1699, 65, 1600),
    "Comstock 1974": (186, 50448, 141, 27197),
    "Comstock & Webster 1969": (5, 2493, 3, 2338),
    "Comstock 1976": (27, 16886, 29, 17825),
}
# Rubin 1981 (doi:10.3102/10769986006004377), as rounded in Gelman et al., Bayesian Data Analysis, table 5.2.
SCHOOLS = {"A": (28, 15), "B": (8, 10), "C": (-3, 16), "D": (7, 11), "E": (-1, 9), "F": (1, 11), "G": (18, 10)}
SCHOOLS |= {"H": (12, 18)}


def odds(counts: Counts) -> tuple[float, float]:
    """Log odds ratio of the first two counts against the last two, and its standard error."""
    a, b, c, d = counts
    return log(a * d / (b * c)), (1 / a + 1 / b + 1 / c + 1 / d) ** 0.5


def risk(counts: Counts) -> tuple[float, float]:
    """Log risk ratio, and its standard error."""
    a, b, c, d = counts
    return log(a / (a + b) / (c / (c + d))), (1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)) ** 0.5


def bcg(measure: str = "risk ratio") -> Studies:
    effect = risk if measure == "risk ratio" else odds
    return Studies(measure, tuple(Study(name, *effect(counts), "Colditz 1994") for name, counts in BCG.items()))


def schools() -> Studies:
    return made(list(SCHOOLS.values()), names=list(SCHOOLS))


def programmes(count: int = 58) -> Studies:
    """Made-up studies of three designs, the weakest of which tells most: log odds ratios around 0.4, spread 0.3."""
    rng = np.random.default_rng(5)
    designs = ["rct", "match", "nonequiv"]
    rows = []
    for n in range(count):
        error = rng.uniform(0.15, 0.5)
        true = rng.normal(0.3 + 0.1 * (n % 3), 0.3)
        rows.append(Study(f"made up {n}", rng.normal(true, error), error, "made up", designs[n % 3]))
    return Studies("odds ratio", tuple(rows))


def made(pairs: Sequence[tuple[float, float]], names: Sequence[str] = (), measure: str = "mean difference") -> Studies:
    """Studies of given estimates and errors."""
    names = names or [f"study {n}" for n in range(len(pairs))]
    return Studies(measure, tuple(Study(name, *pair, "made up") for name, pair in zip(names, pairs, strict=True)))
