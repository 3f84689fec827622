"""The texts of a PDF, read for a search: strings, metadata, and what letters without a code of their own show.

A PDF shows glyphs by number; which letters they are is told by the font's map to
Unicode. Each text is read by the map of every font of the file, since a search
needs the right reading to be among those made, and a wrong one is nonsense.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

LARGEST = 256 * 2**20  # bytes of one unpacked part: a stream made to swell is refused instead
_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\n?endstream", re.DOTALL)
_LITERAL, _HEXADECIMAL = rb"\((?:[^()\\]++|\\.)*+\)", rb"<[0-9A-Fa-f\s]{2,}>"
_STRINGS = re.compile(_LITERAL + rb"|" + _HEXADECIMAL, re.DOTALL)
# Each way begins with a character of its own, by which the machine that matches skips what cannot match.
_SHOWN = re.compile(
    rb"\[(?:" + _LITERAL + rb"|" + _HEXADECIMAL + rb"|[^\]()<>]++)*+\]\s*TJ"
    rb"|" + _LITERAL + rb"\s*(?:Tj|'|\")|" + _HEXADECIMAL + rb"\s*(?:Tj|'|\")",
    re.DOTALL,
)  # fmt: skip
_TEXT_OBJECT = re.compile(rb"B(?<=\bB)T\b(.*?)\bET\b", re.DOTALL)
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|\r\n|.)", re.DOTALL)
_OCTAL = {f"{number:0{width}o}".encode(): bytes([number]) for width in (1, 2, 3) for number in range(256)}
_CONTROL = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f", b"\n": b"", b"\r\n": b""}
_ESCAPED = _OCTAL | _CONTROL
_BLOCK = re.compile(rb"begin(bfchar|bfrange)(.*?)endbf", re.DOTALL)
_HEX = rb"<\s*([0-9A-Fa-f\s]+)>"
_CHARACTER = re.compile(_HEX + rb"\s*" + _HEX)
_RANGE = re.compile(_HEX + rb"\s*" + _HEX + rb"\s*(?:" + _HEX + rb"|\[([^\]]*)\])")
_WIDEST_RANGE = 0x10000
_BY_NUMBER, _TO_UNICODE = re.compile(rb"/Identity-[HV]\b"), re.compile(rb"/ToUnicode\b")


class UnreadError(Exception):
    """What the file shows cannot be read."""


class _Known(dict[int, str]):
    """What has no letter shows nothing."""

    def __missing__(self, number: int) -> str:
        return ""


@dataclass(frozen=True)
class Letters:
    """The letters of a font: number of a glyph -> text; `width` is the bytes of a number."""

    width: int
    of: _Known

    def read(self, shown: bytes) -> str:
        numbers = shown.decode("utf-16-be" if self.width == 2 else "latin-1", errors="replace")
        return numbers.translate(self.of)


def parts(data: bytes) -> list[bytes]:
    """What a file holds outside its streams, then what each stream holds, unpacked.

    Raises
    ------
    UnreadError
        When the file is locked, a stream unpacks to more than may be, or glyphs are of no known letter.
    zlib.error
        When a stream cannot be unpacked.
    """
    streams = list(_STREAM.finditer(data))
    ends = [0, *(match.end() for match in streams)]
    starts = [*(match.start() for match in streams), len(data)]
    outside = b"".join(data[end:start] for end, start in zip(ends, starts, strict=True))
    found = [outside, *(_unpacked(match[1]) for match in streams)]
    if any(re.search(rb"/Encrypt\b", part) for part in found[:1]):
        raise UnreadError
    if sum(len(_BY_NUMBER.findall(part)) for part in found) > sum(len(_TO_UNICODE.findall(part)) for part in found):
        raise UnreadError
    return found


def _unpacked(stream: bytes) -> bytes:
    if stream[:1] != b"\x78":
        return stream
    unpacker = zlib.decompressobj()
    found = unpacker.decompress(stream, LARGEST)
    if unpacker.unconsumed_tail:
        raise UnreadError
    return found


def letters(streams: Iterable[bytes]) -> list[Letters]:
    """The maps to Unicode among the streams."""
    return [Letters(*_map(stream)) for stream in streams if b"begincmap" in stream]


def _map(stream: bytes) -> tuple[int, _Known]:
    width, of = 2, _Known()
    for kind, block in _BLOCK.findall(stream):
        if kind == b"bfchar":
            for code, text in _CHARACTER.findall(block):
                width = len(_bytes(code))
                of[int(code, 16)] = _utf16(text)
            continue
        for first, last, text, listed in _RANGE.findall(block):
            width, start, end = len(_bytes(first)), int(first, 16), int(last, 16)
            if end - start >= _WIDEST_RANGE:
                raise UnreadError
            texts = [_utf16(one) for one in re.findall(_HEX, listed)] if listed else _following(text, end - start + 1)
            of.update(zip(range(start, end + 1), texts, strict=False))
    return width, of


def _following(text: bytes, count: int) -> list[str]:
    head, last = _utf16(text)[:-1], ord(_utf16(text)[-1:] or "\0")
    return [head + chr(min(last + at, 0x10FFFF)) for at in range(count)]


def texts(part: bytes, fonts: Sequence[Letters] = ()) -> Iterator[str]:
    """The strings of a part as they are, then what it shows by each font; joined, since a line is set in pieces."""
    as_bytes = cache(_bytes_of)
    yield _joined_and_apart([_text(as_bytes(string)) for string in _STRINGS.findall(part)])
    objects = b"\n".join(_TEXT_OBJECT.findall(part)) if fonts else b""
    lines = [b"".join(map(as_bytes, _STRINGS.findall(line))) for line in _SHOWN.findall(objects)]
    for font in fonts:
        yield _joined_and_apart([font.read(line) for line in lines])


def _joined_and_apart(pieces: Sequence[str]) -> str:
    """Joined, a code that is broken at its hyphen is whole; apart, no other letter touches one."""
    return "".join(pieces) + "\n" + "\n".join(pieces)


def _bytes_of(string: bytes) -> bytes:
    if string[:1] == b"<":
        return _bytes(string[1:-1])
    if b"\\" not in string:
        return string[1:-1]
    pieces = _ESCAPE.split(string[1:-1])  # every second one was escaped
    pieces[1::2] = [_ESCAPED.get(piece, piece) for piece in pieces[1::2]]
    return b"".join(pieces)


def _bytes(hexadecimal: bytes) -> bytes:
    digits = b"".join(hexadecimal.split()).decode()
    return bytes.fromhex(digits + "0" * (len(digits) % 2))


def _utf16(hexadecimal: bytes) -> str:
    return _bytes(hexadecimal).decode("utf-16-be", errors="replace")


def _text(string: bytes) -> str:
    if string.startswith(b"\xfe\xff"):
        return string[2:].decode("utf-16-be", errors="replace")
    return string.decode("utf-8" if string.startswith(b"\xef\xbb\xbf") else "latin-1", errors="replace")
