"""Outcome models: cells in, draws of an effect out. One file a model, one line here."""

from costeff.outcomes.base import OutcomeModel, Sampling
from costeff.outcomes.binary import Binary
from costeff.outcomes.compare import (
    by_county,
    leaning,
    posterior_predictive,
    prior_beside_posterior,
    prior_predictive,
    prior_sensitivity,
    raw_beside_estimate,
)
from costeff.outcomes.competing import Competing
from costeff.outcomes.context import Context
from costeff.outcomes.cost import CostGamma, CostLognormal
from costeff.outcomes.count import Count
from costeff.outcomes.experience import Experience
from costeff.outcomes.fit import Fit, fit
from costeff.outcomes.gate import Check
from costeff.outcomes.meter import Meter
from costeff.outcomes.places import for_same_clients, parts_of_spread, reliability, standing
from costeff.outcomes.shown import Graph, graph, show_fit
from costeff.outcomes.time_to_event import TimeToEvent
from costeff.outcomes.transitions import Transitions
from costeff.outcomes.weibull import Weibull

MODELS: dict[str, OutcomeModel] = {
    model.id: model
    for model in (
        Binary(),
        TimeToEvent(),
        Weibull(),
        Competing(),
        Count(),
        CostGamma(),
        CostLognormal(),
        Meter(),
        Experience(),
        Transitions(),
    )
}

# How they show themselves is set here, and not in their files: the hash of every posterior is of those.
for _kind, _shown in (
    (OutcomeModel, lambda model, include=None, exclude=None: graph(model)._repr_mimebundle_()),
    (Fit, lambda found, include=None, exclude=None: show_fit(found)),
):
    setattr(_kind, "_repr_mimebundle_", _shown)  # noqa: B010

__all__ = [
    "MODELS",
    "Check",
    "Context",
    "Fit",
    "Graph",
    "OutcomeModel",
    "Sampling",
    "by_county",
    "fit",
    "for_same_clients",
    "graph",
    "leaning",
    "parts_of_spread",
    "posterior_predictive",
    "prior_beside_posterior",
    "prior_predictive",
    "prior_sensitivity",
    "raw_beside_estimate",
    "reliability",
    "standing",
]
