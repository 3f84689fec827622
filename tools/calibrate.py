"""Simulation-based calibration of every outcome model: `make calibrate`.

Writes docs/images/calibration.svg, the rank figure, and docs/calibration.csv, the test of each parameter.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from costeff.files import write_text
from costeff.outcomes import MODELS, Context, OutcomeModel
from costeff.outcomes.calibration import RANKS, calibrate, uniformity
from costeff.params import Catalogue
from costeff.records import Cells

SIMULATIONS, SEED = 400, 2026
COUNTIES = {"091": "90", "092": "90", "165": "07"}
CLIENTS = {"091": 60, "092": 40, "165": 20}  # of each option and group: few, so that priors matter too


def context_for(model: OutcomeModel, catalogue: Catalogue) -> Context:
    """A small register for the model: 3 municipalities in 2 counties, 2 risk groups, 2 options."""
    arms = [(m, o, g, n) for m, n in CLIENTS.items() for g in ("high", "low") for o in ("usual", "new")]
    base = pd.DataFrame(arms, columns=["municipality", "option", "group", "n"])
    table = TABLES[model.statistic](base)
    cells = Cells(model.statistic, ("municipality", "option", "group"), table, "event", 365.0, True, "calibration")
    return Context(cells, catalogue.priors[model.id], COUNTIES)


def _intervals(base: pd.DataFrame) -> pd.DataFrame:
    """Four intervals of a year, with nearly everybody at risk in each."""
    days = np.linspace(0, 364, 5)
    parts = [
        base.assign(interval=i, start=days[i], end=days[i + 1], events=0, exposure=base["n"] * 91.0 * (1 - 0.1 * i))
        for i in range(4)
    ]
    return pd.concat(parts, ignore_index=True)


def _each_client(base: pd.DataFrame, every: int = 4) -> pd.DataFrame:
    """A row for each client, of a register a few times smaller."""
    return base.loc[base.index.repeat(base["n"] // every)].reset_index(drop=True)


def _levels(base: pd.DataFrame, name: str, levels: list[object]) -> pd.DataFrame:
    """A row for each level, the clients divided between them."""
    parts = [base.assign(**{name: level}, n=base["n"] // len(levels)) for level in levels]
    return pd.concat(parts, ignore_index=True)


def _costs(base: pd.DataFrame) -> pd.DataFrame:
    """Costs that differ, for equal ones would be refused as a price."""
    return base.assign(positive=1.0, sum=3.0, sum_squares=9.0, sum_logs=1.0, sum_log_squares=3.0)


def _meters(base: pd.DataFrame) -> pd.DataFrame:
    """Clients with 4 points before, on average, and a standard deviation of 2."""
    n = base["n"]
    return base.assign(
        sum=5.0 * n, sum_squares=29.0 * n, sum_before=4.0 * n, sum_before_squares=20.0 * n, sum_products=22.0 * n
    )


TABLES = {
    "binary": lambda base: base.assign(events=0),
    "exposure": _intervals,
    "competing": lambda base: pd.concat(
        [_intervals(base).assign(cause=cause) for cause in ("moved", "placed")], ignore_index=True
    ),
    "time": lambda base: _each_client(base).drop(columns="n").assign(time=365.0, events=0, censored=1),
    "count": lambda base: _each_client(base).assign(n=1, count=0),
    "cost": _costs,
    "meter": _meters,
    "level": lambda base: _levels(base, "level", [1, 2, 3, 4]),
    "end": lambda base: _levels(base, "end", ["dropped_out", "study", "work"]),
}


def calibrated(name: str, simulations: int = SIMULATIONS, seed: int = SEED, **control: OutcomeModel) -> pd.DataFrame:
    """Ranks of one model, told as they are made; `fitted` may be another model, the positive control."""
    catalogue = Catalogue.load()

    def report(done: int) -> None:
        if sys.stderr.isatty() or done == simulations:
            print(f"\r{name}: {done} of {simulations}", end="\n" if done == simulations else "", file=sys.stderr)

    model = MODELS[name]
    return calibrate(model, context_for(model, catalogue), simulations, seed, report=report, **control)


def main() -> None:
    from costeff.report.figures import AxisTexts
    from costeff.report.outcome_figures import rank_figure

    docs = Path(__file__).parents[1] / "docs"
    ranks = pd.concat([calibrated(name).assign(model=name) for name in MODELS], ignore_index=True)
    told = pd.concat([uniformity(found).assign(model=name) for name, found in ranks.groupby("model", sort=False)])
    told[["model", *told.columns[:-1]]].round(4).to_csv(docs / "calibration.csv", index=False, lineterminator="\n")
    shown = ranks[ranks["parameter"].str.fullmatch(r"effect(\[0\])?|log_likelihood")]
    shown = shown.assign(parameter=shown["model"] + ": " + shown["parameter"])
    texts = AxisTexts(f"rank of the truth among {RANKS} draws", f"of {SIMULATIONS} simulations", "Ranks by model", str)
    write_text(docs / "images" / "calibration.svg", rank_figure(shown, texts, highest=RANKS).svg)


if __name__ == "__main__":
    main()
