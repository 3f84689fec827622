"""Disclosure control of what is published. Cells inside the suite stay exact; pages do not."""

from __future__ import annotations

THRESHOLD = 10
BASE = 5


def protect_count(n: int, threshold: int = THRESHOLD, base: int = BASE) -> int | None:
    """A count of people as it may be published: small ones suppressed, the others rounded.

    Suppressing cells beside true totals hides nothing, because the cell is the
    difference; so every count on a page goes through here, totals too, and a
    total is not the sum of its published parts. Rounding is to the nearest
    multiple of `base`, halves upwards, and always gives the same answer for the
    same count, so that publishing twice tells nothing more than publishing once.

    Parameters
    ----------
    n
        Number of people, not negative.
    threshold
        The smallest count that is shown. It must be a multiple of `base`:
        otherwise a rounded count could fall below it and narrow down the true one.
    base
        What shown counts are multiples of.

    Returns
    -------
    int or None
        None means suppressed, and zero is suppressed too: a true zero tells that
        no client of a group had the event. It does not mean that nothing was counted.

    Raises
    ------
    ValueError
        When `n` is negative, or `threshold` and `base` do not fit together.
    """
    if base < 1 or threshold < 1 or threshold % base:
        raise ValueError("the threshold must be a positive multiple of the base")
    if n < 0:
        raise ValueError("a count of people cannot be negative")
    return None if n < threshold else int((2 * n + base) // (2 * base) * base)
