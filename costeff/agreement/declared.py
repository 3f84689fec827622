"""The base of what is agreed on: a change that does not hold together is told as a user's mistake."""

from __future__ import annotations

from typing import Any, Self

from pydantic import ValidationError

from costeff.errors import UsageError
from costeff.spec import Spec, validation_problems


class Declared(Spec):
    """A declaration that is changed in a notebook."""

    def override(self, **changes: Any) -> Self:
        """A new, checked declaration with some values changed.

        Raises
        ------
        UsageError
            With everything that does not hold together.
        """
        try:
            return super().override(**changes)
        except ValidationError as error:
            kind = type(self).__name__.lower()
            place = f"{kind} {getattr(self, 'id', '')}".rstrip()
            problems = validation_problems(error, place)
            raise UsageError(f"The changed {kind} does not hold together", problems) from error
