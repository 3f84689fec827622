"""What-ifs: a catalogue in which one value is other than its source says, and which says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from costeff.errors import ParamsError, Problem, UsageError
from costeff.params.catalogue import Catalogue
from costeff.spec import Spec, validation_problems

ASSUMPTION = "stated_assumption"  # the source of whatever has none


def what_if(catalogue: Catalogue, key: str, note: str, **changes: Any) -> Catalogue:
    """A new catalogue with one value changed and marked as an assumption; the old one stays as it is.

    Parameters
    ----------
    key
        A transition, written model.parameter, or the id of a unit cost (then its latest value).
    note
        Why: it takes the place of the note of the source.
    changes
        Any of `mean`, `low`, `high`, `mass`, `family`.

    Returns
    -------
    Catalogue
        With a hash of its own, so that no result made from it passes for one of the sourced values.

    Raises
    ------
    UsageError
        For a key that is neither a transition nor a unit cost.
    ParamsError
        When the changed value does not hold together, such as a mean outside low to high.
    """
    given = {**changes, "note": note, "quality": "assumption", "source": (ASSUMPTION,)}
    model, _, name = key.partition(".")
    done = (*catalogue.changes, f"{key} {sorted(given.items())}")
    if name in catalogue.transitions.get(model, {}):
        moved = {**catalogue.transitions[model], name: _changed(catalogue.transitions[model][name], key, given)}
        return replace(catalogue, transitions={**catalogue.transitions, model: moved}, changes=done)
    if key in catalogue.unit_costs:
        cost = catalogue.unit_costs[key]
        values = tuple(_changed(v, key, given) if v is cost.latest else v for v in cost.values)
        costs = {**catalogue.unit_costs, key: _changed(cost, key, {"values": values})}
        return replace(catalogue, unit_costs=costs, changes=done)
    cure = "write a transition as model.parameter, or the id of a unit cost; `costeff params show` lists them"
    raise UsageError("This value cannot be changed", [Problem(key, "is neither a transition nor a unit cost", cure)])


def _changed(value: Spec, key: str, given: dict[str, Any]) -> Any:
    try:
        return value.override(**given)
    except ValidationError as error:
        raise ParamsError("The changed value does not hold together", validation_problems(error, key)) from error
