"""What every page would pay for first: done once, in the process that the kernels of pages are forked from."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

# What the kernels of pages have loaded before they are forked: made for one run, so never stale.
PRELOADED = (
    *("numpy", "xarray", "scipy.io", "scipy.interpolate", "scipy.sparse", "pyarrow.pandas_compat"),
    *("costeff.report.page", "costeff.params", "costeff.report.warm:make_ready"),
)
SETTINGS = {
    "OMP_NUM_THREADS": "1",  # a kernel a worker: more threads would only get in each other's way
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


def kernels_ahead(home: Path) -> None:
    """The process that kernels are forked from begins to load its libraries, while other work is done."""
    from costeff.kernels.server import FORKS, server_for

    if FORKS:
        with suppress(OSError):  # whoever asks for a kernel meets it again, and says so
            server_for(sys.executable, PRELOADED, {**os.environ, **settings(), "COSTEFF_HOME": str(home)})


def settings() -> dict[str, str]:
    """Variables that the kernels of pages start with, where nobody has set them."""
    return {name: os.environ.get(name, value) for name, value in SETTINGS.items()}


def make_ready() -> None:
    """Read the catalogue, and the words and formats of each language."""
    from costeff.errors import CosteffError
    from costeff.imports import skip_dask_arrays
    from costeff.params import Catalogue
    from costeff.report.words import Words
    from costeff.spec import LANGUAGES

    skip_dask_arrays()
    for language in LANGUAGES:
        words = Words(language)
        words.say("Report")
        words.euros(1.0)
    with suppress(CosteffError):  # the page that is made of it says so better
        Catalogue.load()
