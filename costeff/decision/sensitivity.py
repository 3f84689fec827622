"""What moves a decision, from draws alone: no model is run again."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import xarray as xr

from costeff.checks import is_number, reals
from costeff.decision.arrays import TITLE, analysed, lined_up
from costeff.decision.benefit import incremental
from costeff.decision.deterministic import ENDS, bars
from costeff.draws import USUAL
from costeff.errors import Problems, UsageError

_KNOTS = (0.05, 0.275, 0.5, 0.725, 0.95)  # Harrell's places of five knots


def tornado(
    cost: xr.DataArray,
    effect: xr.DataArray,
    parameters: xr.Dataset,
    threshold: float,
    comparator: Hashable = USUAL,
    mass: float = 0.9,
    stacked: str = "payer",
) -> xr.Dataset:
    """Expected incremental net benefit given that each parameter is low, or high.

    The expectation is a regression of the incremental net benefit on the parameter over the draws (a natural cubic
    spline of five knots), read at the parameter's quantiles. Unlike a one-way run of the model, it carries what goes
    with the parameter: those that are correlated with it move too.

    Parameters
    ----------
    cost, effect
        Dims (draw, option) and any others.
    parameters
        A variable for each parameter, over draw.
    threshold
        What a unit of effect is worth; 0 looks at money alone.
    comparator
        The option that the others are set against.
    mass
        The ends are the quantiles that leave this probability between them.
    stacked
        The dim whose parts add up to the whole, if the cost has it. The effect then needs it too unless the threshold
        is 0, and it may not have it alone: what lacks the dim would be counted once for each of its parts.

    Returns
    -------
    Dataset over `parameter`, widest first, in the form of `one_way`, with `standard_error` (parameter, end, ...) of the
    regression besides: a bar not wider than a few of them is noise. With more than two options it is over `option` too.

    Raises
    ------
    UsageError
        For what cannot be analysed, a comparator that is not an option, a mass not between 0 and 1, or parts of the
        cost or the effect where the other is whole.

    References
    ----------
    Harrell (2015), Regression Modeling Strategies, section 2.4.6, https://doi.org/10.1007/978-3-319-19425-7
    """
    problems = Problems()
    if not is_number(mass) or not 0 < mass < 1:
        problems.add("mass", f"{mass} is not between 0 and 1", "give a probability such as 0.9")
    if np.ndim(threshold) > 0:
        problems.add("threshold", "is more than one", "a tornado stands at one")
    over = [name for name, values in (("cost", cost), ("effect", effect)) if stacked in getattr(values, "dims", ())]
    if over == ["cost"] and np.any(reals(threshold)):
        rule = f"is over {stacked} and the effect is not, so that it would be counted once for each"
        problems.add("cost", rule, f"give threshold 0, the sum over {stacked}, or the effect of each")
    elif over == ["effect"]:
        rule = f"is over {stacked} and the cost is not, so that it would be counted once for each"
        problems.add("effect", rule, f"give the sum over {stacked}, or the cost of each")
    problems.raise_if_any(UsageError, TITLE)
    cost, effect, _ = analysed(cost, effect, threshold, comparator, compared=True)
    known = lined_up(parameters, cost)
    extra = incremental(cost, effect, comparator)
    gain = (extra["effect"] * float(threshold) - extra["cost"]).transpose("draw", ...)
    gain = gain.isel(option=0) if gain.sizes["option"] == 1 else gain
    tails = ((1 - mass) / 2, (1 + mass) / 2)
    values = np.array([np.quantile(known[name].astype(float), tails) for name in known.data_vars])
    outcomes = gain.to_numpy().reshape(gain.sizes["draw"], -1)
    read = [
        _smooth(known[name].to_numpy().astype(float), outcomes, at)
        for name, at in zip(known.data_vars, values, strict=True)
    ]
    rest = gain.isel(draw=0, drop=True)
    attrs = {**cost.attrs, "unit": cost.attrs.get("unit", "unit of the cost"), "comparator": str(comparator)}
    attrs |= {"threshold": float(threshold), "mass": mass, "draws": gain.sizes["draw"]}

    def labelled(at: int) -> xr.DataArray:
        shaped = np.array([each[at] for each in read]).reshape(len(read), 2, *rest.shape)
        out = xr.DataArray(shaped, dims=("parameter", "end", *rest.dims), coords=rest.coords)
        return out.assign_coords(parameter=[str(n) for n in known.data_vars], end=list(ENDS)).assign_attrs(attrs)

    names = [str(name) for name in known.data_vars]
    ends = xr.DataArray(values, dims=("parameter", "end"))
    table = bars(labelled(0).drop_vars(("parameter", "end")), gain.mean("draw"), ends, names, stacked)
    return table.assign(standard_error=labelled(1))


def _smooth(given: np.ndarray, outcomes: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Expected outcomes (point, outcome) at points of a parameter, and their standard errors."""
    centre, scale = float(given.mean()), float(given.std()) or 1.0
    knots = np.unique(np.quantile((given - centre) / scale, _KNOTS))
    design, wanted = (_basis((x - centre) / scale, knots) for x in (given, at))
    coefficients, _, rank, _ = np.linalg.lstsq(design, outcomes, rcond=None)
    spread = ((outcomes - design @ coefficients) ** 2).sum(axis=0) / max(1, given.size - rank)
    leverage = np.einsum("ij,jk,ik->i", wanted, np.linalg.pinv(design.T @ design), wanted)
    return wanted @ coefficients, np.sqrt(np.outer(leverage.clip(min=0), spread))


def _basis(x: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Natural cubic spline: straight beyond the outer knots; a straight line where there are fewer than three."""
    columns: list[np.ndarray] = [np.ones_like(x), x]
    if knots.size > 2:
        last = knots[-1]

        cubes = [(np.clip(x - k, 0, None) ** 3 - np.clip(x - last, 0, None) ** 3) / (last - k) for k in knots[:-1]]
        columns += [cube - cubes[-1] for cube in cubes[:-1]]
    return np.stack(columns, axis=1)
