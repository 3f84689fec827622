"""The PDF of a page: what a screen reader is told, in which order, and the same bytes every time."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from html import unescape
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

pikepdf = pytest.importorskip("pikepdf", reason="pikepdf is not installed")
pytest.importorskip("typst", reason="typst is not installed")

from costeff.disclosure.pdf_text import letters  # noqa: E402
from costeff.disclosure.scan import scan_bytes  # noqa: E402
from costeff.errors import SetupError, UsageError  # noqa: E402
from costeff.report import pdf as module  # noqa: E402
from costeff.report.pdf import as_pdf  # noqa: E402
from costeff.report.printed import on_paper, printed  # noqa: E402

OFFICIAL = "131052-308T"  # the example of the authority: its number is one that is given
DOT = (
    "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIHdpZHRoPSIxMCIgaGVpZ2h0PSIxMCI+"
    "PGNpcmNsZSByPSI1Ii8+PC9zdmc+"
)


def small(content: str = "<p>Text</p>", head: str = "<title>Mallila: a page</title>", language: str = "en") -> str:
    body = f"<header></header><main><h1>Mallila</h1>{content}</main><footer><p>Foot</p></footer>"
    return f'<html lang="{language}"><head>{head}</head><body>{body}</body></html>'


class Document:
    """A PDF as a screen reader meets it."""

    def __init__(self, made: bytes) -> None:
        self.file = pikepdf.open(BytesIO(made))
        self.root = self.file.Root
        self.texts: dict[tuple[Any, int], str] = {}
        self.artifacts: list[str] = []
        self.untagged: list[str] = []
        for page in self.file.pages:
            self._read(page)

    def _read(self, page: Any) -> None:
        fonts = {name: letters([font.ToUnicode.read_bytes()])[0] for name, font in page.Resources.Font.items()}
        font, marks, artifact = None, [], []
        for operands, operator in pikepdf.parse_content_stream(page):
            match str(operator):
                case "Tf":
                    font = fonts[str(operands[0])]
                case "BDC" | "BMC":
                    known = len(operands) > 1 and isinstance(operands[1], pikepdf.Dictionary)
                    marks.append((str(operands[0]), operands[1].get("/MCID") if known else None))
                case "EMC":
                    marks.pop()
                case "Tj" | "TJ":
                    pieces = operands[0] if str(operator) == "TJ" else operands
                    said = "".join(font.read(bytes(piece)) for piece in pieces if isinstance(piece, pikepdf.String))
                    number = next((int(mark) for _, mark in reversed(marks) if mark is not None), None)
                    if number is not None:
                        key = (page.objgen, number)
                        self.texts[key] = self.texts.get(key, "") + said
                    elif any(name == "/Artifact" for name, _ in marks):
                        artifact.append(said)
                    else:
                        self.untagged.append(said)
        self.artifacts.append(" ".join(artifact))

    def elements(self, *kinds: str, below: Any = None) -> Iterator[Any]:
        node = self.root.StructTreeRoot if below is None else below
        for kid in _kids(node):
            if isinstance(kid, pikepdf.Dictionary) and "/S" in kid:
                if not kinds or str(kid.S)[1:] in kinds:
                    yield kid
                yield from self.elements(*kinds, below=kid)

    def text(self, node: Any, page: Any = None, leave_out: str = "/Lbl") -> str:
        """What an element says, its inner elements included, in the order of the tree; a drawing has its alt text."""
        if node.get("/S") == "/Figure":
            return ""
        page = node.get("/Pg", page)
        said = []
        for kid in _kids(node):
            if isinstance(kid, int):
                said.append(self.texts.get((page.objgen, kid), ""))
            elif kid.get("/Type") == "/MCR":
                said.append(self.texts.get((kid.get("/Pg", page).objgen, int(kid.MCID)), ""))
            elif "/S" in kid:
                bullet = str(kid.S) == leave_out and not list(self.elements(below=kid))
                said.append("" if bullet else self.text(kid, page, leave_out))
        return "".join(said)


def _kids(node: Any) -> list[Any]:
    kids = node.get("/K", [])
    return list(kids) if isinstance(kids, pikepdf.Array) else [kids]


class Reader(HTMLParser):
    """The texts of a page's content in order, with the address of a link after its text; and its alt texts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.said: list[str] = []
        self.alts: list[str] = []
        self.headings: list[str] = []
        self.links: list[str] = []
        content = html[html.index("<main") : html.index("</main>")]
        self.feed(re.sub(r'<p class="download">.*?</p>', "", content))  # files are not printed

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "img":
            self.alts.append(given["alt"] or "")
        if tag == "a":
            self.links.append(given["href"] or "")
        if re.fullmatch("h[1-6]", tag):
            self.headings.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and (address := self.links[-1]).startswith("http"):
            self.said.append(address)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append("")

    def handle_data(self, data: str) -> None:
        self.said.append(data)
        if len(self.headings) % 2:
            self.headings[-1] += data


