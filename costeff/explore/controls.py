"""The controls of a what-if: one for each thing that can be asked, each with a label, a class and its bounds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import ipywidgets as widgets

from costeff.appraisal.asked import Asked, Bench
from costeff.report.compared import payer_name
from costeff.report.words import Words
from costeff.spec import Label, Language

ALL = ""  # of the payers
WIDE = {"description_width": "15em"}
LABELS: dict[str, Label] = {
    "place": Label(fi="Paikka", sv="Plats", en="Place"),
    "effect": Label(fi="Vaikutus, kertaa arvioitu", sv="Effekt, gånger den skattade", en="Effect, times the estimate"),
    "price": Label(fi="Palvelun hinta, kertaa", sv="Tjänstens pris, gånger", en="Price of the service, times"),
    "price_set": Label(fi="Yksikkökustannukset", sv="Enhetskostnader", en="Unit costs"),
    "clients": Label(fi="Asiakkaita", sv="Klienter", en="Clients"),
    "stops": Label(fi="Aseta pois jäävä osuus", sv="Ange andelen som faller bort", en="Set the share that stops"),
    "cashable": Label(fi="Hinnasta jää pois, %", sv="Av priset faller bort, %", en="Of the price stops, %"),
    "horizon": Label(fi="Laskenta-aika, vuotta", sv="Tidshorisont, år", en="Horizon, years"),
    "discount": Label(fi="Diskonttokorko, %", sv="Diskonteringsränta, %", en="Discount rate, %"),
    "payer": Label(fi="Kenen rahat", sv="Vems pengar", en="Whose money"),
    "name": Label(fi="Skenaarion nimi", sv="Scenariots namn", en="Name of the scenario"),
    "save": Label(fi="Tallenna skenaarioksi", sv="Spara som scenario", en="Save as scenario"),
    "reset": Label(fi="Palauta lähtötilanne", sv="Återställ utgångsläget", en="Back to the start"),
}  # fmt: skip

# The handle of a slider has no name of its own, and ipywidgets gives it none; it is there once the panel is drawn.
NAMED = """
const names = %s;
const name = panel => Object.entries(names).forEach(([kind, name]) =>
  panel.querySelectorAll(`.${kind} .noUi-handle`).forEach(handle => handle.setAttribute("aria-label", name)));
