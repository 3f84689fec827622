"""The likelihood on cells is that on rows: the cells lose nothing."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import bernoulli, expon

from costeff.draws import rng
from costeff.outcomes import MODELS, Context, Sampling, fit
from costeff.outcomes.calibration import prior_draws
from costeff.records import Cells

PLACES = {"091": "90", "165": "07", "837": "08"}
QUICK = Sampling(seed=4, draws=500, tune=600)
KEYS = ["municipality", "option", "group"]


def clients(size=600):
    """A row for each client of three municipalities."""
    pick = rng(7, "clients")
    return pd.DataFrame(
        {
            "municipality": pick.choice(list(PLACES), size),
            "option": pick.choice(["usual", "new"], size),
            "group": pick.choice(["high", "low"], size),
        }
    )


def log_likelihood(model, context, truth):
    """The model's own, at given parameters."""
    from pytensor.compile.maker import function

    built = model.build(context)
    of = function(built.free_RVs, built["log_likelihood"], mode="FAST_COMPILE", on_unused_input="ignore")
    return float(of(*(truth[rv.name].to_numpy() for rv in built.free_RVs)))


@pytest.fixture(scope="module")
def binary(catalogue):
    """The same 600 clients as rows and as cells."""
    rows = clients().assign(n=1)
    rows["events"] = rng(7, "events").binomial(1, np.where(rows["option"] == "new", 0.2, 0.3))
    cells = rows.groupby(KEYS, as_index=False)[["n", "events"]].sum()
    return [
        Context(Cells("binary", tuple(KEYS), table, "event", 365.0, True, "test"), catalogue.priors["binary"], PLACES)
        for table in (rows, cells)
    ]


@pytest.fixture(scope="module")
def timed(catalogue):
    """Clients who were followed up to two half-years, as a row for each half-year, and as cells."""
    who, pick, parts = clients(), rng(8, "times"), []
    time = pick.exponential(400, len(who))
    for k in range(2):
        start, end = 182.0 * k, 182.0 * (k + 1)
        days = np.clip(time - start, 0, 182.0)
        happened = (time > start) & (time <= end)
        parts.append(who.assign(interval=k, start=start, end=end, events=happened.astype(int), exposure=days))
    rows = pd.concat(parts).query("exposure > 0")
    cells = rows.groupby([*KEYS, "interval", "start", "end"], as_index=False)[["events", "exposure"]].sum()
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
    for number in range(5):
        truth = prior_draws(model, cells, 5, seed=3).isel(draw=number)
        assert log_likelihood(model, rows, truth) == pytest.approx(log_likelihood(model, cells, truth), rel=1e-9)


def test_the_binary_likelihood_is_that_of_bernoulli_rows(binary):
    """Against scipy, with the predictor written out by hand."""
    rows, cells = binary
    model, table = MODELS["binary"], rows.cells.table
    truth = prior_draws(model, cells, 1, seed=5).isel(draw=0)
    where = {
        name: truth[f"{name}"].sel({dim: table[dim].to_numpy()}).to_numpy()
        if dim in truth[name].dims else None
        for name, dim in (("group_effect", "group"), ("place", "municipality"), ("group_effect_new", "group"),
                          ("municipality_effect_new", "municipality"))
    }  # fmt: skip
    new = (table["option"] == "new").to_numpy(float)
    eta = float(truth["intercept"]) + where["group_effect"] + where["place"]
    eta = eta + new * (float(truth["effect"]) + where["group_effect_new"] + where["municipality_effect_new"])
    by_hand = bernoulli(1 / (1 + np.exp(-eta))).logpmf(table["events"]).sum()
    assert log_likelihood(model, cells, truth) == pytest.approx(by_hand, rel=1e-9)


def test_the_hazard_likelihood_is_that_of_exponential_rows(timed):
    """Within one interval, a client's term is the exponential density of an event, or the survival of none."""
    rows, cells = timed
    model, table = MODELS["time_to_event"], rows.cells.table
    truth = prior_draws(model, cells, 1, seed=6).isel(draw=0)
    new = (table["option"] == "new").to_numpy(float)
    eta = (
        truth["log_hazard"].sel(interval=table["interval"].to_numpy()).to_numpy()
        + truth["group_effect"].sel(group=table["group"].to_numpy()).to_numpy()
        + truth["place"].sel(municipality=table["municipality"].to_numpy()).to_numpy()
        + new * float(truth["effect"])
        + new * truth["group_effect_new"].sel(group=table["group"].to_numpy()).to_numpy()
        + new * truth["municipality_effect_new"].sel(municipality=table["municipality"].to_numpy()).to_numpy()
    )
    law = expon(scale=np.exp(-eta))
    days, event = table["exposure"].to_numpy(), table["events"].to_numpy() == 1
    by_hand = np.where(event, law.logpdf(days), law.logsf(days)).sum()
    assert log_likelihood(model, cells, truth) == pytest.approx(by_hand, rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["binary", "timed"])
def test_cells_and_rows_have_the_same_posterior(kind, request):
    rows, cells = request.getfixturevalue(kind)
    model = MODELS["binary" if kind == "binary" else "time_to_event"]
    found = [np.log(fit(model, context, QUICK).effect["ratio"]) for context in (rows, cells)]
    spread = float(found[1].std())
    assert abs(float(found[0].mean() - found[1].mean())) < 0.15 * spread
    assert float(found[0].std()) == pytest.approx(spread, rel=0.12)
