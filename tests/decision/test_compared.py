"""Scenarios side by side: differences draw by draw, and what cannot be compared."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from appraisal_builders import CODES, FAMILY, SUPPORT, cost_fit, family_fit, run, support_fit

from costeff import decision
from costeff.appraisal import one
from costeff.appraisal.moves import Move, move_fits
from costeff.decision import differences
from costeff.errors import UsageError
from costeff.report.compared import compare

PLACE = CODES[0]


@pytest.fixture(scope="module")
def appraisals(catalogue) -> dict[str, xr.Dataset]:
    """As it is, with half of the effect, at other prices, and over a shorter time."""
    costs = cost_fit(spread=300.0)
    half, _ = move_fits(Move(effect_times=0.5), catalogue.chains[FAMILY], family_fit(), None)
    found = {
        "as it is": run(catalogue, codes=[PLACE], costs=costs, horizon_years=8),
        "half": run(catalogue, codes=[PLACE], fit=half, costs=costs, horizon_years=8),
        "national": run(catalogue, codes=[PLACE], costs=costs, horizon_years=8, price_set="national"),
        "short": run(catalogue, codes=[PLACE], costs=costs, horizon_years=3),
    }
    return {name: one(ds, PLACE, catalogue) for name, ds in found.items()}


def test_a_difference_is_of_draws_and_not_of_intervals(appraisals):
    found = differences(appraisals)
    for name, ds in appraisals.items():
        nets = [decision.net_saving(each).to_numpy() for each in (ds, appraisals["as it is"])]
        by_hand = [a - b for a, b in zip(*nets, strict=True)]
        at = found.sel(scenario=name, payer="all")
        assert float(at["net"]) == pytest.approx(float(nets[0].mean()))
        assert float(at["difference"]) == pytest.approx(np.mean(by_hand))
        low, high = np.quantile(by_hand, [0.05, 0.95])
        assert (float(at["difference_low"]), float(at["difference_high"])) == pytest.approx((low, high))
        assert float(at["more"]) == pytest.approx(np.mean(np.array(by_hand) > 0))
    half = found.sel(scenario="half", payer="all")
    apart = float(half["difference_high"] - half["difference_low"])
    assert apart < float(half["net_high"] - half["net_low"]) + 1, "what both share does not widen it"


def test_payers_add_up_and_the_reference_differs_from_itself_by_nothing(appraisals):
    found = differences(appraisals, "national")
    for name in ("net", "difference"):
        np.testing.assert_allclose(found[name].drop_sel(payer="all").sum("payer"), found[name].sel(payer="all"))
    own = found.sel(scenario="national")
    assert not any(float(abs(own[name]).max()) for name in ("difference", "difference_low", "difference_high", "error"))


def test_turned_round_the_sign_is_turned(appraisals):
    pair = {name: appraisals[name] for name in ("as it is", "half")}
    there = differences(pair, "as it is").sel(scenario="half", payer="all")
    back = differences(pair, "half").sel(scenario="as it is", payer="all")
    assert float(there["difference"]) == pytest.approx(-float(back["difference"]))
    assert float(there["difference_low"]) == pytest.approx(-float(back["difference_high"]))


def test_a_payer_of_one_scenario_pays_nothing_in_the_other(appraisals):
    ds = appraisals["as it is"]
    payer = str(ds["payer"].values[0])
    without = ds.assign_coords(payer=["kela" if name == payer else name for name in ds["payer"].values])
    found = differences({"a": ds, "b": without})
    assert float(found["net"].sel(scenario="a", payer="kela")) == 0
    assert float(found["difference"].sel(scenario="b", payer="all")) == pytest.approx(0, abs=1e-6)


def test_several_places_keep_their_dim(catalogue):
    a, b = (run(catalogue, horizon_years=2, price_set=name) for name in ("quoted", "national"))
    found = differences({"a": a, "b": b})
    assert found["difference"].dims == ("scenario", "payer", "municipality")
    assert found["municipality"].values.tolist() == CODES


# --- what cannot be compared --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def others(catalogue) -> dict[str, tuple[xr.Dataset, str]]:
    """Appraisals that do not belong together with the one at hand, and what is told of each."""
    fit, costs = family_fit(), cost_fit()
    few = run(catalogue, codes=[PLACE], fit=family_fit(), costs=costs, draws=8)
    place = run(catalogue, codes=[CODES[1]], costs=costs)
    seed = run(catalogue, codes=[PLACE], costs=costs, seed=7)
    posterior = run(catalogue, codes=[PLACE], fit=replace(fit, hash="another"), costs=costs)
    service = run(catalogue, SUPPORT, codes=[PLACE], fit=support_fit(), price_set="national")
    return {
        "fewer draws": (one(few, PLACE, catalogue), "the draws differ: 8 against 12"),
        "place": (one(place, CODES[1], catalogue), "the place differs: 837 against 091"),
        "seed": (one(seed, PLACE, catalogue), "the seed differs: 7 against 2026"),
        "posterior": (one(posterior, PLACE, catalogue), "the posterior differs: "),
        "service": (one(service, PLACE, catalogue), "the service differs: post_release_support against"),
    }


@pytest.mark.parametrize("kind", ["fewer draws", "place", "seed", "posterior", "service"])
def test_other_draws_and_places_are_refused_with_what_differs(catalogue, others, kind):
    here = one(run(catalogue, codes=[PLACE], costs=cost_fit()), PLACE, catalogue)
    other, told = others[kind]
    with pytest.raises(UsageError) as error:
        differences({"here": here, "there": other})
    assert told in str(error.value)
    assert "there and here" in str(error.value)


def test_a_list_of_one_and_a_reference_that_is_not_there_are_refused(appraisals):
    with pytest.raises(UsageError, match="give two or more"):
        differences({"a": appraisals["half"]})
    with pytest.raises(UsageError, match="choose of as it is, half"):
        differences(appraisals, "other")


# --- told ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_it_is_told_as_sentence_table_and_figure(appraisals, language):
    shown = compare(
        {"A": appraisals["as it is"], "B": appraisals["half"], "C": appraisals["national"]}, language=language
    )
    assert shown.sentence.count("90") >= 2
    assert shown.table is not None
    assert len(shown.table) == 3 * (appraisals["as it is"].sizes["payer"] + 1)
    assert shown.image.startswith("data:image/svg+xml")
    page = shown._repr_html_()
    assert "B: " in page
    assert "<script" not in compare({"<script>": appraisals["half"], "B": appraisals["short"]})._repr_html_()


def test_a_worse_scenario_is_told_as_smaller_and_a_better_one_as_larger(appraisals):
    pair = {"it": appraisals["as it is"], "half": appraisals["half"]}
    assert "half: the net saving is" in compare(pair).sentence
    assert "smaller than in “it”" in compare(pair).sentence
    assert "larger than in “half”" in compare(pair, "half").sentence
    assert "about that of" in compare({"it": appraisals["as it is"], "same": appraisals["as it is"]}).sentence
