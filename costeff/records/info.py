"""What is said about a register as a whole, beside its rows."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pydantic import Field, ValidationError

from costeff.errors import Problems
from costeff.spec import Id, Spec, validation_problems

INFO_FILE = "register.json"


class Keyed(Spec):
    """With which key the pseudonyms of a register were made: never the key itself."""

    project: str = Field(min_length=1, max_length=100)
    key: str = Field(pattern=r"^[0-9a-f]{16}$")
    providers: tuple[Id, ...] = ()


class RegisterInfo(Spec):
    """What register.json says about the data beside it, or `register` in a mapping file."""

    pseudonyms: Keyed | None = None
    synthetic: bool = False
    label: str = Field(default="", max_length=200)
    seed: int | None = None
    data_date: date | None = None


def read_info(folder: Path, problems: Problems) -> RegisterInfo | None:
    """What register.json of a folder says; None where there is none, or it cannot be read."""
    file = folder / INFO_FILE
    if not file.exists():
        return None
    try:
        return RegisterInfo.model_validate_json(file.read_bytes())
    except OSError as error:
        problems.add(INFO_FILE, f"cannot be read ({error.strerror})", "check that it is a file that may be read")
    except ValidationError as error:
        problems.found.extend(validation_problems(error, INFO_FILE))
    return None
