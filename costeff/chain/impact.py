"""The impact chain (*vaikuttavuusketju*): input, output, outcome, impact, each with its indicator.

A chain holds no numbers: it names the model, the data and the prices by id, and
only the appraisal resolves an id.
"""

from __future__ import annotations

from html import escape
from typing import Annotated, Literal

from pydantic import Field

from costeff.chain.stages import KIND_LABELS, STAGE_LABELS, Kind, Stage
from costeff.chain.steering import MEANS, MEANS_LABELS, MEANS_SHORT, STEERED_BY, Means, Steering
from costeff.shown import Shows, lines, table, titled
from costeff.spec import Id, Label, Spec


class Node(Spec):
    """One stage of a chain and what is measured there: a quantity (hours, clients) or an effect (a change)."""

    label: Label
    indicator: Label
    kind: Kind
    steering: Annotated[tuple[Steering, ...], Field(strict=False)] = ()

    def means(self) -> tuple[Means, ...]:
        """The means of steering that attach here, each once, in the order of the glossary."""
        return tuple(means for means in MEANS if any(one.means == means for one in self.steering))


class Input(Node):
    """What is bought. `cost` is a unit cost per client, or `register` where the data hold the true cost."""

    cost: Id
    payer: Id  # a payer, or a duty whose payer the law names by date


class Outcome(Node):
    """What changes in clients' lives, and how the change is estimated.

    `transfer` says how the estimate reaches a municipality: `risk` when the data hold
    the municipality's own risks, `hazard_ratio` when only the relative effect travels
    and the baseline risk is a parameter of the avoided-cost model. `persistence` says what
    becomes of the effect after the follow-up: it stops, wanes, or lasts.
    """

    event: Label
    data: Id
    outcome: Id
    source: Annotated[tuple[Id, ...], Field(strict=False, min_length=1)]
    model: Id
    follow_up_days: int = Field(gt=0)
    transfer: Literal["risk", "hazard_ratio"]
    persistence: Literal["stops", "wanes", "lasts"] = "stops"
    unit: Label


class Impact(Node):
    """Which avoided-cost model follows, at which prices, for how long."""

    model: Id
    price_set: Id
    horizon_years: int = Field(ge=1, le=60)


class ImpactChain(Shows, Spec):
    """From what is bought to what changes and what that saves."""

    id: Id
    label: Label
    option: Label
    comparator: Label
    input: Input
    output: Node
    outcome: Outcome
    impact: Impact
    evidence: Label
    does_not_show: Annotated[tuple[Label, ...], Field(strict=False, min_length=1)]

    def stages(self) -> list[tuple[Stage, Node]]:
        """The four nodes in order."""
        return [("input", self.input), ("output", self.output), ("outcome", self.outcome), ("impact", self.impact)]

    def table(self, language: str = "en") -> list[dict[str, str]]:
        """One row a stage: what it is, its indicator, whether that counts or measures change, and what steers it."""
        steered = self.steered
        return [
            {
                "stage": STAGE_LABELS[stage][language],
                "what": node.label[language],
                "indicator": node.indicator[language],
                "kind": KIND_LABELS[node.kind][language],
            }
            | ({"steering": _steering(node, language)} if steered else {})
            for stage, node in self.stages()
        ]

    @property
    def steered(self) -> bool:
        """Whether any means of steering is declared."""
        return any(node.steering for _, node in self.stages())

    def diagram(self, language: str = "en") -> str:
        """The chain as an inline SVG: no script, no outside font, readable in light and dark."""
        width, gap = 200, 36
        means = {stage: _wrap(_means(node, language), 30) if node.steering else [] for stage, node in self.stages()}
        below = max(map(len, means.values()))
        height = 132 + 15 * below
        boxes, labels = [], []
        for number, (stage, node) in enumerate(self.stages()):
            x = number * (width + gap)
            dash = ' stroke-dasharray="5 4"' if node.kind == "quantity" else ""
            boxes.append(
                f'<rect x="{x + 1}" y="1" width="{width - 2}" height="{height - 2}" rx="8" fill="none" '
                f'stroke="currentColor" stroke-width="1.5"{dash}/>'
            )
            if number:
                boxes.append(
                    f'<path d="M{x - gap + 4} {height / 2}h{gap - 12}m-7 -5l8 5l-8 5" fill="none" '
                    'stroke="currentColor" stroke-width="1.5"/>'
                )
            heading = f"{STAGE_LABELS[stage][language]} · {KIND_LABELS[node.kind][language]}"
            labels.append(f'<text x="{x + 14}" y="26" font-size="12" opacity="0.75">{escape(heading)}</text>')
            for row, line in enumerate(_wrap(node.label[language], 20)):
                labels.append(
                    f'<text x="{x + 14}" y="{50 + row * 18}" font-size="14" font-weight="600">{escape(line)}</text>'
                )
            for row, line in enumerate(means[stage]):
                y = height - 13 - 15 * (len(means[stage]) - 1 - row)
                labels.append(f'<text x="{x + 14}" y="{y}" font-size="12" font-style="italic">{escape(line)}</text>')
        total = 4 * width + 3 * gap
        title = escape(f"{self.label[language]}: " + " → ".join(node.label[language] for _, node in self.stages()))
        return (
            f'<svg role="img" aria-label="{title}" viewBox="0 0 {total} {height}" width="100%" '
            f'style="max-width:{total}px" font-family="system-ui, sans-serif" fill="currentColor">'
            f"<title>{title}</title>{''.join(boxes)}{''.join(labels)}</svg>"
        )

    def _html(self, language: str = "en") -> str:
        rows = [_titled(row) for row in self.table(language)]
        caption = f"{self.option[language]} · {self.comparator[language]}"
        return titled(self.label[language], self.diagram(language), table(rows, caption))

    def _plain(self, language: str = "en") -> str:
        return lines([_titled(row) for row in self.table(language)], self.label[language])


def _titled(row: dict[str, str]) -> dict[str, str]:
    """A row of the table with the headings of a notebook."""
    names = {"stage": "Stage", "what": "What", "indicator": "Indicator", "kind": "Measures", "steering": "Steering"}
    return {names[key]: text for key, text in row.items()}


def _means(node: Node, language: str) -> str:
    """What steers a stage, by the names of the means."""
    return f"{STEERED_BY[language]}: " + ", ".join(MEANS_SHORT[means][language] for means in node.means())


def _steering(node: Node, language: str) -> str:
    """What steers a stage, each means with what it is."""
    return "; ".join(f"{MEANS_LABELS[one.means][language]}: {one.label[language]}" for one in node.steering)


def _wrap(text: str, width: int) -> list[str]:
    """Lines of at most `width` characters; a longer single word keeps its line."""
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
