"""The what-if panel: what its controls ask is what an appraisal answers, and what it saves a simulation runs."""

import json
import re
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from appraisal_builders import FAMILY, FITS, SUPPORT, cost_fit, family_fit, support_fit
from typer.testing import CliRunner

from costeff import decision
from costeff.appraisal import Request, appraise
from costeff.appraisal.asked import Asked
from costeff.appraisal.levers import CASHABLE, DISCOUNT, with_number
from costeff.appraisal.moves import Move, move_fits, move_prices
from costeff.batch.country import all_data, cache_folder, fit_chain, fit_costs
from costeff.batch.request import resolve
from costeff.batch.simulation import read_simulation
from costeff.cli import app
from costeff.errors import ExitCode, UsageError
from costeff.explore import Panel, what_if
from costeff.explore.saving import scenario_id
from costeff.params.whatif import what_if as changed
from costeff.report.compared import compare

ROOT = Path(__file__).parents[2]
HERE, THERE = "091", "837"
DRAWS = 100
COSTS = cost_fit(draws=DRAWS, spread=300.0)


@pytest.fixture(scope="module")
def one(catalogue) -> Panel:
    request = Request.of(catalogue, draws=DRAWS, horizon_years=6)
    return what_if(catalogue.chains[FAMILY], catalogue, family_fit(DRAWS), [HERE, THERE], request, COSTS)


@pytest.fixture
def panel(one, tmp_path) -> Panel:
    """At the start, with a folder of its own."""
    one.folder = tmp_path / "saved"
    one.controls.place.value, one.controls.payer.value, one.name.value = HERE, "", ""
    one.reset()
    return one


def by_hand(catalogue, panel, place=HERE, move=None, numbers=(), **asked) -> xr.DataArray:
    """Net saving of `appraise`, with the catalogue, the fits and the request moved outside the panel."""
    bench = panel.bench
    fit, costs = move_fits(move, bench.chain, bench.fit, bench.costs) if move else (bench.fit, bench.costs)
    catalogue = move_prices({bench.chain.id: move}, catalogue) if move else catalogue
    for name, value in dict(numbers).items():
        catalogue = with_number(catalogue, name, value)
    request = bench.request.override(**asked)
    return decision.net_saving(appraise(bench.chain, catalogue, fit, [place], request, costs)).isel(municipality=0)


# --- answers ----------------------------------------------------------------------------------------

