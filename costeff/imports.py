"""What a library imports and nobody here needs."""

from __future__ import annotations

import sys

GRAMMAR = "rfc3987_syntax"


def skip_slow_grammar() -> None:
    """Keep jsonschema, which nbformat imports, from building a grammar of web addresses: seconds at every start.

    It is for a format that no notebook is checked for; jsonschema goes on without it.
    """
    sys.modules.setdefault(GRAMMAR, None)  # type: ignore[arg-type]  # None makes its import fail


def skip_dask_arrays() -> None:
    """Keep xarray from importing dask.array to see whether an array is one of Dask's: a batch has none.

    xarray asks once in a process and remembers; whoever imports dask.array later gets it all the same.
    """
    if "dask.array" in sys.modules:
        return
    sys.modules["dask.array"] = None  # type: ignore[assignment]
    try:
        from xarray.namedarray.pycompat import array_type

        array_type("dask")
    except ImportError:  # another version keeps it elsewhere, and is slower
        pass
    finally:
        del sys.modules["dask.array"]
