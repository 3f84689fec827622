"""What a record says of each file, and the record read back; what is broken in it is told, never trusted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath
from typing import Any, Literal, get_args

from costeff.disclosure.kinds import Rule
from costeff.disclosure.publication import Statement
from costeff.errors import Problem, UsageError

NAME = "release.json"
JOURNAL = "release.jsonl"  # what was recorded since the record was written whole
HELD = "held"  # the folder of what waits for a reason
# A run's own files: inside, and looked through at each check, but with no hash of their own in the record.
OWN = (NAME, JOURNAL, "run.json", "manifest.jsonl", "log.jsonl", "appraisals/*.nc")
OWN_FOLDERS = ("appraisals", "notebooks")

Label = Literal["public", "inside"]
Status = Literal["pass", "review", "fail"]
WHO: Mapping[Label, str] = {
    "public": "anyone",
    "inside": "those who may see what models make of the register",
}


@dataclass(frozen=True)
class Output:
    """One file of a release.

    Attributes
    ----------
    file, label, who
        What it is called, how sensitive it is, and who may see it.
    status
        `review` is kept aside, inside, until somebody gives a reason to let it pass; `fail` is not there.
    rule
        Version of the rule of disclosure.
    reason
        Why it passed though it was for review.
    found
        Kinds of places that hold an identity code.
    sha256
        Of its content, where there is any.
    """

    file: str
    label: Label
    status: Status
    rule: str
    who: str
    reason: str = ""
    found: tuple[str, ...] = ()
    sha256: str = ""

    @property
    def passed(self) -> bool:
        return self.status == "pass"

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Output:
        """The output that a record tells of; TypeError, ValueError or KeyError when it is none."""
        one = cls(**{**told, "found": tuple(told["found"])})
        texts = [getattr(one, field.name) for field in fields(cls) if field.name != "found"]
        if not all(isinstance(text, str) for text in (*texts, *one.found)):
            raise ValueError("an output is told in texts")
        if one.label not in WHO or one.status not in get_args(Status):
            raise ValueError("an output has a label and a status")
        return one


class BrokenRecordError(Exception):
    """A record that is no record; `problem` tells why."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.problem = Problem(NAME, rule, "restore it, or run the reports again in a new folder")


@dataclass(frozen=True)
class Record:
    """A record as it was read: the rule, the outputs by file, and every count that was told."""

    rule: Rule
    outputs: dict[str, Output]
    counts: tuple[Statement, ...]


def read_record(folder: Path) -> Record | None:
    """The record of a folder, what its journal adds included; None where there is none.

    Raises
    ------
    BrokenRecordError
        When it cannot be read, or its rule protects nothing.
    """
    path = folder / NAME
    if not path.exists() and not path.is_symlink():
        return None
    try:
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        outputs = [Output.read(one) for one in told["outputs"]]
        counts = tuple(Statement.read(one) for one in told["counts"])
        named = dict(told["rule"])
        version, rule = named.pop("version"), Rule(**named)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BrokenRecordError("cannot be read as the record of a release") from error
    except UsageError as error:
        raise BrokenRecordError("names a rule that protects nothing") from error
    if version != rule.version:
        raise BrokenRecordError("names its rule by the version of another")
    return Record(rule, {one.file: one for one in [*outputs, *_journal(folder / JOURNAL)]}, counts)


def _journal(path: Path) -> Iterator[Output]:
    """The outputs of a journal; a line that is not whole is of a file that did not take its place."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        try:
            yield Output.read(json.loads(line))
        except (ValueError, KeyError, TypeError):
            continue


def is_own(file: str) -> bool:
    """Whether a file is one of a run's own."""
    depth = len(PurePosixPath(file).parts)
    return any(PurePosixPath(file).match(own) and len(PurePosixPath(own).parts) == depth for own in OWN)
