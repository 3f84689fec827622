"""Scenarios side by side: a sentence, a table and a figure of what one saves more than another, by payer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import xarray as xr

from costeff.decision import differences
from costeff.decision.appraised import ALL
from costeff.report.drawing import AxisTexts, Figure
from costeff.report.estimates import Estimate
from costeff.report.notebook import Result
from costeff.report.page_figures import interval_figure
from costeff.report.words import Words, money_step, nice_step
from costeff.spec import Language


def compare(
    appraisals: Mapping[str, xr.Dataset],
    reference: str | None = None,
    language: Language = "en",
    **asked: Any,
) -> Result:
    """Two or more appraisals of one service at one place, from the same draws, side by side.

    Parameters
    ----------
    appraisals
        By the name of the scenario, as it is to be read.
    reference
        The one that the others are compared with; the first unless said.
    asked
        `discounted`, `basis`, `mass`, as in `costeff.decision.differences`.

    Returns
    -------
    Result
        A sentence a scenario; the net saving and its difference by payer with their intervals; and the differences
        drawn. Euros are rounded to what the draws can tell.

    Raises
    ------
    UsageError
        For appraisals of other draws, places or services, with what differs.
    """
    words, found = Words(language), differences(appraisals, reference, **asked)
    rounded = _step(found)
    base = str(found.attrs["reference"])
    others = [str(name) for name in found["scenario"].values if name != base]
    sentence = " ".join(_sentence(words, found, name, rounded) for name in others)
    drawn = _figure(words, found, others, sentence, rounded)
    return Result(sentence, table_of(words, found), drawn.data_uri)


def table_of(words: Words, found: xr.Dataset) -> pd.DataFrame:
    """Net saving and its difference, a row for each payer and scenario; rounded as the draws can tell."""
    say, base = words.say, str(found.attrs["reference"])
    step, of_net = _step(found), net_step(found)
    rows = {}
    for payer in map(str, found["payer"].values):
        for name in map(str, found["scenario"].values):
            at = found.sel(payer=payer, scenario=name)
            nets = [words.euros(float(at[key]), of_net) for key in ("net", "net_low", "net_high")]
            more = [words.euros(float(at[f"difference{end}"]), step) for end in ("", "_low", "_high")]
            rows[payer_name(words, payer), name] = {
                say("Net saving, euros"): nets[0],
                say("Interval"): words.between(*nets[1:], negative=float(at["net_low"]) < 0),
                say("Probability of saving"): words.probability(float(at["probability"])),
                say("Difference, euros"): "" if name == base else more[0],
                say("Interval of the difference"): ""
                if name == base
                else words.between(*more[1:], negative=float(at["difference_low"]) < 0),
            }
    index = pd.MultiIndex.from_tuples(rows, names=[say("Payer"), say("Scenario")])
    return pd.DataFrame(list(rows.values()), index=index)


def payer_name(words: Words, payer: str) -> str:
    """A payer as a row of a table has it."""
    name = words.say("All payers") if payer == ALL else words.payer(payer)
    return name[:1].upper() + name[1:]


def difference_of(found: xr.Dataset, scenario: str, payer: str = ALL) -> Estimate:
    """How much more a scenario saves than the reference."""
    at = found.sel(scenario=scenario, payer=payer)
    return Estimate(*(float(at[name]) for name in ("difference", "difference_low", "difference_high", "error")))


def _step(found: xr.Dataset) -> float:
    """One rounding for a comparison: three digits of the largest difference, and no finer than the draws."""
    return max(money_step(found["difference"].to_numpy().ravel()), nice_step(2 * float(found["error"].max())))


def net_step(found: xr.Dataset) -> float:
    """One rounding for the net savings of a comparison."""
    return max(money_step(found["net"].to_numpy().ravel()), nice_step(2 * float(found["net_error"].max())))


def _sentence(words: Words, found: xr.Dataset, scenario: str, step: float) -> str:
    """How much more a scenario saves, in all and by payer."""
    say, more, base = words.say, difference_of(found, scenario), str(found.attrs["reference"])
    values = {
        "scenario": scenario,
        "reference": base,
        "amount": words.money(abs(more.mean), step),
        "interval": interval_in_words(words, more, step, float(found.attrs["mass"])),
        "chance": words.chance(float(found["more"].sel(scenario=scenario, payer=ALL))),
    }
    if more.even:
        told = say("{scenario}: the net saving is about that of “{reference}” ({interval}).", **values)
    elif more.mean > 0:
        told = say(
            "{scenario}: the net saving is {amount} larger than in “{reference}” ({interval}); it is larger {chance}.",
            **values,
        )
    else:
        told = say(
            "{scenario}: the net saving is {amount} smaller than in “{reference}” ({interval}); it is larger {chance}.",
            **values,
        )
    payers = [str(name) for name in found["payer"].values if name != ALL]
    if len(payers) < 2:
        return told
    by_payer = (f"{words.payer(name)} {_plus(words, difference_of(found, scenario, name), step)}" for name in payers)
    return f"{told} {say('By payer: {payers}.', payers=words.listed(by_payer))}"


def _plus(words: Words, estimate: Estimate, step: float) -> str:
    """An amount with its sign, also where that is a plus."""
    sign = "+" if estimate.mean >= step / 2 else ""
    return sign + words.money(estimate.mean, step)


def interval_in_words(words: Words, estimate: Estimate, step: float, mass: float) -> str:
    """Both ends of an interval of euros, with the probability it holds."""
    write = words.money if words.language == "en" else words.euros
    ends = words.between(write(estimate.low, step), words.money(estimate.high, step), negative=estimate.low < 0)
    return words.say("{mass}% interval {range}", mass=words.number(mass * 100), range=ends)


def _figure(words: Words, found: xr.Dataset, scenarios: list[str], alt: str, step: float) -> Figure:
    """The differences of all scenarios, by payer and in all."""
    rows = []
    for scenario in scenarios:
        for payer in map(str, found["payer"].values):
            more = difference_of(found, scenario, payer)
            name = payer_name(words, payer) if len(scenarios) == 1 else f"{scenario}: {payer_name(words, payer)}"
            ends = min(more.low, more.mean), max(more.high, more.mean)
            rows.append((name, more.mean, *ends, "all" if payer == ALL else "one"))
    table = pd.DataFrame(rows, columns=["row", "mean", "low", "high", "kind"])
    sides = (words.say("saves less"), words.say("saves more"))
    return interval_figure(table, AxisTexts(words.say("Difference, euros"), "", alt, words.euros, sides))
