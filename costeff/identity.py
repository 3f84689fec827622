"""Finnish personal identity codes: written forms, search, and made-up codes for tests and training.

A code is `DDMMYY`, the sign of a century, a number of three digits and a check
character. The sign is part of the identity: two living people may differ by it
alone. Numbers from 900 are never given officially, but services give them to
clients of their own, so a search reports them too and marks them artificial.

Nothing here keeps a code that was found: not in a result, not in an error.

References
----------
Digital and Population Data Services Agency, The personal identity code,
https://dvv.fi/en/personal-identity-code
"""

from __future__ import annotations

import html
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    import numpy as np

CENTURIES = {"+": 1800} | dict.fromkeys("-YXWVU", 1900) | dict.fromkeys("ABCDEF", 2000)
CHECKS = "0123456789ABCDEFHJKLMNPRSTUVWXY"
NUMBERS = range(2, 900)
ARTIFICIAL = range(900, 1000)

PATTERN = (
    "(^|[^0-9A-Za-z])(0[1-9]|[12][0-9]|3[01]) ?(0[1-9]|1[0-2]) ?[0-9][0-9] ?[-+A-FU-Ya-fu-y\u2010-\u2015\u2212]"
    " ?[0-9][0-9][0-9] ?[0-9A-FHJ-NPR-Ya-fhj-npr-y]([^0-9A-Za-z]|$)"
)
"""What a database can search text for (RE2 and POSIX): the shape only, no check character."""

_DIGITS = "(0[1-9]|[12][0-9]|3[01]) ?(0[1-9]|1[0-2]) ?[0-9][0-9]"
WHOLE_PATTERN = (
    f"(^[^0-9]{{0,4}}|[^0-9A-Za-z]){_DIGITS}"
    "( ?[-+A-FU-Ya-fu-y] ?[0-9][0-9][0-9] ?[0-9A-FHJ-NPR-Ya-fhj-npr-y]| ?[0-9][0-9][0-9] ?[A-FHJ-NPR-Ya-fhj-npr-y])$"
)
"""The same at the end of a text: also after a prefix of a few letters, and without the sign.

Without a sign the check character has to be a letter, since ten digits may be any number that
was given; of a hundred codes some seventy end in a letter.
"""

LONGEST_WORD = 15
"""Of letters a-z and digits alone, what has more cannot match either: a prefix of four and eleven characters."""


@dataclass(frozen=True)
class Found:
    """Where a code stands in a text, without the code.

    Attributes
    ----------
    start, end : int
        The place in the text as it was given.
    artificial : bool
        Whether the number is from 900, never an official one.
    encoded : bool
        Whether it was written with HTML entities, percent signs, escapes or split by tags.
    """

    start: int
    end: int
    artificial: bool
    encoded: bool = False


def normalised(text: str) -> str:
    """A code in its one written form: NFKC, upper case, no spaces or marks without width, every dash a hyphen."""
    wide = unicodedata.normalize("NFKC", text.translate(_PLAIN)).upper()
    return "".join(c for c in wide if c not in (_NOTHING, _SOFT_HYPHEN) and not c.isspace())


def is_valid(code: str) -> bool:
    """Whether a text is a code in its one written form: a real date, a number from 002 and the check character."""
    match = _EXACT.fullmatch(code)
    return match is not None and _holds("".join(match.groups()))


def is_artificial(code: str) -> bool:
    """Whether a valid code has a number from 900, which is never given officially."""
    return is_valid(code) and int(code[7:10]) in ARTIFICIAL


def check_character(digits: str) -> str:
    """The check character of `DDMMYYNNN`."""
    return CHECKS[int(digits) % len(CHECKS)]


def find(text: str) -> list[Found]:
    """Every valid code in a text, however it is written.

    Found are lower case, full-width and other digits, all dashes, spaces and marks
    without width between the characters, HTML entities, percent-encoding and `\\u`
    escapes (also one within another), and codes split by tags. A code that touches
    another letter or digit is not one: otherwise every long hash would hold some.

    Parameters
    ----------
    text
        Any text; a megabyte of HTML takes about a quarter of a second.

    Returns
    -------
    list of Found
        In the order of the text, each place once.
    """
    found = {(hit.start, hit.end): hit for hit in _search(text)}
    # The places are worked out only when something is there: most texts hold nothing.
    hidden = any(True for plain in _decoded_texts(text) for _ in _search(plain))
    for view in _decoded_views(text) if hidden else ():
        for hit in _search(view.text):
            start, end = view.source(hit.start), view.source(hit.end - 1, last=True)
            found.setdefault((start, end), Found(start, end, hit.artificial, encoded=True))
    return _outermost(found.values())


