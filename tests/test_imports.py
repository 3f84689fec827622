"""What is skipped at the start of a batch, and that nothing is lost by it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

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


def loaded_by(code: str, *names: str) -> set[str]:
    """Which of the libraries a new Python has loaded after some code."""
    told = f"{code}\nimport sys\nprint(*(name for name in {names!r} if sys.modules.get(name)))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_a_text_index_is_turned_into_numbers_without_dask():
    code = (
        "from costeff.imports import skip_dask_arrays; skip_dask_arrays()\n"
        "import xarray as xr\n"
        "assert xr.DataArray([1.0], {'payer': ['state']}).reindex(payer=['state', 'kela']).sizes['payer'] == 2"
    )
    assert not loaded_by(code, "dask")


def test_the_command_loads_what_it_needs_and_no_more():
    assert not loaded_by("import costeff.cli", "typer", "pydantic", "numpy")  # it may start itself again
    assert not loaded_by("import costeff.cli.start", "numpy", "pandas", "xarray", "costeff.batch")


def test_a_run_loads_neither_papermill_nor_statistics_before_it_needs_them():
    heavy = ("papermill", "nbformat", "nbconvert", "scipy", "statsmodels", "ibis", "duckdb", "matplotlib", "seaborn")
    assert not loaded_by("import costeff.batch, costeff.batch.run, costeff.report.warm", *heavy)


def test_a_page_is_composed_without_nbconvert():
    assert not loaded_by("import costeff.report.composed", "nbconvert", "bs4", "bleach", "matplotlib", "seaborn")


PAGE = """
import importlib, sys
from costeff.report.warm import PRELOADED
for name in PRELOADED:
    module, _, function = name.partition(":")
    loaded = importlib.import_module(module)
    if function:
        getattr(loaded, function)()
sys.path.insert(0, "tests/report")
from pathlib import Path
from report_fakes import catalogue, three_chains, write_tree
path = write_tree(Path({path!r}), three_chains())
before = set(sys.modules)
from costeff.report.page import open_page
for language in ("fi", "sv", "en"):
    page = open_page(path, "999", language, catalogue())
    for part in ("answer", "who_pays", "how_sure", "in_comparison", "steering", "sources"):
        getattr(page, part)()._repr_mimebundle_()
new = {{name.partition(".")[0] for name in set(sys.modules) - before}}
assert not new & {{"scipy", "dask", "pyarrow", "jinja2", "costeff"}}, sorted(new)
"""


def test_what_a_page_needs_is_loaded_before_its_kernel_is_forked(tmp_path):
    code = PAGE.format(path=str(tmp_path / "999.nc"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
