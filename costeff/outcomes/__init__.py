"""Outcome models: cells in, draws of an effect out. One file a model, one line here."""

from costeff.outcomes.base import Context, OutcomeModel, Sampling
from costeff.outcomes.binary import Binary
from costeff.outcomes.compare import prior_beside_posterior, raw_beside_estimate
from costeff.outcomes.fit import Check, Fit, fit
from costeff.outcomes.time_to_event import TimeToEvent

MODELS: dict[str, OutcomeModel] = {model.id: model for model in (Binary(), TimeToEvent())}

__all__ = [
    "MODELS",
    "Check",
    "Context",
    "Fit",
    "OutcomeModel",
    "Sampling",
    "fit",
    "prior_beside_posterior",
    "raw_beside_estimate",
]