NATIONAL = ["foster_family_day", "child_welfare_institution_day"]
MOVES = {
    "effect": ({"effect": 0.5}, {"move": Move(effect_times=0.5)}),
    "no effect": ({"effect": 0.0}, {"move": Move(effect_times=0.0)}),
    "price": ({"price": 1.3}, {"move": Move(price_times=1.3)}),
    "price set": ({"price_set": "national"}, {"price_set": "national"}),
    "caseload": ({"clients": 340}, {"clients": 340}),
    "horizon": ({"horizon": 12}, {"horizon_years": 12}),
    "discount": ({"discount": 5.0}, {"numbers": {DISCOUNT: 0.05}}),
    "cashable": ({"stops": True, "cashable": 25}, {"numbers": {f"quoted_taking_into_care{CASHABLE}": 0.25}}),
    "all": (
        {"effect": 1.2, "price": 0.8, "price_set": "national", "clients": 50, "horizon": 3, "discount": 0.0,
         "stops": True, "cashable": 100, "place": THERE},
        {"move": Move(effect_times=1.2, price_times=0.8), "price_set": "national", "clients": 50, "horizon_years": 3,
         "numbers": {DISCOUNT: 0.0, **{name + CASHABLE: 1.0 for name in NATIONAL}}, "place": THERE},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("controls", "moved"), MOVES.values(), ids=MOVES)
def test_a_control_moved_is_the_appraisal_moved(catalogue, panel, controls, moved):
    before = repr(panel.answer)
    still, alone = panel._still, len(controls) == 1
    panel._still = not alone  # or each of many would be answered
    for name, value in controls.items():
        getattr(panel.controls, name).value = value
    panel._still = still
    panel._moved()
    expected = by_hand(catalogue, panel, **moved)
    np.testing.assert_allclose(decision.net_saving(panel.appraisal), expected, rtol=1e-12)
    assert repr(panel.answer) != before
    panel.reset()
    assert panel.asked == Asked()
    panel.controls.place.value = HERE
    assert repr(panel.answer) == before


def test_to_and_fro_gives_the_same_to_the_last_digit(catalogue, panel):
    """What is kept from one answer to the next is not changed on the way."""
    first = panel.appraisal.copy(deep=True)
    for effect, clients in ((0.4, 10), (0.4, 250)):
        panel.controls.effect.value, panel.controls.clients.value = effect, clients
    panel.bench.told.clear()
    panel.reset()
    xr.testing.assert_identical(panel.appraisal, first)
    fresh = appraise(panel.bench.chain, catalogue, panel.bench.fit, [HERE], panel.bench.request, COSTS)
    np.testing.assert_array_equal(decision.net_saving(fresh).isel(municipality=0), decision.net_saving(first))
    assert first.attrs["input_hash"] == fresh.attrs["input_hash"]


def test_whole_units_make_the_caseload_matter_and_are_kept(catalogue):
    request = Request.of(catalogue, draws=DRAWS, horizon_years=5, price_set="national", whole_units=True)
    panel = what_if(catalogue.chains[FAMILY], catalogue, family_fit(DRAWS), HERE, request, COSTS)
    each = {}
    for clients in (20, 2000):
        panel.controls.clients.value = clients
        each[clients] = float(decision.net_saving(panel.appraisal).mean()) / clients
    assert each[20] < each[2000]


def test_a_slider_moves_its_box_and_a_box_its_slider(panel):
    panel.controls.sliders["effect"].value = 0.55
    assert panel.asked.effect_times == 0.55
    panel.controls.horizon.value = 9
    assert panel.controls.sliders["horizon"].value == 9
    assert panel.asked.horizon_years == 9


def test_the_answer_tells_interval_chance_payback_and_every_payer(catalogue):
    fit = support_fit(DRAWS)
    request = Request.of(catalogue, draws=DRAWS, price_set="national")
    panel = what_if(catalogue.chains[SUPPORT], catalogue, fit, HERE, request)
    text, page = repr(panel.answer), panel.answer._repr_html_()
    assert "90% interval" in text
    assert re.search(r"in (\d|fewer than 1|more than 19) cases? of", text)
    assert "The money is" in text
    assert {"Wellbeing services county", "State", "All payers"} <= set(
        re.findall(r"<th scope=\"row\"[^>]*>([^<]+)", page)
    )
    panel.controls.payer.value = "state"
    assert repr(panel.answer).startswith("State: for 100 clients")
    saved = decision.by_payer(panel.appraisal, payer="state").sum("payer")
    assert float(saved.mean()) > 0
    assert "saves about" in repr(panel.answer)


@pytest.mark.parametrize(("language", "word"), [("fi", "asiakasta"), ("sv", "klienter"), ("en", "clients")])
def test_the_panel_speaks_three_languages(catalogue, language, word):
    request = Request.of(catalogue, draws=12, horizon_years=2)
    fit, costs = FITS[FAMILY], cost_fit()
    panel = what_if(catalogue.chains[FAMILY], catalogue, fit, HERE, request, costs, language=language)
    panel.controls.effect.value = 0.5
    assert word in repr(panel.answer)
    labels = [control.description for control in panel.controls.moving]
    assert all(labels)
    assert len(set(labels)) == len(labels)


def test_a_county_is_asked_as_one_place(catalogue):
    """Of one municipality that is a county of its own the answer is that of the municipality."""
    codes = catalogue.members("90")
    assert codes == [HERE]
    request = Request.of(catalogue, draws=DRAWS, horizon_years=3)
    panel = what_if(catalogue.chains[FAMILY], catalogue, family_fit(DRAWS), ["90", HERE], request, COSTS)
    county = decision.net_saving(panel.appraisal)
    panel.controls.place.value = HERE
    np.testing.assert_allclose(county, decision.net_saving(panel.appraisal), rtol=1e-12)


def test_a_fit_that_failed_gives_no_figure(catalogue):
    fit = family_fit(DRAWS)
    failed = replace(fit, checks=tuple(replace(check, passed=False) for check in fit.checks))
    request = Request.of(catalogue, draws=DRAWS, horizon_years=3)
    panel = what_if(catalogue.chains[FAMILY], catalogue, failed, HERE, request, COSTS)
    assert repr(panel.answer) == "No result is given for this service."
    assert "€" not in panel.answer._repr_html_()


def test_a_redraw_takes_less_than_half_a_second(catalogue):
    """Processor time, the least of several moves of each control: a machine at work elsewhere adds to it."""
    request = Request.of(catalogue, draws=1000, horizon_years=10)
    panel = what_if(
        catalogue.chains[FAMILY], catalogue, family_fit(1000), HERE, request, cost_fit(draws=1000, spread=300.0)
    )
    moves = {"effect": [0.5, 0.7, 0.9], "horizon": [8, 12], "price_set": ["national", "quoted"], "clients": [50, 60],
             "stops": [True], "cashable": [20], "payer": ["county"]}  # fmt: skip
    for name, values in moves.items():
        taken = []
        for value in values:
            start = time.process_time()
            getattr(panel.controls, name).value = value
            taken.append(time.process_time() - start)
        assert min(taken) < 0.5, f"{name}: {taken}"


# --- how it shows itself ----------------------------------------------------------------------------


def test_without_a_screen_of_widgets_the_answer_stands_as_html(panel):
    bundle = panel._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/plain"] == repr(panel.answer)
    page = bundle["text/html"]
    assert repr(panel.answer).split(".")[0][:40] in page
    assert len(re.findall(r'<img [^>]*alt="[^"]{30,}"', page)) == 2
    assert "<caption>" in page
    assert "Synthetic data" in page
    assert not re.search(r"<script|https?://", page)


def test_every_control_has_a_label_and_a_class(panel):
    for name in (
        "place",
        "effect",
        "price",
        "price_set",
        "clients",
        "stops",
        "cashable",
        "horizon",
        "discount",
        "payer",
    ):
        control = getattr(panel.controls, name)
        assert control.description
        assert f"costeff-{name.replace('_', '-')}" in control._dom_classes
    assert {f"costeff-{name}" for name in ("save", "reset", "name")} == {
        one._dom_classes[0] for one in (panel.save_button, panel.reset_button, panel.name)
    }


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_the_handle_of_a_slider_gets_the_name_of_its_box(catalogue, language):
    request = Request.of(catalogue, draws=12, horizon_years=2)
    chain = catalogue.chains[FAMILY]
    panel = what_if(chain, catalogue, FITS[FAMILY], HERE, request, cost_fit(), language=language)
    script = panel.children[-1].outputs[0]["data"]["application/javascript"]
    for name, slider in panel.controls.sliders.items():
        label = getattr(panel.controls, name).description
        assert f'"{slider._dom_classes[0]}": "{label}"' in script


# --- input that cannot be ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("control", "typed", "stands"),
    [("clients", -5, 1), ("clients", 10**9, 1_000_000), ("horizon", 0, 1), ("horizon", 400, 60), ("effect", -1.0, 0.0),
     ("cashable", 150, 100), ("discount", 99.0, 30.0), ("price", 0.0, 0.05)],
)  # fmt: skip
def test_a_number_out_of_bounds_goes_to_the_bound(panel, control, typed, stands):
    panel.controls.stops.value = True
    getattr(panel.controls, control).value = typed
    assert getattr(panel.controls, control).value == stands
    assert "PT" not in panel.message.value
    assert np.isfinite(decision.net_saving(panel.appraisal)).all()