const start = left => {
  const panel = element.closest(".costeff-what-if");
  if (panel) {
    name(panel);
    new MutationObserver(() => name(panel)).observe(panel, {childList: true, subtree: true});
  } else if (left) {
    setTimeout(start, 100, left - 1);
  }
};
start(100);
"""


@dataclass(frozen=True)
class Start:
    """Where the controls stand before anything is moved."""

    price_set: str
    clients: int
    horizon: int
    discount: float  # per cent
    cashable: int = 60  # per cent, once it is set: a place to start from, and nothing that anyone said

    @classmethod
    def of(cls, bench: Bench) -> Start:
        request, rate = bench.request, bench.catalogue.conventions.discount.rate
        horizon = request.horizon_years or bench.chain.impact.horizon_years
        return cls(bench.price_set(Asked()), request.clients, horizon, round(100 * rate, 4))


class Controls:
    """All controls of one panel; what they stand at is `asked`.

    Numbers are boxes with a label that a screen reader knows, and can be typed or stepped by the arrow keys; those
    with a slider beside them move with it, and its handle has the same name.
    """

    def __init__(self, bench: Bench, places: Mapping[str, str], payers: tuple[str, ...], language: Language) -> None:
        self.words, self.start = Words(language), Start.of(bench)
        sets = {bench.catalogue.price_sets[name].label[language]: name for name in bench.price_sets}
        said = {payer_name(self.words, payer): payer for payer in payers}
        number, whole = widgets.BoundedFloatText, widgets.BoundedIntText
        self.place = self._made("place", widgets.Dropdown(options={name: code for code, name in places.items()}))
        self.effect = self._made("effect", number(value=1.0, min=0.0, max=3.0, step=0.05))
        self.price = self._made("price", number(value=1.0, min=0.05, max=5.0, step=0.05))
        self.price_set = self._made("price_set", widgets.Dropdown(options=sets, value=self.start.price_set))
        self.clients = self._made("clients", whole(value=self.start.clients, min=1, max=1_000_000, step=10))
        self.stops = self._made("stops", widgets.Checkbox(value=False, indent=True))
        self.cashable = self._made("cashable", whole(value=self.start.cashable, min=0, max=100, step=5, disabled=True))
        self.horizon = self._made("horizon", whole(value=self.start.horizon, min=1, max=60))
        self.discount = self._made("discount", number(value=self.start.discount, min=0.0, max=30.0, step=0.5))
        together = {payer_name(self.words, "all"): ALL}
        self.payer = self._made("payer", widgets.Dropdown(options=together | said, value=ALL))
        self.sliders = {name: self._slider(name) for name in ("effect", "price", "cashable", "horizon")}
        widgets.dlink((self.stops, "value"), (self.cashable, "disabled"), lambda known: not known)
        widgets.dlink((self.stops, "value"), (self.sliders["cashable"], "disabled"), lambda known: not known)

    @property
    def moving(self) -> tuple[widgets.DOMWidget, ...]:
        """What is answered anew when it moves."""
        return (
            self.place, self.effect, self.price, self.price_set, self.clients, self.stops, self.cashable, self.horizon,
            self.discount, self.payer,
        )  # fmt: skip

    @property
    def asked(self) -> Asked:
        """What is asked: only what is elsewhere than at the start."""
        start = self.start
        return Asked(
            effect_times=_moved(self.effect.value, 1.0),
            price_times=_moved(self.price.value, 1.0),
            cashable=self.cashable.value / 100 if self.stops.value else None,
            discount_rate=None if self.discount.value == start.discount else round(self.discount.value / 100, 6),
            price_set=_moved(self.price_set.value, start.price_set),
            horizon_years=_moved(self.horizon.value, start.horizon),
            clients=_moved(self.clients.value, start.clients),
        )

    def back(self) -> None:
        """All but the place and the payer to where they started."""
        start = self.start
        self.effect.value = self.price.value = 1.0
        self.price_set.value, self.clients.value, self.stops.value = start.price_set, start.clients, False
        self.cashable.value, self.horizon.value, self.discount.value = start.cashable, start.horizon, start.discount

    def rows(self) -> list[widgets.DOMWidget]:
        """As they stand below each other."""
        first = [self.place] if len(self.place.options) > 1 else []
        others = ("effect", "price", "price_set", "clients", "stops", "cashable", "horizon", "discount", "payer")
        return [*first, *(self._row(name) for name in others)]

    def names(self) -> widgets.Output:
        """What names the handles of the sliders, each as its box is named, for a screen reader; nothing is seen."""
        kinds = {slider._dom_classes[0]: LABELS[name][self.words.language] for name, slider in self.sliders.items()}
        script = {"application/javascript": NAMED % json.dumps(kinds, ensure_ascii=False)}
        told = {"output_type": "display_data", "data": script, "metadata": {}}
        return widgets.Output(outputs=(told,), layout={"display": "none"})

    def _row(self, name: str) -> widgets.DOMWidget:
        box = getattr(self, name)
        return widgets.HBox([box, self.sliders[name]]) if name in self.sliders else box

    def _made[W: widgets.DOMWidget](self, name: str, widget: W) -> W:
        """A control with its label and its class."""
        widget.description, widget.style = LABELS[name][self.words.language], WIDE
        widget.layout.width = "24em" if not isinstance(widget, widgets.Dropdown | widgets.Checkbox) else "36em"
        if hasattr(widget, "continuous_update"):
            widget.continuous_update = False
        return _classed(widget, name)

    def _slider(self, name: str) -> widgets.DOMWidget:
        """A slider beside a box, which moves with it and says nothing of its own."""
        box = getattr(self, name)
        kind = widgets.FloatSlider if isinstance(box, widgets.BoundedFloatText) else widgets.IntSlider
        slider = kind(
            value=box.value, min=box.min, max=box.max, step=box.step or 1, readout=False, continuous_update=False
        )
        slider.tooltip = LABELS[name][self.words.language]
        widgets.link((box, "value"), (slider, "value"))
        return _classed(slider, f"{name}-slider")


def _classed[W: widgets.DOMWidget](widget: W, name: str) -> W:
    widget.add_class(f"costeff-{name.replace('_', '-')}")
    return widget


def _moved[T](value: T, start: T) -> T | None:
    return None if value == start else value
