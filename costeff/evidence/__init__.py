"""Published evidence: effects on one scale, pooled over studies, discounted for quality, made into a prior."""

from costeff.evidence.conversions import convert, risk_ratio_without_baseline
from costeff.evidence.measures import MEASURES, Measure, error_from_interval
from costeff.evidence.pooling import METHODS, HeterogeneityPrior, bayesian_pool, pool
from costeff.evidence.prior import RobustPrior
from costeff.evidence.quality import Discount, Discounts, discount, discount_effect
from costeff.evidence.studies import Studies, Study, taken_apart

__all__ = [
    "MEASURES",
    "METHODS",
    "Discount",
    "Discounts",
    "HeterogeneityPrior",
    "Measure",
    "RobustPrior",
    "Studies",
    "Study",
    "bayesian_pool",
    "convert",
    "discount",
    "discount_effect",
    "error_from_interval",
    "pool",
    "risk_ratio_without_baseline",
    "taken_apart",
]
