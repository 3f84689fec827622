"""Keyed pseudonyms: one key for a project, kept in a file of its own, and a register in which they stand for codes.

A pseudonym is HMAC-SHA256 of the identity code and the project's name, cut to 16
bytes (NIST FIPS 198-1, https://doi.org/10.6028/NIST.FIPS.198-1). Whoever has the
key can make the pseudonym of any code, so the key stays with those who may see codes.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
import stat
from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pandas as pd

from costeff.errors import CosteffError, DataError, Problem, Problems, SetupError, UsageError
from costeff.identity import is_valid, normalised
from costeff.records.declare import Table
from costeff.records.folders import cannot_be_written, frames_of, must_be_free, refuse_codes, write_frames
from costeff.records.hashed import HashSearch, looks_hashed
from costeff.records.info import Keyed, RegisterInfo
from costeff.records.merging import fill_provider
from costeff.records.sources import Register, check, open_register, register_from_frames
from costeff.records.tables import TABLES
from costeff.records.typed import ROW
from costeff.spec import project_root

__all__ = ["HashSearch", "Key", "looks_hashed", "make_key", "pseudonymise", "read_key"]

KEY_BYTES = 32
ID = re.compile(r"[a-z][a-z0-9_]*")
NO_KEY = "The key cannot be used"
NOT_KEPT = "The key was not made"
NOT_MADE = "The pseudonyms were not made"


@dataclass(frozen=True)
class Key:
    """A secret and the project it belongs to; the secret is in no repr."""

    project: str
    secret: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """Tells keys apart and tells nothing of the secret."""
        return self._mac("fingerprint")[:8].hex()

    def pseudonym(self, code: str) -> str:
        """The pseudonym of an identity code in its one written form: `k` and 32 hexadecimal digits."""
        return "k" + self._mac("client", code)[:16].hex()

    def _mac(self, *parts: str) -> bytes:
        message = "\0".join(("costeff", self.project, *parts))
        return hmac.new(self.secret, message.encode(), hashlib.sha256).digest()


# --- the file of the key ------------------------------------------------------------------------


def make_key(file: str | Path, project: str, rotate: bool = False) -> Key:
    """Make the key of a project and write it to a file that only its owner may read.

    Parameters
    ----------
    file
        Outside the project's folder and any git work tree.
    project
        Name of the project; pseudonyms of two projects have nothing in common.
    rotate
        Whether a key that is there is set aside, as `FILE.<its fingerprint>`, for a new one.
        Pseudonyms of the new key cannot be joined with those of the old.

    Raises
    ------
    UsageError
        When the name of the project is empty or too long.
    SetupError
        When the place is not fit for a key, or a key is there and `rotate` was not asked for.
    """
    file = Path(file)
    if not project.strip() or len(project) > 100 or not project.isprintable():
        raise UsageError(NO_KEY, [Problem("project", "is not a name", "give a name of 1 to 100 characters")])
    problems = Problems()
    _tell_place(file, problems)
    there = not problems and (file.exists() or file.is_symlink())
    if there and not rotate:
        problems.add(str(file), "already exists", "use it, or ask for --rotate: the old key is then kept beside it")
    problems.raise_if_any(SetupError, NOT_KEPT)
    old = read_key(file) if there else None
    if old is not None and old.project != project.strip():
        cure = "give the name of its project; a key of another project gets a file of its own"
        raise UsageError(
            "The key was not made", [Problem("project", "is not the project of the key in the file", cure)]
        )
    key = Key(project.strip(), secrets.token_bytes(KEY_BYTES))
    try:
        if old is not None:
            os.link(file, file.with_name(f"{file.name}.{old.fingerprint}"))
        aside = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
            json.dump({"project": key.project, "made": date.today().isoformat(), "key": key.secret.hex()}, out)
            out.flush()
            os.fsync(out.fileno())
        os.replace(aside, file)
    except OSError as error:
        raise SetupError(NOT_KEPT, [cannot_be_written(file, error)]) from error
    return key


def read_key(file: str | Path) -> Key:
    """Read the key of a project, if it is kept as a key should be.

    Raises
    ------
    SetupError
        When the file is a link, can be read by others, lies within the project, a git work
        tree or a folder open to all, or is not a key. Nothing of its content is told.
    """
    file, problems = Path(file), Problems()
    _tell_place(file, problems)
    problems.raise_if_any(SetupError, NO_KEY)
    try:
        # Opened once without following a link, and judged by what was opened.
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as opened:
            _tell_mode(file, os.fstat(opened.fileno()), problems)
            content = b"" if problems else opened.read(10_000)
    except OSError as error:
        if not file.is_symlink():  # that is told already
            cure = "make one: costeff link key FILE --project NAME"
            problems.add(str(file), f"cannot be read ({error.strerror})", cure)
    problems.raise_if_any(SetupError, NO_KEY)
    return _key_of(content, file)


def _key_of(content: bytes, file: Path) -> Key:
    rule, cure = "is not the file of a key", "make one: costeff link key FILE --project NAME"
    try:
        told = json.loads(content)
        project, secret = told["project"], bytes.fromhex(told["key"])
        if not isinstance(project, str) or not project:
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise SetupError(NO_KEY, [Problem(str(file), rule, cure)]) from None
    if len(secret) < KEY_BYTES:
        raise SetupError(NO_KEY, [Problem(str(file), f"holds a key shorter than {KEY_BYTES} bytes", cure)])
    return Key(project, secret)


def _tell_place(file: Path, problems: Problems) -> None:
    try:
        file.lstat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as error:
        problem = cannot_be_written(file, error)
        problems.add(problem.place, problem.rule.replace("written", "opened"), "give another path")
        return
    if file.is_symlink():
        problems.add(str(file), "is a link", "give the file itself")
    folder = file.parent.resolve()
    if not folder.is_dir():
        problems.add(str(folder), "is not a folder", "make it first, for yourself alone: mkdir -m 700")
        return
    if folder.stat().st_mode & stat.S_IWOTH:
        problems.add(str(folder), "can be written by everybody", "keep the key in a folder of your own: mkdir -m 700")
    within = next((each for each in (folder, *folder.parents) if (each / ".git").exists()), None) or _project(folder)
    if within is not None:
        cure = "keep the key where it is not copied with the project, such as ~/keys"
        problems.add(str(file), f"lies within {within}", cure)


def _project(folder: Path) -> Path | None:
    try:
        root = project_root().resolve()
    except CosteffError:
        return None
    return root if folder.is_relative_to(root) else None


def _tell_mode(file: Path, status: os.stat_result, problems: Problems) -> None:
    if not stat.S_ISREG(status.st_mode):
        problems.add(str(file), "is not a file", "give the file of the key")
    elif status.st_mode & 0o077:
        problems.add(
            str(file), "can be read or written by others", f"chmod 600 {file.name}; if others saw it, --rotate"
        )


# --- a register in which pseudonyms stand for codes ---------------------------------------------


def pseudonymise(
    source: str | Path,
    folder: str | Path,
    key: Key,
    provider: str,
    known_municipalities: Iterable[str] | None = None,
    mapping: str | Path | None = None,
) -> pd.Series:
    """Write a provider's own extract anew, with pseudonyms where its identity codes were.

    Parameters
    ----------
    source
        The extract: a register whose `client` holds identity codes.
    folder
        Where the new register appears, complete or not at all.
    key
        Of the project.
    provider
        Id of the provider, for the episodes and costs that name none.
    known_municipalities
        Municipality codes in force; None leaves that rule out.
    mapping
        File with the provider's own names and codes.

    Returns
    -------
    Series
        Rows written, by table: exact, for the provider itself.

    Raises
    ------
    UsageError
        When the provider is not an id.
    DataError
        When the extract does not hold together, or some codes are not valid: row
        numbers and counts, never a code. When the label of the extract or the path of
        the folder holds one.
    SetupError
        When the folder is there already or cannot be written.
    """
    if not ID.fullmatch(provider):
        cure = "write small letters a-z, digits and underscores, for example child_services"
        raise UsageError(NOT_MADE, [Problem("provider", "is not an id", cure)])
    refuse_codes(NOT_MADE, folder=str(folder), project=key.project)
    must_be_free(Path(folder), NOT_MADE)
    with open_register(source, mapping, keep_pseudonyms=True) as extract:
        refuse_codes(NOT_MADE, **{"label of the extract (register.json, or the name of its folder)": extract.label})
        known = None if known_municipalities is None else list(known_municipalities)
        check(_without_rules_of_clients(extract), known)
        frames = frames_of(extract)
        info = extract.info.override(
            pseudonyms=Keyed(project=key.project, key=key.fingerprint, providers=(provider,)),
        )
    _replace_codes(frames, key)
    frames = {name: frame.drop(columns=ROW, errors="ignore") for name, frame in frames.items()}
    fill_provider(frames, provider)
    _hold_together(frames, info, known)
    # By pseudonym, so that the order tells nothing of the codes.
    frames = {name: frame.sort_values([*frame.columns], ignore_index=True) for name, frame in frames.items()}
    write_frames(Path(folder), frames, info, "The register was not written")
    return pd.Series({name: len(frame) for name, frame in frames.items()}, name="rows")


def _without_rules_of_clients(extract: Register) -> Register:
    """The same extract, whose codes may be written in several ways: who is whom is checked afterwards."""
    free = copy(extract)
    free.tables = {name: _free(table) for name, table in extract.tables.items()}
    return free


def _free(table: Table) -> Table:
    columns = (column.override(constraints=()) if column.name == "client" else column for column in table.columns)
    return table.override(columns=tuple(columns))


def _replace_codes(frames: Mapping[str, pd.DataFrame], key: Key) -> None:
    problems = Problems()
    for name, frame in frames.items():
        codes = frame["client"].map({code: normalised(code) for code in frame["client"].unique()})
        wrong = ~codes.map({code: is_valid(code) for code in codes.unique()}).astype(bool)
        if wrong.any():
            count = int(wrong.sum())
            first = ", ".join(str(int(row)) for row in frame.loc[wrong, ROW].head(3)) if ROW in frame else ""
            where = f" (first data rows {first})" if first else ""
            rule = f"is not a valid personal identity code, in {count} row{'s' * (count > 1)}{where}"
            cure = "correct the code where it was written, or leave the client out of all tables"
            problems.add(f"{name}.client", rule, cure)
        else:
            frame["client"] = codes.map({code: key.pseudonym(code) for code in codes.unique()})
    problems.raise_if_any(DataError, NOT_MADE)


def _hold_together(frames: Mapping[str, pd.DataFrame], info: RegisterInfo, known: list[str] | None) -> None:
    with register_from_frames(frames, info.synthetic, info.label, TABLES) as made:
        made.info = info
        check(made, known)
