"""The graph of an outcome model with its priors, drawn from what the model declares: no PyMC is built for it.

A round frame is drawn from a distribution, a square one follows from others, a thick one is the likelihood. An arrow
goes from what is drawn first to what depends on it.
"""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from typing import Literal

from costeff.outcomes.base import OutcomeModel
from costeff.outcomes.context import Prior
from costeff.shown import PAPER, Shows, lines, table, tabular, titled

Kind = Literal["prior", "drawn", "follows", "likelihood"]
WIDTH, HEIGHT, ACROSS, DOWN, LINE, MARGIN = 172, 44, 10, 34, 15, 18
HYPER = {"county_sd": "county_effect", "municipality_sd": "place", "effect_sd": "municipality_effect_new"}
BASELINES = ("log_hazard", "cutpoint")  # own parameters that stand in the place of an intercept


@dataclass(frozen=True)
class Node:
    """One quantity of a model: how it is drawn or computed, and from what."""

    name: str
    notation: str
    kind: Kind
    parents: tuple[str, ...] = ()
    reason: str = ""
    over: str = ""  # the dim it has one of

    @property
    def title(self) -> str:
        return f"{self.name}[{self.over}]" if self.over else self.name


@dataclass(frozen=True)
class Graph(Shows):
    """A model as its nodes; shows itself as a drawing with a table of priors."""

    model: str
    about: str
    nodes: tuple[Node, ...] = field(repr=False)

    @property
    def priors(self) -> list[dict[str, str]]:
        """A row for each parameter with a prior of its own: name, distribution, reason."""
        return [
            {"parameter": one.title, "prior": one.notation, "reason": one.reason}
            for one in self.nodes
            if one.kind == "prior"
        ]

    def svg(self) -> str:
        """The nodes in layers, what is drawn first above: no script, no outside font, in the colours around it."""
        boxes = _boxes(self.nodes)
        pairs = [(boxes[parent], boxes[one.name]) for one in self.nodes for parent in one.parents]
        arrows = [_arrow(start, end, end.y - start.y - start.height <= DOWN) for start, end in pairs]
        width = max(box.x + box.width for box in boxes.values()) + 2
        bottom = max(box.y + box.height for box in boxes.values()) + 2
        told = escape(f"{self.model}: " + "; ".join(f"{one.title} {one.notation}" for one in self.nodes))
        return (
            f'<svg role="img" aria-label="{told}" viewBox="0 0 {width:g} {bottom:g}" width="100%" '
            f'style="max-width:{width:g}px" font-family="system-ui, sans-serif" fill="currentColor">'
            f"<title>{told}</title>{''.join(arrows)}{''.join(box.svg() for box in boxes.values())}</svg>"
        )

    def _html(self) -> str:
        return titled(f"{self.model}: {self.about}", self.svg(), table(self.priors, f"Priors of {self.model}"))

    def _plain(self) -> str:
        drawn = [{"node": one.title, "is": one.notation, "from": ", ".join(one.parents)} for one in self.nodes]
        return lines(drawn, f"{self.model}: {self.about}")

    def _latex(self) -> str:
        rows = [
            {"parameter": one.title, "prior": _mathematics(one.notation), "reason": one.reason}
            for one in self.nodes
            if one.kind == "prior"
        ]
        return tabular(rows, f"Priors of {self.model}")


def graph(
    model: OutcomeModel,
    priors: Mapping[str, Prior] | None = None,
    *,
    places: bool = True,
    covariates: Sequence[str] = (),
) -> Graph:
    """A model as its graph.

    Parameters
    ----------
    priors
        Parameter -> prior, as params/ declares them for the model; without them only the families are told.
    places
        Whether the data have municipalities and counties.
    covariates
        What is known of counties, where the model regresses on it.
    """
    given = priors or {}
    parts = [_predictor(part, model, given, places, tuple(covariates)) for part in ("", *model.parts)]
    nodes = [node for part in parts for node in part]
    predictors = tuple(f"{part}_eta" if part else "eta" for part in ("", *model.parts))
    own = [name for name in model.priors if name not in ("intercept", *BASELINES)]
    nodes += [_prior(name, name, given) for name in own]
    nodes.append(Node("likelihood", _equation(model), "likelihood", (*predictors, *own)))
    about = (inspect.getdoc(type(model)) or model.unit).split("\n")[0].rstrip(".")
    return Graph(model.id, f"{about}.", tuple(nodes))