def plain(text: str) -> str:
    """Without what a line break adds or takes away."""
    return re.sub(r"[\s\-\u00ad\u2010\u200b\u2060]", "", text)


@pytest.fixture(scope="module", params=("fi", "sv", "en"))
def made(request: pytest.FixtureRequest, html: dict[str, str]) -> tuple[str, str, Document]:
    text = html[request.param]
    return request.param, text, Document(as_pdf(text))


def test_it_says_that_it_is_accessible_and_how_it_is_read(made: tuple[str, str, Document]) -> None:
    language, text, document = made
    root = document.root
    assert root.Lang == language
    assert root.MarkInfo.Marked
    assert root.ViewerPreferences.DisplayDocTitle
    told = root.Metadata.read_bytes().decode()
    assert "<pdfuaid:part>1</pdfuaid:part>" in told
    assert re.search("<title>(.*?)</title>", text)[1] in told
    assert not {"/CreationDate", "/ModDate"} & set(document.file.docinfo.keys())


def test_it_reads_as_the_page_does_from_the_first_word_to_the_last(made: tuple[str, str, Document]) -> None:
    _, text, document = made
    said = plain(document.text(document.root.StructTreeRoot))
    expected = plain("".join(Reader(text).said))
    contents = re.search('<nav class="contents".*?</nav>', text, re.DOTALL)
    names = [plain(unescape(name)) for name in re.findall(r"<a [^>]*>(.*?)</a>", contents[0])]
    with_pages = re.search(r"\d+".join(map(re.escape, names)) + r"\d+", said)  # on paper each has its page
    said = said.replace(with_pages[0], "".join(names))
    assert said.endswith(expected)
    warning = said.removesuffix(expected)
    assert warning
    assert warning in plain(re.sub("<[^>]*>", "", text[text.index("<header") : text.index("</header>")]))


def test_nothing_is_shown_that_is_neither_content_nor_furniture(made: tuple[str, str, Document]) -> None:
    assert made[2].untagged == []


def test_every_sheet_says_whose_it_is_and_that_the_data_are_synthetic(made: tuple[str, str, Document]) -> None:
    language, _, document = made
    name, warning = {
        "fi": ("Mallila", "Synteettinen aineisto"), "sv": ("Modellby", "Syntetiskt material"),
        "en": ("Mallila", "Synthetic data"),
    }[language]  # fmt: skip
    sheets = document.artifacts
    assert len(sheets) > 3
    for number, sheet in enumerate(sheets, start=1):
        assert name in sheet
        assert warning.casefold() in sheet.casefold()
        assert f"{number} / {len(sheets)}" in sheet


def test_every_drawing_has_the_alt_text_of_the_page(made: tuple[str, str, Document]) -> None:
    _, text, document = made
    assert [plain(str(one.Alt)) for one in document.elements("Figure")] == [plain(one) for one in Reader(text).alts]


