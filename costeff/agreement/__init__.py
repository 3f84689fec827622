"""What organisers, buyers and providers agree on, as it is written: frozen declarations without any computing."""

from costeff.agreement.budget import Budget, Coordination, Estimate, Service
from costeff.agreement.contract import (
    Bonus,
    ClientPrice,
    Contract,
    HourPrice,
    Level,
    Measured,
    OutcomePrice,
    SavingShare,
    Term,
)
from costeff.agreement.declared import Declared

__all__ = [
    "Bonus",
    "Budget",
    "ClientPrice",
    "Contract",
    "Coordination",
    "Declared",
    "Estimate",
    "HourPrice",
    "Level",
    "Measured",
    "OutcomePrice",
    "SavingShare",
    "Service",
    "Term",
]
