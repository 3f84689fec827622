"""What is quick to look at is never let pass: pseudonyms are refused just as by the whole patterns."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from register_builders import fuller, whole

from costeff.errors import DataError
from costeff.identity import PATTERN, WHOLE_PATTERN
from costeff.records import check, register_from_frames
from costeff.records.checks import BLANK

CODE = "130391-951Y"  # artificial: numbers from 900 are never given
BARE = "130391951Y"
KEYED = "k0123456789abcdef0123456789abcdef"
RULES = {
    "is empty": BLANK,
    "looks like a personal identity code": f"{PATTERN}|{WHOLE_PATTERN}",
    "has a character outside ASCII": r"[^ -~]",
}
NASTY = [
    KEYED,
    KEYED.upper(),
    "client_7",
    "7",
    "a" * 15,
    "a" * 16,
    "a" * 300,
    # codes: alone, in small letters, without the sign, behind up to four letters and behind more
    CODE,
    CODE.lower(),
    BARE,
    "a" + CODE,
    "abcd" + BARE,
    "abcd130391A951Y",  # fifteen letters and digits: the longest that can hold one
    "abcde130391A951Y",
    "abcd130391A951Y0",
    KEYED + BARE,
    # in longer text
    f"{KEYED}-{CODE}",
    f"{KEYED} {CODE}",
    f"{CODE} {KEYED}",
    f"{KEYED}_{BARE}",
    f"{KEYED}/{CODE}/{KEYED}",
    "13 03 91 - 951 Y",
    f"{KEYED}\n{CODE}",
    f"{CODE}\n",
    # characters that are not seen, or not ASCII
    KEYED + "ä",
    "é" + KEYED,
    KEYED + "\u0301",
    KEYED + "\t",
    "\t" + KEYED,
    KEYED + "\n",
    "\x01" + KEYED,
    KEYED + "\x7f",
    KEYED + "\u200b",
    KEYED + "\u212a",  # the sign of kelvin, a k to those who fold case
    "\uff4b" + KEYED[1:],
    KEYED[:-1] + "\uff11",
    "\u0661\u0662\u0663" + KEYED,
    "130391\u2013951Y",
    "130391\u2212951Y" + " " + KEYED,
    "130391\uff0d951Y",
    # blanks of ASCII and others
    "",
    " ",
    "\t \n",
    "\r\v\f",
    " " + KEYED,
    "\u00a0",
    "\u3000" * 20,
    "\u0085",
]


def told(pseudonym: str) -> set[str]:
    """The rules that a register with one such client breaks, those of the whole register left out."""
    frames = {name: frame.assign(client=frame["client"].astype(object)) for name, frame in whole().items()}
    known = frames["clients"]["client"].iloc[0]
    frames = {name: frame.replace({"client": {known: pseudonym}}) for name, frame in frames.items()}
    problems = ()
    with register_from_frames(frames, synthetic=True, label="nasty") as register:
        try:
            check(register)
        except DataError as error:
            problems = error.problems
    broken = [problem.rule for problem in problems if problem.place == "clients.client"]
    return {rule for rule in RULES if f"{rule}, in 1 row (data row 1)" in broken}


@pytest.mark.parametrize("pseudonym", NASTY, ids=ascii)
def test_a_pseudonym_breaks_the_rules_that_its_patterns_say(pseudonym: str) -> None:
    expected = {rule for rule, pattern in RULES.items() if re.search(pattern.replace("$", r"\Z"), pseudonym)}
    if "is empty" in expected:
        expected = {"is empty"}  # nothing more is told of it
    assert told(pseudonym) == expected


def test_the_nasty_ones_break_every_rule_and_some_break_none() -> None:
    found = [frozenset(told(pseudonym)) for pseudonym in (KEYED, CODE, KEYED + "\t", " ", CODE + "ä")]
    assert found[0] == frozenset()
    assert set().union(*found) == set(RULES)


def test_each_client_twice_is_counted_once_by_every_rule() -> None:
    """A client who stands twice is in all rules counted by rows, not by pairs of rows."""
    frames = whole()
    again, other = frames["clients"].iloc[[0]], frames["episodes"].iloc[[0]]
    frames["clients"] = pd.concat([frames["clients"], again, again], ignore_index=True)
    usual = other["option"].iloc[0] == "usual"
    frames["episodes"] = pd.concat(
        [frames["episodes"], other.assign(option="new" if usual else "usual"), other.assign(client="stranger")],
        ignore_index=True,
    )
    client = again["client"].iloc[0]
    with register_from_frames(frames, synthetic=True, label="twice") as register, pytest.raises(DataError) as caught:
        check(register)
    counts = {
        problem.rule.partition(", in ")[0]: problem.rule.partition(", in ")[2] for problem in caught.value.problems
    }
    mine = int((frames["episodes"]["client"] == client).sum())
    assert counts["stands in more than one row"].startswith("3 rows")
    assert counts["is not the same in all episodes of a client"].startswith(f"{mine} rows")
    assert counts["is not in the table clients"].startswith("1 row ")


def test_as_many_clients_are_not_yet_the_same_clients() -> None:
    """A table with another client in place of one of ours has as many, and still lacks ours."""
    frames = fuller()
    for name in ("counts", "ends"):
        frames[name] = frames[name].assign(client=frames[name]["client"].replace({frames[name]["client"][0]: "other"}))
    with register_from_frames(frames, synthetic=True, label="swapped") as register, pytest.raises(DataError) as caught:
        check(register)
    told = {(problem.place, problem.rule.partition(", in ")[0]) for problem in caught.value.problems}
    for name in ("counts", "ends"):
        assert {
            ("clients.client", f"has no row in the table {name}"),
            (f"{name}.client", "is not in the table clients"),
        } <= told
