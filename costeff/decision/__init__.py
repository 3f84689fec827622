"""From draws to decisions: net benefit, value of information, deterministic analysis, and money by payer and year."""

from costeff.decision.appraised import (
    Basis,
    Payers,
    by_payer,
    cost_and_effect,
    cumulative,
    flows,
    horizons,
    net_saving,
    payback_probability,
    payback_year,
    probability_of_saving,
    trough,
)
from costeff.decision.benefit import ceac, ceaf, curves, evpi, expected_loss, incremental, net_benefit
from costeff.decision.compared import differences
from costeff.decision.deterministic import BreakEven, Evaluate, along, break_even, one_way, scenarios, two_way
from costeff.decision.frontier import Status, icers
from costeff.decision.groups import by_class, spread
from costeff.decision.information import evppi, evsi
from costeff.decision.returns import (
    Claim,
    CostPerOutcome,
    Proxy,
    SocialReturn,
    Verdict,
    benefit_cost_ratio,
    break_even_price,
    cost_per_outcome,
    fiscal_return,
    price_of_outcome,
    prices_that_pay,
    sroi,
)
from costeff.decision.sensitivity import tornado
from costeff.decision.studies import BinaryStudy, CostStudy, JointStudy, NormalStudy, enbs
from costeff.decision.timing import payback

__all__ = [
    "Basis",
    "BinaryStudy",
    "BreakEven",
    "Claim",
    "CostPerOutcome",
    "CostStudy",
    "Evaluate",
    "JointStudy",
    "NormalStudy",
    "Payers",
    "Proxy",
    "SocialReturn",
    "Status",
    "Verdict",
    "along",
    "benefit_cost_ratio",
    "break_even",
    "break_even_price",
    "by_class",
    "by_payer",
    "ceac",
    "ceaf",
    "cost_and_effect",
    "cost_per_outcome",
    "cumulative",
    "curves",
    "differences",
    "enbs",
    "evpi",
    "evppi",
    "evsi",
    "expected_loss",
    "fiscal_return",
    "flows",
    "horizons",
    "icers",
    "incremental",
    "net_benefit",
    "net_saving",
    "one_way",
    "payback",
    "payback_probability",
    "payback_year",
    "price_of_outcome",
    "prices_that_pay",
    "probability_of_saving",
    "scenarios",
    "spread",
    "sroi",
    "tornado",
    "trough",
    "two_way",
]
