"""What of a finished page is printed: its elements as a tree that Typst lays out.

A page knows few tags and few classes (see `sanitise`), so the tree is small: what
only a screen needs, such as links to other pages, is left out, and drawings get
the colours of a light screen.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

from costeff.errors import Problems, UsageError

# Elements that hold running text: the spaces at their ends mean nothing, and those between their pieces do.
_TEXTS = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "li", "dt", "dd", "td", "th", "caption", "figcaption", "summary"}
_VOID = {"br", "hr", "img", "meta", "link", "wbr"}
_DRAWING = "data:image/svg+xml;base64,"
_DEEPEST = 40
AGAIN = "make it with costeff run"
_SPACES = re.compile(r"[ \t\r\n\f]+")
_COLOUR = re.compile(r"--(\w+):(#\w+)")
_SCREEN = re.compile(r"@media[^{}]*\{\s*:root\s*\{[^{}]*\}\s*\}|:root\s*\{[^{}]*\}")
_FONT = re.compile(r"font:([\d.]+)px [^;}]*")
_NARROWEST, _WIDEST = 6, 20  # characters: how much room a column asks for, beyond its longest word


@dataclass
class Node:
    """An element with what the layout asks of it.

    Attributes
    ----------
    svg
        Of an image: the drawing, in the colours of paper.
    widths
        Of a table: how its columns share the width of the page.
    """

    tag: str
    classes: list[str] = field(default_factory=list)
    id: str = ""
    lang: str = ""
    href: str = ""
    alt: str = ""
    svg: str = ""
    colspan: int = 1
    widths: list[int] = field(default_factory=list)
    kids: list[Node | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(kid if isinstance(kid, str) else kid.text for kid in self.kids)

    def all(self, *tags: str) -> Iterator[Node]:
        """The element itself and those inside it that have one of the tags, in the order of reading."""
        if self.tag in tags:
            yield self
        for kid in self.kids:
            if isinstance(kid, Node):
                yield from kid.all(*tags)

    def first(self, test: str | Callable[[Node], bool]) -> Node | None:
        if (test == self.tag) if isinstance(test, str) else test(self):
            return self
        inner = (kid.first(test) for kid in self.kids if isinstance(kid, Node))
        return next((one for one in inner if one), None)


@dataclass
class Printed:
    """A page as it is printed.

    Attributes
    ----------
    warning
        What stands at the top of every sheet, such as that the data are synthetic; empty where nothing has to.
    foot
        What stands at the bottom of every sheet.
    """

    title: str
    lang: str
    warning: str
    foot: str
    body: list[Node]

    def row_headings(self) -> list[list[list[bool]]]:
        """Of each table, of each row below its head: which cells are headings."""
        return [
            [
                [cell.tag == "th" for cell in row.all("th", "td")]
                for part in table.all("tbody", "tfoot")
                for row in part.all("tr")
            ]
            for node in self.body
            for table in node.all("table")
        ]


def printed(html: str) -> Printed:
    """Read a finished page.

    Raises
    ------
    UsageError
        When it has no title, no language or no content, or a drawing that is no SVG or has no alt text.
    """
    problems = Problems()
    root = _Reader(problems).read(html)
    language, title, body = (root.first(tag) for tag in ("html", "title", "body"))
    main, head, foot = ((body or root).first(tag) for tag in ("main", "header", "footer"))
    if not (language and language.lang):
        problems.add("the page", "names no language", AGAIN)
    if not (title and title.text.strip()):
        problems.add("the page", "has no title", AGAIN)
    if not main:
        problems.add("the page", "has no main content", AGAIN)
    problems.raise_if_any(UsageError, "The page cannot be printed")
    assert language
    assert title
    assert main
    notices = [kid for kid in head.kids if isinstance(kid, Node) and "notice" in kid.classes] if head else []
    warning = next((one.first("strong") for one in notices if "warning" in one.classes), None)
    content = Node("body", kids=[*notices, *main.kids])
    _tidy(content)
    return Printed(
        title=" ".join(title.text.split()),
        lang=language.lang,
        warning=warning.text.strip() if warning else "",
        foot=" ".join(foot.text.split()) if foot else "",
        body=[kid for kid in content.kids if isinstance(kid, Node)],
    )


class _Reader(HTMLParser):
    def __init__(self, problems: Problems) -> None:
        super().__init__()
        self.problems, self.open, self.too_deep = problems, [Node("")], False

    def read(self, html: str) -> Node:
        self.feed(html)
        self.close()
        if self.too_deep:
            self.problems.add("the page", f"has elements more than {_DEEPEST} deep", AGAIN)
        return self.open[0]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        node = Node(tag, given.get("class", "").split())
        node.id, node.lang, node.href = (given.get(name, "") for name in ("id", "lang", "href"))
        if tag in ("td", "th") and given.get("colspan", "").isdigit():
            node.colspan = int(given["colspan"])
        if tag == "img":
            node.alt, node.svg = given.get("alt", "").strip(), self._drawing(given.get("src", ""))
            if not node.alt:
                self.problems.add("a drawing", "has no alt text", "give it one")
        if len(self.open) > _DEEPEST:
            self.too_deep = True
            return
        if "download" not in node.classes:  # a file inside a link: of no use on paper
            self.open[-1].kids.append(node)
        if tag not in _VOID:
            self.open.append(node)

    def handle_endtag(self, tag: str) -> None:
        if tag in (node.tag for node in self.open[1:]):
            while self.open.pop().tag != tag:
                pass

    def handle_data(self, data: str) -> None:
        self.open[-1].kids.append(_SPACES.sub(" ", data))

    def _drawing(self, address: str) -> str:
        try:
            if not address.startswith(_DRAWING):
                raise ValueError
            return on_paper(base64.b64decode(address.removeprefix(_DRAWING), validate=True).decode())
        except (ValueError, binascii.Error):
            self.problems.add("a drawing", "is no SVG inside the page", "make the page with costeff run")
            return ""


def on_paper(svg: str) -> str:
    """A drawing with the colours of a light screen in place of its variables, and the letters of the PDF."""
    light, _, _ = svg.partition("@media")
    colours = dict(_COLOUR.findall(light))
    plain = _FONT.sub(r"font-size:\1px;font-family:'DejaVu Sans'", _SCREEN.sub("", svg))
    return re.sub(r"var\(--(\w+)\)", lambda match: colours.get(match[1], "#000000"), plain)


def _tidy(node: Node, running: bool = False) -> None:
    """Leave out spaces that a browser would not show, and what a link needs to lead within the page."""
    running = running or node.tag in _TEXTS
    if not running:
        node.kids = [kid for kid in node.kids if isinstance(kid, Node) or kid.strip()]
    elif node.tag in _TEXTS and node.kids:
        for end, strip in ((0, str.lstrip), (-1, str.rstrip)):
            if isinstance(edge := node.kids[end], str):
                node.kids[end] = strip(edge, " ")
    for kid in node.kids:
        if isinstance(kid, Node):
            _tidy(kid, running)
    if node.tag == "table":
        node.widths = _widths([list(row.all("th", "td")) for row in node.all("tr")])


def _widths(rows: list[list[Node]]) -> list[int]:
    """A column is as wide as its longest word, and wider the more it says; what heads it may be broken into lines."""
    columns = [[row[at].text for row in rows if at < len(row)] for at in range(max(map(len, rows), default=0))]
    words = [max((len(word) for text in column for word in text.split(" ")), default=0) for column in columns]
    wanted = [min(max(map(len, column[1:]), default=0), _WIDEST) for column in columns]
    return [max(word + 2, want, _NARROWEST) for word, want in zip(words, wanted, strict=True)]