def test_every_cell_is_told_with_its_headings_of_column_and_row(made: tuple[str, str, Document]) -> None:
    document = made[2]
    names = pikepdf.NameTree(document.root.StructTreeRoot.IDTree)
    tables = list(document.elements("Table"))
    assert len(tables) > 5
    for table in tables:
        (head,) = document.elements("THead", below=table)
        for heading in document.elements("TH", below=head):
            assert _of_table(heading).Scope == "/Column"
        for body in document.elements("TBody", below=table):
            for row in document.elements("TR", below=body):
                first, *cells = document.elements("TH", "TD", below=row)
                assert (first.S, _of_table(first).Scope) == ("/TH", "/Row")
                for cell in cells:
                    told = [names[str(one)] for one in _of_table(cell).Headers]
                    assert cell.S == "/TD"
                    assert [str(_of_table(one).Scope) for one in told] == ["/Column", "/Row"]
                    assert told[1].objgen == first.objgen


def _of_table(cell: Any) -> Any:
    return next(one for one in cell.A if one.O == "/Table")


def test_bookmarks_are_the_headings_of_the_page(made: tuple[str, str, Document]) -> None:
    _, text, document = made

    def titles(items: Any) -> Iterator[str]:
        for one in items:
            yield one.title
            yield from titles(one.children)

    with document.file.open_outline() as outline:
        found = [plain(one) for one in titles(outline.root)]
    assert found == [plain(one) for one in Reader(text).headings if one]
    levels = [int(str(one.S)[2:]) for one in document.elements("H1", "H2", "H3", "H4", "H5", "H6")]
    assert len(levels) == len(found)
    assert levels[0] == 1


def test_letters_are_in_the_file_and_can_be_copied(made: tuple[str, str, Document]) -> None:
    for page in made[2].file.pages:
        assert page.Tabs == "/S"
        for font in page.Resources.Font.values():
            (inner,) = font.DescendantFonts
            assert "/ToUnicode" in font
            assert {"/FontFile2", "/FontFile3"} & set(inner.FontDescriptor.keys())


def test_a_link_says_where_it_leads(made: tuple[str, str, Document]) -> None:
    _, text, document = made
    found = [note for page in document.file.pages for note in page.get("/Annots", [])]
    assert {str(one.A.URI) for one in found if "/A" in one} == {a for a in Reader(text).links if a.startswith("http")}
    assert all(str(one.Contents).strip() for one in found)


