"""YAML is read strictly: every trap is a problem that names its file, line, key, rule and cure, all at once."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter, ValidationError

from costeff.errors import ParamsError, Problem, Problems, SetupError, UsageError
from costeff.spec import (
    CountyCode,
    Id,
    Label,
    MunicipalityCode,
    Share,
    Spec,
    parse,
    project_root,
    read_spec,
    read_yaml,
    validation_problems,
)


class Part(Spec):
    share: Share


class Town(Spec):
    code: MunicipalityCode
    name: str
    people: int
    opened: date | None = None
    twinned: bool = False
    parts: tuple[Part, ...] = Field(default=(), strict=False)


GOOD = 'town:\n  code: "075"\n  name: Hamina\n  people: 19702\n'


def read(tmp_path: Path, text: str | bytes) -> tuple[Town | None, list[Problem]]:
    path = tmp_path / "params" / "towns.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    problems = Problems()
    document = read_yaml(path, problems)
    town = parse(Town, document, problems, ("town",)) if document else None
    return town, list(problems)


def test_what_is_right_is_read(tmp_path: Path) -> None:
    town, problems = read(tmp_path, GOOD)
    assert problems == []
    assert town == Town(code="075", name="Hamina", people=19702)


# --- the traps of YAML ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"), ("yes", "yes"), ("off", "off"), ("075", "075"), ("0o17", "0o17"), ("0x1F", "0x1F"),
        ("12:30", "12:30"), ("1_000", "1_000"), ("1e3", "1e3"), ("<<", "<<"),
    ],
)  # fmt: skip
def test_a_text_stays_the_text_that_was_written(tmp_path: Path, text: str, value: str) -> None:
    town, problems = read(tmp_path, GOOD.replace("Hamina", text))
    assert problems == []
    assert town is not None
    assert town.name == value


def test_a_code_with_its_zero_is_a_code_with_or_without_quotes(tmp_path: Path) -> None:
    town, _ = read(tmp_path, GOOD.replace('"075"', "075"))
    assert town is not None
    assert town.code == "075"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"075"', "75", ('params/towns.yaml:2 town.code', "input should be a valid string (it is 75)",
                         'write it in quotes, for example "075"')),
        ('"075"', '"75"', ("params/towns.yaml:2 town.code", r"string should match pattern '^[0-9]{3}$' (it is '75')",
                           "write it in that form: a code with all its zeros (091), an id in lower case")),
        ("19702", "075", ("params/towns.yaml:4 town.people", "input should be a valid integer (it is '075')",
                          "write a whole number: digits only, no spaces, no quotes")),
        ("19702", "19 702", ("params/towns.yaml:4 town.people", "input should be a valid integer (it is '19 702')",
                             "write a whole number: digits only, no spaces, no quotes")),
        ("19702", "19702.0", ("params/towns.yaml:4 town.people", "input should be a valid integer (it is 19702.0)",
                              "write a whole number: digits only, no spaces, no quotes")),
        ("19702", "true", ("params/towns.yaml:4 town.people", "input should be a valid integer (it is True)",
                           "write a whole number: digits only, no spaces, no quotes")),
        ("Hamina", "true", ("params/towns.yaml:3 town.name", "input should be a valid string (it is True)",
                            'write it in quotes, for example "075"')),
        ("Hamina", "2024-01-01", ("params/towns.yaml:3 town.name", "input should be a valid string",
                                  'write it in quotes, for example "075"')),
        ("Hamina", "", ("params/towns.yaml:3 town.name", "input should be a valid string (it is None)",
                        'write it in quotes, for example "075"')),
        ("  name: Hamina\n", "", ("params/towns.yaml:1 town.name", "required, and missing", "add the key")),
        ("people:", "poeple: 3\n  people:", ("params/towns.yaml:4 town.poeple", "unknown key",
                                             "remove it, or correct its spelling")),
        ("people:", "name: Haapajärvi\n  people:", ("params/towns.yaml:4 town.name", "this key stands twice",
                                                    "keep one of them")),
        ("people:", "twinned: no\n  people:",
         ("params/towns.yaml:4 town.twinned", "input should be a valid boolean (it is 'no')", "correct the value")),
        ("people:", "parts: [{share: 0.5}, {share: 1.5}]\n  people:",
         ("params/towns.yaml:4 town.parts.1.share", "input should be less than or equal to 1 (it is 1.5)",
          "correct the value")),
        ("people:", "opened: 2024-02-30\n  people:",
         ("params/towns.yaml:4", "is not valid YAML (2024-02-30 is not a date: day is out of range for month)",
          "check indentation, colons and quotes near this line")),
        ("  name", " name",
         ("params/towns.yaml:3", "is not valid YAML (expected <block end>, but found '<block mapping start>')",
          "check indentation, colons and quotes near this line")),
        ("  name", "\tname", ("params/towns.yaml:3",
                              "is not valid YAML (found character '\\t' that cannot start any token)",
                              "check indentation, colons and quotes near this line")),
        ("Hamina", "{{name}}", ("params/towns.yaml:3 town.name", "a key is a list or a mapping",
                                "write the key as a plain word; a text with braces in quotes")),
    ],
)  # fmt: skip
def test_a_fault_names_file_line_key_rule_and_cure(
    tmp_path: Path, old: str, new: str, expected: tuple[str, str, str]
) -> None:
    assert GOOD.count(old) == 1
    _, (problem,) = read(tmp_path, GOOD.replace(old, new))
    shown = problem.rule.split(" (it is datetime")[0]
    assert (problem.place, shown, problem.cure) == expected


def test_a_file_in_another_encoding_is_told(tmp_path: Path) -> None:
    _, (problem,) = read(tmp_path, GOOD.replace("Hamina", "Hämeenlinna").encode("latin-1"))
    assert (problem.place, problem.rule) == ("params/towns.yaml", "is not UTF-8 text")
    assert problem.cure == "save the file as UTF-8"


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    problems = Problems()
    assert read_yaml(tmp_path / "nothing.yaml", problems) is None
    assert "cannot be read (No such file or directory)" in str(next(iter(problems)))


def test_an_entry_that_is_a_value_is_told(tmp_path: Path) -> None:
    _, (problem,) = read(tmp_path, "town: Hamina\n")
    assert (problem.place, problem.rule) == ("params/towns.yaml:1 town", "is not a mapping of keys to values")


def test_all_problems_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    text = "town:\n  code: 75\n  name: Hamina\n  name: Hamina\n  people: many\n  colour: red\n"
    _, problems = read(tmp_path, text)
    assert sorted(problem.place for problem in problems) == [
        "params/towns.yaml:2 town.code",
        "params/towns.yaml:4 town.name",
        "params/towns.yaml:5 town.people",
        "params/towns.yaml:6 town.colour",
    ]


def test_a_fault_inside_an_alias_is_told_where_it_was_written(tmp_path: Path) -> None:
    text = GOOD + "  parts: [&half {share: 5}, *half, *half]\n"
    _, (problem,) = read(tmp_path, text)
    assert problem.place == "params/towns.yaml:5 town.parts.0.share"


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80))
def test_no_text_at_all_is_a_crash(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Whatever stands in a file, it is read or told."""
    folder = tmp_path_factory.mktemp("any")
    try:
        data = ("town: " + text).encode()
    except UnicodeEncodeError:
        data = b"town: \xff"
    town, problems = read(folder, data)
    assert (town is None) == bool(problems)


