"""The record of a release: what went out, by which rule, who may see it, and what was held back and why."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from costeff.disclosure.publication import Publication, Statement
from costeff.disclosure.scan import Hit, scan_file
from costeff.errors import ModelError, Problem, UsageError
from costeff.files import make_folder, within, write_text

NAME = "release.json"

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
        `review` is held back until somebody gives a reason to let it pass; `fail` is not there.
    rule
        Version of the rule of disclosure.
    reason
        Why it passed though it was for review.
    found
        Kinds of places that hold an identity code.
    sha256
        Of its content, where it passed.
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


@dataclass
class Release:
    """A folder of files that go out, and its record; a file is recorded before it takes its place.

    Attributes
    ----------
    folder
        Where files take their final names.
    publication
        Every count that they tell, as it was attacked.
    reasons
        File -> why it may pass though it is for review.
    """

    folder: Path
    publication: Publication = field(default_factory=Publication)
    reasons: Mapping[str, str] = field(default_factory=dict)
    outputs: dict[str, Output] = field(default_factory=dict)

    def offer(self, made: Path, name: str, label: Label) -> Output:
        """Scan a file that was made aside, record it, and give it its place; one that fails is removed.

        Parameters
        ----------
        made
            Where it lies now. It may be its place already, for what is kept inside.
        name
            Relative to the folder, one level deep at most.
        label
            Without one of the known labels a file is not kept.

        Raises
        ------
        UsageError
            For an unknown label or a name that leads out of the folder.
        """
        if label not in WHO:
            made.unlink(missing_ok=True)
            problem = Problem(f"output {Path(name).suffix}", "has no known label", f"use {' or '.join(WHO)}")
            raise UsageError("An output without a sensitivity label is not kept", [problem])
        place = self._place(name)
        output = self._judged(made, name, label)
        self.outputs[output.file] = output
        self.write()
        if not output.passed:
            made.unlink(missing_ok=True)
            if place.is_file():  # an older one would pass for this one
                place.unlink()
        elif place != made:
            try:
                os.replace(made, place)
            except OSError:
                del self.outputs[output.file]
                self.write()
                raise
        return output

    def _place(self, name: str) -> Path:
        *folders, last = name.split("/")
        place = self.folder
        for one in folders:
            place = within(place, one)
        make_folder(place)
        return within(place, last)

    def _judged(self, made: Path, name: str, label: Label) -> Output:
        hits = scan_file(made, name)
        blank = Output(name, label, "pass", self.publication.rule.version, WHO[label])
        if not hits:
            return replace(blank, sha256=sha256(made.read_bytes()).hexdigest())
        told = replace(blank, file=_unnamed(name, hits), found=tuple(sorted({hit.kind for hit in hits})))
        if not all(hit.artificial for hit in hits):
            return replace(told, status="fail")
        if reason := self.reasons.get(name, "").strip():
            return replace(told, reason=reason, sha256=sha256(made.read_bytes()).hexdigest())
        return replace(told, status="review")

    def write(self) -> None:
        """The record, whole, beside what it tells of."""
        told = {
            "format": 1,
            "rule": asdict(self.publication.rule) | {"version": self.publication.rule.version},
            "outputs": [asdict(one) for _, one in sorted(self.outputs.items())],
            "counts": [one.told() for one in self.publication.statements],
        }
        write_text(self.folder / NAME, json.dumps(told, ensure_ascii=False, indent=1) + "\n")


def _unnamed(name: str, hits: Sequence[Hit]) -> str:
    """The name of a file; its kind alone where the name holds the code."""
    return next((f"(a name with an identity code) {hit.file}" for hit in hits if hit.kind == "file name"), name)


def recorded(folder: Path) -> dict[str, Output]:
    """The outputs of an earlier release that still lie in a folder; none where there was none."""
    try:
        told = json.loads((folder / NAME).read_text(encoding="utf-8"))["outputs"]
        found = (Output(**{**one, "found": tuple(one["found"])}) for one in told)
        return {one.file: one for one in found if (folder / one.file).is_file()}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def earlier(folder: Path) -> tuple[Statement, ...]:
    """The counts that an earlier release in a folder told; none where there was none.

    Raises
    ------
    ModelError
        When its record cannot be read: what was told before is then not known.
    """
    path = folder / NAME
    if not path.is_file():
        return ()
    try:
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return tuple(Statement.read(one) for one in told["counts"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        problem = Problem(NAME, "cannot be read as the record of a release", "restore it, or use a new folder")
        raise ModelError("What an earlier release told is not known", [problem]) from error


def verify(folder: Path) -> list[Problem]:
    """What in a folder does not agree with its record: pages without a label, changed, or with an identity code."""
    path = folder / NAME
    if not path.is_file():
        return [Problem(NAME, "is missing", "run the reports again")]
    try:
        recorded = {one["file"]: one for one in json.loads(path.read_text(encoding="utf-8"))["outputs"]}
    except (ValueError, KeyError, TypeError):
        return [Problem(NAME, "cannot be read as the record of a release", "run the reports again")]
    problems = []
    for file in sorted(folder.glob("*.html")):
        told = recorded.get(file.name)
        hits = scan_file(file, file.name)
        name = _unnamed(file.name, hits)
        if not told or told["status"] != "pass" or told["label"] != "public":
            problems.append(Problem(name, "is not recorded as public", "remove it"))
        elif told["sha256"] != sha256(file.read_bytes()).hexdigest():
            problems.append(Problem(name, "was changed after its release", "run the reports again"))
        if hits and not (told and told.get("reason")):
            kinds = ", ".join(sorted({hit.kind for hit in hits}))
            problems.append(
                Problem(name, f"holds an identity code ({kinds})", "remove it and tell who answers for data")
            )
    return problems