def test_the_same_page_gives_the_same_bytes_wherever_it_is_made(html: dict[str, str], tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(html["fi"], encoding="utf-8")
    code = (
        "import sys; from costeff.report.pdf import as_pdf; sys.stdout.buffer.write(as_pdf(open(sys.argv[1]).read()))"
    )
    elsewhere = {**os.environ, "TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "7", "SOURCE_DATE_EPOCH": "9"}
    other = subprocess.run([sys.executable, "-c", code, page], capture_output=True, check=True, env=elsewhere).stdout
    assert as_pdf(html["sv"]) != other
    assert as_pdf(html["fi"]) == other


def test_what_looks_like_markup_is_shown_as_it_is() -> None:
    text = '#panic("x") $x^2$ *bold* @label // no comment `raw` \\u{41} = no heading <label> [#] _it_ ~ --- "q"'
    shown = text.replace("<", "&lt;").replace(">", "&gt;")
    document = Document(as_pdf(small(f"<p>{shown}</p><ul><li>{shown}</li></ul>")))
    assert plain(text) in plain(document.text(document.root.StructTreeRoot))
    assert len(list(document.elements("H1", "H2"))) == 1


def test_words_of_another_language_are_read_in_it() -> None:
    document = Document(as_pdf(small('<p>Lähde: <span lang="en">Money, Work, and Crime</span></p>', language="fi")))
    (page,) = document.file.pages
    marked = [parts for parts, operator in pikepdf.parse_content_stream(page) if str(operator) == "BDC"]
    (number,) = (int(told.MCID) for _, told in marked if told.get("/Lang") == "en")
    assert document.texts[page.objgen, number] == "Money, Work, and Crime"


def test_real_data_carry_no_warning() -> None:
    assert printed(small()).warning == ""


def test_a_drawing_gets_the_colours_of_paper() -> None:
    style = ":root{--ink:#111111}@media (prefers-color-scheme:dark){:root{--ink:#eeeeee}}.f{fill:var(--ink)}"
    svg = f'<svg><style>{style}text{{font:12px system-ui,Arial}}</style><path style="fill: var(--gone)"/></svg>'
    assert on_paper(svg) == (
        "<svg><style>.f{fill:#111111}text{font-size:12px;font-family:'DejaVu Sans'}</style>"
        '<path style="fill: #000000"/></svg>'
    )


@pytest.mark.parametrize(
    ("page", "told"),
    [
        (small(f'<img src="{DOT}" alt=" ">'), "no alt text"),
        (small(f'<img src="{DOT}">'), "no alt text"),
        (small('<img src="https://elsewhere.example/a.svg" alt="A">'), "no SVG inside the page"),
        (small('<img src="data:image/svg+xml;base64,!!" alt="A">'), "no SVG inside the page"),
        (small(f'<img src="{DOT[:60]}" alt="A">'), "the page"),
        (small(head=""), "has no title"),
        (small(language=""), "names no language"),
        (small(language="no such language"), "breaks a rule of accessible PDFs"),
        (small("<h4>Two levels down</h4>"), "breaks a rule of accessible PDFs"),
        (small('<p><a href="#nowhere">Away</a></p>'), "breaks a rule of accessible PDFs"),
        ("", "has no main content"),
        ("no page at all \x00 <b", "has no main content"),
        ("<main>" * 3000, "more than 40 deep"),
    ],
    ids=range(13),
)  # fmt: skip
def test_what_is_no_accessible_page_is_refused(page: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        as_pdf(page)


@pytest.mark.parametrize(
    "content",
    [
        "<p>An <em>unclosed <p>paragraph", "<table><tbody><tr><td>1<td>2<tr><td colspan=9>3</table>", "<table></table>",
        "<table><caption>Empty</caption><thead><tr></tr></thead></table>", "<dl class=key-figures></dl>", "<ul></ul>",
        "<dl><div></div></dl>", "<figure></figure>", "<p></p><h2></h2>",
        "<dl class=key-figures><div><dt>a</dt></div></dl>",
        f"<p>{'unbreakable' * 60}</p>", f"<table><tbody><tr><td>{'x' * 400}</td><td>1</td></tr></tbody></table>",
        "<section class=chapter></section>", "<span></span><br><hr>", "<td>alone</td>",
        "<p>\U0001f600 \u05d0 \u4e2d</p>",
    ],
)  # fmt: skip
def test_strange_content_is_printed_or_refused_and_never_a_fault(content: str) -> None:
    with suppress(UsageError):
        assert as_pdf(small(content)).startswith(b"%PDF-1.7")


@pytest.mark.parametrize(
    "page",
    [
        small(f"<p>A client, {OFFICIAL}, asked.</p>"),
        small(f"<p>{'asked ' * 13} {OFFICIAL} again</p>"),
        small(f'<figure><img src="{DOT}" alt="A line for Ämmä, {OFFICIAL}."></figure>'),
        small(head=f"<title>Ämmä {OFFICIAL}</title>"),
        small(f"<table><thead><tr><th>a</th></tr></thead><tbody><tr><th>{OFFICIAL}</th></tr></tbody></table>"),
        small(f"<h2>{OFFICIAL}</h2>"),
    ],
    ids=["text", "broken line", "alt text", "title", "table", "heading"],
)
def test_a_code_in_a_pdf_is_found(page: str) -> None:
    assert scan_bytes(as_pdf(page.replace(OFFICIAL, "of nobody"))) == set()
    assert ("text", False) in scan_bytes(as_pdf(page))


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(SetupError, match=r"pip install typst pikepdf"):
        as_pdf(small())
