"""Speed and peak memory of decision analysis; run by hand: `python benchmarks/decision.py [case ...]`.

Each case runs in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from scipy.stats import norm

from costeff import decision

MIB = 2**20
DRAWS, OPTIONS, THRESHOLDS = 10_000, 5, 500
PARAMETERS, WORTH = 20, 10_000.0
ROOT = Path(__file__).parents[1]
OTHERS = ("heormodel==0.7.4", "voiage==0.2.1")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("cases", nargs="*", help=f"of {', '.join(CASES)}; all of them if none is named")
    parser.add_argument("--here", action="store_true", help="run in this process")
    asked = parser.parse_args()
    if unknown := set(asked.cases) - set(CASES):
        parser.error(f"no case {', '.join(unknown)}; there are {', '.join(CASES)}")
    for name in asked.cases or CASES:
        if asked.here:
            CASES[name]()
        else:
            print(f"\n{(CASES[name].__doc__ or name).strip().rstrip('.')}", flush=True)
            subprocess.run([sys.executable, __file__, name, "--here"], check=True)


# --- builders -------------------------------------------------------------------------------------


def choice(draws: int = DRAWS, options: int = OPTIONS, seed: int = 1) -> tuple[xr.DataArray, xr.DataArray]:
    """Cost and effect (draw, option): better options cost more, and all are uncertain."""
    random = np.random.default_rng(seed)
    step = np.arange(options)
    coords = {"draw": np.arange(draws), "option": [f"o{n}" for n in step]}
    cost = random.normal(1000 + 800 * step, 400, (draws, options))
    effect = random.normal(1 + 0.1 * step, 0.1, (draws, options))
    return tuple(xr.DataArray(v, coords, ("draw", "option")) for v in (cost, effect))  # type: ignore[return-value]


def best(call: Callable[[], object], times: int = 5) -> tuple[float, float]:
    """Seconds of the quickest run, and of the processor alone: a busy machine makes only the first longer."""
    seconds = []
    for _ in range(times):
        began, worked = time.perf_counter(), time.process_time()
        call()
        seconds.append((time.perf_counter() - began, time.process_time() - worked))
    return min(each for each, _ in seconds), min(each for _, each in seconds)


def peak() -> float:
    """Largest memory of this process so far, MiB (Linux counts it in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (MIB if sys.platform == "darwin" else 1024)


def told(what: str, seconds: tuple[float, float], target: str = "") -> None:
    print(f"  {what:<58} {seconds[0]:8.3f} s, processor {seconds[1]:8.3f} s   {target}")


# --- cases ----------------------------------------------------------------------------------------


def curves() -> None:
    """10 000 draws x 5 options x 500 thresholds: CEAC, CEAF, expected loss and EVPI."""
    cost, effect = choice()
    worth = np.linspace(0, 50_000, THRESHOLDS)
    before = peak()
    decision.curves(cost, effect, worth)
    print(f"  memory: {peak() - before:.0f} MiB above the input; all net benefits at once would be", end=" ")
    print(f"{DRAWS * OPTIONS * THRESHOLDS * 8 / MIB:.0f} MiB")

    def one_by_one() -> None:
        for call in (decision.ceac, decision.ceaf, decision.evpi):
            call(cost, effect, worth)

    told("all in one pass", best(lambda: decision.curves(cost, effect, worth)), "target < 0.5 s")
    told("CEAC, CEAF and EVPI asked one by one", best(one_by_one), "target < 0.5 s")
    told("CEAC against a comparator", best(lambda: decision.ceac(cost, effect, worth, "o0")))
    told("ICERs", best(lambda: decision.icers(cost, effect)))
    print(f"  peak memory {peak():.0f} MiB")


def information() -> None:
    """EVPPI of 10 000 draws and 20 parameters, and the curves, beside packages from PyPI and the truth."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "problem.npz"
        truth = problem(path)
        found = {name: beside(python, name, path) for name, python in environments().items()}
    titles = {"curves": f"EVPI at {WORTH:.0f}, with CEAC and CEAF, {DRAWS} x {OPTIONS} x {THRESHOLDS}",
              "one": "EVPPI of one parameter", "all": f"EVPPI of each of {PARAMETERS} parameters, sum",
              "pair": "EVPPI of two that work together", "pair, Gaussian process": "the same"}  # fmt: skip
    for key, title in titles.items():
        print(f"  {title}: truth {truth[key.split(',')[0]]:.1f}")
        for name, results in found.items():
            if key in results:
                print(f"    {name + key[4:] if ',' in key else name:<30} {row(results[key])}")
    print("  the same draws for all, whose chance moves all alike")
    print("  CEAC is not in voiage, and its regression is linear; heormodel's splines are additive")


def problem(path: Path) -> dict[str, float]:
    """A problem for all, written to `path`; what is true of it, in closed form or by 4 million draws.

    Two options of normal parameters: the net benefit of the new one is linear but for one product of two.
    """
    cost, effect = choice()
    weights = np.linspace(50, 1000, PARAMETERS)
    random = np.random.default_rng(2)

    def net(x: np.ndarray) -> np.ndarray:
        return np.asarray(200 + x[..., 0] * x[..., 1] * 1000 + x @ weights[: x.shape[-1]])

    x = random.normal(size=(DRAWS, PARAMETERS))
    np.savez(path, cost=cost, effect=effect, thresholds=np.linspace(0, WORTH, THRESHOLDS), parameters=x,
             net=np.column_stack([np.zeros(DRAWS), net(x)]))  # fmt: skip
    many_cost, many_effect = choice(400_000, seed=3)
    many = WORTH * many_effect.values - many_cost.values
    z = 200 / weights
    each = weights * (norm.pdf(z) - z * norm.sf(z))  # the unit normal loss
    pair = net(random.normal(size=(4_000_000, 2)))
    return {"curves": float(many.max(axis=1).mean() - many.mean(axis=0).max()), "one": float(each[12]),
            "all": float(each.sum()), "pair": float(np.maximum(pair, 0).mean() - pair.mean())}  # fmt: skip


def environments() -> dict[str, str]:
    """Python of each package; those of others are made at first use and kept in the cache."""
    found = {"costeff": sys.executable}
    for wanted in OTHERS:
        name = wanted.split("=")[0]
        folder = ROOT / ".cache" / "benchmarks" / name
        python = folder / "bin" / "python"
        if not (folder / "ready").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
            subprocess.run(
                [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wanted], check=True
            )
            (folder / "ready").touch()
        found[name] = str(python)
    return found


def beside(python: str, name: str, path: Path) -> dict[str, dict[str, Any]]:
    done = subprocess.run([python, Path(__file__).with_name("beside.py"), name, path],
                          check=True, capture_output=True, text=True)  # fmt: skip
    found: dict[str, dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def row(result: dict[str, Any]) -> str:
    if "failed" in result:
        return f"failed: {result['failed']}"
    return (f"{sum(result['value']):10.1f}   {result['seconds']:8.3f} s, processor {result['processor']:8.3f} s, "
            f"{result['mib']:6.0f} MiB more")  # fmt: skip


CASES: dict[str, Callable[[], None]] = {"curves": curves, "information": information}

if __name__ == "__main__":
    main()
