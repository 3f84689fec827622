"""Identity codes in files that were made: in text, attributes, metadata, drawings, archives and names.

A file is judged by its first bytes and not by its ending, and what it holds is
opened until nothing is packed any more. What cannot be opened cannot be released.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from costeff import identity
from costeff.disclosure import pdf_text

DEPTH = 4  # a drawing in a page in an archive in an archive
LARGEST = 256 * 2**20  # of one unpacked part: an archive made to swell is refused instead
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4}(?:\\n|\s)?){16,}(?:[A-Za-z0-9+/]{2,3}={0,2})?")
# What is packed in a way that is not opened here: bzip2, xz, zstd, lz4, 7z, RAR, CAB, compress, old Office files,
# Parquet, Arrow, SQLite.
_CLOSED = (
    b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"MSCF\x00",
    b"\x1f\x9d\x90", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"PAR1", b"ARROW1", b"SQLite format 3\x00",
)  # fmt: skip
_CLOSED_BZIP, _CLOSED_DUCKDB = re.compile(rb"BZh[1-9](?:1AY&SY|\x17\x72\x45\x38)"), slice(8, 12)
_ZIP_END, _ZIP_TAIL = b"PK\x05\x06", 22 + 65_535  # the end of an archive, and how far from the end of a file it may be
_WRAPPED = re.compile(r' *(?:\\[nrt](?:",\s*")?|[\r\n\t])[ \r\n\t]*')  # a line that ends, also one of a JSON list
_QUOTED = re.compile(r"=(?:\r?\n|([0-9A-Fa-f]{2}))")
_PACKED = (b"\x89PNG", b"\xff\xd8\xff", b"%PDF", b"PK\x03\x04", b"\x1f\x8b", b"\x89HDF")


@dataclass(frozen=True, order=True)
class Hit:
    """A file that holds an identity code, and in which kind of place; never the code.

    Attributes
    ----------
    file : str
        Its path within the folder; the folder alone where the name itself holds the code.
    kind : str
        file name, text, drawing, metadata, archive, data; unread where it could not be opened.
    artificial : bool
        Whether every code found there is one that is never given officially.
    """

    file: str
    kind: str
    artificial: bool = False


def scan(path: Path) -> list[Hit]:
    """Every place in a file, or in all files of a folder, that holds an identity code.

    Returns
    -------
    list of Hit
        Sorted; a file once for each kind of place.
    """
    if not path.is_dir():
        return scan_file(path, path.name)
    files = sorted(one for one in path.rglob("*") if one.is_file() or one.is_symlink())
    return sorted({hit for one in files for hit in scan_file(one, one.relative_to(path).as_posix())})


def scan_file(path: Path, name: str) -> list[Hit]:
    """As `scan`, of one file under the name it will have."""
    if found := identity.find(name):
        return [Hit(Path(name).suffix or "a file", "file name", all(one.artificial for one in found))]
    try:
        data = path.read_bytes()
    except OSError:
        return [Hit(name, "unread")]
    return sorted({Hit(name, kind, artificial) for kind, artificial in scan_bytes(data)})


def scan_bytes(data: bytes) -> set[tuple[str, bool]]:
    """Kind of place, and whether all its codes are artificial, of what a file holds."""
    hits: dict[str, bool] = {}
    try:
        for kind, text in _texts(data, "text", 0):
            if found := identity.find(text):
                hits[kind] = hits.get(kind, True) and all(one.artificial for one in found)
    except (_UnreadError, zlib.error, zipfile.BadZipFile, EOFError, RuntimeError, OSError, ValueError):
        hits["unread"] = False
    return set(hits.items())


class _UnreadError(Exception):
    """What is packed cannot be opened."""


def _texts(data: bytes, kind: str, depth: int) -> Iterator[tuple[str, str]]:
    """The texts in what a file holds, each with its kind of place."""
    if depth > DEPTH or len(data) > LARGEST or _is_closed(data):
        raise _UnreadError
    if not data.startswith(b"PK\x03\x04") and _ZIP_END in data[-_ZIP_TAIL:]:  # something stands before an archive
        yield from _archive(data, depth)
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        yield from _png(data, depth)
    elif data.startswith(b"\xff\xd8\xff"):
        yield from _jpeg(data, depth)
    elif data.startswith(b"%PDF"):
        yield from _pdf(data, depth)
    elif data.startswith(b"PK\x03\x04"):
        yield from _archive(data, depth)
    elif data.startswith(b"\x1f\x8b"):
        with gzip.open(io.BytesIO(data)) as packed:
            yield from _texts(packed.read(LARGEST + 1), "archive", depth + 1)
    elif data.startswith((b"\x89HDF", b"CDF")):
        yield from _netcdf(data)
    elif data.startswith((b"\x78\x01", b"\x78\x9c", b"\x78\xda")):
        yield from _texts(_inflated(data), "archive", depth + 1)
    else:
        yield from _text(_decoded(data), kind, depth)


def _is_closed(data: bytes) -> bool:
    return data.startswith(_CLOSED) or bool(_CLOSED_BZIP.match(data)) or data[_CLOSED_DUCKDB] == b"DUCK"


def _decoded(data: bytes) -> str:
    """Text in the encoding its first bytes tell; Western European where it is not UTF-8."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _text(text: str, kind: str, depth: int) -> Iterator[tuple[str, str]]:
    """A text, and what is packed into it: drawings in pages and in notebooks."""
    packed: list[bytes] = []

    def take(match: re.Match[str]) -> str:
        raw = re.sub(r"\\n|\s", "", match[0])
        try:
            data = base64.b64decode(raw + "=" * (-len(raw) % 4), validate=True)
        except binascii.Error:
            return match[0]
        if not data.startswith((*_PACKED, *_CLOSED)) and not _readable(data):
            return match[0]
        packed.append(data)
        return " "

    plain = _BASE64.sub(take, text)
    yield kind, _WRAPPED.sub(" ", plain)
    if _QUOTED.search(plain):  # as in letters
        yield (
            kind,
            _WRAPPED.sub(" ", _QUOTED.sub(lambda match: chr(int(match[1] or "20", 16)) if match[1] else "", plain)),
        )
    for data in packed:
        yield from _texts(data, "drawing", depth + 1)


