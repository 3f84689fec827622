"""What every page would pay for first: done once before kernels are forked."""

from __future__ import annotations

from contextlib import suppress


def make_ready() -> None:
    """Read the catalogue, and the words and formats of each language."""
    from costeff.errors import CosteffError
    from costeff.imports import skip_dask_arrays
    from costeff.params import Catalogue
    from costeff.report.words import Words
    from costeff.spec import LANGUAGES

    skip_dask_arrays()
    for language in LANGUAGES:
        Words(language).euros(1.0)
    with suppress(CosteffError):  # the page that is made of it says so better
        Catalogue.load()
