"""What a folder is said to hold: pages of places, scenarios that a simulation has now, and its matrix if it failed."""

import pytest

from costeff.batch.manifest import Made, Manifest
from costeff.batch.simulate import Simulated
from costeff.batch.status import ASKED, MATRIX, read_status
from costeff.cli import simulate as command
from costeff.errors import PartialError


@pytest.fixture
def simulated(tmp_path):
    """A simulation of one scenario that had another one before, both with a page."""
    manifest = Manifest(tmp_path)
    for made in (
        Made(ASKED, {}, entry={"scenarios": ["now", "gone"]}),
        Made("appraisal now 04", {}),
        Made("appraisal gone 04", {}),
        Made(MATRIX, {}),
        Made(ASKED, {}, entry={"scenarios": ["now"]}),
    ):
        manifest.add(made)
    for name in ("now", "gone"):
        (tmp_path / name).mkdir()
        Manifest(tmp_path / name).add(Made("page 091 fi", {}, error="its kernel died" if name == "gone" else ""))
    return tmp_path


def test_a_removed_scenario_is_not_counted_and_a_matrix_is_no_page(simulated):
    found = read_status(simulated)
    assert (found.whole, found.computed, found.failed) == (1, 1, ())


def test_a_matrix_that_is_held_back_is_told_as_failed(simulated):
    Manifest(simulated).add(Made(MATRIX, {}, error="held back: index.html"))
    assert read_status(simulated).failed == (("the matrix", "held back: index.html"),)


@pytest.mark.parametrize("entry", [{}, {"scenarios": None}])
def test_a_manifest_that_names_no_scenarios_counts_all(simulated, entry):
    Manifest(simulated).add(Made(ASKED, {}, entry=entry))
    assert read_status(simulated).computed == 2


def test_a_held_matrix_says_that_its_labels_are_to_be_changed(tmp_path):
    why = "holds an identity code (text)"
    outcome = Simulated(tmp_path, held={"index.html": why, "index.fi.html": why})
    with pytest.raises(PartialError) as caught:
        command._told(outcome)
    told = str(caught.value)
    assert "index.html, index.fi.html: holds an identity code" in told
    assert "labels in the simulation's file" in told
    assert "makes only what failed" not in told
