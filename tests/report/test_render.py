"""The finished page: self-contained, sanitised, accessible, the same bytes every time."""

from __future__ import annotations

import os
import re
import time
from html.parser import HTMLParser
from importlib.metadata import entry_points
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from report_fakes import appraisal, catalogue, executed, family_work, label, write_tree

from costeff.errors import ModelError, UsageError
from costeff.report.contact import Contact
from costeff.report.page import Page, open_page
from costeff.report.render import ReportExporter, as_page, render
from costeff.report.sanitise import clean, orderly

LANGUAGES = ("fi", "sv", "en")


class Reader(HTMLParser):
    """Tags with their attributes, in order, and the texts between them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.unbalanced: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {k: v or "" for k, v in attrs}))
        if tag not in {"meta", "img", "br", "hr", "link", "input"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)

    def named(self, *names: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.tags if tag in names]


@pytest.fixture(scope="module", params=LANGUAGES)
def page(request: pytest.FixtureRequest, html: dict[str, str]) -> tuple[str, str, Reader]:
    return request.param, html[request.param], Reader(html[request.param])


def test_language_title_and_landmarks(page: tuple[str, str, Reader]) -> None:
    language, text, reader = page
    assert reader.named("html") == [{"lang": language}]
    assert len(reader.named("main")) == len(reader.named("h1")) == len(reader.named("header")) == 1
    assert len(reader.named("footer")) == 1
    assert re.search(r"<title>(Mallila|Modellby): ", text)
    assert reader.named("a")[0] == {"class": "skip", "href": "#content"}
    assert reader.named("main") == [{"id": "content"}]
    assert reader.unbalanced == []
    assert reader.open == []


def test_headings_never_skip_a_level(page: tuple[str, str, Reader]) -> None:
    levels = [int(tag[1]) for tag, _ in page[2].tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_the_synthetic_warning_comes_before_everything_else(page: tuple[str, str, Reader]) -> None:
    text = page[1]
    body = text[text.index("<body") :]
    assert body.index('class="notice warning"') < body.index("<h1")
    assert body.index('class="notice warning"') < 400


def test_no_warning_on_real_data(tmp_path: Path) -> None:
    path = write_tree(tmp_path / "999.nc", {"family_work": appraisal(synthetic=0)})
    text, _ = ReportExporter().from_notebook_node(executed(open_page(path, "999", "en", catalogue())))
    assert "notice warning" not in text


def test_every_figure_has_an_alt_text_and_every_image_is_data(page: tuple[str, str, Reader]) -> None:
    images = page[2].named("img")
    figures = [image for image in images if image.get("class") != "dots"]
    assert len(figures) == 6
    assert all(len(image["alt"]) > 60 for image in figures)
    for image in images:
        assert len(image["alt"]) > 20
        assert image["src"].startswith("data:image/svg+xml;base64,")


def test_nothing_is_fetched_and_nothing_runs(page: tuple[str, str, Reader]) -> None:
    _, text, reader = page
    assert not {"script", "link", "iframe", "object", "form", "svg", "base"} & {tag for tag, _ in reader.tags}
    policy = next(m["content"] for m in reader.named("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:;")
    for tag, attributes in reader.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        for name in ("src", "href", "srcset", "poster", "action"):
            if "://" in attributes.get(name, ""):
                assert (tag, name) == ("a", "href")
    assert "@import" not in text
    assert "url(" not in text


def headings_of_briefs(reader: Reader) -> list[str]:
    """The chapters of services, which the answers in brief lead to."""
    return [one["id"] for one in reader.named("h2") if one.get("id", "").startswith("chain-")]


def test_ids_are_unique_and_contents_lead_somewhere(page: tuple[str, str, Reader]) -> None:
    reader = page[2]
    ids = [attributes["id"] for _, attributes in reader.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = [a["href"][1:] for a in reader.named("a") if a["href"].startswith("#")]
    headings = [one["id"] for one in reader.named("h2", "h3") if one.get("id", "").startswith(("chain-", "part-"))]
    assert targets == ["content", *headings_of_briefs(reader), *headings]
    assert set(targets) <= set(ids)


def test_chain_by_chain_though_the_notebook_goes_question_by_question(html: dict[str, str]) -> None:
    text = html["en"]
    order = [text.index(f'<h2 id="{name}"') for name in ("chain-family_work", "chain-post_release", "chain-substance")]
    assert order == sorted(order)
    first = text[order[0] : order[1]]
    assert re.findall(r"<h3[^>]*>([^<]+)", first) == [
        "The answer in brief", "Who pays, who saves and when", "How sure this is", "Steering and buying",
    ]  # fmt: skip
    assert re.findall(r"<h3[^>]*>([^<]+)", text[order[2] : text.index('<h2 id="part-sources"')]) == [
        "The answer in brief"
    ]


def test_the_first_screen_holds_every_answer_and_leads_to_its_chapter(html: dict[str, str]) -> None:
    text = html["en"]
    opening = text[text.index('<section class="briefs"') : text.index('<nav class="contents"')]
    assert re.findall(r'<h3><a href="#([^"]+)"', opening) == [
        "chain-family_work", "chain-post_release", "chain-substance",
    ]  # fmt: skip
    unsure, costs, failed = opening.split('<div class="brief">')[1:]
    assert 'class="verdict">Net cost about' in unsure  # not told apart from zero: no colour
    assert "Whether the service saves cannot be said for certain." in unsure
    assert 'class="verdict bad">Net cost about' in costs
    assert "synthetic data" in unsure
    for told in (unsure, costs):
        assert told.count("90% interval") == 2
        assert re.search(r'class="dots" src="data:image[^>]*alt="Ten dots, [0-9½]+ of them filled."', told)
        assert " cases of 10" in told or "case of 20" in told or "cases of 20" in told
    assert "No result is given" in failed
    assert "€" not in failed
    assert "<img" not in failed


def test_one_service_is_answered_at_once_without_a_list(tmp_path: Path) -> None:
    path = write_tree(tmp_path / "999.nc", {"family_work": appraisal()})
    text, _ = ReportExporter().from_notebook_node(executed(open_page(path, "999", "en", catalogue())))
    assert 'class="brief"' not in text
    assert text.index("<h2") < text.index('class="key-figures"') < text.index("Among 100 clients")


def test_the_page_says_who_publishes_it_or_that_it_is_missing(html: dict[str, str], pages: dict[str, Page]) -> None:
    assert "Whoever publishes the page must add them" in html["en"][html["en"].index('<section class="contact"') :]
    publisher = Contact(
        publisher=label("Mallilan kunta <b>", "Modellby kommun", "Mallila"), email="palaute@example.org"
    )
    text = as_page(executed(pages["fi"]), contact=publisher)
    foot = text[text.index('<section class="contact"') :]
    assert "Mallilan kunta &lt;b&gt;" in foot
    assert 'href="mailto:palaute@example.org"' in foot
    assert "puuttuvat" not in foot
    assert "<summary>Saavutettavuusseloste</summary>" in foot
    assert "Julkaisija ei ole vielä arvioinut" in foot
    assert "Traficom" in foot


def test_the_publisher_is_read_from_a_file(pages: dict[str, Page], tmp_path: Path) -> None:
    file, publisher = tmp_path / "contact.yaml", "publisher: {fi: Kunta, sv: Kommun, en: Place}\n"
    file.write_text(f"{publisher}form: https://example.org/palaute\n", encoding="utf-8")
    text, _ = ReportExporter(contact=str(file)).from_notebook_node(executed(pages["sv"]))
    assert 'href="https://example.org/palaute"' in text[text.index('<section class="contact"') :]
    file.write_text(publisher, encoding="utf-8")
    with pytest.raises(UsageError, match="electronic way"):
        ReportExporter(contact=str(file)).from_notebook_node(executed(pages["sv"]))


def test_nbconvert_finds_the_exporter_by_its_name() -> None:
    found = [one for one in entry_points(group="nbconvert.exporters") if one.name == "costeff_report"]
    assert found
    assert found[0].load() is ReportExporter


def test_code_prompts_and_notes_for_analysts_are_not_shown(page: tuple[str, str, Reader]) -> None:
    assert "For analysts only" not in page[1]
    assert "page.answer" not in page[1]
    assert "In [" not in page[1]


def test_tables_have_captions_and_headings_with_scope(page: tuple[str, str, Reader]) -> None:
    reader = page[2]
    assert len(reader.named("table")) == len(reader.named("caption")) > 5
    assert all(cell.get("scope") in ("col", "row") for cell in reader.named("th"))


def test_the_same_bytes_every_time(pages: dict[str, Page], tree_path: Path, html: dict[str, str]) -> None:
    again = open_page(tree_path, "999", "sv", catalogue())
    assert ReportExporter().from_notebook_node(executed(again))[0] == html["sv"]


def test_a_page_stays_small(html: dict[str, str]) -> None:
    assert all(len(text.encode()) < 300_000 for text in html.values())  # 1.5 MB is the most a page may weigh


def test_a_page_is_told_in_half_a_second_of_processor_time(tree_path: Path) -> None:
    executed(open_page(tree_path, "999", "en", catalogue()))  # what a kernel has warm
    start = time.process_time()
    book = executed(open_page(tree_path, "999", "en", catalogue()))
    as_page(book)
    assert time.process_time() - start < 0.5


PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><style>@import 'http://evil.example/x.css'</style></svg>",
    '"><iframe src="javascript:alert(1)"></iframe>',
    "<a href='javascript:alert(1)'>x</a>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<form action='http://evil.example'><input name=x></form>",
    "<link rel=stylesheet href='http://evil.example/a.css'>",
    "<meta http-equiv=refresh content='0;url=http://evil.example'>",
    "<div style='background:url(http://evil.example/a.png)'>x</div>",
    "{{ 7 * 7 }}{% raw %}",
    "<base href='http://evil.example/'>",
]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_names_are_dead_in_the_page(tmp_path: Path, payload: str) -> None:
    data = appraisal(municipality_fi=payload, county_fi=payload, price_set=payload, input_hash=payload)
    path = write_tree(tmp_path / "999.nc", {"family_work": data})
    page = open_page(path, "999", "fi", catalogue(family_work(label(payload, payload, payload))))
    _assert_dead(ReportExporter().from_notebook_node(executed(page))[0])


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_outputs_are_dead_in_the_page(payload: str) -> None:
    book = new_notebook(
        cells=[
            new_code_cell("x", outputs=[new_output("display_data", {"text/html": payload})]),
            new_markdown_cell(payload, metadata={"tags": ["reader"]}),
        ]
    )
    _assert_dead(ReportExporter(language="fi", title=payload, inside=True).from_notebook_node(book)[0])


def _assert_dead(text: str) -> None:
    reader = Reader(text)
    tags = {tag for tag, _ in reader.tags}
    assert not tags & {"script", "iframe", "svg", "math", "form", "input", "link", "object", "base", "mglyph"}
    assert len(reader.named("style")) == 1
    assert not any(m.get("http-equiv") == "refresh" for m in reader.named("meta"))
    for tag, attributes in reader.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        for name in ("href", "src"):
            assert "javascript:" not in attributes.get(name, "")
            assert "evil.example" not in attributes.get(name, "")
        if tag == "img":
            assert attributes["src"].startswith("data:image/")
    assert ">49<" not in text


def test_the_sanitiser_keeps_tables_and_figures_and_drops_the_rest() -> None:
    kept = clean('<table role="table"><tr><td data-label="a" class="num evil">1</td></tr></table>')
    assert 'data-label="a"' in kept
    assert 'class="num"' in kept
    assert clean('<img src="data:image/png;base64,AAAA" alt="Two bars">') != ""
    assert clean('<img src="data:image/png;base64,AAAA">') == ""
    assert clean('<img src="data:image/png;base64,AAAA" alt=" ">') == ""
    assert clean('<img src="data:text/html;base64,AAAA" alt="x">') == ""
    assert clean('<img src="https://a.example/x.png" alt="x">') == ""
    assert "href" not in clean('<a href="data:text/html,x">x</a>')
    assert "href" not in clean('<a href="//evil.example">x</a>')
    assert 'id="' not in clean('<p id="content">x</p>')


def test_headings_of_others_are_put_in_order() -> None:
    assert orderly("<h1>a</h1><h5>b</h5><h3>c</h3><h2>d</h2>") == "<h2>a</h2><h3>b</h3><h3>c</h3><h2>d</h2>"


def test_a_failed_cell_makes_no_page(tmp_path: Path) -> None:
    cell = new_code_cell("1/0", outputs=[new_output("error", ename="E", evalue="secret 131052-308T", traceback=[])])
    path = tmp_path / "bad.ipynb"
    nbformat.write(new_notebook(cells=[cell]), path)
    with pytest.raises(ModelError, match="ended with an error") as caught:
        render(path, tmp_path / "bad.html", "fi", "x")
    assert "secret" not in str(caught.value)
    assert not (tmp_path / "bad.html").exists()


def test_streams_plain_text_and_images_without_alt_are_left_out() -> None:
    outputs = [
        new_output("stream", name="stdout", text="chatter"),
        new_output("display_data", {"text/plain": "object at 0x7f", "image/png": "AAAA"}),
    ]
    text, _ = ReportExporter(language="en", inside=True).from_notebook_node(
        new_notebook(cells=[new_code_cell("x", outputs=outputs)])
    )
    assert "chatter" not in text
    assert "0x7f" not in text
    assert "<img" not in text


def test_references_are_marked_as_english(html: dict[str, str]) -> None:
    marked = '<span lang="en">Round figures quoted in the sector</span>'
    assert [marked in html[language] for language in ("fi", "sv", "en")] == [True, True, False]
    assert '<span lang="en">Sitra</span>' in html["fi"]


def test_render_writes_whole_files_with_links_to_the_other_languages(pages: dict[str, Page], tmp_path: Path) -> None:
    source = tmp_path / "999.fi.ipynb"
    nbformat.write(executed(pages["fi"]), source)
    out = render(
        source, tmp_path / "pages" / "999.fi.html", "fi", "Otsikko & muuta",
        alternates={"fi": "999.fi.html", "sv": "999.sv.html"}, index="index.fi.html",
        footer_links=[("Saavutettavuusseloste", "https://www.example.org/a")],
    )  # fmt: skip
    text = out.read_text(encoding="utf-8")
    assert "<h1>Otsikko &amp; muuta</h1>" in text
    assert '<a href="999.sv.html" lang="sv" hreflang="sv">På svenska</a>' in text
    assert "Suomeksi" not in text
    assert "Saavutettavuusseloste" in text
    assert sorted(os.listdir(out.parent)) == ["999.fi.html"]


def test_a_missing_notebook_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read as a notebook"):
        render(tmp_path / "no.ipynb", tmp_path / "no.html", "fi", "x")
