"""One set of requirements: pyproject.toml, environment.yml and requirements.lock say the same."""

import json
import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
CONDA_NAMES = {"python-duckdb": "duckdb", "psycopg-c": "psycopg-binary"}  # where conda-forge names a package otherwise


def declared() -> dict[str, str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    rows = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    pairs = [re.fullmatch(r"([a-z0-9-]+)(.*)", row) for row in rows]
    return {"python": project["requires-python"], **{pair[1]: pair[2] for pair in pairs if pair}}


def conda() -> dict[str, str]:
    rows = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    by_pip = next(row["pip"] for row in rows if isinstance(row, dict))
    names = [row for row in [*rows, *by_pip] if isinstance(row, str) and row != "pip" and not row.startswith("-")]
    pairs = [re.fullmatch(r"([a-z0-9-]+)(.*)", row) for row in names]
    return {CONDA_NAMES.get(pair[1], pair[1]): pair[2] for pair in pairs if pair}


def test_conda_and_pip_ask_for_the_same_names_and_bounds():
    assert conda() == declared()


def test_every_requirement_is_locked_with_hashes():
    lock = (ROOT / "requirements.lock").read_text()
    pinned = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock, flags=re.MULTILINE))
    assert declared().keys() - {"python"} <= pinned.keys()
    blocks = re.split(r"^(?=[a-z0-9-]+==)", lock, flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in block for block in blocks)


def test_the_lock_names_no_index():
    lines = [
        line for line in (ROOT / "requirements.lock").read_text().splitlines() if not line.lstrip().startswith("#")
    ]
    assert not [
        line for line in lines if "index" in line or "http:" in line or "https:" in line or "find-links" in line
    ]


def test_what_checks_pages_is_pinned_and_its_lock_names_no_registry():
    folder = ROOT / "tests" / "browser"
    asked = json.loads((folder / "package.json").read_text())["devDependencies"]
    locked = json.loads((folder / "package-lock.json").read_text())["packages"]
    assert {name: locked[f"node_modules/{name}"]["version"] for name in asked} == asked
    packages = [package for place, package in locked.items() if place]
    assert all(package["integrity"].startswith("sha512-") and "resolved" not in package for package in packages)
