"""What a run leaves behind, whether it succeeded or failed, holds no exact count and no identity code."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from commands import costeff

from costeff.appraisal.files import unpack
from costeff.batch.notebooks import Job, run_job
from costeff.disclosure.record import NAME, verify
from costeff.disclosure.scan import scan
from costeff.files import FOLDER, INSIDE, SHOWN
from costeff.identity import artificial

CODE = artificial(1, np.random.default_rng(5))[0]


def whole_numbers(path: Path) -> set[float]:
    """Every number that a NetCDF file holds other than as a draw: attributes, coordinates, whole variables."""
    found: set[float] = set()
    for data in unpack(path).values():
        found |= {float(v) for v in data.attrs.values() if np.isscalar(v) and not isinstance(v, str)}
        for values in data.variables.values():
            if values.dtype.kind in "iu" or "draw" not in values.dims:
                found |= set(np.asarray(values, dtype=float).ravel()) if values.dtype.kind in "iuf" else set()
    return found


def test_a_run_leaves_no_exact_count_behind(made, catalogue, fits_cache):
    from costeff.batch.country import open_checked, synthetic_register
    from costeff.records import reduce_clients_count

    output = made[0].output
    with open_checked(synthetic_register(catalogue, catalogue.conventions.seed, fits_cache), catalogue) as register:
        clients = reduce_clients_count(register).set_index("municipality")["clients"]
    for code in ("165", "478"):
        exact = int(clients.get(code, 0))
        if exact > 12 and exact % 5:
            assert exact not in whole_numbers(output / "appraisals" / f"{code}.nc")
    assert int(clients.sum()) % 5 == 0 or str(int(clients.sum())) not in (output / NAME).read_text()
    fits = json.loads((output / "run.json").read_text())["fits"].values()
    for fit in fits:  # the cache may hold files of other versions
        posterior = fits_cache / "outcomes" / f"{fit['model']}-{fit['hash']}.nc"
        assert posterior.is_file()
        with xr.open_datatree(posterior, engine="netcdf4") as tree:
            held = {str(name) for node in tree.subtree for name in node.variables}
        assert not held & {"clients", "n", "events", "observed"}


def test_a_run_is_scanned_recorded_and_closed_to_strangers(made):
    output = made[0].output
    assert verify(output) == []
    assert scan(output) == []
    assert not (output / ".aside").exists()
    for path in output.rglob("*"):
        mode = path.stat().st_mode & 0o777
        assert mode & ~(FOLDER if path.is_dir() else SHOWN) == 0, path.name
        if path.suffix == ".nc":
            assert mode == INSIDE


@pytest.mark.parametrize("source", [f"raise KeyError('{CODE}')", f"print('{CODE}'); 1 / 0"], ids=["message", "printed"])
def test_a_failed_notebook_leaves_and_tells_nothing(tmp_path, source):
    cells = [nbformat.v4.new_code_cell("municipality = '165'", metadata={"tags": ["parameters"]})]
    book = nbformat.v4.new_notebook(cells=[*cells, nbformat.v4.new_code_cell(source)])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    template = tmp_path / "template.ipynb"
    nbformat.write(book, template)
    job = Job("165", "fi", ("fi",), template, tmp_path / "165.nc")
    done = run_job(job)
    assert "Error" in done.error
    assert CODE not in done.error
    assert (done.page, done.notebook) == ("", "")


def test_a_register_with_identity_codes_fails_without_telling_them(tmp_path):
    register, output = tmp_path / "register", tmp_path / "run"
    register.mkdir()
    pd.DataFrame({"client": [CODE], "municipality": ["165"], "risk_group": [CODE]}).to_csv(
        register / "clients.csv", index=False
    )
    (register / "episodes.csv").write_text(f"client,option,start,end,cost\n{CODE},new,{CODE},,12\n")
    (register / "outcomes.csv").write_text(f"client,outcome,event,event_date,followed_until\n{CODE},x,{CODE},,\n")
    done = costeff("run", "-m", "165", "--register", register, "-o", output)
    assert done.returncode == 4
    assert CODE not in done.stdout + done.stderr
    assert scan(output) == []
    assert not list(output.glob("*.html"))


def test_a_fault_of_ours_tells_its_place_and_not_the_value(monkeypatch, capsys):
    from costeff.cli import start

    def fail(**_: object) -> None:
        raise ValueError(f"could not convert {CODE}")

    monkeypatch.setattr(start, "app", fail)
    with pytest.raises(SystemExit) as left:
        start.main()
    told = capsys.readouterr().err
    assert left.value.code == 1
    assert "ValueError" in told
    assert "test_leaks.py" in told
    assert CODE not in told
