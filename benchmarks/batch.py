"""What a run costs: its stages, a page in parts, the memory of its processes, and a plain papermill loop beside it.

    .venv/bin/python benchmarks/batch.py                    # every municipality in Finnish, fits from the cache
    .venv/bin/python benchmarks/batch.py --lang fi --lang sv --lang en
    .venv/bin/python benchmarks/batch.py --municipalities 24 --cold   # fits too; the cache of fits is left as it is
    .venv/bin/python benchmarks/batch.py --scaling benchmarks/scaling  # how it grows

Run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LOOP = 4  # notebooks of the plain loop: each takes long enough to tell


# --- memory ---------------------------------------------------------------------------------------


def tree_memory(pid: int) -> int:
    """Bytes of memory of a process and all below it; what they share counts once (PSS)."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents.setdefault(int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1]), []).append(
                    int(entry.name)
                )
            except OSError:
                continue
    total, waiting = 0, [pid]
    while waiting:
        one = waiting.pop()
        waiting += parents.get(one, [])
        try:
            rows = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += next((int(row.split()[1]) * 1024 for row in rows if row.startswith("Pss:")), 0)
    return total


@contextmanager
def peak_of_tree() -> Iterator[Callable[[], float]]:
    """The most memory of this process and its children, looked at twice a second, in GiB."""
    over, most = threading.Event(), [0]

    def look() -> None:
        while not over.wait(0.5):
            most[0] = max(most[0], tree_memory(os.getpid()))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield lambda: most[0] / 2**30
    finally:
        over.set()
        watcher.join()


# --- runs -----------------------------------------------------------------------------------------


def a_run(output: Path, municipalities: Sequence[str], root: Path = ROOT, **asked: Any) -> dict[str, float]:
    """Seconds by stage of one run, with all of them and how many pages there are."""
    from costeff.batch import resolve
    from costeff.batch.run import run
    from costeff.params import Catalogue

    started = time.perf_counter()
    catalogue = Catalogue.load()
    request = resolve(catalogue, municipalities=municipalities, output=output, **asked)
    read = time.perf_counter() - started
    outcome = run(catalogue, request, root=root)
    whole = time.perf_counter() - started
    if outcome.failed:
        raise SystemExit(f"{len(outcome.failed)} pages failed: {outcome.failed[0].error}")
    return {"parameters": read, **outcome.seconds, "all": whole, "pages": outcome.pages, "standing": outcome.standing}


def some(number: int) -> list[str]:
    """So many municipalities, spread over the country."""
    from costeff.params import Catalogue

    codes = list(Catalogue.load().municipalities)
    number = min(number, len(codes))
    return [codes[round(place * (len(codes) - 1) / max(number - 1, 1))] for place in range(number)]


def told(seconds: dict[str, float]) -> str:
    stages = "  ".join(f"{name} {value:.1f} s" for name, value in seconds.items() if name not in ("pages", "standing"))
    return f"{stages}   {seconds['pages']:.0f} pages made, {seconds['standing']:.0f} stood"


# --- one page in parts ------------------------------------------------------------------------------


def page_in_parts(output: Path, codes: Sequence[str], language: str = "fi") -> dict[str, float]:
    """Median seconds of the parts of a page, one at a time in a warm process."""
    import nbformat

    from costeff.batch.local import environment
    from costeff.batch.notebooks import Job, run_job
    from costeff.kernels.server import close_servers
    from costeff.report.page import open_page
    from costeff.report.render import as_page

    parts: dict[str, list[float]] = {}
    with environment({"COSTEFF_HOME": str(ROOT)}):
        for number, code in enumerate([codes[0], *codes]):  # the first one pays for what comes once
            appraisal = output / "appraisals" / f"{code}.nc"
            job = Job(code, language, (language,), ROOT / "notebooks" / "90_municipal_report.ipynb", appraisal)
            began = time.perf_counter()
            done = run_job(job)
            whole = time.perf_counter() - began
            if done.error:
                raise SystemExit(done.error)
            book = nbformat.reads(done.notebook, as_version=4)
            cells = sum(c["metadata"]["papermill"]["duration"] for c in book["cells"] if "papermill" in c["metadata"])
            began = time.perf_counter()
            as_page(book, language)
            rendering = time.perf_counter() - began
            began = time.perf_counter()
            page = open_page(appraisal, code, language)
            reading = time.perf_counter() - began
            if number:
                found = {
                    "kernel: start, messages, end": whole - cells - rendering,
                    "cells of the notebook": cells,
                    "of them reading the appraisal": reading,
                    "rendering": rendering,
                    "all": whole,
                }
                for name, seconds in found.items():
                    parts.setdefault(name, []).append(seconds)
            del page
    close_servers()
    return {name: statistics.median(values) for name, values in parts.items()}


