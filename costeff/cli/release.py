"""`costeff release`: whether a folder of pages may go out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from costeff.errors import DataError, Problem, UsageError


def release(
    folder: Annotated[Path, typer.Argument(help="Folder of a run, such as runs/latest.")],
    passing: Annotated[
        list[str] | None,
        typer.Option(
            "--let-pass", metavar="FILE", help="Release this file, which waits for a reason; repeat for more."
        ),
    ] = None,
    reason: Annotated[str, typer.Option(help="Why it may go out; the record keeps it.")] = "",
) -> None:
    """Check everything in the folder of a run against its record, and look for identity codes once more."""
    from costeff.disclosure.outputs import read_record
    from costeff.disclosure.record import let_pass, parts, verify

    if not folder.is_dir():
        rule = "is not a folder" if folder.exists() else "does not exist"
        problem = Problem(str(folder), rule, "give the folder of a run, as --output had it")
        raise UsageError("There is nothing to release", [problem])
    if reason and not passing:
        raise UsageError("Nothing was let pass", [Problem("--reason", "is for no file", "name it with --let-pass")])
    if passing:
        let_pass(folder, passing, reason)
    if problems := verify(folder):
        raise DataError("The pages must not go out", problems)
    outputs = [
        replace(one, file=f"{part.name}/{one.file}" if part != folder else one.file)
        for part in (folder, *parts(folder))
        if (record := read_record(part))
        for one in record.outputs.values()
    ]
    public = [one for one in outputs if one.passed and one.label == "public"]
    print(f"{_files(len(public))} may go out; all files agree with the record, and hold no identity code unexplained.")
    for one in outputs:
        if one.status == "review":
            print(f"Waits for a reason: {one.file} ({', '.join(one.found)}). See --let-pass.")
        elif one.reason:
            print(f"Let pass: {one.file}. Reason: {one.reason}")


def _files(number: int) -> str:
    return "1 file" if number == 1 else f"{number} files"