# --- declarations ---------------------------------------------------------------------------------


def test_a_declaration_is_frozen() -> None:
    town = Town(code="075", name="Hamina", people=19702)
    with pytest.raises(ValidationError, match="frozen"):
        town.name = "Kotka"


def test_override_gives_a_new_checked_declaration() -> None:
    town = Town(code="075", name="Hamina", people=19702)
    other = town.override(people=19_500)
    assert (town.people, other.people, other.name) == (19702, 19_500, "Hamina")
    with pytest.raises(ValidationError):
        town.override(people="many")
    with pytest.raises(ValidationError):
        town.override(colour="red")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_a_number_is_no_value(value: float) -> None:
    with pytest.raises(ValidationError, match="finite number"):
        Part(share=value)


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        (MunicipalityCode, ["005", "091", "992"], ["5", "91", "0091", "09a", "٠٩١", "091\n", 91]),
        (CountyCode, ["01", "91"], ["1", "091", 91]),
        (Id, ["a", "family_work_2"], ["Family", "2nd", "", "a-b", "_a", "a" * 65, "a\n"]),
    ],
)
def test_codes_and_ids_have_one_form(kind: object, right: list[str], wrong: list[object]) -> None:
    checked = TypeAdapter(kind)
    for value in right:
        assert checked.validate_python(value, strict=True) == value
    for value in wrong:
        with pytest.raises(ValidationError):
            checked.validate_python(value, strict=True)


