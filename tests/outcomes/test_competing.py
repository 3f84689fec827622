"""Competing events: cells against rows, the Aalen-Johansen estimator, and the model with one event."""

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from likelihoods import KEYS, PLACES, Likelihood, clients, predictor

from costeff.draws import rng
from costeff.errors import ModelError
from costeff.outcomes import MODELS, Context, Sampling, fit
from costeff.records import Cells

MODEL = MODELS["competing"]
QUICK = Sampling(seed=6, draws=500, tune=500)
CAUSES = ("moved", "placed")
BREAKS = (0.0, 91.0, 182.0, 364.0)


def followed(who, hazards, seed=3):
    """Time to the first of the events, which one it was (-1 for none), and leaving before."""
    pick = rng(seed, "competing")
    time = pick.exponential(1 / hazards.sum(axis=0))
    cause = (pick.random(len(who)) > hazards[0] / hazards.sum(axis=0)).astype(int)
    leaves = np.minimum(BREAKS[-1], pick.uniform(50, 700, len(who)))
    return who.assign(time=np.minimum(time, leaves), cause=np.where(time <= leaves, cause, -1))


def split(people, causes=CAUSES, breaks=BREAKS):
    """A row for each client, interval and cause."""
    parts = []
    for k, (start, end) in enumerate(itertools.pairwise(breaks)):
        inside = (people["time"] > start) & (people["time"] <= end)
        for number, cause in enumerate(causes):
            events = (inside & (people["cause"] == number)).astype(int)
            exposure = (people["time"].clip(upper=end) - start).clip(lower=0)
            parts.append(
                people.assign(client=people.index, interval=k, start=start, end=end, events=events, exposure=exposure)
                .assign(cause=cause, n=1)
            )  # fmt: skip
    return pd.concat(parts, ignore_index=True).query("exposure > 0").drop(columns="time")


def context(catalogue, rows, by=KEYS, counties=PLACES, statistic="competing"):
    keys = [*by, "interval", "start", "end", *(["cause"] if statistic == "competing" else [])]
    table = rows.groupby(keys, as_index=False)[["events", "n", "exposure"]].sum()
    cells = Cells(statistic, tuple(by), table, "placed", BREAKS[-1], True, "test")
    priors = catalogue.priors["competing" if statistic == "competing" else "time_to_event"]
    return Context(cells, priors, counties)


@pytest.fixture(scope="module")
def people():
    return followed(clients(600), np.full((2, 600), [[0.0006], [0.0012]]))


@pytest.fixture(scope="module")
def cells(catalogue, people):
    return context(catalogue, split(people))


@pytest.fixture(scope="module")
def likelihood(cells):
    return Likelihood(MODEL, cells)


@pytest.mark.parametrize("seed", range(3))
def test_the_likelihood_of_cells_is_that_of_rows_and_of_densities(likelihood, cells, people, seed):
    """A client's term: the hazard of the event at its time, and no event of any cause before."""
    truth, rows = likelihood.parameters(seed), split(people)
    as_rows = replace(cells, cells=replace(cells.cells, table=rows, by=(*cells.cells.by, "client")))
    log_hazard = predictor(truth, people)[:, None] + truth["log_hazard"].to_numpy()[:, :, None]  # cause, interval, row
    widths = np.clip(people["time"].to_numpy() - np.array(BREAKS[:-1])[:, None], 0, np.diff(BREAKS)[:, None])
    at = np.searchsorted(BREAKS, people["time"]) - 1
    event = people["cause"].to_numpy() >= 0
    hits = log_hazard[people["cause"], at, np.arange(len(people))][event].sum()
    by_hand = hits - (np.exp(log_hazard) * widths).sum()
    assert likelihood(cells, truth) == pytest.approx(by_hand, rel=1e-10)
    assert likelihood(as_rows, truth) == pytest.approx(likelihood(cells, truth), rel=1e-10)


