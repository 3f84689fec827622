"""Identity codes: every written form is found, little else is, and nothing that was found is kept."""

from __future__ import annotations

import base64
import html
import itertools
import json
import re
import time
from datetime import date
from urllib.parse import quote

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costeff.identity import (
    CENTURIES,
    CHECKS,
    PATTERN,
    artificial,
    find,
    is_artificial,
    is_valid,
    normalised,
)

RNG = np.random.default_rng(20)
CODES = artificial(300, RNG, all_signs=True)
SIGNED = {sign: next(code for code in CODES if code[6] == sign) for sign in "-YXWVUABCDEF"}
SIGNED["+"] = artificial(1, RNG, born=(date(1890, 1, 1), date(1899, 12, 31)))[0]
CODE = SIGNED["-"]


def slow_is_valid(code: str) -> bool:
    """As the rule is told in words, character by character."""
    if len(code) != 11 or any(c not in "0123456789" for c in code[:6] + code[7:10]):
        return False
    century = {"+": 18} | dict.fromkeys("-YXWVU", 19) | dict.fromkeys("ABCDEF", 20)
    if code[6] not in century:
        return False
    day, month, year = int(code[:2]), int(code[2:4]), century[code[6]] * 100 + int(code[4:6])
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days = [31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    real = 1 <= month <= 12 and 1 <= day <= days[month - 1]
    return real and int(code[7:10]) >= 2 and CHECKS[int(code[:6] + code[7:10]) % 31] == code[10]


# --- one code -----------------------------------------------------------------------------------


def test_there_are_thirteen_signs() -> None:
    assert "".join(sorted(CENTURIES)) == "".join(sorted("+-YXWVUABCDEF"))


@given(
    st.from_regex(r"[0-3][0-9][01][0-9]{3}[-+A-FU-Z][0-9]{3}[0-9A-Z]", fullmatch=True)
    | st.sampled_from(CODES)
    | st.text(max_size=12)
)
def test_validity_is_that_of_the_slow_rule(code: str) -> None:
    assert is_valid(code) == slow_is_valid(code)


def test_only_one_check_character_is_right() -> None:
    for code in CODES[:50]:
        assert [c for c in CHECKS if is_valid(code[:10] + c)] == [code[10]]


def test_a_day_that_is_not_in_the_calendar_is_not_valid() -> None:
    for born, leap in (("290200", True), ("290201", False), ("310498", False), ("001298", False)):
        sign = "A" if born.endswith(("00", "01")) else "-"
        codes = [f"{born}{sign}950{c}" for c in CHECKS]
        assert any(map(is_valid, codes)) == leap


def test_made_up_codes_are_different_valid_and_artificial() -> None:
    many = artificial(5000, np.random.default_rng(1), born=(date(2000, 1, 1), date(2000, 12, 31)))
    assert len(set(many)) == 5000
    assert all(is_artificial(code) and int(code[7:10]) >= 900 for code in many)
    assert many == artificial(5000, np.random.default_rng(1), born=(date(2000, 1, 1), date(2000, 12, 31)))
    with pytest.raises(ValueError, match="not 101 different"):
        artificial(101, np.random.default_rng(1), born=(date(2000, 1, 1), date(2000, 1, 1)))


# --- in a text ----------------------------------------------------------------------------------

WIDE = str.maketrans({c: chr(ord(c) + 0xFEE0) for c in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ+-"})
WRITTEN = {
    "plain": str,
    "lower case": str.lower,
    "full-width": lambda code: code.translate(WIDE),
    "Arabic-Indic digits": lambda code: "".join(chr(0x660 + int(c)) if c.isdigit() else c for c in code),
    "spaces between the parts": lambda code: f"{code[:6]} {code[6]} {code[7:]}",
    "spaces between all": " ".join,
    "no-break spaces": "\u00a0".join,
    "zero-width spaces": "\u200b".join,
    "word joiners": "\u2060".join,
    "soft hyphens": "\u00ad".join,
    "variation selectors": "\ufe0f".join,
    "decimal entities": lambda code: "".join(f"&#{ord(c)};" for c in code),
    "hexadecimal entities": lambda code: "".join(f"&#x{ord(c):X};" for c in code),
    "percent signs": lambda code: "".join(f"%{ord(c):02x}" for c in code),
    "escapes": lambda code: "".join(f"\\u{ord(c):04x}" for c in code),
    "JSON within JSON": lambda code: json.dumps(json.dumps("\u2013".join([code[:6] + code[6], code[7:]]))),
    "entities within percent signs": lambda code: quote("".join(f"&#{ord(c)};" for c in code), safe=""),
    "tags": lambda code: f"<b>{code[:6]}</b><i class='x'>{code[6:]}</i>",
    "UTF-16 read as bytes": lambda code: code.encode("utf-16-le").decode("latin-1"),
}
DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d\u00ad"


@pytest.mark.parametrize("sign", SIGNED)
@pytest.mark.parametrize("way", [w for w in WRITTEN if w != "JSON within JSON"])
def test_every_written_form_is_found_with_every_sign(sign: str, way: str) -> None:
    written = WRITTEN[way](SIGNED[sign])
    [hit] = find(f"Asiakas (hetu: {written}), kävi.")
    assert hit.artificial


@pytest.mark.parametrize(
    "dash", [*DASHES, "&ndash;", "&minus;", "&#8209;", "%2D", "\\u2013", "%E2%80%93", "&amp;ndash;"]
)
def test_every_dash_is_found(dash: str) -> None:
    assert len(find(f"x {CODE.replace('-', dash)} y")) == 1


def test_json_within_json_is_found() -> None:
    assert len(find(json.dumps(json.dumps({"hetu": CODE.replace("-", "\u2013")})))) == 1


@pytest.mark.parametrize("way", WRITTEN)
def test_a_form_is_brought_back_to_the_one(way: str) -> None:
    if way in ("plain", "lower case", "full-width", "Arabic-Indic digits") or way.startswith(("spaces", "no-", "zero")):
        assert normalised(WRITTEN[way](CODE)) == CODE


@pytest.mark.parametrize(
    "way", ["plain", "full-width", "decimal entities", "percent signs", "spaces between the parts"]
)
def test_the_place_is_that_of_the_text_as_given(way: str) -> None:
    written = WRITTEN[way](CODE)
    text = f"&auml;%20 ä – {written} ja {written}."
    assert [text[hit.start : hit.end] for hit in find(text)] == [written, written]


@pytest.mark.parametrize(
    "around", ['"{}"', "_{}_", "id-{}.csv", "({})", ">{}<", "hetu={}&x=1", "/{}/", "{}", "\n{}\n", "'{}',"]
)
def test_what_stands_around_does_not_hide_a_code(around: str) -> None:
    assert len(find(around.format(CODE))) == 1


def test_official_numbers_are_told_from_artificial_ones() -> None:
    digits = "010150" + "123"
    official = f"010150-123{CHECKS[int(digits) % 31]}"
    assert [hit.artificial for hit in find(f"{CODE} {official}")] == [True, False]
    wrong = CHECKS[(int(digits) + 1) % 31]
    assert find(f"010150-123{wrong} 320150-123{official[-1]} 5{official} {official}7 010150-001{official[-1]}") == []


def test_codes_side_by_side_are_all_found() -> None:
    for separator in (" ", ",", "\t", "\n", ";", "<br>"):
        assert len(find(separator.join(CODES))) == len(CODES)


def test_what_was_found_is_in_no_repr() -> None:
    assert CODE not in repr(find(CODE))
    assert CODE[:6] not in repr(find(CODE))


@pytest.mark.parametrize("before", [0, 1, 40, 63, 64, 65, 127, 128, 129, 130, 500])
@pytest.mark.parametrize("after", [0, 1, 63, 64, 65, 128, 500])
def test_a_code_that_tags_split_is_found_in_text_of_any_length(before: int, after: int) -> None:
    """What is far from a tag is left out of the search without tags; what touches a letter there is still no code."""
    split = "<b>".join(f"{one}  " for one in CODE[:-1]) + CODE[-1]
    assert [hit.encoded for hit in find(f"{'.' * before}{split}{'.' * after}")] == [True]
    assert find(f"{'.' * before}x{CODE}<b>{'.' * after}") == []
    assert find(f"{'.' * before}x<i>{CODE}<b>{'.' * after}{'.' * 130}") != []


@given(st.text())
def test_any_text_can_be_searched(text: str) -> None:
    assert all(0 <= hit.start < hit.end <= len(text) for hit in find(text))


@given(st.text(max_size=20), st.sampled_from(CODES), st.text(max_size=20))
def test_a_code_is_found_in_any_text_it_does_not_touch(before: str, code: str, after: str) -> None:
    assert find(f"{before}\n{code}\n{after}")


# --- what is not a code ---------------------------------------------------------------------------


def test_hashes_base64_and_uuids_hold_none() -> None:
    generator = np.random.default_rng(5)
    data = generator.bytes(640_000)
    sha = " ".join(data[i : i + 32].hex() for i in range(0, 640_000, 32))
    uuids = "\n".join(
        re.sub(r"(.{8})(.{4})(.{4})(.{4})(.{12})", r"\1-\2-\3-\4-\5", data[i : i + 16].hex())
        for i in range(0, 320_000, 16)
    )
    keyed = " ".join("k" + data[i : i + 16].hex() for i in range(0, 320_000, 16))
    assert [len(find(text)) for text in (base64.b64encode(data).decode(), data.hex(), sha, uuids, keyed)] == [0] * 5


def test_numbers_in_tables_rarely_look_like_codes() -> None:
    """Six digits, a hyphen and four digits: a date in 27, a number in use, and a check in 97 for digits alone."""
    generator = np.random.default_rng(6)
    shaped = " ".join(
        f"{a:06d}-{b:04d}"
        for a, b in zip(generator.integers(0, 10**6, 50_000), generator.integers(0, 10**4, 50_000), strict=True)
    )
    assert 0.0005 < len(find(shaped)) / 50_000 < 0.002
    numbers = ", ".join(map(str, generator.integers(-(10**6), 10**6, 100_000)))
    assert len(find(numbers)) <= 3


def test_megabytes_are_searched_quickly() -> None:
    page = '<td class="n">1&nbsp;234,50 €</td><td>2024–2025</td>\n' * 10_000
    start = time.perf_counter()
    assert find(page) == []
    assert (time.perf_counter() - start) / (len(page) / 1e6) < 3  # 0.3 s on an idle machine


# --- in a database --------------------------------------------------------------------------------


def test_the_pattern_is_one_a_database_runs() -> None:
    rows = [*CODES, *(code.lower() for code in CODES), f"A-{CODE}", CODE.replace("-", "–"), f" {CODE} "]
    rest = [
        "k" + "0101900" * 4 + "1234",
        "1" * 32,
        "c1",
        "",
        html.escape("<>"),
        "010190",
        "2024-01-01",
        "010190A9001abc",
    ]
    for text, expected in itertools.chain(((row, True) for row in rows), ((row, False) for row in rest)):
        assert duckdb.execute("SELECT regexp_matches(?, ?)", [text, PATTERN]).fetchall() == [(expected,)], expected
        assert bool(re.search(PATTERN, text)) == expected