def _predictor(
    part: str, model: OutcomeModel, priors: Mapping[str, Prior], places: bool, covariates: tuple[str, ...]
) -> Iterator[Node]:
    """The nodes of one linear predictor, as `costeff.outcomes.predictor` draws them."""

    def named(name: str) -> str:
        return f"{part}_{name}" if part else name

    def prior(name: str, called: str = "", over: str = "", family: str = "Normal") -> Node:
        declared = named(name) if named(name) in priors else name
        return _prior(named(called or name), declared, priors, family, over)

    terms = [name for name in model.priors if name in BASELINES] or ["intercept"]
    yield from (prior(name) for name in terms)
    yield prior("group", "group_effect", "group", "ZeroSumNormal")
    yield prior("effect")
    yield prior("effect_group", "group_effect_new", "group", "ZeroSumNormal")
    terms += ["group_effect", "effect", "group_effect_new"]
    if places:
        yield from (prior(name, family="HalfNormal") for name in HYPER)
        slopes = (named("county_slope"),) if covariates else ()
        if covariates:
            yield prior("county_slope", over="covariate")
        mean = "covariates × slope" if covariates else "0"
        over_county = f"ZeroSumNormal({mean}, {named('county_sd')})"
        yield Node(named("county_effect"), over_county, "drawn", (named("county_sd"), *slopes), over="county")
        of_place = (named("county_effect"), named("municipality_sd"))
        yield Node(named("place"), f"Normal({', '.join(of_place)})", "drawn", of_place, over="municipality")
        own, spread = named("municipality_effect_new"), named("effect_sd")
        yield Node(own, f"Normal(0, {spread})", "drawn", (spread,), over="municipality")
        terms += ["place", "municipality_effect_new"]
    levels = [named(name) for name in terms if name not in ("effect", "group_effect_new", "municipality_effect_new")]
    effects = [named(name) for name in terms if named(name) not in levels]
    written = f"{' + '.join(levels)} + [new] ({' + '.join(effects)})".replace(f"+ {named('cutpoint')}", "− cutpoint")
    yield Node(named("eta"), written, "follows", (*levels, *effects), over="row")


def _prior(name: str, declared: str, priors: Mapping[str, Prior], family: str = "Normal", over: str = "") -> Node:
    """A parameter with a prior of its own; a mixture that published evidence makes is told as what it is."""
    prior = priors.get(declared)
    if prior is None:
        return Node(name, f"~ {family}", "prior", over=over)
    if hasattr(prior, "weight"):
        strong = f"{prior.weight:g} Normal({prior.mean:.3g}, {prior.sd:.3g})"
        weak = f"{1 - prior.weight:g} Normal({prior.weak_mean:g}, {prior.weak_sd:g})"
        why = "Published evidence, and a weak part beside it."
        return Node(name, f"~ {strong} + {weak}", "prior", reason=why, over=over)
    told = f"{prior.sd:g}" if family == "HalfNormal" else f"{prior.mean:g}, {prior.sd:g}"
    return Node(name, f"~ {family}({told})", "prior", reason=getattr(prior, "reason", ""), over=over)


def _equation(model: OutcomeModel) -> str:
    """What the model's file says of its likelihood: the first lines below its title."""
    text = inspect.getdoc(sys.modules[type(model).__module__]) or ""
    paragraphs = text.split("\n\n")
    first = paragraphs[1] if len(paragraphs) > 1 else model.measure
    return "; ".join(
        " ".join(line.split()) for line in first.replace("(see `predictor`)", "").replace("`", "").splitlines()
    )


def _mathematics(notation: str) -> str:
    """A distribution in LaTeX."""
    family, opened, rest = notation.removeprefix("~ ").partition("(")
    return rf"$\sim \mathrm{{{family}}}{opened}{rest}$" if "+" not in notation else notation