def test_incidences_and_survival_are_the_whole(likelihood, cells):
    """Survival by hand, from the hazards of all causes together."""
    truth = likelihood.parameters(1)
    effect = MODEL.effect(truth.expand_dims("draw"), cells).isel(draw=0)
    size = cells.size.groupby(["municipality", "group"]).sum().reset_index(name="days")
    widths = xr.DataArray(np.diff(BREAKS), dims="interval")
    for option in ("usual", "new"):
        eta = xr.DataArray(predictor(truth, size.assign(option=option)), dims=("cause", "row"))
        alive = np.exp(
            -(np.exp(truth["log_hazard"].drop_vars(["cause", "interval"]) + eta).sum("cause") * widths).cumsum(
                "interval"
            )
        )
        weight = xr.DataArray((size["days"] / size["days"].sum()).to_numpy(), dims="row")
        by_hand = xr.dot(alive, weight, dim="row").values
        whole = effect["incidence"].sel(option=option).sum("cause") + by_hand
        assert whole.values == pytest.approx(1.0, abs=1e-13)
        assert effect["survival"].sel(option=option).values == pytest.approx(by_hand, abs=1e-13)
    assert (effect["risk"].sum("cause") < 1).all()
    assert effect["risk"].dims == ("option", "municipality", "cause")
    assert effect["ratio"].dims == ("cause",)


def test_risks_are_those_of_aalen_and_johansen(catalogue):
    """2 000 rows without groups; fine intervals, and the hazards of maximum likelihood."""
    from lifelines import AalenJohansenFitter

    breaks = tuple(np.linspace(0, 364, 27))
    who = pd.DataFrame({"option": np.where(np.arange(2_000) % 2, "new", "usual"), "group": "all"})
    people = followed(who, np.where(who["option"] == "new", [[0.0008], [0.0010]], [[0.0006], [0.0030]]))
    table = split(people, breaks=breaks)
    cells = context(catalogue, table, ["option", "group"], {})
    rate = cells.cells.table.assign(rate=lambda t: np.log((t["events"] + 1e-9) / t["exposure"]))
    for option in ("usual", "new"):
        of_option = rate[rate["option"] == option].set_index(["cause", "interval"])["rate"].to_xarray()
        posterior = xr.Dataset(
            {
                "log_hazard": of_option,
                "effect": ("cause", [0.0, 0.0]),
                "group_effect": (("cause", "group"), np.zeros((2, 1))),
            },
            coords={"group": ["all"]},
        )
        told = MODEL.effect(posterior.expand_dims("draw"), cells).isel(draw=0, option=0)
        mine = people[people["option"] == option]
        for number, cause in enumerate(CAUSES):
            oracle = AalenJohansenFitter(calculate_variance=False).fit(mine["time"], mine["cause"] + 1, number + 1)
            curve = oracle.cumulative_density_.iloc[:, 0]
            for interval in (5, 12, 25):
                value = curve[curve.index <= breaks[interval + 1]].iloc[-1]
                assert float(told["incidence"].sel(cause=cause, interval=interval)) == pytest.approx(value, abs=2e-3)
            assert float(told["risk"].sel(cause=cause)) == pytest.approx(curve.iloc[-1], abs=2e-3)


def test_with_one_cause_it_is_the_model_of_time_to_an_event(catalogue, people):
    one = split(people.assign(cause=people["cause"].clip(upper=0)), causes=("placed",))
    cells, plain = context(catalogue, one), context(catalogue, one, statistic="exposure")
    likelihood, simple = Likelihood(MODEL, cells), Likelihood(MODELS["time_to_event"], plain)
    truth = likelihood.parameters(4)
    alone = truth.squeeze(drop=True)
    assert likelihood(cells, truth) == pytest.approx(simple(plain, alone), rel=1e-12)
    many = MODEL.effect(truth.expand_dims("draw"), cells).isel(cause=0, drop=True)
    single = MODELS["time_to_event"].effect(alone.expand_dims("draw"), plain)
    for name in ("risk", "risk_by_group", "survival", "ratio", "ratio_local"):
        xr.testing.assert_allclose(many[name], single[name], rtol=1e-12)


