"""The words of the pages explained, from one file."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from costeff.errors import ParamsError, Problems
from costeff.report.words import nordic
from costeff.spec import Label, Spec, parse, read_yaml

FILE = Path(__file__).with_name("glossary.yaml")


class Term(Spec):
    """A word and what it means."""

    id: str
    term: Label
    meaning: Label


@lru_cache(maxsize=1)
def read_terms(path: Path = FILE) -> tuple[Term, ...]:
    """The words of the file.

    Raises
    ------
    ParamsError
        With everything that is wrong in it.
    """
    problems = Problems()
    document = read_yaml(path, problems)
    terms = [parse(Term, document, problems, (name,), id=name) for name in document.data] if document else []
    problems.raise_if_any(ParamsError, "The glossary of the pages does not hold")
    return tuple(term for term in terms if term)


def in_order(language: str) -> list[Term]:
    """The words by the alphabet of their language."""
    return sorted(read_terms(), key=lambda one: nordic(one.term[language]))
