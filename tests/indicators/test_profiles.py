"""Profiles of counties: files filled in, broken ones, shares with intervals, cells and covariates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from costeff.chain import CountyProfile
from costeff.errors import DataError, UsageError
from costeff.indicators.profile_files import read_profiles, template_text
from costeff.indicators.profiles import cooperation_cells, jeffreys, profile_covariates, shares, told_missing
from costeff.spec import LANGUAGES

EXAMPLE = Path(__file__).parents[2] / "params" / "profiles" / "example"


@pytest.fixture(scope="module")
def example(catalogue):
    return read_profiles(EXAMPLE, catalogue.counties)


def profile(county, model="integrated", **levels):
    return CountyProfile(county=county, organisation=model, cooperation=levels)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("suffix", [".yaml", ".csv"])
def test_an_empty_template_is_read_and_is_no_answer(tmp_path, catalogue, language, suffix):
    (tmp_path / f"05{suffix}").write_text(template_text("05", language, suffix), encoding="utf-8")
    found = read_profiles(tmp_path, catalogue.counties)
    assert found == {}
    assert shares(found)["share"].isna().all()


@pytest.mark.parametrize("suffix", [".YAML", ".yml", ".Yml"])
def test_other_suffixes_of_yaml_are_read(tmp_path, catalogue, suffix):
    (tmp_path / f"05{suffix}").write_text('county: "05"\norganisation: integrated\n')
    assert list(read_profiles(tmp_path, catalogue.counties)) == ["05"]


def test_a_file_of_another_kind_is_told_and_notes_are_passed_over(tmp_path, catalogue):
    (tmp_path / "05.yaml").write_text('county: "05"\norganisation: integrated\n')
    (tmp_path / "README.md").write_text("notes")
    assert list(read_profiles(tmp_path, catalogue.counties)) == ["05"]
    (tmp_path / "06.xlsx").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"06\.xlsx: is not a profile"):
        read_profiles(tmp_path, catalogue.counties)


@pytest.mark.parametrize("rows", ["targets;yes\ntargets.set;yes", "targets.set;yes\ntargets;yes", "a.b.c;1", "mood;x"])
def test_fields_that_a_profile_does_not_have_are_told_by_their_row(tmp_path, catalogue, rows):
    (tmp_path / "05.csv").write_text(f"field;value\ncounty;05\n{rows}\n")
    with pytest.raises(DataError, match=r"05\.csv:[34]: is not a field of a profile"):
        read_profiles(tmp_path, catalogue.counties)


def test_both_forms_say_the_same_when_filled_in(tmp_path, catalogue):
    (tmp_path / "05.yaml").write_text(
        'county: "05"\norganisation: integrated\nstaff:\n  nurse: 61.5\ncooperation:\n  police: 4\n'
        "targets:\n  set: true\n  which: [effect, cost]\n"
    )
    (tmp_path / "06.csv").write_text(
        "field;value;meaning\ncounty;06;\norganisation;integrated;\nstaff.nurse;61,5;\ncooperation.police;4;\n"
        "targets.set;kyllä;\ntargets.which;effect, cost;\n",
        encoding="utf-8",
    )
    found = read_profiles(tmp_path, catalogue.counties)
    assert found["05"].override(county="06") == found["06"]
    assert found["05"].staff == {"nurse": 61.5}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('county: "99"\n', "is not a county"),
        ("county: 5\n", "county"),
        ('county: "05"\ncooperation:\n  police: 6\n', "cooperation.police"),
        ('county: "05"\ncooperation:\n  police: 4.5\n', "cooperation.police"),
        ('county: "05"\nstaff:\n  nurse: -1\n', "staff.nurse"),
        ('county: "05"\nstaff:\n  wizard: 1\n', "staff"),
        ('county: "05"\norganisation: chaos\n', "organisation"),
        ('county: "05"\nmood: good\n', "unknown key"),
        ('county: "05"\ncounty: "06"\n', "stands twice"),
    ],
)
def test_broken_profiles_are_told(tmp_path, catalogue, text, told):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(DataError) as caught:
        read_profiles(tmp_path, catalogue.counties)
    assert told in str(caught.value)


def test_two_profiles_of_a_county_and_an_empty_folder_are_told(tmp_path, catalogue):
    with pytest.raises(UsageError):
        read_profiles(tmp_path, catalogue.counties)
    for name in "ab":
        (tmp_path / f"{name}.yaml").write_text('county: "05"\n')
    with pytest.raises(DataError, match="do not hold together"):
        read_profiles(tmp_path, catalogue.counties)


def test_the_example_says_that_it_is_made_up_and_who_did_not_answer(example, catalogue):
    assert all(one.synthetic for one in example.values())
    names = {code: one.name["fi"] for code, one in catalogue.counties.items()}
    told = " ".join(told_missing(example, names, "fi"))
    assert "keksittyjä" in told
    assert "Ahvenanmaa" in told
    assert len(names) == 23


def test_shares_are_of_those_who_answered(example):
    table = shares(example)
    assert (table["low"] <= table["share"]).all()
    assert (table["share"] <= table["high"]).all()
    assert (table["counties"] <= table["answered"]).all()
    models = table[table["question"] == "Organisation"]
    assert models["counties"].sum() == models["answered"].iloc[0] < 23


def test_the_interval_covers_as_often_as_it_says():
    """Over all results of 23 counties, the mean over the shares of what an interval of 90 per cent covers."""
    bounds = np.array([jeffreys(k, 23) for k in range(24)])
    truths = np.linspace(0.05, 0.95, 91)
    covered = [binom.pmf(np.arange(24), 23, p)[(bounds[:, 0] <= p) & (p <= bounds[:, 1])].sum() for p in truths]
    assert 0.88 < np.mean(covered) < 0.93
    assert min(covered) > 0.8


def test_cells_count_counties_and_tell_who_is_left_out(example):
    cells = cooperation_cells(example, "schools")
    both = [one for one in example.values() if one.organisation and "schools" in one.cooperation]
    assert cells.table["n"].sum() == len(both)
    assert cells.left_out == len(example) - len(both)
    assert cells.synthetic


@pytest.mark.parametrize(
    "profiles",
    [
        {"05": profile("05", police=3), "06": profile("06", police=4)},
        {"05": profile("05", police=3), "06": profile("06", "sector_client", police=3)},
        {"05": profile("05", police=3), "06": profile("06", "sector_client", schools=1)},
    ],
)
def test_nothing_to_compare_is_told(profiles):
    with pytest.raises(DataError, match="nothing to compare"):
        cooperation_cells(profiles, "police")


def test_covariates_are_standardised_and_a_gap_stays_a_gap(example, catalogue):
    table = profile_covariates(example, catalogue.counties)
    assert list(table.index) == sorted(catalogue.counties)
    assert table.loc["91"].isna().all()
    np.testing.assert_allclose(table.mean(), 0, atol=1e-12)
    np.testing.assert_allclose(table.std(ddof=0), 1)


def test_what_does_not_differ_is_no_covariate(catalogue):
    same = {code: profile(code, police=3) for code in ("05", "06", "07", "08")}
    assert profile_covariates(same, catalogue.counties).columns.empty
    staff = {code: CountyProfile(county=code, staff={"nurse": 0.1 + 0.2}) for code in ("05", "06", "07")}
    told = staff | {"08": CountyProfile(county="08", staff={"nurse": 0.3})}
    assert profile_covariates(told, catalogue.counties).columns.empty, "they differ by rounding only"
