"""A draft of a partnership agreement's numeric part: frames, quantities and targets of change, with intervals."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import xarray as xr

from costeff.agreement import Budget
from costeff.checks import is_number
from costeff.errors import Problem, UsageError
from costeff.funding.allocation import MODELS
from costeff.funding.steering import is_steered
from costeff.funding.worlds import TITLE
from costeff.spec import LANGUAGES, Label

# What is written into an agreement: measure -> label, kind, unit, and whether its target is a floor or a ceiling.
INDICATORS: dict[str, tuple[Label, str, str, str]] = {
    "allocated": (Label(fi="Määräraha", sv="Anslag", en="Allocation"), "money", "EUR", "ceiling"),
    "spend": (Label(fi="Käyttö", sv="Användning", en="Spending"), "money", "EUR", "ceiling"),
    "clients": (Label(fi="Palvellut asiakkaat", sv="Betjänade klienter", en="Clients served"),
                "quantity", "clients", "floor"),
    "waiting": (Label(fi="Jonossa vuoden lopussa", sv="I kö vid årets slut", en="Waiting at the end of the year"),
                "quantity", "clients", "ceiling"),
    "outcomes": (Label(fi="Vaikutus", sv="Effekt", en="Outcome"), "effect", "outcomes", "floor"),
    "saving": (Label(fi="Vältetty kustannus", sv="Undviken kostnad", en="Avoided cost"), "money", "EUR", "floor"),
}  # fmt: skip
FRAME = Label(fi="Kehys", sv="Ram", en="Frame")
ALL = Label(fi="Kaikki palvelut", sv="Alla tjänster", en="All services")


def partnership_numbers(
    steered: xr.Dataset, budget: Budget, model: str = "lump_sum", *, mass: float = 0.9, reached: float = 0.8
) -> pd.DataFrame:
    """The numbers that an agreement between an organiser and its partners would hold, year by year.

    Parameters
    ----------
    steered
        From `steer` of the same budget.
    mass
        Probability of the interval.
    reached
        The probability with which a target is kept: a floor (clients, outcomes, avoided cost) is exceeded, and a
        ceiling (money, queue) is not, with this probability, each by itself.

    Returns
    -------
    DataFrame with a row for each year, service and indicator, and for the frame of each year (service empty):
    year, calendar_year, service, indicator, kind (money, quantity, effect), unit, mean, low, high, target, bound
    (floor, ceiling), `agreed` (the impact target of the budget, missing where there is none), `p_agreed` (the
    probability that it is reached), and `service_fi`, `_sv`, `_en`, `indicator_fi`, `_sv`, `_en`

    Raises
    ------
    UsageError
        A funding model that does not exist, probabilities outside 0 to 1, results of another budget.
    """
    _check(steered, budget, model, mass, reached)
    chosen = steered.sel(model=model)
    rows = [row for year in chosen["year"].values for row in _rows(chosen.sel(year=year), budget, mass, reached)]
    return pd.DataFrame(rows)


def _rows(of: xr.Dataset, budget: Budget, mass: float, reached: float) -> Iterator[dict[str, object]]:
    year = int(of["year"])
    when = {"year": year, "calendar_year": budget.first_year + year - 1}
    frame = {"indicator": "frame", "kind": "money", "unit": "EUR"}
    told = _told(of["frame"], "ceiling", mass, reached) | _agreed(of["frame"], None)
    yield {**when, "service": "", **frame, **told, **_labels(ALL, FRAME)}
    for name, service in budget.services.items():
        for measure, (label, kind, unit, bound) in INDICATORS.items():
            shown = service.outcome if measure == "outcomes" else label
            indicator = {"indicator": measure, "kind": kind, "unit": unit}
            values = of[measure].sel(service=name)
            agreed = _agreed(values, service.target if measure == "outcomes" else None)
            told = _told(values, bound, mass, reached) | agreed
            yield {**when, "service": name, **indicator, **told, **_labels(service.label, shown)}


def _told(values: xr.DataArray, bound: str, mass: float, reached: float) -> dict[str, object]:
    at = 1 - reached if bound == "floor" else reached
    low, high, target = np.quantile(values.to_numpy(), [(1 - mass) / 2, (1 + mass) / 2, at])
    return {"mean": float(values.mean()), "low": low, "high": high, "target": target, "bound": bound}


def _agreed(values: xr.DataArray, target: float | None) -> dict[str, object]:
    if target is None:
        return {"agreed": np.nan, "p_agreed": np.nan}
    return {"agreed": target, "p_agreed": float((values >= target).mean())}


def _labels(service: Label, indicator: Label) -> dict[str, object]:
    return {
        f"{name}_{language}": label[language]
        for name, label in (("service", service), ("indicator", indicator))
        for language in LANGUAGES
    }


def _check(steered: xr.Dataset, budget: Budget, model: str, mass: float, reached: float) -> None:
    problems = []
    if model not in MODELS:
        problems.append(Problem(f"model {model}", "is not a funding model", f"known: {', '.join(MODELS)}"))
    for name, value in (("mass", mass), ("reached", reached)):
        if not (is_number(value) and 0 < value < 1):
            problems.append(Problem(f"{name} {value}", "is not between 0 and 1", "give a probability, such as 0.8"))
    if not is_steered(steered):
        problems.append(Problem("steered", "is no result of `steer`", "give what steer returned"))
    elif steered.attrs["budget"] != budget.id or list(steered["service"].values) != list(budget.services):
        problems.append(Problem("steered", f"is not of the budget {budget.id}", "steer the same budget first"))
    if problems:
        raise UsageError(TITLE, problems)
