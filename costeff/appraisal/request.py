"""What an appraisal is asked, and whether the chains can be appraised at all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import Field

from costeff.appraisal.evidence import MEASURE_OF, check_evidence
from costeff.avoided_cost import MODELS as AVOIDED_COST_MODELS
from costeff.avoided_cost import AvoidedCostModel, Domain, Persistence
from costeff.chain import ImpactChain
from costeff.errors import ParamsError, Problems
from costeff.outcomes import MODELS as OUTCOME_MODELS
from costeff.outcomes.priors import check_priors
from costeff.params import Catalogue
from costeff.params.entries import Uncertain, is_positive, is_share
from costeff.params.links import Link
from costeff.spec import Id, Spec, Year

BASELINE = ("baseline_probability", "baseline_window_years")  # of a relative effect, from transitions
LATER = "later_risk_ratio"
REGISTER = "register"  # in the place of a unit cost: what the service costs is estimated from the data
DATA = (REGISTER, "rossi")
LINKABLE = ("odds ratio", "hazard ratio", "risk difference")  # what a link can carry on


class Request(Spec):
    """What an appraisal is asked: nothing here changes the catalogue."""

    draws: int = Field(ge=1)
    seed: int = Field(ge=0)
    clients: int = Field(ge=1)
    horizon_years: Annotated[int, Field(ge=1, le=60)] | None = None  # None: the chain's own
    price_set: Id | None = None  # None: the chain's own
    price_year: Year | None = None  # None: every price in its own price year
    persistence: Persistence | None = None  # of the effect after the follow-up; None: the chain's own
    links: tuple[Id, ...] | None = None  # None: those whose evidence is an effect
    claw_back: bool = False  # whether a county's funding takes back part of what it saves
    whole_units: bool = False  # whether what does not stop at once stops only in whole units

    @staticmethod
    def of(catalogue: Catalogue, **changes: Any) -> Request:
        """The conventions of the catalogue, with changes."""
        settings = catalogue.conventions
        return Request(**{"draws": settings.draws, "seed": settings.seed, "clients": settings.clients, **changes})


def check_chains(catalogue: Catalogue) -> Problems:
    """Whether every chain names models that exist and the parameters they need."""
    problems = Problems()
    for chain in catalogue.chains.values():
        place = f"chains {chain.id}"
        if chain.outcome.model not in MEASURE_OF:
            what = "a model of a chain's outcome" if chain.outcome.model in OUTCOME_MODELS else "a model"
            rule = f"{chain.outcome.model} is not {what}"
            problems.add(f"{place}.outcome.model", rule, f"known: {', '.join(MEASURE_OF)}")
        _check_data(problems, chain)
        model = AVOIDED_COST_MODELS.get(chain.impact.model)
        if model is None:
            known = ", ".join(AVOIDED_COST_MODELS)
            problems.add(f"{place}.impact.model", f"{chain.impact.model} is not a model", f"known: {known}")
            continue
        needed = (*model.parameters, LATER, *(BASELINE if chain.outcome.transfer == "hazard_ratio" else ()))
        for name in needed:
            if name not in catalogue.transitions.get(model.id, {}):
                problems.add(
                    f"transitions/{model.id}.yaml", f"has no {name}, which {chain.id} needs", "add it with a source"
                )
        prices = catalogue.price_sets.get(chain.impact.price_set)
        for item in model.items if prices else ():
            if prices and item not in prices.of(model.id):
                problems.add(
                    f"price_sets.yaml {prices.id}.prices.{model.id}",
                    f"has no price for {item}, which {chain.id} needs",
                    "add a sourced price, or the reason in not_counted",
                )
        check_evidence(problems, chain, catalogue)
    check_priors(problems, catalogue.priors, OUTCOME_MODELS)
    for link in catalogue.links.values():
        check_link(problems, link, catalogue)
    for model in AVOIDED_COST_MODELS.values():
        check_model(problems, model, catalogue)
    return problems


def _check_data(problems: Problems, chain: ImpactChain) -> None:
    """Whether the chain's data, model and way of carrying the effect over go together."""
    place, outcome = f"chains {chain.id}.outcome", chain.outcome
    measure = MEASURE_OF.get(outcome.model)
    if outcome.data not in DATA:
        problems.add(f"{place}.data", f"{outcome.data} is not data at hand", f"known: {', '.join(DATA)}")
    elif outcome.transfer == "risk" and outcome.data != REGISTER:
        rule = f"risk is that of municipalities, and {outcome.data} has none"
        problems.add(f"{place}.transfer", rule, "use transfer hazard_ratio")
    if outcome.transfer == "hazard_ratio" and measure not in (None, "hazard ratio"):
        rule = f"hazard_ratio cannot carry the {measure} of {outcome.model}"
        problems.add(f"{place}.transfer", rule, "use the model time_to_event or weibull, or transfer risk")


