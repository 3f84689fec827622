"""From draws to the few numbers a page tells: means, intervals, probabilities, years."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
import xarray as xr

from costeff import decision
from costeff.decision import timing
from costeff.draws import NEW, USUAL
from costeff.report.appraisals import Variant

HORIZONS = (1, 3, 5, 10)  # when the appraisal names none
SURE = 0.8  # the probability of saving that a second break-even price is told for
DOTS = 20


@dataclass(frozen=True)
class Estimate:
    """A mean with the central interval of the page's probability mass."""

    mean: float
    low: float
    high: float
    error: float = 0.0  # Monte Carlo standard error of the mean

    @classmethod
    def of(cls, draws: xr.DataArray | np.ndarray, mass: float) -> Estimate:
        """Of one number per draw."""
        values = np.asarray(draws)
        low, high = np.quantile(values, [(1 - mass) / 2, (1 + mass) / 2])
        error = float(values.std(ddof=1)) / values.size**0.5 if values.size > 1 else 0.0
        return cls(float(values.mean()), float(low), float(high), error)

    @classmethod
    def of_weighted(cls, draws: xr.DataArray | np.ndarray, mass: float, weights: xr.DataArray | np.ndarray) -> Estimate:
        """Of one number per draw, some draws counting more than others."""
        values, shares = np.asarray(draws), np.asarray(weights / weights.sum())
        tails = [(1 - mass) / 2, (1 + mass) / 2]
        low, high = np.quantile(values, tails, weights=shares, method="inverted_cdf")
        mean = float(values @ shares)
        error = float((shares @ (values - mean) ** 2 * (shares**2).sum()) ** 0.5)
        return cls(mean, float(low), float(high), error)

    @property
    def mixed(self) -> bool:
        """Whether the interval has both signs."""
        return self.low < 0 < self.high

    @property
    def even(self) -> bool:
        """Whether the draws are too few to tell the sign of the mean."""
        return abs(self.mean) <= 2 * self.error

    @property
    def turned(self) -> Estimate:
        """A saving as a cost, or the other way round."""
        return Estimate(-self.mean, -self.high, -self.low, self.error)

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

    now: Estimate
    on_average: float
    when_sure: float


@dataclass(frozen=True)
class PerOutcome:
    """What an avoided event costs (EUR): the service's extra cost, and what is left of it after savings."""

    verdict: decision.Verdict
    extra_per_client: Estimate
    service: float
    saved: float  # of the avoided cost, what can be stopped
    net: float
    helps: float  # probability that any event is avoided

    @property
    def priced(self) -> bool:
        """Whether a price per avoided event has a meaning."""
        return self.verdict in (decision.Verdict.SAVES_AND_HELPS, decision.Verdict.COSTS_AND_HELPS)


def horizons(variant: Variant) -> list[int]:
    """The horizons the appraisal is long enough for, its own length always among them."""
    asked = [int(horizon) for horizon in variant.listed("horizons")] or HORIZONS
    return sorted({h for h in asked if h < variant.years} | {variant.years})


def events(variant: Variant) -> tuple[Estimate, Estimate, Estimate]:
    """Clients with the event: usual service, new service, and the number avoided."""
    usual, new = (variant.data["events"].sel(option=option, drop=True) for option in (USUAL, NEW))
    return tuple(Estimate.of(draws, variant.mass) for draws in (usual, new, usual - new))  # type: ignore[return-value]


def by_evidence(variant: Variant) -> dict[str, tuple[Estimate, Estimate]]:
    """Events avoided and the relative effect, by what is counted: research (`prior`), the data `alone`, `both`.

    Empty where no research is in the estimate; without `alone` where too few draws speak for the data. A ratio is
    told as its geometric mean.
    """
    data, mass = variant.data, variant.mass
    if "ratio_prior" not in data:
        return {}
    usual, new = (data["events"].sel(option=option, drop=True) for option in (USUAL, NEW))
    avoided, weights = usual - new, data["weight_alone"]
    found = {"prior": (Estimate.of(usual - data["events_prior"], mass), _ratio(data["ratio_prior"], mass))}
    if np.isfinite(weights.to_numpy()).all():
        found["alone"] = (Estimate.of_weighted(avoided, mass, weights), _ratio(data["ratio"], mass, weights))
    return found | {"both": (Estimate.of(avoided, mass), _ratio(data["ratio"], mass))}


def _ratio(ratio: xr.DataArray, mass: float, weights: xr.DataArray | None = None) -> Estimate:
    logs = ratio.copy(data=np.log(ratio.to_numpy()))
    told = Estimate.of(logs, mass) if weights is None else Estimate.of_weighted(logs, mass, weights)
    return Estimate(*np.exp(told.ends).tolist())


@dataclass(frozen=True)
class Money:
    """Draws of a variant's money, as plain numbers: worked out once, and told many times (EUR).

    Attributes
    ----------
    total
        Net saving from the first year on (draw, year), by payer; None: all payers.
    present
        Present value over all years (draw, payer), by name: `extra` of the service, `price` of the new option,
        `avoided`, `avoided_average`, `avoided_linked`.
    """

    payers: tuple[str, ...]
    total: dict[str | None, np.ndarray]
    present: dict[str, np.ndarray]


