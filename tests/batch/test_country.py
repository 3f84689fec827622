"""What is done once for the country: which cells a chain is reduced to, and what a failed fit does to a run."""

import shutil
from dataclasses import replace
from importlib import import_module

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from appraisal_builders import FAMILY, FITS, SUPPORT, cost_fit

from costeff.batch import Outcome, country, resolve
from costeff.batch.country import Fits, data_for, fit_costs, open_checked, synthetic_register
from costeff.cli import run as cli
from costeff.errors import DataError, ExitCode, ModelError, ParamsError
from costeff.outcomes import Context
from costeff.outcomes.fit import Check
from costeff.records import Cells, exposure_cells, rossi_register
from costeff.records.research import ROSSI_BREAKS
from costeff.spec import project_root

batch_run = import_module("costeff.batch.run")  # its function of the same name stands before it in the package
FAILED = Check("divergences", "all", 3, 0, False)


@pytest.fixture(scope="module")
def register(catalogue, fits_cache):
    with open_checked(synthetic_register(catalogue, 2026, fits_cache), catalogue) as found:
        yield found


def with_model(chain, model, **changes):
    return chain.override(outcome=chain.outcome.override(model=model, **changes))


# --- cells ------------------------------------------------------------------------------------------


def test_costs_are_told_by_municipality_as_the_outcome_is(catalogue, register):
    data = data_for(catalogue.chains[FAMILY], catalogue, register)
    assert data.costs.by == data.outcome.by == ("municipality", "option", "group")
    clients = [cells.table.groupby(["municipality", "option"])["n"].sum() for cells in (data.costs, data.outcome)]
    pd.testing.assert_series_equal(*clients)


def test_the_trial_is_read_in_quarters_of_its_follow_up(catalogue):
    data = data_for(catalogue.chains[SUPPORT], catalogue, None)
    assert data.outcome.hash == exposure_cells(rossi_register(), "arrest", ROSSI_BREAKS).hash
    assert (data.costs, data.counties) == (None, {})


def test_a_chain_may_name_weibull_and_reads_each_time(catalogue):
    chain = with_model(catalogue.chains[SUPPORT], "weibull")
    cells = data_for(chain, catalogue, None).outcome
    assert (cells.statistic, cells.follow_up) == ("time", 364)
    assert (cells.table["events"].sum(), cells.table["censored"].sum()) == (114, 318)


def test_times_after_the_follow_up_of_the_chain_are_not_read(catalogue):
    """Half a year of the trial: whoever was arrested later is a client without the event, and nobody is lost."""
    whole, half = (
        data_for(with_model(catalogue.chains[SUPPORT], "weibull", follow_up_days=days), catalogue, None).outcome.table
        for days in (364, 182)
    )
    early = whole[whole["time"] <= 182]
    assert half["events"].sum() == early["events"].sum()
    assert half[["events", "censored"]].to_numpy().sum() == 432
    assert half["time"].max() == 182
    assert not half.duplicated(["option", "group", "time"]).any()


def test_every_model_of_a_chain_can_be_read_by_municipality(catalogue, register):
    for model in ("binary", "time_to_event", "weibull"):
        cells = data_for(with_model(catalogue.chains[FAMILY], model), catalogue, register).outcome
        assert "municipality" in cells.table
        assert cells.follow_up == 365


def test_each_model_of_an_event_counts_the_same_clients(catalogue, register):
    """A page tells clients by municipality, also where cells count time at risk."""
    chain = catalogue.chains[FAMILY]
    made = [data_for(with_model(chain, model), catalogue, register) for model in ("binary", "time_to_event", "weibull")]
    counted = [Context(data.outcome, {}, data.counties).clients() for data in made]
    assert float(counted[0].sum()) > 1000
    for other in counted[1:]:
        xr.testing.assert_equal(counted[0], other)


def test_another_model_is_no_model_of_a_chain(catalogue):
    with pytest.raises(ParamsError, match="known: binary, time_to_event, weibull"):
        data_for(with_model(catalogue.chains[SUPPORT], "count"), catalogue, None)


# --- costs that cannot be estimated -----------------------------------------------------------------


@pytest.mark.parametrize(("cost", "rule"), [(0.0, "no client has a cost above 0"), (5000.0, "it is a price")])
def test_costs_without_a_distribution_are_refused_before_any_sampling(catalogue, tmp_path, cost, rule):
    chain = catalogue.chains[FAMILY]
    keys = [(m, o, "low") for m in ("091", "165") for o in ("usual", "new")]
    table = pd.DataFrame(keys, columns=["municipality", "option", "group"]).assign(n=40, sum=40 * cost)
    log = np.log(cost) if cost else 0.0
    sums = {"sum_squares": 40 * cost**2, "sum_logs": 40 * log, "sum_log_squares": 40 * log**2}
    table = table.assign(positive=40 if cost else 0, **sums)
    cells = Cells("cost", ("municipality", "option", "group"), table, None, None, True, "made by hand")
    data = country.Data(cells, cells, {"091": "90", "165": "07"})
    with pytest.raises(ModelError, match=rule):
        fit_costs(chain, catalogue, data, 1, tmp_path)


# --- a failed gate ----------------------------------------------------------------------------------


def test_a_failed_gate_of_the_costs_makes_the_chain_unfit(catalogue, fits_cache, tmp_path, monkeypatch, capsys):
    """As one of the outcome: the run names the model, and ends with the exit code of models."""
    costs = replace(cost_fit(), checks=(FAILED,))
    monkeypatch.setattr(batch_run, "fit_chain", lambda chain, *_, **__: FITS[chain.id])
    monkeypatch.setattr(batch_run, "fit_costs", lambda chain, *_, **__: costs if chain.id == FAMILY else None)
    request = resolve(catalogue, municipalities=["837"], output=tmp_path)
    making = batch_run._Run(catalogue, request, lambda *_: None, project_root(), {})
    prepared = making._fit(country.all_data(catalogue, request, fits_cache))
    assert prepared == {FAMILY: Fits(FITS[FAMILY], costs), SUPPORT: Fits(FITS[SUPPORT], None)}
    unfit = making.unfit([FAMILY, SUPPORT])
    assert unfit == {FAMILY: ["cost_gamma"]}
    assert cli._told(Outcome(tmp_path, indexes=[tmp_path / "index.html"], unfit=unfit)) == ExitCode.MODEL
    assert f"{FAMILY}: cost_gamma failed the diagnostics" in capsys.readouterr().out


@pytest.mark.parametrize("model", ["time_to_event", "weibull"])
def test_an_effect_holds_no_longer_than_clients_were_followed(catalogue, model):
    chain = with_model(catalogue.chains[SUPPORT], model, follow_up_days=3640)
    with pytest.raises(ParamsError, match="followed for 364 days at most"):
        data_for(chain, catalogue, None)


def test_a_synthetic_register_that_lost_a_file_says_how_it_is_drawn_anew(catalogue, fits_cache, tmp_path):
    drawn = synthetic_register(catalogue, 2026, fits_cache)
    broken = shutil.copytree(drawn, tmp_path / "synthetic" / drawn.name)
    (broken / "outcomes.parquet").unlink()
    request = resolve(catalogue, municipalities=["165"], chains=[FAMILY], seed=2026, output=tmp_path / "run")
    with pytest.raises(DataError) as caught:
        country.all_data(catalogue, request, tmp_path)
    assert "outcomes" in str(caught.value)
    assert f"remove the folder {broken}" in str(caught.value)
    assert "put outcomes.parquet" not in str(caught.value)
