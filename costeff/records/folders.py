"""Folders of client rows: whole or absent, and not for others to read."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from costeff.errors import DataError, Problem, Problems, SetupError
from costeff.files import FOLDER, SHOWN
from costeff.identity import find
from costeff.records.info import INFO_FILE, RegisterInfo
from costeff.records.sources import Register
from costeff.records.typed import ROW


def must_be_free(folder: Path, title: str) -> None:
    """Tell a folder that is in the way before the work begins.

    Raises
    ------
    SetupError
        When something of that name is there already, or no file can have that name.
    """
    try:
        folder.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError) as error:
        raise SetupError(title, [cannot_be_written(folder, error)]) from None
    raise SetupError(title, [Problem(str(folder), "already exists", "choose another folder: nothing was replaced")])


def cannot_be_written(path: Path, error: OSError | ValueError) -> Problem:
    """A path told as the machine tells it; one that is too long is cut."""
    reason = getattr(error, "strerror", None) or "no file can have that name"
    return Problem(str(path)[:200], f"cannot be written ({reason})", "check the path, rights and free space")


def refuse_codes(title: str, **texts: str) -> None:
    """Tell a personal identity code in what a register is called, since that goes wherever the register goes.

    Raises
    ------
    DataError
        With the names of the texts that hold one.
    """
    problems, cure = Problems(), "give it another name: a register is not called after a client"
    for name, text in texts.items():
        if find(text):
            problems.add(name, "holds a personal identity code", cure)
    problems.raise_if_any(DataError, title)


@contextmanager
def whole_folder(folder: Path, title: str, replace: bool = False) -> Iterator[Path]:
    """A draft that takes the name of the folder when all went well, and vanishes when not.

    Parameters
    ----------
    replace
        Whether a folder that is there gives way, once the draft is complete.

    Raises
    ------
    SetupError
        When the folder is there already, or cannot be written.
    """
    if not replace:
        must_be_free(folder, title)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name[:40]}-") as beside:
            draft = Path(beside) / "new"
            draft.mkdir()
            yield draft
            for path in [draft, *draft.rglob("*")]:
                path.chmod(FOLDER if path.is_dir() else SHOWN)
            if folder.exists():
                os.rename(folder, Path(beside) / "old")
            os.rename(draft, folder)
    except OSError as error:
        raise SetupError(title, [cannot_be_written(folder, error)]) from error


def write_json(file: Path, content: Any) -> None:
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")


def frames_of(register: Register) -> dict[str, pd.DataFrame]:
    """All rows, by table, in their own order: for joining and pseudonyms only, never for models."""
    read = {name: register.run(register.rows(name)) for name in register.stored}
    return {name: rows.sort_values(ROW) if ROW in rows else rows for name, rows in read.items()}


def write_frames(folder: Path, frames: dict[str, pd.DataFrame], info: RegisterInfo, title: str) -> None:
    """A register of Parquet files, beside register.json; neither its name nor its label may hold an identity code."""
    refuse_codes(title, folder=str(folder), label=info.label)
    with whole_folder(folder, title) as draft:
        for name, frame in frames.items():
            frame.to_parquet(draft / f"{name}.parquet", index=False)
        write_json(draft / INFO_FILE, info.model_dump(mode="json", exclude_none=True))
