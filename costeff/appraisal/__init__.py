"""The one place of assembly: everything downstream reads the Dataset made here.

Money is undiscounted; `discount` says how later years weigh.
"""

from costeff.appraisal.areas import AREAS, Area, Atlas, measured, side_by_side
from costeff.appraisal.assembly import appraise, appraise_all, states
from costeff.appraisal.evidence import BELIEFS, Belief, describe, evidence_prior, pooled_studies, predictive, rests_on
from costeff.appraisal.linked import active_links
from costeff.appraisal.request import Request, check_chains, check_price_year, price_sets_for
from costeff.appraisal.telling import one, places_of, summary

__all__ = [
    "AREAS",
    "BELIEFS",
    "Area",
    "Atlas",
    "Belief",
    "Request",
    "active_links",
    "appraise",
    "appraise_all",
    "check_chains",
    "check_price_year",
    "describe",
    "evidence_prior",
    "measured",
    "one",
    "places_of",
    "pooled_studies",
    "predictive",
    "price_sets_for",
    "rests_on",
    "side_by_side",
    "states",
    "summary",
]
