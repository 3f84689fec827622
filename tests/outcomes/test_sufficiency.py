"""The likelihood on cells is that on rows: the cells lose nothing."""

import numpy as np
import pandas as pd
import pytest
from likelihoods import KEYS, PLACES, Likelihood, clients, predictor
from scipy.special import expit
from scipy.stats import bernoulli, expon

from costeff.draws import rng
from costeff.outcomes import MODELS, Context, Sampling, fit
from costeff.records import Cells

QUICK = Sampling(seed=4, draws=500, tune=600)


@pytest.fixture(scope="module")
def binary(catalogue):
    """The same 600 clients as rows and as cells."""
    rows = clients(600).assign(n=1)
    rows["events"] = rng(7, "events").binomial(1, np.where(rows["option"] == "new", 0.2, 0.3))
    cells = rows.groupby(KEYS, as_index=False)[["n", "events"]].sum()
    return [
        Context(Cells("binary", tuple(KEYS), table, "event", 365.0, True, "test"), catalogue.priors["binary"], PLACES)
        for table in (rows, cells)
    ]


@pytest.fixture(scope="module")
def timed(catalogue):
    """Clients who were followed up to two half-years, as a row for each half-year, and as cells."""
    who, pick, parts = clients(600), rng(8, "times"), []
    time = pick.exponential(400, len(who))
    for k in range(2):
        start, end = 182.0 * k, 182.0 * (k + 1)
        days = np.clip(time - start, 0, 182.0)
        happened = (time > start) & (time <= end)
        parts.append(who.assign(interval=k, start=start, end=end, events=happened.astype(int), n=1, exposure=days))
    rows = pd.concat(parts).query("exposure > 0")
    cells = rows.groupby([*KEYS, "interval", "start", "end"], as_index=False)[["events", "n", "exposure"]].sum()
    return [
        Context(
            Cells("exposure", tuple(KEYS), t, "event", 364.0, True, "test"), catalogue.priors["time_to_event"], PLACES
        )
        for t in (rows, cells)
    ]


@pytest.mark.parametrize("kind", ["binary", "timed"])
def test_cells_and_rows_have_the_same_log_likelihood(kind, request):
    rows, cells = request.getfixturevalue(kind)
    model = MODELS["binary" if kind == "binary" else "time_to_event"]
    likelihood = Likelihood(model, cells)
    for seed in range(5):
        truth = likelihood.parameters(seed)
        assert likelihood(rows, truth) == pytest.approx(likelihood(cells, truth), rel=1e-9)


def test_the_binary_likelihood_is_that_of_bernoulli_rows(binary):
    """Against scipy, with the predictor written out by hand."""
    rows, cells = binary
    likelihood, table = Likelihood(MODELS["binary"], cells), rows.cells.table
    truth = likelihood.parameters(5)
    by_hand = bernoulli(expit(predictor(truth, table))).logpmf(table["events"]).sum()
    assert likelihood(cells, truth) == pytest.approx(by_hand, rel=1e-9)


def test_the_hazard_likelihood_is_that_of_exponential_rows(timed):
    """Within one interval, a client's term is the exponential density of an event, or the survival of none."""
    rows, cells = timed
    likelihood, table = Likelihood(MODELS["time_to_event"], cells), rows.cells.table
    truth = likelihood.parameters(6)
    baseline = truth["log_hazard"].sel(interval=table["interval"].to_numpy()).to_numpy()
    law = expon(scale=np.exp(-baseline - predictor(truth, table)))
    days, event = table["exposure"].to_numpy(), table["events"].to_numpy() == 1
    by_hand = np.where(event, law.logpdf(days), law.logsf(days)).sum()
    assert likelihood(cells, truth) == pytest.approx(by_hand, rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["binary", "timed"])
def test_cells_and_rows_have_the_same_posterior(kind, request):
    rows, cells = request.getfixturevalue(kind)
    model = MODELS["binary" if kind == "binary" else "time_to_event"]
    found = [np.log(fit(model, context, QUICK).effect["ratio"]) for context in (rows, cells)]
    spread = float(found[1].std())
    assert abs(float(found[0].mean() - found[1].mean())) < 0.15 * spread
    assert float(found[0].std()) == pytest.approx(spread, rel=0.12)
