"""What an appraisal is asked, and whether the chains can be appraised at all."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from costeff.avoided_cost import MODELS as AVOIDED_COST_MODELS
from costeff.chain import ImpactChain
from costeff.errors import Problems
from costeff.outcomes import MODELS as OUTCOME_MODELS
from costeff.params import Catalogue
from costeff.spec import Id, Spec, Year

BASELINE = ("baseline_probability", "baseline_window_years")  # of a relative effect, from transitions
LATER = "later_risk_ratio"


class Request(Spec):
    """What an appraisal is asked: nothing here changes the catalogue."""

    draws: int = Field(ge=1)
    seed: int = Field(ge=0)
    clients: int = Field(ge=1)
    horizon_years: Annotated[int, Field(ge=1, le=60)] | None = None  # None: the chain's own
    price_set: Id | None = None  # None: the chain's own
    price_year: Year | None = None  # None: every price in its own price year

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
        if chain.outcome.model not in OUTCOME_MODELS:
            problems.add(
                f"{place}.outcome.model", f"{chain.outcome.model} is not a model", f"known: {', '.join(OUTCOME_MODELS)}"
            )
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
            if prices and item not in prices.prices:
                problems.add(
                    f"price_sets.yaml {prices.id}",
                    f"has no price for {item}, which {chain.id} needs",
                    "add a sourced price",
                )
    return problems


def price_sets_for(chain: ImpactChain, catalogue: Catalogue) -> list[str]:
    """The price sets that price everything the chain needs, the chain's own first."""
    items = AVOIDED_COST_MODELS[chain.impact.model].items
    able = [s.id for s in catalogue.price_sets.values() if all(item in s.prices for item in items)]
    return sorted(able, key=lambda name: name != chain.impact.price_set)