def test_simulated_and_replicated_events_have_the_mean_of_the_model(likelihood, cells):
    truth = likelihood.parameters(2)
    table = cells.cells.table
    log_hazard = predictor(truth, table) + truth["log_hazard"].sel(interval=table["interval"].to_numpy()).to_numpy()
    own = log_hazard[[CAUSES.index(cause) for cause in table["cause"]], np.arange(len(table))]
    expected = table.assign(mean=table["exposure"] * np.exp(own))
    simulated = MODEL.simulate(truth, cells, rng(5, "simulate"))
    assert simulated.drop(columns="events").equals(table.drop(columns="events"))
    assert simulated["events"].sum() == pytest.approx(expected["mean"].sum(), abs=4 * np.sqrt(expected["mean"].sum()))
    events = MODEL.replicate(truth.expand_dims(draw=3000), cells, rng(6, "replicate"))
    observed = MODEL.observed(cells)
    for (option, cause), mean in expected.groupby(["option", "cause"])["mean"].sum().items():
        assert events[f"{option} {cause}"].mean() == pytest.approx(mean, abs=4 * np.sqrt(mean / 3000))
        here = (table["option"] == option) & (table["cause"] == cause)
        assert observed[f"{option} {cause}"] == table.loc[here, "events"].sum()


def test_exposure_that_differs_between_causes_is_refused(cells):
    table = cells.cells.table
    wrong = table.assign(exposure=table["exposure"].where(table.index > 0, 1.0))
    with pytest.raises(ModelError, match="the exposure of an interval differs between causes"):
        MODEL.data(replace(cells, cells=replace(cells.cells, table=wrong)))


# --- fits ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_truth_is_found_and_rows_give_the_same_posterior(catalogue):
    """Placement is prevented, moving away is not: one ratio below 1, the other at 1."""
    who = clients(3000)
    high, new = who["group"] == "high", who["option"] == "new"
    hazards = np.array([0.0006 * np.ones(len(who)), 0.0010 * np.exp(0.5 * high - 0.6 * new)])
    rows = split(followed(who, hazards))
    cells = context(catalogue, rows)
    as_rows = replace(cells, cells=replace(cells.cells, table=rows, by=(*cells.cells.by, "client")))
    found, other = (fit(MODEL, each, QUICK) for each in (cells, as_rows))
    log_ratio, rows_ratio = np.log(found.effect["ratio"]), np.log(other.effect["ratio"])
    for cause, truth in {"moved": 0.0, "placed": -0.6}.items():
        low, high = log_ratio.sel(cause=cause).quantile([0.01, 0.99])
        assert low < truth < high
    assert (np.abs(rows_ratio.mean("draw") - log_ratio.mean("draw")) < 0.15 * log_ratio.std("draw")).all()


def edge(events):
    rows = split(clients(60).assign(time=BREAKS[-1], cause=-1))
    return rows.assign(events=events(rows))


EDGES = {
    "all censored": edge(lambda t: 0),
    "one cause never happens": edge(lambda t: (t["cause"] == "placed") * (t["interval"] == 2) * 1),
    "one option never has it": edge(lambda t: ((t["option"] == "new") & (t["interval"] == 2)) * 1),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", EDGES)
def test_at_the_edge_the_answer_is_finite_and_wide(catalogue, name):
    found = fit(MODEL, context(catalogue, EDGES[name]), QUICK).effect
    assert np.isfinite(found[["risk", "ratio"]].to_array()).all()
    assert np.isfinite(found["incidence"]).all()
    assert (found["risk"].sum("cause") <= 1).all()
    assert (np.log(found["ratio"]).std("draw") > 0.2).all()
