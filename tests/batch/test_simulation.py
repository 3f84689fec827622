"""Scenarios x municipalities x services from one file: what is refused, what is computed, what stands."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from appraisal_builders import cost_fit, family_fit, support_fit

from costeff import decision
from costeff.appraisal import Request, appraise
from costeff.appraisal.moves import Move, move_fits
from costeff.batch.country import cache_folder, data_for, fit_chain
from costeff.batch.log import NAME as LOG
from costeff.batch.log import read_log
from costeff.batch.simulate import plan_simulation, simulate
from costeff.batch.simulation import cases, read_simulation
from costeff.batch.status import read_status
from costeff.disclosure.record import verify
from costeff.draws import NEW, USUAL
from costeff.errors import SetupError, UsageError

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "params" / "simulations").glob("*.yaml"))
SUPPORT = "post_release_support"
TEXT = """\
label: {fi: Koe, sv: Test, en: Trial}
counties: ["04"]
municipalities: [091]
chains: [post_release_support]
languages: [fi, sv, en]
draws: 200
reference: now
scenarios:
  now:
    label: {fi: Nyt, sv: Nu, en: Now}
  short:
    label: {fi: Lyhyt, sv: Kort, en: Short}
    horizon_years: 3
  none:
    label: {fi: Ei vaikutusta, sv: Ingen effekt, en: No effect}
    services: {post_release_support: {effect_times: 0, price_euros: 500}}
  stays_shorter:
    label: {fi: Luku, sv: Tal, en: Number}
    numbers: {prison.short_years: 0.1}
