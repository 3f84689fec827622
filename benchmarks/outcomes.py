"""How long outcome models take: the national binary model, and cells against rows as clients grow.

python benchmarks/outcomes.py national     import, compile, sampling, effect, gate, cached posterior
python benchmarks/outcomes.py sufficiency  a gradient of the log density, on cells and on rows, 10^3 to 10^6 clients
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from costeff.draws import rng
from costeff.params import Catalogue
from costeff.records import Cells

KEYS = ["municipality", "option", "group"]
CLIENTS = 60_000
GROUPS = [f"group_{number}" for number in range(8)]


def since_start() -> float:
    """Seconds since Python was started."""
    return time.time() - os.stat(f"/proc/{os.getpid()}").st_ctime


@contextmanager
def told(what: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    print(f"{what:<44} {time.perf_counter() - start:8.2f} s", flush=True)


def clients(catalogue: Catalogue, size: int) -> pd.DataFrame:
    """A row for each client: places by population, 8 risk groups, 2 options; 0.7 is the true odds ratio."""
    pick, places = rng(2026, "benchmark", str(size)), sorted(catalogue.municipalities)
    people = np.array([catalogue.municipalities[code].population for code in places], float)
    counties = sorted({m.county for m in catalogue.municipalities.values()})
    level = dict(zip(counties, pick.normal(0, 0.3, len(counties)), strict=True))
    local = np.array([level[catalogue.municipalities[code].county] for code in places])
    local = local + pick.normal(0, 0.2, len(places))
    place = pick.choice(len(places), size, p=people / people.sum())
    group, new = pick.integers(0, len(GROUPS), size), pick.integers(0, 2, size)
    eta = -1.5 + local[place] + np.linspace(-1, 1, len(GROUPS))[group] + np.log(0.7) * new
    return pd.DataFrame(
        {
            "municipality": np.array(places)[place],
            "option": np.array(["usual", "new"])[new],
            "group": np.array(GROUPS)[group],
            "n": 1,
            "events": pick.binomial(1, 1 / (1 + np.exp(-eta))),
        }
    )


def cells_of(table: pd.DataFrame) -> Cells:
    return Cells("binary", tuple(KEYS), table, "event", 365.0, True, "benchmark")


def national() -> None:
    """308 municipalities x 2 options x 8 risk groups."""
    catalogue = Catalogue.load()
    table = clients(catalogue, CLIENTS).groupby(KEYS, as_index=False)[["n", "events"]].sum()
    print(f"{CLIENTS:,} clients in {len(table):,} cells; up to here {since_start():.2f} s")
    with told("import pymc, nutpie, arviz"):
        import arviz
        import nutpie
        import pymc

        from costeff.outcomes import MODELS, Context, Sampling, fit
        from costeff.outcomes.sampling import compiled, sample

        print("  " + ", ".join(f"{p.__name__} {p.__version__}" for p in (pymc, nutpie, arviz)))
    counties = {m.code: m.county for m in catalogue.municipalities.values()}
    context, model = Context(cells_of(table), catalogue.priors["binary"], counties), MODELS["binary"]
    with told("compile"):
        compiled(model, context)
    sampling = Sampling(seed=2026)
    with told(f"sampling alone ({sampling.chains} x ({sampling.tune} + {sampling.draws}))"):
        sample(model, context, sampling)
    with tempfile.TemporaryDirectory() as folder:
        with told("fit, code compiled: sampling, effect, gate"):
            found = fit(model, context, sampling, Path(folder))
        few = Sampling(seed=2026, draws=1000, tune=700)
        with told(f"fit with fewer draws ({few.chains} x ({few.tune} + {few.draws}))"):
            quick = fit(model, context, few)
        with told("the same fit, posterior cached"):
            assert fit(model, context, sampling, Path(folder)).cached
    print(f"{'all of it, from the start of Python':<44} {since_start():8.2f} s (three samplings)")
    worst = found.diagnostics().groupby("check")["value"].agg(["min", "max"])
    print(worst.round(3).to_string())
    print("gate passed" if found.passed else "GATE FAILED", "and with fewer draws", quick.passed)
    print(quick.diagnostics().groupby("check")["value"].agg(["min", "max"]).round(3).to_string())


def sufficiency() -> None:
    """The compiled model is the same for rows and cells; only its data grow."""
    from pymc.blocking import DictToArrayBijection

    from costeff.outcomes import MODELS, Context

    catalogue, model, rows = Catalogue.load(), MODELS["binary"], []
    counties = {m.code: m.county for m in catalogue.municipalities.values()}
    for size in (1_000, 10_000, 100_000, 1_000_000):
        people = clients(catalogue, size)
        counted = people.groupby(KEYS, as_index=False)[["n", "events"]].sum()
        for kind, table in (("cells", counted), ("rows", people)):
            context = Context(cells_of(table), catalogue.priors["binary"], counties)
            built = model.build(context)
            density = built.logp_dlogp_function(ravel_inputs=True, mode="NUMBA")
            density.set_extra_values({})
            point = DictToArrayBijection.map(built.initial_point())
            density(point)  # compiles
            repeats = 10 if len(table) > 50_000 else 200
            start = time.perf_counter()
            for _ in range(repeats):
                density(point)
            seconds = time.perf_counter() - start
            rows.append((size, kind, len(table), 1000 * seconds / repeats))
            print(f"{size:>9,} clients as {len(table):>9,} {kind:<5} {rows[-1][-1]:9.3f} ms a gradient", flush=True)


if __name__ == "__main__":
    {"national": national, "sufficiency": sufficiency}[sys.argv[1] if len(sys.argv) > 1 else "national"]()