def plain_loop(output: Path, codes: Sequence[str], folder: Path) -> float:
    """Seconds a notebook of papermill's own loop: the same notebook, the same appraisals, an ordinary kernel each."""
    import papermill

    os.environ["COSTEFF_HOME"] = str(ROOT)
    template = str(ROOT / "notebooks" / "90_municipal_report.ipynb")
    began = time.perf_counter()
    for code in codes:
        given = {"municipality": code, "language": "fi", "appraisal": str(output / "appraisals" / f"{code}.nc")}
        made = str(folder / f"{code}.ipynb")
        papermill.execute_notebook(template, made, given, kernel_name="python3", progress_bar=False)
        command = ["jupyter", "nbconvert", "--to", "html", "--no-input", "--log-level", "ERROR", made]
        subprocess.run([sys.executable, "-m", *command], check=True, capture_output=True)
    return (time.perf_counter() - began) / len(codes)


# --- how it grows -----------------------------------------------------------------------------------


def scaling(folder: Path) -> None:
    """Runs of growing size, one thing at a time, as a table and the drawing of the docs."""
    import pandas as pd

    rows = []
    usual = {"municipalities": 20, "draws": 1000, "languages": 1, "services": 1}
    steps = {"municipalities": (5, 20, 80), "draws": (250, 1000, 4000), "languages": (1, 2, 3), "services": (1, 2)}
    for what, values in steps.items():
        for value in values:
            asked = usual | {what: value}
            with tempfile.TemporaryDirectory() as room, peak_of_tree() as peak:
                seconds = a_run(
                    Path(room) / "run",
                    some(asked["municipalities"]),
                    draws=asked["draws"],
                    languages=("fi", "sv", "en")[: asked["languages"]],
                    chains=("intensive_family_work", "post_release_support")[: asked["services"]],
                )
                rows.append({"what": what, "value": value, **seconds, "GiB": peak()})
            print(f"{what} {value}: {told(seconds)}", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame(rows).round(2)
    table.to_csv(folder / "scaling.csv", index=False)
    _draw(table, list(steps), ROOT / "docs" / "images" / "scaling.svg")


def _draw(table: Any, steps: Sequence[str], path: Path) -> None:
    """Seconds of the whole run and memory of all its processes; stages go side by side and are not drawn apart."""
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "costeff"
    figure, panels = plt.subplots(2, len(steps), figsize=(11, 5), sharey="row", sharex="col", layout="constrained")
    for (column, unit), row in zip({"all": "seconds", "GiB": "GiB"}.items(), panels, strict=True):
        for axes, what in zip(row, steps, strict=True):
            part = table[table["what"] == what]
            axes.plot(part["value"], part[column], marker="o", color="#1b5e8a")
            axes.set(ylim=(0, 1.08 * table[column].max()), xlim=(0, 1.08 * part["value"].max()), xticks=part["value"])
        row[0].set_ylabel(unit)
    for axes, what in zip(panels[-1], steps, strict=True):
        axes.set_xlabel(what)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--municipalities", type=int, default=1000)
    parser.add_argument("--lang", action="append", choices=("fi", "sv", "en"))
    parser.add_argument("--cold", action="store_true", help="fit the models too")
    parser.add_argument("--scaling", type=Path, help="folder of the table; the drawing goes to docs/images")
    given = parser.parse_args()
    if given.scaling:
        scaling(given.scaling)
        return
    codes = some(given.municipalities)
    with tempfile.TemporaryDirectory() as room:
        output = Path(room) / "run"
        root = _without_fits(Path(room)) if given.cold else ROOT
        with peak_of_tree() as peak:
            first = a_run(output, codes, root, languages=given.lang or ["fi"])
            print(f"{len(codes)} municipalities   {told(first)}   memory of the tree {peak():.2f} GiB")
        print(f"again, unchanged   {told(a_run(output, codes, root, languages=given.lang or ['fi']))}")
        parts = page_in_parts(output, codes[:8])
        print("one page:  " + "  ".join(f"{name} {seconds:.2f} s" for name, seconds in parts.items()))
        plain = plain_loop(output, codes[:LOOP], Path(room))
        each = first["all"] / first["pages"]  # pages are made beside appraisals: they cannot be told apart
        print(
            f"a page here, its appraisal and all else counted, {each:.2f} s; in a plain papermill loop, which is given"
        )
        print(f"its appraisals, {plain:.2f} s: {plain / each:.0f} times as long")


def _without_fits(room: Path) -> Path:
    """The project as a clone that has fitted nothing yet."""
    home = room / "home"
    home.mkdir()
    for name in ("notebooks", "params", "pyproject.toml"):
        shutil.copytree(ROOT / name, home / name)
    return home


if __name__ == "__main__":
    main()
