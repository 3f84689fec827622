"""Registers at the edge of what can be known: an answer that is finite and wide, or a refusal that says why."""

import numpy as np
import pandas as pd
import pytest

from costeff.errors import ModelError
from costeff.outcomes import MODELS, Context, Sampling, fit
from costeff.records import Cells

QUICK = Sampling(seed=1, draws=400, tune=600)
PLACES = {"091": "90", "165": "07", "837": "08"}


def binary(catalogue, rows, counties=PLACES):
    table = pd.DataFrame(rows, columns=["municipality", "option", "group", "n", "events"])
    by = ("municipality", "option", "group") if counties else ("option", "group")
    if not counties:
        table = table.drop(columns="municipality").groupby(list(by), as_index=False).sum()
    return Context(Cells("binary", by, table, "event", 365.0, True, "edge"), catalogue.priors["binary"], counties)


def arms(n, events, places=("091", "165", "837"), groups=("high", "low")):
    return [(m, o, g, n, events) for m in places for g in groups for o in ("usual", "new")]


BINARY = {
    "nobody has the event": (arms(30, 0), PLACES),
    "everybody has the event": (arms(30, 30), PLACES),
    "one client an arm": ([("091", "usual", "low", 1, 0), ("091", "new", "low", 1, 1)], PLACES),
    "one group separates": ([(m, o, g, 40, 40 if g == "high" else 0) for m, o, g, *_ in arms(0, 0)], PLACES),
    "the option separates": ([(m, o, g, 40, 0 if o == "new" else 40) for m, o, g, *_ in arms(0, 0)], PLACES),
    "one county": (arms(40, 10), {"091": "90", "092": "90", "049": "90", "165": "90", "837": "90"}),
    "one municipality": (arms(40, 10, places=("091",)), {"091": "90"}),
    "one group": (arms(40, 10, groups=("all",)), PLACES),
    "no places": (arms(40, 10), {}),
}


# Another shape of register is another model to compile, which takes longer than sampling it.
SHAPE_OF_ITS_OWN = {
    name for name, (rows, counties) in BINARY.items() if counties != PLACES or len(rows) < len(arms(1, 0))
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SHAPE_OF_ITS_OWN)) for name in BINARY]
)
def test_a_binary_answer_is_finite_and_no_surer_than_the_data(catalogue, name):
    rows, counties = BINARY[name]
    result = fit(MODELS["binary"], binary(catalogue, rows, counties), QUICK)
    risk = result.effect["risk"]
    assert np.isfinite(risk).all()
    assert 0 <= float(risk.min()) < float(risk.max()) <= 1
    assert np.isfinite(result.effect["risk_by_group"]).all()
    assert float(np.log(result.effect["ratio"]).std()) > 0.15  # 240 clients at most: never a sharp ratio
    assert all(np.isfinite(check.value) for check in result.checks)


def test_where_nothing_happens_the_risk_is_low_and_its_upper_end_is_not_zero(catalogue):
    risk = fit(MODELS["binary"], binary(catalogue, arms(30, 0)), QUICK).effect["risk"]
    assert 0.001 < float(risk.quantile(0.975)) < 0.15


def exposure(catalogue, events, option=("usual", "new"), groups=("high", "low")):
    rows = [
        (o, g, k, 91.0 * k, 91.0 * (k + 1), events, 20, 91.0 * 20)
        for o in option for g in groups for k in range(2)
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["option", "group", "interval", "start", "end", "events", "n", "exposure"])
    cells = Cells("exposure", ("option", "group"), table, "event", 182.0, True, "edge")
    return Context(cells, catalogue.priors["time_to_event"])


@pytest.mark.parametrize("events", [0, 20], ids=["all censored", "all with the event"])
def test_a_time_to_event_answer_is_finite_and_wide(catalogue, events):
    result = fit(MODELS["time_to_event"], exposure(catalogue, events), QUICK)
    effect = result.effect
    for name in ("risk", "risk_by_group", "survival", "hazard", "restricted_mean"):
        assert np.isfinite(effect[name]).all()
    assert float(np.log(effect["ratio"]).std()) > 0.15
    assert (effect["restricted_mean"] <= 182 + 1e-9).all()


def test_all_censored_leaves_the_ratio_to_its_prior(catalogue):
    effect = fit(MODELS["time_to_event"], exposure(catalogue, 0), QUICK).effect
    assert float(np.log(effect["ratio"]).std()) > 0.7 * catalogue.priors["time_to_event"]["effect"].sd


@pytest.mark.parametrize("option", ["usual", "new"])
def test_an_empty_arm_is_refused(catalogue, option):
    with pytest.raises(ModelError, match="a comparison arm is always needed"):
        fit(MODELS["time_to_event"], exposure(catalogue, 3, option=(option,)), QUICK)
