"""Fixtures of the register tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from postgres_server import MISSING, Server, running_server
from register_builders import KINDS, Frames, write

from costeff.records import SyntheticTruth


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make(tmp_path: Path) -> Callable[[Frames, str], Path]:
    return lambda frames, kind: write(tmp_path / "register", frames, kind)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server; the tests that need one are skipped where it is not installed."""
    if MISSING:
        pytest.skip(MISSING)
    with running_server() as server:
        yield server


@pytest.fixture(scope="session")
def places() -> pd.DataFrame:
    generator, size = np.random.default_rng(11), 40
    need = generator.normal(100, 15, size)
    need[[3, 20]] = np.nan
    return pd.DataFrame(
        {
            "code": [f"{number:03d}" for number in range(5, 5 + 7 * size, 7)],
            "county": [f"{number % 8:02d}" for number in range(size)],
            "population": generator.lognormal(9, 1, size).round(),
            "need_index": need,
        }
    )


@pytest.fixture(scope="session")
def truth() -> SyntheticTruth:
    return SyntheticTruth(
        clients=60_000,
        baseline_risk=0.2,
        log_odds_ratio=-0.5,
        group_share={"low": 0.5, "middle": 0.3, "high": 0.2},
        group_log_odds={"low": -0.8, "middle": 0.0, "high": 1.0},
        need_slope=1.0,
        county_sd=0.1,
        municipality_sd=0.2,
        effect_sd=0.1,
        new_share={"low": 0.3, "middle": 0.5, "high": 0.8},
        cost_mean={"usual": 2000.0, "new": 4500.0},
        cost_cv=0.8,
    )


@pytest.fixture(scope="session")
def full_truth(truth: SyntheticTruth) -> SyntheticTruth:
    """The same truth with everything a synthetic register may hold."""
    return SyntheticTruth.model_validate(
        truth.model_dump()
        | {
            "competing": {"moved_away": {"usual": 0.3, "new": 0.1}},
            "counts": {
                "days_in_care": {
                    "mean_usual": {"low": 2.0, "middle": 6.0, "high": 18.0},
                    "log_rate_ratio": -0.4,
                    "dispersion": 1.5,
                }
            },
            "meters": {
                "functioning": {
                    "before_mean": {"low": 60.0, "middle": 52.0, "high": 43.0},
                    "before_sd": 12.0,
                    "slope": 0.6,
                    "change_usual": 3.0,
                    "effect": 2.5,
                    "residual_sd": 9.0,
                    "share_measured": 0.7,
                }
            },
            "experience": {
                "was_heard": {
                    "cutpoints": (-2.0, -0.5, 1.0),
                    "log_odds_effect": 0.6,
                    "group_log_odds": {"low": 0.5, "middle": 0.0, "high": -0.8},
                    "share_answered": 0.5,
                }
            },
            "ends": {
                "reference": "work",
                "log_odds": {"study": -0.5, "dropped_out": -0.8},
                "effect": {"study": 0.4, "dropped_out": -0.7},
                "group_log_odds": {"low": -0.3, "middle": 0.0, "high": 0.9},
            },
        }
    )
