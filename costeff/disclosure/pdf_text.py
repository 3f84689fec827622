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

LARGEST = 256 * 2**20  # bytes of one unpacked part: a stream made to swell is refused instead
_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\n?endstream", re.DOTALL)
_STRING = rb"\((?:[^()\\]|\\.)*\)|<[0-9A-Fa-f\s]{2,}>"
_STRINGS = re.compile(_STRING, re.DOTALL)
_SHOWN = re.compile(rb"\[((?:" + _STRING + rb"|[^\]()<>])*)\]\s*TJ|(" + _STRING + rb")\s*(?:Tj|'|\")", re.DOTALL)
_TEXT_OBJECT = re.compile(rb"\bBT\b(.*?)\bET\b", re.DOTALL)
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


@dataclass(frozen=True)
class Letters:
    """The letters of a font: number of a glyph -> text; `width` is the bytes of a number."""

    width: int
    of: dict[int, str]

    def read(self, shown: bytes) -> str:
        numbers = shown.decode("utf-16-be" if self.width == 2 else "latin-1", errors="replace")
        return numbers.translate(_Known(self.of))


class _Known(dict[int, str]):
    """What has no letter shows nothing."""

    def __missing__(self, number: int) -> str:
        return ""


def parts(data: bytes) -> list[bytes]:
    """What a file holds outside its streams, then what each stream holds, unpacked.

    Raises
    ------
    UnreadError
        When the file is locked, a stream unpacks to more than may be, or glyphs are of no known letter.
    zlib.error
        When a stream cannot be unpacked.
    """
    found = [_STREAM.sub(b"", data), *(_unpacked(match[1]) for match in _STREAM.finditer(data))]
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


def _map(stream: bytes) -> tuple[int, dict[int, str]]:
    width, of = 2, {}
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


def strings(part: bytes) -> str:
    """The strings of a part, joined, since a line is set in pieces, and apart."""
    pieces = [_text(_bytes_of(match)) for match in _STRINGS.findall(part)]
    return "".join(pieces) + "\n" + "\n".join(pieces)


def shown(part: bytes, fonts: Sequence[Letters]) -> Iterator[str]:
    """What a part shows, by each font: its lines joined, since a code may be broken at its hyphen, and apart."""
    objects = b"\n".join(_TEXT_OBJECT.findall(part)) if fonts else b""
    lines = [b"".join(map(_bytes_of, _STRINGS.findall(many or one))) for many, one in _SHOWN.findall(objects)]
    for font in fonts:
        read = [font.read(line) for line in lines]
        yield "".join(read) + "\n" + "\n".join(read)


def _bytes_of(string: bytes) -> bytes:
    if string[:1] == b"<":
        return _bytes(string[1:-1])
    if b"\\" not in string:
        return string[1:-1]
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), string[1:-1])


def _bytes(hexadecimal: bytes) -> bytes:
    digits = b"".join(hexadecimal.split()).decode()
    return bytes.fromhex(digits + "0" * (len(digits) % 2))


def _utf16(hexadecimal: bytes) -> str:
    return _bytes(hexadecimal).decode("utf-16-be", errors="replace")


def _text(string: bytes) -> str:
    if string.startswith(b"\xfe\xff"):
        return string[2:].decode("utf-16-be", errors="replace")
    return string.decode("utf-8" if string.startswith(b"\xef\xbb\xbf") else "latin-1", errors="replace")
