"""The counts a run tells are attacked for the whole country before any appraisal is written."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from costeff.batch.release import counts_of, told_counts
from costeff.disclosure import protect_count
from costeff.disclosure.attack import attack
from costeff.disclosure.record import Release

CHAIN = "intensive_family_work"


@pytest.fixture(scope="module")
def clients(catalogue):
    codes = sorted(catalogue.municipalities)
    counts = np.random.default_rng(1).poisson(np.random.default_rng(2).lognormal(2.5, 1.2, len(codes)))
    return xr.DataArray(counts, {"municipality": codes}, name="clients")


def fits(clients, key="x"):
    effect = xr.Dataset({} if clients is None else {"clients": clients})
    return {CHAIN: SimpleNamespace(outcome=SimpleNamespace(effect=effect, hash=key))}


def test_pages_of_the_country_together_expose_no_municipality(catalogue, clients):
    told = told_counts(fits(clients), catalogue)
    assert not attack(told).exposed
    everyone = protect_count(int(clients.sum()))
    for code in clients["municipality"].values:
        exact = protect_count(int(clients.sel(municipality=code)))
        shown = counts_of(told, CHAIN, code)
        assert shown["n_clients_protected"] in (-1, exact)
        assert shown["n_clients_all"] in (-1, everyone)
        if exact is None:
            assert shown["n_clients_protected"] == -1


def test_one_hidden_municipality_is_not_found_from_the_total(catalogue, clients):
    """All others shown, and a total: rounding leaves enough room here, since it adds up over 307 numbers."""
    counts = clients.copy(data=np.full(clients.size, 50))
    counts[7] = 4
    told = told_counts(fits(counts), catalogue)
    assert not attack(told).exposed
    assert counts_of(told, CHAIN, str(counts["municipality"].values[7])) == {
        "n_clients_protected": -1,
        "n_clients_all": protect_count(int(counts.sum())),
    }


def test_without_clients_by_municipality_nothing_is_told(catalogue):
    told = told_counts(fits(None), catalogue)
    assert told.statements == ()
    assert counts_of(told, CHAIN, "165") == {"n_clients_protected": -1, "n_clients_all": -1}


def dates(told):
    return {one.data for one in told.statements}


def test_the_same_register_is_the_same_data_whatever_it_was_fitted_with(catalogue, clients, tmp_path):
    """Another seed or another chain beside it changes the fits, and nobody's data."""
    first = told_counts(fits(clients), catalogue, tmp_path)
    Release(tmp_path, first).write()
    again = told_counts(fits(clients, "other seed") | {"second_chain_of_it": fits(None)[CHAIN]}, catalogue, tmp_path)
    assert dates(again) == dates(first)
    assert set(again.statements) == set(first.statements)


def test_data_that_grew_are_attacked_as_such_and_data_that_fell_are_not(catalogue, clients, tmp_path):
    Release(tmp_path, told_counts(fits(clients), catalogue, tmp_path)).write()
    grown = told_counts(fits(clients + (clients > 30) * 7), catalogue, tmp_path)
    assert grown.grows(CHAIN)
    assert len(dates(grown)) == 2
    assert not attack(grown).exposed
    fell = told_counts(fits(clients - (clients > 30) * 20), catalogue, tmp_path)
    assert not fell.grows(CHAIN)
    assert not attack(fell).exposed


def test_older_data_released_again_are_the_older_data(catalogue, clients, tmp_path):
    before = clients.copy(data=np.full(clients.size, 50))
    Release(tmp_path, told_counts(fits(before), catalogue, tmp_path)).write()
    told = told_counts(fits(before + 30), catalogue, tmp_path)
    assert sorted(dates(told)) == ["0001", "0002"]
    Release(tmp_path, told).write()
    assert set(told_counts(fits(before), catalogue, tmp_path).statements) == set(told.statements)
