"""The report of a county: asked for by its code, made and listed as other pages are."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from costeff.batch import plan, resolve, run
from costeff.batch.manifest import Manifest
from costeff.batch.notebooks import Job, template_of
from costeff.batch.request import check_parameters
from costeff.errors import UsageError

ROOT = Path(__file__).parents[2]
HELSINKI = {"county_reports": ["90"], "languages": ["fi", "sv"], "chains": ["intensive_family_work"]}


def test_counties_are_asked_for_by_code_or_all_at_once(catalogue, tmp_path):
    some = resolve(catalogue, county_reports=["07", "90", "07"], output=tmp_path)
    assert (some.municipalities, some.county_reports, some.places) == ((), ("07", "90"), ("07", "90"))
    every = resolve(catalogue, county_reports=["all"], municipalities=["165"], output=tmp_path)
    assert every.county_reports == tuple(catalogue.counties)
    assert every.places == ("165", *catalogue.counties)
    assert resolve(catalogue, counties=["07"], output=tmp_path).county_reports == ()


@pytest.mark.parametrize(
    ("asked", "rule"),
    [
        (["7"], "write 07"),
        (["165"], "is not a county"),
        (["99"], "is not a county"),
        (["ALL"], "is not a county"),
        (["<script>"], "is not a county"),
        (["../07"], "is not a county"),
        ([], "none was asked for"),
    ],
)
def test_what_is_no_county_is_refused_with_its_cure(catalogue, tmp_path, asked, rule):
    with pytest.raises(UsageError, match=rule):
        resolve(catalogue, county_reports=asked, output=tmp_path)


def test_its_files_are_named_after_the_county():
    job = Job("05", "sv", ("fi", "sv"), template_of(ROOT / "notebooks", "05"), Path("x"))
    assert (job.page, job.notebook) == ("county-05.sv.html", "notebooks/county-05.sv.ipynb")
    assert job.template == ROOT / "notebooks" / "91_county_report.ipynb"
    assert template_of(ROOT / "notebooks", "165") == ROOT / "notebooks" / "90_municipal_report.ipynb"


def test_the_county_is_given_by_the_run_itself():
    with pytest.raises(UsageError, match="parameter county: is given by the run itself"):
        check_parameters({"county": {"inferred_type_name": "str"}}, {"county": "07"})


@pytest.fixture(scope="module")
def helsinki(catalogue, tmp_path_factory):
    output = tmp_path_factory.mktemp("county")
    outcome = run(catalogue, resolve(catalogue, output=output, **HELSINKI), root=ROOT)
    assert [done.error for done in outcome.failed] == []
    return output


def test_a_county_has_its_pages_and_stands_at_the_top_of_the_list(helsinki):
    there = {path.name for path in helsinki.glob("*.html")}
    assert there == {"county-90.fi.html", "county-90.sv.html", "index.html", "index.fi.html", "index.sv.html"}
    page = (helsinki / "county-90.fi.html").read_text(encoding="utf-8")
    assert "Helsingin kaupunki: " in page
    assert "Oma raha (Helsingin kaupunki)" in page
    assert 'href="county-90.sv.html"' in page
    index = (helsinki / "index.sv.html").read_text(encoding="utf-8")
    assert re.search(r'<h2 id="county-reports">.*href="county-90\.sv\.html">Helsingfors stad<', index, re.DOTALL)
    assert '<nav class="contents"' not in index  # there is no municipality to lead to


def test_it_stands_until_something_it_read_changes(catalogue, helsinki):
    def why(other):
        asked = resolve(other, output=helsinki, **HELSINKI)
        return {one.name: one.why for one in plan(other, asked, ROOT).pages}

    def with_place(code, **changes):
        place = catalogue.municipalities[code].override(**changes)
        return replace(catalogue, municipalities={**catalogue.municipalities, code: place})

    assert why(catalogue) == {}
    assert why(with_place("165", name_sv="Annat")) == {}
    own = {"page 90 fi", "page 90 sv"}
    assert set(why(with_place("091", name_sv="Annat"))) == own


def test_the_record_and_the_manifest_tell_of_it(helsinki):
    asked = json.loads((helsinki / "run.json").read_text())["request"]
    assert (asked["municipalities"], asked["county_reports"]) == ([], ["90"])
    made = Manifest(helsinki).made
    assert list(made["appraisal 90"].files) == ["appraisals/county-90.nc"]
    assert made["page 90 fi"].entry["name"] == "Helsingin kaupunki"
