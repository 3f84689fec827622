"""The folder of a run: whose it is, what a killed run left in it, and what to say when nothing more can be written."""

from __future__ import annotations

import errno
import os
import re
import shutil
from pathlib import Path

from costeff.batch.manifest import Manifest
from costeff.errors import Problem, SetupError
from costeff.files import make_folder
from costeff.spec import project_root

RECORD = "run.json"
HALF_WRITTEN = re.compile(r"\..+\.[0-9a-f]{8}")  # as `files.written_aside` names what it writes
ASIDE = ".aside"  # where pages lie until they are scanned and recorded
NO_MORE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def clear(output: Path, *within: str) -> None:
    """Remove what a killed run left half-written, and nothing that is not ours; we are alone in the folder."""
    for folder in (output, *(output / name for name in (*within, ASIDE))):
        if folder.is_symlink() and folder != output:
            problem = Problem(f"{folder.name} in the output folder", "is a link", "remove it, or choose another")
            raise SetupError("The output folder cannot be used", [problem])
        for left in folder.glob(".*"):
            if HALF_WRITTEN.fullmatch(left.name):
                left.unlink()
    shutil.rmtree(output / ASIDE, ignore_errors=True)


def no_more(folder: Path, error: BaseException | None) -> SetupError:
    reason = getattr(error, "strerror", None) or "cannot be written"
    cure = "free space or make the folder writable; then run the same command again, and what is whole stays"
    return SetupError("The run stopped: nothing more can be written", [Problem(str(folder), str(reason), cure)])


SOURCES = ("benchmarks", "costeff", "docs", "notebooks", "params", "tests", "tools")  # of the project
OURS = ("index*.html", RECORD, ASIDE, ".kernels", "appraisals", "notebooks")


def writable(folder: Path, kind: str = "run") -> None:
    """Make the folder; refuse one of the project's own, that cannot be written, or that holds what others wrote.

    Parameters
    ----------
    kind
        `run` or `simulation`.
    """
    if _of_the_project(folder):
        problem = Problem(
            str(folder), "is a folder of the project itself, or holds it", "choose another with --output, as in runs/"
        )
        raise SetupError("The output folder cannot be used", [problem])
    try:
        make_folder(folder)
    except OSError as error:
        problem = Problem(str(folder), f"cannot be made ({error.strerror})", "choose another folder with --output")
        raise SetupError("The output folder cannot be used", [problem]) from error
    if not os.access(folder, os.W_OK):
        problem = Problem(str(folder), "cannot be written", "choose another folder with --output")
        raise SetupError("The output folder cannot be used", [problem])
    made = Manifest(folder).made
    other = {"run": "appraisal", "simulation": "fits"}[kind]  # a simulation's appraisals have a scenario and a county
    if not made and any(next(folder.glob(name), None) for name in OURS):
        rule = "holds files that costeff did not write, and would overwrite"
    elif any(name.startswith(other) and (kind != "run" or len(name.split()) == 3) for name in made):
        rule = f"holds a {'simulation' if kind == 'run' else 'run'}"
    else:
        return
    raise SetupError(
        "The output folder cannot be used", [Problem(str(folder), rule, "choose another folder with --output")]
    )


def _of_the_project(folder: Path) -> bool:
    """Whether it holds the project, or lies in one of its folders: pages there would pass for parts of it."""
    root, place = project_root().resolve(), folder.resolve()
    return root.is_relative_to(place) or any(place.is_relative_to(root / name) for name in SOURCES)
