"""What a run is asked for is checked before anything starts."""

from pathlib import Path

import pytest

from costeff.appraisal import BELIEFS
from costeff.batch.request import check_parameters, parameters_of, resolve, split_parameter
from costeff.errors import UsageError

DECLARED = {
    "municipality": {"inferred_type_name": "str"},
    "language": {"inferred_type_name": "str"},
    "appraisal": {"inferred_type_name": "str"},
    "horizon": {"inferred_type_name": "int"},
    "share": {"inferred_type_name": "float"},
    "draft": {"inferred_type_name": "bool"},
    "note": {"inferred_type_name": "str"},
}


def test_a_county_is_its_municipalities(catalogue, tmp_path):
    request = resolve(catalogue, counties=["07"], output=tmp_path)
    assert "165" in request.municipalities
    assert {catalogue.municipality(code).county for code in request.municipalities} == {"07"}


def test_everyone_is_308_and_nobody_twice(catalogue, tmp_path):
    request = resolve(catalogue, everyone=True, output=tmp_path)
    assert len(request.municipalities) == len(set(request.municipalities)) == 308


def test_all_problems_are_told_at_once_each_with_its_cure(catalogue, tmp_path):
    with pytest.raises(UsageError) as caught:
        resolve(
            catalogue,
            municipalities=["91", "5", "998", "Tampere"],
            counties=["7"],
            chains=["family"],
            languages=["de"],
            output=tmp_path,
            draws=5,
            workers=0,
        )
    text = str(caught.value)
    for told in ("write 091 (Helsinki)", "write 005 (Alajärvi)", "municipality 998", "did you mean 837?", "write 07"):
        assert told in text
    for told in ("family", "language de", "draws 5", "workers 0"):
        assert told in text


def test_all_beside_one_is_refused(catalogue, tmp_path):
    with pytest.raises(UsageError, match="one or the other"):
        resolve(catalogue, municipalities=["165"], everyone=True, output=tmp_path)


@pytest.mark.parametrize(
    ("name", "value"), [("seed", -1), ("seed", 2**32), ("price_year", 21), ("draws", 99999), ("horizon_years", 61)]
)
def test_a_setting_out_of_range_is_an_error(catalogue, tmp_path, name, value):
    with pytest.raises(UsageError, match=name):
        resolve(catalogue, municipalities=["165"], output=tmp_path, **{name: value})


@pytest.mark.parametrize("asked", [{}, {"price_sets": ["national"]}, {"chains": ["post_release_support"]}])
def test_a_price_year_that_no_index_reaches_is_refused_before_anything_starts(catalogue, tmp_path, asked):
    with pytest.raises(UsageError, match=r"has no yearly level for .*2021"):
        resolve(catalogue, municipalities=["165"], output=tmp_path / "run", price_year=2021, **asked)
    assert not (tmp_path / "run").exists()


def test_switches_are_off_unless_asked_for(catalogue, tmp_path):
    plain = resolve(catalogue, municipalities=["165"], output=tmp_path)
    assert (plain.links, plain.persistence, plain.claw_back, plain.whole_units) == (None, None, False, False)
    links = ["placement_to_prison", "placement_to_substance_use", "placement_to_prison"]
    switches = {"persistence": "wanes", "claw_back": True, "whole_units": True}
    asked = resolve(catalogue, municipalities=["165"], output=tmp_path, links=links, **switches)
    assert asked.links == ("placement_to_prison", "placement_to_substance_use")
    assert (asked.persistence, asked.claw_back, asked.whole_units) == ("wanes", True, True)


def test_wrong_switches_are_told_at_once(catalogue, tmp_path):
    links = ["placement_to_exclusion", "placement_to_prison", "gone"]
    with pytest.raises(UsageError) as caught:
        resolve(catalogue, municipalities=["165"], output=tmp_path, links=links, persistence="fades")
    text = str(caught.value)
    for told in ("contains placement_to_prison", "choose one of them", "link gone: is not a link", "effect fades"):
        assert told in text


def test_published_effects_are_discounted_unless_asked_otherwise(catalogue, tmp_path):
    asked = {belief: resolve(catalogue, municipalities=["165"], output=tmp_path, evidence=belief) for belief in BELIEFS}
    assert {belief: request.evidence for belief, request in asked.items()} == {belief: belief for belief in BELIEFS}
    assert resolve(catalogue, municipalities=["165"], output=tmp_path, evidence=None).evidence == "discounted"
    with pytest.raises(UsageError, match="use discounted, published, none"):
        resolve(catalogue, municipalities=["165"], output=tmp_path, evidence="prior")


