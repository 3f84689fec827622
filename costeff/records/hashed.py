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
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from costeff.errors import Problems
from costeff.identity import check_character

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd

# By bytes of a hash as it is written. One cut short may be of any algorithm that gives more: the usual ones are tried.
ALGORITHMS: Mapping[int, tuple[str, ...]] = {
    16: ("md5", "sha256"),
    20: ("sha1", "sha256"),
    28: ("sha224", "sha256"),
    32: ("sha256", "sha3_256", "blake2b_256"),
    48: ("sha384", "sha512"),
    64: ("sha512", "blake2b"),
}
CUT_SHORT = ("sha256", "md5", "sha1", "sha512")
MAKERS: Mapping[str, Callable[[bytes], Any]] = {
    **{name: getattr(hashlib, name) for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")},
    "sha3_256": hashlib.sha3_256,
    "blake2b": hashlib.blake2b,
    "blake2b_256": partial(hashlib.blake2b, digest_size=32),
}
PSEUDONYM = "k[0-9a-f]{32}"  # as `pseudonymise` writes them
SHORTEST = 16  # hexadecimal digits: fewer hash too few bits to name a client
HEXADECIMAL = f"([0-9a-fA-F]-?){{{SHORTEST}}}"
# Base64 and base32, with and without what fills up their last block: few lengths are those of a hash.
LETTERS = "^[0-9A-Za-z+/_-]+=*$"
LENGTHS = sorted(
    {n for size in ALGORITHMS for n in range(math.ceil(8 * size / 6), 4 * math.ceil(size / 3) + 1)}
    | {n for size in ALGORITHMS for n in range(math.ceil(8 * size / 5), 8 * math.ceil(size / 5) + 1)}
)
RANDOM = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-4[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$"  # a UUID says so

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
        With which at least one would have been found, had all been unsalted hashes by one of the algorithms.
    algorithms : tuple of str
        What was tried.
    """

    shaped: int
    found: int = 0
    days: int = 0
    probability: float = 0.0
    algorithms: tuple[str, ...] = ()

    @property
    def remark(self) -> str:
        """What remains to be said when the shape is a hash's and none was found; empty when there is nothing."""
        if not self.shaped or self.found:
            return ""
        return (
            "clients.client: the pseudonyms look like hashes. No unsalted hash of an identity code was found among "
            f"them: {', '.join(self.algorithms)} were tried, on {self.days} days of birth. Had all been hashes of one "
            f"of these, one would have been found with a probability of {min(math.floor(100 * self.probability), 99)} "
            "%; of other ways to hash nothing is known. Make sure that they were made with a secret key."
        )


def looks_hashed(
    clients: ir.Table, run: Callable[[Any], pd.DataFrame], seconds: float | None = SECONDS, wanted: float = WANTED
) -> HashSearch:
    """Search the pseudonyms of a register for unsalted hashes of identity codes.

    First by shape, in the database: hexadecimal, base64 or base32; hexadecimal also after a
    prefix, with dashes, or cut to no fewer than 16 digits. Where there is one, codes of random
    days of birth are hashed, as written, in lower case, without the sign and with a newline, by
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
    import ibis

    text = clients.client
    shaped = ibis.cases(  # what costs least first: most registers have no such length
        (text.length() < SHORTEST, False),
        (text.re_search(RANDOM), False),
        (text.re_search(HEXADECIMAL), True),
        (text.length().isin(LENGTHS), text.re_search(LETTERS)),
        else_=False,
    )
    found = run(clients.filter(shaped).select("client").order_by("client").limit(SAMPLE))["client"]
    texts = [str(text) for text in found.unique()]
    written = [digests for digests in map(_digests, texts) if digests]
    targets: dict[str, set[bytes]] = {}
    for digest in set().union(*written):
        for name in ALGORITHMS.get(len(digest), CUT_SHORT):
            targets.setdefault(name, set()).add(digest)
    return _search(targets, len(written), seconds, wanted) if targets else HashSearch(0)


def not_ours(clients: ir.Table) -> ir.Table:
    """The clients whose pseudonym has another form than those made here; the length is told more cheaply by itself."""
    return clients.filter(~((clients.client.length() == 33) & clients.client.re_search("^k[0-9a-f]+$")))


def tell_hashed(search: HashSearch, problems: Problems) -> None:
    """Add the problem of unsalted hashes, when some were found."""
    if search.found:
        problems.add(
            "clients.client",
            f"is an unsalted hash of a personal identity code, in at least {search.found} of {search.shaped} looked at",
            "make pseudonyms with a secret key: costeff link pseudonymise; "
            "without one every code is found again within minutes",
        )


def _digests(text: str) -> set[bytes]:
    """What bytes a text may be, if it is a hash: of hexadecimal digits the last run, and its end of a usual length."""
    runs = re.findall(f"[0-9a-fA-F]{{{SHORTEST},}}", text.replace("-", ""))
    if runs and not runs[-1].isdecimal():  # only digits: a number that was given, not a hash
        run = runs[-1]  # which a prefix of the letters a-f has made longer
        usual = [2 * size for size in ALGORITHMS if 2 * size <= len(run)]
        ends = {run[: len(run) // 2 * 2], *(run[-n:] for n in usual[-1:])}
        return {bytes.fromhex(end) for end in ends}
    found, plain = set[bytes](), text.rstrip("=")
    for decode, block, letters in (
        (partial(base64.b64decode, validate=True), 4, plain.replace("-", "+").replace("_", "/")),
        (base64.b32decode, 8, plain.upper()),
    ):
        with suppress(binascii.Error, ValueError):
            found.add(decode(letters + "=" * (-len(letters) % block)))
    return {digest for digest in found if len(digest) in ALGORITHMS}


def _search(targets: Mapping[str, set[bytes]], shaped: int, seconds: float | None, wanted: float) -> HashSearch:
    start, found, tried = time.monotonic(), set[bytes](), 0
    makers = [(MAKERS[name], sorted({*map(len, among)}), among) for name, among in targets.items()]
    for day in random.SystemRandom().sample(range(DAYS), DAYS):
        for text in _forms(FIRST_BIRTH + timedelta(days=day)):
            for make, sizes, among in makers:
                digest = make(text).digest()
                found.update(digest[:size] for size in sizes if digest[:size] in among)
        tried += 1
        late = seconds is not None and time.monotonic() - start > seconds
        if found or late or (wanted < 1 and _probability(tried, shaped) >= wanted):
            break
    return HashSearch(shaped, len(found), tried, _probability(tried, shaped), tuple(targets))


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
