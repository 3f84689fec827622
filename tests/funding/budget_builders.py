"""Small budgets whose numbers are plain, and worlds to go with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from costeff.agreement import Budget
from costeff.draws import as_draws, rng
from costeff.funding import draw_worlds, gains_per_client

LABEL = {"fi": "koe", "sv": "prov", "en": "trial"}


def number(mean: float, spread: float = 0.0) -> dict[str, Any]:
    """A number with its interval `spread` (a share) to either side on the log scale, or without one."""
    ends = {"low": mean / (1 + spread), "high": mean * (1 + spread)} if spread else {}
    return {"mean": mean, **ends, "source": "stated_assumption", "quality": "assumption", "note": "made up"}


def service(**changes: Any) -> dict[str, Any]:
    plain = {
        "label": LABEL,
        "outcome": LABEL,
        "need": number(100.0, 0.3),
        "unit_cost": number(1000.0, 0.2),
        "waiting": 10.0,
        "leave": 0.4,
        "capacity": 90.0,
        "staffed": 0.9,
        "last_gain": 0.3,
        "demand_sd": [0.2],
        "providers": 1,
        "bought": 0.0,
        "floor": 0.0,
        "cap": 200_000.0,
        "share": 0.5,
        "source": "stated_assumption",
        "note": "made up",
    }
    return plain | changes


def fields(services: dict[str, dict[str, Any]], **changes: Any) -> dict[str, Any]:
    coordination = {"per_provider": 0.02, "bought": 0.05, "source": "stated_assumption", "note": "made up"}
    plain = {
        "id": "trial",
        "label": LABEL,
        "first_year": 2026,
        "years": 3,
        "frame": 100_000.0,
        "statutory_minimum": 0.0,
        "correlation": 0.2,
        "moves_within_year": 0.5,
        "coordination": coordination,
        "services": services,
        "source": "stated_assumption",
        "note": "made up",
    }
    return plain | changes


def budget(services: dict[str, dict[str, Any]] | None = None, **changes: Any) -> Budget:
    given = services or {"first": service(), "second": service(last_gain=0.8, leave=0.1, need=number(60.0, 0.3))}
    return Budget.model_validate(fields(given, **changes))


def three(**changes: Any) -> Budget:
    """Three services that differ in everything."""
    return budget(
        {
            "family": service(share=0.5, floor=20_000.0, providers=3, bought=0.4),
            "work": service(share=0.2, need=number(60.0, 0.2), unit_cost=number(700.0, 0.4), last_gain=0.1, leave=0.9),
            "clinic": service(
                share=0.3, capacity=25.0, waiting=40.0, staffed=0.8, leave=0.0, demand_sd=[0.1, 0.2, 0.4]
            ),
        },
        **changes,
    )


def worlds_of(of: Budget, draws: int = 500, seed: int = 3, effect_sd: float = 0.05) -> xr.Dataset:
    """Gains that differ from service to service, as many EUR avoided as 12 000 for an outcome."""
    means = np.linspace(0.3, 0.15, len(of.services))
    effect = {
        name: as_draws(mean + effect_sd * rng(seed, "gain", name).standard_normal(draws))
        for name, mean in zip(of.services, means, strict=True)
    }
    return draw_worlds(of, gains_per_client(effect, {name: 12_000 * v for name, v in effect.items()}), seed)
