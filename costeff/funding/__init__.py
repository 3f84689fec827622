"""How services are paid for: contracts and tenders over draws of what is delivered, and budgets steered by year."""

from costeff.funding.allocation import against_divided, allocate, flexibility
from costeff.funding.contracts import (
    SIDES,
    compare,
    paid_for_nothing,
    payment,
    risk,
    settle,
)
from costeff.funding.delivery import deliver, drifted, scenarios, with_effect, without_effect
from costeff.funding.partnership import partnership_numbers
from costeff.funding.prices import break_even_price, price_for
from costeff.funding.response import response_curves
from costeff.funding.rounds import (
    Gain,
    Round,
    SimulationDay,
    play,
    read_day,
    replay,
    save_day,
    save_results,
    written_down,
)
from costeff.funding.steering import differences, steer
from costeff.funding.tender import Bid, tender
from costeff.funding.worlds import Aim, draw_worlds, gains_per_client

__all__ = [
    "SIDES",
    "Aim",
    "Bid",
    "Gain",
    "Round",
    "SimulationDay",
    "against_divided",
    "allocate",
    "break_even_price",
    "compare",
    "deliver",
    "differences",
    "draw_worlds",
    "drifted",
    "flexibility",
    "gains_per_client",
    "paid_for_nothing",
    "partnership_numbers",
    "payment",
    "play",
    "price_for",
    "read_day",
    "replay",
    "response_curves",
    "risk",
    "save_day",
    "save_results",
    "scenarios",
    "settle",
    "steer",
    "tender",
    "with_effect",
    "without_effect",
    "written_down",
]
