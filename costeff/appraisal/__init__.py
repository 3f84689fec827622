"""The one place of assembly: everything downstream reads the Dataset made here.

Money is undiscounted; `discount` says how later years weigh.
"""

from costeff.appraisal.assembly import appraise, states
from costeff.appraisal.request import Request, check_chains, price_sets_for
from costeff.appraisal.telling import one, summary

__all__ = ["Request", "appraise", "check_chains", "one", "price_sets_for", "states", "summary"]
