"""Links: what follows later from an event of one model, as time in the states of another."""

from __future__ import annotations

import xarray as xr

from costeff.appraisal.cohorts import Cohorts
from costeff.avoided_cost import MODELS as AVOIDED_COST_MODELS
from costeff.cohort import apply_hazard_ratio, apply_odds_ratio, bare
from costeff.draws import NEW, OPTIONS, USUAL
from costeff.errors import ParamsError, Problem, Problems, UsageError
from costeff.params import Catalogue
from costeff.params.entries import Published
from costeff.params.links import Link
from costeff.params.pricing import sample, sample_effect


def links_of(model: str, catalogue: Catalogue) -> list[Link]:
    """The links that start in a model."""
    return [link for link in catalogue.links.values() if link.origin.model == model]


def active_links(model: str, catalogue: Catalogue, asked: tuple[str, ...] | None) -> list[Link]:
    """The links that are on: those asked for, or, where none was named, those whose evidence is an effect.

    Raises
    ------
    UsageError
        For a link that is unknown, starts elsewhere, lacks its baseline, or stands beside one that contains it.
    """
    here = {link.id: link for link in links_of(model, catalogue)}
    if asked is None:
        asked = tuple(link.id for link in here.values() if link.kind == "effect" and link.baseline)
    problems = Problems()
    for name in asked:
        if name not in catalogue.links:
            problems.add(f"link {name}", "is not a link", f"known: {', '.join(catalogue.links) or 'none'}")
        elif name not in here:
            rule = f"starts in {catalogue.links[name].origin.model}, not in {model}"
            problems.add(f"link {name}", rule, f"choose of {', '.join(here) or 'none'}")
        elif here[name].baseline is None:
            problems.add(f"link {name}", "has no baseline: it is not known", "add it to params/links.yaml")
        for other in here[name].contains if name in here else ():
            if other in asked:
                problems.add(f"link {name}", f"contains {other}: the same cost would count twice", "choose one of them")
    problems.raise_if_any(UsageError, "These links cannot be counted")
    return [here[name] for name in dict.fromkeys(asked)]


def published_effect(link: Link, catalogue: Catalogue) -> Published:
    """The row of evidence a link rests on."""
    return next(row for row in catalogue.evidence[link.evidence] if row.outcome == link.outcome)


def linked_time(link: Link, cohorts: Cohorts) -> xr.Dataset:
    """Person-years in the states of the link's target that follow from the origin's events, of one client.

    For each person who entered in year a, the time with the event less the time without it, `delay_years` later:
    time(y) = sum over a of entries(a) x persons x extra(y - a - delay).

    Returns
    -------
    Dataset as `AvoidedCostModel.run` gives: `state_time`, and `stay_time` where the target has tunnels; all 0
    where the delay reaches past the horizon
    """
    target = AVOIDED_COST_MODELS[link.target.model]
    entries = cohorts.run["entries"].sel(entered=list(link.origin.entered)).sum("entered")
    if link.persons:
        request = cohorts.request
        entries = entries * bare(sample(link.persons, request.draws, request.seed, f"links.{link.id}.persons"))
    years = max(1, cohorts.years - link.delay_years)
    window = min(link.window_years, years)
    chance, part = _chances(link, cohorts), window / link.window_years  # the same rate, for as long as there is
    happens = target.event == "happens"
    chance = 1 - (1 - chance) ** part if happens else chance**part
    later = xr.DataArray(0.0 if happens else 1.0)  # the evidence ends with the window: no event after it
    inputs = cohorts.inputs(target)
    for name, value in link.target.inputs.items():  # what is other for these people
        drawn = sample(value, cohorts.request.draws, cohorts.request.seed, f"links.{link.id}.{name}")
        inputs = inputs.assign({name: bare(drawn)})
    run = target.run(chance, later, inputs, years, window, start=link.target.start)
    names = [name for name in ("state_time", "stay_time") if name in run]
    return xr.Dataset({name: _later(entries, _extra(run[name]), link.delay_years) for name in names})


def _extra(time: xr.DataArray) -> xr.DataArray:
    return time.sel(option=USUAL, drop=True) - time.sel(option=NEW, drop=True)


def _later(entries: xr.DataArray, extra: xr.DataArray, delay: int) -> xr.DataArray:
    years = entries.sizes["year"]
    total = xr.zeros_like(entries * extra.isel(year=0, drop=True))
    for start in range(years - delay):
        count = years - delay - start
        part = entries.isel(year=start, drop=True) * extra.isel(year=slice(count))
        part = part.assign_coords(year=entries["year"].values[start + delay :])
        total = total + part.reindex(year=entries["year"].values, fill_value=0.0)
    return total.transpose(..., "year", extra.dims[-1])


def _chances(link: Link, cohorts: Cohorts) -> xr.DataArray:
    """Chance of the target's event with the origin's event, in the place of the usual option, and without it."""
    request, catalogue = cohorts.request, cohorts.catalogue
    assert link.baseline is not None  # active_links refuses others
    without = bare(sample(link.baseline, request.draws, request.seed, f"links.{link.id}.baseline"))
    row = published_effect(link, catalogue)
    effect = bare(sample_effect(row, request.draws, request.seed, f"links.{link.id}"))
    if "odds ratio" in row.measure:
        with_event = apply_odds_ratio(without, effect)
    elif "hazard ratio" in row.measure:
        with_event = apply_hazard_ratio(without, effect)
    elif "risk difference" in row.measure:
        with_event = (without + effect).clip(0.0, 1.0)
    else:
        rule = f"{row.measure} is neither an odds ratio, a hazard ratio nor a risk difference"
        problem = Problem(f"evidence/{link.evidence}.csv {row.outcome}", rule, "choose another row")
        raise ParamsError("The link cannot be counted", [problem])
    both = xr.concat([bare(with_event), without], dim="option").assign_coords(option=list(OPTIONS))
    return both.transpose("option", "draw")