def test_what_cannot_be_answered_is_told_in_the_panel_and_the_answer_stays(panel, monkeypatch):
    before = panel.shown.value

    def refuse(*_: object) -> None:
        raise UsageError("This cannot be asked", [])

    monkeypatch.setattr(type(panel.bench), "appraisal", refuse)
    panel.controls.effect.value = 0.5
    assert "This cannot be asked" in panel.message.value
    assert 'role="status"' in panel.message.value
    assert panel.shown.value == before


@pytest.mark.parametrize(
    ("places", "more", "told"),
    [([], {}, "places: is empty"), (["91"], {}, "no estimate for it|cannot be appraised"), (["999"], {}, "999"),
     (["091"], {"payer": "kela"}, "has no money in this appraisal")],
)  # fmt: skip
def test_a_place_or_payer_that_is_not_there_is_refused(catalogue, places, more, told):
    request = Request.of(catalogue, draws=12, horizon_years=2)
    with pytest.raises(UsageError, match=told):
        what_if(catalogue.chains[FAMILY], catalogue, FITS[FAMILY], places, request, cost_fit(), **more)


# --- saving -----------------------------------------------------------------------------------------


def test_what_is_saved_is_read_as_a_simulation(catalogue, panel):
    panel.controls.effect.value, panel.controls.clients.value = 0.5, 250
    panel.controls.stops.value, panel.controls.discount.value = True, 4.0
    panel.name.value = "Puolet vaikutuksesta & vähemmän"
    panel.save_button.click()
    path = panel.folder / "puolet_vaikutuksesta_vahemman.yaml"
    assert f"costeff simulate {path}" in panel.message.value
    found = read_simulation(path)
    assert found.municipalities == (HERE,)
    assert (found.reference, found.common.clients, found.draws) == ("start", 250, DRAWS)
    assert not found.scenarios["start"].moved
    scenario = found.scenarios["puolet_vaikutuksesta_vahemman"]
    assert scenario.label.sv == "Puolet vaikutuksesta & vähemmän"
    assert scenario.services[FAMILY].effect_times == 0.5
    assert scenario.numbers == {f"quoted_taking_into_care{CASHABLE}": 0.6, DISCOUNT: 0.04}


