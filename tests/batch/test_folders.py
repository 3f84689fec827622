"""Whose folder it is: a run takes none that others filled, and asking how it goes changes nothing."""

from pathlib import Path

import pytest

from costeff.batch.folders import writable
from costeff.batch.log import kind_of, plain
from costeff.batch.manifest import Made, Manifest
from costeff.errors import Problem, SetupError
from costeff.files import alone_in, in_use


@pytest.mark.parametrize(
    "name", ["index.html", "index.sv.html", "run.json", "notebooks/mine.ipynb", ".aside/thesis.txt"]
)
def test_a_folder_that_others_filled_is_not_taken(tmp_path: Path, name: str) -> None:
    mine = tmp_path / name
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("mine")
    with pytest.raises(SetupError, match="did not write"):
        writable(tmp_path)
    assert mine.read_text() == "mine"


@pytest.mark.parametrize("name", ["", "params", "docs/how_to", "notebooks/../params/own", ".."])
def test_a_folder_of_the_project_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    home = tmp_path / "home"
    (home / "params").mkdir(parents=True)
    (home / "params" / "sources.yaml").touch()
    monkeypatch.setenv("COSTEFF_HOME", str(home))
    with pytest.raises(SetupError, match="of the project itself"):
        writable(home / name)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["home", "params", "sources.yaml"]
    writable(home / "runs" / "first")
    assert (home / "runs" / "first").is_dir()


def test_a_folder_with_other_things_and_one_of_a_run_are_taken(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    writable(tmp_path)
    Manifest(tmp_path).add(Made("fits chain", {}, {}, {}))
    (tmp_path / "index.html").write_text("of the run")
    writable(tmp_path)


@pytest.mark.parametrize(
    ("name", "asked", "rule"),
    [("fits chain", "simulation", "holds a run"), ("appraisal base 05", "run", "holds a simulation")],
)
def test_a_run_and_a_simulation_do_not_share_a_folder(tmp_path: Path, name: str, asked: str, rule: str) -> None:
    Manifest(tmp_path).add(Made(name, {}, {}, {}))
    with pytest.raises(SetupError, match=rule):
        writable(tmp_path, asked)


def test_asking_whether_a_folder_is_in_use_writes_nothing(tmp_path: Path) -> None:
    assert not in_use(tmp_path)
    assert not list(tmp_path.iterdir())
    with alone_in(tmp_path):
        assert in_use(tmp_path)
    assert not in_use(tmp_path)


def test_the_log_has_no_place_for_a_person() -> None:
    assert "0123" not in plain("client k" + "0123456789abcdef" * 2)
    assert kind_of("ValueError: 37 of Aino") == "ValueError"


def test_a_place_is_told_without_signs_that_steer_a_terminal() -> None:
    assert "\x1b" not in str(Problem("\x1b[31m\nred", "is wrong", "mend it"))
