"""A whole run: real register, real fits, real kernels, real pages."""

import json
import shutil
from pathlib import Path

import nbformat
import pytest

from costeff.batch import resolve, run
from costeff.batch.local import run_jobs
from costeff.batch.manifest import Made, Manifest
from costeff.batch.notebooks import Job
from costeff.errors import SetupError
from costeff.files import alone_in

ROOT = Path(__file__).parents[2]


def test_every_page_is_made_and_listed(made):
    outcome, _ = made
    assert outcome.pages == 4
    assert not outcome.failed
    for name in ("165.fi", "165.sv", "478.fi", "478.sv", "index", "index.fi", "index.sv"):
        assert (outcome.output / f"{name}.html").stat().st_size > 5_000
    index = (outcome.output / "index.sv.html").read_text()
    assert "Mariehamn" in index
    assert 'href="165.sv.html"' in index


def test_pages_hold_no_code_no_script_no_request_and_say_synthetic_first(made):
    for page in made[0].output.glob("[0-9]*.html"):
        text = page.read_text()
        assert "<script" not in text
        assert "open_page" not in text
        assert 'src="http' not in text
        body = text[text.index("<body") :]
        assert body.index("ynte") < body.index("<h1")  # Synteettinen, Syntetisk


def test_only_complete_files_stand_in_the_folder(made):
    left = [path for path in made[0].output.rglob(".*") if path.name != ".lock"]
    assert not (made[0].output / ".kernels").exists()
    assert left == []


def test_executed_notebooks_ran_to_their_end(made):
    for path in (made[0].output / "notebooks").glob("*.ipynb"):
        told = nbformat.read(path, 4).metadata["papermill"]
        assert told["end_time"]
        assert not told["exception"]


def test_the_record_says_what_was_made_from_what(made):
    record = json.loads((made[0].output / "run.json").read_text())
    assert record["pages"] == 4
    assert record["failed"] == []
    assert all(fit["passed"] and len(fit["hash"]) == 20 for fit in record["fits"].values())
    models = {name: fit["model"] for name, fit in record["fits"].items()}
    family, support = "intensive_family_work", "post_release_support"
    told = {f"{family} outcome": "binary", f"{family} costs": "cost_gamma", f"{support} outcome": "time_to_event"}
    assert models == told


def test_progress_is_told_to_the_end(made):
    stages = {step.stage: (step.done, step.total) for step in made[1]}
    assert stages["appraisals"] == (2, 2)
    assert stages["reports"] == (4, 4)


def test_one_bad_municipality_is_named_and_the_others_are_made(made, tmp_path):
    broken = tmp_path / "407.nc"
    broken.write_bytes(b"not an appraisal")

    def job(code, appraisal):
        template = ROOT / "notebooks" / "90_municipal_report.ipynb"
        return Job(code, "fi", ("fi",), template, appraisal)

    good = made[0].output / "appraisals" / "165.nc"
    ended = {done.job.municipality: done for done in run_jobs([job("407", broken), job("165", good)], 2)}
    assert "UsageError" in ended["407"].error
    assert (ended["407"].page, ended["407"].notebook) == ("", "")
    assert ended["165"].error == ""
    assert '<html lang="fi"' in ended["165"].page


@pytest.fixture(scope="module")
def without(catalogue, fits_cache):
    """A municipality in which the register has no client."""
    from costeff.batch.country import open_checked, synthetic_register
    from costeff.records import reduce_clients_count

    with open_checked(synthetic_register(catalogue, catalogue.conventions.seed, fits_cache), catalogue) as register:
        clients = reduce_clients_count(register)
    return sorted(set(catalogue.municipalities) - set(clients["municipality"]))[0]


@pytest.fixture(scope="module")
def second(made, without, catalogue, tmp_path_factory):
    """A run after another, of a municipality that the other had and of one without clients."""
    output = tmp_path_factory.mktemp("second")
    return run(
        catalogue, resolve(catalogue, municipalities=["165", without], languages=["en"], output=output), root=ROOT
    )


def test_a_second_run_takes_the_fits_from_the_cache_and_makes_the_same_appraisal(made, second):
    assert second.cached_fits == 3
    assert (second.output / "165.en.html").is_file()
    first, again = (one.output / "appraisals" / "165.nc" for one in (made[0], second))
    assert again.read_bytes() == first.read_bytes()


def test_a_municipality_without_clients_is_told_from_the_others_data(second, without):
    text = (second.output / f"{without}.en.html").read_text()
    assert "estimated from the data of other municipalities" in text
    assert "fewer than 10 clients" in text


def test_an_own_register_is_used_and_a_broken_one_stops_before_any_page(made, catalogue, fits_cache, tmp_path):
    from costeff.batch.country import synthetic_register
    from costeff.errors import DataError

    source = tmp_path / "register"
    shutil.copytree(synthetic_register(catalogue, catalogue.conventions.seed, fits_cache), source)
    (source / "outcomes.parquet").unlink()
    request = resolve(catalogue, municipalities=["165"], output=tmp_path / "run", register_path=source)
    with pytest.raises(DataError, match="outcomes"):
        run(catalogue, request, root=ROOT)
    assert not list((tmp_path / "run").glob("*.html"))


def test_a_second_run_in_the_same_folder_is_refused_at_once(catalogue, tmp_path):
    request = resolve(catalogue, municipalities=["165"], output=tmp_path)
    with alone_in(tmp_path), pytest.raises(SetupError, match="another run writes here"):
        run(catalogue, request, root=ROOT)
    assert not list(tmp_path.glob("*.html"))


def test_a_page_that_cannot_be_written_is_named_and_the_index_is_made(made, catalogue, tmp_path):
    Manifest(tmp_path).add(Made("page 001 fi", {}))  # the folder is of an earlier run
    (tmp_path / "165.fi.html" / "in_the_way").mkdir(parents=True)
    (tmp_path / "notebooks" / "407.fi.ipynb" / "in_the_way").mkdir(parents=True)
    (tmp_path / "index.sv.html").write_text("of an earlier run")
    chains = ["post_release_support"]  # what is written where is the same for every chain
    request = resolve(catalogue, municipalities=["165", "407", "478"], chains=chains, output=tmp_path)
    outcome = run(catalogue, request, root=ROOT)
    assert {done.job.municipality for done in outcome.failed} == {"165", "407"}
    assert str(tmp_path) not in (tmp_path / "run.json").read_text()
    assert (tmp_path / "478.fi.html").is_file()
    assert (tmp_path / "index.fi.html").is_file()
    assert not (tmp_path / "index.sv.html").exists()
