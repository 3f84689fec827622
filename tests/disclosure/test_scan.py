"""An identity code is found wherever a file can hold it, and never told."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import time
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from openpyxl import Workbook
from PIL import Image, PngImagePlugin

from costeff.disclosure.scan import Hit, scan
from costeff.identity import artificial

CODE = artificial(1, np.random.default_rng(5))[0]
OFFICIAL = "131052-308T"  # the example of the authority: its number is one that is given


def png(**text: str) -> bytes:
    told, buffer = PngImagePlugin.PngInfo(), io.BytesIO()
    for key, value in text.items():
        told.add_text(key, value, zip=key == "Packed")
    Image.new("RGB", (4, 4)).save(buffer, "png", pnginfo=told)
    return buffer.getvalue()


def jpeg(code: str) -> bytes:
    image, buffer = Image.new("RGB", (4, 4)), io.BytesIO()
    exif = image.getexif()
    exif[0x010E] = f"Client {code}"
    image.save(buffer, "jpeg", exif=exif)
    return buffer.getvalue()


def pdf(content: bytes, title: bytes = b"A page", *, packed: bool = True) -> bytes:
    stream = zlib.compress(content) if packed else content
    return (b"%PDF-1.4\n1 0 obj<</Title(" + title + b")>>endobj\n2 0 obj<</Length %d>>stream\n" % len(stream)
            + stream + b"\nendstream endobj\ntrailer<</Info 1 0 R>>\n%%EOF\n")  # fmt: skip


def workbook(code: str) -> bytes:
    book, buffer = Workbook(), io.BytesIO()
    book.active["B7"] = code
    book.save(buffer)
    return buffer.getvalue()


def archive(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return buffer.getvalue()


def netcdf(**more: object) -> bytes:
    return bytes(xr.Dataset({"x": ("client", [1.0])}, **more).to_netcdf(None, engine="netcdf4"))


def places(code: str) -> dict[str, tuple[bytes, str]]:
    """A file of every kind with a code in it, and the kind of place where it stands."""
    svg = f'<svg xmlns="http://www.w3.org/2000/svg"><title>{code}</title></svg>'.encode()
    return {
        "text.html": (f"<p>{code}</p>".encode(), "text"),
        "attribute.html": (f'<img alt="{code}" src="data:,">'.encode(), "text"),
        "entities.html": ("".join(f"&#{ord(c)};" for c in code).encode(), "text"),
        "split.html": (f"<p>{code[:6]}<b>{code[6:]}</b></p>".encode(), "text"),
        "drawing.html": (b'<img src="data:image/svg+xml;base64,' + base64.b64encode(svg) + b'">', "drawing"),
        "table.csv": (f"a;b\n1;{code.lower()}\n".encode("cp1252"), "text"),
        "wide.csv": (f"a;b\n1;{code}\n".encode("utf-16"), "text"),
        "told.json": (json.dumps({"x": code.replace("-", "\u2013")}).encode(), "text"),
        "said.yaml": (f"client: {code}\n".encode(), "text"),
        "run.log": (f"KeyError: {code!r}\n".encode(), "text"),
        "drawing.ipynb": (json.dumps({"image/png": base64.encodebytes(png(Note=code)).decode()}).encode(), "metadata"),
        "chunk.png": (png(Comment=code), "metadata"),
        "packed.png": (png(Packed=f"{code} " * 20), "metadata"),
        "behind.png": (png() + code.encode(), "metadata"),
        "exif.jpg": (jpeg(code), "metadata"),
        "figure.svg": (svg, "text"),
        "title.pdf": (pdf(b"BT (nothing) Tj ET", code.encode()), "metadata"),
        "shown.pdf": (pdf(f"BT ({code}) Tj ET".encode()), "text"),
        "pieces.pdf": (pdf(f"BT [({code[:6]})-20({code[6:]})] TJ ET".encode()), "text"),
        "hex.pdf": (pdf(f"BT <{code.encode().hex()}> Tj ET".encode(), packed=False), "text"),
        "book.xlsx": (workbook(code), "archive"),
        "member.zip": (archive(**{"a/b.txt": code.encode()}), "archive"),
        "named.zip": (archive(**{f"{code}.txt": b"x"}), "archive"),
        "nested.zip": (archive(inner=archive(deep=code.encode())), "archive"),
        "log.gz": (gzip.compress(code.encode()), "archive"),
        "attribute.nc": (netcdf(attrs={"made_by": code}), "data"),
        "coordinate.nc": (netcdf(coords={"client": [code]}), "data"),
        "characters.nc": (netcdf(coords={"a": ("i", np.array([code.encode()] * 2, dtype="S12"))}), "data"),
        "bytes.nc": (netcdf(coords={"a": ("i", np.frombuffer(code.encode(), dtype="u1"))}), "data"),
        "byte_attribute.nc": (netcdf(attrs={"a": np.frombuffer(code.encode(), dtype="i1")}), "data"),
        "behind.jpg": (jpeg("nobody") + code.encode(), "metadata"),
        "archive_behind.jpg": (jpeg("nobody") + archive(a=code.encode()), "archive"),
        "before.zip": (b"MZ" + archive(a=code.encode()), "archive"),
        "broken.html": (f"<p>{code[:7]}\n      {code[7:]}</p>".encode(), "text"),
        "tabbed.csv": (f"a\tb\n{code[:6]}\t{code[6:]}\n".encode(), "text"),
        "wrapped.ipynb": (json.dumps({"source": [f"# {code[:7]}\n", code[7:]]}, indent=1).encode(), "text"),
        "escaped.json": (json.dumps(f"{code[:6]}\n{code[6:]}").encode(), "text"),
        "letter.eml": (f"{code[:6]}=2D=\r\n{code[7:]}".replace("=2D", f"={ord(code[6]):02X}").encode(), "text"),
        "log.z": (zlib.compress(code.encode()), "archive"),
        "no_ending": (code.encode(), "text"),
    }


PLACES = places(CODE)


@pytest.mark.parametrize("name", PLACES)
def test_a_code_is_found_in_every_kind_of_file(tmp_path: Path, name: str) -> None:
    content, kind = PLACES[name]
    (tmp_path / name).write_bytes(content)
    found = scan(tmp_path)
    assert Hit(name, kind, artificial=True) in found
    assert CODE not in repr(found)


@pytest.mark.parametrize("name", PLACES)
def test_the_same_file_without_a_code_is_clean(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(places("nobody at all")[name][0])
    assert scan(tmp_path) == []


def test_a_name_with_a_code_is_not_told(tmp_path: Path) -> None:
    (tmp_path / f"{CODE}.html").write_text("x")
    assert scan(tmp_path) == [Hit(".html", "file name", artificial=True)]


def test_an_official_code_is_told_apart_from_an_artificial_one(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(f"{CODE} {OFFICIAL}")
    assert scan(tmp_path) == [Hit("a.html", "text", artificial=False)]


FIVE_DEEP = archive(a=archive(b=archive(c=archive(d=archive(e=b"x")))))


@pytest.mark.parametrize(
    "content",
    [b"PK\x03\x04 broken", b"\x89HDF broken", b"\x1f\x8b broken", b"%PDF-1.4 /Encrypt 5 0 R", FIVE_DEEP,
     bz2.compress(b"x"), lzma.compress(b"x"), b"\x28\xb5\x2f\xfd....", b"7z\xbc\xaf\x27\x1c..", b"Rar!\x1a\x07\x01\x00",
     b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"PAR1....PAR1", b"12345678DUCK", archive(a=bz2.compress(b"x")),
     b'<img src="data:,' + base64.b64encode(lzma.compress(b"x" * 50)) + b'">'],
    ids=["zip", "netcdf", "gzip", "locked pdf", "too deep", "bzip2", "xz", "zstd", "7z", "rar", "old office", "parquet",
         "duckdb", "bzip2 in zip", "xz in a page"],
)  # fmt: skip
def test_what_cannot_be_opened_cannot_be_released(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.bin").write_bytes(content)
    assert Hit("a.bin", "unread") in scan(tmp_path)


def least_seconds(folder: Path) -> float:
    """Processor time of a scan that finds nothing, at its quickest."""
    seconds = []
    for _ in range(3):
        start = time.process_time()
        assert scan(folder) == []
        seconds.append(time.process_time() - start)
    return min(seconds)


def test_a_page_is_scanned_in_no_time(tmp_path: Path) -> None:
    """A page as large as the reports, most of it drawings; the best of three, to be fair to a busy machine."""
    rng = np.random.default_rng(1)
    path = " ".join(f"L {x:.6f} {y:.6f}" for x, y in rng.normal(100, 50, (1200, 2)))
    drawing = base64.b64encode(f'<svg><path d="{path}"/></svg>'.encode()).decode()
    words = " ".join(f"Kunta {n} säästää {n * 137 % 90_000} €." for n in range(1_500))
    page = f"<html><p>{words}</p>" + f'<img alt="x" src="data:image/svg+xml;base64,{drawing}">' * 4
    (tmp_path / "a.html").write_text(page)
    seconds = least_seconds(tmp_path)
    assert seconds < 0.25, f"{len(page)} bytes in {seconds:.2f} s"


def test_what_a_pdf_draws_is_scanned_in_no_time(tmp_path: Path) -> None:
    """Two million characters of figures and of glyphs by number, about as a page's PDF has them."""
    numbers = np.random.default_rng(2).normal(100, 90, 150_000)
    drawn = " ".join(f"{one:.4f}" for one in numbers).encode()
    written = b"".join(rb"BT [(\000\%03o\001\\)] TJ ET" % (n % 256) for n in range(20_000))
    cmap = b"begincmap 1 beginbfrange <0000> <ffff> <0020> endbfrange"
    parts = b"".join(b"stream\n" + zlib.compress(one) + b"\nendstream\n" for one in (drawn, written, cmap))
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7\n" + parts)
    seconds = least_seconds(tmp_path)
    assert seconds < 0.5, f"{seconds:.2f} s"
