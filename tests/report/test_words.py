"""Words and numbers read as a native writer would write them, and nothing is left untranslated."""

from __future__ import annotations

import re
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.extract import extract_from_file
from babel.numbers import format_currency, format_decimal
from hypothesis import given
from hypothesis import strategies as st

import costeff.report
from costeff.errors import UsageError
from costeff.report.words import PAYERS, Words, decimals_of, inline, money_step, nice_step, read_catalog

PACKAGE = Path(costeff.report.__file__).parent
NBSP, MINUS, JOINER = "\u00a0", "\u2212", "\u2060"


def source_texts() -> set[str]:
    found: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        found |= {text for _, text, _, _ in extract_from_file("python", str(path), {"say": None, "mark": None})}
    for path in (PACKAGE / "template").rglob("*.j2"):
        found |= {text for _, text, _, _ in extract_from_file("jinja2.ext:babel_extract", str(path), {"say": None})}
    return found


@pytest.mark.parametrize("language", ["fi", "sv"])
def test_every_text_is_translated_and_no_translation_is_left_over(language: str) -> None:
    translated = {message.id for message in read_catalog(language) if message.id and message.string}
    assert source_texts() - translated == set()
    assert translated - source_texts() == set()
    assert len(translated) > 100


@pytest.mark.parametrize("language", ["fi", "sv"])
def test_a_translation_has_the_same_places_and_is_not_the_english_text(language: str) -> None:
    for message in read_catalog(language):
        if message.id:
            places = [
                {name for _, name, _, _ in Formatter().parse(text) if name} for text in (message.id, message.string)
            ]
            assert places[0] == places[1], message.id
            assert message.string != message.id or message.id == "Version"
            assert not message.fuzzy
            assert message.string[-1] == message.id[-1] or message.id[-1] not in ".?:", message.id


def test_no_sentence_inflects_a_municipality() -> None:
    for language in ("fi", "sv"):
        for message in read_catalog(language):
            assert not re.search(r"\{municipality\}[\w:]*\w:?[a-zåäö]", message.string or "")


@pytest.mark.parametrize("language", ["fi", "sv"])
def test_numbers_have_decimal_comma_hard_spaces_and_a_real_minus(language: str) -> None:
    words = Words(language)
    assert words.number(-1234567.25, 1) == f"{MINUS}1{NBSP}234{NBSP}567,3"
    assert words.percent(-0.125) == f"{MINUS}13{NBSP}%"
    assert words.money(-1234.5) == f"{MINUS}1{NBSP}235{NBSP}€"


def test_a_noun_follows_its_number_and_a_hostile_value_is_no_format() -> None:
    words = Words("en")
    text = "Fewer events per {clients:client|clients}"
    assert words.say(text, clients="1") == "Fewer events per 1 client"
    assert words.say(text, clients="0") == "Fewer events per 0 clients"
    assert words.say(text, clients="1,001") == "Fewer events per 1,001 clients"
    assert words.say(text, clients="{x:1|2}") == "Fewer events per {x:1|2} clients"


@pytest.mark.parametrize(("clients", "decimals"), [(1, 3), (9, 3), (10, 2), (100, 1), (5000, 1)])
def test_events_among_few_clients_have_more_decimals(clients: int, decimals: int) -> None:
    assert decimals_of(clients) == decimals


def test_english_numbers() -> None:
    words = Words("en")
    assert words.number(-1234567.25, 1) == f"{MINUS}1,234,567.3"
    assert words.percent(0.125) == "13%"
    assert words.money(-1234.5) == f"{MINUS}{JOINER}€1,235"
    assert words.date(date(2026, 11, 21)).replace(NBSP, " ") == "21 November 2026"


def test_half_is_rounded_away_from_zero_and_zero_has_no_minus() -> None:
    words = Words("fi")
    assert [words.number(value) for value in (0.5, 1.5, 2.5, -0.5)] == ["1", "2", "3", f"{MINUS}1"]
    assert words.number(-0.04, 1) == "0,0"
    assert words.number(2.675, 2) == "2,68"
    assert words.money(-400, step=1000) == f"0{NBSP}€"


def test_dates_in_words() -> None:
    told = [Words(language).date(date(2026, 11, 21)).replace(NBSP, " ") for language in ("fi", "sv")]
    assert told == ["21. marraskuuta 2026", "21 november 2026"]


