"""The base of every declaration: frozen, closed to unknown keys, read strictly from YAML."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from costeff.errors import Problem, Problems, SetupError

Language = Literal["fi", "sv", "en"]
LANGUAGES: tuple[Language, ...] = ("fi", "sv", "en")
Payer = Literal["municipality", "county", "state", "kela", "client", "others"]

Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
MunicipalityCode = Annotated[str, StringConstraints(pattern=r"^\d{3}$")]
CountyCode = Annotated[str, StringConstraints(pattern=r"^\d{2}$")]
Share = Annotated[float, Field(ge=0, le=1)]
Year = Annotated[int, Field(ge=1900, le=2200)]


class Spec(BaseModel):
    """A frozen declaration that forbids unknown keys and converts nothing silently."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    def override(self, **changes: Any) -> Self:
        """A new, checked declaration with some values changed."""
        return type(self).model_validate({**dict(self), **changes})


class Label(Spec):
    """A text in the three languages in which results are read."""

    fi: str = Field(min_length=1)
    sv: str = Field(min_length=1)
    en: str = Field(min_length=1)

    def __getitem__(self, language: str) -> str:
        return str(getattr(self, language))


# --- YAML -------------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """YAML without its traps: no duplicate keys, `no` is a text, `075` must be in quotes."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in pairs if not tag.endswith((":bool", ":int", ":merge"))]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9]\d*)$"), list("-+0123456789"))


class Document:
    """A parsed YAML file that can say on which line a value stands."""

    def __init__(self, path: Path, data: Any, root: yaml.Node | None) -> None:
        self.path, self.data, self._root = path, data, root

    def place(self, keys: tuple[Any, ...] = ()) -> str:
        """`folder/file.yaml:line key.key` of a value, or of its nearest parent that exists."""
        node, line = self._root, 0
        for key in keys:
            child = _child(node, key)
            if child is None:
                break
            node, line = child
        dotted = ".".join(map(str, keys))
        where = f"{self.path.parent.name}/{self.path.name}:{line + 1}"
        return f"{where} {dotted}".rstrip()


def _child(node: yaml.Node | None, key: Any) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == str(key):
                return value, name.start_mark.line
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        return node.value[key], node.value[key].start_mark.line
    return None


def _duplicates(node: yaml.Node | None, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], int]]:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for name, value in node.value:
            here = (*path, name.value)
            if name.value in seen:
                yield here, name.start_mark.line
            seen.add(name.value)
            yield from _duplicates(value, here)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _duplicates(value, (*path, number))


def read_yaml(path: Path, problems: Problems) -> Document | None:
    """Parse one file; what is wrong with it goes to `problems`, and the answer is None."""
    short = f"{path.parent.name}/{path.name}"
    try:
        text = path.read_text(encoding="utf-8")
        loader = _Loader(text)
        root = loader.get_single_node()
        repeated = list(_duplicates(root))
        for keys, line in repeated:
            problems.add(f"{short}:{line + 1} {'.'.join(map(str, keys))}", "this key stands twice", "keep one of them")
        if repeated:
            return None
        data = loader.construct_document(root) if root is not None else None
    except UnicodeDecodeError:
        problems.add(short, "is not UTF-8 text", "save the file as UTF-8")
        return None
    except OSError as error:
        problems.add(short, f"cannot be read ({error.strerror})", "check that the file exists and may be read")
        return None
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        what = getattr(error, "problem", None) or str(error)
        problems.add(f"{short}{line}", f"is not valid YAML ({what})", "check indentation, colons and quotes near this line")
        return None
    return Document(path, data, root)


S = TypeVar("S", bound=Spec)

_CURES = {
    "missing": "add the key",
    "extra_forbidden": "remove it, or correct its spelling",
    "string_type": 'write it in quotes, for example "075"',
    "string_pattern_mismatch": "write it in the form given",
    "literal_error": "use one of the values named",
}


def _rule(error: Mapping[str, Any]) -> tuple[str, str]:
    kind, message = error["type"], error["msg"]
    if kind == "missing":
        return "required, and missing", _CURES[kind]
    if kind == "extra_forbidden":
        return "unknown key", _CURES[kind]
    value = error.get("input")
    shown = f" (it is {value!r})" if isinstance(value, (str, int, float, bool)) or value is None else ""
    message = message.removeprefix("Value error, ")
    return f"{message[0].lower()}{message[1:]}{shown}", _CURES.get(kind, "correct the value")


def parse(kind: type[S], document: Document, problems: Problems, keys: tuple[Any, ...] = (), **injected: Any) -> S | None:
    """One declaration out of a document; what is wrong goes to `problems` with file, line and key.

    Parameters
    ----------
    keys
        Where in the document the declaration stands.
    injected
        Fields that come from elsewhere, such as an id that is the key itself.
    """
    data = document.data
    for key in keys:
        data = data[key]
    if not isinstance(data, dict):
        problems.add(document.place(keys), "is not a mapping of keys to values", "write `key: value` lines below it")
        return None
    try:
        return kind.model_validate({**data, **injected})
    except ValidationError as error:
        for one in error.errors(include_url=False, include_context=False):
            loc = tuple(part for part in one["loc"] if not (isinstance(part, str) and part.startswith("function-")))
            rule, cure = _rule(one)
            problems.add(document.place((*keys, *loc)), rule, cure)
        return None


def validation_problems(error: ValidationError, place: str) -> list[Problem]:
    """The problems of a declaration that did not come from a file."""
    return [
        Problem(f"{place} {'.'.join(map(str, one['loc']))}".rstrip(), *_rule(one))
        for one in error.errors(include_url=False, include_context=False)
    ]


# --- where things are ---------------------------------------------------------------------------


def project_root() -> Path:
    """The folder that holds params/ and notebooks/: COSTEFF_HOME, this folder or a parent, or the clone."""
    named = os.environ.get("COSTEFF_HOME")
    here = Path.cwd()
    candidates = [Path(named)] if named else [here, *here.parents, Path(__file__).resolve().parents[1]]
    for folder in candidates:
        if (folder / "params" / "sources.yaml").is_file():
            return folder
    raise SetupError(
        "No params/ folder found",
        [Problem(str(named or here), "has no params/sources.yaml", "run inside the project, or set COSTEFF_HOME to its folder")],
    )
