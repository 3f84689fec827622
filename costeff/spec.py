"""The base of every declaration: frozen, closed to unknown keys, read strictly from YAML."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError
from yaml.constructor import ConstructorError

from costeff.errors import CosteffError, Problem, Problems, SetupError

Language = Literal["fi", "sv", "en"]
LANGUAGES: tuple[Language, ...] = ("fi", "sv", "en")
Payer = Literal["municipality", "county", "state", "kela", "client", "others"]

Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
MunicipalityCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{3}$")]
CountyCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{2}$")]
Share = Annotated[float, Field(ge=0, le=1)]
COUNTY_DIGITS = 2
Text = Annotated[str, StringConstraints(pattern=r"\S")]  # something to read
Year = Annotated[int, Field(ge=1900, le=2200)]


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


Sources = Annotated[tuple[Id, ...], BeforeValidator(_listed), Field(min_length=1)]  # one may stand without a list


def is_county(code: str) -> bool:
    """Whether a place's code is that of a county; a municipality's has three digits."""
    return len(code) == COUNTY_DIGITS


class Spec(BaseModel):
    """A frozen declaration that forbids unknown keys and converts nothing silently."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def override(self, **changes: Any) -> Self:
        """A new, checked declaration with some values changed."""
        return type(self).model_validate({**dict(self), **changes})


class Label(Spec):
    """A text in the three languages in which results are read."""

    fi: Text
    sv: Text
    en: Text

    def __getitem__(self, language: str) -> str:
        return str(getattr(self, language))


# --- YAML -------------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """YAML without its traps: `no`, `075` and `12:30` are texts, and an impossible date names its line."""

    def construct_yaml_timestamp(self, node: yaml.ScalarNode) -> date:
        try:
            return super().construct_yaml_timestamp(node)
        except ValueError as error:
            raise ConstructorError(None, None, f"{node.value} is not a date: {error}", node.start_mark) from error


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in pairs if not tag.endswith((":bool", ":int", ":merge"))]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789"))
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.construct_yaml_timestamp)


