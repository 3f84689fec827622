"""Models of the cost that a service can avoid: what state clients are in, for how long, and who pays for it."""

from costeff.avoided_cost.base import AvoidedCostModel, Domain, cash
from costeff.avoided_cost.institutional_treatment import INSTITUTIONAL_TREATMENT
from costeff.avoided_cost.prison import PRISON
from costeff.avoided_cost.taking_into_care import TAKING_INTO_CARE

MODELS: dict[str, AvoidedCostModel] = {model.id: model for model in (TAKING_INTO_CARE, INSTITUTIONAL_TREATMENT, PRISON)}

__all__ = ["MODELS", "AvoidedCostModel", "Domain", "cash"]
