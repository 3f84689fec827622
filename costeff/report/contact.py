"""Who publishes pages and answers for their accessibility, as the publisher writes it; nothing of it is made up."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self

from markupsafe import Markup
from pydantic import Field, StringConstraints, model_validator

from costeff.errors import ParamsError
from costeff.report.markup import Cell, link, tag, terms
from costeff.report.words import Words
from costeff.spec import Label, Spec, Text, read_spec

Email = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$", max_length=200)
]
Address = Annotated[
    str, StringConstraints(pattern=r"^https://[A-Za-z0-9.-]+(:[0-9]+)?(/[^\s\"'<>\\]*)?$", max_length=500)
]
Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9][0-9 ]{4,20}$")]


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
    shortcomings: Annotated[tuple[Label, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _told(self) -> Self:
        if self.meets != "fully" and not self.shortcomings:
            raise ValueError("shortcomings are not named, though the requirements are not met fully")
        return self


class Contact(Spec):
    """The publisher, and where feedback on accessibility goes: an e-mail address or a form, as the law asks."""

    publisher: Label
    email: Email | None = None
    form: Address | None = None
    phone: Phone | None = None
    where: Text | None = None  # a postal address
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
    ParamsError
        With file, line, key, rule and cure of everything that is wrong.
    """
    return read_spec(Contact, path, ParamsError, "The contact of the publisher does not hold")


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
