"""What is asked of the finished site: nothing from outside, links that lead somewhere, addresses that can be one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ASKED = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "object": "data",
    "embed": "src",
}
FETCHING = {"stylesheet", "icon", "preload", "prefetch", "modulepreload", "preconnect", "dns-prefetch"}
HOST = re.compile(r"([a-z0-9åäö-]+\.)+[a-z]{2,}(:\d+)?", re.IGNORECASE)


class Page(HTMLParser):
    """What a page asks for, where it leads, and its anchors."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.led: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag in ASKED and ASKED[tag] in given:
            self.asked.append(given[ASKED[tag]])
        elif tag == "link" and FETCHING & set(given.get("rel", "").split()):
            self.asked.append(given.get("href", ""))
        elif tag == "a" and "href" in given:
            self.led.append(given["href"])


def faults(site: Path) -> list[str]:
    """Everything that is wrong, a line each."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    found = [f"{path.relative_to(site)}: {fault}" for path, page in pages.items() for fault in _page(path, page, pages)]
    for sheet in site.rglob("*.css"):
        outside = re.findall(
            r"url\(\s*['\"]?(https?:)?//|@import\s+['\"]?(?:url\()?https?:", sheet.read_text(encoding="utf-8")
        )
        found += [f"{sheet.relative_to(site)}: asks for something outside"] if outside else []
    return found


def _page(path: Path, page: Page, pages: dict[Path, Page]) -> Iterator[str]:
    for address in page.asked:
        if urlsplit(address).scheme not in ("", "data") or address.startswith("//"):
            yield f"asks for {address}"
    for address in page.led:
        parts = urlsplit(address)
        if parts.scheme in ("http", "https"):
            if not HOST.fullmatch(parts.netloc) or " " in address:
                yield f"{address} is no address"
        elif not parts.scheme:
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.exists():
                yield f"{address} leads nowhere"
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                yield f"{address} leads to no place of that page"
