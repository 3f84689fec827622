"""Reading the appraisal file of a municipality: what is in it, in order, checked before it is told."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import xarray as xr

from costeff.appraisal.files import unpack
from costeff.draws import OPTIONS
from costeff.errors import ModelError, Problem, Problems, UsageError
from costeff.report.door import check
from costeff.spec import is_county

_VARIABLES = ("events", "cost", "avoided", "avoided_average", "avoided_linked", "discount")
_ATTRIBUTES = (
    "municipality", "municipality_fi", "municipality_sv", "county_fi", "county_sv", "county_en", "clients",
    "price_set", "price_year", "seed", "input_hash", "gate_passed", "synthetic", "evidence", "mass", "version",
    "persistence", "links", "links_off", "claw_back", "whole_units", "not_counted",
)  # fmt: skip


CODE = re.compile(r"[0-9]{2,3}")
QUOTED = 'write a municipality in quotes and in full: "091", a county: "07"'


@dataclass(frozen=True, eq=False)  # compared by identity, so that what is worked out of it can be remembered
class Variant:
    """One chain at one price set: the appraisal Dataset, and what its attributes say."""

    chain: str
    data: xr.Dataset

    def attr(self, name: str, default: Any = "") -> Any:
        """An attribute as a plain Python value."""
        value = self.data.attrs.get(name, default)
        return value.item() if hasattr(value, "item") else value

    def listed(self, name: str) -> list[Any]:
        """An attribute that holds a list as JSON; an empty list when it is absent."""
        text = self.attr(name)
        found = json.loads(text) if text else []
        return found if isinstance(found, list) else [found]

    @cached_property
    def years(self) -> int:
        return int(self.data.sizes["year"])

    @cached_property
    def mass(self) -> float:
        return float(self.attr("mass"))

    @cached_property
    def clients(self) -> int:
        return int(self.attr("clients"))

    @cached_property
    def passed(self) -> bool:
        return bool(int(self.attr("gate_passed")))

    @cached_property
    def synthetic(self) -> bool:
        return bool(int(self.attr("synthetic")))


@dataclass(frozen=True)
class Appraisal:
    """One chain: its own choice of prices first, then the others it is compared with."""

    chain: str
    variants: tuple[Variant, ...]

    @property
    def main(self) -> Variant:
        return self.variants[0]


def read_appraisals(path: Path, municipality: str) -> list[Appraisal]:
    """The chains of one municipality, or of one county as one place, in the order of the file.

    Raises
    ------
    UsageError
        The file cannot be read, or is about a county where a municipality was asked for, or the other way round.
    ModelError
        A group lacks a variable or attribute of the contract, or holds what may not reach a page; all
        are named at once.
    """
    if not isinstance(municipality, str) or not CODE.fullmatch(municipality):
        rule = "is not a code of three digits, nor a county's of two"
        problem = Problem(f"municipality {municipality}", rule, QUOTED)
        raise UsageError("Unknown municipality", [problem])
    chains: dict[str, list[Variant]] = {}
    for (chain, _), data in unpack(path).items():
        if is_county(str(data.attrs.get("municipality"))) != is_county(municipality):
            rule = "is a county's code" if is_county(municipality) else "is a municipality's code"
            problem = Problem(f"{municipality} and {path.name}", f"{rule}, and the file is not about one", QUOTED)
            raise UsageError("The file is about another kind of place", [problem])
        chains.setdefault(chain, []).append(Variant(chain, data))
    found = [Appraisal(chain, tuple(variants)) for chain, variants in chains.items()]
    _check(found, path.name, municipality)
    return found


def in_order(found: list[Appraisal], own_price_set: Mapping[str, str]) -> tuple[Appraisal, ...]:
    """Chains by their attribute `order`; in each the price set of its own choice first."""
    chains = sorted(found, key=lambda appraisal: int(appraisal.main.attr("order", 0)))
    return tuple(
        Appraisal(
            one.chain,
            tuple(sorted(one.variants, key=lambda v: v.attr("price_set") != own_price_set.get(one.chain))),
        )
        for one in chains
    )


def _check(found: list[Appraisal], name: str, municipality: str) -> None:
    problems = Problems()
    if not found:
        problems.add(name, "has no chain", "run the appraisal again")
    for appraisal in found:
        for variant in appraisal.variants:
            place = f"{name} {appraisal.chain}"
            missing = [v for v in _VARIABLES if v not in variant.data] + [
                a for a in _ATTRIBUTES if a not in variant.data.attrs
            ]
            if missing:
                problems.add(place, f"lacks {', '.join(missing)}", "make it with this version of costeff")
            elif tuple(variant.data["option"].values) != OPTIONS:
                problems.add(place, f"its options are not {', '.join(OPTIONS)}", "make it with this version of costeff")
            elif variant.attr("municipality") != municipality:
                problems.add(place, f"is not about municipality {municipality}", "give the file of that municipality")
            check(variant.data, place, problems)
    problems.raise_if_any(ModelError, "The appraisal cannot be reported")
