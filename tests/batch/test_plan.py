"""A second run makes what is due and nothing else, and says why."""

import shutil
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

from costeff.batch import plan, read_status, resolve, run
from costeff.batch.manifest import Made, Manifest
from costeff.errors import UsageError

ROOT = Path(__file__).parents[2]
planning = import_module("costeff.batch.plan")  # a function of the same name stands before it in the package


@pytest.fixture
def again(made, tmp_path):
    """A copy of a finished run, to be spoiled."""
    return shutil.copytree(made[0].output, tmp_path / "run")


def asked(catalogue, folder, **changes):
    return resolve(
        catalogue, **{"municipalities": ["165", "478"], "languages": ["fi", "sv"], "output": folder, **changes}
    )


def why(catalogue, folder, **changes):
    return {one.name: one.why for one in plan(catalogue, asked(catalogue, folder, **changes), ROOT).pages}


def dearer(catalogue, name):
    cost = catalogue.unit_costs[name]
    values = tuple(value.override(mean=value.mean * 1.01) if value.mean else value for value in cost.values)
    return replace(catalogue, unit_costs={**catalogue.unit_costs, name: cost.override(values=values)})


def test_an_unchanged_run_makes_nothing(catalogue, again):
    apart = (".lock", "log.jsonl")  # the log tells that it ran
    before = {path: path.read_bytes() for path in again.rglob("*") if path.is_file() and path.name not in apart}
    outcome = run(catalogue, asked(catalogue, again), root=ROOT)
    assert (outcome.pages, outcome.standing, outcome.fitted, outcome.cached_fits) == (0, 4, 0, 0)
    after = {path: path.read_bytes() for path in again.rglob("*") if path.is_file() and path.name not in apart}
    assert after == before


def test_what_is_asked_more_is_new(catalogue, again):
    assert why(catalogue, again, municipalities=["165", "478", "407"], languages=["fi"]) == {
        "page 165 fi": "asked for otherwise",  # it links to the languages there are
        "page 478 fi": "asked for otherwise",
        "page 407 fi": "new",
    }
    assert set(why(catalogue, again, clients=50).values()) == {"asked for otherwise"}
    assert why(catalogue, again, workers=1, timeout=10) == {}


def test_a_price_that_is_used_remakes_its_pages_and_another_none(catalogue, again):
    reads = {place for made in Manifest(again).made.values() for place in made.reads}
    used = next(place.split()[1] for place in sorted(reads) if place.startswith("unit_costs ") and "*" not in place)
    unused = next(name for name in sorted(catalogue.unit_costs) if f"unit_costs {name}" not in reads)
    assert why(dearer(catalogue, unused), again) == {}
    found = why(dearer(catalogue, used), again)
    assert set(found) == {"page 165 fi", "page 165 sv", "page 478 fi", "page 478 sv"}
    assert set(found.values()) == {f"changed in params/: unit_costs {used}"}


def test_one_municipality_s_facts_remake_its_own_pages_alone(catalogue, again):
    place = catalogue.municipalities["478"]
    moved = place.override(name_sv="Annat namn")
    other = replace(catalogue, municipalities={**catalogue.municipalities, "478": moved})
    assert set(why(other, again)) == {"page 478 fi", "page 478 sv"}


def test_a_file_that_is_gone_or_tampered_with_is_made_again(catalogue, again):
    (again / "165.fi.html").unlink()
    with (again / "478.sv.html").open("a") as page:
        page.write("<p>more</p>")
    assert why(catalogue, again) == {
        "page 165 fi": "its file is gone",
        "page 478 sv": "its file was changed by others",
    }
    outcome = run(catalogue, asked(catalogue, again), root=ROOT)
    assert (outcome.pages, outcome.standing) == (2, 2)
    assert "<p>more</p>" not in (again / "478.sv.html").read_text()


def test_a_spoiled_appraisal_is_made_again_and_its_pages_stand_when_it_comes_out_the_same(catalogue, again):
    (again / "appraisals" / "165.nc").write_bytes(b"cut off")
    assert set(why(catalogue, again)) == {"page 165 fi", "page 165 sv"}
    outcome = run(catalogue, asked(catalogue, again), root=ROOT)
    assert (outcome.pages, outcome.standing) == (0, 4)


def test_a_page_that_failed_is_made_again_and_told_until_then(catalogue, again):
    manifest = Manifest(again)
    manifest.add(Made("page 165 fi", manifest.made["page 165 fi"].parts, error="its kernel died"))
    assert why(catalogue, again) == {"page 165 fi": "failed last time"}
    status = read_status(again)
    assert (status.whole, status.failed, status.running) == (3, (("165 fi", "its kernel died"),), False)


