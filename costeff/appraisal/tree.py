"""A figure and what it was made of: a tree whose nodes can be made again from its leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from html import escape
from itertools import groupby
from typing import Any

import xarray as xr

from costeff.errors import Problem, UsageError

Rule = Callable[..., xr.DataArray]
AMOUNTS = ("EUR", "clients", "person-years")  # units of what is summed over years; other units are of rates
ITEM = "item"  # the dim of the parts of a state that have payers of their own
MASS = 0.9  # of the interval that is told of draws
DEEP = 2  # levels that stand open on a page


@dataclass(frozen=True)
class Fact:
    """One thing known of a leaf, with the address where it can be read."""

    name: str
    text: str
    url: str | None = None


@dataclass(frozen=True, repr=False)
class Traced:
    """A figure, how it is made, and what it is made of.

    Attributes
    ----------
    values
        By draw, year and `item`, as far as it varies; None for what is no number, such as the data.
    formula
        How its parts make it, as it is read.
    rule
        The same as a function of the values of the parts; None for a leaf.
    parts
        In the order of `rule`; what stands after the arguments of a rule explains, and is not reckoned with.
    """

    name: str
    values: xr.DataArray | None
    unit: str = ""
    formula: str = ""
    rule: Rule | None = None
    parts: tuple[Traced, ...] = ()
    facts: tuple[Fact, ...] = field(default=())

    def __getitem__(self, name: str) -> Traced:
        """The part of a name.

        Raises
        ------
        UsageError
            For a name that no part has.
        """
        for part in self.parts:
            if part.name == name:
                return part
        known = ", ".join(part.name for part in self.parts) or "none: it is a leaf"
        raise UsageError("There is no such part", [Problem(name, f"is no part of {self.name}", f"its parts: {known}")])

    def leaves(self) -> Iterator[Traced]:
        """What has no parts, each once."""
        seen: set[int] = set()
        waiting = [self]
        while waiting:
            node = waiting.pop(0)
            if id(node) not in seen:
                seen.add(id(node))
                waiting += node.parts
                if not node.parts:
                    yield node

    def recomputed(self) -> xr.DataArray:
        """The values once more, from the leaves up."""
        if self.rule is None:
            assert self.values is not None  # who has none is asked for none
            return self.values
        return self.rule(*(part.recomputed() for part in self.parts if part.values is not None))

    @property
    def told(self) -> str:
        """The number in words: mean, interval of its draws, and course over the years."""
        if self.values is None:
            return ""
        if self.unit in AMOUNTS:
            return _of_draws(_total(self.values), self.unit)
        values = _mean(self.values, ITEM)
        if "year" not in values.dims:
            return _of_draws(values, self.unit)
        return f"{_course(_mean(values, 'draw'))} {self.unit}".strip()

    # --- as text --------------------------------------------------------------------------------

    def text(self, depth: int | None = None) -> str:
        """The tree as plain text, so many levels deep; all of it unless said."""
        return "\n".join(_lines(self, depth, set()))

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return f'<div class="costeff-trace">{_html(self, 0, set())}</div>'


# --- rules ------------------------------------------------------------------------------------------


def total(*parts: xr.DataArray) -> xr.DataArray:
    """The sum of parts."""
    return reduce(lambda a, b: a + b, parts)


def difference(first: xr.DataArray, second: xr.DataArray) -> xr.DataArray:
    """The first less the second."""
    return first - second


def product(*parts: xr.DataArray) -> xr.DataArray:
    """The product of parts, summed over the parts of a state that have payers of their own."""
    found = reduce(lambda a, b: a * b, parts)
    return found.sum(ITEM) if ITEM in found.dims else found


def present_value(flow: xr.DataArray, weights: xr.DataArray) -> xr.DataArray:
    """What a yearly flow comes to, each year weighed."""
    found = flow * weights
    return found.sum("year") if "year" in found.dims else found


def made(
    name: str, formula: str, rule: Rule, parts: Sequence[Traced], unit: str, nothing: xr.DataArray | None = None
) -> Traced:
    """A node with its values worked out; without parts it is `nothing`."""
    if not parts and nothing is not None:
        return Traced(name, nothing, unit, "nothing")
    return Traced(name, rule(*(part.values for part in parts)), unit, formula, rule, tuple(parts))


# --- a number in words ------------------------------------------------------------------------------


def _total(values: xr.DataArray) -> xr.DataArray:
    return values.sum([dim for dim in ("year", ITEM) if dim in values.dims])


def _mean(values: xr.DataArray, dim: str) -> xr.DataArray:
    return values.mean(dim) if dim in values.dims else values


def _of_draws(values: xr.DataArray, unit: str) -> str:
    mean = _number(float(values.mean()))
    if "draw" not in values.dims or not float(values.std()):
        return f"{mean} {unit}".strip()
    low, high = (_number(float(values.quantile(end))) for end in ((1 - MASS) / 2, (1 + MASS) / 2))
    return f"{mean} {unit} ({MASS:.0%}: {low} to {high})".replace("  ", " ")


def _course(values: xr.DataArray) -> str:
    """A number by year, years with the same one together."""
    pairs = [(_number(float(v)), int(year)) for v, year in zip(values.to_numpy(), values["year"].values, strict=True)]
    runs = [(number, [year for _, year in some]) for number, some in groupby(pairs, key=lambda pair: pair[0])]
    if len(runs) == 1:
        return pairs[0][0]
    spans = [f"{number} in {years[0]}{f' to {years[-1]}' if len(years) > 1 else ''}" for number, years in runs]
    return ", ".join(spans if len(spans) <= 6 else [*spans[:3], "...", spans[-1]])


def _number(value: float) -> str:
    """Four digits of a small number, whole ones of a large one."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


