"""The site of the documentation: links that are led right, formulas without a script, and faults that are seen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="the documentation was not looked at: Sphinx is not installed")

import checks
import conf
import gathered
import told

import notebooks

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Every page as it is handed to Sphinx, notebooks as they are stored."""
    folder = tmp_path_factory.mktemp("pages")
    gathered.write(ROOT, folder, run=False)
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.md")}


def test_every_page_stands_in_the_contents_once(pages: dict[str, str]) -> None:
    trees = re.findall(r"^```{toctree}\n.*?\n\n(.*?)\n```", pages["index.md"], re.MULTILINE | re.DOTALL)
    named = [name for tree in trees for name in tree.splitlines()]
    assert sorted(named) == sorted(set(pages) - {"index.md"})
    suite = [name for name in named if name.startswith("notebooks/")]
    assert suite == sorted(suite), "in reading order"
    assert named[0] == "tutorial.md"


def test_links_between_pages_lead_to_pages(pages: dict[str, str]) -> None:
    for name, text in pages.items():
        prose = "".join(part for n, part in enumerate(gathered.FENCED.split(text)) if not n % 2)
        for address in re.findall(r"\]\(([^)\s]+\.(?:md|svg|png))(?:#[^)]*)?\)", prose):
            if not re.match(r"[a-z]+:", address):
                target = (Path("/") / name).parent / address
                assert target.resolve().relative_to("/").as_posix() in pages or "images/" in address, (name, address)
        assert ".ipynb)" not in prose, f"{name} leads out of the site"


def test_the_catalogue_is_told_whole(pages: dict[str, str]) -> None:
    from costeff.params import Catalogue

    catalogue = Catalogue.load(ROOT / "params")
    for key in (*catalogue.unit_costs, *catalogue.contracts, *catalogue.links):
        assert f"### {key}\n" in pages["reference/parameters.md"], key
    assert all(f"| {key.replace('_', chr(92) + '_')} |" in pages["reference/sources.md"] for key in catalogue.sources)
    indicators = [key for each in catalogue.indicators.values() for key in each.indicators]
    assert all(key.replace("_", "\\_") in pages["reference/indicators.md"] for key in indicators)
    assert pages["reference/parameters.md"].count("not stated") < 30
    assert {"## Suomi", "## Svenska", "## English"} <= set(pages["reference/words_of_pages.md"].splitlines())


def test_every_open_room_has_its_functions_told(pages: dict[str, str]) -> None:
    rooms = {path.stem for path in map(Path, pages) if path.parent.name == "api"}
    assert rooms >= {"appraisal", "decision", "outcomes", "funding", "records", "cohort", "evidence", "verbs"}
    assert "costeff.report.notebook" in pages["reference/api/verbs.md"], "what notebooks use"


def test_no_diagram_needs_a_script(pages: dict[str, str]) -> None:
    assert not [name for name, text in pages.items() if "```mermaid" in text]
    assert "<svg" in pages["methods/prison.md"]


def test_every_formula_becomes_mathml(pages: dict[str, str]) -> None:
    count = 0
    for name, text in pages.items():
        prose = "".join(part for n, part in enumerate(gathered.FENCED.split(text)) if not n % 2)
        prose = re.sub(r"`[^`\n]+`", "", prose)
        for formula in re.findall(r"\$\$(.+?)\$\$", prose, re.DOTALL):
            made = conf.mathml(formula, block=True)
            assert made.startswith("<math"), name
            count += 1
    assert count > 20
    for command in ("big", "textstyle", "dots", "texttt"):
        assert command not in conf.mathml(r"\big(\textstyle\sum_i x_i \dots\big) \texttt{a}", block=False)


def test_an_index_stands_beside_a_letter_with_an_accent() -> None:
    made = re.sub(r"\s+", "", conf.mathml(r"\bar Y_{g,t}", block=False))
    assert "munder" not in made
    assert '<msub><mover><mi>Y</mi><mostretchy="false">ˉ</mo></mover><mrow><mi>g</mi>' in made


@pytest.mark.parametrize("text", ["| a | b", "*star*", "<b>bold</b>", "[a](b)", "$x$", "`code`"])
def test_text_of_a_cell_is_never_markup(text: str) -> None:
    row = told.table(["x"], [[text]]).splitlines()[-1]
    assert row == "| " + "".join(f"\\{sign}" if sign in "\\`*_{}[]<>|$" else sign for sign in text) + " |"


def test_an_address_in_a_cell_is_a_link_as_it_was_written() -> None:
    assert "<https://a.fi/b_c>." in told.table(["x"], [["See https://a.fi/b_c."]])


def test_what_a_notebook_said_is_shown(tmp_path: Path) -> None:
    outputs = [
        {"output_type": "display_data", "data": {"text/html": "<p>told</p>", "text/plain": "plain"}, "metadata": {}},
        {"output_type": "stream", "name": "stdout", "text": "printed\n"},
        {"output_type": "display_data", "data": {"image/png": "AAAA", "text/plain": "<Figure>"}, "metadata": {}},
    ]
    shown = [notebooks._output(notebooks.nbformat.from_dict(output)) for output in outputs]
    assert "<p>told</p>" in shown[0]
    assert shown[1] == "```text\nprinted\n```"
    assert 'src="data:image/png;base64,AAAA" alt="Figure"' in shown[2]


FAULTS = {
    '<script src="https://cdn.example.org/a.js"></script>': "asks for https://cdn.example.org/a.js",
    '<link rel="stylesheet" href="//fonts.example.org/a.css">': "asks for //fonts.example.org/a.css",
    '<img src="http://example.org/a.png">': "asks for http://example.org/a.png",
    '<a href="nowhere.html">a</a>': "nowhere.html leads nowhere",
    '<a href="other.html#no">a</a>': "other.html#no leads to no place of that page",
    '<a href="#no">a</a>': "#no leads to no place of that page",
    '<a href="https://nohost">a</a>': "https://nohost is no address",
}


@pytest.mark.parametrize(("html", "told"), FAULTS.items())
def test_a_fault_of_the_site_is_seen(tmp_path: Path, html: str, told: str) -> None:
    right = '<p id="here"><a href="other.html#here">a</a> <a href="https://doi.org/10.1/x">b</a></p>'
    (tmp_path / "index.html").write_text(right)
    (tmp_path / "other.html").write_text(right)
    assert checks.faults(tmp_path) == []
    (tmp_path / "index.html").write_text(right + html)
    assert checks.faults(tmp_path) == [f"index.html: {told}"]


def test_a_style_sheet_that_asks_outside_is_seen(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("p { background: url(https://example.org/a.png) }")
    assert checks.faults(tmp_path) == ["a.css: asks for something outside"]
