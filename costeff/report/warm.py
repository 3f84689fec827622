"""One page told before kernels are forked, so that none of them pays again for what a first use costs."""

from __future__ import annotations

import os

APPRAISAL = "COSTEFF_WARM_APPRAISAL"  # the file and the municipality of a page, separated by a line break
PARTS = ("answer", "who_pays", "how_sure", "steering", "sources")


def tell_once() -> None:
    """Tell the page that the environment names: fonts, formats of numbers, readers of files are then at hand."""
    from costeff.errors import CosteffError
    from costeff.report.page import open_page
    from costeff.report.words import Words
    from costeff.spec import LANGUAGES

    path, _, municipality = os.environ.get(APPRAISAL, "").partition("\n")
    for language in LANGUAGES:
        Words(language).euros(1.0)
    if not path:
        return
    try:
        page = open_page(path, municipality, LANGUAGES[0])
        for part in PARTS:
            getattr(page, part)()._repr_mimebundle_()
    except CosteffError:  # the page that is made of it says so better
        return
