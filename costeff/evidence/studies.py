"""Studies that are to be pooled: one estimate and one standard error each, on one scale, with a source."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import xarray as xr

from costeff.errors import ModelError, Problems
from costeff.evidence.measures import error_from_interval, named

ERROR_SHARE = 1e-3  # of a row taken apart: the error of each study, next to nothing


@dataclass(frozen=True)
class Study:
    """One study, or one independent comparison of it.

    Parameters
    ----------
    id
        A name that no other study of the set has.
    estimate, error
        Estimate and standard error on the scale of the measure: a ratio as its logarithm.
    source
        Where the figures stand.
    design
        Its class in a table of discounts; empty where none is to be applied.
    """

    id: str
    estimate: float
    error: float
    source: str
    design: str = ""

    @classmethod
    def from_interval(
        cls,
        id: str,
        value: float,
        low: float,
        high: float,
        measure: str,
        source: str,
        design: str = "",
        mass: float = 0.95,
    ) -> Study:
        """A study from its published value and interval: a ratio as it is, not its logarithm.

        Raises
        ------
        ModelError
            As `error_from_interval`.
        """
        return cls(id, *error_from_interval(value, low, high, measure, mass), source, design)


@dataclass(frozen=True)
class Studies:
    """Studies of one effect by one measure.

    Parameters
    ----------
    measure
        A name in `MEASURES`, the same for all.
    rows
        The studies, at least one.
    notes
        What was done to the estimates before; carried on to every result.

    Raises
    ------
    ModelError
        With all problems: no study, an unknown measure, two of one name, a value that is missing
        or infinite, a standard error that is not above 0, a study without a source.
    """

    measure: str
    rows: tuple[Study, ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        named(self.measure)
        problems = Problems()
        if not self.rows:
            problems.add("studies", "there is none", "give at least one")
        for name, count in Counter(row.id for row in self.rows).items():
            if count > 1:
                problems.add(f"study {name}", f"stands {count} times", "name each comparison apart")
        for row in self.rows:
            place = f"study {row.id}"
            if not np.isfinite(row.estimate):
                problems.add(place, "the estimate is missing or infinite", "leave it out, and say so")
            if not np.isfinite(row.error):
                problems.add(place, "the standard error is missing or infinite", "leave it out, and say so")
            elif row.error <= 0:
                rule = f"the standard error is {row.error:g}; it has to be above 0"
                problems.add(place, rule, "no study knows its effect exactly")
            if not row.source:
                problems.add(place, "has no source", "say where the figures stand")
        problems.raise_if_any(ModelError, f"Studies of a {self.measure} cannot be pooled")

    @property
    def estimates(self) -> np.ndarray:
        """Estimates, in the order of rows."""
        return np.array([row.estimate for row in self.rows], dtype=float)

    @property
    def errors(self) -> np.ndarray:
        """Standard errors, in the order of rows."""
        return np.array([row.error for row in self.rows], dtype=float)

    @property
    def attrs(self) -> dict[str, object]:
        """What every result made from these studies says of itself."""
        kind = named(self.measure)
        sources = list(dict.fromkeys(row.source for row in self.rows))
        return {
            "measure": kind.id,
            "scale": kind.scale,
            "studies": len(self.rows),
            "sources": sources,
            "notes": list(self.notes),
        }

    @property
    def table(self) -> xr.Dataset:
        """`estimate` and `error` by study, with `source` and `design` beside."""
        coords = {
            "study": [row.id for row in self.rows],
            "source": ("study", [row.source for row in self.rows]),
            "design": ("study", [row.design for row in self.rows]),
        }
        data = {"estimate": ("study", self.estimates), "error": ("study", self.errors)}
        return xr.Dataset(data, coords=coords, attrs=self.attrs)


def taken_apart(measure: str, row: Study, count: int) -> Studies:
    """Studies that pool to a row whose own studies are not known.

    `count` equal studies, spread as normal scores, whose random-effects mean and standard error by DerSimonian &
    Laird are those of the row: for equal studies the error is their standard deviation over sqrt(count). How that
    spread is shared between heterogeneity and the studies' own errors is not published, so all of it is
    taken for heterogeneity. The distribution for a new place then comes out too wide rather than too narrow.

    Parameters
    ----------
    row
        The pooled estimate and its standard error.
    count
        How many studies it was pooled from, two or more.

    Raises
    ------
    ModelError
        For fewer than two studies.
    """
    from scipy.special import ndtri

    problems = Problems()
    if count < 2:
        problems.add(f"study {row.id}", f"is pooled from {count}", "a single study is pooled as it is")
    problems.raise_if_any(ModelError, f"A pooled {measure} cannot be taken apart")
    scores = ndtri((np.arange(count) + 0.5) / count)
    places = row.estimate + row.error * count**0.5 * scores / scores.std(ddof=1)
    note = f"{row.id}: taken apart into {count} equal studies that pool to it, all of whose spread is heterogeneity"
    rows = tuple(
        Study(f"{row.id} {number}", float(place), row.error * ERROR_SHARE, row.source, row.design)
        for number, place in enumerate(places, start=1)
    )
    return Studies(measure, rows, (note,))
