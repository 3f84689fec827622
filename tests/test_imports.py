"""What is skipped at the start of a batch, and that nothing is lost by it."""

import subprocess
import sys

CODE = """
import sys
from costeff.imports import skip_dask_arrays
skip_dask_arrays()
import xarray as xr
assert float((xr.DataArray([1.0, 2.0], dims="x") * 2).sum()) == 6
assert xr.Dataset({"a": ("x", [1])}).chunksizes == {}
assert "dask.array" not in sys.modules
import dask.array
assert dask.array.ones(3).sum().compute() == 3
"""


def test_arrays_of_dask_are_not_imported_until_they_are_asked_for():
    done = subprocess.run([sys.executable, "-W", "error", "-c", CODE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
