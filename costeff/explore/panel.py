"""The what-if panel: controls, and an answer that is drawn anew from the same draws when one of them moves."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import xarray as xr

from costeff.appraisal import Request
from costeff.appraisal.asked import Asked, Bench
from costeff.chain import ImpactChain
from costeff.errors import CosteffError, Problem, UsageError
from costeff.explore.controls import LABELS, Controls
from costeff.explore.saving import save_scenario, shown
from costeff.outcomes import Fit
from costeff.params import Catalogue
from costeff.report.asked import Answer, answer_asked
from costeff.report.words import Words
from costeff.spec import Label, Language

SAVED = Label(fi="Tallennettu. Aja se:", sv="Sparat. Kör det:", en="Saved. Run it:")
LOOKS = (
    ".costeff-answer{color:var(--jp-ui-font-color1,inherit);line-height:1.5}"
    ".costeff-answer table{border-collapse:collapse;margin:.8em 0}"
    ".costeff-answer caption{text-align:left;font-weight:600;padding-bottom:.3em}"
    ".costeff-answer th,.costeff-answer td{padding:.2em .8em;text-align:left;"
    "border-bottom:1px solid var(--jp-border-color2,currentColor)}"
    ".costeff-answer .num{text-align:right;font-variant-numeric:tabular-nums}"
    ".costeff-answer .interval{display:block;font-size:.85em}"
    ".costeff-figures{display:flex;flex-wrap:wrap;gap:1em}.costeff-figures img{max-width:100%}"
    ".costeff-answer .notice{border-left:4px solid currentColor;padding-left:.8em}"
)


class Panel(widgets.VBox):  # type: ignore[misc]  # it comes without types
    """Controls and their answer; shows itself as widgets, and as the answer alone where nothing moves.

    Attributes
    ----------
    controls
        `effect`, `price`, `price_set`, `clients`, `stops`, `cashable`, `horizon`, `discount`, `payer` and `place`:
        setting the `value` of one in Python is the same as moving it.
    answer
        What is told now.
    """

    def __init__(
        self, bench: Bench, places: Sequence[str], language: Language, payer: str | None, folder: Path | None
    ) -> None:
        if not places:
            raise UsageError("There is no place to ask about", [Problem("places", "is empty", "give a code or more")])
        self.bench, self.folder, self.words = bench, folder, Words(language)
        starts = {place: bench.appraisal(place) for place in places}
        names = {place: str(start.attrs[f"municipality_{language}"]) for place, start in starts.items()}
        payers = tuple(dict.fromkeys(str(name) for start in starts.values() for name in start["payer"].values))
        if payer is not None and payer not in payers:
            problem = Problem(f"payer {payer}", "has no money in this appraisal", f"its payers are {', '.join(payers)}")
            raise UsageError("There is no such payer", [problem])
        self.controls = Controls(bench, names, payers, language)
        self.controls.payer.value = payer or ""
        self.name = self._made("name", widgets.Text(placeholder="", continuous_update=False))
        self.save_button = self._made("save", widgets.Button())
        self.reset_button = self._made("reset", widgets.Button())
        self.message, self.shown = widgets.HTML(), widgets.HTML()
        self.message.add_class("costeff-message")
        self.shown.add_class("costeff-shown")
        self.answer: Answer = self._answered()
        self._show()
        for control in self.controls.moving:
            control.observe(self._moved, names="value")
        self.save_button.on_click(lambda _: self.save())
        self.reset_button.on_click(lambda _: self.reset())
        self._still = False
        saving = widgets.HBox([self.name, self.save_button, self.reset_button])
        title = widgets.HTML(f"<h4>{escape(bench.chain.label[language])}</h4>")
        super().__init__([title, *self.controls.rows(), self.message, self.shown, saving, self.controls.names()])
        self.add_class("costeff-what-if")

    @property
    def place(self) -> str:
        """The place asked about."""
        return str(self.controls.place.value)

    @property
    def asked(self) -> Asked:
        """What the controls stand at, as far as it is not the start."""
        return self.controls.asked

    @property
    def appraisal(self) -> xr.Dataset:
        """The appraisal behind the answer."""
        return self.bench.appraisal(self.place, self.asked)

    @property
    def start(self) -> xr.Dataset:
        """The appraisal before anything was moved, for as many clients as are asked: others are not compared."""
        return self.bench.appraisal(self.place, Asked(clients=self.asked.clients))

    def reset(self) -> None:
        """Back to the start, with one answer."""
        self._still = True
        try:
            self.controls.back()
        finally:
            self._still = False
        self._moved()

    def save(self, name: str | None = None) -> Path | None:
        """Save what is asked as a file that `costeff simulate` runs; what stands in the way is told in the panel."""
        try:
            path = save_scenario(self.bench, self.place, self.asked, name or self.name.value, self.folder)
        except CosteffError as error:
            self._tell(str(error))
            return None
        self._tell(f"{SAVED[self.words.language]} costeff simulate {shown(path)}")
        return path

    def _made[W: widgets.DOMWidget](self, name: str, widget: W) -> W:
        widget.description = LABELS[name][self.words.language]
        if name == "name":
            widget.style, widget.layout.width = {"description_width": "15em"}, "36em"
        else:
            widget.layout.width, widget.layout.flex = "auto", "0 0 auto"  # its words are never cut
        widget.add_class(f"costeff-{name}")
        return widget

    def _moved(self, _: Any = None) -> None:
        """A control has moved: the answer is drawn anew, or what stands in its way is told."""
        if self._still:
            return
        try:
            with _quick():
                self.answer = self._answered()
        except CosteffError as error:
            self._tell(str(error))
            return
        self._tell("")
        self._show()

    def _answered(self) -> Answer:
        payer = self.controls.payer.value or None
        return answer_asked(self.bench.catalogue, self.words, self.appraisal, self.start, payer)

    def _show(self) -> None:
        self.shown.value = f"<style>{LOOKS}</style>{self.answer._repr_html_()}"

    def _tell(self, text: str) -> None:
        self.message.value = f'<pre role="status">{escape(text)}</pre>' if text else ""

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        """The widgets; and for a page, where nothing moves, the answer as text and HTML."""
        bundle = super()._repr_mimebundle_(**kwargs)
        title = escape(f"{self.bench.chain.label[self.words.language]}, {self.controls.place.label}")
        page = f"<style>{LOOKS}</style><h4>{title}</h4>{self.answer._repr_html_()}"
        return {**bundle, "text/plain": repr(self.answer), "text/html": page}


def what_if(
    chain: ImpactChain,
    catalogue: Catalogue,
    fit: Fit,
    places: str | Sequence[str],
    request: Request,
    costs: Fit | None = None,
    *,
    language: Language = "en",
    payer: str | None = None,
    folder: Path | None = None,
) -> Panel:
    """A panel that answers what a service saves when its effect, price or caseload is other than thought.

    The draws are those of the fits and of the request: a control moves what is made of them, so that a change of the
    answer is never the luck of another sample.

    Parameters
    ----------
    chain, catalogue, fit, request, costs
        As in `costeff.appraisal.appraise`; the request is the start.
    places
        Codes of municipalities, three digits, or of counties, two, to choose from; the first is shown.
    payer
        Whose money is told at first; None: that of all payers.
    folder
        Where scenarios are saved; `runs/what_if` of the project unless said.

    Raises
    ------
    UsageError
        For an unknown place or payer.
    """
    codes = [places] if isinstance(places, str) else list(dict.fromkeys(places))
    return Panel(Bench(chain, catalogue, fit, request, costs), codes, language, payer, folder)


@contextmanager
def _quick() -> Iterator[None]:
    """Labels that agree are not aligned, and no garbage is looked for, which would take a third of an answer's time."""
    was = gc.isenabled()
    gc.disable()
    try:
        with xr.set_options(arithmetic_join="exact"):  # type: ignore[no-untyped-call]
            yield
    finally:
        if was:
            gc.enable()
