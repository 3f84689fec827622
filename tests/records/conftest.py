"""Fixtures of the register tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from register_builders import KINDS, Frames, write

from costeff.records import SyntheticTruth


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make(tmp_path: Path) -> Callable[[Frames, str], Path]:
    return lambda frames, kind: write(tmp_path / "register", frames, kind)


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
