"""Words and numbers as they are read in Finnish, Swedish and English.

The English text in the code is the source text; Finnish and Swedish stand in
`locale/*.po` and are read as they are, without compiling. A municipality's name
is never inflected: sentences keep it in the nominative.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from pathlib import Path
from string import Formatter

from babel.dates import format_date
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from babel.numbers import get_decimal_symbol, get_group_symbol

from costeff.errors import Problem, SetupError, UsageError
from costeff.spec import LANGUAGES, Label

LOCALE_FOLDER = Path(__file__).with_name("locale")
MINUS, NBSP, DASH, JOINER = "\u2212", "\u00a0", "\u2013", "\u2060"
_LOCALES = {"fi": "fi_FI", "sv": "sv_FI", "en": "en"}

PAYERS: dict[str, Label] = {
    "municipality": Label(fi="kunta", sv="kommun", en="municipality"),
    "county": Label(fi="hyvinvointialue", sv="välfärdsområde", en="wellbeing services county"),
    "state": Label(fi="valtio", sv="staten", en="state"),
    "kela": Label(fi="Kela", sv="FPA", en="Kela"),
    "client": Label(fi="asiakas", sv="klient", en="client"),
    "others": Label(fi="muut", sv="övriga", en="others"),
}
# A payer in a Swedish sentence; in a table it stands as in PAYERS.
_DEFINITE_SV = {
    "municipality": "kommunen",
    "county": "välfärdsområdet",
    "client": "klienten",
    "others": "de övriga",
}


def mark(text: str) -> str:
    """Mark a text for translation where it stands, and translate it later with `say`."""
    return text


_CHANCES = (
    mark("in fewer than 1 case of 20"),
    mark("in 1 case of 10"),
    mark("in 2 cases of 10"),
    mark("in 3 cases of 10"),
    mark("in 4 cases of 10"),
    mark("in 5 cases of 10"),
    mark("in 6 cases of 10"),
    mark("in 7 cases of 10"),
    mark("in 8 cases of 10"),
    mark("in 9 cases of 10"),
    mark("in more than 19 cases of 20"),
)


def decimals_of(clients: int) -> int:
    """How many decimals a number of events has: among few clients there are few, and tenths would all be 0."""
    return max(1, 3 - math.floor(math.log10(clients)))


def tenths(probability: float) -> int:
    """Of ten cases, as it is told: 1 to 9; 0 stands for fewer than 1 of 20, and 10 for more than 19 of 20."""
    if math.isnan(probability):
        raise ValueError("a probability that is not a number cannot be told")
    if probability < 0.05:
        return 0
    return 10 if probability > 0.95 else min(9, max(1, int(_rounded(probability * 10, 0))))


@lru_cache(maxsize=4)
def read_catalog(language: str) -> Catalog:
    """The translations of one language, read once per process."""
    path = LOCALE_FOLDER / f"{language}.po"
    try:
        with path.open("rb") as file:
            return read_po(file, locale=language, abort_invalid=True)
    except OSError as error:
        problem = Problem(f"locale/{path.name}", f"cannot be read ({error.strerror})", "reinstall costeff")
        raise SetupError("A translation is missing", [problem]) from error


@lru_cache(maxsize=4)
def _signs(locale: str) -> tuple[str, str]:
    """What stands between thousands, and before decimals."""
    return get_group_symbol(locale), get_decimal_symbol(locale)


def counted(number: str, one: str, more: str) -> str:
    """A number with its noun: 1 client, 100 clients."""
    return f"{number} {one if number == '1' else more}"


class _InNumber(Formatter):
    """Writes {clients:client|clients} as 1 client or 100 clients."""

    def format_field(self, value: object, format_spec: str) -> str:
        one, bar, more = format_spec.partition("|")
        return counted(str(value), one, more) if bar else str(super().format_field(value, format_spec))


_IN_NUMBER = _InNumber()


class Words:
    """The voice of one language.

    Raises
    ------
    UsageError
        When the language is not one of fi, sv, en.
    """

    def __init__(self, language: str) -> None:
        if language not in LANGUAGES:
            problem = Problem(f"language {language}", "is not a language of the reports", f"use {', '.join(LANGUAGES)}")
            raise UsageError("Unknown language", [problem])
        self.language = language
        self.locale = _LOCALES[language]

    # --- texts --------------------------------------------------------------------------------

    def say(self, text: str, **values: object) -> str:
        """A text in this language, with values put into its {places}.

        In {clients:client|clients} a noun follows the number: the first after one, the second after any other.
        """
        if self.language != "en":
            message = read_catalog(self.language).get(text)
            if message is None or not message.string:
                raise KeyError(f"no {self.language} translation of {text!r}")
            text = str(message.string)
        if not values:
            return text
        return _IN_NUMBER.vformat(text, (), values) if "|" in text else text.format_map(values)

    def chance(self, probability: float) -> str:
        """A probability as people say it: in 9 cases of 10.

        The outermost twentieths have words of their own, so that nothing is told as
        certain or impossible.
        """
        return self.say(_CHANCES[tenths(probability)])

    def payer(self, payer: str, *, in_sentence: bool = False) -> str:
        """A payer's name, definite in a Swedish sentence; a payer of a later date keeps its id."""
        if in_sentence and self.language == "sv" and payer in _DEFINITE_SV:
            return _DEFINITE_SV[payer]
        return PAYERS[payer][self.language] if payer in PAYERS else payer

    # --- numbers ------------------------------------------------------------------------------

    def number(self, value: float, decimals: int = 0) -> str:
        """A number: decimal comma and spaces in fi and sv, a real minus, half rounded away from zero."""
        return self._typeset(self._figures(_rounded(value, decimals), decimals))

    def _figures(self, value: Decimal, decimals: int = 0) -> str:
        """As Babel writes it, at a tenth of its time: a page has hundreds of numbers."""
        group, point = _signs(self.locale)
        return f"{value:,.{decimals}f}".translate({ord(","): group, ord("."): point})

    def percent(self, share: float, decimals: int = 0) -> str:
        """A share as per cent: 0.125 is 13 % (13% in English)."""
        sign = "%" if self.language == "en" else f"{NBSP}%"
        return self.number(share * 100, decimals) + sign

    def rate(self, share: float) -> str:
        """A yearly rate: 3 %, 2,5 %."""
        return self.percent(share, 0 if abs(share * 100 - round(share * 100)) < 0.05 else 1)

    def probability(self, share: float) -> str:
        """A probability as per cent that never reads as certain: below 1 %, above 99 %."""
        if share < 0.01:
            return f"<{NBSP}{self.percent(0.01)}"
        return f">{NBSP}{self.percent(0.99)}" if share > 0.99 else self.percent(share)

    def share(self, share: float) -> str:
        """A share inside a sentence that never reads as none or all: less than 1 %, more than 99 %."""
        if share < 0.01:
            return self.say("less than {share}", share=self.percent(0.01))
        return self.say("more than {share}", share=self.percent(0.99)) if share > 0.99 else self.percent(share)

    def money(self, euros: float, step: float = 1) -> str:
        """Whole euros, rounded to `step`."""
        value = _rounded(to_step(euros, step), 0)
        sign, told = "-" if value < 0 else "", self._figures(abs(value))
        return self._typeset(f"{sign}€{told}" if self.language == "en" else f"{sign}{told}{NBSP}€")

    def euros(self, euros: float, step: float = 1) -> str:
        """Whole euros without the sign, for a table whose caption names the unit."""
        return self.number(to_step(euros, step))

    def between(self, low: str, high: str, *, negative: bool = False) -> str:
        """Two formatted ends as one range; an end below zero takes no dash beside its minus."""
        if self.language == "en":
            return f"{low} to {high}"
        if not negative:
            return f"{low}{DASH}{JOINER}{high}"
        return f"{low}{NBSP}… {high}" if self.language == "fi" else f"{low} till {high}"

    def date(self, day: date) -> str:
        """A date in words, for example 21. marraskuuta 2026."""
        style = "d MMMM y" if self.language == "en" else "long"
        return self._typeset(format_date(day, style, locale=self.locale))

    def listed(self, items: Iterable[str]) -> str:
        """a, b and c."""
        words = list(items)
        if len(words) < 2:
            return "".join(words)
        last = {"fi": "ja", "sv": "och", "en": "and"}[self.language]
        return f"{', '.join(words[:-1])} {last} {words[-1]}"

    @staticmethod
    def _typeset(text: str) -> str:
        text = text.replace("-", MINUS).replace("\u202f", NBSP).replace(" ", NBSP)
        return text.replace(f"{MINUS}€", f"{MINUS}{JOINER}€")  # a line does not end with a lone minus