class _FastLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The same nodes by libyaml, where it is there: ten times as fast."""

    yaml_implicit_resolvers = _Loader.yaml_implicit_resolvers


def _nodes(text: str) -> yaml.Node | None:
    """The nodes of a text; what is wrong with it is told in the words of the one parser that is always there."""
    try:
        root: yaml.Node | None = _FastLoader(text).get_single_node()
    except yaml.YAMLError:
        root = _Loader(text).get_single_node()
    return root


LARGEST = 2_000_000  # bytes of a file that people write
HOLE = "?"  # what a template leaves for its user to fill in
LONGEST_SAID = 80  # characters of a value in a message
TO_FILL_IN, FILL_IN = "is still to be filled in", "write what the comment above it asks for"


class Document:
    """A parsed YAML file that can say on which line a value stands."""

    def __init__(self, path: Path, data: Any, root: yaml.Node | None) -> None:
        self.path, self.data, self._root = path, data, root
        self._told: set[tuple[Any, ...]] = set()
        self._below: dict[int, dict[str, tuple[yaml.Node, int]]] = {}

    def place(self, keys: tuple[Any, ...] = ()) -> str:
        """`folder/file.yaml:line key.key` of a value, or of its nearest parent that exists."""
        _, line, _ = self._find(keys)
        dotted = ".".join(map(str, keys))
        where = f"{_short(self.path)}:{line + 1}"
        return f"{where} {dotted}".rstrip()

    def tell(self, problems: Problems, keys: tuple[Any, ...], rule: str, cure: str) -> None:
        """Add a problem with its place; what several aliases share is told once, where it is first met."""
        node, _, rest = self._find(keys)
        if isinstance(node, yaml.ScalarNode) and node.value == HOLE:
            rest, rule, cure = (), TO_FILL_IN, FILL_IN
        if (id(node), rest, rule) not in self._told:
            self._told.add((id(node), rest, rule))
            problems.add(self.place(keys), rule, cure)

    def tell_holes(self, problems: Problems) -> None:
        """Add a problem for every value of a template that nobody has filled in, in the order of the file."""
        waiting: list[tuple[tuple[Any, ...], Any]] = [((), self.data)]
        met: set[int] = set()  # what aliases share is looked at once
        while waiting:
            keys, value = waiting.pop()
            if value == HOLE or value == dict.fromkeys(LANGUAGES, HOLE):
                self.tell(problems, keys, TO_FILL_IN, FILL_IN)
            elif isinstance(value, dict | list) and id(value) not in met:
                met.add(id(value))
                inside = value.items() if isinstance(value, dict) else enumerate(value)
                waiting += [((*keys, key), item) for key, item in reversed(list(inside))]

    def _find(self, keys: tuple[Any, ...]) -> tuple[yaml.Node | None, int, tuple[Any, ...]]:
        """The value or its nearest parent, its line, and the keys that do not exist."""
        node, line = self._root, 0
        for number, key in enumerate(keys):
            child = self._child(node, key)
            if child is None:
                return node, line, keys[number:]
            node, line = child
        return node, line, ()

    def _child(self, node: yaml.Node | None, key: Any) -> tuple[yaml.Node, int] | None:
        if isinstance(node, yaml.MappingNode):
            if id(node) not in self._below:
                pairs = reversed(node.value)  # of keys that stand twice, the first
                self._below[id(node)] = {name.value: (value, name.start_mark.line) for name, value in pairs}
            return self._below[id(node)].get(str(key))
        if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            return node.value[key], node.value[key].start_mark.line
        return None


def _short(path: Path) -> str:
    """A file with its folder, as much as tells it apart."""
    return "/".join(path.parts[-2:]) or "an empty name"


def _bad_keys(root: yaml.Node | None) -> Iterator[tuple[tuple[str, ...], int, str, str]]:
    """Keys that stand twice, or are lists or mappings: dotted place, line, rule and cure; what aliases share, once."""
    waiting = deque[tuple[yaml.Node, tuple[str, ...]]]([(root, ())] if root is not None else [])
    met: set[int] = set()
    while waiting:
        node, path = waiting.popleft()
        if id(node) in met:
            continue
        met.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += [(value, (*path, str(number))) for number, value in enumerate(node.value)]
        if not isinstance(node, yaml.MappingNode):
            continue
        seen: set[str] = set()
        for name, value in node.value:
            line = name.start_mark.line
            if not isinstance(name, yaml.ScalarNode):
                yield (
                    path,
                    line,
                    "a key is a list or a mapping",
                    "write the key as a plain word; a text with braces in quotes",
                )
                continue
            if name.value in seen:
                yield (*path, name.value), line, "this key stands twice", "keep one of them"
            seen.add(name.value)
            waiting.append((value, (*path, name.value)))


def read_yaml(path: Path, problems: Problems) -> Document | None:
    """Parse one file; what is wrong with it goes to `problems`.

    The answer is None when nothing could be read. With a key that stands twice the rest
    of the file is still returned, so that its other problems are told in the same go.
    """
    short = _short(path)
    try:
        if path.stat().st_size > LARGEST:
            rule = f"is larger than {LARGEST // 10**6} MB"
            problems.add(short, rule, "give the file that was meant, or divide it")
            return None
        text = path.read_text(encoding="utf-8")
        root = _nodes(text)
        for keys, line, rule, cure in _bad_keys(root):
            problems.add(f"{short}:{line + 1} {'.'.join(keys)}".rstrip(), rule, cure)
        data = _Loader("").construct_document(root) if root is not None else None
    except UnicodeDecodeError:
        problems.add(short, "is not UTF-8 text", "save the file as UTF-8")
        return None
    except OSError as error:
        problems.add(short, f"cannot be read ({error.strerror})", "check that the file exists and may be read")
        return None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{short}:{mark.line + 1}" if mark else short
        what = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
        cure = "check indentation, colons and quotes near this line"
        if any(p.place.split(" ")[0] == where for p in problems):  # a key that cannot be read is told already
            return None
        problems.add(where, f"is not valid YAML ({what})", cure)
        return None
    return Document(path, data, root)


_CURES = {
    "missing": "add the key",
    "extra_forbidden": "remove it, or correct its spelling",
    "string_type": 'write it in quotes, for example "075"',
    "string_pattern_mismatch": "write it in that form: a code with all its zeros (091), an id in lower case",
    "literal_error": "use one of the values named",
    "float_type": "write a number: digits and a decimal point, no spaces, no quotes",
    "int_type": "write a whole number: digits only, no spaces, no quotes",
    "tuple_type": "write a list, between [ and ]",
    "date_type": "write a date as 2024-01-01, without quotes",
}


def _brief(value: Any) -> str:
    """A value that is wrong, as much of it as people read."""
    said = repr(value[:LONGEST_SAID] if isinstance(value, str) else value)
    return said if len(said) < LONGEST_SAID else f"{said[: LONGEST_SAID - 3]}..."


def _rule(error: Mapping[str, Any]) -> tuple[str, str]:
    kind, message = error["type"], error["msg"]
    if kind == "missing":
        return "required, and missing", _CURES[kind]
    if kind == "extra_forbidden":
        return "unknown key", _CURES[kind]
    if kind == "too_short":
        return "is empty", "give at least one"
    value = error.get("input")
    if kind == "string_pattern_mismatch" and isinstance(value, str) and not value.strip():
        return "is blank", "write what it asks for"
    shown = f" (it is {_brief(value)})" if isinstance(value, (str, int, float, bool)) or value is None else ""
    message = message.removeprefix("Value error, ")
    return f"{message[0].lower()}{message[1:]}{shown}", _CURES.get(kind, "correct the value")


def parse[S: Spec](
    kind: type[S], document: Document, problems: Problems, keys: tuple[Any, ...] = (), **injected: Any
) -> S | None:
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
        document.tell(problems, keys, "is not a mapping of keys to values", "write `key: value` lines below it")
        return None
    try:
        return kind.model_validate({**data, **injected})
    except ValidationError as error:
        for loc, rule, cure in _told(error):
            document.tell(problems, (*keys, *loc), rule, cure)
        return None


def read_spec[S: Spec](kind: type[S], path: Path, error: type[CosteffError], title: str) -> S:
    """The one declaration that a file holds; every problem of it in one `error`."""
    problems = Problems()
    document = read_yaml(path, problems)
    found = parse(kind, document, problems) if document else None
    problems.raise_if_any(error, title)
    assert found is not None  # without one there is a problem
    return found


def _told(error: ValidationError) -> Iterator[tuple[tuple[int | str, ...], str, str]]:
    """Place, rule and cure of each fault; a list is not called empty because its items are faulty."""
    faults = error.errors(include_url=False, include_context=False)
    for fault in faults:
        loc = fault["loc"]
        if fault["type"] == "too_short" and any(
            other["loc"][: len(loc)] == loc and len(other["loc"]) > len(loc) for other in faults
        ):
            continue
        plain = (part for part in loc if not (isinstance(part, str) and part.startswith(("function-", "[key]"))))
        yield (tuple(plain), *_rule(fault))


def validation_problems(error: ValidationError, place: str) -> list[Problem]:
    """The problems of a declaration that did not come from a file."""
    return [Problem(f"{place} {'.'.join(map(str, loc))}".rstrip(), rule, cure) for loc, rule, cure in _told(error)]


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
        [
            Problem(
                str(named or here),
                "has no params/sources.yaml",
                "run inside the project, or set COSTEFF_HOME to its folder",
            )
        ],
    )
