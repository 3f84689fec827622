"""The impact chain, its indicators, what steers it, and the profile of a county that provides it."""

from costeff.chain.impact import Impact, ImpactChain, Input, Node, Outcome
from costeff.chain.indicators import READS, Aspect, Builder, Indicator, IndicatorSet
from costeff.chain.profile import CountyProfile
from costeff.chain.stages import KIND_LABELS, STAGE_LABELS, STAGES, Kind, Stage
from costeff.chain.steering import MEANS, MEANS_LABELS, Means, Steering

__all__ = [
    "KIND_LABELS",
    "MEANS",
    "MEANS_LABELS",
    "READS",
    "STAGES",
    "STAGE_LABELS",
    "Aspect",
    "Builder",
    "CountyProfile",
    "Impact",
    "ImpactChain",
    "Indicator",
    "IndicatorSet",
    "Input",
    "Kind",
    "Means",
    "Node",
    "Outcome",
    "Stage",
    "Steering",
]
