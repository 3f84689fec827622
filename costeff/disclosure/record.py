"""The record of a release: what went out, by which rule, who may see it, and what was held back and why."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from costeff import identity
from costeff.disclosure.outputs import (
    HELD,
    JOURNAL,
    NAME,
    OWN_FOLDERS,
    WHO,
    BrokenRecordError,
    Label,
    Output,
    Record,
    is_own,
    read_record,
)
from costeff.disclosure.publication import Publication, Statement
from costeff.disclosure.scan import Hit, scan_file
from costeff.errors import DataError, ModelError, Problem, Problems, SetupError, UsageError
from costeff.files import INSIDE, SHOWN, alone_in, make_folder, within, write_bytes, write_text

__all__ = ["NAME", "Label", "Output", "Release", "earlier", "let_pass", "recorded", "verify"]


@dataclass
class Release:
    """A folder of files that go out, and its record; a file is recorded before it takes its place.

    The record is written whole at the first file and by `close`; a line is added to its journal in between.

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
    _begun: bool = field(default=False, init=False, repr=False)

    def offer(self, made: Path, name: str, label: Label) -> Output:
        """Scan a file that was made aside, record it, and give it its place.

        One that fails is removed. One that is for review waits in the folder `held`, for its owner alone.

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
        SetupError
            When the record cannot be written; the file does not take its place then.
        """
        if label not in WHO:
            made.unlink(missing_ok=True)
            problem = Problem(f"output {Path(name).suffix}", "has no known label", f"use {' or '.join(WHO)}")
            raise UsageError("An output without a sensitivity label is not kept", [problem])
        place = self._place(name)
        output = self._judged(made, name, label)
        before = self.outputs.get(output.file)
        self.outputs[output.file] = output
        self._note(output)
        try:
            if output.passed and place != made:
                os.replace(made, place)
            elif output.status == "review":
                made.chmod(INSIDE)
                os.replace(made, self._place(f"{HELD}/{name}"))
        except OSError:
            self.outputs.pop(output.file)
            if before:
                self.outputs[output.file] = before
            self.write()
            raise
        if not output.passed:
            made.unlink(missing_ok=True)
            if place.is_file():  # an older one would pass for this one
                place.unlink()
        if output.status != "review":
            (self.folder / HELD / name).unlink(missing_ok=True)
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
        output = Output(name, label, "pass", self.publication.rule.version, WHO[label])
        named = _unnamed(name, hits)
        if hits:
            output = replace(output, file=named, status="fail", found=tuple(sorted({hit.kind for hit in hits})))
        if named != name or not all(hit.artificial for hit in hits):
            return output
        output = replace(output, sha256=sha256(made.read_bytes()).hexdigest())
        if not hits:
            return output
        before = self.outputs.get(name)
        same = before.reason if before and before.sha256 == output.sha256 else ""  # given for this very content
        reason = self.reasons.get(name, "").strip() or same
        return replace(output, status="pass" if reason else "review", reason=reason)

    def _note(self, output: Output) -> None:
        """Record an output, on the disk before its file takes its place."""
        if not self._begun:
            self.write()
            return
        line = "\n" + json.dumps(asdict(output), ensure_ascii=False)  # whatever the line before came to
        try:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
            with os.fdopen(os.open(self.folder / JOURNAL, flags, SHOWN), "ab") as journal:
                journal.write(line.encode())
                journal.flush()
                os.fsync(journal.fileno())
        except OSError as error:
            problem = Problem(NAME, f"cannot be written ({error.strerror})", "free space or choose another folder")
            raise SetupError("A file could not be recorded", [problem]) from error

    def write(self) -> None:
        """The record, whole, beside what it tells of."""
        told = {
            "format": 1,
            "rule": asdict(self.publication.rule) | {"version": self.publication.rule.version},
            "outputs": [asdict(one) for _, one in sorted(self.outputs.items())],
            "counts": [one.told() for one in self.publication.statements],
        }
        write_text(self.folder / NAME, json.dumps(told, ensure_ascii=False) + "\n")
        (self.folder / JOURNAL).unlink(missing_ok=True)
        self._begun = True

    def close(self) -> None:
        """The record, whole, without what passed once and was removed since."""
        gone = [name for name, one in self.outputs.items() if one.passed and not (self.folder / name).is_file()]
        for name in gone:
            del self.outputs[name]
        self.write()


def _unnamed(name: str, hits: Sequence[Hit]) -> str:
    """The name of a file; its kind alone where the name holds the code, or cannot be shown."""
    if not name.isprintable():
        return "(a name that cannot be shown)"
    return next((f"(a name with an identity code) {hit.file}" for hit in hits if hit.kind == "file name"), name)


# --- reading back -------------------------------------------------------------------------------


def recorded(folder: Path) -> dict[str, Output]:
    """The outputs of an earlier release that still lie in a folder; none where there was none."""
    try:
        told = read_record(folder)
    except BrokenRecordError:
        return {}
    outputs = told.outputs if told else {}
    return {name: one for name, one in outputs.items() if (_kept(folder, one)).is_file()}


def _kept(folder: Path, output: Output) -> Path:
    """Where a file lies that passed, or waits."""
    return folder / HELD / output.file if output.status == "review" else folder / output.file


