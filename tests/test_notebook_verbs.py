"""What notebooks call of the package: what-ifs, published ratios, raw beside estimate, a fit that failed, results."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from costeff.avoided_cost import MODELS
from costeff.batch.country import data_for, fit_chain, open_checked, synthetic_register
from costeff.errors import ModelError, ParamsError, UsageError
from costeff.outcomes import raw_beside_estimate
from costeff.outcomes.fit import Check
from costeff.params import what_if
from costeff.params.pricing import sample, sample_parameters, sample_ratio
from costeff.records import read_truth
from costeff.report.figures import AxisTexts
from costeff.report.model_figures import composition_figure
from costeff.report.notebook import drawing_style, intervals, tell

KEY = "taking_into_care.annual_exit_rate"


@pytest.fixture(scope="module")
def fitted(catalogue, fits_cache):
    chain = catalogue.chains["intensive_family_work"]
    register = open_checked(synthetic_register(catalogue, 2026, fits_cache), catalogue)
    data = data_for(chain, catalogue, register)
    return fit_chain(chain, catalogue, data, 2026, fits_cache), data.outcome


def test_a_what_if_is_a_new_catalogue_with_a_hash_of_its_own(catalogue):
    before = catalogue.hash
    other = what_if(catalogue, KEY, "shorter stays", mean=0.3, low=0.2, high=0.4)
    changed = other.transitions["taking_into_care"]["annual_exit_rate"]
    assert (changed.mean, changed.quality, changed.source) == (0.3, "assumption", ("stated_assumption",))
    assert catalogue.transitions["taking_into_care"]["annual_exit_rate"].mean == 0.187
    assert catalogue.hash == before != other.hash
    assert what_if(catalogue, KEY, "shorter stays", mean=0.31, low=0.2, high=0.4).hash != other.hash


def test_a_what_if_changes_the_latest_price_only(catalogue):
    other = what_if(catalogue, "child_welfare_institution_day", "a dearer day", mean=600, low=550, high=650)
    means = [value.mean for value in other.unit_costs["child_welfare_institution_day"].values]
    assert means == [190, 600]


def test_a_what_if_that_does_not_hold_together_names_the_key(catalogue):
    with pytest.raises(ParamsError, match=KEY):
        what_if(catalogue, KEY, "out of its interval", mean=3.0)
    with pytest.raises(UsageError, match="annual_exit_rat"):
        what_if(catalogue, "taking_into_care.annual_exit_rat", "a slip", mean=0.2)


def test_parameters_are_drawn_as_an_appraisal_draws_them(catalogue):
    drawn = sample_parameters(catalogue, "prison", 50, 7)
    name = next(iter(catalogue.transitions["prison"]))
    alone = sample(catalogue.transitions["prison"][name], 50, 7, f"transitions.prison.{name}")
    assert set(drawn) == set(catalogue.transitions["prison"])
    np.testing.assert_array_equal(drawn[name], alone)


def test_a_published_ratio_is_drawn_with_its_own_median_and_interval(catalogue):
    row = catalogue.evidence["substance_treatment"][0]
    drawn = sample_ratio(row, 40_000, 1, "substance_treatment")
    assert np.quantile(drawn, [0.5, 0.025, 0.975]) == pytest.approx([0.789, 0.657, 0.946], abs=0.006)
    with pytest.raises(ParamsError, match="no interval"):
        sample_ratio(row.override(low95=None), 10, 1, "substance_treatment")
    with pytest.raises(ParamsError, match="not a ratio"):
        sample_ratio(row.override(measure="proportion"), 10, 1, "substance_treatment")


def test_raw_shares_of_few_clients_are_missing_and_the_others_are_as_counted(fitted):
    fit, cells = fitted
    table = raw_beside_estimate(fit, cells).set_index(["municipality", "option"])
    counted = cells.table.groupby(["municipality", "option"])[["n", "events"]].sum()
    few = counted.index[counted["n"] < 10]
    many = counted.index[counted["n"] >= 10]
    assert len(few) > 50
    assert table.loc[few, ["clients", "raw"]].isna().all().all()
    np.testing.assert_allclose(table.loc[many, "raw"], counted.loc[many, "events"] / counted.loc[many, "n"])
    assert (table["clients"].dropna() % 5 == 0).all()
    assert table["estimate"].between(table["low"], table["high"]).all()
    assert len(table) == 2 * fit.effect.sizes["municipality"]


def test_a_fit_that_failed_a_check_gives_no_figures(fitted):
    fit, _ = fitted
    assert fit.believed() is fit
    failed = replace(fit, checks=(*fit.checks, Check("rhat", "effect", 1.2, 1.01, False)))
    with pytest.raises(ModelError, match="rhat effect"):
        failed.believed()


def test_the_truth_of_a_register_is_that_of_the_scenario(catalogue, fits_cache):
    truth = read_truth(synthetic_register(catalogue, 2026, fits_cache))
    assert truth["national"]["risk_usual"] == pytest.approx(0.192)
    with pytest.raises(Exception, match="no truth"):
        read_truth(fits_cache / "nowhere")


def test_a_model_tells_its_moves_and_what_drives_them():
    moves = MODELS["long_term_unemployment"].moves
    assert moves == {
        ("unemployed", "employed"): "event",
        ("in_service", "employed"): "event",
        ("unemployed", "in_service"): "service_entry_rate",
        ("in_service", "unemployed"): "service_years",
        ("unemployed", "outside_labour_force"): "outside_rate",
        ("in_service", "outside_labour_force"): "outside_rate",
        ("outside_labour_force", "unemployed"): "return_rate",
        ("employed", "unemployed"): "job_years",
    }
    assert MODELS["taking_into_care"].moves["open_care", "institution"] == "event, care_share, institution_share"
    for model in MODELS.values():
        drawing = model._repr_html_()
        assert '<svg role="img" aria-label=' in drawing
        assert drawing.count("<rect") == len(model.states)


def test_a_result_has_its_sentence_as_alt_text_and_small_differences_are_seen():
    drawing_style()
    draws = pd.DataFrame({"value": [1.0, 2.0, 3.0] * 2, "who": ["a"] * 3 + ["b"] * 3})
    table = pd.DataFrame({"ratio": [0.996, 1.011], "n": pd.array([12, None], dtype="Int64")}, index=["<x>", "y"])
    shown = tell('Less than <1> & "so"', table, intervals(draws, "value", "who", 0.9, "things"))._repr_html_()
    assert 'alt="Less than &lt;1&gt; &amp; &quot;so&quot;"' in shown
    assert "0.996" in shown
    assert "1.011" in shown
    assert "&lt;x&gt;" in shown
    assert "NA" not in shown.split("<img")[0]


def test_a_figure_of_the_reports_is_told_as_it_is():
    table = pd.DataFrame({"case": ["usual", "new"], "component": "care", "euros": [3000.0, 2000.0]})
    drawn = composition_figure(table, AxisTexts("EUR", "", "the figure's own words", "{:,.0f}".format))
    shown = tell("The new one costs <less>.", table, drawn)._repr_html_()
    assert f'<img src="{drawn.data_uri}" alt="The new one costs &lt;less&gt;."' in shown


def test_prior_and_posterior_have_the_same_shape(fitted, catalogue):
    from costeff.outcomes import MODELS as OUTCOMES
    from costeff.outcomes import Context, prior_beside_posterior

    fit, cells = fitted
    counties = {code: catalogue.municipality(code).county for code in catalogue.municipalities}
    both = prior_beside_posterior(OUTCOMES["binary"], Context(cells, catalogue.priors["binary"], counties), fit, 100)
    assert isinstance(both, xr.DataTree)
    prior, posterior = (both[name].to_dataset() for name in ("prior", "posterior"))
    assert (
        dict(prior.sizes)
        == dict(posterior.sizes)
        == {
            "chain": 1,
            "draw": 100,
            "risk_group": 3,
            "county": 23,
        }
    )
    assert float(prior["effect"].std()) > 4 * float(posterior["effect"].std())
