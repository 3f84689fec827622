"""The states of an avoided-cost model and the moves between them, drawn and as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, GAP, HEIGHT = 150, 150, 52
TOP, BEND = 12, 44


def diagram(title: str, states: Sequence[str], moves: Mapping[tuple[str, str], str], priced: Sequence[str]) -> str:
    """An inline SVG in one row: a priced state has a thick frame, a move its name on the arrow.

    Moves to the next state run straight, the others bend below.
    """
    total = len(states) * WIDTH + (len(states) - 1) * GAP
    parts = [_box(number, state, state in priced) for number, state in enumerate(states)]
    bent = 0
    for (origin, target), name in moves.items():
        a, b = states.index(origin), states.index(target)
        if b == a + 1:
            parts.append(_straight(a, name))
        else:
            parts.append(_bent(a, b, name))
            bent = 1
    height = TOP + HEIGHT + 14 + bent * (BEND + 10)
    told = escape(f"{title}: " + "; ".join(f"{_words(a)} to {_words(b)} ({name})" for (a, b), name in moves.items()))
    return (
        f'<svg role="img" aria-label="{told}" viewBox="0 0 {total} {height}" width="100%" style="max-width:{total}px" '
        f'font-family="system-ui, sans-serif" fill="currentColor"><title>{told}</title>{"".join(parts)}</svg>'
    )


def _words(state: str) -> str:
    return state.replace("_", " ")


def _box(number: int, state: str, priced: bool) -> str:
    x = number * (WIDTH + GAP)
    return (
        f'<rect x="{x + 2}" y="{TOP}" width="{WIDTH - 4}" height="{HEIGHT}" rx="8" fill="none" stroke="currentColor" '
        f'stroke-width="{3 if priced else 1.3}"/>'
        f'<text x="{x + WIDTH / 2}" y="{TOP + HEIGHT / 2 + 5}" font-size="15" text-anchor="middle">'
        f"{escape(_words(state))}</text>"
    )


def _straight(a: int, name: str) -> str:
    x, y = (a + 1) * WIDTH + a * GAP, TOP + HEIGHT / 2
    return (
        f'<path d="M{x + 3} {y}h{GAP - 8}m-8 -5l8 5l-8 5" fill="none" stroke="currentColor" stroke-width="1.3"/>'
        f'<text x="{x + GAP / 2}" y="{y - 9}" font-size="11.5" text-anchor="middle">{escape(name)}</text>'
    )


def _bent(a: int, b: int, name: str) -> str:
    x, to = (number * (WIDTH + GAP) + WIDTH / 2 for number in (a, b))
    y = TOP + HEIGHT
    return (
        f'<path d="M{x} {y + 2}v{BEND - 8}H{to}V{y + 4}m-5 8l5 -8l5 8" fill="none" stroke="currentColor" '
        'stroke-width="1.3"/>'
        f'<text x="{(x + to) / 2}" y="{y + BEND - 12}" font-size="11.5" text-anchor="middle">{escape(name)}</text>'
    )
