"""Indicators of a service: what each counts or measures, and of which data cells are made for it.

A *quantity* tells what was put in or done: decisions, clients, hours, visits, costs. An *effect* tells what
became of clients: a change in state, the reason a service ended, a transition, a client's own word.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from costeff.chain.stages import KIND_LABELS, STAGE_LABELS, Kind, Stage
from costeff.shown import Shows, lines, table, tabular, titled
from costeff.spec import Id, Label, Sources, Spec

DataColumn = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")]  # table.column
Builder = Literal["clients", "binary", "exposure", "time", "cost", "count", "meter", "level", "end"]
# The table whose rows each builder of cells reduces.
READS: dict[Builder, str] = {
    "clients": "clients",
    "binary": "outcomes",
    "exposure": "outcomes",
    "time": "outcomes",
    "cost": "episodes",
    "count": "counts",
    "meter": "meters",
    "level": "experience",
    "end": "ends",
}
# What an indicator is about. An audit looks for those that a list lacks.
Aspect = Literal["cost", "work", "clients", "transition", "end_reason", "change", "experience", "avoided", "population"]


class Indicator(Spec):
    """One indicator.

    Attributes
    ----------
    data
        Columns of a register, `table.column`, that it is made of. Empty: no declared table holds it.
    cells
        Which builder of cells makes it. None with data: the columns are there, and nothing reduces them to it.
    of
        The id by which rows of that table name it, such as the outcome `placement`.
    datum
        What would have to be collected, where no declared table holds it.
    sotkanet
        Number of the Sotkanet indicator that publishes the same by municipality, where it was seen.
    source
        Where the definition is from; `own_definition` where this catalogue made it.
    """

    label: Label
    definition: Label
    kind: Kind
    stage: Stage
    aspect: Aspect
    unit: Label
    data: Annotated[tuple[DataColumn, ...], Field(strict=False)] = ()
    cells: Builder | None = None
    of: Id | None = None
    datum: Label | None = None
    sotkanet: int | None = Field(default=None, gt=0)
    source: Sources

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if (self.kind == "effect") != (self.stage in ("outcome", "impact")):
            raise ValueError("a quantity is an input or an output, an effect an outcome or an impact")
        if bool(self.data) == (self.datum is not None):
            raise ValueError("tell either data, or the datum that would have to be collected")
        if self.cells and READS[self.cells] not in {column.split(".")[0] for column in self.data}:
            raise ValueError(f"{self.cells} cells are made of the table {READS[self.cells]}, which is not in data")
        return self


class IndicatorSet(Shows, Spec):
    """The indicators of one service, or those common to all."""

    id: Id
    label: Label
    chains: Annotated[tuple[Id, ...], Field(strict=False)] = ()  # impact chains of this service
    indicators: dict[Id, Indicator] = Field(min_length=1)

    def table(self, language: str = "en") -> list[dict[str, str]]:
        """One row an indicator: what it is, whether it counts or measures change, and what it is made of."""
        return [
            {
                "indicator": one.label[language],
                "stage": STAGE_LABELS[one.stage][language],
                "measures": KIND_LABELS[one.kind][language],
                "unit": one.unit[language],
                "made of": ", ".join(one.data),
                "to be collected": one.datum[language] if one.datum else "",
            }
            for one in self.indicators.values()
        ]

    def _html(self) -> str:
        return titled(self.label.en, table(self.table(), self._counted()))

    def _plain(self) -> str:
        return f"{self.label.en}\n{self._counted()}\n{lines(self.table())}"

    def _latex(self) -> str:
        return tabular(self.table(), self.label.en)

    def _counted(self) -> str:
        kinds = [one.kind for one in self.indicators.values()]
        lacking = sum(one.datum is not None for one in self.indicators.values())
        counts = f"{len(kinds)} indicators: {kinds.count('quantity')} of quantity, {kinds.count('effect')} of change"
        return f"{counts}; {lacking} of data that no declared table holds"
