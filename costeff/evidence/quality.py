"""What a weak design costs a study: an explicit table of discounts, given as data and applied or not.

No figure stands here. A table says, by class of design, by what the effect is multiplied and by
what the standard error; whoever gives it gives its source.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from costeff.errors import ModelError, Problems
from costeff.evidence.measures import named
from costeff.evidence.studies import Studies


@dataclass(frozen=True)
class Discount:
    """What is done to studies of one class of design.

    Parameters
    ----------
    design
        The class, as studies name it.
    multiplier
        Of the effect on the scale of the measure, from 0 (nothing is believed) to 1 (all of it).
        A ratio of 2 discounted by a half is the square root of 2.
    inflation
        Of the standard error, at least 1. The multiplier does not shrink the error: a
        discount never makes a study more certain.
    reason
        Where the two figures are from.
    """

    design: str
    multiplier: float
    inflation: float
    reason: str


@dataclass(frozen=True)
class Discounts:
    """A table of discounts, one row for each class of design.

    Raises
    ------
    ModelError
        With all problems: a class named twice, a multiplier outside 0 to 1, an inflation below 1
        or infinite, a row without a reason.
    """

    rows: tuple[Discount, ...]

    def __post_init__(self) -> None:
        problems = Problems()
        seen: set[str] = set()
        for row in self.rows:
            place = f"design {row.design}"
            if row.design in seen:
                problems.add(place, "stands twice", "keep one row")
            seen.add(row.design)
            if not 0 <= row.multiplier <= 1:
                problems.add(place, f"the multiplier is {row.multiplier:g}", "give one from 0 to 1")
            if not (np.isfinite(row.inflation) and row.inflation >= 1):
                problems.add(place, f"the inflation is {row.inflation:g}", "give one of at least 1")
            if not row.reason:
                problems.add(place, "has no reason", "say where the figures are from")
        problems.raise_if_any(ModelError, "A table of discounts does not hold together")

    def of(self, studies: Studies) -> list[Discount]:
        """The row of each study, in their order.

        Raises
        ------
        ModelError
            For studies whose class the table lacks.
        """
        table, problems = {row.design: row for row in self.rows}, Problems()
        for study in studies.rows:
            if study.design not in table:
                rule = f"has the design {study.design!r}, which the table lacks"
                problems.add(f"study {study.id}", rule, f"use one of {', '.join(table) or 'none'}, or add a row")
        problems.raise_if_any(ModelError, "Studies cannot be discounted")
        return [table[study.design] for study in studies.rows]


def discount(studies: Studies, table: Discounts, apply: bool) -> Studies:
    """Studies as they are to be pooled, with a note of what was done.

    Parameters
    ----------
    apply
        The switch. Off, the studies are as published, and their notes say so.

    Raises
    ------
    ModelError
        For studies whose class the table lacks, also with the switch off.
    """
    rows = table.of(studies)
    if not apply:
        return replace(studies, notes=(*studies.notes, "study-quality discounts not applied"))
    discounted = tuple(
        replace(study, estimate=study.estimate * row.multiplier, error=study.error * row.inflation)
        for study, row in zip(studies.rows, rows, strict=True)
    )
    told = [
        f"study-quality discount of {row.design} (studies: {sum(r is row for r in rows)}): "
        f"effect x {row.multiplier:g}, standard error x {row.inflation:g} ({row.reason})"
        for row in table.rows
        if row in rows
    ]
    return replace(studies, rows=discounted, notes=(*studies.notes, *told))


def discount_effect(studies: Studies, table: Discounts) -> xr.Dataset:
    """What the table does to each study, beside what was published.

    Returns
    -------
    Dataset by study: `published` and `discounted`, `published_error` and `discounted_error`, on the
    scale of the measure; `information`, the share of the study's precision that is left, 0 to 1; `weight` and
    `weight_discounted`, shares of a fixed-effect mean.

    Raises
    ------
    ModelError
        For studies whose class the table lacks.
    """
    after = discount(studies, table, apply=True)
    before_precision, after_precision = studies.errors**-2, after.errors**-2
    values = {
        "published": studies.estimates,
        "discounted": after.estimates,
        "published_error": studies.errors,
        "discounted_error": after.errors,
        "information": after_precision / before_precision,
        "weight": before_precision / before_precision.sum(),
        "weight_discounted": after_precision / after_precision.sum(),
    }
    coords = {"study": [row.id for row in studies.rows], "design": ("study", [row.design for row in studies.rows])}
    data = {name: ("study", array) for name, array in values.items()}
    return xr.Dataset(data, coords=coords, attrs=after.attrs | {"scale": named(studies.measure).scale})