def earlier(folder: Path) -> tuple[Statement, ...]:
    """The counts that an earlier release in a folder told; none where there was none.

    Raises
    ------
    ModelError
        When its record cannot be read: what was told before is then not known.
    """
    try:
        told = read_record(folder)
    except BrokenRecordError as error:
        raise ModelError("What an earlier release told is not known", [error.problem]) from error
    return told.counts if told else ()


# --- checking -----------------------------------------------------------------------------------


def verify(folder: Path) -> list[Problem]:
    """What in a folder does not agree with its record; all of its files are looked through, but for its lock.

    A folder in it with a record of its own is a release of its own, and is held against that.

    Returns
    -------
    list of Problem
        Files without a label, changed or missing, links, identity codes, counts that may not be shown. Empty
        where all that is public may go out.
    """
    try:
        told = read_record(folder)
    except BrokenRecordError as error:
        return [error.problem]
    if told is None:
        return [Problem(NAME, "is missing", "run the reports again")]
    problems = []
    if wrong := sum(not told.rule.may_show(one.shown) for one in told.counts):
        problems.append(Problem(NAME, f"tells counts that may not be shown: {wrong}", "run the reports again"))
    for path in _all_in(folder):
        name = path.relative_to(folder).as_posix()
        problems += _against(told, path, name)
    missing = [one for one in told.outputs.values() if one.passed and not (folder / one.file).exists()]
    problems += [Problem(_unnamed(one.file, []), "is missing", "run the reports again") for one in missing]
    for part in parts(folder):
        problems += [replace(one, place=f"{part.name}: {one.place}") for one in verify(part)]
    return problems


def parts(folder: Path) -> list[Path]:
    """The folders right below one that are releases of their own, such as a scenario's pages."""
    below = (path for path in folder.iterdir() if path.is_dir() and not path.is_symlink() and (path / NAME).is_file())
    return sorted(path for path in below if path.name not in (HELD, *OWN_FOLDERS) and not identity.find(path.name))


def _all_in(folder: Path) -> Iterator[Path]:
    """All files of a folder, and links in the place of folders; they are not followed."""
    apart = {part.name for part in parts(folder)}
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if Path(place) != folder or name not in apart)
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        for name in sorted([*links, *files]):
            if Path(place) != folder or name != ".lock":
                yield Path(place) / name


def _against(told: Record, path: Path, name: str) -> Iterator[Problem]:
    """What of one file does not agree with the record."""
    if path.is_symlink() or not path.is_file():
        yield Problem(_unnamed(name, []), "is a link, or no file", "remove it")
        return
    hits = scan_file(path, name)
    shown = _unnamed(name, hits)
    waits = name.startswith(f"{HELD}/")
    output = told.outputs.get(name.removeprefix(f"{HELD}/") if waits else name)
    if not is_own(name):
        if not output or output.status != ("review" if waits else "pass"):
            yield Problem(shown, "is not recorded", "remove it, or run the reports again")
        elif output.sha256 != sha256(path.read_bytes()).hexdigest():
            yield Problem(shown, "was changed after its release", "run the reports again")
        elif output.rule != told.rule.version:
            yield Problem(shown, "was released by another rule", "run the reports again")
    excused = output and (waits or output.reason) and all(hit.artificial for hit in hits)
    if hits and not excused:
        kinds = ", ".join(sorted({hit.kind for hit in hits}))
        yield Problem(shown, f"holds an identity code ({kinds})", "remove it and tell who answers for data")


# --- exceptions ---------------------------------------------------------------------------------


def let_pass(folder: Path, files: Sequence[str], reason: str) -> None:
    """Release what waits for a reason, all or nothing; what it holds are codes that are never given officially.

    Parameters
    ----------
    files
        As the record names them, without the folder `held`.

    Raises
    ------
    UsageError, DataError
        For a reason that says nothing or holds a code, and for files that do not wait, or were changed.
    """
    problems, why = Problems(), " ".join(reason.split())
    if not why or not why.isprintable() or identity.find(why):
        problems.add("the reason", "is empty, or holds what it must not", "say in a sentence why it may go out")
    with alone_in(folder):
        try:
            told = read_record(folder)
        except BrokenRecordError as error:
            raise DataError("Nothing was let pass", [error.problem]) from error
        contents: dict[str, bytes] = {}
        for name in dict.fromkeys(files):
            output = told.outputs.get(name) if told else None
            if not output or output.status != "review" or not _kept(folder, output).is_file():
                known = ", ".join(one.file for one in (told.outputs if told else {}).values() if one.status == "review")
                problems.add("the file", "does not wait for a reason", f"waiting: {known or 'none'}")
                continue
            contents[name] = _kept(folder, output).read_bytes()
            if sha256(contents[name]).hexdigest() != output.sha256:
                problems.add(name, "was changed since it was held", "run the reports again")
        problems.raise_if_any(UsageError, "Nothing was let pass")
        assert told is not None
        publication = Publication(told.rule, earlier=told.counts)
        release = Release(folder, publication, dict.fromkeys(contents, why), told.outputs)
        for name, content in contents.items():
            label = told.outputs[name].label
            aside = folder / f".{Path(name).name}.passing"
            with suppress(FileNotFoundError):
                aside.unlink()
            write_bytes(aside, content, SHOWN if label == "public" else INSIDE)
            release.offer(aside, name, label)
        release.close()
