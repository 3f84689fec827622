"""Means of steering: by what those who steer a service move one stage of its chain.

Norms bind, resources enable, information persuades, and in a dialogue those who steer and those who
provide agree (*normi-, resurssi-, informaatio- ja vuorovaikutusohjaus*).
"""

from __future__ import annotations

from typing import Literal

from costeff.spec import Label, Sources, Spec

Means = Literal["norm", "resource", "information", "dialogue"]
MEANS: tuple[Means, ...] = ("norm", "resource", "information", "dialogue")
MEANS_LABELS: dict[Means, Label] = {
    "norm": Label(fi="normiohjaus", sv="normstyrning", en="steering by norms"),
    "resource": Label(fi="resurssiohjaus", sv="resursstyrning", en="steering by resources"),
    "information": Label(fi="informaatio-ohjaus", sv="informationsstyrning", en="steering by information"),
    "dialogue": Label(fi="vuorovaikutusohjaus", sv="interaktiv styrning", en="steering by dialogue"),
}
MEANS_SHORT: dict[Means, Label] = {  # where "steering" stands before them
    "norm": Label(fi="normi", sv="norm", en="norms"),
    "resource": Label(fi="resurssi", sv="resurs", en="resources"),
    "information": Label(fi="informaatio", sv="information", en="information"),
    "dialogue": Label(fi="vuorovaikutus", sv="dialog", en="dialogue"),
}
STEERED_BY = Label(fi="Ohjaus", sv="Styrning", en="Steering")


class Steering(Spec):
    """One means that attaches to a stage: what it is, and the act, decision or guide it stands in."""

    means: Means
    label: Label
    source: Sources