def _rounded(value: float, decimals: int) -> Decimal:
    if not math.isfinite(value):
        raise ValueError("a value that is not a finite number cannot be shown")
    rounded = Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    return rounded if rounded else abs(rounded)  # no minus before zero


def to_step(value: float, step: float) -> float:
    """The nearest multiple of `step`."""
    return float(_rounded(value / step, 0)) * step


def money_step(values: Iterable[float]) -> float:
    """The step that leaves three digits to the largest of the values: 1 234 567 is told as 1 230 000."""
    largest = max((abs(v) for v in values if math.isfinite(v)), default=0.0)
    return float(10 ** max(0, math.floor(math.log10(largest)) - 2)) if largest >= 1 else 1.0


def nice_step(least: float) -> float:
    """The smallest of 1, 2, 5, 10, 20, … that is not below `least`."""
    if not math.isfinite(least) or least <= 1:
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))


def inline(label: str) -> str:
    """A label inside a sentence: a small first letter, unless it is an abbreviation."""
    return label[:1].lower() + label[1:] if label[1:2].islower() or label[1:2] == "" else label


def nordic(name: str) -> str:
    """A key that sorts å, ä and ö after z, and capitals with small letters."""
    return name.casefold().translate({ord("å"): "{", ord("ä"): "|", ord("æ"): "|", ord("ö"): "}", ord("ø"): "}"})
