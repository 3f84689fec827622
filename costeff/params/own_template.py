"""An empty chain of one's own to fill in: a commented YAML file in which every `?` waits for its user."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence

from costeff.errors import Problem, UsageError
from costeff.params.catalogue import Catalogue
from costeff.params.own_guide import guide_to
from costeff.spec import HOLE, Label, Language

WIDTH = 112
TEXTS = f'{{fi: "{HOLE}", sv: "{HOLE}", en: "{HOLE}"}}'
REGISTER = "register"
HEAD = Label(
    fi="Oma palvelu: {name}\n\nTäytä jokainen \"?\" ja poista osat, joita et tarvitse. Tekstit kirjoitetaan suomeksi "
    "(fi), ruotsiksi (sv) ja englanniksi (en).\nTarkista: costeff chain check {name}.yaml --lang fi\n"
    "Kun virheitä ei ole, siirrä tiedosto kansioon params/own/. Siellä se luetaan muiden tietojen mukana.",
    sv="Egen tjänst: {name}\n\nFyll i varje \"?\" och ta bort de delar du inte behöver. Texterna skrivs på finska "
    "(fi), svenska (sv) och engelska (en).\nKontrollera: costeff chain check {name}.yaml --lang sv\n"
    "När inga fel finns kvar, flytta filen till mappen params/own/. Där läses den med de andra uppgifterna.",
    en="A service of your own: {name}\n\nFill in every \"?\" and remove the parts you do not need. Texts are written "
    "in Finnish (fi), Swedish (sv) and English (en).\nCheck: costeff chain check {name}.yaml\n"
    "When no problems are left, move the file to the folder params/own/. There it is read with the rest.",
)  # fmt: skip
OPTIONAL = Label(
    fi="Vapaaehtoista: ota käyttöön poistamalla rivien alusta \"# \".",
    sv="Frivilligt: ta i bruk genom att ta bort \"# \" i början av raderna.",
    en="Optional: remove the \"# \" at the start of the lines to use it.",
)  # fmt: skip

CHAIN = """\
chains:
  NAME:
    label: TEXTS
    option: TEXTS
    comparator: TEXTS
    input:
      label: TEXTS
      indicator: TEXTS
      kind: quantity
      cost: COST
      payer: "?"
    output:
      label: TEXTS
      indicator: TEXTS
      kind: quantity
    outcome:
      label: TEXTS
      indicator: TEXTS
      kind: effect
      event: TEXTS
      unit: TEXTS
      data: register
      outcome: "?"
      source: [NAME_source]
      model: binary
      follow_up_days: 365
      transfer: risk
    impact:
      label: TEXTS
      indicator: TEXTS
      kind: effect
      model: MODEL
      price_set: SET
      horizon_years: 10
    evidence: TEXTS
    does_not_show:
      - TEXTS
"""
COST = """\
unit_costs:
  NAME_client:
    label: TEXTS
    unit: EUR/year
    basis: client_year
    payer: "?"
    index: "?"
    cashable:
      short: &share
        mean: "?"
        low: "?"
        high: "?"
        family: beta
        source: "?"
        quality: "?"
        note: "?"
      medium: *share
      long: *share
    values:
      - valid_from: "?"
        price_year: "?"
        mean: "?"
        low: "?"
        high: "?"
        family: gamma
        source: [NAME_source]
        quality: "?"
        note: "?"
"""
SOURCE = """\
sources:
  NAME_source:
    title: "?"
    publisher: "?"
    published: "?"
    url: "?"
"""
PRICES = """\
price_sets:
  NAME_prices:
    label: TEXTS
    description: TEXTS
    prices:
      MODEL:
STATES
"""
INDICATORS = """\
indicators:
  NAME:
    label: TEXTS
    chains: [NAME]
    indicators:
      NAME_outcome:
        label: TEXTS
        definition: TEXTS
        kind: effect
        stage: outcome
        aspect: transition
        unit: TEXTS
        data: [outcomes.time, outcomes.event]
        cells: binary
        of: "?"
        source: [NAME_source]
