"""How published effects are believed: by design of study, by how much places differ, and as the prior of a chain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from costeff.errors import Problems
from costeff.params.entries import Entry, Published
from costeff.params.tables import number, read_rows
from costeff.spec import Id, Share, Sources, Text, validation_problems


class Design(Entry):
    """What a class of study designs is believed: its effect is multiplied, its standard error inflated.

    Both act on the scale on which effects are pooled: of a ratio, its logarithm.
    """

    multiplier: Share
    inflation: Annotated[float, Field(ge=1)]
    source: Sources
    reason: Text


class Heterogeneity(Entry):
    """How much an effect differs from place to place, before any study is read: the prior of tau.

    `log_normal` is told as published tables tell it, of the variance: log tau^2 ~ Normal(log_variance_mean,
    log_variance_sd). The other families have a `scale`. tau is on the log scale of `measure`.
    """

    measure: Text
    family: Literal["log_normal", "half_normal", "half_cauchy", "uniform"]
    log_variance_mean: float | None = None
    log_variance_sd: Annotated[float, Field(gt=0)] | None = None
    scale: Annotated[float, Field(gt=0)] | None = None
    source: Sources
    reason: Text

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        logs = (self.log_variance_mean, self.log_variance_sd)
        if self.family == "log_normal" and (None in logs or self.scale is not None):
            raise ValueError("family log_normal has log_variance_mean and log_variance_sd, and no scale")
        if self.family != "log_normal" and (self.scale is None or logs != (None, None)):
            raise ValueError(f"family {self.family} has a scale, and no log_variance_mean or log_variance_sd")
        return self


class EvidencePrior(Entry):
    """Which published effect is the prior of a chain's outcome model, and how far it is believed.

    Every row of evidence/<evidence>.csv with this outcome is used. `weight` is the probability that they speak of
    this service here; otherwise the prior is that of priors.yaml. `baseline` is the risk without the service, for a
    measure that cannot be turned into the model's without it.
    """

    id: Id  # of the chain
    evidence: Id
    outcome: Text
    heterogeneity: Id
    weight: Annotated[float, Field(gt=0, lt=1)]
    baseline: Annotated[float, Field(gt=0, lt=1)] | None = None
    source: Sources
    reason: Text


def read_published(folder: Path, problems: Problems) -> Iterator[tuple[str, list[tuple[str, Published]]]]:
    """The rows of each file of evidence/ with their places, `evidence/file.csv:line`."""
    fields = Published.model_fields
    columns = tuple(name for name, field in fields.items() if field.is_required())
    for path in sorted(folder.glob("*.csv")):
        rows = []
        for place, row in read_rows(path, columns, problems):
            data: dict[str, Any] = {name: _cell(name, text) for name, text in row.items()}
            try:
                rows.append((place, Published.model_validate(data)))
            except ValidationError as error:
                problems.found += validation_problems(error, place)
        yield path.stem, rows


def _cell(name: str, text: str) -> Any:
    """A number where the column holds numbers, None where it is empty; what is neither stays a text, to be told."""
    if name in ("studies", "clients") and text.isdecimal():
        return int(text)
    if name in ("value", "low95", "high95", "error", "studies", "clients"):
        found = number(text)
        return text or None if found is None else found
    return text
