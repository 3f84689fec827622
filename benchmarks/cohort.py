"""Speed and peak memory of the cohort engine; run by hand: `python benchmarks/cohort.py`.

Each case runs in a process of its own, so that its peak memory is its own. The last one puts the same
model beside plain batched NumPy and, where it is installed, the PyPI package `heormodel`.
"""

from __future__ import annotations

import importlib.util
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import xarray as xr

from costeff import cohort

MIB = 2**20
PAYERS = ["municipality", "county", "state"]


def main() -> None:
    if len(sys.argv) > 1:
        CASES[sys.argv[1]]()
        return
    for name in CASES:
        print(f"\n{(CASES[name].__doc__ or name).strip().rstrip('.')}")
        subprocess.run([sys.executable, __file__, name], check=True)


# --- builders -------------------------------------------------------------------------------------------


def matrix(states: int, **sizes: int) -> xr.DataArray:
    """Random transitions with the dims given, then state and to_state."""
    names = [f"s{n}" for n in range(states)]
    values = np.random.default_rng(1).random((*sizes.values(), states, states)) + 5 * np.eye(states)
    values /= values.sum(axis=-1, keepdims=True)
    coords = {dim: np.arange(size) for dim, size in sizes.items()} | {"state": names, "to_state": names}
    return xr.DataArray(values, dims=[*sizes, "state", "to_state"], coords=coords)


def first_state(transitions: xr.DataArray) -> xr.DataArray:
    names = transitions["state"].values
    return xr.DataArray((names == "s0").astype(float), dims="state", coords={"state": names})


def prices(states: int, payers: bool = False) -> xr.DataArray:
    """Rewards by state, and by payer where asked for."""
    names = [f"s{n}" for n in range(states)]
    price = xr.DataArray(1000.0 * np.arange(states), dims="state", coords={"state": names}, attrs={"unit": "EUR/year"})
    shares = xr.DataArray([0.2, 0.5, 0.3], dims="payer", coords={"payer": PAYERS})
    return (price * shares).assign_attrs(price.attrs) if payers else price