def test_a_link_needs_a_chain_that_it_starts_in(catalogue, tmp_path):
    with pytest.raises(UsageError, match="no chain of the run uses"):
        resolve(
            catalogue,
            municipalities=["165"],
            output=tmp_path,
            chains=["post_release_support"],
            links=["placement_to_prison"],
        )


def test_nothing_asked_for_is_an_error(catalogue, tmp_path):
    with pytest.raises(UsageError, match="--all"):
        resolve(catalogue, output=tmp_path)


def test_parameters_take_the_types_the_template_declares():
    given = {"horizon": "5", "share": "0.5", "draft": "true", "note": "091"}
    assert check_parameters(DECLARED, given) == {"horizon": 5, "share": 0.5, "draft": True, "note": "091"}


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("horison", "5", "did you mean horizon?"),
        ("horizon", "five", "must be a whole number"),
        ("share", "half", "must be a number"),
        ("draft", "yes", "must be true or false"),
        ("municipality", "165", "is given by the run itself"),
    ],
)
def test_an_unknown_mistyped_or_reserved_parameter_is_an_error(name, value, told):
    with pytest.raises(UsageError, match=told.replace("?", r"\?")):
        check_parameters(DECLARED, {name: value})


def test_all_wrong_parameters_are_told_at_once():
    with pytest.raises(UsageError) as caught:
        check_parameters(DECLARED, {"horison": "5", "share": "half"})
    assert len(caught.value.problems) == 2


def test_a_parameter_without_an_equals_sign_is_an_error():
    assert split_parameter("note=a=b") == ("note", "a=b")
    with pytest.raises(UsageError, match="name=value"):
        split_parameter("horizon")


@pytest.mark.parametrize(("name", "value"), [("workers", 0), ("workers", 257), ("timeout", 0), ("timeout", 86_401)])
def test_workers_and_timeout_are_within_reason(catalogue, tmp_path, name, value):
    with pytest.raises(UsageError, match=f"{name} {value}"):
        resolve(catalogue, municipalities=["165"], output=tmp_path, **{name: value})


def test_workers_beside_a_cluster_are_refused(catalogue, tmp_path):
    with pytest.raises(UsageError, match="workers of its own"):
        resolve(catalogue, municipalities=["165"], output=tmp_path, workers=2, scheduler="tcp://127.0.0.1:1")


TYPED = {
    name: {"inferred_type_name": kind}
    for name, kind in {"code": "str", "years": "int", "rate": "float", "on": "bool"}.items()
}


def test_parameters_of_a_file_keep_their_zeros_and_types(tmp_path):
    file = tmp_path / "parameters.yaml"
    file.write_text("code: 091\nyears: 5\nrate: 3\non: true\n")
    assert check_parameters(TYPED, parameters_of([], file)) == {"code": "091", "years": 5, "rate": 3, "on": True}
    assert parameters_of(["years=7"], file)["years"] == "7"  # an option stands before the file


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("code: 91\n", "in quotes"),
        ("years: true\n", "a whole number"),
        ("years: 2.5\n", "a whole number"),
        ("on: 1\n", "true or false"),
        ("on: maybe\n", "true or false"),
        ("yaers: 1\n", "did you mean years"),
        ("municipality: '091'\n", "given by the run itself"),
        ("code: [1]\nyears: {a: 1}\nrate:\n", "3 problems"),
        ("- 1\n", "not a mapping"),
        ("", "not a mapping"),
        ("code: 1\ncode: 2\n", "twice"),
        ("a: [\n", "not valid YAML"),
    ],
)
def test_a_file_of_parameters_that_does_not_fit_is_refused(tmp_path, text, told):
    file = tmp_path / "parameters.yaml"
    file.write_text(text)
    with pytest.raises(UsageError, match=told):
        check_parameters(TYPED, parameters_of([], file))


def test_a_missing_file_and_an_option_given_twice_are_told_together(tmp_path):
    with pytest.raises(UsageError) as caught:
        parameters_of(["years=1", "years=2"], tmp_path / "none.yaml")
    assert "cannot be read" in str(caught.value)
    assert "given twice" in str(caught.value)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"scheduler": ""}, "is not the address of a scheduler"),
        ({"scheduler": "http://10.0.0.5:8786"}, "is not the address of a scheduler"),
        ({"mapping": Path("nowhere.yaml")}, "stands without --register"),
        ({"cluster": Path("nowhere.yaml")}, "cannot be read"),
        ({"county_reports": ["all", "xx"]}, "stands beside a county"),
    ],
)
def test_what_would_be_passed_over_or_fail_late_is_told_before_anything_starts(catalogue, tmp_path, given, told):
    with pytest.raises(UsageError, match=told):
        resolve(catalogue, municipalities=["165"], output=tmp_path / "run", **given)
    assert not (tmp_path / "run").exists()