@pytest.mark.parametrize(
    ("probability", "number"),
    [(0.0, 0), (0.049, 0), (0.05, 1), (0.149, 1), (0.5, 5), (0.949, 9), (0.951, 10), (1.0, 10)],
)
def test_probability_is_said_in_words(probability: float, number: int) -> None:
    fi = {
        0: "harvemmin kuin yhdessä tapauksessa kahdestakymmenestä",
        1: "yhdessä tapauksessa kymmenestä",
        5: "viidessä tapauksessa kymmenestä",
        9: "yhdeksässä tapauksessa kymmenestä",
        10: "useammin kuin 19 tapauksessa kahdestakymmenestä",
    }
    sv = {
        0: "i mindre än ett fall av tjugo",
        1: "i ett fall av tio",
        9: "i nio fall av tio",
        10: "i mer än 19 fall av 20",
    }
    assert Words("fi").chance(probability) == fi[number]
    assert Words("sv").chance(probability) == sv.get(number, "i fem fall av tio")


def test_probability_never_reads_as_certain() -> None:
    words = Words("fi")
    assert words.probability(0.0) == f"<{NBSP}1{NBSP}%"
    assert words.probability(1.0) == f">{NBSP}99{NBSP}%"
    assert words.probability(0.5) == f"50{NBSP}%"


def test_a_share_in_a_sentence_is_never_none_or_all() -> None:
    shares = (0.004, 0.5, 0.994, 1.0)
    told = [[Words(language).share(s).replace(NBSP, " ") for s in shares] for language in ("fi", "sv", "en")]
    assert told[0] == ["alle 1 %", "50 %", "yli 99 %", "yli 99 %"]
    assert told[1] == ["under 1 %", "50 %", "över 99 %", "över 99 %"]
    assert told[2] == ["less than 1%", "50%", "more than 99%", "more than 99%"]


def test_a_range_with_a_minus_has_no_dash() -> None:
    assert Words("fi").between("1", "5") == f"1–{JOINER}5"
    assert Words("fi").between("−1", "5", negative=True) == f"−1{NBSP}… 5"
    assert Words("sv").between("−1", "5", negative=True) == "−1 till 5"
    assert Words("en").between("1", "5") == "1 to 5"


def test_payers_have_names_in_three_languages() -> None:
    assert [PAYERS["county"][language] for language in ("fi", "sv")] == ["hyvinvointialue", "välfärdsområde"]
    assert Words("sv").payer("kela") == "FPA"
    assert [Words("sv").payer(p, in_sentence=True) for p in ("county", "municipality")] == [
        "välfärdsområdet",
        "kommunen",
    ]
    assert Words("fi").payer("county", in_sentence=True) == "hyvinvointialue"
    assert set(PAYERS) == {"municipality", "county", "state", "kela", "client", "others"}


def test_what_is_not_a_number_is_refused() -> None:
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="not a finite number"):
            Words("fi").money(value)
    with pytest.raises(ValueError, match="not a number"):
        Words("fi").chance(float("nan"))


def test_an_unknown_language_names_those_there_are() -> None:
    with pytest.raises(UsageError, match="fi, sv, en"):
        Words("de")


def test_precision_and_inline_labels() -> None:
    assert money_step([1_234_567, -5]) == 10_000
    assert money_step([0.0]) == 1
    assert [nice_step(least) for least in (0.0, 1.2, 2.0, 13_000, 50_000, 51_000)] == [1, 2, 2, 20_000, 50_000, 100_000]
    assert inline("Huostaanotto") == "huostaanotto"
    assert inline("NEET") == "NEET"


@given(st.floats(-1e12, 1e12), st.integers(0, 4), st.sampled_from(["fi", "sv", "en"]))
def test_numbers_and_money_are_written_as_babel_writes_them(value: float, decimals: int, language: str) -> None:
    words = Words(language)

    def typeset(text: str) -> str:
        text = text.replace("-", MINUS).replace("\u202f", NBSP).replace(" ", NBSP)
        return text.replace(f"{MINUS}€", f"{MINUS}{JOINER}€")

    exact = Decimal(repr(value)).quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
    assert words.number(value, decimals) == typeset(format_decimal(exact + 0, pattern, words.locale))
    whole = Decimal(repr(value)).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    pattern = "¤#,##0" if language == "en" else f"#,##0{NBSP}¤"
    written = format_currency(whole + 0, "EUR", pattern, words.locale, currency_digits=False)
    assert words.money(value) == typeset(written)