"""
SCENARIO = """\
scenarios:
  NAME_practice:
    label: TEXTS
    source: stated_assumption
    note: "?"
    truth:
      clients: 6000
      outcome: "?"
      baseline_risk: "?"
      log_odds_ratio: "?"
      group_share: {low: 0.5, middle: 0.35, high: 0.15}
      group_log_odds: {low: -0.5, middle: 0.0, high: 0.5}
      new_share: {low: 0.5, middle: 0.5, high: 0.5}
      need_slope: 0.0
      county_sd: 0.1
      municipality_sd: 0.1
      effect_sd: 0.05
      cost_mean: {usual: 1000, new: 1000}
      cost_cv: 0.5
"""


def chain_template(
    name: str,
    catalogue: Catalogue,
    states: dict[str, tuple[str, ...]],
    language: Language = "en",
    *,
    model: str | None = None,
    cost: str | None = None,
) -> str:
    """The text of a file with a chain to fill in, and all that it needs.

    Parameters
    ----------
    name
        Id of the chain.
    states
        The avoided-cost models there are, each with the states that it prices.
    language
        Of the comments.
    model
        The avoided-cost model, where it is chosen already.
    cost
        `register` where the register tells what each client costs: then no price is asked for.

    Raises
    ------
    UsageError
        For an id that is not one or that exists, and an unknown model.
    """
    _refuse(name, catalogue, states, model)
    able = [key for key, prices in catalogue.price_sets.items() if not model or prices.can_price(model, states[model])]
    words = {
        "NAME": name,
        "TEXTS": TEXTS,
        "MODEL": model or f'"{HOLE}"',
        "SET": able[0] if model and able else f"{name}_prices" if model else f'"{HOLE}"',
        "COST": REGISTER if cost == REGISTER else f"{name}_client",
        "STATES": "\n".join(
            f'        {state}: {{components: [{{cost: "{HOLE}"}}]}}' for state in (states[model] if model else (HOLE,))
        ),
    }
    choices = {"models": ", ".join(states), "price_sets": ", ".join(able), "indices": ", ".join(catalogue.indices)}
    needed = [CHAIN, *([COST] if cost != REGISTER else []), SOURCE, *([PRICES] if model and not able else [])]
    spare = [*([PRICES] if model and able else []), INDICATORS, SCENARIO]

    def filled(part: str) -> str:
        text = re.sub("|".join(words), lambda found: words[found[0]], part)
        return "\n".join(_commented(text.splitlines(), language, choices))

    head = [f"# {line}".rstrip() for line in _wrapped(HEAD[language].format(name=name))]
    extra = [f"# # {OPTIONAL[language]}\n" + "\n".join(f"# {line}" for line in filled(p).splitlines()) for p in spare]
    return "\n\n".join(["\n".join(head), *map(filled, needed), *extra]) + "\n"


def _refuse(name: str, catalogue: Catalogue, states: dict[str, tuple[str, ...]], model: str | None) -> None:
    problems = []
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,55}", name):
        cure = "write small letters a to z, digits and underscores, such as reablement_at_home"
        problems.append(Problem(f"the id {name!r}", "is not an id", cure))
    elif name in catalogue.chains:
        problems.append(Problem(name, "is a chain already", "choose another id"))
    if model is not None and model not in states:
        problems.append(Problem(f"model {model}", "is not a model", f"choose of {', '.join(states)}"))
    if problems:
        raise UsageError("The template cannot be made", problems)


def _commented(lines: Sequence[str], language: Language, choices: dict[str, str]) -> Iterator[str]:
    """Each key that somebody has to think of, with what to write there above it; what was said once is not repeated."""
    path: list[str] = []
    said: set[str] = set()
    for line in lines:
        indent = len(line) - len(line.lstrip(" -"))
        path = [*path[: indent // 2], line.lstrip(" -").split(":")[0]]
        text = guide_to(path, language, **choices) if _to_tell(path, line) else ""
        if text and text not in said:
            said.add(text)
            space = " " * (len(line) - len(line.lstrip()))
            yield from (f"{space}# {row}" for row in textwrap.wrap(text, WIDTH - len(space)))
        yield line


def _to_tell(path: Sequence[str], line: str) -> bool:
    return len(path) != 2 and (len(path) == 1 or not line.endswith("*share"))


def _wrapped(text: str) -> list[str]:
    return [row for line in text.splitlines() for row in (textwrap.wrap(line, WIDTH) or [""])]
