"""Net benefit of options and what it says at each threshold: acceptability, the frontier, loss, perfect information.

Net benefit is threshold x effect - cost, in the unit of the cost. One pass over the draws gives every curve; it goes
through the thresholds one at a time, so that memory stays that of one net benefit and not of all of them.
"""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import xarray as xr

from costeff.decision.arrays import Thresholds, analysed


def net_benefit(cost: xr.DataArray, effect: xr.DataArray, thresholds: Thresholds) -> xr.DataArray:
    """Threshold x effect - cost.

    Parameters
    ----------
    cost, effect
        Dims (draw, option) and any others. A saving is a cost below 0.
    thresholds
        What a unit of effect is worth, in the unit of the cost; 0 or more.

    Returns
    -------
    DataArray (draw, option, threshold, ...). It holds every draw at every threshold: `curves` does not need it.

    Raises
    ------
    UsageError
        For what cannot be analysed: see `paired` and `thresholds_of`.
    """
    cost, effect, worth = analysed(cost, effect, thresholds)
    found = (effect * worth - cost).transpose("draw", "option", "threshold", ...)
    return found.rename("net_benefit").assign_attrs(_attrs(cost))


def incremental(cost: xr.DataArray, effect: xr.DataArray, comparator: Hashable) -> xr.Dataset:
    """Cost and effect of each option over the comparator's, draw by draw.

    Returns
    -------
    Dataset with `cost` and `effect` (draw, option, ...), without the comparator, which the attrs name.

    Raises
    ------
    UsageError
        For what cannot be analysed, or a comparator that is not an option.
    """
    cost, effect, _ = analysed(cost, effect, comparator=comparator, compared=True)
    parts = {
        name: (values.drop_sel(option=comparator) - values.sel(option=comparator, drop=True)).assign_attrs(values.attrs)
        for name, values in (("cost", cost), ("effect", effect))
    }
    return xr.Dataset(parts).assign_attrs(comparator=str(comparator))


def curves(cost: xr.DataArray, effect: xr.DataArray, thresholds: Thresholds) -> xr.Dataset:
    """Every curve of a decision among all options, in one pass; the arguments are those of `net_benefit`.

    Returns
    -------
    Dataset with `probability_best` and `expected_loss` (option, threshold, ...), and over (threshold, ...) `optimal`,
    the option of the highest expected net benefit, `probability_optimal` and `evpi`.

        probability_best
            Share of draws in which the option has the highest net benefit of all. Options that tie share a draw
            equally, so that the options sum to 1.
        expected_loss
            What is lost on average by choosing the option instead of the best one of each draw.
        evpi
            The expected loss of the optimal option: the expected value of perfect information, of one decision.
            It is a mean of terms of which none is below 0, hence exactly 0 where one option is never beaten.

    Where options tie in expected loss, the first by name is told as optimal, so that their order does not matter.
    """
    cost, effect, worth = analysed(cost, effect, thresholds)
    best, loss = _curves(cost.to_numpy(), effect.to_numpy(), worth.to_numpy())
    rest = [dim for dim in cost.dims if dim not in ("draw", "option")]
    coords = {k: v for k, v in cost.coords.items() if "draw" not in v.dims} | {"threshold": worth}
    dims = ("option", "threshold", *rest)
    by_name = np.argsort(cost["option"].to_numpy().astype(str), kind="stable")
    at = by_name[loss[by_name].argmin(axis=0)]
    optimal = cost["option"].to_numpy()[at]
    alone = {k: v for k, v in coords.items() if "option" not in v.dims}
    attrs = _attrs(cost)

    def chosen(values: np.ndarray, name: str, **more: str) -> xr.DataArray:
        return xr.DataArray(values, dims=dims[1:], coords=alone, name=name, attrs={**attrs, **more})

    share = {"unit": "probability", "question": "which option is best of all", "ties": "shared equally"}
    out = {
        "probability_best": xr.DataArray(best, dims=dims, coords=coords, attrs={**attrs, **share}),
        "expected_loss": xr.DataArray(loss, dims=dims, coords=coords, attrs=attrs),
        "optimal": chosen(optimal, "optimal", unit="option"),
        "probability_optimal": chosen(np.take_along_axis(best, at[None], 0)[0], "probability_optimal", **share),
        "evpi": chosen(np.take_along_axis(loss, at[None], 0)[0], "evpi", per="decision"),
    }
    return xr.Dataset(out, attrs={**attrs, "draws": cost.sizes["draw"]})


