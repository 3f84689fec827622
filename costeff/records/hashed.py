"""Unsalted hashes of identity codes, found among the pseudonyms of a register.

There are about a thousand identity codes for each day of birth, so a hash without
a key is turned back into the code by trying them all. It is no pseudonym.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from costeff.errors import Problems
from costeff.identity import check_character

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd

# Bytes of a hash, and what gives as many; a hash cut short is looked for too.
ALGORITHMS: Mapping[int, tuple[str, ...]] = {
    16: ("md5", "sha256"),
    20: ("sha1", "sha256"),
    28: ("sha224",),
    32: ("sha256",),
    48: ("sha384",),
    64: ("sha512",),
}
_HEX = "|".join(f"[0-9a-f]{{{2 * size}}}|[0-9A-F]{{{2 * size}}}" for size in ALGORITHMS)
_BASE64 = "|".join(
    f"[0-9A-Za-z+/_-]{{{math.ceil(8 * size / 6)}}}({'=' * (-size % 3)})?"
    if size % 3
    else f"[0-9A-Za-z+/_-]{{{size * 4 // 3}}}"
    for size in ALGORITHMS
)
SHAPE = f"^({_HEX}|{_BASE64})$"

LENGTHS = sorted({n for s in ALGORITHMS for n in (2 * s, math.ceil(8 * s / 6), math.ceil(s / 3) * 4)})

FIRST_BIRTH, LAST_BIRTH = date(1930, 1, 1), date(2025, 12, 31)
DAYS = (LAST_BIRTH - FIRST_BIRTH).days + 1
NUMBERS = range(2, 1000)
AGE_SPAN = 3652  # clients of one service are taken to be born within ten years: fewer different days, so cautious
SAMPLE = 900
WANTED = 0.99
SECONDS = 5.0


@dataclass(frozen=True)
class HashSearch:
    """What a search for unsalted hashes found.

    Attributes
    ----------
    shaped : int
        Pseudonyms looked at that have the length and letters of a hash, at most 900.
    found : int
        How many of them are an unsalted hash of an identity code: at least so many are.
    days : int
        Days of birth whose codes were tried.
    probability : float
        With which at least one would have been found, had all been unsalted hashes.
    """

    shaped: int
    found: int = 0
    days: int = 0
    probability: float = 0.0

    @property
    def remark(self) -> str:
        """What remains to be said when the shape is a hash's and none was found; empty when there is nothing."""
        if not self.shaped or self.found:
            return ""
        return (
            "clients.client: the pseudonyms look like hashes. No unsalted hash of an identity code was found among "
            f"them (a search of {self.days} days of birth, which would have found one with a probability of "
            f"{min(math.floor(100 * self.probability), 99)} %). Make sure that they were made with a secret key."
        )


def looks_hashed(
    clients: ir.Table, run: Callable[[Any], pd.DataFrame], seconds: float | None = SECONDS, wanted: float = WANTED
) -> HashSearch:
    """Search the pseudonyms of a register for unsalted hashes of identity codes.

    First by shape, in the database. Where there is one, codes of random days of birth
    are hashed, as written, in lower case, without the sign and with a newline, by
    the algorithms that give as many bytes, until a match, the wanted probability of
    finding one, or the end of the time.

    Parameters
    ----------
    clients
        Rows with the column client.
    run
        Runs an expression where the rows lie. At most 900 pseudonyms of the shape cross.
    seconds
        The longest time; None for as long as it takes.
    wanted
        Probability of finding one, when all are unsalted hashes; 1 tries every day.

    Returns
    -------
    HashSearch
    """
    long = clients.filter(clients.client.length().isin(LENGTHS))  # most registers have none: the shape costs more
    shaped = long.filter(long.client.re_search(SHAPE)).select("client").distinct()
    texts = [str(text) for text in run(shaped.order_by("client").limit(SAMPLE))["client"]]
    wanted_digests: dict[int, set[bytes]] = {}
    for digest in filter(None, map(_digest, texts)):
        wanted_digests.setdefault(len(digest), set()).add(digest)
    return _search(wanted_digests, len(texts), seconds, wanted) if wanted_digests else HashSearch(0)


def tell_hashed(search: HashSearch, problems: Problems) -> None:
    """Add the problem of unsalted hashes, when some were found."""
    if search.found:
        problems.add(
            "clients.client",
            f"is an unsalted hash of a personal identity code, in at least {search.found} of {search.shaped} looked at",
            "make pseudonyms with a secret key: costeff link pseudonymise; "
            "without one every code is found again within minutes",
        )


def _digest(text: str) -> bytes | None:
    """The bytes of a hash written in hexadecimal or base64."""
    if len(text) in {2 * size for size in ALGORITHMS} and re.fullmatch("[0-9a-f]+|[0-9A-F]+", text):
        return bytes.fromhex(text)
    plain = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        found = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return found if len(found) in ALGORITHMS else None


def _search(targets: Mapping[int, set[bytes]], shaped: int, seconds: float | None, wanted: float) -> HashSearch:
    start, found, tried = time.monotonic(), set[bytes](), 0
    makers = [(getattr(hashlib, name), size, targets[size]) for size in sorted(targets) for name in ALGORITHMS[size]]
    for day in random.SystemRandom().sample(range(DAYS), DAYS):
        for text in _forms(FIRST_BIRTH + timedelta(days=day)):
            for make, size, among in makers:
                digest = make(text).digest()[:size]
                if digest in among:
                    found.add(digest)
        tried += 1
        late = seconds is not None and time.monotonic() - start > seconds
        if found or late or (wanted < 1 and _probability(tried, shaped) >= wanted):
            break
    return HashSearch(shaped, len(found), tried, _probability(tried, shaped))


def _probability(tried: int, clients: int) -> float:
    """That a client was born on a day tried; days are drawn at random, so only how many differ matters."""
    born = AGE_SPAN * -math.expm1(-clients / AGE_SPAN)
    return 1.0 if tried == DAYS else 1 - (1 - tried / DAYS) ** born


def _forms(day: date) -> Iterator[bytes]:
    born, sign = f"{day:%d%m%y}", "-" if day.year < 2000 else "A"
    for number in NUMBERS:
        digits = f"{number:03d}"
        last = digits + check_character(born + digits)
        written = f"{born}{sign}{last}"
        yield written.encode()
        if written != (lower := written.lower()):
            yield lower.encode()
        yield f"{born}{last}".encode()
        yield f"{written}\n".encode()