# --- drawing ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Box:
    """Where a node stands, and its lines of text."""

    node: Node
    x: float
    y: float
    width: float
    height: float
    texts: tuple[str, ...]
    part: str

    @property
    def middle(self) -> float:
        return self.x + self.width / 2

    def svg(self) -> str:
        round_ = 20 if self.node.kind in ("prior", "drawn") else 3
        thick = 2.6 if self.node.kind == "likelihood" else 1.3
        name = self.node.name.removeprefix(f"{self.part}_") if round_ > 3 else self.node.name
        rows = "".join(
            f'<text x="{self.middle:g}" y="{self.y + 35 + LINE * n:g}" font-size="12" text-anchor="middle">'
            f"{escape(line)}</text>"
            for n, line in enumerate(self.texts)
        )
        return (
            f'<rect x="{self.x:g}" y="{self.y:g}" width="{self.width:g}" height="{self.height:g}" rx="{round_}" '
            f'fill="{PAPER}" stroke="currentColor" stroke-width="{thick}"/><text x="{self.middle:g}" '
            f'y="{self.y + 18:g}" font-size="12" font-weight="600" text-anchor="middle">{escape(name)}</text>'
            f"{rows}"
        )


def _boxes(nodes: Sequence[Node]) -> dict[str, _Box]:
    """Terms of a predictor stand beside each other above it, and above each what it is drawn from."""
    by_name = {one.name: one for one in nodes}
    predictors = [one for one in nodes if one.kind == "follows"]
    last = nodes[-1]
    own = [by_name[name] for name in last.parents if by_name[name].kind == "prior"]
    columns = max(len(one.parents) for one in predictors)
    left = 2 + (MARGIN if len(predictors) > 1 else 0)
    whole = columns * (WIDTH + ACROSS) - ACROSS
    boxes: dict[str, _Box] = {}
    top = 2.0
    for number, predictor in enumerate(predictors):
        part = predictor.name.removesuffix("eta").removesuffix("_")
        for row in _rows_above(predictor, by_name):
            placed = [_box(one, left + column * (WIDTH + ACROSS), top, WIDTH, part) for one, column in row.items()]
            top = _add(boxes, placed, top)
        beside = own if number == len(predictors) - 1 else []
        broad = whole - len(beside) * (WIDTH + ACROSS)
        placed = [_box(predictor, left, top, broad)]
        placed += [_box(one, left + broad + ACROSS + n * (WIDTH + ACROSS), top, WIDTH) for n, one in enumerate(beside)]
        top = _add(boxes, placed, top)
    _add(boxes, [_box(last, left, top, whole)], top)
    return boxes


def _rows_above(predictor: Node, by_name: Mapping[str, Node]) -> list[dict[Node, int]]:
    """Nodes above a predictor with their columns, the farthest row first."""
    rows = [{by_name[name]: column for column, name in enumerate(predictor.parents)}]
    while above := [(parent, column) for one, column in rows[-1].items() for parent in one.parents]:
        taken: dict[Node, int] = {}
        for name, column in above:
            free = (at for at in sorted(range(len(predictor.parents)), key=lambda at: abs(at - column)))
            taken[by_name[name]] = next(at for at in free if at not in taken.values())
        rows.append(taken)
    return rows[::-1]


def _box(node: Node, x: float, y: float, width: float, part: str = "") -> _Box:
    over = f" over {node.over}" if node.over else ""
    texts = textwrap.wrap(f"{node.notation}{over}", int(width / 7.4), break_long_words=False) or [""]
    return _Box(node, x, y, width, HEIGHT + LINE * (len(texts) - 1), tuple(texts), part)


def _add(boxes: dict[str, _Box], placed: Sequence[_Box], top: float) -> float:
    """Put a row of boxes of one height; where the next begins."""
    height = max(box.height for box in placed)
    boxes |= {box.node.name: replace(box, height=height) for box in placed}
    return top + height + DOWN


def _arrow(start: _Box, end: _Box, neighbours: bool) -> str:
    """A curve down to what depends on it; around by the margin where another predictor stands between."""
    y0, y1 = start.y + start.height, end.y - 1
    if not neighbours:
        path = f"M{start.x:g} {start.y + 20:g}H8V{end.y + 20:g}H{end.x - 1:g}"
        head = f"M{end.x - 1:g} {end.y + 20:g}l-7 -4l0 8z"
    else:
        x0, x1 = start.middle, min(end.x + 0.95 * end.width, max(end.x + 0.05 * end.width, start.middle))
        bend = (y1 - y0) / 2
        path = f"M{x0:g} {y0:g}C{x0:g} {y0 + bend:g} {x1:g} {y1 - bend:g} {x1:g} {y1:g}"
        head = f"M{x1:g} {y1:g}l-4 -7l8 0z"
    return (
        f'<path d="{path}" fill="none" stroke="currentColor" stroke-width="1.1" opacity=".6"/>'
        f'<path d="{head}" opacity=".8"/>'
    )
