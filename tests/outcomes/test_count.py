"""Counts: the frequency table against rows and scipy, closed forms, and a published data set against statsmodels."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from likelihoods import KEYS, PLACES, clients, predictor
from scipy.special import gammaln
from scipy.stats import nbinom

from costeff.draws import rng
from costeff.outcomes import MODELS, Context, Sampling, fit
from costeff.outcomes.standardise import share_of_groups
from costeff.records import Cells

MODEL = MODELS["count"]
QUICK = Sampling(seed=3, draws=500, tune=500)


def context(catalogue, rows, by=KEYS, counties=PLACES):
    """A frequency table of clients, given as rows with n of each."""
    table = rows.groupby([*by, "count"], as_index=False)["n"].sum()
    return Context(
        Cells("count", tuple(by), table, "days_in_care", 365.0, True, "test"), catalogue.priors["count"], counties
    )


def one_by_one(cells, rows):
    """Each client a cell of their own."""
    table = rows[[*KEYS, "count", "n"]].assign(client=rows.index)
    return replace(cells, cells=replace(cells.cells, table=table, by=(*cells.cells.by, "client")))


def drawn(rows, mean, dispersion, seed=1):
    pick = rng(seed, "counts")
    return rows.assign(n=1, count=pick.negative_binomial(1 / dispersion, 1 / (1 + dispersion * mean)))


@pytest.fixture(scope="module")
def rows():
    return drawn(clients(600), 3.0, 1.5)


@pytest.mark.parametrize("seed", range(3))
def test_the_likelihood_of_the_table_is_that_of_rows_and_of_scipy(likelihood, cells, rows, seed):
    truth = likelihood.parameters(seed)
    as_rows = one_by_one(cells, rows)
    mean, dispersion = np.exp(predictor(truth, rows)), np.exp(float(truth["log_dispersion"]))
    by_hand = nbinom(1 / dispersion, 1 / (1 + dispersion * mean)).logpmf(rows["count"])
    constant = gammaln(rows["count"] + 1)
    assert likelihood(cells, truth) == pytest.approx((by_hand + constant).sum(), rel=1e-10)
    assert likelihood(as_rows, truth) == pytest.approx(likelihood(cells, truth), rel=1e-12)


def test_nearly_poisson_keeps_its_digits(likelihood, cells, rows):
    """A dispersion of 1e-6 leaves a difference of two large numbers."""
    from scipy.stats import poisson

    truth = likelihood.parameters(0).assign(log_dispersion=np.log(1e-6))
    by_hand = poisson(np.exp(predictor(truth, rows))).logpmf(rows["count"]) + gammaln(rows["count"] + 1)
    assert likelihood(cells, truth) == pytest.approx(by_hand.sum(), abs=0.05)


def test_mean_and_zeros_are_those_of_the_distribution_for_the_mix_of_clients(likelihood, cells):
    truth = likelihood.parameters(1)
    effect = MODEL.effect(truth.expand_dims("draw"), cells).isel(draw=0)
    mix = share_of_groups(cells)
    dispersion = np.exp(float(truth["log_dispersion"]))
    for option in ("usual", "new"):
        for place in PLACES:
            who = pd.DataFrame({"municipality": place, "option": option, "group": mix["group"].values})
            mean = np.exp(predictor(truth, who))
            zeros = nbinom(1 / dispersion, 1 / (1 + dispersion * mean)).pmf(0)
            weight = mix.sel(municipality=place).to_numpy()
            at = {"option": option, "municipality": place}
            assert float(effect["mean"].sel(at)) == pytest.approx(weight @ mean)
            assert float(effect["zeros"].sel(at)) == pytest.approx(weight @ zeros)
    assert float(effect["ratio"]) == pytest.approx(np.exp(float(truth["effect"])))


def test_simulated_clients_have_the_moments_of_the_model(likelihood, catalogue):
    many = context(catalogue, clients(40_000).assign(n=1, count=0))
    truth = likelihood.parameters(2)
    table = MODEL.simulate(truth, many, rng(5, "simulate"))
    assert len(table) == 40_000
    assert (table["n"] == 1).all()
    dispersion = np.exp(float(truth["log_dispersion"]))
    found = table.assign(mean=np.exp(predictor(truth, table))).groupby(KEYS)
    mean, n = found["mean"].mean(), found["n"].sum()
    variance = mean + dispersion * mean**2
    assert (np.abs(found["count"].mean() - mean) < 4 * np.sqrt(variance / n)).all()
    assert (found["count"].var() / variance).between(0.75, 1.35).all()


def test_replicated_totals_have_the_moments_of_their_clients(likelihood, cells):
    truth = likelihood.parameters(2)
    posterior = truth.expand_dims(draw=4000)
    totals = MODEL.replicate(posterior, cells, rng(6, "replicate"))
    rows, dispersion = MODEL.rows(cells), np.exp(float(truth["log_dispersion"]))
    mean = np.exp(predictor(truth, rows))
    expected = rows.assign(mean=rows["n"] * mean, variance=rows["n"] * (mean + dispersion * mean**2))
    expected = expected.groupby("option")[["mean", "variance"]].sum()
    for option in ("usual", "new"):
        mean, variance = expected.loc[option]
        assert totals[option].mean() == pytest.approx(mean, abs=4 * np.sqrt(variance / 4000))
        assert totals[option].var() == pytest.approx(variance, rel=0.12)
    assert MODEL.observed(cells).sum() == (cells.cells.table["n"] * cells.cells.table["count"]).sum()


# --- fits ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_visits_in_the_rand_experiment_agree_with_maximum_likelihood(catalogue):
    """20 190 person-years of the RAND health insurance experiment: visits to doctors where care was free.

    The oracle has the same parameters, coded to sum to zero over groups, and no priors.
    """
    data = sm.datasets.randhie.load_pandas().data
    rows = pd.DataFrame(
        {
            "option": np.where(data["lncoins"] == 0, "new", "usual"),
            "group": np.where(data["disea"] > data["disea"].median(), "more_ill", "less_ill"),
            "count": data["mdvis"].astype(int),
            "n": 1,
        }
    )
    found = fit(MODEL, context(catalogue, rows, ["option", "group"], {}), Sampling(seed=3))
    new, ill = (rows["option"] == "new").astype(float), np.where(rows["group"] == "more_ill", 1.0, -1.0)
    design = pd.DataFrame({"one": 1.0, "group": ill, "new": new, "both": new * ill})
    oracle = sm.NegativeBinomial(rows["count"], design).fit(disp=0)
    error = oracle.bse["new"]
    log_ratio = np.log(found.effect["ratio"])
    assert found.passed, found.failed_checks
    assert float(log_ratio.mean()) == pytest.approx(oracle.params["new"], abs=0.2 * error)
    assert float(log_ratio.std()) == pytest.approx(error, rel=0.1)
    assert float(np.exp(found.posterior["log_dispersion"]).mean()) == pytest.approx(oracle.params["alpha"], rel=0.01)
    mean = rows.groupby("option")["count"].mean()
    assert float(found.effect["mean"].sel(option="new").mean()) == pytest.approx(mean["new"], rel=0.05)


@pytest.mark.slow
def test_the_truth_is_found_and_rows_give_the_same_posterior(catalogue):
    who = clients(3000)
    mean = np.exp(1.0 + 0.5 * (who["group"] == "high") - 0.4 * (who["option"] == "new")).to_numpy()
    rows = drawn(who, mean, 2.0)
    cells = context(catalogue, rows)
    as_rows = one_by_one(cells, rows)
    found, other = (fit(MODEL, each, QUICK) for each in (cells, as_rows))
    log_ratio = np.log(found.effect["ratio"])
    low, high = log_ratio.quantile([0.01, 0.99])
    assert low < -0.4 < high
    assert float(found.posterior["log_dispersion"].mean()) == pytest.approx(np.log(2.0), abs=0.15)
    assert abs(float(np.log(other.effect["ratio"]).mean() - log_ratio.mean())) < 0.15 * float(log_ratio.std())


EDGES = {
    "none has any": clients(60).assign(n=1, count=0),
    "all have the same": clients(60).assign(n=1, count=30),
    "one client an option": clients(2).assign(option=["usual", "new"], group="all", n=1, count=[0, 9]),
    "one has them all": clients(60).assign(n=1, count=[360] + [0] * 59),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", EDGES)
def test_at_the_edge_the_answer_is_finite_and_wide(catalogue, name):
    found = fit(MODEL, context(catalogue, EDGES[name]), QUICK).effect
    assert np.isfinite(found[["mean", "zeros", "mean_by_group"]].to_array()).all()
    assert ((found["zeros"] >= 0) & (found["zeros"] <= 1)).all()
    assert float(np.log(found["ratio"]).std()) > 0.03
