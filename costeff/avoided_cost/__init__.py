"""Models of the cost that a service can avoid: what state clients are in, for how long, and who pays for it."""

from costeff.avoided_cost.base import AvoidedCostModel, Domain
from costeff.avoided_cost.child_psychiatric_inpatient import CHILD_PSYCHIATRIC_INPATIENT
from costeff.avoided_cost.effect import PERSISTENCES, Persistence
from costeff.avoided_cost.exclusion import EXCLUSION
from costeff.avoided_cost.institutional_treatment import INSTITUTIONAL_TREATMENT
from costeff.avoided_cost.long_term_unemployment import LONG_TERM_UNEMPLOYMENT
from costeff.avoided_cost.money import cash, in_whole_units
from costeff.avoided_cost.prison import PRISON
from costeff.avoided_cost.round_the_clock_care import ROUND_THE_CLOCK_CARE
from costeff.avoided_cost.taking_into_care import TAKING_INTO_CARE

MODELS: dict[str, AvoidedCostModel] = {
    model.id: model
    for model in (
        TAKING_INTO_CARE,
        INSTITUTIONAL_TREATMENT,
        PRISON,
        LONG_TERM_UNEMPLOYMENT,
        CHILD_PSYCHIATRIC_INPATIENT,
        ROUND_THE_CLOCK_CARE,
        EXCLUSION,
    )
}

__all__ = [
    "MODELS",
    "PERSISTENCES",
    "AvoidedCostModel",
    "Domain",
    "Persistence",
    "cash",
    "in_whole_units",
]
