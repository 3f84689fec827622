"""Every model finds truths of its own as often as it says; one that is wrong is caught."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from costeff.draws import rng
from costeff.outcomes import MODELS
from costeff.outcomes.binary import Binary
from costeff.outcomes.calibration import RANKS, uniformity
from costeff.params import Catalogue

ROOT = Path(__file__).parents[2]


def tool():
    spec = importlib.util.spec_from_file_location("calibrate", ROOT / "tools" / "calibrate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class TooSure(Binary):
    """Counts every client twice, so that its posterior is 30 % too narrow: the positive control."""

    def log_likelihood(self, context, data):
        return 2 * super().log_likelihood(context, data)


def ranks(values):
    return pd.DataFrame({"simulation": np.arange(len(values)), "parameter": "effect", "rank": values})


def test_ranks_that_are_uniform_pass_and_others_do_not():
    pick = rng(1, "ranks")
    uniform = pick.integers(0, RANKS + 1, 400)
    narrow = np.clip(np.round(RANKS * pick.beta(0.6, 0.6, 400)), 0, RANKS).astype(int)  # a posterior too narrow
    shifted = np.round(RANKS * pick.beta(1.6, 1, 400)).astype(int)  # a biased one
    assert float(uniformity(ranks(uniform))["p_adjusted"].min()) > 0.01
    assert float(uniformity(ranks(narrow))["p_adjusted"].min()) < 0.01
    assert float(uniformity(ranks(shifted))["p_adjusted"].min()) < 0.01


def test_the_test_of_uniformity_errs_as_often_as_it_says():
    pick = rng(2, "ranks")
    many = [ranks(pick.integers(0, RANKS + 1, 400)).assign(parameter=number) for number in range(300)]
    assert (uniformity(pd.concat(many))["p"] < 0.1).mean() == pytest.approx(0.1, abs=0.05)


@pytest.mark.parametrize("name", MODELS)
def test_the_register_of_a_calibration_is_one_that_the_model_reads(name):
    context = tool().context_for(MODELS[name], Catalogue.load())
    assert MODELS[name].build(context).free_RVs
    assert set(context.size.index.get_level_values("municipality")) == set(context.counties)
    assert (context.size > 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_calibrated(name):
    found = uniformity(tool().calibrated(name))
    assert float(found["p_adjusted"].min()) > 0.01, found.sort_values("p").head().to_string()


@pytest.mark.slow
def test_a_model_that_is_too_sure_is_caught():
    found = uniformity(tool().calibrated("binary", fitted=TooSure()))
    assert float(found["p_adjusted"].min()) < 0.001


def test_the_kept_table_covers_every_model_and_tells_none_uncalibrated():
    kept = pd.read_csv(ROOT / "docs" / "calibration.csv")
    assert list(kept["model"].unique()) == list(MODELS)
    assert (kept["simulations"] == 400).all()
    assert {"effect", "log_likelihood"} <= set(kept.query("model == 'binary'")["parameter"])
    assert float(kept["p_adjusted"].min()) > 0.01
