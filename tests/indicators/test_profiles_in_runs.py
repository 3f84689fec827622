"""Profiles of counties in a run: what they say enters the outcome models, and what an appraisal depends on."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import pandas as pd
import pytest
from commands import costeff

from costeff.batch.country import Data, all_data, all_keys, context_for, data_for, fit_keys
from costeff.batch.plan import UNMOVED
from costeff.batch.request import resolve
from costeff.errors import UsageError
from costeff.indicators.profile_files import read_profiles
from costeff.records import Cells
from costeff.report.appraisals import read_appraisals
from costeff.report.words import Words

EXAMPLE = Path(__file__).parents[2] / "params" / "profiles" / "example"
FAMILY, SUPPORT = "intensive_family_work", "post_release_support"
BY = ("municipality", "option", "group")


def data(catalogue, profiles):
    """A few clients in every municipality, not made up."""
    rows = [(code, option, "all", 20, 4) for code in catalogue.municipalities for option in ("usual", "new")]
    table = pd.DataFrame(rows, columns=[*BY, "n", "events"])
    cells = Cells("binary", BY, table, "placement", 365.0, False, "made by hand")
    return Data(cells, None, {m.code: m.county for m in catalogue.municipalities.values()}, profiles)


def asked(catalogue, folder, output):
    return resolve(catalogue, municipalities=["165"], output=output, profiles=folder)


def test_the_request_holds_what_the_profiles_say(catalogue, tmp_path):
    request = asked(catalogue, EXAMPLE, tmp_path)
    assert request.profiles == read_profiles(EXAMPLE, catalogue.counties)
    folder = tmp_path / "copy"
    folder.mkdir()
    for path in EXAMPLE.iterdir():
        (folder / path.name).write_text(path.read_text())
    depends = {"exclude": UNMOVED}
    assert asked(catalogue, folder, tmp_path).model_dump_json(**depends) == request.model_dump_json(**depends)
    changed = folder / "05.yaml"
    changed.write_text(changed.read_text().replace("social_worker: 10.8", "social_worker: 10.9"))
    assert asked(catalogue, folder, tmp_path).model_dump_json(**depends) != request.model_dump_json(**depends)


def test_profiles_are_covariates_of_the_outcome_and_another_fit(catalogue):
    chain, profiles = catalogue.chains[FAMILY], read_profiles(EXAMPLE, catalogue.counties)
    without, told = data(catalogue, {}), data(catalogue, profiles)
    assert not context_for(chain, catalogue, without).regressed
    context = context_for(chain, catalogue, told)
    assert {"integrated", "cooperation", "staff_nurse"} <= set(context.coords["covariate"])
    keys = [fit_keys(chain, catalogue, one, 1, "discounted")["outcome"] for one in (without, told)]
    assert keys[0] != keys[1]


def test_what_made_up_profiles_enter_is_made_up(catalogue):
    profiles = read_profiles(EXAMPLE, catalogue.counties)
    assert not data(catalogue, {}).synthetic
    assert data(catalogue, profiles).synthetic
    real = {code: one.override(synthetic=False) for code, one in profiles.items()}
    assert not data(catalogue, real).synthetic


def test_a_chain_without_places_has_no_counties_to_tell_apart(catalogue):
    chain = catalogue.chains[SUPPORT]
    assert not context_for(chain, catalogue, data_for(chain, catalogue, None)).regressed


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ({}, "holds no .yaml or .csv file"),
        ({"05.yaml": 'county: "05"\n'}, "tell nothing of at least three counties"),
        ({"05.yaml": 'county: "99"\n'}, "is not a county"),
    ],
)
def test_profiles_that_tell_nothing_are_refused_with_the_other_problems(catalogue, tmp_path, content, rule):
    for name, text in content.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(UsageError) as caught:
        resolve(catalogue, municipalities=["91"], output=tmp_path, profiles=tmp_path)
    assert rule in str(caught.value)
    assert "091" in str(caught.value), "told at once"


TOLD = (
    "The estimate also reads what wellbeing services counties have told of themselves: {what}. It moves the level "
    "expected in a municipality with either service, and does not tell why counties differ."
)


@pytest.mark.slow
@pytest.mark.parametrize("language", ["fi", "en"])
def test_what_counties_told_is_read_by_the_model_and_told_on_the_page(catalogue, fits_cache, tmp_path, language):
    """From the command line to the page: the fit is the one with the covariates, and the page says what was read."""
    words, pages, hashes = Words(language), {}, {}
    for name, more in {"with": ("--profiles", EXAMPLE), "without": ()}.items():
        out = tmp_path / name
        done = costeff("run", "-m", "165", "--lang", language, "--chain", FAMILY, "--output", out, *more)
        assert done.returncode == 0, done.stderr
        text = (out / f"165.{language}.html").read_text(encoding="utf-8")
        pages[name] = " ".join(unescape(re.sub(r"<[^>]+>", "", text)).replace("\u2060", "").split())
        hashes[name] = json.loads((out / "run.json").read_text())["fits"][f"{FAMILY} outcome"]["hash"]
    request = resolve(catalogue, municipalities=["165"], chains=[FAMILY], output=tmp_path, profiles=EXAMPLE)
    keys = all_keys(all_data(catalogue, request, fits_cache), catalogue, request)[FAMILY]
    assert hashes["with"] == keys["outcome"] != hashes["without"]
    kinds = ("how services are organised", "how cooperation works", "how much staff there is for the inhabitants")
    told = words.say(TOLD, what=words.listed(map(words.say, kinds)))
    assert told in pages["with"]
    assert told not in pages["without"]
    assert not any(words.say(kind) in pages["without"] for kind in kinds)
    (appraisal,) = read_appraisals(tmp_path / "with" / "appraisals" / "165.nc", "165")
    read = set(str(appraisal.main.attr("covariates")).split(","))
    assert {"integrated", "cooperation", "staff_nurse"} <= read
