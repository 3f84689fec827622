"""A state-transition cohort over draws: labelled arrays on a numpy kernel.

Time is explicit. A probability belongs to a length of time, a rate is per year,
and one becomes the other only through the functions here. Dims of every result:
the broadcast dims in order of appearance, then `cycle` (or `year`), then `state`.
"""

from costeff.cohort.kernel import discount_factors, state_time, trace, trace_phases
from costeff.cohort.labels import CellProblems, Moves, Value, check_labels, check_range
from costeff.cohort.rates import (
    apply_hazard_ratio,
    probability_from_rate,
    rate_from_mean_years,
    rate_from_probability,
)
from costeff.cohort.transitions import transition_matrix, transition_matrix_from_rates

__all__ = [
    "CellProblems",
    "Moves",
    "Value",
    "apply_hazard_ratio",
    "check_labels",
    "check_range",
    "discount_factors",
    "probability_from_rate",
    "rate_from_mean_years",
    "rate_from_probability",
    "state_time",
    "trace",
    "trace_phases",
    "transition_matrix",
    "transition_matrix_from_rates",
]
