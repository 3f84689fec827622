"""How far the answer is from turning, and what knowledge, a contract and a correction of funding make of it.

Numbers only: each is told in words by the section that asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np
import xarray as xr

from costeff import decision
from costeff.decision.information import FEWEST_DRAWS
from costeff.draws import NEW, OPTIONS, USUAL, rng
from costeff.report.appraisals import Variant
from costeff.report.estimates import Estimate, money_draws, net_draws

COURSES = 10  # possible courses of a contract that are drawn for each draw of the model
DOING, AVOIDED, BOTH_WAYS = "doing", "avoided", "both_ways"


@dataclass(frozen=True)
class TurningEffect:
    """Events avoided now, and how many would have to be for savings to equal costs.

    Attributes
    ----------
    needed
        NaN where the draws do not show that an avoided event saves anything.
    likely
        Probability that at least so many are avoided.
    """

    now: Estimate
    usual: float
    needed: float
    likely: float


@dataclass(frozen=True)
class TurningShare:
    """The share of the avoided cost at average price that can be stopped now, and the one at which costs are covered.

    `needed` is NaN where no cost is avoided at average price.
    """

    now: Estimate
    needed: float


@dataclass(frozen=True)
class Knowledge:
    """What it is worth to know for certain before the service is chosen (EUR): everything, and the effect alone.

    `effect` is None where it cannot be told, or where everything is worth nothing.
    """

    everything: Estimate
    effect: Estimate | None


@dataclass(frozen=True)
class Payment:
    """What a contract pays over all clients (EUR).

    Attributes
    ----------
    price
        Per client where doing is paid for, per event avoided otherwise.
    works, nothing
        What is paid when the service works as estimated, and when it does nothing.
    chance
        Probability that something is paid when it does nothing.
    """

    price: float
    works: Estimate
    nothing: Estimate
    chance: float


def turning_effect(variant: Variant) -> TurningEffect:
    """How many events the service would have to avoid for the money to come back, all else as it is.

    An event more or less is taken to be worth what an avoided event saves over the draws: the slope through the origin
    of what can be stopped on the events avoided. It has a meaning also where no event is avoided on average.
    """
    usual, new = (variant.data["events"].sel(option=option).to_numpy().astype(float) for option in (USUAL, NEW))
    avoided, stopped = usual - new, money_draws(variant).present["avoided"].sum(axis=1)
    needed, square = float("nan"), float(avoided @ avoided)
    if square > 0:
        each = float(avoided @ stopped) / square
        error = float(np.square(avoided * (stopped - each * avoided)).sum()) ** 0.5 / square
        if each > 2 * error:
            needed = max(0.0, float(avoided.mean() - net_draws(variant).mean() / each))
    likely = float((avoided >= needed).mean())
    return TurningEffect(Estimate.of(avoided, variant.mass), float(usual.mean()), needed, likely)


def turning_share(variant: Variant) -> TurningShare:
    """Which share of the avoided cost at average price would have to stop for the money to come back."""
    extra, stopped, average = _sums(variant)
    now = _share(stopped, average, variant.mass)
    needed = float(extra.mean() / average.mean()) if _positive(average, variant.mass) else float("nan")
    return TurningShare(now, needed)


def stopped_share(variant: Variant, horizon: int) -> Estimate | None:
    """The share of the avoided cost at average price that can be stopped by a horizon; None where none is avoided."""
    stopped, average = (running[:, horizon - 1] for running in _running(variant))
    return _share(stopped, average, variant.mass) if _positive(average, variant.mass) else None


def _sums(variant: Variant) -> list[np.ndarray]:
    present = money_draws(variant).present
    return [present[name].sum(axis=1) for name in ("extra", "avoided", "avoided_average")]


@lru_cache(maxsize=32)
def _running(variant: Variant) -> tuple[np.ndarray, np.ndarray]:
    """What can be stopped of the avoided cost, and all of it, from the first year on (draw, year), present value."""
    weights = variant.data["discount"].to_numpy()
    flows = (variant.data[name].sel(option=NEW).sum("payer") for name in ("avoided", "avoided_average"))
    stopped, average = (np.cumsum(flow.transpose("draw", "year").to_numpy() * weights, axis=1) for flow in flows)
    return stopped, average


def _positive(draws: np.ndarray, mass: float) -> bool:
    found = Estimate.of(draws, mass)
    return found.mean > 0 and not found.even


def _share(part: np.ndarray, whole: np.ndarray, mass: float) -> Estimate:
    """A ratio of means; in its interval a draw counts by the size of the whole, of nearly nothing being no share."""
    some = whole != 0
    if not some.any():
        return Estimate(0.0, 0.0, 0.0)
    spread = Estimate.of_weighted(part[some] / whole[some], mass, np.abs(whole[some]))
    return Estimate(float(part.mean() / whole.mean()), spread.low, spread.high, spread.error)


def places_freed(variant: Variant) -> Estimate | None:
    """Places that are no longer needed once new clients have started every year of the horizon.

    In its last year, each of those years' clients avoid the time of one year of their own course, so that together
    they avoid in a year what one year's clients avoid over the horizon. None where less time is not certain on average.
    """
    if "time_avoided" not in variant.data:
        return None
    freed = variant.data["time_avoided"].sum("year").to_numpy()
    return Estimate.of(freed, variant.mass) if _positive(freed, variant.mass) else None


@lru_cache(maxsize=32)
def knowledge(variant: Variant) -> Knowledge:
    """The value of perfect information on everything, and on the effect alone, at the choice between both services.

    All payers are counted, over the whole horizon, and money alone: of a choice that saves on average, what is lost
    where it turns out to cost, and the other way round.
    """
    saved = net_draws(variant)
    chosen = saved if saved.mean() > 0 else np.zeros_like(saved)
    everything = Estimate.of(np.maximum(saved, 0.0) - chosen, variant.mass)
    return Knowledge(everything, None if everything.even else _of_effect(variant, saved))


def _of_effect(variant: Variant, saved: np.ndarray) -> Estimate | None:
    usual, new = (variant.data["events"].sel(option=option).to_numpy().astype(float) for option in (USUAL, NEW))
    if saved.size < FEWEST_DRAWS or np.ptp(usual - new) == 0 or np.ptp(saved) == 0:
        return None
    cost = xr.DataArray(np.stack([np.zeros_like(saved), -saved], 1), dims=("draw", "option"))
    cost = cost.assign_coords(draw=np.arange(saved.size), option=list(OPTIONS))
    effect = xr.Dataset({"effect": ("draw", usual - new)}, coords={"draw": cost["draw"]})
    found = decision.evppi(cost, xr.zeros_like(cost), effect, 0.0)
    value, error = (float(found[name].item()) for name in ("fitted", "error"))
    return Estimate(value, value, value, error) if bool(found["trusted"].all()) else None


@lru_cache(maxsize=32)
def contract_payments(variant: Variant) -> dict[str, Payment]:
    """What contracts pay that cost alike when the service works as estimated: the extra cost of the service.

    Events are counted among the clients and in a comparison group of as many, with the chance of both. Paid for are
    what is done (`doing`), events fewer than in the comparison group (`avoided`), and the same with events that are
    more paid back (`both_ways`), where the estimate can be told from no effect. Empty where the service costs nothing
    more, or avoids no event on average.
    """
    extra, *_ = _sums(variant)
    events = variant.data["events"].sel(option=list(OPTIONS)).transpose("draw", "option").to_numpy().astype(float)
    risk = (events / variant.clients).clip(0, 1)
    effect = Estimate.of(variant.clients * (risk[:, 0] - risk[:, 1]), variant.mass)
    if effect.mean <= 0 or not _positive(extra, variant.mass):
        return {}
    luck, total = rng(int(variant.attr("seed")), "contract", "page"), float(extra.mean())
    usual, new = np.repeat(risk, COURSES, axis=0).T
    compared, with_service, without = (luck.binomial(variant.clients, each) for each in (usual, new, usual))
    works, nothing = (compared - each for each in (with_service, without))
    chance = float((nothing > 0).mean())
    price = total / float(works.clip(0).mean())
    fewer = [Estimate.of(price * each.clip(0), variant.mass) for each in (works, nothing)]
    paid = {
        DOING: Payment(total / variant.clients, _sure(total), _sure(total), 1.0),
        AVOIDED: Payment(price, replace(fewer[0], mean=total, error=0.0), fewer[1], chance),
    }
    if not effect.even:
        price = total / effect.mean
        swing = [Estimate.of(price * each, variant.mass) for each in (works, nothing)]
        # The means are known without any chance.
        known = [replace(each, mean=mean, error=0.0) for each, mean in zip(swing, (total, 0.0), strict=True)]
        paid[BOTH_WAYS] = Payment(price, known[0], known[1], chance)
    return paid


def _sure(value: float) -> Estimate:
    return Estimate(value, value, value)


def corrected(variant: Variant, rule: Any) -> tuple[Estimate, Estimate] | None:
    """Net saving of the payer whose funding is corrected afterwards, before and after the correction (EUR).

    What the payer saves in a year passes on by the share of the law, so many years later; what would pass on after
    the last year is not seen. None where the correction is counted already, or has nobody or no time to reach.
    """
    money = money_draws(variant)
    if int(variant.attr("claw_back")) or rule.payer not in money.payers or variant.years <= rule.lag_years:
        return None
    total, weights = money.total[rule.payer], variant.data["discount"].to_numpy()
    saved = np.diff(total, prepend=0.0, axis=1) / weights
    shares = np.array([rule.share(date(int(year), 1, 1)) for year in variant.data["year"].values])
    lag = rule.lag_years
    moved = saved[:, : variant.years - lag] @ (shares * weights)[lag:]
    return Estimate.of(total[:, -1], variant.mass), Estimate.of(total[:, -1] - moved, variant.mass)
