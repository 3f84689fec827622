"""A state-transition cohort over draws: labelled arrays on a numpy kernel.

Time is explicit. A probability belongs to a length of time, a rate is per year,
and one becomes the other only through the functions here. Dims of every result:
the broadcast dims in order of appearance, then `cycle` (or `year`), then `state`.
"""

from costeff.cohort.accrual import accrue, cycle_weights
from costeff.cohort.blocks import accrue_blocks
from costeff.cohort.discounting import discount_factors
from costeff.cohort.flows import flows
from costeff.cohort.inflow import arrivals, repeat_cohorts
from costeff.cohort.kernel import state_time, trace, trace_phases
from costeff.cohort.labels import CellProblems, Moves, Value, bare, check_labels, check_range
from costeff.cohort.mortality import add_death, death_probabilities, with_dead
from costeff.cohort.rates import (
    apply_hazard_ratio,
    apply_odds_ratio,
    competing_probabilities,
    probability_from_rate,
    rate_from_mean_years,
    rate_from_probability,
)
from costeff.cohort.residence import enter, fold, residence_matrix, tunnel_states, unfold, unfold_matrix
from costeff.cohort.transitions import transition_matrix, transition_matrix_from_rates

__all__ = [
    "CellProblems",
    "Moves",
    "Value",
    "accrue",
    "accrue_blocks",
    "add_death",
    "apply_hazard_ratio",
    "apply_odds_ratio",
    "arrivals",
    "bare",
    "check_labels",
    "check_range",
    "competing_probabilities",
    "cycle_weights",
    "death_probabilities",
    "discount_factors",
    "enter",
    "flows",
    "fold",
    "probability_from_rate",
    "rate_from_mean_years",
    "rate_from_probability",
    "repeat_cohorts",
    "residence_matrix",
    "state_time",
    "trace",
    "trace_phases",
    "transition_matrix",
    "transition_matrix_from_rates",
    "tunnel_states",
    "unfold",
    "unfold_matrix",
    "with_dead",
]
