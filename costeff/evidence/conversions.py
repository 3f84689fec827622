"""From one measure of effect to another, with its standard error.

A measure of two risks is a difference on some scale of risk: `x = g(p1) - g(p0)`. With the
baseline risk p0 known, the risk with the service is `p1 = g_inverse(g(p0) + x)`, and any
other measure follows from p0 and p1. The standard error follows by the delta method:
`error_to = error x g_to'(p1) / g_from'(p1)`. Everything is on the scale of the measure: a
ratio as its natural logarithm.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from costeff.cohort.labels import CellProblems, Value, check_labels, check_range
from costeff.errors import ModelError, Problem
from costeff.evidence.measures import HAZARD_RATIO, ODDS_RATIO, RISK_RATIO, STANDARDISED, Measure, named

LOG_ODDS_PER_SD = np.pi / np.sqrt(3)  # standard deviation of the standard logistic distribution

_SOURCES = {
    ODDS_RATIO: "Zhang & Yu 1998, doi:10.1001/jama.280.19.1690",
    HAZARD_RATIO: "proportional hazards; VanderWeele 2020, doi:10.1111/biom.13197",
    STANDARDISED: "Chinn 2000, doi:10.1002/1097-0258(20001130)19:22<3127::AID-SIM784>3.0.CO;2-M",
}


def convert(value: Value, error: Value, measure: str, to: str, baseline: Value | None = None) -> xr.Dataset:
    """An effect of one measure told as another.

    Odds ratio to and from risk ratio is the exact identity that Zhang & Yu (1998,
    doi:10.1001/jama.280.19.1690) print: RR = OR / (1 - p0 + p0 x OR). A hazard ratio holds for
    the time in which the baseline risk is: p1 = 1 - (1 - p0)**HR (doi:10.1111/biom.13197). A
    standardised difference becomes a log odds ratio by the factor pi / sqrt(3) (Chinn 2000), as if
    the outcome were logistic and cut at any point.

    Parameters
    ----------
    value
        The estimate on the scale of `measure`: the logarithm of a ratio, a difference as it is.
        A number, or labelled.
    error
        Its standard error on the same scale; 0 for a draw.
    measure, to
        Names in `MEASURES`.
    baseline
        Risk without the service, above 0 and below 1, taken as known; a labelled baseline over
        `draw` carries its own uncertainty. Needed unless both measures are the same, or are the
        odds ratio and the standardised difference.

    Returns
    -------
    Dataset of `estimate` and `error`, with the dims of what went in, on the scale in attrs.

    Raises
    ------
    ModelError
        For a missing baseline, a measure with no way to the other, values that are missing, an
        error below 0, labels that differ, or an effect that takes the baseline risk out of 0 to 1.
    """
    start, end = named(measure), named(to)
    problems = CellProblems()
    check_range(problems, "value", value, -np.inf, np.inf)
    check_range(problems, "error", error, 0, np.inf)
    if baseline is not None:
        check_range(problems, "baseline", baseline, 0, 1, above=True, cure="give a risk above 0 and below 1")
        if np.any(np.asarray(baseline) == 1):
            problems.add("baseline", "is 1", "give a risk above 0 and below 1")
    for kind in (start, end):
        if kind.link is None and kind.id != STANDARDISED and start is not end:
            problems.add(kind.id, f"has no way from {start.id} to {end.id}", "it needs the sd of the outcome")
    needed = start is not end and {start.id, end.id} != {ODDS_RATIO, STANDARDISED}
    if needed and baseline is None:
        rule = f"is needed from {start.id} to {end.id}"
        problems.add("baseline", rule, "give the risk without the service, in the same time")
    named_arrays = {"value": value, "error": error, "baseline": baseline}
    check_labels(problems, {name: a for name, a in named_arrays.items() if isinstance(a, xr.DataArray)})
    problems.raise_if_any(ModelError, f"A {measure} cannot become a {to}")

    x, spread = _labelled(value), _labelled(error)
    if start is not end:
        x, spread = _to_log_odds_ratio(x, spread, start)
        via, goal = named(_of_risks(start)), named(_of_risks(end))
        if via is not goal and baseline is not None:
            x, spread = _through_risk(x, spread, via, goal, _labelled(baseline))
        if end.id == STANDARDISED:
            x, spread = x / LOG_ODDS_PER_SD, spread / LOG_ODDS_PER_SD
    used = [_SOURCES[m] for m in (measure, to) if m in _SOURCES] if start is not end else []
    attrs: dict[str, object] = {"measure": to, "scale": end.scale, "converted_from": measure, "sources": used}
    attrs["baseline"] = "taken as known" if needed else "not needed"
    return xr.Dataset({"estimate": x, "error": spread}, attrs=attrs)


def risk_ratio_without_baseline(value: Value, error: Value, measure: str) -> xr.Dataset:
    """A risk ratio where nobody tells the baseline risk and the outcome is common: an approximation.

    RR = sqrt(OR) (VanderWeele 2017, doi:10.1097/EDE.0000000000000733) and
    RR = (1 - 0.5**sqrt(HR)) / (1 - 0.5**sqrt(1 / HR)) (VanderWeele & Ding 2017,
    doi:10.7326/M16-2607): the smallest largest bias where risks lie about evenly round a half
    (doi:10.1111/biom.13197). Below a risk of about 0.15 both ratios are near the risk ratio as
    they are, and this makes them worse. With a baseline risk, use `convert`.

    Parameters
    ----------
    value, error
        The estimate and its standard error, as logarithms.
    measure
        The odds ratio or the hazard ratio.

    Raises
    ------
    ModelError
        For another measure, values that are missing, or an error below 0.
    """
    if measure not in (ODDS_RATIO, HAZARD_RATIO):
        cure = f"it is made from an {ODDS_RATIO} or a {HAZARD_RATIO}"
        raise ModelError("No risk ratio without a baseline", [Problem(measure, "has no such approximation", cure)])
    problems = CellProblems()
    check_range(problems, "value", value, -np.inf, np.inf)
    check_range(problems, "error", error, 0, np.inf)
    problems.raise_if_any(ModelError, "No risk ratio without a baseline")
    x, spread = _labelled(value), _labelled(error)
    if measure == ODDS_RATIO:
        estimate, slope, source = x / 2, 0.5, "doi:10.1097/EDE.0000000000000733"
    else:
        up, down = np.exp(x / 2), np.exp(-x / 2)
        estimate = np.log(-np.expm1(-np.log(2) * up)) - np.log(-np.expm1(-np.log(2) * down))
        slope = np.log(2) / 2 * (up / np.expm1(np.log(2) * up) + down / np.expm1(np.log(2) * down))
        source = "doi:10.7326/M16-2607"
    attrs: dict[str, object] = {"measure": RISK_RATIO, "scale": named(RISK_RATIO).scale, "converted_from": measure}
    attrs |= {"sources": [source], "baseline": "unknown: an approximation for a common outcome"}
    return xr.Dataset({"estimate": estimate, "error": spread * slope}, attrs=attrs)


def _labelled(value: Value) -> xr.DataArray:
    return value if isinstance(value, xr.DataArray) else xr.DataArray(float(value))


def _of_risks(measure: Measure) -> str:
    """The measure of risks through which a conversion goes."""
    return ODDS_RATIO if measure.id == STANDARDISED else measure.id


def _to_log_odds_ratio(x: xr.DataArray, error: xr.DataArray, start: Measure) -> tuple[xr.DataArray, xr.DataArray]:
    return (x * LOG_ODDS_PER_SD, error * LOG_ODDS_PER_SD) if start.id == STANDARDISED else (x, error)


def _through_risk(
    x: xr.DataArray, error: xr.DataArray, start: Measure, end: Measure, baseline: xr.DataArray
) -> tuple[xr.DataArray, xr.DataArray]:
    """From one measure of risks to another, by way of the risk with the service."""
    assert start.link is not None
    assert end.link is not None
    with np.errstate(over="ignore"):
        risk = start.link.risk(start.link.scale(baseline) + x)
    problems = CellProblems()
    rule = f"risk with the service is {{}}: a {start.id} this large cannot hold at this baseline"
    if start.id in (ODDS_RATIO, HAZARD_RATIO):
        rule = "risk with the service is {}: the effect is too large to be told apart from certainty"
    outside = ~((risk > 0) & (risk < 1)).values
    problems.add_cells("baseline", risk, outside, rule, "check the baseline risk, its time, and the estimate")
    problems.raise_if_any(ModelError, f"A {start.id} cannot become a {end.id}")
    estimate = end.link.scale(risk) - end.link.scale(baseline)
    return estimate, error * end.link.slope(risk) / start.link.slope(risk)