# --- pictures of the tree ---------------------------------------------------------------------------


def _head(node: Traced) -> str:
    return f"{node.name}: {node.told}" if node.values is not None else node.name


def _lines(node: Traced, depth: int | None, seen: set[int]) -> list[str]:
    lines = [_head(node)]
    if id(node) in seen and (node.parts or node.facts):
        return [f"{lines[0]} (told above)"]
    seen.add(id(node))
    below = [f"= {node.formula}"] if node.formula else []
    below += [f"{fact.name}: {fact.text}{f' <{fact.url}>' if fact.url else ''}" for fact in node.facts]
    lines += [f"{'│' if node.parts and depth != 0 else ' '}  {line}" for line in below]
    if depth == 0:
        return lines
    for number, part in enumerate(node.parts):
        last = number == len(node.parts) - 1
        first, *others = _lines(part, None if depth is None else depth - 1, seen)
        lines.append(f"{'└─' if last else '├─'} {first}")
        lines += [f"{' ' if last else '│'}  {line}" for line in others]
    return lines


def _html(node: Traced, level: int, seen: set[int]) -> str:
    head = f"<b>{escape(node.name)}</b>" + (f": {escape(node.told)}" if node.values is not None else "")
    if id(node) in seen and (node.parts or node.facts):
        return f"<p>{head} (told above)</p>"
    seen.add(id(node))
    below = f"<p>= {escape(node.formula)}</p>" if node.formula else ""
    below += _facts(node.facts)
    if node.parts:
        below += "<ul>" + "".join(f"<li>{_html(part, level + 1, seen)}</li>" for part in node.parts) + "</ul>"
    if not below:
        return f"<p>{head}</p>"
    return f"<details{' open' if level < DEEP else ''}><summary>{head}</summary>{below}</details>"


def _facts(facts: Sequence[Fact]) -> str:
    rows = "".join(f"<li>{escape(fact.name)}: {_linked(fact)}</li>" for fact in facts)
    return f"<ul>{rows}</ul>" if rows else ""


def _linked(fact: Any) -> str:
    text = escape(fact.text)
    if fact.url and fact.url.startswith(("https://", "http://")):
        return f'<a href="{escape(fact.url)}">{text}</a>'
    return text
