"""Piecewise-linear curves of what money gives, service by service, and how a frame is best divided over them.

`values` has the dims (draw, service, knot) and `knots` (service, knot); of one plan alone the draw is absent.
A piece is the stretch between two knots. What is aimed at rises ever less with money and may fall after its peak.
"""

from __future__ import annotations

import numpy as np

from costeff.errors import ModelError, Problem
from costeff.funding.response import Plan, aimed
from costeff.funding.worlds import Aim


def knots_of(plan: Plan, frame: float, pieces: int) -> np.ndarray:
    """Amounts of each service between which a curve is straight, from its floor to what the others leave it.

    Where the staff ends and what the divided budget gives are knots themselves; a service bought by whole teams
    has a knot a team. Shorter rows repeat their last knot, which makes pieces of no width.
    """
    rows = []
    for low, cap, team, staff, divided in zip(
        plan.floor, plan.cap, plan.team, plan.capacity * plan.price, plan.divided, strict=True
    ):
        high = max(low, min(cap, frame - plan.floor.sum() + low))
        if team:
            rows.append(low + team * np.arange(int((high - low) / team + 1e-9) + 1))
        else:
            marks = [mark for mark in (staff, divided) if low < mark < high]
            rows.append(np.unique(np.append(np.linspace(low, high, pieces + 1), marks)))
    longest = max(2, *(row.size for row in rows))
    return np.array([np.pad(row, (0, longest - row.size), mode="edge") for row in rows])


def curves(
    plan: Plan, aim: Aim, worth: np.ndarray, cost: np.ndarray, demand: np.ndarray, knots: np.ndarray
) -> np.ndarray:
    """What is aimed at, at each knot: `worth` and `cost` of a first client and `demand` end with the service."""
    worth, cost, demand = (values[..., None, :] for values in (worth, cost, demand))
    clients = plan.served(knots.T, demand)
    return np.ascontiguousarray(aimed(plan, aim, worth, cost, clients, demand).swapaxes(-1, -2))


def known(plan: Plan, aim: Aim, worth: np.ndarray, demand: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """The curves as the organiser sees them: mean gains, planned prices."""
    mean = np.broadcast_to(worth.mean(0), demand.shape)
    return curves(plan, aim, mean, np.broadcast_to(plan.price, demand.shape), demand, knots)


def slopes_of(values: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """What one EUR more gives on each piece; 0 where a piece has no width."""
    width, rise = np.diff(knots), np.diff(values)
    return np.divide(rise, width, out=np.zeros(rise.shape), where=width > 0)


def value_at(values: np.ndarray, knots: np.ndarray, money: np.ndarray) -> np.ndarray:
    """The sum of the curves at some money (…, service)."""
    inside = np.clip(money[..., None] - knots[:, :-1], 0, np.diff(knots))
    return np.asarray((values[..., 0] + (slopes_of(values, knots) * inside).sum(-1)).sum(-1))


def filled(
    values: np.ndarray,
    knots: np.ndarray,
    frame: np.ndarray | float,
    low: np.ndarray | None = None,
    high: np.ndarray | None = None,
    *,
    least: float = 0.0,
) -> np.ndarray:
    """The best division of a frame in each draw: the steepest piece first, as long as it rises and money lasts.

    Exact for curves that rise ever less up to their peak, where `least` does not reach beyond the peaks. `low` and
    `high` (draw, service) bound the money, the knots where they are not given; `least` is given out even where it
    does no good.

    Returns
    -------
    EUR over (draw, service); what would do no good and is not in `least` is not given out.
    """
    draws, services = values.shape[0], values.shape[1]
    start = np.broadcast_to(knots[:, 0] if low is None else np.maximum(low, knots[:, 0]), (draws, services))
    end = np.broadcast_to(knots[:, -1] if high is None else np.minimum(high, knots[:, -1]), (draws, services))
    width = np.minimum(knots[:, 1:], end[..., None]) - np.maximum(knots[:, :-1], start[..., None])
    width = np.clip(width, 0, None).reshape(draws, -1)
    slopes = slopes_of(values, knots)
    # What does no good is taken in the order of its own curve, the level end after the fall.
    slopes = np.where(slopes > 0, slopes, np.minimum.accumulate(slopes, axis=-1)).reshape(draws, -1)
    order = np.argsort(-slopes, axis=1, kind="stable")
    sorted_width = np.take_along_axis(width, order, axis=1)
    before = np.cumsum(sorted_width, axis=1) - sorted_width
    does_good = np.take_along_axis(slopes, order, axis=1) > 0
    reach = np.where(does_good, np.broadcast_to(frame, (draws,))[:, None], least) - start.sum(axis=1)[:, None]
    given = np.zeros_like(width)
    np.put_along_axis(given, order, np.clip(reach - before, 0, sorted_width), axis=1)
    return np.asarray(start + given.reshape(draws, services, -1).sum(axis=-1))


def optimum(values: np.ndarray, knots: np.ndarray, frame: float, team: np.ndarray, least: float = 0.0) -> np.ndarray:
    """The best division of a frame over one curve a service, by HiGHS: EUR by service, `least` in all or more.

    A linear program where every curve rises ever less. A service bought by whole teams takes whole pieces, and
    where a piece is steeper than one before it, whole numbers see to it that pieces are taken in their order.

    Raises
    ------
    ModelError
        When the solver ends without an optimum.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array

    width, slopes = np.diff(knots), slopes_of(values, knots)
    services, pieces = width.shape
    steepest = np.abs(slopes).max() or 1.0
    rises = (np.diff(slopes) > 1e-9 * steepest) & (width[:, 1:] > 0)
    ordered = rises.any(axis=1) | (team > 0)
    size = services * pieces  # taken shares of the pieces first, then whether a piece is full
    rows: list[tuple[int, int]] = []  # one is at least the other
    for service in np.flatnonzero(ordered):
        for piece in range(pieces - 1):
            this = int(service) * pieces + piece
            rows += [(this, size + this), (size + this, this + 1)]
    matrix = np.zeros((1 + len(rows), 2 * size))
    matrix[0, :size] = width.ravel()
    for number, (more, less) in enumerate(rows, start=1):
        matrix[number, more], matrix[number, less] = -1.0, 1.0
    limits, needed = np.zeros(1 + len(rows)), np.full(1 + len(rows), -np.inf)
    limits[0], needed[0] = frame - knots[:, 0].sum(), least - knots[:, 0].sum()
    full = np.repeat(ordered, pieces)
    integral = np.concatenate([np.repeat(team > 0, pieces), full])
    scale = np.abs(slopes * width).max() or 1.0
    idle = 1e-6 * width / (width.sum() or 1.0)  # of two divisions as good, the one that gives out less
    gain = np.concatenate([(slopes * width / scale - idle).ravel(), np.zeros(size)])
    found = milp(
        -gain,
        constraints=LinearConstraint(csr_array(matrix), needed, limits),
        bounds=Bounds(0, np.concatenate([width.ravel() > 0, full]).astype(float)),
        integrality=integral.astype(int),
        options={"mip_rel_gap": 1e-9},
    )
    if found.x is None:
        cure = "check that floors and statutory minimum, in whole teams, fit the frame and the caps"
        raise ModelError("The frame cannot be divided", [Problem("solver", str(found.message), cure)])
    taken = found.x[:size].reshape(services, pieces)
    return np.asarray(knots[:, 0] + (np.clip(taken, 0, 1) * width).sum(axis=1))
