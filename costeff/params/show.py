"""Readable cards of catalogue entries, for the terminal and for a notebook."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from costeff.agreement import Budget, Contract, Estimate
from costeff.chain import ImpactChain, IndicatorSet
from costeff.errors import Problem, UsageError
from costeff.params.catalogue import Catalogue, uncertain_values
from costeff.params.entries import DatedValue, Uncertain
from costeff.shown import Shows, lines, table, tabular, titled
from costeff.spec import Label, Spec

OF_THEIR_OWN = (ImpactChain, IndicatorSet, Contract, Budget)  # they show themselves


def interval(value: Uncertain | Estimate) -> str:
    """Low to high with its probability, or what stands in its place."""
    if value.low is None or value.high is None:
        return "not stated"
    return f"{value.low:,.10g} to {value.high:,.10g} ({value.mass:.0%})"


def facts(entry: Spec) -> list[tuple[str, str]]:
    """The plain fields of an entry, in order: name and text."""
    rows = []
    for name in type(entry).model_fields:
        value = getattr(entry, name)
        if isinstance(value, Label):
            rows.append((name, f"{value.en} · {value.fi} · {value.sv}"))
        elif isinstance(value, (str, int, float)) and value != "":
            rows.append((name, f"{value:.10g}" if isinstance(value, float) else str(value)))
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
class Card(Shows):
    """All entries of one id, with their sources."""

    key: str
    catalogue: Catalogue = field(repr=False)

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
            if isinstance(entry, Uncertain | Contract | Budget):
                named += entry.source
            if isinstance(entry, Contract):
                named += [s for term in entry.terms for s in term.source]
            if isinstance(entry, Budget):
                named += [*entry.coordination.source, *(s for each in entry.services.values() for s in each.source)]
        return [(key, self.reference(key)) for key in dict.fromkeys(named)]

    def reference(self, key: str) -> str:
        """A source as one line."""
        source = self.catalogue.sources[key]
        parts = [source.publisher, source.title, source.published, source.url, source.note]
        return ". ".join(part for part in parts if part)

    def _html(self) -> str:
        rows = [{"source": key, "reference": text} for key, text in self.sources()]
        return "".join(entry_html(entry, self.key) for _, entry in self.entries) + table(rows, "Sources")

    def _plain(self) -> str:
        rows = [{"source": key, "reference": text} for key, text in self.sources()]
        told = [entry_plain(entry, self.key) for _, entry in self.entries]
        return "\n\n".join([*told, *([lines(rows)] if rows else [])])

    def _latex(self) -> str:
        return "\n\n".join(tabular(values(entry), self.key) for _, entry in self.entries if values(entry))


def _title(entry: Spec, title: str) -> str:
    return title or str(getattr(entry, "id", type(entry).__name__))


def entry_html(entry: Spec, title: str = "") -> str:
    """An entry as tables; what shows itself in its own way, such as a chain, does."""
    if isinstance(entry, OF_THEIR_OWN):
        return entry._repr_html_() + table(values(entry), "Values")
    plain = table(_plain_rows(entry), "What it is")
    return titled(_title(entry, title), plain, table(values(entry), "Values"))


def entry_plain(entry: Spec, title: str = "") -> str:
    """An entry as text."""
    rows = [{name: text for name, text in row.items() if name != "note"} for row in values(entry)]
    if isinstance(entry, OF_THEIR_OWN):
        return "\n\n".join(filter(None, (entry._repr_mimebundle_()["text/plain"], lines(rows))))
    return "\n".join(
        [_title(entry, title), *(f"  {name}: {text}" for name, text in facts(entry)), lines(rows)]
    ).rstrip()


def _plain_rows(entry: Spec) -> list[dict[str, str]]:
    return [{"": name, " ": text} for name, text in facts(entry)]


def catalogue_rows(catalogue: Catalogue) -> list[dict[str, str]]:
    """The contents of the catalogue: how many entries of each kind, and their ids."""
    groups = (
        "chains", "links", "price_sets", "unit_costs", "transitions", "duties", "contracts", "budgets", "sources"
    )  # fmt: skip
    rows = [
        {"group": name, "entries": str(len(getattr(catalogue, name))), "ids": ", ".join(getattr(catalogue, name))}
        for name in groups
    ]
    rows.append({"group": "municipalities", "entries": str(len(catalogue.municipalities)), "ids": "005 to 992"})
    return rows
