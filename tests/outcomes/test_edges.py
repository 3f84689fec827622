"""Times at the edge of what can be known: an answer that is finite and wide, or a refusal that says why."""

import numpy as np
import pandas as pd
import pytest

from costeff.errors import ModelError
from costeff.outcomes import MODELS, Context, Sampling, fit
from costeff.records import Cells

QUICK = Sampling(seed=1, draws=400, tune=600)


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
