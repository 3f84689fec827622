"""What a euro brings: per outcome, at which price it turns, and what comes back, to whom, for each euro put in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import numpy as np
import xarray as xr
from pydantic import Field, ValidationError

from costeff.checks import is_number
from costeff.decision.appraised import Basis, Payers, clients_of, extra, net_saving, pick, weights
from costeff.draws import NEW, USUAL
from costeff.errors import Problems, UsageError
from costeff.spec import Share, Spec, Text, validation_problems

PUBLIC = ("municipality", "county", "state", "kela")
_SOCIAL = "The social return cannot be told"
_AVOIDED = {"cashable": "avoided", "average": "avoided_average"}


class Verdict(StrEnum):
    """What the mean costs and the mean effect say together."""

    SAVES_AND_HELPS = "saves and helps"
    COSTS_AND_HELPS = "costs and helps"
    NO_EFFECT = "no effect"
    HARMS = "harms"


@dataclass(frozen=True)
class CostPerOutcome:
    """Net cost of one event avoided, as a ratio of means.

    Attributes
    ----------
    net_cost
        Mean net cost of the new option over the usual one, EUR; below 0 it saves.
    events_avoided
        Mean number of events avoided.
    ratio
        EUR per event avoided, only where the option helps; NaN otherwise. Where it also
        saves, the ratio is the saving (below 0) and ranks nothing: a smaller effect makes it larger.
    verdict
        The quadrant.
    """

    net_cost: float
    events_avoided: float
    ratio: float
    verdict: Verdict


# --- per outcome, and at what price it turns --------------------------------------------------------


def cost_per_outcome(
    ds: xr.Dataset,
    horizon: int | None = None,
    payer: Payers = None,
    discounted: bool = True,
    basis: Basis = "cashable",
) -> CostPerOutcome:
    """Mean net cost over the horizon against the mean number of events avoided; the arguments are those of `flows`.

    Both are means over draws before they are divided: a mean of ratios has no meaning where an effect may be 0.
    """
    saved = net_saving(ds, horizon, payer, discounted, basis)
    if "municipality" in ds.dims:
        _stop("municipality", "is a dim of the appraisal", "select one: a ratio of means is of one place")
    events = ds["events"]
    return price_of_outcome(saved.to_numpy(), (events.sel(option=USUAL) - events.sel(option=NEW)).to_numpy())


def price_of_outcome(saved: np.ndarray, avoided: np.ndarray) -> CostPerOutcome:
    """Mean net cost against the mean number of events avoided, of draws of net saving and of events avoided."""
    cost, events = 0.0 - float(saved.mean()), float(avoided.mean())
    if events > 0:
        verdict = Verdict.COSTS_AND_HELPS if cost > 0 else Verdict.SAVES_AND_HELPS
        return CostPerOutcome(cost, events, cost / events, verdict)
    return CostPerOutcome(cost, events, float("nan"), Verdict.HARMS if events < 0 else Verdict.NO_EFFECT)


def break_even_price(
    ds: xr.Dataset,
    horizon: int | None = None,
    payer: Payers = None,
    discounted: bool = True,
    basis: Basis = "cashable",
    probability: float = 0.8,
) -> xr.Dataset:
    """Price of the new service per client at which it pays for itself; the arguments are those of `flows`.

    The price is all that the payers asked about pay for one client over the horizon, in the money of
    the first year if discounted. It is set against the avoided cost and the cost of the usual service.

    Parameters
    ----------
    probability
        How surely the service is to save at the price `confident`.

    Returns
    -------
    Dataset without dims, EUR per client: `now`, the mean price in the appraisal; `expected`, at which the
    expected net saving is 0; `confident`, at which the service saves with the probability asked for.
    Below 0 it would not pay even if it were free.
    """
    if not is_number(probability) or not 0 < probability < 1:
        _stop("probability", f"{probability} is not between 0 and 1", "give a share such as 0.8")
    picked = pick(ds, horizon, payer, basis)
    clients = clients_of(ds)
    weight = weights(picked, discounted)
    price = (picked["cost"].sel(option=NEW, drop=True) * weight).sum(("payer", "year"), skipna=False) / clients
    saved = net_saving(ds, horizon, payer, discounted, basis) / clients
    draws, spare = (each.transpose("draw", ...).to_numpy() for each in (price, saved))
    found = prices_that_pay(draws, spare, probability)
    out = xr.Dataset({name: price.isel(draw=0, drop=True).copy(data=value) for name, value in found.items()})
    attrs = {**ds.attrs, "unit": "EUR/client", "probability": probability, "basis": basis}
    for values in out.values():
        values.attrs = {"unit": "EUR/client"}
    return out.assign_attrs({**attrs, "discounted": int(discounted)})


def prices_that_pay(price: np.ndarray, saved: np.ndarray, probability: float) -> dict[str, np.ndarray]:
    """As `break_even_price`, of draws (the first dim) of the price and of the net saving per client."""
    worth = saved + price
    confident = np.quantile(worth, 1 - probability, axis=0)
    return {"now": price.mean(axis=0), "expected": worth.mean(axis=0), "confident": confident}


# --- what comes back for a euro -------------------------------------------------------------------


def benefit_cost_ratio(
    ds: xr.Dataset,
    horizon: int | None = None,
    payer: Payers = None,
    discounted: bool = True,
    basis: Basis = "cashable",
) -> xr.Dataset:
    """Cost avoided for each euro that the new option costs more; the arguments are those of `flows`.

    Returns
    -------
    Dataset with, EUR over (draw[, municipality]), `benefit`, the cost avoided, and `cost`, what the new option itself
    costs the same payers more than the usual one; `ratio` of their means, NaN where the new option costs them nothing
    more and a ratio has no meaning; and `probability`, the share of draws in which the benefit exceeds the cost.
    """
    picked = pick(ds, horizon, payer, basis)
    weight = weights(picked, discounted)
    parts = {"benefit": picked[_AVOIDED[basis]].sel(option=NEW, drop=True), "cost": extra(picked)}
    sums = {name: (part * weight).sum(("payer", "year"), skipna=False) for name, part in parts.items()}
    attrs = {**ds.attrs, "unit": "EUR", "basis": basis, "discounted": int(discounted)}
    return _ratio(sums["benefit"], sums["cost"], "benefit", "cost").assign_attrs(attrs)


def fiscal_return(
    ds: xr.Dataset,
    horizon: int | None = None,
    payer: Payers = None,
    discounted: bool = True,
    basis: Basis = "cashable",
) -> xr.Dataset:
    """What the public purse gets back for each euro it puts in: `benefit_cost_ratio` of the public payers alone.

    Parameters
    ----------
    payer
        Those who count as the public purse; None: the municipality, the county, the state and Kela, as far as the
        appraisal has money of them. What clients and others pay or save is left out on both sides.
    """
    public = [name for name in PUBLIC if name in pick(ds, horizon, None, basis)["payer"].values]
    return benefit_cost_ratio(ds, horizon, public if payer is None else payer, discounted, basis)


class _Given(Spec):
    """What a notebook states in words of Python; what does not hold together is a mistake of the call."""

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise UsageError(_SOCIAL, validation_problems(error, type(self).__name__)) from error


class Claim(_Given):
    """A share that somebody has to answer for, with the reason and where it comes from."""

    share: Share
    reason: Text
    source: tuple[Text, ...] = ()


class Proxy(_Given):
    """What one avoided event is worth beyond the money avoided, EUR; counted once, in the first year."""

    euros: Annotated[float, Field(ge=0)]
    reason: Text
    source: tuple[Text, ...] = ()


class SocialReturn(_Given):
    """What a social return on investment takes off the change before it calls it its own.

    Attributes
    ----------
    deadweight
        Share that would have come about anyway. An appraisal is already net of its comparator, which is just that: a
        share above 0 is for what the comparator misses, and `beyond_comparator` has to say so.
    displacement
        Share that only moved a problem to somebody else.
    attribution
        Share that others brought about.
    drop_off
        Share of the benefit lost from each year to the next, for an effect that the appraisal does not let wane.
    value_of_event
        A financial proxy of what an avoided event means beyond money, if any.
    beyond_comparator
        That `deadweight` is on top of what the comparator takes off.
    """

    deadweight: Claim
    displacement: Claim
    attribution: Claim
    drop_off: Claim
    value_of_event: Proxy | None = None
    beyond_comparator: bool = False


def sroi(
    ds: xr.Dataset,
    given: SocialReturn,
    horizon: int | None = None,
    payer: Payers = None,
    discounted: bool = True,
    basis: Basis = "average",
) -> xr.Dataset:
    """Social return on investment: value of the change that is the service's own, for each euro put in.

    Each share is taken off what the one before it left, and only off a benefit: a loss stays whole.

    Parameters
    ----------
    given
        Deadweight, displacement, attribution and drop-off, each with its reason.
    horizon, payer, discounted, basis
        As in `flows`; the average price is the custom of the field, what no payer can stop paying included.

    Returns
    -------
    Dataset with, EUR over (draw[, municipality]), `value` and `investment`; `ratio` of their means, NaN where the new
    option costs nothing more; `probability` of a value above the investment; and `left` (step[, municipality]), the
    mean value as each share is taken off. The attrs hold what was given.

    Raises
    ------
    UsageError
        Where a share would be taken off twice: deadweight that the comparator already takes off, drop-off of an effect
        that wanes in the appraisal.

    References
    ----------
    Nicholls, Lawlor, Neitzert and Goodspeed (2012), A Guide to Social Return on Investment, stages 3 and 4.
    """
    _check_once(ds, given)
    picked = pick(ds, horizon, payer, basis, "events")
    weight = weights(picked, discounted)
    yearly = picked[_AVOIDED[basis]].sel(option=NEW, drop=True).sum("payer", skipna=False)
    if given.value_of_event:
        fewer = picked["events"].sel(option=USUAL, drop=True) - picked["events"].sel(option=NEW, drop=True)
        first = xr.DataArray(np.arange(yearly.sizes["year"]) == 0, dims="year", coords={"year": yearly["year"]})
        yearly = yearly + fewer * given.value_of_event.euros * first
    after = xr.DataArray(np.arange(yearly.sizes["year"]), dims="year", coords={"year": yearly["year"]})
    taken: dict[str, float | xr.DataArray] = {
        "deadweight": 1 - given.deadweight.share,
        "displacement": 1 - given.displacement.share,
        "attribution": 1 - given.attribution.share,
        "drop_off": (1 - given.drop_off.share) ** after,
    }
    left = {"gross": (yearly * weight).sum("year", skipna=False)}
    for step, share in taken.items():
        yearly = (yearly * share).where(yearly > 0, yearly)
        left[step] = (yearly * weight).sum("year", skipna=False)
    put_in = (extra(picked) * weight).sum(("payer", "year"), skipna=False)
    out = _ratio(left["drop_off"], put_in, "value", "investment")
    steps = xr.concat([each.mean("draw") for each in left.values()], "step").assign_coords(step=list(left))
    attrs = {**ds.attrs, "unit": "EUR", "basis": basis, "discounted": int(discounted)}
    return out.assign(left=steps.assign_attrs(unit="EUR")).assign_attrs(attrs, given=given.model_dump_json())


def _ratio(back: xr.DataArray, put_in: xr.DataArray, back_name: str, put_in_name: str) -> xr.Dataset:
    """Both sums, the ratio of their means where money is put in, and how probably more comes back."""
    mean = put_in.mean("draw")
    ratio = back.mean("draw") / mean.where(mean > 0)
    euros = {"unit": "EUR"}
    return xr.Dataset(
        {
            back_name: back.assign_attrs(euros),
            put_in_name: put_in.assign_attrs(euros),
            "ratio": ratio.assign_attrs(unit="EUR back for a EUR put in"),
            "probability": (back > put_in).mean("draw").assign_attrs(unit="probability"),
        }
    )


def _check_once(ds: xr.Dataset, given: SocialReturn) -> None:
    problems = Problems()
    if not isinstance(given, SocialReturn):
        problems.add("given", "is no SocialReturn", "give SocialReturn(deadweight=Claim(share=0.0, reason=...), ...)")
        problems.raise_if_any(UsageError, _SOCIAL)
    if given.deadweight.share > 0 and not given.beyond_comparator:
        rule = "is above 0, and the appraisal is already net of its comparator: it would be taken off twice"
        problems.add("deadweight", rule, "give 0, or say with beyond_comparator that it is what the comparator misses")
    if given.drop_off.share > 0 and ds.attrs.get("persistence") == "wanes":
        rule = "is above 0, and the effect wanes in the appraisal: it would be taken off twice"
        problems.add("drop_off", rule, "give 0, or appraise with an effect that lasts")
    problems.raise_if_any(UsageError, _SOCIAL)


def _stop(place: str, rule: str, cure: str) -> None:
    problems = Problems()
    problems.add(place, rule, cure)
    problems.raise_if_any(UsageError, "The appraisal cannot answer this")
