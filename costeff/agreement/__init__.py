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

__all__ = [
    "Bonus",
    "Budget",
    "ClientPrice",
    "Contract",
    "Coordination",
    "Estimate",
    "HourPrice",
    "Level",
    "Measured",
    "OutcomePrice",
    "SavingShare",
    "Service",
    "Term",
]
