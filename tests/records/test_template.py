"""The empty register leads to a whole one, in the user's own language, and overwrites nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from register_builders import KNOWN, whole

from costeff.errors import DataError, SetupError, UsageError
from costeff.records import TABLES, check, open_register, write_template
from costeff.spec import LANGUAGES, Language


def told(folder: Path) -> list[tuple[str, str]]:
    with pytest.raises(DataError) as caught, open_register(folder) as register:
        check(register, KNOWN)
    return [(problem.place, problem.rule) for problem in caught.value.problems]


def test_an_empty_register_lacks_nothing_but_rows(tmp_path: Path) -> None:
    assert told(write_template(tmp_path / "register")) == [(name, "has no rows") for name in TABLES]


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_explains_every_column(tmp_path: Path, language: Language) -> None:
    folder = write_template(tmp_path / "register", language=language)
    readme = (folder / "README.md").read_text(encoding="utf-8")
    for name, table in TABLES.items():
        assert f"### {name}\n\n{table.label[language]}." in readme
        assert all(f"| `{column.name}` |" in readme for column in table.columns)


def test_filled_in_it_is_a_register(tmp_path: Path) -> None:
    folder = write_template(tmp_path / "register", ["outcomes", "clients", "episodes"], "fi")
    for name, frame in whole().items():
        with (folder / f"{name}.csv").open("a", encoding="utf-8") as file:
            frame.reindex(columns=TABLES[name].names).to_csv(file, sep=";", decimal=",", header=False, index=False)
    with open_register(folder) as register:
        check(register, KNOWN)
        assert not register.synthetic  # whoever fills it in has clients


def test_own_names_are_told_on_the_left_of_the_mapping(tmp_path: Path) -> None:
    folder = write_template(tmp_path / "register", ["clients"])
    mapping = folder / "mapping.yaml"
    mapping.write_text(mapping.read_text().replace("municipality: municipality", "kunta: municipality"))
    (folder / "clients.csv").write_text("client;kunta;risk_group\n")
    assert ("clients", "has no rows") in told(folder)


def test_only_the_tables_asked_for_are_written(tmp_path: Path) -> None:
    folder = write_template(tmp_path / "register", ["costs", "residence"])
    files = {"costs.csv", "residence.csv", "mapping.yaml", "register.json", "README.md"}
    assert {file.name for file in folder.iterdir()} == files
    assert (folder / "residence.csv").read_text(encoding="utf-8-sig") == "client;municipality;start;end\n"


@pytest.mark.parametrize("there", ["folder", "file", "link"])
def test_nothing_is_overwritten(tmp_path: Path, there: str) -> None:
    place = tmp_path / "register"
    if there == "folder":
        place.mkdir()
        (place / "clients.csv").write_text("mine")
    elif there == "file":
        place.write_text("mine")
    else:
        place.symlink_to(tmp_path / "nowhere")
    with pytest.raises(SetupError, match="already exists"):
        write_template(place)
    assert [file.name for file in tmp_path.iterdir()] == ["register"]
    if there != "link":
        assert (place / "clients.csv" if there == "folder" else place).read_text() == "mine"


def test_unknown_tables_are_told_at_once_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        write_template(tmp_path / "register", ["cost", "Clients", "x"])
    assert [problem.cure for problem in caught.value.problems][:2] == ["did you mean costs?", "did you mean clients?"]
    assert "residence" in caught.value.problems[2].cure
    assert list(tmp_path.iterdir()) == []