def artificial(
    n: int,
    rng: np.random.Generator,
    born: tuple[date, date] = (date(1940, 1, 1), date(2019, 12, 31)),
    all_signs: bool = False,
) -> list[str]:
    """Different made-up codes with numbers 900-999, for tests and training only.

    Parameters
    ----------
    n
        How many.
    rng
        Where the randomness comes from.
    born
        First and last date of birth.
    all_signs
        Whether the signs taken into use in 2023 are drawn too, or only `+`, `-` and `A`.

    Raises
    ------
    ValueError
        When there are not so many different ones between the dates.
    """
    days = (born[1] - born[0]).days + 1
    if not 0 <= n <= days * len(ARTIFICIAL):
        raise ValueError(f"there are not {n} different artificial codes between the dates")
    chosen = rng.choice(days * len(ARTIFICIAL), size=n, replace=False).tolist()
    return [_made(born[0] + timedelta(days=i // 100), ARTIFICIAL[i % 100], rng if all_signs else None) for i in chosen]


def _made(day: date, number: int, rng: np.random.Generator | None) -> str:
    century = [sign for sign, first in CENTURIES.items() if first == day.year // 100 * 100]
    sign = century[int(rng.integers(len(century)))] if rng is not None else century[0]
    digits = f"{day:%d%m%y}{number:03d}"
    return f"{digits[:6]}{sign}{digits[6:]}{check_character(digits)}"


# --- one text -----------------------------------------------------------------------------------

_NOTHING, _SOFT_HYPHEN = "\u200b", "\u00ad"
_MORE_DASHES = "\u2212\u02d7\u2043\u30fc\uff70"  # dashes to the eye, not to Unicode


class _Plain(dict[int, str]):
    """One plain character for one written, so that places stay where they are; filled as characters are met."""

    def __missing__(self, point: int) -> str:
        char = chr(point)
        kind, folded = unicodedata.category(char), unicodedata.normalize("NFKC", char)
        plain = char
        if char == _SOFT_HYPHEN:
            plain = _SOFT_HYPHEN
        elif kind == "Pd" or char in _MORE_DASHES or folded in ("-", "\u2010"):
            plain = "-"
        elif kind in ("Cf", "Mn", "Me") or point == 0:  # NUL: UTF-16 read as bytes
            plain = _NOTHING
        elif kind == "Zs":
            plain = " "
        elif kind == "Nd":
            plain = str(unicodedata.digit(char))
        elif len(folded) == 1 and folded.isascii():
            plain = folded
        self[point] = plain
        return plain


_PLAIN = _Plain()
_GAP = f"[ {_NOTHING}{_SOFT_HYPHEN}]{{0,3}}"
_SIGN = f"[-+A-FU-Ya-fu-y{_SOFT_HYPHEN}]"
_CHECK = "[0-9A-FHJ-NPR-Ya-fhj-npr-y]"
_PARTS = ("[0-3]", "[0-9]", "[01]", "[0-9]", "[0-9]", "[0-9]", _SIGN, "[0-9]", "[0-9]", "[0-9]", _CHECK)
# Within a lookahead, so that one candidate does not hide the next. What a pattern can begin with stands first in it:
# then the machine that matches skips to there, several times faster.
_CANDIDATE = re.compile(rf"{_PARTS[0]}(?<![^\W_]{_PARTS[0]})(?={_GAP}({_GAP.join(_PARTS[1:])})(?![^\W_]))")
_EXACT = re.compile(r"([0-3][0-9][01][0-9]{3})([-+A-FU-Y])([0-9]{3})([0-9A-FHJ-NPR-Y])", re.ASCII)
_FILL = str.maketrans("", "", f" {_NOTHING}")


def _search(text: str) -> Iterator[Found]:
    for match in _CANDIDATE.finditer(_plain(text)):
        code = _compact(match[0] + match[1])
        if _holds(code):
            yield Found(match.start(), match.end(1), int(code[7:10]) in ARTIFICIAL)


def _plain(text: str) -> str:
    if text.isascii() and "\0" not in text:
        return text
    for char in set(text):  # a text has few different characters: much quicker than one by one
        if (not char.isascii() or char == "\0") and _PLAIN[ord(char)] != char:
            text = text.replace(char, _PLAIN[ord(char)])
    return text


def _compact(written: str) -> str:
    """The eleven characters of a candidate; a soft hyphen is the sign when there is no other."""
    bare = written.translate(_FILL).upper()
    without = bare.replace(_SOFT_HYPHEN, "")
    return without if len(without) == len(_PARTS) else f"{without[:6]}-{without[6:]}"


def _holds(code: str) -> bool:
    """Whether the date is real, the number in use and the check character right."""
    digits = code[:6] + code[7:10]
    if not digits.isdecimal() or int(digits[6:]) < NUMBERS.start or check_character(digits) != code[10:]:
        return False
    try:
        date(CENTURIES[code[6]] + int(digits[4:6]), int(digits[2:4]), int(digits[:2]))
    except ValueError:
        return False
    return True


# --- encoded text -------------------------------------------------------------------------------

_ENCODED = re.compile(
    r"&(?:\#[0-9]{1,7}|\#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});?"
    r"|%[0-9a-fA-F]{2}(?:%[0-9a-fA-F]{2})*"
    r"|\\\\*(?:u\{[0-9a-fA-F]{1,6}\}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|x[0-9a-fA-F]{2})"
)
_BRACKETS = "<{}[A-Za-z/!?][^<>]{{0,2000}}>"
_TAG = re.compile(_BRACKETS.format("(?<=[^<>]<)") + f"(?:{_BRACKETS.format('')})*")  # those that follow a character
_REACH = 64  # characters, more than a code has with all its gaps
_DEPTH = 4  # an entity within percent signs within an escape


@dataclass(frozen=True)
class _View:
    """A text with parts replaced, and where its characters came from."""

    text: str
    starts: list[int]  # of the pieces, in this text
    sources: list[tuple[int, int, bool]]  # start and end in the text as given, and whether replaced

    def source(self, place: int, last: bool = False) -> int:
        """Where a character came from; with `last`, where what it came from ends."""
        piece = bisect_right(self.starts, place) - 1
        start, end, replaced = self.sources[piece]
        if replaced:
            return end if last else start
        return start + place - self.starts[piece] + last


def _decoded_texts(text: str) -> Iterator[str]:
    for _ in range(_DEPTH):
        if not any(mark in text for mark in "&%\\"):
            break
        following = _ENCODED.sub(lambda match: _decode(match[0]), text)
        if following == text:
            break
        text = following
        yield text
    if "<" in text and (plain := _without_tags(text)) != text:
        yield plain


def _without_tags(text: str) -> str:
    """What stands near tags, without them: only a code that a tag splits is not in the text itself."""
    pieces, end = [], 0
    for tag in _TAG.finditer(text):
        pieces.append(_ends(text[end : tag.start()]))
        end = tag.end()
    return _NOTHING.join([*pieces, _ends(text[end:])]) if pieces else text


def _ends(text: str) -> str:
    """Both ends of a long text; a letter between them, since a code does not touch one."""
    return text if len(text) <= 2 * _REACH else f"{text[:_REACH]}x{text[-_REACH:]}"


def _decoded_views(text: str) -> Iterator[_View]:
    view = _View(text, [0], [(0, len(text), False)])
    for _ in range(_DEPTH):
        if not any(mark in view.text for mark in "&%\\"):
            break
        following = _replaced(view, _ENCODED, _decode)
        if following.text == view.text:
            break
        view = following
        yield view
    if "<" in view.text:
        yield _replaced(view, _TAG, lambda _: _NOTHING)


def _replaced(view: _View, pattern: re.Pattern[str], by: Callable[[str], str]) -> _View:
    pieces: list[str] = []
    starts: list[int] = []
    sources: list[tuple[int, int, bool]] = []
    length = done = 0

    def add(piece: str, start: int, end: int, replaced: bool) -> None:
        nonlocal length
        if piece:
            pieces.append(piece)
            starts.append(length)
            sources.append((start, end, replaced))
            length += len(piece)

    for match in pattern.finditer(view.text):
        _keep(view, done, match.start(), add)
        start, end = view.source(match.start()), view.source(match.end() - 1, last=True)
        add(by(match[0]), start, end, True)
        done = match.end()
    _keep(view, done, len(view.text), add)
    return _View("".join(pieces), starts, sources)


def _keep(view: _View, start: int, end: int, add: Callable[[str, int, int, bool], None]) -> None:
    """Carry over a stretch that is not replaced, piece by piece."""
    while start < end:
        piece = bisect_right(view.starts, start) - 1
        stop = min(end, view.starts[piece + 1] if piece + 1 < len(view.starts) else end)
        source = view.sources[piece]
        if source[2]:
            add(view.text[start:stop], source[0], source[1], True)
        else:
            add(view.text[start:stop], view.source(start), view.source(stop - 1, last=True), False)
        start = stop


def _decode(written: str) -> str:
    if written.startswith("&"):
        return html.unescape(written)
    if written.startswith("%"):
        return unquote(written, errors="replace")
    point = int(written.lstrip("\\")[1:].strip("{}"), 16)
    return chr(point) if point < 0x110000 else written


def _outermost(found: Iterable[Found]) -> list[Found]:
    kept: list[Found] = []
    for hit in sorted(found, key=lambda hit: (hit.start, -hit.end)):
        if not kept or hit.end > kept[-1].end:
            kept.append(hit)
    return kept
