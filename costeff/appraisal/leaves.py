"""The leaves of a traced figure: what was read of the catalogue, drawn, fitted and counted, and where it is from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

import numpy as np
import xarray as xr

from costeff.appraisal.evidence import told_of
from costeff.appraisal.request import Request
from costeff.appraisal.tree import Fact, Traced
from costeff.cohort.discounting import FORMULAS
from costeff.disclosure import THRESHOLD, protect_count
from costeff.outcomes import Fit
from costeff.params import Catalogue
from costeff.params.entries import Published, Uncertain, UnitCost
from costeff.params.payers import Turn
from costeff.params.pricing import Priced, sample
from costeff.records import Cells

ENDS = (0.05, 0.5, 0.95)


def sources(catalogue: Catalogue, ids: Iterable[str]) -> list[Fact]:
    """Each source with its publisher, title, date and address."""
    found = []
    for name in dict.fromkeys(ids):
        source = catalogue.sources[name]
        parts = (source.publisher, source.title, source.published)
        found.append(Fact("source", ". ".join(part for part in parts if part), source.url))
    return found


def drawn(values: xr.DataArray, seed: int, stream: str) -> Fact:
    """How many draws, from which seed, and where they lie."""
    return Fact("draws", f"{values.sizes['draw']}, seed {seed}, stream {stream}; {_ends(values)}")


def spread(values: xr.DataArray) -> Fact:
    """Where the draws of an estimate lie."""
    return Fact("draws", f"{values.sizes['draw']} of the posterior; {_ends(values)}")


def _ends(values: xr.DataArray) -> str:
    flat = values.mean([dim for dim in values.dims if dim != "draw"])
    return ", ".join(f"{end:.0%} at {float(flat.quantile(end)):.6g}" for end in ENDS)


def known(row: Uncertain) -> list[Fact]:
    """What the catalogue says of a number: its interval, family, kind of evidence, and why."""
    if row.low is None or row.high is None:
        spread = "no uncertainty is stated"
    else:
        spread = f"{row.low:g} to {row.high:g} ({row.mass:.0%})"
    facts = [Fact("as read", f"mean {row.mean:g}, {spread}, family {row.family}"), Fact("evidence", row.quality)]
    return facts + ([Fact("note", row.note)] if row.note else [])


def sampled(name: str, row: Uncertain, unit: str, stream: str, request: Request, catalogue: Catalogue) -> Traced:
    """A number of the catalogue as it was drawn."""
    values = sample(row, request.draws, request.seed, stream).drop_attrs()
    facts = [*known(row), *sources(catalogue, row.source), drawn(values, request.seed, stream)]
    return Traced(name, values, unit, facts=tuple(facts))


def unit_price(part: Priced, catalogue: Catalogue, seed: int) -> Traced:
    """A unit cost per person-year, or per client where it is no matter of time."""
    cost, value = part.cost, part.cost.latest
    per_year = catalogue.units[cost.basis].per_person_year
    factor = catalogue.indices[cost.index].factor(value.price_year, part.price_year)
    money = f"{value.price_year}, read in its own money"
    if part.indexed:
        money = (
            f"price year {value.price_year}, read in the money of {part.price_year}: index {cost.index}, x {factor:.6g}"
        )
    times = f", {per_year:g} of them a person-year" if per_year else ""
    facts = [
        Fact("unit cost", f"{cost.id}, {cost.unit}{times}; valid from {value.valid_from}"),
        Fact("price year", money),
        *([Fact("page", value.page)] if value.page else []),
        *known(value),
        *sources(catalogue, value.source),
        drawn(part.draws, seed, f"unit_costs.{cost.id}"),
    ]
    unit = "EUR/person-year" if per_year else "EUR/client"
    return Traced(f"price: {cost.label.en}", part.draws.drop_attrs(), unit, facts=tuple(facts))


def stoppable(cost: UnitCost, values: xr.DataArray, catalogue: Catalogue, seed: int) -> Traced:
    """The share of a price that its payer can stop paying, by year of the horizon."""
    settings, bands = catalogue.conventions, cost.cashable
    spans = {
        "short": f"to year {settings.cashable_short_until}",
        "medium": f"to year {settings.cashable_medium_until}",
        "long": "later",
    }
    told = [Fact(f"{name} run, {until}", _interval(getattr(bands, name))) for name, until in spans.items()]
    named = (s for name in spans for s in getattr(bands, name).source)
    notes = dict.fromkeys(note for name in spans if (note := getattr(bands, name).note))
    facts = [*told, *(Fact("note", note) for note in notes), *sources(catalogue, named)]
    facts.append(drawn(values, seed, f"cashable.{cost.id}"))
    return Traced("share that can be stopped", values, "", facts=tuple(facts))


def _interval(row: Uncertain) -> str:
    ends = "" if row.low is None or row.high is None else f" ({row.low:g} to {row.high:g}, {row.mass:.0%})"
    return f"{row.mean:g}{ends}, {row.quality}"


def payer_share(payer: str, who: str, values: xr.DataArray, catalogue: Catalogue, county: str) -> Traced:
    """What one payer pays of a cost: the payer itself, or whom the law names by date."""
    name, years = f"share that the {who} pays", values["year"].to_numpy()
    if payer in catalogue.payers:
        return Traced(name, values, "", facts=(Fact("payer", f"the cost is that of the {payer}"),))
    duty = catalogue.duties[payer]
    if county in duty.except_counties:
        facts = [Fact("duty", f"{payer}; in county {county} it is that of the {duty.except_counties[county]}")]
        facts += sources(catalogue, (s for turn in duty.turns for s in turn.source))
        return Traced(name, values, "", facts=tuple(facts))
    turns = _in_force(duty.turns, int(years.min()), int(years.max()))
    dates = ", ".join("from the start" if turn.valid_from is None else f"from {turn.valid_from}" for turn in turns)
    facts = [Fact("duty", f"{payer} ({duty.label.en}), as the law has it {dates}")]
    facts += [Fact("note", duty.note)] if duty.note else []
    return Traced(name, values, "", facts=(*facts, *sources(catalogue, (s for turn in turns for s in turn.source))))


def _in_force(turns: Sequence[Turn], first: int, last: int) -> list[Turn]:
    """The turns that hold at the start of some of the years."""
    ordered = sorted(turns, key=lambda turn: turn.valid_from or date.min)
    starts = [turn.valid_from or date.min for turn in ordered]
    ends = [*starts[1:], date.max]
    return [t for t, a, b in zip(ordered, starts, ends, strict=True) if a <= date(last, 1, 1) and b > date(first, 1, 1)]


def discounting(values: xr.DataArray, catalogue: Catalogue) -> Traced:
    """The weight of each year."""
    rate = catalogue.conventions.discount
    facts = [Fact("rate", f"{rate.rate:g} a year"), *([Fact("note", rate.note)] if rate.note else [])]
    formula = f"{FORMULAS['yearly']}, t is 0 in the first year"
    return Traced("weight of the year", values, "", formula, facts=(*facts, *sources(catalogue, rate.source)))


def published(row: Published, values: xr.DataArray, stream: str, seed: int, catalogue: Catalogue) -> Traced:
    """A published effect as it was drawn."""
    ends = "no interval" if row.low95 is None or row.high95 is None else f"{row.low95:g} to {row.high95:g} (95%)"
    facts = [Fact("as read", f"{row.measure} {row.value:g}, {ends}; {row.outcome}"), Fact("note", row.note)]
    facts += [*sources(catalogue, [row.source]), drawn(values, seed, stream)]
    return Traced("published effect", values, "", facts=tuple(facts))


def given(name: str, values: xr.DataArray, unit: str, why: str) -> Traced:
    """A number that is asked for, or given by a definition."""
    return Traced(name, values, unit, facts=(Fact("given", why),))


def claw_back_share(catalogue: Catalogue, calendar: np.ndarray) -> Traced:
    """What of a change in costs passes on in the corrections of each year."""
    rule = catalogue.claw_back
    values = [rule.share(date(int(year), 1, 1)) for year in calendar]
    facts = [Fact("rule", rule.label.en), Fact("note", rule.note)]
    facts += sources(catalogue, (s for turn in rule.turns for s in turn.source))
    return Traced("share that passes on", xr.DataArray(values, {"year": calendar}, "year"), "", facts=tuple(facts))


# --- what was fitted --------------------------------------------------------------------------------


def posterior(fit: Fit, what: str, catalogue: Catalogue, draws: int, cells: Cells | None) -> Traced:
    """The posterior behind a number: model, hash, gate, draws, prior; with the cells it was fitted to."""
    attrs, failed = fit.effect.attrs, [check for check in fit.checks if not check.passed]
    names = ", ".join(f"{check.check} {check.where}" for check in failed)
    gate = f"failed: {names}" if failed else f"passed, {len(fit.checks)} checks{_worst(fit)}"
    facts = [
        Fact("model", f"{fit.model}, {attrs.get('measure', '')}".strip(", ")),
        Fact("posterior", str(attrs.get("hash", fit.hash))),
        *([Fact("moved", fit.hash)] if attrs.get("hash", fit.hash) != fit.hash else []),
        Fact("gate", gate if fit.checks else "none: it was not sampled"),
        Fact("draws", f"{draws} of {fit.effect.sizes['draw']}, evenly spaced" + _seeded(attrs)),
        Fact("data", f"{attrs['data']}{', synthetic' if int(attrs['synthetic']) else ''}"),
    ]
    if told := told_of(fit):
        facts.append(Fact("prior", f"published evidence, {told['belief']}: {told.get('prior') or 'not used'}"))
        facts += sources(catalogue, [*told["sources"], *told["behind"]])
    parts = (counted(cells),) if cells is not None else ()
    return Traced(what, None, facts=tuple(facts), parts=parts)


def _worst(fit: Fit) -> str:
    found = [check.value for check in fit.checks if check.check == "rhat"]
    return f"; largest R-hat {max(found):.4f}" if found else ""


def _seeded(attrs: dict[str, object]) -> str:
    return f"; sampled with seed {attrs['seed']}" if "seed" in attrs else ""


def counted(cells: Cells) -> Traced:
    """The cells a model was fitted to: rows and clients in all, as they may be told, and never by place."""
    table = cells.table
    people = int(table["n"].sum()) if "n" in table else None
    shown = None if people is None else protect_count(people)
    clients = "not told" if shown is None else f"about {shown:,}"
    facts = [
        Fact("register", f"{cells.source}{', synthetic' if cells.synthetic else ''}"),
        Fact("statistics", f"{cells.statistic}, by {', '.join(cells.by)}"),
        Fact("rows", f"{len(table):,}"),
        Fact("clients", clients),
    ]
    if cells.follow_up is not None:
        facts.append(Fact("follow-up", f"{cells.follow_up:g} days"))
    return Traced("cells", None, facts=tuple(facts))


def here(fit: Fit, code: str, catalogue: Catalogue) -> Fact:
    """Which place an estimate is of, and how many of its clients are behind it, as that may be told."""
    place = f"{code} {catalogue.municipality(code).name('en')}"
    if "clients" not in fit.effect:
        local = any("municipality" in values.dims for values in fit.effect.values())
        return Fact("place", f"{place}; {'an estimate of its own' if local else 'the same estimate in all places'}")
    clients = fit.effect["clients"].reindex(municipality=[code]).fillna(0).sum()
    shown = protect_count(int(clients))
    told = f"fewer than {THRESHOLD} clients, or none: not shown" if shown is None else f"about {shown:,} clients"
    return Fact("place", f"{place}: {told}; one model over {fit.effect.sizes['municipality']} municipalities")


def years_of(values: Sequence[float] | np.ndarray, calendar: np.ndarray) -> xr.DataArray:
    """Numbers by calendar year."""
    return xr.DataArray(np.asarray(values, dtype=float), {"year": calendar}, "year")