def ceac(
    cost: xr.DataArray, effect: xr.DataArray, thresholds: Thresholds, comparator: Hashable | None = None
) -> xr.DataArray:
    """Cost-effectiveness acceptability curves; name and attrs tell which of two questions they answer.

    Parameters
    ----------
    comparator
        None: how probably is each option the best of all? Ties are shared equally and the options sum to 1.
        An option: how probably does each of the others beat it? A tie counts a half, so that with two options
        both questions have one answer; the options do not sum to 1.

    Returns
    -------
    DataArray (option, threshold, ...), 0 to 1: `probability_best`, or `probability_better` without the comparator.

    Raises
    ------
    UsageError
        For what cannot be analysed, or a comparator that is not an option.

    References
    ----------
    Fenwick, Claxton and Sculpher (2001), Health Economics 10:779-787, https://doi.org/10.1002/hec.635
    """
    cost, effect, worth = analysed(cost, effect, thresholds, comparator)
    if comparator is None:
        return curves(cost, effect, thresholds)["probability_best"]
    over = incremental(cost, effect, comparator)
    found = _better(over["cost"].to_numpy(), over["effect"].to_numpy(), worth.to_numpy())
    rest = [dim for dim in cost.dims if dim not in ("draw", "option")]
    coords = {k: v for k, v in over.coords.items() if "draw" not in v.dims} | {"threshold": worth}
    attrs = {"unit": "probability", "question": f"does the option beat {comparator}", "ties": "count a half"}
    more = {**_attrs(cost), **attrs, "comparator": str(comparator)}
    return xr.DataArray(
        found, dims=("option", "threshold", *rest), coords=coords, name="probability_better", attrs=more
    )


def ceaf(cost: xr.DataArray, effect: xr.DataArray, thresholds: Thresholds) -> xr.Dataset:
    """The acceptability frontier: the option of the highest expected net benefit, and how probably it is the best.

    Returns
    -------
    Dataset over (threshold, ...) with `optimal` and `probability_optimal`; see `curves`. The optimal option need not
    be the one that is most probably the best.
    """
    return curves(cost, effect, thresholds)[["optimal", "probability_optimal"]]


def expected_loss(cost: xr.DataArray, effect: xr.DataArray, thresholds: Thresholds) -> xr.DataArray:
    """Expected loss of choosing each option over choosing the best one of each draw.

    Returns
    -------
    DataArray (option, threshold, ...), 0 or more, in the unit of the cost. The lowest curve is the EVPI.
    """
    return curves(cost, effect, thresholds)["expected_loss"]


def evpi(cost: xr.DataArray, effect: xr.DataArray, thresholds: Thresholds) -> xr.DataArray:
    """Expected value of perfect information, of one decision: see `curves`.

    Returns
    -------
    DataArray (threshold, ...), 0 or more, in the unit of the cost. To compare it with the cost of a study, multiply it
    by the number of decisions it would inform.
    """
    return curves(cost, effect, thresholds)["evpi"]


# --- kernels --------------------------------------------------------------------------------------


def _curves(cost: np.ndarray, effect: np.ndarray, thresholds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of draws won and expected loss, (option, threshold, ...), of (draw, option, ...)."""
    rest = cost.shape[2:]
    cost, effect = _draws_last(cost), _draws_last(effect)
    options, cells, draws = cost.shape
    won, lost = np.empty((2, options, thresholds.size, cells))
    loss, best, wins = np.empty(cost.shape), np.empty(cost.shape[1:]), np.empty(cost.shape, dtype=bool)
    for at, worth in enumerate(thresholds):
        np.multiply(effect, worth, out=loss)
        np.subtract(loss, cost, out=loss)
        loss.max(axis=0, out=best)
        np.subtract(best, loss, out=loss)
        np.equal(loss, 0, out=wins)
        lost[:, at] = loss.mean(axis=-1)
        count = _count(wins)
        tied = count.sum() > cells * draws
        won[:, at] = (wins / wins.sum(axis=0)).mean(axis=-1) if tied else count / draws
    return won.reshape(*won.shape[:2], *rest), lost.reshape(*lost.shape[:2], *rest)


def _better(cost: np.ndarray, effect: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Share of draws of a net benefit above 0, and half of those at 0, (option, threshold, ...)."""
    rest = cost.shape[2:]
    cost, effect = _draws_last(cost), _draws_last(effect)
    options, cells, draws = cost.shape
    out, gain = np.empty((options, thresholds.size, cells)), np.empty(cost.shape)
    for at, worth in enumerate(thresholds):
        np.multiply(effect, worth, out=gain)
        np.subtract(gain, cost, out=gain)
        out[:, at] = (_count(gain > 0) + _count(gain >= 0)) / (2 * draws)
    return out.reshape(*out.shape[:2], *rest)


def _draws_last(values: np.ndarray) -> np.ndarray:
    """(option, cell, draw) of (draw, option, ...), one draw next to the other."""
    return np.ascontiguousarray(np.moveaxis(values.reshape(*values.shape[:2], -1), 0, -1))


def _count(true: np.ndarray) -> np.ndarray:
    """How many along the last axis; row by row, which is several times as fast as along an axis."""
    return np.array([[np.count_nonzero(row) for row in option] for option in true])


def _attrs(cost: xr.DataArray) -> dict[str, object]:
    return {**cost.attrs, "unit": cost.attrs.get("unit", "unit of the cost")}