def check_model(problems: Problems, model: AvoidedCostModel, catalogue: Catalogue) -> None:
    """Whether no draw of a model's numbers can leave its domain, and its prices are of states it has."""
    fits = {
        Domain.PROBABILITY: is_share,
        Domain.DURATION: is_positive,
        Domain.RATE: _not_below,
        Domain.RATIO: _not_below,
    }
    for name, domain in model.domains.items():
        value = catalogue.transitions.get(model.id, {}).get(name)
        if value is not None and not fits[domain](value):
            rule = f"family {value.family} can leave what a {domain.value} may be"
            cure = (
                "use beta or uniform within 0 to 1" if domain is Domain.PROBABILITY else "use gamma, lognormal or fixed"
            )
            problems.add(f"transitions/{model.id}.yaml {name}", rule, cure)
    for prices in catalogue.price_sets.values():
        for state in prices.of(model.id):
            if state not in model.items:
                place = f"price_sets.yaml {prices.id}.prices.{model.id}.{state}"
                problems.add(place, f"is not priced by {model.id}", f"it prices {', '.join(model.items)}")


def _not_below(value: Uncertain) -> bool:
    """Whether no draw is below 0."""
    return is_positive(value) or (value.family in ("fixed", "uniform", "beta") and (value.low or value.mean) >= 0)


def check_link(problems: Problems, link: Link, catalogue: Catalogue) -> None:
    """Whether a link starts and ends in states that its models have, with what its target needs."""
    place = f"links.yaml {link.id}"
    origin, target = (AVOIDED_COST_MODELS.get(end.model) for end in (link.origin, link.target))
    for end, model in (("origin", origin), ("target", target)):
        if model is None:
            problems.add(f"{place}.{end}.model", "is not a model", f"known: {', '.join(AVOIDED_COST_MODELS)}")
    for state in link.origin.entered if origin else ():
        if origin and state not in origin.entered:
            known = ", ".join(origin.entered) or "none"
            problems.add(f"{place}.origin.entered", f"{state} is not counted by {origin.id}", f"it counts {known}")
    if target and link.target.start not in target.states:
        rule = f"{link.target.start} is no state of {target.id}"
        problems.add(f"{place}.target.start", rule, f"its states are {', '.join(target.states)}")
    for name in link.target.inputs if target else ():
        if target and name not in target.parameters:
            known = ", ".join(target.parameters)
            problems.add(f"{place}.target.inputs.{name}", f"is no number of {target.id}", f"its numbers are {known}")
    rows = {row.outcome: row.measure for row in catalogue.evidence.get(link.evidence, ())}
    measure = rows.get(link.outcome)
    if measure is not None and not any(known in measure for known in LINKABLE):
        rule = f"{link.outcome} is told as a {measure}"
        problems.add(f"{place}.outcome", rule, f"choose a row that is {', '.join(LINKABLE)}")
    if target and (link.window_years * target.cycles_per_year) % 1:
        problems.add(f"{place}.window_years", f"{link.window_years:g} are not whole quarters", "such as 5, 6.5 or 7.25")
    for name in target.parameters if target else ():
        if target and name not in catalogue.transitions.get(target.id, {}):
            problems.add(f"transitions/{target.id}.yaml", f"has no {name}, which {link.id} needs", "add it")


def check_price_year(
    problems: Problems,
    chain: ImpactChain,
    catalogue: Catalogue,
    price_sets: Iterable[str],
    links: Iterable[str],
    year: int,
) -> None:
    """Whether every price that the chain and its links are told in has an index that reaches the year."""
    models = [chain.impact.model, *(catalogue.links[name].target.model for name in links)]
    priced = (catalogue.price_sets[name].of(model) for name in price_sets for model in models)
    used = [part.cost for states in priced for price in states.values() for part in price.components]
    costs = [name for name in (chain.input.cost, *used) if name != REGISTER]
    for cost in (catalogue.unit_costs[name] for name in dict.fromkeys(costs)):
        try:
            catalogue.indices[cost.index].factor(cost.latest.price_year, year)
        except ParamsError as error:
            problems.found += [one for one in error.problems if one not in problems.found]


def price_sets_for(chain: ImpactChain, catalogue: Catalogue, links: Iterable[str] = ()) -> list[str]:
    """The price sets that price the chain's states, and those its links lead to; the chain's own set first."""
    models = [chain.impact.model, *(catalogue.links[name].target.model for name in links)]
    able = [
        prices.id
        for prices in catalogue.price_sets.values()
        if all(prices.can_price(name, AVOIDED_COST_MODELS[name].items) for name in models)
    ]
    return sorted(able, key=lambda name: name != chain.impact.price_set)
