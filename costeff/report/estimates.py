"""From draws to the few numbers a page tells: means, intervals, probabilities, years."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from costeff import decision
from costeff.draws import NEW, USUAL, summarise
from costeff.report.appraisals import Variant

HORIZONS = (1, 3, 5, 10)
SURE = 0.8  # the probability of saving that a second break-even price is told for
DOTS = 20


@dataclass(frozen=True)
class Estimate:
    """A mean with the central interval of the page's probability mass."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, draws: xr.DataArray, mass: float) -> Estimate:
        """Of one number per draw."""
        summary = summarise(draws, mass)
        return cls(float(summary["mean"]), float(summary["low"]), float(summary["high"]))

    @property
    def mixed(self) -> bool:
        """Whether the interval has both signs."""
        return self.low < 0 < self.high

    @property
    def ends(self) -> tuple[float, float, float]:
        return self.mean, self.low, self.high


@dataclass(frozen=True)
class PayerRow:
    """What one payer, or all together, pays and saves over the horizon (EUR)."""

    payer: str  # "" = all payers
    service: Estimate
    stoppable: Estimate
    average: Estimate
    net: Estimate


@dataclass(frozen=True)
class Payback:
    """When the money is back: the middle case, and how likely by the end of the horizon."""

    year: int | None  # calendar year; None when more than half of the cases never get there
    number: int | None
    last: int
    probability: float


@dataclass(frozen=True)
class Prices:
    """The price of the service per client, and the highest at which it pays its way (EUR)."""

    extra: Estimate
    on_average: float
    when_sure: float


def horizons(variant: Variant) -> list[int]:
    """The horizons the appraisal is long enough for, its own length always among them."""
    return sorted({h for h in HORIZONS if h < variant.years} | {variant.years})


def events(variant: Variant) -> tuple[Estimate, Estimate, Estimate]:
    """Clients with the event: usual service, new service, and the number avoided."""
    usual, new = (variant.data["events"].sel(option=option, drop=True) for option in (USUAL, NEW))
    return tuple(Estimate.of(draws, variant.mass) for draws in (usual, new, usual - new))  # type: ignore[return-value]


def net_saving(variant: Variant, horizon: int | None = None) -> Estimate:
    """Net saving of all payers, present value (EUR)."""
    return Estimate.of(decision.net_saving(variant.data, horizon=horizon), variant.mass)


def probability(variant: Variant, horizon: int | None = None, payer: str | None = None) -> float:
    """Probability that the service saves more than it costs."""
    return float(decision.probability_of_saving(variant.data, horizon=horizon, payer=payer))


def by_payer(variant: Variant) -> tuple[list[PayerRow], PayerRow]:
    """A row per payer, and the row of all payers together."""
    data = variant.data
    pick = [_present(data, name) for name in ("cost", "avoided", "avoided_average")]
    parts = [pick[0].sel(option=NEW) - pick[0].sel(option=USUAL), pick[1].sel(option=NEW), pick[2].sel(option=NEW)]
    parts = [part.drop_vars("option", errors="ignore") for part in parts]
    net = decision.by_payer(data)
    payers = [str(payer) for payer in data["payer"].values]
    rows = [_row(p, [part.sel(payer=p, drop=True) for part in (*parts, net)], variant.mass) for p in payers]
    return rows, _row("", [part.sum("payer") for part in (*parts, net)], variant.mass)


def _present(data: xr.Dataset, name: str) -> xr.DataArray:
    return (data[name] * data["discount"]).sum("year")


def _row(payer: str, parts: list[xr.DataArray], mass: float) -> PayerRow:
    return PayerRow(payer, *(Estimate.of(part, mass) for part in parts))


def running_total(variant: Variant) -> pd.DataFrame:
    """Cumulative net saving by year: columns year, in_year, mean, low, high (EUR)."""
    total = summarise(decision.cumulative(variant.data), variant.mass)
    table = pd.DataFrame({name: total[name].to_numpy() for name in ("mean", "low", "high")})
    table.insert(0, "year", total["year"].to_numpy().astype(int))
    table.insert(1, "in_year", np.diff(table["mean"], prepend=0.0))
    return table


def payback(variant: Variant) -> Payback:
    """The median payback year over draws; a draw that never gets there counts as later than all."""
    numbers = decision.payback_year(variant.data).to_numpy()
    reached = np.isfinite(numbers)
    first = int(variant.data["year"][0])
    middle = float(np.median(np.where(reached, numbers, np.inf)))
    number = int(np.ceil(middle)) if np.isfinite(middle) else None
    year = first + number - 1 if number else None
    return Payback(year, number, first + variant.years - 1, float(reached.mean()))


def outcomes(variant: Variant) -> pd.DataFrame:
    """Equally likely outcomes by horizon: columns horizon, value (EUR), DOTS rows a horizon."""
    shares = (np.arange(DOTS) + 0.5) / DOTS
    tables: Iterable[pd.DataFrame] = (
        pd.DataFrame({"horizon": h, "value": np.quantile(decision.net_saving(variant.data, horizon=h), shares)})
        for h in horizons(variant)
    )
    return pd.concat(tables, ignore_index=True)


def discount_rate(variant: Variant) -> float:
    """The yearly rate behind the discount factors; 0 when nothing is discounted."""
    factors = variant.data["discount"].to_numpy()
    return float(factors[0] / factors[1] - 1) if factors.size > 1 else 0.0
