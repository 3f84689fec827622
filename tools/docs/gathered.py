"""Every page of the site as Markdown in one folder, with links that lead from page to page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from os.path import relpath
from pathlib import Path, PurePosixPath

import told

import notebooks

# Pages that stand above docs/, and where they stand in the site.
ABOVE = {"GLOSSARY.md": "reference/glossary.md", "ARCHITECTURE.md": "explanation/architecture.md",
         "CHANGELOG.md": "explanation/changelog.md"}  # fmt: skip
PARTS = {"": "Start", "how_to": "How to", "notebooks": "Notebooks", "reference": "Reference",
         "methods": "Methods", "explanation": "Background"}  # fmt: skip
FENCED = re.compile(r"^(```.*?^```[ ]*$)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(\]\()([^)\s]+)(\))")
MERMAID = re.compile(r"^```mermaid\n.*?^```$", re.MULTILINE | re.DOTALL)


def write(root: Path, folder: Path, *, run: bool) -> None:
    """Gather all pages; what has not changed keeps its time, so that Sphinx reads only what has."""
    places = _places(root)
    pages = {place: _placed(root, source, place, places) for source, place in places.items() if source.endswith(".md")}
    for name, text in notebooks.pages(root, run=run).items():
        pages[name] = _led(text, name.replace(".md", ".ipynb"), name, places)
    pages |= told.pages(root)
    pages["index.md"] += _contents(pages)
    kept = {folder / name for name in pages}
    for name, text in pages.items():
        _write(folder / name, text.encode())
    for image in (root / "docs" / "images").iterdir():
        kept.add(folder / "images" / image.name)
        _write(folder / "images" / image.name, image.read_bytes())
    for stale in set(folder.rglob("*.md")) - kept:
        stale.unlink()


def _places(root: Path) -> dict[str, str]:
    """What has a place in the site: its path in the project, and that place."""
    docs = root / "docs"
    places = {str(path.relative_to(root)): str(path.relative_to(docs)) for path in sorted(docs.rglob("*.md"))} | ABOVE
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        places[f"notebooks/{path.name}"] = f"notebooks/{path.stem}.md"
    for path in (docs / "images").iterdir():
        places[f"docs/images/{path.name}"] = f"images/{path.name}"
    return places


def _placed(root: Path, source: str, place: str, places: Mapping[str, str]) -> str:
    """A page of the project as it stands in the site."""
    text = (root / source).read_text(encoding="utf-8")
    return _led(MERMAID.sub(lambda _: told.states_of(PurePosixPath(place).stem), text), source, place, places)


def _led(text: str, source: str, place: str, places: Mapping[str, str]) -> str:
    """A text with its links as they lead from its place in the site; what is no page there is named only."""
    parts = FENCED.split(text)
    return "".join(part if n % 2 else _linked(part, source, place, places) for n, part in enumerate(parts))


def _linked(text: str, source: str, place: str, places: Mapping[str, str]) -> str:
    def led(found: re.Match[str]) -> str:
        address, hash_, anchor = found[2].partition("#")
        if re.match(r"[a-z]+:", found[2]) or not address:
            return found[0]
        target = str(PurePosixPath(relpath(PurePosixPath(source).parent / address, ".")))
        if target in places:
            return f"{found[1]}{relpath(places[target], PurePosixPath(place).parent)}{hash_}{anchor}{found[3]}"
        return f"] (`{target}`)"

    return re.sub(r"\[([^\]]+)\] \((`[^`]+`)\)", r"\1 (\2)", LINK.sub(led, text))


def _contents(pages: Mapping[str, str]) -> str:
    """What stands at the side of every page: its parts in order, pages as the first page names them."""
    named = [*re.findall(r"\]\(([\w/.]+\.md)[#)]", pages["index.md"]), *sorted(pages)]
    order = [name for name in dict.fromkeys(named) if name in pages and name != "index.md"]
    return "\n\n" + "\n\n".join(_tree(caption, _within(order, part)) for part, caption in PARTS.items())


def _within(order: list[str], part: str) -> Iterator[str]:
    for name in sorted(order) if part == "notebooks" else order:
        above = str(PurePosixPath(name).parent)
        if above == (part or ".") or (part == "reference" and above.startswith("reference/")):
            yield name


def _tree(caption: str, names: Iterator[str]) -> str:
    return "\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", "", *names, "```"])


def _write(path: Path, content: bytes) -> None:
    if not path.exists() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