def test_the_switches_of_the_request_are_saved(catalogue, tmp_path):
    switches = {"persistence": "wanes", "claw_back": True, "whole_units": True, "horizon_years": 8}
    links = ("placement_to_prison",)
    request = Request.of(catalogue, draws=DRAWS, price_set="national", links=links, **switches)
    panel = what_if(catalogue.chains[FAMILY], catalogue, family_fit(DRAWS), HERE, request, COSTS, folder=tmp_path)
    panel.controls.price.value = 0.9
    common = read_simulation(panel.save("x")).common
    assert (common.effect, common.claw_back, common.whole_units) == ("wanes", True, True)
    assert (common.horizon_years, common.price_set, common.links) == (8, "national", links)


@pytest.mark.parametrize(
    ("name", "told"),
    [("", "has no letter or digit"), ("???", "has no letter or digit"), ("start", "that of the reference"),
     ("appraisals", "has the name of a folder|rename it")],
)  # fmt: skip
def test_a_name_that_cannot_be_is_told_in_the_panel(panel, name, told):
    panel.controls.effect.value = 0.5
    assert panel.save(name or " ") is None
    assert re.search(told, panel.message.value)
    assert not list(panel.folder.glob("*")) if panel.folder.exists() else True


def test_nothing_is_written_over_and_the_start_is_no_scenario(panel):
    assert panel.save("nothing") is None
    assert "differs from the start in nothing" in panel.message.value
    panel.controls.effect.value = 0.5
    path = panel.save("one")
    content = path.read_bytes()
    panel.controls.effect.value = 0.6
    assert panel.save("One") is None
    assert "taken by another file" in panel.message.value
    assert path.read_bytes() == content


