"""The words every part of a chain shares: its four stages, and the two kinds of indicator."""

from __future__ import annotations

from typing import Literal

from costeff.spec import Label

Stage = Literal["input", "output", "outcome", "impact"]
Kind = Literal["quantity", "effect"]
STAGES: tuple[Stage, ...] = ("input", "output", "outcome", "impact")
STAGE_LABELS: dict[Stage, Label] = {
    "input": Label(fi="Panos", sv="Insats", en="Input"),
    "output": Label(fi="Suorite", sv="Prestation", en="Output"),
    "outcome": Label(fi="Vaikutus", sv="Effekt", en="Outcome"),
    "impact": Label(fi="Vaikuttavuus", sv="Genomslag", en="Impact"),
}
KIND_LABELS: dict[Kind, Label] = {
    "quantity": Label(fi="määrä", sv="mängd", en="quantity"),
    "effect": Label(fi="muutos", sv="förändring", en="change"),
}