def test_a_label_has_all_three_languages() -> None:
    label = Label(fi="Kunta", sv="Kommunen", en="Municipality")
    assert [label[language] for language in ("fi", "sv", "en")] == ["Kunta", "Kommunen", "Municipality"]
    with pytest.raises(ValidationError):
        Label(fi="Kunta", sv="", en="Municipality")


def test_the_problems_of_a_declaration_without_a_file_name_its_place() -> None:
    with pytest.raises(ValidationError) as caught:
        Town(code="75", name="Hamina", people=19702, parts=({"share": 2.0},))  # type: ignore[arg-type]
    places = [problem.place for problem in validation_problems(caught.value, "towns.csv:7")]
    assert places == ["towns.csv:7 code", "towns.csv:7 parts.0.share"]


# --- where things are -----------------------------------------------------------------------------


def project(folder: Path) -> Path:
    (folder / "params").mkdir(parents=True)
    (folder / "params" / "sources.yaml").write_text("a: b\n")
    return folder


def test_the_project_is_found_from_a_folder_inside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = project(tmp_path / "project")
    (root / "notebooks" / "deep").mkdir(parents=True)
    monkeypatch.delenv("COSTEFF_HOME", raising=False)
    monkeypatch.chdir(root / "notebooks" / "deep")
    assert project_root() == root


def test_the_project_that_is_named_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, named = project(tmp_path / "here"), project(tmp_path / "named")
    monkeypatch.chdir(here)
    monkeypatch.setenv("COSTEFF_HOME", str(named))
    assert project_root() == named


def test_a_named_project_that_is_none_is_told_and_no_other_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project(tmp_path / "here"))
    monkeypatch.setenv("COSTEFF_HOME", str(tmp_path))
    with pytest.raises(SetupError, match=r"has no params/sources\.yaml"):
        project_root()


def test_problems_become_one_error(tmp_path: Path) -> None:
    problems = Problems()
    document = read_yaml(tmp_path / "nothing.yaml", problems)
    assert document is None
    with pytest.raises(ParamsError, match="The towns: 1 problem\n"):
        problems.raise_if_any(ParamsError, "The towns")


def test_a_file_that_nobody_wrote_by_hand_is_refused_and_many_faults_are_told_in_part(tmp_path):
    file = tmp_path / "huge.yaml"
    file.write_text("label: " + "x" * 2_000_001)
    with pytest.raises(UsageError, match="larger than 2 MB"):
        read_spec(Label, file, UsageError, "It cannot be read")
    file.write_text("\n".join(f"key{number}: 1" for number in range(20_000)))
    with pytest.raises(UsageError) as told:
        read_spec(Label, file, UsageError, "It cannot be read")
    assert "and 19903 more" in str(told.value)
    assert len(str(told.value).splitlines()) < 250


def test_a_long_value_is_told_in_brief_and_a_blank_one_as_such(tmp_path):
    file = tmp_path / "label.yaml"
    file.write_text(f"fi: ''\nsv: a\nen: {'1' * 4000}\n{'k' * 900}: 1\n")
    with pytest.raises(UsageError) as told:
        read_spec(Label, file, UsageError, "It cannot be read")
    assert "label.yaml:1 fi: is blank" in str(told.value)
    assert max(map(len, str(told.value).splitlines())) < 500