def best(call: Callable[[], object], times: int = 3) -> float:
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def peak() -> float:
    """Largest memory of this process so far, MiB (Linux counts it in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (MIB if sys.platform == "darwin" else 1024)


def told(what: str, seconds: float, target: str = "") -> None:
    print(f"  {what:<58} {seconds:8.2f} s   {target}")


# --- cases ----------------------------------------------------------------------------------------------


def draws() -> None:
    """10 000 draws x 2 options x 5 states x 60 cycles."""
    moves = matrix(5, draw=10_000, option=2)
    before = peak()
    began = time.perf_counter()
    occupancy = cohort.trace(first_state(moves), moves, 60)
    told("trace", time.perf_counter() - began, "target < 1 s")
    print(f"  memory: {peak() - before:.0f} MiB above the input, for a result of {occupancy.nbytes / MIB:.0f} MiB")
    told("accrue by stay, 3 payers", best(lambda: cohort.accrue(occupancy, prices(5, payers=True), 4)))
    told("accrue by entry", best(lambda: cohort.accrue(occupancy, prices(5), 4, by="entry", transitions=moves)))
    print(f"  peak memory {peak():.0f} MiB")


def country(per_year: int = 1) -> None:
    """308 municipalities x 4 000 draws x 20 years x 5 states, a cycle a year."""
    moves = matrix(5, municipality=308, draw=4000)
    began, worked = time.perf_counter(), time.process_time()
    total = cohort.accrue_blocks(first_state(moves), moves, prices(5, payers=True), per_year, 20 * per_year)
    told(f"trace and accrue in blocks, 3 payers, {20 * per_year} cycles", time.perf_counter() - began, "target < 20 s")
    told(
        "the same, time of the processor alone",
        time.process_time() - worked,
        "a busy machine makes the line above longer",
    )
    print(f"  peak memory {peak():.0f} MiB (target <= 2048), of it transitions {moves.nbytes / MIB:.0f}")
    print(f"  and the result {total.nbytes / MIB:.0f}; the full occupancy would be", end=" ")
    print(f"{308 * 4000 * 5 * 8 * (20 * per_year + 1) / MIB:.0f} MiB")


def country_in_quarters() -> None:
    """The same, in quarters."""
    country(4)


def beside_others() -> None:
    """4 options x 4 states x 75 cycles x 10 000 draws, total cost by option and draw."""
    moves = matrix(4, option=4, draw=10_000)
    start, price = first_state(moves), prices(4)

    def ours() -> xr.DataArray:
        return cohort.accrue(cohort.trace(start, moves, 75), price, 1, method="start")

    cost = ours().sum("year").values
    plain = plain_numpy(moves.values, start.values, price.values)
    assert np.allclose(cost, plain)
    ways = {"matmul": plain_numpy, "one state at a time": plainer_numpy}
    assert np.allclose(plainer_numpy(moves.values, start.values, price.values), plain)
    alone = np.inf
    for name, way in ways.items():
        seconds = best(lambda way=way: way(moves.values, start.values, price.values))
        told(f"plain batched NumPy ({name}), unchecked", seconds)
        alone = min(alone, seconds)
    traced = best(lambda: cohort.trace(start, moves, 75))
    whole = best(ours)
    told("costeff, trace", traced, f"{traced / alone:.1f} x the faster plain")
    told("costeff, trace and accrue by year", whole, f"{whole / alone:.1f} x the faster plain (target within 2)")
    print(f"  peak memory {peak():.0f} MiB")
    beside_heormodel(moves, price.values, plain, whole)


def plain_numpy(moves: np.ndarray, start: np.ndarray, price: np.ndarray) -> np.ndarray:
    """What a modeller would write without a package, the full trace kept: (option, draw) total cost."""
    rows = np.empty((76, *moves.shape[:-1]))
    rows[0] = start
    for cycle in range(75):
        rows[cycle + 1] = (rows[cycle][..., None, :] @ moves)[..., 0, :]
    return np.asarray((rows[:-1] @ price).sum(axis=0))


def plainer_numpy(moves: np.ndarray, start: np.ndarray, price: np.ndarray) -> np.ndarray:
    """The same with draws on the last axis, summed over origins by hand: the fastest plain way known to us."""
    last = np.ascontiguousarray(np.moveaxis(moves, (-2, -1), (0, 1)))
    rows = np.empty((76, *last.shape[1:]))
    rows[0] = start[:, None, None]
    for cycle in range(75):
        rows[cycle + 1] = sum(rows[cycle, origin] * last[origin] for origin in range(len(last)))
    return np.asarray(sum(rows[:-1, state].sum(axis=0) * price[state] for state in range(len(price))))


def beside_heormodel(moves: xr.DataArray, price: np.ndarray, plain: np.ndarray, ours: float) -> None:
    """The same model in `heormodel`; 1 000 of the draws, since it goes through them one by one."""
    if importlib.util.find_spec("heormodel") is None:
        print("  heormodel is missing: it is not in requirements.lock, so it was NOT compared.")
        print("  To compare: pip install heormodel into an environment beside this one, and run again")
        return
    import pandas as pd
    from heormodel.models import CohortSpec, MarkovModel

    few, options = 1000, [f"o{n}" for n in range(4)]

    def model(parameters: pd.Series, option: str) -> CohortSpec:
        return CohortSpec(moves.values[options.index(option), int(parameters["at"])], price, np.ones(4))

    engine = MarkovModel(
        states=tuple(moves["state"].values),
        interventions=tuple(options),
        transitions_and_rewards=model,
        n_cycles=74,  # it counts both ends: 75 points, as ours at the start of 75 cycles
        discount_rate=0.0,
        cycle_correction="none",
    )
    began = time.perf_counter()
    outcomes = engine.evaluate(pd.DataFrame({"at": np.arange(few, dtype=float)}))
    seconds = (time.perf_counter() - began) * moves.sizes["draw"] / few
    assert np.allclose(outcomes.costs_wide()[options].to_numpy().T, plain[:, :few])
    told("heormodel (1 000 draws, times 10)", seconds, f"{seconds / ours:.1f} x ours")


CASES: dict[str, Callable[[], None]] = {
    "draws": draws,
    "country": country,
    "country_in_quarters": country_in_quarters,
    "beside_others": beside_others,
}

if __name__ == "__main__":
    main()
