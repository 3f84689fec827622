"""What of the catalogue a result depends on: a catalogue that notes each entry that is read.

A result keeps the notes. While every entry in them is as it was, the result is what would be made again, whatever
else has changed in params/.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from pydantic import BaseModel

from costeff.params.catalogue import Catalogue

EVERY = "*"  # all entries of a group, when it was gone through
ABSENT = "absent"
PEOPLE = ("municipalities", "people")  # of all places, where they live: what areas are made from
PLACES = ("municipalities", "counties")

_GROUPS = frozenset(f.name for f in fields(Catalogue))
Reads = dict[str, str]  # "group id" -> hash of the entry as it was read


@dataclass
class ReadLog:
    """The entries that were read."""

    places: set[tuple[str, str]] = field(default_factory=set)

    def told(self, catalogue: Catalogue, leaving_out: Iterable[tuple[str, str]] = ()) -> Reads:
        """Each entry with the hash of what it holds."""
        return {
            f"{group} {key}": _hash_of(catalogue, group, key) for group, key in sorted(self.places - set(leaving_out))
        }


def watched(catalogue: Catalogue) -> tuple[Catalogue, ReadLog]:
    """The same catalogue, and a log that fills as its entries are read.

    What is not a group of entries, such as the conventions, counts as read.
    """
    log = ReadLog()
    groups: dict[str, Any] = {name: _Watched(name, value, log) for name, value in _groups(catalogue).items()}
    log.places |= {(f.name, "") for f in fields(catalogue) if f.name not in {*groups, "folder", "content"}}
    values = {f.name: getattr(catalogue, f.name) for f in fields(catalogue)}
    return _WatchedCatalogue(**{**values, **groups}), log


def unwatched(catalogue: Catalogue) -> Catalogue:
    """The catalogue without its log: for a check, which may refuse a result but makes nothing of it."""
    values: dict[str, Any] = {f.name: getattr(catalogue, f.name) for f in fields(catalogue)}
    plain: dict[str, Any] = {k: one.entries if isinstance(one, _Watched) else one for k, one in values.items()}
    return Catalogue(**plain)


def changed(reads: Mapping[str, str], catalogue: Catalogue) -> list[str]:
    """Entries that are no longer as they were read, as `group id`."""
    return [place for place, was in reads.items() if _now(catalogue, place) != was]


def _now(catalogue: Catalogue, place: str) -> str:
    """The hash of an entry as it is; of a group that is no more, nothing."""
    group, _, key = place.partition(" ")
    return _hash_of(catalogue, group, key) if group in _GROUPS else ""


class _WatchedCatalogue(Catalogue):
    """Its hash is of what has been read so far, so that results do not differ by what they do not depend on.

    Places are left out: several are appraised in one pass, and the result of each says which place it is.
    """

    @property
    def hash(self) -> str:
        log = next(value.log for value in vars(self).values() if isinstance(value, _Watched))
        places = [place for place in log.places if place[0] in PLACES]
        return hashlib.sha256(json.dumps(log.told(self, leaving_out=places)).encode()).hexdigest()[:16]


class _Watched(Mapping[str, Any]):
    """A group whose reads are noted."""

    def __init__(self, group: str, entries: Mapping[str, Any], log: ReadLog) -> None:
        self.group, self.entries, self.log = group, entries, log

    def __getitem__(self, key: str) -> Any:
        self.log.places.add((self.group, key))
        return self.entries[key]

    def __iter__(self) -> Iterator[str]:
        self.log.places.add((self.group, EVERY))
        return iter(self.entries)

    def __len__(self) -> int:
        self.log.places.add((self.group, EVERY))
        return len(self.entries)


def _groups(catalogue: Catalogue) -> dict[str, Mapping[str, Any]]:
    found = {f.name: getattr(catalogue, f.name) for f in fields(catalogue)}
    return {name: value for name, value in found.items() if isinstance(value, Mapping)}


def _hash_of(catalogue: Catalogue, group: str, key: str) -> str:
    """The hash of what an entry holds, worked out once in the life of a catalogue, which is frozen."""
    known = vars(catalogue).setdefault("_hashes", {})
    if (group, key) not in known:
        known[group, key] = _worked_out(catalogue, group, key)
    return str(known[group, key])


def _worked_out(catalogue: Catalogue, group: str, key: str) -> str:
    value = getattr(catalogue, group)
    value = value.entries if isinstance(value, _Watched) else value
    if (group, key) == PEOPLE:
        value = {code: (place.county, place.population) for code, place in value.items()}
    elif key and key != EVERY:
        value = value.get(key, ABSENT)
    return hashlib.sha256(json.dumps(value, default=_plain).encode()).hexdigest()[:12]


def _plain(value: Any) -> Any:
    """What JSON does not know, as something it does, in full."""
    if isinstance(value, BaseModel):
        return {name: getattr(value, name) for name in type(value).model_fields}
    if hasattr(value, "__dataclass_fields__"):
        return {f.name: getattr(value, f.name) for f in fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (tuple, set, frozenset)):
        return sorted(value) if isinstance(value, (set, frozenset)) else list(value)
    return str(value)