@pytest.mark.parametrize(
    ("changed", "told"),
    [("code_of_pages", "the code changed"), ("code_of_appraisals", "the code changed"),
     ("packages", "a library changed")],
)  # fmt: skip
def test_other_code_and_other_libraries_remake_every_page_and_say_so(catalogue, again, monkeypatch, changed, told):
    monkeypatch.setattr(planning, changed, lambda: "another")
    assert set(why(catalogue, again).values()) == {told}


def test_another_template_and_another_fit_are_told(catalogue, again, tmp_path):
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    with (tmp_path / "notebooks" / "90_municipal_report.ipynb").open("a") as file:
        file.write("\n")
    planner = planning.Planner(catalogue, asked(catalogue, again), tmp_path / "notebooks", {})
    assert {one.why for job in planner.jobs() if (one := planner.page_due(job))} == {"the template changed"}
    assert "another fit" in next(iter(why(catalogue, again, seed=7).values()))


def test_a_folder_without_a_run_has_no_status(tmp_path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path, tmp_path / "file", tmp_path / "nowhere"):
        with pytest.raises(UsageError, match="no run to show"):
            read_status(place)


def test_planning_writes_nothing(catalogue, tmp_path):
    found = plan(catalogue, asked(catalogue, tmp_path / "run"), ROOT)
    assert len(found.pages) == 4
    assert {one.why for one in found.pages} == {"new"}
    assert not (tmp_path / "run").exists()


def test_a_line_that_was_cut_off_is_left_out(tmp_path):
    manifest = Manifest(tmp_path)
    manifest.add(Made("page 165 fi", {"code": "a"}))
    manifest.add(Made("page 091 fi", {"code": "a"}))
    whole = manifest.path.read_text()
    for cut in range(len(whole) // 2, len(whole)):
        manifest.path.write_text(whole[:cut])
        assert set(Manifest(tmp_path).made) in ({"page 165 fi"}, {"page 165 fi", "page 091 fi"})
    manifest.path.write_text(whole[:-10])
    after = Manifest(tmp_path)
    after.add(Made("page 478 fi", {"code": "a"}))  # on a line of its own, whatever the last one is
    assert "page 478 fi" in Manifest(tmp_path).made


def test_the_last_line_of_a_name_counts_and_stays_when_written_anew(tmp_path):
    manifest = Manifest(tmp_path)
    for code in ("a", "b"):
        manifest.add(Made("page 165 fi", {"code": code}))
    found = Manifest(tmp_path)
    assert found.made["page 165 fi"].parts == {"code": "b"}
    found.compact()
    assert len(found.path.read_text().splitlines()) == 1
    assert Manifest(tmp_path).made == found.made


def test_a_chain_that_the_run_does_not_tell_remakes_nothing(catalogue, again):
    chains = tuple(catalogue.chains)
    first = catalogue.chains[chains[0]]
    third = replace(catalogue, chains={**catalogue.chains, "third": first.override(id="third")})
    assert why(third, again, chains=chains) == {}
    label = first.label.override(fi="Toinen nimi")
    renamed = replace(catalogue, chains={**catalogue.chains, first.id: first.override(label=label)})
    assert set(why(renamed, again).values()) == {f"changed in params/: chains {first.id}"}


def test_what_a_design_rests_on_is_told_on_the_page_and_remakes_it(catalogue, again):
    name, design = next(iter(catalogue.designs.items()))
    moved = replace(catalogue, designs={**catalogue.designs, name: design.override(source=("rossi_1980",))})
    assert set(why(moved, again)) == {"page 165 fi", "page 165 sv", "page 478 fi", "page 478 sv"}


def test_pages_do_not_depend_on_the_code_of_the_site_and_lists_do(monkeypatch, tmp_path):
    package = tmp_path / "site" / "costeff"  # wherever it lies
    for name in (
        "report/page.py",
        "report/glossary.yaml",
        "report/site/pages.py",
        "batch/notebooks.py",
        "batch/engine.py",
    ):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(name)
    monkeypatch.setattr(planning, "PACKAGE", package)

    def hashes() -> tuple[str, str]:
        return planning.code_of_pages.__wrapped__(), planning.code_of_lists.__wrapped__()

    before = hashes()
    (package / "report/site/pages.py").write_text("other")
    pages, lists = hashes()
    assert (pages == before[0], lists == before[1]) == (True, False)
    (package / "report/glossary.yaml").write_text("other")
    assert hashes()[0] != pages