def test_a_folder_that_cannot_be_written_is_told_in_the_panel(panel, tmp_path):
    panel.folder = tmp_path / "taken"
    panel.folder.write_text("a file")
    panel.controls.effect.value = 0.5
    assert panel.save("x") is None
    assert "A file could not be written" in panel.message.value
    assert panel.folder.read_text() == "a file"
    assert list(tmp_path.iterdir()) == [panel.folder]


def test_a_catalogue_changed_in_the_notebook_is_not_saved(catalogue, tmp_path):
    other = changed(catalogue, "taking_into_care.care_share", "a trial", mean=0.2)
    request = Request.of(catalogue, draws=DRAWS, horizon_years=3)
    panel = what_if(other.chains[FAMILY], other, family_fit(DRAWS), HERE, request, COSTS, folder=tmp_path)
    panel.controls.effect.value = 0.5
    assert panel.save("x") is None
    assert "was changed in this notebook" in panel.message.value


def test_few_draws_are_told_as_the_command_would_tell_them(catalogue, tmp_path):
    request = Request.of(catalogue, draws=12, horizon_years=3)
    panel = what_if(catalogue.chains[FAMILY], catalogue, FITS[FAMILY], HERE, request, cost_fit(), folder=tmp_path)
    panel.controls.effect.value = 0.5
    assert panel.save("x") is None
    assert "draws 12: is below 100" in panel.message.value


def test_names_become_ids():
    assert scenario_id("Puolet vaikutuksesta") == "puolet_vaikutuksesta"
    assert scenario_id("2 x hinta") == "scenario_2_x_hinta"
    assert scenario_id("Äö Å") == "ao_a"
    assert len(scenario_id("9" * 300)) == len(scenario_id("x" * 300)) == 60
    assert scenario_id("../../etc/passwd") == "etc_passwd"


def test_a_saved_scenario_is_run_by_the_command_and_comes_to_the_same(catalogue, tmp_path, monkeypatch):
    """From the register to the matrix: the difference in the panel is the difference in the table."""
    monkeypatch.setenv("COSTEFF_HOME", str(ROOT))
    chain, seed, cache = catalogue.chains[FAMILY], catalogue.conventions.seed, cache_folder(ROOT)
    asked = resolve(catalogue, municipalities=["165"], chains=[FAMILY], output=tmp_path)
    data = all_data(catalogue, asked, cache)[FAMILY]
    fit, costs = (make(chain, catalogue, data, seed, cache) for make in (fit_chain, fit_costs))
    request = Request.of(catalogue, draws=200, claw_back=True)
    panel = what_if(chain, catalogue, fit, "165", request, costs, folder=tmp_path)
    for name, value in {"effect": 0.6, "clients": 150, "horizon": 15, "discount": 1.5, "stops": True}.items():
        getattr(panel.controls, name).value = value
    path = panel.save("A trial")
    done = CliRunner().invoke(app, ["simulate", str(path), "--output", str(tmp_path / "run")])
    assert done.exit_code == ExitCode.OK, done.output
    rows = json.loads((tmp_path / "run" / "matrix.json").read_text())["results"]
    (row,) = (one for one in rows if (one["scenario"], one["payer"], one["place"]) == ("a_trial", "all", "165"))
    over = decision.differences({"start": panel.start, "now": panel.appraisal})
    now = over.sel(scenario="now", payer="all")
    for theirs, ours in {"net_saving": "net", "difference": "difference", "difference_low": "difference_low"}.items():
        assert row[theirs] == pytest.approx(float(now[ours]), abs=2)
    assert row["probability_of_saving"] == pytest.approx(float(now["probability"]), abs=1e-4)
    page = (tmp_path / "run" / "index.en.html").read_text()
    assert "Discount rate a year 0.015" in page
    told = compare({"As it is": panel.start, "A trial": panel.appraisal})
    assert "A trial: the net saving is" in told.sentence
