"""What may be reckoned with: one number, a whole number, a list, real numbers of any shape."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from numbers import Real
from typing import TypeGuard

import numpy as np


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is one finite number, and no yes or no."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool) and isfinite(value)


def is_whole(value: object) -> TypeGuard[int]:
    """Whether it is a whole number, and no yes or no."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def listed(values: object) -> list[object] | None:
    """The members of a list of any kind; None for what is none: one value, a text, a mapping."""
    if isinstance(values, str | bytes | Mapping):
        return None
    try:
        return list(values)  # type: ignore[call-overload, no-any-return]
    except TypeError:
        return None


def reals(values: object) -> np.ndarray | None:
    """Real numbers as floats; None for all else: texts, times, complex numbers, rows of unequal length."""
    try:
        array = np.asarray(values)
    except (TypeError, ValueError):
        return None
    if array.dtype.kind in "biuf" or (array.dtype == object and all(isinstance(each, Real) for each in array.flat)):
        return array.astype(float, copy=False)
    return None