@lru_cache(maxsize=32)
def money_draws(variant: Variant) -> Money:
    """The money of a variant by draw, worked out once."""
    data, names = variant.data, ("cost", "avoided", "avoided_average", "avoided_linked")
    weights, payers = data["discount"].to_numpy(), tuple(map(str, data["payer"].values))
    usual, new = (list(data["option"].values).index(option) for option in (USUAL, NEW))
    money = {name: data[name].transpose("option", "draw", "payer", "year").to_numpy() for name in names}
    saved = (money["avoided"][new] - (money["cost"][new] - money["cost"][usual])) * weights
    by_payer = zip(payers, timing.running(saved).swapaxes(0, 1), strict=True)
    totals: dict[str | None, np.ndarray] = {None: timing.running(saved.sum(axis=1)), **dict(by_payer)}
    values = {name: flow @ weights for name, flow in money.items()}
    present = {name: value[new] for name, value in values.items()}
    present |= {"price": values["cost"][new], "extra": values["cost"][new] - values["cost"][usual]}
    return Money(payers, totals, present)


def net_draws(variant: Variant, horizon: int | None = None, payer: str | None = None) -> np.ndarray:
    """Net saving by draw, present value (EUR)."""
    column: np.ndarray = money_draws(variant).total[payer][:, (horizon or variant.years) - 1]
    return column


def net_by_year(variant: Variant, payer: str | None = None) -> list[Estimate]:
    """Savings less costs of each year, present value (EUR), of one payer or of all."""
    running = money_draws(variant).total[payer]
    return [Estimate.of(draws, variant.mass) for draws in np.diff(running, axis=1, prepend=0.0).T]


@lru_cache(maxsize=256)
def net_saving(variant: Variant, horizon: int | None = None) -> Estimate:
    """Net saving of all payers, present value (EUR)."""
    return Estimate.of(net_draws(variant, horizon), variant.mass)


def probability(variant: Variant, horizon: int | None = None, payer: str | None = None) -> float:
    """Probability that the service saves more than it costs."""
    return float((net_draws(variant, horizon, payer) > 0).mean())


def by_payer(variant: Variant) -> tuple[list[PayerRow], PayerRow]:
    """A row per payer, and the row of all payers together."""
    money = money_draws(variant)
    parts = [money.present[name] for name in ("extra", "avoided", "avoided_average")]
    rows = [
        _row(payer, [*(part[:, place] for part in parts), net_draws(variant, None, payer)], variant.mass)
        for place, payer in enumerate(money.payers)
    ]
    together = [*(part.sum(axis=1) for part in parts), net_draws(variant, None)]
    return rows, _row("", together, variant.mass)


def linked(variant: Variant) -> Estimate:
    """What the links add to the avoided cost that can be stopped: all payers, present value (EUR)."""
    return Estimate.of(money_draws(variant).present["avoided_linked"].sum(axis=1), variant.mass)


def _row(payer: str, parts: list[np.ndarray], mass: float) -> PayerRow:
    return PayerRow(payer, *(Estimate.of(part, mass) for part in parts))


@lru_cache(maxsize=32)
def prices(variant: Variant) -> Prices:
    """The present price per client and those at which the service pays its way."""
    now = money_draws(variant).present["price"].sum(axis=1) / variant.clients
    found = decision.prices_that_pay(now, net_draws(variant, None) / variant.clients, SURE)
    return Prices(Estimate.of(now, variant.mass), float(found["expected"]), float(found["confident"]))


@lru_cache(maxsize=32)
def per_outcome(variant: Variant) -> PerOutcome:
    """The price of a change beside the price of a client."""
    usual, new = (variant.data["events"].sel(option=option).to_numpy() for option in (USUAL, NEW))
    found = decision.price_of_outcome(net_draws(variant, None), usual - new)
    extra = money_draws(variant).present["extra"].sum(axis=1)
    service = float(extra.mean()) / found.events_avoided if found.events_avoided > 0 else float("nan")
    each = Estimate.of(extra / variant.clients, variant.mass)
    helps = float((usual > new).mean())
    return PerOutcome(found.verdict, each, service, service - found.ratio, found.ratio, helps)


def running_total(variant: Variant) -> pd.DataFrame:
    """Cumulative net saving by year: columns year, in_year, mean, low, high, error (EUR)."""
    columns = [Estimate.of(draws, variant.mass) for draws in money_draws(variant).total[None].T]
    table = pd.DataFrame([(*e.ends, e.error) for e in columns], columns=["mean", "low", "high", "error"])
    table.insert(0, "year", variant.data["year"].to_numpy().astype(int))
    table.insert(1, "in_year", np.diff(table["mean"], prepend=0.0))
    return table


@lru_cache(maxsize=32)
def payback(variant: Variant) -> Payback:
    """The median payback year over draws; a draw that never gets there counts as later than all."""
    numbers = timing.paid_back(xr.DataArray(money_draws(variant).total[None], dims=("draw", "year"))).to_numpy()
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
        pd.DataFrame({"horizon": h, "value": np.quantile(net_draws(variant, h), shares)}) for h in horizons(variant)
    )
    return pd.concat(tables, ignore_index=True)


def discount_rate(variant: Variant) -> float:
    """The yearly rate behind the discount factors; 0 when nothing is discounted."""
    factors = variant.data["discount"].to_numpy()
    return float(factors[0] / factors[1] - 1) if factors.size > 1 else 0.0
