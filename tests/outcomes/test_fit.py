"""Fitting, the gate and the cache, on small cells."""

import importlib.util
import inspect
import re
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from costeff.draws import rng
from costeff.errors import ModelError
from costeff.outcomes import MODELS, Context, Sampling, fit, sampling
from costeff.outcomes.base import LOOKING, content_hash
from costeff.outcomes.binary import Binary
from costeff.outcomes.predictor import as_new_places
from costeff.outcomes.standardise import share_of_groups
from costeff.records import Cells

QUICK = Sampling(seed=1, draws=500, tune=500, chains=4)


def cells(rows, statistic="binary"):
    table = pd.DataFrame(rows, columns=["municipality", "option", "group", "n", "events"])
    return Cells(statistic, ("municipality", "option", "group"), table, "placement", 365.0, True, "test")


ROWS = [
    ("091", "usual", "low", 400, 60), ("091", "new", "low", 400, 50), ("091", "usual", "high", 200, 80),
    ("091", "new", "high", 200, 70), ("165", "usual", "low", 30, 6), ("165", "new", "low", 30, 4),
    ("837", "usual", "high", 100, 38), ("837", "new", "high", 90, 30),
]  # fmt: skip
COUNTIES = {"091": "90", "165": "07", "837": "08", "407": "01"}


def context(catalogue, rows=ROWS):
    return Context(cells(rows), catalogue.priors["binary"], COUNTIES)


