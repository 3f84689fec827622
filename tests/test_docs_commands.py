"""Commands in the documentation are run as they are written, or it is said why not."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from costeff.cli import app

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```(sh|yaml|json|sql)\n(.*?)^```", re.MULTILINE | re.DOTALL)
# What is not run here, and why: a pattern of the command, or of the name of the page it stands on.
NOT_RUN = {
    r"^make ": "it sets up a machine: .ci/run does",
    r"^\. |^mkdir |^cd |^pip |^conda ": "it is a shell's, and takes its part by what stands in its place here",
    r"pytest ": "it is a test itself",
    r"^jupyter nbconvert ": "tests/batch makes pages by the same exporter",
    r"^costeff lab": "it stays open: tests/test_lab_browser.py opens it",
    r"^costeff params fetch ": "it asks the network: tests/params has the answers of the interface",
    r"--all\b|--county\b|--scheduler|--cluster|^costeff site|^costeff pdf|^costeff status|^costeff simulate": (
        "it takes minutes, or reads what such a run made: tests/batch runs the same on a few municipalities"
    ),
    r"--county-report": "tests/batch/test_county_reports.py",
    r"^costeff params show (children_placed|in_care_during_year|191)$": "it shows what was fetched: tests/params",
    r"^costeff (synth|data check) my_large|--clients 1000000": "benchmarks/registers.py",
    "own_register.md|own_chain.md": "a test of its own follows the guide",
    r"change_a_price.md .*--output": "the guide is followed in tests/test_docs.py",
}
FEWER = {"--clients 3000": "--clients 300"}  # the same command on fewer clients
RUNS = re.compile(r"^costeff run ")  # a report takes seconds when its fits are there


def commands(page: Path) -> list[str]:
    blocks = [body for language, body in BLOCK.findall(page.read_text(encoding="utf-8")) if language == "sh"]
    lines = [line.strip() for body in blocks for line in body.replace("\\\n", " ").splitlines()]
    return [line.removeprefix("$ ") for line in lines if line and not line.startswith("#")]


def why_not(page: Path, line: str) -> str | None:
    return next(
        (why for what, why in NOT_RUN.items() if re.search(what, line) or re.match(what, f"{page.name} {line}")), None
    )


def to_run(page: Path, *, reports: bool) -> list[str]:
    lines = [line for line in commands(page) if why_not(page, line) is None]
    return [line for line in lines if bool(RUNS.match(line)) == reports]


def run(line: str, folder: Path) -> None:
    for told, instead in FEWER.items():
        line = line.replace(told, instead)
    words = shlex.split(line, comments=True)
    assert words[0] == "costeff", f"say in NOT_RUN why this is not run: {line}"
    words = [word.replace("~", str(folder / "home")) for word in words[1:]]
    done = CliRunner().invoke(app, words, catch_exceptions=True)
    assert done.exit_code == 0, f"{line}\n{done.output}\n{done.exception}"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to run in; the parameters are the project's."""
    (tmp_path / "home" / "keys").mkdir(parents=True, mode=0o700)
    monkeypatch.setenv("COSTEFF_HOME", str(ROOT))
    monkeypatch.chdir(tmp_path)
    return tmp_path


LONG = {"join_providers.md"}  # half a minute of joining
WITH_COMMANDS = [
    pytest.param(page, marks=pytest.mark.slow if page.name in LONG else (), id=page.stem)
    for page in PAGES
    if to_run(page, reports=False)
]
WITH_REPORTS = [page for page in PAGES if to_run(page, reports=True)]


@pytest.mark.parametrize("page", WITH_COMMANDS)
def test_the_commands_of_a_page_run_in_their_order(page: Path, elsewhere: Path) -> None:
    if page.name == "registers.md":
        pytest.importorskip("openpyxl")
    for line in to_run(page, reports=False):
        if not (page.name == "registers.md" and line == "costeff data check my_register"):  # an empty template
            run(line, elsewhere)


@pytest.mark.slow  # a report each
@pytest.mark.parametrize("page", WITH_REPORTS, ids=lambda page: page.stem)
def test_the_reports_of_a_page_are_made(page: Path, elsewhere: Path) -> None:
    for number, line in enumerate(to_run(page, reports=True)):
        plain = re.sub(r"\s+#.*$|\s--output \S+", "", line)
        run(f"{plain} --output {elsewhere / f'run_{number}'}", elsewhere)


def test_a_reason_is_given_only_for_what_is_there() -> None:
    every = [(page, line) for page in PAGES for line in commands(page)]
    assert {why_not(page, line) for page, line in every} - {None} <= set(NOT_RUN.values())
    assert len([line for page, line in every if why_not(page, line) is None]) > 25, "most are run"


@pytest.mark.parametrize("page", [page for page in PAGES if BLOCK.search(page.read_text())], ids=lambda page: page.stem)
def test_blocks_of_data_can_be_read(page: Path) -> None:
    for language, body in BLOCK.findall(page.read_text(encoding="utf-8")):
        if language == "json":
            json.loads(body)
        elif language == "yaml":
            assert yaml.safe_load(body.replace("{fi: ..., sv: ..., en: ...}", "{}").replace("  ...\n", "")) is not None
