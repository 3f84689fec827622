"""The states of an avoided-cost model and the moves between them, drawn and named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from costeff.shown import PAPER

WIDTH, HEIGHT = 146, 44
ACROSS, DOWN = 128, 38  # between boxes
MARGIN, LINE, BOW = 44, 19, 88.0
Moves = Mapping[tuple[str, str], str]
Point = tuple[float, float]


def diagram(title: str, states: Sequence[str], moves: Moves, priced: Sequence[str]) -> str:
    """An inline SVG: a priced state has a thick frame, a number on an arrow stands for what drives the move.

    States stand in columns by the number of moves it takes to reach them from the first. Moves on go by the
    sides, moves back and within a column by bows, so that no two share a line.
    """
    places = _places(states, moves)
    drivers = list(dict.fromkeys(moves.values()))
    right = max(x for x, _ in places.values()) + WIDTH + BOW  # a bow may go past the last column
    bottom = max(y for _, y in places.values()) + HEIGHT + MARGIN + 26
    parts = [_box(state, places[state], state in priced) for state in states]
    parts += [
        _arrow(places[a], places[b], drivers.index(name) + 1, n) for n, ((a, b), name) in enumerate(moves.items())
    ]
    parts += [
        f'<text x="4" y="{bottom + LINE * n}" font-size="13"><tspan font-weight="bold">{n + 1}</tspan>  '
        f"{escape(name.replace(', ', ' · '))}</text>"
        for n, name in enumerate(drivers)
    ]
    told = escape(f"{title}: " + "; ".join(f"{_words(a)} to {_words(b)} ({name})" for (a, b), name in moves.items()))
    width, height = right + 4, bottom + LINE * len(drivers)
    return (
        f'<svg role="img" aria-label="{told}" viewBox="0 0 {width} {height}" width="100%" style="max-width:{width}px" '
        f'font-family="system-ui, sans-serif" fill="currentColor"><title>{told}</title>{"".join(parts)}</svg>'
    )


def _places(states: Sequence[str], moves: Moves) -> dict[str, Point]:
    """Left upper corner of each box, by columns of equal distance from the first state."""
    depth = {states[0]: 0}
    while True:
        found = {b: depth[a] + 1 for a, b in moves if a in depth and b not in depth}
        if not found:
            break
        depth |= found
    columns: dict[int, list[str]] = {}
    for state in states:
        columns.setdefault(depth.get(state, 0), []).append(state)
    tallest = max(len(column) for column in columns.values())
    places: dict[str, Point] = {}
    for column, members in columns.items():
        top = MARGIN + (tallest - len(members)) * (HEIGHT + DOWN) / 2
        for row, state in enumerate(members):
            places[state] = (4 + column * (WIDTH + ACROSS), top + row * (HEIGHT + DOWN))
    return places


def _words(state: str) -> str:
    return state.replace("_", " ")


def _box(state: str, place: Point, priced: bool) -> str:
    x, y = place
    return (
        f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="8" fill="none" stroke="currentColor" '
        f'stroke-width="{3 if priced else 1.3}"/>'
        f'<text x="{x + WIDTH / 2}" y="{y + HEIGHT / 2 + 5}" font-size="13" text-anchor="middle">'
        f"{escape(_words(state))}</text>"
    )


def _arrow(start: Point, end: Point, number: int, order: int) -> str:
    """A curve from box to box, its head, and its number a part of the way along."""
    (x0, y0), (x1, y1) = start, end
    shift = 6.0 * (order % 5 - 2)  # so that curves between the same boxes do not lie on each other
    if x1 > x0:
        a, d = (x0 + WIDTH, y0 + HEIGHT / 2 + shift), (x1 - 2, y1 + HEIGHT / 2 + shift)
        bend = (d[0] - a[0]) * 0.45
        b, c, head = (a[0] + bend, a[1]), (d[0] - bend, d[1]), "l-8 -4l0 8z"
    elif x1 == x0:
        a, d = (x0 + WIDTH, y0 + HEIGHT / 2 + shift), (x1 + WIDTH + 2, y1 + HEIGHT / 2 + shift)
        bow = min(BOW, 22 + 0.24 * abs(y1 - y0))
        b, c, head = (a[0] + bow, a[1]), (d[0] + bow, d[1]), "l8 -4l0 8z"
    else:
        below = y0 >= y1
        edge = HEIGHT if below else 0
        a, d = (x0 + WIDTH / 2 + shift * 3, y0 + edge), (x1 + WIDTH / 2 + shift * 3, y1 + edge + (2 if below else -2))
        drop = (1 if below else -1) * (30 + 0.05 * (x0 - x1))
        b, c, head = (a[0], a[1] + drop), (d[0], d[1] + drop), "l-4 8l8 0z" if below else "l-4 -8l8 0z"
    x, y = _along(a, b, c, d, 0.36 + 0.07 * (order % 5))
    return (
        f'<path d="M{a[0]} {a[1]}C{b[0]} {b[1]} {c[0]} {c[1]} {d[0]} {d[1]}" fill="none" stroke="currentColor" '
        f'stroke-width="1.2" opacity=".75"/><path d="M{d[0]} {d[1]}{head}" opacity=".75"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="8.5" fill="{PAPER}" stroke="currentColor" stroke-width=".8"/>'
        f'<text x="{x:.1f}" y="{y + 4:.1f}" font-size="11" text-anchor="middle">{number}</text>'
    )


def _along(a: Point, b: Point, c: Point, d: Point, t: float) -> Point:
    """A point of a cubic curve."""
    weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
    points = (a, b, c, d)
    x, y = (sum(w * p[axis] for w, p in zip(weights, points, strict=True)) for axis in (0, 1))
    return x, y
