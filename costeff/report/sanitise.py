"""What may stand in a page: a short list of tags, no script, no style, no address that fetches anything."""

from __future__ import annotations

import re
from functools import lru_cache

import nh3

TAGS = {
    "a", "abbr", "br", "caption", "code", "dd", "details", "div", "dl", "dt", "em", "figcaption", "figure", "h1", "h2",
    "h3", "h4", "h5", "h6", "hr", "img", "li", "ol", "p", "section", "small", "span", "strong", "sub", "summary", "sup",
    "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
}  # fmt: skip
CLASSES = {
    "bad", "basis", "cards", "chance", "detail", "dots", "good", "interval", "intro", "key-figures", "lead", "main",
    "note", "notice", "num", "place", "stop", "terms", "value", "verdict", "warning",
}  # fmt: skip
_ATTRIBUTES = {
    "*": {"class", "lang"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "td": {"data-label", "colspan"},
    "th": {"colspan"},
}
_VALUES = {
    "div": {"role": {"note"}},
    "table": {"role": {"table"}},
    "thead": {"role": {"rowgroup"}},
    "tbody": {"role": {"rowgroup"}},
    "tfoot": {"role": {"rowgroup"}},
    "tr": {"role": {"row"}},
    "td": {"role": {"cell"}},
    "th": {"role": {"columnheader", "rowheader"}, "scope": {"col", "row"}},
}
_IMAGE = re.compile(r"data:image/(?:svg\+xml|png);base64,[A-Za-z0-9+/]+={0,2}")
_IMG_TAG = re.compile(r'<img(?:\s+[a-z-]+="[^"]*")*\s*/?>')
_HEADING = re.compile(r"<(/?)h([1-6])\b")


def _filter(tag: str, attribute: str, value: str) -> str | None:
    if attribute == "src":
        return value if _IMAGE.fullmatch(value) else None
    if attribute == "href":
        return value if value.startswith(("https://", "http://")) else None
    if attribute == "class":
        return " ".join(name for name in value.split() if name in CLASSES) or None
    return value


@lru_cache(maxsize=1)
def _cleaner() -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=TAGS,
        clean_content_tags={"script", "style", "svg", "math", "template", "noscript", "iframe", "object"},
        attributes=_ATTRIBUTES,
        tag_attribute_values=_VALUES,
        attribute_filter=_filter,
        strip_comments=True,
        link_rel="noopener noreferrer",
        url_schemes={"https", "http", "data"},
        url_relative="deny",
    )


def clean(html: str) -> str:
    """Only what the lists above allow; an image without address or alt text is left out."""
    return _IMG_TAG.sub(_complete, _cleaner().clean(html))


def _complete(match: re.Match[str]) -> str:
    tag = match.group()
    return tag if ' src="data:image/' in tag and re.search(r' alt="[^"]*\S[^"]*"', tag) else ""


def orderly(html: str, top: int = 2) -> str:
    """Headings that begin at level `top` and never skip a level going down."""
    previous, open_as = top - 1, top

    def renumber(match: re.Match[str]) -> str:
        nonlocal previous, open_as
        if not match.group(1):
            previous = open_as = max(top, min(int(match.group(2)), previous + 1))
        return f"<{match.group(1)}h{open_as}"

    return _HEADING.sub(renumber, html)
