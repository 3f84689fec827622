"""A municipality as it stands in the list of pages: its name, its pages, and the answer in a few words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """The answer of one chain in a few words, already in the language of the index."""

    chain: str
    words: str
    detail: str = ""


@dataclass(frozen=True)
class Entry:
    """One municipality in the list: its name and county in the language of the index, and its pages."""

    code: str
    name: str
    county: str
    links: Mapping[str, str]  # language -> address relative to the index
    results: tuple[Result, ...] = ()
    synthetic: bool = False
    note: str = ""  # in the language of the index; without any page, one is written for it
