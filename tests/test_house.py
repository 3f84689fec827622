"""The house: imports point downward only, peers do not know each other, heavy libraries have one room.

The table stands in ARCHITECTURE.md; this test reads it there and holds it against the code.
"""

import ast
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "costeff"

# Which rooms may import a library that is slow, opens a database, or draws.
ROOMS_OF = {
    "pymc": {"outcomes", "evidence"},
    "nutpie": {"outcomes"},
    "pytensor": {"outcomes"},
    "arviz": {"outcomes"},
    "statsmodels": {"outcomes", "evidence", "comparison"},
    "ibis": {"records"},
    "duckdb": {"records"},
    "psycopg": {"records"},
    "openpyxl": {"records", "disclosure"},
    "requests": {"params"},
    "causaldata": {"records"},
    "lifelines": {"records"},
    "matplotlib": {"report"},
    "seaborn": {"report"},
    "nbconvert": {"report"},
    "typst": {"report"},
    "pikepdf": {"report"},
    "papermill": {"batch"},
    "distributed": {"batch"},
    "dask_jobqueue": {"batch"},
    "typer": {"cli"},
    "rich": {"cli"},
    "ipywidgets": {"explore"},
}
# Peers on one floor that may know each other, and why.
ALLOWED_PEERS = {
    ("records", "disclosure"): "what a linkage tells of clients is protected where it is counted",
    ("spec", "errors"): "a declaration that does not hold is an error",
    ("files", "errors"): "a file that cannot be written is an error",
}
INDIRECT = {"pytensor": "pymc", "click": "typer", "traitlets": "jupyterlab", "jupyter_client": "jupyterlab",
            "jupyter_core": "jupyterlab", "jupyter_server": "jupyterlab", "jupyterlab_server": "jupyterlab",
            "markupsafe": "jinja2", "arviz_stats": "arviz",
            "urllib3": "requests"}  # fmt: skip
DISTRIBUTION = {"yaml": "pyyaml", "ibis": "ibis-framework", "netCDF4": "netcdf4"}


def floors() -> dict[str, int]:
    """Room -> floor, as the table in ARCHITECTURE.md says."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d) \| `([a-z_, `]+)` \|", text, flags=re.MULTILINE)
    return {room.strip(" `"): int(floor) for floor, rooms in rows for room in rooms.split(",")}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    """Every module a file imports, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            if node.module == "costeff":
                yield from (f"costeff.{alias.name}" for alias in node.names)
            else:
                yield node.module


FILES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py" or path.parent != PACKAGE)


def test_every_room_stands_in_the_table_and_the_table_has_no_empty_room():
    assert {room_of(path) for path in FILES} == set(floors())


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_downward(path):
    table, here = floors(), room_of(path)
    for module in imports(path):
        if not module.startswith("costeff."):
            continue
        there = module.split(".")[1]
        if there in (here, "__version__"):
            continue
        peers = (here, there) in ALLOWED_PEERS
        assert table[there] < table[here] or (table[there] == table[here] and peers), f"{here} imports {there}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_libraries_keep_to_their_rooms(path):
    for module in imports(path):
        rooms = ROOMS_OF.get(module.split(".")[0])
        assert rooms is None or room_of(path) in rooms, f"{room_of(path)} imports {module}"


@pytest.mark.parametrize("path", sorted((PACKAGE / "report").rglob("*.py")), ids=lambda p: p.name)
def test_a_page_is_made_without_a_register_and_without_a_model(path):
    """What a page tells of clients comes through the door of the report, and by no way around it."""
    rooms = {module.split(".")[1] for module in imports(path) if module.startswith("costeff.")}
    assert not rooms & {"records", "outcomes", "comparison", "batch"}


def test_every_import_is_a_declared_requirement():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    rows = [*project["dependencies"], *project["optional-dependencies"]["cluster"]]
    declared = {re.match(r"[a-z0-9-]+", row)[0] for row in rows}
    outside = {m.split(".")[0] for path in FILES for m in imports(path)} - set(sys.stdlib_module_names) - {"costeff"}
    needed = {DISTRIBUTION.get(name, INDIRECT.get(name, name)).replace("_", "-") for name in outside}
    assert needed <= declared


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_modules_stay_readable(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_importing_the_package_is_quick():
    """Under 0.3 s more than bare Python, best of three to be fair to a busy machine."""

    def seconds(code: str) -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
        return time.perf_counter() - start

    bare = min(seconds("pass") for _ in range(3))
    ours = min(seconds("import costeff") for _ in range(3))
    assert ours - bare < 0.3


def test_importing_the_package_loads_nothing_heavy():
    code = "import sys, costeff; print(*sorted(m for m in sys.modules if '.' not in m))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT
    ).stdout.split()
    assert not set(loaded) & {"numpy", "pandas", "xarray", "pymc", "matplotlib", "ibis", "papermill", "pydantic"}
