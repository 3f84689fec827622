"""What each value of a user's own file is, and what is wrong with it, in the user's language."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from costeff.errors import ParamsError, Problem, Problems
from costeff.spec import LANGUAGES, TO_FILL_IN, Label, Language, Spec, parse, read_yaml

GUIDE = Path(__file__).with_name("own_guide.yaml")
PROBLEMS = Path(__file__).with_name("own_problems.yaml")
SECTIONS = ("chains", "unit_costs", "price_sets", "indicators", "contracts", "scenarios", "sources")
IN = {
    "fi": Label(fi="suomeksi", sv="på finska", en="in Finnish"),
    "sv": Label(fi="ruotsiksi", sv="på svenska", en="in Swedish"),
    "en": Label(fi="englanniksi", sv="på engelska", en="in English"),
}


@lru_cache(maxsize=1)
def guide() -> dict[str, Label]:
    """By section and key, what is to be written there.

    Raises
    ------
    ParamsError
        With everything that is wrong in the file.
    """
    return _read(Label, GUIDE)


def guide_to(keys: Sequence[Any], language: Language, **choices: str) -> str:
    """What to write at a place of a user's own file; empty where nothing is known of it.

    Parameters
    ----------
    keys
        Section, id, and the keys below it.
    choices
        Texts for the words in braces, such as the models there are.
    """
    section, *path = [str(key) for key in keys if not str(key).isdigit()]
    path = path[1:]
    spoken = IN[path.pop()][language] if path and path[-1] in LANGUAGES else ""
    texts = guide()
    exact, name = texts.get(".".join((section, *path))), path[-1] if path else ""
    above = (texts.get(".".join((section, *path[:last]))) for last in range(len(path) - 1, -1, -1))
    by_name = texts.get(name) if name not in SECTIONS else None
    found = exact or by_name or next((text for text in above if text), None)
    if found is None:
        return ""
    text = found[language]
    for word, choice in choices.items():
        text = text.replace(f"{{{word}}}", choice)
    return f"{text[:-1]} ({spoken}){text[-1]}" if spoken else text


# --- problems -----------------------------------------------------------------------------------


class Told(Spec):
    """A text of a problem in the other languages; words in braces stand for what differs."""

    fi: str
    sv: str


@lru_cache(maxsize=1)
def _told() -> list[tuple[re.Pattern[str], Told]]:
    return [(_pattern(text), told) for text, told in _read(Told, PROBLEMS).items()]


def _pattern(text: str) -> re.Pattern[str]:
    """What matches a text with anything in the place of its words in braces."""
    parts = re.split(r"\{(\w+)\}", text)
    named = (f"(?P<{part}>.+?)" if odd % 2 else re.escape(part) for odd, part in enumerate(parts))
    return re.compile("".join(named), re.DOTALL)


def said(text: str, language: Language) -> str | None:
    """A rule or a cure in a language; None where it has no translation."""
    if language == "en" or not text:
        return text
    for pattern, told in _told():
        if found := pattern.fullmatch(text):
            translated: str = getattr(told, language)
            for name, value in found.groupdict().items():
                translated = translated.replace(f"{{{name}}}", said(value, language) or value)
            return translated
    return None


def explained(problems: Iterable[Problem], language: Language, **choices: str) -> list[Problem]:
    """Problems of a user's own file in the user's language, each with what is to be written at its place.

    A text that has no translation stays as it is.
    """
    return [Problem(one.place, said(one.rule, language) or one.rule, _cure(one, language, choices)) for one in problems]


def _cure(problem: Problem, language: Language, choices: dict[str, str]) -> str:
    where, _, dotted = problem.place.partition(" ")
    keys = dotted.split(".") if ":" in where else [where, *dotted.split(".")]  # of a file, or of the catalogue
    hint = guide_to(keys, language, **choices) if dotted else ""
    cure = "" if hint and problem.rule == TO_FILL_IN else said(problem.cure, language) or problem.cure
    return ". ".join(part for part in (cure, hint) if part)


def _read[S: Spec](kind: type[S], path: Path) -> dict[str, S]:
    problems = Problems()
    document = read_yaml(path, problems)
    found = {str(key): parse(kind, document, problems, (key,)) for key in document.data} if document else {}
    problems.raise_if_any(ParamsError, f"{path.name} does not hold")
    return {key: one for key, one in found.items() if one}
