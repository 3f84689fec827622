"""One file per way of being wrong: what is told is exactly this, with its place and its cure."""

from __future__ import annotations

import re
from itertools import batched
from pathlib import Path

import pytest
from params_builders import PARAMS, Broken, all_broken, change, copy_of_params

from costeff.errors import ExitCode, ParamsError
from costeff.params import Catalogue

CASES = all_broken()


def told(folder: Path) -> ParamsError:
    with pytest.raises(ParamsError) as caught:
        Catalogue.load(folder)
    return caught.value


def as_text(error: ParamsError) -> str:
    return "\n".join(str(problem)[2:] for problem in error.problems)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_broken_input_is_told_with_its_place_rule_and_cure(case: Broken, tmp_path: Path) -> None:
    folder = copy_of_params(tmp_path)
    expected = case.lay(folder)
    assert as_text(told(folder)) == expected


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_expectation_names_a_file_and_a_cure(case: Broken) -> None:
    for place, cure in batched(case.told.splitlines(), 2):
        assert re.match(r"(\w+/)?\w+\.(yaml|csv)", place)
        assert cure.startswith("    -> ")


def test_all_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    folder = copy_of_params(tmp_path)
    names = {"payer_unknown": "unit_costs/a.yaml", "low_above_high": "unit_costs/b.yaml"}
    together = ["code_without_zero", "index_bad_period", "price_set_unknown_cost", "need_twice", "effect_decimal_comma"]
    expected: list[str] = []
    for case in CASES:
        if case.name in together:
            expected.append(case.lay(folder))
        if case.name in names:  # two files with the same entry under another id
            path = folder / names[case.name]
            path.write_bytes(case.content.replace(b"broken_day", path.stem.encode() + b"_day"))
            text = case.told.replace("broken.yaml", path.name).replace("broken_day", f"{path.stem}_day")
            expected.append(text)
    error = told(folder)
    assert sorted(as_text(error).split("\n")) == sorted("\n".join(expected).split("\n"))
    assert error.title == "The parameters in params/ do not hold together: 7 problems"
    assert error.code is ExitCode.PARAMS


def test_a_faulty_entry_is_blamed_once_and_not_those_who_name_it(tmp_path: Path) -> None:
    """child_welfare is named by four unit costs and a chain; only its own fault is told."""
    folder = copy_of_params(tmp_path)
    change(folder, "payers.yaml", "label: {fi: Lastensuojelu, sv: Barnskydd, en:", "label: {fi: Lastensuojelu, en:")
    assert as_text(told(folder)).startswith(
        "params/payers.yaml:22 duties.child_welfare.label.sv: required, and missing"
    )
    assert len(told(folder).problems) == 1


def test_a_fault_shared_through_an_alias_is_told_once(tmp_path: Path) -> None:
    folder = copy_of_params(tmp_path)
    change(folder, "unit_costs/child_protection.yaml", "source: stated_assumption", "source: statd_assumption")
    assert [problem.place for problem in told(folder).problems] == [
        "unit_costs/child_protection.yaml:12 quoted_taking_into_care.cashable.short.source"
    ]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    folder = copy_of_params(tmp_path)
    (folder / "price_sets.yaml").unlink()
    assert as_text(told(folder)) == (
        "params/price_sets.yaml: cannot be read (No such file or directory)\n"
        "    -> check that the file exists and may be read"
    )


def test_each_payer_has_a_name_and_none_is_invented(tmp_path: Path) -> None:
    folder = copy_of_params(tmp_path)
    change(folder, "payers.yaml", "  kela: {", "  kella: {")
    rules = [(problem.place, problem.rule) for problem in told(folder).problems]
    assert rules == [("payers.yaml payers.kella", "is not a payer"), ("payers.yaml payers", "kela has no name")]


def test_a_table_saved_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    folder = copy_of_params(tmp_path)
    change(folder, "municipalities.csv", "code,", "\ufeffcode,")
    assert Catalogue.load(folder).municipalities == Catalogue.load(PARAMS).municipalities


def test_a_value_changed_in_a_living_session_is_read_again(tmp_path: Path) -> None:
    folder = copy_of_params(tmp_path)
    before = Catalogue.load(folder)
    assert Catalogue.load(folder) is before
    change(folder, "unit_costs/child_protection.yaml", "mean: 480, low: 432", "mean: 481, low: 432")
    after = Catalogue.load(folder)
    assert after.unit_costs["child_welfare_institution_day"].latest.mean == 481
    assert after.hash != before.hash
