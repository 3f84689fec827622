"""The one door through which numbers reach a municipal page: what an appraisal file may hold, each with its kind.

The list is closed. What is not on it is refused when the file is written and when it
is read, so that a count of clients has no way to a page but as a protected one.
"""

from __future__ import annotations

import math
from typing import Any

import xarray as xr

from costeff.appraisal.areas import AREAS, MEASURES
from costeff.disclosure.kinds import Rule, names_a_person
from costeff.errors import ModelError, Problems

DIMS = ("draw", "option", "payer", "year")
BESIDE = ("area", "member")  # dims of other places: areas of AREAS, and the municipalities of a county
# Draws of a model, never a count of clients in the data; `discount` alone is a fact.
VARIABLES: dict[str, str] = dict.fromkeys(
    ("effect", "events", "cost", "avoided", "avoided_average", "avoided_linked", "time_avoided", "ratio",
     "ratio_prior", "events_prior", "weight_alone"), "estimate",
) | {"discount": "fact"}  # fmt: skip
# Draws of the same of other places, each over its own dim and no other.
OF_OTHERS = {f"{dim}_{name}": ("draw", dim) for dim in BESIDE for name in MEASURES}
ATTRIBUTES: dict[str, str] = (
    dict.fromkeys(
        ("chain", "price_set", "municipality", "municipality_fi", "municipality_sv", "municipality_en", "county",
         "county_fi", "county_sv", "county_en", "similar_fi", "similar_sv", "similar_en", "members", "order"), "key",
    )
    | dict.fromkeys(("n_clients_protected", "n_clients_all"), "count")
    | dict.fromkeys(("pooling", "evidence", "evidence_prior", "gate_reasons"), "estimate")
    | dict.fromkeys(("gate_passed", "synthetic", "price_year_changed", "claw_back", "whole_units"), "flag")
    | dict.fromkeys(
        ("price_year", "prices", "not_counted", "service_price_quality", "service_price_year", "persistence", "links",
         "links_off", "clients", "unit", "seed", "posterior", "sources", "model", "measure", "data", "covariates",
         "mass", "discount_rate", "horizons", "input_hash", "version"), "fact",
    )
)  # fmt: skip
HIDDEN = -1  # how the file writes a count that is not shown
CURE = "make it with this version of costeff; a new variable or attribute needs a kind in costeff.report.door"


def let_through(data: xr.Dataset, place: str, rule: Rule | None = None) -> xr.Dataset:
    """The same dataset, if all of it may reach a page.

    Raises
    ------
    ModelError
        With everything that is not on the list or is not of its kind; never a value.
    """
    problems = Problems()
    check(data, place, problems, rule)
    problems.raise_if_any(ModelError, "The appraisal holds what may not reach a page")
    return data


def check(data: xr.Dataset, place: str, problems: Problems, rule: Rule | None = None) -> None:
    """Add to `problems` what of a dataset is not on the list or is not of its kind."""
    for name in sorted(map(str, data.variables)):
        values = data[name]
        if name in DIMS:
            wrong = values.dims != (name,) or values.dtype.kind not in (
                "iuUOT" if name in ("option", "payer") else "iu"
            )
            if wrong or (values.dtype.kind not in "iu" and names_a_person(" ".join(map(str, values.values.tolist())))):
                problems.add(f"{place} {name}", "is not what this coordinate holds", CURE)
        elif name in BESIDE:
            if not _are_places(name, values):
                problems.add(f"{place} {name}", "is not what this coordinate holds", CURE)
        elif name in OF_OTHERS:
            if values.dims != OF_OTHERS[name] or values.dtype.kind != "f":
                problems.add(f"{place} {name}", f"is not draws over {', '.join(OF_OTHERS[name])}", CURE)
        elif name not in VARIABLES:
            problems.add(f"{place} {_named(name)}", "is not on the list of what an appraisal may hold", CURE)
        elif set(values.dims) - set(DIMS) or values.dtype.kind != "f":
            problems.add(f"{place} {name}", f"is not {VARIABLES[name]} values over {', '.join(DIMS)}", CURE)
        elif VARIABLES[name] == "estimate" and "draw" not in values.dims:
            problems.add(f"{place} {name}", "is not draws of a model, but plain numbers", CURE)
        for told in set(values.attrs) - {"unit"}:
            problems.add(f"{place} {_named(name)}", f"has an attribute {_named(str(told))} of its own", CURE)
    for name, value in data.attrs.items():
        if rule_broken := _broken(str(name), value, rule or Rule()):
            problems.add(f"{place} attribute {_named(str(name))}", rule_broken, CURE)


def _are_places(dim: str, values: xr.DataArray) -> bool:
    """Whether a dim names areas, in their order, or municipalities by their codes."""
    codes = list(map(str, values.to_numpy().ravel().tolist()))
    if dim == "area":
        known = codes == [kind for kind in AREAS if kind in codes]
    else:
        known = all(len(code) == 3 and code.isdecimal() and code.isascii() for code in codes)
    return known and values.dims == (dim,)


def _broken(name: str, value: Any, rule: Rule) -> str:
    """Which rule an attribute breaks; empty when it breaks none."""
    value = value.item() if hasattr(value, "item") and getattr(value, "size", 1) == 1 else value
    match ATTRIBUTES.get(name):
        case None:
            return "is not on the list of what an appraisal may hold"
        case "count":
            shown = isinstance(value, int) and (value == HIDDEN or rule.may_show(value))
            return "" if shown else "is not a protected count"
        case "flag":
            return "" if value in (0, 1) else "is not 0 or 1"
    if isinstance(value, str):
        return "holds an identity code or a pseudonym" if names_a_person(value) else ""
    if isinstance(value, int | float):
        return "is infinite" if math.isinf(value) else ""
    return "is neither a text nor a number"


def _named(name: str) -> str:
    """A name that may be told."""
    return name if name.isidentifier() and not names_a_person(name) else "(a name that is not an identifier)"
