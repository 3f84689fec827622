"""Tables of figures as files: what the page shows, as numbers, dead in a spreadsheet, and brought by nobody else."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from report_fakes import appraisal, catalogue, executed, family_work, label, write_tree

from costeff.report.downloads import as_frame, with_downloads
from costeff.report.markup import Table, details, with_interval
from costeff.report.page import open_page
from costeff.report.render import ReportExporter, as_page
from costeff.report.words import Words

LINK = re.compile(r'<p class="download"><a href="data:text/csv;charset=utf-8,([^"]*)" download="([^"]*)"')


def files(html: str) -> dict[str, list[list[str]]]:
    """Rows of each file by its name, as a spreadsheet of the page's language reads them."""
    separator = "," if '<html lang="en">' in html else ";"
    return {
        name: list(csv.reader(io.StringIO(unquote(data).removeprefix("\ufeff")), delimiter=separator))
        for data, name in LINK.findall(html)
    }


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_each_figure_has_its_table_as_a_file_of_its_own(html: dict[str, str], language: str) -> None:
    text = html[language]
    found = files(text)
    assert len(found) == text.count("<figure>") == 6
    assert list(found) == [f"999-{number}.csv" for number in range(1, 7)]
    said = re.findall(r'<p class="download"><a[^>]*aria-label="([^"]*)"[^>]*>([^<]*)', text)
    assert all(label.startswith(shown) for label, shown in said)
    assert "&lt;details" not in text
    assert text.count("<details>") == text.count("</details>") >= 5


def test_the_file_holds_what_the_page_shows(html: dict[str, str]) -> None:
    text = html["en"]
    money = next(rows for rows in files(text).values() if rows[0][0] == "Year")
    assert money[0][2:] == [
        "Running total and its interval", "Running total and its interval: lower end",
        "Running total and its interval: upper end",
    ]  # fmt: skip
    assert [row[0] for row in money[1:]] == [str(year) for year in range(2026, 2036)]
    cell = r'2026</th>.*?class="main">([^<]*)</span>\s*<span class="interval">([^<]*) to ([^<]*)<'
    shown = re.search(cell, text, re.DOTALL)
    assert shown
    plain = [one.replace("\u2212", "-").replace(",", "") for one in shown.groups()]
    assert money[1][2:] == plain


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_a_number_comes_back_as_it_was_written(language: str) -> None:
    words = Words(language)
    values = [-1_234_567, 0, 2.8, -0.5, 999]
    rows = [("x", ""), *((words.number(v, 0 if isinstance(v, int) else 1), "") for v in values)]
    frame = as_frame([[row] for row in rows], words)
    assert frame["x"].tolist() == values
    between = words.between(words.number(-1_500), words.number(2_500), negative=True)
    positive = words.between(words.number(0.8, 1), words.number(5.1, 1))
    ends = as_frame([[("x", "")], [("1", between)], [("2", positive)], [("3", "")]], words)
    assert ends.iloc[:, 1].tolist() == [-1500, 0.8, None]
    assert ends.iloc[:, 2].tolist() == [2500, 5.1, None]


def test_a_text_that_is_no_range_stays_a_text() -> None:
    frame = as_frame([[("x", "")], [("> 99 %", "hintavuosi 2018")]], Words("fi"))
    assert frame.columns.tolist() == ["x", "x: huomautus"]
    assert frame.iloc[0].tolist() == ["> 99 %", "hintavuosi 2018"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "＝"])
def test_no_name_becomes_a_formula(start: str) -> None:
    text = f"{start}cmd|' /C calc'!A1"
    table = Table(text, (text, "Euros"), [[text, with_interval("1", "0 to 2")]]).html()
    page = with_downloads(f"<figure></figure>{details('x', table)}", Words("en"), "table")
    (rows,) = files(f'<html lang="en">{page}').values()
    assert rows[0][0].startswith("'")
    assert rows[1][0].startswith("'")


def test_hostile_names_stay_inside_the_address(tmp_path: Path) -> None:
    bad = "\"><script>alert(1)</script>' onclick=x"
    path = write_tree(tmp_path / "999.nc", {"family_work": appraisal(municipality_fi=bad)})
    text = as_page(executed(open_page(path, "999", "fi", catalogue(family_work(label(bad, bad, bad))))))
    assert len(files(text)) == text.count("<figure>")
    assert "<script" not in text
    assert not re.search(r"<[^>]* onclick", text)


def test_a_notebook_cannot_bring_such_a_link_itself() -> None:
    bad = '<a href="data:text/csv,=cmd" download="x.csv">x</a><a href="data:text/html,<b>" download>y</a>'
    book = new_notebook(cells=[new_code_cell("x", outputs=[new_output("display_data", {"text/html": bad})])])
    text, _ = ReportExporter(language="en", inside=True).from_notebook_node(book)
    assert "data:text" not in text
    assert "download=" not in text