@pytest.fixture(scope="module")
def fitted(catalogue, tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    return cache, fit(MODELS["binary"], context(catalogue), QUICK, cache)


def test_an_interrupted_fit_is_neither_handed_out_nor_kept(catalogue, tmp_path, monkeypatch):
    def interrupted(sampler):
        threading.Timer(0.3, signal.raise_signal, [signal.SIGINT]).start()  # once it samples, and not before
        return whole(sampler)

    whole = sampling._whole
    monkeypatch.setattr(sampling, "_whole", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit(MODELS["binary"], context(catalogue), replace(QUICK, draws=20_000), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_effect_has_the_dims_every_model_returns(fitted):
    effect = fitted[1].effect
    assert effect["risk"].dims == ("draw", "option", "municipality")
    assert effect["option"].values.tolist() == ["usual", "new"]
    assert effect["ratio"].dims == ("draw",)


def test_a_municipality_without_clients_gets_a_wide_estimate_of_its_own(fitted):
    effect = fitted[1].effect
    assert float(effect["clients"].sel(municipality="407")) == 0
    spread = effect["risk"].sel(option="usual").std("draw")
    assert float(spread.sel(municipality="407")) > float(spread.sel(municipality="091"))
    assert np.isfinite(effect["risk"]).all()


def test_a_cached_fit_is_the_same_fit(fitted, catalogue):
    cache, first = fitted
    again = fit(MODELS["binary"], context(catalogue), QUICK, cache)
    assert again.cached
    assert not first.cached
    xr.testing.assert_identical(again.effect.drop_attrs(), first.effect.drop_attrs())
    assert again.checks == first.checks


@pytest.mark.parametrize("damage", [b"", b"not a posterior"])
def test_a_damaged_cache_file_is_fitted_anew(fitted, catalogue, damage, tmp_path):
    _, first = fitted
    path = tmp_path / f"binary-{first.hash}.nc"
    path.write_bytes(damage)
    again = fit(MODELS["binary"], context(catalogue), QUICK, tmp_path)
    assert not again.cached
    assert path.stat().st_size > 1000


def test_the_same_seed_gives_the_same_draws(fitted, catalogue):
    again = fit(MODELS["binary"], context(catalogue), QUICK)
    xr.testing.assert_identical(again.effect["ratio"], fitted[1].effect["ratio"])


@pytest.mark.parametrize("change", ["cells", "priors", "seed", "places"])
def test_the_hash_follows_everything_a_posterior_depends_on(catalogue, change):
    base = context(catalogue)
    before = content_hash(MODELS["binary"], base, QUICK)
    sampling, other = QUICK, base
    if change == "cells":
        other = context(catalogue, [*ROWS[:-1], ("837", "new", "high", 90, 31)])
    elif change == "priors":
        effect = catalogue.priors["binary"]["effect"]
        other = Context(base.cells, {**base.priors, "effect": effect.override(sd=effect.sd * 2)}, COUNTIES)
    elif change == "places":
        other = Context(base.cells, base.priors, {**COUNTIES, "407": "02"})
    else:
        sampling = Sampling(seed=2, draws=500, tune=500, chains=4)
    assert content_hash(MODELS["binary"], other, sampling) != before


def test_too_few_draws_do_not_pass_the_gate(catalogue):
    result = fit(MODELS["binary"], context(catalogue), Sampling(seed=1, draws=20, tune=60, chains=2))
    assert not result.passed
    assert {check["check"] for check in result.failed_checks} & {"ess", "rhat"}


def test_without_a_comparison_arm_there_is_no_fit(catalogue):
    rows = [row for row in ROWS if row[1] == "new"]
    with pytest.raises(ModelError, match="no client has the option usual"):
        fit(MODELS["binary"], context(catalogue, rows), QUICK)


def test_cells_of_another_kind_are_refused(catalogue):
    wrong = Context(cells(ROWS, "cost"), catalogue.priors["binary"], COUNTIES)
    with pytest.raises(ModelError, match="needs binary cells"):
        fit(MODELS["binary"], wrong, QUICK)


def test_an_unknown_municipality_is_refused(catalogue):
    rows = [*ROWS, ("999", "new", "low", 5, 1)]
    with pytest.raises(ModelError, match="outside the 4 known"):
        fit(MODELS["binary"], context(catalogue, rows), QUICK)


# --- at the edge of what can be known: the model compiled above serves every register of its shape ------


def binary(catalogue, rows, counties=COUNTIES):
    table = pd.DataFrame(rows, columns=["municipality", "option", "group", "n", "events"])
    by = ("municipality", "option", "group") if counties else ("option", "group")
    if not counties:
        table = table.drop(columns="municipality").groupby(list(by), as_index=False).sum()
    return Context(Cells("binary", by, table, "placement", 365.0, True, "test"), catalogue.priors["binary"], counties)


def arms(n, events, places=("091", "165", "837"), groups=("high", "low")):
    return [(m, o, g, n, events) for m in places for g in groups for o in ("usual", "new")]


BINARY = {
    "nobody has the event": (arms(30, 0), COUNTIES),
    "everybody has the event": (arms(30, 30), COUNTIES),
    "one client an arm": ([("091", "usual", "low", 1, 0), ("091", "new", "low", 1, 1)], COUNTIES),
    "one group separates": ([(m, o, g, 40, 40 if g == "high" else 0) for m, o, g, *_ in arms(0, 0)], COUNTIES),
    "the option separates": ([(m, o, g, 40, 0 if o == "new" else 40) for m, o, g, *_ in arms(0, 0)], COUNTIES),
    "one county": (arms(40, 10), {"091": "90", "092": "90", "049": "90", "165": "90", "837": "90"}),
    "one municipality": (arms(40, 10, places=("091",)), {"091": "90"}),
    "one group": (arms(40, 10, groups=("all",)), COUNTIES),
    "no places": (arms(40, 10), {}),
}


# Another shape of register is another model to compile, which takes longer than sampling it.
SHAPE_OF_ITS_OWN = {
    name for name, (rows, counties) in BINARY.items() if counties != COUNTIES or len(rows) < len(arms(1, 0))
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


# --- places with few clients ------------------------------------------------------------------------


def test_the_mix_of_a_handful_is_that_of_the_country_and_of_many_their_own(catalogue):
    rows = [("091", "usual", "low", 900, 60), ("091", "new", "low", 100, 5), ("837", "new", "high", 500, 100),
            ("837", "usual", "high", 500, 150), ("165", "usual", "high", 9, 3)]  # fmt: skip
    mix = share_of_groups(context(catalogue, rows))
    assert mix.sum("group").values == pytest.approx(1.0)
    country = 1000 / 2009
    assert float(mix.sel(municipality="165", group="low")) == pytest.approx(country)  # 9 clients: below the threshold
    assert float(mix.sel(municipality="407", group="low")) == pytest.approx(country)  # none
    assert float(mix.sel(municipality="091", group="low")) == pytest.approx((1000 + 10 * country) / 1010)


def test_a_changed_model_is_another_model(catalogue, tmp_path):
    """The hash follows the code, so that a cache never serves the posterior of an older graph."""
    source = Path(inspect.getfile(Binary))
    copy = tmp_path / "changed.py"
    copy.write_text(source.read_text() + "\n# changed\n")
    spec = importlib.util.spec_from_file_location("changed", copy)
    changed = importlib.util.module_from_spec(spec)
    sys.modules["changed"] = changed
    spec.loader.exec_module(changed)
    before = content_hash(Binary(), context(catalogue), QUICK)
    assert content_hash(changed.Binary(), context(catalogue), QUICK) != before


def test_files_that_only_look_at_a_fit_make_nothing_of_it():
    """They are not in the hash, so that nothing which makes a posterior may come from them."""
    folder = Path(inspect.getfile(Binary)).parent
    looking = {name.removesuffix(".py") for name in LOOKING}
    assert all((folder / name).is_file() for name in LOOKING)
    for file in folder.glob("*.py"):
        if file.name not in LOOKING:
            text = file.read_text(encoding="utf-8")
            assert not re.search(rf"costeff\.outcomes(\.({'|'.join(looking)}))? import", text), file.name


def test_a_fit_that_needs_a_second_attempt_gets_one_and_keeps_as_many_draws(catalogue):
    """50 draws a chain are too few for the gate."""
    found = fit(MODELS["binary"], context(catalogue), Sampling(seed=1, draws=50, tune=400))
    assert found.effect.attrs["draws"] == 150
    assert found.posterior.sizes["draw"] == found.effect.sizes["draw"] == 200


def test_a_place_with_few_clients_has_no_estimate_of_its_own(fitted, catalogue):
    """Whatever its clients told the model does not show: neither in its estimate, nor beside other places."""
    posterior = fitted[1].posterior
    rows = [row for row in ROWS if row[0] != "165"] + [("165", "usual", "low", 9, 9)]
    few = context(catalogue, rows)
    told = {name: posterior[name].copy() for name in ("place", "municipality_effect_new")}
    for name in told:
        told[name].loc[{"municipality": "165"}] = 1e6
    plain, loud = (as_new_places(found, few, rng(1)) for found in (posterior, posterior.assign(told)))
    xr.testing.assert_identical(plain, loud)
    xr.testing.assert_identical(*(found.sel(municipality="091") for found in (plain, posterior)))
    spread = plain["place"].std("draw")
    assert float(spread.sel(municipality="165")) > float(spread.sel(municipality="091"))


def test_nine_clients_are_few_and_ten_are_not(fitted, catalogue):
    posterior = fitted[1].posterior
    for clients, same in ((9, False), (10, True)):
        rows = [row for row in ROWS if row[0] != "165"] + [("165", "usual", "low", clients, 1)]
        found = as_new_places(posterior, context(catalogue, rows), rng(1))
        assert found["place"].sel(municipality="165").equals(posterior["place"].sel(municipality="165")) is same