def _readable(data: bytes) -> bool:
    """Whether bytes are text, as an SVG is."""
    try:
        data[:2000].decode()
    except UnicodeDecodeError as error:
        return error.start > len(data[:2000]) - 4  # a character cut in two
    return True


def _png(data: bytes, depth: int) -> Iterator[tuple[str, str]]:
    place = 8
    while place + 8 <= len(data):
        size, name = int.from_bytes(data[place : place + 4]), data[place + 4 : place + 8]
        chunk, place = data[place + 8 : place + 8 + size], place + 12 + size
        if name == b"zTXt":
            key, _, packed = chunk.partition(b"\0")
            yield "metadata", _decoded(key + b" " + _inflated(packed[1:]))
        elif name == b"iTXt":
            key, _, rest = chunk.partition(b"\0")
            text = rest[2:].split(b"\0", 2)[-1] if rest[:1] == b"\0" else _inflated(rest[2:].split(b"\0", 2)[-1])
            yield "metadata", _decoded(key + b" " + text)
        elif name not in (b"IDAT", b"PLTE"):
            yield "metadata", _decoded(chunk)
    if (after := data.find(b"IEND")) >= 0 and len(data) > after + 8:  # what was hung on behind the picture
        yield from _texts(data[after + 8 :], "metadata", depth + 1)


def _jpeg(data: bytes, depth: int) -> Iterator[tuple[str, str]]:
    """All of it as it is, Exif and comments included, and what was hung on behind the picture."""
    yield "metadata", data.decode("latin-1")
    scan_starts = data.find(b"\xff\xda")
    end = data.find(b"\xff\xd9", scan_starts) if scan_starts >= 0 else -1
    if end >= 0 and (after := data[end + 2 :].lstrip(b"\0\r\n ")):
        yield from _texts(after, "metadata", depth + 1)


def _pdf(data: bytes, depth: int) -> Iterator[tuple[str, str]]:
    try:
        outside, *streams = pdf_text.parts(data)
        fonts = pdf_text.letters(streams)
    except pdf_text.UnreadError as error:
        raise _UnreadError from error
    yield from (("metadata", text) for text in pdf_text.texts(outside))
    yield "metadata", outside.decode("latin-1")
    for content in streams:
        if content.startswith(_PACKED):
            yield from _texts(content, "drawing", depth + 1)
            continue
        yield "metadata", content.decode("latin-1")
        yield from (("text", text) for text in pdf_text.texts(content, fonts))


def _inflated(packed: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    found = unpacker.decompress(packed, LARGEST)
    if unpacker.unconsumed_tail:
        raise _UnreadError
    return found


def _archive(data: bytes, depth: int) -> Iterator[tuple[str, str]]:
    """Names, comments and contents of a ZIP, such as a spreadsheet."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        yield "archive", _decoded(archive.comment)
        for member in archive.infolist():
            yield "archive", f"{member.filename}\n{_decoded(member.comment)}"
            if member.file_size > LARGEST:
                raise _UnreadError
            yield from _texts(archive.read(member), "archive", depth + 1)


def _netcdf(data: bytes) -> Iterator[tuple[str, str]]:
    """Names, attributes and texts of a NetCDF file and its groups."""
    import netCDF4

    with netCDF4.Dataset("in memory", memory=data) as file:
        file.set_auto_maskandscale(False)
        file.set_auto_chartostring(False)
        yield from _group(file)


def _group(group: Any) -> Iterator[tuple[str, str]]:
    for owner in (group, *group.variables.values()):
        named = {name: owner.getncattr(name) for name in owner.ncattrs()}
        yield "data", "\n".join([str(owner.name), *(f"{name}\n{_told(value)}" for name, value in named.items())])
    yield "data", "\n".join(group.dimensions)
    for variable in group.variables.values():
        if variable.dtype is not str and not isinstance(variable.datatype, np.dtype):
            raise _UnreadError  # of a type that the file declares itself
        if variable.dtype is str or variable.dtype.kind in "SUO" or variable.dtype.itemsize == 1:
            yield "data", _told(np.asarray(variable[...]))
    for inner in group.groups.values():
        yield from _group(inner)


def _told(value: Any) -> str:
    """Values as text; single characters and bytes as the lines that they make together."""
    if not isinstance(value, np.ndarray) or value.dtype.itemsize != 1:
        return "\n".join(map(str, np.ravel(value).tolist()))
    width = value.shape[-1] if value.shape else 1
    lines = value.tobytes()
    return "\n".join(lines[at : at + width].decode("latin-1") for at in range(0, len(lines), max(width, 1)))
