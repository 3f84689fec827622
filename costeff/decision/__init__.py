"""From draws to decisions: net benefit, value of information, deterministic analysis, and money by payer and year."""

from costeff.decision.appraised import (
    Basis,
    CostPerOutcome,
    Payers,
    Verdict,
    break_even_price,
    by_payer,
    cost_per_outcome,
    cumulative,
    flows,
    net_saving,
    payback_probability,
    payback_year,
    probability_of_saving,
    trough,
)

__all__ = [
    "Basis",
    "CostPerOutcome",
    "Payers",
    "Verdict",
    "break_even_price",
    "by_payer",
    "cost_per_outcome",
    "cumulative",
    "flows",
    "net_saving",
    "payback_probability",
    "payback_year",
    "probability_of_saving",
    "trough",
]
