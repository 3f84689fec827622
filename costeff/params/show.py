"""Readable cards of catalogue entries, for the terminal and for a notebook."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from html import escape
from typing import Any

from costeff.chain import ImpactChain
from costeff.errors import Problem, UsageError
from costeff.params.catalogue import Catalogue, uncertain_values
from costeff.params.entries import DatedValue, Uncertain
from costeff.spec import Label, Spec


def interval(value: Uncertain) -> str:
    """Low to high with its probability, or what stands in its place."""
    if value.low is None or value.high is None:
        return "not stated"
    return f"{value.low:g} to {value.high:g} ({value.mass:.0%})"


def facts(entry: Spec) -> list[tuple[str, str]]:
    """The plain fields of an entry, in order: name and text."""
    rows = []
    for name in type(entry).model_fields:
        value = getattr(entry, name)
        if isinstance(value, Label):
            rows.append((name, f"{value.en} · {value.fi} · {value.sv}"))
        elif isinstance(value, (str, int, float)) and value != "":
            rows.append((name, f"{value:g}" if isinstance(value, float) else str(value)))
        elif name == "prices":
            rows += [
                (f"{name}: {model} {state}", _parts(price))
                for model, states in value.items()
                for state, price in states.items()
            ]
        elif name == "turns":
            rows += [
                (f"from {turn.valid_from or 'the start'}", f"{_who(turn)} ({', '.join(turn.source)})") for turn in value
            ]
        elif name == "source":
            rows.append((name, ", ".join(value)))
    return rows


def _parts(price: Any) -> str:
    counted = ", ".join(f"{p.cost}{f' x {p.share.mean:g}' if p.share else ''}" for p in price.components)
    left = ", ".join(p.cost or p.reason.en for p in price.not_counted)
    return "; ".join(part for part in (counted, f"not counted: {left}" if left else "") if part)


def _who(turn: Any) -> str:
    """The payer of a turn, or what each pays, and from which day on."""
    if not hasattr(turn, "split"):
        return f"{turn.share:.0%}"
    steps = [
        (f"from day {step.from_days:g}: " if step.from_days else "")
        + " and ".join(f"{payer} {share:.0%}" for payer, share in step.shares.items())
        for step in turn.split
    ]
    return turn.payer or "; ".join(steps)


def values(entry: Spec) -> list[dict[str, str]]:
    """Every uncertain value of an entry as a row: value, interval, price year, kind of evidence, source."""
    return [
        {
            "value": name,
            "mean": f"{value.mean:,.10g}",
            "interval": interval(value),
            "price year": str(value.price_year) if isinstance(value, DatedValue) else "",
            "evidence": value.quality,
            "source": ", ".join(value.source),
            "note": value.note or "",
        }
        for name, value in uncertain_values(entry)
    ]


@dataclass(frozen=True)
class Card:
    """All entries of one id, with their sources."""

    key: str
    catalogue: Catalogue

    def __post_init__(self) -> None:
        if not self.entries:
            close = get_close_matches(self.key, list(self.catalogue.ids()), n=3, cutoff=0.5)
            cure = f"did you mean {', '.join(close)}?" if close else "`costeff params show` lists every id"
            raise UsageError("Unknown id", [Problem(self.key, "is not in params/", cure)])

    @property
    def entries(self) -> list[tuple[str, Any]]:
        return self.catalogue.find(self.key)

    def sources(self) -> list[tuple[str, str]]:
        """Id and reference of every source the entries name."""
        named: list[str] = []
        for _, entry in self.entries:
            named += [s for _, value in uncertain_values(entry) for s in value.source]
            if isinstance(entry, Uncertain):
                named += entry.source
        return [(key, self.reference(key)) for key in dict.fromkeys(named)]

    def reference(self, key: str) -> str:
        """A source as one line."""
        source = self.catalogue.sources[key]
        parts = [source.publisher, source.title, source.published, source.url, source.note]
        return ". ".join(part for part in parts if part)

    def _repr_html_(self) -> str:
        sources = _table([{"source": key, "reference": text} for key, text in self.sources()])
        return "".join(entry_html(entry, self.key) for _, entry in self.entries) + (
            f"<h5>Sources</h5>{sources}" if sources else ""
        )


def entry_html(entry: Spec, title: str = "") -> str:
    """An entry as tables; a chain as its diagram."""
    if isinstance(entry, ImpactChain):
        return entry._repr_html_()
    head = f"<h4>{escape(title or getattr(entry, 'id', type(entry).__name__))}</h4>"
    plain = _table([{"": name, " ": text} for name, text in facts(entry)])
    rows = values(entry)
    return head + plain + (_table(rows) if rows else "")


def catalogue_html(catalogue: Catalogue) -> str:
    """The contents of the catalogue: how many entries of each kind, and their ids."""
    groups = ("chains", "links", "price_sets", "unit_costs", "transitions", "duties", "sources")
    rows = [
        {"group": name, "entries": str(len(getattr(catalogue, name))), "ids": ", ".join(getattr(catalogue, name))}
        for name in groups
    ]
    rows.append({"group": "municipalities", "entries": str(len(catalogue.municipalities)), "ids": "005 to 992"})
    return _table(rows)


def _table(rows: Iterable[dict[str, str]]) -> str:
    rows = list(rows)
    if not rows:
        return ""
    head = "".join(f"<th style='text-align:left'>{escape(name)}</th>" for name in rows[0])
    body = "".join(
        "<tr>" + "".join(f"<td style='text-align:left'>{escape(cell)}</td>" for cell in row.values()) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
