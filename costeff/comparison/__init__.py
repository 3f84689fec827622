"""Confounding faced openly: weighting, double robustness, panels, regressions, and what was not measured.

Frequentist estimators from statsmodels beside the Bayesian outcome models, on the same cells. Each tells its effect
as an outcome model does: draws over (draw, option), from its estimated sampling distribution.
"""

from costeff.comparison.balance import balance, effective_sample_size, overlap
from costeff.comparison.checks import check
from costeff.comparison.panels import Panel, StaggeredEffect, difference_in_differences, read_panel, two_way
from costeff.comparison.result import Comparison, Draws
from costeff.comparison.sample import Sample, read_sample
from costeff.comparison.series import InterruptedSeries, Series, interrupted_series, read_series
from costeff.comparison.unmeasured import (
    EValue,
    bounding_factor,
    corrected,
    e_value,
    prevalence_factor,
    prevalence_needed,
)
from costeff.comparison.weights import Propensity, doubly_robust, propensity, raw, weighted

__all__ = [
    "Comparison",
    "Draws",
    "EValue",
    "InterruptedSeries",
    "Panel",
    "Propensity",
    "Sample",
    "Series",
    "StaggeredEffect",
    "balance",
    "bounding_factor",
    "check",
    "corrected",
    "difference_in_differences",
    "doubly_robust",
    "e_value",
    "effective_sample_size",
    "interrupted_series",
    "overlap",
    "prevalence_factor",
    "prevalence_needed",
    "propensity",
    "raw",
    "read_panel",
    "read_sample",
    "read_series",
    "two_way",
    "weighted",
]
