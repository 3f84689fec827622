"""Who publishes pages and answers for their accessibility, as the publisher writes it; nothing of it is made up."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self

from markupsafe import Markup
from pydantic import AfterValidator, Field, model_validator

from costeff.errors import UsageError
from costeff.report.markup import Cell, link, tag, terms
from costeff.report.words import Words
from costeff.spec import LANGUAGES, Label, Spec, Text, read_spec

LONGEST_LINE, LONGEST_TEXT = 300, 2_000  # characters


def _like(form: str, what: str) -> AfterValidator:
    def check(text: str) -> str:
        if len(text) > LONGEST_LINE or not re.fullmatch(form, text):
            raise ValueError(f"is not {what}")
        return text

    return AfterValidator(check)


def _at_most(longest: int) -> AfterValidator:
    def check[T: (str, Label)](given: T) -> T:
        texts = [given] if isinstance(given, str) else [given[language] for language in LANGUAGES]
        if max(map(len, texts)) > longest:
            raise ValueError(f"is longer than {longest} characters")
        return given

    return AfterValidator(check)


Email = Annotated[
    str, _like(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", "an e-mail address, such as name@example.org")
]
Address = Annotated[
    str,
    _like(r"https://[A-Za-z0-9.-]+(:[0-9]+)?(/[^\s\"'<>\\]*)?", "a web address, such as https://www.example.org/form"),
]
Phone = Annotated[str, _like(r"\+?[0-9][0-9 ]{4,20}", "a telephone number, such as +358 9 123 456")]
Line = Annotated[Label, _at_most(LONGEST_LINE)]
Paragraph = Annotated[Label, _at_most(LONGEST_TEXT)]


class Assessment(Spec):
    """How far the site meets the requirements, as its publisher has found.

    Attributes
    ----------
    date
        When it was assessed.
    meets
        The requirements of WCAG 2.1 A and AA: fully, partly or not.
    by
        The publisher itself, or somebody outside.
    shortcomings
        What is not accessible and why, in three languages.
    """

    date: date
    meets: Literal["fully", "partly", "not"]
    by: Literal["publisher", "outsider"]
    shortcomings: Annotated[tuple[Paragraph, ...], Field(strict=False, max_length=100)] = ()

    @model_validator(mode="after")
    def _told(self) -> Self:
        if self.meets != "fully" and not self.shortcomings:
            raise ValueError("shortcomings are not named, though the requirements are not met fully")
        return self


class Contact(Spec):
    """The publisher, and where feedback on accessibility goes: an e-mail address or a form, as the law asks."""

    publisher: Line
    email: Email | None = None
    form: Address | None = None
    phone: Phone | None = None
    where: Annotated[Text, _at_most(LONGEST_LINE)] | None = None  # a postal address
    assessment: Assessment | None = None

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if not (self.email or self.form):
            raise ValueError("neither email nor form is given, and feedback must have an electronic way")
        return self


def read_contact(path: Path) -> Contact:
    """The contact of a YAML file.

    Raises
    ------
    UsageError
        With file, line, key, rule and cure of everything that is wrong.
    """
    return read_spec(Contact, path, UsageError, "The contact of the publisher does not hold")


def ways(contact: Contact, words: Words) -> Markup:
    """Where feedback goes."""
    rows: list[tuple[str, Cell]] = []
    if contact.email:
        rows.append((words.say("E-mail"), tag("a", contact.email, href=f"mailto:{contact.email}")))
    if contact.form:
        rows.append((words.say("Form"), link(contact.form, contact.form)))
    if contact.phone:
        rows.append((words.say("Telephone"), contact.phone))
    if contact.where:
        rows.append((words.say("Address"), contact.where))
    return terms(rows)
