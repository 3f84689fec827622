"""One decision problem by one package: `python benchmarks/beside.py PACKAGE PROBLEM.npz` prints values, seconds, MiB.

`benchmarks/decision.py information` runs it for this package and, each in an environment of its own, for others from
PyPI, whose requirements differ; so it imports the package it is asked for and nothing else of the project.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

Problem = dict[str, np.ndarray]
Call = Callable[[], object]
KIB = 1024


def main() -> None:
    package, path = sys.argv[1:]
    problem = dict(np.load(path))
    found = {}
    for name, call in PACKAGES[package](problem).items():
        before = peak()
        try:
            call()  # whatever is imported or compiled at first use is not counted
            began, worked = time.perf_counter(), time.process_time()
            value = call()
            spent = time.perf_counter() - began, time.process_time() - worked
        except Exception as error:  # another package's failure is a result
            found[name] = {"failed": type(error).__name__}
            continue
        values = np.atleast_1d(np.asarray(value, dtype=float)).tolist()
        found[name] = {"value": values, "seconds": spent[0], "processor": spent[1], "mib": peak() - before}
    print(json.dumps(found))


def peak() -> float:
    """Largest memory of this process so far, MiB; Linux counts it anew for every program, getrusage does not."""
    status = Path("/proc/self/status")
    if status.exists():
        row = next(row for row in status.read_text().splitlines() if row.startswith("VmHWM"))
        return float(row.split()[1]) / KIB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (KIB**2 if sys.platform == "darwin" else KIB)


# --- packages: each gives the same calls ----------------------------------------------------------


def with_costeff(problem: Problem) -> dict[str, Call]:
    import xarray as xr

    from costeff import decision
    from costeff.decision.information import evppi

    def labelled(values: np.ndarray) -> xr.DataArray:
        coords = {"draw": np.arange(len(values)), "option": [f"o{n}" for n in range(values.shape[1])]}
        return xr.DataArray(values, coords, ("draw", "option"))

    cost, effect, net = (labelled(problem[name]) for name in ("cost", "effect", "net"))
    worth, x = problem["thresholds"], problem["parameters"]
    columns = {f"x{n}": ("draw", x[:, n]) for n in range(x.shape[1])}
    parameters = xr.Dataset(columns, coords={"draw": np.arange(len(x))})

    def curves() -> np.ndarray:
        ds = decision.curves(cost, effect, worth)
        return np.asarray(ds["evpi"].values[-1])

    def value(of: object) -> np.ndarray:
        return np.asarray(evppi(-net, 0 * net, parameters, 0.0, of=of)["evppi"].values[:, 0])  # type: ignore[arg-type]

    return {
        "curves": curves,
        "one": lambda: value(["x12"]),
        "all": lambda: value(None),
        "pair": lambda: value({"pair": ["x0", "x1"]}),
    }


def with_heormodel(problem: Problem) -> dict[str, Call]:
    import pandas as pd
    from heormodel.cea import ceac, ceaf
    from heormodel.models import Outcomes
    from heormodel.voi import evpi, evppi

    def frame(values: np.ndarray) -> pd.DataFrame:
        index = pd.RangeIndex(len(values), name="iteration")
        return pd.DataFrame(values, index=index, columns=[f"o{n}" for n in range(values.shape[1])])

    five = Outcomes.from_wide(frame(problem["cost"]), frame(problem["effect"]))
    two = Outcomes.from_wide(frame(-problem["net"]), frame(0 * problem["net"]))
    worth = problem["thresholds"]
    x = frame(problem["parameters"]).rename(columns=lambda name: name.replace("o", "x"))

    def curves() -> float:
        ceac(five, worth)
        ceaf(five, worth)
        return float(evpi(five, worth).iloc[-1])

    return {
        "curves": curves,
        "one": lambda: evppi(two, x, "x12", 0.0),
        "all": lambda: [evppi(two, x, name, 0.0) for name in x],
        "pair": lambda: evppi(two, x, ["x0", "x1"], 0.0),
        "pair, Gaussian process": lambda: evppi(two, x, ["x0", "x1"], 0.0, method="gp", seed=1),
    }


def with_voiage(problem: Problem) -> dict[str, Call]:
    from voiage.analysis import DecisionAnalysis
    from voiage.methods.ceaf import calculate_ceaf
    from voiage.schema import ParameterSet, ValueArray

    cost, effect, net = problem["cost"], problem["effect"], problem["net"]
    worth, x = problem["thresholds"], problem["parameters"]
    every = {f"x{n}": x[:, n] for n in range(x.shape[1])}

    def curves() -> float:
        surface = worth * effect[:, :, None] - cost[:, :, None]
        names = [f"o{n}" for n in range(cost.shape[1])]
        array = ValueArray.from_numpy_perspectives(surface, strategy_names=names, perspective_names=[*map(str, worth)])
        calculate_ceaf(array, worth)  # there is no acceptability curve of simulated options
        return [DecisionAnalysis(nb_array=surface[:, :, n]).evpi() for n in range(worth.size)][-1]

    def value(*names: str) -> float:
        known = ParameterSet.from_numpy_or_dict({name: every[name] for name in names})
        return float(DecisionAnalysis(nb_array=net, parameter_samples=known).evppi())

    return {
        "curves": curves,
        "one": lambda: value("x12"),
        "all": lambda: [value(name) for name in every],
        "pair": lambda: value("x0", "x1"),
    }


PACKAGES: dict[str, Callable[[Problem], dict[str, Call]]] = {
    "costeff": with_costeff,
    "heormodel": with_heormodel,
    "voiage": with_voiage,
}

if __name__ == "__main__":
    main()
