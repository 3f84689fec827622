"""A fit as a sentence, its effect and its gate."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

import xarray as xr

from costeff.draws import NEW, USUAL, summarise
from costeff.shown import framed, lines, table, titled

if TYPE_CHECKING:
    from costeff.outcomes.fit import Fit

MASS = 0.9


def effect_rows(effect: xr.Dataset, mass: float = MASS) -> list[dict[str, str]]:
    """An effect as rows: the quantity under each option, their difference, and the relative effect.

    Parameters
    ----------
    effect
        As an outcome model or a comparison gives it. Places are told as one, weighted by their clients where these
        are known; causes, levels and ends each have rows of their own.
    """
    quantity = str(effect.attrs["quantity"])
    told: dict[str, xr.DataArray] = {}
    for level, values in _levels(_country(effect, effect[quantity])):
        usual, new = (values.sel(option=option, drop=True) for option in (USUAL, NEW))
        told |= {f"{quantity}{level}, usual": usual, f"{quantity}{level}, new": new, f"difference{level}": new - usual}
    if "ratio" in effect:
        measure = str(effect.attrs.get("measure", "ratio")).replace("_", " ")
        told |= {f"{measure}{level}": values for level, values in _levels(effect["ratio"])}
    return [_row(name, draws, mass) for name, draws in told.items()]


def _country(effect: xr.Dataset, values: xr.DataArray) -> xr.DataArray:
    if "municipality" not in values.dims:
        return values
    if "clients" in effect and float(effect["clients"].sum()) > 0:
        return values.weighted(effect["clients"]).mean("municipality")
    return values.mean("municipality")


def _levels(values: xr.DataArray) -> Iterator[tuple[str, xr.DataArray]]:
    """Values by what they are of, where they are of several causes, levels or ends."""
    more = [str(dim) for dim in values.dims if dim not in ("draw", "option")]
    if not more:
        yield "", values
        return
    for level in values[more[0]].to_numpy().tolist():
        for deeper, found in _levels(values.sel({more[0]: level}, drop=True)):
            yield f" of {level}{deeper}", found


def _row(name: str, draws: xr.DataArray, mass: float) -> dict[str, str]:
    found = summarise(draws, mass)
    low, high = float(found["low"]), float(found["high"])
    return {"": name, "mean": f"{float(found['mean']):.3g}", _interval(mass): f"{low:.3g} to {high:.3g}"}


def _interval(mass: float) -> str:
    return f"{mass:.0%} interval"


def sentence(effect: xr.Dataset, mass: float = MASS) -> str:
    """What an effect says, with its interval."""
    rows = effect_rows(effect, mass)
    unit, told = effect.attrs.get("unit", ""), str(effect.attrs["quantity"])
    if len(rows) > 4:
        return f"{told.capitalize()} ({unit}) under either option."
    usual, new, difference = (row["mean"] for row in rows[:3])
    return (
        f"{told.capitalize()} ({unit}): {new} with the new option and {usual} with the usual one, a difference of "
        f"{difference} ({_interval(mass)} {rows[2][_interval(mass)]})."
    )


def show_fit(fit: Fit) -> dict[str, str]:
    """A fit in a notebook and as plain text; one that failed its gate shows its checks and no effect."""
    if fit.passed:
        said, rows = sentence(fit.effect), effect_rows(fit.effect)
    else:
        failed = ", ".join(sorted({str(check["check"]) for check in fit.failed_checks}))
        said, rows = f"The fit did not pass its gate ({failed}): no figure may be made from it.", []
    data = str(fit.effect.attrs.get("data", ""))
    checks = fit.diagnostics().to_html(index=False, float_format="%.3f", border=0)
    verdict = f"The gate: {len(fit.checks)} checks, {len(fit.failed_checks)} failed"
    gate = f"<details{'' if fit.passed else ' open'}><summary>{verdict}</summary>{framed(checks, verdict)}</details>"
    html = titled(fit.model, f"<p>{escape(said)}</p>", table(rows, f"Effect, estimated from {data}"), gate)
    return {"text/plain": "\n".join([f"{fit.model}: {said}", lines(rows)]).rstrip(), "text/html": html}