"""


def written(folder, text=TEXT, **changes):
    for old, new in changes.items():
        text = text.replace(old, new)
    path = folder / "simulation.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def simulation(tmp_path_factory):
    return read_simulation(written(tmp_path_factory.mktemp("file")))


@pytest.fixture(scope="module")
def made(catalogue, simulation, tmp_path_factory):
    output = tmp_path_factory.mktemp("simulation") / "run"
    steps = []
    return simulate(simulation, catalogue, output, steps.append, ROOT), steps


@pytest.fixture
def again(made, tmp_path):
    return Path(shutil.copytree(made[0].output, tmp_path / "again"))


def results(folder, **where):
    rows = pd.DataFrame(json.loads((folder / "matrix.json").read_text())["results"])
    for name, value in where.items():
        rows = rows[rows[name] == value]
    return rows


# --- the file -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_simulation_can_be_made(catalogue, tmp_path, path):
    found = cases(read_simulation(path), catalogue, tmp_path)
    assert len(found) >= 4
    assert len(SHIPPED) >= 2


def test_a_code_keeps_its_zeros_also_without_quotes(simulation):
    assert simulation.municipalities == ("091",)


def test_all_faults_of_a_file_are_told_at_once(tmp_path):
    path = written(
        tmp_path,
        **{
            "[091]": "[91, 165]",
            "languages: [fi": "languages: [se",
            "horizon_years": "horison_years",
            "effect_times: 0": "effect_times: -1",
            "{fi: Nyt, sv: Nu, en: Now}": "{fi: Nyt}",
        },
    )
    with pytest.raises(UsageError) as caught:
        read_simulation(path)
    told = str(caught.value)
    for fault in ("municipalities.0", "municipalities.1", "in quotes", "languages.0", "scenarios.short.horison_years",
                  "effect_times", "scenarios.now.label.sv", "scenarios.now.label.en"):  # fmt: skip
        assert fault in told, fault
    assert "simulation.yaml:" in told


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("reference: now", "reference: then", "reference then is no scenario"),
        ("  short:", "  notebooks:", "has the name of a folder"),
        ("municipalities: [091]", "all: true", "stands beside"),
        ('counties: ["04"]\nmunicipalities: [091]', "draws: 200", "no place is named"),
        ("price_euros: 500", "price_euros: 500, price_times: 2", "both set the price"),
        ("{effect_times: 0, price_euros: 500}", "{}", "moves nothing"),
        ("  short:", "  now:", "this key stands twice"),
    ],
)
def test_what_does_not_hold_together_is_refused(tmp_path, old, new, told):
    assert old in TEXT
    text = TEXT.replace("draws: 200\n", "") if new == "draws: 200" else TEXT
    with pytest.raises(UsageError, match=told):
        read_simulation(written(tmp_path, text.replace(old, new)))


def test_what_cannot_be_had_is_told_with_its_scenario_before_anything_is_written(catalogue, tmp_path):
    changes = {
        "[091]": "['999']",
        "horizon_years: 3": "links: [placement_to_prisn]",
        "services: {post_release_support: {effect_times: 0, price_euros: 500}}": "price_set: dear",
    }
    with pytest.raises(UsageError) as caught:
        simulate(read_simulation(written(tmp_path, **changes)), catalogue, tmp_path / "run", root=ROOT)
    told = str(caught.value)
    assert told.count("municipality 999") == 1  # it holds for all scenarios
    assert "scenario short, link placement_to_prisn: is not a link" in told
    assert "scenario none" in told
    assert "dear" in told
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ("{prison.no_such: 1}", "is no number"),
        ("{taking_into_care.care_share: 0.5}", "is no number"),  # of a model that no service of it uses
        ("{quoted_prison: 100}", "is no number"),  # of a price set that is not asked for
        ("{prison.later_risk_ratio: -1}", "below 0"),
        ("{prison.baseline_probability: 1.5}", "above 1"),
    ],
)
def test_a_number_that_cannot_be_set_or_would_change_nothing_is_refused(catalogue, tmp_path, numbers, told):
    path = written(tmp_path, **{"{prison.short_years: 0.1}": numbers})
    with pytest.raises(UsageError, match=told):
        cases(read_simulation(path), catalogue, tmp_path)


def test_a_service_that_is_not_in_the_simulation_is_refused(catalogue, tmp_path):
    path = written(
        tmp_path,
        **{"services: {post": "services: {intensive_family_work: {effect_times: 1}, post"},
    )
    with pytest.raises(UsageError, match="is no service of the simulation"):
        cases(read_simulation(path), catalogue, tmp_path)


# --- what is moved --------------------------------------------------------------------------------


def test_an_effect_times_one_is_as_it_was_and_times_zero_is_none(catalogue):
    chain, fit = catalogue.chains["intensive_family_work"], family_fit()
    same, _ = move_fits(Move(effect_times=1.0), chain, fit, None)
    xr.testing.assert_allclose(same.effect["risk"], fit.effect["risk"])
    none, _ = move_fits(Move(effect_times=0.0), chain, fit, None)
    xr.testing.assert_allclose(
        none.effect["risk"].sel(option=NEW, drop=True), fit.effect["risk"].sel(option=USUAL, drop=True)
    )
    assert none.hash != fit.hash


def test_half_an_effect_is_half_on_the_log_scale_and_no_risk_goes_over_one(catalogue):
    chain, fit = catalogue.chains["intensive_family_work"], family_fit(ratio=0.49)
    half, _ = move_fits(Move(effect_times=0.5), chain, fit, None)
    usual, new = (half.effect["risk"].sel(option=option) for option in (USUAL, NEW))
    np.testing.assert_allclose(new / usual.values, 0.7)
    worse, _ = move_fits(Move(effect_times=50.0), chain, family_fit(ratio=1.5), None)
    assert float(worse.effect["risk"].max()) == 1.0
    support = catalogue.chains[SUPPORT]
    ratio, _ = move_fits(Move(effect_times=2.0), support, support_fit(ratio=0.8), None)
    np.testing.assert_allclose(ratio.effect["ratio"], 0.64)


def test_an_estimated_price_is_scaled_or_known_and_the_usual_service_costs_what_it_did(catalogue):
    chain, fit, costs = catalogue.chains["intensive_family_work"], family_fit(), cost_fit(spread=0.1)
    before = costs.effect["mean"]
    for move, new in (
        (Move(price_times=2.0), before.sel(option=NEW) * 2),
        (Move(price_euros=0.0), 0.0 * before.sel(option=NEW)),
    ):
        mean = move_fits(move, chain, fit, costs)[1].effect["mean"]
        np.testing.assert_allclose(mean.sel(option=NEW), new)
        np.testing.assert_allclose(mean.sel(option=USUAL), before.sel(option=USUAL))
        assert mean.dims == before.dims


# --- the matrix -------------------------------------------------------------------------------------


def test_every_scenario_stands_in_every_place(made):
    rows = results(made[0].output, payer="all")
    assert len(rows) == 4 * 4  # a county as a whole, its two municipalities, and Helsinki
    assert set(rows["place"]) == {"04", "092", "245", "091"}
    assert made[0].computed == 8
    assert made[1][-1].done == made[1][-1].total == 8


def test_the_matrix_is_what_an_appraisal_says_and_the_difference_is_by_draw(made, catalogue):
    chain = catalogue.chains[SUPPORT]
    data = data_for(chain, catalogue, None)
    fit = fit_chain(chain, catalogue, data, catalogue.conventions.seed, cache_folder(ROOT))
    saved = {
        name: decision.net_saving(appraise(chain, catalogue, fit, ["091"], Request.of(catalogue, draws=200, **more)))
        for name, more in {"now": {}, "short": {"horizon_years": 3}}.items()
    }
    mass = catalogue.conventions.interval_mass
    for name, draws in saved.items():
        row = results(made[0].output, place="091", payer="all", scenario=name).iloc[0]
        values = draws.to_numpy().ravel()
        assert row["net_saving"] == pytest.approx(values.mean(), abs=1)
        assert row["net_saving_low"] == pytest.approx(np.quantile(values, (1 - mass) / 2), abs=1)
        assert row["probability_of_saving"] == pytest.approx((values > 0).mean(), abs=1e-4)
    difference = (saved["short"] - saved["now"]).to_numpy().ravel()
    row = results(made[0].output, place="091", payer="all", scenario="short").iloc[0]
    assert row["difference"] == pytest.approx(difference.mean(), abs=1)
    assert row["difference_high"] == pytest.approx(np.quantile(difference, (1 + mass) / 2), abs=1)


def test_without_an_effect_a_service_loses_its_price_and_no_more(made):
    row = results(made[0].output, place="091", payer="all", scenario="none").iloc[0]
    assert row["net_saving"] == row["net_saving_low"] == row["net_saving_high"] == -500 * row["clients"]
    assert row["probability_of_saving"] == 0


def test_a_whole_county_is_its_municipalities_by_population_and_payers_add_up(made, catalogue):
    rows = results(made[0].output, scenario="now", payer="all").set_index("place")["net_saving"]
    people = {code: catalogue.municipality(code).population for code in catalogue.members("04")}
    mean = sum(rows[code] * number for code, number in people.items()) / sum(people.values())
    assert rows["04"] == pytest.approx(mean, abs=2)
    everything = results(made[0].output)
    for _, some in everything.groupby(["place", "scenario"]):
        parts = some[some["payer"] != "all"]["net_saving"].sum()
        assert parts == pytest.approx(some[some["payer"] == "all"]["net_saving"].sum(), abs=5)


def test_pages_are_whole_in_three_languages_and_may_go_out(made):
    output = made[0].output
    for language, name in (("fi", "Nyt"), ("sv", "Nu"), ("en", "Now")):
        text = (output / f"index.{language}.html").read_text(encoding="utf-8")
        assert f'<html lang="{language}"' in text
        assert text.count('role="table"') == 1 + 4
        assert name in text
        assert "<script" not in text
    assert (output / "index.html").read_bytes() == (output / "index.fi.html").read_bytes()
    assert "Helsingin kaupunki" in (output / "index.fi.html").read_text(encoding="utf-8")
    table = pd.read_csv(output / "matrix.csv", sep=";", decimal=",", dtype={"place": str}, encoding="utf-8-sig")
    assert "091" in set(table["place"])
    assert verify(output) == []


# --- what stands ------------------------------------------------------------------------------------


def test_an_unchanged_simulation_computes_and_writes_nothing(catalogue, simulation, again):
    before = {path.name: path.stat().st_mtime_ns for path in again.rglob("*.*") if path.is_file()}
    outcome = simulate(simulation, catalogue, again, root=ROOT)
    after = {path.name: path.stat().st_mtime_ns for path in again.rglob("*.*") if path.is_file()}
    changed = {name for name in after if after[name] != before.get(name)}
    assert (outcome.computed, outcome.standing, outcome.written) == (0, 8, False)
    assert changed <= {LOG, ".lock", "manifest.jsonl"}


def test_a_changed_scenario_is_computed_alone_and_a_changed_label_only_written(catalogue, simulation, again):
    scenarios = simulation.scenarios
    longer = {**scenarios, "short": scenarios["short"].override(horizon_years=4)}
    planned = plan_simulation(simulation.override(scenarios=longer), catalogue, again, ROOT)
    assert {(one.name.split()[1], one.why) for one in planned.parts} == {("short", "asked for otherwise")}
    assert planned.standing == 6
    label = scenarios["short"].label.override(fi="Aivan lyhyt")
    renamed = simulation.override(scenarios={**scenarios, "short": scenarios["short"].override(label=label)})
    outcome = simulate(renamed, catalogue, again, root=ROOT)
    assert (outcome.computed, outcome.written) == (0, True)
    assert "Aivan lyhyt" in (again / "index.fi.html").read_text(encoding="utf-8")
    assert verify(again) == []


def test_a_price_that_is_used_is_computed_anew_and_another_is_not(catalogue, simulation, again):
    def dearer(name):
        cost = catalogue.unit_costs[name]
        values = tuple(value.override(mean=value.mean * 1.01) for value in cost.values)
        return replace(catalogue, unit_costs={**catalogue.unit_costs, name: cost.override(values=values)})

    used, unused = "post_release_support_client", "quoted_taking_into_care"
    assert plan_simulation(simulation, dearer(unused), again, ROOT).parts == ()
    due = {one.name.split()[1] for one in plan_simulation(simulation, dearer(used), again, ROOT).parts}
    assert {"now", "short", "stays_shorter"} <= due


def test_planning_writes_nothing(catalogue, simulation, tmp_path):
    planned = plan_simulation(simulation, catalogue, tmp_path / "run", ROOT)
    assert {one.why for one in planned.parts} == {"new"}
    assert not (tmp_path / "run").exists()


def test_a_simulation_that_was_stopped_goes_on_and_comes_out_the_same(made, catalogue, simulation, tmp_path):
    folder = tmp_path / "another folder" / "run"

    def stop(step):
        if step.done >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(simulation, catalogue, folder, stop, ROOT)
    assert read_status(folder).cut_short
    assert not list(folder.glob("*.html"))
    (folder / "appraisals" / ".now.04.nc.0123abcd").write_bytes(b"cut")  # as a kill leaves it
    outcome = simulate(simulation, catalogue, folder, root=ROOT)
    assert (outcome.computed, outcome.standing) == (4, 4)
    for path in [
        *made[0].output.glob("*.html"),
        *made[0].output.glob("matrix.*"),
        *made[0].output.glob("appraisals/*"),
    ]:
        assert (folder / path.relative_to(made[0].output)).read_bytes() == path.read_bytes(), path.name
    assert not (folder / "appraisals" / ".now.04.nc.0123abcd").exists()
    assert not read_status(folder).cut_short


def test_a_table_that_was_changed_by_others_is_written_again(catalogue, simulation, again):
    (again / "matrix.csv").write_text("mine")
    outcome = simulate(simulation, catalogue, again, root=ROOT)
    assert outcome.written
    assert "place_kind" in (again / "matrix.csv").read_text(encoding="utf-8-sig")


def test_a_folder_that_cannot_be_used_is_refused(catalogue, simulation, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="cannot be used"):
        simulate(simulation, catalogue, tmp_path / "file" / "run", root=ROOT)


def test_the_log_and_the_status_tell_what_was_made(made):
    lines = list(read_log(made[0].output))
    assert [line["stage"] for line in lines if line["stage"] == "simulation"] == ["simulation"]
    assert sum(line["stage"] == "appraisal" for line in lines) == 8
    found = read_status(made[0].output)
    assert (found.whole, found.computed, found.failed, found.running) == (0, 8, (), False)


@pytest.mark.slow
def test_pages_where_they_are_asked_for_are_runs_of_their_own(catalogue, simulation, again):
    asked = simulation.override(pages=True, languages=("fi",), counties=())
    outcome = simulate(asked, catalogue, again, root=ROOT)
    assert list(outcome.runs) == ["now", "short"]
    assert outcome.without_pages == ("none", "stays_shorter")
    assert (again / "short" / "091.fi.html").is_file()
    assert 'href="short/index.fi.html"' in (again / "index.fi.html").read_text(encoding="utf-8")
    assert not (again / "index.sv.html").exists()
    assert read_status(again).whole == 2
    assert verify(again) == []
    (again / "short" / "091.fi.html").write_text("other")
    assert [one.place for one in verify(again)] == ["short: 091.fi.html"]
